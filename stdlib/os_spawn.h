/* Starting a program: _posix.spawn (module of os_process.c). */
#ifndef TINY_STDLIB_OS_SPAWN_H
#define TINY_STDLIB_OS_SPAWN_H
#include "include/tiny.h"

tiny_val os_spawn(tiny_vm *vm, tiny_args *a);
#endif
