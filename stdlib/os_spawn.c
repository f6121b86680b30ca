/* Starts a program, for subprocess and os.system: vfork(2), what the child sets up of itself, exec(2). Arguments and paths are bytes without NUL. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "stdlib/os_spawn.h"
#include "stdlib/stdlib.h"

extern char **environ;

/* Where a child that could not start was: the error is of it. */
typedef enum { AT_EXEC, AT_CWD, AT_SETUP, AT_PREEXEC } Stage;
typedef struct Report { int err; Stage stage; } Report;

typedef struct Spawn {
  char **argv, **programs /* tried in turn */, **env /* NULL: the parent's */;
  size_t n_argv, n_programs, n_env; /* bytes */
  const char *cwd;
  int fds[3];             /* -1: as in the parent */
  int *pass;              /* besides 0, 1, 2; NULL: all that are inheritable */
  gid_t *groups;
  int n_pass, n_groups;   /* n_groups -1: unchanged */
  bool session, restore;
  int umask, group;       /* process group; -1: unchanged */
  int64_t user, user_group;
  tiny_val preexec;
} Spawn;

/* ---- the request */

/* A list of bytes as a NULL-terminated array of pointers into them, in counted memory; *n: its size. */
static char **string_array(tiny_vm *vm, tiny_val list, size_t *n) {
  int count = tiny_seq_len(list);
  *n = (size_t)(count + 1) * sizeof(char *);
  char **out = tiny_alloc(vm, NULL, 0, *n);
  if (!out) return (void)tiny_no_memory(vm), NULL;
  for (int i = 0; i < count; i++) {
    out[i] = (char *)(uintptr_t)tiny_to_bytes(vm, tiny_seq_item(list, i), NULL);
    if (out[i]) continue;
    tiny_alloc(vm, out, *n, 0);
    return NULL;
  }
  out[count] = NULL;
  return out;
}

/* A tuple of ints; their C type has the size of an int. */
static bool int_array(tiny_vm *vm, tiny_val tuple, int **out, int *n) {
  if ((*n = tiny_seq_len(tuple)) < 0) return (void)tiny_raise(vm, TINY_TYPE_ERROR, "a tuple of ints is required"), false;
  if (!(*out = tiny_alloc(vm, NULL, 0, (size_t)(*n + 1) * sizeof **out))) return (void)tiny_no_memory(vm), false;
  for (int i = 0; i < *n; i++) {
    int64_t v;
    if (!tiny_to_int(vm, tiny_seq_item(tuple, i), &v)) return false;
    (*out)[i] = (int)v;
  }
  return true;
}

static bool read_request(tiny_vm *vm, tiny_args *a, Spawn *s) {
  *s = (Spawn){.n_groups = -1, .session = tiny_arg_bool(a, 6), .restore = tiny_arg_bool(a, 7), .umask = (int)tiny_arg_int(a, 8), .group = (int)tiny_arg_int(a, 9),
      .user = tiny_arg_int(a, 10), .user_group = tiny_arg_int(a, 11), .preexec = tiny_arg(a, 13)};
  for (int i = 0; i < 3; i++) {
    int64_t fd;
    if (!tiny_to_int(vm, tiny_seq_item(tiny_arg(a, 4), i), &fd)) return false;
    s->fds[i] = (int)fd;
  }
  if (!(s->argv = string_array(vm, tiny_arg(a, 0), &s->n_argv)) || !(s->programs = string_array(vm, tiny_arg(a, 1), &s->n_programs))) return false;
  if (!tiny_is_none(tiny_arg(a, 2)) && !(s->env = string_array(vm, tiny_arg(a, 2), &s->n_env))) return false;
  if (!tiny_is_none(tiny_arg(a, 3)) && !(s->cwd = tiny_to_bytes(vm, tiny_arg(a, 3), NULL))) return false;
  if (!tiny_is_none(tiny_arg(a, 5)) && !int_array(vm, tiny_arg(a, 5), &s->pass, &s->n_pass)) return false;
  return tiny_is_none(tiny_arg(a, 12)) || int_array(vm, tiny_arg(a, 12), (int **)&s->groups, &s->n_groups);
}

static void free_request(tiny_vm *vm, Spawn *s) {
  if (s->argv) tiny_alloc(vm, s->argv, s->n_argv, 0);
  if (s->programs) tiny_alloc(vm, s->programs, s->n_programs, 0);
  if (s->env) tiny_alloc(vm, s->env, s->n_env, 0);
  if (s->pass) tiny_alloc(vm, s->pass, (size_t)(s->n_pass + 1) * sizeof *s->pass, 0);
  if (s->groups) tiny_alloc(vm, s->groups, (size_t)(s->n_groups + 1) * sizeof *s->groups, 0);
}

/* ---- the child: only calls that are safe between fork and exec, but for preexec, which is the script's own risk */

static bool set_streams(const Spawn *s) {
  int moved[3];
  for (int i = 0; i < 3; i++) { /* out of the way of 0, 1, 2 first */
    moved[i] = s->fds[i] < 0 ? -1 : fcntl(s->fds[i], F_DUPFD_CLOEXEC, 3);
    if (s->fds[i] >= 0 && moved[i] < 0) return false;
  }
  for (int i = 0; i < 3; i++)
    if (moved[i] >= 0 && dup2(moved[i], i) < 0) return false;
  return true;
}

/* Everything from 3 on is closed by exec but what is to be passed on. */
static void close_others(const Spawn *s) {
#if defined SYS_close_range
  bool marked = syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) == 0;
#else
  bool marked = false;
#endif
  long top = marked ? 0 : sysconf(_SC_OPEN_MAX);
  for (int fd = 3; fd < top; fd++) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  for (int i = 0; i < s->n_pass; i++) (void)fcntl(s->pass[i], F_SETFD, 0);
}

static bool set_identity(const Spawn *s) {
  if (s->session) (void)setsid();
  if (s->group >= 0 && setpgid(0, s->group) < 0) return false;
  if (s->n_groups >= 0 && setgroups((size_t)s->n_groups, s->groups) < 0) return false;
  if (s->user_group >= 0 && setregid((gid_t)s->user_group, (gid_t)s->user_group) < 0) return false;
  return s->user < 0 || setreuid((uid_t)s->user, (uid_t)s->user) == 0;
}

/* Comes back with errno only if no program could be started. The first failure counts that is not about a missing file. */
static void exec_first(const Spawn *s) {
  int first = 0;
  for (char **p = s->programs; *p; p++) {
    execve(*p, s->argv, s->env ? s->env : environ);
    if (errno != ENOENT && errno != ENOTDIR && !first) first = errno;
  }
  if (first) errno = first;
}

/* No handler of the parent may run here: after vfork it would run in the parent's memory. */
static void reset_signals(void) {
  struct sigaction now;
  sigset_t none;
  for (int i = 1; i < NSIG; i++)
    if (sigaction(i, NULL, &now) == 0 && now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN) signal(i, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child(tiny_vm *vm, const Spawn *s, int report) {
  Report r = {0, AT_SETUP};
  reset_signals();
  if (s->restore) {
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
  }
  bool ok = set_streams(s);
  if (ok && s->cwd && chdir(s->cwd) < 0) r.stage = AT_CWD, ok = false;
  if (ok && s->umask >= 0) umask((mode_t)s->umask);
  ok = ok && set_identity(s);
  if (ok && !tiny_is_none(s->preexec) && tiny_failed(tiny_call(vm, s->preexec, 0, NULL))) r.stage = AT_PREEXEC, ok = false;
  if (ok) {
    if (s->pass) close_others(s);
    exec_first(s);
    r.stage = AT_EXEC;
  }
  r.err = errno;
  ssize_t sent = write(report, &r, sizeof r);
  (void)sent;
  _exit(255);
}

/* ---- the parent */

/* What the child reports; nothing: it runs its program now. */
static Report await_start(pid_t pid, int fd) {
  Report r = {0, AT_EXEC};
  ssize_t got;
  while ((got = read(fd, &r, sizeof r)) < 0 && errno == EINTR) {}
  if (got != (ssize_t)sizeof r) return (Report){0, AT_EXEC};
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
  return r;
}

/* vfork copies no page tables and leaves the parent's pages alone; what runs script code or changes users needs a process of its own. */
static pid_t start_child(tiny_vm *vm, const Spawn *s, int report) {
  sigset_t all, before;
  bool own = !tiny_is_none(s->preexec) || s->user >= 0 || s->user_group >= 0 || s->n_groups >= 0;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t pid = own ? fork() : vfork();
  if (pid == 0) child(vm, s, report);
  int err = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  errno = err;
  return pid;
}

static tiny_val start(tiny_vm *vm, const Spawn *s) {
  static const char *const stages[] = {"exec", "cwd", "setup", "preexec"};
  int report[2];
  files_settle(vm);
  if (pipe2(report, O_CLOEXEC) < 0) return tiny_raise_os(vm, errno, NULL);
  int high = fcntl(report[1], F_DUPFD_CLOEXEC, 3); /* not one that the child's streams take */
  close(report[1]);
  pid_t pid = high < 0 ? -1 : start_child(vm, s, high);
  int err = errno;
  if (high >= 0) close(high);
  tiny_val result = TINY_FAIL;
  if (pid < 0) {
    (void)tiny_raise_os(vm, err, NULL);
  } else {
    Report r = await_start(pid, report[0]);
    tiny_val v[3] = {tiny_int(vm, pid), tiny_int(vm, r.err), tiny_string(vm, stages[r.stage])};
    if (r.stage == AT_PREEXEC) v[1] = tiny_int(vm, -1);
    result = tiny_tuple(vm, 3, v);
  }
  close(report[0]);
  return result;
}

/* spawn(...) -> (pid, error, stage). error 0: it runs; -1: preexec raised; else errno of a child that could not start, which is gone. */
tiny_val os_spawn(tiny_vm *vm, tiny_args *a) {
  Spawn s;
  tiny_val result = read_request(vm, a, &s) ? start(vm, &s) : TINY_FAIL;
  free_request(vm, &s);
  return result;
}
