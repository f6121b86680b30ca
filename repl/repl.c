/* The read-eval-print loop. */
#include <string.h>
#include <stdlib.h>
#include "repl/program.h"

int repl_run(Program *p, bool banner) {
  char line[4096];
  char *text = NULL;
  size_t len = 0;
  if (banner) printf("tiny %s\n", tiny_version());
  for (;;) {
    output_flush(&p->out);
    fputs(len ? "... " : ">>> ", stdout);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin)) break;
    size_t n = strlen(line);
    char *more = realloc(text, len + n + 1);
    if (!more) break;
    text = more;
    memcpy(text + len, line, n + 1);
    len += n;
    bool incomplete = false;
    tiny_status st = tiny_run_interactive(p->vm, text, len, "<stdin>", &incomplete);
    if (incomplete) {
      tiny_clear_error(p->vm);
      continue;
    }
    report_status(p, st);
    len = 0;
  }
  free(text);
  return 0;
}
