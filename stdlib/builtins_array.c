/* Module array: the type of vm/objects/array.c. */
#include "vm/vm.h"
#include "vm/objects/class.h"

extern const Type array_type;
extern const tiny_def array_functions[];

static bool init(tiny_vm *vm, tiny_val module) {
  return tiny_setattr(vm, module, "array", rt_type_value(&array_type)) && tiny_setattr(vm, module, "ArrayType", rt_type_value(&array_type)) &&
         tiny_setattr(vm, module, "typecodes", tiny_string(vm, "bBuhHiIlLqQfd"));
}
extern const tiny_module array_module;
const tiny_module array_module = {.name = "array", .functions = array_functions, .init = init, .doc = "Arrays of numbers or characters of one type, kept in a row."};
