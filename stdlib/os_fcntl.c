/* Module fcntl: control of descriptors, and locks of files. Waiting for a lock is trying again in short steps, so that the host can interrupt the script. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <time.h>
#include "stdlib/os_fd.h"

bool os_fd(tiny_vm *vm, tiny_val file, int *fd) {
  tiny_kind kind = tiny_kind_of(vm, file);
  int64_t i;
  if (kind != TINY_T_INT && kind != TINY_T_BOOL) {
    if (!tiny_hasattr(vm, file, "fileno")) return tiny_pending(vm) ? false : (tiny_raise(vm, TINY_TYPE_ERROR, "argument must be an int, or have a fileno() method."), false);
    file = tiny_call_method(vm, file, "fileno", 0, NULL);
    kind = tiny_failed(file) ? TINY_T_NONE : tiny_kind_of(vm, file);
    if (!tiny_failed(file) && kind != TINY_T_INT && kind != TINY_T_BOOL) return tiny_raise(vm, TINY_TYPE_ERROR, "fileno() returned a non-integer"), false;
  }
  if (!tiny_to_int(vm, file, &i)) return false;
  if (i != (int)i) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "Python int too %s to convert to C int", i < 0 ? "small" : "large"), false;
  if (i < 0) return tiny_raise(vm, TINY_VALUE_ERROR, "file descriptor cannot be a negative integer (%d)", (int)i), false;
  *fd = (int)i;
  return true;
}

bool os_low_bits(tiny_vm *vm, tiny_val v, uint32_t *bits) {
  int64_t i;
  if (!tiny_to_int(vm, v, &i)) {
    if (!tiny_pending_is(vm, TINY_OVERFLOW_ERROR)) return false;
    tiny_clear_error(vm);
    if (!tiny_to_int(vm, tiny_binary(vm, TINY_AND, v, tiny_int(vm, UINT32_MAX)), &i)) return false;
  }
  *bits = (uint32_t)i;
  return true;
}

bool os_constants(tiny_vm *vm, tiny_val module, const char *names, const unsigned *values, size_t n) {
  for (size_t i = 0; i < n; i++, names += strlen(names) + 1)
    if (!tiny_setattr(vm, module, names, tiny_int(vm, values[i] == UINT32_MAX ? -1 : (int64_t)values[i]))) return false;
  return true;
}

bool os_record_class(tiny_vm *vm, tiny_val module, const char *module_name, const char *name, const char *const *fields) {
  tiny_val list = tiny_list(vm, 0, NULL);
  for (; *fields; fields++)
    if (!tiny_list_append(vm, list, tiny_string(vm, *fields))) return false;
  tiny_val names = tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "builtins"), "tuple"), 1, &list);
  tiny_val args[4] = {tiny_string(vm, name), tiny_string(vm, module_name), names, tiny_tuple(vm, 0, NULL)};
  return tiny_setattr(vm, module, name, tiny_call(vm, tiny_library_function(vm, "_structseq_class"), 4, args));
}

tiny_val os_record(tiny_vm *vm, const char *module_name, const char *name, int n, const tiny_val *items) {
  tiny_val all = tiny_tuple(vm, n, items);
  return tiny_call(vm, tiny_getattr(vm, tiny_import(vm, module_name), name), 1, &all);
}

static bool int_arg(tiny_vm *vm, tiny_args *a, int i, int *out) {
  int64_t n = tiny_arg_int(a, i);
  if (n != (int)n) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "Python int too %s to convert to C int", n < 0 ? "small" : "large"), false;
  *out = (int)n;
  return true;
}

/* ---- fcntl, ioctl: the argument is a number, or bytes that the system reads and writes */

enum { ROOM = 1024 };

static tiny_val view_of(tiny_vm *vm, tiny_val v) {
  tiny_val view = tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "builtins"), "memoryview"), 1, &v), format = tiny_string(vm, "B");
  return tiny_call_method(vm, view, "cast", 1, &format);
}

static bool is_buffer(tiny_vm *vm, tiny_val v, tiny_kind kind) {
  const char *type = tiny_type_name(vm, v);
  return kind == TINY_T_BYTES || (type && (strcmp(type, "bytearray") == 0 || strcmp(type, "memoryview") == 0 || strcmp(type, "array") == 0 || strcmp(type, "array.array") == 0));
}

typedef struct Request { int fd; unsigned long code; bool is_ioctl; } Request;

static int ask(const Request *q, void *data, unsigned int number) {
  if (q->is_ioctl) return data ? ioctl(q->fd, q->code, data) : ioctl(q->fd, q->code, number);
  return data ? fcntl(q->fd, (int)q->code, data) : fcntl(q->fd, (int)q->code, number);
}

/* -1: an exception is pending */
static int ask_again(tiny_vm *vm, const Request *q, void *data, unsigned int number) {
  for (;;) {
    int r = ask(q, data, number), err = errno;
    if (r >= 0) return r;
    if (err != EINTR || !tiny_poll_signals(vm)) return tiny_pending(vm) ? -1 : (tiny_raise_os(vm, err, NULL), -1);
  }
}

static tiny_val with_bytes(tiny_vm *vm, const Request *q, tiny_val bytes, tiny_val target) {
  size_t n;
  const char *text = tiny_to_bytes(vm, bytes, &n);
  if (!text) return TINY_FAIL;
  if (n > ROOM && tiny_is_none(target)) return tiny_raise(vm, TINY_VALUE_ERROR, "%s string arg too long", q->is_ioctl ? "ioctl" : "fcntl");
  size_t size = n > ROOM ? n + 1 : ROOM + 1; /* the system may write more than it was given */
  char *data = tiny_alloc(vm, NULL, 0, size);
  if (!data) return tiny_no_memory(vm);
  memset(data, 0, size);
  memcpy(data, text, n);
  int r = ask_again(vm, q, data, 0);
  tiny_val out = r < 0 ? TINY_FAIL : tiny_bytes(vm, data, n);
  tiny_alloc(vm, data, size, 0);
  if (tiny_failed(out) || tiny_is_none(target)) return out;
  tiny_val all = tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "builtins"), "slice"), 1, (tiny_val[1]){TINY_NONE});
  return tiny_setitem(vm, target, all, out) ? tiny_int(vm, r) : TINY_FAIL;
}

static tiny_val request(tiny_vm *vm, const Request *q, tiny_val arg, bool mutate) {
  tiny_kind kind = tiny_kind_of(vm, arg);
  if (kind == TINY_T_STR) return with_bytes(vm, q, tiny_call_method(vm, arg, "encode", 0, NULL), TINY_NONE);
  if (is_buffer(vm, arg, kind)) {
    tiny_val view = view_of(vm, arg);
    int readonly = tiny_truth(vm, tiny_getattr(vm, view, "readonly"));
    return readonly < 0 ? TINY_FAIL : with_bytes(vm, q, tiny_call_method(vm, view, "tobytes", 0, NULL), mutate && !readonly ? view : TINY_NONE);
  }
  uint32_t number;
  if (!os_low_bits(vm, arg, &number)) return TINY_FAIL;
  int r = ask_again(vm, q, NULL, number);
  return r < 0 ? TINY_FAIL : tiny_int(vm, r);
}

static tiny_val f_fcntl(tiny_vm *vm, tiny_args *a) {
  Request q = {.is_ioctl = false};
  int code;
  if (!os_fd(vm, tiny_arg(a, 0), &q.fd) || !int_arg(vm, a, 1, &code)) return TINY_FAIL;
  q.code = (unsigned long)code;
  return request(vm, &q, tiny_arg(a, 2), false);
}

static tiny_val f_ioctl(tiny_vm *vm, tiny_args *a) {
  Request q = {.is_ioctl = true};
  uint32_t code;
  if (!os_fd(vm, tiny_arg(a, 0), &q.fd) || !os_low_bits(vm, tiny_arg(a, 1), &code)) return TINY_FAIL;
  q.code = code;
  return request(vm, &q, tiny_arg(a, 2), tiny_arg_bool(a, 3));
}

/* ---- locks */

/* Somebody else has the lock: 1 to 20 ms pass. False: an exception is pending. */
static bool wait_for_lock(tiny_vm *vm, int *ms) {
  struct timespec t = {0, *ms * 1000000L};
  nanosleep(&t, NULL);
  *ms = *ms < 10 ? *ms * 2 : 20;
  return tiny_poll_signals(vm);
}

static tiny_val f_flock(tiny_vm *vm, tiny_args *a) {
  int fd, op, ms = 1;
  if (!os_fd(vm, tiny_arg(a, 0), &fd) || !int_arg(vm, a, 1, &op)) return TINY_FAIL;
  while (flock(fd, op | LOCK_NB) < 0) {
    int err = errno;
    if ((err != EWOULDBLOCK || op & LOCK_NB) && err != EINTR) return tiny_raise_os(vm, err, NULL);
    if (!wait_for_lock(vm, &ms)) return TINY_FAIL;
  }
  return TINY_NONE;
}

static tiny_val f_lockf(tiny_vm *vm, tiny_args *a) {
  int fd, op, ms = 1;
  if (!os_fd(vm, tiny_arg(a, 0), &fd) || !int_arg(vm, a, 1, &op)) return TINY_FAIL;
  struct flock l = {.l_start = (off_t)tiny_arg_int(a, 3), .l_len = (off_t)tiny_arg_int(a, 2), .l_whence = (short)tiny_arg_int(a, 4)};
  if (op == LOCK_UN) l.l_type = F_UNLCK;
  else if (op & LOCK_SH) l.l_type = F_RDLCK;
  else if (op & LOCK_EX) l.l_type = F_WRLCK;
  else return tiny_raise(vm, TINY_VALUE_ERROR, "unrecognized lockf argument");
  while (fcntl(fd, F_SETLK, &l) < 0) {
    int err = errno;
    if (((err != EAGAIN && err != EACCES) || op & LOCK_NB) && err != EINTR) return tiny_raise_os(vm, err, NULL);
    if (!wait_for_lock(vm, &ms)) return TINY_FAIL;
  }
  return TINY_NONE;
}

static const tiny_def functions[] = {
  {"fcntl", f_fcntl, "(fd, cmd: int, arg=0, /)", "Perform the operation `cmd` on file descriptor fd."},
  {"ioctl", f_ioctl, "(fd, request, arg=0, mutate_flag: bool = True, /)", "Perform the operation request on file descriptor fd."},
  {"flock", f_flock, "(fd, operation: int, /)", "Perform the lock operation on file descriptor fd."},
  {"lockf", f_lockf, "(fd, cmd: int, len: int = 0, start: int = 0, whence: int = 0, /)", "A wrapper around the fcntl() locking calls."},
  {0}};

#define POSIX_NAMES(C) C(FD_CLOEXEC) C(F_DUPFD) C(F_DUPFD_CLOEXEC) C(F_GETFD) C(F_GETFL) C(F_GETLK) C(F_GETOWN) C(F_RDLCK) C(F_SETFD) C(F_SETFL) C(F_SETLK) C(F_SETLKW) C(F_SETOWN) C(F_UNLCK) C(F_WRLCK) \
  C(LOCK_EX) C(LOCK_NB) C(LOCK_SH) C(LOCK_UN)
#ifdef __linux__
#define LINUX_NAMES(C) C(DN_ACCESS) C(DN_ATTRIB) C(DN_CREATE) C(DN_DELETE) C(DN_MODIFY) C(DN_MULTISHOT) C(DN_RENAME) C(FASYNC) C(F_ADD_SEALS) C(F_EXLCK) C(F_GETLEASE) C(F_GETLK64) C(F_GETPIPE_SZ) C(F_GETSIG) \
  C(F_GET_SEALS) C(F_NOTIFY) C(F_OFD_GETLK) C(F_OFD_SETLK) C(F_OFD_SETLKW) C(F_SEAL_GROW) C(F_SEAL_SEAL) C(F_SEAL_SHRINK) C(F_SEAL_WRITE) C(F_SETLEASE) C(F_SETLK64) C(F_SETLKW64) C(F_SETPIPE_SZ) C(F_SETSIG) \
  C(F_SHLCK) C(LOCK_MAND) C(LOCK_READ) C(LOCK_RW) C(LOCK_WRITE)
#else
#define LINUX_NAMES(C)
#endif
static const char names[] = POSIX_NAMES(OS_CONSTANT_TEXT) LINUX_NAMES(OS_CONSTANT_TEXT);
static const unsigned values[] = {POSIX_NAMES(OS_CONSTANT_VALUE) LINUX_NAMES(OS_CONSTANT_VALUE)};

static bool fcntl_init(tiny_vm *vm, tiny_val module) { return os_constants(vm, module, names, values, sizeof values / sizeof *values); }

extern const tiny_module fcntl_module;
const tiny_module fcntl_module = {"fcntl", functions, fcntl_init, "Control of descriptors, and locks of files."};
