/* Lines typed by the user. readline is used on a terminal only, through its callback interface, so that Ctrl-C can leave a line unfinished
 * without a jump out of a signal handler. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "repl/input.h"

static void input_show(Program *p);
static void input_resized(Program *p);
static void input_continued(Program *p);
static void terminal_of_programs(Program *p, bool on); /* not readline's modes */

/* ---- plain */

/* More bytes from stdin into p->in: 1, 0 at the end, -1 on error or signal. */
static long fill(Program *p) {
  Input *in = &p->in;
  if (in->at == in->len) in->at = in->len = 0;
  if (in->len == in->cap) {
    size_t cap = in->cap ? in->cap * 2 : 4096;
    char *more = realloc(in->data, cap);
    if (!more) return -1;
    in->data = more;
    in->cap = cap;
  }
  ssize_t n = read(0, in->data + in->len, in->cap - in->len);
  if (n > 0) in->len += (size_t)n;
  return n > 0 ? 1 : (long)n;
}

static InputResult from_loop(Program *p) {
  LoopState state = loop_tick(p);
  return state == LOOP_EXITS ? INPUT_EXIT : state == LOOP_INTERRUPTED ? INPUT_INTERRUPT : INPUT_LINE;
}

/* Until stdin has something (INPUT_LINE). Meanwhile the tasks of asyncio's prompt go on. */
static InputResult wait_for_input(Program *p) {
  for (;;) {
    struct pollfd fds[3] = {{0, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}, {-1, POLLIN, 0}};
    int timeout = p->in_loop ? loop_wait(p, &fds[2].fd) : -1, n = poll(fds, 3, timeout);
    int err = errno;
    if (interrupt_continued()) input_continued(p);
    if (interrupt_taken()) return INPUT_INTERRUPT;
    if (n < 0 && err != EINTR) return INPUT_FAILED;
    if (n < 0) input_resized(p);
    if (n > 0 && fds[0].revents) return INPUT_LINE;
    InputResult r = p->in_loop ? from_loop(p) : INPUT_LINE;
    input_show(p);
    if (r != INPUT_LINE) return r;
  }
}

static InputResult plain_line(Program *p, const char *prompt, char **line) {
  int stream = p->in_loop ? 1 : 2; /* as the prompts of python3 */
  program_write(p, stream, prompt, strlen(prompt));
  program_write(p, stream, NULL, 0);
  size_t searched = 0;
  for (;;) {
    Input *in = &p->in;
    char *at = in->data ? in->data + in->at : NULL, *nl = at ? memchr(at + searched, '\n', in->len - in->at - searched) : NULL;
    searched = in->len - in->at;
    InputResult r = nl ? INPUT_LINE : wait_for_input(p);
    if (r != INPUT_LINE) return r;
    long more = nl ? 1 : fill(p);
    if (more < 0) return errno == EINTR ? INPUT_INTERRUPT : INPUT_FAILED;
    if (more == 0 && searched == 0) return INPUT_END;
    if (!nl && more == 1) continue;
    at = in->data + in->at;
    size_t n = nl ? (size_t)(nl - at) + 1 : searched;
    *line = malloc(n + 1);
    if (!*line) return INPUT_FAILED;
    memcpy(*line, at, n);
    in->at += n;
    if (n > 1 && (*line)[n - 1] == '\n' && (*line)[n - 2] == '\r') (*line)[--n - 1] = '\n'; /* a text from elsewhere */
    (*line)[n] = 0;
    return INPUT_LINE;
  }
}

/* A task that calls input() while a line is edited: it gets the terminal as a program has it. */
static long read_aside(Program *p, char *buf, size_t len) {
  terminal_of_programs(p, true);
  p->editing = false;
  long n = program_read(p, buf, len);
  int err = errno;
  p->editing = true;
  terminal_of_programs(p, false);
  errno = err;
  return n;
}

/* At the prompt a line at a time, so that what the prompt is to read is not swallowed. */
long program_read(void *user, char *buf, size_t len) {
  Program *p = user;
  Input *in = &p->in;
  if (p->editing) return read_aside(p, buf, len);
  output_flush(&p->out);
  if (in->at < in->len) {
    size_t n = in->len - in->at < len ? in->len - in->at : len;
    char *nl = memchr(in->data + in->at, '\n', n);
    if (nl && p->prompting) n = (size_t)(nl - in->data) - in->at + 1;
    memcpy(buf, in->data + in->at, n);
    in->at += n;
    return (long)n;
  }
  if (!p->prompting) return (long)read(0, buf, len);
  long more = fill(p);
  return more == 1 ? program_read(user, buf, len) : more;
}

void input_free(Program *p) {
  free(p->in.data);
  p->in = (Input){0};
}

/* ---- readline */

#if TINY_READLINE
#include <readline/history.h>
#include <readline/readline.h>
#if TINY_LAZY
#include "repl/lazy.h"
#define VARIABLE(type, name) (*(type *)lazy_data("libreadline", #name))
#define rl_attempted_completion_over VARIABLE(int, rl_attempted_completion_over)
#define rl_completion_append_character VARIABLE(int, rl_completion_append_character)
#define rl_basic_quote_characters VARIABLE(const char *, rl_basic_quote_characters)
#define rl_point VARIABLE(int, rl_point)
#define rl_line_buffer VARIABLE(char *, rl_line_buffer)
#define rl_eof_found VARIABLE(int, rl_eof_found)
#define rl_outstream VARIABLE(FILE *, rl_outstream)
#define rl_readline_name VARIABLE(const char *, rl_readline_name)
#define rl_catch_signals VARIABLE(int, rl_catch_signals)
#define rl_attempted_completion_function VARIABLE(rl_completion_func_t *, rl_attempted_completion_function)
#define rl_completion_word_break_hook VARIABLE(rl_cpvfunc_t *, rl_completion_word_break_hook)
#define history_length VARIABLE(int, history_length)
#define history_base VARIABLE(int, history_base)
#endif

/* readline's callbacks get no argument either. */
static Program *at_work;
static Completion offered;
static char *typed;
static bool line_done;
static int new_lines; /* of the history that its file has not */
enum { HISTORY_LINES = 1000 };

static bool use_readline(void) { return isatty(0) && isatty(1); }

static char *history_file(const Program *p) {
  const char *named = p->options->flag[FLAG_IGNORE_ENVIRONMENT] ? NULL : getenv("TINY_HISTORY"), *home = getenv("HOME");
  if (named) return *named ? strdup(named) : NULL;
  if (!home || !*home) return NULL;
  size_t n = strlen(home);
  char *path = malloc(n + sizeof "/.tiny_history");
  if (path) {
    memcpy(path, home, n);
    memcpy(path + n, "/.tiny_history", sizeof "/.tiny_history");
  }
  return path;
}

static char *next_completion(const char *text, int state) {
  (void)text;
  if ((size_t)state >= offered.count) return NULL;
  char *s = offered.items[state];
  size_t n = strlen(s) + 1;
  char *copy = malloc(n);
  return copy ? memcpy(copy, s, n) : NULL;
}

/* Where the string begins that the character at `at` of the line is inside of, if it begins in this line; else -1. In strings names of files are completed. */
static int string_begin(int at) {
  int begin = -1;
  for (int i = 0; i < at && rl_line_buffer[i]; i++) {
    char c = rl_line_buffer[i];
    if (c == '\\' && begin >= 0) i++;
    else if (c == '#' && begin < 0) return -1;
    else if (begin < 0 && (c == '\'' || c == '"')) begin = i;
    else if (begin >= 0 && c == rl_line_buffer[begin]) begin = -1;
  }
  return begin;
}

/* A key (see complete_key) brings the end of its string along; readline is not to add one. */
static char *word_ends(void) {
  static char in_text[] = "'\"", in_code[] = " \t\n`~!@#$%^&*()-=+[{]}\\|;:'\",<>/?";
  int begin = string_begin(rl_point);
  rl_basic_quote_characters = begin > 0 && rl_line_buffer[begin - 1] == '[' ? "" : in_text;
  return begin >= 0 ? in_text : in_code;
}

static char **complete(const char *text, int start, int end) {
  bool string = string_begin(start) >= 0;
  char *before = strndup(rl_line_buffer, (size_t)start);
  (void)end;
  rl_completion_append_character = 0;
  complete_free(&offered);
  if (before) (void)(string ? complete_key : complete_word)(at_work, before, text, &offered);
  free(before);
  if (string && !offered.count) return NULL; /* readline's own: names of files */
  rl_attempted_completion_over = 1;
  return rl_completion_matches(text, next_completion);
}

/* Tab where there is no word yet indents. */
static int on_tab(int count, int key) {
  int i = 0;
  while (i < rl_point && rl_line_buffer[i] == ' ') i++;
  (void)count, (void)key;
  return i == rl_point ? rl_insert_text("    "), 0 : rl_complete_internal(rl_completion_mode(on_tab)); /* the second Tab lists */
}

/* What is written while a line is edited takes its place; afterwards the line stands below it. */
void input_hide(Program *p) {
  if (p->hidden || !use_readline()) return;
  p->hidden = true;
  p->out.last = p->err.last = '\n';
#if RL_READLINE_VERSION >= 0x0800
  rl_clear_visible_line();
#else
  rl_crlf();
#endif
  fflush(rl_outstream);
}

static void input_show(Program *p) {
  if (!p->hidden) return;
  p->hidden = false;
  output_flush(&p->out);
  if (p->out.last != '\n' || p->err.last != '\n') rl_crlf();
  rl_on_new_line();
  rl_redisplay();
}

static void input_resized(Program *p) {
  if (p->editing) rl_resize_terminal();
}

static void terminal_of_programs(Program *p, bool on) {
  input_hide(p);
  if (on) rl_deprep_terminal();
  else rl_prep_terminal(1);
}

/* After Ctrl-Z and fg the terminal is as the shell left it. */
static void input_continued(Program *p) {
  if (!p->editing) return;
  rl_deprep_terminal();
  rl_prep_terminal(1);
  rl_on_new_line();
  rl_redisplay();
}

static void on_line(char *line) {
  typed = line;
  line_done = true;
  rl_callback_handler_remove();
#if RL_READLINE_VERSION >= 0x0801
  rl_eof_found = 0; /* or it ends every further line as well */
#endif
}

void input_open(Program *p) {
  at_work = p;
  if (!use_readline()) return;
  interrupt_watch_stops();
  rl_readline_name = "tiny";
  rl_catch_signals = 0;
  rl_attempted_completion_function = complete;
  rl_completion_word_break_hook = word_ends;
  rl_bind_key('\t', on_tab);
  rl_variable_bind("enable-bracketed-paste", "on"); /* text of several lines comes as one answer: see run_pasted */
  using_history();
  stifle_history(HISTORY_LINES);
  char *path = history_file(p);
  if (path) read_history(path);
  free(path);
  new_lines = 0;
}

/* readline from 8.1 on does it where it also ends the mode for pasted text. */
bool input_end_line(void) {
  const char *mode = use_readline() && RL_READLINE_VERSION >= 0x0801 ? rl_variable_value("enable-bracketed-paste") : NULL;
  return mode && strcmp(mode, "on") == 0;
}

void input_close(Program *p) {
  complete_free(&offered);
  if (!use_readline()) return;
  char *path = history_file(p);
  if (new_lines > HISTORY_LINES) new_lines = HISTORY_LINES;
  if (path && new_lines) { /* behind what other prompts may have added meanwhile */
    if (append_history(new_lines, path) != 0) write_history(path);
    history_truncate_file(path, HISTORY_LINES);
  }
  free(path);
  clear_history();
}

/* Line by line: the file has no other way. */
static void remember(const char *text) {
  while (*text) {
    size_t n = strcspn(text, "\n");
    char *line = strndup(text, n);
    HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;
    if (line && *line && (!last || strcmp(last->line, line) != 0)) {
      add_history(line);
      new_lines++;
    }
    free(line);
    text += n + (text[n] == '\n');
  }
}

static InputResult edited_line(Program *p, const char *prompt, char **line) {
  line_done = false;
  typed = NULL;
  rl_callback_handler_install(prompt, on_line);
  (void)interrupt_continued(); /* while something ran */
  p->editing = true;
  InputResult r = INPUT_LINE;
  while (!line_done && (r = wait_for_input(p)) == INPUT_LINE) rl_callback_read_char();
  p->editing = false;
  if (r != INPUT_LINE) {
    rl_free_line_state();
    rl_callback_sigcleanup();
    rl_callback_handler_remove();
    return r;
  }
  if (!typed) return INPUT_END;
  remember(typed);
  size_t n = strlen(typed);
  *line = malloc(n + 2);
  if (*line) {
    memcpy(*line, typed, n);
    memcpy(*line + n, "\n", 2);
  }
  free(typed);
  return *line ? INPUT_LINE : INPUT_FAILED;
}
#else
static bool use_readline(void) { return false; }
static InputResult edited_line(Program *p, const char *prompt, char **line) { return (void)p, (void)prompt, (void)line, INPUT_FAILED; }
void input_open(Program *p) { (void)p; }
void input_hide(Program *p) { (void)p; }
static void input_show(Program *p) { (void)p; }
static void input_resized(Program *p) { (void)p; }
static void input_continued(Program *p) { (void)p; }
static void terminal_of_programs(Program *p, bool on) { (void)p, (void)on; }
void input_close(Program *p) { (void)p; }
bool input_end_line(void) { return false; }
#endif

InputResult input_line(Program *p, const char *prompt, char **line) {
  *line = NULL;
  InputResult r = p->in_loop ? from_loop(p) : INPUT_LINE; /* what a statement has begun shows before the next prompt */
  if (r != INPUT_LINE) return r;
  output_flush(&p->out);
  return use_readline() ? edited_line(p, prompt, line) : plain_line(p, prompt, line);
}
