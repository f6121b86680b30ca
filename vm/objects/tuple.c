/* tuple: immutable, its items lie behind the struct. The empty tuple is shared in a VM. */
#include "vm/objects/containers_int.h"

Tuple *tuple_new_of(VM *vm, const Type *cls, const Value *items, size_t n) {
  if (n > MAX_ITEMS - sizeof(Tuple)) {
    rt_no_memory(vm);
    return NULL;
  }
  Tuple *t = LIKELY(cls == &tuple_type) ? gc_new_leaf(vm, cls, sizeof(Tuple) + n * sizeof(Value)) : gc_new(vm, cls, sizeof(Tuple) + n * sizeof(Value));
  if (!t) return NULL;
  t->length = n;
  t->hash = -1;
  if (items)
    memcpy(t->items, items, n * sizeof(Value));
  else
    for (size_t i = 0; i < n; i++) t->items[i] = V_NONE;
  return t;
}

Tuple *tuple_new(VM *vm, const Value *items, size_t n) {
  if (n) return tuple_new_of(vm, &tuple_type, items, n);
  if (!vm->empty_tuple) vm->empty_tuple = tuple_new_of(vm, &tuple_type, NULL, 0);
  return vm->empty_tuple;
}

Tuple *tuple_pair(VM *vm, Value a, Value b) {
  Tuple *t = gc_new_leaf(vm, &tuple_type, sizeof(Tuple) + 2 * sizeof(Value));
  if (!t) return NULL;
  t->length = 2;
  t->hash = -1;
  t->items[0] = a;
  t->items[1] = b;
  return t;
}

static void tuple_trace(Tracer *t, Obj *o) {
  Tuple *tuple = (Tuple *)o;
  gc_mark_array(t, tuple->items, tuple->length);
}

/* ---- repr, hash, comparison ---- */

static Value tuple_repr(VM *vm, Value self) {
  Tuple *t = v_tuple(self);
  if (t->length == 0) return v_from_str(str_from(vm, "()"));
  if (t->head.flags & OBJ_BUSY_REPR) return v_from_str(str_from(vm, "(...)"));
  if (!rt_enter_c(vm, " while getting the repr of an object")) return V_FAIL;
  Buf b;
  buf_init(&b, &vm->mem);
  buf_char(&b, '(');
  t->head.flags |= OBJ_BUSY_REPR;
  bool ok = true;
  for (size_t i = 0; i < t->length && ok; i++) {
    if (i) buf_str(&b, ", ");
    ok = buf_add_repr(vm, &b, t->items[i]);
  }
  t->head.flags &= (uint8_t)~OBJ_BUSY_REPR;
  rt_leave_c(vm);
  if (!ok) {
    buf_free(&b);
    return V_FAIL;
  }
  buf_str(&b, t->length == 1 ? ",)" : ")");
  return v_from_str(str_from_buf(vm, &b));
}

/* The items' hashes mixed as xxHash mixes its lanes, with CPython 3.8+'s constants: sets of tuples iterate in its order. */
static bool mix_hashes(VM *vm, Tuple *t, int64_t *out, bool *plain) {
  const uint64_t p1 = 11400714785074694791u, p2 = 14029467366897019727u, p5 = 2870177450012600261u;
  uint64_t acc = p5;
  for (size_t i = 0; i < t->length; i++) {
    int64_t lane;
    if (!hash_value(vm, t->items[i], &lane)) return false;
    *plain = *plain && (is_plain_key(t->items[i]) || (v_is_exact(t->items[i], &tuple_type) && v_tuple(t->items[i])->hash != -1));
    acc += (uint64_t)lane * p2;
    acc = (acc << 31) | (acc >> 33);
    acc *= p1;
  }
  acc += (uint64_t)t->length ^ (p5 ^ 3527539u);
  *out = acc == UINT64_MAX ? 1546275796 : (int64_t)acc;
  return true;
}

static bool tuple_hash(VM *vm, Value self, int64_t *out) {
  Tuple *t = v_tuple(self);
  if (t->hash != -1) {
    *out = t->hash;
    return true;
  }
  if (!rt_enter_c(vm, "")) return false;
  bool plain = true; /* kept only where no script's __hash__ had a part in it */
  bool ok = mix_hashes(vm, t, out, &plain);
  rt_leave_c(vm);
  if (ok && plain) t->hash = *out;
  return ok;
}

static Value compare_items(VM *vm, Tuple *a, Tuple *b, Compare op) {
  for (size_t i = 0; i < a->length && i < b->length; i++) {
    bool same;
    if (!eq_values(vm, a->items[i], b->items[i], &same)) return V_FAIL;
    if (same) continue;
    if (op == CO_EQ || op == CO_NE) return v_from_bool(op == CO_NE);
    return rt_compare(vm, a->items[i], b->items[i], op);
  }
  size_t n = a->length, m = b->length;
  switch (op) {
  case CO_EQ: return v_from_bool(n == m);
  case CO_NE: return v_from_bool(n != m);
  case CO_LT: return v_from_bool(n < m);
  case CO_LE: return v_from_bool(n <= m);
  case CO_GT: return v_from_bool(n > m);
  default: return v_from_bool(n >= m);
  }
}

static Value tuple_compare(VM *vm, Value a, Value b, Compare op) {
  if (!is_tuple(a) || !is_tuple(b)) return V_NOTIMPL;
  if (!rt_enter_c(vm, " in comparison")) return V_FAIL;
  Value r = compare_items(vm, v_tuple(a), v_tuple(b), op);
  rt_leave_c(vm);
  return r;
}

/* ---- sequence ---- */

static int tuple_truth(VM *vm, Value self) {
  (void)vm;
  return v_tuple(self)->length != 0;
}
static int64_t tuple_length(VM *vm, Value self) {
  (void)vm;
  return (int64_t)v_tuple(self)->length;
}

static int tuple_contains(VM *vm, Value self, Value item) {
  Tuple *t = v_tuple(self);
  for (size_t i = 0; i < t->length; i++) {
    bool same;
    if (!eq_values(vm, t->items[i], item, &same)) return -1;
    if (same) return 1;
    if ((i & 1023) == 1023 && !rt_charge(vm, 16)) return -1;
  }
  return 0;
}

static Value tuple_slice(VM *vm, Value self, Slice *s) {
  Tuple *t = v_tuple(self);
  int64_t start, stop, step;
  if (!slice_unpack(vm, s, &start, &stop, &step)) return V_FAIL;
  int64_t count = slice_adjust((int64_t)t->length, &start, &stop, step);
  if (!rt_charge(vm, (uint64_t)count / 16)) return V_FAIL;
  if (step == 1 && count == (int64_t)t->length && t->head.type == &tuple_type) return self;
  if (step == 1 || count == 0) return v_from_obj_or_fail(tuple_new(vm, t->items + start, (size_t)count));
  Tuple *r = tuple_new(vm, NULL, (size_t)count);
  if (!r) return V_FAIL;
  for (int64_t i = 0; i < count; i++) r->items[i] = t->items[start + i * step];
  return v_from_obj(r);
}

Value tuple_getitem(VM *vm, Value self, Value key) {
  if (v_has_layout(key, LAY_SLICE)) return tuple_slice(vm, self, (Slice *)v_obj(key));
  int64_t i;
  if (!seq_subscript(vm, key, "tuple", &i)) return V_FAIL;
  int64_t n = (int64_t)v_tuple(self)->length;
  if (i < 0) i += n;
  if (i < 0 || i >= n) return rt_raise(vm, &exc_IndexError, "tuple index out of range");
  return v_tuple(self)->items[i];
}

static Value repeat(VM *vm, Value self, Value count_value) {
  Tuple *t = v_tuple(self);
  int64_t count;
  bool known;
  if (!repeat_count(vm, count_value, &count, &known)) return known ? V_FAIL : seq_repeat_error(vm, count_value);
  size_t n = t->length, total;
  if ((count == 1 || n == 0) && t->head.type == &tuple_type) return self;
  if (!mem_mul(n, count < 0 ? 0 : (size_t)count, &total) || total > MAX_ITEMS - sizeof(Tuple)) return rt_no_memory(vm);
  if (!rt_charge(vm, total / 16)) return V_FAIL;
  if (total == 0) return v_from_obj_or_fail(tuple_new(vm, NULL, 0));
  Tuple *r = gc_new(vm, &tuple_type, sizeof(Tuple) + total * sizeof(Value));
  if (!r) return V_FAIL;
  r->length = total;
  r->hash = -1;
  memcpy(r->items, t->items, n * sizeof(Value));
  for (size_t done = n; done < total;) {
    size_t chunk = done < total - done ? done : total - done;
    memcpy(r->items + done, r->items, chunk * sizeof(Value));
    done += chunk;
  }
  return v_from_obj(r);
}

static Value concat(VM *vm, Value a, Value b) {
  size_t n = v_tuple(a)->length, m = v_tuple(b)->length;
  if (m == 0 && v_is_exact(a, &tuple_type)) return a;
  if (n == 0 && v_is_exact(b, &tuple_type)) return b;
  if (!rt_charge(vm, (n + m) / 16)) return V_FAIL;
  Tuple *r = tuple_new(vm, NULL, n + m);
  if (!r) return V_FAIL;
  memcpy(r->items, v_tuple(a)->items, n * sizeof(Value));
  memcpy(r->items + n, v_tuple(b)->items, m * sizeof(Value));
  return v_from_obj(r);
}

static Value tuple_binary(VM *vm, int op, Value a, Value b) {
  if (op == TINY_ADD) {
    if (!is_tuple(a)) return V_NOTIMPL;
    return is_tuple(b) ? concat(vm, a, b) : seq_concat_error(vm, "tuple", b);
  }
  if (op == TINY_MUL) return is_tuple(a) ? repeat(vm, a, b) : repeat(vm, b, a);
  return V_NOTIMPL;
}

static Value tuple_iter(VM *vm, Value self) { return seq_iter_new(vm, &tuple_iter_type, self); }

/* ---- construction and methods ---- */

static Value from_list(VM *vm, Args *a) {
  const Type *cls = (const Type *)v_obj(a->v[0]);
  List *l = v_list(a->v[1]);
  return v_from_obj_or_fail(cls == &tuple_type ? tuple_new(vm, l->items, l->length) : tuple_new_of(vm, cls, l->items, l->length));
}
static const tiny_def from_list_def = {"tuple", from_list, "(cls, items, /)", NULL};

static Value tuple_make(VM *vm, const Type *cls, Args *a) {
  Value x = a->v[0];
  if (v_absent(x)) return v_from_obj_or_fail(cls == &tuple_type ? tuple_new(vm, NULL, 0) : tuple_new_of(vm, cls, NULL, 0));
  if (cls == &tuple_type && v_is_exact(x, &tuple_type)) return x;
  size_t n;
  const Value *items = seq_items(x, &n);
  if (!items) {
    List *l = list_new(vm, NULL, 0);
    if (!l) return V_FAIL;
    int r = list_extend_c(vm, l, x);
    if (r < 0) return V_FAIL;
    if (r == 0) {
      Value make = native_value(vm, &from_list_def);
      if (v_failed(make)) return V_FAIL;
      return rt_tail_builtin(vm, iter_gives_hint(vm, x) ? "_new_from_list_hinted" : "_new_from_list", 3, (Value[]){make, rt_type_value(cls), x});
    }
    items = l->items;
    n = l->length;
    Tuple *t = cls == &tuple_type ? tuple_new(vm, items, n) : tuple_new_of(vm, cls, items, n);
    list_clear(vm, l);
    return v_from_obj_or_fail(t);
  }
  return v_from_obj_or_fail(cls == &tuple_type ? tuple_new(vm, items, n) : tuple_new_of(vm, cls, items, n));
}

static Value index_m(VM *vm, Args *a) {
  Tuple *t = v_tuple(a->v[0]);
  int64_t from, to;
  if (!seq_bounds(vm, a->v[2], a->v[3], (int64_t)t->length, &from, &to)) return V_FAIL;
  for (int64_t i = from; i < to && i < (int64_t)t->length; i++) {
    bool same;
    if (!eq_values(vm, t->items[i], a->v[1], &same)) return V_FAIL;
    if (same) return v_from_int62(i);
  }
  return rt_raise(vm, &exc_ValueError, "tuple.index(x): x not in tuple");
}

static Value count_m(VM *vm, Args *a) {
  Tuple *t = v_tuple(a->v[0]);
  int64_t n = 0;
  for (size_t i = 0; i < t->length; i++) {
    bool same;
    if (!eq_values(vm, t->items[i], a->v[1], &same)) return V_FAIL;
    n += same;
  }
  return v_from_int62(n);
}

static Value getnewargs(VM *vm, Args *a) {
  Tuple *t = v_tuple(a->v[0]), *plain = t->head.type == &tuple_type ? t : tuple_new(vm, t->items, t->length);
  return plain ? v_from_obj_or_fail(tuple_new(vm, (Value[]){v_from_obj(plain)}, 1)) : V_FAIL;
}

static const tiny_def methods[] = {
    {"index", index_m, "(self, value, start=..., stop=..., /)", "Return first index of value.\n\nRaises ValueError if the value is not present."},
    {"count", count_m, "(self, value, /)", "Return number of occurrences of value."},
    {"__getnewargs__", getnewargs, "(self, /)", NULL},
    CLASS_GETITEM,
    {0},
};

const Type tuple_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "tuple",
    .base = &object_type,
    .layout = LAY_TUPLE,
    .flags = TYPE_BASE | TYPE_INIT_KEYWORDS | TYPE_VARSIZE | TYPE_SEQUENCE | TYPE_BARRIER,
    .shape_id = TYPE_ID_tuple,
    .size = sizeof(Tuple),
    .item_size = sizeof(Value),
    .doc = "Built-in immutable sequence.\n\nIf no argument is given, the constructor returns an empty tuple.\nIf iterable is specified the tuple is initialized from iterable's items.\n\n"
           "If the argument is a tuple, the return value is the same object.",
    .new_ = tuple_make,
    .new_sig = "(iterable=..., /)",
    .trace = tuple_trace,
    .repr = tuple_repr,
    .hash = tuple_hash,
    .compare = tuple_compare,
    .truth = tuple_truth,
    .length = tuple_length,
    .getitem = tuple_getitem,
    .contains = tuple_contains,
    .iter = tuple_iter,
    .binary = tuple_binary,
    .methods = methods,
};
