/* Number and string literals (reference, 2.4). Ints that fit 64 bits are computed here, longer ones handed on as digits: big integers belong to the VM. */
#include "lexer/literal.h"

#include <stdio.h>
#include <string.h>

#include "vm/base/dtoa.h"
#include "vm/base/utf8.h"

/* ---- numbers ---- */

static int digit_value(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

static Number float_number(const char *digits, size_t n, bool imaginary) {
  Number r = {.kind = imaginary ? NUM_IMAGINARY : NUM_FLOAT};
  size_t used;
  r.d = dtoa_parse(digits, n, &used);
  return r;
}

static Number int_number(const char *digits, size_t n, int base) {
  Number r = {.kind = NUM_INT, .base = base};
  while (n > 1 && *digits == '0') {
    digits++;
    n--;
  }
  r.digits = digits;
  r.n_digits = n;
  if (base == 10 && n > LITERAL_MAX_DIGITS) r.kind = NUM_TOO_LONG;
  uint64_t value = 0;
  for (size_t i = 0; i < n && r.kind == NUM_INT; i++) {
    uint64_t digit = (uint64_t)digit_value(digits[i]), b = (uint64_t)base;
    if (value > ((uint64_t)INT64_MAX - digit) / b) r.kind = NUM_BIG;
    value = value * b + digit;
  }
  if (r.kind == NUM_INT) r.i = (int64_t)value;
  return r;
}

Number literal_number(Arena *arena, const char *text, size_t n) {
  int base = 10;
  if (n > 2 && text[0] == '0') {
    int c = text[1] | 32;
    base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
    if (base != 10) {
      text += 2;
      n -= 2;
    }
  }
  char *digits = arena_alloc(arena, n + 1);
  if (!digits) return (Number){.kind = NUM_NO_MEMORY};
  size_t len = 0;
  bool is_float = false;
  for (size_t i = 0; i < n; i++) {
    if (text[i] == '_') continue;
    digits[len++] = text[i];
    is_float = is_float || (base == 10 && !(text[i] >= '0' && text[i] <= '9'));
  }
  if (!is_float) return int_number(digits, len, base);
  bool imaginary = (digits[len - 1] | 32) == 'j';
  return float_number(digits, len - imaginary, imaginary);
}

/* ---- strings ---- */

typedef struct Unescape {
  Buf *out;
  const char *at, *end;
  bool is_bytes;
  size_t position; /* of the escape, as CPython counts: it has every non-ASCII character replaced by \UXXXXXXXX first, 10 characters */
  StringEscapes *result;
} Unescape;

static bool is_hex(char c) { return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f'); }

/* A bad escape whose bad part has len characters. */
static void bad_escape(Unescape *u, size_t len, const char *why) {
  StringEscapes *r = u->result;
  if (r->failed) return;
  r->failed = true;
  if (u->is_bytes) snprintf(r->msg, sizeof r->msg, "(value error) invalid \\x escape at position %zu", u->position);
  else
    snprintf(r->msg, sizeof r->msg, "(unicode error) 'unicodeescape' codec can't decode bytes in position %zu-%zu: %s", u->position,
             u->position + len - 1, why);
}

static void add_char(Unescape *u, uint32_t c) {
  char bytes[4] = {(char)(unsigned char)c};
  buf_add(u->out, bytes, u->is_bytes ? 1 : (size_t)utf8_encode(c, bytes));
}

/* \x, \u, \U: exactly `count` hex digits; u->at stands after the letter. */
static void hex_escape(Unescape *u, int count, const char *why) {
  uint32_t c = 0;
  int n = 0;
  for (; n < count && u->at < u->end && is_hex(*u->at); n++) c = c * 16 + (uint32_t)digit_value(*u->at++);
  if (n < count) bad_escape(u, (size_t)n + 2, why);
  else if (c > 0x10FFFF) bad_escape(u, (size_t)n + 2, "illegal Unicode character");
  else add_char(u, c);
}

/* \N{name} */
static void name_escape(Unescape *u) {
  const char *close = u->at < u->end && *u->at == '{' ? memchr(u->at, '}', (size_t)(u->end - u->at)) : NULL;
  if (!close || close == u->at + 1) {
    size_t rest = close ? 3 : u->at < u->end && *u->at == '{' ? (size_t)(u->end - u->at) : 0;
    bad_escape(u, 2 + rest, "malformed \\N character escape");
    return;
  }
  const char *name = u->at + 1;
  int32_t c = uc_by_name(name, (size_t)(close - name));
  if (c < 0) bad_escape(u, (size_t)(close - name) + 4, "unknown Unicode character name");
  else add_char(u, (uint32_t)c);
  u->at = close + 1;
}

static void octal_escape(Unescape *u, char first) {
  uint32_t c = (uint32_t)(first - '0');
  for (int n = 1; n < 3 && u->at < u->end && *u->at >= '0' && *u->at <= '7'; n++) c = c * 8 + (uint32_t)(*u->at++ - '0');
  add_char(u, c);
}

/* One escape; u->at stands on the character after the backslash. */
static void escape(Unescape *u) {
  char c = *u->at++;
  switch (c) {
    case '\n': return; /* the line goes on */
    case '\\': case '\'': case '"': buf_char(u->out, c); return;
    case 'a': buf_char(u->out, '\a'); return;
    case 'b': buf_char(u->out, '\b'); return;
    case 'f': buf_char(u->out, '\f'); return;
    case 'n': buf_char(u->out, '\n'); return;
    case 'r': buf_char(u->out, '\r'); return;
    case 't': buf_char(u->out, '\t'); return;
    case 'v': buf_char(u->out, '\v'); return;
    case 'x': hex_escape(u, 2, "truncated \\xXX escape"); return;
    case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': octal_escape(u, c); return;
    default: break;
  }
  if (!u->is_bytes && c == 'u') {
    hex_escape(u, 4, "truncated \\uXXXX escape");
  } else if (!u->is_bytes && c == 'U') {
    hex_escape(u, 8, "truncated \\UXXXXXXXX escape");
  } else if (!u->is_bytes && c == 'N') {
    name_escape(u);
  } else { /* not an escape: stays as it is, backslash included */
    if (!u->result->unknown) u->result->unknown = u->at - 1;
    buf_char(u->out, '\\');
    u->at--;
  }
}

void literal_unescape(Buf *out, const char *s, size_t n, bool is_bytes, StringEscapes *result) {
  result->failed = false;
  result->unknown = NULL;
  Unescape u = {.out = out, .at = s, .end = s + n, .is_bytes = is_bytes, .result = result};
  while (u.at < u.end && !result->failed) {
    const char *backslash = memchr(u.at, '\\', (size_t)(u.end - u.at));
    const char *stop = backslash ? backslash : u.end;
    size_t len = (size_t)(stop - u.at), chars = is_bytes ? len : utf8_count(u.at, len);
    buf_add(out, u.at, len);
    u.position += len;
    if (chars != len) /* see Unescape.position */
      for (const char *p = u.at; p < stop; p += utf8_len((unsigned char)*p))
        if ((unsigned char)*p >= 0x80) u.position += 10 - (size_t)utf8_len((unsigned char)*p);
    u.at = stop;
    if (!backslash) break;
    if (u.at + 1 == u.end) { /* before a field of an f-string */
      buf_char(out, '\\');
      break;
    }
    const char *start = u.at++;
    if ((unsigned char)*u.at >= 0x80) u.position += 5; /* CPython writes such a backslash as \u005c */
    escape(&u);
    u.position += (size_t)(u.at - start);
  }
}
