/* The syntax tree: the node kinds and fields of CPython 3.11's abstract grammar (documentation of module ast), in C.
   Nodes, lists and texts live in one Arena. Optional fields are NULL. Lines from 1, columns are UTF-8 byte offsets from 0, as in ast. */
#ifndef TINY_PARSER_AST_H
#define TINY_PARSER_AST_H
#include "vm/base/operators.h"
#include "vm/base/mem.h"

typedef struct Node Node;
typedef struct NodeList {
  Node **items;
  int n;
} NodeList;
typedef struct NameList { /* interned nowhere: plain NUL-terminated UTF-8, already NFKC-normalised and private-name-mangled by nobody */
  const char **items;
  int n;
} NameList;

#define AST_NODES(X)                                                                                                                                 \
  /* mod */ X(Module) X(Expression) X(Interactive)                                                                                                   \
  /* stmt */                                                                                                                                         \
  X(FunctionDef) X(AsyncFunctionDef) X(ClassDef) X(Return) X(Delete) X(Assign) X(AugAssign) X(AnnAssign) X(For) X(AsyncFor) X(While) X(If) X(With) \
  X(AsyncWith) X(Match) X(Raise) X(Try) X(TryStar) X(Assert) X(Import) X(ImportFrom) X(Global) X(Nonlocal) X(Expr) X(Pass) X(Break) X(Continue)    \
  /* expr */                                                                                                                                         \
  X(BoolOp) X(NamedExpr) X(BinOp) X(UnaryOp) X(Lambda) X(IfExp) X(Dict) X(Set) X(ListComp) X(SetComp) X(DictComp) X(GeneratorExp) X(Await) X(Yield) \
  X(YieldFrom) X(Compare) X(Call) X(FormattedValue) X(JoinedStr) X(Constant) X(Attribute) X(Subscript) X(Starred) X(Name) X(List) X(Tuple)         \
  X(Slice)                                                                                                                                           \
  /* pieces */                                                                                                                                       \
  X(Comprehension) X(ExceptHandler) X(Arguments) X(Arg) X(Keyword) X(Alias) X(WithItem) X(MatchCase)                                               \
  /* pattern */                                                                                                                                      \
  X(MatchValue) X(MatchSingleton) X(MatchSequence) X(MatchMapping) X(MatchClass) X(MatchStar) X(MatchAs) X(MatchOr)

typedef enum NodeKind {
#define X(name) N_##name,
  AST_NODES(X)
#undef X
  N_COUNT
} NodeKind;
extern const char *const node_kind_names[N_COUNT];

typedef enum { CTX_LOAD, CTX_STORE, CTX_DEL } ExprContext;
typedef enum { CONST_NONE, CONST_TRUE, CONST_FALSE, CONST_ELLIPSIS, CONST_INT, CONST_BIGINT, CONST_FLOAT, CONST_COMPLEX, CONST_STR, CONST_BYTES } ConstKind;

struct Node {
  uint8_t kind;     /* NodeKind */
  uint8_t ctx;      /* ExprContext of Name, Attribute, Subscript, Starred, List, Tuple */
  bool parenthesized; /* stood in its own parentheses (Tuple, NamedExpr, GeneratorExp...; needed by error messages and annotations) */
  int line, col, end_line, end_col;
  union {
    struct { NodeList body; } mod;                                   /* Module, Interactive */
    struct { Node *body; } expression;                               /* Expression */
    struct { const char *name; Node *args; NodeList body, decorators; Node *returns; const char *doc; } func; /* FunctionDef, AsyncFunctionDef; line is that of 'def' */
    struct { const char *name; NodeList bases, keywords, body, decorators; } cls;             /* ClassDef */
    struct { Node *value; } ret;                                     /* Return, Expr, Await, Yield, YieldFrom, Starred (value) */
    struct { NodeList targets; } del;                                /* Delete */
    struct { NodeList targets; Node *value; } assign;                /* Assign: a = b = value has two targets */
    struct { Node *target; uint8_t op; Node *value; } aug;           /* AugAssign: op is BinaryOp */
    struct { Node *target, *annotation, *value; bool simple; } ann;  /* AnnAssign */
    struct { Node *target, *iter; NodeList body, orelse; } forloop;  /* For, AsyncFor */
    struct { Node *test; NodeList body, orelse; } branch;            /* While, If (elif: an If alone in orelse) */
    struct { NodeList items, body; } with;                           /* With, AsyncWith: items are WithItem */
    struct { Node *subject; NodeList cases; } match;                 /* Match: cases are MatchCase */
    struct { Node *exc, *cause; } raise;
    struct { NodeList body, handlers, orelse, finalbody; } try_;     /* Try, TryStar: handlers are ExceptHandler */
    struct { Node *test, *msg; } assert_;
    struct { const char *module; NodeList names; int level; } import; /* Import (module NULL), ImportFrom: names are Alias */
    struct { NameList names; } scope;                                /* Global, Nonlocal */
    struct { bool is_or; NodeList values; } boolop;
    struct { Node *target, *value; } named;                          /* NamedExpr */
    struct { Node *left; uint8_t op; Node *right; } bin;             /* BinOp */
    struct { uint8_t op; Node *operand; } unary;
    struct { Node *args, *body; } lambda;
    struct { Node *test, *body, *orelse; } ifexp;
    struct { NodeList keys, values; } dict;                          /* a NULL key: ** of the value */
    struct { NodeList elts; } seq;                                   /* List, Tuple, Set */
    struct { Node *elt, *value; NodeList generators; } comp;         /* ListComp, SetComp, GeneratorExp; DictComp: elt: value */
    struct { Node *left; uint8_t *ops; NodeList comparators; } compare; /* ops[i] is CompareOp; as many as comparators */
    struct { Node *func; NodeList args, keywords; } call;            /* args may hold Starred; keywords are Keyword */
    struct { Node *value; int conversion; Node *spec; } fvalue;      /* conversion: -1, 's', 'r', 'a'; spec: JoinedStr or NULL */
    struct { NodeList values; } joined;                              /* Constant str and FormattedValue, mixed */
    struct { uint8_t kind; bool u_prefix; int64_t i; double d; const char *s; size_t len; } constant;
      /* CONST_INT: i. CONST_BIGINT: s = digits, without prefix and underscores, i = base (2, 8, 10, 16). CONST_FLOAT, CONST_COMPLEX (imaginary part): d.
         CONST_STR: s, len: UTF-8 where a lone surrogate stands as its 3-byte form. CONST_BYTES: s, len. */
    struct { Node *value; const char *attr; int attr_line, attr_col; } attribute; /* attr_*: where the name after the dot starts */
    struct { Node *value, *slice; } subscript;
    struct { const char *id; } name;
    struct { Node *lower, *upper, *step; } slice;
    struct { Node *target, *iter; NodeList ifs; bool is_async; } comprehension;
    struct { Node *type; const char *name; NodeList body; } handler; /* ExceptHandler */
    struct { NodeList posonly, args, kwonly, defaults, kw_defaults; Node *vararg, *kwarg; } arguments; /* lists of Arg; kw_defaults has one entry per kwonly, NULL where none */
    struct { const char *name; Node *annotation; } arg;
    struct { const char *name; Node *value; } keyword;               /* name NULL: **value */
    struct { const char *name, *asname; } alias;                     /* name "*" for a star import; dotted names joined by '.' */
    struct { Node *context, *vars; } withitem;
    struct { Node *pattern, *guard; NodeList body; } match_case;
    struct { Node *value; } match_value;                             /* MatchValue; MatchSingleton (a Constant) */
    struct { NodeList patterns; } match_seq;                         /* MatchSequence, MatchOr */
    struct { NodeList keys, patterns; const char *rest; } match_map;
    struct { Node *cls; NodeList patterns; NameList kwd_attrs; NodeList kwd_patterns; } match_cls;
    struct { const char *name; } match_star;                         /* name NULL: *_ */
    struct { Node *pattern; const char *name; } match_as;            /* both NULL: wildcard _ */
  } u;
};

/* A field of a kind of node: how it is kept at its offset, and Python's name. */
typedef enum { FIELD_NODE /* or NULL */, FIELD_NODES /* NULL in it: None */, FIELD_TEXT /* or NULL */, FIELD_TEXTS, FIELD_INT, FIELD_BOOL /* an int in Python */,
  FIELD_BINARY, FIELD_UNARY, FIELD_BOOLOP, FIELD_COMPARES, FIELD_CONTEXT, /* ast_operator() names these */
  FIELD_CONSTANT /* the node itself is a Constant */, FIELD_CONSTANT_OF /* the value of a Constant */, FIELD_KIND /* whether 'u' stood before the string */,
  FIELD_NOTHING /* always an empty list */, FIELD_NONE /* always None */ } AstFieldKind;
typedef struct AstField { uint8_t node, kind; uint16_t offset; char name[16]; } AstField;
const AstField *ast_fields(NodeKind kind, int *n);
static inline const void *ast_field(const AstField *f, const Node *n) { return (const char *)n + f->offset; }
const char *ast_operator(const AstField *f, const Node *n, int i); /* Python's class of an operator or context; i: which of COMPARES */
const char *ast_name(const Node *n);                               /* Python's class of a node */
bool ast_has_position(const Node *n);

/* Dump in the form of ast.dump(tree), for tests. */
void ast_dump(Buf *out, const Node *node);
void ast_dump_attributes(Buf *out, const Node *node); /* with include_attributes=True: positions */
#endif
