/* Strings from C: search against its definition, sharing of appended text, interning, the code point index. The rest is in tests/lang/str. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "vm/objects/str_build.h"

static VM *vm;
static void open_vm(void) {
  vm = tiny_new(NULL);
  ck_assert_ptr_nonnull(vm);
}
static void close_vm(void) { tiny_free(vm); }

/* ---- search ---- */

static uint32_t seed = 12345;
static size_t below(size_t n) {
  seed = seed * 1103515245u + 12345u;
  return n ? (seed >> 8) % n : 0;
}

static size_t slow_find(const char *h, size_t n, const char *x, size_t m) {
  for (size_t i = 0; i + m <= n; i++) if (memcmp(h + i, x, m) == 0) return i;
  return SIZE_MAX;
}
static size_t slow_rfind(const char *h, size_t n, const char *x, size_t m) {
  for (size_t i = m > n ? 0 : n - m + 1; i-- > 0;) if (memcmp(h + i, x, m) == 0) return i;
  return SIZE_MAX;
}

START_TEST(search_equals_its_definition) {
  static char h[6000], x[2000];
  for (int turn = 0; turn < 20000; turn++) {
    size_t n = below(turn % 50 ? 80 : sizeof h), m = 1 + below(turn % 50 ? 12 : turn % 3 ? 40 : sizeof x - 1), letters = 1 + below(3);
    bool rare = turn % 7 == 0; /* long runs of one letter: the comparisons cost most, the two-way search takes over */
    for (size_t i = 0; i < n; i++) h[i] = (char)('a' + (rare ? below(200) == 0 : below(letters + 1)));
    for (size_t i = 0; i < m; i++) x[i] = (char)('a' + (rare ? below(200) == 0 : below(letters + 1)));
    if (below(2) && m <= n) memcpy(x, h + below(n - m + 1), m);
    ck_assert_uint_eq(str_find_bytes(h, n, x, m), slow_find(h, n, x, m));
    ck_assert_uint_eq(str_rfind_bytes(h, n, x, m), slow_rfind(h, n, x, m));
  }
  ck_assert_uint_eq(str_find_bytes("abc", 3, "", 0), 0);
  ck_assert_uint_eq(str_rfind_bytes("abc", 3, "", 0), 3);
}
END_TEST

/* ---- sharing ---- */

START_TEST(appending_shares_and_never_changes_others) {
  Str *s = str_from(vm, "0123456789012345678901234567890123456789"), *ten = str_from(vm, "abcdefghij"), *kept[40];
  for (int i = 0; i < 40; i++) kept[i] = s = str_concat(vm, s, ten);
  ck_assert(s->head.small & STR_SHARED);
  ck_assert_ptr_eq(kept[39]->data, kept[38]->data);
  Str *fork = str_concat(vm, kept[38], str_from(vm, "XY")); /* its buffer goes on with kept[39]'s text: has to copy */
  ck_assert_ptr_ne(fork->data, kept[38]->data);
  for (int i = 0; i < 40; i++) {
    ck_assert_uint_eq(kept[i]->size, 50u + 10u * (unsigned)i);
    ck_assert_int_eq(memcmp(kept[i]->data + kept[i]->size - 10, "abcdefghij", 10), 0);
  }
  ck_assert_int_eq(memcmp(fork->data + fork->size - 2, "XY", 2), 0);
  const char *c = str_cstr(vm, kept[38]);
  ck_assert_uint_eq(strlen(c), kept[38]->size);
  ck_assert(!(kept[38]->head.small & STR_SHARED));
}
END_TEST

/* ---- interning ---- */

START_TEST(interned_strings_are_one_and_weak) {
  Str *a = str_intern(vm, "some name", 9), *b = str_intern_str(vm, str_from(vm, "some name"));
  ck_assert_ptr_eq(a, b);
  ck_assert(!str_equal(a, str_intern(vm, "other name", 10)));
  ck_assert_ptr_eq(NAME(vm, __init__), str_intern(vm, "__init__", 8));
  size_t before = vm->mem.used;
  char text[32];
  for (int turn = 0; turn < 20; turn++) {
    for (int i = 0; i < 2000; i++) ck_assert_ptr_nonnull(str_intern(vm, text, (size_t)snprintf(text, sizeof text, "n%d-%d", turn, i)));
    gc_collect(vm);
  }
  ck_assert_uint_lt(vm->mem.used, before + 400000);
}
END_TEST

/* ---- code points ---- */

START_TEST(index_agrees_with_a_walk) {
  enum { N = 5000 };
  static uint32_t cps[N];
  Buf b;
  buf_init(&b, &vm->mem);
  for (int i = 0; i < N; i++) {
    char text[4];
    cps[i] = (uint32_t[]){'a', 0xE9, 0x4E2D, 0x1F600, 0xD800}[below(5)];
    buf_add(&b, text, (size_t)utf8_encode(cps[i], text));
  }
  Str *s = str_from_buf(vm, &b);
  ck_assert_uint_eq(s->length, N);
  for (int turn = 0; turn < 20000; turn++) {
    size_t i = below(N);
    ck_assert_uint_eq(str_cp_at(vm, s, i), cps[i]);
    if (i + 1 < N) ck_assert_uint_eq(str_cp_at(vm, s, i + 1), cps[i + 1]);
    if (i > 0) ck_assert_uint_eq(str_cp_at(vm, s, i - 1), cps[i - 1]);
  }
  ck_assert_uint_eq(str_offset(vm, s, N), s->size);
  ck_assert_uint_eq(str_offset(vm, s, 0), 0);
  Str *part = str_substr(vm, s, 1000, 3000);
  for (size_t i = 0; i < 2000; i += 37) ck_assert_uint_eq(str_cp_at(vm, part, i), cps[1000 + i]);
}
END_TEST

START_TEST(refused_memory_leaves_strings_whole) {
  Str *s = str_from(vm, "na\xC3\xAFve text that is long enough to be replaced, split and joined again and again");
  for (uint64_t k = 1; k < 30; k++) {
    vm->mem.fail_at = k;
    Str *r = str_concat(vm, s, s);
    if (r) r = str_substr(vm, r, 3, 40);
    bool hit = vm->mem.fail_at == 0;
    vm->mem.fail_at = 0;
    if (!r) {
      ck_assert(hit && rt_pending_is(vm, &exc_MemoryError));
      (void)rt_take_exc(vm);
    }
  }
  ck_assert_uint_eq(utf8_count(s->data, s->size), s->length);
}
END_TEST

int main(void) {
  TCase *t = tcase_create("str");
  tcase_add_checked_fixture(t, open_vm, close_vm);
  tcase_add_test(t, search_equals_its_definition);
  tcase_add_test(t, appending_shares_and_never_changes_others);
  tcase_add_test(t, interned_strings_are_one_and_weak);
  tcase_add_test(t, index_agrees_with_a_walk);
  tcase_add_test(t, refused_memory_leaves_strings_whole);
  tcase_set_timeout(t, 60);
  Suite *s = suite_create("str");
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_ENV);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
