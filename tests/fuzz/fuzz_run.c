/* libFuzzer: any script, run within limits of memory and steps, leaves a VM that still works (make fuzz; build/fuzz/fuzz_run tests/lang). */
#include <stdint.h>
#include <string.h>
#include "include/tiny.h"

static const char after[] = "print(sum([1, 2, 3]), {'a': 1}, f'{1.5}')\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tiny_config c = TINY_CONFIG_INIT;
  c.hash_seed = 1;
  c.memory_limit = (size_t)32 << 20;
  c.modules = "math"; /* nothing that reaches files or waits */
  tiny_vm *vm = tiny_new(&c);
  if (!vm) return 0;
  tiny_error e;
  tiny_set_fuel(vm, 20000, TINY_KILL);
  if (tiny_run_source(vm, (const char *)data, size, "fuzz.tiny") != TINY_OK && !tiny_take_error(vm, &e)) __builtin_trap();
  tiny_set_fuel(vm, UINT64_MAX, TINY_KILL);
  tiny_set_memory_limit(vm, 0);
  (void)tiny_run_source(vm, after, strlen(after), "after"); /* the script may have replaced print */
  tiny_clear_error(vm);
  tiny_free(vm);
  return 0;
}
