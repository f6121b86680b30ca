/* tiny.h - embed the tiny language: Python's syntax in a VM that is a plain value in your program.
 *
 * The only installed header, for hosts and for tiny's own standard library alike. Read it top to bottom:
 * values, config, create and run, calls, making and reading values, natives, errors, generators,
 * limits, the event loop, scopes and references. docs/embedding.md is a guide, examples/ has programs.
 *
 * The model. A VM (tiny_vm) owns everything: objects, modules, limits. VMs share nothing, so one VM per thread
 * needs no locks; one VM must be used by one thread at a time (tiny_interrupt excepted).
 * A value (tiny_val) is eight bytes, passed by value. Every value that the API returns is pinned in the current
 * *scope*, so the collector leaves it alone until that scope ends: a native function is a scope, tiny_scope_open
 * makes a smaller one, and outside of natives the VM itself is one. tiny_ref keeps a value for longer.
 * Nothing here ever exits, prints, jumps over your frames or keeps state outside the VM.
 *
 * Errors. A function that fails leaves an exception pending in the VM and returns TINY_FAIL (or false, or -1).
 * TINY_FAIL is absorbing: handed to another tiny_ function it comes out again with the first error untouched,
 * so a chain of calls needs one check at its end. tiny_take_error fetches and clears the pending exception.
 * Until then nothing runs: every function that may run script code, or reads more than the value itself, fails at once and the first error stays (tiny_raise and its kin replace it).
 * Any function that allocates may fail with MemoryError.
 *
 * Mistakes of the host end in an exception, too: values that are none (TINY_ABSENT, a TINY_FAIL whose error was taken), NULL for a text, text or names that are no UTF-8, numbers of arguments
 * without arguments, a tiny_ref that was freed, a native that fails without an exception. What nothing can see in time: another VM's values, values that were not kept, pointers that are NULL or
 * dangling where not said otherwise, a VM used by two threads at once, or freed in a native or hook. Build hosts with sanitizers.
 * Hooks (config) may call the API, but for the allocator; trace, destroy, await and on_cancel must not run script code or make objects. */
#ifndef TINY_H
#define TINY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TINY_VERSION_MAJOR 0
#define TINY_VERSION_MINOR 1
#define TINY_VERSION_PATCH 0
#define TINY_VERSION "0.1.0"

#if defined(__GNUC__)
#define TINY_CHECK __attribute__((warn_unused_result))
#define TINY_API __attribute__((visibility("default")))
#else
#define TINY_CHECK
#define TINY_API
#endif

/* ---------------------------------------------------------------- values */

typedef struct tiny_vm tiny_vm;
typedef struct tiny_val { uint64_t w; } tiny_val;     /* opaque: compare only with tiny_is */

#ifdef __cplusplus
#define TINY_WORD(word) (tiny_val{word})
#else
#define TINY_WORD(word) ((tiny_val){word})
#endif
#define TINY_FAIL TINY_WORD(0xF06u)                   /* an exception is pending */
#define TINY_NONE TINY_WORD(0x006u)
#define TINY_FALSE TINY_WORD(0x016u)
#define TINY_TRUE TINY_WORD(0x026u)
#define TINY_ABSENT TINY_WORD(0x036u)                 /* an optional argument that was not given. No value of a script: functions that take values refuse it */
#define TINY_NOT_IMPLEMENTED TINY_WORD(0x046u)        /* what a native "__add__", "__eq__"... returns for operands that it does not know: the other one is asked */

static inline bool tiny_failed(tiny_val v) { return v.w == 0xF06u; }
static inline bool tiny_is(tiny_val a, tiny_val b) { return a.w == b.w; }   /* Python's `is` */
static inline bool tiny_is_none(tiny_val v) { return v.w == 0x006u; }
static inline bool tiny_is_absent(tiny_val v) { return v.w == 0x036u; }

/* ---------------------------------------------------------------- config, create, free */

/* The host's allocator: ptr NULL: allocate; new_size 0: free; else resize. NULL means no memory. */
typedef void *(*tiny_alloc_fn)(void *user, void *ptr, size_t old_size, size_t new_size);
/* Text that a script writes; stream is 1 (stdout) or 2 (stderr). Returns false if it could not be written: the script gets an OSError of errno.
   text NULL: everything written so far is to be flushed. */
typedef bool (*tiny_write_fn)(void *user, int stream, const char *text, size_t len);
/* Bytes for sys.stdin: up to len of them into buf; returns how many, 0 at the end, -1 on failure. May block. */
typedef long (*tiny_read_fn)(void *user, char *buf, size_t len);
/* Source of an imported module by its dotted name; the host keeps *text and *path valid until the hook is called again.
   Returns false if there is no such module. *path is what tracebacks and __file__ show.
   A folder of modules without source of its own (a namespace package, PEP 420): *text NULL, *is_package true, *path the folder. */
typedef bool (*tiny_find_source_fn)(void *user, const char *dotted_name, const char **text, size_t *len, const char **path, bool *is_package);

/* Signals for scripts (module signal): what the process does with one. TINY_SIGNAL_DELIVER: it calls tiny_signal, TINY_SIGNAL_INTERRUPT (of SIGINT, as at first): tiny_interrupt;
 * a signal handler may. false: errno says why. */
typedef enum { TINY_SIGNAL_DEFAULT, TINY_SIGNAL_IGNORE, TINY_SIGNAL_DELIVER, TINY_SIGNAL_INTERRUPT } tiny_signal_action;
typedef bool (*tiny_signal_fn)(void *user, int number, tiny_signal_action action);

typedef struct tiny_config {
  size_t size;                   /* set by TINY_CONFIG_INIT: old binaries keep working */
  tiny_alloc_fn alloc;           /* NULL: malloc */
  void *alloc_user;
  size_t memory_limit;           /* bytes; 0: none */
  uint32_t recursion_limit;      /* frames of script code; default 1000 */
  size_t c_stack_limit;          /* bytes of C stack that nested native calls may take; default 128 KiB */
  const char *modules;           /* space-separated list of the library modules that scripts may import; "*": all; NULL: none (builtins are always there). Listed ones get what they need of the
                                    library, which scripts cannot import; but what reaches out of the VM needs its word: os, io_file (open), socket, select, signal, asyncio */
  tiny_write_fn write;           /* NULL: output of scripts is dropped */
  tiny_find_source_fn find_source; /* NULL: no modules from source */
  void *user;                    /* handed to the hooks; tiny_user(vm) gives it back */
  uint64_t hash_seed;            /* seed of str and bytes hashes; 0: from the system's entropy */
  int argc;                      /* sys.argv */
  const char *const *argv;       /* has to live as long as the VM, and so have the other pointers here */
  tiny_read_fn read;             /* NULL: sys.stdin is at its end */
  const char *executable;        /* sys.executable; may be NULL */
  int optimize;                  /* 1: assert statements are left out and __debug__ is False; 2: docstrings too (python3 -O, -OO) */
  void (*trim)(void *alloc_user); /* called when much went back to the allocator, which may give it to the system (malloc_trim of glibc); runs no script code. NULL: nothing */
  tiny_signal_fn signal;         /* NULL: functions of scripts cannot handle signals */
  unsigned terminals;            /* which of sys.stdin, stdout, stderr are a terminal (their isatty()): bits 1, 2, 4 */
  const char *stream_errors;     /* error handler of sys.stdin and sys.stdout, which has to be known ("surrogateescape"); NULL: "strict" */
} tiny_config;

#define TINY_CONFIG_INIT {sizeof(tiny_config), 0, 0, 0, 1000, 128u << 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

TINY_API TINY_CHECK tiny_vm *tiny_new(const tiny_config *config);   /* NULL: out of memory. config may be NULL */
TINY_API void tiny_free(tiny_vm *vm);                               /* NULL is fine. No script code runs, and nothing is waited for. Not in a native or hook */
TINY_API void *tiny_user(tiny_vm *vm);
TINY_API const char *tiny_version(void);

/* ---------------------------------------------------------------- compile and run */

typedef enum { TINY_OK = 0, TINY_ERROR = 1, TINY_PAUSED = 2, TINY_LIMIT = 3 } tiny_status;
/* TINY_ERROR: an exception is pending. TINY_LIMIT: a limit of the host ended the script; the pending error names it; no handler of the script ran. */

TINY_API TINY_CHECK tiny_val tiny_compile(tiny_vm *vm, const char *source, size_t len, const char *filename); /* -> code object; TINY_FAIL: SyntaxError */
TINY_API TINY_CHECK tiny_status tiny_run(tiny_vm *vm, tiny_val code);      /* runs a code object in __main__ */
TINY_API TINY_CHECK tiny_status tiny_resume(tiny_vm *vm);                  /* continues after TINY_PAUSED; outside of any call */
TINY_API TINY_CHECK bool tiny_pause(tiny_vm *vm);                          /* for natives: when this one has returned, before the script goes on, tiny_run or tiny_resume gives TINY_PAUSED. RuntimeError: see tiny_pausable */
TINY_API bool tiny_pausable(tiny_vm *vm);                                  /* can the script that runs now pause? Not below tiny_call and other functions of the host's, nor in an __eq__ that a lookup calls */
TINY_API TINY_CHECK tiny_status tiny_run_source(tiny_vm *vm, const char *source, size_t len, const char *filename); /* both; __main__ */
TINY_API TINY_CHECK tiny_val tiny_eval(tiny_vm *vm, const char *expression); /* value of an expression in __main__ */
/* One piece typed at a prompt: prints the value of an expression statement through sys.displayhook and sets _ . *incomplete: give more lines. */
TINY_API TINY_CHECK tiny_status tiny_run_interactive(tiny_vm *vm, const char *source, size_t len, const char *filename, bool *incomplete);
/* A function without parameters that runs the source in __main__, where `await`, `async for` and `async with` may stand outside of functions: if there is one, a call
   returns a coroutine, for tiny_loop_spawn; else None, when all has run. incomplete not NULL: the source is a piece typed at a prompt, as above. */
TINY_API TINY_CHECK tiny_val tiny_compile_async(tiny_vm *vm, const char *source, size_t len, const char *filename, bool *incomplete);
TINY_API TINY_CHECK tiny_val tiny_import(tiny_vm *vm, const char *dotted_name);
TINY_API TINY_CHECK tiny_val tiny_main_module(tiny_vm *vm);

/* ---------------------------------------------------------------- calling and attributes */

TINY_API TINY_CHECK tiny_val tiny_call(tiny_vm *vm, tiny_val callable, int argc, const tiny_val *argv);
/* The last n_kw of argv are keyword arguments named by kw_names. */
TINY_API TINY_CHECK tiny_val tiny_call_kw(tiny_vm *vm, tiny_val callable, int argc, const tiny_val *argv, int n_kw, const char *const *kw_names);
TINY_API TINY_CHECK tiny_val tiny_call_method(tiny_vm *vm, tiny_val object, const char *name, int argc, const tiny_val *argv);
TINY_API TINY_CHECK tiny_val tiny_getattr(tiny_vm *vm, tiny_val object, const char *name);
TINY_API TINY_CHECK bool tiny_setattr(tiny_vm *vm, tiny_val object, const char *name, tiny_val value);
TINY_API bool tiny_hasattr(tiny_vm *vm, tiny_val object, const char *name);  /* clears AttributeError; false also on other errors, which stay pending */
TINY_API TINY_CHECK tiny_val tiny_getitem(tiny_vm *vm, tiny_val object, tiny_val key);
TINY_API TINY_CHECK bool tiny_setitem(tiny_vm *vm, tiny_val object, tiny_val key, tiny_val value);
TINY_API TINY_CHECK bool tiny_delitem(tiny_vm *vm, tiny_val object, tiny_val key);
TINY_API TINY_CHECK int tiny_truth(tiny_vm *vm, tiny_val v);                 /* 1, 0, -1 */
TINY_API TINY_CHECK int tiny_equal(tiny_vm *vm, tiny_val a, tiny_val b);     /* 1, 0, -1 */
TINY_API TINY_CHECK int tiny_less(tiny_vm *vm, tiny_val a, tiny_val b);      /* 1, 0, -1 */
TINY_API TINY_CHECK int64_t tiny_len(tiny_vm *vm, tiny_val v);               /* -1: failed */
TINY_API TINY_CHECK tiny_val tiny_repr(tiny_vm *vm, tiny_val v);             /* -> str */
TINY_API TINY_CHECK tiny_val tiny_str(tiny_vm *vm, tiny_val v);              /* -> str */
TINY_API TINY_CHECK tiny_val tiny_iter(tiny_vm *vm, tiny_val v);
TINY_API TINY_CHECK int tiny_next(tiny_vm *vm, tiny_val iterator, tiny_val *item); /* 1: item, 0: exhausted, -1: failed */
TINY_API TINY_CHECK int tiny_isinstance(tiny_vm *vm, tiny_val v, tiny_val cls);
typedef enum { TINY_ADD, TINY_SUB, TINY_MUL, TINY_TRUEDIV, TINY_FLOORDIV, TINY_MOD, TINY_POW, TINY_MATMUL, TINY_AND, TINY_OR, TINY_XOR, TINY_LSHIFT, TINY_RSHIFT } tiny_binary_op;
TINY_API TINY_CHECK tiny_val tiny_binary(tiny_vm *vm, tiny_binary_op op, tiny_val a, tiny_val b);

/* ---------------------------------------------------------------- making values */

TINY_API TINY_CHECK tiny_val tiny_int(tiny_vm *vm, int64_t i);
TINY_API TINY_CHECK tiny_val tiny_uint(tiny_vm *vm, uint64_t i);
TINY_API TINY_CHECK tiny_val tiny_float(tiny_vm *vm, double d);
static inline tiny_val tiny_bool(bool b) { return b ? TINY_TRUE : TINY_FALSE; }
TINY_API TINY_CHECK tiny_val tiny_string(tiny_vm *vm, const char *utf8);                  /* NUL-terminated; invalid UTF-8: UnicodeDecodeError */
TINY_API TINY_CHECK tiny_val tiny_string_n(tiny_vm *vm, const char *utf8, size_t len);
TINY_API TINY_CHECK tiny_val tiny_format(tiny_vm *vm, const char *fmt, ...);              /* %s %d %i %u %ld %lld %zu %zd %c %x %p %g(shortest) %R(tiny_val repr) %S(tiny_val str) %T(tiny_val: type name) %% */
TINY_API TINY_CHECK tiny_val tiny_bytes(tiny_vm *vm, const void *data, size_t len);       /* data NULL: zeros, to be filled through tiny_bytes_data before anyone sees it */
TINY_API TINY_CHECK tiny_val tiny_bytes_room(tiny_vm *vm, size_t len);                    /* its content is undefined: to be filled through tiny_bytes_data before anyone sees it */
TINY_API TINY_CHECK tiny_val tiny_bytes_cut(tiny_vm *vm, tiny_val bytes, size_t len);     /* one just made that needed less: to be used instead of it */
TINY_API TINY_CHECK tiny_val tiny_tuple(tiny_vm *vm, int n, const tiny_val *items);
TINY_API TINY_CHECK tiny_val tiny_list(tiny_vm *vm, int n, const tiny_val *items);
TINY_API TINY_CHECK tiny_val tiny_dict(tiny_vm *vm);
TINY_API TINY_CHECK tiny_val tiny_set(tiny_vm *vm);
TINY_API TINY_CHECK tiny_val tiny_set_without(tiny_vm *vm, tiny_val set, int n, const tiny_val *items); /* a new set, of the others. Large sets are not copied: costs O(n), amortised */
TINY_API uint32_t tiny_set_stamp(tiny_vm *vm, tiny_val set);              /* another one for every set and after every change of its members; 0: no plain set */
TINY_API TINY_CHECK bool tiny_list_append(tiny_vm *vm, tiny_val list, tiny_val item);
TINY_API TINY_CHECK bool tiny_dict_set(tiny_vm *vm, tiny_val dict, const char *key, tiny_val value);
TINY_API TINY_CHECK tiny_val tiny_dict_get(tiny_vm *vm, tiny_val dict, const char *key);  /* TINY_ABSENT: no such key */
TINY_API TINY_CHECK bool tiny_set_add(tiny_vm *vm, tiny_val set, tiny_val item);

/* ---------------------------------------------------------------- reading values */

typedef enum { TINY_T_NONE, TINY_T_BOOL, TINY_T_INT, TINY_T_FLOAT, TINY_T_STR, TINY_T_BYTES, TINY_T_TUPLE, TINY_T_LIST, TINY_T_DICT, TINY_T_SET, TINY_T_FUNCTION,
  TINY_T_GENERATOR, TINY_T_COROUTINE, TINY_T_TYPE, TINY_T_MODULE, TINY_T_NATIVE, TINY_T_OTHER } tiny_kind;
TINY_API tiny_kind tiny_kind_of(tiny_vm *vm, tiny_val v);                                 /* subclasses count as their builtin base */
TINY_API tiny_val tiny_type(tiny_vm *vm, tiny_val v);                                     /* type(v): the class object */
TINY_API bool tiny_callable(tiny_vm *vm, tiny_val v);
TINY_API const char *tiny_type_name(tiny_vm *vm, tiny_val v);                             /* lives as long as the value's class */
TINY_API TINY_CHECK bool tiny_to_int(tiny_vm *vm, tiny_val v, int64_t *out);              /* accepts __index__; TypeError, OverflowError */
TINY_API TINY_CHECK bool tiny_to_float(tiny_vm *vm, tiny_val v, double *out);             /* accepts int, __float__, __index__ */
TINY_API TINY_CHECK const char *tiny_to_str(tiny_vm *vm, tiny_val v, size_t *len);        /* UTF-8, NUL-terminated; valid while v is pinned; NULL: TypeError. len may be NULL */
TINY_API TINY_CHECK const void *tiny_to_bytes(tiny_vm *vm, tiny_val v, size_t *len);      /* bytes, bytearray; valid until it is resized */
TINY_API void *tiny_bytes_data(tiny_vm *vm, tiny_val bytes);                              /* writable view of a bytes just made by tiny_bytes(vm, NULL, n) */
TINY_API size_t tiny_str_offset(tiny_vm *vm, tiny_val str, size_t index);                 /* byte offset in the UTF-8 text of code point number index (clamped); O(1) amortised */
TINY_API size_t tiny_str_index(tiny_vm *vm, tiny_val str, size_t offset);                 /* the other way round: code points before a byte offset */
TINY_API TINY_CHECK tiny_val tiny_str_slice(tiny_vm *vm, tiny_val str, size_t start, size_t end); /* by byte offsets, which must be boundaries of characters */
/* These three do not pin what they give: it lives as long as it stands in its container (tiny_pin keeps it). */
TINY_API int tiny_seq_len(tiny_val list_or_tuple);                                        /* -1: neither */
TINY_API tiny_val tiny_seq_item(tiny_val list_or_tuple, int i);                           /* no bounds error: TINY_ABSENT */
TINY_API bool tiny_dict_next(tiny_vm *vm, tiny_val dict, size_t *pos, tiny_val *key, tiny_val *value); /* start with *pos = 0; false at the end */

/* ---------------------------------------------------------------- native functions, classes, modules */

struct tiny_class;
typedef struct tiny_args tiny_args;                   /* the arguments of one call, already matched with the signature */
typedef tiny_val (*tiny_fn)(tiny_vm *vm, tiny_args *a);

/* One row registers a function: its Python signature as text says arity, names, defaults, *args, **kwargs and checks:
 *   "(x, /)"   "(u: Unit, dmg: int, *, force: bool = False) -> int"   "(*values, sep=' ', end='\n', file=None, flush=False)"
 * Defaults: None, True, False, integers, floats, 'strings', (). A parameter with the default `...` is TINY_ABSENT when not given.
 * Annotations int, float, str, bytes, bool, callable, list, tuple, dict or a native class's name are checked before fn runs (TypeError);
 * others are documentation. A row whose name is NULL ends a table. */
typedef struct tiny_def {
  const char *name;
  tiny_fn fn;
  const char *signature;
  const char *doc;
} tiny_def;

TINY_API int tiny_argc(const tiny_args *a);                       /* parameters of the signature, or for "(*args)" natives: 1 (a tuple) */
TINY_API tiny_val tiny_arg(const tiny_args *a, int i);            /* TINY_ABSENT where there is none */
TINY_API int64_t tiny_arg_int(const tiny_args *a, int i);         /* parameter annotated int; values beyond int64 raised before fn ran */
TINY_API double tiny_arg_float(const tiny_args *a, int i);        /* annotated float */
TINY_API bool tiny_arg_bool(const tiny_args *a, int i);           /* annotated bool */
TINY_API const char *tiny_arg_str(const tiny_args *a, int i, size_t *len); /* annotated str */
TINY_API void *tiny_arg_native(const tiny_args *a, int i, const struct tiny_class *cls);  /* annotated with the class's name; pointer to the instance's data */

TINY_API TINY_CHECK tiny_val tiny_function(tiny_vm *vm, const tiny_def *def, tiny_val bound); /* a callable; bound is given to fn through tiny_bound(a) */
TINY_API tiny_val tiny_bound(const tiny_args *a);                 /* what tiny_function was given; for module functions: the module */

/* A class whose instances carry data_size bytes of C data (zeroed). Methods get the instance as argument 0 ("(self, ...)"). */
typedef struct tiny_tracer tiny_tracer;
typedef struct tiny_class {
  const char *name;                                              /* "Unit", or "mygame.Unit" */
  size_t data_size;
  const tiny_def *methods;                                       /* "__init__", "__len__", "__getitem__", "__iter__", "__next__"... as in Python; "@name": property getter; "=name": its setter (self, value); "+name": classmethod (cls first); "!name": staticmethod (no self) */
  void (*trace)(tiny_tracer *t, void *data);                     /* tiny_trace every tiny_val kept in the data; NULL: none kept */
  void (*destroy)(tiny_vm *vm, void *data);                      /* free what data owns; must not call script code; NULL: nothing */
  const char *doc;
  unsigned flags;                                                /* TINY_CLASS_* */
  const struct tiny_class *base;                                 /* a native class to derive from (its data comes first), or NULL */
  /* Its instances may be awaited at the cost of a call of this function: it gives what the awaiting coroutine is to yield, or with *end
     what `await` gives; it is called again when the coroutine is resumed. NULL: __await__ of the methods, if there is one. Must not call script code. */
  tiny_val (*await)(tiny_vm *vm, tiny_val self, void *data, bool *end);
  void (*await_left)(tiny_vm *vm, tiny_val self, void *data); /* an exception is thrown into who awaits it. Must not call script code. May be NULL */
} tiny_class;
enum { TINY_CLASS_FINAL = 1 /* scripts cannot derive from it */, TINY_CLASS_NO_NEW = 2 /* scripts cannot make instances */, TINY_CLASS_DICT = 4 /* instances take attributes */,
  TINY_CLASS_WEAKREF = 8 /* weakref.ref(instance) works */ };

TINY_API TINY_CHECK tiny_val tiny_class_of(tiny_vm *vm, const tiny_class *cls);           /* the class object (one per VM) */
TINY_API TINY_CHECK tiny_val tiny_instance(tiny_vm *vm, const tiny_class *cls, void **data); /* a new instance; __init__ is not called */
TINY_API void *tiny_data(tiny_vm *vm, tiny_val instance, const tiny_class *cls);          /* NULL: not an instance (no exception) */
TINY_API tiny_val tiny_self(const tiny_class *cls, const void *data);                     /* the instance that data is of; cls: its native class itself, not a base */
TINY_API void tiny_trace(tiny_tracer *t, tiny_val v);
TINY_API void tiny_store(tiny_vm *vm, tiny_val owner_instance, tiny_val *slot, tiny_val v); /* the write barrier: every store of a value into instance data */

typedef struct tiny_module {
  const char *name;                                              /* dotted import name */
  const tiny_def *functions;
  bool (*init)(tiny_vm *vm, tiny_val module);                    /* adds constants and classes by tiny_setattr; runs at first import; may be NULL */
  const char *doc;
} tiny_module;
TINY_API TINY_CHECK bool tiny_add_module(tiny_vm *vm, const tiny_module *module);         /* now importable (host modules need no allow-list entry). module must outlive the VM */
TINY_API TINY_CHECK bool tiny_add_listed_module(tiny_vm *vm, const tiny_module *module);  /* the same for one that config.modules has to name, as those of the library */

/* libtiny-full: adds the modules of the library that need outside libraries (what asyncio and socket need of libuv; re; zlib). config.modules says which of them scripts can import. */
TINY_API TINY_CHECK bool tiny_open_full(tiny_vm *vm);

/* ---------------------------------------------------------------- errors */

typedef enum {
#define TINY_EXC(id, name) TINY_##id,
  TINY_EXC(NO_ERROR, "") TINY_EXC(BASE_EXCEPTION, "BaseException") TINY_EXC(EXCEPTION, "Exception") TINY_EXC(TYPE_ERROR, "TypeError")
  TINY_EXC(VALUE_ERROR, "ValueError") TINY_EXC(INDEX_ERROR, "IndexError") TINY_EXC(KEY_ERROR, "KeyError") TINY_EXC(ATTRIBUTE_ERROR, "AttributeError")
  TINY_EXC(NAME_ERROR, "NameError") TINY_EXC(RUNTIME_ERROR, "RuntimeError") TINY_EXC(RECURSION_ERROR, "RecursionError") TINY_EXC(MEMORY_ERROR, "MemoryError")
  TINY_EXC(OVERFLOW_ERROR, "OverflowError") TINY_EXC(ZERO_DIVISION_ERROR, "ZeroDivisionError") TINY_EXC(STOP_ITERATION, "StopIteration")
  TINY_EXC(STOP_ASYNC_ITERATION, "StopAsyncIteration") TINY_EXC(OS_ERROR, "OSError") TINY_EXC(IMPORT_ERROR, "ImportError")
  TINY_EXC(MODULE_NOT_FOUND_ERROR, "ModuleNotFoundError") TINY_EXC(NOT_IMPLEMENTED_ERROR, "NotImplementedError") TINY_EXC(EOF_ERROR, "EOFError")
  TINY_EXC(TIMEOUT_ERROR, "TimeoutError") TINY_EXC(SYSTEM_EXIT, "SystemExit") TINY_EXC(KEYBOARD_INTERRUPT, "KeyboardInterrupt")
  TINY_EXC(GENERATOR_EXIT, "GeneratorExit") TINY_EXC(UNICODE_ERROR, "UnicodeError") TINY_EXC(SYNTAX_ERROR, "SyntaxError")
  TINY_EXC(ASSERTION_ERROR, "AssertionError") TINY_EXC(LOOKUP_ERROR, "LookupError") TINY_EXC(ARITHMETIC_ERROR, "ArithmeticError")
  TINY_EXC(BUFFER_ERROR, "BufferError") TINY_EXC(CONNECTION_ERROR, "ConnectionError")
#undef TINY_EXC
  TINY_EXC_COUNT
} tiny_exc;

TINY_API tiny_val tiny_raise(tiny_vm *vm, tiny_exc type, const char *fmt, ...);           /* returns TINY_FAIL. fmt as tiny_format */
TINY_API tiny_val tiny_raise_value(tiny_vm *vm, tiny_val exception);                      /* an exception instance or class; returns TINY_FAIL */
TINY_API tiny_val tiny_raise_os(tiny_vm *vm, int err, const char *path);                  /* OSError of its right subclass; path may be NULL; returns TINY_FAIL */
TINY_API bool tiny_pending(tiny_vm *vm);
TINY_API bool tiny_pending_is(tiny_vm *vm, tiny_exc type);                                /* isinstance of the pending exception */
TINY_API tiny_val tiny_take_exception(tiny_vm *vm);                                       /* the pending exception object, cleared; TINY_NONE: nothing pending */
TINY_API void tiny_clear_error(tiny_vm *vm);
TINY_API tiny_val tiny_exc_class(tiny_vm *vm, tiny_exc type);                             /* the class object */

typedef struct tiny_frame_info { const char *file; const char *name; int line, column, end_line, end_column; } tiny_frame_info; /* columns from 0 in code points; -1: unknown */
typedef struct tiny_error {
  const char *type;              /* "ValueError" */
  const char *message;           /* str() of the exception */
  const char *text;              /* the whole traceback as python3 prints it, newline-terminated */
  int depth;
  const tiny_frame_info *frame;  /* depth of them, outermost first */
  bool is_exit; int exit_status; /* SystemExit and what it asks for */
  tiny_val exception;            /* pinned until the next tiny_take_error or scope end */
  const char *limit;             /* "memory", "steps", "deadline", "interrupt" when a limit of the host ended the script, else NULL */
} tiny_error;
/* Fetches and clears the pending exception. The pointers live until the next tiny_take_error or tiny_free. False: nothing was pending. */
TINY_API bool tiny_take_error(tiny_vm *vm, tiny_error *out);

/* ---------------------------------------------------------------- generators and coroutines from C */

typedef enum { TINY_YIELDED, TINY_RETURNED, TINY_RAISED } tiny_outcome;
TINY_API TINY_CHECK tiny_outcome tiny_send(tiny_vm *vm, tiny_val generator, tiny_val value, tiny_val *result);      /* value TINY_NONE at the start */
TINY_API TINY_CHECK tiny_outcome tiny_throw(tiny_vm *vm, tiny_val generator, tiny_val exception, tiny_val *result);
TINY_API TINY_CHECK bool tiny_mark_coroutine(tiny_vm *vm, tiny_val function); /* a generator function whose generators may be awaited (types.coroutine); TypeError */
TINY_API TINY_CHECK bool tiny_coroutine_function(tiny_vm *vm, tiny_val function); /* a generator function becomes a coroutine function: its `yield` gives a value to whoever drives the coroutine, `yield from` awaits; TypeError */
TINY_API tiny_val tiny_awaited(tiny_vm *vm, tiny_val generator);               /* what a suspended generator, coroutine, or await of an asynchronous generator's item waits for; TINY_NONE: nothing, or no such object */
TINY_API TINY_CHECK bool tiny_close(tiny_vm *vm, tiny_val generator);

/* Continuations: a native that has to call script code and go on afterwards, without a C frame in between (so that the script
 * stays pausable and recursion costs no C stack). The native *returns* tiny_then_call(...): the VM makes the call, then runs
 * then(vm, state, how, result), whose own return value (again possibly a tiny_then_*) is the native's result. how is TINY_RETURNED or
 * TINY_RAISED (result: the exception object, no longer pending: raise it again by tiny_raise_value or handle it); for tiny_then_send also TINY_YIELDED. */
typedef tiny_val (*tiny_then_fn)(tiny_vm *vm, tiny_val state, tiny_outcome how, tiny_val result);
TINY_API tiny_val tiny_then_call(tiny_vm *vm, tiny_then_fn then, tiny_val state, tiny_val callable, int argc, const tiny_val *argv);
TINY_API tiny_val tiny_then_send(tiny_vm *vm, tiny_then_fn then, tiny_val state, tiny_val generator, tiny_val value);
TINY_API tiny_val tiny_then_throw(tiny_vm *vm, tiny_then_fn then, tiny_val state, tiny_val generator, tiny_val exception);
/* Like tiny_then_call without anything to do afterwards: the callee's result is the native's result. */
TINY_API tiny_val tiny_tail_call(tiny_vm *vm, tiny_val callable, int argc, const tiny_val *argv);

/* ---------------------------------------------------------------- limits */

typedef enum { TINY_KILL = 0, TINY_PAUSE = 1 } tiny_on_fuel;
TINY_API void tiny_set_fuel(tiny_vm *vm, uint64_t steps, tiny_on_fuel what);   /* steps: loop turns, calls, resumes; builtins charge for long work. UINT64_MAX: unlimited */
TINY_API void tiny_add_fuel(tiny_vm *vm, uint64_t steps);
TINY_API void tiny_set_deadline_ms(tiny_vm *vm, int64_t ms_from_now);          /* -1: none */
TINY_API void tiny_interrupt(tiny_vm *vm);                                     /* any thread, signal handlers too: KeyboardInterrupt at the next safe point */
TINY_API void tiny_signal(tiny_vm *vm, int number);                             /* any thread, signal handlers too: the script's handler of 1 to 64 runs at the next safe point */
TINY_API TINY_CHECK bool tiny_on_signal(tiny_vm *vm, tiny_val function);        /* what such a safe point calls with the number (module signal) */
TINY_API bool tiny_has_signals(const tiny_vm *vm);                              /* has the host given the hook? */
TINY_API TINY_CHECK bool tiny_set_signal(tiny_vm *vm, int number, tiny_signal_action action); /* calls it; false: errno */
TINY_API bool tiny_charge(tiny_vm *vm, uint64_t work);                         /* natives with long loops: false = a limit struck, return TINY_FAIL */
TINY_API int64_t tiny_deadline_ms(tiny_vm *vm);                                /* time left; -1: no deadline */
TINY_API void tiny_set_wake_fd(tiny_vm *vm, int fd);                           /* natives that wait: tiny_interrupt writes a byte into it; -1: none */
TINY_API TINY_CHECK bool tiny_poll(tiny_vm *vm);                                /* natives that wait call it every few ms: false = interrupt or deadline, return TINY_FAIL */
TINY_API TINY_CHECK bool tiny_poll_signals(tiny_vm *vm);                        /* the same, and runs the script's handlers of signals: may run script code */
TINY_API uint32_t tiny_limits_struck(tiny_vm *vm);                             /* how often steps or a deadline have ended all that ran: for modules that keep note of what runs */
TINY_API void tiny_finish(tiny_vm *vm);                                                  /* end of a program, as python3 has it: closes suspended generators, runs __del__. tiny_free runs no script code */
TINY_API size_t tiny_memory_used(tiny_vm *vm);
TINY_API size_t tiny_memory_peak(tiny_vm *vm);
TINY_API void tiny_set_memory_limit(tiny_vm *vm, size_t bytes);
TINY_API uint64_t tiny_collections(tiny_vm *vm);                               /* how many there were; quick, which tiny_get_gc_stats is not: that counts objects */
TINY_API void tiny_collect_young(tiny_vm *vm);                                 /* a collection of what was made since the last one; quick */
TINY_API void tiny_collect(tiny_vm *vm);                                       /* a full collection now; call it outside of natives */
TINY_API void tiny_trim(tiny_vm *vm);                                          /* the same, and what is free goes back to the host's allocator, which is told to trim */
TINY_API int tiny_trim_pays(tiny_vm *vm);                                      /* by what was put to use since the last one: 0 no, 1 if there is nothing to do for a second, 2 for a moment */
TINY_API void tiny_let_go(tiny_vm *vm, size_t bytes);                          /* a hint: about so many bytes have just lost their use (a connection ended); brings the next full collection nearer */
TINY_API void *tiny_alloc(tiny_vm *vm, void *ptr, size_t old_size, size_t new_size); /* the VM's counted allocator, for natives; NULL: no memory (no exception is set) */
TINY_API tiny_val tiny_no_memory(tiny_vm *vm);                                 /* raises MemoryError, returns TINY_FAIL */
TINY_API bool tiny_write(tiny_vm *vm, int stream, const char *text, size_t len); /* what print uses: the host's write hook */

TINY_API long tiny_read(tiny_vm *vm, char *buf, size_t len);                     /* the host's read hook: bytes, 0 at the end, -1 */

/* ---------------------------------------------------------------- the event loop */

/* The host owns the main loop; asyncio's (the one that asyncio.get_event_loop() gives in the script) runs inside it, and never blocks there:
 *
 *   struct pollfd p[] = {{tiny_loop_fd(vm), POLLIN, 0}, {my_fd, POLLIN, 0}};
 *   for (;;) {
 *     poll(p, 2, tiny_loop_timeout_ms(vm));
 *     if (p[1].revents) my_work();
 *     if (tiny_loop_tick(vm, 2000) == TINY_LOOP_FAILED) my_report(vm);      // tiny_take_error
 *   }
 *
 * A script's coroutine starts by tiny_loop_spawn, or by loop.create_task() in the script. Sockets, processes and signals need tiny_open_full.
 * While an exception is pending, a tick fails at once. A limit that strikes in a tick ends the task that ran; the others go on with the next tick. */
typedef enum {
  TINY_LOOP_DONE,      /* no task can go on, no timer runs, nothing outside is awaited */
  TINY_LOOP_WAITING,   /* call tick again when the descriptor is readable or the time has come */
  TINY_LOOP_BUSY,      /* the time given was over: there is more to do now */
  TINY_LOOP_FAILED     /* an exception is pending: of a spawned task that nobody else watched, or one that ends the loop. The loop can go on */
} tiny_loop_status;
TINY_API int tiny_loop_fd(tiny_vm *vm);                                         /* readable when something outside has happened or tiny_interrupt was called; -1: it could not be made */
TINY_API int tiny_loop_timeout_ms(tiny_vm *vm);                                 /* until the next timer, 0: there is something to do, -1: for ever. As poll(2) takes it */
TINY_API TINY_CHECK tiny_loop_status tiny_loop_tick(tiny_vm *vm, int64_t max_us); /* what is due, for about so long at most (-1: until nothing is ready); never waits. Fuel that is used up ends it, also with TINY_PAUSE */
TINY_API TINY_CHECK tiny_val tiny_loop_spawn(tiny_vm *vm, tiny_val coroutine);  /* -> asyncio.Task */

/* Natives that finish later: the native returns tiny_suspend(...) and hands the operation to whoever does the work.
 *
 *   static tiny_val fetch(tiny_vm *vm, tiny_args *a) {                  // script: page = await fetch(url), or page = fetch(url)
 *     tiny_op *op;
 *     tiny_val result = tiny_suspend(vm, &op, NULL, NULL);
 *     if (op) my_start(tiny_arg_str(a, 0, NULL), op);                   // later, on any thread: tiny_op_complete_str(op, text, n)
 *     return result;                                                    // at once: nothing of tiny comes in between
 *   }
 *
 * In a running event loop (asyncio.run's as well) the script gets a future and awaits it. Where none is running, in a script that tiny_run runs, it is paused in the call:
 * tiny_run gives TINY_PAUSED, and tiny_resume goes on with the result once the operation is completed; before, it gives TINY_PAUSED again.
 *
 *   tiny_status st = tiny_run(vm, code);
 *   while (st == TINY_PAUSED) {
 *     struct pollfd p = {tiny_loop_fd(vm), POLLIN, 0};
 *     if (tiny_waits(vm)) poll(&p, 1, -1);                              // with the host's own descriptors
 *     st = tiny_resume(vm);
 *   }
 *
 * Each operation is completed exactly once, by any thread, whatever happens: also when nobody waits any more, and after tiny_free. on_cancel (may be NULL) is called at most once
 * and on the VM's thread, when the future was cancelled, the paused script has ended without it, or the VM is being freed: it may hurry the completion up. It must not call script code. */
typedef struct tiny_op tiny_op;
TINY_API TINY_CHECK tiny_val tiny_suspend(tiny_vm *vm, tiny_op **op, void (*on_cancel)(void *user), void *user); /* TINY_FAIL (*op NULL): no loop is running and the script cannot pause here, or no memory */
TINY_API bool tiny_waits(tiny_vm *vm);                                          /* after TINY_PAUSED: for an operation that is not completed yet? */
TINY_API void tiny_op_complete_none(tiny_op *op);
TINY_API void tiny_op_complete_int(tiny_op *op, int64_t i);
TINY_API void tiny_op_complete_float(tiny_op *op, double d);
TINY_API void tiny_op_complete_str(tiny_op *op, const char *utf8, size_t len);          /* both copied; text that is no UTF-8: the script gets UnicodeDecodeError */
TINY_API void tiny_op_complete_bytes(tiny_op *op, const void *data, size_t len);
TINY_API void tiny_op_fail(tiny_op *op, tiny_exc type, const char *message);            /* the script gets this exception */

/* The clock of scripts stands still and jumps when they sleep: time.time(), time.monotonic(), time.sleep() and event loops made from now on. False: out of memory. */
TINY_API TINY_CHECK bool tiny_set_virtual_time(tiny_vm *vm);

/* ---------------------------------------------------------------- looking into the VM (what modules such as sys, gc, traceback show) */

TINY_API const tiny_config *tiny_config_of(tiny_vm *vm);
TINY_API tiny_val tiny_modules(tiny_vm *vm);                                   /* the dict of imported modules */
TINY_API tiny_val tiny_handled_exception(tiny_vm *vm);                         /* what an except clause is handling now; TINY_NONE */
TINY_API TINY_CHECK tiny_val tiny_traceback_text(tiny_vm *vm, tiny_val exception); /* str, as python3 prints it */
TINY_API TINY_CHECK tiny_val tiny_frame(tiny_vm *vm, int depth);               /* frame object of the running script; TINY_NONE: not so deep */
TINY_API TINY_CHECK tiny_val tiny_intern(tiny_vm *vm, tiny_val str);
TINY_API size_t tiny_size_of(tiny_vm *vm, tiny_val v);                         /* bytes of the object itself */
TINY_API uint32_t tiny_recursion_limit(tiny_vm *vm);
TINY_API void tiny_set_recursion_limit(tiny_vm *vm, uint32_t frames);
TINY_API uint64_t tiny_int_max_str_digits(tiny_vm *vm);
TINY_API void tiny_set_int_max_str_digits(tiny_vm *vm, uint64_t digits);
TINY_API uint32_t *tiny_origin_depth(tiny_vm *vm);                                        /* sys.set_coroutine_origin_tracking_depth: frames noted in cr_origin */
TINY_API void tiny_print_unraisable(tiny_vm *vm, tiny_val exception, const char *what, tiny_val object); /* to stderr; what NULL: "Exception ignored in" */
TINY_API void tiny_asyncgen_hooks(tiny_vm *vm, tiny_val *firstiter, tiny_val *finalizer);      /* PEP 525; TINY_NONE: none */
TINY_API void tiny_set_asyncgen_hooks(tiny_vm *vm, tiny_val firstiter, tiny_val finalizer);    /* TINY_ABSENT: unchanged */
TINY_API TINY_CHECK tiny_val tiny_gc_objects(tiny_vm *vm);                     /* list of the containers and instances alive */
typedef struct tiny_gc_stats { uint64_t collections, freed; size_t live_bytes, objects; } tiny_gc_stats;
TINY_API void tiny_get_gc_stats(tiny_vm *vm, tiny_gc_stats *out);
TINY_API TINY_CHECK tiny_val tiny_library_function(tiny_vm *vm, const char *name); /* a helper of the library that is written in tiny (stdlib/frozen) */

/* ---------------------------------------------------------------- scopes and references */

typedef struct tiny_scope { size_t mark; } tiny_scope;
TINY_API tiny_scope tiny_scope_open(tiny_vm *vm);
TINY_API void tiny_scope_close(tiny_vm *vm, tiny_scope s);                     /* unpins everything pinned since open. May be called again with the same s: after each turn of a loop */
TINY_API tiny_val tiny_scope_close_keep(tiny_vm *vm, tiny_scope s, tiny_val keep); /* ... but keep, pinned in the outer scope */
TINY_API tiny_val tiny_pin(tiny_vm *vm, tiny_val v);                           /* pin by hand; returns v */

typedef struct tiny_ref { uint32_t slot, use; } tiny_ref;                      /* slot 0 ({0}): none */
TINY_API TINY_CHECK bool tiny_ref_new(tiny_vm *vm, tiny_val v, tiny_ref *out);  /* *out is none after a failure */
TINY_API tiny_val tiny_ref_get(tiny_vm *vm, tiny_ref r);                       /* None for none; TINY_FAIL (RuntimeError) for one that was freed */
TINY_API void tiny_ref_free(tiny_vm *vm, tiny_ref *r);                         /* *r is none afterwards. None, and a copy of one that was freed, are passed over */

/* ---------------------------------------------------------------- per-VM data of native modules */

/* One pointer-sized slot per key (the address of any constant of yours), zero at first; destroy (may be NULL) runs in tiny_free before memory goes. */
TINY_API TINY_CHECK void *tiny_module_data(tiny_vm *vm, const void *key, size_t size, void (*trace)(tiny_tracer *t, void *data), void (*destroy)(tiny_vm *vm, void *data));

#ifdef __cplusplus
}
#endif
#endif
