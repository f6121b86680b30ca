/* Conditions: comparisons fused with jumps, short-circuit operators that make no value, and the same expressions where a value is wanted. */
#include "parser/compile_int.h"
#include "vm/objects/list.h"

/* ---- comparisons */

/* The operation as a jump: opcode, form with a constant (0: none), and whether the sense is the other way round. */
typedef struct CompareJump { uint8_t op, op_k; bool inverted; } CompareJump;
static const CompareJump compare_jumps[] = {
  [CMP_LT] = {OP_JLT, OP_JLTK, false}, [CMP_LE] = {OP_JLE, OP_JLEK, false}, [CMP_EQ] = {OP_JEQ, OP_JEQK, false}, [CMP_NE] = {OP_JNE, OP_JNEK, false},
  [CMP_GT] = {OP_JGT, OP_JGTK, false}, [CMP_GE] = {OP_JGE, OP_JGEK, false}, [CMP_IS] = {OP_JIS, 0, false}, [CMP_IS_NOT] = {OP_JIS, 0, true},
  [CMP_IN] = {OP_JIN, 0, false}, [CMP_NOT_IN] = {OP_JIN, 0, true}};

/* x in [1, 2, 3], x in {1, 2, 3}: nobody else can see the list or set, a constant tuple or frozenset does. */
static Value container_constant(Unit *u, const Node *n) {
  Value items = fold_sequence(u, &n->u.seq.elts);
  return n->kind == N_List || v_absent(items) ? items : frozenset_constant(u, v_tuple(items));
}

static int right_operand(Unit *u, int op, const Node *n) {
  if ((op == CMP_IN || op == CMP_NOT_IN) && (n->kind == N_List || n->kind == N_Set)) {
    Value v = container_constant(u, n);
    if (!v_absent(v)) {
      int r = regs_alloc(u, 1);
      load_const(u, n, r, v);
      return r;
    }
  }
  return expr_use(u, n);
}

/* One comparison with the left side in a register. */
static void compare_jump(Unit *u, const Node *at, int left, int op, const Node *right, bool sense, Label *l) {
  const CompareJump *j = &compare_jumps[op];
  bool c = sense != j->inverted;
  if ((op == CMP_IS || op == CMP_IS_NOT) && right->kind == N_Constant && right->u.constant.kind == CONST_NONE) {
    emit_branch(u, at, INS(OP_JNONE, left, 0, c), l);
    return;
  }
  if (j->op_k) {
    Value v = fold(u, right);
    uint32_t k = v_absent(v) ? 256 : const_index(u, v);
    if (k < 256) {
      emit_branch(u, at, INS(j->op_k, left, k, c), l);
      return;
    }
  }
  emit_branch(u, at, INS(j->op, left, right_operand(u, op, right), c), l);
}

/* a < b < c: a < b and b < c, b computed once (reference, "Comparisons"). */
static void compare_chain_jump(Unit *u, const Node *n, bool sense, Label *l) {
  Label out = LABEL_INIT;
  int mark = u->top, last = n->u.compare.comparators.n - 1;
  int t = regs_alloc(u, 2); /* the operands of one comparison, by turns */
  int left = left_operand(u, n->u.compare.left, t);
  for (int i = 0; i < last; i++) {
    const CompareJump *j = &compare_jumps[n->u.compare.ops[i]];
    int right = left_operand(u, n->u.compare.comparators.items[i], t + 1 - i % 2);
    emit_branch(u, n, INS(j->op, left, right, j->inverted), sense ? &out : l);
    left = right;
  }
  compare_jump(u, n, left, n->u.compare.ops[last], n->u.compare.comparators.items[last], sense, l);
  label_place(u, &out);
  u->top = mark;
}

static void compare_op(Unit *u, const Node *at, int dst, int left, int op, int right) { emit(u, at, INS(OP_LT + op, dst, left, right)); }

void compare_to(Unit *u, const Node *n, int dst) {
  Label end = LABEL_INIT;
  warn_compare(u, n);
  int mark = u->top, last = n->u.compare.comparators.n - 1;
  int t = last && !is_scratch(u, dst) ? regs_alloc(u, 1) : dst; /* a chain writes its result early */
  int pair = last ? regs_alloc(u, 2) : 0;
  int left = last ? left_operand(u, n->u.compare.left, pair) : expr_any(u, n->u.compare.left);
  for (int i = 0; i < last; i++) {
    int right = left_operand(u, n->u.compare.comparators.items[i], pair + 1 - i % 2);
    compare_op(u, n, t, left, n->u.compare.ops[i], right);
    emit_branch(u, n, INS(OP_JTRUE, t, 0, 0), &end);
    left = right;
  }
  int right = right_operand(u, n->u.compare.ops[last], n->u.compare.comparators.items[last]);
  compare_op(u, n, t, left, n->u.compare.ops[last], right);
  label_place(u, &end);
  move(u, n, dst, t);
  u->top = mark;
}

/* ---- and, or, not */

static void boolop_jump(Unit *u, const Node *n, bool sense, Label *l) {
  bool is_or = n->u.boolop.is_or;
  const NodeList *values = &n->u.boolop.values;
  if (is_or == sense) { /* any operand may decide for the jump */
    for (int i = 0; i < values->n; i++) jump_if(u, values->items[i], sense, l);
    return;
  }
  Label out = LABEL_INIT; /* any operand but the last may decide against it */
  for (int i = 0; i + 1 < values->n; i++) jump_if(u, values->items[i], !sense, &out);
  jump_if(u, values->items[values->n - 1], sense, l);
  label_place(u, &out);
}

void boolop_to(Unit *u, const Node *n, int dst) {
  Label end = LABEL_INIT;
  int mark = u->top;
  int t = is_scratch(u, dst) ? dst : regs_alloc(u, 1);
  const NodeList *values = &n->u.boolop.values;
  for (int i = 0; i < values->n; i++) {
    expr_to(u, values->items[i], t);
    if (i + 1 < values->n) emit_branch(u, values->items[i], INS(OP_JTRUE, t, 0, n->u.boolop.is_or), &end);
  }
  label_place(u, &end);
  move(u, n, dst, t);
  u->top = mark;
}

void ifexp_to(Unit *u, const Node *n, int dst) {
  Label end = LABEL_INIT;
  for (; n->kind == N_IfExp && !failed(u); n = n->u.ifexp.orelse) { /* a if b else c if d else ... is no recursion */
    Label other = LABEL_INIT;
    jump_if(u, n->u.ifexp.test, false, &other);
    expr_to(u, n->u.ifexp.body, dst);
    emit_jump(u, n, &end);
    label_place(u, &other);
  }
  expr_to(u, n, dst);
  label_place(u, &end);
}

static void ifexp_jump(Unit *u, const Node *n, bool sense, Label *l) {
  Label other = LABEL_INIT, end = LABEL_INIT;
  jump_if(u, n->u.ifexp.test, false, &other);
  jump_if(u, n->u.ifexp.body, sense, l);
  emit_jump(u, n, &end);
  label_place(u, &other);
  jump_if(u, n->u.ifexp.orelse, sense, l);
  label_place(u, &end);
}

/* ---- jumps */

static bool constant_truth(Unit *u, const Node *n, bool *truth) {
  if (n->kind != N_Constant && n->kind != N_Name) return false;
  Value v = fold(u, n);
  if (v_absent(v)) return false;
  *truth = rt_truth(u->c->vm, v) == 1;
  return true;
}

static void jump_inner(Unit *u, const Node *n, bool sense, Label *l) {
  bool truth;
  int mark = u->top;
  if (n->kind == N_Compare) {
    u->last_compare = n;
    warn_compare(u, n);
  }
  if (constant_truth(u, n, &truth)) {
    if (truth == sense) emit_jump(u, n, l);
    return;
  }
  if (n->kind == N_UnaryOp && n->u.unary.op == UN_NOT) {
    jump_if(u, n->u.unary.operand, !sense, l);
  } else if (n->kind == N_BoolOp) {
    boolop_jump(u, n, sense, l);
  } else if (n->kind == N_IfExp) {
    ifexp_jump(u, n, sense, l);
  } else if (n->kind == N_Compare && n->u.compare.comparators.n > 1) {
    compare_chain_jump(u, n, sense, l);
  } else if (n->kind == N_Compare) {
    const Node *right = n->u.compare.comparators.items[0];
    bool simple = right->kind == N_Constant || right->kind == N_Name;
    int left = simple ? expr_use(u, n->u.compare.left) : expr_any(u, n->u.compare.left);
    compare_jump(u, n, left, n->u.compare.ops[0], right, sense, l);
  } else {
    int r = expr_use(u, n);
    emit_branch(u, n, INS(OP_JTRUE, r, 0, sense), l);
  }
  u->top = mark;
}

/* Goes to l when the truth of the expression equals sense, else falls through. */
void jump_if(Unit *u, const Node *n, bool sense, Label *l) {
  if (failed(u) || !scope_enter(&u->c->ss, n)) return;
  jump_inner(u, n, sense, l);
  scope_leave(&u->c->ss);
}
