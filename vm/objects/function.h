/* Functions, cells, bound methods. */
#ifndef TINY_OBJECTS_FUNCTION_H
#define TINY_OBJECTS_FUNCTION_H
#include "vm/code.h"

typedef struct Cell { Obj head; Value v; /* V_ABSENT: empty */ } Cell;

typedef struct Function {
  Obj head;
  Code *code;
  struct Dict *globals;
  struct Dict *builtins;      /* globals' __builtins__ at the time of def */
  struct Tuple *closure;      /* of cells; NULL */
  struct Tuple *defaults;     /* NULL: none */
  struct Dict *kw_defaults;   /* NULL: none */
  Value name, qualname, module;
  Value doc;                  /* absent: the code's, see code_doc */
  Value annotations;          /* dict, made when asked for: V_ABSENT before; a tuple of name, value, ... is not used */
  struct Dict *attrs;         /* __dict__; NULL until needed */
} Function;

typedef struct Method { Obj head; Value func, self; } Method; /* bound method */

TINY_MUST_CHECK Function *function_new(VM *vm, Code *code, struct Dict *globals);  /* name and qualname from the code, module from globals */
TINY_MUST_CHECK Cell *cell_new(VM *vm, Value v);
TINY_MUST_CHECK Value method_new(VM *vm, Value func, Value self);
/* method_new: of a script function: a `method`; of a native: prints and acts as a bound builtin (`<built-in method append of list object>`). Both have LAY_METHOD. */
extern const Type native_bound_type;
#endif
