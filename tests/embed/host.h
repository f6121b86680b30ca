/* What the hosts of these tests have in common: a count of failures, and what scripts have printed. */
#ifndef TESTS_EMBED_HOST_H
#define TESTS_EMBED_HOST_H
#include <stdio.h>
#include <string.h>
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

/* Have scripts printed this since the last question? */
static inline bool printed(const char *text) {
  bool same = strcmp(out, text) == 0;
  if (!same) printf("printed: %s\n", out);
  out[0] = 0;
  return same;
}
#endif
