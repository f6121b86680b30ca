/* asyncio.Future in C (CPython 3.11's asyncio.futures). */
#include <string.h>
#include "stdlib/aio.h"
#include "stdlib/contextvars.h"

void future_trace(tiny_tracer *t, void *data) {
  Future *f = data;
  tiny_trace(t, f->loop);
  tiny_trace(t, f->value);
  tiny_trace(t, f->callback);
  tiny_trace(t, f->extra);
}

tiny_val future_self(const Future *f) { return tiny_self(f->is_task ? &aio_task_class : &aio_future_class, f); }

Future *aio_future(tiny_vm *vm, tiny_val v) {
  return tiny_data(vm, v, &aio_future_class);
}

bool future_init(tiny_vm *vm, Future *f, tiny_val self, tiny_val loop) {
  if (tiny_is_none(loop) || tiny_is_absent(loop)) {
    loop = aio_running(vm);
    if (tiny_is_none(loop)) {
      tiny_val get = tiny_getattr(vm, tiny_import(vm, "asyncio.events"), "get_event_loop");
      loop = tiny_call(vm, get, 0, NULL);
      if (tiny_failed(loop)) return false;
    }
  }
  f->state = FUT_PENDING;
  tiny_store(vm, self, &f->loop, loop);
  f->value = f->extra = TINY_NONE;
  f->failed = false;
  f->callback = TINY_ABSENT;
  tiny_val source = aio_source(vm, aio_loop(vm, loop));
  return tiny_is_none(source) || (!tiny_failed(source) && tiny_setattr(vm, self, "_debug_source", source));
}

static bool invalid_state(tiny_vm *vm, const char *msg) {
  tiny_val text = tiny_string(vm, msg), e = tiny_call(vm, aio_data(vm)->invalid_state, 1, &text);
  if (!tiny_failed(e)) tiny_raise_value(vm, e);
  return false;
}

/* Is it woken directly (a task, a group), without a context of its own? */
static bool direct(tiny_vm *vm, tiny_val cb) { return tiny_data(vm, cb, &aio_task_class) || tiny_data(vm, cb, &aio_group_class); }

/* Done before its time: one more dead entry among the timers. */
static void leave_timers(tiny_vm *vm, Future *f) {
  Loop *l = aio_loop(vm, f->loop);
  if (l) l->n_cancelled++;
}

/* One callback becomes a ready entry: tasks are woken directly, anything else is a handle with the future as its argument. */
static bool schedule_one(tiny_vm *vm, Future *f, tiny_val cb) {
  if (tiny_data(vm, cb, &aio_task_class)) return loop_add_ready(vm, f->loop, cb);
  if (tiny_data(vm, cb, &aio_group_class)) return group_told(vm, cb, f);
  tiny_val fn = tiny_seq_item(cb, 0), self = future_self(f), args = tiny_tuple(vm, 1, &self);
  return !tiny_failed(loop_call_soon(vm, f->loop, fn, args, tiny_seq_item(cb, 1)));
}

static bool schedule_callbacks(tiny_vm *vm, Future *f) {
  if (f->timed) leave_timers(vm, f);
  tiny_val cb = f->callback;
  f->callback = TINY_ABSENT;
  if (tiny_is_absent(cb)) return true;
  if (!direct(vm, cb)) tiny_pin(vm, cb); /* in debug mode the making of a handle runs script code */
  if (tiny_kind_of(vm, cb) != TINY_T_LIST) return schedule_one(vm, f, cb);
  for (int i = 0, n = tiny_seq_len(cb); i < n; i++)
    if (!schedule_one(vm, f, tiny_seq_item(cb, i))) return false;
  return true;
}

bool future_add_callback(tiny_vm *vm, Future *f, tiny_val fn, tiny_val context) {
  tiny_val cb = fn;
  if (!direct(vm, fn)) {
    if (tiny_is_none(context)) context = context_snapshot(vm);
    if (tiny_failed(context)) return false;
    tiny_val pair[2] = {fn, context};
    cb = tiny_tuple(vm, 2, pair);
    if (tiny_failed(cb)) return false;
  }
  if (f->state != FUT_PENDING) return schedule_one(vm, f, cb);
  int stays = tiny_is_absent(f->callback) ? 0 : tiny_data(vm, f->callback, &aio_group_class) ? group_not_alone(vm, f->callback, f) : 1;
  if (stays < 0) return false;
  if (!stays) {
    tiny_store(vm, future_self(f), &f->callback, cb);
    return true;
  }
  if (tiny_data(vm, cb, &aio_group_class) && !group_is_second(vm, cb, f)) return false;
  if (tiny_kind_of(vm, f->callback) == TINY_T_LIST) return tiny_list_append(vm, f->callback, cb);
  tiny_val both[2] = {f->callback, cb}, list = tiny_list(vm, 2, both);
  if (tiny_failed(list)) return false;
  tiny_store(vm, future_self(f), &f->callback, list);
  return true;
}

bool future_finish(tiny_vm *vm, Future *f, tiny_val result) {
  if (f->state != FUT_PENDING) return invalid_state(vm, "invalid state");
  tiny_store(vm, future_self(f), &f->value, result);
  f->state = FUT_FINISHED;
  return schedule_callbacks(vm, f);
}

/* An exception that nobody has fetched by the time the future is collected is reported (asyncio.futures._Unretrieved). */
static bool watch_exception(tiny_vm *vm, Future *f) {
  f->log_traceback = true;
  Loop *l = aio_loop(vm, f->loop);
  if (l) l->failed = true;
  tiny_val self = future_self(f), watch = tiny_call_method(vm, tiny_import(vm, "asyncio.futures"), "_Unretrieved", 1, &self);
  return !tiny_failed(watch) && tiny_setattr(vm, self, "_unretrieved", watch);
}

/* Somebody has seen the exception. What watches it lets go of the future: to be found dead with it would keep alive, for one more collection, all that the
 * exception's frames hold. */
void future_seen(tiny_vm *vm, Future *f) {
  if (!f->log_traceback) return;
  f->log_traceback = false;
  tiny_val watch = tiny_getattr(vm, future_self(f), "_unretrieved");
  if (tiny_failed(watch) || !tiny_setattr(vm, watch, "future", TINY_NONE)) tiny_clear_error(vm);
}

static void set_exception(tiny_vm *vm, Future *f, tiny_val exc) {
  tiny_store(vm, future_self(f), &f->value, exc);
  f->failed = true;
  f->state = FUT_FINISHED;
}

bool future_fail(tiny_vm *vm, Future *f, tiny_val exc) {
  if (f->state != FUT_PENDING) return invalid_state(vm, "invalid state");
  set_exception(vm, f, exc);
  if (!watch_exception(vm, f)) return false;
  return schedule_callbacks(vm, f);
}

bool future_fail_quietly(tiny_vm *vm, Future *f, tiny_val exc) {
  set_exception(vm, f, exc);
  return schedule_callbacks(vm, f);
}

int future_cancel(tiny_vm *vm, Future *f, tiny_val msg) {
  f->log_traceback = false;
  if (f->state != FUT_PENDING) return 0;
  f->state = FUT_CANCELLED;
  if (f->timed) f->value = TINY_NONE; /* the result that it will not have */
  if (!tiny_is_none(msg) && !future_set_message(vm, f, msg)) return -1;
  return schedule_callbacks(vm, f) ? 1 : -1;
}

static const char MESSAGE[] = "_cancel_text"; /* hardly any cancel() has a message: it is an attribute like those of scripts */

tiny_val future_message(tiny_vm *vm, Future *f) { return f->has_message ? tiny_getattr(vm, future_self(f), MESSAGE) : TINY_NONE; }

bool future_set_message(tiny_vm *vm, Future *f, tiny_val msg) {
  f->has_message = false;
  if (!tiny_is_none(msg) && !tiny_setattr(vm, future_self(f), MESSAGE, msg)) return false;
  f->has_message = !tiny_is_none(msg);
  return true;
}

tiny_val future_cancelled_error(tiny_vm *vm, Future *f) {
  if (f->failed && f->state == FUT_CANCELLED) { /* the one that the task ended with, with its traceback and message: the first who asks gets it */
    tiny_val first = tiny_pin(vm, f->value);
    f->failed = false;
    f->value = TINY_NONE;
    return first;
  }
  tiny_val msg = future_message(vm, f);
  return tiny_failed(msg) ? msg : tiny_call(vm, aio_data(vm)->cancelled_error, tiny_is_none(msg) ? 0 : 1, &msg);
}

tiny_val future_result(tiny_vm *vm, Future *f) {
  if (f->state == FUT_CANCELLED) return tiny_raise_value(vm, future_cancelled_error(vm, f));
  if (f->state != FUT_FINISHED) return invalid_state(vm, "Result is not set."), TINY_FAIL;
  future_seen(vm, f);
  return f->failed ? tiny_raise_value(vm, f->value) : f->value;
}

/* ---- methods */

#define SELF(name) Future *name = aio_future(vm, tiny_arg(a, 0)); if (!name) return tiny_raise(vm, TINY_TYPE_ERROR, "Future object is required")

static tiny_val m_init(tiny_vm *vm, tiny_args *a) {
  SELF(f);
  return future_init(vm, f, tiny_arg(a, 0), tiny_arg(a, 1)) ? TINY_NONE : TINY_FAIL;
}

static bool ready(tiny_vm *vm, Future *f) {
  if (!tiny_is(f->loop, (tiny_val){0})) return true;
  tiny_val e = tiny_raise(vm, TINY_RUNTIME_ERROR, "Future object is not initialized.");
  (void)e;
  return false;
}

static tiny_val m_done(tiny_vm *vm, tiny_args *a) { SELF(f); return tiny_bool(f->state != FUT_PENDING); }
static tiny_val m_cancelled(tiny_vm *vm, tiny_args *a) { SELF(f); return tiny_bool(f->state == FUT_CANCELLED); }

static tiny_val m_result(tiny_vm *vm, tiny_args *a) {
  SELF(f);
  return future_result(vm, f);
}

static tiny_val m_exception(tiny_vm *vm, tiny_args *a) {
  SELF(f);
  if (f->state == FUT_CANCELLED) return tiny_raise_value(vm, future_cancelled_error(vm, f));
  if (f->state != FUT_FINISHED) return invalid_state(vm, "Exception is not set."), TINY_FAIL;
  future_seen(vm, f);
  return f->failed ? f->value : TINY_NONE;
}

static tiny_val m_set_result(tiny_vm *vm, tiny_args *a) {
  SELF(f);
  if (f->is_task) return tiny_raise(vm, TINY_RUNTIME_ERROR, "Task does not support set_result operation");
  if (!ready(vm, f)) return TINY_FAIL;
  if (f->state != FUT_PENDING) return invalid_state(vm, "invalid state"), TINY_FAIL;
  return future_finish(vm, f, tiny_arg(a, 1)) ? TINY_NONE : TINY_FAIL;
}

static tiny_val m_set_exception(tiny_vm *vm, tiny_args *a) {
  SELF(f);
  if (f->is_task) return tiny_raise(vm, TINY_RUNTIME_ERROR, "Task does not support set_exception operation");
  if (!ready(vm, f)) return TINY_FAIL;
  tiny_val e = tiny_arg(a, 1);
  if (f->state != FUT_PENDING) return invalid_state(vm, "invalid state"), TINY_FAIL;
  if (tiny_kind_of(vm, e) == TINY_T_TYPE) e = tiny_call(vm, e, 0, NULL);
  int is_exc = tiny_isinstance(vm, e, tiny_exc_class(vm, TINY_BASE_EXCEPTION));
  if (is_exc < 0) return TINY_FAIL;
  if (!is_exc) return tiny_raise(vm, TINY_TYPE_ERROR, "invalid exception object");
  if (tiny_isinstance(vm, e, tiny_exc_class(vm, TINY_STOP_ITERATION)) == 1)
    return tiny_raise(vm, TINY_TYPE_ERROR, "StopIteration interacts badly with generators and cannot be raised into a Future");
  return future_fail(vm, f, e) ? TINY_NONE : TINY_FAIL;
}

static tiny_val m_cancel(tiny_vm *vm, tiny_args *a) {
  SELF(f);
  if (!ready(vm, f)) return TINY_FAIL;
  int r = f->is_task ? task_cancel(vm, (Task *)f, tiny_arg(a, 1)) : future_cancel(vm, f, tiny_arg(a, 1));
  return r < 0 ? TINY_FAIL : tiny_bool(r == 1);
}

static tiny_val m_add_done_callback(tiny_vm *vm, tiny_args *a) {
  SELF(f);
  if (!ready(vm, f)) return TINY_FAIL;
  return future_add_callback(vm, f, tiny_arg(a, 1), tiny_arg(a, 2)) ? TINY_NONE : TINY_FAIL;
}

static tiny_val callback_of(tiny_vm *vm, tiny_val cb) { return direct(vm, cb) ? cb : tiny_seq_item(cb, 0); }

static tiny_val m_remove_done_callback(tiny_vm *vm, tiny_args *a) {
  SELF(f);
  if (!ready(vm, f)) return TINY_FAIL;
  if (tiny_is_absent(f->callback)) return tiny_int(vm, 0);
  tiny_val old = tiny_pin(vm, f->callback); /* an __eq__ may complete the future, add callbacks, remove some */
  bool many = tiny_kind_of(vm, old) == TINY_T_LIST;
  int removed = 0;
  tiny_val kept = tiny_list(vm, 0, NULL);
  for (int i = 0; i < (many ? tiny_seq_len(old) : 1); i++) {
    tiny_val cb = tiny_pin(vm, many ? tiny_seq_item(old, i) : old);
    int same = tiny_equal(vm, callback_of(vm, cb), tiny_arg(a, 1));
    if (same < 0) return TINY_FAIL;
    if (same) removed++;
    else if (!tiny_list_append(vm, kept, cb)) return TINY_FAIL;
  }
  if (removed && tiny_is(f->callback, old)) tiny_store(vm, future_self(f), &f->callback, tiny_seq_len(kept) ? kept : TINY_ABSENT);
  return tiny_int(vm, removed);
}

static tiny_val m_get_loop(tiny_vm *vm, tiny_args *a) { SELF(f); return ready(vm, f) ? f->loop : TINY_FAIL; }

static tiny_val m_await(tiny_vm *vm, tiny_args *a) {
  SELF(f);
  if (!ready(vm, f)) return TINY_FAIL;
  void *data;
  tiny_val it = tiny_instance(vm, &aio_iter_class, &data);
  if (!tiny_failed(it)) tiny_store(vm, it, data, tiny_arg(a, 0));
  return it;
}

static tiny_val g_state(tiny_vm *vm, tiny_args *a) {
  SELF(f);
  return tiny_string(vm, f->state == FUT_PENDING ? "PENDING" : f->state == FUT_CANCELLED ? "CANCELLED" : "FINISHED");
}
static tiny_val g_callbacks(tiny_vm *vm, tiny_args *a) {
  SELF(f);
  if (tiny_is_absent(f->callback) || tiny_is(f->loop, (tiny_val){0})) return TINY_NONE;
  if (tiny_kind_of(vm, f->callback) == TINY_T_LIST) return f->callback;
  if (tiny_data(vm, f->callback, &aio_group_class) && !group_listens(vm, f->callback)) return TINY_NONE;
  return tiny_list(vm, 1, &f->callback);
}
static tiny_val g_result(tiny_vm *vm, tiny_args *a) { SELF(f); return f->failed || f->state == FUT_PENDING ? TINY_NONE : f->value; }
static tiny_val g_exception(tiny_vm *vm, tiny_args *a) { SELF(f); return f->failed && f->state == FUT_FINISHED ? f->value : TINY_NONE; }
static tiny_val g_loop(tiny_vm *vm, tiny_args *a) { SELF(f); return f->loop; }
static tiny_val g_cancel_message(tiny_vm *vm, tiny_args *a) { SELF(f); return future_message(vm, f); }
static tiny_val s_cancel_message(tiny_vm *vm, tiny_args *a) { SELF(f); return future_set_message(vm, f, tiny_arg(a, 1)) ? TINY_NONE : TINY_FAIL; }
static tiny_val g_blocking(tiny_vm *vm, tiny_args *a) { SELF(f); return tiny_bool(f->blocking); }
static tiny_val s_blocking(tiny_vm *vm, tiny_args *a) { SELF(f); f->blocking = tiny_truth(vm, tiny_arg(a, 1)) == 1; return TINY_NONE; }
static tiny_val g_log(tiny_vm *vm, tiny_args *a) { SELF(f); return tiny_bool(f->log_traceback); }
static tiny_val s_log(tiny_vm *vm, tiny_args *a) {
  SELF(f);
  if (tiny_truth(vm, tiny_arg(a, 1)) == 1) return tiny_raise(vm, TINY_VALUE_ERROR, "_log_traceback can only be set to False");
  future_seen(vm, f);
  return TINY_NONE;
}
static tiny_val m_repr(tiny_vm *vm, tiny_args *a) {
  tiny_val self = tiny_arg(a, 0);
  return tiny_call_method(vm, tiny_import(vm, "asyncio.base_futures"), "_future_repr", 1, &self);
}
static tiny_val m_repr_info(tiny_vm *vm, tiny_args *a) {
  tiny_val self = tiny_arg(a, 0);
  bool task = tiny_data(vm, self, &aio_task_class);
  return tiny_call_method(vm, tiny_import(vm, task ? "asyncio.base_tasks" : "asyncio.base_futures"), task ? "_task_repr_info" : "_future_repr_info", 1, &self);
}
static tiny_val m_class_getitem(tiny_vm *vm, tiny_args *a) {
  tiny_val argv[2] = {tiny_arg(a, 0), tiny_arg(a, 1)};
  return tiny_call_method(vm, tiny_import(vm, "types"), "GenericAlias", 2, argv);
}
static tiny_val m_cancelled_error(tiny_vm *vm, tiny_args *a) { SELF(f); return future_cancelled_error(vm, f); }
static tiny_val g_source(tiny_vm *vm, tiny_args *a) {
  tiny_val self = tiny_arg(a, 0);
  return tiny_hasattr(vm, self, "_debug_source") ? tiny_getattr(vm, self, "_debug_source") : TINY_NONE;
}

/* `await future`: yields the future once to the task, then gives its result. */
tiny_val future_await(tiny_vm *vm, tiny_val self, void *data, bool *end) {
  Future *f = data;
  if (f->state == FUT_PENDING) {
    if (!ready(vm, f)) return TINY_FAIL;
    if (f->blocking) return tiny_raise(vm, TINY_RUNTIME_ERROR, "await wasn't used with future");
    f->blocking = true;
    return self;
  }
  *end = true;
  future_await_left(vm, self, data);
  return future_result(vm, f);
}

/* The await is over: a future that a task waited with for something leaves the others that wait (Waiters._wait). */
void future_await_left(tiny_vm *vm, tiny_val self, void *data) {
  Future *f = data;
  (void)self;
  if (!f->is_task && !tiny_is_none(f->extra)) (void)waiters_leave(vm, f);
}

static const tiny_def future_methods[] = {
    {"__init__", m_init, "(self, *, loop=None)", NULL}, {"done", m_done, "(self, /)", "Return True if the future is done."},
    {"cancelled", m_cancelled, "(self, /)", "Return True if the future was cancelled."}, {"result", m_result, "(self, /)", "Return the result this future represents."},
    {"exception", m_exception, "(self, /)", "Return the exception that was set on this future."}, {"set_result", m_set_result, "(self, result, /)", "Mark the future done and set its result."},
    {"set_exception", m_set_exception, "(self, exception, /)", "Mark the future done and set an exception."}, {"cancel", m_cancel, "(self, msg=None)", "Cancel the future and schedule callbacks."},
    {"add_done_callback", m_add_done_callback, "(self, fn, /, *, context=None)", "Add a callback to be run when the future becomes done."},
    {"remove_done_callback", m_remove_done_callback, "(self, fn, /)", "Remove all instances of a callback from the \"call when done\" list."},
    {"get_loop", m_get_loop, "(self, /)", "Return the event loop the Future is bound to."}, {"__await__", m_await, "(self, /)", NULL}, {"__iter__", m_await, "(self, /)", NULL},
    {"__repr__", m_repr, "(self, /)", NULL}, {"_repr_info", m_repr_info, "(self, /)", NULL}, {"_make_cancelled_error", m_cancelled_error, "(self, /)", NULL}, {"@_source_traceback", g_source, "(self, /)", NULL},
    {"+__class_getitem__", m_class_getitem, "(cls, item, /)", NULL}, {"@_state", g_state, "(self, /)", NULL},
    {"@_callbacks", g_callbacks, "(self, /)", NULL}, {"@_result", g_result, "(self, /)", NULL}, {"@_exception", g_exception, "(self, /)", NULL}, {"@_loop", g_loop, "(self, /)", NULL},
    {"@_cancel_message", g_cancel_message, "(self, /)", NULL}, {"=_cancel_message", s_cancel_message, "(self, v, /)", NULL}, {"@_asyncio_future_blocking", g_blocking, "(self, /)", NULL},
    {"=_asyncio_future_blocking", s_blocking, "(self, v, /)", NULL}, {"@_log_traceback", g_log, "(self, /)", NULL}, {"=_log_traceback", s_log, "(self, v, /)", NULL}, {0}};
const tiny_class aio_future_class = {.name = "_asyncio.Future", .data_size = sizeof(Future), .methods = future_methods, .trace = future_trace, .flags = TINY_CLASS_DICT, .await = future_await, .await_left = future_await_left};

/* ---- what `await future` iterates: gives the future once, then its result */

static tiny_val iter_go(tiny_vm *vm, tiny_args *a) {
  tiny_val *slot = tiny_data(vm, tiny_arg(a, 0), &aio_iter_class);
  Future *f = slot ? aio_future(vm, *slot) : NULL;
  if (!f) return tiny_raise(vm, TINY_STOP_ITERATION, "");
  tiny_val self = *slot;
  if (f->state == FUT_PENDING) {
    if (f->blocking) {
      *slot = TINY_NONE;
      return tiny_raise(vm, TINY_RUNTIME_ERROR, "await wasn't used with future");
    }
    f->blocking = true;
    return self;
  }
  *slot = TINY_NONE;
  tiny_val r = future_result(vm, f);
  if (tiny_failed(r)) return r;
  tiny_val stop = tiny_call(vm, tiny_exc_class(vm, TINY_STOP_ITERATION), 1, &r);
  return tiny_raise_value(vm, stop);
}

static tiny_val iter_self(tiny_vm *vm, tiny_args *a) { (void)vm; return tiny_arg(a, 0); }
static tiny_val iter_throw(tiny_vm *vm, tiny_args *a) {
  tiny_val *slot = tiny_data(vm, tiny_arg(a, 0), &aio_iter_class);
  if (slot) *slot = TINY_NONE;
  tiny_val e = tiny_arg(a, 1), v = tiny_arg(a, 2);
  if (tiny_kind_of(vm, e) == TINY_T_TYPE) e = tiny_is_absent(v) || tiny_is_none(v) ? tiny_call(vm, e, 0, NULL) : tiny_isinstance(vm, v, e) == 1 ? v : tiny_call(vm, e, 1, &v);
  return tiny_raise_value(vm, e);
}
static tiny_val iter_close(tiny_vm *vm, tiny_args *a) {
  tiny_val *slot = tiny_data(vm, tiny_arg(a, 0), &aio_iter_class);
  if (slot) *slot = TINY_NONE;
  return TINY_NONE;
}
static void iter_trace(tiny_tracer *t, void *data) { tiny_trace(t, *(tiny_val *)data); }
static const tiny_def iter_methods[] = {{"__iter__", iter_self, "(self, /)", NULL}, {"__next__", iter_go, "(self, /)", NULL}, {"send", iter_go, "(self, value, /)", NULL},
    {"throw", iter_throw, "(self, typ, val=..., tb=..., /)", NULL}, {"close", iter_close, "(self, /)", NULL}, {0}};
const tiny_class aio_iter_class = {.name = "_asyncio.FutureIter", .data_size = sizeof(tiny_val), .methods = iter_methods, .trace = iter_trace, .flags = TINY_CLASS_NO_NEW | TINY_CLASS_FINAL};
