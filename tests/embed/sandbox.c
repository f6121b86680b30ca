/* What a host that does not trust its scripts relies on: the list of modules, limits that nothing gets around, a VM that is as good as new after each of them; and
 * mistakes of the host itself, which end in an exception. */
#include <stdlib.h>
#include <string.h>
#include "tests/embed/host.h"

static tiny_vm *make(const char *modules) {
  tiny_config c = TINY_CONFIG_INIT;
  c.modules = modules;
  c.write = host_write;
  c.memory_limit = 16u << 20;
  tiny_vm *vm = tiny_new(&c);
  if (!vm) exit(1);
  out[0] = 0;
  return vm;
}
static tiny_status run(tiny_vm *vm, const char *script) { return tiny_run_source(vm, script, strlen(script), "s.tiny"); }
static bool fails(tiny_vm *vm, const char *script, const char *type, const char *limit) {
  tiny_error e;
  bool right = run(vm, script) != TINY_OK && tiny_take_error(vm, &e) && strcmp(e.type, type) == 0 && (limit ? e.limit && strcmp(e.limit, limit) == 0 : !e.limit);
  if (!right) printf("%s: %s %s\n", script, e.type, e.message);
  return right;
}

/* Builtins need no module that scripts do not have. */
static void builtins(void) {
  tiny_vm *vm = make(NULL);
  CHECK(run(vm, "from __future__ import annotations\nclass C:\n  def __repr__(self): return 'c'\nprint(C(), [C()], sep='-')\ntry: input()\nexcept EOFError: print('end')\n") == TINY_OK && printed("c-[c]\nend\n"));
  CHECK(run(vm, "async def f(): pass\nf()\nx = [[i] for i in range(50000)]\n") == TINY_OK && printed("s.tiny:2: RuntimeWarning: coroutine 'f' was never awaited\n"));
  CHECK(fails(vm, "import sys", "ModuleNotFoundError", NULL) && fails(vm, "open('/dev/null')", "ModuleNotFoundError", NULL));
  tiny_free(vm);
}

/* Listed modules get what they need of the library; scripts do not, and nothing gets what reaches out. */
static void modules(void) {
  tiny_vm *vm = make("collections random asyncio json dataclasses datetime sys listed");
  static const tiny_module listed = {.name = "listed"}, unlisted = {.name = "unlisted"};
  CHECK(tiny_add_listed_module(vm, &listed) && tiny_add_listed_module(vm, &unlisted));
  CHECK(run(vm, "import collections, random, asyncio, json, dataclasses, datetime, listed\nprint(collections.Counter('aab')['a'])\nasync def f(): return 3\nprint(asyncio.run(f()))\n") == TINY_OK && printed("2\n3\n"));
  for (const char *const *m = (const char *const[]){"heapq", "itertools", "_class", "os", "_os", "_posix", "io_file", "signal", "_signal", "unlisted", "functools", NULL}; *m; m++) {
    char script[100];
    snprintf(script, sizeof script, "import %s", *m);
    CHECK(fails(vm, script, "ModuleNotFoundError", NULL));
  }
  CHECK(run(vm, "import sys\nfor name in 'os', '_os', '_posix', '_io_file', '_socket', '_signal':\n  for m in [*sys.modules.values()]:\n    try: exec('import ' + name, vars(m)); print(name, m)\n    except (ImportError, NameError): pass\n") == TINY_OK && printed(""));
  tiny_free(vm);
  vm = make("os");
  CHECK(run(vm, "import os\nprint(os.sep)\n") == TINY_OK && printed("/\n") && fails(vm, "import socket", "ModuleNotFoundError", NULL));
  tiny_free(vm);
}

/* Comparisons that C code asks for are steps, too. */
static void steps_in_c(void) {
  tiny_vm *vm = make(NULL);
  tiny_set_fuel(vm, 100000, TINY_KILL);
  CHECK(fails(vm, "class H:\n  def __hash__(self): return 1\n  def __eq__(self, other): return False\ns = {H() for i in range(3000)}\n", "RuntimeError", "steps"));
  tiny_set_fuel(vm, 100000, TINY_KILL);
  CHECK(run(vm, "x = len({H() for i in range(100)})\n") == TINY_OK);
  tiny_free(vm);
}

/* What a limit ended is garbage, except clauses in which it struck as well; the next script does not see them. */
static void nothing_is_kept(void) {
  static const char nested[] = "def f(n):\n  keep = bytes(5000)\n  try: raise ValueError\n  except ValueError:\n    while n == 0: pass\n    f(n - 1)\nf(200)\n";
  for (int how = 0; how < 3; how++) {
    tiny_vm *vm = make("sys");
    CHECK(run(vm, "import sys\ndef f(n): pass\nf(1)\n") == TINY_OK);
    tiny_collect(vm);
    size_t before = tiny_memory_used(vm);
    tiny_set_fuel(vm, 50000, TINY_KILL);
    CHECK(run(vm, nested) == TINY_LIMIT);
    if (how == 0) tiny_clear_error(vm);
    else if (how == 1) (void)tiny_take_exception(vm);
    else CHECK(tiny_take_error(vm, &(tiny_error){0}));
    tiny_set_fuel(vm, UINT64_MAX, TINY_KILL);
    CHECK(run(vm, "def f(n): pass\nprint(sys.exc_info()[0])\n") == TINY_OK && printed("None\n"));
    tiny_scope_close(vm, (tiny_scope){0});
    tiny_collect(vm);
    CHECK(tiny_memory_used(vm) < before + 500 * 1000); /* the VM's stack has grown; 1 MB hung on the exceptions */
    tiny_free(vm);
  }
}

/* Without taking the error, or after taking it by any of the three functions */
static void limits_end(void) {
  tiny_vm *vm = make(NULL);
  tiny_set_deadline_ms(vm, 0);
  CHECK(run(vm, "while True: pass\n") == TINY_LIMIT && run(vm, "pass\n") == TINY_LIMIT && tiny_failed(tiny_eval(vm, "1")));
  tiny_clear_error(vm);
  tiny_set_deadline_ms(vm, -1);
  CHECK(run(vm, "pass\n") == TINY_OK);
  tiny_free(vm);
}

static tiny_val no_reason(tiny_vm *vm, tiny_args *a) { return (void)vm, (void)a, TINY_FAIL; }
static tiny_val beside(tiny_vm *vm, tiny_args *a) { return (void)a, (void)tiny_raise(vm, TINY_KEY_ERROR, "beside"), TINY_NONE; }
static tiny_val unknown(tiny_vm *vm, tiny_args *a) { return (void)vm, (void)a, TINY_NOT_IMPLEMENTED; }
static const tiny_def mistakes[] = {{"no_reason", no_reason, "()", NULL}, {"beside", beside, "()", NULL}, {0}};
static const tiny_def odd_methods[] = {{"__add__", unknown, "(self, other)", NULL}, {"__eq__", unknown, "(self, other)", NULL}, {0}};
static const tiny_class odd_class = {.name = "host.Odd", .methods = odd_methods};

static bool raised(tiny_vm *vm, tiny_exc type) {
  bool is = tiny_pending_is(vm, type);
  tiny_clear_error(vm);
  return is;
}

static void mistakes_of_the_host(void) {
  tiny_vm *vm = make(NULL);
  tiny_val m = tiny_main_module(vm), list = tiny_list(vm, 0, NULL), junk = tiny_tail_call(vm, tiny_eval(vm, "print"), 0, NULL), v;
  tiny_ref ref, copy;
  for (int i = 0; mistakes[i].name; i++) CHECK(tiny_setattr(vm, m, mistakes[i].name, tiny_function(vm, &mistakes[i], TINY_NONE)));
  CHECK(tiny_setattr(vm, m, "Odd", tiny_class_of(vm, &odd_class)));
  CHECK(run(vm, "try: no_reason()\nexcept SystemError as e: print(e)\ntry: Odd() + 1\nexcept TypeError as e: print(e)\nprint(Odd() == 1, Odd() != 1)\n") == TINY_OK);
  CHECK(printed("a native function failed and raised no exception\nunsupported operand type(s) for +: 'host.Odd' and 'int'\nFalse True\n"));
  CHECK(tiny_failed(tiny_eval(vm, "beside()")) && raised(vm, TINY_KEY_ERROR) && run(vm, "beside()\n") == TINY_ERROR && raised(vm, TINY_KEY_ERROR));
  /* what is no value */
  CHECK(!tiny_list_append(vm, list, TINY_ABSENT) && raised(vm, TINY_TYPE_ERROR) && tiny_failed(tiny_repr(vm, TINY_FAIL)) && tiny_pending(vm));
  CHECK(tiny_failed(tiny_repr(vm, list)) && tiny_failed(tiny_getattr(vm, list, "append"))); /* the first error stays */
  tiny_clear_error(vm);
  CHECK(tiny_failed(tiny_tuple(vm, 1, &junk)) && tiny_pending(vm) && strcmp(tiny_type_name(vm, junk), "") == 0);
  tiny_clear_error(vm);
  /* texts */
  CHECK(tiny_failed(tiny_string(vm, NULL)) && raised(vm, TINY_TYPE_ERROR) && tiny_failed(tiny_getattr(vm, list, NULL)) && raised(vm, TINY_TYPE_ERROR));
  CHECK(tiny_failed(tiny_getattr(vm, list, "\xff")) && raised(vm, TINY_UNICODE_ERROR) && tiny_failed(tiny_import(vm, NULL)) && raised(vm, TINY_TYPE_ERROR));
  CHECK(tiny_failed(tiny_compile(vm, NULL, 3, "x")) && raised(vm, TINY_TYPE_ERROR) && tiny_failed(tiny_compile(vm, "x", 1, "\xff")) && raised(vm, TINY_UNICODE_ERROR));
  CHECK(tiny_failed(tiny_compile(vm, "x = '\0'", 7, "x")) && tiny_pending(vm));
  tiny_clear_error(vm);
  /* numbers of values */
  v = tiny_getattr(vm, m, "no_reason");
  CHECK(tiny_failed(tiny_call(vm, v, -1, NULL)) && tiny_pending(vm));
  tiny_clear_error(vm);
  CHECK(tiny_failed(tiny_call(vm, v, 2, NULL)) && tiny_pending(vm));
  tiny_clear_error(vm);
  CHECK(tiny_failed(tiny_call_kw(vm, v, 1, &list, 2, (const char *const[]){"a", "b"})) && tiny_pending(vm));
  tiny_clear_error(vm);
  CHECK(tiny_failed(tiny_binary(vm, (tiny_binary_op)99, list, list)) && tiny_pending(vm));
  tiny_clear_error(vm);
  CHECK(tiny_failed(tiny_bytes(vm, NULL, SIZE_MAX)) && raised(vm, TINY_MEMORY_ERROR));
  /* references */
  CHECK(tiny_ref_new(vm, list, &ref));
  copy = ref;
  tiny_ref_free(vm, &ref);
  tiny_ref_free(vm, &copy);
  CHECK(tiny_ref_new(vm, list, &ref) && tiny_ref_new(vm, TINY_TRUE, &copy) && ref.slot != copy.slot && tiny_is(tiny_ref_get(vm, ref), list));
  copy = ref;
  tiny_ref_free(vm, &ref);
  CHECK(tiny_is_none(tiny_ref_get(vm, ref)) && tiny_failed(tiny_ref_get(vm, copy)) && raised(vm, TINY_RUNTIME_ERROR));
  /* scopes closed in the wrong order */
  tiny_scope outer = tiny_scope_open(vm), inner;
  CHECK(!tiny_failed(tiny_string(vm, "some text")));
  inner = tiny_scope_open(vm);
  tiny_scope_close(vm, outer);
  tiny_scope_close(vm, inner);
  tiny_collect(vm);
  tiny_free(vm);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  builtins();
  modules();
  steps_in_c();
  nothing_is_kept();
  limits_end();
  mistakes_of_the_host();
  printf("sandbox: %s\n", failures ? "FAILED" : "ok");
  return failures ? 1 : 0;
}
