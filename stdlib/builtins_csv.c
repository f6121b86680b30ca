/* Module _csv: what csv.reader() and csv.writer() return. csv.tiny makes them of a checked dialect and has the rest. A reader is a machine of states over the characters
 * of lines; the lines come from any iterator, whose script code runs without a C frame below it (tiny_then_call). */
#include <string.h>
#include "stdlib/builtins_int.h"
#include "vm/vm.h"
#include "vm/objects/generator.h"
#include "vm/objects/str_build.h"

enum { QUOTE_MINIMAL, QUOTE_ALL, QUOTE_NONNUMERIC, QUOTE_NONE };

/* ---- the rules of a format */

#define NO_CHAR UINT32_MAX
typedef struct Format {
  uint32_t delimiter, quote, escape; /* code points; NO_CHAR: none */
  bool doublequote, skipspace, strict;
  uint8_t quoting;
  uint64_t special[4];               /* first bytes of characters that may mean something */
} Format;

static void mark(Format *f, uint32_t c) {
  char text[4];
  if (c == NO_CHAR) return;
  (void)utf8_encode(c, text);
  f->special[(unsigned char)text[0] >> 6] |= (uint64_t)1 << ((unsigned char)text[0] & 63);
}
static inline bool is_special(const Format *f, const char *p) { return f->special[(unsigned char)*p >> 6] >> ((unsigned char)*p & 63) & 1; }

static uint32_t char_arg(Value v) {
  const char *end;
  return is_str(v) && v_str(v)->length == 1 ? utf8_decode(v_str(v)->data, &end) : NO_CHAR;
}
/* (delimiter, quotechar, escapechar, doublequote, skipinitialspace, strict, quoting) */
static void read_format(Format *f, const Value *v) {
  *f = (Format){char_arg(v[0]), char_arg(v[1]), char_arg(v[2]), v_same(v[3], V_TRUE), v_same(v[4], V_TRUE), v_same(v[5], V_TRUE), (uint8_t)v_int(v[6]), {0}};
  mark(f, f->delimiter), mark(f, f->quote), mark(f, f->escape), mark(f, '\n'), mark(f, '\r');
}

static Value csv_error(VM *vm, Value message) {
  Value error = tiny_getattr(vm, tiny_import(vm, "csv"), "Error");
  return tiny_raise_value(vm, tiny_call(vm, error, 1, &message));
}
static bool failed(VM *vm, const char *message) {
  (void)csv_error(vm, v_from_str(str_from(vm, message)));
  return false;
}

/* ---- reading */

typedef enum { START_RECORD, START_FIELD, ESCAPED, IN_FIELD, QUOTED, ESCAPED_QUOTED, AFTER_QUOTE, END, AFTER_ESCAPED_NEWLINE } State;

typedef struct Reader {
  Value lines, dialect;
  Value row;         /* the list being filled; none between rows */
  char *field;       /* the field being filled */
  size_t size, capacity, length; /* bytes, bytes, code points */
  int64_t line_num, limit;
  Format format;
  uint8_t state;
  bool numeric;      /* an unquoted field of QUOTE_NONNUMERIC */
} Reader;

extern const tiny_class csv_reader_class;

static int64_t *field_limit(VM *vm) {
  static const char key;
  struct { int64_t limit; bool set; } *data = tiny_module_data(vm, &key, sizeof *data, NULL, NULL);
  if (data && !data->set) data->limit = 131072, data->set = true;
  return data ? &data->limit : NULL;
}

static void reader_trace(tiny_tracer *t, void *data) {
  const Reader *r = data;
  tiny_trace(t, r->lines);
  tiny_trace(t, r->dialect);
  tiny_trace(t, r->row);
}
static void reader_destroy(VM *vm, void *data) {
  Reader *r = data;
  mem_free(&vm->mem, r->field, r->capacity);
}

static bool add(VM *vm, Reader *r, const char *text, size_t size, size_t length) {
  if ((int64_t)(r->length + length) > r->limit) {
    (void)csv_error(vm, rt_format(vm, "field larger than field limit (%lld)", (long long)r->limit));
    return false;
  }
  if (!mem_grow(&vm->mem, (void **)&r->field, &r->capacity, r->size + size, 1)) return rt_no_memory(vm), false;
  memcpy(r->field + r->size, text, size);
  r->size += size;
  r->length += length;
  return true;
}
static bool add_char(VM *vm, Reader *r, uint32_t c) {
  char text[4];
  return add(vm, r, text, (size_t)utf8_encode(c, text), 1);
}

static bool append(VM *vm, Reader *r, Value self, Value item) {
  if (v_failed(item)) return false;
  if (!v_has_layout(r->row, LAY_LIST)) { /* the iterator of lines has used the reader meanwhile */
    List *l = list_new(vm, NULL, 0);
    if (!l) return false;
    tiny_store(vm, self, &r->row, v_from_obj(l));
  }
  return list_append(vm, v_list(r->row), item);
}
static bool save(VM *vm, Reader *r, Value self) {
  Value text = v_from_str(str_new(vm, r->field ? r->field : "", r->size));
  r->size = r->length = 0;
  if (r->numeric && !v_failed(text)) text = rt_call(vm, rt_type_value(&float_type), 1, &text);
  r->numeric = false;
  return append(vm, r, self, text);
}

static inline bool is_newline(uint32_t c) { return c == '\n' || c == '\r'; }

/* One character; NO_CHAR: the end of the line. */
static bool step(VM *vm, Reader *r, Value self, uint32_t c) {
  const Format *f = &r->format;
  bool end = c == NO_CHAR, newline = end || is_newline(c), is_quote = !end && c == f->quote, is_escape = !end && c == f->escape;
  switch ((State)r->state) {
  case START_RECORD:
    if (end) return true;
    if (newline) return r->state = END, true;
    /* fall through */
  case START_FIELD:
    if (newline) return r->state = end ? START_RECORD : END, save(vm, r, self);
    if (is_quote && f->quoting != QUOTE_NONE) return r->state = QUOTED, true;
    if (is_escape) return r->state = ESCAPED, true;
    if (c == ' ' && f->skipspace) return r->state = START_FIELD, true;
    if (c == f->delimiter) return r->state = START_FIELD, save(vm, r, self);
    if (f->quoting == QUOTE_NONNUMERIC) r->numeric = true;
    return r->state = IN_FIELD, add_char(vm, r, c);
  case ESCAPED:
    r->state = newline && !end ? AFTER_ESCAPED_NEWLINE : IN_FIELD;
    return add_char(vm, r, end ? '\n' : c);
  case AFTER_ESCAPED_NEWLINE:
    if (end) return true;
    /* fall through */
  case IN_FIELD:
    if (newline) return r->state = end ? START_RECORD : END, save(vm, r, self);
    if (is_escape) return r->state = ESCAPED, true;
    if (c == f->delimiter) return r->state = START_FIELD, save(vm, r, self);
    return add_char(vm, r, c); /* AFTER_ESCAPED_NEWLINE stays what it is, as in CPython */
  case QUOTED:
    if (end) return true;
    if (is_escape) return r->state = ESCAPED_QUOTED, true;
    if (is_quote && f->quoting != QUOTE_NONE) return r->state = f->doublequote ? AFTER_QUOTE : IN_FIELD, true;
    return add_char(vm, r, c);
  case ESCAPED_QUOTED:
    r->state = QUOTED;
    return add_char(vm, r, end ? '\n' : c);
  case AFTER_QUOTE:
    if (is_quote && f->quoting != QUOTE_NONE) return r->state = QUOTED, add_char(vm, r, c);
    if (!end && c == f->delimiter) return r->state = START_FIELD, save(vm, r, self);
    if (newline) return r->state = end ? START_RECORD : END, save(vm, r, self);
    if (!f->strict) return r->state = IN_FIELD, add_char(vm, r, c);
    (void)csv_error(vm, rt_format(vm, "'%S' expected after '%S'", v_from_str(str_from_cp(vm, f->delimiter)), v_from_str(str_from_cp(vm, f->quote))));
    return false;
  case END:
    if (newline) return r->state = end ? START_RECORD : END, true;
    return failed(vm, "new-line character seen in unquoted field - do you need to open the file in universal-newline mode?");
  }
  return true;
}

/* Characters that mean nothing, up to the next that may: p .. the result. */
static const char *plain_run(const Format *f, const char *p, const char *end) {
  while (p < end && !is_special(f, p)) p++;
  return p;
}

static bool read_line(VM *vm, Reader *r, Value self, Str *line) {
  const Format *f = &r->format;
  const char *p = line->data, *end = p + line->size;
  bool ascii = str_is_ascii(line), simple = f->quoting != QUOTE_NONNUMERIC && !f->skipspace;
  const int64_t *limit = field_limit(vm);
  r->line_num++;
  if (!limit || !charge_bytes(vm, line->size)) return false;
  r->limit = *limit;
  while (p < end) {
    bool start = (r->state == START_FIELD || r->state == START_RECORD) && simple;
    if (start || r->state == IN_FIELD || r->state == QUOTED) {
      const char *to = plain_run(f, p, end);
      size_t n = (size_t)(to - p), length = ascii ? n : utf8_count(p, n);
      if (start && n && to < end && (unsigned char)*to == f->delimiter && (int64_t)length <= r->limit) { /* a whole field */
        if (!append(vm, r, self, v_from_str(str_counted(vm, p, n, length)))) return false;
        r->state = START_FIELD;
        p = to + 1;
        continue;
      }
      if (n) {
        if (!add(vm, r, p, n, length)) return false;
        if (start) r->state = IN_FIELD;
        p = to;
        continue;
      }
    }
    if (!step(vm, r, self, utf8_decode(p, &p))) return false;
  }
  return step(vm, r, self, NO_CHAR);
}

static Value take_row(VM *vm, Reader *r) {
  Value row = r->row;
  r->row = V_NONE;
  return v_has_layout(row, LAY_LIST) ? row : v_from_obj_or_fail(list_new(vm, NULL, 0));
}

static Value no_more_lines(VM *vm, Reader *r, Value self) {
  if (r->size || r->state == QUOTED) {
    if (r->format.strict) return failed(vm, "unexpected end of data"), V_FAIL;
    return save(vm, r, self) ? take_row(vm, r) : V_FAIL;
  }
  return rt_raise_with(vm, &exc_StopIteration, V_ABSENT);
}

/* A line: 1 the row is complete, 0 it goes on, -1 failed. */
static int take_line(VM *vm, Reader *r, Value self, Value line) {
  if (!is_str(line)) {
    (void)csv_error(vm, rt_format(vm, "iterator should return strings, not %T (the file should be opened in text mode)", line));
    return -1;
  }
  return read_line(vm, r, self, v_str(line)) ? r->state == START_RECORD : -1;
}

static Value go_on(VM *vm, Reader *r, Value self);

/* The generator that makes the lines, or V_ABSENT. */
static Value generator(const Reader *r) { return v_has_layout(r->lines, LAY_GEN) ? r->lines : shell_engine(r->lines); }

static Value line_came(VM *vm, Value self, tiny_outcome how, Value result) {
  Reader *r = tiny_data(vm, self, &csv_reader_class);
  if (how == TINY_RAISED) return rt_restore(vm, result);
  if (how == TINY_RETURNED && (v_same(result, self) || !v_absent(generator(r)))) return no_more_lines(vm, r, self);
  int done = take_line(vm, r, self, result);
  return done < 0 ? V_FAIL : done ? take_row(vm, r) : go_on(vm, r, self);
}

/* Lines until the row is complete. Of builtin iterators they are taken here; where script code may run, in a continuation. */
static Value go_on(VM *vm, Reader *r, Value self) {
  for (;;) {
    Value it = r->lines, line, gen = generator(r);
    if (!v_absent(gen)) return tiny_then_send(vm, line_came, self, gen, V_NONE);
    if (type_is_heap(type_of(it)) || !type_of(it)->next) { /* next(it, self): self stands for the end */
      Value next = rt_frozen(vm, "_csv_next_line"), args[2] = {it, self};
      return v_failed(next) ? V_FAIL : tiny_then_call(vm, line_came, self, next, 2, args);
    }
    int more = rt_next(vm, it, &line);
    if (more <= 0) return more < 0 ? V_FAIL : no_more_lines(vm, r, self);
    int done = take_line(vm, r, self, line);
    if (done) return done < 0 ? V_FAIL : take_row(vm, r);
  }
}

static Value r_next(VM *vm, Args *a) {
  Reader *r = tiny_data(vm, a->v[0], &csv_reader_class);
  List *row = list_new(vm, NULL, 0);
  if (!row) return V_FAIL;
  tiny_store(vm, a->v[0], &r->row, v_from_obj(row));
  r->size = r->length = 0;
  r->state = START_RECORD;
  r->numeric = false;
  return go_on(vm, r, a->v[0]);
}
static Value r_iter(VM *vm, Args *a) { return (void)vm, a->v[0]; }
static Value g_line_num(VM *vm, Args *a) { return tiny_int(vm, ((Reader *)tiny_data(vm, a->v[0], &csv_reader_class))->line_num); }
static Value g_reader_dialect(VM *vm, Args *a) { return ((Reader *)tiny_data(vm, a->v[0], &csv_reader_class))->dialect; }

static const tiny_def reader_methods[] = {
  {"__iter__", r_iter, "(self, /)", NULL}, {"__next__", r_next, "(self, /)", NULL}, {"@line_num", g_line_num, "(self)", NULL}, {"@dialect", g_reader_dialect, "(self)", NULL}, {0}};
const tiny_class csv_reader_class = {.name = "_csv.reader", .data_size = sizeof(Reader), .methods = reader_methods, .trace = reader_trace, .destroy = reader_destroy,
  .doc = "CSV reader\n\nReader objects are responsible for reading and parsing tabular data\nin CSV format.\n", .flags = TINY_CLASS_NO_NEW | TINY_CLASS_FINAL};

static Value new_reader(VM *vm, Args *a) {
  void *data;
  Value self = tiny_instance(vm, &csv_reader_class, &data);
  if (v_failed(self)) return self;
  Reader *r = data;
  r->lines = r->dialect = r->row = V_NONE;
  tiny_store(vm, self, &r->lines, a->v[0]);
  tiny_store(vm, self, &r->dialect, a->v[1]);
  read_format(&r->format, a->v + 2);
  return self;
}

/* ---- writing */

typedef struct Writer {
  Value write, dialect, terminator;
  Format format;
} Writer;

extern const tiny_class csv_writer_class;

static void writer_trace(tiny_tracer *t, void *data) {
  const Writer *w = data;
  tiny_trace(t, w->write);
  tiny_trace(t, w->dialect);
  tiny_trace(t, w->terminator);
}

/* Has it to be quoted or escaped? */
static bool means_something(const Writer *w, uint32_t c) {
  const Format *f = &w->format;
  if (c == f->delimiter || c == f->escape || c == f->quote) return true;
  const Str *t = v_str(w->terminator);
  for (const char *p = t->data, *end = p + t->size; p < end;) {
    if (utf8_decode(p, &p) == c) return true;
  }
  return false;
}
static void put_char(Buf *b, uint32_t c) {
  char text[4];
  buf_add(b, text, (size_t)utf8_encode(c, text));
}

/* The text with what is special doubled or escaped; *quoted: it has to stand in quotes. */
static bool put_text(VM *vm, const Writer *w, Buf *b, const Str *s, bool *quoted) {
  const Format *f = &w->format;
  for (const char *p = s->data, *end = p + s->size; p < end;) {
    const char *run = plain_run(f, p, end);
    buf_add(b, p, (size_t)(run - p));
    if ((p = run) == end) break;
    uint32_t c = utf8_decode(p, &p);
    if (means_something(w, c)) {
      bool escape = f->quoting == QUOTE_NONE || c == f->escape;
      if (f->quoting != QUOTE_NONE && c == f->quote) {
        escape = !f->doublequote;
        if (f->doublequote) put_char(b, c);
      }
      if (!escape) *quoted = true;
      else if (f->escape == NO_CHAR) return failed(vm, "need to escape, but no escapechar set");
      else put_char(b, f->escape);
    }
    put_char(b, c);
  }
  return true;
}

static bool is_number(VM *vm, Value v) {
  const Type *t = type_of(v);
  if (v_is_int(v) || t == &float_type || rt_is_subtype(t, &complex_type)) return true;
  return !v_absent(rt_type_lookup(vm, t, NAME(vm, __float__))) || !v_absent(rt_type_lookup(vm, t, NAME(vm, __index__))) || !v_absent(rt_type_lookup(vm, t, NAME(vm, __int__)));
}

/* A field goes into quotes if it has to; where it begins is known when that is. */
static bool put_field(VM *vm, const Writer *w, Buf *b, Value v, bool only) {
  const Format *f = &w->format;
  bool quoted = f->quoting == QUOTE_ALL;
  if (f->quoting == QUOTE_NONNUMERIC) {
    quoted = !is_number(vm, v);
  }
  Value text = is_str(v) ? v : v_is_none(v) ? v_from_str(str_empty(vm)) : rt_str(vm, v);
  if (v_failed(text)) return false;
  size_t from = b->len;
  if (!put_text(vm, w, b, v_str(text), &quoted)) return false;
  if (v_str(text)->size == 0 && only) {
    if (f->quoting == QUOTE_NONE) return failed(vm, "single empty field record must be quoted");
    quoted = true;
  }
  if (!quoted || b->failed) return true;
  char quote[4];
  size_t n = f->quote == NO_CHAR ? 0 : (size_t)utf8_encode(f->quote, quote);
  buf_add(b, quote, n); /* makes the room for one in front */
  if (b->failed) return true;
  memmove(b->data + from + n, b->data + from, b->len - n - from);
  memcpy(b->data + from, quote, n);
  buf_add(b, quote, n);
  return true;
}

/* row: a list or tuple, which str() of an item may change. */
static Value row_text(VM *vm, const Writer *w, Value row) {
  Buf b;
  buf_init(&b, &vm->mem);
  Value *keep = rt_temp(vm, 1);
  bool ok = keep != NULL;
  size_t n;
  for (size_t i = 0; ok && i < (seq_items(row, &n), n); i++) {
    *keep = seq_items(row, &n)[i];
    if (i) put_char(&b, w->format.delimiter);
    ok = put_field(vm, w, &b, *keep, n == 1) && rt_charge(vm, 1);
  }
  if (ok) {
    buf_add(&b, v_str(w->terminator)->data, v_str(w->terminator)->size);
    return v_from_str(str_from_buf(vm, &b));
  }
  buf_free(&b);
  return V_FAIL;
}

static Value w_writerow(VM *vm, Args *a) {
  const Writer *w = tiny_data(vm, a->v[0], &csv_writer_class);
  size_t n;
  if (!seq_items(a->v[1], &n)) return rt_tail_builtin(vm, "_csv_writerow", 2, a->v);
  Value text = row_text(vm, w, a->v[1]);
  return v_failed(text) ? V_FAIL : rt_tail_call(vm, w->write, 1, &text);
}
static Value w_writerows(VM *vm, Args *a) { return rt_tail_builtin(vm, "_csv_writerows", 2, a->v); }
static Value g_writer_dialect(VM *vm, Args *a) { return ((Writer *)tiny_data(vm, a->v[0], &csv_writer_class))->dialect; }

static const tiny_def writer_methods[] = {
  {"writerow", w_writerow, "(self, row, /)", "writerow(iterable)\n\nConstruct and write a CSV record from an iterable of fields.  Non-string\nelements will be converted to string."},
  {"writerows", w_writerows, "(self, rows, /)", "writerows(iterable of iterables)\n\nConstruct and write a series of iterables to a csv file.  Non-string\nelements will be converted to string."},
  {"@dialect", g_writer_dialect, "(self)", NULL}, {0}};
const tiny_class csv_writer_class = {.name = "_csv.writer", .data_size = sizeof(Writer), .methods = writer_methods, .trace = writer_trace,
  .doc = "CSV writer\n\nWriter objects are responsible for generating tabular data\nin CSV format from sequence input.\n", .flags = TINY_CLASS_NO_NEW | TINY_CLASS_FINAL};

static Value new_writer(VM *vm, Args *a) {
  void *data;
  Value self = tiny_instance(vm, &csv_writer_class, &data);
  if (v_failed(self)) return self;
  Writer *w = data;
  w->write = w->dialect = w->terminator = V_NONE;
  tiny_store(vm, self, &w->write, a->v[0]);
  tiny_store(vm, self, &w->dialect, a->v[1]);
  tiny_store(vm, self, &w->terminator, a->v[9]);
  read_format(&w->format, a->v + 2);
  const Str *t = v_str(w->terminator);
  for (const char *p = t->data, *end = p + t->size; p < end;) mark(&w->format, utf8_decode(p, &p));
  return self;
}

static Value field_size_limit(VM *vm, Args *a) {
  int64_t *limit = field_limit(vm), old = limit ? *limit : 0;
  if (!limit) return V_FAIL;
  if (!v_absent(a->v[0])) {
    if (!is_int(a->v[0]) && !v_is_int(a->v[0])) return rt_raise(vm, &exc_TypeError, "limit must be an integer");
    int64_t n;
    if (!tiny_to_int(vm, a->v[0], &n)) return V_FAIL;
    *limit = n;
  }
  return tiny_int(vm, old);
}

#define FORMAT "delimiter: str, quotechar, escapechar, doublequote: bool, skipinitialspace: bool, strict: bool, quoting: int"
static const tiny_def functions[] = {
  {"reader", new_reader, "(lines, dialect, " FORMAT ", lineterminator: str, /)", NULL},
  {"writer", new_writer, "(write, dialect, " FORMAT ", lineterminator: str, /)", NULL},
  {"field_size_limit", field_size_limit, "(new_limit=..., /)", "Sets an upper limit on parsed fields.\n    csv.field_size_limit([limit])\n\nReturns old limit. If limit is not given, no new limit is set and\nthe old limit is returned"},
  {0}};
extern const tiny_module _csv_module;
const tiny_module _csv_module = {.name = "_csv", .functions = functions};
