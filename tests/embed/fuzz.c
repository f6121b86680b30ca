/* A host that does anything: random sequences of API calls with values of every kind, wrong ones too, from the host, from natives, hooks and destructors, while allocations
 * fail and limits strike. Promises that are checked: nothing crashes (sanitizers look on), what fails leaves an exception pending and what succeeds leaves none, and a freed VM
 * has given back every byte. Usage: fuzz [first seed] [how many]. One that fails names its seed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "include/tiny.h"

enum { POOL = 48, REFS = 12, OPS = 8, DEPTH = 3, STEPS = 120 };

typedef struct Box { tiny_val kept; int n; } Box;
static const tiny_class box_class, sub_class;

typedef struct Host {
  uint64_t rng, seed;
  size_t bytes;
  long fail_in;            /* allocations until one fails; < 0: none */
  bool fail_on;            /* and all that follow */
  tiny_val pool[POOL];     /* pinned values; the first n are of enclosing scopes */
  int n, depth;
  tiny_ref refs[REFS];
  tiny_op *ops[OPS];
  int n_ops;
  const char *doing;       /* for the report */
  uint32_t which;
} Host;

static uint32_t rnd(Host *h, uint32_t n) {
  h->rng ^= h->rng << 13, h->rng ^= h->rng >> 7, h->rng ^= h->rng << 17;
  return (uint32_t)(h->rng >> 33) % n;
}
static bool chance(Host *h, uint32_t one_in) { return rnd(h, one_in) == 0; }

static void wrong(Host *h, const char *what) {
  fprintf(stderr, "seed %llu: %s %u: %s\n", (unsigned long long)h->seed, h->doing, (unsigned)h->which, what);
  abort();
}

static void *fuzz_alloc(void *user, void *ptr, size_t old_size, size_t new_size) {
  Host *h = user;
  if (new_size == 0) {
    if (ptr) h->bytes -= old_size;
    return free(ptr), NULL;
  }
  if (h->fail_in >= 0 && h->fail_in-- == 0) return h->fail_in += h->fail_on, NULL;
  if (new_size > (size_t)64 << 20) return NULL;
  void *p = malloc(new_size); /* never in place: stale pointers show */
  if (!p) return NULL;
  if (ptr) memcpy(p, ptr, old_size < new_size ? old_size : new_size), free(ptr), h->bytes -= old_size;
  h->bytes += new_size;
  return p;
}

/* ---- the pool */

static void put(Host *h, tiny_val v) { /* v is pinned in the current scope */
  if (h->n < POOL) h->pool[h->n++] = v;
}

static tiny_val any(Host *h) {
  switch (rnd(h, 24)) {
    case 0: return TINY_NONE;
    case 1: return TINY_TRUE;
    case 2: return TINY_ABSENT;
    case 3: return chance(h, 4) ? TINY_FAIL : TINY_FALSE;
    default: return h->n ? h->pool[rnd(h, (uint32_t)h->n)] : TINY_NONE;
  }
}

static const char *text(Host *h) {
  static const char *const t[] = {"x", "name", "append", "__class__", "__init__", "", "close", "n\xc3\xa4h", "send", "\xff", "__dict__", "math", "asyncio", "mod", "bad", "pack.inner", "throw", "kept", "n", "bump",
    "__name__", "f", "g", "C", "keys", "a.b", ".", "Box", "host", "__del__", "__eq__", "real", "upper"};
  return chance(h, 60) ? NULL : t[rnd(h, sizeof t / sizeof *t)];
}

static const char *const expressions[] = {"1 + 1", "[1, 2, 3]", "{'x': 1}", "(1, 'x')", "{1, 2}", "lambda *a: a", "C()", "g()", "co()", "ag()", "'n\xc3\xa4' * 50", "10 ** 30", "1.5e300", "object()", "1/0", "host.chaos()",
  "host.Box()", "sorted([C(), C(), C()])", "bytearray(9)", "b'a\\0b'", "no_name", "(", "f(f)", "ValueError('x')", "KeyError", "C", "f", "memoryview(bytearray(4))", "host.then(f)", "host.tail(f)", "iter([1, 2])", "next(g())",
  "[C() == C() for i in range(3)]", "str(C())", "host.Sub()", "__import__('mod')", "asyncio.sleep(0)", "asyncio.sleep(0.0001)", "main()", "host.later()", "deep(60)", "{C(): 1}[C()]", "host.chaos", "host.method", "range(10)", "[*range(1000)]",
  "print('x')", "host.Box().kept", "await 1", "[0] * 100000", "asyncio.run(main())", "host.wrong()", "weakref.ref(C())"};

static const char *const sources[] = {"x = host.chaos(1, 'a')\n", "def f(*a): return host.chaos(*a)\n", "for i in range(200): x = [i] * 10\n", "while True: pass\n", "try:\n  host.chaos()\nfinally:\n  host.chaos()\n", "import mod\n",
  "import bad\n", "raise SystemExit(2)\n", "raise ValueError(host.chaos())\n", "x = [C() for i in range(50)]\n", "del C\n", "class C:\n  def __eq__(s, o): return host.chaos()\n  def __hash__(s): return 1\n  def __del__(s): host.chaos()\n",
  "x = (\n", "\xff", "a = g()\nnext(a)\na.send(host.chaos())\n", "b = host.Box()\nb.kept = b\nb.kept = [b, g()]\n", "async def main():\n  await host.later()\n  await asyncio.sleep(0)\n  host.chaos()\n", "x = None\n",
  "def deep(n): return n and host.tail(lambda: deep(n - 1))\n", "with open('/nope') as x: pass\n", "import gc\ngc.collect()\n", "print(host.chaos(), flush=True)\n", "await asyncio.sleep(0)\n", "1 +", "if 1:", "x"};

static const char setup[] =
  "import host, asyncio, weakref\n"
  "class C:\n  def __eq__(s, o): return host.chaos() is not None\n  def __hash__(s): return 3\n  def __lt__(s, o): return host.chaos()\n  def __str__(s): return str(host.chaos())\n  def __getattr__(s, n): return host.chaos()\n"
  "  def __call__(s, *a): return host.chaos(*a)\n  def __index__(s): return 5\n  def __iter__(s): return g()\n  def __len__(s): return 2\n  def __getitem__(s, k): return host.chaos(k)\n  def __add__(s, o): return host.chaos(o)\n"
  "def f(*a, **k): return a\n"
  "def g():\n  try:\n    for i in range(5): x = yield host.chaos(i)\n  finally: host.chaos()\n"
  "async def co():\n  await asyncio.sleep(0)\n  return 1\n"
  "async def ag():\n  yield 1\n"
  "async def main():\n  await asyncio.gather(co(), co())\n"
  "def deep(n): return n and deep(n - 1)\n";

/* ---- natives, hooks */

static void steps(tiny_vm *vm, Host *h, int n);

static tiny_val chaos(tiny_vm *vm, tiny_args *a) {
  Host *h = tiny_user(vm);
  int n = h->n;
  for (int i = 0; i < tiny_argc(a); i++) put(h, tiny_arg(a, i));
  steps(vm, h, (int)rnd(h, 4));
  tiny_val r = tiny_pending(vm) ? TINY_FAIL : any(h);
  if (tiny_is_absent(r)) r = TINY_NONE;
  if (tiny_failed(r) && !tiny_pending(vm)) r = tiny_raise(vm, TINY_VALUE_ERROR, "%s", "chaos");
  h->n = n;
  return r;
}
/* Against the rules: a result beside an exception, or a failure without one */
static tiny_val wrong_native(tiny_vm *vm, tiny_args *a) {
  (void)a;
  switch (rnd(tiny_user(vm), 3)) {
    case 0: return TINY_FAIL;
    case 1: return (void)tiny_raise(vm, TINY_KEY_ERROR, "beside"), TINY_NONE;
    default: return TINY_ABSENT;
  }
}
static tiny_val after(tiny_vm *vm, tiny_val state, tiny_outcome how, tiny_val result) {
  Host *h = tiny_user(vm);
  int n = h->n;
  put(h, state);
  if (how != TINY_RAISED) put(h, result);
  steps(vm, h, (int)rnd(h, 2));
  h->n = n;
  return tiny_pending(vm) ? TINY_FAIL : how == TINY_RAISED ? tiny_raise_value(vm, result) : chance(h, 3) ? tiny_then_call(vm, after, state, TINY_NONE, 0, NULL) : result;
}
static tiny_val then_native(tiny_vm *vm, tiny_args *a) {
  tiny_val f = tiny_arg(a, 0);
  switch (rnd(tiny_user(vm), 3)) {
    case 0: return tiny_then_send(vm, after, f, any(tiny_user(vm)), TINY_NONE);
    case 1: return tiny_then_throw(vm, after, f, any(tiny_user(vm)), any(tiny_user(vm)));
    default: return tiny_then_call(vm, after, f, f, 1, &f);
  }
}
static tiny_val tail_native(tiny_vm *vm, tiny_args *a) { return tiny_tail_call(vm, tiny_arg(a, 0), 0, NULL); }
static tiny_val later(tiny_vm *vm, tiny_args *a) {
  Host *h = tiny_user(vm);
  tiny_op *op;
  (void)a;
  tiny_val future = tiny_suspend(vm, &op, NULL, NULL);
  if (!op) return future;
  if (h->n_ops < OPS) h->ops[h->n_ops++] = op;
  else tiny_op_complete_int(op, 7);
  return future;
}
static tiny_val box_kept(tiny_vm *vm, tiny_args *a) { return (void)vm, ((Box *)tiny_arg_native(a, 0, &box_class))->kept; }
static tiny_val box_keep(tiny_vm *vm, tiny_args *a) {
  tiny_store(vm, tiny_arg(a, 0), &((Box *)tiny_arg_native(a, 0, &box_class))->kept, tiny_arg(a, 1));
  return TINY_NONE;
}
static tiny_val box_bump(tiny_vm *vm, tiny_args *a) {
  Box *b = tiny_arg_native(a, 0, &box_class);
  (void)tiny_arg_str(a, 2, NULL), (void)tiny_arg_float(a, 3), (void)tiny_arg_bool(a, 9);
  return tiny_int(vm, b->n += (int)tiny_arg_int(a, 1) & 15);
}
static void box_trace(tiny_tracer *t, void *data) { tiny_trace(t, ((Box *)data)->kept); }
static const tiny_def box_methods[] = {{"@kept", box_kept, "(self)", "What it keeps."}, {"=kept", box_keep, "(self, value)", NULL}, {"bump", box_bump, "(self, by: int = 1, s: str = 'x', f: float = 1.5)", NULL}, {0}};
static const tiny_class box_class = {.name = "host.Box", .data_size = sizeof(Box), .methods = box_methods, .trace = box_trace, .flags = TINY_CLASS_DICT | TINY_CLASS_WEAKREF};
static const tiny_class sub_class = {.name = "host.Sub", .data_size = sizeof(Box) + 16, .base = &box_class};
static const tiny_def functions[] = {{"chaos", chaos, "(*args)", "Anything."}, {"then", then_native, "(f)", NULL}, {"tail", tail_native, "(f)", NULL}, {"later", later, "()", NULL}, {"wrong", wrong_native, "()", NULL},
  {"method", chaos, "(b: Box, n: int = 2, *rest: str, k=None, **kw)", NULL}, {0}};
static bool host_init(tiny_vm *vm, tiny_val m) { return tiny_setattr(vm, m, "Box", tiny_class_of(vm, &box_class)) && tiny_setattr(vm, m, "Sub", tiny_class_of(vm, &sub_class)); }
static const tiny_module host_module = {"host", functions, host_init, NULL};

static bool fuzz_write(void *user, int stream, const char *s, size_t len) { return (void)user, (void)stream, (void)s, len != 3; }
static bool fuzz_find(void *user, const char *name, const char **s, size_t *len, const char **path, bool *is_package) {
  (void)user;
  *is_package = strcmp(name, "pack") == 0;
  *s = strcmp(name, "mod") == 0 ? "import host\nx = host.chaos()\n" : strcmp(name, "bad") == 0 ? "x = 1\n1/0\n" : strncmp(name, "pack", 4) == 0 ? "y = 1\n" : NULL;
  if (*s) *len = strlen(*s);
  return *path = name, *s != NULL;
}

/* ---- one step */

enum { VALUE, STATUS, NOTHING }; /* what a step gave: a value, done or failed, neither */
typedef struct Given { int kind; tiny_val v; bool ok; } Given;
static Given value(tiny_val v) { return (Given){VALUE, v, !tiny_failed(v)}; }
static Given done(bool ok) { return (Given){STATUS, TINY_NONE, ok}; }
static Given nothing(void) { return (Given){NOTHING, TINY_NONE, true}; }
static Given ran(tiny_status s) { return done(s == TINY_OK || s == TINY_PAUSED); }
static const char *pick(Host *h, const char *const *t, size_t n) { return t[rnd(h, (uint32_t)n)]; }
#define PICK(t) pick(h, t, sizeof t / sizeof *t)

static Given make(tiny_vm *vm, Host *h) {
  tiny_val v[4] = {any(h), any(h), any(h), any(h)};
  size_t n;
  int argc = (int)rnd(h, 6) - 1;
  if (argc > 4) argc = 4;
  switch (h->which = rnd(h, 21)) {
    case 0: return value(tiny_int(vm, (int64_t)(h->rng * 77)));
    case 1: return value(tiny_uint(vm, UINT64_MAX - rnd(h, 2)));
    case 2: return value(tiny_float(vm, (double)h->rng * 1e200 * (chance(h, 2) ? 1e-300 : 1e80)));
    case 3: return value(tiny_string(vm, text(h)));
    case 4: return value(tiny_string_n(vm, "a\0\xc3\xa4z", rnd(h, 6)));
    case 5: return value(tiny_format(vm, "%s %d %R %S %T %g %z %.3s %", text(h), 3, v[0], v[1], v[2], 1e22, "\xff\xff\xff\xff"));
    case 6: return value(tiny_bytes(vm, chance(h, 2) ? NULL : "data", rnd(h, 5)));
    case 7: {
      tiny_val b = tiny_bytes_room(vm, n = rnd(h, 3000));
      if (!tiny_failed(b)) memset(tiny_bytes_data(vm, b), 1, n);
      return value(tiny_bytes_cut(vm, b, rnd(h, (uint32_t)n + 9)));
    }
    case 8: return value(tiny_tuple(vm, argc, v));
    case 9: return value(tiny_list(vm, argc, v));
    case 10: return value(tiny_dict(vm));
    case 11: return value(tiny_set(vm));
    case 12: return value(tiny_set_without(vm, v[0], argc, v));
    case 13: return value(tiny_function(vm, &functions[rnd(h, 6)], v[0]));
    case 14: return value(tiny_instance(vm, chance(h, 2) ? &box_class : &sub_class, chance(h, 2) ? NULL : &(void *){NULL}));
    case 15: return value(tiny_eval(vm, "[{'k': (1, 2)}, g(), co()]"));
    case 16: return value(tiny_class_of(vm, &sub_class));
    case 17: return value(tiny_intern(vm, v[0]));
    case 18: return value(tiny_traceback_text(vm, v[0]));
    case 19: return value(tiny_bytes(vm, NULL, SIZE_MAX - rnd(h, 99)));
    default: return value(tiny_eval(vm, PICK(expressions)));
  }
}

static Given use(tiny_vm *vm, Host *h) {
  tiny_val a = any(h), b = any(h), v[3] = {any(h), any(h), any(h)}, key, val;
  const char *kw[3] = {text(h), text(h), text(h)};
  int64_t i;
  double d;
  size_t n = 0;
  int argc = (int)rnd(h, 4), r;
  switch (h->which = rnd(h, 34)) {
    case 0: case 1: return value(tiny_call(vm, a, chance(h, 40) ? -1 : argc, v));
    case 2: return value(tiny_call_kw(vm, a, argc, v, (int)rnd(h, 5) - 1, kw));
    case 3: return value(tiny_call_method(vm, a, text(h), argc, v));
    case 4: case 5: return value(tiny_getattr(vm, a, text(h)));
    case 6: return done(tiny_setattr(vm, a, text(h), b));
    case 7: return tiny_hasattr(vm, a, text(h)) ? done(true) : nothing();
    case 8: return value(tiny_getitem(vm, a, b));
    case 9: return done(tiny_setitem(vm, a, b, v[0]));
    case 10: return done(tiny_delitem(vm, a, b));
    case 11: return done(tiny_truth(vm, a) >= 0);
    case 12: return done(tiny_equal(vm, a, b) >= 0);
    case 13: return done(tiny_less(vm, a, b) >= 0);
    case 14: return done(tiny_len(vm, a) >= 0);
    case 15: return value(tiny_repr(vm, a));
    case 16: return value(tiny_str(vm, a));
    case 17: return value(tiny_iter(vm, a));
    case 18: return (r = tiny_next(vm, a, &val)) == 1 ? value(val) : done(r == 0);
    case 19: return done(tiny_isinstance(vm, a, b) >= 0);
    case 20: return value(tiny_binary(vm, (tiny_binary_op)rnd(h, chance(h, 20) ? 99 : TINY_RSHIFT + 1), a, b));
    case 21: return done(tiny_list_append(vm, a, b));
    case 22: return done(tiny_dict_set(vm, a, text(h), b));
    case 23: return value(tiny_dict_get(vm, a, text(h)));
    case 24: return done(tiny_set_add(vm, a, b));
    case 25: return done(tiny_to_int(vm, a, &i));
    case 26: return done(tiny_to_float(vm, a, &d));
    case 27: {
      const char *s = tiny_to_str(vm, a, &n);
      if (s && s[n]) wrong(h, "text is not ended");
      return done(s != NULL);
    }
    case 28: return done(tiny_to_bytes(vm, a, &n) != NULL);
    case 29:
      for (r = 0; tiny_dict_next(vm, a, &n, &key, &val) && r < 5; r++) tiny_pin(vm, val), put(h, val);
      return nothing();
    case 30:
      for (r = -1; r < tiny_seq_len(a) + 1 && r < 4; r++) put(h, tiny_pin(vm, tiny_seq_item(a, r)));
      return nothing();
    case 31: return (void)tiny_str_offset(vm, a, rnd(h, 99)), (void)tiny_str_index(vm, a, rnd(h, 99)), value(tiny_str_slice(vm, a, rnd(h, 2), 3 * rnd(h, 99)));
    case 32: return (void)tiny_kind_of(vm, a), (void)tiny_callable(vm, a), (void)tiny_type_name(vm, a), (void)tiny_size_of(vm, a), (void)tiny_set_stamp(vm, a), (void)tiny_bytes_data(vm, a), value(tiny_type(vm, a));
    default: return (void)tiny_data(vm, a, &box_class), value(tiny_awaited(vm, a));
  }
}

static Given run(tiny_vm *vm, Host *h) {
  const char *s = PICK(sources);
  tiny_val a = any(h), b = any(h), r = TINY_NONE;
  bool more;
  switch (h->which = rnd(h, 17)) {
    case 0: case 1: case 2: return ran(tiny_run_source(vm, s, strlen(s), "fuzz"));
    case 3: return value(tiny_compile(vm, s, strlen(s), text(h)));
    case 4: return ran(tiny_run(vm, a));
    case 5: return ran(tiny_resume(vm));
    case 6: return ran(tiny_run_interactive(vm, s, strlen(s), "<fuzz>", chance(h, 2) ? NULL : &more));
    case 7: return value(tiny_compile_async(vm, s, strlen(s), "<fuzz>", chance(h, 2) ? NULL : &more));
    case 8: return value(tiny_import(vm, text(h)));
    case 9: case 10: {
      tiny_outcome how = chance(h, 3) ? tiny_throw(vm, a, b, &r) : tiny_send(vm, a, chance(h, 2) ? TINY_NONE : b, &r);
      return how == TINY_RAISED ? done(false) : value(r);
    }
    case 11: return done(tiny_close(vm, a));
    case 12: return done(chance(h, 2) ? tiny_mark_coroutine(vm, a) : tiny_coroutine_function(vm, a));
    case 13: return value(tiny_loop_spawn(vm, a));
    case 14: return done(tiny_loop_tick(vm, rnd(h, 200)) != TINY_LOOP_FAILED);
    case 15: return (void)tiny_pausable(vm), done(tiny_pause(vm));
    default: return (void)tiny_loop_timeout_ms(vm), (void)tiny_loop_fd(vm), (void)tiny_waits(vm), nothing();
  }
}

static Given manage(tiny_vm *vm, Host *h) {
  tiny_ref *ref = &h->refs[rnd(h, REFS)];
  tiny_ref copy;
  tiny_val a = any(h);
  tiny_error e;
  switch (h->which = rnd(h, 27)) {
    case 0: return done(tiny_ref_new(vm, a, ref));
    case 1: return tiny_ref_free(vm, ref), nothing();
    case 2: return put(h, tiny_ref_get(vm, *ref)), nothing();
    case 3: return copy = *ref, tiny_ref_free(vm, ref), tiny_ref_free(vm, &copy), nothing();
    case 4: return tiny_set_fuel(vm, rnd(h, 3000), chance(h, 2) ? TINY_KILL : TINY_PAUSE), nothing();
    case 5: return tiny_add_fuel(vm, rnd(h, 2000)), nothing();
    case 6: return tiny_set_deadline_ms(vm, chance(h, 4) ? 0 : -1), nothing();
    case 7: return tiny_set_memory_limit(vm, chance(h, 3) ? tiny_memory_used(vm) + rnd(h, 100000) : 0), nothing();
    case 8: return chance(h, 4) ? tiny_interrupt(vm) : tiny_signal(vm, (int)rnd(h, 70) - 2), nothing();
    case 9: return h->depth <= DEPTH ? tiny_collect(vm) : (void)0, nothing();
    case 10: return h->depth <= DEPTH ? tiny_trim(vm) : (void)0, nothing();
    case 11: return h->depth <= DEPTH ? tiny_collect_young(vm) : (void)0, nothing();
    case 12: return h->fail_in = (long)rnd(h, 60), h->fail_on = chance(h, 3), nothing();
    case 13: return (void)tiny_raise(vm, (tiny_exc)rnd(h, chance(h, 9) ? 99 : TINY_EXC_COUNT), "%R %s", a, text(h)), nothing();
    case 14: return (void)tiny_raise_value(vm, a), nothing();
    case 15: return (void)tiny_raise_os(vm, (int)rnd(h, 40), text(h)), nothing();
    case 16: {
      bool pending = tiny_pending(vm);
      if (tiny_take_error(vm, &e) != pending || tiny_pending(vm)) wrong(h, "an error is not taken");
      if (!e.type || !e.message || !e.text || (e.depth && !e.frame[e.depth - 1].file)) wrong(h, "an error without text");
      return put(h, e.exception), nothing();
    }
    case 17: return put(h, tiny_take_exception(vm)), nothing();
    case 18: return (void)tiny_charge(vm, rnd(h, 5000)), nothing();
    case 19: return put(h, tiny_frame(vm, (int)rnd(h, 9) - 2)), nothing();
    case 20: return put(h, tiny_exc_class(vm, (tiny_exc)rnd(h, 60))), nothing();
    case 21:
      if (!h->n_ops) return nothing();
      tiny_op *op = h->ops[--h->n_ops];
      return chance(h, 2) ? tiny_op_complete_str(op, "late\xff", rnd(h, 6)) : tiny_op_fail(op, (tiny_exc)rnd(h, 60), "failed"), nothing();
    case 22: return put(h, tiny_handled_exception(vm)), nothing();
    case 23: return put(h, tiny_exc_class(vm, TINY_VALUE_ERROR)), put(h, tiny_main_module(vm)), put(h, tiny_modules(vm)), nothing();
    case 24: return h->depth == 1 && chance(h, 20) ? tiny_finish(vm) : (void)0, nothing();
    case 25: return tiny_set_recursion_limit(vm, chance(h, 2) ? rnd(h, 200) : 1000), nothing();
    default: return (void)tiny_write(vm, (int)rnd(h, 4), "text", rnd(h, 5)), nothing();
  }
}

static void steps(tiny_vm *vm, Host *h, int n) {
  static Given (*const parts[])(tiny_vm *, Host *) = {make, use, use, run, manage};
  static const char *const names[] = {"make", "use", "use", "run", "manage"};
  if (h->depth >= DEPTH) return;
  h->depth++;
  for (int i = 0; i < n; i++) {
    tiny_scope s = tiny_scope_open(vm);
    int before = h->n;
    bool pending = tiny_pending(vm);
    uint32_t part = rnd(h, 5);
    Given g = parts[part](vm, h);
    h->doing = names[part];
    if (g.kind != NOTHING && !g.ok && !tiny_pending(vm)) wrong(h, "failed without an exception");
    if (g.kind != NOTHING && g.ok && !pending && tiny_pending(vm)) wrong(h, "succeeded, and an exception is pending");
    if (h->depth == 1 && chance(h, 9)) tiny_set_fuel(vm, 20000, TINY_KILL);
    if (g.kind == VALUE && g.ok && !tiny_is_absent(g.v) && chance(h, 2)) {
      h->n = before; /* only this one outlives the scope */
      put(h, tiny_scope_close_keep(vm, s, g.v));
    } else if (chance(h, 3)) {
      tiny_scope_close(vm, s);
      h->n = before;
    }
    if (h->n > POOL / 2 && h->depth == 1) h->n = 8;
    if (h->depth == 1 && chance(h, 3)) tiny_clear_error(vm);
  }
  h->depth--;
}

static void one(uint64_t seed) {
  Host h = {.seed = seed, .rng = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15), .fail_in = -1, .doing = "start"};
  tiny_config c = TINY_CONFIG_INIT;
  c.alloc = fuzz_alloc;
  c.alloc_user = c.user = &h;
  c.modules = "math asyncio weakref gc io";
  c.write = fuzz_write;
  c.find_source = fuzz_find;
  c.recursion_limit = 200;
  c.hash_seed = seed + 1;
  if (seed % 8 == 0) h.fail_in = (long)(seed / 8 % 3000);
  tiny_vm *vm = tiny_new(&c);
  if (vm && tiny_add_module(vm, &host_module)) {
    h.depth = DEPTH; /* quiet while it is set up */
    (void)!tiny_run_source(vm, setup, strlen(setup), "setup");
    tiny_clear_error(vm);
    h.depth = 0;
    tiny_set_fuel(vm, 200000, TINY_KILL);
    steps(vm, &h, STEPS);
  }
  while (h.n_ops) tiny_op_complete_none(h.ops[--h.n_ops]);
  tiny_free(vm);
  h.doing = "free";
  if (h.bytes) wrong(&h, "bytes are left");
}

int main(int argc, char **argv) {
  uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1, n = argc > 2 ? strtoull(argv[2], NULL, 0) : 150;
  for (uint64_t i = 0; i < n; i++) one(first + i);
  return puts("fuzz: ok"), 0;
}
