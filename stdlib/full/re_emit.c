/* needs: libpcre2-8
 * From the tree of a pattern to PCRE2's syntax.
 *
 * Everything where the two differ is written out: ^ $ \Z . \s and the ASCII and Unicode meanings of \d \w \b, so that the code is compiled with DOTALL, MULTILINE
 * and ALT_CIRCUMFLEX always, and with UCP when the pattern is a Unicode one. Only caselessness is left to PCRE2's own flag, written as groups (?i: and (?-i:
 * where it changes; ASCII caselessness is written out as sets, and so are the few letters that Python holds equal and PCRE2 does not.
 *
 * A str pattern has two codes, each made when it is first needed: a wide one for any text, and a narrow one, of bytes, for ASCII text, where all sets are bitmaps and
 * PCRE2 can skip to places where a match may begin. In the narrow one the byte FF, which no such text has, stands for every other character.
 *
 * Callouts stand where a match can spend time without end (start of an attempt, bodies of loops, after the second and later loops over one character):
 * they charge fuel and look at interrupts, see re_engine.c. */
#include <string.h>
#include "stdlib/full/re_int.h"

enum { PCRE_COUNT_MAX = 65535, LOOP_IS_LONG = 500 };

typedef struct Emit {
  ReText *out;
  bool is_str, wide, ucp, caseless, marks, behind;
  int loops;
  bool failed;
  const char *error;
} Emit;

static void emit_seq(Emit *e, const Node *seq, unsigned flags);
static void emit_body(Emit *e, const Node *n, unsigned flags);
static void emit_node(Emit *e, const Node *n, unsigned flags);

static void put(Emit *e, const char *s) { re_text_str(e->out, s); }

static bool is_letter(uint32_t c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
static bool is_unicode(const Emit *e, unsigned flags) { return e->wide && !(flags & RE_A); }
static bool by_hand(const Emit *e, unsigned flags) { return (flags & RE_I) && !is_unicode(e, flags); } /* caseless, for ASCII letters only */

/* ---- characters */

static void put_char(Emit *e, uint32_t c) {
  if (c >= 0x80 && e->wide) re_text_cp(e->out, c, true);
  else if (c >= 0x80 && e->is_str) put(e, "\\xff");
  else if (c >= 0x7F || c < 0x20) re_text_fmt(e->out, "\\x{%02x}", c);
  else if (is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == ' ') re_text_fmt(e->out, "%c", c);
  else re_text_fmt(e->out, "\\%c", c);
}

/* Letters that are equal without case beyond what PCRE2 knows (Unicode: simple lower case of U+0130, dotless i, and pairs of one upper-case mapping). */
static const uint32_t equal_letters[][4] = {{'i', 'I', 0x130, 0x131}, {0x390, 0x1FD3, 0x390, 0x1FD3}, {0x3B0, 0x1FE3, 0x3B0, 0x1FE3}, {0xFB05, 0xFB06, 0xFB05, 0xFB06}};
enum { N_EQUAL = sizeof equal_letters / sizeof *equal_letters };

/* What such letters are in ASCII text. */
static const struct { uint32_t c, ascii; } folded[] = {{0x130, 'i'}, {0x131, 'i'}, {0x17F, 's'}, {0x212A, 'k'}};

static bool folds(const Emit *e, unsigned flags) { return e->is_str && !e->wide && (flags & RE_I) && !(flags & RE_A); }

static uint32_t fold(const Emit *e, uint32_t c, unsigned flags) {
  for (size_t i = 0; c >= 0x80 && folds(e, flags) && i < sizeof folded / sizeof *folded; i++) {
    if (folded[i].c == c) return folded[i].ascii;
  }
  return c;
}

static int equal_row(uint32_t c) {
  for (int i = 0; i < N_EQUAL; i++) {
    for (int j = 0; j < 4; j++) {
      if (equal_letters[i][j] == c) return i;
    }
  }
  return -1;
}

static void put_equal(Emit *e, int row) {
  for (int j = 0; j < 4; j++) put_char(e, equal_letters[row][j]);
}

static void emit_char(Emit *e, uint32_t c, unsigned flags) {
  int row = (flags & RE_I) && is_unicode(e, flags) ? equal_row(c) : -1;
  c = fold(e, c, flags);
  if (row >= 0) {
    put(e, "[");
    put_equal(e, row);
    put(e, "]");
  } else if (by_hand(e, flags) && is_letter(c)) {
    /* the byte that never occurs keeps PCRE2 from looking for each case with a memchr of its own, to the end of the text if need be, for every match */
    re_text_fmt(e->out, e->is_str && !e->wide ? "[%c%c\\xff]" : "[%c%c]", c | 32, c & ~32u);
  } else {
    put_char(e, c);
  }
}

/* ---- categories */

#define ASCII_WORD "A-Za-z0-9_"
#define UNICODE_WORD "\\p{L}\\p{N}_"
#define SPACES "\\t-\\r\\x1c-\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define NO_SPACES "\\x00-\\x08\\x0e-\\x1b\\x21-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"

/* PCRE2 from 10.43 on counts marks as parts of words. */
#if PCRE2_MAJOR == 10 && PCRE2_MINOR < 43
enum { SAME_WORDS = 1 };
#else
enum { SAME_WORDS = 0 };
#endif

/* Inside a set. */
static const char *category_items(const Emit *e, int kind, unsigned flags) {
  if (is_unicode(e, flags)) {
    switch (kind) {
    case 'd': return "\\p{Nd}";
    case 'D': return "\\P{Nd}";
    case 'w': return SAME_WORDS ? "\\p{Xwd}" : UNICODE_WORD;
    case 'W': return "\\P{Xwd}";
    case 's': return SPACES;
    default: return NO_SPACES;
    }
  }
  bool all = e->wide, separators = e->is_str && !(flags & RE_A); /* U+001C to U+001F are space in Unicode */
  switch (kind) {
  case 'd': return "0-9";
  case 'D': return all ? "\\x00-/:-\\x{10ffff}" : "\\x00-/:-\\xff";
  case 'w': return ASCII_WORD;
  case 'W': return all ? "\\x00-/:-@\\[-\\^`{-\\x{10ffff}" : "\\x00-/:-@\\[-\\^`{-\\xff";
  case 's': return separators ? "\\t-\\r\\x1c-\\x20" : "\\t-\\r\\x20";
  default: return separators ? "\\x00-\\x08\\x0e-\\x1b!-\\xff" : all ? "\\x00-\\x08\\x0e-\\x1f!-\\x{10ffff}" : "\\x00-\\x08\\x0e-\\x1f!-\\xff";
  }
}

static void emit_category(Emit *e, int kind, unsigned flags) {
  bool native = is_unicode(e, flags) ? e->ucp && (kind == 'd' || kind == 'D' || ((kind == 'w' || kind == 'W') && SAME_WORDS)) : !e->ucp && !((kind | 32) == 's' && e->is_str && !(flags & RE_A));
  if (native) {
    re_text_fmt(e->out, "\\%c", kind);
  } else {
    bool negative = kind < 'a';
    re_text_fmt(e->out, negative ? "[^%s]" : "[%s]", category_items(e, kind | 32, flags));
  }
}

/* ---- sets */

/* The other case of the ASCII letters of a range. */
static void put_other_case(Emit *e, uint32_t from, uint32_t to) {
  for (int shift = 0; shift <= 32; shift += 32) {
    uint32_t lo = 'A' + (uint32_t)shift, hi = lo + 25, a = from > lo ? from : lo, b = to < hi ? to : hi;
    if (a <= b) re_text_fmt(e->out, "%c-%c", a ^ 32, b ^ 32);
  }
}

static void put_range(Emit *e, uint32_t from, uint32_t to, unsigned flags) {
  put_char(e, from);
  if (to != from) {
    put(e, "-");
    put_char(e, to);
  }
  if (by_hand(e, flags)) put_other_case(e, from, to);
  for (size_t i = 0; folds(e, flags) && i < sizeof folded / sizeof *folded; i++) {
    if (from <= folded[i].c && folded[i].c <= to) re_text_fmt(e->out, "%c%c", folded[i].ascii, folded[i].ascii & ~32u);
  }
  if (!(flags & RE_I) || !is_unicode(e, flags)) return;
  for (int row = 0; row < N_EQUAL; row++) {
    for (int j = 0; j < 4; j++) {
      if (equal_letters[row][j] < from || equal_letters[row][j] > to) continue;
      put_equal(e, row);
      break;
    }
  }
}

static void emit_set(Emit *e, const Node *set, unsigned flags) {
  put(e, set->kind ? "[^" : "[");
  for (const Node *n = set->sub; n; n = n->next) {
    if (n->op != N_CATEGORY) {
      put_range(e, n->a, n->op == N_RANGE ? n->b : n->a, flags);
    } else if (n->kind == 'W' && is_unicode(e, flags) && !SAME_WORDS) {
      e->failed = true; /* "_" would have to be taken out again */
      e->error = "\\W inside a set: not supported with this version of PCRE2";
    } else {
      put(e, category_items(e, n->kind, flags));
    }
  }
  put(e, "]");
}

/* ---- places */

static void emit_boundary(Emit *e, bool inside, unsigned flags) {
  bool unicode = is_unicode(e, flags);
  if (unicode ? e->ucp && SAME_WORDS : !e->ucp) {
    put(e, inside ? "\\B" : "\\b");
  } else {
    const char *w = unicode ? UNICODE_WORD : ASCII_WORD;
    re_text_fmt(e->out, inside ? "(?:(?<=[%s])(?=[%s])|(?<![%s])(?![%s]))" : "(?:(?<=[%s])(?![%s])|(?<![%s])(?=[%s]))", w, w, w, w);
  }
  if (inside) put(e, "(?!\\A\\z)"); /* an empty text has no place that is \B */
}

static void emit_at(Emit *e, int kind, unsigned flags) {
  switch (kind) {
  case '^': put(e, flags & RE_M ? "^" : "\\A"); break;
  case '$': put(e, flags & RE_M ? "$" : "\\Z"); break;
  case 'A': put(e, "\\A"); break;
  case 'Z': put(e, "\\z"); break;
  default: emit_boundary(e, kind == 'B', flags);
  }
}

/* ---- repeats */

static bool is_single(const Node *n) { return n->op == N_CHAR || n->op == N_ANY || n->op == N_SET || n->op == N_CATEGORY; }

static const char *suffix(int kind) { return kind == REPEAT_LAZY ? "?" : kind == REPEAT_POSSESSIVE ? "+" : ""; }

static void put_count(Emit *e, uint32_t lo, uint32_t hi, int kind) {
  if (lo == 0 && hi == REPEAT_MAX) put(e, "*");
  else if (lo == 1 && hi == REPEAT_MAX) put(e, "+");
  else if (lo == 0 && hi == 1) put(e, "?");
  else if (hi == REPEAT_MAX) re_text_fmt(e->out, "{%u,}", lo);
  else if (lo == hi) re_text_fmt(e->out, "{%u}", lo);
  else re_text_fmt(e->out, "{%u,%u}", lo, hi);
  put(e, suffix(kind));
}

/* The repeated item, which may be several pieces of PCRE2's syntax. */
static void emit_item(Emit *e, const Node *item, unsigned flags, bool callout) {
  bool group = item->op == N_GROUP && (e->marks || callout);
  if (group) put(e, callout ? "(?:(?C1)" : "(?:");
  emit_node(e, item, flags);
  if (group) put(e, ")");
}

/* x{n} for any n: PCRE2 counts to 65535. */
static void emit_exactly(Emit *e, const Node *item, uint32_t n, unsigned flags) {
  if (n > PCRE_COUNT_MAX) {
    put(e, "(?:");
    emit_item(e, item, flags, false);
    re_text_fmt(e->out, "{%u}){%u}", PCRE_COUNT_MAX, n / PCRE_COUNT_MAX);
    n %= PCRE_COUNT_MAX;
  }
  if (n == 0) return;
  emit_item(e, item, flags, false);
  re_text_fmt(e->out, "{%u}", n);
}

/* x{0,n} for a large n: a full piece and then what is left of n, or less than a piece. */
static void emit_at_most(Emit *e, const Node *item, uint32_t n, int kind, unsigned flags) {
  int depth = 0;
  for (; n > PCRE_COUNT_MAX; n -= PCRE_COUNT_MAX, depth++) {
    if (kind == REPEAT_LAZY) {
      put(e, "(?:");
      emit_item(e, item, flags, false);
      re_text_fmt(e->out, "{0,%u}?|", PCRE_COUNT_MAX - 1);
    } else {
      put(e, "(?:");
    }
    emit_exactly(e, item, PCRE_COUNT_MAX, flags);
  }
  emit_item(e, item, flags, false);
  put_count(e, 0, n, kind == REPEAT_LAZY ? REPEAT_LAZY : REPEAT_GREEDY);
  while (depth--) {
    if (kind != REPEAT_LAZY) {
      put(e, "|");
      emit_item(e, item, flags, false);
      re_text_fmt(e->out, "{0,%u}", PCRE_COUNT_MAX - 1);
    }
    put(e, ")");
  }
}

static void emit_large_repeat(Emit *e, const Node *n, unsigned flags) {
  enum { NO_BOUND = 1 << 22 }; /* counts beyond are not kept */
  put(e, n->kind == REPEAT_POSSESSIVE ? "(?>" : "(?:");
  if (n->a > NO_BOUND) {
    e->failed = true;
    e->error = "such a large repetition number: not supported";
  } else {
    emit_exactly(e, n->sub, n->a, flags);
    if (n->b > NO_BOUND) {
      emit_item(e, n->sub, flags, true);
      put_count(e, 0, REPEAT_MAX, n->kind);
    } else if (n->b > n->a) {
      emit_at_most(e, n->sub, n->b - n->a, n->kind, flags);
    }
  }
  put(e, ")");
}

static void emit_repeat(Emit *e, const Node *n, unsigned flags) {
  bool loop = n->b > LOOP_IS_LONG && n->b != n->a && n->kind != REPEAT_POSSESSIVE;
  if (n->a > PCRE_COUNT_MAX || (n->b > PCRE_COUNT_MAX && n->b != REPEAT_MAX)) {
    emit_large_repeat(e, n, flags);
    e->loops++;
    return;
  }
  emit_item(e, n->sub, flags, n->b > LOOP_IS_LONG);
  put_count(e, n->a, n->b, n->kind);
  if (loop && is_single(n->sub) && e->loops++ && !e->behind) put(e, "(?C1)");
  if (n->b > 1 && !is_single(n->sub)) e->loops++;
}

/* ---- groups */

static void emit_group(Emit *e, const Node *n, unsigned flags) {
  unsigned inner = flags;
  if (n->add & (RE_A | RE_L | RE_U)) inner &= ~(unsigned)(RE_A | RE_L | RE_U);
  inner = (inner | n->add) & ~(unsigned)n->del;
  bool caseless = (inner & RE_I) && !by_hand(e, inner), before = e->caseless;
  put(e, n->a ? "(" : caseless == before ? "(?:" : caseless ? "(?i:" : "(?-i:");
  e->caseless = caseless;
  emit_body(e, n->sub, inner);
  e->caseless = before;
  put(e, ")");
  if (n->a && e->marks) re_text_fmt(e->out, "(*:%u)", n->a);
}

static void emit_look(Emit *e, const Node *n, unsigned flags) {
  static const char *const head[] = {"(?=", "(?!", "(?<=", "(?<!"};
  bool before = e->behind;
  if ((n->kind & LOOK_BEHIND) && n->sub->lo != n->sub->hi) {
    e->failed = true;
    e->error = "look-behind requires fixed-width pattern";
    return;
  }
  if ((n->kind & LOOK_BEHIND) && n->sub->lo == REPEAT_MAX) {
    e->failed = true;
    e->error = "looks too much behind";
    return;
  }
  if (n->kind & LOOK_BEHIND) e->behind = true;
  put(e, head[n->kind]);
  emit_body(e, n->sub, flags);
  put(e, ")");
  e->behind = before;
}

static void emit_cond(Emit *e, const Node *n, unsigned flags) {
  re_text_fmt(e->out, "(?(%u)", n->a);
  emit_seq(e, n->sub, flags);
  if (n->sub2) {
    put(e, "|");
    emit_seq(e, n->sub2, flags);
  }
  put(e, ")");
}

static void emit_node(Emit *e, const Node *n, unsigned flags) {
  switch ((NodeOp)n->op) {
  case N_CHAR: emit_char(e, n->a, flags); break;
  case N_ANY: put(e, flags & RE_S ? "." : "\\N"); break;
  case N_SET: emit_set(e, n, flags); break;
  case N_CATEGORY: emit_category(e, n->kind, flags); break;
  case N_AT: emit_at(e, n->kind, flags); break;
  case N_REPEAT: emit_repeat(e, n, flags); break;
  case N_GROUP: emit_group(e, n, flags); break;
  case N_ATOMIC:
    put(e, "(?>");
    emit_body(e, n->sub, flags);
    put(e, ")");
    break;
  case N_LOOK: emit_look(e, n, flags); break;
  case N_REF: re_text_fmt(e->out, by_hand(e, flags) ? "(?i:\\g{%u})" : "\\g{%u}", n->a); break;
  case N_COND: emit_cond(e, n, flags); break;
  case N_FAIL: put(e, "(?:(?!))"); break; /* a bare (?!) cannot be repeated */
  default: emit_body(e, n, flags);
  }
}

static void emit_seq(Emit *e, const Node *seq, unsigned flags) {
  for (const Node *n = seq->sub; n; n = n->next) emit_node(e, n, flags);
}

static void emit_body(Emit *e, const Node *n, unsigned flags) {
  if (n->op != N_BRANCH) {
    emit_seq(e, n, flags);
    return;
  }
  for (const Node *branch = n->sub; branch; branch = branch->next) {
    if (branch != n->sub) put(e, "|");
    emit_seq(e, branch, flags);
  }
}

/* ---- the whole pattern */

static bool has_loop(const Node *n) {
  for (; n; n = n->next) {
    if (n->op == N_REPEAT && n->b > 1) return true;
    if (n->op != N_SET && (has_loop(n->sub) || has_loop(n->sub2))) return true;
  }
  return false;
}

bool re_emit(ReParser *p, Node *root, bool wide, ReText *out, uint32_t *options, bool *marks) {
  Emit e = {.out = out, .is_str = p->is_str, .wide = wide, .marks = p->look_captures};
  e.ucp = is_unicode(&e, p->flags);
  e.caseless = (p->flags & RE_I) && !by_hand(&e, p->flags);
  *marks = e.marks;
  *options = PCRE2_DOTALL | PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_BACKSLASH_C | (e.caseless ? PCRE2_CASELESS : 0);
  if (wide) *options |= PCRE2_UTF | PCRE2_NO_UTF_CHECK | (e.ucp ? PCRE2_UCP : 0);
  bool callout = has_loop(root), wrap = callout && root->op == N_BRANCH;
  if (callout) put(&e, wrap ? "(?C1)(?:" : "(?C1)");
  emit_body(&e, root, p->flags);
  if (wrap) put(&e, ")");
  if (out->failed) return re_fail_memory(p), false;
  if (!e.failed) return true;
  p->failed = true;
  p->error = tiny_string(p->vm, e.error);
  p->error_pos = -1;
  return false;
}
