/* Module _weakref: the types of vm/objects/weakref.c and questions about the references to an object. weakref.tiny builds its containers on them. */
#include "vm/vm.h"
#include "vm/objects/class.h"

static size_t refs_of(VM *vm, Value v, Obj ***refs) {
  if (!v_is_obj(v) || !(v_obj(v)->flags & OBJ_HAS_WEAKREF)) return 0;
  return gc_weak_list(vm, v_obj(v), refs);
}
static Value getweakrefcount(VM *vm, Args *a) {
  Obj **refs;
  return v_from_int62((int64_t)refs_of(vm, a->v[0], &refs));
}
static Value getweakrefs(VM *vm, Args *a) {
  Obj **refs = NULL;
  size_t n = refs_of(vm, a->v[0], &refs);
  List *list = list_new(vm, NULL, 0);
  for (size_t i = 0; list && i < n; i++)
    if (!list_append(vm, list, v_from_obj(refs[i]))) return V_FAIL;
  return list ? v_from_obj(list) : V_FAIL;
}
static const tiny_def functions[] = {{"getweakrefcount", getweakrefcount, "(object, /)", "Return the number of weak references to 'object'."},
    {"getweakrefs", getweakrefs, "(object, /)", "Return a list of all weak reference objects pointing to 'object'."}, {0}};

static bool init(tiny_vm *vm, tiny_val module) {
  return tiny_setattr(vm, module, "ref", rt_type_value(&weakref_type)) && tiny_setattr(vm, module, "ProxyType", rt_type_value(&weakproxy_type));
}
extern const tiny_module _weakref_module;
const tiny_module _weakref_module = {.name = "_weakref", .functions = functions, .init = init, .doc = "Weak references."};
