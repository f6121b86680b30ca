/* What the parts of the traceback printer share. */
#ifndef TINY_VM_ERROR_TEXT_H
#define TINY_VM_ERROR_TEXT_H
#include "vm/vm.h"
#include "vm/objects/exception.h"
#include "vm/objects/str.h"
#include "vm/objects/traceback.h"

/* error_source.c: the marker line below a source line, nothing where the marks would cover all of it.
   library: as the module traceback prints it, else as the interpreter does for an uncaught exception; they differ in details. */
void error_carets(Buf *out, const char *line, int size, int skip, const Position *pos, bool library);
/* error_suggest.c: a name close to the one that a NameError or AttributeError misses; NULL: none. Leaves no exception pending. [script] */
Str *error_suggestion(VM *vm, Value exc);
#endif
