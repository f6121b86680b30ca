/* asyncio.Handle and TimerHandle: a callback that the loop will run, its arguments and its context. In debug mode they know where they were made. */
#include "stdlib/aio.h"
#include "stdlib/contextvars.h"

tiny_val aio_source(tiny_vm *vm, const Loop *l) {
  if (!l || !l->debug) return TINY_NONE;
  return tiny_call_method(vm, tiny_import(vm, "asyncio.format_helpers"), "extract_stack", 0, NULL);
}

static bool handle_init(tiny_vm *vm, Handle *h, tiny_val self, tiny_val loop, tiny_val callback, tiny_val args, tiny_val context) {
  if (tiny_is_none(context)) context = context_snapshot(vm);
  if (tiny_failed(context)) return false;
  tiny_store(vm, self, &h->callback, callback);
  tiny_store(vm, self, &h->args, args);
  tiny_store(vm, self, &h->loop, loop);
  tiny_store(vm, self, &h->context, context);
  h->source = TINY_NONE;
  tiny_val source = aio_source(vm, aio_loop(vm, loop)); /* runs script code */
  if (tiny_failed(source)) return false;
  tiny_store(vm, self, &h->source, source);
  return true;
}

tiny_val handle_new(tiny_vm *vm, bool timer, tiny_val loop, tiny_val callback, tiny_val args, tiny_val context) {
  void *data;
  tiny_val self = tiny_instance(vm, timer ? &aio_timer_class : &aio_handle_class, &data);
  return !tiny_failed(self) && handle_init(vm, data, self, loop, callback, args, context) ? self : TINY_FAIL;
}

static void handle_trace(tiny_tracer *t, void *data) {
  Handle *h = data;
  tiny_trace(t, h->callback);
  tiny_trace(t, h->args);
  tiny_trace(t, h->loop);
  tiny_trace(t, h->context);
  tiny_trace(t, h->source);
}

/* ---- methods */

#define HANDLE(name) Handle *name = tiny_data(vm, tiny_arg(a, 0), &aio_handle_class); if (!name) return tiny_raise(vm, TINY_TYPE_ERROR, "Handle object is required")

static tiny_val h_init(tiny_vm *vm, tiny_args *a) {
  HANDLE(h);
  return handle_init(vm, h, tiny_arg(a, 0), tiny_arg(a, 3), tiny_arg(a, 1), tiny_arg(a, 2), tiny_arg(a, 4)) ? TINY_NONE : TINY_FAIL;
}

static tiny_val h_cancel(tiny_vm *vm, tiny_args *a) {
  HANDLE(h);
  if (h->cancelled) return TINY_NONE;
  h->cancelled = true;
  Loop *l = aio_loop(vm, h->loop);
  if (!l || !l->debug) h->callback = h->args = TINY_NONE; /* debug mode keeps them, to show what was cancelled */
  if (h->scheduled && l) l->n_cancelled++;
  return TINY_NONE;
}
static tiny_val h_cancelled(tiny_vm *vm, tiny_args *a) { HANDLE(h); return tiny_bool(h->cancelled); }
static tiny_val h_callback(tiny_vm *vm, tiny_args *a) { HANDLE(h); return h->callback; }
static tiny_val h_args(tiny_vm *vm, tiny_args *a) { HANDLE(h); return h->args; }
static tiny_val h_loop(tiny_vm *vm, tiny_args *a) { HANDLE(h); return h->loop; }
static tiny_val h_source(tiny_vm *vm, tiny_args *a) { HANDLE(h); return h->source; }
static tiny_val h_context(tiny_vm *vm, tiny_args *a) {
  HANDLE(h);
  tiny_val context = context_or_new(vm, h->context);
  if (!tiny_failed(context)) tiny_store(vm, tiny_arg(a, 0), &h->context, context);
  return context;
}
static tiny_val h_repr(tiny_vm *vm, tiny_args *a) {
  tiny_val self = tiny_arg(a, 0);
  return tiny_call_method(vm, tiny_import(vm, "asyncio.format_helpers"), "_handle_repr", 1, &self);
}

/* _run(): what the loop does with a ready handle, for those who hold one themselves. */
static tiny_val ran(tiny_vm *vm, tiny_val state, tiny_outcome how, tiny_val v) {
  (void)context_leave(vm, tiny_seq_item(state, 2));
  return how == TINY_RAISED ? handle_raised(vm, tiny_seq_item(state, 0), tiny_seq_item(state, 1), v) : TINY_NONE;
}
static tiny_val h_run(tiny_vm *vm, tiny_args *a) {
  HANDLE(h);
  tiny_val small[8], *argv = small, previous;
  int n = tiny_seq_len(h->args);
  if (n < 0) return tiny_raise(vm, TINY_TYPE_ERROR, "the arguments of a handle must be a tuple or list");
  if (!context_enter(vm, h->context, &previous)) return TINY_FAIL;
  tiny_val parts[3] = {h->loop, tiny_arg(a, 0), previous}, state = tiny_tuple(vm, 3, parts);
  if (tiny_failed(state)) return TINY_FAIL;
  if (n > 8 && !(argv = tiny_alloc(vm, NULL, 0, (size_t)n * sizeof *argv))) return tiny_no_memory(vm);
  for (int i = 0; i < n; i++) argv[i] = tiny_seq_item(h->args, i);
  tiny_val r = tiny_then_call(vm, ran, state, h->callback, n, argv);
  if (argv != small) tiny_alloc(vm, argv, (size_t)n * sizeof *argv, 0);
  return r;
}

static const tiny_def handle_methods[] = {{"__init__", h_init, "(self, callback, args, loop, context=None)", NULL}, {"cancel", h_cancel, "(self, /)", NULL},
    {"cancelled", h_cancelled, "(self, /)", NULL}, {"_run", h_run, "(self, /)", NULL}, {"@_callback", h_callback, "(self, /)", NULL}, {"@_args", h_args, "(self, /)", NULL},
    {"@_loop", h_loop, "(self, /)", NULL}, {"@_context", h_context, "(self, /)", NULL}, {"@_cancelled", h_cancelled, "(self, /)", NULL},
    {"@_source_traceback", h_source, "(self, /)", NULL}, {"__repr__", h_repr, "(self, /)", NULL}, {0}};
const tiny_class aio_handle_class = {.name = "asyncio.events.Handle", .data_size = sizeof(Handle), .methods = handle_methods, .trace = handle_trace};

static tiny_val t_init(tiny_vm *vm, tiny_args *a) {
  HANDLE(h);
  if (!tiny_to_float(vm, tiny_arg(a, 1), &h->when)) return TINY_FAIL;
  return handle_init(vm, h, tiny_arg(a, 0), tiny_arg(a, 4), tiny_arg(a, 2), tiny_arg(a, 3), tiny_arg(a, 5)) ? TINY_NONE : TINY_FAIL;
}
static tiny_val t_when(tiny_vm *vm, tiny_args *a) { HANDLE(h); return tiny_float(vm, h->when); }
static tiny_val t_scheduled(tiny_vm *vm, tiny_args *a) { HANDLE(h); return tiny_bool(h->scheduled); }
static tiny_val t_hash(tiny_vm *vm, tiny_args *a) {
  HANDLE(h);
  tiny_val when = tiny_float(vm, h->when);
  return tiny_call_method(vm, when, "__hash__", 0, NULL);
}

static tiny_val not_implemented(tiny_vm *vm) { return tiny_getattr(vm, tiny_import(vm, "builtins"), "NotImplemented"); }

/* TimerHandles are ordered by their time; equal ones also have the same callback, arguments and state. */
static int order(const Handle *a, const Handle *b) { return a->when < b->when ? -1 : a->when > b->when; }
static int same(tiny_vm *vm, const Handle *a, const Handle *b) {
  if (order(a, b) || a->cancelled != b->cancelled) return 0;
  int r = tiny_equal(vm, a->callback, b->callback);
  return r == 1 ? tiny_equal(vm, a->args, b->args) : r;
}
#define COMPARE(name, test) \
  static tiny_val name(tiny_vm *vm, tiny_args *a) { \
    Handle *x = tiny_data(vm, tiny_arg(a, 0), &aio_timer_class), *y = tiny_data(vm, tiny_arg(a, 1), &aio_timer_class); \
    if (!x || !y) return not_implemented(vm); \
    int eq = same(vm, x, y), cmp = order(x, y); \
    (void)cmp; \
    return eq < 0 ? TINY_FAIL : tiny_bool(test); \
  }
COMPARE(t_eq, eq)
COMPARE(t_lt, cmp < 0)
COMPARE(t_le, cmp < 0 || eq)
COMPARE(t_gt, cmp > 0)
COMPARE(t_ge, cmp > 0 || eq)

static const tiny_def timer_methods[] = {{"__init__", t_init, "(self, when, callback, args, loop, context=None)", NULL}, {"when", t_when, "(self, /)", NULL}, {"@_when", t_when, "(self, /)", NULL},
    {"@_scheduled", t_scheduled, "(self, /)", NULL}, {"__hash__", t_hash, "(self, /)", NULL}, {"__eq__", t_eq, "(self, other, /)", NULL}, {"__lt__", t_lt, "(self, other, /)", NULL},
    {"__le__", t_le, "(self, other, /)", NULL}, {"__gt__", t_gt, "(self, other, /)", NULL}, {"__ge__", t_ge, "(self, other, /)", NULL}, {0}};
const tiny_class aio_timer_class = {.name = "asyncio.events.TimerHandle", .data_size = sizeof(Handle), .methods = timer_methods, .trace = handle_trace, .base = &aio_handle_class};
