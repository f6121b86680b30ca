/* Views of a dict (keys, values, items) and the iterators over it, forward and backward. The views of keys and items are sets of their own. */
#include "vm/objects/containers_int.h"

typedef struct DictIter {
  Obj head;
  Dict *dict;   /* NULL: exhausted */
  size_t at;    /* next entry to look at; backward: one past it */
  size_t used;  /* of the dict at the start; SIZE_MAX: an error was raised, which stays */
  size_t left;  /* items expected */
} DictIter;

/* ---- iterators ---- */

static Value iter_new(VM *vm, const Type *type, Dict *d, bool backward) {
  DictIter *it = gc_new(vm, type, sizeof(DictIter));
  if (!it) return V_FAIL;
  gc_store_obj(vm, it, &it->dict, d);
  it->at = backward ? d->n_entries : 0;
  it->used = it->left = d->used;
  return v_from_obj(it);
}

static void iter_trace(Tracer *t, Obj *o) { gc_mark_obj(t, ((DictIter *)o)->dict); }

/* 1: *e is the next entry, 0: end, -1: the dict was changed. */
static int step(VM *vm, Value self, bool backward, DictEntry **e) {
  DictIter *it = (DictIter *)v_obj(self);
  Dict *d = it->dict;
  if (!d) return 0;
  if (it->used != d->used) {
    it->used = SIZE_MAX;
    return rt_raise_i(vm, &exc_RuntimeError, "dictionary changed size during iteration");
  }
  if (backward) {
    size_t i = it->at < d->n_entries ? it->at : d->n_entries;
    while (i > d->first && v_absent(d->entries[i - 1].key)) i--;
    if (i > d->first) {
      it->at = i - 1;
      *e = &d->entries[i - 1];
    } else {
      it->dict = NULL;
      return 0;
    }
  } else {
    size_t i = it->at < d->first ? d->first : it->at;
    while (i < d->n_entries && v_absent(d->entries[i].key)) i++;
    if (i >= d->n_entries) {
      it->dict = NULL;
      return 0;
    }
    it->at = i + 1;
    *e = &d->entries[i];
  }
  if (it->left == 0) {
    it->dict = NULL;
    return rt_raise_i(vm, &exc_RuntimeError, "dictionary keys changed during iteration");
  }
  it->left--;
  return 1;
}

static int item_of(VM *vm, int r, DictEntry *e, Value *out) {
  if (r != 1) return r;
  Tuple *t = tuple_pair(vm, e->key, e->value);
  if (!t) return -1;
  *out = v_from_obj(t);
  return 1;
}

static int key_next(VM *vm, Value self, Value *out) {
  DictEntry *e;
  int r = step(vm, self, false, &e);
  if (r == 1) *out = e->key;
  return r;
}
static int value_next(VM *vm, Value self, Value *out) {
  DictEntry *e;
  int r = step(vm, self, false, &e);
  if (r == 1) *out = e->value;
  return r;
}
static int item_next(VM *vm, Value self, Value *out) {
  DictEntry *e = NULL;
  int r = step(vm, self, false, &e);
  return item_of(vm, r, e, out);
}
static int key_prev(VM *vm, Value self, Value *out) {
  DictEntry *e;
  int r = step(vm, self, true, &e);
  if (r == 1) *out = e->key;
  return r;
}
static int value_prev(VM *vm, Value self, Value *out) {
  DictEntry *e;
  int r = step(vm, self, true, &e);
  if (r == 1) *out = e->value;
  return r;
}
static int item_prev(VM *vm, Value self, Value *out) {
  DictEntry *e = NULL;
  int r = step(vm, self, true, &e);
  return item_of(vm, r, e, out);
}

static Value iter_length_hint(VM *vm, Args *a) {
  (void)vm;
  DictIter *it = (DictIter *)v_obj(a->v[0]);
  return v_from_int62(it->dict && it->used == it->dict->used ? (int64_t)it->left : 0);
}
static const tiny_def iter_methods[] = {{"__length_hint__", iter_length_hint, "(self, /)", "Private method returning an estimate of len(list(it))."}, ITER_REDUCE_REST, {0}};

#define ITER_TYPE(id, python_name, next_fn)                                                                                                            \
  const Type id##_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},                                                    \
                          .name = python_name,                                                                                                         \
                          .base = &object_type,                                                                                                        \
                          .layout = LAY_ITER,                                                                                                          \
                          .flags = TYPE_NO_NEW,                                                                                                        \
                          .shape_id = TYPE_ID_##id,                                                                                                    \
                          .size = sizeof(DictIter),                                                                                                    \
                          .trace = iter_trace,                                                                                                         \
                          .iter = iter_self,                                                                                                           \
                          .next = next_fn,                                                                                                             \
                          .methods = iter_methods}
extern const Type dict_value_iter_type, dict_item_iter_type, dict_reverse_iter_type, dict_reverse_value_iter_type, dict_reverse_item_iter_type;
ITER_TYPE(dict_iter, "dict_keyiterator", key_next);
ITER_TYPE(dict_value_iter, "dict_valueiterator", value_next);
ITER_TYPE(dict_item_iter, "dict_itemiterator", item_next);
ITER_TYPE(dict_reverse_iter, "dict_reversekeyiterator", key_prev);
ITER_TYPE(dict_reverse_value_iter, "dict_reversevalueiterator", value_prev);
ITER_TYPE(dict_reverse_item_iter, "dict_reverseitemiterator", item_prev);

Value dict_iter_new(VM *vm, Value self) { return iter_new(vm, &dict_iter_type, v_dict(self), false); }
Value dict_reversed_m(VM *vm, Args *a);
Value dict_reversed_m(VM *vm, Args *a) { return iter_new(vm, &dict_reverse_iter_type, v_dict(a->v[0]), true); }

/* ---- views ---- */

static inline DictView *v_view(Value v) { return (DictView *)v_obj(v); }
static bool is_view(Value v) { return v_is_exact(v, &dict_keys_type) || v_is_exact(v, &dict_items_type); } /* the set-like ones */

Value dict_view_new(VM *vm, const Type *type, Dict *d) {
  DictView *v = gc_new(vm, type, sizeof(DictView));
  if (!v) return V_FAIL;
  gc_store_obj(vm, v, &v->dict, d);
  return v_from_obj(v);
}

static void view_trace(Tracer *t, Obj *o) { gc_mark_obj(t, ((DictView *)o)->dict); }
static int64_t view_length(VM *vm, Value self) {
  (void)vm;
  return (int64_t)v_view(self)->dict->used;
}
static Value keys_iter(VM *vm, Value self) { return iter_new(vm, &dict_iter_type, v_view(self)->dict, false); }
static Value values_iter(VM *vm, Value self) { return iter_new(vm, &dict_value_iter_type, v_view(self)->dict, false); }
static Value items_iter(VM *vm, Value self) { return iter_new(vm, &dict_item_iter_type, v_view(self)->dict, false); }
static Value keys_reversed(VM *vm, Args *a) { return iter_new(vm, &dict_reverse_iter_type, v_view(a->v[0])->dict, true); }
static Value values_reversed(VM *vm, Args *a) { return iter_new(vm, &dict_reverse_value_iter_type, v_view(a->v[0])->dict, true); }
static Value items_reversed(VM *vm, Args *a) { return iter_new(vm, &dict_reverse_item_iter_type, v_view(a->v[0])->dict, true); }

static Value view_mapping(VM *vm, Value self) { return mappingproxy_new(vm, v_from_obj(v_view(self)->dict)); }
static const GetSet view_getset[] = {{"mapping", view_mapping, NULL, "dictionary that this view refers to"}, {0}};

static int keys_contains(VM *vm, Value self, Value key) {
  Value v = dict_get(vm, v_view(self)->dict, key);
  return v_failed(v) ? -1 : !v_absent(v);
}
static int items_contains(VM *vm, Value self, Value item) {
  if (!is_tuple(item) || v_tuple(item)->length != 2) return 0;
  Value v = dict_get(vm, v_view(self)->dict, v_tuple(item)->items[0]);
  if (v_failed(v)) return -1;
  if (v_absent(v)) return 0;
  bool same;
  return eq_values(vm, v, v_tuple(item)->items[1], &same) ? same : -1;
}
static int view_contains(VM *vm, Value self, Value item) { return type_of(self)->contains(vm, self, item); }

/* dict_keys([...]): the items as a list, so that a __repr__ may change the dict. [script] */
static Value view_repr(VM *vm, Value self) {
  Obj *o = v_obj(self);
  if (o->flags & OBJ_BUSY_REPR) return v_from_str(str_from(vm, "..."));
  List *l = list_new(vm, NULL, 0);
  if (!l || list_extend_c(vm, l, self) != 1) return V_FAIL;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1), r = V_FAIL;
  if (!keep) return V_FAIL;
  *keep = v_from_obj(l);
  o->flags |= OBJ_BUSY_REPR;
  const char *open = o->type == &dict_keys_type ? "dict_keys([" : o->type == &dict_items_type ? "dict_items([" : "dict_values([";
  r = seq_repr(vm, *keep, open, "])", "");
  o->flags &= (uint8_t)~OBJ_BUSY_REPR;
  rt_temp_release(vm, mark);
  return r;
}

/* ---- views as sets ---- */

static int64_t set_like_length(Value v) {
  if (is_anyset(v)) return (int64_t)v_set(v)->used;
  return is_view(v) ? (int64_t)v_view(v)->dict->used : -1;
}
static int set_like_contains(VM *vm, Value v, Value item) { return is_anyset(v) ? set_contains(vm, v_set(v), item) : view_contains(vm, v, item); }

/* Is every item of a in b? 1 0 -1. [script] */
static int all_contained(VM *vm, Value a, Value b) {
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2), it = keep ? iter_c(vm, a) : V_FAIL, item;
  if (v_failed(it) || v_absent(it)) return -1;
  keep[0] = it;
  int r, in = 1;
  while (in == 1 && (r = iter_c_next(vm, it, &item)) != 0) {
    if (r < 0) {
      in = -1;
      break;
    }
    keep[1] = item;
    in = set_like_contains(vm, b, item);
  }
  rt_temp_release(vm, mark);
  return in;
}

static Value view_compare(VM *vm, Value a, Value b, Compare op) {
  int64_t n = set_like_length(a), m = set_like_length(b);
  if (n < 0 || m < 0) return V_NOTIMPL;
  int r = 0;
  switch (op) {
  case CO_EQ:
  case CO_NE: r = n == m ? all_contained(vm, a, b) : 0; break;
  case CO_LT: r = n < m ? all_contained(vm, a, b) : 0; break;
  case CO_LE: r = n <= m ? all_contained(vm, a, b) : 0; break;
  case CO_GT: r = n > m ? all_contained(vm, b, a) : 0; break;
  case CO_GE: r = n >= m ? all_contained(vm, b, a) : 0; break;
  default: break;
  }
  if (r < 0) return V_FAIL;
  return v_from_bool(op == CO_NE ? !r : r);
}

/* Can C iterate it? 1, 0 script code is needed, -1 */
static int open_by_c(VM *vm, Value x) {
  Value it = iter_c(vm, x);
  return v_failed(it) ? -1 : !v_absent(it);
}

/* Items of `other` that the view or set has. */
static bool add_common(VM *vm, Set *out, Value view, Value other, Value *keep) {
  Value it = iter_c(vm, other), item;
  if (v_failed(it)) return false;
  keep[0] = it;
  int r;
  uint32_t turns = 0;
  while ((r = iter_c_turn(vm, it, &item, &turns)) == 1) {
    keep[1] = item;
    int in = set_like_contains(vm, view, item);
    if (in < 0 || (in && !set_add(vm, out, item))) return false;
  }
  return r == 0;
}

/* Symmetric difference and difference through discarding or adding what `other` has. */
static bool toggle_all(VM *vm, Set *s, Value other, bool add, Value *keep) {
  Value it = iter_c(vm, other), item;
  if (v_failed(it)) return false;
  keep[0] = it;
  int r;
  uint32_t turns = 0;
  while ((r = iter_c_turn(vm, it, &item, &turns)) == 1) {
    keep[1] = item;
    int gone = set_discard(vm, s, item);
    if (gone < 0 || (!gone && add && !set_add(vm, s, item))) return false;
  }
  return r == 0;
}

/* items() ^ items(): the pairs that both have are found by key, so that their values need no hash. */
static Value items_xor(VM *vm, Dict *a, Dict *b, Value *keep) {
  Dict *rest = dict_new(vm);
  Set *out = set_new(vm, &set_type);
  if (!rest || !out) return V_FAIL;
  keep[0] = v_from_obj(rest);
  keep[1] = v_from_obj(out);
  if (!dict_update(vm, rest, v_from_obj(a))) return V_FAIL;
  size_t pos = 0;
  Value key, v;
  while (dict_next(b, &pos, &key, &v)) {
    keep[2] = key;
    keep[3] = v;
    Value old = dict_get(vm, rest, key);
    bool same = false;
    if (v_failed(old) || (!v_absent(old) && !eq_values(vm, old, v, &same))) return V_FAIL;
    if (same) {
      if (dict_del(vm, rest, key, NULL) < 0) return V_FAIL;
      continue;
    }
    Tuple *pair = tuple_pair(vm, key, v);
    if (!pair || !set_add(vm, out, v_from_obj(pair))) return V_FAIL;
  }
  Value left = dict_view_new(vm, &dict_items_type, rest);
  return !v_failed(left) && set_update_c(vm, out, left) == 1 ? v_from_obj(out) : V_FAIL;
}

static Value view_operation(VM *vm, int op, Value a, Value b, Value *keep) {
  if (op == TINY_AND) {
    if (!is_view(a)) {
      Value t = a;
      a = b;
      b = t;
    }
    if (is_view(b) && set_like_length(b) > set_like_length(a)) {
      Value t = a;
      a = b;
      b = t;
    }
  }
  Set *s = set_new(vm, &set_type);
  if (!s) return V_FAIL;
  keep[2] = v_from_obj(s);
  bool ok;
  if (op == TINY_AND) {
    bool small = is_anyset(b) && set_like_length(a) <= set_like_length(b); /* the smaller one is iterated: as CPython, for the order of the result */
    ok = small ? add_common(vm, s, b, a, keep) : add_common(vm, s, a, b, keep);
  } else {
    ok = set_update_c(vm, s, a) == 1;
    if (op == TINY_OR)
      ok = ok && set_update_c(vm, s, b) == 1;
    else if (ok && op == TINY_XOR && !is_anyset(b)) { /* b's items count once */
      Set *other = set_new(vm, &set_type);
      if (!other) return V_FAIL;
      keep[3] = v_from_obj(other);
      ok = set_update_c(vm, other, b) == 1 && toggle_all(vm, s, keep[3], true, keep);
    } else
      ok = ok && toggle_all(vm, s, b, op == TINY_XOR, keep);
  }
  return ok ? v_from_obj(s) : V_FAIL;
}

/* The operation again, by frozen code that makes a list of an operand first: (op, a, b). */
static Value view_binary(VM *vm, int op, Value a, Value b);
static Value view_binary_m(VM *vm, Args *a) { return view_binary(vm, (int)v_int(a->v[0]), a->v[1], a->v[2]); }
static const tiny_def view_binary_def = {"view_binary", view_binary_m, "(op, a, b, /)", NULL};
static Value with_list(VM *vm, int op, Value a, Value b, int i) {
  if (i == 2 && op != TINY_AND && !iter_is_iterable(vm, b)) { /* a is made a set first, which may fail */
    Set *s = set_new(vm, &set_type);
    if (!s || set_update_c(vm, s, a) < 0) return V_FAIL;
  }
  if (!iter_is_iterable(vm, i == 1 ? a : b)) return rt_raise(vm, &exc_TypeError, "'%T' object is not iterable", i == 1 ? a : b);
  Value native = native_value(vm, &view_binary_def);
  return v_failed(native) ? V_FAIL : rt_tail_builtin(vm, "_call_with_list", 5, (Value[]){native, v_from_int62(i), v_from_int62(op), a, b});
}

static Value view_binary(VM *vm, int op, Value a, Value b) {
  if (op != TINY_AND && op != TINY_OR && op != TINY_XOR && op != TINY_SUB) return V_NOTIMPL;
  int open_a = open_by_c(vm, a), open_b = open_by_c(vm, b);
  if (open_a < 0 || open_b < 0) return V_FAIL;
  if (!open_a || !open_b) return with_list(vm, op, a, b, open_a ? 2 : 1);
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 4);
  bool both_items = op == TINY_XOR && v_is_exact(a, &dict_items_type) && v_is_exact(b, &dict_items_type);
  Value r = !keep ? V_FAIL : both_items ? items_xor(vm, v_view(a)->dict, v_view(b)->dict, keep) : view_operation(vm, op, a, b, keep);
  rt_temp_release(vm, mark);
  return r;
}

static Value isdisjoint(VM *vm, Args *a) {
  Value self = a->v[0], other = a->v[1], item;
  int open = open_by_c(vm, other);
  if (open == 0) return retry_with_list(vm, a, 2, a->v, 1);
  Value *keep = open > 0 ? rt_temp(vm, 3) : NULL;
  if (!keep) return V_FAIL;
  if (set_like_length(other) > set_like_length(self)) {
    Value t = other;
    other = self;
    self = t;
  }
  keep[0] = other;
  Value it = iter_c(vm, other);
  if (v_failed(it)) return V_FAIL;
  keep[1] = it;
  int r;
  uint32_t turns = 0;
  while ((r = iter_c_turn(vm, it, &item, &turns)) == 1) {
    keep[2] = item;
    int in = set_like_contains(vm, self, item);
    if (in != 0) return in < 0 ? V_FAIL : V_FALSE;
  }
  return r < 0 ? V_FAIL : V_TRUE;
}

static const tiny_def keys_methods[] = {
    {"isdisjoint", isdisjoint, "(self, other, /)", "Return True if the view and the given iterable have a null intersection."},
    {"__reversed__", keys_reversed, "(self, /)", "Return a reverse iterator over the dict keys."},
    {0},
};
static const tiny_def items_methods[] = {
    {"isdisjoint", isdisjoint, "(self, other, /)", "Return True if the view and the given iterable have a null intersection."},
    {"__reversed__", items_reversed, "(self, /)", "Return a reverse iterator over the dict items."},
    {0},
};
static const tiny_def values_methods[] = {{"__reversed__", values_reversed, "(self, /)", "Return a reverse iterator over the dict values."}, {0}};

#define VIEW_HEAD(id, more)                                                                                                                               \
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = #id, .base = &object_type, .layout = LAY_OTHER, .flags = TYPE_NO_NEW | (more), \
  .shape_id = TYPE_ID_##id, .size = sizeof(DictView), .trace = view_trace, .repr = view_repr, .length = view_length, .getset = view_getset
const Type dict_keys_type = {VIEW_HEAD(dict_keys, TYPE_UNHASHABLE), .contains = keys_contains, .iter = keys_iter, .compare = view_compare, .binary = view_binary, .methods = keys_methods};
const Type dict_items_type = {VIEW_HEAD(dict_items, TYPE_UNHASHABLE), .contains = items_contains, .iter = items_iter, .compare = view_compare, .binary = view_binary, .methods = items_methods};
const Type dict_values_type = {VIEW_HEAD(dict_values, 0), .iter = values_iter, .methods = values_methods};
