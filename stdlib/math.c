/* math: real functions, and the integer functions gcd, lcm, factorial, comb, perm, isqrt for ints of any size.
 * Iterables that only script code can walk are collected into a list first, by a call that leaves no C frame behind. */
#include "include/tiny.h"
#include <math.h>
#include <string.h>

#define PI 3.141592653589793238462643383279502884
#define E 2.718281828459045235360287471352662498

static tiny_val domain_error(tiny_vm *vm) { return tiny_raise(vm, TINY_VALUE_ERROR, "math domain error"); }
static tiny_val range_error(tiny_vm *vm) { return tiny_raise(vm, TINY_OVERFLOW_ERROR, "math range error"); }

static bool is_int(tiny_vm *vm, tiny_val v) {
  tiny_kind k = tiny_kind_of(vm, v);
  return k == TINY_T_INT || k == TINY_T_BOOL;
}

/* Argument i as a double; classes of scripts convert by __float__ or __index__. [script] */
static bool number(tiny_vm *vm, tiny_args *a, int i, double *out) { return tiny_to_float(vm, tiny_arg(a, i), out); }

static bool bit_length(tiny_vm *vm, tiny_val v, int64_t *out) { return tiny_to_int(vm, tiny_call_method(vm, v, "bit_length", 0, NULL), out); }

/* ---------------------------------------------------------------- functions of one argument */

/* nan from a number is a domain error; an infinity from a finite number is an overflow or a pole. */
static tiny_val result_1(tiny_vm *vm, double x, double r, bool can_overflow) {
  if (isnan(r) && !isnan(x)) return domain_error(vm);
  if (isinf(r) && isfinite(x)) return can_overflow ? range_error(vm) : domain_error(vm);
  return tiny_float(vm, r);
}

#define FUNCTION(name, call, can_overflow)                       \
  static tiny_val math_##name(tiny_vm *vm, tiny_args *a) {       \
    double x;                                                    \
    if (!number(vm, a, 0, &x)) return TINY_FAIL;                 \
    return result_1(vm, x, call(x), can_overflow);               \
  }
FUNCTION(acos, acos, false) FUNCTION(acosh, acosh, false) FUNCTION(asin, asin, false) FUNCTION(asinh, asinh, false)
FUNCTION(atan, atan, false) FUNCTION(atanh, atanh, false) FUNCTION(cbrt, cbrt, false) FUNCTION(cos, cos, false)
FUNCTION(cosh, cosh, true) FUNCTION(erf, erf, false) FUNCTION(erfc, erfc, false) FUNCTION(exp, exp, true)
FUNCTION(exp2, exp2, true) FUNCTION(expm1, expm1, true) FUNCTION(fabs, fabs, false) FUNCTION(log1p, log1p, false)
FUNCTION(sin, sin, false) FUNCTION(sinh, sinh, true) FUNCTION(sqrt, sqrt, false) FUNCTION(tan, tan, false) FUNCTION(tanh, tanh, false)

static tiny_val math_degrees(tiny_vm *vm, tiny_args *a) {
  double x;
  return number(vm, a, 0, &x) ? tiny_float(vm, x * (180.0 / PI)) : TINY_FAIL;
}
static tiny_val math_radians(tiny_vm *vm, tiny_args *a) {
  double x;
  return number(vm, a, 0, &x) ? tiny_float(vm, x * (PI / 180.0)) : TINY_FAIL;
}

static tiny_val math_isfinite(tiny_vm *vm, tiny_args *a) {
  double x;
  return number(vm, a, 0, &x) ? tiny_bool(isfinite(x)) : TINY_FAIL;
}
static tiny_val math_isinf(tiny_vm *vm, tiny_args *a) {
  double x;
  return number(vm, a, 0, &x) ? tiny_bool(isinf(x)) : TINY_FAIL;
}
static tiny_val math_isnan(tiny_vm *vm, tiny_args *a) {
  double x;
  return number(vm, a, 0, &x) ? tiny_bool(isnan(x)) : TINY_FAIL;
}

/* Lanczos' approximation of the gamma function with g = 6.0246800407767296 and 13 terms (coefficients: Boost, lanczos13m53). */
#define LANCZOS_G 6.024680040776729583740234375
static const double lanczos_num[13] = {23531376880.410759688572007674451636754734846804940, 42919803642.649098768957899047001988850926355848959,
  35711959237.355668049440185451547166705960488635843, 17921034426.037209699919755754458931112671403265390, 6039542586.3520280050642916443072979210699388420708,
  1439720407.3117216736632230727949123939715485786372, 248874557.86205415651146038641322942321632125127801, 31426415.585400194380614231628318205362874684987640,
  2876370.6289353724412254090516208496135991145378768, 186056.26539522349504029498971604569928220784236328, 8071.6720023658162106380029022722506138218516325024,
  210.82427775157934587250973392071336271166969580291, 2.5066282746310002701649081771338373386264310793408};
static const double lanczos_den[13] = {0.0, 39916800.0, 120543840.0, 150917976.0, 105258076.0, 45995730.0, 13339535.0, 2637558.0, 357423.0, 32670.0, 1925.0, 66.0, 1.0};

static double lanczos_sum(double x) { /* x > 0; for large x the quotient is taken in 1/x, lest the powers overflow */
  double num = 0.0, den = 0.0;
  if (x < 5.0) {
    for (int i = 12; i >= 0; i--) {
      num = num * x + lanczos_num[i];
      den = den * x + lanczos_den[i];
    }
  } else {
    for (int i = 0; i < 13; i++) {
      num = num / x + lanczos_num[i];
      den = den / x + lanczos_den[i];
    }
  }
  return num / den;
}

static double sin_pi(double x) { /* sin(pi * x), exact where it counts: x is brought near 0 first */
  double y = fmod(fabs(x), 2.0), r;
  switch ((int)round(2.0 * y)) {
    case 0: r = sin(PI * y); break;
    case 1: r = cos(PI * (y - 0.5)); break;
    case 2: r = sin(PI * (1.0 - y)); break;
    case 3: r = -cos(PI * (y - 1.5)); break;
    default: r = sin(PI * (y - 2.0)); break;
  }
  return copysign(1.0, x) * r;
}

static double gamma_lanczos(double x) { /* not an integer, or beyond 23; 1e-20 <= |x| <= 200 */
  double ax = fabs(x), half = LANCZOS_G - 0.5, y = ax + half;
  double q = ax > half ? y - ax : y - half, z = ax > half ? q - half : q - ax; /* rounding error of y */
  z = z * LANCZOS_G / y;
  double r;
  if (x < 0.0) {
    r = -PI / sin_pi(ax) / ax * exp(y) / lanczos_sum(ax);
    r -= z * r;
    if (ax < 140.0) return r / pow(y, ax - 0.5);
    double root = pow(y, ax / 2.0 - 0.25);
    return r / root / root;
  }
  r = lanczos_sum(ax) / exp(y);
  r += z * r;
  if (ax < 140.0) return r * pow(y, ax - 0.5);
  double root = pow(y, ax / 2.0 - 0.25);
  return r * root * root;
}

static tiny_val math_gamma(tiny_vm *vm, tiny_args *a) {
  double x;
  if (!number(vm, a, 0, &x)) return TINY_FAIL;
  if (isnan(x) || (isinf(x) && x > 0)) return tiny_float(vm, x);
  if (isinf(x) || x == 0.0 || (x < 0.0 && x == floor(x))) return domain_error(vm);
  double r;
  if (x == floor(x) && x <= 23.0) {
    r = 1.0;
    for (double k = 2.0; k < x; k += 1.0) r *= k; /* exact: 22! < 2^53 times a power of two */
  } else if (fabs(x) < 1e-20) {
    r = 1.0 / x;
  } else if (fabs(x) > 200.0) {
    r = x < 0.0 ? 0.0 / sin_pi(x) : HUGE_VAL;
  } else {
    r = gamma_lanczos(x);
  }
  return isinf(r) ? range_error(vm) : tiny_float(vm, r);
}

static tiny_val math_lgamma(tiny_vm *vm, tiny_args *a) {
  double x;
  if (!number(vm, a, 0, &x)) return TINY_FAIL;
  double ax = fabs(x), r;
  if (isnan(x)) return tiny_float(vm, x);
  if (isinf(x)) return tiny_float(vm, HUGE_VAL);
  if (x == floor(x) && x <= 2.0) return x <= 0.0 ? domain_error(vm) : tiny_float(vm, 0.0);
  if (ax < 1e-20) return tiny_float(vm, -log(ax));
  r = log(lanczos_sum(ax)) - LANCZOS_G;
  r += (ax - 0.5) * (log(ax + LANCZOS_G - 0.5) - 1);
  if (x < 0.0) r = 1.144729885849400174143427351353058711647 - log(fabs(sin_pi(ax))) - log(ax) - r; /* log(pi) */
  return isinf(r) ? range_error(vm) : tiny_float(vm, r);
}

/* ---------------------------------------------------------------- logarithms */

/* A positive int too large for a double as m * 2^*exp, 0.5 <= m < 1. False: an exception is pending. */
static bool big_frexp(tiny_vm *vm, tiny_val v, double *m, int64_t *exp) {
  int64_t bits, top;
  if (!bit_length(vm, v, &bits)) return false;
  if (!tiny_to_int(vm, tiny_binary(vm, TINY_RSHIFT, v, tiny_int(vm, bits - 60)), &top)) return false;
  *m = ldexp((double)top, -60);
  *exp = bits;
  if (*m == 1.0) {
    *m = 0.5;
    ++*exp;
  }
  return true;
}

static double log_of(double x) { return log(x); }
static double log2_of(double x) { return log2(x); }
static double log10_of(double x) { return log10(x); }

static bool log_value(tiny_vm *vm, tiny_val v, double (*fn)(double), double *out) {
  double x;
  if (!tiny_to_float(vm, v, &x)) {
    if (!is_int(vm, v) || !tiny_pending_is(vm, TINY_OVERFLOW_ERROR)) return false;
    tiny_clear_error(vm);
    int64_t exp;
    int negative = tiny_less(vm, v, tiny_int(vm, 0));
    if (negative != 0) return negative > 0 && (domain_error(vm), false);
    if (!big_frexp(vm, v, &x, &exp)) return false;
    *out = fn(x) + fn(2.0) * (double)exp;
    return true;
  }
  if (isnan(x) || (isinf(x) && x > 0.0)) {
    *out = x;
    return true;
  }
  if (x <= 0.0) {
    domain_error(vm);
    return false;
  }
  *out = fn(x);
  return true;
}

static tiny_val math_log(tiny_vm *vm, tiny_args *a) {
  double x, base;
  if (!log_value(vm, tiny_arg(a, 0), log_of, &x)) return TINY_FAIL;
  if (tiny_is_absent(tiny_arg(a, 1))) return tiny_float(vm, x);
  if (!log_value(vm, tiny_arg(a, 1), log_of, &base)) return TINY_FAIL;
  if (base == 0.0) return tiny_raise(vm, TINY_ZERO_DIVISION_ERROR, "float division by zero");
  return tiny_float(vm, x / base);
}

static tiny_val math_log2(tiny_vm *vm, tiny_args *a) {
  double x;
  return log_value(vm, tiny_arg(a, 0), log2_of, &x) ? tiny_float(vm, x) : TINY_FAIL;
}

static tiny_val math_log10(tiny_vm *vm, tiny_args *a) {
  double x;
  return log_value(vm, tiny_arg(a, 0), log10_of, &x) ? tiny_float(vm, x) : TINY_FAIL;
}

/* ---------------------------------------------------------------- functions of two arguments */

static tiny_val math_atan2(tiny_vm *vm, tiny_args *a) {
  double x, y;
  return number(vm, a, 0, &x) && number(vm, a, 1, &y) ? tiny_float(vm, atan2(x, y)) : TINY_FAIL;
}
static tiny_val math_copysign(tiny_vm *vm, tiny_args *a) {
  double x, y;
  return number(vm, a, 0, &x) && number(vm, a, 1, &y) ? tiny_float(vm, copysign(x, y)) : TINY_FAIL;
}
static tiny_val math_nextafter(tiny_vm *vm, tiny_args *a) {
  double x, y;
  return number(vm, a, 0, &x) && number(vm, a, 1, &y) ? tiny_float(vm, nextafter(x, y)) : TINY_FAIL;
}

static tiny_val math_ulp(tiny_vm *vm, tiny_args *a) {
  double x;
  if (!number(vm, a, 0, &x)) return TINY_FAIL;
  x = fabs(x);
  if (!isfinite(x)) return tiny_float(vm, x);
  double next = nextafter(x, HUGE_VAL);
  return tiny_float(vm, isinf(next) ? x - nextafter(x, -HUGE_VAL) : next - x);
}

static tiny_val math_pow(tiny_vm *vm, tiny_args *a) {
  double x, y;
  if (!number(vm, a, 0, &x) || !number(vm, a, 1, &y)) return TINY_FAIL;
  double r = pow(x, y);
  if (isfinite(x) && isfinite(y)) {
    if (isnan(r) || (isinf(r) && x == 0.0)) return domain_error(vm);
    if (isinf(r)) return range_error(vm);
  }
  return tiny_float(vm, r);
}

static tiny_val math_fmod(tiny_vm *vm, tiny_args *a) {
  double x, y;
  if (!number(vm, a, 0, &x) || !number(vm, a, 1, &y)) return TINY_FAIL;
  if (isinf(y) && isfinite(x)) return tiny_float(vm, x);
  double r = fmod(x, y);
  return isnan(r) && !isnan(x) && !isnan(y) ? domain_error(vm) : tiny_float(vm, r);
}

static tiny_val math_remainder(tiny_vm *vm, tiny_args *a) {
  double x, y;
  if (!number(vm, a, 0, &x) || !number(vm, a, 1, &y)) return TINY_FAIL;
  double r = remainder(x, y);
  return isnan(r) && !isnan(x) && !isnan(y) ? domain_error(vm) : tiny_float(vm, r);
}

static tiny_val pair(tiny_vm *vm, tiny_val x, tiny_val y) {
  tiny_val items[2] = {x, y};
  return tiny_failed(x) || tiny_failed(y) ? TINY_FAIL : tiny_tuple(vm, 2, items);
}

static tiny_val math_frexp(tiny_vm *vm, tiny_args *a) {
  int exp = 0;
  double x;
  if (!number(vm, a, 0, &x)) return TINY_FAIL;
  double m = isfinite(x) ? frexp(x, &exp) : x;
  return pair(vm, tiny_float(vm, m), tiny_int(vm, exp));
}

static tiny_val math_modf(tiny_vm *vm, tiny_args *a) {
  double x;
  if (!number(vm, a, 0, &x)) return TINY_FAIL;
  double whole = x, frac;
  if (isinf(x)) frac = copysign(0.0, x);
  else frac = modf(x, &whole);
  return pair(vm, tiny_float(vm, frac), tiny_float(vm, whole));
}

static tiny_val math_ldexp(tiny_vm *vm, tiny_args *a) {
  double x;
  if (!number(vm, a, 0, &x)) return TINY_FAIL;
  tiny_val e = tiny_arg(a, 1);
  int64_t exp;
  if (!is_int(vm, e)) return tiny_raise(vm, TINY_TYPE_ERROR, "Expected an int as second argument to ldexp.");
  if (!tiny_to_int(vm, e, &exp)) {
    tiny_clear_error(vm);
    int less = tiny_less(vm, e, tiny_int(vm, 0));
    if (less < 0) return TINY_FAIL;
    exp = less ? INT64_MIN : INT64_MAX;
  }
  if (x == 0.0 || !isfinite(x)) return tiny_float(vm, x);
  if (exp > 100000) return range_error(vm);
  double r = ldexp(x, exp < -100000 ? -100000 : (int)exp);
  return isinf(r) ? range_error(vm) : tiny_float(vm, r);
}

static tiny_val math_isclose(tiny_vm *vm, tiny_args *a) {
  double x, y, rel = 1e-9, abs_tol = 0.0;
  if (!number(vm, a, 0, &x) || !number(vm, a, 1, &y)) return TINY_FAIL;
  if (!tiny_is_absent(tiny_arg(a, 2)) && !number(vm, a, 2, &rel)) return TINY_FAIL;
  if (!tiny_is_absent(tiny_arg(a, 3)) && !number(vm, a, 3, &abs_tol)) return TINY_FAIL;
  if (rel < 0.0 || abs_tol < 0.0) return tiny_raise(vm, TINY_VALUE_ERROR, "tolerances must be non-negative");
  if (x == y) return TINY_TRUE;
  if (isinf(x) || isinf(y)) return TINY_FALSE;
  double diff = fabs(x - y);
  return tiny_bool(diff <= fabs(rel * y) || diff <= fabs(rel * x) || diff <= abs_tol);
}

/* ---------------------------------------------------------------- sums of many numbers */

static void two_sum(double a, double b, double *sum, double *err) { /* exact: a + b == sum + err */
  *sum = a + b;
  double t = *sum - a;
  *err = (a - (*sum - t)) + (b - t);
}

static double split_high(double x) {
  double t = x * 134217729.0; /* 2^27 + 1, Veltkamp */
  return t - (t - x);
}

static void add_square(double x, double *sum, double *low) { /* (sum, low) += x*x, to about twice the precision */
  double p = x * x, hi = split_high(x), lo = x - hi, err = ((hi * hi - p) + 2.0 * hi * lo) + lo * lo, rest;
  two_sum(*sum, p, sum, &rest);
  *low += rest + err;
}

/* Square root of the sum of squares without overflow, correctly rounded in all but rare cases. x[] is overwritten. */
static double vector_length(double *x, int n) {
  double max = 0.0;
  bool nan = false;
  for (int i = 0; i < n; i++) {
    x[i] = fabs(x[i]);
    if (isinf(x[i])) return HUGE_VAL;
    if (isnan(x[i])) nan = true;
    else if (x[i] > max) max = x[i];
  }
  if (nan) return NAN;
  if (max == 0.0) return 0.0;
  if (n == 1) return max;
  int exp;
  frexp(max, &exp);
  double sum = 0.0, low = 0.0;
  for (int i = 0; i < n; i++) add_square(ldexp(x[i], -exp), &sum, &low);
  double h = sqrt(sum + low), hi = split_high(h), lo = h - hi, sq = h * h, err = ((hi * hi - sq) + 2.0 * hi * lo) + lo * lo;
  h += ((sum - sq) - err + low) / (2.0 * h); /* one step of Newton with the exact remainder */
  return ldexp(h, exp);
}

/* Doubles of a list or tuple in counted memory. False: an exception is pending. */
static bool to_doubles(tiny_vm *vm, tiny_val seq, double **out, int *n) {
  *n = tiny_seq_len(seq);
  *out = tiny_alloc(vm, NULL, 0, ((size_t)*n + 1) * sizeof(double));
  if (!*out) {
    tiny_no_memory(vm);
    return false;
  }
  for (int i = 0; i < *n; i++) {
    if (tiny_to_float(vm, tiny_seq_item(seq, i), &(*out)[i])) continue;
    tiny_alloc(vm, *out, ((size_t)*n + 1) * sizeof(double), 0);
    return false;
  }
  return tiny_charge(vm, 1 + (uint64_t)*n / 20) || (tiny_alloc(vm, *out, ((size_t)*n + 1) * sizeof(double), 0), false);
}

static void free_doubles(tiny_vm *vm, double *x, int n) { tiny_alloc(vm, x, ((size_t)n + 1) * sizeof(double), 0); }

static tiny_val math_hypot(tiny_vm *vm, tiny_args *a) {
  double *x;
  int n;
  if (!to_doubles(vm, tiny_arg(a, 0), &x, &n)) return TINY_FAIL;
  double r = vector_length(x, n);
  free_doubles(vm, x, n);
  return tiny_float(vm, r);
}

static tiny_val dist_of(tiny_vm *vm, tiny_val p, tiny_val q) {
  double *x, *y;
  int n, m;
  if (tiny_seq_len(p) != tiny_seq_len(q)) return tiny_raise(vm, TINY_VALUE_ERROR, "both points must have the same number of dimensions");
  if (!to_doubles(vm, p, &x, &n)) return TINY_FAIL;
  tiny_val r = TINY_FAIL;
  if (to_doubles(vm, q, &y, &m)) {
    for (int i = 0; i < n && i < m; i++) x[i] -= y[i];
    r = tiny_float(vm, vector_length(x, n));
    free_doubles(vm, y, m);
  }
  free_doubles(vm, x, n);
  return r;
}

static tiny_val math_dist(tiny_vm *vm, tiny_args *a) {
  tiny_val p = tiny_arg(a, 0), q = tiny_arg(a, 1);
  if (tiny_seq_len(p) >= 0 && tiny_seq_len(q) >= 0) return dist_of(vm, p, q);
  tiny_val both[3] = {p, q, tiny_getattr(vm, tiny_bound(a), "dist")};
  tiny_val helper = tiny_library_function(vm, "_math_dist");
  return tiny_failed(both[2]) || tiny_failed(helper) ? TINY_FAIL : tiny_tail_call(vm, helper, 3, both);
}

/* Exact sum of doubles as non-overlapping partial sums (J. Shewchuk, 1997), rounded once. */
typedef struct Partials { double *p; int n, cap; } Partials;

static bool partials_add(tiny_vm *vm, Partials *s, double x) {
  int kept = 0;
  for (int i = 0; i < s->n; i++) {
    double y = s->p[i], hi, lo;
    if (fabs(x) < fabs(y)) {
      double t = x;
      x = y;
      y = t;
    }
    hi = x + y;
    lo = y - (hi - x);
    if (lo != 0.0) s->p[kept++] = lo;
    x = hi;
  }
  if (kept == s->cap) {
    int cap = s->cap * 2 + 16;
    double *p = tiny_alloc(vm, s->p, (size_t)s->cap * sizeof(double), (size_t)cap * sizeof(double));
    if (!p) {
      tiny_no_memory(vm);
      return false;
    }
    s->p = p;
    s->cap = cap;
  }
  s->p[kept++] = x;
  s->n = kept;
  return true;
}

static double partials_round(const Partials *s) {
  int n = s->n;
  if (n == 0) return 0.0;
  double hi = s->p[--n], lo = 0.0;
  while (n > 0) {
    double x = hi, y = s->p[--n];
    hi = x + y;
    lo = y - (hi - x);
    if (lo != 0.0) break;
  }
  /* half-way cases: what follows decides */
  if (n > 0 && ((lo < 0.0 && s->p[n - 1] < 0.0) || (lo > 0.0 && s->p[n - 1] > 0.0))) {
    double y = lo * 2.0, x = hi + y;
    if (y == x - hi) hi = x;
  }
  return hi;
}

static tiny_val fsum_of(tiny_vm *vm, tiny_val seq) {
  double *x, special = 0.0, inf_sum = 0.0;
  int n;
  if (!to_doubles(vm, seq, &x, &n)) return TINY_FAIL;
  Partials s = {NULL, 0, 0};
  tiny_val r = TINY_FAIL;
  bool ok = true;
  for (int i = 0; ok && i < n; i++) {
    if (!isfinite(x[i])) {
      if (isinf(x[i])) inf_sum += x[i];
      special += x[i];
      continue;
    }
    ok = partials_add(vm, &s, x[i]);
    if (ok && s.n && !isfinite(s.p[s.n - 1])) {
      ok = false;
      tiny_raise(vm, TINY_OVERFLOW_ERROR, "intermediate overflow in fsum");
    }
  }
  if (ok && special != 0.0) r = isnan(inf_sum) ? tiny_raise(vm, TINY_VALUE_ERROR, "-inf + inf in fsum") : tiny_float(vm, special);
  else if (ok) r = tiny_float(vm, partials_round(&s));
  if (s.p) tiny_alloc(vm, s.p, (size_t)s.cap * sizeof(double), 0);
  free_doubles(vm, x, n);
  return r;
}

/* list(iterable) called without a C frame, then fn on the list. */
static tiny_val with_list(tiny_vm *vm, tiny_then_fn then, tiny_val state, tiny_val iterable) {
  tiny_val list = tiny_getattr(vm, tiny_import(vm, "builtins"), "list");
  return tiny_failed(list) ? TINY_FAIL : tiny_then_call(vm, then, state, list, 1, &iterable);
}

static tiny_val fsum_then(tiny_vm *vm, tiny_val state, tiny_outcome how, tiny_val result) {
  (void)state;
  return how == TINY_RETURNED ? fsum_of(vm, result) : tiny_raise_value(vm, result);
}

static tiny_val math_fsum(tiny_vm *vm, tiny_args *a) {
  tiny_val seq = tiny_arg(a, 0);
  return tiny_seq_len(seq) >= 0 ? fsum_of(vm, seq) : with_list(vm, fsum_then, TINY_NONE, seq);
}

static bool plain_number(tiny_vm *vm, tiny_val v) {
  tiny_kind k = tiny_kind_of(vm, v);
  return k == TINY_T_INT || k == TINY_T_BOOL || k == TINY_T_FLOAT;
}

static tiny_val math_prod(tiny_vm *vm, tiny_args *a) {
  tiny_val seq = tiny_arg(a, 0), r = tiny_arg(a, 1);
  int n = tiny_seq_len(seq);
  bool plain = n >= 0 && plain_number(vm, r);
  for (int i = 0; plain && i < n; i++) plain = plain_number(vm, tiny_seq_item(seq, i));
  if (!plain) {
    tiny_val both[2] = {seq, r}, helper = tiny_library_function(vm, "_math_prod");
    return tiny_failed(helper) ? TINY_FAIL : tiny_tail_call(vm, helper, 2, both);
  }
  for (int i = 0; i < n && !tiny_failed(r); i++) {
    tiny_scope s = tiny_scope_open(vm);
    r = tiny_scope_close_keep(vm, s, tiny_binary(vm, TINY_MUL, r, tiny_seq_item(seq, i)));
    if ((i & 255) == 255 && !tiny_charge(vm, 100)) return TINY_FAIL;
  }
  return r;
}

/* ---------------------------------------------------------------- integer functions */

static tiny_val index_of(tiny_vm *vm, tiny_val v) { /* an int from anything with __index__ */
  int64_t i;
  if (is_int(vm, v)) return v;
  return tiny_to_int(vm, v, &i) ? tiny_int(vm, i) : TINY_FAIL;
}

static bool small_int(tiny_vm *vm, tiny_val v, int64_t *out) { /* fits 63 bits and a sign? No exception */
  if (tiny_to_int(vm, v, out)) return *out != INT64_MIN;
  tiny_clear_error(vm);
  return false;
}

static tiny_val absolute(tiny_vm *vm, tiny_val v) {
  int negative = tiny_less(vm, v, tiny_int(vm, 0));
  if (negative < 0) return TINY_FAIL;
  return tiny_binary(vm, TINY_SUB, negative ? tiny_int(vm, 0) : v, negative ? v : tiny_int(vm, 0));
}

/* The steps of Euclid's algorithm that the leading 60 bits decide, as a matrix (D. Lehmer, 1938; Knuth, TAOCP 4.5.2, algorithm L). m[1] == 0: none. */
static void lehmer_steps(int64_t x, int64_t y, int64_t m[4]) {
  int64_t a = 1, b = 0, c = 0, d = 1;
  while (y + c != 0 && y + d != 0) {
    int64_t q = (x + a) / (y + c), t;
    if (q != (x + b) / (y + d)) break;
    t = a - q * c;
    a = c;
    c = t;
    t = b - q * d;
    b = d;
    d = t;
    t = x - q * y;
    x = y;
    y = t;
  }
  m[0] = a;
  m[1] = b;
  m[2] = c;
  m[3] = d;
}

static tiny_val linear(tiny_vm *vm, int64_t a, tiny_val x, int64_t b, tiny_val y) {
  return tiny_binary(vm, TINY_ADD, tiny_binary(vm, TINY_MUL, tiny_int(vm, a), x), tiny_binary(vm, TINY_MUL, tiny_int(vm, b), y));
}

/* One round on x >= y > 0, both replaced. */
static bool gcd_round(tiny_vm *vm, tiny_val *x, tiny_val *y) {
  int64_t bits, bits_y, top_x, top_y, m[4] = {1, 0, 0, 1};
  tiny_scope s = tiny_scope_open(vm);
  tiny_val pair[2];
  if (!bit_length(vm, *x, &bits) || !bit_length(vm, *y, &bits_y)) return false;
  if (bits - bits_y < 30) {
    tiny_val shift = tiny_int(vm, bits - 60);
    if (!tiny_to_int(vm, tiny_binary(vm, TINY_RSHIFT, *x, shift), &top_x) || !tiny_to_int(vm, tiny_binary(vm, TINY_RSHIFT, *y, shift), &top_y)) return false;
    lehmer_steps(top_x, top_y, m);
  }
  pair[0] = m[1] ? linear(vm, m[0], *x, m[1], *y) : *y;
  pair[1] = m[1] ? linear(vm, m[2], *x, m[3], *y) : tiny_binary(vm, TINY_MOD, *x, *y);
  if (tiny_failed(pair[0]) || tiny_failed(pair[1])) return false;
  tiny_val both = tiny_scope_close_keep(vm, s, tiny_tuple(vm, 2, pair));
  *x = tiny_seq_item(both, 0);
  *y = tiny_seq_item(both, 1);
  return !tiny_failed(both) && tiny_charge(vm, 20 + (uint64_t)bits / 3000);
}

static int64_t gcd_small(int64_t i, int64_t j) {
  while (j) {
    int64_t t = i % j;
    i = j;
    j = t;
  }
  return i < 0 ? -i : i;
}

static tiny_val gcd_2(tiny_vm *vm, tiny_val x, tiny_val y) {
  int64_t i, j;
  if (small_int(vm, x, &i) && small_int(vm, y, &j)) return tiny_int(vm, gcd_small(i, j));
  tiny_scope s = tiny_scope_open(vm);
  x = absolute(vm, x);
  y = absolute(vm, y);
  int less = tiny_failed(x) || tiny_failed(y) ? -1 : tiny_less(vm, x, y);
  if (less > 0) {
    tiny_val t = x;
    x = y;
    y = t;
  }
  while (less >= 0 && !(small_int(vm, x, &i) && small_int(vm, y, &j))) {
    int any = tiny_truth(vm, y);
    if (any == 0) return tiny_scope_close_keep(vm, s, x);
    if (any < 0 || !gcd_round(vm, &x, &y)) less = -1;
  }
  if (less < 0) {
    tiny_scope_close(vm, s);
    return TINY_FAIL;
  }
  return tiny_scope_close_keep(vm, s, tiny_int(vm, gcd_small(i, j)));
}

static tiny_val math_gcd(tiny_vm *vm, tiny_args *a) {
  tiny_val seq = tiny_arg(a, 0), r = tiny_int(vm, 0);
  for (int i = 0; i < tiny_seq_len(seq) && !tiny_failed(r); i++) {
    tiny_val v = index_of(vm, tiny_seq_item(seq, i));
    r = tiny_failed(v) ? TINY_FAIL : gcd_2(vm, r, v);
  }
  return r;
}

static tiny_val math_lcm(tiny_vm *vm, tiny_args *a) {
  tiny_val seq = tiny_arg(a, 0), r = tiny_int(vm, 1);
  for (int i = 0; i < tiny_seq_len(seq) && !tiny_failed(r); i++) {
    tiny_val v = index_of(vm, tiny_seq_item(seq, i));
    int any = tiny_failed(v) ? -1 : tiny_truth(vm, v);
    if (any < 0) return TINY_FAIL;
    if (any == 0) {
      r = v;
      continue;
    }
    tiny_val g = gcd_2(vm, r, v);
    r = absolute(vm, tiny_binary(vm, TINY_MUL, tiny_binary(vm, TINY_FLOORDIV, r, g), v));
  }
  return r;
}

/* Product of lo..hi by halves, so that the factors of long multiplications are balanced. Depth: log2 of the count. */
static tiny_val product_range(tiny_vm *vm, int64_t lo, int64_t hi) {
  if (hi - lo < 8) {
    tiny_val r = tiny_int(vm, lo);
    while (lo < hi) r = tiny_binary(vm, TINY_MUL, r, tiny_int(vm, ++lo)); /* hi may be the last number of 64 bits */
    return r;
  }
  if (!tiny_charge(vm, 8)) return TINY_FAIL;
  tiny_scope s = tiny_scope_open(vm);
  int64_t mid = lo + (hi - lo) / 2;
  tiny_val left = product_range(vm, lo, mid), right = tiny_failed(left) ? TINY_FAIL : product_range(vm, mid + 1, hi);
  return tiny_scope_close_keep(vm, s, tiny_binary(vm, TINY_MUL, left, right));
}

/* An upper bound of the memory for a number of so many bits is tried first: refuse before the work, not after. */
static bool can_hold(tiny_vm *vm, double bits) {
  if (bits < 1e6) return true;
  return bits < 9e15 && !tiny_failed(tiny_binary(vm, TINY_LSHIFT, tiny_int(vm, 1), tiny_int(vm, (int64_t)bits)));
}

static tiny_val math_factorial(tiny_vm *vm, tiny_args *a) {
  int64_t n;
  tiny_val v = index_of(vm, tiny_arg(a, 0));
  if (tiny_failed(v)) return TINY_FAIL;
  int negative = tiny_less(vm, v, tiny_int(vm, 0));
  if (negative) return negative < 0 ? TINY_FAIL : tiny_raise(vm, TINY_VALUE_ERROR, "factorial() not defined for negative values");
  if (!small_int(vm, v, &n)) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "factorial() argument should not exceed %lld", (long long)INT64_MAX);
  if (n <= 20) {
    int64_t r = 1;
    for (int64_t i = 2; i <= n; i++) r *= i;
    return tiny_int(vm, r);
  }
  return can_hold(vm, (double)n * (log2((double)n) - 1.4427)) ? product_range(vm, 2, n) : TINY_FAIL;
}

static bool choose_args(tiny_vm *vm, tiny_args *a, tiny_val *n, tiny_val *k) {
  *n = index_of(vm, tiny_arg(a, 0));
  *k = tiny_failed(*n) ? TINY_FAIL : index_of(vm, tiny_arg(a, 1));
  if (tiny_failed(*k)) return false;
  int bad = tiny_less(vm, *n, tiny_int(vm, 0));
  if (bad > 0) tiny_raise(vm, TINY_VALUE_ERROR, "n must be a non-negative integer");
  if (bad) return false;
  bad = tiny_less(vm, *k, tiny_int(vm, 0));
  if (bad > 0) tiny_raise(vm, TINY_VALUE_ERROR, "k must be a non-negative integer");
  return bad == 0;
}

/* n * (n-1) * ... of k factors, for n of any size. */
static tiny_val falling(tiny_vm *vm, tiny_val n, int64_t k) {
  int64_t small;
  if (small_int(vm, n, &small)) return product_range(vm, small - k + 1, small);
  if (k <= 8) {
    tiny_val r = n;
    for (int64_t i = 1; i < k; i++) r = tiny_binary(vm, TINY_MUL, r, tiny_binary(vm, TINY_SUB, n, tiny_int(vm, i)));
    return r;
  }
  if (!tiny_charge(vm, 8)) return TINY_FAIL;
  tiny_scope s = tiny_scope_open(vm);
  tiny_val left = falling(vm, n, k / 2), right = tiny_failed(left) ? TINY_FAIL : falling(vm, tiny_binary(vm, TINY_SUB, n, tiny_int(vm, k / 2)), k - k / 2);
  return tiny_scope_close_keep(vm, s, tiny_binary(vm, TINY_MUL, left, right));
}

static double bits_of(tiny_vm *vm, tiny_val v) {
  int64_t bits;
  if (bit_length(vm, v, &bits)) return (double)bits;
  tiny_clear_error(vm);
  return 1e18;
}

static tiny_val math_perm(tiny_vm *vm, tiny_args *a) {
  tiny_val n, k;
  int64_t count;
  if (tiny_is_none(tiny_arg(a, 1))) return math_factorial(vm, a);
  if (!choose_args(vm, a, &n, &k)) return TINY_FAIL;
  int above = tiny_less(vm, n, k);
  if (above) return above < 0 ? TINY_FAIL : tiny_int(vm, 0);
  if (!small_int(vm, k, &count)) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "k must not exceed %lld", (long long)INT64_MAX);
  if (count == 0) return tiny_int(vm, 1);
  return can_hold(vm, (double)count * (bits_of(vm, n) - 2)) ? falling(vm, n, count) : TINY_FAIL;
}

/* 0 <= k <= n. False: a product on the way has more than 63 bits. */
static bool comb_small(int64_t n, int64_t k, int64_t *out) {
  int64_t r = 1;
  for (int64_t i = 1; i <= k; i++) {
    if (n > 60 && r > INT64_MAX / (n - k + i)) return false; /* C(60, 30) * 60 fits */
    r = r * (n - k + i) / i;
  }
  *out = r;
  return true;
}

static tiny_val math_comb(tiny_vm *vm, tiny_args *a) {
  tiny_val n, k;
  int64_t count, all, result;
  if (!choose_args(vm, a, &n, &k)) return TINY_FAIL;
  if (small_int(vm, k, &count) && count <= 64 && small_int(vm, n, &all) && count <= all && comb_small(all, count, &result)) return tiny_int(vm, result);
  tiny_val other = tiny_binary(vm, TINY_SUB, n, k);
  int negative = tiny_less(vm, other, tiny_int(vm, 0)), smaller = negative < 0 ? -1 : tiny_less(vm, other, k);
  if (smaller < 0) return TINY_FAIL;
  if (negative) return tiny_int(vm, 0);
  if (smaller) k = other;
  if (!small_int(vm, k, &count)) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "min(n - k, k) must not exceed %lld", (long long)INT64_MAX);
  if (count == 0) return tiny_int(vm, 1);
  if (!can_hold(vm, (double)count * (bits_of(vm, n) - bits_of(vm, k)))) return TINY_FAIL;
  tiny_val top = falling(vm, n, count);
  return tiny_failed(top) ? TINY_FAIL : tiny_binary(vm, TINY_FLOORDIV, top, product_range(vm, 1, count));
}

/* Integer square root: each round doubles the number of correct leading bits (Zimmermann's "Karatsuba square root" in its iterative form). */
static tiny_val isqrt_big(tiny_vm *vm, tiny_val n, int64_t bits) {
  int64_t c = (bits - 1) / 2, d = 0, levels = 0;
  while (c >> levels) levels++;
  tiny_val root = tiny_int(vm, 1);
  for (int64_t s = levels - 1; s >= 0 && !tiny_failed(root); s--) {
    tiny_scope scope = tiny_scope_open(vm);
    int64_t e = d;
    d = c >> s;
    tiny_val part = tiny_binary(vm, TINY_RSHIFT, n, tiny_int(vm, 2 * c - e - d + 1));
    tiny_val high = tiny_binary(vm, TINY_LSHIFT, root, tiny_int(vm, d - e - 1));
    root = tiny_scope_close_keep(vm, scope, tiny_binary(vm, TINY_ADD, high, tiny_binary(vm, TINY_FLOORDIV, part, root)));
  }
  int above = tiny_failed(root) ? -1 : tiny_less(vm, n, tiny_binary(vm, TINY_MUL, root, root));
  if (above < 0) return TINY_FAIL;
  return above ? tiny_binary(vm, TINY_SUB, root, tiny_int(vm, 1)) : root;
}

static tiny_val math_isqrt(tiny_vm *vm, tiny_args *a) {
  tiny_val v = index_of(vm, tiny_arg(a, 0));
  if (tiny_failed(v)) return TINY_FAIL;
  int64_t n, bits;
  int negative = tiny_less(vm, v, tiny_int(vm, 0));
  if (negative) return negative < 0 ? TINY_FAIL : tiny_raise(vm, TINY_VALUE_ERROR, "isqrt() argument must be nonnegative");
  if (small_int(vm, v, &n)) {
    uint64_t r = (uint64_t)sqrt((double)n), u = (uint64_t)n;
    while (r * r > u) r--;
    while ((r + 1) * (r + 1) <= u) r++;
    return tiny_uint(vm, r);
  }
  if (!bit_length(vm, v, &bits)) return TINY_FAIL;
  return isqrt_big(vm, v, bits);
}

/* ---------------------------------------------------------------- rounding to ints */

static tiny_val round_by(tiny_vm *vm, tiny_args *a, double (*round)(double), const char *method, const char *helper) {
  tiny_val v = tiny_arg(a, 0);
  double x;
  bool exact = tiny_kind_of(vm, v) == TINY_T_FLOAT && tiny_is(tiny_type(vm, v), tiny_type(vm, tiny_float(vm, 0.0)));
  if (exact && tiny_to_float(vm, v, &x) && fabs(x) < 0x1p62) return tiny_int(vm, (int64_t)round(x));
  if (plain_number(vm, v)) return tiny_call_method(vm, v, method, 0, NULL);
  tiny_val fn = tiny_library_function(vm, helper);
  return tiny_failed(fn) ? TINY_FAIL : tiny_tail_call(vm, fn, 1, &v);
}

static tiny_val math_ceil(tiny_vm *vm, tiny_args *a) { return round_by(vm, a, ceil, "__ceil__", "_math_ceil"); }
static tiny_val math_floor(tiny_vm *vm, tiny_args *a) { return round_by(vm, a, floor, "__floor__", "_math_floor"); }
static tiny_val math_trunc(tiny_vm *vm, tiny_args *a) { return round_by(vm, a, trunc, "__trunc__", "_math_trunc"); }

/* ---------------------------------------------------------------- the module */

static const tiny_def functions[] = {
    {"acos", math_acos, "(x, /)", "Arc cosine, in radians."},
    {"acosh", math_acosh, "(x, /)", "Inverse hyperbolic cosine."},
    {"asin", math_asin, "(x, /)", "Arc sine, in radians."},
    {"asinh", math_asinh, "(x, /)", "Inverse hyperbolic sine."},
    {"atan", math_atan, "(x, /)", "Arc tangent, in radians."},
    {"atan2", math_atan2, "(y, x, /)", "Angle of the point (x, y), in radians."},
    {"atanh", math_atanh, "(x, /)", "Inverse hyperbolic tangent."},
    {"cbrt", math_cbrt, "(x, /)", "Cube root."},
    {"ceil", math_ceil, "(x, /)", "Smallest int that is not less than x."},
    {"comb", math_comb, "(n, k, /)", "Number of ways to choose k of n things."},
    {"copysign", math_copysign, "(x, y, /)", "The size of x with the sign of y."},
    {"cos", math_cos, "(x, /)", "Cosine of x radians."},
    {"cosh", math_cosh, "(x, /)", "Hyperbolic cosine."},
    {"degrees", math_degrees, "(x, /)", "Radians to degrees."},
    {"dist", math_dist, "(p, q, /)", "Distance of two points."},
    {"erf", math_erf, "(x, /)", "Error function."},
    {"erfc", math_erfc, "(x, /)", "1 - erf(x)."},
    {"exp", math_exp, "(x, /)", "e to the power x."},
    {"exp2", math_exp2, "(x, /)", "2 to the power x."},
    {"expm1", math_expm1, "(x, /)", "exp(x) - 1, exact for small x."},
    {"fabs", math_fabs, "(x, /)", "Absolute value as a float."},
    {"factorial", math_factorial, "(n, /)", "Product of 1..n."},
    {"floor", math_floor, "(x, /)", "Largest int that is not greater than x."},
    {"fmod", math_fmod, "(x, y, /)", "Remainder with the sign of x."},
    {"frexp", math_frexp, "(x, /)", "(m, e) with x == m * 2**e and 0.5 <= abs(m) < 1."},
    {"fsum", math_fsum, "(seq, /)", "Sum of floats, rounded once."},
    {"gamma", math_gamma, "(x, /)", "Gamma function."},
    {"gcd", math_gcd, "(*integers)", "Greatest common divisor."},
    {"hypot", math_hypot, "(*coordinates)", "Length of a vector."},
    {"isclose", math_isclose, "(a, b, *, rel_tol=..., abs_tol=...)", "Are two numbers close to each other?"},
    {"isfinite", math_isfinite, "(x, /)", "Neither infinite nor nan?"},
    {"isinf", math_isinf, "(x, /)", "Infinite?"},
    {"isnan", math_isnan, "(x, /)", "Not a number?"},
    {"isqrt", math_isqrt, "(n, /)", "Square root of an int, rounded down."},
    {"lcm", math_lcm, "(*integers)", "Least common multiple."},
    {"ldexp", math_ldexp, "(x, i, /)", "x * 2**i."},
    {"lgamma", math_lgamma, "(x, /)", "Logarithm of the absolute value of gamma(x)."},
    {"log", math_log, "(x, base=..., /)", "Logarithm to the base, or the natural one."},
    {"log10", math_log10, "(x, /)", "Logarithm to base 10."},
    {"log1p", math_log1p, "(x, /)", "log(1 + x), exact for small x."},
    {"log2", math_log2, "(x, /)", "Logarithm to base 2."},
    {"modf", math_modf, "(x, /)", "Fraction and whole part, both with the sign of x."},
    {"nextafter", math_nextafter, "(x, y, /)", "Next float after x towards y."},
    {"perm", math_perm, "(n, k=None, /)", "Number of ordered choices of k of n things."},
    {"pow", math_pow, "(x, y, /)", "x to the power y, as floats."},
    {"prod", math_prod, "(iterable, /, *, start=1)", "Product of the items."},
    {"radians", math_radians, "(x, /)", "Degrees to radians."},
    {"remainder", math_remainder, "(x, y, /)", "Difference of x and the nearest multiple of y."},
    {"sin", math_sin, "(x, /)", "Sine of x radians."},
    {"sinh", math_sinh, "(x, /)", "Hyperbolic sine."},
    {"sqrt", math_sqrt, "(x, /)", "Square root."},
    {"tan", math_tan, "(x, /)", "Tangent of x radians."},
    {"tanh", math_tanh, "(x, /)", "Hyperbolic tangent."},
    {"trunc", math_trunc, "(x, /)", "Integer part of x."},
    {"ulp", math_ulp, "(x, /)", "Value of the last bit of x."},
    {0},
};

static bool init(tiny_vm *vm, tiny_val module) {
  return tiny_setattr(vm, module, "pi", tiny_float(vm, PI)) && tiny_setattr(vm, module, "e", tiny_float(vm, E)) &&
         tiny_setattr(vm, module, "tau", tiny_float(vm, 2 * PI)) && tiny_setattr(vm, module, "inf", tiny_float(vm, HUGE_VAL)) &&
         tiny_setattr(vm, module, "nan", tiny_float(vm, NAN));
}

const tiny_module math_module = {"math", functions, init, "Mathematical functions of real numbers and ints."};
