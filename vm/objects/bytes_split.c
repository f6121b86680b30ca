/* Methods that bytes and bytearray share, part two: split, partition, splitlines, strip, join. */
#include "vm/objects/bytes_int.h"

static inline bool space(uint8_t c) { return c == ' ' || (c >= 9 && c <= 13); }

static bool add_piece(VM *vm, Value self, List *list, View v, size_t start, size_t end) {
  Value piece = bytes_like_new(vm, self, v.data + start, end - start);
  return !v_failed(piece) && list_append(vm, list, piece);
}

static void reverse_items(List *list) {
  for (size_t i = 0, n = list->length; i < n / 2; i++) {
    Value v = list->items[i];
    list->items[i] = list->items[n - 1 - i];
    list->items[n - 1 - i] = v;
  }
}

static bool split_space(VM *vm, Value self, List *list, View v, int64_t max) {
  for (size_t i = 0;;) {
    while (i < v.size && space(v.data[i])) i++;
    if (i == v.size) return true;
    size_t start = i;
    if (max-- == 0) return add_piece(vm, self, list, v, start, v.size);
    while (i < v.size && !space(v.data[i])) i++;
    if (!add_piece(vm, self, list, v, start, i)) return false;
  }
}

static bool rsplit_space(VM *vm, Value self, List *list, View v, int64_t max) {
  for (size_t i = v.size;;) {
    while (i > 0 && space(v.data[i - 1])) i--;
    if (i == 0) return true;
    size_t end = i;
    if (max-- == 0) return add_piece(vm, self, list, v, 0, end);
    while (i > 0 && !space(v.data[i - 1])) i--;
    if (!add_piece(vm, self, list, v, i, end)) return false;
  }
}

static bool split_sep(VM *vm, Value self, List *list, View v, View sep, int64_t max, bool reverse) {
  const char *text = (const char *)v.data, *mark = (const char *)sep.data;
  size_t start = 0, end = v.size;
  while (max-- != 0) {
    size_t hit = reverse ? str_rfind_bytes(text, end, mark, sep.size) : str_find_bytes(text + start, end - start, mark, sep.size);
    if (hit == SIZE_MAX) break;
    if (reverse) {
      if (!add_piece(vm, self, list, v, hit + sep.size, end)) return false;
      end = hit;
    } else {
      if (!add_piece(vm, self, list, v, start, start + hit)) return false;
      start += hit + sep.size;
    }
  }
  return add_piece(vm, self, list, v, start, end);
}

static Value split(VM *vm, Args *a, bool reverse) {
  int64_t max = -1;
  View sep = {NULL, 0};
  if (!str_size_arg(vm, a->v[2], &max)) return V_FAIL;
  if (max < 0) max = INT64_MAX;
  if (!v_is_none(a->v[1])) {
    if (!bytes_need_view(vm, a->v[1], &sep)) return V_FAIL;
    if (sep.size == 0) return rt_raise(vm, &exc_ValueError, "empty separator");
  }
  View v = self_view(a->v[0]);
  if (!rt_charge(vm, v.size >> 6)) return V_FAIL;
  List *list = list_new(vm, NULL, 0);
  if (!list) return V_FAIL;
  bool ok;
  if (sep.data) ok = split_sep(vm, a->v[0], list, v, sep, max, reverse);
  else ok = reverse ? rsplit_space(vm, a->v[0], list, v, max) : split_space(vm, a->v[0], list, v, max);
  if (!ok) return V_FAIL;
  if (reverse) reverse_items(list);
  return v_from_obj(list);
}
Value bytes_m_split(VM *vm, Args *a) { return split(vm, a, false); }
Value bytes_m_rsplit(VM *vm, Args *a) { return split(vm, a, true); }

static Value partition(VM *vm, Args *a, bool reverse) {
  View sep, v = self_view(a->v[0]);
  if (!bytes_need_view(vm, a->v[1], &sep)) return V_FAIL;
  if (sep.size == 0) return rt_raise(vm, &exc_ValueError, "empty separator");
  if (!charge_bytes(vm, v.size)) return V_FAIL;
  const char *text = (const char *)v.data;
  size_t at = reverse ? str_rfind_bytes(text, v.size, (const char *)sep.data, sep.size) : str_find_bytes(text, v.size, (const char *)sep.data, sep.size);
  Value part[3], self = a->v[0];
  if (at == SIZE_MAX) {
    for (int i = 0; i < 3; i++) part[i] = i != (reverse ? 2 : 0) ? bytes_like_new(vm, self, "", 0) : is_bytes(self) ? self : bytes_like_new(vm, self, v.data, v.size);
  } else {
    part[0] = bytes_like_new(vm, self, v.data, at);
    part[1] = is_bytes(self) ? a->v[1] : bytes_like_new(vm, self, sep.data, sep.size);
    part[2] = bytes_like_new(vm, self, v.data + at + sep.size, v.size - at - sep.size);
  }
  for (int i = 0; i < 3; i++) if (v_failed(part[i])) return V_FAIL;
  Tuple *t = tuple_new(vm, part, 3);
  return t ? v_from_obj(t) : V_FAIL;
}
Value bytes_m_partition(VM *vm, Args *a) { return partition(vm, a, false); }
Value bytes_m_rpartition(VM *vm, Args *a) { return partition(vm, a, true); }

Value bytes_m_splitlines(VM *vm, Args *a) {
  int64_t keep = v_same(a->v[1], V_TRUE);
  View v = self_view(a->v[0]);
  if (!v_is_bool(a->v[1]) && !str_int_arg(vm, a->v[1], &keep)) return V_FAIL;
  if (!rt_charge(vm, v.size >> 6)) return V_FAIL;
  List *list = list_new(vm, NULL, 0);
  if (!list) return V_FAIL;
  for (size_t i = 0, line = 0; line < v.size; line = i) {
    while (i < v.size && v.data[i] != '\n' && v.data[i] != '\r') i++;
    size_t end = i;
    if (i < v.size) i += v.data[i] == '\r' && i + 1 < v.size && v.data[i + 1] == '\n' ? 2 : 1;
    if (!add_piece(vm, a->v[0], list, v, line, keep ? i : end)) return V_FAIL;
  }
  return v_from_obj(list);
}

enum { LEFT = 1, RIGHT = 2 };

static Value strip(VM *vm, Args *a, int sides) {
  bool in_set[256] = {false};
  View set, v = self_view(a->v[0]);
  if (v_is_none(a->v[1])) set = (View){(const uint8_t *)" \t\n\r\v\f", 6};
  else if (!bytes_need_view(vm, a->v[1], &set)) return V_FAIL;
  for (size_t i = 0; i < set.size; i++) in_set[set.data[i]] = true;
  size_t start = 0, end = v.size;
  while ((sides & LEFT) && start < end && in_set[v.data[start]]) start++;
  while ((sides & RIGHT) && end > start && in_set[v.data[end - 1]]) end--;
  return bytes_like_new(vm, a->v[0], v.size ? v.data + start : v.data, end - start);
}
Value bytes_m_strip(VM *vm, Args *a) { return strip(vm, a, LEFT | RIGHT); }
Value bytes_m_lstrip(VM *vm, Args *a) { return strip(vm, a, LEFT); }
Value bytes_m_rstrip(VM *vm, Args *a) { return strip(vm, a, RIGHT); }

static Value join_items(VM *vm, Value self, const Value *items, size_t n) {
  View sep = self_view(self), v;
  size_t size = 0;
  if (n > 1 && (!mem_mul(sep.size, n - 1, &size) || size > TEXT_MAX)) return rt_raise(vm, &exc_OverflowError, "join() result is too long");
  for (size_t i = 0; i < n; i++) {
    if (!bytes_view(items[i], &v)) return rt_raise(vm, &exc_TypeError, "sequence item %zu: expected a bytes-like object, %T found", i, items[i]);
    if (v.size > TEXT_MAX - size) return rt_raise(vm, &exc_OverflowError, "join() result is too long");
    size += v.size;
  }
  if (n == 1 && v_is_exact(items[0], &bytes_type) && is_bytes(self)) return items[0];
  uint8_t *out = NULL;
  if (!rt_charge(vm, (size >> 9) + (n >> 4))) return V_FAIL;
  Value r = bytes_like_alloc(vm, self, size, &out);
  if (v_failed(r) || size == 0) return r;
  for (size_t i = 0; i < n; i++) {
    if (i && sep.size) {
      memcpy(out, sep.data, sep.size);
      out += sep.size;
    }
    if (!bytes_view(items[i], &v) || v.size == 0) continue;
    memcpy(out, v.data, v.size);
    out += v.size;
  }
  return r;
}

Value bytes_m_join(VM *vm, Args *a) {
  size_t n;
  Value it = a->v[1];
  const Value *items = seq_items(it, &n);
  if (items) return join_items(vm, a->v[0], items, n);
  if (!str_plain_iterable(it)) {
    if (!str_is_iterable(vm, it)) return rt_raise(vm, &exc_TypeError, "can only join an iterable");
    return rt_tail_builtin(vm, "_bytes_join_iter", 2, (Value[]){a->v[0], it});
  }
  Value list = rt_iter_to_list(vm, it);
  if (v_failed(list)) return list;
  items = seq_items(list, &n);
  return join_items(vm, a->v[0], items, n);
}
