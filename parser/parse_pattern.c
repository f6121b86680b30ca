/* The match statement and its patterns (PEP 634; reference, 8.6). match, case and _ are names elsewhere: parse_match fails softly when the line is no
   match statement, and the caller reads it as an expression. */
#include "parser/parse_int.h"

#include <string.h>

static Node *pattern(Parser *p);
static Node *as_pattern(Parser *p);

static bool is_underscore(const Parser *p) { return parse_at_word(p, "_"); }

static Node *match_as(Parser *p, Pos at, Node *inner, const char *name) {
  Node *n = parse_node(p, N_MatchAs, at);
  if (!n) return NULL;
  n->u.match_as.pattern = inner;
  n->u.match_as.name = name;
  return parse_end(p, n);
}

/* pattern_capture_target: !"_" NAME !('.' | '(' | '=') */
static const char *capture_target(Parser *p) {
  if (is_underscore(p) || !parse_at(p, T_NAME)) return NULL;
  TokenKind k = parse_peek(p);
  if (k != T_DOT && k != T_LPAR && k != T_EQUAL) return parse_name(p);
  if (p->far < p->pos + 1) p->far = p->pos + 1; /* that token was looked at */
  return NULL;
}

/* ---- literals and values ---- */

static bool is_imaginary(const Node *n) { return n->u.constant.kind == CONST_COMPLEX; }

/* signed_number: NUMBER | '-' NUMBER */
static Node *signed_number(Parser *p) {
  Pos at = parse_here(p);
  bool negative = parse_accept(p, T_MINUS);
  Node *number = parse_at(p, T_NUMBER) ? parse_number(p) : NULL;
  if (!number || !negative) return number;
  Node *n = parse_node(p, N_UnaryOp, at);
  if (!n) return NULL;
  n->u.unary.op = UN_NEG;
  n->u.unary.operand = number;
  return parse_end(p, n);
}

/* complex_number: signed_real_number ('+' | '-') imaginary_number */
static Node *number_literal(Parser *p) {
  Pos at = parse_here(p);
  Node *left = signed_number(p);
  if (!left || (!parse_at(p, T_PLUS) && !parse_at(p, T_MINUS))) return left;
  TokenKind op = parse_kind(p);
  parse_next(p);
  Node *right = parse_at(p, T_NUMBER) ? parse_number(p) : NULL;
  if (!right) return NULL;
  const Node *real = left->kind == N_UnaryOp ? left->u.unary.operand : left;
  if (is_imaginary(real)) return parse_error_node(p, real, "real number required in complex literal");
  if (!is_imaginary(right)) return parse_error_node(p, right, "imaginary number required in complex literal");
  Node *n = parse_node(p, N_BinOp, at);
  if (!n) return NULL;
  n->u.bin.left = left;
  n->u.bin.op = op == T_PLUS ? BIN_ADD : BIN_SUB;
  n->u.bin.right = right;
  return parse_end(p, n);
}

/* name_or_attr: attr | NAME */
static Node *name_or_attr(Parser *p) {
  Pos at = parse_here(p);
  Node *n = parse_at(p, T_NAME) ? parse_atom(p) : NULL;
  while (n && parse_at(p, T_DOT)) {
    Node *a = parse_node(p, N_Attribute, at);
    if (!a) return NULL;
    parse_next(p);
    Pos attr = parse_here(p);
    a->u.attribute.value = n;
    a->u.attribute.attr_line = attr.line;
    a->u.attribute.attr_col = attr.col;
    if (!(a->u.attribute.attr = parse_name(p))) return NULL;
    n = parse_end(p, a);
  }
  return n;
}

static Node *value_node(Parser *p, NodeKind kind, Node *value) {
  Node *n = value ? parse_node(p, kind, parse_start(value)) : NULL;
  if (!n) return NULL;
  n->u.match_value.value = value;
  return parse_end(p, n);
}

/* ---- sequences ---- */

/* star_pattern: '*' pattern_capture_target | '*' wildcard_pattern */
static Node *star_pattern(Parser *p) {
  Node *n = parse_node(p, N_MatchStar, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  if (is_underscore(p)) parse_next(p);
  else if (!(n->u.match_star.name = capture_target(p))) return NULL;
  return parse_end(p, n);
}

/* maybe_star_pattern: star_pattern | pattern */
static Node *maybe_star_pattern(Parser *p) { return parse_at(p, T_STAR) ? star_pattern(p) : pattern(p); }

/* ','.maybe_star_pattern+ [','], pushed; *comma: one was seen. False: none, or failed. */
static bool sequence_items(Parser *p, bool *comma) {
  size_t from = p->top;
  do {
    Mark m = parse_mark(p);
    Node *n = maybe_star_pattern(p);
    if (p->failed) return false;
    if (!n) {
      parse_back(p, m);
      break;
    }
    if (!parse_push(p, n)) return false;
    *comma = *comma || parse_at(p, T_COMMA);
  } while (parse_accept(p, T_COMMA));
  return p->top > from;
}

static Node *finish_sequence(Parser *p, Pos at, size_t from) {
  Node *n = parse_node(p, N_MatchSequence, at);
  if (!n) return NULL;
  n->u.match_seq.patterns = parse_take(p, from);
  return parse_end(p, n);
}

/* sequence_pattern: '[' [maybe_sequence_pattern] ']' | '(' [open_sequence_pattern] ')'
   group_pattern: '(' pattern ')' */
static Node *bracketed(Parser *p) {
  Pos at = parse_here(p);
  size_t from = p->top;
  bool list = parse_at(p, T_LSQB), comma = false;
  TokenKind close = list ? T_RSQB : T_RPAR;
  parse_next(p);
  if (!parse_at(p, close) && !sequence_items(p, &comma)) return NULL;
  if (!parse_accept(p, close)) return NULL;
  if (list || comma || p->top == from) return finish_sequence(p, at, from);
  Node *only = p->stack[--p->top];
  return only->kind == N_MatchStar ? NULL : only;
}

/* ---- mappings and classes ---- */

/* key_value_pattern: (literal_expr | attr) ':' pattern, pushed as two items */
static bool mapping_item(Parser *p) {
  Node *key;
  switch (parse_kind(p)) {
    case T_MINUS: case T_NUMBER: key = number_literal(p); break;
    case T_STRING: case T_NONE: case T_TRUE: case T_FALSE: key = parse_atom(p); break;
    case T_NAME:
      if (parse_peek(p) != T_DOT) {
        parse_next(p);
        return false;
      }
      key = name_or_attr(p);
      break;
    default: key = NULL;
  }
  if (!key || !parse_accept(p, T_COLON)) return false;
  Node *value = pattern(p);
  return value && parse_push(p, key) && parse_push(p, value);
}

/* Takes pairs on the stack apart into two lists of a mapping (or a class's keywords). */
static bool unzip(Parser *p, size_t from, NodeList *first, NodeList *second) {
  int count = (int)((p->top - from) / 2);
  Node **both = arena_alloc(p->arena, 2 * (size_t)count * sizeof *both);
  if (!both) {
    parse_fail_memory(p);
    return false;
  }
  for (int i = 0; i < count; i++) {
    both[i] = p->stack[from + 2 * (size_t)i];
    both[count + i] = p->stack[from + 2 * (size_t)i + 1];
  }
  p->top = from;
  *first = (NodeList){both, count};
  *second = (NodeList){both + count, count};
  return true;
}

/* mapping_pattern: '{' [','.key_value_pattern+] [',' '**' pattern_capture_target] [','] '}' */
static Node *mapping_pattern(Parser *p) {
  Node *n = parse_node(p, N_MatchMapping, parse_here(p));
  if (!n) return NULL;
  size_t from = p->top;
  parse_next(p);
  while (!parse_at(p, T_RBRACE)) {
    if (parse_accept(p, T_DOUBLESTAR)) {
      n->u.match_map.rest = capture_target(p);
      if (!n->u.match_map.rest) return NULL;
      parse_accept(p, T_COMMA);
      break;
    }
    if (!mapping_item(p)) return NULL;
    if (!parse_accept(p, T_COMMA)) break;
  }
  if (!parse_accept(p, T_RBRACE) || !unzip(p, from, &n->u.match_map.keys, &n->u.match_map.patterns)) return NULL;
  return parse_end(p, n);
}

/* Positional patterns after keyword ones: p stands at the first. */
static void check_class_order(Parser *p) {
  if (!p->errors) return;
  Mark m = parse_mark(p);
  Node *first = as_pattern(p), *last = first;
  while (first && !p->failed) {
    Mark comma = parse_mark(p);
    Node *next = parse_accept(p, T_COMMA) && !(parse_at(p, T_NAME) && parse_peek(p) == T_EQUAL) ? as_pattern(p) : NULL;
    if (!next) {
      if (!p->failed) parse_back(p, comma);
      break;
    }
    last = next;
  }
  if (first && !p->failed) parse_error_range(p, first, last, "positional patterns follow keyword patterns");
  if (!p->failed) parse_back(p, m);
}

/* keyword_pattern: NAME '=' pattern, pushed as a Keyword node that is taken apart later */
static bool keyword_pattern(Parser *p) {
  Node *n = parse_node(p, N_Keyword, parse_here(p));
  if (!n || !(n->u.keyword.name = parse_name(p))) return false;
  parse_next(p);
  n->u.keyword.value = pattern(p);
  return n->u.keyword.value && parse_push(p, n);
}

static Node *finish_class(Parser *p, Node *n, size_t from, size_t keywords_from) {
  size_t count = p->top - keywords_from;
  const char **names = arena_alloc(p->arena, count * sizeof *names);
  if (!names) return parse_fail_memory(p);
  for (size_t i = 0; i < count; i++) {
    names[i] = p->stack[keywords_from + i]->u.keyword.name;
    p->stack[keywords_from + i] = p->stack[keywords_from + i]->u.keyword.value;
  }
  n->u.match_cls.kwd_attrs = (NameList){names, (int)count};
  n->u.match_cls.kwd_patterns = parse_take(p, keywords_from);
  n->u.match_cls.patterns = parse_take(p, from);
  return parse_end(p, n);
}

/* class_pattern: name_or_attr '(' [','.pattern+ [',']] ')' with keyword_patterns after the positional ones */
static Node *class_pattern(Parser *p, Pos at, Node *cls) {
  Node *n = parse_node(p, N_MatchClass, at);
  if (!n) return NULL;
  n->u.match_cls.cls = cls;
  size_t from = p->top, keywords = 0;
  parse_next(p);
  while (!parse_at(p, T_RPAR)) {
    if (parse_at(p, T_NAME) && parse_peek(p) == T_EQUAL) {
      if (!keyword_pattern(p)) return NULL;
      keywords++;
    } else if (keywords) {
      check_class_order(p);
      return NULL;
    } else {
      Node *item = pattern(p);
      if (!item || !parse_push(p, item)) return NULL;
    }
    if (!parse_accept(p, T_COMMA)) break;
  }
  return parse_accept(p, T_RPAR) ? finish_class(p, n, from, p->top - keywords) : NULL;
}

/* ---- patterns ---- */

/* capture_pattern | wildcard_pattern | value_pattern | class_pattern */
static Node *name_pattern(Parser *p) {
  Pos at = parse_here(p);
  TokenKind k = parse_peek(p);
  if (k != T_DOT && k != T_LPAR) {
    if (is_underscore(p)) {
      parse_next(p);
      return match_as(p, at, NULL, NULL);
    }
    const char *name = capture_target(p);
    return name ? match_as(p, at, NULL, name) : NULL;
  }
  Node *value = name_or_attr(p);
  if (!value) return NULL;
  if (parse_at(p, T_LPAR)) return class_pattern(p, at, value);
  return value->kind == N_Name ? NULL : value_node(p, N_MatchValue, value);
}

/* closed_pattern: literal_pattern | capture_pattern | wildcard_pattern | value_pattern | group_pattern | sequence_pattern | mapping_pattern
                 | class_pattern */
static Node *closed_pattern(Parser *p) {
  switch (parse_kind(p)) {
    case T_MINUS: case T_NUMBER: return value_node(p, N_MatchValue, number_literal(p));
    case T_STRING: return value_node(p, N_MatchValue, parse_strings(p));
    case T_NONE: case T_TRUE: case T_FALSE: return value_node(p, N_MatchSingleton, parse_atom(p));
    case T_NAME: return name_pattern(p);
    case T_LPAR: case T_LSQB: return bracketed(p);
    case T_LBRACE: return mapping_pattern(p);
    default: return NULL;
  }
}

/* or_pattern: '|'.closed_pattern+ */
static Node *or_pattern(Parser *p) {
  Pos at = parse_here(p);
  Node *first = closed_pattern(p);
  if (!first || !parse_at(p, T_VBAR)) return first;
  size_t from = p->top;
  if (!parse_push(p, first)) return NULL;
  while (parse_at(p, T_VBAR)) {
    Mark m = parse_mark(p);
    parse_next(p);
    Node *next = closed_pattern(p);
    if (p->failed) return NULL;
    if (!next) {
      parse_back(p, m);
      break;
    }
    if (!parse_push(p, next)) return NULL;
  }
  if (p->top == from + 1) {
    p->top = from;
    return first;
  }
  Node *n = parse_node(p, N_MatchOr, at);
  if (!n) return NULL;
  n->u.match_seq.patterns = parse_take(p, from);
  return parse_end(p, n);
}

/* or_pattern 'as' something that cannot be captured; the cursor stands after the 'as' */
static void check_as_target(Parser *p) {
  if (!p->errors) return;
  Mark m = parse_mark(p);
  if (is_underscore(p)) {
    parse_error_token(p, parse_tok(p), "cannot use '_' as a target");
  } else if (!parse_at(p, T_NAME)) {
    Node *e = parse_expression(p);
    if (e) parse_error_node(p, e, "invalid pattern target");
  }
  if (!p->failed) parse_back(p, m);
}

/* as_pattern: or_pattern 'as' pattern_capture_target */
static Node *as_pattern(Parser *p) {
  Pos at = parse_here(p);
  Node *inner = or_pattern(p);
  if (!inner || !parse_at(p, T_AS)) return inner;
  Mark m = parse_mark(p);
  parse_next(p);
  const char *name = capture_target(p);
  if (p->failed) return NULL;
  if (name) return match_as(p, at, inner, name);
  check_as_target(p);
  if (!p->failed) parse_back(p, m);
  return p->failed ? NULL : inner;
}

/* pattern: as_pattern | or_pattern */
static Node *pattern(Parser *p) {
  if (!parse_enter(p)) return NULL;
  Node *n = as_pattern(p);
  p->depth--;
  return n;
}

/* patterns: open_sequence_pattern | pattern */
static Node *patterns(Parser *p) {
  Pos at = parse_here(p);
  size_t from = p->top;
  bool comma = false;
  if (!sequence_items(p, &comma)) return NULL;
  if (comma) return finish_sequence(p, at, from);
  Node *only = p->stack[--p->top];
  return only->kind == N_MatchStar ? NULL : only;
}

/* ---- the statement ---- */

/* case_block: "case" patterns ['if' named_expression] ':' block */
static Node *case_block(Parser *p) {
  Node *n = parse_node(p, N_MatchCase, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  n->u.match_case.pattern = patterns(p);
  if (!n->u.match_case.pattern) return NULL;
  if (parse_accept(p, T_IF) && !(n->u.match_case.guard = parse_named_expression(p))) return NULL;
  return parse_colon(p) && parse_block(p, &n->u.match_case.body, "'case' statement", n->line) ? n : NULL;
}

/* subject_expr: star_named_expression ',' [star_named_expressions] | named_expression */
static Node *subject(Parser *p) {
  Node *n = parse_tuple_of(p, parse_star_named_expression);
  return n && n->kind != N_Starred ? n : NULL;
}

/* match_stmt: "match" subject_expr ':' NEWLINE INDENT case_block+ DEDENT */
Node *parse_match(Parser *p) {
  Node *n = parse_node(p, N_Match, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  n->u.match.subject = subject(p);
  if (!n->u.match.subject || !parse_colon(p) || !parse_accept(p, T_NEWLINE)) return NULL;
  if (!parse_accept(p, T_INDENT)) {
    if (p->errors) parse_error_kind(p, SYNTAX_INDENTATION, "expected an indented block after 'match' statement on line %d", n->line);
    return NULL;
  }
  size_t from = p->top;
  while (parse_at_word(p, "case")) {
    Node *c = case_block(p);
    if (!c || !parse_push(p, c)) return NULL;
  }
  n->u.match.cases = parse_take(p, from);
  if (p->failed || !n->u.match.cases.n || !parse_accept(p, T_DEDENT)) return NULL;
  return parse_end_block(p, n);
}
