/* The parser: trees in the form of ast.dump, syntax errors with their places, deep and hostile input, every failed allocation. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "parser/parse.h"

typedef struct Parsed {
  Mem mem;
  Arena arena;
  ParseResult r;
} Parsed;

static void parse(Parsed *p, const char *text, ParseMode mode) {
  mem_init(&p->mem, NULL, NULL, 0);
  arena_init(&p->arena, &p->mem);
  parse_source(&p->arena, text, strlen(text), false, "<test>", mode, &p->r);
}

static void drop(Parsed *p) {
  arena_free(&p->arena);
  ck_assert_uint_eq(p->mem.used, 0);
}

static void expect_tree(const char *text, const char *want) {
  Parsed p;
  parse(&p, text, PARSE_EXPRESSION);
  ck_assert_msg(p.r.tree != NULL, "%s: %s", text, p.r.error.msg);
  Buf b;
  buf_init(&b, &p.mem);
  ast_dump(&b, p.r.tree->u.expression.body);
  ck_assert_str_eq(buf_cstr(&b), want);
  buf_free(&b);
  drop(&p);
}

static void expect_module(const char *text, const char *want) {
  Parsed p;
  parse(&p, text, PARSE_FILE);
  ck_assert_msg(p.r.tree != NULL, "%s: %s", text, p.r.error.msg);
  Buf b;
  buf_init(&b, &p.mem);
  for (int i = 0; i < p.r.tree->u.mod.body.n; i++) ast_dump(&b, p.r.tree->u.mod.body.items[i]);
  ck_assert_str_eq(buf_cstr(&b), want);
  buf_free(&b);
  drop(&p);
}

START_TEST(expressions) {
  expect_tree("a + b * -c", "BinOp(left=Name(id='a', ctx=Load()), op=Add(), right=BinOp(left=Name(id='b', ctx=Load()), op=Mult(), "
                            "right=UnaryOp(op=USub(), operand=Name(id='c', ctx=Load()))))");
  expect_tree("-2 ** -1", "UnaryOp(op=USub(), operand=BinOp(left=Constant(value=2), op=Pow(), right=UnaryOp(op=USub(), operand=Constant(value=1))))");
  expect_tree("not a < b <= c", "UnaryOp(op=Not(), operand=Compare(left=Name(id='a', ctx=Load()), ops=[Lt(), LtE()], "
                                "comparators=[Name(id='b', ctx=Load()), Name(id='c', ctx=Load())]))");
  expect_tree("a if b else lambda: c", "IfExp(test=Name(id='b', ctx=Load()), body=Name(id='a', ctx=Load()), orelse=Lambda(args=arguments(posonlyargs=[], "
                                       "args=[], kwonlyargs=[], kw_defaults=[], defaults=[]), body=Name(id='c', ctx=Load())))");
  expect_tree("f(a, *b, c=1, **d)", "Call(func=Name(id='f', ctx=Load()), args=[Name(id='a', ctx=Load()), Starred(value=Name(id='b', ctx=Load()), ctx=Load())], "
                                    "keywords=[keyword(arg='c', value=Constant(value=1)), keyword(value=Name(id='d', ctx=Load()))])");
  expect_tree("{**a, 'b': 1}", "Dict(keys=[None, Constant(value='b')], values=[Name(id='a', ctx=Load()), Constant(value=1)])");
  expect_tree("[x for x in y if z]", "ListComp(elt=Name(id='x', ctx=Load()), generators=[comprehension(target=Name(id='x', ctx=Store()), "
                                     "iter=Name(id='y', ctx=Load()), ifs=[Name(id='z', ctx=Load())], is_async=0)])");
  expect_tree("a[1:, ::2]", "Subscript(value=Name(id='a', ctx=Load()), slice=Tuple(elts=[Slice(lower=Constant(value=1)), Slice(step=Constant(value=2))], "
                            "ctx=Load()), ctx=Load())");
}
END_TEST

START_TEST(strings) {
  expect_tree("'a' \"b\" '''c'''", "Constant(value='abc')");
  expect_tree("u'x'", "Constant(value='x', kind='u')");
  expect_tree("rb'\\n' b'\\n'", "Constant(value=b'\\\\n\\n')");
  expect_tree("f'a{b!r:>{c}}{{'", "JoinedStr(values=[Constant(value='a'), FormattedValue(value=Name(id='b', ctx=Load()), conversion=114, "
                                  "format_spec=JoinedStr(values=[Constant(value='>'), FormattedValue(value=Name(id='c', ctx=Load()), conversion=-1)])), "
                                  "Constant(value='{')])");
  expect_tree("f'{a = }'", "JoinedStr(values=[Constant(value='a = '), FormattedValue(value=Name(id='a', ctx=Load()), conversion=114)])");
  expect_tree("\xEF\xAC\x81", "Name(id='fi', ctx=Load())"); /* the ligature: NFKC */
}
END_TEST

START_TEST(statements) {
  expect_module("a = b, = c", "Assign(targets=[Name(id='a', ctx=Store()), Tuple(elts=[Name(id='b', ctx=Store())], ctx=Store())], "
                              "value=Name(id='c', ctx=Load()))");
  expect_module("x: int = 1", "AnnAssign(target=Name(id='x', ctx=Store()), annotation=Name(id='int', ctx=Load()), value=Constant(value=1), simple=1)");
  expect_module("from ..a import b as c", "ImportFrom(module='a', names=[alias(name='b', asname='c')], level=2)");
  expect_module("if a: pass\nelif b: pass\nelse: x", "If(test=Name(id='a', ctx=Load()), body=[Pass()], orelse=[If(test=Name(id='b', ctx=Load()), "
                                                     "body=[Pass()], orelse=[Expr(value=Name(id='x', ctx=Load()))])])");
  expect_module("with (a as b, c): pass", "With(items=[withitem(context_expr=Name(id='a', ctx=Load()), optional_vars=Name(id='b', ctx=Store())), "
                                          "withitem(context_expr=Name(id='c', ctx=Load()))], body=[Pass()])");
  expect_module("match = match(case)", "Assign(targets=[Name(id='match', ctx=Store())], value=Call(func=Name(id='match', ctx=Load()), "
                                       "args=[Name(id='case', ctx=Load())], keywords=[]))");
  expect_module("match x:\n case [1, *_] | {'a': b} if c: pass",
                "Match(subject=Name(id='x', ctx=Load()), cases=[match_case(pattern=MatchOr(patterns=[MatchSequence(patterns=[MatchValue("
                "value=Constant(value=1)), MatchStar()]), MatchMapping(keys=[Constant(value='a')], patterns=[MatchAs(name='b')])]), "
                "guard=Name(id='c', ctx=Load()), body=[Pass()])])");
  expect_module("try: a\nexcept* B as c: d", "TryStar(body=[Expr(value=Name(id='a', ctx=Load()))], handlers=[ExceptHandler(type=Name(id='B', ctx=Load()), "
                                             "name='c', body=[Expr(value=Name(id='d', ctx=Load()))])], orelse=[], finalbody=[])");
}
END_TEST

static void expect_error(const char *text, SyntaxErrorKind kind, int line, int offset, const char *msg) {
  Parsed p;
  parse(&p, text, PARSE_FILE);
  ck_assert_msg(p.r.tree == NULL, "%s", text);
  ck_assert_str_eq(p.r.error.msg, msg);
  ck_assert_int_eq(p.r.error.kind, kind);
  ck_assert_int_eq(p.r.error.line, line);
  ck_assert_int_eq(p.r.error.offset, offset);
  drop(&p);
}

START_TEST(errors) {
  expect_error("x = = 2", SYNTAX_ERROR, 1, 5, "invalid syntax");
  expect_error("f(a b)", SYNTAX_ERROR, 1, 3, "invalid syntax. Perhaps you forgot a comma?");
  expect_error("if x = 1: pass", SYNTAX_ERROR, 1, 4, "invalid syntax. Maybe you meant '==' or ':=' instead of '='?");
  expect_error("f() = 1", SYNTAX_ERROR, 1, 1, "cannot assign to function call here. Maybe you meant '==' instead of '='?");
  expect_error("del 1", SYNTAX_ERROR, 1, 5, "cannot delete literal");
  expect_error("f(a=1, b)", SYNTAX_ERROR, 1, 9, "positional argument follows keyword argument");
  expect_error("def f(a=1, b): pass", SYNTAX_ERROR, 1, 12, "non-default argument follows default argument");
  expect_error("print 'x'", SYNTAX_ERROR, 1, 1, "Missing parentheses in call to 'print'. Did you mean print(...)?");
  expect_error("while x\n  y", SYNTAX_ERROR, 1, 8, "expected ':'");
  expect_error("if x:\npass", SYNTAX_INDENTATION, 2, 1, "expected an indented block after 'if' statement on line 1");
  expect_error("x\n  y", SYNTAX_INDENTATION, 2, 2, "unexpected indent");
  expect_error("x = (1,\ny = 2\n", SYNTAX_ERROR, 1, 5, "'(' was never closed");
  expect_error("a b\n'", SYNTAX_ERROR, 2, 1, "unterminated string literal (detected at line 2)");
  expect_error("x = f'{a b}'", SYNTAX_ERROR, 1, 2, "f-string: invalid syntax. Perhaps you forgot a comma?");
  expect_error("x = f'{}'", SYNTAX_ERROR, 1, 10, "f-string: empty expression not allowed");
  expect_error("\xC3\xA9 = 'a' 1", SYNTAX_ERROR, 1, 9, "invalid syntax"); /* columns are code points */
}
END_TEST

static void expect_incomplete(const char *text, bool want) {
  Parsed p;
  parse(&p, text, PARSE_INTERACTIVE);
  ck_assert(p.r.tree == NULL);
  ck_assert_msg(p.r.error.incomplete == want, "%s", text);
  drop(&p);
}

START_TEST(incomplete) {
  expect_incomplete("f(", true);
  expect_incomplete("x = '''a", true);
  expect_incomplete("if x:", true);
  expect_incomplete("if x:\n", true);
  expect_incomplete("x = \\\n", true);
  expect_incomplete("@a\n", true);
  expect_incomplete("try:\n  x\n", true);
  expect_incomplete("x = ", false);
  expect_incomplete("x = 'a", false);
  expect_incomplete("f(]", false);
}
END_TEST

/* unit repeated n times between two texts */
static void expect_kind(const char *before, const char *unit, int n, const char *after, int kind) {
  Parsed p;
  mem_init(&p.mem, NULL, NULL, 0);
  arena_init(&p.arena, &p.mem);
  Buf b;
  buf_init(&b, &p.mem);
  buf_str(&b, before);
  for (int i = 0; i < n; i++) buf_str(&b, unit);
  buf_str(&b, after);
  parse_source(&p.arena, b.data, b.len, false, "<test>", PARSE_FILE, &p.r);
  if (kind < 0) ck_assert_msg(p.r.tree != NULL, "%s: %s", unit, p.r.error.msg);
  else ck_assert_msg(p.r.tree == NULL && (int)p.r.error.kind == kind, "%s", unit);
  buf_free(&b);
  drop(&p);
}

START_TEST(deep) {
  expect_kind("x", ".a", 50000, "", -1);
  expect_kind("x", "()", 50000, "", -1);
  expect_kind("1", "+1", 50000, "", -1);
  expect_kind("if a: b\n", "elif a: b\n", 20000, "", -1);
  expect_kind("x = (", "'a' ", 20000, ")", -1);
  expect_kind("", "-", 100000, "1", SYNTAX_MEMORY);
  expect_kind("", "not ", 100000, "1", SYNTAX_MEMORY);
  expect_kind("1", "**1", 20000, "", SYNTAX_MEMORY);
  expect_kind("", "lambda: ", 5000, "1", SYNTAX_MEMORY);
  expect_kind("", "[", 100000, "", SYNTAX_ERROR);
  expect_kind("", "a ", 100000, "", SYNTAX_ERROR);
  expect_kind("", "(a b ", 190, "", SYNTAX_ERROR);
}
END_TEST

START_TEST(out_of_memory) {
  static const char text[] = "@d\ndef f(a, /, b: int = 1, *c, d=2, **e) -> 'x':\n  with (a as b): x = f'{a:{b}} {c!r}' '\\d'\n"
                             "  return [\xC3\xA9 for x in {1: 2, **y} if not a < b], lambda: 0x1ffffffffffffffff\n"
                             "match x:\n  case A(b, c=d) | [1, *_]: pass\nx = f(a b)\n";
  Parsed p;
  parse(&p, text, PARSE_FILE);
  ck_assert_int_eq(p.r.error.kind, SYNTAX_ERROR);
  uint64_t requests = p.mem.requests;
  drop(&p);
  ck_assert_uint_gt(requests, 10);
  for (uint64_t n = 1; n <= requests; n++) {
    mem_init(&p.mem, NULL, NULL, 0);
    p.mem.fail_at = n;
    p.mem.fail_sticky = true;
    arena_init(&p.arena, &p.mem);
    parse_source(&p.arena, text, sizeof text - 1, false, "<test>", PARSE_FILE, &p.r);
    ck_assert(p.r.tree == NULL && p.r.error.set);
    ck_assert_int_eq(p.r.error.kind, SYNTAX_MEMORY);
    drop(&p);
  }
}
END_TEST

START_TEST(warnings) {
  Parsed p;
  parse(&p, "x = '\\d'\ny = 1if z else 2\n", PARSE_FILE);
  ck_assert(p.r.tree != NULL && p.r.warnings && p.r.warnings->next && !p.r.warnings->next->next);
  ck_assert_str_eq(p.r.warnings->msg, "invalid decimal literal");
  ck_assert_str_eq(p.r.warnings->next->msg, "invalid escape sequence '\\d'");
  ck_assert_int_eq(p.r.warnings->next->line, 1);
  drop(&p);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("parse");
  TCase *tc = tcase_create("all");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, expressions);
  tcase_add_test(tc, strings);
  tcase_add_test(tc, statements);
  tcase_add_test(tc, errors);
  tcase_add_test(tc, incomplete);
  tcase_add_test(tc, deep);
  tcase_add_test(tc, out_of_memory);
  tcase_add_test(tc, warnings);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
