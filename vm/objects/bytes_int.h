/* What the files of bytes, bytearray and memoryview share. Private to vm/objects/bytes*.c, bytearray.c, memoryview.c. */
#ifndef TINY_OBJECTS_BYTES_INT_H
#define TINY_OBJECTS_BYTES_INT_H
#include "vm/objects/str_build.h"
#include "vm/objects/class.h"

/* View of the receiver of a method: bytes or bytearray. */
static inline View self_view(Value self) {
  if (is_bytearray(self)) return (View){bytearray_data(v_bytearray(self)), v_bytearray(self)->size};
  return (View){v_bytes(self)->data, v_bytes(self)->size};
}
/* A new object of the receiver's builtin kind: n zeros to be filled at *out. V_FAIL: out of memory. */
TINY_MUST_CHECK Value bytes_like_alloc(VM *vm, Value self, size_t n, uint8_t **out);
TINY_MUST_CHECK Value bytes_like_new(VM *vm, Value self, const void *data, size_t n);
/* self[key] of any of the three for an index; ranges and slices are theirs. */
TINY_MUST_CHECK Value bytes_repeat(VM *vm, Value self, View v, int64_t times);
Value bytes_compare_views(View a, View b, Compare op);
/* bytes(x), bytearray(x) where no script code is needed: appends the bytes of an exact builtin iterable or bytes-like object.
   range: text of the ValueError for other ints. 1 done, 0 not such an object, -1 failed. */
int bytes_collect(VM *vm, const char *range, Value x, Buf *out);
/* The common part of bytes(source, encoding, errors) and bytearray's: 1 *out was filled, 0 the source has to be asked by script code, -1. */
int bytes_from_source(VM *vm, const char *kind, Value source, Value encoding, Value errors, Buf *out);
bool memoryview_view(Value v, View *out);
bool memoryview_no_view(VM *vm, Value v);                         /* raises why memoryview_view() gave none */
Value bytes_item(VM *vm, char format, const uint8_t *p);          /* memoryview.c: the item of this native format at p */
char array_format(Value v);                                       /* array.c: how memoryview shows the items of an array; 'B' for a bytearray */
/* bytearray.c: replaces the bytes [at, at + gone) by n others (data NULL: the caller fills them in; it may not lie in b). */
TINY_MUST_CHECK bool bytearray_splice(VM *vm, ByteArray *b, size_t at, size_t gone, const uint8_t *data, size_t n);
void bytearray_destroy(VM *vm, Obj *o);
Value bytes_binary(VM *vm, int op, Value a, Value b);

/* Rows that bytes and bytearray share: methods of bytes_methods.c and bytes_split.c. */
#define BYTES_METHODS(X)                                                                                                                              \
  X(capitalize) X(center) X(count) X(decode) X(endswith) X(expandtabs) X(find) X(hex) X(index) X(isalnum) X(isalpha) X(isascii) X(isdigit) X(islower) \
  X(isspace) X(istitle) X(isupper) X(join) X(ljust) X(lower) X(lstrip) X(maketrans) X(partition) X(removeprefix) X(removesuffix) X(replace) X(rfind)  \
  X(rindex) X(rjust) X(rpartition) X(rsplit) X(rstrip) X(split) X(splitlines) X(startswith) X(strip) X(swapcase) X(title) X(translate) X(upper) X(zfill)
#define X(name) Value bytes_m_##name(VM *vm, Args *a);
BYTES_METHODS(X)
#undef X
Value bytes_m_fromhex(VM *vm, Args *a);
Value bytes_hex(VM *vm, View v, Value sep, Value per_sep);

#define BYTES_ROWS                                                                                                                                    \
  {"capitalize", bytes_m_capitalize, "(self, /)", "Return a copy with the first byte in upper and the rest in lower case (ASCII)."},                  \
  {"center", bytes_m_center, "(self, width, fillchar=..., /)", "Return the bytes centered in a field of length width."},                              \
  {"count", bytes_m_count, "(self, sub, start=None, end=None, /) varargs", "Return the number of non-overlapping occurrences of sub in self[start:end]."},    \
  {"decode", bytes_m_decode, "(self, encoding=..., errors=...)", "Decode to str; errors says what to do with bytes that are no text."},               \
  {"endswith", bytes_m_endswith, "(self, suffix, start=None, end=None, /) varargs", "True if self[start:end] ends with suffix, or with one of a tuple of them."}, \
  {"expandtabs", bytes_m_expandtabs, "(self, tabsize=8)", "Return a copy where tabs are replaced by spaces."},                                        \
  {"find", bytes_m_find, "(self, sub, start=None, end=None, /) varargs", "Return the lowest index where sub is found in self[start:end], or -1."},            \
  {"+fromhex", bytes_m_fromhex, "(cls, string, /)", "Make bytes of pairs of hexadecimal digits; white space is skipped."},                            \
  {"hex", bytes_m_hex, "(self, sep=..., bytes_per_sep=1)", "Return the bytes as hexadecimal digits."},                                                \
  {"index", bytes_m_index, "(self, sub, start=None, end=None, /) varargs", "Like find, but raise ValueError when sub is not found."},                         \
  {"isalnum", bytes_m_isalnum, "(self, /)", "True if all bytes are ASCII letters or digits and there is at least one."},                              \
  {"isalpha", bytes_m_isalpha, "(self, /)", "True if all bytes are ASCII letters and there is at least one."},                                        \
  {"isascii", bytes_m_isascii, "(self, /)", "True if all bytes are ASCII."},                                                                          \
  {"isdigit", bytes_m_isdigit, "(self, /)", "True if all bytes are ASCII digits and there is at least one."},                                         \
  {"islower", bytes_m_islower, "(self, /)", "True if all cased bytes are lower case and there is at least one."},                                     \
  {"isspace", bytes_m_isspace, "(self, /)", "True if all bytes are ASCII white space and there is at least one."},                                    \
  {"istitle", bytes_m_istitle, "(self, /)", "True if every word starts in upper case and goes on in lower case."},                                    \
  {"isupper", bytes_m_isupper, "(self, /)", "True if all cased bytes are upper case and there is at least one."},                                     \
  {"join", bytes_m_join, "(self, iterable_of_bytes, /)", "Concatenate bytes-like objects, with this one between them."},                              \
  {"ljust", bytes_m_ljust, "(self, width, fillchar=..., /)", "Return the bytes left-justified in a field of length width."},                          \
  {"lower", bytes_m_lower, "(self, /)", "Return a copy in lower case (ASCII)."},                                                                      \
  {"lstrip", bytes_m_lstrip, "(self, bytes=None, /)", "Return a copy without leading white space or bytes of the argument."},                         \
  {"!maketrans", bytes_m_maketrans, "(frm, to, /)", "Return a table of 256 bytes for translate()."},                                                  \
  {"partition", bytes_m_partition, "(self, sep, /)", "Split at the first sep: (before, sep, after)."},                                                \
  {"removeprefix", bytes_m_removeprefix, "(self, prefix, /)", "Return the bytes without the prefix, if they have it."},                               \
  {"removesuffix", bytes_m_removesuffix, "(self, suffix, /)", "Return the bytes without the suffix, if they have it."},                               \
  {"replace", bytes_m_replace, "(self, old, new, count=-1, /)", "Return a copy with the first count (-1: all) occurrences of old replaced by new."},  \
  {"rfind", bytes_m_rfind, "(self, sub, start=None, end=None, /) varargs", "Return the highest index where sub is found in self[start:end], or -1."},         \
  {"rindex", bytes_m_rindex, "(self, sub, start=None, end=None, /) varargs", "Like rfind, but raise ValueError when sub is not found."},                      \
  {"rjust", bytes_m_rjust, "(self, width, fillchar=..., /)", "Return the bytes right-justified in a field of length width."},                         \
  {"rpartition", bytes_m_rpartition, "(self, sep, /)", "Split at the last sep: (before, sep, after)."},                                               \
  {"rsplit", bytes_m_rsplit, "(self, sep=None, maxsplit=-1)", "Return the list of parts, splitting from the right at most maxsplit times."},          \
  {"rstrip", bytes_m_rstrip, "(self, bytes=None, /)", "Return a copy without trailing white space or bytes of the argument."},                        \
  {"split", bytes_m_split, "(self, sep=None, maxsplit=-1)", "Return the list of parts between sep (None: white space)."},                             \
  {"splitlines", bytes_m_splitlines, "(self, keepends=False)", "Return the list of lines."},                                                          \
  {"startswith", bytes_m_startswith, "(self, prefix, start=None, end=None, /) varargs", "True if self[start:end] starts with prefix, or with one of a tuple of them."}, \
  {"strip", bytes_m_strip, "(self, bytes=None, /)", "Return a copy without leading and trailing white space or bytes of the argument."},              \
  {"swapcase", bytes_m_swapcase, "(self, /)", "Return a copy with upper and lower case exchanged (ASCII)."},                                          \
  {"title", bytes_m_title, "(self, /)", "Return a copy where every word starts in upper case (ASCII)."},                                              \
  {"translate", bytes_m_translate, "(self, table, /, delete=...)", "Return a copy without the bytes of delete and the rest mapped by the table."},    \
  {"upper", bytes_m_upper, "(self, /)", "Return a copy in upper case (ASCII)."},                                                                      \
  {"zfill", bytes_m_zfill, "(self, width, /)", "Pad with zeros on the left, behind a sign, up to width."}
#endif
