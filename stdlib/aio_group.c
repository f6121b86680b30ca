/* _asyncio.Group: what asyncio.wait() hangs on many futures at once: it counts how many are done and completes one future when that is enough.
 * As a callback it stands in a future like a task does, without a context and a handle of its own; what it completes, it completes at its place in the turn. */
#include "stdlib/aio.h"

typedef struct Group { tiny_val waiter; int64_t left; int mode; } Group;
enum { ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION };

static void group_trace(tiny_tracer *t, void *data) { tiny_trace(t, ((Group *)data)->waiter); }

bool group_told(tiny_vm *vm, tiny_val group, Future *f) {
  Group *g = tiny_data(vm, group, &aio_group_class);
  g->left--;
  bool failed = f->state == FUT_FINISHED && f->failed;
  if (failed && g->mode == FIRST_EXCEPTION) f->log_traceback = false;
  if (g->left > 0 && g->mode != FIRST_COMPLETED && !(g->mode == FIRST_EXCEPTION && failed)) return true;
  return loop_add_ready(vm, aio_future(vm, g->waiter)->loop, g->waiter);
}

#define GROUP(name) Group *name = tiny_data(vm, tiny_arg(a, 0), &aio_group_class); if (!name) return tiny_raise(vm, TINY_TYPE_ERROR, "Group object is required")

/* Group(futures, waiter, mode): is told of each of the list. */
static tiny_val g_init(tiny_vm *vm, tiny_args *a) {
  GROUP(g);
  tiny_val list = tiny_arg(a, 1), self = tiny_arg(a, 0);
  if (!aio_future(vm, tiny_arg(a, 2))) return tiny_raise(vm, TINY_TYPE_ERROR, "Future object is required");
  g->waiter = tiny_arg(a, 2);
  g->mode = (int)tiny_arg_int(a, 3);
  g->left = tiny_seq_len(list);
  for (int i = 0; i < tiny_seq_len(list); i++) {
    Future *f = aio_future(vm, tiny_seq_item(list, i));
    if (!f) return tiny_raise(vm, TINY_TYPE_ERROR, "Future object is required");
    if (!future_add_callback(vm, f, self, TINY_NONE)) return TINY_FAIL;
  }
  return TINY_NONE;
}

/* leave(futures): is told no more. Returns those of them that are done. */
static tiny_val g_leave(tiny_vm *vm, tiny_args *a) {
  tiny_val list = tiny_arg(a, 1), self = tiny_arg(a, 0), done = tiny_list(vm, 0, NULL);
  for (int i = 0; i < tiny_seq_len(list) && !tiny_failed(done); i++) {
    Future *f = aio_future(vm, tiny_seq_item(list, i));
    if (f->state != FUT_PENDING) {
      if (!tiny_list_append(vm, done, tiny_seq_item(list, i))) return TINY_FAIL;
    } else if (tiny_is(f->callback, self)) {
      f->callback = TINY_ABSENT;
    } else if (!tiny_is_absent(f->callback) && tiny_failed(tiny_call_method(vm, future_self(f), "remove_done_callback", 1, &self))) {
      return TINY_FAIL;
    }
  }
  return done;
}

/* all_futures(list): are all of them futures of this library? */
static tiny_val g_all(tiny_vm *vm, tiny_args *a) {
  tiny_val list = tiny_arg(a, 0);
  for (int i = 0; i < tiny_seq_len(list); i++)
    if (!aio_future(vm, tiny_seq_item(list, i))) return TINY_FALSE;
  return TINY_TRUE;
}

static const tiny_def methods[] = {{"__init__", g_init, "(self, futures: list, waiter, mode: int, /)", NULL}, {"leave", g_leave, "(self, futures: list, /)", NULL},
    {"!all_futures", g_all, "(futures: list, /)", NULL}, {0}};
const tiny_class aio_group_class = {.name = "_asyncio.Group", .data_size = sizeof(Group), .methods = methods, .trace = group_trace};
