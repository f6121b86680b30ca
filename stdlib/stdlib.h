/* The library as tiny.c sees it. */
#ifndef TINY_STDLIB_H
#define TINY_STDLIB_H
#include "include/tiny.h"
bool builtins_init(tiny_vm *vm);   /* fills the module builtins */
extern const tiny_module *const stdlib_table[]; /* every C module of this directory; made by scripts/dev/embed.py */
#endif
