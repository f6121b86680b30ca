/* isinstance and issubclass: real class relations, __class__ claims, __instancecheck__ and __subclasscheck__ (PEP 3119), tuples and unions of classes. */
#include "vm/attr.h"
#include "vm/objects/class.h"
#include "vm/objects/shape.h"

/* A real class relation, or what the object claims to be by a __class__ of its own. */
int attr_real_instance(VM *vm, Value v, const Type *cls) {
  const Type *t = type_of(v);
  if (rt_is_subtype(t, cls)) return 1;
  if (!(t->flags & TYPE_HEAP) && !t->getattr) return 0;
  Str *name = NAME(vm, __class__);
  if (!name) return -1;
  if (!t->getattr && !(t->flags & TYPE_DUNDER_GETATTR) && v_same(rt_type_lookup(vm, t, name), rt_type_lookup(vm, &object_type, name))) return 0;
  Value claimed = rt_getattr_opt(vm, v, name);
  if (v_failed(claimed)) return -1;
  return is_type(claimed) && rt_is_subtype((const Type *)v_obj(claimed), cls);
}

/* ---- things that are no classes but have __bases__ (a tuple): they may stand for classes. [script] */

/* The tuple of bases in *out, V_ABSENT when v has none. */
static bool get_bases(VM *vm, Value v, Value *out) {
  *out = rt_getattr_opt(vm, v, NAME(vm, __bases__));
  if (v_failed(*out)) return false;
  if (!is_tuple(*out)) *out = V_ABSENT;
  return true;
}

/* Is `v` `cls`, or does one of its bases lead there? Single bases are followed in a loop. */
static int abstract_subclass(VM *vm, Value v, Value cls) {
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1);
  int r = -1;
  if (!keep || !rt_enter_c(vm, "")) return -1;
  for (;;) {
    if (v_same(v, cls)) {
      r = 1;
      break;
    }
    Value bases;
    if (!get_bases(vm, v, &bases)) break;
    r = 0;
    if (v_absent(bases) || !v_tuple(bases)->length) break;
    *keep = bases;
    const Tuple *t = v_tuple(bases);
    if (t->length == 1) {
      v = t->items[0];
      r = -1;
      continue;
    }
    for (size_t i = 0; r == 0 && i < t->length; i++) r = abstract_subclass(vm, t->items[i], cls);
    break;
  }
  rt_leave_c(vm);
  rt_temp_release(vm, mark);
  return r;
}

static bool check_class(VM *vm, Value v, const char *message) {
  Value bases;
  if (is_type(v)) return true;
  if (!get_bases(vm, v, &bases)) return false;
  return !v_absent(bases) || rt_raise_b(vm, &exc_TypeError, "%s", message);
}

static int foreign_instance(VM *vm, Value v, Value cls) {
  if (!check_class(vm, cls, "isinstance() arg 2 must be a type, a tuple of types, or a union")) return -1;
  Value own = rt_getattr_opt(vm, v, NAME(vm, __class__));
  if (v_failed(own)) return -1;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1);
  if (!keep) return -1;
  *keep = own;
  int r = v_absent(own) ? 0 : abstract_subclass(vm, own, cls);
  rt_temp_release(vm, mark);
  return r;
}

static int foreign_subclass(VM *vm, Value v, Value cls) {
  if (!check_class(vm, v, "issubclass() arg 1 must be a class")) return -1;
  if (!check_class(vm, cls, "issubclass() arg 2 must be a class, a tuple of classes, or a union")) return -1;
  return abstract_subclass(vm, v, cls);
}

/* The items of a tuple or union of classes; NULL: v is neither. */
static const Tuple *class_choices(Value v) {
  if (is_tuple(v)) return v_tuple(v);
  return v_is_exact(v, &union_type) ? ((GenericAlias *)v_obj(v))->args : NULL;
}

typedef int (*CheckFn)(VM *vm, Value v, Value cls);

static int check_choices(VM *vm, Value v, const Tuple *choices, CheckFn check) {
  if (!rt_enter_c(vm, "")) return -1;
  int r = 0;
  for (size_t i = 0; r == 0 && i < choices->length; i++) {
    Value c = choices->items[i];
    r = check(vm, v, v_is_none(c) ? rt_type_value(&none_type) : c);
  }
  rt_leave_c(vm);
  return r;
}

/* Asks __instancecheck__ or __subclasscheck__ of cls's metaclass. 2: there is none. */
static int ask_hook(VM *vm, Value v, Value cls, Str *name) {
  Value fn, self, argv[2];
  if (!name) return -1;
  if (!attr_special(vm, cls, name, &fn, &self)) return rt_pending(vm) ? -1 : 2;
  int n = 0;
  if (!v_absent(self)) argv[n++] = self;
  argv[n++] = v;
  Value r = rt_call(vm, fn, n, argv);
  return v_failed(r) ? -1 : rt_truth(vm, r);
}

Value attr_check_hook(VM *vm, Value cls, Str *name) {
  Value hook = attr_override(vm, type_of(cls), name);
  return v_is_obj(hook) && v_same(hook, rt_type_lookup(vm, &type_type, name)) ? V_ABSENT : hook;
}

int rt_isinstance(VM *vm, Value v, Value cls) {
  if (is_type(cls)) {
    const Type *t = (const Type *)v_obj(cls);
    if (type_of(v) == t) return 1;
    if (t->head.type == &type_type || v_absent(attr_check_hook(vm, cls, NAME(vm, __instancecheck__)))) return attr_real_instance(vm, v, t);
    return ask_hook(vm, v, cls, NAME(vm, __instancecheck__));
  }
  const Tuple *choices = class_choices(cls);
  if (choices) return check_choices(vm, v, choices, rt_isinstance);
  int r = v_is_obj(cls) ? ask_hook(vm, v, cls, NAME(vm, __instancecheck__)) : 2;
  return r != 2 ? r : foreign_instance(vm, v, cls);
}

int rt_issubclass(VM *vm, Value v, Value cls) {
  if (is_type(cls)) {
    const Type *t = (const Type *)v_obj(cls);
    if (t->head.type == &type_type || v_absent(attr_check_hook(vm, cls, NAME(vm, __subclasscheck__)))) {
      if (!is_type(v)) return foreign_subclass(vm, v, cls);
      return rt_is_subtype((const Type *)v_obj(v), t);
    }
    return ask_hook(vm, v, cls, NAME(vm, __subclasscheck__));
  }
  const Tuple *choices = class_choices(cls);
  if (choices) return check_choices(vm, v, choices, rt_issubclass);
  int r = v_is_obj(cls) ? ask_hook(vm, v, cls, NAME(vm, __subclasscheck__)) : 2;
  return r != 2 ? r : foreign_subclass(vm, v, cls);
}
