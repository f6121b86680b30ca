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

/* ---- what comes from the host
 * Nothing runs, and no value is looked into, while an exception is pending: the first error stays, and the host gets a failure from every call until it takes it. Words that
 * are no value of a script (TINY_FAIL without an exception, TINY_ABSENT, what a native is to return at once) are refused with an exception of their own. */
COLD bool api_refuse(VM *vm, Value v);      /* raises, unless an exception is pending; false */
COLD bool api_refuse_list(VM *vm);          /* n items at NULL, or less than none */
static inline bool api_is_word(Value v) { return LIKELY((v.w & ~UINT64_C(0x100)) != V_TAILCALL.w); } /* neither TINY_FAIL nor the mark of a call that is to be returned: a value, or TINY_ABSENT */
static inline bool api_takes(VM *vm, Value v) { return LIKELY(api_is_word(v) && !v_absent(v)) || api_refuse(vm, v); }
static inline bool api_ready(VM *vm) { return LIKELY(v_absent(vm->exc)); }
static inline bool api_ready1(VM *vm, Value v) { return api_ready(vm) && api_takes(vm, v); }
static inline bool api_ready2(VM *vm, Value a, Value b) { return api_ready(vm) && api_takes(vm, a) && api_takes(vm, b); }
_Static_assert((0xF06 & ~0x100) == 0xE06, "TINY_FAIL and V_TAILCALL differ in that bit");
static inline bool api_takes_all(VM *vm, int n, const Value *v) {
  if (UNLIKELY(n < 0 || (n > 0 && !v))) return api_refuse_list(vm);
  for (int i = 0; i < n; i++) {
    if (UNLIKELY(!api_takes(vm, v[i]))) return false;
  }
  return true;
}
/* Text of the host as a str, interned; NULL: an exception is pending (it is NULL, or no UTF-8). */
TINY_MUST_CHECK Str *api_name(VM *vm, const char *text);
TINY_MUST_CHECK bool api_check_text(VM *vm, const char *text, size_t len); /* the same for a text that is copied elsewhere */

void api_trace(VM *vm, Tracer *t);          /* module data, error box, allow-list */
void api_destroy_data(VM *vm);              /* module data: its owners' destroy functions, before any object goes */
void api_free(VM *vm);
#endif
