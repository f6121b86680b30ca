/* The % operator of str, bytes and bytearray (library reference, "printf-style String Formatting"; PEP 461).
 *
 * Arguments of builtin types are formatted here. When an argument is an instance of a script's class (__str__, __repr__, __int__,
 * __getitem__ of a mapping may be script code), nothing has happened yet that anybody could see: the C code gives up, and a tail call of frozen
 * code (_str_percent_run) first turns those arguments into builtin values; then the formatting runs here again, with them. */
#include "vm/objects/str_build.h"
#include "vm/objects/class.h"
#include "vm/objects/format.h"

typedef struct Percent {
  VM *vm;
  const char *f;   /* the format */
  size_t n, i;
  bool bytes;
  Value args;      /* what was given */
  Value single;    /* the argument when it is no tuple; V_ABSENT: taken */
  Value mapping;   /* V_ABSENT: %(key) is not allowed */
  size_t next;     /* next item of the tuple */
  Value *keep;     /* rooted slots for the argument at hand and its key */
  bool converted;  /* second time: the arguments are as builtin as they get */
  bool lenient;    /* second time, of a mapping: keys are skipped, arguments left over are no error */
  bool gave_up;
  Buf out;
} Percent;

typedef struct Spec { unsigned flags; int64_t width, prec; char type; bool from_key; } Spec;

static bool is_mapping(VM *vm, Value v) {
  if (is_tuple(v) || is_str(v)) return false;
  const Type *t = type_of(v);
  if (!type_is_heap(t)) return t->getitem != NULL;
  Str *name = NAME(vm, __getitem__);
  return name && !v_absent(rt_type_lookup(vm, t, name));
}

static bool next_arg(Percent *p, Value *out) {
  if (is_tuple(p->args)) {
    if (p->next < v_tuple(p->args)->length) {
      *out = v_tuple(p->args)->items[p->next++];
      return true;
    }
  } else if (!v_absent(p->single)) {
    *out = p->single;
    p->single = V_ABSENT;
    return true;
  }
  return rt_raise_b(p->vm, &exc_TypeError, "not enough arguments for format string");
}

/* False, without an exception: v has to be converted by script code first. */
static bool plain(Percent *p, Value v) {
  if (p->converted || !type_is_heap(type_of(v))) return true;
  p->gave_up = true;
  return false;
}

/* ---- reading a conversion ---- */

static bool incomplete(Percent *p) { return rt_raise_b(p->vm, &exc_ValueError, "incomplete format"); }

/* %(key): the argument comes from the mapping. p->i is behind the '('. [script] */
static bool read_key(Percent *p) {
  VM *vm = p->vm;
  if (v_absent(p->mapping) && !p->lenient) return rt_raise_b(vm, &exc_TypeError, "format requires a mapping");
  size_t start = p->i;
  int depth = 1;
  while (p->i < p->n && depth > 0) {
    char c = p->f[p->i++];
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
  }
  if (depth > 0) return rt_raise_b(vm, &exc_ValueError, "incomplete format key");
  size_t size = p->i - 1 - start;
  if (p->lenient) return next_arg(p, p->keep); /* second run: the values stand in the tuple */
  Value key = p->bytes ? v_from_bytes(bytes_new(vm, p->f + start, size)) : v_from_str(str_new(vm, p->f + start, size));
  if (v_failed(key)) return false;
  p->keep[1] = key;
  p->single = V_ABSENT; /* the mapping is used up as an argument */
  if (!plain(p, p->mapping)) return false;
  *p->keep = rt_getitem(vm, p->mapping, key);
  if (v_failed(*p->keep)) {
    *p->keep = V_NONE;
    return false;
  }
  return true;
}

/* Digits or '*' of a width or a precision. [script] never: '*' wants an int. */
static bool read_number(Percent *p, int64_t *out, const char *what) {
  VM *vm = p->vm;
  if (p->i < p->n && p->f[p->i] == '*') {
    Value v;
    p->i++;
    if (!next_arg(p, &v)) return false;
    if (!is_int(v)) return rt_raise_b(vm, &exc_TypeError, "* wants int");
    if (!int_to_i64(v, out)) return rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C %s", what[0] == 'w' ? "ssize_t" : "int");
    if (what[0] == 'p' && *out > INT32_MAX) return rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C int");
    return true;
  }
  int64_t n = 0;
  for (; p->i < p->n && p->f[p->i] >= '0' && p->f[p->i] <= '9'; p->i++) {
    if (n > (INT64_MAX - 9) / 10 || (what[0] == 'p' && n > (INT32_MAX - 9) / 10)) return rt_raise_b(vm, &exc_ValueError, "%s too big", what);
    n = n * 10 + (p->f[p->i] - '0');
  }
  *out = n;
  return true;
}

static bool read_spec(Percent *p, Spec *s) {
  *s = (Spec){.width = -1, .prec = -1};
  if (p->i < p->n && p->f[p->i] == '(') {
    p->i++;
    s->from_key = true;
    if (!read_key(p)) return false;
  }
  for (; p->i < p->n; p->i++) {
    char c = p->f[p->i];
    if (c == '-') s->flags |= PF_LEFT;
    else if (c == '+') s->flags |= PF_SIGN;
    else if (c == ' ') s->flags |= PF_SPACE;
    else if (c == '#') s->flags |= PF_ALT;
    else if (c == '0') s->flags |= PF_ZERO;
    else break;
  }
  if (p->i < p->n && (p->f[p->i] == '*' || (p->f[p->i] >= '0' && p->f[p->i] <= '9'))) {
    if (!read_number(p, &s->width, "width")) return false;
    if (s->width < 0) {
      s->flags |= PF_LEFT;
      s->width = s->width == INT64_MIN ? INT64_MAX : -s->width;
    }
  }
  if (p->i < p->n && p->f[p->i] == '.') {
    p->i++;
    if (!read_number(p, &s->prec, "prec")) return false;
    if (s->prec < 0) s->prec = 0;
  }
  if (p->i < p->n && (p->f[p->i] == 'h' || p->f[p->i] == 'l' || p->f[p->i] == 'L')) p->i++;
  if (p->i >= p->n) return incomplete(p);
  s->type = p->f[p->i++];
  return true;
}

/* ---- conversions ---- */

static bool add_text(Percent *p, const Spec *s, const char *text, size_t size) {
  if (s->width < 0 && s->prec < 0) {
    buf_add(&p->out, text, size);
    return true;
  }
  if (!p->bytes) return format_percent_str(p->vm, &p->out, text, size, s->flags, s->width, s->prec);
  if (s->prec >= 0 && size > (uint64_t)s->prec) size = (size_t)s->prec;
  size_t fill = s->width > 0 && (uint64_t)s->width > size ? (size_t)s->width - size : 0;
  if (fill > TEXT_MAX - p->out.len || !rt_charge(p->vm, fill >> 9)) return rt_pending(p->vm) ? false : (rt_no_memory(p->vm), false);
  if (!(s->flags & PF_LEFT)) buf_fill(&p->out, ' ', fill);
  buf_add(&p->out, text, size);
  if (s->flags & PF_LEFT) buf_fill(&p->out, ' ', fill);
  return true;
}

static bool add_str(Percent *p, const Spec *s, Value v) {
  if (v_failed(v)) return false;
  return add_text(p, s, v_str(v)->data, v_str(v)->size);
}

static bool add_bytes(Percent *p, const Spec *s, Value v) {
  VM *vm = p->vm;
  View view;
  if (!bytes_view(v, &view)) {
    Str *name = NAME(vm, __bytes__);
    if (!name) return false;
    Value method = type_is_heap(type_of(v)) ? rt_special(vm, v, name) : V_ABSENT;
    if (v_failed(method)) return false;
    if (v_absent(method)) return rt_raise_b(vm, &exc_TypeError, "%%b requires a bytes-like object, or an object that implements __bytes__, not '%T'", v);
    Value r = rt_call(vm, method, 0, NULL);
    if (v_failed(r)) return false;
    if (!is_bytes(r)) return rt_raise_b(vm, &exc_TypeError, "__bytes__ returned non-bytes (type %T)", r);
    bytes_view(r, &view);
  }
  return add_text(p, s, (const char *)view.data, view.size);
}

/* CPython's conversions put their own message in the place of a TypeError, whatever raised it. True: there was one, and it is gone. */
static bool was_type_error(VM *vm) {
  if (!rt_pending_is(vm, &exc_TypeError)) return false;
  (void)rt_take_exc(vm);
  return true;
}

static bool add_char(Percent *p, const Spec *spec, Value v) {
  VM *vm = p->vm;
  Spec no_prec = *spec, *s = &no_prec;
  no_prec.prec = -1;
  char text[4];
  int64_t c;
  View view;
  if (p->bytes && bytes_view(v, &view) && !v_is_exact(v, &memoryview_type)) {
    if (view.size != 1) return rt_raise_b(vm, &exc_TypeError, "%%c requires an integer in range(256) or a single byte");
    return add_text(p, s, (const char *)view.data, 1);
  }
  if (!p->bytes && is_str(v)) {
    if (v_str(v)->length != 1) return rt_raise_b(vm, &exc_TypeError, "%%c requires int or char");
    return add_text(p, s, v_str(v)->data, v_str(v)->size);
  }
  if (!is_int(v)) {
    bool is_index;
    bool ok = str_index_arg(vm, v, &c, &is_index);
    if (!ok && !was_type_error(vm)) return false;
    if (!ok || !is_index) return rt_raise_b(vm, &exc_TypeError, p->bytes ? "%%c requires an integer in range(256) or a single byte" : "%%c requires int or char");
  } else if (!int_to_i64(v, &c)) {
    c = -1;
  }
  if (c < 0 || c > (p->bytes ? 255 : 0x10FFFF)) return rt_raise_b(vm, &exc_OverflowError, p->bytes ? "%%c arg not in range(256)" : "%%c arg not in range(0x110000)");
  if (p->bytes) text[0] = (char)c;
  return add_text(p, s, text, p->bytes ? 1 : (size_t)utf8_encode((uint32_t)c, text));
}

/* The int of a %d %x argument. [script] through __int__ and __index__. */
static bool to_int(Percent *p, char type, Value *v) {
  VM *vm = p->vm;
  bool real = type == 'd' || type == 'i' || type == 'u';
  if (is_int(*v)) return true;
  if (is_float(*v) && real) {
    *v = int_from_double(vm, v_float_value(*v));
    return !v_failed(*v);
  }
  Value r = V_ABSENT;
  if (type_is_heap(type_of(*v))) {
    Str *name = real ? NAME(vm, __int__) : NAME(vm, __index__);
    Value method = name ? rt_special(vm, *v, name) : V_FAIL;
    if (v_failed(method)) return false;
    if (!v_absent(method)) r = rt_call(vm, method, 0, NULL);
    else if (real) {
      name = NAME(vm, __index__);
      if (!name) return false;
      if (!v_absent(rt_type_lookup(vm, type_of(*v), name))) r = rt_index_obj(vm, *v);
    }
    if (v_failed(r) && !was_type_error(vm)) return false;
    if (v_failed(r) || !is_int(r)) r = V_ABSENT;
  }
  if (v_absent(r)) return rt_raise_b(vm, &exc_TypeError, "%%%c format: %s is required, not %T", p->bytes && type == 'i' ? 'd' : type, real ? "a real number" : "an integer", *v);
  *v = r;
  return true;
}

static bool unsupported(Percent *p, char type) {
  size_t at = p->i - 1;
  unsigned c = (unsigned char)type;
  if (!p->bytes && c >= 0x80) {
    const char *next;
    c = utf8_decode(p->f + at, &next);
  }
  size_t index = p->bytes ? at : utf8_count(p->f, at);
  return rt_raise_b(p->vm, &exc_ValueError, "unsupported format character '%c' (0x%x) at index %zu", c > 31 && c < 127 ? (int)c : '?', c, index);
}

static bool add_small(Percent *p, Value v) {
  char digits[20];
  buf_add(&p->out, digits, str_int_digits(v_int(v), digits));
  return true;
}

static bool convert(Percent *p, const Spec *s) {
  VM *vm = p->vm;
  double d;
  if (!s->from_key && !next_arg(p, p->keep)) return false;
  Value v = *p->keep;
  if (!plain(p, v)) return false;
  switch (s->type) {
    case 's':
      if (p->bytes) return add_bytes(p, s, v);
      if (v_is_int(v) && s->width < 0 && s->prec < 0) return add_small(p, v);
      return add_str(p, s, v_is_exact(v, &str_type) ? v : rt_str(vm, v));
    case 'b': return p->bytes ? add_bytes(p, s, v) : unsupported(p, s->type);
    case 'r': return add_str(p, s, p->bytes ? rt_ascii(vm, v) : rt_repr(vm, v));
    case 'a': return add_str(p, s, rt_ascii(vm, v));
    case 'c': return add_char(p, s, v);
    case 'd': case 'i': case 'u': case 'o': case 'x': case 'X':
      if (v_is_int(v) && s->width < 0 && s->prec < 0 && s->flags == 0 && s->type == 'd') return add_small(p, v);
      return to_int(p, s->type, &v) && format_percent_int(vm, &p->out, v, s->type, s->flags, s->width, s->prec);
    case 'e': case 'E': case 'f': case 'F': case 'g': case 'G':
      if (is_float(v)) d = v_float_value(v);
      else if (p->bytes && !is_int(v) && !type_is_heap(type_of(v))) return rt_raise_b(vm, &exc_TypeError, "float argument required, not %T", v);
      else if (!rt_to_double(vm, v, &d)) return p->bytes && was_type_error(vm) ? rt_raise_b(vm, &exc_TypeError, "float argument required, not %T", v) : false;
      return format_percent_float(vm, &p->out, d, s->type, s->flags, s->width, s->prec);
    default: return unsupported(p, s->type);
  }
}

static bool run(Percent *p) {
  VM *vm = p->vm;
  Spec s;
  p->keep = rt_temp(vm, 2);
  if (!p->keep) return false;
  p->single = is_tuple(p->args) ? V_ABSENT : p->args;
  p->mapping = is_mapping(vm, p->args) && !(p->bytes && (is_bytes(p->args) || is_bytearray(p->args))) ? p->args : V_ABSENT;
  while (p->i < p->n) {
    const char *start = p->f + p->i, *mark = memchr(start, '%', p->n - p->i);
    size_t literal = mark ? (size_t)(mark - start) : p->n - p->i;
    buf_add(&p->out, start, literal);
    p->i += literal;
    if (!mark) break;
    p->i++;
    if (p->i < p->n && p->f[p->i] == '%') { /* only "%%": with flags it is an unsupported conversion */
      buf_char(&p->out, '%');
      p->i++;
      continue;
    }
    if (!read_spec(p, &s) || !convert(p, &s)) return false;
    if (p->out.failed) return rt_no_memory(vm), false;
  }
  bool left = is_tuple(p->args) ? p->next < v_tuple(p->args)->length : !v_absent(p->single);
  if (left && v_absent(p->mapping) && !p->lenient) {
    return rt_raise_b(vm, &exc_TypeError, "not all arguments converted during %s formatting", p->bytes ? "bytes" : "string");
  }
  return true;
}

/* ---- with script code: the plan ---- */

static Value render(VM *vm, Args *a);
static const tiny_def render_def = {"render", render, "(format, args, lenient, /)", NULL};

/* (conversion, key or None); a '*' is an entry of its own. */
static bool plan_add(Percent *p, List *plan, char type, Value key) {
  Value conversion = v_from_str(str_ascii_char(p->vm, (unsigned char)type));
  Tuple *t = v_failed(conversion) || v_failed(key) ? NULL : tuple_pair(p->vm, conversion, key);
  return t && list_append(p->vm, plan, v_from_obj(t));
}

/* One conversion of the format at p->i (behind the '%'): adds its entries, and its text to p->out (r and a as s). False with no exception:
   the rest is wrong; the second run will say so. */
static bool plan_one(Percent *p, List *plan) {
  VM *vm = p->vm;
  Value key = V_NONE;
  size_t start = p->i;
  if (p->f[p->i] == '(') {
    int depth = 1;
    while (++p->i < p->n && depth > 0) depth += p->f[p->i] == '(' ? 1 : p->f[p->i] == ')' ? -1 : 0;
    if (depth > 0 || v_absent(p->mapping)) return p->i = start, false;
    size_t size = p->i - start - 2;
    key = p->bytes ? v_from_bytes(bytes_new(vm, p->f + start + 1, size)) : v_from_str(str_new(vm, p->f + start + 1, size));
  }
  while (p->i < p->n && memchr("-+ #0123456789.*hlL", p->f[p->i], 19)) {
    if (p->f[p->i++] == '*' && !plan_add(p, plan, '*', V_NONE)) return false;
  }
  if (p->i == p->n) return p->i = start, false;
  char type = p->f[p->i++];
  if ((unsigned char)type >= 0x80) type = '?';
  buf_add(&p->out, p->f + start, p->i - 1 - start);
  buf_char(&p->out, type == 'r' || type == 'a' ? 's' : p->f[p->i - 1]);
  return plan_add(p, plan, type, key);
}

static Value tail(Percent *p) {
  VM *vm = p->vm;
  List *plan = list_new(vm, NULL, 0);
  Native *native = native_new(vm, &render_def, NATIVE_FUNCTION, NULL, V_ABSENT, V_NONE);
  buf_free(&p->out);
  buf_init(&p->out, &vm->mem);
  p->i = 0;
  while (plan && p->i < p->n) {
    char c = p->f[p->i++];
    buf_char(&p->out, c);
    if (c != '%' || p->i == p->n) continue;
    if (p->f[p->i] == '%') buf_char(&p->out, p->f[p->i++]);
    else if (!plan_one(p, plan)) break;
  }
  buf_add(&p->out, p->f + p->i, p->n - p->i);
  Value format = p->bytes ? v_from_bytes(bytes_from_buf(vm, &p->out)) : v_from_str(str_from_buf(vm, &p->out));
  Tuple *args = is_tuple(p->args) ? v_tuple(p->args) : tuple_new(vm, &p->args, 1);
  if (rt_pending(vm) || !args || v_failed(format)) return V_FAIL;
  Value argv[5] = {format, v_from_obj(plan), v_from_obj(args), v_absent(p->mapping) ? V_NONE : p->mapping, v_from_obj(native)};
  return rt_tail_builtin(vm, "_str_percent_run", 5, argv);
}

/* Runs p; what the caller makes of p->out is its own matter. */
static bool begin(Percent *p) {
  size_t mark = rt_temp_mark(p->vm);
  buf_init(&p->out, &p->vm->mem);
  buf_reserve(&p->out, p->n + 32);
  bool ok = run(p);
  rt_temp_release(p->vm, mark);
  return ok;
}

static Value finish_str(Percent *p, bool ok) {
  if (ok) return v_from_str(str_from_buf(p->vm, &p->out));
  if (p->gave_up && !rt_pending(p->vm)) return tail(p);
  buf_free(&p->out);
  return V_FAIL;
}

static Value finish_bytes(Percent *p, bool ok) {
  if (ok) return v_from_bytes(bytes_from_buf(p->vm, &p->out));
  if (p->gave_up && !rt_pending(p->vm)) return tail(p);
  buf_free(&p->out);
  return V_FAIL;
}

/* Called by frozen code with the converted arguments. */
static Value render(VM *vm, Args *a) {
  Percent p = {.vm = vm, .args = a->v[1], .converted = true, .lenient = v_same(a->v[2], V_TRUE)};
  if (is_bytes(a->v[0])) {
    p.bytes = true;
    p.f = (const char *)v_bytes(a->v[0])->data;
    p.n = v_bytes(a->v[0])->size;
    return finish_bytes(&p, begin(&p));
  }
  p.f = str_cstr(vm, v_str(a->v[0]));
  p.n = v_str(a->v[0])->size;
  return p.f ? finish_str(&p, begin(&p)) : V_FAIL;
}

Value str_percent(VM *vm, Str *fmt, Value args) {
  if (!str_cstr(vm, fmt) || !charge_bytes(vm, fmt->size)) return V_FAIL; /* stable: not in a shared buffer */
  Percent p = {.vm = vm, .f = fmt->data, .n = fmt->size, .args = args};
  return finish_str(&p, begin(&p));
}

Value bytes_percent(VM *vm, View fmt, bool bytearray, Value args) {
  Percent p = {.vm = vm, .n = fmt.size, .bytes = true, .converted = bytearray, .args = args};
  char *copy = mem_alloc(&vm->mem, fmt.size + 1); /* a bytearray may change under a script's __bytes__ */
  if (!copy) return rt_no_memory(vm);
  if (fmt.size) memcpy(copy, fmt.data, fmt.size);
  p.f = copy;
  Value r = finish_bytes(&p, begin(&p));
  mem_free(&vm->mem, copy, fmt.size + 1);
  if (!bytearray || v_failed(r)) return r;
  ByteArray *b = bytearray_new(vm, v_bytes(r)->data, v_bytes(r)->size);
  return b ? v_from_obj(b) : V_FAIL;
}
