/* A script that catches MemoryError and drops what it has runs on with its whole budget: the refused request makes the next safe point collect fully. */
#include <stdio.h>
#include <string.h>
#include "tiny.h"

static const char script[] =
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
  "assert len(list(range(200000))) == 200000\n";

int main(void) {
  tiny_config config = TINY_CONFIG_INIT;
  config.memory_limit = 32u << 20;
  tiny_vm *vm = tiny_new(&config);
  if (!vm) return 1;
  tiny_error e;
  if (tiny_run_source(vm, script, strlen(script), "memory_limit.tiny") != TINY_OK) {
    if (tiny_take_error(vm, &e)) fputs(e.text, stderr);
    return 1;
  }
  tiny_free(vm);
  puts("memory limit: ok");
  return 0;
}
