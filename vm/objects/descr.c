/* Descriptors that stand for C data: getset_descriptor (attributes computed by C functions), member_descriptor (__slots__), and method-wrapper, which a slot
 * wrapper becomes when it is looked up on an object. */
#include "vm/vm.h"
#include "vm/objects/class.h"
#include "vm/objects/function.h"
#include "vm/objects/int.h"
#include "vm/objects/list.h"
#include "vm/objects/shape.h"
#include "vm/type_ids.h"

static bool check_owner(VM *vm, const char *name, const Type *owner, Value obj) {
  if (rt_is_subtype(type_of(obj), owner)) return true;
  return rt_raise_b(vm, &exc_TypeError, "descriptor '%s' for '%N' objects doesn't apply to a '%T' object", name, owner, obj);
}

/* ---------------------------------------------------------------- getset_descriptor */

static GetSetDescr *as_getset(Value v) { return (GetSetDescr *)v_obj(v); }

/* Attributes that in CPython are fields of the C struct are shown as member descriptors. */
extern const Type timedelta_type;
static bool is_field(const char *name, const Type *owner) {
  static const struct { const Type *type; const char *names[15]; } some[] = {
      {&function_type, {"__globals__", "__closure__", "__builtins__", "__module__", "__doc__"}},
      {&code_type, {"co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_stacksize", "co_flags", "co_nlocals", "co_consts", "co_names", "co_filename", "co_name", "co_qualname", "co_firstlineno"}},
      {&type_type, {"__basicsize__", "__itemsize__", "__flags__", "__weakrefoffset__", "__base__", "__dictoffset__", "__mro__"}},
      {&partial_type, {"func", "args", "keywords"}}, {&generic_alias_type, {"__origin__", "__args__", "__unpacked__"}}, {&union_type, {"__args__"}},
      {&classmethod_type, {"__func__", "__wrapped__"}},
      {&staticmethod_type, {"__func__", "__wrapped__"}}, {&native_method_type, {"__objclass__", "__name__"}}, {&slot_wrapper_type, {"__objclass__", "__name__"}},
      {&timedelta_type, {"days", "seconds", "microseconds"}}, {&getset_descr_type, {"__objclass__", "__name__"}}, {&member_descr_type, {"__objclass__", "__name__"}}};
  for (size_t i = 0; i < sizeof some / sizeof *some; i++)
    for (const char *const *s = some[i].names; owner == some[i].type && *s; s++)
      if (!strcmp(name, *s)) return true;
  static const Type *const all[] = {&complex_type, &range_type, &slice_type, &super_type, &method_type};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (owner == all[i]) return strcmp(name, "__doc__") != 0;
  if (owner == &property_type) return strcmp(name, "__isabstractmethod__") != 0;
  if (owner->layout == LAY_GEN) return !strcmp(name + 2, "_code") || !strcmp(name, "cr_origin") || !strcmp(name, "ag_running");
  if (owner->layout != LAY_EXCEPTION) return false;
  return strcmp(name, "args") != 0 && (strncmp(name, "__", 2) != 0 || !strcmp(name, "__suppress_context__")) && strcmp(name, "characters_written") != 0;
}

static Value field_descr_new(VM *vm, const GetSet *def, const Type *owner) {
  Str *name = str_intern(vm, def->name, strlen(def->name));
  Value v = name ? member_descr_new(vm, name, owner, 0) : V_FAIL;
  if (!v_failed(v)) ((MemberDescr *)v_obj(v))->def = def;
  return v;
}

Value getset_descr_new(VM *vm, const GetSet *def, const Type *owner) {
  if (!type_is_heap(owner) && is_field(def->name, owner)) return field_descr_new(vm, def, owner);
  GetSetDescr *d = gc_new(vm, &getset_descr_type, sizeof *d);
  if (!d) return V_FAIL;
  d->def = def;
  gc_store_obj(vm, d, &d->owner, owner);
  return v_from_obj(d);
}

static void getset_trace(Tracer *t, Obj *o) { gc_mark_obj(t, ((GetSetDescr *)o)->owner); }
static Value getset_repr(VM *vm, Value self) { return rt_format(vm, "<attribute '%s' of '%N' objects>", as_getset(self)->def->name, as_getset(self)->owner); }

static Value getset_get(VM *vm, Value descr, Value obj, Value cls) {
  (void)cls;
  const GetSetDescr *d = as_getset(descr);
  if (v_absent(obj)) return descr;
  return check_owner(vm, d->def->name, d->owner, obj) ? d->def->get(vm, obj) : V_FAIL;
}
static bool getset_set(VM *vm, Value descr, Value obj, Value value) {
  const GetSetDescr *d = as_getset(descr);
  if (!check_owner(vm, d->def->name, d->owner, obj)) return false;
  if (!d->def->set) return rt_raise_b(vm, &exc_AttributeError, "attribute '%s' of '%N' objects is not writable", d->def->name, d->owner);
  return d->def->set(vm, obj, value);
}

static Value getset_name(VM *vm, Value self) { return v_from_str(str_from(vm, as_getset(self)->def->name)); }
static Value getset_qualname(VM *vm, Value self) { return rt_format(vm, "%N.%s", as_getset(self)->owner, as_getset(self)->def->name); }
static Value getset_doc(VM *vm, Value self) { return as_getset(self)->def->doc ? v_from_str(str_from(vm, as_getset(self)->def->doc)) : V_NONE; }
static Value getset_objclass(VM *vm, Value self) {
  (void)vm;
  return rt_type_value(as_getset(self)->owner);
}
static const GetSet getset_getset[] = {{"__name__", getset_name, NULL, NULL}, {"__qualname__", getset_qualname, NULL, NULL}, {"__doc__", getset_doc, NULL, NULL},
    {"__objclass__", getset_objclass, NULL, NULL}, {0}};

const Type getset_descr_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "getset_descriptor", .base = &object_type,
    .layout = LAY_OTHER, .flags = TYPE_NO_NEW | TYPE_DESCR_GET | TYPE_DESCR_SET | TYPE_BARRIER, .shape_id = TYPE_ID_getset_descr, .size = sizeof(GetSetDescr), .trace = getset_trace,
    .repr = getset_repr, .descr_get = getset_get, .descr_set = getset_set, .getset = getset_getset};

/* ---------------------------------------------------------------- member_descriptor */

static MemberDescr *as_member(Value v) { return (MemberDescr *)v_obj(v); }

Value member_descr_new(VM *vm, Str *name, const Type *owner, uint32_t index) {
  MemberDescr *d = gc_new(vm, &member_descr_type, sizeof *d);
  if (!d) return V_FAIL;
  gc_store_obj(vm, d, &d->name, name);
  gc_store_obj(vm, d, &d->owner, owner);
  d->index = index;
  return v_from_obj(d);
}

static void member_trace(Tracer *t, Obj *o) {
  gc_mark_obj(t, ((MemberDescr *)o)->name);
  gc_mark_obj(t, ((MemberDescr *)o)->owner);
}
static Value member_repr(VM *vm, Value self) { return rt_format(vm, "<member '%U' of '%N' objects>", as_member(self)->name, as_member(self)->owner); }

static bool member_check(VM *vm, const MemberDescr *d, Value obj) {
  if (rt_is_subtype(type_of(obj), d->owner)) return true;
  return rt_raise_b(vm, &exc_TypeError, "descriptor '%U' for '%N' objects doesn't apply to a '%T' object", d->name, d->owner, obj);
}
static Value member_get(VM *vm, Value descr, Value obj, Value cls) {
  (void)cls;
  const MemberDescr *d = as_member(descr);
  if (v_absent(obj)) return descr;
  if (!member_check(vm, d, obj)) return V_FAIL;
  if (d->def) return d->def->get(vm, obj);
  Value v = instance_member(v_obj(obj), d->index);
  if (!v_absent(v)) return v;
  return attr_error(vm, obj, d->name, rt_format(vm, "'%T' object has no attribute '%U'", obj, d->name));
}
static bool member_set(VM *vm, Value descr, Value obj, Value value) {
  const MemberDescr *d = as_member(descr);
  if (!member_check(vm, d, obj)) return false;
  if (d->def) return d->def->set ? d->def->set(vm, obj, value) : rt_raise_b(vm, &exc_AttributeError, "readonly attribute");
  if (v_absent(value) && v_absent(instance_member(v_obj(obj), d->index))) return rt_raise_b(vm, &exc_AttributeError, "%U", d->name);
  return instance_set_member(vm, v_obj(obj), d->index, value);
}

static Value member_name(VM *vm, Value self) {
  (void)vm;
  return v_from_obj(as_member(self)->name);
}
static Value member_qualname(VM *vm, Value self) { return rt_format(vm, "%N.%U", as_member(self)->owner, as_member(self)->name); }
static Value member_doc(VM *vm, Value self) {
  const GetSet *def = as_member(self)->def;
  return def && def->doc ? v_from_str(str_from(vm, def->doc)) : V_NONE;
}
static Value member_objclass(VM *vm, Value self) {
  (void)vm;
  return rt_type_value(as_member(self)->owner);
}
static const GetSet member_getset[] = {{"__name__", member_name, NULL, NULL}, {"__qualname__", member_qualname, NULL, NULL}, {"__doc__", member_doc, NULL, NULL},
    {"__objclass__", member_objclass, NULL, NULL}, {0}};

const Type member_descr_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "member_descriptor", .base = &object_type,
    .layout = LAY_OTHER, .flags = TYPE_NO_NEW | TYPE_DESCR_GET | TYPE_DESCR_SET | TYPE_BARRIER, .shape_id = TYPE_ID_member_descr, .size = sizeof(MemberDescr), .trace = member_trace,
    .repr = member_repr, .descr_get = member_get, .descr_set = member_set, .getset = member_getset};

/* ---------------------------------------------------------------- fields of named tuples (vm/attr.c caches them as IC_ITEM) */

static TupleGetter *as_field(Value v) { return (TupleGetter *)v_obj(v); }

static Value field_make(VM *vm, const Type *cls, Args *a) {
  int64_t index;
  if (!rt_index(vm, a->v[0], &index)) return V_FAIL;
  TupleGetter *g = gc_new(vm, cls, sizeof *g);
  if (!g) return V_FAIL;
  g->index = index;
  gc_store(vm, g, &g->doc, a->v[1]);
  return v_from_obj(g);
}
static void field_trace(Tracer *t, Obj *o) { gc_mark(t, ((TupleGetter *)o)->doc); }
static Value field_repr(VM *vm, Value self) { return rt_format(vm, "_tuplegetter(%lld, %R)", (long long)as_field(self)->index, as_field(self)->doc); }

static Value field_get(VM *vm, Value descr, Value obj, Value cls) {
  (void)cls;
  int64_t i = as_field(descr)->index;
  if (v_absent(obj)) return descr;
  if (!is_tuple(obj)) {
    if (v_is_none(obj)) return descr;
    return rt_raise(vm, &exc_TypeError, "descriptor for index '%lld' for tuple subclasses doesn't apply to '%T' object", (long long)i, obj);
  }
  Tuple *t = v_tuple(obj);
  return i >= 0 && (size_t)i < t->length ? t->items[i] : rt_raise(vm, &exc_IndexError, "tuple index out of range");
}
static bool field_set(VM *vm, Value descr, Value obj, Value value) {
  (void)descr, (void)obj;
  return rt_raise_b(vm, &exc_AttributeError, v_absent(value) ? "can't delete attribute" : "can't set attribute");
}
static Value field_doc(VM *vm, Value self) { return (void)vm, as_field(self)->doc; }
static bool field_set_doc(VM *vm, Value self, Value v) {
  gc_store(vm, v_obj(self), &as_field(self)->doc, v_absent(v) ? V_NONE : v);
  return true;
}
static Value field_reduce(VM *vm, Args *a) {
  TupleGetter *g = as_field(a->v[0]);
  Value index = int_from_i64(vm, g->index);
  Tuple *args = v_failed(index) ? NULL : tuple_pair(vm, index, g->doc);
  Tuple *both = args ? tuple_pair(vm, rt_type_value(&tuplegetter_type), v_from_obj(args)) : NULL;
  return both ? v_from_obj(both) : V_FAIL;
}
static const GetSet field_getset[] = {{"__doc__", field_doc, field_set_doc, NULL}, {0}};

const Type tuplegetter_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "_collections._tuplegetter", .module = "_collections", .base = &object_type,
    .layout = LAY_OTHER, .flags = TYPE_DESCR_GET | TYPE_DESCR_SET | TYPE_BARRIER, .shape_id = TYPE_ID_tuplegetter, .size = sizeof(TupleGetter), .trace = field_trace,
    .new_ = field_make, .new_sig = "(index, doc, /)", .repr = field_repr, .descr_get = field_get, .descr_set = field_set, .getset = field_getset,
    .methods = (const tiny_def[]){{"__reduce__", field_reduce, "(self, /)", NULL}, {0}}};

/* ---------------------------------------------------------------- method-wrapper: a struct Method of a slot wrapper */

static Value wrapper_repr(VM *vm, Value self) {
  const Method *m = (const Method *)v_obj(self);
  return rt_format(vm, "<method-wrapper '%s' of %T object at %p>", ((const Native *)v_obj(m->func))->def->name, m->self, v_is_obj(m->self) ? (void *)v_obj(m->self) : NULL);
}
static void wrapper_trace(Tracer *t, Obj *o) {
  gc_mark(t, ((Method *)o)->func);
  gc_mark(t, ((Method *)o)->self);
}
static Value wrapper_call(VM *vm, Value self, Args *a) {
  const Method *m = (const Method *)v_obj(self);
  int n = a->n + (v_absent(a->kwnames) ? 0 : (int)v_tuple(a->kwnames)->length);
  Value *argv = rt_temp(vm, n + 1);
  if (!argv) return V_FAIL;
  argv[0] = m->self;
  memcpy(argv + 1, a->v, (size_t)n * sizeof(Value));
  return native_call(vm, (Native *)v_obj(m->func), argv, n + 1, a->kwnames);
}
static Value wrapper_compare(VM *vm, Value a, Value b, Compare op) {
  (void)vm;
  if (!v_is_exact(b, &method_wrapper_type) || (op != CO_EQ && op != CO_NE)) return V_NOTIMPL;
  const Method *x = (const Method *)v_obj(a), *y = (const Method *)v_obj(b);
  return v_from_bool((v_same(x->func, y->func) && v_same(x->self, y->self)) == (op == CO_EQ));
}
static bool wrapper_hash(VM *vm, Value self, int64_t *out) {
  (void)vm;
  const Method *m = (const Method *)v_obj(self);
  *out = (int64_t)((m->func.w >> 4) ^ (m->self.w * 31));
  if (*out == -1) *out = -2;
  return true;
}
static const Native *wrapped(Value self) { return (const Native *)v_obj(((const Method *)v_obj(self))->func); }
static Value wrapper_name(VM *vm, Value self) { return v_from_str(str_from(vm, wrapped(self)->def->name)); }
static Value wrapper_qualname(VM *vm, Value self) { return rt_format(vm, "%N.%s", wrapped(self)->owner, wrapped(self)->def->name); }
static Value wrapper_doc(VM *vm, Value self) { return v_from_str(str_from(vm, wrapped(self)->def->doc)); }
static Value wrapper_self(VM *vm, Value self) {
  (void)vm;
  return ((const Method *)v_obj(self))->self;
}
static Value wrapper_objclass(VM *vm, Value self) {
  (void)vm;
  return rt_type_value(wrapped(self)->owner);
}
static const GetSet wrapper_getset[] = {{"__name__", wrapper_name, NULL, NULL}, {"__qualname__", wrapper_qualname, NULL, NULL}, {"__doc__", wrapper_doc, NULL, NULL},
    {"__self__", wrapper_self, NULL, NULL}, {"__objclass__", wrapper_objclass, NULL, NULL}, {0}};

/* Made as a method, of whose kind of page it is: TYPE_BARRIER as that (bind_native). */
const Type method_wrapper_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "method-wrapper", .base = &object_type,
    .layout = LAY_METHOD, .flags = TYPE_NO_NEW | TYPE_BARRIER, .shape_id = TYPE_ID_method_wrapper, .size = sizeof(Method), .trace = wrapper_trace, .repr = wrapper_repr,
    .hash = wrapper_hash, .compare = wrapper_compare, .call = wrapper_call, .getset = wrapper_getset};
