/* The options of the command line, as python3 has them, and what of them scripts see (sys.flags, sys.warnoptions, sys._xoptions, sys.orig_argv). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "repl/program.h"

static const char usage_line[] = "usage: %s [option] ... [-c cmd | -m mod | file | -] [arg] ...\n";
static const char help[] =
    "Options (and corresponding environment variables):\n"
    "-b     : accepted, without effect (also -d, -R, -v)\n"
    "-B     : accepted: tiny never writes .pyc files\n"
    "-c cmd : program passed in as string (terminates option list)\n"
    "-E     : ignore TINY* environment variables (TINYPATH, TINY_HISTORY, TINYSTARTUP)\n"
    "-h     : print this help message and exit (also --help)\n"
    "-i     : inspect interactively after running script\n"
    "-I     : isolate: implies -E, -P and -s\n"
    "-m mod : run library module as a script (terminates option list)\n"
    "-O     : remove assert statements, __debug__ is False; -OO: docstrings too\n"
    "-P     : don't look for modules beside the script or in the current folder\n"
    "-q     : don't print the banner at the prompt\n"
    "-s, -S : accepted: there is no site module\n"
    "-u     : write stdout at once, not in pieces\n"
    "-V     : print the version number and exit (also --version)\n"
    "-W arg : warning control; arg is action:message:category:module:lineno\n"
    "-x     : skip first line of source\n"
    "-X opt : sets sys._xoptions; -X dev: shows all warnings, asyncio debugs\n"
    "--max-memory N[K|M|G] : end the script when it needs more memory\n"
    "--max-steps N         : end the script after that many steps (loop turns, calls, resumes)\n"
    "--virtual-time        : time stands still and jumps when the script sleeps; asyncio runs at once and always the same way\n"
    "file   : program read from script file\n"
    "-      : program read from stdin (default; interactive mode if a tty)\n"
    "arg ...: arguments passed to program in sys.argv[1:]\n"
    "TINYPATH: folders with modules, separated by colons, looked into after the script's own\n"
    "TINYINSPECT, TINYUNBUFFERED, TINYOPTIMIZE (a number), TINYWARNINGS (with commas between), TINYSAFEPATH, TINYDEVMODE: as -i, -u, -O, -W, -P, -X dev\n"
    "TINYHASHSEED: a number makes the order of sets of strings the same in every run; \"random\": as without it\n"
    "TINY_HISTORY: file of the lines typed at the prompt (~/.tiny_history)\n"
    "TINYSTARTUP: file that is run before the first prompt, without a script\n";

static int bad_usage(const char *program, const char *what, const char *arg) {
  fprintf(stderr, "%s%s\n", what, arg);
  fprintf(stderr, usage_line, program);
  fputs("Try `tiny -h' for more information.\n", stderr);
  return 2;
}

static int show_help(const char *program) {
  printf(usage_line, program);
  fputs(help, stdout);
  return 0;
}

static int show_version(void) { return printf("tiny %s (Python 3.11)\n", tiny_version()), 0; }

static bool parse_size(const char *s, uint64_t *out, bool suffix) {
  char *end;
  errno = 0;
  if (*s < '0' || *s > '9') return false;
  unsigned long long v = strtoull(s, &end, 10);
  if (errno) return false;
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
  if (strcmp(arg, "--help") == 0) return show_help(argv[0]);
  if (strcmp(arg, "--version") == 0) return show_version();
  if (strcmp(arg, "--virtual-time") == 0) return o->virtual_time = true, -1;
  if (strcmp(arg, "--check-hash-based-pycs") == 0 && *i + 1 < argc) return ++*i, -1;
  bool memory = n == 12 && strncmp(arg, "--max-memory", n) == 0, steps = n == 11 && strncmp(arg, "--max-steps", n) == 0;
  if (!memory && !steps) return bad_usage(argv[0], "unknown option ", arg);
  if (value) value++;
  else if (*i + 1 < argc) value = argv[++*i];
  uint64_t v;
  if (!value) return bad_usage(argv[0], "Argument expected for the ", arg);
  if (!parse_size(value, &v, memory)) return bad_usage(argv[0], memory ? "not a size in bytes: " : "not a number of steps: ", value);
  if (memory) {
    o->memory = (size_t)v;
    o->memory_text = value;
  } else {
    o->steps = v;
    o->steps_text = value;
  }
  return -1;
}

/* One letter that takes no argument. False: there is no such option. */
static bool parse_letter(Options *o, char c) {
  switch (c) {
    case 'b': o->flag[FLAG_BYTES_WARNING]++; return true;
    case 'B': o->flag[FLAG_DONT_WRITE_BYTECODE] = 1; return true;
    case 'd': o->flag[FLAG_DEBUG]++; return true;
    case 'E': o->flag[FLAG_IGNORE_ENVIRONMENT] = 1; return true;
    case 'i': o->flag[FLAG_INSPECT] = o->flag[FLAG_INTERACTIVE] = 1; return true;
    case 'I': o->flag[FLAG_ISOLATED] = o->flag[FLAG_IGNORE_ENVIRONMENT] = o->flag[FLAG_NO_USER_SITE] = o->flag[FLAG_SAFE_PATH] = 1; return true;
    case 'O': o->flag[FLAG_OPTIMIZE]++; return true;
    case 'P': o->flag[FLAG_SAFE_PATH] = 1; return true;
    case 'q': o->flag[FLAG_QUIET] = 1; return true;
    case 'R': return true;
    case 's': o->flag[FLAG_NO_USER_SITE] = 1; return true;
    case 'S': o->flag[FLAG_NO_SITE] = 1; return true;
    case 'u': o->unbuffered = true; return true;
    case 'v': o->flag[FLAG_VERBOSE]++; return true;
    case 'x': o->skip_first_line = true; return true;
    default: return false;
  }
}

/* One that takes an argument: what follows in the same word, else the next word. */
static int parse_valued(Options *o, int argc, char **argv, int *i, const char *p) {
  const char *value = p[1] ? p + 1 : *i + 1 < argc ? argv[++*i] : NULL;
  char what[] = "-? option";
  what[1] = *p;
  if (!value) return bad_usage(argv[0], "Argument expected for the ", what);
  switch (*p) {
    case 'c': o->code = value; break;
    case 'm': o->module = value; break;
    case 'W': o->warn[o->n_warn++] = value; break;
    default:
      o->x[o->n_x++] = value;
      if (strcmp(value, "dev") == 0) o->flag[FLAG_DEV_MODE] = 1;
  }
  return -1;
}

/* A variable that says something. */
static const char *variable(const Options *o, const char *name) {
  const char *value = o->flag[FLAG_IGNORE_ENVIRONMENT] ? NULL : getenv(name);
  return value && *value ? value : NULL;
}

/* Warnings before those of the command line, which count more. */
static bool warn_first(Options *o, const char *what) {
  const char **all = realloc(o->warn, ((size_t)o->n_warn + 1) * sizeof *all);
  if (!all) return false;
  o->warn = all;
  memmove(all + 1, all, (size_t)o->n_warn++ * sizeof *all);
  all[0] = what;
  return true;
}

static bool environment_warnings(Options *o) {
  const char *all = variable(o, "TINYWARNINGS");
  if (!all) return true;
  o->environment_warnings = strdup(all);
  if (!o->environment_warnings) return false;
  for (char *comma; (comma = strrchr(o->environment_warnings, ',')) != NULL; *comma = 0) {
    if (!warn_first(o, comma + 1)) return false;
  }
  return warn_first(o, o->environment_warnings);
}

/* -1: fine; else the status to leave with. */
static int environment_seed(Options *o, const char *program) {
  const char *text = variable(o, "TINYHASHSEED");
  uint64_t seed;
  if (!text || strcmp(text, "random") == 0) return -1;
  if (!parse_size(text, &seed, false) || seed > UINT32_MAX) {
    fprintf(stderr, "%s: TINYHASHSEED must be \"random\" or an integer in range [0; 4294967295]\n", program);
    return 1;
  }
  o->hash_seed = seed + 1; /* 0 is the system's choice */
  return -1;
}

static int parsed(Options *o, int first_arg, const char *program) {
  const char *optimize = variable(o, "TINYOPTIMIZE");
  o->first_arg = first_arg;
  if (variable(o, "TINYINSPECT")) o->flag[FLAG_INSPECT] = 1;
  if (variable(o, "TINYUNBUFFERED")) o->unbuffered = true;
  if (variable(o, "TINYSAFEPATH")) o->flag[FLAG_SAFE_PATH] = 1;
  if (variable(o, "TINYDEVMODE")) o->flag[FLAG_DEV_MODE] = 1;
  int level = optimize ? atoi(optimize) : 0;
  if (optimize && level < 1) level = 1;
  if (level > o->flag[FLAG_OPTIMIZE]) o->flag[FLAG_OPTIMIZE] = level;
  int status = environment_seed(o, program);
  if (status >= 0) return status;
  if (environment_warnings(o) && (!o->flag[FLAG_DEV_MODE] || warn_first(o, "default"))) return -1;
  fputs("tiny: out of memory\n", stderr);
  return 1;
}

int options_parse(Options *o, int argc, char **argv) {
  int i = 1, r;
  o->warn = calloc((size_t)argc + 1, sizeof *o->warn);
  o->x = calloc((size_t)argc + 1, sizeof *o->x);
  if (!o->warn || !o->x) return fputs("tiny: out of memory\n", stderr), 1;
  for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
    if (strcmp(argv[i], "--") == 0) {
      i++;
      break;
    }
    if (argv[i][1] == '-') {
      if ((r = parse_long(o, argc, argv, &i)) >= 0) return r;
      continue;
    }
    for (const char *p = argv[i] + 1; *p; p++) {
      if (strchr("cmWX", *p)) {
        if ((r = parse_valued(o, argc, argv, &i, p)) >= 0) return r;
        break;
      }
      if (*p == 'h' || *p == '?') return show_help(argv[0]);
      if (*p == 'V') return show_version();
      char letter[3] = {'-', *p, 0};
      if (!parse_letter(o, *p)) return bad_usage(argv[0], "Unknown option: ", letter);
    }
    if (o->code || o->module) return parsed(o, i + 1, argv[0]);
  }
  if (i < argc) o->file = argv[i++];
  return parsed(o, i, argv[0]);
}

void options_free(Options *o) {
  free(o->warn);
  free(o->x);
  free(o->environment_warnings);
}

/* ---- what scripts see */

/* sys.flags is made by sys when somebody asks; here a copy of it with what was asked for. */
static bool set_flags(tiny_vm *vm, tiny_val sys, const Options *o) {
  bool fixed = o->hash_seed == 1, any = fixed; /* TINYHASHSEED=0 */
  for (int i = 0; i < FLAG_COUNT; i++) any |= o->flag[i] != 0;
  if (!any) return true;
  tiny_val flags = tiny_getattr(vm, sys, "flags"), items[32];
  int n = tiny_failed(flags) ? 0 : tiny_seq_len(flags);
  for (int i = 0; i < n && i < 32; i++) {
    items[i] = tiny_seq_item(flags, i);
    if (i == FLAG_HASH_RANDOMIZATION && fixed) items[i] = tiny_int(vm, 0);
    if (i >= FLAG_COUNT || !o->flag[i]) continue;
    items[i] = i == FLAG_SAFE_PATH || i == FLAG_DEV_MODE ? TINY_TRUE : tiny_int(vm, o->flag[i]);
  }
  tiny_val all = tiny_tuple(vm, n, items);
  return tiny_setattr(vm, sys, "flags", tiny_call(vm, tiny_getattr(vm, flags, "__class__"), 1, &all));
}

static bool set_list(tiny_vm *vm, tiny_val sys, const char *name, const char *const *texts, int n) {
  tiny_val list = tiny_list(vm, 0, NULL);
  for (int i = 0; i < n; i++) {
    if (!tiny_list_append(vm, list, source_string(vm, texts[i]))) return false;
  }
  return tiny_setattr(vm, sys, name, list);
}

static bool set_xoptions(tiny_vm *vm, tiny_val sys, const Options *o) {
  tiny_val dict = tiny_dict(vm);
  for (int i = 0; i < o->n_x; i++) {
    const char *eq = strchr(o->x[i], '=');
    tiny_val key = eq ? tiny_string_n(vm, o->x[i], (size_t)(eq - o->x[i])) : source_string(vm, o->x[i]);
    if (!tiny_setitem(vm, dict, key, eq ? source_string(vm, eq + 1) : TINY_TRUE)) return false;
  }
  return tiny_setattr(vm, sys, "_xoptions", dict);
}

bool options_show(tiny_vm *vm, const Options *o, int argc, char **argv) {
  tiny_val sys = tiny_import(vm, "sys");
  return set_flags(vm, sys, o) && set_list(vm, sys, "orig_argv", (const char *const *)argv, argc) && set_xoptions(vm, sys, o) &&
    (!o->n_warn || (set_list(vm, sys, "warnoptions", o->warn, o->n_warn) && !tiny_failed(tiny_import(vm, "warnings"))));
}
