/* The float type as scripts see it: constructor, rounding, exact ratios, hexadecimal text. */
#include "vm/objects/exception.h"
#include "vm/objects/bytes.h"
#include "vm/objects/format.h"
#include "vm/objects/int_ops.h"
#include "vm/base/dtoa.h"
#include "vm/type_ids.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- float(x) */

Value float_from_object(VM *vm, Value v) {
  double d;
  View view;
  if (v_is_double(v) || v_is_exact(v, &float_type)) return v;
  if (is_str(v)) return float_parse(vm, v);
  if (v_is_int(v) || v_is_bool(v) || v_is_exact(v, &int_type)) return int_to_double(vm, v, &d) ? float_new(vm, d) : V_FAIL;
  Value *kept = rt_temp(vm, 1);
  if (!kept) return V_FAIL;
  *kept = v;
  Str *name = NAME(vm, __float__);
  Value fn = name ? rt_special(vm, v, name) : V_FAIL;
  if (v_failed(fn)) return V_FAIL;
  if (!v_absent(fn)) {
    Value r = rt_call(vm, fn, 0, NULL);
    if (v_failed(r)) return V_FAIL;
    if (!is_float(r)) return rt_raise(vm, &exc_TypeError, "%T.__float__ returned non-float (type %T)", v, r);
    return float_new(vm, v_float_value(r));
  }
  name = NAME(vm, __index__);
  fn = name ? rt_special(vm, v, name) : V_FAIL;
  if (v_failed(fn)) return V_FAIL;
  if (!v_absent(fn)) {
    Value i = rt_index_obj(vm, v);
    return !v_failed(i) && int_to_double(vm, i, &d) ? float_new(vm, d) : V_FAIL;
  }
  if (bytes_view(v, &view)) return float_parse(vm, v);
  return rt_raise(vm, &exc_TypeError, "float() argument must be a string or a real number, not '%T'", v);
}

static Value float_make(VM *vm, const Type *cls, Args *a) {
  if (!v_absent(a->v[0]) && number_is_scripted(vm, a->v[0], NAME(vm, __float__)) && !is_float(a->v[0]) && !is_int(a->v[0]))
    return rt_tail_builtin(vm, "_number_float", 2, (Value[]){rt_type_value(cls), a->v[0]});
  Value v = v_absent(a->v[0]) ? float_new(vm, 0.0) : float_from_object(vm, a->v[0]);
  return v_failed(v) || cls == &float_type ? v : float_of_type(vm, cls, v_float_value(v));
}

/* ---------------------------------------------------------------- rounding */

/* round(d, n): the decimal nearest to the exact value of d, half to even, read back as a double. */
Value float_round_digits(VM *vm, double d, int64_t n) {
  if (!isfinite(d) || n > 323) return float_new(vm, d); /* so many places change nothing */
  if (n < -308) return float_new(vm, copysign(0.0, d));
  char text[1200];
  int decpt;
  text[0] = '.';
  int count = dtoa_digits(d, 3, (int)n, text + 1, 1100, &decpt) + 1; /* value: 0.DIGITS * 10^decpt */
  text[count++] = 'e';
  if (decpt < 0) text[count++] = '-';
  int e = decpt < 0 ? -decpt : decpt;
  text[count++] = (char)('0' + e / 100);
  text[count++] = (char)('0' + e / 10 % 10);
  text[count++] = (char)('0' + e % 10);
  size_t used;
  double r = copysign(dtoa_parse(text, (size_t)count, &used), d);
  return isinf(r) ? rt_raise(vm, &exc_OverflowError, "rounded value too large to represent") : float_new(vm, r);
}

static Value round_m(VM *vm, Args *a) {
  double d = v_float_value(a->v[0]);
  if (v_absent(a->v[1]) || v_is_none(a->v[1])) {
    double r = round(d);
    if (fabs(d - r) == 0.5) r = 2.0 * round(d / 2.0);
    return int_from_double(vm, r);
  }
  Value n = rt_index_obj(vm, a->v[1]);
  if (v_failed(n)) return V_FAIL;
  int64_t digits;
  if (!int_to_i64(n, &digits)) digits = int_sign(n) < 0 ? INT64_MIN : INT64_MAX;
  return float_round_digits(vm, d, digits);
}

static Value trunc_m(VM *vm, Args *a) { return int_from_double(vm, v_float_value(a->v[0])); }
static Value floor_m(VM *vm, Args *a) { return int_from_double(vm, floor(v_float_value(a->v[0]))); }
static Value ceil_m(VM *vm, Args *a) { return int_from_double(vm, ceil(v_float_value(a->v[0]))); }

/* ---------------------------------------------------------------- exact forms */

static Value is_integer_m(VM *vm, Args *a) {
  (void)vm;
  double d = v_float_value(a->v[0]);
  return v_from_bool(isfinite(d) && floor(d) == d);
}

static Value ratio_m(VM *vm, Args *a) {
  double d = v_float_value(a->v[0]);
  if (isinf(d)) return rt_raise(vm, &exc_OverflowError, "cannot convert Infinity to integer ratio");
  if (isnan(d)) return rt_raise(vm, &exc_ValueError, "cannot convert NaN to integer ratio");
  int exp;
  double m = frexp(d, &exp);
  for (int i = 0; i < 300 && m != floor(m); i++) {
    m *= 2.0;
    exp--;
  }
  Value num = int_from_double(vm, m), den = v_from_int62(1);
  if (v_failed(num)) return V_FAIL;
  if (exp > 0) num = int_lshift(vm, num, (uint64_t)exp);
  else den = int_lshift(vm, den, (uint64_t)-exp);
  Tuple *t = v_failed(num) || v_failed(den) ? NULL : tuple_pair(vm, num, den);
  return t ? v_from_obj(t) : V_FAIL;
}

static Value hex_m(VM *vm, Args *a) {
  static const char hex[] = "0123456789abcdef";
  double d = v_float_value(a->v[0]);
  if (!isfinite(d)) return float_repr_str(vm, d);
  char out[40];
  int n = 0, exp = 0;
  if (signbit(d)) out[n++] = '-';
  out[n++] = '0';
  out[n++] = 'x';
  if (d == 0.0) {
    memcpy(out + n, "0.0p+0", 6);
    return v_from_str(str_new(vm, out, (size_t)n + 6));
  }
  double m = frexp(fabs(d), &exp);
  int shift = 1 - (DBL_MIN_EXP - exp > 0 ? DBL_MIN_EXP - exp : 0);
  m = ldexp(m, shift);
  exp -= shift;
  out[n++] = hex[(int)m];
  m -= (int)m;
  out[n++] = '.';
  for (int i = 0; i < 13; i++) {
    m *= 16.0;
    out[n++] = hex[(int)m];
    m -= (int)m;
  }
  out[n++] = 'p';
  out[n++] = exp < 0 ? '-' : '+';
  if (exp < 0) exp = -exp;
  if (exp >= 1000) out[n++] = (char)('0' + exp / 1000);
  if (exp >= 100) out[n++] = (char)('0' + exp / 100 % 10);
  if (exp >= 10) out[n++] = (char)('0' + exp / 10 % 10);
  out[n++] = (char)('0' + exp % 10);
  return v_from_str(str_new(vm, out, (size_t)n));
}

static int hex_value(char c) { return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1; }

/* [sign] [0x] hexdigits [. hexdigits] [p [sign] digits]. 1: *out, 0: malformed, -1: too large. Rounds half to even. */
static int hex_scan(const char *s, size_t n, double *out) {
  size_t at = 0, used;
  bool neg = n && *s == '-', point = false, sticky = false, any = false;
  if (n && (*s == '-' || *s == '+')) at = 1;
  double special = float_scan(s + at, n - at, &used);
  if (used && used == n - at && !isfinite(special) && hex_value(s[at]) < 0) {
    *out = neg ? -special : special;
    return 1;
  }
  if (at < n && (s[at] | 32) == 'n') return 0;
  if (n - at >= 2 && s[at] == '0' && (s[at + 1] | 32) == 'x') at += 2;
  uint64_t m = 0;
  int64_t exp = 0;
  for (; at < n; at++) {
    int h = hex_value(s[at]);
    if (s[at] == '.' && !point) {
      point = true;
      continue;
    }
    if (h < 0) break;
    any = true;
    if (m >> 60) {
      sticky = sticky || h;
      if (!point) exp += 4;
    } else {
      m = m << 4 | (unsigned)h;
      if (point) exp -= 4;
    }
  }
  if (!any) return 0;
  if (at < n && (s[at] | 32) == 'p') {
    at++;
    bool neg_exp = at < n && s[at] == '-';
    if (at < n && (s[at] == '-' || s[at] == '+')) at++;
    if (at >= n || s[at] < '0' || s[at] > '9') return 0;
    int64_t e = 0;
    for (; at < n && s[at] >= '0' && s[at] <= '9'; at++)
      if (e < (int64_t)1 << 50) e = e * 10 + (s[at] - '0');
    exp += neg_exp ? -e : e;
  }
  if (at != n) return 0;
  *out = neg ? -0.0 : 0.0;
  if (m == 0) return 1;
  while (!(m >> 63)) {
    m <<= 1;
    exp--;
  }
  if (!int_scale_to_double(m | sticky, exp, out)) return -1;
  if (neg) *out = -*out;
  return 1;
}

static Value fromhex_m(VM *vm, Args *a) {
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "bad argument type for built-in operation");
  Str *text = v_str(a->v[1]);
  const char *s = text->data;
  size_t n = text->size;
  double d;
  number_trim(&s, &n);
  int r = hex_scan(s, n, &d);
  if (r == 0) return rt_raise(vm, &exc_ValueError, "invalid hexadecimal floating-point string");
  if (r < 0) return rt_raise(vm, &exc_OverflowError, "hexadecimal value too large to represent as a float");
  Value v = float_new(vm, d);
  if (v_failed(v) || v_same(a->v[0], rt_type_value(&float_type))) return v;
  return rt_tail_call(vm, a->v[0], 1, &v);
}

/* ---------------------------------------------------------------- other methods */

static Value plain(VM *vm, Value self) { return float_unary(vm, UN_FLOAT_, self); }
static Value plain_m(VM *vm, Args *a) { return plain(vm, a->v[0]); }

static Value newargs_m(VM *vm, Args *a) {
  Value v = plain(vm, a->v[0]);
  Tuple *t = v_failed(v) ? NULL : tuple_new(vm, &v, 1);
  return t ? v_from_obj(t) : V_FAIL;
}

static Value divmod_of(VM *vm, Value a, Value b) {
  double x, y;
  bool failed;
  if (!float_operand(vm, a, &x, &failed) || !float_operand(vm, b, &y, &failed)) return failed ? V_FAIL : V_NOTIMPL;
  return float_divmod(vm, x, y);
}
static Value divmod_m(VM *vm, Args *a) { return divmod_of(vm, a->v[0], a->v[1]); }
static Value rdivmod_m(VM *vm, Args *a) { return divmod_of(vm, a->v[1], a->v[0]); }

static Value getformat_m(VM *vm, Args *a) {
  const Str *kind = v_str(a->v[1]);
  if (!str_eq_c(kind, "double") && !str_eq_c(kind, "float")) return rt_raise(vm, &exc_ValueError, "__getformat__() argument 1 must be 'double' or 'float'");
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return v_from_str(str_from(vm, first ? "IEEE, little-endian" : "IEEE, big-endian"));
}

const tiny_def float_methods[] = {
    {"is_integer", is_integer_m, "(self, /)", "Is the number a whole one?"},
    {"as_integer_ratio", ratio_m, "(self, /)", "Pair of ints, in lowest terms and with a positive denominator, whose ratio is exactly the number."},
    {"conjugate", plain_m, "(self, /)", "The number itself."},
    {"hex", hex_m, "(self, /)", "The number in hexadecimal, exactly."},
    {"+fromhex", fromhex_m, "(type, string, /)", "The number that a hexadecimal text stands for."},
    {"__round__", round_m, "(self, ndigits=..., /)", "Rounded to an int, or to ndigits decimal places."},
    {"__trunc__", trunc_m, "(self, /)", "The integer part."},
    {"__floor__", floor_m, "(self, /)", "The largest int that is not greater."},
    {"__ceil__", ceil_m, "(self, /)", "The smallest int that is not less."},
    {"__getnewargs__", newargs_m, "(self, /)", NULL},
    {"__divmod__", divmod_m, "(self, value, /)", "Return divmod(self, value)."},
    {"__rdivmod__", rdivmod_m, "(self, value, /)", "Return divmod(value, self)."},
    {"+__getformat__", getformat_m, "(type, typestr: str, /)", "How doubles are stored."},
    {0},
};

static Value get_real(VM *vm, Value self) { return plain(vm, self); }
static Value get_imag(VM *vm, Value self) {
  (void)self;
  return float_new(vm, 0.0);
}
static const GetSet float_getset[] = {
    {"real", get_real, NULL, "the real part of a complex number"},
    {"imag", get_imag, NULL, "the imaginary part of a complex number"},
    {0},
};

const Type float_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "float",
    .base = &object_type,
    .layout = LAY_FLOAT,
    .flags = TYPE_BASE | TYPE_INIT_KEYWORDS | TYPE_BARRIER,
    .shape_id = TYPE_ID_float,
    .size = sizeof(Float),
    .doc = "A double-precision number, made from a number or from text.",
    .new_ = float_make,
    .new_sig = "(x=..., /)",
    .repr = float_repr,
    .hash = float_hash,
    .compare = float_compare,
    .truth = float_truth,
    .binary = float_binary_slot,
    .unary = float_unary,
    .format = format_float,
    .methods = float_methods,
    .getset = float_getset,
};
