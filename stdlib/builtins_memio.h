/* What the streams in memory share: arguments, the kinds of line ends that were seen, and a look whether a method is theirs. */
#ifndef TINY_STDLIB_BUILTINS_MEMIO_H
#define TINY_STDLIB_BUILTINS_MEMIO_H
#include "stdlib/builtins_int.h"
#include "stdlib/io_file.h"

enum { SEEN_CR = 1, SEEN_LF = 2, SEEN_CRLF = 4 };
bool io_size_arg(VM *vm, Value v, int64_t *out); /* None and negative numbers mean no bound. [script] through __index__ */
bool io_native_method(VM *vm, Value v, NameId id, tiny_fn fn); /* the class of v has not put another in the place of fn. Not [script] */

/* StringIO.write, and the same without a call. */
Value stringio_method_write(VM *vm, Args *a);
bool stringio_write(VM *vm, Value file, Str *s);
#endif
