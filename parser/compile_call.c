/* Chains of attributes, subscripts and calls, and the arguments of calls. Methods are called without making a bound method (GETMETHOD, CALLM). */
#include "parser/compile_int.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

enum { DIRECT_ARGS = 100 };

/* ---- arguments */

void check_keywords(Unit *u, const NodeList *keywords) {
  PtrMap seen = {NULL, 0, 0};
  for (int i = 0; i < keywords->n && !failed(u); i++) {
    const Node *k = keywords->items[i];
    if (!k->u.keyword.name) continue;
    if (name_forbidden(u, k, k->u.keyword.name)) return;
    const Name *name = scope_intern(&u->c->ss, k->u.keyword.name, strlen(k->u.keyword.name));
    if (!name) return;
    if (ptrmap_get(&seen, name)) comp_error(u, k, "keyword argument repeated: %s", name->text);
    else if (!ptrmap_set(&u->c->arena, &seen, name, (void *)(uintptr_t)name)) scope_no_memory(&u->c->ss);
  }
}

static Value keyword_name(Unit *u, const Node *k) {
  Str *s = name_str(u->c, scope_intern(&u->c->ss, k->u.keyword.name, strlen(k->u.keyword.name)));
  return s ? v_from_obj(s) : V_NONE;
}

static uint32_t keyword_names(Unit *u, const NodeList *keywords) {
  if (failed(u) || u->state->dead) return 0;
  Tuple *t = tuple_new(u->c->vm, NULL, (size_t)keywords->n);
  if (!t) {
    fail_pending(u->c);
    return 0;
  }
  for (int i = 0; i < keywords->n; i++) gc_store(u->c->vm, t, &t->items[i], keyword_name(u, keywords->items[i]));
  return const_index(u, v_from_obj(t));
}

static bool is_plain_call(const Unit *u, const NodeList *args, const NodeList *keywords) {
  int n = args->n + keywords->n;
  if (n > DIRECT_ARGS || (n > 8 && !regs_room(u, n + 30))) return false;
  for (int i = 0; i < args->n; i++)
    if (args->items[i]->kind == N_Starred) return false;
  for (int i = 0; i < keywords->n; i++)
    if (!keywords->items[i]->u.keyword.name) return false;
  return true;
}

/* R[dst] = the positional arguments as list or tuple. n_before of them stand in registers already (class statements). */
static void positional_to(Unit *u, const Node *at, const NodeList *args, int first, int n_before, int dst) {
  int mark = u->top;
  if (!n_before && args->n == 1 && args->items[0]->kind == N_Starred) {
    int r = expr_use(u, args->items[0]->u.ret.value);
    EMIT(u, at, ARGLIST, dst, r, 0);
  } else if (!n_before) {
    Value all = fold_sequence(u, args);
    if (v_absent(all)) list_build(u, at, args, dst);
    else load_const(u, at, dst, all);
  } else {
    EMIT(u, at, LIST, dst, first, n_before);
    for (int i = 0; i < args->n && !failed(u); i++) {
      bool star = args->items[i]->kind == N_Starred;
      int r = expr_use(u, star ? args->items[i]->u.ret.value : args->items[i]);
      emit(u, args->items[i], INS(star ? OP_EXTEND : OP_APPEND, dst, r, 0));
      u->top = mark;
    }
  }
  u->top = mark;
}

/* A run of name=value as a dict; how many there were. */
static int keyword_run(Unit *u, const Node *at, const NodeList *keywords, int from, int dst) {
  int mark = u->top, i = from;
  EMIT(u, at, DICT, dst, mark > 255 ? 255 : mark, 0);
  for (; i < keywords->n && keywords->items[i]->u.keyword.name && !failed(u); i++) {
    int pair = regs_alloc(u, 2);
    load_const(u, at, pair, keyword_name(u, keywords->items[i]));
    expr_to(u, keywords->items[i]->u.keyword.value, pair + 1);
    EMIT(u, at, DICTSET, dst, pair, pair + 1);
    u->top = mark;
  }
  return i - from;
}

/* R[dst] = the keyword arguments as a dict; R[fn] is named by errors. */
static void keywords_to(Unit *u, const Node *at, const NodeList *keywords, int dst, int fn) {
  int mark = u->top;
  if (!keywords->n) {
    EMITX(u, at, UNBIND, 0, 0, 0, dst);
    return;
  }
  if (keywords->n == 1 && !keywords->items[0]->u.keyword.name) {
    int r = expr_use(u, keywords->items[0]->u.keyword.value);
    EMIT(u, at, ARGDICT, dst, r, fn);
    u->top = mark;
    return;
  }
  int i = keyword_run(u, at, keywords, 0, dst);
  while (i < keywords->n && !failed(u)) {
    int r;
    if (keywords->items[i]->u.keyword.name) {
      r = regs_alloc(u, 1);
      i += keyword_run(u, at, keywords, i, r);
    } else {
      r = expr_use(u, keywords->items[i++]->u.keyword.value);
    }
    EMIT(u, at, DICTMERGE, dst, r, fn);
    u->top = mark;
  }
}

/* The callable stands in R[base] (a method's self behind it), then n_before arguments up to u->top. */
void call_args(Unit *u, const Node *at, const NodeList *args, const NodeList *keywords, int base, int n_before, bool method, int dst) {
  check_keywords(u, keywords);
  if (is_plain_call(u, args, keywords)) {
    int n = n_before + args->n + keywords->n;
    for (int i = 0; i < args->n; i++) expr_temp(u, args->items[i]);
    for (int i = 0; i < keywords->n; i++) expr_temp(u, keywords->items[i]->u.keyword.value);
    if (!keywords->n) emit(u, at, INS(method ? OP_CALLM : OP_CALL, base, n, dst));
    else emit_x(u, at, INS(method ? OP_CALLMKW : OP_CALLKW, base, n, dst), keyword_names(u, keywords));
    return;
  }
  int first = base + 1;
  if (n_before) { /* callable and arguments before move up, so that list and dict stand right behind the callable */
    int up = regs_alloc(u, 1);
    move(u, at, up, base);
    base = up;
  }
  int list = regs_alloc(u, 2);
  positional_to(u, at, args, first, n_before, list);
  keywords_to(u, at, keywords, list + 1, base);
  EMIT(u, at, CALLEX, base, 0, dst);
}

/* ---- chains */

static bool in_chain(const Node *n) { return n->kind == N_Call || n->kind == N_Attribute || n->kind == N_Subscript; }

/* A call of a method written over several lines is shown from the line of the method's name on. */
static Node attr_position(const Node *n, const Node *attr) {
  Node at = *n;
  int len = (int)strlen(attr->u.attribute.attr);
  if (at.line != attr->end_line) {
    at.line = attr->end_line;
    at.col = len <= attr->end_col ? attr->end_col - len : -1;
    if (at.col < 0) at.end_col = -1;
  }
  return at;
}

static const Name *attr_name(Unit *u, const Node *n) { return failed(u) ? NULL : scope_name(&u->c->ss, u->scope, n->u.attribute.attr); }

static void get_attr(Unit *u, const Node *n, int obj, int dst) {
  Node at = attr_position(n, n);
  EMITX(u, &at, GETATTR, dst, obj, 0, site_new(u, attr_name(u, n)));
}

static void get_item(Unit *u, const Node *n, int obj, int dst) {
  const Node *index = n->u.subscript.slice;
  int mark = u->top;
  warn_subscript(u, n);
  Value k = fold(u, index);
  uint32_t i = v_absent(k) ? 256 : const_index(u, k);
  if (i < 256) {
    EMIT(u, n, GETITEMK, dst, obj, i);
  } else if (is_plain_slice(index)) {
    int pair = regs_alloc(u, 2);
    slice_pair(u, index, pair);
    EMIT(u, n, GETSLICE, dst, obj, pair);
  } else {
    int r = expr_use(u, index);
    EMIT(u, n, GETITEM, dst, obj, r);
  }
  u->top = mark;
}

/* obj.name(args): R[t] on, t being the topmost register. */
static void call_method(Unit *u, const Node *call, const Node *attr, int obj, int t, int dst) {
  Node at = attr_position(attr, attr);
  regs_alloc(u, 1);
  EMITX(u, &at, GETMETHOD, t, obj, 0, site_new(u, attr_name(u, attr)));
  at = attr_position(call, attr);
  call_args(u, &at, &call->u.call.args, &call->u.call.keywords, t, 0, true, dst);
}

/* super().name(...): the call of super, which stands in R[t], and the lookup of the name are jumped over in the usual case (see SUPERMETHOD). */
static void super_start(Unit *u, const Node *first, const Node *call, int t) {
  const Scopes *ss = &u->c->ss;
  if (first->kind != N_Name || strcmp(first->u.name.id, "super") || call->kind != N_Call || call->u.call.args.n || call->u.call.keywords.n) return;
  const Node *attr = ss->n_spine > 0 ? ss->spine[ss->n_spine - 1] : NULL, *outer = ss->n_spine > 1 ? ss->spine[ss->n_spine - 2] : NULL;
  if (!attr || attr->kind != N_Attribute || attr->u.attribute.value != call || !outer || outer->kind != N_Call || outer->u.call.func != attr) return;
  if (!is_plain_call(u, &outer->u.call.args, &outer->u.call.keywords)) return;
  const Name *name = attr_name(u, attr);
  Str *text = name ? name_str(u->c, name) : NULL;
  if (text) EMITX(u, call, SUPERMETHOD, t, 0, 0, const_index(u, v_from_obj(text)));
}

/* From the innermost object outwards; the value so far is in `obj`, a local's register or t. */
void chain_to(Unit *u, const Node *n, int dst) {
  Scopes *ss = &u->c->ss;
  int mark = u->top, base = ss->n_spine;
  const Node *first = n;
  while (in_chain(first) && spine_push(u, first))
    first = first->kind == N_Call ? first->u.call.func : first->kind == N_Attribute ? first->u.attribute.value : first->u.subscript.value;
  int t = dst == u->top - 1 && is_scratch(u, dst) ? dst : regs_alloc(u, 1);
  int top = u->top;
  int obj = left_operand(u, first, t);
  while (ss->n_spine > base && !failed(u)) {
    const Node *link = ss->spine[--ss->n_spine];
    const Node *next = ss->n_spine > base ? ss->spine[ss->n_spine - 1] : NULL;
    bool method = link->kind == N_Attribute && next && next->kind == N_Call && is_plain_call(u, &next->u.call.args, &next->u.call.keywords);
    if (method) ss->n_spine--;
    int d = ss->n_spine == base ? dst : t;
    if (method) {
      call_method(u, next, link, obj, t, d);
    } else if (link->kind == N_Attribute) {
      get_attr(u, link, obj, d);
    } else if (link->kind == N_Subscript) {
      get_item(u, link, obj, d);
    } else {
      warn_call(u, link);
      move(u, link, t, obj);
      if (link->u.call.func == first) super_start(u, first, link, t);
      call_args(u, link, &link->u.call.args, &link->u.call.keywords, t, 0, false, d);
    }
    obj = d;
    u->top = top;
  }
  ss->n_spine = base;
  u->top = mark;
}
