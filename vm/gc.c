/* The collector: marks from the roots with an explicit stack, keeps what has a finalizer to run, clears weak references and weak tables, sweeps.
 *
 * Generational without moving (sticky marks: Demers et al., "Combining generational and conservative garbage collection", POPL 1990): what a collection has
 * marked stays marked, is old and is not looked at by minor collections, which follow the roots, the remembered objects and all objects of open kinds.
 * A full collection changes the colour that means "lives".
 *
 * Stop-the-world, at safe points only. If the mark stack cannot grow, objects are left "pending" and found again by walking the heap: a collection
 * needs no memory to succeed. Finalizers are queued here and run later by gc_run_finalizers, as script code at the safe point. */
#include "vm/gc_int.h"
#include "vm/objects/str.h"
#include "vm/objects/dict.h"
#include "vm/objects/list.h"
#include "vm/objects/bytes.h"
#ifdef TINY_GC_STRESS
#include <stdio.h>
#endif

/* Bytes of new objects between two collections at the least: they should stay in a second-level cache. A small heap has a small nursery, as it costs little to look at. */
#define NURSERY_LEAST ((size_t)1 << 18)
#define NURSERY_MOST ((size_t)1 << 20)
/* A full collection comes when what lives has grown by half (a large heap: to 2.5 times), and this much more. */
#define FULL_MORE ((size_t)1 << 18)
#define WEAK_GONE ((Obj *)(uintptr_t)16)

/* ---- marking */

static void push(Tracer *t, Obj *o) {
  if (UNLIKELY(t->n == t->cap)) {
    size_t cap = t->cap ? t->cap * 2 : 256;
    Obj **stack = mem_realloc(&t->vm->mem, t->stack, t->cap * sizeof *stack, cap * sizeof *stack);
    if (!stack) {
      set_mark(o, MARK_PENDING);
      t->overflow = t->overflowed = true;
      return;
    }
    t->stack = stack;
    t->cap = cap;
  }
  t->stack[t->n++] = o;
}

#ifdef TINY_GC_STRESS
static COLD void missed(const Tracer *t, const Obj *o) {
  fprintf(stderr, "write barrier: a %s is held by an old %s only, which nobody remembered\n", o->type->name, t->tracing->type ? t->tracing->type->name : "root");
  __builtin_trap();
}
#endif

bool gc_is_marked(const VM *vm, const Obj *o) { return (o->mark & vm->heap->black) || (o->flags & OBJ_STATIC); }

bool gc_is_old(const VM *vm, const Obj *o) { return mark_of(o) == vm->heap->black || (o->flags & OBJ_STATIC); }

/* What is held by something that every minor collection looks at need not become old: it is found again. So it is freed when it dies, and not at the next full
 * collection only. That is done for objects of open types, which old or young are traced each time (the coroutines that another one waits for), and for big
 * leaves (what a connection read last). Whoever holds it and is not looked at each time makes it old, then or later (gc_remember). */
static bool stays_young(const Tracer *t, const Obj *o) { /* t->open */
  if (!(o->type->flags & TYPE_BARRIER)) return o->type->layout != LAY_TYPE && !t->overflowed;
  return o->mark >> 2 == CLASS_BIG && !o->type->trace;
}

void gc_mark_obj(Tracer *t, const void *obj) {
  if (!obj) return;
  Obj *o = (Obj *)(uintptr_t)obj;
  if ((o->mark & t->black) || (o->flags & OBJ_STATIC)) {
    if (UNLIKELY(mark_of(o) == MARK_PENDING) && !t->open && !(o->type->trace && t->overflowed)) set_mark(o, t->black); /* some old object holds it too */
    return;
  }
#ifdef TINY_GC_STRESS
  if (t->tracing && mark_of(o) == MARK_WHITE) missed(t, o);
#endif
  const Type *type = o->type;
  if (t->open && stays_young(t, o)) {
    set_mark(o, MARK_PENDING);
    if (type->trace || (type->flags & TYPE_HEAP)) push(t, o);
    return;
  }
  set_mark(o, t->black);
  if (type == &str_type) { /* most objects are plain strings: nothing behind them */
    t->leaves[o->mark >> 2]++;
    if (!((Str *)o)->extra) return;
  } else if ((type->flags & TYPE_BARRIER) && !type->destroy) {
    t->leaves[o->mark >> 2]++;
  }
  if (type->trace || (type->flags & TYPE_HEAP)) push(t, o);
}

void gc_mark_array(Tracer *t, const Value *items, size_t n) {
  enum { AHEAD = 8 }; /* the header of an object is rarely in the cache */
  size_t i = 0;
  for (; i + AHEAD < n; i++) {
    if (v_is_obj(items[i + AHEAD])) PREFETCH(v_obj(items[i + AHEAD]));
    gc_mark(t, items[i]);
  }
  for (; i < n; i++) gc_mark(t, items[i]);
}

static bool is_view(Value v) { return v_is_exact(v, &memoryview_type) || v_is_exact(v, &memory_iter_type); }

void gc_mark_registers(Tracer *t, const Value *regs, const Code *code, bool exact) {
  if (LIKELY(!t->probing) || exact) {
    gc_mark_array(t, regs, code->n_regs);
    return;
  }
  uint32_t locals = code->n_locals < NEAR_LOCALS ? code->n_locals : NEAR_LOCALS;
  for (uint32_t i = 0; i < code->n_regs; i++) {
    bool doubtful = i >= locals && i < 256 && is_view(regs[i]) && mem_grow(&t->vm->mem, (void **)&t->doubtful, &t->cap_doubtful, t->n_doubtful + 1, sizeof *t->doubtful);
    if (doubtful) t->doubtful[t->n_doubtful++] = regs[i];
    else gc_mark(t, regs[i]);
  }
}

static void trace(Tracer *t, Obj *o) {
  const Type *type = o->type;
#ifdef TINY_GC_STRESS
  if (t->tracing) t->tracing = o;
#endif
  t->open = !(type->flags & TYPE_BARRIER);
  if (type->flags & TYPE_HEAP) gc_mark_obj(t, type);
  if (type->trace) type->trace(t, o);
  t->open = false;
}

static void drain_stack(Tracer *t) {
  while (t->n > 0) trace(t, t->stack[--t->n]);
}

static void trace_pending(void *ctx, Obj *o) {
  if (mark_of(o) != MARK_PENDING) return;
  Tracer *t = ctx;
  set_mark(o, t->black);
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

/* ---- the write barrier */

/* An object whose items are too many to look at again for the sake of one. */
static bool has_many_items(const Obj *o) {
  enum { MANY = 64 };
  switch (o->type->layout) {
  case LAY_LIST: return ((const List *)o)->length > MANY;
  case LAY_DICT: return ((const Dict *)o)->used > MANY;
  case LAY_SET: return ((const Set *)o)->used > MANY;
  default: return false;
  }
}

void gc_remember(VM *vm, Obj *owner, Obj *young) {
  Heap *h = vm->heap;
  if (!(owner->type->flags & TYPE_BARRIER)) return;
  Obj *o = young && has_many_items(owner) ? young : owner;
  if (o->flags & (OBJ_REMEMBERED | OBJ_STATIC)) return;
  if (!mem_grow(&vm->mem, (void **)&h->remembered, &h->cap_remembered, h->n_remembered + 1, sizeof *h->remembered)) {
    h->want_full = true; /* which needs no memory */
    return;
  }
  h->remembered[h->n_remembered++] = o;
  o->flags |= OBJ_REMEMBERED;
}

/* Looks again at old objects, keeps young ones. A full collection finds them anyway. */
static void mark_remembered(Heap *h) {
  Tracer *t = &h->tracer;
  for (size_t i = 0; i < h->n_remembered; i++) {
    Obj *o = h->remembered[i];
    o->flags &= (uint8_t)~OBJ_REMEMBERED;
    if (h->full) continue;
    if (mark_of(o) == MARK_WHITE) gc_mark_obj(t, o);
    else trace(t, o);
  }
  h->n_remembered = 0;
}

static void trace_old(void *ctx, Obj *o) { trace(ctx, o); }

/* ---- finalizers */

static bool queue_add(VM *vm, Heap *h, Obj *o) {
  if (!mem_grow(&vm->mem, (void **)&h->queue, &h->queue_cap, h->queue_len + 1, sizeof *h->queue)) return false;
  h->queue[h->queue_len++] = o;
  return true;
}

static bool has_pending_handler(const Gen *g) {
  const Code *code = g->frame.func->code;
  return code_handler(code, (uint32_t)(g->frame.pc - code->instr) - 1) != NULL;
}

static bool never_awaited(const Gen *g) { return g->head.type == &coroutine_type && gen_state(g) == GEN_CREATED; }

/* Would somebody see that g is closed: a handler (finally, with, except) around its yield or one of a generator it delegates to, who else uses such a one, or
   what may have a close() (PEP 380). */
static bool close_is_seen(VM *vm, const Gen *g) {
  for (;;) {
    if (has_pending_handler(g)) return true;
    if (v_absent(g->yield_from)) return false;
    if (!is_gen(g->yield_from)) return type_is_heap(type_of(g->yield_from));
    const Gen *to = v_gen(g->yield_from);
    if (gen_is_item(to)) return false;
    if (to->delegator != g || (!vm->heap->finishing && gc_is_marked(vm, &to->head))) return true;
    g = to;
  }
}

/* CPython closes every suspended generator that is abandoned: here those of which it is seen. What is delegated to is closed by its delegator, in the right order. */
static bool wants_close(VM *vm, Gen *g) {
  if (never_awaited(g)) return true;
  if (g->head.type == &async_generator_type && gen_state(g) <= GEN_SUSPENDED && !v_is_none(async_gen_finalizer(g))) return true;
  if (gen_state(g) != GEN_SUSPENDED || !g->frame.func || gen_is_step(g)) return false;
  const Gen *d = g->delegator;
  bool by_delegator = d && !(d->head.flags & OBJ_FINALIZED) && !gen_is_item(g) && (vm->heap->finishing || !gc_is_marked(vm, &d->head));
  return !by_delegator && close_is_seen(vm, g);
}

static bool wants_finalizer(VM *vm, Obj *o) {
  if (o->flags & OBJ_FINALIZED) return false;
  return o->type->layout == LAY_GEN ? wants_close(vm, (Gen *)(void *)o) : (o->type->flags & TYPE_HAS_DEL) != 0;
}

/* A generator does not keep its delegator alive; that was closed, or its end is not seen. */
static void forget_delegator(void *ctx, Obj *o) {
  VM *vm = ctx;
  if (o->type->layout != LAY_GEN || !gc_is_marked(vm, o)) return;
  Gen *g = (Gen *)(void *)o;
  if (g->delegator && !gc_is_marked(vm, &g->delegator->head)) gen_detach(vm, g);
}

static void find_finalizable(void *ctx, Obj *o) {
  VM *vm = ctx;
  if ((gc_is_marked(vm, o) && !vm->heap->finishing) || (o->type->layout == LAY_GEN && gen_state((Gen *)(void *)o) == GEN_CLOSED) || !wants_finalizer(vm, o)) return;
  if (queue_add(vm, vm->heap, o)) o->flags |= OBJ_FINALIZED;
  else gc_mark_obj(&vm->heap->tracer, o); /* no memory for the queue: let it live until the next collection */
}

/* An object that was made before its class got a __del__. */
static void find_late(void *ctx, Obj *o) {
  if (o->type->flags & TYPE_HAS_DEL) find_finalizable(ctx, o);
}

void gc_late_finalizers(VM *vm) { vm->heap->late_finalizers = true; }

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

/* Where it was made is where somebody forgot to await it; the collection that found it is anywhere. */
static Value warn_unawaited(VM *vm, Value gen) {
  int line;
  const Function *maker = gen_maker(v_gen(gen), &line);
  Value args[4] = {gen, V_NONE, v_from_int62(line), V_NONE};
  if (maker) {
    args[1] = v_from_obj(maker->code->filename);
    args[3] = v_from_obj(maker->globals);
  }
  return rt_call_builtin(vm, "_warn_unawaited", 4, args);
}

/* PEP 525: the event loop's hook closes an asynchronous generator; without one, and for the other generators: close(). */
static Value close_abandoned(VM *vm, Value gen) {
  if (never_awaited(v_gen(gen))) return warn_unawaited(vm, gen);
  if (v_is_exact(gen, &async_generator_type)) {
    Value hook = async_gen_finalizer(v_gen(gen));
    if (!vm_pin(vm, hook)) return rt_no_memory(vm);
    return v_is_none(hook) ? close_async_gen(vm, gen) : rt_call(vm, hook, 1, &gen);
  }
  return rt_call_method(vm, gen, NAME(vm, close), 0, NULL);
}

void gc_finalize(VM *vm, Obj *o) {
  Value v = v_from_obj(o), r;
  const char *where = NULL;
  const Type *kind = type_builtin_base(o->type); /* scripts derive from weakref.ref */
  if (kind == &weakref_type || kind == &weakproxy_type) {
    WeakRef *ref = (WeakRef *)(void *)o;
    Value callback = ref->callback;
    ref->callback = V_ABSENT;
    r = v_absent(callback) ? V_NONE : !vm_pin(vm, callback) ? rt_no_memory(vm) : rt_call(vm, callback, 1, &v);
    v = callback;
  } else if (o->type->layout == LAY_GEN) {
    r = close_abandoned(vm, v);
  } else {
    Value del = rt_special(vm, v, NAME(vm, __del__));
    if (v_is_obj(del) && !vm_pin(vm, del)) del = rt_no_memory(vm);
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
    gc_finalize(vm, o);
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
    if (!e->target || e->target == WEAK_GONE || gc_is_marked(vm, e->target)) continue;
    for (uint32_t k = e->n; k-- > 0;) {
      WeakRef *ref = (WeakRef *)(void *)e->refs[k];
      ref->target = NULL;
      if (gc_is_marked(vm, &ref->head) && !v_absent(ref->callback)) (void)queue_add(vm, h, &ref->head); /* no memory: the callback is lost */
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
      if (gc_is_marked(vm, &ref->head)) e->refs[kept++] = e->refs[k];
      else ref->target = NULL; /* so that its destroy function does nothing */
    }
    e->n = kept;
    if (kept == 0) weak_drop(vm, e);
  }
}

/* ---- the collection */

void gc_poke(VM *vm) {
  Mem *m = &vm->mem;
  if (m->want_gc || vm->heap->collecting) return;
  m->want_gc = true;
  if (m->poke && *m->poke > 0) *m->poke -= MEM_POKE;
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

void gc_no_memory(VM *vm) {
  if (!vm->heap) return;
  mem_drop_reserve(&vm->mem);
  vm->starved = vm->starved_left = 1;
  vm->heap->want_full = true;
  gc_poke(vm);
}

/* Every minor collection looks at the roots, the open objects and the weak tables: the more there are of those, the rarer it comes. */
static size_t minor_cost(VM *vm, const Heap *h) {
  return pages_live(h, KIND_OPEN) + pages_live(h, KIND_FINAL) + frame_stack_bytes(vm) + (h->weak_size * sizeof *h->weak + str_sweep_cost(vm) * 16);
}

/* How much more may live until the next full collection (before: what lived according to the one before this). A large heap that was trimmed, or whose last growth was garbage for
 * the most part, may grow by half only: a server with thousands of connections makes old garbage all the time, from what they hold at a minor collection, and is not growing. */
static size_t full_distance(const Heap *h, size_t live, size_t before) {
  size_t grown = before > h->full_live ? before - h->full_live : 0, freed = before > live ? before - live : 0;
  if (live <= LARGE_HEAP) return live / 2 + FULL_MORE;
  return h->trim || freed > grown / 2 ? live / 2 : live + live / 2 + FULL_MORE;
}

static void set_thresholds(VM *vm, Heap *h) {
  Mem *m = &vm->mem;
  size_t live = m->used > h->free_bytes ? m->used - h->free_bytes : 0, cost = minor_cost(vm, h);
  size_t growth = full_distance(h, live, h->stats.live_bytes), budget;
  h->stats.live_bytes = live;
  h->stats.free_bytes = h->free_bytes;
  h->nursery = live / 4 < NURSERY_LEAST ? NURSERY_LEAST : live / 4 < NURSERY_MOST ? live / 4 : NURSERY_MOST;
  if (h->nursery < cost + cost / 2) h->nursery = cost + cost / 2;
  budget = h->nursery;
  bool scarce = false; /* the limit is near: much of what is used are free cells, or half of the room is gone since the last full collection */
  if (m->limit) {
    size_t room = m->limit > m->used ? m->limit - m->used : 0, more = m->limit > live ? (m->limit - live) / 2 : 0;
    if (budget > room / 2) budget = room / 2;
    if (growth > more) growth = more;
    if (h->full) h->full_room = room;
    scarce = (room < m->limit / 4 && h->free_bytes > m->used / 4) || room <= h->full_room / 2;
  }
  if (h->full) {
    h->full_at = live + growth;
    h->full_live = live;
  }
  bool gone = h->full_in && --h->full_in == 0;
  h->want_full = gone || (!h->full && (live > h->full_at || scarce));
  m->gc_at = m->used + budget;
}

/* At the first safe point after a refusal the exception that tells of it holds frames, and they hold what used the memory up. So more full collections follow,
   soon farther and farther apart. */
static void note_scarcity(VM *vm, Heap *h) {
  static const uint16_t distance[] = {1, 1, 1, 2, 4, 16, 64, 256, 1024, 4096};
  if (!vm->starved) return;
  bool over = vm->mem.reserve || vm->starved + 1 >= (int)(sizeof distance / sizeof *distance);
  vm->starved = over ? 0 : vm->starved + 1;
  vm->starved_left = distance[vm->starved];
  h->want_full |= !over;
}

static void mark_all(VM *vm, Heap *h) {
  Tracer *t = &h->tracer;
  t->open = true;
  vm_trace_roots(vm, t);
  t->open = false;
  mark_queue(h);
  drain(t);
}

#ifdef TINY_GC_STRESS
static void make_old(void *ctx, Obj *o) {
  if (mark_of(o) == MARK_PENDING) set_mark(o, ((Heap *)ctx)->black);
}

/* After the marking of a minor collection: marks everything again in the other colour, as a full one does. What is white then was about to be freed. */
static void check_minor(VM *vm, Heap *h) {
  static const Obj root = {0};
  Tracer *t = &h->tracer;
  pages_sweep_rest(vm, h);
  for (int kind = 0; kind < KIND_COUNT; kind++) pages_each(h, kind, make_old, h);
  h->full = true;
  h->black ^= MARK_BITS;
  t->black = h->black;
  memset(t->leaves, 0, sizeof t->leaves);
  t->tracing = &root;
  mark_all(vm, h);
  t->tracing = NULL;
}
#endif

static void answer_probe(VM *vm, Heap *h) {
  Tracer *t = &h->tracer;
  h->probe(vm);
  t->probing = false;
  gc_mark_array(t, t->doubtful, t->n_doubtful);
  drain(t);
  mem_free(&vm->mem, t->doubtful, t->cap_doubtful * sizeof *t->doubtful);
  t->doubtful = NULL;
  t->n_doubtful = t->cap_doubtful = 0;
}

static void mark_living(VM *vm, Heap *h, Obj *first) {
  Tracer *t = &h->tracer;
  memset(vm->spare_gens, 0, sizeof vm->spare_gens);
  if (h->full) {
    pages_sweep_rest(vm, h); /* garbage of the old colour must not be there when that colour comes back */
    h->black ^= MARK_BITS;
  }
  t->black = h->black;
  t->overflowed = false;
  memset(t->leaves, 0, sizeof t->leaves);
  mark_remembered(h);
  t->probing = h->probe != NULL;
  if (first) queue_from(vm, t, first);
  for (int kind = KIND_OPEN; !h->full && kind < KIND_TYPE; kind++) pages_each_old(h, kind, trace_old, t); /* all metaclasses have TYPE_BARRIER */
  mark_all(vm, h);
  if (h->probe) answer_probe(vm, h);
}

typedef struct DeadClass { VM *vm; bool found; } DeadClass;
static void note_dead(void *ctx, Obj *o) {
  DeadClass *dead = ctx;
  if (!gc_is_marked(dead->vm, o)) dead->found = true;
}

/* Inline caches hold class attributes, and numbers of classes, without keeping them alive: what they hold goes with its class only. */
static void clean_caches(VM *vm, Heap *h) {
  DeadClass dead = {vm, h->full};
  if (!dead.found) pages_each_new(h, KIND_TYPE, note_dead, &dead);
  if (dead.found) attr_flush_caches(vm);
  else attr_prune_caches(vm, h->full);
  type_forget_wrapped(vm);
}

static void trim_system(VM *vm, Heap *h, size_t held) {
  mem_trim_system(&vm->mem);
  h->held = held;
  h->last_trim = h->stats.collections;
}

/* What was held for a while and is not any more goes back to the system: a phase of the program is over. A small heap is trimmed by full collections now and then
 * (SELDOM: its free pages come back when they are used again, and that costs): the pages are what the process is seen to use. before: bytes held when the collection began. */
static void give_back(VM *vm, Heap *h, size_t before) {
  enum { A_WHILE = 64, SELDOM = 128, PAYS = 256 << 10 };
  if (before > h->held) h->held = before;
  if (before > h->held_lately) h->held_lately = before;
  if (h->full && vm->mem.used < LARGE_HEAP && !h->trim && h->held > vm->mem.used + PAYS && h->stats.collections - h->last_trim > SELDOM) trim_system(vm, h, vm->mem.used);
  if (++h->held_for < A_WHILE) return;
  if (h->held > h->held_lately + h->held_lately / 4 + PAYS) trim_system(vm, h, h->held_lately);
  h->held_lately = h->held_for = 0;
}

/* first: at the end of the program, where to begin. */
static void collect(VM *vm, bool full, Obj *first) {
  Heap *h = vm->heap;
  if (h->collecting || vm->gc_off) return;
  h->collecting = true;
  h->full = full || h->want_full;
  Tracer *t = &h->tracer;
  size_t held = vm->mem.used + vm->mem.kept;
  mark_living(vm, h, first);
#ifdef TINY_GC_STRESS
  if (!h->full && h->stats.collections % 2) check_minor(vm, h); /* every second one: the others leave young what may stay young */
#endif
  weak_clear(vm, h);
  size_t queued = h->queue_len;
  pages_each(h, KIND_FINAL, find_finalizable, vm);
  for (int kind = 0; h->late_finalizers && kind < KIND_FINAL; kind++) pages_each(h, kind, find_late, vm);
  drain(t);
  if (h->queue_len != queued) {
    mark_queue(h);
    drain(t);
  }
  pages_each(h, KIND_FINAL, forget_delegator, vm);
  weak_prune(vm, h);
  frame_objects_prune(vm);
  exports_prune(vm);
  str_sweep(vm, h->full);
  clean_caches(vm, h);
  pages_sweep(vm, h);
  if (t->cap > 4096) {
    mem_free(&vm->mem, t->stack, t->cap * sizeof *t->stack);
    t->stack = NULL;
    t->cap = 0;
  }
  mem_fill_reserve(&vm->mem);
  set_thresholds(vm, h);
  give_back(vm, h, held);
  note_scarcity(vm, h);
  h->full = false;
  vm->mem.want_gc = false;
  h->stats.collections++;
  h->stats.marked += h->stats.live_bytes;
  h->collecting = false;
}

void gc_collect(VM *vm) { collect(vm, true, NULL); }

void gc_trim(VM *vm) {
  Heap *h = vm->heap;
  h->trim = true;
  collect(vm, true, NULL);
  h->trim = false;
  mem_trim_system(&vm->mem);
  h->trimmed = h->held = vm->mem.used;
  h->recycled = h->let_go = h->full_in = 0;
}

/* The full collection comes a few minor ones later: who says so is still at work with what goes. */
void gc_let_go(VM *vm, size_t bytes) {
  enum { MUCH = 512 << 10, LATER = 4 };
  Heap *h = vm->heap;
  h->let_go += bytes;
  if (h->let_go <= MUCH + h->stats.live_bytes / 4) return;
  h->let_go = 0;
  h->full_in = LATER;
}

/* Grown, or a part of it known to be garbage (connections closed), or, when as much went as came, many cells used again. */
int gc_trim_pays(const VM *vm) {
  enum { PAYS = 512 << 10 };
  const Heap *h = vm->heap;
  if (vm->gc_off || h->collecting) return 0;
  if (vm->mem.used + vm->mem.kept > h->trimmed + h->trimmed / 2 + PAYS || h->full_in || (h->let_go > vm->mem.used / 4 && h->let_go > PAYS / 2)) return 2;
  return h->recycled + h->taken > h->trimmed / 8 + PAYS;
}

void gc_step(VM *vm) { collect(vm, false, NULL); }

bool gc_probe(VM *vm, bool full, void (*probe)(VM *vm)) {
  if (vm->gc_off || vm->heap->collecting) return false;
  vm->heap->probe = probe;
  collect(vm, full, NULL);
  vm->heap->probe = NULL;
  return true;
}

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
  collect(vm, true, (Obj *)vm->main->dict);
  h->finishing = false;
  (void)gc_run_finalizers(vm);
}

bool gc_init(VM *vm) {
  vm->heap = mem_zalloc(&vm->mem, sizeof *vm->heap);
  if (!vm->heap) return false;
  vm->heap->tracer.vm = vm;
  vm->heap->black = MARK_BLACK_A;
  vm->heap->full = true;
  set_thresholds(vm, vm->heap);
  vm->heap->full = false;
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
  pages_destroy_all(vm, h);
  pages_free(vm, h);
  mem_free(&vm->mem, h->remembered, h->cap_remembered * sizeof *h->remembered);
  mem_free(&vm->mem, h->weak, h->weak_size * sizeof *h->weak);
  mem_free(&vm->mem, h->queue, h->queue_cap * sizeof *h->queue);
  mem_free(&vm->mem, h->tracer.stack, h->tracer.cap * sizeof *h->tracer.stack);
  mem_free(&vm->mem, h, sizeof *h);
  vm->heap = NULL;
}

void gc_each(VM *vm, void (*fn)(void *ctx, Obj *o), void *ctx) {
  if (!vm->heap->collecting) pages_sweep_rest(vm, vm->heap);
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

const GcStats *gc_stats(VM *vm) {
  if (!vm->heap->collecting) pages_sweep_rest(vm, vm->heap);
  return &vm->heap->stats;
}
