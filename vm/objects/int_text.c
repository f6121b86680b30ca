/* int <-> text in any base, in less than quadratic time: long numbers are split by powers of the base.
 * The limit on decimal digits (library reference, "Integer string conversion length limitation") is checked here. */
#include "vm/objects/str_build.h"
#include "vm/objects/int_big.h"
#include "vm/objects/bytes.h"
#include "vm/objects/exception.h"
#include "vm/objects/int_ops.h"
#include "vm/vm.h"
#include <string.h>

#define LEAF_DIGITS 24 /* magnitudes up to this many digits are converted directly */
#define MAX_LEVELS 40

/* The largest power of base that fits a digit, and its exponent. */
static Digit chunk_of(int base, int *chars) {
  Digit b = (Digit)base, power = b, most = MASK / b;
  int n = 1;
  while (power <= most) {
    power *= b;
    n++;
  }
  *chars = n;
  return power;
}

static bool no_memory(VM *vm) {
  rt_no_memory(vm);
  return false;
}

static int log2_exact(int base) { /* 0: no power of two */
  for (int i = 1; i <= 5; i++)
    if (base == 1 << i) return i;
  return 0;
}

static const char digit_chars[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* ---------------------------------------------------------------- to text */

/* Powers power[i] = base^(chars * 2^i) that splitting needs. */
typedef struct Powers { Value power[MAX_LEVELS]; int chars, levels; int base; Digit chunk; } Powers;

/* Writes exactly width characters (zeros in front) of a magnitude that is destroyed. */
static void put_leaf(const Powers *p, Digit *d, int n, char *out, size_t width) {
  char *at = out + width;
  while (at > out) {
    Digit rem = mag_div_small(d, d, n, p->chunk);
    n = mag_clamp(d, n);
    if (p->base == 10 && at - out >= p->chars) { /* a division by a constant is none */
      for (int i = 0; i < p->chars; i++, rem /= 10) *--at = (char)('0' + rem % 10);
      continue;
    }
    for (int i = 0; i < p->chars && at > out; i++, rem /= (Digit)p->base) *--at = digit_chars[rem % (Digit)p->base];
  }
}

/* v < base^width, width = chars * 2^level or less at the top. Depth: number of levels. */
static bool put_split(VM *vm, const Powers *p, Value v, int level, char *out, size_t width) {
  IntView a;
  int_view(v, &a);
  if (a.n <= LEAF_DIGITS || level < 0) {
    Scratch s;
    Digit *d = scratch_get(vm, &s, (size_t)a.n + 1);
    if (!d) return false;
    memcpy(d, a.d, (size_t)a.n * sizeof(Digit));
    put_leaf(p, d, a.n, out, width);
    scratch_free(vm, &s);
    return rt_charge(vm, 1 + (uint64_t)a.n / 4);
  }
  size_t low = (size_t)p->chars << level;
  if (low >= width) return put_split(vm, p, v, level - 1, out, width);
  Value q, r;
  if (!int_floor_divmod(vm, v, p->power[level], &q, &r)) return false;
  return put_split(vm, p, q, level - 1, out, width - low) && put_split(vm, p, r, level - 1, out + (width - low), low);
}

static bool make_powers(VM *vm, Powers *p, int base, int n) {
  p->base = base;
  p->chunk = chunk_of(base, &p->chars);
  p->levels = 0;
  Value v = int_from_u64(vm, p->chunk);
  for (size_t reach = 1; reach < (size_t)n + 1 && p->levels < MAX_LEVELS; reach *= 2) { /* power[i] has about 2^i digits */
    if (v_failed(v)) return false;
    p->power[p->levels++] = v;
    if (2 * reach < (size_t)n + 1) v = int_mul(vm, v, v);
  }
  return !v_failed(v);
}

/* Decimal digits of a magnitude of so many bits are at most this many. */
static size_t text_room(size_t bits, int base) {
  static const double log2_of[] = {0, 0, 1, 1.5849, 2, 2.3219, 2.5849, 2.8073, 3, 3.1699, 3.3219};
  double per = base <= 10 ? log2_of[base] : base < 16 ? 3.3219 : base < 32 ? 4 : 5;
  return (size_t)((double)bits / per) + 2;
}

static bool put_binary(const IntView *a, int shift, Buf *out) { /* base 2^shift */
  size_t bits = mag_bits(a->d, a->n), chars = (bits + (size_t)shift - 1) / (size_t)shift;
  if (!buf_reserve(out, chars)) return false;
  for (size_t i = chars; i-- > 0;) {
    size_t bit = i * (size_t)shift, word = bit / BITS, off = bit % BITS;
    Digit d = a->d[word] >> off;
    if (off + (size_t)shift > BITS && (int)word + 1 < a->n) d |= a->d[word + 1] << (BITS - off);
    out->data[out->len++] = digit_chars[d & (((Digit)1 << shift) - 1)];
  }
  return true;
}

static bool put_general(VM *vm, Value v, const IntView *a, int base, Buf *out) {
  Powers p = {.base = base};
  if (a->n <= LEAF_DIGITS) p.chunk = chunk_of(base, &p.chars);
  else if (!make_powers(vm, &p, base, a->n)) return false;
  size_t width = text_room(mag_bits(a->d, a->n), base);
  if (!buf_reserve(out, width)) return no_memory(vm);
  char *text = out->data + out->len;
  Value magnitude = a->neg && a->n > LEAF_DIGITS ? int_negate(vm, v) : v; /* a leaf has no sign */
  if (v_failed(magnitude) || !put_split(vm, &p, magnitude, p.levels - 1, text, width)) return false;
  size_t skip = 0;
  while (skip < width - 1 && text[skip] == '0') skip++;
  memmove(text, text + skip, width - skip);
  out->len += width - skip;
  return true;
}

static bool small_text(int64_t i, int base, Buf *out) {
  char tmp[64];
  int n = 0;
  uint64_t u = i < 0 ? -(uint64_t)i : (uint64_t)i;
  do tmp[n++] = digit_chars[u % (unsigned)base];
  while (u /= (unsigned)base);
  if (i < 0) tmp[n++] = '-';
  if (!buf_reserve(out, (size_t)n)) return false;
  while (n) out->data[out->len++] = tmp[--n];
  return true;
}

/* Appends sign and digits. limited: apply the digit limit. */
bool int_put_text(VM *vm, Value v, int base, bool limited, Buf *out) {
  if (!v_is_obj(v)) return small_text(v_is_int(v) ? v_int(v) : v.w == V_TRUE.w, base, out) || no_memory(vm);
  IntView a;
  int_view(v, &a);
  int shift = log2_exact(base);
  uint64_t max = shift || !limited ? 0 : vm->int_max_str_digits;
  static const char too_long[] = "Exceeds the limit (%llu digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit";
  if (max && (double)mag_bits(a.d, a.n) > (double)max * 3.3219281 + 4) return rt_raise_b(vm, &exc_ValueError, too_long, (unsigned long long)max);
  if (!big_room(vm, (double)mag_bits(a.d, a.n) / (shift ? shift : 3))) return false;
  if (a.neg) buf_char(out, '-');
  size_t start = out->len;
  if (a.n == 0) buf_char(out, '0');
  else if (shift ? !put_binary(&a, shift, out) : !put_general(vm, v, &a, base, out)) return rt_pending(vm) ? false : no_memory(vm);
  if (out->failed) return no_memory(vm);
  if (max && out->len - start > max) return rt_raise_b(vm, &exc_ValueError, too_long, (unsigned long long)max);
  return true;
}

Value int_to_str(VM *vm, Value v, int base) {
  if (v_is_int(v)) {
    char tmp[64];
    int n = 64;
    int64_t i = v_int(v);
    uint64_t u = i < 0 ? -(uint64_t)i : (uint64_t)i;
    if (base == 10) {
      do tmp[--n] = (char)('0' + u % 10);
      while (u /= 10);
    } else {
      do tmp[--n] = digit_chars[u % (unsigned)base];
      while ((u /= (unsigned)base) && n > 1);
      if (u) goto general; /* cannot be: 62 bits in base 2 and a sign fit */
    }
    if (i < 0) tmp[--n] = '-';
    return v_from_str(str_piece(vm, tmp + n, tmp + 64, true));
  }
general:;
  Buf b;
  buf_init(&b, rt_mem(vm));
  if (!int_put_text(vm, v, base, base == 10, &b)) {
    buf_free(&b);
    return V_FAIL;
  }
  return v_from_str(str_from_buf(vm, &b));
}

/* ---------------------------------------------------------------- from text */

static int char_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

static Value from_binary(VM *vm, const char *s, size_t n, int shift) {
  BigInt *b = big_new(vm, n * (size_t)shift / BITS + 1);
  if (!b) return V_FAIL;
  size_t bit = 0;
  for (size_t i = n; i-- > 0; bit += (size_t)shift) {
    Digit v = (Digit)char_value(s[i]);
    size_t word = bit / BITS, off = bit % BITS;
    b->digits[word] |= v << off & MASK;
    if (off + (size_t)shift > BITS) b->digits[word + 1] |= v >> (BITS - off);
  }
  return big_value(b);
}

static Value from_leaf(VM *vm, const Powers *p, const char *s, size_t n) {
  BigInt *b = big_new(vm, n / (size_t)p->chars + 2);
  if (!b) return V_FAIL;
  int used = 0;
  size_t first = n % (size_t)p->chars;
  for (size_t i = 0; i < n;) {
    size_t end = i == 0 && first ? first : i + (size_t)p->chars;
    Digit part = 0;
    if (p->base == 10) for (; i < end; i++) part = part * 10 + (Digit)(s[i] - '0');
    for (; i < end; i++) part = part * (Digit)p->base + (Digit)char_value(s[i]);
    Digit carry = mag_mul_small(b->digits, b->digits, used, p->chunk, part);
    if (carry) b->digits[used++] = carry;
  }
  return big_value(b);
}

static Value from_split(VM *vm, const Powers *p, const char *s, size_t n, int level) {
  if (n <= (size_t)p->chars * LEAF_DIGITS * 2 || level < 0) return rt_charge(vm, 1 + n / 60) ? from_leaf(vm, p, s, n) : V_FAIL;
  size_t low = (size_t)p->chars << level;
  if (low >= n) return from_split(vm, p, s, n, level - 1);
  Value high = from_split(vm, p, s, n - low, level - 1), rest = v_failed(high) ? V_FAIL : from_split(vm, p, s + (n - low), low, level - 1);
  if (v_failed(rest)) return V_FAIL;
  high = int_mul(vm, high, p->power[level]);
  return v_failed(high) ? V_FAIL : int_binary(vm, TINY_ADD, high, rest);
}

Value int_from_text(VM *vm, const char *digits, size_t n, int base) {
  while (n > 1 && *digits == '0') {
    digits++;
    n--;
  }
  if (n <= 11) {
    uint64_t u = 0;
    for (size_t i = 0; i < n; i++) u = u * (unsigned)base + (unsigned)char_value(digits[i]);
    return int_from_u64(vm, u);
  }
  int shift = log2_exact(base);
  if (!big_room(vm, (double)n / 1.5)) return V_FAIL;
  if (shift) return from_binary(vm, digits, n, shift);
  Powers p;
  p.base = base;
  p.chunk = chunk_of(base, &p.chars);
  if (n <= (size_t)p.chars * LEAF_DIGITS * 2) return from_leaf(vm, &p, digits, n);
  size_t chunks = n / (size_t)p.chars + 1;
  if (!make_powers(vm, &p, base, chunks > INT32_MAX ? INT32_MAX : (int)chunks)) return V_FAIL;
  return from_split(vm, &p, digits, n, p.levels - 1);
}

/* ---------------------------------------------------------------- int(text): sign, prefix, underscores */

/* ASCII form of a text for number parsing, as CPython makes it: other decimal digits and white space become ASCII ones, the rest '?'. Appends. */
bool number_ascii(Str *s, Buf *out) {
  const char *p = s->data, *end = p + s->size;
  while (p < end) {
    if ((unsigned char)*p < 0x80) {
      const char *q = p;
      while (q < end && (unsigned char)*q < 0x80) q++;
      buf_add(out, p, (size_t)(q - p));
      p = q;
      continue;
    }
    uint32_t c = utf8_decode(p, &p);
    int d = uc_decimal_value(c);
    buf_char(out, d >= 0 ? (char)('0' + d) : uc_is_space(c) ? ' ' : '?');
  }
  return !out->failed;
}

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* White space cut off at both ends. */
void number_trim(const char **s, size_t *n) {
  while (*n && is_blank(**s)) {
    ++*s;
    --*n;
  }
  while (*n && is_blank((*s)[*n - 1])) --*n;
}

/* Base from a prefix 0x 0o 0b where base allows one. Returns characters to skip. */
static size_t take_prefix(const char *s, size_t n, int *base) {
  int named = 0;
  if (n >= 2 && s[0] == '0') {
    char c = (char)(s[1] | 32);
    named = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
  }
  if (named && (*base == 0 || *base == named)) {
    *base = named;
    return 2;
  }
  if (*base == 0) *base = 10;
  return 0;
}

/* Underscores stand single between digits, or after a prefix (PEP 515). Copies digits to out; false: malformed. */
static bool copy_digits(const char *s, size_t n, int base, bool after_prefix, Buf *out) {
  char prev = after_prefix ? '0' : '_';
  for (size_t i = 0; i < n; i++) {
    if (s[i] == '_') {
      if (prev == '_') return false;
    } else if (char_value(s[i]) < base) {
      buf_char(out, s[i]);
    } else {
      return false;
    }
    prev = s[i];
  }
  return prev != '_' && out->len > 0;
}

static bool all_decimal(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (s[i] < '0' || s[i] > '9') return false;
  return n > 0;
}

static Value parse_ascii(VM *vm, Value shown, const char *s, size_t n, int base) {
  int given = base;
  const char *text = s;
  size_t length = n;
  bool neg = false;
  number_trim(&s, &n);
  if (n && (*s == '+' || *s == '-')) {
    neg = *s == '-';
    s++;
    n--;
  }
  bool zero_only = base == 0 && n > 0 && s[0] == '0';
  size_t skip = take_prefix(s, n, &base);
  if (n > skip && base == 10 && given == 10 && n <= 18) { /* the common case */
    int64_t i = 0;
    size_t at = 0;
    for (; at < n && s[at] >= '0' && s[at] <= '9'; at++) i = i * 10 + (s[at] - '0');
    if (at == n) return v_from_int62(neg ? -i : i);
  }
  Buf digits;
  buf_init(&digits, rt_mem(vm));
  Value v = V_FAIL;
  uint64_t max = vm->int_max_str_digits;
  if (base == 10 && all_decimal(s + skip, n - skip) && !zero_only && (!max || n - skip <= max)) { /* digits only: as they are */
    v = int_from_text(vm, s + skip, n - skip, base);
    return neg && !v_failed(v) ? int_negate(vm, v) : v;
  }
  bool good = copy_digits(s + skip, n - skip, base, skip > 0, &digits);
  if (good && zero_only && skip == 0) { /* base 0: "010" is ambiguous, "00" is not */
    for (size_t i = 0; i < digits.len && good; i++) good = digits.data[i] == '0';
  }
  if (digits.failed) {
    rt_no_memory(vm);
  } else if (!good) {
    if (!is_str(shown)) shown = v_from_bytes(bytes_new(vm, text, length)); /* a bytearray is shown as bytes */
    if (!v_failed(shown)) rt_raise(vm, &exc_ValueError, "invalid literal for int() with base %d: %.200R", given, shown);
  } else if (max && !log2_exact(base) && digits.len > max) {
    rt_raise(vm, &exc_ValueError,
             "Exceeds the limit (%llu digits) for integer string conversion: value has %zu digits; use sys.set_int_max_str_digits() to increase the limit",
             (unsigned long long)max, digits.len);
  } else {
    v = int_from_text(vm, digits.data, digits.len, base);
    if (neg && !v_failed(v)) v = int_negate(vm, v);
  }
  buf_free(&digits);
  return v;
}

Value int_parse(VM *vm, Value text, int base) {
  View view;
  if (!is_str(text)) {
    if (!bytes_view(text, &view)) return rt_raise(vm, &exc_TypeError, "int() can't convert non-string with explicit base");
    return parse_ascii(vm, text, (const char *)view.data, view.size, base);
  }
  Str *s = v_str(text);
  if (str_is_ascii(s)) return parse_ascii(vm, text, s->data, s->size, base);
  Buf b;
  buf_init(&b, rt_mem(vm));
  Value v = number_ascii(s, &b) ? parse_ascii(vm, text, b.data, b.len, base) : rt_no_memory(vm);
  buf_free(&b);
  return v;
}
