/* Traceback entries: code, position, and the locals of the frame that was left. */
#include "vm/objects/traceback.h"
#include "vm/objects/list.h"
#include "vm/type_ids.h"
#include "vm/vm.h"

/* Puts an entry for a frame, at pc, in front of exc's traceback (the callers' entries are added later and stand before). stays: the frame goes on, as it has a
   handler; else it is left and its locals are kept in the entry. Library code is not shown. Without memory the entry is dropped: the exception on its way matters more. */
static void add_entry(VM *vm, Value exc, Frame *f, uint32_t pc, bool stays, uint32_t name_of, uint32_t place_of) {
  Code *code = f->func->code;
  bool adopt = stays && !(f->flags & (FRAME_OBJECT | FRAME_GEN)) && !(code->flags & (CODE_NAMESPACE | CODE_MODULE));
  Value frame = adopt ? V_ABSENT : frame_object_known(vm, f, stays), pending = vm->exc;
  uint32_t n = v_absent(frame) && !(code->flags & (CODE_NAMESPACE | CODE_MODULE)) ? code->n_locals : 0;
  Traceback *tb = gc_new(vm, &traceback_type, sizeof *tb + n * sizeof(Value));
  vm->exc = pending;
  if (!tb) return;
  Exception *e = v_exc(exc);
  tb->next = is_traceback(e->traceback) ? v_traceback(e->traceback) : NULL;
  if (tb->next && !tb->next->prev) gc_store_obj(vm, tb->next, &tb->next->prev, tb);
  tb->func = f->func;
  tb->code = code;
  tb->frame = frame;
  tb->pc = pc;
  tb->n_saved = n;
  tb->name_of = (uint16_t)name_of;
  tb->place_of = (uint16_t)place_of;
  if (adopt) frame_entry_adopt(vm, f, tb);
  if (!tb->live) traceback_save_locals(vm, tb, f);
  gc_store(vm, e, &e->traceback, v_from_obj(tb));
}

void traceback_save_locals(VM *vm, Traceback *tb, const Frame *f) {
  for (uint32_t i = 0; i < tb->n_saved; i++) gc_store(vm, tb, &tb->saved[i], frame_regs(f)[local_reg(i)]);
}

void traceback_add(VM *vm, Value exc, Frame *f, uint32_t pc, bool stays) {
  const Code *code = f->func->code;
  if (!is_exception(exc) || (code->flags & CODE_HIDDEN)) return;
  uint32_t place = 0;
  for (uint32_t i = 0; i < code->n_comps && i < UINT16_MAX; i++) /* from the inner one outward */
    if (pc >= code->comps[i].start && pc < code->comps[i].end) {
      add_entry(vm, exc, f, pc, stays, i + 1, place);
      place = i + 1;
    }
  add_entry(vm, exc, f, pc, stays, 0, place);
}

Str *traceback_name(const Traceback *tb) { return tb->name_of ? tb->code->comps[tb->name_of - 1].name : tb->code->name; }

const Traceback *exc_traceback(Value exc) {
  Value tb = v_exc(exc)->traceback;
  return is_traceback(tb) ? v_traceback(tb) : NULL;
}

void traceback_position(const Traceback *tb, Position *out) {
  const Position *pos = tb->place_of ? &tb->code->comps[tb->place_of - 1].place : code_position(tb->code, tb->pc);
  *out = pos ? *pos : (Position){tb->pc, 0, 0, -1, -1};
  if (tb->given_line) out->line = tb->given_line;
}

int32_t traceback_line(const Traceback *tb) {
  Position pos;
  traceback_position(tb, &pos);
  return pos.line;
}

/* ---------------------------------------------------------------- traceback */

static void traceback_trace(Tracer *t, Obj *o) {
  Traceback *tb = (Traceback *)o;
  gc_mark_obj(t, tb->next);
  gc_mark_obj(t, tb->prev);
  gc_mark_obj(t, tb->func);
  gc_mark_array(t, tb->saved, tb->n_saved);
  gc_mark_obj(t, tb->code);
  gc_mark(t, tb->frame);
}

Value traceback_frame(VM *vm, Traceback *tb) {
  if (v_absent(tb->frame)) {
    Value f = tb->live ? frame_object_new(vm, tb->live) : frame_object_dead(vm, tb);
    if (v_failed(f)) return V_FAIL;
    gc_store(vm, tb, &tb->frame, f);
  }
  ((FrameObject *)v_obj(tb->frame))->asked = true;
  return tb->frame;
}
static Value tb_frame(VM *vm, Value self) { return traceback_frame(vm, v_traceback(self)); }
static Value tb_lineno(VM *vm, Value self) { return (void)vm, v_from_int62(traceback_line(v_traceback(self))); }
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
  gc_store_obj(vm, tb, &tb->func, f->func);
  gc_store_obj(vm, tb, &tb->code, f->func->code);
  gc_store(vm, tb, &tb->frame, a->v[1]);
  tb->pc = (uint32_t)(v_int(a->v[2]) / 2);
  tb->given_line = (int32_t)v_int(a->v[3]);
  return v_from_obj(tb);
}

static Value traceback_repr(VM *vm, Value self) { return rt_format(vm, "<traceback object at %p>", (void *)v_obj(self)); }

const Type traceback_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "traceback", .base = &object_type, .layout = LAY_OTHER, .flags = TYPE_BARRIER,
                             .shape_id = TYPE_ID_traceback, .size = sizeof(Traceback), .new_ = traceback_new, .new_sig = "(tb_next, tb_frame, tb_lasti, tb_lineno)",
                             .trace = traceback_trace, .repr = traceback_repr, .getset = traceback_getset};
