/* str.format and str.format_map (library reference, "Format String Syntax"; PEP 3101).
 *
 * Fields whose values are of builtin types are formatted here. As soon as a field meets an instance of a script's class (attribute and item
 * lookup, __format__, __str__, __repr__ may be script code) nothing has happened yet that anybody could see: the C code gives up, takes the
 * text apart into a plan of tuples instead, and frozen code (_str_format_run) carries that out, so that no script code runs above a C frame. */
#include "vm/objects/str_build.h"
#include "vm/objects/class.h"
#include "vm/objects/dict.h"

enum { NUMBERING_UNKNOWN, NUMBERING_AUTO, NUMBERING_MANUAL };

typedef struct Formatter {
  VM *vm;
  Tuple *args;     /* NULL: format_map */
  Value kwargs;    /* dict, or the mapping; V_ABSENT: no keywords */
  int numbering;
  size_t next;     /* automatic number */
  bool gave_up;    /* a value of a script's class was met */
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
    if (bracket) {
      bracket = *s != ']';
      continue;
    }
    if (*s == '{') return value_error(vm, "unexpected '{' in field name");
    if (*s == '[') bracket = true;
    else if (*s == '}' || *s == ':' || *s == '!') break;
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

/* False, without an exception, when v is an instance of a script's class. */
static bool plain(Formatter *m, Value v) {
  if (!type_is_heap(type_of(v))) return true;
  m->gave_up = true;
  return false;
}

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
static bool follow(Formatter *m, const char **s, const char *end, Value *v) {
  VM *vm = m->vm;
  const char *p = *s + 1, *start = p;
  Str *name;
  if (!plain(m, *v)) return false;
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
    if (!follow(m, &s, f->name_end, &v)) return false;
    *slot = v;
  }
  return plain(m, v);
}

static bool bad_conversion(VM *vm, uint32_t how) {
  if (how > 32 && how < 127) return rt_raise_b(vm, &exc_ValueError, "Unknown conversion specifier %c", (int)how);
  return rt_raise_b(vm, &exc_ValueError, "Unknown conversion specifier \\x%x", (unsigned)how);
}

static bool convert(VM *vm, uint32_t how, Value *slot) {
  Value v = V_NONE;
  if (how == 's') v = rt_str(vm, *slot);
  else if (how == 'r') v = rt_repr(vm, *slot);
  else if (how == 'a') v = rt_ascii(vm, *slot);
  else return bad_conversion(vm, how);
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

/* {}, {0} or {name} of a str or a small int: nothing to keep, nobody to ask. False: the long way, or an exception is pending. */
static bool simple_field(Formatter *m, const Field *f, Buf *out) {
  Value v = V_NONE;
  if (f->conversion || f->spec != f->spec_end || !m->args) return false;
  for (const char *s = f->name; s < f->name_end; s++) if (*s == '.' || *s == '[') return false;
  size_t next = m->next;
  if (!first_value(m, f->name, f->name_end, &v)) return false;
  char digits[20];
  if (v_is_exact(v, &str_type)) buf_add(out, v_str(v)->data, v_str(v)->size);
  else if (v_is_int(v)) buf_add(out, digits, str_int_digits(v_int(v), digits));
  else return m->next = next, false;
  return true;
}

static bool format_field(Formatter *m, const Field *f, int depth, Buf *out) {
  VM *vm = m->vm;
  if (simple_field(m, f, out)) return true;
  if (rt_pending(vm)) return false;
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

/* ---- the plan: a tuple of (literal, key, path, conversion, spec); key None: only the literal. An exception in the place of a key, of a
   path's name or of a conversion is raised when the work comes there ---- */

static Value plan_text(Formatter *m, const char *p, const char *end, int depth);

/* The ValueError just raised as a value of the plan. */
static Value planned_error(VM *vm) { return rt_pending_is(vm, &exc_ValueError) ? rt_take_exc(vm) : V_FAIL; }

static Value plan_key(Formatter *m, const char *s, const char *end) {
  VM *vm = m->vm;
  size_t index;
  bool failed, numeric = read_index(vm, s, end, &index, &failed);
  if (failed) return planned_error(vm);
  if (!numeric && s != end) return v_from_str(str_new(vm, s, (size_t)(end - s)));
  if (!set_numbering(m, s == end)) return planned_error(vm);
  if (s == end) index = m->next++;
  if (m->args) return int_from_i64(vm, (int64_t)index);
  value_error(vm, "Format string contains positional fields");
  return planned_error(vm);
}

/* (is_attribute, name) of one step at *s; is_attribute None: name is an exception. */
static Value plan_step(VM *vm, const char **s, const char *end) {
  const char *p = *s + 1, *start = p, *wrong = NULL;
  bool attribute = **s == '.', failed = false;
  size_t index;
  Value name = V_FAIL;
  if (attribute) while (p < end && *p != '.' && *p != '[') p++;
  else while (p < end && *p != ']') p++;
  if (!attribute && **s != '[') wrong = "Only '.' or '[' may follow ']' in format field specifier";
  else if (!attribute && p == end) wrong = "Missing ']' in format string";
  else if (p == start) wrong = "Empty attribute in format string";
  else if (!attribute && read_index(vm, start, p, &index, &failed)) name = int_from_i64(vm, (int64_t)index);
  else if (!failed) name = v_from_str(str_new(vm, start, (size_t)(p - start)));
  if (wrong) value_error(vm, wrong);
  *s = attribute || p == end ? p : p + 1;
  Value kind = v_from_bool(attribute);
  if (v_failed(name)) {
    name = planned_error(vm);
    kind = V_NONE;
    *s = end;
  }
  if (v_failed(name)) return V_FAIL;
  Tuple *t = tuple_pair(vm, kind, name);
  return t ? v_from_obj(t) : V_FAIL;
}

static Value list_as_tuple(VM *vm, List *list) {
  Tuple *t = list ? tuple_new(vm, list->items, list->length) : NULL;
  return t ? v_from_obj(t) : V_FAIL;
}

static Value plan_path(VM *vm, const char *s, const char *end) {
  List *steps = list_new(vm, NULL, 0);
  while (steps && s < end) {
    Value step = plan_step(vm, &s, end);
    if (v_failed(step) || !list_append(vm, steps, step)) return V_FAIL;
  }
  return list_as_tuple(vm, steps);
}

static Value plan_conversion(VM *vm, uint32_t how) {
  if (how == 0) return v_from_str(str_empty(vm));
  if (how == 's' || how == 'r' || how == 'a') return v_from_str(str_from_cp(vm, how));
  bad_conversion(vm, how);
  return planned_error(vm);
}

static bool plan_add(VM *vm, List *plan, Str *literal, Value key, Value path, Value conversion, Value spec) {
  if (!literal || v_failed(key) || v_failed(path) || v_failed(conversion) || v_failed(spec)) return false;
  Tuple *t = tuple_new(vm, (Value[]){v_from_obj(literal), key, path, conversion, spec}, 5);
  return t && list_append(vm, plan, v_from_obj(t));
}

static bool plan_field(Formatter *m, List *plan, Str *literal, const Field *f, int depth) {
  VM *vm = m->vm;
  const char *s = f->name;
  while (s < f->name_end && *s != '.' && *s != '[') s++;
  Value key = plan_key(m, f->name, s), path = v_failed(key) ? V_FAIL : plan_path(vm, s, f->name_end);
  Value conversion = v_failed(path) ? V_FAIL : plan_conversion(vm, f->conversion), spec = V_FAIL;
  if (v_failed(conversion)) return false;
  if (f->nested) spec = plan_text(m, f->spec, f->spec_end, depth - 1);
  else spec = v_from_str(str_new(vm, f->spec, (size_t)(f->spec_end - f->spec)));
  return plan_add(vm, plan, literal, key, path, conversion, spec);
}

static Value plan_text(Formatter *m, const char *p, const char *end, int depth) {
  VM *vm = m->vm;
  List *plan = list_new(vm, NULL, 0);
  Str *empty = str_empty(vm);
  if (!plan || !empty) return V_FAIL;
  if (depth < 0) value_error(vm, "Max string recursion exceeded");
  while (p < end && !rt_pending(vm)) {
    const char *run = p;
    while (p < end && *p != '{' && *p != '}') p++;
    char c = p < end ? *p++ : 0;
    bool doubled = c && p < end && *p == c;
    Str *literal = str_new(vm, run, (size_t)(p - run) - (c && !doubled));
    if (doubled) p++;
    Field f;
    bool field = false;
    if (literal && c && !doubled) {
      if (c == '}') value_error(vm, "Single '}' encountered in format string");
      else if (p == end) value_error(vm, "Single '{' encountered in format string");
      else field = read_field(vm, &p, end, &f);
    }
    if (field ? !plan_field(m, plan, literal, &f, depth) : !plan_add(vm, plan, literal, V_NONE, V_NONE, V_NONE, V_NONE)) return V_FAIL;
  }
  if (rt_pending(vm)) {
    Value error = planned_error(vm);
    if (!plan_add(vm, plan, empty, error, v_from_obj(empty), v_from_obj(empty), v_from_obj(empty))) return V_FAIL;
  }
  return list_as_tuple(vm, plan);
}

static Value run_plan(VM *vm, Str *s, Tuple *args, Value kwargs) {
  Formatter m = {.vm = vm, .args = args};
  Value plan = plan_text(&m, s->data, s->data + s->size, 1);
  if (v_failed(plan)) return V_FAIL;
  Dict *none = v_absent(kwargs) ? dict_new(vm) : NULL;
  if (v_absent(kwargs) && !none) return V_FAIL;
  if (none) kwargs = v_from_obj(none);
  return rt_tail_builtin(vm, "_str_format_run", 3, (Value[]){plan, args ? v_from_obj(args) : V_NONE, kwargs});
}

static Value format(VM *vm, Str *s, Tuple *args, Value kwargs) {
  if (!str_cstr(vm, s) || !charge_bytes(vm, s->size)) return V_FAIL; /* stable: not in a shared buffer */
  Formatter m = {.vm = vm, .args = args, .kwargs = kwargs, .gave_up = !v_absent(kwargs) && type_is_heap(type_of(kwargs))};
  if (m.gave_up) return run_plan(vm, s, args, kwargs);
  Buf out;
  size_t mark = rt_temp_mark(vm);
  buf_init(&out, &vm->mem);
  buf_reserve(&out, s->size + 32);
  bool ok = format_text(&m, s->data, s->data + s->size, 1, &out);
  rt_temp_release(vm, mark);
  if (ok) return v_from_str(str_from_buf(vm, &out));
  buf_free(&out);
  return m.gave_up && !rt_pending(vm) ? run_plan(vm, s, args, kwargs) : V_FAIL;
}

Value str_m_format(VM *vm, Args *a) { return format(vm, v_str(a->v[0]), v_tuple(a->v[1]), a->v[2]); }
Value str_m_format_map(VM *vm, Args *a) { return format(vm, v_str(a->v[0]), NULL, a->v[1]); }
