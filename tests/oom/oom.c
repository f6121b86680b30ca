/* Runs each script again and again, letting the n-th request for memory fail (once; then from there on), for every n that the script reaches.
 * Afterwards the VM must still run a line of script, and no byte may be lost. A crash is the failure: build it with sanitizers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "include/tiny.h"

typedef struct Failing { size_t in_use; uint64_t n, fail_at; bool sticky, armed; } Failing;

static void *failing_alloc(void *user, void *ptr, size_t old_size, size_t new_size) {
  Failing *f = user;
  if (new_size == 0) {
    free(ptr);
    f->in_use -= old_size;
    return NULL;
  }
  if (f->armed && (!ptr || new_size > old_size)) {
    f->n++;
    if (f->sticky ? f->n >= f->fail_at : f->n == f->fail_at) return NULL;
  }
  void *p = realloc(ptr, new_size);
  if (p) f->in_use = f->in_use - (ptr ? old_size : 0) + new_size;
  return p;
}

static char *read_file(const char *path, size_t *len) {
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  char *text = malloc(1 << 20);
  *len = text ? fread(text, 1, 1 << 20, f) : 0;
  fclose(f);
  return text;
}

/* True when the run was long enough for the n-th request. */
static bool one_run(const char *path, const char *text, size_t len, uint64_t n, bool sticky, int *bad) {
  Failing f = {.fail_at = n, .sticky = sticky};
  tiny_config c = TINY_CONFIG_INIT;
  c.alloc = failing_alloc;
  c.alloc_user = &f;
  c.modules = "*";
  c.hash_seed = 1;
  f.armed = true;
  tiny_vm *vm = tiny_new(&c);
  if (vm) {
    tiny_error e;
    if (tiny_run_source(vm, text, len, path) != TINY_OK && !tiny_take_error(vm, &e)) {
      printf("%s: request %llu: failed without an exception\n", path, (unsigned long long)n);
      ++*bad;
    }
    f.armed = false;
    if (tiny_take_error(vm, &e)) {
      printf("%s: request %llu%s: left pending: %s", path, (unsigned long long)n, sticky ? " and on" : "", e.text);
      ++*bad;
    }
    if (tiny_run_source(vm, "print(sum([1, 2, 3]), {'a': 1}, f'{1.5}')", 41, "after") != TINY_OK) {
      tiny_take_error(vm, &e);
      printf("%s: request %llu: afterwards: %s", path, (unsigned long long)n, e.text);
      ++*bad;
    }
    tiny_free(vm);
  }
  if (f.in_use != 0) {
    printf("%s: request %llu%s: %zu bytes lost\n", path, (unsigned long long)n, sticky ? " and on" : "", f.in_use);
    ++*bad;
  }
  return f.n >= n;
}

int main(int argc, char **argv) {
  int bad = 0;
  for (int i = 1; i < argc; i++) {
    size_t len;
    char *text = read_file(argv[i], &len);
    if (!text) continue;
    uint64_t n = 1, tried = 0;
    for (; one_run(argv[i], text, len, n, false, &bad) && bad < 20; n++) tried++;
    for (n = 1; one_run(argv[i], text, len, n, true, &bad) && bad < 20; n += 1 + n / 50) tried++;
    printf("%s: %llu failures survived\n", argv[i], (unsigned long long)tried);
    free(text);
  }
  return bad != 0;
}
