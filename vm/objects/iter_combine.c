/* enumerate, zip, map, filter: shells. Over iterators of C, enumerate and zip make their items here; map and filter, and the others where script code has to
 * run for an item, have an engine (vm/objects/iter.h). */
#include "vm/objects/iter_int.h"

/* iters[i] = iter(iterables[i]) as far as no script code runs. 1 done, 0 script code is needed, -1 TypeError. */
static int open_all(VM *vm, const Value *iterables, size_t n, Value *iters) {
  int r = 1;
  for (size_t i = 0; i < n && r == 1; i++) {
    bool needs_script;
    iters[i] = iter_quick(vm, iterables[i], &needs_script);
    r = needs_script ? 0 : v_failed(iters[i]) ? -1 : 1;
  }
  return r;
}

/* make(extra, *iterators) where some __iter__ is script code: what the native is to return. */
static Value open_by_script(VM *vm, const tiny_def *make_def, Value extra, const Value *iterables, size_t n) {
  Value make = native_value(vm, make_def);
  List *l = v_failed(make) ? NULL : list_new(vm, NULL, n + 2);
  if (!l) return V_FAIL;
  l->items[0] = make;
  l->items[1] = extra;
  memcpy(l->items + 2, iterables, n * sizeof(Value));
  return rt_tail_builtin(vm, "_with_iters", (int)n + 2, l->items);
}

Value iter_combine(VM *vm, const tiny_def *def, const Type *cls, Value with, const Value *iterables, size_t n) {
  Tuple *pair = tuple_pair(vm, v_from_obj(cls), with);
  if (!pair) return V_FAIL;
  Value extra = v_from_obj(pair);
  Tuple *iters = n ? tuple_new(vm, NULL, n) : vm->empty_tuple ? vm->empty_tuple : tuple_new(vm, NULL, 0);
  if (!iters) return V_FAIL;
  int r = open_all(vm, iterables, n, iters->items);
  if (r < 0) return V_FAIL;
  if (r == 0) {
    for (size_t i = 0; i < n; i++) iters->items[i] = V_NONE; /* dropped: no half-made values for the collector */
    return open_by_script(vm, def, extra, iterables, n);
  }
  Value v[2] = {extra, v_from_obj(iters)};
  Args args = {.vm = vm, .v = v, .n = 2, .kwnames = V_ABSENT};
  return def->fn(vm, &args);
}

Value iter_remade(VM *vm, Value self, const Value *argv, size_t n) {
  Tuple *args = tuple_new(vm, argv, n);
  Value cls = args ? rt_type_value(type_of(self)) : V_FAIL;
  return v_failed(cls) ? V_FAIL : v_from_obj_or_fail(tuple_pair(vm, cls, v_from_obj(args)));
}

/* ---- enumerate ---- */

typedef struct Enumerate { Shell shell; Value it, count; } Enumerate;

static void enumerate_trace(Tracer *t, Obj *o) {
  shell_trace(t, o);
  gc_mark(t, ((Enumerate *)o)->it);
  gc_mark(t, ((Enumerate *)o)->count);
}
static int enumerate_next(VM *vm, Value self, Value *out) {
  Enumerate *e = (Enumerate *)v_obj(self);
  if (!v_absent(e->shell.engine)) return shell_next(vm, self, out);
  Value item;
  int r = source_next(vm, e->it, &item);
  if (r != 1) return r;
  Value count = e->count, next = v_is_int(count) && v_int(count) < INT_MAX62 ? v_from_int62(v_int(count) + 1) : int_binary(vm, TINY_ADD, count, v_from_int62(1));
  if (v_failed(next)) return -1;
  Tuple *t = tuple_pair(vm, count, item);
  if (!t) return -1;
  gc_store(vm, e, &e->count, next);
  *out = v_from_obj(t);
  return 1;
}
static Value enumerate_build(VM *vm, Args *a) {
  Value it = v_tuple(a->v[1])->items[0], count = iter_with(a), make_items = V_ABSENT;
  if (!is_c_iter(it)) make_items = iter_engine(vm, is_plain_iter(it) ? "_enumerate" : "_enumerate_any", 2, (Value[]){it, count});
  Enumerate *e = v_failed(make_items) ? NULL : gc_new(vm, iter_class(a), sizeof(Enumerate));
  if (!e) return V_FAIL;
  gc_store(vm, e, &e->shell.engine, make_items);
  gc_store(vm, e, &e->it, it);
  gc_store(vm, e, &e->count, count);
  return v_from_obj(e);
}
static Value enumerate_reduce(VM *vm, Args *a) {
  const Enumerate *e = (const Enumerate *)v_obj(a->v[0]);
  Value two[2] = {e->it, v_absent(e->shell.engine) ? e->count : engine_params(a->v[0])[1]};
  return iter_remade(vm, a->v[0], two, 2);
}
static const tiny_def enumerate_build_def = {"enumerate", enumerate_build, "(start, *iterators)", NULL};

static Value enumerate_make(VM *vm, const Type *cls, Args *a) {
  if (v_absent(a->v[0])) return rt_raise(vm, &exc_TypeError, "enumerate() missing required argument 'iterable'");
  Value start = a->v[1];
  if (!v_is_int(start)) {
    start = rt_index_obj(vm, start);
    if (!v_failed(start)) start = int_plain(vm, start);
    if (v_failed(start)) return V_FAIL;
  }
  return iter_combine(vm, &enumerate_build_def, cls, start, &a->v[0], 1);
}

/* ---- zip ---- */

typedef struct Zip { Shell shell; Tuple *iters; bool strict; } Zip;

static void zip_trace(Tracer *t, Obj *o) {
  shell_trace(t, o);
  gc_mark_obj(t, ((Zip *)o)->iters);
}

static int strict_error(VM *vm, size_t i, const char *what) {
  if (i == 1) return rt_raise_i(vm, &exc_ValueError, "zip() argument 2 is %s than argument 1", what);
  return rt_raise_i(vm, &exc_ValueError, "zip() argument %zd is %s than arguments 1-%zd", (ptrdiff_t)i + 1, what, (ptrdiff_t)i);
}
/* Iterator number i is exhausted: with strict, all must be. */
static int zip_ended(VM *vm, Zip *z, size_t i) {
  if (!z->strict) return 0;
  if (i) return strict_error(vm, i, "shorter");
  for (i = 1; i < z->iters->length; i++) {
    Value item;
    int r = source_next(vm, z->iters->items[i], &item);
    if (r < 0) return -1;
    if (r) return strict_error(vm, i, "longer");
  }
  return 0;
}
static int zip_next(VM *vm, Value self, Value *out) {
  Zip *z = (Zip *)v_obj(self);
  if (!v_absent(z->shell.engine)) return shell_next(vm, self, out);
  size_t n = z->iters->length;
  if (n == 0) return 0;
  Tuple *t = tuple_new(vm, NULL, n);
  if (!t) return -1;
  for (size_t i = 0; i < n; i++) {
    int r = source_next(vm, z->iters->items[i], &t->items[i]);
    if (r == 1) continue;
    t->items[i] = V_NONE;
    return r < 0 ? -1 : zip_ended(vm, z, i);
  }
  *out = v_from_obj(t);
  return 1;
}
static Value zip_engine(VM *vm, bool strict, Tuple *iters) {
  Value all = v_from_obj(iters);
  bool plain = true;
  for (size_t i = 0; i < iters->length; i++) plain = plain && is_plain_iter(iters->items[i]);
  if (plain && !strict && iters->length == 2) return iter_engine(vm, "_zip2", 2, iters->items);
  if (plain && !strict && iters->length == 3) return iter_engine(vm, "_zip3", 3, iters->items);
  return iter_engine(vm, strict ? "_zip_strict" : plain ? "_zipn" : "_zipn_any", 1, &all);
}
static Value zip_reduce(VM *vm, Args *a) {
  const Zip *z = (const Zip *)v_obj(a->v[0]);
  Value cls = rt_type_value(type_of(a->v[0]));
  if (v_failed(cls)) return V_FAIL;
  Value three[3] = {cls, v_from_obj(z->iters), V_TRUE};
  return v_from_obj_or_fail(tuple_new(vm, three, z->strict ? 3 : 2));
}
static Value zip_setstate(VM *vm, Args *a) {
  Zip *z = (Zip *)v_obj(a->v[0]);
  int strict = rt_truth(vm, a->v[1]);
  if (strict < 0) return V_FAIL;
  Value make_items = v_absent(z->shell.engine) ? V_ABSENT : zip_engine(vm, strict, z->iters);
  if (v_failed(make_items)) return V_FAIL;
  gc_store(vm, z, &z->shell.engine, make_items);
  z->strict = strict;
  return V_NONE;
}
static Value zip_build(VM *vm, Args *a) {
  Tuple *iters = v_tuple(a->v[1]);
  bool strict = v_same(iter_with(a), V_TRUE), all_c = true;
  for (size_t i = 0; i < iters->length; i++) all_c = all_c && is_c_iter(iters->items[i]);
  Value make_items = all_c ? V_ABSENT : zip_engine(vm, strict, iters);
  Zip *z = v_failed(make_items) ? NULL : gc_new(vm, iter_class(a), sizeof(Zip));
  if (!z) return V_FAIL;
  gc_store(vm, z, &z->shell.engine, make_items);
  gc_store_obj(vm, z, &z->iters, iters);
  z->strict = strict;
  return v_from_obj(z);
}
static const tiny_def zip_build_def = {"zip", zip_build, "(strict, *iterators)", NULL};

static Value zip_make(VM *vm, const Type *cls, Args *a) {
  int strict = rt_truth(vm, a->v[1]);
  if (strict < 0) return V_FAIL;
  Tuple *iterables = v_tuple(a->v[0]);
  return iter_combine(vm, &zip_build_def, cls, v_from_bool(strict), iterables->items, iterables->length);
}

/* ---- map, filter ---- */

static Value map_build(VM *vm, Args *a) {
  Tuple *iters = v_tuple(a->v[1]);
  Value f = iter_with(a), two[3] = {f, a->v[1], V_NONE};
  bool plain = true;
  for (size_t i = 0; i < iters->length; i++) plain = plain && is_plain_iter(iters->items[i]);
  memcpy(two + 1, iters->items, (iters->length > 2 ? 0 : iters->length) * sizeof(Value));
  const char *body = plain && iters->length == 1 ? "_map1" : plain && iters->length == 2 ? "_map2" : "_mapn";
  if (!plain) two[1] = a->v[1];
  return shell_new(vm, iter_class(a), iter_engine(vm, body, plain && iters->length == 2 ? 3 : 2, two));
}
static Value map_reduce(VM *vm, Args *a) {
  Value *params = engine_params(a->v[0]), *keep = rt_temp(vm, 1);
  uint32_t n = v_gen(shell_engine(a->v[0]))->frame.func->code->n_params; /* of _map1, _map2; in _mapn the iterators are in a tuple */
  if (!keep) return V_FAIL;
  if (n != 2 || !v_is_exact(params[1], &tuple_type)) return iter_remade(vm, a->v[0], params, n);
  Tuple *its = v_tuple(params[1]), *all = tuple_new(vm, NULL, its->length + 1);
  if (!all) return V_FAIL;
  *keep = v_from_obj(all);
  all->items[0] = params[0];
  memcpy(all->items + 1, its->items, its->length * sizeof(Value));
  return iter_remade(vm, a->v[0], all->items, all->length);
}
static const tiny_def map_build_def = {"map", map_build, "(function, *iterators)", NULL};

static Value map_make(VM *vm, const Type *cls, Args *a) {
  Tuple *args = v_tuple(a->v[0]);
  if (args->length < 2) return rt_raise(vm, &exc_TypeError, "map() must have at least two arguments.");
  return iter_combine(vm, &map_build_def, cls, args->items[0], args->items + 1, args->length - 1);
}

static Value filter_build(VM *vm, Args *a) {
  Value it = v_tuple(a->v[1])->items[0], f = iter_with(a);
  const char *body = !is_plain_iter(it) ? "_filter_any" : v_is_none(f) || (v_is_obj(f) && v_obj(f) == (const Obj *)&bool_type) ? "_filter_none" : "_filter";
  return shell_new(vm, iter_class(a), iter_engine(vm, body, 2, (Value[]){f, it}));
}
static Value filter_reduce(VM *vm, Args *a) { return iter_remade(vm, a->v[0], engine_params(a->v[0]), 2); }
static const tiny_def filter_build_def = {"filter", filter_build, "(function, *iterators)", NULL};
static Value filter_make(VM *vm, const Type *cls, Args *a) { return iter_combine(vm, &filter_build_def, cls, a->v[0], &a->v[1], 1); }

/* ---- the types ---- */

#define HEAD .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}
#define SHELL_COMMON .layout = LAY_SHELL, .base = &object_type, .iter = iter_self
#define SHELL_PART SHELL_COMMON, .flags = TYPE_BASE
#define SHELL_PART_KEYWORDS SHELL_COMMON, .flags = TYPE_BASE | TYPE_INIT_KEYWORDS

const Type enumerate_type = {
    HEAD,
    .name = "enumerate",
    SHELL_PART,
    .shape_id = TYPE_ID_enumerate,
    .size = sizeof(Enumerate),
    .doc = "Return an enumerate object.\n\n  iterable\n    an object supporting iteration\n\nThe enumerate object yields pairs containing a count (from start, which\n"
           "defaults to zero) and a value yielded by the iterable argument.\n\nenumerate is useful for obtaining an indexed list:\n    (0, seq[0]), (1, seq[1]), (2, seq[2]), ...",
    .new_ = enumerate_make,
    .new_sig = "(iterable=..., start=0)",
    .trace = enumerate_trace,
    .next = enumerate_next,
    .methods = (const tiny_def[]){REDUCE(enumerate_reduce), CLASS_GETITEM, {0}},
};
const Type zip_type = {
    HEAD,
    .name = "zip",
    SHELL_PART,
    .shape_id = TYPE_ID_zip,
    .size = sizeof(Zip),
    .doc = "zip(*iterables, strict=False) --> Yield tuples until an input is exhausted.",
    .new_ = zip_make,
    .new_sig = "(*iterables, strict=False)",
    .trace = zip_trace,
    .next = zip_next,
    .methods = (const tiny_def[]){REDUCE(zip_reduce), SETSTATE(zip_setstate), {0}},
};
const Type map_type = {
    HEAD,
    SHELL_PART_KEYWORDS,
    .size = sizeof(Shell),
    .trace = shell_trace,
    .next = shell_next,
    .name = "map",
    .shape_id = TYPE_ID_map,
    .doc = "map(func, *iterables) --> map object\n\nMake an iterator that computes the function using arguments from\neach of the iterables.  Stops when the shortest iterable is exhausted.",
    .new_ = map_make,
    .methods = (const tiny_def[]){REDUCE(map_reduce), {0}},
    .new_sig = "(*args)",
};
const Type filter_type = {
    HEAD,
    SHELL_PART_KEYWORDS,
    .size = sizeof(Shell),
    .trace = shell_trace,
    .next = shell_next,
    .name = "filter",
    .shape_id = TYPE_ID_filter,
    .doc = "filter(function or None, iterable) --> filter object\n\nReturn an iterator yielding those items of iterable for which function(item)\nis true. If function is None, return the "
           "items that are true.",
    .new_ = filter_make,
    .methods = (const tiny_def[]){REDUCE(filter_reduce), {0}},
    .new_sig = "(function, iterable, /)",
};
