/* The `tiny` program: a host of libtiny like any other, built on include/tiny.h alone. */
#ifndef TINY_REPL_PROGRAM_H
#define TINY_REPL_PROGRAM_H
#include <stdio.h>
#include "include/tiny.h"

typedef struct Output { char *data; size_t len, cap; bool line_buffered, broken; int fd; } Output;

/* What the hooks of the VM share. Owned by main; one per process. */
typedef struct Program {
  tiny_vm *vm;
  Output out, err;
  char *script_dir;          /* first place where modules are looked for; "" : the current folder */
  char *found_text, *found_path; /* last module source handed to the VM */
  const char *memory_text;   /* the limits as the user wrote them, for messages */
  const char *steps_text;
  bool inspect;              /* -i */
} Program;

/* output.c */
void output_init(Program *p);
bool program_write(void *user, int stream, const char *text, size_t len);
long program_read(void *user, char *buf, size_t len);
bool output_flush(Output *o);
void output_free(Program *p);

/* source.c */
bool program_find_source(void *user, const char *dotted_name, const char **text, size_t *len, const char **path, bool *is_package);
char *source_read(const char *path, size_t *len, int *err);    /* whole file, malloc'ed; NULL: *err is errno */
char *source_read_stream(FILE *f, size_t *len);
char *source_find_module(Program *p, const char *dotted_name, bool main, char **path); /* text of the module for -m */

/* run.c: all return the process's exit status */
int run_text(Program *p, const char *text, size_t len, const char *filename);
int report_status(Program *p, tiny_status status);              /* after a run: prints what is to be printed */

/* repl.c */
int repl_run(Program *p, bool banner);
#endif
