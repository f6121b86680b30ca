/* double <-> text, correctly rounded, independent of the locale. Knows nothing of the language. */
#ifndef TINY_BASE_DTOA_H
#define TINY_BASE_DTOA_H
#include "vm/base/mem.h"

/* Reads [digits][.digits][e[+-]digits] (no sign, underscores, inf or nan); *used = bytes read, 0 if none. Correctly rounded; overflow gives HUGE_VAL. */
double dtoa_parse(const char *s, size_t n, size_t *used);

/* Decimal digits of |d| (finite): mode 0: shortest that reads back; mode 2: exactly ndigits significant; mode 3: ndigits after the point (may be
   negative). No trailing zeros. Writes up to cap digits (no NUL), returns their count; value = 0.DIGITS * 10^*decpt. digits of 0.0: "0", decpt 1.
   cap must be >= 800+ for modes 2/3 with large ndigits (a double has at most 767 significant digits; ndigits beyond are zeros and not written). */
int dtoa_digits(double d, int mode, int ndigits, char *digits, int cap, int *decpt);

/* repr() of a float, as CPython: "1.0", "1e+16", "inf", "nan". Returns length; out holds >= 32 bytes. */
int dtoa_repr(double d, char *out);
#endif
