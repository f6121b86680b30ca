/* double <-> decimal text, correctly rounded both ways, without the C library's locale-dependent functions.
 *
 * Reading: up to 19 digits go through one or two 64x64 bit multiplications with a 128-bit power of ten (Clinger's exact case first, then the method
 * of Eisel and Lemire: D. Lemire, "Number parsing at a gigabyte per second", 2021). The rare undecided cases compare exactly, in big integers.
 * Writing the shortest digits: Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2020), always exact, no fall-back.
 * Writing a given number of digits: the exact binary fraction is multiplied or divided by 10^9 at a time. */
#include "vm/base/dtoa.h"
#include "vm/base/dtoa_table.h"
#include <float.h>
#include <math.h>
#include <string.h>

#define MANT_BITS 52
#define EXP_BIAS 1075       /* value = c * 2^(biased - 1075) */
#define MAX_DIGITS 800      /* more than any tie between two doubles needs (767); the rest only counts as "not zero" */

/* ---------------------------------------------------------------- words */

static uint64_t double_bits(double d) {
  uint64_t bits;
  memcpy(&bits, &d, sizeof bits);
  return bits;
}

static double bits_double(uint64_t bits) {
  double d;
  memcpy(&d, &bits, sizeof d);
  return d;
}

/* 64 x 64 -> 128 bits, portable. */
static uint64_t mul_64(uint64_t a, uint64_t b, uint64_t *lo) {
  uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
  uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
  uint64_t mid = (p00 >> 32) + (p01 & 0xffffffffu) + (p10 & 0xffffffffu);
  *lo = (mid << 32) | (p00 & 0xffffffffu);
  return p11 + (p01 >> 32) + (p10 >> 32) + (mid >> 32);
}

static int leading_zeros(uint64_t x) { /* x != 0 */
  int n = 0;
  for (int step = 32; step > 0; step >>= 1) {
    if (x >> (64 - step) == 0) {
      n += step;
      x <<= step;
    }
  }
  return n;
}

/* Shifts of a possibly negative product, rounding down. */
static int floor_shift(int64_t x, int n) { return (int)(x >= 0 ? x >> n : -((-x + ((int64_t)1 << n) - 1) >> n)); }
static int floor_log2_pow10(int k) { return floor_shift((int64_t)k * 1741647, 19); }
static int floor_log10_pow2(int e) { return floor_shift((int64_t)e * 1262611, 22); }
static int floor_log10_pow2_34(int e) { return floor_shift((int64_t)e * 1262611 - 524031, 22); } /* of 3/4 * 2^e */

/* ---------------------------------------------------------------- big integers of fixed room, for the exact comparison */

#define BIG_WORDS 192 /* 6144 bits: 800 digits times 2^1075, or 10^1143 times a 54-bit number, with room to spare */
typedef struct Big { int n; uint32_t w[BIG_WORDS]; } Big;

static void big_mul_add(Big *b, uint32_t mul, uint32_t add) {
  uint64_t carry = add;
  for (int i = 0; i < b->n; i++) {
    carry += (uint64_t)b->w[i] * mul;
    b->w[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry && b->n < BIG_WORDS) b->w[b->n++] = (uint32_t)carry;
}

static void big_set(Big *b, uint64_t v) {
  b->n = 0;
  for (; v; v >>= 32) b->w[b->n++] = (uint32_t)v;
}

static void big_mul_pow10(Big *b, int k) {
  for (; k >= 9; k -= 9) big_mul_add(b, 1000000000u, 0);
  for (; k > 0; k--) big_mul_add(b, 10, 0);
}

static void big_shift(Big *b, int bits) {
  int words = bits / 32, rest = bits % 32;
  if (b->n == 0 || bits == 0) return;
  if (rest) big_mul_add(b, (uint32_t)1 << rest, 0);
  if (words == 0 || b->n + words > BIG_WORDS) return;
  memmove(b->w + words, b->w, (size_t)b->n * sizeof b->w[0]);
  memset(b->w, 0, (size_t)words * sizeof b->w[0]);
  b->n += words;
}

static int big_compare(const Big *a, const Big *b) {
  if (a->n != b->n) return a->n < b->n ? -1 : 1;
  for (int i = a->n - 1; i >= 0; i--)
    if (a->w[i] != b->w[i]) return a->w[i] < b->w[i] ? -1 : 1;
  return 0;
}

/* ---------------------------------------------------------------- reading */

/* A decimal number as scanned: digits without leading zeros, value = 0.DIGITS * 10^point. */
typedef struct Decimal {
  const char *at, *end;     /* the digits and perhaps a point between them */
  int n;                    /* significant digits, trailing zeros included */
  int64_t point;
} Decimal;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Scans the grammar of dtoa_parse; returns the bytes used. */
static size_t scan(const char *s, size_t n, Decimal *dec) {
  size_t i = 0, first = n, last = 0;
  int64_t before = 0, lead = 0;
  bool any = false, point = false, started = false;
  size_t count = 0;
  for (; i < n; i++) {
    if (s[i] == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_digit(s[i])) break;
    any = true;
    if (!started && s[i] != '0') {
      started = true;
      first = i;
    }
    if (started) {
      count++;
      last = i + 1;
      if (!point) before++;
    } else if (point) {
      lead--;
    }
  }
  if (!any) return 0;
  int64_t exp = 0;
  if (i < n && (s[i] == 'e' || s[i] == 'E')) {
    size_t j = i + 1;
    bool neg = j < n && s[j] == '-';
    if (j < n && (s[j] == '-' || s[j] == '+')) j++;
    if (j < n && is_digit(s[j])) {
      for (; j < n && is_digit(s[j]); j++)
        if (exp < (int64_t)1 << 50) exp = exp * 10 + (s[j] - '0'); /* larger than any digit count: the result is 0 or infinity anyway */
      if (neg) exp = -exp;
      i = j;
    }
  }
  dec->at = s + (started ? first : 0);
  dec->end = s + last;
  dec->n = count > INT32_MAX ? INT32_MAX : (int)count;
  dec->point = (started ? (before ? before : lead) : 0) + exp;
  if (!started) dec->n = 0;
  return i;
}

/* The first (at most 19) digits as an integer; *exact: no other digit but 0 follows. *taken: how many digits went in. */
static uint64_t leading_digits(const Decimal *dec, int *taken, bool *exact) {
  uint64_t m = 0;
  int n = 0;
  const char *p = dec->at;
  for (; p < dec->end && n < 19; p++) {
    if (*p == '.') continue;
    m = m * 10 + (uint64_t)(*p - '0');
    n++;
  }
  *exact = true;
  for (; p < dec->end; p++) {
    if (*p != '.' && *p != '0') {
      *exact = false;
      break;
    }
  }
  *taken = n;
  return m;
}

static Pow10 pow10_floor(int k) {
  Pow10 p = pow10_table[k - POW10_MIN];
  if (k < 0 || k > 55) {
    if (p.lo == 0) p.hi--;
    p.lo--;
  }
  return p;
}

/* man * 10^exp rounded to a double, or false when 128 bits do not decide. man != 0. */
static bool eisel_lemire(uint64_t man, int exp, uint64_t *bits) {
  if (exp < POW10_MIN || exp > 308) return false;
  int clz = leading_zeros(man);
  man <<= clz;
  int exp2 = floor_log2_pow10(exp) + 64 + 1023 - clz;
  Pow10 p = pow10_floor(exp);
  uint64_t lo, hi = mul_64(man, p.hi, &lo);
  if ((hi & 0x1ff) == 0x1ff && lo + man < man) { /* the low half of the power may carry into the bits that count */
    uint64_t lo2, hi2 = mul_64(man, p.lo, &lo2);
    uint64_t merged = lo + hi2;
    if (merged < lo) hi++;
    if ((hi & 0x1ff) == 0x1ff && merged + 1 == 0 && lo2 + man < man) return false;
    lo = merged;
  }
  int msb = (int)(hi >> 63);
  uint64_t m = hi >> (msb + 9);
  exp2 -= 1 ^ msb;
  if (lo == 0 && (hi & 0x1ff) == 0 && (m & 3) == 1) return false; /* might be exactly half-way */
  m = (m + (m & 1)) >> 1;
  if (m >> 53) {
    m >>= 1;
    exp2++;
  }
  if (exp2 <= 0 || exp2 >= 0x7ff) return false; /* subnormal, overflow: left to the exact way */
  *bits = ((uint64_t)exp2 << MANT_BITS) | (m & (((uint64_t)1 << MANT_BITS) - 1));
  return true;
}

/* Sign of (decimal value - mid * 2^exp2), exactly. */
static int compare_exact(const Decimal *dec, uint64_t mid, int exp2) {
  Big a, b;
  big_set(&a, 0);
  int taken = 0;
  const char *p = dec->at;
  uint32_t chunk = 0, scale = 1;
  for (; p < dec->end && taken < MAX_DIGITS; p++) {
    if (*p == '.') continue;
    chunk = chunk * 10 + (uint32_t)(*p - '0');
    scale *= 10;
    taken++;
    if (scale == 1000000000u) {
      big_mul_add(&a, scale, chunk);
      chunk = 0;
      scale = 1;
    }
  }
  if (scale > 1) big_mul_add(&a, scale, chunk);
  bool rest = false;
  for (; p < dec->end && !rest; p++) rest = *p != '.' && *p != '0';
  big_set(&b, mid);
  int exp10 = (int)(dec->point - taken);
  if (exp10 >= 0) big_mul_pow10(&a, exp10);
  else big_mul_pow10(&b, -exp10);
  if (exp2 >= 0) big_shift(&b, exp2);
  else big_shift(&a, -exp2);
  int c = big_compare(&a, &b);
  return c == 0 && rest ? 1 : c;
}

/* The next digits decide: start from an estimate that is a few units off at most and walk to the double whose neighbourhood holds the value. */
static double parse_exact(const Decimal *dec, uint64_t man, int exp10) {
  if (exp10 < POW10_MIN) return 0.0; /* below half of the smallest subnormal: man < 10^19 */
  if (exp10 > 308) return HUGE_VAL;
  int clz = leading_zeros(man);
  Pow10 p = pow10_floor(exp10);
  uint64_t lo, hi = mul_64(man << clz, p.hi, &lo);
  int exp2 = floor_log2_pow10(exp10) + 1 - clz; /* value is about hi * 2^exp2 */
  int drop = hi >> 63 ? 11 : 10;                      /* keep 53 bits... */
  if (exp2 + drop < -1074) drop = -1074 - exp2;       /* ... fewer for a subnormal */
  uint64_t m = drop > 63 ? 0 : hi >> drop;
  exp2 += drop;
  for (;;) { /* invariant: m <= 2^53; at most a few turns */
    int c = compare_exact(dec, 2 * m + 1, exp2 - 1);
    if (c > 0 || (c == 0 && (m & 1))) {
      m++;
      continue;
    }
    if (m == 0) break;
    c = compare_exact(dec, 2 * m - 1, exp2 - 1);
    if (c < 0 || (c == 0 && (m & 1))) {
      m--;
      continue;
    }
    break;
  }
  while (m >> 53) { /* only 2^53 itself is possible: even */
    m >>= 1;
    exp2++;
  }
  if (m == 0) return 0.0;
  if (m >> MANT_BITS == 0) return bits_double(m); /* subnormal: exp2 is -1074 */
  int biased = exp2 + EXP_BIAS;
  if (biased >= 0x7ff) return HUGE_VAL;
  return bits_double(((uint64_t)biased << MANT_BITS) | (m & (((uint64_t)1 << MANT_BITS) - 1)));
}

static const double exact_pow10[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

double dtoa_parse(const char *s, size_t n, size_t *used) {
  Decimal dec = {0};
  *used = scan(s, n, &dec);
  if (*used == 0 || dec.n == 0) return 0.0;
  if (dec.point > 310) return HUGE_VAL;
  if (dec.point < -330) return 0.0;
  int taken;
  bool exact;
  uint64_t man = leading_digits(&dec, &taken, &exact);
  int exp10 = (int)(dec.point - taken);
  /* Clinger's fast path: both numbers exact, one correctly rounded operation. */
  if (exact && man >> 53 == 0 && exp10 >= -22 && exp10 <= 22 && sizeof(double) == 8) {
#if !defined(FLT_EVAL_METHOD) || FLT_EVAL_METHOD == 0
    return exp10 < 0 ? (double)man / exact_pow10[-exp10] : (double)man * exact_pow10[exp10];
#endif
  }
  uint64_t bits, bits2;
  if (eisel_lemire(man, exp10, &bits) && (exact || (eisel_lemire(man + 1, exp10, &bits2) && bits == bits2))) return bits_double(bits);
  return parse_exact(&dec, man, exp10);
}

/* ---------------------------------------------------------------- shortest digits */

static uint64_t round_to_odd(Pow10 g, uint64_t cp) {
  uint64_t x_lo, x_hi = mul_64(g.lo, cp, &x_lo), y_lo, y_hi = mul_64(g.hi, cp, &y_lo);
  y_lo += x_hi;
  if (y_lo < x_hi) y_hi++;
  return y_hi | (y_lo > 1);
}

/* The decimal *digits * 10^result of fewest digits in d's rounding interval, closest to d. d finite and > 0. */
static int shortest(double d, uint64_t *digits) {
  uint64_t bits = double_bits(d), frac = bits & (((uint64_t)1 << MANT_BITS) - 1);
  int biased = (int)(bits >> MANT_BITS) & 0x7ff;
  uint64_t c = biased ? frac | (uint64_t)1 << MANT_BITS : frac;
  int q = (biased ? biased : 1) - EXP_BIAS;
  bool even = (c & 1) == 0, lower_closer = frac == 0 && biased > 1;
  int k = lower_closer ? floor_log10_pow2_34(q) : floor_log10_pow2(q);
  int h = q + floor_log2_pow10(-k) + 1;
  Pow10 g = pow10_table[-k - POW10_MIN];
  uint64_t low = round_to_odd(g, (4 * c - 2 + lower_closer) << h) + !even;
  uint64_t mid = round_to_odd(g, (4 * c) << h);
  uint64_t high = round_to_odd(g, (4 * c + 2) << h) - !even;
  uint64_t s = mid / 4;
  if (s >= 10) { /* one digit fewer? */
    uint64_t t = s / 10;
    bool down = low <= 40 * t, up = 40 * t + 40 <= high;
    if (down != up) {
      *digits = t + up;
      return k + 1;
    }
  }
  bool down = low <= 4 * s, up = 4 * s + 4 <= high;
  if (down != up) {
    *digits = s + up;
    return k;
  }
  uint64_t half = 4 * s + 2;
  *digits = s + (mid > half || (mid == half && (s & 1)));
  return k;
}

/* Writes v in decimal without trailing zeros; *point: value of the last digit's place becomes 0.DIGITS * 10^point, given that v stands for v * 10^exp. */
static int put_digits(uint64_t v, int exp, char *out, int *point) {
  char tmp[20];
  int n = 0;
  for (; v; v /= 10) tmp[n++] = (char)('0' + v % 10);
  *point = n + exp;
  int skip = 0;
  while (skip < n - 1 && tmp[skip] == '0') skip++;
  for (int i = n - 1; i >= skip; i--) *out++ = tmp[i];
  return n - skip;
}

/* ---------------------------------------------------------------- a given number of digits */

/* Digits of the exact value, made in groups of nine. keep: stop after that many significant digits (two more groups decide nothing but `rest`). */
typedef struct Exact {
  char digits[1100];
  int n;          /* digits written; leading zeros are skipped */
  int decpt;
  bool rest;      /* a digit other than 0 follows */
} Exact;

static void put_group(Exact *e, uint32_t group, int width) {
  char tmp[9];
  for (int i = width - 1; i >= 0; i--, group /= 10) tmp[i] = (char)('0' + group % 10);
  for (int i = 0; i < width; i++) {
    if (e->n == 0 && tmp[i] == '0') {
      e->decpt--;
      continue;
    }
    if (e->n < (int)sizeof e->digits) e->digits[e->n++] = tmp[i];
  }
}

/* The integer c << shift, all its digits. */
static void exact_integer(Exact *e, uint64_t c, int shift) {
  Big b;
  big_set(&b, c);
  big_shift(&b, shift);
  uint32_t group[40];
  int groups = 0;
  while (b.n) {
    uint64_t rem = 0;
    for (int i = b.n - 1; i >= 0; i--) {
      rem = rem << 32 | b.w[i];
      b.w[i] = (uint32_t)(rem / 1000000000u);
      rem %= 1000000000u;
    }
    while (b.n && b.w[b.n - 1] == 0) b.n--;
    group[groups++] = (uint32_t)rem;
  }
  e->decpt = 9 * groups;
  while (groups > 0) put_group(e, group[--groups], 9);
}

/* Appends digits of the fraction c / 2^bits (c < 2^bits) until `sig` significant digits or `places` decimal places are there and the next one too. */
static void exact_fraction(Exact *e, uint64_t c, int bits, int64_t sig, int64_t places) {
  Big b;
  int low = 0, top = (bits + 31) / 32; /* words [low, top) hold the fraction, the binary point is above word top-1 */
  big_set(&b, c);
  big_shift(&b, top * 32 - bits);
  for (int i = b.n; i < top + 1; i++) b.w[i] = 0;
  int64_t made = 0;
  while (low < top) {
    if (b.w[low] == 0) {
      low++;
      continue;
    }
    if (made > places || e->n > sig) break;
    uint64_t carry = 0;
    for (int i = low; i < top; i++) {
      carry += (uint64_t)b.w[i] * 1000000000u;
      b.w[i] = (uint32_t)carry;
      carry >>= 32;
    }
    put_group(e, (uint32_t)carry, 9);
    made += 9;
  }
  e->rest = low < top;
}

/* Rounds half to even at `keep` digits (keep may be <= 0: the value rounds to 0 or to a one just above). Returns the digit count without trailing zeros. */
static int round_digits(Exact *e, int64_t keep) {
  if (keep < e->n) {
    bool up = false;
    if (keep >= 0) {
      char next = e->digits[keep];
      bool more = e->rest;
      for (int64_t i = keep + 1; i < e->n && !more; i++) more = e->digits[i] != '0';
      bool odd = keep > 0 && ((e->digits[keep - 1] - '0') & 1);
      up = next > '5' || (next == '5' && (more || odd));
    }
    e->n = keep < 0 ? 0 : (int)keep;
    if (up) {
      int i = e->n;
      while (i > 0 && e->digits[i - 1] == '9') i--;
      if (i == 0) {
        e->digits[0] = '1';
        e->n = 1;
        e->decpt++;
      } else {
        e->digits[i - 1]++;
        e->n = i;
      }
    }
  }
  while (e->n > 0 && e->digits[e->n - 1] == '0') e->n--;
  return e->n;
}

/* Few decimal places of a number of middle size, the common case of "%.2f": whole * 10^places plus the rounded product of the 64-bit fraction. */
static bool few_places(uint64_t c, int frac_bits, int places, char *digits, int *count, int *decpt) {
  static const uint64_t pow10[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000u};
  if (places < 0 || places > 10 || frac_bits < 1 || frac_bits > 63) return false;
  uint64_t whole = c >> frac_bits, frac = c << (64 - frac_bits), scale = pow10[places], rest, half = (uint64_t)1 << 63;
  if (whole > UINT64_MAX / scale - 1) return false;
  uint64_t v = whole * scale + mul_64(frac, scale, &rest);
  v += rest > half || (rest == half && (v & 1));
  if (v == 0) {
    digits[0] = '0';
    *count = *decpt = 1;
  } else {
    *count = put_digits(v, -places, digits, decpt);
  }
  return true;
}

static int fixed_digits(double d, int mode, int ndigits, char *digits, int cap, int *decpt) {
  uint64_t bits = double_bits(d), c = bits & (((uint64_t)1 << MANT_BITS) - 1);
  int biased = (int)(bits >> MANT_BITS) & 0x7ff;
  if (biased) c |= (uint64_t)1 << MANT_BITS;
  int q = (biased ? biased : 1) - EXP_BIAS;
  int count;
  if (mode == 3 && cap >= 20 && few_places(c, -q, ndigits, digits, &count, decpt)) return count;
  int64_t sig = mode == 2 ? (ndigits < 1 ? 1 : ndigits) : INT32_MAX, places = mode == 3 ? ndigits : INT32_MAX;
  Exact e;
  e.n = 0;
  e.decpt = 0;
  e.rest = false;
  if (q >= 0) {
    exact_integer(&e, c, q);
  } else {
    int frac_bits = -q;
    uint64_t whole = frac_bits < 64 ? c >> frac_bits : 0, frac = frac_bits < 64 ? c & (((uint64_t)1 << frac_bits) - 1) : c;
    if (whole) exact_integer(&e, whole, 0);
    exact_fraction(&e, frac, frac_bits, sig, places < 0 ? 0 : places);
  }
  int n = round_digits(&e, mode == 2 ? sig : (int64_t)e.decpt + places);
  if (n == 0) { /* rounded away */
    *decpt = 1;
    digits[0] = '0';
    return 1;
  }
  *decpt = e.decpt;
  if (n > cap) n = cap;
  memcpy(digits, e.digits, (size_t)n);
  return n;
}

int dtoa_digits(double d, int mode, int ndigits, char *digits, int cap, int *decpt) {
  d = fabs(d);
  if (d == 0.0) {
    digits[0] = '0';
    *decpt = 1;
    return 1;
  }
  if (mode != 0) return fixed_digits(d, mode, ndigits, digits, cap, decpt);
  uint64_t v;
  int exp = shortest(d, &v);
  return put_digits(v, exp, digits, decpt);
}

/* ---------------------------------------------------------------- repr */

static int put_exponent(int exp, char *out) {
  int n = 0;
  out[n++] = 'e';
  out[n++] = exp < 0 ? '-' : '+';
  if (exp < 0) exp = -exp;
  if (exp >= 100) out[n++] = (char)('0' + exp / 100);
  out[n++] = (char)('0' + exp / 10 % 10);
  out[n++] = (char)('0' + exp % 10);
  return n;
}

int dtoa_repr(double d, char *out) {
  int n = 0;
  if (isnan(d)) {
    memcpy(out, "nan", 4);
    return 3;
  }
  if (signbit(d)) out[n++] = '-';
  if (isinf(d)) {
    memcpy(out + n, "inf", 4);
    return n + 3;
  }
  char digits[20];
  int decpt, count = dtoa_digits(d, 0, 0, digits, sizeof digits, &decpt);
  if (decpt > 16 || decpt < -3) { /* CPython's 'r' format: exponents below -4 and from 16 on */
    out[n++] = digits[0];
    if (count > 1) {
      out[n++] = '.';
      memcpy(out + n, digits + 1, (size_t)count - 1);
      n += count - 1;
    }
    n += put_exponent(decpt - 1, out + n);
  } else if (decpt <= 0) {
    out[n++] = '0';
    out[n++] = '.';
    for (int i = decpt; i < 0; i++) out[n++] = '0';
    memcpy(out + n, digits, (size_t)count);
    n += count;
  } else {
    for (int i = 0; i < decpt || i < count; i++) {
      if (i == decpt) out[n++] = '.';
      out[n++] = i < count ? digits[i] : '0';
    }
    if (count <= decpt) {
      out[n++] = '.';
      out[n++] = '0';
    }
  }
  out[n] = 0;
  return n;
}
