/* strftime and format() of dates, times and moments. What only they know (%f, %z, %Z) is put in here; the rest is text of module time. */
#include "vm/objects/datetime.h"

/* What %Z stands for; a % in it is no code. [script] */
static bool add_name(VM *vm, Buf *b, Value tz, Value about) {
  Value name = zone_name(vm, tz, about);
  if (v_failed(name) || v_is_none(name)) return !v_failed(name);
  const Str *s = v_str(name);
  for (size_t i = 0; i < s->size; i++) {
    if (s->data[i] == '%') buf_char(b, '%');
    buf_char(b, s->data[i]);
  }
  return true;
}

/* [script]; format is kept by the caller */
static bool expand(VM *vm, const Str *format, const StrftimeAbout *x, Buf *b) {
  for (size_t i = 0; i < format->size; i++) {
    char c = format->data[i], code = c == '%' && i + 1 < format->size ? format->data[i + 1] : 0, text[ISO_TEXT_ROOM];
    Offset offset;
    if (code == 'f') {
      buf_add(b, text, (size_t)(put_int(text, x->us, 6) - text));
    } else if (code == 'z') {
      if (!zone_offset(vm, x->tzinfo, x->about, &offset)) return false;
      buf_add(b, text, (size_t)(put_offset(text, offset, "") - text));
    } else if (code == 'Z') {
      if (!add_name(vm, b, x->tzinfo, x->about)) return false;
    } else {
      buf_char(b, c);
      if (!code) continue;
      buf_char(b, code);
    }
    i++;
  }
  return true;
}

/* Has a script's class a timetuple() of its own? */
static bool own_timetuple(VM *vm, const Type *t) {
  Str *name = type_is_heap(t) ? str_intern(vm, "timetuple", 9) : NULL;
  return name && !v_same(rt_type_lookup(vm, t, name), rt_type_lookup(vm, type_builtin_base(t), name));
}

Value strftime_of(VM *vm, Value self, Value format, const StrftimeAbout *x, const int fields[9]) {
  if (!is_str(format)) return rt_raise(vm, &exc_TypeError, "strftime() argument 1 must be str, not %s", v_is_none(format) ? "None" : type_of(format)->name);
  Buf b;
  buf_init(&b, rt_mem(vm));
  if (!expand(vm, v_str(format), x, &b)) {
    buf_free(&b);
    return V_FAIL;
  }
  const DateState *s = date_hooks(vm);
  Value text = s ? v_from_str(str_from_buf(vm, &b)) : V_FAIL;
  if (v_failed(text)) return text;
  if (own_timetuple(vm, type_of(self))) return rt_tail_builtin(vm, "_datetime_strftime", 2, (Value[]){self, text});
  return s->format(vm, v_str(text), fields);
}

Value date_format(VM *vm, Value self, Str *spec) {
  if (spec->size) return rt_tail_builtin(vm, "_datetime_format", 2, (Value[]){self, v_from_obj(spec)});
  Value fn = attr_override(vm, type_of(self), NAME(vm, __str__));
  return v_failed(fn) ? fn : v_absent(fn) ? rt_str(vm, self) : rt_tail_call(vm, fn, 1, &self);
}
Value date_format_m(VM *vm, Args *a) {
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "__format__() argument 1 must be str, not %s", v_is_none(a->v[1]) ? "None" : type_of(a->v[1])->name);
  return date_format(vm, a->v[0], v_str(a->v[1]));
}
