/* sys.stdin, sys.stdout, sys.stderr: text streams over the host's read and write hooks, and their `buffer`s for bytes. */
#include <errno.h>
#include <string.h>
#include "stdlib/stdlib.h"
#include "stdlib/sys_streams.h"

typedef struct Stream {
  int number;        /* 0 stdin, 1 stdout, 2 stderr */
  bool closed, detached;
  bool at_end;       /* stdin: the host had no more for this call; the next one asks again, as a terminal ends with every Ctrl-D */
  bool line_buffering, write_through;
  char *data;        /* stdin: bytes read ahead: data[from..to) of cap */
  size_t from, to, cap;
  tiny_val buffer;   /* the stream of bytes; TINY_ABSENT: not made yet */
  tiny_val encoding, errors; /* TINY_ABSENT: as at first */
  tiny_val newline;  /* what stands for \n in what is written; TINY_ABSENT: itself */
} Stream;
typedef struct Bytes { tiny_val owner; } Bytes; /* the `buffer` of a stream, whose bytes both take */

extern const tiny_class std_stream_class, std_reader_class, std_writer_class;

static const char *const names[] = {"<stdin>", "<stdout>", "<stderr>"};

/* Of a stream or of its buffer. */
static Stream *stream_at(tiny_vm *vm, tiny_val v) {
  Stream *s = tiny_data(vm, v, &std_stream_class);
  if (s) return s;
  Bytes *b = tiny_data(vm, v, &std_reader_class);
  if (!b) b = tiny_data(vm, v, &std_writer_class);
  return b ? tiny_data(vm, b->owner, &std_stream_class) : NULL;
}

static Stream *self_of(tiny_args *a, tiny_vm *vm) {
  Stream *s = stream_at(vm, tiny_arg(a, 0));
  bool detached = s && s->detached && tiny_data(vm, tiny_arg(a, 0), &std_stream_class);
  if (s && (s->closed || detached)) {
    tiny_raise(vm, TINY_VALUE_ERROR, detached ? "underlying buffer has been detached" : "I/O operation on closed file.");
    return NULL;
  }
  return s;
}

static void stream_trace(tiny_tracer *t, void *data) {
  Stream *s = data;
  tiny_trace(t, s->buffer);
  tiny_trace(t, s->encoding);
  tiny_trace(t, s->errors);
  tiny_trace(t, s->newline);
}

static void bytes_trace(tiny_tracer *t, void *data) { tiny_trace(t, ((Bytes *)data)->owner); }

static tiny_val encoding_of(tiny_vm *vm, const Stream *s) { return tiny_is_absent(s->encoding) ? tiny_string(vm, "utf-8") : s->encoding; }
static tiny_val errors_of(tiny_vm *vm, const Stream *s) {
  const char *usual = tiny_config_of(vm)->stream_errors;
  return !tiny_is_absent(s->errors) ? s->errors : tiny_string(vm, s->number == 2 ? "backslashreplace" : usual ? usual : "strict");
}

static void stream_destroy(tiny_vm *vm, void *data) {
  Stream *s = data;
  tiny_alloc(vm, s->data, s->cap, 0);
}

/* ---- output */

int std_stream_number(tiny_vm *vm, tiny_val v) {
  const Stream *s = tiny_data(vm, v, &std_stream_class);
  return s && !s->closed && !s->detached ? s->number : -1;
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

static bool write_encoded(tiny_vm *vm, const Stream *s, int number, const char *text, size_t len) {
  tiny_val string = tiny_string_n(vm, text, len);
  if (s && !tiny_is_absent(s->newline)) {
    tiny_val ends[2] = {tiny_string(vm, "\n"), s->newline};
    string = tiny_call_method(vm, string, "replace", 2, ends);
  }
  Stream usual = {.number = number, .encoding = TINY_ABSENT, .errors = TINY_ABSENT};
  tiny_val args[2] = {encoding_of(vm, s ? s : &usual), errors_of(vm, s ? s : &usual)};
  tiny_val bytes = tiny_call_method(vm, string, "encode", 2, args);
  size_t n;
  const char *data = tiny_to_bytes(vm, bytes, &n);
  if (!data) return false;
  return !n || tiny_write(vm, number, data, n) || !tiny_failed(io_error(vm));
}

bool std_stream_write(tiny_vm *vm, tiny_val stream, int number, const char *text, size_t len) {
  const Stream *s = tiny_is_absent(stream) ? NULL : tiny_data(vm, stream, &std_stream_class);
  if ((s && !(tiny_is_absent(s->encoding) && tiny_is_absent(s->newline))) || has_surrogate(text, len)) {
    if (!write_encoded(vm, s, number, text, len)) return false;
  } else if (len && !tiny_write(vm, number, text, len)) {
    return io_error(vm), false;
  }
  return !s || !s->line_buffering || s->number != 1 || !memchr(text, '\n', len) || std_stream_flush(vm, number);
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
  if (!utf8 || !std_stream_write(vm, tiny_arg(a, 0), s->number, utf8, len)) return TINY_FAIL;
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

/* The next n bytes as str or bytes. CPython opens stdin with newline='\n', so \r stays. */
static tiny_val take(tiny_vm *vm, Stream *s, size_t n, bool text) {
  const char *at = s->data ? s->data + s->from : "";
  s->from += n;
  if (!text) return tiny_bytes(vm, at, n);
  if (tiny_is_absent(s->encoding)) {
    tiny_val v = tiny_string_n(vm, at, n);
    if (!tiny_failed(v) || !tiny_pending_is(vm, TINY_UNICODE_ERROR)) return v;
    tiny_clear_error(vm);
  }
  tiny_val how[2] = {encoding_of(vm, s), errors_of(vm, s)};
  return tiny_call_method(vm, tiny_bytes(vm, at, n), "decode", 2, how);
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
  bool wide = text && tiny_is_absent(s->encoding);
  s->at_end = false;
  for (;;) {
    size_t have = s->to - s->from, bytes = have;
    if (size >= 0) { /* text counts characters */
      size_t left = (size_t)size;
      for (bytes = 0; bytes < have && left > 0; left--) {
        bytes++;
        while (wide && bytes < have && ((unsigned char)s->data[s->from + bytes] & 0xC0) == 0x80) bytes++;
      }
      if (left == 0 && (!wide || bytes < have || s->at_end)) return take(vm, s, bytes, text);
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

static bool is_text(tiny_vm *vm, tiny_args *a) { return tiny_data(vm, tiny_arg(a, 0), &std_stream_class) != NULL; }

static tiny_val st_next(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  tiny_val line = s ? read_line(vm, s, -1, is_text(vm, a)) : TINY_FAIL;
  if (tiny_failed(line) || tiny_len(vm, line) > 0) return line;
  return tiny_raise_value(vm, tiny_exc_class(vm, TINY_STOP_ITERATION));
}

/* hint: no more lines once so many characters or bytes were read. */
static tiny_val st_readlines(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  int64_t hint, seen = 0;
  tiny_val list = s && size_arg(vm, tiny_arg(a, 1), &hint) ? tiny_list(vm, 0, NULL) : TINY_FAIL;
  while (!tiny_failed(list)) {
    tiny_scope scope = tiny_scope_open(vm);
    tiny_val line = read_line(vm, s, -1, is_text(vm, a));
    int64_t n = tiny_failed(line) ? 0 : tiny_len(vm, line);
    if (tiny_failed(line) || (n > 0 && !tiny_list_append(vm, list, line))) return TINY_FAIL;
    tiny_scope_close(vm, scope);
    seen += n;
    if (n <= 0 || (hint > 0 && seen >= hint)) break;
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

/* What is there already, or what one read gives. */
static tiny_val buf_read1(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  int64_t size;
  if (!s || !size_arg(vm, tiny_arg(a, 1), &size)) return TINY_FAIL;
  if (s->number != 0) return not_supported(vm, "read");
  s->at_end = false;
  if (size != 0 && s->from == s->to && fill(vm, s) < 0) return TINY_FAIL;
  size_t have = s->to - s->from;
  return take(vm, s, size < 0 || (uint64_t)size > have ? have : (size_t)size, false);
}

static tiny_val buf_peek(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  if (!s) return TINY_FAIL;
  s->at_end = false;
  if (s->from == s->to && fill(vm, s) < 0) return TINY_FAIL;
  return tiny_bytes(vm, s->data ? s->data + s->from : "", s->to - s->from);
}

static tiny_val buf_readinto(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  tiny_val into = tiny_arg(a, 1), kind = tiny_string(vm, "B");
  tiny_val view = s ? tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "builtins"), "memoryview"), 1, &into) : TINY_FAIL, bytes = tiny_call_method(vm, view, "cast", 1, &kind);
  if (tiny_failed(bytes)) return TINY_FAIL;
  tiny_val data = read_some(vm, s, tiny_len(vm, bytes), false);
  int64_t n = tiny_failed(data) ? 0 : tiny_len(vm, data);
  tiny_val bounds[2] = {tiny_int(vm, 0), tiny_int(vm, n)}, part = tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "builtins"), "slice"), 2, bounds);
  return !tiny_failed(data) && tiny_setitem(vm, bytes, part, data) ? tiny_int(vm, n) : TINY_FAIL;
}

/* ---- what files have */

static tiny_val st_self(tiny_vm *vm, tiny_args *a) { return self_of(a, vm) ? tiny_arg(a, 0) : TINY_FAIL; }

static tiny_val st_close(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_at(vm, tiny_arg(a, 0));
  bool ok = !s || s->closed || s->number == 0 || tiny_write(vm, s->number, NULL, 0);
  if (s) s->closed = true;
  return ok ? TINY_NONE : io_error(vm);
}

static tiny_val st_fileno(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  return s ? tiny_int(vm, s->number) : TINY_FAIL;
}

static bool on_terminal(tiny_vm *vm, const Stream *s) { return tiny_config_of(vm)->terminals >> s->number & 1; }

static tiny_val st_isatty(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  return s ? tiny_bool(on_terminal(vm, s)) : TINY_FAIL;
}

static tiny_val st_readable(tiny_vm *vm, tiny_args *a) { Stream *s = self_of(a, vm); return s ? tiny_bool(s->number == 0) : TINY_FAIL; }
static tiny_val st_writable(tiny_vm *vm, tiny_args *a) { Stream *s = self_of(a, vm); return s ? tiny_bool(s->number != 0) : TINY_FAIL; }
static tiny_val st_false(tiny_vm *vm, tiny_args *a) { return self_of(a, vm) ? TINY_FALSE : TINY_FAIL; }
static tiny_val st_none(tiny_vm *vm, tiny_args *a) { return self_of(a, vm) ? TINY_NONE : TINY_FAIL; }
static tiny_val st_exit(tiny_vm *vm, tiny_args *a) { return st_close(vm, a); }

static tiny_val get_encoding(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_at(vm, tiny_arg(a, 0));
  return s ? encoding_of(vm, s) : TINY_NONE;
}

static tiny_val get_errors(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_at(vm, tiny_arg(a, 0));
  return s ? errors_of(vm, s) : TINY_NONE;
}

static tiny_val get_name(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_at(vm, tiny_arg(a, 0));
  return tiny_string(vm, s ? names[s->number] : "");
}

static tiny_val get_mode(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_at(vm, tiny_arg(a, 0));
  const char *mode = s && s->number == 0 ? "rb" : "wb";
  return is_text(vm, a) ? tiny_string_n(vm, mode, 1) : tiny_string(vm, mode);
}

static tiny_val get_closed(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_at(vm, tiny_arg(a, 0));
  return tiny_bool(s && s->closed);
}

static tiny_val get_line_buffering(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_at(vm, tiny_arg(a, 0));
  return tiny_bool(s && !s->write_through && (s->line_buffering || s->number == 2 || on_terminal(vm, s)));
}

static tiny_val get_write_through(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_at(vm, tiny_arg(a, 0));
  return tiny_bool(s && s->write_through);
}

static tiny_val get_buffer(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  if (s && tiny_is_absent(s->buffer)) {
    void *data;
    tiny_val b = tiny_instance(vm, s->number == 0 ? &std_reader_class : &std_writer_class, &data);
    if (tiny_failed(b)) return TINY_FAIL;
    ((Bytes *)data)->owner = TINY_ABSENT;
    tiny_store(vm, b, &((Bytes *)data)->owner, tiny_arg(a, 0));
    tiny_store(vm, tiny_arg(a, 0), &s->buffer, b);
  }
  return s ? s->buffer : TINY_FAIL;
}

static tiny_val st_detach(tiny_vm *vm, tiny_args *a) {
  tiny_val buffer = get_buffer(vm, a);
  Stream *s = tiny_failed(buffer) ? NULL : stream_at(vm, tiny_arg(a, 0));
  if (!s || (s->number != 0 && !std_stream_flush(vm, s->number))) return TINY_FAIL;
  s->detached = true;
  return buffer;
}

/* The name of an encoding that reads and writes; stdin is taken apart at bytes \n, so that there it has to be one that extends ASCII. */
static bool check_encoding(tiny_vm *vm, const Stream *s, tiny_val encoding) {
  size_t n;
  tiny_val end = tiny_call_method(vm, tiny_string(vm, "\n"), "encode", 1, &encoding);
  const char *bytes = tiny_to_bytes(vm, end, &n);
  if (!bytes || s->number != 0 || (n == 1 && *bytes == '\n')) return bytes != NULL;
  tiny_raise(vm, TINY_NOT_IMPLEMENTED_ERROR, "sys.stdin cannot have an encoding that does not extend ASCII");
  return false;
}

static bool is_utf8(tiny_vm *vm, tiny_val encoding) {
  tiny_val info = tiny_call_method(vm, tiny_import(vm, "codecs"), "lookup", 1, &encoding);
  const char *name = tiny_to_str(vm, tiny_getattr(vm, info, "name"), NULL);
  return name && strcmp(name, "utf-8") == 0;
}

static bool set_encoding(tiny_vm *vm, tiny_val self, Stream *s, tiny_val encoding, tiny_val errors) {
  bool given = !tiny_is_none(encoding);
  if (given && !check_encoding(vm, s, encoding)) return false;
  if (given) tiny_store(vm, self, &s->encoding, is_utf8(vm, encoding) ? TINY_ABSENT : encoding);
  if (tiny_pending(vm)) return false;
  if (!tiny_is_none(errors)) tiny_store(vm, self, &s->errors, errors);
  else if (given) tiny_store(vm, self, &s->errors, tiny_string(vm, "strict"));
  return true;
}

static bool set_newline(tiny_vm *vm, tiny_val self, Stream *s, tiny_val newline) {
  const char *text = tiny_is_none(newline) ? "\n" : tiny_to_str(vm, newline, NULL);
  if (!text) return false;
  if (*text && strcmp(text, "\n") != 0 && strcmp(text, "\r") != 0 && strcmp(text, "\r\n") != 0) return !tiny_failed(tiny_raise(vm, TINY_VALUE_ERROR, "illegal newline value: %s", text));
  bool plain = !*text || strcmp(text, "\n") == 0;
  if (s->number == 0 && (!plain || tiny_is_none(newline))) return !tiny_failed(tiny_raise(vm, TINY_NOT_IMPLEMENTED_ERROR, "sys.stdin has no line ends but \\n"));
  tiny_store(vm, self, &s->newline, plain ? TINY_ABSENT : newline);
  return true;
}

/* None: as it is. */
static bool set_switch(tiny_vm *vm, bool *what, tiny_val v) {
  if (tiny_is_none(v)) return true;
  int on = tiny_truth(vm, v);
  if (on >= 0) *what = on;
  return on >= 0;
}

static bool str_or_none(tiny_vm *vm, const char *name, tiny_val v) {
  return tiny_is_none(v) || tiny_kind_of(vm, v) == TINY_T_STR || !tiny_failed(tiny_raise(vm, TINY_TYPE_ERROR, "reconfigure() argument '%s' must be str or None, not %T", name, v));
}

static tiny_val st_reconfigure(tiny_vm *vm, tiny_args *a) {
  Stream *s = self_of(a, vm);
  tiny_val self = tiny_arg(a, 0), encoding = tiny_arg(a, 1), errors = tiny_arg(a, 2), newline = tiny_arg(a, 3);
  if (!s || !str_or_none(vm, "encoding", encoding) || !str_or_none(vm, "errors", errors) || (!tiny_is_absent(newline) && !str_or_none(vm, "newline", newline))) return TINY_FAIL;
  if (s->to > s->from && (!tiny_is_none(encoding) || !tiny_is_none(errors) || !tiny_is_absent(newline)))
    return not_supported(vm, "It is not possible to set the encoding or newline of stream after the first read");
  if (!set_encoding(vm, self, s, encoding, errors) || (!tiny_is_absent(newline) && !set_newline(vm, self, s, newline)) || !set_switch(vm, &s->line_buffering, tiny_arg(a, 4)) ||
      !set_switch(vm, &s->write_through, tiny_arg(a, 5))) return TINY_FAIL;
  return s->number == 0 || std_stream_flush(vm, s->number) ? TINY_NONE : TINY_FAIL;
}

static tiny_val st_repr(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_at(vm, tiny_arg(a, 0));
  if (!is_text(vm, a)) return tiny_format(vm, "<_io.Buffered%s name='%s'>", s && s->number == 0 ? "Reader" : "Writer", names[s ? s->number : 0]);
  return tiny_format(vm, "<_io.TextIOWrapper name='%s' mode='%s' encoding=%R>", names[s ? s->number : 0], s && s->number == 0 ? "r" : "w", s ? encoding_of(vm, s) : TINY_NONE);
}

/* For isinstance(): the classes of io, once a script has them. */
static tiny_val get_class(tiny_vm *vm, tiny_args *a) {
  Stream *s = stream_at(vm, tiny_arg(a, 0));
  const char *name = is_text(vm, a) ? "TextIOWrapper" : s && s->number == 0 ? "BufferedReader" : "BufferedWriter";
  tiny_val self = tiny_arg(a, 0), cls = tiny_getattr(vm, tiny_getitem(vm, tiny_modules(vm), tiny_string(vm, "io")), name);
  if (!tiny_failed(cls)) return cls;
  tiny_clear_error(vm);
  return tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "builtins"), "type"), 1, &self);
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
  {"detach", st_detach, "(self)", NULL},
  {"reconfigure", st_reconfigure, "(self, *, encoding=None, errors=None, newline=..., line_buffering=None, write_through=None)",
   "Reconfigure the text stream with new parameters."},
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
  {"@write_through", get_write_through, "(self)", NULL},
  {"@name", get_name, "(self)", NULL},
  {"@mode", get_mode, "(self)", NULL},
  {"@closed", get_closed, "(self)", NULL},
  {"@__class__", get_class, "(self)", NULL},
  {"@buffer", get_buffer, "(self)", NULL},
  {0}};
const tiny_class std_stream_class = {.name = "_io.TextIOWrapper", .data_size = sizeof(Stream), .methods = stream_methods, .trace = stream_trace, .destroy = stream_destroy,
  .flags = TINY_CLASS_NO_NEW | TINY_CLASS_DICT};

#define BYTES_METHODS \
  {"fileno", st_fileno, "(self)", NULL}, {"isatty", st_isatty, "(self)", NULL}, {"readable", st_readable, "(self)", NULL}, {"writable", st_writable, "(self)", NULL}, \
  {"seekable", st_false, "(self)", NULL}, {"flush", st_flush, "(self)", NULL}, {"close", st_close, "(self)", NULL}, {"__enter__", st_self, "(self)", NULL}, \
  {"__exit__", st_exit, "(self, *args)", NULL}, {"__repr__", st_repr, "(self)", NULL}, {"@name", get_name, "(self)", NULL}, {"@mode", get_mode, "(self)", NULL}, \
  {"@closed", get_closed, "(self)", NULL}, {"@__class__", get_class, "(self)", NULL}, {"@raw", st_self, "(self)", NULL}
static const tiny_def reader_methods[] = {
  {"read", buf_read, "(self, size=-1, /)", NULL},
  {"read1", buf_read1, "(self, size=-1, /)", NULL},
  {"peek", buf_peek, "(self, size=0, /)", NULL},
  {"readinto", buf_readinto, "(self, buffer, /)", NULL},
  {"readline", buf_readline, "(self, size=-1, /)", NULL},
  {"readlines", st_readlines, "(self, hint=-1, /)", NULL},
  {"__iter__", st_self, "(self)", NULL},
  {"__next__", st_next, "(self)", NULL},
  BYTES_METHODS,
  {0}};
const tiny_class std_reader_class = {.name = "_io.BufferedReader", .data_size = sizeof(Bytes), .methods = reader_methods, .trace = bytes_trace, .flags = TINY_CLASS_NO_NEW};

static const tiny_def writer_methods[] = {
  {"write", buf_write, "(self, data, /)", NULL},
  {"writelines", st_writelines, "(self, lines, /)", NULL},
  BYTES_METHODS,
  {0}};
const tiny_class std_writer_class = {.name = "_io.BufferedWriter", .data_size = sizeof(Bytes), .methods = writer_methods, .trace = bytes_trace, .flags = TINY_CLASS_NO_NEW};

tiny_val std_stream_new(tiny_vm *vm, int number) {
  void *data;
  tiny_val v = tiny_instance(vm, &std_stream_class, &data);
  if (!tiny_failed(v)) *(Stream *)data = (Stream){.number = number, .buffer = TINY_ABSENT, .encoding = TINY_ABSENT, .errors = TINY_ABSENT, .newline = TINY_ABSENT};
  return v;
}
