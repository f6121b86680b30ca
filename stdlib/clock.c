#include "stdlib/clock.h"

VirtualClock *clock_data(tiny_vm *vm) {
  static const char key = 0;
  VirtualClock *c = tiny_module_data(vm, &key, sizeof *c, NULL, NULL);
  if (!c) (void)tiny_no_memory(vm);
  return c;
}

VirtualClock *clock_virtual(tiny_vm *vm) {
  VirtualClock *c = clock_data(vm);
  if (!c) tiny_clear_error(vm);
  return c && (c->always || c->loops) ? c : NULL;
}

bool tiny_set_virtual_time(tiny_vm *vm) {
  VirtualClock *c = clock_data(vm);
  if (c) c->always = true;
  return c;
}
