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

/* SystemExit with something that is neither None nor a number: it is printed (documentation of sys.exit). */
static void say_exit(Program *p, const tiny_error *e) {
  tiny_val code = tiny_getattr(p->vm, e->exception, "code");
  tiny_kind kind = tiny_failed(code) ? TINY_T_NONE : tiny_kind_of(p->vm, code);
  if (kind != TINY_T_NONE && kind != TINY_T_INT && kind != TINY_T_BOOL) {
    const char *text = tiny_to_str(p->vm, tiny_str(p->vm, code), NULL);
    if (text) say(p, text);
    say(p, "\n");
  }
  tiny_clear_error(p->vm);
}

int report_status(Program *p, tiny_status status) {
  if (status == TINY_OK) return 0;
  tiny_error e;
  if (!tiny_take_error(p->vm, &e)) return 1;
  if (e.limit && strcmp(e.limit, "memory") == 0) say(p, e.text); /* a MemoryError like any other, which the script might have caught */
  if (e.limit) return report_limit(p, &e);
  if (e.is_exit && !p->inspect) {
    p->asked_to_exit = true;
    int code = e.exit_status & 0xFF;
    say_exit(p, &e);
    return code;
  }
  say(p, e.text);
  p->interrupted = strcmp(e.type, "KeyboardInterrupt") == 0;
  return p->interrupted ? 130 : 1;
}

int run_text(Program *p, const char *text, size_t len, const char *filename) { return report_status(p, tiny_run_source(p->vm, text, len, filename)); }
