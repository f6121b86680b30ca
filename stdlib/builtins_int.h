/* What the files of the builtin functions share. Builtins are the one part of the library that sees the VM's narrow waist (vm/runtime.h) and the types' headers. */
#ifndef TINY_STDLIB_BUILTINS_INT_H
#define TINY_STDLIB_BUILTINS_INT_H
#include "stdlib/stdlib.h"
#include "vm/attr.h"
#include "vm/objects/bytes.h"
#include "vm/objects/containers_int.h"

extern const tiny_def builtins_core[], builtins_attr[], builtins_iter[], builtins_io[], builtins_exec[];

/* The script's own special method of v, to be called with v as first argument; V_ABSENT: the type's C slot is right. V_FAIL: out of memory. Not [script]. */
static inline Value override_of(VM *vm, Value v, NameId id) {
  const Type *t = type_of(v);
  if (!type_is_heap(t)) return V_ABSENT;
  Str *name = rt_name(vm, id);
  return name ? attr_override(vm, t, name) : V_FAIL;
}
static inline Str *attr_name(VM *vm, Value name, const char *who) {
  if (!is_str(name)) {
    (void)who;
    rt_raise(vm, &exc_TypeError, "attribute name must be string, not '%T'", name);
    return NULL;
  }
  return str_intern_str(vm, v_str(name));
}
static inline Value from_str(Str *s) { return s ? v_from_obj(s) : V_FAIL; }
#endif
