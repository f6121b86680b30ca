/* complex: pairs of doubles. */
#include "vm/objects/exception.h"
#include "vm/objects/format.h"
#include "vm/objects/int_ops.h"
#include "vm/base/dtoa.h"
#include "vm/type_ids.h"
#include <math.h>
#include <string.h>

typedef struct Pair { double re, im; } Pair;

static Value complex_of_type(VM *vm, const Type *cls, Pair p) {
  Complex *c = gc_new(vm, cls, sizeof(Complex));
  if (!c) return V_FAIL;
  c->re = p.re;
  c->im = p.im;
  return v_from_obj(c);
}

Value complex_new(VM *vm, double re, double im) { return complex_of_type(vm, &complex_type, (Pair){re, im}); }

static bool is_complex(Value v) { return v_has_layout(v, LAY_COMPLEX); }
static Pair pair_of(Value v) { return (Pair){((Complex *)v_obj(v))->re, ((Complex *)v_obj(v))->im}; }

/* ---------------------------------------------------------------- arithmetic */

static Pair pair_mul(Pair a, Pair b) { return (Pair){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }

/* Smith's method: dividing by the larger part first avoids overflow. False: b is 0. */
static bool pair_div(Pair a, Pair b, Pair *out) {
  double re = fabs(b.re), im = fabs(b.im);
  if (re >= im) {
    if (re == 0.0) return false;
    double ratio = b.im / b.re, den = b.re + b.im * ratio;
    *out = (Pair){(a.re + a.im * ratio) / den, (a.im - a.re * ratio) / den};
  } else if (im >= re) {
    double ratio = b.re / b.im, den = b.re * ratio + b.im;
    *out = (Pair){(a.re * ratio + a.im) / den, (a.im * ratio - a.re) / den};
  } else {
    *out = (Pair){NAN, NAN};
  }
  return true;
}

static bool power_int(Pair a, int n, Pair *out) {
  Pair r = {1.0, 0.0};
  for (int k = n < 0 ? -n : n; k > 0; k >>= 1) {
    if (k & 1) r = pair_mul(r, a);
    if (k > 1) a = pair_mul(a, a);
  }
  if (n >= 0) {
    *out = r;
    return true;
  }
  return pair_div((Pair){1.0, 0.0}, r, out);
}

static bool power_polar(Pair a, Pair b, Pair *out) {
  if (b.re == 0.0 && b.im == 0.0) {
    *out = (Pair){1.0, 0.0};
    return true;
  }
  if (a.re == 0.0 && a.im == 0.0) {
    *out = (Pair){0.0, 0.0};
    return b.im == 0.0 && !(b.re < 0.0);
  }
  double size = hypot(a.re, a.im), len = pow(size, b.re), at = atan2(a.im, a.re), phase = at * b.re;
  if (b.im != 0.0) {
    len /= exp(at * b.im);
    phase += b.im * log(size);
  }
  *out = (Pair){len * cos(phase), len * sin(phase)};
  return !isinf(phase); /* cos() has no answer: CPython takes its EDOM for that of a zero base */
}

static Value power(VM *vm, Pair a, Pair b) {
  Pair r;
  bool whole = b.im == 0.0 && b.re == floor(b.re) && fabs(b.re) <= 100.0; /* small whole exponents are multiplied out: more exact */
  if (!(whole ? power_int(a, (int)b.re, &r) : power_polar(a, b, &r))) return rt_raise(vm, &exc_ZeroDivisionError, "0.0 to a negative or complex power");
  if (isinf(r.re) || isinf(r.im)) return rt_raise(vm, &exc_OverflowError, "complex exponentiation");
  return complex_new(vm, r.re, r.im);
}

Value complex_power(VM *vm, double a_re, double a_im, double b_re, double b_im) { return power(vm, (Pair){a_re, a_im}, (Pair){b_re, b_im}); }

static bool operand(VM *vm, Value v, Pair *out, bool *failed) {
  *failed = false;
  if (is_complex(v)) {
    *out = pair_of(v);
    return true;
  }
  out->im = 0.0;
  return float_operand(vm, v, &out->re, failed);
}

static Value complex_binary(VM *vm, int op, Value x, Value y) {
  Pair a, b, r;
  bool failed;
  if (op > TINY_TRUEDIV && op != TINY_POW) return V_NOTIMPL;
  if (!operand(vm, x, &a, &failed) || !operand(vm, y, &b, &failed)) return failed ? V_FAIL : V_NOTIMPL;
  switch (op) {
    case TINY_ADD: return complex_new(vm, a.re + b.re, a.im + b.im);
    case TINY_SUB: return complex_new(vm, a.re - b.re, a.im - b.im);
    case TINY_MUL: r = pair_mul(a, b); break;
    case TINY_POW: return power(vm, a, b);
    default:
      if (!pair_div(a, b, &r)) return rt_raise(vm, &exc_ZeroDivisionError, "complex division by zero");
  }
  return complex_new(vm, r.re, r.im);
}

enum { NEGATIVE, POSITIVE };

static Value complex_unary(VM *vm, int op, Value v) {
  Pair a = pair_of(v);
  switch (op) {
    case NEGATIVE: return complex_new(vm, -a.re, -a.im);
    case POSITIVE: case UN_COMPLEX_: return v_is_exact(v, &complex_type) ? v : complex_new(vm, a.re, a.im);
    case UN_ABS_: {
      double d = hypot(a.re, a.im);
      return isinf(d) && isfinite(a.re) && isfinite(a.im) ? rt_raise(vm, &exc_OverflowError, "absolute value too large") : float_new(vm, d);
    }
    default: return V_NOTIMPL;
  }
}

static Value complex_compare(VM *vm, Value x, Value y, Compare op) {
  (void)vm;
  if (op != CO_EQ && op != CO_NE) return V_NOTIMPL;
  Value c = is_complex(x) ? x : y, other = is_complex(x) ? y : x;
  Pair a = pair_of(c);
  bool same;
  if (is_complex(other)) same = a.re == pair_of(other).re && a.im == pair_of(other).im;
  else if (is_float(other)) same = a.im == 0.0 && a.re == v_float_value(other);
  else if (is_int(other)) same = a.im == 0.0 && isfinite(a.re) && int_compare_double(other, a.re) == 0;
  else return V_NOTIMPL;
  return v_from_bool(same == (op == CO_EQ));
}

static bool complex_hash(VM *vm, Value self, int64_t *out) {
  Pair a = pair_of(self);
  int64_t re, im;
  Value box = self; /* nan parts hash by the object */
  if (isnan(a.re)) re = (int64_t)((uintptr_t)v_obj(box) >> 4);
  else re = double_hash(a.re);
  im = isnan(a.im) ? (int64_t)((uintptr_t)v_obj(box) >> 4) : double_hash(a.im);
  uint64_t h = (uint64_t)re + 1000003u * (uint64_t)im;
  *out = (int64_t)h == -1 ? -2 : (int64_t)h;
  (void)vm;
  return true;
}

static int complex_truth(VM *vm, Value self) {
  (void)vm;
  Pair a = pair_of(self);
  return a.re != 0.0 || a.im != 0.0;
}

/* ---------------------------------------------------------------- text */

static int put_part(double d, bool sign, char *out) { /* repr without ".0" */
  int n = 0;
  if (sign && !(signbit(d) && !isnan(d))) out[n++] = '+';
  n += dtoa_repr(d, out + n);
  if (n > 2 && out[n - 2] == '.' && out[n - 1] == '0') n -= 2;
  return n;
}

static Value complex_repr(VM *vm, Value self) {
  Pair a = pair_of(self);
  char out[80];
  int n = 0;
  bool alone = a.re == 0.0 && !signbit(a.re);
  if (!alone) {
    out[n++] = '(';
    n += put_part(a.re, false, out + n);
  }
  n += put_part(a.im, !alone, out + n);
  out[n++] = 'j';
  if (!alone) out[n++] = ')';
  return v_from_str(str_new(vm, out, (size_t)n));
}

static bool is_j(const char *s, const char *end) { return s < end && (*s == 'j' || *s == 'J'); }

/* x, yj, x+yj, j, +j..., perhaps in parentheses. Trimmed. */
static bool parse_text(const char *s, size_t n, Pair *out) {
  if (n == 0) return false;
  const char *end = s + n;
  size_t used;
  *out = (Pair){0.0, 0.0};
  if (*s == '(') {
    if (n < 2 || end[-1] != ')') return false;
    s++;
    n -= 2;
    number_trim(&s, &n);
    end = s + n;
  }
  if (s == end) return false;
  double z = float_scan(s, (size_t)(end - s), &used);
  if (used) {
    s += used;
    if (s < end && (*s == '+' || *s == '-')) {
      out->re = z;
      out->im = float_scan(s, (size_t)(end - s), &used);
      if (used == 0) {
        out->im = *s == '-' ? -1.0 : 1.0;
        used = 1;
      }
      s += used;
      if (!is_j(s, end)) return false;
      s++;
    } else if (is_j(s, end)) {
      out->im = z;
      s++;
    } else {
      out->re = z;
    }
  } else {
    out->im = 1.0;
    if (*s == '+' || *s == '-') out->im = *s++ == '-' ? -1.0 : 1.0;
    if (!is_j(s, end)) return false;
    s++;
  }
  return s == end;
}

/* The text with underscores between digits taken out (PEP 515); false: malformed. */
static bool clean_text(Str *text, Buf *out) {
  Buf raw;
  buf_init(&raw, out->mem);
  bool good = number_ascii(text, &raw);
  char prev = 0;
  for (size_t i = 0; good && i < raw.len; i++) {
    char c = raw.data[i];
    bool digit = c >= '0' && c <= '9';
    if (c == '_' ? prev < '0' || prev > '9' : prev == '_' && !digit) good = false;
    if (c != '_') buf_char(out, c);
    prev = c;
  }
  if (raw.failed) out->failed = true;
  buf_free(&raw);
  return good && prev != '_';
}

Value complex_parse(VM *vm, Value text) {
  Buf b;
  Pair p;
  buf_init(&b, rt_mem(vm));
  bool clean = clean_text(v_str(text), &b), good = clean && !b.failed; /* not clean: underscores where none may be */
  if (good) {
    const char *s = b.data;
    size_t n = b.len;
    number_trim(&s, &n);
    good = parse_text(s, n, &p);
  }
  bool failed = b.failed;
  buf_free(&b);
  if (failed) return rt_no_memory(vm);
  if (good) return complex_new(vm, p.re, p.im);
  return clean ? rt_raise(vm, &exc_ValueError, "complex() arg is a malformed string") : rt_raise(vm, &exc_ValueError, "could not convert string to complex: %R", text);
}

/* ---------------------------------------------------------------- complex(real, imag) */

/* V_ABSENT: v has no __complex__. [script] */
static Value special_complex(VM *vm, Value v) {
  if (is_complex(v) && v_is_exact(v, &complex_type)) return v;
  Str *name = NAME(vm, __complex__);
  Value fn = name ? rt_special(vm, v, name) : V_FAIL;
  if (v_failed(fn) || v_absent(fn)) return fn;
  Value r = rt_call(vm, fn, 0, NULL);
  if (v_failed(r) || is_complex(r)) return r;
  return rt_raise(vm, &exc_TypeError, "__complex__ returned non-complex (type %T)", r);
}

/* A real argument: float, int, __float__, __index__. [script] */
static bool real_part(VM *vm, Value v, const char *message, double *out) {
  bool failed;
  if (float_operand(vm, v, out, &failed) || failed) return !failed;
  for (int i = 0; i < 2; i++) {
    Str *name = i ? NAME(vm, __index__) : NAME(vm, __float__);
    Value fn = name && !is_str(v) ? rt_special(vm, v, name) : name ? V_ABSENT : V_FAIL;
    if (v_failed(fn)) return false;
    if (!v_absent(fn)) return rt_to_double(vm, v, out);
  }
  return rt_raise_b(vm, &exc_TypeError, message, v);
}

static Value complex_make(VM *vm, const Type *cls, Args *a) {
  Value re = a->v[0], im = a->v[1];
  if (!v_absent(re) && v_absent(im) && cls == &complex_type && v_is_exact(re, &complex_type)) return re;
  if (!v_absent(re) && is_str(re)) {
    if (!v_absent(im)) return rt_raise(vm, &exc_TypeError, "complex() can't take second arg if first is a string");
    Value v = complex_parse(vm, re);
    return v_failed(v) || cls == &complex_type ? v : complex_of_type(vm, cls, pair_of(v));
  }
  if (!v_absent(im) && is_str(im)) return rt_raise(vm, &exc_TypeError, "complex() second arg can't be a string");
  Pair x = {0.0, 0.0}, y = {0.0, 0.0};
  bool x_complex = false, y_complex = false;
  if (!v_absent(re)) {
    Value c = is_int(re) || is_float(re) ? V_ABSENT : special_complex(vm, re);
    if (v_failed(c)) return V_FAIL;
    x_complex = !v_absent(c);
    if (x_complex) x = pair_of(c);
    else if (!real_part(vm, re, "complex() first argument must be a string or a number, not '%T'", &x.re)) return V_FAIL;
  }
  if (!v_absent(im)) {
    y_complex = is_complex(im);
    if (y_complex) y = pair_of(im);
    else if (!real_part(vm, im, "complex() second argument must be a number, not '%T'", &y.re)) return V_FAIL;
  }
  /* real + imag * 1j, where either may be complex itself */
  if (y_complex) x.re -= y.im;
  if (v_absent(im)) y.re = x.im;
  else if (x_complex) y.re += x.im;
  return complex_of_type(vm, cls, (Pair){x.re, y.re});
}

/* ---------------------------------------------------------------- methods */

static Value conjugate_m(VM *vm, Args *a) {
  Pair p = pair_of(a->v[0]);
  return complex_new(vm, p.re, -p.im);
}

static Value newargs_m(VM *vm, Args *a) {
  Pair p = pair_of(a->v[0]);
  Value re = float_new(vm, p.re), im = v_failed(re) ? V_FAIL : float_new(vm, p.im);
  Tuple *t = v_failed(im) ? NULL : tuple_pair(vm, re, im);
  return t ? v_from_obj(t) : V_FAIL;
}

static Value complex_m(VM *vm, Args *a) { return complex_unary(vm, UN_COMPLEX_, a->v[0]); }

const tiny_def complex_methods[] = {
    {"__complex__", complex_m, "(self, /)", "Convert this value to exact type complex."},
    {"conjugate", conjugate_m, "(self, /)", "The complex conjugate."},
    {"__getnewargs__", newargs_m, "(self, /)", NULL},
    {0},
};

static Value get_real(VM *vm, Value self) { return float_new(vm, pair_of(self).re); }
static Value get_imag(VM *vm, Value self) { return float_new(vm, pair_of(self).im); }
static const GetSet getset[] = {
    {"real", get_real, NULL, "the real part of a complex number"},
    {"imag", get_imag, NULL, "the imaginary part of a complex number"},
    {0},
};

const Type complex_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "complex",
    .base = &object_type,
    .layout = LAY_COMPLEX,
    .flags = TYPE_BASE | TYPE_BARRIER,
    .shape_id = TYPE_ID_complex,
    .size = sizeof(Complex),
    .doc = "A complex number, made from a real and an imaginary part or from text.",
    .new_ = complex_make,
    .new_sig = "(real=..., imag=...)",
    .repr = complex_repr,
    .hash = complex_hash,
    .compare = complex_compare,
    .truth = complex_truth,
    .binary = complex_binary,
    .unary = complex_unary,
    .format = format_complex,
    .methods = complex_methods,
    .getset = getset,
};
