/* int to a power, plainly and modulo a number. Both refuse before they eat memory, and charge for every multiplication. */
#include "vm/objects/int_big.h"
#include "vm/objects/exception.h"
#include "vm/objects/int_ops.h"
#include <math.h>
#include <string.h>

static Value float_power(VM *vm, Value a, Value b) { /* negative exponent: the result is a float (language reference, 6.5) */
  double x, y;
  if (!int_to_double(vm, a, &x) || !int_to_double(vm, b, &y)) return V_FAIL;
  return float_binary(vm, TINY_POW, x, y);
}

/* Left-to-right binary powering, e >= 1. */
static Value power_u64(VM *vm, Value base, uint64_t e) {
  int bit = 63;
  while (!(e >> bit & 1)) bit--;
  Value r = base;
  while (--bit >= 0 && !v_failed(r)) {
    r = int_mul(vm, r, r);
    if (!v_failed(r) && (e >> bit & 1)) r = int_mul(vm, r, base);
  }
  return r;
}

static uint64_t trailing_zeros(const IntView *a) { /* a is not 0 */
  uint64_t n = 0;
  int i = 0;
  for (; a->d[i] == 0; i++) n += BITS;
  for (Digit d = a->d[i]; !(d & 1); d >>= 1) n++;
  return n;
}

Value int_pow(VM *vm, Value a, Value b) {
  int64_t e;
  if (int_sign(b) < 0) return float_power(vm, a, b);
  bool fits = int_to_i64(b, &e);
  if (fits && e == 0) return v_from_int62(1);
  IntView x;
  int_view(a, &x);
  if (x.n == 0) return v_from_int62(0);
  if (x.n == 1 && x.d[0] == 1) { /* 1 or -1 */
    int_view(b, &x);
    return v_from_int62(int_sign(a) < 0 && (x.d[0] & 1) ? -1 : 1);
  }
  if (!fits) return rt_no_memory(vm);
  /* Powers of two go through a shift. */
  uint64_t zeros = trailing_zeros(&x);
  Value odd = zeros ? int_rshift(vm, a, zeros) : int_plain(vm, a);
  if (v_failed(odd)) return V_FAIL;
  int64_t exp;
  uint64_t top = mag_top64(x.d, x.n, &exp);
  double bytes = (log2((double)top) + (double)exp) * (double)e / 7.5;
  if (!big_room(vm, bytes > 1e6 ? 4 * bytes : bytes)) return V_FAIL; /* the last squaring holds its operand, its result and working memory */
  Value r = power_u64(vm, odd, (uint64_t)e);
  if (v_failed(r) || zeros == 0) return r;
  return int_lshift(vm, r, zeros * (uint64_t)e); /* cannot overflow: big_room bounded the product */
}

/* ---------------------------------------------------------------- modulo */

/* Modular inverse by the extended algorithm of Euclid; m > 0. */
static Value inverse(VM *vm, Value a, Value m) {
  Value r0 = m, r1, t0 = v_from_int62(0), t1 = v_from_int62(1), q, r;
  r1 = int_binary(vm, TINY_MOD, a, m);
  while (!v_failed(r1) && int_sign(r1) != 0) {
    if (!rt_charge(vm, 1) || !int_floor_divmod(vm, r0, r1, &q, &r)) return V_FAIL;
    Value p = int_mul(vm, q, t1);
    if (v_failed(p)) return V_FAIL;
    Value t = int_binary(vm, TINY_SUB, t0, p);
    if (v_failed(t)) return V_FAIL;
    r0 = r1;
    r1 = r;
    t0 = t1;
    t1 = t;
  }
  if (v_failed(r1)) return V_FAIL;
  if (int_compare(r0, v_from_int62(1)) != 0) return rt_raise(vm, &exc_ValueError, "base is not invertible for the given modulus");
  return int_binary(vm, TINY_MOD, t0, m);
}

static bool exponent_bit(const IntView *e, int64_t bit) { return e->d[bit / BITS] >> (bit % BITS) & 1; }

/* 0 <= a < m < 2^31: plain machine arithmetic. */
static Value pow_mod_small(VM *vm, uint64_t a, const IntView *e, uint64_t m) {
  uint64_t r = 1 % m;
  for (int64_t bit = (int64_t)mag_bits(e->d, e->n) - 1; bit >= 0; bit--) {
    r = r * r % m;
    if (exponent_bit(e, bit)) r = r * a % m;
    if ((bit & 255) == 0 && !rt_charge(vm, 8)) return V_FAIL;
  }
  return int_from_u64(vm, r);
}

/* The working state: everything is kept modulo M = m << shift, which has its top bit set, so that no step has to normalise. n digits each. */
typedef struct PowMod { const Digit *mod; int n; Digit *acc, *product, *quo; } PowMod;

static bool step(VM *vm, PowMod *p, const Digit *factor) { /* acc = acc * factor mod M */
  Digit high;
  if (!mag_mul(vm, p->product, p->acc, p->n, factor, p->n)) return false;
  if (!mag_div_normal(vm, p->product, p->n, p->mod, p->n, p->quo, &high)) return false;
  memcpy(p->acc, p->product, (size_t)p->n * sizeof(Digit));
  return true;
}

#define WINDOW 5

/* Fixed windows of 5 bits; table[i] = a^i mod M. */
static bool pow_mod_loop(VM *vm, PowMod *p, Digit *table, const IntView *a, const IntView *e) {
  size_t n = (size_t)p->n;
  int64_t bits = (int64_t)mag_bits(e->d, e->n);
  int window = bits > 40 ? WINDOW : 1;
  memset(table, 0, 2 * n * sizeof(Digit));
  table[0] = 1;
  memcpy(table + n, a->d, (size_t)a->n * sizeof(Digit));
  memcpy(p->acc, table + n, n * sizeof(Digit));
  for (size_t i = 2; i < (size_t)1 << window; i++) {
    if (!step(vm, p, table + n)) return false;
    memcpy(table + i * n, p->acc, n * sizeof(Digit));
  }
  memcpy(p->acc, table, n * sizeof(Digit));
  for (int64_t group = (bits + window - 1) / window - 1; group >= 0; group--) {
    unsigned index = 0;
    if (!rt_charge(vm, 1 + n * n / 40 * (unsigned)window)) return false;
    for (int i = window - 1; i >= 0; i--) {
      int64_t bit = group * window + i;
      if (!step(vm, p, p->acc)) return false;
      index = index << 1 | (bit < bits && exponent_bit(e, bit));
    }
    if (index && !step(vm, p, table + index * n)) return false;
  }
  return true;
}

static Value pow_mod_big(VM *vm, const IntView *a, const IntView *e, Value mod) {
  IntView m;
  int_view(mod, &m);
  size_t n = (size_t)m.n < 2 ? 2 : (size_t)m.n; /* division wants two digits: a short modulus is shifted up by one */
  int shift = (int)((n - (size_t)m.n) * BITS + (size_t)m.n * BITS - mag_bits(m.d, m.n));
  Scratch s;
  Digit *room = scratch_get(vm, &s, n * 38 + 8);
  if (!room) return V_FAIL;
  PowMod p = {room, (int)n, room + n + 1, room + 2 * n + 2, room + 4 * n + 3};
  memset(room, 0, (n + 1) * sizeof(Digit));
  mag_shl(room + (n - (size_t)m.n), m.d, m.n, shift % BITS);
  Value r = V_FAIL;
  if (pow_mod_loop(vm, &p, room + 5 * n + 4, a, e)) {
    Value v = big_from_mag(vm, p.acc, n, false);
    r = v_failed(v) ? V_FAIL : int_binary(vm, TINY_MOD, v, mod);
  }
  scratch_free(vm, &s);
  return r;
}

Value int_pow_mod(VM *vm, Value a, Value b, Value mod) {
  bool neg_mod = int_sign(mod) < 0;
  if (int_sign(mod) == 0) return rt_raise(vm, &exc_ValueError, "pow() 3rd argument cannot be 0");
  Value m = neg_mod ? int_negate(vm, mod) : int_plain(vm, mod);
  if (v_failed(m)) return V_FAIL;
  if (v_same(m, v_from_int62(1))) return v_from_int62(0);
  if (int_sign(b) < 0) {
    a = inverse(vm, a, m);
    b = v_failed(a) ? V_FAIL : int_negate(vm, b);
    if (v_failed(b)) return V_FAIL;
  }
  a = int_binary(vm, TINY_MOD, a, m);
  if (v_failed(a)) return V_FAIL;
  IntView base, e;
  int_view(a, &base);
  int_view(b, &e);
  Value r = v_is_int(m) && v_int(m) >> 31 == 0 ? pow_mod_small(vm, (uint64_t)v_int(a), &e, (uint64_t)v_int(m)) : pow_mod_big(vm, &base, &e, m);
  if (!v_failed(r) && neg_mod && int_sign(r) != 0) r = int_binary(vm, TINY_ADD, r, mod);
  return r;
}
