/* tiny.h: raising, and errors as data: tiny_take_error turns the pending exception into type, message, traceback text and frames that live in an ErrorBox. */
#include "vm/api_int.h"
#include "vm/objects/int.h"
#include "vm/objects/traceback.h"

/* What the last tiny_take_error handed out. Strings are offsets into text until it is complete. */
struct ErrorBox {
  Buf text;
  tiny_frame_info *frames;
  size_t n_frames, cap_frames;
};

tiny_val tiny_raise_value(tiny_vm *vm, tiny_val exception) {
  if (!api_takes(vm, exception)) return V_FAIL;
  tiny_clear_error(vm); /* it is replaced */
  if (is_type(exception) && rt_is_subtype((const Type *)v_obj(exception), &exc_BaseException)) {
    exception = rt_call(vm, exception, 0, NULL);
    if (v_failed(exception)) return V_FAIL;
  }
  if (!is_exception(exception)) return rt_raise(vm, &exc_TypeError, "exceptions must derive from BaseException");
  return rt_raise_obj(vm, exception);
}

tiny_val tiny_raise_os(tiny_vm *vm, int err, const char *path) {
  Value name = V_NONE;
  tiny_clear_error(vm); /* it is replaced */
  if (path) {
    name = tiny_string(vm, path);
    if (v_failed(name)) return V_FAIL;
  }
  Value exc = exc_os_error(vm, err, name);
  return v_failed(exc) ? V_FAIL : rt_raise_obj(vm, exc);
}

bool tiny_pending(tiny_vm *vm) { return rt_pending(vm); }

bool tiny_pending_is(tiny_vm *vm, tiny_exc type) {
  const Type *cls = exc_type_by_id(type);
  return cls && rt_pending(vm) && rt_pending_is(vm, cls);
}

/* The host knows of it: outside of calls that is the end of a limit that struck. */
static Value take(VM *vm) {
  Value exc = rt_take_exc(vm);
  if (vm->c_depth == 0) vm->limit_hit = LIMIT_NONE;
  return exc;
}

tiny_val tiny_take_exception(tiny_vm *vm) {
  if (!rt_pending(vm)) return V_NONE;
  Value exc = take(vm);
  return vm_pin(vm, exc) ? exc : vm->memory_error; /* which is always alive */
}

void tiny_clear_error(tiny_vm *vm) {
  if (rt_pending(vm)) (void)take(vm);
}

tiny_val tiny_exc_class(tiny_vm *vm, tiny_exc type) {
  (void)vm;
  const Type *cls = exc_type_by_id(type);
  return cls ? rt_type_value(cls) : V_NONE;
}

/* ---- errors as data */

static size_t put(Buf *b, const char *s, size_t n) {
  size_t at = b->len;
  buf_add(b, s, n);
  buf_char(b, '\0');
  return at;
}

static size_t put_str(Buf *b, const Str *s) { return put(b, s ? s->data : "", s ? s->size : 0); }

/* Byte columns of a source line become code points. */
static int column(VM *vm, Code *code, int line, int byte_col) {
  if (byte_col <= 0) return byte_col;
  Buf text;
  buf_init(&text, &vm->mem);
  int col = byte_col;
  if (vm_source_line(vm, code, line, &text) && !text.failed) {
    size_t n = (size_t)byte_col < text.len ? (size_t)byte_col : text.len;
    col = (int)utf8_count(text.data, n);
  }
  buf_free(&text);
  return col;
}

static bool add_frame(VM *vm, struct ErrorBox *box, const Traceback *tb) {
  if (!tb->code || (tb->code->flags & CODE_HIDDEN)) return true;
  if (!mem_grow(&vm->mem, (void **)&box->frames, &box->cap_frames, box->n_frames + 1, sizeof *box->frames)) return false;
  Position p = {0};
  traceback_position(tb, &p);
  tiny_frame_info *f = &box->frames[box->n_frames++];
  *f = (tiny_frame_info){.line = p.line, .column = column(vm, tb->code, p.line, p.col), .end_line = p.end_line,
    .end_column = column(vm, tb->code, p.end_line, p.end_col)};
  f->file = (const char *)(uintptr_t)put_str(&box->text, tb->code->filename);
  f->name = (const char *)(uintptr_t)put_str(&box->text, traceback_name(tb));
  return true;
}

static void box_clear(VM *vm, struct ErrorBox *box) {
  buf_free(&box->text);
  buf_init(&box->text, &vm->mem);
  box->n_frames = 0;
}

static struct ErrorBox *box_get(VM *vm) {
  if (!vm->error_box) {
    vm->error_box = mem_zalloc(&vm->mem, sizeof *vm->error_box);
    if (!vm->error_box) return NULL;
    buf_init(&vm->error_box->text, &vm->mem);
  }
  box_clear(vm, vm->error_box);
  return vm->error_box;
}

static void exit_status(VM *vm, Value exc, tiny_error *out) {
  Value code = exc_field(exc, 0);
  int64_t status;
  out->is_exit = true;
  (void)vm;
  if (v_absent(code) || v_is_none(code)) out->exit_status = 0;
  else if (is_int(code)) out->exit_status = int_to_i64(code, &status) ? (int)(status & 0xFF) : 255;
  else out->exit_status = 1;
}

static const char *limit_name(VM *vm, Value exc) {
  switch (vm->limit_hit) {
    case LIMIT_STEPS: return "steps";
    case LIMIT_DEADLINE: return "deadline";
    case LIMIT_HOST: return "interrupt";
    case LIMIT_MEMORY: return "memory";
    default: return vm->mem.limit && rt_is_subtype(type_of(exc), &exc_MemoryError) ? "memory" : NULL;
  }
}

static size_t put_message(VM *vm, Buf *b, Value exc) {
  Value s = rt_str(vm, exc);
  if (!v_failed(s)) return put_str(b, v_str(s));
  (void)take(vm);
  return put(b, "<exception str() failed>", 24);
}

static size_t put_text(VM *vm, Buf *b, Value exc) {
  size_t at = b->len;
  if (!exc_print(vm, exc, b) && rt_pending(vm)) (void)take(vm);
  buf_char(b, '\0');
  return at;
}

/* Reporting that memory ran out needs memory: so much more than the limit it may take. */
enum { REPORT_RESERVE = 256 << 10 };

static bool take_error(VM *vm, tiny_error *out) {
  *out = (tiny_error){.type = "", .message = "", .text = "", .exception = V_NONE};
  if (!rt_pending(vm)) return false;
  Value exc = rt_take_exc(vm);
  out->exception = exc;
  if (!vm_pin(vm, exc)) out->exception = exc = vm->memory_error; /* always alive */
  const Type *type = type_of(out->exception);
  out->limit = limit_name(vm, exc);
  if (vm->c_depth == 0) vm->limit_hit = LIMIT_NONE;
  if (rt_is_subtype(type, &exc_SystemExit)) exit_status(vm, exc, out);
  out->type = type->name;
  if (rt_is_subtype(type, &exc_MemoryError)) out->text = "MemoryError\n";
  struct ErrorBox *box = box_get(vm);
  if (!box) return true;
  size_t name = put(&box->text, type->name, strlen(type->name)), message = put_message(vm, &box->text, exc), text = put_text(vm, &box->text, exc);
  bool whole = true;
  for (const Traceback *tb = exc_traceback(exc); tb && whole; tb = tb->next) whole = add_frame(vm, box, tb);
  if (box->text.failed) return true; /* out of memory: the type alone */
  const char *base = box->text.data;
  out->type = base + name;
  out->message = base + message;
  out->text = base + text;
  for (size_t i = 0; i < box->n_frames; i++) {
    box->frames[i].file = base + (uintptr_t)box->frames[i].file;
    box->frames[i].name = base + (uintptr_t)box->frames[i].name;
  }
  out->depth = (int)box->n_frames;
  out->frame = box->frames;
  return true;
}

bool tiny_take_error(tiny_vm *vm, tiny_error *out) {
  size_t limit = vm->mem.limit;
  if (limit && vm->mem.limit < SIZE_MAX - REPORT_RESERVE) vm->mem.limit += REPORT_RESERVE;
  bool taken = take_error(vm, out);
  vm->mem.limit = limit;
  return taken;
}

void api_free(VM *vm) {
  struct ErrorBox *box = vm->error_box;
  if (!box) return;
  buf_free(&box->text);
  mem_free(&vm->mem, box->frames, box->cap_frames * sizeof *box->frames);
  mem_free(&vm->mem, box, sizeof *box);
  vm->error_box = NULL;
}
