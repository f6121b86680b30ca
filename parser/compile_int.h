/* Code generation, shared by the compile_*.c files.
 *
 * One Unit per code object. Values are computed into registers: locals have theirs, temporaries stand stack-like above. Rules that all of it keeps:
 *  - expr_to(u, n, dst) writes a local's register only with the instruction that finishes the value, so that a failure, or a use of the local inside the
 *    expression, sees the old value. A register above the locals may be written at any time (it is nobody's until the value is there).
 *  - Errors stick (u->c->err.set): after one, emitting does nothing and nobody needs to check; memory of the compiler is one arena.
 *  - No garbage collection happens during compilation, so objects need no rooting. */
#ifndef TINY_PARSER_COMPILE_INT_H
#define TINY_PARSER_COMPILE_INT_H
#include "parser/scope.h"
#include "vm/vm.h"

/* A SyntaxWarning or DeprecationWarning. at: the node, or NULL where the parser found it. */
typedef struct Warning { struct Warning *next; const Type *category; const Node *at; int line, offset, end_line, end_offset; const char *msg; } Warning;

typedef struct Compiler {
  VM *vm;
  Arena arena;
  SyntaxErr err;
  bool pending;              /* the error is an exception pending in the VM */
  Scopes ss;
  const char *filename_c;
  Str *filename, *source;
  unsigned flags;            /* COMPILE_* */
  int warned_line, warned_col; /* place of the last warning */
  Warning *warnings, **warnings_tail; /* told when the code is made: filters are script code */
} Compiler;

/* Which locals surely have a value here: one bit per local. dead: control does not come here. */
typedef struct State { bool dead; uint32_t bits[]; } State;

/* A place to jump to. Jumps seen before it is placed are chained through their offset words. */
typedef struct Label {
  int32_t pos;               /* -1: not placed yet */
  uint32_t chain;            /* index + 1 of the last instruction that waits */
  State *state;              /* meet of all jumps to come here */
} Label;
#define LABEL_INIT {-1, 0, NULL}

typedef enum {
  BLOCK_LOOP,      /* break and continue go here */
  BLOCK_TRY,       /* body of try-except: only protected */
  BLOCK_FINALLY,   /* body of try-finally: leaving runs the finally body */
  BLOCK_WITH,      /* body of with: leaving calls __exit__ */
  BLOCK_EXC,       /* code that runs with an exception handled (R[reg]): leaving restores the one before */
  BLOCK_GROUP      /* except*: must not be left by a jump */
} BlockKind;

typedef struct Block Block;
struct Block {
  Block *outer;
  BlockKind kind;
  Label *brk, *cont;         /* loops */
  int handler;               /* handler in force outside */
  int reg;                   /* BLOCK_EXC: register of the exception; BLOCK_WITH: of __exit__ and its self */
  const Node *node;          /* BLOCK_FINALLY: the try; BLOCK_WITH: the statement */
  const char *name;          /* BLOCK_EXC: `as` name to unbind, NULL */
  bool is_async;             /* BLOCK_WITH */
};
#define MAX_BLOCKS 20        /* CPython's CO_MAXBLOCKS, visible through a SyntaxError */

typedef struct Unit Unit;
struct Unit {
  Compiler *c;
  Unit *outer;
  Scope *scope;              /* of the names being compiled: the unit's, or that of a comprehension running in it */
  Scope *unit_scope;
  uint32_t flags;            /* CODE_* */
  uint32_t first_line;
  Str *qualname;
  Value doc;
  /* instructions */
  uint32_t *code;
  size_t n, cap;
  Position *positions;
  size_t n_positions, cap_positions;
  Comprehension *comps;
  size_t n_comps, cap_comps;
  Handler *segments;         /* target: number of the handler, until the end */
  size_t n_segments, cap_segments;
  Handler *handlers;         /* by number: target and reg */
  size_t n_handlers, cap_handlers;
  int handler;               /* number of the innermost handler in force, -1 */
  uint32_t handler_start;
  /* constants and sites */
  Value *consts;
  size_t n_consts, cap_consts;
  uint32_t *const_table;     /* index + 1, open addressing */
  size_t const_table_size;
  uint32_t *sites;
  size_t n_sites, cap_sites;
  PtrMap global_sites;       /* name -> site + 1 */
  /* registers */
  int n_near;                /* registers of near locals: 0 .. n_near-1 */
  int top, max_top;
  int stmt_top;              /* temporaries from here on belong to the expression being compiled */
  int far_base, far_top, far_max; /* registers behind the far locals, for spilled temporaries */
  State *state;
  size_t n_words;
  Block *block;
  int n_blocks;
  bool interactive;
  const Node *last_compare;  /* last comparison that jump_if saw outside of operands */
};

typedef enum { VAR_LOCAL, VAR_FAR, VAR_CELL, VAR_FARCELL, VAR_FREE, VAR_CLASSFREE, VAR_GLOBAL, VAR_NAME, VAR_NONE } VarKind;
typedef struct Var {
  VarKind kind;
  int index;                 /* register, or number in the closure */
  Symbol *sym;               /* the variable, if it is one of this unit */
  const Name *name;
  bool seen_as_free;         /* used in a comprehension whose function, in the language, would see it through a closure */
} Var;

/* ---- compile_emit.c */
static inline bool failed(const Unit *u) { return u->c->err.set; }
void fail_pending(Compiler *c);                       /* an exception is pending in the VM: stop */
#define comp_error(u, ...) scope_error(&(u)->c->ss, __VA_ARGS__)
void *unit_grow(Unit *u, void *items, size_t n, size_t *cap, size_t item); /* room for one more; NULL: failed */
void emit(Unit *u, const Node *at, uint32_t word);    /* at: whose position the instruction has; NULL: the one before's */
void emit_x(Unit *u, const Node *at, uint32_t word, uint32_t x);
#define EMIT(u, at, op, a, b, c) emit(u, at, INS(OP_##op, a, b, c))
#define EMITX(u, at, op, a, b, c, x) emit_x(u, at, INS(OP_##op, a, b, c), (uint32_t)(x))
void emit_jump(Unit *u, const Node *at, Label *l);                   /* JUMP; what follows is dead */
void emit_branch(Unit *u, const Node *at, uint32_t word, Label *l);  /* a conditional jump of two words */
void label_place(Unit *u, Label *l);
void thread_jumps(Unit *u);                              /* jumps to unconditional jumps go where those go; when the code is complete */
int handler_new(Unit *u, int reg);
void handler_set(Unit *u, int handler);               /* from here on, -1: none */
void handler_place(Unit *u, int handler, const State *state);
int regs_alloc(Unit *u, int n);                       /* n consecutive registers at the top; the caller gives them back by setting u->top */
bool regs_room(const Unit *u, int n);
State *state_copy(Unit *u, const State *s);
void state_set(Unit *u, const State *s);              /* u->state = copy of s */
uint32_t const_index(Unit *u, Value v);
uint32_t name_index(Unit *u, const Name *name);
Str *name_str(Compiler *c, const Name *name);         /* NULL: failed */
uint32_t site_new(Unit *u, const Name *name);
uint32_t site_global(Unit *u, const Name *name);
void load_const(Unit *u, const Node *at, int dst, Value v);
void load_none(Unit *u, const Node *at, int dst);
void move(Unit *u, const Node *at, int dst, int src); /* nothing if they are the same */

/* ---- compile_name.c */
Var var_of(Unit *u, const char *id);
Var var_local_reg(Unit *u, const char *id);           /* kind VAR_LOCAL and a near register, else VAR_NONE: may be written directly */
void var_load(Unit *u, const Node *at, const Var *v, int dst);
int var_in_place(Unit *u, const Node *at, const Var *v); /* register of a plain local, checked; -1: it has none */
void var_store(Unit *u, const Node *at, const Var *v, int src);
void var_mark(Unit *u, const Var *v);                 /* a value was written into its register */
void var_delete(Unit *u, const Node *at, const Var *v);
void var_unbind(Unit *u, const Var *v);               /* end of `except as` */
void name_load(Unit *u, const Node *at, const char *id, int dst);
void name_store(Unit *u, const Node *at, const char *id, int src);
bool name_forbidden(Unit *u, const Node *at, const char *id); /* __debug__: error, true */
void var_cell(Unit *u, const Node *at, Symbol *home, const Name *name, int dst); /* the cell itself, for a closure */

/* ---- compile_fold.c */
Value fold(Unit *u, const Node *n);                   /* constant value of an expression, or V_ABSENT */
Value fold_binary(Unit *u, int op, Value a, Value b);
Value constant_object(VM *vm, const Node *n); /* of a Constant; V_FAIL */
Value tree_objects(Compiler *c, const Node *tree); /* compile_tree.c; V_FAIL: an exception is pending */
Value const_value(Unit *u, const Node *n);            /* of a Constant; V_ABSENT: failed */
int loop_iterable(Unit *u, const Node *iter);         /* register with what is looped over: a display of constants is not made anew */
Value fold_sequence(Unit *u, const NodeList *list);   /* tuple of constants, or V_ABSENT */
Value frozenset_constant(Unit *u, const Tuple *items);

/* ---- compile_expr.c */
void expr_to(Unit *u, const Node *n, int dst);
int expr_any(Unit *u, const Node *n);                 /* a local's own register or a new temporary; other operands may be computed before it is used */
int expr_use(Unit *u, const Node *n);                 /* the same, to be used at once */
int expr_temp(Unit *u, const Node *n);                /* always a new temporary at the top */
void expr_discard(Unit *u, const Node *n);
bool spine_push(Unit *u, const Node *n);
int left_operand(Unit *u, const Node *n, int t);      /* as expr_any, but a value that needs a temporary goes to t */
static inline bool is_scratch(const Unit *u, int reg) { return reg >= u->n_near; }
void slice_pair(Unit *u, const Node *slice, int base);  /* lower, upper (None where absent) */
bool is_plain_slice(const Node *slice);               /* a Slice without step */

/* ---- compile_jump.c */
void jump_if(Unit *u, const Node *n, bool sense, Label *l);
void compare_to(Unit *u, const Node *n, int dst);
void boolop_to(Unit *u, const Node *n, int dst);
void ifexp_to(Unit *u, const Node *n, int dst);

/* ---- compile_display.c */
void list_build(Unit *u, const Node *at, const NodeList *elts, int dst); /* dst: not a local */
void tuple_build(Unit *u, const Node *at, const NodeList *elts, int dst);
void display_to(Unit *u, const Node *n, int dst);     /* List, Tuple, Set, Dict */
void dict_build(Unit *u, const Node *at, const NodeList *keys, const NodeList *values, int dst);
void joined_to(Unit *u, const Node *n, int dst);

/* ---- compile_call.c */
void chain_to(Unit *u, const Node *n, int dst);       /* Attribute, Subscript, Call */
/* Arguments and the call: callable in R[base] (with method: self in R[base+1]), u->top right behind. class_code: NULL or the two arguments before. */
void call_args(Unit *u, const Node *at, const NodeList *args, const NodeList *keywords, int base, int n_before, bool method, int dst);
void check_keywords(Unit *u, const NodeList *keywords);

/* ---- compile_comp.c */
void comp_to(Unit *u, const Node *n, int dst);        /* comprehensions and generator expressions */
void await_value(Unit *u, const Node *at, int reg, int what, int dst); /* awaits R[reg] (a temporary) */
void yield_from(Unit *u, const Node *at, int reg, int dst);
void yield_value(Unit *u, const Node *at, int src, int dst);
void yield_to(Unit *u, const Node *n, int dst);       /* Yield, YieldFrom, Await */

/* ---- compile_func.c */
void func_def(Unit *u, const Node *n);
void class_def(Unit *u, const Node *n);
void lambda_to(Unit *u, const Node *n, int dst);
void make_function(Unit *u, const Node *at, Code *code, const Scope *s, int base, uint32_t bits, int dst); /* closure and FUNCTION */
void unit_begin(Unit *u, Compiler *c, Unit *outer, Scope *s);
Code *unit_finish(Unit *u);                           /* NULL: failed */
void unit_prologue(Unit *u);

/* ---- compile_assign.c */
void assign_stmt(Unit *u, const Node *n);
void augassign_stmt(Unit *u, const Node *n);
void annassign_stmt(Unit *u, const Node *n);
void delete_target(Unit *u, const Node *n);
void store_to(Unit *u, const Node *target, int src);
int target_reg(Unit *u, const Node *target);          /* register of a plain local's name, -1: something else */
void target_mark(Unit *u, const Node *target);        /* after writing it */

/* ---- compile_stmt.c */
void stmts(Unit *u, const NodeList *list);
bool block_push(Unit *u, Block *b, BlockKind kind, const Node *at);
void block_pop(Unit *u, Block *b);
const Node *docstring(const Unit *u, const NodeList *body); /* the string of the first statement, NULL */

/* ---- compile_try.c */
void try_stmt(Unit *u, const Node *n);
void try_star_stmt(Unit *u, const Node *n);
void with_stmt(Unit *u, const Node *n);
void unwind(Unit *u, const Block *until);             /* leave the blocks inside `until` (NULL: all); the caller restores u->block and the handler */
int exc_inner(const Unit *u, int *outermost);         /* registers of the innermost and outermost handled exceptions; -1: none */

/* ---- compile_unparse.c */
Str *text_of(Unit *u, const Node *n);                 /* an expression as text (PEP 563); NULL: failed */

/* ---- compile_warn.c */
void warn_call(Unit *u, const Node *call);
void warn_subscript(Unit *u, const Node *n);
void warn_compare(Unit *u, const Node *n);
void warn_assert(Unit *u, const Node *n);
struct ParseWarning;
void warn_parsed(Compiler *c, const struct ParseWarning *list);
bool warnings_tell(Compiler *c, Value keep);          /* false: a filter made an error of one, which is in c->err; keep: to be kept alive. [script] */

/* ---- compile_match.c */
void match_stmt(Unit *u, const Node *n);
#endif
