/* int: values of any size. A value of 62 bits is the word itself; a larger one, and any instance of a subclass, is a BigInt whose digits the
 * files int_big.c (magnitudes), int_pow.c, int_text.c work on. This file holds construction, conversion, comparison, hash and the operators. */
#include "vm/objects/int_big.h"
#include "vm/objects/exception.h"
#include "vm/objects/int_ops.h"
#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- construction and conversion */

Value int_from_u64(VM *vm, uint64_t i) {
  if (i <= (uint64_t)INT_MAX62) return v_from_int62((int64_t)i);
  Digit d[SMALL_DIGITS];
  size_t n = 0;
  for (; i; i >>= BITS) d[n++] = (Digit)(i & MASK);
  return big_from_mag(vm, d, n, false);
}

Value int_from_i64(VM *vm, int64_t i) {
  if (LIKELY(int_fits62(i))) return v_from_int62(i);
  Digit d[SMALL_DIGITS];
  size_t n = 0;
  for (uint64_t u = i < 0 ? -(uint64_t)i : (uint64_t)i; u; u >>= BITS) d[n++] = (Digit)(u & MASK);
  return big_from_mag(vm, d, n, i < 0);
}

bool int_to_i64(Value v, int64_t *out) {
  if (v_is_int(v)) {
    *out = v_int(v);
    return true;
  }
  IntView a;
  uint64_t u;
  int_view(v, &a);
  if (a.n > SMALL_DIGITS || !mag_u64(a.d, a.n, &u)) return false;
  if (a.neg ? u > (uint64_t)1 << 63 : u >> 63) return false;
  *out = a.neg ? (int64_t)(0 - u) : (int64_t)u;
  return true;
}

Value int_plain(VM *vm, Value v) {
  if (v_is_int(v)) return v;
  if (v_is_bool(v)) return v_from_int62(v.w == V_TRUE.w);
  if (v_obj(v)->type == &int_type) return v;
  IntView a;
  int_view(v, &a);
  return big_from_mag(vm, a.d, (size_t)a.n, a.neg);
}

Value int_subclass_new(VM *vm, const Type *cls, Value v) {
  if (cls == &int_type) return int_plain(vm, v);
  IntView a;
  int_view(v, &a);
  BigInt *b = gc_new(vm, cls, sizeof(BigInt) + (size_t)a.n * sizeof(Digit));
  if (!b) return V_FAIL;
  b->used = a.n;
  b->negative = a.neg;
  memcpy(b->digits, a.d, (size_t)a.n * sizeof(Digit));
  return v_from_obj(b);
}

Value int_from_double(VM *vm, double d) {
  if (d > -2305843009213693952.0 && d < 2305843009213693952.0) return v_from_int62((int64_t)d);
  if (isnan(d)) return rt_raise(vm, &exc_ValueError, "cannot convert float NaN to integer");
  if (isinf(d)) return rt_raise(vm, &exc_OverflowError, "cannot convert float infinity to integer");
  int exp;
  double m = frexp(fabs(d), &exp); /* exp > 61, so every bit of the 53 is an integer bit */
  uint64_t bits = (uint64_t)ldexp(m, 53);
  Value v = int_from_u64(vm, bits);
  if (!v_failed(v)) v = int_lshift(vm, v, (uint64_t)(exp - 53));
  return d < 0 && !v_failed(v) ? int_negate(vm, v) : v;
}

/* m * 2^e rounded half to even; m has its top bit set, its lowest bit may be sticky. False: too large. */
bool int_scale_to_double(uint64_t m, int64_t e, double *out) {
  int64_t msb = e + 63; /* value in [2^msb, 2^(msb+1)) */
  *out = 0.0;
  if (msb > 1023) return false;
  int64_t drop = msb < -1022 ? 11 + (-1022 - msb) : 11;
  if (drop > 64) return true;
  uint64_t r = drop == 64 ? 0 : m >> drop, half = (uint64_t)1 << (drop - 1), low = drop == 64 ? m : m & (((uint64_t)1 << drop) - 1);
  if (low > half || (low == half && (r & 1))) r++;
  *out = ldexp((double)r, (int)(e + drop));
  return !isinf(*out);
}

bool int_to_double(VM *vm, Value v, double *out) {
  if (LIKELY(!v_is_obj(v))) {
    *out = v_is_int(v) ? (double)v_int(v) : v.w == V_TRUE.w;
    return true;
  }
  IntView a;
  int_view(v, &a);
  if (a.n == 0) {
    *out = 0.0;
    return true;
  }
  int64_t exp;
  uint64_t m = mag_top64(a.d, a.n, &exp);
  if (!int_scale_to_double(m, exp, out)) return rt_raise_b(vm, &exc_OverflowError, "int too large to convert to float");
  if (a.neg) *out = -*out;
  return true;
}

int int_sign(Value v) {
  if (v_is_int(v)) return v_int(v) < 0 ? -1 : v_int(v) > 0;
  IntView a;
  int_view(v, &a);
  return a.n == 0 ? 0 : a.neg ? -1 : 1;
}

size_t int_bit_length(Value v) {
  IntView a;
  int_view(v, &a);
  return mag_bits(a.d, a.n);
}

/* ---------------------------------------------------------------- comparison and hash */

int int_compare(Value a, Value b) {
  if (v_both_int(a, b)) return v_int(a) < v_int(b) ? -1 : v_int(a) > v_int(b);
  IntView x, y;
  int_view(a, &x);
  int_view(b, &y);
  if (x.n == 0 && y.n == 0) return 0;
  if (x.neg != y.neg) return x.neg ? -1 : 1;
  int c = mag_compare(x.d, x.n, y.d, y.n);
  return x.neg ? -c : c;
}

/* Exact, whatever the sizes: an int is not rounded to be compared (library reference, "Numeric Types"). */
int int_compare_double(Value i, double d) {
  int64_t small;
  if (int_to_i64(i, &small)) {
    if (d >= 9223372036854775808.0) return -1;
    if (d < -9223372036854775808.0) return 1;
    int64_t whole = (int64_t)d;
    if (small != whole) return small < whole ? -1 : 1;
    double rest = d - (double)whole;
    return rest > 0 ? -1 : rest < 0;
  }
  IntView a;
  int_view(i, &a);
  int sign = a.neg ? -1 : 1;
  if ((d < 0 ? -1 : 1) != sign) return sign;
  int exp;
  double m = frexp(fabs(d), &exp);
  int64_t bits = (int64_t)mag_bits(a.d, a.n), low;
  if (exp < 1 || bits != exp) return bits > exp ? sign : -sign;
  uint64_t x = mag_top64(a.d, a.n, &low), y = (uint64_t)ldexp(m, 53) << 11; /* sticky bit of x: below all bits of y */
  return x == y ? 0 : x > y ? sign : -sign;
}

#define HASH_BITS 61
#define HASH_MOD (((uint64_t)1 << HASH_BITS) - 1)

/* Modulo the prime 2^61 - 1, as the library reference says under "Hashing of numeric types". */
bool int_hash(Value v, int64_t *out) {
  if (v_is_int(v)) {
    int64_t i = v_int(v);
    if (i > -(int64_t)HASH_MOD && i < (int64_t)HASH_MOD) {
      *out = i == -1 ? -2 : i;
      return true;
    }
  }
  IntView a;
  int_view(v, &a);
  uint64_t x = 0;
  for (int i = a.n - 1; i >= 0; i--) {
    x = (x << BITS & HASH_MOD) | x >> (HASH_BITS - BITS);
    x += a.d[i];
    if (x >= HASH_MOD) x -= HASH_MOD;
  }
  int64_t h = a.neg ? -(int64_t)x : (int64_t)x;
  *out = h == -1 ? -2 : h;
  return true;
}

/* ---------------------------------------------------------------- addition, multiplication */

static Value add_signed(VM *vm, const IntView *a, const IntView *b, bool b_neg) {
  if (a->neg == b_neg) {
    if (a->n < b->n) {
      const IntView *t = a;
      a = b;
      b = t;
    }
    BigInt *r = big_new(vm, (size_t)a->n + 1);
    if (!r) return V_FAIL;
    r->digits[a->n] = mag_add(r->digits, a->d, a->n, b->d, b->n);
    r->negative = b_neg;
    return big_value(r);
  }
  int c = mag_compare(a->d, a->n, b->d, b->n);
  if (c == 0) return v_from_int62(0);
  bool neg = a->neg;
  if (c < 0) {
    const IntView *t = a;
    a = b;
    b = t;
    neg = b_neg;
  }
  BigInt *r = big_new(vm, (size_t)a->n);
  if (!r) return V_FAIL;
  mag_sub(r->digits, a->d, a->n, b->d, b->n);
  r->negative = neg;
  return big_value(r);
}

static Value add_sub(VM *vm, Value a, Value b, bool subtract) {
  IntView x, y;
  int_view(a, &x);
  int_view(b, &y);
  return add_signed(vm, &x, &y, y.neg != subtract);
}

Value int_negate(VM *vm, Value v) {
  if (v_is_int(v)) return int_from_i64(vm, -v_int(v));
  IntView a;
  int_view(v, &a);
  return big_from_mag(vm, a.d, (size_t)a.n, !a.neg);
}

Value int_mul(VM *vm, Value a, Value b) {
  if (v_both_int(a, b)) {
    int64_t x = v_int(a), y = v_int(b);
    if (x < 1 << 30 && x > -(1 << 30) && y < 1 << 30 && y > -(1 << 30)) return v_from_int62(x * y);
  }
  IntView x, y;
  int_view(a, &x);
  int_view(b, &y);
  if (x.n == 0 || y.n == 0) return v_from_int62(0);
  BigInt *r = big_new(vm, (size_t)x.n + (size_t)y.n);
  if (!r || !mag_mul(vm, r->digits, x.d, x.n, v_same(a, b) ? x.d : y.d, y.n)) return V_FAIL;
  r->negative = x.neg != y.neg;
  return big_value(r);
}

/* ---------------------------------------------------------------- division */

/* Floor division: the remainder takes the divisor's sign. quo and rem may be NULL. */
static bool floor_div(VM *vm, Value a, Value b, Value *quo, Value *rem) {
  IntView x, y;
  int_view(a, &x);
  int_view(b, &y);
  bool differ = x.neg != y.neg;
  if (mag_compare(x.d, x.n, y.d, y.n) < 0) {
    bool adjust = differ && x.n > 0;
    if (quo) *quo = v_from_int62(adjust ? -1 : 0);
    if (rem) {
      *rem = adjust ? add_sub(vm, a, b, false) : int_plain(vm, a);
      if (v_failed(*rem)) return false;
    }
    return true;
  }
  BigInt *q = NULL, *r = NULL;
  Digit one = 1;
  if (quo && !(q = big_new(vm, (size_t)(x.n - y.n) + 2))) return false;
  if ((rem || differ) && !(r = big_new(vm, (size_t)y.n))) return false;
  if (!mag_divrem(vm, q ? q->digits : NULL, r ? r->digits : NULL, x.d, x.n, y.d, y.n)) return false;
  bool adjust = differ && mag_clamp(r->digits, y.n) > 0;
  if (q) {
    if (adjust) mag_add(q->digits, q->digits, q->used, &one, 1);
    q->negative = differ;
    *quo = big_value(q);
  }
  if (rem) {
    if (adjust) mag_sub(r->digits, y.d, y.n, r->digits, y.n);
    r->negative = y.neg;
    *rem = big_value(r);
  }
  return true;
}

static bool small_floor_div(Value a, Value b, int64_t *q, int64_t *r) { /* b != 0; INT_MIN62 / -1 does not overflow int64 */
  int64_t x = v_int(a), y = v_int(b);
  *q = x / y;
  *r = x % y;
  if (*r && (*r < 0) != (y < 0)) {
    *r += y;
    --*q;
  }
  return true;
}

static Value no_zero_division(VM *vm) { return rt_raise(vm, &exc_ZeroDivisionError, "integer division or modulo by zero"); }

static Value div_or_mod(VM *vm, Value a, Value b, bool want_mod) {
  Value out;
  if (int_sign(b) == 0) return want_mod ? rt_raise(vm, &exc_ZeroDivisionError, "integer modulo by zero") : no_zero_division(vm);
  if (v_both_int(a, b)) {
    int64_t q, r;
    small_floor_div(a, b, &q, &r);
    return int_from_i64(vm, want_mod ? r : q);
  }
  return floor_div(vm, a, b, want_mod ? NULL : &out, want_mod ? &out : NULL) ? out : V_FAIL;
}

bool int_floor_divmod(VM *vm, Value a, Value b, Value *quo, Value *rem) {
  if (int_sign(b) == 0) return v_failed(no_zero_division(vm)) && false;
  if (v_both_int(a, b)) {
    int64_t q, r;
    small_floor_div(a, b, &q, &r);
    *quo = int_from_i64(vm, q);
    *rem = int_from_i64(vm, r);
    return !v_failed(*quo) && !v_failed(*rem);
  }
  return floor_div(vm, a, b, quo, rem);
}

Value int_divmod(VM *vm, Value a, Value b) {
  Value q, r;
  if (!int_floor_divmod(vm, a, b, &q, &r)) return V_FAIL;
  Tuple *t = tuple_pair(vm, q, r);
  return t ? v_from_obj(t) : V_FAIL;
}

/* a / b correctly rounded: a quotient of 66 or 67 bits plus "something follows" decides. */
static Value true_div(VM *vm, Value a, Value b) {
  if (int_sign(b) == 0) return rt_raise(vm, &exc_ZeroDivisionError, "division by zero");
  const int64_t exact = (int64_t)1 << 53;
  int64_t i, j;
  if (int_to_i64(a, &i) && int_to_i64(b, &j) && i >= -exact && i <= exact && j >= -exact && j <= exact) return float_new(vm, (double)i / (double)j);
  IntView x, y;
  int_view(a, &x);
  int_view(b, &y);
  double d = 0.0;
  bool neg = x.neg != y.neg;
  if (x.n == 0) return float_new(vm, neg ? -0.0 : 0.0);
  int64_t diff = (int64_t)mag_bits(x.d, x.n) - (int64_t)mag_bits(y.d, y.n), shift = 66 - diff;
  if (diff > 1025) goto too_large;
  if (diff < -1080) return float_new(vm, neg ? -0.0 : 0.0);
  Value num = a, den = b, quo, rem;
  if (shift > 0) num = int_lshift(vm, a, (uint64_t)shift);
  else if (shift < 0) den = int_lshift(vm, b, (uint64_t)-shift);
  if (v_failed(num) || v_failed(den)) return V_FAIL;
  int_view(num, &x);
  int_view(den, &y);
  BigInt *q = big_new(vm, (size_t)(x.n - y.n) + 1), *r = q ? big_new(vm, (size_t)y.n) : NULL;
  if (!r || !mag_divrem(vm, q->digits, r->digits, x.d, x.n, y.d, y.n)) return V_FAIL;
  quo = big_value(q);
  rem = big_value(r);
  int_view(quo, &x);
  int64_t exp;
  uint64_t top = mag_top64(x.d, x.n, &exp) | !v_same(rem, v_from_int62(0));
  if (!int_scale_to_double(top, exp - shift, &d)) goto too_large;
  return float_new(vm, neg ? -d : d);
too_large:
  return rt_raise(vm, &exc_OverflowError, "integer division result too large for a float");
}

/* ---------------------------------------------------------------- shifts and bits */

Value int_lshift(VM *vm, Value a, uint64_t count) {
  IntView x;
  int_view(a, &x);
  if (x.n == 0) return v_from_int62(0);
  if (x.n == 1 && count < 61 && mag_bits(x.d, 1) + count <= 61) return v_from_int62(x.neg ? -((int64_t)x.d[0] << count) : (int64_t)x.d[0] << count);
  uint64_t words = count / BITS;
  if (!big_room(vm, (double)count / 7.5 + 64) || words > INT32_MAX / 4) return rt_pending(vm) ? V_FAIL : rt_no_memory(vm);
  BigInt *r = big_new(vm, (size_t)words + (size_t)x.n + 1);
  if (!r) return V_FAIL;
  mag_shl(r->digits + words, x.d, x.n, (int)(count % BITS));
  r->negative = x.neg;
  return big_value(r);
}

/* Rounds down, as the arithmetic shift of a number with endless sign bits. */
Value int_rshift(VM *vm, Value a, uint64_t count) {
  IntView x;
  int_view(a, &x);
  uint64_t words = count / BITS;
  int bits = (int)(count % BITS);
  if (words >= (uint64_t)x.n) return v_from_int62(x.neg ? -1 : 0);
  bool lost = false;
  if (x.neg) {
    for (uint64_t i = 0; i < words && !lost; i++) lost = x.d[i] != 0;
    lost = lost || (x.d[words] & (((Digit)1 << bits) - 1)) != 0;
  }
  int n = x.n - (int)words;
  BigInt *r = big_new(vm, (size_t)n + 1);
  if (!r) return V_FAIL;
  mag_shr(r->digits, x.d + words, n, bits);
  if (lost) {
    Digit one = 1;
    mag_add(r->digits, r->digits, n + 1, &one, 1);
  }
  r->negative = x.neg;
  return big_value(r);
}

static Value shift(VM *vm, int op, Value a, Value b) {
  int64_t count;
  bool fits = int_to_i64(b, &count);
  if (int_sign(b) < 0) return rt_raise(vm, &exc_ValueError, "negative shift count");
  if (op == TINY_RSHIFT) {
    if (v_both_int(a, b)) return v_from_int62(count > 62 ? (v_int(a) < 0 ? -1 : 0) : v_int(a) >> count);
    return int_rshift(vm, a, fits ? (uint64_t)count : (uint64_t)1 << 63);
  }
  if (int_sign(a) == 0) return v_from_int62(0);
  if (!fits) return rt_raise(vm, &exc_OverflowError, "too many digits in integer");
  return int_lshift(vm, a, (uint64_t)count);
}

/* Bitwise operators work on two's complement with endless sign digits; negative operands are turned digit by digit. */
static Value bit_op(VM *vm, int op, Value a, Value b) {
  if (v_both_int(a, b)) {
    int64_t x = v_int(a), y = v_int(b);
    return v_from_int62(op == TINY_AND ? x & y : op == TINY_OR ? x | y : x ^ y);
  }
  IntView x, y;
  int_view(a, &x);
  int_view(b, &y);
  int n = (x.n > y.n ? x.n : y.n) + 1;
  if (op == TINY_AND && !x.neg && !y.neg) n = x.n < y.n ? x.n : y.n; /* a mask shortens */
  bool neg = op == TINY_AND ? x.neg && y.neg : op == TINY_OR ? x.neg || y.neg : x.neg != y.neg;
  BigInt *r = big_new(vm, (size_t)n);
  if (!r) return V_FAIL;
  Digit carry_x = x.neg, carry_y = y.neg, carry_r = neg;
  for (int i = 0; i < n; i++) {
    Digit p = i < x.n ? x.d[i] : 0, q = i < y.n ? y.d[i] : 0;
    if (x.neg) {
      p = (~p & MASK) + carry_x;
      carry_x = p >> BITS;
      p &= MASK;
    }
    if (y.neg) {
      q = (~q & MASK) + carry_y;
      carry_y = q >> BITS;
      q &= MASK;
    }
    Digit t = op == TINY_AND ? p & q : op == TINY_OR ? p | q : p ^ q;
    if (neg) {
      t = (~t & MASK) + carry_r;
      carry_r = t >> BITS;
      t &= MASK;
    }
    r->digits[i] = t;
  }
  r->negative = neg;
  return big_value(r);
}

/* ---------------------------------------------------------------- operators */

Value int_binary(VM *vm, int op, Value a, Value b) {
  switch (op) {
    case TINY_ADD: return v_both_int(a, b) ? int_from_i64(vm, v_int(a) + v_int(b)) : add_sub(vm, a, b, false);
    case TINY_SUB: return v_both_int(a, b) ? int_from_i64(vm, v_int(a) - v_int(b)) : add_sub(vm, a, b, true);
    case TINY_MUL: return int_mul(vm, a, b);
    case TINY_TRUEDIV: return true_div(vm, a, b);
    case TINY_FLOORDIV: return div_or_mod(vm, a, b, false);
    case TINY_MOD: return div_or_mod(vm, a, b, true);
    case TINY_POW: return int_pow(vm, a, b);
    case TINY_AND: case TINY_OR: case TINY_XOR: return bit_op(vm, op, a, b);
    case TINY_LSHIFT: case TINY_RSHIFT: return shift(vm, op, a, b);
    default: return V_NOTIMPL;
  }
}

Value int_binary_slot(VM *vm, int op, Value a, Value b) {
  return is_int(a) && is_int(b) ? int_binary(vm, op, a, b) : V_NOTIMPL;
}

/* Codes of Type.unary below UN_ABS_. */
enum { NEGATIVE, POSITIVE, INVERT };

Value int_unary(VM *vm, int op, Value a) {
  double d;
  switch (op) {
    case NEGATIVE: return int_negate(vm, a);
    case INVERT: return v_is_int(a) ? v_from_int62(~v_int(a)) : int_binary(vm, TINY_SUB, v_from_int62(-1), a);
    case UN_ABS_: return int_sign(a) < 0 ? int_negate(vm, a) : int_plain(vm, a);
    case POSITIVE: case UN_INT_: case UN_INDEX_: return int_plain(vm, a);
    case UN_FLOAT_: return int_to_double(vm, a, &d) ? float_new(vm, d) : V_FAIL;
    default: return V_NOTIMPL;
  }
}

Value int_compare_slot(VM *vm, Value a, Value b, Compare op) {
  (void)vm;
  if (!is_int(a) || !is_int(b)) return V_NOTIMPL;
  return v_from_bool(compare_result(int_compare(a, b), op));
}

bool int_hash_slot(VM *vm, Value self, int64_t *out) {
  (void)vm;
  return int_hash(self, out);
}

int int_truth(VM *vm, Value self) {
  (void)vm;
  return int_sign(self) != 0;
}

Value int_repr(VM *vm, Value self) { return int_to_str(vm, self, 10); }
