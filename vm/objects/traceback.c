/* Traceback entries, and the frame objects that scripts see. An entry keeps code and position; a frame object is made when a script asks for one. */
#include "vm/objects/traceback.h"
#include "vm/objects/list.h"
#include "vm/type_ids.h"
#include "vm/vm.h"

/* Puts an entry for code at pc in front of exc's traceback (the callers' entries are added later and stand before). Library code is not shown.
   Without memory the entry is dropped: the exception on its way matters more. */
bool traceback_add(VM *vm, Value exc, Code *code, uint32_t pc, Dict *globals) {
  if (!is_exception(exc) || (code->flags & CODE_HIDDEN)) return true;
  Value pending = vm->exc;
  Traceback *tb = gc_new(vm, &traceback_type, sizeof *tb);
  vm->exc = pending;
  if (!tb) return true;
  Exception *e = v_exc(exc);
  gc_store_obj(vm, tb, &tb->next, is_traceback(e->traceback) ? v_traceback(e->traceback) : NULL);
  gc_store_obj(vm, tb, &tb->code, code);
  gc_store_obj(vm, tb, &tb->globals, globals);
  tb->pc = pc;
  tb->frame = V_ABSENT;
  const Position *pos = code_position(code, pc);
  tb->line = pos ? pos->line : 0;
  gc_store(vm, e, &e->traceback, v_from_obj(tb));
  return true;
}

const Traceback *exc_traceback(Value exc) {
  Value tb = v_exc(exc)->traceback;
  return is_traceback(tb) ? v_traceback(tb) : NULL;
}

void traceback_position(const Traceback *tb, Position *out) {
  const Position *pos = code_position(tb->code, tb->pc);
  *out = pos ? *pos : (Position){tb->pc, 0, 0, -1, -1};
  if (tb->line) out->line = tb->line;
}

/* ---------------------------------------------------------------- traceback */

static void traceback_trace(Tracer *t, Obj *o) {
  Traceback *tb = (Traceback *)o;
  gc_mark_obj(t, tb->next);
  gc_mark_obj(t, tb->code);
  gc_mark_obj(t, tb->globals);
  gc_mark(t, tb->frame);
}

static Value tb_frame(VM *vm, Value self) {
  Traceback *tb = v_traceback(self);
  if (v_absent(tb->frame)) {
    Value f = frame_object_make(vm, tb->code, tb->globals, tb->pc, V_ABSENT, V_NONE);
    if (v_failed(f)) return V_FAIL;
    gc_store(vm, tb, &tb->frame, f);
  }
  return tb->frame;
}
static Value tb_lineno(VM *vm, Value self) { return (void)vm, v_from_int62(v_traceback(self)->line); }
static Value tb_lasti(VM *vm, Value self) { return (void)vm, v_from_int62((int64_t)v_traceback(self)->pc * 2); }
static Value tb_next(VM *vm, Value self) {
  (void)vm;
  Traceback *next = v_traceback(self)->next;
  return next ? v_from_obj(next) : V_NONE;
}
static bool set_tb_next(VM *vm, Value self, Value v) {
  if (v_absent(v)) return rt_raise_b(vm, &exc_TypeError, "can't delete tb_next attribute");
  if (v_is_none(v)) {
    v_traceback(self)->next = NULL;
    return true;
  }
  if (!is_traceback(v)) return rt_raise_b(vm, &exc_TypeError, "expected traceback object, got '%T'", v);
  for (const Traceback *t = v_traceback(v); t; t = t->next)
    if (t == v_traceback(self)) return rt_raise_b(vm, &exc_ValueError, "traceback loop detected");
  gc_store_obj(vm, v_obj(self), &v_traceback(self)->next, v_traceback(v));
  return true;
}

static const GetSet traceback_getset[] = {
    {"tb_frame", tb_frame, NULL, NULL}, {"tb_lineno", tb_lineno, NULL, NULL}, {"tb_lasti", tb_lasti, NULL, NULL}, {"tb_next", tb_next, set_tb_next, NULL}, {0}};

/* types.TracebackType(tb_next, tb_frame, tb_lasti, tb_lineno) */
static Value traceback_new(VM *vm, const Type *cls, Args *a) {
  (void)cls;
  if (!v_is_none(a->v[0]) && !is_traceback(a->v[0])) return rt_raise(vm, &exc_TypeError, "expected traceback object or None, got '%T'", a->v[0]);
  if (!v_is_exact(a->v[1], &frame_type)) return rt_raise(vm, &exc_TypeError, "TracebackType() argument 'tb_frame' must be frame, not %T", a->v[1]);
  if (!v_is_int(a->v[2]) || !v_is_int(a->v[3])) return rt_raise(vm, &exc_TypeError, "'%T' object cannot be interpreted as an integer", v_is_int(a->v[2]) ? a->v[3] : a->v[2]);
  Traceback *tb = gc_new(vm, &traceback_type, sizeof *tb);
  if (!tb) return V_FAIL;
  FrameObject *f = (FrameObject *)v_obj(a->v[1]);
  gc_store_obj(vm, tb, &tb->next, v_is_none(a->v[0]) ? NULL : v_traceback(a->v[0]));
  gc_store_obj(vm, tb, &tb->code, f->code);
  gc_store_obj(vm, tb, &tb->globals, f->globals);
  gc_store(vm, tb, &tb->frame, a->v[1]);
  tb->pc = (uint32_t)(v_int(a->v[2]) / 2);
  tb->line = (int32_t)v_int(a->v[3]);
  return v_from_obj(tb);
}

static Value traceback_repr(VM *vm, Value self) { return rt_format(vm, "<traceback object at %p>", (void *)v_obj(self)); }

const Type traceback_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "traceback", .base = &object_type, .layout = LAY_OTHER,
                             .shape_id = TYPE_ID_traceback, .size = sizeof(Traceback), .new_ = traceback_new, .new_sig = "(tb_next, tb_frame, tb_lasti, tb_lineno)",
                             .trace = traceback_trace, .repr = traceback_repr, .getset = traceback_getset};

/* ---------------------------------------------------------------- frame */

Value frame_object_make(VM *vm, Code *code, Dict *globals, uint32_t pc, Value locals, Value back) {
  FrameObject *f = gc_new(vm, &frame_type, sizeof *f);
  if (!f) return V_FAIL;
  gc_store_obj(vm, f, &f->code, code);
  gc_store_obj(vm, f, &f->globals, globals);
  gc_store(vm, f, &f->locals, locals);
  gc_store(vm, f, &f->back, back);
  f->pc = pc;
  const Position *pos = code_position(code, pc);
  f->line = pos ? pos->line : 0;
  return v_from_obj(f);
}

/* f_back objects are made along with it, from the outermost inward, so that a deep stack costs no C stack. */
Value frame_object_new(VM *vm, Frame *frame) {
  size_t depth = 0;
  for (Frame *f = frame; f; f = frame_back(f)) depth++;
  Frame **list = mem_alloc(&vm->mem, (depth ? depth : 1) * sizeof *list);
  if (!list) return rt_no_memory(vm);
  size_t n = 0;
  for (Frame *f = frame; f; f = frame_back(f)) list[n++] = f;
  Value result = V_NONE;
  while (n-- > 0 && !v_failed(result)) {
    Frame *f = list[n];
    Code *code = f->func->code;
    if ((code->flags & CODE_HIDDEN) && n > 0) continue;
    Value locals = n == 0 ? frame_locals(vm, f) : V_ABSENT; /* callers' locals are not copied: that would cost the whole stack each time */
    if (v_failed(locals)) result = V_FAIL;
    else result = frame_object_make(vm, code, f->func->globals, (uint32_t)(f->pc > code->instr ? f->pc - code->instr - 1 : 0), locals, result);
  }
  mem_free(&vm->mem, list, (depth ? depth : 1) * sizeof *list);
  return result;
}

static FrameObject *as_frame(Value v) { return (FrameObject *)v_obj(v); }

static void frame_trace(Tracer *t, Obj *o) {
  FrameObject *f = (FrameObject *)o;
  gc_mark_obj(t, f->code);
  gc_mark_obj(t, f->globals);
  gc_mark(t, f->locals);
  gc_mark(t, f->back);
}

static Value f_code(VM *vm, Value self) { return (void)vm, v_from_obj(as_frame(self)->code); }
static Value f_lineno(VM *vm, Value self) { return (void)vm, v_from_int62(as_frame(self)->line); }
static Value f_lasti(VM *vm, Value self) { return (void)vm, v_from_int62((int64_t)as_frame(self)->pc * 2); }
static Value f_back(VM *vm, Value self) { return (void)vm, as_frame(self)->back; }
static Value f_globals(VM *vm, Value self) {
  FrameObject *f = as_frame(self);
  if (!f->globals) {
    Dict *d = dict_new(vm);
    if (!d) return V_FAIL;
    gc_store_obj(vm, f, &f->globals, d);
  }
  return v_from_obj(f->globals);
}
/* Module-level code has its globals as locals. */
static Value f_locals(VM *vm, Value self) {
  FrameObject *f = as_frame(self);
  if (!v_absent(f->locals)) return f->locals;
  if (f->code->flags & CODE_MODULE) return f_globals(vm, self);
  Dict *d = dict_new(vm);
  if (!d) return V_FAIL;
  gc_store(vm, f, &f->locals, v_from_obj(d));
  return f->locals;
}
static Value f_builtins(VM *vm, Value self) {
  (void)self;
  return v_from_obj(vm->builtins->dict);
}
static Value f_trace(VM *vm, Value self) { return (void)vm, (void)self, V_NONE; }
static Value clear_m(VM *vm, Args *a) {
  Dict *d = dict_new(vm);
  if (!d) return V_FAIL;
  gc_store(vm, v_obj(a->v[0]), &as_frame(a->v[0])->locals, v_from_obj(d));
  return V_NONE;
}

static const GetSet frame_getset[] = {{"f_code", f_code, NULL, NULL},       {"f_lineno", f_lineno, NULL, NULL}, {"f_lasti", f_lasti, NULL, NULL}, {"f_back", f_back, NULL, NULL},
                                      {"f_globals", f_globals, NULL, NULL}, {"f_locals", f_locals, NULL, NULL}, {"f_builtins", f_builtins, NULL, NULL}, {"f_trace", f_trace, NULL, NULL}, {0}};
static const tiny_def frame_methods[] = {{"clear", clear_m, "(self, /)", "F.clear(): clear most references held by the frame"}, {0}};

static Value frame_repr(VM *vm, Value self) {
  FrameObject *f = as_frame(self);
  return rt_format(vm, "<frame at %p, file %R, line %d, code %U>", (void *)f, v_from_obj(f->code->filename), (int)f->line, f->code->name);
}

const Type frame_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "frame", .base = &object_type, .layout = LAY_OTHER, .flags = TYPE_NO_NEW,
                         .shape_id = TYPE_ID_frame, .size = sizeof(FrameObject), .trace = frame_trace, .repr = frame_repr, .methods = frame_methods, .getset = frame_getset};
