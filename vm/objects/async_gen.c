/* Asynchronous generators (PEP 525). The object is a generator whose frame gives items by YIELDITEM. What asend() and its kin return is a step: a generator-layout
 * object made from stdlib/frozen/_async.tiny that delegates to it once (`async for` does without: it delegates to the generator itself, see async_gen_ready). So an awaited step and the asynchronous generator are members of the delegation chain like
 * any coroutine, and what the generator awaits suspends and resumes at the same cost at any depth. */
#include "vm/objects/generator.h"
#include "vm/call.h"
#include "vm/objects/containers_int.h"
#include "vm/objects/traceback.h"
#include "vm/type_ids.h"

bool gen_is_item(const Gen *to) { return gen_is_step(to) || to->head.type == &async_generator_type; }
static Value *step_value(Gen *step) { return &frame_regs(&step->frame)[1]; } /* parameter `value`: to send; what to throw: tuple of throw()'s arguments */
static bool is_aclose(const Gen *step) { return step->head.type == &athrow_type && v_is_none(frame_regs(&step->frame)[1]); }
static bool step_throws(const Gen *step) { return step->head.type == &athrow_type || (step->flags & GEN_STEP_THROWS); }

static Value thrown_by(VM *vm, Gen *step) {
  const Value *args = v_tuple(*step_value(step))->items;
  return gen_make_exc(vm, args[0], args[1], args[2]);
}

Begin async_gen_refused(VM *vm, Gen *step, Gen *ag) {
  if (gen_state(ag) == GEN_CLOSED) {
    if (step->flags & GEN_STEP_THROWS) {
      Value exc = thrown_by(vm, step);
      if (!v_failed(exc)) rt_restore(vm, exc);
      return BEGIN_FAIL;
    }
    if (step->head.type == &athrow_type && !is_aclose(step)) return BEGIN_ENDED;
    rt_raise_with(vm, &exc_StopAsyncIteration, V_ABSENT);
    return BEGIN_FAIL;
  }
  rt_raise(vm, &exc_RuntimeError, "%s(): asynchronous generator is already running", !step_throws(step) ? "anext" : is_aclose(step) ? "aclose" : "athrow");
  return BEGIN_FAIL;
}

Begin async_gen_begin(VM *vm, Gen *step, Gen *ag) {
  bool throws = step_throws(step), fresh = gen_state(ag) == GEN_CREATED;
  Value value = gen_is_step(step) ? *step_value(step) : V_NONE;
  if (ag->flags & GEN_RUNNING_ASYNC) return async_gen_refused(vm, step, ag);
  if (!throws && fresh && !v_is_none(value)) {
    rt_raise(vm, &exc_TypeError, "can't send non-None value to a just-started async generator");
    return BEGIN_FAIL;
  }
  if (step->head.type == &athrow_type && (ag->flags & GEN_AG_CLOSED)) {
    rt_raise_with(vm, &exc_StopAsyncIteration, V_ABSENT);
    return BEGIN_FAIL;
  }
  if (throws) {
    if (is_aclose(step)) {
      ag->flags |= GEN_AG_CLOSED;
      value = exc_new(vm, &exc_GeneratorExit, 0, NULL);
    } else {
      value = thrown_by(vm, step);
    }
    if (v_failed(value)) return BEGIN_FAIL;
  }
  ag->flags |= GEN_RUNNING_ASYNC;
  gen_link(vm, step, ag, ag);
  if (fresh) gen_set_state(ag, GEN_SUSPENDED);
  if (throws) {
    rt_restore(vm, value);
    return BEGIN_THROW;
  }
  if (!fresh) gc_store(vm, ag, &frame_regs(&ag->frame)[ag->head.small >> 8], value);
  return BEGIN_RUN;
}

/* One of athrow() or aclose() that began by throw() ended: 3.11 lets it be used as if nothing had been, unless its generator ignored the exit. */
void async_gen_step_ended(Gen *step) {
  Gen *ag = v_gen(frame_regs(&step->frame)[0]);
  Value kept = step_value(step)[1];
  if (step->head.type != &athrow_type || (v_is_none(kept) && gen_state(ag) != GEN_CLOSED)) return;
  *step_value(step) = kept;
  step->flags &= (uint8_t)~GEN_STEP_THROWS;
  gen_restart(step);
}

/* ---- methods */

static Value *finalizer_slot(Gen *ag) { return &frame_regs(&ag->frame)[ag->frame.func->code->n_regs]; }
Value async_gen_finalizer(Gen *ag) { return ag->flags & GEN_HOOKED && !(ag->flags & GEN_AG_CLOSED) ? *finalizer_slot(ag) : V_NONE; }

/* The first step of an asynchronous generator is announced to the hook that its loop set (PEP 525), whose other hook will get it when it is abandoned. [script] */
static bool announce(VM *vm, Value v) {
  Gen *ag = v_gen(v);
  if (ag->flags & GEN_HOOKED) return true;
  ag->flags |= GEN_HOOKED;
  gc_store(vm, ag, finalizer_slot(ag), vm->asyncgen_finalizer);
  return v_is_none(vm->asyncgen_firstiter) || !v_failed(rt_call(vm, vm->asyncgen_firstiter, 1, &v));
}

static Value make_step(VM *vm, const Type *type, const char *body, Value ag, Value value) {
  Value argv[3] = {ag, value, V_NONE};
  return announce(vm, ag) ? gen_from_builtin(vm, type, body, 3, argv) : V_FAIL;
}

/* asend(value): the way of every item, so without a look for the function and without binding its arguments one by one. */
static Value make_asend(VM *vm, Value ag, Value value) {
  if (v_absent(vm->agen_step)) {
    Value fn = rt_frozen(vm, "_agen_step");
    if (v_failed(fn)) return V_FAIL;
    vm->agen_step = fn;
  }
  if (!announce(vm, ag)) return V_FAIL;
  Gen *step = gen_new(vm, (Function *)v_obj(vm->agen_step));
  if (!step) return V_FAIL;
  Value *regs = frame_regs(&step->frame);
  regs[0] = ag;
  regs[1] = value;
  regs[2] = V_NONE;
  step->head.type = &asend_type;
  step->head.shape = asend_type.shape_id;
  return v_from_obj(step);
}
Value async_gen_anext(VM *vm, Value ag) { return make_asend(vm, ag, V_NONE); }
static Value ag_anext(VM *vm, Args *a) { return async_gen_anext(vm, a->v[0]); }
static Value ag_asend(VM *vm, Args *a) { return make_asend(vm, a->v[0], a->v[1]); }

/* The step begins by throwing into its generator. args: those of throw() */
static void begin_by_throw(VM *vm, Gen *step, Value args) {
  gc_store(vm, step, step_value(step) + 1, *step_value(step));
  gc_store(vm, step, step_value(step), args);
  step->flags |= GEN_STEP_THROWS;
}

bool async_gen_begin_by_throw(VM *vm, Gen *step, Value exc) {
  Tuple *args = tuple_new(vm, (Value[]){exc, V_NONE, V_NONE}, 3);
  if (args) begin_by_throw(vm, step, v_from_obj(args));
  return args != NULL;
}

/* The arguments of throw(), kept until the step begins. */
static Value throw_args(VM *vm, Args *a) {
  Value three[3] = {a->v[1], v_absent(a->v[2]) ? V_NONE : a->v[2], v_absent(a->v[3]) ? V_NONE : a->v[3]};
  Tuple *t = tuple_new(vm, three, 3);
  return t ? v_from_obj(t) : V_FAIL;
}
static Value ag_athrow(VM *vm, Args *a) {
  Value *keep = rt_temp(vm, 1);
  if (!keep) return V_FAIL;
  *keep = throw_args(vm, a);
  return v_failed(*keep) ? V_FAIL : make_step(vm, &athrow_type, "_agen_step", a->v[0], *keep);
}
static Value ag_aclose(VM *vm, Args *a) { return make_step(vm, &athrow_type, "_agen_aclose", a->v[0], V_NONE); }
static Value same(VM *vm, Args *a) { (void)vm; return a->v[0]; }
static Value same_iter(VM *vm, Value self) { (void)vm; return self; }

static Value get_code(VM *vm, Value self) { (void)vm; return v_from_obj(v_gen(self)->frame.func->code); }
static Value get_running(VM *vm, Value self) { (void)vm; return v_from_bool((v_gen(self)->flags & GEN_RUNNING_ASYNC) != 0); }
Value gen_awaits(VM *vm, Gen *g) {
  Value y = g->yield_from;
  if (v_absent(y)) return V_NONE;
  if (is_gen(y)) gen_publish(v_gen(y));
  return v_is_exact(y, &async_generator_type) && !gen_is_step(g) ? async_gen_anext(vm, y) : y; /* the step that `async for` does without */
}
static Value get_await(VM *vm, Value self) { return gen_awaits(vm, v_gen(self)); }
static Value get_frame(VM *vm, Value self) { return gen_state(v_gen(self)) == GEN_CLOSED ? V_NONE : frame_object_new(vm, &v_gen(self)->frame); }

static const tiny_def methods[] = {{"__aiter__", same, "(self, /)", "Return an awaitable, that resolves in asynchronous iterator."}, {"__anext__", ag_anext, "(self, /)", "Return a value or raise StopAsyncIteration."},
    {"asend", ag_asend, "(self, value, /)", "asend(v) -> send 'v' in generator."}, {"athrow", ag_athrow, "(self, typ, val=..., tb=..., /)", "athrow(typ[,val[,tb]]) -> raise exception in generator."},
    {"aclose", ag_aclose, "(self, /)", "aclose() -> raise GeneratorExit inside generator."}, {"__del__", gen_del_m, "(self, /)", NULL}, CLASS_GETITEM, {0}};
static const GetSet getset[] = {{"__name__", gen_get_name, gen_set_name, "name of the async generator"}, {"__qualname__", gen_get_qualname, gen_set_qualname, "qualified name of the async generator"}, {"ag_code", get_code, NULL, NULL},
    {"ag_frame", get_frame, NULL, NULL}, {"ag_running", get_running, NULL, NULL}, {"ag_await", get_await, NULL, "object being awaited on, or None"}, {0}};
const Type async_generator_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "async_generator", .base = &object_type, .layout = LAY_GEN,
    .flags = TYPE_NO_NEW | TYPE_WEAKREF, .shape_id = TYPE_ID_async_generator, .size = sizeof(Gen), .trace = gen_trace, .repr = gen_repr, .methods = methods, .getset = getset};

/* ---- what asend() and athrow() return */

/* What is sent to a step that has not begun takes the place of asend()'s value. */
static Value step_send(VM *vm, Args *a) {
  Gen *step = v_gen(a->v[0]);
  if (gen_state(step) == GEN_CREATED && !v_is_none(a->v[1])) {
    if (step->head.type == &athrow_type) return rt_raise(vm, &exc_RuntimeError, "can't send non-None value to a just-started coroutine");
    gc_store(vm, step, step_value(step), a->v[1]);
    a->v[1] = V_NONE;
  }
  return gen_send_m(vm, a);
}
static Value step_next(VM *vm, Args *a) { return gen_next_m(vm, a); }
static Value step_throw(VM *vm, Args *a) {
  Gen *step = v_gen(a->v[0]);
  if (gen_state(step) == GEN_CREATED) {
    Value args = throw_args(vm, a);
    if (v_failed(args)) return V_FAIL;
    begin_by_throw(vm, step, args);
    return gen_tail_resume(vm, a->v[0], RESUME_SEND, V_NONE);
  }
  if (gen_state(step) == GEN_CLOSED) return gen_tail_resume(vm, a->v[0], RESUME_SEND, V_NONE); /* says so */
  Value exc = gen_make_exc(vm, a->v[1], a->v[2], a->v[3]);
  return v_failed(exc) ? V_FAIL : gen_tail_resume(vm, a->v[0], RESUME_THROW, exc);
}
/* It forgets its generator, which is not resumed. */
static Value step_close(VM *vm, Args *a) {
  Gen *step = v_gen(a->v[0]);
  if (gen_state(step) != GEN_RUNNING) gen_drop_step(vm, step);
  return V_NONE;
}
static const tiny_def awaitable_methods[] = {{"__await__", same, "(self, /)", NULL}, {"send", step_send, "(self, value, /)", NULL}, {"throw", step_throw, "(self, typ, val=..., tb=..., /)", NULL},
    {"close", step_close, "(self, /)", NULL}, {"__next__", step_next, "(self, /)", NULL}, {0}};
#define AWAITABLE(id, name_)                                                                                                                                                       \
  const Type id##_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = name_, .base = &object_type, .layout = LAY_GEN, .flags = TYPE_NO_NEW, \
      .shape_id = TYPE_ID_##id, .size = sizeof(Gen), .trace = gen_trace, .iter = same_iter, .methods = awaitable_methods}
AWAITABLE(asend, "async_generator_asend");
AWAITABLE(athrow, "async_generator_athrow");

/* ---- anext(it, default) */

static const tiny_def anext_methods[] = {{"__await__", same, "(self, /)", NULL}, {"send", gen_send_m, "(self, value, /)", NULL}, {"throw", gen_throw_m, "(self, typ, val=..., tb=..., /)", NULL},
    {"close", gen_close_m, "(self, /)", NULL}, {"__next__", gen_next_m, "(self, /)", NULL}, {0}};
const Type anext_awaitable_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "anext_awaitable", .base = &object_type, .layout = LAY_GEN,
    .flags = TYPE_NO_NEW, .shape_id = TYPE_ID_anext_awaitable, .size = sizeof(Gen), .trace = gen_trace, .iter = same_iter, .methods = anext_methods};

Value async_gen_anext_default(VM *vm, Value awaitable, Value dflt) {
  Value argv[2] = {awaitable, dflt};
  return gen_from_builtin(vm, &anext_awaitable_type, "_anext_default", 2, argv);
}
