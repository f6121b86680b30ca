/* needs: libuv
 * Children of the event loop (which subprocess starts): SIGCHLD says that some have ended, and each is asked. Whoever else waits for such a child takes its status away. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include "stdlib/full/aio_uv.h"

typedef struct Child Child;
struct Child {
  tiny_val self, loop, on_exit, context;
  UvLoop *u;               /* NULL: it has ended, or nobody watches it any more */
  Child *next, *before;    /* of the loop's list */
  int pid;
  tiny_ref keep;
};

static void child_trace(tiny_tracer *t, void *data) {
  Child *c = data;
  tiny_trace(t, c->loop);
  tiny_trace(t, c->on_exit);
  tiny_trace(t, c->context);
}

static void leave_list(Child *c) {
  UvLoop *u = c->u;
  if (!u) return;
  c->u = NULL;
  if (c->before) c->before->next = c->next;
  else u->children = c->next;
  if (c->next) c->next->before = c->before;
  if (!u->children) uv_signal_stop(&u->sigchld);
}
static void child_destroy(tiny_vm *vm, void *data) {
  (void)vm;
  leave_list(data);
}

/* Has it ended? The callback gets what returncode shows: the exit status, or minus the signal; 255: somebody else has waited for it. False: exception pending. */
static bool ask(Child *c) {
  UvLoop *u = c->u;
  int status;
  pid_t pid;
  do pid = waitpid(c->pid, &status, WNOHANG);
  while (pid < 0 && errno == EINTR);
  if (pid == 0) return true;
  tiny_val code = tiny_int(u->vm, pid < 0 ? 255 : WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status)), v[2] = {code, tiny_bool(pid < 0)};
  leave_list(c);
  bool ok = uv_schedule(u, c->loop, c->on_exit, 2, v, c->context);
  tiny_ref_free(u->vm, &c->keep);
  return ok;
}

/* A failure stays pending: the poller reports it. */
static void on_sigchld(uv_signal_t *h, int number) {
  UvLoop *u = h->data;
  (void)number;
  if (u->closing) return;
  for (Child *c = u->children, *next; c; c = next) {
    next = c->next;
    if (!ask(c)) return;
  }
}

/* watch_child(loop, pid, on_exit) -> Child: on_exit(returncode, lost) is called once it has ended, as long as it is not stop()ped. */
tiny_val uv_m_watch_child(tiny_vm *vm, tiny_args *a) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  void *data;
  tiny_val self = u ? tiny_instance(vm, &uv_child_class, &data) : TINY_FAIL, context = tiny_failed(self) ? TINY_FAIL : u->api->context(vm);
  if (tiny_failed(context)) return TINY_FAIL;
  Child *c = data;
  c->self = self;
  c->loop = tiny_arg(a, 0);
  c->on_exit = tiny_arg(a, 2);
  c->context = context;
  c->pid = (int)tiny_arg_int(a, 1);
  if (!u->sigchld.data) {
    int r = uv_signal_init(u->loop, &u->sigchld);
    if (r < 0) return uv_raise(vm, r);
    u->sigchld.data = u;
  }
  if (!u->children) {
    int r = uv_signal_start(&u->sigchld, on_sigchld, SIGCHLD);
    if (r < 0) return uv_raise(vm, r);
  }
  c->u = u;
  c->next = u->children;
  if (c->next) c->next->before = c;
  u->children = c;
  if (!tiny_ref_new(vm, self, &c->keep)) return TINY_FAIL;
  return ask(c) ? self : TINY_FAIL; /* it may have ended before SIGCHLD was watched */
}

void uv_children_free(UvLoop *u) {
  for (Child *c = u->children; c; c = c->next) c->u = NULL;
}

static tiny_val m_stop(tiny_vm *vm, tiny_args *a) {
  Child *c = tiny_arg_native(a, 0, &uv_child_class);
  leave_list(c);
  tiny_ref_free(vm, &c->keep);
  return TINY_NONE;
}
static const tiny_def methods[] = {{"stop", m_stop, "(self: Child, /)", NULL}, {0}};
const tiny_class uv_child_class = {.name = "Child", .data_size = sizeof(Child), .methods = methods, .trace = child_trace, .destroy = child_destroy, .flags = TINY_CLASS_NO_NEW};
