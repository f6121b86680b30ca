/* UTF-8 (with lone surrogates in their 3-byte form) and character properties. General categories, simple case mappings and normalisation come from
   utf8proc; the derived properties and the one-to-many mappings that it lacks from utf8_tables.h. ASCII never reaches either. */
#include "vm/base/utf8.h"

#include <string.h>
#include <utf8proc.h>

#include "vm/base/utf8_tables.h"

/* ---- encoding ---- */

uint32_t utf8_decode(const char *s, const char **next) {
  const unsigned char *p = (const unsigned char *)s;
  uint32_t c = p[0];
  int n = utf8_len(p[0]);
  if (n == 2) c = (c & 0x1F) << 6 | (p[1] & 0x3Fu);
  else if (n == 3) c = (c & 0x0F) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
  else if (n == 4) c = (c & 0x07) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
  if (next) *next = s + n;
  return c;
}

int utf8_encode(uint32_t cp, char out[4]) {
  if (cp < 0x80) {
    out[0] = (char)cp;
    return 1;
  }
  if (cp < 0x800) {
    out[0] = (char)(0xC0 | cp >> 6);
    out[1] = (char)(0x80 | (cp & 0x3F));
    return 2;
  }
  if (cp < 0x10000) {
    out[0] = (char)(0xE0 | cp >> 12);
    out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[2] = (char)(0x80 | (cp & 0x3F));
    return 3;
  }
  out[0] = (char)(0xF0 | cp >> 18);
  out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
  out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
  out[3] = (char)(0x80 | (cp & 0x3F));
  return 4;
}

static uint64_t load_word(const char *s) {
  uint64_t word;
  memcpy(&word, s, sizeof word);
  return word;
}

#define EVERY_BYTE 0x0101010101010101u

/* Counts the bytes that are not continuation bytes, eight at a time. */
bool utf8_is_ascii(const char *s, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    if (load_word(s + i) & (EVERY_BYTE * 0x80)) return false;
  if (n >= 8) return !(load_word(s + n - 8) & (EVERY_BYTE * 0x80)); /* the rest, and some again */
  for (; i < n; i++)
    if ((unsigned char)s[i] & 0x80) return false;
  return true;
}

size_t utf8_count(const char *s, size_t n) {
  size_t continuation = 0, i = 0;
  if (utf8_is_ascii(s, n)) return n;
  for (; i + 8 <= n; i += 8) {
    uint64_t w = load_word(s + i);
    uint64_t marks = (w >> 7 & ~(w >> 6)) & EVERY_BYTE; /* bit 7 set and bit 6 clear */
    continuation += (size_t)((marks * EVERY_BYTE) >> 56);
  }
  for (; i < n; i++) continuation += ((unsigned char)s[i] & 0xC0) == 0x80;
  return n - continuation;
}

/* Continuation bytes that lead byte c needs; the allowed range of the first one (Unicode standard, table 3-7). -1: no lead byte. */
static int lead_info(unsigned char c, bool surrogates, unsigned char *lo, unsigned char *hi) {
  *lo = 0x80;
  *hi = 0xBF;
  if (c < 0xC2 || c > 0xF4) return -1;
  if (c < 0xE0) return 1;
  if (c < 0xF0) {
    if (c == 0xE0) *lo = 0xA0;
    if (c == 0xED && !surrogates) *hi = 0x9F;
    return 2;
  }
  if (c == 0xF0) *lo = 0x90;
  if (c == 0xF4) *hi = 0x8F;
  return 3;
}

size_t utf8_check(const char *s, size_t n, bool allow_surrogates, size_t *bad_len, const char **reason) {
  size_t i = 0;
  while (i < n) {
    if (i + 8 <= n && !(load_word(s + i) & (EVERY_BYTE * 0x80))) {
      i += 8;
      continue;
    }
    unsigned char c = (unsigned char)s[i], lo, hi;
    if (c < 0x80) {
      i++;
      continue;
    }
    if (c >= 0xC2 && c < 0xE0 && i + 1 < n && ((unsigned char)s[i + 1] & 0xC0) == 0x80) { /* the usual two and three bytes */
      i += 2;
      continue;
    }
    if (c > 0xE0 && c < 0xED && i + 2 < n && ((unsigned char)s[i + 1] & 0xC0) == 0x80 && ((unsigned char)s[i + 2] & 0xC0) == 0x80) {
      i += 3;
      continue;
    }
    int need = lead_info(c, allow_surrogates, &lo, &hi);
    size_t len = 1;
    const char *why = need < 0 ? "invalid start byte" : NULL;
    for (; !why && len <= (size_t)need; len++) {
      if (i + len >= n) {
        why = "unexpected end of data";
        break;
      }
      unsigned char d = (unsigned char)s[i + len];
      if (d < lo || d > hi) {
        why = "invalid continuation byte";
        break;
      }
      lo = 0x80;
      hi = 0xBF;
    }
    if (why) {
      if (bad_len) *bad_len = len;
      if (reason) *reason = why;
      return i;
    }
    i += len;
  }
  return n;
}

const char *utf8_at(const char *s, size_t n, size_t index) {
  const char *end = s + n;
  while (end - s >= 8 && index >= 8) { /* whole words while the target cannot lie within */
    index -= utf8_count(s, 8);
    s += 8;
  }
  while (s < end && ((unsigned char)*s & 0xC0) == 0x80) s++; /* a word may have ended inside a sequence, whose lead was counted */
  for (; index > 0 && s < end; index--) s += utf8_len((unsigned char)*s);
  return s < end ? s : end;
}

/* ---- properties ---- */

static bool in_ranges(const CpRange *table, size_t n, uint32_t c) {
  size_t lo = 0, hi = n;
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (c > table[mid].last) lo = mid + 1;
    else if (c < table[mid].first) hi = mid;
    else return true;
  }
  return false;
}

#define IN(table, c) in_ranges(table, sizeof(table) / sizeof *(table), c)

/* Whether utf8proc's Unicode has the character and ours does not; most text lies between the first few and the others. */
bool uc_is_newer(uint32_t c) { return c >= newer[0].first && (c > 0xFFFF || c <= 0xFFF) && IN(newer, c); }

static utf8proc_category_t category(uint32_t c) { return c > 0x10FFFF || uc_is_newer(c) ? UTF8PROC_CATEGORY_CN : utf8proc_category((utf8proc_int32_t)c); }

static bool is_letter(utf8proc_category_t k) {
  return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT || k == UTF8PROC_CATEGORY_LM || k == UTF8PROC_CATEGORY_LO;
}

static bool ascii_alpha(uint32_t c) { return (c | 32) - 'a' < 26; }
static bool ascii_digit(uint32_t c) { return c - '0' < 10; }

bool uc_is_alpha(uint32_t c) { return c < 0x80 ? ascii_alpha(c) : is_letter(category(c)); }
bool uc_is_decimal(uint32_t c) { return c < 0x80 ? ascii_digit(c) : category(c) == UTF8PROC_CATEGORY_ND; }
bool uc_is_digit(uint32_t c) { return uc_digit_value(c) >= 0; }

bool uc_is_numeric(uint32_t c) {
  if (c < 0x80) return ascii_digit(c);
  utf8proc_category_t k = category(c);
  bool by_category = k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
  return by_category != IN(other_numeric, c);
}

bool uc_is_space(uint32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F);
  return c == 0x85 || c == 0x2028 || c == 0x2029 || category(c) == UTF8PROC_CATEGORY_ZS;
}

bool uc_is_upper(uint32_t c) {
  if (c < 0x80) return c - 'A' < 26;
  return (category(c) == UTF8PROC_CATEGORY_LU) != IN(other_upper, c);
}

bool uc_is_lower(uint32_t c) {
  if (c < 0x80) return c - 'a' < 26;
  return (category(c) == UTF8PROC_CATEGORY_LL) != IN(other_lower, c);
}

bool uc_is_title(uint32_t c) { return c >= 0x80 && category(c) == UTF8PROC_CATEGORY_LT; }
bool uc_is_cased(uint32_t c) { return uc_is_lower(c) || uc_is_upper(c) || uc_is_title(c); }

bool uc_is_case_ignorable(uint32_t c) {
  utf8proc_category_t k = category(c);
  bool by_category = k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_LM ||
                     k == UTF8PROC_CATEGORY_SK;
  return by_category != IN(other_case_ignorable, c);
}

bool uc_is_printable(uint32_t c) {
  if (c < 0x7F) return c >= 0x20;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CC: case UTF8PROC_CATEGORY_CF: case UTF8PROC_CATEGORY_CS: case UTF8PROC_CATEGORY_CO: case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL: case UTF8PROC_CATEGORY_ZP: case UTF8PROC_CATEGORY_ZS: return false;
    default: return true;
  }
}

bool uc_is_id_start(uint32_t c) {
  if (c < 0x80) return ascii_alpha(c) || c == '_';
  utf8proc_category_t k = category(c);
  return (is_letter(k) || k == UTF8PROC_CATEGORY_NL) != IN(other_id_start, c);
}

bool uc_is_id_continue(uint32_t c) {
  if (c < 0x80) return ascii_alpha(c) || ascii_digit(c) || c == '_';
  utf8proc_category_t k = category(c);
  bool by_category = is_letter(k) || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_MN ||
                     k == UTF8PROC_CATEGORY_MC || k == UTF8PROC_CATEGORY_PC;
  return by_category != IN(other_id_continue, c);
}

/* Decimal digits stand in runs of ten that begin with zero; neighbouring runs (mathematical digits) keep the rhythm. So the value is the distance from
   the start of the run of Nd, modulo ten. The longest run has 50. */
int uc_decimal_value(uint32_t c) {
  if (c < 0x80) return ascii_digit(c) ? (int)(c - '0') : -1;
  if (category(c) != UTF8PROC_CATEGORY_ND) return -1;
  uint32_t first = c;
  while (category(first - 1) == UTF8PROC_CATEGORY_ND) first--;
  return (int)((c - first) % 10);
}

int uc_digit_value(uint32_t c) {
  int value = uc_decimal_value(c);
  if (value >= 0 || c < 0x80) return value;
  for (size_t i = 0; i < sizeof other_digit / sizeof *other_digit; i++)
    if (c >= other_digit[i].first && c <= other_digit[i].last) return other_digit[i].value + (int)(c - other_digit[i].first);
  return -1;
}

/* ---- case ---- */

static int special_case(const SpecialCase *table, size_t n, uint32_t c, uint32_t out[3]) {
  size_t lo = 0, hi = n;
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (c > table[mid].cp) lo = mid + 1;
    else hi = mid;
  }
  if (lo == n || table[lo].cp != c) return 0;
  int len = 0;
  for (; len < 3 && table[lo].to[len]; len++) out[len] = table[lo].to[len];
  return len;
}

#define SPECIAL(table, c, out) special_case(table, sizeof(table) / sizeof *(table), c, out)

int uc_to_upper(uint32_t c, uint32_t out[3]) {
  int n = c < 0x80 ? 0 : SPECIAL(special_upper, c, out);
  if (n) return n;
  out[0] = c < 0x80 ? (c - 'a' < 26 ? c - 32 : c) : (uint32_t)utf8proc_toupper((utf8proc_int32_t)c);
  return 1;
}

int uc_to_title(uint32_t c, uint32_t out[3]) {
  int n = c < 0x80 ? 0 : SPECIAL(special_title, c, out);
  if (n) return n;
  out[0] = c < 0x80 ? (c - 'a' < 26 ? c - 32 : c) : (uint32_t)utf8proc_totitle((utf8proc_int32_t)c);
  return 1;
}

int uc_to_lower(uint32_t c, uint32_t out[3]) {
  if (c == 0x130) { /* the one special lower case that does not depend on the context */
    out[0] = 'i';
    out[1] = 0x307;
    return 2;
  }
  out[0] = c < 0x80 ? (c - 'A' < 26 ? c + 32 : c) : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
  return 1;
}

int uc_fold(uint32_t c, uint32_t out[3]) {
  if (c < 0x80) return uc_to_lower(c, out);
  utf8proc_int32_t folded[4];
  int boundary = 0;
  utf8proc_ssize_t n = c > 0x10FFFF ? 0 : utf8proc_decompose_char((utf8proc_int32_t)c, folded, 4, UTF8PROC_CASEFOLD, &boundary);
  if (n < 1 || n > 3) {
    out[0] = c;
    return 1;
  }
  for (int i = 0; i < n; i++) out[i] = (uint32_t)folded[i];
  return (int)n;
}

/* ---- the rest ---- */

/* PEP 3131: identifiers are compared in their NFKC form. The code points go through a scratch block of our own, as utf8proc_map would call malloc. */
bool uc_nfkc(Buf *out, const char *s, size_t n) {
  if (utf8_is_ascii(s, n)) {
    buf_add(out, s, n);
    return !out->failed;
  }
  const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
  const utf8proc_uint8_t *text = (const utf8proc_uint8_t *)s;
  utf8proc_ssize_t count = utf8proc_decompose(text, (utf8proc_ssize_t)n, NULL, 0, options);
  if (count < 0) { /* cannot be in valid text; surrogates */
    buf_add(out, s, n);
    return !out->failed;
  }
  size_t size = ((size_t)count + 1) * sizeof(utf8proc_int32_t);
  utf8proc_int32_t *cps = mem_alloc(out->mem, size);
  if (!cps) {
    out->failed = true;
    return false;
  }
  count = utf8proc_decompose(text, (utf8proc_ssize_t)n, cps, count, options);
  if (count > 0) count = utf8proc_normalize_utf32(cps, count, options);
  for (utf8proc_ssize_t i = 0; i < count; i++) {
    char bytes[4];
    buf_add(out, bytes, (size_t)utf8_encode((uint32_t)cps[i], bytes));
  }
  mem_free(out->mem, cps, size);
  return !out->failed;
}

int uc_width(uint32_t c) {
  if (c < 0x80) return c >= 0x20 && c < 0x7F;
  return utf8proc_charwidth((utf8proc_int32_t)c);
}
