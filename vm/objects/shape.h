/* What the files of the object model share about shapes and the per-VM tables of types. */
#ifndef TINY_OBJECTS_SHAPE_H
#define TINY_OBJECTS_SHAPE_H
#include "vm/native.h"
#include "vm/objects/class.h"

/* (type, name) -> class attribute. A direct-mapped table that grows while it is small and often missed. */
typedef struct MethodEntry {
  const Type *type;
  Str *name;
  Value value;          /* V_ABSENT: no such attribute */
  Value override;       /* attr_override's answer, when it was asked for */
  bool asked;
} MethodEntry;

/* vm->method_cache: everything that the object model keeps per VM. */
enum { TYPE_FILLED = 64 };
typedef struct MethodCache {
  MethodEntry *entries;
  uint32_t mask;        /* entries - 1; entries NULL: no table */
  uint32_t misses;      /* since the last growth */
  uint32_t version;     /* changes with every flush; never 0 */
  uint32_t n_filled;    /* entries filled since the last flush; the first of them, when there are not more */
  uint16_t filled[TYPE_FILLED];
  uint32_t *free_ids;   /* shape ids to be used again */
  size_t n_free_ids, cap_free_ids;
  Class **classes;      /* every heap class, oldest first; NULL: gone */
  size_t n_classes, cap_classes, live_classes;
  bool wrapped;         /* some entry's override is an object made for it, which nothing else keeps alive */
  bool disordered;      /* __bases__ was assigned: a class may stand before its bases */
  Shape **roots;        /* of builtin types whose instances have attributes, by shape_id */
  Signature **new_sigs, **init_sigs; /* parsed Type.new_sig, init_sig, by shape_id of the builtin type; number 0: any arguments */
  Arena defs;         /* tiny_def rows of __init__ and __new__ of builtin types */
  Tuple **bases;       /* __bases__ of builtin types, by shape_id */
} TypeState;

bool shape_new_id(VM *vm, Shape *shape, uint32_t *id);
void shape_free_id(VM *vm, uint32_t id);
Shape *shape_new_root(VM *vm, const Type *type, uint32_t n_members);
void shape_free_tree(VM *vm, Shape *root);
void shape_trace_tree(Tracer *t, Shape *root);
int32_t shape_slot(VM *vm, Shape *s, const Str *name);   /* shape_find, quick for large shapes */
Shape *type_root_shape(VM *vm, const Type *t);           /* NULL: out of memory */
Value *instance_slot(const Obj *o, uint32_t index);      /* an attribute that is there, of an object not in dict mode */
bool instance_add(VM *vm, Obj *o, uint32_t index, uint32_t shape, Value v); /* a new attribute, and the shape that says so */
Value instance_member(Obj *o, uint32_t index);
bool instance_set_member(VM *vm, Obj *o, uint32_t index, Value v);
bool instance_change_class(VM *vm, Obj *o, const Type *to);
/* object.c */
extern const tiny_def object_natives[];                  /* for frozen code: _type_text(x), the name of x's type as messages show it */
extern const tiny_def object_init_def;                   /* object.__init__ */
Value object_names_list(VM *vm, Dict *d);                /* list of a dict's keys */
Value object_default_format(VM *vm, Value self, Str *spec);
Value class_hooks(VM *vm, Value cls, Value kwargs);      /* what follows type.__new__; to be returned by a native (class_methods.c) */
/* class.c */
void class_trace_slot(Tracer *t, Obj *o);                /* of type and metaclasses */
void class_destroy_slot(VM *vm, Obj *o);
Tuple *class_compute_mro(VM *vm, Value self, const Tuple *bases);
bool class_set_name(VM *vm, Class *c, Str *name);
bool class_first_mro(VM *vm, Class *c);                  /* the metaclass's mro() for a class just made [script] (class_bases.c) */
bool class_set_bases(VM *vm, Class *c, Value bases);     /* __bases__ = bases [script] */
const Type *class_best_base(VM *vm, const Tuple *bases); /* NULL: TypeError pending */
bool slot_wrappers_add(VM *vm, const Type *t, Dict *ns); /* dunder methods from the slots of a builtin type (slot_wrappers.c) */
void slot_wrapper_mark(Native *fn);                      /* a method of a builtin type that has the name of a slot is shown as a slot wrapper */
bool value_is_wrapper(Value v);                          /* a slot wrapper of a builtin type */
bool value_is_plain_data(Value v);                       /* no function, no descriptor */
const Type *type_by_id(uint32_t id);
const Type *type_owner_of(VM *vm, const Type *type, Str *name); /* class along the MRO that has the name; NULL: none */
/* A class attribute as something to be called with the object as first argument: functions as they are, others wrapped so that they are bound first (attr.c). */
Value special_unbound(VM *vm, Value v, const Str *name);
/* AttributeError with this message (V_FAIL is passed on), its name and obj set (attr.c). Returns V_FAIL. */
Value attr_error(VM *vm, Value obj, Str *name, Value msg);
int attr_real_instance(VM *vm, Value v, const Type *cls); /* type.__instancecheck__ [script]: 1 0 -1 */
Value type_qualname(VM *vm, const Type *t);              /* str; V_FAIL: out of memory */
struct Frame;
bool super_method(VM *vm, const struct Frame *f, Str *name, Value *fn, Value *self);   /* super().name of a frame's function, when that is a plain method */
Value super_lookup(VM *vm, const Super *s, Str *name);   /* class attribute behind s.cls in the MRO; V_ABSENT; not bound */
bool type_lookup_is_cached(VM *vm, const Type *type, const Str *name); /* what rt_type_lookup found may stay in caches (it did not come from a class whose data change) */
void type_flush_methods(VM *vm);                         /* empties the method cache */

#include "vm/vm.h"
static inline TypeState *type_state(VM *vm) { return vm->method_cache; }
#endif
