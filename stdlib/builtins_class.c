/* Module _class: what library classes written in tiny need to look like the C classes that CPython has in their place. */
#include "stdlib/builtins_int.h"
#include "vm/vm.h"
#include "vm/objects/class.h"
#include "vm/objects/shape.h"

/* Decorator. In messages a C class goes by the name of its module, too: "unhashable type: 'collections.deque'". Its attributes cannot be set. */
static Value c_type(VM *vm, Args *a) {
  Value cls = a->v[0];
  if (!is_type(cls) || !type_is_heap((const Type *)v_obj(cls))) return rt_raise(vm, &exc_TypeError, "a class is required");
  Value *keep = rt_temp(vm, 1), module = keep ? rt_getattr(vm, cls, NAME(vm, __module__)) : V_FAIL;
  if (v_failed(module)) return V_FAIL;
  *keep = rt_format(vm, "%S.%U", module, type_class((const Type *)v_obj(cls))->name);
  const char *text = v_failed(*keep) ? NULL : str_cstr(vm, v_str(*keep));
  if (!text || !class_set_text_name(vm, type_class((const Type *)v_obj(cls)), text)) return V_FAIL;
  type_class((const Type *)v_obj(cls))->t.flags |= TYPE_IMMUTABLE;
  return cls;
}

/* ---- functions */

static Value call_bound(VM *vm, Args *a) {
  int n = a->n;
  while (n > 0 && v_absent(a->v[n - 1])) n--;
  return rt_tail_call(vm, a->self->bound, n, a->v);
}

static const char *copied(VM *vm, Value text) {
  const char *from = is_str(text) ? str_cstr(vm, v_str(text)) : NULL;
  char *to = from ? arena_alloc(&type_state(vm)->defs, strlen(from) + 1) : NULL;
  return to ? strcpy(to, from) : NULL;
}

/* A builtin function that calls a function written in tiny: as the attribute of a class it does not become a method, and wrong arguments are worded as
   for natives. The signature's parameters are handed on by position; those left out, which have the default `...`, must be the last. */
static Value c_function(VM *vm, Args *a) {
  Value f = a->v[0];
  Value *keep = rt_temp(vm, 2);
  if (!keep || v_failed(keep[0] = rt_getattr(vm, f, NAME(vm, __name__))) || v_failed(keep[1] = rt_getattr(vm, f, NAME(vm, __doc__)))) return V_FAIL;
  tiny_def *def = arena_alloc(&type_state(vm)->defs, sizeof *def);
  const char *name = def ? copied(vm, keep[0]) : NULL, *signature = name ? copied(vm, a->v[2]) : NULL;
  if (!signature) return rt_no_memory(vm);
  *def = (tiny_def){name, call_bound, signature, copied(vm, keep[1])};
  Native *fn = native_new(vm, def, NATIVE_FUNCTION, NULL, f, a->v[1]);
  return fn ? v_from_obj(fn) : V_FAIL;
}

/* object.__new__(cls) for the library's own classes, which it knows to be plain. */
static Value new_object(VM *vm, Args *a) {
  Instance *o = is_type(a->v[0]) && type_is_heap((const Type *)v_obj(a->v[0])) && ((const Type *)v_obj(a->v[0]))->layout == LAY_OBJECT ? instance_new(vm, (const Type *)v_obj(a->v[0])) : NULL;
  return o ? v_from_obj(o) : rt_pending(vm) ? V_FAIL : rt_raise(vm, &exc_TypeError, "a plain class is required");
}

/* alias[items]: the arguments that the result has (stdlib/frozen/_class.tiny). */
static Value alias_arguments(VM *vm, Args *a) { return rt_tail_builtin(vm, "_alias_arguments", 3, a->v); }

static const tiny_def functions[] = {{"new_object", new_object, "(cls, /)", "An instance of a plain class."},
    {"alias_arguments", alias_arguments, "(alias, items, flat, /)", NULL},
    {"c_function", c_function, "(function, module: str, signature: str, /)", "Make a function one of the builtin kind."},
    {"c_type", c_type, "(cls, /)", "Let messages name the class with its module."}, {0}};
extern const tiny_module _class_module;
static bool init(tiny_vm *vm, tiny_val module) { return tiny_setattr(vm, module, "tuplegetter", rt_type_value(&tuplegetter_type)); }
const tiny_module _class_module = {.name = "_class", .functions = functions, .init = init};
