/* bytes: construction, views of bytes-like objects, the slots, the iterator. */
#include "vm/objects/bytes_int.h"

/* ---- making ---- */

static Bytes *no_room(VM *vm) {
  (void)rt_no_memory(vm);
  return NULL;
}

Bytes *bytes_room(VM *vm, size_t size) {
  if (size == 0 && v_has_layout(vm->empty_bytes, LAY_BYTES)) return v_bytes(vm->empty_bytes);
  if (size > TEXT_MAX - sizeof(Bytes)) return no_room(vm);
  Bytes *b = gc_new_leaf(vm, &bytes_type, sizeof(Bytes) + size + 1);
  if (!b) return NULL;
  b->data = b->room;
  b->size = size;
  b->hash = 0;
  b->data[size] = 0;
  if (size == 0) vm->empty_bytes = v_from_obj(b);
  return b;
}

Bytes *bytes_alloc(VM *vm, size_t size) {
  Bytes *b = bytes_room(vm, size);
  if (b && size) memset(b->data, 0, size);
  return b;
}

Bytes *bytes_new(VM *vm, const void *data, size_t size) {
  if (!data) return bytes_alloc(vm, size);
  Bytes *b = bytes_room(vm, size);
  if (b && size) memcpy(b->data, data, size);
  return b;
}

void bytes_cut(Bytes *b, size_t size) {
  b->size = size;
  b->data[size] = 0;
}

Bytes *bytes_from_buf(VM *vm, Buf *b) {
  Bytes *r = b->failed ? no_room(vm) : bytes_new(vm, b->data, b->len);
  buf_free(b);
  return r;
}

Value bytes_like_alloc(VM *vm, Value self, size_t n, uint8_t **out) {
  if (is_bytearray(self)) {
    ByteArray *b = bytearray_new(vm, NULL, n);
    if (!b) return V_FAIL;
    *out = bytearray_data(b);
    return v_from_obj(b);
  }
  Bytes *b = bytes_alloc(vm, n);
  if (!b) return V_FAIL;
  *out = b->data;
  return v_from_obj(b);
}

Value bytes_like_new(VM *vm, Value self, const void *data, size_t n) {
  if (is_bytearray(self)) {
    ByteArray *b = bytearray_new(vm, data, n);
    return b ? v_from_obj(b) : V_FAIL;
  }
  if (v_is_exact(self, &bytes_type) && n == v_bytes(self)->size && data == (const void *)v_bytes(self)->data) return self;
  return v_from_bytes(bytes_new(vm, data, n));
}

/* ---- views and arguments ---- */

bool bytes_view(Value v, View *out) {
  if (is_bytes(v) || is_bytearray(v)) {
    *out = self_view(v);
    return true;
  }
  return memoryview_view(v, out);
}

bool bytes_need_view(VM *vm, Value v, View *out) {
  if (bytes_view(v, out)) return true;
  if (v_is_exact(v, &memoryview_type)) return memoryview_no_view(vm, v);
  return rt_raise_b(vm, &exc_TypeError, "a bytes-like object is required, not '%T'", v);
}

bool bytes_byte_arg(VM *vm, Value v, const char *message, uint8_t *out) {
  int64_t i = 0;
  if (!v_is_int(v)) {
    Value n = rt_index_obj(vm, v);
    if (v_failed(n)) return false;
    if (!int_to_i64(n, &i)) i = -1;
  } else {
    i = v_int(v);
  }
  if (i < 0 || i > 255) return rt_raise_b(vm, &exc_ValueError, "%s", message);
  *out = (uint8_t)i;
  return true;
}

static bool collect_items(VM *vm, const char *range, Value x, Buf *out) {
  size_t n;
  for (size_t i = 0; seq_items(x, &n) && i < n; i++) { /* __index__ may change a list: look again each turn */
    uint8_t byte;
    if (!bytes_byte_arg(vm, seq_items(x, &n)[i], range, &byte)) return false;
    buf_char(out, (char)byte);
  }
  return true;
}

int bytes_collect(VM *vm, const char *range, Value x, Buf *out) {
  View v;
  size_t n;
  if (bytes_view(x, &v)) {
    if (!charge_bytes(vm, v.size)) return -1;
    buf_add(out, v.data, v.size);
    return 1;
  }
  if (v_is_exact(x, &memoryview_type)) {
    Value b = memoryview_bytes(vm, x);
    if (v_failed(b)) return -1;
    buf_add(out, v_bytes(b)->data, v_bytes(b)->size);
    return 1;
  }
  if (!seq_items(x, &n)) {
    if (!str_plain_iterable(x)) return 0;
    Value *keep = rt_temp(vm, 1);
    if (!keep) return -1;
    *keep = rt_iter_to_list(vm, x);
    if (v_failed(*keep)) {
      *keep = V_NONE;
      return -1;
    }
    x = *keep;
    seq_items(x, &n);
  }
  if (!rt_charge(vm, n >> 4)) return -1;
  buf_reserve(out, n);
  return collect_items(vm, range, x, out) ? 1 : -1;
}

/* bytes(n): n zeros. */
static int zeros(VM *vm, Value count, Buf *out) {
  int64_t n;
  if (!int_to_i64(count, &n)) return rt_raise_i(vm, &exc_OverflowError, "cannot fit '%T' into an index-sized integer", count);
  if (n < 0) return rt_raise_i(vm, &exc_ValueError, "negative count");
  if (!charge_bytes(vm, (size_t)n)) return -1;
  if ((size_t)n > TEXT_MAX || !buf_reserve(out, (size_t)n)) {
    (void)rt_no_memory(vm);
    return -1;
  }
  buf_fill(out, 0, (size_t)n);
  return 1;
}

int bytes_from_source(VM *vm, const char *kind, Value source, Value encoding, Value errors, Buf *out) {
  const char *enc = "utf-8", *err = "strict";
  if (!v_absent(encoding) || !v_absent(errors)) {
    bool array = strcmp(kind, "bytearray") == 0;
    if (!codec_arg(vm, encoding, array ? "bytearray() argument 'encoding'" : "bytes() argument 'encoding'", &enc)) return -1;
    if (!codec_arg(vm, errors, array ? "bytearray() argument 'errors'" : "bytes() argument 'errors'", &err)) return -1;
    if (v_absent(source) || !is_str(source)) {
      return rt_raise_i(vm, &exc_TypeError, v_absent(encoding) ? "errors without a string argument" : "encoding without a string argument");
    }
    if (v_absent(encoding)) return rt_raise_i(vm, &exc_TypeError, "string argument without an encoding");
    Value b = codec_encode(vm, source, enc, err);
    if (v_failed(b)) return -1;
    buf_add(out, v_bytes(b)->data, v_bytes(b)->size);
    return 1;
  }
  if (v_absent(source)) return 1;
  if (type_is_heap(type_of(source)) && (!is_bytearray(source) || !v_absent(rt_type_lookup(vm, type_of(source), NAME(vm, __bytes__))))) return 0; /* __bytes__, __index__, __iter__ */
  if (is_str(source)) return rt_raise_i(vm, &exc_TypeError, "string argument without an encoding");
  if (is_int(source)) return zeros(vm, source, out);
  int r = bytes_collect(vm, strcmp(kind, "bytes") == 0 ? "bytes must be in range(0, 256)" : "byte must be in range(0, 256)", source, out);
  if (r == 0 && !str_is_iterable(vm, source) && !v_has_layout(source, LAY_GEN)) return rt_raise_i(vm, &exc_TypeError, "cannot convert '%T' object to %s", source, kind);
  return r;
}

/* An instance of a script's subclass. */
static Value subclass_instance(VM *vm, const Type *cls, const Bytes *from) {
  Bytes *b = gc_new(vm, cls, sizeof(Bytes) + from->size + 1);
  if (!b) return V_FAIL;
  b->data = b->room;
  b->size = from->size;
  memcpy(b->data, from->data, from->size);
  return v_from_obj(b);
}

static Value bytes_new_(VM *vm, const Type *cls, Args *a) {
  Value source = a->v[0];
  if (cls == &bytes_type && v_is_exact(source, &bytes_type) && v_absent(a->v[1]) && v_absent(a->v[2])) return source;
  Buf b;
  buf_init(&b, &vm->mem);
  int r = bytes_from_source(vm, "bytes", source, a->v[1], a->v[2], &b);
  if (r == 1) {
    Bytes *made = bytes_from_buf(vm, &b);
    if (!made || cls == &bytes_type) return v_from_bytes(made);
    return subclass_instance(vm, cls, made);
  }
  buf_free(&b);
  if (r < 0) return V_FAIL;
  return rt_tail_builtin(vm, "_bytes_of", 2, (Value[]){rt_type_value(cls), source});
}

/* ---- repr ---- */

Value bytes_repr_text(VM *vm, View v, const char *prefix, const char *suffix) {
  static const char hex[] = "0123456789abcdef";
  char quote = v.size && memchr(v.data, '\'', v.size) && !memchr(v.data, '"', v.size) ? '"' : '\'';
  if (!rt_charge(vm, v.size >> 5)) return V_FAIL;
  Buf b;
  buf_init(&b, &vm->mem);
  buf_str(&b, prefix);
  buf_char(&b, 'b');
  buf_char(&b, quote);
  for (size_t i = 0; i < v.size && !b.failed; i++) { /* bytearray escapes single quotes whatever stands around it */
    uint8_t c = v.data[i];
    if (c == '\\' || c == (*prefix ? '\'' : (uint8_t)quote)) buf_char(&b, '\\'), buf_char(&b, (char)c);
    else if (c == '\t') buf_str(&b, "\\t");
    else if (c == '\n') buf_str(&b, "\\n");
    else if (c == '\r') buf_str(&b, "\\r");
    else if (c >= 0x20 && c < 0x7F) buf_char(&b, (char)c);
    else buf_add(&b, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
  }
  buf_char(&b, quote);
  buf_str(&b, suffix);
  return v_from_str(str_from_buf(vm, &b));
}
static Value bytes_repr(VM *vm, Value self) { return bytes_repr_text(vm, self_view(self), "", ""); }

/* ---- slots ---- */

static bool bytes_hash(VM *vm, Value self, int64_t *out) {
  Bytes *b = v_bytes(self);
  if (!(b->head.small & 1)) {
    int64_t h = b->size ? (int64_t)siphash13(vm->hash_key, b->data, b->size) : 0;
    b->hash = h == -1 ? -2 : h;
    b->head.small |= 1;
  }
  *out = b->hash;
  return true;
}

Value bytes_compare_views(View a, View b, Compare op) {
  if ((op == CO_EQ || op == CO_NE) && a.size != b.size) return v_from_bool(op == CO_NE);
  size_t n = a.size < b.size ? a.size : b.size;
  int c = n ? memcmp(a.data, b.data, n) : 0;
  if (c == 0) c = a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
  switch (op) {
    case CO_EQ: return v_from_bool(c == 0);
    case CO_NE: return v_from_bool(c != 0);
    case CO_LT: return v_from_bool(c < 0);
    case CO_LE: return v_from_bool(c <= 0);
    case CO_GT: return v_from_bool(c > 0);
    case CO_GE: return v_from_bool(c >= 0);
    default: return V_NOTIMPL;
  }
}
static Value bytes_compare(VM *vm, Value a, Value b, Compare op) {
  View other;
  (void)vm;
  if (!is_bytes(b)) return V_NOTIMPL; /* bytearray and memoryview know how */
  return bytes_view(b, &other) ? bytes_compare_views(self_view(a), other, op) : V_NOTIMPL;
}

static int bytes_truth(VM *vm, Value self) {
  (void)vm;
  return self_view(self).size != 0;
}
static int64_t bytes_length(VM *vm, Value self) {
  (void)vm;
  return (int64_t)self_view(self).size;
}

static Value bytes_getitem(VM *vm, Value self, Value key) {
  Bytes *b = v_bytes(self);
  int64_t i;
  bool is_index;
  if (v_has_layout(key, LAY_SLICE)) {
    int64_t start, stop, step, count;
    if (!slice_indices(vm, (Slice *)v_obj(key), (int64_t)b->size, &start, &stop, &step, &count)) return V_FAIL;
    if (step == 1) return count == 0 ? v_from_bytes(bytes_alloc(vm, 0)) : bytes_like_new(vm, self, b->data + start, (size_t)count);
    Bytes *r = bytes_alloc(vm, (size_t)count);
    for (int64_t k = 0; r && k < count; k++) r->data[k] = b->data[start + k * step];
    return v_from_bytes(r);
  }
  if (!str_index_arg(vm, key, &i, &is_index)) return V_FAIL;
  if (!is_index) return rt_raise(vm, &exc_TypeError, "byte indices must be integers or slices, not %T", key);
  if (i < 0) i += (int64_t)b->size;
  if (i < 0 || (uint64_t)i >= b->size) return rt_raise(vm, &exc_IndexError, "index out of range");
  return v_from_int62(b->data[i]);
}

static int bytes_contains(VM *vm, Value self, Value item) {
  View sub;
  uint8_t byte;
  if (bytes_view(item, &sub)) {
    View v = self_view(self);
    if (!charge_bytes(vm, v.size)) return -1;
    return str_find_bytes((const char *)v.data, v.size, (const char *)sub.data, sub.size) != SIZE_MAX;
  }
  int64_t i;
  Value n = rt_index_obj(vm, item);
  if (v_failed(n)) {
    if (!rt_pending_is(vm, &exc_Exception)) return -1;
    (void)rt_take_exc(vm); /* an __index__ that fails is none */
    return bytes_need_view(vm, item, &sub) ? 1 : -1;
  }
  if (!int_to_i64(n, &i) || i < 0 || i > 255) return rt_raise_i(vm, &exc_ValueError, "byte must be in range(0, 256)");
  byte = (uint8_t)i;
  View v = self_view(self);
  return v.size && memchr(v.data, byte, v.size) != NULL;
}

Value bytes_repeat(VM *vm, Value self, View v, int64_t times) {
  if (times == 1 && v_is_exact(self, &bytes_type)) return self;
  if (v.size && (uint64_t)times > TEXT_MAX / v.size) return v.size == 1 || is_bytearray(self) ? rt_no_memory(vm) : rt_raise(vm, &exc_OverflowError, "repeated bytes are too long");
  size_t size = v.size * (size_t)times;
  uint8_t *out = NULL;
  if (!charge_bytes(vm, size)) return V_FAIL;
  Value r = bytes_like_alloc(vm, self, size, &out);
  if (v_failed(r) || size == 0) return r;
  if (v.size == 1) {
    memset(out, v.data[0], size);
    return r;
  }
  memcpy(out, v.data, v.size);
  for (size_t done = v.size; done < size;) {
    size_t n = done <= size - done ? done : size - done;
    memcpy(out + done, out, n);
    done += n;
  }
  return r;
}

static Value concat(VM *vm, Value a, Value b) {
  View x, y;
  if (!bytes_view(a, &x) || !bytes_view(b, &y)) {
    if (is_bytes(a) || is_bytearray(a)) return rt_raise(vm, &exc_TypeError, "can't concat %T to %T", b, a);
    return V_NOTIMPL;
  }
  if (!is_bytes(a) && !is_bytearray(a)) return V_NOTIMPL;
  if (x.size > TEXT_MAX - y.size) return rt_no_memory(vm);
  if (y.size == 0 && v_is_exact(a, &bytes_type)) return a;
  if (x.size == 0 && v_is_exact(a, &bytes_type) && v_is_exact(b, &bytes_type)) return b;
  uint8_t *out = NULL;
  if (!charge_bytes(vm, x.size + y.size)) return V_FAIL;
  Value r = bytes_like_alloc(vm, a, x.size + y.size, &out);
  if (v_failed(r)) return r;
  if (x.size) memcpy(out, x.data, x.size);
  if (y.size) memcpy(out + x.size, y.data, y.size);
  return r;
}

Value bytes_binary(VM *vm, int op, Value a, Value b) {
  int64_t times;
  int r;
  if (op == TINY_ADD) return concat(vm, a, b);
  if (op == TINY_MOD) return is_bytes(a) || is_bytearray(a) ? bytes_percent(vm, self_view(a), is_bytearray(a), b) : V_NOTIMPL;
  if (op != TINY_MUL) return V_NOTIMPL;
  if (!is_bytes(a) && !is_bytearray(a)) {
    Value swap = a;
    a = b;
    b = swap;
  }
  r = str_repeat_arg(vm, b, &times);
  return r < 0 ? V_FAIL : r == 0 ? str_repeat_error(vm, b) : bytes_repeat(vm, a, self_view(a), times);
}

/* ---- iteration ---- */

static Value bytes_iter(VM *vm, Value self) { return seq_iter_new(vm, is_bytearray(self) ? &bytearray_iter_type : &bytes_iter_type, self); }
static int bytes_iter_next(VM *vm, Value self, Value *item) {
  SeqIter *it = (SeqIter *)v_obj(self);
  if (v_absent(it->seq)) return 0;
  View v = self_view(it->seq);
  if (it->at >= v.size) {
    gc_store(vm, it, &it->seq, V_ABSENT);
    return 0;
  }
  *item = v_from_int62(v.data[it->at++]);
  return 1;
}
static void iter_trace(Tracer *t, Obj *o) { gc_mark(t, ((SeqIter *)o)->seq); }

const Type bytes_iter_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "bytes_iterator", .base = &object_type, .layout = LAY_ITER,
  .flags = TYPE_NO_NEW, .shape_id = TYPE_ID_bytes_iter, .size = sizeof(SeqIter), .trace = iter_trace, .iter = iter_self, .next = bytes_iter_next, .methods = iter_forward_methods,
};
const Type bytearray_iter_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "bytearray_iterator", .base = &object_type, .layout = LAY_ITER,
  .flags = TYPE_NO_NEW, .shape_id = TYPE_ID_bytearray_iter, .size = sizeof(SeqIter), .trace = iter_trace, .iter = iter_self, .next = bytes_iter_next, .methods = iter_forward_methods,
};

static Value bytes_getnewargs(VM *vm, Args *a) {
  Value b = v_from_bytes(bytes_new(vm, v_bytes(a->v[0])->data, v_bytes(a->v[0])->size));
  Tuple *t = v_failed(b) ? NULL : tuple_new(vm, &b, 1);
  return t ? v_from_obj(t) : V_FAIL;
}
static Value bytes_dunder_bytes(VM *vm, Args *a) { return bytes_like_new(vm, a->v[0], v_bytes(a->v[0])->data, v_bytes(a->v[0])->size); }

const tiny_def bytes_methods[] = {
  BYTES_ROWS,
  {"__getnewargs__", bytes_getnewargs, "(self, /)", NULL},
  {"__bytes__", bytes_dunder_bytes, "(self, /)", "Convert this value to exact type bytes."},
  {0},
};

const Type bytes_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
  .name = "bytes",
  .base = &object_type,
  .layout = LAY_BYTES,
  .flags = TYPE_BASE | TYPE_BARRIER,
  .shape_id = TYPE_ID_bytes,
  .size = sizeof(Bytes),
  .doc = "bytes(iterable_of_ints) -> bytes\nbytes(string, encoding[, errors]) -> bytes\nbytes(bytes_or_buffer) -> immutable copy of bytes_or_buffer\n"
         "bytes(int) -> bytes object of size given by the parameter initialized with null bytes\nbytes() -> empty bytes object",
  .new_ = bytes_new_,
  .new_sig = "(source=..., encoding=..., errors=...)",
  .repr = bytes_repr,
  .str = bytes_repr,
  .hash = bytes_hash,
  .compare = bytes_compare,
  .truth = bytes_truth,
  .length = bytes_length,
  .getitem = bytes_getitem,
  .contains = bytes_contains,
  .iter = bytes_iter,
  .binary = bytes_binary,
  .methods = bytes_methods,
};
