/* Memory of heap objects: pages of equal cells per size class, larger objects straight from Mem. Allocation pops a free cell or takes a fresh one of the
 * newest page; sweeping rebuilds the free lists in address order and gives empty pages back. Nothing here knows what objects mean. */
#include "vm/gc_int.h"

static const uint16_t large_cells[CLASS_COUNT - SMALL_CLASSES] = {640, 768, 1024, 1280, 1536, MAX_CELL};

static int size_class(size_t size) {
  if (size <= 16 * SMALL_CLASSES) return (int)((size + 15) / 16) - 1;
  for (int i = 0; i < CLASS_COUNT - SMALL_CLASSES; i++) {
    if (size <= large_cells[i]) return SMALL_CLASSES + i;
  }
  return -1;
}

static size_t class_cell(int cls) { return cls < SMALL_CLASSES ? (size_t)(cls + 1) * 16 : large_cells[cls - SMALL_CLASSES]; }

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

/* The first page of a class is small, so that a VM that does little stays small; later ones grow with the class (by half of it), up to 32 KiB. */
static Page *page_new(VM *vm, SizeClass *c, size_t cell) {
  size_t bytes = cell < 128 ? 1024 : cell * 4 > 4096 ? cell * 4 : 2048;
  size_t all = 0;
  for (const Page *p = c->pages; p && all < 65536; p = p->next) all += p->raw_size;
  if (all / 2 > bytes) bytes = all / 2 & ~(size_t)1023;
  if (bytes > 32768) bytes = 32768;
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
  *page = (Page){.next = c->pages, .raw = page, .raw_size = bytes, .cells = cells, .cell = (uint32_t)cell};
  page->count = (uint32_t)((size_t)((char *)page + bytes - cells) / cell);
  c->pages = page;
  return page;
}

static COLD void *new_big(VM *vm, int kind, size_t size) {
  if (size > SIZE_MAX / 2) return NULL;
  size = (size + 15) & ~(size_t)15;
  size_t raw_size = sizeof(Big) + sizeof(Big *) + 16 + size;
  Big *b = mem_alloc(&vm->mem, raw_size);
  if (!b) return NULL;
  *b = (Big){.next = vm->heap->big[kind], .raw = b, .raw_size = raw_size, .size = size};
  b->obj = (Obj *)(void *)align16((char *)(b + 1) + sizeof b);
  memcpy((char *)b->obj - sizeof b, &b, sizeof b);
  vm->heap->big[kind] = b;
  return b->obj;
}

void *gc_new(VM *vm, const Type *type, size_t size) {
  int kind = UNLIKELY(type->layout == LAY_GEN || (type->flags & TYPE_HAS_DEL)) ? KIND_FINAL : type->layout == LAY_TYPE ? KIND_TYPE : KIND_PLAIN;
  if (UNLIKELY(type->flags & TYPE_ATTRS_BEHIND)) size = ((size + 15) & ~(size_t)15) + 16;
  int cls = size_class(size);
  Obj *o;
  if (UNLIKELY(cls < 0)) {
    o = new_big(vm, kind, size);
  } else {
    SizeClass *c = &vm->heap->classes[kind][cls];
    FreeCell *cell = c->free;
    if (LIKELY(cell != NULL)) {
      c->free = cell->next;
      PREFETCH(cell->next); /* the next allocation of this size reads its link */
      o = (Obj *)(void *)cell;
    } else {
      Page *page = c->pages;
      if (!page || page->fresh == page->count) page = page_new(vm, c, class_cell(cls));
      o = page ? (Obj *)(void *)(page->cells + (size_t)page->fresh++ * page->cell) : NULL;
    }
  }
  if (UNLIKELY(!o)) {
    rt_no_memory(vm);
    return NULL;
  }
  if (LIKELY(size <= 256)) { /* cells are whole 16-byte units */
    for (char *p = (char *)(o + 1), *end = (char *)o + size; p < end; p += 16) memset(p, 0, 16);
  } else {
    memset((char *)(o + 1), 0, size - sizeof(Obj));
  }
  o->type = type;
  o->mark = (uint8_t)((unsigned)(cls < 0 ? CLASS_BIG : cls) << 2 | MARK_WHITE);
  if (UNLIKELY(type->flags & TYPE_ATTRS_BEHIND)) memset((char *)gc_obj_end(o) - 16, 0, 16);
  o->flags = 0;
  o->small = 0;
  o->shape = type->shape_id;
  return o;
}

void pages_each(Heap *h, int kind, void (*fn)(void *ctx, Obj *o), void *ctx) {
  for (int cls = 0; cls < CLASS_COUNT; cls++) {
    for (Page *p = h->classes[kind][cls].pages; p; p = p->next) {
      for (uint32_t i = 0; i < p->fresh; i++) {
        Obj *o = (Obj *)(void *)(p->cells + (size_t)i * p->cell);
        if (o->type) fn(ctx, o);
      }
    }
  }
  for (Big *b = h->big[kind]; b; b = b->next) fn(ctx, b->obj);
}

static void destroy(VM *vm, Obj *o) {
  if (o->type == &str_type && !((Str *)o)->extra) return;
  if (o->type->destroy) o->type->destroy(vm, o);
}

static void destroy_white(void *ctx, Obj *o) {
  if (mark_of(o) == MARK_WHITE) destroy(ctx, o);
}

static void destroy_any(void *ctx, Obj *o) { destroy(ctx, o); }

void pages_destroy_all(VM *vm, Heap *h, int kind) { pages_each(h, kind, destroy_any, vm); }

/* Frees white cells of a page; its free cells, in order, go in front of `free`. */
static FreeCell *sweep_page(VM *vm, Heap *h, Page *p, FreeCell *free, bool destroyed) {
  uint32_t live = 0;
  for (uint32_t i = p->fresh; i-- > 0;) {
    Obj *o = (Obj *)(void *)(p->cells + (size_t)i * p->cell);
    if (o->type) {
      if (mark_of(o) != MARK_WHITE) {
        set_mark(o, MARK_WHITE);
        live++;
        continue;
      }
      if (!destroyed) destroy(vm, o);
      o->type = NULL;
      h->stats.freed++;
    }
    FreeCell *cell = (FreeCell *)(void *)o;
    cell->next = free;
    free = cell;
  }
  p->live = live;
  h->stats.free_bytes += (size_t)(p->count - live) * p->cell;
  return free;
}

#define KEEP_EMPTY ((size_t)1 << 20)

static void sweep_class(VM *vm, Heap *h, SizeClass *c, bool destroyed) {
  FreeCell *free = NULL;
  Page **link = &c->pages;
  size_t keep = h->stats.live_bytes / 4 + KEEP_EMPTY; /* empty pages stay for the next round: to give them back and fault them in again costs more than marking */
  for (Page *p; (p = *link) != NULL;) {
    FreeCell *before = free;
    free = sweep_page(vm, h, p, free, destroyed);
    if (p->live == 0 && h->kept_empty + p->raw_size > keep) {
      free = before;
      h->stats.free_bytes -= (size_t)p->count * p->cell;
      *link = p->next;
      mem_free(&vm->mem, p->raw, p->raw_size);
      continue;
    }
    if (p->live == 0) h->kept_empty += p->raw_size;
    link = &p->next;
  }
  c->free = free;
}

static void sweep_big(VM *vm, Heap *h, int kind, bool destroyed) {
  Big **link = &h->big[kind];
  for (Big *b; (b = *link) != NULL;) {
    if (mark_of(b->obj) != MARK_WHITE) {
      set_mark(b->obj, MARK_WHITE);
      link = &b->next;
      continue;
    }
    if (!destroyed) destroy(vm, b->obj);
    h->stats.freed++;
    *link = b->next;
    mem_free(&vm->mem, b->raw, b->raw_size);
  }
}

void pages_sweep(VM *vm, Heap *h, int kind) {
  bool destroyed = kind == KIND_TYPE; /* a dead class may be the metaclass of another: destroy all of them before any cell goes */
  if (destroyed) pages_each(h, kind, destroy_white, vm);
  for (int cls = 0; cls < CLASS_COUNT; cls++) {
    if (h->classes[kind][cls].pages) sweep_class(vm, h, &h->classes[kind][cls], destroyed);
  }
  sweep_big(vm, h, kind, destroyed);
}

void pages_free(VM *vm, Heap *h) {
  for (int kind = 0; kind < KIND_COUNT; kind++) {
    for (int cls = 0; cls < CLASS_COUNT; cls++) {
      for (Page *p = h->classes[kind][cls].pages, *next; p; p = next) {
        next = p->next;
        mem_free(&vm->mem, p->raw, p->raw_size);
      }
      h->classes[kind][cls] = (SizeClass){0};
    }
    for (Big *b = h->big[kind], *next; b; b = next) {
      next = b->next;
      mem_free(&vm->mem, b->raw, b->raw_size);
    }
    h->big[kind] = NULL;
  }
}
