/* mappingproxy: a read-only view of a mapping (the __dict__ of classes, types.MappingProxyType). */
#include "vm/objects/containers_int.h"

typedef struct MappingProxy { Obj head; Value mapping; } MappingProxy;
static inline Value mapping_of(Value v) { return ((MappingProxy *)v_obj(v))->mapping; }
static inline Value unwrap(Value v) { return v_is_exact(v, &mappingproxy_type) ? mapping_of(v) : v; }

Value mappingproxy_new(VM *vm, Value mapping) {
  MappingProxy *p = gc_new(vm, &mappingproxy_type, sizeof(MappingProxy));
  if (!p) return V_FAIL;
  gc_store(vm, p, &p->mapping, mapping);
  return v_from_obj(p);
}
static void proxy_trace(Tracer *t, Obj *o) { gc_mark(t, ((MappingProxy *)o)->mapping); }

static Value proxy_make(VM *vm, const Type *cls, Args *a) {
  (void)cls;
  Value m = a->v[0];
  const Type *t = type_of(m);
  bool subscript = type_is_heap(t) ? !v_absent(rt_type_lookup(vm, t, NAME(vm, __getitem__))) : t->getitem != NULL;
  if (!subscript || is_list(m) || is_tuple(m)) return rt_raise(vm, &exc_TypeError, "mappingproxy() argument must be a mapping, not %T", m);
  return mappingproxy_new(vm, m);
}

static Value proxy_repr(VM *vm, Value self) {
  if (!rt_enter_c(vm, " while getting the repr of an object")) return V_FAIL;
  Value r = rt_format(vm, "mappingproxy(%R)", mapping_of(self));
  rt_leave_c(vm);
  return r;
}
static Value proxy_str(VM *vm, Value self) { return rt_str(vm, mapping_of(self)); }
static int64_t proxy_length(VM *vm, Value self) { return rt_len(vm, mapping_of(self)); }
static Value proxy_getitem(VM *vm, Value self, Value key) { return rt_getitem(vm, mapping_of(self), key); }
static int proxy_contains(VM *vm, Value self, Value key) { return rt_contains(vm, mapping_of(self), key); }
static Value proxy_iter(VM *vm, Value self) { return rt_iter(vm, mapping_of(self)); }
static Value proxy_compare(VM *vm, Value a, Value b, Compare op) { return rt_compare(vm, mapping_of(a), unwrap(b), op); }
static Value proxy_binary(VM *vm, int op, Value a, Value b) { return op == TINY_OR ? rt_binary(vm, op, unwrap(a), unwrap(b)) : V_NOTIMPL; }
static Value proxy_inplace(VM *vm, int op, Value a, Value b) {
  if (op != TINY_OR) return V_NOTIMPL;
  return rt_raise(vm, &exc_TypeError, "'|=' is not supported by %T; use '|' instead", a, b);
}

static Value delegate(VM *vm, Value self, const char *name, int argc, const Value *argv) {
  Str *s = str_intern(vm, name, strlen(name));
  if (!s) return V_FAIL;
  Value method = rt_getattr(vm, mapping_of(self), s);
  return v_failed(method) ? V_FAIL : rt_tail_call(vm, method, argc, argv);
}
static Value get_m(VM *vm, Args *a) { return delegate(vm, a->v[0], "get", 2, a->v + 1); }
static Value keys_m(VM *vm, Args *a) { return delegate(vm, a->v[0], "keys", 0, NULL); }
static Value values_m(VM *vm, Args *a) { return delegate(vm, a->v[0], "values", 0, NULL); }
static Value items_m(VM *vm, Args *a) { return delegate(vm, a->v[0], "items", 0, NULL); }
static Value copy_m(VM *vm, Args *a) { return delegate(vm, a->v[0], "copy", 0, NULL); }
static Value reversed_m(VM *vm, Args *a) { return delegate(vm, a->v[0], "__reversed__", 0, NULL); }

static const tiny_def methods[] = {
    {"get", get_m, "(self, key, default=None, /)", "Return the value for key if key is in the mapping, else default."},
    {"keys", keys_m, "(self, /)", "a set-like object providing a view on D's keys"},
    {"values", values_m, "(self, /)", "an object providing a view on D's values"},
    {"items", items_m, "(self, /)", "a set-like object providing a view on D's items"},
    {"copy", copy_m, "(self, /)", "a shallow copy of D"},
    {"__reversed__", reversed_m, "(self, /)", "Return a reverse iterator."},
    CLASS_GETITEM,
    {0},
};

const Type mappingproxy_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "mappingproxy",
    .base = &object_type,
    .layout = LAY_OTHER,
    .flags = TYPE_UNHASHABLE | TYPE_MAPPING,
    .shape_id = TYPE_ID_mappingproxy,
    .size = sizeof(MappingProxy),
    .new_ = proxy_make,
    .new_sig = "(mapping)",
    .trace = proxy_trace,
    .repr = proxy_repr,
    .str = proxy_str,
    .compare = proxy_compare,
    .length = proxy_length,
    .getitem = proxy_getitem,
    .contains = proxy_contains,
    .iter = proxy_iter,
    .binary = proxy_binary,
    .inplace = proxy_inplace,
    .methods = methods,
};
