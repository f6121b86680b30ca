/* The VM by itself, without lexer, parser and library: that it links is the test; and it adds two numbers. */
#include <stdio.h>
#include "vm/runtime.h"
#include "vm/vm.h"

int main(void) {
  VM *vm = vm_new(NULL);
  if (!vm) return 1;
  Value sum = rt_binary(vm, TINY_ADD, v_from_int62(20), v_from_int62(22));
  bool ok = v_is_int(sum) && v_int(sum) == 42;
  vm_free(vm);
  puts(ok ? "the VM links without the compiler" : "FAIL vm_alone: 20 + 22");
  return ok ? 0 : 1;
}
