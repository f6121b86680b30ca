/* The command line, as python3 has it: tiny [options] [-c code | -m module | file | -] [arguments]. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "repl/input.h"

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

static int no_memory(void) {
  fputs("tiny: out of memory\n", stderr);
  return 1;
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
        if (!value) return bad_usage("Argument expected for the", *p == 'c' ? "-c option" : "-m option");
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

static size_t c_stack_budget(void) {
  struct rlimit lim;
  size_t stack = 8u << 20;
  if (getrlimit(RLIMIT_STACK, &lim) == 0 && lim.rlim_cur != RLIM_INFINITY) stack = (size_t)lim.rlim_cur;
  stack /= 3;
  return stack > (4u << 20) ? 4u << 20 : stack;
}

static char *getcwd_copy(void) {
  char cwd[PATH_MAX];
  return strdup(getcwd(cwd, sizeof cwd) ? cwd : "");
}

/* Where modules are looked for first: the script's folder, links followed. malloc'ed. */
static char *dir_of(const char *path) {
  char *real = realpath(path, NULL);
  struct stat st;
  if (!real) return getcwd_copy();
  if (stat(real, &st) == 0 && S_ISDIR(st.st_mode)) return real;
  char *slash = strrchr(real, '/');
  slash[slash == real] = 0;
  return real;
}

/* sys.path[0] is the first place where modules are looked for. */
static bool set_path(Program *p, bool script) {
  tiny_val sys = tiny_import(p->vm, "sys"), path = tiny_getattr(p->vm, sys, "path");
  tiny_val dir = tiny_string(p->vm, script ? p->script_dir : ""), args[2] = {tiny_int(p->vm, 0), dir};
  bool ok = !tiny_failed(tiny_call_method(p->vm, path, "insert", 2, args));
  if (!ok) tiny_clear_error(p->vm);
  return ok;
}

static bool set_file(Program *p, const char *path) {
  return tiny_setattr(p->vm, tiny_main_module(p->vm), "__file__", tiny_string(p->vm, path));
}

static int cannot_run(const char *full, int err) {
  if (err == EISDIR) fprintf(stderr, "tiny: can't find '__main__' module in '%s'\n", full);
  else fprintf(stderr, "tiny: can't open file '%s': [Errno %d] %s\n", full, err, strerror(err));
  return err == EISDIR ? 1 : 2;
}

static int run_at(Program *p, const char *text, size_t len, const char *path) {
  return set_file(p, path) ? run_text(p, text, len, path) : report_status(p, TINY_ERROR);
}

/* A file, or a folder with a __main__ in it. */
static int run_file(Program *p, const char *file) {
  size_t len;
  int err;
  char *full = source_absolute(file), *inner = NULL, *text = full ? source_read(full, &len, &err) : NULL;
  if (full && !text && err == EISDIR) text = source_find_main(full, &len, &inner);
  int status = !full ? no_memory() : text ? run_at(p, text, len, inner ? inner : full) : cannot_run(full, err);
  free(text);
  free(inner);
  free(full);
  return status;
}

static int run_module(Program *p, const char *name) {
  char *path = NULL, *text = NULL;
  size_t len;
  bool is_package = false;
  text = source_find_module(p, name, true, &len, &path, &is_package);
  if (!text) {
    char *init = source_find_module(p, name, false, &len, &path, &is_package);
    if (init) fprintf(stderr, "tiny: No module named %s.__main__; '%s' is a package and cannot be directly executed\n", name, name);
    else fprintf(stderr, "tiny: No module named %s\n", name);
    free(init);
    free(path);
    return 1;
  }
  const char *dot = strrchr(name, '.');
  tiny_val package = tiny_string_n(p->vm, name, is_package ? strlen(name) : dot ? (size_t)(dot - name) : 0);
  tiny_val argv = tiny_getattr(p->vm, tiny_import(p->vm, "sys"), "argv");
  bool ok = tiny_setattr(p->vm, tiny_main_module(p->vm), "__package__", package) && tiny_setitem(p->vm, argv, tiny_int(p->vm, 0), tiny_string(p->vm, path));
  int status = ok ? run_at(p, text, len, path) : report_status(p, TINY_ERROR);
  free(text);
  free(path);
  return status;
}

static int run_stdin(Program *p) {
  size_t len;
  char *text = source_read_stream(stdin, &len);
  if (!text) return no_memory();
  int status = run_text(p, text, len, "<stdin>");
  free(text);
  return status;
}

static int run_all(Program *p, const Options *o) {
  int status = 0;
  p->inspect = o->interactive;
  bool stdin_script = !o->code && !o->module && (!o->file || strcmp(o->file, "-") == 0);
  set_path(p, o->module || (o->file && !stdin_script && !o->code));
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
  Program p = {.memory_text = o.memory_text, .steps_text = o.steps_text};
  output_init(&p);
  bool has_file = o.file && strcmp(o.file, "-") != 0 && !o.code && !o.module;
  p.script_dir = has_file ? dir_of(o.file) : getcwd_copy();
  const char **args = malloc(((size_t)argc + 2) * sizeof *args);
  if (!p.script_dir || !args) return no_memory();
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
#ifdef TINY_FULL
  if (p.vm && !tiny_open_full(p.vm)) {
    tiny_free(p.vm);
    p.vm = NULL;
  }
#endif
  if (!p.vm) return no_memory();
  if (o.steps_text) tiny_set_fuel(p.vm, o.steps, TINY_KILL);
  interrupt_install();
  interrupt_aim(p.vm);
  int status = run_all(&p, &o);
  bool flushed = output_flush(&p.out);
  interrupt_aim(NULL);
  tiny_free(p.vm);
  output_free(&p);
  input_free(&p);
  free(p.script_dir);
  free(p.found_text);
  free(p.found_path);
  free(args);
  if (!flushed) { /* the words of python3, whose stream reports it when it is closed */
    fprintf(stderr, "Exception ignored in: <_io.TextIOWrapper name='<stdout>' mode='w' encoding='utf-8'>\n%s: [Errno %d] %s\n",
            p.out.error == EPIPE ? "BrokenPipeError" : "OSError", p.out.error, strerror(p.out.error));
    if (status == 0) status = 120;
  }
  if (p.interrupted) { /* died of Ctrl-C: say so the way a shell understands */
    signal(SIGINT, SIG_DFL);
    raise(SIGINT);
  }
  return status;
}
