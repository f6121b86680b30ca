/* The one entry: source text -> code object, or an exception pending in the VM. */
#include "parser/compile.h"
#include "parser/compile_int.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

/* ---- errors as exceptions */

static Value number_or_none(int n) { return n ? v_from_int62(n) : V_NONE; }

static void raise_syntax(Compiler *c, const Type *type) {
  VM *vm = c->vm;
  const SyntaxErr *e = &c->err;
  Str *msg = str_from(vm, e->msg), *text = e->text ? str_new(vm, e->text, e->text_len) : NULL;
  if (!msg || !c->filename || (e->text && !text)) return;
  Value where[6] = {v_from_obj(c->filename), number_or_none(e->line), number_or_none(e->offset), text ? v_from_obj(text) : V_NONE, number_or_none(e->end_line),
    number_or_none(e->end_offset)};
  Tuple *details = tuple_new(vm, where, 6);
  if (!details) return;
  Value args[2] = {v_from_obj(msg), v_from_obj(details)};
  Value exc = exc_new(vm, type, e->no_place ? 1 : 2, args);
  if (!v_failed(exc)) rt_raise_obj(vm, exc);
}

static Value raise_error(Compiler *c) {
  VM *vm = c->vm;
  if (c->pending) return V_FAIL;
  switch (c->err.kind) {
    case SYNTAX_ERROR: raise_syntax(c, &exc_SyntaxError); break;
    case SYNTAX_INDENTATION: raise_syntax(c, &exc_IndentationError); break;
    case SYNTAX_TAB: raise_syntax(c, &exc_TabError); break;
    case SYNTAX_VALUE: rt_raise(vm, &exc_ValueError, "%s", c->err.msg); break;
    case SYNTAX_OVERFLOW: rt_raise(vm, &exc_OverflowError, "%s", c->err.msg); break;
    case SYNTAX_RECURSION: rt_raise(vm, &exc_RecursionError, "%s", c->err.msg); break;
    case SYNTAX_MEMORY: rt_no_memory(vm); break;
  }
  return V_FAIL;
}

/* ---- modules */

static void module_body(Unit *u, const Node *tree) {
  const Node *doc = docstring(u, &tree->u.mod.body);
  if (u->unit_scope->has_annotations) EMIT(u, tree->u.mod.body.items[0], ANNOTATIONS, 0, 0, 0);
  if (doc && tree->kind == N_Module) {
    int r = expr_temp(u, doc);
    name_store(u, doc, "__doc__", r);
    u->top = r;
    u->doc = const_value(u, doc);
  }
  stmts(u, &tree->u.mod.body);
}

static Code *module_code(Compiler *c, const Node *tree) {
  Unit unit, *u = &unit;
  unit_begin(u, c, NULL, c->ss.module);
  u->first_line = 1;
  unit_prologue(u);
  u->interactive = tree->kind == N_Interactive;
  if (tree->kind == N_Expression) {
    int r = expr_use(u, tree->u.expression.body);
    EMIT(u, tree->u.expression.body, RETURN, r, 0, 0);
  } else {
    module_body(u, tree);
  }
  return unit_finish(u);
}

/* What is left of the 256 KiB of C stack that are there at least, some of it kept for what is called from here. */
static size_t stack_left(const VM *vm) {
  enum { TOTAL = 256 * 1024, KEEP = 40 * 1024, LEAST = 48 * 1024 };
  char here;
  uintptr_t at = (uintptr_t)&here, base = (uintptr_t)vm->c_stack_base;
  size_t used = !base ? TOTAL / 4 : at < base ? base - at : at - base;
  return used + KEEP + LEAST < TOTAL ? TOTAL - KEEP - used : LEAST;
}

static Code *compile_tree(Compiler *c, const char *src, size_t len, ParseMode mode, bool *incomplete) {
  ParseResult *result = arena_alloc(&c->arena, sizeof *result);
  if (!result) {
    c->err.set = true;
    c->err.kind = SYNTAX_MEMORY;
    return NULL;
  }
  parse_source(&c->arena, src, len, c->filename_c, mode, result);
  if (!result->tree) {
    c->err = result->error;
    c->err.set = true;
    if (incomplete) *incomplete = result->error.incomplete;
    return NULL;
  }
  /* result->warnings are DeprecationWarnings (invalid escapes), which python3 hides by default */
  if (!scope_build(&c->ss, &c->arena, result->tree, &c->err, src, len, c->filename_c, stack_left(c->vm))) return NULL;
  return module_code(c, result->tree);
}

Value compile_source(VM *vm, const char *src, size_t len, const char *filename, char mode, unsigned flags, bool *incomplete) {
  Compiler c;
  memset(&c, 0, sizeof c);
  c.vm = vm;
  c.flags = flags;
  c.filename_c = filename;
  if (incomplete) *incomplete = false;
  if (!rt_enter_c(vm, " during compilation")) return V_FAIL;
  arena_init(&c.arena, rt_mem(vm));
  c.filename = str_intern(vm, filename, strlen(filename));
  /* Kept for tracebacks, unless python3 would not show it either. */
  if (c.filename && filename[0] != '<' && !(flags & COMPILE_HIDDEN) && utf8_check(src, len, false, &(size_t){0}, &(const char *){NULL}) == len) c.source = str_new(vm, src, len);
  Code *code = NULL;
  if (rt_pending(vm)) c.pending = true;
  else code = compile_tree(&c, src, len, mode == 'v' ? PARSE_EXPRESSION : mode == 's' ? PARSE_INTERACTIVE : mode == 'p' ? PARSE_PROMPT : PARSE_FILE, incomplete);
  Value v = code ? v_from_obj(code) : raise_error(&c);
  arena_free(&c.arena);
  rt_leave_c(vm);
  return v;
}
