/* _socket: sockets of POSIX, as far as stdlib/socket.tiny and the event loop's sock_* methods use them. A call that has to wait does so in poll(2), in slices, so
 * that interrupts and deadlines are seen; names are looked up by getaddrinfo(3), which blocks (the event loop has its own look-up in libuv's pool). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "stdlib/full/socket.h"

extern const tiny_class sock_class;

static double now(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static tiny_val os_error(tiny_vm *vm) { return tiny_raise_os(vm, errno, NULL); }

/* Until fd is ready for events: timeout < 0: forever, 0: does not wait. False: exception pending. */
static bool wait_ready(tiny_vm *vm, const Sock *s, short events) {
  if (s->timeout == 0) return true;
  double end = s->timeout > 0 ? now() + s->timeout : 0;
  for (;;) {
    double left = s->timeout > 0 ? end - now() : 1;
    if (left <= 0 && s->timeout > 0) return (void)tiny_raise(vm, TINY_TIMEOUT_ERROR, "timed out"), false;
    struct pollfd p = {s->fd, events, 0};
    int r = poll(&p, 1, left > 0.05 ? 50 : (int)(left * 1000) + 1);
    if (r > 0) return true;
    if (r < 0 && errno != EINTR) return (void)os_error(vm), false;
    if (!tiny_poll_signals(vm)) return false;
    if (s->fd < 0) return errno = EBADF, (void)os_error(vm), false; /* a handler has closed it */
  }
}

/* Makes the call until it did not say "would block" (or does not wait). */
#define SOCK_CALL(vm, s, events, result, call) \
  for (;;) { \
    if (!wait_ready(vm, s, events)) return TINY_FAIL; \
    (result) = (call); \
    if ((result) >= 0) break; \
    if (errno == EINTR || (errno == EAGAIN && (s)->timeout != 0)) continue; \
    return os_error(vm); \
  }

/* ---- making and closing */

#define SELF(name) Sock *name = tiny_data(vm, tiny_arg(a, 0), &sock_class); if (!name) return tiny_raise(vm, TINY_TYPE_ERROR, "a socket is required")

static int option(int fd, int name, int fallback) {
  int v;
  socklen_t n = sizeof v;
  return getsockopt(fd, SOL_SOCKET, name, &v, &n) == 0 ? v : fallback;
}

static tiny_val m_init(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  int family = (int)tiny_arg_int(a, 1), type = (int)tiny_arg_int(a, 2), proto = (int)tiny_arg_int(a, 3);
  s->fd = -1;
  s->timeout = -1;
  if (!tiny_is_none(tiny_arg(a, 4))) {
    int64_t fd;
    if (!tiny_to_int(vm, tiny_arg(a, 4), &fd)) return TINY_FAIL;
    if (fd < 0) return tiny_raise(vm, TINY_VALUE_ERROR, "negative file descriptor");
    struct sockaddr_storage sa;
    socklen_t n = sizeof sa;
    if (getsockname((int)fd, (struct sockaddr *)&sa, &n) < 0) return os_error(vm);
    s->fd = (int)fd;
    s->family = family >= 0 ? family : sa.ss_family;
    s->type = type >= 0 ? type : option(s->fd, SO_TYPE, SOCK_STREAM);
    s->proto = proto >= 0 ? proto : option(s->fd, SO_PROTOCOL, 0);
    if (fcntl(s->fd, F_GETFL) & O_NONBLOCK) s->timeout = 0;
    return TINY_NONE;
  }
  s->family = family < 0 ? AF_INET : family;
  s->type = type < 0 ? SOCK_STREAM : type;
  s->proto = proto < 0 ? 0 : proto;
  s->fd = socket(s->family, s->type | SOCK_CLOEXEC, s->proto);
  if (s->fd < 0) return os_error(vm);
  if (s->type & SOCK_NONBLOCK) s->timeout = 0;
  s->type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  return TINY_NONE;
}

static void sock_destroy(tiny_vm *vm, void *data) {
  Sock *s = data;
  (void)vm;
  if (s->made && s->fd >= 0) close(s->fd);
  s->fd = -1;
}
static tiny_val m_init_made(tiny_vm *vm, tiny_args *a) {
  tiny_val r = m_init(vm, a);
  Sock *s = tiny_data(vm, tiny_arg(a, 0), &sock_class);
  if (s) s->made = true;
  return r;
}
static tiny_val m_close(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  int fd = s->fd;
  s->fd = -1;
  return fd >= 0 && close(fd) < 0 && errno != ECONNRESET ? os_error(vm) : TINY_NONE;
}
static tiny_val m_detach(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  int fd = s->fd;
  s->fd = -1;
  return tiny_int(vm, fd);
}
static tiny_val m_fileno(tiny_vm *vm, tiny_args *a) { SELF(s); return tiny_int(vm, s->made ? s->fd : -1); }
static tiny_val g_family(tiny_vm *vm, tiny_args *a) { SELF(s); return tiny_int(vm, s->family); }
static tiny_val g_type(tiny_vm *vm, tiny_args *a) { SELF(s); return tiny_int(vm, s->type); }
static tiny_val g_proto(tiny_vm *vm, tiny_args *a) { SELF(s); return tiny_int(vm, s->proto); }

/* ---- addresses of calls */

static tiny_val m_bind(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  SockAddr sa;
  if (!sock_parse(vm, s->family, tiny_arg(a, 1), "bind", &sa)) return TINY_FAIL;
  return bind(s->fd, &sa.a.any, sa.len) < 0 ? os_error(vm) : TINY_NONE;
}
static tiny_val m_listen(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  int64_t n = tiny_arg_int(a, 1);
  return listen(s->fd, n < 0 ? 0 : n > 65535 ? 65535 : (int)n) < 0 ? os_error(vm) : TINY_NONE;
}
static tiny_val m_accept(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  SockAddr sa;
  int fd;
  SOCK_CALL(vm, s, POLLIN, fd, (sa.len = sizeof sa.a, accept4(s->fd, &sa.a.any, &sa.len, SOCK_CLOEXEC)));
  tiny_val v[2] = {tiny_int(vm, fd), sock_address(vm, &sa)}, pair = tiny_failed(v[1]) ? v[1] : tiny_tuple(vm, 2, v);
  if (tiny_failed(pair)) close(fd);
  return pair;
}

/* 0 or errno; -1: exception pending */
static int do_connect(tiny_vm *vm, Sock *s, const SockAddr *sa) {
  int flags = fcntl(s->fd, F_GETFL);
  if (s->timeout < 0) fcntl(s->fd, F_SETFL, flags | O_NONBLOCK); /* waits in wait_ready, not in connect(2) */
  int r = connect(s->fd, &sa->a.any, sa->len) < 0 ? errno : 0;
  if ((r == EINPROGRESS || r == EINTR) && s->timeout != 0) r = !wait_ready(vm, s, POLLOUT) ? -1 : option(s->fd, SO_ERROR, 0);
  if (s->timeout < 0) fcntl(s->fd, F_SETFL, flags);
  return r;
}
static tiny_val m_connect(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  SockAddr sa;
  if (!sock_parse(vm, s->family, tiny_arg(a, 1), "connect", &sa)) return TINY_FAIL;
  int r = do_connect(vm, s, &sa);
  return r < 0 ? TINY_FAIL : r > 0 ? tiny_raise_os(vm, r, NULL) : TINY_NONE;
}
static tiny_val m_connect_ex(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  SockAddr sa;
  if (!sock_parse(vm, s->family, tiny_arg(a, 1), "connect_ex", &sa)) return TINY_FAIL;
  int r = do_connect(vm, s, &sa);
  return r < 0 ? TINY_FAIL : tiny_int(vm, r);
}
static tiny_val name_of(tiny_vm *vm, int fd, int (*get)(int, struct sockaddr *, socklen_t *)) {
  SockAddr sa;
  sa.len = sizeof sa.a;
  return get(fd, &sa.a.any, &sa.len) < 0 ? os_error(vm) : sock_address(vm, &sa);
}
static tiny_val m_getsockname(tiny_vm *vm, tiny_args *a) { SELF(s); return name_of(vm, s->fd, getsockname); }
static tiny_val m_getpeername(tiny_vm *vm, tiny_args *a) { SELF(s); return name_of(vm, s->fd, getpeername); }

/* ---- sending and receiving */

/* Bytes received, and where from if from is not NULL. */
static tiny_val receive(tiny_vm *vm, Sock *s, int64_t size, int flags, SockAddr *from) {
  if (size < 0) return tiny_raise(vm, TINY_VALUE_ERROR, "negative buffersize in recv");
  if (from) memset(from, 0, sizeof *from);
  if (size == 0 && s->type == SOCK_STREAM) return tiny_bytes(vm, "", 0);
  char small[65536], *buf = small;
  if (size > (int64_t)sizeof small && !(buf = tiny_alloc(vm, NULL, 0, (size_t)size))) return tiny_no_memory(vm);
  ssize_t n;
  tiny_val r = TINY_NONE;
  for (;;) {
    if (!wait_ready(vm, s, POLLIN)) {
      r = TINY_FAIL;
      break;
    }
    if (from) from->len = sizeof from->a;
    n = from ? recvfrom(s->fd, buf, (size_t)size, flags, &from->a.any, &from->len) : recv(s->fd, buf, (size_t)size, flags);
    if (n >= 0) break;
    if (errno == EINTR || (errno == EAGAIN && s->timeout != 0)) continue;
    r = os_error(vm);
    break;
  }
  if (!tiny_failed(r)) r = tiny_bytes(vm, n ? buf : "", (size_t)n);
  if (buf != small) tiny_alloc(vm, buf, (size_t)size, 0);
  return r;
}
static tiny_val m_recv(tiny_vm *vm, tiny_args *a) { SELF(s); return receive(vm, s, tiny_arg_int(a, 1), (int)tiny_arg_int(a, 2), NULL); }
static tiny_val m_recvfrom(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  SockAddr from;
  tiny_val v[2] = {receive(vm, s, tiny_arg_int(a, 1), (int)tiny_arg_int(a, 2), &from), TINY_NONE};
  if (tiny_failed(v[0])) return v[0];
  v[1] = sock_address(vm, &from);
  return tiny_failed(v[1]) ? v[1] : tiny_tuple(vm, 2, v);
}

/* The bytes of a bytes-like object; those of a memoryview or bytearray are copied, as a handler of signals may change them while the call waits. */
static const char *bytes_of(tiny_vm *vm, tiny_val v, size_t *n) {
  const char *type = tiny_type_name(vm, v);
  if (type && !strcmp(type, "memoryview")) v = tiny_call_method(vm, v, "tobytes", 0, NULL);
  else if (type && !strcmp(type, "bytearray")) v = tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "builtins"), "bytes"), 1, &v);
  if (tiny_failed(v)) return NULL;
  const char *data = tiny_to_bytes(vm, v, n);
  if (!data && tiny_pending_is(vm, TINY_TYPE_ERROR)) {
    tiny_clear_error(vm);
    (void)tiny_raise(vm, TINY_TYPE_ERROR, "a bytes-like object is required, not '%T'", v);
  }
  return data;
}
static tiny_val m_send(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  size_t n;
  ssize_t r;
  const char *data = bytes_of(vm, tiny_arg(a, 1), &n);
  if (!data) return TINY_FAIL;
  SOCK_CALL(vm, s, POLLOUT, r, send(s->fd, data, n, (int)tiny_arg_int(a, 2) | MSG_NOSIGNAL));
  return tiny_int(vm, r);
}
static tiny_val m_sendall(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  size_t n;
  const char *data = bytes_of(vm, tiny_arg(a, 1), &n);
  if (!data) return TINY_FAIL;
  while (n) {
    ssize_t r;
    SOCK_CALL(vm, s, POLLOUT, r, send(s->fd, data, n, (int)tiny_arg_int(a, 2) | MSG_NOSIGNAL));
    data += r;
    n -= (size_t)r;
  }
  return TINY_NONE;
}
/* sendto(data, address) or sendto(data, flags, address) */
static tiny_val m_sendto(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  size_t n;
  ssize_t r;
  SockAddr sa;
  int64_t flags = 0;
  bool three = !tiny_is_absent(tiny_arg(a, 3));
  const char *data = bytes_of(vm, tiny_arg(a, 1), &n);
  if (!data || (three && !tiny_to_int(vm, tiny_arg(a, 2), &flags))) return TINY_FAIL;
  if (!sock_parse(vm, s->family, tiny_arg(a, three ? 3 : 2), "sendto", &sa)) return TINY_FAIL;
  SOCK_CALL(vm, s, POLLOUT, r, sendto(s->fd, data, n, (int)flags | MSG_NOSIGNAL, &sa.a.any, sa.len));
  return tiny_int(vm, r);
}
static tiny_val m_shutdown(tiny_vm *vm, tiny_args *a) { SELF(s); return shutdown(s->fd, (int)tiny_arg_int(a, 1)) < 0 ? os_error(vm) : TINY_NONE; }

/* ---- options */

static bool set_nonblocking(tiny_vm *vm, Sock *s, bool on) {
  int flags = fcntl(s->fd, F_GETFL);
  if (flags < 0 || fcntl(s->fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0) return (void)os_error(vm), false;
  return true;
}
static tiny_val m_settimeout(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  double t = -1;
  if (!tiny_is_none(tiny_arg(a, 1))) {
    if (!tiny_to_float(vm, tiny_arg(a, 1), &t)) return TINY_FAIL;
    if (t < 0) return tiny_raise(vm, TINY_VALUE_ERROR, "Timeout value out of range");
  }
  if (!set_nonblocking(vm, s, t >= 0)) return TINY_FAIL;
  s->timeout = t;
  return TINY_NONE;
}
static tiny_val m_gettimeout(tiny_vm *vm, tiny_args *a) { SELF(s); return s->timeout < 0 ? TINY_NONE : tiny_float(vm, s->timeout); }
static tiny_val m_setblocking(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  int on = tiny_truth(vm, tiny_arg(a, 1));
  if (on < 0 || !set_nonblocking(vm, s, !on)) return TINY_FAIL;
  s->timeout = on ? -1 : 0;
  return TINY_NONE;
}
static tiny_val m_getblocking(tiny_vm *vm, tiny_args *a) { SELF(s); (void)vm; return tiny_bool(s->timeout != 0); }
static tiny_val m_setsockopt(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  int64_t v;
  int flag;
  size_t n;
  const void *data = &flag;
  if (tiny_kind_of(vm, tiny_arg(a, 3)) == TINY_T_INT || tiny_kind_of(vm, tiny_arg(a, 3)) == TINY_T_BOOL) {
    if (!tiny_to_int(vm, tiny_arg(a, 3), &v)) return TINY_FAIL;
    flag = (int)v;
    n = sizeof flag;
  } else if (!(data = bytes_of(vm, tiny_arg(a, 3), &n))) {
    return TINY_FAIL;
  }
  return setsockopt(s->fd, (int)tiny_arg_int(a, 1), (int)tiny_arg_int(a, 2), data, (socklen_t)n) < 0 ? os_error(vm) : TINY_NONE;
}
static tiny_val m_getsockopt(tiny_vm *vm, tiny_args *a) {
  SELF(s);
  int64_t size = tiny_arg_int(a, 3);
  char buf[1024];
  if (size < 0 || size > (int64_t)sizeof buf) return tiny_raise(vm, TINY_OS_ERROR, "getsockopt buflen out of range");
  int flag = 0;
  socklen_t n = size ? (socklen_t)size : sizeof flag;
  if (getsockopt(s->fd, (int)tiny_arg_int(a, 1), (int)tiny_arg_int(a, 2), size ? (void *)buf : (void *)&flag, &n) < 0) return os_error(vm);
  return size ? tiny_bytes(vm, buf, n) : tiny_int(vm, flag);
}

static const tiny_def methods[] = {{"__init__", m_init_made, "(self, family: int=-1, type: int=-1, proto: int=-1, fileno=None)", NULL}, {"close", m_close, "(self, /)", NULL},
    {"detach", m_detach, "(self, /)", NULL}, {"fileno", m_fileno, "(self, /)", NULL}, {"@family", g_family, "(self, /)", NULL}, {"@type", g_type, "(self, /)", NULL},
    {"@proto", g_proto, "(self, /)", NULL}, {"bind", m_bind, "(self, address, /)", NULL}, {"listen", m_listen, "(self, backlog: int=128, /)", NULL}, {"_accept", m_accept, "(self, /)", NULL},
    {"connect", m_connect, "(self, address, /)", NULL}, {"connect_ex", m_connect_ex, "(self, address, /)", NULL}, {"getsockname", m_getsockname, "(self, /)", NULL},
    {"getpeername", m_getpeername, "(self, /)", NULL}, {"recv", m_recv, "(self, bufsize: int, flags: int=0, /)", NULL}, {"recvfrom", m_recvfrom, "(self, bufsize: int, flags: int=0, /)", NULL},
    {"send", m_send, "(self, data, flags: int=0, /)", NULL}, {"sendall", m_sendall, "(self, data, flags: int=0, /)", NULL}, {"sendto", m_sendto, "(self, data, flags, address=..., /)", NULL},
    {"shutdown", m_shutdown, "(self, how: int, /)", NULL}, {"settimeout", m_settimeout, "(self, value, /)", NULL}, {"gettimeout", m_gettimeout, "(self, /)", NULL}, {"@timeout", m_gettimeout, "(self, /)", NULL},
    {"setblocking", m_setblocking, "(self, flag, /)", NULL}, {"getblocking", m_getblocking, "(self, /)", NULL}, {"setsockopt", m_setsockopt, "(self, level: int, option: int, value, /)", NULL},
    {"getsockopt", m_getsockopt, "(self, level: int, option: int, buflen: int=0, /)", NULL}, {0}};
const tiny_class sock_class = {.name = "_socket.socket", .data_size = sizeof(Sock), .methods = methods, .destroy = sock_destroy, .flags = TINY_CLASS_DICT};

/* ---- module */

static tiny_val m_socketpair(tiny_vm *vm, tiny_args *a) {
  int fd[2];
  if (socketpair((int)tiny_arg_int(a, 0), (int)tiny_arg_int(a, 1) | SOCK_CLOEXEC, (int)tiny_arg_int(a, 2), fd) < 0) return os_error(vm);
  tiny_val v[2] = {tiny_int(vm, fd[0]), tiny_int(vm, fd[1])};
  return tiny_tuple(vm, 2, v);
}
static tiny_val m_dup(tiny_vm *vm, tiny_args *a) {
  int fd = fcntl((int)tiny_arg_int(a, 0), F_DUPFD_CLOEXEC, 0);
  return fd < 0 ? os_error(vm) : tiny_int(vm, fd);
}
static tiny_val m_close_fd(tiny_vm *vm, tiny_args *a) { return close((int)tiny_arg_int(a, 0)) < 0 ? os_error(vm) : TINY_NONE; }

static bool init(tiny_vm *vm, tiny_val module) {
  static const struct { const char *name; int value; } ints[] = {
#define C(x) {#x, x}
      C(AF_UNSPEC), C(AF_UNIX), C(AF_INET), C(AF_INET6), C(SOCK_STREAM), C(SOCK_DGRAM), C(SOCK_RAW), C(SOCK_SEQPACKET), C(SOCK_NONBLOCK), C(SOCK_CLOEXEC), C(SOL_SOCKET), C(SO_REUSEADDR), C(SO_REUSEPORT),
      C(SO_KEEPALIVE), C(SO_BROADCAST), C(SO_ERROR), C(SO_TYPE), C(SO_PROTOCOL), C(SO_DOMAIN), C(SO_SNDBUF), C(SO_RCVBUF), C(SO_LINGER), C(SO_ACCEPTCONN), C(SO_RCVTIMEO), C(SO_SNDTIMEO), C(SO_OOBINLINE), C(SO_PEERCRED), C(SOMAXCONN),
      C(IPPROTO_IP), C(IPPROTO_TCP), C(IPPROTO_UDP), C(IPPROTO_IPV6), C(IPPROTO_ICMP), C(TCP_NODELAY), C(TCP_KEEPIDLE), C(TCP_KEEPINTVL), C(TCP_KEEPCNT), C(TCP_MAXSEG), C(TCP_QUICKACK), C(TCP_USER_TIMEOUT),
      C(IPV6_V6ONLY), C(IPV6_UNICAST_HOPS), C(IPV6_MULTICAST_HOPS), C(IPV6_MULTICAST_LOOP), C(IPV6_JOIN_GROUP), C(IPV6_LEAVE_GROUP), C(IP_TTL), C(IP_TOS), C(IP_MULTICAST_TTL), C(IP_MULTICAST_LOOP), C(IP_ADD_MEMBERSHIP), C(IP_DROP_MEMBERSHIP), C(IP_MULTICAST_IF),
      C(SHUT_RD), C(SHUT_WR), C(SHUT_RDWR), C(MSG_PEEK), C(MSG_OOB), C(MSG_DONTWAIT), C(MSG_WAITALL), C(MSG_NOSIGNAL), C(MSG_TRUNC), C(MSG_DONTROUTE), C(MSG_CTRUNC), C(MSG_EOR),
      C(AI_PASSIVE), C(AI_CANONNAME), C(AI_NUMERICHOST), C(AI_NUMERICSERV), C(AI_ADDRCONFIG), C(AI_V4MAPPED), C(AI_ALL), C(NI_NUMERICHOST), C(NI_NUMERICSERV), C(NI_NAMEREQD), C(NI_DGRAM), C(NI_NOFQDN),
      C(EAI_AGAIN), C(EAI_BADFLAGS), C(EAI_FAIL), C(EAI_FAMILY), C(EAI_MEMORY), C(EAI_NONAME), C(EAI_SERVICE), C(EAI_SOCKTYPE), C(EAI_SYSTEM)};
#undef C
  for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
    if (!tiny_setattr(vm, module, ints[i].name, tiny_int(vm, ints[i].value))) return false;
  return tiny_setattr(vm, module, "has_ipv6", TINY_TRUE) && tiny_setattr(vm, module, "socket", tiny_class_of(vm, &sock_class));
}
static const tiny_def functions[] = {{"_socketpair", m_socketpair, "(family: int, type: int, proto: int, /)", NULL}, {"dup", m_dup, "(fd: int, /)", NULL}, {"close", m_close_fd, "(fd: int, /)", NULL},
    {"getaddrinfo", sock_m_getaddrinfo, "(host, port, family: int=0, type: int=0, proto: int=0, flags: int=0)", NULL}, {"getnameinfo", sock_m_getnameinfo, "(sockaddr, flags: int, /)", NULL},
    {"gethostname", sock_m_gethostname, "()", NULL}, {"inet_pton", sock_m_pton, "(family: int, address: str, /)", NULL}, {"inet_ntop", sock_m_ntop, "(family: int, packed: bytes, /)", NULL}, {0}};
const tiny_module socket_module = {.name = "_socket", .functions = functions, .init = init, .doc = "Sockets of POSIX."};
