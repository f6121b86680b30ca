/* str as a type: construction, the slots, the iterator. */
#include "vm/objects/str_build.h"
#include "vm/attr.h"
#include "vm/objects/class.h"
#include "vm/objects/format.h"

static void str_trace(Tracer *t, Obj *o) {
  Str *s = (Str *)o;
  if (s->extra) gc_mark_obj(t, s->extra->buffer);
}

/* ---- construction ---- */

/* An instance of a script's subclass. */
static Value subclass_instance(VM *vm, const Type *cls, Str *text) {
  if (text->size > TEXT_MAX - sizeof(Str)) return str_too_long(vm);
  Str *s = gc_new(vm, cls, sizeof(Str) + text->size + 1);
  if (!s) return V_FAIL;
  memcpy(s->text, text->data, text->size);
  s->data = s->text;
  s->size = text->size;
  s->length = text->length;
  return v_from_obj(s);
}

/* str(v) that ends in C code only: nothing of a script's class is involved. */
static bool plain_str(Value v) { return !type_is_heap(type_of(v)) && !v_has_layout(v, LAY_EXCEPTION); }

static Value then_str(VM *vm, Value state, tiny_outcome how, Value v) {
  (void)state;
  if (how == TINY_RAISED) return rt_raise_obj(vm, v);
  return is_str(v) ? v : rt_raise(vm, &exc_TypeError, "__str__ returned non-string (type %T)", v);
}

/* str(object): what a script's class says, asked without a C frame in between. */
static Value str_by_script(VM *vm, Value object) {
  const Type *t = type_of(object);
  Value f = attr_override(vm, t, NAME(vm, __str__));
  if (v_absent(f) && t->layout == LAY_OBJECT) f = attr_override(vm, t, NAME(vm, __repr__));
  if (v_failed(f)) return V_FAIL;
  if (v_absent(f) || v_is_none(f)) return rt_tail_builtin(vm, "_str_of", 1, &object);
  return tiny_then_call(vm, then_str, V_NONE, f, 1, &object);
}

static Value str_new_(VM *vm, const Type *cls, Args *a) {
  Value object = a->v[0], text;
  bool decode = !v_absent(a->v[1]) || !v_absent(a->v[2]);
  if (v_absent(object)) {
    text = v_from_str(str_empty(vm));
  } else if (decode) {
    const char *encoding = "utf-8", *errors = "strict";
    if (!codec_arg(vm, a->v[1], "str() argument 'encoding'", &encoding) || !codec_arg(vm, a->v[2], "str() argument 'errors'", &errors)) return V_FAIL;
    text = str_decode_value(vm, object, encoding, errors);
    if (cls == &str_type) return codec_retry(vm, text, object, encoding, errors, false);
  } else if (v_is_exact(object, &str_type)) {
    text = object;
  } else if (plain_str(object)) {
    text = rt_str(vm, object);
  } else {
    if (cls != &str_type) return rt_tail_builtin(vm, "_str_new_sub", 2, (Value[]){rt_type_value(cls), object});
    return str_by_script(vm, object);
  }
  if (v_failed(text) || cls == &str_type) return text;
  return subclass_instance(vm, cls, v_str(text));
}

Value str_decode_value(VM *vm, Value object, const char *encoding, const char *errors) {
  View v;
  if (is_str(object)) return rt_raise(vm, &exc_TypeError, "decoding str is not supported");
  if (!bytes_view(object, &v)) return rt_raise(vm, &exc_TypeError, "decoding to str: need a bytes-like object, %T found", object);
  if (v.size == 0) return v_from_str(str_new(vm, "", 0)); /* whatever the encoding */
  return codec_decode(vm, v, object, encoding, errors);
}

/* ---- arguments ---- */

static bool has_index(VM *vm, Value v) {
  if (is_int(v)) return true;
  const Type *t = type_of(v);
  if (!type_is_heap(t)) return false;
  Str *name = NAME(vm, __index__);
  return name && !v_absent(rt_type_lookup(vm, t, name));
}

/* v has __index__: its value; *fits false when it is beyond int64. */
static bool index_value(VM *vm, Value v, int64_t *out, bool *fits) {
  if (!is_int(v)) {
    v = rt_index_obj(vm, v);
    if (v_failed(v)) return false;
  }
  *fits = int_to_i64(v, out);
  if (!*fits) *out = int_sign(v) < 0 ? INT64_MIN : INT64_MAX;
  return true;
}

bool str_slice_arg(VM *vm, Value v, int64_t *out) {
  if (v_is_int(v)) {
    *out = v_int(v);
    return true;
  }
  if (v_is_none(v) || v_absent(v)) return true;
  bool fits;
  if (!has_index(vm, v)) return !rt_pending(vm) && rt_raise_b(vm, &exc_TypeError, "slice indices must be integers or None or have an __index__ method");
  return index_value(vm, v, out, &fits);
}

bool str_index_arg(VM *vm, Value key, int64_t *out, bool *is_index) {
  bool fits;
  *is_index = has_index(vm, key);
  if (!*is_index) return !rt_pending(vm);
  if (!index_value(vm, key, out, &fits)) return false;
  return fits || rt_raise_b(vm, &exc_IndexError, "cannot fit '%T' into an index-sized integer", key);
}

bool str_size_arg(VM *vm, Value v, int64_t *out) {
  if (v_is_int(v)) {
    *out = v_int(v);
    return true;
  }
  bool fits;
  if (!has_index(vm, v)) return !rt_pending(vm) && rt_raise_b(vm, &exc_TypeError, "'%T' object cannot be interpreted as an integer", v);
  if (!index_value(vm, v, out, &fits)) return false;
  return fits || rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C ssize_t");
}

bool str_int_arg(VM *vm, Value v, int64_t *out) {
  bool fits = v_is_int(v);
  if (fits) *out = v_int(v);
  else if (!has_index(vm, v)) return !rt_pending(vm) && rt_raise_b(vm, &exc_TypeError, "'%T' object cannot be interpreted as an integer", v);
  else if (!index_value(vm, v, out, &fits)) return false;
  return (fits && *out >= INT32_MIN && *out <= INT32_MAX) || rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C int");
}

Value str_repeat_error(VM *vm, Value other) {
  return rt_raise(vm, &exc_TypeError, "can't multiply sequence by non-int of type '%T'", other);
}

int str_repeat_arg(VM *vm, Value v, int64_t *out) {
  bool fits;
  if (!has_index(vm, v)) return rt_pending(vm) ? -1 : 0;
  if (!index_value(vm, v, out, &fits)) return -1;
  if (!fits) return rt_raise_i(vm, &exc_OverflowError, "cannot fit '%T' into an index-sized integer", v);
  if (*out < 0) *out = 0;
  return 1;
}

bool str_plain_iterable(Value v) {
  if (!v_is_obj(v) || type_is_heap(type_of(v))) return false;
  switch (type_of(v)->layout) {
    case LAY_STR: case LAY_BYTES: case LAY_BYTEARRAY: case LAY_TUPLE: case LAY_LIST: case LAY_DICT: case LAY_SET: case LAY_FROZENSET: case LAY_RANGE: return true;
    default: return type_of(v) == &memoryview_type || type_of(v) == &list_iter_type || type_of(v) == &tuple_iter_type || type_of(v) == &str_iter_type || type_of(v) == &str_ascii_iter_type;
  }
}

bool str_is_iterable(VM *vm, Value v) {
  const Type *t = type_of(v);
  if (!type_is_heap(t)) return t->iter || t->getitem;
  Str *iter = NAME(vm, __iter__), *getitem = NAME(vm, __getitem__);
  if (!iter || !getitem) return true; /* the caller fails later */
  Value found = rt_type_lookup(vm, t, iter);
  return v_absent(found) ? !v_absent(rt_type_lookup(vm, t, getitem)) : !v_is_none(found);
}

/* ---- slots ---- */

static Value str_str(VM *vm, Value self) { return v_from_str(str_exact(vm, v_str(self))); }

static bool hash_slot(VM *vm, Value self, int64_t *out) {
  *out = str_hash(vm, v_str(self));
  return true;
}

Value str_compare(VM *vm, Value a, Value b, Compare op) {
  (void)vm;
  if (!is_str(b)) return V_NOTIMPL;
  Str *x = v_str(a), *y = v_str(b);
  switch (op) {
    case CO_EQ: return v_from_bool(str_equal(x, y));
    case CO_NE: return v_from_bool(!str_equal(x, y));
    case CO_LT: return v_from_bool(str_order(x, y) < 0);
    case CO_LE: return v_from_bool(str_order(x, y) <= 0);
    case CO_GT: return v_from_bool(str_order(x, y) > 0);
    case CO_GE: return v_from_bool(str_order(x, y) >= 0);
    default: return V_NOTIMPL;
  }
}

static int str_truth(VM *vm, Value self) {
  (void)vm;
  return v_str(self)->size != 0;
}
static int64_t str_length(VM *vm, Value self) {
  (void)vm;
  return (int64_t)v_str(self)->length;
}

/* Every step-th code point, step != 1. */
static Value stepped(VM *vm, Str *s, int64_t start, int64_t step, int64_t count) {
  if (count <= 0) return v_from_str(str_empty(vm));
  if (count == 1) return v_from_str(str_at(vm, s, (size_t)start));
  if (!rt_charge(vm, (uint64_t)count >> 5)) return V_FAIL;
  if (str_is_ascii(s)) {
    Str *r = str_alloc(vm, (size_t)count, (size_t)count);
    if (!r) return V_FAIL;
    const char *from = s->data + start;
    for (int64_t i = 0; i < count; i++) r->text[i] = from[i * step];
    return v_from_obj(r);
  }
  Buf b;
  buf_init(&b, &vm->mem);
  buf_reserve(&b, (size_t)count);
  for (int64_t i = 0; i < count && !b.failed; i++) {
    const char *p = s->data + str_offset(vm, s, (size_t)(start + i * step));
    buf_add(&b, p, (size_t)utf8_len((unsigned char)*p));
  }
  return v_from_str(str_from_buf(vm, &b));
}

static Value str_getitem(VM *vm, Value self, Value key) {
  Str *s = v_str(self);
  int64_t i;
  if (LIKELY(v_is_int(key))) {
    i = v_int(key);
  } else if (v_has_layout(key, LAY_SLICE)) {
    int64_t start, stop, step, count;
    if (!slice_indices(vm, (Slice *)v_obj(key), (int64_t)s->length, &start, &stop, &step, &count)) return V_FAIL;
    if (step == 1) return v_from_str(str_substr(vm, s, (size_t)start, (size_t)(start + count)));
    return stepped(vm, s, start, step, count);
  } else {
    bool is_index;
    if (!str_index_arg(vm, key, &i, &is_index)) return V_FAIL;
    if (!is_index) return rt_raise(vm, &exc_TypeError, "string indices must be integers, not '%T'", key);
  }
  if (i < 0) i += (int64_t)s->length;
  if (i < 0 || (uint64_t)i >= s->length) return rt_raise(vm, &exc_IndexError, "string index out of range");
  return v_from_str(str_at(vm, s, (size_t)i));
}

static int str_contains(VM *vm, Value self, Value item) {
  if (!is_str(item)) return rt_raise_i(vm, &exc_TypeError, "'in <string>' requires string as left operand, not %T", item);
  Str *s = v_str(self), *sub = v_str(item);
  if (!charge_bytes(vm, s->size)) return -1;
  return str_find_bytes(s->data, s->size, sub->data, sub->size) != SIZE_MAX;
}

static Value repeat(VM *vm, Str *s, int64_t times) {
  if (times == 0 || s->size == 0) return v_from_str(str_empty(vm));
  if (times == 1) return v_from_str(str_exact(vm, s));
  if (s->size > TEXT_MAX / (uint64_t)times) {
    if (s->size == 1) return str_too_long(vm);
    return rt_raise(vm, &exc_OverflowError, "repeated string is too long");
  }
  size_t size = s->size * (size_t)times;
  if (!charge_bytes(vm, size)) return V_FAIL;
  Str *r = str_alloc(vm, size, s->length * (size_t)times);
  if (!r) return V_FAIL;
  if (s->size == 1) {
    memset(r->text, s->data[0], size);
    return v_from_obj(r);
  }
  memcpy(r->text, s->data, s->size);
  for (size_t done = s->size; done < size;) { /* doubles what is there */
    size_t n = done <= size - done ? done : size - done;
    memcpy(r->text + done, r->text, n);
    done += n;
  }
  return v_from_obj(r);
}

Value str_binary(VM *vm, int op, Value a, Value b) {
  int64_t times;
  int r;
  switch (op) {
    case TINY_ADD:
      if (is_str(a) && is_str(b)) return v_from_str(str_concat(vm, v_str(a), v_str(b)));
      if (!is_str(a)) return V_NOTIMPL;
      return rt_raise(vm, &exc_TypeError, "can only concatenate str (not \"%T\") to str", b);
    case TINY_MUL:
      if (!is_str(a)) {
        Value swap = a;
        a = b;
        b = swap;
      }
      r = str_repeat_arg(vm, b, &times);
      return r < 0 ? V_FAIL : r == 0 ? str_repeat_error(vm, b) : repeat(vm, v_str(a), times);
    case TINY_MOD: return is_str(a) ? str_percent(vm, v_str(a), b) : V_NOTIMPL;
    default: return V_NOTIMPL;
  }
}

static Value str_format_slot(VM *vm, Value self, Str *spec) { return format_str(vm, self, spec); }

/* ---- repr ---- */

static void repr_escape(Buf *b, uint32_t c) {
  if (c < 0x100) buf_printf(b, "\\x%02x", (unsigned)c);
  else if (c < 0x10000) buf_printf(b, "\\u%04x", (unsigned)c);
  else buf_printf(b, "\\U%08x", (unsigned)c);
}

static bool plain_in_repr(unsigned char c, char quote) { return c >= 0x20 && c < 0x7F && c != '\\' && c != (unsigned char)quote; }

/* Single quotes unless that alone would need a backslash (library reference, repr()). */
static void repr_into(Buf *b, const char *p, const char *end) {
  char quote = memchr(p, '\'', (size_t)(end - p)) && !memchr(p, '"', (size_t)(end - p)) ? '"' : '\'';
  buf_char(b, quote);
  while (p < end && !b->failed) {
    const char *run = p;
    while (p < end && plain_in_repr((unsigned char)*p, quote)) p++;
    buf_add(b, run, (size_t)(p - run));
    if (p == end) break;
    const char *at = p;
    uint32_t c = utf8_decode(p, &p);
    if (c == '\n') buf_str(b, "\\n");
    else if (c == '\t') buf_str(b, "\\t");
    else if (c == '\r') buf_str(b, "\\r");
    else if (c == '\\' || c == (unsigned char)quote) buf_char(b, '\\'), buf_char(b, (char)c);
    else if (uc_is_printable(c)) buf_add(b, at, (size_t)(p - at));
    else repr_escape(b, c);
  }
  buf_char(b, quote);
}

Value str_repr(VM *vm, Value self) {
  Str *s = v_str(self);
  size_t i = 0;
  while (i < s->size && plain_in_repr((unsigned char)s->data[i], '\'')) i++;
  if (i == s->size && i <= TEXT_MAX - 1024) {
    Str *r = str_alloc(vm, s->size + 2, s->size + 2);
    if (!r) return V_FAIL;
    r->text[0] = r->text[s->size + 1] = '\'';
    memcpy(r->text + 1, s->data, s->size);
    return v_from_obj(r);
  }
  if (!rt_charge(vm, s->size >> 5)) return V_FAIL;
  Buf b;
  buf_init(&b, &vm->mem);
  repr_into(&b, s->data, s->data + s->size);
  return v_from_str(str_from_buf(vm, &b));
}

/* ---- iteration: SeqIter.at is a byte offset ---- */

static Value str_iter(VM *vm, Value self) { return seq_iter_new(vm, v_str(self)->size == v_str(self)->length ? &str_ascii_iter_type : &str_iter_type, self); }

static int str_iter_next(VM *vm, Value self, Value *item) {
  SeqIter *it = (SeqIter *)v_obj(self);
  if (v_absent(it->seq)) return 0;
  Str *s = v_str(it->seq);
  if (it->at >= s->size) {
    gc_store(vm, it, &it->seq, V_ABSENT);
    return 0;
  }
  unsigned char c = (unsigned char)s->data[it->at];
  size_t n = (size_t)utf8_len(c);
  Str *ch = n == 1 ? str_ascii_char(vm, c) : str_counted(vm, s->data + it->at, n, 1);
  if (!ch) return -1;
  it->at += n;
  *item = v_from_obj(ch);
  return 1;
}

static void seq_iter_trace(Tracer *t, Obj *o) { gc_mark(t, ((SeqIter *)o)->seq); }

#define STR_ITER_TYPE(id, python_name)                                                                                                               \
  const Type id##_type = {                                                                                                                           \
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = python_name, .base = &object_type, .layout = LAY_ITER,         \
    .flags = TYPE_NO_NEW, .shape_id = TYPE_ID_##id, .size = sizeof(SeqIter), .trace = seq_iter_trace, .iter = iter_self, .next = str_iter_next,      \
    .methods = iter_forward_methods,                                                                                                                 \
  }
STR_ITER_TYPE(str_iter, "str_iterator");
STR_ITER_TYPE(str_ascii_iter, "str_ascii_iterator");

const Type str_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
  .name = "str",
  .base = &object_type,
  .layout = LAY_STR,
  .flags = TYPE_BASE | TYPE_BARRIER,
  .shape_id = TYPE_ID_str,
  .size = sizeof(Str),
  .doc = "str(object='') -> str\nstr(bytes_or_buffer[, encoding[, errors]]) -> str\n\nThe text of an object, or text decoded from bytes.",
  .new_ = str_new_,
  .new_sig = "(object=..., encoding=..., errors=...)",
  .trace = str_trace,
  .repr = str_repr,
  .str = str_str,
  .hash = hash_slot,
  .compare = str_compare,
  .truth = str_truth,
  .length = str_length,
  .getitem = str_getitem,
  .contains = str_contains,
  .iter = str_iter,
  .binary = str_binary,
  .format = str_format_slot,
  .methods = str_methods,
};
