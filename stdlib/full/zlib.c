/* needs: zlib
 * Module zlib: deflate (RFC 1950, 1951, 1952) in one piece or in a stream, and its checksums. Memory is the VM's. */
#include <string.h>
#include <zlib.h>
#include "include/tiny.h"

/* ---- memory, arguments, errors ---- */

static voidpf take(voidpf vm, uInt items, uInt size) {
  size_t n = (size_t)items * size + 16; /* the size stands in front, for give_back */
  char *p = tiny_alloc(vm, NULL, 0, n);
  if (!p) return Z_NULL;
  memcpy(p, &n, sizeof n);
  return p + 16;
}
static void give_back(voidpf vm, voidpf address) {
  char *p = (char *)address - 16;
  size_t n;
  memcpy(&n, p, sizeof n);
  tiny_alloc(vm, p, n, 0);
}

/* The bytes of a bytes-like object. */
static const Bytef *data_arg(tiny_vm *vm, tiny_val v, size_t *n) {
  tiny_kind kind = tiny_kind_of(vm, v);
  const char *type = tiny_type_name(vm, v);
  if (kind != TINY_T_BYTES && (!strcmp(type, "memoryview") || !strcmp(type, "array.array"))) v = tiny_call_method(vm, v, "tobytes", 0, NULL);
  else if (kind != TINY_T_BYTES && strcmp(type, "bytearray") != 0) return (void)tiny_raise(vm, TINY_TYPE_ERROR, "a bytes-like object is required, not '%s'", type), NULL;
  return tiny_to_bytes(vm, v, n);
}

/* module: the one the function belongs to, or the one of the class. */
static tiny_val fail(tiny_vm *vm, int code, const char *detail, const char *what) {
  if (code == Z_MEM_ERROR) return tiny_no_memory(vm);
  if (!detail) detail = code == Z_BUF_ERROR ? "incomplete or truncated stream" : code == Z_STREAM_ERROR ? "inconsistent stream state" : code == Z_DATA_ERROR ? "invalid input data" : NULL;
  tiny_val text = detail ? tiny_format(vm, "Error %d %s: %s", code, what, detail) : tiny_format(vm, "Error %d %s", code, what);
  tiny_val cls = tiny_getattr(vm, tiny_import(vm, "zlib"), "error");
  return tiny_raise_value(vm, tiny_call(vm, cls, 1, &text));
}

/* ---- streams ---- */

typedef struct Stream {
  z_stream z;
  bool open, inflating, ended;
  tiny_val unused, tail, dictionary; /* decompressors: bytes behind the end; input left over because of max_length */
} Stream;
extern const tiny_class compress_class, decompress_class;

static void stream_trace(tiny_tracer *t, void *data) {
  Stream *s = data;
  tiny_trace(t, s->unused);
  tiny_trace(t, s->tail);
  tiny_trace(t, s->dictionary);
}
static void stream_destroy(tiny_vm *vm, void *data) {
  Stream *s = data;
  if (!s->open) return;
  s->z.opaque = vm;
  if (s->inflating) inflateEnd(&s->z);
  else deflateEnd(&s->z);
}

typedef struct Out { char *data; size_t n, cap; } Out;
static bool room(tiny_vm *vm, Out *o) {
  if (o->n < o->cap) return true;
  size_t cap = o->cap ? o->cap * 2 : 16384;
  char *data = tiny_alloc(vm, o->data, o->cap, cap);
  if (!data) return tiny_no_memory(vm), false;
  o->data = data;
  o->cap = cap;
  return true;
}
static tiny_val done(tiny_vm *vm, Out *o, bool ok) {
  tiny_val v = ok ? tiny_bytes(vm, o->data ? o->data : "", o->n) : TINY_FAIL;
  if (o->data) tiny_alloc(vm, o->data, o->cap, 0);
  return v;
}

/* Pushes input through, until it is used up and nothing more comes out, the stream ends, or max bytes are there (0: no limit). *code: zlib's last answer. */
static bool pump(tiny_vm *vm, Stream *s, const Bytef *data, size_t n, int flush, size_t max, Out *out, int *code) {
  z_stream *z = &s->z;
  z->next_in = (Bytef *)(uintptr_t)data;
  *code = Z_OK;
  do {
    z->avail_in = n > 1u << 30 ? 1u << 30 : (uInt)n;
    size_t given = z->avail_in;
    bool again;
    do {
      again = false;
      if (!room(vm, out)) return false;
      size_t space = out->cap - out->n;
      if (max && space > max - out->n) space = max - out->n;
      if (space > 1u << 30) space = 1u << 30;
      z->next_out = (Bytef *)out->data + out->n;
      z->avail_out = (uInt)space;
      *code = s->inflating ? inflate(z, n > given ? Z_NO_FLUSH : flush) : deflate(z, n > given ? Z_NO_FLUSH : flush);
      out->n += space - z->avail_out;
      if (!tiny_charge(vm, 1 + (space - z->avail_out) / 256)) return false;
      if (*code == Z_NEED_DICT && !tiny_is_none(s->dictionary)) {
        size_t size;
        const Bytef *d = tiny_to_bytes(vm, s->dictionary, &size);
        if (!d) return false;
        *code = inflateSetDictionary(z, d, (uInt)size);
        again = *code == Z_OK;
      }
      if (*code != Z_OK && *code != Z_BUF_ERROR) break;
    } while (again || (z->avail_out == 0 && !(max && out->n >= max)));
    n -= given - z->avail_in;
  } while (n > 0 && *code == Z_OK && !(max && out->n >= max) && z->avail_in == 0);
  return true;
}

static tiny_val open_stream(tiny_vm *vm, const tiny_class *cls, bool inflating, int level, int wbits, int memory, int strategy, tiny_val dictionary) {
  void *data;
  tiny_val v = tiny_instance(vm, cls, &data);
  if (tiny_failed(v)) return v;
  Stream *s = data;
  s->z.zalloc = take;
  s->z.zfree = give_back;
  s->z.opaque = vm;
  s->inflating = inflating;
  s->unused = s->tail = s->dictionary = TINY_NONE;
  int code = inflating ? inflateInit2(&s->z, wbits) : deflateInit2(&s->z, level, Z_DEFLATED, wbits, memory, strategy);
  if (code == Z_STREAM_ERROR) return tiny_raise(vm, TINY_VALUE_ERROR, "Invalid initialization option");
  if (code != Z_OK) return fail(vm, code, NULL, inflating ? "while creating decompression object" : "while creating compression object");
  s->open = true;
  tiny_val empty = tiny_bytes(vm, "", 0);
  tiny_store(vm, v, &s->unused, empty);
  tiny_store(vm, v, &s->tail, empty);
  size_t n;
  if (tiny_is_none(dictionary)) return v;
  const Bytef *d = data_arg(vm, dictionary, &n);
  if (!d) return TINY_FAIL;
  if (inflating) tiny_store(vm, v, &s->dictionary, tiny_bytes(vm, d, n));
  else if (deflateSetDictionary(&s->z, d, (uInt)n) != Z_OK) return tiny_raise(vm, TINY_VALUE_ERROR, "Invalid dictionary");
  return v;
}

static Stream *stream_of(tiny_vm *vm, tiny_args *a, const tiny_class *cls) {
  Stream *s = tiny_data(vm, tiny_arg(a, 0), cls);
  if (s) s->z.opaque = vm;
  return s;
}

/* ---- compressing ---- */

static tiny_val c_compress(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_of(vm, a, &compress_class);
  size_t n;
  const Bytef *data = data_arg(vm, tiny_arg(a, 1), &n);
  Out out = {0};
  int code;
  if (!data) return TINY_FAIL;
  bool ok = pump(vm, s, data, n, Z_NO_FLUSH, 0, &out, &code);
  tiny_val v = done(vm, &out, ok);
  return ok && code == Z_STREAM_ERROR ? fail(vm, code, s->z.msg, "while compressing data") : v;
}
static tiny_val c_flush(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_of(vm, a, &compress_class);
  int mode = (int)tiny_arg_int(a, 1), code;
  Out out = {0};
  if (mode == Z_NO_FLUSH) return tiny_bytes(vm, "", 0);
  bool ok = pump(vm, s, (const Bytef *)"", 0, mode, 0, &out, &code);
  tiny_val v = done(vm, &out, ok);
  if (ok && code == Z_STREAM_ERROR) return fail(vm, code, s->z.msg, "while flushing");
  if (ok && code == Z_STREAM_END) deflateEnd(&s->z), s->open = false;
  return v;
}
static tiny_val c_copy(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_of(vm, a, tiny_data(vm, tiny_arg(a, 0), &compress_class) ? &compress_class : &decompress_class);
  void *data;
  if (!s->open) return tiny_raise(vm, TINY_VALUE_ERROR, "Inconsistent stream state");
  tiny_val v = tiny_instance(vm, s->inflating ? &decompress_class : &compress_class, &data);
  if (tiny_failed(v)) return v;
  Stream *t = data;
  t->unused = t->tail = t->dictionary = TINY_NONE;
  t->inflating = s->inflating;
  t->ended = s->ended;
  int code = s->inflating ? inflateCopy(&t->z, &s->z) : deflateCopy(&t->z, &s->z);
  if (code != Z_OK) return fail(vm, code, NULL, "while copying object");
  t->open = true;
  tiny_store(vm, v, &t->unused, s->unused);
  tiny_store(vm, v, &t->tail, s->tail);
  tiny_store(vm, v, &t->dictionary, s->dictionary);
  return v;
}

/* ---- decompressing ---- */

static bool keep_rest(tiny_vm *vm, tiny_val self, Stream *s, int code) {
  tiny_val rest = tiny_bytes(vm, s->z.next_in, s->z.avail_in), none = tiny_bytes(vm, "", 0);
  if (tiny_failed(rest) || tiny_failed(none)) return false;
  if (code == Z_STREAM_END) {
    tiny_val joined = tiny_binary(vm, TINY_ADD, s->unused, rest);
    if (tiny_failed(joined)) return false;
    tiny_store(vm, self, &s->unused, joined);
    s->ended = true;
  }
  tiny_store(vm, self, &s->tail, code == Z_STREAM_END ? none : rest);
  return true;
}
static tiny_val d_decompress(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_of(vm, a, &decompress_class);
  size_t n;
  int64_t max = tiny_arg_int(a, 2);
  const Bytef *data = data_arg(vm, tiny_arg(a, 1), &n);
  Out out = {0};
  int code;
  if (!data) return TINY_FAIL;
  if (max < 0) return tiny_raise(vm, TINY_VALUE_ERROR, "max_length must be non-negative");
  if (s->ended) {
    tiny_val more = tiny_binary(vm, TINY_ADD, s->unused, tiny_bytes(vm, data, n));
    if (tiny_failed(more)) return more;
    tiny_store(vm, tiny_arg(a, 0), &s->unused, more);
    return tiny_bytes(vm, "", 0);
  }
  bool ok = pump(vm, s, data, n, Z_SYNC_FLUSH, (size_t)max, &out, &code);
  if (ok && code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END) {
    (void)done(vm, &out, false);
    return fail(vm, code, s->z.msg, "while decompressing data");
  }
  ok = ok && keep_rest(vm, tiny_arg(a, 0), s, code);
  return done(vm, &out, ok);
}
static tiny_val d_flush(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_of(vm, a, &decompress_class);
  Out out = {0};
  int code;
  size_t n;
  const Bytef *data = tiny_to_bytes(vm, s->tail, &n);
  if (!data) return TINY_FAIL;
  if (s->ended) return tiny_bytes(vm, "", 0);
  bool ok = pump(vm, s, data, n, Z_FINISH, 0, &out, &code);
  ok = ok && keep_rest(vm, tiny_arg(a, 0), s, code);
  return done(vm, &out, ok);
}
static tiny_val d_unused(tiny_vm *vm, tiny_args *a) { return stream_of(vm, a, &decompress_class)->unused; }
static tiny_val d_tail(tiny_vm *vm, tiny_args *a) { return stream_of(vm, a, &decompress_class)->tail; }
static tiny_val d_eof(tiny_vm *vm, tiny_args *a) { return tiny_bool(stream_of(vm, a, &decompress_class)->ended); }

static const tiny_def compress_methods[] = {{"compress", c_compress, "(self, data, /)", "Returns a bytes object containing compressed data."},
    {"flush", c_flush, "(self, mode: int = 4, /)", "Return a bytes object containing any remaining compressed data."}, {"copy", c_copy, "(self, /)", NULL}, {0}};
static const tiny_def decompress_methods[] = {{"decompress", d_decompress, "(self, data, /, max_length: int = 0)", "Return a bytes object containing the decompressed version of the data."},
    {"flush", d_flush, "(self, length: int = 16384, /)", "Return a bytes object containing any remaining decompressed data."}, {"copy", c_copy, "(self, /)", NULL},
    {"@unused_data", d_unused, "(self)", NULL}, {"@unconsumed_tail", d_tail, "(self)", NULL}, {"@eof", d_eof, "(self)", NULL}, {0}};
const tiny_class compress_class = {.name = "zlib.Compress", .data_size = sizeof(Stream), .methods = compress_methods, .trace = stream_trace, .destroy = stream_destroy, .flags = TINY_CLASS_NO_NEW | TINY_CLASS_FINAL};
const tiny_class decompress_class = {.name = "zlib.Decompress", .data_size = sizeof(Stream), .methods = decompress_methods, .trace = stream_trace, .destroy = stream_destroy, .flags = TINY_CLASS_NO_NEW | TINY_CLASS_FINAL};

/* ---- the module ---- */

static tiny_val f_compressobj(tiny_vm *vm, tiny_args *a) {
  return open_stream(vm, &compress_class, false, (int)tiny_arg_int(a, 0), (int)tiny_arg_int(a, 2), (int)tiny_arg_int(a, 3), (int)tiny_arg_int(a, 4), tiny_arg(a, 5));
}
static tiny_val f_decompressobj(tiny_vm *vm, tiny_args *a) { return open_stream(vm, &decompress_class, true, 0, (int)tiny_arg_int(a, 0), 0, 0, tiny_arg(a, 1)); }

static tiny_val f_compress(tiny_vm *vm, tiny_args *a) {
  size_t n;
  const Bytef *data = data_arg(vm, tiny_arg(a, 0), &n);
  int level = (int)tiny_arg_int(a, 1), code;
  if (!data) return TINY_FAIL;
  if (level < -1 || level > 9) return fail(vm, Z_STREAM_ERROR, "Bad compression level", "while compressing data");
  tiny_val v = open_stream(vm, &compress_class, false, level, (int)tiny_arg_int(a, 2), 8, Z_DEFAULT_STRATEGY, TINY_NONE);
  if (tiny_failed(v)) return v;
  Stream *s = tiny_data(vm, v, &compress_class);
  Out out = {0};
  bool ok = pump(vm, s, data, n, Z_FINISH, 0, &out, &code);
  tiny_val r = done(vm, &out, ok);
  return ok && code != Z_STREAM_END ? fail(vm, code, s->z.msg, "while finishing compression") : r;
}
static tiny_val f_decompress(tiny_vm *vm, tiny_args *a) {
  size_t n;
  const Bytef *data = data_arg(vm, tiny_arg(a, 0), &n);
  int code;
  if (!data) return TINY_FAIL;
  tiny_val v = open_stream(vm, &decompress_class, true, 0, (int)tiny_arg_int(a, 1), 0, 0, TINY_NONE);
  if (tiny_failed(v)) return v;
  Stream *s = tiny_data(vm, v, &decompress_class);
  Out out = {0};
  bool ok = pump(vm, s, data, n, Z_SYNC_FLUSH, 0, &out, &code);
  tiny_val r = done(vm, &out, ok);
  if (!ok || code == Z_STREAM_END) return r;
  return fail(vm, code == Z_OK ? Z_BUF_ERROR : code, code == Z_OK ? NULL : s->z.msg, "while decompressing data");
}

static tiny_val checksum(tiny_vm *vm, tiny_args *a, uLong (*step)(uLong, const Bytef *, uInt)) {
  size_t n;
  int64_t start;
  tiny_val low = tiny_binary(vm, TINY_AND, tiny_arg(a, 1), tiny_int(vm, 0xFFFFFFFF));
  const Bytef *data = data_arg(vm, tiny_arg(a, 0), &n);
  if (!data || !tiny_to_int(vm, low, &start) || !tiny_charge(vm, n >> 8)) return TINY_FAIL;
  uLong sum = (uLong)start;
  for (; n > 1u << 30; n -= 1u << 30, data += 1u << 30) sum = step(sum, data, 1u << 30);
  return tiny_int(vm, (int64_t)(step(sum, data, (uInt)n) & 0xFFFFFFFF));
}
static tiny_val f_crc32(tiny_vm *vm, tiny_args *a) { return checksum(vm, a, crc32); }
static tiny_val f_adler32(tiny_vm *vm, tiny_args *a) { return checksum(vm, a, adler32); }

static const tiny_def functions[] = {
  {"compress", f_compress, "(data, /, level: int = -1, wbits: int = 15)", "Returns a bytes object containing compressed data."},
  {"decompress", f_decompress, "(data, /, wbits: int = 15, bufsize: int = 16384)", "Returns a bytes object containing the uncompressed data."},
  {"compressobj", f_compressobj, "(level: int = -1, method: int = 8, wbits: int = 15, memLevel: int = 8, strategy: int = 0, zdict=None)", "Return a compressor object."},
  {"decompressobj", f_decompressobj, "(wbits: int = 15, zdict=None)", "Return a decompressor object."},
  {"crc32", f_crc32, "(data, value=0, /)", "Compute a CRC-32 checksum of data."},
  {"adler32", f_adler32, "(data, value=1, /)", "Compute an Adler-32 checksum of data."},
  {0}};
static bool init(tiny_vm *vm, tiny_val module) {
  static const struct { const char *name; int value; } numbers[] = {{"MAX_WBITS", MAX_WBITS}, {"DEFLATED", Z_DEFLATED}, {"DEF_MEM_LEVEL", 8}, {"DEF_BUF_SIZE", 16384},
      {"Z_NO_COMPRESSION", 0}, {"Z_BEST_SPEED", 1}, {"Z_BEST_COMPRESSION", 9}, {"Z_DEFAULT_COMPRESSION", -1}, {"Z_FILTERED", Z_FILTERED}, {"Z_HUFFMAN_ONLY", Z_HUFFMAN_ONLY},
      {"Z_RLE", Z_RLE}, {"Z_FIXED", Z_FIXED}, {"Z_DEFAULT_STRATEGY", 0}, {"Z_FINISH", Z_FINISH}, {"Z_NO_FLUSH", Z_NO_FLUSH}, {"Z_PARTIAL_FLUSH", Z_PARTIAL_FLUSH},
      {"Z_SYNC_FLUSH", Z_SYNC_FLUSH}, {"Z_FULL_FLUSH", Z_FULL_FLUSH}, {"Z_BLOCK", Z_BLOCK}, {"Z_TREES", Z_TREES}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (!tiny_setattr(vm, module, numbers[i].name, tiny_int(vm, numbers[i].value))) return false;
  tiny_val cls = tiny_library_function(vm, "_ZlibError");
  return !tiny_failed(cls) && tiny_setattr(vm, cls, "__name__", tiny_string(vm, "error")) && tiny_setattr(vm, module, "error", cls) &&
    tiny_setattr(vm, module, "ZLIB_VERSION", tiny_string(vm, ZLIB_VERSION)) && tiny_setattr(vm, module, "ZLIB_RUNTIME_VERSION", tiny_string(vm, zlibVersion()));
}
extern const tiny_module zlib_module;
const tiny_module zlib_module = {"zlib", functions, init, "Compression compatible with gzip."};
