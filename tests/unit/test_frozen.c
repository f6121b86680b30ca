/* The compiled library: all of it unpacks to code that passes the verifier, with lines in order; refused memory leaves a code object as it was. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "include/tiny.h"
#include "vm/frozen.h"
#include "vm/vm.h"

static VM *vm;

static void open_vm(void) {
  vm = tiny_new(NULL);
  ck_assert_ptr_nonnull(vm);
}

static void close_vm(void) { tiny_free(vm); }

static void check_lines(const Code *code) {
  int32_t line = 0;
  for (uint32_t pc = 0; pc < code->n_instr; pc += (uint32_t)op_length((int)INS_OP(code->instr[pc]))) {
    const Position *p = code_position(code, pc);
    if (!p) continue;
    ck_assert_int_gt(p->line, 0);
    line = p->line;
  }
  ck_assert_msg(line > 0 || (code->flags & CODE_HIDDEN), "%s has no lines", code->name->data);
}

static size_t check_code(Code *code) {
  char msg[200] = "";
  size_t n = 1;
  ck_assert(code_load(vm, code));
  ck_assert_msg(code_verify(code, msg, sizeof msg), "%s: %s", code->qualname->data, msg);
  ck_assert_uint_eq(code->local_names->length, code->n_locals);
  check_lines(code);
  Value doc = code_doc(vm, code);
  ck_assert(is_str(doc) || v_is_none(doc));
  for (uint32_t i = 0; i < code->n_consts; i++)
    if (v_is_exact(code->consts[i], &code_type)) n += check_code((Code *)v_obj(code->consts[i]));
  return n;
}

START_TEST(every_code_of_the_library_is_sound) {
  size_t n = 0;
  vm->gc_off++;
  for (const FrozenModule *m = frozen_modules; m->name; m++) {
    Value code = frozen_module_code(vm, m->name, m->name);
    if (v_absent(code)) return; /* FREEZE=0 */
    n += check_code((Code *)v_obj(code));
  }
  for (unsigned i = 0; i < frozen_chunk_count; i++) {
    Value code = frozen_code_load(vm, frozen_chunk_at[i], 0, str_intern(vm, "x", 1));
    ck_assert(!v_failed(code));
    n += check_code((Code *)v_obj(code));
  }
  vm->gc_off--;
  ck_assert_uint_gt(n, 1000);
}
END_TEST

START_TEST(refused_memory_leaves_a_code_as_it_was) {
  vm->gc_off++;
  Value module = frozen_module_code(vm, "textwrap", "textwrap");
  if (v_absent(module)) return;
  Code *body = (Code *)v_obj(module), *code = NULL;
  for (uint32_t i = 0; i < body->n_consts; i++)
    if (v_is_exact(body->consts[i], &code_type) && (!code || !code->instr)) code = (Code *)v_obj(body->consts[i]);
  ck_assert_ptr_nonnull(code);
  bool loaded = false;
  for (uint64_t n = 1; !loaded; n++) {
    ck_assert_ptr_null(code->instr);
    vm->mem.fail_at = n;
    loaded = code_load(vm, code);
    vm->mem.fail_at = 0;
    if (!loaded) (void)rt_take_exc(vm);
  }
  vm->gc_off--;
  check_code(code);
}
END_TEST

int main(void) {
  TCase *t = tcase_create("frozen");
  tcase_add_checked_fixture(t, open_vm, close_vm);
  tcase_add_test(t, every_code_of_the_library_is_sound);
  tcase_add_test(t, refused_memory_leaves_a_code_as_it_was);
  tcase_set_timeout(t, 60);
  Suite *s = suite_create("frozen");
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_ENV);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed != 0;
}
