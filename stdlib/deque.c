/* collections.deque in C: a ring of values. Whatever may run script code (comparisons of items, repr, items from a script's iterator) is a function
 * of stdlib/frozen/_deque.tiny that the method ends in. */
#include <string.h>
#include "include/tiny.h"

typedef struct Deque {
  tiny_val *items;         /* ring of capacity cap (a power of two, or 0) */
  size_t head, len, cap;
  size_t limit;            /* maxlen + 1; 0: none */
  uint64_t version;        /* counts changes of the length, for iterators */
  bool in_repr;
} Deque;

typedef struct DequeIter { tiny_val deque; size_t at; uint64_t version; bool back; } DequeIter;

extern const tiny_class deque_class, deque_iter_class, deque_riter_class;
extern const tiny_module collections_module;

static void deque_trace(tiny_tracer *t, void *data) {
  Deque *d = data;
  for (size_t i = 0; i < d->len; i++) tiny_trace(t, d->items[(d->head + i) & (d->cap - 1)]);
}

static void deque_destroy(tiny_vm *vm, void *data) {
  Deque *d = data;
  if (d->items) tiny_alloc(vm, d->items, d->cap * sizeof *d->items, 0);
  d->items = NULL;
  d->len = d->cap = 0;
}

static tiny_val *slot(const Deque *d, size_t i) { return &d->items[(d->head + i) & (d->cap - 1)]; }

static bool resize(tiny_vm *vm, Deque *d, size_t cap) {
  tiny_val *items = tiny_alloc(vm, NULL, 0, cap * sizeof *items);
  if (!items) {
    tiny_no_memory(vm);
    return false;
  }
  for (size_t i = 0; i < d->len; i++) items[i] = *slot(d, i);
  if (d->items) tiny_alloc(vm, d->items, d->cap * sizeof *d->items, 0);
  d->items = items;
  d->cap = cap;
  d->head = 0;
  return true;
}

static bool room(tiny_vm *vm, Deque *d) { return d->len < d->cap || resize(vm, d, d->cap ? d->cap * 2 : 8); }

static bool push_back(tiny_vm *vm, tiny_val self, Deque *d, tiny_val v) {
  if (d->limit == 1) return true;
  d->version++;
  if (d->limit && d->len + 1 >= d->limit) {
    d->head = (d->head + 1) & (d->cap - 1);
    d->len--;
  } else if (!room(vm, d)) {
    return false;
  }
  tiny_store(vm, self, slot(d, d->len), v);
  d->len++;
  return true;
}

static bool push_front(tiny_vm *vm, tiny_val self, Deque *d, tiny_val v) {
  if (d->limit == 1) return true;
  d->version++;
  if (d->limit && d->len + 1 >= d->limit) d->len--;
  else if (!room(vm, d)) return false;
  d->head = (d->head + d->cap - 1) & (d->cap - 1);
  tiny_store(vm, self, slot(d, 0), v);
  d->len++;
  return true;
}

/* A queue that was long once gives its memory back; failing to is no error. */
static void shrink(tiny_vm *vm, Deque *d) {
  if (d->cap <= 64 || d->len >= d->cap / 8) return;
  size_t cap = d->cap / 4;
  tiny_val *items = tiny_alloc(vm, NULL, 0, cap * sizeof *items);
  if (!items) return;
  for (size_t i = 0; i < d->len; i++) items[i] = *slot(d, i);
  tiny_alloc(vm, d->items, d->cap * sizeof *d->items, 0);
  d->items = items;
  d->cap = cap;
  d->head = 0;
}

static tiny_val frozen(tiny_vm *vm, const char *name, int argc, const tiny_val *argv) { return tiny_tail_call(vm, tiny_library_function(vm, name), argc, argv); }

#define SELF(d) Deque *d = tiny_data(vm, tiny_arg(a, 0), &deque_class); if (!d) return tiny_raise(vm, TINY_TYPE_ERROR, "descriptor requires a 'collections.deque' object")

/* ---- the ends */

static tiny_val m_append(tiny_vm *vm, tiny_args *a) { SELF(d); return push_back(vm, tiny_arg(a, 0), d, tiny_arg(a, 1)) ? TINY_NONE : TINY_FAIL; }
static tiny_val m_appendleft(tiny_vm *vm, tiny_args *a) { SELF(d); return push_front(vm, tiny_arg(a, 0), d, tiny_arg(a, 1)) ? TINY_NONE : TINY_FAIL; }

static tiny_val m_pop(tiny_vm *vm, tiny_args *a) {
  SELF(d);
  if (!d->len) return tiny_raise(vm, TINY_INDEX_ERROR, "pop from an empty deque");
  tiny_val v = tiny_pin(vm, *slot(d, d->len - 1));
  d->len--;
  d->version++;
  shrink(vm, d);
  return v;
}

static tiny_val m_popleft(tiny_vm *vm, tiny_args *a) {
  SELF(d);
  if (!d->len) return tiny_raise(vm, TINY_INDEX_ERROR, "pop from an empty deque");
  tiny_val v = tiny_pin(vm, *slot(d, 0));
  d->head = (d->head + 1) & (d->cap - 1);
  d->len--;
  d->version++;
  shrink(vm, d);
  return v;
}

static tiny_val m_clear(tiny_vm *vm, tiny_args *a) {
  SELF(d);
  d->version++;
  deque_destroy(vm, d);
  return TINY_NONE;
}

/* extend(iterable), extendleft(iterable). A deque that is extended by itself: what it held at first. */
static tiny_val extend(tiny_vm *vm, tiny_val self, Deque *d, tiny_val from, bool left) {
  Deque *other = tiny_data(vm, from, &deque_class);
  tiny_kind kind = tiny_kind_of(vm, from);
  if (other == d) {
    size_t n = d->len;
    tiny_val copy = tiny_list(vm, 0, NULL);
    for (size_t i = 0; i < n; i++)
      if (tiny_failed(copy) || !tiny_list_append(vm, copy, *slot(d, i))) return TINY_FAIL;
    return extend(vm, self, d, copy, left);
  }
  if ((kind == TINY_T_TUPLE || kind == TINY_T_LIST) &&
      (!strcmp(tiny_type_name(vm, from), "list") || !strcmp(tiny_type_name(vm, from), "tuple"))) {
    int n = tiny_seq_len(from);
    if (!tiny_charge(vm, (uint64_t)n / 16)) return TINY_FAIL;
    for (int i = 0; i < n; i++)
      if (!(left ? push_front : push_back)(vm, self, d, tiny_seq_item(from, i))) return TINY_FAIL;
    return TINY_NONE;
  }
  tiny_val args[3] = {self, from, tiny_bool(left)};
  return frozen(vm, "_deque_extend", 3, args);
}

static tiny_val m_extend(tiny_vm *vm, tiny_args *a) { SELF(d); return extend(vm, tiny_arg(a, 0), d, tiny_arg(a, 1), false); }
static tiny_val m_extendleft(tiny_vm *vm, tiny_args *a) { SELF(d); return extend(vm, tiny_arg(a, 0), d, tiny_arg(a, 1), true); }

static tiny_val m_init(tiny_vm *vm, tiny_args *a) {
  SELF(d);
  tiny_val max = tiny_arg(a, 2), from = tiny_arg(a, 1);
  d->limit = 0;
  if (!tiny_is_none(max)) {
    int64_t n;
    if (tiny_kind_of(vm, max) != TINY_T_INT && tiny_kind_of(vm, max) != TINY_T_BOOL) return tiny_raise(vm, TINY_TYPE_ERROR, "an integer is required");
    if (!tiny_to_int(vm, max, &n)) return TINY_FAIL;
    if (n < 0) return tiny_raise(vm, TINY_VALUE_ERROR, "maxlen must be non-negative");
    d->limit = (size_t)n + 1;
  }
  d->version++;
  deque_destroy(vm, d);
  return tiny_is_absent(from) ? TINY_NONE : extend(vm, tiny_arg(a, 0), d, from, false);
}

/* ---- items by number */

static bool at_index(tiny_vm *vm, Deque *d, tiny_val key, size_t *out) {
  int64_t i;
  if (tiny_kind_of(vm, key) != TINY_T_INT && tiny_kind_of(vm, key) != TINY_T_BOOL && !tiny_hasattr(vm, key, "__index__")) {
    if (!tiny_pending(vm)) tiny_raise(vm, TINY_TYPE_ERROR, "sequence index must be integer, not '%T'", key);
    return false;
  }
  if (!tiny_to_int(vm, key, &i)) return false;
  if (i < 0) i += (int64_t)d->len;
  if (i < 0 || (size_t)i >= d->len) {
    tiny_raise(vm, TINY_INDEX_ERROR, "deque index out of range");
    return false;
  }
  *out = (size_t)i;
  return true;
}

static tiny_val m_getitem(tiny_vm *vm, tiny_args *a) {
  SELF(d);
  size_t i;
  return at_index(vm, d, tiny_arg(a, 1), &i) ? *slot(d, i) : TINY_FAIL;
}

static tiny_val m_setitem(tiny_vm *vm, tiny_args *a) {
  SELF(d);
  size_t i;
  if (!at_index(vm, d, tiny_arg(a, 1), &i)) return TINY_FAIL;
  tiny_store(vm, tiny_arg(a, 0), slot(d, i), tiny_arg(a, 2));
  return TINY_NONE;
}

static void remove_at(Deque *d, size_t i) {
  if (i < d->len / 2) {
    for (; i > 0; i--) *slot(d, i) = *slot(d, i - 1);
    d->head = (d->head + 1) & (d->cap - 1);
  } else {
    for (; i + 1 < d->len; i++) *slot(d, i) = *slot(d, i + 1);
  }
  d->len--;
  d->version++;
}

static tiny_val m_delitem(tiny_vm *vm, tiny_args *a) {
  SELF(d);
  size_t i;
  if (!at_index(vm, d, tiny_arg(a, 1), &i)) return TINY_FAIL;
  remove_at(d, i);
  return TINY_NONE;
}

static tiny_val m_insert(tiny_vm *vm, tiny_args *a) {
  SELF(d);
  tiny_val self = tiny_arg(a, 0), v = tiny_arg(a, 2);
  int64_t i;
  if (!tiny_to_int(vm, tiny_arg(a, 1), &i)) return TINY_FAIL;
  if (d->limit && d->len + 1 >= d->limit) return tiny_raise(vm, TINY_INDEX_ERROR, "deque already at its maximum size");
  if (i < 0) i += (int64_t)d->len;
  if (i < 0) i = 0;
  if ((size_t)i > d->len) i = (int64_t)d->len;
  if (!push_back(vm, self, d, v)) return TINY_FAIL;
  for (size_t k = d->len - 1; k > (size_t)i; k--) *slot(d, k) = *slot(d, k - 1);
  tiny_store(vm, self, slot(d, (size_t)i), v);
  return TINY_NONE;
}

static tiny_val m_rotate(tiny_vm *vm, tiny_args *a) {
  SELF(d);
  int64_t n;
  if (!tiny_to_int(vm, tiny_arg(a, 1), &n)) return TINY_FAIL;
  if (d->len < 2) return TINY_NONE;
  int64_t len = (int64_t)d->len;
  n %= len;
  if (n > len / 2) n -= len;
  if (n < -(len / 2)) n += len;
  for (; n > 0; n--) { /* last to the front; the slot before head is free or the last item's own */
    tiny_val v = *slot(d, d->len - 1);
    d->head = (d->head + d->cap - 1) & (d->cap - 1);
    *slot(d, 0) = v;
  }
  for (; n < 0; n++) {
    tiny_val v = *slot(d, 0);
    d->head = (d->head + 1) & (d->cap - 1);
    *slot(d, d->len - 1) = v;
  }
  d->version++;
  return TINY_NONE;
}

static tiny_val m_reverse(tiny_vm *vm, tiny_args *a) {
  SELF(d);
  for (size_t i = 0, j = d->len; i + 1 < j; i++) {
    j--;
    tiny_val v = *slot(d, i);
    *slot(d, i) = *slot(d, j);
    *slot(d, j) = v;
  }
  return TINY_NONE;
}

static tiny_val m_len(tiny_vm *vm, tiny_args *a) { SELF(d); return tiny_int(vm, (int64_t)d->len); }
static tiny_val m_bool(tiny_vm *vm, tiny_args *a) { SELF(d); return tiny_bool(d->len != 0); }
static tiny_val g_maxlen(tiny_vm *vm, tiny_args *a) { SELF(d); return d->limit ? tiny_int(vm, (int64_t)d->limit - 1) : TINY_NONE; }
static tiny_val g_version(tiny_vm *vm, tiny_args *a) { SELF(d); return tiny_int(vm, (int64_t)d->version); }

/* ---- what ends in library code */

static tiny_val both(tiny_vm *vm, tiny_args *a, const char *name, int argc) {
  tiny_val args[4] = {tiny_arg(a, 0), tiny_arg(a, 1), tiny_arg(a, 2), tiny_arg(a, 3)};
  return frozen(vm, name, argc, args);
}
static tiny_val compare(tiny_vm *vm, tiny_args *a, const char *op) {
  if (!tiny_data(vm, tiny_arg(a, 1), &deque_class)) return tiny_getattr(vm, tiny_import(vm, "builtins"), "NotImplemented");
  tiny_val args[3] = {tiny_arg(a, 0), tiny_arg(a, 1), tiny_string(vm, op)};
  return tiny_failed(args[2]) ? TINY_FAIL : frozen(vm, "_deque_compare", 3, args);
}
static tiny_val m_eq(tiny_vm *vm, tiny_args *a) { return compare(vm, a, "=="); }
static tiny_val m_ne(tiny_vm *vm, tiny_args *a) { return compare(vm, a, "!="); }
static tiny_val m_lt(tiny_vm *vm, tiny_args *a) { return compare(vm, a, "<"); }
static tiny_val m_le(tiny_vm *vm, tiny_args *a) { return compare(vm, a, "<="); }
static tiny_val m_gt(tiny_vm *vm, tiny_args *a) { return compare(vm, a, ">"); }
static tiny_val m_ge(tiny_vm *vm, tiny_args *a) { return compare(vm, a, ">="); }
static tiny_val m_contains(tiny_vm *vm, tiny_args *a) { return both(vm, a, "_deque_contains", 2); }
static tiny_val m_count(tiny_vm *vm, tiny_args *a) { return both(vm, a, "_deque_count", 2); }
static tiny_val m_remove(tiny_vm *vm, tiny_args *a) { return both(vm, a, "_deque_remove", 2); }
static tiny_val m_add(tiny_vm *vm, tiny_args *a) { return both(vm, a, "_deque_add", 2); }
static tiny_val m_iadd(tiny_vm *vm, tiny_args *a) { return both(vm, a, "_deque_iadd", 2); }
static tiny_val m_mul(tiny_vm *vm, tiny_args *a) { return both(vm, a, "_deque_mul", 2); }
static tiny_val m_imul(tiny_vm *vm, tiny_args *a) { return both(vm, a, "_deque_imul", 2); }
static tiny_val m_copy(tiny_vm *vm, tiny_args *a) { return both(vm, a, "_deque_copy", 1); }
static tiny_val m_reduce(tiny_vm *vm, tiny_args *a) { return both(vm, a, "_deque_reduce", 1); }
static tiny_val m_index(tiny_vm *vm, tiny_args *a) {
  tiny_val args[4] = {tiny_arg(a, 0), tiny_arg(a, 1), tiny_arg(a, 2), tiny_arg(a, 3)};
  if (tiny_is_absent(args[2])) args[2] = tiny_int(vm, 0);
  if (tiny_is_absent(args[3])) args[3] = TINY_NONE;
  return frozen(vm, "_deque_index", 4, args);
}
static tiny_val m_repr(tiny_vm *vm, tiny_args *a) {
  SELF(d);
  return d->in_repr ? tiny_string(vm, "[...]") : both(vm, a, "_deque_repr", 1);
}
static tiny_val m_set_repr(tiny_vm *vm, tiny_args *a) {
  SELF(d);
  d->in_repr = tiny_is(tiny_arg(a, 1), TINY_TRUE);
  return TINY_NONE;
}
static tiny_val m_class_getitem(tiny_vm *vm, tiny_args *a) {
  tiny_val args[2] = {tiny_arg(a, 0), tiny_arg(a, 1)};
  return tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "types"), "GenericAlias"), 2, args);
}

/* ---- iterators */

static tiny_val iterator(tiny_vm *vm, tiny_val self, Deque *d, bool back) {
  void *data;
  tiny_val it = tiny_instance(vm, back ? &deque_riter_class : &deque_iter_class, &data);
  if (tiny_failed(it)) return it;
  DequeIter *i = data;
  tiny_store(vm, it, &i->deque, self);
  i->version = d->version;
  i->back = back;
  return it;
}
static tiny_val m_iter(tiny_vm *vm, tiny_args *a) { SELF(d); return iterator(vm, tiny_arg(a, 0), d, false); }
static tiny_val m_reversed(tiny_vm *vm, tiny_args *a) { SELF(d); return iterator(vm, tiny_arg(a, 0), d, true); }

static void iter_trace(tiny_tracer *t, void *data) { tiny_trace(t, ((DequeIter *)data)->deque); }

static DequeIter *iter_data(tiny_vm *vm, tiny_val v) {
  DequeIter *i = tiny_data(vm, v, &deque_iter_class);
  return i ? i : tiny_data(vm, v, &deque_riter_class);
}

static tiny_val i_next(tiny_vm *vm, tiny_args *a) {
  DequeIter *i = iter_data(vm, tiny_arg(a, 0));
  Deque *d = i ? tiny_data(vm, i->deque, &deque_class) : NULL;
  if (!d) return tiny_raise_value(vm, tiny_exc_class(vm, TINY_STOP_ITERATION));
  if (d->version != i->version) {
    i->deque = TINY_NONE;
    return tiny_raise(vm, TINY_RUNTIME_ERROR, "deque mutated during iteration");
  }
  if (i->at >= d->len) {
    i->deque = TINY_NONE;
    return tiny_raise_value(vm, tiny_exc_class(vm, TINY_STOP_ITERATION));
  }
  size_t at = i->at++;
  return *slot(d, i->back ? d->len - 1 - at : at);
}
static tiny_val i_iter(tiny_vm *vm, tiny_args *a) { (void)vm; return tiny_arg(a, 0); }
static tiny_val i_hint(tiny_vm *vm, tiny_args *a) {
  DequeIter *i = iter_data(vm, tiny_arg(a, 0));
  Deque *d = i ? tiny_data(vm, i->deque, &deque_class) : NULL;
  return tiny_int(vm, d && i->at < d->len ? (int64_t)(d->len - i->at) : 0);
}

static const tiny_def iter_methods[] = {{"__iter__", i_iter, "(self, /)", NULL}, {"__next__", i_next, "(self, /)", NULL}, {"__length_hint__", i_hint, "(self, /)", NULL}, {0}};
const tiny_class deque_iter_class = {.name = "_collections._deque_iterator", .data_size = sizeof(DequeIter), .methods = iter_methods, .trace = iter_trace, .flags = TINY_CLASS_NO_NEW};
const tiny_class deque_riter_class = {.name = "_collections._deque_reverse_iterator", .data_size = sizeof(DequeIter), .methods = iter_methods, .trace = iter_trace, .flags = TINY_CLASS_NO_NEW};

static const tiny_def deque_methods[] = {
    {"__init__", m_init, "(self, iterable=..., maxlen=None)", NULL},
    {"append", m_append, "(self, x, /)", "Add an element to the right side of the deque."},
    {"appendleft", m_appendleft, "(self, x, /)", "Add an element to the left side of the deque."},
    {"pop", m_pop, "(self, /)", "Remove and return the rightmost element."},
    {"popleft", m_popleft, "(self, /)", "Remove and return the leftmost element."},
    {"clear", m_clear, "(self, /)", "Remove all elements from the deque."},
    {"extend", m_extend, "(self, iterable, /)", "Extend the right side of the deque with elements from the iterable."},
    {"extendleft", m_extendleft, "(self, iterable, /)", "Extend the left side of the deque with elements from the iterable."},
    {"insert", m_insert, "(self, index, value, /)", "Insert value before index."},
    {"rotate", m_rotate, "(self, n=1, /)", "Rotate the deque n steps to the right (default n=1). If n is negative, rotates left."},
    {"reverse", m_reverse, "(self, /)", "Reverse *IN PLACE*."},
    {"count", m_count, "(self, value, /)", "Return number of occurrences of value."},
    {"index", m_index, "(self, value, start=..., stop=..., /)", "Return first index of value. Raises ValueError if the value is not present."},
    {"remove", m_remove, "(self, value, /)", "Remove first occurrence of value."},
    {"copy", m_copy, "(self, /)", "Return a shallow copy of a deque."},
    {"__copy__", m_copy, "(self, /)", "Return a shallow copy of a deque."},
    {"__reduce__", m_reduce, "(self, /)", NULL},
    {"__len__", m_len, "(self, /)", NULL}, {"__bool__", m_bool, "(self, /)", NULL},
    {"__getitem__", m_getitem, "(self, key, /)", NULL}, {"__setitem__", m_setitem, "(self, key, value, /)", NULL}, {"__delitem__", m_delitem, "(self, key, /)", NULL},
    {"__iter__", m_iter, "(self, /)", NULL}, {"__reversed__", m_reversed, "(self, /)", "Return a reverse iterator over the deque."},
    {"__contains__", m_contains, "(self, key, /)", NULL}, {"__repr__", m_repr, "(self, /)", NULL},
    {"__eq__", m_eq, "(self, other, /)", NULL}, {"__ne__", m_ne, "(self, other, /)", NULL}, {"__lt__", m_lt, "(self, other, /)", NULL}, {"__le__", m_le, "(self, other, /)", NULL},
    {"__gt__", m_gt, "(self, other, /)", NULL}, {"__ge__", m_ge, "(self, other, /)", NULL},
    {"__add__", m_add, "(self, other, /)", NULL}, {"__iadd__", m_iadd, "(self, other, /)", NULL}, {"__mul__", m_mul, "(self, n, /)", NULL},
    {"__rmul__", m_mul, "(self, n, /)", NULL}, {"__imul__", m_imul, "(self, n, /)", NULL},
    {"@maxlen", g_maxlen, "(self)", "maximum size of a deque or None if unbounded"},
    {"@_version", g_version, "(self)", NULL}, {"_set_repr", m_set_repr, "(self, on, /)", NULL},
    {"+__class_getitem__", m_class_getitem, "(cls, item, /)", "See PEP 585"},
    {0}};
const tiny_class deque_class = {.name = "collections.deque", .data_size = sizeof(Deque), .methods = deque_methods, .trace = deque_trace, .destroy = deque_destroy,
                                .doc = "deque([iterable[, maxlen]]) --> deque object\n\nA list-like sequence optimized for data accesses near its endpoints."};

static bool init(tiny_vm *vm, tiny_val module) {
  tiny_val deque = tiny_class_of(vm, &deque_class);
  return tiny_setattr(vm, deque, "__hash__", TINY_NONE) && tiny_setattr(vm, module, "deque", deque) &&
         tiny_setattr(vm, module, "_tuplegetter", tiny_getattr(vm, tiny_import(vm, "_class"), "tuplegetter"));
}
const tiny_module collections_module = {"_collections", NULL, init, NULL};
