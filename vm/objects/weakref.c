/* weakref.ref and weakref.proxy. The collector clears the target and queues the callback (gc.h); here are the objects. A proxy passes what is done to it on. */
#include "vm/vm.h"
#include "vm/attr.h"
#include "vm/base/operators.h"
#include "vm/objects/class.h"
#include "vm/objects/shape.h"
#include "vm/type_ids.h"

static WeakRef *as_ref(Value v) { return (WeakRef *)v_obj(v); }

static WeakRef *make(VM *vm, const Type *type, Value target, Value callback) {
  if (!v_is_obj(target) || !(v_obj(target)->type->flags & TYPE_WEAKREF) || (v_obj(target)->flags & OBJ_STATIC)) {
    if (!is_type(target)) return rt_raise(vm, &exc_TypeError, "cannot create weak reference to '%T' object", target), NULL;
  }
  Obj *o = v_obj(target), **refs;
  bool none = v_is_none(callback) || v_absent(callback);
  size_t n = none && (o->flags & OBJ_HAS_WEAKREF) ? gc_weak_list(vm, o, &refs) : 0;
  for (size_t i = 0; i < n; i++) /* references without callback are shared */
    if (refs[i]->type == type && !type_is_heap(type) && v_absent(((WeakRef *)(void *)refs[i])->callback)) return (WeakRef *)(void *)refs[i];
  WeakRef *r = gc_new(vm, type, sizeof *r);
  if (!r) return NULL;
  r->hash = -1;
  gc_store(vm, r, &r->callback, none ? V_ABSENT : callback);
  if (o->flags & OBJ_STATIC) { /* builtin classes live for ever */
    r->target = o;
    return r;
  }
  if (!gc_weak_add(vm, o, &r->head)) return NULL;
  r->target = o;
  return r;
}

static Value ref_new(VM *vm, const Type *cls, Args *a) {
  if (cls == &weakref_type && v_dict(a->v[3])->used) return rt_raise(vm, &exc_TypeError, "ref() takes no keyword arguments");
  if (cls == &weakref_type && v_tuple(a->v[2])->length) return rt_raise(vm, &exc_TypeError, "__new__ expected at most 2 arguments, got %zu", v_tuple(a->v[2])->length + 2);
  WeakRef *r = make(vm, cls, a->v[0], a->v[1]);
  return r ? v_from_obj(r) : V_FAIL;
}
static Value ref_init(VM *vm, Args *a) {
  size_t more = v_tuple(a->v[3])->length;
  return more && v_is_exact(a->v[0], &weakref_type) ? rt_raise(vm, &exc_TypeError, "__init__ expected at most 2 arguments, got %zu", more + 2) : V_NONE;
}

static void ref_trace(Tracer *t, Obj *o) { gc_mark(t, ((WeakRef *)(void *)o)->callback); }
static void ref_destroy(VM *vm, Obj *o) {
  WeakRef *r = (WeakRef *)(void *)o;
  if (r->target && !(r->target->flags & OBJ_STATIC)) gc_weak_remove(vm, r->target, o);
}

static Value ref_repr(VM *vm, Value self) {
  const Obj *o = as_ref(self)->target;
  if (!o) return rt_format(vm, "<weakref at %p; dead>", (void *)v_obj(self));
  return rt_format(vm, "<weakref at %p; to '%N' at %p>", (void *)v_obj(self), o->type, (const void *)o);
}
static bool ref_hash(VM *vm, Value self, int64_t *out) {
  WeakRef *r = as_ref(self);
  if (r->hash == -1) {
    if (!r->target) return rt_raise_b(vm, &exc_TypeError, "weak object has gone away");
    int64_t h;
    if (!rt_hash(vm, v_from_obj(r->target), &h)) return false;
    r->hash = h;
  }
  *out = r->hash;
  return true;
}
static Value ref_compare(VM *vm, Value a, Value b, Compare op) {
  if (op != CO_EQ && op != CO_NE) return V_NOTIMPL;
  if (!v_is_obj(b) || type_builtin_base(v_obj(b)->type) != &weakref_type) return V_NOTIMPL;
  const Obj *x = as_ref(a)->target, *y = as_ref(b)->target;
  if (!x || !y) return v_from_bool(v_same(a, b) == (op == CO_EQ));
  return rt_compare(vm, v_from_obj(x), v_from_obj(y), op);
}
static Value ref_call(VM *vm, Value self, Args *a) {
  if (a->n || !v_absent(a->kwnames)) return rt_raise(vm, &exc_TypeError, "weakref.__call__() takes no arguments (%d given)", a->n);
  return as_ref(self)->target ? v_from_obj(as_ref(self)->target) : V_NONE;
}
static Value get_callback(VM *vm, Value self) { return (void)vm, v_absent(as_ref(self)->callback) ? V_NONE : as_ref(self)->callback; }
static Value class_getitem_m(VM *vm, Args *a) { return generic_alias_new(vm, a->v[0], a->v[1]); }
static const GetSet ref_getset[] = {{"__callback__", get_callback, NULL, NULL}, {0}};
static const tiny_def ref_methods[] = {{"+__class_getitem__", class_getitem_m, "(cls, item, /)", "See PEP 585"}, {0}};

const Type weakref_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "weakref.ReferenceType", .module = "weakref", .base = &object_type,
    .layout = LAY_OTHER, .flags = TYPE_BASE, .shape_id = TYPE_ID_weakref, .size = sizeof(WeakRef), .new_ = ref_new, .new_sig = "(object, callback=None, /, *args, **kwargs)",
    .init = ref_init, .init_sig = "(self, object, callback=None, /, *args, **kwargs)", .trace = ref_trace, .destroy = ref_destroy, .repr = ref_repr, .hash = ref_hash,
    .compare = ref_compare, .call = ref_call, .methods = ref_methods, .getset = ref_getset};

/* ---------------------------------------------------------------- proxy */

/* The target; V_FAIL: gone. */
static Value alive(VM *vm, Value self) {
  if (!v_is_exact(self, &weakproxy_type)) return self;
  Obj *o = as_ref(self)->target;
  return o ? v_from_obj(o) : rt_raise(vm, &exc_ReferenceError, "weakly-referenced object no longer exists");
}

static Value proxy_new(VM *vm, const Type *cls, Args *a) {
  WeakRef *r = make(vm, cls, a->v[0], a->v[1]);
  return r ? v_from_obj(r) : V_FAIL;
}
static Value proxy_repr(VM *vm, Value self) {
  const Obj *o = as_ref(self)->target;
  return rt_format(vm, "<weakproxy at %p to %N at %p>", (void *)v_obj(self), o ? o->type : &none_type, (const void *)o);
}
static Value proxy_str(VM *vm, Value self) {
  Value t = alive(vm, self);
  return v_failed(t) ? t : rt_str(vm, t);
}
static Value proxy_compare(VM *vm, Value a, Value b, Compare op) {
  Value x = alive(vm, a), y = v_failed(x) ? x : alive(vm, b);
  return v_failed(y) ? y : rt_compare(vm, x, y, op);
}
static int proxy_truth(VM *vm, Value self) {
  Value t = alive(vm, self);
  return v_failed(t) ? -1 : rt_truth(vm, t);
}
static int64_t proxy_length(VM *vm, Value self) {
  Value t = alive(vm, self);
  return v_failed(t) ? -1 : rt_len(vm, t);
}
static Value proxy_getitem(VM *vm, Value self, Value key) {
  Value t = alive(vm, self);
  return v_failed(t) ? t : rt_getitem(vm, t, key);
}
static bool proxy_setitem(VM *vm, Value self, Value key, Value value) {
  Value t = alive(vm, self);
  return !v_failed(t) && rt_setitem(vm, t, key, value);
}
static int proxy_contains(VM *vm, Value self, Value item) {
  Value t = alive(vm, self);
  return v_failed(t) ? -1 : rt_contains(vm, t, item);
}
static Value proxy_iter(VM *vm, Value self) {
  Value t = alive(vm, self);
  return v_failed(t) ? t : rt_iter(vm, t);
}
static Value proxy_binary(VM *vm, int op, Value a, Value b) {
  Value x = alive(vm, a), y = v_failed(x) ? x : alive(vm, b);
  return v_failed(y) ? y : rt_binary(vm, op, x, y);
}
static Value proxy_inplace(VM *vm, int op, Value a, Value b) {
  Value x = alive(vm, a), y = v_failed(x) ? x : alive(vm, b);
  return v_failed(y) ? y : rt_inplace(vm, op, x, y);
}
static Value proxy_unary(VM *vm, int op, Value a) {
  Value x = alive(vm, a);
  if (v_failed(x) || op <= UN_INVERT) return v_failed(x) ? x : rt_unary(vm, op, x);
  if (op == UN_INDEX_) return rt_index_obj(vm, x);
  Str *name = op == UN_ABS_ ? NAME(vm, __abs__) : op == UN_INT_ ? NAME(vm, __int__) : op == UN_FLOAT_ ? NAME(vm, __float__) : NAME(vm, __complex__);
  Value method = name ? rt_special(vm, x, name) : V_FAIL;
  if (v_failed(method)) return method;
  return v_absent(method) ? rt_raise(vm, &exc_TypeError, "bad operand type '%T'", x) : rt_call(vm, method, 0, NULL);
}
static Value proxy_bytes(VM *vm, Args *a) {
  Value x = alive(vm, a->v[0]);
  return v_failed(x) ? x : rt_call(vm, rt_type_value(&bytes_type), 1, &x);
}
static Value proxy_index(VM *vm, Args *a) {
  Value x = alive(vm, a->v[0]);
  return v_failed(x) ? x : rt_index_obj(vm, x);
}
static const tiny_def proxy_methods[] = {{"__index__", proxy_index, "(self, /)", NULL}, {"__bytes__", proxy_bytes, "(self, /)", NULL}, {0}};
static Value proxy_call(VM *vm, Value self, Args *a) {
  Value t = alive(vm, self);
  if (v_failed(t)) return t;
  int n = a->n + (v_absent(a->kwnames) ? 0 : (int)v_tuple(a->kwnames)->length);
  Value r = rt_tail_call(vm, t, n, a->v);
  if (v_same(r, V_TAILCALL)) vm->tail.kwnames = a->kwnames;
  return r;
}
static Value proxy_getattr(VM *vm, Value self, Str *name) {
  Value t = alive(vm, self);
  return v_failed(t) ? t : rt_getattr(vm, t, name);
}
static bool proxy_setattr(VM *vm, Value self, Str *name, Value value) {
  Value t = alive(vm, self);
  return !v_failed(t) && rt_setattr(vm, t, name, value);
}

const Type weakproxy_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "weakref.ProxyType", .module = "weakref", .base = &object_type,
    .layout = LAY_OTHER, .flags = TYPE_UNHASHABLE, .shape_id = TYPE_ID_weakproxy, .size = sizeof(WeakRef), .new_ = proxy_new, .new_sig = "(object, callback=None, /)",
    .trace = ref_trace, .destroy = ref_destroy, .repr = proxy_repr, .str = proxy_str, .compare = proxy_compare, .truth = proxy_truth, .length = proxy_length,
    .getitem = proxy_getitem, .setitem = proxy_setitem, .contains = proxy_contains, .iter = proxy_iter, .binary = proxy_binary, .inplace = proxy_inplace, .unary = proxy_unary, .methods = proxy_methods,
    .call = proxy_call,
    .getattr = proxy_getattr, .setattr = proxy_setattr};
