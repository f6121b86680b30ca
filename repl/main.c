/* The command line, as python3 has it: tiny [options] [-c code | -m module | file | -] [arguments]. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "repl/program.h"

typedef struct Options {
  const char *code, *module, *file;
  bool interactive, quiet;
  size_t memory;
  uint64_t steps;
  int first_arg; /* index of what becomes sys.argv[1] */
  const char *memory_text, *steps_text;
} Options;

static const char usage[] =
    "usage: tiny [option] ... [-c cmd | -m mod | file | -] [arg] ...\n"
    "Options:\n"
    "-c cmd : program passed in as string (terminates option list)\n"
    "-h     : print this help message and exit (also --help)\n"
    "-i     : inspect interactively after running script\n"
    "-m mod : run library module as a script (terminates option list)\n"
    "-q     : no banner at the prompt\n"
    "-V     : print the version and exit (also --version)\n"
    "--max-memory N[K|M|G] : end the script when it needs more memory\n"
    "--max-steps N         : end the script after that many steps (loop turns, calls, resumes)\n"
    "file   : program read from script file\n"
    "-      : program read from stdin (default; interactive mode if a tty)\n"
    "arg ...: arguments passed to program in sys.argv[1:]\n";

static int bad_usage(const char *what, const char *arg) {
  fprintf(stderr, "%s %s\nusage: tiny [option] ... [-c cmd | -m mod | file | -] [arg] ...\nTry `tiny -h' for more information.\n", what, arg);
  return 2;
}

static bool parse_size(const char *s, uint64_t *out, bool suffix) {
  char *end;
  errno = 0;
  unsigned long long v = strtoull(s, &end, 10);
  if (end == s || errno || *s == '-') return false;
  int shift = 0;
  if (suffix && *end) {
    shift = *end == 'K' || *end == 'k' ? 10 : *end == 'M' || *end == 'm' ? 20 : *end == 'G' || *end == 'g' ? 30 : -1;
    if (shift < 0) return false;
    end++;
    if (*end == 'B' || *end == 'b') end++;
  }
  if (*end || (shift && v > (UINT64_MAX >> shift))) return false;
  *out = (uint64_t)v << shift;
  return true;
}

/* -1: go on; else the status to leave with. */
static int parse_long(Options *o, int argc, char **argv, int *i) {
  char *arg = argv[*i], *value = strchr(arg, '=');
  size_t n = value ? (size_t)(value - arg) : strlen(arg);
  if (strcmp(arg, "--help") == 0) return fputs(usage, stdout), 0;
  if (strcmp(arg, "--version") == 0) return printf("tiny %s\n", tiny_version()), 0;
  bool memory = n == 12 && strncmp(arg, "--max-memory", n) == 0, steps = n == 11 && strncmp(arg, "--max-steps", n) == 0;
  if (!memory && !steps) return bad_usage("unknown option", arg);
  if (value) value++;
  else if (*i + 1 < argc) value = argv[++*i];
  uint64_t v;
  if (!value || !parse_size(value, &v, memory)) return bad_usage("invalid value of", arg);
  if (memory) {
    o->memory = (size_t)v;
    o->memory_text = value;
  } else {
    o->steps = v;
    o->steps_text = value;
  }
  return -1;
}

static int parse_options(Options *o, int argc, char **argv) {
  int i = 1;
  for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
    if (argv[i][1] == '-') {
      if (!argv[i][2]) {
        i++;
        break;
      }
      int r = parse_long(o, argc, argv, &i);
      if (r >= 0) return r;
      continue;
    }
    for (const char *p = argv[i] + 1; *p; p++) {
      if (*p == 'c' || *p == 'm') {
        const char *value = p[1] ? p + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (!value) return fprintf(stderr, "Argument expected for the -%c option\n", *p), bad_usage("missing argument of", *p == 'c' ? "-c" : "-m");
        if (*p == 'c') o->code = value;
        else o->module = value;
        o->first_arg = i + 1;
        return -1;
      }
      if (*p == 'i') o->interactive = true;
      else if (*p == 'q') o->quiet = true;
      else if (*p == 'h') return fputs(usage, stdout), 0;
      else if (*p == 'V') return printf("tiny %s\n", tiny_version()), 0;
      else if (!strchr("uBEsSIOdvbxX", *p)) {
        char opt[3] = {'-', *p, 0};
        return bad_usage("Unknown option:", opt);
      }
    }
  }
  if (i < argc) o->file = argv[i++];
  o->first_arg = i;
  return -1;
}

/* The VM that Ctrl-C interrupts. A signal handler has no other way to know it. */
static tiny_vm *volatile interrupted_vm;
static void on_sigint(int sig) {
  (void)sig;
  if (interrupted_vm) tiny_interrupt(interrupted_vm);
}

static size_t c_stack_budget(void) {
  struct rlimit lim;
  size_t stack = 8u << 20;
  if (getrlimit(RLIMIT_STACK, &lim) == 0 && lim.rlim_cur != RLIM_INFINITY) stack = (size_t)lim.rlim_cur;
  stack /= 2;
  return stack > (4u << 20) ? 4u << 20 : stack;
}

static char *dir_of(const char *path) {
  const char *slash = strrchr(path, '/');
  size_t n = slash ? (size_t)(slash - path) : 0;
  if (slash == path) n = 1;
  char *s = malloc(n + 1);
  if (s) {
    memcpy(s, path, n);
    s[n] = 0;
  }
  return s;
}

/* sys.path[0] is the first place where modules are looked for. */
static bool set_path(Program *p) {
  tiny_val sys = tiny_import(p->vm, "sys"), path = tiny_getattr(p->vm, sys, "path");
  tiny_val dir = tiny_string(p->vm, p->script_dir), args[2] = {tiny_int(p->vm, 0), dir};
  bool ok = !tiny_failed(tiny_call_method(p->vm, path, "insert", 2, args));
  if (!ok) tiny_clear_error(p->vm);
  return ok;
}

static bool set_file(Program *p, const char *path) {
  return tiny_setattr(p->vm, tiny_main_module(p->vm), "__file__", tiny_string(p->vm, path));
}

static int run_file(Program *p, const char *file) {
  size_t len;
  int err;
  char *text = source_read(file, &len, &err);
  if (!text) {
    char full[PATH_MAX + 1], cwd[PATH_MAX];
    if (file[0] != '/' && getcwd(cwd, sizeof cwd)) snprintf(full, sizeof full, "%.2000s/%.2000s", cwd, file);
    else snprintf(full, sizeof full, "%.4000s", file);
    if (err == EISDIR) fprintf(stderr, "tiny: can't find '__main__' module in '%s'\n", full);
    else fprintf(stderr, "tiny: can't open file '%s': [Errno %d] %s\n", full, err, strerror(err));
    return err == EISDIR ? 1 : 2;
  }
  int status = set_file(p, file) ? run_text(p, text, len, file) : report_status(p, TINY_ERROR);
  free(text);
  return status;
}

static int run_module(Program *p, const char *name) {
  char *path = NULL, *text = source_find_module(p, name, true, &path);
  if (!text) {
    fprintf(stderr, "tiny: No module named %s\n", name);
    return 1;
  }
  int status = set_file(p, path) ? run_text(p, text, strlen(text), path) : report_status(p, TINY_ERROR);
  free(text);
  free(path);
  return status;
}

static int run_stdin(Program *p) {
  size_t len;
  char *text = source_read_stream(stdin, &len);
  if (!text) return 1;
  int status = run_text(p, text, len, "<stdin>");
  free(text);
  return status;
}

static int run_all(Program *p, const Options *o) {
  int status = 0;
  bool stdin_script = !o->code && !o->module && (!o->file || strcmp(o->file, "-") == 0);
  set_path(p);
  if (o->code) status = run_text(p, o->code, strlen(o->code), "<string>");
  else if (o->module) status = run_module(p, o->module);
  else if (!stdin_script) status = run_file(p, o->file);
  else if (!isatty(0) && !o->interactive) return run_stdin(p);
  else return repl_run(p, !o->quiet);
  if (o->interactive) status = repl_run(p, false);
  return status;
}

int main(int argc, char **argv) {
  Options o = {0};
  int r = parse_options(&o, argc, argv);
  if (r >= 0) return r;
  Program p = {.memory_text = o.memory_text, .steps_text = o.steps_text, .inspect = o.interactive};
  output_init(&p);
  p.script_dir = o.file && strcmp(o.file, "-") != 0 && !o.code && !o.module ? dir_of(o.file) : dir_of("");
  const char **args = malloc(((size_t)argc + 2) * sizeof *args);
  if (!p.script_dir || !args) return 1;
  int n = 0;
  args[n++] = o.code ? "-c" : o.module ? o.module : o.file ? o.file : "";
  for (int i = o.first_arg; i < argc; i++) args[n++] = argv[i];
  tiny_config c = TINY_CONFIG_INIT;
  c.memory_limit = o.memory;
  c.modules = "*";
  c.write = program_write;
  c.read = program_read;
  c.find_source = program_find_source;
  c.user = &p;
  c.c_stack_limit = c_stack_budget();
  c.argc = n;
  c.argv = args;
  c.executable = argv[0];
  p.vm = tiny_new(&c);
  if (!p.vm) {
    fputs("tiny: out of memory\n", stderr);
    return 1;
  }
  if (o.steps_text) tiny_set_fuel(p.vm, o.steps, TINY_KILL);
  interrupted_vm = p.vm;
  signal(SIGINT, on_sigint);
  signal(SIGPIPE, SIG_IGN);
  int status = run_all(&p, &o);
  bool flushed = output_flush(&p.out);
  interrupted_vm = NULL;
  tiny_free(p.vm);
  output_free(&p);
  free(p.script_dir);
  free(p.found_text);
  free(p.found_path);
  free(args);
  if (!flushed && status == 0) status = 120;
  if (status == 130) { /* died of Ctrl-C: say so the way a shell understands */
    signal(SIGINT, SIG_DFL);
    raise(SIGINT);
  }
  return status;
}
