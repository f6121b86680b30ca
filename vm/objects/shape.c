/* Shapes (hidden classes) and the storage of instance attributes.
 *
 * An object's shape says which attribute stands in which slot. The slots are in the Instance itself (room[]), in counted memory behind it, or, for
 * instances of classes that derive from list, int, Exception ..., in an AttrStore. Slots below n_members belong to __slots__; they have no name in the shape.
 * In dict mode slot n_members holds the __dict__ and nothing else is stored: an object goes there when its __dict__ is asked for, when an attribute is
 * deleted, or when the class turns out to be used as a dictionary (too many attributes, too many different first attributes). */
#include "vm/vm.h"
#include "vm/objects/class.h"
#include "vm/objects/shape.h"

enum { MAX_ATTRS = 200, MAX_KIDS = 128, SMALL_SHAPE = 8, MAX_HINT = 64 };

/* Open addressing from name to slot, 2^log2 cells. */
typedef struct ShapeCell { const Str *name; uint32_t slot; } ShapeCell;
struct ShapeTable {
  uint32_t log2;
  ShapeCell cell[];
};

/* ---------------------------------------------------------------- ids */

bool shape_new_id(VM *vm, Shape *shape, uint32_t *id) {
  TypeState *st = vm->method_cache ? type_state(vm) : NULL;
  if (st && st->n_free_ids) {
    *id = st->free_ids[--st->n_free_ids];
    vm->shapes[*id - SHAPE_FIRST_DYNAMIC] = shape;
    return true;
  }
  size_t cap = vm->cap_shapes;
  if (!mem_grow(&vm->mem, (void **)&vm->shapes, &cap, (size_t)vm->n_shapes + 1, sizeof(Shape *))) return rt_no_memory(vm), false;
  vm->cap_shapes = (uint32_t)cap;
  *id = SHAPE_FIRST_DYNAMIC + vm->n_shapes;
  vm->shapes[vm->n_shapes++] = shape;
  return true;
}

/* Gives an id back. Safe because caches are flushed at the beginning of every collection and only collections free classes. */
void shape_free_id(VM *vm, uint32_t id) {
  if (id < SHAPE_FIRST_DYNAMIC || id - SHAPE_FIRST_DYNAMIC >= vm->n_shapes) return;
  vm->shapes[id - SHAPE_FIRST_DYNAMIC] = NULL;
  TypeState *st = type_state(vm);
  if (!st) return;
  if (mem_grow(&vm->mem, (void **)&st->free_ids, &st->cap_free_ids, st->n_free_ids + 1, sizeof(uint32_t))) st->free_ids[st->n_free_ids++] = id; /* else: the number is lost */
}

/* ---------------------------------------------------------------- shapes */

static Shape *make_shape(VM *vm, const Type *type, Shape *root, uint32_t count) {
  Shape *s = mem_zalloc(&vm->mem, sizeof(Shape));
  if (!s) {
    rt_no_memory(vm);
    return NULL;
  }
  s->type = type;
  s->count = count;
  if (!shape_new_id(vm, s, &s->id)) {
    mem_free(&vm->mem, s, sizeof(Shape));
    return NULL;
  }
  if (root) {
    s->next = root->next;
    root->next = s;
  }
  return s;
}

Shape *shape_new_root(VM *vm, const Type *type, uint32_t n_members) { return make_shape(vm, type, NULL, n_members); }

static void free_one(VM *vm, Shape *s) {
  shape_free_id(vm, s->id);
  if (s->table) mem_free(&vm->mem, s->table, sizeof(struct ShapeTable) + (sizeof(ShapeCell) << s->table->log2));
  mem_free(&vm->mem, s->kids, s->cap_kids * sizeof(Shape *));
  mem_free(&vm->mem, s, sizeof(Shape));
}

void shape_free_tree(VM *vm, Shape *root) {
  if (!root) return;
  for (Shape *s = root->next, *next; s; s = next) {
    next = s->next;
    free_one(vm, s);
  }
  free_one(vm, root);
}

Shape *shape_of(VM *vm, const Obj *o) {
  uint32_t id = o->shape;
  if (id < SHAPE_FIRST_DYNAMIC || id - SHAPE_FIRST_DYNAMIC >= vm->n_shapes) return NULL;
  return vm->shapes[id - SHAPE_FIRST_DYNAMIC];
}

static uint32_t name_cell(const Str *name, uint32_t log2) { return (uint32_t)(((uint64_t)(uintptr_t)name >> 4) * 0x9E3779B97F4A7C15u >> (64 - log2)); }

static void make_table(VM *vm, Shape *s) {
  uint32_t log2 = 5;
  while (((uint32_t)1 << log2) < 2 * s->count) log2++;
  struct ShapeTable *t = mem_zalloc(&vm->mem, sizeof(struct ShapeTable) + (sizeof(ShapeCell) << log2));
  if (!t) return; /* searched link by link then */
  t->log2 = log2;
  uint32_t mask = ((uint32_t)1 << log2) - 1;
  for (Shape *p = s; p->name; p = p->parent) {
    uint32_t at = name_cell(p->name, log2);
    while (t->cell[at].name) at = (at + 1) & mask;
    t->cell[at] = (ShapeCell){p->name, p->count - 1};
  }
  s->table = t;
}

int32_t shape_find(const Shape *s, const Str *name) {
  for (const Shape *p = s; p->name; p = p->parent)
    if (p->name == name) return (int32_t)p->count - 1;
  return -1;
}

/* Name of each slot from the shape's chain, through its table when that pays. */
static int32_t find_slot(VM *vm, Shape *s, const Str *name) {
  if (s->count <= SMALL_SHAPE) return shape_find(s, name);
  if (!s->table) make_table(vm, s);
  if (!s->table) return shape_find(s, name);
  uint32_t log2 = s->table->log2, mask = ((uint32_t)1 << log2) - 1;
  for (uint32_t at = name_cell(name, log2); s->table->cell[at].name; at = (at + 1) & mask)
    if (s->table->cell[at].name == name) return (int32_t)s->table->cell[at].slot;
  return -1;
}

int32_t shape_slot(VM *vm, Shape *s, const Str *name) { return find_slot(vm, s, name); }

static Shape *root_of(VM *vm, const Type *t) { return type_root_shape(vm, t); }

/* The shape after adding name; NULL with *full: use dict mode; NULL otherwise: out of memory. */
static Shape *shape_add(VM *vm, Shape *s, Str *name, bool *full) {
  *full = false;
  for (uint32_t i = 0; i < s->n_kids; i++)
    if (s->kids[i]->name == name) return s->kids[i];
  if (s->count >= MAX_ATTRS || s->n_kids >= MAX_KIDS) {
    *full = true;
    return NULL;
  }
  size_t cap = s->cap_kids;
  bool grown = mem_grow(&vm->mem, (void **)&s->kids, &cap, (size_t)s->n_kids + 1, sizeof(Shape *));
  s->cap_kids = (uint32_t)cap;
  if (!grown) return rt_no_memory(vm), NULL;
  Shape *root = root_of(vm, s->type);
  if (!root) return NULL;
  Shape *kid = make_shape(vm, s->type, root, s->count + 1);
  if (!kid) return NULL;
  kid->parent = s;
  kid->name = name;
  if (type_is_heap(s->type)) gc_remember_all(vm, type_class(s->type));
  s->kids[s->n_kids++] = kid;
  return kid;
}

static Shape *dict_shape(VM *vm, const Type *type) {
  Shape *root = root_of(vm, type);
  if (!root) return NULL;
  if (!root->dict_shape) {
    root->dict_shape = make_shape(vm, type, root, root->count + 1);
    if (root->dict_shape) root->dict_shape->dict_mode = true;
  }
  return root->dict_shape;
}

/* Names of shapes are kept alive by their class. */
void shape_trace_tree(Tracer *t, Shape *root) {
  for (Shape *s = root ? root->next : NULL; s; s = s->next)
    if (s->name) gc_mark_obj(t, s->name);
}

/* ---------------------------------------------------------------- storage */

Instance *instance_new(VM *vm, const Type *cls) {
  const Class *c = type_class(cls);
  uint32_t room = c->slot_hint > c->n_members ? c->slot_hint : c->n_members;
  Instance *o = gc_new(vm, cls, sizeof(Instance) + room * sizeof(Value));
  if (UNLIKELY(!o)) return NULL;
  o->slots = o->room;
  o->capacity = o->room_count = room;
  for (uint32_t i = 0; i < c->n_members; i++) o->room[i] = V_ABSENT;
  return o;
}

/* Where an object's slots are. */
typedef struct Store { Value **slots; uint32_t *capacity; } Store;

static bool find_store(const Obj *o, Store *out) {
  const Type *t = o->type;
  if (t->layout == LAY_OBJECT && type_is_heap(t)) {
    Instance *i = (Instance *)(uintptr_t)o;
    *out = (Store){&i->slots, &i->capacity};
    return true;
  }
  AttrStore *a;
  if (t->layout == LAY_EXCEPTION) a = &((Exception *)(uintptr_t)o)->attrs;
  else if (t->flags & TYPE_ATTRS_BEHIND) a = (AttrStore *)gc_obj_end(o) - 1;
  else return false;
  *out = (Store){&a->slots, &a->capacity};
  return true;
}

static uint32_t member_count(const Type *t) { return type_is_heap(t) ? type_class(t)->n_members : 0; }

/* Room for slot `index`; new slots of members start as absent. */
static bool reserve_slot(VM *vm, Obj *o, Store *st, uint32_t index) {
  if (index < *st->capacity) return true;
  uint32_t old = *st->capacity, want = index + 1 < 4 ? 4 : index + 1 + index / 2;
  const Type *t = o->type;
  Value *slots;
  if (t->layout == LAY_OBJECT && ((Instance *)o)->slots == ((Instance *)o)->room) {
    slots = mem_alloc(&vm->mem, want * sizeof(Value));
    if (slots && old) memcpy(slots, *st->slots, old * sizeof(Value));
  } else {
    slots = mem_realloc(&vm->mem, *st->slots, old * sizeof(Value), want * sizeof(Value));
  }
  if (!slots) return rt_no_memory(vm), false;
  uint32_t members = member_count(t);
  for (uint32_t i = old; i < want; i++) slots[i] = i < members ? V_ABSENT : V_NONE;
  *st->slots = slots;
  *st->capacity = want;
  return true;
}

static Dict *dict_of(VM *vm, const Shape *s, const Store *st) {
  (void)vm;
  return v_dict((*st->slots)[s->count - 1]);
}

Value instance_get(VM *vm, Obj *o, Str *name) {
  Shape *s = shape_of(vm, o);
  if (!s) return V_ABSENT;
  Store st;
  if (!find_store(o, &st)) return V_ABSENT;
  if (s->dict_mode) return dict_get_str(vm, dict_of(vm, s, &st), name);
  int32_t slot = find_slot(vm, s, name);
  return slot < 0 ? V_ABSENT : (*st.slots)[slot];
}

/* Moves all attributes into d (a new dict when NULL) and puts the object into dict mode. */
static Dict *to_dict_mode(VM *vm, Obj *o, Shape *s, Store *st, Dict *d) {
  uint32_t at = root_of(vm, o->type)->count;
  Shape *ds = dict_shape(vm, o->type);
  if (!ds || !reserve_slot(vm, o, st, at)) return NULL;
  if (!d) {
    d = dict_new(vm);
    if (!d) return NULL;
    size_t pos = 0;
    Str *name;
    Value v;
    (void)s;
    while (instance_next(vm, o, &pos, &name, &v))
      if (!dict_set_str(vm, d, name, v)) return NULL;
  }
  gc_store(vm, o, &(*st->slots)[at], v_from_obj(d));
  for (uint32_t i = at + 1; i < *st->capacity; i++) (*st->slots)[i] = V_NONE;
  o->shape = ds->id;
  return d;
}

bool instance_set(VM *vm, Obj *o, Str *name, Value v) {
  Store st;
  if (!find_store(o, &st)) return rt_raise_b(vm, &exc_SystemError, "object without attribute storage");
  Shape *s = shape_of(vm, o);
  if (!s) {
    s = root_of(vm, o->type);
    if (!s) return false;
    o->shape = s->id;
  }
  if (s->dict_mode) return dict_set_str(vm, dict_of(vm, s, &st), name, v);
  int32_t slot = find_slot(vm, s, name);
  if (slot >= 0) {
    gc_store(vm, o, &(*st.slots)[slot], v);
    return true;
  }
  if (!(name->head.small & STR_INTERNED)) {
    name = str_intern_str(vm, name);
    if (!name) return false;
    slot = find_slot(vm, s, name);
    if (slot >= 0) {
      gc_store(vm, o, &(*st.slots)[slot], v);
      return true;
    }
  }
  bool full;
  Shape *next = shape_add(vm, s, name, &full);
  if (!next) {
    if (!full) return false;
    Dict *d = to_dict_mode(vm, o, s, &st, NULL);
    return d && dict_set_str(vm, d, name, v);
  }
  if (!reserve_slot(vm, o, &st, next->count - 1)) return false;
  gc_store(vm, o, &(*st.slots)[next->count - 1], v);
  o->shape = next->id;
  if (type_is_heap(o->type)) {
    Class *c = type_class(o->type);
    if (next->count > c->slot_hint && next->count <= MAX_HINT) c->slot_hint = next->count;
  }
  return true;
}

Value *instance_slot(const Obj *o, uint32_t index) {
  Store st;
  return find_store(o, &st) ? &(*st.slots)[index] : NULL;
}

bool instance_add(VM *vm, Obj *o, uint32_t index, uint32_t shape, Value v) {
  Store st;
  if (!find_store(o, &st) || !reserve_slot(vm, o, &st, index)) return false;
  gc_store(vm, o, &(*st.slots)[index], v);
  o->shape = shape;
  return true;
}

int instance_del(VM *vm, Obj *o, Str *name) {
  Shape *s = shape_of(vm, o);
  Store st;
  if (!s || !find_store(o, &st)) return 0;
  Dict *d;
  if (s->dict_mode) {
    d = dict_of(vm, s, &st);
  } else {
    if (find_slot(vm, s, name) < 0) return 0;
    d = to_dict_mode(vm, o, s, &st, NULL);
    if (!d) return -1;
  }
  return dict_del_str(vm, d, name);
}

Dict *instance_dict(VM *vm, Obj *o) {
  Store st;
  if (!find_store(o, &st)) return NULL;
  Shape *s = shape_of(vm, o);
  if (!s) s = root_of(vm, o->type);
  if (!s) return NULL;
  return s->dict_mode ? dict_of(vm, s, &st) : to_dict_mode(vm, o, s, &st, NULL);
}

bool instance_set_dict(VM *vm, Obj *o, Dict *d) {
  Store st;
  if (!find_store(o, &st)) return false;
  Shape *s = root_of(vm, o->type);
  return s && to_dict_mode(vm, o, s, &st, d) != NULL;
}

bool instance_next(VM *vm, Obj *o, size_t *pos, Str **name, Value *value) {
  Shape *s = shape_of(vm, o);
  Store st;
  if (!s || !find_store(o, &st)) return false;
  if (s->dict_mode) {
    Value key;
    do {
      if (!dict_next(dict_of(vm, s, &st), pos, &key, value)) return false;
    } while (!is_str(key));
    *name = v_str(key);
    return true;
  }
  Shape *root = root_of(vm, o->type);
  if (!root) return false;
  size_t slot = root->count + *pos;
  if (slot >= s->count) return false;
  const Shape *p = s;
  while (p->count - 1 > slot) p = p->parent; /* shapes are short (MAX_ATTRS), so this is no n^2 that matters */
  *name = p->name;
  *value = (*st.slots)[slot];
  ++*pos;
  return true;
}

/* ---------------------------------------------------------------- __slots__ members */

/* Value of member slot `index`; V_ABSENT: not set. */
Value instance_member(Obj *o, uint32_t index) {
  Store st;
  if (!find_store(o, &st) || index >= *st.capacity) return V_ABSENT;
  return (*st.slots)[index];
}

bool instance_set_member(VM *vm, Obj *o, uint32_t index, Value v) {
  Store st;
  if (!find_store(o, &st)) return rt_raise_b(vm, &exc_SystemError, "object without attribute storage");
  if (!reserve_slot(vm, o, &st, index)) return false;
  gc_store(vm, o, &(*st.slots)[index], v);
  return true;
}

/* __class__ assignment between classes of equal layout: attributes are carried over to the tree of the new class. */
bool instance_change_class(VM *vm, Obj *o, const Type *to) {
  Store st;
  Shape *s = shape_of(vm, o), *root = root_of(vm, to);
  if (!root) return false;
  if (find_store(o, &st) && s) {
    if (s->dict_mode) {
      Shape *ds = dict_shape(vm, to);
      if (!ds) return false;
      root = ds;
    } else {
      Str *names[MAX_ATTRS];
      uint32_t n = 0, first = member_count(o->type);
      for (const Shape *p = s; p->name; p = p->parent) names[p->count - 1 - first] = p->name, n++;
      for (uint32_t i = 0; i < n; i++) {
        bool full;
        Shape *next = shape_add(vm, root, names[i], &full);
        if (!next && !full) return false;
        if (!next) { /* no room in the new tree: go by dict */
          Shape *ds = dict_shape(vm, to);
          if (!ds || !to_dict_mode(vm, o, s, &st, NULL)) return false;
          root = ds;
          break;
        }
        root = next;
      }
    }
  }
  if (to->flags & ~o->type->flags & TYPE_HAS_DEL) gc_late_finalizers(vm);
  gc_store_obj(vm, o, &o->type, to);
  o->shape = root->id;
  return true;
}

/* ---------------------------------------------------------------- memory */

void instance_trace_attrs(Tracer *t, Obj *o) {
  Store st;
  if (find_store(o, &st) && *st.slots) gc_mark_array(t, *st.slots, *st.capacity);
}

void instance_destroy_attrs(VM *vm, Obj *o) {
  Store st;
  if (!find_store(o, &st)) return;
  if (o->type->layout == LAY_OBJECT && ((Instance *)o)->slots == ((Instance *)o)->room) return;
  mem_free(&vm->mem, *st.slots, *st.capacity * sizeof(Value));
  *st.slots = NULL;
  *st.capacity = 0;
}

/* ---- __dict__ of builtin types whose instances have attributes ---- */

Value attrs_get_dict(VM *vm, Value self) {
  Dict *d = instance_dict(vm, v_obj(self));
  return d ? v_from_obj(d) : V_FAIL;
}
bool attrs_set_dict(VM *vm, Value self, Value v) {
  if (v_absent(v)) return rt_raise_b(vm, &exc_TypeError, "cannot delete __dict__");
  if (!is_dict(v)) return rt_raise_b(vm, &exc_TypeError, "__dict__ must be set to a dictionary, not a '%T'", v);
  return instance_set_dict(vm, v_obj(self), v_dict(v));
}
