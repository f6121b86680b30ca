/* Memory through the host's allocator: every byte the library owns is counted here, a limit refuses before the host is asked,
   and a refusal is an ordinary NULL. Knows nothing of the language. */
#ifndef TINY_BASE_MEM_H
#define TINY_BASE_MEM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TINY_MUST_CHECK __attribute__((warn_unused_result))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COLD __attribute__((cold, noinline))
#define PREFETCH(p) __builtin_prefetch((p), 1)
#define NOINLINE __attribute__((noinline))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#else
#define TINY_MUST_CHECK
#define LIKELY(x) (x)
#define UNLIKELY(x) (x)
#define COLD
#define PREFETCH(p) ((void)0)
#define NOINLINE
#define PRINTF_LIKE(f, a)
#endif

/* ptr == NULL: allocate new_size; new_size == 0: free; else resize. old_size is exact. Returns NULL when it cannot. */
typedef void *(*MemFn)(void *user, void *ptr, size_t old_size, size_t new_size);

enum { MEM_POKE = 1 << 30 };
typedef struct Mem {
  MemFn fn;
  void *user;
  void (*trim)(void *user); /* the host's, or NULL */
  size_t used;       /* bytes in use now, exact */
  size_t peak;
  size_t limit;      /* 0: none. used never passes it */
  size_t gc_at;      /* when used passes this, *poke is set so that the next safe point collects */
  volatile int32_t *poke; /* the VM's fuel in hand, made negative by taking MEM_POKE from it (so that the count is not lost); NULL before there is a VM */
  bool want_gc;      /* set together with *poke */
  uint64_t fail_at;  /* test hook: the n-th request from now fails (0: off) */
  bool fail_sticky;  /* ... and every one after it */
  uint64_t requests; /* requests made so far, for the same tests */
  /* Freed small blocks kept for the next request of their size (they do not count as used): the bodies of short lists, shapes, buffers come and go
     by the million. Bounded by MEM_KEEP and a quarter of what is in use; given back by mem_trim and when the host says no. */
  struct MemBlock { struct MemBlock *next; } *bins[16 + 62]; /* sizes 16, 32, ... 256; 4, 5, ... 65 KiB */
  size_t kept;
  void *reserve;     /* a block held back for the time after a refusal (it does count as used); NULL: given away, or not taken yet */
  size_t reserve_size;
} Mem;

void *mem_system(void *user, void *ptr, size_t old_size, size_t new_size); /* malloc/realloc/free */
void mem_init(Mem *mem, MemFn fn, void *user, size_t limit);
TINY_MUST_CHECK void *mem_alloc(Mem *mem, size_t size);                    /* not zeroed; size 0 gives a unique non-NULL pointer */
TINY_MUST_CHECK void *mem_zalloc(Mem *mem, size_t size);
TINY_MUST_CHECK void *mem_realloc(Mem *mem, void *ptr, size_t old_size, size_t new_size); /* on NULL the old block is untouched */
void mem_free(Mem *mem, void *ptr, size_t size);                           /* ptr may be NULL */
void mem_trim(Mem *mem);                                                   /* gives kept blocks back to the host */
void mem_trim_system(Mem *mem);                                            /* and tells the host, whose allocator may give them to the system */
bool mem_mul(size_t a, size_t b, size_t *out);                             /* false on overflow */

/* The reserve: given away when a request was refused, so that what handles the failure has something to work with; taken again once there is room for several times as much. */
void mem_fill_reserve(Mem *mem);
void mem_drop_reserve(Mem *mem);

/* Grows *items (capacity *cap, item bytes each) so that it holds at least need; amortised doubling. False: out of memory, nothing changed. */
TINY_MUST_CHECK bool mem_grow(Mem *mem, void **items, size_t *cap, size_t need, size_t item);

/* Byte buffer. failed sticks: append on and check once at the end. */
typedef struct Buf {
  Mem *mem;
  char *data;
  size_t len, cap;
  bool failed;
} Buf;
void buf_init(Buf *b, Mem *mem);
bool buf_reserve(Buf *b, size_t extra);
void buf_add(Buf *b, const void *data, size_t n);
void buf_str(Buf *b, const char *s);
void buf_char(Buf *b, char c);
void buf_fill(Buf *b, char c, size_t n);
void buf_printf(Buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3); /* never for floats: locale */
const char *buf_cstr(Buf *b); /* NUL-terminated view; "" when failed */
void buf_free(Buf *b);

/* Arena: many small pieces, freed at once. */
typedef struct Arena {
  Mem *mem;
  struct ArenaBlock *head;
  char *at, *end;
  bool failed; /* sticks */
} Arena;
void arena_init(Arena *a, Mem *mem);
TINY_MUST_CHECK void *arena_alloc(Arena *a, size_t size); /* zeroed, 16-byte aligned; NULL and failed=true when out of memory */
char *arena_strndup(Arena *a, const char *s, size_t n);   /* NUL-terminated copy; NULL when out of memory */
void arena_free(Arena *a);
#endif
