/* Natives that finish later (tiny_suspend): the script awaits a future, or is paused in the call where no loop runs; the host completes the operation from any thread. A
 * completed one is put on a list that needs no lock, and a byte into the pipe that every wait of the loop watches; the loop takes the list at its next turn, a paused script when it is resumed. What both threads use (Ops, tiny_op) is malloc's and counted
 * by references: an operation may be completed after the VM has gone. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "stdlib/aio.h"

typedef enum { OP_NONE, OP_INT, OP_FLOAT, OP_STR, OP_BYTES, OP_FAIL } OpKind;

struct Ops {
  _Atomic(tiny_op *) done;   /* completed, the last one first; CLOSED: the VM has gone */
  atomic_int refs;           /* the VM and every operation */
  int wake_fd;               /* a duplicate of the VM's, which may be closed before */
  tiny_op *pending;          /* of the VM's thread, as all that follows */
  size_t n_awaited;          /* of the pending ones */
  size_t n_paused;           /* of those for which a script is paused */
};

struct tiny_op {
  Ops *ops;
  tiny_op *next;             /* in done */
  tiny_op *before, *after;   /* in pending */
  tiny_ref future;           /* none: a script is paused in the call, or was */
  bool paused;               /* it is */
  bool awaited;              /* its future has not been cancelled */
  void (*on_cancel)(void *user);
  void *user;
  tiny_op **watched;         /* the pointer of the object that sees the future cancelled */
  OpKind kind;               /* the result: written by who completes it, before it is put on the list */
  tiny_exc exc;
  int64_t i;
  double d;
  char *data;
  size_t len;
};

static tiny_op *const CLOSED = (tiny_op *)1;

static void ops_release(Ops *ops) {
  if (atomic_fetch_sub(&ops->refs, 1) != 1) return;
  close(ops->wake_fd);
  free(ops);
}

static void op_free(tiny_op *op) {
  ops_release(op->ops);
  free(op->data);
  free(op);
}

/* ---- the side of who completes */

static void complete(tiny_op *op, OpKind kind) {
  Ops *ops = op->ops;
  op->kind = kind;
  atomic_fetch_add(&ops->refs, 1); /* the loop may take and free op before the byte is written */
  tiny_op *first = atomic_load(&ops->done);
  do {
    if (first == CLOSED) break;
    op->next = first;
  } while (!atomic_compare_exchange_weak(&ops->done, &first, op));
  if (first == CLOSED) op_free(op);
  else if (!first) (void)!write(ops->wake_fd, "", 1); /* else whoever came first has woken it */
  ops_release(ops);
}

static void complete_data(tiny_op *op, OpKind kind, const void *data, size_t len) {
  op->data = malloc(len ? len : 1);
  op->len = len;
  if (op->data && len) memcpy(op->data, data, len);
  if (!op->data) op->exc = TINY_MEMORY_ERROR;
  complete(op, op->data ? kind : OP_FAIL);
}

void tiny_op_complete_none(tiny_op *op) { complete(op, OP_NONE); }
void tiny_op_complete_int(tiny_op *op, int64_t i) {
  op->i = i;
  complete(op, OP_INT);
}
void tiny_op_complete_float(tiny_op *op, double d) {
  op->d = d;
  complete(op, OP_FLOAT);
}
void tiny_op_complete_str(tiny_op *op, const char *utf8, size_t len) { complete_data(op, OP_STR, utf8, len); }
void tiny_op_complete_bytes(tiny_op *op, const void *data, size_t len) { complete_data(op, OP_BYTES, data, len); }
void tiny_op_fail(tiny_op *op, tiny_exc type, const char *message) {
  op->exc = type > TINY_NO_ERROR && type < TINY_EXC_COUNT ? type : TINY_RUNTIME_ERROR;
  complete_data(op, OP_FAIL, message, strlen(message));
}

/* ---- the side of the VM */

static void unlink_op(tiny_op *op) {
  if (op->before) op->before->after = op->after;
  else op->ops->pending = op->after;
  if (op->after) op->after->before = op->before;
  op->ops->n_awaited -= op->awaited;
  op->ops->n_paused -= op->paused;
  if (op->watched) *op->watched = NULL;
}

/* At most once: whoever waited has gone. The loop waits for this one no longer. */
static void tell_cancelled(tiny_op *op) {
  op->ops->n_awaited -= op->awaited;
  op->awaited = false;
  void (*fn)(void *) = op->on_cancel;
  op->on_cancel = NULL;
  if (fn) fn(op->user);
}

typedef struct OpsData { Ops *ops; } OpsData;

static void ops_close(tiny_vm *vm, void *data) {
  Ops *ops = ((OpsData *)data)->ops;
  (void)vm;
  if (!ops) return;
  for (tiny_op *op = ops->pending; op; op = op->after) {
    if (op->watched) *op->watched = NULL;
    op->watched = NULL;
    tell_cancelled(op);
  }
  for (tiny_op *op = atomic_exchange(&ops->done, CLOSED), *next; op; op = next) {
    next = op->next;
    op_free(op);
  }
  ops_release(ops);
}

static OpsData *ops_data(tiny_vm *vm) {
  static const char key = 0;
  return tiny_module_data(vm, &key, sizeof(OpsData), NULL, ops_close);
}

static Ops *ops_of(tiny_vm *vm) {
  OpsData *d = ops_data(vm);
  if (!d || d->ops) return d ? d->ops : NULL;
  int fd = aio_wake_fd(vm);
  if (fd < 0) return NULL;
  Ops *ops = calloc(1, sizeof *ops);
  if (!ops) return (void)tiny_no_memory(vm), NULL;
  ops->wake_fd = fcntl(aio_wake_write_fd(vm), F_DUPFD_CLOEXEC, 0);
  if (ops->wake_fd < 0) {
    free(ops);
    return (void)tiny_raise_os(vm, errno, NULL), NULL;
  }
  atomic_init(&ops->refs, 1);
  return d->ops = ops;
}

/* An object that is told when the future is done, and knows the operation until then. */
typedef struct Watch { tiny_op *op; } Watch;
static void watch_destroy(tiny_vm *vm, void *data) {
  Watch *w = data;
  (void)vm;
  if (w->op) w->op->watched = NULL;
}
static const tiny_class watch_class = {.name = "_asyncio.Operation", .data_size = sizeof(Watch), .destroy = watch_destroy, .flags = TINY_CLASS_FINAL | TINY_CLASS_NO_NEW};

static tiny_val future_done(tiny_vm *vm, tiny_args *a) {
  Watch *w = tiny_data(vm, tiny_bound(a), &watch_class);
  Future *f = aio_future(vm, tiny_arg(a, 0));
  if (w->op && f && f->state == FUT_CANCELLED) tell_cancelled(w->op);
  return TINY_NONE;
}

static bool watch_future(tiny_vm *vm, tiny_val future, tiny_op *op) {
  static const tiny_def row = {"_operation_done", future_done, "(future, /)", NULL};
  void *data;
  tiny_val watch = tiny_instance(vm, &watch_class, &data), fn = tiny_failed(watch) ? watch : tiny_function(vm, &row, watch);
  if (tiny_failed(fn) || !future_add_callback(vm, aio_future(vm, future), fn, TINY_NONE)) return false;
  ((Watch *)data)->op = op;
  op->watched = &((Watch *)data)->op;
  return true;
}

static tiny_val result_of(tiny_vm *vm, const tiny_op *op) {
  switch (op->kind) {
    case OP_INT: return tiny_int(vm, op->i);
    case OP_FLOAT: return tiny_float(vm, op->d);
    case OP_STR: return tiny_string_n(vm, op->data, op->len);
    case OP_BYTES: return tiny_bytes(vm, op->data, op->len);
    case OP_FAIL: {
      tiny_val text = op->data ? tiny_string_n(vm, op->data, op->len) : TINY_FAIL;
      return tiny_failed(text) ? tiny_pending(vm) ? TINY_FAIL : tiny_no_memory(vm) : tiny_raise(vm, op->exc, "%S", text);
    }
    default: return TINY_NONE;
  }
}

/* A script that is paused in the call (stdlib/frozen/_async.tiny: _wait_outside). Its operation is given up with it. */
typedef struct Waiting { tiny_op *op; tiny_val result; bool failed; } Waiting;
static void waiting_trace(tiny_tracer *t, void *data) { tiny_trace(t, ((Waiting *)data)->result); }
static void waiting_destroy(tiny_vm *vm, void *data) {
  Waiting *w = data;
  (void)vm;
  if (!w->op) return;
  w->op->watched = NULL;
  w->op->ops->n_paused--;
  w->op->paused = false;
  tell_cancelled(w->op);
}
static const tiny_class waiting_class;

/* True: not yet, and the script pauses when this has returned. */
static tiny_val waiting_pending(tiny_vm *vm, tiny_args *a) {
  Waiting *w = tiny_arg_native(a, 0, &waiting_class);
  Ops *ops = ops_of(vm);
  if (!ops) return TINY_FAIL;
  if (w->op) aio_wake_drain(aio_wake_fd(vm));
  if (w->op && ops_ready(ops) && !ops_deliver(vm, ops)) return TINY_FAIL;
  if (!w->op) return TINY_FALSE;
  return tiny_pause(vm) ? TINY_TRUE : TINY_FAIL;
}
static tiny_val waiting_result(tiny_vm *vm, tiny_args *a) {
  Waiting *w = tiny_arg_native(a, 0, &waiting_class);
  return w->failed ? tiny_raise_value(vm, w->result) : w->result;
}
static const tiny_def waiting_methods[] = {{"pending", waiting_pending, "(self, /)", NULL}, {"result", waiting_result, "(self, /)", NULL}, {0}};
static const tiny_class waiting_class = {.name = "_asyncio.Waiting", .data_size = sizeof(Waiting), .methods = waiting_methods, .trace = waiting_trace, .destroy = waiting_destroy,
  .flags = TINY_CLASS_FINAL | TINY_CLASS_NO_NEW};

static bool deliver_paused(tiny_vm *vm, Waiting *w, const tiny_op *op) {
  tiny_val v = result_of(vm, op);
  w->failed = tiny_failed(v);
  if (w->failed) v = tiny_take_exception(vm);
  tiny_store(vm, tiny_self(&waiting_class, w), &w->result, v);
  return true;
}

bool tiny_waits(tiny_vm *vm) {
  if (tiny_pending(vm)) return false;
  const OpsData *d = ops_data(vm);
  const Ops *ops = d ? d->ops : NULL;
  if (!d) tiny_clear_error(vm);
  return ops && ops->n_paused && !ops_ready(ops);
}

static void link_op(tiny_op *op, Ops *ops) {
  op->ops = ops;
  atomic_fetch_add(&ops->refs, 1);
  op->after = ops->pending;
  if (op->after) op->after->before = op;
  ops->pending = op;
  op->awaited = true;
  ops->n_awaited++;
  op->paused = !op->future.slot;
  ops->n_paused += op->paused;
}

/* The call goes on in a function that pauses until there is a result. */
static tiny_val suspend_script(tiny_vm *vm, tiny_op *op, Ops *ops) {
  void *data;
  tiny_val fn = tiny_library_function(vm, "_wait_outside"), waiting = tiny_failed(fn) ? fn : tiny_instance(vm, &waiting_class, &data);
  tiny_val call = tiny_failed(waiting) ? waiting : tiny_tail_call(vm, fn, 1, &waiting);
  if (tiny_failed(call)) return call;
  op->watched = &((Waiting *)data)->op;
  *op->watched = op;
  link_op(op, ops);
  return call;
}

/* A future of the running loop. */
static tiny_val suspend_task(tiny_vm *vm, tiny_op *op, Ops *ops, tiny_val loop, Loop *l) {
  tiny_val future = aio_new_future(vm, loop);
  if (tiny_failed(future)) return future;
  if (!tiny_ref_new(vm, future, &op->future) || !watch_future(vm, future, op)) return tiny_ref_free(vm, &op->future), TINY_FAIL;
  l->ops = ops;
  link_op(op, ops);
  return future;
}

tiny_val tiny_suspend(tiny_vm *vm, tiny_op **out, void (*on_cancel)(void *user), void *user) {
  *out = NULL;
  if (tiny_pending(vm)) return TINY_FAIL;
  tiny_val loop = aio_running(vm);
  Loop *l = aio_loop(vm, loop);
  if (!l && !tiny_pausable(vm)) return tiny_raise(vm, TINY_RUNTIME_ERROR, "no running event loop");
  if (l && l->virtual_clock) return tiny_raise(vm, TINY_RUNTIME_ERROR, "a loop with a virtual clock has no outside");
  Ops *ops = ops_of(vm);
  if (!ops) return TINY_FAIL;
  tiny_op *op = calloc(1, sizeof *op);
  if (!op) return tiny_no_memory(vm);
  op->on_cancel = on_cancel;
  op->user = user;
  tiny_val v = l ? suspend_task(vm, op, ops, loop, l) : suspend_script(vm, op, ops);
  if (tiny_failed(v)) free(op);
  else *out = op;
  return v;
}

/* False: an exception is pending that is not the future's. */
static bool deliver(tiny_vm *vm, tiny_op *op) {
  if (!op->future.slot) return !op->watched || deliver_paused(vm, (Waiting *)(void *)op->watched, op); /* op is its first member */
  Future *f = aio_future(vm, tiny_ref_get(vm, op->future));
  Loop *l = f->state == FUT_PENDING ? aio_loop(vm, f->loop) : NULL;
  if (!l || l->closed) return true; /* cancelled, or its loop has ended */
  tiny_val v = result_of(vm, op);
  if (!tiny_failed(v)) return future_finish(vm, f, v);
  return future_fail(vm, f, tiny_take_exception(vm));
}

bool ops_ready(const Ops *ops) { return ops && atomic_load(&ops->done); }
bool ops_waiting(const Ops *ops) { return ops && ops->n_awaited; }

bool ops_deliver(tiny_vm *vm, Ops *ops) {
  tiny_op *list = NULL;
  for (tiny_op *op = atomic_exchange(&ops->done, NULL), *next; op; op = next) { /* in the order of completion */
    next = op->next;
    op->next = list;
    list = op;
  }
  bool ok = true;
  for (tiny_op *op = list, *next; op; op = next) {
    tiny_scope s = tiny_scope_open(vm);
    next = op->next;
    unlink_op(op);
    tiny_val before = ok ? TINY_NONE : tiny_take_exception(vm); /* one that failed keeps none of the others */
    ok = deliver(vm, op) && ok;
    if (!tiny_is_none(before) && !tiny_pending(vm)) tiny_raise_value(vm, before);
    tiny_ref_free(vm, &op->future);
    op_free(op);
    tiny_scope_close(vm, s);
  }
  return ok;
}
