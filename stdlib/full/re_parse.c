/* needs: libpcre2-8
 * Reading a pattern, the upper half: branches, repeats, groups, flags. Grammar and messages are those of Python's `re` documentation and of what python3 says. */
#include <string.h>
#include "stdlib/full/re_int.h"

enum { MAX_DEPTH = 180, TYPE_FLAGS = RE_A | RE_L | RE_U };

static Node *parse_branches(ReParser *p, bool verbose, bool top);

static uint32_t add_width(uint32_t a, uint32_t b) { return a > REPEAT_MAX - b ? REPEAT_MAX : a + b; }
static uint32_t times_width(uint32_t a, uint32_t b) {
  uint64_t n = (uint64_t)a * b;
  return n > REPEAT_MAX ? REPEAT_MAX : (uint32_t)n;
}

static bool is_alpha(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(int c) { return c >= '0' && c <= '9'; }

/* ---- flags in the pattern: (?aiLmsux) and (?aiLmsux-imsx:...) */

static unsigned flag_of(int c) {
  switch (c) {
  case 'i': return RE_I;
  case 'L': return RE_L;
  case 'm': return RE_M;
  case 's': return RE_S;
  case 'x': return RE_X;
  case 'a': return RE_A;
  case 't': return RE_TEMPLATE;
  case 'u': return RE_U;
  default: return 0;
  }
}

/* Takes the next token; its first byte, or -1 at the end, -2 failed. */
static int take(ReParser *p) {
  int c = re_next(p);
  return re_advance(p) ? c : -2;
}

static bool bad_flag(ReParser *p, int c, const char *missing) {
  if (c == -1) re_fail(p, 0, "%s", missing);
  else re_fail(p, p->text[p->at - 1] == '\\' ? 2 : 1, "%s", is_alpha(c) ? "unknown flag" : missing);
  return false;
}

/* Letters that turn flags on; c: the first. The one that ended them is left in *c. */
static bool flags_on(ReParser *p, int *c, unsigned *add) {
  for (;;) {
    unsigned flag = flag_of(*c);
    if (p->is_str && *c == 'L') return re_fail(p, 0, "bad inline flags: cannot use 'L' flag with a str pattern"), false;
    if (!p->is_str && *c == 'u') return re_fail(p, 0, "bad inline flags: cannot use 'u' flag with a bytes pattern"), false;
    *add |= flag;
    if ((flag & TYPE_FLAGS) && (*add & TYPE_FLAGS) != flag) return re_fail(p, 0, "bad inline flags: flags 'a', 'u' and 'L' are incompatible"), false;
    *c = take(p);
    if (*c == -2) return false;
    if (*c == ')' || *c == '-' || *c == ':') return true;
    if (*c == -1 || !flag_of(*c)) return bad_flag(p, *c, "missing -, : or )");
  }
}

static bool flags_off(ReParser *p, unsigned *del) {
  int c = take(p);
  if (c == -1 || !flag_of(c)) return c != -2 && bad_flag(p, c, "missing flag");
  for (;;) {
    if (flag_of(c) & TYPE_FLAGS) return re_fail(p, 0, "bad inline flags: cannot turn off flags 'a', 'u' and 'L'"), false;
    *del |= flag_of(c);
    c = take(p);
    if (c == ':') return true;
    if (c == -1 || !flag_of(c)) return c != -2 && bad_flag(p, c, "missing :");
  }
}

/* 1: flags of a group, 0: flags of the whole pattern, -1 failed. c: the character after "(?", taken. */
static int parse_flags(ReParser *p, int c, unsigned *add, unsigned *del) {
  if (c != '-' && !flags_on(p, &c, add)) return -1;
  if (c == ')') {
    p->flags |= *add;
    return 0;
  }
  if (*add & RE_TEMPLATE) return re_fail(p, 1, "bad inline flags: cannot turn on global flag"), -1;
  if (c == '-' && !flags_off(p, del)) return -1;
  if (*del & RE_TEMPLATE) return re_fail(p, 1, "bad inline flags: cannot turn off global flag"), -1;
  if (*add & *del) return re_fail(p, 1, "bad inline flags: flag turned on and off"), -1;
  return 1;
}

/* ---- groups */

static bool room_for_group(ReParser *p) {
  if (p->n_groups < p->cap_groups) return true;
  size_t cap = p->cap_groups ? p->cap_groups * 2 : 8;
  ReGroup *g = tiny_alloc(p->vm, p->groups, p->cap_groups * sizeof *g, cap * sizeof *g);
  if (!g) return re_fail_memory(p), false;
  p->groups = g;
  p->cap_groups = cap;
  return true;
}

static tiny_val group_number(ReParser *p, tiny_val name) {
  size_t n;
  const char *s = tiny_to_str(p->vm, name, &n);
  return s ? tiny_dict_get(p->vm, p->names, s) : TINY_FAIL;
}

/* A new open group; 0: failed. */
static uint32_t open_group(ReParser *p, tiny_val name) {
  uint32_t number = p->n_groups;
  if (number > 65535) return re_fail(p, 0, "too many groups: not supported"), 0;
  if (!room_for_group(p)) return 0;
  p->groups[p->n_groups++] = (ReGroup){name, 0, 0, 0};
  if (tiny_is_none(name)) return number;
  tiny_val old = group_number(p, name);
  int64_t old_number;
  if (tiny_failed(old)) return p->failed = true, 0;
  if (!tiny_is_absent(old)) {
    if (!tiny_to_int(p->vm, old, &old_number)) return p->failed = true, 0;
    p->failed = true;
    p->error = tiny_format(p->vm, "redefinition of group name %R as group %u; was group %u", name, number, (unsigned)old_number);
    p->error_pos = (int64_t)re_count(p->text, p->at, p->is_str) - tiny_len(p->vm, name) - 1;
    return 0;
  }
  tiny_val n = tiny_int(p->vm, number);
  const char *text = tiny_to_str(p->vm, name, NULL);
  if (tiny_failed(n) || !text || !tiny_dict_set(p->vm, p->names, text, n)) return p->failed = true, 0;
  return number;
}

static Node *close_paren(ReParser *p, size_t start, Node *n) {
  if (!n || p->failed) return NULL;
  if (!re_match_char(p, ')')) return p->failed ? NULL : re_fail_at(p, start, "missing ), unterminated subpattern");
  return n;
}

/* The inside of a group whose head was read, to the parenthesis that closes it. */
static Node *group_body(ReParser *p, size_t start, bool verbose, uint32_t number, unsigned add, unsigned del, bool atomic) {
  Node *group = re_node(p, atomic ? N_ATOMIC : N_GROUP);
  if (!group) return NULL;
  group->a = number;
  group->add = (uint16_t)add;
  group->del = (uint16_t)del;
  group->sub = parse_branches(p, (verbose || (add & RE_X)) && !(del & RE_X), false);
  if (!close_paren(p, start, group->sub)) return NULL;
  group->lo = group->sub->lo;
  group->hi = group->sub->hi;
  if (number) {
    p->groups[number].rank = ++p->n_closed;
    p->groups[number].lo = group->lo;
    p->groups[number].hi = group->hi;
  }
  return group;
}

static Node *capturing(ReParser *p, size_t start, bool verbose, tiny_val name) {
  uint32_t number = open_group(p, name);
  return number ? group_body(p, start, verbose, number, 0, 0, false) : NULL;
}

static Node *look_around(ReParser *p, size_t start, bool verbose, int c) {
  uint8_t kind = 0;
  if (c == '<') {
    kind = LOOK_BEHIND;
    c = take(p);
    if (c == -2) return NULL;
    if (c == -1) return re_fail(p, 0, "unexpected end of pattern");
    if (c != '=' && c != '!') return re_fail_at(p, start + 1, "unknown extension ?<%.*s", (int)(p->at - start - 3), p->text + start + 3);
  }
  if (c == '!') kind |= LOOK_NEGATIVE;
  uint32_t before = p->behind, groups = p->n_groups;
  if ((kind & LOOK_BEHIND) && !before) p->behind = groups;
  Node *n = re_node(p, N_LOOK);
  if (!n) return NULL;
  n->kind = kind;
  n->sub = parse_branches(p, verbose, false);
  p->behind = before;
  if (!close_paren(p, start, n->sub)) return NULL;
  if (p->n_groups > groups) p->look_captures = true;
  if (kind == LOOK_NEGATIVE && n->sub->op == N_SEQ && !n->sub->sub) n->op = N_FAIL;
  return n;
}

static bool open_or_behind(ReParser *p, uint32_t group) {
  if (!p->behind) return false;
  if (group >= p->n_groups || !p->groups[group].rank) return re_fail(p, 0, "cannot refer to an open group"), true;
  if (group >= p->behind) return re_fail(p, 0, "cannot refer to group defined in the same lookbehind subpattern"), true;
  return false;
}

/* Number of the group that a condition names; 0: failed. */
static uint32_t condition_group(ReParser *p, tiny_val name) {
  size_t len, chars = (size_t)tiny_len(p->vm, name);
  const char *s = tiny_to_str(p->vm, name, &len);
  int64_t number = 0;
  if (!s) return p->failed = true, 0;
  int is_name = tiny_truth(p->vm, tiny_call_method(p->vm, name, "isidentifier", 0, NULL));
  if (is_name < 0) return p->failed = true, 0;
  size_t at = p->at - 1 - (p->is_str ? len : chars);
  if (is_name) {
    tiny_val v = group_number(p, name);
    if (tiny_is_absent(v)) {
      p->failed = true;
      p->error = tiny_format(p->vm, "unknown group name %R", name);
      p->error_pos = (int64_t)re_count(p->text, at, p->is_str);
      return 0;
    }
    return tiny_to_int(p->vm, v, &number) ? (uint32_t)number : (p->failed = true, 0);
  }
  for (size_t i = 0; i < len; i++) {
    if (!is_digit((unsigned char)s[i])) {
      p->failed = true;
      p->error = tiny_format(p->vm, "bad character in group name %R", name);
      p->error_pos = (int64_t)re_count(p->text, at, p->is_str);
      return 0;
    }
    if (number < UINT32_MAX) number = number * 10 + (s[i] - '0');
  }
  if (number == 0) return re_fail_at(p, at, "bad group number"), 0;
  if (number > 1 << 30) return re_fail_at(p, at, "invalid group reference %s", s), 0;
  if ((uint32_t)number > p->far_ref) {
    p->far_ref = (uint32_t)number;
    p->far_ref_at = at;
  }
  return (uint32_t)number;
}

static Node *parse_sequence(ReParser *p, bool verbose, bool first);

static Node *conditional(ReParser *p, size_t start, bool verbose) {
  tiny_val name = re_until(p, ')', "group name");
  uint32_t group = tiny_is_absent(name) ? 0 : condition_group(p, name);
  if (!group || open_or_behind(p, group)) return NULL;
  Node *n = re_node(p, N_COND);
  if (!n) return NULL;
  n->a = group;
  n->sub = parse_sequence(p, verbose, false);
  if (!n->sub) return NULL;
  if (re_match_char(p, '|')) {
    n->sub2 = parse_sequence(p, verbose, false);
    if (!n->sub2) return NULL;
    if (re_next(p) == '|') return re_fail(p, 0, "conditional backref with more than two branches");
  }
  uint32_t lo = n->sub2 ? n->sub2->lo : 0, hi = n->sub2 ? n->sub2->hi : 0;
  n->lo = n->sub->lo < lo ? n->sub->lo : lo;
  n->hi = n->sub->hi > hi ? n->sub->hi : hi;
  return close_paren(p, start, n);
}

/* (?P=name) */
static Node *name_reference(ReParser *p) {
  tiny_val name = re_until(p, ')', "group name");
  if (tiny_is_absent(name)) return NULL;
  size_t chars = (size_t)tiny_len(p->vm, name);
  if (!re_check_name(p, name, chars + 1)) return NULL;
  tiny_val v = group_number(p, name);
  int64_t number;
  if (tiny_is_absent(v)) {
    p->failed = true;
    p->error = tiny_format(p->vm, "unknown group name %R", name);
    p->error_pos = (int64_t)re_count(p->text, p->at, p->is_str) - (int64_t)chars - 1;
    return NULL;
  }
  if (!tiny_to_int(p->vm, v, &number)) return p->failed = true, NULL;
  if (!p->groups[number].rank) return re_fail(p, chars + 1, "cannot refer to an open group");
  if (open_or_behind(p, (uint32_t)number)) return NULL;
  Node *n = re_node(p, N_REF);
  if (!n) return NULL;
  n->a = (uint32_t)number;
  n->lo = p->groups[number].lo;
  n->hi = p->groups[number].hi;
  return n;
}

static Node *named(ReParser *p, size_t start, bool verbose) {
  if (re_match_char(p, '=')) return name_reference(p);
  if (p->failed) return NULL;
  if (!re_match_char(p, '<')) {
    int c = p->failed ? -2 : take(p);
    if (c == -1) return re_fail(p, 0, "unexpected end of pattern");
    return c == -2 ? NULL : re_fail_at(p, start + 1, "unknown extension ?P%.*s", (int)(p->at - start - 3), p->text + start + 3);
  }
  tiny_val name = re_until(p, '>', "group name");
  if (tiny_is_absent(name) || !re_check_name(p, name, (size_t)tiny_len(p->vm, name) + 1)) return NULL;
  return capturing(p, start, verbose, name);
}

static bool comment(ReParser *p, size_t start) {
  for (;;) {
    if (p->len == 0) return re_fail_at(p, start, "missing ), unterminated comment"), false;
    int c = take(p);
    if (c == -2) return false;
    if (c == ')') return true;
  }
}

/* The "(" has been taken. *none: something that is no item: a comment, or flags of the whole pattern (then *verbose is set anew). */
static Node *parse_group(ReParser *p, bool *verbose, bool first, bool *none) {
  size_t start = p->at - 1;
  if (!re_match_char(p, '?')) return p->failed ? NULL : capturing(p, start, *verbose, TINY_NONE);
  int c = take(p);
  switch (c) {
  case -2: return NULL;
  case -1: return re_fail(p, 0, "unexpected end of pattern");
  case 'P': return named(p, start, *verbose);
  case ':': return group_body(p, start, *verbose, 0, 0, 0, false);
  case '>': return group_body(p, start, *verbose, 0, 0, 0, true);
  case '=': case '!': case '<': return look_around(p, start, *verbose, c);
  case '(': return conditional(p, start, *verbose);
  case '#':
    *none = comment(p, start);
    return NULL;
  default: break;
  }
  if (c != '-' && !flag_of(c)) return re_fail_at(p, start + 1, "unknown extension ?%.*s", (int)(p->at - start - 2), p->text + start + 2);
  unsigned add = 0, del = 0;
  int kind = parse_flags(p, c, &add, &del);
  if (kind < 0) return NULL;
  if (kind) return group_body(p, start, *verbose, 0, add, del, false);
  if (!first) return re_fail_at(p, start, "global flags not at the start of the expression");
  *verbose = p->flags & RE_X;
  *none = true;
  return NULL;
}

/* ---- repeats */

static bool read_count(ReParser *p, bool *given, uint32_t *out) {
  uint64_t n = 0;
  for (*given = false; is_digit(re_next(p)); *given = true) {
    if (n <= UINT32_MAX) n = n * 10 + (uint64_t)(re_next(p) - '0');
    if (!re_advance(p)) return false;
  }
  if (*given) *out = n >= UINT32_MAX ? UINT32_MAX : (uint32_t)n;
  return true;
}

/* {n} {n,} {,m} {n,m}, the "{" taken. 0: only text, -1 failed. */
static int read_bounds(ReParser *p, uint32_t *lo, uint32_t *hi) {
  size_t here = p->at;
  bool has_lo, has_hi;
  if (re_next(p) == '}') return 0;
  if (!read_count(p, &has_lo, lo)) return -1;
  if (re_match_char(p, ',')) {
    if (!read_count(p, &has_hi, hi)) return -1;
  } else if ((has_hi = has_lo)) {
    *hi = *lo;
  }
  if (p->failed) return -1;
  if (!re_match_char(p, '}')) return p->failed || !re_seek(p, here) ? -1 : 0;
  if ((has_lo && *lo == UINT32_MAX) || (has_hi && *hi == UINT32_MAX)) {
    p->failed = true;
    return tiny_raise(p->vm, TINY_OVERFLOW_ERROR, "the repetition number is too large"), -1;
  }
  if (has_hi && *hi < *lo) return re_fail_at(p, here, "min repeat greater than max repeat"), -1;
  return 1;
}

/* A repeat sign c, taken: *item becomes the repeat of it. 1 done, 0: "{" was text, -1. */
static int parse_repeat(ReParser *p, int c, Node **item) {
  size_t start = p->at - 1;
  uint32_t lo = 0, hi = REPEAT_MAX;
  if (c == '?') hi = 1;
  if (c == '+') lo = 1;
  if (c == '{') {
    int r = read_bounds(p, &lo, &hi);
    if (r <= 0) return r;
  }
  if (!*item || (*item)->op == N_AT) return re_fail_at(p, start, "nothing to repeat"), -1;
  if ((*item)->op == N_REPEAT) return re_fail_at(p, start, "multiple repeat"), -1;
  Node *n = re_node(p, N_REPEAT);
  if (!n) return -1;
  n->a = lo;
  n->b = hi;
  n->sub = *item;
  n->lo = times_width((*item)->lo, lo);
  n->hi = times_width((*item)->hi, hi);
  n->kind = re_match_char(p, '?') ? REPEAT_LAZY : re_match_char(p, '+') ? REPEAT_POSSESSIVE : REPEAT_GREEDY;
  *item = n;
  return p->failed ? -1 : 1;
}

/* ---- sequences and branches */

static bool skip_verbose(ReParser *p, size_t start, size_t len) {
  int c = len == 1 ? p->text[start] : 0;
  if (c != '#') return c && strchr(" \t\n\r\v\f", c);
  while (p->len) {
    if (take(p) == '\n') break;
  }
  return true;
}

static Node *plain(ReParser *p, int c, size_t start) {
  Node *n = re_node(p, c == '.' ? N_ANY : c == '^' || c == '$' ? N_AT : N_CHAR);
  if (!n) return NULL;
  size_t len;
  n->kind = (uint8_t)c;
  n->a = re_decode(p->text + start, p->is_str, &len);
  n->lo = n->hi = n->op != N_AT;
  return n;
}

/* Up to the end, "|" or ")". first: flags of the whole pattern may stand here. */
static Node *parse_sequence(ReParser *p, bool verbose, bool first) {
  Node *seq = re_node(p, N_SEQ), **last = NULL, **tail = seq ? &seq->sub : NULL;
  while (seq && !p->failed && p->len && !(p->len == 1 && strchr("|)", p->text[p->at]) && p->text[p->at])) {
    size_t start = p->at, len = p->len;
    int c = len == 1 ? (unsigned char)p->text[start] : 0;
    if (!re_advance(p)) return NULL;
    if (verbose && skip_verbose(p, start, len)) continue;
    Node *item;
    bool none = false;
    if (c == '*' || c == '+' || c == '?' || c == '{') {
      Node *base = last ? *last : NULL;
      int r = parse_repeat(p, c, &base);
      if (r < 0) return NULL;
      if (r) {
        *last = base;
        tail = &base->next;
        base->sub->next = NULL;
        continue;
      }
      item = plain(p, c, start);
    } else if (c == '(') {
      item = parse_group(p, &verbose, first && !seq->sub, &none);
    } else if (c == '[') {
      item = re_set(p);
    } else if (p->text[start] == '\\') {
      item = re_escape(p, start, len, false);
    } else {
      item = plain(p, c, start);
    }
    if (p->failed) return NULL;
    if (none) continue;
    if (!item) return re_fail_memory(p);
    last = tail;
    *tail = item;
    tail = &item->next;
  }
  if (!seq || p->failed) return NULL;
  for (const Node *n = seq->sub; n; n = n->next) {
    seq->lo = add_width(seq->lo, n->lo);
    seq->hi = add_width(seq->hi, n->hi);
  }
  return seq;
}

static Node *parse_branches(ReParser *p, bool verbose, bool top) {
  if (++p->depth > MAX_DEPTH) {
    p->failed = true;
    tiny_raise(p->vm, TINY_RECURSION_ERROR, "maximum recursion depth exceeded");
    return NULL;
  }
  Node *first = parse_sequence(p, verbose, top), *branch = NULL;
  for (Node *last = first; last && re_match_char(p, '|');) {
    if (!branch && !(branch = re_node(p, N_BRANCH))) return NULL;
    Node *next = parse_sequence(p, verbose || (top && (p->flags & RE_X)), false);
    if (!next) return NULL;
    if (!branch->sub) {
      branch->sub = first;
      branch->lo = first->lo;
      branch->hi = first->hi;
    }
    last->next = next;
    last = next;
    if (next->lo < branch->lo) branch->lo = next->lo;
    if (next->hi > branch->hi) branch->hi = next->hi;
  }
  p->depth--;
  return p->failed ? NULL : branch ? branch : first;
}

static bool fix_flags(ReParser *p) {
  const char *bad = NULL;
  if (p->is_str) {
    if (p->flags & RE_L) bad = "cannot use LOCALE flag with a str pattern";
    else if ((p->flags & RE_A) && (p->flags & RE_U)) bad = "ASCII and UNICODE flags are incompatible";
    if (!(p->flags & RE_A)) p->flags |= RE_U;
  } else {
    if (p->flags & RE_U) bad = "cannot use UNICODE flag with a bytes pattern";
    else if ((p->flags & RE_L) && (p->flags & RE_A)) bad = "ASCII and LOCALE flags are incompatible";
  }
  if (!bad) return true;
  p->failed = true;
  return tiny_raise(p->vm, TINY_VALUE_ERROR, "%s", bad), false;
}

Node *re_parse(ReParser *p) {
  p->names = tiny_dict(p->vm);
  p->warnings = p->error = TINY_NONE;
  p->error_pos = -1;
  if (tiny_failed(p->names) || !room_for_group(p)) return p->failed = true, NULL;
  p->groups[p->n_groups++] = (ReGroup){TINY_NONE, 0, 0, 0};
  if (!re_seek(p, 0)) return NULL;
  Node *root = parse_branches(p, p->flags & RE_X, true);
  if (!root || !fix_flags(p)) return NULL;
  if (p->len) return re_fail(p, 0, "unbalanced parenthesis");
  if (p->far_ref >= p->n_groups) return re_fail_at(p, p->far_ref_at, "invalid group reference %u", p->far_ref);
  return root;
}
