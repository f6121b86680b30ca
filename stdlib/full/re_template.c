/* needs: libpcre2-8
 * The replacement text of sub() and expand(): \1, \g<1>, \g<name>, and the escapes of string literals. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "stdlib/full/re_int.h"

typedef struct Reader {
  tiny_vm *vm;
  const RePattern *p;
  tiny_val source;
  const char *text;
  size_t size, at;
  ReTemplate *out;
  size_t start;         /* of the literal text that has no part yet */
  int status;           /* as re_template_parse returns */
  tiny_val *result;
} Reader;

void re_template_free(ReTemplate *t) {
  if (t->parts) tiny_alloc(t->text.vm, t->parts, t->cap * 3 * sizeof *t->parts, 0);
  re_text_free(&t->text);
  t->parts = NULL;
}

static bool stop(Reader *r, size_t byte, tiny_val message) {
  ReState *st = re_state(r->vm);
  tiny_val argv[3] = {message, r->source, tiny_int(r->vm, (int64_t)re_count(r->text, byte, r->p->is_str))};
  r->status = -1;
  if (!st || tiny_failed(message) || tiny_failed(argv[2])) return false;
  r->status = 0;
  *r->result = tiny_tail_call(r->vm, st->raise, 3, argv);
  return false;
}

static bool stop_text(Reader *r, size_t byte, const char *fmt, ...) {
  char buf[160];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(buf, sizeof buf, fmt, ap);
  va_end(ap);
  return stop(r, byte, tiny_string(r->vm, buf));
}

static bool add_part(Reader *r, size_t group) {
  ReTemplate *t = r->out;
  if (t->n == t->cap) {
    size_t cap = t->cap ? t->cap * 2 : 4, *parts = tiny_alloc(r->vm, t->parts, t->cap * 3 * sizeof *parts, cap * 3 * sizeof *parts);
    if (!parts) {
      tiny_no_memory(r->vm);
      r->status = -1;
      return false;
    }
    t->parts = parts;
    t->cap = cap;
  }
  size_t *part = t->parts + 3 * t->n++;
  part[0] = r->start;
  part[1] = r->start = t->text.len;
  part[2] = group;
  return true;
}

static int peek(const Reader *r) { return r->at < r->size ? (unsigned char)r->text[r->at] : -1; }
static bool is_digit(int c) { return c >= '0' && c <= '9'; }
static bool is_octal(int c) { return c >= '0' && c <= '7'; }

static bool group_part(Reader *r, uint64_t group, size_t byte) {
  if (group > r->p->groups) return stop_text(r, byte, "invalid group reference %llu", (unsigned long long)group);
  return add_part(r, (size_t)group);
}

/* \g<...>; the g has been read. */
static bool named_group(Reader *r) {
  if (peek(r) != '<') return stop_text(r, r->at, "missing <");
  size_t start = ++r->at;
  const char *end = memchr(r->text + start, '>', r->size - start);
  size_t stop_at = end ? (size_t)(end - r->text) : r->size;
  if (!end) return stop_text(r, start, start == stop_at ? "missing group name" : "missing >, unterminated name");
  if (start == stop_at) return stop_text(r, start, "missing group name");
  r->at = stop_at + 1;
  uint64_t number = 0;
  bool digits = true;
  for (size_t i = start; i < stop_at; i++) {
    digits = digits && is_digit(r->text[i]);
    if (number < UINT32_MAX) number = number * 10 + (uint64_t)(r->text[i] - '0');
  }
  if (digits) return group_part(r, number, start);
  tiny_val name = r->p->is_str ? tiny_string_n(r->vm, r->text + start, stop_at - start) : tiny_call_method(r->vm, tiny_bytes(r->vm, r->text + start, stop_at - start), "decode", 1,
    (tiny_val[]){tiny_string(r->vm, "latin-1")});
  int known = tiny_truth(r->vm, tiny_call_method(r->vm, name, "isidentifier", 0, NULL));
  const char *key = known > 0 ? tiny_to_str(r->vm, name, NULL) : NULL;
  if (known == 0) return stop(r, start, tiny_format(r->vm, "bad character in group name %R", name));
  tiny_val group = key ? tiny_dict_get(r->vm, r->p->names, key) : TINY_FAIL;
  int64_t n = 0;
  r->status = -1;
  if (tiny_is_absent(group)) return (void)tiny_raise(r->vm, TINY_INDEX_ERROR, "unknown group name %R", name), false;
  if (!tiny_to_int(r->vm, group, &n)) return false;
  r->status = 1;
  return add_part(r, (size_t)n);
}

/* A digit after the backslash (which stands at byte `back`). */
static bool number(Reader *r, size_t back) {
  size_t first = r->at++;
  bool octal = r->text[first] == '0';
  if (octal) {
    for (int i = 0; i < 2 && is_octal(peek(r)); i++) r->at++;
  } else if (is_digit(peek(r))) {
    r->at++;
    octal = is_octal(r->text[first]) && is_octal(r->text[first + 1]) && is_octal(peek(r));
    if (octal) r->at++;
  }
  uint32_t n = 0;
  for (size_t i = first; i < r->at; i++) n = n * (octal ? 8 : 10) + (uint32_t)(r->text[i] - '0');
  if (!octal) return group_part(r, n, first);
  if (r->text[first] != '0' && n > 0377) return stop_text(r, back, "octal escape value %.*s outside of range 0-0o377", (int)(r->at - back), r->text + back);
  re_text_cp(&r->out->text, n & 0xFF, r->p->is_str);
  return true;
}

static bool escape(Reader *r, size_t back) {
  static const char letters[] = "abfnrtv\\", codes[] = "\a\b\f\n\r\t\v\\";
  int c = peek(r);
  if (c < 0) return stop_text(r, back, "bad escape (end of pattern)");
  if (is_digit(c)) return number(r, back);
  r->at++;
  if (c == 'g') return named_group(r);
  const char *known = strchr(letters, c);
  if (known && c) {
    re_text_add(&r->out->text, &codes[known - letters], 1);
    return true;
  }
  if ((c | 32) >= 'a' && (c | 32) <= 'z') return stop_text(r, back, "bad escape \\%c", c);
  re_text_add(&r->out->text, r->text + back, 2);
  return true;
}

int re_template_parse(tiny_vm *vm, const RePattern *p, tiny_val text, ReTemplate *t, tiny_val *result) {
  *t = (ReTemplate){.text = {.vm = vm}};
  Reader r = {.vm = vm, .p = p, .source = text, .out = t, .status = 1, .result = result};
  r.text = p->is_str ? tiny_to_str(vm, text, &r.size) : tiny_to_bytes(vm, text, &r.size);
  if (!r.text) return -1;
  while (r.at < r.size) {
    const char *back = memchr(r.text + r.at, '\\', r.size - r.at);
    size_t to = back ? (size_t)(back - r.text) : r.size;
    re_text_add(&t->text, r.text + r.at, to - r.at);
    r.at = to + 1;
    if (back && !escape(&r, to)) return r.status;
  }
  if (r.start < t->text.len && !add_part(&r, SIZE_MAX)) return r.status;
  return t->text.failed ? (tiny_no_memory(vm), -1) : 1;
}

void re_template_add(const ReTemplate *t, ReText *out, const char *subject, const size_t *ov, int n) {
  for (size_t i = 0; i < t->n; i++) {
    const size_t *part = t->parts + 3 * i;
    re_text_add(out, t->text.data + part[0], part[1] - part[0]);
    size_t g = part[2];
    if (g < (size_t)n && ov[2 * g] != PCRE2_UNSET) re_text_add(out, subject + ov[2 * g], ov[2 * g + 1] - ov[2 * g]);
  }
}
