/* Module resource: limits of the process, and what it has used. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>
#include "stdlib/os_fd.h"

static bool resource_arg(tiny_vm *vm, tiny_args *a, int i, int *resource) {
  int64_t n = tiny_arg_int(a, i);
  if (n < 0 || n >= RLIM_NLIMITS) return tiny_raise(vm, TINY_VALUE_ERROR, "invalid resource specified"), false;
  *resource = (int)n;
  return true;
}

static tiny_val limits_value(tiny_vm *vm, const struct rlimit *l) {
  tiny_val v[2] = {tiny_int(vm, (int64_t)l->rlim_cur), tiny_int(vm, (int64_t)l->rlim_max)}; /* RLIM_INFINITY is -1 */
  return tiny_tuple(vm, 2, v);
}

static bool limits_arg(tiny_vm *vm, tiny_val v, struct rlimit *l) {
  tiny_val pair = tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "builtins"), "tuple"), 1, &v);
  int64_t soft, hard;
  if (tiny_failed(pair)) return false;
  if (tiny_seq_len(pair) != 2) return tiny_raise(vm, TINY_VALUE_ERROR, "expected a tuple of 2 integers"), false;
  if (!tiny_to_int(vm, tiny_seq_item(pair, 0), &soft) || !tiny_to_int(vm, tiny_seq_item(pair, 1), &hard)) return false;
  *l = (struct rlimit){(rlim_t)soft, (rlim_t)hard};
  return true;
}

static tiny_val refused(tiny_vm *vm, bool setting) {
  if (errno == EINVAL) return tiny_raise(vm, TINY_VALUE_ERROR, "current limit exceeds maximum limit");
  if (errno == EPERM && setting) return tiny_raise(vm, TINY_VALUE_ERROR, "not allowed to raise maximum limit");
  return tiny_raise_os(vm, errno, NULL);
}

static tiny_val r_getrlimit(tiny_vm *vm, tiny_args *a) {
  int resource;
  struct rlimit l;
  if (!resource_arg(vm, a, 0, &resource)) return TINY_FAIL;
  return getrlimit(resource, &l) < 0 ? tiny_raise_os(vm, errno, NULL) : limits_value(vm, &l);
}

static tiny_val r_setrlimit(tiny_vm *vm, tiny_args *a) {
  int resource;
  struct rlimit l;
  if (!resource_arg(vm, a, 0, &resource) || !limits_arg(vm, tiny_arg(a, 1), &l)) return TINY_FAIL;
  return setrlimit(resource, &l) < 0 ? refused(vm, true) : TINY_NONE;
}

#ifdef __linux__
static tiny_val r_prlimit(tiny_vm *vm, tiny_args *a) {
  int resource;
  struct rlimit new, old;
  bool setting = !tiny_is_absent(tiny_arg(a, 2));
  if (!resource_arg(vm, a, 1, &resource) || (setting && !limits_arg(vm, tiny_arg(a, 2), &new))) return TINY_FAIL;
  return prlimit((pid_t)tiny_arg_int(a, 0), resource, setting ? &new : NULL, &old) < 0 ? refused(vm, false) : limits_value(vm, &old);
}
#endif

static tiny_val r_getrusage(tiny_vm *vm, tiny_args *a) {
  struct rusage u;
  if (getrusage((int)tiny_arg_int(a, 0), &u) < 0) return errno == EINVAL ? tiny_raise(vm, TINY_VALUE_ERROR, "invalid who parameter") : tiny_raise_os(vm, errno, NULL);
  const long counts[] = {u.ru_maxrss, u.ru_ixrss, u.ru_idrss, u.ru_isrss, u.ru_minflt, u.ru_majflt, u.ru_nswap, u.ru_inblock, u.ru_oublock, u.ru_msgsnd, u.ru_msgrcv, u.ru_nsignals, u.ru_nvcsw, u.ru_nivcsw};
  tiny_val v[16] = {tiny_float(vm, (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec * 1e-6), tiny_float(vm, (double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec * 1e-6)};
  for (int i = 0; i < 14; i++) v[i + 2] = tiny_int(vm, counts[i]);
  return os_record(vm, "resource", "struct_rusage", 16, v);
}

static tiny_val r_getpagesize(tiny_vm *vm, tiny_args *a) {
  (void)a;
  return tiny_int(vm, sysconf(_SC_PAGESIZE));
}

static const tiny_def functions[] = {
  {"getrlimit", r_getrlimit, "(resource: int, /)", NULL},
  {"setrlimit", r_setrlimit, "(resource: int, limits, /)", NULL},
#ifdef __linux__
  {"prlimit", r_prlimit, "(pid: int, resource: int, limits=..., /)", NULL},
#endif
  {"getrusage", r_getrusage, "(who: int, /)", NULL},
  {"getpagesize", r_getpagesize, "()", NULL},
  {0}};

#define POSIX_NAMES(C) C(RLIMIT_AS) C(RLIMIT_CORE) C(RLIMIT_CPU) C(RLIMIT_DATA) C(RLIMIT_FSIZE) C(RLIMIT_NOFILE) C(RLIMIT_STACK) C(RLIM_INFINITY) C(RUSAGE_CHILDREN) C(RUSAGE_SELF)
#ifdef __linux__
#define LINUX_NAMES(C) C(RLIMIT_MEMLOCK) C(RLIMIT_MSGQUEUE) C(RLIMIT_NICE) C(RLIMIT_NPROC) C(RLIMIT_OFILE) C(RLIMIT_RSS) C(RLIMIT_RTPRIO) C(RLIMIT_RTTIME) C(RLIMIT_SIGPENDING) C(RUSAGE_THREAD)
#else
#define LINUX_NAMES(C)
#endif
static const char names[] = POSIX_NAMES(OS_CONSTANT_TEXT) LINUX_NAMES(OS_CONSTANT_TEXT);
static const unsigned values[] = {POSIX_NAMES(OS_CONSTANT_VALUE) LINUX_NAMES(OS_CONSTANT_VALUE)};

static bool resource_init(tiny_vm *vm, tiny_val module) {
  static const char *const fields[] = {"ru_utime", "ru_stime", "ru_maxrss", "ru_ixrss", "ru_idrss", "ru_isrss", "ru_minflt", "ru_majflt", "ru_nswap", "ru_inblock", "ru_oublock", "ru_msgsnd", "ru_msgrcv",
                                       "ru_nsignals", "ru_nvcsw", "ru_nivcsw", NULL};
  return tiny_setattr(vm, module, "error", tiny_exc_class(vm, TINY_OS_ERROR)) && os_record_class(vm, module, "resource", "struct_rusage", fields)
    && os_constants(vm, module, names, values, sizeof values / sizeof *values);
}

extern const tiny_module resource_module;
const tiny_module resource_module = {"resource", functions, resource_init, "Limits of the process, and what it has used."};
