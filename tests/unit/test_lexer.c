/* The lexer: kinds and positions of tokens, indentation, literals, errors. What a whole text means is in test_parse.c. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lexer/lexer.h"
#include "lexer/literal.h"
#include "vm/base/utf8.h"

typedef struct Lexed {
  Mem mem;
  Arena arena;
  Source src;
  TokenVec toks;
  Lexer lexer;
} Lexed;

static void lex(Lexed *l, const char *text) {
  mem_init(&l->mem, NULL, NULL, 0);
  arena_init(&l->arena, &l->mem);
  ck_assert_int_eq(source_init(&l->src, &l->arena, text, strlen(text), "<test>", false), SRC_OK);
  l->toks = (TokenVec){.mem = &l->mem};
  ck_assert(lex_file(&l->lexer, &l->src, &l->arena, &l->toks));
}

static void drop(Lexed *l) {
  mem_free(&l->mem, l->toks.items, l->toks.cap * sizeof *l->toks.items);
  arena_free(&l->arena);
  ck_assert_uint_eq(l->mem.used, 0);
}

/* The kinds, as their spellings joined by blanks. */
static void expect_kinds(const char *text, const char *want) {
  Lexed l;
  lex(&l, text);
  Buf b;
  buf_init(&b, &l.mem);
  for (size_t i = 0; i < l.toks.n; i++) {
    if (i) buf_char(&b, ' ');
    buf_str(&b, token_texts[l.toks.items[i].kind]);
  }
  ck_assert_str_eq(buf_cstr(&b), want);
  buf_free(&b);
  drop(&l);
}

static void expect_error(const char *text, const char *want, int line) {
  Lexed l;
  lex(&l, text);
  ck_assert_int_eq(l.toks.items[l.toks.n - 1].kind, T_ERROR);
  ck_assert_str_eq(l.lexer.error.msg, want);
  ck_assert_int_eq(l.lexer.error.line, line);
  drop(&l);
}

START_TEST(kinds) {
  expect_kinds("", "end of input");
  expect_kinds("a = b+1", "name = name + number newline end of input");
  expect_kinds("if x: pass # c\n", "if name : pass newline end of input");
  expect_kinds("a\n\n  # blank\nb", "name newline name newline end of input");
  expect_kinds("x = (1,\n 2)\n", "name = ( number , number ) newline end of input");
  expect_kinds("a **= b // c != d -> ... := .", "name **= name // name != name -> ... := . newline end of input");
  expect_kinds("rb'x' F\"y\" '''a\nb''' u'' bu''", "string string string string name string newline end of input");
  expect_kinds("$ ? ! `", "? ? ? ? newline end of input");
  expect_kinds("a \\\n b", "name name newline end of input");
  expect_kinds("\f x = 1", "indent name = number newline dedent end of input");
}
END_TEST

START_TEST(indentation) {
  expect_kinds("if a:\n  b\nc\n", "if name : newline indent name newline dedent name newline end of input");
  expect_kinds("if a:\n if b:\n  c\n", "if name : newline indent if name : newline indent name newline dedent dedent end of input");
  expect_error("if a:\n   b\n  c\n", "unindent does not match any outer indentation level", 3);
  expect_error("if a:\n\tb\n        c\n", "inconsistent use of tabs and spaces in indentation", 3);
}
END_TEST

START_TEST(positions) {
  Lexed l;
  lex(&l, "a\n  b = '''x\ny'''\n");
  const Token *t = &l.toks.items[5];
  ck_assert_int_eq(t->kind, T_STRING);
  ck_assert_int_eq(t->line, 2);
  ck_assert_int_eq(t->end_line, 3);
  ck_assert_uint_eq(t->start, 8);
  ck_assert_uint_eq(t->end, 17);
  drop(&l);
}
END_TEST

START_TEST(errors) {
  expect_error("x = 'abc\ny", "unterminated string literal (detected at line 1)", 1);
  expect_error("x = '''abc\ny", "unterminated triple-quoted string literal (detected at line 2)", 1);
  expect_error("(\n]", "closing parenthesis ']' does not match opening parenthesis '(' on line 1", 2);
  expect_error("}", "unmatched '}'", 1);
  expect_error("(", "'(' was never closed", 1);
  expect_error("1__0", "invalid decimal literal", 1);
  expect_error("0b12", "invalid digit '2' in binary literal", 1);
  expect_error("a \\ b", "unexpected character after line continuation character", 1);
  expect_error("a\xC2\xA0", "invalid non-printable character U+00A0", 1);
  expect_error("a\xE2\x82\xAC", "invalid character '\xE2\x82\xAC' (U+20AC)", 1);
}
END_TEST

START_TEST(numbers) {
  Mem mem;
  Arena arena;
  mem_init(&mem, NULL, NULL, 0);
  arena_init(&arena, &mem);
  Number n = literal_number(&arena, "1_000", 5);
  ck_assert(n.kind == NUM_INT && n.i == 1000);
  n = literal_number(&arena, "0xFf", 4);
  ck_assert(n.kind == NUM_INT && n.i == 255);
  n = literal_number(&arena, "9223372036854775807", 19);
  ck_assert(n.kind == NUM_INT && n.i == INT64_MAX);
  n = literal_number(&arena, "9223372036854775808", 19);
  ck_assert(n.kind == NUM_BIG && n.base == 10);
  ck_assert_str_eq(n.digits, "9223372036854775808");
  n = literal_number(&arena, "1_0.5e1", 7);
  ck_assert(n.kind == NUM_FLOAT && n.d == 105.0);
  n = literal_number(&arena, "2J", 2);
  ck_assert(n.kind == NUM_IMAGINARY && n.d == 2.0);
  arena_free(&arena);
}
END_TEST

static void expect_text(const char *inside, bool bytes, const char *want, size_t len) {
  Mem mem;
  mem_init(&mem, NULL, NULL, 0);
  Buf b;
  buf_init(&b, &mem);
  StringEscapes r;
  literal_unescape(&b, inside, strlen(inside), bytes, &r);
  ck_assert(!r.failed);
  ck_assert_uint_eq(b.len, len);
  ck_assert(memcmp(b.data, want, len) == 0);
  buf_free(&b);
}

START_TEST(escapes) {
  expect_text("a\\n\\x41\\101\\0", false, "a\nAA\0", 5);
  expect_text("\\xff", false, "\xC3\xBF", 2);
  expect_text("\\xff\\u", true, "\xFF\\u", 3);
  expect_text("\\u20ac\\U0001F600", false, "\xE2\x82\xAC\xF0\x9F\x98\x80", 7);
  expect_text("\\N{euro sign}", false, "\xE2\x82\xAC", 3);
  expect_text("\\ud800", false, "\xED\xA0\x80", 3);
  expect_text("a\\\nb", false, "ab", 2);
  ck_assert_int_eq(uc_by_name("LATIN SMALL LETTER A", 20), 'a');
  ck_assert_int_eq(uc_by_name("cjk unified ideograph-4e00", 26), 0x4E00);
  ck_assert_int_eq(uc_by_name("NO SUCH NAME", 12), -1);
}
END_TEST

START_TEST(encodings) {
  Mem mem;
  Arena arena;
  Source s;
  mem_init(&mem, NULL, NULL, 0);
  arena_init(&arena, &mem);
  ck_assert_int_eq(source_init(&s, &arena, "\xEF\xBB\xBFx", 4, "f", false), SRC_OK);
  ck_assert_str_eq(s.text, "x\n");
  ck_assert_int_eq(source_init(&s, &arena, "# coding: latin-1\r\n\xE9\r", 21, "f", false), SRC_OK);
  ck_assert_str_eq(s.text, "# coding: latin-1\n\xC3\xA9\n");
  ck_assert_int_eq(s.n_lines, 2);
  ck_assert_int_eq(source_init(&s, &arena, "#coding=klingon\n", 16, "f", false), SRC_BAD);
  ck_assert_str_eq(s.msg, "unknown encoding: klingon");
  ck_assert_int_eq(source_init(&s, &arena, "\xE9", 1, "f", false), SRC_BAD);
  ck_assert_int_eq(source_init(&s, &arena, "a\0b", 3, "f", false), SRC_NUL);
  arena_free(&arena);
}
END_TEST

int main(void) {
  Suite *suite = suite_create("lexer");
  TCase *tc = tcase_create("all");
  tcase_add_test(tc, kinds);
  tcase_add_test(tc, indentation);
  tcase_add_test(tc, positions);
  tcase_add_test(tc, errors);
  tcase_add_test(tc, numbers);
  tcase_add_test(tc, escapes);
  tcase_add_test(tc, encodings);
  suite_add_tcase(suite, tc);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
