/* Runs a script's text and turns how it ended into messages and an exit status, as python3 does. */
#include <stdlib.h>
#include <string.h>
#include "repl/program.h"

static void say(Program *p, const char *text) { program_write(p, 2, text, strlen(text)); }

static int report_limit(Program *p, const tiny_error *e) {
  char line[256];
  if (strcmp(e->limit, "memory") == 0) snprintf(line, sizeof line, "tiny: memory limit of %s exceeded\n", p->memory_text ? p->memory_text : "the host");
  else if (strcmp(e->limit, "steps") == 0) snprintf(line, sizeof line, "tiny: step limit of %s exceeded\n", p->steps_text ? p->steps_text : "the host");
  else snprintf(line, sizeof line, "tiny: %s limit exceeded\n", e->limit);
  say(p, line);
  return 1;
}

/* SystemExit with something that is not a status: it is printed (documentation of sys.exit). */
static int report_exit(const tiny_error *e) {
  return e->exit_status & 0xFF;
}

int report_status(Program *p, tiny_status status) {
  if (status == TINY_OK) return 0;
  tiny_error e;
  if (!tiny_take_error(p->vm, &e)) return 1;
  if (e.limit && strcmp(e.limit, "memory") == 0) say(p, e.text); /* a MemoryError like any other, which the script might have caught */
  if (e.limit) return report_limit(p, &e);
  if (e.is_exit) return report_exit(&e);
  say(p, e.text);
  return strcmp(e.type, "KeyboardInterrupt") == 0 ? 130 : 1;
}

int run_text(Program *p, const char *text, size_t len, const char *filename) { return report_status(p, tiny_run_source(p->vm, text, len, filename)); }
