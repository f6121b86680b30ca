/* Parameters of def and lambda (reference, 8.7; PEP 570 for '/', PEP 3102 for '*'). */
#include "parser/parse_int.h"

typedef struct Params {
  bool lambda;
  TokenKind close;       /* ')' or, of a lambda, ':' */
  size_t from;           /* stack: the positional parameters so far, each followed by its default (or NULL) */
  int n, n_posonly;
  bool default_seen, slash_seen, star_seen, bare_star;
  Token star;
  Node *vararg, *kwarg;
  size_t kw_from;        /* stack: the keyword-only ones, likewise */
} Params;

static bool at_param_end(const Parser *p, const Params *s) { return parse_at(p, T_COMMA) || parse_at(p, s->close); }

/* param: NAME [':' expression]; starred: after '*', where the annotation may be a star_expression (PEP 646) */
static Node *param(Parser *p, const Params *s, bool starred) {
  Node *n = parse_node(p, N_Arg, parse_here(p));
  if (!n || !(n->u.arg.name = parse_name(p))) return NULL;
  if (!s->lambda && parse_accept(p, T_COLON)) {
    n->u.arg.annotation = starred ? parse_star_expression(p) : parse_expression(p);
    if (!n->u.arg.annotation) return NULL;
  }
  return parse_end(p, n);
}

/* default: '=' expression. False: failed; *out NULL: none. */
static bool default_value(Parser *p, Node **out) {
  *out = NULL;
  if (!parse_at(p, T_EQUAL)) return true;
  const Token equal = *parse_tok(p);
  parse_next(p);
  if (p->errors && (parse_at(p, T_RPAR) || parse_at(p, T_COMMA))) parse_error_token(p, &equal, "expected default value expression");
  *out = p->failed ? NULL : parse_expression(p);
  return *out != NULL;
}

/* A plain parameter, with or without default. */
static bool plain_param(Parser *p, Params *s) {
  Node *value, *n = param(p, s, false);
  if (!n || !default_value(p, &value) || !at_param_end(p, s)) return false;
  if (!s->star_seen) {
    if (!value && s->default_seen) {
      if (p->errors) parse_error_node(p, n, "non-default argument follows default argument");
      return false;
    }
    s->default_seen = s->default_seen || value;
    s->n++;
  }
  s->bare_star = false;
  return parse_push(p, n) && parse_push(p, value);
}

/* "def f((a, b))" (PEP 3113) */
static void check_parenthesized(Parser *p, const Params *s) {
  if (!p->errors || s->default_seen || s->star_seen || s->slash_seen) return;
  Mark m = parse_mark(p);
  uint32_t start = parse_tok(p)->start;
  parse_next(p);
  int count = 0;
  Params inner = {.lambda = s->lambda, .close = T_RPAR};
  while (parse_at(p, T_NAME) && param(p, &inner, false) && (parse_at(p, T_COMMA) || parse_at(p, T_RPAR))) {
    count++;
    if (!parse_accept(p, T_COMMA)) break;
  }
  if (!p->failed && count && parse_at(p, T_RPAR))
    parse_error_span(p, start, parse_tok(p)->end, s->lambda ? "Lambda expression parameters cannot be parenthesized" : "Function parameters cannot be parenthesized");
  if (!p->failed) parse_back(p, m);
}

/* '/' */
static bool slash(Parser *p, Params *s) {
  const Token *t = parse_tok(p);
  const char *why = s->slash_seen ? "/ may appear only once" : s->star_seen ? "/ must be ahead of *" : s->n == 0 ? "at least one argument must precede /" : NULL;
  if (why) {
    if (p->errors && (s->n || s->star_seen || parse_peek(p) == T_COMMA)) parse_error_token(p, t, "%s", why);
    return false;
  }
  s->slash_seen = true;
  s->n_posonly = s->n;
  parse_next(p);
  if (p->errors && parse_at(p, T_STAR)) parse_error_token(p, parse_tok(p), "expected comma between / and *");
  return !p->failed && at_param_end(p, s);
}

static void *bare_star_error(Parser *p, const Params *s) {
  if (!p->errors) return NULL;
  if (s->lambda) return parse_error(p, "named arguments must follow bare *");
  return parse_error_token(p, &s->star, "named arguments must follow bare *");
}

/* '*' (param_no_default | ',') for the second time */
static void check_second_star(Parser *p, const Params *s) {
  if (!p->errors) return;
  const Token t = *parse_tok(p);
  Mark m = parse_mark(p);
  parse_next(p);
  if (parse_at(p, T_COMMA) || (param(p, s, false) && at_param_end(p, s))) parse_error_token(p, &t, "* argument may appear only once");
  if (!p->failed) parse_back(p, m);
}

/* '*' ',' or '*' param */
static bool star(Parser *p, Params *s) {
  if (s->star_seen) {
    check_second_star(p, s);
    return false;
  }
  s->star = *parse_tok(p);
  s->star_seen = true;
  s->kw_from = p->top;
  parse_next(p);
  if (parse_at(p, T_COMMA)) {
    s->bare_star = true;
    return true;
  }
  if (parse_at(p, s->close)) {
    bare_star_error(p, s);
    return false;
  }
  s->vararg = param(p, s, true);
  if (s->vararg && p->errors && parse_at(p, T_EQUAL)) parse_error_token(p, parse_tok(p), "var-positional argument cannot have default value");
  return s->vararg && !p->failed && at_param_end(p, s);
}

/* '**' param [',']: the last */
static bool double_star(Parser *p, Params *s) {
  if (s->bare_star) {
    bare_star_error(p, s);
    return false;
  }
  parse_next(p);
  s->kwarg = param(p, s, false);
  if (!s->kwarg) return false;
  if (p->errors && parse_at(p, T_EQUAL)) parse_error_token(p, parse_tok(p), "var-keyword argument cannot have default value");
  if (p->failed || !parse_accept(p, T_COMMA)) return !p->failed;
  TokenKind k = parse_kind(p);
  if (p->errors && (k == T_STAR || k == T_DOUBLESTAR || k == T_SLASH))
    parse_error_token(p, parse_tok(p), "arguments cannot follow var-keyword argument");
  if (p->errors && k == T_NAME) {
    Mark m = parse_mark(p);
    Node *n = param(p, s, false);
    if (n) parse_error_node(p, n, "arguments cannot follow var-keyword argument");
    if (!p->failed) parse_back(p, m);
  }
  return !p->failed;
}

static bool one_param(Parser *p, Params *s) {
  switch (parse_kind(p)) {
    case T_NAME: return plain_param(p, s);
    case T_SLASH: return slash(p, s);
    case T_STAR: return star(p, s);
    case T_DOUBLESTAR: return double_star(p, s);
    case T_LPAR: check_parenthesized(p, s); return false;
    default: return false;
  }
}

/* Takes the (parameter, default) pairs at [from, to) apart into args[0..] and, unless defaults is NULL, the defaults; NULL ones only if keep_null. */
static void split(Parser *p, size_t from, size_t to, Node **args, Node **defaults, int *n_defaults, bool keep_null) {
  *n_defaults = 0;
  for (size_t i = from; i < to; i += 2) {
    args[(i - from) / 2] = p->stack[i];
    if (p->stack[i + 1] || keep_null) defaults[(*n_defaults)++] = p->stack[i + 1];
  }
}

static Node *finish(Parser *p, Params *s, Node *n) {
  size_t kw_from = s->star_seen ? s->kw_from : p->top;
  size_t n_pos = (kw_from - s->from) / 2, n_kw = (p->top - kw_from) / 2;
  Node **room = arena_alloc(p->arena, 2 * (n_pos + n_kw) * sizeof *room);
  if (!room) return parse_fail_memory(p);
  Node **pos = room, **kw = pos + n_pos, **defaults = kw + n_kw, **kw_defaults = defaults + n_pos;
  int n_defaults, n_kw_defaults;
  split(p, s->from, kw_from, pos, defaults, &n_defaults, false);
  split(p, kw_from, p->top, kw, kw_defaults, &n_kw_defaults, true);
  p->top = s->from;
  n->u.arguments.posonly = (NodeList){pos, s->n_posonly};
  n->u.arguments.args = (NodeList){pos + s->n_posonly, (int)n_pos - s->n_posonly};
  n->u.arguments.defaults = (NodeList){defaults, n_defaults};
  n->u.arguments.kwonly = (NodeList){kw, (int)n_kw};
  n->u.arguments.kw_defaults = (NodeList){kw_defaults, n_kw_defaults};
  n->u.arguments.vararg = s->vararg;
  n->u.arguments.kwarg = s->kwarg;
  return parse_end(p, n);
}

/* params, lambda_params: up to, not including, the ')' or ':'. Without any the result is an empty Arguments. */
Node *parse_params(Parser *p, bool lambda) {
  Params s = {.lambda = lambda, .close = lambda ? T_COLON : T_RPAR, .from = p->top};
  Node *n = parse_node(p, N_Arguments, parse_here(p));
  while (n && !parse_at(p, s.close) && !s.kwarg) {
    if (!one_param(p, &s)) return NULL;
    if (!s.kwarg && !parse_accept(p, T_COMMA)) break;
  }
  if (!n || p->failed) return NULL;
  if (s.bare_star) return bare_star_error(p, &s);
  return parse_at(p, s.close) ? finish(p, &s, n) : NULL;
}
