/* asyncio.Task in C (CPython 3.11's asyncio.tasks.Task): drives a coroutine, one step per turn of the loop. A step is a continuation: it resumes the coroutine and
 * ends in loop_turn, so no C frame stays between the loop and the coroutine. */
#include <string.h>
#include "stdlib/aio.h"
#include "stdlib/contextvars.h"

Task *aio_task(tiny_vm *vm, tiny_val v) { return tiny_data(vm, v, &aio_task_class); }

static void task_trace(tiny_tracer *t, void *data) {
  Task *task = data;
  future_trace(t, data);
  tiny_trace(t, task->coro);
  tiny_trace(t, task->name);
}

static void leave(tiny_vm *vm, Task *t, Loop *l) {
  l->current = TINY_NONE;
  tiny_val context = loop_leave(vm, l);
  if (!tiny_is(context, t->f.value)) tiny_store(vm, future_self(&t->f), &t->f.value, context);
}

static bool done(tiny_vm *vm, Task *t, bool ok) {
  Loop *l = aio_loop(vm, t->f.loop);
  if (l) loop_drop_task(vm, l, t);
  return ok;
}

/* Is it a future that the task waits for, not an exception that it will get? */
static bool is_waiter(tiny_vm *vm, tiny_val extra) { return !tiny_is_none(extra) && (aio_future(vm, extra) || tiny_isinstance(vm, extra, tiny_exc_class(vm, TINY_BASE_EXCEPTION)) != 1); }

/* Cancels what a task waits for: 1 0 -1. A class of a script may have a cancel() of its own. */
static int cancel_waiter(tiny_vm *vm, tiny_val v, tiny_val msg) {
  Future *f = aio_future(vm, v);
  tiny_val cls = tiny_getattr(vm, v, "__class__");
  if (tiny_is(cls, tiny_class_of(vm, &aio_task_class))) return task_cancel(vm, (Task *)f, msg);
  if (tiny_is(cls, tiny_class_of(vm, &aio_future_class))) return future_cancel(vm, f, msg);
  tiny_val r = tiny_call_method(vm, v, "cancel", 1, &msg);
  return tiny_failed(r) ? -1 : tiny_truth(vm, r);
}

/* The task of no class of a script that a task waits for, or NULL. */
static Task *awaited_task(tiny_vm *vm, const Task *t) {
  Task *next = tiny_is_none(t->f.extra) ? NULL : aio_task(vm, t->f.extra);
  return next && tiny_is(tiny_getattr(vm, t->f.extra, "__class__"), tiny_class_of(vm, &aio_task_class)) ? next : NULL;
}

/* A RuntimeError is thrown into the coroutine at its next step; or what a repr() raised that its text needs. */
static bool bad_yield(tiny_vm *vm, tiny_val task, Task *t, tiny_val text) {
  tiny_val e = tiny_failed(text) ? tiny_take_exception(vm) : tiny_call(vm, tiny_exc_class(vm, TINY_RUNTIME_ERROR), 1, &text);
  if (tiny_failed(e) || tiny_is_none(e)) return false;
  tiny_store(vm, task, &t->f.extra, e);
  return loop_add_ready(vm, t->f.loop, task);
}

static bool wait_for_future(tiny_vm *vm, tiny_val task, Task *t, Future *f, tiny_val fut) {
  if (!tiny_is(f->loop, t->f.loop)) return bad_yield(vm, task, t, tiny_format(vm, "Task %R got Future %R attached to a different loop", task, fut));
  if (!f->blocking) return bad_yield(vm, task, t, tiny_format(vm, "yield was used instead of yield from in task %R with %R", task, fut));
  if (tiny_is(task, fut)) return bad_yield(vm, task, t, tiny_format(vm, "Task cannot await on itself: %R", task));
  f->blocking = false;
  if (!future_add_callback(vm, f, task, TINY_NONE)) return false;
  tiny_store(vm, task, &t->f.extra, fut);
  if (t->f.must_cancel) {
    tiny_val msg = future_message(vm, &t->f);
    int r = tiny_failed(msg) ? -1 : cancel_waiter(vm, fut, msg);
    if (r < 0) return false;
    if (r) t->f.must_cancel = false;
  }
  return true;
}

static bool foreign_future(tiny_vm *vm, tiny_val v) { return tiny_kind_of(vm, v) != TINY_T_GENERATOR && tiny_hasattr(vm, v, "_asyncio_future_blocking"); }

/* A future of another library: asyncio.base_tasks hangs a callback on it that ends in _woken(). */
static bool wait_for_foreign(tiny_vm *vm, tiny_val task, Task *t, tiny_val fut) {
  tiny_val argv[2] = {task, fut}, problem = tiny_call_method(vm, tiny_import(vm, "asyncio.base_tasks"), "_wait_for_foreign", 2, argv);
  if (tiny_failed(problem) || !tiny_is_none(problem)) return bad_yield(vm, task, t, problem);
  tiny_store(vm, task, &t->f.extra, fut);
  if (!t->f.must_cancel) return true;
  tiny_val msg = future_message(vm, &t->f);
  int r = tiny_failed(msg) ? -1 : cancel_waiter(vm, fut, msg);
  if (r == 1) t->f.must_cancel = false;
  return r >= 0;
}

static bool yielded(tiny_vm *vm, Loop *l, tiny_val task, Task *t, tiny_val v) {
  if (tiny_is_none(v)) return ready_push(vm, l, task); /* a bare yield gives the others one turn */
  Future *f = aio_future(vm, v);
  if (f) return wait_for_future(vm, task, t, f, v);
  if (foreign_future(vm, v)) return wait_for_foreign(vm, task, t, v);
  if (tiny_kind_of(vm, v) == TINY_T_GENERATOR) return bad_yield(vm, task, t, tiny_format(vm, "yield was used instead of yield from for generator in task %R with %R", task, v));
  return bad_yield(vm, task, t, tiny_format(vm, "Task got bad yield: %R", v));
}

static bool raised(tiny_vm *vm, Task *t, tiny_val e, bool *pass_on) {
  int cancelled = tiny_isinstance(vm, e, aio_data(vm)->cancelled_error);
  if (cancelled < 0) return false;
  if (cancelled) {
    tiny_store(vm, future_self(&t->f), &t->f.value, e);
    t->f.failed = true;
    t->f.has_message = false; /* the exception has it */
    return done(vm, t, future_cancel(vm, &t->f, TINY_NONE) >= 0);
  }
  *pass_on = tiny_isinstance(vm, e, tiny_exc_class(vm, TINY_KEYBOARD_INTERRUPT)) == 1 || tiny_isinstance(vm, e, tiny_exc_class(vm, TINY_SYSTEM_EXIT)) == 1;
  return done(vm, t, future_fail(vm, &t->f, e));
}

/* What a step brought is taken up; 1: the exception goes through the loop too, 0: go on, -1: failed. */
static int step_done(tiny_vm *vm, Loop *l, tiny_val task, Task *t, tiny_outcome how, tiny_val v) {
  if (t->f.foreign && how == TINY_RETURNED) { /* what its send() gave it has yielded; it returns by StopIteration */
    how = TINY_YIELDED;
  } else if (t->f.foreign && tiny_isinstance(vm, v, tiny_exc_class(vm, TINY_STOP_ITERATION)) == 1) {
    how = TINY_RETURNED;
    v = tiny_getattr(vm, v, "value");
    if (tiny_failed(v)) return -1;
  }
  bool ok, pass_on = false;
  if (how == TINY_YIELDED) {
    ok = yielded(vm, l, task, t, v);
  } else if (how == TINY_RAISED) {
    ok = raised(vm, t, v, &pass_on);
  } else if (t->f.must_cancel) { /* asked to cancel, but it returned first */
    t->f.must_cancel = false;
    ok = done(vm, t, future_cancel(vm, &t->f, TINY_NONE) >= 0);
  } else {
    ok = done(vm, t, future_finish(vm, &t->f, v));
  }
  return !ok ? -1 : pass_on;
}

static tiny_val task_stepped(tiny_vm *vm, tiny_val task, tiny_outcome how, tiny_val v) {
  Task *t = aio_task(vm, task);
  Loop *l = aio_loop(vm, t->f.loop);
  leave(vm, t, l);
  int r = step_done(vm, l, task, t, how, v);
  if (r > 0) return tiny_raise_value(vm, v);
  if (r < 0 || (l->debug && !loop_took(vm, l->self, l, task))) return TINY_FAIL;
  return loop_turn(vm, l);
}

tiny_val task_step(tiny_vm *vm, Loop *l, tiny_val task, Task *t, tiny_val exc) {
  if (t->f.must_cancel) {
    if (tiny_is_none(exc) || tiny_isinstance(vm, exc, aio_data(vm)->cancelled_error) != 1) exc = future_cancelled_error(vm, &t->f);
    if (tiny_failed(exc)) return TINY_FAIL;
    t->f.must_cancel = false;
  }
  t->f.extra = TINY_NONE;
  l->current = task;
  if (l->debug) loop_step_begins(l);
  if (!loop_enter(vm, l, t->f.value)) {
    l->current = TINY_NONE;
    return loop_not_entered(vm, l, task);
  }
  if (t->f.foreign) { /* an object with send() and throw() */
    tiny_val m = tiny_getattr(vm, t->coro, tiny_is_none(exc) ? "send" : "throw");
    return tiny_then_call(vm, task_stepped, task, m, 1, &exc);
  }
  if (tiny_is_none(exc)) return tiny_then_send(vm, task_stepped, task, t->coro, TINY_NONE);
  return tiny_then_throw(vm, task_stepped, task, t->coro, exc);
}

tiny_val task_wakeup(tiny_vm *vm, Loop *l, tiny_val task, Task *t) {
  tiny_val exc = t->f.extra;
  Future *f = tiny_is_none(exc) ? NULL : aio_future(vm, exc);
  if (f && f->state == FUT_CANCELLED) {
    exc = future_cancelled_error(vm, f);
  } else if (f) {
    if (f->failed) future_seen(vm, f);
    exc = f->failed ? f->value : TINY_NONE;
  }
  return tiny_failed(exc) ? TINY_FAIL : task_step(vm, l, task, t, exc);
}

static void count_cancel(Task *t) {
  t->f.log_traceback = false;
  if (t->f.cancels < UINT16_MAX) t->f.cancels++;
}

/* The request goes along the tasks that wait for each other, however many these are, to what the last of them waits for; who finds nothing to cancel there throws
 * CancelledError into its own coroutine. Tasks that wait in a ring have no last one: a mark that is set at ever longer distances meets itself (Brent). */
int task_cancel(tiny_vm *vm, Task *t, tiny_val msg) {
  future_seen(vm, &t->f);
  if (t->f.state != FUT_PENDING) return 0;
  count_cancel(t);
  const Task *mark = t;
  uint64_t steps = 0, limit = 2;
  for (Task *next; (next = awaited_task(vm, t)) && next->f.state == FUT_PENDING; t = next) {
    if (next == mark) return (void)tiny_raise(vm, TINY_RECURSION_ERROR, "maximum recursion depth exceeded while calling a Python object"), -1;
    if (++steps == limit) {
      mark = next;
      limit *= 2;
    }
    count_cancel(next);
  }
  if (is_waiter(vm, t->f.extra)) {
    int r = cancel_waiter(vm, t->f.extra, msg);
    if (r) return r;
  }
  t->f.must_cancel = true;
  return future_set_message(vm, &t->f, msg) ? 1 : -1;
}

/* ---- eager start (CPython 3.12): the first step is made at once, within the task that makes this one. state: (task, the task before, the context around that) */

static tiny_val eager_stepped(tiny_vm *vm, tiny_val state, tiny_outcome how, tiny_val v) {
  tiny_val task = tiny_seq_item(state, 0);
  Task *t = aio_task(vm, task);
  Loop *l = aio_loop(vm, t->f.loop);
  leave(vm, t, l);
  tiny_store(vm, t->f.loop, &l->current, tiny_seq_item(state, 1));
  tiny_store(vm, t->f.loop, &l->outside, tiny_seq_item(state, 2));
  l->inside = true;
  int r = step_done(vm, l, task, t, how, v);
  return r > 0 ? tiny_raise_value(vm, v) : r < 0 ? TINY_FAIL : TINY_NONE;
}

static tiny_val eager_start(tiny_vm *vm, tiny_val task, Task *t, Loop *l) {
  tiny_val parts[3] = {task, l->current, l->outside}, state = tiny_tuple(vm, 3, parts);
  if (tiny_failed(state) || !loop_enter(vm, l, t->f.value)) return done(vm, t, false), TINY_FAIL;
  tiny_store(vm, t->f.loop, &l->current, task);
  return tiny_then_send(vm, eager_stepped, state, t->coro, TINY_NONE);
}

/* ---- methods */

#define SELF(name) Task *name = aio_task(vm, tiny_arg(a, 0)); if (!name) return tiny_raise(vm, TINY_TYPE_ERROR, "Task object is required")

static tiny_val task_init(tiny_vm *vm, Task *t, tiny_val self, tiny_val coro, tiny_val loop, tiny_val name, tiny_val context, bool eager) {
  tiny_kind kind = tiny_kind_of(vm, coro);
  bool own = kind == TINY_T_COROUTINE || kind == TINY_T_GENERATOR;
  if (!own && !(tiny_hasattr(vm, coro, "send") && tiny_hasattr(vm, coro, "throw"))) return tiny_raise(vm, TINY_TYPE_ERROR, "a coroutine was expected, got %R", coro);
  t->f.is_task = true;
  t->name = TINY_NONE;
  t->coro = coro;
  if (!future_init(vm, &t->f, self, loop)) return TINY_FAIL;
  t->f.foreign = !own;
  tiny_store(vm, self, &t->coro, coro);
  if (tiny_is_none(context)) context = context_snapshot(vm);
  if (tiny_failed(context)) return context;
  tiny_store(vm, self, &t->f.value, context);
  if (tiny_is_none(name)) name = tiny_int(vm, (int64_t)++aio_data(vm)->tasks_named);
  else if (tiny_kind_of(vm, name) != TINY_T_STR) name = tiny_str(vm, name);
  if (tiny_failed(name)) return TINY_FAIL;
  tiny_store(vm, self, &t->name, name);
  Loop *l = aio_loop(vm, t->f.loop);
  if (!l) return tiny_raise(vm, TINY_TYPE_ERROR, "an event loop of this library is required, got %R", t->f.loop);
  if (!loop_check_closed(vm, l) || !loop_add_task(vm, l, t)) return TINY_FAIL;
  if (eager && l->running && own) return eager_start(vm, self, t, l);
  return ready_push(vm, l, self) ? TINY_NONE : TINY_FAIL;
}

static tiny_val m_init(tiny_vm *vm, tiny_args *a) {
  SELF(t);
  return task_init(vm, t, tiny_arg(a, 0), tiny_arg(a, 1), tiny_arg(a, 2), tiny_arg(a, 3), tiny_arg(a, 4), tiny_truth(vm, tiny_arg(a, 5)) == 1);
}

tiny_val task_new(tiny_vm *vm, tiny_val loop, tiny_val coro, tiny_val name, tiny_val context) {
  void *data;
  tiny_val self = tiny_instance(vm, &aio_task_class, &data);
  return tiny_failed(self) || tiny_failed(task_init(vm, data, self, coro, loop, name, context, false)) ? TINY_FAIL : self;
}

static tiny_val m_get_name(tiny_vm *vm, tiny_args *a) {
  SELF(t);
  int64_t number;
  if (tiny_kind_of(vm, t->name) != TINY_T_INT) return t->name;
  if (!tiny_to_int(vm, t->name, &number)) return TINY_FAIL;
  tiny_val name = tiny_format(vm, "Task-%lld", (long long)number);
  if (!tiny_failed(name)) tiny_store(vm, future_self(&t->f), &t->name, name);
  return name;
}
static tiny_val m_set_name(tiny_vm *vm, tiny_args *a) {
  SELF(t);
  tiny_val s = tiny_str(vm, tiny_arg(a, 1));
  if (tiny_failed(s)) return s;
  tiny_store(vm, future_self(&t->f), &t->name, s);
  return TINY_NONE;
}
static tiny_val m_get_coro(tiny_vm *vm, tiny_args *a) { SELF(t); return t->coro; }
static tiny_val m_get_context(tiny_vm *vm, tiny_args *a) {
  SELF(t);
  bool pending = t->f.state == FUT_PENDING; /* then the result stands in its place */
  tiny_val context = context_or_new(vm, pending ? t->f.value : TINY_NONE);
  if (pending && !tiny_failed(context)) tiny_store(vm, future_self(&t->f), &t->f.value, context);
  return context;
}
static tiny_val m_cancelling(tiny_vm *vm, tiny_args *a) { SELF(t); return tiny_int(vm, t->f.cancels); }
static tiny_val m_uncancel(tiny_vm *vm, tiny_args *a) {
  SELF(t);
  if (t->f.cancels) t->f.cancels--;
  return tiny_int(vm, t->f.cancels);
}
static tiny_val g_waiter(tiny_vm *vm, tiny_args *a) { SELF(t); return is_waiter(vm, t->f.extra) ? t->f.extra : TINY_NONE; }
static tiny_val g_must_cancel(tiny_vm *vm, tiny_args *a) { SELF(t); return tiny_bool(t->f.must_cancel); }
static tiny_val g_log_destroy(tiny_vm *vm, tiny_args *a) { SELF(t); return tiny_bool(!t->f.quiet); }
static tiny_val s_log_destroy(tiny_vm *vm, tiny_args *a) {
  SELF(t);
  t->f.quiet = tiny_truth(vm, tiny_arg(a, 1)) == 0;
  return TINY_NONE;
}
/* _woken(exception or None): what it waited for, a future of another library, is done. */
static tiny_val m_woken(tiny_vm *vm, tiny_args *a) {
  SELF(t);
  if (t->f.state != FUT_PENDING) return TINY_NONE;
  if (!tiny_is_none(tiny_arg(a, 1)) && tiny_isinstance(vm, tiny_arg(a, 1), tiny_exc_class(vm, TINY_BASE_EXCEPTION)) != 1) return tiny_raise(vm, TINY_TYPE_ERROR, "an exception is required");
  tiny_store(vm, tiny_arg(a, 0), &t->f.extra, tiny_arg(a, 1));
  return loop_add_ready(vm, t->f.loop, tiny_arg(a, 0)) ? TINY_NONE : TINY_FAIL;
}
static tiny_val m_get_stack(tiny_vm *vm, tiny_args *a) {
  tiny_val argv[2] = {tiny_arg(a, 0), tiny_arg(a, 1)};
  return tiny_call_method(vm, tiny_import(vm, "asyncio.base_tasks"), "_task_get_stack", 2, argv);
}
static tiny_val m_print_stack(tiny_vm *vm, tiny_args *a) {
  tiny_val argv[3] = {tiny_arg(a, 0), tiny_arg(a, 1), tiny_arg(a, 2)};
  return tiny_call_method(vm, tiny_import(vm, "asyncio.base_tasks"), "_task_print_stack", 3, argv);
}

static const tiny_def task_methods[] = {{"__init__", m_init, "(self, coro, *, loop=None, name=None, context=None, eager_start=False)", NULL}, {"get_name", m_get_name, "(self, /)", NULL},
    {"set_name", m_set_name, "(self, value, /)", NULL}, {"get_coro", m_get_coro, "(self, /)", NULL}, {"get_context", m_get_context, "(self, /)", NULL},
    {"cancelling", m_cancelling, "(self, /)", "Return the count of the task's cancellation requests."}, {"uncancel", m_uncancel, "(self, /)", "Decrement the task's count of cancellation requests."},
    {"@_log_destroy_pending", g_log_destroy, "(self, /)", NULL}, {"=_log_destroy_pending", s_log_destroy, "(self, v, /)", NULL},
    {"_woken", m_woken, "(self, exception, /)", NULL}, {"get_stack", m_get_stack, "(self, *, limit=None)", NULL}, {"print_stack", m_print_stack, "(self, *, limit=None, file=None)", NULL}, {"@_fut_waiter", g_waiter, "(self, /)", NULL}, {"@_must_cancel", g_must_cancel, "(self, /)", NULL},
    {"@_coro", m_get_coro, "(self, /)", NULL}, {0}};
const tiny_class aio_task_class = {.name = "_asyncio.Task", .data_size = sizeof(Task), .methods = task_methods, .trace = task_trace, .flags = TINY_CLASS_DICT, .base = &aio_future_class, .await = future_await, .await_left = future_await_left};
