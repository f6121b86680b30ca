/* super: a view of an object that begins behind a class in the MRO. Attribute access through it is in attr.c; here are the object and the lookup. */
#include "vm/vm.h"
#include "vm/attr.h"
#include "vm/objects/class.h"
#include "vm/objects/shape.h"
#include "vm/type_ids.h"

static Super *as_super(Value v) { return (Super *)v_obj(v); }

/* The class whose MRO is walked: obj itself if it is a subclass of cls, else its class. NULL: TypeError. [script] for an odd __class__. */
static const Type *check_obj(VM *vm, const Type *cls, Value obj) {
  if (is_type(obj) && rt_is_subtype((const Type *)v_obj(obj), cls)) return (const Type *)v_obj(obj);
  const Type *t = type_of(obj);
  if (rt_is_subtype(t, cls)) return t;
  Value claimed = type_is_heap(t) || t->getattr ? rt_getattr_opt(vm, obj, NAME(vm, __class__)) : V_ABSENT;
  if (v_failed(claimed)) return NULL;
  if (is_type(claimed) && rt_is_subtype((const Type *)v_obj(claimed), cls)) return (const Type *)v_obj(claimed);
  rt_raise(vm, &exc_TypeError, "super(type, obj): obj must be an instance or subtype of type");
  return NULL;
}

static Value make(VM *vm, const Type *type, Value cls, Value obj) {
  if (!is_type(cls)) return rt_raise(vm, &exc_TypeError, "super() argument 1 must be a type, not %T", cls);
  const Type *start = v_absent(obj) ? NULL : check_obj(vm, (const Type *)v_obj(cls), obj);
  if (!start && !v_absent(obj)) return V_FAIL;
  Super *s = gc_new(vm, type, sizeof *s);
  if (!s) return V_FAIL;
  gc_store(vm, s, &s->cls, cls);
  gc_store(vm, s, &s->obj, obj);
  gc_store_obj(vm, s, &s->obj_type, start);
  return v_from_obj(s);
}

Value super_new(VM *vm, Value cls, Value obj) { return make(vm, &super_type, cls, v_is_none(obj) ? V_ABSENT : obj); }

/* Comprehensions are functions in Python 3.11, whose first argument is the iterator: an object of no use here. */
static bool in_comprehension(const Frame *f) {
  const Code *co = f->func->code;
  uint32_t pc = (uint32_t)(f->pc - co->instr);
  for (uint32_t i = 0; i < co->n_comps; i++)
    if (pc > co->comps[i].start && pc <= co->comps[i].end) return true;
  return false;
}

/* super() inside a method: the class is in the cell __class__, self is the first argument (PEP 3135). */
static bool from_frame(VM *vm, const Frame *f, Value *cls, Value *self) {
  if (!f || !f->func) return rt_raise_b(vm, &exc_RuntimeError, "super(): no current frame");
  const Code *co = f->func->code;
  if (!co->n_params) return rt_raise_b(vm, &exc_RuntimeError, "super(): no arguments");
  size_t n_cells = co->cell_names ? co->cell_names->length : 0, n_free = co->free_names ? co->free_names->length : 0;
  *self = frame_regs(f)[0];
  for (size_t i = 0; i < n_cells; i++)
    if (co->cell_regs[i] == 0 && v_is_exact(*self, &cell_type)) *self = ((Cell *)v_obj(*self))->v;
  if (co->n_comps && in_comprehension(f)) *self = V_NONE;
  if (v_absent(*self)) return rt_raise_b(vm, &exc_RuntimeError, "super(): arg[0] deleted");
  Str *name = NAME(vm, __class__);
  if (!name) return false;
  size_t i = 0;
  while (i < n_free && !v_same(co->free_names->items[i], v_from_obj(name))) i++;
  if (i == n_free) return rt_raise_b(vm, &exc_RuntimeError, "super(): __class__ cell not found");
  *cls = ((Cell *)v_obj(f->func->closure->items[i]))->v;
  if (v_absent(*cls)) return rt_raise_b(vm, &exc_RuntimeError, "super(): empty __class__ cell");
  return is_type(*cls) || rt_raise_b(vm, &exc_RuntimeError, "super(): __class__ is not a type (%T)", *cls);
}

static Value super_new_slot(VM *vm, const Type *cls, Args *a) {
  const Tuple *args = v_tuple(a->v[0]);
  Value of, obj;
  if (args->length > 2) return rt_raise(vm, &exc_TypeError, "super() expected at most 2 arguments, got %zu", args->length);
  if (args->length == 0) return from_frame(vm, vm->frame, &of, &obj) ? make(vm, cls, of, obj) : V_FAIL;
  return make(vm, cls, args->items[0], args->length == 1 || v_is_none(args->items[1]) ? V_ABSENT : args->items[1]);
}

/* The class attribute behind cls in the MRO of start; V_ABSENT: none. */
static Value find(VM *vm, const Type *start, Value cls, Str *name) {
  const Tuple *mro = type_mro(vm, start);
  if (!mro) return V_FAIL;
  size_t i = 0;
  while (i < mro->length && !v_same(mro->items[i], cls)) i++;
  if (++i >= mro->length) return V_ABSENT;
  /* When the rest is the whole MRO of the next class, that class's cached lookup will do. */
  const Type *next = (const Type *)v_obj(mro->items[i]);
  const Tuple *rest = type_mro(vm, next);
  if (!rest) return V_FAIL;
  if (rest->length == mro->length - i && memcmp(rest->items, mro->items + i, rest->length * sizeof(Value)) == 0) {
    Value v = rt_type_lookup(vm, next, name);
    return v_absent(v) && rt_pending(vm) ? V_FAIL : v;
  }
  for (; i < mro->length; i++) {
    Dict *ns = type_namespace(vm, (const Type *)v_obj(mro->items[i]));
    Value v = ns ? dict_get_str(vm, ns, name) : V_FAIL;
    if (!v_absent(v)) return v;
  }
  return V_ABSENT;
}

Value super_lookup(VM *vm, const Super *s, Str *name) {
  return !s->obj_type || str_eq_c(name, "__class__") ? V_ABSENT : find(vm, s->obj_type, s->cls, name);
}

/* The usual super().name(...): a function or a builtin type's method, and an instance. False: the long way by a super object will do it, or say what is wrong. */
bool super_method(VM *vm, const Frame *f, Str *name, Value *fn, Value *self) {
  Value cls;
  if (!from_frame(vm, f, &cls, self) || is_type(*self)) return vm->exc = V_ABSENT, false;
  const Type *t = type_of(*self);
  if (!rt_is_subtype(t, (const Type *)v_obj(cls))) return false;
  *fn = find(vm, t, cls, name);
  if (v_failed(*fn)) return vm->exc = V_ABSENT, false;
  return v_is_exact(*fn, &function_type) || v_is_exact(*fn, &slot_wrapper_type) || v_is_exact(*fn, &native_method_type);
}

static void super_trace(Tracer *t, Obj *o) {
  const Super *s = (const Super *)o;
  gc_mark(t, s->cls);
  gc_mark(t, s->obj);
  gc_mark_obj(t, s->obj_type);
}
static Value super_repr(VM *vm, Value self) {
  const Super *s = as_super(self);
  const Type *cls = (const Type *)v_obj(s->cls);
  if (!s->obj_type) return rt_format(vm, "<super: <class '%N'>, NULL>", cls);
  return rt_format(vm, "<super: <class '%N'>, <%N object>>", cls, s->obj_type);
}
static Value super_descr_get(VM *vm, Value descr, Value obj, Value cls) {
  (void)cls;
  const Super *s = as_super(descr);
  if (v_absent(obj) || v_is_none(obj) || s->obj_type) return descr;
  return make(vm, s->head.type, s->cls, obj);
}

static Value get_thisclass(VM *vm, Value self) { return (void)vm, as_super(self)->cls; }
static Value get_self(VM *vm, Value self) { return (void)vm, v_absent(as_super(self)->obj) ? V_NONE : as_super(self)->obj; }
static Value get_self_class(VM *vm, Value self) { return (void)vm, as_super(self)->obj_type ? rt_type_value(as_super(self)->obj_type) : V_NONE; }
static const GetSet super_getset[] = {{"__thisclass__", get_thisclass, NULL, "the class invoking super()"},
    {"__self__", get_self, NULL, "the instance invoking super(); may be None"}, {"__self_class__", get_self_class, NULL, "the type of the instance invoking super(); may be None"}, {0}};

const Type super_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "super", .base = &object_type, .layout = LAY_SUPER,
    .flags = TYPE_BASE | TYPE_DESCR_GET, .shape_id = TYPE_ID_super, .size = sizeof(Super), .new_ = super_new_slot, .new_sig = "(*args)", .trace = super_trace,
    .repr = super_repr, .descr_get = super_descr_get, .getset = super_getset};
