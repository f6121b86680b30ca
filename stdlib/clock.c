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

int64_t clock_ns(clockid_t id) {
  struct timespec ts;
  clock_gettime(id, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* The virtual clock, if there is one, begins at 2000-01-01 and is also the one of the processor's time. */
int64_t clock_seen_ns(tiny_vm *vm, clockid_t id) {
  const VirtualClock *v = clock_virtual(vm);
  return !v ? clock_ns(id) : id == CLOCK_REALTIME ? 946684800 * INT64_C(1000000000) + v->now_ns : v->now_ns;
}

bool tiny_set_virtual_time(tiny_vm *vm) {
  VirtualClock *c = clock_data(vm);
  if (c) c->always = true;
  return c;
}
