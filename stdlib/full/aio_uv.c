/* needs: libuv
 * The poller of the event loop over libuv, and the module. Callbacks of libuv run no script code: they fill buffers, complete futures
 * and put handles into the ready ring. libuv's own memory is malloc's (its allocator is one per process), so the VM's limit does not see it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "stdlib/full/aio_uv.h"

/* ---- SIGPIPE */

static bool sigpipe_waits(void) {
  sigset_t pending;
  return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void pipe_guard_begin(const UvLoop *u, PipeGuard *g) {
  sigset_t set;
  if (!(g->on = u->sigpipe)) return;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  g->was_pending = sigpipe_waits();
  pthread_sigmask(SIG_BLOCK, &set, &g->mask);
}

void pipe_guard_end(PipeGuard *g) {
  static const struct timespec at_once = {0, 0};
  sigset_t set;
  if (!g->on) return;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  while (!g->was_pending && sigpipe_waits() && sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR) {}
  pthread_sigmask(SIG_SETMASK, &g->mask, NULL);
}

static void run_loop(UvLoop *u, uv_run_mode mode) {
  PipeGuard g = {.on = false};
  if (u->n_writes) pipe_guard_begin(u, &g);
  uv_run(u->loop, mode);
  pipe_guard_end(&g);
}

/* ---- poller */

/* uv_run looks at its timers before it waits: one that is due already, as this thread had to stand back since it was set, must not leave a wait without an end. */
static void on_timer(uv_timer_t *t) { uv_stop(t->loop); }
static void on_wake(uv_poll_t *h, int status, int events) {
  UvLoop *u = h->data;
  (void)status, (void)events;
  u->api->wake_drain(u->wake_fd);
}

/* Interrupts wake it, the deadline of the VM ends it. */
static bool poller_wait(tiny_vm *vm, void *data, double seconds) {
  UvLoop *u = data;
  if (!uv_uncork(u)) return false;
  uv_check_asked(u);
  if (tiny_pending(vm)) return false;
  if (seconds == 0) {
    run_loop(u, UV_RUN_NOWAIT);
    return !tiny_pending(vm);
  }
  if (!tiny_poll_signals(vm)) return false;
  seconds = u->api->wait_limit(vm, seconds);
  if (seconds >= 0) {
    uv_update_time(u->loop);
    uv_timer_start(&u->timer, on_timer, seconds > 1e9 ? UINT64_C(1000000000000) : (uint64_t)(seconds * 1e3 + 0.999), 0);
  }
  run_loop(u, UV_RUN_ONCE);
  if (seconds >= 0) uv_timer_stop(&u->timer);
  return !tiny_pending(vm) && tiny_poll_signals(vm);
}

static int poller_fd(void *data) { return uv_backend_fd(((UvLoop *)data)->loop); }
static bool poller_pending(void *data) { return ((UvLoop *)data)->corked || uv_backend_timeout(((UvLoop *)data)->loop) == 0; }

/* The handle that interrupts wake is always active (a loop without any would neither be woken nor ask the system), and does not count. */
static bool poller_active(void *data) {
  UvLoop *u = data;
  uv_unref((uv_handle_t *)&u->wake);
  bool alive = uv_loop_alive(u->loop);
  uv_ref((uv_handle_t *)&u->wake);
  return alive;
}

static void close_any(uv_handle_t *h, void *arg) {
  UvLoop *u = arg;
  if (uv_is_closing(h)) return;
  if (h == (uv_handle_t *)&u->timer || h == (uv_handle_t *)&u->wake || h == (uv_handle_t *)&u->watched || h == (uv_handle_t *)&u->sigchld) uv_close(h, NULL);
  else conn_close((Conn *)h);
}

static void count_handle(uv_handle_t *h, void *n) { (void)h, ++*(size_t *)n; }

static void *run_out(void *loop) {
  while (uv_run(loop, UV_RUN_DEFAULT)) {}
  uv_loop_close(loop);
  free(loop);
  return NULL;
}

/* All handles are closed. A lookup of a name that a thread of libuv is in cannot be ended, and may take long: a thread waits for its end, the host does not. */
static void uv_give_up(uv_loop_t *loop) {
  sigset_t all, before;
  pthread_t t;
  uv_run(loop, UV_RUN_NOWAIT);
  if (!uv_loop_alive(loop)) return (void)run_out(loop);
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  bool runs = pthread_create(&t, NULL, run_out, loop) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (runs) pthread_detach(t);
  else run_out(loop);
}

static void poller_release(tiny_vm *vm, void *data) {
  UvLoop *u = data;
  if (!uv_uncork(u)) tiny_clear_error(vm);
  u->closing = true;
  uv_forget_infos(u);
  uv_walk(u->loop, close_any, u);
  for (size_t n = 1; n;) {
    uv_run(u->loop, UV_RUN_NOWAIT);
    uv_walk(u->loop, count_handle, (n = 0, &n));
  }
  uv_give_up(u->loop);
  uv_watches_free(u);
  uv_children_free(u);
  tiny_alloc(vm, u->asked, u->cap_asked * sizeof *u->asked, 0);
  tiny_alloc(vm, u->streams, u->cap_streams * sizeof *u->streams, 0);
  tiny_alloc(vm, u, sizeof *u, 0);
}

/* libuv aborts the process when it cannot have the descriptors of its first loop: they are tried for before. 0 or errno. */
static int descriptors_left(void) {
  int fd[6], n = 0, err = 0;
  while (n < 6 && (fd[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) n++;
  if (n < 6) err = errno;
  while (n) close(fd[--n]);
  return err;
}

UvLoop *uvloop_of(tiny_vm *vm, tiny_val loop) {
  const AioApi *api = tiny_aio_api();
  Loop *l = api->loop(vm, loop);
  if (!l || l->closed) return tiny_raise(vm, TINY_RUNTIME_ERROR, l ? "Event loop is closed" : "an event loop of this library is required"), NULL;
  if (l->virtual_clock) return tiny_raise(vm, TINY_RUNTIME_ERROR, "a loop with a virtual clock has no outside"), NULL;
  if (l->poller.data) return l->poller.data;
  UvLoop *u = tiny_alloc(vm, NULL, 0, sizeof *u);
  if (!u) return (void)tiny_no_memory(vm), NULL;
  memset(u, 0, offsetof(UvLoop, cork));
  int r = -descriptors_left();
  u->loop = r == 0 ? malloc(sizeof *u->loop) : NULL;
  if (r == 0) r = u->loop ? uv_loop_init(u->loop) : UV_ENOMEM;
  if (r < 0) {
    free(u->loop);
    tiny_alloc(vm, u, sizeof *u, 0);
    return (void)uv_raise(vm, r), NULL;
  }
  uv_timer_init(u->loop, &u->timer);
  uv_unref((uv_handle_t *)&u->timer);
  u->vm = vm;
  u->api = api;
  u->watch_fd = -1;
  struct sigaction sa;
  u->sigpipe = sigaction(SIGPIPE, NULL, &sa) != 0 || sa.sa_handler != SIG_IGN;
  l->poller = (Poller){poller_wait, poller_active, poller_release, poller_fd, poller_pending, u};
  u->wake_fd = api->wake_fd(vm);
  if (u->wake_fd < 0) return NULL;
  u->wake.data = u;
  if ((r = uv_poll_init(u->loop, &u->wake, u->wake_fd)) < 0 || (r = uv_poll_start(&u->wake, UV_READABLE, on_wake)) < 0) return (void)uv_raise(vm, r), NULL;
  return u;
}

/* ---- handles */

Conn *conn_new(UvLoop *u) {
  Conn *c = tiny_alloc(u->vm, NULL, 0, sizeof *c);
  if (!c) return (void)tiny_no_memory(u->vm), NULL;
  memset(c, 0, sizeof *c);
  c->u = u;
  return c;
}

static void on_closed(uv_handle_t *h) {
  Conn *c = (Conn *)h;
  if (c->owner) *c->back = NULL;
  tiny_alloc(c->u->vm, c, sizeof *c, 0);
}

void conn_close(Conn *c) {
  if (!uv_is_closing(&c->h.handle)) uv_close(&c->h.handle, on_closed);
}

tiny_val uv_exception(tiny_vm *vm, int status) {
  (void)tiny_raise_os(vm, -status, NULL);
  return tiny_take_exception(vm);
}
tiny_val uv_raise(tiny_vm *vm, int status) { return tiny_raise_os(vm, -status, NULL); }

bool uv_schedule(UvLoop *u, tiny_val loop, tiny_val callback, int argc, const tiny_val *argv, tiny_val context) {
  tiny_val args = tiny_tuple(u->vm, argc, argv);
  return !tiny_failed(args) && !tiny_failed(u->api->call_soon(u->vm, loop, callback, args, context));
}

/* ---- module */

static tiny_val m_attach(tiny_vm *vm, tiny_args *a) { return uvloop_of(vm, tiny_arg(a, 0)) ? TINY_NONE : TINY_FAIL; }

static bool init(tiny_vm *vm, tiny_val module) {
  return tiny_setattr(vm, module, "Watcher", tiny_class_of(vm, &uv_watcher_class)) && tiny_setattr(vm, module, "Stream", tiny_class_of(vm, &uv_stream_class)) &&
         tiny_setattr(vm, module, "Child", tiny_class_of(vm, &uv_child_class));
}
static const tiny_def functions[] = {{"attach", m_attach, "(loop, /)", NULL}, {"bind", uv_m_bind, "(loop, host, port: int, on_connection, on_failure, fd=None, scope: int=0, /)", NULL}, {"connect", uv_m_connect, "(loop, host, port: int, scope: int=0, /)", NULL},
    {"getaddrinfo", uv_m_getaddrinfo, "(loop, host, port, family: int, type: int, flags: int, /)", NULL}, {"watch_fd", uv_m_watch_fd, "(loop, fd: int, /)", NULL},
    {"numeric", uv_m_numeric, "(host: str, /)", NULL}, {"open", uv_m_open, "(loop, fd: int, kind: int, /)", NULL},
    {"watch_child", uv_m_watch_child, "(loop, pid: int, on_exit, /)", NULL}, {"watch_signal", uv_m_watch_signal, "(loop, number: int, handle, /)", NULL}, {0}};
const tiny_module uv_module = {.name = "_uv", .functions = functions, .init = init, .doc = "What asyncio has of libuv."};
