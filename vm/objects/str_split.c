/* str methods that take text apart and put it together: split, partition, splitlines, strip, join. */
#include "vm/objects/str_build.h"

static inline bool ascii_space(unsigned char c) { return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F); }

/* Adds the text [p, end) to the list. */
static bool add_piece(VM *vm, List *list, const char *p, const char *end, bool ascii) {
  Str *s = str_piece(vm, p, end, ascii);
  return s && list_append(vm, list, v_from_obj(s));
}
/* The same, when the piece may be the whole string: then the string itself is added. */
static bool add_rest(VM *vm, List *list, Str *s, const char *p, const char *end) {
  if (p == s->data && end == s->data + s->size && s->head.type == &str_type) return list_append(vm, list, v_from_obj(s));
  return add_piece(vm, list, p, end, str_is_ascii(s));
}

static void reverse_items(List *list) {
  for (size_t i = 0, n = list->length; i < n / 2; i++) {
    Value v = list->items[i];
    list->items[i] = list->items[n - 1 - i];
    list->items[n - 1 - i] = v;
  }
}

/* ---- white space ---- */

/* First white space or first other character at or after p. */
static const char *skip(const char *p, const char *end, bool space) {
  while (p < end) {
    unsigned char c = (unsigned char)*p;
    if (c < 0x80) {
      if (ascii_space(c) != space) break;
      p++;
    } else {
      const char *next;
      if (uc_is_space(utf8_decode(p, &next)) != space) break;
      p = next;
    }
  }
  return p;
}

static const char *skip_back(const char *start, const char *end, bool space) {
  while (end > start) {
    const char *p = end, *next;
    do p--; while (((unsigned char)*p & 0xC0) == 0x80);
    unsigned char c = (unsigned char)*p;
    if ((c < 0x80 ? ascii_space(c) : uc_is_space(utf8_decode(p, &next))) != space) break;
    end = p;
  }
  return end;
}

static bool split_space(VM *vm, List *list, Str *s, int64_t max) {
  const char *p = s->data, *end = s->data + s->size;
  for (;;) {
    p = skip(p, end, true);
    if (p == end) return true;
    if (max-- == 0) return add_rest(vm, list, s, p, end);
    const char *word = p;
    p = skip(p, end, false);
    if (!add_rest(vm, list, s, word, p)) return false;
  }
}

static bool rsplit_space(VM *vm, List *list, Str *s, int64_t max) {
  const char *start = s->data, *end = s->data + s->size;
  for (;;) {
    end = skip_back(start, end, true);
    if (end == start) return true;
    if (max-- == 0) return add_rest(vm, list, s, start, end);
    const char *word_end = end;
    end = skip_back(start, end, false);
    if (!add_rest(vm, list, s, end, word_end)) return false;
  }
}

/* ---- a separator ---- */

static bool split_sep(VM *vm, List *list, Str *s, Str *sep, int64_t max) {
  const char *p = s->data, *end = s->data + s->size;
  bool ascii = str_is_ascii(s);
  while (max-- != 0) {
    size_t hit = str_find_bytes(p, (size_t)(end - p), sep->data, sep->size);
    if (hit == SIZE_MAX) break;
    if (!add_piece(vm, list, p, p + hit, ascii)) return false;
    p += hit + sep->size;
  }
  return add_rest(vm, list, s, p, end);
}

static bool rsplit_sep(VM *vm, List *list, Str *s, Str *sep, int64_t max) {
  const char *start = s->data, *end = s->data + s->size;
  bool ascii = str_is_ascii(s);
  while (max-- != 0) {
    size_t hit = str_rfind_bytes(start, (size_t)(end - start), sep->data, sep->size);
    if (hit == SIZE_MAX) break;
    if (!add_piece(vm, list, start + hit + sep->size, end, ascii)) return false;
    end = start + hit;
  }
  return add_rest(vm, list, s, start, end);
}

static Value split(VM *vm, Args *a, bool reverse) {
  Str *s = v_str(a->v[0]);
  int64_t max = -1;
  Value sep = a->v[1];
  if (!str_size_arg(vm, a->v[2], &max)) return V_FAIL;
  if (max < 0) max = INT64_MAX;
  if (!v_is_none(sep)) {
    if (!is_str(sep)) return rt_raise(vm, &exc_TypeError, "must be str or None, not %T", sep);
    if (v_str(sep)->size == 0) return rt_raise(vm, &exc_ValueError, "empty separator");
  }
  if (!rt_charge(vm, s->size >> 6)) return V_FAIL;
  List *list = list_new(vm, NULL, 0);
  if (!list) return V_FAIL;
  bool ok;
  if (v_is_none(sep)) ok = reverse ? rsplit_space(vm, list, s, max) : split_space(vm, list, s, max);
  else ok = reverse ? rsplit_sep(vm, list, s, v_str(sep), max) : split_sep(vm, list, s, v_str(sep), max);
  if (!ok) return V_FAIL;
  if (reverse) reverse_items(list);
  return v_from_obj(list);
}
Value str_m_split(VM *vm, Args *a) { return split(vm, a, false); }
Value str_m_rsplit(VM *vm, Args *a) { return split(vm, a, true); }

static Value partition(VM *vm, Args *a, bool reverse) {
  Str *s = v_str(a->v[0]);
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "must be str, not %T", a->v[1]);
  Str *sep = v_str(a->v[1]), *empty = str_empty(vm), *whole = str_exact(vm, s);
  if (!empty || !whole) return V_FAIL;
  if (sep->size == 0) return rt_raise(vm, &exc_ValueError, "empty separator");
  if (!charge_bytes(vm, s->size)) return V_FAIL;
  size_t at = reverse ? str_rfind_bytes(s->data, s->size, sep->data, sep->size) : str_find_bytes(s->data, s->size, sep->data, sep->size);
  Value v[3] = {v_from_obj(empty), v_from_obj(empty), v_from_obj(empty)};
  if (at == SIZE_MAX) {
    v[reverse ? 2 : 0] = v_from_obj(whole);
  } else {
    bool ascii = str_is_ascii(s);
    v[0] = v_from_str(str_piece(vm, s->data, s->data + at, ascii));
    v[1] = v_from_str(str_exact(vm, sep));
    v[2] = v_from_str(str_piece(vm, s->data + at + sep->size, s->data + s->size, ascii));
    for (int i = 0; i < 3; i++) if (v_failed(v[i])) return V_FAIL;
  }
  Tuple *t = tuple_new(vm, v, 3);
  return t ? v_from_obj(t) : V_FAIL;
}
Value str_m_partition(VM *vm, Args *a) { return partition(vm, a, false); }
Value str_m_rpartition(VM *vm, Args *a) { return partition(vm, a, true); }

/* Bytes of the line boundary at p (library reference, str.splitlines), 0: none. */
static size_t line_break(const char *p, const char *end) {
  unsigned char c = (unsigned char)*p;
  if (c == '\r') return p + 1 < end && p[1] == '\n' ? 2 : 1;
  if ((c >= 10 && c <= 12) || (c >= 0x1C && c <= 0x1E)) return 1;
  if (c == 0xC2) return (unsigned char)p[1] == 0x85 ? 2 : 0;
  if (c == 0xE2) return (unsigned char)p[1] == 0x80 && ((unsigned char)p[2] & 0xFE) == 0xA8 ? 3 : 0;
  return 0;
}

Value str_m_splitlines(VM *vm, Args *a) {
  Str *s = v_str(a->v[0]);
  int64_t keep = v_same(a->v[1], V_TRUE);
  if (!v_is_bool(a->v[1]) && !str_int_arg(vm, a->v[1], &keep)) return V_FAIL;
  if (!rt_charge(vm, s->size >> 6)) return V_FAIL;
  List *list = list_new(vm, NULL, 0);
  if (!list) return V_FAIL;
  const char *p = s->data, *end = s->data + s->size, *line = p;
  while (p < end) {
    size_t n = line_break(p, end);
    if (n == 0) {
      p++;
      continue;
    }
    if (!add_rest(vm, list, s, line, keep ? p + n : p)) return V_FAIL;
    line = p += n;
  }
  if (line < end && !add_rest(vm, list, s, line, end)) return V_FAIL;
  return v_from_obj(list);
}

/* ---- strip ---- */

enum { LEFT = 1, RIGHT = 2 };

typedef struct CharSet { bool ascii[128]; Str *chars; } CharSet;

static void make_set(CharSet *set, Str *chars) {
  memset(set->ascii, 0, sizeof set->ascii);
  set->chars = chars;
  for (size_t i = 0; i < chars->size; i++) if ((unsigned char)chars->data[i] < 128) set->ascii[(unsigned char)chars->data[i]] = true;
}
static bool in_set(VM *vm, const CharSet *set, const char *p, size_t n) {
  if (n == 1) return set->ascii[(unsigned char)*p];
  if (!rt_charge(vm, set->chars->size >> 9)) return false; /* the caller looks for the pending exception */
  return str_find_bytes(set->chars->data, set->chars->size, p, n) != SIZE_MAX;
}

static Value strip(VM *vm, Args *a, int sides, const char *name) {
  Str *s = v_str(a->v[0]);
  const char *p = s->data, *end = p + s->size;
  if (v_is_none(a->v[1])) {
    if (sides & LEFT) p = skip(p, end, true);
    if (sides & RIGHT) end = skip_back(p, end, true);
  } else {
    if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "%s arg must be None or str", name);
    Str *chars = v_str(a->v[1]);
    CharSet set;
    make_set(&set, chars);
    if (!charge_bytes(vm, s->size) || !charge_bytes(vm, chars->size)) return V_FAIL;
    if (sides & LEFT) {
      while (p < end && in_set(vm, &set, p, (size_t)utf8_len((unsigned char)*p))) p += utf8_len((unsigned char)*p);
    }
    while ((sides & RIGHT) && end > p) {
      const char *last = end;
      do last--; while (((unsigned char)*last & 0xC0) == 0x80);
      if (!in_set(vm, &set, last, (size_t)(end - last))) break;
      end = last;
    }
    if (rt_pending(vm)) return V_FAIL;
  }
  if (p == s->data && end == s->data + s->size) return v_from_str(str_exact(vm, s));
  return v_from_str(str_piece(vm, p, end, str_is_ascii(s)));
}
Value str_m_strip(VM *vm, Args *a) { return strip(vm, a, LEFT | RIGHT, "strip"); }
Value str_m_lstrip(VM *vm, Args *a) { return strip(vm, a, LEFT, "lstrip"); }
Value str_m_rstrip(VM *vm, Args *a) { return strip(vm, a, RIGHT, "rstrip"); }

/* ---- join ---- */

static Value join_items(VM *vm, Str *sep, const Value *items, size_t n) {
  if (n == 0) return v_from_str(str_empty(vm));
  size_t size = sep->size, length = sep->length, count;
  if (!mem_mul(size, n - 1, &size) || size > TEXT_MAX) return rt_raise(vm, &exc_OverflowError, "join() result is too long for a Python string");
  length *= n - 1;
  for (count = 0; count < n; count++) {
    if (!is_str(items[count])) return rt_raise(vm, &exc_TypeError, "sequence item %zu: expected str instance, %T found", count, items[count]);
    Str *s = v_str(items[count]);
    if (s->size > TEXT_MAX - size) return rt_raise(vm, &exc_OverflowError, "join() result is too long for a Python string");
    size += s->size;
    length += s->length;
  }
  if (n == 1 && v_is_exact(items[0], &str_type)) return items[0];
  if (size == 0) return v_from_str(str_empty(vm));
  if (!rt_charge(vm, (size >> 9) + (n >> 4))) return V_FAIL;
  Str *r = str_alloc(vm, size, length);
  if (!r) return V_FAIL;
  char *out = str_text(r);
  for (size_t i = 0; i < n; i++) {
    if (i && sep->size) {
      if (sep->size == 1) *out = sep->data[0];
      else memcpy(out, sep->data, sep->size);
      out += sep->size;
    }
    Str *s = v_str(items[i]);
    memcpy(out, s->data, s->size);
    out += s->size;
  }
  return v_from_obj(r);
}

Value str_m_join(VM *vm, Args *a) {
  size_t n;
  Value it = a->v[1];
  const Value *items = seq_items(it, &n);
  if (items) return join_items(vm, v_str(a->v[0]), items, n);
  if (!str_plain_iterable(it)) {
    if (!str_is_iterable(vm, it)) return rt_raise(vm, &exc_TypeError, "can only join an iterable");
    return rt_tail_builtin(vm, "_str_join_iter", 2, (Value[]){a->v[0], it});
  }
  Value list = rt_iter_to_list(vm, it);
  if (v_failed(list)) return list;
  items = seq_items(list, &n);
  return join_items(vm, v_str(a->v[0]), items, n);
}
