/* Module _bytesio: bytes in memory. BytesMemory is what io.BytesIO derives from: its data and the methods that programs call often; the rest is in io/_memory.tiny.
 * The bytes are a bytearray, made when there is something to keep, so that getbuffer() can be a view of it. As long as such a view may be there (`views`, a list of
 * weak references), what changes the size asks the method _check_free first. */
#include <string.h>
#include "stdlib/builtins_memio.h"
#include "vm/objects/bytes_int.h"

typedef struct BytesMemory {
  Value bytes;   /* bytearray; V_NONE: empty */
  Value views;   /* V_NONE or a list */
  size_t at;
  bool closed, ready;
} BytesMemory;

extern const tiny_class bytes_memory_class;

static void bytes_memory_trace(tiny_tracer *t, void *data) {
  const BytesMemory *b = data;
  if (!b->ready) return;
  tiny_trace(t, b->bytes);
  tiny_trace(t, b->views);
}

static BytesMemory *data_of(VM *vm, Value self) {
  BytesMemory *b = tiny_data(vm, self, &bytes_memory_class);
  if (b && !b->ready) b->bytes = b->views = V_NONE, b->ready = true; /* as CPython, __new__ alone gives an empty one */
  return b;
}
static inline BytesMemory *self_of(VM *vm, Args *a) {
  BytesMemory *b = data_of(vm, a->v[0]);
  if (LIKELY(b && !b->closed)) return b;
  (void)rt_raise(vm, &exc_ValueError, "I/O operation on closed file.");
  return NULL;
}
#define SELF(b) BytesMemory *b = self_of(vm, a); if (!b) return V_FAIL

static inline View view_of(const BytesMemory *b) {
  if (v_is_none(b->bytes)) return (View){(const uint8_t *)"", 0};
  return (View){bytearray_data(v_bytearray(b->bytes)), v_bytearray(b->bytes)->size};
}

/* The bytearray; NULL: no memory. */
static ByteArray *storage(VM *vm, Value self, BytesMemory *b) {
  if (!v_is_none(b->bytes)) return v_bytearray(b->bytes);
  ByteArray *made = bytearray_new(vm, NULL, 0);
  if (made) tiny_store(vm, self, &b->bytes, v_from_obj(made));
  return made;
}

/* ---- reading */

static Value take(VM *vm, BytesMemory *b, size_t n) {
  View v = view_of(b);
  if (b->at >= v.size) n = 0;
  else if (n > v.size - b->at) n = v.size - b->at;
  Bytes *out = charge_bytes(vm, n) ? bytes_new(vm, n ? v.data + b->at : v.data, n) : NULL;
  if (!out) return V_FAIL;
  b->at += n;
  return v_from_obj(out);
}

static size_t line_length(const BytesMemory *b) {
  View v = view_of(b);
  if (b->at >= v.size) return 0;
  const uint8_t *from = v.data + b->at, *end = memchr(from, '\n', v.size - b->at);
  return end ? (size_t)(end - from) + 1 : v.size - b->at;
}

static Value m_read(VM *vm, Args *a) {
  int64_t n;
  if (!io_size_arg(vm, a->v[1], &n)) return V_FAIL;
  SELF(b);
  return take(vm, b, n < 0 ? SIZE_MAX : (size_t)n);
}
static Value m_readline(VM *vm, Args *a) {
  int64_t n;
  if (!io_size_arg(vm, a->v[1], &n)) return V_FAIL;
  SELF(b);
  size_t line = line_length(b);
  return take(vm, b, n >= 0 && (uint64_t)n < line ? (size_t)n : line);
}
static Value m_next(VM *vm, Args *a) {
  SELF(b);
  size_t line = line_length(b);
  return line ? take(vm, b, line) : rt_raise_with(vm, &exc_StopIteration, V_ABSENT);
}
static Value m_iter(VM *vm, Args *a) {
  SELF(b);
  return a->v[0];
}
static Value m_getvalue(VM *vm, Args *a) {
  SELF(b);
  View v = view_of(b);
  return charge_bytes(vm, v.size) ? v_from_bytes(bytes_new(vm, v.data, v.size)) : V_FAIL;
}

/* ---- writing */

static bool put(VM *vm, Value self, BytesMemory *b, View data) {
  if (b->at > (size_t)PTRDIFF_MAX - data.size) return rt_raise_b(vm, &exc_OverflowError, "new buffer size too large");
  ByteArray *to = storage(vm, self, b);
  if (!to || !charge_bytes(vm, data.size)) return false;
  size_t end = b->at + data.size;
  if (end > to->size) {
    if (data.data >= to->block && data.data < to->block + to->capacity) { /* a view of these bytes, which will move */
      Bytes *copy = bytes_new(vm, data.data, data.size);
      Value *keep = copy ? rt_temp(vm, 1) : NULL; /* a resize may collect */
      if (!keep) return false;
      *keep = v_from_obj(copy);
      data.data = copy->data;
    }
    if (!bytearray_resize(vm, to, end)) return false;
  }
  memmove(bytearray_data(to) + b->at, data.data, data.size);
  b->at = end;
  return true;
}

static Value m_write(VM *vm, Args *a) {
  SELF(b);
  View data;
  if (!v_is_none(b->views)) return rt_tail_builtin(vm, "_io_write_viewed", 2, a->v);
  if (!bytes_view(a->v[1], &data)) { /* what has its own way of lending bytes */
    Value *keep = rt_temp(vm, 1), v = keep ? rt_call_builtin(vm, "_io_bytes_like", 1, &a->v[1]) : V_FAIL;
    if (!v_failed(v)) *keep = v;
    if (v_failed(v) || !(b = self_of(vm, a)) || !bytes_need_view(vm, v, &data)) return V_FAIL;
    return data.size && !put(vm, a->v[0], b, data) ? V_FAIL : tiny_int(vm, (int64_t)data.size);
  }
  return data.size && !put(vm, a->v[0], b, data) ? V_FAIL : tiny_int(vm, (int64_t)data.size);
}

static Value m_truncate(VM *vm, Args *a) {
  SELF(b);
  int64_t n = (int64_t)b->at;
  if (!v_is_none(b->views)) return rt_tail_builtin(vm, "_io_truncate_viewed", 2, a->v);
  if (!v_is_none(a->v[1]) && (!io_size_arg(vm, a->v[1], &n) || !(b = self_of(vm, a)))) return V_FAIL;
  if (n < 0) return rt_raise(vm, &exc_ValueError, "negative size value %lld", (long long)n);
  if ((uint64_t)n < view_of(b).size && !bytearray_resize(vm, v_bytearray(b->bytes), (size_t)n)) return V_FAIL;
  return tiny_int(vm, n);
}

/* ---- position */

static Value m_tell(VM *vm, Args *a) {
  SELF(b);
  return tiny_int(vm, (int64_t)b->at);
}
static Value m_seek(VM *vm, Args *a) {
  int64_t to, whence;
  if (!str_size_arg(vm, a->v[1], &to) || !str_int_arg(vm, a->v[2], &whence)) return V_FAIL;
  SELF(b);
  if (whence < 0 || whence > 2) return rt_raise(vm, &exc_ValueError, "invalid whence (%lld, should be 0, 1 or 2)", (long long)whence);
  if (whence == 0 && to < 0) return rt_raise(vm, &exc_ValueError, "negative seek value %lld", (long long)to);
  int64_t base = whence == 0 ? 0 : whence == 1 ? (int64_t)b->at : (int64_t)view_of(b).size;
  if (to > INT64_MAX - base) return rt_raise(vm, &exc_OverflowError, "new position too large");
  b->at = base + to < 0 ? 0 : (size_t)(base + to);
  return tiny_int(vm, (int64_t)b->at);
}

/* ---- begin, end, what io/_memory.tiny asks */

static Value m_init(VM *vm, Args *a) {
  BytesMemory *b = data_of(vm, a->v[0]);
  View v = {NULL, 0};
  if (!v_is_none(b->views)) {
    b->bytes = V_NONE; /* also when this fails; who has a view keeps the bytes */
    b->at = 0;
    return rt_tail_builtin(vm, "_io_init_viewed", 2, a->v);
  }
  if (!v_is_none(a->v[1]) && !bytes_view(a->v[1], &v)) {
    Value made = rt_call_builtin(vm, "_io_bytes_like", 1, &a->v[1]);
    if (v_failed(made) || !bytes_need_view(vm, made, &v)) return V_FAIL;
  }
  ByteArray *bytes = v.size ? bytearray_new(vm, v.data, v.size) : NULL;
  if (v.size && !bytes) return V_FAIL;
  tiny_store(vm, a->v[0], &b->bytes, bytes ? v_from_obj(bytes) : V_NONE);
  b->at = 0;
  b->closed = false;
  return V_NONE;
}
static Value m_close(VM *vm, Args *a) {
  BytesMemory *b = data_of(vm, a->v[0]);
  if (!v_is_none(b->views)) return rt_tail_builtin(vm, "_io_close_viewed", 1, a->v);
  b->bytes = V_NONE;
  b->closed = true;
  return V_NONE;
}
static Value g_closed(VM *vm, Args *a) { return tiny_bool(data_of(vm, a->v[0])->closed); }
static Value m_yes(VM *vm, Args *a) {
  SELF(b);
  return V_TRUE;
}
static Value m_bytes(VM *vm, Args *a) {
  SELF(b);
  ByteArray *bytes = storage(vm, a->v[0], b);
  return bytes ? v_from_obj(bytes) : V_FAIL;
}
static Value g_views(VM *vm, Args *a) { return data_of(vm, a->v[0])->views; }
static Value s_views(VM *vm, Args *a) {
  tiny_store(vm, a->v[0], &data_of(vm, a->v[0])->views, a->v[1]);
  return V_NONE;
}

static const tiny_def methods[] = {
  {"__init__", m_init, "(self, initial_bytes=None)", NULL},
  {"write", m_write, "(self, b, /)", "Write bytes to file.\n\nReturn the number of bytes written."},
  {"read", m_read, "(self, size=-1, /)", "Read at most size bytes, returned as a bytes object."},
  {"read1", m_read, "(self, size=-1, /)", "Read at most size bytes, returned as a bytes object."},
  {"readline", m_readline, "(self, size=-1, /)", "Next line from the file, as a bytes object."},
  {"__next__", m_next, "(self, /)", NULL}, {"__iter__", m_iter, "(self, /)", NULL},
  {"getvalue", m_getvalue, "(self, /)", "Retrieve the entire contents of the BytesIO object."},
  {"tell", m_tell, "(self, /)", "Current file position, an integer."},
  {"seek", m_seek, "(self, pos, whence=0, /)", "Change stream position."},
  {"truncate", m_truncate, "(self, size=None, /)", "Truncate the file to at most size bytes."},
  {"close", m_close, "(self, /)", "Disable all I/O operations."},
  {"readable", m_yes, "(self, /)", "Returns True if the IO object can be read."},
  {"writable", m_yes, "(self, /)", "Returns True if the IO object can be written."},
  {"seekable", m_yes, "(self, /)", "Returns True if the IO object can be seeked."},
  {"@closed", g_closed, "(self)", NULL}, {"_bytes", m_bytes, "(self, /)", NULL}, {"@_views", g_views, "(self)", NULL}, {"=_views", s_views, "(self, views)", NULL},
  {0}};
const tiny_class bytes_memory_class = {.name = "_io.BytesIO", .data_size = sizeof(BytesMemory), .methods = methods, .trace = bytes_memory_trace};

static bool init(VM *vm, Value module) { return tiny_setattr(vm, module, "BytesMemory", tiny_class_of(vm, &bytes_memory_class)); }
extern const tiny_module _bytesio_module;
const tiny_module _bytesio_module = {.name = "_bytesio", .init = init};

/* ---- shared with text in memory */

bool io_size_arg(VM *vm, Value v, int64_t *out) {
  *out = -1;
  if (v_is_int(v)) return *out = v_int(v), true;
  if (v_is_none(v)) return true;
  if (v_absent(rt_type_lookup(vm, type_of(v), NAME(vm, __index__)))) return rt_raise_b(vm, &exc_TypeError, "argument should be integer or None, not '%T'", v);
  return rt_index(vm, v, out);
}

bool io_native_method(VM *vm, Value v, NameId id, tiny_fn fn) {
  Str *name = rt_name(vm, id);
  Value f = name ? rt_type_lookup(vm, type_of(v), name) : V_FAIL;
  return v_has_layout(f, LAY_NATIVE) && ((const Native *)v_obj(f))->fn == fn;
}
