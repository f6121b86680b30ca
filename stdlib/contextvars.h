/* The current context (PEP 567) for what runs callbacks of others: asyncio's tasks and handles. A context may be TINY_NONE: an empty one that nobody has looked at. */
#ifndef TINY_STDLIB_CONTEXTVARS_H
#define TINY_STDLIB_CONTEXTVARS_H
#include "include/tiny.h"

tiny_val context_snapshot(tiny_vm *vm);                                         /* copy of the current one; TINY_NONE while it is empty */
tiny_val context_or_new(tiny_vm *vm, tiny_val context);                         /* a Context in place of TINY_NONE */
tiny_val *context_slot(tiny_vm *vm);                     /* where the current context stands (None: an empty one nobody has asked for); stays there. NULL: MemoryError */
TINY_CHECK bool context_enter(tiny_vm *vm, tiny_val context, tiny_val *previous); /* makes it the current one; false: TypeError, or it is entered already */
tiny_val context_leave(tiny_vm *vm, tiny_val previous);                         /* gives the one that was left: keep it in place of the TINY_NONE that was entered */
#endif
