/* Modules. */
#ifndef TINY_OBJECTS_MODULE_H
#define TINY_OBJECTS_MODULE_H
#include "vm/objects/dict.h"
typedef struct Module { Obj head; Dict *dict; } Module;
TINY_MUST_CHECK Module *module_new(VM *vm, Str *name);   /* __name__, __doc__, __package__, __loader__, __spec__ set */
#endif
