/* float: IEEE doubles. Most live in the value word; those whose exponent does not fit there, and instances of subclasses, are boxed. */
#include "vm/objects/exception.h"
#include "vm/objects/bytes.h"
#include "vm/objects/format.h"
#include "vm/objects/int_ops.h"
#include "vm/base/dtoa.h"
#include <math.h>
#include <string.h>

static Value float_box(VM *vm, const Type *type, double d) {
  Float *f = type == &float_type ? gc_new_leaf(vm, type, sizeof(Float)) : gc_new(vm, type, sizeof(Float));
  if (!f) return V_FAIL;
  f->d = d;
  return v_from_obj(f);
}

Value float_new(VM *vm, double d) {
  Value v;
  return LIKELY(d == d && v_try_double(d, &v)) ? v : float_box(vm, &float_type, d); /* a boxed NaN has an identity, as `is` and containers see it */
}

Value float_of_type(VM *vm, const Type *cls, double d) { return cls == &float_type ? float_new(vm, d) : float_box(vm, cls, d); }

/* ---------------------------------------------------------------- text */

Value float_repr_str(VM *vm, double d) {
  char text[40];
  int n = dtoa_repr(d, text);
  return v_from_str(str_new(vm, text, (size_t)n));
}

Value float_repr(VM *vm, Value self) { return float_repr_str(vm, v_float_value(self)); }

static bool same_word(const char *s, size_t n, const char *word) { /* ASCII, any case */
  size_t i = 0;
  for (; i < n && word[i]; i++)
    if ((s[i] | 32) != word[i]) return false;
  return i == n && !word[i];
}

/* A float without underscores and blanks around it: [sign] digits, inf, infinity or nan. Reads as far as it can; *used = 0: nothing. */
double float_scan(const char *s, size_t n, size_t *used) {
  size_t at = 0;
  double d;
  bool neg = n && *s == '-';
  if (n && (*s == '-' || *s == '+')) at = 1;
  size_t word = at;
  while (word < n && ((s[word] | 32) >= 'a' && (s[word] | 32) <= 'z') && word - at < 8) word++;
  if (word - at >= 8 && same_word(s + at, 8, "infinity")) {
    d = HUGE_VAL;
    *used = at + 8;
  } else if (word - at >= 3 && same_word(s + at, 3, "inf")) {
    d = HUGE_VAL;
    *used = at + 3;
  } else if (word - at >= 3 && same_word(s + at, 3, "nan")) {
    d = NAN;
    *used = at + 3;
  } else {
    d = dtoa_parse(s + at, n - at, used);
    if (*used) *used += at;
  }
  return neg ? -d : d;
}

/* Takes out underscores that stand single between digits (PEP 515). False: one stands elsewhere. */
static bool drop_underscores(const char *s, size_t n, Buf *out) {
  char prev = 0;
  for (size_t i = 0; i < n; i++) {
    bool digit = s[i] >= '0' && s[i] <= '9';
    if (s[i] == '_') {
      if (prev < '0' || prev > '9') return false;
    } else {
      if (prev == '_' && !digit) return false;
      buf_char(out, s[i]);
    }
    prev = s[i];
  }
  return prev != '_';
}

static bool parse_clean(const char *s, size_t n, double *out) {
  size_t used;
  *out = float_scan(s, n, &used);
  return n > 0 && used == n;
}

static Value parse_ascii(VM *vm, Value shown, const char *s, size_t n) {
  double d;
  number_trim(&s, &n);
  bool good;
  if (memchr(s, '_', n)) {
    Buf b;
    buf_init(&b, rt_mem(vm));
    good = drop_underscores(s, n, &b) && !b.failed && parse_clean(b.data, b.len, &d);
    bool failed = b.failed;
    buf_free(&b);
    if (failed) return rt_no_memory(vm);
  } else {
    good = parse_clean(s, n, &d);
  }
  return good ? float_new(vm, d) : rt_raise(vm, &exc_ValueError, "could not convert string to float: %R", shown);
}

Value float_parse(VM *vm, Value text) {
  View view;
  if (!is_str(text)) {
    if (!bytes_view(text, &view)) return rt_raise(vm, &exc_TypeError, "float() argument must be a string or a real number, not '%T'", text);
    return parse_ascii(vm, text, (const char *)view.data, view.size);
  }
  Str *s = v_str(text);
  if (str_is_ascii(s)) return parse_ascii(vm, text, s->data, s->size);
  Buf b;
  buf_init(&b, rt_mem(vm));
  Value v = number_ascii(s, &b) ? parse_ascii(vm, text, b.data, b.len) : rt_no_memory(vm);
  buf_free(&b);
  return v;
}

/* ---------------------------------------------------------------- hash and comparison */

/* Modulo 2^61 - 1, so that equal numbers of all types hash alike (library reference, "Hashing of numeric types"). */
int64_t double_hash(double d) {
  const uint64_t mod = ((uint64_t)1 << 61) - 1;
  if (isinf(d)) return d > 0 ? 314159 : -314159;
  if (isnan(d)) return 0;
  int exp;
  double m = frexp(fabs(d), &exp);
  uint64_t x = 0;
  while (m != 0.0) { /* 28 bits at a time; rotation multiplies by a power of two */
    x = (x << 28 & mod) | x >> (61 - 28);
    m *= 268435456.0;
    exp -= 28;
    uint64_t y = (uint64_t)m;
    m -= (double)y;
    x += y;
    if (x >= mod) x -= mod;
  }
  exp = exp >= 0 ? exp % 61 : 60 - (-1 - exp) % 61;
  x = (x << exp & mod) | x >> (61 - exp);
  int64_t h = d < 0 ? -(int64_t)x : (int64_t)x;
  return h == -1 ? -2 : h;
}

bool float_hash(VM *vm, Value self, int64_t *out) {
  (void)vm;
  double d = v_float_value(self);
  if (isnan(d)) return object_type.hash(vm, self, out); /* by identity; the inline nan is one and the same */
  else *out = double_hash(d);
  return true;
}

static bool double_compare(double x, double y, Compare op) {
  switch (op) {
    case CO_LT: return x < y;
    case CO_LE: return x <= y;
    case CO_EQ: return x == y;
    case CO_NE: return x != y;
    case CO_GT: return x > y;
    default: return x >= y;
  }
}

Value float_compare(VM *vm, Value a, Value b, Compare op) {
  (void)vm;
  if (is_float(a) && is_float(b)) return v_from_bool(double_compare(v_float_value(a), v_float_value(b), op));
  bool swapped = is_int(a);
  Value i = swapped ? a : b, f = swapped ? b : a;
  if (!is_int(i) || !is_float(f)) return V_NOTIMPL;
  double d = v_float_value(f);
  if (!isfinite(d)) return v_from_bool(swapped ? double_compare(0.0, d, op) : double_compare(d, 0.0, op));
  int c = int_compare_double(i, d);
  return v_from_bool(compare_result(swapped ? c : -c, op));
}

int float_truth(VM *vm, Value self) {
  (void)vm;
  return v_float_value(self) != 0.0;
}

/* ---------------------------------------------------------------- operators */

/* Remainder with the divisor's sign, and the floored quotient that belongs to it (language reference, 6.7). y != 0. */
static double floor_mod(double x, double y, double *quotient) {
  double mod = fmod(x, y), div = (x - mod) / y;
  if (mod != 0.0) {
    if ((y < 0) != (mod < 0)) {
      mod += y;
      div -= 1.0;
    }
  } else {
    mod = copysign(0.0, y);
  }
  if (div != 0.0) {
    double whole = floor(div);
    if (div - whole > 0.5) whole += 1.0;
    *quotient = whole;
  } else {
    *quotient = copysign(0.0, x / y);
  }
  return mod;
}

static Value out_of_range(VM *vm) { /* OverflowError with the arguments of C's ERANGE, as CPython raises it */
  Str *text = str_from(vm, "Numerical result out of range");
  if (!text) return V_FAIL;
  Value args[2] = {v_from_int62(34), v_from_obj(text)};
  Value e = exc_new(vm, &exc_OverflowError, 2, args);
  return v_failed(e) ? V_FAIL : rt_raise_obj(vm, e);
}

static Value float_power(VM *vm, double x, double y) {
  if (x == 0.0 && y < 0.0 && isfinite(y)) return rt_raise(vm, &exc_ZeroDivisionError, "0.0 cannot be raised to a negative power");
  if (x < 0.0 && isfinite(x) && isfinite(y) && y != floor(y)) return complex_power(vm, x, 0.0, y, 0.0);
  double r = pow(x, y);
  if (isinf(r) && isfinite(x) && isfinite(y)) return out_of_range(vm);
  return float_new(vm, r);
}

Value float_binary(VM *vm, int op, double a, double b) {
  double q;
  switch (op) {
    case TINY_ADD: return float_new(vm, a + b);
    case TINY_SUB: return float_new(vm, a - b);
    case TINY_MUL: return float_new(vm, a * b);
    case TINY_TRUEDIV: return b == 0.0 ? rt_raise(vm, &exc_ZeroDivisionError, "float division by zero") : float_new(vm, a / b);
    case TINY_FLOORDIV:
      if (b == 0.0) return rt_raise(vm, &exc_ZeroDivisionError, "float floor division by zero");
      floor_mod(a, b, &q);
      return float_new(vm, q);
    case TINY_MOD: return b == 0.0 ? rt_raise(vm, &exc_ZeroDivisionError, "float modulo") : float_new(vm, floor_mod(a, b, &q));
    case TINY_POW: return float_power(vm, a, b);
    default: return V_NOTIMPL;
  }
}

Value float_divmod(VM *vm, double a, double b) {
  double q;
  if (b == 0.0) return rt_raise(vm, &exc_ZeroDivisionError, "float divmod()");
  Value mod = float_new(vm, floor_mod(a, b, &q)), quo = v_failed(mod) ? V_FAIL : float_new(vm, q);
  Tuple *t = v_failed(quo) ? NULL : tuple_pair(vm, quo, mod);
  return t ? v_from_obj(t) : V_FAIL;
}

bool float_operand(VM *vm, Value v, double *out, bool *failed) {
  *failed = false;
  if (is_float(v)) {
    *out = v_float_value(v);
    return true;
  }
  if (!is_int(v)) return false;
  *failed = !int_to_double(vm, v, out);
  return !*failed;
}

Value float_binary_slot(VM *vm, int op, Value a, Value b) {
  double x, y;
  bool failed;
  if (op > TINY_POW) return V_NOTIMPL;
  if (!float_operand(vm, a, &x, &failed) || !float_operand(vm, b, &y, &failed)) return failed ? V_FAIL : V_NOTIMPL;
  return float_binary(vm, op, x, y);
}

enum { NEGATIVE, POSITIVE };

Value float_unary(VM *vm, int op, Value a) {
  double d = v_float_value(a);
  switch (op) {
    case NEGATIVE: return float_new(vm, -d);
    case UN_ABS_: return float_new(vm, fabs(d));
    case POSITIVE: case UN_FLOAT_: return v_is_double(a) || v_is_exact(a, &float_type) ? a : float_new(vm, d);
    case UN_INT_: return int_from_double(vm, d);
    default: return V_NOTIMPL;
  }
}
