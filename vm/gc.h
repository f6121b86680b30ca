/* The collector: precise, non-moving mark-sweep over size-class pages. Objects are made here and nowhere else.
 * It runs only at safe points of the dispatch loop (gc_poll), so plain C code between [script] calls needs no rooting.
 * Every store of a reference into a heap object goes through gc_store: the write barrier (empty today). */
#ifndef TINY_VM_GC_H
#define TINY_VM_GC_H
#include "vm/object.h"

/* New object of this type: size bytes in all (>= sizeof(Obj)), header filled in (shape = type->shape_id), the rest zero bytes.
   Types with TYPE_ATTRS_BEHIND get 16 bytes (rounded up) more, at the end of the cell: their AttrStore.
   NULL: MemoryError is pending. Note: a zeroed Value is the int 0. Never collects. */
TINY_MUST_CHECK void *gc_new(VM *vm, const Type *type, size_t size);

static inline void gc_store(VM *vm, void *owner, Value *slot, Value v) {
  (void)vm;
  (void)owner;
  *slot = v;
}
#define gc_store_obj(vm, owner, slot, o) ((void)(vm), (void)(owner), (void)(*(slot) = (o))) /* the same for typed pointers */

/* For trace functions. */
void gc_mark_obj(Tracer *t, const void *obj);        /* NULL is fine; static objects are skipped */
static inline void gc_mark(Tracer *t, Value v) {
  if (v_is_obj(v)) gc_mark_obj(t, v_obj(v));
}
void gc_mark_array(Tracer *t, const Value *items, size_t n);

typedef struct Heap Heap;
bool gc_init(VM *vm);
void gc_free_all(VM *vm);
void gc_collect(VM *vm);                             /* mark + sweep now; queues finalizers, does not run them */
bool gc_run_finalizers(VM *vm);                      /* [script] queued __del__, closing of abandoned generators, weakref callbacks; errors are reported, not raised */
void gc_finish(VM *vm);                              /* [script] end of the program: finalizers of garbage, then of all that lives */
void gc_each(VM *vm, void (*fn)(void *ctx, Obj *o), void *ctx); /* every live object (gc.get_objects) */
size_t gc_count(VM *vm);
size_t gc_obj_size(VM *vm, const Obj *o);            /* bytes of the object's cell */
void *gc_obj_end(const Obj *o);                      /* address just behind the cell; never changes while the object lives. TYPE_ATTRS_BEHIND: the last 16 bytes are the AttrStore */

/* Live memory after the last collection and so on, for sys and gc modules. */
typedef struct GcStats { uint64_t collections, freed; size_t live_bytes, free_bytes; } GcStats;
const GcStats *gc_stats(VM *vm);
/* Is o alive after marking? For weak tables that are cleaned between marking and sweeping (str_intern_sweep...). */
static inline bool gc_is_marked(Obj *o) { return ((o->mark & 3) | (o->flags & OBJ_STATIC)) != 0; }

/* Weak references: side table from object to its list of weakref objects, each of which starts with struct WeakRef. When the target dies, the collector sets
   target to NULL and queues callback(ref) if there is one and the ref itself lives. A trace function of such a type marks callback, never target.
   A destroy function calls gc_weak_remove while target is not NULL. */
typedef struct WeakRef { Obj head; Obj *target; Value callback; /* V_ABSENT: none */ int64_t hash; /* of the target, -1: not asked for yet */ } WeakRef;
bool gc_weak_add(VM *vm, Obj *target, Obj *ref);     /* sets OBJ_HAS_WEAKREF */
void gc_weak_remove(VM *vm, Obj *target, Obj *ref);
size_t gc_weak_list(VM *vm, Obj *target, Obj ***refs); /* borrowed view */
#endif
