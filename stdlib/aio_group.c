/* _asyncio.Group: what asyncio.wait() hangs on many futures at once: it knows which are done and completes one future when that is enough.
 * As a callback it stands in a future like a task does, without a context and a handle of its own; what it completes, it completes at its place in the turn.
 *
 * wait(FIRST_COMPLETED) is mostly called again and again with the set of the pending ones that it gave last. Between two calls its group rests: it stays in the futures
 * and notes which complete, and the next call with that set, unchanged, takes it up again: a turn costs what has completed, not what is pending. Nobody can see it
 * there: futures that have other callbacks, too, do not keep it, so that it gets its place behind the others' as if it were added at every call. */
#include "stdlib/aio.h"

typedef struct Futures { tiny_val *items; uint32_t n, cap; } Futures;
enum { ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION };
typedef enum { LISTENS, RESTS, RETIRED } GroupState;
typedef struct Group {
  tiny_val waiter;
  tiny_val fs;             /* FIRST_COMPLETED: the set that is waited for */
  Futures done, loose;     /* FIRST_COMPLETED: those that are done; those where it is not the only callback, or not at all now */
  int64_t left;
  tiny_val key;            /* while it rests: the set that wait() gave. Not kept alive: its stamp tells whether it still is that one */
  uint32_t stamp;
  uint8_t mode, state;
} Group;

static void trace_all(tiny_tracer *t, const Futures *v) {
  for (uint32_t i = 0; i < v->n; i++) tiny_trace(t, v->items[i]);
}
static void group_trace(tiny_tracer *t, void *data) {
  Group *g = data;
  tiny_trace(t, g->waiter);
  tiny_trace(t, g->fs);
  trace_all(t, &g->done);
  trace_all(t, &g->loose);
}

static void drop_all(tiny_vm *vm, Futures *v) {
  if (v->items) tiny_alloc(vm, v->items, v->cap * sizeof *v->items, 0);
  *v = (Futures){0};
}
static void group_destroy(tiny_vm *vm, void *data) {
  Group *g = data;
  drop_all(vm, &g->done);
  drop_all(vm, &g->loose);
}

static bool push(tiny_vm *vm, tiny_val group, Futures *v, tiny_val f) {
  if (v->n == v->cap) {
    uint32_t cap = v->cap ? v->cap * 2 : 4;
    tiny_val *p = cap > v->cap ? tiny_alloc(vm, v->items, v->cap * sizeof *p, cap * sizeof *p) : NULL;
    if (!p) return (void)tiny_no_memory(vm), false;
    v->items = p;
    v->cap = cap;
  }
  tiny_store(vm, group, &v->items[v->n++], f);
  return true;
}

/* ---- what futures say */

static bool enough(tiny_vm *vm, Group *g) {
  Future *waiter = aio_future(vm, g->waiter); /* NULL: a group that was never told of one */
  return !waiter || loop_add_ready(vm, waiter->loop, g->waiter);
}

bool group_told(tiny_vm *vm, tiny_val group, Future *f) {
  Group *g = tiny_data(vm, group, &aio_group_class);
  if (g->state == RETIRED) return true;
  if (g->mode == FIRST_COMPLETED) return push(vm, group, &g->done, future_self(f)) && (g->state == RESTS || g->done.n > 1 || enough(vm, g));
  g->left--;
  bool failed = f->state == FUT_FINISHED && f->failed;
  if (failed && g->mode == FIRST_EXCEPTION) future_seen(vm, f);
  return (g->left > 0 && !(g->mode == FIRST_EXCEPTION && failed)) || enough(vm, g);
}

int group_not_alone(tiny_vm *vm, tiny_val group, Future *f) {
  Group *g = tiny_data(vm, group, &aio_group_class);
  if (g->state == RETIRED) return 0;
  if (g->mode == FIRST_COMPLETED && !push(vm, group, &g->loose, future_self(f))) return -1;
  return g->state == LISTENS;
}

bool group_is_second(tiny_vm *vm, tiny_val group, Future *f) {
  Group *g = tiny_data(vm, group, &aio_group_class);
  return g->mode != FIRST_COMPLETED || push(vm, group, &g->loose, future_self(f));
}

bool group_listens(tiny_vm *vm, tiny_val group) { return ((Group *)tiny_data(vm, group, &aio_group_class))->state == LISTENS; }

#define GROUP(name) Group *name = tiny_data(vm, tiny_arg(a, 0), &aio_group_class); if (!name) return tiny_raise(vm, TINY_TYPE_ERROR, "Group object is required")

/* ---- one wait */

/* Group(futures, waiter, mode): is told of each of the list. */
static tiny_val g_init(tiny_vm *vm, tiny_args *a) {
  GROUP(g);
  tiny_val list = tiny_arg(a, 1), self = tiny_arg(a, 0);
  if (!aio_future(vm, tiny_arg(a, 2))) return tiny_raise(vm, TINY_TYPE_ERROR, "Future object is required");
  g->waiter = tiny_arg(a, 2);
  g->fs = TINY_NONE;
  g->mode = (uint8_t)tiny_arg_int(a, 3);
  g->left = tiny_seq_len(list);
  for (int i = 0; i < tiny_seq_len(list); i++) {
    Future *f = aio_future(vm, tiny_seq_item(list, i));
    if (!f) return tiny_raise(vm, TINY_TYPE_ERROR, "Future object is required");
    if (!future_add_callback(vm, f, self, TINY_NONE)) return TINY_FAIL;
  }
  return TINY_NONE;
}

static bool leave_one(tiny_vm *vm, tiny_val self, Future *f) {
  if (!tiny_is(f->callback, self)) return tiny_is_absent(f->callback) || !tiny_failed(tiny_call_method(vm, future_self(f), "remove_done_callback", 1, &self));
  f->callback = TINY_ABSENT;
  return true;
}

/* leave(futures): is told no more. Returns those of them that are done. */
static tiny_val g_leave(tiny_vm *vm, tiny_args *a) {
  tiny_val list = tiny_arg(a, 1), self = tiny_arg(a, 0), done = tiny_list(vm, 0, NULL);
  for (int i = 0; i < tiny_seq_len(list) && !tiny_failed(done); i++) {
    Future *f = aio_future(vm, tiny_seq_item(list, i));
    if (!f) return tiny_raise(vm, TINY_TYPE_ERROR, "Future object is required");
    if (f->state == FUT_PENDING ? !leave_one(vm, self, f) : !tiny_list_append(vm, done, tiny_seq_item(list, i))) return TINY_FAIL;
  }
  return done;
}

/* all_futures(list): are all of them futures of this library, and initialized? */
static tiny_val g_all(tiny_vm *vm, tiny_args *a) {
  tiny_val list = tiny_arg(a, 0);
  for (int i = 0; i < tiny_seq_len(list); i++) {
    Future *f = aio_future(vm, tiny_seq_item(list, i));
    if (!f || tiny_is(f->loop, (tiny_val){0})) return TINY_FALSE;
  }
  return TINY_TRUE;
}

/* ---- wait(FIRST_COMPLETED), again and again */

/* first(fs, items): a group for the set, whose items all are futures of this library. */
static tiny_val g_first(tiny_vm *vm, tiny_args *a) {
  void *data;
  tiny_val self = tiny_instance(vm, &aio_group_class, &data), items = tiny_arg(a, 1);
  if (tiny_failed(self)) return self;
  Group *g = data;
  g->waiter = TINY_NONE;
  g->fs = tiny_arg(a, 0);
  g->mode = FIRST_COMPLETED;
  g->state = RESTS;
  for (int i = 0; i < tiny_seq_len(items); i++) {
    if (!aio_future(vm, tiny_seq_item(items, i))) return tiny_raise(vm, TINY_TYPE_ERROR, "Future object is required");
    if (!push(vm, self, &g->loose, tiny_seq_item(items, i))) return TINY_FAIL;
  }
  return self;
}

/* again(fs, loop): the group that rests for that set, or None. */
static tiny_val g_again(tiny_vm *vm, tiny_args *a) {
  tiny_val fs = tiny_arg(a, 0);
  Loop *l = aio_loop(vm, tiny_arg(a, 1));
  uint32_t stamp = tiny_set_stamp(vm, fs);
  for (int i = 0; stamp && l && i < 4; i++) {
    tiny_val self = l->groups[i];
    Group *g = tiny_data(vm, self, &aio_group_class);
    if (!g || g->stamp != stamp || !tiny_is(g->key, fs)) continue;
    l->groups[i] = TINY_NONE;
    l->next_group = (uint8_t)i;
    tiny_val copy = tiny_set_without(vm, fs, 0, NULL); /* a script may change its set meanwhile */
    if (tiny_failed(copy)) return TINY_FAIL;
    tiny_store(vm, self, &g->fs, copy);
    return self;
  }
  return TINY_NONE;
}

/* listen(loop): the future that is completed when one of them is done. */
static tiny_val g_listen(tiny_vm *vm, tiny_args *a) {
  GROUP(g);
  tiny_val waiter = aio_new_future(vm, tiny_arg(a, 1)), self = tiny_arg(a, 0);
  if (tiny_failed(waiter)) return TINY_FAIL;
  tiny_store(vm, self, &g->waiter, waiter);
  g->state = LISTENS;
  Futures loose = g->loose;
  g->loose = (Futures){0};
  bool ok = !g->done.n || enough(vm, g);
  for (uint32_t i = 0; ok && i < loose.n; i++) ok = future_add_callback(vm, aio_future(vm, loose.items[i]), self, TINY_NONE);
  drop_all(vm, &loose);
  return ok ? waiter : TINY_FAIL;
}

/* No future has it beside other callbacks any more. Those that are done need no place in `loose`. */
static bool leave_loose(tiny_vm *vm, tiny_val self, Group *g) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->loose.n; i++) {
    Future *f = aio_future(vm, g->loose.items[i]);
    if (f->state != FUT_PENDING) continue;
    if (!leave_one(vm, self, f)) return false;
    g->loose.items[n++] = g->loose.items[i];
  }
  g->loose.n = n;
  return true;
}

static void rest(tiny_vm *vm, tiny_val self, Group *g, Loop *l, tiny_val pending) {
  g->state = RESTS;
  g->key = pending;
  g->stamp = tiny_set_stamp(vm, pending);
  Group *oldest = tiny_data(vm, l->groups[l->next_group], &aio_group_class);
  if (oldest) {
    oldest->state = RETIRED;
    group_destroy(vm, oldest);
  }
  l->groups[l->next_group] = self;
  l->next_group = (l->next_group + 1) % 4;
}

/* split(loop): two sets, of those that are done and of the pending ones. The group rests. */
static tiny_val g_split(tiny_vm *vm, tiny_args *a) {
  GROUP(g);
  tiny_val self = tiny_arg(a, 0), sets[2] = {tiny_set(vm), tiny_set_without(vm, g->fs, (int)g->done.n, g->done.items)};
  Loop *l = aio_loop(vm, tiny_arg(a, 1));
  if (tiny_failed(sets[0]) || tiny_failed(sets[1]) || !l) return TINY_FAIL;
  for (uint32_t i = 0; i < g->done.n; i++)
    if (!tiny_set_add(vm, sets[0], g->done.items[i])) return TINY_FAIL;
  drop_all(vm, &g->done);
  if (!leave_loose(vm, self, g)) return TINY_FAIL;
  g->waiter = g->fs = TINY_NONE;
  rest(vm, self, g, l, sets[1]);
  return tiny_tuple(vm, 2, sets);
}

/* retire(): is told no more. */
static tiny_val g_retire(tiny_vm *vm, tiny_args *a) {
  GROUP(g);
  bool ok = leave_loose(vm, tiny_arg(a, 0), g);
  g->state = RETIRED;
  g->waiter = g->fs = TINY_NONE;
  group_destroy(vm, g);
  return ok ? TINY_NONE : TINY_FAIL;
}

static const tiny_def methods[] = {{"__init__", g_init, "(self, futures: list, waiter, mode: int, /)", NULL}, {"leave", g_leave, "(self, futures: list, /)", NULL},
    {"!all_futures", g_all, "(futures: list, /)", NULL}, {"!first", g_first, "(fs, items: list, /)", NULL}, {"!again", g_again, "(fs, loop, /)", NULL},
    {"listen", g_listen, "(self, loop, /)", NULL}, {"split", g_split, "(self, loop, /)", NULL}, {"retire", g_retire, "(self, /)", NULL}, {0}};
const tiny_class aio_group_class = {.name = "_asyncio.Group", .data_size = sizeof(Group), .methods = methods, .trace = group_trace, .destroy = group_destroy};
