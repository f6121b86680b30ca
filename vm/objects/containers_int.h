/* What the containers (list, tuple, dict, set, their iterators) share: equality and hashes that need no script code, iteration in C,
 * reading of indices. Private to vm/objects. */
#ifndef TINY_OBJECTS_CONTAINERS_INT_H
#define TINY_OBJECTS_CONTAINERS_INT_H
#include "vm/attr.h"
#include "vm/objects/class.h"
#include "vm/objects/dict.h"
#include "vm/objects/exception.h"
#include "vm/objects/int.h"
#include "vm/objects/iter.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"
#include "vm/type_ids.h"

#define MAX_ITEMS ((size_t)PTRDIFF_MAX / sizeof(Value))
#define HASH_MODULUS (((int64_t)1 << 61) - 1)

/* Equality that can be told without script code and without looking deep: 1 equal, 0 not, -1 ask rt_eq. */
static inline int eq_quick(Value a, Value b) {
  if (v_same(a, b)) return 1;
  if (v_both_int(a, b)) return 0;
  if (v_is_exact(a, &str_type) && v_is_exact(b, &str_type)) {
    const Str *s = v_str(a), *t = v_str(b);
    if (s->head.small & t->head.small & STR_INTERNED) return 0;
    return s->size == t->size && memcmp(s->data, t->data, s->size) == 0;
  }
  return -1;
}
/* As rt_eq [script], quick cases inline. */
static inline bool eq_values(VM *vm, Value a, Value b, bool *out) {
  int quick = eq_quick(a, b);
  if (quick < 0) return rt_eq(vm, a, b, out);
  *out = quick != 0;
  return true;
}
/* As rt_hash [script], quick cases inline. Ints hash modulo 2^61-1, -1 becomes -2. */
static inline bool hash_value(VM *vm, Value v, int64_t *out) {
  if (v_is_int(v)) {
    int64_t i = v_int(v);
    if (i > -HASH_MODULUS && i < HASH_MODULUS) {
      *out = i == -1 ? -2 : i;
      return true;
    }
  } else if (v_is_exact(v, &str_type)) {
    Str *s = v_str(v);
    *out = s->head.small & STR_HASHED ? s->hash : str_hash(vm, s);
    return true;
  }
  return rt_hash(vm, v, out);
}
/* Neither hashing nor comparing this value with one like it runs script code. */
static inline bool is_plain_key(Value v) {
  if (!v_is_obj(v)) return true;
  const Type *t = v_obj(v)->type;
  return t == &str_type || t == &int_type || t == &float_type || t == &bytes_type;
}

/* An iterator over x that is advanced by its type's C `next` and runs no script code. V_ABSENT: iterating x needs script code, or x
   is not iterable (no exception). V_FAIL: MemoryError. Not [script]. */
TINY_MUST_CHECK Value iter_c(VM *vm, Value x);
bool iter_is_c(Value x);
static inline int iter_c_next(VM *vm, Value it, Value *item) { return v_obj(it)->type->next(vm, it, item); }
/* The same in a loop that may be without end: charges for the turns. */
static inline int iter_c_turn(VM *vm, Value it, Value *item, uint32_t *turns) { return (++*turns & 1023) == 0 && !rt_charge(vm, 64) ? -1 : iter_c_next(vm, it, item); }
/* The same, and generators as they are; *needs_script when iter() has to be called by script code. V_FAIL: TypeError for what cannot be iterated. */
TINY_MUST_CHECK Value iter_quick(VM *vm, Value x, bool *needs_script);
bool iter_is_iterable(VM *vm, Value x);

/* iter_state.c: methods of iterators that tell and set their state. */
extern const tiny_def iter_backward_methods[], callable_iter_methods[], seq_iter_methods[], reversed_methods[];
TINY_MUST_CHECK Value iter_reduced(VM *vm, const char *name, Value source, Value index); /* (builtin name, (source,), index); index V_ABSENT: left out. V_FAIL in: V_FAIL out */
Value iter_reduce_rest_m(VM *vm, Args *a);       /* __reduce__ that lists the items still to come, without using up the iterator */
#define ITER_REDUCE_REST {"__reduce__", iter_reduce_rest_m, "(self, /)", "Return state information for pickling."}
/* A native to be handed to frozen code as an argument. */
TINY_MUST_CHECK Value native_value(VM *vm, const tiny_def *def);
/* Calls the running native again with the iterable argument number i made a list: for methods that take any iterable. Returns what the native is to return. */
Value retry_with_list(VM *vm, Args *a, int n, const Value *argv, int i);

/* Subscript of a sequence: an int, or an object with __index__ [script]; anything else: TypeError "<what> indices must be integers or slices, not ..." */
bool seq_subscript(VM *vm, Value key, const char *what, int64_t *out);
/* start, stop of index(): as slices clamp them. [script] */
bool seq_bounds(VM *vm, Value start, Value stop, int64_t length, int64_t *from, int64_t *to);
/* Repeat count; false with *known false: not a count (no exception). [script] */
bool repeat_count(VM *vm, Value v, int64_t *count, bool *known);
/* sequence + other, sequence * other failed: the error CPython gives, or V_NOTIMPL when the other operand has a method of its own to try. */
Value seq_concat_error(VM *vm, const char *what, Value other);
Value seq_repeat_error(VM *vm, Value other);
/* repr of items between brackets; [script]. Used by list and set. self is marked busy meanwhile; recursive: what stands for it when it is busy already. */
Value seq_repr(VM *vm, Value self, const char *open, const char *close, const char *recursive);
bool buf_add_repr(VM *vm, Buf *b, Value v);

Value class_getitem_m(VM *vm, Args *a); /* +__class_getitem__(cls, item, /) */
#define CLASS_GETITEM {"+__class_getitem__", class_getitem_m, "(cls, item, /)", "See PEP 585"}

static inline bool cannot_hash(VM *vm, Value v) { return rt_raise_b(vm, &exc_TypeError, "unhashable type: '%T'", v); }
static inline Value v_from_obj_or_fail(const void *o) { return o ? v_from_obj(o) : V_FAIL; }
#endif
