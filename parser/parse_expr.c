/* Expressions from the comma down to the operators (reference, chapter 6; full grammar, "Expressions"). Right-nested chains are built top-down through
   `hole`, a pointer to the place where the next node belongs, so that none of them recurses. */
#include "parser/parse_int.h"

#include <string.h>

enum { LEGACY_MAX_DEPTH = 120 }; /* names side by side nest in the second pass: no deeper than this */

/* ---- operators ---- */

/* A BinOp that still lacks its right side and its end; at is where the left side begins, parentheses included. */
static Node *binary(Parser *p, Pos at, Node *left, TokenKind op) {
  Node *n = parse_node(p, N_BinOp, at);
  if (!n) return NULL;
  n->u.bin.left = left;
  n->u.bin.op = (uint8_t)(op - T_PLUS);
  return n;
}

/* The nodes of a chain made through `hole` all end where its last node ends, before the cursor. */
static Node *next_in_chain(Node *n) {
  switch (n->kind) {
    case N_UnaryOp: return n->u.unary.operand;
    case N_BinOp: return n->u.bin.right;
    case N_Lambda: return n->u.lambda.body;
    case N_IfExp: return n->u.ifexp.orelse;
    default: return NULL;
  }
}

static Node *end_chain(Parser *p, Node *first, const Node *last) {
  for (Node *n = first; n != last; n = next_in_chain(n)) parse_end(p, n);
  return first;
}

/* A factor that is a chain of unary operators and powers. x, if not NULL, is its first operand, read already, with '**' after it. */
static NOINLINE Node *factor_chain(Parser *p, Pos at, Node *x) {
  Node *first = NULL, **hole = &first;
  Node *left = NULL, **left_hole = NULL; /* the last '**' that could be given up: its left side and where that would go */
  Mark before_power = {0, 0};
  for (int length = 0; length <= PARSE_MAX_CHAIN; length++) {
    TokenKind k = parse_kind(p);
    if (!x && (k == T_PLUS || k == T_MINUS || k == T_TILDE)) {
      Node *n = parse_node(p, N_UnaryOp, parse_here(p));
      if (!n) return NULL;
      n->u.unary.op = k == T_MINUS ? UN_NEG : k == T_PLUS ? UN_POS : UN_INVERT;
      *hole = n;
      hole = &n->u.unary.operand;
      parse_next(p);
      continue;
    }
    if (!x) {
      at = parse_here(p);
      x = parse_await_primary(p);
    }
    if (!x) {
      if (p->failed || !left) return NULL;
      parse_back(p, before_power);
      *left_hole = left;
      return end_chain(p, first, left);
    }
    if (!parse_at(p, T_DOUBLESTAR)) {
      *hole = x;
      return end_chain(p, first, x);
    }
    before_power = parse_mark(p);
    left = x;
    left_hole = hole;
    Node *n = binary(p, at, x, T_DOUBLESTAR);
    if (!n) return NULL;
    *hole = n;
    hole = &n->u.bin.right;
    parse_next(p);
    x = NULL;
  }
  return parse_fail_nested(p);
}

/* factor: '+' factor | '-' factor | '~' factor | power
   power: await_primary '**' factor | await_primary
   Here and below the way of a lone operand is kept short, also in bytes of C stack: nested brackets pass all of it at each level. */
static Node *factor(Parser *p) {
  TokenKind k = parse_kind(p);
  Pos at = parse_here(p);
  if (k == T_PLUS || k == T_MINUS || k == T_TILDE) return factor_chain(p, at, NULL);
  Node *x = parse_await_primary(p);
  return x && parse_at(p, T_DOUBLESTAR) ? factor_chain(p, at, x) : x;
}

static int precedence(TokenKind k) {
  switch (k) {
    case T_VBAR: return 1;
    case T_CIRCUMFLEX: return 2;
    case T_AMPER: return 3;
    case T_LEFTSHIFT: case T_RIGHTSHIFT: return 4;
    case T_PLUS: case T_MINUS: return 5;
    case T_STAR: case T_SLASH: case T_DOUBLESLASH: case T_PERCENT: case T_AT: return 6;
    default: return 0;
  }
}

/* The rest of a chain of binary operators after the operand x. Unfinished BinOps wait on the list stack; their precedences strictly rise. */
static NOINLINE Node *binary_chain(Parser *p, Pos at, Node *x) {
  size_t from = p->top;
  for (;;) {
    TokenKind op = parse_kind(p);
    int prec = precedence(op);
    while (p->top > from && precedence((TokenKind)(T_PLUS + p->stack[p->top - 1]->u.bin.op)) >= prec) {
      Node *n = p->stack[--p->top];
      n->u.bin.right = x;
      x = parse_end(p, n);
      at = parse_start(x);
    }
    if (!prec) return x;
    Mark before = parse_mark(p);
    Node *n = binary(p, at, x, op);
    if (!n || !parse_push(p, n)) return NULL;
    parse_next(p);
    at = parse_here(p);
    Node *right = factor(p);
    if (p->failed) return NULL;
    if (!right) { /* the operator is not ours */
      parse_back(p, before);
      while (p->top > from) {
        n = p->stack[--p->top];
        n->u.bin.right = x;
        x = parse_end(p, n);
      }
      return x;
    }
    x = right;
  }
}

/* bitwise_or: bitwise_or '|' bitwise_xor | bitwise_xor, and so on down to
   term: term '*' factor | ... | factor */
Node *parse_bitwise_or(Parser *p) {
  Pos at = parse_here(p);
  Node *x = factor(p);
  return x && precedence(parse_kind(p)) ? binary_chain(p, at, x) : x;
}

/* compare_op: '==' | '!=' | '<=' | '<' | '>=' | '>' | 'not' 'in' | 'in' | 'is' 'not' | 'is'. -1: none, cursor unmoved. */
static int compare_op(Parser *p) {
  TokenKind k = parse_kind(p);
  static const uint8_t simple[] = {CMP_LT, CMP_LE, CMP_EQ, CMP_NE, CMP_GT, CMP_GE};
  if (k >= T_LESS && k <= T_GREATEREQUAL) {
    parse_next(p);
    return simple[k - T_LESS];
  }
  if (k == T_IN) {
    parse_next(p);
    return CMP_IN;
  }
  if (k == T_IS) {
    parse_next(p);
    return parse_accept(p, T_NOT) ? CMP_IS_NOT : CMP_IS;
  }
  if (k != T_NOT) return -1;
  Mark m = parse_mark(p);
  parse_next(p);
  if (parse_accept(p, T_IN)) return CMP_NOT_IN;
  parse_back(p, m);
  return -1;
}

/* Operators lie on the list stack between the operands until their number is known, each as a dummy node that carries it. */
static bool push_op(Parser *p, int op) {
  Node *n = parse_node(p, N_Pass, (Pos){0, 0});
  if (!n) return false;
  n->ctx = (uint8_t)op;
  return parse_push(p, n);
}

static Node *finish_compare(Parser *p, Pos at, Node *left, size_t from) {
  int n = (int)((p->top - from) / 2);
  Node *c = parse_node(p, N_Compare, at);
  uint8_t *ops = arena_alloc(p->arena, (size_t)n);
  Node **items = arena_alloc(p->arena, (size_t)n * sizeof *items);
  if (!c || !ops || !items) return parse_fail_memory(p);
  for (int i = 0; i < n; i++) {
    ops[i] = p->stack[from + 2 * (size_t)i]->ctx;
    items[i] = p->stack[from + 2 * (size_t)i + 1];
  }
  p->top = from;
  c->u.compare.left = left;
  c->u.compare.ops = ops;
  c->u.compare.comparators = (NodeList){items, n};
  return parse_end(p, c);
}

static NOINLINE Node *compare_chain(Parser *p, Pos at, Node *left) {
  size_t from = p->top;
  for (;;) {
    Mark m = parse_mark(p);
    int op = compare_op(p);
    if (op < 0) break;
    Node *right = parse_bitwise_or(p);
    if (!right) {
      if (p->failed) return NULL;
      parse_back(p, m);
      break;
    }
    if (!push_op(p, op) || !parse_push(p, right)) return NULL;
  }
  return p->top == from ? left : finish_compare(p, at, left, from);
}

/* comparison: bitwise_or compare_op_bitwise_or_pair+ | bitwise_or */
static Node *comparison(Parser *p) {
  Pos at = parse_here(p);
  Node *left = parse_bitwise_or(p);
  TokenKind k = parse_kind(p);
  bool more = (k >= T_LESS && k <= T_GREATEREQUAL) || k == T_IN || k == T_IS || k == T_NOT;
  return left && more ? compare_chain(p, at, left) : left;
}

static NOINLINE Node *not_chain(Parser *p) {
  Node *first = NULL, **hole = &first;
  for (int length = 0; parse_at(p, T_NOT); length++) {
    if (length > PARSE_MAX_CHAIN) return parse_fail_nested(p);
    Node *n = parse_node(p, N_UnaryOp, parse_here(p));
    if (!n) return NULL;
    n->u.unary.op = UN_NOT;
    *hole = n;
    hole = &n->u.unary.operand;
    parse_next(p);
  }
  Node *x = comparison(p);
  if (!x) return NULL;
  *hole = x;
  return end_chain(p, first, x);
}

/* inversion: 'not' inversion | comparison */
static Node *inversion(Parser *p) { return parse_at(p, T_NOT) ? not_chain(p) : comparison(p); }

/* first (op item)+ as one BoolOp; the cursor stands at the first op */
static NOINLINE Node *bool_chain(Parser *p, Pos at, Node *first, Node *(*item)(Parser *), TokenKind op) {
  size_t from = p->top;
  if (!parse_push(p, first)) return NULL;
  while (parse_at(p, op)) {
    Mark m = parse_mark(p);
    parse_next(p);
    Node *next = item(p);
    if (!next) {
      if (p->failed) return NULL;
      parse_back(p, m);
      break;
    }
    if (!parse_push(p, next)) return NULL;
  }
  NodeList values = parse_take(p, from);
  if (p->failed || values.n == 1) return p->failed ? NULL : first;
  Node *n = parse_node(p, N_BoolOp, at);
  if (!n) return NULL;
  n->u.boolop.is_or = op == T_OR;
  n->u.boolop.values = values;
  return parse_end(p, n);
}

/* conjunction: inversion ('and' inversion)+ | inversion */
static Node *conjunction(Parser *p) {
  Pos at = parse_here(p);
  Node *x = inversion(p);
  return x && parse_at(p, T_AND) ? bool_chain(p, at, x, inversion, T_AND) : x;
}

/* disjunction: conjunction ('or' conjunction)+ | conjunction */
Node *parse_disjunction(Parser *p) {
  Pos at = parse_here(p);
  Node *x = inversion(p);
  if (x && parse_at(p, T_AND)) x = bool_chain(p, at, x, inversion, T_AND);
  return x && parse_at(p, T_OR) ? bool_chain(p, at, x, conjunction, T_OR) : x;
}

/* ---- expression ---- */

/* CPython takes the beginnings of soft keywords ("c", "ma"), too, for soft keywords here. */
static bool is_soft_keyword(const Parser *p) {
  const Token *t = parse_tok(p);
  const char *s = p->src.text + t->start;
  size_t n = t->end - t->start;
  return t->kind == T_NAME && ((n <= 5 && memcmp(s, "match", n) == 0) || (n <= 4 && memcmp(s, "case", n) == 0) || (n == 1 && *s == '_'));
}

static bool is_legacy_name(const Node *n) { return n->kind == N_Name && (strcmp(n->u.name.id, "print") == 0 || strcmp(n->u.name.id, "exec") == 0); }

/* Does CPython's check for a forgotten comma pass over an expression that begins here? */
static bool comma_check_skips(const Parser *p) { return is_soft_keyword(p) || (parse_at(p, T_NAME) && parse_peek(p) == T_STRING); }

/* Two expressions side by side: a comma was forgotten, if inside brackets. */
static void check_forgotten_comma(Parser *p, Mark start, const Node *a) {
  Mark after = parse_mark(p);
  parse_back(p, start);
  bool skip = comma_check_skips(p);
  parse_back(p, after);
  if (skip) return;
  p->errors = false;
  Node *b = parse_expression(p);
  p->errors = true;
  if (b && !is_legacy_name(a) && p->toks.items[p->pos - 1].level > 0)
    parse_error_range(p, a, b, "invalid syntax. Perhaps you forgot a comma?");
  if (p->failed) return;
  parse_back(p, after);
  if (!b && parse_accept(p, T_LBRACE)) { /* in a set that could not be read mistakes are looked for all the same */
    parse_tuple_of(p, parse_star_named_expression);
    if (!p->failed) parse_back(p, after);
  }
}

/* a 'if' b without 'else' */
static void check_missing_else(Parser *p, const Node *a) {
  Mark after = parse_mark(p);
  if (!parse_accept(p, T_IF)) return;
  Node *b = parse_disjunction(p);
  if (b && !parse_at(p, T_ELSE) && !parse_at(p, T_COLON)) parse_error_range(p, a, b, "expected 'else' after 'if' expression");
  if (!p->failed) parse_back(p, after);
}

static bool at_legacy(const Parser *p) { return (parse_at_word(p, "print") || parse_at_word(p, "exec")) && parse_peek(p) != T_LPAR; }

/* print x, exec x: statements of Python 2 */
static void check_legacy_here(Parser *p) {
  bool known = parse_peek(p) != T_STRING; /* the check for a comma read on, without looking for mistakes; CPython remembers what it found */
  Node *a = parse_atom(p), *b = NULL;
  Mark m = parse_mark(p);
  if (a && known && is_legacy_name(a)) {
    p->errors = false;
    b = parse_disjunction(p);
    p->errors = true;
    if (b && (parse_at(p, T_COMMA) || parse_at(p, T_IF))) b = NULL;
  }
  if (a && !b && !p->failed) {
    parse_back(p, m);
    b = parse_star_expressions(p);
  }
  if (b && is_legacy_name(a)) parse_error_range(p, a, b, "Missing parentheses in call to '%s'. Did you mean %s(...)?", a->u.name.id, a->u.name.id);
}

/* NAME !'(' star_expressions, for print and exec, maybe after other names. What follows a name that the check for a comma passed over is read, too:
   a mistake in there is reported first. */
static void check_legacy(Parser *p, Mark start) {
  bool alone = p->pos == start.pos + 1;
  Mark after = parse_mark(p);
  parse_back(p, start);
  if (parse_at(p, T_NAME) && p->depth <= LEGACY_MAX_DEPTH) {
    bool skipped = comma_check_skips(p) && parse_peek(p) != T_LPAR;
    while (alone && !skipped && !at_legacy(p) && parse_peek(p) == T_NAME) parse_next(p);
    if (skipped || at_legacy(p)) check_legacy_here(p);
  }
  if (!p->failed) parse_back(p, after);
}

/* Second pass, after the disjunction a that began at start. False: an error was raised. */
static COLD bool check_expression(Parser *p, Mark start, const Node *a) {
  check_forgotten_comma(p, start, a);
  if (!p->failed) check_missing_else(p, a);
  if (!p->failed) check_legacy(p, start);
  return !p->failed;
}

/* lambdef: 'lambda' [lambda_params] ':' expression (the expression is left to the caller) */
static Node *lambda_head(Parser *p) {
  Node *n = parse_node(p, N_Lambda, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  n->u.lambda.args = parse_params(p, true);
  return n->u.lambda.args && parse_accept(p, T_COLON) ? n : NULL;
}

static Node *conditional(Parser *p, Pos at, Node *body, Node *test) {
  Node *n = parse_node(p, N_IfExp, at);
  if (!n) return NULL;
  n->u.ifexp.body = body;
  n->u.ifexp.test = test;
  return n;
}

/* An expression that has a lambda or 'if' ... 'else' in it, or is read in the second pass. x, if not NULL, is its first disjunction, read already. */
static NOINLINE Node *expression_chain(Parser *p, Mark start, Pos at, Node *x) {
  Node *first = NULL, **hole = &first;
  Node *body = NULL, **body_hole = NULL; /* the last 'if' that could be given up: what stands before it and where that would go */
  Mark before_if = {0, 0};
  for (int length = 0; length <= PARSE_MAX_CHAIN; length++, x = NULL) {
    if (length) {
      start = parse_mark(p);
      at = parse_here(p);
    }
    bool lambda = !x && parse_at(p, T_LAMBDA);
    if (!x) x = lambda ? lambda_head(p) : parse_disjunction(p);
    if (x && lambda) {
      *hole = x;
      hole = &x->u.lambda.body;
      continue;
    }
    if (x && p->errors && !check_expression(p, start, x)) return NULL;
    if (!x) {
      if (p->failed || !body) return NULL;
      parse_back(p, before_if);
      *body_hole = body;
      return end_chain(p, first, body);
    }
    *hole = x;
    if (!parse_at(p, T_IF)) return end_chain(p, first, x);
    Mark m = parse_mark(p);
    parse_next(p);
    Node *test = parse_disjunction(p);
    if (p->failed) return NULL;
    if (!test || !parse_accept(p, T_ELSE)) {
      parse_back(p, m);
      return end_chain(p, first, x);
    }
    Node *n = conditional(p, at, x, test);
    if (!n) return NULL;
    body = x;
    body_hole = hole;
    before_if = m;
    *hole = n;
    hole = &n->u.ifexp.orelse;
  }
  return parse_fail_nested(p);
}

/* expression: disjunction 'if' disjunction 'else' expression | disjunction | lambdef */
Node *parse_expression(Parser *p) {
  if (!parse_enter(p)) return NULL;
  Mark start = parse_mark(p);
  Pos at = parse_here(p);
  Node *n = parse_at(p, T_LAMBDA) ? NULL : parse_disjunction(p);
  if ((n && (p->errors || parse_at(p, T_IF))) || (!n && parse_at(p, T_LAMBDA) && p->pos == start.pos)) n = expression_chain(p, start, at, n);
  p->depth--;
  return n;
}

/* ---- named, starred, tuples ---- */

/* assignment_expression: NAME ':=' expression (PEP 572) */
static Node *assignment_expression(Parser *p) {
  Node *target = parse_atom(p);
  Node *n = target ? parse_node(p, N_NamedExpr, parse_start(target)) : NULL;
  if (!n) return NULL;
  target->ctx = CTX_STORE;
  parse_next(p);
  n->u.named.target = target;
  n->u.named.value = parse_expression(p);
  return n->u.named.value ? parse_end(p, n) : NULL;
}

/* The leftmost part of an expression that begins where the expression does. */
static const Node *leftmost(const Node *e) {
  for (const Node *n = e;;) {
    const Node *left = n->kind == N_BinOp ? n->u.bin.left
                     : n->kind == N_Attribute ? n->u.attribute.value
                     : n->kind == N_Subscript ? n->u.subscript.value
                     : n->kind == N_Call ? n->u.call.func : NULL;
    if (!left || left->line != e->line || left->col != e->col) return n;
    n = left;
  }
}

static bool is_bitwise_or(const Node *n) {
  if (n->parenthesized) return true;
  return n->kind != N_Compare && n->kind != N_BoolOp && n->kind != N_IfExp && n->kind != N_Lambda && n->kind != N_NamedExpr &&
         !(n->kind == N_UnaryOp && n->u.unary.op == UN_NOT);
}

static bool at_assign(const Parser *p) { return parse_at(p, T_EQUAL) || parse_at(p, T_COLONEQUAL); }

/* "x = y" where only an expression may stand. */
static void check_name_equals(Parser *p, Mark start) {
  Mark after = parse_mark(p);
  parse_back(p, start);
  if (parse_at(p, T_NAME) && parse_peek(p) == T_EQUAL) {
    Node *a = parse_atom(p);
    parse_next(p);
    Node *b = a ? parse_bitwise_or(p) : NULL;
    if (b && !at_assign(p)) parse_error_range(p, a, b, "invalid syntax. Maybe you meant '==' or ':=' instead of '='?");
  }
  if (!p->failed) parse_back(p, after);
}

/* "f() = y" where only an expression may stand. */
static void check_expr_equals(Parser *p, Mark start, const Node *e) {
  TokenKind k = (TokenKind)p->toks.items[start.pos].kind;
  if (!parse_at(p, T_EQUAL) || !is_bitwise_or(e) || k == T_TRUE || k == T_FALSE || k == T_NONE) return;
  const Node *l = leftmost(e);
  bool display = l->kind == N_List || l->kind == N_Tuple || l->kind == N_GeneratorExp;
  if (display && parse_node_offset(p, l) == p->toks.items[start.pos].start) return;
  Mark after = parse_mark(p);
  parse_next(p);
  Node *b = parse_bitwise_or(p);
  if (b && !at_assign(p)) parse_error_node(p, e, "cannot assign to %s here. Maybe you meant '==' instead of '='?", parse_expr_name(e));
  if (!p->failed) parse_back(p, after);
}

/* Second pass, after the expression e that began at start. False: an error was raised. */
COLD bool parse_check_named(Parser *p, Mark start, Node *e) {
  if (parse_at(p, T_COLONEQUAL)) {
    Mark after = parse_mark(p);
    parse_next(p);
    Node *value = parse_expression(p);
    if (value) parse_error_node(p, e, "cannot use assignment expressions with %s", parse_expr_name(e));
    if (p->failed) return false;
    parse_back(p, after);
  }
  check_name_equals(p, start);
  if (!p->failed) check_expr_equals(p, start, e);
  return !p->failed;
}

/* named_expression: assignment_expression | expression !':=' */
Node *parse_named_expression(Parser *p) {
  if (parse_at(p, T_NAME) && parse_peek(p) == T_COLONEQUAL) return assignment_expression(p);
  Mark start = parse_mark(p);
  Node *e = parse_expression(p);
  if (!e || (p->errors && !parse_check_named(p, start, e))) return NULL;
  return parse_at(p, T_COLONEQUAL) ? NULL : e;
}

static Node *starred(Parser *p) {
  Node *n = parse_node(p, N_Starred, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  n->u.ret.value = parse_bitwise_or(p);
  return n->u.ret.value ? parse_end(p, n) : NULL;
}

/* star_expression: '*' bitwise_or | expression */
Node *parse_star_expression(Parser *p) { return parse_at(p, T_STAR) ? starred(p) : parse_expression(p); }

/* star_named_expression: '*' bitwise_or | named_expression */
Node *parse_star_named_expression(Parser *p) { return parse_at(p, T_STAR) ? starred(p) : parse_named_expression(p); }

Node *parse_tuple_of(Parser *p, Node *(*item)(Parser *)) {
  Pos at = parse_here(p); /* a first item in parentheses begins before its node */
  Node *first = item(p);
  if (!first || !parse_at(p, T_COMMA)) return first;
  size_t from = p->top;
  if (!parse_push(p, first)) return NULL;
  while (parse_accept(p, T_COMMA)) {
    Mark after = parse_mark(p);
    Node *next = item(p);
    if (!next) {
      if (p->failed) return NULL;
      parse_back(p, after);
      break;
    }
    if (!parse_push(p, next)) return NULL;
  }
  Node *n = parse_node(p, N_Tuple, at);
  if (!n) return NULL;
  n->u.seq.elts = parse_take(p, from);
  return parse_end(p, n);
}

/* star_expressions: star_expression (',' star_expression)+ [','] | star_expression ',' | star_expression */
Node *parse_star_expressions(Parser *p) { return parse_tuple_of(p, parse_star_expression); }

/* expressions: expression (',' expression)+ [','] | expression ',' | expression */
Node *parse_expressions(Parser *p) { return parse_tuple_of(p, parse_expression); }

/* yield_expr: 'yield' 'from' expression | 'yield' [star_expressions] */
Node *parse_yield(Parser *p) {
  Pos at = parse_here(p);
  parse_next(p);
  Mark after = parse_mark(p);
  if (parse_accept(p, T_FROM)) {
    Node *from = parse_node(p, N_YieldFrom, at);
    if (!from) return NULL;
    from->u.ret.value = parse_expression(p);
    if (from->u.ret.value || p->failed) return from->u.ret.value ? parse_end(p, from) : NULL;
    parse_back(p, after);
  }
  Node *n = parse_node(p, N_Yield, at);
  if (!n) return NULL;
  n->u.ret.value = parse_star_expressions(p);
  if (p->failed) return NULL;
  if (!n->u.ret.value) parse_back(p, after);
  return parse_end(p, n);
}

Node *parse_yield_or_star(Parser *p) { return parse_at(p, T_YIELD) ? parse_yield(p) : parse_star_expressions(p); }
