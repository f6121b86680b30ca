/* The command line, as python3 has it: tiny [options] [-c code | -m module | file | -] [arguments]. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <unistd.h>
#include "repl/input.h"

static int no_memory(void) {
  fputs("tiny: out of memory\n", stderr);
  return 1;
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

/* Where modules are looked for first: the script's folder, links followed; or the folder that is the script. malloc'ed. */
static char *dir_of(const char *path) {
  struct stat st;
  if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return source_absolute(path);
  char *real = realpath(path, NULL);
  if (!real) return getcwd_copy();
  char *slash = strrchr(real, '/');
  slash[slash == real] = 0;
  return real;
}

static bool set_file(Program *p, const char *path) {
  return tiny_setattr(p->vm, tiny_main_module(p->vm), "__file__", tiny_string(p->vm, path));
}

static bool set_package(Program *p, const char *name) {
  return tiny_setattr(p->vm, tiny_main_module(p->vm), "__package__", tiny_string(p->vm, name));
}

/* When a script that was run from a file is over, its __file__ goes: the prompt of -i has none. */
static void forget_file(Program *p) {
  tiny_val dict = tiny_getattr(p->vm, tiny_main_module(p->vm), "__dict__");
  if (!tiny_delitem(p->vm, dict, tiny_string(p->vm, "__file__"))) tiny_clear_error(p->vm);
}

static int cannot_run(const Program *p, const char *full, int err) {
  if (err == EISDIR) fprintf(stderr, "%s: can't find '__main__' module in '%s'\n", p->name, full);
  else fprintf(stderr, "%s: can't open file '%s': [Errno %d] %s\n", p->name, full, err, strerror(err));
  return err == EISDIR ? 1 : 2;
}

/* A program for the machine, a picture...: python3 finds something else wrong with its bytes. */
static int no_script(Program *p, const char *text, const char *null, const char *path) {
  int line = 1;
  for (const char *c = text; c < null; c++) line += *c == '\n';
  (void)tiny_raise(p->vm, TINY_SYNTAX_ERROR, "source code cannot contain null bytes: file %s, line %d", path, line);
  return report_status(p, TINY_ERROR);
}

static int run_at(Program *p, const char *text, size_t len, const char *path) {
  const char *null = memchr(text, 0, len);
  if (!set_file(p, path)) return report_status(p, TINY_ERROR);
  return null ? no_script(p, text, null, path) : run_text(p, text, len, path);
}

/* -x: the line stays, empty, so that numbers are right. */
static size_t first_line(const Program *p, const char *text, size_t len) {
  const char *end = p->options->skip_first_line ? memchr(text, '\n', len) : NULL;
  return end ? (size_t)(end - text) : 0;
}

/* The text of a file, or of the __main__ in a folder. */
static int run_file_text(Program *p, const char *text, size_t len, const char *path, bool folder) {
  char *shown = source_shown(p->vm, path);
  size_t skip = folder ? 0 : first_line(p, text, len);
  int status;
  if (!shown) status = no_memory();
  else if (folder && !set_package(p, "")) status = report_status(p, TINY_ERROR);
  else status = run_at(p, text + skip, len - skip, shown);
  if (!folder && p->inspecting && !tiny_failed(tiny_main_module(p->vm))) forget_file(p);
  free(shown);
  return status;
}

/* A file, or a folder with a __main__ in it. */
static int run_file(Program *p, const char *file) {
  size_t len = 0;
  int err;
  char *full = source_absolute(file), *inner = NULL, *text = full ? source_read(full, &len, &err) : NULL;
  if (!full) return no_memory();
  bool folder = !text && err == EISDIR && (text = source_find_main(full, &len, &inner)) != NULL;
  int status = text ? run_file_text(p, text, len, folder ? inner : full, folder) : cannot_run(p, full, err);
  free(text);
  free(inner);
  free(full);
  return status;
}

/* The packages around a module are imported first. False: *status says how that ended. */
static bool import_parents(Program *p, const char *name, int *status) {
  const char *dot = strrchr(name, '.');
  if (!dot) return true;
  char *parent = strndup(name, (size_t)(dot - name));
  if (!parent) return *status = no_memory(), false;
  tiny_val module = tiny_import(p->vm, parent);
  bool ok = !tiny_failed(module), missing = !ok && tiny_pending_is(p->vm, TINY_MODULE_NOT_FOUND_ERROR);
  if (ok && !tiny_hasattr(p->vm, module, "__path__")) {
    fprintf(stderr, "%s: Error while finding module specification for '%s' (ModuleNotFoundError: __path__ attribute not found on '%s' while trying to find '%s')",
            p->name, name, parent, name);
    if (strcmp(dot, ".py") == 0) fprintf(stderr, ". Try using '%s' instead of '%s' as the module name.", parent, name);
    fputs("\n", stderr);
    *status = 1;
    ok = false;
  } else if (missing) {
    tiny_error e;
    tiny_take_error(p->vm, &e);
    fprintf(stderr, "%s: Error while finding module specification for '%s' (ModuleNotFoundError: %s)\n", p->name, name, e.message);
    *status = 1;
  } else if (!ok) {
    *status = report_status(p, TINY_ERROR);
  }
  free(parent);
  return ok;
}

/* A program of the library: a package with a module __main__, which runs when it is imported, or a module with a function main(). As sys.argv[0] it has the name of the
   file that it is in python3. False: there is no such module. */
static bool library_program(Program *p, const char *name, int *status) {
  tiny_val full = tiny_format(p->vm, "%s.__main__", name), module = tiny_import(p->vm, name);
  if (tiny_failed(module)) {
    tiny_val missing = tiny_pending_is(p->vm, TINY_MODULE_NOT_FOUND_ERROR) ? tiny_take_exception(p->vm) : TINY_FAIL;
    if (!tiny_failed(missing) && tiny_equal(p->vm, tiny_getattr(p->vm, missing, "name"), tiny_string(p->vm, name)) == 1) return false;
    if (!tiny_failed(missing)) (void)tiny_raise_value(p->vm, missing);
    return *status = report_status(p, TINY_ERROR), true;
  }
  const char *text = tiny_to_str(p->vm, full, NULL), *dot = strrchr(name, '.');
  tiny_val argv = tiny_getattr(p->vm, tiny_import(p->vm, "sys"), "argv");
  if (!tiny_setitem(p->vm, argv, tiny_int(p->vm, 0), tiny_format(p->vm, "%s.py", dot ? dot + 1 : name))) return *status = report_status(p, TINY_ERROR), true;
  if (tiny_hasattr(p->vm, module, "__path__")) {
    if (text && !tiny_failed(tiny_import(p->vm, text))) return *status = 0, true;
    if (!tiny_pending_is(p->vm, TINY_MODULE_NOT_FOUND_ERROR)) return *status = report_status(p, TINY_ERROR), true;
    tiny_clear_error(p->vm);
    fprintf(stderr, "%s: No module named %s.__main__; '%s' is a package and cannot be directly executed\n", p->name, name, name);
    return *status = 1, true;
  }
  tiny_val word = tiny_string(p->vm, name), in_c = tiny_call_method(p->vm, tiny_getattr(p->vm, tiny_import(p->vm, "sys"), "builtin_module_names"), "__contains__", 1, &word);
  if (tiny_is(in_c, TINY_TRUE)) {
    fprintf(stderr, "%s: No code object available for %s\n", p->name, name);
    return *status = 1, true;
  }
  *status = 0;
  if (!tiny_hasattr(p->vm, module, "main")) return tiny_pending(p->vm) ? (*status = report_status(p, TINY_ERROR), true) : true;
  tiny_val result = tiny_call_method(p->vm, module, "main", 0, NULL);
  if (!tiny_failed(result)) result = tiny_call_method(p->vm, tiny_import(p->vm, "sys"), "exit", 1, &result);
  return *status = report_status(p, TINY_ERROR), true;
}

/* `-m asyncio`, unless there is a module of that name in the way: the prompt whose statements may await. */
static int run_asyncio(Program *p) {
  p->in_loop = true;
  return repl_run(p, !p->options->flag[FLAG_QUIET]);
}

static int no_module(Program *p, const char *name) {
  bool is_package = false;
  int status = 1;
  size_t len;
  char *path = NULL, *init = source_find_module(p, name, false, &len, &path, &is_package);
  if (path && is_package) {
    if (tiny_failed(tiny_import(p->vm, name))) {
      free(init);
      free(path);
      return report_status(p, TINY_ERROR);
    }
    fprintf(stderr, "%s: No module named %s.__main__; '%s' is a package and cannot be directly executed\n", p->name, name, name);
  } else if (strcmp(name, "asyncio") == 0) {
    status = run_asyncio(p);
  } else if (*name && name[strlen(name) - 1] != '.' && library_program(p, name, &status)) {
  } else {
    fprintf(stderr, "%s: No module named %s\n", p->name, name);
  }
  free(init);
  free(path);
  return status;
}

/* __spec__ of a module that runs as __main__. */
static bool set_spec(Program *p, const char *name, const char *path, bool is_package) {
  tiny_val args[3] = {tiny_string(p->vm, name), tiny_string(p->vm, path), tiny_bool(is_package)};
  tiny_val spec = tiny_call(p->vm, tiny_getattr(p->vm, tiny_import(p->vm, "importlib._bootstrap"), "main_spec"), 3, args);
  return tiny_setattr(p->vm, tiny_main_module(p->vm), "__spec__", spec);
}

static int run_module(Program *p, const char *name) {
  char *path = NULL, *text = NULL;
  size_t len;
  bool is_package = false;
  int status;
  if (*name == '.') return fprintf(stderr, "%s: Relative module names not supported\n", p->name), 1;
  if (!import_parents(p, name, &status)) return status;
  text = source_find_module(p, name, true, &len, &path, &is_package);
  if (!text) return free(path), no_module(p, name);
  if (is_package && tiny_failed(tiny_import(p->vm, name))) {
    status = report_status(p, TINY_ERROR);
  } else {
    const char *dot = strrchr(name, '.');
    char *package = strndup(name, is_package ? strlen(name) : dot ? (size_t)(dot - name) : 0);
    tiny_val argv = tiny_getattr(p->vm, tiny_import(p->vm, "sys"), "argv");
    bool ok = package && set_package(p, package) && tiny_setitem(p->vm, argv, tiny_int(p->vm, 0), tiny_string(p->vm, path)) && set_spec(p, name, path, is_package);
    status = ok ? run_at(p, text, len, path) : report_status(p, TINY_ERROR);
    free(package);
  }
  free(text);
  free(path);
  return status;
}

static int run_stdin(Program *p) {
  size_t len;
  char *text = source_read_stream(stdin, &len);
  if (!text) return no_memory();
  size_t skip = first_line(p, text, len);
  int status = run_text(p, text + skip, len - skip, "<stdin>");
  free(text);
  return status;
}

static bool reads_stdin(const Options *o) { return !o->code && !o->module && (!o->file || strcmp(o->file, "-") == 0); }

static int run_all(Program *p, const Options *o) {
  int status = 0;
  p->inspect = p->inspecting = o->flag[FLAG_INSPECT];
  if (o->code) status = run_text(p, o->code, strlen(o->code), "<string>");
  else if (o->module) status = run_module(p, o->module);
  else if (!reads_stdin(o)) status = run_file(p, o->file);
  else if (!isatty(0) && !p->inspecting) return run_stdin(p);
  else return repl_run(p, !o->flag[FLAG_QUIET]);
  if (p->inspecting && !p->killed) status = repl_run(p, false);
  return status;
}

/* sys.path[0]: the folder of the script, links followed; nothing but "" for -c and stdin; the current one, as it is now, for -m. */
static bool set_path(Program *p, const Options *o) {
  char *first = o->module ? getcwd_copy() : reads_stdin(o) || o->code ? strdup("") : dir_of(o->file);
  bool ok = first && source_set_path(p, o->flag[FLAG_SAFE_PATH] ? NULL : first);
  free(first);
  return ok;
}

/* Where no language was chosen, text that is not UTF-8 goes through stdin and stdout as it is (PEP 538, PEP 540). */
static bool plain_locale(void) {
  static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"}, *const plain[] = {"C", "POSIX", "C.UTF-8", "C.utf8"};
  const char *value = NULL;
  for (int i = 0; i < 3 && !(value && *value); i++) value = getenv(names[i]);
  for (int i = 0; i < 4 && value && *value; i++) {
    if (strcmp(value, plain[i]) == 0) return true;
  }
  return !value || !*value;
}

/* -u */
static bool write_through(Program *p, tiny_val stream) {
  static const char *const what = "write_through";
  tiny_val yes = TINY_TRUE;
  return !tiny_failed(tiny_call_kw(p->vm, tiny_getattr(p->vm, stream, "reconfigure"), 1, &yes, 1, &what));
}

/* A standard stream that was closed when the program began is None, as in python3. */
static bool set_streams(Program *p) {
  static const char *const names[] = {"stdin", "stdout", "stderr"};
  tiny_val sys = tiny_import(p->vm, "sys");
  for (int i = 0; i < 3; i++) {
    if (p->options->unbuffered && i > 0 && !write_through(p, tiny_getattr(p->vm, sys, names[i]))) return false;
    if (fcntl(i, F_GETFD) < 0 && !tiny_setattr(p->vm, sys, names[i], TINY_NONE)) return false;
  }
  return true;
}

/* What the VM gave back goes on to the system: a server that had much to do is small again. */
static void program_trim(void *unused) {
  (void)unused;
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

static tiny_vm *make_vm(Program *p, const Options *o, int argc, const char **args) {
  tiny_config c = TINY_CONFIG_INIT;
  c.memory_limit = o->memory;
  c.modules = "*";
  c.write = program_write;
  c.read = program_read;
  c.signal = interrupt_signal;
  c.find_source = program_find_source;
  c.user = p;
  c.trim = program_trim;
  c.c_stack_limit = c_stack_budget();
  c.argc = argc;
  c.argv = args;
  c.hash_seed = o->hash_seed;
  c.executable = p->executable;
  c.optimize = o->flag[FLAG_OPTIMIZE];
  c.stream_errors = plain_locale() ? "surrogateescape" : NULL;
  for (int i = 0; i < 3; i++) c.terminals |= (isatty(i) != 0 ? 1u : 0u) << i;
  tiny_vm *vm = tiny_new(&c);
#ifdef TINY_FULL
  if (vm && !tiny_open_full(vm)) {
    tiny_free(vm);
    vm = NULL;
  }
#endif
  return vm;
}

/* Flushes what is left; the words are those of python3, whose stream reports it when it is closed. */
static int finish(Program *p, int status) {
  if (output_flush(&p->out)) return p->err.error ? 120 : status;
  fprintf(stderr, "Exception ignored in: <_io.TextIOWrapper name='<stdout>' mode='w' encoding='utf-8'>\n%s: [Errno %d] %s\n",
          p->out.error == EPIPE ? "BrokenPipeError" : "OSError", p->out.error, strerror(p->out.error));
  return 120;
}

static int run_program(Program *p, const Options *o, int argc, char **argv) {
  const char **args = malloc(((size_t)argc + 2) * sizeof *args);
  if (!args) return no_memory();
  int n = 0, status;
  args[n++] = o->code ? "-c" : o->module ? "-m" : o->file ? o->file : "";
  for (int i = o->first_arg; i < argc; i++) args[n++] = argv[i];
  p->vm = make_vm(p, o, n, args);
  if (!p->vm) {
    free(args);
    return no_memory();
  }
  interrupt_install(p->vm);
  interrupt_aim(p->vm);
  bool ok = tiny_setattr(p->vm, tiny_main_module(p->vm), "__annotations__", tiny_dict(p->vm)); /* which only __main__ has from the start */
  if (ok && set_path(p, o) && set_streams(p) && options_show(p->vm, o, argc, argv)) {
    if (o->virtual_time && !tiny_set_virtual_time(p->vm)) tiny_clear_error(p->vm);
    if (o->steps_text) tiny_set_fuel(p->vm, o->steps, TINY_KILL);
    status = run_all(p, o);
    run_atexit(p);
    if (!p->killed) tiny_finish(p->vm);
  } else {
    status = tiny_pending(p->vm) ? report_status(p, TINY_ERROR) : no_memory();
  }
  status = finish(p, status);
  interrupt_aim(NULL);
  interrupt_install(NULL);
  tiny_free(p->vm);
  free(args);
  return status;
}

int main(int argc, char **argv) {
  Options o = {0};
  int r = argc > 0 ? options_parse(&o, argc, argv) : 2;
  if (r >= 0) {
    options_free(&o);
    return r;
  }
  Program p = {.options = &o, .name = argv[0], .executable = source_executable(argv[0])};
  output_init(&p);
  int status = run_program(&p, &o, argc, argv);
  output_free(&p);
  input_free(&p);
  free(p.found_text);
  free(p.found_path);
  free(p.executable);
  options_free(&o);
  if (p.interrupted) { /* died of Ctrl-C: say so the way a shell understands */
    signal(SIGINT, SIG_DFL);
    raise(SIGINT);
  }
  return status;
}
