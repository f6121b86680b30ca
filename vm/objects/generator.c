/* Generators and coroutines: linking a resume into the dispatch loop, delegation chains, and the methods send, throw, close.
 * One resume path (gen_begin) with everything else a thin caller. See generator.h for the chain's invariants. */
#include "vm/objects/generator.h"
#include "vm/attr.h"
#include "vm/call.h"
#include "vm/objects/iter.h"
#include "vm/objects/list.h"
#include "vm/objects/traceback.h"
#include "vm/type_ids.h"



static const Type *kind_of(const Code *c) {
  if (c->flags & CODE_ASYNC_GEN) return &async_generator_type;
  if (c->flags & CODE_COROUTINE) return &coroutine_type;
  return &generator_type;
}

/* sys.set_coroutine_origin_tracking_depth: where a coroutine is made, innermost caller first. */
static Value origin_of(VM *vm) {
  List *found = list_new(vm, NULL, 0);
  for (uint32_t i = 0; found && i < vm->origin_depth; i++) {
    Frame *f = frame_script(vm, (int)i);
    if (!f) break;
    Code *c = f->func->code;
    const Position *pos = code_position(c, (uint32_t)(f->pc > c->instr ? f->pc - c->instr - 1 : 0));
    Value three[3] = {v_from_obj(c->filename), v_from_int62(pos ? pos->line : 0), v_from_obj(c->name)};
    Tuple *t = tuple_new(vm, three, 3);
    if (!t || !list_append(vm, found, v_from_obj(t))) return V_FAIL;
  }
  Tuple *all = found ? tuple_new(vm, found->items, found->length) : NULL;
  return all ? v_from_obj(all) : V_FAIL;
}

/* Who makes a coroutine: said when it was never awaited. Until it begins its frame has no `back` and no depth, so that the caller's function and place stand there. */
static void note_maker(VM *vm, Gen *g) {
  const Frame *f = vm->frame;
  if (f && ((f->flags & FRAME_NATIVE) || (f->func->code->flags & CODE_HIDDEN))) f = frame_script(vm, 0);
  if (!f) return;
  const Code *c = f->func->code;
  g->frame.back = (Frame *)(void *)f->func;
  g->frame.depth = (uint32_t)(f->pc > c->instr ? f->pc - c->instr - 1 : 0);
}

static Function *maker_of(const Gen *g) {
  return g->head.type == &coroutine_type && gen_state(g) == GEN_CREATED ? (Function *)(void *)g->frame.back : NULL;
}

Function *gen_maker(const Gen *g, int *line) {
  Function *fn = maker_of(g);
  const Position *pos = fn ? code_position(fn->code, g->frame.depth) : NULL;
  *line = pos ? pos->line : 0;
  return fn;
}

static Gen *gen_make(VM *vm, Function *fn) {
  Code *c = fn->code;
  if (UNLIKELY(!c->instr) && !code_load_rest(vm, c)) return NULL;
  const Type *kind = kind_of(c);
  bool noted = UNLIKELY(vm->origin_depth) && kind == &coroutine_type && !(c->flags & CODE_HIDDEN);
  Gen *g = gc_new(vm, kind, sizeof(Gen) + (c->n_regs + (kind == &async_generator_type || noted)) * sizeof(Value));
  if (!g) return NULL;
  g->yield_from = V_ABSENT;
  g->frame.func = fn;
  g->frame.pc = c->instr;
  g->frame.flags = FRAME_GEN;
  Value *regs = frame_regs(&g->frame);
  for (uint32_t i = 0; i < c->n_regs; i++) regs[i] = V_ABSENT;
  if (noted) {
    g->flags |= GEN_HOOKED;
    regs[c->n_regs] = origin_of(vm);
    if (v_failed(regs[c->n_regs])) return NULL;
  }
  return g;
}

Gen *gen_new(VM *vm, Function *fn) {
  Gen *g = gen_make(vm, fn);
  if (g && g->head.type == &coroutine_type) note_maker(vm, g);
  return g;
}

/* Most coroutines are awaited where they are called, end and are never seen by anybody: the next such call gets the same object. What a collection finds among the
   spare ones is garbage (gc.c forgets them first). */
Gen *gen_new_private(VM *vm, Function *fn) {
  Code *c = fn->code;
  if (UNLIKELY(!c->instr) && !code_load_rest(vm, c)) return NULL;
  Gen *g = c->n_regs < SPARE_GENS ? vm->spare_gens[c->n_regs] : NULL;
  if (!g) {
    g = gen_make(vm, fn);
    if (g) g->flags = GEN_PRIVATE;
    return g;
  }
  vm->spare_gens[c->n_regs] = g->link;
  g->link = NULL;
  g->head.small = GEN_CREATED;
  g->frame.back = NULL; /* see note_maker */
  g->frame.func = fn;
  g->frame.pc = c->instr;
  Value *regs = frame_regs(&g->frame);
  for (uint32_t i = 0; i < c->n_regs; i++) regs[i] = V_ABSENT;
  return g;
}

void gen_publish(Gen *g) {
  if (g->head.type == &coroutine_type) g->flags &= (uint8_t)~GEN_PRIVATE;
}

/* ---- chains ---- */

static const char *noun(const Gen *g) {
  if (g->head.type == &coroutine_type) return "coroutine";
  if (g->head.type == &async_generator_type) return "async generator";
  return "generator";
}

bool gen_in_running_chain(Gen *g) {
  for (; g; g = g->delegator)
    if (gen_state(g) == GEN_RUNNING) return true;
  return false;
}

/* The innermost generator below g, by walking. Stops before a running one (*blocked). */
static Gen *walk_leaf(Gen *g, bool *blocked) {
  *blocked = false;
  while (is_gen(g->yield_from)) {
    Gen *next = v_gen(g->yield_from);
    if (next->delegator != g) break; /* delegated to by two: not part of this chain */
    if (gen_state(next) == GEN_RUNNING) {
      *blocked = true;
      break;
    }
    g = next;
  }
  return g;
}

/* Makes `leaf` the running leaf of root's run. */
static void enter_leaf(Gen *root, Gen *leaf) {
  if (leaf == root && !root->delegator) {
    root->link = NULL;
  } else {
    root->link = leaf;
    leaf->link = root;
  }
}

/* g has no delegator any more. */
void gen_detach(VM *vm, Gen *g) {
  g->delegator = NULL;
  if (gen_state(g) != GEN_RUNNING) g->link = is_gen(g->yield_from) ? g : NULL; /* its leaf is to be found again */
  vm->gen_epoch++;
}

/* g does not delegate any more, while its delegate lives on. */
static void drop_delegate(VM *vm, Gen *g) {
  if (is_gen(g->yield_from) && v_gen(g->yield_from)->delegator == g) gen_detach(vm, v_gen(g->yield_from));
  g->yield_from = V_ABSENT;
}

static void copy_return(Frame *to, const Frame *from) {
  to->back = from->back;
  to->cont = from->cont;
  to->dest = from->dest;
  to->aux = from->aux;
  to->depth = from->depth;
}

static Begin begin_ended(VM *vm, Gen *g, ResumeMode mode, Value value) {
  if (mode != RESUME_CLOSE) {
    const Type *t = g->head.type;
    const char *what = t == &coroutine_type ? "coroutine" : t == &asend_type || t == &anext_awaitable_type ? "__anext__()/asend()" : t == &athrow_type ? "aclose()/athrow()" : NULL;
    if (what) {
      rt_raise(vm, &exc_RuntimeError, "cannot reuse already awaited %s", what);
      return BEGIN_FAIL;
    }
  }
  if (mode == RESUME_THROW) {
    rt_restore(vm, value);
    return BEGIN_FAIL;
  }
  return BEGIN_ENDED;
}

static Begin raise_running(VM *vm, Gen *g) {
  rt_raise(vm, &exc_ValueError, "%s already executing", noun(g));
  return BEGIN_FAIL;
}

void gen_drop_step(VM *vm, Gen *step) {
  drop_delegate(vm, step);
  step->delegator = step->link = NULL;
  gen_set_state(step, GEN_CLOSED);
  vm->gen_epoch++;
}

/* GeneratorExit (exc; V_ABSENT: a new one) came to a root that delegates: the members below it are closed one by one from the leaf outward, each getting a
   GeneratorExit of its own; the root gets exc, which waits in the register for values sent in (PEP 380; V_ABSENT: a new one, too). */
static Begin begin_close(VM *vm, Gen *g, Gen *leaf, Value exc) {
  for (Gen *m = g; m != leaf; m = v_gen(m->yield_from)) {
    Gen *next = v_gen(m->yield_from);
    if (!gen_is_item(next) || gen_is_step(m)) continue;
    if (gen_is_step(next)) gen_drop_step(vm, next);
    else gen_detach(vm, next);
    m->yield_from = V_ABSENT;
    copy_return(&m->frame, &leaf->frame);
    leaf = m;
    leaf->frame.pc++; /* past its YIELDFROM */
    enter_leaf(g, leaf);
    g->epoch = vm->gen_epoch;
    vm->frame = &leaf->frame;
    break;
  }
  if (leaf != g) {
    gc_store(vm, g, &frame_regs(&g->frame)[g->head.small >> 8], exc);
    g->flags |= GEN_CLOSING;
    leaf->flags |= GEN_BEING_CLOSED;
    rt_raise_with(vm, &exc_GeneratorExit, V_ABSENT);
  } else if (v_absent(exc)) {
    rt_raise_with(vm, &exc_GeneratorExit, V_ABSENT);
  } else {
    rt_restore(vm, exc);
  }
  return BEGIN_THROW;
}

static Gen *second_engine(VM *vm, Gen *g);

Begin gen_begin(VM *vm, Gen *g, ResumeMode mode, Value value, Frame *back, uint8_t cont, uint8_t dest, uint8_t aux) {
  uint8_t state = gen_state(g);
  if (UNLIKELY(state == GEN_CLOSED)) return begin_ended(vm, g, mode, value);
  if (UNLIKELY(state == GEN_RUNNING)) {
    if (!(g->flags & GEN_ENGINE)) return raise_running(vm, g);
    g = second_engine(vm, g);
    if (!g) return BEGIN_FAIL;
    state = GEN_CREATED;
  }
  uint32_t depth = back ? back->depth + 1 : 1;
  if (UNLIKELY(depth > vm->recursion_limit)) {
    rt_raise(vm, &exc_RecursionError, "maximum recursion depth exceeded");
    return BEGIN_FAIL;
  }
  if (UNLIKELY(state == GEN_CREATED)) {
    if (mode == RESUME_SEND && !v_is_none(value)) {
      rt_raise(vm, &exc_TypeError, "can't send non-None value to a just-started %s", noun(g));
      return BEGIN_FAIL;
    }
    if (mode == RESUME_CLOSE) {
      gen_set_state(g, GEN_CLOSED);
      return BEGIN_ENDED;
    }
    if (mode == RESUME_THROW && gen_is_step(g)) {
      if (!async_gen_begin_by_throw(vm, g, value)) return BEGIN_FAIL;
      mode = RESUME_SEND;
    }
  }
  Gen *leaf = g;
  bool blocked = false;
  if (UNLIKELY(g->delegator != NULL)) { /* from outside the chain it belongs to: that chain's cache is void, g is the root of this run */
    if (gen_in_running_chain(g->delegator)) return raise_running(vm, g);
    vm->gen_epoch++;
    leaf = walk_leaf(g, &blocked);
  } else if (g->link) {
    leaf = g->epoch == vm->gen_epoch ? g->link : walk_leaf(g, &blocked);
  }
  gen_set_state(g, GEN_RUNNING);
  g->epoch = vm->gen_epoch;
  Frame *f = &leaf->frame;
  f->back = back;
  f->cont = cont;
  f->dest = dest;
  f->aux = aux;
  f->depth = depth;
  enter_leaf(g, leaf);
  vm->frame = f;
  uint8_t reg = (uint8_t)(leaf->head.small >> 8);
  if (UNLIKELY(blocked)) { /* what the leaf delegates to is running somewhere else */
    drop_delegate(vm, leaf);
    rt_raise(vm, &exc_ValueError, "generator already executing");
    return BEGIN_THROW;
  }
  if (LIKELY(mode == RESUME_SEND)) {
    if (state != GEN_CREATED) frame_regs(f)[reg] = value;
    return BEGIN_RUN;
  }
  if (mode == RESUME_CLOSE) value = V_ABSENT;
  if (leaf != g && (v_absent(value) || rt_is_subtype(type_of(value), &exc_GeneratorExit))) return begin_close(vm, g, leaf, value);
  if (v_absent(value)) rt_raise_with(vm, &exc_GeneratorExit, V_ABSENT);
  else rt_restore(vm, value);
  return BEGIN_THROW;
}

#define MAX_CHAIN 0xFFFFF0u

void gen_link(VM *vm, Gen *from, Gen *to, Gen *leaf) {
  Gen *root = gen_root(from);
  to->delegator = from;
  to->chain = from->chain + 1;
  gc_store(vm, from, &from->yield_from, v_from_obj(to));
  copy_return(&leaf->frame, &from->frame);
  enter_leaf(root, leaf);
  root->epoch = vm->gen_epoch;
  vm->frame = &leaf->frame;
}

static bool chain_full(const VM *vm, const Gen *from) { return UNLIKELY(from->chain + 1u >= MAX_CHAIN || (uint64_t)from->chain + 1 > (uint64_t)vm->recursion_limit * 1000); }

Begin gen_delegate(VM *vm, Gen *from, Gen *to) {
  if (to->head.type == &async_generator_type) return async_gen_begin(vm, from, to);
  if (gen_state(to) == GEN_RUNNING) return raise_running(vm, to);
  if (chain_full(vm, from)) {
    rt_raise(vm, &exc_RecursionError, "maximum recursion depth exceeded");
    return BEGIN_FAIL;
  }
  bool blocked = false, fresh = gen_state(to) == GEN_CREATED;
  Gen *leaf = to->link || is_gen(to->yield_from) ? walk_leaf(to, &blocked) : to;
  gen_link(vm, from, to, leaf);
  if (blocked) {
    drop_delegate(vm, leaf);
    rt_raise(vm, &exc_ValueError, "generator already executing");
    return BEGIN_THROW;
  }
  if (fresh) gen_set_state(to, GEN_SUSPENDED);
  else frame_regs(&leaf->frame)[leaf->head.small >> 8] = V_NONE;
  return BEGIN_RUN;
}

/* The running leaf stops being one: its delegator is, or nobody. */
static Gen *unlink_leaf(VM *vm, Gen *leaf) {
  Gen *root = gen_root(leaf), *outer = leaf->delegator;
  leaf->delegator = NULL;
  leaf->link = NULL;
  if (root == leaf) {
    if (outer) vm->gen_epoch++; /* it ran from outside its chain: its delegator finds out at its own next resume */
    return NULL;
  }
  outer->yield_from = V_ABSENT;
  copy_return(&outer->frame, &leaf->frame);
  enter_leaf(root, outer);
  return outer;
}

void gen_cut(VM *vm, Gen *leaf, Gen *m) {
  Gen *root = gen_root(leaf), *outer = m->delegator;
  m->delegator = NULL;
  m->link = m == leaf ? NULL : leaf;
  m->epoch = vm->gen_epoch;
  outer->yield_from = V_ABSENT;
  copy_return(&outer->frame, &leaf->frame);
  enter_leaf(root, outer);
}

Gen *gen_leave(VM *vm, Gen *leaf) {
  leaf->yield_from = V_ABSENT;
  Gen *outer = unlink_leaf(vm, leaf);
  gen_set_state(leaf, GEN_CLOSED);
  if (leaf->head.type == &async_generator_type) leaf->flags &= (uint8_t)~GEN_RUNNING_ASYNC;
  return outer;
}

Gen *async_gen_leave(VM *vm, Gen *ag) {
  ag->flags &= (uint8_t)~GEN_RUNNING_ASYNC;
  return unlink_leaf(vm, ag);
}

Gen *gen_leave_private(VM *vm, Gen *leaf) {
  Gen *root = leaf->link, *outer = leaf->delegator;
  outer->yield_from = V_ABSENT;
  copy_return(&outer->frame, &leaf->frame);
  enter_leaf(root, outer);
  leaf->delegator = leaf->link = NULL;
  gen_set_state(leaf, GEN_CLOSED);
  uint32_t n = leaf->frame.func->code->n_regs;
  if (n < SPARE_GENS) {
    leaf->link = vm->spare_gens[n];
    vm->spare_gens[n] = leaf;
  }
  return outer;
}

void gen_suspend(VM *vm, Gen *leaf, uint8_t send_reg) {
  (void)vm;
  Gen *root = gen_root(leaf);
  leaf->head.small = (uint16_t)(send_reg << 8 | GEN_SUSPENDED);
  gen_set_state(root, GEN_SUSPENDED);
}

void gen_check_stop(VM *vm, Gen *g) {
  bool stop = rt_pending_is(vm, &exc_StopIteration);
  bool astop = g->head.type == &async_generator_type && rt_pending_is(vm, &exc_StopAsyncIteration);
  if (!stop && !astop) return;
  Value cause = rt_take_exc(vm);
  Value handled = vm->handled;
  rt_raise(vm, &exc_RuntimeError, "%s raised %s", noun(g), stop ? "StopIteration" : "StopAsyncIteration");
  vm->handled = handled;
  if (is_exception(vm->exc)) {
    Exception *e = v_exc(vm->exc);
    gc_store(vm, e, &e->cause, cause);
    gc_store(vm, e, &e->context, cause);
    e->suppress_context = true;
  }
}

Value gen_from_builtin(VM *vm, const Type *as, const char *frozen_name, int argc, const Value *argv) {
  Value fn = rt_frozen(vm, frozen_name);
  if (v_failed(fn)) return V_FAIL;
  Gen *g = gen_new(vm, (Function *)v_obj(fn));
  if (!g || !call_bind(vm, (Function *)v_obj(fn), argv, argc, V_ABSENT, frame_regs(&g->frame))) return V_FAIL;
  g->head.type = as;
  g->head.shape = as->shape_id;
  return v_from_obj(g);
}

Value gen_engine_new(VM *vm, const Type *as, const char *frozen_name, int argc, const Value *argv, uint8_t flags) {
  Value v = gen_from_builtin(vm, as, frozen_name, argc, argv);
  if (!v_failed(v)) v_gen(v)->flags |= GEN_ENGINE | flags;
  return v;
}

void gen_restart(Gen *g) {
  const Code *c = g->frame.func->code;
  Value *regs = frame_regs(&g->frame);
  for (uint32_t i = c->n_params; i < c->n_regs; i++) regs[i] = V_ABSENT;
  g->frame.pc = c->instr;
  g->head.small = GEN_CREATED;
}

/* An engine is resumed by what it calls itself: next(m) in the function of the map m. Another one of the same state takes that turn. */
static Gen *second_engine(VM *vm, Gen *g) {
  Gen *twin = gen_new(vm, g->frame.func);
  if (!twin) return NULL;
  memcpy(frame_regs(&twin->frame), frame_regs(&g->frame), g->frame.func->code->n_params * sizeof(Value));
  twin->flags = g->flags;
  return twin;
}

/* ---- exceptions to throw ---- */

Value gen_make_exc(VM *vm, Value type, Value value, Value tb) {
  if (v_absent(value)) value = V_NONE;
  if (v_absent(tb)) tb = V_NONE;
  if (!v_is_none(tb) && !v_is_exact(tb, &traceback_type)) return rt_raise(vm, &exc_TypeError, "throw() third argument must be a traceback object");
  Value exc;
  if (is_type(type) && rt_is_subtype((const Type *)v_obj(type), &exc_BaseException)) {
    if (is_exception(value) && rt_isinstance(vm, value, type) == 1) exc = value;
    else if (v_is_none(value)) exc = rt_call(vm, type, 0, NULL);
    else if (is_tuple(value)) exc = rt_call(vm, type, (int)v_tuple(value)->length, v_tuple(value)->items);
    else exc = rt_call(vm, type, 1, &value);
    if (!v_failed(exc) && !is_exception(exc)) exc = rt_raise(vm, &exc_TypeError, "calling %R should have returned an instance of BaseException, not %T", type, exc);
    if (v_failed(exc)) { /* what went wrong is thrown instead */
      if (vm->limit_hit || !is_exception(vm->exc)) return V_FAIL;
      exc = rt_take_exc(vm);
    }
  } else if (is_exception(type)) {
    if (!v_is_none(value)) return rt_raise(vm, &exc_TypeError, "instance exception may not have a separate value");
    exc = type;
  } else {
    return rt_raise(vm, &exc_TypeError, "exceptions must be classes or instances deriving from BaseException, not %T", type);
  }
  if (!v_is_none(tb)) gc_store(vm, v_exc(exc), &v_exc(exc)->traceback, tb);
  return exc;
}

/* ---- methods ---- */

Value gen_tail_resume(VM *vm, Value gen, ResumeMode mode, Value value) {
  Value r = rt_tail_call(vm, gen, 1, &value);
  if (v_failed(r)) return r;
  vm->tail.mode = TAIL_RESUME;
  vm->tail.resume_mode = (uint8_t)mode;
  vm->tail.gen = gen;
  return r;
}

Value gen_send_m(VM *vm, Args *a) { return gen_tail_resume(vm, a->v[0], RESUME_SEND, a->v[1]); }
Value gen_next_m(VM *vm, Args *a) { return gen_tail_resume(vm, a->v[0], RESUME_SEND, V_NONE); }

static bool delegates_to_foreign(const Gen *g) {
  while (is_gen(g->yield_from)) g = v_gen(g->yield_from);
  return !v_absent(g->yield_from) && type_is_heap(type_of(g->yield_from));
}

/* throw() of a foreign iterator gets the arguments as they were given (PEP 380). */
static bool keep_thrown(VM *vm, const Args *a, Value exc) {
  Tuple *args = tuple_new(vm, a->v + 1, !v_absent(a->v[3]) ? 3 : !v_absent(a->v[2]) ? 2 : 1);
  if (!args) return false;
  vm->thrown[0] = exc;
  vm->thrown[1] = v_from_obj(args);
  return true;
}

Value gen_throw_m(VM *vm, Args *a) {
  Value exc = gen_make_exc(vm, a->v[1], a->v[2], a->v[3]);
  if (v_failed(exc)) return V_FAIL;
  if ((!v_same(exc, a->v[1]) || !v_absent(a->v[2])) && delegates_to_foreign(v_gen(a->v[0])) && !keep_thrown(vm, a, exc)) return V_FAIL;
  return gen_tail_resume(vm, a->v[0], RESUME_THROW, exc);
}

/* PEP 342: StopIteration and GeneratorExit end a close quietly; a value yielded is an error. */
static Value then_close(VM *vm, Value gen, tiny_outcome how, Value v) {
  if (how == TINY_YIELDED) return rt_raise(vm, &exc_RuntimeError, "%s ignored GeneratorExit", noun(v_gen(gen)));
  if (how == TINY_RETURNED) return V_NONE;
  if (rt_is_subtype(type_of(v), &exc_GeneratorExit) || rt_is_subtype(type_of(v), &exc_StopIteration)) return V_NONE;
  return rt_raise_obj(vm, v);
}

Value gen_close_m(VM *vm, Args *a) {
  Gen *g = v_gen(a->v[0]);
  if (gen_state(g) == GEN_CLOSED) return V_NONE;
  if (gen_state(g) == GEN_CREATED) {
    gen_set_state(g, GEN_CLOSED);
    return V_NONE;
  }
  Value r = tiny_then_throw(vm, then_close, a->v[0], a->v[0], V_ABSENT);
  return r;
}

/* What the collector does with an abandoned one: errors are reported, not raised. */
Value gen_del_m(VM *vm, Args *a) {
  if (gen_state(v_gen(a->v[0])) != GEN_CLOSED) gc_finalize(vm, v_obj(a->v[0]));
  return V_NONE;
}

static Value coroutine_await(VM *vm, Args *a) { return shell_new(vm, &coroutine_wrapper_type, a->v[0]); }

static Value gen_iter(VM *vm, Value self) {
  (void)vm;
  return self;
}

/* A register more than the code has: the finalizer of an asynchronous generator, the origin of a coroutine. */
static bool has_slot(const Gen *g) { return g->head.type == &async_generator_type || (g->head.type == &coroutine_type && (g->flags & GEN_HOOKED)); }

void gen_trace(Tracer *t, Obj *o) {
  Gen *g = (Gen *)o;
  gc_mark_obj(t, g->frame.func);
  if (has_slot(g)) gc_mark(t, frame_regs(&g->frame)[g->frame.func->code->n_regs]);
  if (gen_state(g) == GEN_CLOSED) return;
  if (maker_of(g)) gc_mark_obj(t, maker_of(g));
  gc_mark(t, g->yield_from);
  gc_mark_registers(t, frame_regs(&g->frame), g->frame.func->code, false);
}

Value gen_repr(VM *vm, Value self) {
  Gen *g = v_gen(self);
  const char *kind = g->head.type == &coroutine_type ? "coroutine" : g->head.type == &async_generator_type ? "async_generator" : "generator";
  return rt_format(vm, "<%s object %S at %p>", kind, g->frame.func->qualname, (void *)g);
}

Value gen_get_name(VM *vm, Value self) { (void)vm; return v_gen(self)->frame.func->name; }
Value gen_get_qualname(VM *vm, Value self) { (void)vm; return v_gen(self)->frame.func->qualname; }
static Value get_origin(VM *vm, Value self) {
  (void)vm;
  Gen *g = v_gen(self);
  return has_slot(g) ? frame_regs(&g->frame)[g->frame.func->code->n_regs] : V_NONE;
}
static Value get_code(VM *vm, Value self) { (void)vm; return v_from_obj(v_gen(self)->frame.func->code); }
static Value get_running(VM *vm, Value self) { (void)vm; return v_from_bool(gen_in_running_chain(v_gen(self))); }
static Value get_suspended(VM *vm, Value self) { (void)vm; return v_from_bool(gen_state(v_gen(self)) == GEN_SUSPENDED && !gen_in_running_chain(v_gen(self))); }
static Value get_yield_from(VM *vm, Value self) {
  return gen_in_running_chain(v_gen(self)) ? V_NONE : gen_awaits(vm, v_gen(self));
}
static Value get_frame(VM *vm, Value self) {
  Gen *g = v_gen(self);
  if (gen_state(g) == GEN_CLOSED) return V_NONE;
  return frame_object_new(vm, &g->frame);
}

static bool set_name_part(VM *vm, Value self, Value v, bool qual) {
  if (!is_str(v)) return rt_raise_b(vm, &exc_TypeError, "%s must be set to a string object", qual ? "__qualname__" : "__name__");
  Gen *g = v_gen(self);
  Function *old = g->frame.func;
  Function *fn = gc_new(vm, &function_type, sizeof(Function)); /* names belong to the function: this generator gets one of its own */
  if (!fn) return false;
  Obj head = fn->head;
  *fn = *old;
  fn->head = head;
  if (qual) fn->qualname = v;
  else fn->name = v;
  g->frame.func = fn;
  return true;
}
bool gen_set_name(VM *vm, Value self, Value v) { return set_name_part(vm, self, v, false); }
bool gen_set_qualname(VM *vm, Value self, Value v) { return set_name_part(vm, self, v, true); }

static const tiny_def generator_methods[] = {
    {"send", gen_send_m, "(self, value, /)", "send(arg) -> send 'arg' into generator,\nreturn next yielded value or raise StopIteration."},
    {"throw", gen_throw_m, "(self, typ, val=..., tb=..., /)", "throw(value)\nthrow(type[,value[,tb]])\n\nRaise exception in generator, return next yielded value or raise\nStopIteration."},
    {"close", gen_close_m, "(self, /)", "close() -> raise GeneratorExit inside generator."},
    {"__next__", gen_next_m, "(self, /)", "Implement next(self)."},
    {"__del__", gen_del_m, "(self, /)", NULL},
    {0}};
static const GetSet generator_getset[] = {{"__name__", gen_get_name, gen_set_name, "name of the generator"}, {"__qualname__", gen_get_qualname, gen_set_qualname, "qualified name of the generator"},
    {"gi_code", get_code, NULL, NULL}, {"gi_frame", get_frame, NULL, NULL}, {"gi_running", get_running, NULL, NULL}, {"gi_suspended", get_suspended, NULL, NULL},
    {"gi_yieldfrom", get_yield_from, NULL, "object being iterated by yield from, or None"}, {0}};

const Type generator_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "generator", .base = &object_type, .layout = LAY_GEN,
    .flags = TYPE_NO_NEW | TYPE_WEAKREF, .shape_id = TYPE_ID_generator, .size = sizeof(Gen), .trace = gen_trace, .repr = gen_repr, .iter = gen_iter, .methods = generator_methods, .getset = generator_getset};

static const tiny_def coroutine_methods[] = {
    {"send", gen_send_m, "(self, value, /)", "send(arg) -> send 'arg' into coroutine,\nreturn next yielded value or raise StopIteration."},
    {"throw", gen_throw_m, "(self, typ, val=..., tb=..., /)", "throw(value)\nthrow(type[,value[,traceback]])\n\nRaise exception in coroutine, return next yielded value or raise\nStopIteration."},
    {"close", gen_close_m, "(self, /)", "close() -> raise GeneratorExit inside coroutine."},
    {"__await__", coroutine_await, "(self, /)", "Return an iterator to be used in await expression."},
    {"__del__", gen_del_m, "(self, /)", NULL},
    {0}};
static const GetSet coroutine_getset[] = {{"__name__", gen_get_name, gen_set_name, "name of the coroutine"}, {"__qualname__", gen_get_qualname, gen_set_qualname, "qualified name of the coroutine"},
    {"cr_code", get_code, NULL, NULL}, {"cr_frame", get_frame, NULL, NULL}, {"cr_running", get_running, NULL, NULL}, {"cr_suspended", get_suspended, NULL, NULL},
    {"cr_await", get_yield_from, NULL, "object being awaited on, or None"}, {"cr_origin", get_origin, NULL, NULL}, {0}};

const Type coroutine_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "coroutine", .base = &object_type, .layout = LAY_GEN,
    .flags = TYPE_NO_NEW | TYPE_WEAKREF, .shape_id = TYPE_ID_coroutine, .size = sizeof(Gen), .trace = gen_trace, .repr = gen_repr, .methods = coroutine_methods, .getset = coroutine_getset};

/* The iterator that coroutine.__await__ gives: the coroutine in another coat. */
static Value wrapper_send(VM *vm, Args *a) { return gen_tail_resume(vm, shell_engine(a->v[0]), RESUME_SEND, a->v[1]); }
static Value wrapper_throw(VM *vm, Args *a) {
  Value exc = gen_make_exc(vm, a->v[1], a->v[2], a->v[3]);
  return v_failed(exc) ? V_FAIL : gen_tail_resume(vm, shell_engine(a->v[0]), RESUME_THROW, exc);
}
static Value wrapper_close(VM *vm, Args *a) {
  a->v[0] = shell_engine(a->v[0]);
  return gen_close_m(vm, a);
}
static const tiny_def wrapper_methods[] = {{"send", wrapper_send, "(self, value, /)", "send(arg) -> send 'arg' into coroutine,\nreturn next yielded value or raise StopIteration."},
    {"throw", wrapper_throw, "(self, typ, val=..., tb=..., /)", "throw(value)\nthrow(type[,value[,traceback]])\n\nRaise exception in coroutine, return next yielded value or raise\nStopIteration."},
    {"close", wrapper_close, "(self, /)", "close() -> raise GeneratorExit inside coroutine."}, {0}};
const Type coroutine_wrapper_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "coroutine_wrapper", .base = &object_type, .layout = LAY_SHELL,
    .flags = TYPE_NO_NEW, .shape_id = TYPE_ID_coroutine_wrapper, .size = sizeof(Shell), .doc = "A wrapper object implementing __await__ for coroutines.", .trace = shell_trace, .iter = iter_self,
    .next = shell_next, .methods = wrapper_methods};

/* ---- builtin next() ---- */

static Value then_next(VM *vm, Value dflt, tiny_outcome how, Value v) {
  if (how == TINY_YIELDED) return v;
  if (how == TINY_RETURNED) return dflt;
  return rt_is_subtype(type_of(v), &exc_StopIteration) ? dflt : rt_raise_obj(vm, v); /* an engine's */
}

static Value then_next_call(VM *vm, Value dflt, tiny_outcome how, Value v) {
  if (how == TINY_RETURNED) return v;
  return rt_is_subtype(type_of(v), &exc_StopIteration) ? dflt : rt_raise_obj(vm, v);
}

Value gen_builtin_next(VM *vm, Args *a) {
  Value it = a->v[0], dflt = a->v[1], out;
  if (!type_is_heap(type_of(it)) && !v_absent(shell_engine(it))) it = shell_engine(it);
  const Type *t = type_of(it);
  if (is_gen(it) && ((t != &coroutine_type && t != &async_generator_type) || !v_same(it, a->v[0]))) {
    if (v_absent(dflt)) return gen_tail_resume(vm, it, RESUME_SEND, V_NONE);
    return tiny_then_send(vm, then_next, dflt, it, V_NONE);
  }
  Value f = type_is_heap(t) ? attr_override(vm, t, NAME(vm, __next__)) : V_ABSENT;
  if (v_failed(f)) return V_FAIL;
  if (!v_absent(f) && !v_is_none(f)) return v_absent(dflt) ? rt_tail_call(vm, f, 1, &it) : tiny_then_call(vm, then_next_call, dflt, f, 1, &it);
  if (!t->next) return rt_raise(vm, &exc_TypeError, "'%T' object is not an iterator", it);
  int r = t->next(vm, it, &out);
  if (r == 1) return out;
  if (r < 0) {
    if (v_absent(dflt) || !rt_pending_is(vm, &exc_StopIteration)) return V_FAIL;
    (void)rt_take_exc(vm);
  }
  if (!v_absent(dflt)) return dflt;
  return rt_raise_with(vm, &exc_StopIteration, V_ABSENT);
}
