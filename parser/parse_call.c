/* Primaries: attribute references, subscriptions with their slices, calls with their arguments, await (reference, 6.3 and 6.4). */
#include "parser/parse_int.h"

/* ---- arguments of a call ---- */

typedef struct Arguments {
  size_t from;            /* stack: positional and keyword arguments mixed */
  bool keyword_seen, double_star_seen;
  Node *first;            /* for error ranges */
  uint32_t start;
} Arguments;

/* invalid_kwarg, after the expression a when '=' follows. */
static void check_keyword(Parser *p, const Token *first, const Node *a) {
  const Token *equal = parse_tok(p);
  if (!p->errors) return;
  if (first->kind == T_TRUE || first->kind == T_FALSE || first->kind == T_NONE) {
    if (p->toks.items[p->pos - 1].start == first->start) {
      parse_error_span(p, first->start, equal->end, "cannot assign to %s", token_texts[first->kind]);
      return;
    }
  }
  parse_error_span(p, parse_node_offset(p, a), equal->end, "expression cannot contain assignment, perhaps you meant \"==\"?");
}

/* NAME '=' expression for_if_clauses */
static void check_keyword_comprehension(Parser *p, uint32_t name_start, uint32_t equal_end) {
  if (!p->errors || !parse_at_for(p)) return;
  Mark m = parse_mark(p);
  NodeList clauses;
  if (parse_comprehensions(p, &clauses))
    parse_error_span(p, name_start, equal_end, "invalid syntax. Maybe you meant '==' or ':=' instead of '='?");
  if (!p->failed) parse_back(p, m);
}

/* NAME '=' expression, or '**' expression with no name */
static Node *keyword(Parser *p) {
  Node *n = parse_node(p, N_Keyword, parse_here(p));
  if (!n) return NULL;
  const uint32_t start = parse_tok(p)->start;
  uint32_t equal_end = 0;
  if (!parse_accept(p, T_DOUBLESTAR)) {
    n->u.keyword.name = parse_name(p);
    if (!n->u.keyword.name) return NULL;
    equal_end = parse_tok(p)->end;
    parse_next(p);
  }
  n->u.keyword.value = parse_expression(p);
  if (!n->u.keyword.value) return NULL;
  if (n->u.keyword.name) check_keyword_comprehension(p, start, equal_end);
  return p->failed ? NULL : parse_end(p, n);
}

static Node *starred(Parser *p) {
  Node *n = parse_node(p, N_Starred, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  n->u.ret.value = parse_expression(p);
  return n->u.ret.value ? parse_end(p, n) : NULL;
}

/* assignment_expression | expression !':=', not followed by '=' */
static Node *positional(Parser *p) {
  const Token first = *parse_tok(p);
  bool walrus = first.kind == T_NAME && parse_peek(p) == T_COLONEQUAL;
  Node *e = walrus ? parse_named_expression(p) : parse_expression(p);
  if (!e || parse_at(p, T_COLONEQUAL)) return NULL;
  if (!parse_at(p, T_EQUAL)) return e;
  if (!walrus) check_keyword(p, &first, e);
  return NULL;
}

/* A generator expression without parentheses beside other arguments; e is its element. alone: no argument before it. */
static void check_bare_genexp(Parser *p, const Node *e, bool alone) {
  if (!p->errors || !parse_at_for(p)) return;
  Mark m = parse_mark(p);
  NodeList clauses;
  if (parse_comprehensions(p, &clauses) && (!alone || parse_at(p, T_COMMA))) {
    uint32_t end = p->toks.items[p->pos - 1].end;
    parse_error_span(p, parse_node_offset(p, e), end, "Generator expression must be parenthesized");
  }
  if (!p->failed) parse_back(p, m);
}

/* A positional argument where none may stand, just read. The error points behind all arguments that follow. */
static void check_order(Parser *p, const Arguments *a) {
  if (!p->errors) return;
  NodeList args, keywords;
  if (parse_accept(p, T_COMMA) && !parse_arguments(p, &args, &keywords)) return;
  parse_error(p, a->double_star_seen ? "positional argument follows keyword argument unpacking" : "positional argument follows keyword argument");
}

/* One argument, pushed. False: none here. */
static bool argument(Parser *p, Arguments *a) {
  Node *n;
  if (parse_at(p, T_STAR)) {
    Mark m = parse_mark(p);
    n = a->double_star_seen ? NULL : starred(p);
    if (!n && p->errors && !p->failed && m.top > a->from) { /* args ',' '*' whatever else is wrong with it */
      parse_back(p, m);
      parse_error_span(p, a->start, p->toks.items[p->pos - 2].end, "iterable argument unpacking follows keyword argument unpacking");
    }
  } else if (parse_at(p, T_DOUBLESTAR)) {
    n = keyword(p);
    a->keyword_seen = a->double_star_seen = true;
  } else if (parse_at(p, T_NAME) && parse_peek(p) == T_EQUAL) {
    n = keyword(p);
    a->keyword_seen = true;
  } else if (a->keyword_seen && !p->errors) { /* NAME '=' is all that is looked for */
    if (parse_at(p, T_NAME)) parse_next(p);
    return false;
  } else {
    n = positional(p);
    if (n && p->errors) check_bare_genexp(p, n, p->top == a->from);
    if (n && !p->failed && a->keyword_seen) {
      check_order(p, a);
      return false;
    }
  }
  return n && !p->failed && parse_push(p, n);
}

/* Splits what was pushed into positional arguments and keywords. */
static bool split_arguments(Parser *p, size_t from, NodeList *args, NodeList *keywords) {
  size_t total = p->top - from;
  Node **all = total ? arena_alloc(p->arena, total * sizeof *all) : NULL;
  if (total && !all) {
    parse_fail_memory(p);
    return false;
  }
  int n_args = 0, n_keywords = 0;
  for (size_t i = from; i < p->top; i++)
    if (p->stack[i]->kind != N_Keyword) all[n_args++] = p->stack[i];
  for (size_t i = from; i < p->top; i++)
    if (p->stack[i]->kind == N_Keyword) all[n_args + n_keywords++] = p->stack[i];
  p->top = from;
  *args = (NodeList){all, n_args};
  *keywords = (NodeList){all ? all + n_args : NULL, n_keywords};
  return true;
}

/* arguments: args [','] &')'
   args: ','.(starred_expression | (assignment_expression | expression !':=') !'=')+ [',' kwargs] | kwargs
   kwargs: NAME '=' expression and '*' expression, then NAME '=' expression and '**' expression */
bool parse_arguments(Parser *p, NodeList *args, NodeList *keywords) {
  Arguments a = {.from = p->top, .start = parse_tok(p)->start};
  if (!parse_at(p, T_RPAR)) {
    for (;;) {
      Mark m = parse_mark(p);
      if (!argument(p, &a)) {
        if (p->failed) return false;
        parse_back(p, m);
        break;
      }
      if (!parse_accept(p, T_COMMA)) break;
    }
  }
  return split_arguments(p, a.from, args, keywords);
}

/* primary genexp | primary '(' [arguments] ')' */
static NOINLINE Node *call(Parser *p, Node *func) {
  Node *n = parse_node(p, N_Call, parse_start(func));
  Pos open = parse_here(p);
  if (!n) return NULL;
  n->u.call.func = func;
  parse_next(p);
  if (!parse_arguments(p, &n->u.call.args, &n->u.call.keywords)) return NULL;
  bool lone = n->u.call.args.n == 1 && n->u.call.keywords.n == 0 && p->toks.items[p->pos - 1].kind != T_COMMA;
  if (lone && parse_at_for(p)) {
    if (n->u.call.args.items[0]->kind == N_Starred) return parse_check_starred(p, n->u.call.args.items[0]);
    Node *g = parse_node(p, N_GeneratorExp, open);
    if (!g || !parse_comprehensions(p, &g->u.comp.generators) || !parse_accept(p, T_RPAR)) return NULL;
    g->u.comp.elt = n->u.call.args.items[0];
    n->u.call.args.items[0] = parse_end(p, g);
    return parse_end(p, n);
  }
  return parse_accept(p, T_RPAR) ? parse_end(p, n) : NULL;
}

/* ---- subscriptions ---- */

/* slice: [expression] ':' [expression] [':' [expression]] | named_expression */
static Node *slice(Parser *p) {
  Pos at = parse_here(p);
  Node *lower = NULL;
  Mark start = parse_mark(p);
  if (!parse_at(p, T_COLON)) {
    if (parse_at(p, T_NAME) && parse_peek(p) == T_COLONEQUAL) return parse_named_expression(p);
    lower = parse_expression(p);
    if (!lower) return NULL;
    if (!parse_at(p, T_COLON)) {
      if (p->errors && !parse_check_named(p, start, lower)) return NULL;
      return parse_at(p, T_COLONEQUAL) ? NULL : lower;
    }
  }
  Node *n = parse_node(p, N_Slice, at);
  if (!n) return NULL;
  n->u.slice.lower = lower;
  Node **parts[2] = {&n->u.slice.upper, &n->u.slice.step};
  for (int i = 0; i < 2 && parse_accept(p, T_COLON); i++) {
    Mark m = parse_mark(p);
    *parts[i] = parse_expression(p);
    if (p->failed) return NULL;
    if (!*parts[i]) parse_back(p, m);
  }
  return parse_end(p, n);
}

static Node *slice_or_starred(Parser *p) { return parse_at(p, T_STAR) ? starred(p) : slice(p); }

/* slices: slice !',' | ','.(slice | starred_expression)+ [','] */
Node *parse_slices(Parser *p) {
  Pos at = parse_here(p);
  Node *n = parse_tuple_of(p, slice_or_starred);
  if (!n || n->kind != N_Starred) return n;
  Node *tuple = parse_node(p, N_Tuple, at); /* a[*b]: a tuple of one (PEP 646) */
  if (!tuple || !parse_push(p, n)) return NULL;
  tuple->u.seq.elts = parse_take(p, p->top - 1);
  return parse_end(p, tuple);
}

static NOINLINE Node *subscript(Parser *p, Node *value) {
  Node *n = parse_node(p, N_Subscript, parse_start(value));
  if (!n) return NULL;
  n->u.subscript.value = value;
  parse_next(p);
  n->u.subscript.slice = parse_slices(p);
  return n->u.subscript.slice && parse_accept(p, T_RSQB) ? parse_end(p, n) : NULL;
}

static NOINLINE Node *attribute(Parser *p, Node *value) {
  Node *n = parse_node(p, N_Attribute, parse_start(value));
  if (!n) return NULL;
  n->u.attribute.value = value;
  parse_next(p);
  Pos at = parse_here(p);
  n->u.attribute.attr_line = at.line;
  n->u.attribute.attr_col = at.col;
  n->u.attribute.attr = parse_name(p);
  return n->u.attribute.attr ? parse_end(p, n) : NULL;
}

/* primary: primary '.' NAME | primary genexp | primary '(' [arguments] ')' | primary '[' slices ']' | atom
   A parenthesized atom begins at its bracket, which its node does not show; so the position is kept. */
Node *parse_primary(Parser *p) {
  Pos at = parse_here(p);
  Node *x = parse_atom(p);
  while (x) {
    Mark m = parse_mark(p);
    Node *longer;
    switch (parse_kind(p)) {
      case T_DOT: longer = attribute(p, x); break;
      case T_LPAR: longer = call(p, x); break;
      case T_LSQB: longer = subscript(p, x); break;
      default: return x;
    }
    if (!longer) {
      if (p->failed) return NULL;
      parse_back(p, m);
      return x;
    }
    longer->line = at.line;
    longer->col = at.col;
    x = longer;
  }
  return NULL;
}

/* await_primary: 'await' primary | primary */
Node *parse_await_primary(Parser *p) {
  if (!parse_at(p, T_AWAIT)) return parse_primary(p);
  Node *n = parse_node(p, N_Await, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  n->u.ret.value = parse_primary(p);
  return n->u.ret.value ? parse_end(p, n) : NULL;
}
