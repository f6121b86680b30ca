/* Scripts that are not trusted: limits of memory, steps and time, an allow-list of modules; and a script that runs a slice per frame.
 *   cc 03_sandbox.c $(pkg-config --cflags --libs tiny) -o sandbox */
#include <stdio.h>
#include <string.h>
#include <tiny.h>

static bool write_out(void *user, int stream, const char *text, size_t len) {
  (void)user, (void)stream;
  return text ? fwrite(text, 1, len, stdout) == len : fflush(stdout) == 0;
}

static tiny_vm *sandbox(void) {
  tiny_config config = TINY_CONFIG_INIT;
  config.memory_limit = 4u << 20; /* bytes, everything counted */
  config.recursion_limit = 200;
  config.modules = "math"; /* nothing else can be imported; builtins are always there */
  config.write = write_out;
  return tiny_new(&config);
}

/* No except, finally or with of the script runs when steps or time are over: it cannot hold on. */
static void try_script(const char *what, const char *script) {
  tiny_vm *vm = sandbox();
  if (!vm) return;
  tiny_set_fuel(vm, 20000000, TINY_KILL);
  tiny_set_deadline_ms(vm, 2000);
  tiny_status status = tiny_run_source(vm, script, strlen(script), "untrusted.tiny");
  tiny_error e;
  if (status == TINY_OK) printf("%s: fine\n", what);
  else if (tiny_take_error(vm, &e)) printf("%s: %s%s%s\n", what, e.limit ? "limit of " : e.type, e.limit ? e.limit : ": ", e.limit ? "" : e.message);
  tiny_free(vm); /* gives every byte back, whatever the script did */
}

/* A game: the script may use so many steps per frame, then waits where it is. */
static void frames(void) {
  static const char script[] = "total = 0\nfor i in range(100000):\n    total += i\nprint('total', total)\n";
  tiny_vm *vm = sandbox();
  if (!vm) return;
  tiny_val code = tiny_compile(vm, script, strlen(script), "game.tiny");
  tiny_set_fuel(vm, 25000, TINY_PAUSE);
  int count = 1;
  tiny_status status = tiny_failed(code) ? TINY_ERROR : tiny_run(vm, code);
  while (status == TINY_PAUSED) {
    count++; /* draw_frame() */
    tiny_add_fuel(vm, 25000);
    status = tiny_resume(vm);
  }
  printf("%s, in more than one frame: %s\n", status == TINY_OK ? "finished" : "failed", count > 1 ? "yes" : "no");
  tiny_free(vm);
}

int main(void) {
  try_script("sum", "print(sum(range(1000)))\n");
  try_script("loop", "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n");
  try_script("memory", "x = []\nwhile True: x.append([0] * 1000)\n");
  try_script("big number", "10 ** 10 ** 10\n");
  try_script("recursion", "def f(): return f()\nf()\n");
  try_script("math", "import math\nprint(math.sqrt(2))\n");
  try_script("sys", "import sys\n");
  frames();
  return 0;
}
