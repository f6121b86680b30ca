/* Source text -> syntax tree or a SyntaxError as data. Never recurses deeper than PARSE_MAX_DEPTH; knows no VM. */
#ifndef TINY_PARSER_PARSE_H
#define TINY_PARSER_PARSE_H
#include "lexer/source.h"
#include "parser/ast.h"

typedef enum { PARSE_FILE, PARSE_EXPRESSION, PARSE_INTERACTIVE, PARSE_PROMPT } ParseMode; /* exec, eval, single of compile(); PROMPT: single, where a block ends by an empty line only */

typedef enum { SYNTAX_ERROR, SYNTAX_INDENTATION, SYNTAX_TAB, SYNTAX_VALUE, SYNTAX_MEMORY, SYNTAX_OVERFLOW, SYNTAX_RECURSION } SyntaxErrorKind;

/* What a SyntaxError carries (documentation of SyntaxError): columns are 1-based, counted in code points as CPython shows them; 0 = none. */
typedef struct SyntaxErr {
  bool set;
  bool no_place;             /* the exception has only its message */
  bool late;                 /* found in the tree, where python3 has the text of the file at most, not that of a string */
  bool bare;                 /* args is the message alone, the place is in the attributes only */
  SyntaxErrorKind kind;      /* which exception class */
  bool incomplete;           /* the input ended where more could make it right (REPL: ask for another line) */
  int line, offset, end_line, end_offset;
  char msg[512];             /* UTF-8, cut at a code point */
  const char *text;          /* the source line, arena-owned, with its '\n' if it had one; NULL: none */
  size_t text_len;
} SyntaxErr;

/* A warning the parser wants shown (invalid escape sequence ...): category is DeprecationWarning or SyntaxWarning. */
typedef struct ParseWarning {
  struct ParseWarning *next;
  const char *category;
  int line, offset, end_line, end_offset; /* as of a SyntaxErr */
  const char *msg;
} ParseWarning;

typedef struct ParseResult {
  Node *tree;                /* NULL: see error */
  SyntaxErr error;
  ParseWarning *warnings;    /* in order of appearance */
  Source source;             /* the text as it was read */
} ParseResult;

/* Source is any bytes: UTF-8 with or without BOM, or as a PEP 263 coding line says (utf-8, ascii, latin-1), or UTF-8 in any case (is_text). `filename` only for messages.
   Out of memory: tree NULL and kind SYNTAX_MEMORY. The result lives as long as the arena. */
void parse_source(Arena *arena, const char *src, size_t len, bool is_text, const char *filename, ParseMode mode, ParseResult *out);

/* The error of a text that only lacks more lines, as compile() tells it by PyCF_ALLOW_INCOMPLETE_INPUT: at the end of the text, or where its open string begins. err->text points into src then. */
void parse_say_incomplete(SyntaxErr *err, const char *src, size_t len);

/* Shared with scope and code generation, which find errors of their own: fills err from a node's position. */
void syntax_error_at(SyntaxErr *err, const char *src_line, size_t src_line_len, const Node *node, const char *fmt, ...) PRINTF_LIKE(5, 6);
#define PARSE_MAX_DEPTH 200  /* nesting of brackets, as CPython's MAXSTACK shows it: "too many nested parentheses" */
#endif
