/* needs: libuv
 * Listening, connecting and looking names up. A host is a numeric address here, or with port -1 the path of a Unix socket; names go through getaddrinfo first. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include "stdlib/full/aio_uv.h"

static bool parse_address(tiny_vm *vm, const char *host, int port, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (uv_ip4_addr(host, port, (struct sockaddr_in *)out) == 0 || uv_ip6_addr(host, port, (struct sockaddr_in6 *)out) == 0) return true;
  (void)tiny_raise(vm, TINY_VALUE_ERROR, "'%s' does not appear to be an IPv4 or IPv6 address", host);
  return false;
}

static bool note_path(tiny_vm *vm, Stream *s, const char *key, int (*get)(const uv_pipe_t *, char *, size_t *)) {
  char path[128] = "";
  size_t n = sizeof path;
  return tiny_dict_set(vm, s->extra, key, get(&s->conn->h.pipe, path, &n) == 0 ? tiny_string_n(vm, path, n) : tiny_string(vm, ""));
}

/* A bound socket; negative: errno. Not by uv_tcp_bind, which keeps its error until it listens, nor by uv_pipe_bind, which removes the path when it closes. */
static int bound_socket(const struct sockaddr *sa, socklen_t size) {
  int fd = socket(sa->sa_family, SOCK_STREAM, 0), on = 1;
  if (fd < 0) return -errno;
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (sa->sa_family != AF_UNIX) (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (sa->sa_family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd, sa, size) == 0) return fd;
  int err = errno;
  close(fd);
  return -err;
}

static int bind_path(const char *path) {
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof sa.sun_path) return -ENAMETOOLONG;
  memcpy(sa.sun_path, path, strlen(path));
  return bound_socket((struct sockaddr *)&sa, sizeof sa);
}

/* sockname and peername, as get_extra_info gives them. */
static bool note_addresses(tiny_vm *vm, Stream *s) {
  if (s->pipe) return note_path(vm, s, "sockname", uv_pipe_getsockname) && (s->server || note_path(vm, s, "peername", uv_pipe_getpeername));
  struct sockaddr_storage sa;
  int n = sizeof sa;
  if (uv_tcp_getsockname(&s->conn->h.tcp, (struct sockaddr *)&sa, &n) == 0 && !tiny_dict_set(vm, s->extra, "sockname", uv_address(vm, (struct sockaddr *)&sa))) return false;
  n = sizeof sa;
  return uv_tcp_getpeername(&s->conn->h.tcp, (struct sockaddr *)&sa, &n) != 0 || tiny_dict_set(vm, s->extra, "peername", uv_address(vm, (struct sockaddr *)&sa));
}

/* A stream that came to nothing: its handle goes, nobody is told. */
static void stream_give_up(tiny_vm *vm, Stream *s) {
  Conn *c = s->conn;
  s->conn = NULL;
  c->owner = NULL;
  conn_close(c);
  tiny_ref_free(vm, &s->keep);
}

/* ---- servers: on_data of a listening stream is called with every new one, on_eof with the error that ended listening.
 * Not by uv_listen, which takes and closes connections when there are no descriptors left for them: they are to wait until there are some again. */

/* A stream for a descriptor, which is its from now on unless it cannot be made. */
static tiny_val adopt(tiny_vm *vm, UvLoop *u, tiny_val loop, bool pipe, int fd) {
  Stream *s;
  tiny_val self = stream_new(vm, u, loop, pipe, &s);
  if (tiny_failed(self)) return self;
  int r = pipe ? uv_pipe_open(&s->conn->h.pipe, fd) : uv_tcp_open(&s->conn->h.tcp, fd);
  if (r == 0 && !pipe) uv_tcp_nodelay(&s->conn->h.tcp, 1);
  if (r == 0 && note_addresses(vm, s)) return self;
  stream_give_up(vm, s);
  return r < 0 ? uv_raise(vm, r) : TINY_FAIL;
}

static int accept_one(int fd) {
  int got;
  do got = accept(fd, NULL, NULL);
  while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  (void)fcntl(got, F_SETFD, FD_CLOEXEC);
  return got;
}

/* Failures (there is no memory) stay pending: the poller reports them. */
static void on_connections(uv_poll_t *h, int status, int events) {
  Conn *c = (Conn *)h;
  Stream *server = c->owner;
  (void)status, (void)events;
  if (!server || c->u->closing) return;
  UvLoop *u = c->u;
  uv_os_fd_t listening;
  if (uv_fileno(&c->h.handle, &listening) != 0) return;
  for (int i = 0; i < server->backlog; i++) {
    int fd = accept_one(listening);
    if (fd == -EAGAIN || fd == -EWOULDBLOCK || fd == -ECONNABORTED) return;
    if (fd < 0) {
      tiny_val v[2] = {server->self, uv_exception(u->vm, fd)};
      if (uv_schedule(u, server->loop, server->on_eof, 2, v)) uv_poll_stop(h);
      return;
    }
    tiny_val self = adopt(u->vm, u, server->loop, server->pipe, fd);
    if (tiny_failed(self)) {
      close(fd);
      return;
    }
    if (uv_schedule(u, server->loop, server->on_data, 1, &self)) continue;
    stream_give_up(u->vm, tiny_data(u->vm, self, &uv_stream_class));
    return;
  }
}

int uv_start_listening(UvLoop *u, Stream *s, int backlog) {
  uv_os_fd_t fd;
  int r = uv_fileno(&s->conn->h.handle, &fd);
  if (r < 0) return r;
  if (listen(fd, backlog) != 0) return -errno;
  s->backlog = backlog > 0 ? backlog : 1;
  if (!s->listener) {
    Conn *c = conn_new(u);
    if (!c) {
      tiny_clear_error(u->vm);
      return UV_ENOMEM;
    }
    if ((r = uv_poll_init(&u->loop, &c->h.poll, fd)) < 0) {
      tiny_alloc(u->vm, c, sizeof *c, 0);
      return r;
    }
    c->owner = s;
    c->back = &s->listener;
    s->listener = c;
  }
  return uv_poll_start(&s->listener->h.poll, UV_READABLE, on_connections);
}

void uv_stop_listening(Stream *s) {
  Conn *c = s->listener;
  if (!c) return;
  s->listener = NULL;
  c->owner = NULL;
  conn_close(c);
}

/* bind(loop, host, port, on_connection, on_failure, fd or None) -> Stream, whose _listen() starts. fd: a socket that is bound already; port -1: of Unix */
tiny_val uv_m_bind(tiny_vm *vm, tiny_args *a) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  const char *host = u ? tiny_to_str(vm, tiny_arg(a, 1), NULL) : NULL;
  if (!host) return TINY_FAIL;
  int port = (int)tiny_arg_int(a, 2);
  int64_t fd = -1;
  struct sockaddr_storage sa;
  Stream *s;
  if (!tiny_is_none(tiny_arg(a, 5)) && !tiny_to_int(vm, tiny_arg(a, 5), &fd)) return TINY_FAIL;
  if (port >= 0 && fd < 0 && !parse_address(vm, host, port, &sa)) return TINY_FAIL;
  tiny_val self = stream_new(vm, u, tiny_arg(a, 0), port < 0, &s);
  if (tiny_failed(self)) return self;
  s->server = true;
  tiny_store(vm, self, &s->on_data, tiny_arg(a, 3));
  tiny_store(vm, self, &s->on_eof, tiny_arg(a, 4));
  if (fd < 0) fd = port < 0 ? bind_path(host) : bound_socket((struct sockaddr *)&sa, sa.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
  int r = fd < 0 ? (int)fd : port < 0 ? uv_pipe_open(&s->conn->h.pipe, (int)fd) : uv_tcp_open(&s->conn->h.tcp, (int)fd);
  if (r == 0 && note_addresses(vm, s)) return self;
  stream_give_up(vm, s);
  return r < 0 ? uv_raise(vm, r) : TINY_FAIL;
}

/* open(loop, fd, pipe) -> Stream of a connected socket or the end of a pipe, which it owns from now on */
tiny_val uv_m_open(tiny_vm *vm, tiny_args *a) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  return u ? adopt(vm, u, tiny_arg(a, 0), tiny_truth(vm, tiny_arg(a, 2)) == 1, (int)tiny_arg_int(a, 1)) : TINY_FAIL;
}

/* ---- connecting */

typedef struct ConnectReq { uv_connect_t req; UvLoop *u; tiny_ref future, stream; } ConnectReq;

static void connect_done(ConnectReq *q, int status) {
  UvLoop *u = q->u;
  tiny_vm *vm = u->vm;
  if (!u->closing) {
    tiny_val future = tiny_ref_get(vm, q->future), stream = tiny_ref_get(vm, q->stream);
    Stream *s = tiny_data(vm, stream, &uv_stream_class);
    if (status < 0) {
      if (s->conn) conn_close(s->conn);
      tiny_ref_free(vm, &s->keep);
      (void)!u->api->reject(vm, future, uv_exception(vm, status));
    } else {
      if (!s->pipe) uv_tcp_nodelay(&s->conn->h.tcp, 1);
      if (note_addresses(vm, s)) (void)!u->api->resolve(vm, future, stream);
    }
  }
  tiny_ref_free(vm, &q->future);
  tiny_ref_free(vm, &q->stream);
  tiny_alloc(vm, q, sizeof *q, 0);
}
static void on_connect(uv_connect_t *req, int status) { connect_done((ConnectReq *)req, status); }

/* connect(loop, host, port) -> Future of a Stream */
tiny_val uv_m_connect(tiny_vm *vm, tiny_args *a) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  const char *host = u ? tiny_to_str(vm, tiny_arg(a, 1), NULL) : NULL;
  if (!host) return TINY_FAIL;
  int port = (int)tiny_arg_int(a, 2);
  struct sockaddr_storage sa;
  Stream *s;
  if (port >= 0 && !parse_address(vm, host, port, &sa)) return TINY_FAIL;
  tiny_val future = u->api->new_future(vm, tiny_arg(a, 0)), self = tiny_failed(future) ? TINY_FAIL : stream_new(vm, u, tiny_arg(a, 0), port < 0, &s);
  if (tiny_failed(self)) return self;
  ConnectReq *q = tiny_alloc(vm, NULL, 0, sizeof *q);
  if (!q) return tiny_no_memory(vm);
  memset(q, 0, sizeof *q);
  q->u = u;
  if (!tiny_ref_new(vm, future, &q->future) || !tiny_ref_new(vm, self, &q->stream)) {
    tiny_ref_free(vm, &q->future);
    tiny_alloc(vm, q, sizeof *q, 0);
    return TINY_FAIL;
  }
  if (port < 0) {
    uv_pipe_connect(&q->req, &s->conn->h.pipe, host, on_connect);
    return future;
  }
  int r = uv_tcp_connect(&q->req, &s->conn->h.tcp, (struct sockaddr *)&sa, on_connect);
  if (r < 0) connect_done(q, r);
  return tiny_pending(vm) ? TINY_FAIL : future;
}

/* ---- names */

typedef struct InfoReq { uv_getaddrinfo_t req; UvLoop *u; tiny_ref future; } InfoReq;

static tiny_val info_list(tiny_vm *vm, const struct addrinfo *ai) {
  tiny_val list = tiny_list(vm, 0, NULL);
  for (; ai && !tiny_failed(list); ai = ai->ai_next) {
    tiny_val v[5] = {tiny_int(vm, ai->ai_family), tiny_int(vm, ai->ai_socktype), tiny_int(vm, ai->ai_protocol), tiny_string(vm, ai->ai_canonname ? ai->ai_canonname : ""), uv_address(vm, ai->ai_addr)};
    tiny_val row = tiny_tuple(vm, 5, v);
    if (tiny_failed(row) || !tiny_list_append(vm, list, row)) return TINY_FAIL;
  }
  return list;
}

static tiny_val info_error(tiny_vm *vm, int status) {
  static const struct { int uv, eai; } codes[] = {{UV_EAI_NONAME, EAI_NONAME}, {UV_EAI_AGAIN, EAI_AGAIN}, {UV_EAI_FAIL, EAI_FAIL}, {UV_EAI_FAMILY, EAI_FAMILY}, {UV_EAI_SERVICE, EAI_SERVICE},
      {UV_EAI_SOCKTYPE, EAI_SOCKTYPE}, {UV_EAI_BADFLAGS, EAI_BADFLAGS}, {UV_EAI_MEMORY, EAI_MEMORY}};
  int code = status;
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (codes[i].uv == status) code = codes[i].eai;
  tiny_val args[2] = {tiny_int(vm, code), tiny_string(vm, gai_strerror(code))};
  return tiny_call_method(vm, tiny_import(vm, "asyncio._net"), "_gaierror", 2, args);
}

static void on_info(uv_getaddrinfo_t *req, int status, struct addrinfo *res) {
  InfoReq *q = (InfoReq *)req;
  UvLoop *u = q->u;
  tiny_vm *vm = u->vm;
  if (!u->closing) {
    tiny_val future = tiny_ref_get(vm, q->future), v = status < 0 ? info_error(vm, status) : info_list(vm, res);
    if (!tiny_failed(v)) (void)!(status < 0 ? u->api->reject(vm, future, v) : u->api->resolve(vm, future, v));
  }
  uv_freeaddrinfo(res);
  tiny_ref_free(vm, &q->future);
  tiny_alloc(vm, q, sizeof *q, 0);
}

/* getaddrinfo(loop, host or None, port: int, str or None, family, type, flags) -> Future of a list as socket.getaddrinfo makes it */
tiny_val uv_m_getaddrinfo(tiny_vm *vm, tiny_args *a) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  if (!u) return TINY_FAIL;
  const char *host = NULL, *port = NULL;
  if (!tiny_is_none(tiny_arg(a, 1)) && !(host = tiny_to_str(vm, tiny_arg(a, 1), NULL))) return TINY_FAIL;
  if (!tiny_is_none(tiny_arg(a, 2)) && !(port = tiny_to_str(vm, tiny_str(vm, tiny_arg(a, 2)), NULL))) return TINY_FAIL;
  struct addrinfo hints;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = (int)tiny_arg_int(a, 3);
  hints.ai_socktype = (int)tiny_arg_int(a, 4);
  hints.ai_flags = (int)tiny_arg_int(a, 5);
  tiny_val future = u->api->new_future(vm, tiny_arg(a, 0));
  InfoReq *q = tiny_failed(future) ? NULL : tiny_alloc(vm, NULL, 0, sizeof *q);
  if (!q) return tiny_failed(future) ? TINY_FAIL : tiny_no_memory(vm);
  memset(q, 0, sizeof *q);
  q->u = u;
  int r = 0;
  if (tiny_ref_new(vm, future, &q->future) && (r = uv_getaddrinfo(&u->loop, &q->req, on_info, host, port, &hints)) == 0) return future;
  tiny_ref_free(vm, &q->future);
  tiny_alloc(vm, q, sizeof *q, 0);
  return r < 0 ? uv_raise(vm, r) : TINY_FAIL;
}
