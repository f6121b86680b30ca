/* Statements but assignments, definitions, try, with and match. Loops are inverted: the test stands at the bottom, one taken jump per turn. */
#include "parser/compile_int.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

/* ---- if, while, for */

/* `if test: continue` right in a loop's body: the test itself jumps. */
static bool if_loop_exit(Unit *u, const Node *n) {
  const NodeList *body = &n->u.branch.body;
  if (body->n != 1 || n->u.branch.orelse.n || !u->block || u->block->kind != BLOCK_LOOP) return false;
  if (body->items[0]->kind != N_Break && body->items[0]->kind != N_Continue) return false;
  jump_if(u, n->u.branch.test, true, body->items[0]->kind == N_Break ? u->block->brk : u->block->cont);
  return true;
}

static void if_stmt(Unit *u, const Node *n) {
  Label end = LABEL_INIT;
  if (if_loop_exit(u, n)) return;
  for (;;) { /* elif chains are no recursion */
    Label next = LABEL_INIT;
    const NodeList *orelse = &n->u.branch.orelse;
    u->stmt_top = u->top;
    jump_if(u, n->u.branch.test, false, &next);
    stmts(u, &n->u.branch.body);
    if (orelse->n) emit_jump(u, NULL, &end);
    label_place(u, &next);
    if (orelse->n != 1 || orelse->items[0]->kind != N_If || failed(u)) {
      stmts(u, orelse);
      break;
    }
    n = orelse->items[0];
  }
  label_place(u, &end);
}

static bool always_true(Unit *u, const Node *test) {
  if (test->kind != N_Constant) return false;
  Value v = const_value(u, test);
  return !v_absent(v) && rt_truth(u->c->vm, v) == 1;
}

static void while_stmt(Unit *u, const Node *n) {
  Label body = LABEL_INIT, test = LABEL_INIT, orelse = LABEL_INIT, end = LABEL_INIT;
  Block b;
  jump_if(u, n->u.branch.test, false, &orelse); /* before the first turn: the test stands twice */
  if (!block_push(u, &b, BLOCK_LOOP, n)) return;
  b.brk = &end;
  b.cont = &test;
  label_place(u, &body);
  stmts(u, &n->u.branch.body);
  label_place(u, &test);
  block_pop(u, &b);
  u->stmt_top = u->top;
  if (always_true(u, n->u.branch.test)) emit_jump(u, n, &body);
  else jump_if(u, n->u.branch.test, true, &body);
  label_place(u, &orelse);
  stmts(u, &n->u.branch.orelse);
  label_place(u, &end);
}

int loop_iterable(Unit *u, const Node *iter) {
  Value v = iter->kind == N_List || iter->kind == N_Set ? fold_sequence(u, &iter->u.seq.elts) : V_ABSENT;
  if (v_absent(v)) return expr_use(u, iter);
  int r = regs_alloc(u, 1);
  load_const(u, iter, r, v);
  if (iter->kind == N_Set) EMIT(u, iter, SET, r, r, SET_OF_CONSTANTS_LOOP);
  return r;
}

static void for_stmt(Unit *u, const Node *n) {
  const Node *iter = n->u.forloop.iter, *target = n->u.forloop.target;
  Label body = LABEL_INIT, next = LABEL_INIT, end = LABEL_INIT;
  Block b;
  int mark = u->top;
  int it = regs_alloc(u, 1);
  int source = loop_iterable(u, iter);
  EMIT(u, n, GETITER, it, source, 0);
  u->top = it + 1;
  if (!block_push(u, &b, BLOCK_LOOP, n)) return;
  b.brk = &end;
  b.cont = &next;
  State *before = state_copy(u, u->state);
  emit_jump(u, n, &next);
  state_set(u, before);
  label_place(u, &body);
  int item = target_reg(u, target);
  if (item >= 0) {
    target_mark(u, target);
  } else {
    item = regs_alloc(u, 1);
    u->stmt_top = u->top;
    store_to(u, target, item);
    u->top = it + 1;
  }
  stmts(u, &n->u.forloop.body);
  label_place(u, &next);
  block_pop(u, &b);
  emit_branch(u, n, INS(OP_FOR, item, it, 0), &body);
  stmts(u, &n->u.forloop.orelse);
  label_place(u, &end);
  u->top = mark;
}

/* PEP 492. __anext__ is awaited under a handler of its own; StopAsyncIteration there ends the loop. */
static void async_for_stmt(Unit *u, const Node *n) {
  const Node *iter = n->u.forloop.iter;
  Label next = LABEL_INIT, end = LABEL_INIT;
  Block b;
  int mark = u->top, outer = u->handler;
  if (!u->unit_scope->is_async) {
    comp_error(u, n, "'async for' outside async function");
    return;
  }
  int it = regs_alloc(u, 1);
  EMIT(u, n, GETAITER, it, expr_use(u, iter), 0);
  u->top = it + 1;
  int h = regs_alloc(u, 2);
  if (!block_push(u, &b, BLOCK_LOOP, n)) return;
  b.brk = &end;
  b.cont = &next;
  State *before = state_copy(u, u->state);
  int handler = handler_new(u, h);
  label_place(u, &next);
  handler_set(u, handler);
  int item = regs_alloc(u, 1);
  EMIT(u, n, GETANEXT, item, it, 0);
  await_value(u, n, item, 3, item);
  handler_set(u, outer);
  u->stmt_top = u->top;
  store_to(u, n->u.forloop.target, item);
  u->top = h + 2;
  stmts(u, &n->u.forloop.body);
  emit_jump(u, n, &next);
  block_pop(u, &b);
  if (handler >= 0) handler_place(u, handler, before);
  EMIT(u, iter, ENDASYNCFOR, h, 0, 0);
  stmts(u, &n->u.forloop.orelse);
  label_place(u, &end);
  u->top = mark;
}

/* ---- leaving */

static bool in_group(Unit *u, const Node *n, const Block *until) {
  for (const Block *b = u->block; b != until; b = b->outer)
    if (b->kind == BLOCK_GROUP) {
      comp_error(u, n, "'break', 'continue' and 'return' cannot appear in an except* block");
      return true;
    }
  return false;
}

static void loop_exit(Unit *u, const Node *n) {
  const Block *b = u->block;
  bool brk = n->kind == N_Break;
  while (b && b->kind != BLOCK_LOOP) {
    if (b->kind == BLOCK_GROUP && in_group(u, n, b->outer)) return;
    b = b->outer;
  }
  if (!b) {
    comp_error(u, n, brk ? "'break' outside loop" : "'continue' not properly in loop");
    return;
  }
  int handler = u->handler;
  unwind(u, b);
  emit_jump(u, n, brk ? b->brk : b->cont);
  handler_set(u, handler);
}

/* May leaving the blocks change a local? Then the value returned cannot wait in the local's register. */
static bool unwinding_assigns(const Unit *u) {
  for (const Block *b = u->block; b; b = b->outer)
    if (b->kind == BLOCK_FINALLY || (b->kind == BLOCK_EXC && b->name)) return true;
  return false;
}

static void return_stmt(Unit *u, const Node *n) {
  const Node *value = n->u.ret.value;
  const Scope *s = u->unit_scope;
  if (!scope_is_function(s)) {
    comp_error(u, n, "'return' outside function");
    return;
  }
  if (value && s->is_async && s->has_yield) {
    comp_error(u, n, "'return' with value in async generator");
    return;
  }
  if (in_group(u, n, NULL)) return;
  int mark = u->top, handler = u->handler, r = -1;
  bool none = !value || (value->kind == N_Constant && value->u.constant.kind == CONST_NONE);
  if (!none) r = unwinding_assigns(u) ? expr_temp(u, value) : expr_use(u, value);
  unwind(u, NULL);
  if (none) EMIT(u, n, RETURNNONE, 0, 0, 0);
  else EMIT(u, n, RETURN, r, 0, 0);
  handler_set(u, handler);
  u->top = mark;
}

static void raise_stmt(Unit *u, const Node *n) {
  int mark = u->top;
  if (!n->u.raise.exc) {
    EMIT(u, n, RAISECURRENT, 0, 0, 0);
  } else if (!n->u.raise.cause) {
    int r = expr_use(u, n->u.raise.exc);
    EMIT(u, n, RAISE, r, 0, 0);
  } else {
    int r = expr_any(u, n->u.raise.exc);
    int cause = expr_use(u, n->u.raise.cause);
    EMIT(u, n, RAISEFROM, r, cause, 0);
  }
  u->top = mark;
}

static void assert_stmt(Unit *u, const Node *n) {
  Label ok = LABEL_INIT;
  int mark = u->top;
  u->last_compare = NULL;
  warn_assert(u, n);
  if (u->c->vm->config.optimize) return;
  jump_if(u, n->u.assert_.test, true, &ok);
  const Node *at = u->last_compare ? u->last_compare : n; /* the line is shown with the comparison that failed, if it is one */
  if (n->u.assert_.msg) {
    int r = expr_use(u, n->u.assert_.msg);
    EMIT(u, at, ASSERTFAIL, r, 1, 0);
  } else {
    EMIT(u, at, ASSERTFAIL, 0, 0, 0);
  }
  label_place(u, &ok);
  u->top = mark;
}

/* ---- imports */

static const Name *part_name(Unit *u, const char *text, size_t len) { return failed(u) ? NULL : scope_intern(&u->c->ss, text, len); }

static int import_module(Unit *u, const Node *n, const char *module, int args) {
  EMITX(u, n, IMPORT, args, args, 0, name_index(u, part_name(u, module, strlen(module))));
  return args;
}

/* import a.b.c binds a; import a.b.c as d binds c, found by walking down. */
static void import_alias(Unit *u, const Node *n, const Node *alias) {
  const char *name = alias->u.alias.name;
  const char *dot = strchr(name, '.');
  int mark = u->top;
  int args = regs_alloc(u, 2);
  load_none(u, n, args);
  load_const(u, n, args + 1, v_from_int62(0));
  int module = import_module(u, n, name, args);
  if (alias->u.alias.asname) {
    while (dot) {
      const char *part = dot + 1, *end;
      dot = strchr(part, '.');
      end = dot ? dot : part + strlen(part);
      EMITX(u, n, SUBMODULE, module, module, 0, name_index(u, part_name(u, part, (size_t)(end - part))));
    }
    if (!name_forbidden(u, n, alias->u.alias.asname)) name_store(u, n, alias->u.alias.asname, module);
  } else {
    const Name *head = part_name(u, name, dot ? (size_t)(dot - name) : strlen(name));
    if (head) name_store(u, n, head->text, module);
  }
  u->top = mark;
}

static Value from_list(Unit *u, const NodeList *names) {
  Tuple *t = failed(u) ? NULL : tuple_new(u->c->vm, NULL, (size_t)names->n);
  if (!t) {
    fail_pending(u->c);
    return V_NONE;
  }
  for (int i = 0; i < names->n; i++) {
    const char *name = names->items[i]->u.alias.name;
    Str *s = name_str(u->c, part_name(u, name, strlen(name)));
    if (s) gc_store(u->c->vm, t, &t->items[i], v_from_obj(s));
  }
  return v_from_obj(t);
}

static void import_from(Unit *u, const Node *n) {
  const char *module = n->u.import.module ? n->u.import.module : "";
  const NodeList *names = &n->u.import.names;
  int mark = u->top;
  if (!n->u.import.level && strcmp(module, "__future__") == 0 && n->line > u->c->ss.last_future_line) {
    comp_error(u, n, "from __future__ imports must occur at the beginning of the file");
    return;
  }
  int args = regs_alloc(u, 2);
  load_const(u, n, args, from_list(u, names));
  load_const(u, n, args + 1, v_from_int62(n->u.import.level));
  int m = import_module(u, n, module, args);
  for (int i = 0; i < names->n && !failed(u); i++) {
    const Node *alias = names->items[i];
    const char *name = alias->u.alias.name, *as = alias->u.alias.asname ? alias->u.alias.asname : name;
    if (strcmp(name, "*") == 0) {
      EMIT(u, n, IMPORTSTAR, m, 0, 0);
      break;
    }
    EMITX(u, n, IMPORTFROM, args + 1, m, 0, name_index(u, part_name(u, name, strlen(name))));
    if (!name_forbidden(u, n, as)) name_store(u, n, as, args + 1);
  }
  u->top = mark;
}

/* ---- statements */

static void expr_stmt(Unit *u, const Node *n) {
  int mark = u->top;
  if (u->interactive) EMIT(u, n, PRINTEXPR, expr_use(u, n->u.ret.value), 0, 0);
  else expr_discard(u, n->u.ret.value);
  u->top = mark;
}

static void stmt(Unit *u, const Node *n) {
  switch ((NodeKind)n->kind) {
    case N_Expr: expr_stmt(u, n); break;
    case N_Assign: assign_stmt(u, n); break;
    case N_AugAssign: augassign_stmt(u, n); break;
    case N_AnnAssign: annassign_stmt(u, n); break;
    case N_Return: return_stmt(u, n); break;
    case N_If: if_stmt(u, n); break;
    case N_While: while_stmt(u, n); break;
    case N_For: for_stmt(u, n); break;
    case N_AsyncFor: async_for_stmt(u, n); break;
    case N_Break: case N_Continue: loop_exit(u, n); break;
    case N_FunctionDef: case N_AsyncFunctionDef: func_def(u, n); break;
    case N_ClassDef: class_def(u, n); break;
    case N_Try: try_stmt(u, n); break;
    case N_TryStar: try_star_stmt(u, n); break;
    case N_With: case N_AsyncWith: with_stmt(u, n); break;
    case N_Match: match_stmt(u, n); break;
    case N_Raise: raise_stmt(u, n); break;
    case N_Assert: assert_stmt(u, n); break;
    case N_Delete:
      for (int i = 0; i < n->u.del.targets.n; i++) delete_target(u, n->u.del.targets.items[i]);
      break;
    case N_Import:
      for (int i = 0; i < n->u.import.names.n; i++) import_alias(u, n, n->u.import.names.items[i]);
      break;
    case N_ImportFrom: import_from(u, n); break;
    default: break; /* global, nonlocal, pass */
  }
}

void stmts(Unit *u, const NodeList *list) {
  for (int i = 0; i < list->n && !failed(u); i++) {
    int mark = u->top;
    if (!scope_enter(&u->c->ss, list->items[i])) return;
    u->stmt_top = mark;
    stmt(u, list->items[i]);
    u->top = mark;
    scope_leave(&u->c->ss);
  }
}
