/* The program's stdout and stderr: stdout is collected and written in large pieces (by lines on a terminal), as python3 does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "repl/program.h"

#define OUT_CAPACITY 65536

void output_init(Program *p) {
  p->out = (Output){.data = malloc(OUT_CAPACITY), .cap = OUT_CAPACITY, .line_buffered = isatty(1) != 0, .fd = 1};
  p->err = (Output){.data = malloc(4096), .cap = 4096, .line_buffered = true, .fd = 2};
  if (!p->out.data) p->out.cap = 0;
  if (!p->err.data) p->err.cap = 0;
}

static bool write_all(Output *o, const char *text, size_t len) {
  while (len && !o->broken) {
    ssize_t n = write(o->fd, text, len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      o->broken = true;
      o->error = errno;
      break;
    }
    text += n;
    len -= (size_t)n;
  }
  return !o->broken;
}

bool output_flush(Output *o) {
  size_t n = o->len;
  o->len = 0;
  return n == 0 ? !o->broken : write_all(o, o->data, n);
}

bool program_write(void *user, int stream, const char *text, size_t len) {
  Program *p = user;
  Output *o = stream == 2 ? &p->err : &p->out;
  if (stream == 2 && !output_flush(&p->out)) p->out.broken = true;
  if (!text) return output_flush(o);
  if (o->len + len > o->cap && !output_flush(o)) return false;
  if (len > o->cap) return write_all(o, text, len);
  memcpy(o->data + o->len, text, len);
  o->len += len;
  if (stream == 2 || (o->line_buffered && memchr(text, '\n', len))) return output_flush(o);
  return true;
}

void output_free(Program *p) {
  free(p->out.data);
  free(p->err.data);
  p->out.data = p->err.data = NULL;
}
