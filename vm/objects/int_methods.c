/* The int type as scripts see it: its constructor, methods and attributes; conversion of any object by int(). */
#include "vm/objects/int_big.h"
#include "vm/attr.h"
#include "vm/objects/bytes.h"
#include "vm/objects/exception.h"
#include "vm/objects/format.h"
#include "vm/objects/int_ops.h"
#include "vm/type_ids.h"
#include <string.h>

/* ---------------------------------------------------------------- int(x) */

/* Result of a conversion method: must be an int; a subclass's instance is taken for its value. */
static Value checked_int(VM *vm, Value r, const char *method) {
  if (v_failed(r)) return V_FAIL;
  if (!is_int(r)) return rt_raise(vm, &exc_TypeError, "%s returned non-int (type %T)", method, r);
  return int_plain(vm, r);
}

static Value call_special(VM *vm, Value v, Str *name) { /* V_ABSENT: no such method. [script] */
  Value fn = name ? rt_special(vm, v, name) : V_FAIL;
  return v_failed(fn) || v_absent(fn) ? fn : rt_call(vm, fn, 0, NULL);
}

/* An object whose class is a script's and converts itself. */
bool number_is_scripted(VM *vm, Value v, Str *method) {
  if (!v_is_obj(v) || !(v_obj(v)->type->flags & TYPE_HEAP) || is_str(v)) return false;
  if (!is_int(v) && !is_float(v)) return true;
  return method && !v_absent(attr_override(vm, v_obj(v)->type, method));
}

Value int_from_object(VM *vm, Value v) {
  if (v_is_int(v) || v_is_bool(v) || v_is_exact(v, &int_type)) return int_plain(vm, v);
  if (is_int(v) && !number_is_scripted(vm, v, NAME(vm, __int__))) return int_plain(vm, v);
  if (v_is_double(v) || v_is_exact(v, &float_type)) return int_from_double(vm, v_float_value(v));
  Value *kept = rt_temp(vm, 1);
  if (!kept) return V_FAIL;
  *kept = v;
  if (!is_str(v)) {
    Value r = call_special(vm, v, NAME(vm, __int__));
    if (!v_absent(r)) return checked_int(vm, r, "__int__");
    r = call_special(vm, v, NAME(vm, __index__));
    if (!v_absent(r)) return checked_int(vm, r, "__index__");
    r = call_special(vm, v, NAME(vm, __trunc__));
    if (v_failed(r)) return V_FAIL;
    if (!v_absent(r)) {
      if (!is_int(r)) r = call_special(vm, r, NAME(vm, __index__));
      return v_absent(r) ? rt_raise(vm, &exc_TypeError, "__trunc__ returned non-Integral (type %T)", r) : checked_int(vm, r, "__trunc__");
    }
  }
  View view;
  if (is_str(v) || bytes_view(v, &view)) return int_parse(vm, v, 10);
  return rt_raise(vm, &exc_TypeError, "int() argument must be a string, a bytes-like object or a real number, not '%T'", v);
}

static Value int_new(VM *vm, const Type *cls, Args *a) {
  Value v;
  if (v_absent(a->v[0])) {
    if (!v_absent(a->v[1])) return rt_raise(vm, &exc_TypeError, "int() missing string argument");
    v = v_from_int62(0);
  } else if (v_absent(a->v[1])) {
    if (number_is_scripted(vm, a->v[0], NAME(vm, __int__))) return rt_tail_builtin(vm, "_number_int", 2, (Value[]){rt_type_value(cls), a->v[0]});
    v = int_from_object(vm, a->v[0]);
  } else {
    Value base = rt_index_obj(vm, a->v[1]);
    if (v_failed(base)) return V_FAIL;
    int64_t b;
    if (!int_to_i64(base, &b) || (b != 0 && (b < 2 || b > 36))) return rt_raise(vm, &exc_ValueError, "int() base must be >= 2 and <= 36, or 0");
    bool text = is_str(a->v[0]) || is_bytes(a->v[0]) || rt_is_subtype(type_of(a->v[0]), &bytearray_type); /* an array is laid out as one, too */
    v = text ? int_parse(vm, a->v[0], (int)b) : rt_raise(vm, &exc_TypeError, "int() can't convert non-string with explicit base");
  }
  return v_failed(v) || cls == &int_type ? v : int_subclass_new(vm, cls, v);
}

/* ---------------------------------------------------------------- bytes */

Value int_from_bytes(VM *vm, const unsigned char *data, size_t n, bool little, bool is_signed) {
  bool neg = is_signed && n > 0 && (data[little ? n - 1 : 0] & 0x80);
  if (!rt_charge(vm, 1 + n / 256)) return V_FAIL;
  BigInt *b = big_new(vm, n * 8 / BITS + 1);
  if (!b) return V_FAIL;
  unsigned carry = 1;
  for (size_t i = 0; i < n; i++) {
    unsigned byte = data[little ? i : n - 1 - i];
    if (neg) {
      byte = (byte ^ 0xff) + carry;
      carry = byte >> 8;
      byte &= 0xff;
    }
    size_t word = i * 8 / BITS, off = i * 8 % BITS;
    b->digits[word] |= (Digit)byte << off & MASK;
    if (off + 8 > BITS) b->digits[word + 1] |= (Digit)byte >> (BITS - off);
  }
  b->negative = neg;
  return big_value(b);
}

int int_to_bytes(Value v, unsigned char *out, size_t n, bool little, bool is_signed) {
  IntView a;
  int_view(v, &a);
  if (a.neg && !is_signed) return 2;
  size_t bits = mag_bits(a.d, a.n), room = n * 8;
  if (bits > room) return 1;
  unsigned carry = 1, last = 0;
  for (size_t i = 0; i < n; i++) {
    size_t word = i * 8 / BITS, off = i * 8 % BITS;
    unsigned byte = 0;
    if (word < (size_t)a.n) byte = (unsigned)(a.d[word] >> off) & 0xff;
    if (off + 8 > BITS && word + 1 < (size_t)a.n) byte |= (unsigned)(a.d[word + 1] << (BITS - off)) & 0xff;
    if (a.neg) {
      byte = (byte ^ 0xff) + carry;
      carry = byte >> 8;
      byte &= 0xff;
    }
    out[little ? i : n - 1 - i] = (unsigned char)byte;
    last = byte;
  }
  if (is_signed && a.n > 0) { /* the top bit must tell the sign */
    if (n == 0) return 1;
    if (((last & 0x80) != 0) != a.neg) return 1;
  }
  return 0;
}

static bool byte_order(VM *vm, const char *name, Value v, bool *little) {
  *little = false;
  if (v_absent(v)) return true;
  if (!is_str(v)) return rt_raise_b(vm, &exc_TypeError, "%s() argument 'byteorder' must be str, not %s", name, v_is_none(v) ? "None" : type_of(v)->name);
  if (str_eq_c(v_str(v), "little")) *little = true;
  else if (!str_eq_c(v_str(v), "big")) return rt_raise_b(vm, &exc_ValueError, "byteorder must be either 'little' or 'big'");
  return true;
}

static Value to_bytes(VM *vm, Args *a) {
  int64_t n = 1;
  bool little;
  if (!v_absent(a->v[1])) {
    Value len = rt_index_obj(vm, a->v[1]);
    if (v_failed(len)) return V_FAIL;
    if (!int_to_i64(len, &n)) return rt_raise(vm, &exc_OverflowError, "Python int too large to convert to C ssize_t");
  }
  if (!byte_order(vm, "to_bytes", a->v[2], &little)) return V_FAIL;
  int is_signed = rt_truth(vm, a->v[3]);
  if (is_signed < 0) return V_FAIL;
  if (n < 0) return rt_raise(vm, &exc_ValueError, "length argument must be non-negative");
  if (!rt_charge(vm, 1 + (uint64_t)n / 256)) return V_FAIL;
  Bytes *b = bytes_alloc(vm, (size_t)n);
  if (!b) return V_FAIL;
  switch (int_to_bytes(a->v[0], b->data, (size_t)n, little, is_signed)) {
    case 1: return rt_raise(vm, &exc_OverflowError, "int too big to convert");
    case 2: return rt_raise(vm, &exc_OverflowError, "can't convert negative int to unsigned");
    default: return v_from_obj(b);
  }
}

/* The bytes of a list of ints into out. */
static bool gather_bytes(VM *vm, Value list, Buf *out) {
  for (size_t i = 0; i < v_list(list)->length; i++) {
    uint8_t byte;
    if (!bytes_byte_arg(vm, v_list(list)->items[i], "bytes must be in range(0, 256)", &byte)) return false;
    buf_char(out, (char)byte);
  }
  if (out->failed) rt_no_memory(vm);
  return !out->failed;
}

static Value from_bytes(VM *vm, Args *a) {
  bool little;
  View view;
  Value *kept = rt_temp(vm, 1), v;
  if (!kept || !byte_order(vm, "from_bytes", a->v[2], &little)) return V_FAIL;
  int is_signed = rt_truth(vm, a->v[3]);
  if (is_signed < 0) return V_FAIL;
  if (v_is_exact(a->v[1], &memoryview_type) && !bytes_view(a->v[1], &view)) {
    *kept = memoryview_bytes(vm, a->v[1]);
    if (v_failed(*kept)) return V_FAIL;
    v = int_from_bytes(vm, v_bytes(*kept)->data, v_bytes(*kept)->size, little, is_signed);
  } else if (bytes_view(a->v[1], &view)) {
    v = int_from_bytes(vm, view.data, view.size, little, is_signed);
  } else {
    Value made = is_str(a->v[1]) ? V_ABSENT : call_special(vm, a->v[1], NAME(vm, __bytes__));
    if (v_failed(made)) return V_FAIL;
    if (!v_absent(made)) {
      if (!is_bytes(made)) return rt_raise(vm, &exc_TypeError, "__bytes__ returned non-bytes (type %T)", made);
      v = int_from_bytes(vm, v_bytes(made)->data, v_bytes(made)->size, little, is_signed);
    } else {
      Value iter_fn = is_str(a->v[1]) ? V_ABSENT : rt_special(vm, a->v[1], NAME(vm, __iter__));
      if (v_failed(iter_fn)) return V_FAIL;
      if (v_absent(iter_fn)) return rt_raise(vm, &exc_TypeError, "cannot convert '%T' object to bytes", a->v[1]);
      *kept = rt_iter_to_list(vm, a->v[1]);
      if (v_failed(*kept)) return V_FAIL;
      Buf b;
      buf_init(&b, rt_mem(vm));
      v = gather_bytes(vm, *kept, &b) ? int_from_bytes(vm, (const unsigned char *)b.data, b.len, little, is_signed) : V_FAIL;
      buf_free(&b);
    }
  }
  if (v_failed(v) || v_same(a->v[0], rt_type_value(&int_type))) return v;
  return rt_tail_call(vm, a->v[0], 1, &v);
}

/* ---------------------------------------------------------------- methods */

static Value plain_m(VM *vm, Args *a) { return int_plain(vm, a->v[0]); }

static Value bit_length_m(VM *vm, Args *a) { return int_from_u64(vm, int_bit_length(a->v[0])); }

static Value bit_count_m(VM *vm, Args *a) {
  IntView v;
  int_view(a->v[0], &v);
  uint64_t n = 0;
  for (int i = 0; i < v.n; i++)
    for (Digit d = v.d[i]; d; d &= d - 1) n++;
  return int_from_u64(vm, n);
}

static Value ratio_m(VM *vm, Args *a) {
  Value v = int_plain(vm, a->v[0]);
  Tuple *t = v_failed(v) ? NULL : tuple_pair(vm, v, v_from_int62(1));
  return t ? v_from_obj(t) : V_FAIL;
}

static Value newargs_m(VM *vm, Args *a) {
  Value v = int_plain(vm, a->v[0]);
  Tuple *t = v_failed(v) ? NULL : tuple_new(vm, &v, 1);
  return t ? v_from_obj(t) : V_FAIL;
}

static Value divmod_m(VM *vm, Args *a) { return is_int(a->v[1]) ? int_divmod(vm, a->v[0], a->v[1]) : V_NOTIMPL; }
static Value rdivmod_m(VM *vm, Args *a) { return is_int(a->v[1]) ? int_divmod(vm, a->v[1], a->v[0]) : V_NOTIMPL; }

/* round(v, -k) for k > 0: to a multiple of 10^k, half to even. */
static Value round_to(VM *vm, Value v, uint64_t k) {
  size_t bits = int_bit_length(v);
  if ((double)k * 3.3219 > (double)bits + 2) return v_from_int62(0); /* 10^k > 2 |v| */
  Value unit = int_pow(vm, v_from_int62(10), v_from_int62((int64_t)k)), q, r;
  if (v_failed(unit) || !int_floor_divmod(vm, v, unit, &q, &r)) return V_FAIL;
  Value twice = int_binary(vm, TINY_ADD, r, r);
  if (v_failed(twice)) return V_FAIL;
  int c = int_compare(twice, unit);
  IntView view;
  int_view(q, &view);
  if (c > 0 || (c == 0 && view.n && (view.d[0] & 1))) {
    q = int_binary(vm, TINY_ADD, q, v_from_int62(1));
    if (v_failed(q)) return V_FAIL;
  }
  return int_mul(vm, q, unit);
}

static Value round_m(VM *vm, Args *a) {
  if (v_absent(a->v[1])) return int_plain(vm, a->v[0]);
  Value n = rt_index_obj(vm, a->v[1]);
  if (v_failed(n)) return V_FAIL;
  int64_t digits;
  if (int_sign(n) >= 0) return int_plain(vm, a->v[0]);
  if (!int_to_i64(n, &digits)) return v_from_int62(0);
  return round_to(vm, a->v[0], -(uint64_t)digits);
}

static Value sizeof_m(VM *vm, Args *a) {
  IntView v;
  int_view(a->v[0], &v);
  return int_from_u64(vm, sizeof(BigInt) + (size_t)v.n * sizeof(Digit));
}

const tiny_def int_methods[] = {
    {"bit_length", bit_length_m, "(self, /)", "Number of bits that it takes to write the number in binary, without sign."},
    {"bit_count", bit_count_m, "(self, /)", "Number of ones in the binary form of the absolute value."},
    {"to_bytes", to_bytes, "(self, /, length=..., byteorder=..., *, signed=False)", "The number as an array of bytes."},
    {"+from_bytes", from_bytes, "(type, /, bytes, byteorder=..., *, signed=False)", "The number that an array of bytes stands for."},
    {"conjugate", plain_m, "(self, /)", "The number itself."},
    {"as_integer_ratio", ratio_m, "(self, /)", "The pair (self, 1)."},
    {"__trunc__", plain_m, "(self, /)", "The number itself."},
    {"__floor__", plain_m, "(self, /)", "The number itself."},
    {"__ceil__", plain_m, "(self, /)", "The number itself."},
    {"__round__", round_m, "(self, ndigits=..., /)", "Rounded to 10**-ndigits, half to even."},
    {"__getnewargs__", newargs_m, "(self, /)", NULL},
    {"__divmod__", divmod_m, "(self, value, /)", "Return divmod(self, value)."},
    {"__rdivmod__", rdivmod_m, "(self, value, /)", "Return divmod(value, self)."},
    {"__sizeof__", sizeof_m, "(self, /)", "Size in memory, in bytes."},
    {0},
};

static Value get_self(VM *vm, Value self) { return int_plain(vm, self); }
static Value get_zero(VM *vm, Value self) {
  (void)vm;
  (void)self;
  return v_from_int62(0);
}
static Value get_one(VM *vm, Value self) {
  (void)vm;
  (void)self;
  return v_from_int62(1);
}
const GetSet int_getset[] = {
    {"real", get_self, NULL, "the real part of a complex number"},
    {"imag", get_zero, NULL, "the imaginary part of a complex number"},
    {"numerator", get_self, NULL, "the numerator of a rational number in lowest terms"},
    {"denominator", get_one, NULL, "the denominator of a rational number in lowest terms"},
    {0},
};

const Type int_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "int",
    .base = &object_type,
    .layout = LAY_INT,
    .flags = TYPE_BASE | TYPE_VARSIZE | TYPE_BARRIER,
    .shape_id = TYPE_ID_int,
    .size = sizeof(BigInt),
    .item_size = sizeof(Digit),
    .doc = "int([x]) -> integer\nint(x, base=10) -> integer\n\nAn integer of any size, made from a number or from text in the given base.",
    .new_ = int_new,
    .new_sig = "(x=..., /, base=...)",
    .repr = int_repr,
    .hash = int_hash_slot,
    .compare = int_compare_slot,
    .truth = int_truth,
    .binary = int_binary_slot,
    .unary = int_unary,
    .format = format_int,
    .methods = int_methods,
    .getset = int_getset,
};
