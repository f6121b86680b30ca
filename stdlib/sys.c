/* The module sys. What costs something to make (version_info, float_info, ...) is made when first asked for, by the module's __getattr__. */
#include <errno.h>
#include <string.h>
#include "stdlib/sys_streams.h"

static tiny_val sys_exit(tiny_vm *vm, tiny_args *a) {
  tiny_val status = tiny_arg(a, 0), cls = tiny_exc_class(vm, TINY_SYSTEM_EXIT);
  return tiny_raise_value(vm, tiny_is_none(status) ? tiny_call(vm, cls, 0, NULL) : tiny_call(vm, cls, 1, &status));
}

static tiny_val sys_exc_info(tiny_vm *vm, tiny_args *a) {
  (void)a;
  tiny_val exc = tiny_handled_exception(vm), three[3] = {TINY_NONE, TINY_NONE, TINY_NONE};
  if (!tiny_is_none(exc)) {
    three[0] = tiny_getattr(vm, exc, "__class__");
    three[1] = exc;
    three[2] = tiny_getattr(vm, exc, "__traceback__");
  }
  return tiny_tuple(vm, 3, three);
}

static tiny_val sys_exception(tiny_vm *vm, tiny_args *a) {
  (void)a;
  return tiny_handled_exception(vm);
}

static tiny_val sys_getrecursionlimit(tiny_vm *vm, tiny_args *a) {
  (void)a;
  return tiny_int(vm, tiny_recursion_limit(vm));
}

static tiny_val sys_setrecursionlimit(tiny_vm *vm, tiny_args *a) {
  int64_t n = tiny_arg_int(a, 0);
  if (n < 1) return tiny_raise(vm, TINY_VALUE_ERROR, "recursion limit must be greater or equal than 1");
  if (n > INT32_MAX) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "Python int too large to convert to C int");
  tiny_set_recursion_limit(vm, (uint32_t)n);
  return TINY_NONE;
}

static tiny_val sys_get_int_max_str_digits(tiny_vm *vm, tiny_args *a) {
  (void)a;
  return tiny_uint(vm, tiny_int_max_str_digits(vm));
}

static tiny_val sys_set_int_max_str_digits(tiny_vm *vm, tiny_args *a) {
  int64_t n = tiny_arg_int(a, 0);
  if (n != 0 && n < 640) return tiny_raise(vm, TINY_VALUE_ERROR, "maxdigits must be 0 or larger than 640");
  tiny_set_int_max_str_digits(vm, (uint64_t)n);
  return TINY_NONE;
}

/* default: what to give for objects without a working __sizeof__ */
static tiny_val sys_getsizeof(tiny_vm *vm, tiny_args *a) {
  tiny_val v = tiny_arg(a, 0), size = tiny_call(vm, tiny_getattr(vm, tiny_type(vm, v), "__sizeof__"), 1, &v);
  int64_t n = 0;
  if (!tiny_failed(size) && strcmp(tiny_type_name(vm, size), "int") != 0) size = tiny_raise(vm, TINY_TYPE_ERROR, "an integer is required");
  if (!tiny_to_int(vm, size, &n)) {
    if (tiny_is_absent(tiny_arg(a, 1)) || !tiny_pending_is(vm, TINY_TYPE_ERROR)) return TINY_FAIL;
    tiny_clear_error(vm);
    return tiny_arg(a, 1);
  }
  return n < 0 ? tiny_raise(vm, TINY_VALUE_ERROR, "__sizeof__() should return >= 0") : size;
}
static tiny_val sys_intern(tiny_vm *vm, tiny_args *a) { return tiny_intern(vm, tiny_arg(a, 0)); }

static tiny_val sys_getframe(tiny_vm *vm, tiny_args *a) {
  int64_t depth = tiny_arg_int(a, 0);
  tiny_val f = tiny_frame(vm, depth < 0 ? 0 : depth > INT32_MAX ? INT32_MAX : (int)depth);
  return tiny_is_none(f) ? tiny_raise(vm, TINY_VALUE_ERROR, "call stack is not deep enough") : f;
}

static tiny_val sys_displayhook(tiny_vm *vm, tiny_args *a) {
  tiny_val args[3] = {tiny_arg(a, 0), tiny_import(vm, "builtins"), tiny_import(vm, "sys")};
  return tiny_tail_call(vm, tiny_library_function(vm, "_sys_displayhook"), 3, args);
}

static tiny_val sys_excepthook(tiny_vm *vm, tiny_args *a) {
  tiny_val text = tiny_traceback_text(vm, tiny_arg(a, 1));
  if (tiny_failed(text)) return TINY_FAIL;
  tiny_val err = tiny_getattr(vm, tiny_import(vm, "sys"), "stderr");
  if (!tiny_failed(err) && !tiny_is_none(err)) return tiny_failed(tiny_call(vm, tiny_getattr(vm, err, "write"), 1, &text)) ? TINY_FAIL : TINY_NONE;
  if (tiny_failed(err)) tiny_clear_error(vm);
  size_t len;
  const char *utf8 = tiny_to_str(vm, text, &len);
  if (!utf8) return TINY_FAIL;
  return tiny_write(vm, 2, utf8, len) ? TINY_NONE : tiny_raise_os(vm, errno ? errno : EIO, NULL);
}

static tiny_val sys_getattr(tiny_vm *vm, tiny_args *a) {
  tiny_val args[2] = {tiny_bound(a), tiny_arg(a, 0)};
  return tiny_tail_call(vm, tiny_library_function(vm, "_sys_lazy"), 2, args);
}

static tiny_val sys_encoding(tiny_vm *vm, tiny_args *a) {
  (void)a;
  return tiny_string(vm, "utf-8");
}

static tiny_val sys_encode_errors(tiny_vm *vm, tiny_args *a) {
  (void)a;
  return tiny_string(vm, "surrogateescape");
}

static tiny_val sys_none(tiny_vm *vm, tiny_args *a) {
  (void)vm;
  (void)a;
  return TINY_NONE;
}

static tiny_val sys_false(tiny_vm *vm, tiny_args *a) {
  (void)vm;
  (void)a;
  return TINY_FALSE;
}

static tiny_val sys_getallocatedblocks(tiny_vm *vm, tiny_args *a) {
  (void)a;
  tiny_gc_stats s;
  tiny_get_gc_stats(vm, &s);
  return tiny_uint(vm, s.objects);
}

static tiny_val sys_get_asyncgen_hooks(tiny_vm *vm, tiny_args *a) {
  (void)a;
  tiny_val two[2];
  tiny_asyncgen_hooks(vm, &two[0], &two[1]);
  tiny_val hooks = tiny_tuple(vm, 2, two);
  return tiny_tail_call(vm, tiny_library_function(vm, "_sys_asyncgen_hooks"), 1, &hooks);
}

static tiny_val sys_set_asyncgen_hooks(tiny_vm *vm, tiny_args *a) {
  static const char *const names[] = {"firstiter", "finalizer"};
  for (int i = 0; i < 2; i++) {
    tiny_val hook = tiny_arg(a, i);
    if (!tiny_is_absent(hook) && !tiny_is_none(hook) && !tiny_callable(vm, hook)) return tiny_raise(vm, TINY_TYPE_ERROR, "callable %s expected, got %s", names[i], tiny_type_name(vm, hook));
  }
  tiny_set_asyncgen_hooks(vm, tiny_arg(a, 0), tiny_arg(a, 1));
  return TINY_NONE;
}

static tiny_val sys_get_origin_depth(tiny_vm *vm, tiny_args *a) {
  (void)a;
  return tiny_int(vm, *tiny_origin_depth(vm));
}

static tiny_val sys_set_origin_depth(tiny_vm *vm, tiny_args *a) {
  int64_t depth = tiny_arg_int(a, 0);
  if (depth < 0) return tiny_raise(vm, TINY_VALUE_ERROR, "depth must be >= 0");
  *tiny_origin_depth(vm) = depth < UINT32_MAX ? (uint32_t)depth : UINT32_MAX;
  return TINY_NONE;
}

static tiny_val sys_unraisablehook(tiny_vm *vm, tiny_args *a) {
  tiny_val args = tiny_arg(a, 0), what = tiny_getattr(vm, args, "err_msg"), exc = tiny_getattr(vm, args, "exc_value"), object = tiny_getattr(vm, args, "object");
  if (tiny_failed(what) || tiny_failed(exc) || tiny_failed(object)) return TINY_FAIL;
  const char *text = tiny_is_none(what) ? NULL : tiny_to_str(vm, what, NULL);
  if (!text && !tiny_is_none(what)) return TINY_FAIL;
  tiny_print_unraisable(vm, exc, text, tiny_is_none(object) ? TINY_ABSENT : object);
  return TINY_NONE;
}

static const tiny_def functions[] = {
  {"exit", sys_exit, "(status=None, /)", "Exit the interpreter by raising SystemExit(status)."},
  {"exc_info", sys_exc_info, "()", "(type, value, traceback) of the exception being handled."},
  {"exception", sys_exception, "()", "Return the current exception."},
  {"getrecursionlimit", sys_getrecursionlimit, "()", NULL},
  {"setrecursionlimit", sys_setrecursionlimit, "(limit: int, /)", NULL},
  {"get_int_max_str_digits", sys_get_int_max_str_digits, "()", NULL},
  {"set_int_max_str_digits", sys_set_int_max_str_digits, "(maxdigits: int)", NULL},
  {"getsizeof", sys_getsizeof, "(object, default=...)", "Bytes that the object itself takes."},
  {"intern", sys_intern, "(string, /)", "The one string of this content that all share."},
  {"_getframe", sys_getframe, "(depth: int = 0, /)", NULL},
  {"displayhook", sys_displayhook, "(object, /)", "Print an object to sys.stdout and also save it in builtins._"},
  {"excepthook", sys_excepthook, "(exctype, value, traceback, /)", "Handle an exception by displaying it with a traceback on sys.stderr."},
  {"get_coroutine_origin_tracking_depth", sys_get_origin_depth, "()", "Check status of origin tracking for coroutine objects in this thread."},
  {"set_coroutine_origin_tracking_depth", sys_set_origin_depth, "(depth: int)", NULL},
  {"unraisablehook", sys_unraisablehook, "(unraisable, /)", "Handle an unraisable exception."},
  {"__getattr__", sys_getattr, "(name, /)", NULL},
  {"getdefaultencoding", sys_encoding, "()", NULL},
  {"getfilesystemencoding", sys_encoding, "()", NULL},
  {"getfilesystemencodeerrors", sys_encode_errors, "()", NULL},
  {"gettrace", sys_none, "()", NULL},
  {"getprofile", sys_none, "()", NULL},
  {"is_finalizing", sys_false, "()", NULL},
  {"getallocatedblocks", sys_getallocatedblocks, "()", NULL},
  {"get_asyncgen_hooks", sys_get_asyncgen_hooks, "()", NULL},
  {"set_asyncgen_hooks", sys_set_asyncgen_hooks, "(firstiter=..., finalizer=...)", NULL},
  {0}};

/* ---- constants */

static bool put(tiny_vm *vm, tiny_val module, const char *name, tiny_val v) { return tiny_setattr(vm, module, name, v); }
static bool put_str(tiny_vm *vm, tiny_val module, const char *name, const char *text) { return put(vm, module, name, tiny_string(vm, text)); }

static bool put_argv(tiny_vm *vm, tiny_val module) {
  const tiny_config *c = tiny_config_of(vm);
  tiny_val argv = tiny_list(vm, 0, NULL);
  for (int i = 0; i < c->argc; i++) {
    tiny_val arg = tiny_string(vm, c->argv[i]);
    if (tiny_failed(arg)) { /* not UTF-8: undecodable bytes become surrogates */
      tiny_clear_error(vm);
      tiny_val how[2] = {tiny_string(vm, "utf-8"), tiny_string(vm, "surrogateescape")};
      arg = tiny_call_method(vm, tiny_bytes(vm, c->argv[i], strlen(c->argv[i])), "decode", 2, how);
    }
    if (tiny_failed(arg) || !tiny_list_append(vm, argv, arg)) return false;
  }
  if (c->argc == 0 && !tiny_list_append(vm, argv, tiny_string(vm, ""))) return false;
  return put(vm, module, "argv", argv);
}

/* The hooks under the names that keep them when a script puts others in their place. */
static bool put_hooks(tiny_vm *vm, tiny_val module) {
  static const char *const names[][2] = {{"displayhook", "__displayhook__"}, {"excepthook", "__excepthook__"}, {"unraisablehook", "__unraisablehook__"}};
  for (int i = 0; i < 3; i++)
    if (!put(vm, module, names[i][1], tiny_getattr(vm, module, names[i][0]))) return false;
  return true;
}

static bool put_streams(tiny_vm *vm, tiny_val module) {
  static const char *const names[][2] = {{"stdin", "__stdin__"}, {"stdout", "__stdout__"}, {"stderr", "__stderr__"}};
  for (int i = 0; i < 3; i++) {
    tiny_val s = std_stream_new(vm, i);
    if (!put(vm, module, names[i][0], s) || !put(vm, module, names[i][1], s)) return false;
  }
  return true;
}

static const char *platform(void) {
#if defined(__linux__)
  return "linux";
#elif defined(__APPLE__)
  return "darwin";
#elif defined(_WIN32)
  return "win32";
#else
  return "unknown";
#endif
}

static bool put_texts(tiny_vm *vm, tiny_val module) {
  const tiny_config *c = tiny_config_of(vm);
  static const uint16_t probe = 1;
  unsigned char first;
  memcpy(&first, &probe, 1);
  return put_str(vm, module, "version", "3.11.7 (tiny " TINY_VERSION ")") && put_str(vm, module, "platform", platform()) && put_str(vm, module, "byteorder", first ? "little" : "big") &&
    put_str(vm, module, "executable", c->executable ? c->executable : "") && put_str(vm, module, "prefix", "") && put_str(vm, module, "exec_prefix", "") &&
    put_str(vm, module, "base_prefix", "") && put_str(vm, module, "base_exec_prefix", "") && put_str(vm, module, "copyright", "") && put_str(vm, module, "float_repr_style", "short") &&
    put_str(vm, module, "ps1", ">>> ") && put_str(vm, module, "ps2", "... ") && put_str(vm, module, "platlibdir", "lib");
}

static bool sys_init(tiny_vm *vm, tiny_val module) {
  return put_argv(vm, module) && put_hooks(vm, module) && put_streams(vm, module) && put_texts(vm, module) && put(vm, module, "modules", tiny_modules(vm)) &&
    put(vm, module, "path", tiny_list(vm, 0, NULL)) && put(vm, module, "meta_path", tiny_list(vm, 0, NULL)) && put(vm, module, "path_hooks", tiny_list(vm, 0, NULL)) &&
    put(vm, module, "path_importer_cache", tiny_dict(vm)) && put(vm, module, "warnoptions", tiny_list(vm, 0, NULL)) &&
    put(vm, module, "hexversion", tiny_int(vm, 0x030B07F0)) && put(vm, module, "api_version", tiny_int(vm, 1013)) &&
    put(vm, module, "maxsize", tiny_int(vm, INT64_MAX)) && put(vm, module, "maxunicode", tiny_int(vm, 0x10FFFF)) && put(vm, module, "dont_write_bytecode", TINY_TRUE);
}

extern const tiny_module sys_module;
const tiny_module sys_module = {"sys", functions, sys_init, "What the interpreter is and how it was started."};
