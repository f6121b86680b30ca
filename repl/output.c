/* The program's stdout and stderr: stdout is collected and written in large pieces (by lines on a terminal), as python3 does. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "repl/input.h"

#define OUT_CAPACITY 65536

/* A stream that is closed stays so for the program, also when a file of the script gets its number. */
static int open_fd(int fd) { return fcntl(fd, F_GETFD) < 0 ? -1 : fd; }

void output_init(Program *p) {
  p->out = (Output){.data = malloc(OUT_CAPACITY), .cap = OUT_CAPACITY, .line_buffered = isatty(1) != 0, .unbuffered = p->options->unbuffered, .fd = open_fd(1)};
  p->err = (Output){.data = malloc(4096), .cap = 4096, .unbuffered = true, .fd = open_fd(2)};
  if (!p->out.data) p->out.cap = 0;
  if (!p->err.data) p->err.cap = 0;
}

/* What could not be written stands at the beginning of the text; its length. */
static size_t write_all(Output *o, const char *text, size_t len) {
  while (len && o->fd >= 0) {
    ssize_t n = write(o->fd, text, len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      o->error = errno;
      return len;
    }
    text += n;
    len -= (size_t)n;
  }
  return 0;
}

/* What could not be written is kept for a later attempt. */
bool output_flush(Output *o) {
  size_t left = write_all(o, o->data, o->len);
  if (left) memmove(o->data, o->data + o->len - left, left);
  o->len = left;
  return left == 0;
}

/* Before something is appended: what could not be written is lost, or the buffer would never have room again. */
static bool make_room(Output *o, size_t len) {
  if (o->len + len <= o->cap) return true;
  bool ok = output_flush(o);
  o->len = 0;
  return ok;
}

bool program_write(void *user, int stream, const char *text, size_t len) {
  Program *p = user;
  Output *o = stream == 2 ? &p->err : &p->out;
  bool ok = true;
  if (p->editing && text && len) {
    input_hide(p);
    o->last = text[len - 1];
  }
  if (stream == 2) output_flush(&p->out); /* what was printed before an error is seen before it */
  if (!text) ok = output_flush(o);
  else if (!make_room(o, len)) ok = false;
  else if (len > o->cap) ok = write_all(o, text, len) == 0;
  else {
    memcpy(o->data + o->len, text, len);
    o->len += len;
    if (o->unbuffered || (o->line_buffered && memchr(text, '\n', len))) ok = output_flush(o);
    if (!ok && o->unbuffered) o->len = 0; /* said once: no later attempt */
  }
  if (!ok) errno = o->error;
  return ok;
}

void output_free(Program *p) {
  free(p->out.data);
  free(p->err.data);
  p->out.data = p->err.data = NULL;
}
