/* The dispatch loop: one C function runs every frame of script code. A call, a generator's resume or a special method reached from an instruction
 * pushes a frame and goes on here; nothing recurses. Hot paths stand in the handlers; everything else is a call to ops.c, attr.c, call.c,
 * eval_flow.c or eval_cold.c.
 *
 * Kept in C locals: F the frame, R its registers, K its constants (inline caches grow downward from it), pc the next word. F->pc and vm->frame are
 * brought up to date (SAVE) only before something that may look at them. */
#include "vm/attr.h"
#include "vm/call.h"
#include "vm/eval_cold.h"
#include "vm/eval_flow.h"
#include "vm/import.h"
#include "vm/objects/int.h"
#include "vm/objects/iter.h"
#include "vm/objects/shape.h"

#if defined(__GNUC__)
#define COMPUTED_GOTO 1
#define add_overflow(a, b, r) __builtin_add_overflow((int64_t)(a), (int64_t)(b), r)
#define sub_overflow(a, b, r) __builtin_sub_overflow((int64_t)(a), (int64_t)(b), r)
#define mul_overflow(a, b, r) __builtin_mul_overflow((int64_t)(a), (int64_t)(b), r)
#else
static bool add_overflow(uint64_t a, uint64_t b, int64_t *r) { *r = (int64_t)(a + b); return (int64_t)((a ^ (uint64_t)*r) & (b ^ (uint64_t)*r)) < 0; }
static bool sub_overflow(uint64_t a, uint64_t b, int64_t *r) { *r = (int64_t)(a - b); return (int64_t)((a ^ b) & (a ^ (uint64_t)*r)) < 0; }
static bool mul_overflow(int64_t a, uint64_t bw, int64_t *r) {
  int64_t b = (int64_t)bw;
  if (a && (a == -1 ? b == INT64_MIN : (a > 0 ? b > INT64_MAX / a || b < INT64_MIN / a : b < INT64_MAX / a || b > INT64_MIN / a))) return true;
  *r = (int64_t)((uint64_t)a * (uint64_t)b);
  return false;
}
#endif

/* Floor modulo and division of int words (value * 4), b != 0. The modulo is a word again, the quotient a plain number. */
static inline int64_t mod_words(int64_t a, int64_t b) {
  if (LIKELY((((uint64_t)a | (uint64_t)b) >> 32) == 0)) return (int64_t)((uint32_t)a % (uint32_t)b); /* narrow division is much quicker */
  if (LIKELY((((uint64_t)a | (uint64_t)b) >> 34) == 0)) return (int64_t)((uint64_t)((uint32_t)(a >> 2) % (uint32_t)(b >> 2)) << 2);
  if (UNLIKELY(b == -4)) return 0;
  int64_t m = a % b;
  return m != 0 && (m ^ b) < 0 ? m + b : m;
}
static inline int64_t floordiv_words(int64_t a, int64_t b) {
  if (LIKELY((((uint64_t)a | (uint64_t)b) >> 32) == 0)) return (int64_t)((uint32_t)a / (uint32_t)b);
  if (UNLIKELY(b == -4)) return -(a >> 2);
  int64_t q = a / b;
  return a % b != 0 && (a ^ b) < 0 ? q - 1 : q;
}

/* Index of a list or tuple item from an int word; negative counts from the end. False: out of range. */
static inline bool item_index(Value key, size_t length, size_t *out) {
  int64_t i = v_int(key);
  if (i < 0) i += (int64_t)length;
  *out = (size_t)i;
  return (uint64_t)i < (uint64_t)length;
}

/* Arguments of a native whose signature is simple, completed with defaults in buf. NULL: the general way has to look at them. */
#define FILL_MAX 6
static inline Value *native_fill(VM *vm, const Signature *sig, Value *args, uint32_t n, Value *buf) {
  if (sig->checks && !(n <= sig->n_pos && signature_accepts(vm, sig, args, (int)n))) return NULL;
  if (n == sig->n_params && n == sig->n_pos) return args;
  if (n < sig->n_required_pos || n > sig->n_pos || sig->n_params > FILL_MAX) return NULL;
  for (uint32_t i = 0; i < n; i++) buf[i] = args[i];
  for (uint32_t i = n; i < sig->n_params; i++) {
    if (sig->params[i].required) return NULL;
    buf[i] = sig->params[i].dflt;
  }
  return buf;
}

static inline bool is_exact_func(Value v) { return v_is_obj(v) && v_obj(v)->type == &function_type; }

/* The loop runs vm->frame until a frame that was entered from C (CONT_EXIT) ends. throwing: start by raising the pending exception there. */
RunResult vm_run(VM *vm, bool throwing, Value *result) {
  const size_t temps = vm->n_temps; /* temporaries that cold parts take are given back after each */
  Frame *F = vm->frame;
  Value *R = frame_regs(F);
  Value *K = F->func ? F->func->code->consts : NULL;
  const uint32_t *pc = F->pc;
  uint32_t w;
  /* operands of the shared slow paths */
  Value sa, sb, v;
  int sop;
  bool truth;
  RunEnd end;
  Go go;
  Step s;
  Dest d;

#define SAVE() (F->pc = pc, vm->frame = F)
#define LOAD() (F = vm->frame, R = frame_regs(F), K = F->func->code->consts, pc = F->pc)
#define A INS_A(w)
#define B INS_B(w)
#define C INS_C(w)
#define X (pc[-1])          /* after the handler has stepped over it */
#define FUEL_OR(label)                           \
  do {                                           \
    if (UNLIKELY(--vm->fuel < 0)) {              \
      SAVE();                                    \
      if (!vm_safe_point(vm)) goto label;        \
    }                                            \
  } while (0)
#define FUEL() FUEL_OR(stopped)
#define POKED()                                                               \
  do { /* after builtins: no step, but what they made may have to be collected */ \
    if (UNLIKELY(vm->fuel <= 0) && (vm->fuel < 0 || vm->starved)) {             \
      SAVE();                                                                   \
      if (!vm_safe_point(vm)) goto stopped;                                     \
    }                                                                           \
  } while (0)
#define JUMP_X() do { pc += (int32_t)X; FUEL_OR(stopped_at_jump); } while (0)
#define BRANCH(cond) do { pc++; if ((cond) == (bool)C) JUMP_X(); NEXT; } while (0)
#define CHECKED(call) do { SAVE(); if (UNLIKELY(!(call))) goto raise; vm->n_temps = temps; NEXT; } while (0)
/* Is what a call gives awaited at once, by the usual sequence of instructions (compile_comp.c, await_value) outside of except blocks? */
#define AWAITED() (INS_OP(pc[0]) == OP_GETAWAITABLE && INS_B(pc[0]) == C && INS_OP(pc[1]) == OP_LOADK && INS_OP(pc[2]) == OP_YIELDFROM && INS_OP(pc[3]) != OP_EXCRESUME && !vm->origin_depth)
#define AWAIT_CALL(args, n) do { if (!call_await(vm, F, pc + 2, fn, args, (int)(n))) goto raise; LOAD(); FUEL(); NEXT; } while (0)
#define DONE_A(step) do { SAVE(); d = (Dest){CONT_STORE, (uint8_t)A, 0}; s = (step); goto step_value; } while (0)

#ifdef COMPUTED_GOTO
  static const void *const labels[256] = {
#define OP(name, format, meaning) [OP_##name] = &&do_##name,
#include "vm/opcodes.h"
#undef OP
  };
#define CASE(name) do_##name
#define NEXT do { w = *pc++; goto *labels[INS_OP(w)]; } while (0)
#else
#define CASE(name) case OP_##name
#define NEXT goto dispatch
#endif

  if (throwing) {
    go = GO_THROW;
    goto raising;
  }
#ifdef COMPUTED_GOTO
  NEXT;
#else
dispatch:
  w = *pc++;
  switch (INS_OP(w)) {
#endif

  CASE(NOP) : NEXT;
  CASE(MOVE) : R[A] = R[B]; NEXT;
  CASE(LOADK) : R[A] = K[INS_Bx(w)]; NEXT;
  CASE(LOADKX) : pc++; R[A] = K[X]; NEXT;
  CASE(LOADI) : R[A] = v_from_int62(INS_sBx(w)); NEXT;
  CASE(GETFAR) : pc++;
    if (B == 0 && v_absent(R[X])) {
      SAVE();
      cold_unbound(vm, F->func->code->local_names->items[X - (256 - NEAR_LOCALS)], false);
      goto raise;
    }
    R[A] = R[X];
    NEXT;
  CASE(SETFAR) : pc++; R[X] = R[A]; NEXT;
  CASE(CHECK) : pc++; if (LIKELY(!v_absent(R[A]))) NEXT; SAVE(); cold_unbound(vm, K[X], false); goto raise;
  CASE(CHECKFREE) : pc++; if (LIKELY(!v_absent(R[A]))) NEXT; SAVE(); cold_unbound(vm, K[X], true); goto raise;
  CASE(DELLOCAL) : pc++;
    if (UNLIKELY(v_absent(R[A]))) {
      SAVE();
      cold_unbound(vm, K[X], false);
      goto raise;
    }
    R[A] = V_ABSENT;
    NEXT;
  CASE(UNBIND) : pc++; R[X] = V_ABSENT; NEXT;

  /* ---- cells ---- */
  CASE(MAKECELL) : {
    SAVE();
    Cell *cell = cell_new(vm, R[B]);
    if (UNLIKELY(!cell)) goto raise;
    R[A] = v_from_obj(cell);
    NEXT;
  }
  CASE(GETCELL) : pc++;
    v = ((Cell *)v_obj(R[B]))->v;
    if (UNLIKELY(v_absent(v))) {
      SAVE();
      cold_unbound(vm, K[X], false);
      goto raise;
    }
    R[A] = v;
    NEXT;
  CASE(GETCELLFREE) : pc++;
    v = ((Cell *)v_obj(R[B]))->v;
    if (UNLIKELY(v_absent(v))) {
      SAVE();
      cold_unbound(vm, K[X], true);
      goto raise;
    }
    R[A] = v;
    NEXT;
  CASE(SETCELL) : {
    Cell *cell = (Cell *)v_obj(R[A]);
    gc_store(vm, cell, &cell->v, R[B]);
    NEXT;
  }
  CASE(DELCELL) : {
    Cell *cell = (Cell *)v_obj(R[A]);
    pc++;
    if (UNLIKELY(v_absent(cell->v))) {
      SAVE();
      cold_unbound(vm, K[X], false);
      goto raise;
    }
    cell->v = V_ABSENT;
    NEXT;
  }
  CASE(CLEARCELL) : ((Cell *)v_obj(R[A]))->v = V_ABSENT; NEXT;
  CASE(GETFREE) : pc++;
    v = ((Cell *)v_obj(F->func->closure->items[X]))->v;
    if (UNLIKELY(v_absent(v))) {
      SAVE();
      cold_unbound(vm, F->func->code->free_names->items[X], true);
      goto raise;
    }
    R[A] = v;
    NEXT;
  CASE(SETFREE) : {
    pc++;
    Cell *cell = (Cell *)v_obj(F->func->closure->items[X]);
    gc_store(vm, cell, &cell->v, R[A]);
    NEXT;
  }
  CASE(DELFREE) : {
    pc++;
    Cell *cell = (Cell *)v_obj(F->func->closure->items[X]);
    if (UNLIKELY(v_absent(cell->v))) {
      SAVE();
      cold_unbound(vm, F->func->code->free_names->items[X], true);
      goto raise;
    }
    cell->v = V_ABSENT;
    NEXT;
  }
  CASE(GETCLOSURE) : pc++; R[A] = F->func->closure->items[X]; NEXT;

  /* ---- names ---- */
  CASE(GETGLOBAL) : {
    pc++;
    InlineCache *ic = code_cache(K, X);
    Dict *g = F->func->globals;
    if (LIKELY(ic->key == g->keys_version)) {
      if (ic->kind == IC_GLOBAL) {
        R[A] = g->entries[ic->extra].value;
        NEXT;
      }
      Dict *b = F->func->builtins;
      if (LIKELY(ic->key2 == b->keys_version)) {
        R[A] = b->entries[ic->extra].value;
        NEXT;
      }
    }
    CHECKED(cold_get_global(vm, F, K, X, &R[A]));
  }
  CASE(SETGLOBAL) : {
    pc++;
    InlineCache *ic = code_cache(K, X);
    Dict *g = F->func->globals;
    if (LIKELY(ic->key == g->keys_version && ic->kind == IC_GLOBAL)) {
      gc_store(vm, g, &g->entries[ic->extra].value, R[A]);
      NEXT;
    }
    CHECKED(cold_set_global(vm, F, K, X, R[A]));
  }
  CASE(DELGLOBAL) : pc++; CHECKED(cold_del_global(vm, F, X));
  CASE(GETNAME) : pc++; CHECKED(cold_get_name(vm, F, K[X], &R[A]));
  CASE(SETNAME) : pc++; CHECKED(cold_set_name(vm, R[0], K[X], R[A]));
  CASE(DELNAME) : pc++; CHECKED(cold_del_name(vm, R[0], K[X]));
  CASE(GETCLASSFREE) : pc++; CHECKED(cold_get_class_free(vm, F, X, &R[A]));

  /* ---- arithmetic ---- */
#define SLOW_BINARY(op_) do { sop = (op_); goto slow_binary; } while (0)
#define ARITH(name, second, int_part, float_expr, op_)                        \
  CASE(name) : {                                                              \
    sa = R[B];                                                                \
    sb = second;                                                              \
    if (LIKELY(v_both_int(sa, sb))) {                                         \
      int_part                                                                \
    } else if (v_both_double(sa, sb)) {                                       \
      double x = v_double(sa), y = v_double(sb);                              \
      (void)x, (void)y;                                                       \
      if (LIKELY(v_try_double(float_expr, &v))) {                             \
        R[A] = v;                                                             \
        NEXT;                                                                 \
      }                                                                       \
    }                                                                         \
    SLOW_BINARY(op_);                                                         \
  }
#define INT_OVERFLOWING(fn, a_, b_) { int64_t r; if (LIKELY(!fn(a_, b_, &r))) { R[A].w = (uint64_t)r; NEXT; } }
  ARITH(ADD, R[C], INT_OVERFLOWING(add_overflow, sa.w, sb.w), x + y, TINY_ADD)
  ARITH(ADDK, K[C], INT_OVERFLOWING(add_overflow, sa.w, sb.w), x + y, TINY_ADD)
  ARITH(SUB, R[C], INT_OVERFLOWING(sub_overflow, sa.w, sb.w), x - y, TINY_SUB)
  ARITH(SUBK, K[C], INT_OVERFLOWING(sub_overflow, sa.w, sb.w), x - y, TINY_SUB)
  ARITH(MUL, R[C], INT_OVERFLOWING(mul_overflow, v_int(sa), sb.w), x * y, TINY_MUL)
  ARITH(MULK, K[C], INT_OVERFLOWING(mul_overflow, v_int(sa), sb.w), x * y, TINY_MUL)
#define INT_MOD if (LIKELY(sb.w != 0)) { R[A].w = (uint64_t)mod_words((int64_t)sa.w, (int64_t)sb.w); NEXT; }
#define INT_FLOORDIV if (LIKELY(sb.w != 0)) { int64_t q = floordiv_words((int64_t)sa.w, (int64_t)sb.w); if (LIKELY(int_fits62(q))) { R[A] = v_from_int62(q); NEXT; } }
#define NO_FLOAT goto no_float_path; /* never reached by a double that fits */
  CASE(MOD) : sa = R[B]; sb = R[C]; if (LIKELY(v_both_int(sa, sb))) { INT_MOD } SLOW_BINARY(TINY_MOD);
  CASE(MODK) : sa = R[B]; sb = K[C]; if (LIKELY(v_both_int(sa, sb))) { INT_MOD } SLOW_BINARY(TINY_MOD);
  CASE(FLOORDIV) : sa = R[B]; sb = R[C]; if (LIKELY(v_both_int(sa, sb))) { INT_FLOORDIV } SLOW_BINARY(TINY_FLOORDIV);
  CASE(FLOORDIVK) : sa = R[B]; sb = K[C]; if (LIKELY(v_both_int(sa, sb))) { INT_FLOORDIV } SLOW_BINARY(TINY_FLOORDIV);
#define FLOAT_DIV                                                                     \
  if (LIKELY(v_both_double(sa, sb))) {                                                \
    double y = v_double(sb);                                                          \
    if (LIKELY(y != 0.0) && LIKELY(v_try_double(v_double(sa) / y, &v))) { R[A] = v; NEXT; } \
  }                                                                                   \
  SLOW_BINARY(TINY_TRUEDIV)
  CASE(TRUEDIV) : sa = R[B]; sb = R[C]; FLOAT_DIV;
  CASE(TRUEDIVK) : sa = R[B]; sb = K[C]; FLOAT_DIV;
#define BITS(expr, op_) if (LIKELY(v_both_int(sa, sb))) { R[A].w = (expr); NEXT; } SLOW_BINARY(op_)
  CASE(AND) : sa = R[B]; sb = R[C]; BITS(sa.w & sb.w, TINY_AND);
  CASE(ANDK) : sa = R[B]; sb = K[C]; BITS(sa.w & sb.w, TINY_AND);
  CASE(OR) : sa = R[B]; sb = R[C]; BITS(sa.w | sb.w, TINY_OR);
  CASE(XOR) : sa = R[B]; sb = R[C]; BITS(sa.w ^ sb.w, TINY_XOR);
#define SHIFT_LEFT                                                                     \
  if (LIKELY(v_both_int(sa, sb) && v_int(sb) >= 0 && v_int(sb) < 62)) {                \
    int64_t i = v_int(sa), n = v_int(sb), r = (int64_t)((uint64_t)i << n);             \
    if (LIKELY((r >> n) == i && int_fits62(r))) { R[A] = v_from_int62(r); NEXT; }      \
  }                                                                                    \
  SLOW_BINARY(TINY_LSHIFT)
#define SHIFT_RIGHT                                                                    \
  if (LIKELY(v_both_int(sa, sb) && (int64_t)sb.w >= 0)) {                              \
    int64_t n = v_int(sb);                                                             \
    R[A] = v_from_int62(v_int(sa) >> (n > 63 ? 63 : n));                               \
    NEXT;                                                                              \
  }                                                                                    \
  SLOW_BINARY(TINY_RSHIFT)
  CASE(LSHIFT) : sa = R[B]; sb = R[C]; SHIFT_LEFT;
  CASE(LSHIFTK) : sa = R[B]; sb = K[C]; SHIFT_LEFT;
  CASE(RSHIFT) : sa = R[B]; sb = R[C]; SHIFT_RIGHT;
  CASE(RSHIFTK) : sa = R[B]; sb = K[C]; SHIFT_RIGHT;
  CASE(POW) : sa = R[B]; sb = R[C]; SLOW_BINARY(TINY_POW);
  CASE(MATMUL) : sa = R[B]; sb = R[C]; SLOW_BINARY(TINY_MATMUL);

#undef SLOW_BINARY
#define SLOW_BINARY(op_) do { sop = (op_); goto slow_inplace; } while (0)
  ARITH(IADD, R[C], INT_OVERFLOWING(add_overflow, sa.w, sb.w), x + y, TINY_ADD)
  ARITH(ISUB, R[C], INT_OVERFLOWING(sub_overflow, sa.w, sb.w), x - y, TINY_SUB)
  ARITH(IMUL, R[C], INT_OVERFLOWING(mul_overflow, v_int(sa), sb.w), x * y, TINY_MUL)
  ARITH(IADDK, K[C], INT_OVERFLOWING(add_overflow, sa.w, sb.w), x + y, TINY_ADD)
  ARITH(ISUBK, K[C], INT_OVERFLOWING(sub_overflow, sa.w, sb.w), x - y, TINY_SUB)
  CASE(INPLACE) : pc++;
    sa = R[B];
    sb = R[C];
    sop = (int)X;
    if (v_both_int(sa, sb)) {
      switch (sop) {
      case TINY_MOD: INT_MOD break;
      case TINY_FLOORDIV: INT_FLOORDIV break;
      case TINY_AND: R[A].w = sa.w & sb.w; NEXT;
      case TINY_OR: R[A].w = sa.w | sb.w; NEXT;
      case TINY_XOR: R[A].w = sa.w ^ sb.w; NEXT;
      case TINY_RSHIFT: if ((int64_t)sb.w >= 0) { int64_t n = v_int(sb); R[A] = v_from_int62(v_int(sa) >> (n > 63 ? 63 : n)); NEXT; } break;
      default: break;
      }
    }
    SAVE();
    v = cold_number(vm, sop, sa, sb);
    if (v.w == V_NOTIMPL.w) s = ops_binary(vm, sop, true, sa, sb, 0, (uint8_t)A, AUX_LONG, &v);
    else s = v_failed(v) ? STEP_FAIL : STEP_DONE;
    goto binary_done;

slow_inplace:
  SAVE();
  v = cold_number(vm, sop, sa, sb);
  if (v.w == V_NOTIMPL.w) s = ops_binary(vm, sop, true, sa, sb, 0, (uint8_t)A, 0, &v);
  else s = v_failed(v) ? STEP_FAIL : STEP_DONE;
  goto binary_done;
slow_binary:
  SAVE();
  v = cold_number(vm, sop, sa, sb);
  if (v.w == V_NOTIMPL.w) s = ops_binary(vm, sop, false, sa, sb, 0, (uint8_t)A, 0, &v);
  else s = v_failed(v) ? STEP_FAIL : STEP_DONE;
binary_done:
  vm->n_temps = temps;
  if (LIKELY(s == STEP_DONE)) {
    R[A] = v;
    NEXT;
  }
  goto step_other;

  CASE(NEG) : v = R[B];
    if (LIKELY(v_is_int(v) && v.w != V((uint64_t)INT_MIN62 << 2).w)) {
      R[A].w = (uint64_t) - (int64_t)v.w;
      NEXT;
    }
    DONE_A(ops_unary(vm, 0, R[B], d, &v));
  CASE(POS) : DONE_A(ops_unary(vm, 1, R[B], d, &v));
  CASE(INVERT) : DONE_A(ops_unary(vm, 2, R[B], d, &v));
  CASE(NOT) : v = R[B];
    if (LIKELY(v_is_bool(v))) {
      R[A] = v_from_bool(v.w == V_FALSE.w);
      NEXT;
    }
    SAVE();
    s = ops_truth(vm, v, 0, 0, &truth);
    if (s != STEP_DONE) goto step_other;
    R[A] = v_from_bool(!truth);
    NEXT;

  /* ---- comparisons ---- */
#define COMPARE(name, op_, cmp)                                               \
  CASE(name) : sa = R[B]; sb = R[C];                                          \
    if (LIKELY(v_both_int(sa, sb))) { R[A] = v_from_bool((int64_t)sa.w cmp (int64_t)sb.w); NEXT; } \
    if (v_both_double(sa, sb)) { R[A] = v_from_bool(v_double(sa) cmp v_double(sb)); NEXT; }         \
    sop = op_; goto slow_compare;
  COMPARE(LT, CO_LT, <)
  COMPARE(LE, CO_LE, <=)
  COMPARE(EQ, CO_EQ, ==)
  COMPARE(NE, CO_NE, !=)
  COMPARE(GT, CO_GT, >)
  COMPARE(GE, CO_GE, >=)
slow_compare:
  SAVE();
  s = ops_compare(vm, sop, sa, sb, 0, (uint8_t)A, 0, &v);
  goto binary_done;
  CASE(IS) : R[A] = v_from_bool(v_same(R[B], R[C])); NEXT;
  CASE(ISNOT) : R[A] = v_from_bool(!v_same(R[B], R[C])); NEXT;
  CASE(IN) :
  CASE(NOTIN) :
    SAVE();
    s = ops_contains(vm, R[C], R[B], (uint8_t)A, 0, &v);
    if (s != STEP_DONE) goto step_other;
    s = ops_truth(vm, v, 0, 0, &truth);
    if (s != STEP_DONE) goto step_other;
    R[A] = v_from_bool(truth == (INS_OP(w) == OP_IN));
    NEXT;

  /* ---- jumps ---- */
  CASE(JUMP) : pc += INS_sJ(w); FUEL_OR(stopped_at_jump); NEXT;
  CASE(JTRUE) : v = R[A];
    if (LIKELY(v_is_bool(v))) BRANCH(v.w == V_TRUE.w);
    if (v_is_int(v)) BRANCH(v.w != 0);
    if (v_is_none(v)) BRANCH(false);
    pc++;
    goto slow_truth;
#define JCOMPARE(name, second, op_, cmp)                                      \
  CASE(name) : sa = R[A]; sb = second;                                        \
    if (LIKELY(v_both_int(sa, sb))) BRANCH((int64_t)sa.w cmp (int64_t)sb.w);  \
    if (v_both_double(sa, sb)) BRANCH(v_double(sa) cmp v_double(sb));         \
    sop = op_; goto slow_jcompare;
#define JEQUAL(name, second, op_, cmp)                                        \
  CASE(name) : sa = R[A]; sb = second;                                        \
    if (LIKELY(v_both_int(sa, sb))) BRANCH(sa.w cmp sb.w);                    \
    if (v_both_double(sa, sb)) BRANCH(v_double(sa) cmp v_double(sb));         \
    if (v_is_exact(sa, &str_type) && v_is_exact(sb, &str_type)) {             \
      bool same = sa.w == sb.w || str_equal(v_str(sa), v_str(sb));            \
      BRANCH(same cmp true);                                                  \
    }                                                                         \
    sop = op_; goto slow_jcompare;
  JCOMPARE(JLT, R[B], CO_LT, <)
  JCOMPARE(JLE, R[B], CO_LE, <=)
  JEQUAL(JEQ, R[B], CO_EQ, ==)
  JEQUAL(JNE, R[B], CO_NE, !=)
  JCOMPARE(JGT, R[B], CO_GT, >)
  JCOMPARE(JGE, R[B], CO_GE, >=)
  JCOMPARE(JLTK, K[B], CO_LT, <)
  JCOMPARE(JLEK, K[B], CO_LE, <=)
  JEQUAL(JEQK, K[B], CO_EQ, ==)
  JEQUAL(JNEK, K[B], CO_NE, !=)
  JCOMPARE(JGTK, K[B], CO_GT, >)
  JCOMPARE(JGEK, K[B], CO_GE, >=)
slow_jcompare:
  pc++;
  SAVE();
  s = ops_compare(vm, sop, sa, sb, 0, 0, AUX_LONG, &v);
  if (s != STEP_DONE) goto step_other;
  if (v_is_bool(v)) {
    if ((v.w == V_TRUE.w) == (bool)C) JUMP_X();
    NEXT;
  }
slow_truth: /* pc is past X */
  SAVE();
  s = ops_truth(vm, v, 0, AUX_LONG, &truth);
  if (s != STEP_DONE) goto step_other;
  if (truth == (bool)C) JUMP_X();
  NEXT;
  CASE(JIS) : BRANCH(v_same(R[A], R[B]));
  CASE(JNONE) : BRANCH(v_is_none(R[A]));
  CASE(JABSENT) : BRANCH(v_absent(R[A]));
  CASE(JIN) : pc++;
    SAVE();
    s = ops_contains(vm, R[B], R[A], 0, AUX_LONG, &v);
    if (s != STEP_DONE) goto step_other;
    goto slow_truth;

  /* ---- attributes ---- */
  CASE(GETATTR) : {
    pc++;
    v = R[B];
    InlineCache *ic = code_cache(K, X);
    if (LIKELY(v_is_obj(v) && v_obj(v)->shape == ic->key)) {
      if (LIKELY(ic->kind == IC_SLOT)) {
        Value r = ((Instance *)v_obj(v))->slots[ic->index];
        if (LIKELY(!v_absent(r))) {
          R[A] = r;
          NEXT;
        }
      } else if (ic->kind == IC_VALUE) {
        R[A] = ic->value;
        NEXT;
      } else if (ic->kind == IC_MODULE) {
        Dict *md = ((Module *)v_obj(v))->dict;
        if (LIKELY(v_obj(ic->value) == &md->head && md->keys_version == ic->extra)) {
          R[A] = md->entries[ic->index].value;
          NEXT;
        }
      } else if (ic->kind == IC_METHOD) {
        SAVE();
        Value m = method_new(vm, ic->value, v);
        if (UNLIKELY(v_failed(m))) goto raise;
        R[A] = m;
        NEXT;
      }
    }
    SAVE();
    AttrCall call;
    bool known = v_is_obj(v) && v_obj(v)->shape == ic->key;
    if (known && ic->kind == IC_DICT) {
      const DictEntry *e = ic_dict_entry(ic, (Instance *)v_obj(v));
      if (LIKELY(e != NULL)) {
        R[A] = e->value;
        NEXT;
      }
    }
    if (known && ic->kind == IC_PROPERTY) {
      call = (AttrCall){ic->value, {v, V_NONE, V_NONE}, 1, V_ABSENT, V_NONE};
    } else {
      int r = attr_get(vm, v, v_str(K[F->func->code->site_names[X]]), ic, F->func->code, &sa, &call);
      if (LIKELY(r == 1)) {
        R[A] = sa;
        NEXT;
      }
      if (r < 0) goto raise;
    }
    d = (Dest){v_absent(call.fallback) ? CONT_STORE : CONT_GETATTR, (uint8_t)A, AUX_LONG};
    Value argv[6] = {V_NONE, V_NONE, call.args[0], call.args[1], call.args[2]};
    s = call_begin(vm, call.fn, argv + 2, call.argc, V_ABSENT, d, &v);
    if (s == STEP_FAIL && d.cont == CONT_GETATTR) goto getattr_failed;
    goto step_value;
  }
getattr_failed: /* a native __getattribute__ said AttributeError: __getattr__ is next */
  go = flow_getattr_failed(vm, d, &end);
  goto going;
  CASE(SETATTR) : {
    pc++;
    v = R[A];
    InlineCache *ic = code_cache(K, X);
    if (LIKELY(v_is_obj(v) && v_obj(v)->shape == ic->key)) {
      Instance *o = (Instance *)v_obj(v);
      if (LIKELY(ic->kind == IC_SLOT)) {
        gc_store(vm, o, &o->slots[ic->index], R[B]);
        NEXT;
      }
      if (ic->kind == IC_ADD && LIKELY(ic->index < o->capacity)) {
        gc_store(vm, o, &o->slots[ic->index], R[B]);
        o->head.shape = ic->key2;
        NEXT;
      }
      if (ic->kind == IC_DICT) {
        DictEntry *e = ic_dict_entry(ic, o);
        if (LIKELY(e != NULL)) {
          gc_store(vm, v_dict(o->slots[ic->key2]), &e->value, R[B]);
          NEXT;
        }
      }
    }
    sb = R[B];
  }
set_attr: /* v.name(X) = sb, pc is past X */
  {
    SAVE();
    AttrCall call;
    int r = attr_set(vm, v, v_str(K[F->func->code->site_names[X]]), sb, v_absent(sb) ? NULL : code_cache(K, X), F->func->code, &call);
    if (LIKELY(r == 1)) NEXT;
    if (r < 0) goto raise;
    Value argv[6] = {V_NONE, V_NONE, call.args[0], call.args[1], call.args[2]};
    d = (Dest){CONT_DISCARD, 0, 0};
    s = call_begin(vm, call.fn, argv + 2, call.argc, V_ABSENT, d, &v);
    if (s == STEP_DONE) NEXT;
    goto step_other;
  }
  CASE(DELATTR) : pc++; v = R[A]; sb = V_ABSENT; goto set_attr;
  CASE(GETMETHOD) : {
    pc++;
    v = R[B];
    InlineCache *ic = code_cache(K, X);
    if (LIKELY(v_is_obj(v) && v_obj(v)->shape == ic->key)) {
      if (LIKELY(ic->kind == IC_METHOD)) {
        R[A] = ic->value;
        R[A + 1] = v;
        NEXT;
      }
      if (ic->kind == IC_SLOT) {
        Value r = ((Instance *)v_obj(v))->slots[ic->index];
        if (LIKELY(!v_absent(r))) {
          R[A] = r;
          R[A + 1] = V_ABSENT;
          NEXT;
        }
      } else if (ic->kind == IC_VALUE) {
        R[A] = ic->value;
        R[A + 1] = V_ABSENT;
        NEXT;
      } else if (ic->kind == IC_MODULE) {
        Dict *md = ((Module *)v_obj(v))->dict;
        if (LIKELY(v_obj(ic->value) == &md->head && md->keys_version == ic->extra)) {
          R[A] = md->entries[ic->index].value;
          R[A + 1] = V_ABSENT;
          NEXT;
        }
      }
    }
    SAVE();
    AttrCall call;
    int r = attr_get_method(vm, v, v_str(K[F->func->code->site_names[X]]), ic, F->func->code, &sa, &sb, &call);
    if (LIKELY(r == 1)) {
      R[A] = sa;
      R[A + 1] = sb;
      NEXT;
    }
    if (r < 0) goto raise;
    if (A + 1 != B) R[A + 1] = V_ABSENT;
    d = (Dest){v_absent(call.fallback) ? CONT_STORE : CONT_GETATTR, (uint8_t)A, AUX_LONG};
    Value argv[6] = {V_NONE, V_NONE, call.args[0], call.args[1], call.args[2]};
    s = call_begin(vm, call.fn, argv + 2, call.argc, V_ABSENT, d, &v);
    if (s == STEP_FAIL && d.cont == CONT_GETATTR) goto getattr_failed;
    goto step_value;
  }
  CASE(SUPERMETHOD) : { /* no super object is made */
    pc++;
    SAVE();
    if (LIKELY(v_same(R[A], v_from_obj(&super_type))) && super_method(vm, F, v_str(K[X]), &sa, &sb)) {
      R[A] = sa;
      R[A + 1] = sb;
      pc += 3;
    }
    NEXT;
  }

  /* ---- items ---- */
  CASE(GETITEM) : sa = R[B]; sb = R[C]; goto get_item;
  CASE(GETITEMK) : sa = R[B]; sb = K[C]; goto get_item;
get_item:
  if (LIKELY(v_is_obj(sa))) {
    Obj *o = v_obj(sa);
    size_t i;
    if (o->type == &list_type) {
      if (LIKELY(v_is_int(sb) && item_index(sb, ((List *)o)->length, &i))) {
        R[A] = ((List *)o)->items[i];
        NEXT;
      }
    } else if (o->type == &dict_type) {
      SAVE();
      v = v_is_exact(sb, &str_type) ? dict_get_str(vm, (Dict *)o, v_str(sb)) : dict_get(vm, (Dict *)o, sb);
      if (LIKELY(!v_absent(v))) {
        if (UNLIKELY(v_failed(v))) goto raise;
        R[A] = v;
        NEXT;
      }
    } else if (o->type == &tuple_type) {
      if (LIKELY(v_is_int(sb) && item_index(sb, ((Tuple *)o)->length, &i))) {
        R[A] = ((Tuple *)o)->items[i];
        NEXT;
      }
    } else if (o->type == &str_type) {
      if (LIKELY(v_is_int(sb) && item_index(sb, ((Str *)o)->length, &i))) {
        Str *str = (Str *)o, *ch;
        unsigned char c;
        if (LIKELY(str_is_ascii(str) && (ch = vm->ascii_chars[(c = (unsigned char)str->data[i])]) != NULL)) {
          R[A] = v_from_obj(ch);
          NEXT;
        }
        SAVE();
        ch = str_at(vm, str, i);
        if (!ch) goto raise;
        R[A] = v_from_obj(ch);
        NEXT;
      }
    }
  }
  DONE_A(ops_getitem(vm, sa, sb, d, &v));
  CASE(SETITEM) : sa = R[A]; sb = R[B]; v = R[C];
    if (LIKELY(v_is_obj(sa))) {
      Obj *o = v_obj(sa);
      size_t i;
      if (o->type == &list_type) {
        if (LIKELY(v_is_int(sb) && item_index(sb, ((List *)o)->length, &i))) {
          gc_store_item(vm, o, &((List *)o)->items[i], v);
          NEXT;
        }
      } else if (o->type == &dict_type) {
        SAVE();
        if (UNLIKELY(!(v_is_exact(sb, &str_type) ? dict_set_str(vm, (Dict *)o, v_str(sb), v) : dict_set(vm, (Dict *)o, sb, v)))) goto raise;
        NEXT;
      }
    }
    goto set_item;
  CASE(DELITEM) : sa = R[A]; sb = R[B]; v = V_ABSENT;
set_item:
    SAVE();
    s = ops_setitem(vm, sa, sb, v, (Dest){CONT_DISCARD, 0, 0});
    if (LIKELY(s == STEP_DONE)) NEXT;
    goto step_other;
  CASE(GETSLICE) : {
    sa = R[B];
    SAVE();
    if (LIKELY((v_is_exact(sa, &list_type) || v_is_exact(sa, &str_type)) && (v_is_int(R[C]) || v_is_none(R[C])) && (v_is_int(R[C + 1]) || v_is_none(R[C + 1])))) {
      bool list = v_is_exact(sa, &list_type);
      int64_t n = (int64_t)(list ? v_list(sa)->length : v_str(sa)->length), lo = v_is_none(R[C]) ? 0 : v_int(R[C]), hi = v_is_none(R[C + 1]) ? n : v_int(R[C + 1]);
      if (lo < 0) lo = lo + n < 0 ? 0 : lo + n;
      if (hi < 0) hi = hi + n < 0 ? 0 : hi + n;
      if (lo > n) lo = n;
      if (hi > n) hi = n;
      if (hi < lo) hi = lo;
      v = list ? list_slice(vm, v_list(sa), (size_t)lo, (size_t)hi) : v_from_str(str_substr(vm, v_str(sa), (size_t)lo, (size_t)hi));
    } else {
      sb = slice_new(vm, R[C], R[C + 1], V_NONE);
      if (v_failed(sb)) goto raise;
      DONE_A(ops_getitem(vm, sa, sb, d, &v));
    }
    if (UNLIKELY(v_failed(v))) goto raise;
    R[A] = v;
    NEXT;
  }
  CASE(SETSLICE) :
    SAVE();
    sa = R[A];
    v = R[C];
    sb = slice_new(vm, R[B], R[B + 1], V_NONE);
    if (v_failed(sb)) goto raise;
    goto set_item;
  CASE(SLICE) :
    SAVE();
    v = slice_new(vm, R[B], R[B + 1], R[B + 2]);
    if (UNLIKELY(v_failed(v))) goto raise;
    R[A] = v;
    NEXT;

  /* ---- building ---- */
  CASE(TUPLE) : {
    SAVE();
    Tuple *t = tuple_new(vm, &R[B], C);
    if (UNLIKELY(!t)) goto raise;
    R[A] = v_from_obj(t);
    NEXT;
  }
  CASE(LIST) : {
    SAVE();
    List *l = list_new(vm, &R[B], C);
    if (UNLIKELY(!l)) goto raise;
    R[A] = v_from_obj(l);
    NEXT;
  }
  CASE(SET) : CHECKED(cold_build_set(vm, &R[B], C, &R[A]));
  CASE(DICT) : CHECKED(cold_build_dict(vm, &R[B], C, &R[A]));
  CASE(STRING) : CHECKED(cold_build_string(vm, &R[B], C, &R[A]));
  CASE(APPEND) : {
    List *l = v_list(R[A]);
    if (LIKELY(l->length < l->capacity)) {
      gc_store_item(vm, l, &l->items[l->length], R[B]);
      l->length++;
      NEXT;
    }
    CHECKED(list_append(vm, l, R[B]));
  }
  CASE(SETADD) : CHECKED(set_add(vm, v_set(R[A]), R[B]));
  CASE(DICTSET) : CHECKED(dict_set(vm, v_dict(R[A]), R[B], R[C]));
  CASE(EXTEND) :
    SAVE();
    {
      if (!cold_check_star(vm, R[B])) goto raise;
      int r = list_extend_c(vm, v_list(R[A]), R[B]);
      if (r == 1) NEXT;
      if (r < 0) goto raise;
      sop = 0;
      goto extend_frozen;
    }
  CASE(SETUPDATE) :
    SAVE();
    {
      int r = set_update_c(vm, v_set(R[A]), R[B]);
      if (r == 1) NEXT;
      if (r < 0) goto raise;
      sop = 1;
    }
extend_frozen:
    {
      Value argv[4] = {V_NONE, V_NONE, R[A], R[B]};
      v = rt_frozen(vm, sop ? "_ops_set_update" : cold_list_extend_name(vm, R[B]));
      if (v_failed(v)) goto raise;
      s = call_begin(vm, v, argv + 2, 2, V_ABSENT, (Dest){CONT_DISCARD, 0, 0}, &v);
      if (s == STEP_DONE) NEXT;
      goto step_other;
    }
  CASE(DICTUPDATE) : CHECKED(cold_dict_update(vm, v_dict(R[A]), R[B]));
  CASE(DICTMERGE) : CHECKED(cold_dict_merge(vm, v_dict(R[A]), R[B], R[C]));
  CASE(ARGLIST) : v = R[B];
    if (LIKELY(v_is_exact(v, &tuple_type) || v_is_exact(v, &list_type))) {
      R[A] = v;
      NEXT;
    }
    SAVE();
    if (!cold_not_iterable_arg(vm, R[A - 1], v)) goto raise;
    {
      List *l = list_new(vm, NULL, 0);
      if (!l) goto raise;
      int r = list_extend_c(vm, l, v);
      if (r < 0) goto raise;
      if (r == 1) {
        R[A] = v_from_obj(l);
        NEXT;
      }
      Value argv[4] = {V_NONE, V_NONE, v_from_obj(l), v};
      v = rt_frozen(vm, cold_list_extend_name(vm, R[B]));
      if (v_failed(v)) goto raise;
      d = (Dest){CONT_STORE, (uint8_t)A, 0};
      s = call_begin(vm, v, argv + 2, 2, V_ABSENT, d, &v);
      goto step_value;
    }
  CASE(ARGDICT) : v = R[B];
    if (LIKELY(v_is_exact(v, &dict_type))) {
      R[A] = v;
      NEXT;
    }
    SAVE();
    {
      Dict *dict = dict_new(vm);
      if (!dict || !cold_dict_merge(vm, dict, v, R[C])) goto raise;
      R[A] = v_from_obj(dict);
      NEXT;
    }
  CASE(LISTTUPLE) : {
    SAVE();
    Tuple *t = tuple_new(vm, v_list(R[B])->items, v_list(R[B])->length);
    if (!t) goto raise;
    R[A] = v_from_obj(t);
    NEXT;
  }
  CASE(FORMAT) :
    SAVE();
    s = cold_format(vm, R[B], C & 4 ? R[B + 1] : V_ABSENT, (int)(C & 3), (uint8_t)A, &v);
    goto binary_done;
  CASE(UNPACK) : {
    v = R[A];
    const Value *items = NULL;
    if (v_is_exact(v, &tuple_type) && v_tuple(v)->length == C) items = v_tuple(v)->items;
    else if (v_is_exact(v, &list_type) && v_list(v)->length == C) items = v_list(v)->items;
    if (LIKELY(items != NULL)) {
      Value *to = &R[B];
      for (uint32_t i = 0, n = C; i < n; i++) to[i] = items[i];
      NEXT;
    }
    CHECKED(cold_unpack(vm, v, &R[B], C));
  }
  CASE(UNPACKBIG) : pc++; CHECKED(cold_unpack_big(vm, R[B], X, &R[A]));
  CASE(UNPACKEX) : pc++; CHECKED(cold_unpack_ex(vm, R[A], &R[B], C, X));

  /* ---- calls ---- */
  CASE(CALL) : {
    v = R[A];
    uint32_t n = B;
    if (LIKELY(is_exact_func(v))) {
      Function *fn = (Function *)v_obj(v);
      Code *code = fn->code;
      size_t words = FRAME_WORDS + code->n_regs;
      if (LIKELY(code->fast_argc == n + 1 && (size_t)(vm->stack_end - vm->top) >= words && F->depth < vm->recursion_limit)) {
        const Value *args = &R[A + 1];
        Frame *f = (Frame *)(void *)vm->top;
        vm->top += words;
        f->back = F;
        f->func = fn;
        f->dest = (uint8_t)C;
        f->cont = CONT_STORE;
        f->flags = 0;
        f->aux = 0;
        f->depth = F->depth + 1;
        Value *regs = frame_regs(f);
        for (uint32_t i = 0; i < n; i++) regs[i] = args[i];
        for (uint32_t i = n, end_ = code->n_regs; i < end_; i++) regs[i] = V_ABSENT;
        F->pc = pc;
        F = f;
        R = regs;
        K = code->consts;
        pc = code->instr;
        FUEL();
        NEXT;
      }
      if ((code->flags & CODE_COROUTINE) && AWAITED()) AWAIT_CALL(&R[A + 1], n);
    } else if (v_is_obj(v) && v_obj(v)->type == &native_type) {
      Native *nf = (Native *)v_obj(v);
      const Signature *sig = nf->sig;
      SAVE();
      if (nf->fn == gen_builtin_next && n == 1 && is_gen(R[A + 1])) {
        d = (Dest){CONT_STORE, (uint8_t)C, 0};
        sa = R[A + 1];
        sb = V_NONE;
        goto resume_gen;
      }
      Value buf[FILL_MAX], *filled;
      if (LIKELY(sig && sig->simple && !nf->owner && (filled = native_fill(vm, sig, &R[A + 1], n, buf)))) {
        size_t mark = vm->n_temps;
        Args args = {.vm = vm, .v = filled, .n = sig->n_params, .kwnames = V_ABSENT, .self = nf};
        v = nf->fn(vm, &args);
        vm->n_temps = mark;
        goto native_done;
      }
    }
    SAVE();
    d = (Dest){CONT_STORE, (uint8_t)C, (uint8_t)A};
    s = call_begin(vm, v, &R[A + 1], (int)n, V_ABSENT, d, &v);
    goto call_done;
  }
native_done:
  if (LIKELY(!v_failed(v) && v.w != V_TAILCALL.w)) {
    R[C] = v;
    POKED();
    NEXT;
  }
  if (v_failed(v)) goto raise;
  d = (Dest){CONT_STORE, (uint8_t)C, 0};
  s = call_tail(vm, d, &v);
call_done:
  if (s == STEP_DONE) {
    R[C] = v;
    POKED();
    NEXT;
  }
  if (LIKELY(s == STEP_PUSHED)) {
    LOAD();
    FUEL();
    NEXT;
  }
  goto step_other;
resume_gen: /* generator sa gets sb, what it yields goes where d says */
  {
    Gen *g = v_gen(sa);
    if (LIKELY(gen_state(g) == GEN_SUSPENDED && !g->link && !g->delegator && F->depth < vm->recursion_limit)) {
      frame_regs(&g->frame)[g->head.small >> 8] = sb;
      g->head.small = (uint16_t)((g->head.small & 0xFF00) | GEN_RUNNING);
      g->frame.back = F;
      g->frame.cont = d.cont;
      g->frame.dest = d.dest;
      g->frame.aux = d.aux;
      g->frame.depth = F->depth + 1;
      F = &g->frame;
      R = frame_regs(F);
      K = F->func->code->consts;
      pc = F->pc;
      FUEL();
      NEXT;
    }
  }
  switch (gen_begin(vm, v_gen(sa), RESUME_SEND, sb, F, d.cont, d.dest, d.aux)) {
  case BEGIN_RUN: LOAD(); FUEL(); NEXT;
  case BEGIN_THROW: go = GO_THROW; goto raising;
  case BEGIN_ENDED: rt_raise_with(vm, &exc_StopIteration, V_ABSENT); goto raise;
  case BEGIN_FAIL: goto raise;
  }
  goto raise;
  CASE(CALLM) : {
    v = R[A];
    bool bound = !v_absent(R[A + 1]);
    Value *args = &R[A + (bound ? 1 : 2)];
    uint32_t n = B + (bound ? 1 : 0);
    if (LIKELY(is_exact_func(v))) {
      Function *fn = (Function *)v_obj(v);
      Code *code = fn->code;
      size_t words = FRAME_WORDS + code->n_regs;
      if (LIKELY(code->fast_argc == n + 1 && (size_t)(vm->stack_end - vm->top) >= words && F->depth < vm->recursion_limit)) {
        Frame *f = (Frame *)(void *)vm->top;
        vm->top += words;
        f->back = F;
        f->func = fn;
        f->dest = (uint8_t)C;
        f->cont = CONT_STORE;
        f->flags = 0;
        f->aux = 0;
        f->depth = F->depth + 1;
        Value *regs = frame_regs(f);
        for (uint32_t i = 0; i < n; i++) regs[i] = args[i];
        for (uint32_t i = n, end_ = code->n_regs; i < end_; i++) regs[i] = V_ABSENT;
        F->pc = pc;
        F = f;
        R = regs;
        K = code->consts;
        pc = code->instr;
        FUEL();
        NEXT;
      }
      if ((code->flags & CODE_COROUTINE) && AWAITED()) AWAIT_CALL(args, n);
    } else if (v_is_obj(v) && v_obj(v)->type->layout == LAY_NATIVE) {
      Native *nf = (Native *)v_obj(v);
      const Signature *sig = nf->sig;
      SAVE();
      if (nf->fn == gen_send_m && n == 2 && is_gen(args[0])) {
        d = (Dest){CONT_STORE, (uint8_t)C, 0};
        sa = args[0];
        sb = args[1];
        goto resume_gen;
      }
      Value buf[FILL_MAX], *filled;
      if (LIKELY(sig && sig->simple && (bound || !nf->owner) && nf->kind <= NATIVE_METHOD && (filled = native_fill(vm, sig, args, n, buf)))) {
        size_t mark = vm->n_temps;
        Args a = {.vm = vm, .v = filled, .n = sig->n_params, .kwnames = V_ABSENT, .self = nf};
        v = nf->fn(vm, &a);
        vm->n_temps = mark;
        goto native_done;
      }
    }
    SAVE();
    d = (Dest){CONT_STORE, (uint8_t)C, (uint8_t)A};
    s = call_begin(vm, v, args, (int)n, V_ABSENT, d, &v);
    goto call_done;
  }
  CASE(CALLKW) : pc++;
    SAVE();
    d = (Dest){CONT_STORE, (uint8_t)C, (uint8_t)A};
    s = call_begin(vm, R[A], &R[A + 1], (int)B, K[X], d, &v);
    goto call_done;
  CASE(CALLMKW) : pc++;
    SAVE();
    d = (Dest){CONT_STORE, (uint8_t)C, (uint8_t)A};
    if (v_absent(R[A + 1])) s = call_begin(vm, R[A], &R[A + 2], (int)B, K[X], d, &v);
    else s = call_begin(vm, R[A], &R[A + 1], (int)B + 1, K[X], d, &v);
    goto call_done;
  CASE(CALLEX) : {
    SAVE();
    Value kwnames, *argv;
    int argc;
    size_t cap;
    v = R[A];
    if (!cold_kwargs_call(vm, &R[A], &kwnames, &argc, &argv, &cap)) goto raise;
    d = (Dest){CONT_STORE, (uint8_t)C, (uint8_t)A};
    s = call_begin(vm, v, argv, argc, kwnames, d, &v);
    mem_free(&vm->mem, argv - 3, cap);
    goto call_done;
  }
  CASE(RETURNNONE) : v = V_NONE; goto do_return;
  CASE(RETURN) : v = R[A];
do_return:
  if (LIKELY((F->cont | F->flags) == 0)) {
    vm->top = (Value *)(void *)F;
    uint8_t dest = F->dest;
    F = F->back;
    R = frame_regs(F);
    R[dest] = v;
    K = F->func->code->consts;
    pc = F->pc;
    NEXT;
  }
  if (F->cont == CONT_INIT && F->flags == 0 && v_is_none(v)) {
    vm->top = (Value *)(void *)F;
    uint8_t dest = F->dest, aux = F->aux;
    F = F->back;
    R = frame_regs(F);
    R[dest] = R[aux];
    K = F->func->code->consts;
    pc = F->pc;
    NEXT;
  }
  F->pc = pc;
  go = flow_return(vm, F, v, &end);
  goto going;

  /* ---- functions, classes ---- */
  CASE(FUNCTION) : pc++; CHECKED(cold_function(vm, F, w, K[X], &R[A]));
  CASE(BUILDCLASS) :
    SAVE();
    v = module_lookup(vm, F->func->builtins, NAME(vm, __build_class__));
    if (v_absent(v)) rt_raise(vm, &exc_NameError, "__build_class__ not found");
    if (v_absent(v) || v_failed(v)) goto raise;
    R[A] = v;
    NEXT;

  /* ---- iteration ---- */
  CASE(GETITER) : v = R[B];
    if (v_is_exact(v, &generator_type)) {
      R[A] = v;
      NEXT;
    }
    DONE_A(ops_iter(vm, v, d, &v));
  CASE(FOR) : {
    v = R[B];
    Obj *o = v_obj(v);
    const Type *t = o->type;
    pc++;
    if (t == &range_iter_type) {
      RangeIter *it = (RangeIter *)o;
      if (it->left == 0) NEXT;
      R[A] = v_from_int62(it->at);
      it->at += it->step;
      it->left--;
      JUMP_X();
      NEXT;
    }
    if (t == &generator_type) {
      Gen *g = (Gen *)o;
      uint8_t state = gen_state(g);
      F->pc = pc;
      if (LIKELY(state <= GEN_SUSPENDED && !g->link && !g->delegator && F->depth < vm->recursion_limit)) {
        if (state == GEN_SUSPENDED) frame_regs(&g->frame)[g->head.small >> 8] = V_NONE;
        g->head.small = (uint16_t)((g->head.small & 0xFF00) | GEN_RUNNING);
        g->frame.back = F;
        g->frame.cont = CONT_FOR;
        g->frame.depth = F->depth + 1;
        F = &g->frame;
        R = frame_regs(F);
        K = F->func->code->consts;
        pc = F->pc;
        FUEL();
        NEXT;
      }
    }
    if (t == &list_iter_type) {
      SeqIter *it = (SeqIter *)o;
      if (LIKELY(!v_absent(it->seq))) {
        List *l = v_list(it->seq);
        if (LIKELY(it->at < l->length)) {
          R[A] = l->items[it->at++];
          JUMP_X();
          NEXT;
        }
        it->seq = V_ABSENT;
      }
      NEXT;
    }
    SAVE();
    if (t->layout == LAY_SHELL && !type_is_heap(t) && !v_absent(shell_engine(v))) { /* from now on its engine stands in the register */
      R[B] = shell_engine(v);
      pc -= 2;
      NEXT;
    }
    if (t->layout == LAY_GEN) {
      switch (gen_begin(vm, (Gen *)o, RESUME_SEND, V_NONE, F, CONT_FOR, 0, 0)) {
      case BEGIN_RUN: LOAD(); FUEL(); NEXT;
      case BEGIN_THROW: go = GO_THROW; goto raising;
      case BEGIN_ENDED: NEXT;
      case BEGIN_FAIL: goto raise;
      }
    }
    if (LIKELY(t->next && !type_is_heap(t))) {
      Value item;
      int r = t->next(vm, v, &item);
      if (LIKELY(r == 1)) {
        R[A] = item;
        JUMP_X();
        NEXT;
      }
      if (r == 0) NEXT;
      if (!rt_pending_is(vm, &exc_StopIteration)) goto raise;
      (void)rt_take_exc(vm);
      NEXT;
    }
    s = ops_next(vm, v, (Dest){CONT_FOR, 0, 0}, &v);
    if (s == STEP_DONE) {
      R[A] = v;
      JUMP_X();
      NEXT;
    }
    if (s == STEP_FAIL && rt_pending_is(vm, &exc_StopIteration)) {
      (void)rt_take_exc(vm);
      NEXT;
    }
    goto step_other;
  }

  /* ---- generators ---- */
  CASE(GENERATOR) : NEXT; /* the object was made by the call; this marks its start */
  CASE(YIELD) : {
    v = R[B];
    Gen *g = frame_gen(F);
    F->pc = pc;
    if (LIKELY(!g->delegator)) {
      g->head.small = (uint16_t)(A << 8 | GEN_SUSPENDED);
    } else {
      gen_suspend(vm, g, (uint8_t)A);
      if (UNLIKELY(g->link && (g->link->flags & GEN_CLOSING))) {
        go = flow_suspend(vm, F, v, &end);
        goto going;
      }
    }
    if (LIKELY(F->cont == CONT_FOR)) {
      F = F->back;
      pc = F->pc;
      R = frame_regs(F);
      K = F->func->code->consts;
      R[INS_A(pc[-2])] = v;
      JUMP_X();
      NEXT;
    }
    if (LIKELY(F->cont == CONT_STORE)) {
      uint8_t dest = F->dest;
      F = F->back;
      pc = F->pc;
      R = frame_regs(F);
      K = F->func->code->consts;
      R[dest] = v;
      NEXT;
    }
    go = flow_suspend(vm, F, v, &end);
    goto going;
  }
  CASE(YIELDFROM) : {
    v = R[B];
    if (LIKELY(v_is_obj(v) && v_obj(v)->type->layout == LAY_GEN && INS_OP(*pc) != OP_EXCRESUME)) {
      Gen *to = (Gen *)v_obj(v), *g = frame_gen(F);
      if (gen_state(to) == GEN_CLOSED && to->head.type == &generator_type) {
        R[A] = V_NONE;
        g->yield_from = V_ABSENT;
        NEXT;
      }
      if (LIKELY(gen_state(to) <= GEN_SUSPENDED && !to->delegator && v_is_none(R[C]))) {
        F->pc = pc - 1; /* done again if the chain is cut; its result is found through it */
        g->head.small = (uint16_t)((g->head.small & 0xFF) | C << 8);
        vm->frame = F;
        switch (gen_delegate(vm, g, to)) {
        case BEGIN_RUN: LOAD(); FUEL(); NEXT;
        case BEGIN_THROW: go = GO_THROW; goto raising;
        default: F->pc = pc; goto raise;
        }
      }
    }
    SAVE();
    go = flow_delegate(vm, F, &end);
    goto going;
  }
  CASE(GETYIELDFROM) : v = R[B];
    if (v_is_exact(v, &generator_type)) {
      R[A] = v;
      NEXT;
    }
    SAVE();
    {
      bool need_iter;
      if (!cold_yield_from_iter(vm, F, v, &R[A], &need_iter)) goto raise;
      if (!need_iter) NEXT;
    }
    DONE_A(ops_iter(vm, v, d, &v));
  CASE(GETAWAITABLE) : v = R[B];
    if (LIKELY((v_is_exact(v, &coroutine_type) || v_is_exact(v, &asend_type)) && v_absent(v_gen(v)->yield_from))) {
      R[A] = v;
      NEXT;
    }
    SAVE();
    s = cold_awaitable(vm, v, (int)C, (uint8_t)A, &v);
    goto binary_done;
  CASE(GETAITER) : SAVE(); s = cold_aiter(vm, R[B], (uint8_t)A, &v); goto binary_done;
  CASE(GETANEXT) : v = R[B];
    if (LIKELY(v_is_exact(v, &async_generator_type) && async_gen_ready(v_gen(v)))) {
      R[A] = v;
      pc++; /* GETAWAITABLE: it is no awaitable for others */
      NEXT;
    }
    SAVE(); s = cold_anext(vm, R[B], (uint8_t)A, &v); goto binary_done;
  CASE(ENDASYNCFOR) :
    if (rt_is_subtype(type_of(R[A]), &exc_StopAsyncIteration)) NEXT;
    SAVE();
    vm->exc = R[A];
    vm->reraise = true;
    goto raise;
  CASE(YIELDITEM) :
    F->pc = pc;
    go = flow_item(vm, F, R[B], (uint8_t)A, &end);
    goto going;
  CASE(EXCSUSPEND) : vm->handled = R[B + 1]; NEXT;
  CASE(EXCRESUME) : R[B + 1] = vm->handled; vm->handled = R[A]; NEXT;

  /* ---- exceptions ---- */
  CASE(PUSHEXC) : R[A + 1] = vm->handled; vm->handled = R[A]; NEXT;
  CASE(POPEXC) :
    vm->handled = R[A + 1];
    if (B) R[A] = V_NONE; /* keeps its frames alive no longer */
    NEXT;
  CASE(EXCINFO) : sa = R[B];
    SAVE();
    v = rt_type_value(type_of(sa));
    if (v_failed(v)) goto raise;
    R[A] = v;
    R[A + 1] = sa;
    R[A + 2] = v_exc(sa)->traceback;
    NEXT;
  CASE(RAISE) : SAVE(); cold_raise(vm, R[A], V_ABSENT); goto raise;
  CASE(RAISEFROM) : SAVE(); cold_raise(vm, R[A], R[B]); goto raise;
  CASE(RERAISE) : SAVE(); vm->exc = R[A]; vm->reraise = true; goto raise;
  CASE(RAISECURRENT) : SAVE(); cold_raise_current(vm); goto raise;
  CASE(JEXC) : {
    SAVE();
    int r = exc_match(vm, R[A], R[B]);
    if (UNLIKELY(r < 0)) goto raise;
    BRANCH((bool)r);
  }
  CASE(EXCGROUP) : CHECKED(exc_group_match(vm, R[B], R[C], &R[A], &R[A + 1]));
  CASE(EXCPREP) :
    SAVE();
    v = exc_group_prep(vm, R[B], v_list(R[C]));
    if (v_failed(v)) goto raise;
    R[A] = v;
    NEXT;
  CASE(ASSERTFAIL) : SAVE(); cold_assert_fail(vm, R[A], B != 0); goto raise;
  CASE(GETSPECIAL) : CHECKED(cold_get_special(vm, R[B], (int)C, &R[A]));

  /* ---- imports ---- */
  CASE(IMPORT) : {
    pc++;
    SAVE();
    Value run;
    int r = import_step(vm, v_str(K[X]), R[B], (int)v_int(R[B + 1]), F->func->globals, &v, &run);
    if (r < 0) goto raise;
    if (r == 1) {
      R[A] = v;
      NEXT;
    }
    Value argv[3] = {V_NONE, V_NONE, V_NONE};
    d = (Dest){CONT_IMPORT, 0, AUX_LONG};
    s = call_begin(vm, run, argv + 2, 0, V_ABSENT, d, &v);
    go = flow_step(vm, s, d, v, &end);
    goto going;
  }
  CASE(IMPORTFROM) :
  CASE(SUBMODULE) : pc++;
    SAVE();
    v = import_from(vm, R[B], v_str(K[X]));
    if (v_failed(v)) goto raise;
    R[A] = v;
    NEXT;
  CASE(IMPORTSTAR) : CHECKED(import_star(vm, R[A], F->func->code->flags & CODE_NAMESPACE ? R[0] : v_from_obj(F->func->globals)));

  /* ---- match ---- */
  CASE(MATCHSEQ) : {
    SAVE();
    int64_t length;
    int r = cold_match_seq(vm, R[A], v_int(R[B]), &length);
    if (r < 0) goto raise;
    if (r) R[B] = v_from_int62(length);
    BRANCH(r == 1);
  }
  CASE(MATCHMAP) : {
    SAVE();
    int r = cold_match_map(vm, R[A]);
    if (r < 0) goto raise;
    BRANCH(r == 1);
  }
  CASE(MATCHKEYS) : CHECKED(cold_match_keys(vm, R[B], v_tuple(R[C]), &R[A]));
  CASE(MATCHREST) : CHECKED(cold_match_rest(vm, R[B], v_tuple(R[C]), &R[A]));
  CASE(MATCHCLASS) : pc++; CHECKED(cold_match_class(vm, R[B], R[C], v_tuple(R[C + 1]), X, &R[A]));

  CASE(ANNOTATIONS) : CHECKED(cold_annotations(vm, F));
  CASE(PRINTEXPR) : {
    SAVE();
    if (!vm->sys_dict && !vm_need_sys(vm)) goto raise;
    v = vm->sys_dict ? dict_get_str(vm, vm->sys_dict, NAME(vm, displayhook)) : V_ABSENT;
    if (v_absent(v)) rt_raise(vm, &exc_RuntimeError, "lost sys.displayhook");
    if (v_absent(v) || v_failed(v)) goto raise;
    Value argv[4] = {V_NONE, V_NONE, R[A], V_NONE};
    s = call_begin(vm, v, argv + 2, 1, V_ABSENT, (Dest){CONT_DISCARD, 0, 0}, &v);
    if (s == STEP_DONE) NEXT;
    goto step_other;
  }
#ifndef COMPUTED_GOTO
  default: break;
  }
#endif

  /* ---- what instructions share ---- */
step_value: /* s began something whose result v goes to d.dest when it is done at once */
  vm->n_temps = temps;
  if (LIKELY(s == STEP_DONE)) {
    R[d.dest] = v;
    POKED();
    NEXT;
  }
step_other:
  if (s == STEP_PUSHED) {
    LOAD();
    FUEL();
    NEXT;
  }
  go = s == STEP_THROW ? GO_THROW : GO_RAISE;
  goto raising;
stopped_at_jump:
  if (!vm->paused) vm->frame->pc++; /* an interrupt strikes where the jump went, not in the instruction that stands before it */
stopped:
  if (vm->paused) {
    *result = V_NONE;
    return RUN_PAUSED;
  }
raise:
  go = GO_RAISE;
raising:
  vm->n_temps = temps;
  go = flow_raise(vm, go, &end);
going:
  vm->n_temps = temps;
  if (go == GO_RUN) {
    LOAD();
    NEXT;
  }
  if (go != GO_EXIT) goto raising;
  *result = end.value;
  return end.how;
}
