/* The event loop of a host that lists no module but asyncio, in the host's hands: ticks, timeouts, failures, interrupts, the virtual clock. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "tests/embed/host.h"

static tiny_vm *make(const char *script) {
  tiny_config c = TINY_CONFIG_INIT;
  c.modules = "asyncio";
  c.write = host_write;
  tiny_vm *vm = tiny_new(&c);
  tiny_error e;
  out[0] = 0;
  if (vm && tiny_run_source(vm, script, strlen(script), "host.tiny") != TINY_OK) {
    if (tiny_take_error(vm, &e)) printf("%s", e.text);
    failures++;
  }
  return vm;
}

static bool spawn(tiny_vm *vm, const char *call) { return !tiny_failed(tiny_loop_spawn(vm, tiny_eval(vm, call))); }
static double now(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void alone(void) {
  tiny_vm *vm = make("import asyncio\nasync def f():\n  q = asyncio.Queue()\n  async with asyncio.TaskGroup() as g:\n    g.create_task(q.put(1))\n  print(await q.get(), repr(q)[:8])\n"
                     "asyncio.run(f())\ntry:\n  import logging\nexcept ImportError as e: print(e)\n");
  CHECK(printed("1 <Queue a\nNo module named 'logging'\n"));
  tiny_free(vm);
}

static void ticks(void) {
  tiny_vm *vm = make("import asyncio\nasync def f():\n  print('a')\n  await asyncio.sleep(0)\n  print('b')\n  await asyncio.sleep(0.02)\n  print('c')\n"
                     "async def fails():\n  await asyncio.sleep(0)\n  raise ValueError('no')\n"
                     "async def many():\n  for i in range(100000): await asyncio.sleep(0)\n");
  CHECK(tiny_loop_timeout_ms(vm) == -1 && tiny_loop_fd(vm) >= 0);
  CHECK(spawn(vm, "f()") && tiny_loop_timeout_ms(vm) == 0);
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_WAITING && printed("a\nb\n"));
  int ms = tiny_loop_timeout_ms(vm);
  CHECK(ms > 0 && ms <= 20);
  usleep(25000);
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_DONE && printed("c\n"));
  CHECK(spawn(vm, "fails()"));
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_FAILED && tiny_pending_is(vm, TINY_VALUE_ERROR));
  tiny_clear_error(vm);
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_DONE);
  CHECK(spawn(vm, "many()") && tiny_loop_tick(vm, 200) == TINY_LOOP_BUSY && tiny_loop_timeout_ms(vm) == 0);
  int n = 0;
  while (tiny_loop_tick(vm, 2000) == TINY_LOOP_BUSY) n++;
  CHECK(n > 2);
  CHECK(tiny_failed(tiny_loop_spawn(vm, TINY_NONE)) && tiny_pending_is(vm, TINY_TYPE_ERROR));
  tiny_clear_error(vm);
  tiny_free(vm);
}

static void *interrupts(void *vm) {
  usleep(30000);
  tiny_interrupt(vm);
  return NULL;
}

/* A loop that sleeps is woken by an interrupt of another thread and by the deadline, and by nothing else. */
static void wakes(void) {
  tiny_vm *vm = make("import asyncio\n");
  pthread_t t;
  double start = now();
  pthread_create(&t, NULL, interrupts, vm);
  CHECK(tiny_run_source(vm, "asyncio.run(asyncio.sleep(60))\n", 31, "x") == TINY_ERROR && tiny_pending_is(vm, TINY_KEYBOARD_INTERRUPT) && now() - start < 20);
  pthread_join(t, NULL);
  tiny_clear_error(vm);
  tiny_set_deadline_ms(vm, 30);
  start = now();
  CHECK(tiny_deadline_ms(vm) > 0 && tiny_run_source(vm, "asyncio.run(asyncio.sleep(60))\n", 31, "x") == TINY_LIMIT && now() - start < 20);
  tiny_clear_error(vm);
  tiny_free(vm);
}

/* A limit that strikes in a tick ends the task that ran; whoever waited for it hears of it, the others go on. The same for asyncio.run(), and another one after it. */
static void limits(void) {
  static const char script[] =
      "import asyncio\nasync def spin():\n  try:\n    while True: pass\n  finally: print('not reached')\n"
      "async def waits():\n  try: await asyncio.create_task(spin())\n  except RuntimeError as e: print(e)\n"
      "async def other():\n  for i in range(3): await asyncio.sleep(0)\n  print('other', len(asyncio.all_tasks()), asyncio.current_task().get_name())\n";
  static const char run[] = "asyncio.run(waits())\n", again[] = "asyncio.run(other())\n";
  tiny_error e;
  for (int kind = 0; kind < 3; kind++) {
    tiny_vm *vm = make(script);
    CHECK(spawn(vm, "waits()") && spawn(vm, "other()"));
    for (int i = 0; i < (kind == 1 ? 1 : 2); i++) { /* a run by itself would be paused */
      if (kind == 2) tiny_set_deadline_ms(vm, 20);
      else tiny_set_fuel(vm, 100000, kind == 0 ? TINY_KILL : TINY_PAUSE);
      if (i == 0) CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_FAILED);
      else CHECK(tiny_run_source(vm, run, sizeof run - 1, "x") == TINY_LIMIT);
      CHECK(tiny_take_error(vm, &e) && e.limit && strcmp(e.limit, kind == 2 ? "deadline" : "steps") == 0);
      tiny_set_fuel(vm, UINT64_MAX, TINY_KILL);
      tiny_set_deadline_ms(vm, -1);
      if (i == 0) CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_DONE && printed("a limit of the host ended this task\nother 1 Task-2\n"));
      else CHECK(tiny_run_source(vm, again, sizeof again - 1, "x") == TINY_OK && printed("other 1 Task-6\n"));
    }
    tiny_free(vm);
  }
}

static void out_of_memory(void) {
  tiny_vm *vm = make("import asyncio\nasync def eats():\n  all = []\n  while True: all.append('a' * 1000 + str(len(all)))\nasync def other():\n  await asyncio.sleep(0)\n  print('other')\n");
  CHECK(spawn(vm, "eats()") && spawn(vm, "other()"));
  tiny_set_memory_limit(vm, tiny_memory_used(vm) + (2u << 20));
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_FAILED && tiny_pending_is(vm, TINY_MEMORY_ERROR));
  tiny_clear_error(vm);
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_DONE && printed("other\n"));
  tiny_free(vm);
}

/* The host's loop is a new one where the script has used its own up. */
static void after_others(void) {
  static const char *const scripts[] = {"asyncio.run(f())\n", "loop = asyncio.get_event_loop()\nloop.run_until_complete(f())\nloop.close()\n"};
  for (int i = 0; i < 2; i++) {
    tiny_vm *vm = make("import asyncio\nasync def f():\n  await asyncio.sleep(0)\n  print('f')\n");
    CHECK(tiny_run_source(vm, scripts[i], strlen(scripts[i]), "x") == TINY_OK);
    CHECK(spawn(vm, "f()") && tiny_loop_timeout_ms(vm) == 0 && tiny_loop_tick(vm, -1) == TINY_LOOP_DONE && printed("f\nf\n"));
    tiny_free(vm);
  }
}

static void pending_errors(void) {
  tiny_vm *vm = make("");
  CHECK(tiny_failed(tiny_loop_spawn(vm, tiny_eval(vm, "1 / 0"))) && tiny_pending_is(vm, TINY_ZERO_DIVISION_ERROR));
  CHECK(tiny_loop_timeout_ms(vm) == 0 && tiny_loop_fd(vm) == -1 && tiny_loop_tick(vm, -1) == TINY_LOOP_FAILED && tiny_pending_is(vm, TINY_ZERO_DIVISION_ERROR));
  tiny_clear_error(vm);
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_DONE);
  tiny_free(vm);
}

static void exits(void) {
  tiny_vm *vm = make("import asyncio\nasync def ends():\n  raise SystemExit(3)\nasync def other():\n  await asyncio.sleep(0)\n  print('other')\n");
  tiny_error e;
  CHECK(spawn(vm, "ends()") && spawn(vm, "other()"));
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_FAILED && tiny_take_error(vm, &e) && e.is_exit && e.exit_status == 3);
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_DONE && printed("other\n")); /* told once */
  tiny_free(vm);
}

/* The host cancels a task between two ticks: it may clean up, and that is no failure; a task that has not begun never does. */
static void cancels(void) {
  tiny_vm *vm = make("import asyncio\nasync def f():\n  try: await asyncio.sleep(60)\n  finally:\n    await asyncio.sleep(0)\n    print('cleaned')\n");
  tiny_val first = tiny_loop_spawn(vm, tiny_eval(vm, "f()")), second;
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_WAITING);
  second = tiny_loop_spawn(vm, tiny_eval(vm, "f()"));
  CHECK(tiny_is(tiny_call_method(vm, first, "cancel", 0, NULL), TINY_TRUE) && tiny_is(tiny_call_method(vm, second, "cancel", 0, NULL), TINY_TRUE));
  CHECK(tiny_loop_timeout_ms(vm) == 0 && tiny_loop_tick(vm, -1) == TINY_LOOP_DONE && printed("cleaned\n"));
  CHECK(tiny_is(tiny_call_method(vm, first, "cancelled", 0, NULL), TINY_TRUE) && tiny_is(tiny_call_method(vm, second, "cancelled", 0, NULL), TINY_TRUE));
  tiny_free(vm);
}

/* An interrupt ends the host's poll(2) and the next tick, also one that has no script code to run. */
static void interrupted(void) {
  tiny_vm *vm = make("import asyncio\n");
  pthread_t t;
  CHECK(spawn(vm, "asyncio.sleep(60)") && tiny_loop_tick(vm, -1) == TINY_LOOP_WAITING);
  struct pollfd p = {tiny_loop_fd(vm), POLLIN, 0};
  CHECK(poll(&p, 1, 0) == 0);
  pthread_create(&t, NULL, interrupts, vm);
  CHECK(poll(&p, 1, tiny_loop_timeout_ms(vm)) == 1);
  pthread_join(t, NULL);
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_FAILED && tiny_pending_is(vm, TINY_KEYBOARD_INTERRUPT));
  tiny_clear_error(vm);
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_WAITING && poll(&p, 1, 0) == 0);
  tiny_free(vm);
}

/* A native that ticks while its loop runs is refused, and the run is not disturbed. */
static tiny_val ticks_inside(tiny_vm *vm, tiny_args *a) {
  (void)a;
  return tiny_loop_tick(vm, 0) == TINY_LOOP_FAILED ? TINY_FAIL : TINY_NONE;
}
static const tiny_def functions[] = {{"tick", ticks_inside, "()", NULL}, {0}};
static const tiny_module host_module = {.name = "host", .functions = functions};
static void nested(void) {
  static const char f[] = "import host\nasync def f():\n  try: host.tick()\n  except RuntimeError as e: print(e)\n  await asyncio.sleep(0.001)\n  print('end')\nasyncio.run(f())\n";
  tiny_vm *vm = make("import asyncio\n");
  CHECK(tiny_add_module(vm, &host_module) && tiny_run_source(vm, f, sizeof f - 1, "x") == TINY_OK);
  CHECK(printed("This event loop is already running\nend\n"));
  CHECK(spawn(vm, "f()") && tiny_loop_tick(vm, -1) == TINY_LOOP_WAITING);
  usleep(2000);
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_DONE && printed("This event loop is already running\nend\n"));
  tiny_free(vm);
}

static void virtual_time(void) {
  tiny_vm *vm = make("import asyncio\nasync def f():\n  t = asyncio.get_running_loop().time()\n  await asyncio.sleep(36000)\n  print(asyncio.get_running_loop().time() - t)\n");
  CHECK(tiny_set_virtual_time(vm));
  double start = now();
  CHECK(spawn(vm, "f()"));
  while (tiny_loop_tick(vm, -1) == TINY_LOOP_WAITING) {}
  CHECK(printed("36000.0\n") && now() - start < 20);
  tiny_free(vm);
}

/* Tasks that do nothing but give way use the same memory again and again. */
static void memory_of_switches(void) {
  tiny_vm *vm = make("import asyncio\n"
                     "async def job(n):\n"
                     "  for i in range(n): await asyncio.sleep(0)\n"
                     "async def main(n):\n"
                     "  for t in [asyncio.create_task(job(n)) for i in range(500)]: await t\n");
  CHECK(tiny_run_source(vm, "asyncio.run(main(100))", 22, "x") == TINY_OK);
  size_t before = tiny_memory_used(vm);
  CHECK(tiny_run_source(vm, "asyncio.run(main(1000))", 23, "x") == TINY_OK);
  CHECK(tiny_memory_used(vm) < before + before / 2);
  tiny_free(vm);
}

int main(void) {
  alone();
  ticks();
  wakes();
  limits();
  out_of_memory();
  after_others();
  pending_errors();
  exits();
  cancels();
  interrupted();
  nested();
  virtual_time();
  memory_of_switches();
  printf("event loop: %s\n", failures ? "FAILED" : "ok");
  return failures ? 1 : 0;
}
