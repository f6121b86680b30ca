/* Targets of assignment, for, with and del: they are read as expressions and then judged (reference, 7.2). */
#include "parser/parse_int.h"

void parse_set_context(Node *n, ExprContext ctx) {
  switch (n->kind) {
    case N_Tuple: case N_List:
      for (int i = 0; i < n->u.seq.elts.n; i++) parse_set_context(n->u.seq.elts.items[i], ctx);
      break;
    case N_Starred: parse_set_context(n->u.ret.value, ctx); break;
    default: break;
  }
  n->ctx = (uint8_t)ctx;
}

static const Node *invalid_item(const NodeList *list, TargetKind kind) {
  for (int i = 0; i < list->n; i++) {
    const Node *bad = parse_invalid_target(list->items[i], kind);
    if (bad) return bad;
  }
  return NULL;
}

const Node *parse_invalid_target(const Node *n, TargetKind kind) {
  switch (n->kind) {
    case N_Name: case N_Attribute: case N_Subscript: return NULL;
    case N_Tuple: case N_List: return invalid_item(&n->u.seq.elts, kind);
    case N_Starred: return kind == TARGET_DEL ? n : parse_invalid_target(n->u.ret.value, kind);
    case N_Compare: /* the `in` of a for statement was read as an operator */
      if (kind != TARGET_FOR) return n;
      return n->u.compare.ops[0] == CMP_IN ? parse_invalid_target(n->u.compare.left, kind) : NULL;
    default: return n;
  }
}

static const char *constant_name(const Node *n) {
  switch (n->u.constant.kind) {
    case CONST_NONE: return "None";
    case CONST_TRUE: return "True";
    case CONST_FALSE: return "False";
    case CONST_ELLIPSIS: return "ellipsis";
    default: return "literal";
  }
}

const char *parse_expr_name(const Node *n) {
  switch (n->kind) {
    case N_Attribute: return "attribute";
    case N_Subscript: return "subscript";
    case N_Starred: return "starred";
    case N_Name: return "name";
    case N_List: return "list";
    case N_Tuple: return "tuple";
    case N_Lambda: return "lambda";
    case N_Call: return "function call";
    case N_BoolOp: case N_BinOp: case N_UnaryOp: return "expression";
    case N_GeneratorExp: return "generator expression";
    case N_Yield: case N_YieldFrom: return "yield expression";
    case N_Await: return "await expression";
    case N_ListComp: return "list comprehension";
    case N_SetComp: return "set comprehension";
    case N_DictComp: return "dict comprehension";
    case N_Dict: return "dict literal";
    case N_Set: return "set display";
    case N_JoinedStr: case N_FormattedValue: return "f-string expression";
    case N_Constant: return constant_name(n);
    case N_Compare: return "comparison";
    case N_IfExp: return "conditional expression";
    case N_NamedExpr: return "named expression";
    default: return "expression";
  }
}

void *parse_error_target(Parser *p, const Node *n, TargetKind kind) {
  const Node *bad = parse_invalid_target(n, kind);
  if (!bad) return NULL;
  return parse_error_node(p, bad, kind == TARGET_DEL ? "cannot delete %s" : "cannot assign to %s", parse_expr_name(bad));
}

/* Stars may only stand directly in a list or tuple, or as the whole target; not doubled, not in parentheses of their own (those cannot be read). */
static Node *as_store(Node *n) {
  if (!n || parse_invalid_target(n, TARGET_STAR)) return NULL;
  parse_set_context(n, CTX_STORE);
  return n;
}

/* All targets have the shape of a primary, or of one after a star. */
static Node *target_item(Parser *p) {
  if (!parse_at(p, T_STAR)) return parse_primary(p);
  Node *n = parse_node(p, N_Starred, parse_here(p));
  if (!n) return NULL;
  parse_next(p);
  n->u.ret.value = parse_primary(p);
  return n->u.ret.value ? parse_end(p, n) : NULL;
}

/* star_target: '*' (!'*' star_target) | target_with_star_atom */
Node *parse_star_target(Parser *p) { return as_store(target_item(p)); }

/* star_targets: star_target !',' | star_target (',' star_target)* [','] */
Node *parse_star_targets(Parser *p) { return as_store(parse_tuple_of(p, target_item)); }

/* invalid_for_target: 'for' star_expressions; start is after the 'for' */
void parse_check_for_target(Parser *p, Mark start) {
  if (!p->errors) return;
  parse_back(p, start);
  Node *n = parse_star_expressions(p);
  if (n) parse_error_target(p, n, TARGET_FOR);
  if (!p->failed) parse_back(p, start);
}
