/* Characters -> tokens (reference, chapter 2). The whole input is cut at once, so that the parser may look ahead and go back freely; an error becomes
   the last token and the parser decides whether it comes first. */
#ifndef TINY_LEXER_LEXER_H
#define TINY_LEXER_LEXER_H
#include "lexer/source.h"
#include "lexer/token.h"

enum { LEX_MAX_BRACKETS = 200, LEX_MAX_INDENT = 100 };

typedef enum { LEX_SYNTAX, LEX_INDENTATION, LEX_TAB, LEX_NO_MEMORY } LexErrorKind;

typedef struct Bracket {
  char open;
  int line;
  uint32_t at;
} Bracket;

typedef struct LexError {
  bool set;
  LexErrorKind kind;
  bool sticky;      /* wins over an error the parser finds before it (CPython checks the rest of the text for these) */
  bool incomplete;  /* more input could mend it */
  Bracket inside;   /* the innermost bracket still open there; .open is 0 if none */
  int line;
  uint32_t at;      /* offset of the reported place */
  int shift;        /* added to the column in code points */
  int32_t end;      /* offset of the end; -1: as `at`; -2, -3: end_offset is reported as 0, as -1 */
  bool in_bytes;    /* columns are told in bytes */
  char msg[160];
} LexError;

typedef struct LexWarning { /* a number that runs into a keyword */
  struct LexWarning *next;
  int line;
  uint32_t at;           /* offset of the number's last character */
  const char *msg;
} LexWarning;

typedef struct Lexer {
  const Source *src;
  Arena *arena;
  TokenVec *out;
  uint32_t at, end;      /* cursor and where to stop */
  int line;
  int level;             /* brackets open; starts at 1 in a replacement field of an f-string, which is read as if in parentheses */
  int base_level;
  bool line_start, failed;
  bool commented;        /* this line has a comment, at */
  uint32_t comment_at;
  int indents;           /* entries in use */
  int indent[LEX_MAX_INDENT], alt_indent[LEX_MAX_INDENT]; /* columns with tabs to 8 and with tabs as 1 */
  Bracket bracket[LEX_MAX_BRACKETS];
  LexError error;
  LexWarning *warnings, **warnings_tail;
} Lexer;

/* Appends the tokens of the whole source to out; the last one is END or ERROR. False only when out of memory. */
bool lex_file(Lexer *lx, const Source *src, Arena *arena, TokenVec *out);
/* The same for the expression text at [start, end) of an f-string. */
bool lex_field(Lexer *lx, const Source *src, Arena *arena, TokenVec *out, uint32_t start, uint32_t end);
#endif
