/* The library as tiny.c sees it, and the streams of sys as print sees them. */
#ifndef TINY_STDLIB_H
#define TINY_STDLIB_H
#include "include/tiny.h"
extern const tiny_module *const stdlib_table[]; /* every C module of this directory; made by scripts/dev/embed.py */
void builtins_init(tiny_vm *vm);                /* the module builtins will be filled */

int std_stream_number(tiny_vm *vm, tiny_val v); /* 0, 1, 2: v is one of the streams the VM began with; -1: something else */
bool std_stream_write(tiny_vm *vm, tiny_val stream, int number, const char *text, size_t len); /* stream TINY_ABSENT: with the settings it began with. OSError when the host could not write */
bool signals_awaited(tiny_vm *vm);               /* has the script functions that handle signals, others than SIGINT? */
void files_settle(tiny_vm *vm);                 /* before a look at the file system: files that were written to and dropped are closed */
bool std_stream_flush(tiny_vm *vm, int stream);
#endif
