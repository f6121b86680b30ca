/* The module builtins: its table, and the functions on single values: abs, bin, callable, chr, divmod, format, hash, hex, id, len, oct, ord, pow, repr, round. */
#include "stdlib/builtins_int.h"

/* ---- numbers */


static Value bi_abs(VM *vm, Args *a) {
  Value x = a->v[0], f = override_of(vm, x, NAME___abs__);
  if (!v_absent(f)) return v_failed(f) ? V_FAIL : rt_tail_call(vm, f, 1, &x);
  const Type *t = type_of(x);
  Value r = t->unary ? t->unary(vm, UN_ABS_, x) : V_NOTIMPL;
  return r.w == V_NOTIMPL.w ? rt_raise(vm, &exc_TypeError, "bad operand type for abs(): '%T'", x) : r;
}

/* Sign, prefix, digits. */
static Value prefixed(VM *vm, Value x, int base, const char *prefix) {
  Value i = rt_index_obj(vm, x);
  Value text = v_failed(i) ? V_FAIL : int_to_str(vm, i, base);
  if (v_failed(text)) return V_FAIL;
  Str *s = v_str(text);
  bool negative = s->size > 0 && s->data[0] == '-';
  Buf b;
  buf_init(&b, &vm->mem);
  if (negative) buf_char(&b, '-');
  buf_str(&b, prefix);
  buf_add(&b, s->data + negative, s->size - negative);
  return from_str(str_from_buf(vm, &b));
}

static Value bi_bin(VM *vm, Args *a) { return prefixed(vm, a->v[0], 2, "0b"); }
static Value bi_oct(VM *vm, Args *a) { return prefixed(vm, a->v[0], 8, "0o"); }
static Value bi_hex(VM *vm, Args *a) { return prefixed(vm, a->v[0], 16, "0x"); }

static Value bi_divmod(VM *vm, Args *a) {
  Value x = a->v[0], y = a->v[1];
  if ((!is_int(x) && !is_float(x)) || (!is_int(y) && !is_float(y)) || type_is_heap(type_of(x)) || type_is_heap(type_of(y)))
    return rt_tail_builtin(vm, "_builtins_divmod", 2, a->v);
  Value q, r;
  if (is_float(x) || is_float(y)) {
    double dy = 0;
    if (!rt_to_double(vm, y, &dy)) return V_FAIL;
    if (dy == 0) return rt_raise(vm, &exc_ZeroDivisionError, "float divmod()");
  } else if (int_sign(y) == 0) {
    return rt_raise(vm, &exc_ZeroDivisionError, "integer division or modulo by zero");
  }
  q = rt_binary(vm, TINY_FLOORDIV, x, y);
  r = v_failed(q) ? V_FAIL : rt_binary(vm, TINY_MOD, x, y);
  Tuple *t = v_failed(r) ? NULL : tuple_pair(vm, q, r);
  return t ? v_from_obj(t) : V_FAIL;
}

static bool is_number(Value v) { return is_int(v) || is_float(v) || v_has_layout(v, LAY_COMPLEX); }

static Value bi_pow(VM *vm, Args *a) {
  Value x = a->v[0], y = a->v[1], m = a->v[2];
  if (v_is_none(m)) {
    if (type_is_heap(type_of(x)) || type_is_heap(type_of(y))) return rt_tail_builtin(vm, "_builtins_pow2", 2, a->v);
    return rt_binary(vm, TINY_POW, x, y);
  }
  if (is_int(x) && is_int(y) && is_int(m) && !type_is_heap(type_of(x))) return int_pow_mod(vm, x, y, m);
  if (!type_is_heap(type_of(x))) {
    bool plain = !type_is_heap(type_of(y)) && !type_is_heap(type_of(m));
    bool complex_there = v_has_layout(x, LAY_COMPLEX) || v_has_layout(y, LAY_COMPLEX) || v_has_layout(m, LAY_COMPLEX);
    if (plain && complex_there && is_number(x) && is_number(y) && is_number(m)) return rt_raise(vm, &exc_ValueError, "complex modulo");
    if (plain && (is_float(x) || is_float(y) || is_float(m))) return rt_raise(vm, &exc_TypeError, "pow() 3rd argument not allowed unless all arguments are integers");
  }
  return rt_tail_builtin(vm, "_builtins_pow3", 3, a->v);
}

static Value bi_round(VM *vm, Args *a) {
  Value x = a->v[0], n = a->v[1];
  Str *name = NAME(vm, __round__);
  if (!name) return V_FAIL;
  Value f, self;
  if (!attr_special(vm, x, name, &f, &self)) return rt_raise(vm, &exc_TypeError, "type %T doesn't define __round__ method", x);
  Value argv[2];
  int argc = 0;
  if (!v_absent(self)) argv[argc++] = self;
  if (!v_is_none(n)) argv[argc++] = n;
  return rt_tail_call(vm, f, argc, argv);
}

/* ---- characters */

static Value bi_chr(VM *vm, Args *a) {
  Value i = rt_index_obj(vm, a->v[0]);
  int64_t cp;
  if (v_failed(i)) return V_FAIL;
  if (!int_to_i64(i, &cp)) return rt_raise(vm, &exc_OverflowError, "Python int too large to convert to C %s", "int");
  if (cp > INT32_MAX || cp < INT32_MIN) return rt_raise(vm, &exc_OverflowError, cp > 0 ? "signed integer is greater than maximum" : "signed integer is less than minimum");
  if (cp < 0 || cp > 0x10FFFF) return rt_raise(vm, &exc_ValueError, "chr() arg not in range(0x110000)");
  return from_str(str_from_cp(vm, (uint32_t)cp));
}

static Value bi_ord(VM *vm, Args *a) {
  Value x = a->v[0];
  View view;
  size_t n;
  if (is_str(x)) {
    n = v_str(x)->length;
    if (n == 1) return v_from_int62(str_cp_at(vm, v_str(x), 0));
  } else if ((is_bytes(x) || is_bytearray(x)) && bytes_view(x, &view)) {
    n = view.size;
    if (n == 1) return v_from_int62(view.data[0]);
  } else {
    return rt_raise(vm, &exc_TypeError, "ord() expected string of length 1, but %T found", x);
  }
  return rt_raise(vm, &exc_TypeError, "ord() expected a character, but string of length %zu found", n);
}

/* ---- any value */

static Value bi_callable(VM *vm, Args *a) {
  bool is = rt_callable(vm, a->v[0]);
  return rt_pending(vm) ? V_FAIL : v_from_bool(is);
}

static Value bi_hash(VM *vm, Args *a) {
  int64_t h;
  return rt_hash(vm, a->v[0], &h) ? int_from_i64(vm, h) : V_FAIL;
}

/* Objects: their address. Words that are no objects: odd numbers, which no address is. */
static Value bi_id(VM *vm, Args *a) {
  Value v = a->v[0];
  if (v_is_obj(v)) return int_from_u64(vm, (uint64_t)(uintptr_t)v_obj(v));
  return int_from_u64(vm, (v.w & (UINT64_MAX >> 2)) << 1 | 1);
}

static Value then_len(VM *vm, Value state, tiny_outcome how, Value v) {
  (void)state;
  if (how == TINY_RAISED) return rt_raise_obj(vm, v);
  int64_t n;
  if (!is_int(v)) v = rt_index_obj(vm, v);
  if (v_failed(v)) return V_FAIL;
  if (int_sign(v) < 0) return rt_raise(vm, &exc_ValueError, "__len__() should return >= 0");
  if (!int_to_i64(v, &n)) return rt_raise(vm, &exc_OverflowError, "cannot fit '%T' into an index-sized integer", v);
  return int_plain(vm, v);
}

static Value bi_len(VM *vm, Args *a) {
  Value x = a->v[0], f = override_of(vm, x, NAME___len__);
  if (v_failed(f)) return V_FAIL;
  if (!v_absent(f)) return tiny_then_call(vm, then_len, V_NONE, f, 1, &x);
  int64_t n = rt_len(vm, x);
  return n < 0 ? V_FAIL : v_from_int62(n);
}

static Value then_repr(VM *vm, Value state, tiny_outcome how, Value v) {
  (void)state;
  if (how == TINY_RAISED) return rt_raise_obj(vm, v);
  return is_str(v) ? v : rt_raise(vm, &exc_TypeError, "__repr__ returned non-string (type %T)", v);
}

static Value bi_repr(VM *vm, Args *a) {
  Value x = a->v[0], f = override_of(vm, x, NAME___repr__);
  if (v_failed(f)) return V_FAIL;
  if (!v_absent(f) && !v_is_none(f)) return tiny_then_call(vm, then_repr, V_NONE, f, 1, &x);
  return rt_repr(vm, x);
}

static Value bi_ascii(VM *vm, Args *a) { return rt_ascii(vm, a->v[0]); }

static Value bi_format(VM *vm, Args *a) {
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "format() argument 2 must be str, not %s", v_is_none(a->v[1]) ? "None" : type_of(a->v[1])->name);
  if (type_is_heap(type_of(a->v[0]))) return rt_tail_builtin(vm, "_builtins_format", 2, a->v);
  return rt_format_value(vm, a->v[0], a->v[1]);
}

static Value bi_exit(VM *vm, Args *a) {
  Value exc = exc_new(vm, &exc_SystemExit, v_is_none(a->v[0]) ? 0 : 1, a->v);
  return v_failed(exc) ? V_FAIL : rt_raise_obj(vm, exc);
}

static Value bi_help(VM *vm, Args *a) { return rt_tail_builtin(vm, "_builtins_help", 1, a->v); }

const tiny_def builtins_core[] = {
  {"abs", bi_abs, "(x, /)", "Return the absolute value of the argument."},
  {"ascii", bi_ascii, "(obj, /)", "Return an ASCII-only representation of an object."},
  {"bin", bi_bin, "(number, /)", "Return the binary representation of an integer."},
  {"callable", bi_callable, "(obj, /)", "Return whether the object is callable (i.e., some kind of function)."},
  {"chr", bi_chr, "(i, /)", "Return a Unicode string of one character with ordinal i; 0 <= i <= 0x10ffff."},
  {"divmod", bi_divmod, "(x, y, /)", "Return the tuple (x//y, x%y)."},
  {"exit", bi_exit, "(code=None)", "Leave the program."},
  {"format", bi_format, "(value, format_spec='', /)", "Return value.__format__(format_spec)"},
  {"hash", bi_hash, "(obj, /)", "Return the hash value for the given object."},
  {"help", bi_help, "(*args)", "Show what an object's documentation says."},
  {"hex", bi_hex, "(number, /)", "Return the hexadecimal representation of an integer."},
  {"id", bi_id, "(obj, /)", "Return the identity of an object."},
  {"len", bi_len, "(obj, /)", "Return the number of items in a container."},
  {"oct", bi_oct, "(number, /)", "Return the octal representation of an integer."},
  {"ord", bi_ord, "(c, /)", "Return the Unicode code point for a one-character string."},
  {"pow", bi_pow, "(base, exp, mod=None)", "Equivalent to base**exp with 2 arguments or base**exp % mod with 3 arguments."},
  {"quit", bi_exit, "(code=None)", "Leave the program."},
  {"repr", bi_repr, "(obj, /)", "Return the canonical string representation of the object."},
  {"round", bi_round, "(number, ndigits=None)", "Round a number to a given precision in decimal digits."},
  {0}};

/* ---- the module */

static const Type *const type_table[] = {&object_type, &type_type, &bool_type, &int_type, &float_type, &complex_type, &str_type, &bytes_type, &bytearray_type,
  &memoryview_type, &tuple_type, &list_type, &dict_type, &set_type, &frozenset_type, &range_type, &slice_type, &property_type, &classmethod_type, &staticmethod_type,
  &super_type, &enumerate_type, &zip_type, &map_type, &filter_type, &reversed_type};

#define EXC_ROW(name, base, kind) &exc_##name,
static const Type *const exception_table[] = {EXCEPTION_TABLE(EXC_ROW)};

static bool put(VM *vm, const char *name, Value v) {
  Str *key = str_intern(vm, name, strlen(name));
  return key && !v_failed(v) && dict_set_str(vm, vm->builtins->dict, key, v);
}

/* The builtins are made when they are looked up: most programs use a dozen of 160. `name` NULL: all, in the order of the tables, those that are there moving to
 * their places: the order decides which of two names a NameError suggests. */
static bool wanted(VM *vm, const Str *name, const char *row, bool *ok) {
  Dict *d = vm->builtins->dict;
  if (name) return str_eq_c(name, row);
  Str *key = str_intern(vm, row, strlen(row));
  Value have = key ? dict_get_str(vm, d, key) : V_FAIL;
  if (v_absent(have)) return true;
  *ok = !v_failed(have) && dict_del_str(vm, d, key) > 0 && dict_set_str(vm, d, key, have);
  return false;
}

static bool make_types(VM *vm, const Str *name, const Type *const *types, size_t n) {
  for (size_t i = 0; i < n; i++) {
    bool ok = true;
    if (wanted(vm, name, types[i]->name, &ok)) ok = put(vm, types[i]->name, rt_type_value(types[i]));
    if (!ok) return false;
  }
  return true;
}

static bool make_functions(VM *vm, const Str *name, const tiny_def *defs) {
  for (const tiny_def *d = defs; d->name; d++) {
    bool ok = true;
    if (!wanted(vm, name, d->name, &ok)) {
      if (!ok) return false;
      continue;
    }
    Str *module_name = str_intern(vm, "builtins", 8);
    Native *fn = module_name ? native_new(vm, d, NATIVE_FUNCTION, NULL, v_from_obj(vm->builtins), v_from_obj(module_name)) : NULL;
    if (!fn || !put(vm, d->name, v_from_obj(fn))) return false;
  }
  return true;
}

static bool make_constants(VM *vm, const Str *name) {
  const struct { const char *name; Value value; } rows[] = {{"EnvironmentError", rt_type_value(&exc_OSError)}, {"IOError", rt_type_value(&exc_OSError)}, {"None", V_NONE}, {"True", V_TRUE},
    {"False", V_FALSE}, {"Ellipsis", V_ELLIPSIS}, {"NotImplemented", V_NOTIMPL}, {"__debug__", v_from_bool(vm->config.optimize == 0)}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bool ok = true;
    if (wanted(vm, name, rows[i].name, &ok)) ok = put(vm, rows[i].name, rows[i].value);
    if (!ok) return false;
  }
  return true;
}

static bool make_builtins(VM *vm, const Str *name) {
  static const tiny_def *const tables[] = {builtins_core, builtins_attr, builtins_iter, builtins_io, builtins_exec};
  if (!make_types(vm, name, type_table, sizeof type_table / sizeof *type_table) || !make_types(vm, name, exception_table, sizeof exception_table / sizeof *exception_table)) return false;
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    if (!make_functions(vm, name, tables[i])) return false;
  }
  if (!make_constants(vm, name)) return false;
  if (!name) vm->late_builtins = NULL;
  return true;
}

void builtins_init(tiny_vm *vm) { vm->late_builtins = make_builtins; }
