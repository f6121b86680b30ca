/* Shared by gc.c (marking, weak references, finalizers) and gc_pages.c (cells, pages, sweeping). */
#ifndef TINY_VM_GC_INT_H
#define TINY_VM_GC_INT_H
#include "vm/vm.h"

/* Cells of three kinds stand in pages of their own: objects that need a look before they are freed (generators, classes with __del__), and class objects,
   which are swept last because dead instances still point at them. */
enum { KIND_PLAIN, KIND_FINAL, KIND_TYPE, KIND_COUNT };
enum { SMALL_CLASSES = 32, CLASS_COUNT = 38, MAX_CELL = 2048 };
/* Obj.mark: colour in the low two bits, size class of the cell above (CLASS_BIG: a Big of its own, whose address stands just before the object). */
enum { MARK_WHITE = 0, MARK_BLACK = 1, MARK_PENDING = 3 /* black, but the mark stack had no room: children not seen yet */, MARK_BITS = 3, CLASS_BIG = 63 };
static inline int mark_of(const Obj *o) { return o->mark & MARK_BITS; }
static inline void set_mark(Obj *o, int colour) { o->mark = (uint8_t)((o->mark & ~MARK_BITS) | colour); }

/* A free cell: type NULL (so that walks skip it) and a link. */
typedef struct FreeCell { const Type *type; struct FreeCell *next; } FreeCell;
/* count cells of cell bytes; those from fresh on were never used. */
typedef struct Page { struct Page *next; void *raw; size_t raw_size; char *cells; uint32_t cell, count, fresh, live; } Page;
typedef struct SizeClass { FreeCell *free; Page *pages; /* newest first: only the first one has fresh cells */ } SizeClass;
typedef struct Big { struct Big *next; void *raw; size_t raw_size; size_t size; Obj *obj; } Big;

typedef struct WeakEntry { Obj *target; /* NULL: free; WEAK_GONE: deleted */ Obj **refs; uint32_t n, cap; } WeakEntry;

struct tiny_tracer { VM *vm; Obj **stack; size_t n, cap; bool overflow; };

struct Heap {
  SizeClass classes[KIND_COUNT][CLASS_COUNT];
  Big *big[KIND_COUNT];
  Tracer tracer;
  WeakEntry *weak;         /* open addressing, size a power of two */
  size_t weak_size, weak_used;
  Obj **queue;             /* objects whose finalizer is to run, weakrefs whose callback is to run */
  size_t queue_len, queue_cap, queue_at;
  bool finalizing, collecting, finishing /* the program ends: what lives is finalized, too */;
  size_t kept_empty;       /* bytes of empty pages that this sweep left in place */
  GcStats stats;
};

void pages_each(Heap *h, int kind, void (*fn)(void *ctx, Obj *o), void *ctx);
void pages_sweep(VM *vm, Heap *h, int kind);      /* frees what is white, whitens the rest; counts into h->stats */
void pages_destroy_all(VM *vm, Heap *h, int kind);
void pages_free(VM *vm, Heap *h);
#endif
