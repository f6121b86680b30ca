/* Module _struct: values as bytes. struct.tiny turns a format into a plan, a row of Steps; values of the plain kinds are packed by it here. What is left over (errors,
 * __index__, numbers beyond 64 bits) struct.tiny does value by value. */
#include <math.h>
#include <string.h>
#include "stdlib/stdlib.h"
#include "vm/objects/bytes_int.h"

static void turn(unsigned char *b, size_t n) {
  for (size_t i = 0; i < n / 2; i++) {
    unsigned char t = b[i];
    b[i] = b[n - 1 - i];
    b[n - 1 - i] = t;
  }
}
static bool host_is_little(void) {
  const uint16_t one = 1;
  unsigned char first;
  memcpy(&first, &one, 1);
  return first == 1;
}

/* IEEE 754 binary16, ties to even. False: too large. */
static bool half_bits(double x, uint16_t *out) {
  uint16_t sign = signbit(x) ? 0x8000 : 0;
  x = fabs(x);
  if (isnan(x)) *out = (uint16_t)(sign | 0x7E00);
  else if (isinf(x)) *out = (uint16_t)(sign | 0x7C00);
  else if (x == 0) *out = sign;
  else {
    int e;
    (void)frexp(x, &e); /* x = m * 2^e, m in [0.5, 1) */
    if (e > 16) return false;
    int shift = e - 11 < -24 ? -24 : e - 11;
    double m = nearbyint(ldexp(x, -shift)); /* units of 2^shift */
    uint32_t bits = shift == -24 ? (uint32_t)m : ((uint32_t)(shift + 24) << 10) + (uint32_t)m;
    if (bits >= 0x7C00) return false;
    *out = (uint16_t)(sign | bits);
  }
  return true;
}
static double half_value(uint16_t h) {
  int e = h >> 10 & 31;
  double m = h & 0x3FF;
  double x = e == 31 ? (m != 0 ? (double)NAN : (double)INFINITY) : e ? ldexp(m + 1024, e - 25) : ldexp(m, -24);
  return h & 0x8000 ? -x : x;
}

static tiny_val pack_float(tiny_vm *vm, tiny_args *a) {
  double x;
  if (!tiny_to_float(vm, tiny_arg(a, 0), &x)) {
    tiny_clear_error(vm);
    return TINY_NONE;
  }
  int64_t size = tiny_arg_int(a, 1);
  unsigned char b[8];
  if (size == 8) memcpy(b, &x, 8);
  else if (size == 4) {
    float f = (float)x;
    if (isinf(f) && !isinf(x)) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "float too large to pack with f format");
    memcpy(b, &f, 4);
  } else {
    uint16_t h;
    if (!half_bits(x, &h)) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "float too large to pack with e format");
    memcpy(b, &h, 2);
  }
  if (tiny_arg_bool(a, 2) != host_is_little()) turn(b, (size_t)size);
  return tiny_bytes(vm, b, (size_t)size);
}

/* ---- plans ---- */

typedef struct Step { int64_t count, size, at; char code; bool little; } Step; /* count values of size bytes each, from byte `at` on */

static Value make_plan(VM *vm, Args *a) { /* ([(code, count, size, at)...], little) */
  List *steps = v_list(a->v[0]);
  Bytes *plan = bytes_alloc(vm, steps->length * sizeof(Step));
  for (size_t i = 0; plan && i < steps->length; i++) {
    Value *v = v_tuple(steps->items[i])->items;
    Step s = {v_int(v[1]), v_int(v[2]), v_int(v[3]), v_str(v[0])->data[0], tiny_arg_bool(a, 1)};
    memcpy(plan->data + i * sizeof s, &s, sizeof s);
  }
  return v_from_bytes(plan);
}

static uint64_t load(const uint8_t *p, int64_t n, bool little) {
  uint64_t u = 0;
  for (int64_t i = 0; i < n; i++) u |= (uint64_t)p[little ? i : n - 1 - i] << (8 * i);
  return u;
}
static void store(uint8_t *p, int64_t n, bool little, uint64_t u) {
  for (int64_t i = 0; i < n; i++) p[little ? i : n - 1 - i] = (uint8_t)(u >> (8 * i));
}
static bool is_signed(char code) { return strchr("bhilqn", code) != NULL; }

static Value load_item(VM *vm, const Step *s, const uint8_t *p) {
  switch (s->code) {
    case 'c': case 's': return v_from_bytes(bytes_new(vm, p, (size_t)s->size));
    case 'p': {
      int64_t n = s->size ? p[0] : 0;
      return v_from_bytes(bytes_new(vm, p + 1, (size_t)(n < s->size ? n : s->size ? s->size - 1 : 0)));
    }
    case '?': return v_from_bool(*p != 0);
    case 'd': {
      uint64_t u = load(p, 8, s->little);
      double d;
      memcpy(&d, &u, 8);
      return float_new(vm, d);
    }
    case 'f': {
      uint32_t u = (uint32_t)load(p, 4, s->little);
      float f;
      memcpy(&f, &u, 4);
      return float_new(vm, (double)f);
    }
    case 'e': return float_new(vm, half_value((uint16_t)load(p, 2, s->little)));
    default: break;
  }
  uint64_t u = load(p, s->size, s->little);
  if (!is_signed(s->code)) return int_from_u64(vm, u);
  int shift = 64 - 8 * (int)s->size;
  return int_from_i64(vm, (int64_t)(u << shift) >> shift);
}

/* The values of the plan in the bytes from p on. */
static Value unpack_by(VM *vm, Bytes *plan, const uint8_t *p, size_t n) {
  Tuple *t = tuple_new(vm, NULL, n);
  if (!t || !rt_charge(vm, n >> 4)) return V_FAIL;
  size_t at = 0;
  for (size_t i = 0; i < plan->size / sizeof(Step); i++) {
    Step s;
    memcpy(&s, plan->data + i * sizeof s, sizeof s);
    for (int64_t k = 0; k < s.count; k++) {
      Value v = load_item(vm, &s, p + s.at + k * s.size);
      if (v_failed(v)) return V_FAIL;
      t->items[at++] = v;
    }
  }
  return v_from_obj(t);
}

/* False: a value that is not of the plain kinds, or does not fit. No script code, no error. */
static bool store_item(VM *vm, const Step *s, uint8_t *p, Value v) {
  int64_t i;
  double d;
  switch (s->code) {
    case 'c':
      if (!is_bytes(v) || v_bytes(v)->size != 1) return false;
      *p = v_bytes(v)->data[0];
      return true;
    case 's':
      if (!is_bytes(v)) return false;
      memcpy(p, v_bytes(v)->data, v_bytes(v)->size < (size_t)s->size ? v_bytes(v)->size : (size_t)s->size);
      return true;
    case 'p': return false;
    case '?':
      if (!v_is_bool(v)) return false;
      *p = v_same(v, V_TRUE);
      return true;
    case 'd': case 'f':
      if (v_is_int(v)) d = (double)v_int(v);
      else if (!is_float(v) || type_is_heap(type_of(v)) || !rt_to_double(vm, v, &d)) return false;
      if (s->code == 'd') {
        uint64_t u;
        memcpy(&u, &d, 8);
        store(p, 8, s->little, u);
      } else {
        float f = (float)d;
        uint32_t u;
        if (isinf(f) && !isinf(d)) return false;
        memcpy(&u, &f, 4);
        store(p, 4, s->little, u);
      }
      return true;
    case 'e': return false;
    default: break;
  }
  if (!is_int(v) || !int_to_i64(v, &i)) return false;
  int bits = 8 * (int)s->size;
  if (is_signed(s->code) ? bits < 64 && (i < -((int64_t)1 << (bits - 1)) || i >= (int64_t)1 << (bits - 1)) : i < 0 || (bits < 64 && i >= (int64_t)1 << bits)) return false;
  store(p, s->size, s->little, (uint64_t)i);
  return true;
}

static bool pack_by(VM *vm, Bytes *plan, uint8_t *p, const Value *values) {
  size_t at = 0;
  for (size_t i = 0; i < plan->size / sizeof(Step); i++) {
    Step s;
    memcpy(&s, plan->data + i * sizeof s, sizeof s);
    for (int64_t k = 0; k < s.count; k++)
      if (!store_item(vm, &s, p + s.at + k * s.size, values[at++])) return false;
  }
  return true;
}

/* The row (plan, size, number of values, Struct) of a format, from the module's cache; V_ABSENT: none yet. */
static Tuple *cached(VM *vm, Args *a) {
  Value cache = tiny_getattr(vm, a->self->bound, "cache");
  if (!v_failed(cache) && is_str(a->v[0]) && rt_contains(vm, cache, a->v[0]) == 1) {
    Value row = rt_getitem(vm, cache, a->v[0]);
    if (is_tuple(row)) return v_tuple(row);
  }
  return NULL;
}

static Value do_pack(VM *vm, Tuple *row, Tuple *values) { /* V_ABSENT: struct.tiny has to */
  if ((int64_t)values->length != v_int(row->items[2])) return V_ABSENT;
  Bytes *out = bytes_alloc(vm, (size_t)v_int(row->items[1]));
  if (!out || !rt_charge(vm, values->length >> 4)) return V_FAIL;
  return pack_by(vm, v_bytes(row->items[0]), out->data, values->items) ? v_from_bytes(out) : V_ABSENT;
}
static Value do_unpack(VM *vm, Tuple *row, Value buffer) {
  View v;
  if (!bytes_view(buffer, &v) || (int64_t)v.size != v_int(row->items[1])) return V_ABSENT;
  return unpack_by(vm, v_bytes(row->items[0]), v.data, (size_t)v_int(row->items[2]));
}

static Value s_pack(VM *vm, Args *a) {
  Tuple *row = cached(vm, a);
  Value v = tiny_pending(vm) ? V_FAIL : row ? do_pack(vm, row, v_tuple(a->v[1])) : V_ABSENT;
  if (!v_absent(v)) return v;
  Value slow = tiny_getattr(vm, a->self->bound, "slow_pack");
  return v_failed(slow) ? slow : rt_tail_call(vm, slow, 2, a->v);
}
static Value s_unpack(VM *vm, Args *a) {
  Tuple *row = cached(vm, a);
  Value v = tiny_pending(vm) ? V_FAIL : row ? do_unpack(vm, row, a->v[1]) : V_ABSENT;
  if (!v_absent(v)) return v;
  Value slow = tiny_getattr(vm, a->self->bound, "slow_unpack");
  return v_failed(slow) ? slow : rt_tail_call(vm, slow, 2, a->v);
}
static Value pack_row(VM *vm, Args *a) {
  Value v = do_pack(vm, v_tuple(a->v[0]), v_tuple(a->v[1]));
  return v_absent(v) ? V_NONE : v;
}
static Value unpack_row(VM *vm, Args *a) { /* (row, bytes-like, offset): the room was checked */
  Tuple *row = v_tuple(a->v[0]);
  View v;
  int64_t at = tiny_arg_int(a, 2);
  if (!bytes_need_view(vm, a->v[1], &v)) return V_FAIL;
  if (at < 0 || at > (int64_t)v.size || (int64_t)v.size - at < v_int(row->items[1])) return rt_raise(vm, &exc_ValueError, "buffer is too small");
  return unpack_by(vm, v_bytes(row->items[0]), v.data + at, (size_t)v_int(row->items[2]));
}

static const tiny_def functions[] = {
  {"pack_float", pack_float, "(x, size: int, little: bool)", NULL},
  {"plan", make_plan, "(steps: list, little: bool)", NULL},
  {"pack", s_pack, "(format, /, *values)", "pack(format, v1, v2, ...) -> bytes"},
  {"unpack", s_unpack, "(format, buffer, /)", "Return a tuple containing values unpacked according to the format string."},
  {"pack_row", pack_row, "(row: tuple, values: tuple)", NULL},
  {"unpack_row", unpack_row, "(row: tuple, buffer, at: int)", NULL},
  {0}};
extern const tiny_module struct_module;
const tiny_module struct_module = {"_struct", functions, 0, "Values as bytes."};
