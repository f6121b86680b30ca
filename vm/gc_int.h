/* Shared by gc.c (marking, weak references, finalizers) and gc_pages.c (cells, pages, sweeping). */
#ifndef TINY_VM_GC_INT_H
#define TINY_VM_GC_INT_H
#include "vm/vm.h"

/* Cells of different kinds stand in pages of their own. Stores into LEAF and PLAIN objects (those of TYPE_BARRIER types) are seen by the collector; the other
   kinds are "open": every minor collection looks at all of their objects. Leaves have nothing to destroy (str, tuple, float, cell...): their pages are swept
   lazily, when cells of that size are wanted next. FINAL: objects that need a look before they are freed (generators, classes with __del__).
   TYPE: class objects, which are swept last because dead instances still point at them. */
enum { KIND_LEAF, KIND_PLAIN, KIND_OPEN, KIND_FINAL, KIND_TYPE, KIND_COUNT };
/* Cells of 16, 32 ... 256, then 288, 320 ... 512, then a few large ones. */
enum { FINE_CLASSES = 16, SMALL_CLASSES = 24, CLASS_COUNT = 30, MAX_CELL = 2048 };
/* Obj.mark: colour in the low two bits, size class of the cell above (CLASS_BIG: a Big of its own, whose address stands just before the object).
   White: not seen by any collection yet. What survives one is black and stays so: old. There are two blacks, which full collections use in turn,
   so that nothing has to be made white again. MARK_PENDING: black (of both kinds), but the mark stack had no room: its children are not seen yet; or it lives and stays young (gc.c),
   and is made white when its page is swept, in the same collection. */
enum { MARK_WHITE = 0, MARK_BLACK_A = 1, MARK_BLACK_B = 2, MARK_PENDING = 3, MARK_BITS = 3, CLASS_BIG = 63 };
static inline int mark_of(const Obj *o) { return o->mark & MARK_BITS; }
static inline void set_mark(Obj *o, int colour) { o->mark = (uint8_t)((o->mark & ~MARK_BITS) | colour); }

#define LARGE_HEAP ((size_t)4 << 20) /* smaller ones are kept tight: the system's pages count there, and looking at all of it is soon done */

/* A free cell: type NULL (so that walks skip it) and a link. */
typedef struct FreeCell { const Type *type; struct FreeCell *next; } FreeCell;

/* USED: cells were taken since the last collection. UNSWEPT: what is not black there is dead; leaves only. */
typedef enum { PAGE_CLEAN, PAGE_USED, PAGE_UNSWEPT } PageState;
typedef struct Page {
  struct Page *next;
  void *raw;
  size_t raw_size;
  char *cells;
  FreeCell *free;              /* in address order; those of a class's current page stand in the class */
  uint32_t cell, count, fresh; /* count cells of cell bytes; those from fresh on were never used */
  uint32_t live;               /* when it was last swept */
  uint32_t credit;             /* cells of it that Heap.free_bytes counts */
  bool young;                  /* objects in it outlived a collection and are still young: the next one has to look at it */
  PageState state;
} Page;
typedef struct SizeClass {
  FreeCell *free;
  Page *current;               /* where these and the fresh cells are taken from; it and the pages before it are USED. NULL: none yet */
  Page *pages, *full;          /* full: hardly a free cell at the last look; nothing in it is taken until a collection finds more */
  bool young;                  /* one of the pages is */
} SizeClass;
typedef struct Big { struct Big *next; void *raw; size_t raw_size; size_t size; Obj *obj; } Big;

typedef struct WeakEntry { Obj *target; /* NULL: free; WEAK_GONE: deleted */ Obj **refs; uint32_t n, cap; } WeakEntry;

struct tiny_tracer {
  VM *vm;
  Obj **stack;
  size_t n, cap;
  uint8_t black;                  /* Heap.black */
  bool overflow, overflowed;      /* the stack had no room: objects are pending now; in this collection */
  bool open;                      /* what is marked now is held by something that every collection looks at */
  size_t leaves[CLASS_BIG + 1];   /* leaves marked, by size class */
  bool probing;                   /* gc_probe: views in temporaries that may be left over are put off */
  Value *doubtful;                /* these */
  size_t n_doubtful, cap_doubtful;
#ifdef TINY_GC_STRESS
  const Obj *tracing;             /* checking a minor collection: a white object reached from here was missed */
#endif
};

struct Heap {
  SizeClass classes[KIND_COUNT][CLASS_COUNT];
  Big *big[2][KIND_COUNT]; /* [OLD]: what minor collections need not look at */
  uint8_t black;           /* the colour of what the last collections kept */
  bool full;               /* this collection looks at everything */
  bool want_full;          /* the next one has to */
  Tracer tracer;
  void (*probe)(VM *vm);   /* of gc_probe; NULL: no one asks */
  Obj **remembered;        /* old objects that had a young one stored into them, and young objects stored into old containers */
  size_t n_remembered, cap_remembered;
  WeakEntry *weak;         /* open addressing, size a power of two */
  size_t weak_size, weak_used;
  Obj **queue;             /* objects whose finalizer is to run, weakrefs whose callback is to run */
  size_t queue_len, queue_cap, queue_at;
  bool late_finalizers;    /* some class got a __del__ when it may have had instances: those do not stand among KIND_FINAL */
  bool finalizing, collecting, finishing /* the program ends: what lives is finalized, too */;
  size_t taken, nursery;   /* bytes of cells put to use since the last collection, and how many there may be until the next */
  size_t free_bytes;       /* of cells in pages that are not in use now; of unswept pages an estimate */
  size_t kept_empty;       /* bytes of empty pages that this sweep left in place */
  size_t full_at;          /* live bytes from which on a collection is a full one */
  size_t full_live;        /* live bytes after the last full one */
  bool trim;               /* this collection keeps no free pages */
  size_t trimmed;          /* bytes in use after the last gc_trim */
  size_t recycled;         /* bytes of cells put to use since then, up to the last collection */
  size_t let_go;           /* bytes that somebody knows to be garbage, or soon */
  unsigned full_in;        /* for that, a full collection as the so many'th from now; 0: none */
  size_t held, held_lately; /* the most bytes that were held at once since memory went back to the system; ... in the last few collections */
  unsigned held_for;       /* ... in so many */
  uint64_t last_trim;      /* when that was: number of collections */
  size_t full_room;        /* below the memory limit after the last full one */
  GcStats stats;
};

enum { YOUNG, OLD };
void pages_each(Heap *h, int kind, void (*fn)(void *ctx, Obj *o), void *ctx); /* cells in use, and dead ones of unswept pages */
void pages_each_new(Heap *h, int kind, void (*fn)(void *ctx, Obj *o), void *ctx); /* at least all that this collection may free, which has not swept yet */
void pages_sweep(VM *vm, Heap *h);                /* after marking: frees what is not black, or leaves it to be swept later */
void pages_sweep_rest(VM *vm, Heap *h);           /* what pages_sweep left */
void pages_each_old(Heap *h, int kind, void (*fn)(void *ctx, Obj *o), void *ctx); /* those of an open kind that a collection has kept */
size_t pages_live(const Heap *h, int kind);       /* bytes of the objects that the last collection kept; not for leaves */
void pages_destroy_all(VM *vm, Heap *h);
void pages_free(VM *vm, Heap *h);
void gc_poke(VM *vm);                             /* collect at the next safe point */
#endif
