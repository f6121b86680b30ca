/* The event loop in C. A turn: move what is due from the timers to the ready ring, then run as many ready entries as there were. Running is a chain of
 * continuations (tiny_then_call, tiny_then_send), each of which ends in loop_turn; run_forever returns when stop() was called. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "stdlib/aio.h"
#include "stdlib/stdlib.h"
#include "stdlib/contextvars.h"

static void data_trace(tiny_tracer *t, void *p) {
  AioData *d = p;
  tiny_trace(t, d->running);
  tiny_trace(t, d->cancelled_error);
  tiny_trace(t, d->invalid_state);
}

AioData *aio_data(tiny_vm *vm) {
  static const char key = 0;
  return tiny_module_data(vm, &key, sizeof(AioData), data_trace, NULL);
}

Loop *aio_loop(tiny_vm *vm, tiny_val loop) { return tiny_data(vm, loop, &aio_loop_class); }

bool loop_check_closed(tiny_vm *vm, Loop *l) {
  if (!l->closed) return true;
  tiny_raise(vm, TINY_RUNTIME_ERROR, "Event loop is closed");
  return false;
}

static void loop_trace(tiny_tracer *t, void *data) {
  Loop *l = data;
  for (size_t i = 0; i < l->ready_len; i++) tiny_trace(t, l->ready[(l->ready_at + i) & (l->ready_cap - 1)]);
  for (size_t i = 0; i < l->n_timers; i++) tiny_trace(t, l->timers[i].handle);
  for (size_t i = 0; i < l->n_tasks; i++) tiny_trace(t, l->tasks[i]);
  for (int i = 0; i < 4; i++) tiny_trace(t, l->groups[i]);
  tiny_trace(t, l->current);
  tiny_trace(t, l->factory);
  tiny_trace(t, l->previous_loop);
  tiny_trace(t, l->outside);
}

static void release_poller(tiny_vm *vm, Loop *l) {
  Poller p = l->poller;
  l->poller = (Poller){0};
  if (p.release) p.release(vm, p.data);
}

static void loop_destroy(tiny_vm *vm, void *data) {
  Loop *l = data;
  release_poller(vm, l);
  if (l->ready) tiny_alloc(vm, l->ready, l->ready_cap * sizeof *l->ready, 0);
  if (l->timers) tiny_alloc(vm, l->timers, l->cap_timers * sizeof *l->timers, 0);
  if (l->tasks) tiny_alloc(vm, l->tasks, l->cap_tasks * sizeof *l->tasks, 0);
  l->ready = NULL;
  l->timers = NULL;
  l->tasks = NULL;
}

static double clock_now(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}
void loop_step_begins(Loop *l) { l->step_began = clock_now(); }
static double loop_time(const Loop *l) { return l->virtual_clock ? (double)l->clock->now_ns / 1e9 : clock_now(); }

/* ---- contexts, callbacks */

bool loop_enter(tiny_vm *vm, Loop *l, tiny_val context) {
  tiny_val previous;
  if (!l->context && !(l->context = context_slot(vm))) return (void)tiny_no_memory(vm), false;
  if (tiny_is_none(context) && tiny_is_none(*l->context)) { /* the usual case: no script has set a context variable */
    l->outside = TINY_NONE;
    l->inside = true;
    return true;
  }
  if (!context_enter(vm, context, &previous)) return false;
  tiny_store(vm, l->self, &l->outside, previous);
  l->inside = true;
  return true;
}

tiny_val loop_leave(tiny_vm *vm, Loop *l) {
  tiny_val previous = l->outside;
  l->outside = TINY_NONE;
  l->inside = false;
  if (tiny_is_none(previous) && l->context && tiny_is_none(*l->context)) return TINY_NONE;
  return context_leave(vm, previous);
}

tiny_val loop_call_soon(tiny_vm *vm, tiny_val loop, tiny_val callback, tiny_val args, tiny_val context) {
  tiny_val h = handle_new(vm, false, loop, callback, args, context);
  return !tiny_failed(h) && loop_add_ready(vm, loop, h) ? h : TINY_FAIL;
}

/* ---- running */

/* What a callback raised goes to the exception handler, but for the two that end programs. */
tiny_val handle_raised(tiny_vm *vm, tiny_val loop, tiny_val handle, tiny_val exc) {
  if (tiny_isinstance(vm, exc, tiny_exc_class(vm, TINY_KEYBOARD_INTERRUPT)) == 1 || tiny_isinstance(vm, exc, tiny_exc_class(vm, TINY_SYSTEM_EXIT)) == 1)
    return tiny_raise_value(vm, exc);
  Handle *h = tiny_data(vm, handle, &aio_handle_class); /* or a Task, whose step could not begin */
  tiny_val argv[2] = {h ? h->callback : TINY_NONE, h ? h->args : TINY_NONE}, helpers = tiny_import(vm, "asyncio.format_helpers");
  tiny_val text = tiny_format(vm, "Exception in callback %S", h ? tiny_call_method(vm, helpers, "_format_callback_source", 2, argv) : tiny_string(vm, "Task.task_step()"));
  tiny_val context = tiny_dict(vm);
  if (tiny_failed(text) || tiny_failed(context) || !tiny_dict_set(vm, context, "message", text) || !tiny_dict_set(vm, context, "exception", exc) ||
      !tiny_dict_set(vm, context, h ? "handle" : "task", handle) || (h && !tiny_is_none(h->source) && !tiny_dict_set(vm, context, "source_traceback", h->source)))
    return TINY_FAIL;
  tiny_val told[2] = {context, exc};
  return tiny_tail_call(vm, tiny_getattr(vm, loop, "_callback_raised"), 2, told);
}

/* Debug mode: a step or callback that held the loop for too long is reported. */
bool loop_took(tiny_vm *vm, tiny_val loop, Loop *l, tiny_val what) {
  double took = clock_now() - l->step_began, limit;
  if (!tiny_to_float(vm, tiny_getattr(vm, loop, "slow_callback_duration"), &limit)) return false;
  tiny_val argv[2] = {what, tiny_float(vm, took)};
  return took < limit || !tiny_failed(tiny_call_method(vm, loop, "_slow_callback", 2, argv));
}

static tiny_val reported(tiny_vm *vm, tiny_val loop, tiny_outcome how, tiny_val v) { return how == TINY_RAISED ? tiny_raise_value(vm, v) : loop_turn(vm, aio_loop(vm, loop)); }

static tiny_val report_raised(tiny_vm *vm, tiny_args *a) { return handle_raised(vm, tiny_bound(a), tiny_arg(a, 0), tiny_arg(a, 1)); }

/* What a handle raised is reported, then the turn goes on. */
static tiny_val report(tiny_vm *vm, tiny_val loop, tiny_val handle, tiny_val exc) {
  static const tiny_def row = {"_report", report_raised, "(handle, exception, /)", NULL};
  tiny_val argv[2] = {handle, exc}, fn = tiny_function(vm, &row, loop);
  return tiny_failed(fn) ? TINY_FAIL : tiny_then_call(vm, reported, loop, fn, 2, argv);
}

/* It could not begin, as the pending exception says: its context is no context, or one that is entered already. */
tiny_val loop_not_entered(tiny_vm *vm, Loop *l, tiny_val what) { return report(vm, l->self, what, tiny_take_exception(vm)); }

/* state: (loop, handle) */
static tiny_val handle_done(tiny_vm *vm, tiny_val state, tiny_outcome how, tiny_val v) {
  tiny_val loop = tiny_seq_item(state, 0), handle = tiny_seq_item(state, 1);
  Loop *l = aio_loop(vm, loop);
  (void)loop_leave(vm, l);
  if (how == TINY_RAISED) return report(vm, loop, handle, v);
  if (l->debug && !loop_took(vm, loop, l, handle)) return TINY_FAIL;
  return loop_turn(vm, l);
}

static tiny_val run_handle(tiny_vm *vm, Loop *l, tiny_val handle, Handle *h) {
  tiny_val parts[2] = {l->self, handle}, state = tiny_tuple(vm, 2, parts);
  if (tiny_failed(state)) return TINY_FAIL;
  if (l->debug) l->step_began = clock_now();
  int n = tiny_seq_len(h->args);
  if (n < 0) {
    tiny_raise(vm, TINY_TYPE_ERROR, "the arguments of a handle must be a tuple or list");
    return loop_not_entered(vm, l, handle);
  }
  tiny_val small[8], *argv = small;
  if (n > 8 && !(argv = tiny_alloc(vm, NULL, 0, (size_t)n * sizeof *argv))) return tiny_no_memory(vm);
  for (int i = 0; i < n; i++) argv[i] = tiny_seq_item(h->args, i);
  tiny_val r = !loop_enter(vm, l, h->context) ? loop_not_entered(vm, l, handle) : tiny_then_call(vm, handle_done, state, h->callback, n, argv);
  if (argv != small) tiny_alloc(vm, argv, (size_t)n * sizeof *argv, 0);
  return r;
}

/* Sleeps until the next timer (until < 0: there is none), or until an operation of the host is completed. */
static bool pass_time(tiny_vm *vm, Loop *l, double until) {
  if (l->virtual_clock) {
    int64_t ns = until > 9e9 ? INT64_C(9000000000000000000) : (int64_t)(until * 1e9 + 0.5); /* timers due within a nanosecond run */
    if (ns > l->clock->now_ns) l->clock->now_ns = ns;
    return true;
  }
  double left = -1;
  while (l->ready_len == 0 && !ops_ready(l->ops) && (until < 0 || (left = until - loop_time(l)) > 0)) /* a handler of signals may have made something ready */
    if (!aio_wait(vm, left)) return false;
  return tiny_poll(vm);
}

/* Nothing is ready, no timer runs, nothing outside is awaited: only a signal can go on from here. */
static bool wait_signal(tiny_vm *vm, tiny_val loop, Loop *l) {
  if (!tiny_poll_signals(vm)) return false;
  if (l->ready_len || l->n_timers) return true;
  if (l->virtual_clock || !signals_awaited(vm)) return !tiny_failed(tiny_call_method(vm, loop, "_deadlock", 0, NULL));
  return aio_wait(vm, -1);
}

double loop_wait_time(tiny_vm *vm, Loop *l) {
  loop_drop_cancelled(vm, l);
  if (l->ready_len || ops_ready(l->ops)) return 0;
  if (!l->n_timers) return -1;
  double wait = l->timers[0].when - loop_time(l);
  return wait > 0 ? wait : 0;
}

/* Waits for the outside. When nothing happens for a while, what has become garbage goes back to the system: an idle server is small. */
static bool wait_outside(tiny_vm *vm, Loop *l, double seconds) {
  int pays = tiny_trim_pays(vm);
  double pause = pays > 1 ? 0.001 : 1;
  if ((seconds >= 0 && seconds <= pause) || !pays) return l->poller.wait(vm, l->poller.data, seconds);
  if (!l->poller.wait(vm, l->poller.data, pause)) return false;
  if (l->ready_len == 0) tiny_trim(vm);
  return !tiny_pending(vm);
}

/* Begins a turn: waits if nothing is ready, collects due timers. 1: go on, -1: failed. */
static int begin_turn(tiny_vm *vm, tiny_val loop, Loop *l) {
  loop_drop_cancelled(vm, l);
  bool waiting = ops_waiting(l->ops), outside = l->poller.wait && (waiting || l->poller.active(l->poller.data));
  if (l->tick && !tiny_poll_signals(vm)) return -1; /* a tick may run no script code, and so come to no safe point */
  if (l->ready_len == 0 && !l->stopping && !l->tick) {
    if (l->n_timers == 0 && !outside && !waiting) return wait_signal(vm, loop, l) ? 1 : -1;
    double wait = loop_wait_time(vm, l);
    if (outside && !l->virtual_clock) {
      if (!wait_outside(vm, l, wait)) return -1;
    } else if (!pass_time(vm, l, !l->n_timers ? -1 : l->timers[0].when > 0 ? l->timers[0].when : 0)) {
      return -1;
    }
  } else if ((outside || l->tick) && l->poller.wait && !l->poller.wait(vm, l->poller.data, 0)) {
    return -1;
  } else if (l->tick && l->virtual_clock && l->ready_len == 0 && l->n_timers && !pass_time(vm, l, l->timers[0].when)) {
    return -1;
  }
  if (ops_ready(l->ops) && !ops_deliver(vm, l->ops)) return -1;
  double now = l->n_timers ? loop_time(l) + 1e-9 : 0; /* the clock's resolution, as asyncio adds it */
  while (l->n_timers && l->timers[0].when < now) {
    bool dead;
    tiny_val handle = loop_pop_timer(vm, l, &dead);
    if (!dead && !ready_push(vm, l, handle)) return -1;
  }
  l->batch = l->ready_len;
  return 1;
}

static void ended(tiny_vm *vm, tiny_val loop, Loop *l) {
  (void)loop;
  l->running = l->stopping = false;
  if (l->virtual_clock) l->clock->loops--;
  if (l->inside) (void)loop_leave(vm, l); /* a limit or an exit went through a step */
  l->current = TINY_NONE;
  aio_data(vm)->running = l->previous_loop;
  l->previous_loop = TINY_NONE;
}

/* A limit of the host ends scripts, and the turns of a loop with them, without any continuation. Whoever asks next for the running loop finds that out by the number of
 * limits that have struck, and puts it in order: its task has lost its coroutine. */
static void abandon(tiny_vm *vm, tiny_val loop, Loop *l) {
  Task *t = aio_task(vm, l->current);
  l->batch = 0;
  ended(vm, loop, l);
  tiny_set_asyncgen_hooks(vm, TINY_NONE, TINY_NONE);
  if (!t || t->f.state != FUT_PENDING) return;
  loop_drop_task(vm, l, t);
  (void)tiny_raise(vm, TINY_RUNTIME_ERROR, "a limit of the host ended this task");
  if (!future_fail_quietly(vm, &t->f, tiny_take_exception(vm))) tiny_clear_error(vm);
}

tiny_val aio_running(tiny_vm *vm) {
  AioData *d = aio_data(vm);
  if (!d) return TINY_NONE;
  while (d->limits != tiny_limits_struck(vm) && !tiny_is_none(d->running) && !tiny_pending(vm)) {
    tiny_val loop = d->running;
    Loop *l = aio_loop(vm, loop);
    if (l && l->running) abandon(vm, loop, l);
    else d->running = TINY_NONE;
    if (tiny_is_none(d->running)) d->limits = tiny_limits_struck(vm);
  }
  return d->running;
}

static void set_running(tiny_vm *vm, tiny_val loop) {
  AioData *d = aio_data(vm);
  d->running = loop;
  d->limits = tiny_limits_struck(vm);
}

/* An entry of the ring that is no task: a Handle, or a Future to be completed. A Handle that runs: what loop_turn is to return; else TINY_NONE: go on. */
static tiny_val run_other(tiny_vm *vm, Loop *l, tiny_val what) {
  Handle *h = tiny_data(vm, what, &aio_handle_class);
  if (h) return h->cancelled ? TINY_NONE : run_handle(vm, l, what, h);
  Future *f = aio_future(vm, what);
  return f->state != FUT_PENDING || future_finish(vm, f, f->value) ? TINY_NONE : TINY_FAIL;
}

tiny_val loop_turn(tiny_vm *vm, Loop *l) {
  for (;;) {
    if (l->batch == 0) {
      if (l->stopping) return TINY_NONE;
      if (begin_turn(vm, l->self, l) < 0) return TINY_FAIL;
      if (l->tick && (l->batch == 0 || (l->tick_end && clock_now() >= l->tick_end))) return TINY_NONE;
      if (l->batch == 0 && l->stopping) return TINY_NONE;
      if (l->batch == 0) continue;
    }
    if (l->tick && l->tick_end && (l->batch & 15) == 0 && clock_now() >= l->tick_end) return TINY_NONE;
    tiny_val what = l->ready[l->ready_at];
    l->ready_at = (l->ready_at + 1) & (l->ready_cap - 1);
    l->ready_len--;
    l->batch--;
    Task *t = aio_task(vm, what);
    if (t && t->f.state == FUT_PENDING) return task_wakeup(vm, l, what, t);
    tiny_val v = t ? TINY_NONE : run_other(vm, l, what);
    if (!tiny_is_none(v)) return v;
  }
}

/* The turns are over, or an exception went through them. */
static tiny_val run_done(tiny_vm *vm, tiny_val loop, tiny_outcome how, tiny_val v) {
  Loop *l = aio_loop(vm, loop);
  l->batch = 0;
  ended(vm, loop, l);
  return how == TINY_RAISED ? tiny_raise_value(vm, v) : TINY_NONE;
}

static tiny_val start(tiny_vm *vm, tiny_args *a) { return loop_turn(vm, aio_loop(vm, tiny_bound(a))); }

#define LOOP(name) Loop *name = aio_loop(vm, tiny_arg(a, 0)); if (!name) return tiny_raise(vm, TINY_TYPE_ERROR, "event loop object is required")

static tiny_val run(tiny_vm *vm, tiny_val loop, Loop *l, bool tick, double tick_end) {
  tiny_val running = aio_running(vm);
  if (!loop_check_closed(vm, l)) return TINY_FAIL;
  if (l->running) return tiny_raise(vm, TINY_RUNTIME_ERROR, "This event loop is already running");
  if (!tiny_is_none(running)) return tiny_raise(vm, TINY_RUNTIME_ERROR, "Cannot run the event loop while another loop is running");
  static const tiny_def turn = {"_turn", start, "()", NULL};
  tiny_val fn = tiny_function(vm, &turn, loop);
  if (tiny_failed(fn)) return fn;
  l->previous_loop = running;
  set_running(vm, loop);
  l->running = true;
  l->tick = tick;
  l->tick_end = tick_end;
  if (l->virtual_clock) l->clock->loops++;
  l->batch = 0;
  return tiny_then_call(vm, run_done, loop, fn, 0, NULL);
}
static tiny_val l_run_forever(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  return run(vm, tiny_arg(a, 0), l, false, 0);
}
/* _run_tick(seconds): what is ready, for so long at most (negative: until nothing is); never waits. */
static tiny_val l_run_tick(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  double seconds = tiny_arg_float(a, 1);
  return run(vm, tiny_arg(a, 0), l, true, seconds < 0 ? 0 : clock_now() + seconds);
}

/* ---- methods */

/* Has a script's class none of its own of the methods that sleep() goes round? */
static bool has_plain_timers(tiny_vm *vm, tiny_val loop) {
  static const char *const names[] = {"call_later", "call_at", "time", "create_future"};
  tiny_val ours = tiny_class_of(vm, &aio_loop_class), its = tiny_getattr(vm, loop, "__class__");
  for (int i = 0; i < 4; i++)
    if (!tiny_is(tiny_getattr(vm, its, names[i]), tiny_getattr(vm, ours, names[i]))) return false;
  return true;
}

static tiny_val l_init(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  l->plain_timers = has_plain_timers(vm, tiny_arg(a, 0));
  if (tiny_pending(vm)) return TINY_FAIL;
  l->self = tiny_arg(a, 0);
  l->current = l->previous_loop = l->outside = l->factory = TINY_NONE;
  l->virtual_clock = tiny_is_none(tiny_arg(a, 1)) ? clock_virtual(vm) != NULL : tiny_truth(vm, tiny_arg(a, 1)) == 1;
  return !l->virtual_clock || (l->clock = clock_data(vm)) ? TINY_NONE : TINY_FAIL;
}
static tiny_val l_time(tiny_vm *vm, tiny_args *a) { LOOP(l); return tiny_float(vm, loop_time(l)); }
static tiny_val l_stop(tiny_vm *vm, tiny_args *a) { LOOP(l); (void)vm; l->stopping = true; return TINY_NONE; }
static tiny_val l_is_running(tiny_vm *vm, tiny_args *a) { LOOP(l); (void)aio_running(vm); return tiny_bool(l->running); }
static tiny_val l_is_closed(tiny_vm *vm, tiny_args *a) { LOOP(l); return tiny_bool(l->closed); }
static tiny_val l_close(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  (void)aio_running(vm);
  if (l->running) return tiny_raise(vm, TINY_RUNTIME_ERROR, "Cannot close a running event loop");
  l->closed = true;
  release_poller(vm, l);
  for (int i = 0; i < 4; i++) l->groups[i] = TINY_NONE;
  l->ready_len = l->n_timers = l->n_cancelled = l->batch = 0;
  return TINY_NONE;
}

static bool callable_callback(tiny_vm *vm, tiny_val cb, const char *method) {
  tiny_val c = tiny_getattr(vm, tiny_import(vm, "asyncio.base_events"), "_check_callback"), argv[2] = {cb, tiny_string(vm, method)};
  return !tiny_failed(tiny_call(vm, c, 2, argv));
}

static tiny_val call_soon(tiny_vm *vm, tiny_args *a, const char *method) {
  LOOP(l);
  if (!loop_check_closed(vm, l)) return TINY_FAIL;
  tiny_val cb = tiny_arg(a, 1);
  if (l->debug && !callable_callback(vm, cb, method)) return TINY_FAIL;
  return loop_call_soon(vm, tiny_arg(a, 0), cb, tiny_arg(a, 2), tiny_arg(a, 3));
}
static tiny_val l_call_soon(tiny_vm *vm, tiny_args *a) { return call_soon(vm, a, "call_soon"); }
static tiny_val l_call_soon_threadsafe(tiny_vm *vm, tiny_args *a) { return call_soon(vm, a, "call_soon_threadsafe"); }

static tiny_val add_timer(tiny_vm *vm, tiny_val loop, Loop *l, double when, tiny_val cb, tiny_val args, tiny_val context) {
  tiny_val self = handle_new(vm, true, loop, cb, args, context);
  if (tiny_failed(self)) return self;
  Handle *h = tiny_data(vm, self, &aio_handle_class);
  h->scheduled = true;
  h->when = when;
  return loop_add_timer(vm, l, when, self) ? self : TINY_FAIL;
}

static tiny_val timer_method(tiny_vm *vm, tiny_args *a, bool relative) {
  LOOP(l);
  double when;
  if (tiny_is_none(tiny_arg(a, 1))) return tiny_raise(vm, TINY_TYPE_ERROR, relative ? "delay must not be None" : "when cannot be None");
  if (!tiny_to_float(vm, tiny_arg(a, 1), &when) || !loop_check_closed(vm, l)) return TINY_FAIL;
  tiny_val cb = tiny_arg(a, 2);
  if (l->debug && !callable_callback(vm, cb, "call_at")) return TINY_FAIL;
  return add_timer(vm, tiny_arg(a, 0), l, relative ? loop_time(l) + when : when, cb, tiny_arg(a, 3), tiny_arg(a, 4));
}
static tiny_val l_call_later(tiny_vm *vm, tiny_args *a) { return timer_method(vm, a, true); }
static tiny_val l_call_at(tiny_vm *vm, tiny_args *a) { return timer_method(vm, a, false); }

static tiny_val l_create_future(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  (void)l;
  return aio_new_future(vm, tiny_arg(a, 0));
}

static tiny_val l_create_task(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  if (tiny_is_none(l->factory)) return task_new(vm, tiny_arg(a, 0), tiny_arg(a, 1), tiny_arg(a, 2), tiny_arg(a, 3));
  tiny_val argv[5] = {tiny_arg(a, 0), l->factory, tiny_arg(a, 1), tiny_arg(a, 2), tiny_arg(a, 3)};
  return tiny_tail_call(vm, tiny_getattr(vm, tiny_import(vm, "asyncio.base_events"), "_task_of_factory"), 5, argv);
}
static tiny_val l_get_factory(tiny_vm *vm, tiny_args *a) { LOOP(l); (void)vm; return l->factory; }
static tiny_val l_set_factory(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  if (!tiny_is_none(tiny_arg(a, 1)) && !tiny_hasattr(vm, tiny_arg(a, 1), "__call__"))
    return tiny_pending(vm) ? TINY_FAIL : tiny_raise(vm, TINY_TYPE_ERROR, "task factory must be a callable or None");
  tiny_store(vm, tiny_arg(a, 0), &l->factory, tiny_arg(a, 1));
  return TINY_NONE;
}

static tiny_val l_tasks(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  return tiny_list(vm, (int)l->n_tasks, l->tasks);
}
static tiny_val l_current(tiny_vm *vm, tiny_args *a) { LOOP(l); (void)vm; return l->current; }
static tiny_val l_enter_task(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  if (!tiny_is_none(l->current)) return tiny_raise(vm, TINY_RUNTIME_ERROR, "Cannot enter into task %R while another task %R is being executed.", tiny_arg(a, 1), l->current);
  tiny_store(vm, tiny_arg(a, 0), &l->current, tiny_arg(a, 1));
  return TINY_NONE;
}
static tiny_val l_leave_task(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  if (!tiny_is(l->current, tiny_arg(a, 1))) return tiny_raise(vm, TINY_RUNTIME_ERROR, "Leaving task %R does not match the current task %R.", tiny_arg(a, 1), l->current);
  l->current = TINY_NONE;
  return TINY_NONE;
}
static tiny_val l_get_debug(tiny_vm *vm, tiny_args *a) { LOOP(l); return tiny_bool(l->debug); }
static tiny_val l_set_debug(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  int on = tiny_truth(vm, tiny_arg(a, 1));
  if (on < 0) return TINY_FAIL;
  l->debug = on;
  loop_step_begins(l);
  return TINY_NONE;
}
static tiny_val g_ready(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  tiny_val list = tiny_list(vm, 0, NULL);
  for (size_t i = 0; i < l->ready_len && !tiny_failed(list); i++)
    if (!tiny_list_append(vm, list, l->ready[(l->ready_at + i) & (l->ready_cap - 1)])) return TINY_FAIL;
  return list;
}
static tiny_val g_scheduled(tiny_vm *vm, tiny_args *a) {
  LOOP(l);
  tiny_val list = tiny_list(vm, 0, NULL);
  for (size_t i = 0; i < l->n_timers && !tiny_failed(list); i++)
    if (!tiny_list_append(vm, list, l->timers[i].handle)) return TINY_FAIL;
  return list;
}
/* Has any future of this loop had an exception? */
static tiny_val g_failed(tiny_vm *vm, tiny_args *a) { LOOP(l); (void)vm; return tiny_bool(l->failed); }
static tiny_val g_task_count(tiny_vm *vm, tiny_args *a) { LOOP(l); return tiny_int(vm, (int64_t)l->n_tasks); }
static tiny_val l_timer_count(tiny_vm *vm, tiny_args *a) { LOOP(l); return tiny_int(vm, (int64_t)(l->n_timers - l->n_cancelled)); }

static const tiny_def loop_methods[] = {{"__init__", l_init, "(self, virtual=None)", NULL}, {"run_forever", l_run_forever, "(self, /)", "Run until stop() is called."},
    {"_run_tick", l_run_tick, "(self, seconds: float, /)", NULL},
    {"time", l_time, "(self, /)", "The loop's clock in seconds."}, {"stop", l_stop, "(self, /)", "Stop after the current turn."}, {"is_running", l_is_running, "(self, /)", NULL},
    {"is_closed", l_is_closed, "(self, /)", NULL}, {"close", l_close, "(self, /)", NULL}, {"call_soon", l_call_soon, "(self, callback, *args, context=None)", NULL},
    {"call_soon_threadsafe", l_call_soon_threadsafe, "(self, callback, *args, context=None)", NULL}, {"call_later", l_call_later, "(self, delay, callback, *args, context=None)", NULL},
    {"call_at", l_call_at, "(self, when, callback, *args, context=None)", NULL}, {"create_future", l_create_future, "(self, /)", NULL}, {"create_task", l_create_task, "(self, coro, *, name=None, context=None)", "Schedule a coroutine object."},
    {"get_task_factory", l_get_factory, "(self, /)", NULL}, {"set_task_factory", l_set_factory, "(self, factory)", NULL}, {"_all_tasks", l_tasks, "(self, /)", NULL},
    {"get_debug", l_get_debug, "(self, /)", NULL}, {"set_debug", l_set_debug, "(self, enabled, /)", NULL}, {"_enter_task", l_enter_task, "(self, task, /)", NULL},
    {"_leave_task", l_leave_task, "(self, task, /)", NULL}, {"@_failed", g_failed, "(self, /)", NULL}, {"@_task_count", g_task_count, "(self, /)", NULL}, {"@_ready", g_ready, "(self, /)", NULL}, {"@_scheduled", g_scheduled, "(self, /)", NULL},
    {"_current_task", l_current, "(self, /)", NULL}, {"_timer_count", l_timer_count, "(self, /)", NULL}, {0}};
const tiny_class aio_loop_class = {.name = "_asyncio.Loop", .data_size = sizeof(Loop), .methods = loop_methods, .trace = loop_trace, .destroy = loop_destroy, .flags = TINY_CLASS_DICT};

/* ---- module */

static tiny_val m_running(tiny_vm *vm, tiny_args *a) { (void)a; return aio_running(vm); }
static tiny_val m_set_running(tiny_vm *vm, tiny_args *a) { set_running(vm, tiny_arg(a, 0)); return TINY_NONE; }
static tiny_val m_setup(tiny_vm *vm, tiny_args *a) {
  AioData *d = aio_data(vm);
  d->cancelled_error = tiny_arg(a, 0);
  d->invalid_state = tiny_arg(a, 1);
  return TINY_NONE;
}

static tiny_val m_running_loop(tiny_vm *vm, tiny_args *a) {
  (void)a;
  tiny_val loop = aio_running(vm);
  return tiny_is_none(loop) ? tiny_raise(vm, TINY_RUNTIME_ERROR, "no running event loop") : loop;
}

/* _sleep(delay, result): a future that the running loop completes then, by an entry of its own in the heap of timers. None: the loop's class or its debug mode want
 * a Handle there. The entry becomes ready, and completes the future in its place in the turn, as the callback of a Handle would. */
static tiny_val m_sleep(tiny_vm *vm, tiny_args *a) {
  tiny_val loop = m_running_loop(vm, a);
  if (tiny_failed(loop)) return loop;
  Loop *l = aio_loop(vm, loop);
  double delay;
  if (!l || !l->plain_timers || l->debug || l->closed) return TINY_NONE;
  if (!tiny_to_float(vm, tiny_arg(a, 0), &delay)) return TINY_FAIL;
  tiny_val future = aio_new_future(vm, loop);
  if (tiny_failed(future)) return TINY_FAIL;
  Future *f = aio_future(vm, future);
  f->value = tiny_arg(a, 1);
  f->timed = true;
  return loop_add_timer(vm, l, loop_time(l) + delay, future) ? future : TINY_FAIL;
}

/* _asyncgen_hooks(firstiter, finalizer): sets them; those before. (asyncio needs no module that a host may have left out.) */
static tiny_val m_hooks(tiny_vm *vm, tiny_args *a) {
  tiny_val before[2];
  tiny_asyncgen_hooks(vm, &before[0], &before[1]);
  tiny_set_asyncgen_hooks(vm, tiny_arg(a, 0), tiny_arg(a, 1));
  return tiny_tuple(vm, 2, before);
}
/* _report(text, exception or None): to stderr */
static tiny_val m_report(tiny_vm *vm, tiny_args *a) {
  size_t n;
  const char *text = tiny_arg_str(a, 0, &n);
  bool ok = tiny_write(vm, 2, text, n) && tiny_write(vm, 2, "\n", 1);
  if (ok && !tiny_is_none(tiny_arg(a, 1))) {
    const char *more = tiny_to_str(vm, tiny_traceback_text(vm, tiny_arg(a, 1)), &n);
    if (!more) return TINY_FAIL;
    ok = tiny_write(vm, 2, more, n);
  }
  return TINY_NONE;
}
/* _debug_wanted(): is PYTHONASYNCIODEBUG set? */
static tiny_val m_debug_wanted(tiny_vm *vm, tiny_args *a) {
  const char *v = getenv("PYTHONASYNCIODEBUG");
  (void)vm, (void)a;
  return tiny_bool(v && *v);
}

static tiny_val m_mark(tiny_vm *vm, tiny_args *a) { return tiny_mark_coroutine(vm, tiny_arg(a, 0)) ? TINY_NONE : TINY_FAIL; }

static tiny_val m_awaited(tiny_vm *vm, tiny_args *a) { return tiny_awaited(vm, tiny_arg(a, 0)); }

static tiny_val m_coroutine(tiny_vm *vm, tiny_args *a) { return tiny_coroutine_function(vm, tiny_arg(a, 0)) ? tiny_arg(a, 0) : TINY_FAIL; }

static bool init(tiny_vm *vm, tiny_val module) {
  AioData *d = aio_data(vm);
  if (!d) return false;
  d->running = d->cancelled_error = d->invalid_state = TINY_NONE;
  return tiny_setattr(vm, module, "Future", tiny_class_of(vm, &aio_future_class)) && tiny_setattr(vm, module, "Task", tiny_class_of(vm, &aio_task_class)) &&
         tiny_setattr(vm, module, "Loop", tiny_class_of(vm, &aio_loop_class)) &&
         tiny_setattr(vm, module, "Group", tiny_class_of(vm, &aio_group_class)) && tiny_setattr(vm, module, "Waiters", tiny_class_of(vm, &aio_waiters_class)) && tiny_setattr(vm, module, "StreamReader", tiny_class_of(vm, &aio_reader_class)) && tiny_setattr(vm, module, "Handle", tiny_class_of(vm, &aio_handle_class)) &&
         tiny_setattr(vm, module, "deque", tiny_class_of(vm, &deque_class)) && tiny_setattr(vm, module, "TimerHandle", tiny_class_of(vm, &aio_timer_class));
}

static const tiny_def functions[] = {{"_get_running_loop", m_running, "()", NULL}, {"_set_running_loop", m_set_running, "(loop, /)", NULL},
    {"get_running_loop", m_running_loop, "()", "Return the running event loop. Raise a RuntimeError if there is none."}, {"_sleep", m_sleep, "(delay, result, /)", NULL},
    {"_asyncgen_hooks", m_hooks, "(firstiter, finalizer, /)", NULL}, {"_report", m_report, "(text: str, exception, /)", NULL},
    {"_debug_wanted", m_debug_wanted, "()", NULL}, {"_awaited", m_awaited, "(coroutine, /)", NULL}, {"_mark_coroutine", m_mark, "(function, /)", NULL}, {"_coroutine_function", m_coroutine, "(function, /)", NULL}, {"_setup", m_setup, "(cancelled_error, invalid_state, /)", NULL}, {0}};
const tiny_module aio_module = {.name = "_asyncio", .functions = functions, .init = init, .doc = "The C heart of asyncio."};
