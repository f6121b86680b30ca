/* needs: libpcre2-8
 * Reading a pattern, the lower half: tokens, positions of errors, escapes, character sets. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "stdlib/full/re_int.h"

/* ---- memory of the nodes */

enum { CHUNK_NODES = 32 };
typedef struct ReChunk { struct ReChunk *next; Node nodes[CHUNK_NODES]; } ReChunk;

void *re_fail_memory(ReParser *p) {
  if (!p->failed) (void)tiny_no_memory(p->vm);
  p->failed = true;
  return NULL;
}

Node *re_node(ReParser *p, NodeOp op) {
  if (!p->chunks || p->chunk_used == CHUNK_NODES) {
    ReChunk *c = tiny_alloc(p->vm, NULL, 0, sizeof *c);
    if (!c) return re_fail_memory(p);
    c->next = p->chunks;
    p->chunks = c;
    p->chunk_used = 0;
  }
  Node *n = &p->chunks->nodes[p->chunk_used++];
  memset(n, 0, sizeof *n);
  n->op = (uint8_t)op;
  return n;
}

void re_parser_free(ReParser *p) {
  for (ReChunk *c = p->chunks, *next; c; c = next) {
    next = c->next;
    tiny_alloc(p->vm, c, sizeof *c, 0);
  }
  tiny_alloc(p->vm, p->groups, p->cap_groups * sizeof *p->groups, 0);
}

/* ---- errors */

static void *fail_text(ReParser *p, int64_t pos, tiny_val message) {
  p->failed = true;
  p->error = tiny_failed(message) ? TINY_NONE : message;
  p->error_pos = pos;
  return NULL;
}

#define MESSAGE(fmt) \
  char buf[160]; \
  va_list ap; \
  va_start(ap, fmt); \
  vsnprintf(buf, sizeof buf, fmt, ap); \
  va_end(ap)

/* Texts taken from the pattern are short pieces of it (names are formatted by tiny_format before they come here). */
void *re_fail(ReParser *p, size_t back, const char *fmt, ...) {
  if (p->failed) return NULL;
  MESSAGE(fmt);
  return fail_text(p, (int64_t)re_count(p->text, p->at, p->is_str) - (int64_t)back, tiny_string(p->vm, buf));
}

void *re_fail_at(ReParser *p, size_t start, const char *fmt, ...) {
  if (p->failed) return NULL;
  MESSAGE(fmt);
  return fail_text(p, (int64_t)re_count(p->text, start, p->is_str), tiny_string(p->vm, buf));
}

static void *fail_value(ReParser *p, size_t back, tiny_val message) {
  return p->failed ? NULL : fail_text(p, (int64_t)re_count(p->text, p->at, p->is_str) - (int64_t)back, message);
}

/* A piece of the pattern as a str; the bytes of a bytes pattern stand for themselves. */
static tiny_val piece(ReParser *p, size_t start, size_t end) {
  if (p->is_str) return tiny_string_n(p->vm, p->text + start, end - start);
  ReText t = {p->vm, NULL, 0, 0, false};
  for (size_t i = start; i < end; i++) re_text_cp(&t, (unsigned char)p->text[i], true);
  tiny_val s = t.failed ? tiny_no_memory(p->vm) : tiny_string_n(p->vm, t.data ? t.data : "", t.len);
  re_text_free(&t);
  return s;
}

/* "MESSAGE PIECE" with the position where the piece begins. */
static void *fail_piece(ReParser *p, const char *fmt, size_t start, size_t end) {
  if (p->failed) return NULL;
  return fail_text(p, (int64_t)re_count(p->text, start, p->is_str), tiny_format(p->vm, fmt, piece(p, start, end)));
}

void re_warn(ReParser *p, size_t at, const char *what) {
  if (p->failed) return;
  tiny_val text = tiny_format(p->vm, "%s at position %zu", what, re_count(p->text, at, p->is_str));
  if (tiny_is_none(p->warnings)) p->warnings = tiny_list(p->vm, 0, NULL);
  if (tiny_failed(p->warnings) || !tiny_list_append(p->vm, p->warnings, text)) {
    p->failed = true;
    p->error = TINY_NONE;
  }
}

/* ---- tokens */

static size_t char_len(const ReParser *p, size_t at) {
  size_t n = 1;
  (void)re_decode(p->text + at, p->is_str, &n);
  return n;
}

bool re_seek(ReParser *p, size_t at) {
  p->at = at;
  p->len = 0;
  if (at >= p->size) return true;
  p->len = char_len(p, at);
  if (p->text[at] != '\\') return true;
  if (at + 1 >= p->size) {
    p->len = 0;
    p->at = p->size;
    return re_fail(p, 1, "bad escape (end of pattern)"), false;
  }
  p->len += char_len(p, at + 1);
  return true;
}

bool re_advance(ReParser *p) { return re_seek(p, p->at + p->len); }

bool re_match_char(ReParser *p, char c) { return p->len == 1 && p->text[p->at] == c && re_advance(p); }

tiny_val re_until(ReParser *p, char end, const char *what) {
  size_t start = p->at;
  while (p->len && !(p->len == 1 && p->text[p->at] == end)) {
    if (!re_advance(p)) return TINY_ABSENT;
  }
  if (p->len == 0) {
    if (p->at == start) re_fail(p, 0, "missing %s", what);
    else re_fail_at(p, start, "missing %c, unterminated name", end);
    return TINY_ABSENT;
  }
  if (p->at == start) {
    if (re_advance(p)) re_fail(p, 1, "missing %s", what);
    return TINY_ABSENT;
  }
  tiny_val name = piece(p, start, p->at);
  if (tiny_failed(name)) {
    p->failed = true;
    return TINY_ABSENT;
  }
  return re_advance(p) ? name : TINY_ABSENT;
}

bool re_check_name(ReParser *p, tiny_val name, size_t back) {
  int yes = tiny_truth(p->vm, tiny_call_method(p->vm, name, "isidentifier", 0, NULL));
  if (yes < 0) return p->failed = true, false;
  if (!yes) fail_value(p, back, tiny_format(p->vm, "bad character in group name %R", name));
  return yes;
}

/* ---- escapes */

static bool is_octal(int c) { return c >= '0' && c <= '7'; }
static bool is_digit(int c) { return c >= '0' && c <= '9'; }
static bool is_letter(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static int hex_digit(int c) { return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

static Node *char_node(ReParser *p, uint32_t c) {
  Node *n = re_node(p, N_CHAR);
  if (!n) return NULL;
  n->a = c;
  n->lo = n->hi = 1;
  return n;
}

/* \xhh, \uhhhh, \Uhhhhhhhh */
static Node *hex_escape(ReParser *p, size_t start, int digits) {
  uint32_t c = 0;
  int n = 0;
  for (; n < digits && hex_digit(re_next(p)) >= 0; n++) {
    c = c << 4 | (uint32_t)hex_digit(re_next(p));
    if (!re_advance(p)) return NULL;
  }
  if (n < digits) return fail_piece(p, "incomplete escape %S", start, p->at);
  if (c > 0x10FFFF) return fail_piece(p, "bad escape %S", start, p->at);
  return char_node(p, c);
}

static Node *named_char(ReParser *p, size_t start) {
  if (!re_match_char(p, '{')) return p->failed ? NULL : re_fail(p, 0, "missing {");
  tiny_val name = re_until(p, '}', "character name");
  if (tiny_is_absent(name)) return NULL;
  tiny_val c = tiny_call(p->vm, p->lookup, 1, &name);
  size_t n;
  const char *text = tiny_failed(c) || tiny_is_none(c) ? NULL : tiny_to_str(p->vm, c, &n);
  if (text) return char_node(p, re_decode(text, true, &n));
  if (tiny_pending(p->vm)) return p->failed = true, NULL;
  return fail_text(p, (int64_t)re_count(p->text, start, p->is_str), tiny_format(p->vm, "undefined character name %R", name));
}

static Node *octal(ReParser *p, size_t start, size_t from) {
  uint32_t c = 0;
  for (size_t i = from; i < p->at; i++) c = c * 8 + (uint32_t)(p->text[i] - '0');
  if (c > 0377) {
    re_fail_at(p, start, "octal escape value %.*s outside of range 0-0o377", (int)(p->at - start), p->text + start);
    return NULL;
  }
  return char_node(p, c);
}

/* \1 to \99: a group, or three octal digits. The first digit has been taken. */
static Node *group_reference(ReParser *p, size_t start) {
  if (is_digit(re_next(p))) {
    if (!re_advance(p)) return NULL;
    if (is_octal(p->text[start + 1]) && is_octal(p->text[start + 2]) && is_octal(re_next(p))) return re_advance(p) ? octal(p, start, start + 1) : NULL;
  }
  uint32_t group = 0;
  for (size_t i = start + 1; i < p->at; i++) group = group * 10 + (uint32_t)(p->text[i] - '0');
  if (group >= p->n_groups) return re_fail_at(p, start + 1, "invalid group reference %u", group);
  if (!p->groups[group].rank) return re_fail_at(p, start, "cannot refer to an open group");
  if (p->behind && group >= p->behind) return re_fail(p, 0, "cannot refer to group defined in the same lookbehind subpattern");
  Node *n = re_node(p, N_REF);
  if (!n) return NULL;
  n->a = group;
  n->lo = p->groups[group].lo;
  n->hi = p->groups[group].hi;
  return n;
}

static int control_escape(int c) {
  switch (c) {
  case 'a': return 7;
  case 'f': return 12;
  case 'n': return 10;
  case 'r': return 13;
  case 't': return 9;
  case 'v': return 11;
  default: return -1;
  }
}

static Node *letter_node(ReParser *p, NodeOp op, int c) {
  Node *n = re_node(p, op);
  if (!n) return NULL;
  n->kind = (uint8_t)c;
  n->lo = n->hi = op == N_CATEGORY;
  return n;
}

static bool more_octal(ReParser *p) {
  for (int i = 0; i < 2 && is_octal(re_next(p)); i++) {
    if (!re_advance(p)) return false;
  }
  return true;
}

Node *re_escape(ReParser *p, size_t start, size_t len, bool in_set) {
  int c = (unsigned char)p->text[start + 1];
  if (strchr("dDsSwW", c)) return letter_node(p, N_CATEGORY, c);
  if (!in_set && strchr("AbBZ", c)) return letter_node(p, N_AT, c);
  if (in_set && c == 'b') return char_node(p, 8);
  if (control_escape(c) >= 0) return char_node(p, (uint32_t)control_escape(c));
  if (c == 'x') return hex_escape(p, start, 2);
  if (p->is_str && (c == 'u' || c == 'U')) return hex_escape(p, start, c == 'u' ? 4 : 8);
  if (p->is_str && c == 'N') return named_char(p, start);
  if (c == '0' || (in_set && is_octal(c))) return more_octal(p) ? octal(p, start, start + 1) : NULL;
  if (!in_set && is_digit(c)) return group_reference(p, start);
  if (is_letter(c) || (in_set && is_digit(c))) return fail_piece(p, "bad escape %S", start, start + len);
  size_t n;
  return char_node(p, re_decode(p->text + start + 1, p->is_str, &n));
}

/* ---- sets */

static Node *set_item(ReParser *p, size_t start, size_t len) {
  size_t n;
  if (p->text[start] == '\\') return re_escape(p, start, len, true);
  return char_node(p, re_decode(p->text + start, p->is_str, &n));
}

/* Doubled operators may become set operations in a future version of the language: FutureWarning. */
static void warn_set(ReParser *p, size_t start, bool empty) {
  int c = p->text[start];
  if (empty || re_next(p) != c) return;
  if (c == '-') re_warn(p, start, "Possible set difference");
  if (c == '&') re_warn(p, start, "Possible set intersection");
  if (c == '~') re_warn(p, start, "Possible set symmetric difference");
  if (c == '|') re_warn(p, start, "Possible set union");
}

/* After "x-": the upper end. 1: *item became a range, 0: the set ended, -1. */
static int set_range(ReParser *p, size_t here, size_t start, Node **item, Node **minus) {
  size_t at = p->at, len = p->len;
  if (len == 0) return re_fail_at(p, here, "unterminated character set"), -1;
  if (!re_advance(p)) return -1;
  if (len == 1 && p->text[at] == ']') {
    *minus = char_node(p, '-');
    return *minus ? 0 : -1;
  }
  if (len == 1 && p->text[at] == '-') re_warn(p, at - 1, "Possible set difference");
  Node *to = set_item(p, at, len);
  if (!to) return -1;
  Node *from = *item;
  if (from->op != N_CHAR || to->op != N_CHAR || to->a < from->a) return fail_piece(p, "bad character range %S", start, p->at), -1;
  from->op = N_RANGE;
  from->b = to->a;
  return 1;
}

/* The "[" has been taken. */
Node *re_set(ReParser *p) {
  size_t here = p->at - 1;
  Node *set = re_node(p, N_SET);
  if (!set) return NULL;
  set->lo = set->hi = 1;
  if (re_next(p) == '[') re_warn(p, p->at, "Possible nested set");
  set->kind = re_match_char(p, '^');
  Node **tail = &set->sub;
  while (!p->failed) {
    size_t start = p->at, len = p->len;
    if (len == 0) return re_fail_at(p, here, "unterminated character set");
    if (!re_advance(p)) return NULL;
    if (len == 1 && p->text[start] == ']' && set->sub) return set;
    warn_set(p, start, !set->sub);
    Node *item = set_item(p, start, len), *minus = NULL;
    if (!item) return NULL;
    int more = re_match_char(p, '-') ? set_range(p, here, start, &item, &minus) : 1;
    if (more < 0) return NULL;
    *tail = item;
    tail = &item->next;
    if (more == 0) {
      *tail = minus;
      return set;
    }
  }
  return NULL;
}
