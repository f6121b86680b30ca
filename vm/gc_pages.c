/* Memory of heap objects: pages of equal cells per size class, larger objects straight from Mem. Allocation pops a free cell of the class's current page or takes
 * a fresh one. Nothing here knows what objects mean.
 *
 * A class goes through its pages in order. What it has gone through since the last collection is the nursery: a minor collection frees there only, and begins at
 * the first page again, so that a program that makes garbage works in the same few pages, which stay in the processor's cache. Pages of leaves are swept
 * one at a time, when the class comes to them. */
#include "vm/gc_int.h"

/* Sanitized builds see the use of a dead object: what stands in a free cell behind its link may not be touched. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
static void hide_cell(void *cell, size_t size) { ASAN_POISON_MEMORY_REGION((char *)cell + sizeof(FreeCell), size - sizeof(FreeCell)); }
static void show_memory(void *memory, size_t size) { ASAN_UNPOISON_MEMORY_REGION(memory, size); }
#else
static inline void hide_cell(void *cell, size_t size) { (void)cell, (void)size; }
static inline void show_memory(void *memory, size_t size) { (void)memory, (void)size; }
#endif

static const uint16_t large_cells[CLASS_COUNT - SMALL_CLASSES] = {640, 768, 1024, 1280, 1536, MAX_CELL};

static int size_class(size_t size) {
  if (LIKELY(size <= 16 * FINE_CLASSES)) return (int)((size + 15) / 16) - 1;
  if (size <= 512) return FINE_CLASSES + (int)((size - 257) / 32);
  for (int i = 0; i < CLASS_COUNT - SMALL_CLASSES; i++) {
    if (size <= large_cells[i]) return SMALL_CLASSES + i;
  }
  return -1;
}

static size_t class_cell(int cls) {
  return cls < FINE_CLASSES ? (size_t)(cls + 1) * 16 : cls < SMALL_CLASSES ? 256 + (size_t)(cls - FINE_CLASSES + 1) * 32 : large_cells[cls - SMALL_CLASSES];
}

static size_t big_size(const Obj *o) {
  Big *b;
  memcpy(&b, (const char *)o - sizeof b, sizeof b);
  return b->size;
}

static size_t cell_size(const Obj *o) {
  int cls = o->mark >> 2;
  return cls == CLASS_BIG ? big_size(o) : class_cell(cls);
}

void *gc_obj_end(const Obj *o) { return (char *)(uintptr_t)o + cell_size(o); }
size_t gc_obj_size(VM *vm, const Obj *o) {
  (void)vm;
  return o->flags & OBJ_STATIC ? o->type->size : cell_size(o);
}

static inline char *align16(void *p) { return (char *)(((uintptr_t)p + 15) & ~(uintptr_t)15); }

/* The first page of a class is small, so that a VM that does little stays small; later ones grow with the class (by half of it), up to 32 KiB. In a small heap
 * up to 8 KiB: one object that lives keeps a page. */
static Page *page_new(VM *vm, SizeClass *c, size_t cell) {
  size_t bytes = cell < 128 ? 1024 : cell * 4 > 4096 ? cell * 4 : 2048;
  size_t all = 0;
  for (const Page *p = c->pages; p && all < 65536; p = p->next) all += p->raw_size;
  for (const Page *p = c->full; p && all < 65536; p = p->next) all += p->raw_size;
  if (all / 2 > bytes) bytes = all / 2 & ~(size_t)1023;
  size_t most = vm->mem.used < LARGE_HEAP ? 8192 : 32768;
  if (bytes > most) bytes = most;
  if (!vm->mem.reserve) mem_fill_reserve(&vm->mem);
  if (vm->starved) bytes = 1024; /* what the reserve gave has to do for objects of all sizes */
  Page *page = NULL;
  for (; bytes >= cell + sizeof(Page) + 16; bytes /= 2) { /* near the memory limit a smaller page may still fit */
    page = mem_alloc(&vm->mem, bytes);
    if (page || bytes <= 1024) break;
  }
  if (!page) {
    bytes = cell + sizeof(Page) + 16;
    page = mem_alloc(&vm->mem, bytes);
    if (!page) return NULL;
  }
  char *cells = align16(page + 1);
  *page = (Page){.raw = page, .raw_size = bytes, .cells = cells, .cell = (uint32_t)cell};
  page->count = (uint32_t)((size_t)((char *)page + bytes - cells) / cell);
  return page;
}

static COLD void *new_big(VM *vm, int kind, size_t size) {
  if (size > SIZE_MAX / 2) return NULL;
  size = (size + 15) & ~(size_t)15;
  size_t raw_size = sizeof(Big) + sizeof(Big *) + 16 + size;
  Big *b = mem_alloc(&vm->mem, raw_size);
  if (!b) return NULL;
  *b = (Big){.next = vm->heap->big[YOUNG][kind], .raw = b, .raw_size = raw_size, .size = size};
  b->obj = (Obj *)(void *)align16((char *)(b + 1) + sizeof b);
  memcpy((char *)b->obj - sizeof b, &b, sizeof b);
  vm->heap->big[YOUNG][kind] = b;
  return b->obj;
}

/* ---- pages one by one */

static void destroy(VM *vm, Obj *o) {
  if (o->type->destroy) o->type->destroy(vm, o);
}

static void set_credit(Heap *h, Page *p, uint32_t cells) {
  h->free_bytes += (size_t)cells * p->cell;
  h->free_bytes -= (size_t)p->credit * p->cell;
  p->credit = cells;
}

/* In the stress build a dead cell is used again some sweeps later only: who still holds it shall not find a new object there. */
#ifdef TINY_GC_STRESS
static bool rests(FreeCell *cell, bool died) {
  enum { TURNS = 4 };
  uintptr_t turn = died ? 1 : (uintptr_t)cell->next; /* a link of a free list is more */
  if (turn == 0 || turn > TURNS) return false;
  cell->next = (FreeCell *)(turn + 1);
  return true;
}
#else
static inline bool rests(FreeCell *cell, bool died) {
  (void)cell, (void)died;
  return false;
}
#endif

/* Frees the cells that are not black. Leaves are not looked into: their class may be gone already. */
static void sweep_page(VM *vm, Heap *h, Page *p, bool leaf) {
  uint32_t live = 0;
  FreeCell *free = NULL;
  uint8_t black = h->black;
  p->young = false;
  for (uint32_t i = p->fresh; i-- > 0;) {
    Obj *o = (Obj *)(void *)(p->cells + (size_t)i * p->cell);
    bool died = o->type != NULL;
    if (died) {
      if (o->mark & black) {
        live++;
        if (UNLIKELY(mark_of(o) == MARK_PENDING)) {
#ifdef TINY_GC_STRESS
          if (leaf) __builtin_trap(); /* swept too late for that: the object has another type than it was made with, of another kind */
#endif
          set_mark(o, MARK_WHITE);
          p->young = true;
        }
        continue;
      }
      if (!leaf) destroy(vm, o);
      o->type = NULL;
      h->stats.freed++;
      hide_cell(o, p->cell);
    }
    FreeCell *cell = (FreeCell *)(void *)o;
    if (rests(cell, died)) {
      live++;
      continue;
    }
    cell->next = free;
    free = cell;
  }
  p->free = free;
  p->live = live;
  p->state = PAGE_CLEAN;
  set_credit(h, p, p->count - live);
}

static void use_page(VM *vm, SizeClass *c, Page *p) {
  Heap *h = vm->heap;
  h->taken += (size_t)(p->count - p->live) * p->cell;
  set_credit(h, p, 0);
  c->current = p;
  c->free = p->free;
  p->free = NULL;
  p->state = PAGE_USED;
  if (h->taken > h->nursery) gc_poke(vm);
}

/* A page with few free cells is not worth its sweep again and again: it rests among the full ones until there are more. */
static bool roomy(const Page *p) { return p->count - p->live > p->count / 4; }

/* The current page has no cell left: the next one that has, else a new one. */
static bool next_page(VM *vm, SizeClass *c, int kind, int cls) {
  Page **link = c->current ? &c->current->next : &c->pages;
  for (Page *p; (p = *link) != NULL;) {
    if (p->state == PAGE_UNSWEPT) sweep_page(vm, vm->heap, p, kind == KIND_LEAF);
    if (roomy(p)) {
      use_page(vm, c, p);
      return true;
    }
    set_credit(vm->heap, p, 0);
    *link = p->next;
    p->next = c->full;
    c->full = p;
  }
  Page *page = page_new(vm, c, class_cell(cls));
  if (!page) return false;
  *link = page;
  use_page(vm, c, page);
  return true;
}

/* ---- allocation */

static NOINLINE Obj *take_slow(VM *vm, SizeClass *c, int kind, int cls) {
  Page *p = c->current;
  if ((!p || p->fresh == p->count) && !next_page(vm, c, kind, cls)) return NULL;
  FreeCell *cell = c->free;
  p = c->current;
  if (!cell) return (Obj *)(void *)(p->cells + (size_t)p->fresh++ * p->cell);
  c->free = cell->next;
  return (Obj *)(void *)cell;
}

static int kind_of_type(const Type *type) {
  if (UNLIKELY(type->layout == LAY_GEN || (type->flags & TYPE_HAS_DEL))) return KIND_FINAL;
  if (UNLIKELY(type->layout == LAY_TYPE)) return KIND_TYPE;
  return !(type->flags & TYPE_BARRIER) ? KIND_OPEN : type->destroy ? KIND_PLAIN : KIND_LEAF;
}

/* The header is set, what follows is as it was. NULL: MemoryError pending. */
static inline Obj *new_cell(VM *vm, const Type *type, int kind, size_t size) {
  int cls = size_class(size);
  Obj *o;
  if (UNLIKELY(cls < 0)) {
    o = new_big(vm, kind, size);
    cls = CLASS_BIG;
  } else {
    SizeClass *c = &vm->heap->classes[kind][cls];
    FreeCell *cell = c->free;
    if (LIKELY(cell != NULL)) {
      c->free = cell->next;
      PREFETCH(cell->next); /* the next allocation of this size reads its link */
      o = (Obj *)(void *)cell;
    } else {
      o = take_slow(vm, c, kind, cls);
    }
  }
  if (UNLIKELY(!o)) {
    rt_no_memory(vm);
    return NULL;
  }
  show_memory(o, cls == CLASS_BIG ? size : class_cell(cls));
  *o = (Obj){.type = type, .mark = (uint8_t)((unsigned)cls << 2 | MARK_WHITE), .shape = type->shape_id};
  return o;
}

void *gc_new(VM *vm, const Type *type, size_t size) {
  if (UNLIKELY(type->flags & TYPE_ATTRS_BEHIND)) size = ((size + 15) & ~(size_t)15) + 16;
  Obj *o = new_cell(vm, type, kind_of_type(type), size);
  if (UNLIKELY(!o)) return NULL;
  if (LIKELY(size <= 256)) { /* cells are whole 16-byte units */
    for (char *p = (char *)(o + 1), *end = (char *)o + size; p < end; p += 16) memset(p, 0, 16);
  } else {
    memset((char *)(o + 1), 0, size - sizeof(Obj));
  }
  if (UNLIKELY(type->flags & TYPE_ATTRS_BEHIND)) memset((char *)gc_obj_end(o) - 16, 0, 16);
  return o;
}

void *gc_new_leaf(VM *vm, const Type *type, size_t size) { return new_cell(vm, type, KIND_LEAF, size); }

/* ---- walks */

static void each_cell(const Page *p, void (*fn)(void *ctx, Obj *o), void *ctx) {
  for (uint32_t i = 0; i < p->fresh; i++) {
    Obj *o = (Obj *)(void *)(p->cells + (size_t)i * p->cell);
    if (o->type) fn(ctx, o);
  }
}

static void each_in(const Page *p, void (*fn)(void *ctx, Obj *o), void *ctx) {
  for (; p; p = p->next) each_cell(p, fn, ctx);
}

static void each_big(const Big *b, void (*fn)(void *ctx, Obj *o), void *ctx) {
  for (; b; b = b->next) fn(ctx, b->obj);
}

void pages_each(Heap *h, int kind, void (*fn)(void *ctx, Obj *o), void *ctx) {
  for (int cls = 0; cls < CLASS_COUNT; cls++) {
    each_in(h->classes[kind][cls].pages, fn, ctx);
    each_in(h->classes[kind][cls].full, fn, ctx);
  }
  each_big(h->big[YOUNG][kind], fn, ctx);
  each_big(h->big[OLD][kind], fn, ctx);
}

void pages_each_new(Heap *h, int kind, void (*fn)(void *ctx, Obj *o), void *ctx) {
  bool young = h->full;
  for (int cls = 0; cls < CLASS_COUNT; cls++) young |= h->classes[kind][cls].young;
  if (young) {
    pages_each(h, kind, fn, ctx);
    return;
  }
  for (int cls = 0; cls < CLASS_COUNT; cls++)
    for (const Page *p = h->classes[kind][cls].pages; p && p->state == PAGE_USED; p = p->next) each_cell(p, fn, ctx);
  each_big(h->big[YOUNG][kind], fn, ctx);
}

static void each_old_in(const Page *p, void (*fn)(void *ctx, Obj *o), void *ctx) {
  for (; p; p = p->next) {
    if (p->live == 0) continue;
    for (uint32_t i = 0; i < p->fresh; i++) {
      Obj *o = (Obj *)(void *)(p->cells + (size_t)i * p->cell);
      if (o->type && mark_of(o) != MARK_WHITE) fn(ctx, o);
    }
  }
}

void pages_each_old(Heap *h, int kind, void (*fn)(void *ctx, Obj *o), void *ctx) {
  for (int cls = 0; cls < CLASS_COUNT; cls++) {
    each_old_in(h->classes[kind][cls].pages, fn, ctx);
    each_old_in(h->classes[kind][cls].full, fn, ctx);
  }
  each_big(h->big[OLD][kind], fn, ctx);
}

static size_t list_live(const Page *p) {
  size_t n = 0;
  for (; p; p = p->next) n += (size_t)p->live * p->cell;
  return n;
}

size_t pages_live(const Heap *h, int kind) {
  size_t n = 0;
  for (int cls = 0; cls < CLASS_COUNT; cls++) n += list_live(h->classes[kind][cls].pages) + list_live(h->classes[kind][cls].full);
  for (const Big *b = h->big[YOUNG][kind]; b; b = b->next) n += b->raw_size;
  for (const Big *b = h->big[OLD][kind]; b; b = b->next) n += b->raw_size;
  return n;
}

static void destroy_dead(void *ctx, Obj *o) {
  VM *vm = ctx;
  if (!(o->mark & vm->heap->black)) destroy(vm, o);
}

static void destroy_any(void *ctx, Obj *o) { destroy(ctx, o); }

void pages_destroy_all(VM *vm, Heap *h) {
  for (int kind = 0; kind < KIND_COUNT; kind++) {
    if (kind != KIND_LEAF) pages_each(h, kind, destroy_any, vm);
  }
}

/* ---- sweeping */

#define KEEP_EMPTY ((size_t)1 << 17)

/* Empty pages stay for the next round, up to some bytes: to give them back and fault them in again costs more than marking. */
static bool keep_empty(const VM *vm, Heap *h, const Page *p) {
  if (!h->full) return true;
  size_t keep = vm->mem.limit || h->trim ? 0 : h->full_live / (h->full_live < LARGE_HEAP ? 8 : 4) + KEEP_EMPTY;
  if (h->kept_empty + p->raw_size > keep) return false;
  h->kept_empty += p->raw_size;
  return true;
}

static void release_page(VM *vm, Heap *h, Page *p) {
  set_credit(h, p, 0);
  show_memory(p->raw, p->raw_size);
  mem_free(&vm->mem, p->raw, p->raw_size);
}

/* The last page first: Mem gives blocks that it got back in the opposite order, and so the first cells get again the blocks that they had. Order is speed here. */
static void sweep_pages(VM *vm, Heap *h, SizeClass *c, bool leaf) {
  Page *p = c->pages, *reversed = NULL;
  while (p && (h->full || p->state == PAGE_USED)) {
    Page *next = p->next;
    p->next = reversed;
    reversed = p;
    p = next;
  }
  c->pages = p;
  while ((p = reversed) != NULL) {
    reversed = p->next;
    sweep_page(vm, h, p, leaf);
    if (p->live == 0 && !keep_empty(vm, h, p)) {
      release_page(vm, h, p);
      continue;
    }
    c->young |= p->young;
    p->next = c->pages;
    c->pages = p;
  }
}

/* Pages in which nothing was made since the last collection, but which have young objects from before. */
static void sweep_young(VM *vm, Heap *h, SizeClass *c, Page *p) {
  if (!p->young || p->state == PAGE_USED) return;
  sweep_page(vm, h, p, false);
  c->young |= p->young;
}

/* A minor collection of a class whose pages are not swept lazily. Full pages in which much has died are used again. */
static void sweep_class(VM *vm, Heap *h, SizeClass *c, bool leaf) {
  bool young = c->young;
  Page *again = NULL;
  c->young = false;
  for (Page *p = c->pages; young && p; p = p->next) sweep_young(vm, h, c, p);
  for (Page **link = &c->full, *p; young && (p = *link) != NULL;) {
    sweep_young(vm, h, c, p);
    if (!roomy(p)) {
      link = &p->next;
      continue;
    }
    *link = p->next;
    p->next = again;
    again = p;
  }
  sweep_pages(vm, h, c, leaf);
  while (again) {
    Page *p = again;
    again = p->next;
    p->next = c->pages;
    c->pages = p;
  }
}

/* The class begins at its first page again; a full collection looks at full pages too. */
static void rewind_class(Heap *h, SizeClass *c) {
  if (c->current) {
    c->current->free = c->free;
    c->free = NULL;
    c->current = NULL;
  }
  if (!h->full) return;
  Page **end = &c->pages;
  while (*end) end = &(*end)->next;
  *end = c->full;
  c->full = NULL;
}

/* Pages of leaves are swept when the class comes to them. Until then they count as free in the proportion that marking found over the class. */
static void sweep_later(Heap *h, SizeClass *c, size_t marked) {
  size_t all = 0, old = 0;
  for (Page *p = c->pages; p && (h->full || p->state == PAGE_USED); p = p->next) {
    all += p->count;
    old += h->full ? 0 : p->live;
  }
  size_t live = old + marked < all ? old + marked : all;
  for (Page *p = c->pages; p && (h->full || p->state == PAGE_USED); p = p->next) {
    p->state = PAGE_UNSWEPT;
    set_credit(h, p, (uint32_t)((double)p->count * (double)(all - live) / (double)all));
  }
}

static void sweep_big_list(VM *vm, Heap *h, int kind, Big *list) {
  for (Big *b; (b = list) != NULL;) {
    list = b->next;
    if (b->obj->mark & h->black) {
      int age = mark_of(b->obj) == MARK_PENDING ? YOUNG : OLD;
      if (age == YOUNG) set_mark(b->obj, MARK_WHITE);
      b->next = h->big[age][kind];
      h->big[age][kind] = b;
      continue;
    }
    if (kind != KIND_LEAF) destroy(vm, b->obj);
    h->stats.freed++;
    mem_free(&vm->mem, b->raw, b->raw_size);
  }
}

static void sweep_big(VM *vm, Heap *h, int kind) {
  Big *young = h->big[YOUNG][kind], *old = h->big[OLD][kind];
  h->big[YOUNG][kind] = NULL;
  if (h->full) h->big[OLD][kind] = NULL;
  sweep_big_list(vm, h, kind, young);
  if (h->full) sweep_big_list(vm, h, kind, old);
}

void pages_sweep(VM *vm, Heap *h) {
  bool lazy = vm->mem.limit == 0 && !h->trim && !(h->full && vm->mem.used < 2 * LARGE_HEAP); /* near a limit every page counts; half of it may be garbage */
  h->kept_empty = 0;
  h->recycled += h->taken;
  h->taken = 0;
  for (int kind = 0; kind < KIND_COUNT; kind++) {
    if (kind == KIND_TYPE) pages_each_new(h, kind, destroy_dead, vm); /* a dead class may be the metaclass of another: destroy all of them before any cell goes */
    bool leaf = kind == KIND_LEAF || kind == KIND_TYPE;
    for (int cls = 0; cls < CLASS_COUNT; cls++) {
      SizeClass *c = &h->classes[kind][cls];
      if (!c->pages && !c->full) continue;
      rewind_class(h, c);
      if (lazy && kind == KIND_LEAF) sweep_later(h, c, h->tracer.leaves[cls]);
      else if (!h->full) sweep_class(vm, h, c, leaf);
      else {
        c->young = false;
        sweep_pages(vm, h, c, leaf);
      }
    }
    sweep_big(vm, h, kind);
  }
}

void pages_sweep_rest(VM *vm, Heap *h) {
  h->kept_empty = 0;
  for (int cls = 0; cls < CLASS_COUNT; cls++) {
    Page **link = &h->classes[KIND_LEAF][cls].pages;
    for (Page *p; (p = *link) != NULL;) {
      if (p->state == PAGE_UNSWEPT) sweep_page(vm, h, p, true);
      if (p->state == PAGE_CLEAN && p->live == 0 && !keep_empty(vm, h, p)) {
        *link = p->next;
        release_page(vm, h, p);
      } else {
        link = &p->next;
      }
    }
  }
}

static void free_pages(VM *vm, Page *p) {
  for (Page *next; p; p = next) {
    next = p->next;
    show_memory(p->raw, p->raw_size);
    mem_free(&vm->mem, p->raw, p->raw_size);
  }
}

void pages_free(VM *vm, Heap *h) {
  for (int kind = 0; kind < KIND_COUNT; kind++) {
    for (int cls = 0; cls < CLASS_COUNT; cls++) {
      free_pages(vm, h->classes[kind][cls].pages);
      free_pages(vm, h->classes[kind][cls].full);
      h->classes[kind][cls] = (SizeClass){0};
    }
    for (int age = YOUNG; age <= OLD; age++) {
      for (Big *b = h->big[age][kind], *next; b; b = next) {
        next = b->next;
        mem_free(&vm->mem, b->raw, b->raw_size);
      }
      h->big[age][kind] = NULL;
    }
  }
}
