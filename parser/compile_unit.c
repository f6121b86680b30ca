/* Units: the beginning and the end of one code object. */
#include "parser/compile_int.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

enum { MAX_TRACKED = 4096 /* locals whose assignment is followed; the others are checked at every use */ };

/* ---- names of functions and classes */

static const char *separator(const Scope *parent) { return parent->kind == SCOPE_MODULE ? "" : parent->kind == SCOPE_CLASS || parent->kind >= SCOPE_GENEXP ? "." : ".<locals>."; }

static bool declared_global(const Scope *s) {
  if (s->kind != SCOPE_FUNCTION && s->kind != SCOPE_CLASS) return false;
  const Symbol *sym = scope_find(s->parent, s->name);
  return sym && sym->bind == BIND_GLOBAL;
}

/* f.<locals>.g, Class.method (PEP 3155); comprehensions in between count as the functions they are in the language. */
static Str *qualname(Compiler *c, const Unit *outer, const Scope *s) {
  int n = 0;
  Buf b;
  if (!outer || declared_global(s)) return name_str(c, s->name);
  buf_init(&b, rt_mem(c->vm));
  for (const Scope *p = s->parent; p != outer->unit_scope; p = p->parent) n++;
  const Scope *around = outer->unit_scope;
  if (around->kind != SCOPE_MODULE && outer->qualname) buf_add(&b, outer->qualname->data, outer->qualname->size);
  while (n--) { /* from the outermost comprehension inwards */
    const Scope *p = s->parent;
    for (int i = 0; i < n; i++) p = p->parent;
    buf_str(&b, separator(around));
    around = p;
    buf_str(&b, around->name->text);
  }
  buf_str(&b, separator(around));
  buf_str(&b, s->name->text);
  Str *text = str_from_buf(c->vm, &b);
  if (!text) fail_pending(c);
  return text;
}

/* ---- begin */

static uint32_t kind_flags(const Scope *s) {
  if (s->kind == SCOPE_MODULE) return CODE_MODULE | (s->is_async ? CODE_COROUTINE : 0);
  if (s->kind == SCOPE_CLASS) return CODE_CLASS | CODE_NAMESPACE;
  uint32_t flags = CODE_NEWLOCALS;
  bool gen = s->has_yield || s->kind == SCOPE_GENEXP;
  if (s->kind == SCOPE_GENEXP) flags |= CODE_COMPREHENSION;
  if (s->is_async) flags |= gen ? CODE_ASYNC_GEN : CODE_COROUTINE;
  else if (gen) flags |= CODE_GENERATOR;
  for (const Scope *p = s->parent; p; p = p->parent)
    if (scope_is_function(p)) return flags | CODE_NESTED;
  return flags;
}

static void begin_registers(Unit *u, Scope *s) {
  if (scope_is_function(s)) {
    u->n_near = s->n_locals < (int)NEAR_LOCALS ? s->n_locals : (int)NEAR_LOCALS;
    u->far_base = 256 + (s->n_locals > (int)NEAR_LOCALS ? s->n_locals - (int)NEAR_LOCALS : 0);
  } else {
    u->n_near = (u->flags & CODE_NAMESPACE) ? 1 : 0; /* R[0]: the namespace */
    u->far_base = 256;
    if (s->class_cell) s->class_cell->index = u->n_near++;
  }
  u->top = u->max_top = u->stmt_top = u->n_near;
}

void unit_begin(Unit *u, Compiler *c, Unit *outer, Scope *s) {
  memset(u, 0, sizeof *u);
  u->c = c;
  u->outer = outer;
  u->scope = u->unit_scope = s;
  u->flags = kind_flags(s) | (c->ss.future_annotations ? CODE_FUTURE_ANNOTATIONS : 0);
  u->doc = V_NONE;
  u->handler = -1;
  u->first_line = (uint32_t)s->node->line;
  if ((c->flags & COMPILE_HIDDEN) || ((c->flags & COMPILE_HIDDEN_FUNCTIONS) && scope_is_function(s))) u->flags |= CODE_HIDDEN;
  if (s->kind == SCOPE_MODULE && (c->flags & COMPILE_NAMESPACE)) u->flags |= CODE_NAMESPACE;
  begin_registers(u, s);
  int tracked = scope_is_function(s) ? (s->n_locals < MAX_TRACKED ? s->n_locals : MAX_TRACKED) : 0;
  u->n_words = (size_t)(tracked + 31) / 32;
  u->state = arena_alloc(&c->arena, sizeof *u->state + u->n_words * sizeof(uint32_t));
  if (!u->state) {
    scope_no_memory(&c->ss);
    return;
  }
  for (int i = 0; i < s->n_params && i < tracked; i++)
    if (!(s->locals[i]->flags & SYM_DELETED)) u->state->bits[i / 32] |= 1u << (i % 32);
  u->qualname = qualname(c, outer, s);
}

/* The generator object first, then the cells: its frame's own. */
void unit_prologue(Unit *u) {
  const Scope *s = u->unit_scope;
  Node at;
  memset(&at, 0, sizeof at);
  at.line = at.end_line = (int)u->first_line;
  if (u->flags & (CODE_GENERATOR | CODE_COROUTINE | CODE_ASYNC_GEN)) EMIT(u, &at, GENERATOR, 0, 0, 0);
  if (s->class_cell) EMIT(u, NULL, MAKECELL, s->class_cell->index, s->class_cell->index, 0);
  for (int i = 0; i < s->n_locals && !failed(u); i++) {
    int r = (int)local_reg((uint32_t)i);
    if (!(s->locals[i]->flags & SYM_CELL)) continue;
    if (r < 256) {
      EMIT(u, NULL, MAKECELL, r, r, 0);
    } else {
      int t = regs_alloc(u, 1);
      EMITX(u, NULL, GETFAR, t, 1, 0, r);
      EMIT(u, NULL, MAKECELL, t, t, 0);
      EMITX(u, NULL, SETFAR, t, 0, 0, r);
      u->top = t;
    }
  }
}

/* ---- finish */

static void *table(Unit *u, const void *items, size_t n, size_t item) {
  void *copy = failed(u) ? NULL : mem_alloc(rt_mem(u->c->vm), n * item);
  if (copy && n) memcpy(copy, items, n * item);
  if (!copy) scope_no_memory(&u->c->ss);
  return copy;
}

static Value name_value(Unit *u, const Name *name) {
  Str *s = name_str(u->c, name);
  return s ? v_from_obj(s) : V_NONE;
}

static Tuple *names_tuple(Unit *u, size_t n) {
  Tuple *t = failed(u) ? NULL : tuple_new(u->c->vm, NULL, n);
  if (!t) fail_pending(u->c);
  return t;
}

static void finish_names(Unit *u, Code *code) {
  VM *vm = u->c->vm;
  const Scope *s = u->unit_scope;
  size_t n_cells = s->class_cell ? 1 : 0;
  for (int i = 0; i < s->n_locals; i++) n_cells += (s->locals[i]->flags & SYM_CELL) != 0;
  Tuple *locals = names_tuple(u, (size_t)s->n_locals), *cells = names_tuple(u, n_cells), *frees = names_tuple(u, (size_t)s->n_free);
  uint32_t *regs = failed(u) ? NULL : mem_alloc(rt_mem(vm), n_cells * sizeof *regs);
  if (!regs) {
    scope_no_memory(&u->c->ss);
    return;
  }
  n_cells = 0;
  if (s->class_cell) {
    gc_store(vm, cells, &cells->items[0], name_value(u, s->class_cell->name));
    regs[n_cells++] = (uint32_t)s->class_cell->index;
  }
  for (int i = 0; i < s->n_locals; i++) {
    gc_store(vm, locals, &locals->items[i], name_value(u, s->locals[i]->name));
    if (!(s->locals[i]->flags & SYM_CELL)) continue;
    gc_store(vm, cells, &cells->items[n_cells], name_value(u, s->locals[i]->name));
    regs[n_cells++] = local_reg((uint32_t)i);
  }
  for (int i = 0; i < s->n_free; i++) gc_store(vm, frees, &frees->items[i], name_value(u, s->free[i].name));
  code->n_locals = (uint32_t)s->n_locals;
  gc_store_obj(vm, code, &code->local_names, locals);
  gc_store_obj(vm, code, &code->cell_names, cells);
  gc_store_obj(vm, code, &code->free_names, frees);
  code->cell_regs = regs;
  code->n_cells = (uint32_t)n_cells;
}

/* Each count is set together with its table: a code object that stays unfinished is freed by the collector. */
static void finish_tables(Unit *u, Code *code) {
  for (size_t i = 0; i < u->n_segments && !failed(u); i++) {
    Handler *h = &u->segments[i];
    h->reg = u->handlers[h->target].reg;
    h->target = u->handlers[h->target].target;
  }
  if (!failed(u)) thread_jumps(u);
  code->owns_tables = true;
  if ((code->instr = table(u, u->code, u->n, sizeof *u->code))) code->n_instr = (uint32_t)u->n;
  if ((code->handlers = table(u, u->segments, u->n_segments, sizeof *u->segments))) code->n_handlers = (uint32_t)u->n_segments;
  if ((code->positions = table(u, u->positions, u->n_positions, sizeof *u->positions))) code->n_positions = (uint32_t)u->n_positions;
  if ((code->comps = table(u, u->comps, u->n_comps, sizeof *u->comps))) code->n_comps = (uint32_t)u->n_comps;
  if (failed(u)) return;
  if (!code_alloc_consts(u->c->vm, code, (uint32_t)u->n_consts, (uint32_t)u->n_sites)) {
    fail_pending(u->c);
    return;
  }
  for (size_t i = 0; i < u->n_consts; i++) gc_store(u->c->vm, code, &code->consts[i], u->consts[i]);
  code->site_names = table(u, u->sites, u->n_sites, sizeof *u->sites);
  finish_names(u, code);
}

static void finish_params(Unit *u, Code *code) {
  const Node *n = u->unit_scope->node, *args = NULL;
  if (n->kind == N_FunctionDef || n->kind == N_AsyncFunctionDef) args = n->u.func.args;
  else if (n->kind == N_Lambda) args = n->u.lambda.args;
  else if (n->kind == N_GeneratorExp) code->n_params = 1;
  if (args) {
    code->n_posonly = (uint32_t)args->u.arguments.posonly.n;
    code->n_params = code->n_posonly + (uint32_t)args->u.arguments.args.n;
    code->n_kwonly = (uint32_t)args->u.arguments.kwonly.n;
    if (args->u.arguments.vararg) code->flags |= CODE_VARARGS;
    if (args->u.arguments.kwarg) code->flags |= CODE_VARKW;
  }
  if (!(code->flags & (CODE_VARARGS | CODE_VARKW)) && !code->n_kwonly) code->flags |= CODE_SIMPLE;
}

Code *unit_finish(Unit *u) {
  Compiler *c = u->c;
  EMIT(u, NULL, RETURNNONE, 0, 0, 0);
  handler_set(u, -1);
  Code *code = failed(u) ? NULL : code_new(c->vm);
  if (!code) {
    fail_pending(c);
    return NULL;
  }
  code->flags = u->flags;
  code->first_line = u->first_line;
  code->n_regs = (uint32_t)u->max_top;
  if (u->far_max || u->far_base > 256) code->n_regs = (uint32_t)(u->far_base + u->far_max);
  finish_params(u, code);
  finish_tables(u, code);
  gc_store(c->vm, code, &code->doc, u->doc);
  gc_store_obj(c->vm, code, &code->name, name_str(c, u->unit_scope->name));
  gc_store_obj(c->vm, code, &code->qualname, u->qualname);
  gc_store_obj(c->vm, code, &code->filename, c->filename);
  gc_store_obj(c->vm, code, &code->source, c->source);
  return failed(u) ? NULL : code;
}
