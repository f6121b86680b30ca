/* tiny.h: making and reading values, formatting messages. */
#include <stdarg.h>
#include "vm/api_int.h"
#include "vm/base/dtoa.h"
#include "vm/objects/bytes.h"
#include "vm/objects/int.h"
#include "vm/objects/list.h"

/* ---- making */

tiny_val tiny_int(tiny_vm *vm, int64_t i) { return int_fits62(i) ? v_from_int62(i) : api_pin(vm, int_from_i64(vm, i)); }
tiny_val tiny_uint(tiny_vm *vm, uint64_t i) { return i <= (uint64_t)INT_MAX62 ? v_from_int62((int64_t)i) : api_pin(vm, int_from_u64(vm, i)); }
tiny_val tiny_float(tiny_vm *vm, double d) { return api_pin(vm, float_new(vm, d)); }
tiny_val tiny_string(tiny_vm *vm, const char *utf8) { return tiny_string_n(vm, utf8, utf8 ? strlen(utf8) : 1); }

tiny_val tiny_string_n(tiny_vm *vm, const char *utf8, size_t len) {
  Str *s = api_check_text(vm, utf8, len) ? str_new(vm, utf8, len) : NULL;
  return s ? api_pin(vm, v_from_obj(s)) : V_FAIL;
}

tiny_val tiny_bytes(tiny_vm *vm, const void *data, size_t len) {
  Bytes *b = bytes_new(vm, data, len);
  return b ? api_pin(vm, v_from_obj(b)) : V_FAIL;
}

tiny_val tiny_tuple(tiny_vm *vm, int n, const tiny_val *items) {
  if (!api_takes_all(vm, n, items)) return V_FAIL;
  Tuple *t = tuple_new(vm, items, (size_t)n);
  return t ? api_pin(vm, v_from_obj(t)) : V_FAIL;
}

tiny_val tiny_list(tiny_vm *vm, int n, const tiny_val *items) {
  if (!api_takes_all(vm, n, items)) return V_FAIL;
  List *l = list_new(vm, items, (size_t)n);
  return l ? api_pin(vm, v_from_obj(l)) : V_FAIL;
}

tiny_val tiny_dict(tiny_vm *vm) {
  Dict *d = dict_new(vm);
  return d ? api_pin(vm, v_from_obj(d)) : V_FAIL;
}

tiny_val tiny_set(tiny_vm *vm) {
  Set *s = set_new(vm, &set_type);
  return s ? api_pin(vm, v_from_obj(s)) : V_FAIL;
}

static bool want(VM *vm, bool is, const char *what, Value v) {
  return is || (api_ready1(vm, v) && rt_raise_b(vm, &exc_TypeError, "a %s is required, not '%T'", what, v));
}

bool tiny_list_append(tiny_vm *vm, tiny_val list, tiny_val item) {
  return api_takes(vm, item) && want(vm, is_list(list), "list", list) && list_append(vm, v_list(list), item);
}

bool tiny_dict_set(tiny_vm *vm, tiny_val dict, const char *key, tiny_val value) {
  if (!api_ready1(vm, value) || !want(vm, is_dict(dict), "dict", dict)) return false;
  Str *name = api_name(vm, key);
  return name && dict_set_str(vm, v_dict(dict), name, value);
}

tiny_val tiny_dict_get(tiny_vm *vm, tiny_val dict, const char *key) {
  Str *name = api_ready(vm) && want(vm, is_dict(dict), "dict", dict) ? api_name(vm, key) : NULL;
  return name ? api_pin(vm, dict_get_str(vm, v_dict(dict), name)) : V_FAIL;
}

bool tiny_set_add(tiny_vm *vm, tiny_val set, tiny_val item) {
  return api_ready1(vm, item) && want(vm, v_has_layout(set, LAY_SET), "set", set) && set_add(vm, v_set(set), item);
}

tiny_val tiny_set_without(tiny_vm *vm, tiny_val set, int n, const tiny_val *items) {
  if (!api_ready(vm) || !api_takes_all(vm, n, items) || !want(vm, v_has_layout(set, LAY_SET), "set", set)) return V_FAIL;
  Set *s = set_without(vm, v_set(set), items, (size_t)n);
  return s ? api_pin(vm, v_from_obj(s)) : V_FAIL;
}

uint32_t tiny_set_stamp(tiny_vm *vm, tiny_val set) {
  (void)vm;
  return v_is_exact(set, &set_type) ? v_set(set)->version : 0;
}

/* ---- reading */

tiny_kind tiny_kind_of(tiny_vm *vm, tiny_val v) {
  (void)vm;
  if (v_is_int(v)) return TINY_T_INT;
  if (v_is_double(v)) return TINY_T_FLOAT;
  if (v_is_none(v)) return TINY_T_NONE;
  if (v_is_bool(v)) return TINY_T_BOOL;
  if (!v_is_obj(v)) return TINY_T_OTHER;
  const Type *t = v_obj(v)->type;
  switch (t->layout) {
    case LAY_INT: return TINY_T_INT;
    case LAY_FLOAT: return TINY_T_FLOAT;
    case LAY_STR: return TINY_T_STR;
    case LAY_BYTES: return TINY_T_BYTES;
    case LAY_TUPLE: return TINY_T_TUPLE;
    case LAY_LIST: return TINY_T_LIST;
    case LAY_DICT: return TINY_T_DICT;
    case LAY_SET: case LAY_FROZENSET: return TINY_T_SET;
    case LAY_FUNCTION: case LAY_NATIVE: case LAY_METHOD: return TINY_T_FUNCTION;
    case LAY_GEN: return t == &coroutine_type ? TINY_T_COROUTINE : TINY_T_GENERATOR;
    case LAY_TYPE: return TINY_T_TYPE;
    case LAY_MODULE: return TINY_T_MODULE;
    case LAY_NATIVE_INSTANCE: return TINY_T_NATIVE;
    default: return TINY_T_OTHER;
  }
}

tiny_val tiny_type(tiny_vm *vm, tiny_val v) {
  return api_takes(vm, v) ? rt_type_value(type_of(v)) : TINY_FAIL;
}

bool tiny_callable(tiny_vm *vm, tiny_val v) { return api_is_word(v) && rt_callable(vm, v); }

const char *tiny_type_name(tiny_vm *vm, tiny_val v) {
  (void)vm;
  return api_is_word(v) ? type_of(v)->name : "";
}

bool tiny_to_int(tiny_vm *vm, tiny_val v, int64_t *out) {
  *out = 0;
  if (v_is_int(v)) {
    *out = v_int(v);
    return true;
  }
  if (!api_ready1(vm, v)) return false;
  if (!is_int(v)) {
    v = rt_index_obj(vm, v);
    if (v_failed(v)) return false;
  }
  return int_to_i64(v, out) || rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C long");
}

bool tiny_to_float(tiny_vm *vm, tiny_val v, double *out) {
  *out = 0;
  return api_ready1(vm, v) && rt_to_double(vm, v, out);
}

const char *tiny_to_str(tiny_vm *vm, tiny_val v, size_t *len) {
  if (len) *len = 0;
  if (!want(vm, is_str(v), "str", v)) return NULL;
  const char *text = str_cstr(vm, v_str(v));
  if (len && text) *len = v_str(v)->size;
  return text;
}

size_t tiny_str_offset(tiny_vm *vm, tiny_val v, size_t index) {
  if (!is_str(v)) return 0;
  Str *s = v_str(v);
  return str_offset(vm, s, index < s->length ? index : s->length);
}

size_t tiny_str_index(tiny_vm *vm, tiny_val v, size_t offset) {
  if (!is_str(v)) return 0;
  Str *s = v_str(v);
  return str_index(vm, s, offset < s->size ? offset : s->size);
}

tiny_val tiny_str_slice(tiny_vm *vm, tiny_val v, size_t start, size_t end) {
  if (!want(vm, is_str(v), "str", v)) return V_FAIL;
  Str *s = v_str(v);
  if (end > s->size) end = s->size;
  if (start >= end) return api_pin(vm, v_from_str(str_new(vm, "", 0)));
  if (end - start == s->size && s->head.type == &str_type) return v;
  return api_pin(vm, v_from_str(str_new(vm, s->data + start, end - start)));
}

const void *tiny_to_bytes(tiny_vm *vm, tiny_val v, size_t *len) {
  View view = {NULL, 0};
  if (len) *len = 0;
  if (!api_ready1(vm, v) || !bytes_need_view(vm, v, &view)) return NULL;
  if (len) *len = view.size;
  return view.data ? view.data : (const uint8_t *)"";
}

tiny_val tiny_bytes_room(tiny_vm *vm, size_t len) {
  Bytes *b = bytes_room(vm, len);
  return b ? api_pin(vm, v_from_obj(b)) : V_FAIL;
}

tiny_val tiny_bytes_cut(tiny_vm *vm, tiny_val bytes, size_t len) {
  if (!want(vm, is_bytes(bytes), "bytes object", bytes)) return V_FAIL;
  if (len >= v_bytes(bytes)->size) return bytes;
  if (len == 0) return tiny_bytes(vm, "", 0);
  bytes_cut(v_bytes(bytes), len);
  return bytes;
}

void *tiny_bytes_data(tiny_vm *vm, tiny_val bytes) {
  (void)vm;
  return is_bytes(bytes) ? v_bytes(bytes)->data : is_bytearray(bytes) ? bytearray_data(v_bytearray(bytes)) : NULL;
}

int tiny_seq_len(tiny_val v) {
  size_t n;
  if (is_list(v)) n = v_list(v)->length;
  else if (is_tuple(v)) n = v_tuple(v)->length;
  else return -1;
  return n > INT32_MAX ? INT32_MAX : (int)n;
}

tiny_val tiny_seq_item(tiny_val v, int i) {
  if (i < 0 || i >= tiny_seq_len(v)) return V_ABSENT;
  return is_list(v) ? v_list(v)->items[i] : v_tuple(v)->items[i];
}

bool tiny_dict_next(tiny_vm *vm, tiny_val dict, size_t *pos, tiny_val *key, tiny_val *value) {
  (void)vm;
  return is_dict(dict) && dict_next(v_dict(dict), pos, key, value);
}

/* ---- messages */

static bool add_value(VM *vm, Buf *b, Value v, char how) {
  Value s = !api_takes(vm, v) ? V_FAIL : how == 'R' ? rt_repr(vm, v) : rt_str(vm, v);
  if (v_failed(s)) return false;
  buf_add(b, v_str(s)->data, v_str(s)->size);
  return true;
}

static void add_text(Buf *b, const char *s, long precision) {
  if (!s) s = "(null)";
  size_t n = 0;
  while (s[n] && (precision < 0 || n < (size_t)precision)) n++;
  while (precision >= 0 && s[n] && n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80) n--; /* not in the middle of a character */
  buf_add(b, s, n);
}

/* One conversion after '%'; fmt points behind the '%'; returns the place behind it, NULL: an exception is pending. */
static const char *convert(VM *vm, Buf *b, const char *fmt, va_list *ap) {
  long precision = -1;
  int size = 0; /* 1 long, 2 long long, 3 size_t */
  char text[40];
  if (*fmt == '.') {
    precision = 0;
    for (fmt++; *fmt >= '0' && *fmt <= '9'; fmt++) precision = precision * 10 + (*fmt - '0');
  }
  for (; *fmt == 'l' || *fmt == 'z'; fmt++) size = *fmt == 'z' ? 3 : size + 1;
  switch (*fmt) {
    case 's': add_text(b, va_arg(*ap, const char *), precision); break;
    case 'd': case 'i': {
      long long v = size == 3 ? (long long)va_arg(*ap, ptrdiff_t) : size == 2 ? va_arg(*ap, long long) : size == 1 ? va_arg(*ap, long) : va_arg(*ap, int);
      buf_printf(b, "%lld", v);
      break;
    }
    case 'u': case 'x': {
      unsigned long long v = size == 3 ? va_arg(*ap, size_t) : size == 2 ? va_arg(*ap, unsigned long long) : size == 1 ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned);
      buf_printf(b, *fmt == 'u' ? "%llu" : "%llx", v);
      break;
    }
    case 'c': buf_char(b, (char)va_arg(*ap, int)); break;
    case 'p': buf_printf(b, "0x%llx", (unsigned long long)(uintptr_t)va_arg(*ap, void *)); break;
    case 'g': buf_add(b, text, (size_t)dtoa_repr(va_arg(*ap, double), text)); break;
    case 'R': case 'S':
      if (!add_value(vm, b, va_arg(*ap, tiny_val), *fmt)) return NULL;
      break;
    case 'T': buf_str(b, tiny_type_name(vm, va_arg(*ap, tiny_val))); break;
    case '%': buf_char(b, '%'); break;
    default: buf_char(b, '%'); return fmt; /* unknown: shown as it stands */
  }
  return fmt + 1;
}

static Value vformat(VM *vm, const char *fmt, va_list *ap) {
  Buf b;
  buf_init(&b, &vm->mem);
  while (*fmt) {
    const char *p = fmt;
    while (*p && *p != '%') p++;
    buf_add(&b, fmt, (size_t)(p - fmt));
    if (!*p) break;
    fmt = convert(vm, &b, p + 1, ap);
    if (!fmt) {
      buf_free(&b);
      return V_FAIL;
    }
  }
  size_t bad;
  const char *reason;
  size_t at = utf8_check(b.data ? b.data : "", b.len, true, &bad, &reason);
  while (at < b.len) { /* bytes of the host that are no UTF-8 show as question marks */
    b.data[at] = '?';
    at = utf8_check(b.data, b.len, true, &bad, &reason);
  }
  return v_from_str(str_from_buf(vm, &b));
}

tiny_val tiny_format(tiny_vm *vm, const char *fmt, ...) {
  if (!api_ready(vm)) return V_FAIL;
  va_list ap;
  va_start(ap, fmt);
  Value v = vformat(vm, fmt, &ap);
  va_end(ap);
  return api_pin(vm, v);
}

tiny_val tiny_raise(tiny_vm *vm, tiny_exc type, const char *fmt, ...) {
  tiny_clear_error(vm); /* it is replaced */
  va_list ap;
  va_start(ap, fmt);
  Value v = vformat(vm, fmt, &ap);
  va_end(ap);
  if (v_failed(v)) return V_FAIL;
  const Type *cls = exc_type_by_id(type);
  return rt_raise_with(vm, cls ? cls : &exc_SystemError, v);
}
