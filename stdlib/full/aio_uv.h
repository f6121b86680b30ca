/* The event loop's outside by libuv: what the files of this directory share. A libuv handle lives in memory of its own (Conn) until libuv gives it back,
 * which may be later than the script's object (Stream, Watcher) that it belongs to: each knows the other and forgets it when one goes. */
#ifndef TINY_STDLIB_FULL_AIO_UV_H
#define TINY_STDLIB_FULL_AIO_UV_H
#include <signal.h>
#include <uv.h>
#include "include/tiny.h"
#include "stdlib/aio.h"

typedef struct UvLoop {
  uv_loop_t *loop;         /* malloc's: it may outlive the VM, see uv_give_up */
  struct InfoReq *infos;   /* lookups of names that are under way */
  uv_timer_t timer;        /* ends a wait; our timers stay in the scheduler's heap */
  uv_poll_t wake;          /* tiny_interrupt ends a wait */
  int wake_fd;
  uv_poll_t watched;       /* the epoll set of the script's descriptors; inactive while there are none */
  int watch_fd;            /* that set; -1: not made yet */
  struct Watcher **watchers; /* by descriptor */
  size_t cap_watchers, n_watched;
  struct Stream **streams; /* by descriptor: the open ones */
  size_t cap_streams;
  struct Stream **asked;   /* streams that libuv will register with the system when it waits next; NULL: gone meanwhile */
  size_t n_asked, cap_asked;
  uv_signal_t sigchld;     /* data NULL: not made yet; active while there are children */
  struct Child *children;
  tiny_vm *vm;
  const AioApi *api;
  size_t n_writes;         /* that libuv has not ended: it may write at any turn */
  bool sigpipe;            /* the host does not ignore it */
  bool closing;            /* the VM or the loop goes away: callbacks do nothing */
  struct Stream *corked;   /* what it wrote last stands in cork and is sent when its reader is empty, with the next turn at the latest */
  size_t cork_len;
  char cork[16384];
  char buf[256 << 10];     /* what a read fills; consumed at once. As much as CPython reads: a protocol gets one piece in a turn and can pause before the next one */
} UvLoop;

typedef struct Stream Stream;
typedef struct Conn Conn;
struct Conn {
  union { uv_handle_t handle; uv_stream_t stream; uv_tcp_t tcp; uv_pipe_t pipe; uv_poll_t poll; uv_signal_t sig; } h; /* must be first */
  UvLoop *u;
  void *owner;             /* Stream or Watcher; NULL: it is gone */
  Conn **back;             /* the owner's pointer to this, cleared when libuv has closed the handle */
};

typedef enum { STREAM_TCP, STREAM_UNIX, STREAM_READS /* the end of a pipe */, STREAM_WRITES } StreamKind;

struct Stream {
  tiny_val self, loop, reader, on_data, on_eof, on_lost, protocol, extra, drainers;
  tiny_val context;        /* in which its callbacks run: that of who made it */
  Conn *conn;
  Conn *listener;          /* of a listening one: watches its descriptor */
  int backlog;
  size_t high, low;
  size_t expect;           /* room for the next read: more than the last one brought */
  tiny_ref keep;           /* an open stream keeps itself alive */
  int fd;                  /* its number, also when it is closed; -1: never had one */
  size_t asked;            /* place in the loop's list of that name + 1; 0: not in it */
  int late_writes;         /* after the connection was lost */
  bool closing, lost, paused, reading, eof_written, pipe, server, made;
  bool held;               /* pause_reading() */
  bool one_way;            /* the end of a pipe, for reading or for writing */
};

extern const tiny_class uv_stream_class, uv_watcher_class, uv_child_class;
/* libuv writes by write(2), which raises SIGPIPE when the other end has gone. In a host that does not ignore the signal it is blocked around what may write,
 * and taken away. */
typedef struct PipeGuard { sigset_t mask; bool on, was_pending; } PipeGuard;
void pipe_guard_begin(const UvLoop *u, PipeGuard *g);
void pipe_guard_end(PipeGuard *g);
UvLoop *uvloop_of(tiny_vm *vm, tiny_val loop);              /* attaches one if there is none; NULL: exception pending */
Conn *conn_new(UvLoop *u);                                   /* NULL: exception pending */
void conn_close(Conn *c);                                    /* frees it when libuv is done with it */
tiny_val uv_exception(tiny_vm *vm, int status);              /* an OSError instance */
tiny_val uv_raise(tiny_vm *vm, int status);
tiny_val stream_new(tiny_vm *vm, UvLoop *u, tiny_val loop, StreamKind kind, Stream **out);
tiny_val uv_address(tiny_vm *vm, const struct sockaddr *sa);
bool uv_schedule(UvLoop *u, tiny_val loop, tiny_val callback, int argc, const tiny_val *argv, tiny_val context); /* None: the current one */

bool uv_ask(UvLoop *u, Stream *s);                           /* libuv begins to watch its descriptor; false: exception pending */
void uv_check_asked(UvLoop *u);                              /* before libuv waits: those whose descriptor the script has closed end here */
bool uv_note_stream(UvLoop *u, Stream *s);                   /* its descriptor is a transport's from now on; false: exception pending */
void uv_forget_stream(UvLoop *u, Stream *s);
void uv_watches_free(UvLoop *u);
void uv_forget_infos(UvLoop *u);                 /* lookups of names go on without anybody waiting */
tiny_val uv_m_watch_fd(tiny_vm *vm, tiny_args *a);
tiny_val uv_m_watch_signal(tiny_vm *vm, tiny_args *a);
bool uv_uncork(UvLoop *u);                                   /* false: exception pending */
int uv_start_listening(UvLoop *u, Stream *s, int backlog);   /* 0 or an error of libuv */
void uv_stop_listening(Stream *s);
tiny_val uv_m_bind(tiny_vm *vm, tiny_args *a);
tiny_val uv_m_connect(tiny_vm *vm, tiny_args *a);
tiny_val uv_m_getaddrinfo(tiny_vm *vm, tiny_args *a);
tiny_val uv_m_numeric(tiny_vm *vm, tiny_args *a);
tiny_val uv_m_open(tiny_vm *vm, tiny_args *a);
tiny_val uv_m_watch_child(tiny_vm *vm, tiny_args *a);
void uv_children_free(UvLoop *u);
#endif
