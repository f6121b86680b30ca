/* Module _os: the system calls behind os.tiny. Paths are str (undecodable bytes as lone surrogates, PEP 383) or bytes. */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h> /* rename */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "stdlib/stdlib.h"

extern char **environ;

static tiny_val fs_string(tiny_vm *vm, const char *text) {
  tiny_val v = tiny_string(vm, text);
  if (!tiny_failed(v)) return v;
  tiny_clear_error(vm);
  tiny_val how[2] = {tiny_string(vm, "utf-8"), tiny_string(vm, "surrogateescape")};
  return tiny_call_method(vm, tiny_bytes(vm, text, strlen(text)), "decode", 2, how);
}

/* NULL: exception pending. */
static const char *path_arg(tiny_vm *vm, tiny_args *a, int i) {
  tiny_val raw = tiny_arg(a, i);
  files_settle(vm);
  if (tiny_kind_of(vm, raw) == TINY_T_STR) {
    tiny_val how[2] = {tiny_string(vm, "utf-8"), tiny_string(vm, "surrogateescape")};
    raw = tiny_call_method(vm, raw, "encode", 2, how);
  }
  size_t n;
  tiny_val ended = tiny_binary(vm, TINY_ADD, raw, tiny_bytes(vm, "", 1));
  const char *text = tiny_failed(ended) ? NULL : tiny_to_bytes(vm, ended, &n);
  if (text && strlen(text) + 1 != n) {
    tiny_raise(vm, TINY_VALUE_ERROR, "embedded null byte");
    return NULL;
  }
  return text;
}

/* OSError(errno, text, path[, None, path2]) */
static tiny_val failed(tiny_vm *vm, int err, tiny_val path, tiny_val path2) {
  tiny_val args[5] = {tiny_int(vm, err), tiny_string(vm, strerror(err)), path, TINY_NONE, path2};
  return tiny_raise_value(vm, tiny_call(vm, tiny_exc_class(vm, TINY_OS_ERROR), tiny_is_absent(path2) ? 3 : 5, args));
}
static tiny_val done(tiny_vm *vm, tiny_args *a, int result) { return result == 0 ? TINY_NONE : failed(vm, errno, tiny_arg(a, 0), TINY_ABSENT); }

static tiny_val os_getcwd(tiny_vm *vm, tiny_args *a) {
  (void)a;
  for (size_t cap = 256;; cap *= 2) {
    char *buf = tiny_alloc(vm, NULL, 0, cap);
    if (!buf) return tiny_no_memory(vm);
    tiny_val v = TINY_NONE;
    if (getcwd(buf, cap)) v = fs_string(vm, buf);
    else if (errno != ERANGE) v = tiny_raise_os(vm, errno, NULL);
    tiny_alloc(vm, buf, cap, 0);
    if (!tiny_is_none(v)) return v;
  }
}
static tiny_val os_listdir(tiny_vm *vm, tiny_args *a) {
  const char *path = path_arg(vm, a, 0);
  if (!path) return TINY_FAIL;
  DIR *d = opendir(path);
  if (!d) return failed(vm, errno, tiny_arg(a, 0), TINY_ABSENT);
  bool raw = tiny_kind_of(vm, tiny_arg(a, 0)) == TINY_T_BYTES;
  tiny_val list = tiny_list(vm, 0, NULL);
  for (struct dirent *e; !tiny_failed(list) && (e = readdir(d)) != NULL;) {
    if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
    tiny_scope s = tiny_scope_open(vm);
    tiny_val name = raw ? tiny_bytes(vm, e->d_name, strlen(e->d_name)) : fs_string(vm, e->d_name);
    if (tiny_failed(name) || !tiny_list_append(vm, list, name) || !tiny_charge(vm, 1)) list = TINY_FAIL;
    tiny_scope_close(vm, s);
  }
  closedir(d);
  return list;
}

static tiny_val stat_tuple(tiny_vm *vm, const struct stat *st) {
  double times[3] = {(double)st->st_atim.tv_sec + 1e-9 * (double)st->st_atim.tv_nsec, (double)st->st_mtim.tv_sec + 1e-9 * (double)st->st_mtim.tv_nsec,
      (double)st->st_ctim.tv_sec + 1e-9 * (double)st->st_ctim.tv_nsec};
  tiny_val v[14] = {tiny_uint(vm, st->st_mode), tiny_uint(vm, st->st_ino), tiny_uint(vm, st->st_dev), tiny_uint(vm, st->st_nlink), tiny_uint(vm, st->st_uid),
      tiny_uint(vm, st->st_gid), tiny_int(vm, st->st_size), tiny_float(vm, times[0]), tiny_float(vm, times[1]), tiny_float(vm, times[2]),
      tiny_int(vm, (int64_t)st->st_atim.tv_sec * 1000000000 + st->st_atim.tv_nsec), tiny_int(vm, (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec),
      tiny_int(vm, (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec), TINY_NONE};
  return tiny_tuple(vm, 13, v);
}
static tiny_val os_stat(tiny_vm *vm, tiny_args *a) {
  struct stat st;
  int64_t fd;
  if (tiny_kind_of(vm, tiny_arg(a, 0)) == TINY_T_INT) {
    if (!tiny_to_int(vm, tiny_arg(a, 0), &fd)) return TINY_FAIL;
    return fstat((int)fd, &st) == 0 ? stat_tuple(vm, &st) : tiny_raise_os(vm, errno, NULL);
  }
  const char *path = path_arg(vm, a, 0);
  if (!path) return TINY_FAIL;
  int r = tiny_arg_bool(a, 1) ? stat(path, &st) : lstat(path, &st);
  return r == 0 ? stat_tuple(vm, &st) : failed(vm, errno, tiny_arg(a, 0), TINY_ABSENT);
}
static tiny_val os_mkdir(tiny_vm *vm, tiny_args *a) {
  const char *path = path_arg(vm, a, 0);
  return path ? done(vm, a, mkdir(path, (mode_t)tiny_arg_int(a, 1))) : TINY_FAIL;
}
static tiny_val os_chmod(tiny_vm *vm, tiny_args *a) {
  const char *path = path_arg(vm, a, 0);
  return path ? done(vm, a, chmod(path, (mode_t)tiny_arg_int(a, 1))) : TINY_FAIL;
}
static tiny_val os_rmdir(tiny_vm *vm, tiny_args *a) {
  const char *path = path_arg(vm, a, 0);
  return path ? done(vm, a, rmdir(path)) : TINY_FAIL;
}
static tiny_val os_unlink(tiny_vm *vm, tiny_args *a) {
  const char *path = path_arg(vm, a, 0);
  return path ? done(vm, a, unlink(path)) : TINY_FAIL;
}
static tiny_val os_chdir(tiny_vm *vm, tiny_args *a) {
  const char *path = path_arg(vm, a, 0);
  return path ? done(vm, a, chdir(path)) : TINY_FAIL;
}
static tiny_val two_paths(tiny_vm *vm, tiny_args *a, int (*call)(const char *, const char *)) {
  const char *from = path_arg(vm, a, 0), *to = from ? path_arg(vm, a, 1) : NULL;
  if (!to) return TINY_FAIL;
  return call(from, to) == 0 ? TINY_NONE : failed(vm, errno, tiny_arg(a, 0), tiny_arg(a, 1));
}
static tiny_val os_rename(tiny_vm *vm, tiny_args *a) { return two_paths(vm, a, rename); }
static tiny_val os_link(tiny_vm *vm, tiny_args *a) { return two_paths(vm, a, link); }
static tiny_val os_symlink(tiny_vm *vm, tiny_args *a) { return two_paths(vm, a, symlink); }
static tiny_val os_readlink(tiny_vm *vm, tiny_args *a) {
  const char *path = path_arg(vm, a, 0);
  char buf[4096];
  if (!path) return TINY_FAIL;
  ssize_t n = readlink(path, buf, sizeof buf - 1);
  if (n < 0) return failed(vm, errno, tiny_arg(a, 0), TINY_ABSENT);
  buf[n] = 0;
  return fs_string(vm, buf);
}
static tiny_val os_access(tiny_vm *vm, tiny_args *a) {
  const char *path = path_arg(vm, a, 0);
  return path ? tiny_bool(access(path, (int)tiny_arg_int(a, 1)) == 0) : TINY_FAIL;
}

/* Descriptors. */
static tiny_val os_open(tiny_vm *vm, tiny_args *a) {
  const char *path = path_arg(vm, a, 0);
  if (!path) return TINY_FAIL;
  for (;;) {
    int fd = open(path, (int)tiny_arg_int(a, 1) | O_CLOEXEC, (mode_t)tiny_arg_int(a, 2));
    if (fd >= 0) return tiny_int(vm, fd);
    if (errno != EINTR || !tiny_poll_signals(vm)) return tiny_pending(vm) ? TINY_FAIL : failed(vm, errno, tiny_arg(a, 0), TINY_ABSENT);
  }
}
static tiny_val os_close(tiny_vm *vm, tiny_args *a) { return close((int)tiny_arg_int(a, 0)) == 0 ? TINY_NONE : tiny_raise_os(vm, errno, NULL); }
static tiny_val os_read(tiny_vm *vm, tiny_args *a) {
  int64_t n = tiny_arg_int(a, 1);
  if (n < 0) return tiny_raise_os(vm, EINVAL, NULL);
  size_t cap = n > 1 << 20 ? 1u << 20 : (size_t)n;
  char *buf = tiny_alloc(vm, NULL, 0, cap + 1);
  if (!buf) return tiny_no_memory(vm);
  ssize_t got;
  while ((got = read((int)tiny_arg_int(a, 0), buf, cap)) < 0 && errno == EINTR && tiny_poll_signals(vm)) continue;
  tiny_val v = got >= 0 ? tiny_bytes(vm, buf, (size_t)got) : tiny_pending(vm) ? TINY_FAIL : tiny_raise_os(vm, errno, NULL);
  tiny_alloc(vm, buf, cap + 1, 0);
  return v;
}
static tiny_val os_write(tiny_vm *vm, tiny_args *a) {
  size_t n;
  ssize_t put;
  do { /* a handler of signals may change a bytearray */
    const void *data = tiny_to_bytes(vm, tiny_arg(a, 1), &n);
    if (!data) return TINY_FAIL;
    put = write((int)tiny_arg_int(a, 0), data, n);
  } while (put < 0 && errno == EINTR && tiny_poll_signals(vm));
  return put >= 0 ? tiny_int(vm, put) : tiny_pending(vm) ? TINY_FAIL : tiny_raise_os(vm, errno, NULL);
}
static tiny_val os_pipe(tiny_vm *vm, tiny_args *a) {
  (void)a;
  int fd[2];
  if (pipe(fd) != 0) return tiny_raise_os(vm, errno, NULL);
  for (int i = 0; i < 2; i++) (void)fcntl(fd[i], F_SETFD, FD_CLOEXEC); /* PEP 446 */
  for (int i = 0; i < 2; i++) (void)fcntl(fd[i], F_SETFD, FD_CLOEXEC);
  tiny_val v[2] = {tiny_int(vm, fd[0]), tiny_int(vm, fd[1])};
  return tiny_tuple(vm, 2, v);
}
static tiny_val os_get_inheritable(tiny_vm *vm, tiny_args *a) {
  int flags = fcntl((int)tiny_arg_int(a, 0), F_GETFD);
  return flags < 0 ? tiny_raise_os(vm, errno, NULL) : tiny_bool(!(flags & FD_CLOEXEC));
}
static tiny_val os_set_inheritable(tiny_vm *vm, tiny_args *a) {
  int fd = (int)tiny_arg_int(a, 0), flags = fcntl(fd, F_GETFD);
  int wanted = tiny_arg_bool(a, 1) ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC;
  return flags < 0 || fcntl(fd, F_SETFD, wanted) < 0 ? tiny_raise_os(vm, errno, NULL) : TINY_NONE;
}
static tiny_val os_isatty(tiny_vm *vm, tiny_args *a) { (void)vm; return tiny_bool(isatty((int)tiny_arg_int(a, 0)) == 1); }

/* The process. */
static tiny_val os_getpid(tiny_vm *vm, tiny_args *a) { (void)a; return tiny_int(vm, getpid()); }
static tiny_val os_getppid(tiny_vm *vm, tiny_args *a) { (void)a; return tiny_int(vm, getppid()); }
static tiny_val os_getuid(tiny_vm *vm, tiny_args *a) { (void)a; return tiny_int(vm, getuid()); }
static tiny_val os_cpu_count(tiny_vm *vm, tiny_args *a) { (void)a; return tiny_int(vm, sysconf(_SC_NPROCESSORS_ONLN)); }
static tiny_val os_strerror(tiny_vm *vm, tiny_args *a) { return tiny_string(vm, strerror((int)tiny_arg_int(a, 0))); }
static tiny_val os_urandom(tiny_vm *vm, tiny_args *a) {
  int64_t n = tiny_arg_int(a, 0);
  if (n < 0) return tiny_raise(vm, TINY_VALUE_ERROR, "negative argument not allowed");
  tiny_val v = tiny_bytes(vm, NULL, (size_t)n);
  if (tiny_failed(v)) return v;
  int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return tiny_raise_os(vm, errno, "/dev/urandom");
  char *at = tiny_bytes_data(vm, v);
  for (size_t left = (size_t)n; left > 0;) {
    ssize_t got = read(fd, at, left);
    if (got <= 0 && errno != EINTR) break;
    if (got > 0) at += got, left -= (size_t)got;
  }
  close(fd);
  return v;
}
static tiny_val os_environ(tiny_vm *vm, tiny_args *a) {
  (void)a;
  tiny_val d = tiny_dict(vm);
  for (char **e = environ; e && *e && !tiny_failed(d); e++) {
    const char *eq = strchr(*e, '=');
    if (!eq) continue;
    tiny_val key = tiny_string_n(vm, *e, (size_t)(eq - *e)), value = fs_string(vm, eq + 1);
    if (tiny_failed(key)) {
      tiny_clear_error(vm);
      continue;
    }
    if (tiny_failed(value) || !tiny_setitem(vm, d, key, value)) return TINY_FAIL;
  }
  return d;
}
static tiny_val os_putenv(tiny_vm *vm, tiny_args *a) {
  int r = tiny_is_none(tiny_arg(a, 1)) ? unsetenv(tiny_arg_str(a, 0, NULL)) : 0;
  if (!tiny_is_none(tiny_arg(a, 1))) {
    const char *value = tiny_to_str(vm, tiny_arg(a, 1), NULL);
    if (!value) return TINY_FAIL;
    r = setenv(tiny_arg_str(a, 0, NULL), value, 1);
  }
  return r == 0 ? TINY_NONE : tiny_raise_os(vm, errno, NULL);
}

static tiny_val os_kill(tiny_vm *vm, tiny_args *a) {
  if (kill((pid_t)tiny_arg_int(a, 0), (int)tiny_arg_int(a, 1)) != 0) return tiny_raise_os(vm, errno, NULL);
  return tiny_poll_signals(vm) ? TINY_NONE : TINY_FAIL; /* to itself: it is handled already */
}
static const tiny_def functions[] = {
  {"kill", os_kill, "(pid: int, signal: int, /)", "Kill a process with a signal."},
  {"getcwd", os_getcwd, "()", "Return a unicode string representing the current working directory."},
  {"listdir", os_listdir, "(path)", NULL},
  {"stat", os_stat, "(path, follow: bool = True)", NULL},
  {"mkdir", os_mkdir, "(path, mode: int = 511)", NULL},
  {"chmod", os_chmod, "(path, mode: int)", NULL},
  {"rmdir", os_rmdir, "(path)", NULL},
  {"unlink", os_unlink, "(path)", NULL},
  {"chdir", os_chdir, "(path)", NULL},
  {"rename", os_rename, "(src, dst)", NULL},
  {"link", os_link, "(src, dst)", NULL},
  {"symlink", os_symlink, "(src, dst)", NULL},
  {"readlink", os_readlink, "(path)", NULL},
  {"access", os_access, "(path, mode: int)", NULL},
  {"open", os_open, "(path, flags: int, mode: int = 511)", NULL},
  {"close", os_close, "(fd: int)", "Close a file descriptor."},
  {"read", os_read, "(fd: int, length: int, /)", "Read from a file descriptor.  Returns a bytes object."},
  {"write", os_write, "(fd: int, data, /)", "Write a bytes object to a file descriptor."},
  {"pipe", os_pipe, "()", "Create a pipe."},
  {"get_inheritable", os_get_inheritable, "(fd: int, /)", NULL},
  {"set_inheritable", os_set_inheritable, "(fd: int, inheritable: bool, /)", NULL},
  {"isatty", os_isatty, "(fd: int, /)", NULL},
  {"getpid", os_getpid, "()", "Return the current process id."},
  {"getppid", os_getppid, "()", NULL},
  {"getuid", os_getuid, "()", NULL},
  {"cpu_count", os_cpu_count, "()", NULL},
  {"strerror", os_strerror, "(code: int, /)", "Translate an error code to a message string."},
  {"urandom", os_urandom, "(size: int, /)", "Return a bytes object containing random bytes suitable for cryptographic use."},
  {"environ", os_environ, "()", NULL},
  {"putenv", os_putenv, "(name: str, value, /)", NULL},
  {0}};

static bool init(tiny_vm *vm, tiny_val module) {
  static const struct { const char *name; int value; } flags[] = {{"O_RDONLY", O_RDONLY}, {"O_WRONLY", O_WRONLY}, {"O_RDWR", O_RDWR}, {"O_CREAT", O_CREAT},
      {"O_EXCL", O_EXCL}, {"O_TRUNC", O_TRUNC}, {"O_APPEND", O_APPEND}, {"O_NONBLOCK", O_NONBLOCK}, {"O_CLOEXEC", O_CLOEXEC}, {"O_NOFOLLOW", O_NOFOLLOW}, {"O_DIRECTORY", O_DIRECTORY}, {"O_SYNC", O_SYNC}, {"F_OK", F_OK}, {"R_OK", R_OK}, {"W_OK", W_OK}, {"X_OK", X_OK}};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (!tiny_setattr(vm, module, flags[i].name, tiny_int(vm, flags[i].value))) return false;
  return true;
}
extern const tiny_module os_system_module;
const tiny_module os_system_module = {"_os", functions, init, "System calls for os."};
