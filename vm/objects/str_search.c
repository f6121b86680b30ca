/* str methods that look for text: find, index, count, replace, startswith, endswith and their kin. */
#include "vm/objects/str_build.h"

/* The part of a string that start and end arguments name, in code points and bytes. */
typedef struct Part { int64_t start, end; const char *p; size_t n; } Part;

/* Reads (self, sub, start, end): false with an exception. part->start > part->end: nothing can be found. [script] through __index__. */
static bool search_args(VM *vm, Args *a, Part *part) {
  part->start = 0;
  part->end = INT64_MAX;
  if (!str_slice_arg(vm, a->v[2], &part->start) || !str_slice_arg(vm, a->v[3], &part->end)) return false;
  if (!is_str(a->v[1])) return rt_raise_b(vm, &exc_TypeError, "must be str, not %T", a->v[1]);
  Str *s = v_str(a->v[0]);
  str_clamp((int64_t)s->length, &part->start, &part->end);
  if (part->start > part->end) return true;
  size_t from = str_offset(vm, s, (size_t)part->start);
  part->p = s->data + from;
  part->n = (part->end == (int64_t)s->length ? s->size : str_offset(vm, s, (size_t)part->end)) - from;
  return charge_bytes(vm, part->n);
}

/* -2 failed, -1 not found, else the index in code points. */
static int64_t find_index(VM *vm, Args *a, bool reverse) {
  Part part;
  if (!search_args(vm, a, &part)) return -2;
  if (part.start > part.end) return -1;
  Str *s = v_str(a->v[0]), *sub = v_str(a->v[1]);
  size_t at = reverse ? str_rfind_bytes(part.p, part.n, sub->data, sub->size) : str_find_bytes(part.p, part.n, sub->data, sub->size);
  if (at == SIZE_MAX) return -1;
  return part.start + (int64_t)(str_is_ascii(s) ? at : utf8_count(part.p, at));
}

static Value found(VM *vm, int64_t at, bool must) {
  if (at == -2) return V_FAIL;
  if (at < 0 && must) return rt_raise(vm, &exc_ValueError, "substring not found");
  return v_from_int62(at);
}
Value str_m_find(VM *vm, Args *a) { return found(vm, find_index(vm, a, false), false); }
Value str_m_rfind(VM *vm, Args *a) { return found(vm, find_index(vm, a, true), false); }
Value str_m_index(VM *vm, Args *a) { return found(vm, find_index(vm, a, false), true); }
Value str_m_rindex(VM *vm, Args *a) { return found(vm, find_index(vm, a, true), true); }

Value str_m_count(VM *vm, Args *a) {
  Part part;
  if (!search_args(vm, a, &part)) return V_FAIL;
  if (part.start > part.end) return v_from_int62(0);
  Str *sub = v_str(a->v[1]);
  if (sub->size == 0) return v_from_int62(part.end - part.start + 1);
  return v_from_int62((int64_t)str_count_bytes(part.p, part.n, sub->data, sub->size, SIZE_MAX));
}

/* ---- startswith, endswith ---- */

static bool part_has(Part *part, Str *sub, bool tail) {
  if (part->start > part->end || sub->size > part->n) return false;
  return memcmp(tail ? part->p + part->n - sub->size : part->p, sub->data, sub->size) == 0;
}

static Value has_affix(VM *vm, Args *a, bool tail) {
  const char *name = tail ? "endswith" : "startswith";
  Value what = a->v[1];
  Value dummy[4] = {a->v[0], v_from_obj(v_str(a->v[0])), a->v[2], a->v[3]};
  Args range = {.vm = vm, .v = dummy, .n = 4};
  Part part;
  Str *s = v_str(a->v[0]);
  if (v_is_none(a->v[2]) && v_is_none(a->v[3])) {
    part = (Part){0, (int64_t)s->length, s->data, s->size};
  } else if (!search_args(vm, &range, &part)) {
    return V_FAIL;
  }
  if (is_str(what)) return v_from_bool(part_has(&part, v_str(what), tail));
  if (!is_tuple(what)) return rt_raise(vm, &exc_TypeError, "%s first arg must be str or a tuple of str, not %T", name, what);
  Tuple *t = v_tuple(what);
  for (size_t i = 0; i < t->length; i++) {
    if (!is_str(t->items[i])) return rt_raise(vm, &exc_TypeError, "tuple for %s must only contain str, not %T", name, t->items[i]);
    if (part_has(&part, v_str(t->items[i]), tail)) return V_TRUE;
  }
  return V_FALSE;
}
Value str_m_startswith(VM *vm, Args *a) { return has_affix(vm, a, false); }
Value str_m_endswith(VM *vm, Args *a) { return has_affix(vm, a, true); }

Value str_m_removeprefix(VM *vm, Args *a) {
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "removeprefix() argument must be str, not %s", str_arg_name(a->v[1]));
  Str *s = v_str(a->v[0]), *affix = v_str(a->v[1]);
  if (affix->size == 0 || affix->size > s->size || memcmp(s->data, affix->data, affix->size) != 0) return v_from_str(str_exact(vm, s));
  return v_from_str(str_counted(vm, s->data + affix->size, s->size - affix->size, s->length - affix->length));
}
Value str_m_removesuffix(VM *vm, Args *a) {
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "removesuffix() argument must be str, not %s", str_arg_name(a->v[1]));
  Str *s = v_str(a->v[0]), *affix = v_str(a->v[1]);
  size_t rest = s->size - affix->size;
  if (affix->size == 0 || affix->size > s->size || memcmp(s->data + rest, affix->data, affix->size) != 0) return v_from_str(str_exact(vm, s));
  return v_from_str(str_counted(vm, s->data, rest, s->length - affix->length));
}

/* ---- replace ---- */

/* `count` copies of `to`: before the first count - 1 code points and so on (an empty `from` stands between all of them). */
static Str *interleave(VM *vm, Str *s, Str *to, size_t count) {
  if (to->size && count > (TEXT_MAX - s->size) / to->size) {
    (void)rt_raise(vm, &exc_OverflowError, "replace string is too long");
    return NULL;
  }
  size_t size = s->size + count * to->size;
  if (!charge_bytes(vm, size)) return NULL;
  Str *r = str_alloc(vm, size, s->length + count * to->length);
  if (!r) return NULL;
  char *out = str_text(r);
  const char *p = s->data, *end = s->data + s->size;
  for (size_t i = 0; i < count; i++) {
    memcpy(out, to->data, to->size);
    out += to->size;
    if (p == end) break;
    size_t n = (size_t)utf8_len((unsigned char)*p);
    memcpy(out, p, n);
    out += n;
    p += n;
  }
  memcpy(out, p, (size_t)(end - p));
  return r;
}

static Str *replace_same_size(VM *vm, Str *s, Str *from, Str *to, size_t max) {
  size_t at = str_find_bytes(s->data, s->size, from->data, from->size);
  if (at == SIZE_MAX) return str_exact(vm, s);
  Str *r = str_alloc(vm, s->size, s->length);
  if (!r) return NULL;
  char *out = str_text(r);
  memcpy(out, s->data, s->size);
  if (from->size == 1 && max >= s->size) {
    char old = from->data[0], new_ = to->data[0];
    size_t i = at;
    for (; i + 16 <= s->size; i += 16) for (int k = 0; k < 16; k++) out[i + (size_t)k] = out[i + (size_t)k] == old ? new_ : out[i + (size_t)k];
    for (; i < s->size; i++) if (out[i] == old) out[i] = new_;
    return r;
  }
  size_t done = 0;
  for (size_t n = 0; n < max; n++) {
    size_t hit = str_find_bytes(s->data + done, s->size - done, from->data, from->size);
    if (hit == SIZE_MAX) break;
    memcpy(out + done + hit, to->data, to->size);
    done += hit + from->size;
    r->length += to->length - from->length; /* unsigned arithmetic: may go down */
  }
  return r;
}

static Str *replace(VM *vm, Str *s, Str *from, Str *to, int64_t max_arg) {
  size_t max = max_arg < 0 ? SIZE_MAX : (size_t)max_arg;
  if (max == 0) return str_exact(vm, s);
  if (from->size == 0) return interleave(vm, s, to, s->length + 1 < max ? s->length + 1 : max);
  if (from->size > s->size || str_equal(from, to)) return str_exact(vm, s);
  if (!charge_bytes(vm, s->size * 2)) return NULL;
  if (from->size == to->size) return replace_same_size(vm, s, from, to, max);
  size_t count = str_count_bytes(s->data, s->size, from->data, from->size, max);
  if (count == 0) return str_exact(vm, s);
  if (to->size > from->size && count > (TEXT_MAX - s->size) / (to->size - from->size)) {
    (void)rt_raise(vm, &exc_OverflowError, "replace string is too long");
    return NULL;
  }
  size_t size = s->size - count * from->size + count * to->size;
  if (size == 0) return str_empty(vm);
  if (!charge_bytes(vm, size)) return NULL;
  Str *r = str_alloc(vm, size, s->length - count * from->length + count * to->length);
  if (!r) return NULL;
  char *out = str_text(r);
  const char *p = s->data, *end = s->data + s->size;
  while (count--) {
    size_t hit = str_find_bytes(p, (size_t)(end - p), from->data, from->size);
    memcpy(out, p, hit);
    memcpy(out + hit, to->data, to->size);
    out += hit + to->size;
    p += hit + from->size;
  }
  memcpy(out, p, (size_t)(end - p));
  return r;
}

Value str_m_replace(VM *vm, Args *a) {
  for (int i = 1; i <= 2; i++) {
    if (!is_str(a->v[i])) return rt_raise(vm, &exc_TypeError, "replace() argument %d must be str, not %s", i, str_arg_name(a->v[i]));
  }
  int64_t count = -1;
  if (!str_size_arg(vm, a->v[3], &count)) return V_FAIL;
  return v_from_str(replace(vm, v_str(a->v[0]), v_str(a->v[1]), v_str(a->v[2]), count));
}
