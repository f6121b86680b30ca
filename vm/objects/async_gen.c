/* Asynchronous generators (PEP 525). The object is a generator; its body yields items wrapped, so that they can be told from what awaited futures yield.
 * asend() and its kin are generator-layout objects made from stdlib/frozen/_async.tiny: awaiting them joins the delegation chain like any coroutine. */
#include "vm/eval_cold.h"
#include "vm/objects/generator.h"
#include "vm/objects/traceback.h"
#include "vm/type_ids.h"

typedef struct Wrapped_ { Obj head; Value v; } AsyncItem;
extern const Type async_gen_wrapped_type, asend_type, athrow_type;

Value cold_async_wrap(VM *vm, Value v) {
  AsyncItem *w = gc_new(vm, &async_gen_wrapped_type, sizeof *w);
  if (!w) return V_FAIL;
  gc_store(vm, w, &w->v, v);
  return v_from_obj(w);
}

static void item_trace(Tracer *t, Obj *o) { gc_mark(t, ((AsyncItem *)o)->v); }
const Type async_gen_wrapped_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "async_generator_wrapped_value", .base = &object_type,
    .layout = LAY_OTHER, .flags = TYPE_NO_NEW, .shape_id = TYPE_ID_async_gen_wrapped, .size = sizeof(AsyncItem), .trace = item_trace};

/* ---- natives of the frozen functions */

static Value n_wrapped(VM *vm, Args *a) { (void)vm; return v_from_bool(v_is_exact(a->v[0], &async_gen_wrapped_type)); }
static Value n_unwrap(VM *vm, Args *a) { (void)vm; return ((AsyncItem *)v_obj(a->v[0]))->v; }
static Value n_send(VM *vm, Args *a) { return gen_tail_resume(vm, a->v[0], RESUME_SEND, a->v[1]); }
static Value n_throw(VM *vm, Args *a) { return gen_tail_resume(vm, a->v[0], RESUME_THROW, a->v[1]); }
static Value n_closed(VM *vm, Args *a) { (void)vm; return v_from_bool((v_gen(a->v[0])->flags & GEN_AG_CLOSED) || gen_state(v_gen(a->v[0])) == GEN_CLOSED); }
static Value n_close(VM *vm, Args *a) { (void)vm; v_gen(a->v[0])->flags |= GEN_AG_CLOSED; return V_NONE; }
static Value n_enter(VM *vm, Args *a) {
  Gen *g = v_gen(a->v[0]);
  if (g->flags & GEN_RUNNING_ASYNC) return rt_raise(vm, &exc_RuntimeError, "%S(): asynchronous generator is already running", a->v[1]);
  g->flags |= GEN_RUNNING_ASYNC;
  return V_NONE;
}
static Value n_leave(VM *vm, Args *a) { (void)vm; v_gen(a->v[0])->flags &= (uint8_t)~GEN_RUNNING_ASYNC; return V_NONE; }
const tiny_def async_gen_natives[] = {{"_ag_wrapped", n_wrapped, "(x, /)", NULL}, {"_ag_unwrap", n_unwrap, "(x, /)", NULL}, {"_ag_send", n_send, "(ag, value, /)", NULL},
    {"_ag_throw", n_throw, "(ag, exc, /)", NULL}, {"_ag_closed", n_closed, "(ag, /)", NULL}, {"_ag_close", n_close, "(ag, /)", NULL}, {"_ag_enter", n_enter, "(ag, what, /)", NULL},
    {"_ag_leave", n_leave, "(ag, /)", NULL}, {0}};

/* ---- methods */

/* The first step of an asynchronous generator is announced to the hook that its loop set (PEP 525). [script] */
static bool announce(VM *vm, Value ag) {
  Gen *g = v_gen(ag);
  if (g->flags & GEN_HOOKED) return true;
  g->flags |= GEN_HOOKED;
  return v_is_none(vm->asyncgen_firstiter) || !v_failed(rt_call(vm, vm->asyncgen_firstiter, 1, &ag));
}

static Value make_asend(VM *vm, Value ag, Value value, const char *what) {
  if (!announce(vm, ag)) return V_FAIL;
  Str *name = str_from(vm, what);
  if (!name) return V_FAIL;
  Value argv[3] = {ag, value, v_from_obj(name)};
  return gen_from_builtin(vm, &asend_type, "_agen_asend", 3, argv);
}
static Value ag_anext(VM *vm, Args *a) { return make_asend(vm, a->v[0], V_NONE, "anext"); }
static Value ag_asend(VM *vm, Args *a) { return make_asend(vm, a->v[0], a->v[1], "asend"); }
static Value ag_athrow(VM *vm, Args *a) {
  if (!announce(vm, a->v[0])) return V_FAIL;
  Value argv[2] = {a->v[0], gen_make_exc(vm, a->v[1], a->v[2], a->v[3])};
  return v_failed(argv[1]) ? V_FAIL : gen_from_builtin(vm, &athrow_type, "_agen_athrow", 2, argv);
}
static Value ag_aclose(VM *vm, Args *a) { return !announce(vm, a->v[0]) ? V_FAIL : gen_from_builtin(vm, &athrow_type, "_agen_aclose", 1, a->v); }
static Value same(VM *vm, Args *a) { (void)vm; return a->v[0]; }
static Value same_iter(VM *vm, Value self) { (void)vm; return self; }

static Value get_name(VM *vm, Value self) { (void)vm; return v_gen(self)->frame.func->name; }
static Value get_qualname(VM *vm, Value self) { (void)vm; return v_gen(self)->frame.func->qualname; }
static Value get_code(VM *vm, Value self) { (void)vm; return v_from_obj(v_gen(self)->frame.func->code); }
static Value get_running(VM *vm, Value self) { (void)vm; return v_from_bool((v_gen(self)->flags & GEN_RUNNING_ASYNC) != 0); }
static Value get_await(VM *vm, Value self) {
  (void)vm;
  Value y = v_gen(self)->yield_from;
  return v_absent(y) ? V_NONE : y;
}
static Value get_frame(VM *vm, Value self) { return gen_state(v_gen(self)) == GEN_CLOSED ? V_NONE : frame_object_new(vm, &v_gen(self)->frame); }

static const tiny_def methods[] = {{"__aiter__", same, "(self, /)", "Return an awaitable, that resolves in asynchronous iterator."}, {"__anext__", ag_anext, "(self, /)", "Return a value or raise StopAsyncIteration."},
    {"asend", ag_asend, "(self, value, /)", "asend(v) -> send 'v' in generator."}, {"athrow", ag_athrow, "(self, typ, val=..., tb=..., /)", "athrow(typ[,val[,tb]]) -> raise exception in generator."},
    {"aclose", ag_aclose, "(self, /)", "aclose() -> raise GeneratorExit inside generator."}, {0}};
static const GetSet getset[] = {{"__name__", get_name, NULL, "name of the async generator"}, {"__qualname__", get_qualname, NULL, "qualified name of the async generator"}, {"ag_code", get_code, NULL, NULL},
    {"ag_frame", get_frame, NULL, NULL}, {"ag_running", get_running, NULL, NULL}, {"ag_await", get_await, NULL, "object being awaited on, or None"}, {0}};
const Type async_generator_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "async_generator", .base = &object_type, .layout = LAY_GEN,
    .flags = TYPE_NO_NEW | TYPE_WEAKREF, .shape_id = TYPE_ID_async_generator, .size = sizeof(Gen), .trace = gen_trace, .repr = gen_repr, .methods = methods, .getset = getset};

/* ---- what asend() and athrow() return */

static Value awaited_check(VM *vm, Value self) {
  if (gen_state(v_gen(self)) != GEN_CLOSED) return V_NONE;
  bool send = v_obj(self)->type == &asend_type;
  return rt_raise(vm, &exc_RuntimeError, "cannot reuse already awaited %s", send ? "__anext__()/asend()" : "aclose()/athrow()");
}
static Value aw_send(VM *vm, Args *a) { return v_failed(awaited_check(vm, a->v[0])) ? V_FAIL : gen_send_m(vm, a); }
static Value aw_next(VM *vm, Args *a) { return v_failed(awaited_check(vm, a->v[0])) ? V_FAIL : gen_next_m(vm, a); }
static Value aw_throw(VM *vm, Args *a) {
  if (v_failed(awaited_check(vm, a->v[0]))) return V_FAIL;
  Value exc = gen_make_exc(vm, a->v[1], a->v[2], a->v[3]);
  if (v_failed(exc)) return V_FAIL;
  Gen *g = v_gen(a->v[0]);
  if (gen_state(g) != GEN_CREATED) return gen_tail_resume(vm, a->v[0], RESUME_THROW, exc);
  /* not started: the exception goes to the asynchronous generator itself, which may have to clean up (a loop that ends cancels aclose() so) */
  Value argv[4] = {a->v[0], frame_regs(&g->frame)[0], exc, g->frame.func->name};
  return rt_tail_builtin(vm, "_agen_throw_first", 4, argv);
}
static Value aw_close(VM *vm, Args *a) {
  (void)vm;
  gen_set_state(v_gen(a->v[0]), GEN_CLOSED);
  return V_NONE;
}
static const tiny_def awaitable_methods[] = {{"__await__", same, "(self, /)", NULL}, {"send", aw_send, "(self, value, /)", NULL}, {"throw", aw_throw, "(self, typ, val=..., tb=..., /)", NULL},
    {"close", aw_close, "(self, /)", NULL}, {"__next__", aw_next, "(self, /)", NULL}, {0}};
#define AWAITABLE(id, name_)                                                                                                                                                       \
  const Type id##_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = name_, .base = &object_type, .layout = LAY_GEN, .flags = TYPE_NO_NEW, \
      .shape_id = TYPE_ID_##id, .size = sizeof(Gen), .trace = gen_trace, .iter = same_iter, .methods = awaitable_methods}
AWAITABLE(asend, "async_generator_asend");
AWAITABLE(athrow, "async_generator_athrow");
