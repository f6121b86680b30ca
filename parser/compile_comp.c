/* Comprehensions, which run in the registers of the code around them; generator expressions, which are functions; yield and await.
 *
 * The variables of a comprehension live in temporaries of the enclosing frame (in cells made for each run, if inner functions see them). What the
 * language says about names still holds: they are resolved as in a nested function (reference, "Displays for lists, sets and dictionaries"). */
#include "parser/compile_int.h"

/* ---- yield and await */

/* Around a yield inside handlers the handled exception of whoever resumes takes the place of ours. */
static void exc_switch(Unit *u, const Node *at, int op) {
  int outer, inner = exc_inner(u, &outer);
  if (inner >= 0) emit(u, at, INS(op, inner, outer, 0));
}

/* Delegates to R[reg], a temporary; R[reg + 1] must be free. */
static void delegate(Unit *u, const Node *at, int reg, int dst) {
  int mark = u->top;
  int sent = regs_alloc(u, 1);
  load_none(u, at, sent);
  exc_switch(u, at, OP_EXCSUSPEND);
  EMIT(u, at, YIELDFROM, dst, reg, sent);
  exc_switch(u, at, OP_EXCRESUME);
  u->top = mark;
}

void yield_from(Unit *u, const Node *at, int reg, int dst) {
  EMIT(u, at, GETYIELDFROM, reg, reg, 0);
  delegate(u, at, reg, dst);
}

void await_value(Unit *u, const Node *at, int reg, int what, int dst) {
  EMIT(u, at, GETAWAITABLE, reg, reg, what);
  delegate(u, at, reg, dst);
}

void yield_value(Unit *u, const Node *at, int src, int dst) {
  exc_switch(u, at, OP_EXCSUSPEND);
  emit(u, at, INS(u->flags & CODE_ASYNC_GEN ? OP_YIELDITEM : OP_YIELD, dst, src, 0));
  exc_switch(u, at, OP_EXCRESUME);
}

static bool check_await(Unit *u, const Node *n) {
  const Scope *s = u->unit_scope;
  return s->is_async || comp_error(u, n, scope_is_function(s) ? "'await' outside async function" : "'await' outside function");
}

/* What is delegated to stands in a temporary: dst itself, if that is the newest one (a register less in every frame that waits). */
static int delegate_reg(Unit *u, const Node *n, int dst) {
  if (dst < u->n_near || dst != u->top - 1) return expr_temp(u, n);
  expr_to(u, n, dst);
  return dst;
}

void yield_to(Unit *u, const Node *n, int dst) {
  int mark = u->top;
  const Scope *s = u->unit_scope;
  if (n->kind == N_Await) {
    if (!check_await(u, n)) return;
    await_value(u, n, delegate_reg(u, n->u.ret.value, dst), 0, dst);
  } else if (!scope_is_function(s) || u->scope != s) {
    comp_error(u, n, "'yield' outside function");
  } else if (n->kind == N_YieldFrom) {
    if (s->is_async) comp_error(u, n, "'yield from' inside async function");
    yield_from(u, n, delegate_reg(u, n->u.ret.value, dst), dst);
  } else {
    int r = 0;
    if (n->u.ret.value) r = expr_use(u, n->u.ret.value);
    else load_none(u, n, r = regs_alloc(u, 1));
    yield_value(u, n, r, dst);
  }
  u->top = mark;
}

/* ---- the loops of a comprehension */

/* What is done with an element: result in R[acc]; a generator expression yields it. */
static void element(Unit *u, const Node *n, int acc) {
  int mark = u->top, r;
  switch ((NodeKind)n->kind) {
    case N_ListComp:
      r = expr_use(u, n->u.comp.elt);
      EMIT(u, n, APPEND, acc, r, 0);
      break;
    case N_SetComp:
      r = expr_use(u, n->u.comp.elt);
      EMIT(u, n, SETADD, acc, r, 0);
      break;
    case N_DictComp:
      r = expr_any(u, n->u.comp.elt);
      EMIT(u, n, DICTSET, acc, r, expr_use(u, n->u.comp.value));
      break;
    default:
      r = expr_use(u, n->u.comp.elt);
      yield_value(u, n->u.comp.elt, r, regs_alloc(u, 1));
      break;
  }
  u->top = mark;
}

static void comp_loop(Unit *u, const Node *n, int g, int it, int acc);

static void comp_inner(Unit *u, const Node *n, int g, int acc, Label *next) {
  const Node *gen = n->u.comp.generators.items[g];
  int mark = u->top;
  for (int i = 0; i < gen->u.comprehension.ifs.n; i++) jump_if(u, gen->u.comprehension.ifs.items[i], false, next);
  if (g + 1 < n->u.comp.generators.n) {
    const Node *inner = n->u.comp.generators.items[g + 1];
    int it = expr_temp(u, inner->u.comprehension.iter);
    if (inner->u.comprehension.is_async) EMIT(u, n, GETAITER, it, it, 0);
    else EMIT(u, n, GETITER, it, it, 0);
    comp_loop(u, n, g + 1, it, acc);
  } else {
    element(u, n, acc);
  }
  u->top = mark;
}

/* async for: __anext__ is awaited under a handler that ends the loop on StopAsyncIteration. */
static void comp_async_loop(Unit *u, const Node *n, int g, int it, int acc) {
  const Node *gen = n->u.comp.generators.items[g];
  Label next = LABEL_INIT;
  State *before = state_copy(u, u->state);
  int outer = u->handler, stmt_top = u->stmt_top;
  int h = regs_alloc(u, 2);
  u->stmt_top = u->top; /* what the handler needs must stay in its registers */
  int handler = handler_new(u, h);
  label_place(u, &next);
  handler_set(u, handler);
  int item = regs_alloc(u, 1);
  EMIT(u, n, GETANEXT, item, it, 0);
  await_value(u, n, item, 3, item);
  handler_set(u, outer);
  store_to(u, gen->u.comprehension.target, item);
  u->top--;
  Label again = LABEL_INIT;
  comp_inner(u, n, g, acc, &again);
  label_place(u, &again);
  emit_jump(u, n, &next);
  if (handler >= 0) handler_place(u, handler, before);
  EMIT(u, n, ENDASYNCFOR, h, 0, 0);
  u->stmt_top = stmt_top;
}

static void comp_loop(Unit *u, const Node *n, int g, int it, int acc) {
  const Node *gen = n->u.comp.generators.items[g];
  if (failed(u) || !scope_enter(&u->c->ss, n)) return;
  if (gen->u.comprehension.is_async) {
    comp_async_loop(u, n, g, it, acc);
  } else {
    Label body = LABEL_INIT, next = LABEL_INIT;
    State *before = state_copy(u, u->state);
    emit_jump(u, n, &next);
    state_set(u, before);
    label_place(u, &body);
    int item = target_reg(u, gen->u.comprehension.target), mark = u->top;
    if (item < 0) {
      item = regs_alloc(u, 1);
      store_to(u, gen->u.comprehension.target, item);
    } else {
      target_mark(u, gen->u.comprehension.target);
    }
    u->top = mark;
    comp_inner(u, n, g, acc, &next);
    label_place(u, &next);
    emit_branch(u, n, INS(OP_FOR, item, it, 0), &body);
  }
  scope_leave(&u->c->ss);
}

/* ---- comprehensions in place */

static bool check_async(Unit *u, const Node *n, const Scope *s) {
  if (!s->is_async || u->unit_scope->is_async) return true;
  return comp_error(u, n, "asynchronous comprehension outside of an asynchronous function");
}

/* Registers for the variables: unbound at first where a use might come before the assignment; fresh cells if inner functions see them. */
static void comp_variables(Unit *u, const Node *n, Scope *s) {
  bool several = n->u.comp.generators.n > 1;
  for (Symbol *sym = s->first; sym && !failed(u); sym = sym->next) {
    if (sym->bind != BIND_OWN) continue;
    sym->index = regs_alloc(u, 1);
    sym->proven = false;
    if (several || (sym->flags & SYM_CELL)) EMITX(u, n, UNBIND, 0, 0, 0, sym->index);
    if (sym->flags & SYM_CELL) EMIT(u, n, MAKECELL, sym->index, sym->index, 0);
  }
}

/* Notes the loops from instruction `start` on for tracebacks. */
static void comp_note(Unit *u, const Node *n, size_t start) {
  if (failed(u) || (u->c->flags & COMPILE_HIDDEN)) return;
  Comprehension *list = unit_grow(u, u->comps, u->n_comps, &u->cap_comps, sizeof *list);
  const char *name = n->kind == N_ListComp ? "<listcomp>" : n->kind == N_SetComp ? "<setcomp>" : "<dictcomp>";
  Str *s = list ? str_intern(u->c->vm, name, strlen(name)) : NULL;
  if (!list) return;
  u->comps = list;
  if (!s) { /* MemoryError pending */
    u->c->err.set = u->c->pending = true;
    return;
  }
  list[u->n_comps++] = (Comprehension){(uint32_t)start, (uint32_t)u->n, {(uint32_t)start, n->line, n->end_line, n->col, n->end_col}, s};
}

static void comp_in_place(Unit *u, const Node *n, int dst) {
  Scope *s = scope_of(&u->c->ss, n), *outer = u->scope;
  const Node *first = n->u.comp.generators.items[0];
  const Node *iter = first->u.comprehension.iter;
  int mark = u->top, stmt_top = u->stmt_top;
  if (!s || !check_async(u, n, s)) return;
  int acc = is_scratch(u, dst) ? dst : regs_alloc(u, 1);
  int it = regs_alloc(u, 1);
  int source = loop_iterable(u, iter); /* in the scope around */
  if (first->u.comprehension.is_async) EMIT(u, n, GETAITER, it, source, 0);
  else EMIT(u, n, GETITER, it, source, 0);
  u->top = it + 1;
  emit(u, n, INS(n->kind == N_ListComp ? OP_LIST : n->kind == N_SetComp ? OP_SET : OP_DICT, acc, it, 0));
  comp_variables(u, n, s);
  u->scope = s;
  u->stmt_top = u->top;
  size_t start = u->n;
  comp_loop(u, n, 0, it, acc);
  comp_note(u, n, start);
  u->scope = outer;
  u->stmt_top = stmt_top;
  move(u, n, dst, acc);
  u->top = mark;
}

/* ---- generator expressions: a function of one argument, the iterator made here */

static Code *genexp_code(Unit *outer, const Node *n, Scope *s) {
  Unit unit, *u = &unit;
  unit_begin(u, outer->c, outer, s);
  unit_prologue(u);
  int it = regs_alloc(u, 1);
  Var param = var_of(u, ".0");
  var_load(u, n, &param, it);
  u->stmt_top = u->top;
  comp_loop(u, n, 0, it, -1);
  EMIT(u, n, RETURNNONE, 0, 0, 0);
  return unit_finish(u);
}

static void genexp_to(Unit *u, const Node *n, int dst) {
  Scope *s = scope_of(&u->c->ss, n);
  const Node *first = n->u.comp.generators.items[0];
  int mark = u->top;
  if (!s) return;
  int base = regs_alloc(u, 2);
  int parts = regs_alloc(u, 4);
  make_function(u, n, genexp_code(u, n, s), s, parts, 0, base);
  u->top = base + 2;
  expr_to(u, first->u.comprehension.iter, base + 1);
  if (first->u.comprehension.is_async) EMIT(u, n, GETAITER, base + 1, base + 1, 0);
  else EMIT(u, n, GETITER, base + 1, base + 1, 0);
  EMIT(u, n, CALL, base, 1, dst);
  u->top = mark;
}

static bool unpacks(Unit *u, const Node *n) {
  if (n->kind == N_DictComp || n->u.comp.elt->kind != N_Starred) return false;
  comp_error(u, n->u.comp.elt, "iterable unpacking cannot be used in comprehension");
  return true;
}

void comp_to(Unit *u, const Node *n, int dst) {
  if (unpacks(u, n)) return;
  if (n->kind == N_GeneratorExp) genexp_to(u, n, dst);
  else comp_in_place(u, n, dst);
}
