/* Source with `await` outside of functions (tiny_compile_async): from a file and typed at a host's prompt, in the host's event loop, by hand, and what is no such source. */
#include <stdio.h>
#include <string.h>
#include "tests/embed/host.h"

/* Runs source; its coroutine goes into the loop. False: an exception is pending. */
static bool start(tiny_vm *vm, const char *source, bool *incomplete) {
  tiny_val result = tiny_call(vm, tiny_compile_async(vm, source, strlen(source), "host.tiny", incomplete), 0, NULL);
  if (tiny_kind_of(vm, result) == TINY_T_COROUTINE) result = tiny_loop_spawn(vm, result);
  return !tiny_failed(result);
}

static bool ticks(tiny_vm *vm) {
  tiny_loop_status status;
  while ((status = tiny_loop_tick(vm, -1)) == TINY_LOOP_BUSY || status == TINY_LOOP_WAITING) {}
  return status == TINY_LOOP_DONE;
}

static void from_a_file(tiny_vm *vm) {
  CHECK(start(vm, "import asyncio\nprint('begins')\nfor i in range(2):\n  print(await asyncio.sleep(0.001, i))\nresult = i\n", NULL));
  CHECK(printed("")); /* a coroutine has not begun */
  CHECK(ticks(vm) && printed("begins\n0\n1\n"));
  CHECK(start(vm, "print(result)\n", NULL) && printed("1\n")); /* nothing to await: it has run */
  CHECK(start(vm, "await asyncio.sleep(0)\n1 / 0\n", NULL));
  tiny_error e;
  CHECK(!ticks(vm) && tiny_take_error(vm, &e) && strcmp(e.type, "ZeroDivisionError") == 0 && e.frame[e.depth - 1].line == 2);
  CHECK(ticks(vm));
}

static void at_a_prompt(tiny_vm *vm) {
  bool incomplete;
  CHECK(start(vm, "await asyncio.sleep(0, 6) * 7", &incomplete) && !incomplete && ticks(vm) && printed("42\n"));
  CHECK(start(vm, "_ + 1", &incomplete) && printed("43\n"));
  CHECK(!start(vm, "async with x:", &incomplete) && incomplete);
  tiny_clear_error(vm);
  CHECK(!start(vm, "def f(): await x\n", &incomplete) && !incomplete && tiny_pending_is(vm, TINY_SYNTAX_ERROR));
  tiny_clear_error(vm);
}

static void by_hand(tiny_vm *vm) {
  static const char source[] = "import types\n@types.coroutine\ndef ask(what):\n  return (yield what)\nanswer = await ask('name?')\nprint(answer)\n";
  tiny_val c = tiny_call(vm, tiny_compile_async(vm, source, strlen(source), "host.tiny", NULL), 0, NULL), v;
  CHECK(tiny_send(vm, c, TINY_NONE, &v) == TINY_YIELDED && strcmp(tiny_to_str(vm, v, NULL), "name?") == 0);
  tiny_collect(vm);
  CHECK(tiny_send(vm, c, tiny_string(vm, "Ann"), &v) == TINY_RETURNED && printed("Ann\n"));
}

static void elsewhere(tiny_vm *vm) {
  CHECK(tiny_run_source(vm, "await x\n", 8, "host.tiny") == TINY_ERROR && tiny_pending_is(vm, TINY_SYNTAX_ERROR));
  tiny_clear_error(vm);
  CHECK(tiny_run(vm, tiny_eval(vm, "compile('await asyncio.sleep(0)', 'x', 'exec', 0x2000)")) == TINY_ERROR && tiny_pending_is(vm, TINY_TYPE_ERROR));
  tiny_clear_error(vm);
  CHECK(tiny_failed(tiny_compile_async(vm, "x y", 3, "host.tiny", NULL)) && tiny_pending_is(vm, TINY_SYNTAX_ERROR));
  tiny_clear_error(vm);
}

int main(void) {
  tiny_config c = TINY_CONFIG_INIT;
  c.modules = "asyncio types sys";
  c.write = host_write;
  tiny_vm *vm = tiny_new(&c);
  if (!vm) return 1;
  from_a_file(vm);
  at_a_prompt(vm);
  by_hand(vm);
  elsewhere(vm);
  tiny_free(vm);
  return failures != 0;
}
