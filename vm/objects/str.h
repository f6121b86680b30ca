/* str: immutable UTF-8 (a lone surrogate stands as its 3-byte form) with its length in code points.
 * The text is either right behind the struct or in a growable StrBuffer that several strings share as prefixes, so that `s += x` in a loop
 * is linear: appending to the string that ends where its buffer ends extends the buffer in place (nobody can see the difference). */
#ifndef TINY_OBJECTS_STR_H
#define TINY_OBJECTS_STR_H
#include "vm/gc.h"
#include "vm/base/utf8.h"
#include "vm/base/siphash.h"

enum { STR_INTERNED = 1, STR_HASHED = 2, STR_SHARED = 4 /* text in a StrBuffer: not NUL-terminated */ }; /* bits of head.small */

struct Str {
  Obj head;
  const char *data;        /* UTF-8; NUL-terminated unless STR_SHARED */
  size_t size;             /* bytes */
  size_t length;           /* code points; == size: ASCII */
  int64_t hash;            /* valid with STR_HASHED */
  struct StrExtra *extra;  /* owner buffer and index of offsets, made when needed; NULL for plain strings */
  char text[];
};
static inline Str *v_str(Value v) { return (Str *)v_obj(v); }
static inline bool str_is_ascii(const Str *s) { return s->size == s->length; }

/* All return NULL (exception pending) when out of memory or too big. utf8 must be valid. */
TINY_MUST_CHECK Str *str_new(VM *vm, const char *utf8, size_t size);             /* counts code points; one-character ASCII strings and "" are shared per VM */
TINY_MUST_CHECK Str *str_from(VM *vm, const char *cstr);
TINY_MUST_CHECK Str *str_intern(VM *vm, const char *utf8, size_t size);
TINY_MUST_CHECK Str *str_intern_str(VM *vm, Str *s);                             /* the interned equal of s; s itself if it becomes it */
TINY_MUST_CHECK Str *str_from_cp(VM *vm, uint32_t cp);
TINY_MUST_CHECK Str *str_from_buf(VM *vm, Buf *b);                               /* takes and frees the buffer; NULL also when b->failed */
TINY_MUST_CHECK Str *str_concat(VM *vm, Str *a, Str *b);
TINY_MUST_CHECK Str *str_substr(VM *vm, Str *s, size_t start, size_t end);       /* code points; clamped by the caller */
TINY_MUST_CHECK Str *str_at(VM *vm, Str *s, size_t index);                       /* index < length */
uint32_t str_cp_at(VM *vm, Str *s, size_t index);                                /* O(1) amortised; never fails (falls back to a walk) */
size_t str_offset(VM *vm, Str *s, size_t index);                                 /* byte offset of a code point; index <= length */
size_t str_index(VM *vm, Str *s, size_t offset);                                 /* code points before a byte offset; offset <= size */
bool str_equal(const Str *a, const Str *b);
int str_order(const Str *a, const Str *b);                                       /* -1 0 1 by code points */
int64_t str_hash(VM *vm, Str *s);
bool str_eq_c(const Str *s, const char *cstr);
const char *str_cstr(VM *vm, Str *s);                                            /* NUL-terminated; NULL: out of memory */
size_t str_find_bytes(const char *hay, size_t n, const char *needle, size_t m);  /* linear time; SIZE_MAX: not there */
Value str_repr(VM *vm, Value self);
static inline Value v_from_str(Str *s) { return s ? v_from_obj(s) : V_FAIL; }
/* Interned strings are held weakly, and so are those that own more than their cell: the collector has both lists cleaned after marking, before it sweeps. */
void str_sweep(VM *vm, bool full);
size_t str_sweep_cost(const VM *vm);                                             /* entries that str_sweep looks at */
void str_free(VM *vm);                                                           /* what str keeps outside the heap, at the end of the VM (before the heap goes) */
#endif
