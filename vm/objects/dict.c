/* dict: the table. Entries stand in order of insertion in one array; an index table of small ints, open addressing, leads from hash to entry
 * number. Both lie in one block of counted memory. A deleted entry stays as a gap until the next rebuild.
 *
 * Comparing keys may run a script's __eq__, which may change this very dict: keys_version, unique in the VM, tells, and the search starts again.
 * When tables grow and which entries survive where follows CPython's rules, so that changing a dict while iterating over it shows the same. */
#include "vm/objects/containers_int.h"

enum { IX_EMPTY = -1, IX_DUMMY = -2, MIN_LOG2 = 3, FIND_FAILED = -2, FIND_NONE = -1 };

static inline void touch(VM *vm, Dict *d) {
  if (UNLIKELY(++vm->dict_version == 0)) vm->dict_version = 1;
  d->keys_version = vm->dict_version;
}

/* ---- the index table ---- */

static inline size_t table_size(const Dict *d) { return (size_t)1 << d->log2_size; }
static inline size_t usable_of(unsigned log2) { return ((size_t)2 << log2) / 3; }
static inline size_t index_bytes(unsigned log2) { return ((size_t)1 << log2) << (log2 <= 7 ? 0 : log2 <= 15 ? 1 : log2 <= 31 ? 2 : 3); }
static inline size_t block_bytes(unsigned log2) { return usable_of(log2) * sizeof(DictEntry) + index_bytes(log2); }

static inline int64_t index_get(const Dict *d, size_t slot) {
  if (d->log2_size <= 7) return ((const int8_t *)d->index)[slot];
  if (d->log2_size <= 15) return ((const int16_t *)d->index)[slot];
  if (d->log2_size <= 31) return ((const int32_t *)d->index)[slot];
  return ((const int64_t *)d->index)[slot];
}
static inline void index_put(Dict *d, size_t slot, int64_t ix) {
  if (d->log2_size <= 7)
    ((int8_t *)d->index)[slot] = (int8_t)ix;
  else if (d->log2_size <= 15)
    ((int16_t *)d->index)[slot] = (int16_t)ix;
  else if (d->log2_size <= 31)
    ((int32_t *)d->index)[slot] = (int32_t)ix;
  else
    ((int64_t *)d->index)[slot] = ix;
}

typedef struct Probe { size_t mask, at; uint64_t perturb; } Probe;
static inline Probe probe_start(const Dict *d, int64_t hash) {
  size_t mask = table_size(d) - 1;
  return (Probe){mask, (size_t)hash & mask, (uint64_t)hash};
}
static inline void probe_next(Probe *p) {
  p->perturb >>= 5;
  p->at = (p->at * 5 + (size_t)p->perturb + 1) & p->mask;
}

static size_t free_slot(const Dict *d, int64_t hash) {
  Probe p = probe_start(d, hash);
  while (index_get(d, p.at) >= 0) probe_next(&p);
  return p.at;
}

/* ---- life ---- */

static Dict *dict_alloc(VM *vm, const Type *cls) {
  Dict *d = gc_new(vm, cls, sizeof(Dict));
  if (!d) return NULL;
  d->str_keys = true;
  touch(vm, d);
  return d;
}
Dict *dict_new(VM *vm) { return dict_alloc(vm, &dict_type); }

static void free_block(VM *vm, DictEntry *entries, unsigned log2) {
  if (entries) mem_free(&vm->mem, entries, block_bytes(log2));
}

void dict_clear(VM *vm, Dict *d) {
  DictEntry *entries = d->entries;
  unsigned log2 = d->log2_size;
  d->entries = NULL;
  d->index = NULL;
  d->used = d->n_entries = d->capacity = d->first = d->usable = 0;
  d->log2_size = 0;
  d->str_keys = true;
  touch(vm, d);
  free_block(vm, entries, log2);
}

static void dict_destroy(VM *vm, Obj *o) {
  Dict *d = (Dict *)o;
  free_block(vm, d->entries, d->log2_size);
  d->entries = NULL;
}

static void dict_trace(Tracer *t, Obj *o) {
  Dict *d = (Dict *)o;
  for (size_t i = d->first; i < d->n_entries; i++) {
    if (v_absent(d->entries[i].key)) continue;
    gc_mark(t, d->entries[i].key);
    gc_mark(t, d->entries[i].value);
  }
}

static unsigned log2_for(size_t min_size) {
  unsigned log2 = MIN_LOG2;
  while (((size_t)1 << log2) < min_size) log2++;
  return log2;
}

/* A fresh block of that size with the live entries moved together. */
static bool rebuild(VM *vm, Dict *d, unsigned log2) {
  size_t capacity = usable_of(log2), n = 0;
  if (log2 > 48 || !rt_charge(vm, capacity / 16)) return rt_pending(vm) ? false : !v_failed(rt_no_memory(vm));
  DictEntry *entries = mem_alloc(&vm->mem, block_bytes(log2));
  if (!entries) {
    rt_no_memory(vm);
    return false;
  }
  for (size_t i = d->first; i < d->n_entries; i++)
    if (!v_absent(d->entries[i].key)) entries[n++] = d->entries[i];
  free_block(vm, d->entries, d->log2_size);
  d->entries = entries;
  d->index = entries + capacity;
  d->log2_size = (uint8_t)log2;
  d->capacity = capacity;
  d->n_entries = n;
  d->first = 0;
  d->usable = capacity - n;
  memset(d->index, 0xFF, index_bytes(log2)); /* IX_EMPTY everywhere */
  for (size_t i = 0; i < n; i++) index_put(d, free_slot(d, entries[i].hash), (int64_t)i);
  touch(vm, d);
  return true;
}

bool dict_reserve(VM *vm, Dict *d, size_t n) {
  if (n <= d->used + d->usable) return true;
  if (n > SIZE_MAX / 64) {
    rt_no_memory(vm);
    return false;
  }
  return rebuild(vm, d, log2_for((n * 3 + 1) / 2));
}

/* ---- search ---- */

/* Entry number of a str key in a dict of str keys: no script code. *slot: where its index stands, or a free one. */
static int64_t find_str(const Dict *d, const Str *key, int64_t hash, size_t *slot) {
  Probe p = probe_start(d, hash);
  size_t vacant = SIZE_MAX;
  for (;; probe_next(&p)) {
    int64_t ix = index_get(d, p.at);
    if (LIKELY(ix >= 0)) {
      const DictEntry *e = &d->entries[ix];
      const Str *s = v_str(e->key);
      if (s == key || (e->hash == hash && !(s->head.small & key->head.small & STR_INTERNED) && s->size == key->size && memcmp(s->data, key->data, key->size) == 0)) {
        *slot = p.at;
        return ix;
      }
    } else if (ix == IX_EMPTY) {
      *slot = vacant == SIZE_MAX ? p.at : vacant;
      return FIND_NONE;
    } else if (vacant == SIZE_MAX) {
      vacant = p.at;
    }
  }
}

/* The same for any key [script]. */
static int64_t find(VM *vm, Dict *d, Value key, int64_t hash, size_t *slot) {
restart:
  if (!d->entries) return FIND_NONE;
  if (d->str_keys && v_is_exact(key, &str_type)) return find_str(d, v_str(key), hash, slot);
  Probe p = probe_start(d, hash);
  size_t vacant = SIZE_MAX;
  for (;; probe_next(&p)) {
    int64_t ix = index_get(d, p.at);
    if (ix >= 0) {
      const DictEntry *e = &d->entries[ix];
      int same = v_same(e->key, key);
      if (!same && e->hash == hash && (same = eq_quick(e->key, key)) < 0) {
        uint32_t version = d->keys_version;
        bool equal;
        if (!rt_eq(vm, e->key, key, &equal)) return FIND_FAILED;
        if (d->keys_version != version) goto restart;
        same = equal;
      }
      if (same) {
        *slot = p.at;
        return ix;
      }
    } else if (ix == IX_EMPTY) {
      *slot = vacant == SIZE_MAX ? p.at : vacant;
      return FIND_NONE;
    } else if (vacant == SIZE_MAX) {
      vacant = p.at;
    }
  }
}

/* The key is known not to be there. */
static bool insert_new(VM *vm, Dict *d, Value key, int64_t hash, Value value, size_t slot) {
  if (UNLIKELY(d->usable == 0 || d->n_entries == d->capacity)) {
    if (!rebuild(vm, d, log2_for(d->used * 3))) return false;
    slot = free_slot(d, hash);
  }
  DictEntry *e = &d->entries[d->n_entries];
  index_put(d, slot, (int64_t)d->n_entries);
  e->hash = hash;
  gc_store_item(vm, d, &e->key, key);
  gc_store_item(vm, d, &e->value, value);
  d->n_entries++;
  d->used++;
  d->usable--;
  if (d->str_keys && !v_is_exact(key, &str_type)) d->str_keys = false;
  touch(vm, d);
  return true;
}

static void delete_entry(VM *vm, Dict *d, size_t slot, int64_t ix) {
  DictEntry *e = &d->entries[ix];
  index_put(d, slot, IX_DUMMY);
  e->key = V_ABSENT;
  e->value = V_NONE;
  d->used--;
  if ((size_t)ix == d->first)
    while (d->first < d->n_entries && v_absent(d->entries[d->first].key)) d->first++;
  touch(vm, d);
}

/* ---- by hashed key ---- */

Value dict_get_hashed(VM *vm, Dict *d, Value key, int64_t hash) {
  size_t slot;
  int64_t ix = find(vm, d, key, hash, &slot);
  if (ix >= 0) return d->entries[ix].value;
  return ix == FIND_NONE ? V_ABSENT : V_FAIL;
}

bool dict_set_hashed(VM *vm, Dict *d, Value key, int64_t hash, Value value) {
  size_t slot = 0;
  int64_t ix = find(vm, d, key, hash, &slot);
  if (ix >= 0) {
    gc_store_item(vm, d, &d->entries[ix].value, value);
    return true;
  }
  return ix == FIND_NONE && insert_new(vm, d, key, hash, value, slot);
}

Value dict_get_to_end(VM *vm, Dict *d, Value key, int64_t hash) {
  size_t slot;
  int64_t ix = find(vm, d, key, hash, &slot);
  if (ix < 0) return ix == FIND_NONE ? V_ABSENT : V_FAIL;
  DictEntry e = d->entries[ix];
  if ((size_t)ix + 1 == d->n_entries) return e.value;
  delete_entry(vm, d, slot, ix);
  return insert_new(vm, d, e.key, hash, e.value, slot) ? e.value : V_FAIL;
}

static int del_hashed(VM *vm, Dict *d, Value key, int64_t hash, Value *old) {
  size_t slot;
  int64_t ix = find(vm, d, key, hash, &slot);
  if (ix < 0) return ix == FIND_NONE ? 0 : -1;
  if (old) *old = d->entries[ix].value;
  delete_entry(vm, d, slot, ix);
  return 1;
}

bool dict_pop_first(VM *vm, Dict *d) {
  const DictEntry *e = &d->entries[d->first];
  while (v_absent(e->key)) e++;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1);
  if (!keep) return false;
  *keep = e->key;
  int r = del_hashed(vm, d, *keep, e->hash, NULL);
  rt_temp_release(vm, mark);
  return r >= 0;
}

Value dict_get(VM *vm, Dict *d, Value key) {
  int64_t hash;
  if (!hash_value(vm, key, &hash)) return V_FAIL;
  return dict_get_hashed(vm, d, key, hash);
}
bool dict_set(VM *vm, Dict *d, Value key, Value value) {
  int64_t hash;
  return hash_value(vm, key, &hash) && dict_set_hashed(vm, d, key, hash, value);
}
int dict_del(VM *vm, Dict *d, Value key, Value *old) {
  int64_t hash;
  return hash_value(vm, key, &hash) ? del_hashed(vm, d, key, hash, old) : -1;
}
Value dict_setdefault(VM *vm, Dict *d, Value key, Value value) {
  int64_t hash;
  size_t slot = 0;
  if (!hash_value(vm, key, &hash)) return V_FAIL;
  int64_t ix = find(vm, d, key, hash, &slot);
  if (ix >= 0) return d->entries[ix].value;
  return ix == FIND_NONE && insert_new(vm, d, key, hash, value, slot) ? value : V_FAIL;
}

/* ---- by str key ---- */

static inline int64_t hash_of_str(VM *vm, Str *s) { return LIKELY(s->head.small & STR_HASHED) ? s->hash : str_hash(vm, s); }

Value dict_get_str(VM *vm, Dict *d, Str *key) {
  size_t slot;
  if (!d->entries) return V_ABSENT;
  int64_t hash = hash_of_str(vm, key);
  int64_t ix = d->str_keys ? find_str(d, key, hash, &slot) : find(vm, d, v_from_obj(key), hash, &slot);
  if (ix >= 0) return d->entries[ix].value;
  return ix == FIND_NONE ? V_ABSENT : V_FAIL;
}
bool dict_set_str(VM *vm, Dict *d, Str *key, Value value) { return dict_set_hashed(vm, d, v_from_obj(key), hash_of_str(vm, key), value); }
int dict_del_str(VM *vm, Dict *d, Str *key) { return del_hashed(vm, d, v_from_obj(key), hash_of_str(vm, key), NULL); }

Value dict_get_c(VM *vm, Dict *d, const char *key) {
  Str *s = str_from(vm, key);
  return s ? dict_get_str(vm, d, s) : V_FAIL;
}
bool dict_set_c(VM *vm, Dict *d, const char *key, Value value) {
  Str *s = str_intern(vm, key, strlen(key));
  return s && dict_set_str(vm, d, s, value);
}

int64_t dict_entry_index(VM *vm, Dict *d, Str *key) {
  size_t slot;
  if (!d->entries || !d->str_keys) return -1;
  return find_str(d, key, hash_of_str(vm, key), &slot);
}

/* ---- whole dicts ---- */

bool dict_next(const Dict *d, size_t *pos, Value *key, Value *value) {
  size_t i = *pos < d->first ? d->first : *pos;
  while (i < d->n_entries && v_absent(d->entries[i].key)) i++;
  if (i >= d->n_entries) return false;
  if (key) *key = d->entries[i].key;
  if (value) *value = d->entries[i].value;
  *pos = i + 1;
  return true;
}

/* Removes the last entry; false: empty. The room it took is not given back to `usable`: the index table keeps its mark of it until a rebuild. */
bool dict_pop_last(VM *vm, Dict *d, Value *key, Value *value) {
  if (d->used == 0) return false;
  size_t i = d->n_entries - 1;
  while (v_absent(d->entries[i].key)) i--;
  DictEntry e = d->entries[i];
  Probe p = probe_start(d, e.hash);
  while (index_get(d, p.at) != (int64_t)i) probe_next(&p);
  delete_entry(vm, d, p.at, (int64_t)i);
  d->n_entries = i;
  if (d->first > i) d->first = i;
  *key = e.key;
  *value = e.value;
  return true;
}

/* Copies the whole table as it is; into is empty. */
static bool clone_table(VM *vm, Dict *into, const Dict *from) {
  size_t bytes = block_bytes(from->log2_size);
  if (!rt_charge(vm, bytes / 256)) return false;
  DictEntry *entries = mem_alloc(&vm->mem, bytes);
  if (!entries) {
    rt_no_memory(vm);
    return false;
  }
  memcpy(entries, from->entries, bytes);
  into->entries = entries;
  into->index = entries + from->capacity;
  into->used = from->used;
  into->n_entries = from->n_entries;
  gc_remember_all(vm, into);
  into->capacity = from->capacity;
  into->first = from->first;
  into->usable = from->usable;
  into->log2_size = from->log2_size;
  into->str_keys = from->str_keys;
  touch(vm, into);
  return true;
}

bool dict_merge(VM *vm, Dict *into, Dict *from, bool replace) {
  if (into == from || from->used == 0) return true;
  if (!into->entries && from->used == from->n_entries && from->usable + from->used >= from->capacity) return clone_table(vm, into, from);
  if (into->usable < from->used && !dict_reserve(vm, into, into->used + from->used)) return false;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2);
  if (!keep) return false;
  bool ok = true;
  uint32_t turns = 0;
  for (size_t i = from->first; ok && i < from->n_entries; i++) {
    DictEntry e = from->entries[i];
    if (v_absent(e.key)) continue;
    keep[0] = e.key;
    keep[1] = e.value;
    uint32_t version = from->keys_version;
    if (replace)
      ok = dict_set_hashed(vm, into, e.key, e.hash, e.value);
    else {
      size_t slot = 0;
      int64_t ix = find(vm, into, e.key, e.hash, &slot);
      ok = ix >= 0 || (ix == FIND_NONE && insert_new(vm, into, e.key, e.hash, e.value, slot));
    }
    if (ok && from->keys_version != version) ok = rt_raise_b(vm, &exc_RuntimeError, "dict mutated during update");
    if (ok && (++turns & 1023) == 0) ok = rt_charge(vm, 64);
  }
  rt_temp_release(vm, mark);
  return ok;
}

bool dict_merge_str(VM *vm, Dict *into, Dict *from) { return dict_merge(vm, into, from, true); }

Dict *dict_copy(VM *vm, Dict *d) {
  Dict *r = dict_new(vm);
  if (!r || d->used == 0) return r;
  if (d->used >= d->n_entries / 3 * 2) return clone_table(vm, r, d) ? r : NULL;
  if (!dict_reserve(vm, r, d->used)) return NULL;
  for (size_t i = d->first; i < d->n_entries; i++) {
    DictEntry e = d->entries[i];
    if (!v_absent(e.key) && !insert_new(vm, r, e.key, e.hash, e.value, free_slot(r, e.hash))) return NULL;
  }
  return r;
}

/* ---- update ---- */

/* Item number n of dict([...]): two items. [script] */
static bool add_pair(VM *vm, Dict *d, Value pair, size_t n) {
  size_t length;
  const Value *items = seq_items(pair, &length);
  if (!items) {
    if (!iter_is_iterable(vm, pair)) return rt_raise_b(vm, &exc_TypeError, "cannot convert dictionary update sequence element #%zd to a sequence", (ptrdiff_t)n);
    Value list = rt_iter_to_list(vm, pair);
    if (v_failed(list)) return false;
    items = seq_items(list, &length);
    Value *keep = rt_temp(vm, 1);
    if (!keep) return false;
    *keep = list;
  }
  if (length != 2) return rt_raise_b(vm, &exc_ValueError, "dictionary update sequence element #%zd has length %zd; 2 is required", (ptrdiff_t)n, (ptrdiff_t)length);
  return dict_set(vm, d, items[0], items[1]);
}

static bool add_pairs(VM *vm, Dict *d, Value it) {
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2), item;
  if (!keep) return false;
  keep[0] = it;
  size_t inner = rt_temp_mark(vm), n = 0;
  int r;
  bool ok = true;
  while (ok && (r = iter_c_next(vm, it, &item)) != 0) {
    ok = r > 0;
    if (!ok) break;
    keep[1] = item;
    ok = add_pair(vm, d, item, n++);
    rt_temp_release(vm, inner);
    if (ok && (n & 1023) == 0) ok = rt_charge(vm, 64);
  }
  rt_temp_release(vm, mark);
  return ok;
}

int dict_update_c(VM *vm, Dict *d, Value x) {
  if (is_dict(x)) {
    const Type *t = v_obj(x)->type;
    if (!type_is_heap(t) || v_absent(attr_override(vm, t, NAME(vm, __iter__)))) return dict_merge(vm, d, v_dict(x), true) ? 1 : -1;
    return 0;
  }
  if (v_is_exact(x, &mappingproxy_type) || type_is_heap(type_of(x))) return 0;
  Value it = iter_c(vm, x);
  if (v_failed(it)) return -1;
  if (v_absent(it)) return 0;
  return add_pairs(vm, d, it) ? 1 : -1;
}

bool dict_update(VM *vm, Dict *d, Value x) {
  int r = dict_update_c(vm, d, x);
  if (r != 0) return r > 0;
  return !v_failed(rt_call_builtin(vm, "_dict_update", 2, (Value[]){v_from_obj(d), x}));
}

/* ---- slots ---- */

Value dict_getitem(VM *vm, Value self, Value key) {
  Value v = dict_get(vm, v_dict(self), key);
  if (!v_absent(v)) return v;
  Value fn, bound;
  if (type_is_heap(v_obj(self)->type) && attr_special(vm, self, NAME(vm, __missing__), &fn, &bound)) {
    if (v_absent(bound)) return rt_tail_call(vm, fn, 1, &key);
    return rt_tail_call(vm, fn, 2, (Value[]){bound, key});
  }
  return rt_raise_with(vm, &exc_KeyError, key);
}

bool dict_setitem(VM *vm, Value self, Value key, Value value) {
  if (!v_absent(value)) return dict_set(vm, v_dict(self), key, value);
  int r = dict_del(vm, v_dict(self), key, NULL);
  if (r == 0) rt_raise_with(vm, &exc_KeyError, key);
  return r == 1;
}

static int dict_contains(VM *vm, Value self, Value key) {
  Value v = dict_get(vm, v_dict(self), key);
  return v_failed(v) ? -1 : !v_absent(v);
}

static int dict_truth(VM *vm, Value self) {
  (void)vm;
  return v_dict(self)->used != 0;
}
static int64_t dict_length(VM *vm, Value self) {
  (void)vm;
  return (int64_t)v_dict(self)->used;
}

static bool add_items_repr(VM *vm, Buf *b, Dict *d, Value *keep) {
  size_t pos = 0;
  bool first = true;
  while (dict_next(d, &pos, &keep[0], &keep[1])) { /* kept: __repr__ may delete them */
    if (!first) buf_str(b, ", ");
    first = false;
    if (!buf_add_repr(vm, b, keep[0])) return false;
    buf_str(b, ": ");
    if (!buf_add_repr(vm, b, keep[1])) return false;
  }
  return true;
}

static Value dict_repr(VM *vm, Value self) {
  Dict *d = v_dict(self);
  if (d->head.flags & OBJ_BUSY_REPR) return v_from_str(str_from(vm, "{...}"));
  if (!rt_enter_c(vm, " while getting the repr of an object")) return V_FAIL;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2);
  Buf b;
  buf_init(&b, &vm->mem);
  buf_char(&b, '{');
  d->head.flags |= OBJ_BUSY_REPR;
  bool ok = keep && add_items_repr(vm, &b, d, keep);
  d->head.flags &= (uint8_t)~OBJ_BUSY_REPR;
  rt_temp_release(vm, mark);
  rt_leave_c(vm);
  if (!ok) {
    buf_free(&b);
    return V_FAIL;
  }
  buf_char(&b, '}');
  return v_from_str(str_from_buf(vm, &b));
}

/* 1 0 -1. Both may be changed by __eq__ meanwhile: positions are checked again at each step. */
static int equal_dicts(VM *vm, Dict *a, Dict *b, Value *keep) {
  if (a->used != b->used) return 0;
  for (size_t i = 0; i < a->n_entries; i++) {
    DictEntry e = a->entries[i];
    if (v_absent(e.key)) continue;
    keep[0] = e.key;
    keep[1] = e.value;
    Value other = dict_get_hashed(vm, b, e.key, e.hash);
    if (v_failed(other)) return -1;
    if (v_absent(other)) return 0;
    keep[2] = other;
    bool same;
    if (!eq_values(vm, other, e.value, &same)) return -1;
    if (!same) return 0;
    if ((i & 1023) == 1023 && !rt_charge(vm, 64)) return -1;
  }
  return 1;
}

static Value dict_compare(VM *vm, Value a, Value b, Compare op) {
  if (!is_dict(a) || !is_dict(b) || (op != CO_EQ && op != CO_NE)) return V_NOTIMPL;
  if (!rt_enter_c(vm, " in comparison")) return V_FAIL;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 3);
  int r = keep ? equal_dicts(vm, v_dict(a), v_dict(b), keep) : -1;
  rt_temp_release(vm, mark);
  rt_leave_c(vm);
  return r < 0 ? V_FAIL : v_from_bool((op == CO_EQ) == (r == 1));
}

static Value dict_binary(VM *vm, int op, Value a, Value b) {
  if (op != TINY_OR || !is_dict(a) || !is_dict(b)) return V_NOTIMPL;
  Dict *r = dict_copy(vm, v_dict(a));
  if (!r) return V_FAIL;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1);
  if (!keep) return V_FAIL;
  *keep = v_from_obj(r);
  bool ok = dict_update(vm, r, b);
  rt_temp_release(vm, mark);
  return ok ? v_from_obj(r) : V_FAIL;
}

static Value dict_inplace(VM *vm, int op, Value a, Value b) {
  if (op != TINY_OR) return V_NOTIMPL;
  int r = dict_update_c(vm, v_dict(a), b);
  if (r == 0) return rt_tail_builtin(vm, "_dict_ior", 2, (Value[]){a, b});
  return r > 0 ? a : V_FAIL;
}

Value dict_of_keywords(VM *vm, Value names, const Value *values) {
  Tuple *keys = v_tuple(names);
  for (size_t i = 0; i < keys->length; i++)
    if (!v_is_exact(keys->items[i], &str_type)) return V_ABSENT;
  Dict *d = dict_new(vm);
  for (size_t i = 0; d && i < keys->length; i++)
    if (!dict_set_str(vm, d, v_str(keys->items[i]), values[i])) return V_FAIL;
  return v_from_obj_or_fail(d);
}

static Value dict_make(VM *vm, const Type *cls, Args *a) {
  (void)a;
  return v_from_obj_or_fail(dict_alloc(vm, cls));
}

extern const tiny_def dict_methods[];
Value dict_update_m(VM *vm, Args *a);
const Type dict_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "dict",
    .base = &object_type,
    .layout = LAY_DICT,
    .flags = TYPE_BASE | TYPE_UNHASHABLE | TYPE_MAPPING | TYPE_BARRIER,
    .shape_id = TYPE_ID_dict,
    .size = sizeof(Dict),
    .doc = "dict() -> new empty dictionary\ndict(mapping) -> new dictionary initialized from a mapping object's\n    (key, value) pairs\n"
           "dict(iterable) -> new dictionary initialized as if via:\n    d = {}\n    for k, v in iterable:\n        d[k] = v\n"
           "dict(**kwargs) -> new dictionary initialized with the name=value pairs\n    in the keyword argument list.  For example:  dict(one=1, two=2)",
    .new_ = dict_make,
    .init = dict_update_m,
    .init_sig = "(self, iterable=..., /, **kwargs)",
    .trace = dict_trace,
    .destroy = dict_destroy,
    .repr = dict_repr,
    .compare = dict_compare,
    .truth = dict_truth,
    .length = dict_length,
    .getitem = dict_getitem,
    .setitem = dict_setitem,
    .contains = dict_contains,
    .iter = dict_iter_new,
    .binary = dict_binary,
    .inplace = dict_inplace,
    .methods = dict_methods,
};
