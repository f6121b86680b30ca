/* Expressions: where a value goes, operators, slices, assignment expressions. Displays, calls, conditions and comprehensions have files of their own. */
#include "parser/compile_int.h"

enum { SPILL_AT = 192, SPILL_MIN = 16 };

/* ---- names and operands */

static bool is_simple(const Node *n) { return n->kind == N_Constant || n->kind == N_Name; }
static bool is_debug(const Node *n) { return strcmp(n->u.name.id, "__debug__") == 0; }

/* The register of a local that may be used where it stands, -1: it needs a temporary. lasting: other expressions are computed before the use, so a
   name that some := binds has to be copied (x + (x := 5)). */
static int in_place(Unit *u, const Node *n, bool lasting) {
  if (n->kind != N_Name || is_debug(n)) return -1;
  Var v = var_of(u, n->u.name.id);
  if (v.kind != VAR_LOCAL || (lasting && (v.sym->flags & SYM_WALRUS))) return -1;
  return var_in_place(u, n, &v);
}

int left_operand(Unit *u, const Node *n, int t) {
  int r = in_place(u, n, true);
  if (r >= 0) return r;
  expr_to(u, n, t);
  return t;
}

/* (x := value) with a plain local x: the value's place is x itself. */
static int named_in_place(Unit *u, const Node *n) {
  if (n->kind != N_NamedExpr || name_forbidden(u, n->u.named.target, n->u.named.target->u.name.id)) return -1;
  Var v = var_local_reg(u, n->u.named.target->u.name.id);
  if (v.kind != VAR_LOCAL) return -1;
  expr_to(u, n->u.named.value, v.index);
  var_mark(u, &v);
  return v.index;
}

int expr_any(Unit *u, const Node *n) {
  int r = in_place(u, n, true);
  return r >= 0 ? r : expr_temp(u, n);
}

int expr_use(Unit *u, const Node *n) {
  int r = in_place(u, n, false);
  if (r < 0) r = named_in_place(u, n);
  return r >= 0 ? r : expr_temp(u, n);
}

int expr_temp(Unit *u, const Node *n) {
  int r = regs_alloc(u, 1);
  expr_to(u, n, r);
  return r;
}

void expr_discard(Unit *u, const Node *n) {
  int mark = u->top;
  if (n->kind != N_Constant) expr_use(u, n);
  u->top = mark;
}

/* ---- operators */

static const uint8_t ops_k[BIN_COUNT] = {[BIN_ADD] = OP_ADDK, [BIN_SUB] = OP_SUBK, [BIN_MUL] = OP_MULK, [BIN_TRUEDIV] = OP_TRUEDIVK, [BIN_FLOORDIV] = OP_FLOORDIVK,
  [BIN_MOD] = OP_MODK, [BIN_AND] = OP_ANDK, [BIN_LSHIFT] = OP_LSHIFTK, [BIN_RSHIFT] = OP_RSHIFTK};

static void binary(Unit *u, const Node *n, int dst, int left) {
  int mark = u->top;
  Value right = fold(u, n->u.bin.right);
  if (!v_absent(right) && ops_k[n->u.bin.op]) {
    uint32_t k = const_index(u, right);
    if (k < 256) {
      emit(u, n, INS(ops_k[n->u.bin.op], dst, left, k));
      return;
    }
  }
  int r = expr_use(u, n->u.bin.right);
  emit(u, n, INS(OP_ADD + n->u.bin.op, dst, left, r));
  u->top = mark;
}

/* The list of nodes on the way to a leftmost operand, shared by all chains that are being compiled, one inside the other: no recursion for long ones. */
bool spine_push(Unit *u, const Node *n) {
  Scopes *ss = &u->c->ss;
  if (ss->n_spine == ss->cap_spine) {
    int cap = ss->cap_spine ? ss->cap_spine * 2 : 32;
    const Node **list = arena_alloc(ss->arena, sizeof *list * (size_t)cap);
    if (!list) return scope_no_memory(ss);
    if (ss->n_spine) memcpy(list, ss->spine, sizeof *list * (size_t)ss->n_spine);
    ss->spine = list;
    ss->cap_spine = cap;
  }
  ss->spine[ss->n_spine++] = n;
  return true;
}

static void binop_to(Unit *u, const Node *n, int dst) {
  Scopes *ss = &u->c->ss;
  const Node *first = n;
  int mark = u->top, base = ss->n_spine;
  while (first->kind == N_BinOp && spine_push(u, first)) first = first->u.bin.left;
  Value acc = fold(u, first);
  while (!v_absent(acc) && ss->n_spine > base) { /* constants at the left end: 60 * 60 * x */
    const Node *op = ss->spine[ss->n_spine - 1];
    Value right = fold(u, op->u.bin.right);
    Value v = v_absent(right) ? right : fold_binary(u, op->u.bin.op, acc, right);
    if (v_absent(v)) break;
    acc = v;
    ss->n_spine--;
    first = op;
  }
  if (ss->n_spine == base) {
    load_const(u, n, dst, acc);
  } else {
    int t = is_scratch(u, dst) ? dst : regs_alloc(u, 1);
    int left = t;
    if (!v_absent(acc)) load_const(u, first, t, acc);
    else if (is_simple(ss->spine[ss->n_spine - 1]->u.bin.right) && (left = in_place(u, first, false)) >= 0) (void)left;
    else left = left_operand(u, first, t);
    while (ss->n_spine > base && !failed(u)) {
      const Node *op = ss->spine[--ss->n_spine];
      int d = ss->n_spine == base ? dst : t;
      binary(u, op, d, left);
      left = d;
    }
  }
  ss->n_spine = base;
  u->top = mark;
}

static void unary_to(Unit *u, const Node *n, int dst) {
  static const uint8_t ops[UN_COUNT] = {[UN_NEG] = OP_NEG, [UN_POS] = OP_POS, [UN_INVERT] = OP_INVERT, [UN_NOT] = OP_NOT};
  Value v = fold(u, n);
  if (!v_absent(v)) {
    load_const(u, n, dst, v);
    return;
  }
  int mark = u->top;
  int r = expr_use(u, n->u.unary.operand);
  emit(u, n, INS(ops[n->u.unary.op], dst, r, 0));
  u->top = mark;
}

static void named_to(Unit *u, const Node *n, int dst) {
  const Node *target = n->u.named.target;
  int mark = u->top;
  int r = named_in_place(u, n);
  if (r < 0 && !failed(u)) {
    r = is_scratch(u, dst) ? dst : regs_alloc(u, 1);
    expr_to(u, n->u.named.value, r);
    name_store(u, target, target->u.name.id, r);
  }
  move(u, n, dst, r < 0 ? dst : r);
  u->top = mark;
}

/* ---- slices */

bool is_plain_slice(const Node *slice) { return slice->kind == N_Slice && !slice->u.slice.step; }

static void slice_part(Unit *u, const Node *at, const Node *n, int dst) {
  if (n) expr_to(u, n, dst);
  else load_none(u, at, dst);
}

void slice_pair(Unit *u, const Node *slice, int base) {
  slice_part(u, slice, slice->u.slice.lower, base);
  slice_part(u, slice, slice->u.slice.upper, base + 1);
}

static void slice_to(Unit *u, const Node *n, int dst) {
  int mark = u->top;
  int base = regs_alloc(u, 3);
  slice_pair(u, n, base);
  slice_part(u, n, n->u.slice.step, base + 2);
  EMIT(u, n, SLICE, dst, base, 0);
  u->top = mark;
}

/* ---- the value of any expression */

static void name_to(Unit *u, const Node *n, int dst) {
  if (is_debug(n)) load_const(u, n, dst, v_from_bool(u->c->vm->config.optimize == 0));
  else name_load(u, n, n->u.name.id, dst);
}

static void constant_to(Unit *u, const Node *n, int dst) {
  Value v = const_value(u, n);
  if (!v_absent(v)) load_const(u, n, dst, v);
}

static void starred_error(Unit *u, const Node *n) { comp_error(u, n, "can't use starred expression here"); }

static void expr_inner(Unit *u, const Node *n, int dst) {
  switch ((NodeKind)n->kind) {
    case N_BinOp: binop_to(u, n, dst); break;
    case N_UnaryOp: unary_to(u, n, dst); break;
    case N_Compare: compare_to(u, n, dst); break;
    case N_BoolOp: boolop_to(u, n, dst); break;
    case N_IfExp: ifexp_to(u, n, dst); break;
    case N_NamedExpr: named_to(u, n, dst); break;
    case N_Lambda: lambda_to(u, n, dst); break;
    case N_Call: case N_Attribute: case N_Subscript: chain_to(u, n, dst); break;
    case N_List: case N_Tuple: case N_Set: case N_Dict: display_to(u, n, dst); break;
    case N_ListComp: case N_SetComp: case N_DictComp: case N_GeneratorExp: comp_to(u, n, dst); break;
    case N_Yield: case N_YieldFrom: case N_Await: yield_to(u, n, dst); break;
    case N_JoinedStr: case N_FormattedValue: joined_to(u, n, dst); break;
    case N_Slice: slice_to(u, n, dst); break;
    case N_Starred: starred_error(u, n); break;
    default: comp_error(u, n, "invalid syntax"); break;
  }
}

/* Few registers are left: the temporaries of this expression move to far registers while this part of it is computed, and come back. */
static void spilled_to(Unit *u, const Node *n, int dst) {
  int lo = u->stmt_top, hi = u->top, far_top = u->far_top, base = u->far_base + far_top;
  for (int r = lo; r < hi; r++)
    if (r != dst) EMITX(u, n, SETFAR, r, 0, 0, base + r - lo);
  u->far_top = far_top + hi - lo + 1;
  if (u->far_top > u->far_max) u->far_max = u->far_top;
  u->top = lo;
  expr_inner(u, n, regs_alloc(u, 1));
  EMITX(u, n, SETFAR, lo, 0, 0, base + hi - lo);
  for (int r = lo; r < hi; r++)
    if (r != dst) EMITX(u, n, GETFAR, r, 1, 0, base + r - lo);
  EMITX(u, n, GETFAR, dst, 1, 0, base + hi - lo);
  u->top = hi;
  u->far_top = far_top;
}

void expr_to(Unit *u, const Node *n, int dst) {
  if (failed(u)) return;
  if (n->kind == N_Constant) {
    constant_to(u, n, dst);
  } else if (n->kind == N_Name) {
    name_to(u, n, dst);
  } else if (scope_enter(&u->c->ss, n)) {
    const Node *last_compare = u->last_compare;
    if (u->top > SPILL_AT && u->top - u->stmt_top > SPILL_MIN) spilled_to(u, n, dst);
    else expr_inner(u, n, dst);
    u->last_compare = last_compare;
    scope_leave(&u->c->ss);
  }
}
