/* The module _traceback: what traceback.tiny needs of the VM's printer of exceptions. Uses internal headers as the builtins do. */
#include "vm/objects/list.h"
#include "vm/objects/str.h"
#include "vm/objects/traceback.h"
#include "vm/vm.h"

typedef bool (*PrintFn)(VM *vm, Value v, Buf *out);

static Value text_of(VM *vm, Value v, PrintFn print) {
  Buf b;
  buf_init(&b, rt_mem(vm));
  (void)print(vm, v, &b);
  return v_from_str(str_from_buf(vm, &b));
}

static Value need_exception(VM *vm, Args *a, PrintFn print) {
  if (!is_exception(a->v[0])) return rt_raise(vm, &exc_TypeError, "Exception expected for value, %T found", a->v[0]);
  return text_of(vm, a->v[0], print);
}
static Value format_f(VM *vm, Args *a) { return need_exception(vm, a, exc_format); }
static Value only_f(VM *vm, Args *a) { return need_exception(vm, a, exc_format_only); }

static Value entry_f(VM *vm, Args *a) {
  if (!is_traceback(a->v[0])) return rt_raise(vm, &exc_TypeError, "traceback expected, %T found", a->v[0]);
  return text_of(vm, a->v[0], exc_format_entry);
}

static Value line_text(VM *vm, Code *code, int line) {
  Buf b;
  buf_init(&b, rt_mem(vm));
  bool found = vm_source_line(vm, code, line, &b) || vm_cached_line(vm, code, line, &b);
  Str *s = str_from_buf(vm, &b);
  return !s ? V_FAIL : found ? v_from_obj(s) : V_NONE;
}

/* (file name, line, function name, source line or None, end line, column, end column; columns in bytes, None: unknown) of one entry */
static Value info_f(VM *vm, Args *a) {
  if (!is_traceback(a->v[0])) return rt_raise(vm, &exc_TypeError, "traceback expected, %T found", a->v[0]);
  const Traceback *tb = v_traceback(a->v[0]);
  Position pos;
  traceback_position(tb, &pos);
  Value text = line_text(vm, tb->code, traceback_line(tb));
  if (v_failed(text)) return V_FAIL;
  bool known = pos.col >= 0;
  Value items[7] = {v_from_obj(tb->code->filename), v_from_int62(traceback_line(tb)), v_from_obj(traceback_name(tb)), text, known ? v_from_int62(pos.end_line) : V_NONE,
                    known ? v_from_int62(pos.col) : V_NONE, known ? v_from_int62(pos.end_col) : V_NONE};
  Tuple *t = tuple_new(vm, items, 7);
  return t ? v_from_obj(t) : V_FAIL;
}

static Value frame_line_f(VM *vm, Args *a) {
  if (!v_is_exact(a->v[0], &frame_type)) return rt_raise(vm, &exc_TypeError, "frame expected, %T found", a->v[0]);
  FrameObject *f = (FrameObject *)v_obj(a->v[0]);
  return line_text(vm, f->func->code, frame_object_line(f));
}

static const tiny_def functions[] = {
    {"format", format_f, "(exc, /)", "The whole text, chained exceptions included."},
    {"only", only_f, "(exc, /)", "The last line and the notes."},
    {"entry", entry_f, "(tb, /)", "Text of the first entry."},
    {"info", info_f, "(tb, /)", "Data of the first entry."},
    {"frame_line", frame_line_f, "(frame, /)", "Source line that a frame is at."},
    {0}};
extern const tiny_module traceback_core_module;
const tiny_module traceback_core_module = {"_traceback", functions, NULL, "Printing of exceptions."};
