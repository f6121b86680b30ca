/* str methods that change case (full mappings of the Unicode standard, section 3.13), and those that ask about character classes. */
#include "vm/objects/str_build.h"

static inline bool ascii_upper(unsigned char c) { return c >= 'A' && c <= 'Z'; }
static inline bool ascii_lower(unsigned char c) { return c >= 'a' && c <= 'z'; }
static inline bool ascii_alpha(unsigned char c) { return ascii_upper((unsigned char)(c & 0xDF)); }

/* ---- mapping ---- */

static void add_cp(Buf *b, uint32_t c) {
  char text[4];
  buf_add(b, text, (size_t)utf8_encode(c, text));
}
static void add_cps(Buf *b, const uint32_t *c, int n) {
  for (int i = 0; i < n; i++) add_cp(b, c[i]);
}

static const char *back(const char *start, const char *p) {
  do p--; while (p > start && ((unsigned char)*p & 0xC0) == 0x80);
  return p;
}

/* Final_Sigma of the Unicode standard, table 3-17: a capital sigma at the end of a word becomes U+03C2. p points at the sigma. */
static bool final_sigma(Str *s, const char *p) {
  const char *next, *start = s->data, *end = s->data + s->size;
  const char *q = p;
  uint32_t c = 0;
  bool cased = false;
  while (q > start) {
    q = back(start, q);
    c = utf8_decode(q, &next);
    if (!uc_is_case_ignorable(c)) {
      cased = uc_is_cased(c);
      break;
    }
  }
  if (!cased) return false;
  q = p + utf8_len((unsigned char)*p);
  while (q < end) {
    c = utf8_decode(q, &q);
    if (!uc_is_case_ignorable(c)) return !uc_is_cased(c);
  }
  return true;
}

static void add_lower(Buf *b, Str *s, const char *p, uint32_t c) {
  uint32_t out[3];
  if (c == 0x3A3) add_cp(b, final_sigma(s, p) ? 0x3C2 : 0x3C3);
  else add_cps(b, out, uc_to_lower(c, out));
}

typedef void (*MapFn)(Buf *b, Str *s, const char *p, uint32_t c, bool *state);

static void map_upper(Buf *b, Str *s, const char *p, uint32_t c, bool *state) {
  uint32_t out[3];
  (void)s, (void)p, (void)state;
  add_cps(b, out, uc_to_upper(c, out));
}
static void map_lower(Buf *b, Str *s, const char *p, uint32_t c, bool *state) {
  (void)state;
  add_lower(b, s, p, c);
}
static void map_fold(Buf *b, Str *s, const char *p, uint32_t c, bool *state) {
  uint32_t out[3];
  (void)s, (void)p, (void)state;
  add_cps(b, out, uc_fold(c, out));
}
static void map_swap(Buf *b, Str *s, const char *p, uint32_t c, bool *state) {
  uint32_t out[3];
  (void)state;
  if (uc_is_upper(c)) add_lower(b, s, p, c);
  else if (uc_is_lower(c)) add_cps(b, out, uc_to_upper(c, out));
  else add_cp(b, c);
}
/* state: the character before was cased */
static void map_title(Buf *b, Str *s, const char *p, uint32_t c, bool *state) {
  uint32_t out[3];
  if (*state) add_lower(b, s, p, c);
  else add_cps(b, out, uc_to_title(c, out));
  *state = uc_is_cased(c);
}
/* state: not the first character */
static void map_capitalize(Buf *b, Str *s, const char *p, uint32_t c, bool *state) {
  uint32_t out[3];
  if (*state) add_lower(b, s, p, c);
  else add_cps(b, out, uc_to_title(c, out));
  *state = true;
}

static Value map_unicode(VM *vm, Str *s, MapFn fn) {
  if (!rt_charge(vm, s->size >> 3)) return V_FAIL;
  Buf b;
  buf_init(&b, &vm->mem);
  buf_reserve(&b, s->size);
  const char *p = s->data, *end = s->data + s->size;
  bool state = false;
  while (p < end && !b.failed) {
    const char *at = p;
    uint32_t c = utf8_decode(p, &p);
    if (c < 128 && fn == map_upper) buf_char(&b, (char)(c - (ascii_lower((unsigned char)c) ? 32 : 0)));
    else if (c < 128 && (fn == map_lower || fn == map_fold)) buf_char(&b, (char)(c + (ascii_upper((unsigned char)c) ? 32 : 0)));
    else fn(&b, s, at, c, &state);
  }
  return v_from_str(str_from_buf(vm, &b));
}

/* Copy of an ASCII string that is to be changed in place. */
static Str *ascii_copy(VM *vm, Str *s) {
  if (!charge_bytes(vm, s->size)) return NULL;
  Str *r = str_alloc(vm, s->size, s->size);
  if (r) memcpy(str_text(r), s->data, s->size);
  return r;
}

/* Loops over blocks of known size, which compilers vectorise. */
static void ascii_upper_all(char *p, size_t n) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) for (int k = 0; k < 16; k++) p[i + (size_t)k] = (char)(p[i + (size_t)k] - (((unsigned char)(p[i + (size_t)k] - 'a') < 26) << 5));
  for (; i < n; i++) p[i] = (char)(p[i] - (ascii_lower((unsigned char)p[i]) ? 32 : 0));
}
static void ascii_lower_all(char *p, size_t n) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) for (int k = 0; k < 16; k++) p[i + (size_t)k] = (char)(p[i + (size_t)k] + (((unsigned char)(p[i + (size_t)k] - 'A') < 26) << 5));
  for (; i < n; i++) p[i] = (char)(p[i] + (ascii_upper((unsigned char)p[i]) ? 32 : 0));
}

Value str_m_upper(VM *vm, Args *a) {
  Str *s = v_str(a->v[0]);
  if (!str_is_ascii(s)) return map_unicode(vm, s, map_upper);
  if (s->size == 1) return v_from_str(str_ascii_char(vm, (unsigned char)(s->data[0] - (ascii_lower((unsigned char)s->data[0]) ? 32 : 0))));
  Str *r = ascii_copy(vm, s);
  if (!r) return V_FAIL;
  ascii_upper_all(str_text(r), r->size);
  return v_from_obj(r);
}
Value str_m_lower(VM *vm, Args *a) {
  Str *s = v_str(a->v[0]);
  if (!str_is_ascii(s)) return map_unicode(vm, s, map_lower);
  if (s->size == 1) return v_from_str(str_ascii_char(vm, (unsigned char)(s->data[0] + (ascii_upper((unsigned char)s->data[0]) ? 32 : 0))));
  Str *r = ascii_copy(vm, s);
  if (!r) return V_FAIL;
  ascii_lower_all(str_text(r), r->size);
  return v_from_obj(r);
}
Value str_m_casefold(VM *vm, Args *a) {
  return str_is_ascii(v_str(a->v[0])) ? str_m_lower(vm, a) : map_unicode(vm, v_str(a->v[0]), map_fold);
}
Value str_m_swapcase(VM *vm, Args *a) {
  Str *s = v_str(a->v[0]);
  if (!str_is_ascii(s)) return map_unicode(vm, s, map_swap);
  Str *r = ascii_copy(vm, s);
  if (!r) return V_FAIL;
  for (char *p = str_text(r), *end = p + r->size; p < end; p++) if (ascii_alpha((unsigned char)*p)) *p = (char)(*p ^ 32);
  return v_from_obj(r);
}
Value str_m_title(VM *vm, Args *a) {
  Str *s = v_str(a->v[0]);
  if (!str_is_ascii(s)) return map_unicode(vm, s, map_title);
  Str *r = ascii_copy(vm, s);
  if (!r) return V_FAIL;
  bool in_word = false;
  for (char *p = str_text(r), *end = p + r->size; p < end; p++) {
    if (!ascii_alpha((unsigned char)*p)) in_word = false;
    else *p = (char)(in_word ? *p | 32 : *p & ~32), in_word = true;
  }
  return v_from_obj(r);
}
Value str_m_capitalize(VM *vm, Args *a) {
  Str *s = v_str(a->v[0]);
  if (!str_is_ascii(s)) return map_unicode(vm, s, map_capitalize);
  if (s->size == 1) return str_m_upper(vm, a);
  Value r = str_m_lower(vm, a);
  if (v_failed(r)) return r;
  if (v_str(r)->size && ascii_lower((unsigned char)v_str(r)->data[0])) str_text(v_str(r))[0] = (char)(s->data[0] & ~32);
  return r;
}

/* ---- predicates ---- */

/* All characters satisfy it, and there is one. */
static Value all_are(VM *vm, Args *a, bool (*is)(uint32_t)) {
  Str *s = v_str(a->v[0]);
  if (s->size == 0) return V_FALSE;
  if (!rt_charge(vm, s->size >> 4)) return V_FAIL;
  for (const char *p = s->data, *end = p + s->size; p < end;) {
    if (!is(utf8_decode(p, &p))) return V_FALSE;
  }
  return V_TRUE;
}
static bool is_alnum(uint32_t c) { return uc_is_alpha(c) || uc_is_decimal(c) || uc_is_digit(c) || uc_is_numeric(c); }

Value str_m_isalnum(VM *vm, Args *a) { return all_are(vm, a, is_alnum); }
Value str_m_isalpha(VM *vm, Args *a) { return all_are(vm, a, uc_is_alpha); }
Value str_m_isdecimal(VM *vm, Args *a) { return all_are(vm, a, uc_is_decimal); }
Value str_m_isdigit(VM *vm, Args *a) { return all_are(vm, a, uc_is_digit); }
Value str_m_isnumeric(VM *vm, Args *a) { return all_are(vm, a, uc_is_numeric); }
Value str_m_isspace(VM *vm, Args *a) { return all_are(vm, a, uc_is_space); }
Value str_m_isprintable(VM *vm, Args *a) { return v_str(a->v[0])->size == 0 ? V_TRUE : all_are(vm, a, uc_is_printable); }
Value str_m_isascii(VM *vm, Args *a) {
  (void)vm;
  return v_from_bool(str_is_ascii(v_str(a->v[0])));
}

Value str_m_isidentifier(VM *vm, Args *a) {
  (void)vm;
  Str *s = v_str(a->v[0]);
  const char *p = s->data, *end = p + s->size;
  if (p == end || !uc_is_id_start(utf8_decode(p, &p))) return V_FALSE;
  while (p < end) if (!uc_is_id_continue(utf8_decode(p, &p))) return V_FALSE;
  return V_TRUE;
}

/* At least one cased character of the kind `yes`, none of the kinds `no` or titlecase. */
static Value all_cased(VM *vm, Args *a, bool (*yes)(uint32_t), bool (*no)(uint32_t)) {
  Str *s = v_str(a->v[0]);
  bool cased = false;
  if (!rt_charge(vm, s->size >> 4)) return V_FAIL;
  for (const char *p = s->data, *end = p + s->size; p < end;) {
    uint32_t c = utf8_decode(p, &p);
    if (no(c) || uc_is_title(c)) return V_FALSE;
    if (yes(c)) cased = true;
  }
  return v_from_bool(cased);
}
Value str_m_islower(VM *vm, Args *a) { return all_cased(vm, a, uc_is_lower, uc_is_upper); }
Value str_m_isupper(VM *vm, Args *a) { return all_cased(vm, a, uc_is_upper, uc_is_lower); }

Value str_m_istitle(VM *vm, Args *a) {
  Str *s = v_str(a->v[0]);
  bool cased = false, in_word = false;
  if (!rt_charge(vm, s->size >> 4)) return V_FAIL;
  for (const char *p = s->data, *end = p + s->size; p < end;) {
    uint32_t c = utf8_decode(p, &p);
    bool upper = uc_is_upper(c) || uc_is_title(c), lower = !upper && uc_is_lower(c);
    if ((upper && in_word) || (lower && !in_word)) return V_FALSE;
    in_word = upper || lower;
    cased |= in_word;
  }
  return v_from_bool(cased);
}
