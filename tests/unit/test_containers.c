/* Tables and lists from C: what no script can see, such as versions, reuse of room, and survival of refused memory. The rest is in tests/lang. */
#include <check.h>
#include <stdlib.h>

#include "vm/objects/containers_int.h"

static VM *vm;
static void open_vm(void) {
  vm = tiny_new(NULL);
  ck_assert_ptr_nonnull(vm);
}
static void close_vm(void) { tiny_free(vm); }
static Value num(int64_t i) { return v_from_int62(i); }

START_TEST(dict_keeps_order_and_versions) {
  Dict *d = dict_new(vm);
  for (int64_t i = 0; i < 100; i++) ck_assert(dict_set(vm, d, num(i * 37 % 101), num(i)));
  uint32_t version = d->keys_version;
  ck_assert(dict_set(vm, d, num(37), num(-1))); /* a value only: caches of the keys stay good */
  ck_assert_uint_eq(d->keys_version, version);
  ck_assert_int_eq(dict_del(vm, d, num(37), NULL), 1);
  ck_assert_uint_ne(d->keys_version, version);
  ck_assert_int_eq(dict_del(vm, d, num(37), NULL), 0);
  size_t pos = 0;
  Value key, value;
  int64_t i = 0;
  while (dict_next(d, &pos, &key, &value)) {
    if (i == 1) i++;
    ck_assert_int_eq(v_int(key), i * 37 % 101);
    ck_assert_int_eq(v_int(value), i++);
  }
  ck_assert_int_eq(i, 100);
}
END_TEST

START_TEST(dict_as_queue_stays_small) {
  Dict *d = dict_new(vm);
  for (int64_t i = 0; i < 100000; i++) {
    ck_assert(dict_set(vm, d, num(i), num(i)));
    if (i >= 10) ck_assert_int_eq(dict_del(vm, d, num(i - 10), NULL), 1);
  }
  ck_assert_uint_eq(d->used, 10);
  ck_assert_uint_le(d->capacity, 100);
}
END_TEST

START_TEST(dict_finds_strings_by_content) {
  Dict *d = dict_new(vm);
  ck_assert(dict_set_c(vm, d, "name", num(1)));
  ck_assert(d->str_keys);
  Str *copy = str_new(vm, "name", 4);
  ck_assert_int_eq(v_int(dict_get_str(vm, d, copy)), 1);
  ck_assert_int_eq(dict_entry_index(vm, d, str_intern(vm, "name", 4)), 0);
  ck_assert_int_eq(dict_entry_index(vm, d, str_intern(vm, "other", 5)), -1);
  ck_assert(dict_set(vm, d, num(1), num(2)));
  ck_assert(!d->str_keys);
  ck_assert_int_eq(v_int(dict_get_str(vm, d, copy)), 1);
  ck_assert(v_absent(dict_get_c(vm, d, "none")));
}
END_TEST

START_TEST(refused_memory_changes_nothing) {
  Dict *d = dict_new(vm);
  List *l = list_new(vm, NULL, 0);
  Set *s = set_new(vm, &set_type);
  for (int64_t i = 0; i < 5; i++) {
    ck_assert(dict_set(vm, d, num(i), num(i)));
    ck_assert(set_add(vm, s, num(i)));
  }
  for (size_t i = 0; l->length < 8; i++) ck_assert(list_append(vm, l, num((int64_t)i)));
  ck_assert(list_reserve(vm, l, l->length));
  size_t room = l->capacity - l->length;
  while (room--) ck_assert(list_append(vm, l, num(0)));
  size_t length = l->length;
  vm->mem.fail_at = 1;
  vm->mem.fail_sticky = true;
  ck_assert(!dict_set(vm, d, num(5), num(5)));
  ck_assert(!list_append(vm, l, num(8)));
  for (int64_t i = 5; i < 20; i++) { /* however often: a search must still end */
    bool added = set_add(vm, s, num(i));
    (void)added;
  }
  ck_assert_int_eq(set_contains(vm, s, num(1000)), 0);
  ck_assert_int_eq(set_contains(vm, s, num(4)), 1);
  vm->mem.fail_at = 0;
  vm->mem.fail_sticky = false;
  rt_take_exc(vm);
  ck_assert_uint_eq(d->used, 5);
  ck_assert_uint_eq(l->length, length);
  ck_assert(dict_set(vm, d, num(5), num(5)) && list_append(vm, l, num(8)) && set_add(vm, s, num(100)));
}
END_TEST

START_TEST(set_drops_dummies) {
  Set *s = set_new(vm, &set_type);
  for (int64_t i = 0; i < 100000; i++) {
    ck_assert(set_add(vm, s, num(i)));
    ck_assert_int_eq(set_discard(vm, s, num(i)), 1);
  }
  ck_assert_uint_eq(s->used, 0);
  ck_assert_uint_le(s->mask, 63);
}
END_TEST

START_TEST(list_splices_itself) {
  List *l = list_new(vm, (Value[]){num(1), num(2), num(3)}, 3);
  ck_assert(list_splice(vm, l, 1, 2, l->items, 3));
  const int64_t want[] = {1, 1, 2, 3, 3};
  ck_assert_uint_eq(l->length, 5);
  for (size_t i = 0; i < 5; i++) ck_assert_int_eq(v_int(l->items[i]), want[i]);
  ck_assert(list_extend(vm, l, l->items + 3, 2));
  ck_assert_uint_eq(l->length, 7);
  ck_assert_int_eq(v_int(l->items[6]), 3);
}
END_TEST

START_TEST(sort_is_stable) {
  enum { N = 5000 };
  for (int seed = 1; seed < 40; seed++) {
    List *keys = list_new(vm, NULL, N), *values = list_new(vm, NULL, N);
    uint32_t x = (uint32_t)seed;
    for (int64_t i = 0; i < N; i++) {
      x = x * 1664525u + 1013904223u;
      int64_t k = seed % 3 == 0 ? (x >> 28) : seed % 3 == 1 ? (x >> 8) : i / 50 * (x >> 31 ? 1 : -1);
      keys->items[i] = num(k);
      values->items[i] = num(i);
    }
    List *before = list_new(vm, keys->items, N);
    bool reverse = seed % 2;
    ck_assert(!v_failed(list_sort_values(vm, values, keys, reverse)));
    for (size_t i = 0; i < N; i++) {
      ck_assert_int_eq(v_int(before->items[v_int(values->items[i])]), v_int(keys->items[i]));
      if (i == 0) continue;
      int64_t a = v_int(keys->items[i - 1]), b = v_int(keys->items[i]);
      ck_assert(reverse ? a >= b : a <= b);
      if (a == b) ck_assert_int_lt(v_int(values->items[i - 1]), v_int(values->items[i]));
    }
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("containers");
  TCase *t = tcase_create("all");
  tcase_add_checked_fixture(t, open_vm, close_vm);
  tcase_add_test(t, dict_keeps_order_and_versions);
  tcase_add_test(t, dict_as_queue_stays_small);
  tcase_add_test(t, dict_finds_strings_by_content);
  tcase_add_test(t, refused_memory_changes_nothing);
  tcase_add_test(t, set_drops_dummies);
  tcase_add_test(t, list_splices_itself);
  tcase_add_test(t, sort_is_stable);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
