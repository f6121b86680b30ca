/* Constants: the objects of literals, and expressions whose value is known now. Folded is what CPython folds; never to anything huge, and never
 * what would raise (that is left to happen when the code runs). */
#include "parser/compile_int.h"
#include "vm/objects/bytes.h"
#include "vm/objects/dict.h"
#include "vm/objects/int.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

enum { MAX_INT_BITS = 128, MAX_TEXT = 4096, MAX_ITEMS = 256 };

static bool is_name_text(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++) {
    char c = s[i];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return n < 64;
}

Value constant_object(VM *vm, const Node *n) {
  switch ((ConstKind)n->u.constant.kind) {
    case CONST_NONE: return V_NONE;
    case CONST_TRUE: return V_TRUE;
    case CONST_FALSE: return V_FALSE;
    case CONST_ELLIPSIS: return V_ELLIPSIS;
    case CONST_INT: return int_from_i64(vm, n->u.constant.i);
    case CONST_BIGINT: return int_from_text(vm, n->u.constant.s, n->u.constant.len, (int)n->u.constant.i);
    case CONST_FLOAT: return float_new(vm, n->u.constant.d);
    case CONST_COMPLEX: return complex_new(vm, 0.0, n->u.constant.d);
    case CONST_STR:
      /* Texts that look like names are interned: they often are keys and attribute names. */
      if (is_name_text(n->u.constant.s, n->u.constant.len)) return v_from_str(str_intern(vm, n->u.constant.s, n->u.constant.len));
      return v_from_str(str_new(vm, n->u.constant.s, n->u.constant.len));
    default: return v_from_bytes(bytes_new(vm, n->u.constant.s, n->u.constant.len));
  }
}

Value const_value(Unit *u, const Node *n) {
  if (failed(u)) return V_ABSENT;
  Value v = constant_object(u->c->vm, n);
  if (!v_failed(v)) return v;
  fail_pending(u->c);
  return V_ABSENT;
}

/* ---- operators */

static bool is_plain_int(Value v) { return v_is_int(v) || v_is_exact(v, &int_type) || v_is_bool(v); }
static bool is_number(Value v) { return is_plain_int(v) || v_is_double(v) || v_is_exact(v, &float_type) || v_is_exact(v, &complex_type); }

static bool text_times_ok(Value text, Value count) {
  size_t size;
  int64_t times;
  if (!is_plain_int(count) || !int_to_i64(count, &times) || times < 0) return false;
  if (v_is_exact(text, &str_type)) size = v_str(text)->size;
  else if (v_is_exact(text, &bytes_type)) size = v_bytes(text)->size;
  else if (v_is_exact(text, &tuple_type)) return !times || v_tuple(text)->length <= (size_t)(MAX_ITEMS / times);
  else return false;
  return !times || size <= (size_t)(MAX_TEXT / times);
}

static bool is_text(Value v) { return v_is_exact(v, &str_type) || v_is_exact(v, &bytes_type); }

/* Would the result stay small? */
static bool worth_folding(int op, Value a, Value b) {
  bool ints = is_plain_int(a) && is_plain_int(b);
  int64_t n;
  switch ((BinaryOp)op) {
    case BIN_ADD: return (is_number(a) && is_number(b)) || (v_is_exact(a, &str_type) && v_is_exact(b, &str_type) && v_str(a)->size + v_str(b)->size <= MAX_TEXT) ||
        (v_is_exact(a, &bytes_type) && v_is_exact(b, &bytes_type) && v_bytes(a)->size + v_bytes(b)->size <= MAX_TEXT);
    case BIN_MUL:
      if (ints) return int_bit_length(a) + int_bit_length(b) <= MAX_INT_BITS;
      return (is_number(a) && is_number(b)) || text_times_ok(a, b) || text_times_ok(b, a);
    case BIN_POW:
      if (!ints) return is_number(a) && is_number(b);
      if (!int_to_i64(b, &n) || n > MAX_INT_BITS || n < -MAX_INT_BITS) return false;
      return n <= 0 || int_bit_length(a) <= (size_t)(MAX_INT_BITS / n);
    case BIN_LSHIFT: return ints && int_to_i64(b, &n) && n >= 0 && n <= MAX_INT_BITS && int_bit_length(a) <= (size_t)(MAX_INT_BITS - n);
    case BIN_MOD: return is_number(a) && is_number(b) && !is_text(a);
    case BIN_MATMUL: return false;
    default: return is_number(a) && is_number(b);
  }
}

Value fold_binary(Unit *u, int op, Value a, Value b) {
  if (failed(u) || !worth_folding(op, a, b)) return V_ABSENT;
  Value v = rt_binary(u->c->vm, op, a, b);
  if (!v_failed(v)) return v;
  (void)rt_take_exc(u->c->vm); /* 1/0: raised when it runs, if it does */
  return V_ABSENT;
}

static Value fold_unary(Unit *u, int op, Value a) {
  if (v_absent(a)) return a;
  if (op == UN_NOT) {
    if (v_is_exact(a, &tuple_type)) return v_from_bool(v_tuple(a)->length == 0);
    return v_from_bool(rt_truth(u->c->vm, a) == 0); /* constants are plain builtin objects */
  }
  if (!is_number(a)) return V_ABSENT;
  Value v = rt_unary(u->c->vm, op, a);
  if (!v_failed(v)) return v;
  (void)rt_take_exc(u->c->vm);
  return V_ABSENT;
}

/* ---- trees */

static bool may_fold(const Node *n) {
  return n->kind == N_Constant || n->kind == N_UnaryOp || n->kind == N_BinOp || n->kind == N_Tuple || (n->kind == N_Name && strcmp(n->u.name.id, "__debug__") == 0);
}

Value fold_sequence(Unit *u, const NodeList *list) {
  for (int i = 0; i < list->n; i++)
    if (!may_fold(list->items[i])) return V_ABSENT;
  Tuple *t = tuple_new(u->c->vm, NULL, (size_t)list->n);
  if (!t) {
    fail_pending(u->c);
    return V_ABSENT;
  }
  for (int i = 0; i < list->n; i++) {
    Value v = fold(u, list->items[i]);
    if (v_absent(v)) return v;
    gc_store(u->c->vm, t, &t->items[i], v);
  }
  return v_from_obj(t);
}

Value frozenset_constant(Unit *u, const Tuple *items) {
  VM *vm = u->c->vm;
  Set *s = set_new(vm, &frozenset_type);
  for (size_t i = 0; s && i < items->length; i++)
    if (!set_add(vm, s, items->items[i])) s = NULL;
  if (!s) fail_pending(u->c);
  return s ? v_from_obj(s) : V_ABSENT;
}

/* Left-leaning chains are walked without recursion. */
static Value fold_chain(Unit *u, const Node *n) {
  Scopes *ss = &u->c->ss;
  int base = ss->n_spine;
  while (n->kind == N_BinOp && spine_push(u, n)) n = n->u.bin.left;
  Value v = may_fold(n) ? fold(u, n) : V_ABSENT;
  while (ss->n_spine > base && !v_absent(v)) {
    n = ss->spine[--ss->n_spine];
    Value right = may_fold(n->u.bin.right) ? fold(u, n->u.bin.right) : V_ABSENT;
    v = v_absent(right) ? right : fold_binary(u, n->u.bin.op, v, right);
  }
  ss->n_spine = base;
  return v;
}

Value fold(Unit *u, const Node *n) {
  if (n->kind == N_Constant) return const_value(u, n);
  if (!may_fold(n) || failed(u) || !scope_enter(&u->c->ss, n)) return V_ABSENT;
  Value v = V_ABSENT;
  if (n->kind == N_Name) v = v_from_bool(u->c->vm->config.optimize == 0); /* __debug__ */
  else if (n->kind == N_UnaryOp && may_fold(n->u.unary.operand)) v = fold_unary(u, n->u.unary.op, fold(u, n->u.unary.operand));
  else if (n->kind == N_BinOp) v = fold_chain(u, n);
  else if (n->kind == N_Tuple && n->ctx == CTX_LOAD) v = fold_sequence(u, &n->u.seq.elts);
  scope_leave(&u->c->ss);
  return v;
}
