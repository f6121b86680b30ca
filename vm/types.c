/* The builtin types as a whole: the table of all of them, their per-VM namespaces and MROs, and the lookup of a name along an MRO with its cache.
 *
 * A builtin type is constant data; what scripts see of it (type.__dict__, __mro__, __bases__) is made per VM when first needed.
 * The method cache maps (type, interned name) to the attribute found, also to "there is none". It is emptied when a class changes and at the beginning of
 * every collection, so it needs no marking. Plain data of a class that has been seen to change is kept out of it (Class.data_changes). */
#include "vm/vm.h"
#include "vm/attr.h"
#include "vm/objects/class.h"
#include "vm/objects/shape.h"
#include "vm/type_ids.h"

#define X(name) extern const Type name##_type;
TYPE_TABLE(X)
#undef X

static const Type *const builtin_types[TYPE_ID_COUNT] = {
#define X(name) [TYPE_ID_##name] = &name##_type,
    TYPE_TABLE(X)
#undef X
#define X(name, base, kind) [TYPE_ID_exc_##name] = &exc_##name,
    EXCEPTION_TABLE(X)
#undef X
};

const Type *const special_types[SPECIAL_COUNT] = {&none_type, &bool_type, &bool_type, &none_type, &notimpl_type, &ellipsis_type};

const Type *type_by_id(uint32_t id) { return id < TYPE_ID_COUNT ? builtin_types[id] : NULL; }

enum { CACHE_FIRST = 64, CACHE_MAX = 2048 };

/* ---------------------------------------------------------------- life */

bool types_init(VM *vm) {
  TypeState *st = mem_zalloc(&vm->mem, sizeof *st);
  if (!st) return false;
  st->version = 1;
  arena_init(&st->defs, &vm->mem);
  vm->method_cache = st;
  return true;
}

void types_free(VM *vm) {
  TypeState *st = vm->method_cache;
  if (!st) return;
  Mem *m = &vm->mem;
  if (st->roots)
    for (uint32_t i = 0; i < TYPE_ID_COUNT; i++) shape_free_tree(vm, st->roots[i]);
  for (uint32_t i = 0; i < TYPE_ID_COUNT; i++) {
    if (st->new_sigs && st->new_sigs[i]) signature_free(vm, st->new_sigs[i]);
    if (st->init_sigs && st->init_sigs[i]) signature_free(vm, st->init_sigs[i]);
  }
  mem_free(m, st->new_sigs, TYPE_ID_COUNT * sizeof *st->new_sigs);
  mem_free(m, st->init_sigs, TYPE_ID_COUNT * sizeof *st->init_sigs);
  mem_free(m, st->roots, TYPE_ID_COUNT * sizeof *st->roots);
  mem_free(m, st->bases, TYPE_ID_COUNT * sizeof *st->bases);
  mem_free(m, vm->type_ns, TYPE_ID_COUNT * sizeof *vm->type_ns);
  mem_free(m, vm->type_mros, TYPE_ID_COUNT * sizeof *vm->type_mros);
  mem_free(m, vm->shapes, vm->cap_shapes * sizeof *vm->shapes);
  mem_free(m, st->entries, st->entries ? ((size_t)st->mask + 1) * sizeof *st->entries : 0);
  mem_free(m, st->free_ids, st->cap_free_ids * sizeof *st->free_ids);
  mem_free(m, st->classes, st->cap_classes * sizeof *st->classes);
  arena_free(&st->defs);
  mem_free(m, st, sizeof *st);
  vm->method_cache = NULL;
  vm->type_ns = NULL;
  vm->type_mros = NULL;
  vm->shapes = NULL;
  vm->n_shapes = vm->cap_shapes = 0;
}

void types_trace(VM *vm, Tracer *t) {
  TypeState *st = vm->method_cache;
  if (!st) return;
  for (uint32_t i = 0; i < TYPE_ID_COUNT; i++) {
    if (vm->type_ns) gc_mark_obj(t, vm->type_ns[i]);
    if (vm->type_mros) gc_mark_obj(t, vm->type_mros[i]);
    if (st->bases) gc_mark_obj(t, st->bases[i]);
    if (st->roots) shape_trace_tree(t, st->roots[i]);
    if (st->new_sigs) signature_trace(t, st->new_sigs[i]);
    if (st->init_sigs) signature_trace(t, st->init_sigs[i]);
  }
}

/* ---------------------------------------------------------------- relations */

bool rt_is_subtype(const Type *sub, const Type *super) {
  if (sub == super) return true;
  if (type_is_heap(sub)) {
    const Tuple *mro = type_class(sub)->mro;
    if (mro) {
      Value v = v_from_obj(super);
      for (size_t i = 0; i < mro->length; i++)
        if (v_same(mro->items[i], v)) return true;
      return false;
    }
  }
  for (const Type *t = sub; t; t = t->base)
    if (t == super) return true;
  return super == &exc_Exception && sub == &exc_ExceptionGroup;
}

/* Bound methods of builtin types are another C struct, but no other type for scripts. */
Value rt_type_value(const Type *t) { return v_from_obj(t == &native_bound_type ? &native_type : t); }

/* An array of TYPE_ID_COUNT pointers, made at first need. */
static void **table(VM *vm, void ***where) {
  if (!*where) {
    *where = mem_zalloc(&vm->mem, TYPE_ID_COUNT * sizeof(void *));
    if (!*where) rt_no_memory(vm);
  }
  return *where;
}

/* The MRO of a builtin type, most derived first; ExceptionGroup is the one with two bases. n <= 8. */
static size_t builtin_mro(const Type *t, const Type *out[8]) {
  size_t n = 0;
  for (; t && n < 8; t = t->base) {
    out[n++] = t;
    if (t == &exc_BaseExceptionGroup && out[0] == &exc_ExceptionGroup) out[n++] = &exc_Exception;
  }
  return n;
}

Tuple *type_mro(VM *vm, const Type *t) {
  if (type_is_heap(t)) return type_class(t)->mro;
  if (t->shape_id >= TYPE_ID_COUNT || !table(vm, (void ***)&vm->type_mros)) return NULL;
  Tuple **slot = &vm->type_mros[t->shape_id];
  if (*slot) return *slot;
  const Type *types[8];
  size_t n = builtin_mro(t, types);
  Tuple *mro = tuple_new(vm, NULL, n);
  if (!mro) return NULL;
  for (size_t i = 0; i < n; i++) mro->items[i] = v_from_obj(types[i]);
  return *slot = mro;
}

Tuple *type_bases(VM *vm, const Type *t) {
  if (type_is_heap(t)) return type_class(t)->bases;
  TypeState *st = type_state(vm);
  if (t->shape_id >= TYPE_ID_COUNT || !table(vm, (void ***)&st->bases)) return NULL;
  Tuple **slot = &st->bases[t->shape_id];
  if (*slot) return *slot;
  Value two[2] = {t->base ? v_from_obj(t->base) : V_NONE, v_from_obj(&exc_Exception)};
  return *slot = tuple_new(vm, two, t == &exc_ExceptionGroup ? 2 : t->base ? 1 : 0);
}

const Type *type_builtin_base(const Type *t) {
  while (type_is_heap(t) && t->base) t = t->base;
  return t;
}

Shape *type_root_shape(VM *vm, const Type *t) {
  if (type_is_heap(t)) return type_class(t)->root;
  TypeState *st = type_state(vm);
  if (t->shape_id >= TYPE_ID_COUNT || !table(vm, (void ***)&st->roots)) return NULL;
  Shape **slot = &st->roots[t->shape_id];
  if (!*slot) *slot = shape_new_root(vm, t, 0);
  return *slot;
}

/* ---------------------------------------------------------------- namespaces */

static bool set_attr(VM *vm, Dict *ns, const char *name, Value v) {
  if (v_failed(v)) return false;
  Str *s = str_intern(vm, name, strlen(name));
  return s && dict_set_str(vm, ns, s, v);
}

static bool add_methods(VM *vm, const Type *t, Dict *ns) {
  for (const tiny_def *d = t->methods; d && d->name; d++) {
    NativeKind kind = *d->name == '+' ? NATIVE_CLASSMETHOD : *d->name == '!' ? NATIVE_STATIC : NATIVE_METHOD;
    Native *fn = native_new(vm, d, kind, t, V_ABSENT, V_NONE);
    if (!fn) return false;
    slot_wrapper_mark(fn);
    Value v = v_from_obj(fn);
    if (kind == NATIVE_STATIC) v = staticmethod_new(vm, v);
    if (!set_attr(vm, ns, d->name + (kind != NATIVE_METHOD), v)) return false;
  }
  return true;
}

static bool add_getsets(VM *vm, const Type *t, Dict *ns) {
  for (const GetSet *g = t->getset; g && g->name; g++)
    if (!set_attr(vm, ns, g->name, getset_descr_new(vm, g, t))) return false;
  return true;
}

Dict *type_namespace(VM *vm, const Type *t) {
  if (type_is_heap(t)) return type_class(t)->ns;
  if (t->shape_id >= TYPE_ID_COUNT || !table(vm, (void ***)&vm->type_ns)) return NULL;
  if (vm->type_ns[t->shape_id]) return vm->type_ns[t->shape_id];
  Dict *ns = dict_new(vm);
  if (!ns) return NULL;
  bool ok = slot_wrappers_add(vm, t, ns) && add_methods(vm, t, ns) && add_getsets(vm, t, ns);
  Str *doc = ok ? NAME(vm, __doc__) : NULL;
  if (!doc) return NULL;
  if (t != &native_bound_type && v_absent(dict_get_str(vm, ns, doc)) && !dict_set_str(vm, ns, doc, t->doc ? v_from_str(str_from(vm, t->doc)) : V_NONE)) return NULL;
  return vm->type_ns[t->shape_id] = ns;
}

/* ---------------------------------------------------------------- lookup */

static inline size_t cache_at(const TypeState *st, const Type *t, const Str *name) {
  return (((uintptr_t)t >> 4) ^ ((uintptr_t)name >> 5) ^ ((uintptr_t)name >> 11)) & st->mask;
}

/* Classes are often changed several times in a row: what is empty is not emptied again. */
static void clear_entries(TypeState *st) {
  if (st->n_filled > TYPE_FILLED) memset(st->entries, 0, ((size_t)st->mask + 1) * sizeof *st->entries);
  else for (uint32_t i = 0; i < st->n_filled; i++) st->entries[st->filled[i]] = (MethodEntry){0};
  st->n_filled = 0;
}

/* The class in whose namespace the name stands, and the value. NULL: nowhere (a pending exception: out of memory). */
static const Type *walk(VM *vm, const Type *type, Str *name, Value *out) {
  const Type *builtin[8];
  const Tuple *mro = type_is_heap(type) ? type_class(type)->mro : NULL;
  size_t n = mro ? mro->length : builtin_mro(type, builtin);
  for (size_t i = 0; i < n; i++) {
    const Type *t = mro ? (const Type *)v_obj(mro->items[i]) : builtin[i];
    Dict *ns = type_namespace(vm, t);
    if (!ns) return NULL;
    Value v = dict_get_str(vm, ns, name);
    if (v_failed(v)) return NULL;
    if (!v_absent(v)) {
      *out = v;
      return t;
    }
  }
  *out = V_ABSENT;
  return NULL;
}

/* A value that attribute access hands out as it stands: replacing it by another of that sort concerns no cache of methods. */
bool value_is_plain_data(Value v) {
  if (!v_is_obj(v)) return true;
  const Type *t = v_obj(v)->type;
  if (t->flags & (TYPE_DESCR_GET | TYPE_DESCR_SET)) return false;
  switch (t->layout) {
  case LAY_FUNCTION: case LAY_NATIVE: case LAY_PROPERTY: case LAY_CLASSMETHOD: case LAY_STATICMETHOD: return false;
  default: return !t->descr_get && !t->descr_set;
  }
}

static MethodEntry *cache_fill(VM *vm, const Type *type, Str *name, Value v) {
  TypeState *st = type_state(vm);
  if (!st->entries || (++st->misses > 2 * st->mask && st->mask + 1 < CACHE_MAX)) {
    size_t old = st->entries ? (size_t)st->mask + 1 : 0, want = old ? old * 4 : CACHE_FIRST;
    MethodEntry *e = mem_alloc(&vm->mem, want * sizeof *e);
    if (e) {
      mem_free(&vm->mem, st->entries, old * sizeof *e);
      st->entries = e;
      st->mask = (uint32_t)want - 1;
      memset(e, 0, want * sizeof *e);
      st->n_filled = 0;
    }
    st->misses = 0;
    if (!st->entries) return NULL;
  }
  MethodEntry *e = &st->entries[cache_at(st, type, name)];
  if (st->n_filled < TYPE_FILLED) st->filled[st->n_filled] = (uint16_t)(e - st->entries);
  if (st->n_filled <= TYPE_FILLED) st->n_filled++;
  *e = (MethodEntry){type, name, v, V_ABSENT, false};
  return e;
}

/* Fills the cache where that is allowed; *out gets the value in any case. NULL: not cached. */
static COLD MethodEntry *lookup_slow(VM *vm, const Type *type, Str *name, Value *out) {
  *out = V_ABSENT;
  if (!(name->head.small & STR_INTERNED)) {
    Str *in = str_intern_str(vm, name);
    if (!in) return NULL;
    TypeState *st = type_state(vm);
    MethodEntry *e = st->entries ? &st->entries[cache_at(st, type, in)] : NULL;
    if (e && e->type == type && e->name == in) {
      *out = e->value;
      return e;
    }
    name = in;
  }
  const Type *owner = walk(vm, type, name, out);
  if (!owner && rt_pending(vm)) return NULL;
  if (owner && type_is_heap(owner) && type_class(owner)->data_changes && value_is_plain_data(*out)) return NULL;
  return cache_fill(vm, type, name, *out);
}

Value rt_type_lookup(VM *vm, const Type *type, Str *name) {
  TypeState *st = type_state(vm);
  if (UNLIKELY(!name)) return V_ABSENT;
  if (LIKELY(st->entries != NULL)) {
    const MethodEntry *e = &st->entries[cache_at(st, type, name)];
    if (LIKELY(e->type == type && e->name == name)) return e->value;
  }
  Value v;
  lookup_slow(vm, type, name, &v);
  return v;
}

bool type_lookup_is_cached(VM *vm, const Type *type, const Str *name) {
  const TypeState *st = type_state(vm);
  const MethodEntry *e = st->entries ? &st->entries[cache_at(st, type, name)] : NULL;
  return e && e->type == type && e->name == name;
}

const Type *type_owner_of(VM *vm, const Type *type, Str *name) {
  Value v;
  return walk(vm, type, name, &v);
}

Value attr_override(VM *vm, const Type *type, Str *name) {
  if (!(type->flags & TYPE_HEAP) || UNLIKELY(!name)) return V_ABSENT;
  TypeState *st = type_state(vm);
  MethodEntry *e = st->entries ? &st->entries[cache_at(st, type, name)] : NULL;
  Value v;
  if (e && e->type == type && e->name == name) {
    if (e->asked) return e->override;
    v = e->value;
  } else {
    lookup_slow(vm, type, name, &v);
  }
  if (!v_absent(v)) {
    /* The C slots are those of the builtin base: they are right when the same wrapper is found from there. */
    if (value_is_wrapper(v) && v_same(rt_type_lookup(vm, type_builtin_base(type), name), v)) v = V_ABSENT;
    else v = special_unbound(vm, v, name);
  }
  e = st->entries ? &st->entries[cache_at(st, type, name)] : NULL; /* the table may have moved */
  if (e && e->type == type && e->name == name && !v_failed(v)) {
    e->override = v;
    e->asked = true;
    if (!v_absent(v) && !v_same(v, e->value)) st->wrapped = true;
  }
  return v;
}

void type_forget_wrapped(VM *vm) {
  TypeState *st = type_state(vm);
  if (!st || !st->wrapped) return;
  st->wrapped = false;
  for (uint32_t i = 0; st->entries && i <= st->mask; i++)
    if (st->entries[i].asked && !v_same(st->entries[i].override, st->entries[i].value)) st->entries[i].asked = false;
}

/* ---------------------------------------------------------------- flushing */

void type_flush_methods(VM *vm) {
  TypeState *st = type_state(vm);
  if (!st) return;
  clear_entries(st);
  if (++st->version == 0) st->version = 1;
}
