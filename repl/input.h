/* Lines typed by the user: through readline on a terminal (built with READLINE=1), else as they come from stdin. */
#ifndef TINY_REPL_INPUT_H
#define TINY_REPL_INPUT_H
#include "repl/program.h"

typedef enum { INPUT_LINE, INPUT_END, INPUT_INTERRUPT, INPUT_FAILED, INPUT_EXIT /* a task ended the program */ } InputResult;

void input_open(Program *p);                    /* history, completion */
void input_close(Program *p);                   /* saves the history */
bool input_end_line(void);                      /* has what ended the input (Ctrl-D) ended the line on the screen, too? */
InputResult input_line(Program *p, const char *prompt, char **line); /* *line: malloc'ed, ends with \n but perhaps at the end of a file */
long program_read(void *user, char *buf, size_t len); /* the VM's hook for sys.stdin */
void input_hide(Program *p);                    /* while p->editing: the line being edited makes room for what is written */
void input_free(Program *p);

/* complete.c: what a word ("na", "module.na") behind a line's beginning may become, with what follows it ("(" after a function). May run script code (descriptors).
   False: no memory. */
typedef struct Completion { char **items; size_t count, cap; } Completion;
bool complete_word(Program *p, const char *before, const char *word, Completion *out);
bool complete_key(Program *p, const char *before, const char *word, Completion *out); /* the word stands in a string that begins at the end of `before` */
void complete_free(Completion *c);
#endif
