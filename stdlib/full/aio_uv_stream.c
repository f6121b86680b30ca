/* needs: libuv
 * Transports over libuv streams: TCP and Unix sockets. What arrives goes straight into a StreamReader's buffer, or as one handle a read to a protocol.
 * Writing tries the socket first (uv_try_write) and queues the rest. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "stdlib/full/aio_uv.h"

typedef struct WriteReq { uv_write_t req; size_t size; char data[]; } WriteReq;

static void stream_trace(tiny_tracer *t, void *data) {
  Stream *s = data;
  tiny_val *all[] = {&s->loop, &s->reader, &s->on_data, &s->on_eof, &s->on_lost, &s->protocol, &s->extra, &s->drainers, &s->context};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) tiny_trace(t, *all[i]);
}
static void stream_destroy(tiny_vm *vm, void *data) {
  Stream *s = data;
  (void)vm;
  uv_stop_listening(s);
  if (!s->conn) return;
  if (s->conn->u->corked == s) s->conn->u->corked = NULL;
  uv_forget_stream(s->conn->u, s);
  s->conn->owner = NULL;
  conn_close(s->conn);
  s->conn = NULL;
}

/* The object is of a class that asyncio._transport derives from Stream. */
tiny_val stream_new(tiny_vm *vm, UvLoop *u, tiny_val loop, StreamKind kind, Stream **out) {
  static const char *const names[] = {"_SelectorSocketTransport", "_SelectorSocketTransport", "_UnixReadPipeTransport", "_UnixWritePipeTransport"};
  tiny_val cls = tiny_getattr(vm, tiny_import(vm, "asyncio._transport"), names[kind]), self = tiny_call_method(vm, cls, "__new__", 1, &cls);
  Conn *c = tiny_failed(self) ? NULL : conn_new(u);
  if (!c) return TINY_FAIL;
  bool pipe = kind != STREAM_TCP;
  Stream *s = tiny_data(vm, self, &uv_stream_class);
  s->self = self;
  s->reader = s->on_data = s->on_eof = s->on_lost = s->protocol = s->drainers = TINY_NONE;
  s->loop = loop;
  s->high = 65536;
  s->low = 16384;
  s->pipe = pipe;
  s->one_way = kind >= STREAM_READS;
  s->fd = -1;
  if (tiny_failed(s->context = u->api->context(vm))) {
    s->context = TINY_NONE;
    tiny_alloc(vm, c, sizeof *c, 0);
    return TINY_FAIL;
  }
  int r = pipe ? uv_pipe_init(u->loop, &c->h.pipe, 0) : uv_tcp_init(u->loop, &c->h.tcp);
  if (r < 0) {
    tiny_alloc(vm, c, sizeof *c, 0);
    return uv_raise(vm, r);
  }
  s->made = true;
  s->conn = c;
  c->owner = s;
  c->back = &s->conn;
  *out = s;
  s->extra = tiny_dict(vm);
  return tiny_failed(s->extra) || !tiny_ref_new(vm, self, &s->keep) ? (conn_close(c), TINY_FAIL) : self;
}

tiny_val uv_address(tiny_vm *vm, const struct sockaddr *sa) {
  char text[64] = "";
  if (sa->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const void *)sa;
    uv_ip6_name(in6, text, sizeof text);
    tiny_val v[4] = {tiny_string(vm, text), tiny_int(vm, ntohs(in6->sin6_port)), tiny_int(vm, ntohl(in6->sin6_flowinfo)), tiny_int(vm, in6->sin6_scope_id)};
    return tiny_tuple(vm, 4, v);
  }
  const struct sockaddr_in *in = (const void *)sa;
  uv_ip4_name(in, text, sizeof text);
  tiny_val v[2] = {tiny_string(vm, text), tiny_int(vm, ntohs(in->sin_port))};
  return tiny_tuple(vm, 2, v);
}

/* ---- end of a connection */

static bool wake_drainers(UvLoop *u, Stream *s) {
  tiny_val list = s->drainers;
  s->drainers = TINY_NONE;
  for (int i = 0, n = tiny_seq_len(list); i < n; i++)
    if (!u->api->resolve(u->vm, tiny_seq_item(list, i), TINY_NONE)) return false;
  return true;
}

static void drop(Stream *s) {
  Conn *c = s->conn;
  uv_stop_listening(s);
  if (!c) return;
  if (c->u->corked == s) c->u->corked = NULL;
  uv_forget_stream(c->u, s);
  s->conn = NULL;
  c->owner = NULL;
  conn_close(c);
  tiny_ref_free(c->u->vm, &s->keep);
  enum { USUAL = 4096 }; /* objects of a connection: task, coroutines, reader, writer... */
  tiny_let_go(c->u->vm, USUAL + s->expect);
}

/* connection_lost(exc) comes at the next turn; after it the socket is closed, as in asyncio (_drop). context: in which it comes. */
static void lose(Stream *s, tiny_val exc, tiny_val context) {
  if (s->lost || !s->conn) return;
  UvLoop *u = s->conn->u;
  if (u->corked == s) u->corked = NULL;
  s->lost = s->closing = true;
  s->late_writes = 1; /* as asyncio counts them */
  s->reading = false;
  if (!s->server) uv_read_stop(&s->conn->h.stream);
  if (tiny_is_none(s->on_lost)) drop(s);
  else if (!u->closing && wake_drainers(u, s)) (void)!uv_schedule(u, s->loop, s->on_lost, 1, &exc, context);
}

static size_t queued(const Stream *s) { return s->conn && !s->lost ? uv_stream_get_write_queue_size(&s->conn->h.stream) : 0; }

/* libuv registers descriptors when it waits, and ends the process if that fails. A script can get at a transport's descriptor and close it. */
bool uv_ask(UvLoop *u, Stream *s) {
  if (s->asked) return true;
  if (u->n_asked == u->cap_asked) {
    size_t cap = u->cap_asked ? 2 * u->cap_asked : 16;
    Stream **fresh = tiny_alloc(u->vm, u->asked, u->cap_asked * sizeof *fresh, cap * sizeof *fresh);
    if (!fresh) return (void)tiny_no_memory(u->vm), false;
    u->asked = fresh;
    u->cap_asked = cap;
  }
  u->asked[u->n_asked++] = s;
  s->asked = u->n_asked;
  return true;
}

void uv_check_asked(UvLoop *u) {
  size_t n = u->n_asked;
  u->n_asked = 0;
  for (size_t i = 0; i < n; i++) {
    Stream *s = u->asked[i];
    struct stat st;
    if (!s) continue;
    s->asked = 0;
    if (!s->conn || s->fd < 0) continue;
    bool open = fstat(s->fd, &st) == 0;
    if (open && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) continue;
    lose(s, uv_exception(u->vm, open ? UV_EPERM : UV_EBADF), s->context);
    drop(s);
  }
}

/* ---- reading */

/* No buffer: nothing is read now (on_read is told UV_ENOBUFS), as a task has been woken that will do it. */
static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf) {
  Conn *c = (Conn *)h;
  UvLoop *u = c->u;
  Stream *s = c->owner;
  bool reader = s && !tiny_is_none(s->reader);
  if (reader && !u->closing && !s->pipe && u->api->fetches(u->vm, s->reader)) *buf = uv_buf_init(NULL, 0);
  else *buf = uv_buf_init(u->buf, reader && suggested < sizeof u->buf ? (unsigned)suggested : (unsigned)sizeof u->buf); /* a reader pauses at once: less to keep */
}

static void read_ended(UvLoop *u, Stream *s, int status) {
  uv_read_stop(&s->conn->h.stream);
  s->reading = false;
  if (s->one_way && status == UV_EOF && queued(s)) status = UV_EPIPE; /* nobody will read what is still to be written */
  if (status != UV_EOF) {
    lose(s, uv_exception(u->vm, status), s->context);
  } else if (tiny_is_none(s->reader) || u->api->feed(u->vm, s->reader, NULL, 0)) {
    if (!tiny_is_none(s->on_eof)) (void)!uv_schedule(u, s->loop, s->on_eof, 0, NULL, s->context);
  }
}

static ssize_t receive(int fd, void *buf, size_t n) {
  ssize_t r;
  do r = recv(fd, buf, n, MSG_DONTWAIT);
  while (r < 0 && errno == EINTR);
  return r < 0 ? -errno : r;
}

/* Room for more than so many bytes. Few different sizes, so that a block that was freed serves the next read. */
static size_t room_beyond(size_t got) {
  enum { HEAD = 128 };
  size_t room = 8192;
  while (room - HEAD <= got) room += room & (room - 1) ? room / 3 : room / 2; /* 8, 12, 16, 24, 32... KiB */
  return room - HEAD;
}

static bool is_open(tiny_vm *vm, tiny_val source) { return !((Stream *)tiny_data(vm, source, &uv_stream_class))->closing; }

/* AioFetch: small reads by way of the loop's buffer, larger ones straight into the bytes object. */
static int fetch(tiny_vm *vm, tiny_val source, size_t most, tiny_val *out) {
  enum { SMALL = 4096 };
  Stream *s = tiny_data(vm, source, &uv_stream_class);
  uv_os_fd_t fd;
  if (!s->conn || !s->reading || s->lost || uv_fileno(&s->conn->h.handle, &fd) != 0) return 0;
  UvLoop *u = s->conn->u;
  size_t room = s->expect <= SMALL ? sizeof u->buf : s->expect;
  if (room > most) room = most;
  tiny_val v = TINY_NONE;
  if (s->expect > SMALL && tiny_failed(v = tiny_bytes_room(vm, room))) return -1;
  ssize_t n = receive(fd, s->expect > SMALL ? tiny_bytes_data(vm, v) : u->buf, room);
  if (n <= 0) {
    if (n != -EAGAIN && n != -EWOULDBLOCK) read_ended(u, s, n ? (int)n : UV_EOF);
    return tiny_pending(vm) ? -1 : n ? 0 : 2; /* an error comes to the task with connection_lost() */
  }
  size_t got = (size_t)n;
  *out = s->expect <= SMALL ? tiny_bytes(vm, u->buf, got) : got < room / 2 ? tiny_bytes(vm, tiny_bytes_data(vm, v), got) : tiny_bytes_cut(vm, v, got);
  s->expect = got <= SMALL ? 0 : room_beyond(got);
  return tiny_failed(*out) ? -1 : 1;
}

/* There was no memory for what has been read: the connection ends with that, as nothing may be missing in it. */
static void read_failed(tiny_vm *vm, Stream *s) {
  tiny_val exc = tiny_take_exception(vm);
  lose(s, exc, s->context);
  if (tiny_pending(vm)) drop(s);
}

static void on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *buf) {
  Conn *c = (Conn *)h;
  Stream *s = c->owner;
  UvLoop *u = c->u;
  tiny_vm *vm = u->vm;
  if (!s || u->closing || n == 0 || n == UV_ENOBUFS) return;
  if (n > 0) {
    if (!tiny_is_none(s->reader)) {
      if (u->api->feed(vm, s->reader, buf->base, (size_t)n)) return;
    } else {
      tiny_val data = tiny_bytes(vm, buf->base, (size_t)n);
      if (!tiny_failed(data) && uv_schedule(u, s->loop, s->on_data, 1, &data, s->context)) return;
    }
    read_failed(vm, s);
    return;
  }
  read_ended(u, s, (int)n);
}

static bool set_reading(tiny_vm *vm, Stream *s, bool on) {
  if (s->reading == on || !s->conn) return true;
  if (on && !uv_ask(s->conn->u, s)) return false;
  int r = on ? uv_read_start(&s->conn->h.stream, on_alloc, on_read) : uv_read_stop(&s->conn->h.stream);
  if (r < 0) return (void)uv_raise(vm, r), false;
  s->reading = on;
  return true;
}

static bool flush(tiny_vm *vm, tiny_val source);

#define STREAM(name) Stream *name = tiny_arg_native(a, 0, &uv_stream_class); if (!name->made) return tiny_raise(vm, TINY_RUNTIME_ERROR, "the transport was never opened")

/* _prepare(protocol, on_lost): who it is of, before anything is read. */
static tiny_val m_prepare(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  tiny_store(vm, s->self, &s->protocol, tiny_arg(a, 1));
  tiny_store(vm, s->self, &s->on_lost, tiny_arg(a, 2));
  return TINY_NONE;
}
/* _start(reader, on_data, on_eof, protocol, reads): who gets what; reading begins. */
static tiny_val m_start(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  tiny_val *slot[] = {&s->reader, &s->on_data, &s->on_eof, &s->protocol};
  for (int i = 0; i < 4; i++) tiny_store(vm, s->self, slot[i], tiny_arg(a, i + 1));
  if (!tiny_is_none(s->reader) && s->conn && !s->pipe) s->conn->u->api->set_source(vm, s->reader, s->self, fetch, flush, is_open);
  if (s->closing || s->lost || s->held || tiny_truth(vm, tiny_arg(a, 5)) != 1) return TINY_NONE;
  return set_reading(vm, s, true) ? TINY_NONE : TINY_FAIL;
}
static tiny_val hold(tiny_vm *vm, Stream *s, bool on) {
  if (s->closing || s->lost || s->held == on) return TINY_NONE;
  s->held = on;
  return set_reading(vm, s, !on) ? TINY_NONE : TINY_FAIL;
}
static tiny_val m_pause_reading(tiny_vm *vm, tiny_args *a) { STREAM(s); return hold(vm, s, true); }
static tiny_val m_resume_reading(tiny_vm *vm, tiny_args *a) { STREAM(s); return hold(vm, s, false); }
static tiny_val m_is_reading(tiny_vm *vm, tiny_args *a) { STREAM(s); (void)vm; return tiny_bool(!s->held && !s->closing); }

/* ---- writing */

/* The protocol is told by asyncio._net._tell_flow(stream, method), which reports what it raises. */
static bool flow(UvLoop *u, Stream *s) {
  tiny_vm *vm = u->vm;
  size_t n = queued(s);
  bool pause = !s->paused && n > s->high;
  if (!pause && !(s->paused && n <= s->low)) return true;
  s->paused = pause;
  if (!pause && !wake_drainers(u, s)) return false;
  if (tiny_is_none(s->protocol)) return true;
  tiny_val tell = tiny_getattr(vm, tiny_import(vm, "asyncio._net"), "_tell_flow"), argv[2] = {s->self, tiny_string(vm, pause ? "pause_writing" : "resume_writing")};
  if (tiny_failed(tell) || tiny_failed(argv[1])) return false;
  return pause ? !tiny_failed(tiny_call(vm, tell, 2, argv)) : uv_schedule(u, s->loop, tell, 2, argv, s->context);
}

static void on_written(uv_write_t *req, int status) {
  WriteReq *w = (WriteReq *)req;
  Conn *c = (Conn *)req->handle;
  Stream *s = c->owner;
  UvLoop *u = c->u;
  u->n_writes--;
  tiny_alloc(u->vm, w, w->size, 0);
  if (!s || u->closing) return;
  if (status < 0) lose(s, uv_exception(u->vm, status), s->context);
  else if (s->closing && queued(s) == 0) lose(s, TINY_NONE, s->context);
  else (void)!flow(u, s);
}

static bool write_later(tiny_vm *vm, Stream *s, const char *data, size_t n) {
  WriteReq *w = tiny_alloc(vm, NULL, 0, sizeof *w + n);
  if (!w) return (void)tiny_no_memory(vm), false;
  w->size = sizeof *w + n;
  memcpy(w->data, data, n);
  uv_buf_t b = uv_buf_init(w->data, (unsigned)n);
  if (!uv_ask(s->conn->u, s)) {
    tiny_alloc(vm, w, w->size, 0);
    return false;
  }
  UvLoop *u = s->conn->u;
  PipeGuard g;
  pipe_guard_begin(u, &g);
  int r = uv_write(&w->req, &s->conn->h.stream, &b, 1, on_written);
  pipe_guard_end(&g);
  if (r == 0) {
    u->n_writes++;
  } else {
    tiny_alloc(vm, w, w->size, 0);
    lose(s, uv_exception(vm, r), TINY_NONE);
    return true;
  }
  return flow(u, s);
}

/* What the socket takes at once. send(2) and not uv_try_write, as that may raise SIGPIPE; the end of a pipe is no socket. */
static int write_now(Stream *s, const char *data, size_t n) {
  uv_os_fd_t fd;
  if (uv_fileno(&s->conn->h.handle, &fd) == 0) {
    ssize_t r = send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (r >= 0) return (int)r;
    if (errno == EINTR || errno == EAGAIN) return UV_EAGAIN;
    if (errno != ENOTSOCK) return -errno;
  }
  uv_buf_t b = uv_buf_init((char *)data, (unsigned)n);
  PipeGuard g;
  pipe_guard_begin(s->conn->u, &g);
  int r = uv_try_write(&s->conn->h.stream, &b, 1);
  pipe_guard_end(&g);
  return r;
}

static bool write_bytes(tiny_vm *vm, Stream *s, const char *data, size_t n) {
  if (n == 0 || !s->conn || s->lost) return true;
  size_t sent = 0;
  if (queued(s) == 0) {
    int r = write_now(s, data, n > 0x7fffffff ? 0x7fffffff : n);
    if (r >= 0) sent = (size_t)r;
    else if (r != UV_EAGAIN && r != UV_ENOBUFS) {
      lose(s, uv_exception(vm, r), TINY_NONE);
      return true;
    }
  }
  return sent == n || write_later(vm, s, data + sent, n - sent);
}

bool uv_uncork(UvLoop *u) {
  Stream *s = u->corked;
  if (!s) return true;
  u->corked = NULL;
  return write_bytes(u->vm, s, u->cork, u->cork_len);
}
static bool uncork(Stream *s) { return !s->conn || s->conn->u->corked != s || uv_uncork(s->conn->u); }
static bool flush(tiny_vm *vm, tiny_val source) { return uncork(tiny_data(vm, source, &uv_stream_class)); }

/* Answers to requests that came together leave together: while there is more in the reader, what is written waits. */
static bool write_or_cork(tiny_vm *vm, Stream *s, const char *data, size_t n) {
  UvLoop *u = s->conn ? s->conn->u : NULL;
  if (!u || s->lost) return true;
  size_t before = u->corked == s ? u->cork_len : 0;
  bool more = !s->pipe && !tiny_is_none(s->reader) && u->api->unread(vm, s->reader) > 0, fits = before + n <= sizeof u->cork;
  if (!fits || !(more || before)) return uncork(s) && write_bytes(vm, s, data, n);
  if (u->corked != s && !uv_uncork(u)) return false;
  memcpy(u->cork + before, data, n);
  u->cork_len = before + n;
  u->corked = s;
  return (more && u->cork_len <= s->high) || uv_uncork(u);
}

/* Writing to a connection that is gone is no error; who goes on doing it is told in the log. */
static tiny_val write_lost(tiny_vm *vm, Stream *s, size_t n) {
  enum { TOLD_FROM = 5 }; /* asyncio.constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES */
  if (n == 0 || s->late_writes++ < TOLD_FROM) return TINY_NONE;
  tiny_val text = tiny_string(vm, s->one_way ? "pipe closed by peer or os.write(pipe, data) raised exception." : "socket.send() raised exception.");
  return tiny_call_method(vm, tiny_getattr(vm, tiny_import(vm, "asyncio.log"), "logger"), "warning", 1, &text);
}

/* What is to be written as a bytes object: a bytearray may change while it is being written, as that may call the protocol. Pinned: the caller's scope has it. */
static tiny_val written_bytes(tiny_vm *vm, tiny_val v) {
  static const char *const others[] = {"bytearray", "memoryview"};
  if (tiny_kind_of(vm, v) == TINY_T_BYTES) return v;
  for (int i = 0; i < 2; i++) {
    int is = tiny_isinstance(vm, v, tiny_getattr(vm, tiny_import(vm, "builtins"), others[i]));
    if (is < 0) return TINY_FAIL;
    if (is) return i == 0 ? tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "builtins"), "bytes"), 1, &v) : tiny_call_method(vm, v, "tobytes", 0, NULL);
  }
  return tiny_raise(vm, TINY_TYPE_ERROR, "data argument must be a bytes-like object, not '%T'", v);
}

static tiny_val m_write(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  size_t n;
  const char *data = tiny_to_bytes(vm, written_bytes(vm, tiny_arg(a, 1)), &n);
  if (!data) return TINY_FAIL;
  if (s->eof_written) return tiny_raise(vm, TINY_RUNTIME_ERROR, "Cannot call write() after write_eof()");
  if (s->lost) return write_lost(vm, s, n);
  return write_or_cork(vm, s, data, n) ? TINY_NONE : TINY_FAIL;
}

static tiny_val m_writelines(tiny_vm *vm, tiny_args *a) {
  tiny_val list = tiny_arg(a, 1), all = tiny_call_method(vm, tiny_bytes(vm, "", 0), "join", 1, &list);
  return tiny_failed(all) ? all : tiny_call_method(vm, tiny_arg(a, 0), "write", 1, &all);
}

typedef struct ShutReq { uv_shutdown_t req; tiny_vm *vm; } ShutReq;
static void on_shutdown(uv_shutdown_t *req, int status) {
  ShutReq *q = (ShutReq *)req;
  (void)status;
  tiny_alloc(q->vm, q, sizeof *q, 0);
}
static tiny_val m_write_eof(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  if (!uncork(s)) return TINY_FAIL;
  if (s->closing || s->eof_written || !s->conn) return TINY_NONE;
  s->eof_written = true;
  ShutReq *q = tiny_alloc(vm, NULL, 0, sizeof *q);
  if (!q) return tiny_no_memory(vm);
  q->vm = vm;
  int r = uv_shutdown(&q->req, &s->conn->h.stream, on_shutdown);
  if (r < 0) tiny_alloc(vm, q, sizeof *q, 0);
  return TINY_NONE;
}

/* _drainer(): a future that is done when the buffer is low again; None: nothing to wait for. */
static tiny_val m_drainer(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  if (!s->paused || !s->conn || s->lost) return TINY_NONE;
  tiny_val f = s->conn->u->api->new_future(vm, s->loop);
  if (tiny_failed(f)) return f;
  if (tiny_is_none(s->drainers)) {
    tiny_val list = tiny_list(vm, 0, NULL);
    if (tiny_failed(list)) return list;
    tiny_store(vm, s->self, &s->drainers, list);
  }
  return tiny_list_append(vm, s->drainers, f) ? f : TINY_FAIL;
}

static tiny_val m_close(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  if (!uncork(s)) return TINY_FAIL;
  if (s->closing) return TINY_NONE;
  s->closing = true;
  if (!set_reading(vm, s, false)) return TINY_FAIL;
  if (queued(s) == 0) lose(s, TINY_NONE, TINY_NONE);
  return TINY_NONE;
}
static tiny_val m_abort(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  (void)vm;
  if (!uncork(s)) return TINY_FAIL;
  lose(s, TINY_NONE, TINY_NONE);
  return TINY_NONE;
}
/* _fail(exc): the connection ends, with connection_lost(exc) */
static tiny_val m_fail(tiny_vm *vm, tiny_args *a) { STREAM(s); (void)vm; lose(s, tiny_arg(a, 1), TINY_NONE); return TINY_NONE; }
static tiny_val m_drop(tiny_vm *vm, tiny_args *a) { STREAM(s); (void)vm; drop(s); return TINY_NONE; }
static tiny_val m_is_closing(tiny_vm *vm, tiny_args *a) { STREAM(s); (void)vm; return tiny_bool(s->closing); }
static tiny_val m_can_write_eof(tiny_vm *vm, tiny_args *a) { (void)vm; (void)a; return TINY_TRUE; }
static tiny_val m_buffer_size(tiny_vm *vm, tiny_args *a) { STREAM(s); return uncork(s) ? tiny_int(vm, (int64_t)queued(s)) : TINY_FAIL; }
static tiny_val m_limits(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  tiny_val v[2] = {tiny_int(vm, (int64_t)s->low), tiny_int(vm, (int64_t)s->high)};
  return tiny_tuple(vm, 2, v);
}
static tiny_val m_set_limits(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  int64_t high = 65536, low;
  if (!tiny_is_none(tiny_arg(a, 1)) && !tiny_to_int(vm, tiny_arg(a, 1), &high)) return TINY_FAIL;
  low = high >= 0 ? high / 4 : (high - 3) / 4;
  if (!tiny_is_none(tiny_arg(a, 2)) && !tiny_to_int(vm, tiny_arg(a, 2), &low)) return TINY_FAIL;
  if (tiny_is_none(tiny_arg(a, 1)) && !tiny_is_none(tiny_arg(a, 2))) high = 4 * low;
  if (!(high >= low && low >= 0)) return tiny_raise(vm, TINY_VALUE_ERROR, "high (%lld) must be >= low (%lld) must be >= 0", (long long)high, (long long)low);
  if (!uncork(s)) return TINY_FAIL;
  s->high = (size_t)high;
  s->low = (size_t)low;
  return s->conn && !flow(s->conn->u, s) ? TINY_FAIL : TINY_NONE;
}
static tiny_val g_extra(tiny_vm *vm, tiny_args *a) { STREAM(s); (void)vm; return s->extra; }
static tiny_val m_extra_info(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  tiny_val v = tiny_dict_get(vm, s->extra, tiny_arg_str(a, 1, NULL));
  return tiny_is_absent(v) ? tiny_arg(a, 2) : v;
}
static tiny_val m_get_protocol(tiny_vm *vm, tiny_args *a) { STREAM(s); (void)vm; return s->protocol; }
static tiny_val m_set_protocol(tiny_vm *vm, tiny_args *a) {
  tiny_val argv[2] = {tiny_arg(a, 0), tiny_arg(a, 1)};
  return tiny_tail_call(vm, tiny_getattr(vm, tiny_import(vm, "asyncio._net"), "_set_protocol"), 2, argv);
}
static tiny_val m_repr(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  tiny_val self = tiny_arg(a, 0);
  if (!s->conn) return tiny_format(vm, "<%T closed fd=%d>", self, s->fd);
  return tiny_format(vm, "<%T%s fd=%d read=%s write=<%s, bufsize=%zu>>", self, s->closing ? " closing" : "", s->fd, s->reading ? "polling" : "idle", queued(s) ? "polling" : "idle", queued(s));
}
/* _describe(state): how the end of a pipe shows. _polls(): is it being read? */
static tiny_val m_describe(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  const char *how = !s->conn ? " closed" : s->closing ? " closing" : "";
  tiny_val self = tiny_arg(a, 0);
  return s->conn ? tiny_format(vm, "<%T%s fd=%d %S>", self, how, s->fd, tiny_arg(a, 1)) : tiny_format(vm, "<%T%s fd=%d closed>", self, how, s->fd);
}
static tiny_val m_polls(tiny_vm *vm, tiny_args *a) { STREAM(s); (void)vm; return tiny_bool(s->reading); }
static tiny_val g_loop(tiny_vm *vm, tiny_args *a) { STREAM(s); (void)vm; return s->loop; }
static tiny_val m_listen(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  int r = s->conn ? uv_start_listening(s->conn->u, s, (int)tiny_arg_int(a, 1)) : UV_EBADF;
  return r < 0 ? uv_raise(vm, r) : TINY_NONE;
}
static tiny_val m_fileno(tiny_vm *vm, tiny_args *a) {
  STREAM(s);
  uv_os_fd_t fd = -1;
  if (!uncork(s)) return TINY_FAIL;
  if (s->conn) uv_fileno(&s->conn->h.handle, &fd);
  return tiny_int(vm, fd);
}

static tiny_val m_init(tiny_vm *vm, tiny_args *a) { return tiny_raise(vm, TINY_TYPE_ERROR, "cannot create '%T' instances", tiny_arg(a, 0)); }

static const tiny_def stream_methods[] = {{"__init__", m_init, "(self: Stream, *args, **kwds)", NULL}, {"_prepare", m_prepare, "(self: Stream, protocol, on_lost, /)", NULL}, {"_start", m_start, "(self: Stream, reader, on_data, on_eof, protocol, reads, /)", NULL}, {"_describe", m_describe, "(self: Stream, state, /)", NULL},
    {"_polls", m_polls, "(self: Stream, /)", NULL}, {"@_loop", g_loop, "(self: Stream, /)", NULL}, {"pause_reading", m_pause_reading, "(self: Stream)", NULL},
    {"resume_reading", m_resume_reading, "(self: Stream)", NULL}, {"is_reading", m_is_reading, "(self: Stream)", NULL}, {"write", m_write, "(self: Stream, data)", NULL},
    {"writelines", m_writelines, "(self: Stream, list_of_data)", NULL},
    {"write_eof", m_write_eof, "(self: Stream)", NULL}, {"can_write_eof", m_can_write_eof, "(self: Stream)", NULL}, {"_drop", m_drop, "(self: Stream, /)", NULL}, {"_fail", m_fail, "(self: Stream, exc, /)", NULL}, {"_drainer", m_drainer, "(self: Stream, /)", NULL}, {"close", m_close, "(self: Stream)", NULL},
    {"abort", m_abort, "(self: Stream)", NULL}, {"is_closing", m_is_closing, "(self: Stream)", NULL}, {"get_write_buffer_size", m_buffer_size, "(self: Stream)", NULL},
    {"get_write_buffer_limits", m_limits, "(self: Stream)", NULL}, {"set_write_buffer_limits", m_set_limits, "(self: Stream, high=None, low=None)", NULL},
    {"get_extra_info", m_extra_info, "(self: Stream, name: str, default=None)", NULL}, {"@_extra", g_extra, "(self: Stream, /)", NULL}, {"get_protocol", m_get_protocol, "(self: Stream)", NULL},
    {"set_protocol", m_set_protocol, "(self: Stream, protocol)", NULL}, {"__repr__", m_repr, "(self: Stream)", NULL},
    {"_listen", m_listen, "(self: Stream, backlog: int, /)", NULL}, {"_fileno", m_fileno, "(self: Stream, /)", NULL}, {0}};
const tiny_class uv_stream_class = {.name = "Stream", .data_size = sizeof(Stream), .methods = stream_methods, .trace = stream_trace, .destroy = stream_destroy, .flags = TINY_CLASS_DICT};
