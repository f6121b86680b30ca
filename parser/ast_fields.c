/* The fields of each kind of node, in the order and with the names that Python 3.11 has (documentation of module ast): what walks a whole tree reads them here. */
#include "parser/ast.h"

#include <stddef.h>

#include "vm/base/dtoa.h"

static const AstField fields[] = { /* in the order of the kinds */
  {N_Module, FIELD_NODES, offsetof(Node, u.mod.body), "body"}, {N_Module, FIELD_NOTHING, 0, "type_ignores"},
  {N_Expression, FIELD_NODE, offsetof(Node, u.expression.body), "body"},
  {N_Interactive, FIELD_NODES, offsetof(Node, u.mod.body), "body"},
  {N_FunctionDef, FIELD_TEXT, offsetof(Node, u.func.name), "name"}, {N_FunctionDef, FIELD_NODE, offsetof(Node, u.func.args), "args"},
  {N_FunctionDef, FIELD_NODES, offsetof(Node, u.func.body), "body"}, {N_FunctionDef, FIELD_NODES, offsetof(Node, u.func.decorators), "decorator_list"},
  {N_FunctionDef, FIELD_NODE, offsetof(Node, u.func.returns), "returns"}, {N_FunctionDef, FIELD_NONE, 0, "type_comment"},
  {N_AsyncFunctionDef, FIELD_TEXT, offsetof(Node, u.func.name), "name"}, {N_AsyncFunctionDef, FIELD_NODE, offsetof(Node, u.func.args), "args"},
  {N_AsyncFunctionDef, FIELD_NODES, offsetof(Node, u.func.body), "body"}, {N_AsyncFunctionDef, FIELD_NODES, offsetof(Node, u.func.decorators), "decorator_list"},
  {N_AsyncFunctionDef, FIELD_NODE, offsetof(Node, u.func.returns), "returns"}, {N_AsyncFunctionDef, FIELD_NONE, 0, "type_comment"},
  {N_ClassDef, FIELD_TEXT, offsetof(Node, u.cls.name), "name"}, {N_ClassDef, FIELD_NODES, offsetof(Node, u.cls.bases), "bases"},
  {N_ClassDef, FIELD_NODES, offsetof(Node, u.cls.keywords), "keywords"}, {N_ClassDef, FIELD_NODES, offsetof(Node, u.cls.body), "body"},
  {N_ClassDef, FIELD_NODES, offsetof(Node, u.cls.decorators), "decorator_list"},
  {N_Return, FIELD_NODE, offsetof(Node, u.ret.value), "value"},
  {N_Delete, FIELD_NODES, offsetof(Node, u.del.targets), "targets"},
  {N_Assign, FIELD_NODES, offsetof(Node, u.assign.targets), "targets"}, {N_Assign, FIELD_NODE, offsetof(Node, u.assign.value), "value"},
  {N_Assign, FIELD_NONE, 0, "type_comment"},
  {N_AugAssign, FIELD_NODE, offsetof(Node, u.aug.target), "target"}, {N_AugAssign, FIELD_BINARY, offsetof(Node, u.aug.op), "op"},
  {N_AugAssign, FIELD_NODE, offsetof(Node, u.aug.value), "value"},
  {N_AnnAssign, FIELD_NODE, offsetof(Node, u.ann.target), "target"}, {N_AnnAssign, FIELD_NODE, offsetof(Node, u.ann.annotation), "annotation"},
  {N_AnnAssign, FIELD_NODE, offsetof(Node, u.ann.value), "value"}, {N_AnnAssign, FIELD_BOOL, offsetof(Node, u.ann.simple), "simple"},
  {N_For, FIELD_NODE, offsetof(Node, u.forloop.target), "target"}, {N_For, FIELD_NODE, offsetof(Node, u.forloop.iter), "iter"},
  {N_For, FIELD_NODES, offsetof(Node, u.forloop.body), "body"}, {N_For, FIELD_NODES, offsetof(Node, u.forloop.orelse), "orelse"}, {N_For, FIELD_NONE, 0, "type_comment"},
  {N_AsyncFor, FIELD_NODE, offsetof(Node, u.forloop.target), "target"}, {N_AsyncFor, FIELD_NODE, offsetof(Node, u.forloop.iter), "iter"},
  {N_AsyncFor, FIELD_NODES, offsetof(Node, u.forloop.body), "body"}, {N_AsyncFor, FIELD_NODES, offsetof(Node, u.forloop.orelse), "orelse"},
  {N_AsyncFor, FIELD_NONE, 0, "type_comment"},
  {N_While, FIELD_NODE, offsetof(Node, u.branch.test), "test"}, {N_While, FIELD_NODES, offsetof(Node, u.branch.body), "body"},
  {N_While, FIELD_NODES, offsetof(Node, u.branch.orelse), "orelse"},
  {N_If, FIELD_NODE, offsetof(Node, u.branch.test), "test"}, {N_If, FIELD_NODES, offsetof(Node, u.branch.body), "body"},
  {N_If, FIELD_NODES, offsetof(Node, u.branch.orelse), "orelse"},
  {N_With, FIELD_NODES, offsetof(Node, u.with.items), "items"}, {N_With, FIELD_NODES, offsetof(Node, u.with.body), "body"}, {N_With, FIELD_NONE, 0, "type_comment"},
  {N_AsyncWith, FIELD_NODES, offsetof(Node, u.with.items), "items"}, {N_AsyncWith, FIELD_NODES, offsetof(Node, u.with.body), "body"},
  {N_AsyncWith, FIELD_NONE, 0, "type_comment"},
  {N_Match, FIELD_NODE, offsetof(Node, u.match.subject), "subject"}, {N_Match, FIELD_NODES, offsetof(Node, u.match.cases), "cases"},
  {N_Raise, FIELD_NODE, offsetof(Node, u.raise.exc), "exc"}, {N_Raise, FIELD_NODE, offsetof(Node, u.raise.cause), "cause"},
  {N_Try, FIELD_NODES, offsetof(Node, u.try_.body), "body"}, {N_Try, FIELD_NODES, offsetof(Node, u.try_.handlers), "handlers"},
  {N_Try, FIELD_NODES, offsetof(Node, u.try_.orelse), "orelse"}, {N_Try, FIELD_NODES, offsetof(Node, u.try_.finalbody), "finalbody"},
  {N_TryStar, FIELD_NODES, offsetof(Node, u.try_.body), "body"}, {N_TryStar, FIELD_NODES, offsetof(Node, u.try_.handlers), "handlers"},
  {N_TryStar, FIELD_NODES, offsetof(Node, u.try_.orelse), "orelse"}, {N_TryStar, FIELD_NODES, offsetof(Node, u.try_.finalbody), "finalbody"},
  {N_Assert, FIELD_NODE, offsetof(Node, u.assert_.test), "test"}, {N_Assert, FIELD_NODE, offsetof(Node, u.assert_.msg), "msg"},
  {N_Import, FIELD_NODES, offsetof(Node, u.import.names), "names"},
  {N_ImportFrom, FIELD_TEXT, offsetof(Node, u.import.module), "module"}, {N_ImportFrom, FIELD_NODES, offsetof(Node, u.import.names), "names"},
  {N_ImportFrom, FIELD_INT, offsetof(Node, u.import.level), "level"},
  {N_Global, FIELD_TEXTS, offsetof(Node, u.scope.names), "names"},
  {N_Nonlocal, FIELD_TEXTS, offsetof(Node, u.scope.names), "names"},
  {N_Expr, FIELD_NODE, offsetof(Node, u.ret.value), "value"},
  {N_BoolOp, FIELD_BOOLOP, offsetof(Node, u.boolop.is_or), "op"}, {N_BoolOp, FIELD_NODES, offsetof(Node, u.boolop.values), "values"},
  {N_NamedExpr, FIELD_NODE, offsetof(Node, u.named.target), "target"}, {N_NamedExpr, FIELD_NODE, offsetof(Node, u.named.value), "value"},
  {N_BinOp, FIELD_NODE, offsetof(Node, u.bin.left), "left"}, {N_BinOp, FIELD_BINARY, offsetof(Node, u.bin.op), "op"},
  {N_BinOp, FIELD_NODE, offsetof(Node, u.bin.right), "right"},
  {N_UnaryOp, FIELD_UNARY, offsetof(Node, u.unary.op), "op"}, {N_UnaryOp, FIELD_NODE, offsetof(Node, u.unary.operand), "operand"},
  {N_Lambda, FIELD_NODE, offsetof(Node, u.lambda.args), "args"}, {N_Lambda, FIELD_NODE, offsetof(Node, u.lambda.body), "body"},
  {N_IfExp, FIELD_NODE, offsetof(Node, u.ifexp.test), "test"}, {N_IfExp, FIELD_NODE, offsetof(Node, u.ifexp.body), "body"},
  {N_IfExp, FIELD_NODE, offsetof(Node, u.ifexp.orelse), "orelse"},
  {N_Dict, FIELD_NODES, offsetof(Node, u.dict.keys), "keys"}, {N_Dict, FIELD_NODES, offsetof(Node, u.dict.values), "values"},
  {N_Set, FIELD_NODES, offsetof(Node, u.seq.elts), "elts"},
  {N_ListComp, FIELD_NODE, offsetof(Node, u.comp.elt), "elt"}, {N_ListComp, FIELD_NODES, offsetof(Node, u.comp.generators), "generators"},
  {N_SetComp, FIELD_NODE, offsetof(Node, u.comp.elt), "elt"}, {N_SetComp, FIELD_NODES, offsetof(Node, u.comp.generators), "generators"},
  {N_DictComp, FIELD_NODE, offsetof(Node, u.comp.elt), "key"}, {N_DictComp, FIELD_NODE, offsetof(Node, u.comp.value), "value"},
  {N_DictComp, FIELD_NODES, offsetof(Node, u.comp.generators), "generators"},
  {N_GeneratorExp, FIELD_NODE, offsetof(Node, u.comp.elt), "elt"}, {N_GeneratorExp, FIELD_NODES, offsetof(Node, u.comp.generators), "generators"},
  {N_Await, FIELD_NODE, offsetof(Node, u.ret.value), "value"},
  {N_Yield, FIELD_NODE, offsetof(Node, u.ret.value), "value"},
  {N_YieldFrom, FIELD_NODE, offsetof(Node, u.ret.value), "value"},
  {N_Compare, FIELD_NODE, offsetof(Node, u.compare.left), "left"}, {N_Compare, FIELD_COMPARES, offsetof(Node, u.compare.ops), "ops"},
  {N_Compare, FIELD_NODES, offsetof(Node, u.compare.comparators), "comparators"},
  {N_Call, FIELD_NODE, offsetof(Node, u.call.func), "func"}, {N_Call, FIELD_NODES, offsetof(Node, u.call.args), "args"},
  {N_Call, FIELD_NODES, offsetof(Node, u.call.keywords), "keywords"},
  {N_FormattedValue, FIELD_NODE, offsetof(Node, u.fvalue.value), "value"}, {N_FormattedValue, FIELD_INT, offsetof(Node, u.fvalue.conversion), "conversion"},
  {N_FormattedValue, FIELD_NODE, offsetof(Node, u.fvalue.spec), "format_spec"},
  {N_JoinedStr, FIELD_NODES, offsetof(Node, u.joined.values), "values"},
  {N_Constant, FIELD_CONSTANT, offsetof(Node, u.constant), "value"}, {N_Constant, FIELD_KIND, offsetof(Node, u.constant.u_prefix), "kind"},
  {N_Attribute, FIELD_NODE, offsetof(Node, u.attribute.value), "value"}, {N_Attribute, FIELD_TEXT, offsetof(Node, u.attribute.attr), "attr"},
  {N_Attribute, FIELD_CONTEXT, 0, "ctx"},
  {N_Subscript, FIELD_NODE, offsetof(Node, u.subscript.value), "value"}, {N_Subscript, FIELD_NODE, offsetof(Node, u.subscript.slice), "slice"},
  {N_Subscript, FIELD_CONTEXT, 0, "ctx"},
  {N_Starred, FIELD_NODE, offsetof(Node, u.ret.value), "value"}, {N_Starred, FIELD_CONTEXT, 0, "ctx"},
  {N_Name, FIELD_TEXT, offsetof(Node, u.name.id), "id"}, {N_Name, FIELD_CONTEXT, 0, "ctx"},
  {N_List, FIELD_NODES, offsetof(Node, u.seq.elts), "elts"}, {N_List, FIELD_CONTEXT, 0, "ctx"},
  {N_Tuple, FIELD_NODES, offsetof(Node, u.seq.elts), "elts"}, {N_Tuple, FIELD_CONTEXT, 0, "ctx"},
  {N_Slice, FIELD_NODE, offsetof(Node, u.slice.lower), "lower"}, {N_Slice, FIELD_NODE, offsetof(Node, u.slice.upper), "upper"},
  {N_Slice, FIELD_NODE, offsetof(Node, u.slice.step), "step"},
  {N_Comprehension, FIELD_NODE, offsetof(Node, u.comprehension.target), "target"}, {N_Comprehension, FIELD_NODE, offsetof(Node, u.comprehension.iter), "iter"},
  {N_Comprehension, FIELD_NODES, offsetof(Node, u.comprehension.ifs), "ifs"}, {N_Comprehension, FIELD_BOOL, offsetof(Node, u.comprehension.is_async), "is_async"},
  {N_ExceptHandler, FIELD_NODE, offsetof(Node, u.handler.type), "type"}, {N_ExceptHandler, FIELD_TEXT, offsetof(Node, u.handler.name), "name"},
  {N_ExceptHandler, FIELD_NODES, offsetof(Node, u.handler.body), "body"},
  {N_Arguments, FIELD_NODES, offsetof(Node, u.arguments.posonly), "posonlyargs"}, {N_Arguments, FIELD_NODES, offsetof(Node, u.arguments.args), "args"},
  {N_Arguments, FIELD_NODE, offsetof(Node, u.arguments.vararg), "vararg"}, {N_Arguments, FIELD_NODES, offsetof(Node, u.arguments.kwonly), "kwonlyargs"},
  {N_Arguments, FIELD_NODES, offsetof(Node, u.arguments.kw_defaults), "kw_defaults"}, {N_Arguments, FIELD_NODE, offsetof(Node, u.arguments.kwarg), "kwarg"},
  {N_Arguments, FIELD_NODES, offsetof(Node, u.arguments.defaults), "defaults"},
  {N_Arg, FIELD_TEXT, offsetof(Node, u.arg.name), "arg"}, {N_Arg, FIELD_NODE, offsetof(Node, u.arg.annotation), "annotation"}, {N_Arg, FIELD_NONE, 0, "type_comment"},
  {N_Keyword, FIELD_TEXT, offsetof(Node, u.keyword.name), "arg"}, {N_Keyword, FIELD_NODE, offsetof(Node, u.keyword.value), "value"},
  {N_Alias, FIELD_TEXT, offsetof(Node, u.alias.name), "name"}, {N_Alias, FIELD_TEXT, offsetof(Node, u.alias.asname), "asname"},
  {N_WithItem, FIELD_NODE, offsetof(Node, u.withitem.context), "context_expr"}, {N_WithItem, FIELD_NODE, offsetof(Node, u.withitem.vars), "optional_vars"},
  {N_MatchCase, FIELD_NODE, offsetof(Node, u.match_case.pattern), "pattern"}, {N_MatchCase, FIELD_NODE, offsetof(Node, u.match_case.guard), "guard"},
  {N_MatchCase, FIELD_NODES, offsetof(Node, u.match_case.body), "body"},
  {N_MatchValue, FIELD_NODE, offsetof(Node, u.match_value.value), "value"},
  {N_MatchSingleton, FIELD_CONSTANT_OF, offsetof(Node, u.match_value.value), "value"},
  {N_MatchSequence, FIELD_NODES, offsetof(Node, u.match_seq.patterns), "patterns"},
  {N_MatchMapping, FIELD_NODES, offsetof(Node, u.match_map.keys), "keys"}, {N_MatchMapping, FIELD_NODES, offsetof(Node, u.match_map.patterns), "patterns"},
  {N_MatchMapping, FIELD_TEXT, offsetof(Node, u.match_map.rest), "rest"},
  {N_MatchClass, FIELD_NODE, offsetof(Node, u.match_cls.cls), "cls"}, {N_MatchClass, FIELD_NODES, offsetof(Node, u.match_cls.patterns), "patterns"},
  {N_MatchClass, FIELD_TEXTS, offsetof(Node, u.match_cls.kwd_attrs), "kwd_attrs"}, {N_MatchClass, FIELD_NODES, offsetof(Node, u.match_cls.kwd_patterns), "kwd_patterns"},
  {N_MatchStar, FIELD_TEXT, offsetof(Node, u.match_star.name), "name"},
  {N_MatchAs, FIELD_NODE, offsetof(Node, u.match_as.pattern), "pattern"}, {N_MatchAs, FIELD_TEXT, offsetof(Node, u.match_as.name), "name"},
  {N_MatchOr, FIELD_NODES, offsetof(Node, u.match_seq.patterns), "patterns"},
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

const AstField *ast_fields(NodeKind kind, int *n) {
  int low = 0, high = N_FIELDS;
  while (low < high) {
    int middle = (low + high) / 2;
    if (fields[middle].node < kind) low = middle + 1;
    else high = middle;
  }
  for (*n = 0; low + *n < N_FIELDS && fields[low + *n].node == kind; (*n)++) continue;
  return &fields[low];
}

const char *ast_operator(const AstField *f, const Node *n, int i) {
  static const char binary[BIN_COUNT][9] = {"Add", "Sub", "Mult", "Div", "FloorDiv", "Mod", "Pow", "MatMult", "BitAnd", "BitOr", "BitXor", "LShift", "RShift"};
  static const char unary[UN_COUNT][7] = {"USub", "UAdd", "Invert", "Not"};
  static const char compare[][6] = {"Lt", "LtE", "Eq", "NotEq", "Gt", "GtE", "Is", "IsNot", "In", "NotIn"};
  static const char context[][6] = {"Load", "Store", "Del"};
  switch (f->kind) {
    case FIELD_BINARY: return binary[*(const uint8_t *)ast_field(f, n)];
    case FIELD_UNARY: return unary[*(const uint8_t *)ast_field(f, n)];
    case FIELD_BOOLOP: return *(const bool *)ast_field(f, n) ? "Or" : "And";
    case FIELD_COMPARES: return compare[n->u.compare.ops[i]];
    default: return context[n->ctx];
  }
}

const char *ast_name(const Node *n) {
  static const char lower[][14] = {"comprehension", "", "arguments", "arg", "keyword", "alias", "withitem", "match_case"}; /* Python's names of the pieces */
  return n->kind >= N_Comprehension && n->kind <= N_MatchCase && n->kind != N_ExceptHandler ? lower[n->kind - N_Comprehension] : node_kind_names[n->kind];
}

bool ast_has_position(const Node *n) {
  return n->kind > N_Interactive && n->kind != N_Comprehension && n->kind != N_Arguments && n->kind != N_WithItem && n->kind != N_MatchCase;
}
