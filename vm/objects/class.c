/* Making classes: the best base, __slots__, the MRO (C3, "The Python 2.3 Method Resolution Order"), flags; how a class is called.
 *
 * A class copies the C slots of its best base, so its instances behave like those of list, int, Exception ...; what its dunder methods change is found at run
 * time (attr_override). Classes are listed in the VM, weakly, so that __subclasses__ and changes of flags find them. */
#include "vm/vm.h"
#include "vm/attr.h"
#include "vm/objects/class.h"
#include "vm/objects/str_build.h"
#include "vm/objects/function.h"
#include "vm/objects/iter.h"
#include "vm/objects/shape.h"
#include "vm/type_ids.h"

static const Type *as_type(Value v) { return (const Type *)v_obj(v); }

/* ---------------------------------------------------------------- the list of classes */

static void compact(TypeState *st) {
  size_t n = 0;
  for (size_t i = 0; i < st->n_classes; i++)
    if (st->classes[i]) {
      st->classes[i]->registry_index = (uint32_t)n;
      st->classes[n++] = st->classes[i];
    }
  st->n_classes = n;
}

static bool register_class(VM *vm, Class *c) {
  TypeState *st = type_state(vm);
  if (st->n_classes == st->cap_classes && st->live_classes < st->n_classes / 2) compact(st);
  if (!mem_grow(&vm->mem, (void **)&st->classes, &st->cap_classes, st->n_classes + 1, sizeof(Class *))) return rt_no_memory(vm), false;
  c->registry_index = (uint32_t)st->n_classes;
  st->classes[st->n_classes++] = c;
  st->live_classes++;
  return true;
}

static void unregister_class(VM *vm, Class *c) {
  TypeState *st = type_state(vm);
  if (!st || c->registry_index >= st->n_classes || st->classes[c->registry_index] != c) return;
  st->classes[c->registry_index] = NULL;
  st->live_classes--;
}

void class_each(VM *vm, void (*fn)(void *ctx, Class *c), void *ctx) {
  TypeState *st = type_state(vm);
  for (size_t i = 0; i < st->n_classes; i++)
    if (st->classes[i] && st->classes[i]->mro) fn(ctx, st->classes[i]);
}

/* ---------------------------------------------------------------- memory */

static void class_trace(Tracer *t, Obj *o) {
  if (!(((Type *)o)->flags & TYPE_HEAP)) return;
  const Class *c = (const Class *)o;
  gc_mark_obj(t, c->name);
  gc_mark_obj(t, c->qualname);
  gc_mark_obj(t, c->ns);
  gc_mark_obj(t, c->bases);
  gc_mark_obj(t, c->mro);
  gc_mark(t, c->call.new_); /* either may be an object made for the purpose */
  gc_mark(t, c->call.init);
  shape_trace_tree(t, c->root);
}

static void class_destroy(VM *vm, Obj *o) {
  Class *c = (Class *)o;
  if (!(c->t.flags & TYPE_HEAP)) return;
  unregister_class(vm, c);
  shape_free_tree(vm, c->root);
  shape_free_id(vm, c->t.head.shape);
  if (c->t.name) mem_free(&vm->mem, (void *)(uintptr_t)c->t.name, strlen(c->t.name) + 1);
}

void class_trace_slot(Tracer *t, Obj *o) { class_trace(t, o); }
void class_destroy_slot(VM *vm, Obj *o) { class_destroy(vm, o); }

static void instance_trace(Tracer *t, Obj *o) {
  const Instance *i = (const Instance *)o;
  gc_mark_array(t, i->slots, i->capacity);
}
static void instance_destroy(VM *vm, Obj *o) {
  Instance *i = (Instance *)o;
  if (i->slots != i->room) mem_free(&vm->mem, i->slots, i->capacity * sizeof(Value));
}

/* Instances of scripts' classes over list, int ...: the builtin's part, then the attributes behind it. */
static void behind_trace(Tracer *t, Obj *o) {
  const Type *b = type_builtin_base(o->type);
  if (b->trace) b->trace(t, o);
  if (o->type->flags & TYPE_ATTRS_BEHIND) instance_trace_attrs(t, o);
}
static void behind_destroy(VM *vm, Obj *o) {
  const Type *b = type_builtin_base(o->type);
  if (b->destroy) b->destroy(vm, o);
  if (o->type->flags & TYPE_ATTRS_BEHIND) instance_destroy_attrs(vm, o);
}

/* ---------------------------------------------------------------- bases */

/* Exceptions of one C struct here that have structs of their own in CPython: no class can have two of them as bases. */
static bool has_own_fields(const Type *t) {
  static const Type *const all[] = {&exc_SystemExit, &exc_StopIteration, &exc_ImportError, &exc_OSError, &exc_NameError, &exc_AttributeError, &exc_SyntaxError,
                                    &exc_UnicodeEncodeError, &exc_UnicodeDecodeError, &exc_UnicodeTranslateError, &exc_BaseExceptionGroup};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (t == all[i]) return true;
  return false;
}
static bool same_struct(const Type *a, const Type *b) { return a->layout == b->layout && a->size == b->size && !(a->layout == LAY_EXCEPTION && has_own_fields(a)); }

/* Items follow the struct in CPython, so that nothing can be added behind it by __slots__. */
static bool has_items(const Type *t) { return (t->flags & TYPE_VARSIZE) || t->layout == LAY_BYTES; }

/* The class that decides about the struct of t's instances. */
static const Type *solid_base(const Type *t) {
  for (; t->base; t = t->base) {
    if (type_is_heap(t)) {
      uint32_t above = type_is_heap(t->base) ? type_class(t->base)->n_members : 0;
      if (type_class(t)->n_members > above || (t->layout != t->base->layout)) return t;
    } else if (!same_struct(t, t->base)) {
      return t;
    }
  }
  return t;
}

const Type *class_best_base(VM *vm, const Tuple *bases) {
  const Type *base = NULL, *winner = NULL;
  for (size_t i = 0; i < bases->length; i++) {
    if (!is_type(bases->items[i])) return rt_raise(vm, &exc_TypeError, "bases must be types"), NULL;
    const Type *b = as_type(bases->items[i]), *candidate;
    if (!(b->flags & TYPE_BASE)) return rt_raise(vm, &exc_TypeError, "type '%N' is not an acceptable base type", b), NULL;
    candidate = solid_base(b);
    if (!winner) {
      winner = candidate;
      base = b;
    } else if (rt_is_subtype(winner, candidate)) {
      continue;
    } else if (rt_is_subtype(candidate, winner)) {
      winner = candidate;
      base = b;
    } else {
      return rt_raise(vm, &exc_TypeError, "multiple bases have instance lay-out conflict"), NULL;
    }
  }
  return base;
}

/* ---------------------------------------------------------------- MRO */

/* lists, at: what the merge has left, whose heads are named. */
static COLD Tuple *fail_mro(VM *vm, const Tuple *bases, const Tuple **lists, const size_t *at, size_t n) {
  for (size_t i = 0; i < bases->length; i++)
    for (size_t k = i + 1; k < bases->length; k++)
      if (v_same(bases->items[i], bases->items[k])) return rt_raise(vm, &exc_TypeError, "duplicate base class %N", as_type(bases->items[i])), NULL;
  Buf b;
  buf_init(&b, &vm->mem);
  for (size_t i = 0; i < n; i++) {
    if (at[i] >= lists[i]->length) continue;
    bool known = false;
    for (size_t k = 0; k < i; k++) known |= at[k] < lists[k]->length && v_same(lists[k]->items[at[k]], lists[i]->items[at[i]]);
    if (known) continue;
    buf_str(&b, b.len ? ", " : "");
    buf_str(&b, as_type(lists[i]->items[at[i]])->name);
  }
  rt_raise(vm, &exc_TypeError, "Cannot create a consistent method resolution\norder (MRO) for bases %s", buf_cstr(&b));
  buf_free(&b);
  return NULL;
}

static bool in_tail(const Tuple *list, size_t from, Value v) {
  for (size_t i = from + 1; i < list->length; i++)
    if (v_same(list->items[i], v)) return true;
  return false;
}

/* C3 merge of the bases' MROs and the list of bases. at[]: heads of the lists. */
static Tuple *merge_mro(VM *vm, Value self, const Tuple *bases, const Tuple **lists, size_t *at, size_t n) {
  List *out = list_new(vm, &self, 1);
  while (out) {
    bool empty = true;
    Value next = V_ABSENT;
    for (size_t i = 0; i < n && v_absent(next); i++) {
      if (at[i] >= lists[i]->length) continue;
      empty = false;
      next = lists[i]->items[at[i]];
      for (size_t k = 0; k < n; k++)
        if (at[k] < lists[k]->length && in_tail(lists[k], at[k], next)) {
          next = V_ABSENT;
          break;
        }
    }
    if (empty) return tuple_new(vm, out->items, out->length);
    if (v_absent(next)) return fail_mro(vm, bases, lists, at, n);
    if (!list_append(vm, out, next)) return NULL;
    for (size_t i = 0; i < n; i++)
      if (at[i] < lists[i]->length && v_same(lists[i]->items[at[i]], next)) at[i]++;
  }
  return NULL;
}

Tuple *class_compute_mro(VM *vm, Value self, const Tuple *bases) {
  for (size_t i = 0; i < bases->length; i++) {
    const Type *b = as_type(bases->items[i]);
    if (type_is_heap(b) && type_class(b)->mro_unknown) return rt_raise(vm, &exc_TypeError, "Cannot extend an incomplete type '%N'", b), NULL;
  }
  if (bases->length == 1) {
    const Tuple *base = type_mro(vm, as_type(bases->items[0]));
    Tuple *mro = base ? tuple_new(vm, NULL, base->length + 1) : NULL;
    if (!mro) return NULL;
    mro->items[0] = self;
    memcpy(mro->items + 1, base->items, base->length * sizeof(Value));
    return mro;
  }
  size_t n = bases->length + 1, bytes = n * (sizeof(Tuple *) + sizeof(size_t));
  const Tuple **lists = mem_zalloc(&vm->mem, bytes);
  if (!lists) return rt_no_memory(vm), NULL;
  size_t *at = (size_t *)(void *)(lists + n);
  Tuple *mro = NULL;
  for (size_t i = 0; i < n - 1; i++)
    if (!(lists[i] = type_mro(vm, as_type(bases->items[i])))) goto done;
  for (size_t i = 0; i + 1 < bases->length; i++)
    if (in_tail(bases, i, bases->items[i])) {
      fail_mro(vm, bases, lists, at, 0);
      goto done;
    }
  lists[n - 1] = bases;
  mro = merge_mro(vm, self, bases, lists, at, n);
done:
  mem_free(&vm->mem, lists, bytes);
  return mro;
}

/* ---------------------------------------------------------------- flags */

static bool has(VM *vm, Dict *ns, NameId id) {
  Str *s = rt_name(vm, id);
  return s && !v_absent(dict_get_str(vm, ns, s));
}

static const uint32_t inherited_flags =
    TYPE_HAS_DEL | TYPE_DUNDER_GETATTR | TYPE_DUNDER_SETATTR | TYPE_DUNDER_LEN | TYPE_DESCR_GET | TYPE_DESCR_SET;
static const uint32_t collection_flags = TYPE_MAPPING | TYPE_SEQUENCE;

/* Special methods whose presence is noted in the flags. */
static const struct { NameId name; uint32_t flag; } flag_names[] = {{NAME___del__, TYPE_HAS_DEL}, {NAME___getattr__, TYPE_DUNDER_GETATTR},
    {NAME___getattribute__, TYPE_DUNDER_GETATTR}, {NAME___setattr__, TYPE_DUNDER_SETATTR}, {NAME___delattr__, TYPE_DUNDER_SETATTR}, {NAME___len__, TYPE_DUNDER_LEN}, {NAME___get__, TYPE_DESCR_GET},
    {NAME___set__, TYPE_DESCR_SET}, {NAME___delete__, TYPE_DESCR_SET}};
enum { FLAG_NAMES = sizeof flag_names / sizeof flag_names[0] };

static bool concerns_flags(VM *vm, const Str *name) {
  for (size_t i = 0; i < FLAG_NAMES; i++)
    if (vm->names[flag_names[i].name] == name) return true;
  return vm->names[NAME___hash__] == name || vm->names[NAME___abc_tpflags__] == name;
}

/* PEP 634: which kind of pattern instances match: said by __abc_tpflags__ (collections.abc sets it, its register() too; the bits are CPython's), else by the first class
   of the MRO that knows. */
static uint32_t compute_collection(VM *vm, const Class *c) {
  for (size_t i = 0; i < c->mro->length; i++) {
    const Type *t = as_type(c->mro->items[i]);
    if (type_is_heap(t)) {
      Str *name = NAME(vm, __abc_tpflags__);
      Value v = name ? dict_get_str(vm, type_class(t)->ns, name) : V_ABSENT;
      if (v_is_int(v)) return v_int(v) == 1 << 5 ? TYPE_SEQUENCE : v_int(v) == 1 << 6 ? TYPE_MAPPING : 0;
      if (i == 0) continue;
    }
    if (t->flags & collection_flags) return t->flags & collection_flags;
  }
  return 0;
}

/* What the class's own namespace and its bases say. A flag too many only costs a slower path. */
static void compute_flags(VM *vm, Class *c) {
  uint32_t f = c->t.flags & ~(inherited_flags | collection_flags | TYPE_UNHASHABLE);
  f |= compute_collection(vm, c);
  for (size_t i = 1; i < c->mro->length; i++) f |= as_type(c->mro->items[i])->flags & inherited_flags;
  for (size_t i = 0; i < FLAG_NAMES; i++)
    if (has(vm, c->ns, flag_names[i].name)) f |= flag_names[i].flag;
  Str *hash = NAME(vm, __hash__);
  if (hash && v_is_none(rt_type_lookup(vm, &c->t, hash))) f |= TYPE_UNHASHABLE;
  c->t.flags = f;
}

typedef struct FlagUpdate { VM *vm; const Type *of; bool changed; } FlagUpdate;
static void update_one(void *ctx, Class *c) {
  FlagUpdate *u = ctx;
  uint32_t before = c->t.flags;
  if (!rt_is_subtype(&c->t, u->of)) return;
  compute_flags(u->vm, c);
  if (c->t.flags & ~before & TYPE_HAS_DEL) gc_late_finalizers(u->vm);
  u->changed |= before != c->t.flags;
}
void class_update_flags(VM *vm, Class *c) {
  FlagUpdate u = {vm, &c->t, false};
  attr_flush_caches(vm);
  do { /* bases usually stand before what derives from them: then once is enough */
    u.changed = false;
    class_each(vm, update_one, &u);
  } while (u.changed && type_state(vm)->disordered);
}

/* ---------------------------------------------------------------- __slots__ */

static Value get_dict(VM *vm, Value self) {
  if (v_has_layout(self, LAY_TYPE) || v_has_layout(self, LAY_MODULE)) { /* as their builtin base does it */
    Str *name = NAME(vm, __dict__);
    Value descr = name ? rt_type_lookup(vm, is_type(self) ? &type_type : &module_type, name) : V_FAIL;
    if (!v_is_exact(descr, &getset_descr_type)) return V_FAIL;
    return getset_descr_type.descr_get(vm, descr, self, rt_type_value(type_of(self)));
  }
  if (!v_is_obj(self)) return rt_raise(vm, &exc_AttributeError, "__dict__");
  Dict *d = instance_dict(vm, v_obj(self));
  return d ? v_from_obj(d) : V_FAIL;
}
static bool set_dict(VM *vm, Value self, Value v) {
  Dict *fresh = NULL;
  if (v_has_layout(self, LAY_TYPE)) return rt_raise_b(vm, &exc_AttributeError, "attribute '__dict__' of 'type' objects is not writable");
  if (v_has_layout(self, LAY_MODULE)) return rt_raise_b(vm, &exc_AttributeError, "readonly attribute");
  if (v_absent(v) && v_has_layout(self, LAY_EXCEPTION)) return rt_raise_b(vm, &exc_TypeError, "cannot delete __dict__");
  if (v_absent(v)) {
    fresh = dict_new(vm);
    if (!fresh) return false;
    v = v_from_obj(fresh);
  }
  if (!is_dict(v)) return rt_raise_b(vm, &exc_TypeError, "__dict__ must be set to a dictionary, not a '%T'", v);
  return instance_set_dict(vm, v_obj(self), v_dict(v));
}
/* The plain reference (without callback, of which there is one at most), else the newest. */
static Value get_weakref(VM *vm, Value self) {
  Obj **refs;
  size_t n = gc_weak_list(vm, v_obj(self), &refs);
  for (size_t i = 0; i < n; i++)
    if (refs[i]->type == &weakref_type && v_absent(((WeakRef *)(void *)refs[i])->callback)) return v_from_obj(refs[i]);
  return n ? v_from_obj(refs[n - 1]) : V_NONE;
}
static const GetSet dict_getset = {"__dict__", get_dict, set_dict, "dictionary for instance variables (if defined)"};
static const GetSet weakref_getset = {"__weakref__", get_weakref, NULL, "list of weak references to the object (if defined)"};

typedef struct SlotPlan { List *names; /* mangled, sorted; without the two special ones */ bool dict, weakref, given; } SlotPlan;

/* Identifier by ASCII rules; other characters are taken on trust. */
static bool is_identifier(const Str *s) {
  if (!s->size) return false;
  for (size_t i = 0; i < s->size; i++) {
    unsigned char ch = (unsigned char)s->data[i];
    bool alpha = ch >= 0x80 || ch == '_' || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
    if (!alpha && !(i && ch >= '0' && ch <= '9')) return false;
  }
  return true;
}

/* __name in class _C is _C__name: "Identifiers (Names)", private name mangling. */
static Str *mangle(VM *vm, Str *cls, Str *name) {
  const char *c = cls->data;
  size_t n = cls->size;
  if (name->size < 3 || name->data[0] != '_' || name->data[1] != '_') return str_intern_str(vm, name);
  if (name->data[name->size - 1] == '_' && name->data[name->size - 2] == '_') return str_intern_str(vm, name);
  while (n && *c == '_') c++, n--;
  if (!n) return str_intern_str(vm, name);
  Buf b;
  buf_init(&b, &vm->mem);
  buf_char(&b, '_');
  buf_add(&b, c, n);
  buf_add(&b, name->data, name->size);
  Str *s = b.failed ? (rt_no_memory(vm), NULL) : str_intern(vm, b.data, b.len);
  buf_free(&b);
  return s;
}

static bool plan_slot(VM *vm, SlotPlan *plan, Str *cls, const Type *base, Dict *ns, Value item) {
  if (!is_str(item)) return rt_raise_b(vm, &exc_TypeError, "__slots__ items must be strings, not '%T'", item);
  Str *name = v_str(item);
  if (!is_identifier(name)) return rt_raise_b(vm, &exc_TypeError, "__slots__ must be identifiers");
  if (str_eq_c(name, "__dict__")) {
    if (plan->dict || (base->flags & TYPE_HAS_ATTRS)) return rt_raise_b(vm, &exc_TypeError, "__dict__ slot disallowed: we already got one");
    plan->dict = true;
    return true;
  }
  if (str_eq_c(name, "__weakref__")) {
    if (plan->weakref || (base->flags & TYPE_WEAKREF))
      return rt_raise_b(vm, &exc_TypeError, "__weakref__ slot disallowed: either we already got one, or __itemsize__ != 0");
    plan->weakref = true;
    return true;
  }
  Str *mangled = mangle(vm, cls, name);
  if (!mangled) return false;
  if (!v_absent(dict_get_str(vm, ns, mangled)) && !str_eq_c(name, "__qualname__") && !str_eq_c(name, "__classcell__"))
    return rt_raise_b(vm, &exc_ValueError, "%R in __slots__ conflicts with class variable", v_from_obj(mangled));
  size_t at = 0; /* sorted insertion: slots are few */
  while (at < plan->names->length && str_order(v_str(plan->names->items[at]), mangled) < 0) at++;
  if (at < plan->names->length && v_same(plan->names->items[at], v_from_obj(mangled))) return true;
  return list_insert(vm, plan->names, (int64_t)at, v_from_obj(mangled));
}

/* [script] when __slots__ is an iterable of a script. */
static bool read_slots(VM *vm, SlotPlan *plan, Str *cls, const Type *base, Dict *ns, const Tuple *bases) {
  Str *key = NAME(vm, __slots__);
  if (!key) return false;
  Value slots = dict_get_str(vm, ns, key);
  if (v_failed(slots)) return false;
  plan->given = !v_absent(slots);
  bool behind = base->layout != LAY_OBJECT;
  if (!plan->given) {
    plan->dict = !(base->flags & TYPE_HAS_ATTRS) && base->layout != LAY_TYPE;
    plan->weakref = !(base->flags & TYPE_WEAKREF) && !has_items(base);
    return true;
  }
  Value keep[2] = {slots, V_NONE};
  if (is_str(slots)) keep[1] = v_from_str(v_str(slots)), slots = keep[1];
  plan->names = list_new(vm, NULL, 0);
  if (!plan->names) return false;
  Value items;
  if (is_str(slots)) {
    List *one = list_new(vm, &slots, 1);
    items = one ? v_from_obj(one) : V_FAIL;
  } else {
    Value *tmp = rt_temp(vm, 3);
    if (!tmp) return false;
    tmp[0] = v_from_obj(plan->names);
    tmp[1] = v_from_obj(ns);
    tmp[2] = v_from_obj(bases);
    items = rt_iter_to_list(vm, slots);
  }
  if (v_failed(items)) return false;
  List *list = v_list(items);
  if (list->length && (base->layout == LAY_TYPE || base->layout == LAY_MODULE || (has_items(base) && behind)))
    return rt_raise_b(vm, &exc_TypeError, "nonempty __slots__ not supported for subtype of '%N'", base);
  for (size_t i = 0; i < list->length; i++)
    if (!plan_slot(vm, plan, cls, base, ns, list->items[i])) return false;
  for (size_t i = 0; i < bases->length; i++) { /* another base may bring a __dict__ */
    const Type *b = as_type(bases->items[i]);
    if ((b->flags & TYPE_HAS_ATTRS) && !(base->flags & TYPE_HAS_ATTRS)) plan->dict = true;
    if ((b->flags & TYPE_WEAKREF) && !(base->flags & TYPE_WEAKREF)) plan->weakref = true;
  }
  return true;
}

/* ---------------------------------------------------------------- the namespace */

static bool put(VM *vm, Class *c, NameId id, Value v) {
  Str *s = rt_name(vm, id);
  return s && !v_failed(v) && dict_set_str(vm, c->ns, s, v);
}

/* Name of the module whose code is running; V_ABSENT: none. */
static Value current_module(VM *vm) {
  Frame *f = vm->frame;
  while (f && (!f->func || (f->func->code->flags & CODE_HIDDEN))) f = f->back;
  if (!f) return V_ABSENT;
  Str *s = NAME(vm, __name__);
  return s ? dict_get_str(vm, f->func->globals, s) : V_FAIL;
}

/* Methods that are static or class methods by their name. */
static bool wrap_method(VM *vm, Class *c, NameId id, bool is_static) {
  Str *s = rt_name(vm, id);
  if (!s) return false;
  Value v = dict_get_str(vm, c->ns, s);
  if (!v_has_layout(v, LAY_FUNCTION)) return !v_failed(v);
  v = is_static ? staticmethod_new(vm, v) : classmethod_new(vm, v);
  return !v_failed(v) && dict_set_str(vm, c->ns, s, v);
}

static bool take_qualname(VM *vm, Class *c) {
  Str *key = NAME(vm, __qualname__);
  if (!key) return false;
  Value q = dict_get_str(vm, c->ns, key);
  gc_store_obj(vm, c, &c->qualname, c->name);
  if (v_absent(q)) return true;
  if (v_failed(q)) return false;
  if (!is_str(q)) return rt_raise_b(vm, &exc_TypeError, "type __qualname__ must be a str, not %T", q);
  gc_store_obj(vm, c, &c->qualname, v_str(q));
  return dict_del_str(vm, c->ns, key) >= 0;
}

/* Fills the __class__ cell of the class body's functions (zero-argument super). */
static bool take_classcell(VM *vm, Class *c) {
  Str *key = NAME(vm, __classcell__);
  if (!key) return false;
  Value cell = dict_get_str(vm, c->ns, key);
  if (v_absent(cell)) return true;
  if (v_failed(cell)) return false;
  if (!v_is_exact(cell, &cell_type)) return rt_raise_b(vm, &exc_TypeError, "__classcell__ must be a nonlocal cell, not %R", rt_type_value(type_of(cell)));
  gc_store(vm, v_obj(cell), &((Cell *)v_obj(cell))->v, v_from_obj(c));
  return dict_del_str(vm, c->ns, key) >= 0;
}

static bool fill_namespace(VM *vm, Class *c, const SlotPlan *plan, uint32_t first_member) {
  if (!take_qualname(vm, c)) return false;
  if (!has(vm, c->ns, NAME___module__)) {
    Value m = current_module(vm);
    if (v_failed(m) || (!v_absent(m) && !put(vm, c, NAME___module__, m))) return false;
  }
  if (!wrap_method(vm, c, NAME___new__, true) || !wrap_method(vm, c, NAME___init_subclass__, false) || !wrap_method(vm, c, NAME___class_getitem__, false)) return false;
  for (size_t i = 0; plan->names && i < plan->names->length; i++) {
    Str *name = v_str(plan->names->items[i]);
    Value d = member_descr_new(vm, name, &c->t, first_member + (uint32_t)i);
    if (v_failed(d) || !dict_set_str(vm, c->ns, name, d)) return false;
  }
  if (plan->dict && !has(vm, c->ns, NAME___dict__) && !put(vm, c, NAME___dict__, getset_descr_new(vm, &dict_getset, &c->t))) return false;
  if (plan->weakref && !put(vm, c, NAME___weakref__, getset_descr_new(vm, &weakref_getset, &c->t))) return false;
  if (!has(vm, c->ns, NAME___doc__) && !put(vm, c, NAME___doc__, V_NONE)) return false;
  if (has(vm, c->ns, NAME___eq__) && !has(vm, c->ns, NAME___hash__) && !put(vm, c, NAME___hash__, V_NONE)) return false;
  return !rt_pending(vm);
}

/* ---------------------------------------------------------------- class_new */

/* Copies what instances of the base can do. */
static void inherit(Class *c, const Type *base, const SlotPlan *plan) {
  Obj head = c->t.head;
  c->t = *base;
  c->t.head = head;
  c->t.name = NULL;
  c->t.base = base;
  c->t.doc = NULL;
  c->t.module = NULL;
  c->t.methods = NULL;
  c->t.getset = NULL;
  uint32_t keep = TYPE_HAS_ATTRS | TYPE_WEAKREF | TYPE_VARSIZE | TYPE_ATTRS_BEHIND | TYPE_MAPPING | TYPE_SEQUENCE | TYPE_BARRIER;
  c->t.flags = TYPE_HEAP | TYPE_BASE | (base->flags & keep);
  if (plan->dict) c->t.flags |= TYPE_HAS_ATTRS;
  if (plan->weakref) c->t.flags |= TYPE_WEAKREF;
  bool stored = plan->dict || (plan->names && plan->names->length);
  switch ((Layout)base->layout) {
  case LAY_OBJECT:
    c->t.trace = instance_trace;
    c->t.destroy = instance_destroy;
    c->t.flags |= TYPE_BARRIER;
    c->t.size = sizeof(Instance);
    break;
  case LAY_CLASSMETHOD: case LAY_STATICMETHOD:
    c->t.flags &= ~(uint32_t)TYPE_BARRIER; /* else they were leaves, of which the dead may outlive their class */
    break;
  case LAY_EXCEPTION: case LAY_TYPE: case LAY_MODULE: break; /* as those two, they keep attributes themselves */
  default:
    if (stored) c->t.flags |= TYPE_ATTRS_BEHIND;
    if (base->layout == LAY_NATIVE_INSTANCE) { /* api_native.c traces both parts */
      c->t.flags &= ~(uint32_t)TYPE_BARRIER; /* event loops: few, and all their stores are not worth a thought */
      break;
    }
    c->t.trace = behind_trace;
    c->t.destroy = behind_destroy;
  }
}

bool class_set_text_name(VM *vm, Class *c, const char *text) {
  size_t n = strlen(text) + 1;
  char *copy = mem_alloc(&vm->mem, n);
  if (!copy) return rt_no_memory(vm), false;
  memcpy(copy, text, n);
  if (c->t.name) mem_free(&vm->mem, (void *)(uintptr_t)c->t.name, strlen(c->t.name) + 1);
  c->t.name = copy;
  return true;
}

static bool set_name(VM *vm, Class *c, Str *name) {
  if (memchr(name->data, 0, name->size)) return rt_raise_b(vm, &exc_ValueError, "type name must not contain null characters");
  if (v_failed(codec_encode(vm, v_from_obj(name), "utf-8", "strict"))) return false; /* surrogates */
  const char *text = str_cstr(vm, name);
  if (!text || !class_set_text_name(vm, c, text)) return false;
  gc_store_obj(vm, c, &c->name, name);
  return true;
}
bool class_set_name(VM *vm, Class *c, Str *name) { return set_name(vm, c, name); }

Value class_new(VM *vm, const Type *metatype, Str *name, Tuple *bases, Dict *ns) {
  if (!bases->length) {
    Value object = rt_type_value(&object_type);
    bases = tuple_new(vm, &object, 1);
    if (!bases) return V_FAIL;
  }
  const Type *base = class_best_base(vm, bases);
  SlotPlan plan = {0};
  if (!base || !read_slots(vm, &plan, name, base, ns, bases)) return V_FAIL;
  Class *c = gc_new(vm, metatype, sizeof *c);
  if (!c) return V_FAIL;
  inherit(c, base, &plan);
  c->t.head.shape = 0;
  c->call.new_ = c->call.init = V_ABSENT;
  gc_store_obj(vm, c, &c->bases, bases);
  uint32_t members = type_is_heap(base) ? type_class(base)->n_members : 0;
  c->n_members = members + (plan.names ? (uint32_t)plan.names->length : 0);
  c->slot_hint = type_is_heap(base) && type_class(base)->slot_hint > c->n_members ? type_class(base)->slot_hint : c->n_members;
  Value self = v_from_obj(c);
  if (!set_name(vm, c, name) || !(c->ns = dict_copy(vm, ns)) || !shape_new_id(vm, NULL, &c->t.head.shape)) return V_FAIL;
  c->root = shape_new_root(vm, &c->t, c->n_members);
  if (!c->root || !register_class(vm, c)) return V_FAIL;
  c->t.shape_id = c->root->id;
  if (!fill_namespace(vm, c, &plan, members)) return V_FAIL;
  Tuple *mro = class_compute_mro(vm, self, bases);
  if (!mro) return V_FAIL;
  gc_store_obj(vm, c, &c->mro, mro);
  compute_flags(vm, c);
  if (rt_pending(vm) || !take_classcell(vm, c)) return V_FAIL;
  return self;
}

/* ---------------------------------------------------------------- changes */

bool class_set_attr(VM *vm, Class *c, Str *name, Value value) {
  Value old = dict_get_str(vm, c->ns, name);
  if (v_failed(old)) return false;
  if (v_absent(value)) {
    if (v_absent(old)) return rt_raise_b(vm, &exc_AttributeError, "type object '%N' has no attribute '%U'", &c->t, name);
    if (dict_del_str(vm, c->ns, name) < 0) return false;
  } else if (!dict_set_str(vm, c->ns, name, value)) {
    return false;
  }
  if (concerns_flags(vm, name)) {
    class_update_flags(vm, c);
  } else if (!v_absent(old) && !v_absent(value) && value_is_plain_data(old) && value_is_plain_data(value)) {
    if (!c->data_changes) attr_flush_caches(vm); /* from now on no cache holds plain data of this class */
    c->data_changes = true;
  } else {
    attr_flush_caches(vm);
  }
  return true;
}

/* ---------------------------------------------------------------- calling */

static bool compute_call(VM *vm, const Type *cls, ClassCall *out) {
  Str *new_ = NAME(vm, __new__), *init = NAME(vm, __init__);
  if (!new_ || !init) return false;
  Value n = rt_type_lookup(vm, cls, new_), i = attr_override(vm, cls, init);
  if (rt_pending(vm)) return false;
  bool native = v_has_layout(n, LAY_NATIVE) && ((Native *)v_obj(n))->kind == NATIVE_NEW;
  *out = (ClassCall){V_ABSENT, i, false};
  if (!native && !v_absent(n)) {
    AttrCall call;
    if (attr_bind(vm, n, V_ABSENT, cls, &out->new_, &call) != 1) out->new_ = n;
  }
  out->plain = v_absent(out->new_) && cls->new_ == object_type.new_ && !(cls->flags & (TYPE_ABSTRACT | TYPE_NO_NEW)) && cls->layout == LAY_OBJECT && type_is_heap(cls);
  return true;
}

bool class_call(VM *vm, const Type *cls, ClassCall *out) {
  if (!type_is_heap(cls)) {
    *out = (ClassCall){V_ABSENT, V_ABSENT, false};
    return true;
  }
  Class *c = type_class(cls);
  uint32_t version = type_state(vm)->version;
  if (LIKELY(c->call_version == version)) {
    *out = c->call;
    return true;
  }
  if (!compute_call(vm, cls, out)) return false;
  c->call = *out;
  gc_remember_all(vm, c);
  c->call_version = version;
  return true;
}

/* The parsed signature text of t's C __new__ or __init__, made at first use. */
static Signature *cached_signature(VM *vm, Signature ***where, const Type *t, const char *text, const char *any) {
  if (!*where) {
    *where = mem_zalloc(&vm->mem, TYPE_ID_COUNT * sizeof **where);
    if (!*where) return rt_no_memory(vm), NULL;
  }
  bool known = !type_is_heap(t) && text && t->shape_id < TYPE_ID_COUNT;
  Signature **slot = &(*where)[known ? t->shape_id : TYPE_ID_none_0]; /* heap classes with a constructor of their own are native classes: any arguments */
  if (!*slot) *slot = signature_parse(vm, known ? text : any);
  return *slot;
}

bool class_overlooks_keywords(VM *vm, const Type *cls, const Type *t, bool init) {
  if (!type_is_heap(cls)) return false;
  ClassCall plan;
  if (init) return t == &list_type && class_call(vm, cls, &plan) && !v_absent(plan.new_);
  return (t->flags & TYPE_INIT_KEYWORDS) && class_call(vm, cls, &plan) && !v_absent(plan.init);
}

Value class_make(VM *vm, const Type *cls, const Value *argv, int n_pos, Value kwnames) {
  const Type *t = cls;
  while (t && !t->new_) t = t->base;
  if (!t || (cls->flags & TYPE_NO_NEW)) {
    bool prefix = cls->module && !strchr(cls->name, '.');
    return rt_raise(vm, &exc_TypeError, "cannot create '%s%s%N' instances", prefix ? cls->module : "", prefix ? "." : "", cls);
  }
  if (cls->layout == LAY_NATIVE_INSTANCE && n_pos == 0 && v_absent(kwnames)) return t->new_(vm, cls, &(Args){.vm = vm, .kwnames = V_ABSENT});
  while (type_is_heap(t) && t->base && t->base->new_ == t->new_) t = t->base;
  Signature *sig = cached_signature(vm, &type_state(vm)->new_sigs, t, t->new_sig, "(*args, **kwargs)");
  if (!sig) return V_FAIL;
  Value *bound = rt_temp(vm, sig->n_params + 1);
  if (!v_absent(kwnames) && class_overlooks_keywords(vm, cls, t, false)) kwnames = V_ABSENT;
  const char *dot = t->module ? strrchr(t->name, '.') : NULL; /* "itertools.chain" */
  if (!bound || !signature_bind(vm, sig, dot ? dot + 1 : t->name, argv, n_pos, kwnames, bound)) return V_FAIL;
  Args a = {.vm = vm, .v = bound, .n = sig->n_params, .kwnames = V_ABSENT};
  return t->new_(vm, cls, &a);
}

Value class_init(VM *vm, Value self, const Value *argv, int n_pos, Value kwnames) {
  const Type *t = type_of(self);
  if (!t->init) return V_NONE;
  while (type_is_heap(t) && t->base && t->base->init == t->init) t = t->base;
  Signature *sig = cached_signature(vm, &type_state(vm)->init_sigs, t, t->init_sig, "(self, /, *args, **kwargs)");
  if (!sig) return V_FAIL;
  size_t n = (size_t)n_pos + (v_absent(kwnames) ? 0 : v_tuple(kwnames)->length);
  Value small[8], *with_self = n < 8 ? small : rt_temp(vm, (int)n + 1);
  Value *bound = rt_temp(vm, sig->n_params + 1);
  if (!with_self || !bound) return V_FAIL;
  with_self[0] = self;
  memcpy(with_self + 1, argv, n * sizeof(Value));
  if (!v_absent(kwnames) && class_overlooks_keywords(vm, type_of(self), t, true)) kwnames = V_ABSENT;
  if (!signature_bind(vm, sig, t->name, with_self, n_pos + 1, kwnames, bound)) return V_FAIL;
  Args a = {.vm = vm, .v = bound, .n = sig->n_params, .kwnames = V_ABSENT};
  return t->init(vm, &a);
}

Value class_abstract_error(VM *vm, const Type *cls) {
  Str *key = NAME(vm, __abstractmethods__);
  Value names = key && type_is_heap(cls) ? dict_get_str(vm, type_class(cls)->ns, key) : V_FAIL;
  if (v_failed(names)) return V_FAIL;
  Value sorted = v_absent(names) ? V_FAIL : rt_iter_to_list(vm, names);
  if (v_failed(sorted) || v_failed(list_sort_values(vm, v_list(sorted), NULL, false))) return V_FAIL;
  const List *l = v_list(sorted);
  Buf b;
  buf_init(&b, &vm->mem);
  for (size_t i = 0; i < l->length; i++) {
    if (i) buf_str(&b, ", ");
    if (is_str(l->items[i])) buf_add(&b, v_str(l->items[i])->data, v_str(l->items[i])->size);
  }
  rt_raise(vm, &exc_TypeError, "Can't instantiate abstract class %N with abstract method%s %s", cls, l->length > 1 ? "s" : "", buf_cstr(&b));
  buf_free(&b);
  return V_FAIL;
}
