/* The `tiny` program: a host of libtiny like any other, built on include/tiny.h alone. */
#ifndef TINY_REPL_PROGRAM_H
#define TINY_REPL_PROGRAM_H
#include <stdio.h>
#include "include/tiny.h"

typedef struct Output { char *data; size_t len, cap; bool line_buffered, unbuffered; int fd, error; char last; } Output; /* fd -1: closed when the program began; error: errno of the last write that failed; last: byte written */
typedef struct Input { char *data; size_t at, len, cap; } Input; /* bytes read from stdin and not handed out yet */

/* The fields of sys.flags, in their order */
enum { FLAG_DEBUG, FLAG_INSPECT, FLAG_INTERACTIVE, FLAG_OPTIMIZE, FLAG_DONT_WRITE_BYTECODE, FLAG_NO_USER_SITE, FLAG_NO_SITE, FLAG_IGNORE_ENVIRONMENT, FLAG_VERBOSE,
  FLAG_BYTES_WARNING, FLAG_QUIET, FLAG_HASH_RANDOMIZATION, FLAG_ISOLATED, FLAG_DEV_MODE, FLAG_UTF8_MODE, FLAG_WARN_ENCODING, FLAG_SAFE_PATH, FLAG_COUNT };

typedef struct Options {
  const char *code, *module, *file;
  bool unbuffered, skip_first_line;
  int flag[FLAG_COUNT];
  const char **warn, **x; /* arguments of -W and -X; malloc'ed, see options_free */
  int n_warn, n_x;
  char *environment_warnings;
  uint64_t hash_seed;
  size_t memory;
  uint64_t steps;
  bool virtual_time;       /* the script's clock stands still but for sleeping */
  const char *memory_text, *steps_text; /* the limits as the user wrote them, for messages */
  int first_arg; /* index of what becomes sys.argv[1] */
} Options;

/* What the hooks of the VM share. Owned by main; one per process. */
typedef struct Program {
  tiny_vm *vm;
  Output out, err;
  Input in;
  char *found_text, *found_path; /* last module source handed to the VM */
  const Options *options;
  const char *name;          /* argv[0], for messages */
  char *executable;          /* sys.executable, malloc'ed; NULL: unknown */
  bool inspect;              /* -i: SystemExit of the script is shown, the prompt follows */
  bool inspecting;           /* -i was given */
  bool prompting;            /* the prompt is open: stdin is read by lines, so that input() and the prompt take turns */
  bool in_loop;              /* the prompt is asyncio's: statements may await, tasks go on while a line is waited for */
  tiny_ref statements;       /* asyncio._prompt.Prompt, which runs them */
  int loop_failures;         /* turns of the loop that failed, one after the other */
  bool asked_to_exit;        /* SystemExit was reported */
  int exit_status;           /* that it asked for */
  bool editing, hidden;      /* a line is being edited on the terminal; it was taken away for something that is written */
  bool interrupted;          /* the script died of Ctrl-C */
  bool killed;               /* by a limit: nothing of the script may run any more */
} Program;

/* options.c */
void options_free(Options *o);
int options_parse(Options *o, int argc, char **argv);          /* -1: go on; else the status to leave with */
bool options_show(tiny_vm *vm, const Options *o, int argc, char **argv); /* sys.flags, sys.warnoptions ... */

/* output.c */
void output_init(Program *p);
bool program_write(void *user, int stream, const char *text, size_t len);
bool output_flush(Output *o);
void output_free(Program *p);

/* source.c */
tiny_val source_string(tiny_vm *vm, const char *bytes);        /* words of the system need not be UTF-8: other bytes become lone surrogates (PEP 383) */
char *source_shown(tiny_vm *vm, const char *path);             /* a path as the text that scripts see of it, malloc'ed; NULL: no memory */
bool program_find_source(void *user, const char *dotted_name, const char **text, size_t *len, const char **path, bool *is_package);
char *source_read(const char *path, size_t *len, int *err);    /* whole file, malloc'ed; NULL: *err is errno */
char *source_read_stream(FILE *f, size_t *len);
char *source_find_module(Program *p, const char *dotted_name, bool main, size_t *len, char **path, bool *is_package); /* text of the module for -m */
char *source_absolute(const char *path);                       /* malloc'ed; the path itself when it is absolute */
char *source_executable(const char *name);                    /* where the program of that name is: absolute, malloc'ed; NULL: not found */
char *source_find_main(const char *dir, size_t *len, char **path); /* text of DIR/__main__.tiny or .py */
bool source_set_path(Program *p, const char *first);           /* sys.path: first (NULL: none) and the folders of TINYPATH */

/* run.c: all return the process's exit status */
int run_text(Program *p, const char *text, size_t len, const char *filename);
int report_status(Program *p, tiny_status status);              /* after a run: prints what is to be printed */
void run_atexit(Program *p);

/* site.c */
bool site_names(tiny_vm *vm);         /* exit, help, license...: names for the prompt */

/* repl.c */
int repl_run(Program *p, bool banner);    /* the prompt; p->in_loop: that of asyncio */

/* repl_loop.c: asyncio's part of the prompt */
bool loop_open(Program *p);               /* false: an exception is pending */
tiny_status loop_run(Program *p, const char *text, size_t len, bool *incomplete); /* one piece, as tiny_run_interactive */
typedef enum { LOOP_GOES_ON, LOOP_INTERRUPTED, LOOP_EXITS /* a task ended the program: p->exit_status */ } LoopState;
LoopState loop_tick(Program *p);          /* runs what is due in the loop */
int loop_wait(Program *p, int *fd);       /* what to wait for until the next tick: a descriptor, milliseconds; -1: none */
void loop_close(Program *p);

/* interrupt.c: the only writable static data of the program, because signal handlers get no argument */
void interrupt_install(tiny_vm *vm);  /* the program's VM; NULL: it goes away */
bool interrupt_signal(void *user, int number, tiny_signal_action action); /* tiny_config.signal */
void interrupt_aim(tiny_vm *vm);      /* Ctrl-C interrupts the script that runs in vm; NULL: it is only noted */
bool interrupt_taken(void);           /* Ctrl-C was pressed since the last question */
int interrupt_fd(void);               /* readable when it was, or when the program goes on after Ctrl-Z; -1: none */
void interrupt_watch_stops(void);
bool interrupt_continued(void);       /* the program was stopped and goes on, since the last question */
#endif
