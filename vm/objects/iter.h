/* range, slice and the iterators of builtin sequences. */
#ifndef TINY_OBJECTS_ITER_H
#define TINY_OBJECTS_ITER_H
#include "vm/gc.h"
typedef struct Range { Obj head; Value start, stop, step, length; /* ints of any size */ } Range;
typedef struct RangeIter { Obj head; int64_t at, step; uint64_t left, total; } RangeIter; /* small ranges only: every item fits 62 bits */
typedef struct SeqIter { Obj head; Value seq; /* V_ABSENT: exhausted */ size_t at; } SeqIter; /* list_iter_type, tuple_iter_type, str_iter_type... */
typedef struct Slice { Obj head; Value start, stop, step; } Slice;
/* LAY_SHELL: an iterator of a builtin type (map, zip...) whose items need script code lets a generator of stdlib/frozen/_iter.tiny make them, its engine. Where every
   item can be had in C there is none (V_ABSENT) and the type's `next` does it. The dispatch loop puts the engine in the shell's place in a FOR. */
typedef struct Shell { Obj head; Value engine; } Shell;
static inline Value shell_engine(Value v) { return v_has_layout(v, LAY_SHELL) && is_gen(((Shell *)v_obj(v))->engine) ? ((Shell *)v_obj(v))->engine : V_ABSENT; }
int shell_next(VM *vm, Value self, Value *item); /* `next` of a shell with an engine [script]: a nested run */
void shell_trace(Tracer *t, Obj *o);
TINY_MUST_CHECK Value shell_new(VM *vm, const Type *cls, Value engine);
extern const Type range_iter_type, list_iter_type, tuple_iter_type, str_iter_type, str_ascii_iter_type, dict_iter_type;
TINY_MUST_CHECK Value range_new(VM *vm, Value start, Value stop, Value step); /* ints; step 0: ValueError */
TINY_MUST_CHECK Value slice_new(VM *vm, Value start, Value stop, Value step);
/* slice.indices(length): false with an exception. [script] through __index__. */
bool slice_indices(VM *vm, Slice *s, int64_t length, int64_t *start, int64_t *stop, int64_t *step, int64_t *count);
/* The two halves of slice_indices: reading the fields [script], then fitting them to a length (count is returned). */
bool slice_unpack(VM *vm, Slice *s, int64_t *start, int64_t *stop, int64_t *step);
int64_t slice_adjust(int64_t length, int64_t *start, int64_t *stop, int64_t step);
/* slice.indices(length) for a length (an int) and fields of any size: start, stop, step. [script] */
bool slice_indices_any(VM *vm, Slice *s, Value length, Value out[3]);
bool range_is_small(const Range *r, int64_t *start, int64_t *step, uint64_t *length); /* every item fits 62 bits */
/* iter(f, sentinel); iter(o) of an object that has only __getitem__; reversed(o) of one with __len__ and __getitem__. */
TINY_MUST_CHECK Value iter_callable_new(VM *vm, Value f, Value sentinel);
TINY_MUST_CHECK Value iter_getitem_new(VM *vm, Value obj);
TINY_MUST_CHECK Value iter_self(VM *vm, Value self);
extern const Type long_range_iter_type, list_reverse_iter_type, set_iter_type, callable_iter_type, seq_iter_type, enumerate_type, zip_type, map_type, filter_type,
    reversed_type, mappingproxy_type, itertools_accumulate_type, itertools_chain_type, itertools_combinations_type, itertools_combinations_with_replacement_type,
    itertools_compress_type, itertools_count_type, itertools_cycle_type, itertools_dropwhile_type, itertools_filterfalse_type, itertools_islice_type, itertools_pairwise_type,
    itertools_permutations_type, itertools_product_type, itertools_repeat_type, itertools_starmap_type, itertools_takewhile_type, itertools_zip_longest_type;
bool iter_gives_hint(VM *vm, Value x);           /* a script's object with __len__ or __length_hint__, which a list asks before it takes the items */
extern const tiny_def iter_forward_methods[]; /* __length_hint__, __reduce__, __setstate__ of a SeqIter (iter_state.c) */
TINY_MUST_CHECK Value seq_iter_new(VM *vm, const Type *type, Value seq);
#endif
