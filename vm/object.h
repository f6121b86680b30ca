/* The header of every heap object, and Type: what the VM knows about a kind of object.
 *
 * Builtin types are constant tables in the binary (their `t.head.type` is &type_type, no VM owns them); classes made by scripts are heap
 * objects of struct Class (vm/objects/class.h), which starts with a Type. A builtin type's method dict is made per VM when first asked for. */
#ifndef TINY_VM_OBJECT_H
#define TINY_VM_OBJECT_H
#include "vm/value.h"

enum { OBJ_STATIC = 1, OBJ_HAS_WEAKREF = 2, OBJ_FINALIZED = 4, OBJ_BUSY_REPR = 8, OBJ_REMEMBERED = 16 /* the collector's */ };

struct Obj {
  const Type *type;
  uint8_t mark;   /* the collector's */
  uint8_t flags;  /* OBJ_* */
  uint16_t small; /* free for the type's own use */
  uint32_t shape; /* builtin types: type->shape_id. Instances: id of their Shape. Classes: an id of their own. Key of inline caches */
};

/* Which struct a type's instances start with; inherited by subclasses made in scripts. Tests such as is_list() use it. */
typedef enum {
  LAY_OBJECT, LAY_NONE, LAY_INT, LAY_FLOAT, LAY_COMPLEX, LAY_STR, LAY_BYTES, LAY_BYTEARRAY, LAY_TUPLE, LAY_LIST, LAY_DICT, LAY_SET, LAY_FROZENSET, LAY_RANGE,
  LAY_SLICE, LAY_FUNCTION, LAY_NATIVE, LAY_METHOD, LAY_TYPE, LAY_MODULE, LAY_EXCEPTION, LAY_GEN, LAY_CODE, LAY_CELL, LAY_ITER, LAY_SHELL, LAY_PROPERTY, LAY_CLASSMETHOD,
  LAY_STATICMETHOD, LAY_SUPER, LAY_NATIVE_INSTANCE, LAY_OTHER
} Layout;

enum {
  TYPE_HEAP = 1 << 0,        /* struct Class on the heap: made by a script */
  TYPE_BASE = 1 << 1,        /* scripts may derive from it */
  TYPE_VARSIZE = 1 << 2,     /* items follow the struct (tuple, bytes...): attribute storage is found by item count */
  TYPE_HAS_ATTRS = 1 << 3,   /* instances have attribute storage (heap classes without __slots__; functions, modules, exceptions ... as they say) */
  TYPE_HAS_DEL = 1 << 4,     /* class or a base defines __del__ */
  TYPE_DUNDER_GETATTR = 1 << 5, /* class or a base made by a script defines __getattribute__ or __getattr__ */
  TYPE_DUNDER_SETATTR = 1 << 6, /* ... __setattr__ or __delattr__ */
  TYPE_DESCR_GET = 1 << 7,   /* instances are descriptors with __get__ ... */
  TYPE_DESCR_SET = 1 << 8,   /* ... and with __set__ or __delete__ (data descriptors) */
  TYPE_UNHASHABLE = 1 << 9,
  TYPE_ABSTRACT = 1 << 10,   /* __abstractmethods__ is not empty */
  TYPE_MAPPING = 1 << 11, TYPE_SEQUENCE = 1 << 12, /* for match statements (PEP 634) */
  TYPE_NO_NEW = 1 << 13,     /* "cannot create 'x' instances" */
  TYPE_ATTRS_BEHIND = 1 << 14, /* instances carry an AttrStore (vm/objects/class.h) at the very end of their cell: gc_new adds it to the size asked for */
  TYPE_WEAKREF = 1 << 15,    /* weakref.ref(x) works */
  TYPE_NATIVE_AWAIT = 1 << 16, /* a native class itself (no subclass of a script) with a tiny_class.await */
  TYPE_INIT_KEYWORDS = 1 << 18, /* a subclass with an __init__ of its own may be given keywords that the type's constructor does not know */
  TYPE_IMMUTABLE = 1 << 20,  /* a class that stands for one of CPython's C classes: its attributes are not set (all without TYPE_HEAP are so anyway) */
  TYPE_DUNDER_LEN = 1 << 19, /* class or a base made by a script defines __len__ */
  TYPE_BARRIER = 1 << 17,    /* every store of a reference into an instance goes through gc_store (or there are none): the collector need not look at old ones */
};

struct tiny_tracer;
typedef struct tiny_tracer Tracer;
typedef Value (*BinaryFn)(VM *vm, int op, Value a, Value b);   /* op: BinaryOp; V_NOTIMPL when it does not know the operands */
typedef enum { CO_LT, CO_LE, CO_EQ, CO_NE, CO_GT, CO_GE, CO_IS, CO_IS_NOT, CO_IN, CO_NOT_IN } Compare; /* same order as CompareOp */

typedef tiny_args Args;
typedef struct GetSet {
  const char *name;
  Value (*get)(VM *vm, Value self);
  bool (*set)(VM *vm, Value self, Value value); /* NULL: read-only. value V_ABSENT: del */
  const char *doc;
} GetSet;

/* Slots may be NULL: then it is inherited at build time by naming the same function, or the operation is not there.
   All get exact-layout objects (self has the type's layout, perhaps a subclass). They never call script code except through rt_ functions. */
struct Type {
  Obj head;
  const char *name;            /* "list"; for heap classes a NUL-terminated UTF-8 copy that the class owns */
  const Type *base;            /* first base; NULL: object itself */
  uint8_t layout;              /* Layout */
  uint32_t flags;              /* TYPE_* */
  uint32_t shape_id;           /* of fresh instances. Builtin types: TYPE_ID_*, below SHAPE_FIRST_DYNAMIC */
  uint32_t size;               /* sizeof the instance struct, without items */
  uint32_t item_size;          /* TYPE_VARSIZE */
  const char *doc;
  const char *module;          /* NULL: "builtins" */
  /* construction */
  Value (*new_)(VM *vm, const Type *cls, Args *args); /* __new__; args without cls, matched with new_sig */
  const char *new_sig;         /* "(iterable=(), /)" */
  tiny_fn init;                /* __init__(self, ...) of mutable builtins (list, dict, set, exceptions); NULL: object's */
  const char *init_sig;        /* with self */
  /* memory */
  void (*trace)(Tracer *t, Obj *o);          /* gc_mark each Value, gc_mark_obj each Obj* it holds */
  void (*destroy)(VM *vm, Obj *o);           /* free memory outside the object; no script code, no other objects touched */
  /* behaviour */
  Value (*repr)(VM *vm, Value self);
  Value (*str)(VM *vm, Value self);
  bool (*hash)(VM *vm, Value self, int64_t *out);
  Value (*compare)(VM *vm, Value a, Value b, Compare op); /* V_NOTIMPL; op CO_LT..CO_GE */
  int (*truth)(VM *vm, Value self);          /* 1 0 -1 */
  int64_t (*length)(VM *vm, Value self);     /* -1: failed */
  Value (*getitem)(VM *vm, Value self, Value key);
  bool (*setitem)(VM *vm, Value self, Value key, Value value); /* value V_ABSENT: del */
  int (*contains)(VM *vm, Value self, Value item);             /* 1 0 -1 */
  Value (*iter)(VM *vm, Value self);
  int (*next)(VM *vm, Value self, Value *item); /* 1 item, 0 exhausted, -1 failed. A generator-layout type has NULL here: it is resumed by frames */
  BinaryFn binary;
  BinaryFn inplace;                          /* only mutable builtins (list += ...) */
  Value (*unary)(VM *vm, int op, Value a);   /* op: UnaryOpKind without NOT; plus UN_ABS, UN_INT, UN_FLOAT, UN_INDEX below */
  Value (*format)(VM *vm, Value self, Str *spec);
  Value (*call)(VM *vm, Value self, Args *args);               /* args->v/n/kw raw, see vm/native.h */
  Value (*getattr)(VM *vm, Value self, Str *name);             /* replaces the whole lookup (module, type, super); V_ABSENT: not found, no error set */
  bool (*setattr)(VM *vm, Value self, Str *name, Value value); /* V_ABSENT: del */
  Value (*descr_get)(VM *vm, Value descr, Value obj, Value cls);   /* obj V_ABSENT: looked up on the class */
  bool (*descr_set)(VM *vm, Value descr, Value obj, Value value);
  const tiny_def *methods;                   /* prefixes as in tiny_class: "+name" classmethod, "!name" staticmethod */
  const GetSet *getset;
};
enum { UN_ABS_ = 16, UN_INT_, UN_FLOAT_, UN_INDEX_, UN_COMPLEX_ }; /* further codes of Type.unary */

static inline const Type *obj_type(const void *o) { return ((const Obj *)o)->type; }

/* Ids of builtin types' instances, keys of inline caches. Only those that code needs by number; others are given by types.c. */
#define SHAPE_FIRST_DYNAMIC 1024u /* > TYPE_ID_COUNT of vm/type_ids.h */

extern const Type object_type, type_type, none_type, bool_type, int_type, float_type, complex_type, str_type, bytes_type, bytearray_type, tuple_type, list_type, dict_type,
    set_type, frozenset_type, range_type, slice_type, function_type, native_type, method_type, module_type, cell_type, code_type, generator_type, coroutine_type,
    async_generator_type, asend_type, athrow_type, anext_awaitable_type, coroutine_wrapper_type, ellipsis_type, notimpl_type, property_type, classmethod_type, staticmethod_type, super_type, memoryview_type;

/* Indexed by w >> 4 of a special value. */
extern const Type *const special_types[SPECIAL_COUNT];

static inline const Type *type_of(Value v) {
  if (v_is_obj(v)) return v_obj(v)->type;
  if (v_is_int(v)) return &int_type;
  if (v_is_double(v)) return &float_type;
  return special_types[(v.w >> 4) & 15];
}
static inline bool v_has_layout(Value v, Layout lay) { return v_is_obj(v) && v_obj(v)->type->layout == lay; }
static inline bool v_is_exact(Value v, const Type *t) { return v_is_obj(v) && v_obj(v)->type == t; }
static inline bool is_str(Value v) { return v_has_layout(v, LAY_STR); }
static inline bool is_list(Value v) { return v_has_layout(v, LAY_LIST); }
static inline bool is_tuple(Value v) { return v_has_layout(v, LAY_TUPLE); }
static inline bool is_dict(Value v) { return v_has_layout(v, LAY_DICT); }
static inline bool is_bytes(Value v) { return v_has_layout(v, LAY_BYTES); }
static inline bool is_type(Value v) { return v_has_layout(v, LAY_TYPE); }
static inline bool is_exception(Value v) { return v_has_layout(v, LAY_EXCEPTION); }
static inline bool is_gen(Value v) { return v_has_layout(v, LAY_GEN); }
static inline bool is_int(Value v) { return v_is_int(v) || v_is_bool(v) || v_has_layout(v, LAY_INT); } /* any int: small, bool, big, subclass */
static inline bool is_float(Value v) { return v_is_double(v) || v_has_layout(v, LAY_FLOAT); }
#endif
