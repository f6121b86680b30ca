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
/* Str keys: never run script code unless the dict holds odd keys. */
Value dict_get_str(VM *vm, Dict *d, Str *key);                           /* V_ABSENT: not found */
TINY_MUST_CHECK bool dict_set_str(VM *vm, Dict *d, Str *key, Value value);
int dict_del_str(VM *vm, Dict *d, Str *key);
Value dict_get_c(VM *vm, Dict *d, const char *key);                      /* V_ABSENT; V_FAIL: out of memory */
TINY_MUST_CHECK bool dict_set_c(VM *vm, Dict *d, const char *key, Value value);
/* Entry number of an interned str key, -1: not there (or not decidable without script code). Valid while keys_version is unchanged. */
int64_t dict_entry_index(VM *vm, Dict *d, Str *key);
bool dict_next(const Dict *d, size_t *pos, Value *key, Value *value);    /* start with 0 */
void dict_clear(VM *vm, Dict *d);
bool dict_update(VM *vm, Dict *d, Value mapping_or_pairs);               /* [script] dict.update(x) */
bool dict_merge_str(VM *vm, Dict *into, Dict *from);                     /* plain copy of entries, replacing */

typedef struct SetEntry { Value key; /* V_ABSENT: never used; V_NOTIMPL: dummy */ int64_t hash; } SetEntry;
typedef struct Set {
  Obj head;
  SetEntry *table;
  size_t mask, fill, used; /* as CPython: fill counts dummies */
  uint32_t version;        /* changes with the keys */
  int64_t hash;            /* frozenset; -1: not known */
  SetEntry small[8];
} Set;
static inline Set *v_set(Value v) { return (Set *)v_obj(v); }
static inline bool is_anyset(Value v) { return v_has_layout(v, LAY_SET) || v_has_layout(v, LAY_FROZENSET); }
TINY_MUST_CHECK Set *set_new(VM *vm, const Type *type);                  /* &set_type or &frozenset_type */
TINY_MUST_CHECK bool set_add(VM *vm, Set *s, Value key);                 /* [script] */
int set_contains(VM *vm, Set *s, Value key);                             /* [script] 1 0 -1 */
int set_discard(VM *vm, Set *s, Value key);                              /* [script] 1 removed, 0, -1 */
bool set_next(const Set *s, size_t *pos, Value *key, int64_t *hash);
bool set_update(VM *vm, Set *s, Value iterable);                         /* [script] */
#endif
