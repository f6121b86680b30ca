/* What the modules of POSIX calls on descriptors share. */
#ifndef TINY_OS_FD_H
#define TINY_OS_FD_H
#include "include/tiny.h"

/* The descriptor of a file: an int, or what its fileno() gives, which may run script code. False: an exception is pending. */
TINY_CHECK bool os_fd(tiny_vm *vm, tiny_val file, int *fd);
/* Low bits of an int of any size, as C takes an unsigned argument. */
TINY_CHECK bool os_low_bits(tiny_vm *vm, tiny_val v, uint32_t *bits);
/* names: one after another, each with its NUL; values: all bits are -1 */
TINY_CHECK bool os_constants(tiny_vm *vm, tiny_val module, const char *names, const unsigned *values, size_t n);
/* A class of tuples with named fields, and an instance of the one that an attribute of a module is. */
TINY_CHECK bool os_record_class(tiny_vm *vm, tiny_val module, const char *module_name, const char *name, const char *const *fields);
TINY_CHECK tiny_val os_record(tiny_vm *vm, const char *module_name, const char *name, int n, const tiny_val *items);

/* A list of constants is written once, as NAMES(C) C(FIRST) C(SECOND) */
#define OS_CONSTANT_TEXT(n) #n "\0"
#define OS_CONSTANT_VALUE(n) (unsigned)(n),
#endif
