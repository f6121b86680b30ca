/* needs: libuv
 * The poller of the event loop over libuv, watchers of descriptors and signals. Callbacks of libuv run no script code: they fill buffers, complete futures
 * and put handles into the ready ring. libuv's own memory is malloc's (its allocator is one per process), so the VM's limit does not see it. */
#include <errno.h>
#include <fcntl.h>
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
  uv_run(&u->loop, mode);
  pipe_guard_end(&g);
}

/* ---- poller */

static void on_timer(uv_timer_t *t) { (void)t; }
static void on_wake(uv_poll_t *h, int status, int events) {
  UvLoop *u = h->data;
  (void)status, (void)events;
  u->api->wake_drain(u->wake_fd);
}

/* Interrupts wake it, the deadline of the VM ends it. */
static bool poller_wait(tiny_vm *vm, void *data, double seconds) {
  UvLoop *u = data;
  if (!uv_uncork(u)) return false;
  if (seconds == 0) {
    run_loop(u, UV_RUN_NOWAIT);
    return !tiny_pending(vm);
  }
  if (!tiny_poll(vm)) return false;
  seconds = u->api->wait_limit(vm, seconds);
  if (seconds >= 0) {
    uv_update_time(&u->loop);
    uv_timer_start(&u->timer, on_timer, seconds > 1e9 ? UINT64_C(1000000000000) : (uint64_t)(seconds * 1e3 + 0.999), 0);
  }
  run_loop(u, UV_RUN_ONCE);
  if (seconds >= 0) uv_timer_stop(&u->timer);
  return !tiny_pending(vm) && tiny_poll(vm);
}

static int poller_fd(void *data) { return uv_backend_fd(&((UvLoop *)data)->loop); }
static bool poller_pending(void *data) { return ((UvLoop *)data)->corked || uv_backend_timeout(&((UvLoop *)data)->loop) == 0; }

/* The handle that interrupts wake is always active (a loop without any would neither be woken nor ask the system), and does not count. */
static bool poller_active(void *data) {
  UvLoop *u = data;
  uv_unref((uv_handle_t *)&u->wake);
  bool alive = uv_loop_alive(&u->loop);
  uv_ref((uv_handle_t *)&u->wake);
  return alive;
}

static void close_any(uv_handle_t *h, void *arg) {
  UvLoop *u = arg;
  if (uv_is_closing(h)) return;
  if (h == (uv_handle_t *)&u->timer || h == (uv_handle_t *)&u->wake) uv_close(h, NULL);
  else conn_close((Conn *)h);
}

static void poller_release(tiny_vm *vm, void *data) {
  UvLoop *u = data;
  if (!uv_uncork(u)) tiny_clear_error(vm);
  u->closing = true;
  uv_walk(&u->loop, close_any, u);
  while (uv_run(&u->loop, UV_RUN_DEFAULT)) {}
  uv_loop_close(&u->loop);
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
  if (r == 0) r = uv_loop_init(&u->loop);
  if (r < 0) {
    tiny_alloc(vm, u, sizeof *u, 0);
    return (void)uv_raise(vm, r), NULL;
  }
  uv_timer_init(&u->loop, &u->timer);
  uv_unref((uv_handle_t *)&u->timer);
  u->vm = vm;
  u->api = api;
  struct sigaction sa;
  u->sigpipe = sigaction(SIGPIPE, NULL, &sa) != 0 || sa.sa_handler != SIG_IGN;
  l->poller = (Poller){poller_wait, poller_active, poller_release, poller_fd, poller_pending, u};
  u->wake_fd = api->wake_fd(vm);
  if (u->wake_fd < 0) return NULL;
  u->wake.data = u;
  if ((r = uv_poll_init(&u->loop, &u->wake, u->wake_fd)) < 0 || (r = uv_poll_start(&u->wake, UV_READABLE, on_wake)) < 0) return (void)uv_raise(vm, r), NULL;
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

bool uv_schedule(UvLoop *u, tiny_val loop, tiny_val callback, int argc, const tiny_val *argv) {
  tiny_val args = tiny_tuple(u->vm, argc, argv);
  return !tiny_failed(args) && !tiny_failed(u->api->call_soon(u->vm, loop, callback, args, TINY_NONE));
}

/* ---- watchers: a descriptor (add_reader, add_writer) or a signal. What happens puts a Handle into the ready ring. */

typedef struct Watcher { tiny_val self, loop, handle[2] /* of reading or the signal, of writing; None */; Conn *conn; tiny_ref keep; } Watcher;

static void watcher_trace(tiny_tracer *t, void *data) {
  Watcher *w = data;
  tiny_trace(t, w->loop);
  tiny_trace(t, w->handle[0]);
  tiny_trace(t, w->handle[1]);
}
static void watcher_destroy(tiny_vm *vm, void *data) {
  Watcher *w = data;
  (void)vm;
  if (!w->conn) return;
  w->conn->owner = NULL;
  conn_close(w->conn);
}

/* A failure stays pending: the poller reports it. */
static void watched(Conn *c, bool first, bool second) {
  Watcher *w = c->owner;
  UvLoop *u = c->u;
  if (!w || u->closing) return;
  if (first && !tiny_is_none(w->handle[0]) && !u->api->add_handle(u->vm, w->loop, w->handle[0])) return;
  if (second && !tiny_is_none(w->handle[1])) (void)!u->api->add_handle(u->vm, w->loop, w->handle[1]);
}
static void on_poll(uv_poll_t *h, int status, int events) { watched((Conn *)h, status < 0 || (events & UV_READABLE), status < 0 || (events & UV_WRITABLE)); }
static void on_signal(uv_signal_t *h, int number) {
  (void)number;
  watched((Conn *)h, true, false);
}

static tiny_val watch(tiny_vm *vm, tiny_args *a, bool sig) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  if (!u) return TINY_FAIL;
  int number = (int)tiny_arg_int(a, 1);
  void *data;
  tiny_val self = tiny_instance(vm, &uv_watcher_class, &data);
  Conn *c = tiny_failed(self) ? NULL : conn_new(u);
  if (!c) return TINY_FAIL;
  Watcher *w = data;
  w->self = self;
  w->loop = tiny_arg(a, 0);
  w->handle[0] = sig ? tiny_arg(a, 2) : TINY_NONE;
  w->handle[1] = TINY_NONE;
  int r = sig ? uv_signal_init(&u->loop, &c->h.sig) : uv_poll_init(&u->loop, &c->h.poll, number);
  if (r < 0) {
    tiny_alloc(vm, c, sizeof *c, 0);
    return uv_raise(vm, r);
  }
  w->conn = c;
  c->owner = w;
  c->back = &w->conn;
  if (sig && (r = uv_signal_start(&c->h.sig, on_signal, number)) < 0) {
    conn_close(c);
    return uv_raise(vm, r);
  }
  return tiny_ref_new(vm, self, &w->keep) ? self : TINY_FAIL;
}
static tiny_val m_watch_fd(tiny_vm *vm, tiny_args *a) { return watch(vm, a, false); }
static tiny_val m_watch_signal(tiny_vm *vm, tiny_args *a) { return watch(vm, a, true); }

/* set(which, handle or None): 0 reading, 1 writing */
static tiny_val w_set(tiny_vm *vm, tiny_args *a) {
  Watcher *w = tiny_arg_native(a, 0, &uv_watcher_class);
  if (!w->conn) return TINY_NONE;
  tiny_store(vm, w->self, &w->handle[tiny_arg_int(a, 1) & 1], tiny_arg(a, 2));
  int events = (tiny_is_none(w->handle[0]) ? 0 : UV_READABLE) | (tiny_is_none(w->handle[1]) ? 0 : UV_WRITABLE);
  int r = events ? uv_poll_start(&w->conn->h.poll, events, on_poll) : uv_poll_stop(&w->conn->h.poll);
  return r < 0 ? uv_raise(vm, r) : TINY_NONE;
}
static tiny_val w_get(tiny_vm *vm, tiny_args *a) {
  Watcher *w = tiny_arg_native(a, 0, &uv_watcher_class);
  (void)vm;
  return w->handle[tiny_arg_int(a, 1) & 1];
}
static tiny_val w_close(tiny_vm *vm, tiny_args *a) {
  Watcher *w = tiny_arg_native(a, 0, &uv_watcher_class);
  if (w->conn) {
    w->conn->owner = NULL;
    conn_close(w->conn);
    w->conn = NULL;
    tiny_ref_free(vm, &w->keep);
  }
  return TINY_NONE;
}
static const tiny_def watcher_methods[] = {{"set", w_set, "(self: Watcher, which: int, handle, /)", NULL}, {"get", w_get, "(self: Watcher, which: int, /)", NULL},
    {"close", w_close, "(self: Watcher, /)", NULL}, {0}};
const tiny_class uv_watcher_class = {.name = "Watcher", .data_size = sizeof(Watcher), .methods = watcher_methods, .trace = watcher_trace, .destroy = watcher_destroy, .flags = TINY_CLASS_NO_NEW};

/* ---- module */

static tiny_val m_attach(tiny_vm *vm, tiny_args *a) { return uvloop_of(vm, tiny_arg(a, 0)) ? TINY_NONE : TINY_FAIL; }

static bool init(tiny_vm *vm, tiny_val module) {
  return tiny_setattr(vm, module, "Watcher", tiny_class_of(vm, &uv_watcher_class)) && tiny_setattr(vm, module, "Stream", tiny_class_of(vm, &uv_stream_class)) &&
         tiny_setattr(vm, module, "Process", tiny_class_of(vm, &uv_process_class));
}
static const tiny_def functions[] = {{"attach", m_attach, "(loop, /)", NULL}, {"bind", uv_m_bind, "(loop, host, port: int, on_connection, on_failure, fd=None, /)", NULL}, {"connect", uv_m_connect, "(loop, host, port: int, /)", NULL},
    {"getaddrinfo", uv_m_getaddrinfo, "(loop, host, port, family: int, type: int, flags: int, /)", NULL}, {"watch_fd", m_watch_fd, "(loop, fd: int, /)", NULL},
    {"open", uv_m_open, "(loop, fd: int, pipe, /)", NULL},
    {"spawn", uv_m_spawn, "(loop, file, args: list, env, cwd, fds: list, new_session, on_exit, /)", NULL}, {"watch_signal", m_watch_signal, "(loop, number: int, handle, /)", NULL}, {0}};
const tiny_module uv_module = {.name = "_uv", .functions = functions, .init = init, .doc = "What asyncio has of libuv."};
