/* Modules. */
#ifndef TINY_OBJECTS_MODULE_H
#define TINY_OBJECTS_MODULE_H
#include "vm/objects/dict.h"
enum { MODULE_INITIALIZING = 1, MODULE_BUILTIN = 2 }; /* bits of head.small. INITIALIZING: its body runs */
typedef struct Module { Obj head; Dict *dict; } Module;
TINY_MUST_CHECK Module *module_new(VM *vm, Str *name);   /* __name__, __doc__, __package__, __loader__, __spec__ set */
/* Attribute as the language sees it: the dict, then the module's own __getattr__ [script]; V_ABSENT: not found. */
Value module_getattr(VM *vm, Value self, Str *name);
/* Raises the AttributeError for a name that a module has not. */
Value module_no_attr(VM *vm, Module *m, Str *name);
#endif
