/* Code objects: what the compiler makes and frames run. Immutable once made; inline caches live beside the constants in a block of their own. */
#ifndef TINY_VM_CODE_H
#define TINY_VM_CODE_H
#include "vm/object.h"
#include "vm/gc.h"

typedef enum {
#define OP(name, format, meaning) OP_##name,
#include "vm/opcodes.h"
#undef OP
  OP_COUNT
} Opcode;

typedef enum { FORMAT_NONE, FORMAT_A, FORMAT_AB, FORMAT_ABC, FORMAT_ABx, FORMAT_AsBx, FORMAT_sJ, FORMAT_X = 16, /* bit: a second word follows */
  FORMAT_AX = FORMAT_A | FORMAT_X, FORMAT_ABX = FORMAT_AB | FORMAT_X, FORMAT_ABCX = FORMAT_ABC | FORMAT_X, FORMAT_NX = FORMAT_NONE | FORMAT_X,
  FORMAT_JUMP = 32 /* bit: that word is a jump offset */, FORMAT_ABJ = FORMAT_ABX | FORMAT_JUMP, FORMAT_ABCJ = FORMAT_ABCX | FORMAT_JUMP } OpFormat;
typedef struct OpInfo { const char *name; uint8_t format; const char *meaning; } OpInfo;
extern const OpInfo op_info[OP_COUNT];

/* Instruction word: op | A<<8 | B<<16 | C<<24;  Bx = B|C<<8 (16 bits);  sJ = signed 24 bits. X: the whole next word. */
#define INS(op, a, b, c) ((uint32_t)(op) | (uint32_t)(a) << 8 | (uint32_t)(b) << 16 | (uint32_t)(c) << 24)
#define INS_OP(w) ((w) & 0xFF)
#define INS_A(w) (((w) >> 8) & 0xFF)
#define INS_B(w) (((w) >> 16) & 0xFF)
#define INS_C(w) ((w) >> 24)
#define INS_Bx(w) ((w) >> 16)
#define INS_sBx(w) ((int32_t)(w) >> 16)
#define INS_sJ(w) ((int32_t)(w) >> 8)
static inline int op_length(int op) { return op_info[op].format & FORMAT_X ? 2 : 1; }

/* Registers 0..255 are reachable by 8-bit operands. Local i stands in register local_reg(i): functions with more than NEAR_LOCALS locals keep
   registers NEAR_LOCALS..255 for temporaries and reach the far locals behind them by GETFAR and SETFAR. */
#define NEAR_LOCALS 128u
static inline uint32_t local_reg(uint32_t i) { return i < NEAR_LOCALS ? i : i + (256u - NEAR_LOCALS); }

enum { SET_OF_CONSTANTS_LOOP = 254, SET_OF_CONSTANTS }; /* C of the instruction SET */
enum { CODE_VARARGS = 1, CODE_VARKW = 2, CODE_GENERATOR = 4, CODE_COROUTINE = 8, CODE_ASYNC_GEN = 16, CODE_NAMESPACE = 32 /* class, exec: R[0] holds the namespace mapping */,
  CODE_CLASS = 64, CODE_SIMPLE = 128 /* positional parameters only: no *args, **kw, keyword-only */, CODE_NESTED = 256, CODE_ITERABLE_COROUTINE = 512 /* types.coroutine */,
  CODE_HIDDEN = 1024 /* frozen library code: not shown in tracebacks */, CODE_MODULE = 2048, CODE_NEWLOCALS = 4096, CODE_COMPREHENSION = 8192,
  CODE_FUTURE_ANNOTATIONS = 16384 /* PEP 563: what it compiles is so, too */ };

/* Exception handler: while start <= pc < end (offsets of the raising instruction's first word), an exception is stored in R[reg] and control goes to target.
   Sorted by start and disjoint: each range names the innermost handler of its instructions. */
typedef struct Handler { uint32_t start, end, target; uint32_t reg; } Handler;
/* Position of the instructions from offset pc on (up to the next entry's pc). Columns: UTF-8 byte offsets; -1: none; line 0: no position (artificial). */
typedef struct Position { uint32_t pc; int32_t line, end_line, col, end_col; } Position;

/* A comprehension, which runs in the registers of the code around it, but is an entry of its own in tracebacks: the instructions of its loops. Inner ones stand
   before those around them. */
typedef struct Comprehension { uint32_t start, end; Position place; /* of the whole expression */ struct Str *name; /* "<listcomp>" */ } Comprehension;

/* One inline cache per site. */
typedef struct InlineCache {
  uint32_t key;            /* shape id (attributes) or keys-version (globals); 0: empty */
  uint16_t kind;           /* IC_* */
  uint16_t index;          /* slot number */
  uint32_t key2;           /* builtins' keys-version; new shape id of an adding store */
  uint32_t extra;
  Value value;             /* method, descriptor, class attribute. Marked weakly: caches are flushed when the collector runs over their function */
} InlineCache;

typedef struct Code {
  Obj head;
  const uint32_t *instr;   /* n_instr words. NULL: a function of the library that was not called yet, see code_load */
  Value *consts;           /* n_consts; just before them in memory stand the caches, growing downward: ((InlineCache *)consts)[-1 - site] */
  const uint32_t *site_names; /* site -> constant index of its name */
  Handler *handlers;
  Position *positions;
  Comprehension *comps;
  uint32_t n_instr, n_consts, n_sites, n_handlers, n_positions, n_comps;
  uint32_t flags;
  uint32_t n_regs;         /* registers of a frame: locals first (parameters in the order of signature: positional, keyword-only, *args, **kw) */
  uint32_t n_params;       /* positional parameters, positional-only included */
  uint32_t n_posonly, n_kwonly;
  uint32_t n_locals;       /* named locals: local i is R[local_reg(i)] */
  uint32_t first_line;
  uint32_t fast_argc;      /* call.c: n + 1 when exactly n positional arguments need nothing but copying; 0: not looked at yet; UINT32_MAX: never */
  struct Tuple *local_names;  /* n_locals str, those that are cells too (co_varnames leaves out cells that are no parameters) */
  struct Tuple *cell_names;   /* names of locals that are cells; in a class body: __class__ */
  uint32_t *cell_regs;        /* register of each cell, n_cells of them (cell_names may be freed before this object) */
  uint32_t n_cells;
  struct Tuple *free_names;   /* names of closure[i] */
  Str *name, *qualname, *filename;
  Value doc;                  /* str or None */
  Str *source;                /* text of the module, for tracebacks of code that has no file; may be NULL */
  struct {                    /* code of the library, see vm/frozen.h: where it stands, where its next part begins (tables, then lines) and the docstring */
    const unsigned char *start, *rest, *doc;
    uint32_t state;
    uint16_t module;
  } frozen;
  Position line_at;           /* library code: what code_position found last */
  bool owns_tables;           /* instr, site_names, handlers, positions, comps, cell_regs were mem_alloc'ed */
} Code;

static inline InlineCache *code_cache(Value *consts, uint32_t site) { return (InlineCache *)consts - 1 - site; }
/* Allocates the block for caches and constants; constants are set to None. */
bool code_alloc_consts(VM *vm, Code *code, uint32_t n_consts, uint32_t n_sites);
void code_free_tables(VM *vm, Code *code);                /* constants and owned tables: there are none then */
/* Code of the library has its instructions, constants and names of variables only when it is first called or asked for them. False: MemoryError. */
TINY_MUST_CHECK bool code_load_rest(VM *vm, Code *code);
static inline bool code_load(VM *vm, Code *code) { return code->instr || code_load_rest(vm, code); }
Value code_doc(VM *vm, Code *code);                       /* str or None; the field itself may be absent: not unpacked yet */
bool code_frozen_position(const Code *code, uint32_t pc, Position *out); /* of library code that is loaded */
Code *code_new(VM *vm);                                   /* empty; fields are then filled in; NULL: MemoryError */
const Position *code_position(const Code *code, uint32_t pc);
const Handler *code_handler(const Code *code, uint32_t pc); /* innermost, or NULL */
Value code_replace(VM *vm, Args *a);                      /* the method (code_replace.c) */
bool code_dump(VM *vm, const Code *code, Buf *out);       /* disassembly (code_dump.c) */
/* Checks what the dispatch loop relies on: known opcodes, operands in range, jumps to instruction boundaries, sane tables. False: msg says what is wrong. */
bool code_verify(const Code *code, char *msg, size_t n);
#endif
