/* sys.stdin, sys.stdout, sys.stderr: text streams over the host's read and write hooks, and their `buffer`s for bytes. */
#include <errno.h>
#include <string.h>
#include "stdlib/stdlib.h"
#include "stdlib/sys_streams.h"

typedef struct Stream {
  int number;        /* 0 stdin, 1 stdout, 2 stderr */
  bool closed;
  bool at_end;       /* stdin: the host had no more for this call; the next one asks again, as a terminal ends with every Ctrl-D */
  char *data;        /* stdin: bytes read ahead: data[from..to) of cap */
  size_t from, to, cap;
  tiny_val buffer;   /* the stream of bytes; TINY_ABSENT: not made yet */
} Stream;

extern const tiny_class std_stream_class, std_buffer_class;

static const char *const names[] = {"<stdin>", "<stdout>", "<stderr>"};

static Stream *self_of(tiny_args *a, tiny_vm *vm) {
  Stream *s = tiny_data(vm, tiny_arg(a, 0), &std_stream_class);
  if (!s) s = tiny_data(vm, tiny_arg(a, 0), &std_buffer_class);
  if (s && s->closed) {
    tiny_raise(vm, TINY_VALUE_ERROR, "I/O operation on closed file.");
    return NULL;
  }
  return s;
}

static void stream_trace(tiny_tracer *t, void *data) { tiny_trace(t, ((Stream *)data)->buffer); }

static void stream_destroy(tiny_vm *vm, void *data) {
  Stream *s = data;
  tiny_alloc(vm, s->data, s->cap, 0);
}

/* ---- output */

int std_stream_number(tiny_vm *vm, tiny_val v) {
  const Stream *s = tiny_data(vm, v, &std_stream_class);
  return s && !s->closed ? s->number : -1;
}

/* What the host's hook left in errno. */
static tiny_val io_error(tiny_vm *vm) { return tiny_raise_os(vm, errno ? errno : EIO, NULL); }

/* Lone surrogates stand in strings as ED A0..BF xx. */
static bool has_surrogate(const char *text, size_t len) {
  for (const char *p = text, *end = text + len; (p = memchr(p, 0xED, (size_t)(end - p))) != NULL; p++) {
    if (end - p > 1 && (unsigned char)p[1] >= 0xA0) return true;
  }
  return false;
}

static bool write_encoded(tiny_vm *vm, int stream, const char *text, size_t len) {
  tiny_val args[2] = {tiny_string(vm, "utf-8"), tiny_string(vm, stream == 2 ? "backslashreplace" : "strict")};
  tiny_val bytes = tiny_call_method(vm, tiny_string_n(vm, text, len), "encode", 2, args);
  size_t n;
  const char *data = tiny_to_bytes(vm, bytes, &n);
  if (!data) return false;
  return tiny_write(vm, stream, data, n) || !tiny_failed(io_error(vm));
}

bool std_stream_write(tiny_vm *vm, int stream, const char *text, size_t len) {
  if (has_surrogate(text, len)) return write_encoded(vm, stream, text, len);
  if (len == 0 || tiny_write(vm, stream, text, len)) return true;
  return io_error(vm), false;
}

bool std_stream_flush(tiny_vm *vm, int stream) { return tiny_write(vm, stream, NULL, 0) || !tiny_failed(io_error(vm)); }

static tiny_val not_supported(tiny_vm *vm, const char *what) {
  tiny_val io = tiny_import(vm, "io");
  tiny_val cls = tiny_failed(io) ? (tiny_clear_error(vm), tiny_exc_class(vm, TINY_OS_ERROR)) : tiny_getattr(vm, io, "UnsupportedOperation");
  tiny_val text = tiny_string(vm, what);
  return tiny_raise_value(vm, tiny_call(vm, cls, 1, &text));
}

static tiny_val st_write(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  if (!s) return TINY_FAIL;
  if (s->number == 0) return not_supported(vm, "not writable");
  tiny_val text = tiny_arg(a, 1);
  if (tiny_kind_of(vm, text) != TINY_T_STR) return tiny_raise(vm, TINY_TYPE_ERROR, "write() argument must be str, not %T", text);
  size_t len;
  const char *utf8 = tiny_to_str(vm, text, &len);
  if (!utf8 || !std_stream_write(vm, s->number, utf8, len)) return TINY_FAIL;
  return tiny_int(vm, tiny_len(vm, text));
}

static tiny_val buf_write(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  size_t len;
  const void *data = s ? tiny_to_bytes(vm, tiny_arg(a, 1), &len) : NULL;
  if (!data) return TINY_FAIL;
  if (s->number == 0) return not_supported(vm, "write");
  if (len && !tiny_write(vm, s->number, data, len)) return io_error(vm);
  return tiny_int(vm, (int64_t)len);
}

static tiny_val st_writelines(tiny_vm *vm, tiny_args *a) {
  tiny_val args[2] = {tiny_arg(a, 0), tiny_arg(a, 1)};
  return tiny_tail_call(vm, tiny_library_function(vm, "_stream_writelines"), 2, args);
}

static tiny_val st_flush(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  if (!s) return TINY_FAIL;
  return s->number == 0 || std_stream_flush(vm, s->number) ? TINY_NONE : TINY_FAIL;
}

/* ---- input */

/* Reads more of stdin behind what is there: 1 got some, 0 end, -1 failed. */
static int fill(tiny_vm *vm, Stream *s) {
again:
  if (s->at_end) return 0;
  if (s->from > 0) {
    memmove(s->data, s->data + s->from, s->to - s->from);
    s->to -= s->from;
    s->from = 0;
  }
  if (s->cap - s->to < 4096) {
    size_t cap = s->cap ? s->cap * 2 : 8192;
    char *data = tiny_alloc(vm, s->data, s->cap, cap);
    if (!data) return tiny_no_memory(vm), -1;
    s->data = data;
    s->cap = cap;
  }
  long n = tiny_read(vm, s->data + s->to, s->cap - s->to);
  if (n < 0) { /* perhaps Ctrl-C or another signal while it waited */
    int err = errno;
    if (!tiny_poll_signals(vm)) return -1;
    if (err == EINTR) goto again; /* a handler may have read, too */
    io_error(vm);
    return -1;
  }
  if (n == 0) return s->at_end = true, 0;
  s->to += (size_t)n;
  return 1;
}

/* The next n bytes as str or bytes. Text: strict UTF-8; CPython opens stdin with newline='\n', so \r stays. */
static tiny_val take(tiny_vm *vm, Stream *s, size_t n, bool text) {
  const char *at = s->data ? s->data + s->from : "";
  s->from += n;
  return text ? tiny_string_n(vm, at, n) : tiny_bytes(vm, at, n);
}

/* size < 0: to the end of the line. */
static tiny_val read_line(tiny_vm *vm, Stream *s, int64_t size, bool text) {
  if (s->number != 0) return not_supported(vm, "not readable");
  size_t seen = 0;
  s->at_end = false;
  for (;;) {
    const char *at = s->data ? s->data + s->from : NULL, *end = at && s->to > s->from + seen ? memchr(at + seen, '\n', s->to - s->from - seen) : NULL;
    size_t have = end ? (size_t)(end - at) + 1 : s->to - s->from;
    if (size >= 0 && have > (size_t)size) return take(vm, s, (size_t)size, text);
    if (end) return take(vm, s, have, text);
    seen = have;
    int r = fill(vm, s);
    if (r < 0) return TINY_FAIL;
    if (r == 0) return take(vm, s, s->to - s->from, text);
  }
}

static tiny_val read_some(tiny_vm *vm, Stream *s, int64_t size, bool text) {
  if (s->number != 0) return not_supported(vm, "not readable");
  s->at_end = false;
  for (;;) {
    size_t have = s->to - s->from, bytes = have;
    if (size >= 0) { /* text counts characters */
      size_t left = (size_t)size;
      for (bytes = 0; bytes < have && left > 0; left--) {
        bytes++;
        while (text && bytes < have && ((unsigned char)s->data[s->from + bytes] & 0xC0) == 0x80) bytes++;
      }
      if (left == 0 && (!text || bytes < have || s->at_end)) return take(vm, s, bytes, text);
    }
    int r = fill(vm, s);
    if (r < 0) return TINY_FAIL;
    if (r == 0) return take(vm, s, size < 0 ? s->to - s->from : bytes, text);
  }
}

static bool size_arg(tiny_vm *vm, tiny_val v, int64_t *size) {
  *size = -1;
  return tiny_is_none(v) || tiny_to_int(vm, v, size);
}

static tiny_val st_readline(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  int64_t size;
  return s && size_arg(vm, tiny_arg(a, 1), &size) ? read_line(vm, s, size, true) : TINY_FAIL;
}

static tiny_val st_read(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  int64_t size;
  return s && size_arg(vm, tiny_arg(a, 1), &size) ? read_some(vm, s, size, true) : TINY_FAIL;
}

static tiny_val st_next(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  tiny_val line = s ? read_line(vm, s, -1, true) : TINY_FAIL;
  if (tiny_failed(line) || tiny_len(vm, line) > 0) return line;
  return tiny_raise_value(vm, tiny_exc_class(vm, TINY_STOP_ITERATION));
}

static tiny_val st_readlines(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  tiny_val list = s ? tiny_list(vm, 0, NULL) : TINY_FAIL;
  while (!tiny_failed(list)) {
    tiny_scope scope = tiny_scope_open(vm);
    tiny_val line = read_line(vm, s, -1, true);
    bool more = !tiny_failed(line) && tiny_len(vm, line) > 0;
    if (tiny_failed(line) || (more && !tiny_list_append(vm, list, line))) return TINY_FAIL;
    tiny_scope_close(vm, scope);
    if (!more) break;
  }
  return list;
}

static tiny_val buf_readline(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  int64_t size;
  return s && size_arg(vm, tiny_arg(a, 1), &size) ? read_line(vm, s, size, false) : TINY_FAIL;
}

static tiny_val buf_read(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  int64_t size;
  return s && size_arg(vm, tiny_arg(a, 1), &size) ? read_some(vm, s, size, false) : TINY_FAIL;
}

/* ---- what files have */

static tiny_val st_self(tiny_vm *vm, tiny_args *a) { return self_of(a, vm) ? tiny_arg(a, 0) : TINY_FAIL; }

static tiny_val st_close(tiny_vm *vm, tiny_args *a) {
  Stream *s = tiny_data(vm, tiny_arg(a, 0), &std_stream_class);
  if (s && s->number != 0) (void)tiny_write(vm, s->number, NULL, 0);
  if (s) s->closed = true;
  return TINY_NONE;
}

static tiny_val st_fileno(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  return s ? tiny_int(vm, s->number) : TINY_FAIL;
}

static tiny_val st_isatty(tiny_vm *vm, tiny_args *a) { return self_of(a, vm) ? TINY_FALSE : TINY_FAIL; }
static tiny_val st_readable(tiny_vm *vm, tiny_args *a) { Stream *s = self_of(a, vm); return s ? tiny_bool(s->number == 0) : TINY_FAIL; }
static tiny_val st_writable(tiny_vm *vm, tiny_args *a) { Stream *s = self_of(a, vm); return s ? tiny_bool(s->number != 0) : TINY_FAIL; }
static tiny_val st_false(tiny_vm *vm, tiny_args *a) { return self_of(a, vm) ? TINY_FALSE : TINY_FAIL; }
static tiny_val st_none(tiny_vm *vm, tiny_args *a) { return self_of(a, vm) ? TINY_NONE : TINY_FAIL; }
static tiny_val st_exit(tiny_vm *vm, tiny_args *a) { return st_close(vm, a); }
static tiny_val get_encoding(tiny_vm *vm, tiny_args *a) { (void)a; return tiny_string(vm, "utf-8"); }

static tiny_val get_errors(tiny_vm *vm, tiny_args *a) {
  Stream *s = tiny_data(vm, tiny_arg(a, 0), &std_stream_class);
  return tiny_string(vm, s && s->number == 2 ? "backslashreplace" : "strict");
}

static tiny_val get_name(tiny_vm *vm, tiny_args *a) {
  Stream *s = tiny_data(vm, tiny_arg(a, 0), &std_stream_class);
  return tiny_string(vm, s ? names[s->number] : "");
}

static tiny_val get_mode(tiny_vm *vm, tiny_args *a) {
  Stream *s = tiny_data(vm, tiny_arg(a, 0), &std_stream_class);
  return tiny_string(vm, s && s->number == 0 ? "r" : "w");
}

static tiny_val get_closed(tiny_vm *vm, tiny_args *a) {
  Stream *s = tiny_data(vm, tiny_arg(a, 0), &std_stream_class);
  return tiny_bool(s && s->closed);
}

static tiny_val get_line_buffering(tiny_vm *vm, tiny_args *a) { (void)vm; (void)a; return TINY_FALSE; }

static tiny_val get_buffer(tiny_vm *vm, tiny_args *a) {
  Stream *s = tiny_data(vm, tiny_arg(a, 0), &std_stream_class);
  if (s && tiny_is_absent(s->buffer)) {
    void *data;
    tiny_val b = tiny_instance(vm, &std_buffer_class, &data);
    if (tiny_failed(b)) return TINY_FAIL;
    *(Stream *)data = (Stream){.number = s->number, .buffer = TINY_ABSENT};
    tiny_store(vm, tiny_arg(a, 0), &s->buffer, b);
  }
  return s ? s->buffer : TINY_NONE;
}

static tiny_val st_repr(tiny_vm *vm, tiny_args *a) {
  Stream *s = tiny_data(vm, tiny_arg(a, 0), &std_stream_class);
  return tiny_format(vm, "<_io.TextIOWrapper name='%s' mode='%s' encoding='utf-8'>", names[s ? s->number : 0], s && s->number == 0 ? "r" : "w");
}

static const tiny_def stream_methods[] = {
  {"write", st_write, "(self, text, /)", "Write string to stream."},
  {"writelines", st_writelines, "(self, lines, /)", "Write a list of lines to stream."},
  {"flush", st_flush, "(self)", NULL},
  {"read", st_read, "(self, size=-1, /)", NULL},
  {"readline", st_readline, "(self, size=-1, /)", NULL},
  {"readlines", st_readlines, "(self, hint=-1, /)", NULL},
  {"__iter__", st_self, "(self)", NULL},
  {"__next__", st_next, "(self)", NULL},
  {"__enter__", st_self, "(self)", NULL},
  {"__exit__", st_exit, "(self, *args)", NULL},
  {"close", st_close, "(self)", NULL},
  {"detach", st_none, "(self)", NULL},
  {"reconfigure", st_none, "(self, **kwargs)", NULL},
  {"fileno", st_fileno, "(self)", NULL},
  {"isatty", st_isatty, "(self)", NULL},
  {"readable", st_readable, "(self)", NULL},
  {"writable", st_writable, "(self)", NULL},
  {"seekable", st_false, "(self)", NULL},
  {"__repr__", st_repr, "(self)", NULL},
  {"@encoding", get_encoding, "(self)", NULL},
  {"@errors", get_errors, "(self)", NULL},
  {"@newlines", st_none, "(self)", NULL},
  {"@line_buffering", get_line_buffering, "(self)", NULL},
  {"@name", get_name, "(self)", NULL},
  {"@mode", get_mode, "(self)", NULL},
  {"@closed", get_closed, "(self)", NULL},
  {"@buffer", get_buffer, "(self)", NULL},
  {0}};
const tiny_class std_stream_class = {.name = "_io.TextIOWrapper", .data_size = sizeof(Stream), .methods = stream_methods, .trace = stream_trace, .destroy = stream_destroy,
  .flags = TINY_CLASS_NO_NEW | TINY_CLASS_DICT};

static const tiny_def buffer_methods[] = {
  {"write", buf_write, "(self, data, /)", NULL},
  {"flush", st_flush, "(self)", NULL},
  {"read", buf_read, "(self, size=-1, /)", NULL},
  {"readline", buf_readline, "(self, size=-1, /)", NULL},
  {"fileno", st_fileno, "(self)", NULL},
  {"isatty", st_isatty, "(self)", NULL},
  {"readable", st_readable, "(self)", NULL},
  {"writable", st_writable, "(self)", NULL},
  {0}};
const tiny_class std_buffer_class = {.name = "_io.BufferedWriter", .data_size = sizeof(Stream), .methods = buffer_methods, .trace = stream_trace, .destroy = stream_destroy,
  .flags = TINY_CLASS_NO_NEW};

tiny_val std_stream_new(tiny_vm *vm, int number) {
  void *data;
  tiny_val v = tiny_instance(vm, &std_stream_class, &data);
  if (!tiny_failed(v)) *(Stream *)data = (Stream){.number = number, .buffer = TINY_ABSENT};
  return v;
}
