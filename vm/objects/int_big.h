/* Magnitudes: arrays of libtommath digits, least first, and the arithmetic on them that the int type is made of.
 * Private to the int files. Nothing here knows signs or runs script code. */
#ifndef TINY_OBJECTS_INT_BIG_H
#define TINY_OBJECTS_INT_BIG_H
#include "vm/objects/int.h"
#include "vm/runtime.h"

typedef mp_digit Digit;
typedef private_mp_word Wide;     /* holds the product of two digits and some more */
#define BITS MP_DIGIT_BIT
#define MASK MP_MASK
#define SMALL_DIGITS (64 / MP_DIGIT_BIT + 1)

/* Any int value read as sign and magnitude, without copying a big one. Must not be moved: d may point at small. */
typedef struct IntView { const Digit *d; int n; bool neg; Digit small[SMALL_DIGITS]; } IntView;
void int_view(Value v, IntView *out);

/* Working memory: the inline room, or counted memory when that is too small. Every scratch_get is followed by one scratch_free. */
typedef struct Scratch { Digit room[96]; Digit *d; size_t n; } Scratch;
TINY_MUST_CHECK Digit *scratch_get(VM *vm, Scratch *s, size_t digits); /* NULL: MemoryError pending, nothing to free */
void scratch_free(VM *vm, Scratch *s);

TINY_MUST_CHECK BigInt *big_new(VM *vm, size_t digits);    /* positive, all digits zero */
Value big_value(BigInt *b);                                /* drops leading zeros; a small int when it fits. b may be garbage afterwards */
TINY_MUST_CHECK Value big_from_mag(VM *vm, const Digit *d, size_t n, bool neg);

int mag_clamp(const Digit *d, int n);                      /* n without leading zeros */
int mag_compare(const Digit *a, int na, const Digit *b, int nb); /* both clamped */
size_t mag_bits(const Digit *d, int n);
bool mag_u64(const Digit *d, int n, uint64_t *out);        /* false: does not fit */
Digit mag_add(Digit *r, const Digit *a, int na, const Digit *b, int nb); /* na >= nb; r has na digits, may be a; returns the carry */
Digit mag_sub(Digit *r, const Digit *a, int na, const Digit *b, int nb); /* na >= nb; r may be a; returns the borrow */
/* r has na+nb digits and overlaps neither. False: out of memory or a limit struck. */
TINY_MUST_CHECK bool mag_mul(VM *vm, Digit *r, const Digit *a, int na, const Digit *b, int nb);
Digit mag_mul_small(Digit *r, const Digit *a, int n, Digit m, Digit add); /* r may be a; returns the carry */
Digit mag_div_small(Digit *q, const Digit *a, int n, Digit d); /* q may be a; returns the remainder */
void mag_shl(Digit *r, const Digit *a, int n, int bits);   /* bits < BITS; r has n+1 digits, may be a */
void mag_shr(Digit *r, const Digit *a, int n, int bits);   /* bits < BITS; r has n digits, may be a */
/* Quotient (na-nb+1 digits, q may be NULL) and remainder (nb digits, r may be NULL). Clamped, na >= nb >= 1. */
TINY_MUST_CHECK bool mag_divrem(VM *vm, Digit *q, Digit *r, const Digit *a, int na, const Digit *b, int nb);
/* a (n+m digits) modulo the normalised b (top bit set), in place; quotient to q (m digits), its possible extra 1 is returned in *high. */
TINY_MUST_CHECK bool mag_div_normal(VM *vm, Digit *a, int m, const Digit *b, int n, Digit *q, Digit *high);
/* Refuses (MemoryError) when so many more bytes would pass the memory limit. */
TINY_MUST_CHECK bool big_room(VM *vm, double bytes);
/* The value's leading 64 bits as *top (top bit set), value = *top * 2^*exp roughly; the lowest bit is sticky. n > 0. */
uint64_t mag_top64(const Digit *d, int n, int64_t *exp);
#endif
