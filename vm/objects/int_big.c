/* Magnitudes of big ints: addition, multiplication, division and shifts on arrays of digits.
 * Small and middle sizes are worked here, straight into the result's memory; long multiplications are libtommath's (Karatsuba, Toom-Cook), and
 * long divisions are reduced to multiplications (recursive division, R. Brent and P. Zimmermann, "Modern Computer Arithmetic", 1.4.3). */
#include "vm/objects/int_big.h"
#include <string.h>

#define COMBA_MAX 72     /* longest shorter factor that is multiplied by columns here; column sums hold up to 2^(Wide bits - 2*BITS) products */
#define RECURSE_MIN 120  /* shortest quotient divided recursively */

/* ---------------------------------------------------------------- values and memory */

void int_view(Value v, IntView *out) {
  if (v_is_obj(v)) {
    const BigInt *b = (const BigInt *)v_obj(v);
    out->d = b->digits;
    out->n = b->used;
    out->neg = b->negative != 0;
    return;
  }
  int64_t i = v_is_int(v) ? v_int(v) : v.w == V_TRUE.w;
  uint64_t u = i < 0 ? -(uint64_t)i : (uint64_t)i;
  out->neg = i < 0;
  out->n = 0;
  out->d = out->small;
  for (; u; u >>= BITS) out->small[out->n++] = (Digit)(u & MASK);
}

Digit *scratch_get(VM *vm, Scratch *s, size_t digits) {
  s->n = 0;
  s->d = s->room;
  if (digits > sizeof s->room / sizeof s->room[0]) {
    s->d = mem_alloc(rt_mem(vm), digits * sizeof(Digit));
    if (!s->d) {
      rt_no_memory(vm);
      return NULL;
    }
    s->n = digits;
  }
  return s->d;
}

void scratch_free(VM *vm, Scratch *s) {
  if (s->n) mem_free(rt_mem(vm), s->d, s->n * sizeof(Digit));
  s->n = 0;
}

bool big_room(VM *vm, double bytes) {
  Mem *mem = rt_mem(vm);
  if (bytes > 8e15 || (mem->limit && (double)mem->used + bytes > (double)mem->limit)) {
    rt_no_memory(vm);
    return false;
  }
  return true;
}

BigInt *big_new(VM *vm, size_t digits) {
  if (digits > (size_t)INT32_MAX / 2) {
    rt_no_memory(vm);
    return NULL;
  }
  BigInt *b = gc_new(vm, &int_type, sizeof(BigInt) + digits * sizeof(Digit));
  if (b) b->used = (int32_t)digits;
  return b;
}

Value big_value(BigInt *b) {
  int n = mag_clamp(b->digits, b->used);
  b->used = n;
  uint64_t u;
  if (n <= SMALL_DIGITS && mag_u64(b->digits, n, &u)) {
    if (u <= (uint64_t)INT_MAX62) return v_from_int62(b->negative ? -(int64_t)u : (int64_t)u);
    if (u == (uint64_t)INT_MAX62 + 1 && b->negative) return v_from_int62(INT_MIN62);
  }
  return v_from_obj(b);
}

Value big_from_mag(VM *vm, const Digit *d, size_t n, bool neg) {
  BigInt *b = big_new(vm, n);
  if (!b) return V_FAIL;
  memcpy(b->digits, d, n * sizeof(Digit));
  b->negative = neg;
  return big_value(b);
}

/* ---------------------------------------------------------------- small pieces */

int mag_clamp(const Digit *d, int n) {
  while (n > 0 && d[n - 1] == 0) n--;
  return n;
}

int mag_compare(const Digit *a, int na, const Digit *b, int nb) {
  if (na != nb) return na < nb ? -1 : 1;
  for (int i = na - 1; i >= 0; i--)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

static int digit_bits(Digit d) {
  int n = 0;
  for (int step = 32; step > 0; step >>= 1) {
    if (step < (int)sizeof(Digit) * 8 && d >> step) {
      n += step;
      d >>= step;
    }
  }
  return n + (d != 0);
}

size_t mag_bits(const Digit *d, int n) { return n ? (size_t)(n - 1) * BITS + (size_t)digit_bits(d[n - 1]) : 0; }

bool mag_u64(const Digit *d, int n, uint64_t *out) {
  uint64_t u = 0;
  for (int i = n - 1; i >= 0; i--) {
    if (u >> (64 - BITS)) return false;
    u = u << BITS | d[i];
  }
  *out = u;
  return true;
}

uint64_t mag_top64(const Digit *d, int n, int64_t *exp) {
  int top = digit_bits(d[n - 1]), have = 0, i = n - 1;
  uint64_t m = 0;
  bool sticky = false;
  for (; i >= 0 && have < 64; i--) {
    int bits = i == n - 1 ? top : BITS, take = bits < 64 - have ? bits : 64 - have;
    uint64_t part = (uint64_t)d[i] >> (bits - take);
    m = take < 64 ? m << take | part : part;
    have += take;
    if (take < bits) sticky = (d[i] & (((Digit)1 << (bits - take)) - 1)) != 0;
  }
  for (; i >= 0 && !sticky; i--) sticky = d[i] != 0;
  int64_t total = (int64_t)(n - 1) * BITS + top;
  *exp = total - 64;
  if (have < 64) m <<= 64 - have;
  return m | sticky;
}

Digit mag_add(Digit *r, const Digit *a, int na, const Digit *b, int nb) {
  Digit carry = 0;
  int i = 0;
  for (; i < nb; i++) {
    carry += a[i] + b[i];
    r[i] = carry & MASK;
    carry >>= BITS;
  }
  for (; i < na && carry; i++) {
    carry += a[i];
    r[i] = carry & MASK;
    carry >>= BITS;
  }
  if (r != a && i < na) memcpy(r + i, a + i, (size_t)(na - i) * sizeof(Digit));
  return carry;
}

Digit mag_sub(Digit *r, const Digit *a, int na, const Digit *b, int nb) {
  Digit borrow = 0;
  int i = 0;
  for (; i < nb; i++) {
    Digit t = a[i] - b[i] - borrow;
    r[i] = t & MASK;
    borrow = t >> (sizeof(Digit) * 8 - 1);
  }
  for (; i < na && borrow; i++) {
    Digit t = a[i] - borrow;
    r[i] = t & MASK;
    borrow = t >> (sizeof(Digit) * 8 - 1);
  }
  if (r != a && i < na) memcpy(r + i, a + i, (size_t)(na - i) * sizeof(Digit));
  return borrow;
}

Digit mag_mul_small(Digit *r, const Digit *a, int n, Digit m, Digit add) {
  Wide acc = add;
  for (int i = 0; i < n; i++) {
    acc += (Wide)a[i] * m;
    r[i] = (Digit)acc & MASK;
    acc >>= BITS;
  }
  return (Digit)acc;
}

Digit mag_div_small(Digit *q, const Digit *a, int n, Digit d) {
  Digit rem = 0;
  for (int i = n - 1; i >= 0; i--) {
    if (rem == 0 && a[i] < d) {
      rem = a[i];
      q[i] = 0;
      continue;
    }
    Wide w = (Wide)rem << BITS | a[i];
    Digit t = (Digit)(w / d);
    rem = (Digit)(w - (Wide)t * d);
    q[i] = t;
  }
  return rem;
}

void mag_shl(Digit *r, const Digit *a, int n, int bits) {
  Digit carry = 0;
  if (bits == 0) {
    memmove(r, a, (size_t)n * sizeof(Digit));
    r[n] = 0;
    return;
  }
  Digit top = n ? a[n - 1] >> (BITS - bits) : 0;
  for (int i = 0; i < n; i++) {
    Digit t = a[i];
    r[i] = (t << bits & MASK) | carry;
    carry = t >> (BITS - bits);
  }
  r[n] = top;
}

void mag_shr(Digit *r, const Digit *a, int n, int bits) {
  if (bits == 0) {
    memmove(r, a, (size_t)n * sizeof(Digit));
    return;
  }
  for (int i = 0; i < n; i++) r[i] = a[i] >> bits | (i + 1 < n ? a[i + 1] << (BITS - bits) & MASK : 0);
}

/* ---------------------------------------------------------------- multiplication */

static void mul_columns(Digit *r, const Digit *a, int na, const Digit *b, int nb) { /* nb <= na, nb <= COMBA_MAX */
  Wide acc = 0;
  for (int k = 0; k < na + nb - 1; k++) {
    int lo = k < nb ? 0 : k - nb + 1, hi = k < na ? k : na - 1;
    const Digit *p = a + lo, *q = b + (k - lo);
    for (int i = lo; i <= hi; i++) acc += (Wide)*p++ * *q--;
    r[k] = (Digit)acc & MASK;
    acc >>= BITS;
  }
  r[na + nb - 1] = (Digit)acc;
}

static void square_columns(Digit *r, const Digit *a, int n) { /* n <= COMBA_MAX: every product but the middle one counts twice */
  Wide acc = 0;
  for (int k = 0; k < 2 * n - 1; k++) {
    int lo = k < n ? 0 : k - n + 1;
    const Digit *p = a + lo, *q = a + (k - lo);
    Wide sum = 0;
    for (; p < q; p++, q--) sum += (Wide)*p * *q;
    acc += sum + sum;
    if (p == q) acc += (Wide)*p * *p;
    r[k] = (Digit)acc & MASK;
    acc >>= BITS;
  }
  r[2 * n - 1] = (Digit)acc;
}

static mp_int mp_view(const Digit *d, int n) {
  mp_int m;
  m.used = m.alloc = n;
  m.sign = MP_ZPOS;
  m.dp = (Digit *)(uintptr_t)d; /* an operand: libtommath only reads it */
  return m;
}

/* Work of one multiplication in units of 100 ns, from measurements of libtommath: about n^1.5 per balanced piece. */
static bool charge_mul(VM *vm, int na, int nb) {
  double small = nb < na ? nb : na, big = nb < na ? na : nb, root = 1;
  for (double x = small; x > 4; x /= 4) root *= 2;
  double work = big * (small < COMBA_MAX ? small : root * 12) / 90;
  return rt_charge(vm, work < 1 ? 1 : (uint64_t)work);
}

static bool mul_long(VM *vm, Digit *r, const Digit *a, int na, const Digit *b, int nb) {
  if (!charge_mul(vm, na, nb) || !big_room(vm, 3.0 * (na + nb) * sizeof(Digit))) return false;
  mp_int out, x = mp_view(a, na), y = mp_view(b, nb);
  mp_err err = mp_init(&out);
  if (err == MP_OKAY) {
    err = a == b && na == nb ? mp_sqr(&x, &out) : mp_mul(&x, &y, &out);
    if (err == MP_OKAY) {
      memcpy(r, out.dp, (size_t)out.used * sizeof(Digit));
      memset(r + out.used, 0, (size_t)(na + nb - out.used) * sizeof(Digit));
    }
    mp_clear(&out);
  }
  if (err != MP_OKAY) rt_no_memory(vm);
  return err == MP_OKAY;
}

/* A long factor times a middle-sized one: cut the long one into pieces, so that column sums or libtommath get balanced work. */
bool mag_mul(VM *vm, Digit *r, const Digit *a, int na, const Digit *b, int nb) {
  if (na < nb) {
    const Digit *t = a;
    a = b;
    b = t;
    int n = na;
    na = nb;
    nb = n;
  }
  while (na > 0 && a[na - 1] == 0) r[--na + nb] = 0;
  while (nb > 0 && b[nb - 1] == 0) r[na + --nb] = 0;
  if (nb == 0 || na == 0) {
    memset(r, 0, (size_t)(na + nb) * sizeof(Digit));
    return true;
  }
  if (nb == 1) {
    r[na] = mag_mul_small(r, a, na, b[0], 0);
    return true;
  }
  if (nb <= COMBA_MAX || na <= COMBA_MAX) {
    if (na > 1000 && !charge_mul(vm, na, nb)) return false;
    if (a == b && na == nb) square_columns(r, a, na);
    else if (na >= nb) mul_columns(r, a, na, b, nb);
    else mul_columns(r, b, nb, a, na);
    return true;
  }
  return mul_long(vm, r, a, na, b, nb);
}

/* ---------------------------------------------------------------- division */

/* Knuth's algorithm D on a (n+m digits, in place) by the normalised b of n >= 2 digits: the remainder stays in a[0..n). Returns the extra quotient digit. */
static Digit div_school(Digit *a, int m, const Digit *b, int n, Digit *q) {
  Digit high = 0;
  if (mag_compare(a + m, n, b, n) >= 0) {
    mag_sub(a + m, a + m, n, b, n);
    high = 1;
  }
  Digit b1 = b[n - 1], b2 = b[n - 2];
  for (int j = m - 1; j >= 0; j--) {
    Digit *u = a + j;
    Digit top = u[n];
    Digit qh, rh;
    Wide w = (Wide)top << BITS | u[n - 1];
    if (top >= b1) {
      qh = MASK;
      w -= (Wide)qh * b1;
    } else {
      qh = (Digit)(w / b1);
      w -= (Wide)qh * b1;
    }
    while (w <= MASK) {
      rh = (Digit)w;
      if ((Wide)qh * b2 <= ((Wide)rh << BITS | u[n - 2])) break;
      qh--;
      w += b1;
    }
    Wide carry = 0;
    Digit borrow = 0;
    for (int i = 0; i < n; i++) {
      carry += (Wide)qh * b[i];
      Digit t = u[i] - ((Digit)carry & MASK) - borrow;
      u[i] = t & MASK;
      borrow = t >> (sizeof(Digit) * 8 - 1);
      carry >>= BITS;
    }
    Digit t = top - (Digit)carry - borrow;
    u[n] = 0;
    if (t >> (sizeof(Digit) * 8 - 1)) { /* one too many */
      qh--;
      mag_add(u, u, n, b, n);
    }
    q[j] = qh;
  }
  return high;
}

static void sub_one(Digit *q, int n, Digit *high) {
  for (int i = 0; i < n; i++) {
    if (q[i]--) return;
    q[i] = MASK;
  }
  --*high;
}

/* a[0..n) minus (q, with its extra digit `high`, times b0 of k digits); adds b back and lowers q while the difference is negative. t: nq + k + 1 digits. */
static bool sub_product(VM *vm, Digit *a, int n, const Digit *b, Digit *q, int nq, Digit *high, int k, Digit *t) {
  if (!mag_mul(vm, t, q, nq, b, k)) return false;
  t[nq + k] = *high ? mag_add(t + nq, t + nq, k, b, k) : 0;
  int nt = mag_clamp(t, nq + k + 1);
  int64_t top = 0;
  if (nt > n) top = -(int64_t)t[n]; /* then nt == n + 1 */
  top -= (int64_t)mag_sub(a, a, n, t, nt > n ? n : nt);
  while (top < 0) {
    sub_one(q, nq, high);
    top += (int64_t)mag_add(a, a, n, b, n);
  }
  return true;
}

/* Recursive division, m <= n. scratch: at least 2 * (n + m) digits. Depth: log2(m). */
static bool div_recursive(VM *vm, Digit *a, int m, const Digit *b, int n, Digit *q, Digit *high, Digit *scratch) {
  if (m < RECURSE_MIN) {
    if (!rt_charge(vm, (uint64_t)m * (uint64_t)n / 60 + 1)) return false;
    *high = div_school(a, m, b, n, q);
    return true;
  }
  int k = m / 2;
  Digit low = 0;
  if (!div_recursive(vm, a + 2 * k, m - k, b + k, n - k, q + k, high, scratch)) return false;
  if (!sub_product(vm, a + k, n, b, q + k, m - k, high, k, scratch)) return false;
  if (!div_recursive(vm, a + k, k, b + k, n - k, q, &low, scratch)) return false;
  return sub_product(vm, a, n, b, q, k, &low, k, scratch);
}

bool mag_div_normal(VM *vm, Digit *a, int m, const Digit *b, int n, Digit *q, Digit *high) {
  *high = 0;
  if (m <= 0) return true;
  if (m < RECURSE_MIN || n < RECURSE_MIN) {
    if ((double)m * n > 5000 && !rt_charge(vm, (uint64_t)m * (uint64_t)n / 60)) return false;
    *high = div_school(a, m, b, n, q);
    return true;
  }
  Scratch s;
  Digit *scratch = scratch_get(vm, &s, 4 * (size_t)n + 8);
  if (!scratch) return false;
  int step = m % n ? m % n : n;
  bool ok = true, first = true;
  for (int at = m - step; ok && at >= 0; at -= n, step = n) {
    Digit h;
    ok = div_recursive(vm, a + at, step, b, n, q + at, &h, scratch);
    if (ok && first) *high = h;
    first = false;
  }
  scratch_free(vm, &s);
  return ok;
}

bool mag_divrem(VM *vm, Digit *q, Digit *r, const Digit *a, int na, const Digit *b, int nb) {
  Scratch s;
  if (nb == 1) {
    Digit *quo = q;
    if (!q) {
      quo = scratch_get(vm, &s, (size_t)na);
      if (!quo) return false;
    }
    Digit rem = mag_div_small(quo, a, na, b[0]);
    if (r) r[0] = rem;
    if (!q) scratch_free(vm, &s);
    return true;
  }
  int m = na + 1 - nb;
  Digit *work = scratch_get(vm, &s, (size_t)na + 1 + (size_t)nb + 1 + (size_t)(q ? 0 : m));
  if (!work) return false;
  Digit *divisor = work + na + 1, *quo = q ? q : divisor + nb + 1, high;
  int shift = BITS - digit_bits(b[nb - 1]);
  mag_shl(divisor, b, nb, shift);
  mag_shl(work, a, na, shift);
  bool ok = mag_div_normal(vm, work, m, divisor, nb, quo, &high);
  if (ok && r) mag_shr(r, work, nb, shift);
  scratch_free(vm, &s);
  return ok;
}
