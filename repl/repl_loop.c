/* asyncio's part of the prompt (`tiny -m asyncio`): statements run inside a loop that outlives them, and what they leave behind goes on while a line is waited
 * for. Each statement is run by asyncio._prompt.Prompt; between them the program drives the loop as any host does (include/tiny.h, "the event loop"). */
#include <string.h>
#include "repl/program.h"

enum { TICK_US = 10000 /* a key that was pressed waits no longer than this, unless a callback does not give way */,
  MAX_FAILURES = 3 /* then the loop rests until a statement has run */ };

/* A method of the Prompt. Its result is pinned in the caller's scope. */
static tiny_val ask(Program *p, const char *method, int argc, const tiny_val *argv) {
  return tiny_call_method(p->vm, tiny_ref_get(p->vm, p->statements), method, argc, argv);
}

/* Says what went wrong in tasks that nobody can ask any more; ran: after a statement, which may have dropped some. */
static void collect(Program *p, bool ran) {
  tiny_scope scope = tiny_scope_open(p->vm);
  tiny_val always = tiny_bool(ran);
  if (tiny_failed(ask(p, "collect", 1, &always))) report_status(p, TINY_ERROR);
  tiny_scope_close(p->vm, scope);
}

bool loop_open(Program *p) {
  tiny_scope scope = tiny_scope_open(p->vm);
  tiny_val prompt = tiny_call_method(p->vm, tiny_import(p->vm, "asyncio._prompt"), "Prompt", 0, NULL);
  bool ok = tiny_ref_new(p->vm, prompt, &p->statements) && tiny_setattr(p->vm, tiny_main_module(p->vm), "asyncio", tiny_import(p->vm, "asyncio"));
  tiny_scope_close(p->vm, scope);
  return ok;
}

tiny_status loop_run(Program *p, const char *text, size_t len, bool *incomplete) {
  tiny_scope scope = tiny_scope_open(p->vm);
  tiny_val statement = tiny_compile_async(p->vm, text, len, "<console>", incomplete), error = tiny_failed(statement) ? statement : ask(p, "run", 1, &statement);
  if (!tiny_failed(error) && !tiny_is_none(error)) (void)tiny_raise_value(p->vm, error);
  tiny_scope_close(p->vm, scope);
  p->loop_failures = 0;
  if (tiny_pending(p->vm)) return TINY_ERROR;
  if (!tiny_failed(statement)) collect(p, true);
  return TINY_OK;
}

/* Ctrl-C while a turn ran has ended a task, or is still on its way. */
static bool interrupted(Program *p) {
  bool in_task = tiny_pending_is(p->vm, TINY_KEYBOARD_INTERRUPT), now = interrupt_taken();
  if (in_task || (now && !tiny_pending(p->vm) && !tiny_poll(p->vm))) tiny_clear_error(p->vm);
  return in_task || now;
}

static LoopState failed(Program *p) {
  p->loop_failures++;
  p->exit_status = report_status(p, TINY_ERROR);
  if (p->asked_to_exit || p->killed) return LOOP_EXITS;
  if (tiny_failed(ask(p, "restore", 0, NULL))) tiny_clear_error(p->vm);
  return LOOP_GOES_ON;
}

LoopState loop_tick(Program *p) {
  tiny_scope scope = tiny_scope_open(p->vm);
  LoopState state = LOOP_GOES_ON;
  if (p->loop_failures < MAX_FAILURES) {
    interrupt_aim(p->vm);
    tiny_loop_status how = tiny_loop_tick(p->vm, TICK_US);
    interrupt_aim(NULL);
    if (interrupted(p)) state = LOOP_INTERRUPTED;
    else if (how == TINY_LOOP_FAILED) state = failed(p);
    else p->loop_failures = 0;
    if (state != LOOP_EXITS) collect(p, false);
  }
  tiny_scope_close(p->vm, scope);
  return state;
}

int loop_wait(Program *p, int *fd) {
  if (p->loop_failures >= MAX_FAILURES) return *fd = -1;
  *fd = tiny_loop_fd(p->vm);
  return tiny_loop_timeout_ms(p->vm);
}

void loop_close(Program *p) {
  if (!p->killed) {
    interrupt_aim(p->vm); /* a task that does not let itself be cancelled */
    if (tiny_failed(ask(p, "close", 0, NULL))) report_status(p, TINY_ERROR);
    interrupt_aim(NULL);
  }
  tiny_ref_free(p->vm, &p->statements);
}
