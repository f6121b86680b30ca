/* bool: True and False, two special values that count as the ints 1 and 0. */
#include "vm/objects/exception.h"
#include "vm/objects/format.h"
#include "vm/objects/int_ops.h"
#include "vm/type_ids.h"

static Value bool_new(VM *vm, const Type *cls, Args *a) {
  (void)cls;
  if (v_is_obj(a->v[0]) && (v_obj(a->v[0])->type->flags & TYPE_HEAP)) return rt_tail_builtin(vm, "_number_bool", 1, a->v);
  int t = rt_truth(vm, a->v[0]);
  return t < 0 ? V_FAIL : v_from_bool(t);
}

static Value bool_repr(VM *vm, Value self) { return v_from_str(str_intern(vm, self.w == V_TRUE.w ? "True" : "False", self.w == V_TRUE.w ? 4 : 5)); }

/* & | ^ of two bools are bools; everything else is int's. */
static Value bool_binary(VM *vm, int op, Value a, Value b) {
  if (v_is_bool(a) && v_is_bool(b)) {
    bool x = a.w == V_TRUE.w, y = b.w == V_TRUE.w;
    switch (op) {
      case TINY_AND: return v_from_bool(x && y);
      case TINY_OR: return v_from_bool(x || y);
      case TINY_XOR: return v_from_bool(x != y);
      default: break;
    }
  }
  return int_binary_slot(vm, op, a, b);
}

const Type bool_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "bool",
    .base = &int_type,
    .layout = LAY_INT,
    .shape_id = TYPE_ID_bool,
    .size = sizeof(BigInt),
    .item_size = sizeof(mp_digit),
    .doc = "bool(x) -> bool\n\nTrue when x is true, False otherwise.",
    .new_ = bool_new,
    .new_sig = "(x=False, /)",
    .repr = bool_repr,
    .hash = int_hash_slot,
    .compare = int_compare_slot,
    .truth = int_truth,
    .binary = bool_binary,
    .unary = int_unary,
    .format = format_int,
};
