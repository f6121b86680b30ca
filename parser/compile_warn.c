/* SyntaxWarnings: code that surely is a slip; and how they and the parser's warnings are told, by the module warnings if the script has it. */
#include "parser/compile_int.h"
#include <stdarg.h>
#include <stdio.h>
#include "lexer/source.h"
#include "vm/objects/exception.h"

/* Without the module warnings: what its filters would do. */
static void show(Compiler *c, int line, const char *msg) {
  VM *vm = c->vm;
  const Source *source = c->ss.source;
  Buf b;
  size_t len = 0;
  if (!vm->config.write) return;
  buf_init(&b, rt_mem(vm));
  buf_printf(&b, "%s:%d: SyntaxWarning: %s\n", c->filename_c, line, msg);
  const char *text = c->source && source && line <= source->n_lines ? source_line(source, line, &len) : NULL;
  Buf from_file; /* of what compile() was given only the file's lines are shown, as in tracebacks */
  buf_init(&from_file, rt_mem(vm));
  if (!text && c->filename_c[0] != '<' && vm_file_line(vm, c->filename_c, line, &from_file) && !from_file.failed) text = buf_cstr(&from_file), len = from_file.len;
  while (len && (*text == ' ' || *text == '\t')) text++, len--;
  while (len && (text[len - 1] == '\n' || text[len - 1] == ' ')) len--;
  if (text) {
    buf_str(&b, "  ");
    buf_add(&b, text, len);
    buf_char(&b, '\n');
  }
  buf_free(&from_file);
  if (!b.failed) vm->config.write(vm->config.user, 2, b.data, b.len);
  buf_free(&b);
}

static void add(Compiler *c, Warning w) {
  Warning *copy = arena_alloc(&c->arena, sizeof *copy);
  if (!copy || !(w.msg = arena_strndup(&c->arena, w.msg, strlen(w.msg)))) return; /* the arena has failed: so will the compilation */
  *copy = w;
  *c->warnings_tail = copy;
  c->warnings_tail = &copy->next;
}

void warn_parsed(Compiler *c, const ParseWarning *list) {
  if (c->flags & COMPILE_HIDDEN) return;
  for (const ParseWarning *w = list; w; w = w->next) add(c, (Warning){NULL, w->category[0] == 'S' ? &exc_SyntaxWarning : &exc_DeprecationWarning, NULL, w->line, w->offset, w->end_line, w->end_offset, w->msg});
}

static void warn(Unit *u, const Node *n, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void warn(Unit *u, const Node *n, const char *fmt, ...) {
  Compiler *c = u->c;
  char msg[200];
  va_list ap;
  if (failed(u) || (c->flags & COMPILE_HIDDEN)) return;
  if (n->line == c->warned_line && n->col <= c->warned_col) return; /* tests and finally bodies are written out more than once */
  c->warned_line = n->line;
  c->warned_col = n->col;
  va_start(ap, fmt);
  vsnprintf(msg, sizeof msg, fmt, ap);
  va_end(ap);
  add(c, (Warning){NULL, &exc_SyntaxWarning, n, n->line, 0, 0, 0, msg});
}

/* A filter made the warning an exception: it becomes a SyntaxError that tells the place. */
static void make_error(Compiler *c, const Warning *w) {
  VM *vm = c->vm;
  if (!rt_pending_is(vm, w->category)) {
    c->err.set = c->pending = true;
    return;
  }
  rt_take_exc(vm);
  if (w->at) {
    scope_error(&c->ss, w->at, "%s", w->msg);
    c->err.late = true;
    return;
  }
  Node at;
  memset(&at, 0, sizeof at);
  at.line = w->line;
  scope_error(&c->ss, &at, "%s", w->msg);
  if (w->category == &exc_SyntaxWarning && c->err.text_len && c->err.text[c->err.text_len - 1] == '\n') c->err.text_len--; /* the lexer's */
  c->err.offset = w->offset;
  c->err.end_line = w->end_line;
  c->err.end_offset = w->end_offset;
}

bool warnings_tell(Compiler *c, Value keep) {
  VM *vm = c->vm;
  if (!c->warnings) return true;
  Value module = dict_get_c(vm, vm->modules, "warnings"), fn = V_ABSENT;
  size_t mark = rt_temp_mark(vm);
  Value *held = rt_temp(vm, 3);
  if (!held) return c->err.set = c->pending = true, false;
  held[0] = keep;
  held[1] = v_from_obj(c->filename);
  if (!v_absent(module) && !v_failed(module)) {
    Str *name = str_intern(vm, "warn_explicit", 13);
    fn = name ? rt_getattr_opt(vm, module, name) : V_FAIL;
  }
  if (!v_failed(fn)) held[2] = fn;
  for (const Warning *w = c->warnings; w && !c->err.set; w = w->next) {
    if (v_absent(fn)) {
      if (w->category == &exc_SyntaxWarning) show(c, w->line, w->msg);
      continue;
    }
    Str *msg = v_failed(fn) ? NULL : str_from(vm, w->msg);
    Value args[4] = {msg ? v_from_obj(msg) : V_NONE, rt_type_value(w->category), held[1], v_from_int62(w->line)};
    if (!msg || v_failed(rt_call(vm, held[2], 4, args))) make_error(c, w);
  }
  rt_temp_release(vm, mark);
  return !c->err.set;
}

/* constant[constant] */
static Value folded_item(Unit *u, const Node *n) {
  VM *vm = u->c->vm;
  Value of = fold(u, n->u.subscript.value), key = v_absent(of) ? V_ABSENT : fold(u, n->u.subscript.slice), item;
  if (v_absent(key) || !v_is_int(key) || !(v_is_exact(of, &tuple_type) || v_is_exact(of, &str_type) || v_is_exact(of, &bytes_type))) return V_ABSENT;
  item = rt_getitem(vm, of, key);
  if (!v_failed(item)) return item;
  (void)rt_take_exc(vm);
  return V_ABSENT;
}

/* What an operation on constants gives; V_ABSENT: it is none, or not folded. */
static Value folded(Unit *u, const Node *n) {
  if (n->kind == N_Subscript) return folded_item(u, n);
  return n->kind == N_UnaryOp || n->kind == N_BinOp || n->kind == N_Tuple ? fold(u, n) : V_ABSENT;
}

/* Type of the value, where the kind of expression tells it; NULL. */
static const char *type_name(Unit *u, const Node *n) {
  static const char *const constants[] = {[CONST_NONE] = "NoneType", [CONST_TRUE] = "bool", [CONST_FALSE] = "bool", [CONST_ELLIPSIS] = "ellipsis", [CONST_INT] = "int",
    [CONST_BIGINT] = "int", [CONST_FLOAT] = "float", [CONST_COMPLEX] = "complex", [CONST_STR] = "str", [CONST_BYTES] = "bytes"};
  Value known = folded(u, n);
  if (!v_absent(known) && !v_failed(known)) return type_of(known)->name;
  switch ((NodeKind)n->kind) {
    case N_Constant: return constants[n->u.constant.kind];
    case N_Tuple: return "tuple";
    case N_List: case N_ListComp: return "list";
    case N_Dict: case N_DictComp: return "dict";
    case N_Set: case N_SetComp: return "set";
    case N_GeneratorExp: return "generator";
    case N_Lambda: return "function";
    case N_JoinedStr: case N_FormattedValue: return "str";
    default: return NULL;
  }
}

void warn_call(Unit *u, const Node *call) {
  const Node *fn = call->u.call.func;
  const char *type = fn->kind == N_Lambda ? NULL : type_name(u, fn);
  if (type) warn(u, call, "'%s' object is not callable; perhaps you missed a comma?", type);
}

void warn_subscript(Unit *u, const Node *n) {
  const Node *value = n->u.subscript.value, *index = n->u.subscript.slice;
  const char *type = type_name(u, value), *of = type_name(u, index);
  if (!type) return;
  bool known = !v_absent(folded(u, value)), number = known && strcmp(type, "str") != 0 && strcmp(type, "bytes") != 0 && strcmp(type, "tuple") != 0;
  bool text = (known && !number && value->kind != N_Tuple) || value->kind == N_JoinedStr || value->kind == N_FormattedValue || (value->kind == N_Constant && value->u.constant.kind >= CONST_STR);
  if (value->kind == N_Set || value->kind == N_SetComp || value->kind == N_GeneratorExp || value->kind == N_Lambda || (value->kind == N_Constant && !text) || number) {
    warn(u, n, "'%s' object is not subscriptable; perhaps you missed a comma?", type);
  } else if ((text || (known && !number) || value->kind == N_Tuple || value->kind == N_List || value->kind == N_ListComp) && of && strcmp(of, "int") != 0 && strcmp(of, "bool") != 0) {
    warn(u, n, "%s indices must be integers or slices, not %s; perhaps you missed a comma?", type, of);
  }
}

static bool is_literal(Unit *u, const Node *n) {
  if (n->kind == N_Constant) return n->u.constant.kind >= CONST_INT;
  Value known = folded(u, n);
  return !v_absent(known) && !v_is_bool(known) && !v_is_none(known) && !v_same(known, V_ELLIPSIS);
}

void warn_compare(Unit *u, const Node *n) {
  const Node *left = n->u.compare.left;
  for (int i = 0; i < n->u.compare.comparators.n; i++) {
    const Node *right = n->u.compare.comparators.items[i];
    int op = n->u.compare.ops[i];
    if ((op == CMP_IS || op == CMP_IS_NOT) && (is_literal(u, left) || is_literal(u, right))) {
      warn(u, n, op == CMP_IS ? "\"is\" with a literal. Did you mean \"==\"?" : "\"is not\" with a literal. Did you mean \"!=\"?");
      return;
    }
    left = right;
  }
}

void warn_assert(Unit *u, const Node *n) {
  const Node *test = n->u.assert_.test;
  if (test->kind == N_Tuple && test->u.seq.elts.n) warn(u, n, "assertion is always true, perhaps remove parentheses?");
}
