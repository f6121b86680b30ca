/* Matching arguments with a native's signature: what native.c and the error texts need beyond native.h. */
#ifndef TINY_OBJECTS_SIGNATURE_H
#define TINY_OBJECTS_SIGNATURE_H
#include "vm/native.h"

/* How messages name the function. */
typedef struct SigNames {
  const char *name;        /* "append" */
  const char *prefix;      /* "list" or the module's name where full names are shown; NULL */
  const char *call;        /* what follows the name: NULL for "()", or "" */
  int skip;                /* 1: the first parameter is self and is not counted */
  bool constructor;        /* one argument: "list expected 1 argument", not "takes exactly one" */
  bool bound;              /* a method object's: without a prefix where "varargs" */
  bool wrapper;            /* a slot's wrapper: "expected 1 argument, got 0" */
  bool repeats;            /* a wrapper of sequence repetition, worded like those with more than one argument */
} SigNames;
typedef enum { MATCH_FAILED, MATCH_DONE, MATCH_NOT_YET /* signature_match will do it, or say what is wrong */ } Match;
bool signature_names_class(const SigParam *p, const Type *t); /* is t what the parameter, annotated with a class, asks for? */
Match signature_match_positional(VM *vm, const Signature *sig, const Value *argv, int n_pos, Value *out);
bool signature_match(VM *vm, const Signature *sig, const SigNames *nm, const Value *argv, int n_pos, Value kwnames, Value *out);
#endif
