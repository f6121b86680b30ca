/* What the files parse_*.c share: the parser's state, the token cursor, node and list building, errors.

   The parser is a recursive descent with the habits of a PEG: a function that does not find its rule returns NULL with no error set (a soft failure) and
   the caller may go back() and try something else or end a list there. Rules are written so that correct text never needs more than one retry per
   statement. When the whole fails, the text is parsed a second time with `errors` on; then the rules look for well-known mistakes and raise special
   messages. An error that is raised sets `failed`, and everything unwinds. If nothing is raised, "invalid syntax" points at the furthest token looked at.

   C recursion: every nesting passes parse_expression, parse_pattern or parse_block, which are bounded (PARSE_MAX_NESTING, LEX_MAX_INDENT); chains of
   operators, of `else` expressions, of lambdas and of elif are loops. */
#ifndef TINY_PARSER_PARSE_INT_H
#define TINY_PARSER_PARSE_INT_H
#include "lexer/lexer.h"
#include "parser/parse.h"

enum { PARSE_MAX_NESTING = 240, PARSE_MAX_CHAIN = 2980 };

/* A replacement field of an f-string being parsed: errors inside are reported relative to its text in parentheses, as CPython does. */
typedef struct Field {
  uint32_t start, end;
  int line;
} Field;

typedef struct Parser {
  Arena *arena;
  Source src;
  TokenVec toks;
  size_t pos, far;    /* cursor; the furthest token looked at before some back() */
  bool errors;        /* second pass: look for well-known mistakes */
  bool prompt;        /* more lines may come: that a bracket is open yet is no error that comes before others */
  bool failed;        /* an error is set, or memory is out: unwind */
  bool no_memory;
  int depth;          /* nesting of expressions and patterns */
  Node **stack;       /* items of the lists under construction */
  size_t top, stack_cap;
  const Field *field; /* innermost, or NULL */
  SyntaxErr *err;
  ParseWarning **warnings_tail;
  uint32_t warned_to; /* string tokens before this offset have had their warnings */
  const char *filename;
  LexError lex_error; /* of the main text */
  Lexer lexer;        /* for the main text, then for one field at a time */
} Parser;

typedef struct Mark {
  size_t pos, top;
} Mark;

typedef struct Pos {
  int line, col;
} Pos;

/* ---- tokens ---- */
static inline const Token *parse_tok(const Parser *p) { return &p->toks.items[p->pos]; }
static inline TokenKind parse_kind(const Parser *p) { return (TokenKind)p->toks.items[p->pos].kind; }
static inline bool parse_at(const Parser *p, TokenKind k) { return parse_kind(p) == k; }
/* The token after the current one, which is not the last. */
static inline TokenKind parse_peek(const Parser *p) {
  TokenKind k = parse_kind(p);
  return k == T_END || k == T_ERROR ? k : (TokenKind)p->toks.items[p->pos + 1].kind;
}
static inline void parse_next(Parser *p) { p->pos++; }
static inline bool parse_accept(Parser *p, TokenKind k) {
  if (!parse_at(p, k)) return false;
  p->pos++;
  return true;
}
static inline Mark parse_mark(const Parser *p) { return (Mark){p->pos, p->top}; }
static inline void parse_back(Parser *p, Mark m) {
  if (p->pos > p->far) p->far = p->pos;
  p->pos = m.pos;
  p->top = m.top;
}
bool parse_at_word(const Parser *p, const char *word);                /* NAME with this text: a soft keyword */
const char *parse_identifier(Parser *p, const Token *t);              /* NFKC-normalised (PEP 3131); NULL: out of memory */
const char *parse_name(Parser *p);                                    /* NAME; NULL: soft failure */
bool parse_force(Parser *p, TokenKind k);                             /* a token that must come here: else "expected '...'" */

/* ---- nodes ---- */
Pos parse_here(const Parser *p);                                      /* start of the current token */
static inline Pos parse_start(const Node *n) { return (Pos){n->line, n->col}; }                /* without the parentheses around it */
Node *parse_node(Parser *p, NodeKind kind, Pos at);                   /* NULL: out of memory, failed is set */
Node *parse_end(Parser *p, Node *n);                                  /* ends n with the token before the cursor; passes NULL through */
Node *parse_end_block(Parser *p, Node *n);                            /* the same, line ends and dedents before the cursor left out */
bool parse_push(Parser *p, Node *n);                                  /* adds to the list under construction (n may be NULL) */
NodeList parse_take(Parser *p, size_t from);                          /* the items pushed since top was `from`, as a list */
bool parse_enter(Parser *p);                                          /* one nesting deeper, or fails with MemoryError; undo by p->depth-- */

/* ---- errors: all return NULL ---- */
void *parse_fail_memory(Parser *p);
void *parse_fail_nested(Parser *p);
void *parse_error(Parser *p, const char *fmt, ...) PRINTF_LIKE(2, 3);                                 /* at the furthest token */
void *parse_error_kind(Parser *p, SyntaxErrorKind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
void *parse_error_token(Parser *p, const Token *t, const char *fmt, ...) PRINTF_LIKE(3, 4);
void *parse_error_node(Parser *p, const Node *n, const char *fmt, ...) PRINTF_LIKE(3, 4);
void *parse_error_range(Parser *p, const Node *a, const Node *b, const char *fmt, ...) PRINTF_LIKE(4, 5);
void *parse_error_span(Parser *p, uint32_t start, uint32_t end, const char *fmt, ...) PRINTF_LIKE(4, 5); /* byte offsets */
void *parse_error_offsets(Parser *p, int line, int offset, int end_line, int end_offset, const char *fmt, ...) PRINTF_LIKE(6, 7); /* as reported */
void parse_warn(Parser *p, const char *category, int line, uint32_t start, uint32_t end, const char *fmt, ...) PRINTF_LIKE(6, 7);
uint32_t parse_node_offset(const Parser *p, const Node *n);          /* byte offsets of a node's ends */
uint32_t parse_node_end(const Parser *p, const Node *n);

/* Parses the tokens from p->pos on by rule; on failure makes the second pass and sets the error. lex: how the lexing of these tokens ended. */
typedef Node *(*Rule)(Parser *p);
Node *parse_run(Parser *p, Rule rule, const LexError *lex);

/* ---- parse_expr.c ---- */
Node *parse_expression(Parser *p);
Node *parse_disjunction(Parser *p);
Node *parse_bitwise_or(Parser *p);
Node *parse_named_expression(Parser *p);
bool parse_check_named(Parser *p, Mark start, Node *e);
Node *parse_expressions(Parser *p);
Node *parse_star_expression(Parser *p);
Node *parse_star_expressions(Parser *p);
Node *parse_star_named_expression(Parser *p);
Node *parse_yield(Parser *p);
Node *parse_yield_or_star(Parser *p); /* yield_expr | star_expressions */
Node *parse_tuple_of(Parser *p, Node *(*item)(Parser *)); /* item | item (',' item)* [','] as a Tuple */

/* ---- parse_atom.c, parse_call.c, parse_params.c, parse_string.c ---- */
Node *parse_primary(Parser *p);
Node *parse_await_primary(Parser *p);
Node *parse_atom(Parser *p);
Node *parse_number(Parser *p);
Node *parse_paren_body(Parser *p, Pos open, TokenKind close);
bool parse_comprehensions(Parser *p, NodeList *out); /* for_if_clauses */
void *parse_check_starred(Parser *p, const Node *first); /* second pass: [*a for ...] */
bool parse_at_for(Parser *p);                   /* a comprehension clause begins here */
bool parse_arguments(Parser *p, NodeList *args, NodeList *keywords); /* up to, not including, ')' */
Node *parse_slices(Parser *p);
Node *parse_params(Parser *p, bool lambda);
Node *parse_strings(Parser *p);

/* ---- parse_target.c ---- */
typedef enum { TARGET_STAR, TARGET_FOR, TARGET_DEL } TargetKind;
void parse_set_context(Node *n, ExprContext ctx);
const Node *parse_invalid_target(const Node *n, TargetKind kind);  /* the part that cannot be a target, or NULL */
const char *parse_expr_name(const Node *n);                         /* "function call", "literal", ... */
void *parse_error_target(Parser *p, const Node *n, TargetKind kind); /* raises if some part is no target */
Node *parse_star_targets(Parser *p);                                 /* with context Store */
Node *parse_star_target(Parser *p);
void parse_check_for_target(Parser *p, Mark start);                  /* second pass: was it the target? */

/* ---- parse_stmt.c, parse_block.c, parse_pattern.c ---- */
bool parse_simple_statements(Parser *p); /* pushes them */
Node *parse_compound(Parser *p);
Node *parse_match(Parser *p);
bool parse_statement(Parser *p);         /* pushes one or several */
bool parse_block(Parser *p, NodeList *out, const char *after, int line); /* after: "'if' statement", for the error about a missing block */
bool parse_colon(Parser *p);             /* ':' after a header; the second pass tells of a missing one */
#endif
