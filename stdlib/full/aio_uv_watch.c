/* needs: libuv
 * Watchers of the script's descriptors (add_reader, add_writer) and of signals. What happens puts a Handle into the ready ring.
 * Descriptors are in an epoll set of our own, which libuv watches as one: a script may close a descriptor that is watched, or watch one that cannot be, and
 * libuv, which learns of that later, would end the process. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "stdlib/full/aio_uv.h"

typedef struct Watcher {
  tiny_val self, loop, handle[2]; /* of reading or the signal, of writing; None */
  Conn *conn;                     /* of a signal */
  UvLoop *u;                      /* of a descriptor that is in the set; else NULL */
  int fd;
  tiny_ref keep;
} Watcher;

/* ---- tables by descriptor */

static bool room_for(tiny_vm *vm, void ***table, size_t *cap, int fd) {
  size_t want = (size_t)fd + 1;
  if (want <= *cap) return true;
  if (want < 2 * *cap) want = 2 * *cap;
  void **fresh = tiny_alloc(vm, *table, *cap * sizeof **table, want * sizeof **table);
  if (!fresh) return (void)tiny_no_memory(vm), false;
  for (size_t i = *cap; i < want; i++) fresh[i] = NULL;
  *table = fresh;
  *cap = want;
  return true;
}

bool uv_note_stream(UvLoop *u, Stream *s) {
  if (s->fd < 0) return true;
  if (!room_for(u->vm, (void ***)&u->streams, &u->cap_streams, s->fd)) return false;
  u->streams[s->fd] = s;
  return true;
}
void uv_forget_stream(UvLoop *u, Stream *s) {
  if (s->asked) u->asked[s->asked - 1] = NULL;
  s->asked = 0;
  if (s->fd >= 0 && (size_t)s->fd < u->cap_streams && u->streams[s->fd] == s) u->streams[s->fd] = NULL;
}

/* ---- watchers */

static void leave_set(Watcher *w) {
  UvLoop *u = w->u;
  if (!u) return;
  w->u = NULL;
  (void)epoll_ctl(u->watch_fd, EPOLL_CTL_DEL, w->fd, NULL); /* fails if it has been closed: then it is out of the set already */
  u->watchers[w->fd] = NULL;
  if (--u->n_watched == 0) uv_poll_stop(&u->watched);
}

static void watcher_trace(tiny_tracer *t, void *data) {
  Watcher *w = data;
  tiny_trace(t, w->loop);
  tiny_trace(t, w->handle[0]);
  tiny_trace(t, w->handle[1]);
}
static void watcher_destroy(tiny_vm *vm, void *data) {
  Watcher *w = data;
  (void)vm;
  leave_set(w);
  if (!w->conn) return;
  w->conn->owner = NULL;
  conn_close(w->conn);
}

/* A failure stays pending: the poller reports it. */
static bool ready(UvLoop *u, Watcher *w, int which) { return tiny_is_none(w->handle[which]) || u->api->add_handle(u->vm, w->loop, w->handle[which]); }

static void on_signal(uv_signal_t *h, int number) {
  Conn *c = (Conn *)h;
  Watcher *w = c->owner;
  (void)number;
  if (w && !c->u->closing) (void)!ready(c->u, w, 0);
}

static void on_watched(uv_poll_t *h, int status, int events) {
  UvLoop *u = h->data;
  struct epoll_event got[256];
  (void)status, (void)events;
  if (u->closing) return;
  int n = epoll_wait(u->watch_fd, got, sizeof got / sizeof *got, 0);
  for (int i = 0; i < n; i++) { /* an error or the end is for both, as in selectors */
    Watcher *w = (size_t)got[i].data.fd < u->cap_watchers ? u->watchers[got[i].data.fd] : NULL;
    if (!w) continue;
    if ((got[i].events & ~(uint32_t)EPOLLOUT) && !ready(u, w, 0)) return;
    if ((got[i].events & ~(uint32_t)EPOLLIN) && !ready(u, w, 1)) return;
  }
}

/* The set is made with its first descriptor. 0 or errno. */
static int open_set(UvLoop *u) {
  if (u->watch_fd >= 0) return 0;
  int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) return errno;
  u->watched.data = u;
  int r = uv_poll_init(u->loop, &u->watched, fd);
  if (r < 0) {
    close(fd);
    return -r;
  }
  u->watch_fd = fd;
  return 0;
}

void uv_watches_free(UvLoop *u) {
  for (size_t i = 0; i < u->cap_watchers; i++)
    if (u->watchers[i]) u->watchers[i]->u = NULL;
  if (u->watch_fd >= 0) close(u->watch_fd);
  tiny_alloc(u->vm, u->watchers, u->cap_watchers * sizeof *u->watchers, 0);
}

/* 0 or errno. A descriptor that was closed and is another one now is new to the system. */
static int change_set(UvLoop *u, Watcher *w, uint32_t events) {
  struct epoll_event e = {.events = events, .data.fd = w->fd};
  if (w->u && epoll_ctl(u->watch_fd, EPOLL_CTL_MOD, w->fd, &e) == 0) return 0;
  if (w->u && errno != ENOENT) return errno;
  return epoll_ctl(u->watch_fd, EPOLL_CTL_ADD, w->fd, &e) == 0 ? 0 : errno;
}

static bool enter_set(tiny_vm *vm, UvLoop *u, Watcher *w, uint32_t events) {
  int err = open_set(u);
  if (!err) err = change_set(u, w, events);
  if (err) {
    leave_set(w);
    return (void)tiny_raise_os(vm, err, NULL), false;
  }
  if (w->u) return true;
  if (!room_for(vm, (void ***)&u->watchers, &u->cap_watchers, w->fd)) {
    (void)epoll_ctl(u->watch_fd, EPOLL_CTL_DEL, w->fd, NULL);
    return false;
  }
  u->watchers[w->fd] = w;
  w->u = u;
  if (u->n_watched++ == 0) uv_poll_start(&u->watched, UV_READABLE, on_watched);
  return true;
}

/* ---- for scripts */

static tiny_val new_watcher(tiny_vm *vm, tiny_val loop, Watcher **out) {
  void *data;
  tiny_val self = tiny_instance(vm, &uv_watcher_class, &data);
  if (tiny_failed(self)) return self;
  Watcher *w = *out = data;
  w->self = self;
  w->loop = loop;
  w->handle[0] = w->handle[1] = TINY_NONE;
  w->fd = -1;
  return self;
}

/* watch_fd(loop, fd) -> Watcher, whose set() begins */
tiny_val uv_m_watch_fd(tiny_vm *vm, tiny_args *a) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  int64_t fd = tiny_arg_int(a, 1);
  Watcher *w;
  if (!u) return TINY_FAIL;
  if (fd > INT32_MAX) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "signed integer is greater than maximum");
  if ((size_t)fd < u->cap_streams && u->streams[fd])
    return tiny_raise(vm, TINY_RUNTIME_ERROR, "File descriptor %d is used by transport %R", (int)fd, u->streams[fd]->self);
  tiny_val self = new_watcher(vm, tiny_arg(a, 0), &w);
  if (!tiny_failed(self)) w->fd = (int)fd;
  return self;
}

/* watch_signal(loop, number, handle) */
tiny_val uv_m_watch_signal(tiny_vm *vm, tiny_args *a) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  Watcher *w;
  tiny_val self = u ? new_watcher(vm, tiny_arg(a, 0), &w) : TINY_FAIL;
  Conn *c = tiny_failed(self) ? NULL : conn_new(u);
  if (!c) return TINY_FAIL;
  int r = uv_signal_init(u->loop, &c->h.sig);
  if (r < 0) {
    tiny_alloc(vm, c, sizeof *c, 0);
    return uv_raise(vm, r);
  }
  w->handle[0] = tiny_arg(a, 2);
  w->conn = c;
  c->owner = w;
  c->back = &w->conn;
  if ((r = uv_signal_start(&c->h.sig, on_signal, (int)tiny_arg_int(a, 1))) < 0) {
    conn_close(c);
    return uv_raise(vm, r);
  }
  return tiny_ref_new(vm, self, &w->keep) ? self : TINY_FAIL;
}

/* set(which, handle or None): 0 reading, 1 writing. After a failure it watches nothing. */
static tiny_val w_set(tiny_vm *vm, tiny_args *a) {
  Watcher *w = tiny_arg_native(a, 0, &uv_watcher_class);
  UvLoop *u = uvloop_of(vm, w->loop);
  if (!u) return TINY_FAIL;
  tiny_store(vm, w->self, &w->handle[tiny_arg_int(a, 1) & 1], tiny_arg(a, 2));
  uint32_t events = (tiny_is_none(w->handle[0]) ? 0 : EPOLLIN) | (tiny_is_none(w->handle[1]) ? 0 : EPOLLOUT);
  if (!events) leave_set(w);
  else if (!enter_set(vm, u, w, events)) return TINY_FAIL;
  return w->keep.slot || tiny_ref_new(vm, w->self, &w->keep) ? TINY_NONE : TINY_FAIL;
}
static tiny_val w_get(tiny_vm *vm, tiny_args *a) {
  Watcher *w = tiny_arg_native(a, 0, &uv_watcher_class);
  (void)vm;
  return w->handle[tiny_arg_int(a, 1) & 1];
}
static tiny_val w_close(tiny_vm *vm, tiny_args *a) {
  Watcher *w = tiny_arg_native(a, 0, &uv_watcher_class);
  leave_set(w);
  if (w->conn) {
    w->conn->owner = NULL;
    conn_close(w->conn);
    w->conn = NULL;
  }
  tiny_ref_free(vm, &w->keep);
  return TINY_NONE;
}
static const tiny_def watcher_methods[] = {{"set", w_set, "(self: Watcher, which: int, handle, /)", NULL}, {"get", w_get, "(self: Watcher, which: int, /)", NULL},
    {"close", w_close, "(self: Watcher, /)", NULL}, {0}};
const tiny_class uv_watcher_class = {.name = "Watcher", .data_size = sizeof(Watcher), .methods = watcher_methods, .trace = watcher_trace, .destroy = watcher_destroy, .flags = TINY_CLASS_NO_NEW};
