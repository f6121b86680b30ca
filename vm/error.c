/* Raising: messages from a small printf, the pending exception, its __context__, matching of except clauses, and the MemoryError that needs no memory. */
#include "vm/vm.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"
#include <stdarg.h>
#include <stdio.h>

/* ---------------------------------------------------------------- rt_format */

typedef struct Spec {
  char text[16];     /* flags, width, precision and length for snprintf, '%' first */
  int n;
  int precision;     /* -1: none */
  int longs;         /* l: 1, ll: 2 */
  bool size;         /* z */
  char conv;
} Spec;
typedef struct ArgList { va_list ap; } ArgList; /* a struct, so that it can be handed on by pointer */

/* *p stands behind a '%'; leaves it behind the conversion. */
static void read_spec(const char **p, Spec *s) {
  *s = (Spec){.text = "%", .n = 1, .precision = -1};
  for (;; (*p)++) {
    char c = **p;
    if (c == 'l') s->longs++;
    else if (c == 'z') s->size = true;
    else if (c == '.') {
      s->precision = 0;
    } else if (c >= '0' && c <= '9') {
      if (s->precision >= 0) s->precision = s->precision * 10 + (c - '0');
    } else if (c != '-' && c != '+' && c != ' ' && c != '#') {
      break;
    }
    if (s->n < 12) s->text[s->n++] = c;
  }
  s->conv = **p;
  if (s->conv) (*p)++;
}

static bool is_object_conv(char c) { return c == 'R' || c == 'S' || c == 'A' || c == 'U' || c == 'T' || c == 'N'; }

static Value object_arg(char conv, ArgList *l) {
  if (conv == 'U') return v_from_obj(va_arg(l->ap, Str *));
  if (conv == 'N') return v_from_obj(va_arg(l->ap, const Type *));
  return va_arg(l->ap, Value);
}

static void skip_plain_arg(const Spec *s, ArgList *l) {
  if (s->conv == 's' || s->conv == 'p') (void)va_arg(l->ap, void *);
  else if (s->conv == '%' || !s->conv) return;
  else if (s->size) (void)va_arg(l->ap, size_t);
  else if (s->longs == 2) (void)va_arg(l->ap, long long);
  else if (s->longs == 1) (void)va_arg(l->ap, long);
  else (void)va_arg(l->ap, int);
}

/* How many objects the format takes, and whether showing one may run script code. */
static int count_objects(const char *fmt, bool *script) {
  int n = 0;
  for (const char *p = fmt; *p;) {
    if (*p++ != '%') continue;
    Spec s;
    read_spec(&p, &s);
    n += is_object_conv(s.conv);
    *script |= s.conv == 'R' || s.conv == 'S' || s.conv == 'A';
  }
  return n;
}

/* Keeps all objects of the argument list alive while one of them is shown by script code. */
static bool root_objects(VM *vm, const char *fmt, ArgList *l, int n) {
  Value *slots = rt_temp(vm, n);
  if (!slots) return false;
  for (const char *p = fmt; *p;) {
    if (*p++ != '%') continue;
    Spec s;
    read_spec(&p, &s);
    if (is_object_conv(s.conv)) *slots++ = object_arg(s.conv, l);
    else skip_plain_arg(&s, l);
  }
  return true;
}

static void add_number(Buf *b, Spec *s, ArgList *l) {
  char out[64];
  char *t = s->text + s->n;
  bool is_signed = s->conv == 'd' || s->conv == 'i';
  if (s->size || s->longs) {
    /* length letters are in the text already */
    *t++ = s->conv;
    *t = 0;
    if (s->size) snprintf(out, sizeof out, s->text, va_arg(l->ap, size_t));
    else if (s->longs == 2) is_signed ? snprintf(out, sizeof out, s->text, va_arg(l->ap, long long)) : snprintf(out, sizeof out, s->text, va_arg(l->ap, unsigned long long));
    else is_signed ? snprintf(out, sizeof out, s->text, va_arg(l->ap, long)) : snprintf(out, sizeof out, s->text, va_arg(l->ap, unsigned long));
  } else {
    *t++ = s->conv;
    *t = 0;
    is_signed ? snprintf(out, sizeof out, s->text, va_arg(l->ap, int)) : snprintf(out, sizeof out, s->text, va_arg(l->ap, unsigned));
  }
  buf_str(b, out);
}

/* A C string, cut at `precision` bytes but never inside a character. */
static void add_text(Buf *b, const char *text, size_t n, int precision) {
  if (precision >= 0 && n > (size_t)precision) {
    n = (size_t)precision;
    while (n && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
  }
  buf_add(b, text, n);
}

static bool add_object(VM *vm, Buf *b, const Spec *s, Value v) {
  if (s->conv == 'N' || s->conv == 'T') {
    const Type *t = s->conv == 'N' ? (const Type *)v_obj(v) : type_of(v);
    if (s->conv == 'T' && t->module && !strchr(t->name, '.')) buf_str(b, t->module), buf_char(b, '.');
    add_text(b, t->name, strlen(t->name), s->precision);
    return true;
  }
  Value text = s->conv == 'R' ? rt_repr(vm, v) : s->conv == 'S' ? rt_str(vm, v) : s->conv == 'A' ? rt_ascii(vm, v) : v;
  if (v_failed(text)) return false;
  add_text(b, v_str(text)->data, v_str(text)->size, s->precision);
  return true;
}

static bool format_into(VM *vm, Buf *b, const char *fmt, ArgList *l) {
  for (const char *p = fmt; *p;) {
    const char *start = p;
    while (*p && *p != '%') p++;
    buf_add(b, start, (size_t)(p - start));
    if (!*p++) break;
    Spec s;
    read_spec(&p, &s);
    if (is_object_conv(s.conv)) {
      if (!add_object(vm, b, &s, object_arg(s.conv, l))) return false;
    } else if (s.conv == 's') {
      const char *text = va_arg(l->ap, const char *);
      add_text(b, text ? text : "(null)", text ? strlen(text) : 6, s.precision);
    } else if (s.conv == 'c') {
      buf_char(b, (char)va_arg(l->ap, int));
    } else if (s.conv == 'p') {
      buf_printf(b, "0x%llx", (unsigned long long)(uintptr_t)va_arg(l->ap, void *));
    } else if (s.conv == '%') {
      buf_char(b, '%');
    } else if (s.conv) {
      add_number(b, &s, l);
    }
  }
  return true;
}

static Str *format_list(VM *vm, const char *fmt, va_list ap) {
  bool script = false;
  int n = count_objects(fmt, &script);
  size_t mark = rt_temp_mark(vm);
  if (script && n > 1) {
    ArgList copy;
    va_copy(copy.ap, ap);
    bool rooted = root_objects(vm, fmt, &copy, n);
    va_end(copy.ap);
    if (!rooted) return NULL;
  }
  Buf b;
  buf_init(&b, rt_mem(vm));
  ArgList l;
  va_copy(l.ap, ap);
  bool ok = format_into(vm, &b, fmt, &l);
  va_end(l.ap);
  rt_temp_release(vm, mark);
  if (!ok) {
    buf_free(&b);
    return NULL;
  }
  return str_from_buf(vm, &b);
}

Value rt_format(VM *vm, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  Str *s = format_list(vm, fmt, ap);
  va_end(ap);
  return v_from_str(s);
}

/* ---------------------------------------------------------------- raising */

/* PEP 3134: the exception being handled becomes the context. A context chain that leads back to exc is cut there, so that chains never have cycles
   made by us (a script may still make one by assignment: the second pointer of the walk notices). */
static void set_context(VM *vm, Value exc, bool fresh) {
  Value handled = vm->handled;
  if (!is_exception(handled) || v_same(handled, exc)) return;
  if (!fresh) {
    Value at = handled, slow = handled;
    bool odd = false;
    while (is_exception(v_exc(at)->context)) {
      Value next = v_exc(at)->context;
      if (v_same(next, exc)) {
        v_exc(at)->context = V_NONE;
        break;
      }
      at = next;
      if (v_same(at, slow)) break;
      if (odd) slow = v_exc(slow)->context;
      odd = !odd;
    }
  }
  gc_store(vm, v_obj(exc), &v_exc(exc)->context, handled);
}

static Value raise_new(VM *vm, Value exc) {
  if (v_failed(exc)) return V_FAIL;
  set_context(vm, exc, true);
  vm->exc = exc;
  return V_FAIL;
}

Value rt_raise_obj(VM *vm, Value exc) {
  if (v_same(exc, vm->passing)) return rt_restore(vm, exc);
  set_context(vm, exc, false);
  vm->exc = exc;
  return V_FAIL;
}

Value rt_restore(VM *vm, Value exc) {
  vm->exc = exc;
  return V_FAIL;
}

static Value make(VM *vm, const Type *type, int argc, const Value *argv) {
  return type_is_heap(type) ? rt_call(vm, rt_type_value(type), argc, argv) : exc_new(vm, type, argc, argv);
}

Value rt_raise_with(VM *vm, const Type *type, Value arg) { return raise_new(vm, make(vm, type, v_absent(arg) ? 0 : 1, &arg)); }

static Value raise_list(VM *vm, const Type *type, const char *fmt, va_list ap) {
  Str *msg = format_list(vm, fmt, ap);
  if (!msg) return V_FAIL;
  return rt_raise_with(vm, type, v_from_obj(msg));
}

Value rt_raise(VM *vm, const Type *type, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  raise_list(vm, type, fmt, ap);
  va_end(ap);
  return V_FAIL;
}
bool rt_raise_b(VM *vm, const Type *type, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  raise_list(vm, type, fmt, ap);
  va_end(ap);
  return false;
}
int rt_raise_i(VM *vm, const Type *type, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  raise_list(vm, type, fmt, ap);
  va_end(ap);
  return -1;
}

/* ---------------------------------------------------------------- out of memory */

bool error_init(VM *vm) {
  vm->memory_error_busy = true; /* a failure in here must not ask for memory again */
  vm->memory_error = exc_new(vm, &exc_MemoryError, 0, NULL);
  vm->memory_error_busy = false;
  return !v_failed(vm->memory_error);
}

/* A new MemoryError where there is room for that small object (a big request was refused), else the one kept for this moment, made as new. */
Value rt_no_memory(VM *vm) {
  gc_no_memory(vm);
  if (!vm->memory_error_busy) {
    vm->memory_error_busy = true;
    Value fresh = exc_new(vm, &exc_MemoryError, 0, NULL);
    vm->memory_error_busy = false;
    if (!v_failed(fresh)) return raise_new(vm, fresh);
  }
  if (!is_exception(vm->memory_error)) { /* the VM is just being made */
    vm->exc = V_NONE;
    return V_FAIL;
  }
  Exception *e = v_exc(vm->memory_error);
  e->args = vm->empty_tuple;
  e->cause = e->context = e->traceback = V_NONE;
  e->suppress_context = false;
  vm->exc = vm->memory_error;
  return V_FAIL;
}

/* ---------------------------------------------------------------- the pending exception */

bool rt_pending(VM *vm) { return !v_absent(vm->exc); }

bool rt_pending_is(VM *vm, const Type *type) { return is_exception(vm->exc) && rt_is_subtype(type_of(vm->exc), type); }

Value rt_take_exc(VM *vm) {
  Value exc = vm->exc;
  vm->exc = V_ABSENT;
  return v_absent(exc) ? V_NONE : exc;
}

void exc_set_cause(VM *vm, Value exc, Value cause) {
  gc_store(vm, v_obj(exc), &v_exc(exc)->cause, cause);
  v_exc(exc)->suppress_context = true;
}

/* ---------------------------------------------------------------- except clauses */

static bool is_exception_class(Value v) { return is_type(v) && rt_is_subtype((const Type *)v_obj(v), &exc_BaseException); }

static int bad_pattern(VM *vm) { return rt_raise_i(vm, &exc_TypeError, "catching classes that do not inherit from BaseException is not allowed"); }

/* Reference manual, "The try statement": a class or a tuple of classes; the real subclass relation, no __subclasscheck__. */
int exc_match(VM *vm, Value exc, Value pattern) {
  const Type *type = type_of(exc);
  if (is_exception_class(pattern)) return rt_is_subtype(type, (const Type *)v_obj(pattern));
  if (!is_tuple(pattern)) return bad_pattern(vm);
  const Tuple *classes = v_tuple(pattern);
  for (size_t i = 0; i < classes->length; i++)
    if (!is_exception_class(classes->items[i])) return bad_pattern(vm);
  for (size_t i = 0; i < classes->length; i++)
    if (rt_is_subtype(type, (const Type *)v_obj(classes->items[i]))) return 1;
  return 0;
}
