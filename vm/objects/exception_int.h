/* What exception.c, exception_fields.c and exception_group.c share. */
#ifndef TINY_OBJECTS_EXCEPTION_INT_H
#define TINY_OBJECTS_EXCEPTION_INT_H
#include "vm/vm.h"
#include "vm/objects/exception.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"
#include "vm/type_ids.h"

/* Instance of cls without arguments, fields not set. */
TINY_MUST_CHECK Exception *exc_alloc(VM *vm, const Type *cls);
/* Sets the fields of e's kind from the arguments, as the kind's __init__. kwargs: Dict or NULL. [script] for odd argument types */
TINY_MUST_CHECK bool exc_init_fields(VM *vm, Exception *e, Tuple *args, Dict *kwargs);
/* str() by kind; V_ABSENT: nothing special, show the arguments. */
Value exc_fields_str(VM *vm, Exception *e);
/* OSError(...): the subclass that the errno among the arguments asks for, else cls. */
const Type *exc_os_class(const Type *cls, const Tuple *args);
extern const GetSet exc_getset_STOP[], exc_getset_EXIT[], exc_getset_OS[], exc_getset_SYNTAX[], exc_getset_IMPORT[], exc_getset_NAME[], exc_getset_ATTR[], exc_getset_UNICODE[],
    exc_getset_GROUP[];
extern const tiny_def exc_methods_GROUP[], exc_methods_OS[], exc_methods_IMPORT[];
Value exc_reduce(VM *vm, Value self, Tuple *args, Dict *extra);

/* exception_group.c */
Value exc_group_new(VM *vm, const Type *cls, Tuple *args);
Value exc_group_str(VM *vm, Exception *e);
#endif
