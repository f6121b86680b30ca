/* The life of a VM: create, free, roots; temporaries and references; the budget: fuel, deadline, interrupts, C stack. */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include "vm/vm.h"
#include "vm/call.h"
#include "vm/api_int.h"
#include "vm/type_ids.h"
#include "vm/objects/bytes.h"
#if defined(__linux__)
#include <sys/random.h>
#endif

/* ---- temporaries */

#define FIRST_TEMPS 64u

static bool temps_grow(VM *vm, size_t n) {
  TempChunk *last = vm->temp_chunk;
  if (last && last->next) { /* kept from earlier: usable when large enough */
    if (last->next->cap >= n) {
      vm->temp_chunk = last->next;
      vm->temp_chunk->base = vm->n_temps;
      return true;
    }
    for (TempChunk *c = last->next, *next; c; c = next) {
      next = c->next;
      mem_free(&vm->mem, c, sizeof *c + c->cap * sizeof(Value));
    }
    last->next = NULL;
  }
  size_t cap = last ? last->cap * 2 : FIRST_TEMPS;
  if (cap < n) cap = n;
  TempChunk *c = cap > SIZE_MAX / 16 ? NULL : mem_alloc(&vm->mem, sizeof *c + cap * sizeof(Value));
  if (!c) return false;
  *c = (TempChunk){.prev = last, .base = vm->n_temps, .cap = cap};
  if (last) last->next = c;
  vm->temp_chunk = c;
  return true;
}

/* n slots that stay where they are. NULL: no memory. */
static Value *temps_take(VM *vm, size_t n) {
  while (vm->temp_chunk && vm->n_temps < vm->temp_chunk->base) vm->temp_chunk = vm->temp_chunk->prev;
  TempChunk *c = vm->temp_chunk;
  if (UNLIKELY(!c || c->cap - (vm->n_temps - c->base) < n)) {
    /* The rest of this chunk stays unused; its slots keep no number, so the next chunk's base is the current count. */
    if (!temps_grow(vm, n)) return NULL;
    c = vm->temp_chunk;
  }
  Value *v = c->v + (vm->n_temps - c->base);
  vm->n_temps += n;
  return v;
}

Value *rt_temp(VM *vm, int n) {
  Value *v = temps_take(vm, (size_t)n);
  if (!v) {
    rt_no_memory(vm);
    return NULL;
  }
  for (int i = 0; i < n; i++) v[i] = V_NONE;
  return v;
}

size_t rt_temp_mark(VM *vm) { return vm->n_temps; }
void rt_temp_release(VM *vm, size_t mark) { vm->n_temps = mark; }

bool vm_pin(VM *vm, Value v) {
  Value *slot = temps_take(vm, 1);
  if (!slot) return false;
  *slot = v;
  return true;
}

static void temps_trace(VM *vm, Tracer *t) {
  size_t end = vm->n_temps;
  for (TempChunk *c = vm->temp_chunk; c; c = c->prev) {
    if (end <= c->base) continue;
    gc_mark_array(t, c->v, end - c->base);
    end = c->base;
  }
}

static void temps_free(VM *vm) {
  TempChunk *c = vm->temp_chunk;
  while (c && c->next) c = c->next;
  for (TempChunk *prev; c; c = prev) {
    prev = c->prev;
    mem_free(&vm->mem, c, sizeof *c + c->cap * sizeof(Value));
  }
  vm->temp_chunk = NULL;
  vm->n_temps = 0;
}

Mem *rt_mem(VM *vm) { return &vm->mem; }

/* ---- roots */

static void trace_tail(VM *vm, Tracer *t) {
  gc_mark(t, vm->tail.callable);
  gc_mark(t, vm->tail.kwnames);
  gc_mark(t, vm->tail.state);
  gc_mark(t, vm->tail.gen);
  gc_mark(t, vm->tail.sent);
  if (vm->tail.argv) gc_mark_array(t, vm->tail.argv, (size_t)vm->tail.argc);
}

void vm_trace_roots(VM *vm, Tracer *t) {
  frames_trace(vm, t);
  gc_mark(t, vm->exc);
  gc_mark(t, vm->handled);
  gc_mark(t, vm->paused_handled);
  gc_mark(t, vm->on_signal);
  temps_trace(vm, t);
  for (uint32_t i = 0; i < vm->n_refs; i++) gc_mark(t, vm->refs[i].v); /* None in free slots */
  trace_tail(vm, t);
  for (int i = 0; i < NAME_COUNT; i++) gc_mark_obj(t, vm->names[i]);
  for (int i = 0; i < 128; i++) gc_mark_obj(t, vm->ascii_chars[i]);
  gc_mark_obj(t, vm->empty_str);
  gc_mark_obj(t, vm->empty_tuple);
  gc_mark_obj(t, vm->unhooked);
  gc_mark(t, vm->empty_frozenset);
  gc_mark(t, vm->empty_bytes);
  types_trace(vm, t);
  gc_mark_obj(t, vm->native_classes);
  gc_mark_obj(t, vm->modules);
  gc_mark_obj(t, vm->builtins);
  gc_mark_obj(t, vm->main);
  gc_mark_obj(t, vm->sys_dict);
  gc_mark_obj(t, vm->frozen);
  gc_mark(t, vm->memory_error);
  gc_mark(t, vm->thrown[0]);
  gc_mark(t, vm->thrown[1]);
  gc_mark(t, vm->agen_step);
  gc_mark(t, vm->asyncgen_firstiter);
  gc_mark(t, vm->asyncgen_finalizer);
  api_trace(vm, t);
}

/* ---- create and free */

static uint64_t mix(uint64_t *state) { /* splitmix64 */
  uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return z ^ (z >> 31);
}

static void seed_hash(VM *vm) {
  uint64_t seed = vm->config.hash_seed;
#if defined(__linux__)
  if (seed == 0 && getrandom(vm->hash_key, sizeof vm->hash_key, GRND_NONBLOCK) == (ssize_t)sizeof vm->hash_key) return;
#endif
  if (seed == 0) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    seed = (uint64_t)ts.tv_nsec ^ (uint64_t)ts.tv_sec << 32 ^ (uint64_t)(uintptr_t)vm;
  }
  vm->hash_key[0] = mix(&seed);
  vm->hash_key[1] = mix(&seed);
}

static void init_fields(VM *vm) {
  vm->exc = V_ABSENT;
  vm->passing = vm->agen_step = vm->thrown[0] = vm->thrown[1] = V_ABSENT;
  vm->handled = vm->paused_handled = V_NONE;
  vm->on_signal = V_ABSENT;
  vm->fuel_left = UINT64_MAX;
  vm->recursion_limit = vm->config.recursion_limit ? vm->config.recursion_limit : 1000;
  vm->c_stack_limit = vm->config.c_stack_limit ? vm->config.c_stack_limit : (size_t)128 << 10;
  vm->tail.callable = vm->tail.kwnames = vm->tail.state = vm->tail.gen = vm->tail.sent = V_ABSENT;
  vm->empty_frozenset = vm->empty_bytes = V_ABSENT;
  vm->memory_error = V_ABSENT;
  vm->asyncgen_firstiter = vm->asyncgen_finalizer = V_NONE;
  vm->dict_version = 1;
  vm->gen_epoch = 1;
  vm->int_max_str_digits = 4300;
  vm->fuel = FUEL_SLICE;
#ifdef TINY_GC_STRESS /* make test-gcstress: a collection at every safe point */
  vm->stress = true;
  vm->fuel = 1;
#endif
}

/* Text of the configuration that outlives the host's: the allow-list. argv is turned into sys.argv by the sys module and has to live as long as the VM. */
static bool init_modules(VM *vm) {
  vm->modules = dict_new(vm);
  if (!vm->modules) return false;
  Str *name = str_intern(vm, "builtins", 8);
  if (!name || !(vm->builtins = module_new(vm, name)) || !dict_set_str(vm, vm->modules, name, v_from_obj(vm->builtins))) return false;
  vm->builtins->head.small |= MODULE_BUILTIN;
  name = str_intern(vm, "__main__", 8);
  if (!name || !(vm->main = module_new(vm, name)) || !dict_set_str(vm, vm->modules, name, v_from_obj(vm->main))) return false;
  Str *key = NAME(vm, __builtins__);
  return key && dict_set_str(vm, vm->main->dict, key, v_from_obj(vm->builtins));
}

VM *vm_new(const tiny_config *config) {
  tiny_config c = TINY_CONFIG_INIT;
  if (config) memcpy(&c, config, config->size < sizeof c ? config->size : sizeof c);
  c.size = sizeof c;
  Mem mem;
  mem_init(&mem, c.alloc ? c.alloc : mem_system, c.alloc ? c.alloc_user : NULL, c.memory_limit);
  mem.trim = c.trim;
  VM *vm = mem_zalloc(&mem, sizeof *vm);
  if (!vm) return NULL;
  vm->mem = mem;
  vm->config = c;
  vm->mem.poke = &vm->fuel;
  init_fields(vm);
  seed_hash(vm);
  if (!gc_init(vm) || !types_init(vm) || !error_init(vm) || !init_modules(vm)) {
    vm_free(vm);
    return NULL;
  }
  return vm;
}

void vm_free(VM *vm) {
  if (!vm) return;
  api_destroy_data(vm);
  str_free(vm);
  gc_free_all(vm);
  types_free(vm);
  call_free(vm);
  frame_stack_free(vm);
  frame_objects_free(vm);
  exports_free(vm);
  temps_free(vm);
  api_free(vm);
  mem_free(&vm->mem, vm->refs, vm->cap_refs * sizeof *vm->refs);
  mem_free(&vm->mem, vm->frozen_loaded, vm->frozen_size);
  mem_free(&vm->mem, vm->cached_codes, vm->cap_cached * sizeof *vm->cached_codes);
  mem_free(&vm->mem, vm->native_modules, vm->cap_native_modules * sizeof *vm->native_modules);
  Mem mem = vm->mem;
  mem.poke = NULL;
  mem_free(&mem, vm, sizeof *vm);
  mem_drop_reserve(&mem);
  mem_trim(&mem);
}

/* ---- the C stack */

static size_t stack_used(const VM *vm, const char *here) { return (size_t)(here > vm->c_stack_base ? here - vm->c_stack_base : vm->c_stack_base - here); }

bool rt_enter_c(VM *vm, const char *where) {
  char here;
  const char *volatile at = &here;
  if (vm->c_depth == 0) vm->c_stack_base = at;
  if (UNLIKELY(stack_used(vm, at) > vm->c_stack_limit || (uint32_t)vm->c_depth >= vm->recursion_limit)) return rt_raise_b(vm, &exc_RecursionError, "maximum recursion depth exceeded%s", where);
  vm->c_depth++;
  return true;
}

void rt_leave_c(VM *vm) {
  if (--vm->c_depth == 0 && vm->limit_hit) vm->handled = V_NONE; /* except clauses that the limit ended did not give back what they handled */
}

/* ---- budget
 * vm->fuel is the slice in hand; the dispatch loop counts it down. fuel_left is what the host allows beyond it. A poke (collector wanted, interrupt)
 * takes MEM_POKE from the slice, so that the count is not lost. */

static int64_t now_ns(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static bool strike(VM *vm, LimitKind kind) {
  if (!vm->limit_hit) vm->limits_struck++;
  vm->limit_hit = kind;
  vm->fuel = 0;
  if (rt_pending(vm)) rt_take_exc(vm);
  if (kind == LIMIT_DEADLINE) return rt_raise_b(vm, &exc_TimeoutError, "deadline exceeded");
  return rt_raise_b(vm, &exc_RuntimeError, "step limit exceeded");
}

/* Puts the slice in hand back and takes a new one. False: nothing is left. */
static bool refill(VM *vm) {
  if (vm->fuel < -MEM_POKE / 2) vm->fuel += MEM_POKE; /* poked again while it collected */
  if (vm->fuel_left == UINT64_MAX) {
    vm->fuel = FUEL_SLICE;
    return true;
  }
  int64_t in_hand = vm->fuel;
  if (in_hand < 0 && (uint64_t)-in_hand > vm->fuel_left) {
    vm->fuel_left = 0;
    in_hand = 0;
  } else {
    vm->fuel_left += (uint64_t)in_hand; /* wraps down for a negative one */
    in_hand = 0;
  }
  uint64_t take = vm->fuel_left < FUEL_SLICE ? vm->fuel_left : FUEL_SLICE;
  vm->fuel_left -= take;
  vm->fuel = (int32_t)take;
  return take > 0;
}

static bool raise_interrupt(VM *vm) {
  vm->interrupt = 0;
  Value exc = exc_new(vm, &exc_KeyboardInterrupt, 0, NULL);
  if (!v_failed(exc)) rt_raise_obj(vm, exc);
  return false;
}

/* [script] What is not handled as a handler raised stays for the next safe point. */
static bool run_signals(VM *vm) {
  uint64_t bits = atomic_exchange(&vm->signals, 0);
  for (int n = 1; n <= 64 && bits; n++) {
    uint64_t bit = UINT64_C(1) << (n - 1);
    if (!(bits & bit) || v_absent(vm->on_signal)) continue;
    bits &= ~bit;
    size_t mark = rt_temp_mark(vm);
    Value number = v_from_int62(n);
    bool ok = !v_failed(rt_call(vm, vm->on_signal, 1, &number));
    rt_temp_release(vm, mark);
    if (ok) continue;
    atomic_fetch_or(&vm->signals, bits);
    return false;
  }
  return true;
}

bool tiny_poll_signals(tiny_vm *vm) { return tiny_poll(vm) && (!vm->signals || run_signals(vm)); }

bool tiny_poll(tiny_vm *vm) {
  if (vm->limit_hit) return strike(vm, vm->limit_hit);
  if (vm->deadline_ns && now_ns() >= vm->deadline_ns) return strike(vm, LIMIT_DEADLINE);
  return !vm->interrupt || raise_interrupt(vm);
}

/* The stress build collects at every safe point while the heap is small. From a MiB on the distance grows with the square of what lives, and with the work done so
   far: a heap that grows to n bytes costs about n log n, not n squared. */
static uint64_t stress_distance(VM *vm) {
  const GcStats *stats = gc_stats(vm);
  uint64_t mib = stats->live_bytes >> 20;
  return 1 + mib * mib * 16 + (stats->marked >> 29);
}

static void shorten_slice(VM *vm, uint64_t take) {
  if (take >= (uint64_t)vm->fuel) return;
  vm->fuel_left += vm->fuel_left == UINT64_MAX ? 0 : (uint64_t)vm->fuel - take;
  vm->fuel = (int32_t)take;
}

static bool pausable(const VM *vm) { return vm->pausable && vm->c_depth <= 1; }
bool tiny_pausable(tiny_vm *vm) { return pausable(vm); }

bool tiny_pause(tiny_vm *vm) {
  if (!api_ready(vm)) return false;
  if (!pausable(vm)) return rt_raise_b(vm, &exc_RuntimeError, "a script cannot pause in what the host or C code calls");
  vm->pause_asked = true;
  if (vm->fuel > 0) vm->fuel -= MEM_POKE;
  return true;
}

bool vm_safe_point(VM *vm) {
  if (vm->limit_hit) return strike(vm, vm->limit_hit); /* a finally block of the script may not run on */
  if (vm->fuel < -MEM_POKE / 2) vm->fuel += MEM_POKE;
  if (vm->mem.want_gc || vm->stress || (vm->starved && --vm->starved_left == 0)) gc_step(vm);
  if (!gc_run_finalizers(vm)) return strike(vm, vm->limit_hit);
  if (vm->interrupt) return raise_interrupt(vm);
  if (vm->signals && !run_signals(vm)) return false;
  if (vm->deadline_ns && now_ns() >= vm->deadline_ns) return strike(vm, LIMIT_DEADLINE);
  bool more = refill(vm);
  if (vm->pause_asked && pausable(vm) && (more || vm->fuel_what == TINY_PAUSE)) {
    vm->paused = true;
    return vm->pause_asked = false;
  }
  if (more) {
    if (vm->starved) shorten_slice(vm, 0); /* builtins count as well then */
    if (vm->stress) shorten_slice(vm, stress_distance(vm));
    return true;
  }
  if (vm->fuel_what == TINY_PAUSE) {
    if (pausable(vm)) {
      vm->paused = true;
      return false;
    }
    vm->fuel = 1; /* inside C code: goes on, and pauses at the first safe point outside of it */
    if (vm->pausable) return true;
  }
  return strike(vm, LIMIT_STEPS);
}

bool rt_charge(VM *vm, uint64_t work) {
  if (work < (uint64_t)INT32_MAX / 4 && vm->fuel > (int32_t)work) {
    vm->fuel -= (int32_t)work;
    return true;
  }
  if (vm->limit_hit) return strike(vm, vm->limit_hit);
  if (vm->deadline_ns && now_ns() >= vm->deadline_ns) return strike(vm, LIMIT_DEADLINE);
  if (vm->fuel_left == UINT64_MAX) {
    if (vm->fuel > 0) vm->fuel = vm->interrupt || vm->signals || vm->mem.want_gc ? 0 : 1;
    return true;
  }
  if (work <= vm->fuel_left) {
    vm->fuel_left -= work;
    return true;
  }
  vm->fuel_left = 0;
  if (vm->fuel > 0) vm->fuel = 0;
  return vm->fuel_what == TINY_PAUSE ? true : strike(vm, LIMIT_STEPS); /* a builtin cannot pause: the next safe point does */
}

/* A call that C code makes has used up the slice in hand: a new one, unless a safe point has more to do than that. */
bool vm_charge_call(VM *vm) {
  if (vm->mem.want_gc || vm->interrupt || vm->signals || vm->pause_asked || vm->stress || vm->starved || vm->limit_hit) {
    vm->fuel++;
    return rt_charge(vm, 1);
  }
  if (vm->deadline_ns && now_ns() >= vm->deadline_ns) return strike(vm, LIMIT_DEADLINE);
  return refill(vm) || vm->fuel_what == TINY_PAUSE || strike(vm, LIMIT_STEPS);
}

void vm_set_fuel(VM *vm, uint64_t steps, int what) {
  bool poked = vm->fuel <= 0 && (vm->mem.want_gc || vm->interrupt || vm->signals || vm->pause_asked);
  vm->fuel_what = what;
  vm->fuel_left = steps;
  vm->fuel = 0;
  if (!poked) (void)refill(vm);
  if (vm->limit_hit == LIMIT_STEPS) vm->limit_hit = LIMIT_NONE;
}

int64_t vm_deadline_ms(const VM *vm) {
  if (!vm->deadline_ns) return -1;
  int64_t left = vm->deadline_ns - now_ns();
  return left <= 0 ? 0 : (left + 999999) / 1000000;
}

void vm_set_deadline(VM *vm, int64_t ms) {
  vm->deadline_ns = ms < 0 ? 0 : now_ns() + ms * 1000000;
  if (vm->limit_hit == LIMIT_DEADLINE) vm->limit_hit = LIMIT_NONE;
}
