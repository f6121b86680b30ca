/* Atoms: names, numbers, constants, groups, displays and comprehensions (reference, 6.2). */
#include "parser/parse_int.h"

#include <string.h>

#include "lexer/literal.h"

/* ---- names and numbers ---- */

static NOINLINE Node *name(Parser *p) {
  Node *n = parse_node(p, N_Name, parse_here(p));
  if (!n || !(n->u.name.id = parse_identifier(p, parse_tok(p)))) return NULL;
  parse_next(p);
  return parse_end(p, n);
}

static Node *constant(Parser *p, ConstKind kind) {
  Node *n = parse_node(p, N_Constant, parse_here(p));
  if (!n) return NULL;
  n->u.constant.kind = (uint8_t)kind;
  parse_next(p);
  return parse_end(p, n);
}

static Node *too_long(Parser *p, const Token *t, size_t digits) {
  return parse_error_offsets(p, t->line, 0, t->end_line, 0,
                             "Exceeds the limit (%d digits) for integer string conversion: value has %zu digits; use sys.set_int_max_str_digits() to "
                             "increase the limit - Consider hexadecimal for huge integer literals to avoid decimal conversion limits.",
                             (int)LITERAL_MAX_DIGITS, digits);
}

Node *parse_number(Parser *p) {
  const Token *t = parse_tok(p);
  Number v = literal_number(p->arena, p->src.text + t->start, t->end - t->start);
  if (v.kind == NUM_NO_MEMORY) return parse_fail_memory(p);
  if (v.kind == NUM_TOO_LONG) return too_long(p, t, v.n_digits);
  Node *n = constant(p, v.kind == NUM_INT ? CONST_INT : v.kind == NUM_BIG ? CONST_BIGINT : v.kind == NUM_FLOAT ? CONST_FLOAT : CONST_COMPLEX);
  if (!n) return NULL;
  n->u.constant.d = v.d;
  n->u.constant.i = v.kind == NUM_BIG ? v.base : v.i;
  if (v.kind == NUM_BIG) {
    n->u.constant.s = v.digits;
    n->u.constant.len = v.n_digits;
  }
  return n;
}

/* ---- comprehensions ---- */

bool parse_at_for(Parser *p) {
  if (!parse_at(p, T_ASYNC)) return parse_at(p, T_FOR);
  if (p->far < p->pos + 1) p->far = p->pos + 1; /* one token further was looked at */
  return parse_peek(p) == T_FOR;
}

/* for_if_clause: ['async'] 'for' star_targets 'in' ~ disjunction ('if' disjunction)* */
static Node *for_if_clause(Parser *p) {
  Node *n = parse_node(p, N_Comprehension, parse_here(p));
  if (!n) return NULL;
  n->u.comprehension.is_async = parse_accept(p, T_ASYNC);
  parse_next(p);
  Mark start = parse_mark(p);
  n->u.comprehension.target = parse_star_targets(p);
  if (!n->u.comprehension.target || !parse_accept(p, T_IN)) {
    if (!p->failed) parse_check_for_target(p, start);
    return NULL;
  }
  n->u.comprehension.iter = parse_disjunction(p);
  if (!n->u.comprehension.iter) return NULL;
  size_t from = p->top;
  while (parse_at(p, T_IF)) {
    Mark m = parse_mark(p);
    parse_next(p);
    Node *test = parse_disjunction(p);
    if (p->failed) return NULL;
    if (!test) {
      parse_back(p, m);
      break;
    }
    if (!parse_push(p, test)) return NULL;
  }
  n->u.comprehension.ifs = parse_take(p, from);
  return parse_end(p, n);
}

/* for_if_clauses: for_if_clause+ */
bool parse_comprehensions(Parser *p, NodeList *out) {
  size_t from = p->top;
  while (parse_at_for(p)) {
    Mark m = parse_mark(p);
    Node *clause = for_if_clause(p);
    if (p->failed) return false;
    if (!clause) {
      parse_back(p, m);
      break;
    }
    if (!parse_push(p, clause)) return false;
  }
  *out = parse_take(p, from);
  return out->n > 0 && !p->failed;
}

/* The rest of a comprehension whose element has been read, to the closing bracket. */
static NOINLINE Node *comprehension(Parser *p, NodeKind kind, Pos open, Node *elt, Node *value, TokenKind close) {
  Node *n = parse_node(p, kind, open);
  if (!n || !parse_comprehensions(p, &n->u.comp.generators) || !parse_accept(p, close)) return NULL;
  n->u.comp.elt = elt;
  n->u.comp.value = value;
  return parse_end(p, n);
}

/* ---- second pass: mistakes in displays ---- */

/* [*a for ...], (*a for ...), {*a for ...} */
COLD void *parse_check_starred(Parser *p, const Node *first) {
  if (!p->errors || first->kind != N_Starred || parse_at(p, T_COMMA) || parse_at(p, T_RPAR) || parse_at(p, T_RSQB) || parse_at(p, T_RBRACE)) return NULL;
  Mark m = parse_mark(p);
  if (!parse_at_for(p)) { /* '*' expression: read for the mistakes in it */
    while (p->pos > 0 && parse_tok(p)->start > parse_node_offset(p, first)) p->pos--;
    parse_next(p);
    parse_expression(p);
    if (!p->failed) parse_back(p, m);
    return NULL;
  }
  NodeList clauses;
  if (parse_comprehensions(p, &clauses)) parse_error_node(p, first, "iterable unpacking cannot be used in comprehension");
  if (!p->failed) parse_back(p, m);
  return NULL;
}

/* [a, b for ...]: items from `from` on are on the stack, the cursor stands after them */
static void check_bare_target(Parser *p, size_t from) {
  if (!p->errors || !parse_at_for(p)) return;
  Mark m = parse_mark(p);
  const Node *first = p->stack[from], *last = p->stack[p->top - 1];
  bool lone_comma = first == last;
  uint32_t end = lone_comma ? p->toks.items[p->pos - 1].end : parse_node_end(p, last);
  NodeList clauses;
  if (parse_comprehensions(p, &clauses))
    parse_error_span(p, parse_node_offset(p, first), end, "did you forget parentheses around the comprehension target?");
  if (!p->failed) parse_back(p, m);
}

/* ---- groups and sequences ---- */

/* Pushes (',' star_named_expression)* [',']; the first item is on the stack already. False: failed. */
static bool more_items(Parser *p) {
  while (parse_accept(p, T_COMMA)) {
    Mark m = parse_mark(p);
    Node *item = parse_star_named_expression(p);
    if (p->failed) return false;
    if (!item) {
      parse_back(p, m);
      break;
    }
    if (!parse_push(p, item)) return false;
  }
  return true;
}

static Node *sequence(Parser *p, NodeKind kind, Pos open, Node *first, TokenKind close, bool target_error) {
  size_t from = p->top;
  if (first && (!parse_push(p, first) || !more_items(p))) return NULL;
  if (!parse_at(p, close)) {
    if (target_error && first && p->toks.items[p->pos].kind != T_ERROR) check_bare_target(p, from);
    return NULL;
  }
  Node *n = parse_node(p, kind, open);
  if (!n) return NULL;
  n->ctx = CTX_LOAD;
  n->parenthesized = kind == N_Tuple;
  n->u.seq.elts = parse_take(p, from);
  parse_next(p);
  return parse_end(p, n);
}

/* invalid_group: '(' '**' expression ')' */
static Node *double_starred_group(Parser *p, TokenKind close) {
  const Token *stars = parse_tok(p);
  uint32_t start = stars->start, end = stars->end;
  if (!p->errors || !parse_accept(p, T_DOUBLESTAR)) return NULL;
  Node *e = parse_expression(p);
  return e && parse_at(p, close) ? parse_error_span(p, start, end, "cannot use double starred expression here") : NULL;
}

/* tuple: '(' [star_named_expression ',' [star_named_expressions]] ')'
   group: '(' (yield_expr | named_expression) ')'
   genexp: '(' (assignment_expression | expression !':=') for_if_clauses ')'
   The cursor stands after the opening bracket. close is ')' or, in a field of an f-string, END. */
NOINLINE Node *parse_paren_body(Parser *p, Pos open, TokenKind close) {
  Node *first = NULL;
  if (parse_at(p, T_YIELD)) {
    first = parse_yield(p);
    if (!first || !parse_accept(p, close)) return NULL;
    first->parenthesized = true;
    return first;
  }
  if (!parse_at(p, close)) {
    first = parse_star_named_expression(p);
    if (!first) return p->failed ? NULL : double_starred_group(p, close);
  }
  if (!first || parse_at(p, T_COMMA)) return sequence(p, N_Tuple, open, first, close, false);
  if (first->kind == N_Starred) {
    parse_check_starred(p, first);
    if (p->errors && !p->failed && parse_at(p, close)) parse_error_node(p, first, "cannot use starred expression here");
    return NULL;
  }
  if (parse_at_for(p)) return comprehension(p, N_GeneratorExp, open, first, NULL, close);
  if (!parse_accept(p, close)) return NULL;
  first->parenthesized = true;
  return first;
}

/* list: '[' [star_named_expressions] ']'
   listcomp: '[' named_expression for_if_clauses ']' */
static NOINLINE Node *list(Parser *p) {
  Pos open = parse_here(p);
  parse_next(p);
  if (parse_at(p, T_RSQB)) return sequence(p, N_List, open, NULL, T_RSQB, false);
  Node *first = parse_star_named_expression(p);
  if (!first) return NULL;
  parse_check_starred(p, first);
  if (p->failed) return NULL;
  if (parse_at_for(p)) return first->kind == N_Starred ? NULL : comprehension(p, N_ListComp, open, first, NULL, T_RSQB);
  return sequence(p, N_List, open, first, T_RSQB, true);
}

/* ---- dicts and sets ---- */

/* expression ':' a='*' bitwise_or | expression a=':' &('}' | ','), after "expression" */
static void check_dict_value(Parser *p) {
  Mark m = parse_mark(p);
  const Token colon = *parse_tok(p);
  if (!parse_accept(p, T_COLON)) return;
  if (parse_at(p, T_STAR)) { /* this one is looked for in the first pass as well, as far as the place of "invalid syntax" goes */
    uint32_t start = parse_tok(p)->start;
    parse_next(p);
    if (parse_bitwise_or(p) && p->errors) { /* up to the furthest token */
      const Token *last = &p->toks.items[p->pos > p->far ? p->pos : p->far];
      parse_error_span(p, start, last->end - 1, "cannot use a starred expression in a dictionary value");
    }
  } else if (p->errors && (parse_at(p, T_RBRACE) || parse_at(p, T_COMMA))) {
    parse_error_token(p, &colon, "expression expected after dictionary key and ':'");
  }
  if (!p->failed) parse_back(p, m);
}

/* A dict item without ':'. */
static void *no_colon(Parser *p, const Node *key) {
  uint32_t end = source_line_start(&p->src, key->end_line) + (uint32_t)key->end_col;
  return parse_error_offsets(p, key->line, source_column(&p->src, key->end_line, end), key->end_line, 0, "':' expected after dictionary key");
}

/* A key after the first. CPython reads it without looking for mistakes as long as it is an expression. */
static Node *later_key(Parser *p) {
  bool errors = p->errors;
  Mark m = parse_mark(p);
  p->errors = false;
  Node *key = parse_expression(p);
  p->errors = errors;
  if (key || p->failed || !errors) return key;
  parse_back(p, m);
  return parse_expression(p);
}

/* kvpair: expression ':' expression, pushed as two items. key: read already, if it is the first. */
static bool key_value(Parser *p, Node *key) {
  bool later = !key;
  if (later && !(key = later_key(p))) return false;
  if (!parse_at(p, T_COLON)) {
    if (p->errors && later) no_colon(p, key);
    return false;
  }
  Mark colon = parse_mark(p);
  parse_next(p);
  Node *value = parse_expression(p);
  if (!value) {
    if (p->failed) return false;
    parse_back(p, colon);
    check_dict_value(p);
    return false;
  }
  return parse_push(p, key) && parse_push(p, value);
}

/* '{' '**' bitwise_or for_if_clauses '}' */
static void check_dict_comprehension(Parser *p, uint32_t start, uint32_t end) {
  if (!p->errors || !parse_at_for(p)) return;
  Mark m = parse_mark(p);
  NodeList clauses;
  if (parse_comprehensions(p, &clauses) && parse_at(p, T_RBRACE))
    parse_error_span(p, start, end, "dict unpacking cannot be used in dict comprehension");
  if (!p->failed) parse_back(p, m);
}

/* double_starred_kvpair: '**' bitwise_or | kvpair */
static bool dict_item(Parser *p, Node *key, bool later) {
  if (key || !parse_at(p, T_DOUBLESTAR)) return key_value(p, key);
  uint32_t start = parse_tok(p)->start, end = parse_tok(p)->end;
  parse_next(p);
  Node *mapping = parse_bitwise_or(p);
  if (!mapping) return false;
  if (!later) check_dict_comprehension(p, start, end);
  return !p->failed && parse_push(p, NULL) && parse_push(p, mapping);
}

static Node *finish_dict(Parser *p, Pos open, size_t from) {
  Node *n = parse_node(p, N_Dict, open);
  int count = (int)((p->top - from) / 2);
  Node **both = arena_alloc(p->arena, 2 * (size_t)count * sizeof *both);
  if (!n || !both) return parse_fail_memory(p);
  for (int i = 0; i < count; i++) {
    both[i] = p->stack[from + 2 * (size_t)i];
    both[count + i] = p->stack[from + 2 * (size_t)i + 1];
  }
  p->top = from;
  n->u.dict.keys = (NodeList){both, count};
  n->u.dict.values = (NodeList){both + count, count};
  return parse_end(p, n);
}

/* dict: '{' [','.double_starred_kvpair+ [',']] '}'
   dictcomp: '{' kvpair for_if_clauses '}'
   key is the first key, or NULL if the dict is empty or begins with '**'. */
static Node *dict(Parser *p, Pos open, Node *key) {
  size_t from = p->top;
  bool more = !parse_at(p, T_RBRACE);
  if (more && !dict_item(p, key, false)) return NULL;
  if (key && parse_at_for(p)) {
    Node *value = p->stack[from + 1];
    p->top = from;
    return comprehension(p, N_DictComp, open, key, value, T_RBRACE);
  }
  while (more && parse_accept(p, T_COMMA)) {
    Mark m = parse_mark(p);
    more = dict_item(p, NULL, true);
    if (p->failed) return NULL;
    if (!more) parse_back(p, m);
  }
  return parse_accept(p, T_RBRACE) ? finish_dict(p, open, from) : NULL;
}

/* set: '{' star_named_expressions '}'
   setcomp: '{' named_expression for_if_clauses '}' */
static Node *set(Parser *p, Pos open, Node *first) {
  parse_check_starred(p, first);
  if (p->failed) return NULL;
  if (parse_at_for(p)) return first->kind == N_Starred ? NULL : comprehension(p, N_SetComp, open, first, NULL, T_RBRACE);
  return sequence(p, N_Set, open, first, T_RBRACE, true);
}

/* Which of the two is known after the first expression. */
static NOINLINE Node *dict_or_set(Parser *p) {
  Pos open = parse_here(p);
  parse_next(p);
  if (parse_at(p, T_RBRACE) || parse_at(p, T_DOUBLESTAR)) return dict(p, open, NULL);
  Mark start = parse_mark(p);
  bool only_set = parse_at(p, T_STAR) || (parse_at(p, T_NAME) && parse_peek(p) == T_COLONEQUAL);
  Node *first = only_set ? parse_star_named_expression(p) : parse_expression(p);
  if (!first) return NULL;
  if (!only_set && parse_at(p, T_COLON)) return dict(p, open, first);
  if (!only_set && p->errors && !parse_check_named(p, start, first)) return NULL;
  return set(p, open, first);
}

/* atom: NAME | 'True' | 'False' | 'None' | strings | NUMBER | (tuple | group | genexp) | (list | listcomp) | (dict | set | dictcomp | setcomp) | '...' */
Node *parse_atom(Parser *p) {
  switch (parse_kind(p)) {
    case T_NAME: return name(p);
    case T_NUMBER: return parse_number(p);
    case T_STRING: return parse_strings(p);
    case T_TRUE: return constant(p, CONST_TRUE);
    case T_FALSE: return constant(p, CONST_FALSE);
    case T_NONE: return constant(p, CONST_NONE);
    case T_ELLIPSIS: return constant(p, CONST_ELLIPSIS);
    case T_LSQB: return list(p);
    case T_LBRACE: return dict_or_set(p);
    case T_LPAR: {
      Pos open = parse_here(p);
      parse_next(p);
      return parse_paren_body(p, open, T_RPAR);
    }
    default: return NULL;
  }
}
