/* Modules. */
#ifndef TINY_OBJECTS_MODULE_H
#define TINY_OBJECTS_MODULE_H
#include "vm/objects/dict.h"
enum { MODULE_INITIALIZING = 1, MODULE_BUILTIN = 2, MODULE_LIBRARY = 4 }; /* bits of head.small. INITIALIZING: its body runs. LIBRARY: the allow-list holds for it */
typedef struct Module { Obj head; Dict *dict; } Module;
TINY_MUST_CHECK Module *module_new(VM *vm, Str *name);   /* __name__, __doc__, __package__ set */
/* The dict of builtins is filled as names are looked up: whoever looks up a name in a dict that may be it, or hands it out to a script, uses these. */
TINY_MUST_CHECK Value module_lookup(VM *vm, Dict *d, Str *name); /* absent: no such */
TINY_MUST_CHECK bool module_complete(VM *vm, const Dict *d);
/* What to call with the module and the name for an attribute that is made when it is asked for (__spec__, __loader__ of imported modules); V_ABSENT: no such. */
Value module_late_attr(VM *vm, Str *name);
bool module_fill_late(VM *vm, Module *m);                /* makes these now, for those who look at all names [script] */
/* Raises the AttributeError for a name that a module has not. */
Value module_no_attr(VM *vm, Module *m, Str *name);
#endif
