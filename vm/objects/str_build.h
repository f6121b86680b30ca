/* Helpers shared by the files that implement str: making strings of known size, reading arguments. Private to vm/objects/str*.c, codec.c, bytes*.c. */
#ifndef TINY_OBJECTS_STR_BUILD_H
#define TINY_OBJECTS_STR_BUILD_H
#include "vm/native.h"
#include "vm/runtime.h"
#include "vm/objects/exception.h"
#include "vm/objects/str.h"
#include "vm/objects/bytes.h"
#include "vm/objects/int.h"
#include "vm/objects/list.h"
#include "vm/objects/iter.h"
#include "vm/vm.h"
#include "vm/type_ids.h"

/* Further bits of Str.head.small. */
enum { STR_CONCAT = 8 /* made by str_concat: the next concatenation starts a buffer */, STR_OWN_EXTRA = 16 /* `extra` lies in text[] */, STR_LISTED = 32 /* in vm->str_owners */ };

/* What few strings need: who owns the text, where every 64th code point starts, where the last random access was. */
typedef struct StrExtra {
  struct StrBuffer *buffer; /* STR_SHARED: the text is a prefix of it */
  char *own;                /* text in counted memory (own_size bytes), or NULL */
  size_t own_size;
  size_t *offsets;          /* offsets[i]: byte offset of code point 64 * i; NULL until needed */
  size_t n_offsets;
  size_t last_index, last_offset; /* of the last random access: sequential access walks one step */
} StrExtra;

enum { STR_INDEX_STEP = 64 };
#define TEXT_MAX ((size_t)PTRDIFF_MAX - 256)

static inline bool charge_bytes(VM *vm, size_t n) { return LIKELY(n < 4096) || rt_charge(vm, n >> 9); }

/* New string of this many bytes and code points; the caller fills text (str_text) before anyone sees it; NUL is set. */
TINY_MUST_CHECK Str *str_alloc(VM *vm, size_t size, size_t length);
static inline char *str_text(Str *s) { return (char *)(uintptr_t)s->data; }
TINY_MUST_CHECK Str *str_counted(VM *vm, const char *utf8, size_t size, size_t length); /* as str_new when the code points are known */
TINY_MUST_CHECK Str *str_ascii_char(VM *vm, unsigned char c);
TINY_MUST_CHECK Str *str_empty(VM *vm);
TINY_MUST_CHECK Str *str_exact(VM *vm, Str *s);                   /* s itself, or an exact str with the text of a subclass's instance */
TINY_MUST_CHECK Str *str_piece(VM *vm, const char *p, const char *end, bool ascii); /* [p, end) of a valid text; ascii: known to be all ASCII */
TINY_MUST_CHECK Value str_too_long(VM *vm);                       /* raises MemoryError */

/* The type of an argument as CPython's messages name it: "None" for None. */
static inline const char *str_arg_name(Value v) { return v_is_none(v) ? "None" : type_of(v)->name; }
/* start/end arguments of find, count, startswith...: None or absent keeps *out. [script] through __index__. */
bool str_slice_arg(VM *vm, Value v, int64_t *out);
/* Resolves start and end as slices do, against a length. */
static inline void str_clamp(int64_t length, int64_t *start, int64_t *end) {
  if (*end > length) *end = length;
  else if (*end < 0 && (*end += length) < 0) *end = 0;
  if (*start < 0 && (*start += length) < 0) *start = 0;
}
/* Index of s[key]: an int (bool, __index__ [script]) as int64; IndexError if beyond. *is_index false, no exception: key is no integer at all. */
bool str_index_arg(VM *vm, Value key, int64_t *out, bool *is_index);
/* The same for what CPython reads as a C int: "... to convert to C int". [script] */
bool str_int_arg(VM *vm, Value v, int64_t *out);
/* Size argument (width, count, tabsize): OverflowError "Python int too large to convert to C ssize_t"; TypeError. [script] */
bool str_size_arg(VM *vm, Value v, int64_t *out);
/* v's class has this reflected method: a sequence's operator then says NotImplemented instead of raising its own TypeError. */
TINY_MUST_CHECK Value str_repeat_error(VM *vm, Value other); /* seq * other, other no integer: TypeError */
/* How often for `seq * v`: 1 and *out >= 0, 0: v is no integer, -1: failed. [script] */
int str_repeat_arg(VM *vm, Value v, int64_t *out);
/* True when iterating over v needs no script code: an instance of a builtin container or a string. */
bool str_plain_iterable(Value v);
bool str_is_iterable(VM *vm, Value v);

/* Decimal digits of i; returns their count (no NUL). */
static inline size_t str_int_digits(int64_t i, char out[20]) {
  char reversed[20];
  size_t n = 0, sign = i < 0;
  uint64_t u = sign ? 0 - (uint64_t)i : (uint64_t)i;
  do reversed[n++] = (char)('0' + u % 10); while (u /= 10);
  if (sign) *out++ = '-';
  for (size_t k = 0; k < n; k++) out[k] = reversed[n - 1 - k];
  return n + sign;
}

/* Last occurrence; linear time; SIZE_MAX: not there. */
size_t str_rfind_bytes(const char *hay, size_t n, const char *needle, size_t m);
size_t str_count_bytes(const char *hay, size_t n, const char *needle, size_t m, size_t max); /* not overlapping; m > 0 */

Value str_compare(VM *vm, Value a, Value b, Compare op);
Value str_binary(VM *vm, int op, Value a, Value b);
Value str_percent(VM *vm, Str *fmt, Value args);                  /* str_percent.c. [script] */
Value str_decode_value(VM *vm, Value bytes_like, const char *encoding, const char *errors); /* codec.c */
/* What codec_encode or codec_decode of x gave; where it failed for want of an encoding or an error handler that a script has registered, the call of that. */
Value codec_retry(VM *vm, Value result, Value x, const char *encoding, const char *errors, bool encode);
Value codec_encode(VM *vm, Value str, const char *encoding, const char *errors);           /* -> bytes. [script] through error handlers never */
Value codec_decode(VM *vm, View v, Value object, const char *encoding, const char *errors); /* object: for UnicodeDecodeError.object */
bool codec_arg(VM *vm, Value v, const char *what, const char **out); /* encoding or errors argument: str without NUL, V_ABSENT: *out kept */

extern const tiny_def str_methods[];
Value str_m_format(VM *vm, Args *a);
Value str_m_format_map(VM *vm, Args *a);
Value str_m_find(VM *vm, Args *a); Value str_m_rfind(VM *vm, Args *a); Value str_m_index(VM *vm, Args *a); Value str_m_rindex(VM *vm, Args *a);
Value str_m_count(VM *vm, Args *a); Value str_m_replace(VM *vm, Args *a); Value str_m_startswith(VM *vm, Args *a); Value str_m_endswith(VM *vm, Args *a);
Value str_m_removeprefix(VM *vm, Args *a); Value str_m_removesuffix(VM *vm, Args *a);
Value str_m_capitalize(VM *vm, Args *a); Value str_m_casefold(VM *vm, Args *a); Value str_m_lower(VM *vm, Args *a); Value str_m_upper(VM *vm, Args *a);
Value str_m_title(VM *vm, Args *a); Value str_m_swapcase(VM *vm, Args *a);
Value str_m_isalnum(VM *vm, Args *a); Value str_m_isalpha(VM *vm, Args *a); Value str_m_isascii(VM *vm, Args *a); Value str_m_isdecimal(VM *vm, Args *a);
Value str_m_isdigit(VM *vm, Args *a); Value str_m_isidentifier(VM *vm, Args *a); Value str_m_islower(VM *vm, Args *a); Value str_m_isnumeric(VM *vm, Args *a);
Value str_m_isprintable(VM *vm, Args *a); Value str_m_isspace(VM *vm, Args *a); Value str_m_istitle(VM *vm, Args *a); Value str_m_isupper(VM *vm, Args *a);
Value str_m_join(VM *vm, Args *a); Value str_m_partition(VM *vm, Args *a); Value str_m_rpartition(VM *vm, Args *a); Value str_m_split(VM *vm, Args *a);
Value str_m_rsplit(VM *vm, Args *a); Value str_m_splitlines(VM *vm, Args *a); Value str_m_strip(VM *vm, Args *a); Value str_m_lstrip(VM *vm, Args *a);
Value str_m_rstrip(VM *vm, Args *a);
#endif
