/* Source text made ready for the lexer: UTF-8 without BOM, '\n' line ends, a last line that ends, no NUL; and the table of its lines. */
#ifndef TINY_LEXER_SOURCE_H
#define TINY_LEXER_SOURCE_H
#include "vm/base/mem.h"

typedef enum { SRC_OK, SRC_NO_MEMORY, SRC_NUL, SRC_BAD } SourceStatus;

typedef struct Source {
  const char *text;      /* arena-owned, NUL-terminated */
  uint32_t len;
  const uint32_t *lines; /* lines[i]: offset where line i + 1 starts; lines[n_lines] == len */
  int n_lines;
  bool newline_added;    /* the text did not end with a line end */
  /* for SRC_BAD: */
  char msg[256];
  bool no_place;         /* the message says where; the exception has no filename and line */
} Source;

/* Decodes and normalises. src is any bytes; the result lives in the arena. is_text: it is UTF-8 whatever a coding line in it says (a str was given). */
SourceStatus source_init(Source *s, Arena *arena, const char *src, size_t len, const char *filename, bool is_text);
/* Does a coding line (PEP 263) name an encoding that source_init does not know? Then it may be decoded before. */
bool source_foreign(const char *src, size_t len, const char **name, size_t *name_len);

uint32_t source_line_start(const Source *s, int line);              /* offset of a line, from 1 */
const char *source_line(const Source *s, int line, size_t *len);    /* its text with the '\n' */
int source_line_at(const Source *s, uint32_t offset);               /* number of the line an offset stands in */
int source_column(const Source *s, int line, uint32_t offset);      /* code points from the start of the line to the offset */
#endif
