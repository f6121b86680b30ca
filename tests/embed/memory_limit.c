/* MemoryError is an exception like others: its handler has some memory to work with (the reserve), whether the VM's limit or the host's allocator refused, and a
 * script that drops what it has runs on with its whole budget (the refused request makes a safe point soon after collect fully). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tiny.h"

static const char drops[] =
  "def hog():\n"
  "    a = []\n"
  "    while True:\n"
  "        a.append('y' * 100000 + str(len(a)))\n"
  "caught = 0\n"
  "for i in range(10):\n"
  "    try:\n"
  "        hog()\n"
  "    except MemoryError:\n"
  "        caught += 1\n"
  "assert caught == 10\n"
  "assert len(list(range(10000))) == 10000\n";

/* What is full stays full while the handler runs. */
static const char handles[] =
  "keep = []\n"
  "handled = 0\n"
  "class Node:\n"
  "    def __init__(self): self.value = 1.5\n"
  "def fill(make):\n"
  "    global handled\n"
  "    try:\n"
  "        while True:\n"
  "            keep.append(make())\n"
  "    except MemoryError as e:\n"
  "        d = {str(i): [i, i * 1.5] for i in range(20)}\n"
  "        assert len(d) == 20 and f'{3.5:>5}{e!r}' == '  3.5MemoryError()' and repr(d['3']) == '[3, 4.5]'\n"
  "        class Late:\n"
  "            def m(self): yield from range(3)\n"
  "        assert list(Late().m()) == sorted([2, 1, 0], key=lambda v: v)\n"
  "        try:\n"
  "            raise ValueError('inside')\n"
  "        except ValueError as v:\n"
  "            assert type(v.__context__) is MemoryError\n"
  "        handled += 1\n"
  "    keep.clear()\n"
  "for make in (lambda: 'x' * 100, lambda: [1.5], lambda: {1: 2}, object, Node, lambda: (i for i in ()), lambda: 10 ** 300, lambda: (lambda: 0), ValueError, set):\n"
  "    fill(make)\n"
  "assert handled == 10\n"
  "node = None\n"
  "try:\n"
  "    while True: node = [node]\n"
  "except MemoryError:\n"
  "    handled += 1\n"
  "node = None\n"
  "assert len(list(range(10000))) == 10000 and handled == 11\n";

typedef struct Host { size_t used, limit; } Host;

static void *host_alloc(void *user, void *ptr, size_t old_size, size_t new_size) {
  Host *h = user;
  if (new_size == 0) {
    free(ptr);
    h->used -= old_size;
    return NULL;
  }
  size_t more = h->used - (ptr ? old_size : 0) + new_size;
  void *p = more > h->limit ? NULL : realloc(ptr, new_size);
  if (p) h->used = more;
  return p;
}

static int run(const char *script, size_t limit, int by_host) {
  Host host = {0, limit};
  tiny_config config = TINY_CONFIG_INIT;
  if (by_host) {
    config.alloc = host_alloc;
    config.alloc_user = &host;
  } else {
    config.memory_limit = limit;
  }
  tiny_vm *vm = tiny_new(&config);
  if (!vm) return 1;
  tiny_error e;
  int bad = tiny_run_source(vm, script, strlen(script), "memory_limit.tiny") != TINY_OK;
  if (bad && tiny_take_error(vm, &e)) fprintf(stderr, "limit %zu%s: %s", limit, by_host ? " of the host" : "", e.text);
  tiny_free(vm);
  if (host.used) fprintf(stderr, "%zu bytes lost\n", host.used), bad = 1;
  return bad;
}

int main(void) {
  int bad = run(drops, (size_t)32 << 20, 0);
  for (int by_host = 0; by_host < 2; by_host++) {
    for (size_t limit = (size_t)(1 + 3 * by_host) << 20; limit <= (size_t)16 << 20; limit = limit * 2 + limit / 8) bad |= run(handles, limit, by_host);
  }
  if (bad) return 1;
  puts("memory limit: ok");
  return 0;
}
