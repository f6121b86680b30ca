/* The value word: 8 bytes that hold a 62-bit int, a double, a special constant, or a pointer to a heap object.
 *
 *   ....................xx00   int, two's complement, value << 2
 *   ....................xxx1   double = rotl(bits + (768 << 52), 3); exponents 2^-767..2^-256 and 2^257..2^768 are boxed instead
 *   ....................0010   heap object: address + 2 (objects are 16-byte aligned)
 *   ....................0110   special: None, False, True, ... (number << 4)
 *
 * Everything that depends on the encoding is in this file, so that it can be changed. */
#ifndef TINY_VM_VALUE_H
#define TINY_VM_VALUE_H
#include <math.h>
#include <string.h>
#include "include/tiny.h"
#include "vm/base/mem.h"

typedef tiny_val Value;
typedef struct tiny_vm VM;
typedef struct Obj Obj;
typedef struct Type Type;
typedef struct Str Str;

#define V(word) ((Value){(uint64_t)(word)})
#define V_NONE TINY_NONE
#define V_FALSE TINY_FALSE
#define V_TRUE TINY_TRUE
#define V_ABSENT TINY_ABSENT            /* unbound local, empty slot, argument not given. Never seen by a script */
#define V_NOTIMPL V(0x046)
#define V_ELLIPSIS V(0x056)
#define V_TAILCALL V(0xE06)             /* a native's result: the VM is to make the call recorded in vm->tail */
#define V_FAIL TINY_FAIL
#define SPECIAL_COUNT 6                 /* None False True absent NotImplemented Ellipsis: index = w >> 4 */

#define INT_MIN62 (-((int64_t)1 << 61))
#define INT_MAX62 (((int64_t)1 << 61) - 1)

static inline bool v_same(Value a, Value b) { return a.w == b.w; }
static inline bool v_is_int(Value v) { return (v.w & 3) == 0; }          /* small int only */
static inline bool v_is_double(Value v) { return (v.w & 1) != 0; }       /* inline double only */
static inline bool v_is_obj(Value v) { return (v.w & 15) == 2; }
static inline bool v_is_special(Value v) { return (v.w & 15) == 6; }
static inline bool v_is_none(Value v) { return v.w == V_NONE.w; }
static inline bool v_is_bool(Value v) { return v.w == V_TRUE.w || v.w == V_FALSE.w; }
static inline bool v_failed(Value v) { return v.w == V_FAIL.w; }
static inline bool v_absent(Value v) { return v.w == V_ABSENT.w; }
static inline bool v_both_int(Value a, Value b) { return ((a.w | b.w) & 3) == 0; }
static inline bool v_both_double(Value a, Value b) { return (a.w & b.w & 1) != 0; }

static inline int64_t v_int(Value v) { return (int64_t)v.w >> 2; }
static inline bool int_fits62(int64_t i) { return i >= INT_MIN62 && i <= INT_MAX62; }
static inline Value v_from_int62(int64_t i) { return V((uint64_t)i << 2); } /* caller knows that it fits */
static inline Value v_from_bool(bool b) { return b ? V_TRUE : V_FALSE; }
static inline Obj *v_obj(Value v) { return (Obj *)(uintptr_t)(v.w - 2); }
static inline Value v_from_obj(const void *o) { return V((uintptr_t)o + 2); }

static inline double v_double(Value v) {
  uint64_t bits = ((v.w >> 3) | (v.w << 61)) - ((uint64_t)768 << 52);
  double d;
  memcpy(&d, &bits, sizeof d);
  return d;
}
/* False: this double has to be boxed (float_new does). */
static inline bool v_try_double(double d, Value *out) {
  uint64_t bits;
  memcpy(&bits, &d, sizeof bits);
  bits += (uint64_t)768 << 52;
  out->w = (bits << 3) | (bits >> 61);
  return (out->w & 1) != 0;
}
#endif
