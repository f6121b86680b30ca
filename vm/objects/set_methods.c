/* Methods and operators of set and frozenset. Which of two sets is iterated, and how results are sized, follows CPython 3.11: it decides the
 * order in which a result is printed. Results are of the plain type, also for operands of derived classes. */
#include "vm/objects/containers_int.h"

static const Type *plain_type(Value v) { return v_has_layout(v, LAY_SET) ? &set_type : &frozenset_type; }
static Set *copy_of(VM *vm, Value v) { return set_copy(vm, v_set(v), plain_type(v)); }

/* Things that may run script code hold their values here: slots of rt_temp. */
enum { K_RESULT, K_ITEM, K_ITER, K_OTHER, K_COUNT };

/* ---- operations on two; `other` is a set or something that C iterates (it) ---- */

static Set *intersect(VM *vm, Value self, Value other, Value it, Value *keep) {
  if (v_same(self, other)) return copy_of(vm, self);
  Set *r = set_new(vm, plain_type(self)), *s = v_set(self);
  if (!r) return NULL;
  keep[K_RESULT] = v_from_obj(r);
  if (is_anyset(other)) {
    Set *small = v_set(other);
    if (small->used > s->used) {
      small = s;
      s = v_set(other);
    }
    for (size_t i = 0; i <= small->mask; i++) {
      if (!set_has(small, i)) continue;
      SetEntry e = small->table[i];
      keep[K_ITEM] = e.key;
      int in = set_contains_hashed(vm, s, e.key, e.hash);
      if (in < 0 || (in && !set_add_hashed(vm, r, e.key, e.hash))) return NULL;
    }
    return r;
  }
  Value item;
  int got;
  keep[K_ITER] = it;
  uint32_t turns = 0;
  while ((got = iter_c_turn(vm, it, &item, &turns)) == 1) {
    keep[K_ITEM] = item;
    int64_t hash;
    if (!hash_value(vm, item, &hash)) return NULL;
    int in = set_contains_hashed(vm, s, item, hash);
    if (in < 0 || (in && !set_add_hashed(vm, r, item, hash))) return NULL;
  }
  return got == 0 ? r : NULL;
}

static bool discard_each(VM *vm, Set *s, Value other, Value it, Value *keep) {
  if (is_anyset(other)) {
    Set *o = v_set(other);
    if (o == s) {
      set_clear(vm, s);
      return true;
    }
    if (o->used >> 3 > s->used) { /* few of many: only those that are in both */
      Set *both = intersect(vm, v_from_obj(s), other, V_NONE, keep);
      if (!both) return false;
      o = both;
      keep[K_OTHER] = v_from_obj(both);
    }
    for (size_t i = 0; i <= o->mask; i++) {
      if (!set_has(o, i)) continue;
      SetEntry e = o->table[i];
      keep[K_ITEM] = e.key;
      if (set_discard_hashed(vm, s, e.key, e.hash) < 0) return false;
    }
  } else {
    Value item;
    int got;
    keep[K_ITER] = it;
    uint32_t turns = 0;
    while ((got = iter_c_turn(vm, it, &item, &turns)) == 1) {
      keep[K_ITEM] = item;
      int64_t hash;
      if (!hash_value(vm, item, &hash) || set_discard_hashed(vm, s, item, hash) < 0) return false;
    }
    if (got < 0) return false;
  }
  if (s->fill - s->used <= s->mask / 4) return true; /* many dummies: drop them */
  return set_resize(vm, s, s->used > 50000 ? s->used * 2 : s->used * 4);
}

static Set *subtract(VM *vm, Value self, Value other, Value it, Value *keep) {
  Set *s = v_set(self), *r;
  bool is_set = is_anyset(other), is_plain_dict = v_is_exact(other, &dict_type);
  size_t other_size = is_set ? v_set(other)->used : is_plain_dict ? v_dict(other)->used : 0;
  if ((!is_set && !is_plain_dict) || s->used >> 2 > other_size) {
    r = copy_of(vm, self);
    if (!r) return NULL;
    keep[K_OTHER] = v_from_obj(r);
    if (!discard_each(vm, r, other, it, keep)) return NULL;
    return r;
  }
  r = set_new(vm, plain_type(self));
  if (!r) return NULL;
  keep[K_RESULT] = v_from_obj(r);
  for (size_t i = 0; i <= s->mask; i++) {
    if (!set_has(s, i)) continue;
    SetEntry e = s->table[i];
    keep[K_ITEM] = e.key;
    int in;
    if (is_set) {
      in = set_contains_hashed(vm, v_set(other), e.key, e.hash);
    } else {
      Value v = dict_get_hashed(vm, v_dict(other), e.key, e.hash);
      in = v_failed(v) ? -1 : !v_absent(v);
    }
    if (in < 0 || (!in && !set_add_hashed(vm, r, e.key, e.hash))) return NULL;
  }
  return r;
}

static bool toggle(VM *vm, Set *s, Value key, int64_t hash) {
  int gone = set_discard_hashed(vm, s, key, hash);
  return gone > 0 || (gone == 0 && set_add_hashed(vm, s, key, hash));
}

/* s ^= other; other: set, dict, or anything else that is made a set first (its items count once). */
static bool toggle_each(VM *vm, Set *s, Value other, Value *keep) {
  if (v_is_obj(other) && v_obj(other) == (Obj *)s) {
    set_clear(vm, s);
    return true;
  }
  if (v_is_exact(other, &dict_type)) {
    Dict *d = v_dict(other);
    for (size_t i = 0; i < d->n_entries; i++) {
      DictEntry e = d->entries[i];
      if (v_absent(e.key)) continue;
      keep[K_ITEM] = e.key;
      if (!toggle(vm, s, e.key, e.hash)) return false;
    }
    return true;
  }
  Set *o;
  if (is_anyset(other)) {
    o = v_set(other);
  } else {
    o = set_new(vm, &set_type);
    if (!o) return false;
    keep[K_OTHER] = v_from_obj(o);
    if (set_update_c(vm, o, other) != 1) return false;
  }
  for (size_t i = 0; i <= o->mask; i++) {
    if (!set_has(o, i)) continue;
    SetEntry e = o->table[i];
    keep[K_ITEM] = e.key;
    if (!toggle(vm, s, e.key, e.hash)) return false;
  }
  return true;
}

static Set *symmetric(VM *vm, Value self, Value other, Value *keep) {
  Set *r = set_new(vm, plain_type(self));
  if (!r) return NULL;
  keep[K_RESULT] = v_from_obj(r);
  return set_update_c(vm, r, other) == 1 && toggle_each(vm, r, self, keep) ? r : NULL;
}

/* a takes over b's content, b is left empty. */
static void take_over(VM *vm, Set *a, Set *b) {
  set_clear(vm, a);
  if (b->table == b->small) {
    memcpy(a->small, b->small, sizeof a->small);
  } else {
    a->table = b->table;
    a->share = b->share;
    a->epoch = b->epoch;
    b->table = b->small;
    b->share = NULL;
  }
  a->mask = b->mask;
  gc_remember_all(vm, a);
  a->fill = b->fill;
  a->used = b->used;
  set_clear(vm, b); /* its mask is that of the small table again */
}

/* ---- operators ---- */

Value set_binary(VM *vm, int op, Value a, Value b) {
  if (!is_anyset(a) || !is_anyset(b) || (op != TINY_OR && op != TINY_AND && op != TINY_SUB && op != TINY_XOR)) return V_NOTIMPL;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, K_COUNT);
  Set *r = NULL;
  if (keep) {
    switch (op) {
    case TINY_AND: r = intersect(vm, a, b, V_NONE, keep); break;
    case TINY_SUB: r = subtract(vm, a, b, V_NONE, keep); break;
    case TINY_XOR: r = symmetric(vm, a, b, keep); break;
    default:
      r = copy_of(vm, a);
      if (r) keep[K_RESULT] = v_from_obj(r);
      if (r && !v_same(a, b) && !set_merge(vm, r, v_set(b))) r = NULL;
    }
  }
  rt_temp_release(vm, mark);
  return v_from_obj_or_fail(r);
}

Value set_inplace(VM *vm, int op, Value a, Value b) {
  if (!is_anyset(b) || (op != TINY_OR && op != TINY_AND && op != TINY_SUB && op != TINY_XOR)) return V_NOTIMPL;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, K_COUNT);
  Set *s = v_set(a);
  bool ok = keep != NULL;
  if (ok) {
    switch (op) {
    case TINY_AND: {
      Set *r = intersect(vm, a, b, V_NONE, keep);
      if (r) take_over(vm, s, r);
      ok = r != NULL;
      break;
    }
    case TINY_SUB: ok = discard_each(vm, s, b, V_NONE, keep); break;
    case TINY_XOR: ok = toggle_each(vm, s, b, keep); break;
    default: ok = set_merge(vm, s, v_set(b));
    }
  }
  rt_temp_release(vm, mark);
  return ok ? a : V_FAIL;
}

/* ---- methods that take iterables: (self, *others) ----
   Where one of them needs script code to be iterated, the native is called again by frozen code with a list in its place. */

static Value again_with_list(VM *vm, Args *a, size_t i) {
  Tuple *others = v_tuple(a->v[1]);
  Value small[8], *argv = small;
  if (others->length + 1 > 8) {
    List *l = list_new(vm, NULL, others->length + 1);
    if (!l) return V_FAIL;
    argv = l->items;
  }
  argv[0] = a->v[0];
  memcpy(argv + 1, others->items, others->length * sizeof(Value));
  return retry_with_list(vm, a, (int)others->length + 1, argv, (int)i + 1);
}

/* Iterator for `other` unless it is a set, whose entries are read directly. 1, 0 script code is needed, -1 */
static int open_other(VM *vm, Value other, Value *it) {
  *it = V_NONE;
  if (is_anyset(other)) return 1;
  *it = iter_c(vm, other);
  return v_failed(*it) ? -1 : !v_absent(*it);
}

/* The first of `others` that only script code can iterate; length: none. SIZE_MAX: failed. */
static size_t first_scripted(VM *vm, Tuple *others) {
  for (size_t i = 0; i < others->length; i++) {
    Value it;
    int r = open_other(vm, others->items[i], &it);
    if (r < 0) return SIZE_MAX;
    if (r == 0) return i;
  }
  return others->length;
}

static Value update_m(VM *vm, Args *a) {
  Tuple *others = v_tuple(a->v[1]);
  for (size_t i = 0; i < others->length; i++) {
    int r = set_update_c(vm, v_set(a->v[0]), others->items[i]);
    if (r < 0) return V_FAIL;
    if (r > 0) continue;
    List *l = list_new(vm, NULL, others->length - i + 2);
    if (!l) return V_FAIL;
    l->items[0] = v_from_obj(a->self);
    l->items[1] = a->v[0];
    memcpy(l->items + 2, others->items + i, (others->length - i) * sizeof(Value));
    return rt_tail_builtin(vm, "_set_update", (int)l->length, l->items);
  }
  return V_NONE;
}

static Value union_m(VM *vm, Args *a) {
  Tuple *others = v_tuple(a->v[1]);
  size_t scripted = first_scripted(vm, others);
  if (scripted == SIZE_MAX) return V_FAIL;
  if (scripted < others->length) return again_with_list(vm, a, scripted);
  Set *r = copy_of(vm, a->v[0]);
  Value *keep = r ? rt_temp(vm, 1) : NULL;
  if (!keep) return V_FAIL;
  *keep = v_from_obj(r);
  for (size_t i = 0; i < others->length; i++)
    if (!v_same(others->items[i], a->v[0]) && set_update_c(vm, r, others->items[i]) != 1) return V_FAIL;
  return v_from_obj(r);
}

/* Folds an operation over the others; NULL with *scripted_out < length: that one has to be made a list. */
typedef Set *(*Fold)(VM *vm, Value self, Value other, Value it, Value *keep);
static Value fold(VM *vm, Args *a, Fold fn, bool in_place) {
  Tuple *others = v_tuple(a->v[1]);
  size_t scripted = first_scripted(vm, others);
  if (scripted == SIZE_MAX) return V_FAIL;
  if (scripted < others->length) return again_with_list(vm, a, scripted);
  Value *keep = rt_temp(vm, K_COUNT + 1);
  if (!keep) return V_FAIL;
  Value so_far = a->v[0];
  for (size_t i = 0; i < others->length; i++) {
    Value it;
    if (open_other(vm, others->items[i], &it) != 1) return V_FAIL;
    Set *r = fn(vm, so_far, others->items[i], it, keep);
    if (!r) return V_FAIL;
    so_far = keep[K_COUNT] = v_from_obj(r);
  }
  if (v_same(so_far, a->v[0])) return in_place ? V_NONE : v_from_obj_or_fail(copy_of(vm, so_far));
  if (!in_place) return so_far;
  take_over(vm, v_set(a->v[0]), v_set(so_far));
  return V_NONE;
}
static Value intersection_m(VM *vm, Args *a) { return fold(vm, a, intersect, false); }
static Value intersection_update_m(VM *vm, Args *a) { return fold(vm, a, intersect, true); }

static Value difference_m(VM *vm, Args *a) {
  Tuple *others = v_tuple(a->v[1]);
  size_t scripted = first_scripted(vm, others);
  if (scripted == SIZE_MAX) return V_FAIL;
  if (scripted < others->length) return again_with_list(vm, a, scripted);
  Value *keep = rt_temp(vm, K_COUNT + 1), it;
  if (!keep) return V_FAIL;
  if (others->length == 0) return v_from_obj_or_fail(copy_of(vm, a->v[0]));
  if (open_other(vm, others->items[0], &it) != 1) return V_FAIL;
  Set *r = subtract(vm, a->v[0], others->items[0], it, keep);
  if (!r) return V_FAIL;
  keep[K_COUNT] = v_from_obj(r);
  for (size_t i = 1; i < others->length; i++)
    if (open_other(vm, others->items[i], &it) != 1 || !discard_each(vm, r, others->items[i], it, keep)) return V_FAIL;
  return v_from_obj(r);
}

static Value difference_update_m(VM *vm, Args *a) {
  Tuple *others = v_tuple(a->v[1]);
  Value *keep = rt_temp(vm, K_COUNT), it;
  if (!keep) return V_FAIL;
  for (size_t i = 0; i < others->length; i++) {
    int r = open_other(vm, others->items[i], &it);
    if (r < 0) return V_FAIL;
    if (r == 0) {
      List *l = list_new(vm, NULL, others->length - i + 2);
      if (!l) return V_FAIL;
      l->items[0] = v_from_obj(a->self);
      l->items[1] = a->v[0];
      memcpy(l->items + 2, others->items + i, (others->length - i) * sizeof(Value));
      return rt_tail_builtin(vm, "_set_difference_update", (int)l->length, l->items);
    }
    if (!discard_each(vm, v_set(a->v[0]), others->items[i], it, keep)) return V_FAIL;
  }
  return V_NONE;
}

/* ---- methods that take one iterable: (self, other, /) ---- */

/* 1: *it (or other itself, a set) can be iterated; 0: *ret is what the native is to return. */
static bool one_other(VM *vm, Args *a, Value *it, Value *ret) {
  int r = open_other(vm, a->v[1], it);
  if (r == 1) return true;
  *ret = r < 0 ? V_FAIL : retry_with_list(vm, a, 2, a->v, 1);
  return false;
}

static Value symmetric_difference_m(VM *vm, Args *a) {
  Value it, ret;
  if (!one_other(vm, a, &it, &ret)) return ret;
  Value *keep = rt_temp(vm, K_COUNT);
  return keep ? v_from_obj_or_fail(symmetric(vm, a->v[0], a->v[1], keep)) : V_FAIL;
}
static Value symmetric_difference_update_m(VM *vm, Args *a) {
  Value it, ret;
  if (!one_other(vm, a, &it, &ret)) return ret;
  Value *keep = rt_temp(vm, K_COUNT);
  return keep && toggle_each(vm, v_set(a->v[0]), a->v[1], keep) ? V_NONE : V_FAIL;
}

static Value isdisjoint_m(VM *vm, Args *a) {
  Value self = a->v[0], other = a->v[1], it, item;
  if (v_same(self, other)) return v_from_bool(v_set(self)->used == 0);
  int open = open_other(vm, other, &it);
  if (open <= 0) return open < 0 ? V_FAIL : rt_tail_builtin(vm, "_set_isdisjoint", 2, a->v);
  Set *s = v_set(self);
  Value *keep = rt_temp(vm, K_COUNT);
  if (!keep) return V_FAIL;
  if (is_anyset(other)) {
    Set *small = v_set(other);
    if (small->used > s->used) {
      small = s;
      s = v_set(other);
    }
    for (size_t i = 0; i <= small->mask; i++) {
      if (!set_has(small, i)) continue;
      SetEntry e = small->table[i];
      keep[K_ITEM] = e.key;
      int in = set_contains_hashed(vm, s, e.key, e.hash);
      if (in) return in < 0 ? V_FAIL : V_FALSE;
    }
    return V_TRUE;
  }
  int got;
  keep[K_ITER] = it;
  uint32_t turns = 0;
  while ((got = iter_c_turn(vm, it, &item, &turns)) == 1) {
    keep[K_ITEM] = item;
    int64_t hash;
    int in = hash_value(vm, item, &hash) ? set_contains_hashed(vm, s, item, hash) : -1;
    if (in) return in < 0 ? V_FAIL : V_FALSE;
  }
  return got < 0 ? V_FAIL : V_TRUE;
}

/* An argument as a set, made of its items if it is none; NULL with *ret set: what the native is to return. */
static Set *as_set(VM *vm, Args *a, Value *ret) {
  if (is_anyset(a->v[1])) return v_set(a->v[1]);
  Value it;
  if (!one_other(vm, a, &it, ret)) return NULL;
  Set *s = set_new(vm, &set_type);
  Value *keep = s ? rt_temp(vm, 1) : NULL;
  *ret = V_FAIL;
  if (!keep) return NULL;
  *keep = v_from_obj(s);
  return set_update_c(vm, s, a->v[1]) == 1 ? s : NULL;
}
static Value issubset_m(VM *vm, Args *a) {
  Value ret;
  Set *o = as_set(vm, a, &ret);
  if (!o) return ret;
  int r = set_subset(vm, v_set(a->v[0]), o);
  return r < 0 ? V_FAIL : v_from_bool(r);
}
static Value issuperset_m(VM *vm, Args *a) {
  Value it, item;
  if (is_anyset(a->v[1])) {
    int r = set_subset(vm, v_set(a->v[1]), v_set(a->v[0]));
    return r < 0 ? V_FAIL : v_from_bool(r);
  }
  int open = open_other(vm, a->v[1], &it);
  if (open <= 0) return open < 0 ? V_FAIL : rt_tail_builtin(vm, "_set_issuperset", 2, a->v);
  Value *keep = rt_temp(vm, K_COUNT);
  if (!keep) return V_FAIL;
  int got;
  keep[K_ITER] = it;
  uint32_t turns = 0;
  while ((got = iter_c_turn(vm, it, &item, &turns)) == 1) {
    keep[K_ITEM] = item;
    int64_t hash;
    int in = hash_value(vm, item, &hash) ? set_contains_hashed(vm, v_set(a->v[0]), item, hash) : -1;
    if (in != 1) return in < 0 ? V_FAIL : V_FALSE;
  }
  return got < 0 ? V_FAIL : V_TRUE;
}

/* ---- single items ---- */

static Value add_m(VM *vm, Args *a) { return set_add(vm, v_set(a->v[0]), a->v[1]) ? V_NONE : V_FAIL; }
static Value discard_m(VM *vm, Args *a) { return set_discard(vm, v_set(a->v[0]), a->v[1]) < 0 ? V_FAIL : V_NONE; }
static Value remove_m(VM *vm, Args *a) {
  int r = set_discard(vm, v_set(a->v[0]), a->v[1]);
  if (r == 0) return rt_raise_with(vm, &exc_KeyError, a->v[1]);
  return r < 0 ? V_FAIL : V_NONE;
}
static Value pop_m(VM *vm, Args *a) {
  Set *s = v_set(a->v[0]);
  if (s->used == 0) return rt_raise(vm, &exc_KeyError, "pop from an empty set");
  if (!set_own(vm, s)) return V_FAIL;
  size_t i = s->finger & s->mask; /* goes on where the last pop stopped: popping all is linear */
  while (v_absent(s->table[i].key) || s->table[i].hash == -1) i = i == s->mask ? 0 : i + 1;
  Value key = s->table[i].key;
  s->table[i] = (SetEntry){V_NOTIMPL, -1};
  s->used--;
  s->finger = i + 1;
  set_touch(vm, s);
  return key;
}
static Value clear_m(VM *vm, Args *a) {
  set_clear(vm, v_set(a->v[0]));
  return V_NONE;
}
static Value copy_m(VM *vm, Args *a) {
  if (v_is_exact(a->v[0], &frozenset_type)) return a->v[0];
  return v_from_obj_or_fail(copy_of(vm, a->v[0]));
}

#define COMMON_METHODS                                                                                                                                 \
  {"copy", copy_m, "(self, /)", "Return a shallow copy of a set."},                                                                                    \
      {"union", union_m, "(self, /, *others) varargs", "Return the union of sets as a new set."},                                                              \
      {"intersection", intersection_m, "(self, /, *others) varargs", "Return the intersection of two sets as a new set."},                                     \
      {"difference", difference_m, "(self, /, *others) varargs", "Return the difference of two or more sets as a new set."},                                   \
      {"symmetric_difference", symmetric_difference_m, "(self, other, /)", "Return the symmetric difference of two sets as a new set."},               \
      {"isdisjoint", isdisjoint_m, "(self, other, /)", "Return True if two sets have a null intersection."},                                           \
      {"issubset", issubset_m, "(self, other, /)", "Report whether another set contains this set."},                                                   \
      {"issuperset", issuperset_m, "(self, other, /)", "Report whether this set contains another set."}, CLASS_GETITEM

const tiny_def frozenset_methods[] = {COMMON_METHODS, {0}};
const tiny_def set_methods[] = {
    {"add", add_m, "(self, object, /)", "Add an element to a set.\n\nThis has no effect if the element is already present."},
    {"discard", discard_m, "(self, object, /)", "Remove an element from a set if it is a member."},
    {"remove", remove_m, "(self, object, /)", "Remove an element from a set; it must be a member.\n\nIf the element is not a member, raise a KeyError."},
    {"pop", pop_m, "(self, /)", "Remove and return an arbitrary set element.\nRaises KeyError if the set is empty."},
    {"clear", clear_m, "(self, /)", "Remove all elements from this set."},
    {"update", update_m, "(self, /, *others) varargs", "Update a set with the union of itself and others."},
    {"intersection_update", intersection_update_m, "(self, /, *others) varargs", "Update a set with the intersection of itself and another."},
    {"difference_update", difference_update_m, "(self, /, *others) varargs", "Remove all elements of another set from this set."},
    {"symmetric_difference_update", symmetric_difference_update_m, "(self, other, /)", "Update a set with the symmetric difference of itself and another."},
    COMMON_METHODS,
    {0},
};
