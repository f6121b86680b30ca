/* needs: libuv
 * Child processes. Their pipes are descriptors that the caller made; here a child is started and its end reported. */
#include <string.h>
#include "stdlib/full/aio_uv.h"

typedef struct Process { tiny_val self, loop, on_exit; Conn *conn; tiny_ref keep; int pid; } Process;

static void process_trace(tiny_tracer *t, void *data) {
  Process *p = data;
  tiny_trace(t, p->loop);
  tiny_trace(t, p->on_exit);
}
static void process_destroy(tiny_vm *vm, void *data) {
  Process *p = data;
  (void)vm;
  if (!p->conn) return;
  p->conn->owner = NULL;
  conn_close(p->conn);
}

/* The callback gets what returncode shows: the exit status, or minus the signal. */
static void on_exit(uv_process_t *h, int64_t status, int term_signal) {
  Conn *c = (Conn *)h;
  Process *p = c->owner;
  UvLoop *u = c->u;
  if (p && !u->closing) {
    tiny_val code = tiny_int(u->vm, term_signal ? -term_signal : status);
    (void)!uv_schedule(u, p->loop, p->on_exit, 1, &code);
    c->owner = NULL;
    p->conn = NULL;
    tiny_ref_free(u->vm, &p->keep);
  }
  conn_close(c);
}

/* A list of str as NULL-terminated array; the strings live as long as the list. NULL: exception pending. */
static char **strings(tiny_vm *vm, tiny_val list, int *n) {
  *n = tiny_seq_len(list);
  char **v = tiny_alloc(vm, NULL, 0, ((size_t)*n + 1) * sizeof *v);
  if (!v) return (void)tiny_no_memory(vm), NULL;
  for (int i = 0; i < *n; i++) {
    tiny_val item = tiny_seq_item(list, i);
    size_t len;
    const char *s = tiny_kind_of(vm, item) == TINY_T_BYTES ? tiny_to_bytes(vm, item, &len) : tiny_to_str(vm, item, &len);
    if (s && strlen(s) != len) (void)tiny_raise(vm, TINY_VALUE_ERROR, "embedded null byte");
    if (!s || strlen(s) != len) {
      tiny_alloc(vm, v, ((size_t)*n + 1) * sizeof *v, 0);
      return NULL;
    }
    v[i] = (char *)s;
  }
  v[*n] = NULL;
  return v;
}
static void strings_free(tiny_vm *vm, char **v, int n) {
  if (v) tiny_alloc(vm, v, ((size_t)n + 1) * sizeof *v, 0);
}

/* spawn(loop, file, args, env or None, cwd or None, fds, new_session, on_exit): fds: what the child has as 0, 1, 2, ...; -1: nothing */
tiny_val uv_m_spawn(tiny_vm *vm, tiny_args *a) {
  UvLoop *u = uvloop_of(vm, tiny_arg(a, 0));
  const char *file = u ? tiny_to_str(vm, tiny_arg(a, 1), NULL) : NULL;
  if (!file) return TINY_FAIL;
  bool has_env = !tiny_is_none(tiny_arg(a, 3)), has_cwd = !tiny_is_none(tiny_arg(a, 4));
  uv_process_options_t o;
  memset(&o, 0, sizeof o);
  if (has_cwd && !(o.cwd = tiny_to_str(vm, tiny_arg(a, 4), NULL))) return TINY_FAIL;
  uv_stdio_container_t io[16];
  int n_args = 0, n_env = 0, n_fds = tiny_seq_len(tiny_arg(a, 5));
  if (n_fds > 16) return tiny_raise(vm, TINY_NOT_IMPLEMENTED_ERROR, "more than 16 descriptors for a child are not supported");
  for (int i = 0; i < n_fds; i++) {
    int64_t fd;
    if (!tiny_to_int(vm, tiny_seq_item(tiny_arg(a, 5), i), &fd)) return TINY_FAIL;
    io[i].flags = fd < 0 ? UV_IGNORE : UV_INHERIT_FD;
    io[i].data.fd = (int)fd;
  }
  void *data;
  tiny_val self = tiny_instance(vm, &uv_process_class, &data);
  if (tiny_failed(self)) return self;
  o.args = strings(vm, tiny_arg(a, 2), &n_args);
  if (o.args && has_env) o.env = strings(vm, tiny_arg(a, 3), &n_env);
  Conn *c = o.args && (!has_env || o.env) ? conn_new(u) : NULL;
  int r = 0;
  if (c) {
    Process *p = data;
    p->self = self;
    p->loop = tiny_arg(a, 0);
    p->on_exit = tiny_arg(a, 7);
    o.exit_cb = on_exit;
    o.file = file;
    o.stdio_count = n_fds;
    o.stdio = io;
    o.flags = tiny_truth(vm, tiny_arg(a, 6)) == 1 ? UV_PROCESS_DETACHED : 0;
    r = uv_spawn(&u->loop, &c->h.process, &o);
    if (r == 0) {
      p->pid = c->h.process.pid;
      p->conn = c;
      c->owner = p;
      c->back = &p->conn;
    } else {
      conn_close(c); /* after uv_spawn the handle has to be closed even if it failed */
    }
  }
  strings_free(vm, o.args, n_args);
  strings_free(vm, o.env, n_env);
  if (!c) return TINY_FAIL;
  if (r < 0) return tiny_raise_os(vm, -r, r == UV_ENOENT && has_cwd && strchr(file, '/') == NULL ? o.cwd : file);
  return tiny_ref_new(vm, self, &((Process *)data)->keep) ? self : TINY_FAIL;
}

static tiny_val g_pid(tiny_vm *vm, tiny_args *a) { return tiny_int(vm, ((Process *)tiny_arg_native(a, 0, &uv_process_class))->pid); }
/* kill(signal): False: the child has ended already */
static tiny_val m_kill(tiny_vm *vm, tiny_args *a) {
  Process *p = tiny_arg_native(a, 0, &uv_process_class);
  if (!p->conn) return TINY_FALSE;
  int r = uv_process_kill(&p->conn->h.process, (int)tiny_arg_int(a, 1));
  return r == UV_ESRCH ? TINY_FALSE : r < 0 ? uv_raise(vm, r) : TINY_TRUE;
}
static const tiny_def methods[] = {{"@pid", g_pid, "(self: Process, /)", NULL}, {"kill", m_kill, "(self: Process, number: int, /)", NULL}, {0}};
const tiny_class uv_process_class = {.name = "Process", .data_size = sizeof(Process), .methods = methods, .trace = process_trace, .destroy = process_destroy, .flags = TINY_CLASS_NO_NEW};
