/* memoryview: a window on bytes or bytearray, with item formats of the struct module's native single characters. Views of no or several dimensions
 * come from cast() and are contiguous; only those of one dimension can be sliced. */
#include "vm/objects/bytes_int.h"

typedef struct MemView {
  Obj head;
  Value base;        /* bytes or bytearray; V_ABSENT: released */
  int64_t offset;    /* bytes from the base's start to item 0 */
  int64_t length;    /* items */
  int64_t stride;    /* bytes from item to item; may be negative */
  uint8_t item_size;
  char format;
  bool readonly;     /* toreadonly() */
  bool native;       /* the format was given as '@x' */
  Tuple *shape;      /* NULL: one dimension, of `length` items; else the dimensions, whose product `length` is */
} MemView;

static MemView *v_view(Value v) { return (MemView *)v_obj(v); }
/* A bytearray may have become shorter than the view (buffer_exports.c says when). */
static bool in_base(const MemView *m) {
  if (m->length == 0 || is_bytes(m->base)) return true;
  int64_t last = m->offset + (m->length - 1) * m->stride, high = (last > m->offset ? last : m->offset) + m->item_size;
  return high <= (int64_t)v_bytearray(m->base)->size;
}
static bool live(VM *vm, const MemView *m) {
  if (v_absent(m->base)) return rt_raise_b(vm, &exc_ValueError, "operation forbidden on released memoryview object");
  return in_base(m) || rt_raise_b(vm, &exc_BufferError, "memoryview: the underlying bytearray was resized");
}
static uint8_t *base_data(const MemView *m) { return is_bytearray(m->base) ? bytearray_data(v_bytearray(m->base)) : v_bytes(m->base)->data; }
static uint8_t *item_at(const MemView *m, int64_t i) { return base_data(m) + m->offset + i * m->stride; }
static bool read_only(const MemView *m) { return m->readonly || is_bytes(m->base); }
static bool contiguous(const MemView *m) { return m->stride == m->item_size || m->length <= 1; }

bool memoryview_view(Value v, View *out) {
  if (!v_is_exact(v, &memoryview_type)) return false;
  MemView *m = v_view(v);
  if (v_absent(m->base) || !in_base(m) || !contiguous(m)) return false;
  *out = (View){m->length ? item_at(m, 0) : (const uint8_t *)"", (size_t)(m->length * m->item_size)};
  return true;
}

bool memoryview_no_view(VM *vm, Value v) {
  return live(vm, v_view(v)) && rt_raise_b(vm, &exc_BufferError, "memoryview: underlying buffer is not C-contiguous");
}

/* ---- construction and life ---- */

static int format_size(char f) {
  switch (f) {
    case 'b': case 'B': case 'c': case '?': return 1;
    case 'h': case 'H': return (int)sizeof(short);
    case 'i': case 'I': return (int)sizeof(int);
    case 'l': case 'L': return (int)sizeof(long);
    case 'q': case 'Q': case 'n': case 'N': case 'P': return 8;
    case 'f': return (int)sizeof(float);
    case 'd': return (int)sizeof(double);
    default: return 0;
  }
}
static bool is_signed(char f) { return strchr("bhilqn", f) != NULL; }

static Value view_new(VM *vm, Value base, int64_t offset, int64_t length, int64_t stride, uint8_t item_size, char format) {
  MemView *m = gc_new(vm, &memoryview_type, sizeof(MemView));
  if (!m) return V_FAIL;
  m->offset = offset;
  m->length = length;
  m->stride = stride;
  m->item_size = item_size;
  m->format = format;
  m->base = V_ABSENT;
  if (is_bytearray(base) && !exports_add(vm, &m->head, v_bytearray(base))) return V_FAIL;
  gc_store(vm, m, &m->base, base);
  return v_from_obj(m);
}

/* All of a bytes, a bytearray or an array. */
static Value whole(VM *vm, Value x) {
  char format = is_bytearray(x) ? array_format(x) : 'B';
  int size = format == 'w' ? 4 : format_size(format);
  return view_new(vm, x, 0, (int64_t)self_view(x).size / size, size, (uint8_t)size, format);
}

static Value same_kind(VM *vm, Value v, const MemView *m);
static Value memoryview_new(VM *vm, const Type *cls, Args *a) {
  Value x = a->v[0];
  (void)cls;
  if (v_is_exact(x, &memoryview_type)) {
    MemView *m = v_view(x);
    return live(vm, m) ? same_kind(vm, view_new(vm, m->base, m->offset, m->length, m->stride, m->item_size, m->format), m) : V_FAIL;
  }
  if (!is_bytes(x) && !is_bytearray(x)) return rt_raise(vm, &exc_TypeError, "memoryview: a bytes-like object is required, not '%T'", x);
  return whole(vm, x);
}

static void memoryview_trace(Tracer *t, Obj *o) {
  gc_mark(t, ((MemView *)o)->base);
  gc_mark_obj(t, ((MemView *)o)->shape);
}

/* v with the flags and the dimensions of m. */
static Value same_kind(VM *vm, Value v, const MemView *m) {
  if (v_failed(v)) return v;
  v_view(v)->readonly = m->readonly;
  v_view(v)->native = m->native;
  if (m->shape) gc_store_obj(vm, v_view(v), &v_view(v)->shape, m->shape);
  return v;
}

/* ---- items ---- */

/* One item in one of the formats of format_size(). */
Value bytes_item(VM *vm, char format, const uint8_t *p) {
  uint8_t u8;
  uint16_t u16;
  uint32_t u32;
  uint64_t u = 0;
  float f;
  double d;
  switch (format) {
    case 'B': return v_from_int62(*p);
    case 'c': return v_from_bytes(bytes_new(vm, p, 1));
    case '?': return v_from_bool(*p != 0);
    case 'f': memcpy(&f, p, sizeof f); return float_new(vm, (double)f);
    case 'd': memcpy(&d, p, sizeof d); return float_new(vm, d);
    case 'w': return rt_raise(vm, &exc_NotImplementedError, "memoryview: format w not supported");
    default: break;
  }
  bool negative = is_signed(format);
  switch (format_size(format)) {
    case 1: memcpy(&u8, p, 1); u = negative ? (uint64_t)(int64_t)(int8_t)u8 : u8; break;
    case 2: memcpy(&u16, p, 2); u = negative ? (uint64_t)(int64_t)(int16_t)u16 : u16; break;
    case 4: memcpy(&u32, p, 4); u = negative ? (uint64_t)(int64_t)(int32_t)u32 : u32; break;
    default: memcpy(&u, p, 8); break;
  }
  return negative ? int_from_i64(vm, (int64_t)u) : int_from_u64(vm, u);
}
static Value unpack(VM *vm, const MemView *m, int64_t i) { return bytes_item(vm, m->format, item_at(m, i)); }

static bool bad_type(VM *vm, const MemView *m) { return rt_raise_b(vm, &exc_TypeError, "memoryview: invalid type for format '%c'", m->format); }
static bool bad_value(VM *vm, const MemView *m) { return rt_raise_b(vm, &exc_ValueError, "memoryview: invalid value for format '%c'", m->format); }

/* An int argument as the 64 bits that the format stores. [script] through __index__. */
static bool int_bits(VM *vm, const MemView *m, Value v, uint64_t *out) {
  int64_t i;
  bool is_index;
  if (!is_int(v)) {
    if (!str_index_arg(vm, v, &i, &is_index)) return false;
    if (!is_index) return bad_type(vm, m);
    v = int_from_i64(vm, i);
    if (v_failed(v)) return false;
  }
  int bits = m->item_size * 8;
  if (int_to_i64(v, &i)) {
    bool fits = is_signed(m->format) ? bits == 64 || (i >= -((int64_t)1 << (bits - 1)) && i < (int64_t)1 << (bits - 1)) : i >= 0 && (bits == 64 || i < (int64_t)1 << bits);
    *out = (uint64_t)i;
    return fits || bad_value(vm, m);
  }
  if (is_signed(m->format) || bits != 64 || int_sign(v) < 0 || int_bit_length(v) > 64) return bad_value(vm, m);
  Value low = int_binary(vm, TINY_RSHIFT, v, v_from_int62(1));
  int64_t half;
  if (v_failed(low) || !int_to_i64(low, &half)) return false;
  Value odd = int_binary(vm, TINY_AND, v, v_from_int62(1));
  if (v_failed(odd)) return false;
  *out = (uint64_t)half << 1 | (uint64_t)v_int(odd);
  return true;
}

/* Stores one item. The place is computed after [script] code could run. */
static bool pack(VM *vm, MemView *m, int64_t i, Value v) {
  uint64_t u = 0;
  double d = 0;
  switch (m->format) {
    case 'w': return rt_raise_b(vm, &exc_NotImplementedError, "memoryview: format w not supported");
    case 'c':
      if (!is_bytes(v)) return bad_type(vm, m);
      if (v_bytes(v)->size != 1) return bad_value(vm, m);
      u = v_bytes(v)->data[0];
      break;
    case '?': {
      int t = rt_truth(vm, v);
      if (t < 0) return false;
      u = (uint64_t)t;
      break;
    }
    case 'f': case 'd':
      if (!is_float(v) && !is_int(v) && !type_is_heap(type_of(v))) return bad_type(vm, m);
      if (!rt_to_double(vm, v, &d)) return false;
      break;
    default:
      if (!int_bits(vm, m, v, &u)) return false;
  }
  if (!live(vm, m)) return false;
  uint8_t *p = item_at(m, i);
  float f = (float)d;
  uint8_t u8 = (uint8_t)u;
  uint16_t u16 = (uint16_t)u;
  uint32_t u32 = (uint32_t)u;
  if (m->format == 'f') memcpy(p, &f, sizeof f);
  else if (m->format == 'd') memcpy(p, &d, sizeof d);
  else if (m->item_size == 1) memcpy(p, &u8, 1);
  else if (m->item_size == 2) memcpy(p, &u16, 2);
  else if (m->item_size == 4) memcpy(p, &u32, 4);
  else memcpy(p, &u, 8);
  return true;
}

/* ---- slots ---- */

static int64_t memoryview_length(VM *vm, Value self) {
  MemView *m = v_view(self);
  if (!live(vm, m)) return -1;
  if (m->shape && !m->shape->length) return 1;
  return m->shape ? v_int(m->shape->items[0]) : m->length;
}

/* Index of an item. */
static bool item_index(VM *vm, MemView *m, Value key, int64_t *i) {
  bool is_index;
  if (!str_index_arg(vm, key, i, &is_index) || !live(vm, m)) return false;
  if (!is_index) return rt_raise_b(vm, &exc_TypeError, "memoryview: invalid slice key");
  if (*i < 0) *i += m->length;
  return (*i >= 0 && *i < m->length) || rt_raise_b(vm, &exc_IndexError, "index out of bounds on dimension 1");
}

/* Position of the item that a tuple of indices names. [script] */
static bool tuple_index(VM *vm, MemView *m, Tuple *key, int64_t *i) {
  size_t n = m->shape ? m->shape->length : 1;
  bool all_slices = key->length > 0;
  *i = 0;
  for (size_t d = 0; d < key->length; d++) {
    bool slice = v_has_layout(key->items[d], LAY_SLICE);
    all_slices &= slice;
    if (!slice && !is_int(key->items[d]) && !type_is_heap(type_of(key->items[d]))) return rt_raise_b(vm, &exc_TypeError, "memoryview: invalid slice key");
  }
  if (all_slices) return rt_raise_b(vm, &exc_NotImplementedError, "multi-dimensional slicing is not implemented");
  if (key->length < n) return rt_raise_b(vm, &exc_NotImplementedError, "sub-views are not implemented");
  if (key->length > n) return rt_raise_b(vm, &exc_TypeError, "cannot index %zu-dimension view with %zu-element tuple", n, key->length);
  for (size_t d = 0; d < n; d++) {
    int64_t at, size = m->shape ? v_int(m->shape->items[d]) : m->length;
    bool is_index;
    if (!str_index_arg(vm, key->items[d], &at, &is_index) || !live(vm, m)) return false;
    if (!is_index) return rt_raise_b(vm, &exc_TypeError, "memoryview: invalid slice key");
    if (at < 0) at += size;
    if (at < 0 || at >= size) return rt_raise_b(vm, &exc_IndexError, "index out of bounds on dimension %d", (int)d + 1);
    *i = *i * size + at;
  }
  return true;
}

/* Several dimensions take a tuple, none take (). [script] */
static bool any_index(VM *vm, MemView *m, Value key, int64_t *i) {
  if (is_tuple(key)) return tuple_index(vm, m, v_tuple(key), i);
  if (!m->shape) return item_index(vm, m, key, i);
  if (!m->shape->length) {
    *i = 0;
    return v_same(key, V_ELLIPSIS) || rt_raise_b(vm, &exc_TypeError, "invalid indexing of 0-dim memory");
  }
  if (!is_int(key) && !type_is_heap(type_of(key))) return rt_raise_b(vm, &exc_TypeError, "memoryview: invalid slice key");
  return rt_raise_b(vm, &exc_NotImplementedError, "multi-dimensional sub-views are not implemented");
}

/* A slice of the first of several dimensions. */
static Value row_slice(VM *vm, MemView *m, int64_t start, int64_t stop, int64_t step) {
  int64_t rows = v_int(m->shape->items[0]), row = m->length / (rows ? rows : 1), count = slice_adjust(rows, &start, &stop, step);
  if (step != 1 && count > 1) return rt_raise(vm, &exc_NotImplementedError, "slices with a step are implemented for views of one dimension only");
  Tuple *shape = tuple_new(vm, m->shape->items, m->shape->length);
  if (!shape) return V_FAIL;
  shape->items[0] = v_from_int62(count);
  Value v = same_kind(vm, view_new(vm, m->base, m->offset + start * row * m->item_size, count * row, m->item_size, m->item_size, m->format), m);
  if (!v_failed(v)) gc_store_obj(vm, v_view(v), &v_view(v)->shape, shape);
  return v;
}

static Value subview(VM *vm, MemView *m, Slice *key) {
  int64_t start, stop, step;
  if (m->shape && !m->shape->length) return rt_raise(vm, &exc_TypeError, "invalid indexing of 0-dim memory");
  if (!slice_unpack(vm, key, &start, &stop, &step) || !live(vm, m)) return V_FAIL;
  if (m->shape) return row_slice(vm, m, start, stop, step);
  int64_t count = slice_adjust(m->length, &start, &stop, step);
  return same_kind(vm, view_new(vm, m->base, m->offset + start * m->stride, count, m->stride * step, m->item_size, m->format), m);
}

static Value memoryview_getitem(VM *vm, Value self, Value key) {
  MemView *m = v_view(self);
  int64_t i;
  if (!live(vm, m)) return V_FAIL;
  if (v_has_layout(key, LAY_SLICE)) return subview(vm, m, (Slice *)v_obj(key));
  if (v_same(key, V_ELLIPSIS) && m->shape && !m->shape->length) return self;
  return any_index(vm, m, key, &i) ? unpack(vm, m, i) : V_FAIL;
}

static bool assign_slice(VM *vm, MemView *m, Slice *key, Value value) {
  if (m->shape && m->shape->length) return rt_raise_b(vm, &exc_NotImplementedError, "memoryview slice assignments are currently restricted to ndim = 1");
  Value dest = subview(vm, m, key), src = value;
  if (v_failed(dest)) return false;
  MemView *d = v_view(dest);
  if (!v_is_exact(value, &memoryview_type)) {
    if (!is_bytes(value) && !is_bytearray(value)) return rt_raise_b(vm, &exc_TypeError, "a bytes-like object is required, not '%T'", value);
    src = whole(vm, value);
    if (v_failed(src)) return false;
  }
  MemView *s = v_view(src);
  if (!live(vm, s)) return false;
  if (s->format != d->format || s->length != d->length) {
    return rt_raise_b(vm, &exc_ValueError, "memoryview assignment: lvalue and rvalue have different structures");
  }
  size_t n = (size_t)(d->length * d->item_size);
  uint8_t *copy = mem_alloc(&vm->mem, n); /* the two may overlap */
  if (!copy) return rt_no_memory(vm), false;
  for (int64_t i = 0; i < d->length; i++) memcpy(copy + i * d->item_size, item_at(s, i), d->item_size);
  for (int64_t i = 0; i < d->length; i++) memcpy(item_at(d, i), copy + i * d->item_size, d->item_size);
  mem_free(&vm->mem, copy, n);
  return true;
}

static bool memoryview_setitem(VM *vm, Value self, Value key, Value value) {
  MemView *m = v_view(self);
  int64_t i;
  if (!live(vm, m)) return false;
  if (read_only(m)) return rt_raise_b(vm, &exc_TypeError, "cannot modify read-only memory");
  if (v_absent(value)) return rt_raise_b(vm, &exc_TypeError, "cannot delete memory");
  if (v_has_layout(key, LAY_SLICE)) return assign_slice(vm, m, (Slice *)v_obj(key), value);
  if (m->shape && m->shape->length && (is_int(key) || type_is_heap(type_of(key)))) return rt_raise_b(vm, &exc_NotImplementedError, "sub-views are not implemented");
  return any_index(vm, m, key, &i) && pack(vm, m, i, value);
}

static Value memoryview_repr(VM *vm, Value self) {
  return rt_format(vm, v_absent(v_view(self)->base) ? "<released memory at 0x%llx>" : "<memory at 0x%llx>", (unsigned long long)(uintptr_t)v_obj(self));
}

static Value memoryview_compare(VM *vm, Value a, Value b, Compare op) {
  View x, y;
  if (op != CO_EQ && op != CO_NE) return V_NOTIMPL;
  bool same = v_same(a, b);
  if (!same && v_is_exact(b, &memoryview_type)) {
    MemView *m = v_view(a), *n = v_view(b);
    same = !v_absent(m->base) && !v_absent(n->base) && m->length == n->length && !m->shape == !n->shape;
    if (same && m->shape) {
      Value equal = tuple_type.compare(vm, v_from_obj(m->shape), v_from_obj(n->shape), CO_EQ);
      if (v_failed(equal)) return V_FAIL;
      same = v_same(equal, V_TRUE);
    }
    for (int64_t i = 0; same && i < m->length; i++) {
      Value p = unpack(vm, m, i), q = unpack(vm, n, i);
      if (v_failed(p) || v_failed(q) || !rt_eq(vm, p, q, &same)) return V_FAIL;
    }
  } else if (!same) {
    if (!bytes_view(b, &y)) return V_NOTIMPL;
    MemView *m = v_view(a);
    if (memoryview_view(a, &x) && m->format == 'B' && !m->shape) return bytes_compare_views(x, y, op);
    same = !v_absent(m->base) && !m->shape && (uint64_t)m->length == y.size;
    for (int64_t i = 0; same && i < m->length; i++) {
      Value p = unpack(vm, m, i);
      if (v_failed(p) || !rt_eq(vm, p, v_from_int62(y.data[i]), &same)) return V_FAIL;
    }
  }
  return v_from_bool(same == (op == CO_EQ));
}

static Value to_bytes(VM *vm, MemView *m) {
  if (!live(vm, m) || !charge_bytes(vm, (size_t)m->length)) return V_FAIL;
  Bytes *b = bytes_alloc(vm, (size_t)(m->length * m->item_size));
  if (!b) return V_FAIL;
  for (int64_t i = 0; i < m->length; i++) memcpy(b->data + i * m->item_size, item_at(m, i), m->item_size);
  return v_from_obj(b);
}

Value memoryview_bytes(VM *vm, Value v) { return to_bytes(vm, v_view(v)); }

static bool memoryview_hash(VM *vm, Value self, int64_t *out) {
  MemView *m = v_view(self);
  if (!live(vm, m)) return false;
  if (!read_only(m)) return rt_raise_b(vm, &exc_ValueError, "cannot hash writable memoryview object");
  if (!strchr("Bbc", m->format)) return rt_raise_b(vm, &exc_ValueError, "memoryview: hashing is restricted to formats 'B', 'b' or 'c'");
  if (!is_bytes(m->base)) return rt_raise_b(vm, &exc_TypeError, "unhashable type: '%T'", m->base);
  Value b = to_bytes(vm, m);
  return !v_failed(b) && bytes_type.hash(vm, b, out);
}

static Value memoryview_iter(VM *vm, Value self) {
  MemView *m = v_view(self);
  if (!live(vm, m)) return V_FAIL;
  if (m->shape) return m->shape->length ? rt_raise(vm, &exc_NotImplementedError, "multi-dimensional sub-views are not implemented") : rt_raise(vm, &exc_TypeError, "invalid indexing of 0-dim memory");
  return seq_iter_new(vm, &memory_iter_type, self);
}
static int memory_iter_next(VM *vm, Value self, Value *item) {
  SeqIter *it = (SeqIter *)v_obj(self);
  if (v_absent(it->seq)) return 0;
  MemView *m = v_view(it->seq);
  if (!live(vm, m)) return -1;
  if ((int64_t)it->at >= m->length) {
    gc_store(vm, it, &it->seq, V_ABSENT);
    return 0;
  }
  *item = unpack(vm, m, (int64_t)it->at++);
  return v_failed(*item) ? -1 : 1;
}
static void memory_iter_trace(Tracer *t, Obj *o) { gc_mark(t, ((SeqIter *)o)->seq); }

const Type memory_iter_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "memory_iterator", .base = &object_type, .layout = LAY_ITER,
  .flags = TYPE_NO_NEW, .shape_id = TYPE_ID_memory_iter, .size = sizeof(SeqIter), .trace = memory_iter_trace, .iter = iter_self, .next = memory_iter_next,
};

/* ---- methods and attributes ---- */

static Value m_tobytes(VM *vm, Args *a) {
  Value order = a->v[1];
  if (!v_is_none(order) && !is_str(order)) return rt_raise(vm, &exc_TypeError, "tobytes() argument 'order' must be str or None, not %T", order);
  if (is_str(order) && !str_eq_c(v_str(order), "C") && !str_eq_c(v_str(order), "F") && !str_eq_c(v_str(order), "A")) return rt_raise(vm, &exc_ValueError, "order must be 'C', 'F' or 'A'");
  MemView *m = v_view(a->v[0]);
  if (m->shape && m->shape->length > 1 && is_str(order) && str_eq_c(v_str(order), "F")) return rt_raise(vm, &exc_NotImplementedError, "memoryview: Fortran order is not supported");
  return to_bytes(vm, m);
}

/* The items from *i on as nested lists of the dimensions from d on. */
static Value nested(VM *vm, MemView *m, size_t d, int64_t *i) {
  if (m->shape && d == m->shape->length) return unpack(vm, m, (*i)++);
  int64_t n = m->shape ? v_int(m->shape->items[d]) : m->length;
  List *list = list_new(vm, NULL, 0);
  for (int64_t k = 0; list && k < n; k++) {
    Value v = m->shape ? nested(vm, m, d + 1, i) : unpack(vm, m, (*i)++);
    if (v_failed(v) || !list_append(vm, list, v)) return V_FAIL;
  }
  return list ? v_from_obj(list) : V_FAIL;
}
static Value m_tolist(VM *vm, Args *a) {
  int64_t i = 0;
  return live(vm, v_view(a->v[0])) ? nested(vm, v_view(a->v[0]), 0, &i) : V_FAIL;
}
static Value m_hex(VM *vm, Args *a) {
  Value b = to_bytes(vm, v_view(a->v[0]));
  return v_failed(b) ? b : bytes_hex(vm, self_view(b), a->v[1], a->v[2]);
}
static Value m_release(VM *vm, Args *a) {
  exports_remove(vm, v_obj(a->v[0]));
  v_view(a->v[0])->base = V_ABSENT;
  return V_NONE;
}
static Value m_enter(VM *vm, Args *a) { return live(vm, v_view(a->v[0])) ? a->v[0] : V_FAIL; }
static Value m_toreadonly(VM *vm, Args *a) {
  MemView *m = v_view(a->v[0]);
  if (!live(vm, m)) return V_FAIL;
  Value v = same_kind(vm, view_new(vm, m->base, m->offset, m->length, m->stride, m->item_size, m->format), m);
  if (!v_failed(v)) v_view(v)->readonly = true;
  return v;
}

/* The shape argument of cast() as a tuple of ints; *count: their product. */
static Tuple *shape_arg(VM *vm, Value shape, int64_t *count) {
  if (!is_list(shape) && !is_tuple(shape)) return rt_raise(vm, &exc_TypeError, "shape must be a list or a tuple"), NULL;
  const Value *items = is_list(shape) ? v_list(shape)->items : v_tuple(shape)->items;
  size_t n = is_list(shape) ? v_list(shape)->length : v_tuple(shape)->length;
  if (n > 64) return rt_raise(vm, &exc_ValueError, "memoryview: number of dimensions must not exceed 64"), NULL;
  *count = 1;
  for (size_t d = 0; d < n; d++) {
    if (!is_int(items[d])) return rt_raise(vm, &exc_TypeError, "memoryview.cast(): elements of shape must be integers"), NULL;
    if (!v_is_int(items[d]) || v_int(items[d]) <= 0) return rt_raise(vm, &exc_ValueError, "memoryview.cast(): elements of shape must be integers > 0"), NULL;
    if (v_int(items[d]) > INT64_MAX / *count) return rt_raise(vm, &exc_ValueError, "memoryview.cast(): product(shape) > SSIZE_MAX"), NULL;
    *count *= v_int(items[d]);
  }
  return tuple_new(vm, items, n);
}

static bool is_byte_format(char f) { return strchr("Bbc", f) != NULL; }

static Value m_cast(VM *vm, Args *a) {
  MemView *m = v_view(a->v[0]);
  Value shape = a->v[2];
  if (!live(vm, m)) return V_FAIL;
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "cast() argument 'format' must be str, not %s", str_arg_name(a->v[1]));
  if (!contiguous(m)) return rt_raise(vm, &exc_TypeError, "memoryview: casts are restricted to C-contiguous views");
  int64_t count = 0;
  Tuple *dims = NULL;
  if (!v_absent(shape)) {
    if (!is_list(shape) && !is_tuple(shape)) return rt_raise(vm, &exc_TypeError, "shape must be a list or a tuple");
    size_t n = is_list(shape) ? v_list(shape)->length : v_tuple(shape)->length;
    if (m->shape && m->shape->length != 1 && n != 1) return rt_raise(vm, &exc_TypeError, "memoryview: cast must be 1D -> ND or ND -> 1D");
  }
  Str *f = v_str(a->v[1]);
  if (!str_is_ascii(f)) return codec_encode(vm, a->v[1], "ascii", "strict");
  const char *text = f->data;
  size_t n = f->size;
  if (n == 2 && *text == '@') text++, n--;
  int size = n == 1 ? format_size(*text) : 0;
  if (size == 0) return rt_raise(vm, &exc_ValueError, "memoryview: destination format must be a native single character format prefixed with an optional '@'");
  if (!is_byte_format(m->format) && !is_byte_format(*text)) return rt_raise(vm, &exc_TypeError, "memoryview: cannot cast between two non-byte formats");
  int64_t bytes = m->length * m->item_size;
  if (bytes % size) return rt_raise(vm, &exc_TypeError, "memoryview: length is not a multiple of itemsize");
  if (!v_absent(shape)) {
    if (!(dims = shape_arg(vm, shape, &count))) return V_FAIL;
    if (count * size != bytes) return rt_raise(vm, &exc_TypeError, "memoryview: product(shape) * itemsize != buffer size");
  }
  Value v = view_new(vm, m->base, m->offset, bytes / size, size, (uint8_t)size, *text);
  if (v_failed(v)) return V_FAIL;
  v_view(v)->readonly = m->readonly;
  v_view(v)->native = text != f->data;
  if (dims && dims->length != 1) gc_store_obj(vm, v_view(v), &v_view(v)->shape, dims);
  return v;
}

static Value g_obj(VM *vm, Value self) { return live(vm, v_view(self)) ? v_view(self)->base : V_FAIL; }
static Value g_nbytes(VM *vm, Value self) { return live(vm, v_view(self)) ? v_from_int62(v_view(self)->length * v_view(self)->item_size) : V_FAIL; }
static Value g_itemsize(VM *vm, Value self) { return live(vm, v_view(self)) ? v_from_int62(v_view(self)->item_size) : V_FAIL; }
static Value g_format(VM *vm, Value self) { return live(vm, v_view(self)) ? rt_format(vm, "%s%c", v_view(self)->native ? "@" : "", v_view(self)->format) : V_FAIL; }
static Value g_ndim(VM *vm, Value self) { return live(vm, v_view(self)) ? v_from_int62(v_view(self)->shape ? (int64_t)v_view(self)->shape->length : 1) : V_FAIL; }
static Value g_readonly(VM *vm, Value self) { return live(vm, v_view(self)) ? v_from_bool(read_only(v_view(self))) : V_FAIL; }
static Value g_contiguous(VM *vm, Value self) { return live(vm, v_view(self)) ? v_from_bool(contiguous(v_view(self))) : V_FAIL; }
static Value one_tuple(VM *vm, Value self, int64_t n) {
  Value v = v_from_int62(n);
  Tuple *t = live(vm, v_view(self)) ? tuple_new(vm, &v, 1) : NULL;
  return t ? v_from_obj(t) : V_FAIL;
}
static Value g_shape(VM *vm, Value self) {
  MemView *m = v_view(self);
  return m->shape && live(vm, m) ? v_from_obj(m->shape) : one_tuple(vm, self, m->length);
}
static Value g_strides(VM *vm, Value self) {
  MemView *m = v_view(self);
  if (!m->shape || !live(vm, m)) return one_tuple(vm, self, m->stride);
  Tuple *t = tuple_new(vm, m->shape->items, m->shape->length);
  int64_t stride = m->item_size;
  for (size_t d = t ? t->length : 0; d-- > 0; stride *= v_int(m->shape->items[d])) t->items[d] = v_from_int62(stride);
  return t ? v_from_obj(t) : V_FAIL;
}
static Value g_f_contiguous(VM *vm, Value self) { return live(vm, v_view(self)) ? v_from_bool(contiguous(v_view(self)) && !(v_view(self)->shape && v_view(self)->shape->length > 1)) : V_FAIL; }
static Value g_suboffsets(VM *vm, Value self) {
  Tuple *t = live(vm, v_view(self)) ? tuple_new(vm, NULL, 0) : NULL;
  return t ? v_from_obj(t) : V_FAIL;
}

static const tiny_def methods[] = {
  {"tobytes", m_tobytes, "(self, order=None)", "Return the data as bytes."},
  {"tolist", m_tolist, "(self, /)", "Return the items as a list."},
  {"hex", m_hex, "(self, sep=..., bytes_per_sep=1)", "Return the data as hexadecimal digits."},
  {"release", m_release, "(self, /)", "Release the underlying object."},
  {"cast", m_cast, "(self, format, shape=...)", "Return a view of the same bytes with another item format."},
  {"toreadonly", m_toreadonly, "(self, /)", "Return a read-only view of a copy of the data."},
  {"__enter__", m_enter, "(self, /)", NULL},
  {"__exit__", m_release, "(self, *args)", NULL},
  {0},
};
static const GetSet getset[] = {
  {"obj", g_obj, NULL, "The underlying object."},
  {"nbytes", g_nbytes, NULL, "Bytes that tobytes() would give."},
  {"readonly", g_readonly, NULL, "Whether the memory is read-only."},
  {"itemsize", g_itemsize, NULL, "Bytes of one item."},
  {"format", g_format, NULL, "Format of one item, as the struct module writes it."},
  {"ndim", g_ndim, NULL, "Number of dimensions."},
  {"shape", g_shape, NULL, "Items in each dimension."},
  {"strides", g_strides, NULL, "Bytes from item to item in each dimension."},
  {"suboffsets", g_suboffsets, NULL, "Always ()."},
  {"contiguous", g_contiguous, NULL, "Whether the items follow each other."},
  {"c_contiguous", g_contiguous, NULL, "Whether the items follow each other."},
  {"f_contiguous", g_f_contiguous, NULL, "Whether the items follow each other."},
  {0},
};

const Type memoryview_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
  .name = "memoryview",
  .base = &object_type,
  .layout = LAY_OTHER,
  .flags = TYPE_WEAKREF | TYPE_SEQUENCE,
  .shape_id = TYPE_ID_memoryview,
  .size = sizeof(MemView),
  .doc = "A view of the memory of a bytes-like object.",
  .new_ = memoryview_new,
  .new_sig = "(object)",
  .trace = memoryview_trace,
  .repr = memoryview_repr,
  .hash = memoryview_hash,
  .compare = memoryview_compare,
  .length = memoryview_length,
  .getitem = memoryview_getitem,
  .setitem = memoryview_setitem,
  .iter = memoryview_iter,
  .methods = methods,
  .getset = getset,
};
