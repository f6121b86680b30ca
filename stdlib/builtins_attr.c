/* Builtins about attributes and classes: getattr, setattr, hasattr, delattr, isinstance, issubclass, dir, vars. Script code that an access needs is called
 * by the VM in the builtin's place (tiny_then_call), not from C. */
#include "stdlib/builtins_int.h"
#include "vm/vm.h"

/* ---- getattr, hasattr */

enum { MODE_PLAIN, MODE_DEFAULT, MODE_HAS };

/* What then_get still has to do: (mode, default, name, fallback or absent, its self). */
static Value get_state(VM *vm, int mode, Value dflt, Str *name, const AttrCall *call) {
  Value items[5] = {v_from_int62(mode), v_absent(dflt) ? V_NONE : dflt, v_from_obj(name), v_absent(call->fallback) ? V_NONE : call->fallback,
    v_absent(call->fallback) ? V_NONE : call->fallback_self};
  Tuple *t = tuple_new(vm, items, 5);
  return t ? v_from_obj(t) : V_FAIL;
}

static Value then_get(VM *vm, Value state, tiny_outcome how, Value v) {
  Tuple *t = v_tuple(state);
  int64_t mode = v_int(t->items[0]);
  if (how == TINY_RETURNED) return mode == MODE_HAS ? V_TRUE : v;
  if (!rt_is_subtype(type_of(v), &exc_AttributeError)) return rt_raise_obj(vm, v);
  Value fallback = t->items[3];
  if (!v_is_none(fallback)) {
    AttrCall none = {.fallback = V_ABSENT};
    Value rest = get_state(vm, (int)mode, t->items[1], v_str(t->items[2]), &none);
    if (v_failed(rest)) return V_FAIL;
    return tiny_then_call(vm, then_get, rest, fallback, 2, (Value[]){t->items[4], t->items[2]});
  }
  if (mode == MODE_PLAIN) return rt_raise_obj(vm, v);
  return mode == MODE_HAS ? V_FALSE : t->items[1];
}

static Value get(VM *vm, Value obj, Str *name, int mode, Value dflt) {
  Value v;
  AttrCall call;
  int r = mode == MODE_PLAIN ? attr_get(vm, obj, name, NULL, NULL, &v, &call) : attr_find(vm, obj, name, &v, &call);
  if (r == 2) return mode == MODE_HAS ? V_FALSE : dflt;
  if (r == 1) return mode == MODE_HAS ? V_TRUE : v;
  if (r < 0) {
    if (mode == MODE_PLAIN || !rt_pending_is(vm, &exc_AttributeError)) return V_FAIL;
    (void)rt_take_exc(vm);
    return mode == MODE_HAS ? V_FALSE : dflt;
  }
  if (mode == MODE_PLAIN && v_absent(call.fallback)) return rt_tail_call(vm, call.fn, call.argc, call.args);
  Value state = get_state(vm, mode, dflt, name, &call);
  return v_failed(state) ? V_FAIL : tiny_then_call(vm, then_get, state, call.fn, call.argc, call.args);
}

static Value bi_getattr(VM *vm, Args *a) {
  Str *name = attr_name(vm, a->v[1], "");
  if (!name) return V_FAIL;
  return get(vm, a->v[0], name, v_absent(a->v[2]) ? MODE_PLAIN : MODE_DEFAULT, a->v[2]);
}

static Value bi_hasattr(VM *vm, Args *a) {
  Str *name = attr_name(vm, a->v[1], "");
  return name ? get(vm, a->v[0], name, MODE_HAS, V_ABSENT) : V_FAIL;
}

/* ---- setattr, delattr */

static Value then_none(VM *vm, Value state, tiny_outcome how, Value v) {
  (void)state;
  return how == TINY_RAISED ? rt_raise_obj(vm, v) : V_NONE;
}

static Value set(VM *vm, Value obj, Value name_v, Value value) {
  Str *name = attr_name(vm, name_v, "");
  if (!name) return V_FAIL;
  AttrCall call;
  int r = attr_set(vm, obj, name, value, NULL, NULL, &call);
  if (r != 0) return r < 0 ? V_FAIL : V_NONE;
  return tiny_then_call(vm, then_none, V_NONE, call.fn, call.argc, call.args);
}

static Value bi_setattr(VM *vm, Args *a) { return set(vm, a->v[0], a->v[1], a->v[2]); }
static Value bi_delattr(VM *vm, Args *a) { return set(vm, a->v[0], a->v[1], V_ABSENT); }

/* ---- isinstance, issubclass */

static bool checks_itself(VM *vm, Value cls, NameId id) {
  Value hook = type_is_heap(type_of(cls)) ? attr_check_hook(vm, cls, rt_name(vm, id)) : V_ABSENT;
  return !v_absent(hook) && !v_is_none(hook);
}

static bool tuple_checks(VM *vm, Tuple *t, NameId id) {
  for (size_t i = 0; i < t->length; i++)
    if (is_tuple(t->items[i]) || checks_itself(vm, t->items[i], id)) return true;
  return false;
}

static Value bi_isinstance(VM *vm, Args *a) {
  Value x = a->v[0], cls = a->v[1];
  if (v_is_obj(cls) && (const Type *)v_obj(cls) == type_of(x)) return V_TRUE;
  bool script = is_tuple(cls) ? tuple_checks(vm, v_tuple(cls), NAME___instancecheck__) : checks_itself(vm, cls, NAME___instancecheck__);
  if (script) return rt_tail_builtin(vm, "_builtins_isinstance", 2, a->v);
  int r = rt_isinstance(vm, x, cls);
  return r < 0 ? V_FAIL : v_from_bool(r == 1);
}

static Value bi_issubclass(VM *vm, Args *a) {
  Value sub = a->v[0], cls = a->v[1];
  bool script = is_tuple(cls) ? tuple_checks(vm, v_tuple(cls), NAME___subclasscheck__) : checks_itself(vm, cls, NAME___subclasscheck__);
  if (script) return rt_tail_builtin(vm, "_builtins_issubclass", 2, a->v);
  int r = rt_issubclass(vm, sub, cls);
  return r < 0 ? V_FAIL : v_from_bool(r == 1);
}

/* ---- dir, vars, locals, globals */

static Value sorted_keys(VM *vm, Value mapping) {
  Value keys = rt_iter_to_list(vm, mapping);
  if (v_failed(keys)) return V_FAIL;
  Value *keep = rt_temp(vm, 1);
  if (!keep) return V_FAIL;
  *keep = keys;
  return v_failed(list_sort_values(vm, v_list(keys), NULL, false)) ? V_FAIL : *keep;
}

static Value current_locals(VM *vm) {
  Frame *f = frame_script(vm, 0);
  return f ? frame_locals(vm, f) : v_from_obj(vm->main->dict);
}

static Value bi_dir(VM *vm, Args *a) {
  if (!v_absent(a->v[0])) return rt_tail_builtin(vm, "_builtins_dir", 1, a->v);
  Value names = current_locals(vm);
  return v_failed(names) ? V_FAIL : sorted_keys(vm, names);
}

static Value bi_vars(VM *vm, Args *a) {
  if (v_absent(a->v[0])) return current_locals(vm);
  Str *name = NAME(vm, __dict__);
  if (!name || (v_is_exact(a->v[0], &module_type) && !module_fill_late(vm, (Module *)v_obj(a->v[0])))) return V_FAIL;
  Value v = rt_getattr_opt(vm, a->v[0], name);
  return v_absent(v) ? rt_raise(vm, &exc_TypeError, "vars() argument must have __dict__ attribute") : v;
}

static Value bi_locals(VM *vm, Args *a) {
  (void)a;
  return current_locals(vm);
}

static Value bi_globals(VM *vm, Args *a) {
  (void)a;
  Frame *f = frame_script(vm, 0);
  return v_from_obj(f ? f->func->globals : vm->main->dict);
}

const tiny_def builtins_attr[] = {
  {"getattr", bi_getattr, "(object, name, default=..., /)", "getattr(object, name[, default]) -> value"},
  {"hasattr", bi_hasattr, "(obj, name, /)", "Return whether the object has an attribute with the given name."},
  {"setattr", bi_setattr, "(obj, name, value, /)", "Sets the named attribute on the given object to the specified value."},
  {"delattr", bi_delattr, "(obj, name, /)", "Deletes the named attribute from the given object."},
  {"isinstance", bi_isinstance, "(obj, class_or_tuple, /)", "Return whether an object is an instance of a class or of a subclass thereof."},
  {"issubclass", bi_issubclass, "(cls, class_or_tuple, /)", "Return whether 'cls' is derived from another class or is the same class."},
  {"dir", bi_dir, "(object=..., /)", "The names of an object's attributes, sorted; without an argument, the names in the current scope."},
  {"vars", bi_vars, "(object=..., /)", "The __dict__ of an object; without an argument, locals()."},
  {"locals", bi_locals, "()", "Return a dictionary containing the current scope's local variables."},
  {"globals", bi_globals, "()", "Return the dictionary containing the current scope's global variables."},
  {0}};
