/* The order of bases when scripts decide about it: mro() of a metaclass, and assignment to __bases__ (data model, "class.mro", "class.__bases__").
 * mro() is a script's: it may assign __bases__ itself, of this class or another, and fail half-way. */
#include "vm/vm.h"
#include "vm/objects/class.h"
#include "vm/objects/shape.h"

static const Type *as_type(Value v) { return (const Type *)v_obj(v); }

/* What a metaclass's mro() gave, checked. NULL: exception pending. [script] */
static Tuple *called_mro(VM *vm, Value cls, Str *name) {
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2);
  if (!keep) return NULL;
  keep[0] = cls;
  Value fn = rt_special(vm, cls, name), order = v_failed(fn) ? fn : rt_call(vm, fn, 0, NULL);
  keep[1] = v_failed(order) ? V_NONE : rt_iter_to_list(vm, order);
  bool ok = is_list(keep[1]);
  const Type *solid = type_builtin_base(as_type(cls));
  for (size_t i = 0; ok && i < v_list(keep[1])->length; i++) {
    Value c = v_list(keep[1])->items[i];
    if (!is_type(c)) ok = rt_raise_b(vm, &exc_TypeError, "mro() returned a non-class ('%T')", c);
    else if (!rt_is_subtype(solid, type_builtin_base(as_type(c)))) ok = rt_raise_b(vm, &exc_TypeError, "mro() returned base with unsuitable layout ('%N')", as_type(c));
  }
  Tuple *mro = ok ? tuple_new(vm, v_list(keep[1])->items, v_list(keep[1])->length) : NULL;
  rt_temp_release(vm, mark);
  return mro;
}

/* The MRO that c ought to have now: 1, new in *out; 0: it was set by somebody else meanwhile; -1. [script] */
static int new_mro(VM *vm, Class *c, Tuple **out) {
  Str *name = NAME(vm, mro);
  if (!name) return -1;
  Value custom = rt_type_lookup(vm, c->t.head.type, name);
  const Tuple *before = c->mro;
  bool was_unknown = c->mro_unknown;
  if (v_same(custom, rt_type_lookup(vm, &type_type, name))) *out = class_compute_mro(vm, v_from_obj(c), c->bases);
  else *out = called_mro(vm, v_from_obj(c), name);
  if (!*out) return -1;
  return c->mro == before && c->mro_unknown == was_unknown;
}

bool class_first_mro(VM *vm, Class *c) {
  Str *name = NAME(vm, mro);
  if (!name) return false;
  if (v_same(rt_type_lookup(vm, c->t.head.type, name), rt_type_lookup(vm, &type_type, name))) return true;
  Tuple *mro;
  c->mro_unknown = true;
  int r = new_mro(vm, c, &mro);
  if (r > 0) gc_store_obj(vm, c, &c->mro, mro);
  c->mro_unknown = false;
  if (r > 0) class_update_flags(vm, c);
  return r >= 0;
}

/* ---------------------------------------------------------------- __bases__ */

typedef struct Kids { VM *vm; Value of; List *list; bool ok; } Kids;
static void add_kid(void *ctx, Class *c) {
  Kids *k = ctx;
  for (size_t i = 0; k->ok && i < c->bases->length; i++)
    if (v_same(c->bases->items[i], k->of)) {
      k->ok = list_append(k->vm, k->list, v_from_obj(c));
      return;
    }
}

/* Gives c and all classes below, depth first, the MROs they ought to have. todo: classes that wait, next one last; undo: (class, old MRO, new MRO) flat. [script] */
static bool update_mros(VM *vm, List *todo, List *undo) {
  while (todo->length) {
    Value cls = todo->items[--todo->length];
    Class *c = type_class(as_type(cls));
    Tuple *mro, *old = c->mro;
    if (!list_append(vm, undo, cls)) return false; /* kept alive */
    int r = new_mro(vm, c, &mro);
    undo->length--;
    if (r < 0) return false;
    if (r == 0) continue;
    if (!list_append(vm, undo, cls) || !list_append(vm, undo, v_from_obj(old)) || !list_append(vm, undo, v_from_obj(mro))) return false;
    gc_store_obj(vm, c, &c->mro, mro);
    c->mro_unknown = false;
    attr_flush_caches(vm);
    Kids k = {vm, cls, list_new(vm, NULL, 0), true};
    if (!k.list) return false;
    class_each(vm, add_kid, &k);
    while (k.ok && k.list->length) k.ok = list_append(vm, todo, k.list->items[--k.list->length]);
    if (!k.ok) return false;
  }
  return true;
}

/* MROs that nobody changed since go back. */
static void undo_mros(VM *vm, const List *undo) {
  for (size_t i = undo->length / 3; i-- > 0;) {
    const Value *u = undo->items + 3 * i;
    Class *c = type_class(as_type(u[0]));
    if (c->mro == v_tuple(u[2])) gc_store_obj(vm, c, &c->mro, v_tuple(u[1]));
  }
  attr_flush_caches(vm);
}

static bool derives(const Type *sub, const Type *super) {
  if (rt_is_subtype(sub, super)) return true;
  for (; sub; sub = sub->base) /* while mro() runs, __base__ knows more than the MRO */
    if (sub == super) return true;
  return false;
}

/* The new __base__ if the tuple will do. */
static const Type *check_bases(VM *vm, const Class *c, Value v) {
  if (!is_tuple(v)) return rt_raise(vm, &exc_TypeError, "can only assign tuple to %N.__bases__, not %T", &c->t, v), NULL;
  const Tuple *bases = v_tuple(v);
  if (!bases->length) return rt_raise(vm, &exc_TypeError, "can only assign non-empty tuple to %N.__bases__, not ()", &c->t), NULL;
  for (size_t i = 0; i < bases->length; i++) {
    if (!is_type(bases->items[i])) return rt_raise(vm, &exc_TypeError, "%N.__bases__ must be tuple of classes, not '%T'", &c->t, bases->items[i]), NULL;
    if (derives(as_type(bases->items[i]), &c->t)) return rt_raise(vm, &exc_TypeError, "a __bases__ item causes an inheritance cycle"), NULL;
  }
  const Type *base = class_best_base(vm, bases), *old = c->t.base;
  if (!base) return NULL;
  if (type_is_heap(base) != type_is_heap(old)) return rt_raise(vm, &exc_TypeError, "__bases__ assignment: '%N' deallocator differs from '%N'", base, old), NULL;
  uint32_t have = type_is_heap(old) ? type_class(old)->n_members : 0, want = type_is_heap(base) ? type_class(base)->n_members : 0;
  if (base->layout != old->layout || type_builtin_base(base) != type_builtin_base(old) || have != want || ((base->flags ^ old->flags) & TYPE_ATTRS_BEHIND & c->t.flags))
    return rt_raise(vm, &exc_TypeError, "__bases__ assignment: '%N' object layout differs from '%N'", base, old), NULL;
  return base;
}

bool class_set_bases(VM *vm, Class *c, Value v) {
  const Type *base = check_bases(vm, c, v), *old_base = c->t.base;
  size_t mark = rt_temp_mark(vm);
  Value *keep = base ? rt_temp(vm, 5) : NULL;
  List *todo = keep ? list_new(vm, (Value[]){v_from_obj(c)}, 1) : NULL, *undo = todo ? list_new(vm, NULL, 0) : NULL;
  if (!undo) return false;
  Tuple *bases = v_tuple(v), *old_bases = c->bases;
  memcpy(keep, (Value[]){v, v_from_obj(c), v_from_obj(todo), v_from_obj(undo), v_from_obj(old_bases)}, 5 * sizeof *keep);
  gc_store_obj(vm, c, &c->bases, bases);
  gc_store_obj(vm, c, &c->t.base, base);
  type_state(vm)->disordered = true;
  bool ok = update_mros(vm, todo, undo);
  if (!ok) {
    undo_mros(vm, undo);
    if (c->bases == bases) {
      gc_store_obj(vm, c, &c->bases, old_bases);
      gc_store_obj(vm, c, &c->t.base, old_base);
    }
  }
  rt_temp_release(vm, mark);
  class_update_flags(vm, c);
  return ok;
}
