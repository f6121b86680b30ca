/* Module _functools: the types of vm/objects/partial.c and lru_cache.c. */
#include "stdlib/builtins_int.h"
#include "vm/vm.h"
#include "vm/objects/class.h"

static bool init(tiny_vm *vm, tiny_val module) { 
  return tiny_setattr(vm, module, "partial", rt_type_value(&partial_type)) && tiny_setattr(vm, module, "_lru_cache_wrapper", rt_type_value(&lru_cache_type));
}
static const tiny_def functions[] = {{"cmp_to_key", cmp_to_key, "(mycmp)", "Convert a cmp= function into a key= function."}, {0}};
extern const tiny_module _functools_module;
const tiny_module _functools_module = {.name = "_functools", .functions = functions, .init = init};
