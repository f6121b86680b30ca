/* What the number types' own files share: int's operations by name and its slots (bool repeats them). */
#ifndef TINY_OBJECTS_INT_OPS_H
#define TINY_OBJECTS_INT_OPS_H
#include "vm/objects/int.h"
#include "vm/objects/list.h"
#include "vm/native.h"
#include "vm/runtime.h"

TINY_MUST_CHECK Value int_mul(VM *vm, Value a, Value b);
TINY_MUST_CHECK Value int_negate(VM *vm, Value v);
TINY_MUST_CHECK Value int_lshift(VM *vm, Value a, uint64_t count);
TINY_MUST_CHECK Value int_rshift(VM *vm, Value a, uint64_t count);
TINY_MUST_CHECK Value int_pow(VM *vm, Value a, Value b);
TINY_MUST_CHECK bool int_floor_divmod(VM *vm, Value a, Value b, Value *quo, Value *rem);
bool int_scale_to_double(uint64_t m, int64_t e, double *out);

/* Appends sign and digits to out. limited: the limit on decimal digits holds. False: exception pending. */
TINY_MUST_CHECK bool int_put_text(VM *vm, Value v, int base, bool limited, Buf *out);
bool number_ascii(Str *s, Buf *out);              /* other decimal digits and white space become ASCII; appended. False: out of memory (none pending) */
void number_trim(const char **s, size_t *n);      /* cuts off white space */

/* Is v of a script's class and converts itself by that method (or by any, when it is no number)? Then the constructors go through stdlib/frozen/_number.tiny. */
bool number_is_scripted(VM *vm, Value v, Str *method);

/* slots */
Value int_binary_slot(VM *vm, int op, Value a, Value b);
Value int_unary(VM *vm, int op, Value a);
Value int_compare_slot(VM *vm, Value a, Value b, Compare op);
bool int_hash_slot(VM *vm, Value self, int64_t *out);
int int_truth(VM *vm, Value self);
Value int_repr(VM *vm, Value self);
extern const tiny_def int_methods[], float_methods[], complex_methods[];
extern const GetSet int_getset[];
Value float_round_digits(VM *vm, double d, int64_t ndigits); /* round(d, ndigits) */
/* The operands of a float operator: false when one is neither float nor int (*failed false), or an int too large (*failed, OverflowError). */
bool float_operand(VM *vm, Value v, double *out, bool *failed);

double float_scan(const char *s, size_t n, size_t *used);   /* sign, digits, inf, nan at the start of s; *used 0: none */
TINY_MUST_CHECK Value float_of_type(VM *vm, const Type *cls, double d);
TINY_MUST_CHECK Value float_from_object(VM *vm, Value v);   /* float(v) [script] */
TINY_MUST_CHECK Value complex_power(VM *vm, double a_re, double a_im, double b_re, double b_im);
Value float_repr(VM *vm, Value self);
bool float_hash(VM *vm, Value self, int64_t *out);
Value float_compare(VM *vm, Value a, Value b, Compare op);
int float_truth(VM *vm, Value self);
Value float_binary_slot(VM *vm, int op, Value a, Value b);
Value float_unary(VM *vm, int op, Value a);

static inline bool compare_result(int c, Compare op) { /* c: -1 0 1 */
  switch (op) {
    case CO_LT: return c < 0;
    case CO_LE: return c <= 0;
    case CO_EQ: return c == 0;
    case CO_NE: return c != 0;
    case CO_GT: return c > 0;
    default: return c >= 0;
  }
}
#endif
