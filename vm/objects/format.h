/* The format mini-language (library reference, "Format Specification Mini-Language") for int, float, complex and str, and the pieces of
 * printf-style formatting that it shares. */
#ifndef TINY_OBJECTS_FORMAT_H
#define TINY_OBJECTS_FORMAT_H
#include "vm/objects/str.h"

/* format(v, spec) for each builtin number and str. v may be of a subclass. spec may be NULL or empty: as str(v). */
TINY_MUST_CHECK Value format_int(VM *vm, Value v, Str *spec);
TINY_MUST_CHECK Value format_float(VM *vm, Value v, Str *spec);
TINY_MUST_CHECK Value format_complex(VM *vm, Value v, Str *spec);
TINY_MUST_CHECK Value format_str(VM *vm, Value v, Str *spec);

/* printf-style conversions, written to out (no exception when out of memory: out->failed). Flags as in the % operator; width and precision -1: not given. */
enum { PF_LEFT = 1 /* - */, PF_SIGN = 2 /* + */, PF_SPACE = 4 /* blank */, PF_ALT = 8 /* # */, PF_ZERO = 16 /* 0 */ };
TINY_MUST_CHECK bool format_percent_int(VM *vm, Buf *out, Value v, char type, unsigned flags, int64_t width, int64_t prec);   /* type d i u o x X; v is_int() */
TINY_MUST_CHECK bool format_percent_float(VM *vm, Buf *out, double d, char type, unsigned flags, int64_t width, int64_t prec); /* type e E f F g G */
/* text (length code points) cut to prec code points and padded to width: %s %r %a %c. */
TINY_MUST_CHECK bool format_percent_str(VM *vm, Buf *out, const char *text, size_t size, unsigned flags, int64_t width, int64_t prec);

/* A double as CPython's PyOS_double_to_string: type r (repr), e f g E F G n %; appended. sign: always write '+'; alt: '#'; dot0: add ".0" to an integer look. */
TINY_MUST_CHECK bool format_double(VM *vm, Buf *out, double d, char type, int64_t prec, bool sign, bool alt, bool dot0);
#endif
