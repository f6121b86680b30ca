/* Scripts that pause in a native: because it asks for it (tiny_pause), or until an operation is completed (tiny_suspend without an event loop). */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/embed/host.h"

static tiny_op *kept;
static int told;
static void on_cancel(void *user) { ++*(int *)user; }

static void *work(void *op) {
  usleep(2000);
  tiny_op_complete_str(op, "from a thread", 13);
  return NULL;
}

static tiny_val f_fetch(tiny_vm *vm, tiny_args *a) {
  const char *how = tiny_arg_str(a, 0, NULL);
  tiny_op *op;
  tiny_val result = tiny_suspend(vm, &op, on_cancel, &told);
  pthread_t t;
  if (!op) return result;
  if (strcmp(how, "now") == 0) tiny_op_complete_int(op, 7);
  else if (strcmp(how, "fail") == 0) tiny_op_fail(op, TINY_LOOKUP_ERROR, "nothing there");
  else if (strcmp(how, "thread") == 0 && pthread_create(&t, NULL, work, op) == 0) pthread_detach(t);
  else kept = op;
  return result;
}
static tiny_val f_frame(tiny_vm *vm, tiny_args *a) { return (void)a, tiny_pause(vm) ? tiny_string(vm, "drawn") : TINY_FAIL; }
static const tiny_def functions[] = {{"fetch", f_fetch, "(how: str)", NULL}, {"frame", f_frame, "()", NULL}, {0}};
static const tiny_module host_module = {.name = "host", .functions = functions};

static tiny_vm *make(void) {
  tiny_config c = TINY_CONFIG_INIT;
  c.write = host_write;
  c.modules = "asyncio";
  tiny_vm *vm = tiny_new(&c);
  out[0] = 0;
  kept = NULL;
  told = 0;
  if (!vm || !tiny_add_module(vm, &host_module)) exit(1);
  return vm;
}

static tiny_status start(tiny_vm *vm, const char *script) { return tiny_run_source(vm, script, strlen(script), "script.tiny"); }

/* Until the script has ended; how often it was resumed. */
static int drive(tiny_vm *vm, tiny_status *status) {
  int n = 0;
  for (; *status == TINY_PAUSED; n++) {
    struct pollfd p = {tiny_loop_fd(vm), POLLIN, 0};
    if (tiny_waits(vm)) CHECK(p.fd >= 0 && tiny_loop_timeout_ms(vm) == -1 && poll(&p, 1, 60000) == 1);
    *status = tiny_resume(vm);
  }
  return n;
}

static void results(void) {
  tiny_vm *vm = make();
  tiny_status st = start(vm, "import host\ndef page(how): return host.fetch(how)\ndef gen():\n  yield page('now')\n  yield page('thread')\nprint(page('now'), *gen())\n"
                             "try: page('fail')\nexcept LookupError as e: print(e)\nclass C:\n  def __init__(self): self.x = page('thread')\nprint(C().x, [page('now') for i in range(3)])\n");
  CHECK(st == TINY_PAUSED);
  CHECK(drive(vm, &st) >= 1 && st == TINY_OK && printed("7 7 from a thread\nnothing there\nfrom a thread [7, 7, 7]\n"));
  tiny_free(vm);
}

/* Resumed too early, and while the host does other things with the VM. */
static void patience(void) {
  tiny_vm *vm = make();
  CHECK(start(vm, "import host\ntry: 1/0\nexcept ZeroDivisionError:\n  x = host.fetch('keep')\n  try: raise\n  except ZeroDivisionError as e: print(x, e)\n") == TINY_PAUSED);
  for (int i = 0; i < 3; i++) CHECK(tiny_waits(vm) && tiny_resume(vm) == TINY_PAUSED);
  tiny_collect(vm);
  tiny_val v = tiny_eval(vm, "__import__('host').fetch('now')"); /* the host's own calls cannot pause */
  CHECK(tiny_failed(v) && tiny_pending_is(vm, TINY_RUNTIME_ERROR));
  tiny_clear_error(vm);
  CHECK(start(vm, "pass") == TINY_ERROR && tiny_pending_is(vm, TINY_RUNTIME_ERROR));
  tiny_clear_error(vm);
  CHECK(tiny_failed(tiny_eval(vm, "1/0")) && tiny_resume(vm) == TINY_ERROR); /* not while an exception is pending */
  tiny_clear_error(vm);
  CHECK(!tiny_failed(v = tiny_eval(vm, "len('abc')")));
  tiny_op_complete_float(kept, 1.5);
  CHECK(!tiny_waits(vm) && tiny_resume(vm) == TINY_OK && printed("1.5 division by zero\n") && told == 0);
  CHECK(tiny_resume(vm) == TINY_ERROR);
  tiny_free(vm);
}

/* The script is given up: by a limit, an interrupt, the end of the VM. The host is told, and completes it all the same. */
static void given_up(void) {
  tiny_vm *vm = make();
  CHECK(start(vm, "import host\nwhile True:\n  try: host.fetch('keep')\n  except KeyboardInterrupt: print('interrupted')\n") == TINY_PAUSED);
  tiny_op *first = kept;
  tiny_interrupt(vm);
  CHECK(tiny_resume(vm) == TINY_PAUSED && printed("interrupted\n") && kept != first);
  tiny_collect(vm);
  CHECK(told == 1);
  tiny_op_complete_none(first);
  tiny_set_fuel(vm, 0, TINY_KILL);
  CHECK(tiny_resume(vm) == TINY_LIMIT);
  tiny_clear_error(vm);
  tiny_set_fuel(vm, UINT64_MAX, TINY_KILL);
  tiny_collect(vm);
  CHECK(told == 2 && !tiny_waits(vm));
  tiny_op_complete_none(kept);
  CHECK(start(vm, "host.fetch('keep')\n") == TINY_PAUSED);
  tiny_free(vm);
  CHECK(told == 3);
  tiny_op_complete_str(kept, "late", 4);
}

static void in_a_loop(void) {
  tiny_vm *vm = make();
  CHECK(start(vm, "import asyncio, host\nasync def main(): print(await host.fetch('thread'))\nasyncio.run(main())\nprint(host.fetch('thread'))\n") == TINY_PAUSED);
  tiny_status st = TINY_PAUSED;
  CHECK(drive(vm, &st) >= 1 && st == TINY_OK && printed("from a thread\nfrom a thread\n"));
  tiny_free(vm);
}

static void frames(void) {
  tiny_vm *vm = make();
  tiny_status st = start(vm, "import host\ndef walk():\n  for i in range(5):\n    yield host.frame(), i\nprint([i for s, i in walk()], host.frame())\n"
                             "class E:\n  def __eq__(self, o): return host.frame()\n  def __hash__(self): return 1\ntry: {E(), E()}\nexcept RuntimeError as e: print(e)\n");
  CHECK(drive(vm, &st) == 6 && st == TINY_OK && printed("[0, 1, 2, 3, 4] drawn\na script cannot pause in what the host or C code calls\n"));
  tiny_set_fuel(vm, 1000, TINY_PAUSE); /* beside slices of fuel */
  st = start(vm, "for i in range(3000):\n  if i % 1000 == 999: host.frame()\n");
  int pauses = 0;
  for (; st == TINY_PAUSED; st = tiny_resume(vm), pauses++) tiny_add_fuel(vm, 1000);
  CHECK(st == TINY_OK && pauses >= 5);
  tiny_free(vm);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  results();
  patience();
  given_up();
  in_a_loop();
  frames();
  printf("pauses: %s\n", failures ? "FAILED" : "ok");
  return failures ? 1 : 0;
}
