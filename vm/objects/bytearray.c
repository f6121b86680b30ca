/* bytearray: storage, the mutating methods, slots. */
#include "vm/objects/bytes_int.h"

/* ---- storage ---- */

void bytearray_destroy(VM *vm, Obj *o) {
  ByteArray *b = (ByteArray *)o;
  mem_free(&vm->mem, b->block, b->capacity);
}

static ByteArray *instance(VM *vm, const Type *cls, const void *data, size_t size) {
  ByteArray *b = gc_new(vm, cls, sizeof(ByteArray));
  if (!b || size == 0) return b;
  if (size <= TEXT_MAX) b->block = data ? mem_alloc(&vm->mem, size) : mem_zalloc(&vm->mem, size);
  if (!b->block) {
    (void)rt_no_memory(vm);
    return NULL;
  }
  if (data) memcpy(b->block, data, size);
  b->size = b->capacity = size;
  return b;
}

ByteArray *bytearray_new(VM *vm, const void *data, size_t size) { return instance(vm, &bytearray_type, data, size); }

/* Room for `size` bytes behind start. Amortised doubling; room in front is used up first. */
static bool reserve(VM *vm, ByteArray *b, size_t size) {
  if (size <= b->capacity - b->start) return true;
  if (size <= b->capacity && b->start >= b->capacity / 2) {
    memmove(b->block, b->block + b->start, b->size);
    b->start = 0;
    return true;
  }
  if (size > TEXT_MAX) return rt_no_memory(vm), false;
  size_t cap = size + size / 8 + (size < 9 ? 3 : 6);
  if (cap > TEXT_MAX) cap = size;
  uint8_t *block = mem_alloc(&vm->mem, cap);
  if (!block && (block = mem_alloc(&vm->mem, cap = size)) == NULL) return rt_no_memory(vm), false;
  if (b->size) memcpy(block, bytearray_data(b), b->size);
  mem_free(&vm->mem, b->block, b->capacity);
  b->block = block;
  b->capacity = cap;
  b->start = 0;
  return true;
}

/* Gives memory back when most of it is unused. A refusal does not matter. */
static void shrink(VM *vm, ByteArray *b) {
  if (b->size == 0) {
    mem_free(&vm->mem, b->block, b->capacity);
    b->block = NULL;
    b->capacity = b->start = 0;
  } else if (b->size < b->capacity / 4) {
    uint8_t *block = mem_alloc(&vm->mem, b->size);
    if (!block) return;
    memcpy(block, bytearray_data(b), b->size);
    mem_free(&vm->mem, b->block, b->capacity);
    b->block = block;
    b->capacity = b->size;
    b->start = 0;
  }
}

bool bytearray_resize(VM *vm, ByteArray *b, size_t size) {
  if (size == b->size) return true;
  if (!bytearray_may_resize(vm, b)) return false;
  if (size > b->size) {
    if (!reserve(vm, b, size)) return false;
    memset(bytearray_data(b) + b->size, 0, size - b->size);
  }
  b->size = size;
  shrink(vm, b);
  return true;
}

bool bytearray_splice(VM *vm, ByteArray *b, size_t at, size_t gone, const uint8_t *data, size_t n) {
  size_t tail = b->size - at - gone;
  if (n != gone && !bytearray_may_resize(vm, b)) return false;
  if (n > gone) {
    if (n - gone > TEXT_MAX - b->size) return rt_no_memory(vm), false;
    if (!reserve(vm, b, b->size - gone + n)) return false;
  }
  uint8_t *p = bytearray_data(b);
  if (n < gone && at == 0) b->start += gone - n; /* the front just moves */
  else if (n != gone && tail) memmove(p + at + n, p + at + gone, tail);
  b->size = b->size - gone + n;
  if (n && data) memcpy(bytearray_data(b) + at, data, n);
  if (n < gone) shrink(vm, b);
  return true;
}

/* ---- construction ---- */

static Value bytearray_new_(VM *vm, const Type *cls, Args *a) {
  (void)a;
  ByteArray *b = instance(vm, cls, NULL, 0);
  return b ? v_from_obj(b) : V_FAIL;
}

/* Replaces the whole contents by what is in the buffer, which is freed. */
static bool set_from_buf(VM *vm, ByteArray *b, Buf *from) {
  bool ok = false;
  if (from->failed) (void)rt_no_memory(vm);
  else ok = bytearray_splice(vm, b, 0, b->size, (const uint8_t *)from->data, from->len);
  buf_free(from);
  return ok;
}

static Value bytearray_init(VM *vm, Args *a) {
  ByteArray *self = v_bytearray(a->v[0]);
  Buf b;
  buf_init(&b, &vm->mem);
  int r = bytes_from_source(vm, "bytearray", a->v[1], a->v[2], a->v[3], &b);
  if (r == 1) return set_from_buf(vm, self, &b) ? V_NONE : V_FAIL;
  buf_free(&b);
  if (r < 0) return V_FAIL;
  return rt_tail_builtin(vm, "_bytearray_init", 2, (Value[]){a->v[0], a->v[1]});
}

/* ---- methods ---- */

static Value m_alloc(VM *vm, Args *a) {
  const ByteArray *b = v_bytearray(a->v[0]);
  return int_from_u64(vm, (b->capacity > b->size ? b->capacity : b->size) + 1);
}

static Value m_append(VM *vm, Args *a) {
  uint8_t byte;
  if (!bytes_byte_arg(vm, a->v[1], "byte must be in range(0, 256)", &byte)) return V_FAIL;
  ByteArray *b = v_bytearray(a->v[0]);
  return bytearray_splice(vm, b, b->size, 0, &byte, 1) ? V_NONE : V_FAIL;
}

static bool extend(VM *vm, ByteArray *b, const uint8_t *data, size_t n) {
  if (!charge_bytes(vm, n)) return false;
  if (n == 0) return true;
  if (b->block && data >= b->block && data < b->block + b->capacity) { /* its own bytes: the block may move */
    size_t offset = (size_t)(data - bytearray_data(b)), old = b->size;
    if (n > TEXT_MAX - old) return rt_no_memory(vm), false;
    if (!bytearray_may_resize(vm, b) || !reserve(vm, b, old + n)) return false;
    memmove(bytearray_data(b) + old, bytearray_data(b) + offset, n);
    b->size = old + n;
    return true;
  }
  return bytearray_splice(vm, b, b->size, 0, data, n);
}

static Value m_extend(VM *vm, Args *a) {
  View v;
  Value x = a->v[1];
  ByteArray *b = v_bytearray(a->v[0]);
  if (bytes_view(x, &v)) return extend(vm, b, v.data, v.size) ? V_NONE : V_FAIL;
  if (v_is_exact(x, &memoryview_type)) return rt_raise(vm, &exc_TypeError, "can't set bytearray slice from %T", x);
  if (is_str(x)) return v_str(x)->size ? rt_raise(vm, &exc_TypeError, "'str' object cannot be interpreted as an integer") : V_NONE;
  Buf buf;
  buf_init(&buf, &vm->mem);
  int r = bytes_collect(vm, "byte must be in range(0, 256)", x, &buf);
  bool ok = r == 1 && !buf.failed && extend(vm, v_bytearray(a->v[0]), (const uint8_t *)buf.data, buf.len);
  if (r == 1 && buf.failed) (void)rt_no_memory(vm);
  buf_free(&buf);
  if (r == 1) return ok ? V_NONE : V_FAIL;
  if (r < 0) return V_FAIL;
  if (!str_is_iterable(vm, x)) return rt_raise(vm, &exc_TypeError, "can't extend bytearray with %T", x);
  return rt_tail_builtin(vm, "_bytearray_extend", 2, a->v);
}

static Value m_insert(VM *vm, Args *a) {
  int64_t at;
  uint8_t byte;
  if (!str_size_arg(vm, a->v[1], &at) || !bytes_byte_arg(vm, a->v[2], "byte must be in range(0, 256)", &byte)) return V_FAIL;
  ByteArray *b = v_bytearray(a->v[0]);
  int64_t n = (int64_t)b->size;
  if (at < 0 && (at += n) < 0) at = 0;
  if (at > n) at = n;
  return bytearray_splice(vm, b, (size_t)at, 0, &byte, 1) ? V_NONE : V_FAIL;
}

static Value m_pop(VM *vm, Args *a) {
  int64_t at;
  if (!str_size_arg(vm, a->v[1], &at)) return V_FAIL;
  ByteArray *b = v_bytearray(a->v[0]);
  if (b->size == 0) return rt_raise(vm, &exc_IndexError, "pop from empty bytearray");
  if (at < 0) at += (int64_t)b->size;
  if (at < 0 || (uint64_t)at >= b->size) return rt_raise(vm, &exc_IndexError, "pop index out of range");
  uint8_t byte = bytearray_data(b)[at];
  return bytearray_splice(vm, b, (size_t)at, 1, NULL, 0) ? v_from_int62(byte) : V_FAIL;
}

static Value m_remove(VM *vm, Args *a) {
  uint8_t byte;
  if (!bytes_byte_arg(vm, a->v[1], "byte must be in range(0, 256)", &byte)) return V_FAIL;
  ByteArray *b = v_bytearray(a->v[0]);
  uint8_t *p = b->size ? memchr(bytearray_data(b), byte, b->size) : NULL;
  if (!p) return rt_raise(vm, &exc_ValueError, "value not found in bytearray");
  return bytearray_splice(vm, b, (size_t)(p - bytearray_data(b)), 1, NULL, 0) ? V_NONE : V_FAIL;
}

static Value m_reverse(VM *vm, Args *a) {
  ByteArray *b = v_bytearray(a->v[0]);
  if (!charge_bytes(vm, b->size)) return V_FAIL;
  uint8_t *p = b->size ? bytearray_data(b) : NULL;
  for (size_t i = 0, n = b->size; i < n / 2; i++) {
    uint8_t c = p[i];
    p[i] = p[n - 1 - i];
    p[n - 1 - i] = c;
  }
  return V_NONE;
}

static Value m_clear(VM *vm, Args *a) { return bytearray_resize(vm, v_bytearray(a->v[0]), 0) ? V_NONE : V_FAIL; }
static Value m_copy(VM *vm, Args *a) {
  View v = self_view(a->v[0]);
  return bytes_like_new(vm, a->v[0], v.data, v.size);
}

const tiny_def bytearray_methods[] = {
  BYTES_ROWS,
  {"__alloc__", m_alloc, "(self, /)", "B.__alloc__() -> int\n\nReturn the number of bytes actually allocated."},
  {"append", m_append, "(self, item, /)", "Append a single item to the end of the bytearray."},
  {"clear", m_clear, "(self, /)", "Remove all items from the bytearray."},
  {"copy", m_copy, "(self, /)", "Return a copy."},
  {"extend", m_extend, "(self, iterable_of_ints, /)", "Append all the items from the iterable."},
  {"insert", m_insert, "(self, index, item, /)", "Insert a single item before the given index."},
  {"pop", m_pop, "(self, index=-1, /)", "Remove and return a single item."},
  {"remove", m_remove, "(self, value, /)", "Remove the first occurrence of a value."},
  {"reverse", m_reverse, "(self, /)", "Reverse the order of the values in place."},
  {0},
};

/* ---- slots ---- */

static Value bytearray_repr(VM *vm, Value self) {
  Buf prefix;
  buf_init(&prefix, &vm->mem);
  buf_printf(&prefix, "%s(", type_of(self)->name);
  Value r = prefix.failed ? rt_no_memory(vm) : bytes_repr_text(vm, self_view(self), buf_cstr(&prefix), ")");
  buf_free(&prefix);
  return r;
}

static Value bytearray_compare(VM *vm, Value a, Value b, Compare op) {
  View other;
  (void)vm;
  return bytes_view(b, &other) ? bytes_compare_views(self_view(a), other, op) : V_NOTIMPL;
}
static int bytearray_truth(VM *vm, Value self) {
  (void)vm;
  return v_bytearray(self)->size != 0;
}
static int64_t bytearray_length(VM *vm, Value self) {
  (void)vm;
  return (int64_t)v_bytearray(self)->size;
}

static Value bytearray_getitem(VM *vm, Value self, Value key) {
  int64_t i;
  bool is_index;
  ByteArray *b = v_bytearray(self);
  if (v_has_layout(key, LAY_SLICE)) {
    int64_t start, stop, step;
    if (!slice_unpack(vm, (Slice *)v_obj(key), &start, &stop, &step)) return V_FAIL;
    int64_t count = slice_adjust((int64_t)b->size, &start, &stop, step); /* the size as the script's __index__ left it */
    ByteArray *r = bytearray_new(vm, count && step == 1 ? bytearray_data(b) + start : NULL, (size_t)count);
    if (!r) return V_FAIL;
    for (int64_t k = 0; step != 1 && k < count; k++) r->block[k] = bytearray_data(b)[start + k * step];
    return v_from_obj(r);
  }
  if (!str_index_arg(vm, key, &i, &is_index)) return V_FAIL;
  if (!is_index) return rt_raise(vm, &exc_TypeError, "bytearray indices must be integers or slices, not %T", key);
  if (i < 0) i += (int64_t)b->size;
  if (i < 0 || (uint64_t)i >= b->size) return rt_raise(vm, &exc_IndexError, "bytearray index out of range");
  return v_from_int62(bytearray_data(b)[i]);
}

/* b[start:stop:step] = data, or del when deleting. */
static bool set_slice(VM *vm, ByteArray *b, Slice *key, const uint8_t *data, size_t n, bool deleting) {
  int64_t start, stop, step;
  if (!slice_unpack(vm, key, &start, &stop, &step)) return false;
  int64_t count = slice_adjust((int64_t)b->size, &start, &stop, step);
  if (step == 1) return bytearray_splice(vm, b, (size_t)start, (size_t)count, data, n);
  deleting |= n == 0; /* as CPython has it: b[::2] = b'' deletes */
  if (!deleting) {
    if (n != (size_t)count) {
      return rt_raise_b(vm, &exc_ValueError, "attempt to assign bytes of size %zu to extended slice of size %lld", n, (long long)count);
    }
    for (int64_t k = 0; k < count; k++) bytearray_data(b)[start + k * step] = data[k];
    return true;
  }
  if (count == 0) return true;
  if (!bytearray_may_resize(vm, b)) return false;
  if (step < 0) {
    start += (count - 1) * step;
    step = -step;
  }
  uint8_t *p = bytearray_data(b);
  size_t to = (size_t)start;
  for (size_t from = to; from < b->size; from++) {
    size_t off = from - (size_t)start;
    if (off % (size_t)step == 0 && off / (size_t)step < (size_t)count) continue;
    p[to++] = p[from];
  }
  b->size = to;
  shrink(vm, b);
  return true;
}

/* [script] through __index__ of items and of the slice's parts. */
static bool assign_slice(VM *vm, Value self, Slice *key, Value value) {
  Buf buf;
  buf_init(&buf, &vm->mem);
  int r = 1;
  if (!v_absent(value)) {
    if (is_int(value) || is_float(value) || is_str(value)) return rt_raise_b(vm, &exc_TypeError, "can assign only bytes, buffers, or iterables of ints in range(0, 256)");
    r = bytes_collect(vm, "byte must be in range(0, 256)", value, &buf);
    if (r == 0) { /* an iterable that needs script code: converted first */
      Value bytes = rt_call(vm, rt_type_value(&bytearray_type), 1, &value);
      View v;
      r = -1;
      if (!v_failed(bytes) && bytes_view(bytes, &v)) {
        buf_add(&buf, v.data, v.size);
        r = 1;
      }
    }
  }
  bool ok = r == 1 && !buf.failed && set_slice(vm, v_bytearray(self), key, (const uint8_t *)buf.data, buf.len, v_absent(value));
  if (r == 1 && buf.failed) (void)rt_no_memory(vm);
  buf_free(&buf);
  return ok;
}

static bool bytearray_setitem(VM *vm, Value self, Value key, Value value) {
  int64_t i;
  bool is_index;
  uint8_t byte = 0;
  if (v_has_layout(key, LAY_SLICE)) return assign_slice(vm, self, (Slice *)v_obj(key), value);
  if (!str_index_arg(vm, key, &i, &is_index)) return false;
  if (!is_index) return rt_raise_b(vm, &exc_TypeError, "bytearray indices must be integers or slices, not %T", key);
  if (!v_absent(value) && !bytes_byte_arg(vm, value, "byte must be in range(0, 256)", &byte)) return false;
  ByteArray *b = v_bytearray(self);
  if (i < 0) i += (int64_t)b->size;
  if (i < 0 || (uint64_t)i >= b->size) return rt_raise_b(vm, &exc_IndexError, "bytearray index out of range");
  if (v_absent(value)) return bytearray_splice(vm, b, (size_t)i, 1, NULL, 0);
  bytearray_data(b)[i] = byte;
  return true;
}

static int bytearray_contains(VM *vm, Value self, Value item) { return bytes_type.contains(vm, self, item); }
static Value bytearray_iter(VM *vm, Value self) { return seq_iter_new(vm, &bytearray_iter_type, self); }

static Value bytearray_inplace(VM *vm, int op, Value a, Value b) {
  View v;
  int64_t times;
  if (op == TINY_ADD) {
    if (v_same(a, b) && v_bytearray(a)->size) return rt_raise(vm, &exc_BufferError, "Existing exports of data: object cannot be re-sized");
    if (bytes_view(b, &v)) return extend(vm, v_bytearray(a), v.data, v.size) ? a : V_FAIL;
    return rt_raise(vm, &exc_TypeError, "can't concat %T to %T", b, a);
  }
  if (op != TINY_MUL) return V_NOTIMPL;
  int r = str_repeat_arg(vm, b, &times);
  if (r <= 0) return r < 0 ? V_FAIL : str_repeat_error(vm, b);
  if (times < 0) times = 0;
  ByteArray *array = v_bytearray(a);
  size_t old = array->size;
  if (old && (uint64_t)times > TEXT_MAX / old) return rt_no_memory(vm);
  size_t size = old * (size_t)times;
  if (!charge_bytes(vm, size) || !bytearray_resize(vm, array, size)) return V_FAIL;
  for (size_t done = old; done < size;) {
    size_t n = done <= size - done ? done : size - done;
    memcpy(bytearray_data(array) + done, bytearray_data(array), n);
    done += n;
  }
  return a;
}

const Type bytearray_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
  .name = "bytearray",
  .base = &object_type,
  .layout = LAY_BYTEARRAY,
  .flags = TYPE_BASE | TYPE_UNHASHABLE,
  .shape_id = TYPE_ID_bytearray,
  .size = sizeof(ByteArray),
  .doc = "bytearray(iterable_of_ints) -> bytearray\nbytearray(string, encoding[, errors]) -> bytearray\nbytearray(bytes_or_buffer) -> mutable copy of bytes_or_buffer\n"
         "bytearray(int) -> bytes array of size given by the parameter initialized with null bytes\nbytearray() -> empty bytes array",
  .new_ = bytearray_new_,
  .new_sig = "(*args, **kwargs)",
  .init = bytearray_init,
  .init_sig = "(self, source=..., encoding=..., errors=...)",
  .destroy = bytearray_destroy,
  .repr = bytearray_repr,
  .str = bytearray_repr,
  .compare = bytearray_compare,
  .truth = bytearray_truth,
  .length = bytearray_length,
  .getitem = bytearray_getitem,
  .setitem = bytearray_setitem,
  .contains = bytearray_contains,
  .iter = bytearray_iter,
  .binary = bytes_binary,
  .inplace = bytearray_inplace,
  .methods = bytearray_methods,
};
