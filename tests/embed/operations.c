/* Natives that finish later: awaited by tasks, completed by other threads and by the host itself, failed, cancelled, and left behind by a VM that goes. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
#include "tests/embed/host.h"

enum { PATIENCE_MS = 60000 };

/* ---- work that threads do */

typedef struct Job { tiny_op *op; int64_t n; char kind; } Job;

static void finish(Job *j) {
  char text[32];
  snprintf(text, sizeof text, "n\xc3\xa4is %d", (int)j->n);
  switch (j->kind) {
    case 'n': tiny_op_complete_none(j->op); break;
    case 'i': tiny_op_complete_int(j->op, j->n * j->n); break;
    case 'f': tiny_op_complete_float(j->op, (double)j->n / 2); break;
    case 's': tiny_op_complete_str(j->op, text, strlen(text)); break;
    case 'u': tiny_op_complete_str(j->op, "\xff", 1); break;
    case 'b': tiny_op_complete_bytes(j->op, "a\0b", 3); break;
    case 'e': tiny_op_fail(j->op, TINY_VALUE_ERROR, "no such n\xc3\xa4is"); break;
    case 'x': tiny_op_fail(j->op, (tiny_exc)9999, "of no kind"); break;
  }
  free(j);
}
static void *work(void *arg) {
  usleep((useconds_t)((Job *)arg)->n * 100);
  finish(arg);
  return NULL;
}
static bool start_thread(Job *j) {
  pthread_t t;
  if (pthread_create(&t, NULL, work, j) != 0) return false;
  pthread_detach(t);
  return true;
}

/* begin(kind, n, now): by a thread, or, with now, before the native returns */
static tiny_val f_begin(tiny_vm *vm, tiny_args *a) {
  tiny_op *op;
  tiny_val future = tiny_suspend(vm, &op, NULL, NULL);
  Job *j = op ? malloc(sizeof *j) : NULL;
  if (!j) return future;
  *j = (Job){op, tiny_arg_int(a, 1), tiny_arg_str(a, 0, NULL)[0]};
  if (tiny_arg_bool(a, 2) || !start_thread(j)) finish(j);
  return future;
}

/* ---- operations that the host keeps, and what it is told of their cancellation */

enum { KEPT = 8 };
static tiny_op *kept[KEPT];
static int n_kept, told[KEPT];

static void on_cancel(void *user) { told[(int *)user - told]++; }
static void on_cancel_complete(void *user) { /* as hosts may do: it ends at once then */
  on_cancel(user);
  tiny_op_complete_none(kept[(int *)user - told]);
}
static tiny_val f_keep(tiny_vm *vm, tiny_args *a) {
  tiny_op *op;
  tiny_val future = tiny_suspend(vm, &op, tiny_arg_bool(a, 0) ? on_cancel_complete : on_cancel, &told[n_kept]);
  if (op) kept[n_kept++] = op;
  return future;
}
static void forget(void) {
  n_kept = 0;
  memset(told, 0, sizeof told);
}

static const tiny_def functions[] = {{"begin", f_begin, "(kind: str, n: int = 1, now: bool = False)", NULL}, {"keep", f_keep, "(completes: bool = False)", NULL}, {0}};
static const tiny_module host_module = {.name = "host", .functions = functions};

static tiny_vm *make(const char *script) {
  tiny_config c = TINY_CONFIG_INIT;
  c.modules = "asyncio";
  c.write = host_write;
  tiny_vm *vm = tiny_new(&c);
  tiny_error e;
  out[0] = 0;
  if (vm && (!tiny_add_module(vm, &host_module) || tiny_run_source(vm, script, strlen(script), "host.tiny") != TINY_OK)) {
    if (tiny_take_error(vm, &e)) printf("%s", e.text);
    failures++;
  }
  return vm;
}
static bool spawn(tiny_vm *vm, const char *call) { return !tiny_failed(tiny_loop_spawn(vm, tiny_eval(vm, call))); }

/* The host's loop until nothing is to be waited for; how many turns that took. */
static int drive(tiny_vm *vm) {
  for (int turns = 1;; turns++) {
    struct pollfd p = {tiny_loop_fd(vm), POLLIN, 0};
    int ms = tiny_loop_timeout_ms(vm);
    CHECK(p.fd >= 0 && poll(&p, 1, ms < 0 ? PATIENCE_MS : ms) + (ms >= 0) > 0);
    tiny_loop_status s = tiny_loop_tick(vm, 2000);
    CHECK(s != TINY_LOOP_FAILED);
    if (s == TINY_LOOP_DONE || s == TINY_LOOP_FAILED) return turns;
  }
}

static const char all_kinds[] =
    "import asyncio, host\n"
    "async def kinds(now):\n"
    "  for kind in 'nifsbuex':\n"
    "    try: print(repr(await host.begin(kind, 3, now)), end=' ')\n"
    "    except Exception as e: print(type(e).__name__, str(e)[:19], end=' ')\n"
    "  print(sorted(await asyncio.gather(*[host.begin('i', i, now) for i in range(20)]))[-3:])\n";
#define ALL_KINDS "None 9 1.5 'n\xc3\xa4is 3' b'a\\x00b' UnicodeDecodeError 'utf-8' codec can't ValueError no such n\xc3\xa4is RuntimeError of no kind [289, 324, 361]\n"

static void in_asyncio_run(void) {
  tiny_vm *vm = make(all_kinds);
  for (int i = 0; i < 2; i++) {
    const char *call = i ? "asyncio.run(kinds(True))\n" : "asyncio.run(kinds(False))\n";
    CHECK(tiny_run_source(vm, call, strlen(call), "x") == TINY_OK && printed(ALL_KINDS));
  }
  tiny_free(vm);
}

static void in_the_hosts_loop(void) {
  tiny_vm *vm = make(all_kinds);
  CHECK(spawn(vm, "kinds(False)"));
  CHECK(drive(vm) < 200); /* turns only when something has happened */
  CHECK(printed(ALL_KINDS) && spawn(vm, "kinds(True)") && drive(vm) < 20 && printed(ALL_KINDS));
  tiny_free(vm);
}

static void beside_timers(void) {
  tiny_vm *vm = make("import asyncio, host\nasync def f():\n  try: await asyncio.wait_for(host.keep(), 0.01)\n  except TimeoutError: print('timeout')\n"
                     "  print(await asyncio.wait_for(host.begin('i', 4), 60))\n");
  forget();
  CHECK(spawn(vm, "f()") && tiny_loop_tick(vm, -1) == TINY_LOOP_WAITING && tiny_loop_timeout_ms(vm) <= 10);
  drive(vm); /* whose future is cancelled is not waited for, but has to be completed */
  CHECK(told[0] == 1);
  tiny_op_complete_none(kept[0]);
  drive(vm);
  CHECK(printed("timeout\n16\n") && tiny_loop_timeout_ms(vm) == -1);
  tiny_free(vm);
}

/* Without a running loop, and after a deadlock was possible: a kept operation is no deadlock. */
static void misuse(void) {
  tiny_vm *vm = make("import asyncio, host\nclass E:\n  def __eq__(self, o): return host.keep()\n  def __hash__(self): return 1\ntry: {E(), E()}\nexcept RuntimeError as e: print(e)\n" /* C code is below */
                     "async def f():\n  host.keep()\ntry: asyncio.run(f(), clock='virtual')\nexcept RuntimeError as e: print(e)\n");
  CHECK(printed("no running event loop\na loop with a virtual clock has no outside\n"));
  tiny_op *op = (tiny_op *)vm;
  CHECK(tiny_failed(tiny_suspend(vm, &op, NULL, NULL)) && !op && tiny_pending_is(vm, TINY_RUNTIME_ERROR));
  tiny_clear_error(vm);
  tiny_free(vm);
}

static void cancelled(void) {
  tiny_vm *vm = make("import asyncio, host\nasync def f(completes):\n  try: await host.keep(completes)\n  except asyncio.CancelledError: print('cancelled')\n"
                     "  print(await host.begin('i', 2))\n"
                     "async def main():\n  tasks = [asyncio.create_task(f(c)) for c in (False, True)]\n  await asyncio.sleep(0)\n  for t in tasks: t.cancel()\n  await asyncio.gather(*tasks)\n");
  forget();
  const char run[] = "asyncio.run(main())\n";
  CHECK(tiny_run_source(vm, run, sizeof run - 1, "x") == TINY_OK && n_kept == 2 && told[0] == 1 && told[1] == 1);
  CHECK(printed("cancelled\ncancelled\n4\n4\n"));
  tiny_op_complete_int(kept[0], 1); /* nobody waits for it any more, and its loop has ended */
  CHECK(tiny_run_source(vm, "asyncio.run(asyncio.sleep(0))\n", 30, "x") == TINY_OK);
  tiny_free(vm);
}

/* A VM goes while operations are under way: it tells, they are completed before and after. */
static void left_behind(void) {
  tiny_vm *vm = make("import asyncio, host\nasync def f(completes):\n  await host.keep(completes)\nasync def g():\n  await host.begin('s', 50)\n");
  forget();
  for (int i = 0; i < 3; i++) CHECK(spawn(vm, "f(False)"));
  CHECK(spawn(vm, "f(True)"));
  for (int i = 0; i < 20; i++) CHECK(spawn(vm, "g()"));
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_WAITING || tiny_loop_tick(vm, 0) != TINY_LOOP_FAILED);
  CHECK(n_kept == 4);
  tiny_op_complete_none(kept[0]);
  CHECK(tiny_loop_timeout_ms(vm) == 0);
  tiny_free(vm);
  CHECK(told[1] == 1 && told[2] == 1 && told[3] == 1);
  tiny_op_complete_str(kept[1], "late", 4);
  tiny_op_fail(kept[2], TINY_OS_ERROR, "later");
  usleep(20000); /* the threads end after the VM, too */
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  int first = dup(0);
  close(first);
  in_asyncio_run();
  in_the_hosts_loop();
  beside_timers();
  misuse();
  cancelled();
  left_behind();
  for (int i = 0; i < 600 && fcntl(first, F_GETFD) >= 0; i++) usleep(100000); /* a thread may still be on its way */
  int last = dup(0);
  CHECK(first == last); /* no descriptor is left */
  close(last);
  printf("operations: %s\n", failures ? "FAILED" : "ok");
  return failures ? 1 : 0;
}
