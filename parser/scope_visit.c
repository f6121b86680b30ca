/* The walk that makes scopes: every binding and use of a name is noted in the scope where it stands, with the errors that need no more than that.
 * Rules: language reference, "Naming and binding"; PEP 572 for := inside comprehensions. Left-leaning chains of operators, attributes and calls are walked
 * without recursion; everything else counts its depth. */
#include "parser/scope_int.h"
#include <string.h>

static void visit_expr(Scopes *ss, const Node *n);
static void visit_stmts(Scopes *ss, const NodeList *list);
static void visit_pattern(Scopes *ss, const Node *n);

/* ---- symbols */

static Symbol *symbol_get(Scopes *ss, Scope *s, const Name *name) {
  if (!name) return NULL;
  Symbol *sym = scope_find(s, name);
  if (sym) return sym;
  sym = arena_alloc(ss->arena, sizeof *sym);
  if (!sym || !ptrmap_set(ss->arena, &s->symbols, name, sym)) {
    scope_no_memory(ss);
    return NULL;
  }
  sym->name = name;
  sym->scope = s;
  if (s->last) s->last->next = sym;
  else s->first = sym;
  s->last = sym;
  return sym;
}

static Symbol *note_name(Scopes *ss, const Name *name, int flags, const Node *at) {
  Scope *s = ss->cur;
  Symbol *sym = symbol_get(ss, s, name);
  if (!sym) return NULL;
  if ((flags & SYM_PARAM) && (sym->flags & SYM_PARAM)) {
    scope_error(ss, at, "duplicate argument '%s' in function definition", name->text);
    return NULL;
  }
  if (ss->in_comp_target && (flags & SYM_BOUND)) {
    if (sym->flags & (SYM_GLOBAL | SYM_NONLOCAL)) {
      scope_error(ss, at, "comprehension inner loop cannot rebind assignment expression target '%s'", name->text);
      return NULL;
    }
    flags |= SYM_ITER;
  }
  sym->flags |= (uint16_t)flags;
  return sym;
}

static Symbol *note(Scopes *ss, const char *text, int flags, const Node *at) {
  if (ss->err->set) return NULL;
  return note_name(ss, scope_name(ss, ss->cur, text), flags, at);
}

static Scope *scope_new(Scopes *ss, ScopeKind kind, const Node *node, const char *name) {
  Scope *s = arena_alloc(ss->arena, sizeof *s);
  if (!s || !ptrmap_set(ss->arena, &ss->by_node, node, s)) {
    scope_no_memory(ss);
    return NULL;
  }
  s->kind = kind;
  s->node = node;
  s->parent = ss->cur;
  s->owner = scope_is_inline(s) ? ss->cur->owner : s;
  s->name = scope_intern(ss, name, strlen(name));
  s->private_name = ss->cur ? ss->cur->private_name : NULL;
  if (kind == SCOPE_CLASS) s->private_name = s->name;
  if (ss->last) ss->last->next = s;
  else ss->module = s;
  ss->last = s;
  return s;
}

/* ---- functions and classes */

static void param(Scopes *ss, Scope *s, const Node *arg) {
  Symbol *sym = note(ss, arg->u.arg.name, SYM_PARAM | SYM_BOUND, arg);
  if (sym) sym->index = s->n_params++;
}

static void params(Scopes *ss, Scope *s, const Node *args) {
  for (int i = 0; i < args->u.arguments.posonly.n; i++) param(ss, s, args->u.arguments.posonly.items[i]);
  for (int i = 0; i < args->u.arguments.args.n; i++) param(ss, s, args->u.arguments.args.items[i]);
  for (int i = 0; i < args->u.arguments.kwonly.n; i++) param(ss, s, args->u.arguments.kwonly.items[i]);
  if (args->u.arguments.vararg) param(ss, s, args->u.arguments.vararg);
  if (args->u.arguments.kwarg) param(ss, s, args->u.arguments.kwarg);
}

static void visit_list(Scopes *ss, const NodeList *list) {
  for (int i = 0; i < list->n && !ss->err->set; i++)
    if (list->items[i]) visit_expr(ss, list->items[i]);
}

/* Something is awaited here. */
static void note_await(Scopes *ss) {
  if (ss->cur->kind >= SCOPE_GENEXP) ss->cur->is_async = true;
  else if (ss->cur->kind == SCOPE_MODULE) ss->cur->awaits = true;
}

static void annotation(Scopes *ss, const Node *n) {
  if (n && !ss->future_annotations) visit_expr(ss, n); /* PEP 563: kept as text, names in it mean nothing here */
}

static void arg_annotations(Scopes *ss, const NodeList *list) {
  for (int i = 0; i < list->n; i++) annotation(ss, list->items[i]->u.arg.annotation);
}

static void visit_defaults(Scopes *ss, const Node *args) {
  visit_list(ss, &args->u.arguments.defaults);
  visit_list(ss, &args->u.arguments.kw_defaults);
}

static void visit_function(Scopes *ss, const Node *n) {
  const Node *args = n->u.func.args;
  note(ss, n->u.func.name, SYM_BOUND, n);
  visit_defaults(ss, args);
  arg_annotations(ss, &args->u.arguments.posonly);
  arg_annotations(ss, &args->u.arguments.args);
  if (args->u.arguments.vararg) annotation(ss, args->u.arguments.vararg->u.arg.annotation);
  if (args->u.arguments.kwarg) annotation(ss, args->u.arguments.kwarg->u.arg.annotation);
  arg_annotations(ss, &args->u.arguments.kwonly);
  annotation(ss, n->u.func.returns);
  visit_list(ss, &n->u.func.decorators);
  if (ss->err->set) return;
  Scope *s = scope_new(ss, SCOPE_FUNCTION, n, n->u.func.name), *outer = ss->cur;
  if (!s) return;
  s->is_async = n->kind == N_AsyncFunctionDef;
  ss->cur = s;
  params(ss, s, args);
  visit_stmts(ss, &n->u.func.body);
  ss->cur = outer;
}

static void visit_class(Scopes *ss, const Node *n) {
  note(ss, n->u.cls.name, SYM_BOUND, n);
  visit_list(ss, &n->u.cls.bases);
  for (int i = 0; i < n->u.cls.keywords.n; i++) visit_expr(ss, n->u.cls.keywords.items[i]->u.keyword.value);
  visit_list(ss, &n->u.cls.decorators);
  if (ss->err->set) return;
  Scope *s = scope_new(ss, SCOPE_CLASS, n, n->u.cls.name), *outer = ss->cur;
  if (!s) return;
  ss->cur = s;
  visit_stmts(ss, &n->u.cls.body);
  ss->cur = outer;
}

static void visit_lambda(Scopes *ss, const Node *n) {
  visit_defaults(ss, n->u.lambda.args);
  if (ss->err->set) return;
  Scope *s = scope_new(ss, SCOPE_LAMBDA, n, "<lambda>"), *outer = ss->cur;
  if (!s) return;
  ss->cur = s; /* in_comp_iter stays: in the iterable of a comprehension a lambda may not hold := either */
  params(ss, s, n->u.lambda.args);
  visit_expr(ss, n->u.lambda.body);
  ss->cur = outer;
}

/* ---- comprehensions */

static void visit_generator(Scopes *ss, const Node *g, bool outermost) {
  if (g->u.comprehension.is_async) note_await(ss);
  bool in_target = ss->in_comp_target;
  ss->in_comp_target = true;
  visit_expr(ss, g->u.comprehension.target);
  ss->in_comp_target = in_target;
  if (!outermost) {
    ss->in_comp_iter++;
    visit_expr(ss, g->u.comprehension.iter);
    ss->in_comp_iter--;
  }
  visit_list(ss, &g->u.comprehension.ifs);
}

static void visit_comp(Scopes *ss, const Node *n) {
  static const struct { uint8_t kind, scope; const char *name; } kinds[] = {{N_ListComp, SCOPE_LISTCOMP, "<listcomp>"}, {N_SetComp, SCOPE_SETCOMP, "<setcomp>"},
    {N_DictComp, SCOPE_DICTCOMP, "<dictcomp>"}, {N_GeneratorExp, SCOPE_GENEXP, "<genexpr>"}};
  int k = 0;
  while (kinds[k].kind != n->kind) k++;
  const NodeList *gens = &n->u.comp.generators;
  ss->in_comp_iter++;
  visit_expr(ss, gens->items[0]->u.comprehension.iter);
  ss->in_comp_iter--;
  if (ss->err->set) return;
  Scope *s = scope_new(ss, (ScopeKind)kinds[k].scope, n, kinds[k].name), *outer = ss->cur;
  if (!s) return;
  int in_iter = ss->in_comp_iter;
  bool in_target = ss->in_comp_target;
  ss->in_comp_target = false;
  ss->cur = s;
  if (s->kind == SCOPE_GENEXP) {
    Symbol *it = note(ss, ".0", SYM_PARAM | SYM_BOUND, n);
    if (it) it->index = s->n_params++;
  }
  for (int i = 0; i < gens->n; i++) visit_generator(ss, gens->items[i], i == 0);
  if (n->u.comp.value) visit_expr(ss, n->u.comp.value);
  visit_expr(ss, n->u.comp.elt);
  ss->cur = outer;
  ss->in_comp_iter = in_iter;
  ss->in_comp_target = in_target;
  /* An asynchronous comprehension makes what is around it asynchronous, too; a generator expression only the module. */
  if (s->is_async && (s->kind != SCOPE_GENEXP || outer->kind == SCOPE_MODULE)) note_await(ss);
}

/* PEP 572: the target of := in a comprehension belongs to the scope around all comprehensions. */
static bool extend_walrus(Scopes *ss, const Node *target) {
  const Name *name = scope_name(ss, ss->cur, target->u.name.id);
  if (!name) return false;
  for (Scope *s = ss->cur; s; s = s->parent) {
    if (s->kind >= SCOPE_GENEXP) {
      Symbol *sym = scope_find(s, name);
      if (sym && (sym->flags & SYM_ITER)) return scope_error(ss, target, "assignment expression cannot rebind comprehension iteration variable '%s'", name->text);
      continue;
    }
    if (s->kind == SCOPE_CLASS) return scope_error(ss, target, "assignment expression within a comprehension cannot be used in a class body");
    Symbol *outer = symbol_get(ss, s, name), *inner = symbol_get(ss, ss->cur, name);
    if (!outer || !inner) return false;
    if (s->kind == SCOPE_MODULE) {
      inner->flags |= SYM_GLOBAL;
      outer->flags |= SYM_GLOBAL | SYM_WALRUS;
    } else {
      inner->flags |= (outer->flags & SYM_GLOBAL) ? SYM_GLOBAL : SYM_NONLOCAL;
      outer->flags |= SYM_BOUND | SYM_WALRUS;
    }
    return true;
  }
  return true;
}

static void visit_named(Scopes *ss, const Node *n) {
  const Node *target = n->u.named.target;
  if (ss->cur->kind >= SCOPE_GENEXP) {
    if (ss->in_comp_iter) {
      scope_error(ss, n, "assignment expression cannot be used in a comprehension iterable expression");
      return;
    }
    if (!extend_walrus(ss, target)) return;
  } else if (ss->in_comp_iter) {
    scope_error(ss, n, "assignment expression cannot be used in a comprehension iterable expression");
    return;
  }
  visit_expr(ss, n->u.named.value);
  note(ss, target->u.name.id, SYM_BOUND | SYM_WALRUS, target);
}

/* ---- expressions */

static void visit_name(Scopes *ss, const Node *n) {
  bool load = n->ctx == CTX_LOAD;
  Symbol *sym = note(ss, n->u.name.id, load ? SYM_USED : n->ctx == CTX_DEL ? SYM_BOUND | SYM_DELETED : SYM_BOUND, n);
  if (sym && load && sym->name == ss->n_super && scope_is_function(ss->cur)) note_name(ss, ss->n_class, SYM_USED, n); /* PEP 3135 */
}

static void visit_yield(Scopes *ss, const Node *n) {
  static const char *const where[] = {[SCOPE_GENEXP] = "generator expression", [SCOPE_LISTCOMP] = "list comprehension", [SCOPE_SETCOMP] = "set comprehension",
    [SCOPE_DICTCOMP] = "dict comprehension"};
  if (n->u.ret.value) visit_expr(ss, n->u.ret.value);
  if (ss->err->set) return;
  if (ss->cur->kind >= SCOPE_GENEXP) {
    scope_error(ss, n, "'yield' inside %s", where[ss->cur->kind]);
    return;
  }
  ss->cur->has_yield = true;
}

static bool is_spine(const Node *n) { return n->kind == N_BinOp || n->kind == N_Attribute || n->kind == N_Subscript || n->kind == N_Call; }

static const Node *spine_left(const Node *n) {
  switch (n->kind) {
    case N_BinOp: return n->u.bin.left;
    case N_Attribute: return n->u.attribute.value;
    case N_Subscript: return n->u.subscript.value;
    default: return n->u.call.func;
  }
}

static bool spine_push(Scopes *ss, const Node *n) {
  if (ss->n_spine == ss->cap_spine) {
    int cap = ss->cap_spine ? ss->cap_spine * 2 : 32;
    const Node **list = arena_alloc(ss->arena, sizeof *list * (size_t)cap);
    if (!list) return scope_no_memory(ss);
    if (ss->n_spine) memcpy(list, ss->spine, sizeof *list * (size_t)ss->n_spine);
    ss->spine = list;
    ss->cap_spine = cap;
  }
  ss->spine[ss->n_spine++] = n;
  return true;
}

/* a.b(c) + d ...: from the leftmost operand outwards. */
static void visit_spine(Scopes *ss, const Node *n) {
  int base = ss->n_spine;
  for (; is_spine(n); n = spine_left(n))
    if (!spine_push(ss, n)) return;
  visit_expr(ss, n);
  while (ss->n_spine > base && !ss->err->set) {
    n = ss->spine[--ss->n_spine];
    if (n->kind == N_BinOp) visit_expr(ss, n->u.bin.right);
    else if (n->kind == N_Subscript) visit_expr(ss, n->u.subscript.slice);
    else if (n->kind == N_Call) {
      visit_list(ss, &n->u.call.args);
      for (int i = 0; i < n->u.call.keywords.n; i++) visit_expr(ss, n->u.call.keywords.items[i]->u.keyword.value);
    }
  }
  ss->n_spine = base;
}

static void visit_opt(Scopes *ss, const Node *n) {
  if (n) visit_expr(ss, n);
}

static void visit_dict(Scopes *ss, const Node *n) {
  for (int i = 0; i < n->u.dict.values.n && !ss->err->set; i++) {
    visit_opt(ss, n->u.dict.keys.items[i]);
    visit_expr(ss, n->u.dict.values.items[i]);
  }
}

static void visit_inner(Scopes *ss, const Node *n) {
  switch ((NodeKind)n->kind) {
    case N_BoolOp: visit_list(ss, &n->u.boolop.values); break;
    case N_NamedExpr: visit_named(ss, n); break;
    case N_UnaryOp: visit_expr(ss, n->u.unary.operand); break;
    case N_Lambda: visit_lambda(ss, n); break;
    case N_IfExp:
      for (; n->kind == N_IfExp && !ss->err->set; n = n->u.ifexp.orelse) {
        visit_expr(ss, n->u.ifexp.test);
        visit_expr(ss, n->u.ifexp.body);
      }
      visit_expr(ss, n);
      break;
    case N_Dict: visit_dict(ss, n); break;
    case N_ListComp: case N_SetComp: case N_DictComp: case N_GeneratorExp: visit_comp(ss, n); break;
    case N_Await:
      visit_expr(ss, n->u.ret.value);
      note_await(ss);
      break;
    case N_Yield: case N_YieldFrom: visit_yield(ss, n); break;
    case N_Compare:
      visit_expr(ss, n->u.compare.left);
      visit_list(ss, &n->u.compare.comparators);
      break;
    case N_FormattedValue:
      visit_expr(ss, n->u.fvalue.value);
      visit_opt(ss, n->u.fvalue.spec);
      break;
    case N_JoinedStr: visit_list(ss, &n->u.joined.values); break;
    case N_Starred: visit_expr(ss, n->u.ret.value); break;
    case N_Set: case N_List: case N_Tuple: visit_list(ss, &n->u.seq.elts); break;
    case N_Slice:
      visit_opt(ss, n->u.slice.lower);
      visit_opt(ss, n->u.slice.upper);
      visit_opt(ss, n->u.slice.step);
      break;
    default: break;
  }
}

static void visit_expr(Scopes *ss, const Node *n) {
  if (ss->err->set || n->kind == N_Constant) return;
  if (n->kind == N_Name) {
    visit_name(ss, n);
    return;
  }
  if (!scope_enter(ss, n)) return;
  if (is_spine(n)) visit_spine(ss, n);
  else visit_inner(ss, n);
  scope_leave(ss);
}

/* ---- statements */

static void visit_declaration(Scopes *ss, const Node *n) {
  bool global = n->kind == N_Global;
  const char *word = global ? "global" : "nonlocal";
  for (int i = 0; i < n->u.scope.names.n && !ss->err->set; i++) {
    const Name *name = scope_name(ss, ss->cur, n->u.scope.names.items[i]);
    Symbol *sym = symbol_get(ss, ss->cur, name);
    if (!sym) return;
    if (sym->flags & SYM_PARAM) scope_error(ss, n, "name '%s' is parameter and %s", n->u.scope.names.items[i], word);
    else if (sym->flags & SYM_USED) scope_error(ss, n, "name '%s' is used prior to %s declaration", n->u.scope.names.items[i], word);
    else if (sym->flags & SYM_ANNOTATED) scope_error(ss, n, "annotated name '%s' can't be %s", n->u.scope.names.items[i], word);
    else if (sym->flags & SYM_BOUND) scope_error(ss, n, "name '%s' is assigned to before %s declaration", n->u.scope.names.items[i], word);
    sym->flags |= global ? SYM_GLOBAL : SYM_NONLOCAL;
    if (!sym->decl) sym->decl = n;
    Symbol *top = global ? symbol_get(ss, ss->module, name) : NULL; /* code of exec() with two namespaces: a name declared anywhere is global at the top, too */
    if (top) top->flags |= SYM_GLOBAL;
  }
}

static void visit_annassign(Scopes *ss, const Node *n) {
  const Node *target = n->u.ann.target;
  ss->cur->has_annotations = true;
  if (target->kind == N_Name) {
    const Name *name = scope_name(ss, ss->cur, target->u.name.id);
    Symbol *sym = symbol_get(ss, ss->cur, name);
    if (!sym) return;
    if (n->u.ann.simple && (sym->flags & (SYM_GLOBAL | SYM_NONLOCAL)) && ss->cur->kind != SCOPE_MODULE) {
      scope_error(ss, n, "annotated name '%s' can't be %s", name->text, (sym->flags & SYM_GLOBAL) ? "global" : "nonlocal");
      return;
    }
    if (n->u.ann.simple) {
      sym->flags |= SYM_ANNOTATED | SYM_BOUND;
    } else if (n->u.ann.value) {
      sym->flags |= SYM_BOUND;
    }
  } else {
    visit_expr(ss, target);
  }
  annotation(ss, n->u.ann.annotation);
  visit_opt(ss, n->u.ann.value);
}

static void visit_import(Scopes *ss, const Node *n) {
  for (int i = 0; i < n->u.import.names.n && !ss->err->set; i++) {
    const Node *alias = n->u.import.names.items[i];
    const char *name = alias->u.alias.asname ? alias->u.alias.asname : alias->u.alias.name;
    if (strcmp(name, "*") == 0) {
      if (ss->cur->kind != SCOPE_MODULE) scope_error(ss, alias, "import * only allowed at module level");
      continue;
    }
    const char *dot = strchr(name, '.');
    char *head = dot ? arena_strndup(ss->arena, name, (size_t)(dot - name)) : NULL;
    if (dot && !head) {
      scope_no_memory(ss);
      return;
    }
    note(ss, head ? head : name, SYM_BOUND, alias);
  }
}

static void visit_try(Scopes *ss, const Node *n) {
  visit_stmts(ss, &n->u.try_.body);
  visit_stmts(ss, &n->u.try_.orelse);
  for (int i = 0; i < n->u.try_.handlers.n && !ss->err->set; i++) {
    const Node *h = n->u.try_.handlers.items[i];
    visit_opt(ss, h->u.handler.type);
    if (h->u.handler.name) note(ss, h->u.handler.name, SYM_BOUND | SYM_DELETED, h);
    visit_stmts(ss, &h->u.handler.body);
  }
  visit_stmts(ss, &n->u.try_.finalbody);
}

static void visit_if(Scopes *ss, const Node *n) {
  for (;;) { /* an elif is an If alone in orelse: long chains are no recursion */
    visit_expr(ss, n->u.branch.test);
    visit_stmts(ss, &n->u.branch.body);
    if (n->u.branch.orelse.n != 1 || n->u.branch.orelse.items[0]->kind != N_If || ss->err->set) break;
    n = n->u.branch.orelse.items[0];
  }
  visit_stmts(ss, &n->u.branch.orelse);
}

static void visit_with(Scopes *ss, const Node *n) {
  if (n->kind == N_AsyncWith) note_await(ss);
  for (int i = 0; i < n->u.with.items.n; i++) {
    visit_expr(ss, n->u.with.items.items[i]->u.withitem.context);
    visit_opt(ss, n->u.with.items.items[i]->u.withitem.vars);
  }
  visit_stmts(ss, &n->u.with.body);
}

static void visit_match(Scopes *ss, const Node *n) {
  visit_expr(ss, n->u.match.subject);
  for (int i = 0; i < n->u.match.cases.n && !ss->err->set; i++) {
    const Node *c = n->u.match.cases.items[i];
    visit_pattern(ss, c->u.match_case.pattern);
    visit_opt(ss, c->u.match_case.guard);
    visit_stmts(ss, &c->u.match_case.body);
  }
}

static void visit_patterns(Scopes *ss, const NodeList *list) {
  for (int i = 0; i < list->n && !ss->err->set; i++) visit_pattern(ss, list->items[i]);
}

static void visit_pattern(Scopes *ss, const Node *n) {
  if (ss->err->set || !scope_enter(ss, n)) return;
  switch ((NodeKind)n->kind) {
    case N_MatchValue: visit_expr(ss, n->u.match_value.value); break;
    case N_MatchSequence: case N_MatchOr: visit_patterns(ss, &n->u.match_seq.patterns); break;
    case N_MatchStar:
      if (n->u.match_star.name) note(ss, n->u.match_star.name, SYM_BOUND, n);
      break;
    case N_MatchMapping:
      visit_list(ss, &n->u.match_map.keys);
      visit_patterns(ss, &n->u.match_map.patterns);
      if (n->u.match_map.rest) note(ss, n->u.match_map.rest, SYM_BOUND, n);
      break;
    case N_MatchClass:
      visit_expr(ss, n->u.match_cls.cls);
      visit_patterns(ss, &n->u.match_cls.patterns);
      visit_patterns(ss, &n->u.match_cls.kwd_patterns);
      break;
    case N_MatchAs:
      if (n->u.match_as.pattern) visit_pattern(ss, n->u.match_as.pattern);
      if (n->u.match_as.name) note(ss, n->u.match_as.name, SYM_BOUND, n);
      break;
    default: break;
  }
  scope_leave(ss);
}

static void visit_simple(Scopes *ss, const Node *n) {
  switch ((NodeKind)n->kind) {
    case N_Return:
      if (n->u.ret.value) {
        visit_expr(ss, n->u.ret.value);
        ss->cur->has_return_value = true;
      }
      break;
    case N_Delete: visit_list(ss, &n->u.del.targets); break;
    case N_Assign:
      visit_list(ss, &n->u.assign.targets);
      visit_expr(ss, n->u.assign.value);
      break;
    case N_AugAssign:
      visit_expr(ss, n->u.aug.target);
      visit_expr(ss, n->u.aug.value);
      break;
    case N_AnnAssign: visit_annassign(ss, n); break;
    case N_Raise:
      visit_opt(ss, n->u.raise.exc);
      visit_opt(ss, n->u.raise.cause);
      break;
    case N_Assert:
      visit_expr(ss, n->u.assert_.test);
      visit_opt(ss, n->u.assert_.msg);
      break;
    case N_Import: case N_ImportFrom: visit_import(ss, n); break;
    case N_Global: case N_Nonlocal: visit_declaration(ss, n); break;
    case N_Expr: visit_expr(ss, n->u.ret.value); break;
    default: break;
  }
}

static void visit_stmt(Scopes *ss, const Node *n) {
  switch ((NodeKind)n->kind) {
    case N_FunctionDef: case N_AsyncFunctionDef: visit_function(ss, n); break;
    case N_ClassDef: visit_class(ss, n); break;
    case N_For: case N_AsyncFor:
      if (n->kind == N_AsyncFor) note_await(ss);
      visit_expr(ss, n->u.forloop.target);
      visit_expr(ss, n->u.forloop.iter);
      visit_stmts(ss, &n->u.forloop.body);
      visit_stmts(ss, &n->u.forloop.orelse);
      break;
    case N_While:
      visit_expr(ss, n->u.branch.test);
      visit_stmts(ss, &n->u.branch.body);
      visit_stmts(ss, &n->u.branch.orelse);
      break;
    case N_If: visit_if(ss, n); break;
    case N_With: case N_AsyncWith: visit_with(ss, n); break;
    case N_Match: visit_match(ss, n); break;
    case N_Try: case N_TryStar: visit_try(ss, n); break;
    default: visit_simple(ss, n); break;
  }
}

static void visit_stmts(Scopes *ss, const NodeList *list) {
  for (int i = 0; i < list->n && !ss->err->set; i++) {
    if (!scope_enter(ss, list->items[i])) return;
    visit_stmt(ss, list->items[i]);
    scope_leave(ss);
  }
}

/* ---- __future__ (PEP 236): only a docstring and other such imports may stand before. Names are checked here, late ones by code generation. */

static void future_import(Scopes *ss, const Node *n) {
  static const char *const known[] = {"nested_scopes", "generators", "division", "absolute_import", "with_statement", "print_function", "unicode_literals",
    "barry_as_FLUFL", "generator_stop", "annotations"};
  for (int i = 0; i < n->u.import.names.n; i++) {
    const char *name = n->u.import.names.items[i]->u.alias.name;
    bool found = false;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) found = found || strcmp(name, known[k]) == 0;
    if (strcmp(name, "annotations") == 0) ss->future_annotations = true;
    if (found) continue;
    if (strcmp(name, "braces") == 0) scope_error(ss, n, "not a chance");
    else scope_error(ss, n, "future feature %s is not defined", name);
    ss->err->offset = n->col + 1;
    ss->err->end_line = n->line;
    ss->err->end_offset = 0;
    return;
  }
  ss->last_future_line = n->line;
}

static void scan_future(Scopes *ss, const NodeList *body) {
  for (int i = 0; i < body->n && !ss->err->set; i++) {
    const Node *n = body->items[i];
    bool is_doc = i == 0 && n->kind == N_Expr && n->u.ret.value->kind == N_Constant && n->u.ret.value->u.constant.kind == CONST_STR;
    if (is_doc) continue;
    if (n->kind != N_ImportFrom || n->u.import.level || !n->u.import.module || strcmp(n->u.import.module, "__future__") != 0) return;
    future_import(ss, n);
  }
}

void scope_visit_tree(Scopes *ss, const Node *tree) {
  if (tree->kind != N_Expression) scan_future(ss, &tree->u.mod.body);
  if (ss->err->set) return;
  Scope *s = scope_new(ss, SCOPE_MODULE, tree, "<module>");
  if (!s) return;
  ss->cur = s;
  if (tree->kind == N_Expression) visit_expr(ss, tree->u.expression.body);
  else visit_stmts(ss, &tree->u.mod.body);
  ss->cur = NULL;
}
