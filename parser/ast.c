/* Names of the node kinds, and the dump: the text that ast.dump(tree) of Python 3.11 gives, so that python3 can be the judge of the parser. */
#include "parser/ast.h"

#include <string.h>

#include "vm/base/dtoa.h"
#include "vm/base/utf8.h"

const char *const node_kind_names[N_COUNT] = {
#define X(name) #name,
  AST_NODES(X)
#undef X
};

enum { DUMP_MAX_DEPTH = 1000 }; /* deeper nodes are shown as "..." */

typedef struct Dump {
  Buf *out;
  bool attributes; /* positions, too: include_attributes=True */
  bool comma;      /* something was written in the innermost parentheses */
  int depth;
} Dump;

static void dump(Dump *d, const Node *n);

/* ---- pieces ---- */

static void field(Dump *d, const char *name) {
  if (d->comma) buf_str(d->out, ", ");
  d->comma = true;
  buf_str(d->out, name);
  buf_char(d->out, '=');
}

static void node_field(Dump *d, const char *name, const Node *n) {
  if (!n) return;
  field(d, name);
  dump(d, n);
}

static void node_list(Dump *d, const char *name, const NodeList *list) {
  field(d, name);
  buf_char(d->out, '[');
  for (int i = 0; i < list->n; i++) {
    if (i) buf_str(d->out, ", ");
    if (list->items[i]) dump(d, list->items[i]);
    else buf_str(d->out, "None");
  }
  buf_char(d->out, ']');
}

static void text_field(Dump *d, const char *name, const char *text) {
  if (!text) return;
  field(d, name);
  buf_char(d->out, '\'');
  buf_str(d->out, text);
  buf_char(d->out, '\'');
}

static void name_list(Dump *d, const char *name, const NameList *list) {
  field(d, name);
  buf_char(d->out, '[');
  for (int i = 0; i < list->n; i++) {
    if (i) buf_str(d->out, ", ");
    buf_printf(d->out, "'%s'", list->items[i]);
  }
  buf_char(d->out, ']');
}

static void int_field(Dump *d, const char *name, long long value) {
  field(d, name);
  buf_printf(d->out, "%lld", value);
}

static void op_field(Dump *d, const char *op) {
  field(d, "op");
  buf_printf(d->out, "%s()", op);
}

static void ctx_field(Dump *d, const Node *n) {
  static const char *const names[] = {"Load()", "Store()", "Del()"};
  field(d, "ctx");
  buf_str(d->out, names[n->ctx]);
}

/* ---- constants ---- */

static void repr_char(Buf *b, uint32_t c, char quote, bool bytes) {
  char text[4];
  if (c == (unsigned char)quote || c == '\\') buf_printf(b, "\\%c", (int)c);
  else if (c == '\n') buf_str(b, "\\n");
  else if (c == '\r') buf_str(b, "\\r");
  else if (c == '\t') buf_str(b, "\\t");
  else if (c >= 0x20 && c < 0x7F) buf_char(b, (char)c);
  else if (!bytes && uc_is_printable(c)) buf_add(b, text, (size_t)utf8_encode(c, text));
  else if (c < 0x100) buf_printf(b, "\\x%02x", (unsigned)c);
  else if (c < 0x10000) buf_printf(b, "\\u%04x", (unsigned)c);
  else buf_printf(b, "\\U%08x", (unsigned)c);
}

static void repr_text(Buf *b, const char *s, size_t len, bool bytes) {
  char quote = memchr(s, '\'', len) && !memchr(s, '"', len) ? '"' : '\'';
  if (bytes) buf_char(b, 'b');
  buf_char(b, quote);
  for (const char *p = s; p < s + len;) {
    uint32_t c = bytes ? (unsigned char)*p++ : utf8_decode(p, &p);
    repr_char(b, c, quote, bytes);
  }
  buf_char(b, quote);
}

/* Decimal text of a literal in another base, by repeated multiplication: only for the dump, hence simple. */
static void repr_big(Buf *b, const char *digits, size_t len, int base) {
  if (base == 10) {
    buf_add(b, digits, len);
    return;
  }
  size_t cap = len * 2 + 2, n = 1; /* decimal digits, lowest first; base 16 needs 1.21 a digit */
  char *dec = mem_zalloc(b->mem, cap);
  if (!dec) {
    b->failed = true;
    return;
  }
  for (size_t i = 0; i < len; i++) {
    int carry = digits[i] <= '9' ? digits[i] - '0' : (digits[i] | 32) - 'a' + 10;
    for (size_t k = 0; k < n || carry; k++) {
      int v = dec[k] * base + carry;
      dec[k] = (char)(v % 10);
      carry = v / 10;
      if (k >= n) n = k + 1;
    }
  }
  while (n--) buf_char(b, (char)('0' + dec[n]));
  mem_free(b->mem, dec, cap);
}

static void repr_float(Buf *b, double d, bool imaginary) {
  char text[40];
  int n = dtoa_repr(d, text);
  if (imaginary && n > 2 && memcmp(text + n - 2, ".0", 2) == 0) n -= 2;
  buf_add(b, text, (size_t)n);
  if (imaginary) buf_char(b, 'j');
}

static void constant(Dump *d, const Node *n) {
  field(d, "value");
  switch (n->u.constant.kind) {
    case CONST_NONE: buf_str(d->out, "None"); break;
    case CONST_TRUE: buf_str(d->out, "True"); break;
    case CONST_FALSE: buf_str(d->out, "False"); break;
    case CONST_ELLIPSIS: buf_str(d->out, "Ellipsis"); break;
    case CONST_INT: buf_printf(d->out, "%lld", (long long)n->u.constant.i); break;
    case CONST_BIGINT: repr_big(d->out, n->u.constant.s, n->u.constant.len, (int)n->u.constant.i); break;
    case CONST_FLOAT: repr_float(d->out, n->u.constant.d, false); break;
    case CONST_COMPLEX: repr_float(d->out, n->u.constant.d, true); break;
    case CONST_STR: repr_text(d->out, n->u.constant.s, n->u.constant.len, false); break;
    default: repr_text(d->out, n->u.constant.s, n->u.constant.len, true); break;
  }
  if (n->u.constant.u_prefix) text_field(d, "kind", "u");
}

/* ---- nodes ---- */

static const char *const binary_names[BIN_COUNT] = {"Add", "Sub", "Mult", "Div", "FloorDiv", "Mod", "Pow", "MatMult", "BitAnd", "BitOr", "BitXor", "LShift",
                                                    "RShift"};
static const char *const unary_names[UN_COUNT] = {"USub", "UAdd", "Invert", "Not"};
static const char *const compare_names[] = {"Lt", "LtE", "Eq", "NotEq", "Gt", "GtE", "Is", "IsNot", "In", "NotIn"};

static void compare(Dump *d, const Node *n) {
  node_field(d, "left", n->u.compare.left);
  field(d, "ops");
  buf_char(d->out, '[');
  for (int i = 0; i < n->u.compare.comparators.n; i++) buf_printf(d->out, "%s%s()", i ? ", " : "", compare_names[n->u.compare.ops[i]]);
  buf_char(d->out, ']');
  node_list(d, "comparators", &n->u.compare.comparators);
}

static void function(Dump *d, const Node *n) {
  text_field(d, "name", n->u.func.name);
  node_field(d, "args", n->u.func.args);
  node_list(d, "body", &n->u.func.body);
  node_list(d, "decorator_list", &n->u.func.decorators);
  node_field(d, "returns", n->u.func.returns);
}

static void class_def(Dump *d, const Node *n) {
  text_field(d, "name", n->u.cls.name);
  node_list(d, "bases", &n->u.cls.bases);
  node_list(d, "keywords", &n->u.cls.keywords);
  node_list(d, "body", &n->u.cls.body);
  node_list(d, "decorator_list", &n->u.cls.decorators);
}

static void arguments(Dump *d, const Node *n) {
  node_list(d, "posonlyargs", &n->u.arguments.posonly);
  node_list(d, "args", &n->u.arguments.args);
  node_field(d, "vararg", n->u.arguments.vararg);
  node_list(d, "kwonlyargs", &n->u.arguments.kwonly);
  node_list(d, "kw_defaults", &n->u.arguments.kw_defaults);
  node_field(d, "kwarg", n->u.arguments.kwarg);
  node_list(d, "defaults", &n->u.arguments.defaults);
}

static void try_(Dump *d, const Node *n) {
  node_list(d, "body", &n->u.try_.body);
  node_list(d, "handlers", &n->u.try_.handlers);
  node_list(d, "orelse", &n->u.try_.orelse);
  node_list(d, "finalbody", &n->u.try_.finalbody);
}

static void statement(Dump *d, const Node *n) {
  switch (n->kind) {
    case N_Module: node_list(d, "body", &n->u.mod.body); buf_str(d->out, ", type_ignores=[]"); break;
    case N_Interactive: node_list(d, "body", &n->u.mod.body); break;
    case N_Expression: node_field(d, "body", n->u.expression.body); break;
    case N_FunctionDef: case N_AsyncFunctionDef: function(d, n); break;
    case N_ClassDef: class_def(d, n); break;
    case N_Return: case N_Expr: node_field(d, "value", n->u.ret.value); break;
    case N_Delete: node_list(d, "targets", &n->u.del.targets); break;
    case N_Assign: node_list(d, "targets", &n->u.assign.targets); node_field(d, "value", n->u.assign.value); break;
    case N_AugAssign:
      node_field(d, "target", n->u.aug.target);
      op_field(d, binary_names[n->u.aug.op]);
      node_field(d, "value", n->u.aug.value);
      break;
    case N_AnnAssign:
      node_field(d, "target", n->u.ann.target);
      node_field(d, "annotation", n->u.ann.annotation);
      node_field(d, "value", n->u.ann.value);
      int_field(d, "simple", n->u.ann.simple);
      break;
    case N_For: case N_AsyncFor:
      node_field(d, "target", n->u.forloop.target);
      node_field(d, "iter", n->u.forloop.iter);
      node_list(d, "body", &n->u.forloop.body);
      node_list(d, "orelse", &n->u.forloop.orelse);
      break;
    case N_While: case N_If:
      node_field(d, "test", n->u.branch.test);
      node_list(d, "body", &n->u.branch.body);
      node_list(d, "orelse", &n->u.branch.orelse);
      break;
    case N_With: case N_AsyncWith: node_list(d, "items", &n->u.with.items); node_list(d, "body", &n->u.with.body); break;
    case N_Match: node_field(d, "subject", n->u.match.subject); node_list(d, "cases", &n->u.match.cases); break;
    case N_Raise: node_field(d, "exc", n->u.raise.exc); node_field(d, "cause", n->u.raise.cause); break;
    case N_Try: case N_TryStar: try_(d, n); break;
    case N_Assert: node_field(d, "test", n->u.assert_.test); node_field(d, "msg", n->u.assert_.msg); break;
    case N_Import: node_list(d, "names", &n->u.import.names); break;
    case N_ImportFrom:
      text_field(d, "module", n->u.import.module);
      node_list(d, "names", &n->u.import.names);
      int_field(d, "level", n->u.import.level);
      break;
    case N_Global: case N_Nonlocal: name_list(d, "names", &n->u.scope.names); break;
    default: break; /* pass, break, continue */
  }
}

static void expression(Dump *d, const Node *n) {
  switch (n->kind) {
    case N_BoolOp: op_field(d, n->u.boolop.is_or ? "Or" : "And"); node_list(d, "values", &n->u.boolop.values); break;
    case N_NamedExpr: node_field(d, "target", n->u.named.target); node_field(d, "value", n->u.named.value); break;
    case N_BinOp:
      node_field(d, "left", n->u.bin.left);
      op_field(d, binary_names[n->u.bin.op]);
      node_field(d, "right", n->u.bin.right);
      break;
    case N_UnaryOp: op_field(d, unary_names[n->u.unary.op]); node_field(d, "operand", n->u.unary.operand); break;
    case N_Lambda: node_field(d, "args", n->u.lambda.args); node_field(d, "body", n->u.lambda.body); break;
    case N_IfExp:
      node_field(d, "test", n->u.ifexp.test);
      node_field(d, "body", n->u.ifexp.body);
      node_field(d, "orelse", n->u.ifexp.orelse);
      break;
    case N_Dict: node_list(d, "keys", &n->u.dict.keys); node_list(d, "values", &n->u.dict.values); break;
    case N_Set: node_list(d, "elts", &n->u.seq.elts); break;
    case N_List: case N_Tuple: node_list(d, "elts", &n->u.seq.elts); ctx_field(d, n); break;
    case N_ListComp: case N_SetComp: case N_GeneratorExp:
      node_field(d, "elt", n->u.comp.elt);
      node_list(d, "generators", &n->u.comp.generators);
      break;
    case N_DictComp:
      node_field(d, "key", n->u.comp.elt);
      node_field(d, "value", n->u.comp.value);
      node_list(d, "generators", &n->u.comp.generators);
      break;
    case N_Await: case N_Yield: case N_YieldFrom: node_field(d, "value", n->u.ret.value); break;
    case N_Compare: compare(d, n); break;
    case N_Call:
      node_field(d, "func", n->u.call.func);
      node_list(d, "args", &n->u.call.args);
      node_list(d, "keywords", &n->u.call.keywords);
      break;
    case N_FormattedValue:
      node_field(d, "value", n->u.fvalue.value);
      int_field(d, "conversion", n->u.fvalue.conversion);
      node_field(d, "format_spec", n->u.fvalue.spec);
      break;
    case N_JoinedStr: node_list(d, "values", &n->u.joined.values); break;
    case N_Constant: constant(d, n); break;
    case N_Attribute: node_field(d, "value", n->u.attribute.value); text_field(d, "attr", n->u.attribute.attr); ctx_field(d, n); break;
    case N_Subscript: node_field(d, "value", n->u.subscript.value); node_field(d, "slice", n->u.subscript.slice); ctx_field(d, n); break;
    case N_Starred: node_field(d, "value", n->u.ret.value); ctx_field(d, n); break;
    case N_Name: text_field(d, "id", n->u.name.id); ctx_field(d, n); break;
    case N_Slice:
      node_field(d, "lower", n->u.slice.lower);
      node_field(d, "upper", n->u.slice.upper);
      node_field(d, "step", n->u.slice.step);
      break;
    default: break;
  }
}

static void piece(Dump *d, const Node *n) {
  switch (n->kind) {
    case N_Comprehension:
      node_field(d, "target", n->u.comprehension.target);
      node_field(d, "iter", n->u.comprehension.iter);
      node_list(d, "ifs", &n->u.comprehension.ifs);
      int_field(d, "is_async", n->u.comprehension.is_async);
      break;
    case N_ExceptHandler:
      node_field(d, "type", n->u.handler.type);
      text_field(d, "name", n->u.handler.name);
      node_list(d, "body", &n->u.handler.body);
      break;
    case N_Arguments: arguments(d, n); break;
    case N_Arg: text_field(d, "arg", n->u.arg.name); node_field(d, "annotation", n->u.arg.annotation); break;
    case N_Keyword: text_field(d, "arg", n->u.keyword.name); node_field(d, "value", n->u.keyword.value); break;
    case N_Alias: text_field(d, "name", n->u.alias.name); text_field(d, "asname", n->u.alias.asname); break;
    case N_WithItem: node_field(d, "context_expr", n->u.withitem.context); node_field(d, "optional_vars", n->u.withitem.vars); break;
    case N_MatchCase:
      node_field(d, "pattern", n->u.match_case.pattern);
      node_field(d, "guard", n->u.match_case.guard);
      node_list(d, "body", &n->u.match_case.body);
      break;
    default: break;
  }
}

static void pattern(Dump *d, const Node *n) {
  switch (n->kind) {
    case N_MatchValue: node_field(d, "value", n->u.match_value.value); break;
    case N_MatchSingleton: constant(d, n->u.match_value.value); break;
    case N_MatchSequence: case N_MatchOr: node_list(d, "patterns", &n->u.match_seq.patterns); break;
    case N_MatchMapping:
      node_list(d, "keys", &n->u.match_map.keys);
      node_list(d, "patterns", &n->u.match_map.patterns);
      text_field(d, "rest", n->u.match_map.rest);
      break;
    case N_MatchClass:
      node_field(d, "cls", n->u.match_cls.cls);
      node_list(d, "patterns", &n->u.match_cls.patterns);
      name_list(d, "kwd_attrs", &n->u.match_cls.kwd_attrs);
      node_list(d, "kwd_patterns", &n->u.match_cls.kwd_patterns);
      break;
    case N_MatchStar: text_field(d, "name", n->u.match_star.name); break;
    default: node_field(d, "pattern", n->u.match_as.pattern); text_field(d, "name", n->u.match_as.name); break;
  }
}

/* Python's names of the pieces are in lower case. */
static const char *shown_name(const Node *n) {
  switch (n->kind) {
    case N_Comprehension: return "comprehension";
    case N_Arguments: return "arguments";
    case N_Arg: return "arg";
    case N_Keyword: return "keyword";
    case N_Alias: return "alias";
    case N_WithItem: return "withitem";
    case N_MatchCase: return "match_case";
    default: return node_kind_names[n->kind];
  }
}

static bool has_position(const Node *n) {
  return n->kind > N_Interactive && n->kind != N_Comprehension && n->kind != N_Arguments && n->kind != N_WithItem && n->kind != N_MatchCase;
}

static void dump(Dump *d, const Node *n) {
  if (d->depth >= DUMP_MAX_DEPTH) {
    buf_str(d->out, "...");
    return;
  }
  bool comma = d->comma;
  d->comma = false;
  d->depth++;
  buf_str(d->out, shown_name(n));
  buf_char(d->out, '(');
  if (n->kind < N_BoolOp) statement(d, n);
  else if (n->kind < N_Comprehension) expression(d, n);
  else if (n->kind < N_MatchValue) piece(d, n);
  else pattern(d, n);
  if (d->attributes && has_position(n)) {
    int_field(d, "lineno", n->line);
    int_field(d, "col_offset", n->col);
    int_field(d, "end_lineno", n->end_line);
    int_field(d, "end_col_offset", n->end_col);
  }
  buf_char(d->out, ')');
  d->depth--;
  d->comma = comma;
}

void ast_dump(Buf *out, const Node *node) {
  Dump d = {.out = out};
  dump(&d, node);
}

void ast_dump_attributes(Buf *out, const Node *node) {
  Dump d = {.out = out, .attributes = true};
  dump(&d, node);
}
