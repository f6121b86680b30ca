/* The methods of list. */
#include "vm/objects/containers_int.h"
#include "vm/objects/str_build.h"

Value class_getitem_m(VM *vm, Args *a) { return generic_alias_new(vm, a->v[0], a->v[1]); }

static Value append(VM *vm, Args *a) { return list_append(vm, v_list(a->v[0]), a->v[1]) ? V_NONE : V_FAIL; }

static Value extend(VM *vm, Args *a) {
  int r = list_extend_c(vm, v_list(a->v[0]), a->v[1]);
  if (r == 0) return rt_tail_builtin(vm, iter_gives_hint(vm, a->v[1]) ? "_list_extend_hinted" : "_list_extend", 2, a->v);
  return r < 0 ? V_FAIL : V_NONE;
}

/* An index argument of a method: any int-like; too large: OverflowError. [script] */
static bool method_index(VM *vm, Value v, int64_t *out) {
  if (v_is_int(v)) {
    *out = v_int(v);
    return true;
  }
  Value i = rt_index_obj(vm, v);
  if (v_failed(i)) return false;
  return int_to_i64(i, out) || rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C ssize_t");
}

static Value insert(VM *vm, Args *a) {
  int64_t at;
  if (!method_index(vm, a->v[1], &at)) return V_FAIL;
  return list_insert(vm, v_list(a->v[0]), at, a->v[2]) ? V_NONE : V_FAIL;
}

static Value pop(VM *vm, Args *a) {
  List *l = v_list(a->v[0]);
  int64_t i = -1;
  if (!v_absent(a->v[1]) && !method_index(vm, a->v[1], &i)) return V_FAIL;
  int64_t n = (int64_t)l->length;
  if (n == 0) return rt_raise(vm, &exc_IndexError, "pop from empty list");
  if (i < 0) i += n;
  if (i < 0 || i >= n) return rt_raise(vm, &exc_IndexError, "pop index out of range");
  Value v = l->items[i];
  list_remove_at(vm, l, (size_t)i);
  return v;
}

static Value remove_m(VM *vm, Args *a) {
  List *l = v_list(a->v[0]);
  for (size_t i = 0; i < l->length; i++) {
    bool same;
    if (!eq_values(vm, l->items[i], a->v[1], &same)) return V_FAIL;
    if (!same) continue;
    if (i < l->length) list_remove_at(vm, l, i); /* __eq__ may have shortened it */
    return V_NONE;
  }
  return rt_raise(vm, &exc_ValueError, "list.remove(x): x not in list");
}

bool seq_bounds(VM *vm, Value start, Value stop, int64_t length, int64_t *from, int64_t *to) {
  const Value in[2] = {start, stop};
  int64_t out[2] = {0, INT64_MAX};
  for (int k = 0; k < 2; k++) {
    if (v_absent(in[k])) continue;
    const Type *t = type_of(in[k]);
    if (!is_int(in[k]) && (!type_is_heap(t) || v_absent(rt_type_lookup(vm, t, NAME(vm, __index__)))))
      return rt_raise_b(vm, &exc_TypeError, "slice indices must be integers or have an __index__ method");
    if (!rt_index_clamp(vm, in[k], &out[k])) return false;
    if (out[k] < 0) out[k] = out[k] + length < 0 ? 0 : out[k] + length;
  }
  *from = out[0];
  *to = out[1];
  return true;
}

static Value index_m(VM *vm, Args *a) {
  List *l = v_list(a->v[0]);
  int64_t from, to;
  if (!seq_bounds(vm, a->v[2], a->v[3], (int64_t)l->length, &from, &to)) return V_FAIL;
  for (int64_t i = from; i < to && i < (int64_t)l->length; i++) {
    bool same;
    if (!eq_values(vm, l->items[i], a->v[1], &same)) return V_FAIL;
    if (same) return v_from_int62(i);
    if ((i & 1023) == 1023 && !rt_charge(vm, 16)) return V_FAIL;
  }
  return rt_raise(vm, &exc_ValueError, "%R is not in list", a->v[1]);
}

static Value count(VM *vm, Args *a) {
  List *l = v_list(a->v[0]);
  int64_t n = 0;
  for (size_t i = 0; i < l->length; i++) {
    bool same;
    if (!eq_values(vm, l->items[i], a->v[1], &same)) return V_FAIL;
    n += same;
    if ((i & 1023) == 1023 && !rt_charge(vm, 16)) return V_FAIL;
  }
  return v_from_int62(n);
}

static Value reverse(VM *vm, Args *a) {
  List *l = v_list(a->v[0]);
  if (!rt_charge(vm, l->length / 32)) return V_FAIL;
  for (size_t i = 0, j = l->length; i + 1 < j; i++) {
    Value t = l->items[i];
    l->items[i] = l->items[--j];
    l->items[j] = t;
  }
  return V_NONE;
}

static Value copy(VM *vm, Args *a) { return list_slice(vm, v_list(a->v[0]), 0, v_list(a->v[0])->length); }

static Value clear(VM *vm, Args *a) {
  list_clear(vm, v_list(a->v[0]));
  return V_NONE;
}

static Value sort(VM *vm, Args *a) {
  int64_t reverse_order = v_same(a->v[2], V_TRUE);
  if (!v_is_bool(a->v[2]) && !str_int_arg(vm, a->v[2], &reverse_order)) return V_FAIL;
  return list_sort(vm, a->v[0], a->v[1], reverse_order != 0);
}

static Value reversed(VM *vm, Args *a) {
  Value it = seq_iter_new(vm, &list_reverse_iter_type, a->v[0]);
  if (!v_failed(it)) ((SeqIter *)v_obj(it))->at = v_list(a->v[0])->length;
  return it;
}

const tiny_def list_methods[] = {
    {"append", append, "(self, object, /)", "Append object to the end of the list."},
    {"extend", extend, "(self, iterable, /)", "Extend list by appending elements from the iterable."},
    {"insert", insert, "(self, index, object, /)", "Insert object before index."},
    {"pop", pop, "(self, index=..., /)", "Remove and return item at index (default last).\n\nRaises IndexError if list is empty or index is out of range."},
    {"remove", remove_m, "(self, value, /)", "Remove first occurrence of value.\n\nRaises ValueError if the value is not present."},
    {"index", index_m, "(self, value, start=..., stop=..., /)", "Return first index of value.\n\nRaises ValueError if the value is not present."},
    {"count", count, "(self, value, /)", "Return number of occurrences of value."},
    {"reverse", reverse, "(self, /)", "Reverse *IN PLACE*."},
    {"sort", sort, "(self, /, *, key=None, reverse=False)", "Sort the list in ascending order and return None.\n\nThe sort is in-place and stable."},
    {"copy", copy, "(self, /)", "Return a shallow copy of the list."},
    {"clear", clear, "(self, /)", "Remove all items from list."},
    {"__reversed__", reversed, "(self, /)", "Return a reverse iterator over the list."},
    CLASS_GETITEM,
    {0},
};
