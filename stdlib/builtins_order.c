/* Module _order: dicts whose items stand in the order of their use. For functools.lru_cache, which asks for a key's hash once a call, and OrderedDict.move_to_end. */
#include "stdlib/builtins_int.h"
#include "vm/vm.h"
#include "vm/objects/dict.h"
#include "vm/objects/list.h"

/* The key for positional arguments: one int or str stands for itself. */
static Value cache_key(Value args) {
  if (!v_is_exact(args, &tuple_type) || v_tuple(args)->length != 1) return args;
  Value only = v_tuple(args)->items[0];
  return v_is_int(only) || v_is_exact(only, &int_type) || v_is_exact(only, &str_type) ? only : args;
}

enum { HITS, MISSES, HASH, STATE };

static void count(VM *vm, List *state, int i) {
  Value n = state->items[i];
  if (v_is_int(n)) gc_store_item(vm, state, &state->items[i], int_from_i64(vm, v_int(n) + 1));
}

/* state: [hits, misses, hash of the key of the last miss]. */
static Value cache_find(VM *vm, Args *a) {
  Dict *cache = v_dict(a->v[0]);
  Value key = cache_key(a->v[1]), v;
  int64_t hash;
  if (!rt_hash(vm, key, &hash)) return V_FAIL;
  v = v_same(a->v[3], V_TRUE) ? dict_get_to_end(vm, cache, key, hash) : dict_get_hashed(vm, cache, key, hash);
  if (v_failed(v)) return V_FAIL;
  List *state = v_list(a->v[2]);
  if (state->length < STATE) return rt_raise(vm, &exc_ValueError, "a list of %d items is required", STATE);
  count(vm, state, v_absent(v) ? MISSES : HITS);
  if (!v_absent(v)) return v;
  Value h = int_from_i64(vm, hash);
  if (v_failed(h)) return V_FAIL;
  gc_store_item(vm, state, &state->items[HASH], h);
  return a->v[4];
}

/* Where another call with the same arguments was faster, its result stays. room: how many items there may be, None: any number. */
static Value cache_store(VM *vm, Args *a) {
  Dict *cache = v_dict(a->v[0]);
  Value key = cache_key(a->v[1]);
  int64_t hash, room;
  if (!int_to_i64(a->v[2], &hash)) return rt_raise(vm, &exc_ValueError, "not a hash");
  if (!v_is_none(a->v[4])) {
    Value known = dict_get_hashed(vm, cache, key, hash);
    if (v_failed(known)) return V_FAIL;
    if (!v_absent(known)) return V_NONE;
    if (!int_to_i64(a->v[4], &room)) room = INT64_MAX;
    if (cache->used && (int64_t)cache->used >= room && !dict_pop_first(vm, cache)) return V_FAIL;
  }
  return dict_set_hashed(vm, cache, key, hash, a->v[3]) ? V_NONE : V_FAIL;
}

static Value to_end(VM *vm, Args *a) {
  int64_t hash;
  Value v = rt_hash(vm, a->v[1], &hash) ? dict_get_to_end(vm, v_dict(a->v[0]), a->v[1], hash) : V_FAIL;
  return v_failed(v) ? V_FAIL : v_absent(v) ? rt_raise_with(vm, &exc_KeyError, a->v[1]) : V_NONE;
}

static const tiny_def functions[] = {
    {"find", cache_find, "(cache: dict, args, state: list, to_end, missing, /)", "The result kept for these arguments; counts hits and misses."},
    {"store", cache_store, "(cache: dict, args, hash: int, result, room, /)", "Keep a result."},
    {"to_end", to_end, "(d: dict, key, /)", "Make an item the last one."}, {0}};
extern const tiny_module _order_module;
const tiny_module _order_module = {.name = "_order", .functions = functions};
