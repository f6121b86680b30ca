/* Sockets: what the files of _socket share. */
#ifndef TINY_STDLIB_FULL_SOCKET_H
#define TINY_STDLIB_FULL_SOCKET_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "include/tiny.h"

typedef struct Sock {
  int fd;                  /* -1: closed */
  int family, type, proto;
  double timeout;          /* < 0: waits for ever, 0: never */
  bool made;               /* __init__ has run: fd is ours */
} Sock;

typedef struct SockAddr {
  union { struct sockaddr any; struct sockaddr_in in; struct sockaddr_in6 in6; struct sockaddr_un un; struct sockaddr_storage all; } a;
  socklen_t len;
} SockAddr;

bool sock_parse(tiny_vm *vm, int family, tiny_val address, const char *method, SockAddr *out); /* false: exception pending */
tiny_val sock_address(tiny_vm *vm, const SockAddr *sa);                                        /* as Python shows it */
bool sock_check_host(tiny_vm *vm, const char *host);                                            /* false: exception pending */
tiny_val sock_m_getaddrinfo(tiny_vm *vm, tiny_args *a);
tiny_val sock_m_getnameinfo(tiny_vm *vm, tiny_args *a);
tiny_val sock_m_gethostname(tiny_vm *vm, tiny_args *a);
tiny_val sock_m_pton(tiny_vm *vm, tiny_args *a);
tiny_val sock_m_ntop(tiny_vm *vm, tiny_args *a);
#endif
