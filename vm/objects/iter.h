/* range, slice and the iterators of builtin sequences. */
#ifndef TINY_OBJECTS_ITER_H
#define TINY_OBJECTS_ITER_H
#include "vm/gc.h"
typedef struct Range { Obj head; Value start, stop, step, length; /* ints of any size */ } Range;
typedef struct RangeIter { Obj head; int64_t at, step; uint64_t left; } RangeIter; /* small ranges only: every item fits 62 bits */
typedef struct SeqIter { Obj head; Value seq; /* V_ABSENT: exhausted */ size_t at; } SeqIter; /* list_iter_type, tuple_iter_type, str_iter_type... */
typedef struct Slice { Obj head; Value start, stop, step; } Slice;
extern const Type range_iter_type, list_iter_type, tuple_iter_type, str_iter_type, dict_iter_type;
TINY_MUST_CHECK Value range_new(VM *vm, Value start, Value stop, Value step); /* ints; step 0: ValueError */
TINY_MUST_CHECK Value slice_new(VM *vm, Value start, Value stop, Value step);
/* slice.indices(length): false with an exception. [script] through __index__. */
bool slice_indices(VM *vm, Slice *s, int64_t length, int64_t *start, int64_t *stop, int64_t *step, int64_t *count);
TINY_MUST_CHECK Value seq_iter_new(VM *vm, const Type *type, Value seq);
#endif
