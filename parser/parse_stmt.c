/* Simple statements (reference, chapter 7). */
#include "parser/parse_int.h"

#include <string.h>

/* ---- assignment ---- */

static bool is_single_target(const Node *n) { return n->kind == N_Name || n->kind == N_Attribute || n->kind == N_Subscript; }

static int aug_op(TokenKind k) { return k >= T_PLUSEQUAL && k <= T_RIGHTSHIFTEQUAL ? (int)(k - T_PLUSEQUAL) : -1; }

/* [a] ':' expression and (a, b) ':' expression */
static void check_annotated_display(Parser *p) {
  if (!parse_at(p, T_LPAR) && !parse_at(p, T_LSQB)) return;
  Node *a = parse_atom(p);
  if (!a || (a->kind != N_List && a->kind != N_Tuple) || !parse_accept(p, T_COLON)) return;
  if (parse_expression(p)) parse_error_node(p, a, "only single target (not %s) can be annotated", parse_expr_name(a));
}

/* a, b ':' expression */
static void check_annotated_tuple(Parser *p) {
  Node *a = parse_star_named_expression(p);
  if (!a || !parse_accept(p, T_COMMA)) return;
  for (;;) { /* star_named_expressions*: comma-less lists in a row are let pass */
    Mark m = parse_mark(p);
    Node *rest = parse_tuple_of(p, parse_star_named_expression);
    if (p->failed) return;
    if (rest) continue;
    parse_back(p, m);
    break;
  }
  if (parse_accept(p, T_COLON) && parse_expression(p)) parse_error_node(p, a, "only single target (not tuple) can be annotated");
}

/* expression ':' expression */
static void check_annotated_expression(Parser *p) {
  Node *a = parse_expression(p);
  if (a && parse_accept(p, T_COLON) && parse_expression(p)) parse_error_node(p, a, "illegal target for annotation");
}

/* (star_targets '=')*; false: failed */
static bool skip_targets(Parser *p) {
  for (;;) {
    Mark m = parse_mark(p);
    Node *n = parse_star_targets(p);
    if (p->failed) return false;
    if (n && parse_accept(p, T_EQUAL)) continue;
    parse_back(p, m);
    return true;
  }
}

static void check_assigned_expression(Parser *p) {
  if (!skip_targets(p)) return;
  Node *a = parse_star_expressions(p);
  if (a && parse_at(p, T_EQUAL)) parse_error_target(p, a, TARGET_STAR);
}

static void check_assigned_yield(Parser *p) {
  if (!skip_targets(p) || !parse_at(p, T_YIELD)) return;
  Node *a = parse_yield(p);
  if (a && parse_at(p, T_EQUAL)) parse_error_node(p, a, "assignment to yield expression not possible");
}

static void check_augmented(Parser *p) {
  Node *a = parse_star_expressions(p);
  if (!a || aug_op(parse_kind(p)) < 0) return;
  parse_next(p);
  if (parse_yield_or_star(p)) parse_error_node(p, a, "'%s' is an illegal expression for augmented assignment", parse_expr_name(a));
}

/* Second pass: a statement that begins like an assignment and is none. False: an error was raised. */
static bool check_assignment(Parser *p, Mark start) {
  static void (*const checks[])(Parser *) = {check_annotated_display, check_annotated_tuple, check_annotated_expression,
                                             check_assigned_expression, check_assigned_yield, check_augmented};
  Mark after = parse_mark(p);
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    parse_back(p, start);
    checks[i](p);
    if (p->failed) return false;
  }
  parse_back(p, after);
  return true;
}

/* target ':' expression ['=' annotated_rhs], target: NAME | '(' single_target ')' | single_subscript_attribute_target */
static Node *annotated(Parser *p, Pos at, Node *target) {
  Node *n = parse_node(p, N_AnnAssign, at);
  if (!n) return NULL;
  parse_next(p);
  n->u.ann.target = target;
  n->u.ann.simple = target->kind == N_Name && !target->parenthesized;
  n->u.ann.annotation = parse_expression(p);
  if (!n->u.ann.annotation) return NULL;
  Mark m = parse_mark(p);
  if (parse_accept(p, T_EQUAL)) {
    n->u.ann.value = parse_yield_or_star(p);
    if (p->failed) return NULL;
    if (!n->u.ann.value) parse_back(p, m);
  }
  parse_set_context(target, CTX_STORE);
  return parse_end(p, n);
}

/* (star_targets '=')+ (yield_expr | star_expressions) !'=' */
static Node *assign(Parser *p, Pos at, Node *first) {
  size_t from = p->top;
  Node *value = first;
  while (parse_at(p, T_EQUAL)) {
    bool yield = value->kind == N_Yield || value->kind == N_YieldFrom;
    if ((yield && !value->parenthesized) || parse_invalid_target(value, TARGET_STAR)) return NULL;
    parse_set_context(value, CTX_STORE);
    if (!parse_push(p, value)) return NULL;
    parse_next(p);
    value = parse_yield_or_star(p);
    if (!value) return NULL;
  }
  Node *n = parse_node(p, N_Assign, at);
  if (!n) return NULL;
  n->u.assign.targets = parse_take(p, from);
  n->u.assign.value = value;
  return parse_end(p, n);
}

/* single_target augassign ~ (yield_expr | star_expressions) */
static Node *augmented(Parser *p, Pos at, Node *target) {
  Node *n = parse_node(p, N_AugAssign, at);
  if (!n) return NULL;
  n->u.aug.op = (uint8_t)aug_op(parse_kind(p));
  parse_next(p);
  parse_set_context(target, CTX_STORE);
  n->u.aug.target = target;
  n->u.aug.value = parse_yield_or_star(p);
  return n->u.aug.value ? parse_end(p, n) : NULL;
}

/* simple_stmt: assignment | star_expressions | yield_stmt */
static Node *assignment_or_expression(Parser *p) {
  Mark start = parse_mark(p);
  Pos at = parse_here(p);
  Node *e = parse_yield_or_star(p);
  if (!e) return NULL;
  Mark after = parse_mark(p);
  bool is_yield = (e->kind == N_Yield || e->kind == N_YieldFrom) && !e->parenthesized;
  TokenKind k = parse_kind(p);
  Node *n = NULL;
  if (k == T_COLON && is_single_target(e)) n = annotated(p, at, e);
  else if (k == T_EQUAL && !is_yield) n = assign(p, at, e);
  else if (aug_op(k) >= 0 && is_single_target(e)) return augmented(p, at, e);
  if (n || p->failed) return n;
  parse_back(p, after);
  if (p->errors && !check_assignment(p, start)) return NULL;
  parse_set_context(e, CTX_LOAD);
  n = parse_node(p, N_Expr, at);
  if (!n) return NULL;
  n->u.ret.value = e;
  return parse_end(p, n);
}

/* ---- del, return, raise, assert, global ---- */

/* del_stmt: 'del' ','.del_target+ [','] &(';' | NEWLINE) */
static Node *del(Parser *p) {
  Node *n = parse_node(p, N_Delete, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  Mark start = parse_mark(p);
  do {
    Mark m = parse_mark(p);
    Node *target = parse_primary(p);
    if (p->failed) return NULL;
    if (!target || parse_invalid_target(target, TARGET_DEL)) {
      parse_back(p, m);
      break;
    }
    parse_set_context(target, CTX_DEL);
    if (!parse_push(p, target)) return NULL;
  } while (parse_accept(p, T_COMMA));
  if (p->top > start.top && (parse_at(p, T_SEMI) || parse_at(p, T_NEWLINE))) {
    n->u.del.targets = parse_take(p, start.top);
    return parse_end(p, n);
  }
  if (p->errors) {
    parse_back(p, start);
    Node *e = parse_star_expressions(p);
    if (e) parse_error_target(p, e, TARGET_DEL);
  }
  return NULL;
}

/* An optional part: rule at the cursor, or nothing. False: failed. */
static bool optional(Parser *p, Node *(*rule)(Parser *), Node **out) {
  Mark m = parse_mark(p);
  *out = rule(p);
  if (!*out && !p->failed) parse_back(p, m);
  return !p->failed;
}

/* return_stmt: 'return' [star_expressions] */
static Node *return_(Parser *p) {
  Node *n = parse_node(p, N_Return, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  return optional(p, parse_star_expressions, &n->u.ret.value) ? parse_end(p, n) : NULL;
}

/* raise_stmt: 'raise' expression ['from' expression] | 'raise' */
static Node *raise_(Parser *p) {
  Node *n = parse_node(p, N_Raise, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  if (!optional(p, parse_expression, &n->u.raise.exc)) return NULL;
  Mark m = parse_mark(p);
  if (n->u.raise.exc && parse_accept(p, T_FROM)) {
    n->u.raise.cause = parse_expression(p);
    if (p->failed) return NULL;
    if (!n->u.raise.cause) parse_back(p, m);
  }
  return parse_end(p, n);
}

/* assert_stmt: 'assert' expression [',' expression] */
static Node *assert_(Parser *p) {
  Node *n = parse_node(p, N_Assert, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  n->u.assert_.test = parse_expression(p);
  if (!n->u.assert_.test) return NULL;
  Mark m = parse_mark(p);
  if (parse_accept(p, T_COMMA)) {
    n->u.assert_.msg = parse_expression(p);
    if (p->failed) return NULL;
    if (!n->u.assert_.msg) parse_back(p, m);
  }
  return parse_end(p, n);
}

static Node *keyword_alone(Parser *p, NodeKind kind) {
  Node *n = parse_node(p, kind, parse_here(p));
  parse_next(p);
  return parse_end(p, n);
}

/* global_stmt: 'global' ','.NAME+      nonlocal_stmt: 'nonlocal' ','.NAME+ */
static Node *scope(Parser *p, NodeKind kind) {
  Node *n = parse_node(p, kind, parse_here(p));
  if (!n) return NULL;
  size_t first = p->pos + 1, count = 0;
  do {
    Mark m = parse_mark(p);
    parse_next(p); /* the keyword or the comma */
    if (!parse_accept(p, T_NAME)) {
      parse_back(p, m);
      break;
    }
    count++;
  } while (parse_at(p, T_COMMA));
  if (count == 0) return NULL;
  const char **names = arena_alloc(p->arena, count * sizeof *names);
  if (!names) return parse_fail_memory(p);
  for (size_t i = 0; i < count; i++)
    if (!(names[i] = parse_identifier(p, &p->toks.items[first + 2 * i]))) return NULL;
  n->u.scope.names = (NameList){names, (int)count};
  return parse_end(p, n);
}

/* ---- import ---- */

/* dotted_name: dotted_name '.' NAME | NAME; as one text */
static const char *dotted_name(Parser *p) {
  if (!parse_at(p, T_NAME)) return NULL;
  Buf b;
  buf_init(&b, p->arena->mem);
  const char *part = parse_name(p);
  while (part) {
    buf_str(&b, part);
    part = NULL;
    Mark m = parse_mark(p);
    if (!parse_accept(p, T_DOT)) break;
    if (parse_at(p, T_NAME)) {
      part = parse_name(p);
      buf_char(&b, '.');
    } else {
      parse_back(p, m);
    }
  }
  const char *name = b.failed ? NULL : arena_strndup(p->arena, b.data, b.len);
  buf_free(&b);
  return name ? name : parse_fail_memory(p);
}

/* ['as' NAME], then the end of the alias */
static Node *finish_alias(Parser *p, Node *n) {
  Mark m = parse_mark(p);
  if (parse_accept(p, T_AS)) {
    n->u.alias.asname = parse_name(p);
    if (p->failed) return NULL;
    if (!n->u.alias.asname) parse_back(p, m);
  }
  return parse_end(p, n);
}

/* import_name: 'import' ','.(dotted_name ['as' NAME])+ */
static Node *import_name(Parser *p) {
  Node *n = parse_node(p, N_Import, parse_here(p));
  if (!n) return NULL;
  size_t from = p->top;
  do {
    Mark m = parse_mark(p);
    parse_next(p); /* the keyword or the comma */
    Node *alias = parse_node(p, N_Alias, parse_here(p));
    if (!alias) return NULL;
    alias->u.alias.name = dotted_name(p);
    if (p->failed) return NULL;
    if (!alias->u.alias.name) {
      parse_back(p, m);
      break;
    }
    if (!finish_alias(p, alias) || !parse_push(p, alias)) return NULL;
  } while (parse_at(p, T_COMMA));
  n->u.import.names = parse_take(p, from);
  return n->u.import.names.n ? parse_end(p, n) : NULL;
}

/* import_from_as_names: ','.(NAME ['as' NAME])+, pushed. *comma: stands after a last comma. False: none, or failed. */
static bool from_names(Parser *p, bool *comma) {
  size_t from = p->top;
  do {
    Node *alias = parse_at(p, T_NAME) ? parse_node(p, N_Alias, parse_here(p)) : NULL;
    if (!alias) break;
    alias->u.alias.name = parse_name(p);
    if (!alias->u.alias.name || !finish_alias(p, alias) || !parse_push(p, alias)) return false;
    *comma = false;
  } while ((*comma = parse_accept(p, T_COMMA)));
  return p->top > from && !p->failed;
}

/* import_from_targets: '(' import_from_as_names [','] ')' | import_from_as_names !',' | '*' */
static bool from_targets(Parser *p) {
  bool comma = false;
  if (parse_at(p, T_STAR)) {
    Node *alias = parse_node(p, N_Alias, parse_here(p));
    if (!alias) return false;
    alias->u.alias.name = "*";
    parse_next(p);
    return parse_push(p, parse_end(p, alias));
  }
  if (parse_accept(p, T_LPAR)) return from_names(p, &comma) && parse_accept(p, T_RPAR);
  if (!from_names(p, &comma)) return false;
  if (comma && p->errors && parse_at(p, T_NEWLINE)) parse_error(p, "trailing comma not allowed without surrounding parentheses");
  return !comma;
}

/* import_from: 'from' ('.' | '...')* dotted_name 'import' import_from_targets | 'from' ('.' | '...')+ 'import' import_from_targets */
static Node *import_from(Parser *p) {
  Node *n = parse_node(p, N_ImportFrom, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  for (; parse_at(p, T_DOT) || parse_at(p, T_ELLIPSIS); parse_next(p)) n->u.import.level += parse_at(p, T_DOT) ? 1 : 3;
  n->u.import.module = dotted_name(p);
  if (p->failed || (!n->u.import.module && n->u.import.level == 0)) return NULL;
  size_t from = p->top;
  if (!parse_accept(p, T_IMPORT) || !from_targets(p)) return NULL;
  n->u.import.names = parse_take(p, from);
  return parse_end(p, n);
}

/* ---- dispatch ---- */

static Node *simple_statement(Parser *p) {
  switch (parse_kind(p)) {
    case T_RETURN: return return_(p);
    case T_IMPORT: return import_name(p);
    case T_FROM: return import_from(p);
    case T_RAISE: return raise_(p);
    case T_PASS: return keyword_alone(p, N_Pass);
    case T_DEL: return del(p);
    case T_ASSERT: return assert_(p);
    case T_BREAK: return keyword_alone(p, N_Break);
    case T_CONTINUE: return keyword_alone(p, N_Continue);
    case T_GLOBAL: return scope(p, N_Global);
    case T_NONLOCAL: return scope(p, N_Nonlocal);
    default: return assignment_or_expression(p);
  }
}

/* simple_stmts: simple_stmt !';' NEWLINE | ';'.simple_stmt+ [';'] NEWLINE */
bool parse_simple_statements(Parser *p) {
  do {
    Node *n = simple_statement(p);
    if (!n || !parse_push(p, n)) return false;
  } while (parse_accept(p, T_SEMI) && !parse_at(p, T_NEWLINE));
  return parse_accept(p, T_NEWLINE);
}
