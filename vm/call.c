/* Calling anything: argument binding, frames, classes, bound methods, natives and their continuations. Nothing here recurses on the C stack for
   script code; only rt_call and its kin start a nested run of the dispatch loop, for C code that needs a result at once. */
#include "vm/call.h"
#include "vm/api_int.h"
#include "vm/attr.h"
#include "vm/objects/int.h"
#include "vm/type_ids.h"

static bool is_key(const Tuple *names, size_t i, Value name) {
  return v_same(names->items[i], name) || str_equal(v_str(names->items[i]), v_str(name));
}

static Value fn_name(Function *fn) { return fn->qualname; }

/* ---- errors of argument binding, worded as CPython 3.11 does ---- */

static bool too_many(VM *vm, Function *fn, int given, int kw_given) {
  Code *c = fn->code;
  size_t n_def = fn->defaults ? fn->defaults->length : 0;
  const char *kw_part = "";
  char buf[96];
  if (kw_given > 0) {
    Buf b;
    (void)b;
    size_t at = 0;
    const char *fmts[] = {" positional argument", given != 1 ? "s" : "", " (and ", NULL};
    for (int i = 0; fmts[i]; i++) {
      size_t n = strlen(fmts[i]);
      memcpy(buf + at, fmts[i], n);
      at += n;
    }
    int v = kw_given, digits = 0;
    char tmp[12];
    do tmp[digits++] = (char)('0' + v % 10);
    while (v /= 10);
    while (digits) buf[at++] = tmp[--digits];
    const char *tail = kw_given != 1 ? " keyword-only arguments)" : " keyword-only argument)";
    memcpy(buf + at, tail, strlen(tail) + 1);
    kw_part = buf;
  }
  const char *verb = given == 1 && kw_given == 0 ? "was" : "were";
  if (n_def)
    return rt_raise_b(vm, &exc_TypeError, "%S() takes from %d to %d positional arguments but %d%s %s given", fn_name(fn), (int)(c->n_params - n_def), (int)c->n_params, given,
                      kw_part, verb);
  return rt_raise_b(vm, &exc_TypeError, "%S() takes %d positional argument%s but %d%s %s given", fn_name(fn), (int)c->n_params, c->n_params == 1 ? "" : "s", given, kw_part, verb);
}

/* 'a', 'b', and 'c' */
static bool missing(VM *vm, Function *fn, const char *kind, const Value *names, size_t n) {
  Buf b;
  buf_init(&b, &vm->mem);
  for (size_t i = 0; i < n; i++) {
    if (i) buf_str(&b, n == 2 ? " and " : i + 1 == n ? ", and " : ", ");
    buf_char(&b, '\'');
    buf_add(&b, v_str(names[i])->data, v_str(names[i])->size);
    buf_char(&b, '\'');
  }
  bool ok = rt_raise_b(vm, &exc_TypeError, "%S() missing %d required %s argument%s: %s", fn_name(fn), (int)n, kind, n == 1 ? "" : "s", buf_cstr(&b));
  buf_free(&b);
  return ok;
}

static bool missing_positional(VM *vm, Function *fn, const Value *regs, size_t required) {
  Code *c = fn->code;
  size_t n = 0, at = 0;
  for (size_t i = 0; i < required; i++) n += v_absent(regs[local_reg((uint32_t)i)]);
  Tuple *names = tuple_new(vm, NULL, n);
  if (!names) return false;
  for (size_t i = 0; i < required; i++)
    if (v_absent(regs[local_reg((uint32_t)i)])) names->items[at++] = c->local_names->items[i];
  return missing(vm, fn, "positional", names->items, n);
}

static bool posonly_as_keyword(VM *vm, Function *fn, const Value *kwnames, size_t n_kw) {
  Code *c = fn->code;
  Buf b;
  buf_init(&b, &vm->mem);
  bool any = false;
  for (size_t k = 0; k < n_kw; k++)
    for (uint32_t i = 0; i < c->n_posonly; i++)
      if (is_key(c->local_names, i, kwnames[k])) {
        if (any) buf_str(&b, ", ");
        buf_add(&b, v_str(kwnames[k])->data, v_str(kwnames[k])->size);
        any = true;
      }
  if (any) rt_raise(vm, &exc_TypeError, "%S() got some positional-only arguments passed as keyword arguments: '%s'", fn_name(fn), buf_cstr(&b));
  buf_free(&b);
  return any;
}

/* ---- binding ---- */

static bool bind_keywords(VM *vm, Function *fn, const Value *values, Tuple *names, Dict *kwdict, Value *regs) {
  Code *c = fn->code;
  uint32_t n_named = c->n_params + c->n_kwonly;
  for (size_t k = 0; k < names->length; k++) {
    Value name = names->items[k];
    if (!is_str(name)) return rt_raise_b(vm, &exc_TypeError, "keywords must be strings");
    uint32_t i = c->n_posonly;
    while (i < n_named && !v_same(c->local_names->items[i], name)) i++;
    if (i == n_named) {
      i = c->n_posonly;
      while (i < n_named && !is_key(c->local_names, i, name)) i++;
    }
    if (i < n_named) {
      Value *r = &regs[local_reg(i)];
      if (!v_absent(*r)) return rt_raise_b(vm, &exc_TypeError, "%S() got multiple values for argument '%S'", fn_name(fn), name);
      *r = values[k];
    } else if (kwdict) {
      if (!dict_set(vm, kwdict, name, values[k])) return false;
    } else {
      if (posonly_as_keyword(vm, fn, names->items, names->length)) return false;
      return rt_raise_b(vm, &exc_TypeError, "%S() got an unexpected keyword argument '%S'", fn_name(fn), name);
    }
  }
  return true;
}

static bool fill_defaults(VM *vm, Function *fn, Value *regs, size_t from) {
  Code *c = fn->code;
  size_t n_def = fn->defaults ? fn->defaults->length : 0;
  size_t required = c->n_params > n_def ? c->n_params - n_def : 0;
  for (size_t i = from; i < required; i++)
    if (v_absent(regs[local_reg((uint32_t)i)])) return missing_positional(vm, fn, regs, required);
  for (size_t i = from > required ? from : required; i < c->n_params; i++) {
    Value *r = &regs[local_reg((uint32_t)i)];
    if (v_absent(*r)) *r = fn->defaults->items[i - required + (n_def > c->n_params ? n_def - c->n_params : 0)];
  }
  return true;
}

static bool fill_kw_defaults(VM *vm, Function *fn, Value *regs) {
  Code *c = fn->code;
  size_t n_missing = 0;
  for (uint32_t i = c->n_params; i < c->n_params + c->n_kwonly; i++) {
    Value *r = &regs[local_reg(i)];
    if (v_absent(*r) && fn->kw_defaults) {
      Value d = dict_get_str(vm, fn->kw_defaults, v_str(c->local_names->items[i]));
      if (v_failed(d)) return false;
      *r = d;
    }
    n_missing += v_absent(*r);
  }
  if (!n_missing) return true;
  Tuple *names = tuple_new(vm, NULL, n_missing);
  if (!names) return false;
  size_t at = 0;
  for (uint32_t i = c->n_params; i < c->n_params + c->n_kwonly; i++)
    if (v_absent(regs[local_reg(i)])) names->items[at++] = c->local_names->items[i];
  return missing(vm, fn, "keyword-only", names->items, n_missing);
}

bool call_bind(VM *vm, Function *fn, const Value *argv, int argc, Value kwnames, Value *regs) {
  Code *c = fn->code;
  Tuple *names = v_absent(kwnames) ? NULL : v_tuple(kwnames);
  uint32_t n_kw = names ? (uint32_t)names->length : 0;
  uint32_t n_pos = (uint32_t)argc - n_kw;
  if (c->flags & CODE_NAMESPACE) { /* class bodies and exec: the one argument is the namespace; a function that a script made of such code has its globals */
    regs[0] = n_pos ? argv[0] : v_from_obj(fn->globals);
    if (n_kw && !bind_keywords(vm, fn, argv + n_pos, names, NULL, regs)) return false;
    return n_pos <= 1 || too_many(vm, fn, (int)n_pos, 0);
  }
  uint32_t n_copy = n_pos < c->n_params ? n_pos : c->n_params;
  for (uint32_t i = 0; i < n_copy; i++) regs[local_reg(i)] = argv[i];
  uint32_t next = c->n_params + c->n_kwonly;
  if (c->flags & CODE_VARARGS) {
    Tuple *rest = tuple_new(vm, argv + n_copy, n_pos - n_copy);
    if (!rest) return false;
    regs[local_reg(next++)] = v_from_obj(rest);
  }
  Dict *kwdict = NULL;
  if (c->flags & CODE_VARKW) {
    kwdict = dict_new(vm);
    if (!kwdict) return false;
    regs[local_reg(next)] = v_from_obj(kwdict);
  }
  if (n_kw && !bind_keywords(vm, fn, argv + n_pos, names, kwdict, regs)) return false;
  if (n_pos > c->n_params && !(c->flags & CODE_VARARGS)) {
    uint32_t kw_given = 0;
    for (uint32_t i = c->n_params; i < c->n_params + c->n_kwonly; i++) kw_given += !v_absent(regs[local_reg(i)]);
    return too_many(vm, fn, (int)n_pos, (int)kw_given);
  }
  if (n_copy < c->n_params && !fill_defaults(vm, fn, regs, n_copy)) return false;
  return c->n_kwonly == 0 || fill_kw_defaults(vm, fn, regs);
}

/* The same, first the usual call: as many positional arguments as there are parameters, or defaults for the rest. */
static inline bool bind_new(VM *vm, Function *fn, const Value *argv, int argc, Value kwnames, Value *regs) {
  Code *c = fn->code;
  uint32_t n = c->n_params, n_def = fn->defaults ? (uint32_t)fn->defaults->length : 0, given = (uint32_t)argc;
  if (UNLIKELY(!v_absent(kwnames) || !(c->flags & CODE_SIMPLE) || (c->flags & CODE_NAMESPACE) || n >= NEAR_LOCALS || given > n || given + n_def < n || n_def > n))
    return call_bind(vm, fn, argv, argc, kwnames, regs);
  for (uint32_t i = 0; i < given; i++) regs[i] = argv[i];
  for (uint32_t i = given; i < n; i++) regs[i] = fn->defaults->items[i - (n - n_def)];
  return true;
}

/* ---- functions ---- */

static uint32_t fast_argc(Code *c) {
  bool fast = (c->flags & CODE_SIMPLE) && !(c->flags & (CODE_GENERATOR | CODE_COROUTINE | CODE_ASYNC_GEN | CODE_NAMESPACE | CODE_VARARGS | CODE_VARKW)) && c->n_kwonly == 0 &&
              c->n_params < NEAR_LOCALS;
  return fast ? c->n_params + 1 : UINT32_MAX;
}

static Step begin_function(VM *vm, Function *fn, const Value *argv, int argc, Value kwnames, Dest d, Value *out) {
  Code *c = fn->code;
  if (UNLIKELY(c->flags & (CODE_GENERATOR | CODE_COROUTINE | CODE_ASYNC_GEN))) {
    Gen *g = gen_new(vm, fn);
    if (!g) return STEP_FAIL;
    if (UNLIKELY(!bind_new(vm, fn, argv, argc, kwnames, frame_regs(&g->frame)))) {
      gen_set_state(g, GEN_CLOSED); /* nobody could have awaited it */
      return STEP_FAIL;
    }
    *out = v_from_obj(g);
    return STEP_DONE;
  }
  Frame *f = frame_push(vm, fn, 0);
  if (!f) return STEP_FAIL;
  if (UNLIKELY(c->fast_argc == 0)) c->fast_argc = fast_argc(c); /* not before the frame: from now on the loop takes it that the code is loaded */
  Value *regs = frame_regs(f);
  if (c->fast_argc == (uint32_t)argc + 1 && v_absent(kwnames)) {
    for (int i = 0; i < argc; i++) regs[i] = argv[i];
  } else if (!call_bind(vm, fn, argv, argc, kwnames, regs)) {
    frame_pop(vm, f);
    return STEP_FAIL;
  }
  f->cont = d.cont;
  f->dest = d.dest;
  f->aux = d.aux;
  vm->frame = f;
  return STEP_PUSHED;
}

bool call_await(VM *vm, Frame *f, const uint32_t *at, Function *fn, const Value *argv, int argc) {
  Gen *from = frame_gen(f), *to = gen_new_private(vm, fn);
  f->pc = at - 2; /* the call */
  vm->frame = f;
  if (!to) return false;
  if (UNLIKELY(!bind_new(vm, fn, argv, argc, V_ABSENT, frame_regs(&to->frame)))) {
    gen_set_state(to, GEN_CLOSED);
    return false;
  }
  Value *regs = frame_regs(f);
  regs[INS_B(*at)] = v_from_obj(to);
  regs[INS_C(*at)] = V_NONE;
  from->head.small = (uint16_t)((from->head.small & 0xFF) | INS_C(*at) << 8);
  f->pc = at + 1;
  if (gen_delegate(vm, from, to) != BEGIN_RUN) return false;
  f->pc = at; /* done again if the chain is cut; its result is found through it */
  return true;
}

/* ---- natives ---- */

/* A native has failed; a host's may have raised no exception. */
static COLD Step call_failed(VM *vm) {
  if (!rt_pending(vm)) rt_raise(vm, &exc_SystemError, "a native function failed and raised no exception");
  return STEP_FAIL;
}

static inline Step begin_native(VM *vm, Native *fn, Value *argv, int argc, Value kwnames, bool bound, Dest d, Value *out) {
  size_t mark = vm->n_temps;
  Value v = bound ? native_call_bound(vm, fn, argv, argc, kwnames) : native_call(vm, fn, argv, argc, kwnames);
  vm->n_temps = mark;
  if (UNLIKELY(v_failed(v))) return call_failed(vm);
  if (v.w == V_TAILCALL.w) return call_tail(vm, d, out);
  *out = v;
  return STEP_DONE;
}

static Step from_begin(VM *vm, Begin b, Dest d, Value *out) {
  switch (b) {
  case BEGIN_FAIL: return STEP_FAIL;
  case BEGIN_RUN: return STEP_PUSHED;
  case BEGIN_THROW: return STEP_THROW;
  case BEGIN_ENDED: break;
  }
  *out = V_NONE;
  (void)d;
  rt_raise_with(vm, &exc_StopIteration, V_ABSENT);
  return STEP_FAIL;
}

static Step begin_resume(VM *vm, Value gen, ResumeMode mode, Value value, Dest d, Value *out) {
  return from_begin(vm, gen_begin(vm, v_gen(gen), mode, value, vm->frame, d.cont, d.dest, d.aux), d, out);
}

/* The frame that waits for a native's continuation; what it waits for returns to it as CONT_NATIVE. */
static NativeFrame *push_waiting(VM *vm, Dest d) {
  NativeFrame *nf = frame_push_native(vm, vm->tail.then, vm->tail.state);
  if (!nf) return NULL;
  nf->f.cont = d.cont;
  nf->f.dest = d.dest;
  nf->f.aux = d.aux;
  vm->frame = &nf->f;
  vm->tail.state = V_ABSENT; /* the frame keeps it alive now, and no longer than needed */
  return nf;
}

/* The same for a frame that was left where it is (run_then) and is to wait for the same. */
static NativeFrame *wait_again(VM *vm, NativeFrame *nf) {
  nf->then = vm->tail.then;
  nf->state = vm->tail.state;
  vm->frame = &nf->f;
  vm->tail.state = V_ABSENT;
  return nf;
}

/* call_begin for arguments that no register holds. A function copies them into its frame at once; whoever else gets them may run script code while it
   needs them, so they are kept alive, and where they are (vm->tail is overwritten by the next tail call). */
static Step begin_rooted(VM *vm, Value callable, int argc, const Value *argv, Value kwnames, Dest d, Value *out) {
  enum { SLACK = 3 };
  size_t mark = vm->n_temps;
  Value *copy = rt_temp(vm, argc + SLACK + 2);
  if (!copy) return STEP_FAIL;
  copy[0] = callable;
  copy[1] = kwnames;
  if (argc) memcpy(copy + SLACK + 2, argv, (size_t)argc * sizeof(Value));
  Step s = call_begin(vm, callable, copy + SLACK + 2, argc, kwnames, d, out);
  vm->n_temps = mark;
  return s;
}

static Step begin_tail(VM *vm, Dest d, Value *out) {
  TailCall *t = &vm->tail;
  if (v_is_exact(t->callable, &function_type)) return call_begin(vm, t->callable, t->argv, t->argc, t->kwnames, d, out);
  return begin_rooted(vm, t->callable, t->argc, t->argv, t->kwnames, d, out);
}

/* Begins what vm->tail asks for on behalf of the waiting frame nf. */
static Step begin_waited(VM *vm, NativeFrame *nf, uint8_t mode, Value *v) {
  TailCall *t = &vm->tail;
  if (mode == TAIL_THEN_CALL) return begin_tail(vm, (Dest){CONT_NATIVE, 0, 0}, v);
  Begin b = gen_begin(vm, v_gen(t->gen), mode == TAIL_THEN_SEND ? RESUME_SEND : RESUME_THROW, t->sent, &nf->f, CONT_NATIVE, 0, 0);
  return b == BEGIN_RUN ? STEP_PUSHED : b == BEGIN_THROW ? STEP_THROW : b == BEGIN_ENDED ? STEP_DONE : STEP_FAIL;
}

/* Where the waiting frame ends: the top of the stack while it is the topmost one. */
static Value *end_of(NativeFrame *nf) { return (Value *)(void *)(nf + 1); }

/* Runs the continuation of the waiting frame, which is no longer part of the chain of frames. It stays on the stack, though, if `spare` says so afterwards: what
   waits again at once (each step of a scheduler) need not push another. Not one that opens a chunk: frame_pop finds the end of a chunk by the chain. */
static Value run_then(VM *vm, NativeFrame *nf, tiny_outcome how, Value v, Dest *d, NativeFrame **spare) {
  tiny_then_fn then = nf->then;
  Value state = nf->state;
  *d = (Dest){nf->f.cont, nf->f.dest, nf->f.aux};
  vm->frame = nf->f.back;
  *spare = NULL;
  bool stays = !(nf->f.flags & FRAME_CHUNK_FIRST);
  if (UNLIKELY(!stays)) frame_pop(vm, &nf->f);
  size_t mark = vm->n_temps;
  Value *keep = temps_pair(vm);
  if (UNLIKELY(!keep)) {
    if (stays) frame_pop(vm, &nf->f);
    return V_FAIL;
  }
  keep[0] = state;
  keep[1] = v;
  Value before = vm->passing;
  vm->passing = how == TINY_RAISED ? v : V_ABSENT;
  Value r = then(vm, state, how, v);
  vm->passing = before;
  vm->n_temps = mark;
  if (UNLIKELY(v_failed(r))) (void)call_failed(vm);
  if (UNLIKELY(!stays || vm->top != end_of(nf))) return r; /* a chunk above it was left: that took it along */
  if (r.w == V_TAILCALL.w && vm->tail.mode >= TAIL_THEN_CALL) *spare = nf;
  else vm->top = (Value *)(void *)nf;
  return r;
}

/* Every continuation is a safe point, too: a scheduler written with them may run for ever without a jump or call of script code in between. It cannot
   pause here (that waits for the next one in a script). What the safe point raises goes to the continuation as the outcome. False: a limit struck. */
static bool native_safe_point(VM *vm, NativeFrame *nf, tiny_outcome *how, Value *v) {
  if (LIKELY(--vm->fuel >= 0)) return true;
  size_t mark = vm->n_temps;
  Value *keep = rt_temp(vm, 1);
  if (!keep) rt_take_exc(vm);
  if (!keep) return true;
  *keep = *v;
  vm->frame = &nf->f;
  vm->c_depth++;
  bool ok = vm_safe_point(vm);
  vm->c_depth--;
  vm->n_temps = mark;
  if (ok) return true;
  if (vm->limit_hit) {
    vm->frame = nf->f.back;
    frame_pop(vm, &nf->f);
    return false;
  }
  *how = TINY_RAISED;
  *v = rt_take_exc(vm);
  return true;
}

/* What was asked for is on its way: vm->tail must not keep it alive. */
static Step forget_tail(VM *vm, Step s) {
  TailCall *t = &vm->tail;
  t->callable = t->state = t->gen = t->sent = t->kwnames = V_ABSENT;
  t->argc = 0;
  return s;
}

/* There is no room for a frame to wait in (RecursionError, MemoryError): nothing begins, and the continuation is told so. */
static Value then_at_once(VM *vm) {
  tiny_then_fn then = vm->tail.then;
  size_t mark = vm->n_temps;
  Value *keep = temps_pair(vm), before = vm->passing;
  if (!keep) return V_FAIL;
  keep[0] = vm->tail.state;
  keep[1] = vm->passing = rt_take_exc(vm);
  (void)forget_tail(vm, STEP_FAIL);
  Value r = then(vm, keep[0], TINY_RAISED, keep[1]);
  vm->passing = before;
  vm->n_temps = mark;
  if (v_failed(r)) (void)call_failed(vm);
  return r;
}

/* A loop, not a recursion: a continuation may ask for call after call that end at once. spare: a frame to wait in, which has waited for the same d. */
static Step tail_run(VM *vm, NativeFrame *spare, Dest d, Value *out) {
  for (;;) {
    TailCall *t = &vm->tail;
    uint8_t mode = t->mode;
    if (mode == TAIL_CALL) return forget_tail(vm, begin_tail(vm, d, out));
    if (mode == TAIL_RESUME) return forget_tail(vm, begin_resume(vm, t->gen, (ResumeMode)t->resume_mode, t->argv[0], d, out));
    NativeFrame *nf = spare ? wait_again(vm, spare) : push_waiting(vm, d);
    if (!nf) {
      Value r = vm->limit_hit ? V_FAIL : then_at_once(vm);
      if (v_failed(r)) return STEP_FAIL;
      if (r.w == V_TAILCALL.w) continue;
      *out = r;
      return STEP_DONE;
    }
    Value v = V_NONE;
    Step s = forget_tail(vm, begin_waited(vm, nf, mode, &v));
    if (s == STEP_PUSHED || s == STEP_THROW) return s;
    if (s == STEP_FAIL && vm->limit_hit) { /* no continuation runs for an end that nobody may catch */
      vm->frame = nf->f.back;
      frame_pop(vm, &nf->f);
      return STEP_FAIL;
    }
    if (s == STEP_FAIL) v = rt_take_exc(vm);
    tiny_outcome how = s == STEP_FAIL ? TINY_RAISED : TINY_RETURNED;
    if (!native_safe_point(vm, nf, &how, &v)) return STEP_FAIL;
    Value r = run_then(vm, nf, how, v, &d, &spare);
    if (v_failed(r)) return STEP_FAIL;
    if (r.w != V_TAILCALL.w) {
      *out = r;
      return STEP_DONE;
    }
  }
}

Step call_tail(VM *vm, Dest d, Value *out) { return tail_run(vm, NULL, d, out); }

Step call_native_resume(VM *vm, NativeFrame *nf, tiny_outcome how, Value v, Dest *d, Value *out) {
  *d = (Dest){nf->f.cont, nf->f.dest, nf->f.aux};
  if (!native_safe_point(vm, nf, &how, &v)) return STEP_FAIL;
  NativeFrame *spare;
  Value r = run_then(vm, nf, how, v, d, &spare);
  if (v_failed(r)) return STEP_FAIL;
  if (r.w == V_TAILCALL.w) return tail_run(vm, spare, *d, out);
  *out = r;
  return STEP_DONE;
}

/* ---- classes ---- */

static Value then_init(VM *vm, Value instance, tiny_outcome how, Value result) {
  if (how == TINY_RAISED) return rt_raise_obj(vm, result);
  if (!v_is_none(result)) return rt_raise(vm, &exc_TypeError, "__init__() should return None, not '%T'", result);
  return instance;
}

/* What then_new is to know: class, kwnames or None, arguments. */
enum { NEW_CLASS, NEW_NAMES, NEW_ARGS };
static Tuple *new_state(VM *vm, Value cls, const Value *argv, int argc, Value kwnames) {
  Tuple *t = tuple_new(vm, NULL, (size_t)argc + NEW_ARGS);
  if (!t) return NULL;
  t->items[NEW_CLASS] = cls;
  t->items[NEW_NAMES] = v_absent(kwnames) ? V_NONE : kwnames;
  for (int i = 0; i < argc; i++) t->items[NEW_ARGS + i] = argv[i];
  return t;
}

/* After __new__. state: new_state. */
static Value then_new(VM *vm, Value state, tiny_outcome how, Value obj) {
  if (how == TINY_RAISED) return rt_raise_obj(vm, obj);
  Tuple *st = v_tuple(state);
  const Type *cls = (const Type *)v_obj(st->items[NEW_CLASS]);
  if (!rt_is_subtype(type_of(obj), cls)) return obj;
  ClassCall plan; /* object.__init__ has nothing to say where a __new__ took the arguments */
  if (type_is_heap(type_of(obj)) && !type_of(obj)->init) {
    if (!class_call(vm, type_of(obj), &plan)) return V_FAIL;
    if (v_absent(plan.init) && !v_absent(plan.new_)) return obj;
  }
  Value fn, self;
  if (!attr_special(vm, obj, NAME(vm, __init__), &fn, &self)) return obj;
  size_t n = st->length - NEW_ARGS, shift = v_absent(self) ? 0 : 1;
  Value small[8], *argv = n < 8 ? small : mem_alloc(&vm->mem, (n + 1) * sizeof(Value));
  if (!argv) return rt_no_memory(vm);
  argv[0] = self;
  memcpy(argv + shift, st->items + NEW_ARGS, n * sizeof(Value));
  Value r = tiny_then_call(vm, then_init, obj, fn, (int)(n + shift), argv);
  if (argv != small) mem_free(&vm->mem, argv, (n + 1) * sizeof(Value));
  if (r.w == V_TAILCALL.w && !v_is_none(st->items[NEW_NAMES])) vm->tail.kwnames = st->items[NEW_NAMES];
  return r;
}

static Step begin_init(VM *vm, Value init, Value instance, Value *argv, int argc, Value kwnames, Dest d, Value *out) {
  argv[-1] = instance;
  Frame *caller = vm->frame;
  if (d.cont == CONT_STORE && caller && !(caller->flags & FRAME_NATIVE) && v_is_exact(init, &function_type) && d.aux) {
    uint8_t slot = d.aux;                       /* scratch register of the calling instruction keeps the instance */
    Dest di = {CONT_INIT, d.dest, slot};
    Step s = begin_function(vm, (Function *)v_obj(init), argv - 1, argc + 1, kwnames, di, out);
    if (s == STEP_PUSHED) frame_regs(caller)[slot] = instance;
    if (s == STEP_DONE) { /* a generator as __init__ */
      rt_raise(vm, &exc_TypeError, "__init__() should return None, not '%T'", *out);
      return STEP_FAIL;
    }
    return s;
  }
  vm->tail.then = then_init;
  vm->tail.state = instance;
  NativeFrame *nf = push_waiting(vm, d);
  if (!nf) return STEP_FAIL;
  Value v = V_NONE;
  Step s = call_begin(vm, init, argv - 1, argc + 1, kwnames, (Dest){CONT_NATIVE, 0, 0}, &v);
  if (s == STEP_PUSHED || s == STEP_THROW) return s;
  if (s == STEP_FAIL) {
    vm->frame = nf->f.back;
    frame_pop(vm, &nf->f);
    return STEP_FAIL;
  }
  return call_native_resume(vm, nf, TINY_RETURNED, v, &d, out);
}

/* fn(first, *argv). What needs to put something before that in its turn (bound methods, callable objects) gets a copy of the arguments, as there is room for one
   value only before them. */
static Step call_with(VM *vm, Value fn, Value first, Value *argv, int argc, Value kwnames, Dest d, Value *out) {
  if (v_is_exact(fn, &function_type) || v_is_exact(fn, &native_type)) {
    argv[-1] = first;
    return call_begin(vm, fn, argv - 1, argc + 1, kwnames, d, out);
  }
  size_t mark = rt_temp_mark(vm);
  Value *copy = rt_temp(vm, argc + 3);
  if (!copy || !rt_enter_c(vm, "")) return rt_temp_release(vm, mark), STEP_FAIL;
  copy[0] = copy[1] = V_NONE;
  copy[2] = first;
  memcpy(copy + 3, argv, (size_t)argc * sizeof(Value));
  Step s = call_begin(vm, fn, copy + 2, argc + 1, kwnames, d, out);
  rt_leave_c(vm);
  rt_temp_release(vm, mark);
  return s;
}

/* A script's __new__ (or a foreign native one): called with the class before the arguments; __init__ follows in then_new. */
static Step begin_new(VM *vm, Value cls, Value new_, Value *argv, int argc, Value kwnames, Dest d, Value *out) {
  Tuple *state = new_state(vm, cls, argv, argc, kwnames);
  if (!state) return STEP_FAIL;
  vm->tail.then = then_new;
  vm->tail.state = v_from_obj(state);
  NativeFrame *nf = push_waiting(vm, d);
  if (!nf) return STEP_FAIL;
  Value v = V_NONE;
  Step s = call_with(vm, new_, cls, argv, argc, kwnames, (Dest){CONT_NATIVE, 0, 0}, &v);
  if (s == STEP_PUSHED || s == STEP_THROW) return s;
  if (s == STEP_FAIL) {
    vm->frame = nf->f.back;
    frame_pop(vm, &nf->f);
    return STEP_FAIL;
  }
  return call_native_resume(vm, nf, TINY_RETURNED, v, &d, out);
}

void call_free(VM *vm) {
  if (vm->tail.argv) mem_free(&vm->mem, vm->tail.argv - 2, (vm->tail.cap + 2) * sizeof(Value));
  vm->tail.argv = NULL;
}

/* A class whose instances C code makes and initialises. The initialiser may ask for a call of its own: the instance waits for it. */
static Step begin_c_init(VM *vm, Value obj, Value *argv, int argc, Value kwnames, Dest d, Value *out) {
  size_t mark = vm->n_temps;
  int n_pos = argc - (v_absent(kwnames) ? 0 : (int)v_tuple(kwnames)->length);
  Value *keep = rt_temp(vm, 1);
  if (!keep) return STEP_FAIL;
  *keep = obj;
  Value r = class_init(vm, obj, argv, n_pos, kwnames);
  vm->n_temps = mark;
  if (v_failed(r)) return STEP_FAIL;
  if (r.w != V_TAILCALL.w) {
    *out = obj;
    return STEP_DONE;
  }
  NativeFrame *nf = frame_push_native(vm, then_init, obj);
  if (!nf) return STEP_FAIL;
  nf->f.cont = d.cont;
  nf->f.dest = d.dest;
  nf->f.aux = d.aux;
  vm->frame = &nf->f;
  Value v = V_NONE;
  Dest wait = {CONT_NATIVE, 0, 0};
  Step s = call_tail(vm, wait, &v);
  if (s == STEP_PUSHED || s == STEP_THROW) return s;
  if (s == STEP_FAIL) {
    vm->frame = nf->f.back;
    frame_pop(vm, &nf->f);
    return STEP_FAIL;
  }
  return call_native_resume(vm, nf, TINY_RETURNED, v, &d, out);
}

/* The C constructor asked for a call (list(generator)...): __init__ comes when its value is there. */
static Step begin_tail_new(VM *vm, Value cls, Value *argv, int argc, Value kwnames, Dest d, Value *out) {
  TailCall saved = vm->tail;
  Tuple *state = new_state(vm, cls, argv, argc, kwnames);
  if (!state) return STEP_FAIL;
  vm->tail = saved;
  NativeFrame *nf = frame_push_native(vm, then_new, v_from_obj(state));
  if (!nf) return STEP_FAIL;
  nf->f.cont = d.cont;
  nf->f.dest = d.dest;
  nf->f.aux = d.aux;
  vm->frame = &nf->f;
  Value v = V_NONE;
  Step s = call_tail(vm, (Dest){CONT_NATIVE, 0, 0}, &v);
  if (s == STEP_PUSHED || s == STEP_THROW) return s;
  if (s == STEP_FAIL) {
    vm->frame = nf->f.back;
    frame_pop(vm, &nf->f);
    return STEP_FAIL;
  }
  return call_native_resume(vm, nf, TINY_RETURNED, v, &d, out);
}

static Step begin_class(VM *vm, Value callable, Value *argv, int argc, Value kwnames, Dest d, Value *out) {
  const Type *cls = (const Type *)v_obj(callable);
  ClassCall plan;
  if (!class_call(vm, cls, &plan)) return STEP_FAIL;
  if (!v_absent(plan.new_)) return begin_new(vm, callable, plan.new_, argv, argc, kwnames, d, out);
  Value obj;
  if (plan.plain && (!v_absent(plan.init) || argc == 0)) {
    Instance *inst = instance_new(vm, cls);
    if (!inst) return STEP_FAIL;
    obj = v_from_obj(inst);
  } else {
    size_t mark = vm->n_temps;
    int n_pos = argc - (v_absent(kwnames) ? 0 : (int)v_tuple(kwnames)->length);
    bool native = cls->layout == LAY_NATIVE_INSTANCE && !v_absent(plan.init); /* the arguments are __init__'s alone */
    obj = class_make(vm, cls, argv, native ? 0 : n_pos, native ? V_ABSENT : kwnames);
    vm->n_temps = mark;
    if (v_failed(obj)) return STEP_FAIL;
    if (obj.w == V_TAILCALL.w) {
      if (!type_is_heap(cls) && !cls->init) return call_tail(vm, d, out);
      return begin_tail_new(vm, callable, argv, argc, kwnames, d, out);
    }
  }
  if (!v_absent(plan.init)) return begin_init(vm, plan.init, obj, argv, argc, kwnames, d, out);
  if (cls->init && rt_is_subtype(type_of(obj), cls)) return begin_c_init(vm, obj, argv, argc, kwnames, d, out);
  *out = obj;
  return STEP_DONE;
}

/* ---- anything ---- */

static Step begin_other(VM *vm, Value callable, Value *argv, int argc, Value kwnames, Dest d, Value *out) {
  Value fn, self;
  const Type *t = type_of(callable);
  if (type_is_heap(t) && attr_special(vm, callable, NAME(vm, __call__), &fn, &self)) {
    if (v_same(fn, callable)) {
      rt_raise(vm, &exc_RecursionError, "maximum recursion depth exceeded");
      return STEP_FAIL;
    }
    if (v_absent(self)) return call_begin(vm, fn, argv, argc, kwnames, d, out);
    return call_with(vm, fn, self, argv, argc, kwnames, d, out);
  }
  if (t->call) {
    size_t mark = vm->n_temps;
    Args a = {.vm = vm, .v = argv, .n = argc - (v_absent(kwnames) ? 0 : (int)v_tuple(kwnames)->length), .kwnames = kwnames};
    Value v = t->call(vm, callable, &a);
    vm->n_temps = mark;
    if (v_failed(v)) return STEP_FAIL;
    if (v.w == V_TAILCALL.w) return call_tail(vm, d, out);
    *out = v;
    return STEP_DONE;
  }
  rt_raise(vm, &exc_TypeError, "'%T' object is not callable", callable);
  return STEP_FAIL;
}

/* type(x) is a question, not a construction. */
static bool is_type_query(Value callable, int argc, Value kwnames) { return v_obj(callable) == (const Obj *)&type_type && argc == 1 && v_absent(kwnames); }

/* A metaclass without a __call__ of its own constructs as type does. */
static bool plain_metaclass(VM *vm, Value cls) {
  const Type *meta = v_obj(cls)->type;
  return meta == &type_type || v_absent(attr_override(vm, meta, NAME(vm, __call__)));
}

Step call_begin(VM *vm, Value callable, Value *argv, int argc, Value kwnames, Dest d, Value *out) {
  if (v_is_obj(callable)) {
    Obj *o = v_obj(callable);
    if (o->type == &function_type) return begin_function(vm, (Function *)o, argv, argc, kwnames, d, out);
    if (o->type == &native_type || o->type->layout == LAY_NATIVE) return begin_native(vm, (Native *)o, argv, argc, kwnames, false, d, out);
    if (o->type->layout == LAY_METHOD) {
      Method *m = (Method *)o;
      bool native = v_has_layout(m->func, LAY_NATIVE);
      if (native || v_is_exact(m->func, &function_type)) {
        argv[-1] = m->self;
        if (native) return begin_native(vm, (Native *)v_obj(m->func), argv - 1, argc + 1, kwnames, true, d, out);
        return begin_function(vm, (Function *)v_obj(m->func), argv - 1, argc + 1, kwnames, d, out);
      }
      return call_with(vm, m->func, m->self, argv, argc, kwnames, d, out);
    }
    if (o->type->layout == LAY_TYPE && plain_metaclass(vm, callable)) {
      if (is_type_query(callable, argc, kwnames)) {
        *out = rt_type_value(type_of(argv[0]));
        return v_failed(*out) ? STEP_FAIL : STEP_DONE;
      }
      if (o == (Obj *)(uintptr_t)&str_type && argc == 1 && v_is_int(argv[0]) && v_absent(kwnames)) { /* str(i) */
        *out = int_to_str(vm, argv[0], 10);
        return v_failed(*out) ? STEP_FAIL : STEP_DONE;
      }
      if (o == (Obj *)(uintptr_t)&dict_type && argc && !v_absent(kwnames) && v_tuple(kwnames)->length == (size_t)argc) { /* dict(a=1) */
        *out = dict_of_keywords(vm, kwnames, argv);
        if (!v_absent(*out)) return v_failed(*out) ? STEP_FAIL : STEP_DONE;
      }
      return begin_class(vm, callable, argv, argc, kwnames, d, out);
    }
  }
  return begin_other(vm, callable, argv, argc, kwnames, d, out);
}

/* ---- what natives return instead of calling ---- */

static bool tail_room(VM *vm, int argc) {
  TailCall *t = &vm->tail;
  size_t need = (size_t)argc + 2;
  if (need > t->cap) {
    Value *base = t->argv ? t->argv - 2 : NULL;
    size_t cap = need + 8;
    Value *fresh = mem_realloc(&vm->mem, base, base ? (t->cap + 2) * sizeof(Value) : 0, (cap + 2) * sizeof(Value));
    if (!fresh) {
      rt_no_memory(vm);
      return false;
    }
    if (!base) fresh[0] = fresh[1] = V_NONE;
    t->argv = fresh + 2;
    t->cap = cap;
  }
  return true;
}
static bool tail_args(VM *vm, Value callable, int argc, const Value *argv) {
  TailCall *t = &vm->tail;
  if (!tail_room(vm, argc)) return false;
  if (argc) memmove(t->argv, argv, (size_t)argc * sizeof(Value));
  t->callable = callable;
  t->argc = argc;
  t->kwnames = V_ABSENT;
  return true;
}

Value rt_tail_call(VM *vm, Value callable, int argc, const Value *argv) {
  if (!tail_args(vm, callable, argc, argv)) return V_FAIL;
  vm->tail.mode = TAIL_CALL;
  return V_TAILCALL;
}

Value rt_tail_call_after(VM *vm, Value callable, int n_first, const Value *first, int n_rest, const Value *rest, Value kwnames) {
  TailCall *t = &vm->tail;
  if (!tail_room(vm, n_first + n_rest)) return V_FAIL;
  if (n_rest) memmove(t->argv + n_first, rest, (size_t)n_rest * sizeof(Value));
  if (n_first) memcpy(t->argv, first, (size_t)n_first * sizeof(Value));
  t->callable = callable;
  t->argc = n_first + n_rest;
  t->kwnames = kwnames;
  t->mode = TAIL_CALL;
  return V_TAILCALL;
}

/* The library hands arguments on that were not given (V_ABSENT), to functions of its own that know of it. */
static inline bool tail_ready(VM *vm, Value callable, int argc, const Value *argv) {
  if (!api_ready1(vm, callable)) return false;
  if (UNLIKELY(argc < 0 || (argc > 0 && !argv))) return api_refuse_list(vm);
  for (int i = 0; i < argc; i++) {
    if (UNLIKELY(!api_is_word(argv[i]))) return api_refuse(vm, argv[i]);
  }
  return true;
}

Value tiny_tail_call(tiny_vm *vm, tiny_val callable, int argc, const tiny_val *argv) {
  if (!tail_ready(vm, callable, argc, argv)) return V_FAIL;
  return rt_tail_call(vm, callable, argc, argv);
}

Value tiny_then_call(tiny_vm *vm, tiny_then_fn then, tiny_val state, tiny_val callable, int argc, const tiny_val *argv) {
  if (!tail_ready(vm, callable, argc, argv) || (v_failed(state) && !api_refuse(vm, state))) return V_FAIL;
  if (!tail_args(vm, callable, argc, argv)) return V_FAIL;
  vm->tail.mode = TAIL_THEN_CALL;
  vm->tail.then = then;
  vm->tail.state = state;
  return V_TAILCALL;
}

static Value then_gen(VM *vm, uint8_t mode, tiny_then_fn then, Value state, Value gen, Value value) {
  if (!api_ready1(vm, gen) || (v_failed(state) && !api_refuse(vm, state)) || (v_failed(value) && !api_refuse(vm, value))) return V_FAIL;
  if (!is_gen(gen)) return rt_raise(vm, &exc_TypeError, "a generator or coroutine is required, not '%T'", gen);
  TailCall *t = &vm->tail;
  t->callable = t->kwnames = V_ABSENT;
  t->argc = 0;
  t->gen = gen;
  t->sent = value;
  t->mode = mode;
  t->then = then;
  t->state = state;
  return V_TAILCALL;
}

Value tiny_then_send(tiny_vm *vm, tiny_then_fn then, tiny_val state, tiny_val gen, tiny_val value) { return then_gen(vm, TAIL_THEN_SEND, then, state, gen, value); }
Value tiny_then_throw(tiny_vm *vm, tiny_then_fn then, tiny_val state, tiny_val gen, tiny_val exc) { return then_gen(vm, TAIL_THEN_THROW, then, state, gen, exc); }

/* ---- calls from C: a nested run ---- */

static Value run_nested(VM *vm, Frame *caller, Step s, Value v) {
  if (s == STEP_DONE) return v;
  if (s == STEP_FAIL) return V_FAIL;
  Value r = V_FAIL;
  if (!rt_enter_c(vm, "")) { /* nothing ran yet: take the frame back */
    if (vm->frame != caller) {
      Frame *f = vm->frame;
      if (!(f->flags & (FRAME_GEN | FRAME_NATIVE)) && f->back == caller) {
        vm->frame = caller;
        frame_pop(vm, f);
        return V_FAIL;
      }
      Value ignored;
      RunResult rr = vm_run(vm, true, &ignored); /* unwinds the pushed frames with the RecursionError */
      vm->frame = caller;
      if (rr != RUN_RAISED && !rt_pending(vm)) rt_raise(vm, &exc_RecursionError, "maximum recursion depth exceeded");
    }
    return V_FAIL;
  }
  size_t mark = vm->n_temps;
  bool struck = UNLIKELY(--vm->fuel < 0) && !vm_charge_call(vm); /* C code may make any number of calls that have no safe point of their own: __eq__ in a lookup */
  RunResult rr = vm_run(vm, struck || s == STEP_THROW, &r);
  vm->n_temps = mark;
  vm->frame = caller;
  rt_leave_c(vm);
  return rr == RUN_RETURNED || rr == RUN_YIELDED ? r : V_FAIL;
}

Value rt_call_kw(VM *vm, Value callable, int argc, const Value *argv, Value kwnames) {
  if (v_failed(callable)) return V_FAIL;
  Frame *caller = vm->frame;
  Value v = V_NONE, small[12];
  Step s;
  if (argc <= 8 && v_is_exact(callable, &function_type)) {
    if (argc) memcpy(small + 3, argv, (size_t)argc * sizeof(Value));
    s = call_begin(vm, callable, small + 3, argc, kwnames, (Dest){CONT_EXIT, 0, 0}, &v);
  } else {
    s = begin_rooted(vm, callable, argc, argv, kwnames, (Dest){CONT_EXIT, 0, 0}, &v);
  }
  return run_nested(vm, caller, s, v);
}

Value rt_call(VM *vm, Value callable, int argc, const Value *argv) { return rt_call_kw(vm, callable, argc, argv, V_ABSENT); }

Value rt_call_method(VM *vm, Value obj, Str *name, int argc, const Value *argv) {
  if (v_failed(obj) || !name) return V_FAIL;
  Value fn, self;
  AttrCall call;
  int r = attr_get_method(vm, obj, name, NULL, NULL, &fn, &self, &call);
  if (r < 0) return V_FAIL;
  if (r == 0) {
    fn = rt_getattr(vm, obj, name);
    if (v_failed(fn)) return V_FAIL;
    self = V_ABSENT;
  }
  if (v_absent(self)) return rt_call(vm, fn, argc, argv);
  Value small[8], *copy = small;
  if (argc > 7 && !(copy = mem_alloc(&vm->mem, (size_t)(argc + 1) * sizeof(Value)))) return rt_no_memory(vm);
  copy[0] = self;
  if (argc) memcpy(copy + 1, argv, (size_t)argc * sizeof(Value));
  Value v = rt_call(vm, fn, argc + 1, copy);
  if (copy != small) mem_free(&vm->mem, copy, (size_t)(argc + 1) * sizeof(Value));
  return v;
}

tiny_outcome gen_resume(VM *vm, Value gen, ResumeMode mode, Value value, Value *out) {
  Frame *caller = vm->frame;
  *out = V_NONE;
  Begin b = gen_begin(vm, v_gen(gen), mode, value, caller, CONT_EXIT, 0, 0);
  if (b == BEGIN_ENDED) return TINY_RETURNED;
  if (b == BEGIN_FAIL) return TINY_RAISED;
  if (!rt_enter_c(vm, "")) {
    Value ignored;
    if (b == BEGIN_RUN) (void)vm_run(vm, true, &ignored);
    vm->frame = caller;
    return TINY_RAISED;
  }
  size_t mark = vm->n_temps;
  RunResult rr = vm_run(vm, b == BEGIN_THROW, out);
  vm->n_temps = mark;
  vm->frame = caller;
  rt_leave_c(vm);
  return rr == RUN_YIELDED ? TINY_YIELDED : rr == RUN_RETURNED ? TINY_RETURNED : TINY_RAISED;
}
