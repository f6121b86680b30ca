/* _asyncio.Waiters: the futures that wait for a lock, an event, a queue: first come, first served, and any of them removed in O(1) when its task is
 * cancelled. An array with holes; a future knows its place (Future.place), which is checked before it is believed. */
#include "stdlib/aio.h"

typedef struct Waiters {
  tiny_val *items;         /* TINY_ABSENT: a hole; neither items[head] nor the last one is */
  uint32_t head, end, cap, live;
  tiny_val loop;           /* of who waits here by _wait(); the int 0: not known yet */
} Waiters;

static void waiters_trace(tiny_tracer *t, void *data) {
  Waiters *w = data;
  for (uint32_t i = w->head; i < w->end; i++) tiny_trace(t, w->items[i]);
  tiny_trace(t, w->loop);
}
static void waiters_destroy(tiny_vm *vm, void *data) {
  Waiters *w = data;
  if (w->items) tiny_alloc(vm, w->items, w->cap * sizeof *w->items, 0);
  w->items = NULL;
}

#define WAITERS(name) Waiters *name = tiny_data(vm, tiny_arg(a, 0), &aio_waiters_class); if (!name) return tiny_raise(vm, TINY_TYPE_ERROR, "Waiters object is required")

/* Room at the end: holes and what was taken from the front are squeezed out while they are at least half of it. */
static bool reserve(tiny_vm *vm, Waiters *w) {
  if (w->end < w->cap) return true;
  if (w->live > w->cap / 2 || !w->cap) {
    uint32_t cap = w->cap ? w->cap * 2 : 8;
    tiny_val *p = cap > w->cap ? tiny_alloc(vm, w->items, w->cap * sizeof *p, cap * sizeof *p) : NULL;
    if (!p) return (void)tiny_no_memory(vm), false;
    w->items = p;
    w->cap = cap;
  }
  uint32_t n = 0;
  for (uint32_t i = w->head; i < w->end; i++) {
    tiny_val v = w->items[i];
    if (tiny_is_absent(v)) continue;
    aio_future(vm, v)->place = n;
    w->items[n++] = v;
  }
  w->head = 0;
  w->end = n;
  return true;
}

static void trim(Waiters *w) {
  while (w->head < w->end && tiny_is_absent(w->items[w->head])) w->head++;
  while (w->head < w->end && tiny_is_absent(w->items[w->end - 1])) w->end--;
  if (w->head == w->end) w->head = w->end = 0;
}

static tiny_val m_append(tiny_vm *vm, tiny_args *a) {
  WAITERS(w);
  Future *f = aio_future(vm, tiny_arg(a, 1));
  if (!f) return tiny_raise(vm, TINY_TYPE_ERROR, "Future object is required");
  if (!reserve(vm, w)) return TINY_FAIL;
  f->place = w->end;
  tiny_store(vm, tiny_arg(a, 0), &w->items[w->end++], tiny_arg(a, 1));
  w->live++;
  return TINY_NONE;
}

static tiny_val join(tiny_vm *vm, tiny_val self, Waiters *w, tiny_val loop, bool leaves) {
  tiny_val v = aio_new_future(vm, loop);
  if (tiny_failed(v) || !reserve(vm, w)) return TINY_FAIL;
  Future *f = aio_future(vm, v);
  if (leaves) f->extra = self;
  f->place = w->end;
  tiny_store(vm, self, &w->items[w->end++], v);
  w->live++;
  return v;
}
/* _join(loop): a new future at the end; None if that is not the running loop (the caller then sees to it). */
static tiny_val m_join(tiny_vm *vm, tiny_args *a) {
  WAITERS(w);
  tiny_val loop = tiny_arg(a, 1);
  return tiny_is_none(loop) || !tiny_is(loop, aio_data(vm)->running) ? TINY_NONE : join(vm, tiny_arg(a, 0), w, loop, false);
}
/* _wait(owner): a new future of the owner's loop (owner._get_loop() refuses another than the running one). It leaves when who awaits it goes on, however that may be. */
static tiny_val m_wait(tiny_vm *vm, tiny_args *a) {
  WAITERS(w);
  tiny_val loop = aio_data(vm)->running;
  if (!tiny_is(loop, w->loop) || tiny_is_none(loop)) {
    loop = tiny_call_method(vm, tiny_arg(a, 1), "_get_loop", 0, NULL);
    if (tiny_failed(loop)) return TINY_FAIL;
    tiny_store(vm, tiny_arg(a, 0), &w->loop, loop);
  }
  return join(vm, tiny_arg(a, 0), w, loop, true);
}

static bool take_out(Waiters *w, Future *f, tiny_val v) {
  uint32_t i = f ? f->place : w->end;
  if (i < w->head || i >= w->end || !tiny_is(w->items[i], v)) /* a future in two of them */
    for (i = w->head; i < w->end && !tiny_is(w->items[i], v);) i++;
  if (i == w->end) return false;
  w->items[i] = TINY_ABSENT;
  w->live--;
  trim(w);
  return true;
}

bool waiters_leave(tiny_vm *vm, Future *f) {
  Waiters *w = tiny_data(vm, f->extra, &aio_waiters_class);
  f->extra = TINY_NONE;
  return w && take_out(w, f, future_self(f));
}

static tiny_val m_remove(tiny_vm *vm, tiny_args *a) {
  WAITERS(w);
  return take_out(w, aio_future(vm, tiny_arg(a, 1)), tiny_arg(a, 1)) ? TINY_NONE : tiny_raise(vm, TINY_VALUE_ERROR, "list.remove(x): x not in list");
}

static tiny_val m_popleft(tiny_vm *vm, tiny_args *a) {
  WAITERS(w);
  if (!w->live) return tiny_raise(vm, TINY_INDEX_ERROR, "pop from an empty deque");
  tiny_val v = w->items[w->head];
  w->items[w->head] = TINY_ABSENT;
  w->live--;
  trim(w);
  return v;
}

static tiny_val live_list(tiny_vm *vm, Waiters *w) {
  tiny_val list = tiny_list(vm, 0, NULL);
  for (uint32_t i = w->head; i < w->end && !tiny_failed(list); i++)
    if (!tiny_is_absent(w->items[i]) && !tiny_list_append(vm, list, w->items[i])) return TINY_FAIL;
  return list;
}
static tiny_val m_iter(tiny_vm *vm, tiny_args *a) { WAITERS(w); return tiny_iter(vm, live_list(vm, w)); }
static tiny_val m_len(tiny_vm *vm, tiny_args *a) { WAITERS(w); return tiny_int(vm, w->live); }
static tiny_val m_getitem(tiny_vm *vm, tiny_args *a) {
  WAITERS(w);
  if (tiny_arg_int(a, 1) == 0 && w->live) return w->items[w->head];
  return tiny_getitem(vm, live_list(vm, w), tiny_arg(a, 1));
}

/* _wake(result): completes the first that is not done; False: there is none. What is done already leaves by itself. */
static tiny_val m_wake(tiny_vm *vm, tiny_args *a) {
  WAITERS(w);
  for (uint32_t i = w->head; i < w->end; i++) {
    if (tiny_is_absent(w->items[i])) continue;
    Future *f = aio_future(vm, w->items[i]);
    if (f->state == FUT_PENDING) return future_finish(vm, f, tiny_arg(a, 1)) ? TINY_TRUE : TINY_FAIL;
  }
  return TINY_FALSE;
}

/* _wake_all(result): completes all that are not done. */
static tiny_val m_wake_all(tiny_vm *vm, tiny_args *a) {
  WAITERS(w);
  for (uint32_t i = w->head; i < w->end; i++) {
    Future *f = tiny_is_absent(w->items[i]) ? NULL : aio_future(vm, w->items[i]);
    if (f && f->state == FUT_PENDING && !future_finish(vm, f, tiny_arg(a, 1))) return TINY_FAIL;
  }
  return TINY_NONE;
}

/* _wake_pop(): _wake() for waiters that are taken out as they are woken (queues). */
static tiny_val m_wake_pop(tiny_vm *vm, tiny_args *a) {
  WAITERS(w);
  while (w->live) {
    Future *f = aio_future(vm, w->items[w->head]);
    w->items[w->head] = TINY_ABSENT;
    w->live--;
    trim(w);
    if (f->state == FUT_PENDING) return future_finish(vm, f, TINY_NONE) ? TINY_TRUE : TINY_FAIL;
  }
  return TINY_FALSE;
}

static const tiny_def waiters_methods[] = {{"append", m_append, "(self, future, /)", NULL}, {"_join", m_join, "(self, loop, /)", NULL}, {"_wait", m_wait, "(self, owner, /)", NULL}, {"remove", m_remove, "(self, future, /)", NULL}, {"popleft", m_popleft, "(self, /)", NULL},
    {"__iter__", m_iter, "(self, /)", NULL}, {"__len__", m_len, "(self, /)", NULL}, {"__getitem__", m_getitem, "(self, i: int, /)", NULL}, {"_wake", m_wake, "(self, result, /)", NULL},
    {"_wake_all", m_wake_all, "(self, result, /)", NULL}, {"_wake_pop", m_wake_pop, "(self, /)", NULL}, {0}};
const tiny_class aio_waiters_class = {.name = "_asyncio.Waiters", .data_size = sizeof(Waiters), .methods = waiters_methods, .trace = waiters_trace, .destroy = waiters_destroy};
