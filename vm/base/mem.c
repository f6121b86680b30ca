/* Memory through the host's allocator: exact accounting, the limit, the failure hook of the tests, and on top of them the growable array, the byte
   buffer and the arena. Everything the library owns passes request() or mem_free(), so `used` is exact at any moment. */
#include "vm/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *mem_system(void *user, void *ptr, size_t old_size, size_t new_size) {
  (void)user;
  (void)old_size;
  if (new_size == 0) {
    free(ptr);
    return NULL;
  }
  return realloc(ptr, new_size);
}

void mem_init(Mem *mem, MemFn fn, void *user, size_t limit) {
  memset(mem, 0, sizeof *mem);
  mem->fn = fn ? fn : mem_system;
  mem->user = user;
  mem->limit = limit;
  mem->gc_at = SIZE_MAX;
}

/* Test hook: does this request have to fail? */
static bool must_fail(Mem *mem) {
  mem->requests++;
  if (LIKELY(mem->fail_at == 0)) return false;
  if (--mem->fail_at > 0) return false;
  if (mem->fail_sticky) mem->fail_at = 1;
  return true;
}

/* Blocks of up to MEM_SMALL bytes are asked for in multiples of 16, so that a freed one serves any request of its class. So are those of MEM_MIDDLE to
   MEM_LARGE bytes, in KiB: what servers read and write comes and goes in such pieces, and the host would give the memory back to the system each time.
   Sanitized builds keep none: a use after free is to be seen. */
#define MEM_SMALL 256u
#define MEM_MIDDLE 4096u
#define MEM_LARGE 66560u /* 64 KiB and the head of an object */
#if defined(__SANITIZE_ADDRESS__)
#define MEM_KEEP 0u
#else
#define MEM_KEEP ((size_t)1 << 18)
#endif

/* What a block of this size really takes; 0 is counted as one byte, so that it has an address of its own. */
static size_t true_size(size_t size) {
  if (LIKELY(size <= MEM_SMALL)) return size ? (size + 15) & ~(size_t)15 : 16;
  return size > MEM_MIDDLE - 1024 && size <= MEM_LARGE ? (size + 1023) & ~(size_t)1023 : size;
}

/* Where freed blocks of a true size are kept; NULL: they are not. */
static struct MemBlock **bin_of(Mem *mem, size_t size) {
  if (LIKELY(size <= MEM_SMALL)) return &mem->bins[size / 16 - 1];
  return size >= MEM_MIDDLE && size <= MEM_LARGE ? &mem->bins[16 + (size - MEM_MIDDLE) / 1024] : NULL;
}
static size_t bin_size(size_t bin) { return bin < 16 ? (bin + 1) * 16 : MEM_MIDDLE + (bin - 16) * 1024; }

void mem_trim(Mem *mem) {
  for (size_t i = 0; i < sizeof mem->bins / sizeof *mem->bins; i++) {
    while (mem->bins[i]) {
      struct MemBlock *b = mem->bins[i];
      mem->bins[i] = b->next;
      mem->fn(mem->user, b, bin_size(i), 0);
    }
  }
  mem->kept = 0;
}

void mem_trim_system(Mem *mem) {
  mem_trim(mem);
  if (mem->trim) mem->trim(mem->user);
}

/* May this much more be taken? The limit is checked before the host is asked. */
static bool allowed(Mem *mem, size_t more) {
  if (UNLIKELY(more > (sizeof(size_t) > 4 ? SIZE_MAX >> 24 : SIZE_MAX / 2))) return false; /* 1 TiB at once: no machine gives it, the host need not be asked */
  return !mem->limit || (mem->used <= mem->limit && more <= mem->limit - mem->used);
}

static void count(Mem *mem, size_t old_size, size_t new_size) {
  mem->used = mem->used - old_size + new_size;
  if (mem->used > mem->peak) mem->peak = mem->used;
  if (UNLIKELY(mem->used > mem->gc_at)) {
    mem->want_gc = true;
    if (mem->poke && *mem->poke > 0) *mem->poke -= MEM_POKE;
  }
}

static void *ask_host(Mem *mem, void *ptr, size_t old_size, size_t new_size) {
  void *block = mem->fn(mem->user, ptr, old_size, new_size);
  if (UNLIKELY(!block) && mem->kept) {
    mem_trim(mem);
    block = mem->fn(mem->user, ptr, old_size, new_size);
  }
  return block;
}

/* The one door for a new block; size is a true size. */
static void *take(Mem *mem, size_t size) {
  if (UNLIKELY(must_fail(mem)) || UNLIKELY(!allowed(mem, size))) return NULL;
  struct MemBlock **bin = bin_of(mem, size), *b = bin ? *bin : NULL;
  if (b) {
    *bin = b->next;
    mem->kept -= size;
  } else {
    b = ask_host(mem, NULL, 0, size);
    if (UNLIKELY(!b)) return NULL;
  }
  count(mem, 0, size);
  return b;
}

void *mem_alloc(Mem *mem, size_t size) { return take(mem, true_size(size)); }

void *mem_zalloc(Mem *mem, size_t size) {
  void *block = mem_alloc(mem, size);
  if (block) memset(block, 0, size);
  return block;
}

void *mem_realloc(Mem *mem, void *ptr, size_t old_size, size_t new_size) {
  if (!ptr) return mem_alloc(mem, new_size);
  size_t from = true_size(old_size), to = true_size(new_size);
  if (from == to && to <= MEM_SMALL) return ptr;
  if (from <= MEM_SMALL && to <= MEM_SMALL) {
    void *block = take(mem, to);
    if (!block) return NULL;
    memcpy(block, ptr, old_size < new_size ? old_size : new_size);
    mem_free(mem, ptr, old_size);
    return block;
  }
  if (UNLIKELY(must_fail(mem)) || (to > from && UNLIKELY(!allowed(mem, to - from)))) return NULL;
  void *block = ask_host(mem, ptr, from, to);
  if (block) count(mem, from, to);
  return block;
}

void mem_free(Mem *mem, void *ptr, size_t size) {
  if (!ptr) return;
  size = true_size(size);
  mem->used -= size;
  struct MemBlock **bin = bin_of(mem, size);
  if (bin && mem->kept < MEM_KEEP + (MEM_KEEP ? mem->used / 4 : 0)) {
    struct MemBlock *b = ptr;
    b->next = *bin;
    *bin = b;
    mem->kept += size;
    return;
  }
  mem->fn(mem->user, ptr, size, 0);
}

void mem_fill_reserve(Mem *mem) {
  enum { RESERVE_MAX = 64 * 1024, SHARE = 16, ROOM = 4 };
  size_t size = mem->limit && mem->limit / SHARE < RESERVE_MAX ? mem->limit / SHARE : RESERVE_MAX;
  if (mem->reserve || mem->used < size * ROOM) return; /* what has hardly begun needs none: many VMs are small and live for a moment */
  void *probe = size > MEM_SMALL && allowed(mem, size * ROOM) ? mem->fn(mem->user, NULL, 0, size * ROOM) : NULL;
  if (!probe) return;
  mem->fn(mem->user, probe, size * ROOM, 0);
  mem->reserve = mem->fn(mem->user, NULL, 0, size);
  if (!mem->reserve) return;
  mem->reserve_size = size;
  count(mem, 0, size);
}

void mem_drop_reserve(Mem *mem) {
  if (!mem->reserve) return;
  mem->used -= mem->reserve_size;
  mem->fn(mem->user, mem->reserve, mem->reserve_size, 0);
  mem->reserve = NULL;
}

bool mem_mul(size_t a, size_t b, size_t *out) {
  if (a && b > SIZE_MAX / a) return false;
  *out = a * b;
  return true;
}

bool mem_grow(Mem *mem, void **items, size_t *cap, size_t need, size_t item) {
  if (need <= *cap) return true;
  size_t new_cap = *cap < 8 ? 8 : *cap > SIZE_MAX / 2 ? need : *cap * 2;
  if (new_cap < need) new_cap = need;
  void *old, *block = NULL; /* the caller's pointer has some other type than void *: copy its bytes, as aliasing rules ask */
  memcpy(&old, items, sizeof old);
  /* Near the limit less may still fit; but growth by hardly anything, again and again, would cost the square of the size. */
  for (size_t more = new_cap - need, least = *cap / 256;; more = more / 4 >= least ? more / 4 : 0) {
    size_t new_size;
    new_cap = need + more;
    block = mem_mul(new_cap, item, &new_size) ? mem_realloc(mem, old, *cap * item, new_size) : NULL;
    if (block || more == 0 || (more / 4 < least && need - *cap < least)) break;
  }
  if (!block) return false;
  memcpy(items, &block, sizeof block);
  *cap = new_cap;
  return true;
}

/* ---- byte buffer ---- */

void buf_init(Buf *b, Mem *mem) {
  b->mem = mem;
  b->data = NULL;
  b->len = b->cap = 0;
  b->failed = false;
}

bool buf_reserve(Buf *b, size_t extra) {
  if (b->failed) return false;
  if (LIKELY(extra < b->cap - b->len)) return true; /* one byte stays free for buf_cstr */
  if (extra > SIZE_MAX / 2 - b->len) {
    b->failed = true;
    return false;
  }
  void *data = b->data;
  if (!mem_grow(b->mem, &data, &b->cap, b->len + extra + 1, 1)) {
    b->failed = true;
    return false;
  }
  b->data = data;
  return true;
}

void buf_add(Buf *b, const void *data, size_t n) {
  if (n == 0 || !buf_reserve(b, n)) return;
  memcpy(b->data + b->len, data, n);
  b->len += n;
}

void buf_str(Buf *b, const char *s) { buf_add(b, s, strlen(s)); }

void buf_char(Buf *b, char c) {
  if (!buf_reserve(b, 1)) return;
  b->data[b->len++] = c;
}

void buf_fill(Buf *b, char c, size_t n) {
  if (n == 0 || !buf_reserve(b, n)) return;
  memset(b->data + b->len, c, n);
  b->len += n;
}

void buf_printf(Buf *b, const char *fmt, ...) {
  char small[128];
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(small, sizeof small, fmt, args);
  va_end(args);
  if (n < 0) {
    b->failed = true;
  } else if ((size_t)n < sizeof small) {
    buf_add(b, small, (size_t)n);
  } else if (buf_reserve(b, (size_t)n)) {
    va_start(args, fmt);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, args);
    va_end(args);
    b->len += (size_t)n;
  }
}

const char *buf_cstr(Buf *b) {
  if (!buf_reserve(b, 0)) return "";
  b->data[b->len] = '\0';
  return b->data;
}

void buf_free(Buf *b) {
  mem_free(b->mem, b->data, b->cap);
  buf_init(b, b->mem);
}

/* ---- arena ---- */

enum { ARENA_ALIGN = 16, ARENA_FIRST = 1024, ARENA_BLOCK_MAX = 64 * 1024 };

typedef struct ArenaBlock {
  struct ArenaBlock *next;
  size_t size; /* of the whole block, this header included */
} ArenaBlock;

void arena_init(Arena *a, Mem *mem) {
  a->mem = mem;
  a->head = NULL;
  a->at = a->end = NULL;
  a->failed = false;
}

static char *align_up(char *p) { return p + (-(uintptr_t)p & (ARENA_ALIGN - 1)); }

static ArenaBlock *new_block(Arena *a, size_t room) {
  if (room > SIZE_MAX / 2) return NULL;
  size_t size = sizeof(ArenaBlock) + ARENA_ALIGN + room;
  ArenaBlock *block = mem_alloc(a->mem, size);
  if (block) block->size = size;
  return block;
}

/* A piece that does not fit the open block. Big pieces get a block of their own, linked behind the open one, which stays in use. */
static COLD void *alloc_slow(Arena *a, size_t size) {
  size_t room = a->head ? a->head->size * 2 : ARENA_FIRST;
  if (room > ARENA_BLOCK_MAX) room = ARENA_BLOCK_MAX;
  bool own = a->head && size > room / 4;
  ArenaBlock *block = new_block(a, own || size > room ? size : room);
  if (!block) {
    a->failed = true;
    return NULL;
  }
  char *start = align_up((char *)(block + 1));
  memset(start, 0, size);
  if (own) {
    block->next = a->head->next;
    a->head->next = block;
  } else {
    block->next = a->head;
    a->head = block;
    a->at = start + size;
    a->end = (char *)block + block->size;
  }
  return start;
}

void *arena_alloc(Arena *a, size_t size) {
  if (a->failed) return NULL;
  char *start = a->at ? align_up(a->at) : NULL;
  if (UNLIKELY(!start || start > a->end || size > (size_t)(a->end - start))) return alloc_slow(a, size);
  a->at = start + size;
  return memset(start, 0, size);
}

char *arena_strndup(Arena *a, const char *s, size_t n) {
  char *copy = n < SIZE_MAX / 2 ? arena_alloc(a, n + 1) : NULL;
  if (!copy) {
    a->failed = true;
    return NULL;
  }
  if (n) memcpy(copy, s, n);
  return copy;
}

void arena_free(Arena *a) {
  for (ArenaBlock *block = a->head; block;) {
    ArenaBlock *next = block->next;
    mem_free(a->mem, block, block->size);
    block = next;
  }
  arena_init(a, a->mem);
}
