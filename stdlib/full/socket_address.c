/* Addresses of sockets between Python's tuples and the system's structures, and names. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include "stdlib/full/socket.h"

static bool raise_gai(tiny_vm *vm, int code) {
  tiny_val args[2] = {tiny_int(vm, code), tiny_string(vm, gai_strerror(code))};
  tiny_val exc = code == EAI_SYSTEM ? TINY_FAIL : tiny_call_method(vm, tiny_import(vm, "socket"), "gaierror", 2, args);
  if (code == EAI_SYSTEM) return (void)tiny_raise_os(vm, errno, NULL), false;
  if (!tiny_failed(exc)) (void)tiny_raise_value(vm, exc);
  return false;
}

/* A host's first address of the family; "" is any address. */
static bool resolve(tiny_vm *vm, int family, const char *host, SockAddr *out) {
  struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM}, *found;
  if (!host[0]) hints.ai_flags = AI_PASSIVE;
  int r = getaddrinfo(host[0] ? host : NULL, host[0] ? NULL : "0", &hints, &found);
  if (r) return raise_gai(vm, r);
  memcpy(&out->a, found->ai_addr, found->ai_addrlen);
  out->len = found->ai_addrlen;
  freeaddrinfo(found);
  return true;
}

static bool parse_inet(tiny_vm *vm, int family, tiny_val address, const char *method, SockAddr *out) {
  int n = tiny_kind_of(vm, address) == TINY_T_TUPLE ? tiny_seq_len(address) : -1;
  const char *af = family == AF_INET ? "AF_INET" : "AF_INET6";
  if (n < 0) return (void)tiny_raise(vm, TINY_TYPE_ERROR, "%s(): %s address must be tuple, not %T", method, af, address), false;
  if (n < 2 || n > (family == AF_INET ? 2 : 4))
    return (void)tiny_raise(vm, TINY_TYPE_ERROR, family == AF_INET ? "AF_INET address must be a pair (host, port)" : "AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])"), false;
  tiny_val h = tiny_seq_item(address, 0);
  size_t len;
  const char *host = tiny_kind_of(vm, h) == TINY_T_BYTES ? tiny_to_bytes(vm, h, &len) : tiny_is_none(h) ? "" : tiny_to_str(vm, h, NULL);
  int64_t port, more[2] = {0, 0};
  if (!host || !tiny_to_int(vm, tiny_seq_item(address, 1), &port)) return false;
  for (int i = 2; i < n; i++)
    if (!tiny_to_int(vm, tiny_seq_item(address, i), &more[i - 2])) return false;
  if (port < 0 || port > 65535) return (void)tiny_raise(vm, TINY_OVERFLOW_ERROR, "%s(): port must be 0-65535.", method), false;
  memset(out, 0, sizeof *out);
  if (family == AF_INET) {
    out->a.in.sin_family = AF_INET;
    out->len = sizeof out->a.in;
    if (!strcmp(host, "<broadcast>")) out->a.in.sin_addr.s_addr = INADDR_BROADCAST;
    else if (inet_pton(AF_INET, host, &out->a.in.sin_addr) != 1 && !resolve(vm, AF_INET, host, out)) return false;
    out->a.in.sin_port = htons((uint16_t)port);
  } else {
    out->a.in6.sin6_family = AF_INET6;
    out->len = sizeof out->a.in6;
    if (inet_pton(AF_INET6, host, &out->a.in6.sin6_addr) != 1 && !resolve(vm, AF_INET6, host, out)) return false;
    out->a.in6.sin6_port = htons((uint16_t)port);
    out->a.in6.sin6_flowinfo = htonl((uint32_t)more[0]);
    if (n > 3) out->a.in6.sin6_scope_id = (uint32_t)more[1];
  }
  return true;
}

static bool parse_unix(tiny_vm *vm, tiny_val address, SockAddr *out) {
  size_t n;
  const char *path = tiny_kind_of(vm, address) == TINY_T_STR ? tiny_to_str(vm, address, &n) : tiny_to_bytes(vm, address, &n);
  if (!path) return false;
  if (n >= sizeof out->a.un.sun_path) return (void)tiny_raise(vm, TINY_OS_ERROR, "AF_UNIX path too long"), false;
  memset(out, 0, sizeof *out);
  out->a.un.sun_family = AF_UNIX;
  memcpy(out->a.un.sun_path, path, n);
  out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (n && path[0] ? 1 : 0)); /* an abstract name (Linux) has no end mark */
  return true;
}

bool sock_parse(tiny_vm *vm, int family, tiny_val address, const char *method, SockAddr *out) {
  if (family == AF_UNIX) return parse_unix(vm, address, out);
  if (family == AF_INET || family == AF_INET6) return parse_inet(vm, family, address, method, out);
  (void)tiny_raise(vm, TINY_OS_ERROR, "%s(): bad family", method);
  return false;
}

tiny_val sock_address(tiny_vm *vm, const SockAddr *sa) {
  char text[64] = "";
  if (sa->len == 0) return TINY_NONE;
  if (sa->a.any.sa_family == AF_UNIX) {
    size_t n = sa->len > offsetof(struct sockaddr_un, sun_path) ? sa->len - offsetof(struct sockaddr_un, sun_path) : 0;
    if (n && sa->a.un.sun_path[0] == 0) return tiny_bytes(vm, sa->a.un.sun_path, n);
    return tiny_string_n(vm, sa->a.un.sun_path, strnlen(sa->a.un.sun_path, n));
  }
  if (sa->a.any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &sa->a.in6.sin6_addr, text, sizeof text);
    tiny_val v[4] = {tiny_string(vm, text), tiny_int(vm, ntohs(sa->a.in6.sin6_port)), tiny_int(vm, ntohl(sa->a.in6.sin6_flowinfo)), tiny_int(vm, sa->a.in6.sin6_scope_id)};
    return tiny_tuple(vm, 4, v);
  }
  if (sa->a.any.sa_family != AF_INET) return TINY_NONE;
  inet_ntop(AF_INET, &sa->a.in.sin_addr, text, sizeof text);
  tiny_val v[2] = {tiny_string(vm, text), tiny_int(vm, ntohs(sa->a.in.sin_port))};
  return tiny_tuple(vm, 2, v);
}

/* ---- names */

static bool text_or_none(tiny_vm *vm, tiny_val v, const char **out) {
  size_t n;
  *out = NULL;
  if (tiny_is_none(v)) return true;
  if (tiny_kind_of(vm, v) == TINY_T_BYTES) *out = tiny_to_bytes(vm, v, &n);
  else if (tiny_kind_of(vm, v) == TINY_T_INT) *out = tiny_to_str(vm, tiny_str(vm, v), NULL);
  else *out = tiny_to_str(vm, v, NULL);
  return *out != NULL;
}

/* Labels of a name (RFC 3490): 1 to 63 bytes, the last one may be empty. Of others than ASCII the system takes care. False: UnicodeError. */
bool sock_check_host(tiny_vm *vm, const char *host) {
  for (const char *p = host; *p; p++)
    if (*p & 0x80) return true;
  for (const char *label = host;;) {
    size_t n = strcspn(label, ".");
    bool last = !label[n];
    if (n > 63 || (!last && n == 0))
      return (void)tiny_raise(vm, TINY_UNICODE_ERROR, "encoding with 'idna' codec failed (UnicodeError: label %s)", last ? "too long" : "empty or too long"), false;
    if (last) return true;
    label += n + 1;
  }
}

tiny_val sock_m_getaddrinfo(tiny_vm *vm, tiny_args *a) {
  const char *host, *port;
  if (tiny_kind_of(vm, tiny_arg(a, 0)) == TINY_T_INT) return tiny_raise(vm, TINY_TYPE_ERROR, "getaddrinfo() argument 1 must be string or None");
  if (!text_or_none(vm, tiny_arg(a, 0), &host) || !text_or_none(vm, tiny_arg(a, 1), &port)) return TINY_FAIL;
  struct addrinfo hints = {.ai_family = (int)tiny_arg_int(a, 2), .ai_socktype = (int)tiny_arg_int(a, 3), .ai_protocol = (int)tiny_arg_int(a, 4), .ai_flags = (int)tiny_arg_int(a, 5)}, *found;
  if (host && !sock_check_host(vm, host)) return TINY_FAIL;
  int r = getaddrinfo(host, port, &hints, &found);
  if (r) return raise_gai(vm, r), TINY_FAIL;
  tiny_val list = tiny_list(vm, 0, NULL);
  for (struct addrinfo *ai = found; ai && !tiny_failed(list); ai = ai->ai_next) {
    SockAddr sa;
    memcpy(&sa.a, ai->ai_addr, ai->ai_addrlen);
    sa.len = ai->ai_addrlen;
    tiny_val v[5] = {tiny_int(vm, ai->ai_family), tiny_int(vm, ai->ai_socktype), tiny_int(vm, ai->ai_protocol), tiny_string(vm, ai->ai_canonname ? ai->ai_canonname : ""), sock_address(vm, &sa)};
    tiny_val row = tiny_tuple(vm, 5, v);
    if (tiny_failed(row) || !tiny_list_append(vm, list, row)) list = TINY_FAIL;
  }
  freeaddrinfo(found);
  return list;
}

tiny_val sock_m_getnameinfo(tiny_vm *vm, tiny_args *a) {
  SockAddr sa;
  char host[NI_MAXHOST], port[NI_MAXSERV];
  tiny_val address = tiny_arg(a, 0);
  const char *text = tiny_seq_len(address) > 0 ? tiny_to_str(vm, tiny_seq_item(address, 0), NULL) : NULL;
  if (!text) return tiny_pending(vm) ? TINY_FAIL : tiny_raise(vm, TINY_TYPE_ERROR, "getnameinfo() argument 1 must be a tuple");
  if (!sock_parse(vm, strchr(text, ':') ? AF_INET6 : AF_INET, address, "getnameinfo", &sa)) return TINY_FAIL;
  int r = getnameinfo(&sa.a.any, sa.len, host, sizeof host, port, sizeof port, (int)tiny_arg_int(a, 1));
  if (r) return raise_gai(vm, r), TINY_FAIL;
  tiny_val v[2] = {tiny_string(vm, host), tiny_string(vm, port)};
  return tiny_tuple(vm, 2, v);
}

tiny_val sock_m_gethostname(tiny_vm *vm, tiny_args *a) {
  char name[256];
  (void)a;
  return gethostname(name, sizeof name) < 0 ? tiny_raise_os(vm, errno, NULL) : tiny_string(vm, name);
}

tiny_val sock_m_pton(tiny_vm *vm, tiny_args *a) {
  unsigned char packed[16];
  int family = (int)tiny_arg_int(a, 0), r = inet_pton(family, tiny_arg_str(a, 1, NULL), packed);
  if (r < 0) return tiny_raise_os(vm, errno, NULL);
  return r == 0 ? tiny_raise(vm, TINY_OS_ERROR, "illegal IP address string passed to inet_pton") : tiny_bytes(vm, packed, family == AF_INET ? 4 : 16);
}

tiny_val sock_m_ntop(tiny_vm *vm, tiny_args *a) {
  size_t n;
  char text[64];
  int family = (int)tiny_arg_int(a, 0);
  const void *packed = tiny_to_bytes(vm, tiny_arg(a, 1), &n);
  if (!packed) return TINY_FAIL;
  if (family != AF_INET && family != AF_INET6) return tiny_raise(vm, TINY_VALUE_ERROR, "unknown address family %d", family);
  if (n != (family == AF_INET ? 4 : 16)) return tiny_raise(vm, TINY_VALUE_ERROR, "invalid length of packed IP address string");
  return tiny_string(vm, inet_ntop(family, packed, text, sizeof text));
}
