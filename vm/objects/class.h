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
  bool dict_mode;            /* slots[0] holds a Dict: __dict__ was asked for, an attribute deleted, or there are too many */
} Shape;

typedef struct Class {
  Type t;                    /* t.head.type is the metaclass; t.flags has TYPE_HEAP */
  Str *name, *qualname;
  Dict *ns;                  /* the class namespace; the mappingproxy of it is __dict__ */
  Tuple *bases, *mro;        /* of class objects */
  Shape *root;               /* of fresh instances */
  uint32_t slot_hint;        /* attribute slots that instances turned out to need: room kept inside the object */
  uint32_t n_members;        /* __slots__ members, in slots 0.. before ordinary attributes */
  struct WeakList *subclasses;/* vm-side list, weak */
  Dict *attrs;               /* unused by type itself; instances of metaclasses with attributes use ns */
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
/* Attribute storage of an object whose type has TYPE_HAS_ATTRS; address of the slots pointer, NULL if it has none. */
Value instance_get(VM *vm, Obj *o, Str *name);                           /* own attributes only, V_ABSENT; not [script] */
TINY_MUST_CHECK bool instance_set(VM *vm, Obj *o, Str *name, Value v);
int instance_del(VM *vm, Obj *o, Str *name);                             /* 1 0 -1 */
Dict *instance_dict(VM *vm, Obj *o);                                     /* __dict__: switches to dict mode; NULL: out of memory */
bool instance_set_dict(VM *vm, Obj *o, Dict *d);
void instance_trace_attrs(Tracer *t, Obj *o);
void instance_destroy_attrs(VM *vm, Obj *o);
Shape *shape_of(VM *vm, const Obj *o);                                   /* NULL: builtin without shapes */
int32_t shape_find(const Shape *s, const Str *interned_name);            /* slot or -1 */
/* type(name, bases, ns): computes metaclass-independent parts (MRO, layout, slots, flags). Does not call __set_name__ or __init_subclass__. */
TINY_MUST_CHECK Value class_new(VM *vm, const Type *metatype, Str *name, Tuple *bases, Dict *ns);
void attr_flush_caches(VM *vm);                                          /* after any change of a class that caches may know */
/* The per-VM namespace of a builtin type: its methods, slot wrappers and getsets as objects. NULL: out of memory. */
Dict *type_namespace(VM *vm, const Type *t);
Tuple *type_mro(VM *vm, const Type *t);                                  /* NULL: out of memory */
#endif
