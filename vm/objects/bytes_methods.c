/* Methods that bytes and bytearray share, part one: search, replace, case, character classes, padding, hex, translate. Results are of the
 * receiver's builtin kind. Bytes of a bytearray are looked at only after the last argument was read, since __index__ may run script code. */
#include "vm/objects/bytes_int.h"

/* ---- search ---- */

/* The receiver's part [start, end) and what to look for (a bytes-like object, or one byte kept in *one). */
typedef struct Search { View part, sub; int64_t start, end; uint8_t one; } Search;

static bool search_sub(VM *vm, Value v, Search *s) {
  int64_t i;
  bool is_index;
  if (bytes_view(v, &s->sub)) return true;
  if (v_is_exact(v, &memoryview_type)) return memoryview_no_view(vm, v);
  if (!str_index_arg(vm, v, &i, &is_index)) {
    if (!rt_pending_is(vm, &exc_IndexError)) return false;
    (void)rt_take_exc(vm);
    i = -1;
  } else if (!is_index) {
    return rt_raise_b(vm, &exc_TypeError, "argument should be integer or bytes-like object, not '%T'", v);
  }
  if (i < 0 || i > 255) return rt_raise_b(vm, &exc_ValueError, "byte must be in range(0, 256)");
  s->one = (uint8_t)i;
  s->sub = (View){&s->one, 1};
  return true;
}

static bool search_range(VM *vm, Args *a, Search *s) {
  s->start = 0;
  s->end = INT64_MAX;
  if (!str_slice_arg(vm, a->v[2], &s->start) || !str_slice_arg(vm, a->v[3], &s->end)) return false;
  s->part = self_view(a->v[0]);
  str_clamp((int64_t)s->part.size, &s->start, &s->end);
  if (s->start > s->end) return true;
  s->part.data += s->part.size ? s->start : 0;
  s->part.size = (size_t)(s->end - s->start);
  return charge_bytes(vm, s->part.size);
}

/* The range is computed last, when no more script code can change a bytearray. */
static bool search_args(VM *vm, Args *a, Search *s) {
  int64_t ignore;
  return str_slice_arg(vm, a->v[2], &ignore) && str_slice_arg(vm, a->v[3], &ignore) && search_sub(vm, a->v[1], s) && search_range(vm, a, s) &&
         (!is_bytearray(a->v[1]) || bytes_view(a->v[1], &s->sub));
}

static int64_t find_index(VM *vm, Args *a, bool reverse) {
  Search s;
  if (!search_args(vm, a, &s)) return -2;
  if (s.start > s.end) return -1;
  const char *hay = (const char *)s.part.data, *sub = (const char *)s.sub.data;
  size_t at = reverse ? str_rfind_bytes(hay, s.part.size, sub, s.sub.size) : str_find_bytes(hay, s.part.size, sub, s.sub.size);
  return at == SIZE_MAX ? -1 : s.start + (int64_t)at;
}
static Value found(VM *vm, int64_t at, bool must) {
  if (at == -2) return V_FAIL;
  if (at < 0 && must) return rt_raise(vm, &exc_ValueError, "subsection not found");
  return v_from_int62(at);
}
Value bytes_m_find(VM *vm, Args *a) { return found(vm, find_index(vm, a, false), false); }
Value bytes_m_rfind(VM *vm, Args *a) { return found(vm, find_index(vm, a, true), false); }
Value bytes_m_index(VM *vm, Args *a) { return found(vm, find_index(vm, a, false), true); }
Value bytes_m_rindex(VM *vm, Args *a) { return found(vm, find_index(vm, a, true), true); }

Value bytes_m_count(VM *vm, Args *a) {
  Search s;
  if (!search_args(vm, a, &s)) return V_FAIL;
  if (s.start > s.end) return v_from_int62(0);
  if (s.sub.size == 0) return v_from_int62(s.end - s.start + 1);
  return v_from_int62((int64_t)str_count_bytes((const char *)s.part.data, s.part.size, (const char *)s.sub.data, s.sub.size, SIZE_MAX));
}

static bool part_has(const Search *s, View sub, bool tail) {
  if (s->start > s->end || sub.size > s->part.size) return false;
  return sub.size == 0 || memcmp(s->part.data + (tail ? s->part.size - sub.size : 0), sub.data, sub.size) == 0;
}
static Value has_affix(VM *vm, Args *a, bool tail) {
  Search s;
  View sub;
  if (!search_range(vm, a, &s)) return V_FAIL;
  if (is_tuple(a->v[1])) {
    Tuple *t = v_tuple(a->v[1]);
    for (size_t i = 0; i < t->length; i++) {
      if (!bytes_need_view(vm, t->items[i], &sub)) return V_FAIL;
      if (part_has(&s, sub, tail)) return V_TRUE;
    }
    return V_FALSE;
  }
  if (!bytes_view(a->v[1], &sub) && v_is_exact(a->v[1], &memoryview_type)) return memoryview_no_view(vm, a->v[1]), V_FAIL;
  if (!bytes_view(a->v[1], &sub)) return rt_raise(vm, &exc_TypeError, "%s first arg must be bytes or a tuple of bytes, not %T", tail ? "endswith" : "startswith", a->v[1]);
  return v_from_bool(part_has(&s, sub, tail));
}
Value bytes_m_startswith(VM *vm, Args *a) { return has_affix(vm, a, false); }
Value bytes_m_endswith(VM *vm, Args *a) { return has_affix(vm, a, true); }

Value bytes_m_removeprefix(VM *vm, Args *a) {
  View sub, v = self_view(a->v[0]);
  if (!bytes_need_view(vm, a->v[1], &sub)) return V_FAIL;
  if (sub.size && sub.size <= v.size && memcmp(v.data, sub.data, sub.size) == 0) v = (View){v.data + sub.size, v.size - sub.size};
  return bytes_like_new(vm, a->v[0], v.data, v.size);
}
Value bytes_m_removesuffix(VM *vm, Args *a) {
  View sub, v = self_view(a->v[0]);
  if (!bytes_need_view(vm, a->v[1], &sub)) return V_FAIL;
  if (sub.size && sub.size <= v.size && memcmp(v.data + v.size - sub.size, sub.data, sub.size) == 0) v.size -= sub.size;
  return bytes_like_new(vm, a->v[0], v.data, v.size);
}

/* ---- replace ---- */

static Value interleave(VM *vm, Value self, View v, View to, size_t count) {
  uint8_t *out = NULL;
  if (to.size && count > (TEXT_MAX - v.size) / to.size) return rt_raise(vm, &exc_OverflowError, "replace bytes is too long");
  if (!charge_bytes(vm, v.size + count * to.size)) return V_FAIL;
  Value r = bytes_like_alloc(vm, self, v.size + count * to.size, &out);
  if (v_failed(r) || !out) return r;
  for (size_t i = 0; i < count; i++) {
    if (to.size) memcpy(out, to.data, to.size);
    out += to.size;
    if (i < v.size) *out++ = v.data[i];
  }
  if (count < v.size) memcpy(out, v.data + count, v.size - count);
  return r;
}

static Value replace(VM *vm, Value self, View v, View from, View to, size_t max) {
  if (max == 0) return bytes_like_new(vm, self, v.data, v.size);
  if (from.size == 0) return interleave(vm, self, v, to, v.size + 1 < max ? v.size + 1 : max);
  if (!charge_bytes(vm, v.size * 2)) return V_FAIL;
  const char *p = (const char *)v.data, *end = p + v.size, *sub = (const char *)from.data;
  size_t count = v.size ? str_count_bytes(p, v.size, sub, from.size, max) : 0;
  if (count == 0) return bytes_like_new(vm, self, v.data, v.size);
  if (to.size > from.size && count > (TEXT_MAX - v.size) / (to.size - from.size)) return rt_raise(vm, &exc_OverflowError, "replace bytes is too long");
  size_t size = v.size - count * from.size + count * to.size;
  uint8_t *out = NULL;
  if (!charge_bytes(vm, size)) return V_FAIL;
  Value r = bytes_like_alloc(vm, self, size, &out);
  if (v_failed(r) || size == 0) return r;
  while (count--) {
    size_t hit = str_find_bytes(p, (size_t)(end - p), sub, from.size);
    memcpy(out, p, hit);
    if (to.size) memcpy(out + hit, to.data, to.size);
    out += hit + to.size;
    p += hit + from.size;
  }
  memcpy(out, p, (size_t)(end - p));
  return r;
}

Value bytes_m_replace(VM *vm, Args *a) {
  View from, to;
  int64_t count = -1;
  if (!bytes_need_view(vm, a->v[1], &from) || !bytes_need_view(vm, a->v[2], &to) || !str_size_arg(vm, a->v[3], &count)) return V_FAIL;
  if (!bytes_need_view(vm, a->v[1], &from) || !bytes_need_view(vm, a->v[2], &to)) return V_FAIL; /* again: the count may have run script code */
  return replace(vm, a->v[0], self_view(a->v[0]), from, to, count < 0 ? SIZE_MAX : (size_t)count);
}

/* ---- case and classes: ASCII only ---- */

static inline bool upper(uint8_t c) { return c >= 'A' && c <= 'Z'; }
static inline bool lower(uint8_t c) { return c >= 'a' && c <= 'z'; }
static inline bool alpha(uint8_t c) { return upper((uint8_t)(c & 0xDF)); }
static inline bool digit(uint8_t c) { return c >= '0' && c <= '9'; }
static inline bool space(uint8_t c) { return c == ' ' || (c >= 9 && c <= 13); }

static Value copy(VM *vm, Args *a, uint8_t **out, size_t *n) {
  View v = self_view(a->v[0]);
  *n = v.size;
  if (!charge_bytes(vm, v.size)) return V_FAIL;
  Value r = bytes_like_alloc(vm, a->v[0], v.size, out);
  if (!v_failed(r) && v.size) memcpy(*out, v.data, v.size);
  return r;
}
Value bytes_m_upper(VM *vm, Args *a) {
  uint8_t *p = NULL;
  size_t n;
  Value r = copy(vm, a, &p, &n);
  for (size_t i = 0; !v_failed(r) && i < n; i++) if (lower(p[i])) p[i] = (uint8_t)(p[i] - 32);
  return r;
}
Value bytes_m_lower(VM *vm, Args *a) {
  uint8_t *p = NULL;
  size_t n;
  Value r = copy(vm, a, &p, &n);
  for (size_t i = 0; !v_failed(r) && i < n; i++) if (upper(p[i])) p[i] = (uint8_t)(p[i] + 32);
  return r;
}
Value bytes_m_swapcase(VM *vm, Args *a) {
  uint8_t *p = NULL;
  size_t n;
  Value r = copy(vm, a, &p, &n);
  for (size_t i = 0; !v_failed(r) && i < n; i++) if (alpha(p[i])) p[i] = (uint8_t)(p[i] ^ 32);
  return r;
}
Value bytes_m_title(VM *vm, Args *a) {
  uint8_t *p = NULL;
  size_t n;
  bool in_word = false;
  Value r = copy(vm, a, &p, &n);
  for (size_t i = 0; !v_failed(r) && i < n; i++) {
    bool letter = alpha(p[i]);
    if (letter) p[i] = (uint8_t)(in_word ? p[i] | 32 : p[i] & 0xDF);
    in_word = letter;
  }
  return r;
}
Value bytes_m_capitalize(VM *vm, Args *a) {
  uint8_t *p = NULL;
  size_t n;
  Value r = copy(vm, a, &p, &n);
  for (size_t i = 0; !v_failed(r) && i < n; i++) if (alpha(p[i])) p[i] = (uint8_t)(i ? p[i] | 32 : p[i] & 0xDF);
  return r;
}

static bool is_alnum(uint8_t c) { return alpha(c) || digit(c); }
static bool is_alpha(uint8_t c) { return alpha(c); }
static bool is_digit(uint8_t c) { return digit(c); }
static bool is_space(uint8_t c) { return space(c); }
static Value all_are(Args *a, bool (*is)(uint8_t)) {
  View v = self_view(a->v[0]);
  for (size_t i = 0; i < v.size; i++) if (!is(v.data[i])) return V_FALSE;
  return v_from_bool(v.size != 0);
}
Value bytes_m_isalnum(VM *vm, Args *a) { return (void)vm, all_are(a, is_alnum); }
Value bytes_m_isalpha(VM *vm, Args *a) { return (void)vm, all_are(a, is_alpha); }
Value bytes_m_isdigit(VM *vm, Args *a) { return (void)vm, all_are(a, is_digit); }
Value bytes_m_isspace(VM *vm, Args *a) { return (void)vm, all_are(a, is_space); }
Value bytes_m_isascii(VM *vm, Args *a) {
  View v = self_view(a->v[0]);
  (void)vm;
  return v_from_bool(utf8_is_ascii((const char *)v.data, v.size));
}
static Value one_case(Args *a, bool want_upper) {
  View v = self_view(a->v[0]);
  bool cased = false;
  for (size_t i = 0; i < v.size; i++) {
    if (want_upper ? lower(v.data[i]) : upper(v.data[i])) return V_FALSE;
    cased |= alpha(v.data[i]);
  }
  return v_from_bool(cased);
}
Value bytes_m_islower(VM *vm, Args *a) { return (void)vm, one_case(a, false); }
Value bytes_m_isupper(VM *vm, Args *a) { return (void)vm, one_case(a, true); }
Value bytes_m_istitle(VM *vm, Args *a) {
  View v = self_view(a->v[0]);
  bool cased = false, in_word = false;
  (void)vm;
  for (size_t i = 0; i < v.size; i++) {
    bool letter = alpha(v.data[i]);
    if (letter && upper(v.data[i]) == in_word) return V_FALSE;
    in_word = letter;
    cased |= letter;
  }
  return v_from_bool(cased);
}

/* ---- padding ---- */

static Value pad(VM *vm, Value self, View v, size_t left, size_t right, uint8_t fill) {
  uint8_t *out = NULL;
  if (left > TEXT_MAX - right || left + right > TEXT_MAX - v.size) return rt_no_memory(vm);
  size_t size = left + v.size + right;
  if (!charge_bytes(vm, size)) return V_FAIL;
  Value r = bytes_like_alloc(vm, self, size, &out);
  if (v_failed(r) || size == 0) return r;
  memset(out, fill, left);
  if (v.size) memcpy(out + left, v.data, v.size);
  memset(out + left + v.size, fill, right);
  return r;
}

static Value justify(VM *vm, Args *a, char how, const char *name) {
  int64_t width;
  uint8_t fill = ' ';
  View f;
  if (!str_size_arg(vm, a->v[1], &width)) return V_FAIL;
  if (!v_absent(a->v[2])) {
    if ((!is_bytes(a->v[2]) && !is_bytearray(a->v[2])) || !bytes_view(a->v[2], &f) || f.size != 1) {
      return rt_raise(vm, &exc_TypeError, "%s() argument 2 must be a byte string of length 1, not %s", name, str_arg_name(a->v[2]));
    }
    fill = f.data[0];
  }
  View v = self_view(a->v[0]);
  if (width <= (int64_t)v.size) return bytes_like_new(vm, a->v[0], v.data, v.size);
  size_t all = (size_t)width - v.size, left = how == 'l' ? 0 : how == 'r' ? all : all / 2 + (all & (size_t)width & 1);
  return pad(vm, a->v[0], v, left, all - left, fill);
}
Value bytes_m_ljust(VM *vm, Args *a) { return justify(vm, a, 'l', "ljust"); }
Value bytes_m_rjust(VM *vm, Args *a) { return justify(vm, a, 'r', "rjust"); }
Value bytes_m_center(VM *vm, Args *a) { return justify(vm, a, 'c', "center"); }

Value bytes_m_zfill(VM *vm, Args *a) {
  int64_t width;
  if (!str_size_arg(vm, a->v[1], &width)) return V_FAIL;
  View v = self_view(a->v[0]);
  if (width <= (int64_t)v.size) return bytes_like_new(vm, a->v[0], v.data, v.size);
  size_t zeros = (size_t)width - v.size;
  Value r = pad(vm, a->v[0], v, zeros, 0, '0');
  if (v_failed(r) || v.size == 0) return r;
  uint8_t *p = (uint8_t *)(uintptr_t)self_view(r).data;
  if (p[zeros] == '+' || p[zeros] == '-') p[0] = p[zeros], p[zeros] = '0';
  return r;
}

Value bytes_m_expandtabs(VM *vm, Args *a) {
  int64_t tab;
  if (!str_int_arg(vm, a->v[1], &tab)) return V_FAIL;
  if (tab > INT32_MAX || tab < INT32_MIN) return rt_raise(vm, &exc_OverflowError, "Python int too large to convert to C int");
  View v = self_view(a->v[0]);
  size_t size = 0, column = 0;
  uint8_t *out = NULL;
  for (int pass = 0; pass < 2; pass++) { /* 0: how long, 1: fill */
    Value r = V_NONE;
    if (pass == 1) {
      if (!charge_bytes(vm, size)) return V_FAIL;
      r = bytes_like_alloc(vm, a->v[0], size, &out);
      if (v_failed(r) || size == 0) return r;
    }
    size = column = 0;
    for (size_t i = 0; i < v.size; i++) {
      uint8_t c = v.data[i];
      size_t n = c != '\t' ? 1 : tab > 0 ? (size_t)tab - column % (size_t)tab : 0;
      if (n > TEXT_MAX - size) return rt_raise(vm, &exc_OverflowError, "result too long");
      if (pass == 1 && n) memset(out + size, c == '\t' ? ' ' : c, n);
      size += n;
      column = c == '\n' || c == '\r' ? 0 : column + n;
    }
    if (pass == 1) return r;
  }
  return V_FAIL;
}

/* ---- hex, translate, decode ---- */

Value bytes_hex(VM *vm, View v, Value sep, Value per_sep) {
  static const char digits[] = "0123456789abcdef";
  int64_t group = 0;
  char mark = 0;
  if (!str_int_arg(vm, per_sep, &group)) return V_FAIL;
  if (v_absent(sep)) group = 0;
  if (!v_absent(sep)) {
    View s;
    if (is_str(sep)) s = (View){(const uint8_t *)v_str(sep)->data, v_str(sep)->size == v_str(sep)->length ? v_str(sep)->size : 2};
    else if (!bytes_view(sep, &s)) {
      int64_t n = rt_len(vm, sep);
      if (n < 0) return V_FAIL;
      return n == 1 ? rt_raise(vm, &exc_TypeError, "sep must be str or bytes.") : rt_raise(vm, &exc_ValueError, "sep must be length 1.");
    }
    if (is_str(sep) && v_str(sep)->length == 1 && s.size == 2) return rt_raise(vm, &exc_ValueError, "sep must be ASCII.");
    if (s.size != 1) return rt_raise(vm, &exc_ValueError, "sep must be length 1.");
    if (s.data[0] >= 0x80) return rt_raise(vm, &exc_ValueError, "sep must be ASCII.");
    mark = (char)s.data[0];
  }
  size_t each = (size_t)(group < 0 ? -group : group), marks = each && v.size ? (v.size - 1) / each : 0;
  if (v.size > TEXT_MAX / 4) return rt_no_memory(vm);
  if (v.size == 0) return v_from_str(str_empty(vm));
  if (!charge_bytes(vm, v.size * 4)) return V_FAIL;
  Str *r = str_alloc(vm, v.size * 2 + marks, v.size * 2 + marks);
  if (!r) return V_FAIL;
  char *out = str_text(r);
  for (size_t i = 0; i < v.size; i++) {
    /* positive groups count from the right, negative ones from the left */
    if (each && i && (group > 0 ? v.size - i : i) % each == 0) *out++ = mark;
    *out++ = digits[v.data[i] >> 4];
    *out++ = digits[v.data[i] & 15];
  }
  return v_from_obj(r);
}
Value bytes_m_hex(VM *vm, Args *a) {
  int64_t per_sep; /* before the view is taken: a script's __index__ may resize a bytearray */
  return str_int_arg(vm, a->v[2], &per_sep) ? bytes_hex(vm, self_view(a->v[0]), a->v[1], v_from_int62(per_sep)) : V_FAIL;
}

static int hex_value(char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1; }

Value bytes_m_fromhex(VM *vm, Args *a) {
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "fromhex() argument must be str, not %s", str_arg_name(a->v[1]));
  Str *s = v_str(a->v[1]);
  if (!charge_bytes(vm, s->size)) return V_FAIL;
  for (size_t i = 0; s->size != s->length && i < s->size; i++)
    if ((unsigned char)s->data[i] >= 0x80) return rt_raise(vm, &exc_ValueError, "non-hexadecimal number found in fromhex() arg at position %zu", i);
  Buf b;
  buf_init(&b, &vm->mem);
  buf_reserve(&b, s->size / 2);
  size_t i = 0;
  for (; i < s->size; i += 2) {
    while (i < s->size && space((uint8_t)s->data[i])) i++;
    if (i == s->size) break;
    int high = hex_value(s->data[i]), low = i + 1 < s->size ? hex_value(s->data[i + 1]) : -1;
    if (high < 0 || low < 0) {
      buf_free(&b);
      size_t at = high < 0 ? i : i + 1;
      return rt_raise(vm, &exc_ValueError, "non-hexadecimal number found in fromhex() arg at position %zu", utf8_count(s->data, at));
    }
    buf_char(&b, (char)(high << 4 | low));
  }
  bool array = is_type(a->v[0]) && ((const Type *)v_obj(a->v[0]))->layout == LAY_BYTEARRAY;
  const Type *cls = (const Type *)v_obj(a->v[0]);
  Value r;
  if (array) {
    ByteArray *made = b.failed ? NULL : bytearray_new(vm, b.data, b.len);
    if (b.failed) (void)rt_no_memory(vm);
    buf_free(&b);
    r = made ? v_from_obj(made) : V_FAIL;
  } else {
    r = v_from_bytes(bytes_from_buf(vm, &b));
  }
  if (v_failed(r) || cls == &bytes_type || cls == &bytearray_type) return r;
  return rt_tail_call(vm, a->v[0], 1, &r);
}

Value bytes_m_translate(VM *vm, Args *a) {
  View table = {NULL, 0}, drop = {NULL, 0}, v = self_view(a->v[0]);
  bool dropped[256] = {false};
  if (!v_is_none(a->v[1])) {
    if (!bytes_need_view(vm, a->v[1], &table)) return V_FAIL;
    if (table.size != 256) return rt_raise(vm, &exc_ValueError, "translation table must be 256 characters long");
  }
  if (!v_absent(a->v[2]) && !bytes_need_view(vm, a->v[2], &drop)) return V_FAIL;
  for (size_t i = 0; i < drop.size; i++) dropped[drop.data[i]] = true;
  if (!charge_bytes(vm, v.size)) return V_FAIL;
  size_t size = 0;
  for (size_t i = 0; i < v.size; i++) size += !dropped[v.data[i]];
  uint8_t *out = NULL;
  Value r = bytes_like_alloc(vm, a->v[0], size, &out);
  if (v_failed(r)) return r;
  for (size_t i = 0; i < v.size; i++) {
    uint8_t c = v.data[i];
    if (!dropped[c]) *out++ = table.data ? table.data[c] : c;
  }
  return r;
}

Value bytes_m_maketrans(VM *vm, Args *a) {
  View from, to;
  if (!bytes_need_view(vm, a->v[0], &from) || !bytes_need_view(vm, a->v[1], &to)) return V_FAIL;
  if (from.size != to.size) return rt_raise(vm, &exc_ValueError, "maketrans arguments must have same length");
  Bytes *r = bytes_alloc(vm, 256);
  if (!r) return V_FAIL;
  for (int i = 0; i < 256; i++) r->data[i] = (uint8_t)i;
  for (size_t i = 0; i < from.size; i++) r->data[from.data[i]] = to.data[i];
  return v_from_obj(r);
}

Value bytes_m_decode(VM *vm, Args *a) {
  const char *encoding = "utf-8", *errors = "strict";
  if (!codec_arg(vm, a->v[1], "decode() argument 'encoding'", &encoding) || !codec_arg(vm, a->v[2], "decode() argument 'errors'", &errors)) return V_FAIL;
  if (self_view(a->v[0]).size == 0) return v_from_str(str_new(vm, "", 0)); /* whatever the encoding */
  return codec_retry(vm, codec_decode(vm, self_view(a->v[0]), a->v[0], encoding, errors), a->v[0], encoding, errors, false);
}
