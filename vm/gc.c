/* The collector: marks from the roots with an explicit stack, keeps what has a finalizer to run, clears weak references and weak tables, sweeps.
 *
 * Stop-the-world, at safe points only. If the mark stack cannot grow, objects are left "pending" and found again by walking the heap: a collection
 * needs no memory to succeed. Finalizers are queued here and run later by gc_run_finalizers, as script code at the safe point. */
#include "vm/gc_int.h"
#include "vm/objects/str.h"

#define MIN_BUDGET ((size_t)2 << 20) /* collect at the earliest after so many bytes of new memory */
#define WEAK_GONE ((Obj *)(uintptr_t)16)

/* ---- marking */

static void push(Tracer *t, Obj *o) {
  if (UNLIKELY(t->n == t->cap)) {
    size_t cap = t->cap ? t->cap * 2 : 256;
    Obj **stack = mem_realloc(&t->vm->mem, t->stack, t->cap * sizeof *stack, cap * sizeof *stack);
    if (!stack) {
      set_mark(o, MARK_PENDING);
      t->overflow = true;
      return;
    }
    t->stack = stack;
    t->cap = cap;
  }
  t->stack[t->n++] = o;
}

void gc_mark_obj(Tracer *t, const void *obj) {
  if (!obj) return;
  Obj *o = (Obj *)(uintptr_t)obj;
  if (gc_is_marked(o)) return;
  set_mark(o, MARK_BLACK);
  if (o->type == &str_type && !((Str *)o)->extra) return; /* most objects are plain strings: nothing behind them */
  if (o->type->trace || (o->type->flags & TYPE_HEAP)) push(t, o);
}

void gc_mark_array(Tracer *t, const Value *items, size_t n) {
  for (size_t i = 0; i < n; i++) gc_mark(t, items[i]);
}

static void trace(Tracer *t, Obj *o) {
  const Type *type = o->type;
  if (type->flags & TYPE_HEAP) gc_mark_obj(t, type);
  if (type->trace) type->trace(t, o);
}

static void drain_stack(Tracer *t) {
  while (t->n > 0) trace(t, t->stack[--t->n]);
}

static void trace_pending(void *ctx, Obj *o) {
  if (mark_of(o) != MARK_PENDING) return;
  Tracer *t = ctx;
  set_mark(o, MARK_BLACK);
  trace(t, o);
  drain_stack(t);
}

static void drain(Tracer *t) {
  drain_stack(t);
  while (t->overflow) {
    t->overflow = false;
    for (int kind = 0; kind < KIND_COUNT; kind++) pages_each(t->vm->heap, kind, trace_pending, t);
  }
}

/* ---- finalizers */

static bool queue_add(VM *vm, Heap *h, Obj *o) {
  if (!mem_grow(&vm->mem, (void **)&h->queue, &h->queue_cap, h->queue_len + 1, sizeof *h->queue)) return false;
  h->queue[h->queue_len++] = o;
  return true;
}

/* A suspended generator has to be closed when a handler (finally, with, except) stands around its yield; CPython closes every one, which nobody can see else. */
static bool has_pending_handler(const Gen *g) {
  if (gen_state(g) != GEN_SUSPENDED || !g->frame.func) return false;
  const Code *code = g->frame.func->code;
  return code_handler(code, (uint32_t)(g->frame.pc - code->instr) - 1) != NULL;
}

static bool never_awaited(const Gen *g) { return g->head.type == &coroutine_type && gen_state(g) == GEN_CREATED; }

static bool wants_close(VM *vm, Gen *g) {
  if (never_awaited(g)) return true;
  if (g->head.type == &async_generator_type && gen_state(g) <= GEN_SUSPENDED && !v_is_none(async_gen_finalizer(g))) return true;
  if (!has_pending_handler(g)) return false;
  for (const Gen *d = g->delegator; d; d = d->delegator) { /* closing an abandoned delegator closes this one, in the right order */
    if ((vm->heap->finishing || !gc_is_marked((Obj *)(uintptr_t)&d->head)) && has_pending_handler(d)) return false;
  }
  return true;
}

static bool wants_finalizer(VM *vm, Obj *o) {
  if (o->flags & OBJ_FINALIZED) return false;
  return o->type->layout == LAY_GEN ? wants_close(vm, (Gen *)(void *)o) : (o->type->flags & TYPE_HAS_DEL) != 0;
}

static void find_finalizable(void *ctx, Obj *o) {
  VM *vm = ctx;
  if ((gc_is_marked(o) && !vm->heap->finishing) || !wants_finalizer(vm, o)) return;
  if (queue_add(vm, vm->heap, o)) o->flags |= OBJ_FINALIZED;
  else gc_mark_obj(&vm->heap->tracer, o); /* no memory for the queue: let it live until the next collection */
}

static void mark_queue(Heap *h) {
  for (size_t i = h->queue_at; i < h->queue_len; i++) gc_mark_obj(&h->tracer, h->queue[i]);
}

/* An asynchronous generator that no event loop closes: as far as it goes without waiting for anything. */
static Value close_async_gen(VM *vm, Value gen) {
  Value out;
  tiny_outcome how = gen_resume(vm, gen, RESUME_CLOSE, V_ABSENT, &out);
  if (how == TINY_YIELDED) return rt_raise(vm, &exc_RuntimeError, "async generator ignored GeneratorExit");
  if (how == TINY_RETURNED) return V_NONE;
  if (!rt_pending_is(vm, &exc_GeneratorExit) && !rt_pending_is(vm, &exc_StopAsyncIteration)) return V_FAIL;
  (void)rt_take_exc(vm);
  return V_NONE;
}

/* PEP 525: the event loop's hook closes an asynchronous generator; without one, and for the other generators: close(). */
static Value close_abandoned(VM *vm, Value gen) {
  if (never_awaited(v_gen(gen))) return rt_call_builtin(vm, "_warn_unawaited", 1, &gen);
  if (v_is_exact(gen, &async_generator_type)) {
    Value hook = async_gen_finalizer(v_gen(gen));
    return v_is_none(hook) ? close_async_gen(vm, gen) : rt_call(vm, hook, 1, &gen);
  }
  return rt_call_method(vm, gen, NAME(vm, close), 0, NULL);
}

static void run_one(VM *vm, Obj *o) {
  Value v = v_from_obj(o), r;
  const char *where = NULL;
  const Type *kind = type_builtin_base(o->type); /* scripts derive from weakref.ref */
  if (kind == &weakref_type || kind == &weakproxy_type) {
    WeakRef *ref = (WeakRef *)(void *)o;
    Value callback = ref->callback;
    ref->callback = V_ABSENT;
    r = v_absent(callback) ? V_NONE : rt_call(vm, callback, 1, &v);
    v = callback;
  } else if (o->type->layout == LAY_GEN) {
    r = close_abandoned(vm, v);
  } else {
    Value del = rt_special(vm, v, NAME(vm, __del__));
    r = v_failed(del) || v_absent(del) ? del : rt_call(vm, del, 0, NULL);
    if (v_failed(r) && !v_failed(del)) {
      Value exc = tiny_pin(vm, rt_take_exc(vm));
      Value function = tiny_getattr(vm, del, "__func__"); /* the report names the function */
      if (v_failed(function)) tiny_clear_error(vm);
      exc_report_unraisable(vm, exc, where, v_failed(function) ? v : function);
      return;
    }
  }
  if (v_failed(r)) exc_report_unraisable(vm, rt_take_exc(vm), where, v);
}

bool gc_run_finalizers(VM *vm) {
  Heap *h = vm->heap;
  if (h->finalizing || vm->gc_off || h->queue_at == h->queue_len) return true;
  h->finalizing = true;
  while (h->queue_at < h->queue_len) {
    size_t mark = rt_temp_mark(vm);
    Value *keep = rt_temp(vm, 1);
    if (!keep) {
      rt_take_exc(vm);
      break; /* later */
    }
    Obj *o = h->queue[h->queue_at++];
    *keep = v_from_obj(o);
    run_one(vm, o);
    rt_temp_release(vm, mark);
    if (vm->limit_hit) break;
  }
  if (h->queue_at == h->queue_len) h->queue_at = h->queue_len = 0;
  h->finalizing = false;
  return vm->limit_hit == LIMIT_NONE;
}

/* ---- weak references */

static size_t weak_hash(const Obj *o) { return (size_t)(((uintptr_t)o >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 20); }

static WeakEntry *weak_find(Heap *h, Obj *target) {
  if (!h->weak_size) return NULL;
  for (size_t i = weak_hash(target);; i++) {
    WeakEntry *e = &h->weak[i & (h->weak_size - 1)];
    if (e->target == target) return e;
    if (!e->target) return NULL;
  }
}

static WeakEntry *weak_slot(WeakEntry *table, size_t size, Obj *target) {
  size_t i = weak_hash(target);
  while (table[i & (size - 1)].target) i++;
  return &table[i & (size - 1)];
}

static bool weak_grow(VM *vm, Heap *h) {
  size_t live = 0;
  for (size_t i = 0; i < h->weak_size; i++) live += h->weak[i].target && h->weak[i].target != WEAK_GONE;
  size_t size = 8;
  while (size < live * 4) size *= 2;
  WeakEntry *table = mem_zalloc(&vm->mem, size * sizeof *table);
  if (!table) return false;
  for (size_t i = 0; i < h->weak_size; i++) {
    if (h->weak[i].target && h->weak[i].target != WEAK_GONE) *weak_slot(table, size, h->weak[i].target) = h->weak[i];
  }
  mem_free(&vm->mem, h->weak, h->weak_size * sizeof *h->weak);
  h->weak = table;
  h->weak_size = size;
  h->weak_used = live;
  return true;
}

bool gc_weak_add(VM *vm, Obj *target, Obj *ref) {
  Heap *h = vm->heap;
  WeakEntry *e = weak_find(h, target);
  if (!e) {
    if ((h->weak_used + 1) * 2 > h->weak_size && !weak_grow(vm, h)) return rt_no_memory(vm), false;
    e = weak_slot(h->weak, h->weak_size, target);
    *e = (WeakEntry){.target = target};
    h->weak_used++;
  }
  if (e->n == e->cap) {
    uint32_t cap = e->cap ? e->cap * 2 : 1;
    Obj **refs = mem_realloc(&vm->mem, e->refs, e->cap * sizeof *refs, cap * sizeof *refs);
    if (!refs) return rt_no_memory(vm), false; /* an entry without refs is harmless */
    e->refs = refs;
    e->cap = cap;
  }
  e->refs[e->n++] = ref;
  target->flags |= OBJ_HAS_WEAKREF;
  return true;
}

static void weak_drop(VM *vm, WeakEntry *e) {
  mem_free(&vm->mem, e->refs, e->cap * sizeof *e->refs);
  *e = (WeakEntry){.target = WEAK_GONE};
}

void gc_weak_remove(VM *vm, Obj *target, Obj *ref) {
  WeakEntry *e = weak_find(vm->heap, target);
  if (!e) return;
  for (uint32_t i = 0; i < e->n; i++) {
    if (e->refs[i] != ref) continue;
    e->refs[i] = e->refs[--e->n];
    break;
  }
  if (e->n == 0) {
    if (!vm->heap->collecting) target->flags &= (uint8_t)~OBJ_HAS_WEAKREF; /* while sweeping, the target's cell may be gone already */
    weak_drop(vm, e);
  }
}

size_t gc_weak_list(VM *vm, Obj *target, Obj ***refs) {
  WeakEntry *e = weak_find(vm->heap, target);
  *refs = e ? e->refs : NULL;
  return e ? e->n : 0;
}

/* After marking, before finalizers bring objects back (as CPython's collector does): references to dead targets are cleared, callbacks of live ones queued,
   newest first. */
static void weak_clear(VM *vm, Heap *h) {
  for (size_t i = 0; i < h->weak_size; i++) {
    WeakEntry *e = &h->weak[i];
    if (!e->target || e->target == WEAK_GONE || gc_is_marked(e->target)) continue;
    for (uint32_t k = e->n; k-- > 0;) {
      WeakRef *ref = (WeakRef *)(void *)e->refs[k];
      ref->target = NULL;
      if (gc_is_marked(&ref->head) && !v_absent(ref->callback)) (void)queue_add(vm, h, &ref->head); /* no memory: the callback is lost */
    }
    weak_drop(vm, e);
  }
}

/* Before sweeping: references that die leave the lists of their targets. */
static void weak_prune(VM *vm, Heap *h) {
  for (size_t i = 0; i < h->weak_size; i++) {
    WeakEntry *e = &h->weak[i];
    if (!e->target || e->target == WEAK_GONE) continue;
    uint32_t kept = 0;
    for (uint32_t k = 0; k < e->n; k++) {
      WeakRef *ref = (WeakRef *)(void *)e->refs[k];
      if (gc_is_marked(&ref->head)) e->refs[kept++] = e->refs[k];
      else ref->target = NULL; /* so that its destroy function does nothing */
    }
    e->n = kept;
    if (kept == 0) weak_drop(vm, e);
  }
}

/* ---- the collection */

static void set_threshold(VM *vm, Heap *h) {
  Mem *m = &vm->mem;
  size_t live = m->used > h->stats.free_bytes ? m->used - h->stats.free_bytes : 0;
  h->stats.live_bytes = live;
  /* Free cells are part of the budget, as taking one does not raise `used`; but a program that uses other sizes must not collect again and again
     because of them: half of what lives is granted in any case. */
  size_t budget = live + live / 2 > MIN_BUDGET ? live + live / 2 : MIN_BUDGET, least = live / 2 > MIN_BUDGET / 4 ? live / 2 : MIN_BUDGET / 4;
  budget = budget > h->stats.free_bytes + least ? budget - h->stats.free_bytes : least;
  size_t at = m->used + budget;
  if (m->limit && at > m->used + (m->limit - m->used) / 2) at = m->used + (m->limit > m->used ? (m->limit - m->used) / 2 : 0);
  m->gc_at = at;
}

/* Queues what has a finalizer in the order in which it is reached from `first`, nearest first: the order in which python3 takes a program's globals apart. */
static void queue_from(VM *vm, Tracer *t, Obj *first) {
  gc_mark_obj(t, first);
  for (size_t i = 0; i < t->n; i++) {
    Obj *o = t->stack[i];
    if (wants_finalizer(vm, o) && queue_add(vm, vm->heap, o)) o->flags |= OBJ_FINALIZED;
    trace(t, o);
  }
  t->n = 0;
}

static void collect(VM *vm, Obj *first) {
  Heap *h = vm->heap;
  if (h->collecting || vm->gc_off) return;
  h->collecting = true;
  Tracer *t = &h->tracer;
  attr_flush_caches(vm); /* inline caches hold class attributes without keeping them alive */
  if (first) queue_from(vm, t, first);
  vm_trace_roots(vm, t);
  mark_queue(h);
  drain(t);
  weak_clear(vm, h);
  size_t queued = h->queue_len;
  pages_each(h, KIND_FINAL, find_finalizable, vm);
  drain(t);
  if (h->queue_len != queued) {
    mark_queue(h);
    drain(t);
  }
  weak_prune(vm, h);
  frame_objects_prune(vm);
  str_intern_sweep(vm, gc_is_marked);
  h->stats.free_bytes = 0;
  h->kept_empty = 0;
  for (int kind = 0; kind < KIND_COUNT; kind++) pages_sweep(vm, h, kind);
  if (t->cap > 4096) {
    mem_free(&vm->mem, t->stack, t->cap * sizeof *t->stack);
    t->stack = NULL;
    t->cap = 0;
  }
  set_threshold(vm, h);
  vm->mem.want_gc = false;
  h->stats.collections++;
  h->collecting = false;
}

void gc_collect(VM *vm) { collect(vm, NULL); }

typedef struct Search { VM *vm; bool found; } Search;
static void search(void *ctx, Obj *o) {
  Search *s = ctx;
  if (!s->found) s->found = wants_finalizer(s->vm, o);
}

void gc_finish(VM *vm) {
  Heap *h = vm->heap;
  Search s = {.vm = vm};
  h->finishing = true;
  pages_each(h, KIND_FINAL, search, &s);
  h->finishing = false;
  if (!s.found || vm->limit_hit) return;
  gc_collect(vm);
  if (!gc_run_finalizers(vm)) return;
  h->finishing = true;
  collect(vm, (Obj *)vm->main->dict);
  h->finishing = false;
  (void)gc_run_finalizers(vm);
}

bool gc_init(VM *vm) {
  vm->heap = mem_zalloc(&vm->mem, sizeof *vm->heap);
  if (!vm->heap) return false;
  vm->heap->tracer.vm = vm;
  set_threshold(vm, vm->heap);
  return true;
}

void gc_free_all(VM *vm) {
  Heap *h = vm->heap;
  if (!h) return;
  h->collecting = true;
  for (size_t i = 0; i < h->weak_size; i++) {
    WeakEntry *e = &h->weak[i];
    if (!e->target || e->target == WEAK_GONE) continue;
    for (uint32_t k = 0; k < e->n; k++) ((WeakRef *)(void *)e->refs[k])->target = NULL;
    weak_drop(vm, e);
  }
  for (int kind = 0; kind < KIND_COUNT; kind++) pages_destroy_all(vm, h, kind);
  pages_free(vm, h);
  mem_free(&vm->mem, h->weak, h->weak_size * sizeof *h->weak);
  mem_free(&vm->mem, h->queue, h->queue_cap * sizeof *h->queue);
  mem_free(&vm->mem, h->tracer.stack, h->tracer.cap * sizeof *h->tracer.stack);
  mem_free(&vm->mem, h, sizeof *h);
  vm->heap = NULL;
}

void gc_each(VM *vm, void (*fn)(void *ctx, Obj *o), void *ctx) {
  for (int kind = 0; kind < KIND_COUNT; kind++) pages_each(vm->heap, kind, fn, ctx);
}

static void count_one(void *ctx, Obj *o) {
  (void)o;
  ++*(size_t *)ctx;
}

size_t gc_count(VM *vm) {
  size_t n = 0;
  gc_each(vm, count_one, &n);
  return n;
}

const GcStats *gc_stats(VM *vm) { return &vm->heap->stats; }
