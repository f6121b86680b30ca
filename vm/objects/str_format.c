/* str.format and str.format_map (library reference, "Format String Syntax"; PEP 3101).
 *
 * [script] may run for each field: attribute and item lookup, __format__, __str__, __repr__. The value of the field at hand lies in a
 * rooted slot; the format text is immutable and made stable before the start. */
#include "vm/objects/str_build.h"
#include "vm/objects/dict.h"

enum { NUMBERING_UNKNOWN, NUMBERING_AUTO, NUMBERING_MANUAL };

typedef struct Formatter {
  VM *vm;
  Tuple *args;     /* NULL: format_map */
  Value kwargs;    /* dict, or the mapping */
  int numbering;
  size_t next;     /* automatic number */
} Formatter;

/* One replacement field as text: {name!conversion:spec}. */
typedef struct Field {
  const char *name, *name_end;
  const char *spec, *spec_end;
  uint32_t conversion;
  bool nested;     /* the spec has fields of its own */
} Field;

static bool value_error(VM *vm, const char *message) { return rt_raise_b(vm, &exc_ValueError, "%s", message); }

/* ---- taking the text apart ---- */

/* *p is behind the '{'; reads up to and including the matching '}'. */
static bool read_field(VM *vm, const char **p, const char *end, Field *f) {
  const char *s = *p;
  bool bracket = false;
  *f = (Field){.name = s};
  for (; s < end; s++) {
    if (*s == '{') return value_error(vm, "unexpected '{' in field name");
    if (*s == '[') bracket = true;
    else if (*s == ']') bracket = false;
    else if (!bracket && (*s == '}' || *s == ':' || *s == '!')) break;
  }
  f->name_end = f->spec = f->spec_end = s;
  if (s == end) return value_error(vm, "expected '}' before end of string");
  if (*s == '!') {
    if (++s == end) return value_error(vm, "end of string while looking for conversion specifier");
    f->conversion = utf8_decode(s, &s);
    if (s < end && *s == '}') {
      *p = s + 1;
      return true;
    }
    if (s < end && *s != ':') return value_error(vm, "expected ':' after conversion specifier");
    if (s == end) return value_error(vm, "unmatched '{' in format spec");
  }
  if (*s == '}') {
    *p = s + 1;
    return true;
  }
  int depth = 1;
  for (f->spec = ++s; s < end; s++) {
    if (*s == '{') depth++, f->nested = true;
    else if (*s == '}' && --depth == 0) break;
  }
  if (s == end) return value_error(vm, "unmatched '{' in format spec");
  f->spec_end = s;
  *p = s + 1;
  return true;
}

/* All digits: *out is the number; false, no exception: it is a name. */
static bool read_index(VM *vm, const char *s, const char *end, size_t *out, bool *failed) {
  size_t n = 0;
  *failed = false;
  if (s == end) return false;
  for (; s < end; s++) {
    const char *next;
    int digit = uc_decimal_value(utf8_decode(s, &next));
    if (digit < 0) return false;
    if (n > (size_t)(INT64_MAX / 10 - 1)) {
      *failed = true;
      return value_error(vm, "Too many decimal digits in format string");
    }
    n = n * 10 + (size_t)digit;
    s = next - 1;
  }
  *out = n;
  return true;
}

/* ---- finding the value ---- */

static bool set_numbering(Formatter *m, bool automatic) {
  int want = automatic ? NUMBERING_AUTO : NUMBERING_MANUAL;
  if (m->numbering == NUMBERING_UNKNOWN) m->numbering = want;
  if (m->numbering == want) return true;
  if (automatic) return value_error(m->vm, "cannot switch from manual field specification to automatic field numbering");
  return value_error(m->vm, "cannot switch from automatic field numbering to manual field specification");
}

/* The part of the name before the first '.' or '['. */
static bool first_value(Formatter *m, const char *s, const char *end, Value *out) {
  VM *vm = m->vm;
  size_t index;
  bool failed, numeric = read_index(vm, s, end, &index, &failed);
  if (failed) return false;
  if (numeric || s == end) {
    if (!set_numbering(m, s == end)) return false;
    if (s == end) index = m->next++;
    if (!m->args) return value_error(vm, "Format string contains positional fields");
    if (index >= m->args->length) return rt_raise_b(vm, &exc_IndexError, "Replacement index %zu out of range for positional args tuple", index);
    *out = m->args->items[index];
    return true;
  }
  Str *key = str_new(vm, s, (size_t)(end - s));
  if (!key) return false;
  if (!m->args) {
    *out = rt_getitem(vm, m->kwargs, v_from_obj(key));
    return !v_failed(*out);
  }
  *out = is_dict(m->kwargs) ? dict_get_str(vm, v_dict(m->kwargs), key) : V_ABSENT;
  if (v_absent(*out)) (void)rt_raise_with(vm, &exc_KeyError, v_from_obj(key)), *out = V_FAIL;
  return !v_failed(*out);
}

/* One .attribute or [item] at *s. */
static bool follow(VM *vm, const char **s, const char *end, Value *v) {
  const char *p = *s + 1, *start = p;
  Str *name;
  if (**s == '.') {
    while (p < end && *p != '.' && *p != '[') p++;
    *s = p;
    if (p == start) return value_error(vm, "Empty attribute in format string");
    name = str_intern(vm, start, (size_t)(p - start));
    *v = name ? rt_getattr(vm, *v, name) : V_FAIL;
    return !v_failed(*v);
  }
  if (**s != '[') return value_error(vm, "Only '.' or '[' may follow ']' in format field specifier");
  while (p < end && *p != ']') p++;
  if (p == end) return value_error(vm, "Missing ']' in format string");
  if (p == start) return value_error(vm, "Empty attribute in format string");
  *s = p + 1;
  size_t index;
  bool failed;
  Value key = V_FAIL;
  if (read_index(vm, start, p, &index, &failed)) key = int_from_i64(vm, (int64_t)index);
  else if (!failed) key = v_from_str(str_new(vm, start, (size_t)(p - start)));
  if (v_failed(key)) return false;
  *v = rt_getitem(vm, *v, key);
  return !v_failed(*v);
}

/* slot: rooted, gets the value. */
static bool field_value(Formatter *m, const Field *f, Value *slot) {
  const char *s = f->name;
  while (s < f->name_end && *s != '.' && *s != '[') s++;
  Value v = V_NONE;
  if (!first_value(m, f->name, s, &v)) return false;
  *slot = v;
  while (s < f->name_end) {
    if (!follow(m->vm, &s, f->name_end, &v)) return false;
    *slot = v;
  }
  return true;
}

static bool convert(VM *vm, uint32_t how, Value *slot) {
  Value v = V_NONE;
  if (how == 's') v = rt_str(vm, *slot);
  else if (how == 'r') v = rt_repr(vm, *slot);
  else if (how == 'a') v = rt_ascii(vm, *slot);
  else if (how > 32 && how < 127) return rt_raise_b(vm, &exc_ValueError, "Unknown conversion specifier '%c'", (int)how);
  else return rt_raise_b(vm, &exc_ValueError, "Unknown conversion specifier '\\x%x'", (unsigned)how);
  if (v_failed(v)) return false;
  *slot = v;
  return true;
}

/* ---- putting it together ---- */

static bool format_text(Formatter *m, const char *p, const char *end, int depth, Buf *out);

/* The spec of the field as a str, its own fields filled in. */
static Str *field_spec(Formatter *m, const Field *f, int depth) {
  size_t n = (size_t)(f->spec_end - f->spec);
  if (!f->nested) return str_new(m->vm, f->spec, n);
  Buf b;
  buf_init(&b, &m->vm->mem);
  if (format_text(m, f->spec, f->spec_end, depth - 1, &b)) return str_from_buf(m->vm, &b);
  buf_free(&b);
  return NULL;
}

static bool format_field(Formatter *m, const Field *f, int depth, Buf *out) {
  VM *vm = m->vm;
  size_t mark = rt_temp_mark(vm);
  Value *slot = rt_temp(vm, 2), text;
  if (!slot || !field_value(m, f, slot) || (f->conversion && !convert(vm, f->conversion, slot))) return false;
  if (f->spec == f->spec_end && v_is_exact(*slot, &str_type)) {
    text = *slot;
  } else {
    Str *spec = field_spec(m, f, depth);
    if (!spec) return false;
    slot[1] = v_from_obj(spec);
    text = rt_format_value(vm, slot[0], slot[1]);
    if (v_failed(text)) return false;
  }
  buf_add(out, v_str(text)->data, v_str(text)->size);
  rt_temp_release(vm, mark);
  return true;
}

static bool format_text(Formatter *m, const char *p, const char *end, int depth, Buf *out) {
  VM *vm = m->vm;
  if (depth < 0) return value_error(vm, "Max string recursion exceeded");
  while (p < end) {
    const char *run = p;
    while (p < end && *p != '{' && *p != '}') p++;
    buf_add(out, run, (size_t)(p - run));
    if (p == end) break;
    char c = *p++;
    if (p < end && *p == c) { /* doubled */
      buf_char(out, c);
      p++;
      continue;
    }
    if (c == '}') return value_error(vm, "Single '}' encountered in format string");
    if (p == end) return value_error(vm, "Single '{' encountered in format string");
    Field f;
    if (!read_field(vm, &p, end, &f) || !format_field(m, &f, depth, out)) return false;
    if (out->failed) return rt_no_memory(vm), false;
  }
  return true;
}

static Value format(VM *vm, Str *s, Tuple *args, Value kwargs) {
  if (!str_cstr(vm, s) || !charge_bytes(vm, s->size)) return V_FAIL; /* stable: not in a shared buffer */
  Formatter m = {.vm = vm, .args = args, .kwargs = kwargs};
  Buf out;
  size_t mark = rt_temp_mark(vm);
  buf_init(&out, &vm->mem);
  bool ok = format_text(&m, s->data, s->data + s->size, 1, &out);
  rt_temp_release(vm, mark);
  if (ok) return v_from_str(str_from_buf(vm, &out));
  buf_free(&out);
  return V_FAIL;
}

Value str_m_format(VM *vm, Args *a) { return format(vm, v_str(a->v[0]), v_tuple(a->v[1]), a->v[2]); }
Value str_m_format_map(VM *vm, Args *a) { return format(vm, v_str(a->v[0]), NULL, a->v[1]); }
