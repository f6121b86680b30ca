/* functools.partial and the keys of functools.cmp_to_key: callable objects. A call of a partial is made in its place, without a C frame in between. */
#include "vm/objects/iter_int.h"
#include "vm/native.h"

/* ---- partial ---- */

typedef struct Partial {
  Obj head;
  Value func;
  Tuple *args;
  Dict *keywords;
} Partial;

static Partial *partial(Value v) { return (Partial *)v_obj(v); }
/* Called as a partial is: not a subclass that has a __call__ of its own. */
static bool is_partial(VM *vm, Value v) {
  const Type *t = type_of(v);
  return rt_is_subtype(t, &partial_type) && (!type_is_heap(t) || v_absent(attr_override(vm, t, NAME(vm, __call__))));
}

/* Attributes of a subclass's instances are looked after by class.c. */
static void partial_trace(Tracer *t, Obj *o) {
  Partial *p = (Partial *)o;
  gc_mark(t, p->func);
  gc_mark_obj(t, p->args);
  gc_mark_obj(t, p->keywords);
  if (!type_is_heap(o->type)) instance_trace_attrs(t, o);
}
static void partial_destroy(VM *vm, Obj *o) {
  if (!type_is_heap(o->type)) instance_destroy_attrs(vm, o);
}

static bool has_attributes(VM *vm, Value v) {
  size_t pos = 0;
  Str *name;
  Value value;
  (void)vm;
  return instance_next(vm, v_obj(v), &pos, &name, &value);
}

/* keywords, when a script has put other keys than strs into them, are compared by script code. */
static bool update(VM *vm, Dict *d, Dict *from) { return dict_merge(vm, d, from, true); }

static Value partial_make(VM *vm, const Type *cls, Args *a) {
  Tuple *given = v_tuple(a->v[0]), *args;
  if (!given->length) return rt_raise(vm, &exc_TypeError, "type 'partial' takes at least one argument");
  Value func = given->items[0];
  if (!rt_callable(vm, func)) return rt_pending(vm) ? V_FAIL : rt_raise(vm, &exc_TypeError, "the first argument must be callable");
  Partial *inner = is_partial(vm, func) && !has_attributes(vm, func) ? partial(func) : NULL; /* a partial of a partial is one with all arguments */
  size_t n_inner = inner ? inner->args->length : 0;
  Value *keep = rt_temp(vm, 2);
  Dict *keywords = keep ? dict_new(vm) : NULL;
  if (!keywords || !(args = tuple_new(vm, NULL, n_inner + given->length - 1))) return V_FAIL;
  if (inner) memcpy(args->items, inner->args->items, n_inner * sizeof(Value));
  memcpy(args->items + n_inner, given->items + 1, (given->length - 1) * sizeof(Value));
  keep[0] = v_from_obj(keywords);
  keep[1] = v_from_obj(args);
  if ((inner && !update(vm, keywords, inner->keywords)) || !update(vm, keywords, v_dict(a->v[1]))) return V_FAIL;
  Partial *p = gc_new(vm, cls, sizeof *p);
  if (!p) return V_FAIL;
  p->func = inner ? inner->func : func;
  p->args = args;
  p->keywords = keywords;
  return v_from_obj(p);
}

/* The keywords of the partial, then those of the call, which replace others of the same name: values, behind the positional arguments, and names. */
static Value call_with_keywords(VM *vm, Partial *p, Args *a) {
  Tuple *names = v_absent(a->kwnames) ? NULL : v_tuple(a->kwnames);
  size_t n_args = p->args->length + (size_t)a->n, n_kw = 0, most = p->keywords->used + (names ? names->length : 0), pos = 0;
  Tuple *all = tuple_new(vm, NULL, n_args + most), *all_names = all ? tuple_new(vm, NULL, most) : NULL;
  Value key, v;
  if (!all_names) return V_FAIL;
  memcpy(all->items, p->args->items, p->args->length * sizeof(Value));
  memcpy(all->items + p->args->length, a->v, (size_t)a->n * sizeof(Value));
  while (dict_next(p->keywords, &pos, &key, &v)) {
    if (!is_str(key)) return rt_raise(vm, &exc_TypeError, "keywords must be strings");
    all_names->items[n_kw] = key;
    all->items[n_args + n_kw++] = v;
  }
  size_t own = n_kw;
  for (size_t i = 0; names && i < names->length; i++) {
    size_t k = 0;
    while (k < own && !v_same(all_names->items[k], names->items[i]) && !str_equal(v_str(all_names->items[k]), v_str(names->items[i]))) k++;
    all_names->items[k < own ? k : n_kw] = names->items[i];
    all->items[n_args + (k < own ? k : n_kw++)] = a->v[a->n + (int)i];
  }
  Tuple *exact = n_kw == most ? all_names : tuple_new(vm, all_names->items, n_kw);
  return exact ? rt_tail_call_after(vm, p->func, 0, NULL, (int)(n_args + n_kw), all->items, v_from_obj(exact)) : V_FAIL;
}
static Value partial_call(VM *vm, Value self, Args *a) {
  Partial *p = partial(self);
  if (UNLIKELY(p->keywords->used)) return call_with_keywords(vm, p, a);
  int n_kw = v_absent(a->kwnames) ? 0 : (int)v_tuple(a->kwnames)->length;
  return rt_tail_call_after(vm, p->func, (int)p->args->length, p->args->items, a->n + n_kw, a->v, a->kwnames);
}

static bool repr_parts(VM *vm, Partial *p, Buf *b) {
  if (!buf_add_repr(vm, b, p->func)) return false;
  for (size_t i = 0; i < p->args->length; i++) {
    buf_str(b, ", ");
    if (!buf_add_repr(vm, b, p->args->items[i])) return false;
  }
  size_t pos = 0;
  Value key, v;
  while (dict_next(p->keywords, &pos, &key, &v)) { /* by position: a script's __repr__ may change the dict */
    buf_str(b, ", ");
    if (is_str(key)) buf_add(b, v_str(key)->data, v_str(key)->size);
    else if (!buf_add_repr(vm, b, key)) return false;
    buf_char(b, '=');
    if (!buf_add_repr(vm, b, v)) return false;
  }
  return true;
}
static Value partial_repr(VM *vm, Value self) {
  Partial *p = partial(self);
  if (p->head.flags & OBJ_BUSY_REPR) return v_from_str(str_from(vm, "..."));
  if (!rt_enter_c(vm, " while getting the repr of an object")) return V_FAIL;
  Buf b;
  buf_init(&b, &vm->mem);
  buf_str(&b, p->head.type->name);
  buf_char(&b, '(');
  p->head.flags |= OBJ_BUSY_REPR;
  bool ok = repr_parts(vm, p, &b);
  p->head.flags &= (uint8_t)~OBJ_BUSY_REPR;
  rt_leave_c(vm);
  if (!ok) return buf_free(&b), V_FAIL;
  buf_char(&b, ')');
  return v_from_str(str_from_buf(vm, &b));
}

static Value partial_reduce(VM *vm, Args *a) {
  Partial *p = partial(a->v[0]);
  Value names = V_NONE;
  if (has_attributes(vm, a->v[0]) && v_failed(names = v_from_obj_or_fail(instance_dict(vm, &p->head)))) return V_FAIL;
  Value four[4] = {p->func, v_from_obj(p->args), v_from_obj(p->keywords), names};
  Tuple *state = tuple_new(vm, four, 4);
  Value made = state ? iter_remade(vm, a->v[0], &p->func, 1) : V_FAIL;
  if (v_failed(made)) return V_FAIL;
  Value three[3] = {v_tuple(made)->items[0], v_tuple(made)->items[1], v_from_obj(state)};
  return v_from_obj_or_fail(tuple_new(vm, three, 3));
}
static Value partial_setstate(VM *vm, Args *a) {
  Partial *p = partial(a->v[0]);
  Tuple *state = is_tuple(a->v[1]) && v_tuple(a->v[1])->length == 4 ? v_tuple(a->v[1]) : NULL;
  Value *s = state ? state->items : NULL;
  if (!s || !is_tuple(s[1]) || !(v_is_none(s[2]) || is_dict(s[2])) || !rt_callable(vm, s[0])) return rt_pending(vm) ? V_FAIL : rt_raise(vm, &exc_TypeError, "invalid partial state");
  if (!v_is_none(s[3]) && !is_dict(s[3])) return rt_raise(vm, &exc_TypeError, "invalid partial state");
  bool own = v_is_exact(s[2], &dict_type);
  Value *keep = rt_temp(vm, 3);
  if (!keep) return V_FAIL;
  Tuple *args = v_is_exact(s[1], &tuple_type) ? v_tuple(s[1]) : tuple_new(vm, v_tuple(s[1])->items, v_tuple(s[1])->length);
  Dict *keywords = own ? v_dict(s[2]) : dict_new(vm), *names = v_is_none(s[3]) ? dict_new(vm) : v_dict(s[3]);
  if (!args || !keywords || !names) return V_FAIL;
  keep[0] = v_from_obj(args);
  keep[1] = v_from_obj(keywords);
  keep[2] = v_from_obj(names);
  if (!own && !v_is_none(s[2]) && !update(vm, keywords, v_dict(s[2]))) return V_FAIL;
  gc_store(vm, p, &p->func, s[0]);
  gc_store_obj(vm, p, &p->args, args);
  gc_store_obj(vm, p, &p->keywords, keywords);
  return instance_set_dict(vm, &p->head, names) ? V_NONE : V_FAIL;
}

static Value get_func(VM *vm, Value self) { return (void)vm, partial(self)->func; }
static Value get_args(VM *vm, Value self) { return (void)vm, v_from_obj(partial(self)->args); }
static Value get_keywords(VM *vm, Value self) { return (void)vm, v_from_obj(partial(self)->keywords); }
static const GetSet partial_getset[] = {{"func", get_func, NULL, "function object to use in future partial calls"},
    {"args", get_args, NULL, "tuple of arguments to future partial calls"},
    {"keywords", get_keywords, NULL, "dictionary of keyword arguments to future partial calls"}, {"__dict__", attrs_get_dict, attrs_set_dict, NULL}, {0}};

const Type partial_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "functools.partial", .module = "functools", .layout = LAY_OTHER,
    .flags = TYPE_BASE | TYPE_HAS_ATTRS | TYPE_ATTRS_BEHIND | TYPE_WEAKREF, .base = &object_type, .size = sizeof(Partial), .shape_id = TYPE_ID_partial, .trace = partial_trace,
    .destroy = partial_destroy, .new_ = partial_make, .new_sig = "(*args, **kwargs)", .call = partial_call, .repr = partial_repr, .getset = partial_getset,
    .doc = "partial(func, *args, **keywords): func with some of its arguments given beforehand.",
    .methods = (const tiny_def[]){REDUCE(partial_reduce), SETSTATE(partial_setstate), CLASS_GETITEM, {0}}};

/* ---- the keys that cmp_to_key makes ---- */

typedef struct KeyWrapper { Obj head; Value cmp, object; /* V_ABSENT: the maker of keys itself */ } KeyWrapper;

static KeyWrapper *wrapper(Value v) { return (KeyWrapper *)v_obj(v); }
static void wrapper_trace(Tracer *t, Obj *o) {
  gc_mark(t, ((KeyWrapper *)o)->cmp);
  gc_mark(t, ((KeyWrapper *)o)->object);
}
static Value wrapper_new(VM *vm, Value cmp, Value object) {
  KeyWrapper *k = gc_new(vm, &key_wrapper_type, sizeof *k);
  if (!k) return V_FAIL;
  k->cmp = cmp;
  k->object = object;
  return v_from_obj(k);
}
static Value wrapper_call(VM *vm, Value self, Args *a) {
  if (LIKELY(a->n == 1 && v_absent(a->kwnames))) return wrapper_new(vm, wrapper(self)->cmp, a->v[0]);
  Value obj;
  Signature *sig = signature_parse(vm, "(obj)");
  if (!sig) return V_FAIL;
  bool ok = signature_bind(vm, sig, "K", a->v, a->n, a->kwnames, &obj);
  signature_free(vm, sig);
  return ok ? wrapper_new(vm, wrapper(self)->cmp, obj) : V_FAIL;
}
/* cmp(a, b) compared with 0. [script] */
static Value wrapper_compare(VM *vm, Value a, Value b, Compare op) {
  if (!v_is_exact(b, &key_wrapper_type) || !v_is_exact(a, &key_wrapper_type)) return rt_raise(vm, &exc_TypeError, "other argument must be K instance");
  Value two[2] = {wrapper(a)->object, wrapper(b)->object};
  if (v_absent(two[0]) || v_absent(two[1])) return rt_raise(vm, &exc_AttributeError, "object");
  Value r = rt_call(vm, wrapper(a)->cmp, 2, two);
  if (v_failed(r)) return V_FAIL;
  if (v_is_int(r)) return int_type.compare(vm, r, v_from_int62(0), op);
  return rt_compare(vm, r, v_from_int62(0), op);
}
static Value get_object(VM *vm, Value self) { return (void)vm, v_absent(wrapper(self)->object) ? V_NONE : wrapper(self)->object; }
static bool set_object(VM *vm, Value self, Value v) {
  gc_store(vm, v_obj(self), &wrapper(self)->object, v);
  return true;
}
static const GetSet wrapper_getset[] = {{"obj", get_object, set_object, "Value wrapped by a key function."}, {0}};

const Type key_wrapper_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "functools.KeyWrapper", .module = "functools", .layout = LAY_OTHER,
    .flags = TYPE_BARRIER | TYPE_NO_NEW | TYPE_UNHASHABLE, .base = &object_type, .size = sizeof(KeyWrapper), .shape_id = TYPE_ID_key_wrapper, .trace = wrapper_trace,
    .call = wrapper_call, .compare = wrapper_compare, .getset = wrapper_getset};

Value cmp_to_key(VM *vm, Args *a) { return wrapper_new(vm, a->v[0], V_ABSENT); }
