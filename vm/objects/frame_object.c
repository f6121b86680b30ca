/* Frame objects: what scripts see of an activation (sys._getframe, gi_frame, tb_frame). One for a frame, made when it is first needed: frames with an object
 * have FRAME_OBJECT set and stand in a weak table of the VM. While the frame lives the object looks at it; when the frame ends, it keeps the values of the locals.
 * A function that catches one exception needs no object for it: the traceback entry stands in the table in its place, until a script asks for the object or a
 * second exception comes. */
#include "vm/objects/traceback.h"
#include "vm/objects/list.h"
#include "vm/type_ids.h"
#include "vm/vm.h"

static FrameObject *as_frame(Value v) { return (FrameObject *)v_obj(v); }

/* ---------------------------------------------------------------- the table: open addressing by the frame's address */

typedef struct FrameEntry {
  const Frame *live;      /* NULL: a free place */
  Obj *obj;               /* FrameObject or Traceback */
} FrameEntry;

static size_t table_at(const VM *vm, const Frame *f) {
  size_t mask = vm->cap_frame_objects - 1, i = (size_t)(((uintptr_t)f >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 20) & mask;
  while (vm->frame_objects[i].live && vm->frame_objects[i].live != f) i = (i + 1) & mask;
  return i;
}

static bool table_grow(VM *vm) {
  size_t old_cap = vm->cap_frame_objects, cap = old_cap ? old_cap * 2 : 16;
  FrameEntry *old = vm->frame_objects, *fresh = mem_zalloc(&vm->mem, cap * sizeof *fresh);
  if (!fresh) return rt_no_memory(vm), false;
  vm->frame_objects = fresh;
  vm->cap_frame_objects = cap;
  for (size_t i = 0; i < old_cap; i++)
    if (old[i].live) fresh[table_at(vm, old[i].live)] = old[i];
  mem_free(&vm->mem, old, old_cap * sizeof *old);
  return true;
}

static bool table_add(VM *vm, Frame *f, Obj *o) {
  if ((vm->n_frame_objects + 1) * 2 > vm->cap_frame_objects && !table_grow(vm)) return false;
  vm->frame_objects[table_at(vm, f)] = (FrameEntry){f, o};
  vm->n_frame_objects++;
  f->flags |= FRAME_OBJECT;
  return true;
}

/* FrameObject or Traceback; NULL: none. */
static Obj *known(const VM *vm, const Frame *f) {
  return (f->flags & FRAME_OBJECT) && vm->cap_frame_objects ? vm->frame_objects[table_at(vm, f)].obj : NULL;
}

static void table_remove(VM *vm, size_t i) {
  size_t mask = vm->cap_frame_objects - 1;
  vm->frame_objects[i] = (FrameEntry){NULL, NULL};
  vm->n_frame_objects--;
  for (size_t k = (i + 1) & mask; vm->frame_objects[k].live; k = (k + 1) & mask) { /* what stood behind it because of it moves up */
    FrameEntry e = vm->frame_objects[k];
    vm->frame_objects[k] = (FrameEntry){NULL, NULL};
    vm->frame_objects[table_at(vm, e.live)] = e;
  }
}

/* Before sweeping. The flags of their frames stay: a generator may die along with its object, and then its memory is no longer to be touched. From the back, as
   removing moves entries down only, but for those that stand at the start of the table because of its end: hence a second pass when something went. */
void frame_objects_prune(VM *vm) {
  for (bool again = true; again;) {
    again = false;
    for (size_t i = vm->cap_frame_objects; i-- > 0;)
      if (vm->frame_objects[i].live && !gc_is_marked(vm, vm->frame_objects[i].obj)) {
        table_remove(vm, i);
        again = true;
      }
  }
}

void frame_objects_free(VM *vm) {
  mem_free(&vm->mem, vm->frame_objects, vm->cap_frame_objects * sizeof *vm->frame_objects);
  vm->frame_objects = NULL;
  vm->cap_frame_objects = vm->n_frame_objects = 0;
}

/* ---------------------------------------------------------------- making */

static uint32_t current_pc(const Frame *f) { return (uint32_t)(f->pc > f->func->code->instr ? f->pc - f->func->code->instr - 1 : 0); }

static FrameObject *make(VM *vm, Function *func) {
  FrameObject *o = gc_new(vm, &frame_type, sizeof *o);
  if (!o) return NULL;
  gc_store_obj(vm, o, &o->func, func);
  o->locals = V_ABSENT;
  o->back = V_NONE;
  return o;
}

static FrameObject *make_live(VM *vm, Frame *f) {
  FrameObject *o = make(vm, f->func);
  if (!o) return NULL;
  o->live = f;
  if (f->flags & FRAME_GEN) o->gen = frame_gen(f);
  return o;
}

/* The frame's object, if it has one; an entry that stands for it gives way to one. NULL: none, or no memory for it. */
static FrameObject *find(VM *vm, Frame *f) {
  Obj *it = known(vm, f);
  if (!it || it->type == &frame_type) return (FrameObject *)it;
  FrameObject *o = make_live(vm, f);
  if (!o) return NULL;
  Traceback *tb = (Traceback *)it;
  gc_store(vm, tb, &tb->frame, v_from_obj(o));
  tb->live = NULL;
  vm->frame_objects[table_at(vm, f)].obj = &o->head;
  return o;
}

static FrameObject *attach(VM *vm, Frame *f) {
  if (known(vm, f)) return find(vm, f);
  FrameObject *o = make_live(vm, f);
  return o && table_add(vm, f, &o->head) ? o : NULL;
}

void frame_entry_adopt(VM *vm, Frame *f, Traceback *tb) {
  Value pending = vm->exc;
  if (table_add(vm, f, &tb->head)) tb->live = f;
  vm->exc = pending;
}

Value frame_object_new(VM *vm, Frame *f) {
  FrameObject *o = attach(vm, f);
  if (!o) return V_FAIL;
  o->asked = true;
  return v_from_obj(o);
}

Value frame_object_known(VM *vm, Frame *f, bool make_it) {
  Value pending = vm->exc;
  FrameObject *o = make_it ? attach(vm, f) : find(vm, f);
  vm->exc = pending;
  return o ? v_from_obj(o) : V_ABSENT;
}

Value frame_object_dead(VM *vm, Traceback *tb) {
  FrameObject *o = make(vm, tb->func);
  if (!o) return V_FAIL;
  gc_store_obj(vm, o, &o->entry, tb);
  o->pc = tb->end_pc ? tb->end_pc : tb->pc;
  return v_from_obj(o);
}

static Frame *caller(Frame *f) {
  if ((f->flags & FRAME_GEN) && !gen_in_running_chain(frame_gen(f))) return NULL; /* suspended: nobody */
  for (f = frame_back(f); f && (f->func->code->flags & CODE_HIDDEN);) f = frame_back(f);
  return f;
}

/* Where the frame of an entry was last. An exception on its way out of it: where that was raised, not where it was raised again. */
static uint32_t last_pc(VM *vm, const Frame *f, Value frame, const Traceback *entry) {
  const Traceback *way = is_exception(vm->exc) ? exc_traceback(vm->exc) : NULL;
  return way && (way == entry || (!v_absent(frame) && v_same(way->frame, frame))) ? way->pc : current_pc(f);
}

/* The frame is about to go. Without memory its locals are forgotten. */
void frame_object_detach(VM *vm, Frame *f) {
  Obj *it = known(vm, f);
  f->flags &= (uint8_t)~FRAME_OBJECT;
  if (!it) return;
  table_remove(vm, table_at(vm, f));
  if (it->type == &traceback_type) {
    Traceback *tb = (Traceback *)it;
    tb->end_pc = last_pc(vm, f, V_ABSENT, tb);
    tb->live = NULL;
    traceback_save_locals(vm, tb, f);
    return;
  }
  FrameObject *o = (FrameObject *)it;
  Value pending = vm->exc;
  const Code *code = f->func->code;
  const Value *regs = frame_regs(f);
  o->pc = last_pc(vm, f, v_from_obj(o), NULL);
  Frame *back = f->flags & FRAME_GEN ? NULL : caller(f);
  o->live = NULL;
  o->gen = NULL;
  if (code->flags & CODE_NAMESPACE) {
    gc_store(vm, o, &o->locals, regs[0]);
  } else if (!(code->flags & CODE_MODULE)) {
    Tuple *saved = tuple_new(vm, NULL, code->n_locals);
    for (uint32_t i = 0; saved && i < code->n_locals; i++) gc_store(vm, saved, &saved->items[i], regs[local_reg(i)]);
    gc_store_obj(vm, o, &o->saved, saved);
  }
  if (back) {
    FrameObject *b = o->asked ? attach(vm, back) : find(vm, back);
    if (b) {
      b->asked |= o->asked;
      gc_store(vm, o, &o->back, v_from_obj(b));
    }
  }
  vm->exc = pending;
}

/* ---------------------------------------------------------------- attributes */

/* NULL: it has ended (a generator may do so without having run). */
static Frame *live(const FrameObject *o) { return o->live && !(o->gen && gen_state(o->gen) == GEN_CLOSED) ? o->live : NULL; }

uint32_t frame_object_pc(const FrameObject *o) {
  const Frame *f = live(o);
  return f ? current_pc(f) : o->pc;
}

int32_t frame_object_line(const FrameObject *o) {
  const Position *pos = code_position(o->func->code, frame_object_pc(o));
  if (o->live && o->live->pc == o->func->code->instr) return (int32_t)o->func->code->first_line; /* did not begin yet */
  return pos ? pos->line : 0;
}

static void frame_trace(Tracer *t, Obj *obj) {
  FrameObject *o = (FrameObject *)obj;
  gc_mark_obj(t, o->func);
  gc_mark_obj(t, o->gen);
  gc_mark_obj(t, o->saved);
  gc_mark_obj(t, o->entry);
  gc_mark(t, o->locals);
  gc_mark(t, o->back);
}

static Value f_code(VM *vm, Value self) { return (void)vm, v_from_obj(as_frame(self)->func->code); }
static Value f_lineno(VM *vm, Value self) { return (void)vm, v_from_int62(frame_object_line(as_frame(self))); }
static Value f_lasti(VM *vm, Value self) {
  (void)vm;
  return v_from_int62((int64_t)frame_object_pc(as_frame(self)) * 2);
}
static Value f_globals(VM *vm, Value self) { return (void)vm, v_from_obj(as_frame(self)->func->globals); }
static Value f_builtins(VM *vm, Value self) {
  Dict *d = as_frame(self)->func->builtins;
  return module_complete(vm, d) ? v_from_obj(d) : V_FAIL;
}

static Value f_back(VM *vm, Value self) {
  FrameObject *o = as_frame(self);
  if (live(o)) {
    Frame *back = caller(live(o));
    return back ? frame_object_new(vm, back) : V_NONE;
  }
  bool of_generator = o->func->code->flags & (CODE_GENERATOR | CODE_COROUTINE | CODE_ASYNC_GEN); /* it has no caller but while it runs */
  if (v_is_none(o->back) && o->entry && o->entry->prev && !of_generator) {
    Value back = traceback_frame(vm, o->entry->prev);
    if (v_failed(back)) return V_FAIL;
    gc_store(vm, o, &o->back, back);
  }
  return o->back;
}

/* locals[name] = v; an unbound variable is taken out. */
static bool put_local(VM *vm, Dict *d, Value name, Value v) {
  if (v_has_layout(v, LAY_CELL)) v = ((Cell *)v_obj(v))->v;
  return v_absent(v) ? dict_del(vm, d, name, NULL) >= 0 : dict_set(vm, d, name, v);
}

/* The same dict each time, brought up to date. Module-level code has its globals as locals, a class body its namespace. */
static Value f_locals(VM *vm, Value self) {
  FrameObject *o = as_frame(self);
  const Frame *f = live(o);
  const Code *code = o->func->code;
  if (code->flags & CODE_NAMESPACE) return f ? frame_regs(f)[0] : v_absent(o->locals) ? f_globals(vm, self) : o->locals;
  if (code->flags & CODE_MODULE) return f_globals(vm, self);
  if (v_absent(o->locals)) {
    Dict *fresh = dict_new(vm);
    if (!fresh) return V_FAIL;
    gc_store(vm, o, &o->locals, v_from_obj(fresh));
  }
  Dict *d = v_dict(o->locals);
  const Traceback *tb = o->entry;
  for (uint32_t i = 0; i < code->n_locals; i++) {
    Value v = f ? frame_regs(f)[local_reg(i)] : tb ? (i < tb->n_saved ? tb->saved[i] : V_ABSENT) : o->saved && i < o->saved->length ? o->saved->items[i] : V_ABSENT;
    if (!put_local(vm, d, code->local_names->items[i], v)) return V_FAIL;
  }
  const Tuple *closure = o->cleared ? NULL : o->func->closure;
  for (size_t i = 0; closure && i < closure->length && i < code->free_names->length; i++)
    if (!put_local(vm, d, code->free_names->items[i], closure->items[i])) return V_FAIL;
  return o->locals;
}

static Value f_trace(VM *vm, Value self) { return (void)vm, (void)self, V_NONE; }

static Value clear_m(VM *vm, Args *a) {
  FrameObject *o = as_frame(a->v[0]);
  Frame *f = live(o);
  if (f) {
    if (!o->gen || gen_in_running_chain(o->gen)) return rt_raise(vm, &exc_RuntimeError, "cannot clear an executing frame");
    gc_finalize(vm, &o->gen->head);
  }
  o->saved = NULL;
  o->cleared = true;
  o->locals = V_ABSENT;
  if (o->entry) o->entry->n_saved = 0;
  return V_NONE;
}

static const GetSet frame_getset[] = {{"f_code", f_code, NULL, NULL},       {"f_lineno", f_lineno, NULL, NULL}, {"f_lasti", f_lasti, NULL, NULL}, {"f_back", f_back, NULL, NULL},
                                      {"f_globals", f_globals, NULL, NULL}, {"f_locals", f_locals, NULL, NULL}, {"f_builtins", f_builtins, NULL, NULL}, {"f_trace", f_trace, NULL, NULL}, {0}};
static const tiny_def frame_methods[] = {{"clear", clear_m, "(self, /)", "F.clear(): clear most references held by the frame"}, {0}};

static Value frame_repr(VM *vm, Value self) {
  FrameObject *o = as_frame(self);
  return rt_format(vm, "<frame at %p, file %R, line %d, code %U>", (void *)o, v_from_obj(o->func->code->filename), (int)frame_object_line(o), o->func->code->name);
}

const Type frame_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "frame", .base = &object_type, .layout = LAY_OTHER, .flags = TYPE_NO_NEW | TYPE_BARRIER,
                         .shape_id = TYPE_ID_frame, .size = sizeof(FrameObject), .trace = frame_trace, .repr = frame_repr, .methods = frame_methods, .getset = frame_getset};
