/* Fields of single kinds of exceptions: OSError's errno, SyntaxError's position, StopIteration's value...: what their constructors accept, their attributes
 * and what str() makes of them. A field that was not given is V_ABSENT and reads as None. */
#include "vm/objects/exception_int.h"
#include "vm/objects/int.h"
#include <errno.h>
#include <stdio.h>

static void set(VM *vm, Exception *e, int i, Value v) { gc_store(vm, e, &e->fields[i], v); }
static Value field(const Exception *e, int i) { return v_absent(e->fields[i]) ? V_NONE : e->fields[i]; }

Value exc_field(Value exc, int i) {
  const Exception *e = v_exc(exc);
  return e->fields ? e->fields[i] : V_ABSENT;
}
void exc_set_field(VM *vm, Value exc, int i, Value v) {
  if (v_exc(exc)->fields) set(vm, v_exc(exc), i, v);
}

/* ---------------------------------------------------------------- constructors */

/* Keyword arguments of ImportError, NameError, AttributeError: names[] stand in the fields from first on. */
static bool init_keywords(VM *vm, Exception *e, Dict *kwargs, const char *type, const char *const *names, int first) {
  for (int i = 0; names[i]; i++) set(vm, e, first + i, V_NONE);
  size_t pos = 0;
  Value key, value;
  while (kwargs && dict_next(kwargs, &pos, &key, &value)) {
    int i = 0;
    while (names[i] && !str_eq_c(v_str(key), names[i])) i++;
    if (!names[i]) return rt_raise_b(vm, &exc_TypeError, "'%U' is an invalid keyword argument for %s()", v_str(key), type);
    set(vm, e, first + i, value);
  }
  return true;
}

static bool init_import(VM *vm, Exception *e, Tuple *args, Dict *kwargs) {
  static const char *const names[] = {"name", "path", NULL};
  if (args->length == 1) set(vm, e, EXF_IMP_MSG, args->items[0]);
  return init_keywords(vm, e, kwargs, "ImportError", names, EXF_IMP_NAME);
}
static bool init_name(VM *vm, Exception *e, Dict *kwargs) {
  static const char *const names[] = {"name", NULL};
  return init_keywords(vm, e, kwargs, "NameError", names, EXF_NAME);
}
static bool init_attr(VM *vm, Exception *e, Dict *kwargs) {
  static const char *const names[] = {"name", "obj", NULL};
  return init_keywords(vm, e, kwargs, "AttributeError", names, EXF_ATTR_NAME);
}

/* OSError(errno, strerror[, filename[, winerror[, filename2]]]); with a file name, args keeps only the first two. */
static bool init_os(VM *vm, Exception *e, Tuple *args) {
  size_t n = args->length;
  if (n < 2 || n > 5) return true;
  set(vm, e, EXF_OS_ERRNO, args->items[0]);
  set(vm, e, EXF_OS_STRERROR, args->items[1]);
  if (n == 2 || v_is_none(args->items[2])) return true;
  if (rt_is_subtype(e->head.type, &exc_BlockingIOError) && is_int(args->items[2])) {
    set(vm, e, EXF_OS_WRITTEN, args->items[2]);
    return true;
  }
  set(vm, e, EXF_OS_FILENAME, args->items[2]);
  if (n == 5 && !v_is_none(args->items[4])) set(vm, e, EXF_OS_FILENAME2, args->items[4]);
  Tuple *two = tuple_new(vm, args->items, 2);
  if (!two) return false;
  gc_store_obj(vm, e, &e->args, two);
  return true;
}

/* SyntaxError(msg, (filename, lineno, offset, text[, end_lineno, end_offset])) */
static bool init_syntax(VM *vm, Exception *e, Tuple *args) {
  if (args->length >= 1) set(vm, e, EXF_SYN_MSG, args->items[0]);
  if (args->length != 2) return true;
  Value list = rt_iter_to_list(vm, args->items[1]);
  if (v_failed(list)) return false;
  const List *l = v_list(list);
  if (l->length < 4 || l->length > 6)
    return rt_raise_b(vm, &exc_TypeError, "function takes at %s %d arguments (%zd given)", l->length < 4 ? "least" : "most", l->length < 4 ? 4 : 6, l->length);
  static const uint8_t order[] = {EXF_SYN_FILENAME, EXF_SYN_LINENO, EXF_SYN_OFFSET, EXF_SYN_TEXT, EXF_SYN_END_LINENO, EXF_SYN_END_OFFSET};
  for (size_t i = 0; i < l->length; i++) set(vm, e, order[i], l->items[i]);
  if (l->length == 5) return rt_raise_b(vm, &exc_TypeError, "end_offset must be provided when end_lineno is provided");
  return true;
}

static bool need_str(VM *vm, const Tuple *args, size_t i) {
  return is_str(args->items[i]) || rt_raise_b(vm, &exc_TypeError, "argument %zd must be str, not %s", i + 1, v_is_none(args->items[i]) ? "None" : type_of(args->items[i])->name);
}
static bool need_int(VM *vm, const Tuple *args, size_t i) {
  return is_int(args->items[i]) || rt_raise_b(vm, &exc_TypeError, "'%T' object cannot be interpreted as an integer", args->items[i]);
}

/* (encoding, object, start, end, reason); UnicodeTranslateError has no encoding. */
static bool init_unicode(VM *vm, Exception *e, Tuple *args) {
  bool translate = rt_is_subtype(e->head.type, &exc_UnicodeTranslateError);
  bool decode = rt_is_subtype(e->head.type, &exc_UnicodeDecodeError);
  size_t want = translate ? 4 : 5, at = translate ? 0 : 1;
  if (args->length != want) return rt_raise_b(vm, &exc_TypeError, "function takes exactly %zd arguments (%zd given)", want, args->length);
  if (!translate && !need_str(vm, args, 0)) return false;
  if (!decode && !need_str(vm, args, at)) return false;
  if (!need_int(vm, args, at + 1) || !need_int(vm, args, at + 2) || !need_str(vm, args, at + 3)) return false;
  Value object = args->items[at];
  if (decode && !is_bytes(object) && !v_has_layout(object, LAY_BYTEARRAY))
    return rt_raise_b(vm, &exc_TypeError, "a bytes-like object is required, not '%T'", object);
  for (size_t i = 0; i < want; i++) set(vm, e, (int)(i + (translate ? 1 : 0)), args->items[i]);
  return true;
}

bool exc_init_fields(VM *vm, Exception *e, Tuple *args, Dict *kwargs) {
  switch ((ExcKind)e->kind) {
    case EXK_STOP:
      set(vm, e, EXF_VALUE, args->length ? args->items[0] : V_NONE);
      return true;
    case EXK_EXIT:
      set(vm, e, EXF_CODE, args->length == 0 ? V_NONE : args->length == 1 ? args->items[0] : v_from_obj(args));
      return true;
    case EXK_OS: return init_os(vm, e, args);
    case EXK_SYNTAX: return init_syntax(vm, e, args);
    case EXK_IMPORT: return init_import(vm, e, args, kwargs);
    case EXK_NAME: return init_name(vm, e, kwargs);
    case EXK_ATTR: return init_attr(vm, e, kwargs);
    case EXK_UNICODE: return init_unicode(vm, e, args);
    default: return true;
  }
}

/* ---------------------------------------------------------------- OSError by errno (PEP 3151) */

static const struct { int err; const Type *type; } os_classes[] = {
    {EAGAIN, &exc_BlockingIOError},          {EALREADY, &exc_BlockingIOError},  {EINPROGRESS, &exc_BlockingIOError},      {EWOULDBLOCK, &exc_BlockingIOError},
    {ECHILD, &exc_ChildProcessError},        {EPIPE, &exc_BrokenPipeError},     {ESHUTDOWN, &exc_BrokenPipeError},        {ECONNABORTED, &exc_ConnectionAbortedError},
    {ECONNREFUSED, &exc_ConnectionRefusedError}, {ECONNRESET, &exc_ConnectionResetError}, {EEXIST, &exc_FileExistsError}, {ENOENT, &exc_FileNotFoundError},
    {EINTR, &exc_InterruptedError},          {EISDIR, &exc_IsADirectoryError},  {ENOTDIR, &exc_NotADirectoryError},       {EACCES, &exc_PermissionError},
    {EPERM, &exc_PermissionError},           {ESRCH, &exc_ProcessLookupError},  {ETIMEDOUT, &exc_TimeoutError},
};

static const Type *class_of_errno(int64_t err) {
  for (size_t i = 0; i < sizeof os_classes / sizeof *os_classes; i++)
    if (os_classes[i].err == err) return os_classes[i].type;
  return &exc_OSError;
}

const Type *exc_os_class(const Type *cls, const Tuple *args) {
  int64_t err;
  if (args->length < 2 || args->length > 5 || !is_int(args->items[0]) || !int_to_i64(args->items[0], &err)) return cls;
  const Type *t = class_of_errno(err);
  return t == &exc_OSError ? cls : t;
}

/* The system's texts, independent of locale and thread. */
static const struct { int err; const char *text; } os_texts[] = {
    {EPERM, "Operation not permitted"}, {ENOENT, "No such file or directory"}, {ESRCH, "No such process"}, {EINTR, "Interrupted system call"},
    {EIO, "Input/output error"}, {ENXIO, "No such device or address"}, {E2BIG, "Argument list too long"}, {ENOEXEC, "Exec format error"},
    {EBADF, "Bad file descriptor"}, {ECHILD, "No child processes"}, {EAGAIN, "Resource temporarily unavailable"}, {ENOMEM, "Cannot allocate memory"},
    {EACCES, "Permission denied"}, {EFAULT, "Bad address"}, {EBUSY, "Device or resource busy"}, {EEXIST, "File exists"}, {EXDEV, "Invalid cross-device link"},
    {ENODEV, "No such device"}, {ENOTDIR, "Not a directory"}, {EISDIR, "Is a directory"}, {EINVAL, "Invalid argument"}, {ENFILE, "Too many open files in system"},
    {EMFILE, "Too many open files"}, {ENOTTY, "Inappropriate ioctl for device"}, {EFBIG, "File too large"}, {ENOSPC, "No space left on device"},
    {ESPIPE, "Illegal seek"}, {EROFS, "Read-only file system"}, {EMLINK, "Too many links"}, {EPIPE, "Broken pipe"}, {EDOM, "Numerical argument out of domain"},
    {ERANGE, "Numerical result out of range"}, {EDEADLK, "Resource deadlock avoided"}, {ENAMETOOLONG, "File name too long"}, {ENOSYS, "Function not implemented"},
    {ENOTEMPTY, "Directory not empty"}, {ELOOP, "Too many levels of symbolic links"}, {EPROTO, "Protocol error"}, {EOVERFLOW, "Value too large for defined data type"},
    {EILSEQ, "Invalid or incomplete multibyte or wide character"}, {ENOTSOCK, "Socket operation on non-socket"}, {EDESTADDRREQ, "Destination address required"},
    {EMSGSIZE, "Message too long"}, {EPROTOTYPE, "Protocol wrong type for socket"}, {ENOPROTOOPT, "Protocol not available"}, {EPROTONOSUPPORT, "Protocol not supported"},
    {EOPNOTSUPP, "Operation not supported"}, {EAFNOSUPPORT, "Address family not supported by protocol"}, {EADDRINUSE, "Address already in use"},
    {EADDRNOTAVAIL, "Cannot assign requested address"}, {ENETDOWN, "Network is down"}, {ENETUNREACH, "Network is unreachable"}, {ENETRESET, "Network dropped connection on reset"},
    {ECONNABORTED, "Software caused connection abort"}, {ECONNRESET, "Connection reset by peer"}, {ENOBUFS, "No buffer space available"},
    {EISCONN, "Transport endpoint is already connected"}, {ENOTCONN, "Transport endpoint is not connected"}, {ETIMEDOUT, "Connection timed out"},
    {ECONNREFUSED, "Connection refused"}, {EHOSTUNREACH, "No route to host"}, {EALREADY, "Operation already in progress"}, {EINPROGRESS, "Operation now in progress"},
    {ESTALE, "Stale file handle"}, {ECANCELED, "Operation canceled"},
};

const char *exc_errno_text(int err) {
  for (size_t i = 0; i < sizeof os_texts / sizeof *os_texts; i++)
    if (os_texts[i].err == err) return os_texts[i].text;
  return NULL;
}

/* filename: V_ABSENT or None: none. */
Value exc_os_error(VM *vm, int err, Value filename) {
  const char *text = exc_errno_text(err);
  Value msg = text ? v_from_str(str_from(vm, text)) : rt_format(vm, "Unknown error %d", err);
  if (v_failed(msg)) return V_FAIL;
  Value args[3] = {v_from_int62(err), msg, filename};
  return exc_new(vm, class_of_errno(err), v_absent(filename) || v_is_none(filename) ? 2 : 3, args);
}

/* ---------------------------------------------------------------- str() */

static Value os_str(VM *vm, Exception *e) {
  Value num = e->fields[EXF_OS_ERRNO], text = e->fields[EXF_OS_STRERROR], file = e->fields[EXF_OS_FILENAME], file2 = e->fields[EXF_OS_FILENAME2];
  if (v_absent(num) && v_absent(text)) return V_ABSENT;
  if (v_absent(num)) num = V_NONE;
  if (v_absent(text)) text = V_NONE;
  if (v_absent(file)) return rt_format(vm, "[Errno %S] %S", num, text);
  if (v_absent(file2)) return rt_format(vm, "[Errno %S] %S: %R", num, text, file);
  return rt_format(vm, "[Errno %S] %S: %R -> %R", num, text, file, file2);
}

/* "msg (file, line N)", the file without its directory */
static Value syntax_str(VM *vm, Exception *e) {
  Value msg = field(e, EXF_SYN_MSG), file = e->fields[EXF_SYN_FILENAME], line = e->fields[EXF_SYN_LINENO];
  bool has_file = !v_absent(file) && is_str(file), has_line = !v_absent(line) && v_is_int(line);
  if (!has_file && !has_line) return rt_str(vm, msg);
  if (!has_file) return rt_format(vm, "%S (line %lld)", msg, (long long)v_int(line));
  const Str *s = v_str(file);
  size_t start = s->size;
  while (start && s->data[start - 1] != '/') start--;
  Str *base = str_new(vm, s->data + start, s->size - start);
  if (!base) return V_FAIL;
  if (!has_line) return rt_format(vm, "%S (%U)", msg, base);
  return rt_format(vm, "%S (%U, line %lld)", msg, base, (long long)v_int(line));
}

/* \xe9, 3 or more forms by size */
static void add_escape(char *out, size_t cap, uint32_t cp) {
  snprintf(out, cap, cp <= 0xFF ? "\\x%02x" : cp <= 0xFFFF ? "\\u%04x" : "\\U%08x", cp);
}

static Value unicode_str(VM *vm, Exception *e) {
  Value object = e->fields[EXF_UNI_OBJECT], enc = field(e, EXF_UNI_ENCODING), reason = field(e, EXF_UNI_REASON);
  if (v_absent(object)) return v_from_str(str_new(vm, "", 0));
  int64_t start = 0, end = 0;
  if (!is_int(e->fields[EXF_UNI_START]) || !int_to_i64(e->fields[EXF_UNI_START], &start) || !is_int(e->fields[EXF_UNI_END]) || !int_to_i64(e->fields[EXF_UNI_END], &end))
    return V_ABSENT;
  long long from = start, last = end - 1;
  int64_t size = rt_len(vm, object);
  if (size < 0) return V_FAIL;
  bool one = start >= 0 && start < size && end == start + 1;
  if (rt_is_subtype(e->head.type, &exc_UnicodeDecodeError)) {
    if (!one) return rt_format(vm, "'%S' codec can't decode bytes in position %lld-%lld: %S", enc, from, last, reason);
    Value byte = rt_getitem(vm, object, v_from_int62(start));
    if (v_failed(byte)) return V_FAIL;
    return rt_format(vm, "'%S' codec can't decode byte 0x%02x in position %lld: %S", enc, (unsigned)v_int(byte), from, reason);
  }
  char ch[16];
  if (one) add_escape(ch, sizeof ch, str_cp_at(vm, v_str(object), (size_t)start));
  if (rt_is_subtype(e->head.type, &exc_UnicodeTranslateError)) {
    if (one) return rt_format(vm, "can't translate character '%s' in position %lld: %S", ch, from, reason);
    return rt_format(vm, "can't translate characters in position %lld-%lld: %S", from, last, reason);
  }
  if (one) return rt_format(vm, "'%S' codec can't encode character '%s' in position %lld: %S", enc, ch, from, reason);
  return rt_format(vm, "'%S' codec can't encode characters in position %lld-%lld: %S", enc, from, last, reason);
}

Value exc_fields_str(VM *vm, Exception *e) {
  switch ((ExcKind)e->kind) {
    case EXK_OS: return os_str(vm, e);
    case EXK_SYNTAX: return syntax_str(vm, e);
    case EXK_IMPORT: return !v_absent(e->fields[EXF_IMP_MSG]) && v_is_exact(e->fields[EXF_IMP_MSG], &str_type) ? e->fields[EXF_IMP_MSG] : V_ABSENT;
    case EXK_UNICODE: return unicode_str(vm, e);
    case EXK_GROUP: return exc_group_str(vm, e);
    default: return V_ABSENT;
  }
}

/* ---------------------------------------------------------------- attributes */

#define FIELD(i)                                                                       \
  static Value get_##i(VM *vm, Value self) { return (void)vm, field(v_exc(self), i); } \
  static bool set_##i(VM *vm, Value self, Value v) { return set(vm, v_exc(self), i, v), true; }
FIELD(0) FIELD(1) FIELD(2) FIELD(3) FIELD(4) FIELD(5) FIELD(6) FIELD(7)
#define ROW(name, i) {name, get_##i, set_##i, NULL}

static bool set_index(VM *vm, Value self, int i, Value v) {
  if (v_absent(v)) return rt_raise_b(vm, &exc_TypeError, "can't delete numeric/char attribute");
  if (!is_int(v)) return rt_raise_b(vm, &exc_TypeError, "an integer is required");
  set(vm, v_exc(self), i, v);
  return true;
}
static bool set_start(VM *vm, Value self, Value v) { return set_index(vm, self, EXF_UNI_START, v); }
static bool set_end(VM *vm, Value self, Value v) { return set_index(vm, self, EXF_UNI_END, v); }

static Value get_written(VM *vm, Value self) {
  Value v = v_exc(self)->fields[EXF_OS_WRITTEN];
  return v_absent(v) ? rt_raise(vm, &exc_AttributeError, "characters_written") : v;
}
static bool set_written(VM *vm, Value self, Value v) {
  if (v_absent(v)) {
    if (v_absent(v_exc(self)->fields[EXF_OS_WRITTEN])) return rt_raise_b(vm, &exc_AttributeError, "characters_written");
  } else if (!is_int(v)) {
    return rt_raise_b(vm, &exc_TypeError, "'%T' object cannot be interpreted as an integer", v);
  }
  set(vm, v_exc(self), EXF_OS_WRITTEN, v);
  return true;
}

const GetSet exc_getset_STOP[] = {ROW("value", 0), {0}};
const GetSet exc_getset_EXIT[] = {ROW("code", 0), {0}};
const GetSet exc_getset_OS[] = {ROW("errno", 0), ROW("strerror", 1), ROW("filename", 2), ROW("filename2", 3), {"characters_written", get_written, set_written, NULL}, {0}};
const GetSet exc_getset_SYNTAX[] = {ROW("msg", 0),  ROW("filename", 1),   ROW("lineno", 2),     ROW("offset", 3),
                                    ROW("text", 4), ROW("end_lineno", 5), ROW("end_offset", 6), ROW("print_file_and_line", 7), {0}};
const GetSet exc_getset_IMPORT[] = {ROW("msg", 0), ROW("name", 1), ROW("path", 2), {0}};
const GetSet exc_getset_NAME[] = {ROW("name", 0), {0}};
const GetSet exc_getset_ATTR[] = {ROW("name", 0), ROW("obj", 1), {0}};
const GetSet exc_getset_UNICODE[] = {ROW("encoding", 0), ROW("object", 1), {"start", get_2, set_start, NULL}, {"end", get_3, set_end, NULL}, ROW("reason", 4), {0}};

/* With a file name, the arguments that were cut off come back, so that a copy is made from all. */
static Value os_reduce_m(VM *vm, Args *a) {
  Exception *e = v_exc(a->v[0]);
  Value file = e->fields[EXF_OS_FILENAME], file2 = e->fields[EXF_OS_FILENAME2];
  if (e->args->length != 2 || v_absent(file)) return exc_reduce(vm, a->v[0], e->args, NULL);
  Value items[5] = {e->args->items[0], e->args->items[1], file, V_NONE, file2};
  Tuple *args = tuple_new(vm, items, v_absent(file2) ? 3 : 5);
  return args ? exc_reduce(vm, a->v[0], args, NULL) : V_FAIL;
}
static Value import_reduce_m(VM *vm, Args *a) {
  Exception *e = v_exc(a->v[0]);
  Dict *d = dict_new(vm);
  if (!d) return V_FAIL;
  if (!v_is_none(field(e, EXF_IMP_NAME)) && !dict_set_c(vm, d, "name", e->fields[EXF_IMP_NAME])) return V_FAIL;
  if (!v_is_none(field(e, EXF_IMP_PATH)) && !dict_set_c(vm, d, "path", e->fields[EXF_IMP_PATH])) return V_FAIL;
  return exc_reduce(vm, a->v[0], e->args, d);
}
const tiny_def exc_methods_OS[] = {{"__reduce__", os_reduce_m, "(self, /)", NULL}, {0}};
const tiny_def exc_methods_IMPORT[] = {{"__reduce__", import_reduce_m, "(self, /)", NULL}, {0}};
