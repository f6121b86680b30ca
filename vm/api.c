/* tiny.h: running, calling, operators, limits, scopes and references. Thin: every function checks for TINY_FAIL among its arguments (absorbing), asks the
 * narrow waist, and pins what it returns. */
#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>
#include "vm/api_int.h"
#include "vm/call.h"
#include "vm/import.h"
#include "vm/objects/int.h"

const char *tiny_version(void) { return TINY_VERSION; }
void *tiny_user(tiny_vm *vm) { return vm->config.user; }

/* What a call gave. A native of the host's that returned a result beside an exception has failed; one that failed without a reason gets one. */
static Value called(VM *vm, Value v) {
  if (LIKELY(v_absent(vm->exc) && !v_failed(v))) return api_pin(vm, v);
  if (v_absent(vm->exc)) rt_raise(vm, &exc_SystemError, "a native function failed and raised no exception");
  return V_FAIL;
}

/* The same for what says no (false, -1) when it has failed. */
static int64_t reason_for(VM *vm, int64_t answer) {
  if (LIKELY(v_absent(vm->exc) && answer >= 0)) return answer;
  (void)called(vm, V_FAIL);
  return -1;
}
static bool reasoned(VM *vm, bool ok) { return reason_for(vm, ok - 1) == 0; }

/* ---- compile and run */

/* Text of the host to a code object, or to V_FAIL. filename NULL: "<string>". The text itself is checked by the compiler. */
static Value compile(VM *vm, const char *source, size_t len, const char *filename, int mode, unsigned flags, bool *incomplete) {
  if (!api_ready(vm) || (filename && !api_check_text(vm, filename, strlen(filename)))) return V_FAIL;
  if (!source && len) return rt_raise(vm, &exc_TypeError, "the host passed NULL for a text");
  if (!vm->compile) return rt_raise(vm, &exc_SystemError, "this VM has no compiler");
  return vm->compile(vm, source ? source : "", len, filename ? filename : "<string>", mode, flags, incomplete);
}

tiny_val tiny_compile(tiny_vm *vm, const char *source, size_t len, const char *filename) {
  return api_pin(vm, compile(vm, source, len, filename, 'e', 0, NULL));
}

static tiny_status failed(VM *vm) { return vm->limit_hit ? TINY_LIMIT : TINY_ERROR; }

static tiny_status status_of(VM *vm, RunResult rr) {
  vm->paused = rr == RUN_PAUSED;
  vm->paused_handled = rr == RUN_PAUSED ? vm->handled : V_NONE;
  if (rr == RUN_PAUSED) return vm->handled = V_NONE, TINY_PAUSED; /* what the host does meanwhile is no part of the script's except clause */
  return rr == RUN_RAISED || v_failed(called(vm, V_NONE)) ? failed(vm) : TINY_OK;
}

/* Runs vm->frame and up, pausable when no other C code of ours is below. */
static tiny_status run_frames(VM *vm, bool throwing, Frame *caller, Value *result) {
  if (!rt_enter_c(vm, "")) {
    Value ignored;
    (void)vm_run(vm, true, &ignored);
    vm->frame = caller;
    return failed(vm);
  }
  bool before = vm->pausable;
  vm->pausable = vm->c_depth == 1;
  RunResult rr = vm_run(vm, throwing, result);
  vm->pausable = before;
  vm->pause_asked = false;
  if (rr != RUN_PAUSED) vm->frame = caller;
  rt_leave_c(vm);
  return status_of(vm, rr);
}

static tiny_status run_code(VM *vm, Value code, Dict *globals, Value *result) {
  *result = V_NONE;
  if (!api_ready1(vm, code)) return failed(vm);
  if (!v_has_layout(code, LAY_CODE)) {
    rt_raise(vm, &exc_TypeError, "a code object is required, not '%T'", code);
    return TINY_ERROR;
  }
  if (((Code *)v_obj(code))->flags & CODE_COROUTINE) { /* of compile() with ast.PyCF_ALLOW_TOP_LEVEL_AWAIT */
    rt_raise(vm, &exc_TypeError, "code that awaits runs in an event loop");
    return TINY_ERROR;
  }
  if (vm->paused) {
    rt_raise(vm, &exc_RuntimeError, "a paused script has to be continued or given up first");
    return TINY_ERROR;
  }
  Function *fn = function_new(vm, (Code *)v_obj(code), globals);
  if (!fn) return TINY_ERROR;
  Frame *caller = vm->frame;
  Value argv[4] = {V_ABSENT, V_ABSENT, V_ABSENT, V_ABSENT};
  Step s = call_begin(vm, v_from_obj(fn), argv + 3, 0, V_ABSENT, (Dest){CONT_EXIT, 0, 0}, result);
  if (s == STEP_FAIL) return failed(vm);
  if (s == STEP_DONE) return status_of(vm, RUN_RETURNED);
  return run_frames(vm, s == STEP_THROW, caller, result);
}

tiny_status tiny_run(tiny_vm *vm, tiny_val code) {
  Value ignored;
  return run_code(vm, code, vm->main->dict, &ignored);
}

tiny_status tiny_resume(tiny_vm *vm) {
  if (!api_ready(vm)) return failed(vm);
  if (!vm->paused || vm->c_depth) { /* what runs above a paused script has to end first */
    rt_raise(vm, &exc_RuntimeError, vm->paused ? "a paused script cannot be continued from within a call" : "no script is paused");
    return TINY_ERROR;
  }
  vm->paused = false;
  vm->handled = vm->paused_handled;
  Value ignored;
  return run_frames(vm, false, NULL, &ignored);
}

tiny_status tiny_run_source(tiny_vm *vm, const char *source, size_t len, const char *filename) {
  tiny_scope s = tiny_scope_open(vm);
  tiny_status st = tiny_run(vm, tiny_compile(vm, source, len, filename));
  tiny_scope_close(vm, s);
  return st;
}

tiny_val tiny_eval(tiny_vm *vm, const char *expression) {
  Value code = compile(vm, expression, expression ? strlen(expression) : 1, NULL, 'v', 0, NULL);
  if (v_failed(code)) return V_FAIL;
  Function *fn = function_new(vm, (Code *)v_obj(code), vm->main->dict);
  return fn ? called(vm, rt_call(vm, v_from_obj(fn), 0, NULL)) : V_FAIL;
}

/* sys.displayhook is looked up in vm->sys_dict. Without a sys module (allow-list) the hook is missing, as after `del sys.displayhook`. */
bool vm_need_sys(VM *vm) {
  if (vm->sys_dict) return true;
  Value sys = tiny_import(vm, "sys");
  if (v_has_layout(sys, LAY_MODULE)) vm->sys_dict = ((Module *)v_obj(sys))->dict;
  else if (rt_pending_is(vm, &exc_ImportError)) (void)rt_take_exc(vm);
  return !rt_pending(vm);
}

/* What a line of a prompt says of the future holds for those behind it. */
static void keep_future(VM *vm, Value code) { vm->prompt_annotations = (((Code *)v_obj(code))->flags & CODE_ANNOTATIONS) != 0; }

tiny_status tiny_run_interactive(tiny_vm *vm, const char *source, size_t len, const char *filename, bool *incomplete) {
  bool more = false;
  if (incomplete) *incomplete = false;
  if (!api_ready(vm) || !vm_need_sys(vm)) return failed(vm);
  Value code = compile(vm, source, len, filename, 'p', vm->prompt_annotations ? COMPILE_ANNOTATIONS : 0, &more);
  if (incomplete) *incomplete = more;
  if (v_failed(code)) return failed(vm);
  keep_future(vm, code);
  Value ignored;
  return run_code(vm, code, vm->main->dict, &ignored);
}

tiny_val tiny_compile_async(tiny_vm *vm, const char *source, size_t len, const char *filename, bool *incomplete) {
  if (incomplete) *incomplete = false;
  if (!api_ready(vm) || (incomplete && !vm_need_sys(vm))) return V_FAIL;
  Value code = compile(vm, source, len, filename, incomplete ? 'p' : 'e', COMPILE_AWAIT | (incomplete && vm->prompt_annotations ? COMPILE_ANNOTATIONS : 0), incomplete);
  if (incomplete && !v_failed(code)) keep_future(vm, code);
  Function *fn = v_failed(code) ? NULL : function_new(vm, (Code *)v_obj(code), vm->main->dict);
  return fn ? api_pin(vm, v_from_obj(fn)) : V_FAIL;
}

tiny_val tiny_import(tiny_vm *vm, const char *dotted_name) {
  Str *name = api_ready(vm) ? api_name(vm, dotted_name) : NULL;
  return name ? called(vm, import_dotted(vm, name)) : V_FAIL;
}

tiny_val tiny_main_module(tiny_vm *vm) { return v_from_obj(vm->main); }

/* ---- calling */

tiny_val tiny_call(tiny_vm *vm, tiny_val callable, int argc, const tiny_val *argv) {
  if (!api_ready1(vm, callable) || !api_takes_all(vm, argc, argv)) return V_FAIL;
  return called(vm, rt_call(vm, callable, argc, argv));
}

tiny_val tiny_call_kw(tiny_vm *vm, tiny_val callable, int argc, const tiny_val *argv, int n_kw, const char *const *kw_names) {
  if (n_kw == 0) return tiny_call(vm, callable, argc, argv);
  if (!api_ready1(vm, callable) || !api_takes_all(vm, argc, argv)) return V_FAIL;
  if (n_kw < 0 || n_kw > argc || !kw_names) return api_refuse_list(vm), V_FAIL;
  Tuple *names = tuple_new(vm, NULL, (size_t)n_kw);
  if (!names || v_failed(api_pin(vm, v_from_obj(names)))) return V_FAIL;
  for (int i = 0; i < n_kw; i++) names->items[i] = V_NONE;
  for (int i = 0; i < n_kw; i++) {
    Str *s = api_name(vm, kw_names[i]);
    if (!s) return V_FAIL;
    gc_store(vm, names, &names->items[i], v_from_obj(s));
  }
  return called(vm, rt_call_kw(vm, callable, argc, argv, v_from_obj(names)));
}

tiny_val tiny_call_method(tiny_vm *vm, tiny_val object, const char *name, int argc, const tiny_val *argv) {
  if (!api_ready1(vm, object) || !api_takes_all(vm, argc, argv)) return V_FAIL;
  Str *s = api_name(vm, name);
  return s ? called(vm, rt_call_method(vm, object, s, argc, argv)) : V_FAIL;
}

/* ---- attributes, items, operators */

tiny_val tiny_getattr(tiny_vm *vm, tiny_val object, const char *name) {
  Str *s = api_ready1(vm, object) ? api_name(vm, name) : NULL;
  return s ? called(vm, rt_getattr(vm, object, s)) : V_FAIL;
}

bool tiny_setattr(tiny_vm *vm, tiny_val object, const char *name, tiny_val value) {
  Str *s = api_ready2(vm, object, value) ? api_name(vm, name) : NULL;
  return s && reasoned(vm, rt_setattr(vm, object, s, value));
}

bool tiny_hasattr(tiny_vm *vm, tiny_val object, const char *name) {
  Str *s = api_ready1(vm, object) ? api_name(vm, name) : NULL;
  if (!s) return false;
  Value v = rt_getattr_opt(vm, object, s);
  return !v_failed(v) && !v_absent(v);
}

tiny_val tiny_getitem(tiny_vm *vm, tiny_val object, tiny_val key) {
  return api_ready2(vm, object, key) ? called(vm, rt_getitem(vm, object, key)) : V_FAIL;
}

bool tiny_setitem(tiny_vm *vm, tiny_val object, tiny_val key, tiny_val value) {
  return api_ready2(vm, object, key) && api_takes(vm, value) && reasoned(vm, rt_setitem(vm, object, key, value));
}

bool tiny_delitem(tiny_vm *vm, tiny_val object, tiny_val key) { return api_ready2(vm, object, key) && reasoned(vm, rt_setitem(vm, object, key, V_ABSENT)); }

int tiny_truth(tiny_vm *vm, tiny_val v) { return api_ready1(vm, v) ? (int)reason_for(vm, rt_truth(vm, v)) : -1; }

int tiny_equal(tiny_vm *vm, tiny_val a, tiny_val b) {
  bool r;
  return api_ready2(vm, a, b) && reasoned(vm, rt_eq(vm, a, b, &r)) ? r : -1;
}

int tiny_less(tiny_vm *vm, tiny_val a, tiny_val b) {
  bool r;
  return api_ready2(vm, a, b) && reasoned(vm, rt_compare_bool(vm, a, b, CO_LT, &r)) ? r : -1;
}

int64_t tiny_len(tiny_vm *vm, tiny_val v) { return api_ready1(vm, v) ? reason_for(vm, rt_len(vm, v)) : -1; }
tiny_val tiny_repr(tiny_vm *vm, tiny_val v) { return api_ready1(vm, v) ? called(vm, rt_repr(vm, v)) : V_FAIL; }
tiny_val tiny_str(tiny_vm *vm, tiny_val v) { return api_ready1(vm, v) ? called(vm, rt_str(vm, v)) : V_FAIL; }
tiny_val tiny_iter(tiny_vm *vm, tiny_val v) { return api_ready1(vm, v) ? called(vm, rt_iter(vm, v)) : V_FAIL; }

int tiny_next(tiny_vm *vm, tiny_val iterator, tiny_val *item) {
  *item = V_FAIL;
  if (!api_ready1(vm, iterator)) return -1;
  int r = (int)reason_for(vm, rt_next(vm, iterator, item));
  if (r == 1 && v_failed(*item = api_pin(vm, *item))) return -1;
  return r;
}

int tiny_isinstance(tiny_vm *vm, tiny_val v, tiny_val cls) { return api_ready2(vm, v, cls) ? (int)reason_for(vm, rt_isinstance(vm, v, cls)) : -1; }

tiny_val tiny_binary(tiny_vm *vm, tiny_binary_op op, tiny_val a, tiny_val b) {
  if (!api_ready2(vm, a, b)) return V_FAIL;
  if ((unsigned)op > TINY_RSHIFT) return rt_raise(vm, &exc_SystemError, "the host asked for an operator that there is none of");
  return called(vm, rt_binary(vm, (int)op, a, b));
}

/* ---- generators */

static bool is_generator(VM *vm, Value v) { return is_gen(v) || rt_raise_b(vm, &exc_TypeError, "a generator or coroutine is required, not '%T'", v); }

static tiny_outcome resume(VM *vm, Value generator, ResumeMode mode, Value value, Value *result) {
  tiny_outcome how = gen_resume(vm, generator, mode, value, result);
  *result = called(vm, how == TINY_RAISED ? V_FAIL : *result);
  return v_failed(*result) ? TINY_RAISED : how;
}

tiny_outcome tiny_send(tiny_vm *vm, tiny_val generator, tiny_val value, tiny_val *result) {
  *result = V_FAIL;
  if (!api_ready2(vm, generator, value) || !is_generator(vm, generator)) return TINY_RAISED;
  return resume(vm, generator, RESUME_SEND, value, result);
}

tiny_outcome tiny_throw(tiny_vm *vm, tiny_val generator, tiny_val exception, tiny_val *result) {
  *result = V_FAIL;
  if (!api_ready2(vm, generator, exception) || !is_generator(vm, generator)) return TINY_RAISED;
  if (!is_exception(exception)) {
    exception = api_pin(vm, gen_make_exc(vm, exception, V_NONE, V_NONE));
    if (v_failed(exception)) return TINY_RAISED;
  }
  return resume(vm, generator, RESUME_THROW, exception, result);
}

bool tiny_close(tiny_vm *vm, tiny_val generator) { return !v_failed(tiny_call_method(vm, generator, "close", 0, NULL)); }

/* ---- limits */

void tiny_set_fuel(tiny_vm *vm, uint64_t steps, tiny_on_fuel what) { vm_set_fuel(vm, steps, what); }

void tiny_add_fuel(tiny_vm *vm, uint64_t steps) {
  if (vm->fuel_left == UINT64_MAX) return;
  uint64_t left = vm->fuel_left + (vm->fuel > 0 ? (uint64_t)vm->fuel : 0);
  vm_set_fuel(vm, left > UINT64_MAX - 1 - steps ? UINT64_MAX - 1 : left + steps, vm->fuel_what);
}

void tiny_set_deadline_ms(tiny_vm *vm, int64_t ms_from_now) { vm_set_deadline(vm, ms_from_now); }

/* From any thread or signal handler: sets the flag, which the script sees at the end of its slice of fuel (at most FUEL_SLICE steps on), and wakes who waits. */
static void wake(tiny_vm *vm) {
  int fd = vm->wake, saved = errno;
  if (fd) (void)!write(fd - 1, "", 1);
  errno = saved;
}
void tiny_interrupt(tiny_vm *vm) {
  vm->interrupt = 1;
  wake(vm);
}
void tiny_signal(tiny_vm *vm, int number) {
  if (number < 1 || number > 64) return;
  atomic_fetch_or(&vm->signals, UINT64_C(1) << (number - 1));
  wake(vm);
}
bool tiny_on_signal(tiny_vm *vm, tiny_val function) {
  vm->on_signal = function;
  return !v_failed(function);
}
bool tiny_has_signals(const tiny_vm *vm) { return vm->config.signal != NULL; }
bool tiny_set_signal(tiny_vm *vm, int number, tiny_signal_action action) {
  errno = ENOSYS;
  return vm->config.signal && vm->config.signal(vm->config.user, number, action);
}
void tiny_set_wake_fd(tiny_vm *vm, int fd) { vm->wake = fd + 1; }
uint32_t tiny_limits_struck(tiny_vm *vm) { return vm->limits_struck; }
int64_t tiny_deadline_ms(tiny_vm *vm) { return vm_deadline_ms(vm); }

bool tiny_charge(tiny_vm *vm, uint64_t work) { return rt_charge(vm, work); }
size_t tiny_memory_used(tiny_vm *vm) { return vm->mem.used; }
size_t tiny_memory_peak(tiny_vm *vm) { return vm->mem.peak; }

void tiny_set_memory_limit(tiny_vm *vm, size_t bytes) {
  vm->mem.limit = bytes;
  vm->config.memory_limit = bytes;
  if (bytes && vm->mem.gc_at > bytes) vm->mem.gc_at = vm->mem.used + (bytes > vm->mem.used ? (bytes - vm->mem.used) / 2 : 0);
}

static void collect(tiny_vm *vm, void (*how)(VM *vm)) {
  Value exc = vm->exc; /* finalizers are script code: an exception that waits is put aside */
  size_t mark = vm->n_temps;
  if (!v_absent(exc) && !vm_pin(vm, exc)) return;
  vm->exc = V_ABSENT;
  how(vm);
  (void)gc_run_finalizers(vm);
  if (v_absent(vm->exc)) vm->exc = exc;
  vm->n_temps = mark;
}

void tiny_collect(tiny_vm *vm) { collect(vm, gc_collect); }
void tiny_trim(tiny_vm *vm) { collect(vm, gc_trim); }
void tiny_let_go(tiny_vm *vm, size_t bytes) { gc_let_go(vm, bytes); }
int tiny_trim_pays(tiny_vm *vm) { return gc_trim_pays(vm); }
void tiny_collect_young(tiny_vm *vm) { collect(vm, gc_step); }

void tiny_finish(tiny_vm *vm) {
  Value exc = vm->exc;
  size_t mark = vm->n_temps;
  if (!v_absent(exc) && !vm_pin(vm, exc)) return;
  vm->exc = V_ABSENT;
  vm->handled = V_NONE;
  gc_finish(vm);
  if (v_absent(vm->exc)) vm->exc = exc;
  vm->n_temps = mark;
}

void *tiny_alloc(tiny_vm *vm, void *ptr, size_t old_size, size_t new_size) {
  if (new_size == 0) {
    mem_free(&vm->mem, ptr, old_size);
    return NULL;
  }
  return ptr ? mem_realloc(&vm->mem, ptr, old_size, new_size) : mem_alloc(&vm->mem, new_size);
}

tiny_val tiny_no_memory(tiny_vm *vm) { return rt_no_memory(vm); }

bool tiny_write(tiny_vm *vm, int stream, const char *text, size_t len) {
  errno = 0;
  return !vm->config.write || vm->config.write(vm->config.user, stream, text, len);
}

/* ---- scopes and references */

tiny_scope tiny_scope_open(tiny_vm *vm) { return (tiny_scope){vm->n_temps}; }
void tiny_scope_close(tiny_vm *vm, tiny_scope s) {
  if (LIKELY(s.mark < vm->n_temps)) vm->n_temps = s.mark; /* more: an outer one was closed before it */
}

tiny_val tiny_scope_close_keep(tiny_vm *vm, tiny_scope s, tiny_val keep) {
  tiny_scope_close(vm, s);
  return api_pin(vm, keep);
}

tiny_val tiny_pin(tiny_vm *vm, tiny_val v) { return api_pin(vm, v); }

/* A tiny_ref's number is its slot + 1. Free slots form a list; every use of a slot has a number of its own (odd: in use), by which copies of a freed reference are known. */
bool tiny_ref_new(tiny_vm *vm, tiny_val v, tiny_ref *out) {
  *out = (tiny_ref){0, 0};
  if (!api_takes(vm, v)) return false;
  uint32_t at = vm->free_ref;
  if (!at) {
    size_t cap = vm->cap_refs;
    if (!mem_grow(&vm->mem, (void **)&vm->refs, &cap, (size_t)vm->n_refs + 1, sizeof *vm->refs)) return rt_no_memory(vm), false;
    vm->cap_refs = (uint32_t)cap;
    at = ++vm->n_refs;
    vm->refs[at - 1] = (Ref){.v = V_NONE};
  }
  Ref *ref = &vm->refs[at - 1];
  vm->free_ref = ref->next;
  *ref = (Ref){.v = v, .use = ref->use + 1};
  *out = (tiny_ref){at, ref->use};
  return true;
}

static Ref *ref_of(VM *vm, tiny_ref r) {
  Ref *ref = r.slot && r.slot <= vm->n_refs ? &vm->refs[r.slot - 1] : NULL;
  return ref && ref->use == r.use ? ref : NULL;
}

tiny_val tiny_ref_get(tiny_vm *vm, tiny_ref r) {
  Ref *ref = ref_of(vm, r);
  if (LIKELY(ref != NULL)) return api_pin(vm, ref->v);
  if (!r.slot) return V_NONE;
  return api_ready(vm) ? rt_raise(vm, &exc_RuntimeError, "a tiny_ref that was freed") : V_FAIL;
}

void tiny_ref_free(tiny_vm *vm, tiny_ref *r) {
  Ref *ref = ref_of(vm, *r);
  if (ref) {
    *ref = (Ref){.v = V_NONE, .use = ref->use + 1, .next = vm->free_ref};
    vm->free_ref = r->slot;
  }
  *r = (tiny_ref){0, 0};
}
