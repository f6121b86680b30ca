/* The lexer: one pass over the text. Rules from the reference, chapter 2; where it leaves freedom (columns of errors, what is checked first) CPython
   3.11 is followed. Positions are byte offsets; lines are counted here, columns computed only when someone asks. */
#include "lexer/lexer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vm/base/utf8.h"

const char *const token_texts[T_COUNT] = {
#define X(name, text) text,
  TOKENS(X)
#undef X
};

/* ---- cursor ---- */

static int peek(const Lexer *lx) { return lx->at < lx->end ? (unsigned char)lx->src->text[lx->at] : -1; }
static int peek_at(const Lexer *lx, uint32_t n) { return lx->at + n < lx->end ? (unsigned char)lx->src->text[lx->at + n] : -1; }

static bool is_digit(int c) { return c >= '0' && c <= '9'; }
static bool is_hex(int c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static bool is_name_start(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80; }
static bool is_name_char(int c) { return is_name_start(c) || is_digit(c); }

static bool push(Lexer *lx, TokenKind kind, uint32_t start, int line) {
  TokenVec *v = lx->out;
  if (v->n == v->cap) {
    void *items = v->items;
    if (!mem_grow(v->mem, &items, &v->cap, v->n + 1, sizeof(Token))) {
      lx->error.set = lx->failed = true;
      lx->error.kind = LEX_NO_MEMORY;
      return false;
    }
    v->items = items;
  }
  v->items[v->n++] = (Token){.kind = (uint8_t)kind, .level = (uint8_t)lx->level, .start = start, .end = lx->at, .line = line, .end_line = lx->line};
  return true;
}

/* ---- errors ---- */

static void fail_at(Lexer *lx, int line, uint32_t at, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* An error of the lexer itself: the column reported is that of the last byte read, `at` being one past it. */
static void fail_at(Lexer *lx, int line, uint32_t at, const char *fmt, ...) {
  LexError *e = &lx->error;
  if (e->set) return;
  e->set = lx->failed = true;
  e->kind = LEX_SYNTAX;
  e->sticky = true;
  e->line = line;
  e->at = at;
  e->end = -1;
  if (lx->level > lx->base_level) e->inside = lx->bracket[lx->level - lx->base_level - 1];
  va_list args;
  va_start(args, fmt);
  vsnprintf(e->msg, sizeof e->msg, fmt, args);
  va_end(args);
}

static void fail_here(Lexer *lx, const char *msg) { fail_at(lx, lx->line, lx->at, "%s", msg); }

/* An error that only counts when the parser gets to it. end as in LexError. */
static void fail_soft(Lexer *lx, LexErrorKind kind, uint32_t at, int shift, int32_t end, const char *msg) {
  fail_at(lx, lx->line, at, "%s", msg);
  lx->error.kind = kind;
  lx->error.sticky = false;
  lx->error.shift = shift;
  lx->error.end = end;
}

static void fail_char(Lexer *lx, uint32_t at, uint32_t c) {
  char text[4];
  int n = utf8_encode(c, text);
  if (uc_is_printable(c)) fail_at(lx, lx->line, at, "invalid character '%.*s' (U+%04X)", n, text, (unsigned)c);
  else fail_at(lx, lx->line, at, "invalid non-printable character U+%04X", (unsigned)c);
}

/* End of input where the grammar needs more. */
static void fail_eof(Lexer *lx) {
  if (lx->level > lx->base_level) {
    const Bracket *b = &lx->bracket[lx->level - lx->base_level - 1];
    fail_at(lx, b->line, b->at, "'%c' was never closed", b->open);
    lx->error.shift = 1;
    lx->error.end = -2;
  } else {
    fail_at(lx, lx->line, lx->at, "unexpected EOF while parsing");
    lx->error.end = -3;
  }
  lx->error.sticky = false;
  lx->error.incomplete = true;
}

/* ---- names and keywords ---- */

static TokenKind keyword_kind(const char *s, size_t n) {
  static const uint8_t by_length[][10] = {
    {T_AS, T_IF, T_IN, T_IS, T_OR},
    {T_AND, T_DEF, T_DEL, T_FOR, T_NOT, T_TRY},
    {T_ELIF, T_ELSE, T_FROM, T_NONE, T_PASS, T_TRUE, T_WITH},
    {T_ASYNC, T_AWAIT, T_BREAK, T_CLASS, T_FALSE, T_RAISE, T_WHILE, T_YIELD},
    {T_ASSERT, T_EXCEPT, T_GLOBAL, T_IMPORT, T_LAMBDA, T_RETURN},
    {T_FINALLY},
    {T_CONTINUE, T_NONLOCAL},
  };
  if (n < 2 || n > 8) return T_NAME;
  for (const uint8_t *k = by_length[n - 2]; *k; k++)
    if (s[0] == token_texts[*k][0] && memcmp(s, token_texts[*k], n) == 0) return (TokenKind)*k;
  return T_NAME;
}

/* Identifiers beyond ASCII: XID_Start XID_Continue* (PEP 3131), tested before normalisation. */
static bool check_identifier(Lexer *lx, uint32_t start, uint32_t end) {
  const char *p = lx->src->text + start, *stop = lx->src->text + end;
  bool first = true;
  while (p < stop) {
    uint32_t c = utf8_decode(p, &p);
    if (!(first ? uc_is_id_start(c) : uc_is_id_continue(c))) {
      lx->at = (uint32_t)(p - lx->src->text);
      fail_char(lx, lx->at, c);
      return false;
    }
    first = false;
  }
  return true;
}

static bool lex_string(Lexer *lx, uint32_t start);

/* b, u, r, f, br, fr in any case and order */
static bool is_string_prefix(const char *s, size_t n) {
  int a = s[0] | 32, b = n == 2 ? s[1] | 32 : 0;
  if (n == 1) return a == 'b' || a == 'u' || a == 'r' || a == 'f';
  return n == 2 && ((a == 'r' && (b == 'b' || b == 'f')) || (b == 'r' && (a == 'b' || a == 'f')));
}

static bool lex_name(Lexer *lx) {
  const char *text = lx->src->text;
  uint32_t start = lx->at, at = start;
  unsigned high = 0;
  while (at < lx->end && is_name_char((unsigned char)text[at])) high |= (unsigned char)text[at++];
  lx->at = at;
  uint32_t n = at - start;
  if (n <= 2 && (peek(lx) == '"' || peek(lx) == '\'') && is_string_prefix(text + start, n)) return lex_string(lx, start);
  if (high & 0x80) return check_identifier(lx, start, at) && push(lx, T_NAME, start, lx->line);
  return push(lx, keyword_kind(text + start, n), start, lx->line);
}

/* ---- numbers ---- */

/* A number may run into a keyword (`1if x else y`): deprecated, so warned about. Any other ASCII name character right after it is an error;
 * what begins with another character is the next token. */
static bool number_end(Lexer *lx, const char *what) {
  static const char *const allowed[] = {"and", "else", "for", "if", "in", "is", "or", "not"};
  int c = peek(lx);
  if (!is_name_char(c) || c >= 0x80) return true;
  const char *p = lx->src->text + lx->at;
  for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
    size_t n = strlen(allowed[i]);
    if (lx->end - lx->at < n || memcmp(p, allowed[i], n) != 0) continue;
    if (c != 'i' && is_name_char(peek_at(lx, (uint32_t)n))) continue; /* CPython looks no further than "if", "in", "is" */
    LexWarning *w = arena_alloc(lx->arena, sizeof *w);
    char msg[64];
    int len = snprintf(msg, sizeof msg, "invalid %s literal", what);
    if (!w || !(w->msg = arena_strndup(lx->arena, msg, (size_t)len))) {
      lx->error.set = lx->failed = true;
      lx->error.kind = LEX_NO_MEMORY;
      return false;
    }
    w->line = lx->line;
    w->at = lx->at - 1;
    *lx->warnings_tail = w;
    lx->warnings_tail = &w->next;
    return true;
  }
  fail_at(lx, lx->line, lx->at, "invalid %s literal", what);
  return false;
}

/* decinteger tail: digits with single underscores between them. False: failed. */
static bool decimal_tail(Lexer *lx) {
  for (;;) {
    while (is_digit(peek(lx))) lx->at++;
    if (peek(lx) != '_') return true;
    lx->at++;
    if (!is_digit(peek(lx))) {
      fail_here(lx, "invalid decimal literal");
      return false;
    }
  }
}

static bool digit_of_base(int c, int base) { return base == 16 ? is_hex(c) : c >= '0' && c < '0' + base; }

/* hexinteger, octinteger, bininteger; the cursor stands on the letter. */
static bool prefixed_number(Lexer *lx, int base, const char *what) {
  lx->at++;
  do {
    if (peek(lx) == '_') lx->at++;
    if (!digit_of_base(peek(lx), base)) {
      if (base != 16 && is_digit(peek(lx))) fail_at(lx, lx->line, lx->at + 1, "invalid digit '%c' in %s literal", peek(lx), what);
      else fail_at(lx, lx->line, lx->at, "invalid %s literal", what);
      return false;
    }
    while (digit_of_base(peek(lx), base)) lx->at++;
  } while (peek(lx) == '_');
  if (base != 16 && is_digit(peek(lx))) {
    fail_at(lx, lx->line, lx->at + 1, "invalid digit '%c' in %s literal", peek(lx), what);
    return false;
  }
  return number_end(lx, what);
}

/* What may follow the digits of a decimal number: fraction (if not had), exponent, j. */
static bool number_tail(Lexer *lx, bool fraction_done, bool *is_integer) {
  *is_integer = true;
  const char *what = "decimal";
  if (!fraction_done && peek(lx) == '.') {
    *is_integer = false;
    lx->at++;
    if (is_digit(peek(lx)) && !decimal_tail(lx)) return false;
  }
  if (fraction_done) *is_integer = false;
  int c = peek(lx);
  if (c == 'e' || c == 'E') {
    uint32_t mark = lx->at;
    lx->at++;
    bool sign = peek(lx) == '+' || peek(lx) == '-';
    if (sign) lx->at++;
    if (is_digit(peek(lx))) {
      *is_integer = false;
      if (!decimal_tail(lx)) return false;
    } else if (sign) {
      fail_here(lx, "invalid decimal literal");
      return false;
    } else { /* `1else`: the e belongs to a keyword, or is an error */
      lx->at = mark;
      return number_end(lx, what);
    }
    c = peek(lx);
  }
  if (c == 'j' || c == 'J') {
    *is_integer = false;
    lx->at++;
    what = "imaginary";
  }
  return number_end(lx, what);
}

/* A number with leading zeros is 0, or a float, or a mistake. */
static bool zero_number(Lexer *lx, uint32_t start) {
  while (peek(lx) == '0' || peek(lx) == '_') {
    if (peek(lx) == '_' && !is_digit(peek_at(lx, 1))) {
      lx->at++;
      fail_here(lx, "invalid decimal literal");
      return false;
    }
    if (peek(lx) == '_' && peek_at(lx, 1) != '0') { /* 0_7 */
      lx->at++;
      break;
    }
    lx->at++;
  }
  uint32_t zeros_end = lx->at;
  bool nonzero = is_digit(peek(lx)), is_integer;
  if (nonzero && !decimal_tail(lx)) return false;
  int c = peek(lx);
  bool floaty = c == '.' || c == 'e' || c == 'E' || c == 'j' || c == 'J';
  if (nonzero && !floaty) {
    fail_at(lx, lx->line, start + 1, "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers");
    lx->error.end = (int32_t)zeros_end + 1;
    lx->error.in_bytes = true;
    return false;
  }
  return number_tail(lx, false, &is_integer);
}

static bool lex_number(Lexer *lx) {
  uint32_t start = lx->at;
  bool ok, is_integer;
  if (peek(lx) == '0') {
    int c = peek_at(lx, 1) | 32;
    lx->at++;
    if (peek(lx) < 0) ok = true;
    else if (c == 'x') ok = prefixed_number(lx, 16, "hexadecimal");
    else if (c == 'o') ok = prefixed_number(lx, 8, "octal");
    else if (c == 'b') ok = prefixed_number(lx, 2, "binary");
    else ok = zero_number(lx, start);
  } else if (peek(lx) == '.') {
    lx->at++;
    ok = decimal_tail(lx) && number_tail(lx, true, &is_integer);
  } else {
    ok = decimal_tail(lx) && number_tail(lx, false, &is_integer);
  }
  return ok && push(lx, T_NUMBER, start, lx->line);
}

/* ---- strings ---- */

static void unterminated(Lexer *lx, uint32_t start, int line, bool triple, bool at_eof) {
  /* the end of the text counts as the end of its last line */
  int found = lx->line - (at_eof && lx->line > lx->src->n_lines);
  fail_at(lx, line, start + 1, triple ? "unterminated triple-quoted string literal (detected at line %d)" : "unterminated string literal (detected at line %d)",
          found);
  lx->error.incomplete = triple || (at_eof && lx->end == lx->src->len);
}

/* The cursor stands on the quote; a prefix may begin at start. */
static bool lex_string(Lexer *lx, uint32_t start) {
  const char *text = lx->src->text;
  char quote = text[lx->at];
  int line = lx->line;
  bool triple = peek_at(lx, 1) == quote && peek_at(lx, 2) == quote;
  lx->at += triple ? 3 : 1;
  while (lx->at < lx->end) {
    char c = text[lx->at];
    if (c == quote && (!triple || (peek_at(lx, 1) == quote && peek_at(lx, 2) == quote))) {
      lx->at += triple ? 3 : 1;
      return push(lx, T_STRING, start, line);
    }
    if (c == '\n') {
      if (!triple) break;
      lx->line++;
    } else if (c == '\\' && lx->at + 1 < lx->end) {
      if (text[++lx->at] == '\n') lx->line++;
    }
    lx->at++;
  }
  unterminated(lx, start, line, triple, lx->at >= lx->end);
  return false;
}

/* ---- operators and brackets ---- */

static bool open_bracket(Lexer *lx, TokenKind kind) {
  int depth = lx->level - lx->base_level;
  lx->at++;
  if (lx->level >= LEX_MAX_BRACKETS) {
    fail_here(lx, "too many nested parentheses");
    return false;
  }
  lx->bracket[depth] = (Bracket){.open = token_texts[kind][0], .line = lx->line, .at = lx->at - 1};
  lx->level++;
  return push(lx, kind, lx->at - 1, lx->line);
}

static bool close_bracket(Lexer *lx, TokenKind kind) {
  char close = token_texts[kind][0];
  lx->at++;
  if (lx->level == lx->base_level) {
    fail_at(lx, lx->line, lx->at, "unmatched '%c'", close);
    return false;
  }
  lx->level--;
  const Bracket *b = &lx->bracket[lx->level - lx->base_level];
  if (b->open != token_texts[kind - 1][0]) {
    if (b->line != lx->line)
      fail_at(lx, lx->line, lx->at, "closing parenthesis '%c' does not match opening parenthesis '%c' on line %d", close, b->open, b->line);
    else fail_at(lx, lx->line, lx->at, "closing parenthesis '%c' does not match opening parenthesis '%c'", close, b->open);
    return false;
  }
  return push(lx, kind, lx->at - 1, lx->line);
}

/* An operator character: what it is alone, with '=', doubled, and doubled with '='. */
typedef struct Operator {
  char c;
  uint8_t one, equal, twice, twice_equal;
} Operator;

static const Operator operators[] = {
  {',', T_COMMA, 0, 0, 0}, {'.', T_DOT, 0, 0, 0}, {'=', T_EQUAL, T_EQEQUAL, 0, 0}, {':', T_COLON, T_COLONEQUAL, 0, 0},
  {'+', T_PLUS, T_PLUSEQUAL, 0, 0}, {'-', T_MINUS, T_MINEQUAL, 0, 0}, {'*', T_STAR, T_STAREQUAL, T_DOUBLESTAR, T_DOUBLESTAREQUAL},
  {'/', T_SLASH, T_SLASHEQUAL, T_DOUBLESLASH, T_DOUBLESLASHEQUAL}, {'%', T_PERCENT, T_PERCENTEQUAL, 0, 0}, {'@', T_AT, T_ATEQUAL, 0, 0},
  {'<', T_LESS, T_LESSEQUAL, T_LEFTSHIFT, T_LEFTSHIFTEQUAL}, {'>', T_GREATER, T_GREATEREQUAL, T_RIGHTSHIFT, T_RIGHTSHIFTEQUAL},
  {'&', T_AMPER, T_AMPEREQUAL, 0, 0}, {'|', T_VBAR, T_VBAREQUAL, 0, 0}, {'^', T_CIRCUMFLEX, T_CIRCUMFLEXEQUAL, 0, 0}, {'~', T_TILDE, 0, 0, 0},
  {';', T_SEMI, 0, 0, 0}, {'!', T_JUNK, T_NOTEQUAL, 0, 0}, {'$', T_JUNK, 0, 0, 0}, {'?', T_JUNK, 0, 0, 0}, {'`', T_JUNK, 0, 0, 0},
};

/* Longest match. T_COUNT: no operator. */
static TokenKind operator_kind(int c, int d, int e, uint32_t *len) {
  *len = 1;
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
    const Operator *o = &operators[i];
    if (o->c != c) continue;
    if (c == d && o->twice) {
      *len = e == '=' ? 3 : 2;
      return (TokenKind)(e == '=' ? o->twice_equal : o->twice);
    }
    if (d == '=' && o->equal) {
      *len = 2;
      return (TokenKind)o->equal;
    }
    if (c == '.' && d == '.' && e == '.') {
      *len = 3;
      return T_ELLIPSIS;
    }
    if ((c == '-' && d == '>') || (c == '<' && d == '>')) {
      *len = 2;
      return c == '-' ? T_ARROW : T_JUNK;
    }
    return (TokenKind)o->one;
  }
  return T_COUNT;
}

static bool lex_operator(Lexer *lx) {
  int c = peek(lx);
  switch (c) {
    case '(': return open_bracket(lx, T_LPAR);
    case '[': return open_bracket(lx, T_LSQB);
    case '{': return open_bracket(lx, T_LBRACE);
    case ')': return close_bracket(lx, T_RPAR);
    case ']': return close_bracket(lx, T_RSQB);
    case '}': return close_bracket(lx, T_RBRACE);
    default: break;
  }
  uint32_t len;
  TokenKind kind = operator_kind(c, peek_at(lx, 1), peek_at(lx, 2), &len);
  lx->at += len;
  if (kind == T_COUNT) {
    fail_char(lx, lx->at, (uint32_t)c);
    return false;
  }
  return push(lx, kind, lx->at - len, lx->line);
}

/* ---- lines and indentation ---- */

/* Backslash, newline: joins lines (2.1.5). True: joined; false: failed. */
static bool join_line(Lexer *lx) {
  lx->at++;
  if (peek(lx) != '\n') {
    fail_soft(lx, LEX_SYNTAX, lx->at, 1, -2, "unexpected character after line continuation character");
    const Token *last = lx->out->n ? &lx->out->items[lx->out->n - 1] : NULL;
    if (last && last->end_line == lx->line && last->line < lx->line) /* after a string of several lines CPython counts from its first line */
      lx->error.shift += (int)(source_line_start(lx->src, lx->line) - source_line_start(lx->src, last->line));
    return false;
  }
  if (lx->at + 1 >= lx->end) { /* end of the input */
    lx->at++;
    fail_eof(lx);
    return false;
  }
  lx->at++;
  lx->line++;
  return true;
}

static bool bad_tabs(Lexer *lx) {
  fail_soft(lx, LEX_TAB, source_line_start(lx->src, lx->line), 1, -2, "inconsistent use of tabs and spaces in indentation");
  return false;
}

/* Opens or closes blocks for a line whose first token stands at column col (tabs to eight) and alt (tabs as one). */
static bool change_indent(Lexer *lx, int col, int alt) {
  int top = lx->indents - 1;
  if (col == lx->indent[top]) return alt == lx->alt_indent[top] || bad_tabs(lx);
  if (col > lx->indent[top]) {
    if (lx->indents == LEX_MAX_INDENT) {
      fail_soft(lx, LEX_INDENTATION, source_line_start(lx->src, lx->line), 1, -2, "too many levels of indentation");
      return false;
    }
    if (alt <= lx->alt_indent[top]) return bad_tabs(lx);
    lx->indent[lx->indents] = col;
    lx->alt_indent[lx->indents++] = alt;
    return push(lx, T_INDENT, lx->at, lx->line);
  }
  while (col < lx->indent[top]) top--;
  if (col != lx->indent[top]) {
    size_t len;
    source_line(lx->src, lx->line, &len);
    fail_soft(lx, LEX_INDENTATION, source_line_start(lx->src, lx->line) + (uint32_t)len, 0, -3, "unindent does not match any outer indentation level");
    return false;
  }
  if (alt != lx->alt_indent[top]) return bad_tabs(lx);
  for (; lx->indents - 1 > top; lx->indents--)
    if (!push(lx, T_DEDENT, lx->at, lx->line)) return false;
  return true;
}

/* Start of a logical line: measures the indentation. Blank and comment lines leave no trace. */
static bool lex_line_start(Lexer *lx) {
  int col = 0, alt = 0, joined_col = -1, joined_alt = 0;
  for (;;) {
    int c = peek(lx);
    if (c == ' ') {
      col++;
      alt++;
    } else if (c == '\t') {
      col = (col / 8 + 1) * 8;
      alt++;
    } else if (c == '\f') {
      col = alt = 0;
    } else if (c == '\\') { /* the indentation before the first backslash counts */
      if (joined_col < 0) joined_col = col, joined_alt = alt;
      if (!join_line(lx)) return false;
      continue;
    } else {
      break;
    }
    lx->at++;
  }
  if (joined_col >= 0) col = joined_col, alt = joined_alt;
  int c = peek(lx);
  if (c == '#') {
    while (peek(lx) >= 0 && peek(lx) != '\n') lx->at++;
    c = peek(lx);
  }
  if (c == '\n') {
    lx->at++;
    lx->line++;
    return true;
  }
  lx->line_start = false;
  return c < 0 || change_indent(lx, col, alt);
}

/* NEWLINE spans the comment before it, if there is one. */
static bool lex_newline(Lexer *lx) {
  if (lx->level == 0) {
    if (!push(lx, T_NEWLINE, lx->commented ? lx->comment_at : lx->at, lx->line)) return false;
    lx->line_start = true;
  }
  lx->commented = false;
  lx->at++;
  lx->line++;
  return true;
}

static bool lex_token(Lexer *lx) {
  int c = peek(lx);
  if (is_name_start(c)) return lex_name(lx);
  if (is_digit(c) || (c == '.' && is_digit(peek_at(lx, 1)))) return lex_number(lx);
  switch (c) {
    case ' ': case '\t': case '\f': lx->at++; return true;
    case '\n': return lex_newline(lx);
    case '"': case '\'': return lex_string(lx, lx->at);
    case '\\': return join_line(lx);
    case '#': {
      const char *p = lx->src->text + lx->at, *eol = memchr(p, '\n', lx->end - lx->at);
      lx->commented = true;
      lx->comment_at = lx->at;
      lx->at = eol ? (uint32_t)(eol - lx->src->text) : lx->end;
      return true;
    }
    default: return lex_operator(lx);
  }
}

/* The last tokens: open blocks end, then END. They stand on the last line. */
static void lex_end(Lexer *lx) {
  if (lx->level > lx->base_level) {
    fail_eof(lx);
    return;
  }
  int line = lx->line > lx->src->n_lines ? lx->src->n_lines : lx->line;
  lx->line = line;
  for (; lx->indents > 1 && !lx->failed; lx->indents--) push(lx, T_DEDENT, lx->at, line);
  if (!lx->failed) push(lx, T_END, lx->at, line);
}

static bool run(Lexer *lx) {
  while (lx->at < lx->end && !lx->failed) {
    if (lx->line_start && lx->level == 0) lex_line_start(lx);
    else lex_token(lx);
  }
  if (!lx->failed) lex_end(lx);
  if (!lx->failed) return true;
  if (lx->error.kind == LEX_NO_MEMORY) return false;
  return push(lx, T_ERROR, lx->at, lx->line);
}

static void init(Lexer *lx, const Source *src, Arena *arena, TokenVec *out) {
  memset(lx, 0, offsetof(Lexer, bracket));
  memset(&lx->error, 0, sizeof lx->error);
  lx->src = src;
  lx->arena = arena;
  lx->out = out;
  lx->indents = 1;
  lx->warnings = NULL;
  lx->warnings_tail = &lx->warnings;
}

bool lex_file(Lexer *lx, const Source *src, Arena *arena, TokenVec *out) {
  init(lx, src, arena, out);
  lx->end = src->len;
  lx->line = 1;
  lx->line_start = true;
  return run(lx);
}

bool lex_field(Lexer *lx, const Source *src, Arena *arena, TokenVec *out, uint32_t start, uint32_t end) {
  init(lx, src, arena, out);
  lx->at = start;
  lx->end = end;
  lx->line = source_line_at(src, start);
  lx->level = lx->base_level = 1;
  return run(lx);
}
