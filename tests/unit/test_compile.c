/* Code generation: every code object passes the verifier, known patterns give the instructions they should, and every failed allocation ends in MemoryError. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "parser/compile.h"

static const char *const program =
    "import a.b as c, d\n"
    "from e import f as g, h\n"
    "x: int = 1\n"
    "def fn(p, q=1, /, r=2, *s, t, u=3, **v) -> p:\n"
    "  'doc'\n"
    "  nonlocal_ = [lambda: (p, i) for i in range(q) if i % 2 for j in s]\n"
    "  def inner():\n"
    "    nonlocal q\n"
    "    q += 1\n"
    "    return q, __class__\n"
    "  try:\n"
    "    for k, (m, *n) in v.items():\n"
    "      if k < m <= 5 and not n or r is None: continue\n"
    "      elif k in (1, 2): break\n"
    "    else: return inner\n"
    "  except (ValueError, KeyError) as e: raise TypeError(f'{e!r:>{r}} {k}') from e\n"
    "  except OSError: pass\n"
    "  finally:\n"
    "    with open(p) as o, q: o.write(*s, **v, z=1)\n"
    "  while (w := next(r)): r[w:1], p.attr = p.attr, r[0]\n"
    "  assert p, 'msg'\n"
    "  del r, p.x, s[0]\n"
    "  match v:\n"
    "    case {'k': [1, y, *_], **rest} if y: yield y\n"
    "    case C(1, z=-2) | [C.D, None]: yield from rest\n"
    "class K(Base, metaclass=M):\n"
    "  __private = 1\n"
    "  @deco\n"
    "  def m(self): return super().m() + self.__private\n"
    "async def co():\n"
    "  async with a as b:\n"
    "    async for c in d: await c\n"
    "  return {k: v async for k, v in e}, {*a}, {**b}\n"
    "try: pass\n"
    "except* ValueError as e: print(e)\n";

static VM *vm_open(void) {
  VM *vm = (VM *)tiny_new(NULL);
  ck_assert_ptr_nonnull(vm);
  return vm;
}

static Code *compile_text(VM *vm, const char *text) {
  Value v = compile_source(vm, text, strlen(text), "<test>", 'e', 0, NULL);
  if (v_failed(v)) {
    tiny_error e;
    ck_assert(tiny_take_error(vm, &e));
    ck_abort_msg("%s: %s: %s", text, e.type, e.message);
  }
  return (Code *)v_obj(v);
}

static void verify_all(const Code *code) {
  char msg[200];
  ck_assert_msg(code_verify(code, msg, sizeof msg), "%s", msg);
  for (uint32_t i = 0; i < code->n_consts; i++)
    if (v_is_exact(code->consts[i], &code_type)) verify_all((const Code *)v_obj(code->consts[i]));
}

static const Code *inner_code(const Code *code) {
  for (uint32_t i = 0; i < code->n_consts; i++)
    if (v_is_exact(code->consts[i], &code_type)) return (const Code *)v_obj(code->consts[i]);
  ck_abort_msg("no inner code");
  return NULL;
}

/* Names of the instructions of the first function in the text, with spaces between. */
static void expect_ops(const char *text, const char *want) {
  VM *vm = vm_open();
  const Code *code = inner_code(compile_text(vm, text));
  Buf b;
  buf_init(&b, &vm->mem);
  for (uint32_t pc = 0; pc < code->n_instr; pc += (uint32_t)op_length((int)INS_OP(code->instr[pc]))) {
    if (pc) buf_char(&b, ' ');
    buf_str(&b, op_info[INS_OP(code->instr[pc])].name);
  }
  ck_assert_str_eq(buf_cstr(&b), want);
  buf_free(&b);
  tiny_free((tiny_vm *)vm);
}

START_TEST(test_verifies) {
  VM *vm = vm_open();
  verify_all(compile_text(vm, program));
  tiny_free((tiny_vm *)vm);
}
END_TEST

START_TEST(test_patterns) {
  expect_ops("def f(a, b):\n a, b = b, a + b\n return a", "MOVE ADD MOVE RETURN");
  expect_ops("def f(n):\n while n > 1: n -= 1", "JGTK ISUBK JGTK RETURNNONE");
  expect_ops("def f(n):\n while True: n += 1", "IADDK JUMP");
  expect_ops("def f(n):\n for i in n: i.x()", "GETITER JUMP GETMETHOD CALLM FOR RETURNNONE");
  expect_ops("def f(n):\n for k, v in n: pass", "GETITER JUMP UNPACK FOR RETURNNONE");
  expect_ops("def f(a, b):\n if a and not b: return 1\n return 2", "JTRUE JTRUE LOADI RETURN LOADI RETURN");
  expect_ops("def f(a):\n return a is None or a == 'x'", "LOADK IS JTRUE LOADK EQ RETURN");
  expect_ops("def f(a):\n if a is not None: a = a[0]\n return a[1:]", "JNONE GETITEMK LOADI LOADK GETSLICE RETURN");
  expect_ops("def f():\n return 60 * 60 * 24", "LOADK RETURN");
  expect_ops("def f(a):\n return [a, 1], (1, 2)", "MOVE LOADI LIST LOADK TUPLE RETURN");
  expect_ops("def f(*a, **k):\n return g(*a, **k)", "GETGLOBAL ARGLIST ARGDICT CALLEX RETURN");
}
END_TEST

START_TEST(test_definite_assignment) {
  expect_ops("def f(c):\n if c: x = 1\n else: x = 2\n return x", "JTRUE LOADI JUMP LOADI RETURN");
  expect_ops("def f(c):\n if c: x = 1\n return x", "JTRUE LOADI CHECK RETURN");
  expect_ops("def f(c):\n for x in c: pass\n return x", "GETITER JUMP FOR CHECK RETURN");
  expect_ops("def f(c):\n while True:\n  x = c\n  break\n return x", "MOVE JUMP RETURN");
  expect_ops("def f(c):\n x = c\n del x\n return x", "MOVE DELLOCAL CHECK RETURN");
}
END_TEST

START_TEST(test_no_memory) {
  VM *vm = vm_open();
  int failures = 0;
  for (uint64_t n = 1; n < 20000; n++) {
    tiny_scope scope = tiny_scope_open(vm);
    vm->mem.fail_at = n;
    Value v = compile_source(vm, program, strlen(program), "<test>", 'e', 0, NULL);
    bool reached = vm->mem.fail_at == 0 || v_failed(v);
    vm->mem.fail_at = 0;
    if (!v_failed(v)) {
      tiny_scope_close(vm, scope);
      if (!reached) break;
      continue; /* an allocation that could be done without */
    }
    ck_assert(rt_pending_is(vm, &exc_MemoryError));
    (void)rt_take_exc(vm);
    failures++;
    tiny_scope_close(vm, scope);
    if (n % 64 == 0) gc_collect(vm);
  }
  ck_assert_int_gt(failures, 20);
  gc_collect(vm);
  verify_all(compile_text(vm, program));
  tiny_free((tiny_vm *)vm);
}
END_TEST

START_TEST(test_long_chains) {
  VM *vm = vm_open();
  static const char *const links[] = {" + a", ".a", "()", "[0]", " or a"};
  for (size_t k = 0; k < sizeof links / sizeof *links; k++) {
    Buf b;
    buf_init(&b, &vm->mem);
    buf_str(&b, "a");
    for (int i = 0; i < 20000; i++) buf_str(&b, links[k]);
    verify_all(compile_text(vm, buf_cstr(&b)));
    buf_free(&b);
  }
  tiny_free((tiny_vm *)vm);
}
END_TEST

int main(void) {
  Suite *s = suite_create("compile");
  TCase *t = tcase_create("compile");
  tcase_set_timeout(t, 120);
  tcase_add_test(t, test_verifies);
  tcase_add_test(t, test_patterns);
  tcase_add_test(t, test_definite_assignment);
  tcase_add_test(t, test_no_memory);
  tcase_add_test(t, test_long_chains);
  suite_add_tcase(s, t);
  SRunner *r = srunner_create(s);
  srunner_run_all(r, CK_NORMAL);
  int failed = srunner_ntests_failed(r);
  srunner_free(r);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
