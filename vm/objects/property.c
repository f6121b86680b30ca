/* property, classmethod, staticmethod. What access through them does is in attr.c (attr_bind); here are the objects. */
#include "vm/vm.h"
#include "vm/attr.h"
#include "vm/objects/class.h"
#include "vm/objects/function.h"
#include "vm/objects/shape.h"
#include "vm/type_ids.h"

#define TYPE_HEAD .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}

/* For natives: what attr_bind says, its call made in the native's place. */
static Value bound(VM *vm, Value descr, Value obj, Value cls, bool tail) {
  Value out;
  AttrCall call;
  int r = attr_bind(vm, descr, obj, (const Type *)v_obj(cls), &out, &call);
  if (r == 1) return out;
  if (r < 0) return V_FAIL;
  return tail ? rt_tail_call(vm, call.fn, call.argc, call.args) : rt_call(vm, call.fn, call.argc, call.args);
}

/* ---------------------------------------------------------------- property */

static Property *as_property(Value v) { return (Property *)v_obj(v); }

static Value property_new(VM *vm, const Type *cls, Args *a) {
  (void)a;
  Property *p = gc_new(vm, cls, sizeof *p);
  if (!p) return V_FAIL;
  p->get = p->set = p->del = p->doc = V_NONE;
  return v_from_obj(p);
}

/* The getter's docstring becomes the property's. head.small 1: the docstring is the getter's, and another getter brings its own. */
static bool take_from_getter(VM *vm, Property *p, bool doc_given) {
  if (v_is_none(p->get)) return true;
  if (doc_given) return true;
  Value doc = rt_getattr_opt(vm, p->get, NAME(vm, __doc__));
  if (v_failed(doc)) return false;
  if (!v_absent(doc)) {
    gc_store(vm, p, &p->doc, doc);
    p->head.small = 1;
  }
  return true;
}

static Value property_init(VM *vm, Args *a) {
  Property *p = as_property(a->v[0]);
  if (v_is_obj(p->get)) attr_flush_caches(vm); /* initialized again: inline caches may hold the getter */
  gc_store(vm, p, &p->get, a->v[1]);
  gc_store(vm, p, &p->set, a->v[2]);
  gc_store(vm, p, &p->del, a->v[3]);
  gc_store(vm, p, &p->doc, a->v[4]);
  p->name = NULL;
  p->head.small = 0;
  if (!take_from_getter(vm, p, !v_is_none(a->v[4]))) return V_FAIL;
  /* A subclass's instances have a __doc__ of their own. */
  if (type_is_heap(p->head.type) && !v_is_none(p->doc) && (p->head.type->flags & TYPE_HAS_ATTRS)) {
    Str *name = NAME(vm, __doc__);
    if (!name || !instance_set(vm, &p->head, name, p->doc)) return V_FAIL;
  }
  return V_NONE;
}

static void property_trace(Tracer *t, Obj *o) {
  const Property *p = (const Property *)o;
  gc_mark(t, p->get);
  gc_mark(t, p->set);
  gc_mark(t, p->del);
  gc_mark(t, p->doc);
  gc_mark_obj(t, p->name);
}

/* A copy with some of the functions replaced: V_ABSENT keeps. */
static Value property_copy(VM *vm, Value self, Value get, Value set, Value del) {
  Property *p = as_property(self);
  Value fget = v_absent(get) ? p->get : get, fset = v_absent(set) ? p->set : set, fdel = v_absent(del) ? p->del : del;
  if (type_is_heap(p->head.type)) return rt_tail_call(vm, rt_type_value(p->head.type), 4, (Value[]){fget, fset, fdel, p->head.small && !v_is_none(fget) ? V_NONE : p->doc});
  Value v = property_new(vm, p->head.type, NULL);
  if (v_failed(v)) return v;
  Property *n = as_property(v);
  gc_store(vm, n, &n->get, fget);
  gc_store(vm, n, &n->set, fset);
  gc_store(vm, n, &n->del, fdel);
  gc_store(vm, n, &n->doc, p->doc);
  gc_store_obj(vm, n, &n->name, p->name);
  n->head.small = p->head.small;
  if (!v_absent(get)) {
    bool own = !p->head.small && !v_is_none(p->doc);
    if (!own) n->doc = V_NONE;
    if (!take_from_getter(vm, n, own)) return V_FAIL;
  }
  return v;
}
static Value getter_m(VM *vm, Args *a) { return property_copy(vm, a->v[0], a->v[1], V_ABSENT, V_ABSENT); }
static Value setter_m(VM *vm, Args *a) { return property_copy(vm, a->v[0], V_ABSENT, a->v[1], V_ABSENT); }
static Value deleter_m(VM *vm, Args *a) { return property_copy(vm, a->v[0], V_ABSENT, V_ABSENT, a->v[1]); }
static Value set_name_m(VM *vm, Args *a) {
  const Tuple *args = v_tuple(a->v[1]);
  if (args->length != 2) return rt_raise(vm, &exc_TypeError, "__set_name__() takes 2 positional arguments but %zu were given", args->length);
  if (is_str(args->items[1])) gc_store_obj(vm, as_property(a->v[0]), &as_property(a->v[0])->name, v_str(args->items[1]));
  return V_NONE;
}

/* Called as property.__get__(p, obj, cls): methods, not slots, so that the getter is called in their place. */
static Value property_get_m(VM *vm, Args *a) {
  if (v_is_none(a->v[1])) return a->v[0];
  Value out;
  AttrCall call;
  Property *p = as_property(a->v[0]);
  if (!v_is_none(p->get)) return rt_tail_call(vm, p->get, 1, a->v + 1);
  return attr_bind(vm, a->v[0], a->v[1], type_of(a->v[1]), &out, &call) == 1 ? out : V_FAIL;
}
static Value property_change(VM *vm, Value self, Value obj, Value value) {
  Property *p = as_property(self);
  bool del = v_absent(value);
  Value fn = del ? p->del : p->set;
  if (!v_is_none(fn)) return rt_tail_builtin(vm, "_property_change", del ? 2 : 3, (Value[]){fn, obj, value});
  Value q = type_qualname(vm, type_of(obj));
  if (p->name) return rt_raise(vm, &exc_AttributeError, "property %R of %R object has no %s", v_from_obj(p->name), q, del ? "deleter" : "setter");
  return rt_raise(vm, &exc_AttributeError, "property of %R object has no %s", q, del ? "deleter" : "setter");
}
static Value property_set_m(VM *vm, Args *a) { return property_change(vm, a->v[0], a->v[1], a->v[2]); }
static Value property_delete_m(VM *vm, Args *a) { return property_change(vm, a->v[0], a->v[1], V_ABSENT); }

static Value get_fget(VM *vm, Value self) { return (void)vm, as_property(self)->get; }
static Value get_fset(VM *vm, Value self) { return (void)vm, as_property(self)->set; }
static Value get_fdel(VM *vm, Value self) { return (void)vm, as_property(self)->del; }
static Value get_doc(VM *vm, Value self) { return (void)vm, as_property(self)->doc; }
static bool set_doc(VM *vm, Value self, Value v) {
  gc_store(vm, v_obj(self), &as_property(self)->doc, v_absent(v) ? V_NONE : v);
  return true;
}
/* __isabstractmethod__ of what is wrapped. */
static int is_abstract(VM *vm, Value fn) {
  if (v_is_none(fn)) return 0;
  Value v = rt_getattr_opt(vm, fn, NAME(vm, __isabstractmethod__));
  return v_failed(v) ? -1 : v_absent(v) ? 0 : rt_truth(vm, v);
}
static Value get_abstract(VM *vm, Value self) {
  Value all[3] = {as_property(self)->get, as_property(self)->set, as_property(self)->del};
  int r = 0;
  for (int i = 0; i < 3 && r == 0; i++) r = is_abstract(vm, all[i]);
  return r < 0 ? V_FAIL : v_from_bool(r);
}

static const tiny_def property_methods[] = {
    {"getter", getter_m, "(self, object, /)", "Descriptor to obtain a copy of the property with a different getter."},
    {"setter", setter_m, "(self, object, /)", "Descriptor to obtain a copy of the property with a different setter."},
    {"deleter", deleter_m, "(self, object, /)", "Descriptor to obtain a copy of the property with a different deleter."},
    {"__set_name__", set_name_m, "(self, /, *args)", "Method to set name of a property."},
    {"__get__", property_get_m, "(self, instance, owner=None, /)", "Return an attribute of instance, which is of type owner."},
    {"__set__", property_set_m, "(self, instance, value, /)", "Set an attribute of instance to value."},
    {"__delete__", property_delete_m, "(self, instance, /)", "Delete an attribute of instance."}, {0}};
static const GetSet property_getset[] = {{"fget", get_fget, NULL, NULL}, {"fset", get_fset, NULL, NULL}, {"fdel", get_fdel, NULL, NULL},
    {"__doc__", get_doc, set_doc, NULL}, {"__isabstractmethod__", get_abstract, NULL, NULL}, {0}};

const Type property_type = {TYPE_HEAD, .name = "property", .base = &object_type, .layout = LAY_PROPERTY, .flags = TYPE_BASE | TYPE_BARRIER | TYPE_DESCR_GET | TYPE_DESCR_SET,
    .shape_id = TYPE_ID_property, .size = sizeof(Property), .new_ = property_new, .new_sig = "(*args, **kwargs)", .init = property_init,
    .init_sig = "(self, fget=None, fset=None, fdel=None, doc=None)", .doc = "Property attribute.", .trace = property_trace, .methods = property_methods, .getset = property_getset};

/* ---------------------------------------------------------------- classmethod, staticmethod */

static Wrapped *as_wrapped(Value v) { return (Wrapped *)v_obj(v); }

static Value wrapped_new(VM *vm, const Type *cls, Args *a) {
  (void)a;
  Wrapped *w = gc_new(vm, cls, sizeof *w);
  if (!w) return V_FAIL;
  w->func = V_NONE;
  return v_from_obj(w);
}

/* The function's __module__, __name__, __qualname__, __doc__, __dict__ show through (PEP 614's time: functools.wraps on decorators). */
static bool copy_names(VM *vm, Wrapped *w) {
  static const NameId names[] = {NAME___module__, NAME___name__, NAME___qualname__, NAME___doc__, NAME___annotations__};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    Str *s = rt_name(vm, names[i]);
    Value v = s ? rt_getattr_opt(vm, w->func, s) : V_FAIL;
    if (v_failed(v)) return false;
    if (v_absent(v)) continue;
    if (!w->attrs) {
      Dict *d = dict_new(vm);
      if (!d) return false;
      gc_store_obj(vm, w, &w->attrs, d);
    }
    if (!dict_set_str(vm, w->attrs, s, v)) return false;
  }
  return true;
}
static Value wrapped_init(VM *vm, Args *a) {
  Wrapped *w = as_wrapped(a->v[0]);
  gc_store(vm, w, &w->func, a->v[1]);
  return copy_names(vm, w) ? V_NONE : V_FAIL;
}
static Value wrap(VM *vm, const Type *type, Value func) {
  Value v = wrapped_new(vm, type, NULL);
  if (!v_failed(v)) gc_store(vm, v_obj(v), &as_wrapped(v)->func, func);
  return v;
}
Value staticmethod_new(VM *vm, Value func) { return v_failed(func) ? V_FAIL : wrap(vm, &staticmethod_type, func); }
Value classmethod_new(VM *vm, Value func) { return v_failed(func) ? V_FAIL : wrap(vm, &classmethod_type, func); }

static void wrapped_trace(Tracer *t, Obj *o) {
  gc_mark(t, ((Wrapped *)o)->func);
  gc_mark_obj(t, ((Wrapped *)o)->attrs);
}
static Value classmethod_repr(VM *vm, Value self) { return rt_format(vm, "<classmethod(%R)>", as_wrapped(self)->func); }
static Value staticmethod_repr(VM *vm, Value self) { return rt_format(vm, "<staticmethod(%R)>", as_wrapped(self)->func); }

static Value wrapped_get_m(VM *vm, Args *a) {
  Value obj = a->v[1], cls = v_is_none(a->v[2]) ? rt_type_value(type_of(obj)) : a->v[2];
  if (v_is_none(obj) && v_is_none(a->v[2])) return rt_raise(vm, &exc_TypeError, "__get__(None, None) is invalid");
  if (v_has_layout(a->v[0], LAY_STATICMETHOD)) return as_wrapped(a->v[0])->func;
  if (!is_type(cls)) return method_new(vm, as_wrapped(a->v[0])->func, cls);
  return bound(vm, a->v[0], obj, cls, true);
}
static Value staticmethod_call(VM *vm, Value self, Args *a) {
  Value fn = as_wrapped(self)->func;
  int n = a->n + (v_absent(a->kwnames) ? 0 : (int)v_tuple(a->kwnames)->length);
  Value r = rt_tail_call(vm, fn, n, a->v);
  if (v_same(r, V_TAILCALL)) vm->tail.kwnames = a->kwnames;
  return r;
}

static Value get_func(VM *vm, Value self) { return (void)vm, as_wrapped(self)->func; }
static Value get_wrapped_abstract(VM *vm, Value self) {
  int r = is_abstract(vm, as_wrapped(self)->func);
  return r < 0 ? V_FAIL : v_from_bool(r);
}
static Value get_wrapped_dict(VM *vm, Value self) {
  Wrapped *w = as_wrapped(self);
  if (!w->attrs) {
    Dict *d = dict_new(vm);
    if (!d) return V_FAIL;
    gc_store_obj(vm, w, &w->attrs, d);
  }
  return v_from_obj(w->attrs);
}
static const GetSet wrapped_getset[] = {{"__func__", get_func, NULL, NULL}, {"__wrapped__", get_func, NULL, NULL},
    {"__isabstractmethod__", get_wrapped_abstract, NULL, NULL}, {"__dict__", get_wrapped_dict, NULL, NULL}, {0}};
static const tiny_def wrapped_methods[] = {{"__get__", wrapped_get_m, "(self, instance, owner=None, /)", "Return an attribute of instance, which is of type owner."}, {0}};

const Type classmethod_type = {TYPE_HEAD, .name = "classmethod", .base = &object_type, .layout = LAY_CLASSMETHOD, .flags = TYPE_BASE | TYPE_BARRIER | TYPE_DESCR_GET | TYPE_HAS_ATTRS,
    .shape_id = TYPE_ID_classmethod, .size = sizeof(Wrapped), .new_ = wrapped_new, .new_sig = "(*args, **kwargs)", .init = wrapped_init, .init_sig = "(self, function, /)",
    .doc = "classmethod(function) -> method\n\nConvert a function to be a class method.", .trace = wrapped_trace, .repr = classmethod_repr, .methods = wrapped_methods,
    .getset = wrapped_getset};
const Type staticmethod_type = {TYPE_HEAD, .name = "staticmethod", .base = &object_type, .layout = LAY_STATICMETHOD, .flags = TYPE_BASE | TYPE_BARRIER | TYPE_DESCR_GET | TYPE_HAS_ATTRS,
    .shape_id = TYPE_ID_staticmethod, .size = sizeof(Wrapped), .new_ = wrapped_new, .new_sig = "(*args, **kwargs)", .init = wrapped_init, .init_sig = "(self, function, /)",
    .doc = "staticmethod(function) -> method\n\nConvert a function to be a static method.", .trace = wrapped_trace, .repr = staticmethod_repr, .call = staticmethod_call,
    .methods = wrapped_methods, .getset = wrapped_getset};
