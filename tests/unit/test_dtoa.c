/* Double <-> text: correct rounding at the hard places, whatever the locale. Whole programs are in tests/lang/float. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vm/base/dtoa.h"

static double parse(const char *s) {
  size_t used;
  double d = dtoa_parse(s, strlen(s), &used);
  ck_assert_uint_eq(used, strlen(s));
  return d;
}

static void expect_repr(double d, const char *want) {
  char out[40];
  int n = dtoa_repr(d, out);
  ck_assert_int_eq(n, (int)strlen(want));
  ck_assert_str_eq(out, want);
}

START_TEST(test_parse_halfway) {
  ck_assert(parse("9007199254740993") == 9007199254740992.0);        /* tie: to even */
  ck_assert(parse("9007199254740993.0000000000000000000000001") == 9007199254740994.0);
  ck_assert(parse("2.4703282292062327e-324") == 0.0);
  ck_assert(parse("2.4703282292062328e-324") == 0x1p-1074);
  ck_assert(parse("2.2250738585072011e-308") == 0x0.fffffffffffffp-1022);
  ck_assert(parse("1.7976931348623158e308") == 0x1.fffffffffffffp1023);
  ck_assert(isinf(parse("1.7976931348623159e308")));
  ck_assert(isinf(parse("1e99999999999999999999")));
  ck_assert(parse("1e-99999999999999999999") == 0.0);
}
END_TEST

START_TEST(test_parse_long) { /* a tie decided by the digit number 1001 */
  char s[1100] = "9007199254740993.";
  memset(s + 17, '0', 1000);
  s[1017] = 0;
  ck_assert(parse(s) == 9007199254740992.0);
  s[1016] = '1';
  ck_assert(parse(s) == 9007199254740994.0);
}
END_TEST

START_TEST(test_parse_grammar) {
  size_t used;
  dtoa_parse("e5", 2, &used);
  ck_assert_uint_eq(used, 0);
  dtoa_parse(".", 1, &used);
  ck_assert_uint_eq(used, 0);
  ck_assert(dtoa_parse("1.5e", 4, &used) == 1.5);
  ck_assert_uint_eq(used, 3);
  ck_assert(dtoa_parse("1.2.3", 5, &used) == 1.2);
  ck_assert_uint_eq(used, 3);
}
END_TEST

START_TEST(test_repr) {
  expect_repr(0.1, "0.1");
  expect_repr(-0.0, "-0.0");
  expect_repr(1e15, "1000000000000000.0");
  expect_repr(1e16, "1e+16");
  expect_repr(1e-5, "1e-05");
  expect_repr(0.0001, "0.0001");
  expect_repr(0x1p-1074, "5e-324");
  expect_repr(0x1.fffffffffffffp1023, "1.7976931348623157e+308");
  expect_repr(9007199254740993.0, "9007199254740992.0");
  expect_repr(HUGE_VAL, "inf");
}
END_TEST

START_TEST(test_round_trip) { /* doubles of all sizes: the text reads back, and no shorter one was missed at 17 digits */
  uint64_t state = 1;
  for (int i = 0; i < 200000; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    uint64_t bits = state >> 1;
    double d;
    memcpy(&d, &bits, sizeof d);
    if (!isfinite(d)) continue;
    char out[40];
    int n = dtoa_repr(d, out);
    size_t used;
    ck_assert(dtoa_parse(out, (size_t)n, &used) == d);
    ck_assert_int_eq((int)used, n);
  }
}
END_TEST

START_TEST(test_digits) {
  char d[1100];
  int point, n = dtoa_digits(2.5, 3, 0, d, sizeof d, &point); /* half to even */
  ck_assert(n == 1 && d[0] == '2' && point == 1);
  n = dtoa_digits(0.05, 3, 1, d, sizeof d, &point);           /* 0.05 is a little more than 0.05 */
  ck_assert(n == 1 && d[0] == '1' && point == 0);
  n = dtoa_digits(0.4, 3, 0, d, sizeof d, &point);
  ck_assert(n == 1 && d[0] == '0');
  n = dtoa_digits(0x1p-1074, 2, 800, d, sizeof d, &point);    /* the whole expansion has 751 digits */
  ck_assert_int_eq(n, 751);
  ck_assert_int_eq(point, -323);
}
END_TEST

int main(void) {
  Suite *s = suite_create("dtoa");
  TCase *t = tcase_create("dtoa");
  tcase_add_test(t, test_parse_halfway);
  tcase_add_test(t, test_parse_long);
  tcase_add_test(t, test_parse_grammar);
  tcase_add_test(t, test_repr);
  tcase_add_test(t, test_round_trip);
  tcase_add_test(t, test_digits);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
