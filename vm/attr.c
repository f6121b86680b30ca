/* Attribute access: the lookup rules of the data model ("Customizing attribute access", "Implementing Descriptors"), filling of inline caches, and the rt_ functions
 * built on them. Nothing here runs script code but the rt_ functions marked [script]: what has to be called is described in an AttrCall.
 *
 * Caches. A site remembers the shape of the object it saw. A shape says type and own attributes, so what was found for one object holds for all of that shape until
 * a class changes; then all caches are emptied (attr_flush_caches). Objects whose own attributes are not told by their shape (functions, dict mode) are not cached. */
#include "vm/attr.h"
#include "vm/objects/class.h"
#include "vm/objects/function.h"
#include "vm/objects/shape.h"
#include "vm/type_ids.h"

enum { FOUND = 1, CALL = 0, FAILED = -1, MISSING = 2 };
enum { CODE_LISTED = 0x8000 }; /* bit of a code object's head.small: it is in vm->cached_codes */

/* One lookup: what the helpers below share. */
typedef struct Access {
  VM *vm;
  Value obj;
  const Type *type;
  Str *name;
  bool method;         /* a call follows: give function and self apart */
  InlineCache *ic;     /* NULL: nothing to fill */
  Code *code;
  Value *out, *self;
  AttrCall *call;
} Access;

/* ---------------------------------------------------------------- inline caches */

static bool list_code(VM *vm, Code *code) {
  if (code->head.small & CODE_LISTED) return true;
  if (code->head.flags & OBJ_STATIC) return false;
  if (!mem_grow(&vm->mem, (void **)&vm->cached_codes, &vm->cap_cached, vm->n_cached + 1, sizeof(Code *))) return false;
  vm->cached_codes[vm->n_cached++] = code;
  code->head.small |= CODE_LISTED;
  return true;
}

static void fill(VM *vm, InlineCache *ic, Code *code, uint32_t key, IcKind kind, size_t index, uint32_t extra, Value value) {
  if (!ic || index > 0xFFFF || !list_code(vm, code)) return;
  *ic = (InlineCache){.key = key, .kind = (uint16_t)kind, .index = (uint16_t)index, .extra = extra, .value = value};
}

void attr_flush_caches(VM *vm) {
  for (size_t i = 0; i < vm->n_cached; i++) {
    Code *code = vm->cached_codes[i];
    if (code->n_sites) memset(code_cache(code->consts, code->n_sites - 1), 0, code->n_sites * sizeof(InlineCache));
    code->head.small &= (uint16_t)~CODE_LISTED;
  }
  vm->n_cached = vm->n_cached_old = 0;
  type_flush_methods(vm);
}

/* An attribute that stands in the __dict__ of a plain instance. -1: not there, or the keys are odd. */
static int64_t cache_dict_entry(VM *vm, InlineCache *ic, Code *code, const Instance *o, const Shape *s, Str *name) {
  Dict *d = v_dict(o->slots[s->count - 1]);
  int64_t i = dict_entry_index(vm, d, name);
  if (i < 0 || !ic) return i;
  fill(vm, ic, code, o->head.shape, IC_DICT, (size_t)i, 0, v_from_obj(name));
  if (ic->kind == IC_DICT && ic->key == o->head.shape) ic->key2 = s->count - 1;
  return i;
}

void attr_prune_caches(VM *vm, bool full) {
  size_t kept = full ? 0 : vm->n_cached_old; /* codes become old at once */
  for (size_t i = kept; i < vm->n_cached; i++) {
    if (gc_is_marked(vm, &vm->cached_codes[i]->head)) vm->cached_codes[kept++] = vm->cached_codes[i];
  }
  vm->n_cached = vm->n_cached_old = kept;
}

/* Do the shape and the classes decide what this object's attributes are? */
static bool shape_decides(VM *vm, const Obj *o) {
  switch (o->type->layout) {
  case LAY_FUNCTION: case LAY_MODULE: case LAY_STATICMETHOD: case LAY_CLASSMETHOD: case LAY_TYPE: case LAY_SUPER: return false;
  default: break;
  }
  if (o->shape < SHAPE_FIRST_DYNAMIC) return o->shape != 0;
  const Shape *s = shape_of(vm, o);
  return s && !s->dict_mode;
}

/* May the class attribute stay in a cache? Plain data of a class that is known to change may not. */
static bool may_cache(const Access *x, const Type *cls, Value v) {
  if (!value_is_plain_data(v) || type_lookup_is_cached(x->vm, cls, x->name)) return true;
  const Type *owner = type_owner_of(x->vm, cls, x->name);
  return owner && !(type_is_heap(owner) && type_class(owner)->data_changes);
}

/* ---------------------------------------------------------------- errors */

Value attr_error(VM *vm, Value obj, Str *name, Value msg) {
  Value exc = v_failed(msg) ? V_FAIL : exc_new(vm, &exc_AttributeError, 1, &msg);
  if (v_failed(exc)) return V_FAIL;
  exc_set_field(vm, exc, EXF_ATTR_NAME, v_from_obj(name));
  exc_set_field(vm, exc, EXF_ATTR_OBJ, obj);
  return rt_raise_obj(vm, exc);
}

static COLD int fail_missing(VM *vm, Value obj, Str *name) {
  if (rt_pending(vm)) return FAILED;
  if (is_type(obj)) attr_error(vm, obj, name, rt_format(vm, "type object '%N' has no attribute '%U'", (const Type *)v_obj(obj), name));
  else if (v_is_exact(obj, &module_type)) module_no_attr(vm, (Module *)v_obj(obj), name);
  else attr_error(vm, obj, name, rt_format(vm, "'%T' object has no attribute '%U'", obj, name));
  return FAILED;
}

/* ---------------------------------------------------------------- binding */

static bool is_data_descr(Value v) {
  if (!v_is_obj(v)) return false;
  const Type *t = v_obj(v)->type;
  return (t->flags & TYPE_DESCR_SET) || t->layout == LAY_PROPERTY || t->descr_set;
}

/* One that goes before the instance's own attributes when it is read: with a __get__. */
static bool is_read_first(Value v) { return is_data_descr(v) && (v_obj(v)->type->layout == LAY_PROPERTY || (v_obj(v)->type->flags & TYPE_DESCR_GET) || v_obj(v)->type->descr_get); }

static Value bind_native(VM *vm, Value v, Value obj, const Type *cls) {
  const Native *fn = (const Native *)v_obj(v);
  if (fn->kind == NATIVE_CLASSMETHOD) return method_new(vm, v, rt_type_value(cls));
  if (fn->kind != NATIVE_METHOD || v_absent(obj)) return v;
  Value m = method_new(vm, v, obj);
  if (!v_failed(m) && v_obj(v)->type == &slot_wrapper_type) {
    v_obj(m)->type = &method_wrapper_type;
    v_obj(m)->shape = method_wrapper_type.shape_id;
  }
  return m;
}

/* A script's descriptor: its __get__ is to be called. False: it has none but the C one. */
static bool script_get(VM *vm, Value v, Value obj, const Type *cls, AttrCall *call) {
  const Type *t = v_obj(v)->type;
  Value get = attr_override(vm, t, NAME(vm, __get__));
  if (v_absent(get)) return false;
  *call = (AttrCall){get, {v, v_absent(obj) ? V_NONE : obj, rt_type_value(cls)}, 3, V_ABSENT, V_NONE};
  return true;
}

static int bind_property(VM *vm, Value v, Value obj, Value *out, AttrCall *call) {
  const Property *p = (const Property *)v_obj(v);
  if (v_absent(obj)) {
    *out = v;
    return FOUND;
  }
  if (v_is_none(p->get) || v_absent(p->get)) {
    if (p->name) rt_raise(vm, &exc_AttributeError, "property %R of %R object has no getter", v_from_obj(p->name), type_qualname(vm, type_of(obj)));
    else rt_raise(vm, &exc_AttributeError, "property of %R object has no getter", type_qualname(vm, type_of(obj)));
    return FAILED;
  }
  *call = (AttrCall){p->get, {obj, V_NONE, V_NONE}, 1, V_ABSENT, V_NONE};
  return CALL;
}

int attr_bind(VM *vm, Value v, Value obj, const Type *cls, Value *out, AttrCall *call) {
  for (int depth = 0;; depth++) {
    if (depth > 100) return rt_raise_i(vm, &exc_RecursionError, "maximum recursion depth exceeded"); /* a class method that wraps itself */
    *out = v;
    if (!v_is_obj(v)) return FOUND;
    const Type *t = v_obj(v)->type;
    if (t->flags & TYPE_HEAP) {
      if ((t->flags & TYPE_DESCR_GET) && script_get(vm, v, obj, cls, call)) return CALL;
    }
    switch (t->layout) {
    case LAY_FUNCTION:
      if (!v_absent(obj)) *out = method_new(vm, v, obj);
      return v_failed(*out) ? FAILED : FOUND;
    case LAY_NATIVE:
      *out = bind_native(vm, v, obj, cls);
      return v_failed(*out) ? FAILED : FOUND;
    case LAY_PROPERTY: return bind_property(vm, v, obj, out, call);
    case LAY_STATICMETHOD: *out = ((Wrapped *)v_obj(v))->func; return FOUND;
    case LAY_CLASSMETHOD: { /* binds what it wraps to the class, by that thing's own __get__ */
      Value fn = ((Wrapped *)v_obj(v))->func;
      if (value_is_plain_data(fn)) {
        *out = method_new(vm, fn, rt_type_value(cls));
        return v_failed(*out) ? FAILED : FOUND;
      }
      v = fn;
      obj = rt_type_value(cls);
      cls = type_of(obj);
      continue;
    }
    default:
      if (t->descr_get) *out = t->descr_get(vm, v, obj, rt_type_value(cls));
      return v_failed(*out) ? FAILED : FOUND;
    }
  }
}

/* The same where a call follows: functions are left unbound and *self says what they get. */
static int bind_for_call(Access *x, Value v, Value obj, const Type *cls) {
  *x->self = V_ABSENT;
  if (v_is_obj(v)) {
    const Type *t = v_obj(v)->type;
    if (!v_absent(obj) && (t->layout == LAY_FUNCTION || (t->layout == LAY_NATIVE && ((Native *)v_obj(v))->kind == NATIVE_METHOD))) {
      *x->out = v;
      *x->self = obj;
      return FOUND;
    }
    if (t->layout == LAY_NATIVE && ((Native *)v_obj(v))->kind == NATIVE_CLASSMETHOD) {
      *x->out = v;
      *x->self = rt_type_value(cls);
      return FOUND;
    }
    if (t == &classmethod_type && v_has_layout(((Wrapped *)v_obj(v))->func, LAY_FUNCTION)) {
      *x->out = ((Wrapped *)v_obj(v))->func;
      *x->self = rt_type_value(cls);
      return FOUND;
    }
  }
  return attr_bind(x->vm, v, obj, cls, x->out, x->call);
}

static int bind_access(Access *x, Value v, Value obj, const Type *cls) {
  return x->method ? bind_for_call(x, v, obj, cls) : attr_bind(x->vm, v, obj, cls, x->out, x->call);
}

/* ---------------------------------------------------------------- own attributes */

static Dict **attrs_dict(Obj *o) {
  switch (o->type->layout) {
  case LAY_FUNCTION: return &((Function *)o)->attrs;
  case LAY_MODULE: return &((Module *)o)->dict;
  case LAY_STATICMETHOD: case LAY_CLASSMETHOD: return &((Wrapped *)o)->attrs;
  default: return NULL;
  }
}

static Value own_get(VM *vm, Value obj, Str *name) {
  if (!v_is_obj(obj)) return V_ABSENT;
  Obj *o = v_obj(obj);
  Dict **d = attrs_dict(o);
  if (d) return *d ? module_lookup(vm, *d, name) : V_ABSENT;
  if (o->shape < SHAPE_FIRST_DYNAMIC) return V_ABSENT;
  return instance_get(vm, o, name);
}

/* ---------------------------------------------------------------- reading */

/* Fills the site for a class attribute v found through an object whose shape decides. */
static void cache_class_attr(Access *x, Value v) {
  const Obj *o = v_obj(x->obj);
  if (!v_is_obj(v)) {
    if (may_cache(x, x->type, v)) fill(x->vm, x->ic, x->code, o->shape, IC_VALUE, 0, 0, v);
    return;
  }
  const Type *t = v_obj(v)->type;
  bool binds = t->layout == LAY_FUNCTION || (t->layout == LAY_NATIVE && ((Native *)v_obj(v))->kind == NATIVE_METHOD && (x->method || t != &slot_wrapper_type));
  if (binds) fill(x->vm, x->ic, x->code, o->shape, IC_METHOD, 0, 0, v);
  else if (t->layout == LAY_STATICMETHOD && !(t->flags & TYPE_HEAP)) fill(x->vm, x->ic, x->code, o->shape, IC_VALUE, 0, 0, ((Wrapped *)v_obj(v))->func);
  else if (value_is_plain_data(v) && may_cache(x, x->type, v)) fill(x->vm, x->ic, x->code, o->shape, IC_VALUE, 0, 0, v);
}

static int get_data_descr(Access *x, Value v) {
  const Type *t = v_obj(v)->type;
  if (t == &member_descr_type && v_is_obj(x->obj)) {
    const MemberDescr *d = (const MemberDescr *)v_obj(v);
    const Obj *o = v_obj(x->obj);
    if (x->ic && x->type->layout == LAY_OBJECT && rt_is_subtype(x->type, d->owner)) fill(x->vm, x->ic, x->code, o->shape, IC_SLOT, d->index, 0, V_NONE);
  }
  if (t == &tuplegetter_type && x->ic && !x->method && x->type->layout == LAY_TUPLE && shape_decides(x->vm, v_obj(x->obj)) && !(x->type->flags & TYPE_DUNDER_GETATTR)) {
    int64_t i = ((const TupleGetter *)v_obj(v))->index;
    if (i >= 0 && (size_t)i < v_tuple(x->obj)->length) fill(x->vm, x->ic, x->code, v_obj(x->obj)->shape, IC_ITEM, (size_t)i, 0, V_NONE);
  }
  if (t == &property_type && x->ic && !x->method && !(x->type->flags & TYPE_DUNDER_GETATTR) && v_is_obj(x->obj) && shape_decides(x->vm, v_obj(x->obj))) {
    Value get = ((const Property *)v_obj(v))->get;
    if (v_is_exact(get, &function_type)) fill(x->vm, x->ic, x->code, v_obj(x->obj)->shape, IC_PROPERTY, 0, 0, get);
  }
  if (x->method) *x->self = V_ABSENT;
  return attr_bind(x->vm, v, x->obj, x->type, x->out, x->call);
}

/* The site for an attribute in an AttrStore. */
static void cache_stored(VM *vm, InlineCache *ic, Code *code, Obj *o, const Str *name) {
  Shape *s = o->type->layout == LAY_OBJECT || !shape_decides(vm, o) ? NULL : shape_of(vm, o);
  int32_t slot = s ? shape_slot(vm, s, name) : -1;
  if (slot >= 0) fill(vm, ic, code, o->shape, IC_STORE, (size_t)slot, 0, V_NONE);
}

static bool knows(const InlineCache *ic, Value obj, IcKind kind) { return ic && ic->kind == kind && v_is_obj(obj) && v_obj(obj)->shape == ic->key; }

static int get_instance(Access *x) {
  VM *vm = x->vm;
  Value attr = rt_type_lookup(vm, x->type, x->name);
  if (is_read_first(attr)) return get_data_descr(x, attr);
  if (x->method) *x->self = V_ABSENT;
  bool is_obj = v_is_obj(x->obj);
  if (is_obj && x->type->layout == LAY_OBJECT && (x->type->flags & TYPE_HEAP)) { /* the common case by hand */
    Obj *o = v_obj(x->obj);
    Shape *s = shape_of(vm, o);
    if (s && !s->dict_mode) {
      int32_t slot = shape_slot(vm, s, x->name);
      if (slot >= 0) {
        *x->out = ((Instance *)o)->slots[slot];
        fill(vm, x->ic, x->code, o->shape, IC_SLOT, (size_t)slot, 0, V_NONE);
        return FOUND;
      }
      if (v_absent(attr)) return MISSING;
      if (x->ic) cache_class_attr(x, attr);
      return bind_access(x, attr, x->obj, x->type);
    }
    int64_t i = s ? cache_dict_entry(vm, x->ic, x->code, (Instance *)o, s, x->name) : -1;
    if (i >= 0) {
      *x->out = v_dict(((Instance *)o)->slots[s->count - 1])->entries[i].value;
      return FOUND;
    }
  }
  Value own = own_get(vm, x->obj, x->name);
  if (v_failed(own)) return FAILED;
  if (!v_absent(own)) {
    *x->out = own;
    if (x->ic && is_obj && !(x->type->flags & TYPE_DUNDER_GETATTR)) cache_stored(vm, x->ic, x->code, v_obj(x->obj), x->name);
    return FOUND;
  }
  if (v_absent(attr)) return MISSING;
  if (x->ic && is_obj && shape_decides(vm, v_obj(x->obj))) cache_class_attr(x, attr);
  return bind_access(x, attr, x->obj, x->type);
}

/* Attributes of a class object: type.__getattribute__. */
static int get_class(Access *x) {
  VM *vm = x->vm;
  const Type *cls = (const Type *)v_obj(x->obj);
  Value meta = rt_type_lookup(vm, x->type, x->name);
  if (v_absent(meta) && UNLIKELY(rt_pending(vm))) return FAILED;
  if (x->method) *x->self = V_ABSENT;
  if (is_read_first(meta)) return attr_bind(vm, meta, x->obj, x->type, x->out, x->call);
  Value v = rt_type_lookup(vm, cls, x->name);
  if (v_absent(v)) {
    if (UNLIKELY(rt_pending(vm))) return FAILED;
    if (v_absent(meta)) return MISSING;
    return bind_access(x, meta, x->obj, x->type);
  }
  if (x->ic && (cls->flags & TYPE_HEAP)) {
    uint32_t key = cls->head.shape;
    const Type *t = v_is_obj(v) ? v_obj(v)->type : NULL;
    if (t && (t->layout == LAY_FUNCTION || (t->layout == LAY_NATIVE && ((Native *)v_obj(v))->kind != NATIVE_CLASSMETHOD))) fill(vm, x->ic, x->code, key, IC_VALUE, 0, 0, v);
    else if (t == &staticmethod_type) fill(vm, x->ic, x->code, key, IC_VALUE, 0, 0, ((Wrapped *)v_obj(v))->func);
    else if (t == &classmethod_type && v_has_layout(((Wrapped *)v_obj(v))->func, LAY_FUNCTION)) fill(vm, x->ic, x->code, key, IC_METHOD, 0, 0, ((Wrapped *)v_obj(v))->func);
    else if (value_is_plain_data(v) && may_cache(x, cls, v)) fill(vm, x->ic, x->code, key, IC_VALUE, 0, 0, v);
  }
  return bind_access(x, v, V_ABSENT, cls);
}

static int get_module(Access *x) {
  VM *vm = x->vm;
  Module *m = (Module *)v_obj(x->obj);
  if (x->method) *x->self = V_ABSENT;
  Value attr = V_ABSENT;
  bool dunder = x->name->size > 4 && x->name->data[0] == '_' && x->name->data[1] == '_';
  if (dunder || (x->type->flags & TYPE_HEAP)) attr = rt_type_lookup(vm, x->type, x->name);
  if (v_absent(attr) && UNLIKELY(rt_pending(vm))) return FAILED;
  if (is_read_first(attr)) return get_data_descr(x, attr);
  Value v = module_lookup(vm, m->dict, x->name);
  if (v_failed(v)) return FAILED;
  if (!v_absent(v)) {
    *x->out = v;
    if (x->ic && x->type == &module_type) {
      int64_t i = dict_entry_index(vm, m->dict, x->name);
      if (i >= 0) fill(vm, x->ic, x->code, m->head.shape, IC_MODULE, (size_t)i, m->dict->keys_version, v_from_obj(m->dict));
    }
    return FOUND;
  }
  if (!v_absent(attr)) return bind_access(x, attr, x->obj, x->type);
  if (dunder) {
    Value late = module_late_attr(vm, x->name);
    if (v_failed(late)) return FAILED;
    if (!v_absent(late)) return *x->call = (AttrCall){late, {x->obj, v_from_obj(x->name), V_NONE}, 2, V_ABSENT, V_NONE}, CALL;
  }
  Str *hook_name = NAME(vm, __getattr__); /* PEP 562 */
  Value hook = hook_name ? dict_get_str(vm, m->dict, hook_name) : V_FAIL;
  if (v_failed(hook)) return FAILED;
  if (v_absent(hook)) return MISSING;
  *x->call = (AttrCall){hook, {v_from_obj(x->name), V_NONE, V_NONE}, 1, V_ABSENT, V_NONE};
  return CALL;
}

static int get_super(Access *x) {
  VM *vm = x->vm;
  Super *s = (Super *)v_obj(x->obj);
  if (x->method) *x->self = V_ABSENT;
  Value v = super_lookup(vm, s, x->name);
  if (v_failed(v)) return FAILED;
  if (v_absent(v)) return get_instance(x);
  /* super of a class method: obj is the class itself */
  Value obj = v_same(s->obj, rt_type_value(s->obj_type)) ? V_ABSENT : s->obj;
  return bind_access(x, v, obj, s->obj_type);
}

/* The rules without the hooks of scripts. */
static int get_plain(Access *x) {
  switch (x->type->layout) {
  case LAY_TYPE: return get_class(x);
  case LAY_MODULE: return get_module(x);
  case LAY_SUPER: return get_super(x);
  default: break;
  }
  if (UNLIKELY(x->type->getattr != NULL)) {
    if (x->method) *x->self = V_ABSENT;
    *x->out = x->type->getattr(x->vm, x->obj, x->name);
    return v_failed(*x->out) ? FAILED : v_absent(*x->out) ? MISSING : FOUND;
  }
  return get_instance(x);
}

/* Classes with __getattribute__ or __getattr__. */
static COLD int get_hooked(Access *x) {
  VM *vm = x->vm;
  Value hook = rt_type_lookup(vm, x->type, NAME(vm, __getattr__));
  if (!v_absent(hook)) hook = special_unbound(vm, hook, NULL);
  if (v_failed(hook)) return FAILED;
  Value get = attr_override(vm, x->type, NAME(vm, __getattribute__));
  int r;
  if (!v_absent(get)) {
    *x->call = (AttrCall){get, {x->obj, v_from_obj(x->name), V_NONE}, 2, V_ABSENT, V_NONE};
    r = CALL;
    if (x->method) *x->self = V_ABSENT;
  } else {
    r = get_plain(x);
  }
  if (v_absent(hook) || r == FOUND) return r;
  if (r == FAILED) { /* a C getter said AttributeError */
    if (!rt_pending_is(vm, &exc_AttributeError)) return r;
    rt_take_exc(vm);
    r = MISSING;
  }
  if (r == CALL) {
    x->call->fallback = hook;
    x->call->fallback_self = x->obj;
    return r;
  }
  if (rt_pending(vm)) return FAILED;
  *x->call = (AttrCall){hook, {x->obj, v_from_obj(x->name), V_NONE}, 2, V_ABSENT, V_NONE};
  return CALL;
}

static int get_any(Access *x) {
  if (UNLIKELY(!x->name)) return FAILED;
  if (UNLIKELY(!(x->name->head.small & STR_INTERNED))) {
    x->name = str_intern_str(x->vm, x->name);
    if (!x->name) return FAILED;
  }
  return UNLIKELY(x->type->flags & TYPE_DUNDER_GETATTR) ? get_hooked(x) : get_plain(x);
}

int attr_get(VM *vm, Value obj, Str *name, InlineCache *ic, Code *code, Value *out, AttrCall *call) {
  if (knows(ic, obj, IC_STORE)) return *out = *instance_slot(v_obj(obj), ic->index), FOUND;
  if (knows(ic, obj, IC_ITEM) && ic->index < v_tuple(obj)->length) return *out = v_tuple(obj)->items[ic->index], FOUND;
  Access x = {.vm = vm, .obj = obj, .type = type_of(obj), .name = name, .ic = ic, .code = code, .out = out, .call = call};
  int r = get_any(&x);
  return LIKELY(r != MISSING) ? r : fail_missing(vm, obj, name);
}

int attr_find(VM *vm, Value obj, Str *name, Value *out, AttrCall *call) {
  Access x = {.vm = vm, .obj = obj, .type = type_of(obj), .name = name, .out = out, .call = call};
  int r = get_any(&x);
  return r == MISSING && rt_pending(vm) ? FAILED : r;
}

int attr_get_method(VM *vm, Value obj, Str *name, InlineCache *ic, Code *code, Value *fn, Value *self, AttrCall *call) {
  Access x = {.vm = vm, .obj = obj, .type = type_of(obj), .name = name, .method = true, .ic = ic, .code = code, .out = fn, .self = self, .call = call};
  int r = get_any(&x);
  return LIKELY(r != MISSING) ? r : fail_missing(vm, obj, name);
}

/* ---------------------------------------------------------------- writing */

static int set_property(VM *vm, Value v, Value obj, Value value, AttrCall *call) {
  const Property *p = (const Property *)v_obj(v);
  bool del = v_absent(value);
  Value fn = del ? p->del : p->set;
  if (v_is_none(fn) || v_absent(fn)) {
    const char *what = del ? "deleter" : "setter";
    if (p->name) rt_raise(vm, &exc_AttributeError, "property %R of %R object has no %s", v_from_obj(p->name), type_qualname(vm, type_of(obj)), what);
    else rt_raise(vm, &exc_AttributeError, "property of %R object has no %s", type_qualname(vm, type_of(obj)), what);
    return FAILED;
  }
  *call = (AttrCall){fn, {obj, value, V_NONE}, del ? 1 : 2, V_ABSENT, V_NONE};
  return CALL;
}

/* v is a data descriptor. */
static int set_descr(VM *vm, Value v, Value obj, Value value, AttrCall *call) {
  const Type *t = v_obj(v)->type;
  if (t->flags & TYPE_HEAP) {
    bool del = v_absent(value);
    Value fn = attr_override(vm, t, del ? NAME(vm, __delete__) : NAME(vm, __set__));
    if (!v_absent(fn)) {
      *call = (AttrCall){fn, {v, obj, value}, del ? 2 : 3, V_ABSENT, V_NONE};
      return CALL;
    }
    if (t->layout != LAY_PROPERTY && !t->descr_set) {
      return rt_raise_i(vm, &exc_AttributeError, "%s", del ? "__delete__" : "__set__");
    }
  }
  if (t->layout == LAY_PROPERTY) return set_property(vm, v, obj, value, call);
  return t->descr_set(vm, v, obj, value) ? FOUND : FAILED;
}

/* Errors of storing and deleting do not carry name and object: python3 suggests nothing there. */
static COLD int fail_set(VM *vm, Value obj, Str *name, Value attr) {
  if (rt_pending(vm)) return FAILED;
  return rt_raise_i(vm, &exc_AttributeError, v_absent(attr) ? "'%T' object has no attribute '%U'" : "'%T' object attribute '%U' is read-only", obj, name);
}

static int set_in_dict(VM *vm, Obj *o, Dict **d, Str *name, Value value) {
  if (v_absent(value)) {
    int r = !*d ? 0 : module_complete(vm, *d) ? dict_del_str(vm, *d, name) : -1;
    return r < 0 ? FAILED : r ? FOUND : MISSING;
  }
  if (!*d) {
    Dict *fresh = dict_new(vm);
    if (!fresh) return FAILED;
    gc_store_obj(vm, o, d, fresh);
  }
  return dict_set_str(vm, *d, name, value) ? FOUND : FAILED;
}

/* After a store into an instance: what the next store at this site can do by itself. */
static void cache_store(VM *vm, InlineCache *ic, Code *code, Obj *o, Str *name, uint32_t before) {
  const Shape *s = shape_of(vm, o);
  bool plain = o->type->layout == LAY_OBJECT;
  if (!s || (s->dict_mode && !plain)) return;
  if (s->dict_mode) {
    if (o->shape == before) cache_dict_entry(vm, ic, code, (Instance *)o, s, name);
    return;
  }
  if (o->shape == before) {
    int32_t slot = shape_find(s, name);
    if (slot >= 0) fill(vm, ic, code, before, plain ? IC_SLOT : IC_STORE, (size_t)slot, 0, V_NONE);
    return;
  }
  if (!s->parent || s->parent->id != before) return;
  IcKind kind = plain ? IC_ADD : IC_STORE_ADD;
  fill(vm, ic, code, before, kind, s->count - 1, 0, V_NONE);
  if (ic->kind == kind && ic->key == before) ic->key2 = s->id;
}

static int set_plain(VM *vm, Value obj, Str *name, Value value, InlineCache *ic, Code *code, AttrCall *call) {
  const Type *t = type_of(obj);
  Value attr = rt_type_lookup(vm, t, name);
  if (is_data_descr(attr)) {
    if (ic && v_obj(attr)->type == &member_descr_type && t->layout == LAY_OBJECT && rt_is_subtype(t, ((MemberDescr *)v_obj(attr))->owner))
      fill(vm, ic, code, v_obj(obj)->shape, IC_SLOT, ((MemberDescr *)v_obj(attr))->index, 0, V_NONE);
    return set_descr(vm, attr, obj, value, call);
  }
  if (t->layout == LAY_TYPE) {
    const Type *cls = (const Type *)v_obj(obj);
    if (!type_is_heap(cls) || (cls->flags & TYPE_IMMUTABLE)) return rt_raise_i(vm, &exc_TypeError, "cannot set %R attribute of immutable type '%N'", v_from_obj(name), cls);
    return class_set_attr(vm, type_class(cls), name, value) ? FOUND : FAILED;
  }
  if (t->setattr) return t->setattr(vm, obj, name, value) ? FOUND : FAILED;
  if (!v_is_obj(obj) || !(t->flags & TYPE_HAS_ATTRS)) return fail_set(vm, obj, name, attr);
  Obj *o = v_obj(obj);
  Dict **d = attrs_dict(o);
  int r;
  if (d) {
    r = set_in_dict(vm, o, d, name, value);
  } else if (v_absent(value)) {
    r = instance_del(vm, o, name);
    r = r < 0 ? FAILED : r ? FOUND : MISSING;
  } else {
    uint32_t before = o->shape;
    if (!instance_set(vm, o, name, value)) return FAILED;
    if (ic && (t->flags & TYPE_HEAP)) cache_store(vm, ic, code, o, name, before);
    return FOUND;
  }
  return r == MISSING ? fail_set(vm, obj, name, V_ABSENT) : r;
}

int attr_set(VM *vm, Value obj, Str *name, Value value, InlineCache *ic, Code *code, AttrCall *call) {
  const Type *t = type_of(obj);
  if (knows(ic, obj, IC_STORE)) return gc_store(vm, v_obj(obj), instance_slot(v_obj(obj), ic->index), value), FOUND;
  if (knows(ic, obj, IC_STORE_ADD)) return instance_add(vm, v_obj(obj), ic->index, ic->key2, value) ? FOUND : FAILED;
  if (UNLIKELY(!(name->head.small & STR_INTERNED))) {
    name = str_intern_str(vm, name);
    if (!name) return FAILED;
  }
  if (UNLIKELY(t->flags & TYPE_DUNDER_SETATTR)) {
    bool del = v_absent(value);
    Value fn = attr_override(vm, t, del ? NAME(vm, __delattr__) : NAME(vm, __setattr__));
    if (!v_absent(fn)) {
      *call = (AttrCall){fn, {obj, v_from_obj(name), value}, del ? 2 : 3, V_ABSENT, V_NONE};
      return CALL;
    }
  }
  return set_plain(vm, obj, name, value, ic, code, call);
}

/* ---------------------------------------------------------------- natives: object.__getattribute__ and friends */

static Str *name_arg(VM *vm, Value name) {
  if (is_str(name)) return str_intern_str(vm, v_str(name));
  rt_raise(vm, &exc_TypeError, "attribute name must be string, not '%T'", name);
  return NULL;
}

Value attr_plain_get(VM *vm, Value obj, Value name) {
  Str *s = name_arg(vm, name);
  if (!s) return V_FAIL;
  Value out;
  AttrCall call;
  Access x = {.vm = vm, .obj = obj, .type = type_of(obj), .name = s, .out = &out, .call = &call};
  int r = get_plain(&x);
  if (r == FOUND) return out;
  if (r == CALL) return rt_tail_call(vm, call.fn, call.argc, call.args);
  if (r == MISSING) fail_missing(vm, obj, s);
  return V_FAIL;
}

Value attr_plain_set(VM *vm, Value obj, Value name, Value value) {
  Str *s = name_arg(vm, name);
  if (!s) return V_FAIL;
  AttrCall call;
  int r = set_plain(vm, obj, s, value, NULL, NULL, &call);
  if (r == FOUND) return V_NONE;
  return r == CALL ? rt_tail_call(vm, call.fn, call.argc, call.args) : V_FAIL;
}

/* ---------------------------------------------------------------- special methods */

/* A special method that is no plain function (static method, descriptor, callable object): called with the object first, it is bound to it and called with the rest.
   Never seen by scripts. */
typedef struct SpecialCall { Obj head; Value descr; bool lenient; } SpecialCall;

static void special_trace(Tracer *t, Obj *o) { gc_mark(t, ((SpecialCall *)o)->descr); }

/* Comparisons take a method that cannot be bound for one that is not there. */
static bool is_comparison(VM *vm, const Str *name) {
  for (int id = NAME___lt__; id <= NAME___ge__; id++)
    if (vm->names[id] == name) return true;
  return false;
}

/* state: (arguments behind self, keyword names or None, None or True: an error in binding is no error); bound: what the descriptor's __get__ gave. */
static Value then_special(VM *vm, Value state, tiny_outcome how, Value bound) {
  if (how == TINY_RAISED) return v_is_none(v_tuple(state)->items[2]) ? rt_raise_obj(vm, bound) : V_NOTIMPL;
  const Tuple *args = v_tuple(v_tuple(state)->items[0]);
  Value names = v_tuple(state)->items[1];
  Value r = rt_tail_call(vm, bound, (int)args->length, args->items);
  if (v_same(r, V_TAILCALL)) vm->tail.kwnames = v_is_none(names) ? V_ABSENT : names;
  return r;
}

static Value special_call(VM *vm, Value self, Args *a) {
  Value descr = ((SpecialCall *)v_obj(self))->descr, bound;
  if (!a->n) return rt_raise(vm, &exc_TypeError, "special method needs an argument");
  size_t rest = (size_t)a->n - 1 + (v_absent(a->kwnames) ? 0 : v_tuple(a->kwnames)->length);
  AttrCall call;
  int r = attr_bind(vm, descr, a->v[0], type_of(a->v[0]), &bound, &call);
  if (r < 0) return V_FAIL;
  if (r == CALL) {
    Tuple *args = tuple_new(vm, a->v + 1, rest);
    bool lenient = ((SpecialCall *)v_obj(self))->lenient;
    Tuple *state = args ? tuple_new(vm, (Value[]){v_from_obj(args), v_absent(a->kwnames) ? V_NONE : a->kwnames, lenient ? V_TRUE : V_NONE}, 3) : NULL;
    return state ? tiny_then_call(vm, then_special, v_from_obj(state), call.fn, call.argc, call.args) : V_FAIL;
  }
  Value v = rt_tail_call(vm, bound, (int)rest, a->v + 1);
  if (v_same(v, V_TAILCALL)) vm->tail.kwnames = a->kwnames;
  return v;
}

static const Type special_call_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "special_call", .base = &object_type,
    .layout = LAY_OTHER, .flags = TYPE_NO_NEW, .size = sizeof(SpecialCall), .trace = special_trace, .call = special_call};

Value special_unbound(VM *vm, Value v, const Str *name) {
  if (v_is_none(v)) return v;
  if (v_is_obj(v)) {
    const Type *t = v_obj(v)->type;
    if (t->layout == LAY_FUNCTION || (t->layout == LAY_NATIVE && ((Native *)v_obj(v))->kind == NATIVE_METHOD)) return v;
  }
  SpecialCall *s = gc_new(vm, &special_call_type, sizeof *s);
  if (!s) return V_FAIL;
  gc_store(vm, s, &s->descr, v);
  s->lenient = is_comparison(vm, name);
  return v_from_obj(s);
}

bool attr_special(VM *vm, Value obj, Str *name, Value *fn, Value *self) {
  if (UNLIKELY(!name)) return false;
  const Type *t = type_of(obj);
  Value v = rt_type_lookup(vm, t, name);
  if (v_absent(v)) return false;
  AttrCall call;
  Access x = {.vm = vm, .obj = obj, .type = t, .name = name, .method = true, .out = fn, .self = self, .call = &call};
  int r = bind_for_call(&x, v, obj, t);
  if (r == FOUND) return true;
  *fn = special_unbound(vm, v, name);
  *self = obj;
  return r == CALL && !v_failed(*fn);
}

/* ---------------------------------------------------------------- [script] forms */

/* Makes the call that a lookup asked for. */
static Value run_call(VM *vm, const AttrCall *call, Str *name) {
  if (v_absent(call->fallback)) return rt_call(vm, call->fn, call->argc, call->args);
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 3);
  if (!keep) return V_FAIL;
  keep[0] = call->fallback;
  keep[1] = call->fallback_self;
  keep[2] = v_from_obj(name);
  Value v = rt_call(vm, call->fn, call->argc, call->args);
  if (v_failed(v) && rt_pending_is(vm, &exc_AttributeError)) {
    rt_take_exc(vm);
    v = rt_call(vm, keep[0], 2, keep + 1);
  }
  rt_temp_release(vm, mark);
  return v;
}

Value rt_getattr(VM *vm, Value obj, Str *name) {
  if (UNLIKELY(!name)) return V_FAIL;
  Value out = V_NONE;
  AttrCall call;
  int r = attr_get(vm, obj, name, NULL, NULL, &out, &call);
  return r == FOUND ? out : r == CALL ? run_call(vm, &call, name) : V_FAIL;
}

Value rt_getattr_opt(VM *vm, Value obj, Str *name) {
  if (UNLIKELY(!name)) return V_FAIL;
  Value out = V_NONE;
  AttrCall call;
  int r = attr_find(vm, obj, name, &out, &call);
  if (r == FOUND) return out;
  if (r == CALL) out = run_call(vm, &call, name);
  else out = r == MISSING ? V_ABSENT : V_FAIL;
  if (v_failed(out) && rt_pending_is(vm, &exc_AttributeError)) {
    rt_take_exc(vm);
    return V_ABSENT;
  }
  return out;
}

bool rt_setattr(VM *vm, Value obj, Str *name, Value value) {
  if (UNLIKELY(!name)) return false;
  AttrCall call;
  int r = attr_set(vm, obj, name, value, NULL, NULL, &call);
  return r == FOUND || (r == CALL && !v_failed(rt_call(vm, call.fn, call.argc, call.args)));
}

Value rt_special(VM *vm, Value obj, Str *name) {
  if (UNLIKELY(!name)) return V_FAIL;
  const Type *t = type_of(obj);
  Value v = rt_type_lookup(vm, t, name), out;
  if (v_absent(v)) return rt_pending(vm) ? V_FAIL : V_ABSENT;
  AttrCall call;
  int r = attr_bind(vm, v, obj, t, &out, &call);
  return r == FOUND ? out : r == CALL ? rt_call(vm, call.fn, call.argc, call.args) : V_FAIL;
}
