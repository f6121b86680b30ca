/* The smallest host: a VM, a script, its output, its error.
 *   cc 01_hello.c $(pkg-config --cflags --libs tiny) -o hello */
#include <stdio.h>
#include <string.h>
#include <tiny.h>

/* Scripts print through this hook; without one they print nothing. */
static bool write_out(void *user, int stream, const char *text, size_t len) {
  (void)user;
  FILE *to = stream == 2 ? stderr : stdout;
  return text ? fwrite(text, 1, len, to) == len : fflush(to) == 0;
}

int main(void) {
  static const char script[] =
      "def greet(name):\n"
      "    print(f'hello, {name}')\n"
      "for name in 'world', 'host':\n"
      "    greet(name)\n"
      "greet(unknown)\n";
  tiny_config config = TINY_CONFIG_INIT;
  config.write = write_out;
  tiny_vm *vm = tiny_new(&config);
  if (!vm) return 1;
  if (tiny_run_source(vm, script, strlen(script), "hello.tiny") != TINY_OK) {
    tiny_error e; /* type, message and frames as data, and the whole traceback as text */
    tiny_take_error(vm, &e);
    printf("%s: %s (line %d of %s)\n", e.type, e.message, e.frame[e.depth - 1].line, e.frame[e.depth - 1].file);
  }
  tiny_free(vm);
  return 0;
}
