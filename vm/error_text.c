/* The text of an uncaught exception, byte for byte as python3.11 prints it: traceback entries with source lines, chained exceptions, groups (PEP 654), notes
 * (PEP 678), SyntaxErrors. Chains are walked with a list, groups nest at most MAX_GROUP_DEPTH deep: the C stack stays small whatever a script built.
 * str() of an exception and of its notes may run script code and fail; what fails is named in its place. */
#include "vm/error_text.h"
#include "vm/objects/int.h"
#include "vm/objects/list.h"

enum { MAX_GROUP_DEPTH = 10, MAX_GROUP_WIDTH = 15, MAX_REPEATS = 3, MAX_ENTRIES = 1000 };

typedef struct Printer {
  VM *vm;
  Buf *out;
  int depth;             /* of the exception group whose members are printed; 0: none */
  bool unraisable;       /* no suggestions either */
  bool library;          /* print as CPython's module traceback: no suggestions, every line of a message behind the margin */
  bool need_close;       /* the innermost group's frame is still open below */
  long limit;            /* entries of a traceback */
  const Obj **seen;      /* hash set of exceptions in chains so far: cycles end there */
  size_t n_seen, cap_seen;
} Printer;

/* ---------------------------------------------------------------- set of seen exceptions */

static bool seen_slot(Printer *p, const Obj *o, size_t *slot) {
  size_t i = ((uintptr_t)o >> 4) * 0x9E3779B1u & (p->cap_seen - 1);
  while (p->seen[i] && p->seen[i] != o) i = (i + 1) & (p->cap_seen - 1);
  *slot = i;
  return p->seen[i] == o;
}

static bool seen_grow(Printer *p) {
  Mem *mem = rt_mem(p->vm);
  size_t old_cap = p->cap_seen;
  const Obj **old = p->seen;
  size_t cap = old_cap ? old_cap * 2 : 16;
  const Obj **table = mem_zalloc(mem, cap * sizeof *table);
  if (!table) return false;
  p->seen = table;
  p->cap_seen = cap;
  for (size_t i = 0; i < old_cap; i++) {
    size_t slot;
    if (old[i] && !seen_slot(p, old[i], &slot)) table[slot] = old[i];
  }
  mem_free(mem, old, old_cap * sizeof *old);
  return true;
}

/* True: it was there, or there is no memory to remember it (then the chain ends as well). */
static bool seen_before(Printer *p, const Obj *o) {
  if (p->n_seen * 2 >= p->cap_seen && !seen_grow(p)) return true;
  size_t slot;
  if (seen_slot(p, o, &slot)) return true;
  p->seen[slot] = o;
  p->n_seen++;
  return false;
}

/* ---------------------------------------------------------------- pieces */

static void margin(Printer *p, char mark) {
  if (!p->depth) return;
  buf_fill(p->out, ' ', 2 * (size_t)p->depth);
  buf_char(p->out, mark);
  buf_char(p->out, ' ');
}
static void line(Printer *p, const char *text) {
  margin(p, '|');
  buf_str(p->out, text);
}
static void put(Printer *p, const Str *s) { buf_add(p->out, s->data, s->size); }

/* Text that may have several lines. The interpreter writes the margin of a group before the first one only. */
static void put_lines(Printer *p, const char *s, size_t n) {
  while (p->library && p->depth && n) {
    const char *nl = memchr(s, '\n', n);
    if (!nl || nl + 1 == s + n) break;
    buf_add(p->out, s, (size_t)(nl + 1 - s));
    margin(p, '|');
    n -= (size_t)(nl + 1 - s);
    s = nl + 1;
  }
  buf_add(p->out, s, n);
}

/* str() or repr() that may fail: V_FAIL then, nothing pending. */
static Value quiet(VM *vm, Value text) {
  if (v_failed(text)) (void)rt_take_exc(vm);
  return text;
}

static void source_line(Printer *p, const Traceback *tb, const Position *pos) {
  Buf text;
  buf_init(&text, p->out->mem);
  bool found = vm_source_line(p->vm, tb->code, pos->line, &text) || (p->library && vm_cached_line(p->vm, tb->code, pos->line, &text));
  if (found && !text.failed) {
    const char *s = text.data ? text.data : "";
    int size = (int)text.len, skip = 0;
    while (skip < size && (s[skip] == ' ' || s[skip] == '\t' || s[skip] == '\f')) skip++;
    line(p, "    ");
    while (p->library && size > skip && (s[size - 1] == ' ' || s[size - 1] == '\t')) size--;
    buf_add(p->out, s + skip, (size_t)(size - skip));
    buf_char(p->out, '\n');
    Buf marks;
    buf_init(&marks, p->out->mem);
    error_carets(&marks, s, size, skip, pos, p->library);
    if (marks.len) {
      margin(p, '|');
      buf_add(p->out, marks.data, marks.len);
    }
    buf_free(&marks);
  }
  buf_free(&text);
}

static void entry(Printer *p, const Traceback *tb) {
  Position pos;
  traceback_position(tb, &pos);
  line(p, "  File \"");
  put(p, tb->code->filename);
  buf_printf(p->out, "\", line %d, in ", (int)pos.line);
  put(p, traceback_name(tb));
  buf_char(p->out, '\n');
  source_line(p, tb, &pos);
}

static void repeats(Printer *p, long n) {
  n -= MAX_REPEATS;
  if (p->library) margin(p, '|');
  buf_printf(p->out, "  [Previous line repeated %ld more time%s]\n", n, n == 1 ? "" : "s");
}

/* Only the last p->limit are shown; of a run of equal lines the first three. */
static void entries(Printer *p, const Traceback *tb) {
  long n = 0, run = 0;
  for (const Traceback *t = tb; t; t = t->next) n++;
  for (; n > p->limit; n--) tb = tb->next;
  const Traceback *last = NULL;
  for (; tb; tb = tb->next) {
    bool same = last && traceback_line(tb) == traceback_line(last) && str_equal(tb->code->filename, last->code->filename) && str_equal(traceback_name(tb), traceback_name(last));
    if (!same) {
      if (run > MAX_REPEATS) repeats(p, run);
      run = 0;
      last = tb;
    }
    if (++run <= MAX_REPEATS) entry(p, tb);
  }
  if (run > MAX_REPEATS) repeats(p, run);
}

/* ---------------------------------------------------------------- SyntaxError */

typedef struct SyntaxInfo { Value filename, text; int64_t lineno, offset, end_lineno, end_offset; } SyntaxInfo;

static bool int_field(Value exc, int i, int64_t absent, int64_t *out) {
  Value v = exc_field(exc, i);
  if (v_absent(v) || v_is_none(v)) {
    *out = absent;
    return true;
  }
  return is_int(v) && int_to_i64(v, out);
}

/* False: shown like any other exception. */
static bool read_syntax(Value exc, SyntaxInfo *s) {
  if (!is_exception(exc) || v_exc(exc)->kind != EXK_SYNTAX) return false;
  s->filename = exc_field(exc, EXF_SYN_FILENAME);
  s->text = exc_field(exc, EXF_SYN_TEXT);
  Value lineno = exc_field(exc, EXF_SYN_LINENO);
  if (!is_int(lineno) || !int_to_i64(lineno, &s->lineno)) return false;
  return int_field(exc, EXF_SYN_OFFSET, -1, &s->offset) && int_field(exc, EXF_SYN_END_LINENO, s->lineno, &s->end_lineno) &&
         int_field(exc, EXF_SYN_END_OFFSET, -1, &s->end_offset);
}

/* offset, end: from 1, in code points. Lines of the text before the one that the offset is in are not shown. */
static void syntax_text(Printer *p, const Str *text, int64_t offset, int64_t end) {
  int64_t carets = end > 0 && end > offset ? end - offset : 1;
  const char *s = text->data;
  size_t size = text->size;
  offset--;
  while (size && (*s == ' ' || *s == '\t' || *s == '\f')) s++, size--, offset--;
  int64_t length = (int64_t)utf8_count(s, size);
  if (size && s[size - 1] == '\n') length--;
  if (offset > length) offset = length;
  for (const char *nl; (nl = memchr(s, '\n', size)) != NULL;) {
    int64_t in_line = (int64_t)utf8_count(s, (size_t)(nl - s));
    if (in_line >= offset) break;
    offset -= in_line + 1;
    size -= (size_t)(nl + 1 - s);
    s = nl + 1;
  }
  if (p->library) margin(p, '|');
  buf_str(p->out, "    ");
  put_lines(p, s, size);
  if (!size || s[size - 1] != '\n') buf_char(p->out, '\n');
  if (offset < 0) return;
  if (p->library) margin(p, '|');
  buf_fill(p->out, ' ', 4 + (size_t)offset);
  buf_fill(p->out, '^', (size_t)carets);
  buf_char(p->out, '\n');
}

/* one_caret: where the text ends that is wrong is not shown. */
static void syntax_place(Printer *p, const SyntaxInfo *s, bool one_caret) {
  line(p, "  File \"");
  if (is_str(s->filename)) put(p, v_str(s->filename));
  else buf_str(p->out, "<string>");
  buf_printf(p->out, "\", line %lld\n", (long long)s->lineno);
  if (!is_str(s->text)) return;
  int64_t length = (int64_t)v_str(s->text)->length, end = s->end_offset;
  if (one_caret) end = s->offset;
  else if (s->end_lineno > s->lineno) end = length;
  else if (end > length + 1) end = length + 1;
  syntax_text(p, v_str(s->text), s->offset, end);
}

/* ---------------------------------------------------------------- the last line, and notes */

/* "module." unless builtins or __main__, then the qualified name. Type attributes are read without the metaclass's script code. */
static void type_name(Printer *p, Value exc) {
  const Type *type = type_of(exc);
  if (!type_is_heap(type)) {
    buf_str(p->out, type->name);
    return;
  }
  Class *c = type_class(type);
  Str *key = NAME(p->vm, __module__);
  Value module = key ? dict_get_str(p->vm, c->ns, key) : V_FAIL;
  if (!is_str(module)) {
    if (v_failed(module)) (void)rt_take_exc(p->vm);
    buf_str(p->out, "<unknown>.");
  } else if (!str_eq_c(v_str(module), "builtins") && !str_eq_c(v_str(module), "__main__")) {
    put(p, v_str(module));
    buf_char(p->out, '.');
  }
  put(p, c->qualname ? c->qualname : c->name);
}

/* Ends with a newline. */
static void message(Printer *p, Value exc) {
  VM *vm = p->vm;
  SyntaxInfo syntax;
  Value shown = exc;
  if (read_syntax(exc, &syntax)) {
    syntax_place(p, &syntax, !p->library && type_of(exc) != &exc_SyntaxError);
    shown = exc_field(exc, EXF_SYN_MSG);
    if (v_absent(shown)) shown = V_NONE;
  }
  margin(p, '|');
  type_name(p, exc);
  Value text = quiet(vm, rt_str(vm, shown));
  if (v_failed(text)) buf_str(p->out, ": <exception str() failed>");
  else if (v_str(text)->size || p->unraisable) {
    buf_str(p->out, ": ");
    put_lines(p, v_str(text)->data, v_str(text)->size);
  }
  Str *name = p->library || p->unraisable ? NULL : error_suggestion(vm, exc);
  if (name) {
    buf_str(p->out, ". Did you mean: '");
    put(p, name);
    buf_str(p->out, "'?");
  }
  buf_char(p->out, '\n');
}

/* Each line of a note gets the margin. */
static void note(Printer *p, Value item) {
  Value text = quiet(p->vm, is_str(item) ? item : rt_str(p->vm, item));
  if (v_failed(text)) {
    line(p, "<note str() failed>\n");
    return;
  }
  const char *s = v_str(text)->data, *end = s + v_str(text)->size;
  while (s < end) {
    const char *nl = memchr(s, '\n', (size_t)(end - s));
    const char *stop = nl ? nl + 1 : end;
    margin(p, '|');
    buf_add(p->out, s, (size_t)(stop - s));
    s = stop;
  }
  if (p->library && (v_str(text)->size == 0 || end[-1] == '\n')) margin(p, '|');
  buf_char(p->out, '\n');
}

static void notes(Printer *p, Value exc) {
  VM *vm = p->vm;
  Str *name = NAME(vm, __notes__);
  Value value = name ? quiet(vm, rt_getattr_opt(vm, exc, name)) : V_FAIL;
  if (v_failed(value) || v_absent(value) || v_is_none(value)) {
    if (rt_pending(vm)) (void)rt_take_exc(vm);
    return;
  }
  size_t mark = rt_temp_mark(vm), n = 0;
  Value *keep = rt_temp(vm, 1);
  if (!keep) {
    (void)rt_take_exc(vm);
    return;
  }
  *keep = value;
  const Value *items = seq_items(value, &n);
  if (!items && is_str(value)) {
    *keep = quiet(vm, rt_iter_to_list(vm, value));
    items = v_failed(*keep) ? NULL : seq_items(*keep, &n);
  }
  if (items) {
    for (size_t i = 0; (items = seq_items(*keep, &n)) != NULL && i < n; i++) note(p, items[i]);
  } else {
    Value text = quiet(vm, rt_repr(vm, value));
    margin(p, '|');
    if (v_failed(text)) buf_str(p->out, "<__notes__ repr() failed>");
    else put(p, v_str(text));
  }
  rt_temp_release(vm, mark);
}

/* ---------------------------------------------------------------- one exception, one group, one chain */

static void chain(Printer *p, Value exc);

static void single(Printer *p, Value exc) {
  if (exc_traceback(exc) && p->limit > 0) {
    line(p, "Traceback (most recent call last):\n");
    entries(p, exc_traceback(exc));
  }
  message(p, exc);
  notes(p, exc);
}

static void member(Printer *p, const Tuple *members, size_t i, size_t shown) {
  buf_fill(p->out, ' ', 2 * (size_t)p->depth);
  buf_str(p->out, i == 0 ? "+-" : "  ");
  if (i < MAX_GROUP_WIDTH) buf_printf(p->out, "+---------------- %d ----------------\n", (int)i + 1);
  else buf_str(p->out, "+---------------- ... ----------------\n");
  p->depth++;
  if (i < MAX_GROUP_WIDTH) {
    chain(p, members->items[i]);
  } else {
    size_t rest = members->length - MAX_GROUP_WIDTH;
    margin(p, '|');
    buf_printf(p->out, "and %d more exception%s\n", (int)rest, rest > 1 ? "s" : "");
  }
  if (i + 1 == shown && p->need_close) {
    buf_fill(p->out, ' ', 2 * (size_t)p->depth);
    buf_str(p->out, "+------------------------------------\n");
    p->need_close = false;
  }
  p->depth--;
}

static void group(Printer *p, Value exc) {
  if (p->depth > MAX_GROUP_DEPTH) {
    line(p, "... (max_group_depth is 10)\n");
    return;
  }
  bool top = p->depth == 0;
  if (top) p->depth = 1;
  if (exc_traceback(exc) && p->limit > 0) {
    margin(p, top ? '+' : '|');
    buf_str(p->out, "Exception Group Traceback (most recent call last):\n");
    entries(p, exc_traceback(exc));
  }
  message(p, exc);
  notes(p, exc);
  const Tuple *members = v_tuple(exc_field(exc, EXF_GROUP_EXCS)); /* kept alive by exc, which never changes it */
  size_t shown = members->length <= MAX_GROUP_WIDTH ? members->length : MAX_GROUP_WIDTH + 1;
  p->need_close = false;
  for (size_t i = 0; i < shown; i++) {
    if (i + 1 == shown) p->need_close = true;
    member(p, members, i, shown);
  }
  if (top) p->depth = 0;
}

/* Cause or context that is to be shown before exc; *text: the words between them. V_NONE: nothing. */
static Value link_of(Printer *p, Value exc, const char **text) {
  const Exception *e = v_exc(exc);
  Value next = is_exception(e->cause) ? e->cause : !e->suppress_context ? e->context : V_NONE;
  *text = is_exception(e->cause) ? "The above exception was the direct cause of the following exception:\n" : "During handling of the above exception, another exception occurred:\n";
  return is_exception(next) && !seen_before(p, v_obj(next)) ? next : V_NONE;
}

static void between(Printer *p, Value exc) {
  const Exception *e = v_exc(exc);
  line(p, "\n");
  line(p, is_exception(e->cause) ? "The above exception was the direct cause of the following exception:\n" : "During handling of the above exception, another exception occurred:\n");
  line(p, "\n");
}

/* Oldest first. The list of the chain is a heap object in a temporary slot, as printing may run script code. */
static void chain(Printer *p, Value exc) {
  VM *vm = p->vm;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1);
  List *list = keep ? list_new(vm, &exc, 1) : NULL;
  if (!list) {
    p->out->failed = true;
    (void)rt_take_exc(vm);
    rt_temp_release(vm, mark);
    return;
  }
  *keep = v_from_obj(list);
  const char *text;
  (void)seen_before(p, v_obj(exc));
  for (Value at = exc; is_exception(at = link_of(p, at, &text));) {
    if (list_append(vm, list, at)) continue;
    (void)rt_take_exc(vm); /* no memory: the chain is cut here */
    break;
  }
  for (size_t i = list->length; i-- > 0;) {
    Value e = list->items[i];
    if (v_exc(e)->kind == EXK_GROUP) group(p, e);
    else single(p, e);
    if (i > 0) between(p, list->items[i - 1]);
  }
  rt_temp_release(vm, mark);
}

/* ---------------------------------------------------------------- entries of the module */

typedef void (*PrintFn)(Printer *p, Value v);

/* sys.tracebacklimit; the module traceback cuts its entries itself. */
static long traceback_limit(VM *vm) {
  Value sys = dict_get_c(vm, vm->modules, "sys"), v = v_has_layout(sys, LAY_MODULE) ? dict_get_c(vm, ((Module *)v_obj(sys))->dict, "tracebacklimit") : V_ABSENT;
  int64_t limit;
  if (v_failed(sys) || v_failed(v)) vm->exc = V_ABSENT; /* no memory: none */
  return is_int(v) && int_to_i64(v, &limit) && limit < MAX_ENTRIES ? (long)(limit < 0 ? 0 : limit) : MAX_ENTRIES;
}

/* Runs one printing function with v kept alive and with the VM's pending and handled exceptions as they were. */
static bool print_as(VM *vm, Value v, Buf *out, bool library, PrintFn fn) {
  size_t mark = rt_temp_mark(vm);
  Value pending = vm->exc;
  vm->exc = V_ABSENT;
  Value *keep = rt_temp(vm, 2);
  if (!keep) {
    (void)rt_take_exc(vm);
    vm->exc = pending;
    return false;
  }
  keep[0] = v;
  if (!v_absent(pending)) keep[1] = pending;
  Printer p = {.vm = vm, .out = out, .library = library, .limit = library ? MAX_ENTRIES : traceback_limit(vm)};
  fn(&p, v);
  mem_free(rt_mem(vm), p.seen, p.cap_seen * sizeof *p.seen);
  rt_temp_release(vm, mark);
  vm->exc = pending;
  return !out->failed;
}

static bool print_with(VM *vm, Value v, Buf *out, PrintFn fn) { return print_as(vm, v, out, false, fn); }

static void print_only(Printer *p, Value exc) {
  message(p, exc);
  notes(p, exc);
}
static void print_entries(Printer *p, Value tb) {
  if (is_traceback(tb)) entries(p, v_traceback(tb));
}

bool exc_print(VM *vm, Value exc, Buf *out) { return is_exception(exc) && print_with(vm, exc, out, chain); }
bool exc_format(VM *vm, Value exc, Buf *out) { return is_exception(exc) && print_as(vm, exc, out, true, chain); }
bool exc_format_only(VM *vm, Value exc, Buf *out) { return is_exception(exc) && print_as(vm, exc, out, true, print_only); }
static void print_entry(Printer *p, Value tb) { entry(p, v_traceback(tb)); }
bool exc_format_entry(VM *vm, Value tb, Buf *out) { return print_as(vm, tb, out, true, print_entry); }
bool exc_print_traceback(VM *vm, Value tb, Buf *out) { return print_with(vm, tb, out, print_entries); }

static void print_unraisable(Printer *p, Value exc) {
  p->unraisable = true;
  if (exc_traceback(exc) && p->limit > 0) {
    line(p, "Traceback (most recent call last):\n");
    entries(p, exc_traceback(exc));
  }
  message(p, exc);
}

/* sys.unraisablehook, if the script put something else there. False: print it. */
static bool unraisable_hook(VM *vm, Value exc, Value obj) {
  Value sys = dict_get_c(vm, vm->modules, "sys");
  if (!v_has_layout(sys, LAY_MODULE)) return false;
  Value hook = dict_get_c(vm, ((Module *)v_obj(sys))->dict, "unraisablehook"), usual = dict_get_c(vm, ((Module *)v_obj(sys))->dict, "__unraisablehook__");
  if (v_absent(hook) || v_failed(hook) || v_same(hook, usual) || vm->limit_hit) return false;
  Value five[5] = {rt_type_value(type_of(exc)), exc, v_exc(exc)->traceback, V_NONE, v_absent(obj) ? V_NONE : obj};
  Value args = quiet(vm, rt_call_builtin(vm, "_sys_unraisable_args", 5, five));
  if (v_failed(args)) return false;
  if (v_is_none(hook)) return true;
  if (!v_failed(rt_call(vm, hook, 1, &args))) return true;
  exc_print_unraisable(vm, rt_take_exc(vm), "Exception ignored in sys.unraisablehook", hook);
  return true;
}

void exc_report_unraisable(VM *vm, Value exc, const char *where, Value obj) {
  if (!is_exception(exc)) return;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2);
  if (!keep) {
    (void)rt_take_exc(vm);
    return;
  }
  keep[0] = exc;
  keep[1] = obj;
  if (!unraisable_hook(vm, exc, obj)) exc_print_unraisable(vm, exc, where, obj);
  rt_temp_release(vm, mark);
}

/* The script put something else in sys.stderr: the text goes there. [script] */
static bool to_other_stderr(VM *vm, const Buf *b) {
  Value sys = dict_get_c(vm, vm->modules, "sys");
  if (!v_has_layout(sys, LAY_MODULE) || vm->limit_hit) return false;
  Value now = dict_get_c(vm, ((Module *)v_obj(sys))->dict, "stderr"), usual = dict_get_c(vm, ((Module *)v_obj(sys))->dict, "__stderr__");
  if (v_absent(now) || v_failed(now) || v_failed(usual) || v_same(now, usual)) return false;
  if (v_is_none(now)) return true;
  Str *name = str_intern(vm, "write", 5);
  Value text = v_from_str(str_new(vm, b->data, b->len));
  if (name && !v_failed(text)) (void)quiet(vm, rt_call_method(vm, now, name, 1, &text));
  return true;
}

void exc_print_unraisable(VM *vm, Value exc, const char *where, Value obj) {
  if (!vm->config.write || !is_exception(exc)) return;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2);
  if (!keep) {
    (void)rt_take_exc(vm);
    return;
  }
  keep[0] = exc;
  keep[1] = obj;
  Buf b;
  buf_init(&b, rt_mem(vm));
  buf_str(&b, where ? where : "Exception ignored in");
  if (!v_absent(obj)) {
    Value text = quiet(vm, rt_repr(vm, obj));
    buf_str(&b, ": ");
    if (v_failed(text)) buf_str(&b, "<object repr() failed>");
    else buf_add(&b, v_str(text)->data, v_str(text)->size);
    buf_char(&b, '\n');
  } else {
    buf_str(&b, ":\n");
  }
  (void)print_with(vm, exc, &b, print_unraisable);
  if (!b.failed && !to_other_stderr(vm, &b)) vm->config.write(vm->config.user, 2, b.data, b.len);
  buf_free(&b);
  rt_temp_release(vm, mark);
}
