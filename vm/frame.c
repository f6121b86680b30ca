/* The VM stack: chunks that never move, so that raw pointers to frames and registers stay good while a frame lives. Also what may be
   asked of a frame from outside: its roots, its locals, who called it. */
#include "vm/vm.h"

#define FIRST_CHUNK_WORDS 1000u
#define MAX_CHUNK_WORDS (1u << 17)

static bool add_chunk(VM *vm, size_t words) {
  StackChunk *old = vm->chunk;
  if (old && old->next) { /* kept from an earlier deep recursion */
    if (old->next->size >= words) {
      vm->chunk = old->next;
      vm->top = vm->chunk->start;
      vm->stack_end = vm->chunk->end;
      return true;
    }
    StackChunk *dead = old->next;
    while (dead) {
      StackChunk *next = dead->next;
      mem_free(&vm->mem, dead, sizeof *dead + dead->size * sizeof(Value));
      dead = next;
    }
    old->next = NULL;
  }
  size_t size = old ? old->size * 2 : FIRST_CHUNK_WORDS;
  if (size > MAX_CHUNK_WORDS) size = MAX_CHUNK_WORDS;
  if (size < words) size = words;
  StackChunk *c = mem_alloc(&vm->mem, sizeof *c + size * sizeof(Value));
  if (!c) {
    rt_no_memory(vm);
    return false;
  }
  *c = (StackChunk){.prev = old, .size = size};
  c->end = c->start + size;
  if (old) old->next = c;
  vm->chunk = c;
  vm->top = c->start;
  vm->stack_end = c->end;
  return true;
}

void frame_stack_free(VM *vm) {
  StackChunk *c = vm->chunk;
  if (!c) return;
  while (c->next) c = c->next;
  while (c) {
    StackChunk *prev = c->prev;
    mem_free(&vm->mem, c, sizeof *c + c->size * sizeof(Value));
    c = prev;
  }
  vm->chunk = NULL;
  vm->top = vm->stack_end = NULL;
}

size_t frame_stack_bytes(const VM *vm) {
  if (!vm->chunk) return 0;
  size_t words = (size_t)(vm->top - vm->chunk->start);
  for (const StackChunk *c = vm->chunk->prev; c; c = c->prev) words += c->size;
  return words * sizeof(Value);
}

/* Room for a frame of so many words; a frame that opens a chunk is marked, so that popping it goes back to the chunk before. */
static Frame *take(VM *vm, size_t words) {
  uint32_t depth = vm->frame ? vm->frame->depth + 1 : 1;
  if (UNLIKELY(depth > vm->recursion_limit)) {
    rt_raise(vm, &exc_RecursionError, "maximum recursion depth exceeded");
    return NULL;
  }
  uint8_t flags = 0;
  if (UNLIKELY((size_t)(vm->stack_end - vm->top) < words)) {
    Value *old_top = vm->top;
    StackChunk *before = vm->chunk;
    if (!add_chunk(vm, words)) return NULL;
    flags = FRAME_CHUNK_FIRST;
    (void)old_top;
    if (!before) flags = 0;
  }
  Frame *f = (Frame *)(void *)vm->top;
  vm->top += words;
  f->back = vm->frame;
  f->flags = flags;
  f->cont = CONT_STORE;
  f->dest = f->aux = 0;
  f->depth = depth;
  return f;
}

Frame *frame_push(VM *vm, Function *fn, uint32_t n_args) {
  uint32_t n_regs = fn->code->n_regs;
  if (UNLIKELY(!fn->code->instr) && !code_load_rest(vm, fn->code)) return NULL;
  Frame *f = take(vm, FRAME_WORDS + n_regs);
  if (!f) return NULL;
  f->func = fn;
  f->pc = fn->code->instr;
  Value *regs = frame_regs(f);
  for (uint32_t i = n_args; i < n_regs; i++) regs[i] = V_ABSENT;
  for (uint32_t i = 0; i < n_args; i++) regs[i] = V_ABSENT;
  return f;
}

NativeFrame *frame_push_native(VM *vm, tiny_then_fn then, Value state) {
  NativeFrame *nf = (NativeFrame *)(void *)take(vm, sizeof(NativeFrame) / sizeof(Value));
  if (!nf) return NULL;
  nf->f.func = NULL;
  nf->f.pc = NULL;
  nf->f.flags |= FRAME_NATIVE;
  nf->state = state;
  nf->then = then;
  nf->want_gen = V_ABSENT;
  return nf;
}

/* A frame that opened a chunk stands at its start: going back below means the chunk before, whose top is where its last frame ends. */
void frame_pop(VM *vm, Frame *f) {
  if (UNLIKELY(f->flags & FRAME_OBJECT)) frame_object_detach(vm, f);
  vm->top = (Value *)(void *)f;
  if (UNLIKELY(f->flags & FRAME_CHUNK_FIRST) && vm->chunk->prev) {
    vm->chunk = vm->chunk->prev;
    vm->stack_end = vm->chunk->end;
    /* The next frame on the stack below tells where this chunk's free part begins. */
    Frame *b = f->back;
    while (b && (b->flags & FRAME_GEN)) b = b->back;
    if (!b) vm->top = vm->chunk->start;
    else if (b->flags & FRAME_NATIVE) vm->top = (Value *)(void *)b + sizeof(NativeFrame) / sizeof(Value);
    else vm->top = frame_regs(b) + b->func->code->n_regs;
  }
}

/* Registers in use by a frame that waits for a call: temporaries are stack-like, so nothing beyond the call's arguments is needed. Other places: all. */
static uint32_t live_regs(const Code *code, const uint32_t *next) {
  uint32_t at = (uint32_t)(next - code->instr), i = 0;
  if (at == 0 || at > code->n_instr) return code->n_regs;
  const Position *p = code_position(code, at - 1);
  uint32_t w = 0;
  for (i = p ? p->pc : 0; i < at; i += (uint32_t)op_length(INS_OP(w))) w = code->instr[i];
  if (i != at) return code->n_regs;
  uint32_t args;
  switch (INS_OP(w)) {
    case OP_CALL: case OP_CALLKW: args = INS_A(w) + 1 + INS_B(w); break;
    case OP_CALLM: case OP_CALLMKW: args = INS_A(w) + 2 + INS_B(w); break;
    case OP_CALLEX: args = INS_A(w) + 3; break;
    default: return code->n_regs;
  }
  return args > INS_C(w) ? args : INS_C(w) + 1; /* the result may be there already */
}

/* Temporaries that are not in use are forgotten, so that they do not keep garbage alive. (Registers from 256 on are far locals.) Is it known which those are? */
static bool drop_dead(Frame *f) {
  const Code *code = f->func->code;
  uint32_t from = live_regs(code, f->pc), to = code->n_regs < 256 ? code->n_regs : 256;
  if (from < code->n_locals && code->n_locals <= NEAR_LOCALS) return false; /* not a temporary: cannot be */
  Value *regs = frame_regs(f);
  for (uint32_t i = from; i < to; i++) regs[i] = V_ABSENT;
  return from < code->n_regs;
}

static void trace_frame(Tracer *t, Frame *f) {
  if (f->flags & FRAME_NATIVE) {
    NativeFrame *nf = (NativeFrame *)f;
    gc_mark(t, nf->state);
    gc_mark(t, nf->want_gen);
  } else if (f->flags & FRAME_GEN) {
    if (drop_dead(f)) gc_mark_registers(t, frame_regs(f), f->func->code, true); /* it runs */
    for (Gen *g = frame_gen(f); g; g = gen_state(g) == GEN_RUNNING ? NULL : g->delegator) gc_mark_obj(t, g); /* each traces its own registers */
  } else {
    gc_mark_obj(t, f->func);
    bool exact = drop_dead(f);
    gc_mark_registers(t, frame_regs(f), f->func->code, exact);
  }
}

void frames_trace(VM *vm, Tracer *t) {
  for (Frame *f = vm->frame; f; f = f->back) trace_frame(t, f);
}

/* Who resumed the run whose root is g. Only the leaf's frame knows it; `back` of all others is what it was in some earlier run. */
static Frame *gen_resumer(Gen *g) {
  Gen *leaf = g;
  if (!g->delegator && g->link) leaf = g->link;
  while (is_gen(leaf->yield_from) && v_gen(leaf->yield_from)->delegator == leaf) leaf = v_gen(leaf->yield_from);
  return leaf->frame.back;
}

Frame *frame_back(Frame *f) {
  for (;;) {
    Gen *g = f->flags & FRAME_GEN ? frame_gen(f) : NULL;
    if (g && g->delegator && gen_state(g) != GEN_RUNNING) f = &g->delegator->frame;
    else if (g && gen_state(g) != GEN_RUNNING) return NULL; /* suspended: nobody */
    else f = g ? gen_resumer(g) : f->back;
    if (!f || !(f->flags & FRAME_NATIVE)) return f;
  }
}

Frame *frame_script(VM *vm, int depth) {
  Frame *f = vm->frame;
  if (f && (f->flags & FRAME_NATIVE)) f = frame_back(f);
  while (f && ((f->func->code->flags & CODE_HIDDEN) || depth-- > 0)) f = frame_back(f);
  return f;
}

static bool add_local(VM *vm, Dict *d, Value name, Value v) {
  if (v_has_layout(v, LAY_CELL)) v = ((Cell *)v_obj(v))->v;
  return v_absent(v) || dict_set(vm, d, name, v);
}

Value frame_locals(VM *vm, Frame *f) {
  Code *code = f->func->code;
  Value *regs = frame_regs(f);
  if (code->flags & CODE_NAMESPACE) return regs[0];
  if (code->flags & CODE_MODULE) return v_from_obj(f->func->globals);
  Dict *d = dict_new(vm);
  if (!d) return V_FAIL;
  for (uint32_t i = 0; i < code->n_locals; i++)
    if (!add_local(vm, d, code->local_names->items[i], regs[local_reg(i)])) return V_FAIL;
  size_t n_free = f->func->closure ? f->func->closure->length : 0;
  for (size_t i = 0; i < n_free && i < code->free_names->length; i++)
    if (!add_local(vm, d, code->free_names->items[i], f->func->closure->items[i])) return V_FAIL;
  return v_from_obj(d);
}
