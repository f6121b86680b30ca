/* Classes made by scripts, their instances, shapes. */
#ifndef TINY_OBJECTS_CLASS_H
#define TINY_OBJECTS_CLASS_H
#include "vm/objects/dict.h"
#include "vm/objects/list.h"

/* Shape (hidden class): which attribute stands in which slot. A tree per class; instances that get the same attributes in the same order share one.
   Every shape has an id unique in the VM: an inline cache that remembers the id knows class and slot. Class changes flush caches (attr_flush_caches). */
typedef struct Shape {
  uint32_t id;
  uint32_t count;            /* slots in use */
  struct Shape *parent;
  Str *name;                 /* of slot count-1; interned; NULL in the root */
  const Type *type;
  struct Shape **kids;       /* transitions by added name */
  uint32_t n_kids, cap_kids;
  bool dict_mode;            /* slots[n_members] holds a Dict: __dict__ was asked for, an attribute deleted, or there are too many */
  struct Shape *dict_shape;  /* roots only: the dict-mode shape of the type; NULL until needed */
  struct Shape *next;        /* roots only: list of all shapes of the tree, for freeing */
  struct ShapeTable *table;  /* name -> slot, made at the first search of a shape with many names */
} Shape;

/* How a class is called: which part is a script's. Kept in the Class until some class changes. */
typedef struct ClassCall {
  Value new_;                /* script or foreign __new__ (called with the class first); V_ABSENT: the C new_ of the type */
  Value init;                /* __init__ as a function to be called with the instance first; V_ABSENT: object's, or the C init of the type */
  bool plain;                /* new_ is object's and nothing forbids instances: instance_new will do (when init is a script's or there are no arguments) */
} ClassCall;

typedef struct Class {
  Type t;                    /* t.head.type is the metaclass; t.flags has TYPE_HEAP */
  Str *name, *qualname;
  Dict *ns;                  /* the class namespace; the mappingproxy of it is __dict__ */
  Tuple *bases, *mro;        /* of class objects */
  Shape *root;               /* of fresh instances */
  uint32_t slot_hint;        /* attribute slots that instances turned out to need: room kept inside the object */
  uint32_t n_members;        /* __slots__ members, in slots 0.. before ordinary attributes */
  uint32_t registry_index;   /* place in the VM's list of classes */
  uint32_t call_version;     /* of `call`; 0: not computed */
  ClassCall call;
  struct Signature *new_signature, *init_signature; /* native classes: parsed new_sig, init_sig; owned */
  const struct tiny_class *native; /* of a native class, and of a class derived from one when it was asked for */
  bool mro_unknown;          /* the metaclass's mro() is running for the first time; `mro` is the usual order meanwhile */
  bool data_changes;         /* a plain data attribute was replaced before: such attributes of this class are not cached */
} Class;

/* Instance of a class whose layout is LAY_OBJECT. Instances of other layouts keep a `Value *slots` behind their struct and items: inst_slots finds it. */
typedef struct Instance {
  Obj head;                  /* head.shape is the Shape's id */
  Value *slots;              /* points at room[], or to counted memory when that became too small */
  uint32_t capacity;         /* of slots */
  uint32_t room_count;       /* of room */
  Value room[];
} Instance;

static inline bool type_is_heap(const Type *t) { return (t->flags & TYPE_HEAP) != 0; }
static inline Class *type_class(const Type *t) { return (Class *)(uintptr_t)t; } /* heap types only */

typedef struct AttrStore { Value *slots; uint32_t capacity; } AttrStore; /* attribute storage behind non-plain instances */

TINY_MUST_CHECK Instance *instance_new(VM *vm, const Type *cls);
/* Slots of object, for builtin types that have no data of their own. */
Value object_repr(VM *vm, Value self);
bool object_hash(VM *vm, Value self, int64_t *out);
Value object_compare(VM *vm, Value a, Value b, Compare op);
/* Attribute storage of an object whose type has TYPE_HAS_ATTRS; address of the slots pointer, NULL if it has none. */
Value instance_get(VM *vm, Obj *o, Str *name);                           /* own attributes only, V_ABSENT; not [script] */
TINY_MUST_CHECK bool instance_set(VM *vm, Obj *o, Str *name, Value v);
int instance_del(VM *vm, Obj *o, Str *name);                             /* 1 0 -1 */
Dict *instance_dict(VM *vm, Obj *o);                                     /* __dict__: switches to dict mode; NULL: out of memory */
bool instance_set_dict(VM *vm, Obj *o, Dict *d);
Value attrs_get_dict(VM *vm, Value self);                                /* for Type.getset */
bool attrs_set_dict(VM *vm, Value self, Value v);
void instance_trace_attrs(Tracer *t, Obj *o);
void instance_destroy_attrs(VM *vm, Obj *o);
Shape *shape_of(VM *vm, const Obj *o);                                   /* NULL: builtin without shapes */
int32_t shape_find(const Shape *s, const Str *interned_name);            /* slot or -1 */
/* type(name, bases, ns): computes metaclass-independent parts (MRO, layout, slots, flags). Does not call __set_name__ or __init_subclass__. */
TINY_MUST_CHECK Value class_new(VM *vm, const Type *metatype, Str *name, Tuple *bases, Dict *ns);
void type_forget_wrapped(VM *vm);                          /* at the end of a collection: what only the method cache holds */
void attr_prune_caches(VM *vm, bool full);               /* forgets codes that are about to be freed */
void attr_flush_caches(VM *vm);                                          /* after any change of a class that caches may know */
/* The per-VM namespace of a builtin type: its methods, slot wrappers and getsets as objects. NULL: out of memory. */
Dict *type_namespace(VM *vm, const Type *t);
Tuple *type_mro(VM *vm, const Type *t);                                  /* NULL: out of memory */
Tuple *type_bases(VM *vm, const Type *t);                                /* __bases__; NULL: out of memory */
/* Calling a class. class_call: how; cached, quick; not [script]. class_make: the C new_ of cls with arguments matched by new_sig; class_init: the C __init__
   (V_NONE when done). Both may return V_TAILCALL. argv does not include cls / does not include self; the last values are named by kwnames (tuple or V_ABSENT). */
bool class_call(VM *vm, const Type *cls, ClassCall *out);                /* false: exception pending (out of memory) */
TINY_MUST_CHECK Value class_make(VM *vm, const Type *cls, const Value *argv, int n_pos, Value kwnames);
TINY_MUST_CHECK Value class_init(VM *vm, Value self, const Value *argv, int n_pos, Value kwnames);
/* A script's class with an __init__ (init: with a __new__) of its own may get keywords that the C constructor (C __init__) of t does not know; some types overlook them then. */
extern const Type itemgetter_type, attrgetter_type, methodcaller_type, partial_type, key_wrapper_type, tuplegetter_type, lru_cache_type;
Value cmp_to_key(VM *vm, Args *a);                                       /* native of functools (partial.c) */
bool class_overlooks_keywords(VM *vm, const Type *cls, const Type *t, bool init);
Value class_build(VM *vm, Args *args);                                   /* the builtin __build_class__(func, name, *bases, **kwds) */
Value class_abstract_error(VM *vm, const Type *cls);                     /* raises "Can't instantiate abstract class ..." */
const Type *type_builtin_base(const Type *t);                            /* first type along base that is not a script's: whose C slots instances use */
void class_each(VM *vm, void (*fn)(void *ctx, Class *c), void *ctx);     /* every heap class, oldest first */
void class_update_flags(VM *vm, Class *c);                               /* after its namespace changed: TYPE_DUNDER_*, TYPE_HAS_DEL ... of it and its subclasses */
bool class_set_text_name(VM *vm, Class *c, const char *text);            /* how messages call it; __name__ stays */
bool class_set_attr(VM *vm, Class *c, Str *name, Value value);           /* ns[name] = value (V_ABSENT: del), caches and flags brought up to date; AttributeError when there is nothing to delete */

/* Life of the per-VM tables of types (types.c). types_trace: part of the roots. */
bool types_init(VM *vm);
void types_free(VM *vm);                                                 /* after all objects are gone */
void types_trace(VM *vm, Tracer *t);

/* Descriptors of builtin types and of __slots__ (descr.c). */
typedef struct GetSetDescr { Obj head; const GetSet *def; const Type *owner; } GetSetDescr;
typedef struct TupleGetter { Obj head; int64_t index; Value doc; } TupleGetter; /* field of a named tuple */
typedef struct MemberDescr { Obj head; Str *name; const Type *owner; uint32_t index; const GetSet *def; /* of a builtin type; NULL: of __slots__ */ } MemberDescr;
TINY_MUST_CHECK Value getset_descr_new(VM *vm, const GetSet *def, const Type *owner);
TINY_MUST_CHECK Value member_descr_new(VM *vm, Str *name, const Type *owner, uint32_t index);

/* property, classmethod, staticmethod, super, list[int], int | str */
typedef struct Property { Obj head; Value get, set, del, doc; Str *name; } Property;
typedef struct Wrapped { Obj head; Value func; Dict *attrs; } Wrapped;   /* classmethod and staticmethod */
typedef struct Super { Obj head; Value cls, obj; const Type *obj_type; /* NULL: unbound */ } Super;
typedef struct GenericAlias { Obj head; Value origin; Tuple *args, *params; bool starred; } GenericAlias; /* union_type: origin is None */
TINY_MUST_CHECK Value staticmethod_new(VM *vm, Value func);
TINY_MUST_CHECK Value classmethod_new(VM *vm, Value func);
TINY_MUST_CHECK Value super_new(VM *vm, Value cls, Value obj);           /* checked like super(cls, obj) */
TINY_MUST_CHECK Value generic_alias_new(VM *vm, Value origin, Value args);/* args: one item or a tuple of them */
TINY_MUST_CHECK Value union_new(VM *vm, Value a, Value b);               /* a | b; V_NOTIMPL when they are not types */
extern const Type generic_alias_type, union_type, slot_wrapper_type, method_wrapper_type, member_descr_type, getset_descr_type, classmethod_descr_type, native_method_type,
    weakref_type, weakproxy_type, mappingproxy_type;

/* Iteration over an object's own attributes without making a dict (dir, vars-like uses, copying). Names come in order of their setting. */
bool instance_next(VM *vm, Obj *o, size_t *pos, Str **name, Value *value);
#endif
