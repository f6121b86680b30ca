/* Runs a script's text and turns how it ended into messages and an exit status, as python3 does. */
#include <stdlib.h>
#include <string.h>
#include "repl/program.h"

static void say_plainly(Program *p, const char *text) { program_write(p, 2, text, strlen(text)); }

/* To sys.stderr, which may be a script's own; to the program's when that one does not take it. */
static void say(Program *p, const char *text) {
  tiny_scope scope = tiny_scope_open(p->vm);
  tiny_val words = tiny_string(p->vm, text), sys = tiny_getitem(p->vm, tiny_modules(p->vm), tiny_string(p->vm, "sys")), to = tiny_getattr(p->vm, sys, "stderr");
  if (tiny_failed(words)) say_plainly(p, text);
  else if (tiny_failed(to) || (!tiny_is_none(to) && tiny_failed(tiny_call_method(p->vm, to, "write", 1, &words)))) {
    tiny_clear_error(p->vm);
    const char *kept = tiny_to_str(p->vm, words, NULL);
    if (kept) say_plainly(p, kept);
  } else if (!tiny_is_none(to)) {
    if (tiny_failed(tiny_call_method(p->vm, to, "flush", 0, NULL))) tiny_clear_error(p->vm);
  }
  tiny_clear_error(p->vm);
  tiny_scope_close(p->vm, scope);
}

static int report_limit(Program *p, const tiny_error *e) {
  char line[256];
  if (strcmp(e->limit, "memory") == 0) snprintf(line, sizeof line, "tiny: memory limit of %s exceeded\n", p->options->memory_text ? p->options->memory_text : "the host");
  else if (strcmp(e->limit, "steps") == 0) snprintf(line, sizeof line, "tiny: step limit of %s exceeded\n", p->options->steps_text ? p->options->steps_text : "the host");
  else snprintf(line, sizeof line, "tiny: %s limit exceeded\n", e->limit);
  say_plainly(p, line);
  p->killed = strcmp(e->limit, "memory") != 0;
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

/* What a prompt keeps of an exception that was shown. */
static void remember(Program *p, const tiny_error *e) {
  tiny_val sys = tiny_import(p->vm, "sys");
  bool ok = tiny_setattr(p->vm, sys, "last_type", tiny_getattr(p->vm, e->exception, "__class__")) && tiny_setattr(p->vm, sys, "last_value", e->exception) &&
    tiny_setattr(p->vm, sys, "last_traceback", tiny_getattr(p->vm, e->exception, "__traceback__"));
  if (!ok) tiny_clear_error(p->vm);
}

/* sys.excepthook, if the script put something else there. An error of its own is shown with the one that it was to show. */
static bool call_hook(Program *p, const tiny_error *e) {
  tiny_val sys = tiny_import(p->vm, "sys"), hook = tiny_getattr(p->vm, sys, "excepthook"), usual = tiny_getattr(p->vm, sys, "__excepthook__");
  if (tiny_failed(hook)) {
    tiny_clear_error(p->vm);
    say(p, "sys.excepthook is missing\n");
    return false;
  }
  if (tiny_is(hook, usual)) return false;
  tiny_val args[3] = {tiny_getattr(p->vm, e->exception, "__class__"), e->exception, tiny_getattr(p->vm, e->exception, "__traceback__")};
  tiny_val first = tiny_traceback_text(p->vm, e->exception);
  if (!tiny_failed(tiny_call(p->vm, hook, 3, args))) return true;
  tiny_error second;
  if (!tiny_take_error(p->vm, &second)) return true;
  if (second.limit) return report_limit(p, &second), true;
  if (second.is_exit) return p->asked_to_exit = true, p->exit_status = second.exit_status & 0xFF, say_exit(p, &second), true;
  say(p, "Error in sys.excepthook:\n");
  say(p, second.text);
  say(p, "\nOriginal exception was:\n");
  const char *text = tiny_to_str(p->vm, first, NULL);
  if (text) say(p, text);
  return true;
}

/* The functions registered with atexit, if the script imported it. */
void run_atexit(Program *p) {
  tiny_val module = p->killed ? TINY_FAIL : tiny_getitem(p->vm, tiny_modules(p->vm), tiny_string(p->vm, "atexit"));
  tiny_val done = tiny_failed(module) ? TINY_FAIL : tiny_call_method(p->vm, module, "_run_exitfuncs", 0, NULL);
  tiny_error e;
  if (tiny_failed(done) && !tiny_failed(module) && tiny_take_error(p->vm, &e) && e.limit) report_limit(p, &e);
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
  p->interrupted = strcmp(e.type, "KeyboardInterrupt") == 0;
  if (p->prompting || p->inspecting) remember(p, &e);
  bool hooked = call_hook(p, &e); /* e may be gone afterwards */
  if (hooked && p->asked_to_exit) return p->exit_status;
  if (!hooked) say(p, e.text);
  return p->interrupted ? 130 : 1;
}

int run_text(Program *p, const char *text, size_t len, const char *filename) { return report_status(p, tiny_run_source(p->vm, text, len, filename)); }
