/* set and frozenset: the table. Sizes, probing (9 neighbours, then a jump with shift 5) and resizing are CPython 3.11's, so that sets of numbers
 * and tuples iterate and print in its order. An entry whose key is V_ABSENT was never used; hash -1 marks a dummy, which a search passes over.
 * Comparing may run a script's __eq__ that changes this set: `version`, unique in the VM, tells, and the search starts again. */
#include "vm/objects/containers_int.h"

enum { LINEAR_PROBES = 9, PERTURB_SHIFT = 5, MIN_SIZE = 8, DUMMY_HASH = -1 };

static inline void touch(VM *vm, Set *s) {
  if (UNLIKELY(++vm->dict_version == 0)) vm->dict_version = 1;
  s->version = vm->dict_version;
}
void set_touch(VM *vm, Set *s) { touch(vm, s); }
/* NotImplemented may be a member, too: a dummy is told by its hash, which no key has. */
static inline bool is_key(const SetEntry *e) { return !v_absent(e->key) && !(e->hash == DUMMY_HASH); }

static void make_empty(Set *s) {
  s->table = s->small;
  s->mask = MIN_SIZE - 1;
  s->fill = s->used = 0;
  s->share = NULL;
  s->hash = -1;
  for (size_t i = 0; i < MIN_SIZE; i++) s->small[i] = (SetEntry){V_ABSENT, 0};
}

static Set *set_alloc(VM *vm, const Type *cls) {
  Set *s = gc_new(vm, cls, sizeof(Set));
  if (!s) return NULL;
  make_empty(s);
  touch(vm, s);
  return s;
}
Set *set_new(VM *vm, const Type *type) { return set_alloc(vm, type); }

/* A table that s had, of its own or in common with others. */
static void give_back(VM *vm, SetShare *share, SetEntry *table, size_t size) {
  if (share && --share->sets) return;
  if (share) mem_free(&vm->mem, share, sizeof *share + size * sizeof *share->gone);
  mem_free(&vm->mem, table, size * sizeof(SetEntry));
}
static void free_table(VM *vm, Set *s) {
  if (s->table && s->table != s->small) give_back(vm, s->share, s->table, s->mask + 1);
}
static void set_destroy(VM *vm, Obj *o) {
  free_table(vm, (Set *)o);
  ((Set *)o)->table = NULL;
}
static void set_trace(Tracer *t, Obj *o) {
  Set *s = (Set *)o;
  if (!s->table) return;
  for (size_t i = 0; i <= s->mask; i++) gc_mark(t, s->table[i].key);
}

void set_clear(VM *vm, Set *s) {
  SetEntry *table = s->table == s->small ? NULL : s->table;
  SetShare *share = s->share;
  size_t size = s->mask + 1;
  make_empty(s);
  touch(vm, s);
  if (table) give_back(vm, share, table, size);
}

/* ---- search ---- */

static inline size_t probes_from(size_t i, size_t mask) { return i + LINEAR_PROBES <= mask ? LINEAR_PROBES : 0; }

/* The entry of the key, or the unused one that ended the search; NULL: failed. *dummy: the last dummy passed, or NULL. [script] */
static SetEntry *find(VM *vm, Set *s, Value key, int64_t hash, SetEntry **dummy) {
restart:;
  *dummy = NULL;
  size_t mask = s->mask, i = (size_t)hash & mask;
  uint64_t perturb = (uint64_t)hash;
  for (;;) {
    SetEntry *e = &s->table[i];
    for (size_t probes = probes_from(i, mask) + 1; probes > 0; probes--, e++) {
      if (v_absent(e->key)) return e;
      if (e->hash != hash) {
        if (e->hash == DUMMY_HASH) *dummy = e;
        continue;
      }
      int same = eq_quick(e->key, key);
      if (same < 0) {
        uint32_t version = s->version;
        bool equal;
        if (!rt_eq(vm, e->key, key, &equal)) return NULL;
        if (s->version != version) goto restart;
        same = equal;
      }
      if (same) return e;
    }
    perturb >>= PERTURB_SHIFT;
    i = (i * 5 + 1 + (size_t)perturb) & mask;
  }
}

/* Into a table that has neither the key nor dummies. */
static void insert_clean(SetEntry *table, size_t mask, Value key, int64_t hash) {
  uint64_t perturb = (uint64_t)hash;
  size_t i = (size_t)hash & mask;
  for (;;) {
    SetEntry *e = &table[i];
    for (size_t probes = probes_from(i, mask) + 1; probes > 0; probes--, e++) {
      if (!v_absent(e->key)) continue;
      e->key = key;
      e->hash = hash;
      return;
    }
    perturb >>= PERTURB_SHIFT;
    i = (i * 5 + 1 + (size_t)perturb) & mask;
  }
}

bool set_resize(VM *vm, Set *s, size_t min_used) {
  size_t size = MIN_SIZE;
  while (size <= min_used) size <<= 1;
  SetEntry *old = s->table, copy[MIN_SIZE], *table;
  size_t old_mask = s->mask;
  if (size == MIN_SIZE) {
    if (old == s->small) {
      if (s->fill == s->used) return true;
      memcpy(copy, s->small, sizeof copy);
      old = copy;
    }
    table = s->small;
  } else {
    if (!rt_charge(vm, size / 16)) return false;
    table = size > SIZE_MAX / sizeof(SetEntry) ? NULL : mem_alloc(&vm->mem, size * sizeof(SetEntry));
    if (!table) {
      rt_no_memory(vm);
      return false;
    }
  }
  for (size_t i = 0; i < size; i++) table[i] = (SetEntry){V_ABSENT, 0};
  for (size_t i = 0; i <= old_mask; i++)
    if (old == copy ? is_key(&old[i]) : set_has(s, i)) insert_clean(table, size - 1, old[i].key, old[i].hash);
  if (old != copy && old != s->small) give_back(vm, s->share, old, old_mask + 1);
  s->share = NULL;
  s->table = table;
  s->mask = size - 1;
  s->fill = s->used;
  touch(vm, s);
  return true;
}

static bool grow_if_full(VM *vm, Set *s) {
  if (s->fill * 5 < s->mask * 3) return true;
  return set_resize(vm, s, s->used > 50000 ? s->used * 2 : s->used * 4);
}

/* ---- single keys ---- */

bool set_add_hashed(VM *vm, Set *s, Value key, int64_t hash) {
  if (UNLIKELY(s->share != NULL) && !set_own(vm, s)) return false;
  SetEntry *dummy, *e = find(vm, s, key, hash, &dummy);
  if (!e) return false;
  if (!v_absent(e->key)) return true;
  if (dummy) { /* taken again: `fill` counts it already */
    gc_store_item(vm, s, &dummy->key, key);
    dummy->hash = hash;
    s->used++;
    s->hash = -1;
    touch(vm, s);
    return true;
  }
  gc_store_item(vm, s, &e->key, key);
  e->hash = hash;
  s->fill++;
  s->used++;
  s->hash = -1;
  touch(vm, s);
  if (grow_if_full(vm, s)) return true;
  if (s->fill >= s->mask) { /* there must always be an unused entry: take the key out again */
    if (s->version == vm->dict_version && e >= s->table && e <= s->table + s->mask) *e = (SetEntry){V_ABSENT, 0};
    s->fill--;
    s->used--;
  }
  return false;
}
int set_contains_hashed(VM *vm, Set *s, Value key, int64_t hash) {
  SetEntry *dummy, *e = find(vm, s, key, hash, &dummy);
  return !e ? -1 : UNLIKELY(s->share != NULL) ? set_has(s, (size_t)(e - s->table)) : !v_absent(e->key);
}
int set_discard_hashed(VM *vm, Set *s, Value key, int64_t hash) {
  if (UNLIKELY(s->share != NULL) && !set_own(vm, s)) return -1;
  SetEntry *dummy, *e = find(vm, s, key, hash, &dummy);
  if (!e) return -1;
  if (v_absent(e->key)) return 0;
  *e = (SetEntry){V_NOTIMPL, DUMMY_HASH};
  s->used--;
  touch(vm, s);
  return 1;
}

bool set_add(VM *vm, Set *s, Value key) {
  int64_t hash;
  return hash_value(vm, key, &hash) && set_add_hashed(vm, s, key, hash);
}

/* Hash of a key that is only looked for: an (unhashable) set stands for the frozenset of its items. */
static bool frozen_hash(VM *vm, Set *s, int64_t *out);
static bool has_own_hash(VM *vm, const Type *t) {
  Value f = type_is_heap(t) ? attr_override(vm, t, NAME(vm, __hash__)) : V_ABSENT;
  return !v_absent(f) && !v_is_none(f);
}
static bool lookup_hash(VM *vm, Value key, int64_t *hash) {
  if (v_has_layout(key, LAY_SET) && !has_own_hash(vm, v_obj(key)->type)) return frozen_hash(vm, v_set(key), hash);
  return hash_value(vm, key, hash);
}
int set_contains(VM *vm, Set *s, Value key) {
  int64_t hash;
  return lookup_hash(vm, key, &hash) ? set_contains_hashed(vm, s, key, hash) : -1;
}
int set_discard(VM *vm, Set *s, Value key) {
  int64_t hash;
  return lookup_hash(vm, key, &hash) ? set_discard_hashed(vm, s, key, hash) : -1;
}

bool set_next(const Set *s, size_t *pos, Value *key, int64_t *hash) {
  size_t i = *pos;
  while (i <= s->mask && !set_has(s, i)) i++;
  *pos = i + 1;
  if (i > s->mask) return false;
  *key = s->table[i].key;
  if (hash) *hash = s->table[i].hash;
  return true;
}

/* ---- whole sets ---- */

bool set_merge(VM *vm, Set *into, Set *from) {
  if (into == from || from->used == 0) return true;
  if (UNLIKELY(into->share != NULL) && !set_own(vm, into)) return false;
  if ((into->fill + from->used) * 5 >= into->mask * 3 && !set_resize(vm, into, (into->used + from->used) * 2)) return false;
  if (!rt_charge(vm, from->mask / 16)) return false;
  into->hash = -1;
  if (into->fill == 0 && into->mask == from->mask && from->fill == from->used && !from->share) {
    memcpy(into->table, from->table, (into->mask + 1) * sizeof(SetEntry));
    into->fill = into->used = from->used;
    gc_remember_all(vm, into);
    touch(vm, into);
    return true;
  }
  if (into->fill == 0) {
    for (size_t i = 0; i <= from->mask; i++)
      if (set_has(from, i)) insert_clean(into->table, into->mask, from->table[i].key, from->table[i].hash);
    into->fill = into->used = from->used;
    gc_remember_all(vm, into);
    touch(vm, into);
    return true;
  }
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1);
  bool ok = keep != NULL;
  for (size_t i = 0; ok && i <= from->mask; i++) { /* __eq__ may change `from`: read again at each step */
    if (!set_has(from, i)) continue;
    SetEntry e = from->table[i];
    *keep = e.key;
    ok = set_add_hashed(vm, into, e.key, e.hash);
  }
  rt_temp_release(vm, mark);
  return ok;
}

/* ---- tables in common ---- */

/* The same table of its own: what is gone becomes dummies, so that who iterates goes on. */
bool set_own(VM *vm, Set *s) {
  if (!s->share) return true;
  size_t size = s->mask + 1;
  if (!rt_charge(vm, size / 16)) return false;
  SetEntry *table = mem_alloc(&vm->mem, size * sizeof *table);
  if (!table) return rt_no_memory(vm), false;
  for (size_t i = 0; i < size; i++) table[i] = set_has(s, i) || v_absent(s->table[i].key) ? s->table[i] : (SetEntry){V_NOTIMPL, DUMMY_HASH};
  give_back(vm, s->share, s->table, size);
  s->share = NULL;
  s->table = table;
  touch(vm, s); /* who searches it has pointers into the old one */
  return true;
}

static bool begin_share(VM *vm, Set *s) {
  size_t size = s->mask + 1;
  SetShare *share = mem_zalloc(&vm->mem, sizeof *share + size * sizeof *share->gone);
  if (!share) return rt_no_memory(vm), false;
  share->sets = 1;
  s->share = share;
  s->epoch = 0;
  return true;
}

static bool discard_all(VM *vm, Set *s, const Value *items, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (set_discard(vm, s, items[i]) < 0) return false;
  return true;
}

/* Worth it for large tables of which not too much is gone, and only the last set that came of a table can be the origin of the next. */
static bool can_share(const Set *s, size_t n) {
  enum { LARGE = 64 };
  if (s->mask < LARGE || n > s->used / 2) return false;
  return !s->share || (s->epoch == s->share->epoch && s->epoch < UINT32_MAX - 1 && s->share->n_gone < s->used);
}

Set *set_without(VM *vm, Set *s, const Value *items, size_t n) {
  bool shares = can_share(s, n);
  Set *r = shares ? set_alloc(vm, &set_type) : set_copy(vm, s, &set_type);
  if (!r) return NULL;
  if (!shares) return discard_all(vm, r, items, n) ? r : NULL;
  if (!s->share && !begin_share(vm, s)) return NULL;
  SetShare *share = s->share;
  share->sets++;
  uint32_t epoch = ++share->epoch;
  r->share = share;
  r->epoch = epoch;
  r->table = s->table;
  r->mask = s->mask;
  r->fill = s->fill;
  r->used = s->used;
  gc_remember_all(vm, r);
  for (size_t i = 0; i < n; i++) {
    int64_t hash;
    if (!hash_value(vm, items[i], &hash)) return NULL;
    SetEntry *dummy, *e = find(vm, r, items[i], hash, &dummy);
    if (!e) return NULL;
    size_t at = (size_t)(e - r->table);
    if (!set_has(r, at)) continue;
    share->gone[at] = epoch;
    share->n_gone++;
    r->used--;
  }
  return r;
}

Set *set_copy(VM *vm, Set *s, const Type *type) {
  Set *r = set_alloc(vm, type);
  return r && set_merge(vm, r, s) ? r : NULL;
}

static bool update_from_dict(VM *vm, Set *s, Dict *d, Value *keep) {
  if ((s->fill + d->used) * 5 >= s->mask * 3 && !set_resize(vm, s, (s->used + d->used) * 2)) return false;
  for (size_t i = 0; i < d->n_entries; i++) {
    DictEntry e = d->entries[i];
    if (v_absent(e.key)) continue;
    keep[0] = e.key;
    if (!set_add_hashed(vm, s, e.key, e.hash)) return false;
  }
  return true;
}

static bool update_from_iter(VM *vm, Set *s, Value it, Value *keep) {
  Value item;
  int r;
  uint32_t turns = 0;
  keep[1] = it;
  while ((r = iter_c_next(vm, it, &item)) == 1) {
    keep[0] = item;
    if (!set_add(vm, s, item)) return false;
    if ((++turns & 1023) == 0 && !rt_charge(vm, 64)) return false;
  }
  return r == 0;
}

int set_update_c(VM *vm, Set *s, Value x) {
  if (is_anyset(x)) return set_merge(vm, s, v_set(x)) ? 1 : -1; /* also where a derived class has an __iter__ of its own */
  Value it = V_NONE;
  if (!v_is_exact(x, &dict_type)) {
    it = iter_c(vm, x);
    if (v_failed(it)) return -1;
    if (v_absent(it)) return 0;
  }
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2);
  bool ok = keep && (v_is_none(it) ? update_from_dict(vm, s, v_dict(x), keep) : update_from_iter(vm, s, it, keep));
  rt_temp_release(vm, mark);
  return ok ? 1 : -1;
}

bool set_update(VM *vm, Set *s, Value x) {
  int r = set_update_c(vm, s, x);
  if (r != 0) return r > 0;
  Value list = rt_iter_to_list(vm, x);
  if (v_failed(list)) return false;
  return set_update_c(vm, s, list) > 0;
}

/* ---- iteration ---- */

typedef struct SetIter { Obj head; Set *set; /* NULL: exhausted */ size_t at, used, left; } SetIter;

static Value set_iter(VM *vm, Value self) {
  SetIter *it = gc_new(vm, &set_iter_type, sizeof(SetIter));
  if (!it) return V_FAIL;
  gc_store_obj(vm, it, &it->set, v_set(self));
  it->used = it->left = v_set(self)->used;
  return v_from_obj(it);
}
static void iter_trace(Tracer *t, Obj *o) { gc_mark_obj(t, ((SetIter *)o)->set); }
static int iter_next(VM *vm, Value self, Value *out) {
  SetIter *it = (SetIter *)v_obj(self);
  if (!it->set) return 0;
  if (it->used != it->set->used) {
    it->used = SIZE_MAX; /* the error stays */
    return rt_raise_i(vm, &exc_RuntimeError, "Set changed size during iteration");
  }
  if (!set_next(it->set, &it->at, out, NULL)) {
    it->set = NULL;
    return 0;
  }
  it->left--;
  return 1;
}
static Value iter_length_hint(VM *vm, Args *a) {
  (void)vm;
  SetIter *it = (SetIter *)v_obj(a->v[0]);
  return v_from_int62(it->set && it->used == it->set->used ? (int64_t)it->left : 0);
}
static const tiny_def iter_methods[] = {{"__length_hint__", iter_length_hint, "(self, /)", "Private method returning an estimate of len(list(it))."}, ITER_REDUCE_REST, {0}};
const Type set_iter_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "set_iterator",
    .base = &object_type,
    .layout = LAY_ITER,
    .flags = TYPE_NO_NEW,
    .shape_id = TYPE_ID_set_iter,
    .size = sizeof(SetIter),
    .trace = iter_trace,
    .iter = iter_self,
    .next = iter_next,
    .methods = iter_methods,
};

/* ---- slots ---- */

static Value items_list(VM *vm, Set *s) {
  List *items = list_new(vm, NULL, 0);
  size_t pos = 0;
  Value key;
  if (!items || !list_reserve(vm, items, s->used)) return V_FAIL;
  while (set_next(s, &pos, &key, NULL))
    if (!list_append(vm, items, key)) return V_FAIL;
  return v_from_obj(items);
}

static Value set_repr(VM *vm, Value self) {
  Obj *o = v_obj(self);
  Set *s = v_set(self);
  const Type *t = o->type;
  bool plain = t == &set_type;
  if (o->flags & OBJ_BUSY_REPR) return rt_format(vm, "%N(...)", t);
  if (s->used == 0) return rt_format(vm, "%N()", t);
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1);
  if (!keep) return V_FAIL;
  *keep = V_NONE;
  o->flags |= OBJ_BUSY_REPR;
  bool own_order = type_is_heap(t) && !v_absent(attr_override(vm, t, NAME(vm, __iter__)));
  Value items = own_order ? rt_iter_to_list(vm, self) : items_list(vm, s); /* [script]: a derived class has an order of its own */
  if (!v_failed(items)) *keep = items;
  Value inner = v_failed(items) ? V_FAIL : seq_repr(vm, *keep, "{", "}", "");
  o->flags &= (uint8_t)~OBJ_BUSY_REPR;
  rt_temp_release(vm, mark);
  if (v_failed(inner) || plain) return inner;
  return rt_format(vm, "%N(%U)", t, v_str(inner));
}

static int set_truth(VM *vm, Value self) {
  (void)vm;
  return v_set(self)->used != 0;
}
static int64_t set_length(VM *vm, Value self) {
  (void)vm;
  return (int64_t)v_set(self)->used;
}
static int contains_slot(VM *vm, Value self, Value key) { return set_contains(vm, v_set(self), key); }

/* CPython's hash of a frozenset: independent of order, so each item's hash is scrambled before they are joined by xor. */
static bool frozen_hash(VM *vm, Set *s, int64_t *out) {
  (void)vm;
  if (s->hash != -1) {
    *out = s->hash;
    return true;
  }
  uint64_t hash = 0;
  for (size_t i = 0; i <= s->mask; i++) {
    if (!set_has(s, i)) continue;
    uint64_t h = (uint64_t)s->table[i].hash;
    hash ^= ((h ^ 89869747u) ^ (h << 16)) * 3644798167u;
  }
  hash ^= ((uint64_t)s->used + 1) * 1927868237u;
  hash ^= (hash >> 11) ^ (hash >> 25);
  hash = hash * 69069u + 907133923u;
  *out = hash == UINT64_MAX ? 590923713 : (int64_t)hash;
  if (obj_type(s)->layout == LAY_FROZENSET) s->hash = *out;
  return true;
}
static bool hash_slot(VM *vm, Value self, int64_t *out) { return frozen_hash(vm, v_set(self), out); }

/* Is every item of a in b? 1 0 -1 [script] */
int set_subset(VM *vm, Set *a, Set *b) {
  if (a->used > b->used) return 0;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1);
  int in = keep ? 1 : -1;
  for (size_t i = 0; in == 1 && i <= a->mask; i++) {
    if (!set_has(a, i)) continue;
    SetEntry e = a->table[i];
    *keep = e.key;
    in = set_contains_hashed(vm, b, e.key, e.hash);
  }
  rt_temp_release(vm, mark);
  return in;
}

static Value set_compare(VM *vm, Value a, Value b, Compare op) {
  if (!is_anyset(a) || !is_anyset(b)) return V_NOTIMPL;
  Set *s = v_set(a), *t = v_set(b);
  int r = 0;
  switch (op) {
  case CO_EQ:
  case CO_NE:
    if (s->used != t->used || (obj_type(s)->layout == LAY_FROZENSET && obj_type(t)->layout == LAY_FROZENSET && s->hash != -1 && t->hash != -1 && s->hash != t->hash))
      r = 0;
    else
      r = set_subset(vm, s, t);
    break;
  case CO_LT: r = s->used < t->used ? set_subset(vm, s, t) : 0; break;
  case CO_LE: r = set_subset(vm, s, t); break;
  case CO_GT: r = t->used < s->used ? set_subset(vm, t, s) : 0; break;
  default: r = set_subset(vm, t, s); break;
  }
  return r < 0 ? V_FAIL : v_from_bool(op == CO_NE ? !r : r);
}

/* ---- the types ---- */

static Value set_make(VM *vm, const Type *cls, Args *a) {
  (void)a;
  return v_from_obj_or_fail(set_alloc(vm, cls));
}
static Value set_init(VM *vm, Args *a) {
  Set *s = v_set(a->v[0]);
  if (s->fill) set_clear(vm, s);
  if (v_absent(a->v[1])) return V_NONE;
  int r = set_update_c(vm, s, a->v[1]);
  if (r == 0) return rt_tail_builtin(vm, "_set_update", 3, (Value[]){V_NONE, a->v[0], a->v[1]});
  return r < 0 ? V_FAIL : V_NONE;
}

static Value frozen_from(VM *vm, const Type *cls, Value x) {
  Set *s = set_alloc(vm, cls);
  size_t mark = rt_temp_mark(vm);
  Value *keep = s ? rt_temp(vm, 1) : NULL;
  if (!keep) return V_FAIL;
  *keep = v_from_obj(s);
  int r = set_update_c(vm, s, x);
  rt_temp_release(vm, mark);
  return r < 0 ? V_FAIL : r == 0 ? V_ABSENT : v_from_obj(s);
}
static Value frozen_from_list(VM *vm, Args *a) { return frozen_from(vm, (const Type *)v_obj(a->v[0]), a->v[1]); }
static const tiny_def frozen_from_list_def = {"frozenset", frozen_from_list, "(cls, items, /)", NULL};

static Value frozenset_make(VM *vm, const Type *cls, Args *a) {
  Value x = a->v[0];
  if (cls == &frozenset_type && v_is_exact(x, &frozenset_type)) return x;
  if (v_absent(x)) return v_from_obj_or_fail(set_alloc(vm, cls));
  Value r = frozen_from(vm, cls, x);
  if (!v_absent(r)) return r;
  Value make = native_value(vm, &frozen_from_list_def);
  if (v_failed(make)) return V_FAIL;
  return rt_tail_builtin(vm, "_new_from_list", 3, (Value[]){make, rt_type_value(cls), x});
}

extern const tiny_def set_methods[], frozenset_methods[];
const Type set_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "set",
    .base = &object_type,
    .layout = LAY_SET,
    .flags = TYPE_BASE | TYPE_UNHASHABLE | TYPE_BARRIER,
    .shape_id = TYPE_ID_set,
    .size = sizeof(Set),
    .doc = "set() -> new empty set object\nset(iterable) -> new set object\n\nBuild an unordered collection of unique elements.",
    .new_ = set_make,
    .init = set_init,
    .init_sig = "(self, iterable=..., /)",
    .trace = set_trace,
    .destroy = set_destroy,
    .repr = set_repr,
    .compare = set_compare,
    .truth = set_truth,
    .length = set_length,
    .contains = contains_slot,
    .iter = set_iter,
    .binary = set_binary,
    .inplace = set_inplace,
    .methods = set_methods,
};
const Type frozenset_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "frozenset",
    .base = &object_type,
    .layout = LAY_FROZENSET,
    .flags = TYPE_BASE | TYPE_INIT_KEYWORDS | TYPE_BARRIER,
    .shape_id = TYPE_ID_frozenset,
    .size = sizeof(Set),
    .doc = "frozenset() -> empty frozenset object\nfrozenset(iterable) -> frozenset object\n\nBuild an immutable unordered collection of unique elements.",
    .new_ = frozenset_make,
    .new_sig = "(iterable=..., /)",
    .trace = set_trace,
    .destroy = set_destroy,
    .repr = set_repr,
    .hash = hash_slot,
    .compare = set_compare,
    .truth = set_truth,
    .length = set_length,
    .contains = contains_slot,
    .iter = set_iter,
    .binary = set_binary,
    .methods = frozenset_methods,
};
