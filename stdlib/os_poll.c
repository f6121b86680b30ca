/* _select: waiting until file descriptors are ready, by poll(2) and epoll(7); what select.tiny is made of. Waits in slices, so that interrupts and deadlines are seen. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdint.h>
#include <time.h>
#include "include/tiny.h"
#ifdef __linux__
#include <sys/epoll.h>
#endif

enum { SLICE_MS = 50 };

static int64_t now_ns(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Waits by wait_some(data, ms) until that gives anything but 0: -1 is an error of errno. timeout in seconds, negative: for ever. False: an exception is pending. */
static bool wait_until(tiny_vm *vm, int (*wait_some)(void *data, int ms), void *data, double timeout, int *result) {
  int64_t until = timeout >= 0 && timeout < 9e9 ? now_ns() + (int64_t)ceil(timeout * 1e9) : INT64_MAX;
  for (int64_t left = timeout == 0 ? 0 : 1;;) {
    if (left && until != INT64_MAX) left = until - now_ns();
    if (left < 0) left = 0;
    int64_t ms = until == INT64_MAX ? SLICE_MS : (left + 999999) / 1000000;
    *result = wait_some(data, (int)(ms < SLICE_MS ? ms : SLICE_MS));
    if (*result < 0 && errno != EINTR) return (void)tiny_raise_os(vm, errno, NULL), false;
    if (*result > 0) return true;
    if (!tiny_poll(vm)) return false;
    if (*result == 0 && left == 0) return true;
  }
}

/* ---- poll */

typedef struct Polled { struct pollfd *fds; int n; } Polled;

static int poll_some(void *data, int ms) {
  Polled *p = data;
  return poll(p->fds, (nfds_t)p->n, ms);
}

static bool read_fds(tiny_vm *vm, tiny_val list, Polled *p) {
  for (int i = 0; i < p->n; i++) {
    tiny_val pair = tiny_seq_item(list, i);
    int64_t fd, events;
    if (!tiny_to_int(vm, tiny_seq_item(pair, 0), &fd) || !tiny_to_int(vm, tiny_seq_item(pair, 1), &events)) return false;
    p->fds[i] = (struct pollfd){(int)fd, (short)events, 0};
  }
  return true;
}

static tiny_val ready_list(tiny_vm *vm, const Polled *p) {
  tiny_val out = tiny_list(vm, 0, NULL);
  for (int i = 0; i < p->n && !tiny_failed(out); i++) {
    if (!p->fds[i].revents) continue;
    tiny_val pair[2] = {tiny_int(vm, p->fds[i].fd), tiny_int(vm, p->fds[i].revents)};
    if (!tiny_list_append(vm, out, tiny_tuple(vm, 2, pair))) return TINY_FAIL;
  }
  return out;
}

static tiny_val m_poll(tiny_vm *vm, tiny_args *a) {
  Polled p = {NULL, tiny_seq_len(tiny_arg(a, 0))};
  size_t size = (size_t)p.n * sizeof *p.fds;
  int found;
  if (size && !(p.fds = tiny_alloc(vm, NULL, 0, size))) return tiny_no_memory(vm);
  bool ok = read_fds(vm, tiny_arg(a, 0), &p) && wait_until(vm, poll_some, &p, tiny_arg_float(a, 1), &found);
  tiny_val out = ok ? ready_list(vm, &p) : TINY_FAIL;
  if (size) tiny_alloc(vm, p.fds, size, 0);
  return out;
}

/* ---- epoll */

#ifdef __linux__
typedef struct Epoll { int fd, max; struct epoll_event *events; } Epoll;

static int epoll_some(void *data, int ms) {
  Epoll *e = data;
  return epoll_wait(e->fd, e->events, e->max, ms);
}

static tiny_val m_epoll_create(tiny_vm *vm, tiny_args *a) {
  (void)a;
  int fd = epoll_create1(EPOLL_CLOEXEC);
  return fd < 0 ? tiny_raise_os(vm, errno, NULL) : tiny_int(vm, fd);
}

static tiny_val m_epoll_ctl(tiny_vm *vm, tiny_args *a) {
  static const int ops[] = {EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL};
  int64_t op = tiny_arg_int(a, 1), fd = tiny_arg_int(a, 2);
  struct epoll_event event = {.events = (uint32_t)tiny_arg_int(a, 3), .data.fd = (int)fd};
  if (op < 0 || op > 2) return tiny_raise(vm, TINY_VALUE_ERROR, "bad operation");
  return epoll_ctl((int)tiny_arg_int(a, 0), ops[op], (int)fd, &event) < 0 ? tiny_raise_os(vm, errno, NULL) : TINY_NONE;
}

static tiny_val m_epoll_wait(tiny_vm *vm, tiny_args *a) {
  int64_t max = tiny_arg_int(a, 1);
  Epoll e = {(int)tiny_arg_int(a, 0), max > 4096 ? 4096 : (int)max, NULL};
  size_t size = (size_t)e.max * sizeof *e.events;
  int found;
  if (e.max < 1) return tiny_raise(vm, TINY_VALUE_ERROR, "maxevents must be greater than 0, got %lld", (long long)max);
  if (!(e.events = tiny_alloc(vm, NULL, 0, size))) return tiny_no_memory(vm);
  tiny_val out = wait_until(vm, epoll_some, &e, tiny_arg_float(a, 2), &found) ? tiny_list(vm, 0, NULL) : TINY_FAIL;
  for (int i = 0; !tiny_failed(out) && i < found; i++) {
    tiny_val pair[2] = {tiny_int(vm, e.events[i].data.fd), tiny_int(vm, e.events[i].events)};
    if (!tiny_list_append(vm, out, tiny_tuple(vm, 2, pair))) out = TINY_FAIL;
  }
  tiny_alloc(vm, e.events, size, 0);
  return out;
}
#endif

static const tiny_def functions[] = {
  {"poll", m_poll, "(fds: list, timeout: float, /)", "(fd, events) of those of the (fd, events) that are ready; timeout in seconds, negative: for ever."},
#ifdef __linux__
  {"epoll_create", m_epoll_create, "()", NULL},
  {"epoll_ctl", m_epoll_ctl, "(epfd: int, op: int, fd: int, events: int, /)", "op: 0 add, 1 modify, 2 remove."},
  {"epoll_wait", m_epoll_wait, "(epfd: int, max: int, timeout: float, /)", NULL},
#endif
  {0}};

static bool init(tiny_vm *vm, tiny_val module) {
  static const struct { const char *name; int value; } names[] = {{"POLLIN", POLLIN}, {"POLLPRI", POLLPRI}, {"POLLOUT", POLLOUT}, {"POLLERR", POLLERR}, {"POLLHUP", POLLHUP}, {"POLLNVAL", POLLNVAL},
    {"POLLRDNORM", POLLRDNORM}, {"POLLRDBAND", POLLRDBAND}, {"POLLWRNORM", POLLWRNORM}, {"POLLWRBAND", POLLWRBAND}, {"PIPE_BUF", 4096},
#ifdef __linux__
    {"POLLMSG", 0x400}, {"POLLRDHUP", 0x2000}, {"EPOLL_CLOEXEC", EPOLL_CLOEXEC},
#endif
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!tiny_setattr(vm, module, names[i].name, tiny_int(vm, names[i].value))) return false;
  return true;
}

extern const tiny_module select_module;
const tiny_module select_module = {"_select", functions, init, NULL};
