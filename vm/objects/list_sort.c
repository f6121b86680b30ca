/* Sorting: a stable, adaptive merge sort. Natural runs are found, short ones lengthened by binary insertion, and merged in the order that the
 * powersort rule gives (Munro and Wild, "Nearly-Optimal Mergesorts", 2018); a merge gallops when one side keeps winning.
 *
 * Ints, floats and strs are compared without any call. Other items go through rt_compare, which may run a script's __lt__ (a documented
 * exception to "no C recursion for script code"); then a snapshot of all items is kept for the collector, since they lie in C arrays meanwhile. */
#include "vm/objects/containers_int.h"

typedef enum { CMP_INT, CMP_STR, CMP_FLOAT, CMP_ANY } CmpMode;
enum { MIN_GALLOP = 7, MAX_RUNS = 90 };
typedef struct Run { size_t start, length; int power; } Run;
typedef struct Sort {
  VM *vm;
  CmpMode mode;
  Value *keys;   /* what is compared */
  Value *values; /* moved along; NULL: only keys */
  Value *temp;   /* room for the smaller side of a merge: keys, then values */
  size_t temp_cap;
  size_t gallop; /* wins in a row after which galloping pays */
  int n_runs;
  Run runs[MAX_RUNS];
} Sort;

/* ---- comparison: 1 less, 0 not, -1 failed ---- */

int value_less(VM *vm, Value a, Value b) {
  if (v_both_int(a, b)) return v_int(a) < v_int(b);
  if (v_both_double(a, b)) return v_double(a) < v_double(b);
  if (v_is_exact(a, &str_type) && v_is_exact(b, &str_type)) return str_order(v_str(a), v_str(b)) < 0;
  if (v_is_exact(a, &tuple_type) && v_is_exact(b, &tuple_type)) {
    const Tuple *s = v_tuple(a), *t = v_tuple(b);
    for (size_t i = 0; i < s->length && i < t->length; i++) { /* as far as no script code is needed */
      int same = eq_quick(s->items[i], t->items[i]);
      if (same == 1) continue;
      if (same == 0 && v_both_int(s->items[i], t->items[i])) return v_int(s->items[i]) < v_int(t->items[i]);
      if (same == 0) return str_order(v_str(s->items[i]), v_str(t->items[i])) < 0;
      break;
    }
  }
  bool less;
  if (!rt_compare_bool(vm, a, b, CO_LT, &less)) return -1;
  return less;
}

static inline int less(Sort *s, Value a, Value b) {
  switch (s->mode) {
  case CMP_INT: return (int64_t)a.w < (int64_t)b.w; /* the tag bits are zero: the words are in the ints' order */
  case CMP_STR: return str_order(v_str(a), v_str(b)) < 0;
  case CMP_FLOAT: return v_double(a) < v_double(b);
  default: return value_less(s->vm, a, b);
  }
}

static CmpMode find_mode(const Value *keys, size_t n) {
  CmpMode mode = v_is_int(keys[0]) ? CMP_INT : v_is_double(keys[0]) ? CMP_FLOAT : v_is_exact(keys[0], &str_type) ? CMP_STR : CMP_ANY;
  for (size_t i = 0; i < n; i++) {
    Value k = keys[i];
    bool fits = mode == CMP_INT ? v_is_int(k) : mode == CMP_FLOAT ? v_is_double(k) : mode == CMP_STR && v_is_exact(k, &str_type);
    if (!fits) return CMP_ANY;
  }
  return mode;
}

/* ---- runs ---- */

static void reverse_range(Value *v, size_t from, size_t to) {
  if (!v) return;
  while (from + 1 < to) {
    Value t = v[from];
    v[from++] = v[--to];
    v[to] = t;
  }
}

/* Length of the run at `from`; a strictly falling one is turned round (strictly: that keeps the sort stable). 0: failed. */
static size_t find_run(Sort *s, size_t from, size_t n) {
  size_t i = from + 1;
  if (i >= n) return n - from;
  int falling = less(s, s->keys[i], s->keys[i - 1]);
  if (falling < 0) return 0;
  for (i++; i < n; i++) {
    int c = less(s, s->keys[i], s->keys[i - 1]);
    if (c < 0) return 0;
    if (c != falling) break;
  }
  if (falling) {
    reverse_range(s->keys, from, i);
    reverse_range(s->values, from, i);
  }
  return i - from;
}

/* keys[from..sorted) is sorted: inserts the rest up to `to`. */
static bool insertion(Sort *s, size_t from, size_t sorted, size_t to) {
  for (size_t i = sorted; i < to; i++) {
    Value k = s->keys[i];
    size_t low = from, high = i;
    while (low < high) {
      size_t mid = low + (high - low) / 2;
      int c = less(s, k, s->keys[mid]);
      if (c < 0) return false;
      if (c)
        high = mid;
      else
        low = mid + 1;
    }
    memmove(s->keys + low + 1, s->keys + low, (i - low) * sizeof(Value));
    s->keys[low] = k;
    if (!s->values) continue;
    Value v = s->values[i];
    memmove(s->values + low + 1, s->values + low, (i - low) * sizeof(Value));
    s->values[low] = v;
  }
  return true;
}

static size_t min_run(size_t n) {
  size_t odd = 0;
  for (; n >= 64; n >>= 1) odd |= n & 1;
  return n + odd;
}

/* ---- galloping: first position in a[0..n) where key fits, found from `hint` end outward. (size_t)-1: failed ---- */

/* Right: after all items equal to key. Left: before them. Searches from the front with doubling steps, then by halving. */
static size_t gallop_front(Sort *s, Value key, const Value *a, size_t n, bool right) {
  size_t low = 0, step = 1;
  while (low + step <= n) {
    int c = right ? less(s, key, a[low + step - 1]) : less(s, a[low + step - 1], key);
    if (c < 0) return SIZE_MAX;
    if (right ? c : !c) break;
    low += step;
    step *= 2;
  }
  size_t high = low + step <= n ? low + step - 1 : n;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    int c = right ? less(s, key, a[mid]) : less(s, a[mid], key);
    if (c < 0) return SIZE_MAX;
    if (right ? c : !c)
      high = mid;
    else
      low = mid + 1;
  }
  return low;
}
static size_t gallop_back(Sort *s, Value key, const Value *a, size_t n, bool right) {
  size_t high = n, step = 1;
  while (step <= high) {
    int c = right ? less(s, key, a[high - step]) : less(s, a[high - step], key);
    if (c < 0) return SIZE_MAX;
    if (right ? !c : c) break;
    high -= step;
    step *= 2;
  }
  size_t low = step <= high ? high - step + 1 : 0;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    int c = right ? less(s, key, a[mid]) : less(s, a[mid], key);
    if (c < 0) return SIZE_MAX;
    if (right ? c : !c)
      high = mid;
    else
      low = mid + 1;
  }
  return low;
}

/* ---- merging ---- */

static bool need_temp(Sort *s, size_t n) {
  if (n <= s->temp_cap) return true;
  size_t width = s->values ? 2 : 1;
  Value *t = mem_realloc(&s->vm->mem, s->temp, s->temp_cap * width * sizeof(Value), n * width * sizeof(Value));
  if (!t) {
    rt_no_memory(s->vm);
    return false;
  }
  s->temp = t;
  s->temp_cap = n;
  return true;
}

static void move_items(Sort *s, size_t to, size_t from, size_t n) {
  memmove(s->keys + to, s->keys + from, n * sizeof(Value));
  if (s->values) memmove(s->values + to, s->values + from, n * sizeof(Value));
}
static void from_temp(Sort *s, size_t to, size_t from, size_t n) {
  memcpy(s->keys + to, s->temp + from, n * sizeof(Value));
  if (s->values) memcpy(s->values + to, s->temp + s->temp_cap + from, n * sizeof(Value));
}
static bool to_temp(Sort *s, size_t from, size_t n) {
  if (!need_temp(s, n)) return false;
  memcpy(s->temp, s->keys + from, n * sizeof(Value));
  if (s->values) memcpy(s->temp + s->temp_cap, s->values + from, n * sizeof(Value));
  return true;
}

/* Left side [a, a+na) is the shorter one: it goes to temp, the result fills up from the front. However it ends, what is left of temp is put back. */
static bool merge_low(Sort *s, size_t a, size_t na, size_t nb) {
  if (!to_temp(s, a, na)) return false;
  size_t i = 0, j = a + na, end = j + nb, out = a;
  bool ok = true;
  while (ok && i < na && j < end) {
    size_t wins_a = 0, wins_b = 0;
    while (i < na && j < end && wins_a < s->gallop && wins_b < s->gallop) {
      int c = less(s, s->keys[j], s->temp[i]);
      if (c < 0) {
        ok = false;
        break;
      }
      if (c) {
        move_items(s, out++, j++, 1);
        wins_b++;
        wins_a = 0;
      } else {
        from_temp(s, out++, i++, 1);
        wins_a++;
        wins_b = 0;
      }
    }
    while (ok && i < na && j < end) {
      size_t ka = gallop_front(s, s->keys[j], s->temp + i, na - i, true);
      if (ka == SIZE_MAX) ok = false;
      if (!ok) break;
      from_temp(s, out, i, ka);
      out += ka;
      i += ka;
      if (i == na) break;
      size_t kb = gallop_front(s, s->temp[i], s->keys + j, end - j, false);
      if (kb == SIZE_MAX) ok = false;
      if (!ok) break;
      move_items(s, out, j, kb);
      out += kb;
      j += kb;
      if (ka < MIN_GALLOP && kb < MIN_GALLOP) {
        s->gallop += 2;
        break;
      }
      if (s->gallop > 1) s->gallop--;
    }
  }
  from_temp(s, out, i, na - i);
  return ok;
}

/* The right side is the shorter one: it goes to temp, the result fills up from the back. */
static bool merge_high(Sort *s, size_t a, size_t na, size_t nb) {
  if (!to_temp(s, a + na, nb)) return false;
  size_t i = a + na, j = nb, out = a + na + nb; /* all one past the next item to take or fill */
  bool ok = true;
  while (ok && i > a && j > 0) {
    size_t wins_a = 0, wins_b = 0;
    while (i > a && j > 0 && wins_a < s->gallop && wins_b < s->gallop) {
      int c = less(s, s->temp[j - 1], s->keys[i - 1]);
      if (c < 0) {
        ok = false;
        break;
      }
      if (c) {
        move_items(s, --out, --i, 1);
        wins_a++;
        wins_b = 0;
      } else {
        from_temp(s, --out, --j, 1);
        wins_b++;
        wins_a = 0;
      }
    }
    while (ok && i > a && j > 0) {
      size_t ka = gallop_back(s, s->temp[j - 1], s->keys + a, i - a, true);
      if (ka == SIZE_MAX) ok = false;
      if (!ok) break;
      ka = i - a - ka;
      out -= ka;
      i -= ka;
      move_items(s, out, i, ka);
      if (i == a) break;
      size_t kb = gallop_back(s, s->keys[i - 1], s->temp, j, false);
      if (kb == SIZE_MAX) ok = false;
      if (!ok) break;
      kb = j - kb;
      out -= kb;
      j -= kb;
      from_temp(s, out, j, kb);
      if (ka < MIN_GALLOP && kb < MIN_GALLOP) {
        s->gallop += 2;
        break;
      }
      if (s->gallop > 1) s->gallop--;
    }
  }
  from_temp(s, i, 0, j);
  return ok;
}

/* Merges the two topmost runs. */
static bool merge_top(Sort *s) {
  Run *left = &s->runs[s->n_runs - 2], *right = left + 1;
  size_t a = left->start, na = left->length, b = right->start, nb = right->length;
  left->length = na + nb;
  s->n_runs--;
  if (!rt_charge(s->vm, (na + nb) / 16)) return false;
  size_t skip = gallop_front(s, s->keys[b], s->keys + a, na, true); /* these stand right already */
  if (skip == SIZE_MAX) return false;
  a += skip;
  na -= skip;
  if (na == 0) return true;
  nb = gallop_back(s, s->keys[a + na - 1], s->keys + b, nb, false);
  if (nb == SIZE_MAX) return false;
  if (nb == 0) return true;
  return na <= nb ? merge_low(s, a, na, nb) : merge_high(s, a, na, nb);
}

/* Depth in a perfectly balanced merge tree over n items of the node that joins two neighbouring runs: first bit in which the midpoints differ. */
static int run_power(size_t start, size_t n1, size_t n2, size_t n) {
  size_t a = 2 * start + n1, b = a + n1 + n2; /* twice the midpoints */
  int power = 0;
  for (;;) {
    power++;
    if (a >= n) {
      a -= n;
      b -= n;
    } else if (b >= n) {
      return power;
    }
    a <<= 1;
    b <<= 1;
  }
}

static bool sort_runs(Sort *s, size_t n) {
  size_t at = 0, least = min_run(n);
  while (at < n) {
    size_t length = find_run(s, at, n);
    if (length == 0) return false;
    if (length < least && at + length < n) {
      size_t want = least < n - at ? least : n - at;
      if (!insertion(s, at, at + length, at + want)) return false;
      length = want;
    }
    if (s->n_runs > 0) {
      Run *top = &s->runs[s->n_runs - 1];
      int power = run_power(top->start, top->length, length, n);
      while (s->n_runs > 1 && s->runs[s->n_runs - 2].power > power)
        if (!merge_top(s)) return false;
      s->runs[s->n_runs - 1].power = power;
    }
    s->runs[s->n_runs++] = (Run){at, length, 0};
    at += length;
  }
  while (s->n_runs > 1)
    if (!merge_top(s)) return false;
  return true;
}

/* Sorts keys[0..n), moving values (or NULL) along. The arrays hold the same items afterwards, whatever happens. */
static bool sort_arrays(VM *vm, Value *keys, Value *values, size_t n, bool reverse) {
  if (n < 2) return true;
  Sort s = {.vm = vm, .mode = find_mode(keys, n), .keys = keys, .values = values, .gallop = MIN_GALLOP};
  size_t mark = rt_temp_mark(vm);
  if (s.mode == CMP_ANY) {
    Value *roots = rt_temp(vm, 2);
    List *k = roots ? list_new(vm, keys, n) : NULL, *v = k && values ? list_new(vm, values, n) : NULL;
    if (!k || (values && !v)) return false;
    roots[0] = v_from_obj(k);
    if (v) roots[1] = v_from_obj(v);
  }
  if (reverse) { /* turning round before and after keeps equal items in their order */
    reverse_range(keys, 0, n);
    reverse_range(values, 0, n);
  }
  bool ok = sort_runs(&s, n);
  if (reverse) {
    reverse_range(keys, 0, n);
    reverse_range(values, 0, n);
  }
  if (s.temp) mem_free(&vm->mem, s.temp, s.temp_cap * (values ? 2 : 1) * sizeof(Value));
  rt_temp_release(vm, mark);
  return ok;
}

/* ---- lists ---- */

typedef struct Storage { Value *items; size_t length, capacity; } Storage;
static Storage detach(List *l) {
  Storage s = {l->items, l->length, l->capacity};
  l->items = NULL;
  l->length = l->capacity = 0;
  return s;
}
/* False: script code put something into the list meanwhile (it is dropped). */
static bool attach(VM *vm, List *l, Storage s) {
  bool untouched = !l->items;
  list_clear(vm, l);
  l->items = s.items;
  l->length = s.length;
  l->capacity = s.capacity;
  gc_remember_all(vm, l);
  return untouched;
}

Value list_sort_values(VM *vm, List *values, List *keys, bool reverse) {
  Storage v = detach(values), k = {0};
  if (keys) k = detach(keys);
  bool ok = sort_arrays(vm, keys ? k.items : v.items, keys ? v.items : NULL, v.length, reverse);
  if (keys) attach(vm, keys, k);
  bool untouched = attach(vm, values, v);
  if (!ok) return V_FAIL;
  return untouched ? V_NONE : rt_raise(vm, &exc_ValueError, "list modified during sort");
}

/* With a key function the frozen _list_sort makes the list of keys between these two natives, so that the function runs without C frames below it. */
static Value sort_begin(VM *vm, Args *a) {
  List *l = v_list(a->v[0]), *items = list_new(vm, NULL, 0);
  if (!items) return V_FAIL;
  attach(vm, items, detach(l));
  return v_from_obj(items);
}
/* (list, items, keys or None after an error, reverse) */
static Value sort_end(VM *vm, Args *a) {
  List *l = v_list(a->v[0]), *items = v_list(a->v[1]);
  Value r = V_NONE;
  if (!v_is_none(a->v[2])) r = list_sort_values(vm, items, v_list(a->v[2]), v_same(a->v[3], V_TRUE));
  bool untouched = attach(vm, l, detach(items));
  if (v_failed(r) || untouched || v_is_none(a->v[2])) return r;
  return rt_raise(vm, &exc_ValueError, "list modified during sort");
}
static const tiny_def sort_begin_def = {"sort_begin", sort_begin, "(list, /)", NULL};
static const tiny_def sort_end_def = {"sort_end", sort_end, "(list, items, keys, reverse, /)", NULL};

/* Keys by a callable that mostly needs no script code: 1 done, 0 here it does, -1. Asked again it gives the same, so that the work done may be dropped. */
static int keys_in_c(VM *vm, Value key, const List *items, List *keys) {
  for (size_t i = 0; i < items->length; i++) {
    Value item = items->items[i];
    Args a = {.vm = vm, .v = &item, .n = 1, .kwnames = V_ABSENT};
    size_t mark = rt_temp_mark(vm);
    Value k = type_of(key)->call(vm, key, &a);
    rt_temp_release(vm, mark);
    if (k.w == V_TAILCALL.w) return 0;
    if (v_failed(k) || !list_append(vm, keys, k) || ((i & 63) == 63 && !rt_charge(vm, 16))) return -1;
  }
  return 1;
}
/* V_ABSENT: it needs script code, the list is as it was. */
static Value sort_by_getter(VM *vm, Value list, Value key, bool reverse) {
  Value *keep = rt_temp(vm, 2);
  List *items = keep ? list_new(vm, NULL, 0) : NULL, *keys = items ? list_new(vm, NULL, 0) : NULL;
  if (!keys) return V_FAIL;
  keep[0] = v_from_obj(items);
  keep[1] = v_from_obj(keys);
  attach(vm, items, detach(v_list(list)));
  int r = keys_in_c(vm, key, items, keys);
  Value four[4] = {list, keep[0], r == 1 ? keep[1] : V_NONE, v_from_bool(reverse)};
  Value done = sort_end(vm, &(Args){.vm = vm, .v = four, .n = 4, .kwnames = V_ABSENT});
  return r == 1 ? done : r < 0 ? V_FAIL : V_ABSENT;
}

Value list_sort(VM *vm, Value list, Value key, bool reverse) {
  if (v_is_none(key)) return list_sort_values(vm, v_list(list), NULL, reverse);
  const Type *t = type_of(key);
  if (t == &itemgetter_type || t == &attrgetter_type || t == &key_wrapper_type) {
    Value r = sort_by_getter(vm, list, key, reverse);
    if (!v_absent(r)) return r;
  }
  Value begin = native_value(vm, &sort_begin_def), end = native_value(vm, &sort_end_def);
  if (v_failed(begin) || v_failed(end)) return V_FAIL;
  return rt_tail_builtin(vm, "_list_sort", 5, (Value[]){list, key, v_from_bool(reverse), begin, end});
}
