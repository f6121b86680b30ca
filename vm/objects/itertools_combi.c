/* product, permutations, combinations, combinations_with_replacement of itertools: positions in pools that are read when the iterator is made. */
#include "vm/objects/iter_int.h"

typedef enum { NEW, RUNNING, OVER } State;
typedef struct Combi {
  Obj head;
  Tuple *pool;       /* the items; product: the pools, tuples */
  size_t n, r;       /* items; chosen at a time. product: pools, both */
  State state;       /* NEW: nothing was given yet */
  size_t at[];       /* r positions; permutations: n, then r numbers of turns left */
} Combi;

static Combi *combi(Value v) { return (Combi *)v_obj(v); }
static void combi_trace(Tracer *t, Obj *o) { gc_mark_obj(t, ((Combi *)o)->pool); }

/* room: numbers behind the struct. Those of one that is over from the beginning (OVER) are not needed. */
static Combi *combi_new(VM *vm, const Type *cls, Tuple *pool, size_t n, size_t r, size_t room, bool over) {
  if (over) room = 0;
  if (room > MAX_ITEMS - sizeof(Combi)) return rt_no_memory(vm), NULL;
  Combi *c = gc_new(vm, cls, sizeof *c + room * sizeof c->at[0]);
  if (!c) return NULL;
  c->pool = pool;
  c->n = n;
  c->r = r;
  c->state = over ? OVER : NEW;
  return c;
}

/* Making a row costs as much as it is long. */
static bool charge_row(VM *vm, const Combi *c) { return c->r < 64 || rt_charge(vm, c->r / 32); }
static int give(VM *vm, Combi *c, Value *out) {
  if (!charge_row(vm, c)) return -1;
  Tuple *row = tuple_new(vm, NULL, c->r);
  if (!row) return -1;
  for (size_t i = 0; i < c->r; i++) row->items[i] = c->pool->items[c->at[i]];
  *out = v_from_obj(row);
  return 1;
}
static int over(Combi *c) {
  c->state = OVER;
  return 0;
}

/* ---- pools ---- */

/* tuple(x) as far as no script code is needed; V_ABSENT: it is. */
static Value pool_of(VM *vm, Value x) {
  if (v_is_exact(x, &tuple_type)) return x;
  List *l = list_new(vm, NULL, 0);
  int r = l ? list_extend_c(vm, l, x) : -1;
  if (r == 0 && !iter_is_iterable(vm, x)) return rt_raise(vm, &exc_TypeError, "'%T' object is not iterable", x);
  return r < 0 ? V_FAIL : r == 0 ? V_ABSENT : v_from_obj_or_fail(tuple_new(vm, l->items, l->length));
}
/* Hands ((class, with), *pools) to the native, as iter_combine does with iterators. */
static Value with_pools(VM *vm, const tiny_def *def, const Type *cls, Value with, const Value *iterables, size_t n) {
  Tuple *extra = tuple_pair(vm, v_from_obj(cls), with), *pools = extra ? tuple_new(vm, NULL, n) : NULL;
  if (!pools) return V_FAIL;
  for (size_t i = 0; i < n; i++) {
    Value pool = pool_of(vm, iterables[i]);
    if (v_failed(pool)) return V_FAIL;
    if (!v_absent(pool)) {
      pools->items[i] = pool;
      continue;
    }
    Value make = native_value(vm, def);
    List *l = v_failed(make) ? NULL : list_new(vm, NULL, n + 2); /* those that are read already are used as they are */
    if (!l) return V_FAIL;
    l->items[0] = make;
    l->items[1] = v_from_obj(extra);
    for (size_t k = 0; k < n; k++) l->items[k + 2] = k < i ? pools->items[k] : iterables[k];
    return rt_tail_builtin(vm, "_it_pools", (int)n + 2, l->items);
  }
  Value v[2] = {v_from_obj(extra), v_from_obj(pools)};
  Args args = {.vm = vm, .v = v, .n = 2, .kwnames = V_ABSENT};
  return def->fn(vm, &args);
}

/* ---- product ---- */

static Value product_build(VM *vm, Args *a) {
  Tuple *given = v_tuple(a->v[1]);
  int64_t repeat = v_int(iter_with(a));
  if (given->length && (uint64_t)repeat > MAX_ITEMS / given->length) return rt_raise(vm, &exc_OverflowError, "repeat argument too large");
  size_t n = given->length * (size_t)repeat;
  Tuple *pools = tuple_new(vm, NULL, n);
  if (!pools) return V_FAIL;
  bool none = false;
  for (size_t i = 0; i < n; i++) {
    pools->items[i] = given->items[i % given->length];
    none = none || !v_tuple(pools->items[i])->length;
  }
  return v_from_obj_or_fail(combi_new(vm, iter_class(a), pools, n, n, n, none));
}
static const tiny_def product_build_def = {"product", product_build, "(repeat, *pools)", NULL};
static Value product_make(VM *vm, const Type *cls, Args *a) {
  int64_t repeat;
  Value r = rt_index_obj(vm, a->v[1]);
  if (v_failed(r)) return V_FAIL;
  if (!int_to_i64(r, &repeat)) return rt_raise(vm, &exc_OverflowError, "Python int too large to convert to C ssize_t");
  if (repeat < 0) return rt_raise(vm, &exc_ValueError, "repeat argument cannot be negative");
  Tuple *iterables = v_tuple(a->v[0]);
  if (repeat == 0) iterables = tuple_new(vm, NULL, 0); /* they are not looked at then */
  if (repeat > INT_MAX62) return iterables->length ? rt_raise(vm, &exc_OverflowError, "repeat argument too large") : V_FAIL;
  return iterables ? with_pools(vm, &product_build_def, cls, v_from_int62(repeat), iterables->items, iterables->length) : V_FAIL;
}
static int product_next(VM *vm, Value self, Value *out) {
  Combi *c = combi(self);
  if (c->state == OVER) return 0;
  if (c->state == RUNNING) {
    size_t i = c->n;
    for (; i > 0; i--) {
      if (++c->at[i - 1] < v_tuple(c->pool->items[i - 1])->length) break;
      c->at[i - 1] = 0;
    }
    if (i == 0) return over(c);
  }
  Tuple *row = charge_row(vm, c) ? tuple_new(vm, NULL, c->n) : NULL;
  if (!row) return -1;
  for (size_t i = 0; i < c->n; i++) row->items[i] = v_tuple(c->pool->items[i])->items[c->at[i]];
  c->state = RUNNING;
  *out = v_from_obj(row);
  return 1;
}

/* ---- the others ---- */

static bool length_arg(VM *vm, Value v, int64_t *r) {
  if (!int_to_i64(v, r)) return rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C ssize_t");
  return *r >= 0 || rt_raise_b(vm, &exc_ValueError, "r must be non-negative");
}

static Value permutations_build(VM *vm, Args *a) {
  Tuple *pool = v_tuple(v_tuple(a->v[1])->items[0]);
  Value given = iter_with(a);
  int64_t r = (int64_t)pool->length;
  if (!v_is_none(given) && !is_int(given)) return rt_raise(vm, &exc_TypeError, "Expected int as r");
  if (!v_is_none(given) && !length_arg(vm, given, &r)) return V_FAIL;
  size_t n = pool->length;
  Combi *c = combi_new(vm, iter_class(a), pool, n, (size_t)r, n + (size_t)r, (size_t)r > n);
  if (!c) return V_FAIL;
  for (size_t i = 0; c->state == NEW && i < n; i++) c->at[i] = i;
  for (size_t i = 0; c->state == NEW && i < c->r; i++) c->at[n + i] = n - i;
  return v_from_obj(c);
}
static const tiny_def permutations_build_def = {"permutations", permutations_build, "(r, *pools)", NULL};
static Value permutations_make(VM *vm, const Type *cls, Args *a) { return with_pools(vm, &permutations_build_def, cls, a->v[1], a->v, 1); }
static int permutations_next(VM *vm, Value self, Value *out) {
  Combi *c = combi(self);
  if (c->state == OVER) return 0;
  if (c->state == RUNNING) {
    size_t *at = c->at, *left = c->at + c->n, i = c->r;
    for (; i > 0 && --left[i - 1] == 0; i--) { /* that place has seen all: its item goes to the end */
      size_t first = at[i - 1];
      memmove(at + i - 1, at + i, (c->n - i) * sizeof *at);
      at[c->n - 1] = first;
      left[i - 1] = c->n - (i - 1);
    }
    if (i == 0) return over(c);
    size_t other = c->n - left[i - 1], item = at[i - 1];
    at[i - 1] = at[other];
    at[other] = item;
  }
  c->state = RUNNING;
  return give(vm, c, out);
}

static Value combinations_like(VM *vm, Args *a, bool again) {
  Tuple *pool = v_tuple(v_tuple(a->v[1])->items[0]);
  int64_t r;
  if (!length_arg(vm, iter_with(a), &r)) return V_FAIL;
  size_t n = pool->length;
  Combi *c = combi_new(vm, iter_class(a), pool, n, (size_t)r, (size_t)r, again ? n == 0 && r > 0 : (size_t)r > n);
  for (size_t i = 0; c && !again && c->state == NEW && i < c->r; i++) c->at[i] = i;
  return v_from_obj_or_fail(c);
}
static Value combinations_build(VM *vm, Args *a) { return combinations_like(vm, a, false); }
static Value again_build(VM *vm, Args *a) { return combinations_like(vm, a, true); }
static const tiny_def combinations_build_def = {"combinations", combinations_build, "(r, *pools)", NULL};
static const tiny_def again_build_def = {"combinations_with_replacement", again_build, "(r, *pools)", NULL};
static Value chosen(VM *vm, const tiny_def *def, const Type *cls, Args *a) {
  Value r = rt_index_obj(vm, a->v[1]);
  return v_failed(r) ? V_FAIL : with_pools(vm, def, cls, r, a->v, 1);
}
static Value combinations_make(VM *vm, const Type *cls, Args *a) { return chosen(vm, &combinations_build_def, cls, a); }
static Value combinations_with_replacement_make(VM *vm, const Type *cls, Args *a) { return chosen(vm, &again_build_def, cls, a); }

static int combinations_next(VM *vm, Value self, Value *out) {
  Combi *c = combi(self);
  if (c->state == OVER) return 0;
  if (c->state == RUNNING) {
    size_t i = c->r;
    while (i > 0 && c->at[i - 1] == i - 1 + c->n - c->r) i--;
    if (i == 0) return over(c);
    size_t k = ++c->at[i - 1];
    for (; i < c->r; i++) c->at[i] = ++k;
  }
  c->state = RUNNING;
  return give(vm, c, out);
}
static int again_next(VM *vm, Value self, Value *out) {
  Combi *c = combi(self);
  if (c->state == OVER) return 0;
  if (c->state == RUNNING) {
    size_t i = c->r;
    while (i > 0 && c->at[i - 1] == c->n - 1) i--;
    if (i == 0) return over(c);
    size_t k = c->at[i - 1] + 1;
    for (i--; i < c->r; i++) c->at[i] = k;
  }
  c->state = RUNNING;
  return give(vm, c, out);
}

/* ---- their state: (class, arguments) or (class, arguments, positions) ---- */

static bool is_product(Value self) { return rt_is_subtype(type_of(self), &itertools_product_type); }
static bool is_permutations(Value self) { return rt_is_subtype(type_of(self), &itertools_permutations_type); }

static Tuple *numbers(VM *vm, const size_t *at, size_t n) {
  Tuple *t = tuple_new(vm, NULL, n);
  for (size_t i = 0; t && i < n; i++) t->items[i] = v_from_int62((int64_t)at[i]);
  return t;
}
static Value combi_reduce(VM *vm, Args *a) {
  Value self = a->v[0];
  Combi *c = combi(self);
  Tuple *none = tuple_new(vm, NULL, 0);
  if (!none) return V_FAIL;
  Value none_value = v_from_obj(none), args[2] = {c->state == OVER ? none_value : v_from_obj(c->pool), int_from_i64(vm, (int64_t)c->r)};
  Value made = v_failed(args[1]) ? V_FAIL : !is_product(self) ? iter_remade(vm, self, args, 2) : c->state == OVER ? iter_remade(vm, self, &none_value, 1) : iter_remade(vm, self, c->pool->items, c->n);
  if (v_failed(made) || c->state != RUNNING) return made;
  Tuple *state = numbers(vm, c->at, is_permutations(self) ? c->n : c->r);
  if (state && is_permutations(self)) {
    Tuple *left = numbers(vm, c->at + c->n, c->r);
    state = left ? tuple_pair(vm, v_from_obj(state), v_from_obj(left)) : NULL;
  }
  if (!state) return V_FAIL;
  Value three[3] = {v_tuple(made)->items[0], v_tuple(made)->items[1], v_from_obj(state)};
  return v_from_obj_or_fail(tuple_new(vm, three, 3));
}

/* n numbers out of a tuple, each brought into low(i) to high(i). */
static bool read_numbers(VM *vm, Value v, size_t *at, size_t n, size_t (*high)(const Combi *c, size_t i), const Combi *c, size_t low) {
  if (!is_tuple(v) || v_tuple(v)->length != n) return rt_raise_b(vm, &exc_ValueError, "invalid arguments");
  for (size_t i = 0; i < n; i++) {
    Value item = v_tuple(v)->items[i];
    if (!is_int(item)) return rt_raise_b(vm, &exc_TypeError, "an integer is required");
    int64_t k;
    if (!int_to_i64(item, &k)) return rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C ssize_t");
    size_t most = high(c, i);
    at[i] = k < (int64_t)low ? low : (size_t)k > most ? most : (size_t)k;
  }
  return true;
}
static size_t high_product(const Combi *c, size_t i) { return v_tuple(c->pool->items[i])->length - 1; }
static size_t high_combination(const Combi *c, size_t i) { return c->n - c->r + i; }
static size_t high_item(const Combi *c, size_t i) { return (void)i, c->n - 1; }
static size_t high_turns(const Combi *c, size_t i) { return c->n - i; }

/* What __reduce__ gave: the positions of the last row. */
static Value combi_setstate(VM *vm, Args *a) {
  Value self = a->v[0], state = a->v[1];
  Combi *c = combi(self);
  bool ok = true;
  if (c->state == OVER) return V_NONE;
  if (is_permutations(self)) {
    if (!iter_state_pair(vm, state, &tuple_type) || !iter_state_second(vm, state, &tuple_type)) return V_FAIL;
    ok = read_numbers(vm, v_tuple(state)->items[0], c->at, c->n, high_item, c, 0) && read_numbers(vm, v_tuple(state)->items[1], c->at + c->n, c->r, high_turns, c, 1);
  } else {
    bool again = rt_is_subtype(type_of(self), &itertools_combinations_with_replacement_type);
    ok = read_numbers(vm, state, c->at, c->r, is_product(self) ? high_product : again ? high_item : high_combination, c, 0);
  }
  if (!ok) return V_FAIL;
  c->state = RUNNING;
  return V_NONE;
}

/* ---- the types ---- */

#define COMBI(id, next_fn, sig, text)                                                                                                                        \
  const Type itertools_##id##_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "itertools." #id, .module = "itertools", \
    .layout = LAY_ITER, .flags = TYPE_BASE, .base = &object_type, .iter = iter_self, .size = sizeof(Combi), .trace = combi_trace,                            \
    .shape_id = TYPE_ID_itertools_##id, .new_ = id##_make, .new_sig = sig, .next = next_fn, .doc = text, .methods = combi_methods}
static const tiny_def combi_methods[] = {REDUCE(combi_reduce), SETSTATE(combi_setstate), {0}};

COMBI(product, product_next, "(*iterables, repeat=1)", "All rows of one item of each iterable, as nested loops would give them.");
COMBI(permutations, permutations_next, "(iterable, r=None)", "All orders of r of the items (of all when r is None), in the order of their positions.");
COMBI(combinations, combinations_next, "(iterable, r)", "All choices of r of the items.");
COMBI(combinations_with_replacement, again_next, "(iterable, r)", "All choices of r of the items, each of which may be taken again.");
