/* Module _struct: floats as bytes, which struct.tiny needs; ints are int.to_bytes there. */
#include <math.h>
#include <string.h>
#include "stdlib/stdlib.h"

static void turn(unsigned char *b, size_t n) {
  for (size_t i = 0; i < n / 2; i++) {
    unsigned char t = b[i];
    b[i] = b[n - 1 - i];
    b[n - 1 - i] = t;
  }
}
static bool host_is_little(void) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first == 1;
}

/* IEEE 754 binary16, ties to even. False: too large. */
static bool half_bits(double x, uint16_t *out) {
  uint16_t sign = signbit(x) ? 0x8000 : 0;
  x = fabs(x);
  if (isnan(x)) *out = (uint16_t)(sign | 0x7E00);
  else if (isinf(x)) *out = (uint16_t)(sign | 0x7C00);
  else if (x == 0) *out = sign;
  else {
    int e;
    (void)frexp(x, &e); /* x = m * 2^e, m in [0.5, 1) */
    if (e > 16) return false;
    int shift = e - 11 < -24 ? -24 : e - 11;
    double m = nearbyint(ldexp(x, -shift)); /* units of 2^shift */
    uint32_t bits = shift == -24 ? (uint32_t)m : ((uint32_t)(shift + 24) << 10) + (uint32_t)m;
    if (bits >= 0x7C00) return false;
    *out = (uint16_t)(sign | bits);
  }
  return true;
}
static double half_value(uint16_t h) {
  int e = h >> 10 & 31;
  double m = h & 0x3FF;
  double x = e == 31 ? (m != 0 ? (double)NAN : (double)INFINITY) : e ? ldexp(m + 1024, e - 25) : ldexp(m, -24);
  return h & 0x8000 ? -x : x;
}

static tiny_val pack_float(tiny_vm *vm, tiny_args *a) {
  double x;
  if (!tiny_to_float(vm, tiny_arg(a, 0), &x)) {
    tiny_clear_error(vm);
    return TINY_NONE;
  }
  int64_t size = tiny_arg_int(a, 1);
  unsigned char b[8];
  if (size == 8) memcpy(b, &x, 8);
  else if (size == 4) {
    float f = (float)x;
    if (isinf(f) && !isinf(x)) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "float too large to pack with f format");
    memcpy(b, &f, 4);
  } else {
    uint16_t h;
    if (!half_bits(x, &h)) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "float too large to pack with e format");
    memcpy(b, &h, 2);
  }
  if (tiny_arg_bool(a, 2) != host_is_little()) turn(b, (size_t)size);
  return tiny_bytes(vm, b, (size_t)size);
}

static tiny_val unpack_float(tiny_vm *vm, tiny_args *a) {
  size_t n;
  const void *data = tiny_to_bytes(vm, tiny_arg(a, 0), &n);
  unsigned char b[8];
  if (!data) return TINY_FAIL;
  if (n != 2 && n != 4 && n != 8) return tiny_raise(vm, TINY_VALUE_ERROR, "a float has 2, 4 or 8 bytes");
  memcpy(b, data, n);
  if (tiny_arg_bool(a, 1) != host_is_little()) turn(b, n);
  if (n == 8) {
    double x;
    memcpy(&x, b, 8);
    return tiny_float(vm, x);
  }
  if (n == 4) {
    float f;
    memcpy(&f, b, 4);
    return tiny_float(vm, (double)f);
  }
  uint16_t h;
  memcpy(&h, b, 2);
  return tiny_float(vm, half_value(h));
}

static const tiny_def functions[] = {{"pack_float", pack_float, "(x, size: int, little: bool)", NULL}, {"unpack_float", unpack_float, "(data, little: bool)", NULL}, {0}};
extern const tiny_module struct_module;
const tiny_module struct_module = {"_struct", functions, 0, "Floats as bytes."};
