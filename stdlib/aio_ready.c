/* The scheduler's data: ring of what is ready, heap of timers, list of live tasks. Growth and order, no policy. */
#include <math.h>
#include <string.h>
#include "stdlib/aio.h"

static void *grow(tiny_vm *vm, void *old, size_t old_n, size_t new_n, size_t item) {
  void *p = tiny_alloc(vm, old, old_n * item, new_n * item);
  if (!p) tiny_no_memory(vm);
  return p;
}

/* The ring's used part is one or two pieces: after growing it is laid out from the start. */
static bool ring_grow(tiny_vm *vm, Loop *l) {
  size_t cap = l->ready_cap ? l->ready_cap * 2 : 64;
  tiny_val *fresh = grow(vm, NULL, 0, cap, sizeof *fresh);
  if (!fresh) return false;
  for (size_t i = 0; i < l->ready_len; i++) fresh[i] = l->ready[(l->ready_at + i) & (l->ready_cap - 1)];
  if (l->ready) tiny_alloc(vm, l->ready, l->ready_cap * sizeof *fresh, 0);
  l->ready = fresh;
  l->ready_cap = cap;
  l->ready_at = 0;
  return true;
}

bool loop_add_ready(tiny_vm *vm, tiny_val loop, tiny_val what) {
  Loop *l = aio_loop(vm, loop);
  if (l) return ready_push(vm, l, what);
  tiny_raise(vm, TINY_TYPE_ERROR, "an event loop of this library is required, got %R", loop);
  return false;
}

/* The ring needs no write barrier: a Loop, as every native instance, is looked at by every collection. */
bool ready_push(tiny_vm *vm, Loop *l, tiny_val what) {
  if (l->closed) return loop_check_closed(vm, l);
  if (l->ready_len == l->ready_cap && !ring_grow(vm, l)) return false;
  l->ready[(l->ready_at + l->ready_len++) & (l->ready_cap - 1)] = what;
  return true;
}

bool loop_add_task(tiny_vm *vm, Loop *l, Task *t) {
  if (l->n_tasks == l->cap_tasks) {
    size_t cap = l->cap_tasks ? l->cap_tasks * 2 : 16;
    tiny_val *p = grow(vm, l->tasks, l->cap_tasks, cap, sizeof *p);
    if (!p) return false;
    l->tasks = p;
    l->cap_tasks = cap;
  }
  t->f.place = (uint32_t)l->n_tasks;
  t->f.listed = true;
  tiny_store(vm, l->self, &l->tasks[l->n_tasks++], future_self(&t->f));
  return true;
}

void loop_drop_task(tiny_vm *vm, Loop *l, Task *t) {
  if (!t->f.listed) return;
  t->f.listed = false;
  tiny_val last = l->tasks[--l->n_tasks];
  if (t->f.place != l->n_tasks) {
    l->tasks[t->f.place] = last;
    aio_task(vm, last)->f.place = t->f.place;
  }
}

/* ---- timers: a heap of four kids each (half as many levels as a binary one, and kids lie side by side), earliest first; equal times in order of their making */

enum { KIDS = 4 };
static bool earlier(const Timer *a, const Timer *b) { return a->when < b->when || (a->when == b->when && a->seq < b->seq); }

static void sift_down(Timer *heap, size_t n, size_t i) {
  Timer t = heap[i];
  for (size_t kid; (kid = KIDS * i + 1) < n; i = kid) {
    size_t end = kid + KIDS < n ? kid + KIDS : n;
    for (size_t k = kid + 1; k < end; k++)
      if (earlier(&heap[k], &heap[kid])) kid = k;
    if (!earlier(&heap[kid], &t)) break;
    heap[i] = heap[kid];
  }
  heap[i] = t;
}

bool loop_add_timer(tiny_vm *vm, Loop *l, double when, tiny_val handle) {
  if (l->n_timers == l->cap_timers) {
    size_t cap = l->cap_timers ? l->cap_timers * 2 : 16;
    Timer *p = grow(vm, l->timers, l->cap_timers, cap, sizeof *p);
    if (!p) return false;
    l->timers = p;
    l->cap_timers = cap;
  }
  Timer t = {isnan(when) ? -INFINITY : when, l->seq++, handle}; /* no number is never later than now */
  size_t i = l->n_timers++;
  while (i && earlier(&t, &l->timers[(i - 1) / KIDS])) {
    l->timers[i] = l->timers[(i - 1) / KIDS];
    i = (i - 1) / KIDS;
  }
  l->timers[i] = t;
  return true;
}

static bool is_dead(tiny_vm *vm, tiny_val timer) {
  Handle *h = tiny_data(vm, timer, &aio_handle_class);
  return h ? h->cancelled : aio_future(vm, timer)->state != FUT_PENDING;
}

/* It stands in the heap no longer: its cancellation is not counted any more. */
static void taken_out(tiny_vm *vm, tiny_val timer) {
  Handle *h = tiny_data(vm, timer, &aio_handle_class);
  if (h) h->scheduled = false;
  else aio_future(vm, timer)->timed = false;
}

tiny_val loop_pop_timer(tiny_vm *vm, Loop *l, bool *dead) {
  tiny_val h = l->timers[0].handle;
  if (--l->n_timers) {
    l->timers[0] = l->timers[l->n_timers];
    sift_down(l->timers, l->n_timers, 0);
  }
  taken_out(vm, h);
  *dead = is_dead(vm, h);
  if (*dead) l->n_cancelled--;
  return h;
}

/* Cancelled timers are dropped when they come to the top; when they are the larger part, all at once. */
static void purge_timers(tiny_vm *vm, Loop *l) {
  if (l->n_cancelled < 100 || l->n_cancelled * 2 < l->n_timers) return;
  size_t n = 0;
  for (size_t i = 0; i < l->n_timers; i++) {
    if (is_dead(vm, l->timers[i].handle)) taken_out(vm, l->timers[i].handle);
    else l->timers[n++] = l->timers[i];
  }
  l->n_timers = n;
  l->n_cancelled = 0;
  if (n > 1)
    for (size_t i = (n - 2) / KIDS + 1; i-- > 0;) sift_down(l->timers, n, i);
}

void loop_drop_cancelled(tiny_vm *vm, Loop *l) {
  if (!l->n_cancelled) return;
  purge_timers(vm, l);
  bool dead;
  while (l->n_timers && is_dead(vm, l->timers[0].handle)) (void)loop_pop_timer(vm, l, &dead);
}
