/* What the files of the public API share with vm.c. */
#ifndef TINY_VM_API_INT_H
#define TINY_VM_API_INT_H
#include "vm/vm.h"

enum { FUEL_SLICE = 5000 };
void vm_set_fuel(VM *vm, uint64_t steps, int what);
void vm_set_deadline(VM *vm, int64_t ms);
int64_t vm_deadline_ms(const VM *vm);  /* time left; -1: none */

/* Pins an object in the current scope; other values need no pin. V_FAIL: MemoryError. */
static inline Value api_pin(VM *vm, Value v) {
  if (!v_is_obj(v) || (v_obj(v)->flags & OBJ_STATIC)) return v;
  return vm_pin(vm, v) ? v : rt_no_memory(vm);
}

void api_trace(VM *vm, Tracer *t);          /* module data, error box, allow-list */
void api_destroy_data(VM *vm);              /* module data: its owners' destroy functions, before any object goes */
void api_free(VM *vm);
#endif
