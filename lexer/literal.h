/* The values of literals: number text -> number, the inside of a string literal -> its characters. */
#ifndef TINY_LEXER_LITERAL_H
#define TINY_LEXER_LITERAL_H
#include "vm/base/mem.h"

typedef enum { NUM_INT, NUM_BIG, NUM_FLOAT, NUM_IMAGINARY, NUM_TOO_LONG, NUM_NO_MEMORY } NumberKind;

enum { LITERAL_MAX_DIGITS = 4300 }; /* sys.int_info.default_max_str_digits: decimal literals longer than this are refused */

typedef struct Number {
  NumberKind kind;
  int64_t i;           /* NUM_INT */
  double d;            /* NUM_FLOAT, NUM_IMAGINARY */
  const char *digits;  /* NUM_BIG: without prefix and underscores, NUL-terminated, in the arena */
  size_t n_digits;     /* NUM_BIG, NUM_TOO_LONG */
  int base;
} Number;

/* text is a NUMBER token, which the lexer has checked. */
Number literal_number(Arena *arena, const char *text, size_t n);

typedef struct StringEscapes {
  bool failed;         /* msg is set: a bad escape; the text of CPython's error, "(unicode error) ..." */
  char msg[160];
  const char *unknown; /* first backslash before a character that needs none (a warning): points at that character; NULL: none */
} StringEscapes;

/* Appends the characters between the quotes of a string (or bytes) literal to out, escapes replaced. Memory failure: out->failed. */
void literal_unescape(Buf *out, const char *s, size_t n, bool is_bytes, StringEscapes *result);
#endif
