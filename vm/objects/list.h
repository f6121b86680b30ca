/* list and tuple. */
#ifndef TINY_OBJECTS_LIST_H
#define TINY_OBJECTS_LIST_H
#include "vm/gc.h"
typedef struct List { Obj head; Value *items; size_t length, capacity; bool sorting; } List;
typedef struct Tuple { Obj head; size_t length; int64_t hash; /* -1: not known */ Value items[]; } Tuple;
static inline List *v_list(Value v) { return (List *)v_obj(v); }
static inline Tuple *v_tuple(Value v) { return (Tuple *)v_obj(v); }

TINY_MUST_CHECK List *list_new(VM *vm, const Value *items, size_t n);     /* items NULL: n Nones */
TINY_MUST_CHECK bool list_append(VM *vm, List *list, Value v);
TINY_MUST_CHECK bool list_extend(VM *vm, List *list, const Value *items, size_t n); /* items may be the list's own */
TINY_MUST_CHECK Value list_slice(VM *vm, List *list, size_t start, size_t end);
bool list_insert(VM *vm, List *list, int64_t at, Value v);
void list_clear(VM *vm, List *list);
bool list_reserve(VM *vm, List *list, size_t capacity);
TINY_MUST_CHECK Tuple *tuple_new(VM *vm, const Value *items, size_t n);   /* items NULL: n Nones, to be filled; the empty tuple is shared per VM */
TINY_MUST_CHECK Tuple *tuple_pair(VM *vm, Value a, Value b);
/* items[low..high) become the n given ones (which may be the list's own). Positions must be within the list. */
TINY_MUST_CHECK bool list_splice(VM *vm, List *list, size_t low, size_t high, const Value *items, size_t n);
void list_remove_at(VM *vm, List *list, size_t at);
/* Sorts in place (stable); keys, when given, is a list of the same length that is sorted along. The list looks empty meanwhile.
   Returns None. [script] through __lt__ of odd items. */
TINY_MUST_CHECK Value list_sort_values(VM *vm, List *values, List *keys, bool reverse);
/* a < b: 1, 0, -1 failed. [script] Quick for what sorted things mostly are */
int value_less(VM *vm, Value a, Value b);
/* list.sort(key=, reverse=) and sorted() on a fresh list: what the native is to return (None or a tail call). key V_NONE: none */
TINY_MUST_CHECK Value list_sort(VM *vm, Value list, Value key, bool reverse);
/* Appends the items of any iterable when that needs no script code: 1 done, 0 script code is needed, -1 failed. */
int list_extend_c(VM *vm, List *list, Value iterable);
Value list_getitem(VM *vm, Value self, Value key);
bool list_setitem(VM *vm, Value self, Value key, Value value);
Value tuple_getitem(VM *vm, Value self, Value key);
/* A tuple (of class cls, &tuple_type or derived) of n items. */
TINY_MUST_CHECK Tuple *tuple_new_of(VM *vm, const Type *cls, const Value *items, size_t n);
/* Exact list or tuple: its items (list: valid until it changes). NULL otherwise. */
const Value *seq_items(Value v, size_t *n);
#endif
