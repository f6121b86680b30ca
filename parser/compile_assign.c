/* Assignment: storing into targets, unpacking, augmented and annotated assignment, del (reference, "Assignment statements"). */
#include "parser/compile_int.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

enum { UNPACK_DIRECT = 60, SWAP_MAX = 16 };

/* ---- targets */

int target_reg(Unit *u, const Node *target) {
  if (target->kind != N_Name || strcmp(target->u.name.id, "__debug__") == 0) return -1;
  Var v = var_local_reg(u, target->u.name.id);
  return v.kind == VAR_LOCAL ? v.index : -1;
}

void target_mark(Unit *u, const Node *target) {
  Var v = var_of(u, target->u.name.id);
  var_mark(u, &v);
}

static const Name *attr_name(Unit *u, const Node *n) { return failed(u) ? NULL : scope_name(&u->c->ss, u->scope, n->u.attribute.attr); }

/* Attributes are shown from the line of their name on. */
static Node attr_at(const Node *n) {
  Node at = *n;
  int len = (int)strlen(n->u.attribute.attr);
  if (at.line != n->end_line) {
    at.line = n->end_line;
    at.col = len <= n->end_col ? n->end_col - len : -1;
    if (at.col < 0) at.end_col = -1;
  }
  return at;
}

static void store_attr(Unit *u, const Node *n, int src) {
  int mark = u->top;
  if (name_forbidden(u, n, n->u.attribute.attr)) return;
  int obj = expr_use(u, n->u.attribute.value);
  Node at = attr_at(n);
  EMITX(u, &at, SETATTR, obj, src, 0, site_new(u, attr_name(u, n)));
  u->top = mark;
}

static void store_item(Unit *u, const Node *n, int src) {
  int mark = u->top;
  const Node *index = n->u.subscript.slice;
  int obj = expr_any(u, n->u.subscript.value);
  if (is_plain_slice(index)) {
    int pair = regs_alloc(u, 2);
    slice_pair(u, index, pair);
    EMIT(u, n, SETSLICE, obj, pair, src);
  } else {
    int r = expr_use(u, index);
    EMIT(u, n, SETITEM, obj, r, src);
  }
  u->top = mark;
}

/* All elements are plain locals in registers that follow each other: unpacked without a detour. */
static int consecutive_locals(Unit *u, const NodeList *elts) {
  int first = elts->n ? target_reg(u, elts->items[0]) : -1;
  for (int i = 1; i < elts->n && first >= 0; i++)
    if (target_reg(u, elts->items[i]) != first + i) return -1;
  return first;
}

static void unpack_plain(Unit *u, const Node *target, int src) {
  const NodeList *elts = &target->u.seq.elts;
  int base = consecutive_locals(u, elts);
  if (base >= 0 && elts->n < 200) {
    EMIT(u, target, UNPACK, src, base, elts->n);
    for (int i = 0; i < elts->n; i++) target_mark(u, elts->items[i]);
    return;
  }
  if (elts->n <= UNPACK_DIRECT && regs_room(u, elts->n + 8)) {
    base = regs_alloc(u, elts->n);
    EMIT(u, target, UNPACK, src, base, elts->n);
    for (int i = 0; i < elts->n; i++) store_to(u, elts->items[i], base + i);
    return;
  }
  int all = regs_alloc(u, 3);
  EMITX(u, target, UNPACKBIG, all, src, 0, elts->n);
  for (int i = 0; i < elts->n && !failed(u); i++) {
    load_const(u, target, all + 1, v_from_int62(i));
    EMIT(u, target, GETITEM, all + 2, all, all + 1);
    store_to(u, elts->items[i], all + 2);
  }
}

static void unpack_star(Unit *u, const Node *target, int star, int src) {
  const NodeList *elts = &target->u.seq.elts;
  for (int i = star + 1; i < elts->n; i++)
    if (elts->items[i]->kind == N_Starred) {
      comp_error(u, target, "multiple starred expressions in assignment");
      return;
    }
  if (elts->n > 200 || !regs_room(u, elts->n + 8)) {
    comp_error(u, target, "too many expressions in star-unpacking assignment");
    return;
  }
  int base = regs_alloc(u, elts->n);
  EMITX(u, target, UNPACKEX, src, base, star, elts->n - star - 1);
  for (int i = 0; i < elts->n; i++) store_to(u, i == star ? elts->items[i]->u.ret.value : elts->items[i], base + i);
}

static void unpack(Unit *u, const Node *target, int src) {
  const NodeList *elts = &target->u.seq.elts;
  int mark = u->top, star = 0;
  while (star < elts->n && elts->items[star]->kind != N_Starred) star++;
  if (star < elts->n) unpack_star(u, target, star, src);
  else unpack_plain(u, target, src);
  u->top = mark;
}

void store_to(Unit *u, const Node *target, int src) {
  if (failed(u) || !scope_enter(&u->c->ss, target)) return;
  switch ((NodeKind)target->kind) {
    case N_Name:
      if (!name_forbidden(u, target, target->u.name.id)) name_store(u, target, target->u.name.id, src);
      break;
    case N_Attribute: store_attr(u, target, src); break;
    case N_Subscript: store_item(u, target, src); break;
    case N_List: case N_Tuple: unpack(u, target, src); break;
    case N_Starred: comp_error(u, target, "starred assignment target must be in a list or tuple"); break;
    default: comp_error(u, target, "cannot assign to expression"); break;
  }
  scope_leave(&u->c->ss);
}

/* ---- = */

static bool starless(const NodeList *list) {
  for (int i = 0; i < list->n; i++)
    if (list->items[i]->kind == N_Starred) return false;
  return true;
}

/* a, b = b, a + b: no tuple is made. All values first, then the targets from left to right. */
static bool assign_parallel(Unit *u, const Node *target, const Node *value) {
  if ((target->kind != N_Tuple && target->kind != N_List) || (value->kind != N_Tuple && value->kind != N_List)) return false;
  const NodeList *to = &target->u.seq.elts, *from = &value->u.seq.elts;
  if (to->n != from->n || !to->n || to->n > SWAP_MAX || !starless(to) || !starless(from) || !regs_room(u, to->n + 8)) return false;
  int base = u->top, last = to->n - 1;
  int reg = target_reg(u, to->items[last]);
  bool distinct = reg >= 0; /* then the last value may go to its place at once */
  for (int i = 0; i < last && distinct; i++) {
    int r = target_reg(u, to->items[i]);
    distinct = r >= 0 && r != reg;
  }
  for (int i = 0; i < last; i++) expr_temp(u, from->items[i]);
  if (distinct) {
    expr_to(u, from->items[last], reg);
    target_mark(u, to->items[last]);
  } else {
    expr_temp(u, from->items[last]);
  }
  for (int i = 0; i < (distinct ? last : last + 1); i++) store_to(u, to->items[i], base + i);
  return true;
}

void assign_stmt(Unit *u, const Node *n) {
  const NodeList *targets = &n->u.assign.targets;
  const Node *value = n->u.assign.value;
  if (targets->n == 1) {
    int reg = target_reg(u, targets->items[0]);
    if (reg >= 0) {
      expr_to(u, value, reg);
      target_mark(u, targets->items[0]);
      return;
    }
    if (assign_parallel(u, targets->items[0], value)) return;
    store_to(u, targets->items[0], targets->items[0]->kind == N_Name ? expr_use(u, value) : expr_any(u, value));
    return;
  }
  int r = expr_temp(u, value);
  for (int i = 0; i < targets->n; i++) store_to(u, targets->items[i], r);
}

/* ---- op= */

static void inplace(Unit *u, const Node *n, int dst, int left) {
  int op = n->u.aug.op, mark = u->top;
  Value k = op == BIN_ADD || op == BIN_SUB ? fold(u, n->u.aug.value) : V_ABSENT;
  uint32_t i = v_absent(k) ? 256 : const_index(u, k);
  if (i < 256) {
    emit(u, n, INS(op == BIN_ADD ? OP_IADDK : OP_ISUBK, dst, left, i));
    return;
  }
  int r = expr_use(u, n->u.aug.value);
  if (op == BIN_ADD) EMIT(u, n, IADD, dst, left, r);
  else if (op == BIN_SUB) EMIT(u, n, ISUB, dst, left, r);
  else if (op == BIN_MUL) EMIT(u, n, IMUL, dst, left, r);
  else EMITX(u, n, INPLACE, dst, left, r, op);
  u->top = mark;
}

static void aug_name(Unit *u, const Node *n) {
  const Node *target = n->u.aug.target;
  Var v = var_of(u, target->u.name.id);
  int reg = v.kind == VAR_LOCAL ? var_in_place(u, target, &v) : -1;
  if (reg >= 0 && !(v.sym->flags & SYM_WALRUS)) {
    inplace(u, n, reg, reg);
    return;
  }
  int t = regs_alloc(u, 1);
  var_load(u, target, &v, t);
  inplace(u, n, t, t);
  var_store(u, n, &v, t);
}

static void aug_attr(Unit *u, const Node *n) {
  const Node *target = n->u.aug.target;
  Node at = attr_at(target);
  if (name_forbidden(u, n, target->u.attribute.attr)) return;
  int obj = expr_any(u, target->u.attribute.value);
  int t = regs_alloc(u, 1);
  EMITX(u, &at, GETATTR, t, obj, 0, site_new(u, attr_name(u, target)));
  inplace(u, n, t, t);
  EMITX(u, &at, SETATTR, obj, t, 0, site_new(u, attr_name(u, target)));
}

static void aug_item(Unit *u, const Node *n) {
  const Node *target = n->u.aug.target;
  int obj = expr_any(u, target->u.subscript.value);
  if (is_plain_slice(target->u.subscript.slice)) {
    int pair = regs_alloc(u, 3);
    slice_pair(u, target->u.subscript.slice, pair);
    EMIT(u, target, GETSLICE, pair + 2, obj, pair);
    inplace(u, n, pair + 2, pair + 2);
    EMIT(u, target, SETSLICE, obj, pair, pair + 2);
    return;
  }
  int index = expr_any(u, target->u.subscript.slice);
  int t = regs_alloc(u, 1);
  EMIT(u, target, GETITEM, t, obj, index);
  inplace(u, n, t, t);
  EMIT(u, target, SETITEM, obj, index, t);
}

void augassign_stmt(Unit *u, const Node *n) {
  const Node *target = n->u.aug.target;
  if (target->kind == N_Name && name_forbidden(u, target, target->u.name.id)) return;
  if (target->kind == N_Name) aug_name(u, n);
  else if (target->kind == N_Attribute) aug_attr(u, n);
  else if (target->kind == N_Subscript) aug_item(u, n);
  else comp_error(u, target, "illegal expression for augmented assignment");
}

/* ---- annotations of variables (PEP 526): evaluated at module and class level only */

static void store_annotation(Unit *u, const Node *n) {
  const Node *target = n->u.ann.target;
  int value = regs_alloc(u, 3);
  if (u->c->ss.future_annotations) load_const(u, n, value, v_from_str(text_of(u, n->u.ann.annotation)));
  else expr_to(u, n->u.ann.annotation, value);
  if (failed(u)) return;
  Str *name = name_str(u->c, scope_name(&u->c->ss, u->scope, target->u.name.id));
  if (!name) return;
  name_load(u, n, "__annotations__", value + 1);
  load_const(u, n, value + 2, v_from_obj(name));
  EMIT(u, n, SETITEM, value + 1, value + 2, value);
}

static void annotated_target(Unit *u, const Node *n) {
  const Node *target = n->u.ann.target;
  if (target->kind == N_Attribute) {
    if (!name_forbidden(u, n, target->u.attribute.attr) && !n->u.ann.value) expr_discard(u, target->u.attribute.value);
  } else if (target->kind == N_Subscript && !n->u.ann.value) {
    int mark = u->top;
    expr_any(u, target->u.subscript.value);
    expr_use(u, target->u.subscript.slice);
    u->top = mark;
  }
}

void annassign_stmt(Unit *u, const Node *n) {
  const Node *target = n->u.ann.target;
  bool keeps = !scope_is_function(u->unit_scope);
  int mark = u->top;
  if (target->kind == N_Name && name_forbidden(u, target, target->u.name.id)) return;
  if (n->u.ann.value) {
    int reg = target_reg(u, target);
    if (reg >= 0) {
      expr_to(u, n->u.ann.value, reg);
      target_mark(u, target);
    } else {
      store_to(u, target, expr_any(u, n->u.ann.value));
    }
  }
  u->top = mark;
  annotated_target(u, n);
  if (!keeps) return;
  if (target->kind == N_Name && n->u.ann.simple) store_annotation(u, n);
  else if (!u->c->ss.future_annotations) expr_discard(u, n->u.ann.annotation);
  u->top = mark;
}

/* ---- del */

void delete_target(Unit *u, const Node *n) {
  int mark = u->top;
  if (failed(u) || !scope_enter(&u->c->ss, n)) return;
  if (n->kind == N_Name) {
    if (strcmp(n->u.name.id, "__debug__") == 0) comp_error(u, n, "cannot delete __debug__");
    Var v = var_of(u, n->u.name.id);
    var_delete(u, n, &v);
  } else if (n->kind == N_Attribute) {
    int obj = expr_use(u, n->u.attribute.value);
    Node at = attr_at(n);
    EMITX(u, &at, DELATTR, obj, 0, 0, site_new(u, attr_name(u, n)));
  } else if (n->kind == N_Subscript) {
    int obj = expr_any(u, n->u.subscript.value);
    int r = expr_use(u, n->u.subscript.slice);
    EMIT(u, n, DELITEM, obj, r, 0);
  } else {
    for (int i = 0; i < n->u.seq.elts.n; i++) delete_target(u, n->u.seq.elts.items[i]);
  }
  u->top = mark;
  scope_leave(&u->c->ss);
}
