/* Modules: a name for a dict of globals. */
#include "vm/objects/module.h"
#include "vm/objects/class.h"
#include "vm/type_ids.h"
#include "vm/vm.h"

static Module *as_module(Value v) { return (Module *)v_obj(v); }

/* imported: __spec__ and __loader__ are made when somebody asks for them (module_late_attr). */
static bool set_standard_names(VM *vm, Module *m, Value name, Value doc, bool imported) {
  static const NameId none_names[] = {NAME___package__, NAME___loader__, NAME___spec__};
  Str *key = NAME(vm, __name__);
  if (!key || !dict_set_str(vm, m->dict, key, name)) return false;
  key = NAME(vm, __doc__);
  if (!key || !dict_set_str(vm, m->dict, key, doc)) return false;
  for (size_t i = 0; i < (imported ? 1 : sizeof none_names / sizeof *none_names); i++) {
    key = rt_name(vm, none_names[i]);
    if (!key || !dict_set_str(vm, m->dict, key, V_NONE)) return false;
  }
  return true;
}

static Module *alloc_module(VM *vm, const Type *cls) {
  Dict *d = dict_new(vm);
  Module *m = d ? gc_new(vm, cls, sizeof *m) : NULL;
  if (m) gc_store_obj(vm, m, &m->dict, d);
  return m;
}

Module *module_new(VM *vm, Str *name) {
  Module *m = alloc_module(vm, &module_type);
  return m && set_standard_names(vm, m, v_from_obj(name), V_NONE, !str_eq_c(name, "__main__")) ? m : NULL;
}

Value module_lookup(VM *vm, Dict *d, Str *name) {
  Value v = dict_get_str(vm, d, name);
  if (!v_absent(v) || !vm->late_builtins || d != vm->builtins->dict) return v;
  return vm->late_builtins(vm, name) ? dict_get_str(vm, d, name) : V_FAIL;
}

bool module_complete(VM *vm, const Dict *d) { return !vm->late_builtins || d != vm->builtins->dict || vm->late_builtins(vm, NULL); }

Value module_late_attr(VM *vm, Str *name) {
  return name == NAME(vm, __spec__) || name == NAME(vm, __loader__) ? rt_frozen(vm, "_module_late_attr") : V_ABSENT;
}

static Value module_make(VM *vm, const Type *cls, Args *a) {
  (void)a;
  Module *m = alloc_module(vm, cls);
  return m ? v_from_obj(m) : V_FAIL;
}
static Value module_init(VM *vm, Args *a) {
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "module() argument 'name' must be str, not %s", v_is_none(a->v[1]) ? "None" : type_of(a->v[1])->name);
  return set_standard_names(vm, as_module(a->v[0]), a->v[1], a->v[2], false) ? V_NONE : V_FAIL;
}

static void module_trace(Tracer *t, Obj *o) { gc_mark_obj(t, ((Module *)o)->dict); }

static Value module_repr(VM *vm, Value self) {
  Dict *d = as_module(self)->dict;
  Value name = dict_get_c(vm, d, "__name__"), file = dict_get_c(vm, d, "__file__");
  if (v_failed(name) || v_failed(file)) return V_FAIL;
  if (!is_str(name)) return rt_format(vm, "<module '?'>");
  if (is_str(file)) return rt_format(vm, "<module %R from %R>", name, file);
  bool builtin = (as_module(self)->head.small & MODULE_BUILTIN) != 0;
  return builtin ? rt_format(vm, "<module %R (built-in)>", name) : rt_format(vm, "<module %R>", name);
}

/* Is mod.name a module whose import is not done? Failures count as no. */
static bool is_unfinished_submodule(VM *vm, Str *mod, Str *name) {
  Value full = rt_format(vm, "%U.%U", mod, name), sub = v_failed(full) ? V_FAIL : dict_get(vm, vm->modules, full);
  if (v_failed(sub)) (void)rt_take_exc(vm);
  return !v_failed(sub) && v_has_layout(sub, LAY_MODULE) && (as_module(sub)->head.small & MODULE_INITIALIZING);
}

Value module_no_attr(VM *vm, Module *m, Str *name) {
  Value mod = dict_get_c(vm, m->dict, "__name__");
  if (v_failed(mod)) return V_FAIL;
  Value msg;
  if (!is_str(mod)) msg = rt_format(vm, "module has no attribute '%U'", name);
  else if (m->head.small & MODULE_INITIALIZING)
    msg = rt_format(vm, "partially initialized module '%U' has no attribute '%U' (most likely due to a circular import)", v_str(mod), name);
  else if (is_unfinished_submodule(vm, v_str(mod), name)) msg = rt_format(vm, "cannot access submodule '%U' of module '%U' (most likely due to a circular import)", name, v_str(mod));
  else msg = rt_format(vm, "module '%U' has no attribute '%U'", v_str(mod), name);
  Value exc = v_failed(msg) ? V_FAIL : exc_new(vm, &exc_AttributeError, 1, &msg);
  if (v_failed(exc)) return V_FAIL;
  exc_set_field(vm, exc, EXF_ATTR_NAME, v_from_obj(name));
  exc_set_field(vm, exc, EXF_ATTR_OBJ, v_from_obj(m));
  return rt_raise_obj(vm, exc);
}

bool module_fill_late(VM *vm, Module *m) {
  static const NameId late[] = {NAME___loader__, NAME___spec__};
  for (int i = 0; i < 2; i++) {
    Str *name = rt_name(vm, late[i]);
    Value v = name ? dict_get_str(vm, m->dict, name) : V_FAIL, fn = v_absent(v) ? module_late_attr(vm, name) : V_NONE;
    if (v_failed(v) || v_failed(fn)) return false;
    if (v_absent(v) && v_failed(rt_call(vm, fn, 2, (Value[]){v_from_obj(m), v_from_obj(name)}))) return false;
  }
  return true;
}

static Value get_dict(VM *vm, Value self) { return module_complete(vm, as_module(self)->dict) ? v_from_obj(as_module(self)->dict) : V_FAIL; }
static Value get_annotations(VM *vm, Value self) {
  Str *key = NAME(vm, __annotations__);
  if (!key) return V_FAIL;
  Value v = dict_get_str(vm, as_module(self)->dict, key);
  if (!v_absent(v)) return v;
  Dict *d = dict_new(vm);
  return d && dict_set_str(vm, as_module(self)->dict, key, v_from_obj(d)) ? v_from_obj(d) : V_FAIL;
}
static bool set_annotations(VM *vm, Value self, Value v) {
  Str *key = NAME(vm, __annotations__);
  if (!key) return false;
  if (!v_absent(v)) return dict_set_str(vm, as_module(self)->dict, key, v);
  int n = dict_del_str(vm, as_module(self)->dict, key);
  return n > 0 || (n == 0 && rt_raise_b(vm, &exc_AttributeError, "__annotations__"));
}
static bool set_dict(VM *vm, Value self, Value v) {
  (void)self;
  (void)v;
  return rt_raise_b(vm, &exc_AttributeError, "readonly attribute");
}
static const GetSet module_getset[] = {{"__dict__", get_dict, set_dict, NULL}, {"__annotations__", get_annotations, set_annotations, NULL}, {0}};

/* dir(): the keys, or what the module's own __dir__ says. */
static Value dir_m(VM *vm, Args *a) {
  Dict *d = as_module(a->v[0])->dict;
  Value hook = dict_get_c(vm, d, "__dir__");
  if (v_failed(hook) || !module_complete(vm, d)) return V_FAIL;
  if (!v_absent(hook)) return rt_tail_call(vm, hook, 0, NULL);
  if (!module_fill_late(vm, as_module(a->v[0]))) return V_FAIL;
  List *list = list_new(vm, NULL, 0);
  size_t pos = 0;
  Value key, value;
  while (list && dict_next(d, &pos, &key, &value))
    if (!list_append(vm, list, key)) return V_FAIL;
  return list ? v_from_obj(list) : V_FAIL;
}
static const tiny_def module_methods[] = {{"__dir__", dir_m, "(self, /)", "__dir__() -> list\nspecialized dir() implementation"}, {0}};

const Type module_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "module", .base = &object_type, .layout = LAY_MODULE,
                          .flags = TYPE_BASE | TYPE_HAS_ATTRS | TYPE_WEAKREF, .shape_id = TYPE_ID_module, .size = sizeof(Module), .new_ = module_make,
                          .new_sig = "(*args, **kwargs=...)", .init = module_init, .init_sig = "(self, name, doc=None)", .trace = module_trace, .repr = module_repr,
                          .methods = module_methods, .getset = module_getset};
