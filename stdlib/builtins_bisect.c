/* Module _bisect: places in sorted lists. Comparing, reading items of a script's sequence and key functions may run script code, by a nested run as in list.sort. */
#include "stdlib/builtins_int.h"
#include "vm/vm.h"
#include "vm/objects/list.h"

enum { SEQ, ITEM, LO, HI, KEY }; /* parameters */

static bool bounds(VM *vm, Args *a, int64_t *lo, int64_t *hi) {
  Value n = rt_index_obj(vm, a->v[LO]);
  *hi = -1;
  if (v_failed(n)) return false;
  if (!int_to_i64(n, lo)) return rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C ssize_t");
  if (v_is_none(a->v[HI]) || rt_index(vm, a->v[HI], hi)) return true;
  if (!rt_pending_is(vm, &exc_TypeError) || is_int(a->v[HI]) || !v_absent(rt_type_lookup(vm, type_of(a->v[HI]), NAME(vm, __index__)))) return false;
  (void)rt_take_exc(vm);
  return rt_raise_b(vm, &exc_TypeError, "argument should be integer or None, not '%T'", a->v[HI]);
}

/* The place for x, which is a key if there is a key function; -1: failed. x is kept alive by the caller. */
static int64_t place(VM *vm, Args *a, Value x, int64_t lo, int64_t hi, bool right) {
  Value *keep = rt_temp(vm, 1);
  if (!keep) return -1;
  if (lo < 0) return rt_raise_i(vm, &exc_ValueError, "lo must be non-negative");
  if (hi == -1 && (hi = rt_len(vm, a->v[SEQ])) < 0) return -1;
  while (lo < hi) {
    int64_t mid = lo + (hi - lo) / 2;
    size_t n;
    const Value *items = seq_items(a->v[SEQ], &n);
    Value item = items && (uint64_t)mid < n ? items[mid] : rt_getitem(vm, a->v[SEQ], v_from_int62(mid));
    if (!v_failed(item) && !v_is_none(a->v[KEY])) {
      *keep = item;
      item = rt_call(vm, a->v[KEY], 1, keep);
    }
    if (v_failed(item)) return -1;
    *keep = item;
    int less = right ? value_less(vm, x, item) : value_less(vm, item, x);
    if (less < 0) return -1;
    if ((less != 0) == right) hi = mid;
    else lo = mid + 1;
  }
  return lo;
}
static Value bisect(VM *vm, Args *a, bool right) {
  int64_t lo, hi, i = bounds(vm, a, &lo, &hi) ? place(vm, a, a->v[ITEM], lo, hi, right) : -1;
  return i < 0 ? V_FAIL : int_from_i64(vm, i);
}
static Value insort(VM *vm, Args *a, bool right) {
  int64_t lo, hi;
  Value *x = rt_temp(vm, 1), key;
  if (!x || !bounds(vm, a, &lo, &hi) || v_failed(key = v_is_none(a->v[KEY]) ? a->v[ITEM] : rt_call(vm, a->v[KEY], 1, &a->v[ITEM]))) return V_FAIL;
  *x = key;
  int64_t i = place(vm, a, *x, lo, hi, right);
  if (i < 0) return V_FAIL;
  if (v_is_exact(a->v[SEQ], &list_type)) return list_insert(vm, v_list(a->v[SEQ]), i, a->v[ITEM]) ? V_NONE : V_FAIL;
  Value two[2] = {int_from_i64(vm, i), a->v[ITEM]};
  Str *name = str_intern(vm, "insert", 6);
  return v_failed(two[0]) || !name || v_failed(rt_call_method(vm, a->v[SEQ], name, 2, two)) ? V_FAIL : V_NONE;
}
static Value bisect_right(VM *vm, Args *a) { return bisect(vm, a, true); }
static Value bisect_left(VM *vm, Args *a) { return bisect(vm, a, false); }
static Value insort_right(VM *vm, Args *a) { return insort(vm, a, true); }
static Value insort_left(VM *vm, Args *a) { return insort(vm, a, false); }

#define SIG "(a, x, lo=0, hi=None, *, key=None)"
static const tiny_def functions[] = {
    {"bisect_right", bisect_right, SIG, "The index where to insert item x in list a, assuming a is sorted: behind all items that equal x."},
    {"bisect_left", bisect_left, SIG, "The index where to insert item x in list a, assuming a is sorted: before all items that equal x."},
    {"insort_right", insort_right, SIG, "Insert item x in list a, and keep it sorted assuming a is sorted; behind all items that equal x."},
    {"insort_left", insort_left, SIG, "Insert item x in list a, and keep it sorted assuming a is sorted; before all items that equal x."},
    {0}};
extern const tiny_module _bisect_module;
const tiny_module _bisect_module = {.name = "_bisect", .functions = functions};
