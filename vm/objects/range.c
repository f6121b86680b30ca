/* range and its iterators. Bounds are ints of any size; where all of them are small, nothing is allocated for an item. */
#include "vm/objects/containers_int.h"

static inline Range *v_range(Value v) { return (Range *)v_obj(v); }
static inline Value add(VM *vm, Value a, Value b) { return v_failed(a) || v_failed(b) ? V_FAIL : int_binary(vm, TINY_ADD, a, b); }
static inline Value sub(VM *vm, Value a, Value b) { return v_failed(a) || v_failed(b) ? V_FAIL : int_binary(vm, TINY_SUB, a, b); }
static inline Value mul(VM *vm, Value a, Value b) { return v_failed(a) || v_failed(b) ? V_FAIL : int_binary(vm, TINY_MUL, a, b); }

static Value length_of(VM *vm, Value start, Value stop, Value step) {
  if (v_is_int(start) && v_is_int(stop) && v_is_int(step)) { /* the difference of two 62-bit ints fits 63 bits */
    int64_t a = v_int(start), b = v_int(stop), s = v_int(step);
    if (s > 0) return int_from_i64(vm, a < b ? (b - a - 1) / s + 1 : 0);
    return int_from_i64(vm, a > b ? (a - b - 1) / -s + 1 : 0);
  }
  bool up = int_sign(step) > 0;
  Value low = up ? start : stop, high = up ? stop : start;
  if (int_compare(low, high) >= 0) return v_from_int62(0);
  Value width = sub(vm, sub(vm, high, low), v_from_int62(1));
  Value stride = up ? step : sub(vm, v_from_int62(0), step);
  if (v_failed(width) || v_failed(stride)) return V_FAIL;
  return add(vm, int_binary(vm, TINY_FLOORDIV, width, stride), v_from_int62(1));
}

Value range_new(VM *vm, Value start, Value stop, Value step) {
  if (int_sign(step) == 0) return rt_raise(vm, &exc_ValueError, "range() arg 3 must not be zero");
  Value length = length_of(vm, start, stop, step);
  if (v_failed(length)) return V_FAIL;
  Range *r = gc_new(vm, &range_type, sizeof(Range));
  if (!r) return V_FAIL;
  gc_store(vm, r, &r->start, start);
  gc_store(vm, r, &r->stop, stop);
  gc_store(vm, r, &r->step, step);
  gc_store(vm, r, &r->length, length);
  return v_from_obj(r);
}

static void range_trace(Tracer *t, Obj *o) {
  Range *r = (Range *)o;
  gc_mark(t, r->start);
  gc_mark(t, r->stop);
  gc_mark(t, r->step);
  gc_mark(t, r->length);
}

bool range_is_small(const Range *r, int64_t *start, int64_t *step, uint64_t *length) {
  int64_t n;
  if (!v_is_int(r->start) || !v_is_int(r->stop) || !v_is_int(r->step) || !int_to_i64(r->length, &n)) return false;
  *start = v_int(r->start);
  *step = v_int(r->step);
  *length = (uint64_t)n;
  return true;
}

static Value item_at(VM *vm, Range *r, Value index) { return add(vm, r->start, mul(vm, index, r->step)); }

/* An argument as int, rooted in *slot. [script] */
static bool read_arg(VM *vm, Value v, Value *slot) {
  if (v_is_int(v)) {
    *slot = v;
    return true;
  }
  Value i = rt_index_obj(vm, v);
  if (!v_failed(i) && !v_is_int(i)) i = int_plain(vm, i);
  *slot = v_failed(i) ? V_NONE : i;
  return !v_failed(i);
}

static Value range_make(VM *vm, const Type *cls, Args *a) {
  (void)cls;
  Value *v = rt_temp(vm, 3);
  if (!v) return V_FAIL;
  if (v_absent(a->v[1])) return read_arg(vm, a->v[0], &v[1]) ? range_new(vm, v_from_int62(0), v[1], v_from_int62(1)) : V_FAIL;
  if (!read_arg(vm, a->v[0], &v[0]) || !read_arg(vm, a->v[1], &v[1])) return V_FAIL;
  v[2] = v_from_int62(1);
  if (!v_absent(a->v[2]) && !read_arg(vm, a->v[2], &v[2])) return V_FAIL;
  return range_new(vm, v[0], v[1], v[2]);
}

/* ---- iterators ---- */

typedef struct LongRangeIter { Obj head; Value at, step, left, index; } LongRangeIter;

static Value iter_from(VM *vm, Value start, Value step, Value length) {
  int64_t n;
  if (v_is_int(start) && v_is_int(step) && int_to_i64(length, &n) && (n == 0 || v_is_int(add(vm, start, mul(vm, step, v_is_int(length) ? v_from_int62(n - 1) : length))))) {
    RangeIter *it = gc_new(vm, &range_iter_type, sizeof(RangeIter));
    if (!it) return V_FAIL;
    it->at = v_int(start);
    it->step = v_int(step);
    it->left = it->total = (uint64_t)n;
    return v_from_obj(it);
  }
  if (rt_pending(vm)) return V_FAIL;
  LongRangeIter *it = gc_new(vm, &long_range_iter_type, sizeof(LongRangeIter));
  if (!it) return V_FAIL;
  gc_store(vm, it, &it->at, start);
  gc_store(vm, it, &it->step, step);
  gc_store(vm, it, &it->left, length);
  it->index = v_from_int62(0);
  return v_from_obj(it);
}

static Value range_iter(VM *vm, Value self) {
  Range *r = v_range(self);
  int64_t start, step;
  uint64_t n;
  if (!range_is_small(r, &start, &step, &n)) return iter_from(vm, r->start, r->step, r->length);
  RangeIter *it = gc_new(vm, &range_iter_type, sizeof(RangeIter));
  if (!it) return V_FAIL;
  it->at = start;
  it->step = step;
  it->left = it->total = n;
  return v_from_obj(it);
}

static Value reversed_m(VM *vm, Args *a) {
  Range *r = v_range(a->v[0]);
  Value last = item_at(vm, r, sub(vm, r->length, v_from_int62(1))), step = sub(vm, v_from_int62(0), r->step);
  return v_failed(last) || v_failed(step) ? V_FAIL : iter_from(vm, last, step, r->length);
}

static int range_next(VM *vm, Value self, Value *out) {
  (void)vm;
  RangeIter *it = (RangeIter *)v_obj(self);
  if (it->left == 0) return 0;
  it->left--;
  *out = v_from_int62(it->at);
  it->at += it->left ? it->step : 0;
  return 1;
}
static Value range_iter_hint(VM *vm, Args *a) { return int_from_u64(vm, ((RangeIter *)v_obj(a->v[0]))->left); }

/* State for copying and pickling: (iter, (range(start, stop, step),), index). stop is such that the last item is followed by it. */
static Value reduced(VM *vm, Value start, Value step, Value total, Value index) {
  Value stop = add(vm, start, mul(vm, total, step));
  return iter_reduced(vm, "iter", v_failed(start) || v_failed(stop) ? V_FAIL : range_new(vm, start, stop, step), index);
}
/* The first item; the last step past the end is never made. */
static int64_t first_item(const RangeIter *it) { return it->at - it->step * (int64_t)(it->total - it->left - (it->left == 0 && it->total > 0)); }
static Value range_iter_reduce(VM *vm, Args *a) {
  RangeIter *it = (RangeIter *)v_obj(a->v[0]);
  return reduced(vm, v_from_int62(first_item(it)), v_from_int62(it->step), int_from_u64(vm, it->total), int_from_u64(vm, it->total - it->left));
}
static Value range_iter_setstate(VM *vm, Args *a) {
  RangeIter *it = (RangeIter *)v_obj(a->v[0]);
  int64_t at;
  if (!is_int(a->v[1])) return rt_raise(vm, &exc_TypeError, "an integer is required");
  if (!int_to_i64(a->v[1], &at)) return rt_raise(vm, &exc_OverflowError, "Python int too large to convert to C long");
  uint64_t index = at < 0 ? 0 : (uint64_t)at > it->total ? it->total : (uint64_t)at;
  int64_t first = first_item(it);
  it->left = it->total - index;
  it->at = it->total == 0 ? first : first + it->step * (int64_t)(index - (it->left == 0));
  return V_NONE;
}

static void long_trace(Tracer *t, Obj *o) {
  LongRangeIter *it = (LongRangeIter *)o;
  gc_mark(t, it->at);
  gc_mark(t, it->step);
  gc_mark(t, it->left);
  gc_mark(t, it->index);
}
static int long_next(VM *vm, Value self, Value *out) {
  LongRangeIter *it = (LongRangeIter *)v_obj(self);
  if (int_sign(it->left) <= 0) return 0;
  Value at = add(vm, it->at, it->step), left = sub(vm, it->left, v_from_int62(1)), index = add(vm, it->index, v_from_int62(1));
  if (v_failed(at) || v_failed(left) || v_failed(index)) return -1;
  *out = it->at;
  gc_store(vm, it, &it->at, at);
  gc_store(vm, it, &it->left, left);
  gc_store(vm, it, &it->index, index);
  return 1;
}
static Value long_reduce(VM *vm, Args *a) {
  LongRangeIter *it = (LongRangeIter *)v_obj(a->v[0]);
  Value start = sub(vm, it->at, mul(vm, it->index, it->step)), total = add(vm, it->index, it->left);
  return v_failed(total) ? V_FAIL : reduced(vm, start, it->step, total, it->index);
}
static Value long_setstate(VM *vm, Args *a) {
  LongRangeIter *it = (LongRangeIter *)v_obj(a->v[0]);
  Value index = a->v[1], total = add(vm, it->index, it->left);
  if (!is_int(index)) return rt_raise(vm, &exc_TypeError, "an integer is required");
  if (v_failed(total)) return V_FAIL;
  index = int_sign(index) < 0 ? v_from_int62(0) : int_compare(index, total) > 0 ? total : int_plain(vm, index);
  Value moved = sub(vm, index, it->index), at = add(vm, it->at, mul(vm, moved, it->step)), left = sub(vm, total, index);
  if (v_failed(moved) || v_failed(at) || v_failed(left)) return V_FAIL;
  gc_store(vm, it, &it->at, at);
  gc_store(vm, it, &it->left, left);
  gc_store(vm, it, &it->index, index);
  return V_NONE;
}
static Value long_hint(VM *vm, Args *a) {
  (void)vm;
  return ((LongRangeIter *)v_obj(a->v[0]))->left;
}

/* ---- slots ---- */

static Value range_repr(VM *vm, Value self) {
  Range *r = v_range(self);
  if (v_same(r->step, v_from_int62(1))) return rt_format(vm, "range(%R, %R)", r->start, r->stop);
  return rt_format(vm, "range(%R, %R, %R)", r->start, r->stop, r->step);
}
static int range_truth(VM *vm, Value self) {
  (void)vm;
  return int_sign(v_range(self)->length) != 0;
}
static int64_t range_length(VM *vm, Value self) {
  int64_t n;
  if (int_to_i64(v_range(self)->length, &n)) return n;
  rt_raise(vm, &exc_OverflowError, "Python int too large to convert to C ssize_t");
  return -1;
}

/* Ranges are equal when they give the same items. */
static Value range_compare(VM *vm, Value a, Value b, Compare op) {
  (void)vm;
  if (!v_has_layout(a, LAY_RANGE) || !v_has_layout(b, LAY_RANGE) || (op != CO_EQ && op != CO_NE)) return V_NOTIMPL;
  Range *r = v_range(a), *s = v_range(b);
  bool same = int_compare(r->length, s->length) == 0;
  if (same && int_sign(r->length)) {
    same = int_compare(r->start, s->start) == 0;
    if (same && !v_same(r->length, v_from_int62(1))) same = int_compare(r->step, s->step) == 0;
  }
  return v_from_bool(same == (op == CO_EQ));
}

static bool range_hash(VM *vm, Value self, int64_t *out) {
  Range *r = v_range(self);
  Value v[3] = {r->length, V_NONE, V_NONE};
  if (int_sign(r->length)) v[1] = r->start;
  if (int_sign(r->length) && !v_same(r->length, v_from_int62(1))) v[2] = r->step;
  Tuple *t = tuple_new(vm, v, 3);
  return t && tuple_type.hash(vm, v_from_obj(t), out);
}

/* Position of an int in the range: V_ABSENT: not in it. */
static Value position(VM *vm, Range *r, Value i) {
  if (v_is_int(i) && v_is_int(r->start) && v_is_int(r->stop) && v_is_int(r->step)) {
    int64_t at = v_int(i), start = v_int(r->start), stop = v_int(r->stop), step = v_int(r->step);
    if (step > 0 ? at < start || at >= stop : at > start || at <= stop) return V_ABSENT;
    return (at - start) % step ? V_ABSENT : int_from_i64(vm, (at - start) / step);
  }
  bool up = int_sign(r->step) > 0;
  int from = int_compare(i, r->start), to = int_compare(i, r->stop);
  if (up ? from < 0 || to >= 0 : from > 0 || to <= 0) return V_ABSENT;
  Value distance = sub(vm, i, r->start);
  if (v_failed(distance)) return V_FAIL;
  Value rest = int_binary(vm, TINY_MOD, distance, r->step);
  if (v_failed(rest)) return V_FAIL;
  return int_sign(rest) ? V_ABSENT : int_binary(vm, TINY_FLOORDIV, distance, r->step);
}

/* Searches item by item, for values that are no ints. count NULL: stops at the first; its position in *found. 1 0 -1 [script] */
static int search(VM *vm, Value self, Value v, int64_t *count, int64_t *found) {
  Value it = range_iter(vm, self), item;
  size_t mark = rt_temp_mark(vm);
  Value *keep = v_failed(it) ? NULL : rt_temp(vm, 2);
  if (!keep) return -1;
  keep[0] = it;
  int r, result = 0;
  int64_t at = 0;
  while ((r = iter_c_next(vm, it, &item)) == 1) {
    bool same;
    keep[1] = item;
    if (!eq_values(vm, item, v, &same) || ((at & 255) == 255 && !rt_charge(vm, 32))) {
      result = -1;
      break;
    }
    if (same) {
      result = 1;
      if (!count) {
        *found = at;
        break;
      }
      ++*count;
    }
    at++;
  }
  rt_temp_release(vm, mark);
  return r < 0 ? -1 : result;
}
static bool is_exact_int(Value v) { return v_is_int(v) || v_is_bool(v) || v_is_exact(v, &int_type); }

static int range_contains(VM *vm, Value self, Value v) {
  int64_t at;
  if (!is_exact_int(v)) return search(vm, self, v, NULL, &at);
  Value p = position(vm, v_range(self), v_is_bool(v) ? v_from_int62(v_same(v, V_TRUE)) : v);
  return v_failed(p) ? -1 : !v_absent(p);
}

static Value range_slice(VM *vm, Range *r, Slice *s) {
  Value part[3];
  if (!slice_indices_any(vm, s, r->length, part)) return V_FAIL;
  Value a = item_at(vm, r, part[0]), b = item_at(vm, r, part[1]), c = mul(vm, r->step, part[2]);
  return v_failed(a) || v_failed(b) || v_failed(c) ? V_FAIL : range_new(vm, a, b, c);
}

static Value range_getitem(VM *vm, Value self, Value key) {
  Range *r = v_range(self);
  if (v_has_layout(key, LAY_SLICE)) return range_slice(vm, r, (Slice *)v_obj(key));
  const Type *t = type_of(key);
  if (!is_int(key) && (!type_is_heap(t) || v_absent(rt_type_lookup(vm, t, NAME(vm, __index__))))) return rt_raise(vm, &exc_TypeError, "range indices must be integers or slices, not %T", key);
  Value i = v_is_int(key) ? key : rt_index_obj(vm, key);
  if (!v_failed(i)) i = v_is_int(i) ? i : int_plain(vm, i);
  if (v_failed(i)) return V_FAIL;
  if (int_sign(i) < 0) i = add(vm, i, r->length);
  if (v_failed(i)) return V_FAIL;
  if (int_sign(i) < 0 || int_compare(i, r->length) >= 0) return rt_raise(vm, &exc_IndexError, "range object index out of range");
  return item_at(vm, r, i);
}

static Value count_m(VM *vm, Args *a) {
  int64_t n = 0;
  if (is_exact_int(a->v[1])) {
    n = range_contains(vm, a->v[0], a->v[1]);
    return n < 0 ? V_FAIL : v_from_int62(n);
  }
  return search(vm, a->v[0], a->v[1], &n, NULL) < 0 ? V_FAIL : v_from_int62(n);
}

static Value index_m(VM *vm, Args *a) {
  if (is_exact_int(a->v[1])) {
    Value p = position(vm, v_range(a->v[0]), v_is_bool(a->v[1]) ? v_from_int62(v_same(a->v[1], V_TRUE)) : a->v[1]);
    return v_absent(p) ? rt_raise(vm, &exc_ValueError, "%R is not in range", a->v[1]) : p;
  }
  int64_t at;
  int r = search(vm, a->v[0], a->v[1], NULL, &at);
  if (r == 0) return rt_raise(vm, &exc_ValueError, "sequence.index(x): x not in sequence");
  return r < 0 ? V_FAIL : v_from_int62(at);
}

static Value reduce_m(VM *vm, Args *a) {
  Range *r = v_range(a->v[0]);
  Tuple *args = tuple_new(vm, (Value[]){r->start, r->stop, r->step}, 3);
  return args ? v_from_obj_or_fail(tuple_pair(vm, rt_type_value(&range_type), v_from_obj(args))) : V_FAIL;
}

static const tiny_def methods[] = {
    {"count", count_m, "(self, value, /)", "rangeobject.count(value) -> integer -- return number of occurrences of value"},
    {"index", index_m, "(self, value, /)", "rangeobject.index(value) -> integer -- return index of value.\nRaise ValueError if the value is not present."},
    {"__reversed__", reversed_m, "(self, /)", "Return a reverse iterator."},
    {"__reduce__", reduce_m, "(self, /)", NULL},
    {0},
};
#define FIELD(name)                                                                                                                                    \
  static Value get_##name(VM *vm, Value self) {                                                                                                        \
    (void)vm;                                                                                                                                          \
    return v_range(self)->name;                                                                                                                        \
  }
FIELD(start)
FIELD(stop)
FIELD(step)
static const GetSet getset[] = {{"start", get_start, NULL, NULL}, {"stop", get_stop, NULL, NULL}, {"step", get_step, NULL, NULL}, {0}};

const Type range_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "range",
    .base = &object_type,
    .layout = LAY_RANGE,
    .flags = TYPE_SEQUENCE,
    .shape_id = TYPE_ID_range,
    .size = sizeof(Range),
    .doc = "range(stop) -> range object\nrange(start, stop[, step]) -> range object\n\nReturn an object that produces a sequence of integers from start (inclusive)\n"
           "to stop (exclusive) by step.  range(i, j) produces i, i+1, i+2, ..., j-1.\nstart defaults to 0, and stop is omitted!  range(4) produces 0, 1, 2, 3.\n"
           "These are exactly the valid indices for a list of 4 elements.\nWhen step is given, it specifies the increment (or decrement).",
    .new_ = range_make,
    .new_sig = "(start, stop=..., step=..., /)",
    .trace = range_trace,
    .repr = range_repr,
    .hash = range_hash,
    .compare = range_compare,
    .truth = range_truth,
    .length = range_length,
    .getitem = range_getitem,
    .contains = range_contains,
    .iter = range_iter,
    .methods = methods,
    .getset = getset,
};
const Type range_iter_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "range_iterator",
    .base = &object_type,
    .layout = LAY_ITER,
    .flags = TYPE_NO_NEW,
    .shape_id = TYPE_ID_range_iter,
    .size = sizeof(RangeIter),
    .iter = iter_self,
    .next = range_next,
    .methods = (const tiny_def[]){{"__length_hint__", range_iter_hint, "(self, /)", "Private method returning an estimate of len(list(it))."},
                                  {"__reduce__", range_iter_reduce, "(self, /)", "Return state information for pickling."},
                                  {"__setstate__", range_iter_setstate, "(self, state, /)", "Set state information for unpickling."}, {0}},
};
const Type long_range_iter_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "longrange_iterator",
    .base = &object_type,
    .layout = LAY_ITER,
    .flags = TYPE_NO_NEW,
    .shape_id = TYPE_ID_long_range_iter,
    .size = sizeof(LongRangeIter),
    .trace = long_trace,
    .iter = iter_self,
    .next = long_next,
    .methods = (const tiny_def[]){{"__length_hint__", long_hint, "(self, /)", "Private method returning an estimate of len(list(it))."},
                                  {"__reduce__", long_reduce, "(self, /)", "Return state information for pickling."},
                                  {"__setstate__", long_setstate, "(self, state, /)", "Set state information for unpickling."}, {0}},
};
