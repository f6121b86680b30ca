/* match statements (PEP 634). A pattern tests R[s] and jumps to `fail`; names are bound after the whole pattern has matched. What sub-patterns look at
 * stays in temporaries until then. */
#include "parser/compile_int.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

typedef struct Capture { const char *name; int reg; const Node *at; } Capture;
typedef struct Captures { Capture *items; size_t n, cap; } Captures;

static void pattern(Unit *u, const Node *p, int s, Label *fail, Captures *c);

/* ---- captures */

static void capture(Unit *u, const Node *p, const char *name, int reg, Captures *c) {
  if (name_forbidden(u, p, name)) return;
  for (size_t i = 0; i < c->n; i++)
    if (strcmp(c->items[i].name, name) == 0) {
      comp_error(u, p, "multiple assignments to name '%s' in pattern", name);
      return;
    }
  Capture *list = unit_grow(u, c->items, c->n, &c->cap, sizeof *list);
  if (!list) return;
  c->items = list;
  list[c->n++] = (Capture){name, reg, p};
}

static bool is_wildcard(const Node *p) { return p->kind == N_MatchAs && !p->u.match_as.name; }
static bool is_star_wildcard(const Node *p) { return p->kind == N_MatchStar && !p->u.match_star.name; }

static const Node *irrefutable(const Node *p) {
  while (p->kind == N_MatchAs && p->u.match_as.pattern) p = p->u.match_as.pattern;
  return p->kind == N_MatchAs ? p : NULL;
}

/* Nothing after it can match. */
static void unreachable_error(Unit *u, const Node *p) {
  const Node *i = irrefutable(p);
  if (i->u.match_as.name) comp_error(u, i, "name capture '%s' makes remaining patterns unreachable", i->u.match_as.name);
  else comp_error(u, i, "wildcard makes remaining patterns unreachable");
}

/* ---- values */

static void match_value(Unit *u, const Node *p, int s, Label *fail) {
  const Node *value = p->u.match_value.value;
  if (value->kind == N_JoinedStr) {
    comp_error(u, value, "patterns may only match literals and attribute lookups");
    return;
  }
  int mark = u->top;
  Value v = fold(u, value);
  uint32_t k = v_absent(v) ? 256 : const_index(u, v);
  if (k < 256) {
    emit_branch(u, p, INS(OP_JEQK, s, k, 0), fail);
    return;
  }
  u->stmt_top = u->top;
  int r = expr_use(u, value);
  emit_branch(u, p, INS(OP_JEQ, s, r, 0), fail);
  u->top = mark;
}

static void match_singleton(Unit *u, const Node *p, int s, Label *fail) {
  int mark = u->top;
  const Node *value = p->u.match_value.value;
  if (value->u.constant.kind == CONST_NONE) {
    emit_branch(u, p, INS(OP_JNONE, s, 0, 0), fail);
    return;
  }
  int r = regs_alloc(u, 1);
  load_const(u, p, r, const_value(u, value));
  emit_branch(u, p, INS(OP_JIS, s, r, 0), fail);
  u->top = mark;
}

/* ---- sequences */

static void all_parts(Unit *u, const NodeList *patterns, int base, Label *fail, Captures *c) {
  for (int i = 0; i < patterns->n && !failed(u); i++) pattern(u, patterns->items[i], base + i, fail, c);
}

/* [a, *_, b]: only the items that are looked at are fetched, those behind the star by the length in register `length`. */
static void indexed_parts(Unit *u, const NodeList *patterns, int star, int s, int length, Label *fail, Captures *c) {
  for (int i = 0; i < patterns->n && !failed(u); i++) {
    const Node *p = patterns->items[i];
    if (i == star || is_wildcard(p)) continue;
    int r = regs_alloc(u, 1);
    load_const(u, p, r, v_from_int62(i < star ? i : i - patterns->n));
    if (i > star) EMIT(u, p, ADD, r, length, r);
    EMIT(u, p, GETITEM, r, s, r);
    pattern(u, p, r, fail, c);
  }
}

static void match_sequence(Unit *u, const Node *p, int s, Label *fail, Captures *c) {
  const NodeList *patterns = &p->u.match_seq.patterns;
  int star = -1;
  bool only_wildcards = true;
  for (int i = 0; i < patterns->n; i++) {
    const Node *q = patterns->items[i];
    if (q->kind == N_MatchStar) {
      if (star >= 0) {
        comp_error(u, p, "multiple starred names in sequence pattern");
        return;
      }
      star = i;
    }
    only_wildcards = only_wildcards && (is_wildcard(q) || is_star_wildcard(q));
  }
  int t = regs_alloc(u, 1);
  load_const(u, p, t, v_from_int62(star < 0 ? patterns->n : -patterns->n)); /* with a star n - 1 at least: -(n - 1) - 1 */
  emit_branch(u, p, INS(OP_MATCHSEQ, s, t, 0), fail);
  if (only_wildcards) {
    u->top = t;
    return;
  }
  if (star >= 0 && is_star_wildcard(patterns->items[star])) {
    indexed_parts(u, patterns, star, s, t, fail, c);
    return;
  }
  u->top = t;
  if (!regs_room(u, patterns->n + 8)) {
    comp_error(u, p, "too many expressions in star-unpacking sequence pattern");
    return;
  }
  int base = regs_alloc(u, patterns->n);
  if (star < 0) EMIT(u, p, UNPACK, s, base, patterns->n);
  else EMITX(u, p, UNPACKEX, s, base, star, patterns->n - star - 1);
  all_parts(u, patterns, base, fail, c);
}

/* ---- mappings */

static void check_keys(Unit *u, const Node *p) {
  const NodeList *keys = &p->u.match_map.keys;
  for (int i = 0; i < keys->n && !failed(u); i++) {
    Value a = fold(u, keys->items[i]);
    if (v_absent(a)) {
      if (keys->items[i]->kind != N_Attribute) comp_error(u, keys->items[i], "mapping pattern keys may only match literals and attribute lookups");
      continue;
    }
    for (int k = 0; k < i; k++) {
      bool equal = false;
      Value b = fold(u, keys->items[k]);
      if (v_absent(b) || !rt_eq(u->c->vm, a, b, &equal) || !equal) continue;
      Value text = rt_repr(u->c->vm, a);
      comp_error(u, p, "mapping pattern checks duplicate key (%.*s)", v_failed(text) ? 0 : (int)v_str(text)->size, v_failed(text) ? "" : v_str(text)->data);
      return;
    }
  }
}

static void match_mapping(Unit *u, const Node *p, int s, Label *fail, Captures *c) {
  const NodeList *keys = &p->u.match_map.keys, *patterns = &p->u.match_map.patterns;
  check_keys(u, p);
  emit_branch(u, p, INS(OP_MATCHMAP, s, 0, 0), fail);
  if (!keys->n && !p->u.match_map.rest) return;
  if (!regs_room(u, keys->n + 12)) {
    comp_error(u, p, "too many sub-patterns in mapping pattern");
    return;
  }
  int tuple = regs_alloc(u, 1), base = tuple; /* the tuple of keys is kept for the rest only: nested patterns need many registers */
  u->stmt_top = u->top;
  tuple_build(u, p, keys, tuple);
  if (p->u.match_map.rest) base = regs_alloc(u, keys->n + 1);
  else if (keys->n > 1) (void)regs_alloc(u, keys->n - 1);
  if (keys->n) {
    EMIT(u, p, MATCHKEYS, base, s, tuple);
    emit_branch(u, p, INS(OP_JNONE, base, 0, 1), fail);
    EMIT(u, p, UNPACK, base, base, keys->n);
    all_parts(u, patterns, base, fail, c);
  }
  if (p->u.match_map.rest) {
    int rest = regs_alloc(u, 1);
    EMIT(u, p, MATCHREST, rest, s, tuple);
    capture(u, p, p->u.match_map.rest, rest, c);
  }
}

/* ---- classes */

static Value keyword_names(Unit *u, const Node *p) {
  const NameList *names = &p->u.match_cls.kwd_attrs;
  Tuple *t = failed(u) ? NULL : tuple_new(u->c->vm, NULL, (size_t)names->n);
  if (!t) {
    fail_pending(u->c);
    return V_NONE;
  }
  for (int i = 0; i < names->n; i++) {
    for (int k = 0; k < i; k++)
      if (strcmp(names->items[i], names->items[k]) == 0) comp_error(u, p->u.match_cls.kwd_patterns.items[i], "attribute name repeated in class pattern: %s", names->items[i]);
    if (name_forbidden(u, p, names->items[i]) || failed(u)) return V_NONE;
    Str *s = name_str(u->c, scope_intern(&u->c->ss, names->items[i], strlen(names->items[i])));
    if (s) gc_store(u->c->vm, t, &t->items[i], v_from_obj(s));
  }
  return v_from_obj(t);
}

static void match_class(Unit *u, const Node *p, int s, Label *fail, Captures *c) {
  const NodeList *patterns = &p->u.match_cls.patterns, *named = &p->u.match_cls.kwd_patterns;
  int n = patterns->n + named->n;
  if (!regs_room(u, n + 10)) {
    comp_error(u, p, "too many sub-patterns in class pattern");
    return;
  }
  int base = regs_alloc(u, n + 2);
  u->stmt_top = u->top;
  expr_to(u, p->u.match_cls.cls, base);
  load_const(u, p, base + 1, keyword_names(u, p));
  EMITX(u, p, MATCHCLASS, base, s, base, patterns->n);
  emit_branch(u, p, INS(OP_JNONE, base, 0, 1), fail);
  if (!n) return;
  EMIT(u, p, UNPACK, base, base + 2, n);
  all_parts(u, patterns, base + 2, fail, c);
  all_parts(u, named, base + 2 + patterns->n, fail, c);
}

/* ---- alternatives: every one binds the same names, which meet in registers of their own */

static bool same_names(const Captures *a, const Captures *b) {
  if (a->n != b->n) return false;
  for (size_t i = 0; i < a->n; i++) {
    size_t k = 0;
    while (k < b->n && strcmp(a->items[i].name, b->items[k].name) != 0) k++;
    if (k == b->n) return false;
  }
  return true;
}

/* An upper bound of the names a pattern binds. */
static int count_names(Unit *u, const Node *p) {
  int n = 0;
  const NodeList *lists[2] = {NULL, NULL};
  if (failed(u) || !scope_enter(&u->c->ss, p)) return 0;
  switch ((NodeKind)p->kind) {
    case N_MatchStar: n = 1; break;
    case N_MatchAs:
      n = p->u.match_as.name ? 1 : 0;
      if (p->u.match_as.pattern) n += count_names(u, p->u.match_as.pattern);
      break;
    case N_MatchSequence: lists[0] = &p->u.match_seq.patterns; break;
    case N_MatchOr: n = count_names(u, p->u.match_seq.patterns.items[0]); break;
    case N_MatchMapping:
      n = p->u.match_map.rest ? 1 : 0;
      lists[0] = &p->u.match_map.patterns;
      break;
    case N_MatchClass:
      lists[0] = &p->u.match_cls.patterns;
      lists[1] = &p->u.match_cls.kwd_patterns;
      break;
    default: break;
  }
  for (int k = 0; k < 2; k++)
    for (int i = 0; lists[k] && i < lists[k]->n; i++) n += count_names(u, lists[k]->items[i]);
  scope_leave(&u->c->ss);
  return n;
}

static void match_or(Unit *u, const Node *p, int s, Label *fail, Captures *c) {
  const NodeList *alts = &p->u.match_seq.patterns;
  Label done = LABEL_INIT;
  Captures first = {NULL, 0, 0};
  int shared = regs_alloc(u, count_names(u, alts->items[0]));
  int top = u->top;
  for (int i = 0; i < alts->n && !failed(u); i++) {
    Label next = LABEL_INIT;
    Captures own = {NULL, 0, 0};
    bool last = i + 1 == alts->n;
    if (!last && irrefutable(alts->items[i])) {
      unreachable_error(u, alts->items[i]);
      return;
    }
    pattern(u, alts->items[i], s, last ? fail : &next, &own);
    if (i == 0) first = own;
    if (!same_names(&first, &own)) {
      comp_error(u, alts->items[i], "alternative patterns bind different names");
      return;
    }
    for (size_t k = 0; k < own.n; k++) {
      size_t at = 0;
      while (strcmp(first.items[at].name, own.items[k].name) != 0) at++;
      move(u, alts->items[i], shared + (int)at, own.items[k].reg);
    }
    if (!last) emit_jump(u, alts->items[i], &done);
    label_place(u, &next);
    u->top = top;
  }
  label_place(u, &done);
  for (size_t i = 0; i < first.n && !failed(u); i++) capture(u, first.items[i].at, first.items[i].name, shared + (int)i, c);
}

/* ---- any pattern */

static void pattern(Unit *u, const Node *p, int s, Label *fail, Captures *c) {
  if (failed(u) || !scope_enter(&u->c->ss, p)) return;
  switch ((NodeKind)p->kind) {
    case N_MatchValue: match_value(u, p, s, fail); break;
    case N_MatchSingleton: match_singleton(u, p, s, fail); break;
    case N_MatchSequence: match_sequence(u, p, s, fail, c); break;
    case N_MatchMapping: match_mapping(u, p, s, fail, c); break;
    case N_MatchClass: match_class(u, p, s, fail, c); break;
    case N_MatchOr: match_or(u, p, s, fail, c); break;
    case N_MatchStar:
      if (p->u.match_star.name) capture(u, p, p->u.match_star.name, s, c);
      break;
    case N_MatchAs:
      if (p->u.match_as.pattern) pattern(u, p->u.match_as.pattern, s, fail, c);
      if (p->u.match_as.name) capture(u, p, p->u.match_as.name, s, c);
      break;
    default: break;
  }
  scope_leave(&u->c->ss);
}

void match_stmt(Unit *u, const Node *n) {
  const NodeList *cases = &n->u.match.cases;
  Label end = LABEL_INIT;
  int s = expr_temp(u, n->u.match.subject);
  int top = u->top;
  for (int i = 0; i < cases->n && !failed(u); i++) {
    const Node *one = cases->items[i];
    Label fail = LABEL_INIT;
    Captures c = {NULL, 0, 0};
    bool last = i + 1 == cases->n;
    if (!last && !one->u.match_case.guard && irrefutable(one->u.match_case.pattern)) {
      unreachable_error(u, one->u.match_case.pattern);
      return;
    }
    pattern(u, one->u.match_case.pattern, s, &fail, &c);
    for (size_t k = 0; k < c.n; k++) name_store(u, c.items[k].at, c.items[k].name, c.items[k].reg);
    u->top = u->stmt_top = top;
    if (one->u.match_case.guard) jump_if(u, one->u.match_case.guard, false, &fail);
    stmts(u, &one->u.match_case.body);
    if (!last) emit_jump(u, NULL, &end);
    label_place(u, &fail);
  }
  label_place(u, &end);
}
