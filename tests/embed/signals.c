/* Signals of a host: with the hook functions of a script handle them, without it they cannot; nothing is installed behind its back. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "tests/embed/host.h"

static int last_number;
static tiny_signal_action last_action;
static bool host_signal(void *user, int number, tiny_signal_action action) {
  (void)user;
  last_number = number;
  last_action = action;
  return true;
}

static tiny_vm *make(tiny_signal_fn hook) {
  tiny_config c = TINY_CONFIG_INIT;
  c.modules = "*";
  c.write = host_write;
  c.signal = hook;
  return tiny_new(&c);
}

static bool run(tiny_vm *vm, const char *script) {
  tiny_error e;
  bool ok = tiny_run_source(vm, script, strlen(script), "host.tiny") == TINY_OK;
  if (!ok && tiny_take_error(vm, &e)) strncat(out, e.type, sizeof out - strlen(out) - 1);
  return ok;
}

static bool untouched(int number) {
  struct sigaction now;
  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_DFL;
}

static tiny_val signal_itself(tiny_vm *vm, tiny_args *a) {
  tiny_signal(vm, (int)tiny_arg_int(a, 0)); /* as a C handler would */
  return TINY_NONE;
}

static void with_hook(void) {
  static const tiny_def row = {"happens", signal_itself, "(number: int)", NULL};
  tiny_vm *vm = make(host_signal);
  CHECK(vm && tiny_setattr(vm, tiny_import(vm, "builtins"), "happens", tiny_function(vm, &row, TINY_NONE)));
  CHECK(run(vm, "import signal\nsignal.signal(10, lambda n, f: print('handler', n, f.f_code.co_name))\n"));
  CHECK(last_number == 10 && last_action == TINY_SIGNAL_DELIVER && untouched(10));
  CHECK(run(vm, "def f():\n  happens(10)\n  for i in range(100000): pass\n  print('went on')\nf()\n"));
  CHECK(printed("handler 10 f\nwent on\n"));
  tiny_signal(vm, 10);
  tiny_signal(vm, 12); /* nobody handles it */
  tiny_signal(vm, 0);
  tiny_signal(vm, 65);
  CHECK(run(vm, "for i in range(100000): pass\n") && printed("handler 10 <module>\n"));
  CHECK(run(vm, "import signal, time\ndef r(n, f): raise KeyError(n)\nsignal.signal(12, r)\nhappens(12)\ntry: time.sleep(60)\nexcept KeyError as e: print('raised', e)\n"));
  CHECK(printed("raised 12\n"));
  CHECK(run(vm, "import asyncio, signal\nasync def main():\n  e = asyncio.Event()\n  signal.signal(12, lambda n, f: e.set())\n  happens(12)\n  await e.wait()\n  print('woken')\nasyncio.run(main())\n"));
  CHECK(printed("woken\n"));
  CHECK(run(vm, "import signal\nsignal.signal(10, signal.SIG_DFL)\n") && last_number == 10 && last_action == TINY_SIGNAL_DEFAULT);
  tiny_free(vm);
}

static void without_hook(void) {
  tiny_vm *vm = make(NULL);
  CHECK(!run(vm, "import signal\nprint(repr(signal.getsignal(10)))\nsignal.signal(10, print)\n"));
  CHECK(printed("<Handlers.SIG_DFL: 0>\nNotImplementedError"));
  CHECK(run(vm, "import asyncio\nasyncio.run(asyncio.sleep(0))\n"));
  CHECK(untouched(10) && untouched(SIGINT));
  tiny_free(vm);
}

int main(void) {
  with_hook();
  without_hook();
  if (!failures) puts("signals: ok");
  return failures != 0;
}
