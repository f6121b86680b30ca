/* Waiting without waking for nothing: until a time has come or tiny_interrupt was called, which writes into a pipe that the wait watches. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include "stdlib/aio.h"

typedef struct Waker { int fd[2]; bool open; } Waker;

static void waker_close(tiny_vm *vm, void *data) {
  Waker *w = data;
  if (!w->open) return;
  tiny_set_wake_fd(vm, -1);
  close(w->fd[0]);
  close(w->fd[1]);
}

static Waker *waker(tiny_vm *vm) {
  static const char key = 0;
  return tiny_module_data(vm, &key, sizeof(Waker), NULL, waker_close);
}

int aio_wake_write_fd(tiny_vm *vm) {
  const Waker *w = waker(vm);
  return w && w->open ? w->fd[1] : -1;
}

int aio_wake_fd(tiny_vm *vm) {
  Waker *w = waker(vm);
  if (!w) return -1;
  if (w->open) return w->fd[0];
  if (pipe(w->fd) != 0) return (void)tiny_raise_os(vm, errno, NULL), -1;
  for (int i = 0; i < 2; i++) {
    (void)fcntl(w->fd[i], F_SETFD, FD_CLOEXEC);
    (void)fcntl(w->fd[i], F_SETFL, O_NONBLOCK);
  }
  w->open = true;
  tiny_set_wake_fd(vm, w->fd[1]);
  return w->fd[0];
}

void aio_wake_drain(int fd) {
  char rest[64];
  while (read(fd, rest, sizeof rest) > 0) {}
}

double aio_wait_limit(tiny_vm *vm, double seconds) {
  int64_t ms = tiny_deadline_ms(vm);
  return ms >= 0 && (seconds < 0 || (double)ms / 1e3 < seconds) ? (double)ms / 1e3 : seconds;
}

bool aio_wait(tiny_vm *vm, double seconds) {
  int fd = aio_wake_fd(vm);
  if (fd < 0 || !tiny_poll_signals(vm)) return false;
  seconds = aio_wait_limit(vm, seconds);
  struct pollfd p = {fd, POLLIN, 0};
  int ms = seconds > 1e6 ? 1000000000 : (int)(seconds * 1e3 + 0.999);
  if (poll(&p, 1, ms) > 0) aio_wake_drain(fd);
  return tiny_poll_signals(vm);
}
