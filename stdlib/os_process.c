/* Module _posix: descriptors, the process and its children, times of files; what os.tiny and subprocess.tiny need beyond _os. Paths and arguments are bytes without NUL. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "stdlib/os_spawn.h"
#include "stdlib/stdlib.h"

static tiny_val result_of(tiny_vm *vm, long r) { return r < 0 ? tiny_raise_os(vm, errno, NULL) : tiny_int(vm, r); }
static tiny_val none_of(tiny_vm *vm, int r) { return r < 0 ? tiny_raise_os(vm, errno, NULL) : TINY_NONE; }
static int int_of(tiny_args *a, int i) { return (int)tiny_arg_int(a, i); }

/* ---- descriptors ---- */

static tiny_val p_dup(tiny_vm *vm, tiny_args *a) { return result_of(vm, fcntl(int_of(a, 0), F_DUPFD_CLOEXEC, 0)); }
static tiny_val p_dup2(tiny_vm *vm, tiny_args *a) {
  int flags = tiny_arg_bool(a, 2) ? 0 : O_CLOEXEC;
  return result_of(vm, int_of(a, 0) == int_of(a, 1) ? int_of(a, 1) : dup3(int_of(a, 0), int_of(a, 1), flags));
}
static tiny_val p_get_blocking(tiny_vm *vm, tiny_args *a) {
  int flags = fcntl(int_of(a, 0), F_GETFL);
  return flags < 0 ? tiny_raise_os(vm, errno, NULL) : tiny_bool(!(flags & O_NONBLOCK));
}
static tiny_val p_set_blocking(tiny_vm *vm, tiny_args *a) {
  int flags = fcntl(int_of(a, 0), F_GETFL);
  return none_of(vm, flags < 0 ? -1 : fcntl(int_of(a, 0), F_SETFL, tiny_arg_bool(a, 1) ? flags & ~O_NONBLOCK : flags | O_NONBLOCK));
}
static tiny_val p_lseek(tiny_vm *vm, tiny_args *a) { return result_of(vm, (long)lseek(int_of(a, 0), (off_t)tiny_arg_int(a, 1), int_of(a, 2))); }
static tiny_val p_fsync(tiny_vm *vm, tiny_args *a) { return none_of(vm, fsync(int_of(a, 0))); }
static tiny_val p_ftruncate(tiny_vm *vm, tiny_args *a) { return none_of(vm, ftruncate(int_of(a, 0), (off_t)tiny_arg_int(a, 1))); }
static tiny_val p_terminal_size(tiny_vm *vm, tiny_args *a) {
  struct winsize w;
  if (ioctl(int_of(a, 0), TIOCGWINSZ, &w) < 0) return tiny_raise_os(vm, errno, NULL);
  tiny_val v[2] = {tiny_int(vm, w.ws_col), tiny_int(vm, w.ws_row)};
  return tiny_tuple(vm, 2, v);
}

/* ---- files ---- */

static struct timespec spec_of(int64_t ns) {
  int64_t s = ns / 1000000000, rest = ns % 1000000000;
  if (rest < 0) s--, rest += 1000000000;
  return (struct timespec){(time_t)s, (long)rest};
}
static tiny_val p_utime(tiny_vm *vm, tiny_args *a) { /* (path, now, atime, mtime in ns, follow) */
  const char *path = tiny_to_bytes(vm, tiny_arg(a, 0), NULL);
  struct timespec t[2] = {spec_of(tiny_arg_int(a, 2)), spec_of(tiny_arg_int(a, 3))};
  if (!path) return TINY_FAIL;
  return tiny_int(vm, utimensat(AT_FDCWD, path, tiny_arg_bool(a, 1) ? NULL : t, tiny_arg_bool(a, 4) ? 0 : AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0);
}
static tiny_val p_mkfifo(tiny_vm *vm, tiny_args *a) {
  const char *path = tiny_to_bytes(vm, tiny_arg(a, 0), NULL);
  return path ? tiny_int(vm, mkfifo(path, (mode_t)int_of(a, 1)) < 0 ? errno : 0) : TINY_FAIL;
}
static tiny_val p_umask(tiny_vm *vm, tiny_args *a) { return tiny_int(vm, umask((mode_t)int_of(a, 0))); }

/* ---- the process ---- */

static tiny_val p_uname(tiny_vm *vm, tiny_args *a) {
  struct utsname u;
  (void)a;
  if (uname(&u) < 0) return tiny_raise_os(vm, errno, NULL);
  tiny_val v[5] = {tiny_string(vm, u.sysname), tiny_string(vm, u.nodename), tiny_string(vm, u.release), tiny_string(vm, u.version), tiny_string(vm, u.machine)};
  return tiny_tuple(vm, 5, v);
}
static tiny_val p_times(tiny_vm *vm, tiny_args *a) {
  struct tms t;
  (void)a;
  double tick = (double)sysconf(_SC_CLK_TCK);
  clock_t now = times(&t);
  tiny_val v[5] = {tiny_float(vm, (double)t.tms_utime / tick), tiny_float(vm, (double)t.tms_stime / tick), tiny_float(vm, (double)t.tms_cutime / tick), tiny_float(vm, (double)t.tms_cstime / tick),
      tiny_float(vm, (double)now / tick)};
  return tiny_tuple(vm, 5, v);
}
static tiny_val p_loadavg(tiny_vm *vm, tiny_args *a) {
  double d[3];
  (void)a;
  if (getloadavg(d, 3) != 3) return tiny_raise(vm, TINY_OS_ERROR, "Load averages are unobtainable");
  tiny_val v[3] = {tiny_float(vm, d[0]), tiny_float(vm, d[1]), tiny_float(vm, d[2])};
  return tiny_tuple(vm, 3, v);
}
static tiny_val p_ids(tiny_vm *vm, tiny_args *a) { /* effective user, group, effective group, process group, session */
  (void)a;
  tiny_val v[5] = {tiny_int(vm, geteuid()), tiny_int(vm, getgid()), tiny_int(vm, getegid()), tiny_int(vm, getpgrp()), tiny_int(vm, getsid(0))};
  return tiny_tuple(vm, 5, v);
}
static tiny_val p_exit(tiny_vm *vm, tiny_args *a) {
  (void)vm;
  _exit(int_of(a, 0));
}
static tiny_val p_nice(tiny_vm *vm, tiny_args *a) {
  errno = 0;
  int r = nice(int_of(a, 0));
  return r == -1 && errno ? tiny_raise_os(vm, errno, NULL) : tiny_int(vm, r);
}

/* ---- children ---- */

static tiny_val p_waitpid(tiny_vm *vm, tiny_args *a) {
  for (;;) {
    int status = 0;
    pid_t pid = waitpid((pid_t)tiny_arg_int(a, 0), &status, int_of(a, 1));
    if (pid >= 0) {
      tiny_val v[2] = {tiny_int(vm, pid), tiny_int(vm, status)};
      return tiny_tuple(vm, 2, v);
    }
    if (errno != EINTR || !tiny_poll_signals(vm)) return tiny_pending(vm) ? TINY_FAIL : tiny_raise_os(vm, errno, NULL);
  }
}

/* poll([(fd, events)...], ms) -> [(fd, events)...]; waits in short steps, so that the host can interrupt the script. */
static tiny_val p_poll(tiny_vm *vm, tiny_args *a) {
  int n = tiny_seq_len(tiny_arg(a, 0)), ready;
  int64_t left = tiny_arg_int(a, 1);
  struct pollfd p[64];
  if (n > 64) return tiny_raise(vm, TINY_VALUE_ERROR, "poll: more than 64 descriptors are not supported");
  for (int i = 0; i < n; i++) {
    int64_t fd, events;
    tiny_val row = tiny_seq_item(tiny_arg(a, 0), i);
    if (!tiny_to_int(vm, tiny_seq_item(row, 0), &fd) || !tiny_to_int(vm, tiny_seq_item(row, 1), &events)) return TINY_FAIL;
    p[i] = (struct pollfd){(int)fd, (short)events, 0};
  }
  for (;;) {
    int step = left < 0 || left > 20 ? 20 : (int)left;
    ready = poll(p, (nfds_t)n, step);
    if (ready < 0 && errno != EINTR) return tiny_raise_os(vm, errno, NULL);
    if (!tiny_poll_signals(vm)) return TINY_FAIL;
    if (ready > 0 || (left >= 0 && (left -= step) <= 0)) break;
  }
  tiny_val list = tiny_list(vm, 0, NULL);
  for (int i = 0; ready > 0 && i < n; i++) {
    if (!p[i].revents) continue;
    tiny_val v[2] = {tiny_int(vm, p[i].fd), tiny_int(vm, p[i].revents)};
    if (!tiny_list_append(vm, list, tiny_tuple(vm, 2, v))) return TINY_FAIL;
  }
  return list;
}

static tiny_val p_fchmod(tiny_vm *vm, tiny_args *a) { return none_of(vm, fchmod((int)tiny_arg_int(a, 0), (mode_t)tiny_arg_int(a, 1))); }
static tiny_val p_getpgid(tiny_vm *vm, tiny_args *a) { return result_of(vm, getpgid((pid_t)tiny_arg_int(a, 0))); }
static tiny_val p_getsid(tiny_vm *vm, tiny_args *a) { return result_of(vm, getsid((pid_t)tiny_arg_int(a, 0))); }
static tiny_val p_killpg(tiny_vm *vm, tiny_args *a) { return none_of(vm, killpg((pid_t)tiny_arg_int(a, 0), (int)tiny_arg_int(a, 1))); }
static tiny_val p_pread(tiny_vm *vm, tiny_args *a) {
  int64_t n = tiny_arg_int(a, 1);
  if (n < 0) return tiny_raise_os(vm, EINVAL, NULL);
  tiny_val data = tiny_bytes_room(vm, (size_t)n);
  if (tiny_failed(data)) return data;
  ssize_t got = pread((int)tiny_arg_int(a, 0), tiny_bytes_data(vm, data), (size_t)n, (off_t)tiny_arg_int(a, 2));
  return got < 0 ? tiny_raise_os(vm, errno, NULL) : tiny_bytes_cut(vm, data, (size_t)got);
}
static tiny_val p_pwrite(tiny_vm *vm, tiny_args *a) {
  size_t n;
  const void *data = tiny_to_bytes(vm, tiny_arg(a, 1), &n);
  return data ? result_of(vm, (long)pwrite((int)tiny_arg_int(a, 0), data, n, (off_t)tiny_arg_int(a, 2))) : TINY_FAIL;
}
#ifdef __linux__
static tiny_val p_affinity(tiny_vm *vm, tiny_args *a) {
  cpu_set_t cpus;
  if (sched_getaffinity((pid_t)tiny_arg_int(a, 0), sizeof cpus, &cpus) != 0) return tiny_raise_os(vm, errno, NULL);
  tiny_val set = tiny_set(vm);
  for (int i = 0; i < CPU_SETSIZE && !tiny_failed(set); i++)
    if (CPU_ISSET(i, &cpus) && !tiny_set_add(vm, set, tiny_int(vm, i))) return TINY_FAIL;
  return set;
}
#endif

static const tiny_def functions[] = {
  {"get_blocking", p_get_blocking, "(fd: int, /)", "Get the blocking mode of the file descriptor."},
  {"set_blocking", p_set_blocking, "(fd: int, blocking: bool, /)", "Set the blocking mode of the specified file descriptor."},
  {"fchmod", p_fchmod, "(fd: int, mode: int)", "Change the access permissions of the file given by file descriptor fd."},
  {"getpgid", p_getpgid, "(pid: int)", "Call the system call getpgid(), and return the result."},
  {"getsid", p_getsid, "(pid: int, /)", "Call the system call getsid(pid) and return the result."},
  {"killpg", p_killpg, "(pgid: int, signal: int, /)", "Kill a process group with a signal."},
  {"pread", p_pread, "(fd: int, length: int, offset: int, /)", "Read a number of bytes from a file descriptor starting at a particular offset."},
  {"pwrite", p_pwrite, "(fd: int, buffer, offset: int, /)", "Write bytes to a file descriptor starting at a particular offset."},
#ifdef __linux__
  {"sched_getaffinity", p_affinity, "(pid: int, /)", "Return the affinity of the process identified by pid (or the current process if zero)."},
#endif
  {"dup", p_dup, "(fd: int, /)", "Return a duplicate of a file descriptor."},
  {"dup2", p_dup2, "(fd: int, fd2: int, inheritable: bool = True)", "Duplicate file descriptor."},
  {"lseek", p_lseek, "(fd: int, position: int, how: int, /)", "Set the position of a file descriptor.  Return the new position."},
  {"fsync", p_fsync, "(fd: int)", "Force write of fd to disk."},
  {"ftruncate", p_ftruncate, "(fd: int, length: int, /)", "Truncate a file, specified by file descriptor, to a specific length."},
  {"terminal_size", p_terminal_size, "(fd: int)", NULL},
  {"utime", p_utime, "(path, now: bool, atime: int, mtime: int, follow: bool)", NULL},
  {"mkfifo", p_mkfifo, "(path, mode: int)", NULL},
  {"umask", p_umask, "(mask: int, /)", "Set the current numeric umask and return the previous umask."},
  {"uname", p_uname, "()", NULL},
  {"times", p_times, "()", NULL},
  {"getloadavg", p_loadavg, "()", "Return average recent system load information."},
  {"ids", p_ids, "()", NULL},
  {"_exit", p_exit, "(status: int)", "Exit to the system with specified status, without normal exit processing."},
  {"nice", p_nice, "(increment: int, /)", "Add increment to the priority of process and return the new priority."},
  {"spawn", os_spawn, "(argv: list, programs: list, env, cwd, fds: tuple, pass_fds=None, session: bool=False, restore_signals: bool=True, umask: int=-1, group: int=-1, "
    "user: int=-1, user_group: int=-1, groups=None, preexec=None)", NULL},
  {"waitpid", p_waitpid, "(pid: int, options: int, /)", "Wait for completion of a given child process."},
  {"poll", p_poll, "(fds: list, ms: int)", NULL},
  {0}};
extern const tiny_module os_process_module;
const tiny_module os_process_module = {"_posix", functions, NULL, "Descriptors, processes and times of files, for os and subprocess."};
