/* The methods of dict. */
#include "vm/objects/containers_int.h"

Value dict_update_m(VM *vm, Args *a);

static Value get(VM *vm, Args *a) {
  Value v = dict_get(vm, v_dict(a->v[0]), a->v[1]);
  return v_absent(v) ? a->v[2] : v;
}

static Value pop(VM *vm, Args *a) {
  Value v;
  int r = v_dict(a->v[0])->used ? dict_del(vm, v_dict(a->v[0]), a->v[1], &v) : 0; /* an empty dict does not ask for the key's hash */
  if (r < 0) return V_FAIL;
  if (r == 1) return v;
  return v_absent(a->v[2]) ? rt_raise_with(vm, &exc_KeyError, a->v[1]) : a->v[2];
}

static Value popitem(VM *vm, Args *a) {
  Tuple *t = tuple_pair(vm, V_NONE, V_NONE); /* first: a failure must not lose the item */
  if (!t) return V_FAIL;
  if (!dict_pop_last(vm, v_dict(a->v[0]), &t->items[0], &t->items[1])) return rt_raise(vm, &exc_KeyError, "popitem(): dictionary is empty");
  return v_from_obj(t);
}

static Value setdefault(VM *vm, Args *a) { return dict_setdefault(vm, v_dict(a->v[0]), a->v[1], a->v[2]); }

/* update() and __init__. */
Value dict_update_m(VM *vm, Args *a) {
  Dict *d = v_dict(a->v[0]), *kwargs = v_absent(a->v[2]) ? NULL : v_dict(a->v[2]);
  if (!v_absent(a->v[1])) {
    int r = dict_update_c(vm, d, a->v[1]);
    if (r < 0) return V_FAIL;
    if (r == 0) {
      if (kwargs && kwargs->used) return rt_tail_builtin(vm, "_dict_update_kw", 3, a->v);
      return rt_tail_builtin(vm, "_dict_update", 2, a->v);
    }
  }
  return !kwargs || dict_merge(vm, d, kwargs, true) ? V_NONE : V_FAIL;
}

static Value clear(VM *vm, Args *a) {
  dict_clear(vm, v_dict(a->v[0]));
  return V_NONE;
}

static Value copy(VM *vm, Args *a) { return v_from_obj_or_fail(dict_copy(vm, v_dict(a->v[0]))); }
static Value keys(VM *vm, Args *a) { return dict_view_new(vm, &dict_keys_type, v_dict(a->v[0])); }
static Value values(VM *vm, Args *a) { return dict_view_new(vm, &dict_values_type, v_dict(a->v[0])); }
static Value items(VM *vm, Args *a) { return dict_view_new(vm, &dict_items_type, v_dict(a->v[0])); }

static bool fill_from(VM *vm, Dict *d, Value it, Value value) {
  Value item;
  int r;
  uint32_t turns = 0;
  Value *keep = rt_temp(vm, 3);
  if (!keep) return false;
  keep[0] = v_from_obj(d);
  keep[1] = it;
  while ((r = iter_c_next(vm, it, &item)) == 1) {
    keep[2] = item;
    if (!dict_set(vm, d, item, value)) return false;
    if ((++turns & 1023) == 0 && !rt_charge(vm, 64)) return false;
  }
  return r == 0;
}

/* Keys of a set or a dict are not hashed again. */
static Value fromkeys_hashed(VM *vm, Value from, Value value) {
  Dict *d = dict_new(vm);
  Value *keep = d ? rt_temp(vm, 2) : NULL, key, old;
  if (!keep) return V_FAIL;
  keep[0] = v_from_obj(d);
  bool is_set = !v_is_exact(from, &dict_type);
  int64_t hash;
  for (size_t at = 0; is_set ? set_next(v_set(from), &at, &key, &hash) : dict_next(v_dict(from), &at, &key, &old);) {
    keep[1] = key;
    if (!is_set) hash = v_dict(from)->entries[at - 1].hash;
    if (!dict_set_hashed(vm, d, key, hash, value)) return V_FAIL;
    if ((at & 1023) == 0 && !rt_charge(vm, 32)) return V_FAIL;
  }
  return v_from_obj(d);
}

static Value fromkeys(VM *vm, Args *a) {
  if (v_obj(a->v[0]) == (const Obj *)&dict_type) {
    if (v_is_exact(a->v[1], &set_type) || v_is_exact(a->v[1], &frozenset_type) || v_is_exact(a->v[1], &dict_type)) return fromkeys_hashed(vm, a->v[1], a->v[2]);
    Value it = iter_c(vm, a->v[1]);
    if (v_failed(it)) return V_FAIL;
    if (!v_absent(it)) {
      Dict *d = dict_new(vm);
      return d && fill_from(vm, d, it, a->v[2]) ? v_from_obj(d) : V_FAIL;
    }
  }
  return rt_tail_builtin(vm, "_dict_fromkeys", 3, a->v);
}

Value dict_reversed_m(VM *vm, Args *a);

const tiny_def dict_methods[] = {
    {"get", get, "(self, key, default=None, /)", "Return the value for key if key is in the dictionary, else default."},
    {"setdefault", setdefault, "(self, key, default=None, /)", "Insert key with a value of default if key is not in the dictionary.\n\nReturn the value for key if key is in the dictionary, else default."},
    {"pop", pop, "(self, key, default=..., /)", "D.pop(k[,d]) -> v, remove specified key and return the corresponding value.\n\nIf the key is not found, return the default if given; otherwise,\nraise a KeyError."},
    {"popitem", popitem, "(self, /)", "Remove and return a (key, value) pair as a 2-tuple.\n\nPairs are returned in LIFO (last-in, first-out) order.\nRaises KeyError if the dict is empty."},
    {"keys", keys, "(self, /)", "D.keys() -> a set-like object providing a view on D's keys"},
    {"items", items, "(self, /)", "D.items() -> a set-like object providing a view on D's items"},
    {"values", values, "(self, /)", "D.values() -> an object providing a view on D's values"},
    {"update", dict_update_m, "(self, iterable=..., /, **kwargs)", "D.update([E, ]**F) -> None.  Update D from dict/iterable E and F."},
    {"+fromkeys", fromkeys, "(cls, iterable, value=None, /)", "Create a new dictionary with keys from iterable and values set to value."},
    {"clear", clear, "(self, /)", "D.clear() -> None.  Remove all items from D."},
    {"copy", copy, "(self, /)", "D.copy() -> a shallow copy of D"},
    {"__reversed__", dict_reversed_m, "(self, /)", "Return a reverse iterator over the dict keys."},
    CLASS_GETITEM,
    {0},
};
