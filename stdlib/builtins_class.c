/* Module _class: what library classes written in tiny need to look like the C classes that CPython has in their place. */
#include "stdlib/builtins_int.h"
#include "vm/objects/class.h"

/* Decorator. In messages a C class goes by the name of its module, too: "unhashable type: 'collections.deque'". */
static Value c_type(VM *vm, Args *a) {
  Value cls = a->v[0];
  if (!is_type(cls) || !type_is_heap((const Type *)v_obj(cls))) return rt_raise(vm, &exc_TypeError, "a class is required");
  Value *keep = rt_temp(vm, 1), module = keep ? rt_getattr(vm, cls, NAME(vm, __module__)) : V_FAIL;
  if (v_failed(module)) return V_FAIL;
  *keep = rt_format(vm, "%S.%U", module, type_class((const Type *)v_obj(cls))->name);
  const char *text = v_failed(*keep) ? NULL : str_cstr(vm, v_str(*keep));
  return text && class_set_text_name(vm, type_class((const Type *)v_obj(cls)), text) ? cls : V_FAIL;
}

static const tiny_def functions[] = {{"c_type", c_type, "(cls, /)", "Let messages name the class with its module."}, {0}};
extern const tiny_module _class_module;
const tiny_module _class_module = {.name = "_class", .functions = functions};
