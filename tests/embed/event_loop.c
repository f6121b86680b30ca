/* The event loop of a host that lists no module but asyncio, in the host's hands: ticks, timeouts, failures, interrupts, the virtual clock. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "include/tiny.h"

static int failures;
#define CHECK(cond) ((cond) ? (void)0 : (failures++, (void)printf("FAIL %s:%d: %s\n", __FILE__, __LINE__, #cond)))

static char out[4096];
static bool host_write(void *user, int stream, const char *text, size_t len) {
  (void)user, (void)stream;
  size_t n = strlen(out);
  if (!text || n + len >= sizeof out) return true;
  memcpy(out + n, text, len);
  out[n + len] = 0;
  return true;
}

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

static bool printed(const char *text) {
  bool same = strcmp(out, text) == 0;
  if (!same) printf("printed: %s\n", out);
  out[0] = 0;
  return same;
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
  CHECK(tiny_loop_timeout_ms(vm) == -1 && tiny_loop_fd(vm) == -1);
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

static void virtual_time(void) {
  tiny_vm *vm = make("import asyncio\nasync def f():\n  t = asyncio.get_running_loop().time()\n  await asyncio.sleep(36000)\n  print(asyncio.get_running_loop().time() - t)\n");
  CHECK(tiny_set_virtual_time(vm));
  double start = now();
  CHECK(spawn(vm, "f()"));
  while (tiny_loop_tick(vm, -1) == TINY_LOOP_WAITING) {}
  CHECK(printed("36000.0\n") && now() - start < 20);
  tiny_free(vm);
}

int main(void) {
  alone();
  ticks();
  wakes();
  virtual_time();
  printf("event loop: %s\n", failures ? "FAILED" : "ok");
  return failures ? 1 : 0;
}
