/* Builtins that take iterables: all, any, sum, min, max, sorted, iter, next, aiter, anext. A loop runs in C while nothing in it needs script code;
 * when something does, the frozen function of the same name goes on with the same iterator (stdlib/frozen/_builtins_iter.tiny). */
#include "stdlib/builtins_int.h"
#include "vm/objects/bytes.h"
#include "vm/objects/iter.h"

/* Comparing, adding or testing this value may run script code. */
static inline bool is_foreign(Value v) { return v_is_obj(v) && type_is_heap(v_obj(v)->type); }

enum { CHARGE_EVERY = 64 }; /* items per charge: a charge is about 100 ns of work */
static inline bool charge(VM *vm, size_t n) { return (n % CHARGE_EVERY) != 0 || rt_charge(vm, CHARGE_EVERY / 8); }

/* ---- all, any */

static Value all_any(VM *vm, Args *a, bool stop_at, const char *frozen) {
  Value it = iter_c(vm, a->v[0]);
  if (v_failed(it)) return V_FAIL;
  if (v_absent(it)) return rt_tail_builtin(vm, frozen, 1, a->v);
  Value item;
  int r;
  for (size_t n = 1; (r = iter_c_next(vm, it, &item)) == 1; n++) {
    if (is_foreign(item)) return rt_tail_builtin(vm, stop_at ? "_builtins_any_from" : "_builtins_all_from", 2, (Value[]){item, it});
    int t = rt_truth(vm, item);
    if (t < 0 || !charge(vm, n)) return V_FAIL;
    if ((t == 1) == stop_at) return v_from_bool(stop_at);
  }
  return r < 0 ? V_FAIL : v_from_bool(!stop_at);
}

static Value bi_all(VM *vm, Args *a) { return all_any(vm, a, false, "_builtins_all"); }
static Value bi_any(VM *vm, Args *a) { return all_any(vm, a, true, "_builtins_any"); }

/* ---- sum */

static Value bi_sum(VM *vm, Args *a) {
  Value total = a->v[1];
  if (is_str(total)) return rt_raise(vm, &exc_TypeError, "sum() can't sum strings [use ''.join(seq) instead]");
  if (is_bytes(total)) return rt_raise(vm, &exc_TypeError, "sum() can't sum bytes [use b''.join(seq) instead]");
  if (is_bytearray(total)) return rt_raise(vm, &exc_TypeError, "sum() can't sum bytearray [use b''.join(seq) instead]");
  Value it = iter_c(vm, a->v[0]);
  if (v_failed(it)) return V_FAIL;
  if (v_absent(it)) return rt_tail_builtin(vm, "_builtins_sum", 2, a->v);
  if (is_foreign(total)) return rt_tail_builtin(vm, "_builtins_sum", 2, (Value[]){it, total});
  Value item;
  int r;
  for (size_t n = 1; (r = iter_c_next(vm, it, &item)) == 1; n++) {
    if (v_both_int(total, item)) {
      int64_t s = v_int(total) + v_int(item); /* two 62-bit numbers cannot overflow 64 bits */
      total = int_fits62(s) ? v_from_int62(s) : int_from_i64(vm, s);
    } else if (is_foreign(item)) {
      return rt_tail_builtin(vm, "_builtins_sum_from", 3, (Value[]){total, item, it});
    } else if (v_both_double(total, item)) {
      total = float_new(vm, v_double(total) + v_double(item));
    } else {
      total = rt_binary(vm, TINY_ADD, total, item);
    }
    if (v_failed(total) || !charge(vm, n)) return V_FAIL;
  }
  return r < 0 ? V_FAIL : total;
}

/* ---- min, max */

static Value min_max(VM *vm, Args *a, bool max) {
  Tuple *args = v_tuple(a->v[0]);
  Value key = a->v[1], dflt = a->v[2];
  const char *name = max ? "max" : "min";
  if (args->length == 0) return rt_raise(vm, &exc_TypeError, "%s expected at least 1 argument, got 0", name);
  Value source = args->length == 1 ? args->items[0] : a->v[0];
  if (args->length > 1 && !v_absent(dflt)) return rt_raise(vm, &exc_TypeError, "Cannot specify a default for %s() with multiple positional arguments", name);
  Value it = iter_c(vm, source);
  if (v_failed(it)) return V_FAIL;
  Value which = v_from_bool(max);
  if (v_absent(it) || !v_is_none(key)) {
    Value rest[5] = {v_absent(it) ? source : it, key, v_from_bool(!v_absent(dflt)), v_absent(dflt) ? V_NONE : dflt, which};
    return rt_tail_builtin(vm, v_is_none(key) ? "_builtins_min_max" : "_builtins_min_max_key", 5, rest);
  }
  Value best, item;
  int r = iter_c_next(vm, it, &best);
  if (r < 0) return V_FAIL;
  if (r == 0) return v_absent(dflt) ? rt_raise(vm, &exc_ValueError, "%s() arg is an empty sequence", name) : dflt;
  for (size_t n = 1; (r = iter_c_next(vm, it, &item)) == 1; n++) {
    bool better;
    if (is_foreign(item) || is_foreign(best)) return rt_tail_builtin(vm, "_builtins_min_max_from", 4, (Value[]){best, item, it, which});
    if (v_both_int(item, best)) better = max ? v_int(item) > v_int(best) : v_int(item) < v_int(best);
    else if (!rt_compare_bool(vm, item, best, max ? CO_GT : CO_LT, &better)) return V_FAIL;
    if (better) best = item;
    if (!charge(vm, n)) return V_FAIL;
  }
  return r < 0 ? V_FAIL : best;
}

static Value bi_min(VM *vm, Args *a) { return min_max(vm, a, false); }
static Value bi_max(VM *vm, Args *a) { return min_max(vm, a, true); }

/* ---- sorted */

static Value bi_sorted(VM *vm, Args *a) {
  Value it = iter_c(vm, a->v[0]);
  if (v_failed(it)) return V_FAIL;
  Value rest[3] = {a->v[0], a->v[1], a->v[2]};
  if (v_absent(it) || !v_is_none(a->v[1]) || !v_is_bool(a->v[2])) return rt_tail_builtin(vm, "_builtins_sorted", 3, rest);
  Value items = rt_iter_to_list(vm, a->v[0]);
  if (v_failed(items)) return V_FAIL;
  Value *keep = rt_temp(vm, 1);
  if (!keep) return V_FAIL;
  *keep = items;
  return v_failed(list_sort_values(vm, v_list(items), NULL, v_same(a->v[2], V_TRUE))) ? V_FAIL : *keep;
}

/* ---- iter, next */

static Value then_iter(VM *vm, Value state, tiny_outcome how, Value v) {
  (void)state;
  if (how == TINY_RAISED) return rt_raise_obj(vm, v);
  Str *name = NAME(vm, __next__);
  if (!name) return V_FAIL;
  if (type_of(v)->next || is_gen(v) || !v_absent(rt_type_lookup(vm, type_of(v), name))) return v;
  return rt_raise(vm, &exc_TypeError, "iter() returned non-iterator of type '%T'", v);
}

static Value bi_iter(VM *vm, Args *a) {
  Value x = a->v[0];
  if (!v_absent(a->v[1])) {
    if (!rt_callable(vm, x)) return rt_pending(vm) ? V_FAIL : rt_raise(vm, &exc_TypeError, "iter(v, w): v must be callable");
    return iter_callable_new(vm, x, a->v[1]);
  }
  Value f = override_of(vm, x, NAME___iter__);
  if (v_failed(f)) return V_FAIL;
  if (!v_absent(f) && !v_is_none(f)) return tiny_then_call(vm, then_iter, V_NONE, f, 1, &x);
  return rt_iter(vm, x);
}

static Value bi_aiter(VM *vm, Args *a) {
  Str *name = NAME(vm, __aiter__);
  Value f, self;
  if (!name) return V_FAIL;
  if (!attr_special(vm, a->v[0], name, &f, &self)) return rt_raise(vm, &exc_TypeError, "'%T' object is not an async iterable", a->v[0]);
  return rt_tail_call(vm, f, v_absent(self) ? 0 : 1, &self);
}

/* anext(it, default): what __anext__ gave is awaited by an object that knows the default. */
static Value then_anext(VM *vm, Value dflt, tiny_outcome how, Value v) { return how == TINY_RAISED ? rt_raise_obj(vm, v) : async_gen_anext_default(vm, v, dflt); }

static Value bi_anext(VM *vm, Args *a) {
  Str *name = NAME(vm, __anext__);
  Value f, self;
  if (!name) return V_FAIL;
  if (!attr_special(vm, a->v[0], name, &f, &self)) return rt_raise(vm, &exc_TypeError, "'%T' object is not an async iterator", a->v[0]);
  if (v_absent(a->v[1])) return rt_tail_call(vm, f, v_absent(self) ? 0 : 1, &self);
  return tiny_then_call(vm, then_anext, a->v[1], f, v_absent(self) ? 0 : 1, &self);
}

const tiny_def builtins_iter[] = {
  {"all", bi_all, "(iterable, /)", "Return True if bool(x) is True for all values x in the iterable."},
  {"any", bi_any, "(iterable, /)", "Return True if bool(x) is True for any x in the iterable."},
  {"sum", bi_sum, "(iterable, /, start=0)", "Return the sum of a 'start' value (default: 0) plus an iterable of numbers"},
  {"min", bi_min, "(*args, key=None, default=...)", "min(iterable, *[, default=obj, key=func]) -> value\nmin(arg1, arg2, *args, *[, key=func]) -> value\n\nWith a single iterable argument, return its smallest item; with two or more arguments, return the smallest one."},
  {"max", bi_max, "(*args, key=None, default=...)", "max(iterable, *[, default=obj, key=func]) -> value\nmax(arg1, arg2, *args, *[, key=func]) -> value\n\nWith a single iterable argument, return its biggest item; with two or more arguments, return the largest one."},
  {"sorted", bi_sorted, "(iterable, /, *, key=None, reverse=False) unpacked", "Return a new list containing all items from the iterable in ascending order."},
  {"iter", bi_iter, "(iterable, sentinel=..., /)", "Get an iterator from an object."},
  {"next", gen_builtin_next, "(iterator, default=..., /)", "Return the next item from the iterator."},
  {"aiter", bi_aiter, "(async_iterable, /)", "Return an AsyncIterator for an AsyncIterable object."},
  {"anext", bi_anext, "(aiterator, default=..., /)", "Return the next item from the async iterator."},
  {0}};
