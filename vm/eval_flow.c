/* Ends of frames: delivering results by continuation, generators that return, unwinding. The dispatch loop has the two hottest cases (store a
 * result, item of a for loop) inline; all of them are here. Nothing recurses: a chain of native continuations is a loop. */
#include "vm/eval_flow.h"
#include "vm/attr.h"
#include "vm/eval_cold.h"
#include "vm/objects/int.h"
#include "vm/objects/iter.h"

static Go from_step(Step s) { return s == STEP_PUSHED ? GO_RUN : s == STEP_THROW ? GO_THROW : GO_RAISE; }

static Value const_or_reg(const Frame *f, uint32_t index, bool is_const) { return is_const ? f->func->code->consts[index] : frame_regs(f)[index]; }

/* ---- finishing instructions ---- */

/* The truth of what the instruction before pc asked for is known. */
static void apply_truth(Frame *f, const uint32_t *ins, bool truth) {
  uint32_t w = *ins;
  Value *regs = frame_regs(f);
  switch (INS_OP(w)) {
  case OP_NOT:
  case OP_NOTIN: regs[INS_A(w)] = v_from_bool(!truth); break;
  case OP_IN: regs[INS_A(w)] = v_from_bool(truth); break;
  case OP_LT: case OP_LE: case OP_EQ: case OP_NE: case OP_GT: case OP_GE: regs[INS_A(w)] = v_from_bool(truth); break;
  default: /* the conditional jumps */
    if (truth == (bool)INS_C(w)) f->pc = ins + 2 + (int32_t)ins[1];
  }
}

static bool is_branch(uint32_t w) { return INS_OP(w) >= OP_JTRUE && INS_OP(w) <= OP_JABSENT; }

static Go finish_truth(VM *vm, Frame *f, const uint32_t *ins, uint8_t aux, Value v) {
  bool truth;
  Step s = ops_truth(vm, v, 0, aux & AUX_LONG, &truth);
  if (s != STEP_DONE) return from_step(s);
  apply_truth(f, ins, truth);
  return GO_RUN;
}

static Go finish_compare(VM *vm, Frame *f, const uint32_t *ins, uint8_t aux, Value v) {
  uint32_t w = *ins;
  if (v.w == V_NOTIMPL.w) {
    bool branch = is_branch(w), konst = INS_OP(w) >= OP_JLTK && INS_OP(w) <= OP_JGEK;
    int op = branch ? (INS_OP(w) - (konst ? OP_JLTK : OP_JLT)) : INS_OP(w) - OP_LT;
    Value a = frame_regs(f)[branch ? INS_A(w) : INS_B(w)], b = const_or_reg(f, branch ? INS_B(w) : INS_C(w), konst), out;
    Step s = ops_compare(vm, op, a, b, aux & AUX_STAGE, branch ? 0 : (uint8_t)INS_A(w), aux & AUX_LONG, &out);
    if (s != STEP_DONE) return from_step(s);
    if (!branch) {
      frame_regs(f)[INS_A(w)] = out;
      return GO_RUN;
    }
    return finish_truth(vm, f, ins, aux, out);
  }
  if (is_branch(w) || (aux & AUX_NEGATE)) {
    if (aux & AUX_NEGATE) {
      int t = rt_truth(vm, v);
      if (t < 0) return GO_RAISE;
      v = v_from_bool(!t);
    }
    if (is_branch(w)) return finish_truth(vm, f, ins, aux, v);
  }
  frame_regs(f)[INS_A(w)] = v;
  return GO_RUN;
}

/* Operands and operation of an arithmetic instruction. */
static void decode_binary(const Frame *f, const uint32_t *ins, int *op, bool *inplace, Value *a, Value *b) {
  static const uint8_t k_ops[] = {TINY_ADD, TINY_SUB, TINY_MUL, TINY_TRUEDIV, TINY_FLOORDIV, TINY_MOD, TINY_AND, TINY_LSHIFT, TINY_RSHIFT};
  static const uint8_t i_ops[] = {TINY_ADD, TINY_SUB, TINY_MUL, TINY_ADD, TINY_SUB};
  uint32_t w = *ins, code = INS_OP(w);
  bool konst = (code >= OP_ADDK && code <= OP_RSHIFTK) || code == OP_IADDK || code == OP_ISUBK;
  *inplace = code >= OP_IADD && code <= OP_INPLACE;
  if (code == OP_INPLACE) *op = (int)ins[1];
  else if (*inplace) *op = i_ops[code - OP_IADD];
  else if (konst) *op = k_ops[code - OP_ADDK];
  else *op = (int)(code - OP_ADD);
  *a = frame_regs(f)[INS_B(w)];
  *b = const_or_reg(f, INS_C(w), konst);
}

static Go finish_binary(VM *vm, Frame *f, const uint32_t *ins, uint8_t aux, Value v) {
  if (v.w == V_NOTIMPL.w) {
    int op;
    bool inplace;
    Value a, b;
    decode_binary(f, ins, &op, &inplace, &a, &b);
    Step s = ops_binary(vm, op, inplace, a, b, aux & AUX_STAGE, (uint8_t)INS_A(*ins), aux & AUX_LONG, &v);
    if (s != STEP_DONE) return from_step(s);
  }
  frame_regs(f)[INS_A(*ins)] = v;
  return GO_RUN;
}

/* ---- delegation to what is not part of the chain ---- */

static Go delegate_result(VM *vm, Frame *f, Value v);
static bool handles(const Frame *f) { return INS_OP(*f->pc) == OP_EXCRESUME; } /* suspended inside an except block */

void flow_delegate_enter(VM *vm, Frame *f) {
  const uint32_t *next = f->pc;
  if (!handles(f)) return;
  Value *regs = frame_regs(f);
  regs[INS_B(*next) + 1] = vm->handled;
  vm->handled = regs[INS_A(*next)];
}

void flow_delegate_leave(VM *vm, Frame *f) {
  const uint32_t *next = f->pc;
  if (INS_OP(*next) == OP_EXCRESUME) vm->handled = frame_regs(f)[INS_B(*next) + 1];
}

/* The delegate gave an item: frame f (past its YIELDFROM) yields it on and will run the YIELDFROM again when resumed. */
static Go delegate_item(VM *vm, Frame *f, Value v, RunEnd *end) {
  Gen *g = frame_gen(f);
  flow_delegate_leave(vm, f);
  f->pc--;
  gen_suspend(vm, g, (uint8_t)INS_C(*f->pc));
  return flow_suspend(vm, f, v, end);
}

static Go delegate_result(VM *vm, Frame *f, Value v) {
  frame_gen(f)->yield_from = V_ABSENT;
  frame_regs(f)[INS_A(f->pc[-1])] = v;
  flow_delegate_leave(vm, f);
  return GO_RUN;
}

/* Puts back an exception that was thrown into f: its context is what f handles, if anything. */
static void raise_here(VM *vm, Frame *f, Value exc) {
  if (handles(f)) rt_raise_obj(vm, exc);
  else rt_restore(vm, exc);
}

/* The same for what was thrown into f's delegate and left it: then python3 forgets the places where it was, up to the traceback it came with. */
static void raise_thrown(VM *vm, Frame *f, Value thrown) {
  Value exc = rt_take_exc(vm);
  if (handles(f) && is_exception(exc)) gc_store(vm, v_exc(exc), &v_exc(exc)->traceback, thrown);
  raise_here(vm, f, exc);
}

/* The delegate's close() is done: now the GeneratorExit itself, kept in the send register. */
static Go delegate_closed(VM *vm, Frame *f) {
  frame_gen(f)->yield_from = V_ABSENT;
  raise_here(vm, f, frame_regs(f)[INS_C(f->pc[-1])]);
  return GO_RAISE;
}

/* One turn of YIELDFROM to a foreign iterator, or to a generator that is in another chain (PEP 380, "Formal semantics"). */
Go flow_delegate(VM *vm, Frame *f, RunEnd *end) {
  Gen *g = frame_gen(f);
  uint32_t w = f->pc[-1];
  Value *regs = frame_regs(f), it = regs[INS_B(w)], sent = regs[INS_C(w)], v = V_NONE;
  if (v_is_exact(it, &coroutine_wrapper_type)) { /* stands for its coroutine, which can join the chain */
    regs[INS_B(w)] = shell_engine(it);
    f->pc--;
    return GO_RUN;
  }
  if (v_is_exact(it, &async_generator_type) && !gen_is_step(g)) { /* `async for` where nothing can join the chain: by a step, after all */
    it = async_gen_anext(vm, it);
    if (v_failed(it)) return GO_RAISE;
    regs[INS_B(w)] = it;
  }
  flow_delegate_enter(vm, f);
  gc_store(vm, g, &g->yield_from, it);
  if (v_is_none(sent) && !type_is_heap(type_of(it)) && !v_absent(shell_engine(it))) it = shell_engine(it);
  if (is_gen(it)) {
    Dest d = {CONT_DELEGATE, 0, 0};
    switch (v_is_exact(it, &async_generator_type) ? async_gen_refused(vm, g, v_gen(it)) : gen_begin(vm, v_gen(it), RESUME_SEND, sent, f, d.cont, 0, 0)) {
    case BEGIN_RUN: return GO_RUN;
    case BEGIN_THROW: return GO_THROW;
    case BEGIN_ENDED: return delegate_result(vm, f, V_NONE);
    case BEGIN_FAIL: g->yield_from = V_ABSENT; return GO_RAISE;
    }
  }
  const Type *t = type_of(it);
  Step s;
  if (t->flags & TYPE_NATIVE_AWAIT) {
    int r = native_await(vm, it, &v);
    if (r == 0) return delegate_result(vm, f, v);
    s = r == 1 ? STEP_DONE : STEP_FAIL;
  } else if (v_is_none(sent) && t->next && !type_is_heap(t)) {
    int r = t->next(vm, it, &v);
    if (r == 0) return delegate_result(vm, f, V_NONE);
    s = r == 1 ? STEP_DONE : STEP_FAIL;
  } else if (v_is_none(sent)) {
    s = ops_next(vm, it, (Dest){CONT_DELEGATE, 0, 0}, &v);
  } else {
    Value send = rt_getattr(vm, it, NAME(vm, send));
    Value argv[4] = {V_NONE, V_NONE, sent, V_NONE};
    s = v_failed(send) ? STEP_FAIL : call_begin(vm, send, argv + 2, 1, V_ABSENT, (Dest){CONT_DELEGATE, 0, 0}, &v);
  }
  if (s == STEP_FAIL && rt_pending_is(vm, &exc_StopIteration)) {
    Value value = exc_field(rt_take_exc(vm), EXF_VALUE);
    return delegate_result(vm, f, v_absent(value) ? V_NONE : value);
  }
  if (s == STEP_FAIL) g->yield_from = V_ABSENT;
  return s == STEP_DONE ? delegate_item(vm, f, v, end) : from_step(s);
}

/* ---- results ---- */

static Go check_result(VM *vm, Frame *f, Dest d, Value v) {
  switch (d.cont) {
  case CONT_ITER:
    if (!ops_is_iterator(vm, v)) {
      rt_raise(vm, &exc_TypeError, "iter() returned non-iterator of type '%T'", v);
      return GO_RAISE;
    }
    break;
  case CONT_AITER:
    if (!cold_check_aiter(vm, v)) return GO_RAISE;
    break;
  case CONT_AWAITABLE:
    if (cold_check_awaitable(vm, v)) break;
    if (d.aux == AUX_ANEXT) cold_bad_anext(vm, frame_regs(f)[INS_B(f->pc[-1])]);
    return GO_RAISE;
  case CONT_STR:
    if (!is_str(v)) {
      if (d.aux == 0) rt_raise(vm, &exc_TypeError, "__format__ must return a str, not %T", v);
      else rt_raise(vm, &exc_TypeError, "%s returned non-string (type %T)", d.aux == 2 ? "__repr__" : "__str__", v);
      return GO_RAISE;
    }
    break;
  case CONT_INIT:
    if (!v_is_none(v)) {
      rt_raise(vm, &exc_TypeError, "__init__() should return None, not '%T'", v);
      return GO_RAISE;
    }
    v = frame_regs(f)[d.aux];
    break;
  default: break;
  }
  frame_regs(f)[d.dest] = v;
  return GO_RUN;
}

static Go raise_into(VM *vm, Dest d, Value thrown, RunEnd *end);

Go flow_deliver(VM *vm, Dest d, Value v, RunEnd *end) {
  for (;;) {
    Frame *f = vm->frame;
    const uint32_t *ins = f && d.cont != CONT_EXIT && d.cont != CONT_NATIVE ? f->pc - (d.aux & AUX_LONG ? 2 : 1) : NULL;
    switch ((Cont)d.cont) {
    case CONT_STORE:
    case CONT_GETATTR: frame_regs(f)[d.dest] = v; return GO_RUN;
    case CONT_EXIT: *end = (RunEnd){RUN_RETURNED, v}; return GO_EXIT;
    case CONT_DISCARD:
    case CONT_ENTER: return GO_RUN;
    case CONT_IMPORT: f->pc -= 2; return GO_RUN;
    case CONT_TRUTH: return finish_truth(vm, f, ins, d.aux, v);
    case CONT_CONTAINS: return finish_truth(vm, f, ins, d.aux, v);
    case CONT_BOOL: {
      int t = ops_bool_result(vm, v, (d.aux & AUX_LEN) != 0);
      if (t < 0) return GO_RAISE;
      apply_truth(f, ins, t == 1);
      return GO_RUN;
    }
    case CONT_BINARY: return finish_binary(vm, f, ins, d.aux, v);
    case CONT_COMPARE: return finish_compare(vm, f, ins, d.aux, v);
    case CONT_FOR:
      frame_regs(f)[INS_A(f->pc[-2])] = v;
      f->pc += (int32_t)f->pc[-1];
      return GO_RUN;
    case CONT_DELEGATE: return delegate_item(vm, f, v, end);
    case CONT_DELEGATE_CLOSE: return delegate_closed(vm, f);
    case CONT_NATIVE: {
      Value out;
      Step s = call_native_resume(vm, (NativeFrame *)f, TINY_RETURNED, v, &d, &out);
      if (s == STEP_FAIL) return raise_into(vm, d, V_ABSENT, end);
      if (s != STEP_DONE) return from_step(s);
      v = out;
      continue;
    }
    default: return check_result(vm, f, d, v);
    }
  }
}

Go flow_step(VM *vm, Step s, Dest d, Value v, RunEnd *end) { return s == STEP_DONE ? flow_deliver(vm, d, v, end) : from_step(s); }

/* ---- generators ---- */

Go flow_yield(VM *vm, Dest d, Value v, RunEnd *end) {
  if (d.cont == CONT_EXIT) {
    *end = (RunEnd){RUN_YIELDED, v};
    return GO_EXIT;
  }
  if (d.cont == CONT_DELEGATE_CLOSE) {
    frame_gen(vm->frame)->yield_from = V_ABSENT;
    rt_raise(vm, &exc_RuntimeError, "generator ignored GeneratorExit");
    return GO_RAISE;
  }
  if (d.cont != CONT_NATIVE) return flow_deliver(vm, d, v, end);
  Value out;
  Step s = call_native_resume(vm, (NativeFrame *)vm->frame, TINY_YIELDED, v, &d, &out);
  return s == STEP_FAIL ? raise_into(vm, d, V_ABSENT, end) : flow_step(vm, s, d, out, end);
}

/* What was being closed is done with: now `outer` is what is being closed, unless it is the root. */
static void closed_member(Gen *outer, Gen *root) {
  if (outer == root) root->flags &= (uint8_t)~GEN_CLOSING;
  else outer->flags |= GEN_BEING_CLOSED;
}

/* A member that is being closed yielded, itself or by what it delegates to: its delegator gets the RuntimeError where it delegates (PEP 342, 380). */
static Go ignored_exit(VM *vm, Gen *leaf, Gen *root) {
  Gen *m = leaf;
  while (!(m->flags & GEN_BEING_CLOSED)) m = m->delegator;
  const char *kind = m->head.type == &coroutine_type ? "coroutine" : "generator";
  Gen *outer = m->delegator;
  m->flags &= (uint8_t)~GEN_BEING_CLOSED;
  gen_set_state(leaf, GEN_SUSPENDED);
  gen_set_state(root, GEN_RUNNING);
  vm->frame = &outer->frame;
  gen_cut(vm, leaf, m);
  closed_member(outer, root);
  frame_regs(&outer->frame)[INS_B(*outer->frame.pc)] = V_ABSENT;
  outer->frame.pc++;
  gc_collect(vm); /* where nobody else has m, it is closed for good before the error is seen, as with reference counts */
  if (!gc_run_finalizers(vm)) return GO_RAISE;
  rt_raise(vm, &exc_RuntimeError, "%s ignored GeneratorExit", kind);
  return GO_THROW;
}

Go flow_suspend(VM *vm, Frame *f, Value v, RunEnd *end) {
  Gen *g = frame_gen(f);
  Gen *root = gen_root(g);
  if (UNLIKELY((root->flags & GEN_CLOSING) && root != g)) return ignored_exit(vm, g, root);
  vm->frame = f->back;
  return flow_yield(vm, (Dest){f->cont, f->dest, f->aux}, v, end);
}

/* A root generator returned v to vm->frame. */
static Go gen_returned(VM *vm, Dest d, Value v, RunEnd *end) {
  switch ((Cont)d.cont) {
  case CONT_FOR: return GO_RUN; /* falls through the FOR */
  case CONT_EXIT:
  case CONT_NATIVE: return flow_deliver(vm, d, v, end);
  case CONT_DELEGATE: return delegate_result(vm, vm->frame, v);
  case CONT_DELEGATE_CLOSE: return delegate_closed(vm, vm->frame);
  default:
    rt_raise_with(vm, &exc_StopIteration, v_is_none(v) ? V_ABSENT : v);
    return GO_RAISE;
  }
}

/* Generators that can be used again after their end. */
static void ended_anew(Gen *g, bool for_good) {
  if (g->flags & GEN_STEP_THROWS) async_gen_step_ended(g);
  else if (!for_good) gen_restart(g);
}

/* An asynchronous generator returned: who awaits the next item gets StopAsyncIteration. */
static Go async_gen_returned(VM *vm, Gen *ag, Gen *step, Dest d, RunEnd *end) {
  ag->flags |= GEN_AG_CLOSED;
  if (!step) return gen_returned(vm, d, V_NONE, end); /* closed by the collector */
  vm->frame = &step->frame;
  step->frame.pc++;
  rt_raise_with(vm, &exc_StopAsyncIteration, V_ABSENT);
  return GO_RAISE;
}

/* The member below `outer` is closed: its own GeneratorExit comes next. `outer` is past its YIELDFROM. */
static Go exit_next(VM *vm, Gen *outer, Gen *root) {
  Value exc = outer == root ? frame_regs(&root->frame)[root->head.small >> 8] : V_ABSENT;
  closed_member(outer, root);
  if (v_absent(exc)) rt_raise_with(vm, &exc_GeneratorExit, V_ABSENT);
  else rt_restore(vm, exc);
  return GO_THROW;
}

Go flow_item(VM *vm, Frame *f, Value v, uint8_t send_reg, RunEnd *end) {
  Gen *ag = frame_gen(f);
  if (!ag->delegator || gen_state(ag) == GEN_RUNNING) { /* driven from C, not by an object of its own (the collector closes it) */
    gen_suspend(vm, ag, send_reg);
    return flow_suspend(vm, f, v, end);
  }
  Gen *step = async_gen_leave(vm, ag);
  ag->head.small = (uint16_t)(send_reg << 8 | GEN_SUSPENDED);
  vm->frame = &step->frame;
  frame_regs(&step->frame)[INS_A(*step->frame.pc++)] = v;
  return GO_RUN;
}

Go flow_return(VM *vm, Frame *f, Value v, RunEnd *end) {
  Dest d = {f->cont, f->dest, f->aux};
  if (!(f->flags & FRAME_GEN)) {
    vm->frame = f->back;
    frame_pop(vm, f);
    return flow_deliver(vm, d, v, end);
  }
  Gen *g = frame_gen(f);
  if (LIKELY(gen_is_private(g))) {
    vm->frame = &gen_leave_private(vm, g)->frame;
    frame_regs(vm->frame)[INS_A(*vm->frame->pc++)] = v;
    return GO_RUN;
  }
  Gen *root = gen_root(g);
  if (UNLIKELY(f->flags & FRAME_OBJECT)) frame_object_detach(vm, f);
  vm->frame = f->back;
  Gen *outer = gen_leave(vm, g);
  if (UNLIKELY(g->head.type == &async_generator_type)) return async_gen_returned(vm, g, outer, d, end);
  if (UNLIKELY(g->flags & (GEN_ENGINE | GEN_STEP_THROWS))) ended_anew(g, g->flags & GEN_ENGINE_ENDS);
  if (!outer) return gen_returned(vm, d, v, end);
  vm->frame = &outer->frame;
  uint32_t w = *outer->frame.pc++; /* its YIELDFROM */
  if (UNLIKELY(g->flags & GEN_BEING_CLOSED)) return exit_next(vm, outer, root);
  frame_regs(&outer->frame)[INS_A(w)] = v;
  return GO_RUN;
}

/* ---- exceptions ---- */

static uint32_t raise_offset(const Frame *f) {
  const uint32_t *instr = f->func->code->instr;
  return f->pc > instr ? (uint32_t)(f->pc - 1 - instr) : 0;
}

/* AttributeError out of a property, __getattribute__ or __get__: the type's __getattr__ is asked. */
static Go try_getattr(VM *vm, Frame *f, Dest d) {
  const uint32_t *ins = f->pc - 2;
  Value obj = frame_regs(f)[INS_B(*ins)], name = f->func->code->consts[f->func->code->site_names[ins[1]]], fn, self, out;
  if (!attr_special(vm, obj, NAME(vm, __getattr__), &fn, &self)) return GO_RAISE;
  (void)rt_take_exc(vm);
  Value argv[4] = {V_NONE, V_NONE, self, name};
  bool unbound = v_absent(self);
  RunEnd end;
  Dest store = {CONT_STORE, d.dest, AUX_LONG};
  Step s = call_begin(vm, fn, argv + (unbound ? 3 : 2), unbound ? 1 : 2, V_ABSENT, store, &out);
  return flow_step(vm, s, store, out, &end);
}

Go flow_getattr_failed(VM *vm, Dest d, RunEnd *end) {
  (void)end;
  return rt_pending_is(vm, &exc_AttributeError) ? try_getattr(vm, vm->frame, d) : GO_RAISE;
}

/* An AttributeError of a script's, out of a property or __getattr__, learns which attribute of which object was asked for, unless it knows of one. */
static void note_attribute(VM *vm, Frame *f) {
  const uint32_t *ins = f->pc - 2;
  if ((INS_OP(*ins) != OP_GETATTR && INS_OP(*ins) != OP_GETMETHOD) || !rt_pending_is(vm, &exc_AttributeError)) return;
  Value name = exc_field(vm->exc, EXF_ATTR_NAME), obj = exc_field(vm->exc, EXF_ATTR_OBJ);
  if (!(v_absent(name) || v_is_none(name)) || !(v_absent(obj) || v_is_none(obj))) return;
  exc_set_field(vm, vm->exc, EXF_ATTR_NAME, f->func->code->consts[f->func->code->site_names[ins[1]]]);
  exc_set_field(vm, vm->exc, EXF_ATTR_OBJ, frame_regs(f)[INS_B(*ins)]);
}

/* An exception leaves a frame and reaches vm->frame, which waited as d says. thrown: it was thrown in from outside with this traceback and nobody has caught it
   yet; V_ABSENT: it was not. */
static Go raise_into(VM *vm, Dest d, Value thrown, RunEnd *end) {
  Frame *f = vm->frame;
  if (d.cont == CONT_EXIT) {
    *end = (RunEnd){RUN_RAISED, V_FAIL};
    return GO_EXIT;
  }
  if (vm->limit_hit) return GO_RAISE;
  bool stop = (d.cont == CONT_FOR || d.cont == CONT_DELEGATE) && rt_pending_is(vm, &exc_StopIteration);
  if (stop && d.cont == CONT_FOR) {
    (void)rt_take_exc(vm);
    return GO_RUN;
  }
  if (d.cont == CONT_DELEGATE) {
    if (!stop) {
      frame_gen(f)->yield_from = V_ABSENT;
      if (!v_absent(thrown)) raise_thrown(vm, f, thrown);
      else if (d.aux & AUX_THROW) raise_here(vm, f, rt_take_exc(vm)); /* whatever throw() brings is thrown in here, too */
      return GO_RAISE;
    }
    Value v = exc_field(rt_take_exc(vm), EXF_VALUE);
    return delegate_result(vm, f, v_absent(v) ? V_NONE : v);
  }
  if (d.cont == CONT_DELEGATE_CLOSE) {
    if (is_gen(frame_gen(f)->yield_from) && (rt_pending_is(vm, &exc_GeneratorExit) || rt_pending_is(vm, &exc_StopIteration))) {
      (void)rt_take_exc(vm);
      return delegate_closed(vm, f);
    }
    frame_gen(f)->yield_from = V_ABSENT;
    raise_here(vm, f, rt_take_exc(vm));
    return GO_RAISE;
  }
  if (d.cont == CONT_AWAITABLE && d.aux == AUX_ANEXT) cold_bad_anext(vm, frame_regs(f)[INS_B(f->pc[-1])]);
  if (d.cont == CONT_GETATTR && rt_pending_is(vm, &exc_AttributeError)) return try_getattr(vm, f, d);
  if ((d.aux & AUX_LONG) && !(f->flags & FRAME_NATIVE)) note_attribute(vm, f);
  return GO_RAISE;
}

static Go raise_into_native(VM *vm, Value thrown, RunEnd *end) {
  NativeFrame *nf = (NativeFrame *)vm->frame;
  Dest d = {nf->f.cont, nf->f.dest, nf->f.aux};
  if (vm->limit_hit) { /* nobody may catch this */
    vm->frame = nf->f.back;
    frame_pop(vm, &nf->f);
    return raise_into(vm, d, thrown, end);
  }
  Value out, e = rt_take_exc(vm);
  Step s = call_native_resume(vm, nf, TINY_RAISED, e, &d, &out);
  if (s == STEP_FAIL) return raise_into(vm, d, thrown, end);
  return flow_step(vm, s, d, out, end);
}

/* Leaves a frame that has no handler. */
static Go leave_frame(VM *vm, Frame *f, Value thrown, RunEnd *end) {
  Dest d = {f->cont, f->dest, f->aux};
  if (UNLIKELY(f->flags & FRAME_OBJECT)) frame_object_detach(vm, f);
  vm->frame = f->back;
  if (!(f->flags & FRAME_GEN)) {
    frame_pop(vm, f);
    return raise_into(vm, d, thrown, end);
  }
  Gen *g = frame_gen(f), *root = gen_root(g);
  if (!vm->limit_hit && !(g->flags & GEN_ENGINE)) gen_check_stop(vm, g);
  Gen *outer = gen_leave(vm, g);
  if (UNLIKELY(g->flags & (GEN_ENGINE | GEN_STEP_THROWS))) ended_anew(g, false);
  if (g->head.type == &async_generator_type && (rt_pending_is(vm, &exc_StopAsyncIteration) || rt_pending_is(vm, &exc_GeneratorExit))) g->flags |= GEN_AG_CLOSED;
  if (!outer) return raise_into(vm, d, thrown, end);
  vm->frame = &outer->frame;
  outer->frame.pc++; /* past the YIELDFROM at which it is raised */
  if (UNLIKELY(g->flags & GEN_BEING_CLOSED) && !vm->limit_hit) {
    if (rt_pending_is(vm, &exc_GeneratorExit)) {
      (void)rt_take_exc(vm);
      return exit_next(vm, outer, root);
    }
    closed_member(outer, root);
  }
  return GO_THROW;
}

/* An exception comes to a suspended generator from outside. One given to throw() gets the exception that the generator is handling as its context,
   never the caller's. */
static Go throw_in(VM *vm, Frame *f, Value thrown, RunEnd *end) {
  Gen *g = frame_gen(f);
  if (!v_absent(g->yield_from)) { /* what it delegates to is not part of the chain: that gets the exception first (PEP 380) */
    f->pc++;
    flow_delegate_enter(vm, f);
    Value v;
    Step s = cold_throw_foreign(vm, g, &v);
    if (s == STEP_FAIL && !v_absent(thrown)) raise_here(vm, f, rt_take_exc(vm));
    if (s == STEP_DONE) return flow_deliver(vm, (Dest){CONT_DELEGATE, 0, 0}, v, end);
    return from_step(s);
  }
  if (f->pc > f->func->code->instr) {
    flow_delegate_enter(vm, f);
    if (!v_absent(thrown)) raise_here(vm, f, rt_take_exc(vm));
  }
  return GO_RAISE;
}

Go flow_raise(VM *vm, Go go, RunEnd *end) {
  if (UNLIKELY(v_absent(vm->exc)) && !vm->limit_hit) rt_raise(vm, &exc_SystemError, "error return without exception set"); /* a bug of a native, and not to be passed over in silence */
  Value thrown = go != GO_THROW ? V_ABSENT : is_exception(vm->exc) ? v_exc(vm->exc)->traceback : V_NONE;
  while (go == GO_RAISE || go == GO_THROW) {
    Frame *f = vm->frame;
    if (f->flags & FRAME_NATIVE) {
      go = raise_into_native(vm, thrown, end);
      continue;
    }
    if (go == GO_THROW && (f->flags & FRAME_GEN) && !vm->limit_hit) {
      go = throw_in(vm, f, thrown, end);
      if (go != GO_RAISE) continue;
      f = vm->frame;
    }
    Code *code = f->func->code;
    uint32_t off = raise_offset(f);
    if (!vm->limit_hit) {
      const Handler *h = code_handler(code, off);
      if (vm->reraise) vm->reraise = false;
      else traceback_add(vm, vm->exc, f, off, h != NULL);
      if (h) {
        frame_regs(f)[h->reg] = vm->exc;
        vm->exc = V_ABSENT;
        f->pc = code->instr + h->target;
        return GO_RUN;
      }
    }
    go = leave_frame(vm, f, thrown, end);
  }
  return go;
}
