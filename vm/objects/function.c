/* Functions, cells and bound methods: their attributes and printing. Calling them is the dispatch loop's work (call.c). */
#include "vm/objects/function.h"
#include "vm/native.h"
#include "vm/objects/class.h"
#include "vm/objects/module.h"
#include "vm/type_ids.h"
#include "vm/vm.h"

/* ---------------------------------------------------------------- function */

static Function *as_function(Value v) { return (Function *)v_obj(v); }

/* __builtins__ of the globals: a module or its dict; without one, the VM's own. */
static Dict *builtins_of(VM *vm, Dict *globals) {
  Str *name = NAME(vm, __builtins__);
  if (!name) return NULL;
  Value b = dict_get_str(vm, globals, name);
  if (v_failed(b)) return NULL;
  if (v_is_exact(b, &module_type)) return ((Module *)v_obj(b))->dict;
  return is_dict(b) ? v_dict(b) : vm->builtins->dict;
}

Function *function_new(VM *vm, Code *code, Dict *globals) {
  Str *name = NAME(vm, __name__);
  Dict *builtins = name ? builtins_of(vm, globals) : NULL;
  if (!builtins) return NULL;
  Value module = dict_get_str(vm, globals, name);
  if (v_failed(module)) return NULL;
  Function *fn = gc_new(vm, &function_type, sizeof *fn);
  if (!fn) return NULL;
  gc_store_obj(vm, fn, &fn->code, code);
  gc_store_obj(vm, fn, &fn->globals, globals);
  gc_store_obj(vm, fn, &fn->builtins, builtins);
  gc_store(vm, fn, &fn->name, v_from_obj(code->name));
  gc_store(vm, fn, &fn->qualname, v_from_obj(code->qualname ? code->qualname : code->name));
  gc_store(vm, fn, &fn->module, v_absent(module) ? V_NONE : module);
  gc_store(vm, fn, &fn->doc, code->doc.w ? code->doc : V_NONE);
  fn->annotations = V_ABSENT;
  return fn;
}

static void function_trace(Tracer *t, Obj *o) {
  Function *fn = (Function *)o;
  gc_mark_obj(t, fn->code);
  gc_mark_obj(t, fn->globals);
  gc_mark_obj(t, fn->builtins);
  gc_mark_obj(t, fn->closure);
  gc_mark_obj(t, fn->defaults);
  gc_mark_obj(t, fn->kw_defaults);
  gc_mark(t, fn->name);
  gc_mark(t, fn->qualname);
  gc_mark(t, fn->module);
  gc_mark(t, fn->doc);
  gc_mark(t, fn->annotations);
  gc_mark_obj(t, fn->attrs);
}

static Value function_repr(VM *vm, Value self) { return rt_format(vm, "<function %S at %p>", as_function(self)->qualname, (void *)v_obj(self)); }

static Value function_get(VM *vm, Value descr, Value obj, Value cls) {
  (void)cls;
  return v_absent(obj) ? descr : method_new(vm, descr, obj);
}

/* Type.call, for whoever asks the slot: rt_call knows functions by their type. */
static Value call_slot(VM *vm, Value self, Args *a) { return rt_call_kw(vm, self, a->n + (v_absent(a->kwnames) ? 0 : (int)v_tuple(a->kwnames)->length), a->v, a->kwnames); }

static Value get_doc(VM *vm, Value self) {
  Function *fn = as_function(self);
  Value doc = v_absent(fn->doc) ? code_doc(vm, fn->code) : fn->doc;
  if (!v_failed(doc)) gc_store(vm, fn, &fn->doc, doc);
  return doc;
}
static Value get_code(VM *vm, Value self) { return (void)vm, v_from_obj(as_function(self)->code); }
static bool set_code(VM *vm, Value self, Value v) {
  Function *fn = as_function(self);
  if (!v_is_exact(v, &code_type)) return rt_raise_b(vm, &exc_TypeError, "__code__ must be set to a code object");
  if (!code_load(vm, (Code *)v_obj(v)) || v_failed(get_doc(vm, self))) return false; /* the docstring stays */
  size_t free_count = ((Code *)v_obj(v))->free_names ? ((Code *)v_obj(v))->free_names->length : 0, have = fn->closure ? fn->closure->length : 0;
  if (free_count != have)
    return rt_raise_b(vm, &exc_ValueError, "%U() requires a code object with %zd free vars, not %zd", v_str(fn->name), have, free_count);
  gc_store_obj(vm, fn, &fn->code, (Code *)v_obj(v));
  attr_flush_caches(vm);
  return true;
}

static Value get_defaults(VM *vm, Value self) {
  Function *fn = as_function(self);
  (void)vm;
  return fn->defaults ? v_from_obj(fn->defaults) : V_NONE;
}
static bool set_defaults(VM *vm, Value self, Value v) {
  Function *fn = as_function(self);
  if (v_absent(v) || v_is_none(v)) {
    fn->defaults = NULL;
    return true;
  }
  if (!is_tuple(v)) return rt_raise_b(vm, &exc_TypeError, "__defaults__ must be set to a tuple object");
  gc_store_obj(vm, fn, &fn->defaults, v_tuple(v));
  return true;
}

static Value get_kwdefaults(VM *vm, Value self) {
  Function *fn = as_function(self);
  (void)vm;
  return fn->kw_defaults ? v_from_obj(fn->kw_defaults) : V_NONE;
}
static bool set_kwdefaults(VM *vm, Value self, Value v) {
  Function *fn = as_function(self);
  if (v_absent(v) || v_is_none(v)) {
    fn->kw_defaults = NULL;
    return true;
  }
  if (!is_dict(v)) return rt_raise_b(vm, &exc_TypeError, "__kwdefaults__ must be set to a dict object");
  gc_store_obj(vm, fn, &fn->kw_defaults, v_dict(v));
  return true;
}

static Value get_annotations(VM *vm, Value self) {
  Function *fn = as_function(self);
  if (!is_dict(fn->annotations)) {
    Dict *d = dict_new(vm);
    if (!d) return V_FAIL;
    gc_store(vm, fn, &fn->annotations, v_from_obj(d));
  }
  return fn->annotations;
}
static bool set_annotations(VM *vm, Value self, Value v) {
  if (v_absent(v) || v_is_none(v)) v = V_ABSENT;
  else if (!is_dict(v)) return rt_raise_b(vm, &exc_TypeError, "__annotations__ must be set to a dict object");
  gc_store(vm, v_obj(self), &as_function(self)->annotations, v);
  return true;
}

static Value get_dict(VM *vm, Value self) {
  Function *fn = as_function(self);
  if (!fn->attrs) {
    Dict *d = dict_new(vm);
    if (!d) return V_FAIL;
    gc_store_obj(vm, fn, &fn->attrs, d);
  }
  return v_from_obj(fn->attrs);
}
static bool set_dict(VM *vm, Value self, Value v) {
  if (v_absent(v)) return rt_raise_b(vm, &exc_TypeError, "cannot delete __dict__");
  if (!is_dict(v)) return rt_raise_b(vm, &exc_TypeError, "__dict__ must be set to a dictionary, not a '%T'", v);
  gc_store_obj(vm, v_obj(self), &as_function(self)->attrs, v_dict(v));
  return true;
}

static Value get_name(VM *vm, Value self) { return (void)vm, as_function(self)->name; }
static bool set_name(VM *vm, Value self, Value v) {
  if (v_absent(v) || !is_str(v)) return rt_raise_b(vm, &exc_TypeError, "__name__ must be set to a string object");
  gc_store(vm, v_obj(self), &as_function(self)->name, v);
  return true;
}
static Value get_qualname(VM *vm, Value self) { return (void)vm, as_function(self)->qualname; }
static bool set_qualname(VM *vm, Value self, Value v) {
  if (v_absent(v) || !is_str(v)) return rt_raise_b(vm, &exc_TypeError, "__qualname__ must be set to a string object");
  gc_store(vm, v_obj(self), &as_function(self)->qualname, v);
  return true;
}
static Value get_module(VM *vm, Value self) { return (void)vm, as_function(self)->module; }
static bool set_module(VM *vm, Value self, Value v) {
  gc_store(vm, v_obj(self), &as_function(self)->module, v_absent(v) ? V_NONE : v);
  return true;
}
static bool set_doc(VM *vm, Value self, Value v) {
  gc_store(vm, v_obj(self), &as_function(self)->doc, v_absent(v) ? V_NONE : v);
  return true;
}
static Value get_globals(VM *vm, Value self) { return (void)vm, v_from_obj(as_function(self)->globals); }
static Value get_builtins(VM *vm, Value self) { return module_complete(vm, as_function(self)->builtins) ? v_from_obj(as_function(self)->builtins) : V_FAIL; }
static Value get_closure(VM *vm, Value self) {
  Function *fn = as_function(self);
  (void)vm;
  return fn->closure && fn->closure->length ? v_from_obj(fn->closure) : V_NONE;
}
static bool read_only(VM *vm, Value self, Value v) {
  (void)self, (void)v;
  return rt_raise_b(vm, &exc_AttributeError, "readonly attribute");
}

static const GetSet function_getset[] = {
    {"__code__", get_code, set_code, NULL},
    {"__defaults__", get_defaults, set_defaults, NULL},
    {"__kwdefaults__", get_kwdefaults, set_kwdefaults, NULL},
    {"__annotations__", get_annotations, set_annotations, NULL},
    {"__dict__", get_dict, set_dict, NULL},
    {"__name__", get_name, set_name, NULL},
    {"__qualname__", get_qualname, set_qualname, NULL},
    {"__module__", get_module, set_module, NULL},
    {"__doc__", get_doc, set_doc, NULL},
    {"__globals__", get_globals, read_only, NULL},
    {"__builtins__", get_builtins, read_only, NULL},
    {"__closure__", get_closure, read_only, NULL},
    {0}};

static bool check_closure(VM *vm, Code *code, Value closure) {
  if (!code_load(vm, code)) return false;
  size_t need = code->free_names ? code->free_names->length : 0, have = is_tuple(closure) ? v_tuple(closure)->length : 0;
  if (!v_is_none(closure) && !is_tuple(closure)) return rt_raise_b(vm, &exc_TypeError, "arg 5 (closure) must be None or tuple");
  if (need && v_is_none(closure)) return rt_raise_b(vm, &exc_TypeError, "arg 5 (closure) must be tuple");
  if (need != have) return rt_raise_b(vm, &exc_ValueError, "%U requires closure of length %zd, not %zd", code->name, need, have);
  for (size_t i = 0; i < have; i++)
    if (!v_is_exact(v_tuple(closure)->items[i], &cell_type)) return rt_raise_b(vm, &exc_TypeError, "arg 5 (closure) expected cell, found %T", v_tuple(closure)->items[i]);
  return true;
}

/* types.FunctionType(code, globals, name=None, argdefs=None, closure=None) */
static Value function_make(VM *vm, const Type *cls, Args *a) {
  (void)cls;
  if (!v_is_exact(a->v[0], &code_type)) return rt_raise(vm, &exc_TypeError, "function() argument 'code' must be code, not %T", a->v[0]);
  if (!is_dict(a->v[1])) return rt_raise(vm, &exc_TypeError, "function() argument 'globals' must be dict, not %T", a->v[1]);
  if (!v_is_none(a->v[2]) && !is_str(a->v[2])) return rt_raise(vm, &exc_TypeError, "arg 3 (name) must be None or string");
  if (!v_is_none(a->v[3]) && !is_tuple(a->v[3])) return rt_raise(vm, &exc_TypeError, "arg 4 (defaults) must be None or tuple");
  Code *code = (Code *)v_obj(a->v[0]);
  if (!check_closure(vm, code, a->v[4])) return V_FAIL;
  Function *fn = function_new(vm, code, v_dict(a->v[1]));
  if (!fn) return V_FAIL;
  if (is_str(a->v[2])) gc_store(vm, fn, &fn->name, a->v[2]);
  if (is_tuple(a->v[3])) gc_store_obj(vm, fn, &fn->defaults, v_tuple(a->v[3]));
  if (is_tuple(a->v[4])) gc_store_obj(vm, fn, &fn->closure, v_tuple(a->v[4]));
  return v_from_obj(fn);
}

#define TYPE_HEAD .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .base = &object_type

const Type function_type = {TYPE_HEAD, .name = "function", .layout = LAY_FUNCTION, .flags = TYPE_HAS_ATTRS | TYPE_DESCR_GET | TYPE_WEAKREF | TYPE_BARRIER, .shape_id = TYPE_ID_function,
                            .size = sizeof(Function), .new_ = function_make, .new_sig = "(code, globals, name=None, argdefs=None, closure=None)", .trace = function_trace,
                            .repr = function_repr, .call = call_slot, .descr_get = function_get, .getset = function_getset};

/* ---------------------------------------------------------------- cell */

Cell *cell_new(VM *vm, Value v) {
  Cell *c = gc_new(vm, &cell_type, sizeof *c);
  if (c) gc_store(vm, c, &c->v, v);
  return c;
}

static Value *cell_value(Value self) { return &((Cell *)v_obj(self))->v; }

static void cell_trace(Tracer *t, Obj *o) { gc_mark(t, ((Cell *)o)->v); }

static Value cell_make(VM *vm, const Type *cls, Args *a) {
  (void)cls;
  Cell *c = cell_new(vm, a->v[0]);
  return c ? v_from_obj(c) : V_FAIL;
}

static Value cell_repr(VM *vm, Value self) {
  Value v = *cell_value(self);
  if (v_absent(v)) return rt_format(vm, "<cell at %p: empty>", (void *)v_obj(self));
  const void *address = v_is_obj(v) ? (const void *)v_obj(v) : (const void *)(uintptr_t)v.w;
  return rt_format(vm, "<cell at %p: %T object at %p>", (void *)v_obj(self), v, address);
}

/* Empty cells come before full ones. */
static Value cell_compare(VM *vm, Value a, Value b, Compare op) {
  if (!v_is_exact(b, &cell_type)) return V_NOTIMPL;
  Value x = *cell_value(a), y = *cell_value(b);
  if (!v_absent(x) && !v_absent(y)) return rt_compare(vm, x, y, op);
  int order = (int)v_absent(y) - (int)v_absent(x);
  switch (op) {
    case CO_LT: return v_from_bool(order < 0);
    case CO_LE: return v_from_bool(order <= 0);
    case CO_EQ: return v_from_bool(order == 0);
    case CO_NE: return v_from_bool(order != 0);
    case CO_GT: return v_from_bool(order > 0);
    default: return v_from_bool(order >= 0);
  }
}

static Value get_contents(VM *vm, Value self) {
  Value v = *cell_value(self);
  return v_absent(v) ? rt_raise(vm, &exc_ValueError, "Cell is empty") : v;
}
static bool set_contents(VM *vm, Value self, Value v) {
  gc_store(vm, v_obj(self), cell_value(self), v);
  return true;
}
static const GetSet cell_getset[] = {{"cell_contents", get_contents, set_contents, NULL}, {0}};

const Type cell_type = {TYPE_HEAD, .name = "cell", .layout = LAY_CELL, .flags = TYPE_UNHASHABLE | TYPE_BARRIER, .shape_id = TYPE_ID_cell, .size = sizeof(Cell), .new_ = cell_make,
                        .new_sig = "(contents=..., /)", .trace = cell_trace, .repr = cell_repr, .compare = cell_compare, .getset = cell_getset};

/* ---------------------------------------------------------------- bound methods */

static Method *as_method(Value v) { return (Method *)v_obj(v); }

Value method_new(VM *vm, Value func, Value self) {
  Method *m = gc_new(vm, v_has_layout(func, LAY_NATIVE) ? &native_bound_type : &method_type, sizeof *m);
  if (!m) return V_FAIL;
  gc_store(vm, m, &m->func, func);
  gc_store(vm, m, &m->self, self);
  return v_from_obj(m);
}

static void method_trace(Tracer *t, Obj *o) {
  gc_mark(t, ((Method *)o)->func);
  gc_mark(t, ((Method *)o)->self);
}

static Value method_make(VM *vm, const Type *cls, Args *a) {
  (void)cls;
  if (!rt_callable(vm, a->v[0])) return rt_raise(vm, &exc_TypeError, "first argument must be callable");
  if (v_is_none(a->v[1])) return rt_raise(vm, &exc_TypeError, "instance must not be None");
  Method *m = gc_new(vm, &method_type, sizeof *m);
  if (!m) return V_FAIL;
  gc_store(vm, m, &m->func, a->v[0]);
  gc_store(vm, m, &m->self, a->v[1]);
  return v_from_obj(m);
}

static Value method_call(VM *vm, Value self, Args *a) {
  Method *m = as_method(self);
  int n = a->n + (v_absent(a->kwnames) ? 0 : (int)v_tuple(a->kwnames)->length);
  Value *argv = rt_temp(vm, n + 1);
  if (!argv) return V_FAIL;
  argv[0] = m->self;
  if (n) memcpy(argv + 1, a->v, (size_t)n * sizeof(Value));
  Value r = rt_tail_call(vm, m->func, n + 1, argv);
  if (v_same(r, V_TAILCALL)) vm->tail.kwnames = a->kwnames;
  return r;
}

static Value method_repr(VM *vm, Value self) {
  Method *m = as_method(self);
  Str *qualname = NAME(vm, __qualname__), *name = NAME(vm, __name__);
  if (!qualname || !name) return V_FAIL;
  Value text = rt_getattr_opt(vm, m->func, qualname);
  if (!v_failed(text) && !is_str(text)) text = rt_getattr_opt(vm, m->func, name);
  if (v_failed(text)) return V_FAIL;
  return is_str(text) ? rt_format(vm, "<bound method %S of %R>", text, m->self) : rt_format(vm, "<bound method ? of %R>", m->self);
}

static const char *native_name(const Method *m) {
  const char *s = ((Native *)v_obj(m->func))->def->name;
  return *s == '+' || *s == '!' || *s == '@' || *s == '=' ? s + 1 : s;
}
static Value native_bound_repr(VM *vm, Value self) {
  Method *m = as_method(self);
  const void *address = v_is_obj(m->self) ? (const void *)v_obj(m->self) : (const void *)(uintptr_t)m->self.w;
  return rt_format(vm, "<built-in method %s of %T object at %p>", native_name(m), m->self, address);
}

/* Same instance (identity, since 3.8) and equal functions. */
static Value method_compare(VM *vm, Value a, Value b, Compare op) {
  if ((op != CO_EQ && op != CO_NE) || !v_has_layout(b, LAY_METHOD)) return V_NOTIMPL;
  Method *x = as_method(a), *y = as_method(b);
  bool same = false;
  if (v_same(x->self, y->self) && !rt_eq(vm, x->func, y->func, &same)) return V_FAIL;
  return v_from_bool(same == (op == CO_EQ));
}
static bool method_hash(VM *vm, Value self, int64_t *out) {
  Method *m = as_method(self);
  int64_t h;
  if (!rt_hash(vm, m->func, &h)) return false;
  uint64_t address = m->self.w;
  h ^= (int64_t)(address >> 4 | address << 60);
  *out = h == -1 ? -2 : h;
  return true;
}

static Value get_func(VM *vm, Value self) { return (void)vm, as_method(self)->func; }
static Value get_self(VM *vm, Value self) { return (void)vm, as_method(self)->self; }
static Value from_func(VM *vm, Value self, NameId id) {
  Str *name = rt_name(vm, id);
  if (!name) return V_FAIL;
  Value v = rt_getattr_opt(vm, as_method(self)->func, name);
  return v_absent(v) ? V_NONE : v;
}
static Value method_get_doc(VM *vm, Value self) { return from_func(vm, self, NAME___doc__); }
/* A method shows its function's attributes as its own. */
static Value method_getattr(VM *vm, Value self, Str *name) {
  Value descr = rt_type_lookup(vm, &method_type, name);
  if (v_failed(descr)) return V_FAIL;
  if (v_absent(descr)) return rt_getattr(vm, as_method(self)->func, name); /* the error is the function's, too */
  const Type *t = type_of(descr);
  return t->descr_get ? t->descr_get(vm, descr, self, rt_type_value(&method_type)) : descr;
}
static bool method_setattr(VM *vm, Value self, Str *name, Value v) {
  (void)self, (void)v;
  return rt_raise_b(vm, &exc_AttributeError, "'method' object has no attribute '%U'", name);
}

static Value method_reduce_m(VM *vm, Args *a) {
  Method *m = as_method(a->v[0]);
  Value name = from_func(vm, a->v[0], NAME___name__);
  Str *key = str_intern(vm, "getattr", 7);
  Value getattr = v_failed(name) || !key ? V_FAIL : module_lookup(vm, vm->builtins->dict, key);
  if (v_failed(getattr)) return V_FAIL;
  Tuple *args = tuple_pair(vm, m->self, name);
  Tuple *t = args ? tuple_pair(vm, getattr, v_from_obj(args)) : NULL;
  return t ? v_from_obj(t) : V_FAIL;
}
static const tiny_def method_methods[] = {{"__reduce__", method_reduce_m, "(self, /)", NULL}, {0}};

static const GetSet method_getset[] = {{"__func__", get_func, NULL, NULL}, {"__self__", get_self, NULL, NULL}, {"__doc__", method_get_doc, NULL, NULL}, {0}};

#define METHOD_COMMON \
  .layout = LAY_METHOD, .size = sizeof(Method), .trace = method_trace, .hash = method_hash, .compare = method_compare, .call = method_call, .methods = method_methods

const Type method_type = {TYPE_HEAD, METHOD_COMMON, .name = "method", .flags = TYPE_WEAKREF | TYPE_BARRIER, .shape_id = TYPE_ID_method, .new_ = method_make, .new_sig = "(function, instance, /)",
                          .repr = method_repr, .getattr = method_getattr, .setattr = method_setattr, .getset = method_getset};
const Type native_bound_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .base = &native_type, METHOD_COMMON, .name = "builtin_function_or_method", .flags = TYPE_NO_NEW | TYPE_WEAKREF | TYPE_BARRIER, .shape_id = TYPE_ID_native_bound,
                                .repr = native_bound_repr};
