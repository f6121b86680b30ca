/* The dunder methods of builtin types as scripts see them: int.__add__, list.__len__, object.__repr__ ...
 *
 * They are made from the slots of a Type, so that no type has to list them: one row here says name, signature and how the slot is called. A wrapper is a Native
 * whose type is wrapper_descriptor; the slot it calls is that of its owner, whatever class the object has (super().__len__() depends on it).
 * attr_override knows by them that a special method is the builtin's own. */
#include "vm/vm.h"
#include "vm/attr.h"
#include "vm/objects/class.h"
#include "vm/objects/function.h"
#include "vm/objects/bytes.h"
#include "vm/objects/int.h"
#include "vm/objects/iter.h"
#include "vm/objects/shape.h"
#include "vm/type_ids.h"
#include "vm/base/operators.h"

typedef enum {
  W_BINARY, W_REFLECTED, W_INPLACE, W_POW, W_RPOW, W_DIVMOD, W_RDIVMOD, W_COMPARE, W_UNARY, W_REPR, W_STR, W_HASH, W_BOOL, W_LEN, W_GETITEM, W_SETITEM, W_DELITEM,
  W_CONTAINS, W_ITER, W_NEXT, W_FORMAT, W_CALL, W_GETATTR, W_SETATTR, W_DELATTR, W_GET, W_SET, W_DELETE
} WrapperKind;

typedef struct Row { tiny_def def; /* must be first: a wrapper's def leads to its row */ uint8_t kind, op; } Row;

static Value wrapper_call(VM *vm, Args *a);

#define SIG1 "(self, /)"
#define SIG2 "(self, value, /)"
#define ROW(name, sig, doc, kind, op) {{name, wrapper_call, sig, doc}, kind, op}
#define BINARY_ROWS(n, sym, op)                                                                                                            \
  ROW("__" n "__", SIG2, "Return self" sym "value.", W_BINARY, op), ROW("__r" n "__", SIG2, "Return value" sym "self.", W_REFLECTED, op), \
      ROW("__i" n "__", SIG2, "Return self" sym "=value.", W_INPLACE, op)
static const Row rows[] = {
    BINARY_ROWS("add", "+", BIN_ADD), BINARY_ROWS("sub", "-", BIN_SUB), BINARY_ROWS("mul", "*", BIN_MUL), BINARY_ROWS("truediv", "/", BIN_TRUEDIV),
    BINARY_ROWS("floordiv", "//", BIN_FLOORDIV), BINARY_ROWS("mod", "%", BIN_MOD), BINARY_ROWS("matmul", "@", BIN_MATMUL), BINARY_ROWS("and", "&", BIN_AND),
    BINARY_ROWS("or", "|", BIN_OR), BINARY_ROWS("xor", "^", BIN_XOR), BINARY_ROWS("lshift", "<<", BIN_LSHIFT), BINARY_ROWS("rshift", ">>", BIN_RSHIFT),
    ROW("__pow__", "(self, value, mod=None, /)", "Return pow(self, value, mod).", W_POW, BIN_POW),
    ROW("__rpow__", "(self, value, mod=None, /)", "Return pow(value, self, mod).", W_RPOW, BIN_POW),
    ROW("__divmod__", SIG2, "Return divmod(self, value).", W_DIVMOD, BIN_FLOORDIV), ROW("__rdivmod__", SIG2, "Return divmod(value, self).", W_RDIVMOD, BIN_FLOORDIV),
    ROW("__lt__", SIG2, "Return self<value.", W_COMPARE, CO_LT), ROW("__le__", SIG2, "Return self<=value.", W_COMPARE, CO_LE),
    ROW("__eq__", SIG2, "Return self==value.", W_COMPARE, CO_EQ), ROW("__ne__", SIG2, "Return self!=value.", W_COMPARE, CO_NE),
    ROW("__gt__", SIG2, "Return self>value.", W_COMPARE, CO_GT), ROW("__ge__", SIG2, "Return self>=value.", W_COMPARE, CO_GE),
    ROW("__neg__", SIG1, "-self", W_UNARY, UN_NEG), ROW("__pos__", SIG1, "+self", W_UNARY, UN_POS), ROW("__invert__", SIG1, "~self", W_UNARY, UN_INVERT),
    ROW("__abs__", SIG1, "abs(self)", W_UNARY, UN_ABS_), ROW("__int__", SIG1, "int(self)", W_UNARY, UN_INT_), ROW("__float__", SIG1, "float(self)", W_UNARY, UN_FLOAT_),
    ROW("__index__", SIG1, "Return self converted to an integer, if self is suitable for use as an index into a list.", W_UNARY, UN_INDEX_),
    ROW("__repr__", SIG1, "Return repr(self).", W_REPR, 0), ROW("__str__", SIG1, "Return str(self).", W_STR, 0), ROW("__hash__", SIG1, "Return hash(self).", W_HASH, 0),
    ROW("__bool__", SIG1, "True if self else False", W_BOOL, 0), ROW("__len__", SIG1, "Return len(self).", W_LEN, 0),
    ROW("__getitem__", "(self, key, /)", "Return self[key].", W_GETITEM, 0), ROW("__setitem__", "(self, key, value, /)", "Set self[key] to value.", W_SETITEM, 0),
    ROW("__delitem__", "(self, key, /)", "Delete self[key].", W_DELITEM, 0), ROW("__contains__", "(self, key, /)", "Return key in self.", W_CONTAINS, 0),
    ROW("__iter__", SIG1, "Implement iter(self).", W_ITER, 0), ROW("__next__", SIG1, "Implement next(self).", W_NEXT, 0),
    ROW("__format__", "(self, format_spec, /)", "Default object formatter.", W_FORMAT, 0),
    ROW("__call__", "(self, /, *args, **kwargs)", "Call self as a function.", W_CALL, 0),
    ROW("__getattribute__", "(self, name, /)", "Return getattr(self, name).", W_GETATTR, 0),
    ROW("__setattr__", "(self, name, value, /)", "Implement setattr(self, name, value).", W_SETATTR, 0),
    ROW("__delattr__", "(self, name, /)", "Implement delattr(self, name).", W_DELATTR, 0),
    ROW("__get__", "(self, instance, owner=None, /)", "Return an attribute of instance, which is of type owner.", W_GET, 0),
    ROW("__set__", "(self, instance, value, /)", "Set an attribute of instance to value.", W_SET, 0),
    ROW("__delete__", "(self, instance, /)", "Delete an attribute of instance.", W_DELETE, 0),
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

/* Which operators the one `binary` and `unary` function of a type serves: bits by BinaryOp, and 1 << (code) of Type.unary. */
extern const Type timedelta_type, date_type, datetime_type;
#define B(x) (1u << BIN_##x)
#define U_ALL (1u << UN_NEG | 1u << UN_POS | 1u << UN_ABS_)
#define SET_OPS (B(AND) | B(OR) | B(XOR) | B(SUB))
#define ARITH (B(ADD) | B(SUB) | B(MUL) | B(TRUEDIV) | B(POW))
static const struct { const Type *type; uint32_t ops, reflected, inplace, unary; } operators[] = {
    {&int_type, ARITH | B(FLOORDIV) | B(MOD) | B(AND) | B(OR) | B(XOR) | B(LSHIFT) | B(RSHIFT),
     ARITH | B(FLOORDIV) | B(MOD) | B(AND) | B(OR) | B(XOR) | B(LSHIFT) | B(RSHIFT), 0, U_ALL | 1u << UN_INVERT | 1u << UN_INT_ | 1u << UN_FLOAT_ | 1u << UN_INDEX_},
    {&bool_type, B(AND) | B(OR) | B(XOR), B(AND) | B(OR) | B(XOR), 0, 0},
    {&float_type, ARITH | B(FLOORDIV) | B(MOD), ARITH | B(FLOORDIV) | B(MOD), 0, U_ALL | 1u << UN_INT_ | 1u << UN_FLOAT_},
    {&complex_type, ARITH, ARITH, 0, U_ALL},
    {&str_type, B(ADD) | B(MUL) | B(MOD), B(MUL) | B(MOD), 0, 0},
    {&bytes_type, B(ADD) | B(MUL) | B(MOD), B(MUL) | B(MOD), 0, 0},
    {&array_type, B(ADD) | B(MUL), B(MUL), B(ADD) | B(MUL), 0},
    {&bytearray_type, B(ADD) | B(MUL) | B(MOD), B(MUL) | B(MOD), B(ADD) | B(MUL), 0},
    {&list_type, B(ADD) | B(MUL), B(MUL), B(ADD) | B(MUL), 0},
    {&tuple_type, B(ADD) | B(MUL), B(MUL), 0, 0},
    {&dict_type, B(OR), B(OR), B(OR), 0},
    {&set_type, SET_OPS, SET_OPS, SET_OPS, 0},
    {&frozenset_type, SET_OPS, SET_OPS, 0, 0},
    {&mappingproxy_type, B(OR), B(OR), B(OR), 0},
    {&timedelta_type, B(ADD) | B(SUB) | B(MUL) | B(TRUEDIV) | B(FLOORDIV) | B(MOD), B(ADD) | B(SUB) | B(MUL) | B(TRUEDIV) | B(FLOORDIV) | B(MOD), 0, U_ALL},
    {&date_type, B(ADD) | B(SUB), B(ADD) | B(SUB), 0, 0},
    {&datetime_type, B(ADD) | B(SUB), B(ADD) | B(SUB), 0, 0},
    {NULL, 0, 0, 0, 0},
};
extern const Type dict_keys_type, dict_items_type;

static void operators_of(const Type *t, uint32_t *ops, uint32_t *reflected, uint32_t *inplace, uint32_t *unary) {
  *ops = *reflected = *inplace = *unary = 0;
  for (size_t i = 0; operators[i].type; i++)
    if (operators[i].type == t) {
      *ops = operators[i].ops;
      *reflected = operators[i].reflected;
      *inplace = operators[i].inplace;
      *unary = operators[i].unary;
      return;
    }
  if (t == &dict_keys_type || t == &dict_items_type) *ops = *reflected = SET_OPS;
  else if (t->binary) *ops = *reflected = B(OR); /* type, union, mappingproxy ... */
}

/* Slots that differ from the base's are the type's own. */
#define OWN(slot) (t->slot && !(t->base && t->base->slot == t->slot))

static bool type_has(const Type *t, const Row *r, uint32_t ops, uint32_t reflected, uint32_t inplace, uint32_t unary) {
  switch ((WrapperKind)r->kind) {
  case W_BINARY: return OWN(binary) && (ops >> r->op & 1);
  case W_REFLECTED: return OWN(binary) && (reflected >> r->op & 1);
  case W_INPLACE: return OWN(inplace) && (inplace >> r->op & 1);
  case W_POW: return OWN(binary) && (ops >> BIN_POW & 1);
  case W_RPOW: return OWN(binary) && (reflected >> BIN_POW & 1);
  case W_DIVMOD: case W_RDIVMOD: return OWN(binary) && (ops >> BIN_FLOORDIV & 1);
  case W_COMPARE: return OWN(compare);
  case W_UNARY: return OWN(unary) && (unary >> r->op & 1);
  case W_REPR: return OWN(repr);
  case W_STR: return OWN(str) || t == &object_type;
  case W_HASH: return OWN(hash) && !(t->flags & TYPE_UNHASHABLE);
  case W_BOOL: return OWN(truth) && (!t->length || t->layout == LAY_RANGE);
  case W_LEN: return OWN(length);
  case W_GETITEM: return OWN(getitem);
  case W_SETITEM: case W_DELITEM: return OWN(setitem);
  case W_CONTAINS: return OWN(contains);
  case W_ITER: return OWN(iter);
  case W_NEXT: return OWN(next);
  case W_FORMAT: return OWN(format) || t == &object_type;
  case W_CALL: return OWN(call);
  case W_GETATTR: return t == &object_type || t->layout == LAY_TYPE || t->layout == LAY_MODULE || t->layout == LAY_SUPER || OWN(getattr);
  case W_SETATTR: case W_DELATTR: return t == &object_type || t->layout == LAY_TYPE || OWN(setattr);
  case W_GET: return OWN(descr_get);
  case W_SET: case W_DELETE: return OWN(descr_set);
  }
  return false;
}

/* ---------------------------------------------------------------- calling */

/* A Type.binary answer for divmod, which is two operations. */
static Value divmod_pair(VM *vm, const Type *t, Value a, Value b) {
  Value q = t->binary(vm, BIN_FLOORDIV, a, b);
  if (v_failed(q) || v_same(q, V_NOTIMPL)) return q;
  Value r = t->binary(vm, BIN_MOD, a, b);
  if (v_failed(r) || v_same(r, V_NOTIMPL)) return r;
  Tuple *pair = tuple_pair(vm, q, r);
  return pair ? v_from_obj(pair) : V_FAIL;
}

static Value power(VM *vm, const Type *t, Value a, Value b, Value mod) {
  if (v_is_none(mod)) return t->binary(vm, BIN_POW, a, b);
  if (t->layout == LAY_COMPLEX) return complex_type.binary(vm, BIN_POW, a, b).w == V_NOTIMPL.w ? V_NOTIMPL : rt_raise(vm, &exc_ValueError, "complex modulo");
  if (t->layout != LAY_INT) return rt_raise(vm, &exc_TypeError, "pow() 3rd argument not allowed unless all arguments are integers");
  if (!is_int(a) || !is_int(b) || !is_int(mod)) return V_NOTIMPL;
  return int_pow_mod(vm, a, b, mod);
}

/* object.__ne__ is the opposite of __eq__ unless that does not know. */
static Value object_ne(VM *vm, Value a, Value b) {
  Value fn = attr_override(vm, type_of(a), NAME(vm, __eq__));
  Value argv[2] = {a, b}, r;
  if (v_absent(fn)) {
    const Type *t = type_of(a);
    return t->compare && t->compare != object_type.compare ? t->compare(vm, a, b, CO_NE) : object_type.compare(vm, a, b, CO_NE);
  }
  r = rt_call(vm, fn, 2, argv);
  if (v_failed(r) || v_same(r, V_NOTIMPL)) return r;
  int truth = rt_truth(vm, r);
  return truth < 0 ? V_FAIL : v_from_bool(!truth);
}

/* object.__str__: repr(self), whatever the class made of it. */
static Value default_str(VM *vm, Value self) {
  Value fn = attr_override(vm, type_of(self), NAME(vm, __repr__));
  return v_absent(fn) ? rt_repr(vm, self) : rt_tail_call(vm, fn, 1, &self);
}

static Value call_slot(VM *vm, const Type *t, Value self, Value args, Value kwargs) {
  Tuple *pos = v_tuple(args);
  Dict *kw = v_dict(kwargs);
  size_t n = pos->length + kw->used;
  Value *argv = rt_temp(vm, (int)n + 1), kwnames = V_ABSENT;
  if (!argv) return V_FAIL;
  memcpy(argv, pos->items, pos->length * sizeof(Value));
  if (kw->used) {
    Tuple *names = tuple_new(vm, NULL, kw->used);
    if (!names) return V_FAIL;
    size_t at = 0, i = 0;
    Value key, v;
    while (dict_next(kw, &at, &key, &v)) {
      gc_store(vm, names, &names->items[i], key);
      argv[pos->length + i++] = v;
    }
    kwnames = v_from_obj(names);
    argv[n] = kwnames;
  }
  Args raw = {.vm = vm, .v = argv, .n = (int)pos->length, .kwnames = kwnames};
  return t->call(vm, self, &raw);
}

static Value stop_iteration(VM *vm) {
  Value exc = exc_new(vm, &exc_StopIteration, 0, NULL);
  return v_failed(exc) ? exc : rt_raise_obj(vm, exc);
}
static Value result_bool(int r) { return r < 0 ? V_FAIL : v_from_bool(r > 0); }
static Value result_none(bool ok) { return ok ? V_NONE : V_FAIL; }

/* Repetition of a sequence takes an index, whatever the operator * would have tried. */
static bool repeats(const Type *t, int op) { return op == BIN_MUL && t->getitem; }

static Value wrapper_call(VM *vm, Args *a) {
  const Row *r = (const Row *)(const void *)a->self->def;
  const Type *t = a->self->owner;
  Value self = a->v[0], x = a->n > 1 ? a->v[1] : V_NONE, item;
  int64_t i;
  int got;
  switch ((WrapperKind)r->kind) {
  case W_BINARY: return repeats(t, r->op) && v_failed(x = rt_index_obj(vm, x)) ? V_FAIL : t->binary(vm, r->op, self, x);
  case W_REFLECTED: return repeats(t, r->op) && v_failed(x = rt_index_obj(vm, x)) ? V_FAIL : t->binary(vm, r->op, x, self);
  case W_INPLACE: return repeats(t, r->op) && v_failed(x = rt_index_obj(vm, x)) ? V_FAIL : t->inplace(vm, r->op, self, x);
  case W_POW: return power(vm, t, self, x, a->v[2]);
  case W_RPOW: return power(vm, t, x, self, a->v[2]);
  case W_DIVMOD: return divmod_pair(vm, t, self, x);
  case W_RDIVMOD: return divmod_pair(vm, t, x, self);
  case W_COMPARE: return t == &object_type && r->op == CO_NE ? object_ne(vm, self, x) : t->compare(vm, self, x, (Compare)r->op);
  case W_UNARY: return t->unary(vm, r->op, self);
  case W_REPR: return t->repr(vm, self);
  case W_STR: return t == &object_type ? default_str(vm, self) : t->str(vm, self);
  case W_HASH: return t->hash(vm, self, &i) ? int_from_i64(vm, i) : V_FAIL;
  case W_BOOL: return result_bool(t->truth(vm, self));
  case W_LEN: return (i = t->length(vm, self)) < 0 ? V_FAIL : int_from_i64(vm, i);
  case W_GETITEM: return t->getitem(vm, self, x);
  case W_SETITEM: return result_none(t->setitem(vm, self, x, a->v[2]));
  case W_DELITEM: return result_none(t->setitem(vm, self, x, V_ABSENT));
  case W_CONTAINS: return result_bool(t->contains(vm, self, x));
  case W_ITER: return t->iter(vm, self);
  case W_NEXT:
    if (!v_absent(shell_engine(self))) return gen_tail_resume(vm, shell_engine(self), RESUME_SEND, V_NONE);
    got = t->next(vm, self, &item);
    return got > 0 ? item : got < 0 ? V_FAIL : stop_iteration(vm);
  case W_FORMAT:
    if (!is_str(x)) return rt_raise(vm, &exc_TypeError, "__format__() argument must be str, not %s", v_is_none(x) ? "None" : type_of(x)->name);
    return t == &object_type ? object_default_format(vm, self, v_str(x)) : t->format(vm, self, v_str(x));
  case W_CALL: return call_slot(vm, t, self, x, a->v[2]);
  case W_GETATTR: return attr_plain_get(vm, self, x);
  case W_SETATTR: case W_DELATTR:
    if (t == &object_type && is_type(self)) return rt_raise(vm, &exc_TypeError, "can't apply this %s to %T object", r->def.name, self);
    return attr_plain_set(vm, self, x, r->kind == W_SETATTR ? a->v[2] : V_ABSENT);
  case W_GET:
    if (v_is_none(x) && v_is_none(a->v[2])) return rt_raise(vm, &exc_TypeError, "__get__(None, None) is invalid");
    return t->descr_get(vm, self, v_is_none(x) && !v_same(a->v[2], rt_type_value(&none_type)) ? V_ABSENT : x, v_is_none(a->v[2]) ? rt_type_value(type_of(x)) : a->v[2]);
  case W_SET: return result_none(t->descr_set(vm, self, x, a->v[2]));
  case W_DELETE: return result_none(t->descr_set(vm, self, x, V_ABSENT));
  }
  return V_FAIL;
}

/* ---------------------------------------------------------------- making */

static bool put(VM *vm, Dict *ns, const char *name, Value v) {
  if (v_failed(v)) return false;
  Str *s = str_intern(vm, name, strlen(name));
  return s && dict_set_str(vm, ns, s, v);
}

static Native *new_wrapper(VM *vm, const tiny_def *def, const Type *t) {
  Native *fn = native_new(vm, def, NATIVE_METHOD, t, V_ABSENT, V_NONE);
  if (!fn) return NULL;
  fn->head.type = &slot_wrapper_type;
  fn->head.shape = slot_wrapper_type.shape_id;
  return fn;
}

/* T.__new__(cls, ...): the C constructor of T for cls. */
static Value call_new(VM *vm, Args *a) {
  const Type *owner = a->self->owner;
  Value cls = a->v[0];
  if (!is_type(cls)) return rt_raise(vm, &exc_TypeError, "%N.__new__(X): X is not a type object (%T)", owner, cls);
  const Type *t = (const Type *)v_obj(cls);
  if (!rt_is_subtype(t, owner)) return rt_raise(vm, &exc_TypeError, "%N.__new__(%N): %N is not a subtype of %N", owner, t, t, owner);
  if (t->new_ != owner->new_ && type_builtin_base(t) != owner && t->layout != LAY_NATIVE_INSTANCE) {
    const Type *b = type_builtin_base(t);
    return rt_raise(vm, &exc_TypeError, "%N.__new__(%N) is not safe, use %N.__new__()", owner, t, b);
  }
  Tuple *pos = v_tuple(a->v[1]);
  Dict *kw = v_dict(a->v[2]);
  size_t n = pos->length + kw->used;
  Value *argv = rt_temp(vm, (int)n + 1), kwnames = V_ABSENT;
  if (!argv) return V_FAIL;
  memcpy(argv, pos->items, pos->length * sizeof(Value));
  if (kw->used) {
    Tuple *names = tuple_new(vm, NULL, kw->used);
    if (!names) return V_FAIL;
    size_t at = 0, i = 0;
    Value key, v;
    while (dict_next(kw, &at, &key, &v)) {
      gc_store(vm, names, &names->items[i], key);
      argv[pos->length + i++] = v;
    }
    argv[n] = kwnames = v_from_obj(names);
  }
  return class_make(vm, t, argv, (int)pos->length, kwnames);
}
static const tiny_def new_def = {"__new__", call_new, "(cls, /, *args, **kwargs)", "Create and return a new object.  See help(type) for accurate signature."};

/* Some slots are shown as ordinary methods. */
static bool is_plain_method(const Type *t, int kind) {
  switch (kind) {
  case W_FORMAT: return true;
  case W_GETITEM: return t == &list_type || t == &dict_type;
  case W_CONTAINS: return t == &dict_type || t == &set_type || t == &frozenset_type;
  default: return false;
  }
}

bool slot_wrappers_add(VM *vm, const Type *t, Dict *ns) {
  uint32_t ops, reflected, inplace, unary;
  operators_of(t, &ops, &reflected, &inplace, &unary);
  for (size_t i = 0; i < ROW_COUNT; i++) {
    if (!type_has(t, &rows[i], ops, reflected, inplace, unary)) continue;
    Native *fn = is_plain_method(t, rows[i].kind) ? native_new(vm, &rows[i].def, NATIVE_METHOD, t, V_ABSENT, V_NONE) : new_wrapper(vm, &rows[i].def, t);
    if (!fn || !put(vm, ns, rows[i].def.name, v_from_obj(fn))) return false;
  }
  if ((t->flags & TYPE_UNHASHABLE) && !put(vm, ns, "__hash__", V_NONE)) return false;
  if (OWN(new_) && !(t->flags & TYPE_NO_NEW)) {
    Native *fn = native_new(vm, &new_def, NATIVE_NEW, t, V_ABSENT, V_NONE);
    if (!fn || !put(vm, ns, "__new__", v_from_obj(fn))) return false;
  }
  if (t == &object_type) {
    Native *fn = new_wrapper(vm, &object_init_def, t);
    if (!fn || !put(vm, ns, "__init__", v_from_obj(fn))) return false;
  }
  if (OWN(init)) {
    tiny_def *def = arena_alloc(&type_state(vm)->defs, sizeof *def);
    if (!def) return rt_no_memory(vm), false;
    *def = (tiny_def){"__init__", t->init, t->init_sig ? t->init_sig : "(self, /, *args, **kwargs)", "Initialize self.  See help(type(self)) for accurate signature."};
    Native *fn = new_wrapper(vm, def, t);
    if (!fn || !put(vm, ns, "__init__", v_from_obj(fn))) return false;
  }
  return true;
}

void slot_wrapper_mark(Native *fn) {
  static const char *const more[] = {"__await__", "__aiter__", "__anext__", "__init__", "__del__"};
  const char *name = fn->def->name;
  bool slot = false;
  if (fn->kind != NATIVE_METHOD || name[0] != '_') return;
  for (size_t i = 0; !slot && i < ROW_COUNT; i++) slot = !is_plain_method(fn->owner, rows[i].kind) && !strcmp(rows[i].def.name, name);
  for (size_t i = 0; !slot && i < sizeof more / sizeof *more; i++) slot = !strcmp(more[i], name);
  if (!slot) return;
  fn->head.type = &slot_wrapper_type;
  fn->head.shape = slot_wrapper_type.shape_id;
}

/* One that calls the type's slot, that is: not a method that only looks like one (slot_wrapper_mark). */
bool value_is_wrapper(Value v) {
  if (!v_has_layout(v, LAY_NATIVE)) return false;
  const tiny_def *def = ((Native *)v_obj(v))->def;
  return (v_obj(v)->type == &slot_wrapper_type && !strcmp(def->name, "__init__")) || ((uintptr_t)def >= (uintptr_t)rows && (uintptr_t)def < (uintptr_t)(rows + ROW_COUNT));
}

/* ---------------------------------------------------------------- the types */

static Value slot_wrapper_repr(VM *vm, Value self) {
  Native *fn = (Native *)v_obj(self);
  return rt_format(vm, "<slot wrapper '%s' of '%N' objects>", fn->def->name, fn->owner);
}
static void slot_wrapper_trace(Tracer *t, Obj *o) { native_method_type.trace(t, o); }
static void slot_wrapper_destroy(VM *vm, Obj *o) { native_method_type.destroy(vm, o); }
static Value slot_wrapper_call(VM *vm, Value self, Args *a) { return native_method_type.call(vm, self, a); }
static Value slot_wrapper_get(VM *vm, Value descr, Value obj, Value cls) {
  Value m = native_method_type.descr_get(vm, descr, obj, cls);
  if (v_failed(m) || v_same(m, descr)) return m;
  v_obj(m)->type = &method_wrapper_type;
  v_obj(m)->shape = method_wrapper_type.shape_id;
  return m;
}

static Value get_name(VM *vm, Value self) { return v_from_str(str_from(vm, ((Native *)v_obj(self))->def->name)); }
static Value get_qualname(VM *vm, Value self) { return rt_format(vm, "%N.%s", ((Native *)v_obj(self))->owner, ((Native *)v_obj(self))->def->name); }
static Value get_doc(VM *vm, Value self) {
  const char *doc = ((Native *)v_obj(self))->def->doc;
  return doc ? v_from_str(str_from(vm, doc)) : V_NONE;
}
static Value get_objclass(VM *vm, Value self) {
  (void)vm;
  return rt_type_value(((Native *)v_obj(self))->owner);
}
static Value get_text_signature(VM *vm, Value self) { return rt_format(vm, "($%s", ((Native *)v_obj(self))->def->signature + 1); }
static const GetSet slot_wrapper_getset[] = {{"__name__", get_name, NULL, NULL}, {"__qualname__", get_qualname, NULL, NULL}, {"__doc__", get_doc, NULL, NULL},
    {"__objclass__", get_objclass, NULL, NULL}, {"__text_signature__", get_text_signature, NULL, NULL}, {0}};

const Type slot_wrapper_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "wrapper_descriptor", .base = &object_type,
    .layout = LAY_NATIVE, .flags = TYPE_NO_NEW | TYPE_DESCR_GET | TYPE_BARRIER, .shape_id = TYPE_ID_slot_wrapper, .size = sizeof(Native), .trace = slot_wrapper_trace,
    .destroy = slot_wrapper_destroy, .repr = slot_wrapper_repr, .call = slot_wrapper_call, .descr_get = slot_wrapper_get, .getset = slot_wrapper_getset};
