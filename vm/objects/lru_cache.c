/* What functools.lru_cache makes of a function: a callable that keeps results. Results are kept in a dict whose items stand in the order of their use; a key is hashed
 * once a call. The function is called in the native's place, a continuation keeps its result. */
#include "vm/objects/iter_int.h"
#include "vm/objects/function.h"

typedef struct LruCache {
  Obj head;
  Value func, info;        /* info: makes what cache_info() gives */
  Value mark;              /* an object that no script can have: stands before keyword arguments in a key */
  Dict *results;
  int64_t room;            /* how many results there may be; -1: any number */
  int64_t hits, misses;
  bool typed;
} LruCache;

static LruCache *lru(Value v) { return (LruCache *)v_obj(v); }
static void lru_trace(Tracer *t, Obj *o) {
  LruCache *c = (LruCache *)o;
  gc_mark(t, c->func);
  gc_mark(t, c->info);
  gc_mark(t, c->mark);
  gc_mark_obj(t, c->results);
  instance_trace_attrs(t, o);
}
static void lru_destroy(VM *vm, Obj *o) { instance_destroy_attrs(vm, o); }

static Value lru_make(VM *vm, const Type *cls, Args *a) {
  int64_t room = -1;
  int typed = rt_truth(vm, a->v[2]);
  if (typed < 0) return V_FAIL;
  if (!rt_callable(vm, a->v[0])) return rt_pending(vm) ? V_FAIL : rt_raise(vm, &exc_TypeError, "the first argument must be callable");
  if (!v_is_none(a->v[1])) {
    Value n = rt_index_obj(vm, a->v[1]);
    if (v_failed(n)) return rt_pending_is(vm, &exc_TypeError) ? (void)rt_take_exc(vm), rt_raise(vm, &exc_TypeError, "maxsize should be integer or None") : V_FAIL;
    if (!int_to_i64(n, &room)) return rt_raise(vm, &exc_OverflowError, "Python int too large to convert to C ssize_t");
    if (room < 0) room = 0;
  }
  Dict *results = dict_new(vm);
  Obj *mark = results ? gc_new(vm, &object_type, sizeof *mark) : NULL;
  LruCache *c = mark ? gc_new(vm, cls, sizeof *c) : NULL;
  if (!c) return V_FAIL;
  c->func = a->v[0];
  c->info = a->v[3];
  c->mark = v_from_obj(mark);
  c->results = results;
  c->room = room;
  c->typed = typed;
  return v_from_obj(c);
}

static bool is_own_key(Value v) { return v_is_int(v) || v_is_exact(v, &int_type) || v_is_exact(v, &str_type); }

/* One int or str by itself, else a tuple: arguments, then a mark, names and values of keyword arguments, and the types of all values if
   they count. */
static Value make_key(VM *vm, const LruCache *c, const Args *a) {
  Tuple *names = v_absent(a->kwnames) ? NULL : v_tuple(a->kwnames);
  size_t n = (size_t)a->n, n_kw = names ? names->length : 0, at = 0;
  if (n == 1 && !n_kw && !c->typed && is_own_key(a->v[0])) return a->v[0];
  Tuple *key = tuple_new(vm, NULL, (n + n_kw) * (c->typed ? 2 : 1) + (n_kw ? n_kw + 1 : 0));
  if (!key) return V_FAIL;
  for (size_t i = 0; i < n; i++) key->items[at++] = a->v[i];
  if (n_kw) key->items[at++] = c->mark;
  for (size_t i = 0; i < n_kw; i++) {
    key->items[at++] = names->items[i];
    key->items[at++] = a->v[n + i];
  }
  for (size_t i = 0; c->typed && i < n + n_kw; i++) key->items[at++] = rt_type_value(type_of(a->v[i]));
  return v_from_obj(key);
}

/* The result came: where another call with the same arguments was faster, its result stays. state: (cache, key, hash). */
static Value then_keep(VM *vm, Value state, tiny_outcome how, Value result) {
  if (how == TINY_RAISED) return rt_raise_obj(vm, result);
  Tuple *st = v_tuple(state);
  LruCache *c = lru(st->items[0]);
  Value key = st->items[1];
  int64_t hash;
  if (!int_to_i64(st->items[2], &hash)) return V_FAIL; /* it was made of one */
  if (c->room >= 0) {
    Value known = dict_get_hashed(vm, c->results, key, hash);
    if (v_failed(known)) return V_FAIL;
    if (!v_absent(known)) return result;
    if (c->results->used && (int64_t)c->results->used >= c->room && !dict_pop_first(vm, c->results)) return V_FAIL;
  }
  return dict_set_hashed(vm, c->results, key, hash, result) ? result : V_FAIL;
}

static Value lru_call(VM *vm, Value self, Args *a) {
  LruCache *c = lru(self);
  int n_all = a->n + (v_absent(a->kwnames) ? 0 : (int)v_tuple(a->kwnames)->length);
  if (c->room == 0) {
    c->misses++;
    return rt_tail_call_after(vm, c->func, 0, NULL, n_all, a->v, a->kwnames);
  }
  int64_t hash;
  Value key = make_key(vm, c, a);
  if (v_failed(key)) return V_FAIL;
  Value *keep = NULL;
  if (!is_own_key(key)) { /* hashing and comparing may run script code */
    if (!(keep = rt_temp(vm, 1))) return V_FAIL;
    *keep = key;
  }
  if (!rt_hash(vm, key, &hash)) return V_FAIL;
  Value found = c->room > 0 ? dict_get_to_end(vm, c->results, key, hash) : dict_get_hashed(vm, c->results, key, hash);
  if (v_failed(found)) return V_FAIL;
  if (!v_absent(found)) {
    c->hits++;
    return found;
  }
  c->misses++;
  Value three[3] = {self, key, int_from_i64(vm, hash)};
  Tuple *state = v_failed(three[2]) ? NULL : tuple_new(vm, three, 3);
  if (!state) return V_FAIL;
  Value r = tiny_then_call(vm, then_keep, v_from_obj(state), c->func, n_all, a->v);
  if (r.w == V_TAILCALL.w) vm->tail.kwnames = a->kwnames;
  return r;
}

static Value lru_get(VM *vm, Value self, Value obj, Value cls) {
  (void)cls;
  return v_absent(obj) ? self : method_new(vm, self, obj);
}
static Value cache_info_m(VM *vm, Args *a) {
  LruCache *c = lru(a->v[0]);
  Value four[4] = {int_from_i64(vm, c->hits), int_from_i64(vm, c->misses), c->room < 0 ? V_NONE : int_from_i64(vm, c->room), int_from_i64(vm, (int64_t)c->results->used)};
  for (int i = 0; i < 4; i++)
    if (v_failed(four[i])) return V_FAIL;
  return rt_tail_call(vm, c->info, 4, four);
}
static Value cache_clear_m(VM *vm, Args *a) {
  LruCache *c = lru(a->v[0]);
  c->hits = c->misses = 0;
  dict_clear(vm, c->results);
  return V_NONE;
}
static Value itself_m(VM *vm, Args *a) { return (void)vm, a->v[0]; }
static Value lru_reduce_m(VM *vm, Args *a) { return rt_getattr(vm, a->v[0], NAME(vm, __qualname__)); }

static const tiny_def lru_methods[] = {{"cache_info", cache_info_m, "(self, /)", "Report cache statistics"}, {"cache_clear", cache_clear_m, "(self, /)", "Clear the cache and cache statistics"},
    {"__reduce__", lru_reduce_m, "(self, /)", NULL}, {"__copy__", itself_m, "(self, /)", NULL}, {"__deepcopy__", itself_m, "(self, memo, /)", NULL}, {0}};
static const GetSet lru_getset[] = {{"__dict__", attrs_get_dict, attrs_set_dict, NULL}, {0}};

const Type lru_cache_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "functools._lru_cache_wrapper", .module = "functools",
    .layout = LAY_OTHER, .flags = TYPE_HAS_ATTRS | TYPE_ATTRS_BEHIND | TYPE_WEAKREF | TYPE_DESCR_GET, .base = &object_type, .size = sizeof(LruCache),
    .shape_id = TYPE_ID_lru_cache, .trace = lru_trace, .destroy = lru_destroy, .new_ = lru_make, .new_sig = "(user_function, maxsize, typed, cache_info_type)",
    .call = lru_call, .descr_get = lru_get, .getset = lru_getset, .methods = lru_methods, .doc = "A callable that keeps results of a function."};
