/* slice objects and the arithmetic of slices (language reference, "Slicings"; library reference, slice.indices). */
#include "vm/objects/containers_int.h"

Value slice_new(VM *vm, Value start, Value stop, Value step) {
  Slice *s = gc_new(vm, &slice_type, sizeof(Slice));
  if (!s) return V_FAIL;
  gc_store(vm, s, &s->start, start);
  gc_store(vm, s, &s->stop, stop);
  gc_store(vm, s, &s->step, step);
  return v_from_obj(s);
}

static void slice_trace(Tracer *t, Obj *o) {
  Slice *s = (Slice *)o;
  gc_mark(t, s->start);
  gc_mark(t, s->stop);
  gc_mark(t, s->step);
}

static bool check_field(VM *vm, Value v) {
  const Type *t = type_of(v);
  if (is_int(v) || (type_is_heap(t) && !v_absent(rt_type_lookup(vm, t, NAME(vm, __index__))))) return true;
  return rt_raise_b(vm, &exc_TypeError, "slice indices must be integers or None or have an __index__ method");
}

static bool read_field(VM *vm, Value v, int64_t *out) {
  if (v_is_int(v)) {
    *out = v_int(v);
    return true;
  }
  return check_field(vm, v) && rt_index_clamp(vm, v, out);
}

/* A field as an int of any size. [script] */
static Value slice_index(VM *vm, Value v) { return check_field(vm, v) ? rt_index_obj(vm, v) : V_FAIL; }

bool slice_unpack(VM *vm, Slice *s, int64_t *start, int64_t *stop, int64_t *step) {
  *step = 1;
  if (!v_is_none(s->step)) {
    if (!read_field(vm, s->step, step)) return false;
    if (*step == 0) return rt_raise_b(vm, &exc_ValueError, "slice step cannot be zero");
    if (*step < -INT64_MAX) *step = -INT64_MAX; /* so that -step fits */
  }
  *start = *step < 0 ? INT64_MAX : 0;
  *stop = *step < 0 ? INT64_MIN : INT64_MAX;
  if (!v_is_none(s->start) && !read_field(vm, s->start, start)) return false;
  return v_is_none(s->stop) || read_field(vm, s->stop, stop);
}

int64_t slice_adjust(int64_t length, int64_t *start, int64_t *stop, int64_t step) {
  int64_t *ends[2] = {start, stop};
  for (int i = 0; i < 2; i++) {
    int64_t *e = ends[i];
    if (*e < 0) {
      *e += length;
      if (*e < 0) *e = step < 0 ? -1 : 0;
    } else if (*e >= length) {
      *e = step < 0 ? length - 1 : length;
    }
  }
  if (step < 0) return *stop < *start ? (*start - *stop - 1) / -step + 1 : 0;
  return *start < *stop ? (*stop - *start - 1) / step + 1 : 0;
}

bool slice_indices(VM *vm, Slice *s, int64_t length, int64_t *start, int64_t *stop, int64_t *step, int64_t *count) {
  if (!slice_unpack(vm, s, start, stop, step)) return false;
  *count = slice_adjust(length, start, stop, *step);
  return true;
}

/* One end of a slice for slice_indices_any: -1 failed. */
static bool any_end(VM *vm, Value field, Value length, Value lower, Value upper, Value dflt, Value *out) {
  *out = dflt;
  if (v_is_none(field)) return true;
  Value v = slice_index(vm, field);
  if (!v_failed(v) && int_sign(v) < 0) {
    v = int_binary(vm, TINY_ADD, v, length);
    if (!v_failed(v) && int_compare(v, lower) < 0) v = lower;
  } else if (!v_failed(v) && int_compare(v, upper) > 0) {
    v = upper;
  }
  *out = v;
  return !v_failed(v);
}

bool slice_indices_any(VM *vm, Slice *s, Value length, Value out[3]) {
  Value step = v_is_none(s->step) ? v_from_int62(1) : slice_index(vm, s->step), one = v_from_int62(1);
  Value *keep = v_failed(step) ? NULL : rt_temp(vm, 3);
  if (!keep) return false;
  if (int_sign(step) == 0) return rt_raise_b(vm, &exc_ValueError, "slice step cannot be zero");
  bool back = int_sign(step) < 0;
  keep[0] = step;
  Value last = int_binary(vm, TINY_SUB, length, one);
  if (v_failed(last)) return false;
  Value lower = back ? v_from_int62(-1) : v_from_int62(0), upper = back ? last : length;
  keep[1] = upper;
  if (!any_end(vm, s->start, length, lower, upper, back ? upper : lower, &out[0])) return false;
  keep[2] = out[0];
  out[2] = step;
  return any_end(vm, s->stop, length, lower, upper, back ? lower : upper, &out[1]);
}

static Value slice_make(VM *vm, const Type *cls, Args *a) {
  (void)cls;
  if (v_absent(a->v[1])) return slice_new(vm, V_NONE, a->v[0], V_NONE);
  return slice_new(vm, a->v[0], a->v[1], v_absent(a->v[2]) ? V_NONE : a->v[2]);
}

static Value slice_repr(VM *vm, Value self) {
  Slice *s = (Slice *)v_obj(self);
  return rt_format(vm, "slice(%R, %R, %R)", s->start, s->stop, s->step);
}

/* As the tuples (start, stop, step). */
static Value slice_compare(VM *vm, Value a, Value b, Compare op) {
  if (!v_is_exact(a, &slice_type) || !v_is_exact(b, &slice_type)) return V_NOTIMPL;
  if (v_same(a, b)) return v_from_bool(op == CO_EQ || op == CO_LE || op == CO_GE);
  Slice *s = (Slice *)v_obj(a), *t = (Slice *)v_obj(b);
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2);
  Tuple *x = keep ? tuple_new(vm, (Value[]){s->start, s->stop, s->step}, 3) : NULL, *y = x ? tuple_new(vm, (Value[]){t->start, t->stop, t->step}, 3) : NULL;
  Value r = V_FAIL;
  if (y) {
    keep[0] = v_from_obj(x);
    keep[1] = v_from_obj(y);
    r = tuple_type.compare(vm, keep[0], keep[1], op);
  }
  rt_temp_release(vm, mark);
  return r;
}

static Value indices_m(VM *vm, Args *a) {
  Slice *s = (Slice *)v_obj(a->v[0]);
  Value length_value = rt_index_obj(vm, a->v[1]);
  if (v_failed(length_value)) return V_FAIL;
  if (int_sign(length_value) < 0) return rt_raise(vm, &exc_ValueError, "length should not be negative");
  Value *keep = rt_temp(vm, 1), v[3];
  if (!keep) return V_FAIL;
  *keep = length_value;
  return slice_indices_any(vm, s, length_value, v) ? v_from_obj_or_fail(tuple_new(vm, v, 3)) : V_FAIL;
}

static Value reduce_m(VM *vm, Args *a) {
  Slice *s = (Slice *)v_obj(a->v[0]);
  Tuple *args = tuple_new(vm, (Value[]){s->start, s->stop, s->step}, 3);
  return args ? v_from_obj_or_fail(tuple_pair(vm, rt_type_value(&slice_type), v_from_obj(args))) : V_FAIL;
}

#define FIELD(name)                                                                                                                                    \
  static Value get_##name(VM *vm, Value self) {                                                                                                        \
    (void)vm;                                                                                                                                          \
    return ((Slice *)v_obj(self))->name;                                                                                                               \
  }
FIELD(start)
FIELD(stop)
FIELD(step)
static const GetSet getset[] = {{"start", get_start, NULL, NULL}, {"stop", get_stop, NULL, NULL}, {"step", get_step, NULL, NULL}, {0}};
static const tiny_def methods[] = {
    {"indices", indices_m, "(self, len, /)", "S.indices(len) -> (start, stop, stride)\n\nAssuming a sequence of length len, calculate the start and stop\nindices, and the stride length of the extended slice described by\nS."},
    {"__reduce__", reduce_m, "(self, /)", "Return state information for pickling."},
    {0},
};

const Type slice_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "slice",
    .base = &object_type,
    .layout = LAY_SLICE,
    .flags = TYPE_UNHASHABLE,
    .shape_id = TYPE_ID_slice,
    .size = sizeof(Slice),
    .doc = "slice(stop)\nslice(start, stop[, step])\n\nCreate a slice object.  This is used for extended slicing (e.g. a[0:10:2]).",
    .new_ = slice_make,
    .new_sig = "(start, stop=..., step=..., /)",
    .trace = slice_trace,
    .repr = slice_repr,
    .compare = slice_compare,
    .methods = methods,
    .getset = getset,
};
