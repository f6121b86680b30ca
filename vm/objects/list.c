/* list: storage, slots, slices. Items lie in counted memory beside the object; every change of it happens in this file (and in list_sort.c).
 *
 * Functions marked [script] may find the list changed by script code after an rt_ call: they read length and items again. */
#include "vm/objects/containers_int.h"

/* ---- storage ---- */

static List *list_alloc(VM *vm, const Type *cls) { return gc_new(vm, cls, sizeof(List)); }

List *list_new(VM *vm, const Value *items, size_t n) {
  List *l = list_alloc(vm, &list_type);
  if (!l || n == 0) return l;
  if (!list_reserve(vm, l, n)) return NULL;
  if (items)
    memcpy(l->items, items, n * sizeof(Value));
  else
    for (size_t i = 0; i < n; i++) l->items[i] = V_NONE;
  l->length = n;
  return l;
}

/* Exact room: for lists whose final size is known. */
bool list_reserve(VM *vm, List *l, size_t capacity) {
  if (capacity <= l->capacity) return true;
  if (capacity > MAX_ITEMS) {
    rt_no_memory(vm);
    return false;
  }
  Value *items = mem_realloc(&vm->mem, l->items, l->capacity * sizeof(Value), capacity * sizeof(Value));
  if (!items) {
    rt_no_memory(vm);
    return false;
  }
  l->items = items;
  l->capacity = capacity;
  return true;
}

static COLD bool grow(VM *vm, List *l, size_t need) {
  if (need <= l->capacity) return true;
  if (need <= MAX_ITEMS && mem_grow(&vm->mem, (void **)&l->items, &l->capacity, need, sizeof(Value))) return true;
  rt_no_memory(vm);
  return false;
}

/* Gives memory back when little of it is used; failing to is no error. */
static void shrink(VM *vm, List *l) {
  if (l->length >= l->capacity / 4 || l->capacity <= 32) return;
  size_t capacity = l->length * 2 < 16 ? 16 : l->length * 2;
  Value *items = mem_realloc(&vm->mem, l->items, l->capacity * sizeof(Value), capacity * sizeof(Value));
  if (!items) return;
  l->items = items;
  l->capacity = capacity;
}

bool list_append(VM *vm, List *l, Value v) {
  if (UNLIKELY(l->length == l->capacity) && !grow(vm, l, l->length + 1)) return false;
  gc_store_item(vm, l, &l->items[l->length], v);
  l->length++;
  return true;
}

bool list_extend(VM *vm, List *l, const Value *items, size_t n) {
  if (n == 0) return true;
  bool own = l->length && items >= l->items && items < l->items + l->length;
  size_t offset = own ? (size_t)(items - l->items) : 0;
  if (n > MAX_ITEMS - l->length) {
    rt_no_memory(vm);
    return false;
  }
  if (l->capacity == 0 ? !list_reserve(vm, l, n) : !grow(vm, l, l->length + n)) return false;
  if (own) items = l->items + offset;
  for (size_t i = 0; i < n; i++) gc_store_item(vm, l, &l->items[l->length + i], items[i]);
  l->length += n;
  return true;
}

Value list_slice(VM *vm, List *l, size_t start, size_t end) {
  return v_from_obj_or_fail(list_new(vm, l->items ? l->items + start : NULL, end > start ? end - start : 0));
}

bool list_insert(VM *vm, List *l, int64_t at, Value v) {
  int64_t n = (int64_t)l->length;
  if (at < 0) at = at + n < 0 ? 0 : at + n;
  if (at > n) at = n;
  if (!grow(vm, l, l->length + 1)) return false;
  memmove(l->items + at + 1, l->items + at, (size_t)(n - at) * sizeof(Value));
  l->length++;
  gc_store_item(vm, l, &l->items[at], v);
  return true;
}

void list_remove_at(VM *vm, List *l, size_t at) {
  memmove(l->items + at, l->items + at + 1, (l->length - at - 1) * sizeof(Value));
  l->length--;
  shrink(vm, l);
}

void list_clear(VM *vm, List *l) {
  Value *items = l->items;
  size_t capacity = l->capacity;
  l->items = NULL;
  l->length = l->capacity = 0;
  mem_free(&vm->mem, items, capacity * sizeof(Value));
}

bool list_splice(VM *vm, List *l, size_t low, size_t high, const Value *items, size_t n) {
  Value *copy = NULL;
  size_t removed = high - low, length = l->length;
  if (n > MAX_ITEMS - length) {
    rt_no_memory(vm);
    return false;
  }
  if (n && l->items && items >= l->items && items < l->items + length) {
    copy = mem_alloc(&vm->mem, n * sizeof(Value));
    if (!copy) {
      rt_no_memory(vm);
      return false;
    }
    memcpy(copy, items, n * sizeof(Value));
    items = copy;
  }
  bool ok = n <= removed || grow(vm, l, length - removed + n);
  if (ok && l->items) {
    memmove(l->items + low + n, l->items + high, (length - high) * sizeof(Value));
    for (size_t i = 0; i < n; i++) gc_store_item(vm, l, &l->items[low + i], items[i]);
    l->length = length - removed + n;
    if (n < removed) shrink(vm, l);
  }
  if (copy) mem_free(&vm->mem, copy, n * sizeof(Value));
  return ok;
}

const Value *seq_items(Value v, size_t *n) {
  if (v_is_exact(v, &list_type)) {
    *n = v_list(v)->length;
    return v_list(v)->items ? v_list(v)->items : (const Value *)v_obj(v);
  }
  if (v_is_exact(v, &tuple_type)) {
    *n = v_tuple(v)->length;
    return v_tuple(v)->items;
  }
  return NULL;
}

int list_extend_c(VM *vm, List *l, Value x) {
  size_t n;
  const Value *items = seq_items(x, &n);
  if (items) return list_extend(vm, l, items, n) ? 1 : -1;
  Value it = iter_c(vm, x);
  if (v_failed(it)) return -1;
  if (v_absent(it)) return 0;
  if (is_list(x) && v_list(x) == l) return list_extend(vm, l, l->items, l->length) ? 1 : -1; /* as far as it goes now */
  int64_t hint = is_dict(x) ? (int64_t)v_dict(x)->used : is_anyset(x) ? (int64_t)v_set(x)->used : 0;
  uint64_t small_length;
  int64_t start, step;
  if (v_has_layout(x, LAY_RANGE) && range_is_small((Range *)v_obj(x), &start, &step, &small_length)) hint = small_length > INT64_MAX ? INT64_MAX : (int64_t)small_length;
  if (hint > 0 && ((size_t)hint > MAX_ITEMS - l->length || !list_reserve(vm, l, l->length + (size_t)hint))) {
    if (!rt_pending(vm)) rt_no_memory(vm);
    return -1;
  }
  Value item;
  int r;
  uint32_t turns = 0;
  while ((r = iter_c_next(vm, it, &item)) == 1) {
    if (!list_append(vm, l, item)) return -1;
    if ((++turns & 1023) == 0 && !rt_charge(vm, 64)) return -1;
  }
  return r < 0 ? -1 : 1;
}

static void list_trace(Tracer *t, Obj *o) {
  List *l = (List *)o;
  gc_mark_array(t, l->items, l->length);
}
static void list_destroy(VM *vm, Obj *o) { list_clear(vm, (List *)o); }

/* ---- repr, truth, comparison ---- */

bool buf_add_repr(VM *vm, Buf *b, Value v) {
  Value r = rt_repr(vm, v);
  if (v_failed(r)) return false;
  buf_add(b, v_str(r)->data, v_str(r)->size);
  return true;
}

static bool items_repr(VM *vm, Value self, Buf *b) {
  for (size_t i = 0; i < v_list(self)->length; i++) { /* __repr__ may change the list: everything is read again */
    if (i) buf_str(b, ", ");
    if (!buf_add_repr(vm, b, v_list(self)->items[i])) return false;
  }
  return true;
}

Value seq_repr(VM *vm, Value self, const char *open, const char *close, const char *recursive) {
  Obj *o = v_obj(self);
  if (o->flags & OBJ_BUSY_REPR) return v_from_str(str_from(vm, recursive));
  if (!rt_enter_c(vm, " while getting the repr of an object")) return V_FAIL;
  Buf b;
  buf_init(&b, &vm->mem);
  buf_str(&b, open);
  o->flags |= OBJ_BUSY_REPR;
  bool ok = items_repr(vm, self, &b);
  o->flags &= (uint8_t)~OBJ_BUSY_REPR;
  rt_leave_c(vm);
  if (!ok) {
    buf_free(&b);
    return V_FAIL;
  }
  buf_str(&b, close);
  return v_from_str(str_from_buf(vm, &b));
}

static Value list_repr(VM *vm, Value self) { return seq_repr(vm, self, "[", "]", "[...]"); }
static int list_truth(VM *vm, Value self) {
  (void)vm;
  return v_list(self)->length != 0;
}
static int64_t list_length(VM *vm, Value self) {
  (void)vm;
  return (int64_t)v_list(self)->length;
}

/* Lexicographic: the first pair that differs decides, then the lengths. Lengths are read again: __eq__ may change either list, and when it made
   one too short for the pair, only the lengths count. */
static Value compare_items(VM *vm, List *a, List *b, Compare op) {
  for (size_t i = 0; i < a->length && i < b->length; i++) {
    bool same;
    if (!eq_values(vm, a->items[i], b->items[i], &same)) return V_FAIL;
    if (same) continue;
    if (i >= a->length || i >= b->length) break;
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

static Value list_compare(VM *vm, Value a, Value b, Compare op) {
  if (!is_list(a) || !is_list(b)) return V_NOTIMPL;
  if (v_list(a)->length != v_list(b)->length && (op == CO_EQ || op == CO_NE)) return v_from_bool(op == CO_NE);
  if (!rt_enter_c(vm, " in comparison")) return V_FAIL;
  Value r = compare_items(vm, v_list(a), v_list(b), op);
  rt_leave_c(vm);
  return r;
}

static int list_contains(VM *vm, Value self, Value item) {
  List *l = v_list(self);
  for (size_t i = 0; i < l->length; i++) {
    bool same;
    if (!eq_values(vm, l->items[i], item, &same)) return -1;
    if (same) return 1;
    if ((i & 1023) == 1023 && !rt_charge(vm, 16)) return -1;
  }
  return 0;
}

/* ---- subscripts ---- */

bool seq_subscript(VM *vm, Value key, const char *what, int64_t *out) {
  if (v_is_int(key)) {
    *out = v_int(key);
    return true;
  }
  if (v_is_bool(key)) {
    *out = v_same(key, V_TRUE);
    return true;
  }
  if (is_int(key)) {
    if (int_to_i64(key, out)) return true;
    return rt_raise_b(vm, &exc_IndexError, "cannot fit '%T' into an index-sized integer", key);
  }
  const Type *t = type_of(key);
  if (!type_is_heap(t) || v_absent(rt_type_lookup(vm, t, NAME(vm, __index__)))) return rt_raise_b(vm, &exc_TypeError, "%s indices must be integers or slices, not %T", what, key);
  Value i = rt_index_obj(vm, key);
  if (v_failed(i)) return false;
  if (int_to_i64(i, out)) return true;
  return rt_raise_b(vm, &exc_IndexError, "cannot fit '%T' into an index-sized integer", key);
}

static Value extended_slice(VM *vm, List *l, int64_t start, int64_t step, int64_t count) {
  List *r = list_new(vm, NULL, (size_t)count);
  if (!r) return V_FAIL;
  for (int64_t i = 0; i < count; i++) r->items[i] = l->items[start + i * step];
  return v_from_obj(r);
}

Value list_getitem(VM *vm, Value self, Value key) {
  List *l = v_list(self);
  int64_t i, stop, step;
  if (v_has_layout(key, LAY_SLICE)) {
    if (!slice_unpack(vm, (Slice *)v_obj(key), &i, &stop, &step)) return V_FAIL;
    int64_t count = slice_adjust((int64_t)l->length, &i, &stop, step);
    if (!rt_charge(vm, (uint64_t)count / 16)) return V_FAIL;
    if (step == 1) return list_slice(vm, l, (size_t)i, (size_t)(i + count));
    return extended_slice(vm, l, i, step, count);
  }
  if (!seq_subscript(vm, key, "list", &i)) return V_FAIL;
  int64_t n = (int64_t)l->length;
  if (i < 0) i += n;
  if (i < 0 || i >= n) return rt_raise(vm, &exc_IndexError, "list index out of range");
  return l->items[i];
}

/* del l[start::step] of count items, in one pass. */
static void delete_extended(VM *vm, List *l, int64_t start, int64_t step, int64_t count) {
  if (count == 0) return;
  if (step < 0) {
    start += step * (count - 1);
    step = -step;
  }
  size_t to = (size_t)start, from = (size_t)start, next = (size_t)start;
  int64_t gone = 0;
  for (; from < l->length; from++) {
    if (gone < count && from == next) {
      next += (size_t)step;
      gone++;
    } else {
      l->items[to++] = l->items[from];
    }
  }
  l->length = to;
  shrink(vm, l);
}

/* Items of the value assigned to a slice; other iterables become a list first, in *temp. [script] */
static const Value *assigned_items(VM *vm, Value value, const char *error, size_t *n) {
  const Value *items = seq_items(value, n);
  if (items) return items;
  if (!iter_is_iterable(vm, value)) {
    rt_raise(vm, &exc_TypeError, "%s", error);
    return NULL;
  }
  Value list = rt_iter_to_list(vm, value);
  if (v_failed(list)) return NULL;
  return seq_items(list, n);
}

static bool set_slice(VM *vm, List *l, Slice *s, Value value) {
  int64_t start, stop, step;
  if (!slice_unpack(vm, s, &start, &stop, &step)) return false;
  int64_t start0 = start, stop0 = stop;
  int64_t count = slice_adjust((int64_t)l->length, &start, &stop, step);
  if (v_absent(value)) {
    if (step == 1) return list_splice(vm, l, (size_t)start, (size_t)(start + count), NULL, 0);
    delete_extended(vm, l, start, step, count);
    return true;
  }
  size_t n;
  const Value *items = assigned_items(vm, value, step == 1 ? "can only assign an iterable" : "must assign iterable to extended slice", &n);
  if (!items || !rt_charge(vm, n / 16)) return false;
  if (step == 1) { /* the list may have shrunk while the value was iterated */
    int64_t length = (int64_t)l->length;
    if (start > length) start = length;
    if (stop > length) stop = length;
    if (stop < start) stop = start;
    return list_splice(vm, l, (size_t)start, (size_t)stop, items, n);
  }
  count = slice_adjust((int64_t)l->length, &start0, &stop0, step);
  if ((int64_t)n != count) return rt_raise_b(vm, &exc_ValueError, "attempt to assign sequence of size %zd to extended slice of size %zd", (ptrdiff_t)n, (ptrdiff_t)count);
  if (n == 0) return true;
  Value *copy = mem_alloc(&vm->mem, n * sizeof(Value)); /* items may be the list's own */
  if (!copy) {
    rt_no_memory(vm);
    return false;
  }
  memcpy(copy, items, n * sizeof(Value));
  for (size_t i = 0; i < n; i++) gc_store_item(vm, l, &l->items[start0 + (int64_t)i * step], copy[i]);
  mem_free(&vm->mem, copy, n * sizeof(Value));
  return true;
}

bool list_setitem(VM *vm, Value self, Value key, Value value) {
  List *l = v_list(self);
  if (v_has_layout(key, LAY_SLICE)) return set_slice(vm, l, (Slice *)v_obj(key), value);
  int64_t i;
  if (!seq_subscript(vm, key, "list", &i)) return false;
  int64_t n = (int64_t)l->length;
  if (i < 0) i += n;
  if (i < 0 || i >= n) return rt_raise_b(vm, &exc_IndexError, "list assignment index out of range");
  if (v_absent(value))
    list_remove_at(vm, l, (size_t)i);
  else
    gc_store_item(vm, l, &l->items[i], value);
  return true;
}

/* ---- + and * ---- */

bool repeat_count(VM *vm, Value v, int64_t *count, bool *known) {
  *known = true;
  if (v_is_int(v)) {
    *count = v_int(v);
    return true;
  }
  const Type *t = type_of(v);
  if (!is_int(v) && (!type_is_heap(t) || v_absent(rt_type_lookup(vm, t, NAME(vm, __index__))))) {
    *known = false;
    return false;
  }
  Value i = rt_index_obj(vm, v);
  if (v_failed(i)) return false;
  if (int_to_i64(i, count)) return true;
  return rt_raise_b(vm, &exc_OverflowError, "cannot fit '%T' into an index-sized integer", v);
}

Value seq_concat_error(VM *vm, const char *what, Value other) {
  return rt_raise(vm, &exc_TypeError, "can only concatenate %s (not \"%T\") to %s", what, other, what);
}
Value seq_repeat_error(VM *vm, Value other) {
  return rt_raise(vm, &exc_TypeError, "can't multiply sequence by non-int of type '%T'", other);
}

/* Room for length * count items; false: MemoryError. */
static bool repeat_size(VM *vm, size_t length, int64_t count, size_t *out) {
  if (mem_mul(length, count < 0 ? 0 : (size_t)count, out) && *out <= MAX_ITEMS && rt_charge(vm, *out / 16)) return true;
  if (!rt_pending(vm)) rt_no_memory(vm);
  return false;
}

/* Fills [n, total) with repetitions of [0, n). */
static void fill_repeated(Value *items, size_t n, size_t total) {
  for (size_t done = n; done < total;) {
    size_t chunk = done < total - done ? done : total - done;
    memcpy(items + done, items, chunk * sizeof(Value));
    done += chunk;
  }
}

static Value list_repeat(VM *vm, List *l, Value count_value) {
  int64_t count;
  bool known;
  if (!repeat_count(vm, count_value, &count, &known)) return known ? V_FAIL : seq_repeat_error(vm, count_value);
  size_t total;
  if (!repeat_size(vm, l->length, count, &total)) return V_FAIL;
  List *r = list_alloc(vm, &list_type);
  if (!r || !list_reserve(vm, r, total)) return V_FAIL;
  if (total) {
    memcpy(r->items, l->items, l->length * sizeof(Value));
    fill_repeated(r->items, l->length, total);
  }
  r->length = total;
  return v_from_obj(r);
}

static Value list_binary(VM *vm, int op, Value a, Value b) {
  if (op == TINY_ADD) {
    if (!is_list(a)) return V_NOTIMPL;
    if (!is_list(b)) return seq_concat_error(vm, "list", b);
    size_t n = v_list(a)->length, m = v_list(b)->length;
    if (!rt_charge(vm, (n + m) / 16)) return V_FAIL;
    List *r = list_alloc(vm, &list_type);
    if (!r || !list_reserve(vm, r, n + m) || !list_extend(vm, r, v_list(a)->items, n) || !list_extend(vm, r, v_list(b)->items, m)) return V_FAIL;
    return v_from_obj(r);
  }
  if (op == TINY_MUL) return is_list(a) ? list_repeat(vm, v_list(a), b) : list_repeat(vm, v_list(b), a);
  return V_NOTIMPL;
}

static Value list_inplace(VM *vm, int op, Value a, Value b) {
  List *l = v_list(a);
  if (op == TINY_ADD) {
    int r = list_extend_c(vm, l, b);
    if (r == 0) return rt_tail_builtin(vm, iter_gives_hint(vm, b) ? "_list_iadd_hinted" : "_list_iadd", 2, (Value[]){a, b});
    return r < 0 ? V_FAIL : a;
  }
  if (op != TINY_MUL) return V_NOTIMPL;
  int64_t count;
  bool known;
  if (!repeat_count(vm, b, &count, &known)) return known ? V_FAIL : seq_repeat_error(vm, b);
  size_t total, n = l->length;
  if (!repeat_size(vm, n, count, &total)) return V_FAIL;
  if (total == 0) {
    list_clear(vm, l);
  } else {
    if (!list_reserve(vm, l, total)) return V_FAIL;
    fill_repeated(l->items, n, total);
    l->length = total;
  }
  return a;
}

/* ---- the type ---- */

static Value list_make(VM *vm, const Type *cls, Args *a) {
  (void)a;
  return v_from_obj_or_fail(list_alloc(vm, cls));
}

static Value list_init(VM *vm, Args *a) {
  List *l = v_list(a->v[0]);
  if (l->length) list_clear(vm, l);
  if (v_absent(a->v[1])) return V_NONE;
  int r = list_extend_c(vm, l, a->v[1]);
  if (r == 0) return rt_tail_builtin(vm, iter_gives_hint(vm, a->v[1]) ? "_list_extend_hinted" : "_list_init", 2, a->v);
  return r < 0 ? V_FAIL : V_NONE;
}

static Value list_iter(VM *vm, Value self) { return seq_iter_new(vm, &list_iter_type, self); }

extern const tiny_def list_methods[];
const Type list_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "list",
    .base = &object_type,
    .layout = LAY_LIST,
    .flags = TYPE_BASE | TYPE_UNHASHABLE | TYPE_SEQUENCE | TYPE_BARRIER,
    .shape_id = TYPE_ID_list,
    .size = sizeof(List),
    .doc = "Built-in mutable sequence.\n\nIf no argument is given, the constructor creates a new empty list.\nThe argument must be an iterable if specified.",
    .new_ = list_make,
    .init = list_init,
    .init_sig = "(self, iterable=..., /)",
    .trace = list_trace,
    .destroy = list_destroy,
    .repr = list_repr,
    .compare = list_compare,
    .truth = list_truth,
    .length = list_length,
    .getitem = list_getitem,
    .setitem = list_setitem,
    .contains = list_contains,
    .iter = list_iter,
    .binary = list_binary,
    .inplace = list_inplace,
    .methods = list_methods,
};
