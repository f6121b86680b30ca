/* VMs share nothing: several threads each make, run and free VMs of their own, while the main thread interrupts one. ThreadSanitizer is the judge (make test-tsan). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "include/tiny.h"

static const char work[] =
    "import math, asyncio\n"
    "class A:\n"
    "    def __init__(self, n): self.n = n\n"
    "    def __eq__(self, other): return self.n == other.n\n"
    "    def __hash__(self): return hash(self.n)\n"
    "def gen(n):\n"
    "    for i in range(n):\n"
    "        try:\n"
    "            yield A(i)\n"
    "        finally:\n"
    "            pass\n"
    "d = {a: str(a.n) * 3 for a in gen(300)}\n"
    "s = sorted(d.values(), key=lambda x: (len(x), x), reverse=True)\n"
    "t = sum(math.sqrt(a.n) for a in d)\n"
    "async def job(n):\n"
    "    await asyncio.sleep(0)\n"
    "    return n * n\n"
    "async def main():\n"
    "    return sum(await asyncio.gather(*[job(n) for n in range(50)]))\n"
    "try:\n"
    "    {}['x']\n"
    "except KeyError as e:\n"
    "    r = repr(e)\n"
    "total = asyncio.run(main())\n";

static void *worker(void *arg) {
  atomic_int *failures = arg;
  for (int i = 0; i < 3; i++) {
    tiny_config config = TINY_CONFIG_INIT;
    config.modules = "*";
    tiny_vm *vm = tiny_new(&config);
    int64_t total = 0;
    bool ok = vm && tiny_run_source(vm, work, strlen(work), "work.tiny") == TINY_OK && tiny_to_int(vm, tiny_eval(vm, "total"), &total) && total == 40425;
    tiny_error e;
    if (vm && tiny_take_error(vm, &e)) fputs(e.text, stderr);
    if (!ok) atomic_fetch_add(failures, 1);
    tiny_free(vm);
  }
  return NULL;
}

typedef struct Looping { tiny_vm *vm; atomic_bool ready, ended; bool interrupted; } Looping;

static void *looper(void *arg) {
  Looping *l = arg;
  static const char endless[] = "while True: pass\n";
  l->vm = tiny_new(NULL);
  atomic_store(&l->ready, true);
  tiny_error e;
  l->interrupted = tiny_run_source(l->vm, endless, strlen(endless), "endless.tiny") == TINY_ERROR && tiny_take_error(l->vm, &e) && strcmp(e.type, "KeyboardInterrupt") == 0;
  atomic_store(&l->ended, true);
  return NULL;
}

int main(void) {
  enum { N = 4 };
  pthread_t threads[N], loop;
  atomic_int failures = 0;
  Looping l = {.vm = NULL};
  if (pthread_create(&loop, NULL, looper, &l) != 0) return 1;
  for (int i = 0; i < N; i++) {
    if (pthread_create(&threads[i], NULL, worker, &failures) != 0) return 1;
  }
  while (!atomic_load(&l.ready)) {}
  tiny_interrupt(l.vm); /* allowed from any thread */
  for (int i = 0; i < N; i++) pthread_join(threads[i], NULL);
  pthread_join(loop, NULL);
  tiny_free(l.vm);
  bool ok = atomic_load(&failures) == 0 && l.interrupted;
  printf("threads: %s\n", ok ? "ok" : "FAILED");
  return ok ? 0 : 1;
}
