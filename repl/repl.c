/* The read-eval-print loop: collects lines until they are a statement, runs it, says what went wrong. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "repl/input.h"

typedef struct Pending { char *text; size_t len; } Pending; /* lines of a statement that is not complete yet */

static bool append(Pending *t, const char *line) {
  size_t n = strlen(line);
  char *more = realloc(t->text, t->len + n + 1);
  if (!more) return false;
  memcpy(more + t->len, line, n + 1);
  t->text = more;
  t->len += n;
  return true;
}

/* sys.ps1 and sys.ps2 may be changed by the user, also to an object with a __str__ of its own. The text is pinned in the caller's scope. */
static const char *prompt_of(Program *p, const char *name, const char *usual) {
  tiny_val v = tiny_str(p->vm, tiny_getattr(p->vm, tiny_import(p->vm, "sys"), name));
  const char *s = tiny_failed(v) ? NULL : tiny_to_str(p->vm, v, NULL);
  tiny_clear_error(p->vm);
  return s ? s : usual;
}

static void set_prompts(Program *p) {
  tiny_val sys = tiny_import(p->vm, "sys");
  if (!tiny_setattr(p->vm, sys, "ps1", tiny_string(p->vm, ">>> ")) || !tiny_setattr(p->vm, sys, "ps2", tiny_string(p->vm, "... "))) tiny_clear_error(p->vm);
}

/* A line end after a backslash and an empty line: the statement is over. */
static bool ends_continued(const Pending *t) { return t->len > 2 && strcmp(t->text + t->len - 3, "\\\n\n") == 0; }

static bool is_blank(const char *s) {
  s += strspn(s, " \t\n");
  return *s == 0 || *s == '#';
}

static void say(Program *p, const char *text) { program_write(p, 2, text, strlen(text)); }

/* Runs what has been typed; true: it was a whole statement. Its last line is given without its end: a block ends only by an empty line. */
static bool run_pending(Program *p, const Pending *t, int *status) {
  bool incomplete = false;
  interrupt_taken();
  interrupt_aim(p->vm);
  size_t len = t->len && t->text[t->len - 1] == '\n' && !ends_continued(t) ? t->len - 1 : t->len;
  tiny_status st = p->in_loop ? loop_run(p, t->text, len, &incomplete) : tiny_run_interactive(p->vm, t->text, len, "<stdin>", &incomplete);
  if (incomplete) tiny_clear_error(p->vm);
  else {
    if (p->in_loop && tiny_pending_is(p->vm, TINY_KEYBOARD_INTERRUPT)) say(p, "\n"); /* without a traceback: after the ^C */
    *status = report_status(p, st);
  }
  interrupt_aim(NULL);
  interrupt_taken();
  return !incomplete;
}

/* What is still incomplete at the end of input is an error, said as for a file. */
static void run_file_end(Program *p, const Pending *t) {
  bool failed = p->in_loop ? tiny_failed(tiny_compile_async(p->vm, t->text, t->len, "<console>", NULL)) : tiny_run_source(p->vm, t->text, t->len, "<stdin>") != TINY_OK;
  if (failed) report_status(p, TINY_ERROR);
}

static InputResult ask(Program *p, bool more, char **line) {
  tiny_scope scope = tiny_scope_open(p->vm);
  InputResult r = input_line(p, more ? prompt_of(p, "ps2", "... ") : prompt_of(p, "ps1", ">>> "), line);
  tiny_scope_close(p->vm, scope);
  return r;
}

static bool is_word(const char *line, const char *word) {
  size_t n = strlen(word);
  return strncmp(line, word, n) == 0 && !(line[n] == '_' || (line[n] >= '0' && line[n] <= '9') || ((line[n] | 32) >= 'a' && (line[n] | 32) <= 'z') || (line[n] & 0x80));
}

/* Can this line begin a statement, when the ones before it may be a whole one? */
static bool begins_statement(const char *line) {
  return !strchr(" \t\n#)]}", *line) && !is_word(line, "else") && !is_word(line, "elif") && !is_word(line, "except") && !is_word(line, "finally");
}

/* Pasted text: a block ends where the next statement begins, so that functions with empty lines in them, and statements right after a block, are taken as they
   would be from a file. True: there was no error. What stays in t is not complete yet. */
static bool run_pasted(Program *p, Pending *t, const char *text, int *status) {
  for (const char *line = text, *end; *line; line = end) {
    end = line + strcspn(line, "\n");
    end += *end == '\n';
    *status = 0;
    if (t->len && begins_statement(line)) {
      size_t len = t->len;
      if (!append(t, "\n")) return false;
      bool whole = run_pending(p, t, status);
      t->len = whole ? 0 : len;
      t->text[t->len] = 0;
      if (whole && (*status || p->asked_to_exit)) return false;
    }
    char *copy = strndup(line, (size_t)(end - line));
    bool ok = copy && append(t, copy);
    free(copy);
    if (!ok) return false;
    if (t->len == (size_t)(end - line) && is_blank(t->text)) t->len = 0;
  }
  return true;
}

/* One answer of the user. False: memory is out. */
static bool take(Program *p, Pending *t, const char *line, int *status) {
  const char *eol = strchr(line, '\n');
  bool pasted = eol && eol[1];
  if (pasted && !run_pasted(p, t, line, status)) {
    t->len = 0;
    return true;
  }
  if (!pasted && !append(t, line)) return false;
  if (t->len == strcspn(t->text ? t->text : "", "\n") + 1 && is_blank(t->text)) t->len = 0; /* nothing but a comment */
  if (!t->len) return true;
  size_t len = t->len;
  if (pasted && !append(t, "\n")) return false;
  if (run_pending(p, t, status)) t->len = 0;
  else t->text[t->len = len] = 0;
  return true;
}

static int loop(Program *p, Pending *t) {
  int status = 0;
  while (!p->asked_to_exit && !p->killed) {
    char *line;
    InputResult r = ask(p, t->len > 0, &line);
    if (r == INPUT_INTERRUPT) {
      interrupt_taken();
      say(p, "\nKeyboardInterrupt\n");
      t->len = 0;
      continue;
    }
    if (r == INPUT_EXIT) return p->exit_status;
    if (r != INPUT_LINE && t->len) { /* the end of input ends the statement */
      if (!input_end_line()) say(p, "\n");
      if (append(t, "\n") && !run_pending(p, t, &status)) run_file_end(p, t);
      t->len = 0;
      if (isatty(0) && r == INPUT_END) continue; /* a terminal has more */
    }
    if (r != INPUT_LINE) break;
    bool ok = take(p, t, line, &status);
    free(line);
    if (!ok) return 1;
  }
  return p->asked_to_exit || p->killed ? status : 0;
}

static void say_banner(Program *p) {
  char head[256];
  const char *more = p->in_loop ? ": the asyncio prompt\nUse \"await\" directly instead of \"asyncio.run()\"; tasks go on while you type." : "";
  snprintf(head, sizeof head, "tiny %s, a Python 3.11 language%s\nexit() or Ctrl-D leaves, Tab completes names.\n", tiny_version(), more);
  say(p, head);
  if (!p->in_loop) return;
  say(p, prompt_of(p, "ps1", ">>> "));
  say(p, "import asyncio\n");
}

/* The file that TINYSTARTUP names, as PYTHONSTARTUP of python3: not after a script (-i). */
static void run_startup(Program *p) {
  const Options *o = p->options;
  const char *path = o->flag[FLAG_IGNORE_ENVIRONMENT] || o->code || o->file || (o->module && !p->in_loop) ? NULL : getenv("TINYSTARTUP");
  size_t len;
  int err;
  if (!path || !*path) return;
  char *text = source_read(path, &len, &err);
  if (text) run_text(p, text, len, path);
  else fprintf(stderr, "%s: can't open file '%s' that TINYSTARTUP names: [Errno %d] %s\n", p->name, path, err, strerror(err));
  free(text);
}

int repl_run(Program *p, bool banner) {
  Pending t = {0};
  p->inspect = false;
  p->asked_to_exit = p->interrupted = false;
  p->prompting = true;
  p->loop_failures = 0;
  (void)interrupt_fd(); /* opened before it is needed */
  set_prompts(p);
  if (!site_names(p->vm)) tiny_clear_error(p->vm);
  if (p->in_loop && !loop_open(p)) return report_status(p, TINY_ERROR);
  if (banner) say_banner(p);
  run_startup(p);
  interrupt_aim(NULL);
  input_open(p);
  int status = loop(p, &t);
  if (!p->asked_to_exit && !p->killed) {
    if (!input_end_line()) say(p, "\n");
    if (p->in_loop) say(p, "exiting asyncio REPL...\n");
  }
  if (p->in_loop) loop_close(p);
  p->in_loop = false;
  p->interrupted = false;
  input_close(p);
  free(t.text);
  return status;
}
