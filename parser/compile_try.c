/* try, with and what leaving them takes. Entering a try costs nothing: handlers are ranges of instructions.
 *
 * A handler gets the exception in R[h]; PUSHEXC makes it the handled one (the one before is kept in R[h + 1]) and POPEXC undoes that. While it is the
 * handled one, a second handler stands around: it restores the state before and passes the new exception on. A finally body is written out for every way
 * to leave: falling through, an exception, and each return, break and continue (as CPython does). */
#include "parser/compile_int.h"

/* ---- blocks */

bool block_push(Unit *u, Block *b, BlockKind kind, const Node *at) {
  if (failed(u)) return false;
  if (u->n_blocks >= MAX_BLOCKS) return comp_error(u, at, "too many statically nested blocks");
  memset(b, 0, sizeof *b);
  b->outer = u->block;
  b->kind = kind;
  b->handler = u->handler;
  b->node = at;
  u->block = b;
  u->n_blocks++;
  return true;
}

void block_pop(Unit *u, Block *b) {
  u->block = b->outer;
  u->n_blocks--;
}

int exc_inner(const Unit *u, int *outermost) {
  int inner = -1;
  for (const Block *b = u->block; b; b = b->outer) {
    if (b->kind != BLOCK_EXC) continue;
    if (inner < 0) inner = b->reg;
    *outermost = b->reg;
  }
  return inner;
}

static void unbind_name(Unit *u, const char *name) {
  if (!name || failed(u)) return;
  Var v = var_of(u, name);
  var_unbind(u, &v);
}

/* __exit__(None, None, None) when no exception leaves the block. */
static void call_exit(Unit *u, const Block *b) {
  int mark = u->top;
  int base = b->reg;
  if (u->top != b->reg + 2) { /* a value to be returned stands in the way */
    base = regs_alloc(u, 2);
    move(u, b->node, base, b->reg);
    move(u, b->node, base + 1, b->reg + 1);
  }
  int args = regs_alloc(u, 3);
  for (int i = 0; i < 3; i++) load_none(u, b->node, args + i);
  EMIT(u, b->node, CALLM, base, 3, args);
  u->top = args + 1;
  if (b->is_async) await_value(u, b->node, args, 2, args);
  u->top = mark;
}

/* Leaves one block: what is emitted stands outside of its protection. */
static void leave(Unit *u, Block *b) {
  handler_set(u, b->handler);
  u->block = b->outer;
  if (b->kind == BLOCK_EXC) {
    EMIT(u, NULL, POPEXC, b->reg, 1, 0);
    unbind_name(u, b->name);
  } else if (b->kind == BLOCK_WITH) {
    call_exit(u, b);
  } else if (b->kind == BLOCK_FINALLY) {
    int stmt_top = u->stmt_top, n_blocks = u->n_blocks;
    u->n_blocks = 0;
    for (const Block *o = u->block; o; o = o->outer) u->n_blocks++;
    stmts(u, &b->node->u.try_.finalbody);
    u->n_blocks = n_blocks;
    u->stmt_top = stmt_top;
  }
}

void unwind(Unit *u, const Block *until) {
  Block *saved = u->block;
  for (Block *b = saved; b && b != until && !failed(u); b = b->outer) leave(u, b);
  u->block = saved;
}

/* ---- the frame of every handler: R[h] handled, `clean` around it */

typedef struct Handling { Block block; int outer, clean, h; State *state; } Handling;

/* Code of the handler `number` starts; it may use registers from h + 3 on (h + 2 receives an exception raised in it). */
static bool handling_begin(Unit *u, Handling *g, int number, int h, const State *state, const Node *at, const char *name) {
  if (failed(u)) return false;
  handler_place(u, number, state);
  g->h = h;
  g->outer = u->handler;
  g->state = state_copy(u, state);
  g->clean = handler_new(u, h + 2);
  if (!block_push(u, &g->block, BLOCK_EXC, at)) return false;
  g->block.reg = h;
  g->block.name = name;
  u->top = h + 3;
  EMIT(u, NULL, PUSHEXC, h, 0, 0);
  handler_set(u, g->clean);
  return true;
}

/* Normal end of the handler: the handled exception is done with. */
static void handling_done(Unit *u, Handling *g) {
  handler_set(u, g->outer);
  EMIT(u, NULL, POPEXC, g->h, 1, 0);
  unbind_name(u, g->block.name);
}

/* R[h] is not handled here after all. */
static void handling_reraise(Unit *u, Handling *g) {
  handler_set(u, g->outer);
  EMIT(u, NULL, POPEXC, g->h, 0, 0);
  EMIT(u, NULL, RERAISE, g->h, 0, 0);
}

static void handling_end(Unit *u, Handling *g) {
  if (failed(u)) return;
  block_pop(u, &g->block);
  handler_set(u, g->outer);
  handler_place(u, g->clean, g->state);
  unbind_name(u, g->block.name);
  EMIT(u, NULL, POPEXC, g->h, 0, 0);
  EMIT(u, NULL, RERAISE, g->h + 2, 0, 0);
}

/* Of the exception, the one handled before, and an exception raised while handling. */
static int exc_registers(Unit *u) { return regs_alloc(u, 3); }

/* ---- try-except */

/* One clause. Each gets its own cleaning handler, since only a named one has a name to unbind. */
static void except_clause(Unit *u, const Node *clause, Handling *g, Label *end) {
  int mark = u->top;
  const char *name = clause->u.handler.name;
  int own = -1;
  State *before = NULL;
  if (name) {
    own = handler_new(u, g->h + 2);
    handler_set(u, own);
    g->block.name = name;
    before = state_copy(u, u->state);
    if (!name_forbidden(u, clause, name)) name_store(u, clause, name, g->h);
  }
  stmts(u, &clause->u.handler.body);
  u->top = mark;
  handling_done(u, g);
  emit_jump(u, NULL, end);
  if (name && !failed(u)) {
    handler_place(u, own, before);
    unbind_name(u, name);
    EMIT(u, NULL, POPEXC, g->h, 0, 0);
    EMIT(u, NULL, RERAISE, g->h + 2, 0, 0);
  }
  g->block.name = NULL;
  handler_set(u, g->clean);
}

static void except_clauses(Unit *u, const NodeList *clauses, Handling *g, Label *end) {
  for (int i = 0; i < clauses->n && !failed(u); i++) {
    const Node *clause = clauses->items[i];
    Label next = LABEL_INIT;
    int mark = u->top;
    if (!clause->u.handler.type && i + 1 < clauses->n) {
      comp_error(u, clause, "default 'except:' must be last");
      return;
    }
    if (clause->u.handler.type) {
      u->stmt_top = u->top;
      int type = expr_use(u, clause->u.handler.type);
      emit_branch(u, clause, INS(OP_JEXC, g->h, type, 0), &next);
      u->top = mark;
    }
    except_clause(u, clause, g, end);
    label_place(u, &next);
  }
}

static void try_except(Unit *u, const Node *n) {
  Block b;
  Handling g;
  Label end = LABEL_INIT;
  int mark = u->top, outer = u->handler;
  State *before = state_copy(u, u->state);
  int h = exc_registers(u);
  int handler = handler_new(u, h);
  if (!block_push(u, &b, BLOCK_TRY, n)) return;
  handler_set(u, handler);
  stmts(u, &n->u.try_.body);
  handler_set(u, outer);
  block_pop(u, &b);
  stmts(u, &n->u.try_.orelse);
  emit_jump(u, NULL, &end);
  if (handling_begin(u, &g, handler, h, before, n, NULL)) {
    except_clauses(u, &n->u.try_.handlers, &g, &end);
    handling_reraise(u, &g);
    handling_end(u, &g);
  }
  label_place(u, &end);
  u->top = mark;
}

/* ---- try-finally */

static void try_finally(Unit *u, const Node *n, void (*inner)(Unit *, const Node *)) {
  Block b;
  Handling g;
  Label end = LABEL_INIT;
  int mark = u->top, outer = u->handler;
  State *before = state_copy(u, u->state);
  int h = exc_registers(u);
  int handler = handler_new(u, h);
  if (!block_push(u, &b, BLOCK_FINALLY, n)) return;
  handler_set(u, handler);
  if (inner) inner(u, n);
  else stmts(u, &n->u.try_.body);
  handler_set(u, outer);
  block_pop(u, &b);
  stmts(u, &n->u.try_.finalbody);
  emit_jump(u, NULL, &end);
  if (handling_begin(u, &g, handler, h, before, n, NULL)) {
    stmts(u, &n->u.try_.finalbody);
    handling_reraise(u, &g);
    handling_end(u, &g);
  }
  label_place(u, &end);
  u->top = mark;
}

void try_stmt(Unit *u, const Node *n) {
  if (!n->u.try_.finalbody.n) try_except(u, n);
  else try_finally(u, n, n->u.try_.handlers.n ? try_except : NULL);
}

/* ---- try-except* (PEP 654). Registers from h + 3: the exceptions collected, what is left, then a matching part and its pair for PUSHEXC */

static void star_clause(Unit *u, const Node *clause, int list) {
  int rest = list + 1, part = list + 2;
  Label next = LABEL_INIT;
  Block b;
  int mark = u->top, outer = u->handler;
  const char *name = clause->u.handler.name;
  u->stmt_top = u->top;
  int type = expr_use(u, clause->u.handler.type);
  EMIT(u, clause, EXCGROUP, part, rest, type);
  move(u, clause, rest, part + 1);
  emit_branch(u, clause, INS(OP_JNONE, part, 0, 1), &next);
  u->top = mark;
  EMIT(u, NULL, PUSHEXC, part, 0, 0);
  State *before = state_copy(u, u->state);
  int raised = regs_alloc(u, 1);
  int own = handler_new(u, raised);
  if (!block_push(u, &b, BLOCK_EXC, clause)) return;
  b.reg = part;
  b.name = name;
  handler_set(u, own);
  if (name && !name_forbidden(u, clause, name)) name_store(u, clause, name, part);
  stmts(u, &clause->u.handler.body);
  handler_set(u, outer);
  block_pop(u, &b);
  EMIT(u, NULL, POPEXC, part, 0, 0);
  unbind_name(u, name);
  emit_jump(u, NULL, &next);
  if (own >= 0 && !failed(u)) handler_place(u, own, before);
  EMIT(u, NULL, POPEXC, part, 0, 0);
  unbind_name(u, name);
  EMIT(u, NULL, APPEND, list, raised, 0);
  label_place(u, &next);
  u->top = mark;
}

static void star_clauses(Unit *u, const Node *n, Handling *g, Label *end) {
  Label quiet = LABEL_INIT, skip = LABEL_INIT;
  Block b;
  int list = regs_alloc(u, 5);
  EMIT(u, NULL, LIST, list, list, 0);
  move(u, NULL, list + 1, g->h);
  if (!block_push(u, &b, BLOCK_GROUP, n)) return;
  for (int i = 0; i < n->u.try_.handlers.n && !failed(u); i++) star_clause(u, n->u.try_.handlers.items[i], list);
  block_pop(u, &b);
  emit_branch(u, NULL, INS(OP_JNONE, list + 1, 0, 1), &skip);
  EMIT(u, NULL, APPEND, list, list + 1, 0);
  label_place(u, &skip);
  EMIT(u, NULL, EXCPREP, list + 2, g->h, list);
  emit_branch(u, NULL, INS(OP_JNONE, list + 2, 0, 1), &quiet);
  handler_set(u, g->outer);
  EMIT(u, NULL, POPEXC, g->h, 0, 0);
  EMIT(u, NULL, RERAISE, list + 2, 0, 0);
  label_place(u, &quiet);
  handling_done(u, g);
  emit_jump(u, NULL, end);
}

static void try_star(Unit *u, const Node *n) {
  Block b;
  Handling g;
  Label end = LABEL_INIT;
  int mark = u->top, outer = u->handler;
  State *before = state_copy(u, u->state);
  int h = exc_registers(u);
  int handler = handler_new(u, h);
  if (!block_push(u, &b, BLOCK_TRY, n)) return;
  handler_set(u, handler);
  stmts(u, &n->u.try_.body);
  handler_set(u, outer);
  block_pop(u, &b);
  stmts(u, &n->u.try_.orelse);
  emit_jump(u, NULL, &end);
  if (handling_begin(u, &g, handler, h, before, n, NULL)) {
    star_clauses(u, n, &g, &end);
    handling_end(u, &g);
  }
  label_place(u, &end);
  u->top = mark;
}

void try_star_stmt(Unit *u, const Node *n) {
  if (!n->u.try_.finalbody.n) try_star(u, n);
  else try_finally(u, n, try_star);
}

/* ---- with */

static void with_item(Unit *u, const Node *n, int i);

static void with_enter(Unit *u, const Node *n, const Node *item, int exit_regs, bool is_async) {
  int mark = u->top;
  u->stmt_top = u->top;
  int enter = regs_alloc(u, 2);
  int manager = expr_use(u, item->u.withitem.context);
  EMIT(u, n, GETSPECIAL, enter, manager, is_async ? 2 : 0);
  EMIT(u, n, GETSPECIAL, exit_regs, manager, is_async ? 3 : 1);
  EMIT(u, n, CALLM, enter, 0, enter);
  u->top = enter + 1;
  if (is_async) await_value(u, n, enter, 1, enter);
  u->top = mark;
}

/* The block is left by the exception in R[h]: __exit__ may swallow it. */
static void with_exception(Unit *u, Handling *g, const Node *n, int exit_regs, bool is_async, Label *end) {
  Label swallow = LABEL_INIT;
  int base = regs_alloc(u, 5);
  move(u, n, base, exit_regs);
  move(u, n, base + 1, exit_regs + 1);
  EMIT(u, n, EXCINFO, base + 2, g->h, 0);
  EMIT(u, n, CALLM, base, 3, base);
  u->top = base + 1;
  if (is_async) await_value(u, n, base, 2, base);
  emit_branch(u, n, INS(OP_JTRUE, base, 0, 1), &swallow);
  handling_reraise(u, g);
  label_place(u, &swallow);
  handling_done(u, g);
  emit_jump(u, NULL, end);
}

static void with_body(Unit *u, const Node *n, int i) {
  if (i + 1 < n->u.with.items.n) with_item(u, n, i + 1);
  else stmts(u, &n->u.with.body);
}

static void with_item(Unit *u, const Node *n, int i) {
  const Node *item = n->u.with.items.items[i];
  bool is_async = n->kind == N_AsyncWith;
  Block b;
  Handling g;
  Label end = LABEL_INIT;
  int mark = u->top, outer = u->handler;
  if (failed(u) || !scope_enter(&u->c->ss, n)) return;
  int exit_regs = regs_alloc(u, 2);
  with_enter(u, n, item, exit_regs, is_async);
  int entered = u->top; /* the value of __enter__, right behind */
  State *before = state_copy(u, u->state);
  int h = exc_registers(u);
  int handler = handler_new(u, h);
  if (block_push(u, &b, BLOCK_WITH, n)) {
    b.reg = exit_regs;
    b.is_async = is_async;
    handler_set(u, handler);
    if (item->u.withitem.vars) store_to(u, item->u.withitem.vars, entered);
    with_body(u, n, i);
    handler_set(u, outer);
    block_pop(u, &b);
    u->top = exit_regs + 2;
    call_exit(u, &b);
    emit_jump(u, NULL, &end);
    if (handling_begin(u, &g, handler, h, before, n, NULL)) {
      with_exception(u, &g, n, exit_regs, is_async, &end);
      handling_end(u, &g);
    }
  }
  label_place(u, &end);
  u->top = mark;
  scope_leave(&u->c->ss);
}

void with_stmt(Unit *u, const Node *n) {
  if (n->kind == N_AsyncWith && !u->unit_scope->is_async) {
    comp_error(u, n, "'async with' outside async function");
    return;
  }
  with_item(u, n, 0);
}
