/* bytes, bytearray, and the read-only view of either that the shared methods work on. */
#ifndef TINY_OBJECTS_BYTES_H
#define TINY_OBJECTS_BYTES_H
#include "vm/gc.h"
#include "vm/native.h"

/* Immutable bytes. `data` points at room[]. NUL-terminated. */
typedef struct Bytes {
  Obj head;                /* head.small: 1 = hash is known */
  size_t size;
  int64_t hash;
  uint8_t *data;
  uint8_t room[];
} Bytes;

/* Mutable bytes in counted memory. The text starts `start` bytes into the block, so that deleting from the front is cheap. */
typedef struct ByteArray {
  Obj head;
  uint8_t *block;
  size_t capacity;         /* of block */
  size_t start, size;
  size_t views;            /* memoryviews that look at it, so far as is known: buffer_exports.c */
} ByteArray;

typedef struct View { const uint8_t *data; size_t size; } View;

extern const Type bytes_iter_type, bytearray_iter_type, memory_iter_type, array_type, array_iter_type;

static inline Bytes *v_bytes(Value v) { return (Bytes *)v_obj(v); }
static inline ByteArray *v_bytearray(Value v) { return (ByteArray *)v_obj(v); }
static inline bool is_bytearray(Value v) { return v_has_layout(v, LAY_BYTEARRAY); }
static inline uint8_t *bytearray_data(const ByteArray *b) { return (uint8_t *)((uintptr_t)b->block + b->start); } /* an empty one has no block */

/* NULL: MemoryError or OverflowError pending. data NULL: zeros, to be filled before anyone sees it. The empty bytes object is shared per VM
   when data is given. */
TINY_MUST_CHECK Bytes *bytes_new(VM *vm, const void *data, size_t size);
TINY_MUST_CHECK Bytes *bytes_alloc(VM *vm, size_t size);            /* zeros, never the shared one unless size is 0 */
TINY_MUST_CHECK Bytes *bytes_room(VM *vm, size_t size);             /* to be filled, and perhaps cut, before anyone sees it */
void bytes_cut(Bytes *b, size_t size);                              /* of one just made with more room, size > 0 */
TINY_MUST_CHECK Bytes *bytes_from_buf(VM *vm, Buf *b);              /* takes and frees the buffer; NULL also when b->failed */
static inline Value v_from_bytes(Bytes *b) { return b ? v_from_obj(b) : V_FAIL; }
TINY_MUST_CHECK ByteArray *bytearray_new(VM *vm, const void *data, size_t size);
/* buffer_exports.c: may the size change? BufferError if a view is in use. May collect: as [script] for those who hold values. */
TINY_MUST_CHECK bool exports_allow(VM *vm, ByteArray *b);
TINY_MUST_CHECK static inline bool bytearray_may_resize(VM *vm, ByteArray *b) { return b->views == 0 || exports_allow(vm, b); }
TINY_MUST_CHECK bool exports_add(VM *vm, Obj *view, ByteArray *base);
void exports_remove(VM *vm, Obj *view);
void exports_prune(VM *vm);                                        /* between marking and sweeping */
void exports_free(VM *vm);
TINY_MUST_CHECK bool bytearray_resize(VM *vm, ByteArray *b, size_t size); /* new bytes are zeros */

/* The bytes of a bytes-like object (bytes, bytearray, contiguous memoryview); false: it is none (no exception). Valid until script code runs. */
bool bytes_view(Value v, View *out);
/* The same with TypeError "a bytes-like object is required, not 'x'". */
TINY_MUST_CHECK bool bytes_need_view(VM *vm, Value v, View *out);
TINY_MUST_CHECK Value memoryview_bytes(VM *vm, Value v);            /* memoryview.c: what an exact memoryview shows, also with gaps between the items */
Value bytes_repr_text(VM *vm, View v, const char *prefix, const char *suffix);
/* Value of a byte from an int argument: ValueError `message` out of range(0, 256). [script] through __index__. */
bool bytes_byte_arg(VM *vm, Value v, const char *message, uint8_t *out);

extern const tiny_def bytes_methods[], bytearray_methods[];         /* bytes_methods.c */
Value bytes_percent(VM *vm, View fmt, bool bytearray, Value args);  /* PEP 461; str_percent.c */
#endif
