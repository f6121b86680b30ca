/* Imports: sys.modules, native modules, sources from the host and from the library, packages, relative names.
 * A module's body is script code, so no function here runs it unless it is marked [script]. */
#ifndef TINY_VM_IMPORT_H
#define TINY_VM_IMPORT_H
#include "vm/vm.h"

/* One go at `import name`, as __import__(name, globals, None, fromlist, level). 1: *out is the module (the top one without a fromlist).
   0: a module has to run first: call *run (some callable) without arguments through call_begin, drop its result and come here again
   with the same arguments. -1: exception pending. fromlist: None or a tuple of str. globals may be NULL when level is 0. Not [script]. */
int import_step(VM *vm, Str *name, Value fromlist, int level, struct Dict *globals, Value *out, Value *run);
/* The same to the end. [script] */
TINY_MUST_CHECK Value import_module(VM *vm, Str *name, Value fromlist, int level, struct Dict *globals);
/* For natives (__import__, importlib): may be V_TAILCALL. */
TINY_MUST_CHECK Value import_native(VM *vm, Str *name, Value fromlist, int level, struct Dict *globals);
/* The module of a dotted name itself (not its top package), imported. [script] */
TINY_MUST_CHECK Value import_dotted(VM *vm, Str *name);
/* `from module import name`, `import a.b as c`: attribute, or the submodule in sys.modules; ImportError. [script] through a module's __getattr__ */
TINY_MUST_CHECK Value import_from(VM *vm, Value module, Str *name);
/* `from module import *` into a dict or a mapping. [script] */
bool import_star(VM *vm, Value module, Value ns);
TINY_MUST_CHECK Value import_find(VM *vm, Str *name);   /* what importing it would load */
TINY_MUST_CHECK Value import_code(VM *vm, Str *name);   /* code of its body, None where there is none [script] */
TINY_MUST_CHECK Value import_names(VM *vm);            /* list of (name, is in C): what the library has for this VM */
/* Is the library module on the host's allow-list? Modules that the host registered itself need no entry. */
bool import_allowed(VM *vm, const char *dotted_name);
/* New module in sys.modules under its name, replacing what was there; NULL: exception pending. */
TINY_MUST_CHECK Module *import_add_module(VM *vm, Str *name);
#endif
