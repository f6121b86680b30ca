/* The exception hierarchy as one table, and exception objects. */
#ifndef TINY_OBJECTS_EXCEPTION_H
#define TINY_OBJECTS_EXCEPTION_H
#include "vm/code.h"
#include "vm/objects/class.h"

/* EXC(name, base, extra fields struct kind) in order: bases before derived. */
#include "vm/objects/exception_table.h"
#define EXC(name, base, kind) extern const Type exc_##name;
EXCEPTION_TABLE(EXC)
#undef EXC

typedef enum { EXK_PLAIN, EXK_STOP, EXK_EXIT, EXK_OS, EXK_SYNTAX, EXK_IMPORT, EXK_NAME, EXK_ATTR, EXK_UNICODE, EXK_GROUP, EXK_KEY } ExcKind;
#define EXC_FIELDS 8
/* One entry of a traceback. */
typedef struct Traceback {
  Obj head;
  struct Traceback *next, *prev; /* prev: the entry of the caller; NULL: not known */
  Code *code;
  uint32_t pc, end_pc;       /* where it was raised; where the frame was when it ended, if that was later (0: no) */
  int32_t given_line;        /* by a script; 0: the one of pc */
  Value frame;               /* FrameObject; V_ABSENT: nobody asked for it yet */
  struct Frame *live;        /* the frame has not ended, and stands in the VM's table with this entry (frame_object.c); else NULL */
  struct Function *func;
  uint16_t name_of, place_of; /* 1 + number of the comprehension whose entry this is; of the one it stands in at that moment. 0: none */
  uint32_t n_saved;
  Value saved[];             /* locals of the frame when it was left; room for them while it is live */
} Traceback;

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
/* Numbers of the fields, by kind. */
enum {
  EXF_VALUE = 0, EXF_CODE = 0, EXF_NAME = 0, EXF_ATTR_NAME = 0, EXF_ATTR_OBJ = 1,
  EXF_OS_ERRNO = 0, EXF_OS_STRERROR, EXF_OS_FILENAME, EXF_OS_FILENAME2, EXF_OS_WRITTEN,
  EXF_SYN_MSG = 0, EXF_SYN_FILENAME, EXF_SYN_LINENO, EXF_SYN_OFFSET, EXF_SYN_TEXT, EXF_SYN_END_LINENO, EXF_SYN_END_OFFSET, EXF_SYN_PRINT,
  EXF_IMP_MSG = 0, EXF_IMP_NAME, EXF_IMP_PATH,
  EXF_UNI_ENCODING = 0, EXF_UNI_OBJECT, EXF_UNI_START, EXF_UNI_END, EXF_UNI_REASON,
  EXF_GROUP_MESSAGE = 0, EXF_GROUP_EXCS
};
static inline Exception *v_exc(Value v) { return (Exception *)v_obj(v); }
TINY_MUST_CHECK Value exc_new(VM *vm, const Type *type, int argc, const Value *argv);   /* no script code: for builtin types */
TINY_MUST_CHECK Value exc_new_msg(VM *vm, const Type *type, const char *msg);
Value exc_field(Value exc, int i);                                                       /* V_ABSENT: not set */
void exc_set_field(VM *vm, Value exc, int i, Value v);                                   /* kinds with fields only */
ExcKind exc_kind_of(const Type *type);                                                   /* of the instances of an exception class */
const Type *exc_type_by_id(tiny_exc id);
TINY_MUST_CHECK Value exc_os_error(VM *vm, int err, Value filename);                     /* right subclass for errno */
const char *exc_errno_text(int err);                                                      /* as strerror, without locale; NULL: unknown */
/* The traceback text as python3 prints it (chained exceptions included). [script] through __str__. False: out of memory. */
bool exc_print(VM *vm, Value exc, Buf *out);
struct Frame;
void traceback_add(VM *vm, Value exc, struct Frame *f, uint32_t pc, bool stays);
/* `raise e from cause`: cause an exception or None; suppresses the context. */
void exc_set_cause(VM *vm, Value exc, Value cause);
/* One line of a code object's text without its line end, appended to out: from Code.source, else from the file. False: not to be had. */
bool vm_source_line(VM *vm, Code *code, int line, Buf *out);
bool vm_cached_line(VM *vm, const Code *code, int line, Buf *out); /* from linecache.cache, as the module traceback takes it */
bool vm_file_line(VM *vm, const char *name, int line, Buf *out);           /* of a file, if there is such a file; without the line's end */
/* The same as the module traceback words it: no suggestions, margins before every line. All; without traceback; the first entry of a traceback. [script] */
bool exc_format(VM *vm, Value exc, Buf *out);
bool exc_format_only(VM *vm, Value exc, Buf *out);
bool exc_format_entry(VM *vm, Value tb, Buf *out);
/* The entries of a traceback as text ("  File ..." lines). */
bool exc_print_traceback(VM *vm, Value tb, Buf *out);
/* An error that cannot be raised: "Exception ignored in: repr(obj)" (obj V_ABSENT: where alone) and the traceback to the host's stderr. [script] */
void exc_print_unraisable(VM *vm, Value exc, const char *where, Value obj); /* the same without sys.unraisablehook; where NULL: "Exception ignored in" */
void exc_report_unraisable(VM *vm, Value exc, const char *where, Value obj);
/* vm->memory_error, made when the VM is made. False: out of memory. */
bool error_init(VM *vm);

/* exception_group.c. except*: *match and *rest are parts of exc (None: nothing). A naked exception that matches is wrapped. False: exception pending. [script] */
bool exc_group_match(VM *vm, Value exc, Value pattern, Value *match, Value *rest);
/* End of except*: the exception to raise (None: nothing) from the original and the list of raised and unhandled parts. [script] */
TINY_MUST_CHECK Value exc_group_prep(VM *vm, Value orig, struct List *parts);
int exc_match(VM *vm, Value exc, Value pattern);                                         /* except clause: 1 0 -1 (TypeError for junk) */
#endif
