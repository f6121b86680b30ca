/* What a VM costs a host: time of creating and freeing one (and of one that runs a line), and the bytes that it holds. Usage: vm_cost [N]
 * Build: cc -Iinclude scripts/dev/vm_cost.c -o vm_cost `pkg-config --cflags --static --libs tiny` (or build/libtiny.a -ltommath -lutf8proc -lm) */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "tiny.h"

typedef struct Count { size_t bytes, blocks; } Count;

static void *counting(void *user, void *ptr, size_t old_size, size_t new_size) {
  Count *c = user;
  c->bytes += new_size - (ptr ? old_size : 0);
  c->blocks += (new_size != 0) - (ptr != NULL);
  if (!new_size) return free(ptr), NULL;
  return realloc(ptr, new_size);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double each(int n, const char *source) {
  double best = 1e18;
  for (int round = 0; round < 5; round++) {
    double start = now();
    for (int i = 0; i < n; i++) {
      tiny_vm *vm = tiny_new(NULL);
      if (!vm) exit(1);
      if (source && tiny_failed(tiny_eval(vm, source))) exit(1);
      tiny_free(vm);
    }
    double t = (now() - start) / n;
    if (t < best) best = t;
  }
  return best;
}

int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 1000;
  Count held = {0, 0};
  tiny_config c = TINY_CONFIG_INIT;
  c.alloc = counting;
  c.alloc_user = &held;
  tiny_vm *vm = tiny_new(&c);
  if (!vm) return 1;
  printf("a new VM holds %zu bytes in %zu blocks\n", held.bytes, held.blocks);
  if (tiny_failed(tiny_eval(vm, "1 + 1"))) return 1;
  printf("after a line   %zu bytes in %zu blocks\n", held.bytes, held.blocks);
  tiny_free(vm);
  printf("create + free  %.1f us\n", each(n, NULL) / 1e3);
  printf("with a line    %.1f us\n", each(n, "1 + 1") / 1e3);
  return held.bytes != 0;
}
