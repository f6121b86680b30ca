/* array.array: items of one C type in a row. An instance is a bytearray to everything that takes bytes-like objects (LAY_BYTEARRAY); its type code is in head.small.
 * Iterables that run script code are gone through by stdlib/frozen/_array.tiny. */
#include "vm/objects/bytes_int.h"
#include "vm/objects/containers_int.h"

static char code_of(Value v) { return (char)v_obj(v)->small; }
static bool is_array(Value v) { return is_bytearray(v) && v_obj(v)->small != 0; }
char array_format(Value v) { return !is_array(v) ? 'B' : code_of(v) == 'u' ? 'w' : code_of(v); }

static size_t size_of(char code) {
  switch (code) {
    case 'b': case 'B': return 1;
    case 'h': case 'H': return sizeof(short);
    case 'i': case 'I': return sizeof(int);
    case 'l': case 'L': return sizeof(long);
    case 'q': case 'Q': case 'd': return 8;
    case 'u': case 'f': return 4;
    default: return 0;
  }
}
static size_t width(Value v) { return size_of(code_of(v)); }
static int64_t count_of(Value v) { return (int64_t)(v_bytearray(v)->size / width(v)); }
static uint8_t *place(Value v, int64_t i) { return bytearray_data(v_bytearray(v)) + (size_t)i * width(v); }

/* ---- items ---- */

static Value item_value(VM *vm, char code, const uint8_t *p) {
  if (code != 'u') return bytes_item(vm, code, p);
  uint32_t c;
  char text[4];
  memcpy(&c, p, 4);
  if (c > 0x10FFFF) return rt_raise(vm, &exc_ValueError, "character U+%x is not in range [U+0000; U+10ffff]", c);
  return v_from_str(str_counted(vm, text, (size_t)utf8_encode(c, text), 1));
}
static Value item(VM *vm, Value self, int64_t i) { return item_value(vm, code_of(self), place(self, i)); }

/* The words for what does not fit name the C type through which the number is read. */
static bool fits(VM *vm, int64_t i, int64_t low, int64_t high, const char *below, const char *above) {
  if (i < low) return rt_raise_b(vm, &exc_OverflowError, "%s is less than minimum", below);
  return i <= high || rt_raise_b(vm, &exc_OverflowError, "%s is greater than maximum", above);
}
static bool check_range(VM *vm, char code, int64_t i) {
  switch (code) {
    case 'b':
      if (i >= -128 && i <= 127) return true;
      return fits(vm, i, -32768, 32767, "signed short integer", "signed short integer") && fits(vm, i, -128, 127, "signed char", "signed char");
    case 'B': return fits(vm, i, 0, 255, "unsigned byte integer", "unsigned byte integer");
    case 'h': return fits(vm, i, -32768, 32767, "signed short integer", "signed short integer");
    case 'H': return fits(vm, i, INT32_MIN, INT32_MAX, "signed integer", "signed integer") && fits(vm, i, 0, 65535, "unsigned short", "unsigned short");
    case 'i': return fits(vm, i, INT32_MIN, INT32_MAX, "signed integer", "signed integer");
    case 'I': return fits(vm, i, 0, UINT32_MAX, "unsigned int", "unsigned int");
    default: return true;
  }
}

static bool too_large(VM *vm, char code) {
  if (code == 'q' || code == 'Q') return rt_raise_b(vm, &exc_OverflowError, "int too big to convert");
  return rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C %s", code == 'I' || code == 'L' ? "unsigned long" : "long");
}

/* An int argument as the low 64 bits of what is stored. [script] through __index__. */
static bool int_item(VM *vm, char code, Value v, uint64_t *out) {
  int64_t i;
  if (!is_int(v)) {
    v = rt_index_obj(vm, v);
    if (v_failed(v)) return false;
  }
  bool is_unsigned = code == 'I' || code == 'L' || code == 'Q';
  if (is_unsigned && int_sign(v) < 0) return rt_raise_b(vm, &exc_OverflowError, code == 'Q' ? "can't convert negative int to unsigned" : "can't convert negative value to unsigned int");
  if (int_to_i64(v, &i)) {
    *out = (uint64_t)i;
    return check_range(vm, code, i);
  }
  if (!is_unsigned || int_bit_length(v) > 64) return too_large(vm, code);
  if (code == 'I') return rt_raise_b(vm, &exc_OverflowError, "unsigned int is greater than maximum");
  Value high = int_binary(vm, TINY_RSHIFT, v, v_from_int62(32)), low = int_binary(vm, TINY_AND, v, v_from_int62(UINT32_MAX));
  if (v_failed(high) || v_failed(low)) return false;
  *out = (uint64_t)v_int(high) << 32 | (uint64_t)v_int(low);
  return true;
}

/* v as the bytes of an item. [script] */
static bool item_bytes(VM *vm, char code, Value v, uint8_t out[8]) {
  uint64_t u = 0;
  if (code == 'u') {
    if (!is_str(v) || v_str(v)->length != 1) return rt_raise_b(vm, &exc_TypeError, "array item must be unicode character");
    const char *end;
    uint32_t c = utf8_decode(v_str(v)->data, &end);
    memcpy(out, &c, 4);
  } else if (code == 'f' || code == 'd') {
    double d;
    if (!rt_to_double(vm, v, &d)) return false;
    float f = (float)d;
    if (code == 'f') memcpy(out, &f, 4);
    else memcpy(out, &d, 8);
  } else {
    if (!int_item(vm, code, v, &u)) return false;
    uint8_t u8 = (uint8_t)u;
    uint16_t u16 = (uint16_t)u;
    uint32_t u32 = (uint32_t)u;
    size_t n = size_of(code);
    if (n == 1) memcpy(out, &u8, 1);
    else if (n == 2) memcpy(out, &u16, 2);
    else if (n == 4) memcpy(out, &u32, 4);
    else memcpy(out, &u, 8);
  }
  return true;
}

static bool append(VM *vm, Value self, Value v) {
  uint8_t b[8];
  return item_bytes(vm, code_of(self), v, b) && bytearray_splice(vm, v_bytearray(self), v_bytearray(self)->size, 0, b, width(self));
}

/* ---- construction ---- */

static Value array_new(VM *vm, const Type *cls, char code) {
  ByteArray *b = gc_new(vm, cls, sizeof(ByteArray));
  if (!b) return V_FAIL;
  b->head.small = (uint16_t)code;
  return v_from_obj(b);
}
static Value from_bytes(VM *vm, const Type *cls, char code, const void *data, size_t n) {
  Value v = array_new(vm, cls, code);
  return v_failed(v) || bytearray_splice(vm, v_bytearray(v), 0, 0, data, n) ? v : V_FAIL;
}

static bool add_bytes(VM *vm, Value self, View v) {
  if (v.size % width(self)) return rt_raise_b(vm, &exc_ValueError, "bytes length not a multiple of item size");
  if (!charge_bytes(vm, v.size)) return false;
  ByteArray *b = v_bytearray(self);
  size_t old = b->size;
  bool own = v.size && b->block && v.data >= b->block && v.data < b->block + b->capacity;
  size_t offset = own ? (size_t)(v.data - bytearray_data(b)) : 0;
  if (!bytearray_splice(vm, b, old, 0, own ? NULL : v.data, v.size)) return false;
  if (own) memmove(bytearray_data(b) + old, bytearray_data(b) + offset, v.size);
  return true;
}

static bool add_text(VM *vm, Value self, Str *s) {
  const char *p = s->data;
  size_t at = v_bytearray(self)->size;
  if (!charge_bytes(vm, s->size) || !bytearray_splice(vm, v_bytearray(self), at, 0, NULL, s->length * 4)) return false;
  for (uint8_t *to = bytearray_data(v_bytearray(self)) + at; p < s->data + s->size; to += 4) {
    uint32_t c = utf8_decode(p, &p);
    memcpy(to, &c, 4);
  }
  return true;
}

/* The items of another array, of another type perhaps. No script code. */
static bool add_array(VM *vm, Value self, Value other) {
  if (code_of(self) == code_of(other)) return add_bytes(vm, self, self_view(other));
  for (int64_t i = 0; i < count_of(other); i++) {
    Value v = item(vm, other, i);
    if (v_failed(v) || !append(vm, self, v) || !rt_charge(vm, 1)) return false;
  }
  return true;
}

/* Exact lists and tuples: their items one by one (item_bytes may run script code that changes the list). */
static bool add_items(VM *vm, Value self, Value seq) {
  size_t n;
  const Value *items;
  for (size_t i = 0; items = seq_items(seq, &n), i < n; i++)
    if (!append(vm, self, items[i]) || !rt_charge(vm, 1)) return false;
  return true;
}

static bool code_arg(VM *vm, Value v, const char *where, char *code) {
  if (!is_str(v) || v_str(v)->length != 1) return rt_raise_b(vm, &exc_TypeError, "%s must be a unicode character, not %s", where, str_arg_name(v));
  *code = v_str(v)->data[0];
  return true;
}

static Value array_new_(VM *vm, const Type *cls, Args *a) {
  Tuple *args = v_tuple(a->v[0]);
  char code;
  if (v_dict(a->v[1])->used && v_same(rt_type_lookup(vm, cls, NAME(vm, __init__)), rt_type_lookup(vm, &array_type, NAME(vm, __init__))))
    return rt_raise(vm, &exc_TypeError, "array.array() takes no keyword arguments");
  if (args->length == 0) return rt_raise(vm, &exc_TypeError, "array() takes at least 1 argument (0 given)");
  if (args->length > 2) return rt_raise(vm, &exc_TypeError, "array() takes at most 2 arguments (%zu given)", args->length);
  if (!code_arg(vm, args->items[0], "array() argument 1", &code)) return V_FAIL;
  if (!size_of(code)) return rt_raise(vm, &exc_ValueError, "bad typecode (must be b, B, u, h, H, i, I, l, L, q, Q, f or d)");
  Value from = args->length == 2 ? args->items[1] : V_ABSENT;
  bool unicode = !v_absent(from) && is_array(from) && code_of(from) == 'u';
  if (code != 'u' && !v_absent(from) && is_str(from)) return rt_raise(vm, &exc_TypeError, "cannot use a str to initialize an array with typecode '%c'", code);
  if (code != 'u' && unicode) return rt_raise(vm, &exc_TypeError, "cannot use a unicode array to initialize an array with typecode '%c'", code);
  Value *self = rt_temp(vm, 1); /* add_items may run script code */
  if (!self) return V_FAIL;
  *self = array_new(vm, cls, code);
  size_t n;
  if (v_failed(*self)) return V_FAIL;
  if (v_absent(from)) return *self;
  bool ok;
  if (is_str(from)) ok = add_text(vm, *self, v_str(from));
  else if (is_array(from)) ok = add_array(vm, *self, from);
  else if (is_bytes(from) || is_bytearray(from)) ok = add_bytes(vm, *self, self_view(from));
  else if (seq_items(from, &n)) ok = add_items(vm, *self, from);
  else return rt_tail_builtin(vm, "_array_filled", 2, (Value[]){*self, from});
  return ok ? *self : V_FAIL;
}

static Value reconstruct(VM *vm, Args *a) {
  static const char machine[] = "BbHHhhIIiiQQqqffdd\001\001uu";
  char code;
  int64_t format;
  if (!is_type(a->v[0])) return rt_raise(vm, &exc_TypeError, "first argument must be a type object, not %T", a->v[0]);
  const Type *cls = (const Type *)v_obj(a->v[0]);
  if (!code_arg(vm, a->v[1], "_array_reconstructor() argument 2", &code) || !str_int_arg(vm, a->v[2], &format)) return V_FAIL;
  if (!rt_is_subtype(cls, &array_type)) return rt_raise(vm, &exc_TypeError, "%N is not a subtype of array.array", cls);
  if (!size_of(code)) return rt_raise(vm, &exc_ValueError, "second argument must be a valid type code");
  if (format < 0 || format > 21) return rt_raise(vm, &exc_ValueError, "third argument must be a valid machine format code.");
  if (!is_bytes(a->v[3])) return rt_raise(vm, &exc_TypeError, "fourth argument should be bytes, not %T", a->v[3]);
  char have = code == 'l' ? 'q' : code == 'L' ? 'Q' : code;
  View v = self_view(a->v[3]);
  bool little = format < 2 || format % 2 == 0;
  if (machine[format] == have && little && v.size % size_of(code) == 0) return from_bytes(vm, cls, code, v.data, v.size);
  if (machine[format] == have && little) return rt_raise(vm, &exc_ValueError, "bytes length not a multiple of item size");
  return rt_tail_builtin(vm, "_array_rebuild", 4, a->v);
}

/* ---- methods ---- */

static Value m_append(VM *vm, Args *a) { return append(vm, a->v[0], a->v[1]) ? V_NONE : V_FAIL; }

static Value m_extend(VM *vm, Args *a) {
  Value self = a->v[0], from = a->v[1];
  size_t n;
  if (is_array(from)) {
    if (code_of(self) != code_of(from)) return rt_raise(vm, &exc_TypeError, "can only extend with array of same kind");
    return add_bytes(vm, self, self_view(from)) ? V_NONE : V_FAIL;
  }
  if (seq_items(from, &n)) return add_items(vm, self, from) ? V_NONE : V_FAIL;
  return rt_tail_builtin(vm, "_array_extend", 2, a->v);
}

/* All or nothing. */
static Value m_fromlist(VM *vm, Args *a) {
  if (!is_list(a->v[1])) return rt_raise(vm, &exc_TypeError, "arg must be list");
  size_t old = v_bytearray(a->v[0])->size, n = v_list(a->v[1])->length;
  for (size_t i = 0; i < v_list(a->v[1])->length; i++) {
    bool ok = append(vm, a->v[0], v_list(a->v[1])->items[i]);
    if (ok && v_list(a->v[1])->length != n) ok = rt_raise_b(vm, &exc_RuntimeError, "list changed size during iteration");
    if (ok) continue;
    if (v_bytearray(a->v[0])->size > old) v_bytearray(a->v[0])->size = old;
    return V_FAIL;
  }
  return V_NONE;
}
static Value m_frombytes(VM *vm, Args *a) {
  View v;
  return bytes_need_view(vm, a->v[1], &v) && add_bytes(vm, a->v[0], v) ? V_NONE : V_FAIL;
}
static Value m_fromunicode(VM *vm, Args *a) {
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "fromunicode() argument must be str, not %s", str_arg_name(a->v[1]));
  if (code_of(a->v[0]) != 'u') return rt_raise(vm, &exc_ValueError, "fromunicode() may only be called on unicode type arrays");
  return add_text(vm, a->v[0], v_str(a->v[1])) ? V_NONE : V_FAIL;
}
static Value m_tobytes(VM *vm, Args *a) {
  View v = self_view(a->v[0]);
  return charge_bytes(vm, v.size) ? v_from_bytes(bytes_new(vm, v.data, v.size)) : V_FAIL;
}
static Value m_tolist(VM *vm, Args *a) {
  int64_t n = count_of(a->v[0]);
  List *list = charge_bytes(vm, (size_t)n * 16) ? list_new(vm, NULL, (size_t)n) : NULL;
  for (int64_t i = 0; list && i < n; i++) {
    Value v = item(vm, a->v[0], i);
    if (v_failed(v)) return V_FAIL;
    list->items[i] = v;
  }
  return list ? v_from_obj(list) : V_FAIL;
}
static Value m_tounicode(VM *vm, Args *a) {
  if (code_of(a->v[0]) != 'u') return rt_raise(vm, &exc_ValueError, "tounicode() may only be called on unicode type arrays");
  Buf b;
  buf_init(&b, &vm->mem);
  for (int64_t i = 0; i < count_of(a->v[0]); i++) {
    Value v = item(vm, a->v[0], i);
    if (v_failed(v)) {
      buf_free(&b);
      return V_FAIL;
    }
    buf_add(&b, v_str(v)->data, v_str(v)->size);
  }
  return v_from_str(str_from_buf(vm, &b));
}

static Value m_insert(VM *vm, Args *a) {
  int64_t at;
  uint8_t b[8];
  if (!str_size_arg(vm, a->v[1], &at) || !item_bytes(vm, code_of(a->v[0]), a->v[2], b)) return V_FAIL;
  int64_t n = count_of(a->v[0]);
  if (at < 0 && (at += n) < 0) at = 0;
  if (at > n) at = n;
  size_t w = width(a->v[0]);
  return bytearray_splice(vm, v_bytearray(a->v[0]), (size_t)at * w, 0, b, w) ? V_NONE : V_FAIL;
}
static bool take_out(VM *vm, Value self, int64_t at) {
  size_t w = width(self);
  return bytearray_splice(vm, v_bytearray(self), (size_t)at * w, w, NULL, 0);
}
static Value m_pop(VM *vm, Args *a) {
  int64_t at;
  if (!str_size_arg(vm, a->v[1], &at)) return V_FAIL;
  int64_t n = count_of(a->v[0]);
  if (n == 0) return rt_raise(vm, &exc_IndexError, "pop from empty array");
  if (at < 0) at += n;
  if (at < 0 || at >= n) return rt_raise(vm, &exc_IndexError, "pop index out of range");
  Value *keep = rt_temp(vm, 1), v = item(vm, a->v[0], at);
  if (!keep || v_failed(v)) return V_FAIL;
  *keep = v; /* a resize may collect */
  return take_out(vm, a->v[0], at) ? *keep : V_FAIL;
}

/* First place of v in [from, to), to.. if there is none; -1: failed. [script] through __eq__. */
static int64_t find(VM *vm, Value self, Value v, int64_t from, int64_t to, bool *found) {
  for (*found = false; from < to && from < count_of(self); from++) {
    Value x = item(vm, self, from);
    if (v_failed(x) || !rt_charge(vm, 1)) return -1;
    if (v_is_double(x) && v_double(x) != v_double(x) && is_float(v)) continue; /* a NaN is made anew each time: never the same object */
    if (!rt_eq(vm, x, v, found)) return -1;
    if (*found) break;
  }
  return from;
}
static Value m_index(VM *vm, Args *a) {
  int64_t start = 0, end = INT64_MAX, n = count_of(a->v[0]);
  bool found;
  if (!str_slice_arg(vm, a->v[2], &start) || !str_slice_arg(vm, a->v[3], &end)) return V_FAIL;
  if (start < 0 && (start += n) < 0) start = 0;
  if (end < 0) end += n;
  int64_t at = find(vm, a->v[0], a->v[1], start, end, &found);
  if (at < 0) return V_FAIL;
  return found ? v_from_int62(at) : rt_raise(vm, &exc_ValueError, "array.index(x): x not in array");
}
static Value m_remove(VM *vm, Args *a) {
  bool found;
  int64_t at = find(vm, a->v[0], a->v[1], 0, INT64_MAX, &found);
  if (at < 0) return V_FAIL;
  if (!found) return rt_raise(vm, &exc_ValueError, "array.remove(x): x not in array");
  return at >= count_of(a->v[0]) || take_out(vm, a->v[0], at) ? V_NONE : V_FAIL;
}
static Value m_count(VM *vm, Args *a) {
  int64_t n = 0;
  bool found = true;
  for (int64_t at = 0; found; at++) {
    at = find(vm, a->v[0], a->v[1], at, INT64_MAX, &found);
    if (at < 0) return V_FAIL;
    n += found;
  }
  return v_from_int62(n);
}

static Value m_reverse(VM *vm, Args *a) {
  size_t w = width(a->v[0]);
  uint8_t t[8];
  if (!charge_bytes(vm, v_bytearray(a->v[0])->size)) return V_FAIL;
  for (int64_t i = 0, j = count_of(a->v[0]) - 1; i < j; i++, j--) {
    memcpy(t, place(a->v[0], i), w);
    memcpy(place(a->v[0], i), place(a->v[0], j), w);
    memcpy(place(a->v[0], j), t, w);
  }
  return V_NONE;
}
static Value m_byteswap(VM *vm, Args *a) {
  size_t w = width(a->v[0]);
  if (!charge_bytes(vm, v_bytearray(a->v[0])->size)) return V_FAIL;
  for (int64_t i = 0; i < count_of(a->v[0]); i++)
    for (uint8_t *p = place(a->v[0], i), *q = p + w - 1; p < q; p++, q--) {
      uint8_t t = *p;
      *p = *q;
      *q = t;
    }
  return V_NONE;
}
static Value m_buffer_info(VM *vm, Args *a) {
  Value at = int_from_u64(vm, (uint64_t)(uintptr_t)bytearray_data(v_bytearray(a->v[0])));
  return v_failed(at) ? at : v_from_obj_or_fail(tuple_pair(vm, at, v_from_int62(count_of(a->v[0]))));
}
static Value m_copy(VM *vm, Args *a) {
  View v = self_view(a->v[0]);
  return from_bytes(vm, &array_type, code_of(a->v[0]), v.data, v.size);
}
static Value m_tofile(VM *vm, Args *a) { return rt_tail_builtin(vm, "_array_tofile", 2, a->v); }
static Value m_fromfile(VM *vm, Args *a) { return rt_tail_builtin(vm, "_array_fromfile", 3, a->v); }
static Value m_reduce_ex(VM *vm, Args *a) {
  static const char codes[] = "BbHhIiQqfdu";
  static const uint8_t formats[] = {0, 1, 2, 4, 6, 8, 10, 12, 14, 16, 20};
  char code = code_of(a->v[0]), have = code == 'l' ? 'q' : code == 'L' ? 'Q' : code;
  int format = formats[strchr(codes, have) - codes];
  return rt_tail_builtin(vm, "_array_reduce", 3, (Value[]){a->v[0], a->v[1], v_from_int62(format)});
}
static Value m_sizeof(VM *vm, Args *a) { return int_from_u64(vm, tiny_size_of(vm, a->v[0])); }

static const tiny_def methods[] = {
  {"__copy__", m_copy, "(self, /)", "Return a copy of the array."},
  {"__deepcopy__", m_copy, "(self, unused, /)", "Return a copy of the array."},
  {"__reduce_ex__", m_reduce_ex, "(self, value, /)", "Return state information for pickling."},
  {"__sizeof__", m_sizeof, "(self, /)", "Size of the array in memory, in bytes."},
  {"append", m_append, "(self, v, /)", "Append new value v to the end of the array."},
  {"buffer_info", m_buffer_info, "(self, /)", "Return a tuple (address, length) giving the current memory address and the length in items of the buffer."},
  {"byteswap", m_byteswap, "(self, /)", "Byteswap all items of the array."},
  {"count", m_count, "(self, v, /)", "Return number of occurrences of v in the array."},
  {"extend", m_extend, "(self, bb, /)", "Append items to the end of the array."},
  {"frombytes", m_frombytes, "(self, buffer, /)", "Appends items from the bytes, as if they had been read from a file."},
  {"fromfile", m_fromfile, "(self, f, n, /)", "Read n items from the file object f and append them to the end of the array."},
  {"fromlist", m_fromlist, "(self, list, /)", "Append items to array from list."},
  {"fromunicode", m_fromunicode, "(self, ustr, /)", "Extends this array with data from the unicode string ustr."},
  {"index", m_index, "(self, v, start=0, stop=..., /)", "Return index of first occurrence of v in the array."},
  {"insert", m_insert, "(self, i, v, /)", "Insert a new item v into the array before position i."},
  {"pop", m_pop, "(self, i=-1, /)", "Return the i-th element and delete it from the array."},
  {"remove", m_remove, "(self, v, /)", "Remove the first occurrence of v in the array."},
  {"reverse", m_reverse, "(self, /)", "Reverse the order of the items in the array."},
  {"tobytes", m_tobytes, "(self, /)", "Convert the array to an array of machine values and return the bytes representation."},
  {"tofile", m_tofile, "(self, f, /)", "Write all items (as machine values) to the file object f."},
  {"tolist", m_tolist, "(self, /)", "Convert array to an ordinary list with the same items."},
  {"tounicode", m_tounicode, "(self, /)", "Convert the array to a unicode string."},
  {0},
};
static Value get_typecode(VM *vm, Value self) {
  char c = code_of(self);
  return v_from_str(str_new(vm, &c, 1));
}
static Value get_itemsize(VM *vm, Value self) { return (void)vm, v_from_int62((int64_t)width(self)); }
static const GetSet getset[] = {{"typecode", get_typecode, NULL, "the typecode character used to create the array"}, {"itemsize", get_itemsize, NULL, "the size, in bytes, of one array item"}, {0}};

/* ---- slots ---- */

static int64_t array_length(VM *vm, Value self) { return (void)vm, count_of(self); }
static int array_truth(VM *vm, Value self) { return (void)vm, v_bytearray(self)->size != 0; }

static Value array_repr(VM *vm, Value self) {
  const char *name = type_of(self)->name, *dot = strrchr(name, '.');
  if (dot) name = dot + 1;
  if (v_bytearray(self)->size == 0) return rt_format(vm, "%s('%c')", name, code_of(self));
  Args a = {.v = &self, .n = 1};
  Value *v = rt_temp(vm, 1);
  if (!v) return V_FAIL;
  *v = code_of(self) == 'u' ? m_tounicode(vm, &a) : m_tolist(vm, &a);
  return v_failed(*v) ? V_FAIL : rt_format(vm, "%s('%c', %R)", name, code_of(self), *v);
}

static Value array_compare(VM *vm, Value a, Value b, Compare op) {
  if (!is_array(a) || !is_array(b)) return V_NOTIMPL;
  int64_t n = count_of(a), m = count_of(b), i = 0;
  if (n != m && (op == CO_EQ || op == CO_NE)) return v_from_bool(op == CO_NE);
  for (; i < n && i < m; i++) {
    Value x = item(vm, a, i), y = item(vm, b, i);
    bool same;
    if (v_failed(x) || v_failed(y) || !rt_eq(vm, x, y, &same)) return V_FAIL;
    if (same && !(v_is_double(x) && v_double(x) != v_double(x))) continue; /* NaNs differ */
    if (op == CO_EQ || op == CO_NE) return v_from_bool(op == CO_NE);
    return rt_compare(vm, x, y, op);
  }
  int order = n < m ? -1 : n > m;
  return v_from_bool(op == CO_EQ ? order == 0 : op == CO_NE ? order != 0 : op == CO_LT ? order < 0 : op == CO_LE ? order <= 0 : op == CO_GT ? order > 0 : order >= 0);
}

static bool index_of(VM *vm, Value self, Value key, const char *range, int64_t *i) {
  bool is_index;
  if (!str_index_arg(vm, key, i, &is_index)) return false;
  if (!is_index) return rt_raise_b(vm, &exc_TypeError, "array indices must be integers");
  if (*i < 0) *i += count_of(self);
  return (*i >= 0 && *i < count_of(self)) || rt_raise_b(vm, &exc_IndexError, "%s", range);
}

static Value array_getitem(VM *vm, Value self, Value key) {
  int64_t i, stop, step;
  if (!v_has_layout(key, LAY_SLICE)) return index_of(vm, self, key, "array index out of range", &i) ? item(vm, self, i) : V_FAIL;
  if (!slice_unpack(vm, (Slice *)v_obj(key), &i, &stop, &step)) return V_FAIL;
  int64_t n = slice_adjust(count_of(self), &i, &stop, step);
  size_t w = width(self);
  Value r = from_bytes(vm, &array_type, code_of(self), n && step == 1 ? place(self, i) : NULL, (size_t)n * w);
  for (int64_t k = 0; !v_failed(r) && step != 1 && k < n; k++) memcpy(place(r, k), place(self, i + k * step), w);
  return r;
}

/* Deletes every step-th item from start on, n of them. */
static bool delete_every(VM *vm, Value self, int64_t start, int64_t n, int64_t step) {
  size_t w = width(self);
  if (!bytearray_may_resize(vm, v_bytearray(self))) return false;
  if (step < 0) start += (n - 1) * step, step = -step;
  int64_t to = start, count = count_of(self);
  for (int64_t from = start; from < count; from++) {
    if ((from - start) % step == 0 && (from - start) / step < n) continue;
    memcpy(place(self, to++), place(self, from), w);
  }
  return bytearray_resize(vm, v_bytearray(self), (size_t)to * w);
}

static bool assign_slice(VM *vm, Value self, Slice *key, Value value) {
  int64_t start, stop, step;
  size_t w = width(self);
  if (!v_absent(value) && !is_array(value)) return rt_raise_b(vm, &exc_TypeError, "can only assign array (not \"%T\") to array slice", value);
  if (!slice_unpack(vm, key, &start, &stop, &step)) return false;
  if (!v_absent(value) && code_of(value) != code_of(self)) return rt_raise_b(vm, &exc_TypeError, "bad argument type for built-in operation");
  int64_t n = slice_adjust(count_of(self), &start, &stop, step);
  if (v_absent(value) && step != 1) return n == 0 || delete_every(vm, self, start, n, step);
  if (!v_absent(value) && v_same(value, self)) { /* what is put in must stay as it is */
    View v = self_view(self);
    Value *keep = rt_temp(vm, 1); /* a resize may collect */
    if (!keep) return false;
    value = *keep = from_bytes(vm, &array_type, code_of(self), v.data, v.size);
    if (v_failed(value)) return *keep = V_NONE, false;
  }
  View v = v_absent(value) ? (View){NULL, 0} : self_view(value);
  if (step == 1) return bytearray_splice(vm, v_bytearray(self), (size_t)start * w, (size_t)n * w, v.data, v.size);
  if (v.size == 0) return n == 0 || delete_every(vm, self, start, n, step);
  if (v.size / w != (size_t)n) return rt_raise_b(vm, &exc_ValueError, "attempt to assign array of size %zu to extended slice of size %lld", v.size / w, (long long)n);
  for (int64_t k = 0; k < n; k++) memcpy(place(self, start + k * step), v.data + (size_t)k * w, w);
  return true;
}

static bool array_setitem(VM *vm, Value self, Value key, Value value) {
  int64_t i;
  uint8_t b[8];
  if (v_has_layout(key, LAY_SLICE)) return assign_slice(vm, self, (Slice *)v_obj(key), value);
  if (!index_of(vm, self, key, "array assignment index out of range", &i)) return false;
  if (v_absent(value)) return take_out(vm, self, i);
  if (!item_bytes(vm, code_of(self), value, b)) return false;
  if (i < count_of(self)) memcpy(place(self, i), b, width(self)); /* the conversion may have run code that shortened it */
  return true;
}

static int array_contains(VM *vm, Value self, Value v) {
  bool found;
  return find(vm, self, v, 0, INT64_MAX, &found) < 0 ? -1 : found;
}

static Value repeat(VM *vm, Value self, int64_t times, bool inplace) {
  View v = self_view(self);
  if (times < 0) times = 0;
  if (v.size && (uint64_t)times > TEXT_MAX / v.size) return rt_no_memory(vm);
  size_t old = v.size, size = old * (size_t)times;
  if (!charge_bytes(vm, size)) return V_FAIL;
  Value r = inplace ? self : from_bytes(vm, &array_type, code_of(self), v.data, size ? old : 0);
  if (v_failed(r) || !bytearray_resize(vm, v_bytearray(r), size)) return V_FAIL;
  uint8_t *p = bytearray_data(v_bytearray(r));
  for (size_t done = old; done < size;) {
    size_t n = done <= size - done ? done : size - done;
    memcpy(p + done, p, n);
    done += n;
  }
  return r;
}

static Value times(VM *vm, Value self, Value by, bool inplace) {
  int64_t n;
  int r = str_repeat_arg(vm, by, &n);
  return r < 0 ? V_FAIL : r == 0 ? str_repeat_error(vm, by) : repeat(vm, self, n, inplace);
}

static Value array_binary(VM *vm, int op, Value a, Value b) {
  if (op == TINY_MUL) return is_array(a) ? times(vm, a, b, false) : times(vm, b, a, false);
  if (op != TINY_ADD || !is_array(a)) return V_NOTIMPL;
  if (!is_array(b)) return rt_raise(vm, &exc_TypeError, "can only append array (not \"%T\") to array", b);
  if (code_of(a) != code_of(b)) return rt_raise(vm, &exc_TypeError, "bad argument type for built-in operation");
  View v = self_view(a);
  Value r = from_bytes(vm, &array_type, code_of(a), v.data, v.size);
  return v_failed(r) || add_bytes(vm, r, self_view(b)) ? r : V_FAIL;
}
static Value array_inplace(VM *vm, int op, Value a, Value b) {
  if (op == TINY_MUL) return times(vm, a, b, true);
  if (op != TINY_ADD) return V_NOTIMPL;
  if (!is_array(b)) return rt_raise(vm, &exc_TypeError, "can only extend array with array (not \"%T\")", b);
  if (code_of(a) != code_of(b)) return rt_raise(vm, &exc_TypeError, "can only extend with array of same kind");
  return add_bytes(vm, a, self_view(b)) ? a : V_FAIL;
}

static Value array_iter(VM *vm, Value self) { return seq_iter_new(vm, &array_iter_type, self); }
static int iter_next(VM *vm, Value self, Value *out) {
  SeqIter *it = (SeqIter *)v_obj(self);
  if (v_absent(it->seq)) return 0;
  if ((int64_t)it->at >= count_of(it->seq)) {
    gc_store(vm, it, &it->seq, V_ABSENT);
    return 0;
  }
  *out = item(vm, it->seq, (int64_t)it->at++);
  return v_failed(*out) ? -1 : 1;
}
static void iter_trace(Tracer *t, Obj *o) { gc_mark(t, ((SeqIter *)o)->seq); }

const Type array_iter_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "array.arrayiterator", .module = "array", .base = &object_type, .layout = LAY_ITER,
  .flags = TYPE_NO_NEW, .shape_id = TYPE_ID_array_iter, .size = sizeof(SeqIter), .trace = iter_trace, .iter = iter_self, .next = iter_next, .methods = iter_forward_methods,
};
const Type array_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
  .name = "array.array",
  .module = "array",
  .base = &object_type,
  .layout = LAY_BYTEARRAY,
  .flags = TYPE_SEQUENCE | TYPE_BASE | TYPE_UNHASHABLE | TYPE_WEAKREF,
  .shape_id = TYPE_ID_array,
  .size = sizeof(ByteArray),
  .doc = "array(typecode [, initializer]) -> array\n\nReturn a new array whose items are restricted by typecode, and\ninitialized from the optional initializer value.",
  .new_ = array_new_,
  .new_sig = "(*args, **kwargs)",
  .destroy = bytearray_destroy,
  .repr = array_repr,
  .compare = array_compare,
  .truth = array_truth,
  .length = array_length,
  .getitem = array_getitem,
  .setitem = array_setitem,
  .contains = array_contains,
  .iter = array_iter,
  .binary = array_binary,
  .inplace = array_inplace,
  .methods = methods,
  .getset = getset,
};

const tiny_def array_functions[] = {{"_array_reconstructor", reconstruct, "(arraytype, typecode, mformat_code, items, /)", "Internal. Used for pickling support."}, {0}};
