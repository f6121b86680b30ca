/* START HERE. The one file that knows every part: puts compiler, builtins and library into a fresh VM. */
#include "vm/vm.h"
#include "parser/compile.h"
#include "stdlib/stdlib.h"

tiny_vm *tiny_new(const tiny_config *config) {
  VM *vm = vm_new(config);
  if (!vm) return NULL;
  vm->compile = compile_source;
  vm->library = stdlib_table;
  builtins_init(vm);
  vm->n_temps = 0;
  return vm;
}

void tiny_free(tiny_vm *vm) {
  if (vm && vm->c_depth > 0) return; /* a script runs: rather a VM that is never freed than one that is freed below it */
  vm_free(vm);
}
