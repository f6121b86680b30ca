/* Module cmath: functions of complex numbers. Numbers of moderate size by the formulas of W. Kahan ("Branch cuts for complex elementary functions", 1987); the rest, zeros,
 * infinities and NaNs among them, by the C library (C11, annex G). */
#include <complex.h>
#include <errno.h>
#include <math.h>
#undef I /* a name of ours elsewhere */
#ifndef CMPLX /* clang with the C library's header */
#define CMPLX(re, im) __builtin_complex(re, im)
#endif
#include "vm/objects/str_build.h"

typedef double complex Z;

static Z make(double re, double im) { return CMPLX(re, im); }

/* Argument i: complex, float, int, __complex__, __float__, __index__. [script] */
static bool number(VM *vm, Args *a, int i, Z *z) {
  Value v = a->v[i];
  double d;
  if (!v_has_layout(v, LAY_COMPLEX)) {
    Value method = rt_special(vm, v, NAME(vm, __complex__));
    if (v_failed(method)) return false;
    if (v_absent(method)) {
      if (!rt_to_double(vm, v, &d)) return false;
      *z = make(d, 0);
      return true;
    }
    v = rt_call(vm, method, 0, NULL);
    if (v_failed(v)) return false;
    if (!v_has_layout(v, LAY_COMPLEX)) return rt_raise_b(vm, &exc_TypeError, "__complex__() returned non-complex (type %T)", v);
  }
  const Complex *c = (const Complex *)v_obj(v);
  *z = make(c->re, c->im);
  return true;
}

static bool finite_z(Z z) { return isfinite(creal(z)) && isfinite(cimag(z)); }
/* poles: an infinity out of finite numbers is the fault of the argument, not of the range. */
static Value result(VM *vm, Z from, Z z, bool poles) {
  if (finite_z(from) && !finite_z(z)) {
    if (poles || isnan(creal(z)) || isnan(cimag(z))) return rt_raise(vm, &exc_ValueError, "math domain error");
    return rt_raise(vm, &exc_OverflowError, "math range error");
  }
  return complex_new(vm, creal(z), cimag(z));
}

/* ---- formulas for what is neither huge nor special ---- */

static bool moderate(Z z) {
  double x = fabs(creal(z)), y = fabs(cimag(z));
  return x < 1e150 && y < 1e150 && (x > 1e-150 || x == 0) && (y > 1e-150 || y == 0);
}
static bool small_exponent(double x) { return fabs(x) < 700; }

static Z z_sqrt(Z z) {
  double x = creal(z), y = cimag(z), ax = fabs(x) / 8, ay = fabs(y);
  if (!moderate(z) || (x == 0 && y == 0)) return csqrt(z);
  double s = 2 * sqrt(ax + hypot(ax, ay / 8)), d = ay / (2 * s);
  return x >= 0 ? make(s, copysign(d, y)) : make(d, copysign(s, y));
}
static Z z_acos(Z z) {
  if (!moderate(z)) return cacos(z);
  Z a = z_sqrt(make(1 - creal(z), -cimag(z))), b = z_sqrt(make(1 + creal(z), cimag(z)));
  return make(2 * atan2(creal(a), creal(b)), asinh(creal(b) * cimag(a) - cimag(b) * creal(a)));
}
static Z z_acosh(Z z) {
  if (!moderate(z)) return cacosh(z);
  Z a = z_sqrt(make(creal(z) - 1, cimag(z))), b = z_sqrt(make(creal(z) + 1, cimag(z)));
  return make(asinh(creal(a) * creal(b) + cimag(a) * cimag(b)), 2 * atan2(cimag(a), creal(b)));
}
static Z z_asinh(Z z) {
  if (!moderate(z)) return casinh(z);
  Z a = z_sqrt(make(1 + cimag(z), -creal(z))), b = z_sqrt(make(1 - cimag(z), creal(z)));
  return make(asinh(creal(a) * cimag(b) - creal(b) * cimag(a)), atan2(cimag(z), creal(a) * creal(b) - cimag(a) * cimag(b)));
}
static Z z_asin(Z z) {
  Z r = z_asinh(make(-cimag(z), creal(z)));
  return make(cimag(r), -creal(r));
}
static Z z_atanh(Z z) {
  double x = creal(z), y = cimag(z);
  if (!moderate(z) || (fabs(x) == 1 && fabs(y) < 1e-100)) return catanh(z);
  if (x < 0 || (x == 0 && signbit(x))) {
    Z r = z_atanh(make(-x, -y));
    return make(-creal(r), -cimag(r));
  }
  return make(log1p(4 * x / ((1 - x) * (1 - x) + y * y)) / 4, -atan2(-2 * y, (1 - x) * (1 + x) - y * y) / 2);
}
static Z z_atan(Z z) {
  Z r = z_atanh(make(-cimag(z), creal(z)));
  return make(cimag(r), -creal(r));
}
static Z z_cosh(Z z) {
  double x = creal(z), y = cimag(z);
  return finite_z(z) && small_exponent(x) ? make(cos(y) * cosh(x), sin(y) * sinh(x)) : ccosh(z);
}
static Z z_sinh(Z z) {
  double x = creal(z), y = cimag(z);
  return finite_z(z) && small_exponent(x) ? make(cos(y) * sinh(x), sin(y) * cosh(x)) : csinh(z);
}
static Z z_cos(Z z) { return z_cosh(make(-cimag(z), creal(z))); }
static Z z_sin(Z z) {
  Z r = z_sinh(make(-cimag(z), creal(z)));
  return make(cimag(r), -creal(r));
}
static Z z_exp(Z z) {
  double x = creal(z), y = cimag(z);
  return finite_z(z) && small_exponent(x) ? make(exp(x) * cos(y), exp(x) * sin(y)) : cexp(z);
}
static Z z_tanh(Z z) {
  double x = creal(z), y = cimag(z);
  if (!finite_z(z) || fabs(x) > 300) return ctanh(z);
  double tx = tanh(x), ty = tan(y), cx = 1 / cosh(x), both = tx * ty, below = 1 + both * both;
  return make(tx * (1 + ty * ty) / below, ty / below * cx * cx);
}
static Z z_tan(Z z) {
  Z r = z_tanh(make(-cimag(z), creal(z)));
  return make(cimag(r), -creal(r));
}

#define FUNCTION(name, call, poles)                     \
  static Value c_##name(VM *vm, Args *a) {              \
    Z z;                                                \
    return number(vm, a, 0, &z) ? result(vm, z, call(z), poles) : V_FAIL; \
  }
FUNCTION(acos, z_acos, false) FUNCTION(acosh, z_acosh, false) FUNCTION(asin, z_asin, false) FUNCTION(asinh, z_asinh, false) FUNCTION(atan, z_atan, true)
FUNCTION(atanh, z_atanh, true) FUNCTION(sqrt, z_sqrt, false)

/* The functions of an angle (the imaginary part; of cos, sin and tan the real one) have no value at an infinite one. */
#define ANGLE_FUNCTION(name, call, angle, other, defined)  \
  static Value c_##name(VM *vm, Args *a) {                 \
    Z z;                                                   \
    if (!number(vm, a, 0, &z)) return V_FAIL;              \
    double o = other(z);                                   \
    if (isinf(angle(z)) && !isnan(o) && !(defined)) return rt_raise(vm, &exc_ValueError, "math domain error"); \
    return result(vm, z, call(z), false);                  \
  }
ANGLE_FUNCTION(cosh, z_cosh, cimag, creal, false) ANGLE_FUNCTION(sinh, z_sinh, cimag, creal, false) ANGLE_FUNCTION(tanh, z_tanh, cimag, creal, isinf(o))
ANGLE_FUNCTION(exp, z_exp, cimag, creal, isinf(o) && o < 0) ANGLE_FUNCTION(cos, z_cos, creal, cimag, false) ANGLE_FUNCTION(sin, z_sin, creal, cimag, false)
ANGLE_FUNCTION(tan, z_tan, creal, cimag, isinf(o))

/* The logarithm; near a modulus of 1 by log1p, which keeps its digits. */
static Z logarithm(Z z) {
  double x = fabs(creal(z)), y = fabs(cimag(z)), h = hypot(x, y);
  if (isfinite(h) && h > 0.71 && h < 1.73) {
    double big = x > y ? x : y, small = x > y ? y : x;
    return make(log1p((big - 1) * (big + 1) + small * small) / 2, atan2(cimag(z), creal(z)));
  }
  return clog(z);
}
static Value c_log(VM *vm, Args *a) {
  Z z, base;
  if (!number(vm, a, 0, &z)) return V_FAIL;
  if (finite_z(z) && creal(z) == 0 && cimag(z) == 0) return rt_raise(vm, &exc_ValueError, "math domain error");
  Z r = logarithm(z);
  if (v_absent(a->v[1])) return result(vm, z, r, true);
  if (!number(vm, a, 1, &base)) return V_FAIL;
  Z low = logarithm(base);
  if (creal(low) == 0 && cimag(low) == 0) return rt_raise(vm, &exc_ValueError, "math domain error");
  Value top = complex_new(vm, creal(r), cimag(r)), bottom = complex_new(vm, creal(low), cimag(low));
  return v_failed(top) || v_failed(bottom) ? V_FAIL : rt_binary(vm, TINY_TRUEDIV, top, bottom);
}
static Value c_log10(VM *vm, Args *a) {
  Z z;
  if (!number(vm, a, 0, &z)) return V_FAIL;
  if (finite_z(z) && creal(z) == 0 && cimag(z) == 0) return rt_raise(vm, &exc_ValueError, "math domain error");
  Z r = logarithm(z);
  return complex_new(vm, creal(r) / M_LN10, cimag(r) / M_LN10);
}

static Value c_phase(VM *vm, Args *a) {
  Z z;
  return number(vm, a, 0, &z) ? float_new(vm, atan2(cimag(z), creal(z))) : V_FAIL;
}
static Value c_polar(VM *vm, Args *a) {
  Z z;
  if (!number(vm, a, 0, &z)) return V_FAIL;
  double r = hypot(creal(z), cimag(z));
  if (isinf(r) && finite_z(z)) return rt_raise(vm, &exc_OverflowError, "math range error");
  Value parts[2] = {float_new(vm, r), float_new(vm, atan2(cimag(z), creal(z)))};
  Tuple *t = v_failed(parts[0]) || v_failed(parts[1]) ? NULL : tuple_new(vm, parts, 2);
  return t ? v_from_obj(t) : V_FAIL;
}
static Value c_rect(VM *vm, Args *a) {
  double r, phi;
  if (!rt_to_double(vm, a->v[0], &r) || !rt_to_double(vm, a->v[1], &phi)) return V_FAIL;
  if (isinf(phi) && r != 0 && !isnan(r)) return rt_raise(vm, &exc_ValueError, "math domain error");
  if (r == 0) return complex_new(vm, r, isfinite(phi) ? r * sin(phi) : 0);
  if (phi == 0) return complex_new(vm, r, r * phi);
  if (isinf(r) && isfinite(phi)) return complex_new(vm, copysign(INFINITY, cos(phi)) * copysign(1, r), copysign(INFINITY, sin(phi)) * copysign(1, r));
  return complex_new(vm, r * cos(phi), r * sin(phi));
}

static Value c_isfinite(VM *vm, Args *a) {
  Z z;
  return number(vm, a, 0, &z) ? v_from_bool(finite_z(z)) : V_FAIL;
}
static Value c_isinf(VM *vm, Args *a) {
  Z z;
  return number(vm, a, 0, &z) ? v_from_bool(isinf(creal(z)) || isinf(cimag(z))) : V_FAIL;
}
static Value c_isnan(VM *vm, Args *a) {
  Z z;
  return number(vm, a, 0, &z) ? v_from_bool(isnan(creal(z)) || isnan(cimag(z))) : V_FAIL;
}
static Value c_isclose(VM *vm, Args *a) {
  Z x, y;
  double rel, abs;
  if (!number(vm, a, 0, &x) || !number(vm, a, 1, &y) || !rt_to_double(vm, a->v[2], &rel) || !rt_to_double(vm, a->v[3], &abs)) return V_FAIL;
  if (rel < 0 || abs < 0) return rt_raise(vm, &exc_ValueError, "tolerances must be non-negative");
  if (creal(x) == creal(y) && cimag(x) == cimag(y)) return V_TRUE;
  if (isinf(creal(x)) || isinf(cimag(x)) || isinf(creal(y)) || isinf(cimag(y))) return V_FALSE;
  double d = cabs(x - y);
  return v_from_bool(d <= rel * cabs(y) || d <= rel * cabs(x) || d <= abs);
}

#define ONE(name, doc) {#name, c_##name, "(z, /)", doc}
static const tiny_def functions[] = {
  ONE(acos, "Return the arc cosine of z."), ONE(acosh, "Return the inverse hyperbolic cosine of z."), ONE(asin, "Return the arc sine of z."),
  ONE(asinh, "Return the inverse hyperbolic sine of z."), ONE(atan, "Return the arc tangent of z."), ONE(atanh, "Return the inverse hyperbolic tangent of z."),
  ONE(cos, "Return the cosine of z."), ONE(cosh, "Return the hyperbolic cosine of z."), ONE(exp, "Return the exponential value e**z."),
  ONE(sin, "Return the sine of z."), ONE(sinh, "Return the hyperbolic sine of z."), ONE(sqrt, "Return the square root of z."), ONE(tan, "Return the tangent of z."),
  ONE(tanh, "Return the hyperbolic tangent of z."), ONE(log10, "Return the base-10 logarithm of z."), ONE(phase, "Return argument, also known as the phase angle, of a complex."),
  ONE(polar, "Convert a complex from rectangular coordinates to polar coordinates."), ONE(isfinite, "Return True if both the real and imaginary parts of z are finite, else False."),
  ONE(isinf, "Checks if the real or imaginary part of z is infinite."), ONE(isnan, "Checks if the real or imaginary part of z not a number (NaN)."),
  {"log", c_log, "(z, base=..., /)", "log(z[, base]) -> the logarithm of z to the given base."},
  {"rect", c_rect, "(r, phi, /)", "Convert from polar coordinates to rectangular coordinates."},
  {"isclose", c_isclose, "(a, b, *, rel_tol=0.000000001, abs_tol=0.0)", "Determine whether two complex numbers are close in value."},
  {0}};
static bool init(tiny_vm *vm, tiny_val m) {
  return tiny_setattr(vm, m, "pi", tiny_float(vm, M_PI)) && tiny_setattr(vm, m, "e", tiny_float(vm, M_E)) && tiny_setattr(vm, m, "tau", tiny_float(vm, 2 * M_PI)) &&
    tiny_setattr(vm, m, "inf", tiny_float(vm, INFINITY)) && tiny_setattr(vm, m, "nan", tiny_float(vm, NAN)) && tiny_setattr(vm, m, "infj", complex_new(vm, 0, INFINITY)) &&
    tiny_setattr(vm, m, "nanj", complex_new(vm, 0, NAN));
}
extern const tiny_module cmath_module;
const tiny_module cmath_module = {.name = "cmath", .functions = functions, .init = init, .doc = "Mathematical functions for complex numbers."};
