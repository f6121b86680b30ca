/* Functions, lambdas and classes: the code of their bodies, and making them (reference, "Function definitions", "Class definitions"). */
#include "parser/compile_int.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

enum { HAS_DEFAULTS = 1, HAS_KW_DEFAULTS = 2, HAS_ANNOTATIONS = 4, HAS_CLOSURE = 8 };
enum { CELLS_DIRECT = 40 };

/* ---- making the function object */

/* R[base + 3] = tuple of the cells that the new function closes over. */
static void closure(Unit *u, const Node *at, const Scope *s, int base) {
  int mark = u->top;
  if (s->n_free <= CELLS_DIRECT && regs_room(u, s->n_free)) {
    int cells = regs_alloc(u, s->n_free);
    for (int i = 0; i < s->n_free; i++) var_cell(u, at, s->free[i].home, s->free[i].name, cells + i);
    EMIT(u, at, TUPLE, base + 3, cells, s->n_free);
  } else {
    int t = regs_alloc(u, 1);
    EMIT(u, at, LIST, base + 3, t, 0);
    for (int i = 0; i < s->n_free; i++) {
      var_cell(u, at, s->free[i].home, s->free[i].name, t);
      EMIT(u, at, APPEND, base + 3, t, 0);
    }
    EMIT(u, at, LISTTUPLE, base + 3, base + 3, 0);
  }
  u->top = mark;
}

/* base: four registers, those that `bits` names are filled. */
void make_function(Unit *u, const Node *at, Code *code, const Scope *s, int base, uint32_t bits, int dst) {
  if (!code || failed(u)) return;
  if (s->n_free) {
    closure(u, at, s, base);
    bits |= HAS_CLOSURE;
  }
  EMITX(u, at, FUNCTION, dst, base, bits, const_index(u, v_from_obj(code)));
}

static Value param_name(Unit *u, const Node *arg) {
  Str *s = failed(u) ? NULL : name_str(u->c, scope_name(&u->c->ss, u->scope, arg->u.arg.name));
  return s ? v_from_obj(s) : V_NONE;
}

static uint32_t defaults(Unit *u, const Node *at, const Node *args, int base) {
  uint32_t bits = 0;
  int mark = u->top;
  if (args->u.arguments.defaults.n) {
    tuple_build(u, at, &args->u.arguments.defaults, base);
    bits |= HAS_DEFAULTS;
  }
  for (int i = 0; i < args->u.arguments.kwonly.n && !failed(u); i++) {
    const Node *value = args->u.arguments.kw_defaults.items[i];
    if (!value) continue;
    if (!(bits & HAS_KW_DEFAULTS)) EMIT(u, at, DICT, base + 1, base + 1, 0);
    bits |= HAS_KW_DEFAULTS;
    int pair = regs_alloc(u, 2);
    load_const(u, at, pair, param_name(u, args->u.arguments.kwonly.items[i]));
    expr_to(u, value, pair + 1);
    EMIT(u, at, DICTSET, base + 1, pair, pair + 1);
    u->top = mark;
  }
  return bits;
}

static void annotation(Unit *u, const Node *at, const Value name, const Node *value, int base, uint32_t *bits) {
  int mark = u->top;
  if (!value || failed(u)) return;
  if (!*bits) EMIT(u, at, DICT, base + 2, base + 2, 0);
  *bits = HAS_ANNOTATIONS;
  int pair = regs_alloc(u, 2);
  load_const(u, at, pair, name);
  if (u->c->ss.future_annotations) load_const(u, at, pair + 1, v_from_str(text_of(u, value)));
  else if (value->kind == N_Starred) { /* *args: *Ts (PEP 646): the one item that it unpacks to */
    expr_to(u, value->u.ret.value, pair + 1);
    EMIT(u, value, UNPACK, pair + 1, pair + 1, 1);
  } else expr_to(u, value, pair + 1);
  EMIT(u, at, DICTSET, base + 2, pair, pair + 1);
  u->top = mark;
}

static void arg_annotations(Unit *u, const Node *at, const NodeList *list, int base, uint32_t *bits) {
  for (int i = 0; i < list->n; i++)
    if (list->items[i]->u.arg.annotation) annotation(u, at, param_name(u, list->items[i]), list->items[i]->u.arg.annotation, base, bits);
}

static uint32_t annotations(Unit *u, const Node *n, int base) {
  const Node *args = n->u.func.args;
  const Node *vararg = args->u.arguments.vararg, *kwarg = args->u.arguments.kwarg;
  uint32_t bits = 0;
  arg_annotations(u, n, &args->u.arguments.posonly, base, &bits);
  arg_annotations(u, n, &args->u.arguments.args, base, &bits);
  if (vararg && vararg->u.arg.annotation) annotation(u, n, param_name(u, vararg), vararg->u.arg.annotation, base, &bits);
  arg_annotations(u, n, &args->u.arguments.kwonly, base, &bits);
  if (kwarg && kwarg->u.arg.annotation) annotation(u, n, param_name(u, kwarg), kwarg->u.arg.annotation, base, &bits);
  if (n->u.func.returns) annotation(u, n, v_from_str(str_intern(u->c->vm, "return", 6)), n->u.func.returns, base, &bits);
  return bits;
}

/* ---- bodies */

const Node *docstring(const Unit *u, const NodeList *body) {
  if (!body->n || u->c->vm->config.optimize > 1 || body->items[0]->kind != N_Expr) return NULL;
  const Node *n = body->items[0]->u.ret.value;
  return n->kind == N_Constant && n->u.constant.kind == CONST_STR ? n : NULL;
}

static void check_param_list(Unit *u, const Node *at, const NodeList *list) {
  for (int i = 0; i < list->n; i++) name_forbidden(u, at, list->items[i]->u.arg.name);
}

static void check_params(Unit *u, const Node *at, const Node *args) {
  check_param_list(u, at, &args->u.arguments.posonly);
  check_param_list(u, at, &args->u.arguments.args);
  check_param_list(u, at, &args->u.arguments.kwonly);
  if (args->u.arguments.vararg) name_forbidden(u, at, args->u.arguments.vararg->u.arg.name);
  if (args->u.arguments.kwarg) name_forbidden(u, at, args->u.arguments.kwarg->u.arg.name);
}

static Code *function_code(Unit *outer, const Node *n, Scope *s) {
  Unit unit, *u = &unit;
  const Node *doc = docstring(outer, &n->u.func.body);
  unit_begin(u, outer->c, outer, s);
  if (n->u.func.decorators.n) u->first_line = (uint32_t)n->u.func.decorators.items[0]->line;
  if (doc) {
    Value text = const_value(u, doc);
    if (!v_absent(text)) u->doc = text;
  }
  unit_prologue(u);
  stmts(u, &n->u.func.body);
  return unit_finish(u);
}

static Code *lambda_code(Unit *outer, const Node *n, Scope *s) {
  Unit unit, *u = &unit;
  unit_begin(u, outer->c, outer, s);
  unit_prologue(u);
  int r = expr_use(u, n->u.lambda.body);
  if (u->flags & CODE_ASYNC_GEN) EMIT(u, n->u.lambda.body, RETURNNONE, 0, 0, 0);
  EMIT(u, n->u.lambda.body, RETURN, r, 0, 0);
  return unit_finish(u);
}

/* ---- statements and expressions that make them */

/* The decorators stand in registers one after the other, the thing decorated right behind the last. */
static void apply_decorators(Unit *u, const NodeList *decorators, int first) {
  for (int i = decorators->n - 1; i >= 0; i--) EMIT(u, decorators->items[i], CALL, first + i, 1, first + i);
}

void func_def(Unit *u, const Node *n) {
  Scope *s = scope_of(&u->c->ss, n);
  int mark = u->top;
  if (!s || name_forbidden(u, n, n->u.func.name)) return;
  check_params(u, n, n->u.func.args);
  for (int i = 0; i < n->u.func.decorators.n; i++) expr_temp(u, n->u.func.decorators.items[i]);
  int fn = regs_alloc(u, 1);
  int parts = regs_alloc(u, 4);
  uint32_t bits = defaults(u, n, n->u.func.args, parts);
  bits |= annotations(u, n, parts);
  make_function(u, n, failed(u) ? NULL : function_code(u, n, s), s, parts, bits, fn);
  u->top = fn + 1;
  apply_decorators(u, &n->u.func.decorators, mark);
  name_store(u, n, n->u.func.name, mark);
  u->top = mark;
}

void lambda_to(Unit *u, const Node *n, int dst) {
  Scope *s = scope_of(&u->c->ss, n);
  int mark = u->top;
  if (!s) return;
  check_params(u, n, n->u.lambda.args);
  int parts = regs_alloc(u, 4);
  uint32_t bits = defaults(u, n, n->u.lambda.args, parts);
  make_function(u, n, failed(u) ? NULL : lambda_code(u, n, s), s, parts, bits, dst);
  u->top = mark;
}

static void set_text(Unit *u, const Node *at, const char *name, Value text) {
  int r = regs_alloc(u, 1);
  load_const(u, at, r, text);
  name_store(u, at, name, r);
  u->top = r;
}

static Code *class_code(Unit *outer, const Node *n, Scope *s) {
  Unit unit, *u = &unit;
  const Node *doc = docstring(outer, &n->u.cls.body);
  Node at = *n;
  unit_begin(u, outer->c, outer, s);
  if (n->u.cls.decorators.n) u->first_line = (uint32_t)n->u.cls.decorators.items[0]->line;
  at.end_line = at.line;
  at.end_col = at.col;
  unit_prologue(u);
  int r = regs_alloc(u, 1);
  name_load(u, &at, "__name__", r);
  name_store(u, &at, "__module__", r);
  u->top = r;
  set_text(u, &at, "__qualname__", u->qualname ? v_from_obj(u->qualname) : V_NONE);
  if (s->has_annotations) EMIT(u, &at, ANNOTATIONS, 0, 0, 0);
  if (doc) set_text(u, doc, "__doc__", const_value(u, doc));
  stmts(u, &n->u.cls.body);
  if (s->class_cell) {
    r = regs_alloc(u, 1);
    move(u, &at, r, s->class_cell->index);
    name_store(u, &at, "__classcell__", r);
    EMIT(u, &at, RETURN, r, 0, 0);
  }
  return unit_finish(u);
}

void class_def(Unit *u, const Node *n) {
  Scope *s = scope_of(&u->c->ss, n);
  int mark = u->top;
  if (!s || name_forbidden(u, n, n->u.cls.name)) return;
  for (int i = 0; i < n->u.cls.decorators.n; i++) expr_temp(u, n->u.cls.decorators.items[i]);
  int base = regs_alloc(u, 3);
  EMIT(u, n, BUILDCLASS, base, 0, 0);
  int parts = regs_alloc(u, 4);
  make_function(u, n, class_code(u, n, s), s, parts, 0, base + 1);
  u->top = base + 3;
  load_const(u, n, base + 2, failed(u) ? V_NONE : v_from_str(name_str(u->c, s->name)));
  call_args(u, n, &n->u.cls.bases, &n->u.cls.keywords, base, 2, false, base);
  u->top = base + 1;
  apply_decorators(u, &n->u.cls.decorators, mark);
  name_store(u, n, n->u.cls.name, mark);
  u->top = mark;
}
