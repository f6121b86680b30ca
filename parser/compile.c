/* The one entry: source text -> code object, or an exception pending in the VM. */
#include "parser/compile.h"
#include "parser/compile_int.h"
#include "vm/objects/bytes.h"
#include "vm/objects/list.h"
#include "vm/objects/str_build.h"
#include <stdio.h>

/* ---- errors as exceptions */

/* Columns that are not known: 0, or None in attributes that are set later. */
static Value number_or_none(const SyntaxErr *e, int n) { return n ? v_from_int62(n) : e->line && !e->bare ? v_from_int62(0) : V_NONE; }

/* The line of an error's place as an object; None: not known, or not to be known. V_FAIL */
static Value error_text(Compiler *c) {
  const SyntaxErr *e = &c->err;
  VM *vm = c->vm;
  if (!e->late || (e->text && c->filename_c[0] != '<' && !(c->flags & COMPILE_NAMESPACE))) return e->text ? v_from_str(str_new(vm, e->text, e->text_len)) : V_NONE;
  Buf b;
  buf_init(&b, rt_mem(vm));
  bool found = c->filename_c[0] != '<' && vm_file_line(vm, c->filename_c, e->line, &b);
  buf_char(&b, '\n');
  if (found && !b.failed) return v_from_str(str_from_buf(vm, &b));
  buf_free(&b);
  return V_NONE;
}

static void raise_syntax(Compiler *c, const Type *type) {
  VM *vm = c->vm;
  const SyntaxErr *e = &c->err;
  Str *msg = str_from(vm, e->msg);
  Value text = error_text(c);
  if (!msg || !c->filename || v_failed(text)) return;
  Value where[6] = {v_from_obj(c->filename), number_or_none(e, e->line), number_or_none(e, e->offset), text, number_or_none(e, e->end_line),
    number_or_none(e, e->end_offset)};
  Tuple *details = tuple_new(vm, where, 6);
  if (!details) return;
  Value args[2] = {v_from_obj(msg), v_from_obj(details)};
  Value exc = exc_new(vm, type, e->no_place || e->bare ? 1 : 2, args);
  static const uint8_t fields[6] = {EXF_SYN_FILENAME, EXF_SYN_LINENO, EXF_SYN_OFFSET, EXF_SYN_TEXT, EXF_SYN_END_LINENO, EXF_SYN_END_OFFSET};
  for (int i = 0; e->bare && i < 6 && !v_failed(exc); i++) exc_set_field(vm, exc, fields[i], where[i]);
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

static Value compile_tree(Compiler *c, const char *src, size_t len, ParseMode mode, bool *incomplete) {
  ParseResult *result = arena_alloc(&c->arena, sizeof *result);
  if (!result) {
    c->err.set = true;
    c->err.kind = SYNTAX_MEMORY;
    return V_FAIL;
  }
  parse_source(&c->arena, src, len, (c->flags & COMPILE_TEXT) != 0, c->filename_c, mode, result);
  if (!result->tree) {
    c->err = result->error;
    c->err.set = true;
    if (result->error.incomplete && (c->flags & COMPILE_PARTIAL)) parse_say_incomplete(&c->err, src, len);
    if (incomplete) *incomplete = result->error.incomplete;
    return V_FAIL;
  }
  warn_parsed(c, result->warnings);
  if (c->flags & COMPILE_TREE) {
    Value tree = tree_objects(c, result->tree);
    c->pending = v_failed(tree);
    return tree;
  }
  c->ss.may_await = (c->flags & COMPILE_AWAIT) != 0;
  c->ss.future_annotations = (c->flags & COMPILE_ANNOTATIONS) != 0;
  if (!scope_build(&c->ss, &c->arena, result->tree, &c->err, &result->source, c->filename_c, stack_left(c->vm))) {
    c->err.late = true;
    c->err.bare = true;
    return V_FAIL;
  }
  Code *code = module_code(c, result->tree);
  c->err.late = c->err.set;
  return code ? v_from_obj(code) : V_FAIL;
}

/* Source in an encoding of the VM's that the lexer has not: becomes text, in the arena. False: failed. What no one knows is left to the lexer. */
static bool decode_foreign(Compiler *c, const char **src, size_t *len) {
  const char *name;
  char encoding[64];
  size_t n;
  if ((c->flags & COMPILE_TEXT) || !source_foreign(*src, *len, &name, &n) || n >= sizeof encoding) return true;
  memcpy(encoding, name, n);
  encoding[n] = '\0';
  Value text = codec_decode(c->vm, (View){(const uint8_t *)*src, *len}, v_from_bytes(bytes_new(c->vm, *src, *len)), encoding, "strict");
  if (v_failed(text) && rt_pending_is(c->vm, &exc_LookupError)) return (void)rt_take_exc(c->vm), true;
  if (v_failed(text) && rt_pending_is(c->vm, &exc_UnicodeError)) {
    Value why = rt_str(c->vm, rt_take_exc(c->vm));
    c->err.set = true;
    c->err.no_place = true;
    if (!v_failed(why)) snprintf(c->err.msg, sizeof c->err.msg, "%.200s", v_str(why)->data);
  }
  if (v_failed(text)) return false;
  char *copy = arena_alloc(&c->arena, v_str(text)->size + 1);
  if (!copy) return rt_no_memory(c->vm), false;
  memcpy(copy, v_str(text)->data, v_str(text)->size + 1);
  *src = copy;
  *len = v_str(text)->size;
  c->flags |= COMPILE_TEXT;
  return true;
}

Value compile_source(VM *vm, const char *src, size_t len, const char *filename, char mode, unsigned flags, bool *incomplete) {
  Compiler c;
  memset(&c, 0, sizeof c);
  c.vm = vm;
  c.flags = flags;
  c.filename_c = filename;
  c.warnings_tail = &c.warnings;
  if (incomplete) *incomplete = false;
  if (!rt_enter_c(vm, " during compilation")) return V_FAIL;
  arena_init(&c.arena, rt_mem(vm));
  bool decoded = decode_foreign(&c, &src, &len);
  c.filename = str_intern(vm, filename, strlen(filename));
  /* Kept for tracebacks, unless python3 would not show it either. */
  if (c.filename && filename[0] != '<' && !(flags & (COMPILE_HIDDEN | COMPILE_NAMESPACE)) && utf8_check(src, len, false, &(size_t){0}, &(const char *){NULL}) == len) c.source = str_new(vm, src, len);
  Value v = V_FAIL;
  if (rt_pending(vm)) c.pending = true;
  else if (decoded) v = compile_tree(&c, src, len, mode == 'v' ? PARSE_EXPRESSION : mode == 's' ? PARSE_INTERACTIVE : mode == 'p' ? PARSE_PROMPT : PARSE_FILE, incomplete);
  /* before an error found later, as where it is found; not before one of the parser */
  SyntaxErr found = c.err;
  bool pending = c.pending;
  if (!pending) {
    memset(&c.err, 0, sizeof c.err);
    if (warnings_tell(&c, v_failed(v) ? V_NONE : v)) c.err = found;
    else v = V_FAIL;
  }
  if (v_failed(v)) v = raise_error(&c);
  arena_free(&c.arena);
  rt_leave_c(vm);
  return v;
}
