/* The type `type`: its constructor, its call, and what class objects show of themselves. Lookup rules are in attr.c, the making of classes in class.c. */
#include "vm/vm.h"
#include "vm/attr.h"
#include "vm/objects/class.h"
#include "vm/objects/int.h"
#include "vm/objects/shape.h"
#include "vm/type_ids.h"

static const Type *as_type(Value v) { return (const Type *)v_obj(v); }

/* ---------------------------------------------------------------- type(name, bases, namespace, **kwargs) */

/* The most derived metaclass of the bases and of meta; NULL: conflict, or a base that is no class. */
static const Type *best_metaclass(VM *vm, const Type *meta, const Tuple *bases) {
  for (size_t i = 0; i < bases->length; i++) {
    Value b = bases->items[i];
    const Type *m = type_of(b);
    if (!is_type(b)) {
      Value entries = rt_special(vm, b, NAME(vm, __mro_entries__));
      if (v_failed(entries)) return NULL;
      if (!v_absent(entries)) return rt_raise(vm, &exc_TypeError, "type() doesn't support MRO entry resolution; use types.new_class()"), NULL;
    }
    if (rt_is_subtype(meta, m)) continue;
    if (rt_is_subtype(m, meta)) {
      meta = m;
      continue;
    }
    return rt_raise(vm, &exc_TypeError, "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the metaclasses of all its bases"), NULL;
  }
  return meta;
}

/* Members of the namespace that want to know their name: list of (name, value); NULL in *out: there are none. */
static bool collect_set_name(VM *vm, Class *c, List **out) {
  *out = NULL;
  Str *hook = NAME(vm, __set_name__);
  if (!hook) return false;
  size_t pos = 0;
  Value key, v;
  while (dict_next(c->ns, &pos, &key, &v)) {
    if (v_is_exact(v, &property_type) && is_str(key)) gc_store_obj(vm, v_obj(v), &((Property *)v_obj(v))->name, v_str(key)); /* property.__set_name__ */
    if (!v_is_obj(v) || !type_is_heap(v_obj(v)->type) || v_absent(rt_type_lookup(vm, v_obj(v)->type, hook))) continue;
    Tuple *pair = tuple_pair(vm, key, v);
    if (!pair || (!*out && !(*out = list_new(vm, NULL, 0))) || !list_append(vm, *out, v_from_obj(pair))) return false;
  }
  return true;
}

/* Does super().__init_subclass__ lead to anything but object's? */
static bool has_init_subclass(VM *vm, const Class *c) {
  Str *name = NAME(vm, __init_subclass__);
  for (size_t i = 1; name && i < c->mro->length; i++) {
    const Type *t = as_type(c->mro->items[i]);
    if (t == &object_type) continue;
    Dict *ns = type_namespace(vm, t);
    if (ns && !v_absent(dict_get_str(vm, ns, name))) return true;
  }
  return false;
}

/* __set_name__ and __init_subclass__ (PEP 487) are called by library code, unless nobody defines them. kwargs: dict or None. */
Value class_hooks(VM *vm, Value cls, Value kwargs) {
  List *named;
  const Tuple *mro = type_class(as_type(cls))->mro;
  size_t at = 0;
  while (at < mro->length && !v_same(mro->items[at], cls)) at++;
  if (at == mro->length) return rt_raise(vm, &exc_TypeError, "super(type, obj): obj must be an instance or subtype of type"); /* left out by its own mro() */
  if (!collect_set_name(vm, type_class(as_type(cls)), &named)) return V_FAIL;
  bool sub = (is_dict(kwargs) && v_dict(kwargs)->used > 0) || has_init_subclass(vm, type_class(as_type(cls)));
  if (rt_pending(vm)) return V_FAIL;
  if (!named && !sub) return cls;
  return rt_tail_builtin(vm, "_class_hooks", 3, (Value[]){cls, named ? v_from_obj(named) : V_NONE, sub ? kwargs : V_ELLIPSIS});
}

static Value type_new(VM *vm, const Type *meta, Args *a) {
  const Tuple *args = v_tuple(a->v[0]);
  if (args->length == 1 && meta == &type_type && !v_dict(a->v[1])->used) return rt_type_value(type_of(args->items[0]));
  if (args->length != 3) {
    if (meta == &type_type) return rt_raise(vm, &exc_TypeError, "type() takes 1 or 3 arguments");
    return rt_raise(vm, &exc_TypeError, "type.__new__() takes exactly 3 arguments (%zd given)", (ptrdiff_t)args->length);
  }
  Value name = args->items[0], bases = args->items[1], ns = args->items[2];
  if (!is_str(name)) return rt_raise(vm, &exc_TypeError, "type.__new__() argument 1 must be str, not %T", name);
  if (!is_tuple(bases)) return rt_raise(vm, &exc_TypeError, "type.__new__() argument 2 must be tuple, not %T", bases);
  if (!is_dict(ns)) return rt_raise(vm, &exc_TypeError, "type.__new__() argument 3 must be dict, not %T", ns);
  const Type *best = best_metaclass(vm, meta, v_tuple(bases));
  if (!best) return V_FAIL;
  if (best != meta) {
    ClassCall plan;
    if (!class_call(vm, best, &plan)) return V_FAIL;
    if (!v_absent(plan.new_)) return rt_tail_call(vm, plan.new_, 4, (Value[]){rt_type_value(best), name, bases, ns});
    meta = best;
  }
  Value cls = class_new(vm, meta, v_str(name), v_tuple(bases), v_dict(ns));
  if (!v_failed(cls) && meta != &type_type && !class_first_mro(vm, type_class(as_type(cls)))) return V_FAIL;
  return v_failed(cls) ? cls : class_hooks(vm, cls, a->v[1]);
}

static Value type_init(VM *vm, Args *a) {
  size_t n = v_tuple(a->v[1])->length;
  if (n == 1 && v_dict(a->v[2])->used) return rt_raise(vm, &exc_TypeError, "type.__init__() takes no keyword arguments");
  if (n != 1 && n != 3) return rt_raise(vm, &exc_TypeError, "type.__init__() takes 1 or 3 arguments");
  return V_NONE;
}

/* ---------------------------------------------------------------- type.__call__ (reached by super().__call__ of a metaclass) */

static Value then_init(VM *vm, Value instance, tiny_outcome how, Value result) {
  if (how == TINY_RAISED) return rt_raise_obj(vm, result);
  if (!v_is_none(result)) return rt_raise(vm, &exc_TypeError, "__init__() should return None, not '%T'", result);
  return instance;
}

static Value call_init(VM *vm, Value cls, Value obj, const Value *argv, int n_pos, Value kwnames) {
  if (!rt_is_subtype(type_of(obj), as_type(cls))) return obj;
  Value fn, self;
  if (!attr_special(vm, obj, NAME(vm, __init__), &fn, &self)) return rt_pending(vm) ? V_FAIL : obj;
  if (v_same(fn, rt_type_lookup(vm, &object_type, NAME(vm, __init__)))) return obj; /* object_new has checked the arguments */
  size_t n = (size_t)n_pos + (v_absent(kwnames) ? 0 : v_tuple(kwnames)->length), shift = v_absent(self) ? 0 : 1;
  Value *copy = rt_temp(vm, (int)n + 1);
  if (!copy) return V_FAIL;
  copy[0] = self;
  memcpy(copy + shift, argv, n * sizeof(Value));
  Value r = tiny_then_call(vm, then_init, obj, fn, (int)(n + shift), copy);
  if (v_same(r, V_TAILCALL)) vm->tail.kwnames = kwnames;
  return r;
}

/* state: (class, arguments, keyword names or None) */
static Value then_new(VM *vm, Value state, tiny_outcome how, Value obj) {
  if (how == TINY_RAISED) return rt_raise_obj(vm, obj);
  const Tuple *st = v_tuple(state), *args = v_tuple(st->items[1]);
  Value kwnames = v_is_none(st->items[2]) ? V_ABSENT : st->items[2];
  int n_kw = v_absent(kwnames) ? 0 : (int)v_tuple(kwnames)->length;
  return call_init(vm, st->items[0], obj, args->items, (int)args->length - n_kw, kwnames);
}

static Value type_call(VM *vm, Value self, Args *a) {
  const Type *cls = as_type(self);
  size_t n = (size_t)a->n + (v_absent(a->kwnames) ? 0 : v_tuple(a->kwnames)->length);
  if (cls == &type_type && n == 1 && v_absent(a->kwnames)) return rt_type_value(type_of(a->v[0]));
  ClassCall plan;
  if (!class_call(vm, cls, &plan)) return V_FAIL;
  Value obj = V_TAILCALL;
  if (v_absent(plan.new_)) {
    obj = class_make(vm, cls, a->v, a->n, a->kwnames);
    if (v_failed(obj)) return obj;
    if (!v_same(obj, V_TAILCALL)) return call_init(vm, self, obj, a->v, a->n, a->kwnames);
    plan.new_ = rt_type_lookup(vm, cls, NAME(vm, __new__)); /* begun again from its __new__, whose end we can wait for */
  }
  Tuple *args = tuple_new(vm, a->v, n);
  Value parts[3] = {self, args ? v_from_obj(args) : V_NONE, v_absent(a->kwnames) ? V_NONE : a->kwnames};
  Tuple *state = args ? tuple_new(vm, parts, 3) : NULL;
  Value *argv = rt_temp(vm, (int)n + 1);
  if (!state || !argv) return V_FAIL;
  argv[0] = self;
  memcpy(argv + 1, a->v, n * sizeof(Value));
  Value r = tiny_then_call(vm, then_new, v_from_obj(state), plan.new_, (int)n + 1, argv);
  if (v_same(r, V_TAILCALL)) vm->tail.kwnames = a->kwnames;
  return r;
}

/* ---------------------------------------------------------------- attributes of class objects */

/* Types of modules are called "array.array" in messages. */
static Value plain_name(VM *vm, const Type *t) {
  const char *dot = strrchr(t->name, '.');
  return v_from_str(str_from(vm, dot ? dot + 1 : t->name));
}
Value type_qualname(VM *vm, const Type *t) { return type_is_heap(t) ? v_from_obj(type_class(t)->qualname) : plain_name(vm, t); }

static Value type_module(VM *vm, const Type *t) {
  if (!type_is_heap(t)) return v_from_str(str_from(vm, t->module ? t->module : "builtins"));
  Str *key = NAME(vm, __module__);
  return key ? dict_get_str(vm, type_class(t)->ns, key) : V_FAIL;
}

static Value type_repr(VM *vm, Value self) {
  const Type *t = as_type(self);
  Value mod = type_module(vm, t), q = type_qualname(vm, t);
  if (v_failed(mod) || v_failed(q)) return V_FAIL;
  if (!is_str(mod) || str_eq_c(v_str(mod), "builtins")) return rt_format(vm, "<class '%s'>", t->name);
  return rt_format(vm, "<class '%U.%U'>", v_str(mod), v_str(q));
}

/* False with TypeError for builtin classes and for deletion. */
static Class *changeable(VM *vm, Value self, const char *name, Value value) {
  const Type *t = as_type(self);
  if (!type_is_heap(t) || (t->flags & TYPE_IMMUTABLE)) return rt_raise(vm, &exc_TypeError, "cannot set '%s' attribute of immutable type '%N'", name, t), NULL;
  if (v_absent(value)) return rt_raise(vm, &exc_TypeError, "cannot delete '%s' attribute of immutable type '%N'", name, t), NULL;
  return type_class(t);
}

static Value get_name(VM *vm, Value self) {
  const Type *t = as_type(self);
  return type_is_heap(t) ? v_from_obj(type_class(t)->name) : plain_name(vm, t);
}
static bool set_name(VM *vm, Value self, Value v) {
  Class *c = changeable(vm, self, "__name__", v);
  if (!c) return false;
  if (!is_str(v)) return rt_raise_b(vm, &exc_TypeError, "can only assign string to %N.__name__, not '%T'", &c->t, v);
  return class_set_name(vm, c, v_str(v));
}
static Value get_qualname(VM *vm, Value self) { return type_qualname(vm, as_type(self)); }
static bool set_qualname(VM *vm, Value self, Value v) {
  Class *c = changeable(vm, self, "__qualname__", v);
  if (!c) return false;
  if (!is_str(v)) return rt_raise_b(vm, &exc_TypeError, "can only assign string to %N.__qualname__, not '%T'", &c->t, v);
  gc_store_obj(vm, c, &c->qualname, v_str(v));
  return true;
}
static Value get_module(VM *vm, Value self) {
  Value v = type_module(vm, as_type(self));
  return v_absent(v) ? rt_raise(vm, &exc_AttributeError, "__module__") : v;
}

/* Stores into the namespace under a name that scripts reach through a getset of type. */
static bool store(VM *vm, Class *c, NameId id, Value v) {
  Str *s = rt_name(vm, id);
  if (!s) return false;
  if (v_absent(v) ? dict_del_str(vm, c->ns, s) < 0 : !dict_set_str(vm, c->ns, s, v)) return false;
  attr_flush_caches(vm);
  return true;
}
static bool set_module(VM *vm, Value self, Value v) {
  Class *c = changeable(vm, self, "__module__", v);
  return c && store(vm, c, NAME___module__, v);
}
static Value get_bases(VM *vm, Value self) {
  Tuple *b = type_bases(vm, as_type(self));
  return b ? v_from_obj(b) : V_FAIL;
}
static Value get_base(VM *vm, Value self) {
  (void)vm;
  const Type *t = as_type(self);
  return t->base ? rt_type_value(t->base) : V_NONE;
}
static Value get_mro(VM *vm, Value self) {
  if (type_is_heap(as_type(self)) && type_class(as_type(self))->mro_unknown) return V_NONE;
  Tuple *m = type_mro(vm, as_type(self));
  return m ? v_from_obj(m) : V_FAIL;
}
static Value get_dict(VM *vm, Value self) {
  Dict *ns = type_namespace(vm, as_type(self));
  return ns ? mappingproxy_new(vm, v_from_obj(ns)) : V_FAIL;
}

/* own namespace entry, V_ABSENT when it is not there */
static Value own(VM *vm, Value self, NameId id) {
  Str *s = rt_name(vm, id);
  Dict *ns = s ? type_namespace(vm, as_type(self)) : NULL;
  return ns ? dict_get_str(vm, ns, s) : V_FAIL;
}
static Value get_doc(VM *vm, Value self) {
  const Type *t = as_type(self);
  if (!type_is_heap(t)) return t->doc ? v_from_str(str_from(vm, t->doc)) : V_NONE;
  Value v = own(vm, self, NAME___doc__), out;
  if (v_absent(v)) return V_NONE;
  if (v_failed(v)) return v;
  AttrCall call;
  int r = attr_bind(vm, v, V_ABSENT, t, &out, &call);
  return r == 1 ? out : r == 0 ? rt_call(vm, call.fn, call.argc, call.args) : V_FAIL;
}
static bool set_doc(VM *vm, Value self, Value v) {
  Class *c = changeable(vm, self, "__doc__", v);
  return c && store(vm, c, NAME___doc__, v);
}
static Value get_abstract(VM *vm, Value self) {
  Value v = as_type(self) == &type_type ? V_ABSENT : own(vm, self, NAME___abstractmethods__);
  return v_absent(v) ? attr_error(vm, self, NAME(vm, __abstractmethods__), v_from_str(str_from(vm, "__abstractmethods__"))) : v;
}
static bool set_abstract(VM *vm, Value self, Value v) {
  const Type *t = as_type(self);
  if (!type_is_heap(t)) return rt_raise_b(vm, &exc_TypeError, "cannot set '__abstractmethods__' attribute of immutable type '%N'", t);
  int truth = v_absent(v) ? 0 : rt_truth(vm, v);
  if (truth < 0) return false;
  if (v_absent(v) && v_absent(own(vm, self, NAME___abstractmethods__))) return rt_raise_b(vm, &exc_AttributeError, "__abstractmethods__");
  Class *c = type_class(t);
  c->t.flags = truth ? c->t.flags | TYPE_ABSTRACT : c->t.flags & ~(uint32_t)TYPE_ABSTRACT;
  return store(vm, c, NAME___abstractmethods__, v);
}
static Value get_annotations(VM *vm, Value self) {
  const Type *t = as_type(self);
  if (!type_is_heap(t)) return attr_error(vm, self, NAME(vm, __annotations__), rt_format(vm, "type object '%N' has no attribute '__annotations__'", t));
  Value v = own(vm, self, NAME___annotations__);
  if (!v_absent(v)) return v;
  Dict *d = dict_new(vm);
  return d && store(vm, type_class(t), NAME___annotations__, v_from_obj(d)) ? v_from_obj(d) : V_FAIL;
}
static bool set_annotations(VM *vm, Value self, Value v) {
  const Type *t = as_type(self);
  if (!type_is_heap(t)) return rt_raise_b(vm, &exc_TypeError, "cannot set '__annotations__' attribute of immutable type '%N'", t);
  if (v_absent(v) && v_absent(own(vm, self, NAME___annotations__))) return rt_raise_b(vm, &exc_AttributeError, "__annotations__");
  return store(vm, type_class(t), NAME___annotations__, v);
}
static Value get_text_signature(VM *vm, Value self) {
  const Type *t = as_type(self);
  return !type_is_heap(t) && t->new_sig ? v_from_str(str_from(vm, t->new_sig)) : V_NONE;
}
static Value get_basicsize(VM *vm, Value self) { return int_from_i64(vm, as_type(self)->size); }
static Value get_itemsize(VM *vm, Value self) { return int_from_i64(vm, as_type(self)->item_size); }
static Value get_dictoffset(VM *vm, Value self) { return int_from_i64(vm, as_type(self)->flags & TYPE_HAS_ATTRS ? 16 : 0); }
static Value get_weakrefoffset(VM *vm, Value self) { return int_from_i64(vm, as_type(self)->flags & TYPE_WEAKREF ? 24 : 0); }
/* The bits of CPython's Py_TPFLAGS that scripts test: heap type, base type, abstract, immutable. */
static Value get_flags(VM *vm, Value self) {
  uint32_t f = as_type(self)->flags;
  return int_from_i64(vm, (f & TYPE_HEAP ? 1 << 9 : 1 << 8) | (f & TYPE_BASE ? 1 << 10 : 0) | (f & TYPE_ABSTRACT ? 1 << 20 : 0) | 1 << 12);
}

static bool set_bases(VM *vm, Value self, Value v) {
  Class *c = changeable(vm, self, "__bases__", v);
  return c && class_set_bases(vm, c, v);
}

static const GetSet type_getset[] = {
    {"__name__", get_name, set_name, NULL}, {"__qualname__", get_qualname, set_qualname, NULL}, {"__module__", get_module, set_module, NULL},
    {"__bases__", get_bases, set_bases, NULL}, {"__base__", get_base, NULL, NULL}, {"__mro__", get_mro, NULL, NULL}, {"__dict__", get_dict, NULL, NULL},
    {"__doc__", get_doc, set_doc, NULL}, {"__abstractmethods__", get_abstract, set_abstract, NULL}, {"__annotations__", get_annotations, set_annotations, NULL},
    {"__text_signature__", get_text_signature, NULL, NULL}, {"__basicsize__", get_basicsize, NULL, NULL}, {"__itemsize__", get_itemsize, NULL, NULL},
    {"__dictoffset__", get_dictoffset, NULL, NULL}, {"__weakrefoffset__", get_weakrefoffset, NULL, NULL}, {"__flags__", get_flags, NULL, NULL}, {0}};

/* ---------------------------------------------------------------- methods */

static Value mro_m(VM *vm, Args *a) {
  const Type *t = as_type(a->v[0]);
  Tuple *mro = type_is_heap(t) ? class_compute_mro(vm, a->v[0], type_class(t)->bases) : type_mro(vm, t);
  List *l = mro ? list_new(vm, mro->items, mro->length) : NULL;
  return l ? v_from_obj(l) : V_FAIL;
}

typedef struct Subclasses { VM *vm; Value of; List *list; bool ok; } Subclasses;
static void add_subclass(void *ctx, Class *c) {
  Subclasses *s = ctx;
  for (size_t i = 0; s->ok && i < c->bases->length; i++)
    if (v_same(c->bases->items[i], s->of)) {
      s->ok = list_append(s->vm, s->list, v_from_obj(c));
      return;
    }
}
/* "datetime.date": nobody knows of such a type before its module is imported. -1: failed */
static int is_known(VM *vm, const Type *t) {
  if (!strchr(t->name, '.')) return 1;
  Str *module = str_from(vm, t->module);
  Value v = module ? dict_get_str(vm, vm->modules, module) : V_FAIL;
  return v_failed(v) ? -1 : !v_absent(v);
}
static Value subclasses_m(VM *vm, Args *a) {
  Subclasses s = {vm, a->v[0], list_new(vm, NULL, 0), true};
  if (!s.list) return V_FAIL;
  if (!type_is_heap(as_type(a->v[0])))
    for (uint32_t i = 1; i < TYPE_ID_COUNT; i++) {
      const Type *t = type_by_id(i);
      int known = t && t->base == as_type(a->v[0]) ? is_known(vm, t) : 0;
      if (known < 0 || (known && !list_append(vm, s.list, rt_type_value(t)))) return V_FAIL;
    }
  class_each(vm, add_subclass, &s);
  return s.ok ? v_from_obj(s.list) : V_FAIL;
}
static Value instancecheck_m(VM *vm, Args *a) {
  int r = attr_real_instance(vm, a->v[1], as_type(a->v[0]));
  return r < 0 ? V_FAIL : v_from_bool(r);
}
static Value subclasscheck_m(VM *vm, Args *a) {
  if (!is_type(a->v[1])) return rt_raise(vm, &exc_TypeError, "issubclass() arg 1 must be a class");
  return v_from_bool(rt_is_subtype(as_type(a->v[1]), as_type(a->v[0])));
}
static Value prepare_m(VM *vm, Args *a) {
  (void)a;
  Dict *d = dict_new(vm);
  return d ? v_from_obj(d) : V_FAIL;
}
static Value sizeof_m(VM *vm, Args *a) {
  (void)a;
  return int_from_i64(vm, (int64_t)sizeof(Class));
}
/* dir(cls): names along the MRO, without those of the metaclass. */
static Value dir_m(VM *vm, Args *a) {
  Tuple *mro = type_mro(vm, as_type(a->v[0]));
  Dict *all = mro ? dict_new(vm) : NULL;
  if (!all) return V_FAIL;
  for (size_t i = mro->length; i-- > 0;) {
    Dict *ns = type_namespace(vm, as_type(mro->items[i]));
    if (!ns || !dict_merge_str(vm, all, ns)) return V_FAIL;
  }
  return object_names_list(vm, all);
}

static const tiny_def type_methods[] = {
    {"mro", mro_m, "(self, /)", "Return a type's method resolution order."},
    {"__subclasses__", subclasses_m, "(self, /)", "Return a list of immediate subclasses."},
    {"__instancecheck__", instancecheck_m, "(self, instance, /)", "Check if an object is an instance."},
    {"__subclasscheck__", subclasscheck_m, "(self, subclass, /)", "Check if a class is a subclass."},
    {"+__prepare__", prepare_m, "(cls, /, *args, **kwargs)", "Create the namespace for the class statement"},
    {"__dir__", dir_m, "(self, /)", "Specialized __dir__ implementation for types."},
    {"__sizeof__", sizeof_m, "(self, /)", "Return memory consumption of the type object."}, {0}};

static Value type_binary(VM *vm, int op, Value a, Value b) { return op == TINY_OR ? union_new(vm, a, b) : V_NOTIMPL; }

const Type type_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "type", .base = &object_type, .layout = LAY_TYPE,
    .flags = TYPE_BASE | TYPE_WEAKREF | TYPE_BARRIER, .shape_id = TYPE_ID_type, .size = sizeof(Class), .new_ = type_new, .new_sig = "(*args, **kwargs)", .init = type_init,
    .init_sig = "(self, /, *args, **kwargs)", .doc = "type(object) -> the object's type\ntype(name, bases, dict, **kwds) -> a new type", .trace = class_trace_slot,
    .destroy = class_destroy_slot, .repr = type_repr, .binary = type_binary, .call = type_call, .methods = type_methods, .getset = type_getset};
