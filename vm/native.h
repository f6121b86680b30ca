/* Native functions: C code behind a Python signature. The signature text is parsed once, at the first call that needs it. */
#ifndef TINY_VM_NATIVE_H
#define TINY_VM_NATIVE_H
#include "vm/object.h"

/* What a native sees (public as opaque tiny_args). After matching: v[0..n) are the parameters in signature order, V_ABSENT for those left at
   the default `...`; *args is one tuple, **kw one dict. Raw (Type.call): positional arguments v[0..n), then the keywords' values, named by kwnames. */
struct tiny_args {
  VM *vm;
  Value *v;
  int n;
  Value kwnames;          /* tuple or V_ABSENT; only raw calls */
  const struct Native *self;
};

enum { ANN_NONE, ANN_INT, ANN_FLOAT, ANN_STR, ANN_BYTES, ANN_BOOL, ANN_CALLABLE, ANN_LIST, ANN_TUPLE, ANN_DICT, ANN_CLASS };
typedef struct SigParam {
  struct Str *name;
  Value dflt;             /* V_ABSENT: `...`, or required (see Signature.required) */
  uint8_t ann;            /* ANN_* */
  bool required;
  struct Str *cls_name;   /* ANN_CLASS: a native class's name, or documentation */
  const struct Type *cls; /* the class, once an instance was given */
  size_t no_class_yet;    /* of so many entries of vm->native_classes none had this name */
} SigParam;
typedef struct Signature {
  uint16_t n_params;      /* all, *args and **kw included */
  uint16_t n_pos;         /* leading parameters that may be given by position */
  uint16_t n_posonly;
  uint16_t n_required_pos;/* leading parameters without default */
  int16_t star, starstar; /* index of *args, **kw; -1 */
  uint16_t capacity;      /* of params, as allocated */
  bool checks;            /* any annotation to check */
  bool unpacked;          /* the text ends in "unpacked": counts are worded as without keywords, "sorted expected 1 argument, got 0" */
  bool varargs;           /* the text ends in "varargs": counts are worded "find() takes at least 1 argument (0 given)", and there is no __text_signature__ */
  const char *called;     /* the text ends in "as NAME": how messages name it, instead of its own name; "function": without () . NULL */
  bool simple;            /* no star, no starstar: positional calls with n_required_pos <= n <= n_pos take the fast path, if what is to be checked passes signature_accepts */
  SigParam params[];
} Signature;

typedef enum { NATIVE_FUNCTION, NATIVE_METHOD /* descriptor: binds self */, NATIVE_CLASSMETHOD, NATIVE_STATIC, NATIVE_NEW } NativeKind;
typedef struct Native {
  Obj head;
  tiny_fn fn;
  const tiny_def *def;    /* name, signature text, doc */
  Signature *sig;         /* parsed lazily; owned */
  const Type *owner;      /* class whose method this is, or NULL. Self is checked against it */
  Value bound;            /* tiny_bound; module functions: module. V_ABSENT */
  Value module_name;      /* str or None */
  uint8_t kind;
} Native;

Native *native_new(VM *vm, const tiny_def *def, NativeKind kind, const Type *owner, Value bound, Value module_name);
Signature *native_signature(VM *vm, Native *fn);      /* NULL: MemoryError or SystemError pending */
/* Matches raw arguments with the signature into out[sig->n_params]. Not [script]. TypeErrors as CPython words them for builtins. */
bool native_bind(VM *vm, Native *fn, const Value *argv, int n_pos, Value kwnames, Value *out);
Value native_call_bound(VM *vm, Native *fn, Value *argv, int argc, Value kwnames); /* of a method object: messages name its object's class */
Value native_call(VM *vm, Native *fn, Value *argv, int argc, Value kwnames); /* binds and calls; argv includes self. May return V_TAILCALL */
/* Parses a signature text by itself (used for Type.new_sig, init_sig as well). */
Signature *signature_parse(VM *vm, const char *text);
void signature_free(VM *vm, Signature *sig);
bool signature_bind(VM *vm, const Signature *sig, const char *fname, const Value *argv, int n_pos, Value kwnames, Value *out);
bool signature_accepts(VM *vm, const Signature *sig, const Value *argv, int n); /* the first n arguments need no conversion and no message */
extern const Type native_method_type, classmethod_descr_type;
void signature_trace(Tracer *t, const Signature *sig);

#endif
