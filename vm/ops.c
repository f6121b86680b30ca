/* Operations on any values: the builtin type's C slot, or the special method of a script's class.
 * Two faces: ops_* for the dispatch loop begin a call and let the loop go on (vm/call.h); rt_* for C code finish it in a nested run. */
#include "vm/attr.h"
#include "vm/call.h"
#include "vm/native.h"
#include "vm/objects/int.h"
#include "vm/objects/str_build.h"
#include "vm/objects/iter.h"

static const char *const symbols[] = {"+", "-", "*", "/", "//", "%", "** or pow()", "@", "&", "|", "^", "<<", ">>"};
static const char *const inplace_symbols[] = {"+=", "-=", "*=", "/=", "//=", "%=", "**=", "@=", "&=", "|=", "^=", "<<=", ">>="};
static const char *const compare_symbols[] = {"<", "<=", "==", "!=", ">", ">="};
const char *ops_symbol(int op, bool inplace) { return inplace ? inplace_symbols[op] : symbols[op]; }

static const uint16_t op_names[] = {NAME___add__, NAME___sub__, NAME___mul__, NAME___truediv__, NAME___floordiv__, NAME___mod__, NAME___pow__, NAME___matmul__, NAME___and__, NAME___or__,
    NAME___xor__, NAME___lshift__, NAME___rshift__};
static const uint16_t reflected_names[] = {NAME___radd__, NAME___rsub__, NAME___rmul__, NAME___rtruediv__, NAME___rfloordiv__, NAME___rmod__, NAME___rpow__, NAME___rmatmul__, NAME___rand__,
    NAME___ror__, NAME___rxor__, NAME___rlshift__, NAME___rrshift__};
static const uint16_t inplace_names[] = {NAME___iadd__, NAME___isub__, NAME___imul__, NAME___itruediv__, NAME___ifloordiv__, NAME___imod__, NAME___ipow__, NAME___imatmul__, NAME___iand__,
    NAME___ior__, NAME___ixor__, NAME___ilshift__, NAME___irshift__};
static const uint16_t compare_names[] = {NAME___lt__, NAME___le__, NAME___eq__, NAME___ne__, NAME___gt__, NAME___ge__};
static const uint8_t swapped[] = {CO_GT, CO_GE, CO_EQ, CO_NE, CO_LT, CO_LE};

/* One way to compute a binary operation; several are tried until one does not say NotImplemented (Python data model, 3.3.8). */
typedef struct Attempt {
  Value fn, self, arg;  /* fn V_ABSENT: C slot */
  BinaryFn slot;
  Value (*compare)(VM *vm, Value a, Value b, Compare op);
  Compare op;
  bool negate;          /* __eq__ asked in place of __ne__ */
} Attempt;

static Value override(VM *vm, const Type *t, uint16_t name) {
  if (!type_is_heap(t)) return V_ABSENT;
  Str *s = rt_name(vm, (NameId)name);
  return s ? attr_override(vm, t, s) : V_FAIL;
}

static int add_method(Attempt *at, int n, Value fn, Value self, Value arg) {
  at[n] = (Attempt){.fn = fn, .self = self, .arg = arg};
  return n + 1;
}

/* The + and * of a builtin sequence are no numeric operations: they are tried after the methods of both operands. */
static bool joins(const Type *t, int op) {
  return (op == TINY_ADD || op == TINY_MUL) && (t->layout == LAY_LIST || t->layout == LAY_TUPLE || t->layout == LAY_STR || t->layout == LAY_BYTES || t->layout == LAY_BYTEARRAY);
}

static int joins_last(VM *vm, const Type *t, int op) { /* -1: error. A subclass with a method of its own for the operator (even if only reflected) has none other */
  if (!joins(t, op)) return 0;
  Value f = override(vm, t, op_names[op]), r = override(vm, t, reflected_names[op]);
  return v_failed(f) || v_failed(r) ? -1 : v_absent(f) && v_absent(r);
}

static int binary_attempts(VM *vm, int op, bool inplace, Value a, Value b, Attempt *at) {
  int n = 0;
  const Type *ta = type_of(a), *tb = type_of(b);
  BinaryFn last = NULL;
  if (inplace) {
    Value f = override(vm, ta, inplace_names[op]);
    if (v_failed(f)) return -1;
    if (!v_absent(f)) n = add_method(at, n, f, a, b);
    else if (joins(ta, op) && !(op == TINY_ADD && type_is_heap(ta))) last = ta->inplace; /* a subclass inherits __iadd__ as if it were numeric */
    else if (ta->inplace) at[n++] = (Attempt){.fn = V_ABSENT, .slot = ta->inplace};
  }
  Value fa = override(vm, ta, op_names[op]), fb = ta == tb ? V_ABSENT : override(vm, tb, reflected_names[op]);
  int last_a = joins_last(vm, ta, op), last_b = joins_last(vm, tb, op);
  if (v_failed(fa) || v_failed(fb) || last_a < 0 || last_b < 0) return -1;
  if (!last && last_a) last = ta->binary;
  bool a_is_sequence = inplace && (type_is_heap(ta) || ta->length); /* CPython's rule of x *= sequence: only a plain number repeats it */
  if (!last && last_b && op == TINY_MUL && !a_is_sequence) last = tb->binary;
  bool b_first = ta != tb && rt_is_subtype(tb, ta) && (!v_absent(fb) || (tb->binary && tb->binary != ta->binary));
  if (b_first && !v_absent(fb)) { /* a subclass that only inherits the reflected method does not go first */
    Value inherited = type_is_heap(ta) ? override(vm, ta, reflected_names[op]) : V_ABSENT;
    if (v_same(inherited, fb)) b_first = false;
  }
  for (int turn = 0; turn < 2; turn++) {
    if ((turn == 0) != b_first) {
      if (!v_absent(fa)) n = add_method(at, n, fa, a, b);
      else if (ta->binary && !last_a) at[n++] = (Attempt){.fn = V_ABSENT, .slot = ta->binary};
    } else if (ta != tb) {
      if (!v_absent(fb)) n = add_method(at, n, fb, b, a);
      else if (tb->binary && !last_b && (tb->binary != ta->binary || !v_absent(fa))) at[n++] = (Attempt){.fn = V_ABSENT, .slot = tb->binary};
    }
  }
  if (last) at[n++] = (Attempt){.fn = V_ABSENT, .slot = last};
  return n;
}

/* `print >> file, ...` was a statement of Python 2. */
static const char *print_hint(int op, bool inplace, Value a) {
  bool hint = op == TINY_RSHIFT && !inplace && v_is_exact(a, &native_type) && !strcmp(((Native *)v_obj(a))->def->name, "print");
  return hint ? ". Did you mean \"print(<message>, file=<output_stream>)\"?" : "";
}

static Step unsupported(VM *vm, int op, bool inplace, Value a, Value b) {
  if (op == TINY_POW && !inplace) rt_raise(vm, &exc_TypeError, "unsupported operand type(s) for ** or pow(): '%T' and '%T'", a, b);
  else rt_raise(vm, &exc_TypeError, "unsupported operand type(s) for %s: '%T' and '%T'%s", ops_symbol(op, inplace), a, b, print_hint(op, inplace, a));
  return STEP_FAIL;
}

static Step call_attempt(VM *vm, const Attempt *at, Dest d, Value *out) {
  Value argv[4] = {V_NONE, V_NONE, at->self, at->arg};
  return call_begin(vm, at->fn, argv + 2, 2, V_ABSENT, d, out);
}

/* Operands of builtin types: no lookups. */
static Value builtin_binary(VM *vm, int op, Value a, Value b) {
  const Type *ta = type_of(a), *tb = type_of(b);
  Value v = ta->binary ? ta->binary(vm, op, a, b) : V_NOTIMPL;
  if (v.w == V_NOTIMPL.w && tb->binary && tb->binary != ta->binary) v = tb->binary(vm, op, a, b);
  if (v.w == V_NOTIMPL.w) unsupported(vm, op, false, a, b), v = V_FAIL;
  return v;
}

/* Objects of one builtin type and of scripts' classes over it which leave this operator to it. 1, 0, -1: error. */
static int builtin_alone(VM *vm, int op, bool inplace, const Type *ta, const Type *tb) {
  if (!ta->binary || ta->binary != tb->binary || joins(ta, op) || (inplace && ta->inplace)) return 0;
  Value f = override(vm, ta, op_names[op]), r = ta == tb ? V_ABSENT : override(vm, tb, reflected_names[op]), i = inplace ? override(vm, ta, inplace_names[op]) : V_ABSENT;
  return v_failed(f) || v_failed(r) || v_failed(i) ? -1 : v_absent(f) && v_absent(r) && v_absent(i);
}

Step ops_binary(VM *vm, int op, bool inplace, Value a, Value b, int stage, uint8_t dest, uint8_t long_ins, Value *out) {
  /* A slot may ask for a call in its place (str % x with a script's __str__). */
  Dest tail = {CONT_BINARY, dest, (uint8_t)(AUX_STAGE | long_ins)};
  bool plain = stage == 0 && !inplace && !type_is_heap(type_of(a)) && !type_is_heap(type_of(b));
  int alone = plain || stage ? 0 : builtin_alone(vm, op, inplace, type_of(a), type_of(b));
  if (alone < 0) return STEP_FAIL;
  if (plain || alone) {
    *out = plain ? builtin_binary(vm, op, a, b) : type_of(a)->binary(vm, op, a, b);
    if (out->w == V_NOTIMPL.w) return unsupported(vm, op, inplace, a, b);
    if (out->w == V_TAILCALL.w) return call_tail(vm, tail, out);
    return v_failed(*out) ? STEP_FAIL : STEP_DONE;
  }
  Attempt at[5];
  int n = binary_attempts(vm, op, inplace, a, b, at);
  if (n < 0) return STEP_FAIL;
  for (int i = stage; i < n; i++) {
    if (v_absent(at[i].fn)) {
      *out = at[i].slot(vm, op, a, b);
      if (v_failed(*out)) return STEP_FAIL;
      if (out->w == V_TAILCALL.w) return call_tail(vm, tail, out);
      if (out->w != V_NOTIMPL.w) return STEP_DONE;
      continue;
    }
    Step s = call_attempt(vm, &at[i], (Dest){CONT_BINARY, dest, (uint8_t)((i + 1) | long_ins)}, out);
    if (s != STEP_DONE || out->w != V_NOTIMPL.w) return s;
  }
  return unsupported(vm, op, inplace, a, b);
}

/* ---- comparisons ---- */

static int add_compare(VM *vm, Attempt *at, int n, Value x, Value y, Compare op) {
  const Type *t = type_of(x);
  Value f = override(vm, t, compare_names[op]);
  if (v_failed(f)) return -1;
  if (!v_absent(f)) return add_method(at, n, f, x, y);
  if (op == CO_NE && type_is_heap(t) && (!t->compare || t->compare == object_type.compare)) { /* object.__ne__ asks __eq__ and negates; builtin types that compare have their own */
    Value eq = override(vm, t, NAME___eq__);
    if (v_failed(eq)) return -1;
    if (!v_absent(eq)) {
      n = add_method(at, n, eq, x, y);
      if (n) at[n - 1].negate = true;
      return n;
    }
  }
  if (t->compare) {
    at[n] = (Attempt){.fn = V_ABSENT, .self = x, .arg = y, .compare = t->compare, .op = op};
    n++;
  }
  return n;
}

static int compare_attempts(VM *vm, Compare op, Value a, Value b, Attempt *at) {
  const Type *ta = type_of(a), *tb = type_of(b);
  bool b_first = ta != tb && rt_is_subtype(tb, ta);
  int n = 0;
  if (b_first) n = add_compare(vm, at, n, b, a, (Compare)swapped[op]);
  if (n >= 0) n = add_compare(vm, at, n, a, b, op);
  if (n >= 0 && !b_first) n = add_compare(vm, at, n, b, a, (Compare)swapped[op]);
  return n;
}

/* What is left when nobody knows: identity, or TypeError. */
static Step compare_default(VM *vm, Compare op, Value a, Value b, Value *out) {
  if (op == CO_EQ || op == CO_NE) {
    *out = v_from_bool(v_same(a, b) == (op == CO_EQ));
    return STEP_DONE;
  }
  rt_raise(vm, &exc_TypeError, "'%s' not supported between instances of '%T' and '%T'", compare_symbols[op], a, b);
  return STEP_FAIL;
}

Step ops_compare(VM *vm, int op, Value a, Value b, int stage, uint8_t dest, uint8_t long_ins, Value *out) {
  const Type *ta = type_of(a), *tb = type_of(b);
  if (stage == 0 && !type_is_heap(ta) && !type_is_heap(tb)) {
    Value v = ta->compare ? ta->compare(vm, a, b, (Compare)op) : V_NOTIMPL;
    if (v.w == V_NOTIMPL.w && tb != ta && tb->compare) v = tb->compare(vm, b, a, (Compare)swapped[op]);
    if (v.w == V_NOTIMPL.w) return compare_default(vm, (Compare)op, a, b, out);
    *out = v;
    return v_failed(v) ? STEP_FAIL : STEP_DONE;
  }
  Attempt at[6];
  int n = compare_attempts(vm, (Compare)op, a, b, at);
  if (n < 0) return STEP_FAIL;
  for (int i = stage; i < n; i++) {
    if (v_absent(at[i].fn)) {
      *out = at[i].compare(vm, at[i].self, at[i].arg, at[i].op);
      if (v_failed(*out)) return STEP_FAIL;
      if (out->w != V_NOTIMPL.w) return STEP_DONE;
      continue;
    }
    Step s = call_attempt(vm, &at[i], (Dest){CONT_COMPARE, dest, (uint8_t)((i + 1) | long_ins | (at[i].negate ? AUX_NEGATE : 0))}, out);
    if (s == STEP_DONE && out->w == V_NOTIMPL.w) continue;
    if (s == STEP_DONE && at[i].negate) {
      int t = rt_truth(vm, *out);
      if (t < 0) return STEP_FAIL;
      *out = v_from_bool(!t);
    }
    return s;
  }
  return compare_default(vm, (Compare)op, a, b, out);
}

/* The first attempts, whichever is a script's method, in a nested run. */
static Value finish_attempts(VM *vm, Attempt *at, int n, int op, Value a, Value b, bool compare) {
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2);
  if (!keep) return V_FAIL;
  keep[0] = a;
  keep[1] = b;
  Value r = V_NOTIMPL;
  for (int i = 0; i < n && r.w == V_NOTIMPL.w; i++) {
    if (!v_absent(at[i].fn)) {
      Value argv[2] = {at[i].self, at[i].arg};
      r = rt_call(vm, at[i].fn, 2, argv);
      if (at[i].negate && !v_failed(r) && r.w != V_NOTIMPL.w) {
        int t = rt_truth(vm, r);
        r = t < 0 ? V_FAIL : v_from_bool(!t);
      }
    } else {
      r = compare ? at[i].compare(vm, at[i].self, at[i].arg, at[i].op) : at[i].slot(vm, op, a, b);
    }
  }
  rt_temp_release(vm, mark);
  return r;
}

Value rt_compare(VM *vm, Value a, Value b, Compare op) {
  Value v;
  if (!type_is_heap(type_of(a)) && !type_is_heap(type_of(b))) return ops_compare(vm, op, a, b, 0, 0, 0, &v) == STEP_DONE ? v : V_FAIL;
  Attempt at[6];
  int n = compare_attempts(vm, op, a, b, at);
  if (n < 0) return V_FAIL;
  v = finish_attempts(vm, at, n, op, a, b, true);
  if (v.w == V_NOTIMPL.w) return compare_default(vm, op, a, b, &v) == STEP_DONE ? v : V_FAIL;
  return v;
}

bool rt_compare_bool(VM *vm, Value a, Value b, Compare op, bool *out) {
  Value v = rt_compare(vm, a, b, op);
  if (v_failed(v)) return false;
  int t = rt_truth(vm, v);
  *out = t == 1;
  return t >= 0;
}

bool rt_eq(VM *vm, Value a, Value b, bool *out) {
  if (v_same(a, b)) {
    *out = true;
    return true;
  }
  if (v_both_int(a, b)) {
    *out = false;
    return true;
  }
  if (v_is_exact(a, &str_type) && v_is_exact(b, &str_type)) {
    *out = str_equal(v_str(a), v_str(b));
    return true;
  }
  return rt_compare_bool(vm, a, b, CO_EQ, out);
}

/* The call that a slot asked for, made here. */
static Value finish_tail(VM *vm, Value v) {
  return v.w == V_TAILCALL.w ? rt_call_kw(vm, vm->tail.callable, vm->tail.argc, vm->tail.argv, vm->tail.kwnames) : v;
}

static Value binary_nested(VM *vm, int op, bool inplace, Value a, Value b) {
  Value v;
  if (!inplace && !type_is_heap(type_of(a)) && !type_is_heap(type_of(b))) return finish_tail(vm, builtin_binary(vm, op, a, b));
  Attempt at[5];
  int n = binary_attempts(vm, op, inplace, a, b, at);
  if (n < 0) return V_FAIL;
  v = finish_tail(vm, finish_attempts(vm, at, n, op, a, b, false));
  if (v.w == V_NOTIMPL.w) {
    unsupported(vm, op, inplace, a, b);
    return V_FAIL;
  }
  return v;
}

Value rt_binary(VM *vm, int op, Value a, Value b) { return binary_nested(vm, op, false, a, b); }
Value rt_inplace(VM *vm, int op, Value a, Value b) { return binary_nested(vm, op, true, a, b); }

/* ---- special methods of one operand ---- */

/* The script's override of a special method of obj, ready to call with self: V_ABSENT when the C slot is right. */
static Value special_override(VM *vm, Value obj, uint16_t name) { return override(vm, type_of(obj), name); }

static Step call_special(VM *vm, Value fn, Value obj, int argc, const Value *args, Dest d, Value *out) {
  Value argv[6] = {V_NONE, V_NONE, obj, V_NONE, V_NONE, V_NONE};
  for (int i = 0; i < argc; i++) argv[3 + i] = args[i];
  return call_begin(vm, fn, argv + 2, argc + 1, V_ABSENT, d, out);
}

static Value call_special_now(VM *vm, Value fn, Value obj, int argc, const Value *args) {
  Value argv[4] = {obj};
  for (int i = 0; i < argc; i++) argv[1 + i] = args[i];
  return rt_call(vm, fn, argc + 1, argv);
}

static const uint16_t unary_names[] = {NAME___neg__, NAME___pos__, NAME___invert__};
static const char *const unary_symbols[] = {"-", "+", "~"};

Step ops_unary(VM *vm, int op, Value a, Dest d, Value *out) {
  const Type *t = type_of(a);
  if (op < 3) {
    Value f = special_override(vm, a, unary_names[op]);
    if (v_failed(f)) return STEP_FAIL;
    if (!v_absent(f)) return call_special(vm, f, a, 0, NULL, d, out);
  }
  *out = t->unary ? t->unary(vm, op, a) : V_NOTIMPL;
  if (out->w == V_NOTIMPL.w) {
    rt_raise(vm, &exc_TypeError, "bad operand type for unary %s: '%T'", unary_symbols[op < 3 ? op : 0], a);
    return STEP_FAIL;
  }
  return v_failed(*out) ? STEP_FAIL : STEP_DONE;
}

Value rt_unary(VM *vm, int op, Value a) {
  const Type *t = type_of(a);
  if (op < 3) {
    Value f = special_override(vm, a, unary_names[op]);
    if (v_failed(f)) return V_FAIL;
    if (!v_absent(f)) return call_special_now(vm, f, a, 0, NULL);
  }
  Value v = t->unary ? t->unary(vm, op, a) : V_NOTIMPL;
  if (v.w == V_NOTIMPL.w && op < 3) return rt_raise(vm, &exc_TypeError, "bad operand type for unary %s: '%T'", unary_symbols[op], a);
  return v;
}

/* ---- truth and length ---- */

static int bool_result(VM *vm, Value v) {
  if (v_is_bool(v)) return v.w == V_TRUE.w;
  return rt_raise_i(vm, &exc_TypeError, "__bool__ should return bool, returned %T", v);
}

static int len_result(VM *vm, Value v, int64_t *out) {
  if (!is_int(v)) {
    v = rt_index_obj(vm, v);
    if (v_failed(v)) return -1;
  }
  if (int_sign(v) < 0) return rt_raise_i(vm, &exc_ValueError, "__len__() should return >= 0");
  if (!int_to_i64(v, out)) return rt_raise_i(vm, &exc_OverflowError, "cannot fit 'int' into an index-sized integer");
  return 1;
}

static int plain_truth(VM *vm, Value v) {
  const Type *t = type_of(v);
  if (t->truth) return t->truth(vm, v);
  if (t->length) {
    int64_t n = t->length(vm, v);
    return n < 0 ? -1 : n > 0;
  }
  return 1;
}

/* Does a __len__ of a script decide? Numbers have a __bool__, containers have none. */
static bool by_length(const Type *t) { return !t->truth || (t->length && (t->flags & TYPE_DUNDER_LEN)); }

Step ops_truth(VM *vm, Value v, uint8_t dest, uint8_t long_ins, bool *out) {
  const Type *t = type_of(v);
  int r;
  if (type_is_heap(t)) {
    Value f = special_override(vm, v, NAME___bool__), res;
    bool is_len = false;
    if (v_absent(f) && by_length(t)) {
      f = special_override(vm, v, NAME___len__);
      is_len = true;
    }
    if (v_failed(f)) return STEP_FAIL;
    if (!v_absent(f)) {
      Step s = call_special(vm, f, v, 0, NULL, (Dest){CONT_BOOL, dest, (uint8_t)(long_ins | (is_len ? AUX_LEN : 0))}, &res);
      if (s != STEP_DONE) return s;
      int64_t n = 0;
      r = is_len ? len_result(vm, res, &n) : bool_result(vm, res);
      if (is_len && r > 0) r = n > 0;
      *out = r == 1;
      return r < 0 ? STEP_FAIL : STEP_DONE;
    }
  }
  r = plain_truth(vm, v);
  *out = r == 1;
  return r < 0 ? STEP_FAIL : STEP_DONE;
}

/* Truth from what __bool__ (or __len__) returned: 1 0 -1. */
int ops_bool_result(VM *vm, Value v, bool is_len) {
  if (!is_len) return bool_result(vm, v);
  int64_t n;
  int r = len_result(vm, v, &n);
  return r < 0 ? -1 : n > 0;
}

int rt_truth(VM *vm, Value v) {
  if (v_is_bool(v)) return v.w == V_TRUE.w;
  if (v_is_int(v)) return v.w != 0;
  if (v_is_none(v)) return 0;
  if (v_failed(v)) return -1;
  const Type *t = type_of(v);
  if (type_is_heap(t)) {
    Value f = special_override(vm, v, NAME___bool__);
    if (v_failed(f)) return -1;
    if (!v_absent(f)) {
      Value r = call_special_now(vm, f, v, 0, NULL);
      return v_failed(r) ? -1 : bool_result(vm, r);
    }
    if (by_length(t) && !v_absent(f = special_override(vm, v, NAME___len__))) {
      int64_t n = v_failed(f) ? -1 : rt_len(vm, v);
      return n < 0 ? -1 : n > 0;
    }
  }
  return plain_truth(vm, v);
}

int64_t rt_len(VM *vm, Value v) {
  if (v_failed(v)) return -1;
  const Type *t = type_of(v);
  Value f = special_override(vm, v, NAME___len__);
  if (v_failed(f)) return -1;
  if (!v_absent(f) && !v_is_none(f)) {
    Value r = call_special_now(vm, f, v, 0, NULL);
    int64_t n;
    return v_failed(r) || len_result(vm, r, &n) < 0 ? -1 : n;
  }
  if (t->length) return t->length(vm, v);
  return rt_raise_i(vm, &exc_TypeError, "object of type '%T' has no len()", v);
}

int64_t rt_length_hint(VM *vm, Value v, int64_t fallback) {
  const Type *t = type_of(v);
  if (!type_is_heap(t) && t->length) return t->length(vm, v);
  return fallback;
}

/* ---- items ---- */

static Step no_subscript(VM *vm, Value obj, Value key) {
  (void)key;
  if (is_type(obj)) rt_raise(vm, &exc_TypeError, "type '%N' is not subscriptable", (const Type *)v_obj(obj));
  else rt_raise(vm, &exc_TypeError, "'%T' object is not subscriptable", obj);
  return STEP_FAIL;
}

/* C[key] of a class: __class_getitem__ (PEP 560). */
static Step class_getitem(VM *vm, Value cls, Value key, Dest d, Value *out) {
  if (v_same(cls, rt_type_value(&type_type))) { /* type itself has no __class_getitem__, its instances would inherit it */
    *out = generic_alias_new(vm, cls, key);
    return v_failed(*out) ? STEP_FAIL : STEP_DONE;
  }
  Value f = rt_getattr_opt(vm, cls, NAME(vm, __class_getitem__));
  if (v_failed(f)) return STEP_FAIL;
  if (v_absent(f)) return no_subscript(vm, cls, key);
  Value argv[4] = {V_NONE, V_NONE, V_NONE, key};
  return call_begin(vm, f, argv + 3, 1, V_ABSENT, d, out);
}

/* A slice made by the instruction itself is in no register: kept while C code may call script code. False: MemoryError. */
static bool keep_slice(VM *vm, Value key) { return !v_has_layout(key, LAY_SLICE) || vm_pin(vm, key) || (rt_no_memory(vm), false); }

Step ops_getitem(VM *vm, Value obj, Value key, Dest d, Value *out) {
  const Type *t = type_of(obj);
  Value f = special_override(vm, obj, NAME___getitem__);
  if (v_failed(f)) return STEP_FAIL;
  if (!v_absent(f)) return call_special(vm, f, obj, 1, &key, d, out);
  if (t->getitem) {
    size_t mark = vm->n_temps;
    if (!keep_slice(vm, key)) return STEP_FAIL;
    *out = t->getitem(vm, obj, key);
    vm->n_temps = mark;
    if (out->w == V_TAILCALL.w) return call_tail(vm, d, out); /* __missing__ of a dict */
    return v_failed(*out) ? STEP_FAIL : STEP_DONE;
  }
  if (is_type(obj)) return class_getitem(vm, obj, key, d, out);
  return no_subscript(vm, obj, key);
}

Value rt_getitem(VM *vm, Value obj, Value key) {
  if (v_failed(obj) || v_failed(key)) return V_FAIL;
  const Type *t = type_of(obj);
  Value f = special_override(vm, obj, NAME___getitem__);
  if (v_failed(f)) return V_FAIL;
  if (!v_absent(f)) return call_special_now(vm, f, obj, 1, &key);
  if (t->getitem) return finish_tail(vm, t->getitem(vm, obj, key));
  if (is_type(obj)) {
    f = rt_getattr_opt(vm, obj, NAME(vm, __class_getitem__));
    if (v_failed(f)) return V_FAIL;
    if (!v_absent(f)) return rt_call(vm, f, 1, &key);
  }
  no_subscript(vm, obj, key);
  return V_FAIL;
}

/* CPython words a deletion by position in a sequence differently from one in a mapping. */
static bool no_assignment(VM *vm, Value obj, Value key, Value value) {
  const Type *t = type_of(obj);
  bool has_positions = type_is_heap(t) || t->length || t->contains, position = false;
  int64_t at;
  if (has_positions && t->layout != LAY_DICT && !str_index_arg(vm, key, &at, &position)) return false;
  bool sequence = v_absent(value) && position;
  return rt_raise_b(vm, &exc_TypeError, sequence ? "'%T' object doesn't support item deletion" : v_absent(value) ? "'%T' object does not support item deletion" : "'%T' object does not support item assignment", obj);
}

Step ops_setitem(VM *vm, Value obj, Value key, Value value, Dest d) {
  const Type *t = type_of(obj);
  Value f = special_override(vm, obj, v_absent(value) ? NAME___delitem__ : NAME___setitem__), out;
  if (v_failed(f)) return STEP_FAIL;
  if (!v_absent(f)) {
    Value args[2] = {key, value};
    return call_special(vm, f, obj, v_absent(value) ? 1 : 2, args, d, &out);
  }
  if (t->setitem) {
    size_t mark = vm->n_temps;
    bool ok = keep_slice(vm, key) && t->setitem(vm, obj, key, value);
    vm->n_temps = mark;
    return ok ? STEP_DONE : STEP_FAIL;
  }
  no_assignment(vm, obj, key, value);
  return STEP_FAIL;
}

bool rt_setitem(VM *vm, Value obj, Value key, Value value) {
  if (v_failed(obj) || v_failed(key) || v_failed(value)) return false;
  const Type *t = type_of(obj);
  Value f = special_override(vm, obj, v_absent(value) ? NAME___delitem__ : NAME___setitem__);
  if (v_failed(f)) return false;
  if (!v_absent(f)) {
    Value args[2] = {key, value};
    return !v_failed(call_special_now(vm, f, obj, v_absent(value) ? 1 : 2, args));
  }
  if (t->setitem) return t->setitem(vm, obj, key, value);
  return no_assignment(vm, obj, key, value);
}

/* ---- membership ---- */

static Step not_iterable(VM *vm, Value v) {
  rt_raise(vm, &exc_TypeError, "argument of type '%T' is not iterable", v);
  return STEP_FAIL;
}

static bool iterable(VM *vm, Value v) {
  const Type *t = type_of(v);
  if (t->iter || t->layout == LAY_GEN) return true;
  return type_is_heap(t) && (!v_absent(rt_type_lookup(vm, t, NAME(vm, __iter__))) || !v_absent(rt_type_lookup(vm, t, NAME(vm, __getitem__))));
}

Step ops_contains(VM *vm, Value container, Value item, uint8_t dest, uint8_t long_ins, Value *out) {
  const Type *t = type_of(container);
  Dest d = {CONT_CONTAINS, dest, long_ins};
  Value f = special_override(vm, container, NAME___contains__);
  if (v_failed(f)) return STEP_FAIL;
  if (v_is_none(f)) {
    rt_raise(vm, &exc_TypeError, "'%T' object is not a container", container);
    return STEP_FAIL;
  }
  if (!v_absent(f)) return call_special(vm, f, container, 1, &item, d, out);
  if (t->contains) {
    int r = t->contains(vm, container, item);
    *out = v_from_bool(r == 1);
    return r < 0 ? STEP_FAIL : STEP_DONE;
  }
  Value it = special_override(vm, container, NAME___iter__);
  if (v_failed(it)) return STEP_FAIL;
  if (v_is_none(it) || !iterable(vm, container)) {
    rt_raise(vm, &exc_TypeError, "argument of type '%T' is not iterable", container);
    return STEP_FAIL;
  }
  Value argv[4] = {V_NONE, V_NONE, container, item};
  Value fn = rt_frozen(vm, "_ops_contains");
  return v_failed(fn) ? STEP_FAIL : call_begin(vm, fn, argv + 2, 2, V_ABSENT, d, out);
}

int rt_contains(VM *vm, Value container, Value item) {
  const Type *t = type_of(container);
  Value f = special_override(vm, container, NAME___contains__), r;
  if (v_failed(f)) return -1;
  if (v_is_none(f)) return rt_raise_i(vm, &exc_TypeError, "'%T' object is not a container", container);
  if (v_absent(f) && t->contains) return t->contains(vm, container, item);
  if (v_absent(f)) {
    if (!iterable(vm, container)) return not_iterable(vm, container), -1;
    Value argv[2] = {container, item};
    r = rt_call_builtin(vm, "_ops_contains", 2, argv);
  } else {
    r = call_special_now(vm, f, container, 1, &item);
  }
  return v_failed(r) ? -1 : rt_truth(vm, r);
}

/* ---- iteration ---- */

bool ops_is_iterator(VM *vm, Value v) {
  const Type *t = type_of(v);
  if (t->layout == LAY_GEN) return t != &coroutine_type && t != &async_generator_type;
  if (type_is_heap(t)) return !v_absent(rt_type_lookup(vm, t, NAME(vm, __next__))) && !v_is_none(rt_type_lookup(vm, t, NAME(vm, __next__)));
  return t->next != NULL;
}

static Step iter_default(VM *vm, Value v, Value *out) {
  const Type *t = type_of(v);
  if (t->iter) {
    *out = t->iter(vm, v);
    return v_failed(*out) ? STEP_FAIL : STEP_DONE;
  }
  if (type_is_heap(t)) {
    Value gi = rt_type_lookup(vm, t, NAME(vm, __getitem__));
    if (!v_absent(gi) && t->layout != LAY_DICT) {
      *out = iter_getitem_new(vm, v);
      return v_failed(*out) ? STEP_FAIL : STEP_DONE;
    }
  }
  rt_raise(vm, &exc_TypeError, "'%T' object is not iterable", v);
  return STEP_FAIL;
}

static bool check_iterator(VM *vm, Value it) {
  return ops_is_iterator(vm, it) || rt_raise_b(vm, &exc_TypeError, "iter() returned non-iterator of type '%T'", it);
}

Step ops_iter(VM *vm, Value v, Dest d, Value *out) {
  Value f = special_override(vm, v, NAME___iter__);
  if (v_failed(f)) return STEP_FAIL;
  if (v_is_none(f)) {
    rt_raise(vm, &exc_TypeError, "'%T' object is not iterable", v);
    return STEP_FAIL;
  }
  if (v_absent(f)) return iter_default(vm, v, out);
  if (d.cont == CONT_STORE) d.cont = CONT_ITER;
  Step s = call_special(vm, f, v, 0, NULL, d, out);
  if (s == STEP_DONE && !check_iterator(vm, *out)) return STEP_FAIL;
  return s;
}

Value rt_iter(VM *vm, Value v) {
  if (v_failed(v)) return V_FAIL;
  Value f = special_override(vm, v, NAME___iter__), out;
  if (v_failed(f)) return V_FAIL;
  if (v_is_none(f)) return rt_raise(vm, &exc_TypeError, "'%T' object is not iterable", v);
  if (v_absent(f)) return iter_default(vm, v, &out) == STEP_DONE ? out : V_FAIL;
  out = call_special_now(vm, f, v, 0, NULL);
  return v_failed(out) || !check_iterator(vm, out) ? V_FAIL : out;
}

/* A native class's __next__, which takes no arguments: called without matching them. */
static Step next_native(VM *vm, Native *fn, Value it, Dest d, Value *out) {
  const Signature *sig = native_signature(vm, fn);
  if (!sig) return STEP_FAIL;
  if (!sig->simple || sig->n_params != 1 || sig->checks || !fn->owner || !rt_is_subtype(type_of(it), fn->owner)) return call_special(vm, v_from_obj(fn), it, 0, NULL, d, out);
  size_t mark = vm->n_temps;
  Args a = {.vm = vm, .v = &it, .n = 1, .kwnames = V_ABSENT, .self = fn};
  *out = fn->fn(vm, &a);
  vm->n_temps = mark;
  return v_failed(*out) ? STEP_FAIL : out->w == V_TAILCALL.w ? call_tail(vm, d, out) : STEP_DONE;
}

Step ops_next(VM *vm, Value it, Dest d, Value *out) {
  const Type *t = type_of(it);
  Value f = special_override(vm, it, NAME___next__);
  if (v_failed(f)) return STEP_FAIL;
  if (v_is_exact(f, &native_method_type)) return next_native(vm, (Native *)v_obj(f), it, d, out);
  if (!v_absent(f) && !v_is_none(f)) return call_special(vm, f, it, 0, NULL, d, out);
  if (!t->next) {
    rt_raise(vm, &exc_TypeError, "'%T' object is not an iterator", it);
    return STEP_FAIL;
  }
  Value engine = shell_engine(it);
  if (!v_absent(engine)) {
    switch (gen_begin(vm, v_gen(engine), RESUME_SEND, V_NONE, vm->frame, d.cont, d.dest, d.aux)) {
    case BEGIN_RUN: return STEP_PUSHED;
    case BEGIN_THROW: return STEP_THROW;
    case BEGIN_ENDED: rt_raise_with(vm, &exc_StopIteration, V_ABSENT); return STEP_FAIL;
    case BEGIN_FAIL: return STEP_FAIL;
    }
  }
  int r = t->next(vm, it, out);
  if (r == 0) rt_raise_with(vm, &exc_StopIteration, V_ABSENT);
  return r == 1 ? STEP_DONE : STEP_FAIL;
}

/* The pending exception is StopIteration: it is taken, and this gives its value. */
static bool take_stop(VM *vm) {
  if (!rt_pending_is(vm, &exc_StopIteration)) return false;
  (void)rt_take_exc(vm);
  return true;
}

int rt_next(VM *vm, Value it, Value *out) {
  const Type *t = type_of(it);
  if (t->layout == LAY_GEN) {
    tiny_outcome how = gen_resume(vm, it, RESUME_SEND, V_NONE, out);
    return how == TINY_YIELDED ? 1 : how == TINY_RETURNED ? 0 : -1;
  }
  Value f = special_override(vm, it, NAME___next__);
  if (v_failed(f)) return -1;
  if (!v_absent(f)) {
    *out = call_special_now(vm, f, it, 0, NULL);
    if (!v_failed(*out)) return 1;
    return take_stop(vm) ? 0 : -1;
  }
  if (!t->next) return rt_raise_i(vm, &exc_TypeError, "'%T' object is not an iterator", it);
  int r = t->next(vm, it, out);
  if (r < 0 && take_stop(vm)) return 0;
  return r;
}

static Value list_value(List *l) { return l ? v_from_obj(l) : V_FAIL; }

Value rt_iter_to_list(VM *vm, Value iterable_v) {
  size_t n, mark = rt_temp_mark(vm);
  const Value *items = seq_items(iterable_v, &n);
  if (items) return list_value(list_new(vm, items, n));
  Value *keep = rt_temp(vm, 3);
  if (!keep) return V_FAIL;
  keep[0] = iterable_v;
  List *l = list_new(vm, NULL, 0);
  if (!l) return V_FAIL;
  keep[1] = v_from_obj(l);
  keep[2] = rt_iter(vm, iterable_v);
  int r = v_failed(keep[2]) ? -1 : 1;
  while (r == 1) {
    Value item;
    r = rt_next(vm, keep[2], &item);
    if (r == 1 && (!list_append(vm, l, item) || !rt_charge(vm, 1))) r = -1;
  }
  rt_temp_release(vm, mark);
  return r < 0 ? V_FAIL : v_from_obj(l);
}

/* ---- hash, text ---- */

bool rt_hash(VM *vm, Value v, int64_t *out) {
  if (v_is_int(v)) {
    int64_t i = v_int(v);
    if (i > -(((int64_t)1 << 61) - 1) && i < ((int64_t)1 << 61) - 1) {
      *out = i == -1 ? -2 : i;
      return true;
    }
  }
  const Type *t = type_of(v);
  if (t == &str_type) {
    *out = str_hash(vm, v_str(v));
    return true;
  }
  Value f = special_override(vm, v, NAME___hash__);
  if (v_failed(f)) return false;
  if (v_is_none(f) || (v_absent(f) && (t->flags & TYPE_UNHASHABLE))) return rt_raise_b(vm, &exc_TypeError, "unhashable type: '%T'", v);
  if (v_absent(f)) return (t->hash ? t->hash : object_type.hash)(vm, v, out);
  Value r = call_special_now(vm, f, v, 0, NULL);
  if (v_failed(r)) return false;
  if (!is_int(r)) return rt_raise_b(vm, &exc_TypeError, "__hash__ method should return an integer");
  if (!int_to_i64(r, out)) return int_hash(r, out);
  if (*out == -1) *out = -2;
  return true;
}

static Value check_str(VM *vm, Value r, const char *method) {
  if (v_failed(r) || is_str(r)) return r;
  if (strcmp(method, "__format__") == 0) return rt_raise(vm, &exc_TypeError, "__format__ must return a str, not %T", r);
  return rt_raise(vm, &exc_TypeError, "%s returned non-string (type %T)", method, r);
}

Value rt_repr(VM *vm, Value v) {
  if (v_failed(v)) return V_FAIL;
  const Type *t = type_of(v);
  Value f = special_override(vm, v, NAME___repr__);
  if (v_failed(f)) return V_FAIL;
  if (v_absent(f) && t->repr) return t->repr(vm, v);
  if (v_absent(f)) return rt_format(vm, "<%T object at %p>", v, v_is_obj(v) ? (void *)v_obj(v) : NULL);
  if (!rt_enter_c(vm, " while getting the repr of an object")) return V_FAIL;
  Value r = check_str(vm, call_special_now(vm, f, v, 0, NULL), "__repr__");
  rt_leave_c(vm);
  return r;
}

Value rt_str(VM *vm, Value v) {
  if (v_failed(v)) return V_FAIL;
  const Type *t = type_of(v);
  if (t == &str_type) return v;
  Value f = special_override(vm, v, NAME___str__);
  if (v_failed(f)) return V_FAIL;
  if (!v_absent(f)) {
    if (!rt_enter_c(vm, " while getting the str of an object")) return V_FAIL;
    Value r = check_str(vm, call_special_now(vm, f, v, 0, NULL), "__str__");
    rt_leave_c(vm);
    return r;
  }
  return t->str ? t->str(vm, v) : rt_repr(vm, v);
}

Value rt_format_value(VM *vm, Value v, Value spec) {
  if (v_failed(v) || v_failed(spec)) return V_FAIL;
  const Type *t = type_of(v);
  Value f = special_override(vm, v, NAME___format__);
  if (v_failed(f)) return V_FAIL;
  if (!v_absent(f)) return check_str(vm, call_special_now(vm, f, v, 1, &spec), "__format__");
  if (!is_str(spec)) return rt_raise(vm, &exc_TypeError, "format() argument 2 must be str, not %T", spec);
  if (v_str(spec)->size == 0 && (t == &str_type || !t->format || type_is_heap(t))) return rt_str(vm, v);
  if (t->format) return check_str(vm, finish_tail(vm, t->format(vm, v, v_str(spec))), "__format__");
  return rt_raise(vm, &exc_TypeError, "unsupported format string passed to %T.__format__", v);
}

/* ---- numbers ---- */

Value rt_index_obj(VM *vm, Value v) {
  if (v_failed(v)) return V_FAIL;
  if (v_is_int(v)) return v;
  if (is_int(v)) return int_plain(vm, v);
  Value f = special_override(vm, v, NAME___index__), r;
  if (v_failed(f)) return V_FAIL;
  const Type *t = type_of(v);
  if (!v_absent(f)) {
    r = call_special_now(vm, f, v, 0, NULL);
    if (v_failed(r)) return r;
    if (!is_int(r)) return rt_raise(vm, &exc_TypeError, "__index__ returned non-int (type %T)", r);
    return int_plain(vm, r);
  }
  r = t->unary ? t->unary(vm, UN_INDEX_, v) : V_NOTIMPL;
  if (r.w == V_NOTIMPL.w) return rt_raise(vm, &exc_TypeError, "'%T' object cannot be interpreted as an integer", v);
  return r;
}

bool rt_index(VM *vm, Value v, int64_t *out) {
  Value i = rt_index_obj(vm, v);
  if (v_failed(i)) return false;
  return int_to_i64(i, out) || rt_raise_b(vm, &exc_OverflowError, "cannot fit '%T' into an index-sized integer", v);
}

bool rt_index_clamp(VM *vm, Value v, int64_t *out) {
  Value i = rt_index_obj(vm, v);
  if (v_failed(i)) return false;
  if (!int_to_i64(i, out)) *out = int_sign(i) < 0 ? INT64_MIN : INT64_MAX;
  return true;
}

bool rt_to_double(VM *vm, Value v, double *out) {
  if (is_float(v) && !type_is_heap(type_of(v))) {
    *out = v_float_value(v);
    return true;
  }
  if (is_int(v) && !type_is_heap(type_of(v))) return int_to_double(vm, v, out);
  Value f = special_override(vm, v, NAME___float__);
  if (v_failed(f)) return false;
  if (!v_absent(f)) {
    Value r = call_special_now(vm, f, v, 0, NULL);
    if (v_failed(r)) return false;
    if (!is_float(r)) return rt_raise_b(vm, &exc_TypeError, "%T.__float__ returned non-float (type %T)", v, r);
    *out = v_float_value(r);
    return true;
  }
  if (is_float(v)) {
    *out = v_float_value(v);
    return true;
  }
  if (is_int(v)) return int_to_double(vm, v, out);
  if (v_absent(special_override(vm, v, NAME___index__))) return rt_raise_b(vm, &exc_TypeError, "must be real number, not %T", v);
  Value i = rt_index_obj(vm, v);
  return !v_failed(i) && int_to_double(vm, i, out);
}

bool rt_callable(VM *vm, Value v) {
  const Type *t = type_of(v);
  if (t->call || t == &function_type || t == &native_type || t == &method_type || t->layout == LAY_TYPE || t->layout == LAY_NATIVE) return true;
  if (!type_is_heap(t)) return false;
  Str *name = NAME(vm, __call__);
  return name && !v_absent(rt_type_lookup(vm, t, name));
}

/* repr() with everything outside ASCII escaped. */
Value rt_ascii(VM *vm, Value v) {
  Value r = rt_repr(vm, v);
  if (v_failed(r) || str_is_ascii(v_str(r))) return r;
  Buf b;
  buf_init(&b, &vm->mem);
  const char *p = v_str(r)->data, *end = p + v_str(r)->size;
  while (p < end) {
    uint32_t c = utf8_decode(p, &p);
    if (c < 0x80) buf_char(&b, (char)c);
    else buf_printf(&b, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
  }
  return v_from_str(str_from_buf(vm, &b));
}
