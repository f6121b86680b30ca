/* The standard streams, made by sys. */
#ifndef TINY_STDLIB_SYS_STREAMS_H
#define TINY_STDLIB_SYS_STREAMS_H
#include "include/tiny.h"
tiny_val std_stream_new(tiny_vm *vm, int number);
#endif
