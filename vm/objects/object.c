/* The type `object`: what every object can do unless its class knows better. */
#include "vm/vm.h"
#include "vm/attr.h"
#include "vm/objects/class.h"
#include "vm/objects/int.h"
#include "vm/objects/function.h"
#include "vm/objects/shape.h"
#include "vm/type_ids.h"

static const Type *as_type(Value v) { return (const Type *)v_obj(v); }

/* ---------------------------------------------------------------- making instances */

/* Are there arguments in ("*args", "**kwargs") parameters? */
static bool given(const Value *v) { return v_tuple(v[0])->length || v_dict(v[1])->used; }

/* Arguments are an error for whoever of __new__ and __init__ is object's own, unless the other one takes them. */
static Value object_new(VM *vm, const Type *cls, Args *a) {
  if (given(a->v)) {
    ClassCall plan;
    if (!class_call(vm, cls, &plan)) return V_FAIL;
    if (!v_absent(plan.new_)) return rt_raise(vm, &exc_TypeError, "object.__new__() takes exactly one argument (the type to instantiate)");
    if (v_absent(plan.init)) return rt_raise(vm, &exc_TypeError, "%N() takes no arguments", cls);
  }
  if (cls->flags & TYPE_ABSTRACT) return class_abstract_error(vm, cls);
  if (cls->layout == LAY_OBJECT && type_is_heap(cls)) {
    Instance *o = instance_new(vm, cls);
    return o ? v_from_obj(o) : V_FAIL;
  }
  if (cls != &object_type) {
    const Type *b = type_builtin_base(cls);
    return rt_raise(vm, &exc_TypeError, "object.__new__(%N) is not safe, use %N.__new__()", cls, b);
  }
  Obj *o = gc_new(vm, cls, sizeof(Obj));
  return o ? v_from_obj(o) : V_FAIL;
}

static Value object_init(VM *vm, Args *a) {
  if (!given(a->v + 1)) return V_NONE;
  const Type *cls = type_of(a->v[0]);
  ClassCall plan;
  if (!class_call(vm, cls, &plan)) return V_FAIL;
  if (!v_absent(plan.init)) return rt_raise(vm, &exc_TypeError, "object.__init__() takes exactly one argument (the instance to initialize)");
  if (v_absent(plan.new_) && cls->new_ == object_type.new_) return rt_raise(vm, &exc_TypeError, "%N.__init__() takes exactly one argument (the instance to initialize)", cls);
  return V_NONE;
}
const tiny_def object_init_def = {"__init__", object_init, "(self, /, *args, **kwargs)", "Initialize self.  See help(type(self)) for accurate signature."};

/* ---------------------------------------------------------------- slots */

Value object_repr(VM *vm, Value self) {
  const Type *t = type_of(self);
  void *at = v_is_obj(self) ? v_obj(self) : NULL;
  Value q = type_qualname(vm, t);
  if (v_failed(q)) return q;
  Str *key = NAME(vm, __module__);
  if (!key) return V_FAIL;
  Value mod = type_is_heap(t) ? dict_get_str(vm, type_class(t)->ns, key) : V_ABSENT;
  if (v_failed(mod)) return mod;
  if (!is_str(mod) && t->module) return rt_format(vm, "<%s.%U object at %p>", t->module, v_str(q), at);
  if (!is_str(mod) || str_eq_c(v_str(mod), "builtins")) return rt_format(vm, "<%U object at %p>", v_str(q), at);
  return rt_format(vm, "<%U.%U object at %p>", v_str(mod), v_str(q), at);
}

bool object_hash(VM *vm, Value self, int64_t *out) {
  (void)vm;
  uint64_t w = self.w >> 4;
  *out = (int64_t)(w >> 2 | w << 62); /* objects are aligned: the low bits say nothing */
  if (*out == -1) *out = -2;
  return true;
}

Value object_compare(VM *vm, Value a, Value b, Compare op) {
  (void)vm;
  if (op == CO_EQ && v_same(a, b)) return V_TRUE;
  if (op == CO_NE && v_same(a, b)) return V_FALSE;
  return V_NOTIMPL;
}

Value object_default_format(VM *vm, Value self, Str *spec) {
  if (spec->size) return rt_raise(vm, &exc_TypeError, "unsupported format string passed to %T.__format__", self);
  Value fn = attr_override(vm, type_of(self), NAME(vm, __str__));
  return v_absent(fn) ? rt_str(vm, self) : rt_tail_call(vm, fn, 1, &self);
}

/* ---------------------------------------------------------------- __class__ */

static Value get_class(VM *vm, Value self) {
  (void)vm;
  return rt_type_value(type_of(self));
}

/* Slots of the same names in the same places. */
static bool same_members(VM *vm, const Class *a, const Class *b) {
  size_t pos = 0;
  Value key, v;
  while (dict_next(a->ns, &pos, &key, &v)) {
    if (!v_is_exact(v, &member_descr_type) || ((MemberDescr *)v_obj(v))->owner != &a->t || !is_str(key)) continue;
    Value other = dict_get_str(vm, b->ns, v_str(key));
    if (!v_is_exact(other, &member_descr_type) || ((MemberDescr *)v_obj(other))->index != ((MemberDescr *)v_obj(v))->index) return false;
  }
  return true;
}

/* Can instances of one class become instances of the other: same struct, same members? */
static bool compatible(VM *vm, const Type *a, const Type *b) {
  if (a->layout != b->layout || type_builtin_base(a) != type_builtin_base(b)) return false;
  if ((a->flags ^ b->flags) & TYPE_BARRIER) return false; /* a native class and one derived from it: the collector keeps their instances apart */
  if (((a->flags ^ b->flags) & (TYPE_HAS_ATTRS | TYPE_ATTRS_BEHIND)) != 0) return false;
  if (type_class(a)->n_members != type_class(b)->n_members) return false;
  if (!type_class(a)->n_members) return true;
  const Type *x = a, *y = b; /* the members must come from the same class, or the classes have the same slots by name and order */
  while (x->base && type_is_heap(x->base) && type_class(x->base)->n_members == type_class(x)->n_members) x = x->base;
  while (y->base && type_is_heap(y->base) && type_class(y->base)->n_members == type_class(y)->n_members) y = y->base;
  return x == y || (x->base == y->base && same_members(vm, type_class(x), type_class(y)));
}

static bool set_class(VM *vm, Value self, Value v) {
  if (v_absent(v)) return rt_raise_b(vm, &exc_TypeError, "can't delete __class__ attribute");
  if (!is_type(v)) return rt_raise_b(vm, &exc_TypeError, "__class__ must be set to a class, not '%T' object", v);
  const Type *from = type_of(self), *to = as_type(v);
  bool modules = from->layout == LAY_MODULE && to->layout == LAY_MODULE;
  if (!modules && !(type_is_heap(from) && type_is_heap(to)))
    return rt_raise_b(vm, &exc_TypeError, "__class__ assignment only supported for mutable types or ModuleType subclasses");
  if (modules || from->layout == LAY_TYPE) {
    if (from->layout != to->layout) return rt_raise_b(vm, &exc_TypeError, "__class__ assignment: '%N' object layout differs from '%N'", to, from);
    gc_store_obj(vm, v_obj(self), &v_obj(self)->type, to);
    if (modules) v_obj(self)->shape = to->shape_id;
    attr_flush_caches(vm);
    return true;
  }
  if (!compatible(vm, from, to)) return rt_raise_b(vm, &exc_TypeError, "__class__ assignment: '%N' object layout differs from '%N'", to, from);
  return instance_change_class(vm, v_obj(self), to);
}

static const GetSet object_getset[] = {{"__class__", get_class, set_class, "the object's class"}, {0}};

/* ---------------------------------------------------------------- dir */

Value object_names_list(VM *vm, Dict *d) {
  List *l = list_new(vm, NULL, 0);
  size_t pos = 0;
  Value key, v;
  while (l && dict_next(d, &pos, &key, &v))
    if (!list_append(vm, l, key)) return V_FAIL;
  return l ? v_from_obj(l) : V_FAIL;
}

static bool merge_class(VM *vm, Dict *all, const Type *t) {
  Tuple *mro = type_mro(vm, t);
  if (!mro) return false;
  for (size_t i = mro->length; i-- > 0;) {
    Dict *ns = type_namespace(vm, as_type(mro->items[i]));
    if (!ns || !dict_merge_str(vm, all, ns)) return false;
  }
  return true;
}

static bool merge_own(VM *vm, Dict *all, Value self) {
  const Type *t = type_of(self);
  if (!v_is_obj(self)) return true;
  if (v_obj(self)->shape >= SHAPE_FIRST_DYNAMIC && t->layout != LAY_TYPE) {
    size_t pos = 0;
    Str *name;
    Value v;
    while (instance_next(vm, v_obj(self), &pos, &name, &v))
      if (!dict_set_str(vm, all, name, v)) return false;
    if (t->layout != LAY_MODULE) return true;
  }
  if (!(t->flags & (TYPE_HAS_ATTRS | TYPE_DUNDER_GETATTR)) || (type_is_heap(t) && t->layout == LAY_OBJECT && !(t->flags & TYPE_DUNDER_GETATTR))) return true;
  Value d = rt_getattr_opt(vm, self, NAME(vm, __dict__));
  if (v_failed(d)) return false;
  return !is_dict(d) || dict_merge_str(vm, all, v_dict(d));
}

static Value dir_m(VM *vm, Args *a) {
  Dict *all = dict_new(vm);
  Value *keep = rt_temp(vm, 1);
  if (!all || !keep) return V_FAIL;
  *keep = v_from_obj(all);
  if (!merge_own(vm, all, a->v[0]) || !merge_class(vm, all, type_of(a->v[0]))) return V_FAIL;
  return object_names_list(vm, all);
}

/* ---------------------------------------------------------------- state, for copying */

/* Values of all __slots__ members that are set, by name; adds to d. */
static bool merge_members(VM *vm, Dict *d, Value self) {
  Tuple *mro = type_mro(vm, type_of(self));
  if (!mro) return false;
  for (size_t i = mro->length; i-- > 0;) {
    if (!type_is_heap(as_type(mro->items[i]))) continue;
    size_t pos = 0;
    Value key, v;
    while (dict_next(type_class(as_type(mro->items[i]))->ns, &pos, &key, &v)) {
      if (!v_is_exact(v, &member_descr_type) || ((MemberDescr *)v_obj(v))->def || !is_str(key)) continue;
      Value held = instance_member(v_obj(self), ((MemberDescr *)v_obj(v))->index);
      if (!v_absent(held) && !dict_set_str(vm, d, v_str(key), held)) return false;
    }
  }
  return true;
}

static Value getstate_m(VM *vm, Args *a) {
  Value self = a->v[0], state = V_NONE;
  const Type *t = type_of(self);
  if (v_is_obj(self) && v_obj(self)->shape >= SHAPE_FIRST_DYNAMIC && (t->flags & TYPE_HAS_ATTRS) && t->layout != LAY_TYPE) {
    Dict *d = dict_new(vm);
    size_t pos = 0;
    Str *name;
    Value v;
    while (d && instance_next(vm, v_obj(self), &pos, &name, &v))
      if (!dict_set_str(vm, d, name, v)) return V_FAIL;
    if (!d) return V_FAIL;
    if (d->used) state = v_from_obj(d);
  } else if (t->flags & TYPE_HAS_ATTRS) {
    state = rt_getattr_opt(vm, self, NAME(vm, __dict__));
    if (v_failed(state)) return V_FAIL;
    if (v_absent(state)) state = V_NONE;
  }
  if (!type_is_heap(t) || !type_class(t)->n_members) return state;
  Dict *members = dict_new(vm);
  if (!members || !merge_members(vm, members, self)) return V_FAIL;
  if (!members->used) return state;
  Tuple *both = tuple_pair(vm, state, v_from_obj(members));
  return both ? v_from_obj(both) : V_FAIL;
}

/* ---------------------------------------------------------------- methods */

static Value reduce_ex_m(VM *vm, Args *a) {
  if (!is_int(a->v[1])) return rt_raise(vm, &exc_TypeError, "'%T' object cannot be interpreted as an integer", a->v[1]);
  return rt_tail_builtin(vm, "_object_reduce_ex", 2, a->v);
}
static Value reduce_m(VM *vm, Args *a) { return rt_tail_builtin(vm, "_object_reduce", 2, (Value[]){a->v[0], v_from_int62(0)}); }
static Value sizeof_m(VM *vm, Args *a) { return int_from_i64(vm, (int64_t)tiny_size_of(vm, a->v[0])); }
static Value init_subclass_m(VM *vm, Args *a) {
  (void)vm;
  (void)a;
  return V_NONE;
}
static Value init_subclass_any_m(VM *vm, Args *a) {
  if (v_dict(a->v[2])->used) {
    Value q = type_qualname(vm, as_type(a->v[0]));
    return v_failed(q) ? q : rt_raise(vm, &exc_TypeError, "%U.__init_subclass__() takes no keyword arguments", v_str(q));
  }
  if (v_tuple(a->v[1])->length) {
    Value q = type_qualname(vm, as_type(a->v[0]));
    return v_failed(q) ? q : rt_raise(vm, &exc_TypeError, "%U.__init_subclass__() takes no arguments (%zd given)", v_str(q), (ptrdiff_t)v_tuple(a->v[1])->length);
  }
  return init_subclass_m(vm, a);
}
static Value subclasshook_m(VM *vm, Args *a) {
  (void)vm;
  (void)a;
  return V_NOTIMPL;
}

static Value type_text(VM *vm, Args *a) { return rt_format(vm, "%T", a->v[0]); }
const tiny_def object_natives[] = {{"_type_text", type_text, "(x, /)", NULL}, {0}};

static const tiny_def object_methods[] = {
    {"__dir__", dir_m, "(self, /)", "Default dir() implementation."},
    {"__getstate__", getstate_m, "(self, /)", "Helper for pickle."},
    {"__reduce__", reduce_m, "(self, /)", "Helper for pickle."},
    {"__reduce_ex__", reduce_ex_m, "(self, protocol, /)", "Helper for pickle."},
    {"__sizeof__", sizeof_m, "(self, /)", "Size of object in memory, in bytes."},
    {"+__init_subclass__", init_subclass_any_m, "(cls, /, *args, **kwargs)", "This method is called when a class is subclassed."},
    {"+__subclasshook__", subclasshook_m, "(cls, /, *args)", "Abstract classes can override this to customize issubclass()."}, {0}};

const Type object_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "object", .base = NULL, .layout = LAY_OBJECT,
    .flags = TYPE_BASE | TYPE_BARRIER, .shape_id = TYPE_ID_object, .size = sizeof(Obj), .new_ = object_new, .new_sig = "(*args, **kwargs)",
    .doc = "The base class of the class hierarchy.\n\nWhen called, it accepts no arguments and returns a new featureless\ninstance that has no instance attributes and cannot be given any.\n",
    .repr = object_repr, .hash = object_hash, .compare = object_compare, .methods = object_methods, .getset = object_getset};
