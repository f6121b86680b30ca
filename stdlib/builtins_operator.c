/* Module _operator: the operators as builtin functions. Operands of builtin types are worked on here; where a script's method may have to run, the function of
 * operator.tiny that stands behind (the native's bound value) is called in the native's place. */
#include "stdlib/builtins_int.h"
#include "vm/vm.h"

typedef struct Row { tiny_def def; /* must be first: a native's def leads to its row */ uint8_t op; } Row;

static bool plain(Value v) { return !type_is_heap(type_of(v)); }
static Value behind(VM *vm, Args *a) {
  int n = a->n;
  while (n > 0 && v_absent(a->v[n - 1])) n--;
  return rt_tail_call(vm, a->self->bound, n, a->v);
}
static int op_of(const Args *a) { return ((const Row *)(const void *)a->self->def)->op; }

static Value binary(VM *vm, Args *a) {
  int op = op_of(a);
  if (v_both_int(a->v[0], a->v[1]) && op != TINY_MATMUL) return int_type.binary(vm, op, a->v[0], a->v[1]);
  bool formats = op == TINY_MOD && (is_str(a->v[0]) || is_bytes(a->v[0]) || v_has_layout(a->v[0], LAY_BYTEARRAY)); /* may ask for a script's text */
  return plain(a->v[0]) && plain(a->v[1]) && !formats ? rt_binary(vm, op, a->v[0], a->v[1]) : behind(vm, a);
}
static Value compare(VM *vm, Args *a) {
  if (v_both_int(a->v[0], a->v[1])) return int_type.compare(vm, a->v[0], a->v[1], (Compare)op_of(a));
  return plain(a->v[0]) && plain(a->v[1]) ? rt_compare(vm, a->v[0], a->v[1], (Compare)op_of(a)) : behind(vm, a);
}
static Value getitem(VM *vm, Args *a) { return plain(a->v[0]) && plain(a->v[1]) && !is_type(a->v[0]) ? rt_getitem(vm, a->v[0], a->v[1]) : behind(vm, a); }

#define AB "(a, b, /)"
static const Row rows[] = {
    {{"add", binary, AB, "Same as a + b."}, TINY_ADD}, {{"sub", binary, AB, "Same as a - b."}, TINY_SUB}, {{"mul", binary, AB, "Same as a * b."}, TINY_MUL},
    {{"truediv", binary, AB, "Same as a / b."}, TINY_TRUEDIV}, {{"floordiv", binary, AB, "Same as a // b."}, TINY_FLOORDIV},
    {{"mod", binary, AB, "Same as a % b."}, TINY_MOD}, {{"pow", binary, AB, "Same as a ** b."}, TINY_POW}, {{"matmul", binary, AB, "Same as a @ b."}, TINY_MATMUL},
    {{"and_", binary, AB, "Same as a & b."}, TINY_AND}, {{"or_", binary, AB, "Same as a | b."}, TINY_OR}, {{"xor", binary, AB, "Same as a ^ b."}, TINY_XOR},
    {{"lshift", binary, AB, "Same as a << b."}, TINY_LSHIFT}, {{"rshift", binary, AB, "Same as a >> b."}, TINY_RSHIFT},
    {{"lt", compare, AB, "Same as a < b."}, CO_LT}, {{"le", compare, AB, "Same as a <= b."}, CO_LE}, {{"eq", compare, AB, "Same as a == b."}, CO_EQ},
    {{"ne", compare, AB, "Same as a != b."}, CO_NE}, {{"gt", compare, AB, "Same as a > b."}, CO_GT}, {{"ge", compare, AB, "Same as a >= b."}, CO_GE},
    {{"getitem", getitem, AB, "Same as a[b]."}, 0},
#define OTHER(name, sig, doc) {{name, behind, sig, doc}, 0}
    OTHER("not_", "(a, /)", "Same as not a."), OTHER("truth", "(a, /)", "Return True if a is true, False otherwise."), OTHER("is_", AB, "Same as a is b."),
    OTHER("is_not", AB, "Same as a is not b."), OTHER("index", "(a, /)", "Same as a.__index__()."), OTHER("inv", "(a, /)", "Same as ~a."),
    OTHER("invert", "(a, /)", "Same as ~a."), OTHER("neg", "(a, /)", "Same as -a."), OTHER("pos", "(a, /)", "Same as +a."), OTHER("abs", "(a, /)", "Same as abs(a)."),
    OTHER("concat", AB, "Same as a + b, for a and b sequences."), OTHER("contains", AB, "Same as b in a (note reversed operands)."),
    OTHER("countOf", AB, "Return the number of items in a which are, or which equal, b."), OTHER("delitem", AB, "Same as del a[b]."),
    OTHER("indexOf", AB, "Return the first index of b in a."), OTHER("setitem", "(a, b, c, /)", "Same as a[b] = c."),
    OTHER("length_hint", "(obj, default=..., /)", "Return an estimate of the number of items in obj."),
    OTHER("iadd", AB, "Same as a += b."), OTHER("iand", AB, "Same as a &= b."), OTHER("iconcat", AB, "Same as a += b, for a and b sequences."),
    OTHER("ifloordiv", AB, "Same as a //= b."), OTHER("ilshift", AB, "Same as a <<= b."), OTHER("imod", AB, "Same as a %= b."), OTHER("imul", AB, "Same as a *= b."),
    OTHER("imatmul", AB, "Same as a @= b."), OTHER("ior", AB, "Same as a |= b."), OTHER("ipow", AB, "Same as a **= b."), OTHER("irshift", AB, "Same as a >>= b."),
    OTHER("isub", AB, "Same as a -= b."), OTHER("itruediv", AB, "Same as a /= b."), OTHER("ixor", AB, "Same as a ^= b."),
};

/* builtin(function, name): the builtin of that name with the function behind it. */
static Value builtin(VM *vm, Args *a) {
  Value *keep = rt_temp(vm, 1);
  if (!keep || v_failed(*keep = v_from_str(str_from(vm, "_operator")))) return V_FAIL;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (!str_eq_c(v_str(a->v[1]), rows[i].def.name)) continue;
    Native *fn = native_new(vm, &rows[i].def, NATIVE_FUNCTION, NULL, a->v[0], *keep);
    return fn ? v_from_obj(fn) : V_FAIL;
  }
  return rt_raise_with(vm, &exc_KeyError, a->v[1]);
}

static const tiny_def functions[] = {{"builtin", builtin, "(function, name: str, /)", "The builtin function of this name."}, {0}};
extern const tiny_module _operator_module;
static bool init(tiny_vm *vm, tiny_val module) {
  return tiny_setattr(vm, module, "itemgetter", rt_type_value(&itemgetter_type)) && tiny_setattr(vm, module, "attrgetter", rt_type_value(&attrgetter_type)) &&
         tiny_setattr(vm, module, "methodcaller", rt_type_value(&methodcaller_type));
}
const tiny_module _operator_module = {.name = "_operator", .functions = functions, .init = init, .doc = "Operators as functions."};
