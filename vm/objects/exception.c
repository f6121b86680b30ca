/* Exception objects: the types of exception_table.h, construction, and what BaseException gives to all of them. Named fields of single kinds (errno, lineno...)
 * are in exception_fields.c, groups in exception_group.c. */
#include "vm/objects/exception_int.h"
#include "vm/objects/traceback.h"

/* ---------------------------------------------------------------- making */

static const uint8_t kind_table[] = {
#define X(name, base, kind) EXK_##kind,
    EXCEPTION_TABLE(X)
#undef X
};

static ExcKind static_kind(const Type *type) {
  uint32_t i = type->shape_id - TYPE_ID_exc_BaseException;
  return type->layout == LAY_EXCEPTION && i < sizeof kind_table ? (ExcKind)kind_table[i] : EXK_PLAIN;
}

/* A class of several bases has the kind of whichever base has one: class E(Mixin, OSError). */
ExcKind exc_kind_of(const Type *type) {
  if (!type_is_heap(type)) return static_kind(type);
  const Tuple *mro = type_class(type)->mro;
  for (size_t i = 0; i < mro->length; i++) {
    const Type *t = (const Type *)v_obj(mro->items[i]);
    if (type_is_heap(t)) continue;
    ExcKind kind = static_kind(t);
    if (kind != EXK_PLAIN) return kind;
  }
  return EXK_PLAIN;
}

/* The fields stand behind the struct in the same cell. */
Exception *exc_alloc(VM *vm, const Type *cls) {
  ExcKind kind = exc_kind_of(cls);
  bool fields = kind != EXK_PLAIN && kind != EXK_KEY;
  Exception *e = gc_new(vm, cls, sizeof(Exception) + (fields ? EXC_FIELDS * sizeof(Value) : 0));
  if (!e) return NULL;
  e->kind = (uint8_t)kind;
  e->args = vm->empty_tuple;
  e->cause = e->context = e->traceback = V_NONE;
  if (fields) {
    e->fields = (Value *)(void *)(e + 1);
    for (int i = 0; i < EXC_FIELDS; i++) e->fields[i] = V_ABSENT;
  }
  return e;
}

Value exc_new(VM *vm, const Type *type, int argc, const Value *argv) {
  Tuple *args = tuple_new(vm, argv, (size_t)argc);
  if (!args) return V_FAIL;
  if (type == &exc_BaseExceptionGroup || type == &exc_ExceptionGroup) return exc_group_new(vm, type, args);
  Exception *e = exc_alloc(vm, type);
  if (!e) return V_FAIL;
  gc_store_obj(vm, e, &e->args, args);
  return exc_init_fields(vm, e, args, NULL) ? v_from_obj(e) : V_FAIL;
}

Value exc_new_msg(VM *vm, const Type *type, const char *msg) {
  Str *text = str_from(vm, msg);
  if (!text) return V_FAIL;
  Value arg = v_from_obj(text);
  return exc_new(vm, type, 1, &arg);
}

static Value no_keywords(VM *vm, const Type *type) { return rt_raise(vm, &exc_TypeError, "%N() takes no keyword arguments", type); }

/* OSError reads its arguments in __new__, so that the subclass can be chosen, unless a class overrides __init__ and not __new__: then its own
   OSError.__init__(...) call does. -1: exception pending. */
static int os_uses_init(VM *vm, const Type *cls) {
  if (!type_is_heap(cls)) return 0;
  ClassCall call;
  if (!class_call(vm, cls, &call)) return -1;
  return !v_absent(call.init) && v_absent(call.new_);
}

static Value os_new(VM *vm, const Type *cls, Tuple *args, Dict *kwargs) {
  int uses_init = os_uses_init(vm, cls);
  if (uses_init < 0) return V_FAIL;
  if (!uses_init && kwargs && kwargs->used) return no_keywords(vm, cls);
  if (cls == &exc_OSError) cls = exc_os_class(cls, args);
  Exception *e = exc_alloc(vm, cls);
  if (!e || uses_init) return e ? v_from_obj(e) : V_FAIL;
  gc_store_obj(vm, e, &e->args, args);
  return exc_init_fields(vm, e, args, NULL) ? v_from_obj(e) : V_FAIL;
}

/* BaseException.__new__ takes any keywords: a class's own __init__ may want them. */
static Value exc_new_slot(VM *vm, const Type *cls, Args *a) {
  Tuple *args = v_tuple(a->v[0]);
  ExcKind kind = exc_kind_of(cls);
  if (kind == EXK_GROUP) return exc_group_new(vm, cls, args);
  if (kind == EXK_OS) return os_new(vm, cls, args, v_absent(a->v[1]) ? NULL : v_dict(a->v[1]));
  Exception *e = exc_alloc(vm, cls);
  if (!e) return V_FAIL;
  gc_store_obj(vm, e, &e->args, args);
  return v_from_obj(e);
}

static Value exc_init_slot(VM *vm, Args *a) {
  Exception *e = v_exc(a->v[0]);
  Tuple *args = v_tuple(a->v[1]);
  Dict *kwargs = v_absent(a->v[2]) ? NULL : v_dict(a->v[2]);
  if (e->kind == EXK_OS) {
    int uses_init = os_uses_init(vm, e->head.type);
    if (uses_init <= 0) return uses_init < 0 ? V_FAIL : V_NONE;
  }
  if (kwargs && kwargs->used && e->kind != EXK_IMPORT && e->kind != EXK_NAME && e->kind != EXK_ATTR) return no_keywords(vm, e->head.type);
  gc_store_obj(vm, e, &e->args, args);
  return exc_init_fields(vm, e, args, kwargs) ? V_NONE : V_FAIL;
}

static void exc_trace(Tracer *t, Obj *o) {
  Exception *e = (Exception *)o;
  gc_mark_obj(t, e->args);
  gc_mark(t, e->cause);
  gc_mark(t, e->context);
  gc_mark(t, e->traceback);
  if (e->fields) gc_mark_array(t, e->fields, EXC_FIELDS);
  instance_trace_attrs(t, o);
}
static void exc_destroy(VM *vm, Obj *o) { instance_destroy_attrs(vm, o); }

/* ---------------------------------------------------------------- text */

/* The arguments alone: "", str(arg), or the tuple. */
static Value args_str(VM *vm, Exception *e) {
  if (e->args->length == 0) return v_from_str(str_new(vm, "", 0));
  if (e->args->length > 1) return rt_str(vm, v_from_obj(e->args));
  return e->kind == EXK_KEY ? rt_repr(vm, e->args->items[0]) : rt_str(vm, e->args->items[0]);
}

static Value exc_str(VM *vm, Value self) {
  Value text = exc_fields_str(vm, v_exc(self));
  return v_absent(text) ? args_str(vm, v_exc(self)) : text;
}

static Value exc_repr(VM *vm, Value self) {
  Exception *e = v_exc(self);
  const char *name = type_of(self)->name;
  if (e->args->length == 1) return rt_format(vm, "%s(%R)", name, e->args->items[0]);
  return rt_format(vm, "%s%R", name, v_from_obj(e->args));
}

/* ---------------------------------------------------------------- attributes of all exceptions */

static Value get_args(VM *vm, Value self) {
  (void)vm;
  return v_from_obj(v_exc(self)->args);
}
static bool set_args(VM *vm, Value self, Value v) {
  if (v_absent(v)) return rt_raise_b(vm, &exc_TypeError, "args may not be deleted");
  if (!v_is_exact(v, &tuple_type)) {
    Value list = rt_iter_to_list(vm, v);
    if (v_failed(list)) return false;
    Tuple *t = tuple_new(vm, v_list(list)->items, v_list(list)->length);
    if (!t) return false;
    v = v_from_obj(t);
  }
  gc_store_obj(vm, v_obj(self), &v_exc(self)->args, v_tuple(v));
  return true;
}

static Value get_cause(VM *vm, Value self) {
  (void)vm;
  return v_exc(self)->cause;
}
static bool set_cause(VM *vm, Value self, Value v) {
  if (v_absent(v)) return rt_raise_b(vm, &exc_TypeError, "__cause__ may not be deleted");
  if (!v_is_none(v) && !is_exception(v)) return rt_raise_b(vm, &exc_TypeError, "exception cause must be None or derive from BaseException");
  exc_set_cause(vm, self, v);
  return true;
}
static Value get_context(VM *vm, Value self) {
  (void)vm;
  return v_exc(self)->context;
}
static bool set_context(VM *vm, Value self, Value v) {
  if (v_absent(v)) return rt_raise_b(vm, &exc_TypeError, "__context__ may not be deleted");
  if (!v_is_none(v) && !is_exception(v)) return rt_raise_b(vm, &exc_TypeError, "exception context must be None or derive from BaseException");
  gc_store(vm, v_obj(self), &v_exc(self)->context, v);
  return true;
}
static Value get_suppress(VM *vm, Value self) {
  (void)vm;
  return v_from_bool(v_exc(self)->suppress_context);
}
static bool set_suppress(VM *vm, Value self, Value v) {
  if (v_absent(v)) return rt_raise_b(vm, &exc_TypeError, "can't delete numeric/char attribute");
  if (!v_is_bool(v)) return rt_raise_b(vm, &exc_TypeError, "attribute value type must be bool");
  v_exc(self)->suppress_context = v_same(v, V_TRUE);
  return true;
}
static Value get_traceback(VM *vm, Value self) {
  (void)vm;
  return v_exc(self)->traceback;
}
static bool set_traceback(VM *vm, Value self, Value v) {
  if (v_absent(v)) return rt_raise_b(vm, &exc_TypeError, "__traceback__ may not be deleted");
  if (!v_is_none(v) && !is_traceback(v)) return rt_raise_b(vm, &exc_TypeError, "__traceback__ must be a traceback or None");
  gc_store(vm, v_obj(self), &v_exc(self)->traceback, v);
  return true;
}

static Value with_traceback_m(VM *vm, Args *a) { return set_traceback(vm, a->v[0], a->v[1]) ? a->v[0] : V_FAIL; }

/* PEP 678 */
static Value add_note_m(VM *vm, Args *a) {
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "note must be a str, not '%T'", a->v[1]);
  Str *name = NAME(vm, __notes__);
  if (!name) return V_FAIL;
  Value notes = rt_getattr_opt(vm, a->v[0], name);
  if (v_failed(notes)) return V_FAIL;
  if (v_absent(notes)) {
    List *list = list_new(vm, NULL, 0);
    if (!list || !list_append(vm, list, a->v[1])) return V_FAIL;
    return rt_setattr(vm, a->v[0], name, v_from_obj(list)) ? V_NONE : V_FAIL;
  }
  if (!is_list(notes)) return rt_raise(vm, &exc_TypeError, "Cannot add note: __notes__ is not a list");
  return list_append(vm, v_list(notes), a->v[1]) ? V_NONE : V_FAIL;
}

/* (type, args) or (type, args, attributes); extra: further entries of the third. */
Value exc_reduce(VM *vm, Value self, Tuple *args, Dict *extra) {
  size_t pos = 0;
  Str *name;
  Value value;
  while (instance_next(vm, v_obj(self), &pos, &name, &value)) {
    if (!extra && !(extra = dict_new(vm))) return V_FAIL;
    if (!dict_set_str(vm, extra, name, value)) return V_FAIL;
  }
  Value items[3] = {rt_type_value(type_of(self)), v_from_obj(args), extra ? v_from_obj(extra) : V_NONE};
  Tuple *t = tuple_new(vm, items, extra && extra->used ? 3 : 2);
  return t ? v_from_obj(t) : V_FAIL;
}
static Value reduce_m(VM *vm, Args *a) { return exc_reduce(vm, a->v[0], v_exc(a->v[0])->args, NULL); }

static Value setstate_m(VM *vm, Args *a) {
  if (v_is_none(a->v[1])) return V_NONE;
  if (!is_dict(a->v[1])) return rt_raise(vm, &exc_TypeError, "state is not a dictionary");
  size_t pos = 0;
  Value key, value;
  while (dict_next(v_dict(a->v[1]), &pos, &key, &value)) {
    if (!is_str(key)) return rt_raise(vm, &exc_TypeError, "attribute name must be string, not '%T'", key);
    Str *name = str_intern_str(vm, v_str(key));
    if (!name || !rt_setattr(vm, a->v[0], name, value)) return V_FAIL;
  }
  return V_NONE;
}

static const tiny_def base_methods[] = {
    {"with_traceback", with_traceback_m, "(self, tb, /)", "Exception.with_traceback(tb) --\nset self.__traceback__ to tb and return self."},
    {"add_note", add_note_m, "(self, note, /)", "Exception.add_note(note) --\nadd a note to the exception"},
    {"__reduce__", reduce_m, "(self, /)", NULL},
    {"__setstate__", setstate_m, "(self, state, /)", NULL},
    {0}};
static const GetSet base_getset[] = {
    {"args", get_args, set_args, NULL},
    {"__cause__", get_cause, set_cause, "exception cause"},
    {"__context__", get_context, set_context, "exception context"},
    {"__suppress_context__", get_suppress, set_suppress, NULL},
    {"__traceback__", get_traceback, set_traceback, NULL},
    {"__dict__", attrs_get_dict, attrs_set_dict, NULL},
    {0}};

/* ---------------------------------------------------------------- the types */

/* Named fields belong to the class that introduces them; BaseException has the common ones. One row for each row of exception_table.h. */
#define exc_object object_type
#define EXC_TYPE(name_, base_, getset_, methods_, doc_)                                                                                                    \
  const Type exc_##name_ = {                                                                                                                               \
      .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = #name_, .base = &exc_##base_, .layout = LAY_EXCEPTION,             \
      .flags = TYPE_BASE | TYPE_HAS_ATTRS | TYPE_WEAKREF, .shape_id = TYPE_ID_exc_##name_, .size = sizeof(Exception), .doc = doc_, .new_ = exc_new_slot,   \
      .new_sig = "(*args, **kwargs=...)", .init = exc_init_slot, .init_sig = "(self, /, *args, **kwargs=...)", .trace = exc_trace, .destroy = exc_destroy, \
      .repr = exc_repr, .str = exc_str, .getset = getset_, .methods = methods_}

EXC_TYPE(BaseException, object, base_getset, base_methods, NULL);
EXC_TYPE(Exception, BaseException, NULL, NULL, NULL);
EXC_TYPE(BaseExceptionGroup, BaseException, exc_getset_GROUP, exc_methods_GROUP, NULL);
EXC_TYPE(GeneratorExit, BaseException, NULL, NULL, NULL);
EXC_TYPE(KeyboardInterrupt, BaseException, NULL, NULL, NULL);
EXC_TYPE(SystemExit, BaseException, exc_getset_EXIT, NULL, NULL);
EXC_TYPE(ArithmeticError, Exception, NULL, NULL, NULL);
EXC_TYPE(FloatingPointError, ArithmeticError, NULL, NULL, NULL);
EXC_TYPE(OverflowError, ArithmeticError, NULL, NULL, NULL);
EXC_TYPE(ZeroDivisionError, ArithmeticError, NULL, NULL, NULL);
EXC_TYPE(AssertionError, Exception, NULL, NULL, NULL);
EXC_TYPE(AttributeError, Exception, exc_getset_ATTR, NULL, NULL);
EXC_TYPE(BufferError, Exception, NULL, NULL, NULL);
EXC_TYPE(EOFError, Exception, NULL, NULL, NULL);
EXC_TYPE(ImportError, Exception, exc_getset_IMPORT, exc_methods_IMPORT, NULL);
EXC_TYPE(ModuleNotFoundError, ImportError, NULL, NULL, NULL);
EXC_TYPE(LookupError, Exception, NULL, NULL, NULL);
EXC_TYPE(IndexError, LookupError, NULL, NULL, NULL);
EXC_TYPE(KeyError, LookupError, NULL, NULL, NULL);
EXC_TYPE(MemoryError, Exception, NULL, NULL, NULL);
EXC_TYPE(NameError, Exception, exc_getset_NAME, NULL, NULL);
EXC_TYPE(UnboundLocalError, NameError, NULL, NULL, NULL);
EXC_TYPE(OSError, Exception, exc_getset_OS, exc_methods_OS, NULL);
EXC_TYPE(BlockingIOError, OSError, NULL, NULL, NULL);
EXC_TYPE(ChildProcessError, OSError, NULL, NULL, NULL);
EXC_TYPE(ConnectionError, OSError, NULL, NULL, NULL);
EXC_TYPE(BrokenPipeError, ConnectionError, NULL, NULL, NULL);
EXC_TYPE(ConnectionAbortedError, ConnectionError, NULL, NULL, NULL);
EXC_TYPE(ConnectionRefusedError, ConnectionError, NULL, NULL, NULL);
EXC_TYPE(ConnectionResetError, ConnectionError, NULL, NULL, NULL);
EXC_TYPE(FileExistsError, OSError, NULL, NULL, NULL);
EXC_TYPE(FileNotFoundError, OSError, NULL, NULL, NULL);
EXC_TYPE(InterruptedError, OSError, NULL, NULL, NULL);
EXC_TYPE(IsADirectoryError, OSError, NULL, NULL, NULL);
EXC_TYPE(NotADirectoryError, OSError, NULL, NULL, NULL);
EXC_TYPE(PermissionError, OSError, NULL, NULL, NULL);
EXC_TYPE(ProcessLookupError, OSError, NULL, NULL, NULL);
EXC_TYPE(TimeoutError, OSError, NULL, NULL, NULL);
EXC_TYPE(ReferenceError, Exception, NULL, NULL, NULL);
EXC_TYPE(RuntimeError, Exception, NULL, NULL, NULL);
EXC_TYPE(NotImplementedError, RuntimeError, NULL, NULL, NULL);
EXC_TYPE(RecursionError, RuntimeError, NULL, NULL, NULL);
EXC_TYPE(StopAsyncIteration, Exception, NULL, NULL, NULL);
EXC_TYPE(StopIteration, Exception, exc_getset_STOP, NULL, NULL);
EXC_TYPE(SyntaxError, Exception, exc_getset_SYNTAX, NULL, NULL);
EXC_TYPE(IndentationError, SyntaxError, NULL, NULL, NULL);
EXC_TYPE(TabError, IndentationError, NULL, NULL, NULL);
EXC_TYPE(SystemError, Exception, NULL, NULL, NULL);
EXC_TYPE(TypeError, Exception, NULL, NULL, NULL);
EXC_TYPE(ValueError, Exception, NULL, NULL, NULL);
EXC_TYPE(UnicodeError, ValueError, NULL, NULL, NULL);
EXC_TYPE(UnicodeDecodeError, UnicodeError, exc_getset_UNICODE, NULL, NULL);
EXC_TYPE(UnicodeEncodeError, UnicodeError, exc_getset_UNICODE, NULL, NULL);
EXC_TYPE(UnicodeTranslateError, UnicodeError, exc_getset_UNICODE, NULL, NULL);
EXC_TYPE(ExceptionGroup, BaseExceptionGroup, NULL, NULL, NULL);
EXC_TYPE(Warning, Exception, NULL, NULL, NULL);
EXC_TYPE(BytesWarning, Warning, NULL, NULL, NULL);
EXC_TYPE(DeprecationWarning, Warning, NULL, NULL, NULL);
EXC_TYPE(EncodingWarning, Warning, NULL, NULL, NULL);
EXC_TYPE(FutureWarning, Warning, NULL, NULL, NULL);
EXC_TYPE(ImportWarning, Warning, NULL, NULL, NULL);
EXC_TYPE(PendingDeprecationWarning, Warning, NULL, NULL, NULL);
EXC_TYPE(ResourceWarning, Warning, NULL, NULL, NULL);
EXC_TYPE(RuntimeWarning, Warning, NULL, NULL, NULL);
EXC_TYPE(SyntaxWarning, Warning, NULL, NULL, NULL);
EXC_TYPE(UnicodeWarning, Warning, NULL, NULL, NULL);
EXC_TYPE(UserWarning, Warning, NULL, NULL, NULL);

/* ---------------------------------------------------------------- types by number (tiny.h) */

const Type *exc_type_by_id(tiny_exc id) {
  static const Type *const types[TINY_EXC_COUNT] = {
      [TINY_BASE_EXCEPTION] = &exc_BaseException,
      [TINY_EXCEPTION] = &exc_Exception,
      [TINY_TYPE_ERROR] = &exc_TypeError,
      [TINY_VALUE_ERROR] = &exc_ValueError,
      [TINY_INDEX_ERROR] = &exc_IndexError,
      [TINY_KEY_ERROR] = &exc_KeyError,
      [TINY_ATTRIBUTE_ERROR] = &exc_AttributeError,
      [TINY_NAME_ERROR] = &exc_NameError,
      [TINY_RUNTIME_ERROR] = &exc_RuntimeError,
      [TINY_RECURSION_ERROR] = &exc_RecursionError,
      [TINY_MEMORY_ERROR] = &exc_MemoryError,
      [TINY_OVERFLOW_ERROR] = &exc_OverflowError,
      [TINY_ZERO_DIVISION_ERROR] = &exc_ZeroDivisionError,
      [TINY_STOP_ITERATION] = &exc_StopIteration,
      [TINY_STOP_ASYNC_ITERATION] = &exc_StopAsyncIteration,
      [TINY_OS_ERROR] = &exc_OSError,
      [TINY_IMPORT_ERROR] = &exc_ImportError,
      [TINY_MODULE_NOT_FOUND_ERROR] = &exc_ModuleNotFoundError,
      [TINY_NOT_IMPLEMENTED_ERROR] = &exc_NotImplementedError,
      [TINY_EOF_ERROR] = &exc_EOFError,
      [TINY_TIMEOUT_ERROR] = &exc_TimeoutError,
      [TINY_SYSTEM_EXIT] = &exc_SystemExit,
      [TINY_KEYBOARD_INTERRUPT] = &exc_KeyboardInterrupt,
      [TINY_GENERATOR_EXIT] = &exc_GeneratorExit,
      [TINY_UNICODE_ERROR] = &exc_UnicodeError,
      [TINY_SYNTAX_ERROR] = &exc_SyntaxError,
      [TINY_ASSERTION_ERROR] = &exc_AssertionError,
      [TINY_LOOKUP_ERROR] = &exc_LookupError,
      [TINY_ARITHMETIC_ERROR] = &exc_ArithmeticError,
      [TINY_BUFFER_ERROR] = &exc_BufferError,
      [TINY_CONNECTION_ERROR] = &exc_ConnectionError,
  };
  return (unsigned)id < TINY_EXC_COUNT && types[id] ? types[id] : &exc_SystemError;
}
