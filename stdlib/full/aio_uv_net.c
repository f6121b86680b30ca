/* needs: libuv
 * Listening, connecting and looking names up. A host is a numeric address here, or with port -1 the path of a Unix socket; names go through getaddrinfo first. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>
#include "stdlib/full/aio_uv.h"
#include "stdlib/full/socket.h"

/* scope: of a link-local address of IPv6 */
static bool parse_address(tiny_vm *vm, const char *host, int port, int64_t scope, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (uv_ip4_addr(host, port, (struct sockaddr_in *)out) == 0) return true;
  if (uv_ip6_addr(host, port, (struct sockaddr_in6 *)out) == 0) {
    if (scope) ((struct sockaddr_in6 *)out)->sin6_scope_id = (uint32_t)scope;
    return true;
  }
  (void)tiny_raise(vm, TINY_VALUE_ERROR, "'%s' does not appear to be an IPv4 or IPv6 address", host);
  return false;
}

static bool note_path(tiny_vm *vm, Stream *s, const char *key, int (*get)(const uv_pipe_t *, char *, size_t *)) {
  char path[128] = "";
  size_t n = sizeof path;
  if (get(&s->conn->h.pipe, path, &n) != 0) n = 0;
  return tiny_dict_set(vm, s->extra, key, n && !path[0] ? tiny_bytes(vm, path, n) : tiny_string_n(vm, path, n)); /* an abstract name (Linux) is bytes */
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

/* A socket connected to a path, or errno. Unix sockets connect at once or not at all. */
static int connected_socket(const SockAddr *sa) {
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return -errno;
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  if (connect(fd, &sa->a.any, sa->len) == 0) return fd;
  int err = errno;
  close(fd);
  return -err;
}

/* The address that two arguments say: host and port, or with port -1 a path. */
static bool address_of(tiny_vm *vm, tiny_val host, int port, int64_t scope, SockAddr *out) {
  if (port < 0) return sock_parse(vm, AF_UNIX, host, "", out);
  const char *text = tiny_to_str(vm, host, NULL);
  struct sockaddr_storage sa;
  if (!text || !parse_address(vm, text, port, scope, &sa)) return false;
  out->len = sa.ss_family == AF_INET6 ? sizeof out->a.in6 : sizeof out->a.in;
  memcpy(&out->a, &sa, out->len);
  return true;
}

/* sockname and peername, as get_extra_info gives them. */
static bool note_addresses(tiny_vm *vm, Stream *s) {
  uv_os_fd_t fd;
  if (uv_fileno(&s->conn->h.handle, &fd) == 0) s->fd = fd;
  if (!uv_note_stream(s->conn->u, s)) return false;
  if (s->one_way) return true;
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
  uv_forget_stream(c->u, s);
  s->conn = NULL;
  c->owner = NULL;
  conn_close(c);
  tiny_ref_free(vm, &s->keep);
}

/* ---- servers: on_data of a listening stream is called with every new one, on_eof with the error that ended listening.
 * Not by uv_listen, which takes and closes connections when there are no descriptors left for them: they are to wait until there are some again. */

/* A stream for a descriptor, which is its from now on unless it cannot be made. */
static tiny_val adopt(tiny_vm *vm, UvLoop *u, tiny_val loop, StreamKind kind, int fd) {
  Stream *s;
  tiny_val self = stream_new(vm, u, loop, kind, &s);
  if (tiny_failed(self)) return self;
  bool pipe = s->pipe;
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

static Stream *stream_of(tiny_vm *vm, tiny_val self) { return tiny_data(vm, self, &uv_stream_class); }

/* Every connection of a server has a copy of the context in which the server was made. */
static bool inherit_context(tiny_vm *vm, const Stream *server, tiny_val self) {
  tiny_val context = tiny_is_none(server->context) ? TINY_NONE : tiny_call_method(vm, server->context, "copy", 0, NULL);
  if (tiny_failed(context)) return false;
  tiny_store(vm, self, &stream_of(vm, self)->context, context);
  return true;
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
      if (uv_schedule(u, server->loop, server->on_eof, 2, v, server->context)) uv_poll_stop(h);
      return;
    }
    tiny_val self = adopt(u->vm, u, server->loop, server->pipe ? STREAM_UNIX : STREAM_TCP, fd);
    if (tiny_failed(self)) {
      close(fd);
      return;
    }
    if (inherit_context(u->vm, server, self) && uv_schedule(u, server->loop, server->on_data, 1, &self, stream_of(u->vm, self)->context)) continue;
    stream_give_up(u->vm, stream_of(u->vm, self));
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
    if ((r = uv_poll_init(u->loop, &c->h.poll, fd)) < 0) {
      tiny_alloc(u->vm, c, sizeof *c, 0);
      return r;
    }
    c->owner = s;
    c->back = &s->listener;
    s->listener = c;
  }
  if (!uv_ask(u, s)) {
    tiny_clear_error(u->vm);
    return UV_ENOMEM;
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

/* bind(loop, host, port, on_connection, on_failure, fd or None, scope) -> Stream, whose _listen() starts. fd: a socket that is bound already; port -1: of Unix */
tiny_val uv_m_bind(tiny_vm *vm, tiny_args *a) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  if (!u) return TINY_FAIL;
  int port = (int)tiny_arg_int(a, 2);
  int64_t fd = -1;
  SockAddr sa;
  Stream *s;
  if (!tiny_is_none(tiny_arg(a, 5)) && !tiny_to_int(vm, tiny_arg(a, 5), &fd)) return TINY_FAIL;
  if (fd < 0 && !address_of(vm, tiny_arg(a, 1), port, tiny_arg_int(a, 6), &sa)) return TINY_FAIL;
  tiny_val self = stream_new(vm, u, tiny_arg(a, 0), port < 0 ? STREAM_UNIX : STREAM_TCP, &s);
  if (tiny_failed(self)) return self;
  s->server = true;
  tiny_store(vm, self, &s->on_data, tiny_arg(a, 3));
  tiny_store(vm, self, &s->on_eof, tiny_arg(a, 4));
  if (fd < 0) fd = bound_socket(&sa.a.any, sa.len);
  int r = fd < 0 ? (int)fd : port < 0 ? uv_pipe_open(&s->conn->h.pipe, (int)fd) : uv_tcp_open(&s->conn->h.tcp, (int)fd);
  if (r == 0 && note_addresses(vm, s)) return self;
  stream_give_up(vm, s);
  return r < 0 ? uv_raise(vm, r) : TINY_FAIL;
}

/* Is it something that can be waited for? libuv would abort the process. (Writing to a device that cannot be does not wait.) */
static bool check_pipe(tiny_vm *vm, UvLoop *u, int fd, bool reads) {
  struct stat st;
  struct epoll_event event = {0};
  if (fstat(fd, &st) != 0) return (void)uv_raise(vm, -errno), false;
  if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) return true;
  if (!S_ISCHR(st.st_mode))
    return (void)tiny_raise(vm, TINY_VALUE_ERROR, reads ? "Pipe transport is for pipes/sockets only." : "Pipe transport is only for pipes, sockets and character devices"), false;
  if (!reads) return true;
  if (epoll_ctl(uv_backend_fd(u->loop), EPOLL_CTL_ADD, fd, &event) != 0) return (void)uv_raise(vm, -errno), false;
  (void)epoll_ctl(uv_backend_fd(u->loop), EPOLL_CTL_DEL, fd, &event);
  return true;
}

/* open(loop, fd, kind: a StreamKind) -> Stream of a connected socket or the end of a pipe, which it owns from now on */
tiny_val uv_m_open(tiny_vm *vm, tiny_args *a) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  int64_t kind = tiny_arg_int(a, 2);
  if (kind < STREAM_TCP || kind > STREAM_WRITES) return tiny_raise(vm, TINY_VALUE_ERROR, "unknown kind of stream");
  if (u && kind >= STREAM_READS && !check_pipe(vm, u, (int)tiny_arg_int(a, 1), kind == STREAM_READS)) return TINY_FAIL;
  return u ? adopt(vm, u, tiny_arg(a, 0), (StreamKind)kind, (int)tiny_arg_int(a, 1)) : TINY_FAIL;
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
      if (s->conn) stream_give_up(vm, s);
      (void)!u->api->reject(vm, future, uv_exception(vm, status));
    } else if (s->conn) {
      uv_tcp_nodelay(&s->conn->h.tcp, 1);
      if (note_addresses(vm, s)) (void)!u->api->resolve(vm, future, TINY_NONE);
    }
  }
  tiny_ref_free(vm, &q->future);
  tiny_ref_free(vm, &q->stream);
  tiny_alloc(vm, q, sizeof *q, 0);
}
static void on_connect(uv_connect_t *req, int status) { connect_done((ConnectReq *)req, status); }

static tiny_val future_and_stream(tiny_vm *vm, tiny_val future, tiny_val stream) {
  tiny_val v[2] = {future, stream};
  return tiny_pending(vm) ? TINY_FAIL : tiny_tuple(vm, 2, v);
}

/* The stream s connects to a path: no need to wait. */
static tiny_val connect_path(tiny_vm *vm, UvLoop *u, tiny_val future, Stream *s, const SockAddr *sa) {
  int fd = connected_socket(sa), r = fd < 0 ? fd : uv_pipe_open(&s->conn->h.pipe, fd);
  if (r == 0 && note_addresses(vm, s)) return u->api->resolve(vm, future, TINY_NONE) ? future_and_stream(vm, future, s->self) : TINY_FAIL;
  tiny_val self = s->self;
  stream_give_up(vm, s);
  if (r == 0) return TINY_FAIL;
  if (fd >= 0) close(fd);
  return u->api->reject(vm, future, uv_exception(vm, r)) ? future_and_stream(vm, future, self) : TINY_FAIL;
}

/* connect(loop, host, port, scope) -> (Future, Stream): the stream is connected when the future is done without an exception. */
tiny_val uv_m_connect(tiny_vm *vm, tiny_args *a) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  if (!u) return TINY_FAIL;
  int port = (int)tiny_arg_int(a, 2);
  SockAddr sa;
  Stream *s;
  if (!address_of(vm, tiny_arg(a, 1), port, tiny_arg_int(a, 3), &sa)) return TINY_FAIL;
  tiny_val future = u->api->new_future(vm, tiny_arg(a, 0)), self = tiny_failed(future) ? TINY_FAIL : stream_new(vm, u, tiny_arg(a, 0), port < 0 ? STREAM_UNIX : STREAM_TCP, &s);
  if (tiny_failed(self)) return self;
  if (port < 0) return connect_path(vm, u, future, s, &sa);
  ConnectReq *q = tiny_alloc(vm, NULL, 0, sizeof *q);
  if (!q) return tiny_no_memory(vm);
  memset(q, 0, sizeof *q);
  q->u = u;
  if (!tiny_ref_new(vm, future, &q->future) || !tiny_ref_new(vm, self, &q->stream)) {
    tiny_ref_free(vm, &q->future);
    tiny_alloc(vm, q, sizeof *q, 0);
    return TINY_FAIL;
  }
  int r = uv_tcp_connect(&q->req, &s->conn->h.tcp, &sa.a.any, on_connect);
  if (r < 0) connect_done(q, r);
  return future_and_stream(vm, future, self);
}

/* ---- names */

typedef struct InfoReq { uv_getaddrinfo_t req; UvLoop *u; /* NULL: nobody waits, and the VM may be gone */ struct InfoReq *next; tiny_ref future; } InfoReq;

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
      {UV_EAI_SOCKTYPE, EAI_SOCKTYPE}, {UV_EAI_BADFLAGS, EAI_BADFLAGS}, {UV_EAI_MEMORY, EAI_MEMORY},
      {UV_EAI_ADDRFAMILY, EAI_ADDRFAMILY}, {UV_EAI_NODATA, EAI_NODATA}, {UV_EAI_OVERFLOW, EAI_OVERFLOW}};
  int code = 0;
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (codes[i].uv == status) code = codes[i].eai;
  if (!code) return uv_exception(vm, status);
  tiny_val args[2] = {tiny_int(vm, code), tiny_string(vm, gai_strerror(code))};
  return tiny_call_method(vm, tiny_import(vm, "asyncio._connect"), "_gaierror", 2, args);
}

static void on_info(uv_getaddrinfo_t *req, int status, struct addrinfo *res) {
  InfoReq *q = (InfoReq *)req;
  UvLoop *u = q->u;
  if (u) {
    tiny_vm *vm = u->vm;
    tiny_val future = tiny_ref_get(vm, q->future), v = status < 0 ? info_error(vm, status) : info_list(vm, res);
    if (!tiny_failed(v)) (void)!(status < 0 ? u->api->reject(vm, future, v) : u->api->resolve(vm, future, v));
    tiny_ref_free(vm, &q->future);
    InfoReq **link = &u->infos;
    while (*link != q) link = &(*link)->next;
    *link = q->next;
  }
  uv_freeaddrinfo(res);
  free(q);
}

void uv_forget_infos(UvLoop *u) {
  for (InfoReq *q = u->infos; q; q = q->next) {
    q->u = NULL;
    tiny_ref_free(u->vm, &q->future);
    (void)uv_cancel((uv_req_t *)&q->req); /* what no thread has begun ends at once */
  }
  u->infos = NULL;
}

/* numeric(host): the family of a numeric address; 0: it is none */
tiny_val uv_m_numeric(tiny_vm *vm, tiny_args *a) {
  unsigned char packed[16];
  size_t n;
  const char *host = tiny_arg_str(a, 0, &n);
  if (strlen(host) != n) return tiny_raise(vm, TINY_VALUE_ERROR, "embedded null character");
  return tiny_int(vm, uv_inet_pton(AF_INET, host, packed) == 0 ? AF_INET : uv_inet_pton(AF_INET6, host, packed) == 0 ? AF_INET6 : 0);
}

/* getaddrinfo(loop, host or None, port: int, str or None, family, type, flags) -> Future of a list as socket.getaddrinfo makes it */
tiny_val uv_m_getaddrinfo(tiny_vm *vm, tiny_args *a) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  if (!u) return TINY_FAIL;
  const char *host = NULL, *port = NULL;
  if (!tiny_is_none(tiny_arg(a, 1)) && (!(host = tiny_to_str(vm, tiny_arg(a, 1), NULL)) || !sock_check_host(vm, host))) return TINY_FAIL;
  if (!tiny_is_none(tiny_arg(a, 2)) && !(port = tiny_to_str(vm, tiny_str(vm, tiny_arg(a, 2)), NULL))) return TINY_FAIL;
  struct addrinfo hints;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = (int)tiny_arg_int(a, 3);
  hints.ai_socktype = (int)tiny_arg_int(a, 4);
  hints.ai_flags = (int)tiny_arg_int(a, 5);
  tiny_val future = u->api->new_future(vm, tiny_arg(a, 0));
  InfoReq *q = tiny_failed(future) ? NULL : calloc(1, sizeof *q);
  if (!q) return tiny_failed(future) ? TINY_FAIL : tiny_no_memory(vm);
  q->u = u;
  int r = 0;
  if (tiny_ref_new(vm, future, &q->future) && (r = uv_getaddrinfo(u->loop, &q->req, on_info, host, port, &hints)) == 0) {
    q->next = u->infos;
    u->infos = q;
    return future;
  }
  tiny_ref_free(vm, &q->future);
  free(q);
  return r < 0 ? uv_raise(vm, r) : TINY_FAIL;
}
