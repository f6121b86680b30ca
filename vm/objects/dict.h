/* dict (insertion-ordered, compact), set and frozenset (CPython's table sizes and probing, so that sets of numbers iterate in its order). */
#ifndef TINY_OBJECTS_DICT_H
#define TINY_OBJECTS_DICT_H
#include "vm/gc.h"
#include "vm/objects/str.h"

typedef struct DictEntry { int64_t hash; Value key; /* V_ABSENT: deleted */ Value value; } DictEntry;
typedef struct Dict {
  Obj head;
  DictEntry *entries;      /* in order of insertion */
  void *index;             /* table of entry numbers: int8, int16, int32 or int64 by table size */
  size_t used;             /* live entries: len() */
  size_t n_entries;        /* entries taken, deleted ones included */
  size_t capacity;         /* room in entries */
  size_t first;            /* all entries before this one are deleted: taking from the front again and again stays cheap */
  size_t usable;           /* insertions until the table is rebuilt; never given back by deletions */
  uint8_t log2_size;       /* of the index table; 0: no table yet */
  bool str_keys;           /* every key is an exact str: lookups need no script code */
  uint32_t keys_version;   /* changes when a key comes, goes or moves (not when a value is replaced); unique in the VM, never 0. For inline caches and iterators */
} Dict;
static inline Dict *v_dict(Value v) { return (Dict *)v_obj(v); }

TINY_MUST_CHECK Dict *dict_new(VM *vm);
TINY_MUST_CHECK Dict *dict_copy(VM *vm, Dict *d);
/* [script] through __hash__ and __eq__ of odd keys. get: V_ABSENT not found, V_FAIL error. */
Value dict_get(VM *vm, Dict *d, Value key);
TINY_MUST_CHECK bool dict_set(VM *vm, Dict *d, Value key, Value value);
int dict_del(VM *vm, Dict *d, Value key, Value *old);                    /* 1 deleted, 0 not found, -1; old may be NULL */
Value dict_get_hashed(VM *vm, Dict *d, Value key, int64_t hash);
bool dict_set_hashed(VM *vm, Dict *d, Value key, int64_t hash, Value value);
/* The same as dict_get_hashed; the entry becomes the last in order. */
Value dict_get_to_end(VM *vm, Dict *d, Value key, int64_t hash);
bool dict_pop_first(VM *vm, Dict *d);                                    /* false: error. d is not empty. [script] in rare cases: keys of equal hash */
/* Str keys: never run script code unless the dict holds odd keys. */
Value dict_get_str(VM *vm, Dict *d, Str *key);                           /* V_ABSENT: not found */
Value dict_of_keywords(VM *vm, Value names, const Value *values); /* a new one; V_ABSENT: not all names (a tuple) are plain strs */
TINY_MUST_CHECK bool dict_set_str(VM *vm, Dict *d, Str *key, Value value);
int dict_del_str(VM *vm, Dict *d, Str *key);
Value dict_get_c(VM *vm, Dict *d, const char *key);                      /* V_ABSENT; V_FAIL: out of memory */
TINY_MUST_CHECK bool dict_set_c(VM *vm, Dict *d, const char *key, Value value);
/* Entry number of an interned str key, -1: not there (or not decidable without script code). Valid while keys_version is unchanged. */
int64_t dict_entry_index(VM *vm, Dict *d, Str *key);
bool dict_next(const Dict *d, size_t *pos, Value *key, Value *value);    /* start with 0 */
void dict_clear(VM *vm, Dict *d);
bool dict_update(VM *vm, Dict *d, Value mapping_or_pairs);               /* [script] dict.update(x) */
/* d.setdefault(): the value that is there, or `value` which is put there. V_FAIL. [script] */
Value dict_setdefault(VM *vm, Dict *d, Value key, Value value);
bool dict_pop_last(VM *vm, Dict *d, Value *key, Value *value);           /* false: empty */
Value dict_iter_new(VM *vm, Value self);                                 /* iter(d) */
bool dict_reserve(VM *vm, Dict *d, size_t n);                            /* room for n entries in all */
bool dict_merge(VM *vm, Dict *into, Dict *from, bool replace);           /* [script] only through odd keys */
/* mapping_or_pairs when no script code is needed: 1 done, 0 script code is needed, -1 failed. */
int dict_update_c(VM *vm, Dict *d, Value mapping_or_pairs);
Value dict_getitem(VM *vm, Value self, Value key);                       /* d[key]; KeyError. May return a tail call of __missing__ */
bool dict_setitem(VM *vm, Value self, Value key, Value value);
typedef struct DictView { Obj head; Dict *dict; } DictView;
TINY_MUST_CHECK Value dict_view_new(VM *vm, const Type *type, Dict *d);
extern const Type dict_keys_type, dict_values_type, dict_items_type;
TINY_MUST_CHECK Value mappingproxy_new(VM *vm, Value mapping);
bool dict_merge_str(VM *vm, Dict *into, Dict *from);                     /* plain copy of entries, replacing */

typedef struct SetEntry { Value key; /* V_ABSENT: never used */ int64_t hash; /* -1, which no key has: dummy, and the key is V_NOTIMPL */ } SetEntry;
/* A table that a set has in common with sets made of it by leaving out items (set_without): nobody changes it but by leaving out more. The entry i does not belong
   to the sets whose epoch is gone[i] or more (0: it belongs to all). A set of a common table gets one of its own before it changes (set_own). */
typedef struct SetShare { uint32_t sets, epoch /* the last one given out */; size_t n_gone; uint32_t gone[]; } SetShare;
typedef struct Set {
  Obj head;
  SetEntry *table;
  size_t mask, fill, used; /* as CPython: fill counts dummies */
  size_t finger;           /* where pop() looks next */
  uint32_t version;        /* changes with the keys; unique in the VM */
  uint32_t epoch;          /* of a common table */
  SetShare *share;         /* NULL: the table is its own */
  int64_t hash;            /* frozenset; -1: not known */
  SetEntry small[8];
} Set;
/* NotImplemented may be a member, too: a dummy is told by its hash, which no key has. */
static inline bool set_has(const Set *s, size_t i) {
  const SetEntry *e = &s->table[i];
  return !v_absent(e->key) && e->hash != -1 && (!s->share || s->share->gone[i] - 1u >= s->epoch);
}
static inline Set *v_set(Value v) { return (Set *)v_obj(v); }
static inline bool is_anyset(Value v) { return v_has_layout(v, LAY_SET) || v_has_layout(v, LAY_FROZENSET); }
TINY_MUST_CHECK Set *set_new(VM *vm, const Type *type);                  /* &set_type or &frozenset_type */
TINY_MUST_CHECK bool set_add(VM *vm, Set *s, Value key);                 /* [script] */
int set_contains(VM *vm, Set *s, Value key);                             /* [script] 1 0 -1 */
int set_discard(VM *vm, Set *s, Value key);                              /* [script] 1 removed, 0, -1 */
bool set_add_hashed(VM *vm, Set *s, Value key, int64_t hash);            /* [script] */
int set_contains_hashed(VM *vm, Set *s, Value key, int64_t hash);
int set_discard_hashed(VM *vm, Set *s, Value key, int64_t hash);
void set_clear(VM *vm, Set *s);
bool set_merge(VM *vm, Set *into, Set *from);                            /* [script] */
TINY_MUST_CHECK bool set_own(VM *vm, Set *s);                            /* before a change */
TINY_MUST_CHECK Set *set_without(VM *vm, Set *s, const Value *items, size_t n); /* a new set of those of s that are not among the items; costs O(n), amortised [script] */
TINY_MUST_CHECK Set *set_copy(VM *vm, Set *s, const Type *type);
bool set_resize(VM *vm, Set *s, size_t min_used);                        /* table of more than min_used slots; drops dummies */
int set_update_c(VM *vm, Set *s, Value iterable);                        /* 1 done, 0 script code is needed, -1 failed */
int set_subset(VM *vm, Set *a, Set *b);                                  /* every item of a in b: 1 0 -1 [script] */
void set_touch(VM *vm, Set *s);                                          /* a new version: its keys changed */
Value set_binary(VM *vm, int op, Value a, Value b);
Value set_inplace(VM *vm, int op, Value a, Value b);
bool set_next(const Set *s, size_t *pos, Value *key, int64_t *hash);
bool set_update(VM *vm, Set *s, Value iterable);                         /* [script] */
#endif
