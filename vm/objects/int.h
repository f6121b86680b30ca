/* int beyond 62 bits (libtommath's numbers, stored in our own memory), bool, float, complex: helpers shared by the types and the dispatch loop. */
#ifndef TINY_OBJECTS_INT_H
#define TINY_OBJECTS_INT_H
#include "vm/gc.h"
#ifndef MP_NO_FILE
#define MP_NO_FILE
#endif
#include <tommath.h>
typedef struct BigInt { Obj head; int32_t used; int32_t negative; mp_digit digits[]; } BigInt; /* magnitude, digits of libtommath (MP_DIGIT_BIT bits each), least first; an int subclass may hold a small one, 0 with used == 0 */
typedef struct Float { Obj head; double d; } Float;
typedef struct Complex { Obj head; double re, im; } Complex;

TINY_MUST_CHECK Value int_from_i64(VM *vm, int64_t i);
TINY_MUST_CHECK Value int_from_u64(VM *vm, uint64_t i);
TINY_MUST_CHECK Value int_from_double(VM *vm, double d);                  /* truncates; OverflowError, ValueError for inf, nan */
TINY_MUST_CHECK Value int_from_text(VM *vm, const char *digits, size_t n, int base); /* plain digits of the base, no sign, no underscores; not bound by the 4300 limit */
TINY_MUST_CHECK Value float_new(VM *vm, double d);                        /* inline when it can */
TINY_MUST_CHECK Value complex_new(VM *vm, double re, double im);
TINY_MUST_CHECK Value int_binary(VM *vm, int op, Value a, Value b);       /* both is_int(); any sizes */
TINY_MUST_CHECK Value float_binary(VM *vm, int op, double a, double b);
bool int_to_i64(Value v, int64_t *out);                                   /* false: does not fit (no exception). is_int() values */
bool int_to_double(VM *vm, Value v, double *out);                         /* correctly rounded; OverflowError "int too large to convert to float" */
int int_sign(Value v);                                                    /* -1 0 1 */
int int_compare(Value a, Value b);                                        /* is_int() values */
int int_compare_double(Value i, double d);                                /* exact; d finite; -1 0 1 */
bool int_hash(Value v, int64_t *out);                                     /* CPython's: mod 2^61-1 */
int64_t double_hash(double d);                                            /* of inf and finite; nan: the caller's */
TINY_MUST_CHECK Value int_to_str(VM *vm, Value v, int base);              /* digits, sign, no prefix; base 10 obeys the 4300 digit limit */
TINY_MUST_CHECK Value int_plain(VM *vm, Value v);                         /* an int of exact type from bool, subclass */
TINY_MUST_CHECK Value int_pow_mod(VM *vm, Value a, Value b, Value m);
size_t int_bit_length(Value v);
TINY_MUST_CHECK Value int_divmod(VM *vm, Value a, Value b);               /* tuple (a // b, a % b); is_int() values */
TINY_MUST_CHECK Value float_divmod(VM *vm, double a, double b);           /* the same for floats */
TINY_MUST_CHECK Value int_from_bytes(VM *vm, const unsigned char *data, size_t n, bool little, bool is_signed);
/* Two's complement into out[0..n). 0: done, 1: does not fit, 2: negative but not signed (no exception set). */
int int_to_bytes(Value v, unsigned char *out, size_t n, bool little, bool is_signed);
TINY_MUST_CHECK Value int_subclass_new(VM *vm, const Type *cls, Value v); /* an instance of an int subclass with v's value */
static inline double v_float_value(Value v) { return v_is_double(v) ? v_double(v) : ((Float *)v_obj(v))->d; } /* is_float() values */
/* Text of an int literal or of int(str): sign, prefix, underscores, whitespace; base 0 or 2..36. V_FAIL with ValueError, message as CPython. */
TINY_MUST_CHECK Value int_parse(VM *vm, Value text, int base);
TINY_MUST_CHECK Value float_parse(VM *vm, Value text);
TINY_MUST_CHECK Value complex_parse(VM *vm, Value text);
/* int(v) of any object: __int__, __index__, __trunc__, text, bytes. [script] */
TINY_MUST_CHECK Value int_from_object(VM *vm, Value v);
TINY_MUST_CHECK Value float_repr_str(VM *vm, double d);
#endif
