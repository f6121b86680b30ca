/* Expressions as text: what `from __future__ import annotations` leaves of an annotation (PEP 563), in the form that python3 gives it. */
#include "parser/compile_int.h"
#include "vm/objects/str.h"

/* Binding strength, weakest first; an expression gets parentheses where its place asks for a stronger one. */
typedef enum { P_TUPLE, P_TEST, P_OR, P_AND, P_NOT, P_CMP, P_BOR, P_BXOR, P_BAND, P_SHIFT, P_ARITH, P_TERM, P_FACTOR, P_POWER, P_ATOM } Strength;

static void put(Unit *u, Buf *b, const Node *n, int place);

static void open_if(Buf *b, bool yes) {
  if (yes) buf_char(b, '(');
}

static void close_if(Buf *b, bool yes) {
  if (yes) buf_char(b, ')');
}

static void put_list(Unit *u, Buf *b, const NodeList *list, int place) {
  for (int i = 0; i < list->n; i++) {
    if (i) buf_str(b, ", ");
    put(u, b, list->items[i], place);
  }
}

static void put_value(Unit *u, Buf *b, Value v) {
  Value text = v_absent(v) ? V_FAIL : rt_repr(u->c->vm, v);
  if (v_failed(text)) {
    if (!failed(u)) fail_pending(u->c);
  } else {
    buf_add(b, v_str(text)->data, v_str(text)->size);
  }
}

static void put_constant(Unit *u, Buf *b, const Node *n) {
  if (n->u.constant.kind == CONST_ELLIPSIS) buf_str(b, "...");
  else if (n->u.constant.kind == CONST_FLOAT && n->u.constant.d > 1.7976931348623157e308) buf_str(b, "1e309");
  else {
    if (n->u.constant.kind == CONST_STR && n->u.constant.u_prefix) buf_char(b, 'u');
    put_value(u, b, const_value(u, n));
  }
}

/* ---- operators */

static void put_binary(Unit *u, Buf *b, const Node *n, int place) {
  static const struct { const char *text; uint8_t strength; } ops[BIN_COUNT] = {[BIN_ADD] = {" + ", P_ARITH}, [BIN_SUB] = {" - ", P_ARITH}, [BIN_MUL] = {" * ", P_TERM},
    [BIN_TRUEDIV] = {" / ", P_TERM}, [BIN_FLOORDIV] = {" // ", P_TERM}, [BIN_MOD] = {" % ", P_TERM}, [BIN_POW] = {" ** ", P_POWER}, [BIN_MATMUL] = {" @ ", P_TERM},
    [BIN_AND] = {" & ", P_BAND}, [BIN_OR] = {" | ", P_BOR}, [BIN_XOR] = {" ^ ", P_BXOR}, [BIN_LSHIFT] = {" << ", P_SHIFT}, [BIN_RSHIFT] = {" >> ", P_SHIFT}};
  int s = ops[n->u.bin.op].strength;
  bool right = n->u.bin.op == BIN_POW; /* groups to the right */
  open_if(b, place > s);
  put(u, b, n->u.bin.left, s + right);
  buf_str(b, ops[n->u.bin.op].text);
  put(u, b, n->u.bin.right, s + !right);
  close_if(b, place > s);
}

static void put_unary(Unit *u, Buf *b, const Node *n, int place) {
  static const char *const ops[UN_COUNT] = {[UN_NEG] = "-", [UN_POS] = "+", [UN_INVERT] = "~", [UN_NOT] = "not "};
  int s = n->u.unary.op == UN_NOT ? P_NOT : P_FACTOR;
  open_if(b, place > s);
  buf_str(b, ops[n->u.unary.op]);
  put(u, b, n->u.unary.operand, s);
  close_if(b, place > s);
}

static void put_boolop(Unit *u, Buf *b, const Node *n, int place) {
  int s = n->u.boolop.is_or ? P_OR : P_AND;
  open_if(b, place > s);
  for (int i = 0; i < n->u.boolop.values.n; i++) {
    if (i) buf_str(b, n->u.boolop.is_or ? " or " : " and ");
    put(u, b, n->u.boolop.values.items[i], s + 1);
  }
  close_if(b, place > s);
}

static void put_compare(Unit *u, Buf *b, const Node *n, int place) {
  static const char *const ops[] = {[CMP_LT] = " < ", [CMP_LE] = " <= ", [CMP_EQ] = " == ", [CMP_NE] = " != ", [CMP_GT] = " > ", [CMP_GE] = " >= ", [CMP_IS] = " is ",
    [CMP_IS_NOT] = " is not ", [CMP_IN] = " in ", [CMP_NOT_IN] = " not in "};
  open_if(b, place > P_CMP);
  put(u, b, n->u.compare.left, P_CMP + 1);
  for (int i = 0; i < n->u.compare.comparators.n; i++) {
    buf_str(b, ops[n->u.compare.ops[i]]);
    put(u, b, n->u.compare.comparators.items[i], P_CMP + 1);
  }
  close_if(b, place > P_CMP);
}

static void put_ifexp(Unit *u, Buf *b, const Node *n, int place) {
  open_if(b, place > P_TEST);
  put(u, b, n->u.ifexp.body, P_TEST + 1);
  buf_str(b, " if ");
  put(u, b, n->u.ifexp.test, P_TEST + 1);
  buf_str(b, " else ");
  put(u, b, n->u.ifexp.orelse, P_TEST);
  close_if(b, place > P_TEST);
}

/* ---- lambda */

static bool put_params(Unit *u, Buf *b, const NodeList *list, const NodeList *defaults, int from, bool first) {
  for (int i = 0; i < list->n; i++) {
    int d = from + i;
    if (!first) buf_str(b, ", ");
    first = false;
    buf_str(b, list->items[i]->u.arg.name);
    if (d >= 0 && d < defaults->n && defaults->items[d]) {
      buf_char(b, '=');
      put(u, b, defaults->items[d], P_TEST);
    }
  }
  return first;
}

static void put_lambda(Unit *u, Buf *b, const Node *n, int place) {
  const Node *a = n->u.lambda.args;
  const NodeList *pos = &a->u.arguments.posonly, *args = &a->u.arguments.args, *kw = &a->u.arguments.kwonly;
  int from = a->u.arguments.defaults.n - pos->n - args->n; /* defaults belong to the last ones */
  open_if(b, place > P_TEST);
  buf_str(b, "lambda");
  if (pos->n || args->n || kw->n || a->u.arguments.vararg || a->u.arguments.kwarg) buf_char(b, ' ');
  bool first = put_params(u, b, pos, &a->u.arguments.defaults, from, true);
  if (pos->n) buf_str(b, ", /");
  first = put_params(u, b, args, &a->u.arguments.defaults, from + pos->n, first);
  if (a->u.arguments.vararg || kw->n) {
    buf_str(b, first ? "*" : ", *");
    if (a->u.arguments.vararg) buf_str(b, a->u.arguments.vararg->u.arg.name);
    first = put_params(u, b, kw, &a->u.arguments.kw_defaults, 0, false);
  }
  if (a->u.arguments.kwarg) {
    buf_str(b, first ? "**" : ", **");
    buf_str(b, a->u.arguments.kwarg->u.arg.name);
  }
  buf_str(b, ": ");
  put(u, b, n->u.lambda.body, P_TEST);
  close_if(b, place > P_TEST);
}

/* ---- displays and comprehensions */

static void put_generators(Unit *u, Buf *b, const NodeList *list) {
  for (int i = 0; i < list->n; i++) {
    const Node *g = list->items[i];
    buf_str(b, g->u.comprehension.is_async ? " async for " : " for ");
    put(u, b, g->u.comprehension.target, P_TUPLE);
    buf_str(b, " in ");
    put(u, b, g->u.comprehension.iter, P_TEST + 1);
    for (int k = 0; k < g->u.comprehension.ifs.n; k++) {
      buf_str(b, " if ");
      put(u, b, g->u.comprehension.ifs.items[k], P_TEST + 1);
    }
  }
}

static void put_comp(Unit *u, Buf *b, const Node *n) {
  const char *ends = n->kind == N_ListComp ? "[]" : n->kind == N_GeneratorExp ? "()" : "{}";
  buf_char(b, ends[0]);
  put(u, b, n->u.comp.elt, P_TEST);
  if (n->kind == N_DictComp) {
    buf_str(b, ": ");
    put(u, b, n->u.comp.value, P_TEST);
  }
  put_generators(u, b, &n->u.comp.generators);
  buf_char(b, ends[1]);
}

static void put_dict(Unit *u, Buf *b, const Node *n) {
  buf_char(b, '{');
  for (int i = 0; i < n->u.dict.values.n; i++) {
    if (i) buf_str(b, ", ");
    if (n->u.dict.keys.items[i]) {
      put(u, b, n->u.dict.keys.items[i], P_TEST);
      buf_str(b, ": ");
      put(u, b, n->u.dict.values.items[i], P_TEST);
    } else {
      buf_str(b, "**");
      put(u, b, n->u.dict.values.items[i], P_BOR);
    }
  }
  buf_char(b, '}');
}

static void put_tuple(Unit *u, Buf *b, const Node *n, int place) {
  const NodeList *elts = &n->u.seq.elts;
  bool paren = place > P_TUPLE || !elts->n;
  open_if(b, paren);
  put_list(u, b, elts, P_TEST);
  if (elts->n == 1) buf_char(b, ',');
  close_if(b, paren);
}

/* ---- primaries */

static void put_call(Unit *u, Buf *b, const Node *n) {
  const NodeList *args = &n->u.call.args, *keywords = &n->u.call.keywords;
  put(u, b, n->u.call.func, P_ATOM);
  if (args->n == 1 && !keywords->n && args->items[0]->kind == N_GeneratorExp) {
    put_comp(u, b, args->items[0]);
    return;
  }
  buf_char(b, '(');
  put_list(u, b, args, P_TEST);
  for (int i = 0; i < keywords->n; i++) {
    const Node *k = keywords->items[i];
    if (i || args->n) buf_str(b, ", ");
    buf_str(b, k->u.keyword.name ? k->u.keyword.name : "**");
    if (k->u.keyword.name) buf_char(b, '=');
    put(u, b, k->u.keyword.value, P_TEST);
  }
  buf_char(b, ')');
}

static void put_slice(Unit *u, Buf *b, const Node *n) {
  if (n->u.slice.lower) put(u, b, n->u.slice.lower, P_TEST);
  buf_char(b, ':');
  if (n->u.slice.upper) put(u, b, n->u.slice.upper, P_TEST);
  if (n->u.slice.step) {
    buf_char(b, ':');
    put(u, b, n->u.slice.step, P_TEST);
  }
}

static void put_attribute(Unit *u, Buf *b, const Node *n) {
  const Node *value = n->u.attribute.value;
  put(u, b, value, P_ATOM);
  if (value->kind == N_Constant && (value->u.constant.kind == CONST_INT || value->u.constant.kind == CONST_BIGINT)) buf_char(b, ' ');
  buf_char(b, '.');
  buf_str(b, n->u.attribute.attr);
}

/* ---- f-strings: the text between the quotes, then its repr */

static void fstring_text(Unit *u, Buf *b, const Node *n);

static void fstring_value(Unit *u, Buf *b, const Node *n) {
  Buf value;
  buf_init(&value, b->mem);
  put(u, &value, n->u.fvalue.value, P_TEST + 1);
  buf_str(b, value.len && value.data[0] == '{' ? "{ " : "{");
  buf_add(b, value.data, value.len);
  if (value.failed) b->failed = true;
  buf_free(&value);
  if (n->u.fvalue.conversion > 0) {
    buf_char(b, '!');
    buf_char(b, (char)n->u.fvalue.conversion);
  }
  if (n->u.fvalue.spec) {
    buf_char(b, ':');
    fstring_text(u, b, n->u.fvalue.spec);
  }
  buf_char(b, '}');
}

static void fstring_text(Unit *u, Buf *b, const Node *n) {
  if (n->kind == N_FormattedValue) {
    fstring_value(u, b, n);
  } else if (n->kind == N_Constant) {
    for (size_t i = 0; i < n->u.constant.len; i++) {
      char c = n->u.constant.s[i];
      buf_char(b, c);
      if (c == '{' || c == '}') buf_char(b, c);
    }
  } else {
    for (int i = 0; i < n->u.joined.values.n; i++) fstring_text(u, b, n->u.joined.values.items[i]);
  }
}

static void put_fstring(Unit *u, Buf *b, const Node *n) {
  Buf text;
  buf_init(&text, b->mem);
  fstring_text(u, &text, n);
  Str *s = str_from_buf(u->c->vm, &text);
  if (!s) {
    fail_pending(u->c);
    return;
  }
  buf_char(b, 'f');
  put_value(u, b, v_from_obj(s));
}

/* ---- any expression */

static void put_inner(Unit *u, Buf *b, const Node *n, int place) {
  switch ((NodeKind)n->kind) {
    case N_BoolOp: put_boolop(u, b, n, place); break;
    case N_BinOp: put_binary(u, b, n, place); break;
    case N_UnaryOp: put_unary(u, b, n, place); break;
    case N_Lambda: put_lambda(u, b, n, place); break;
    case N_IfExp: put_ifexp(u, b, n, place); break;
    case N_Dict: put_dict(u, b, n); break;
    case N_Set:
      buf_char(b, '{');
      put_list(u, b, &n->u.seq.elts, P_TEST);
      buf_char(b, '}');
      break;
    case N_List:
      buf_char(b, '[');
      put_list(u, b, &n->u.seq.elts, P_TEST);
      buf_char(b, ']');
      break;
    case N_Tuple: put_tuple(u, b, n, place); break;
    case N_ListComp: case N_SetComp: case N_DictComp: case N_GeneratorExp: put_comp(u, b, n); break;
    case N_Compare: put_compare(u, b, n, place); break;
    case N_Call: put_call(u, b, n); break;
    case N_Constant: put_constant(u, b, n); break;
    case N_JoinedStr: case N_FormattedValue: put_fstring(u, b, n); break;
    case N_Attribute: put_attribute(u, b, n); break;
    case N_Subscript:
      put(u, b, n->u.subscript.value, P_ATOM);
      buf_char(b, '[');
      put(u, b, n->u.subscript.slice, P_TUPLE);
      buf_char(b, ']');
      break;
    case N_Starred:
      buf_char(b, '*');
      put(u, b, n->u.ret.value, P_BOR);
      break;
    case N_Name: buf_str(b, n->u.name.id); break;
    case N_Slice: put_slice(u, b, n); break;
    default: /* what may not stand there */
      comp_error(u, n, "'%s expression' can not be used within an annotation", n->kind == N_NamedExpr ? "named" : n->kind == N_Await ? "await" : "yield");
      break;
  }
}

static void put(Unit *u, Buf *b, const Node *n, int place) {
  if (failed(u) || !scope_enter(&u->c->ss, n)) return;
  put_inner(u, b, n, place);
  scope_leave(&u->c->ss);
}

Str *text_of(Unit *u, const Node *n) {
  Buf b;
  buf_init(&b, rt_mem(u->c->vm));
  put(u, &b, n, P_TEST);
  Str *s = str_from_buf(u->c->vm, &b);
  if (!s) fail_pending(u->c);
  return s;
}
