/* Module _io_text: what io.TextIOWrapper derives from. TextStream has the state of a stream of text, and the methods write, readline and __next__, which do in C what is
 * common: UTF-8 or ASCII, over a File of the system. Everything else is done by the methods of io/_text.tiny that they end in: other encodings and buffers, errors, the
 * first read (it asks the buffer whether it may), text that was taken from the buffer but not used. */
#include <string.h>
#include "stdlib/io_file.h"

typedef enum { LINES_PLAIN /* only \n ends a line */, LINES_TRANSLATED, LINES_ANY /* \n, \r, \r\n, as they are */, LINES_OTHER } Lines;
enum { SEEN_CR = 1, SEEN_LF = 2, SEEN_CRLF = 4 };

typedef struct TextStream {
  tiny_val file;      /* File that the buffer is about, where nothing but this stream and the buffer's own methods reads and writes it; else none */
  tiny_val pending;   /* bytes taken from the buffer, not used yet; not a value: none */
  bool utf8;          /* else only ASCII text is for C */
  bool writes;        /* \n is written as it is */
  bool reading;       /* text was read since the last seek or write */
  bool telling;       /* not inside a loop over the lines */
  bool line_buffering, write_through;
  bool own_readline;  /* no class derived from io.TextIOWrapper has put another in its place: a loop need not call it */
  uint8_t lines, seen;
} TextStream;

extern const tiny_class text_stream_class;

static void stream_trace(tiny_tracer *t, void *data) {
  const TextStream *s = data;
  if (s->file.w) tiny_trace(t, s->file);
  if (s->pending.w) tiny_trace(t, s->pending);
}

static TextStream *self_of(tiny_vm *vm, tiny_args *a) { return tiny_data(vm, tiny_arg(a, 0), &text_stream_class); }

/* The open File, NULL: not for C. */
static inline File *file_of(tiny_vm *vm, const TextStream *s) {
  File *f = s->file.w ? tiny_data(vm, s->file, &io_file_class) : NULL;
  return f && f->fd >= 0 ? f : NULL;
}

static tiny_val slow(tiny_vm *vm, tiny_args *a, const char *name, int argc, tiny_val arg) {
  return tiny_tail_call(vm, tiny_getattr(vm, tiny_arg(a, 0), name), argc, &arg);
}

/* No surrogates, which UTF-8 does not encode. */
static bool encodable(const char *p, size_t n) {
  for (const char *end = p + n; (p = memchr(p, 0xED, (size_t)(end - p))) != NULL; p++) {
    if (p + 1 < end && (unsigned char)p[1] >= 0xA0) return false;
  }
  return true;
}
static bool is_ascii(const char *p, size_t n) {
  uint64_t word, all = 0;
  for (; n >= 8; p += 8, n -= 8) memcpy(&word, p, 8), all |= word;
  for (; n > 0; p++, n--) all |= (unsigned char)*p;
  return !(all & 0x8080808080808080u);
}

/* ---- reading */

/* The next line. TINY_NONE: not for C; nothing was taken then. */
static tiny_val take_line(tiny_vm *vm, TextStream *s) {
  File *f = s->reading && !s->pending.w && s->lines != LINES_OTHER ? file_of(vm, s) : NULL;
  char *line, *cr;
  size_t n;
  int r = f ? file_peek_line(vm, f, &line, &n) : 0;
  if (r <= 0) return r < 0 ? TINY_FAIL : TINY_NONE;
  bool ended = line[n - 1] == '\n', crlf = false;
  if (s->lines != LINES_PLAIN && (cr = memchr(line, '\r', n)) != NULL) {
    if (!ended || cr != line + n - 2) return TINY_NONE;
    crlf = true;
  }
  if (!(s->utf8 ? encodable(line, n) : is_ascii(line, n))) return TINY_NONE;
  bool cut = crlf && s->lines == LINES_TRANSLATED;
  if (cut) line[n - 2] = '\n';
  tiny_val text = tiny_string_n(vm, line, n - cut);
  if (tiny_failed(text)) {
    if (cut) line[n - 2] = '\r';
    if (!tiny_pending_is(vm, TINY_UNICODE_ERROR)) return text;
    tiny_clear_error(vm);
    return TINY_NONE;
  }
  f->from += n;
  if (s->lines != LINES_PLAIN && ended) s->seen |= crlf ? SEEN_CRLF : SEEN_LF;
  return text;
}

static tiny_val m_readline(tiny_vm *vm, tiny_args *a) {
  tiny_val line = TINY_NONE;
  int64_t size = -1;
  if (tiny_is_absent(tiny_arg(a, 1))) line = take_line(vm, self_of(vm, a));
  else if (!tiny_to_int(vm, tiny_arg(a, 1), &size)) return TINY_FAIL;
  return tiny_is_none(line) ? slow(vm, a, "_readline", 1, tiny_int(vm, size)) : line;
}

static tiny_val m_next(tiny_vm *vm, tiny_args *a) {
  TextStream *s = self_of(vm, a);
  tiny_val line = s->own_readline ? take_line(vm, s) : TINY_NONE;
  if (tiny_is_none(line)) return slow(vm, a, "_next", 0, TINY_NONE);
  s->telling = false;
  return line;
}

/* ---- writing */

/* 1 written, 0 not for C, -1 failed. */
static int put(tiny_vm *vm, TextStream *s, const char *text, size_t n) {
  File *f = s->writes && !s->reading ? file_of(vm, s) : NULL;
  if (!f || !f->writable || !(s->utf8 ? encodable(text, n) : is_ascii(text, n))) return 0;
  if (!file_put(vm, f, text, n)) return -1;
  bool flush = s->write_through || (s->line_buffering && (memchr(text, '\n', n) || memchr(text, '\r', n)));
  return flush && !file_write_out(vm, f) ? -1 : 1;
}

tiny_val text_stream_write(tiny_vm *vm, tiny_args *a) {
  tiny_val text = tiny_arg(a, 1);
  size_t n;
  if (tiny_kind_of(vm, text) == TINY_T_STR) {
    const char *p = tiny_to_str(vm, text, &n);
    int r = p ? put(vm, self_of(vm, a), p, n) : -1;
    if (r) return r < 0 ? TINY_FAIL : tiny_int(vm, (int64_t)tiny_str_index(vm, text, n));
  }
  return slow(vm, a, "_write", 1, text);
}

int text_stream_put(tiny_vm *vm, tiny_val stream, const char *text, size_t n) {
  TextStream *s = tiny_data(vm, stream, &text_stream_class);
  return s ? put(vm, s, text, n) : 0;
}

/* ---- what io/_text.tiny reads and sets */

static tiny_val m_configure(tiny_vm *vm, tiny_args *a) {
  TextStream *s = self_of(vm, a);
  tiny_val file = tiny_arg(a, 1);
  tiny_store(vm, tiny_arg(a, 0), &s->file, tiny_data(vm, file, &io_file_class) ? file : (tiny_val){0});
  s->utf8 = tiny_arg_bool(a, 2);
  s->lines = (uint8_t)tiny_arg_int(a, 3);
  s->writes = tiny_arg_bool(a, 4);
  tiny_val method = tiny_getattr(vm, tiny_type(vm, tiny_arg(a, 0)), "readline");
  s->own_readline = tiny_is(method, tiny_getattr(vm, tiny_class_of(vm, &text_stream_class), "readline"));
  return tiny_failed(method) ? TINY_FAIL : TINY_NONE;
}
static tiny_val g_pending(tiny_vm *vm, tiny_args *a) {
  const TextStream *s = self_of(vm, a);
  return s->pending.w ? s->pending : tiny_bytes(vm, "", 0);
}
static tiny_val s_pending(tiny_vm *vm, tiny_args *a) {
  tiny_val data = tiny_arg(a, 1);
  size_t n;
  if (!tiny_to_bytes(vm, data, &n)) return TINY_FAIL;
  tiny_store(vm, tiny_arg(a, 0), &self_of(vm, a)->pending, n ? data : (tiny_val){0});
  return TINY_NONE;
}
static tiny_val g_seen(tiny_vm *vm, tiny_args *a) { return tiny_int(vm, self_of(vm, a)->seen); }
static tiny_val s_seen(tiny_vm *vm, tiny_args *a) {
  int64_t seen;
  if (!tiny_to_int(vm, tiny_arg(a, 1), &seen)) return TINY_FAIL;
  self_of(vm, a)->seen = (uint8_t)(seen & 7);
  return TINY_NONE;
}
#define FLAG(name)                                                                                              \
  static tiny_val g_##name(tiny_vm *vm, tiny_args *a) { return tiny_bool(self_of(vm, a)->name); }               \
  static tiny_val s_##name(tiny_vm *vm, tiny_args *a) {                                                         \
    self_of(vm, a)->name = tiny_is(tiny_arg(a, 1), TINY_TRUE);                                                  \
    return TINY_NONE;                                                                                           \
  }
FLAG(reading) FLAG(telling) FLAG(line_buffering) FLAG(write_through)
#define FLAG_ROWS(name, text) {"@" text, g_##name, "(self)", NULL}, {"=" text, s_##name, "(self, on)", NULL}

static const tiny_def methods[] = {
  {"write", text_stream_write, "(self, text, /)", NULL},
  {"readline", m_readline, "(self, size=..., /)", NULL},
  {"__next__", m_next, "(self, /)", NULL},
  {"_configured", m_configure, "(self, file, utf8: bool, lines: int, writes: bool, /)", NULL},
  {"@_pending", g_pending, "(self)", NULL}, {"=_pending", s_pending, "(self, data)", NULL},
  {"@_seen", g_seen, "(self)", NULL}, {"=_seen", s_seen, "(self, seen)", NULL},
  FLAG_ROWS(reading, "_reading"), FLAG_ROWS(telling, "_telling"), {"@line_buffering", g_line_buffering, "(self)", NULL}, {"=_line_buffering", s_line_buffering, "(self, on)", NULL},
  {"@write_through", g_write_through, "(self)", NULL}, {"=_write_through", s_write_through, "(self, on)", NULL},
  {0}};
const tiny_class text_stream_class = {.name = "_io.TextIOWrapper", .data_size = sizeof(TextStream), .methods = methods, .trace = stream_trace};

static bool init(tiny_vm *vm, tiny_val module) { return tiny_setattr(vm, module, "TextStream", tiny_class_of(vm, &text_stream_class)); }
extern const tiny_module _io_text_module;
const tiny_module _io_text_module = {.name = "_io_text", .init = init};
