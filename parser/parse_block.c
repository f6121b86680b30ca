/* Compound statements and blocks (reference, chapter 8), match excepted. */
#include "parser/parse_int.h"

#include <string.h>

/* ---- blocks ---- */

/* statement: compound_stmt | simple_stmts */
bool parse_statement(Parser *p) {
  Mark m = parse_mark(p);
  Node *n = parse_compound(p);
  if (n) return parse_push(p, n);
  if (p->failed) return false;
  parse_back(p, m);
  return parse_simple_statements(p);
}

/* block: NEWLINE INDENT statements DEDENT | simple_stmts */
bool parse_block(Parser *p, NodeList *out, const char *after, int line) {
  size_t from = p->top;
  if (!parse_accept(p, T_NEWLINE)) {
    if (!parse_simple_statements(p)) return false;
  } else {
    if (!parse_at(p, T_INDENT)) {
      if (p->errors) parse_error_kind(p, SYNTAX_INDENTATION, "expected an indented block after %s on line %d", after, line);
      return false;
    }
    parse_next(p);
    do {
      if (!parse_statement(p)) return false;
    } while (!parse_at(p, T_DEDENT) && !parse_at(p, T_END));
    if (!parse_accept(p, T_DEDENT)) return false;
  }
  *out = parse_take(p, from);
  return !p->failed;
}

/* The ':' of a header; without it, at the end of the line, the second pass says so. */
bool parse_colon(Parser *p) {
  if (parse_accept(p, T_COLON)) return true;
  if (p->errors && parse_at(p, T_NEWLINE)) parse_error(p, "expected ':'");
  return false;
}

/* else_block: 'else' &&':' block. An absent one is no failure. */
static bool else_block(Parser *p, NodeList *out) {
  if (!parse_at(p, T_ELSE)) return true;
  int line = parse_tok(p)->line;
  parse_next(p);
  return parse_force(p, T_COLON) && parse_block(p, out, "'else' statement", line);
}

/* ---- if, while, for ---- */

/* if_stmt: 'if' named_expression ':' block (elif_stmt | [else_block])
   elif_stmt: 'elif' named_expression ':' block (elif_stmt | [else_block])
   Each elif is an If alone in the orelse of the one before. */
static Node *if_(Parser *p) {
  Node *first = NULL, *last = NULL;
  do {
    bool elif = parse_at(p, T_ELIF);
    Node *n = parse_node(p, N_If, parse_here(p));
    if (!n) return NULL;
    parse_next(p);
    n->u.branch.test = parse_named_expression(p);
    if (!n->u.branch.test || !parse_colon(p) || !parse_block(p, &n->u.branch.body, elif ? "'elif' statement" : "'if' statement", n->line)) return NULL;
    if (!first) {
      first = n;
    } else {
      size_t from = p->top;
      if (!parse_push(p, n)) return NULL;
      last->u.branch.orelse = parse_take(p, from);
    }
    last = n;
  } while (parse_at(p, T_ELIF) && !p->failed);
  if (p->failed || !else_block(p, &last->u.branch.orelse)) return NULL;
  parse_end_block(p, last);
  for (Node *n = first; n != last; n = n->u.branch.orelse.items[0]) {
    n->end_line = last->end_line;
    n->end_col = last->end_col;
  }
  return first;
}

/* while_stmt: 'while' named_expression ':' block [else_block] */
static Node *while_(Parser *p) {
  Node *n = parse_node(p, N_While, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  n->u.branch.test = parse_named_expression(p);
  if (!n->u.branch.test || !parse_colon(p) || !parse_block(p, &n->u.branch.body, "'while' statement", n->line)) return NULL;
  if (!else_block(p, &n->u.branch.orelse)) return NULL;
  return parse_end_block(p, n);
}

/* for_stmt: ['async'] 'for' star_targets 'in' ~ star_expressions ':' block [else_block] */
static Node *for_(Parser *p, bool async, Pos at) {
  Node *n = parse_node(p, async ? N_AsyncFor : N_For, at);
  if (!n) return NULL;
  int line = parse_tok(p)->line;
  parse_next(p);
  Mark start = parse_mark(p);
  n->u.forloop.target = parse_star_targets(p);
  if (!n->u.forloop.target || !parse_accept(p, T_IN)) {
    if (!p->failed) parse_check_for_target(p, start);
    return NULL;
  }
  n->u.forloop.iter = parse_star_expressions(p);
  if (!n->u.forloop.iter || !parse_colon(p) || !parse_block(p, &n->u.forloop.body, "'for' statement", line)) return NULL;
  if (!else_block(p, &n->u.forloop.orelse)) return NULL;
  return parse_end_block(p, n);
}

/* ---- with ---- */

/* with_item: expression 'as' star_target &(',' | ')' | ':') | expression */
static Node *with_item(Parser *p) {
  Node *n = parse_node(p, N_WithItem, parse_here(p));
  if (!n) return NULL;
  n->u.withitem.context = parse_expression(p);
  if (!n->u.withitem.context) return NULL;
  Mark m = parse_mark(p);
  if (!parse_accept(p, T_AS)) return n;
  Mark start = parse_mark(p);
  n->u.withitem.vars = parse_star_target(p);
  if (n->u.withitem.vars && (parse_at(p, T_COMMA) || parse_at(p, T_RPAR) || parse_at(p, T_COLON))) return n;
  if (p->failed) return NULL;
  if (p->errors) {
    parse_back(p, start);
    Node *e = parse_expression(p);
    if (e && (parse_at(p, T_COMMA) || parse_at(p, T_RPAR) || parse_at(p, T_COLON))) parse_error_target(p, e, TARGET_STAR);
    if (p->failed) return NULL;
  }
  /* the second pass also knows `with a as b` NEWLINE, a forgotten colon */
  bool keep = p->errors && n->u.withitem.vars;
  if (keep) {
    parse_back(p, start);
    parse_star_target(p);
    if (parse_at(p, T_NEWLINE)) return n;
  }
  n->u.withitem.vars = NULL;
  parse_back(p, m);
  return n;
}

/* ','.with_item+, pushed; in parentheses a last comma is allowed. False: none, or failed. */
static bool with_items(Parser *p, bool parens) {
  size_t from = p->top;
  for (;;) {
    Mark m = parse_mark(p);
    Node *item = with_item(p);
    if (p->failed) return false;
    if (!item) {
      parse_back(p, m);
      return parens && p->top > from;
    }
    if (!parse_push(p, item)) return false;
    Mark after = parse_mark(p);
    if (!parse_accept(p, T_COMMA)) return true;
    if (!parens && (parse_at(p, T_COLON) || parse_at(p, T_NEWLINE))) {
      parse_back(p, after);
      return true;
    }
  }
}

/* '(' ','.with_item+ [','] ')' ':', pushed. False: it is not that, cursor moved. */
static bool with_parens(Parser *p) {
  if (!parse_accept(p, T_LPAR) || !with_items(p, true) || !parse_accept(p, T_RPAR)) return false;
  if (parse_at(p, T_COLON)) return true;
  parse_colon(p);
  return false;
}

/* with_stmt: ['async'] 'with' '(' ','.with_item+ [','] ')' ':' block | ['async'] 'with' ','.with_item+ ':' block
   What begins with a bracket may be either; the first form is tried first, and that is the one retry. */
static Node *with(Parser *p, bool async, Pos at) {
  Node *n = parse_node(p, async ? N_AsyncWith : N_With, at);
  if (!n) return NULL;
  int line = parse_tok(p)->line;
  parse_next(p);
  Mark m = parse_mark(p);
  if (!with_parens(p)) {
    if (p->failed) return NULL;
    parse_back(p, m);
    if (!with_items(p, false)) return NULL;
  }
  if (!parse_colon(p)) return NULL;
  n->u.with.items = parse_take(p, m.top);
  if (!parse_block(p, &n->u.with.body, "'with' statement", line)) return NULL;
  return parse_end_block(p, n);
}

/* ---- try ---- */

/* 'except' '*'? a ',' b ... ':' without parentheses; the cursor stands at the comma */
static void check_bare_types(Parser *p, const Node *a) {
  Mark m = parse_mark(p);
  parse_next(p);
  if (parse_expressions(p)) {
    if (parse_at(p, T_AS) && parse_peek(p) == T_NAME) {
      parse_next(p);
      parse_next(p);
    }
    if (parse_at(p, T_COLON))
      parse_error_span(p, parse_node_offset(p, a), parse_tok(p)->end - 1, "multiple exception types must be parenthesized");
  }
  if (!p->failed) parse_back(p, m);
}

/* [expression ['as' NAME]] ':' */
static bool except_header(Parser *p, Node *n, bool star) {
  if (!star && parse_accept(p, T_COLON)) return true;
  if (star && p->errors && (parse_at(p, T_COLON) || parse_at(p, T_NEWLINE))) {
    parse_error(p, "expected one or more exception types");
    return false;
  }
  if (!star && parse_at(p, T_NEWLINE)) return parse_colon(p);
  n->u.handler.type = parse_expression(p);
  if (!n->u.handler.type) return false;
  if (p->errors && parse_at(p, T_COMMA)) check_bare_types(p, n->u.handler.type);
  if (p->failed) return false;
  if (parse_accept(p, T_AS) && !(n->u.handler.name = parse_name(p))) return false;
  return parse_colon(p);
}

/* except_block: 'except' expression ['as' NAME] ':' block | 'except' ':' block
   except_star_block: 'except' '*' expression ['as' NAME] ':' block (PEP 654) */
static Node *except_block(Parser *p, bool star) {
  Node *n = parse_node(p, N_ExceptHandler, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  if (star) parse_next(p);
  if (!except_header(p, n, star)) return NULL;
  if (!parse_block(p, &n->u.handler.body, star ? "'except*' statement" : "'except' statement", n->line)) return NULL;
  return parse_end_block(p, n);
}

/* A handler of the other sort among handlers. */
static void check_mixed(Parser *p, bool star) {
  if (!p->errors || !parse_at(p, T_EXCEPT) || (parse_peek(p) == T_STAR) == star) return;
  const Token *a = parse_tok(p), *b = star ? a : a + 1;
  parse_error_span(p, a->start, b->end, "cannot have both 'except' and 'except*' on the same 'try'");
}

/* except_block+ | except_star_block+ */
static bool handlers(Parser *p, Node *n, bool star) {
  size_t from = p->top;
  while (parse_at(p, T_EXCEPT) && (parse_peek(p) == T_STAR) == star) {
    Node *handler = except_block(p, star);
    if (!handler || !parse_push(p, handler)) return false;
  }
  n->u.try_.handlers = parse_take(p, from);
  check_mixed(p, star);
  return !p->failed;
}

/* finally_block: 'finally' &&':' block */
static bool finally_block(Parser *p, NodeList *out) {
  int line = parse_tok(p)->line;
  if (!parse_accept(p, T_FINALLY)) return true;
  return parse_force(p, T_COLON) && parse_block(p, out, "'finally' statement", line);
}

/* try_stmt: 'try' &&':' block finally_block
           | 'try' &&':' block except_block+ [else_block] [finally_block]
           | 'try' &&':' block except_star_block+ [else_block] [finally_block] */
static Node *try_(Parser *p) {
  Pos at = parse_here(p);
  parse_next(p);
  Node *n = parse_node(p, N_Try, at);
  if (!n || !parse_force(p, T_COLON)) return NULL;
  size_t body = p->pos;
  if (!parse_block(p, &n->u.try_.body, "'try' statement", at.line)) {
    if (p->errors && !p->failed && p->pos == body && parse_at(p, T_EXCEPT)) handlers(p, n, parse_peek(p) == T_STAR); /* for the mistakes in there */
    return NULL;
  }
  if (!parse_at(p, T_EXCEPT) && !parse_at(p, T_FINALLY)) return p->errors ? parse_error(p, "expected 'except' or 'finally' block") : NULL;
  if (parse_at(p, T_EXCEPT)) {
    bool star = parse_peek(p) == T_STAR;
    if (star) n->kind = N_TryStar;
    if (!handlers(p, n, star) || !else_block(p, &n->u.try_.orelse)) return NULL;
  }
  if (!finally_block(p, &n->u.try_.finalbody)) return NULL;
  return parse_end_block(p, n);
}

/* ---- def, class, decorators ---- */

/* function_def_raw: ['async'] 'def' NAME &&'(' [params] ')' ['->' expression] &&':' block */
static Node *def(Parser *p, bool async, Pos at, NodeList decorators) {
  Node *n = parse_node(p, async ? N_AsyncFunctionDef : N_FunctionDef, at);
  if (!n) return NULL;
  int line = parse_tok(p)->line;
  parse_next(p);
  n->u.func.decorators = decorators;
  n->u.func.name = parse_name(p);
  if (!n->u.func.name || !parse_force(p, T_LPAR)) return NULL;
  n->u.func.args = parse_params(p, false);
  if (!n->u.func.args || !parse_accept(p, T_RPAR)) return NULL;
  Mark m = parse_mark(p);
  if (parse_accept(p, T_ARROW)) {
    n->u.func.returns = parse_expression(p);
    if (p->failed) return NULL;
    if (!n->u.func.returns) parse_back(p, m);
  }
  if (!parse_force(p, T_COLON) || !parse_block(p, &n->u.func.body, "function definition", line)) return NULL;
  return parse_end_block(p, n);
}

/* class_def_raw: 'class' NAME ['(' [arguments] ')'] ':' block */
static Node *class_(Parser *p, NodeList decorators) {
  Node *n = parse_node(p, N_ClassDef, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  n->u.cls.decorators = decorators;
  n->u.cls.name = parse_name(p);
  if (!n->u.cls.name) return NULL;
  Mark m = parse_mark(p);
  if (parse_accept(p, T_LPAR)) {
    bool ok = parse_arguments(p, &n->u.cls.bases, &n->u.cls.keywords) && parse_accept(p, T_RPAR);
    if (p->failed) return NULL;
    if (!ok) parse_back(p, m);
  }
  if (!parse_colon(p) || !parse_block(p, &n->u.cls.body, "class definition", n->line)) return NULL;
  return parse_end_block(p, n);
}


/* decorators: ('@' named_expression NEWLINE)+, then a def or class */
static Node *decorated(Parser *p) {
  size_t from = p->top;
  while (parse_accept(p, T_AT)) {
    Node *n = parse_named_expression(p);
    if (!n || !parse_accept(p, T_NEWLINE) || !parse_push(p, n)) return NULL;
  }
  NodeList decorators = parse_take(p, from);
  if (p->failed) return NULL;
  if (parse_at(p, T_CLASS)) return class_(p, decorators);
  Pos at = parse_here(p);
  bool async = parse_accept(p, T_ASYNC);
  return parse_at(p, T_DEF) ? def(p, async, at, decorators) : NULL;
}

static Node *async_statement(Parser *p) {
  Pos at = parse_here(p);
  TokenKind k = parse_peek(p);
  parse_next(p);
  if (k == T_DEF) return def(p, true, at, (NodeList){NULL, 0});
  if (k == T_WITH) return with(p, true, at);
  return k == T_FOR ? for_(p, true, at) : NULL;
}

/* compound_stmt: function_def | if_stmt | class_def | with_stmt | for_stmt | try_stmt | while_stmt | match_stmt */
Node *parse_compound(Parser *p) {
  NodeList none = {NULL, 0};
  switch (parse_kind(p)) {
    case T_IF: return if_(p);
    case T_FOR: return for_(p, false, parse_here(p));
    case T_WHILE: return while_(p);
    case T_DEF: return def(p, false, parse_here(p), none);
    case T_CLASS: return class_(p, none);
    case T_TRY: return try_(p);
    case T_WITH: return with(p, false, parse_here(p));
    case T_AT: return decorated(p);
    case T_ASYNC: return async_statement(p);
    case T_NAME: return parse_at_word(p, "match") ? parse_match(p) : NULL;
    default: return NULL;
  }
}
