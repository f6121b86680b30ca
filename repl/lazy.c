/* Opens libraries for the functions that scripts/dev/lazy_libs.py made. */
#include "repl/lazy.h"

#if TINY_LAZY
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_LIBRARIES = 16 };
extern void *lazy_slots[];
extern const char lazy_names[], lazy_libraries[];
void *lazy_resolve(uint64_t index);

static void *open_library(unsigned number) {
  static void *opened[MAX_LIBRARIES];
  const char *name = lazy_libraries;
  for (unsigned i = 0; i < number; i++) name += strlen(name) + 1;
  if (number < MAX_LIBRARIES && opened[number]) return opened[number];
  void *handle = dlopen(name, RTLD_NOW);
  if (number < MAX_LIBRARIES) opened[number] = handle;
  return handle;
}

/* As the loader of programs does it: nothing sensible can follow. */
static void *must(void *found) {
  if (found) return found;
  const char *why = dlerror();
  fprintf(stderr, "tiny: %s\n", why ? why : "a library is missing");
  _exit(127);
}

void *lazy_resolve(uint64_t index) {
  const char *name = lazy_names;
  for (uint64_t i = 0; i < index; i++) name += strlen(name + 1) + 2;
  void *library = must(open_library((unsigned char)*name));
  return lazy_slots[index] = must(dlsym(library, name + 1));
}

void *lazy_data(const char *library, const char *name) {
  const char *at = lazy_libraries;
  unsigned i = 0;
  while (strncmp(at, library, strlen(library)) != 0 && i < MAX_LIBRARIES) at += strlen(at) + 1, i++;
  return must(dlsym(must(open_library(i)), name));
}
#else
typedef int lazy_unused;
#endif
