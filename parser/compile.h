/* Source text -> code object, or SyntaxError raised in the VM. This is the CompileHook that tiny.c installs. */
#ifndef TINY_PARSER_COMPILE_H
#define TINY_PARSER_COMPILE_H
#include "vm/vm.h"
/* mode 'e' exec, 'v' eval, 's' single (interactive: expression statements go through PRINTEXPR), 'p' the same at a prompt. flags: COMPILE_*.
   *incomplete (may be NULL): set when the text only lacks more lines; SyntaxError is pending then, too. */
Value compile_source(VM *vm, const char *src, size_t len, const char *filename, char mode, unsigned flags, bool *incomplete);
#endif
