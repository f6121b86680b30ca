/* libFuzzer: any bytes compile or end in an exception that the host can take (make fuzz; build/fuzz/fuzz_compile corpus/). */
#include <stdint.h>
#include "include/tiny.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tiny_config c = TINY_CONFIG_INIT;
  c.hash_seed = 1;
  c.memory_limit = (size_t)64 << 20;
  tiny_vm *vm = tiny_new(&c);
  if (!vm) return 0;
  tiny_error e;
  if (tiny_failed(tiny_compile(vm, (const char *)data, size, "fuzz.tiny")) && !tiny_take_error(vm, &e)) __builtin_trap();
  tiny_free(vm);
  return 0;
}
