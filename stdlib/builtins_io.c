/* print, input, open. print writes to the host in one piece when sys.stdout is the stream the VM began with and no argument's text needs script code;
 * else the frozen function calls the file's methods. */
#include "stdlib/builtins_memio.h"
#include "stdlib/sys_streams.h"
#include "vm/import.h"
#include "vm/vm.h"

/* sys.stdout etc. as scripts left them; V_ABSENT: there is no sys module yet, or the attribute was deleted. */
static Value std_stream(VM *vm, NameId id) {
  if (!vm->sys_dict) {
    Str *sys = NAME(vm, sys);
    Value module = sys ? dict_get_str(vm, vm->modules, sys) : V_FAIL;
    if (v_failed(module)) return V_FAIL;
    if (!v_has_layout(module, LAY_MODULE)) return V_ABSENT;
    vm->sys_dict = ((Module *)v_obj(module))->dict;
  }
  Str *name = rt_name(vm, id);
  return name ? dict_get_str(vm, vm->sys_dict, name) : V_FAIL;
}

/* Where the host lets scripts have no sys, print and input use streams that scripts do not see. */
typedef struct HiddenStreams { Value stream[3]; } HiddenStreams;
static void hidden_trace(tiny_tracer *t, void *data) {
  for (int i = 0; i < 3; i++) tiny_trace(t, ((HiddenStreams *)data)->stream[i]);
}
static Value hidden_stream(VM *vm, int number) {
  static const char key = 0;
  HiddenStreams *h = tiny_module_data(vm, &key, sizeof *h, hidden_trace, NULL);
  if (!h) return V_FAIL;
  if (!v_is_obj(h->stream[number])) {
    Value v = std_stream_new(vm, number);
    if (v_failed(v)) return v;
    h->stream[number] = v;
  }
  return h->stream[number];
}

/* The same, for who needs an object: sys is imported. [script] */
static Value std_stream_object(VM *vm, NameId id, int number) {
  if (!vm->sys_dict && !import_allowed(vm, "sys")) return hidden_stream(vm, number);
  return v_failed(tiny_import(vm, "sys")) ? V_FAIL : std_stream(vm, id);
}

/* Does str(v) run script code? (Containers of script objects do so inside C: see docs/design.md.) */
static bool text_needs_script(VM *vm, Value v) {
  if (!v_is_obj(v) || !type_is_heap(v_obj(v)->type)) return false;
  return !v_absent(override_of(vm, v, NAME___str__)) || !v_absent(override_of(vm, v, NAME___repr__));
}

static bool add_str(VM *vm, Buf *b, Value v) {
  Value s = v_is_exact(v, &str_type) ? v : rt_str(vm, v);
  if (v_failed(s)) return false;
  buf_add(b, v_str(s)->data, v_str(s)->size);
  return true;
}

/* All of it in b. false: an exception is pending; b has what comes before. */
static bool collect(VM *vm, Buf *b, Tuple *args, Value sep, Value end) {
  bool ok = true;
  for (size_t i = 0; i < args->length && ok; i++) {
    if (i > 0 && v_is_none(sep)) buf_char(b, ' ');
    else if (i > 0) ok = add_str(vm, b, sep);
    if (ok) ok = add_str(vm, b, args->items[i]);
  }
  if (ok && v_is_none(end)) buf_char(b, '\n');
  else if (ok) ok = add_str(vm, b, end);
  return ok && (!b->failed || !v_failed(rt_no_memory(vm)));
}

static Value print_direct(VM *vm, Value file, int stream, Tuple *args, Value sep, Value end, bool flush) {
  Buf b;
  buf_init(&b, &vm->mem);
  bool ok = collect(vm, &b, args, sep, end);
  ok = ok && std_stream_write(vm, file, stream, b.data ? b.data : "", b.len) && (!flush || std_stream_flush(vm, stream));
  buf_free(&b);
  return ok ? V_NONE : V_FAIL;
}

/* The library's method write, which neither a class nor the object itself replaces. */
static bool has_own_write(VM *vm, Value file, tiny_fn write) {
  if (!io_native_method(vm, file, NAME_write, write)) return false;
  Str *name = NAME(vm, __getattribute__);
  return name && v_absent(attr_override(vm, type_of(file), name)) && v_absent(instance_get(vm, v_obj(file), NAME(vm, write)));
}

static bool put_str(VM *vm, Value file, Value v) {
  Value s = is_str(v) ? v : rt_str(vm, v);
  return !v_failed(s) && stringio_write(vm, file, v_str(s));
}
/* Piece by piece, as write() gets it: each has its line ends translated by itself. */
static Value print_to_memory(VM *vm, Value file, Tuple *args, Value sep, Value end) {
  for (size_t i = 0; i < args->length; i++) {
    if (i > 0 && !put_str(vm, file, sep)) return V_FAIL;
    if (!put_str(vm, file, args->items[i])) return V_FAIL;
  }
  return put_str(vm, file, end) ? V_NONE : V_FAIL;
}

/* In one piece, where the stream takes it in C. V_ABSENT: it does not. */
static Value print_to_stream(VM *vm, Value file, Tuple *args, Value sep, Value end) {
  Buf b;
  buf_init(&b, &vm->mem);
  bool whole = collect(vm, &b, args, sep, end);
  Value failure = whole ? V_ABSENT : rt_take_exc(vm);
  int r = b.failed ? -1 : text_stream_put(vm, file, b.data ? b.data : "", b.len);
  buf_free(&b);
  if (!whole) {
    if (rt_pending(vm)) (void)rt_take_exc(vm);
    return rt_restore(vm, failure);
  }
  return r > 0 ? V_NONE : r < 0 ? V_FAIL : V_ABSENT;
}

static Value bi_print(VM *vm, Args *a) {
  Tuple *args = v_tuple(a->v[0]);
  Value sep = a->v[1], end = a->v[2], file = a->v[3];
  if (!v_is_none(sep) && !is_str(sep)) return rt_raise(vm, &exc_TypeError, "sep must be None or a string, not %T", sep);
  if (!v_is_none(end) && !is_str(end)) return rt_raise(vm, &exc_TypeError, "end must be None or a string, not %T", end);
  int stream = 0;
  if (v_is_none(file)) {
    file = std_stream(vm, NAME_stdout);
    if (v_failed(file)) return V_FAIL;
    if (v_is_none(file)) return V_NONE; /* as CPython: sys.stdout = None prints nothing */
    if (v_absent(file) && vm->sys_dict) return rt_raise(vm, &exc_RuntimeError, "lost sys.stdout");
    if (v_absent(file)) stream = 1;
  }
  if (!stream) stream = std_stream_number(vm, file);
  bool script = stream != 1 && stream != 2;
  for (size_t i = 0; i < args->length && !script; i++) script = text_needs_script(vm, args->items[i]);
  if (!script) {
    int flush = rt_truth(vm, a->v[4]);
    return flush < 0 ? V_FAIL : print_direct(vm, file, stream, args, sep, end, flush);
  }
  if (v_absent(file)) {
    file = std_stream_object(vm, NAME_stdout, 1);
    if (v_failed(file)) return V_FAIL;
    if (v_absent(file)) return rt_raise(vm, &exc_RuntimeError, "lost sys.stdout");
  }
  Value rest[5] = {a->v[0], sep, end, file, a->v[4]};
  Str *space = v_is_none(sep) ? str_new(vm, " ", 1) : v_str(sep), *newline = v_is_none(end) ? str_new(vm, "\n", 1) : v_str(end);
  if (!space || !newline) return V_FAIL;
  Value *keep = rt_temp(vm, 2);
  if (!keep) return V_FAIL;
  keep[0] = rest[1] = v_from_obj(space);
  keep[1] = rest[2] = v_from_obj(newline);
  script = !v_has_layout(file, LAY_NATIVE_INSTANCE) || !v_same(a->v[4], V_FALSE);
  for (size_t i = 0; i < args->length && !script; i++) script = text_needs_script(vm, args->items[i]);
  if (!script && has_own_write(vm, file, stringio_method_write)) return print_to_memory(vm, file, args, rest[1], rest[2]);
  if (!script && has_own_write(vm, file, text_stream_write)) {
    Value v = print_to_stream(vm, file, args, rest[1], rest[2]);
    if (!v_absent(v)) return v;
  }
  return rt_tail_builtin(vm, "_builtins_print", 5, rest);
}

static Value bi_input(VM *vm, Args *a) {
  Value in = std_stream_object(vm, NAME_stdin, 0), out = v_failed(in) ? V_FAIL : std_stream_object(vm, NAME_stdout, 1);
  if (v_failed(out)) return V_FAIL;
  if (v_absent(in) || v_is_none(in)) return rt_raise(vm, &exc_RuntimeError, "input(): lost sys.stdin");
  if (v_absent(out) || v_is_none(out)) return rt_raise(vm, &exc_RuntimeError, "input(): lost sys.stdout");
  Value rest[3] = {v_absent(a->v[0]) ? V_NONE : a->v[0], in, out};
  return rt_tail_builtin(vm, "_builtins_input", 3, rest);
}

static Value bi_open(VM *vm, Args *a) { return rt_tail_builtin(vm, "_builtins_open", a->n, a->v); }

const tiny_def builtins_io[] = {
  {"print", bi_print, "(*args, sep=' ', end='\\n', file=None, flush=False)", "Prints the values to a stream, or to sys.stdout by default."},
  {"input", bi_input, "(prompt=..., /)", "Read a string from standard input.  The trailing newline is stripped."},
  {"open", bi_open, "(file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None)", "Open file and return a stream.  Raise OSError upon failure."},
  {0}};
