/* The collector: precise, non-moving mark-sweep over size-class pages. Objects are made here and nowhere else.
 * It runs only at safe points of the dispatch loop (gc_poll), so plain C code between [script] calls needs no rooting.
 * Every store of a reference into a heap object goes through gc_store: the write barrier. */
#ifndef TINY_VM_GC_H
#define TINY_VM_GC_H
#include "vm/object.h"

/* New object of this type: size bytes in all (>= sizeof(Obj)), header filled in (shape = type->shape_id), the rest zero bytes.
   Types with TYPE_ATTRS_BEHIND get 16 bytes (rounded up) more, at the end of the cell: their AttrStore.
   NULL: MemoryError is pending. Note: a zeroed Value is the int 0. Never collects. */
TINY_MUST_CHECK void *gc_new(VM *vm, const Type *type, size_t size);
/* The same for a builtin type with TYPE_BARRIER, without attributes, destroy and __del__: nothing behind the header is set, the caller fills in all of it. */
TINY_MUST_CHECK void *gc_new_leaf(VM *vm, const Type *type, size_t size);

/* The write barrier. A minor collection looks at young objects only, so it has to be told of those that old ones hold: gc_store tells when an old object (one that a
   collection has kept) gets a young one. Only types with TYPE_BARRIER depend on it; objects of the others are all looked at. Stores into an object that was
   just made, before any safe point, need none. */
void gc_remember(VM *vm, Obj *owner, Obj *young);    /* the old owner is looked at again; an owner with many items: young is kept, whatever becomes of it */
static inline void gc_remember_all(VM *vm, void *owner) { /* after a move of many items into owner */
  if (((const Obj *)owner)->mark & 3) gc_remember(vm, (Obj *)owner, NULL);
}
static inline bool gc_needs_barrier(const Obj *owner, Value v) { return v_is_obj(v) && (owner->mark & 3) && !(v_obj(v)->mark & 3); }
static inline void gc_store(VM *vm, void *owner, Value *slot, Value v) {
  *slot = v;
  if (UNLIKELY(gc_needs_barrier((const Obj *)owner, v))) gc_remember(vm, (Obj *)owner, NULL);
}
static inline void gc_store_item(VM *vm, void *owner, Value *slot, Value v) { /* list, dict, set */
  *slot = v;
  if (UNLIKELY(gc_needs_barrier((const Obj *)owner, v))) gc_remember(vm, (Obj *)owner, v_obj(v));
}
#define gc_store_obj(vm, owner, slot, o) ((void)(*(slot) = (o)), gc_remember_all(vm, owner)) /* typed pointers: not for hot paths */

/* For trace functions. */
void gc_mark_obj(Tracer *t, const void *obj);        /* NULL is fine; static objects are skipped */
static inline void gc_mark(Tracer *t, Value v) {
  if (v_is_obj(v)) gc_mark_obj(t, v_obj(v));
}
void gc_mark_array(Tracer *t, const Value *items, size_t n);
struct Code;
void gc_mark_registers(Tracer *t, const Value *regs, const struct Code *code, bool exact); /* exact: none of the temporaries is left over */

typedef struct Heap Heap;
bool gc_init(VM *vm);
void gc_free_all(VM *vm);
void gc_late_finalizers(VM *vm);                     /* a class with instances got a __del__, or an instance a class that has one */
void gc_collect(VM *vm);                             /* a full collection now; queues finalizers, does not run them */
void gc_trim(VM *vm);                                /* the same, and all that is free goes back to the system */
void gc_let_go(VM *vm, size_t bytes);                /* so much is known to be garbage, old perhaps */
int gc_trim_pays(const VM *vm);                      /* is it worth its time, by what was put to use since the last one? 0 no, 1 in a longer pause, 2 at once */
/* A collection that asks a question: probe(vm) is called when everything that is in use for certain is marked (gc_is_marked). Not so the memoryviews that only
   temporaries of frames hold which may be left over: they are marked afterwards. full: else old objects count as used. False: there can be no collection now. */
bool gc_probe(VM *vm, bool full, void (*probe)(VM *vm));
void gc_step(VM *vm);                                /* the collection that is due: mostly a minor one */
void gc_no_memory(VM *vm);                           /* a request was refused: the next safe point collects fully, so that a script that drops what it has can go on */
bool gc_run_finalizers(VM *vm);                      /* [script] queued __del__, closing of abandoned generators, weakref callbacks; errors are reported, not raised */
void gc_finalize(VM *vm, Obj *o);                    /* [script] what is done with one of the queue. The caller keeps it alive */
void gc_finish(VM *vm);                              /* [script] end of the program: finalizers of garbage, then of all that lives */
void gc_each(VM *vm, void (*fn)(void *ctx, Obj *o), void *ctx); /* every live object (gc.get_objects) */
size_t gc_count(VM *vm);
size_t gc_obj_size(VM *vm, const Obj *o);            /* bytes of the object's cell */
void *gc_obj_end(const Obj *o);                      /* address just behind the cell; never changes while the object lives. TYPE_ATTRS_BEHIND: the last 16 bytes are the AttrStore */

/* Live memory after the last collection and so on, for sys and gc modules. */
typedef struct GcStats { uint64_t collections, freed, marked /* bytes that lived, summed over the collections */; size_t live_bytes, free_bytes; } GcStats;
const GcStats *gc_stats(VM *vm);
bool gc_is_old(const VM *vm, const Obj *o);    /* no minor collection will free it */
bool gc_is_marked(const VM *vm, const Obj *o); /* for what is cleaned between marking and sweeping: does it live? */

/* Weak references: side table from object to its list of weakref objects, each of which starts with struct WeakRef. When the target dies, the collector sets
   target to NULL and queues callback(ref) if there is one and the ref itself lives. A trace function of such a type marks callback, never target.
   A destroy function calls gc_weak_remove while target is not NULL. */
typedef struct WeakRef { Obj head; Obj *target; Value callback; /* V_ABSENT: none */ int64_t hash; /* of the target, -1: not asked for yet */ } WeakRef;
bool gc_weak_add(VM *vm, Obj *target, Obj *ref);     /* sets OBJ_HAS_WEAKREF */
void gc_weak_remove(VM *vm, Obj *target, Obj *ref);
size_t gc_weak_list(VM *vm, Obj *target, Obj ***refs); /* borrowed view */
#endif
