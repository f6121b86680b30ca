/* struct tiny_vm: everything one interpreter owns. */
#ifndef TINY_VM_VM_H
#define TINY_VM_VM_H
#include "vm/native.h"
#include "vm/frame.h"
#include "vm/runtime.h"
#include "vm/objects/module.h"
#include "vm/objects/exception.h"
#include "vm/objects/generator.h"

typedef struct StackChunk { struct StackChunk *prev, *next; size_t size; Value *end; Value start[]; } StackChunk; /* the VM stack, see frame.c */
/* Temporaries: chunks as well, so that pointers from rt_temp stay good. Giving back is `vm->n_temps = mark`. */
typedef struct TempChunk { struct TempChunk *prev, *next; size_t base; /* number of its first slot */ size_t cap; Value v[]; } TempChunk;

/* How source text becomes code: installed by tiny.c, so that the VM links without the compiler. mode as compile(): 'e' exec, 'v' eval, 's' single; flags: COMPILE_*. */
enum { COMPILE_NAMESPACE = 1 /* exec/eval with a mapping of its own: names by GETNAME */, COMPILE_HIDDEN = 2 /* frozen library */, COMPILE_HIDDEN_FUNCTIONS = 4 /* a module that CPython has in C */, COMPILE_TREE = 8 /* what ast makes a tree of (parser/compile_tree.c), not code */,
  COMPILE_AWAIT = 16, /* `await` may stand outside of functions: code that has one is a coroutine's */
  COMPILE_TEXT = 128, /* the source is text: UTF-8, whatever a coding line in it says */
  COMPILE_ANNOTATIONS = 64, /* as after `from __future__ import annotations` */
  COMPILE_PARTIAL = 32 /* a text that only lacks more lines is told from a wrong one: SyntaxError `incomplete input` */ };
TINY_MUST_CHECK bool vm_need_sys(VM *vm); /* sys_dict is there, if scripts may have sys. False: an exception is pending */
typedef Value (*CompileHook)(VM *vm, const char *src, size_t len, const char *filename, char mode, unsigned flags, bool *incomplete);

typedef enum { LIMIT_NONE, LIMIT_STEPS, LIMIT_DEADLINE, LIMIT_MEMORY, LIMIT_HOST } LimitKind;
typedef struct TailCall { Value callable; Value *argv; int argc; size_t cap; Value kwnames; tiny_then_fn then; Value state; uint8_t mode; /* TAIL_* */ uint8_t resume_mode; Value gen, sent /* TAIL_THEN_SEND, TAIL_THEN_THROW */; } TailCall; /* argv[-1] is writable */
enum { TAIL_CALL, TAIL_RESUME /* gen, mode in resume_mode, value argv[0] */, TAIL_THEN_CALL, TAIL_THEN_SEND, TAIL_THEN_THROW };
typedef struct WeakRefs WeakRefs;
/* A function of the frozen library by the address of the C string that names it: what is called often is found without looking at all its letters. */
typedef struct FrozenMemo { const char *asked, *name; Value fn; } FrozenMemo;
enum { FROZEN_MEMOS = 32 };
enum { SPARE_GENS = 32 };
typedef struct NativeModule { const struct tiny_module *module; bool listed; } NativeModule;   /* listed: it needs an entry in the allow-list */
typedef struct Ref { Value v; uint32_t use, next; } Ref;
typedef struct NativeClassMemo { const struct tiny_class *def; Obj *cls; } NativeClassMemo;
enum { NATIVE_CLASS_MEMOS = 16 };

struct tiny_vm {
  /* hot */
  volatile int32_t fuel;       /* steps until the next look at the slow budget; anyone may set it to 0 to be called at the next safe point */
  uint32_t recursion_limit;
  Frame *frame;                /* running frame (set before anything that may need it) */
  Value *top;                  /* first free slot of the VM stack */
  Value *stack_end;            /* end of the current chunk */
  Value exc;                   /* pending exception, V_ABSENT: none */
  Value passing;               /* exception that a native continuation is being told of: raising it again is no new raise. V_ABSENT: none */
  Value handled;               /* exception being handled (sys.exc_info), V_NONE: none */
  uint32_t gen_epoch;          /* validity of cached leaves */
  struct Gen *spare_gens[SPARE_GENS]; /* ended coroutines that nobody has seen, by number of registers, for the next await of a call; none outlives a collection */
  uint32_t dict_version;       /* last keys_version given out */
  Mem mem;
  Heap *heap;
  struct Export *exports;             /* of bytearrays and arrays that memoryviews look at: objects/buffer_exports.c */
  size_t n_exports, cap_exports;
  const void *resized;                /* the one whose size is to change */
  uint32_t idle_probes, unprobed;
  bool view_in_use;
  struct FrameEntry *frame_objects;   /* of live frames: see objects/frame_object.c */
  size_t n_frame_objects, cap_frame_objects;
  StackChunk *chunk;
  /* budget */
  uint64_t fuel_left;          /* steps beyond the ones in `fuel`; UINT64_MAX: unlimited */
  int fuel_what;               /* tiny_on_fuel */
  int64_t deadline_ns;         /* monotonic; 0: none */
  _Atomic int interrupt;       /* tiny_interrupt; this and the next two are the fields that other threads and signal handlers use */
  _Atomic uint64_t signals;    /* tiny_signal: bit n-1 is signal n, not yet handled */
  Value on_signal;             /* called with the number; absent: nobody */
  _Atomic int wake;            /* a descriptor + 1 that tiny_interrupt writes into; 0: none */
  LimitKind limit_hit;         /* an uncatchable end is on its way */
  uint32_t limits_struck;      /* how many of those there were */
  int c_depth;                 /* nested runs of the dispatch loop */
  const char *c_stack_base;    /* address in the outermost C frame */
  size_t c_stack_limit;
  bool prompt_annotations;     /* the prompt has seen `from __future__ import annotations` */
  bool paused;                 /* vm->frame waits for tiny_resume */
  Value paused_handled;        /* its `handled` */
  bool pause_asked;            /* tiny_pause: at the next safe point */
  bool pausable;               /* tiny_run is below: running out of fuel may pause */
  bool reraise;                /* the exception about to be raised keeps its traceback: no entry for this frame again */
  /* temporaries: handles of natives and of the API */
  TempChunk *temp_chunk;       /* the newest chunk */
  size_t n_temps;
  Ref *refs;                   /* tiny_ref slots */
  uint32_t n_refs, cap_refs, free_ref;
  TailCall tail;
  /* names, strings, types */
  Str *names[NAME_COUNT];
  struct InternTable *interned;
  Str **str_owners;           /* the few strings that own memory besides their cell, held weakly (str.c) */
  size_t n_str_owners, cap_str_owners;
  Str *ascii_chars[128];
  Str *empty_str;
  Tuple *empty_tuple;
  Value empty_frozenset, empty_bytes;
  uint64_t hash_key[2];
  Dict **type_ns;              /* namespaces of builtin types by shape_id; NULL until asked for */
  Tuple **type_mros;
  Shape **shapes;              /* by id - SHAPE_FIRST_DYNAMIC */
  uint32_t n_shapes, cap_shapes;
  Dict *native_classes;        /* tiny_class address -> class object */
  NativeClassMemo native_class_memo[NATIVE_CLASS_MEMOS]; /* of native_classes */
  struct MethodCache *method_cache; /* (type, name) -> attribute, for special methods */
  Code **cached_codes;         /* codes with filled inline caches since the last flush */
  size_t n_cached, cap_cached;
  size_t n_cached_old;         /* so many of them, the first, were there when the last collection ended: it made them old */
  /* modules */
  Dict *modules;               /* sys.modules */
  Module *builtins, *main;
  bool (*late_builtins)(VM *vm, const Str *name); /* makes the builtin of that name, if there is one (NULL: all) in the dict of builtins; NULL when all are made */
  Dict *sys_dict;
  NativeModule *native_modules;
  size_t n_native_modules, cap_native_modules;
  Str *unhooked;              /* no finder of sys.meta_path wanted to load this one: the import goes on without them (import.c); NULL */
  Module *frozen;              /* _builtins: library functions written in tiny */
  uint8_t *frozen_loaded;      /* by chunk: its definition has been run; frozen_size of them */
  size_t frozen_size;
  FrozenMemo frozen_memo[FROZEN_MEMOS]; /* functions of it asked for lately */
  int gc_off;                  /* > 0: no collection now (frozen code is being loaded under C code that has unrooted values) */
  const tiny_module *const *library; /* C modules of the library, NULL at the end; each needs an entry in the allow-list. native_modules: the host's own */
  CompileHook compile;
  /* preallocated, so that running out of memory needs no memory */
  Value memory_error;
  bool memory_error_busy;
  /* module data of natives */
  struct ModuleData *module_data;
  tiny_config config;
  Str **module_list;           /* allow-list */
  /* last tiny_take_error */
  struct ErrorBox *error_box;
  uint64_t int_max_str_digits;
  bool stress;                 /* collect at every safe point */
  Value thrown[2];             /* an exception given to throw() as a class and more: itself, the tuple of these arguments (for throw() of a foreign iterator) */
  uint16_t starved;            /* full collections since a request was refused, counting from 1; 0: all is well again */
  uint16_t starved_left;       /* safe points until the next one */
  Value agen_step;             /* body of asend() and the like, made for each item of an async for */
  uint32_t origin_depth;       /* frames that a new coroutine notes in cr_origin; 0: none */
  Value asyncgen_firstiter, asyncgen_finalizer;
  uint32_t unraisable;         /* errors reported by finalizers so far */
};
void vm_trace_roots(VM *vm, Tracer *t);

VM *vm_new(const tiny_config *config);       /* core only: no compile hook, no library. NULL: out of memory */
void vm_free(VM *vm);
/* The slow side of a safe point, called by the dispatch loop when fuel <= 0 [script: finalizers]: collects, runs finalizers, checks interrupt, deadline and
   budget, refills vm->fuel. False: an exception is pending (with vm->limit_hit: no handler may catch it), or vm->paused was set (no exception: the loop saves
   its place and leaves with TINY_PAUSED; only ever when c_depth is 1). */
TINY_MUST_CHECK bool vm_safe_point(VM *vm);
TINY_MUST_CHECK bool vm_charge_call(VM *vm); /* vm->fuel < 0 before a nested run. False: a limit struck */
/* The C stack guard: rt_enter_c / rt_leave_c count c_depth; the outermost one notes where the stack begins. The dispatch loop's entry uses them as well. */
/* rt_temp(vm, 2) for the hottest callers; the slots are not set. */
static inline Value *temps_pair(VM *vm) {
  TempChunk *c = vm->temp_chunk;
  if (UNLIKELY(!c || vm->n_temps < c->base || c->cap - (vm->n_temps - c->base) < 2)) return rt_temp(vm, 2);
  Value *v = c->v + (vm->n_temps - c->base);
  vm->n_temps += 2;
  return v;
}
TINY_MUST_CHECK bool vm_pin(VM *vm, Value v); /* a temporary holding v; false: MemoryError */

/* rt_frozen compiles a function of the frozen library (stdlib/frozen) at its first use, with those that it names; V_FAIL: SystemError if there is none. Not [script]. */
/* Source of a library module written in tiny (stdlib/NAME.tiny); NULL: none. */
const char *frozen_module_source(const char *dotted_name, size_t *len);
#endif
