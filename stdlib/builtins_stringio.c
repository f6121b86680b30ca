/* Module _stringio: text in memory. TextMemory is what io.StringIO derives from: its data and the methods that programs call often; the rest is in io/_memory.tiny.
 * The text is UTF-8 in one growing block. A position is kept as code points and as bytes, so that reading on and writing on cost what they touch; a seek in text
 * that is not all ASCII walks from the nearest of start, position and end. A line is at most one step of the loop: no script code runs in here but through
 * __index__ of arguments, after which the state is looked at again. */
#include <string.h>
#include "stdlib/builtins_memio.h"
#include "vm/objects/str_build.h"

typedef enum { LINES_LF, LINES_TRANSLATED /* newline None */, LINES_ANY /* '' */, LINES_CR, LINES_CRLF } Lines;
static const char *const line_names[] = {"\n", NULL, "", "\r", "\r\n"};
enum { STATE_NEW, STATE_OPEN, STATE_CLOSED };

typedef struct TextMemory {
  char *text;
  size_t size, capacity;  /* bytes */
  size_t length;          /* code points; == size: ASCII */
  size_t at, at_byte;     /* position; behind the end: at_byte == size */
  uint8_t lines, seen, state;
} TextMemory;

extern const tiny_class text_memory_class;

static void text_destroy(VM *vm, void *data) {
  TextMemory *t = data;
  mem_free(&vm->mem, t->text, t->capacity);
}

static Value not_open(VM *vm, const TextMemory *t) {
  return rt_raise(vm, &exc_ValueError, t && t->state == STATE_CLOSED ? "I/O operation on closed file" : "I/O operation on uninitialized object");
}
static inline TextMemory *self_of(VM *vm, Args *a) {
  TextMemory *t = tiny_data(vm, a->v[0], &text_memory_class);
  if (LIKELY(t && t->state == STATE_OPEN)) return t;
  not_open(vm, t);
  return NULL;
}
#define SELF(t) TextMemory *t = self_of(vm, a); if (!t) return V_FAIL

/* ---- places */

static inline bool is_ascii(const TextMemory *t) { return t->size == t->length; }

/* Byte offset of a code point, from another place of which both are known. */
static size_t walk(const TextMemory *t, size_t from, size_t from_byte, size_t to) {
  const char *p = t->text + from_byte;
  for (; from < to; from++) p += utf8_len((unsigned char)*p);
  for (; from > to; from--) do p--; while (((unsigned char)*p & 0xC0) == 0x80);
  return (size_t)(p - t->text);
}
static size_t byte_of(const TextMemory *t, size_t at) {
  if (at >= t->length) return t->size;
  if (is_ascii(t)) return at;
  size_t here = t->at < t->length ? t->at : t->length;
  if (at >= here) return t->length - at < at - here ? walk(t, t->length, t->size, at) : walk(t, here, t->at_byte, at);
  return here - at < at ? walk(t, here, t->at_byte, at) : walk(t, 0, 0, at);
}

/* The text between the position and a byte offset not before it, as str; it becomes the position. */
static Value take(VM *vm, TextMemory *t, size_t end) {
  size_t from = t->at_byte, n = end - from;
  Str *s = n == 0 ? str_empty(vm) : is_ascii(t) ? (n == 1 ? str_new(vm, t->text + from, 1) : str_counted(vm, t->text + from, n, n)) : str_new(vm, t->text + from, n);
  if (!s) return V_FAIL;
  if (n) {
    t->at += s->length;
    t->at_byte = end;
  }
  return v_from_obj(s);
}

/* ---- writing */

static bool room(VM *vm, TextMemory *t, size_t size) {
  if (LIKELY(size <= t->capacity)) return true;
  if (size > TEXT_MAX) return rt_raise_b(vm, &exc_OverflowError, "new buffer size too large");
  size_t capacity = size < TEXT_MAX / 2 ? size + size / 2 + 32 : size;
  char *text = mem_realloc(&vm->mem, t->text, t->capacity, capacity);
  if (!text && (text = mem_realloc(&vm->mem, t->text, t->capacity, capacity = size)) == NULL) return rt_no_memory(vm), false;
  t->text = text;
  t->capacity = capacity;
  return true;
}

/* Text of `length` code points takes the place of as many from the position on. */
static bool put(VM *vm, TextMemory *t, const char *text, size_t size, size_t length) {
  if (!size) return true;
  if (t->at > (size_t)PTRDIFF_MAX - length) return rt_raise_b(vm, &exc_OverflowError, "new position too large");
  if (t->at > t->length) { /* the gap becomes zeros */
    size_t gap = t->at - t->length;
    if (gap > TEXT_MAX - t->size) return rt_raise_b(vm, &exc_OverflowError, "new buffer size too large");
    if (!room(vm, t, t->size + gap)) return false;
    memset(t->text + t->size, 0, gap);
    t->size += gap;
    t->length += gap;
    t->at_byte = t->size;
  }
  size_t gone = t->length - t->at < length ? t->length - t->at : length;
  size_t end = gone ? walk(t, t->at, t->at_byte, t->at + gone) : t->at_byte, tail = t->size - end;
  if (size > TEXT_MAX - t->size || !room(vm, t, t->at_byte + size + tail)) return rt_pending(vm) ? false : (rt_no_memory(vm), false);
  if (tail && end != t->at_byte + size) memmove(t->text + t->at_byte + size, t->text + end, tail);
  memcpy(t->text + t->at_byte, text, size);
  t->size = t->at_byte + size + tail;
  t->length += length - gone;
  t->at += length;
  t->at_byte += size;
  return charge_bytes(vm, size + (end != t->at_byte ? tail : 0));
}

static uint8_t line_ends(const char *p, size_t n) {
  uint8_t seen = 0;
  for (const char *end = p + n; p < end; p++) {
    if (*p == '\n') seen |= SEEN_LF;
    else if (*p == '\r' && p + 1 < end && p[1] == '\n') seen |= SEEN_CRLF, p++;
    else if (*p == '\r') seen |= SEEN_CR;
  }
  return seen;
}

/* As it stands in the memory: line ends translated. */
static bool put_translated(VM *vm, TextMemory *t, const char *p, size_t n) {
  Buf b;
  buf_init(&b, &vm->mem);
  for (const char *end = p + n; p < end; p++) {
    const char *from = p;
    char which = t->lines == LINES_TRANSLATED ? '\r' : '\n';
    while (p < end && *p != which) p++;
    buf_add(&b, from, (size_t)(p - from));
    if (p == end) break;
    buf_str(&b, t->lines == LINES_TRANSLATED ? "\n" : line_names[t->lines]);
    if (which == '\r' && p + 1 < end && p[1] == '\n') p++;
  }
  bool ok = !b.failed || !v_failed(rt_no_memory(vm));
  ok = ok && put(vm, t, b.data, b.len, utf8_count(b.data ? b.data : "", b.len));
  buf_free(&b);
  return ok;
}

static bool write_text(VM *vm, TextMemory *t, Str *s) {
  if (t->lines == LINES_LF || s->size == 0) return put(vm, t, s->data, s->size, s->length);
  if (t->lines == LINES_TRANSLATED || t->lines == LINES_ANY) t->seen |= line_ends(s->data, s->size);
  bool plain = t->lines == LINES_ANY || !memchr(s->data, t->lines == LINES_TRANSLATED ? '\r' : '\n', s->size);
  return plain ? put(vm, t, s->data, s->size, s->length) : put_translated(vm, t, s->data, s->size);
}

Value stringio_method_write(VM *vm, Args *a) {
  TextMemory *t = tiny_data(vm, a->v[0], &text_memory_class);
  if (!t || t->state == STATE_NEW) return not_open(vm, t);
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "string argument expected, got '%T'", a->v[1]);
  if (t->state == STATE_CLOSED) return not_open(vm, t);
  Str *s = v_str(a->v[1]);
  return write_text(vm, t, s) ? v_from_int62((int64_t)s->length) : V_FAIL;
}

bool stringio_write(VM *vm, Value file, Str *s) {
  TextMemory *t = tiny_data(vm, file, &text_memory_class);
  return t && t->state == STATE_OPEN ? write_text(vm, t, s) : !v_failed(not_open(vm, t));
}

/* ---- reading */

#define SIZE_AND_SELF(t, n) int64_t n; if (!io_size_arg(vm, a->v[1], &n)) return V_FAIL; SELF(t)

static Value m_read(VM *vm, Args *a) {
  SIZE_AND_SELF(t, n);
  if (t->at >= t->length) return v_from_str(str_empty(vm));
  bool all = n < 0 || (uint64_t)n >= t->length - t->at;
  size_t end = all ? t->size : is_ascii(t) ? t->at_byte + (size_t)n : walk(t, t->at, t->at_byte, t->at + (size_t)n);
  return charge_bytes(vm, end - t->at_byte) ? take(vm, t, end) : V_FAIL;
}

/* Byte offset behind the line that begins at the position. */
static size_t line_end(const TextMemory *t) {
  const char *from = t->text + t->at_byte, *end = t->text + t->size, *p;
  size_t left = (size_t)(end - from);
  switch (t->lines) {
  case LINES_CR:
    p = memchr(from, '\r', left);
    return p ? (size_t)(p - t->text) + 1 : t->size;
  case LINES_CRLF: {
    size_t at = str_find_bytes(from, left, "\r\n", 2);
    return at == SIZE_MAX ? t->size : t->at_byte + at + 2;
  }
  case LINES_ANY:
    p = memchr(from, '\n', left);
    if (p) end = p + 1;
    p = memchr(from, '\r', (size_t)(end - from));
    return p ? (size_t)(p - t->text) + 1 + (p + 1 < end && p[1] == '\n') : (size_t)(end - t->text);
  default:
    p = memchr(from, '\n', left);
    return p ? (size_t)(p - t->text) + 1 : t->size;
  }
}

static Value read_line(VM *vm, TextMemory *t, int64_t n) {
  if (t->at >= t->length) return v_from_str(str_empty(vm));
  size_t end = line_end(t);
  if (n >= 0 && (uint64_t)n < end - t->at_byte) {
    size_t part = is_ascii(t) ? t->at_byte + (size_t)n : walk(t, t->at, t->at_byte, (uint64_t)n < t->length - t->at ? t->at + (size_t)n : t->length);
    if (part < end) end = part;
  }
  return charge_bytes(vm, end - t->at_byte) ? take(vm, t, end) : V_FAIL;
}

static Value m_readline(VM *vm, Args *a) {
  SIZE_AND_SELF(t, n);
  return read_line(vm, t, n);
}

static Value m_next(VM *vm, Args *a) {
  SELF(t);
  if (!io_native_method(vm, a->v[0], NAME_readline, m_readline)) return rt_tail_builtin(vm, "_io_next_line", 1, a->v);
  return t->at < t->length ? read_line(vm, t, -1) : rt_raise_with(vm, &exc_StopIteration, V_ABSENT);
}

static Value m_iter(VM *vm, Args *a) {
  TextMemory *t = tiny_data(vm, a->v[0], &text_memory_class);
  return t && t->state == STATE_CLOSED ? rt_raise(vm, &exc_ValueError, "I/O operation on closed file.") : a->v[0];
}

static Value m_getvalue(VM *vm, Args *a) {
  SELF(t);
  if (!charge_bytes(vm, t->size)) return V_FAIL;
  return v_from_str(t->size < 2 || !is_ascii(t) ? str_new(vm, t->text ? t->text : "", t->size) : str_counted(vm, t->text, t->size, t->length));
}

/* ---- position */

static Value m_tell(VM *vm, Args *a) {
  SELF(t);
  return tiny_int(vm, (int64_t)t->at);
}

static Value m_seek(VM *vm, Args *a) {
  int64_t to, whence;
  if (!str_size_arg(vm, a->v[1], &to) || !str_int_arg(vm, a->v[2], &whence)) return V_FAIL;
  SELF(t);
  if (whence < 0 || whence > 2) return rt_raise(vm, &exc_ValueError, "Invalid whence (%lld, should be 0, 1 or 2)", (long long)whence);
  if (whence == 0 && to < 0) return rt_raise(vm, &exc_ValueError, "Negative seek position %lld", (long long)to);
  if (whence && to) return rt_raise(vm, &exc_OSError, "Can't do nonzero cur-relative seeks");
  size_t at = whence == 0 ? (size_t)to : whence == 1 ? t->at : t->length;
  t->at_byte = byte_of(t, at);
  t->at = at;
  return tiny_int(vm, (int64_t)at);
}

static Value m_truncate(VM *vm, Args *a) {
  SELF(t);
  int64_t n = (int64_t)t->at;
  if (!v_is_none(a->v[1]) && (!io_size_arg(vm, a->v[1], &n) || !(t = self_of(vm, a)))) return V_FAIL;
  if (n < 0) return rt_raise(vm, &exc_ValueError, "Negative size value %lld", (long long)n);
  if ((uint64_t)n < t->length) {
    size_t end = byte_of(t, (size_t)n);
    t->size = end;
    t->length = (size_t)n;
    if (t->at_byte > end) t->at_byte = end;
  }
  return tiny_int(vm, n);
}

/* ---- begin, end, what io/_memory.tiny asks */

static Value m_init(VM *vm, Args *a) {
  TextMemory *t = tiny_data(vm, a->v[0], &text_memory_class);
  Value first = a->v[1], newline = a->v[2];
  int lines = v_is_none(newline) ? LINES_TRANSLATED : -1;
  if (lines < 0 && !is_str(newline)) return rt_raise(vm, &exc_TypeError, "newline must be str or None, not %T", newline);
  for (int i = 0; i < 5 && lines < 0; i++) {
    if (i != LINES_TRANSLATED && str_eq_c(v_str(newline), line_names[i])) lines = i;
  }
  if (lines < 0) return rt_raise(vm, &exc_ValueError, "illegal newline value: %R", newline);
  if (!v_is_none(first) && !is_str(first)) return rt_raise(vm, &exc_TypeError, "initial_value must be str or None, not %T", first);
  t->size = t->length = t->at = t->at_byte = 0;
  t->lines = (uint8_t)lines;
  t->seen = 0;
  t->state = STATE_OPEN;
  if (is_str(first) && !write_text(vm, t, v_str(first))) return V_FAIL;
  t->at = t->at_byte = 0;
  return V_NONE;
}

static Value m_close(VM *vm, Args *a) {
  TextMemory *t = tiny_data(vm, a->v[0], &text_memory_class);
  text_destroy(vm, t);
  *t = (TextMemory){.lines = t->lines, .seen = t->seen, .state = STATE_CLOSED};
  return V_NONE;
}

static Value g_closed(VM *vm, Args *a) {
  const TextMemory *t = tiny_data(vm, a->v[0], &text_memory_class);
  return t->state == STATE_NEW ? not_open(vm, t) : tiny_bool(t->state == STATE_CLOSED);
}
static Value g_line_buffering(VM *vm, Args *a) {
  SELF(t);
  return V_FALSE;
}
static Value m_yes(VM *vm, Args *a) {
  SELF(t);
  return V_TRUE;
}
static Value g_newline(VM *vm, Args *a) {
  const TextMemory *t = tiny_data(vm, a->v[0], &text_memory_class);
  return line_names[t->lines] ? v_from_str(str_from(vm, line_names[t->lines])) : V_NONE;
}
static Value g_seen(VM *vm, Args *a) {
  SELF(t);
  return v_from_int62(t->seen);
}
/* __init__ with the text as it is, of one whose line ends were translated when it was written. */
static Value m_restore(VM *vm, Args *a) {
  TextMemory *t = tiny_data(vm, a->v[0], &text_memory_class);
  Value text = a->v[1], begin[3] = {a->v[0], text, a->v[2]};
  if (t->state == STATE_CLOSED) return not_open(vm, t);
  if (v_failed(m_init(vm, &(Args){.vm = vm, .v = begin, .n = 3}))) return V_FAIL;
  t->size = t->length = 0;
  bool ok = v_is_none(text) || put(vm, t, v_str(text)->data, v_str(text)->size, v_str(text)->length);
  t->at = t->at_byte = 0;
  return ok ? V_NONE : V_FAIL;
}

static const tiny_def methods[] = {
  {"__init__", m_init, "(self, initial_value='', newline='\\n')", NULL},
  {"write", stringio_method_write, "(self, s, /)", "Write string to file.\n\nReturns the number of characters written, which is always equal to\nthe length of the string."},
  {"read", m_read, "(self, size=-1, /)", "Read at most size characters, returned as a string."},
  {"readline", m_readline, "(self, size=-1, /)", "Read until newline or EOF."},
  {"__next__", m_next, "(self, /)", NULL}, {"__iter__", m_iter, "(self, /)", NULL},
  {"getvalue", m_getvalue, "(self, /)", "Retrieve the entire contents of the object."},
  {"tell", m_tell, "(self, /)", "Tell the current file position."},
  {"seek", m_seek, "(self, pos, whence=0, /)", "Change stream position."},
  {"truncate", m_truncate, "(self, pos=None, /)", "Truncate size to pos."},
  {"close", m_close, "(self, /)", "Close the IO object."},
  {"readable", m_yes, "(self, /)", "Returns True if the IO object can be read."},
  {"writable", m_yes, "(self, /)", "Returns True if the IO object can be written."},
  {"seekable", m_yes, "(self, /)", "Returns True if the IO object can be seeked."},
  {"@closed", g_closed, "(self)", NULL}, {"@line_buffering", g_line_buffering, "(self)", NULL}, {"@_seen", g_seen, "(self)", NULL},
  {"@_newline", g_newline, "(self)", NULL}, {"_restore", m_restore, "(self, text, newline, /)", NULL},
  {0}};
const tiny_class text_memory_class = {.name = "_io.StringIO", .data_size = sizeof(TextMemory), .methods = methods, .destroy = text_destroy};

static bool init(VM *vm, Value module) { return tiny_setattr(vm, module, "TextMemory", tiny_class_of(vm, &text_memory_class)); }
extern const tiny_module _stringio_module;
const tiny_module _stringio_module = {.name = "_stringio", .init = init};
