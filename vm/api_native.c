/* tiny.h: native functions and their arguments, native classes, modules, per-VM data of native modules.
 *
 * A tiny_class becomes, once per VM, a heap class whose instances are NativeInstances: the class's row and its C data. vm->native_classes maps the address of
 * the row (as an int) to the class, Class.native leads back. */
#include "vm/api_int.h"
#include "vm/objects/int.h"
#include "vm/objects/list.h"

typedef struct NativeInstance {
  Obj head;
  const tiny_class *def;
  char data[];     /* begins 8 bytes later where its size is a multiple of 16: only such a struct can need that alignment */
} NativeInstance;

static inline size_t data_offset(const tiny_class *def) { return offsetof(NativeInstance, data) + (def->data_size % 16 ? 0 : 8); }
static inline void *data_of(NativeInstance *inst) { return (char *)inst + data_offset(inst->def); }

/* ---- arguments */

int tiny_argc(const tiny_args *a) { return a->n; }
tiny_val tiny_arg(const tiny_args *a, int i) { return i >= 0 && i < a->n ? a->v[i] : V_ABSENT; }

int64_t tiny_arg_int(const tiny_args *a, int i) {
  int64_t n = 0;
  Value v = tiny_arg(a, i);
  if (v_is_int(v)) return v_int(v);
  if (is_int(v)) (void)int_to_i64(v, &n);
  return n;
}

double tiny_arg_float(const tiny_args *a, int i) {
  Value v = tiny_arg(a, i);
  if (is_float(v)) return v_float_value(v);
  if (v_is_int(v)) return (double)v_int(v);
  double d = 0;
  if (is_int(v) && !int_to_double(a->vm, v, &d)) rt_take_exc(a->vm);
  return d;
}

bool tiny_arg_bool(const tiny_args *a, int i) { return tiny_arg(a, i).w == V_TRUE.w; }

const char *tiny_arg_str(const tiny_args *a, int i, size_t *len) {
  Value v = tiny_arg(a, i);
  if (len) *len = 0;
  if (!is_str(v)) return "";
  const char *text = str_cstr(a->vm, v_str(v));
  if (!text) return "";
  if (len) *len = v_str(v)->size;
  return text;
}

void *tiny_arg_native(const tiny_args *a, int i, const tiny_class *cls) { return tiny_data(a->vm, tiny_arg(a, i), cls); }
tiny_val tiny_bound(const tiny_args *a) { return a->self ? a->self->bound : V_ABSENT; }

tiny_val tiny_function(tiny_vm *vm, const tiny_def *def, tiny_val bound) {
  if (!api_ready(vm) || (!v_absent(bound) && !api_takes(vm, bound))) return V_FAIL;
  Value module = V_NONE;
  if (v_has_layout(bound, LAY_MODULE)) {
    Str *key = NAME(vm, __name__);
    module = key ? dict_get_str(vm, ((Module *)v_obj(bound))->dict, key) : V_FAIL;
    if (v_failed(module)) return V_FAIL;
    if (!is_str(module)) module = V_NONE;
  }
  Native *fn = native_new(vm, def, NATIVE_FUNCTION, NULL, bound, module);
  return fn ? api_pin(vm, v_from_obj(fn)) : V_FAIL;
}

/* ---- native classes */

static Value address_key(const void *p) { return v_from_int62((int64_t)(uintptr_t)p); }

/* The row of the native class that t is, or is derived from. */
static const tiny_class *class_def(const Type *t) {
  if (!t || t->layout != LAY_NATIVE_INSTANCE) return NULL;
  Class *c = type_class(t);
  if (!c->native) c->native = class_def(t->base);
  return c->native;
}

static void trace_instance(Tracer *t, Obj *o) {
  NativeInstance *inst = (NativeInstance *)(void *)o;
  for (const tiny_class *c = inst->def; c; c = c->base) {
    if (c->trace) c->trace(t, data_of(inst));
  }
  if (o->type->flags & TYPE_ATTRS_BEHIND) instance_trace_attrs(t, o);
}

static void destroy_instance(VM *vm, Obj *o) {
  NativeInstance *inst = (NativeInstance *)(void *)o;
  for (const tiny_class *c = inst->def; c; c = c->base) {
    if (c->destroy) c->destroy(vm, data_of(inst));
  }
  if (o->type->flags & TYPE_ATTRS_BEHIND) instance_destroy_attrs(vm, o);
}

static NativeInstance *new_instance(VM *vm, const Type *cls, const tiny_class *def) {
  NativeInstance *inst = gc_new(vm, cls, data_offset(def) + def->data_size);
  if (inst) inst->def = def;
  return inst;
}

/* __new__. Arguments belong to __init__; a class without one takes none, as object() does. */
static Value class_new_instance(VM *vm, const Type *cls, Args *a) {
  const tiny_class *def = class_def(cls);
  if (!def) return rt_raise(vm, &exc_TypeError, "cannot create '%N' instances", cls);
  bool given = a->n == 2 && ((is_tuple(a->v[0]) && v_tuple(a->v[0])->length) || (is_dict(a->v[1]) && v_dict(a->v[1])->used));
  if (given) {
    Str *key = NAME(vm, __init__);
    if (!key) return V_FAIL;
    if (v_same(rt_type_lookup(vm, cls, key), rt_type_lookup(vm, &object_type, key))) return rt_raise(vm, &exc_TypeError, "%N() takes no arguments", cls);
  }
  NativeInstance *inst = new_instance(vm, cls, def);
  return inst ? v_from_obj(inst) : V_FAIL;
}

static bool set_text(VM *vm, Dict *ns, NameId id, const char *text, size_t n) {
  Str *key = rt_name(vm, id), *s = key ? str_new(vm, text, n) : NULL;
  return s && dict_set_str(vm, ns, key, v_from_obj(s));
}

/* "@name" and "=name": one property object gets both. */
static bool add_property(VM *vm, Class *c, const tiny_def *def, Str *name) {
  Native *fn = native_new(vm, def, NATIVE_METHOD, &c->t, V_ABSENT, V_NONE);
  if (!fn) return false;
  Value old = dict_get_str(vm, c->ns, name);
  Property *p = v_is_exact(old, &property_type) ? (Property *)v_obj(old) : NULL;
  if (!p) {
    p = gc_new(vm, &property_type, sizeof *p);
    if (!p) return false;
    p->get = p->set = p->del = p->doc = V_NONE;
    p->name = name;
  }
  gc_store(vm, p, def->name[0] == '@' ? &p->get : &p->set, v_from_obj(fn));
  if (def->doc) {
    Str *doc = str_from(vm, def->doc);
    if (!doc) return false;
    gc_store(vm, p, &p->doc, v_from_obj(doc));
  }
  return dict_set_str(vm, c->ns, name, v_from_obj(p));
}

static bool add_method(VM *vm, Class *c, const tiny_def *def) {
  char mark = def->name[0];
  bool marked = mark == '@' || mark == '=' || mark == '+' || mark == '!';
  const char *text = def->name + marked;
  Str *name = str_intern(vm, text, strlen(text));
  if (!name) return false;
  if (mark == '@' || mark == '=') return add_property(vm, c, def, name);
  NativeKind kind = mark == '+' ? NATIVE_CLASSMETHOD : mark == '!' ? NATIVE_STATIC : NATIVE_METHOD;
  Native *fn = native_new(vm, def, kind, mark == '!' ? NULL : &c->t, V_ABSENT, V_NONE);
  if (!fn) return false;
  Value v = v_from_obj(fn);
  if (mark == '!') v = staticmethod_new(vm, v);
  return !v_failed(v) && dict_set_str(vm, c->ns, name, v);
}

/* "mygame.Unit": module and name. */
static Class *make_class(VM *vm, const tiny_class *def) {
  Value base = rt_type_value(&object_type);
  if (def->base && v_failed(base = tiny_class_of(vm, def->base))) return NULL;
  const char *dot = strrchr(def->name, '.'), *plain = dot ? dot + 1 : def->name;
  Dict *ns = dict_new(vm);
  Str *name = ns ? str_intern(vm, plain, strlen(plain)) : NULL;
  Tuple *bases = name ? tuple_new(vm, &base, 1) : NULL;
  if (!bases || !set_text(vm, ns, NAME___module__, dot ? def->name : "builtins", dot ? (size_t)(dot - def->name) : 8)) return NULL;
  if (def->doc && !set_text(vm, ns, NAME___doc__, def->doc, strlen(def->doc))) return NULL;
  Str *slots = NAME(vm, __slots__);
  Tuple *none = tuple_new(vm, NULL, 0);
  if (!slots || !none) return NULL;
  if (!(def->flags & TINY_CLASS_DICT) && !dict_set_str(vm, ns, slots, v_from_obj(none))) return NULL;
  Value cls = class_new(vm, &type_type, name, bases, ns);
  if (v_failed(cls)) return NULL;
  Class *c = (Class *)v_obj(cls);
  if (dot && !class_set_text_name(vm, c, def->name)) return NULL;
  c->t.layout = LAY_NATIVE_INSTANCE;
  c->native = def;
  c->t.size = (uint32_t)sizeof(NativeInstance);
  c->t.new_ = class_new_instance;
  c->t.new_sig = "(*args, **kwargs)";
  c->t.trace = trace_instance;
  c->t.destroy = destroy_instance;
  c->t.flags &= ~(uint32_t)(TYPE_HAS_ATTRS | TYPE_ATTRS_BEHIND);
  if (def->flags & TINY_CLASS_DICT) c->t.flags |= TYPE_HAS_ATTRS | TYPE_ATTRS_BEHIND;
  if (def->flags & TINY_CLASS_WEAKREF) c->t.flags |= TYPE_WEAKREF;
  if (def->await) c->t.flags |= TYPE_NATIVE_AWAIT;
  if (def->flags & TINY_CLASS_FINAL) c->t.flags &= ~(uint32_t)TYPE_BASE;
  if (def->flags & TINY_CLASS_NO_NEW) c->t.flags |= TYPE_NO_NEW;
  return c;
}

tiny_val tiny_class_of(tiny_vm *vm, const tiny_class *def) {
  NativeClassMemo *memo = &vm->native_class_memo[((uintptr_t)def >> 5) % NATIVE_CLASS_MEMOS];
  if (LIKELY(memo->def == def)) return v_from_obj(memo->cls);
  if (!vm->native_classes && !(vm->native_classes = dict_new(vm))) return V_FAIL;
  Value known = dict_get(vm, vm->native_classes, address_key(def));
  if (v_failed(known)) return known;
  if (!v_absent(known)) {
    *memo = (NativeClassMemo){def, v_obj(known)};
    return known;
  }
  Class *c = make_class(vm, def);
  if (!c) return V_FAIL;
  for (const tiny_def *d = def->methods; d && d->name; d++) {
    if (!add_method(vm, c, d)) return V_FAIL;
  }
  class_update_flags(vm, c);
  if (!dict_set(vm, vm->native_classes, address_key(def), v_from_obj(c))) return V_FAIL;
  return v_from_obj(c); /* alive as long as the VM */
}

tiny_val tiny_instance(tiny_vm *vm, const tiny_class *def, void **data) {
  if (data) *data = NULL;
  Value cls = tiny_class_of(vm, def);
  if (v_failed(cls)) return V_FAIL;
  NativeInstance *inst = new_instance(vm, (const Type *)v_obj(cls), def);
  if (!inst) return V_FAIL;
  if (data) *data = data_of(inst);
  return api_pin(vm, v_from_obj(inst));
}

void *tiny_data(tiny_vm *vm, tiny_val instance, const tiny_class *cls) {
  (void)vm;
  if (!v_has_layout(instance, LAY_NATIVE_INSTANCE)) return NULL;
  NativeInstance *inst = (NativeInstance *)(void *)v_obj(instance);
  const tiny_class *def = inst->def;
  if (LIKELY(def == cls)) return data_of(inst);
  for (def = def->base; def; def = def->base) {
    if (def == cls) return data_of(inst);
  }
  return NULL;
}

int native_await(VM *vm, Value v, Value *out) {
  NativeInstance *inst = (NativeInstance *)(void *)v_obj(v);
  bool end = false;
  tiny_scope s = tiny_scope_open(vm);
  *out = inst->def->await(vm, v, data_of(inst), &end);
  tiny_scope_close(vm, s);
  return v_failed(*out) ? -1 : !end;
}

void native_await_left(VM *vm, Value v) {
  NativeInstance *inst = (NativeInstance *)(void *)v_obj(v);
  if (inst->def->await_left) inst->def->await_left(vm, v, data_of(inst));
}

tiny_val tiny_self(const tiny_class *cls, const void *data) { return v_from_obj((Obj *)(uintptr_t)((const char *)data - data_offset(cls))); }

void tiny_trace(tiny_tracer *t, tiny_val v) { gc_mark(t, v); }

void tiny_store(tiny_vm *vm, tiny_val owner_instance, tiny_val *slot, tiny_val v) {
  if (v_is_obj(owner_instance)) gc_store(vm, v_obj(owner_instance), slot, v);
  else *slot = v;
}

/* ---- modules */

static bool add_module(VM *vm, const tiny_module *module, bool listed) {
  if (!mem_grow(&vm->mem, (void **)&vm->native_modules, &vm->cap_native_modules, vm->n_native_modules + 1, sizeof *vm->native_modules)) return rt_no_memory(vm), false;
  vm->native_modules[vm->n_native_modules++] = (NativeModule){module, listed};
  return true;
}
bool tiny_add_module(tiny_vm *vm, const tiny_module *module) { return add_module(vm, module, false); }
bool tiny_add_listed_module(tiny_vm *vm, const tiny_module *module) { return add_module(vm, module, true); }

typedef struct ModuleData {
  struct ModuleData *next;
  const void *key;
  size_t size;
  void (*trace)(tiny_tracer *t, void *data);
  void (*destroy)(tiny_vm *vm, void *data);
  void *data;
} ModuleData;

void *tiny_module_data(tiny_vm *vm, const void *key, size_t size, void (*trace)(tiny_tracer *t, void *data), void (*destroy)(tiny_vm *vm, void *data)) {
  for (ModuleData **link = &vm->module_data; *link; link = &(*link)->next) {
    ModuleData *d = *link;
    if (d->key != key) continue;
    *link = d->next; /* found ones move to the front */
    d->next = vm->module_data;
    vm->module_data = d;
    return d->data;
  }
  ModuleData *d = mem_zalloc(&vm->mem, sizeof *d);
  void *data = d ? mem_zalloc(&vm->mem, size) : NULL;
  if (!data) {
    mem_free(&vm->mem, d, sizeof *d);
    rt_no_memory(vm);
    return NULL;
  }
  *d = (ModuleData){vm->module_data, key, size, trace, destroy, data};
  vm->module_data = d;
  return data;
}

void api_trace(VM *vm, Tracer *t) {
  for (ModuleData *d = vm->module_data; d; d = d->next) {
    if (d->trace) d->trace(t, d->data);
  }
}

void api_destroy_data(VM *vm) {
  for (ModuleData *d = vm->module_data, *next; d; d = next) {
    next = d->next;
    if (d->destroy) d->destroy(vm, d->data);
    mem_free(&vm->mem, d->data, d->size);
    mem_free(&vm->mem, d, sizeof *d);
  }
  vm->module_data = NULL;
}
