/* Displays ([...], {...}, tuples) and f-strings. Small ones are gathered in registers and built by one instruction; long or starred ones grow piece by piece. */
#include "parser/compile_int.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

enum { DIRECT = 40 /* elements gathered in registers */, PIECES = 30 };

static bool has_star(const NodeList *elts) {
  for (int i = 0; i < elts->n; i++)
    if (elts->items[i]->kind == N_Starred) return true;
  return false;
}

static bool fits(const Unit *u, int n) { return n <= DIRECT && regs_room(u, n + 8); }

/* Registers with the values, one after the other; the first is returned. */
static int gather(Unit *u, const NodeList *elts, int from, int n) {
  int base = u->top;
  for (int i = 0; i < n; i++) expr_temp(u, elts->items[from + i]);
  return base > 255 ? 255 : base;
}

/* The list or set in dst (already made) grows by the rest of the elements. */
static void grow(Unit *u, const Node *at, const NodeList *elts, int from, int dst, bool set) {
  for (int i = from; i < elts->n && !failed(u); i++) {
    const Node *e = elts->items[i];
    bool star = e->kind == N_Starred;
    int mark = u->top;
    int r = expr_use(u, star ? e->u.ret.value : e);
    if (set) emit(u, at, INS(star ? OP_SETUPDATE : OP_SETADD, dst, r, 0));
    else emit(u, at, INS(star ? OP_EXTEND : OP_APPEND, dst, r, 0));
    u->top = mark;
  }
}

/* The elements before the first star go in at once, if they fit. */
static int leading(const Unit *u, const NodeList *elts) {
  int n = 0;
  while (n < elts->n && n < DIRECT / 2 && elts->items[n]->kind != N_Starred && regs_room(u, n + 10)) n++;
  return n;
}

void list_build(Unit *u, const Node *at, const NodeList *elts, int dst) {
  int mark = u->top;
  Value all = elts->n >= 3 ? fold_sequence(u, elts) : V_ABSENT;
  if (!v_absent(all)) {
    int r = regs_alloc(u, 1);
    load_const(u, at, r, all);
    EMIT(u, at, LIST, dst, r, 0);
    EMIT(u, at, EXTEND, dst, r, 0);
  } else {
    int n = !has_star(elts) && fits(u, elts->n) ? elts->n : leading(u, elts);
    int base = gather(u, elts, 0, n);
    EMIT(u, at, LIST, dst, base, n);
    u->top = mark;
    grow(u, at, elts, n, dst, false);
  }
  u->top = mark;
}

static void set_build(Unit *u, const Node *at, const NodeList *elts, int dst) {
  int mark = u->top;
  Value all = elts->n >= 3 ? fold_sequence(u, elts) : V_ABSENT;
  if (!v_absent(all)) {
    int r = regs_alloc(u, 1);
    load_const(u, at, r, all);
    EMIT(u, at, SET, dst, r, SET_OF_CONSTANTS);
    u->top = mark;
    return;
  }
  int n = !has_star(elts) && fits(u, elts->n) ? elts->n : leading(u, elts);
  int base = gather(u, elts, 0, n);
  EMIT(u, at, SET, dst, base, n);
  u->top = mark;
  grow(u, at, elts, n, dst, true);
  u->top = mark;
}

void tuple_build(Unit *u, const Node *at, const NodeList *elts, int dst) {
  int mark = u->top;
  Value all = fold_sequence(u, elts);
  if (!v_absent(all)) {
    load_const(u, at, dst, all);
  } else if (!has_star(elts) && fits(u, elts->n)) {
    int base = gather(u, elts, 0, elts->n);
    EMIT(u, at, TUPLE, dst, base, elts->n);
  } else {
    int t = is_scratch(u, dst) ? dst : regs_alloc(u, 1);
    list_build(u, at, elts, t);
    EMIT(u, at, LISTTUPLE, dst, t, 0);
  }
  u->top = mark;
}

/* keys[i] NULL: ** of the value. */
void dict_build(Unit *u, const Node *at, const NodeList *keys, const NodeList *values, int dst) {
  int mark = u->top, n = 0;
  while (n < keys->n && keys->items[n] && n < DIRECT / 2 && regs_room(u, 2 * n + 12)) n++;
  int base = u->top > 255 ? 255 : u->top;
  for (int i = 0; i < n; i++) {
    expr_temp(u, keys->items[i]);
    expr_temp(u, values->items[i]);
  }
  EMIT(u, at, DICT, dst, base, n);
  u->top = mark;
  for (int i = n; i < keys->n && !failed(u); i++) {
    const Node *key = keys->items[i];
    int k = key ? expr_any(u, key) : 0;
    int v = expr_use(u, values->items[i]);
    if (key) EMIT(u, at, DICTSET, dst, k, v);
    else EMIT(u, at, DICTUPDATE, dst, v, 0);
    u->top = mark;
  }
}

/* A local's register must not hold a container that is still being filled. */
static bool grows(const Unit *u, const Node *n) {
  if (n->kind == N_Dict) {
    for (int i = 0; i < n->u.dict.keys.n; i++)
      if (!n->u.dict.keys.items[i]) return true;
    return n->u.dict.keys.n > DIRECT / 2 || !regs_room(u, 2 * n->u.dict.keys.n + 12);
  }
  const NodeList *elts = &n->u.seq.elts;
  return has_star(elts) || !fits(u, elts->n) || (n->kind == N_List && elts->n >= 3 && !v_absent(fold_sequence((Unit *)(uintptr_t)u, elts)));
}

void display_to(Unit *u, const Node *n, int dst) {
  if (n->kind == N_Tuple) {
    tuple_build(u, n, &n->u.seq.elts, dst);
    return;
  }
  int mark = u->top;
  int t = is_scratch(u, dst) || !grows(u, n) ? dst : regs_alloc(u, 1);
  if (n->kind == N_List) list_build(u, n, &n->u.seq.elts, t);
  else if (n->kind == N_Set) set_build(u, n, &n->u.seq.elts, t);
  else dict_build(u, n, &n->u.dict.keys, &n->u.dict.values, t);
  move(u, n, dst, t);
  u->top = mark;
}

/* ---- f-strings (PEP 498) */

static void format_to(Unit *u, const Node *n, int dst) {
  int mark = u->top, r;
  int c = n->u.fvalue.conversion;
  int flags = c == 's' ? 1 : c == 'r' ? 2 : c == 'a' ? 3 : 0;
  if (n->u.fvalue.spec) {
    r = regs_alloc(u, 2);
    expr_to(u, n->u.fvalue.value, r);
    expr_to(u, n->u.fvalue.spec, r + 1);
    flags |= 4;
  } else {
    r = expr_use(u, n->u.fvalue.value);
  }
  EMIT(u, n, FORMAT, dst, r, flags);
  u->top = mark;
}

void joined_to(Unit *u, const Node *n, int dst) {
  if (n->kind == N_FormattedValue) {
    format_to(u, n, dst);
    return;
  }
  const NodeList *values = &n->u.joined.values;
  int mark = u->top;
  if (values->n == 0) {
    Str *s = str_intern(u->c->vm, "", 0);
    load_const(u, n, dst, v_from_str(s));
    return;
  }
  if (values->n == 1) {
    expr_to(u, values->items[0], dst);
    return;
  }
  int base = u->top;
  for (int i = 0; i < values->n && !failed(u); i++) {
    if (u->top - base >= PIECES) { /* what there is so far becomes the first piece */
      EMIT(u, n, STRING, base, base, u->top - base);
      u->top = base + 1;
    }
    expr_temp(u, values->items[i]);
  }
  EMIT(u, n, STRING, dst, base, u->top - base);
  u->top = mark;
}
