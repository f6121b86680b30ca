/* The exception hierarchy as one table, and exception objects. */
#ifndef TINY_OBJECTS_EXCEPTION_H
#define TINY_OBJECTS_EXCEPTION_H
#include "vm/objects/class.h"

/* EXC(name, base, extra fields struct kind) in order: bases before derived. */
#include "vm/objects/exception_table.h"
#define EXC(name, base, kind) extern const Type exc_##name;
EXCEPTION_TABLE(EXC)
#undef EXC

typedef enum { EXK_PLAIN, EXK_STOP, EXK_EXIT, EXK_OS, EXK_SYNTAX, EXK_IMPORT, EXK_NAME, EXK_ATTR, EXK_UNICODE, EXK_GROUP, EXK_KEY } ExcKind;
#define EXC_FIELDS 8
/* One entry of a traceback: the frame is not kept, only what a traceback shows; f_locals of a dead frame is empty. */
typedef struct Traceback { Obj head; struct Traceback *next; Code *code; uint32_t pc; int32_t line; Value frame; struct Dict *globals; } Traceback;

typedef struct Exception {
  Obj head;
  Tuple *args;
  Value cause, context;      /* exception or None */
  Value traceback;           /* Traceback or None; outermost entry first */
  bool suppress_context;
  uint8_t kind;              /* ExcKind */
  Value *fields;             /* kind-specific named fields (value, code, errno...), EXC_FIELDS of them, NULL for EXK_PLAIN */
  AttrStore attrs;
} Exception;
static inline Exception *v_exc(Value v) { return (Exception *)v_obj(v); }
TINY_MUST_CHECK Value exc_new(VM *vm, const Type *type, int argc, const Value *argv);   /* no script code: for builtin types */
TINY_MUST_CHECK Value exc_new_msg(VM *vm, const Type *type, const char *msg);
Value exc_field(Value exc, int i);
const Type *exc_type_by_id(tiny_exc id);
TINY_MUST_CHECK Value exc_os_error(VM *vm, int err, Value filename);                     /* right subclass for errno */
/* The traceback text as python3 prints it (chained exceptions included). [script] through __str__. False: out of memory. */
bool exc_print(VM *vm, Value exc, Buf *out);
bool traceback_add(VM *vm, Value exc, Code *code, uint32_t pc, struct Dict *globals);
int exc_match(VM *vm, Value exc, Value pattern);                                         /* except clause: 1 0 -1 (TypeError for junk) */
#endif
