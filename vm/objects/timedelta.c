/* datetime.timedelta. Arithmetic is in microseconds: in a small int where they fit (70,000 years), else as ints of the language, so that it is exact and of any size
 * until the result is looked at. */
#include "vm/base/operators.h"
#include "vm/objects/datetime.h"

/* ---- making ---- */

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); } /* b > 0 */

static Value delta_of(VM *vm, const Type *cls, int64_t days, int64_t seconds, int64_t us) {
  int64_t carry = floor_div(us, SECOND_US);
  us -= carry * SECOND_US;
  seconds += carry;
  carry = floor_div(seconds, DAY_SECONDS);
  seconds -= carry * DAY_SECONDS;
  days += carry;
  if (days > INT32_MAX || days < INT32_MIN) return rt_raise(vm, &exc_OverflowError, "Python int too large to convert to C int");
  if (days > MAX_DELTA_DAYS || days < -MAX_DELTA_DAYS)
    return rt_raise(vm, &exc_OverflowError, "days=%d; must have magnitude <= %d", (int)days, MAX_DELTA_DAYS);
  Timedelta *d = cls == &timedelta_type ? gc_new_leaf(vm, cls, sizeof *d) : gc_new(vm, cls, sizeof *d);
  if (!d) return V_FAIL;
  d->days = (int32_t)days;
  d->seconds = (int32_t)seconds;
  d->us = (int32_t)us;
  return v_from_obj(d);
}

Value delta_new(VM *vm, int64_t days, int64_t seconds, int64_t us) { return delta_of(vm, &timedelta_type, days, seconds, us); }

/* All of it in microseconds. */
static Value us_value(VM *vm, Value v) {
  enum { SMALL_DAYS = 26000000 }; /* of which the microseconds take less than 62 bits */
  const Timedelta *d = v_delta(v);
  if (d->days < SMALL_DAYS && d->days > -SMALL_DAYS) return v_from_int62(d->days * DAY_US + delta_clock_us(d));
  Value days = int_mul(vm, v_from_int62(d->days), v_from_int62(DAY_US));
  return v_failed(days) ? days : int_binary(vm, TINY_ADD, days, v_from_int62(delta_clock_us(d)));
}

/* The timedelta of so many microseconds, an int of any size. */
static Value from_us(VM *vm, const Type *cls, Value us) {
  int64_t i;
  if (v_failed(us)) return us;
  if (v_is_int(us)) return delta_of(vm, cls, 0, 0, v_int(us));
  Value days, rest;
  if (!int_floor_divmod(vm, us, v_from_int62(DAY_US), &days, &rest)) return V_FAIL;
  if (!int_to_i64(days, &i)) i = INT64_MAX / 2;
  return delta_of(vm, cls, i, 0, v_int(rest));
}

/* a / b rounded to the nearest int, halves to the even one. */
static Value divide_nearest(VM *vm, Value a, Value b) {
  Value q, r;
  if (v_failed(a) || v_failed(b)) return V_FAIL;
  if (int_sign(b) == 0) return rt_raise(vm, &exc_ZeroDivisionError, "integer division or modulo by zero");
  if (int_sign(b) < 0) {
    a = int_negate(vm, a);
    b = int_negate(vm, b);
    if (v_failed(a) || v_failed(b)) return V_FAIL;
  }
  if (!int_floor_divmod(vm, a, b, &q, &r)) return V_FAIL;
  Value twice = int_binary(vm, TINY_MUL, r, v_from_int62(2)), odd = int_binary(vm, TINY_AND, q, v_from_int62(1));
  if (v_failed(twice) || v_failed(odd)) return V_FAIL;
  int c = int_compare(twice, b);
  return c > 0 || (c == 0 && int_sign(odd)) ? int_binary(vm, TINY_ADD, q, v_from_int62(1)) : q;
}

/* A float as the fraction num / den, den a power of two. */
static bool ratio_of(VM *vm, double d, Value *num, Value *den) {
  if (isnan(d)) return rt_raise_b(vm, &exc_ValueError, "cannot convert NaN to integer ratio");
  if (isinf(d)) return rt_raise_b(vm, &exc_OverflowError, "cannot convert Infinity to integer ratio");
  int e;
  double m = frexp(d, &e) * 9007199254740992.0; /* 2^53 */
  e -= 53;
  *num = v_from_int62((int64_t)m);
  *den = v_from_int62(1);
  if (m == 0) return true;
  if (e > 0) *num = int_lshift(vm, *num, (uint64_t)e);
  else *den = int_lshift(vm, *den, (uint64_t)-e);
  return !v_failed(*num) && !v_failed(*den);
}

/* ---- construction ---- */

/* The sum of the arguments: us exactly, and what fractions of floats left below a microsecond. */
typedef struct Sum { Value us; double rest; } Sum;

static bool add_us(VM *vm, Sum *s, Value us) {
  s->us = v_failed(us) ? us : int_binary(vm, TINY_ADD, s->us, us);
  return !v_failed(s->us);
}

static bool add_float(VM *vm, Sum *s, double d, int64_t unit) {
  double whole, part = modf(d, &whole);
  Value n = int_from_double(vm, whole);
  if (v_failed(n) || !add_us(vm, s, int_mul(vm, n, v_from_int62(unit)))) return false;
  if (part == 0) return true;
  part = modf(part * (double)unit, &whole);
  s->rest += part;
  return add_us(vm, s, int_from_double(vm, whole));
}

static bool add_argument(VM *vm, Sum *s, Value v, int64_t unit, const char *name) {
  if (v_absent(v)) return true;
  if (is_int(v)) return add_us(vm, s, int_mul(vm, v, v_from_int62(unit)));
  if (is_float(v)) return add_float(vm, s, v_float_value(v), unit);
  return rt_raise_b(vm, &exc_TypeError, "unsupported type for timedelta %s component: %s", name, type_of(v)->name);
}

/* The fraction rounds the whole to the nearest microsecond, halves to the even one. */
static Value rounded(VM *vm, Sum *s) {
  double whole = round(s->rest);
  if (fabs(whole - s->rest) == 0.5) {
    Value odd = int_binary(vm, TINY_AND, s->us, v_from_int62(1));
    if (v_failed(odd)) return odd;
    double one = int_sign(odd) ? 1 : 0;
    whole = 2.0 * round((s->rest + one) * 0.5) - one;
  }
  return int_binary(vm, TINY_ADD, s->us, v_from_int62((int64_t)whole));
}

static Value new_(VM *vm, const Type *cls, Args *a) {
  /* the order in which the parts are added is that of their size: it decides about the last bit of the fraction */
  static const struct { uint8_t at; int64_t unit; const char *name; } parts[] = {{2, 1, "microseconds"}, {3, 1000, "milliseconds"}, {1, SECOND_US, "seconds"}, {4, 60 * SECOND_US, "minutes"},
      {5, 3600 * SECOND_US, "hours"}, {0, DAY_US, "days"}, {6, 7 * DAY_US, "weeks"}};
  Sum s = {v_from_int62(0), 0};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!add_argument(vm, &s, a->v[parts[i].at], parts[i].unit, parts[i].name)) return V_FAIL;
  return from_us(vm, cls, s.rest != 0 ? rounded(vm, &s) : s.us);
}

/* ---- arithmetic ---- */

static Value delta_sum(VM *vm, const Timedelta *a, const Timedelta *b, int sign) {
  return delta_new(vm, (int64_t)a->days + sign * (int64_t)b->days, a->seconds + sign * b->seconds, a->us + sign * b->us);
}

static Value times(VM *vm, Value d, Value by) {
  if (is_float(by)) {
    Value num, den;
    if (!ratio_of(vm, v_float_value(by), &num, &den)) return V_FAIL;
    Value us = us_value(vm, d);
    return v_failed(us) ? us : from_us(vm, &timedelta_type, divide_nearest(vm, int_mul(vm, us, num), den));
  }
  Value us = us_value(vm, d);
  return v_failed(us) ? us : from_us(vm, &timedelta_type, int_mul(vm, us, by));
}

static Value quotient(VM *vm, Value d, Value by) {
  Value us = us_value(vm, d), num = by, den = v_from_int62(1);
  if (v_failed(us)) return us;
  if (is_float(by)) {
    if (!ratio_of(vm, v_float_value(by), &num, &den)) return V_FAIL;
    us = int_mul(vm, us, den);
  }
  return from_us(vm, &timedelta_type, divide_nearest(vm, us, num));
}

static Value floor_quotient(VM *vm, Value d, Value by) {
  if (int_sign(by) == 0) return rt_raise(vm, &exc_ZeroDivisionError, "integer division or modulo by zero");
  Value us = us_value(vm, d);
  return v_failed(us) ? us : from_us(vm, &timedelta_type, int_binary(vm, TINY_FLOORDIV, us, by));
}

/* Two durations by each other. */
static Value ratio(VM *vm, int op, Value a, Value b) {
  if (op == TINY_FLOORDIV || op == TINY_MOD) {
    const Timedelta *d = v_delta(b);
    if (!d->days && !d->seconds && !d->us)
      return rt_raise(vm, &exc_ZeroDivisionError, op == TINY_MOD ? "integer modulo by zero" : "integer division or modulo by zero");
  }
  Value x = us_value(vm, a), y = us_value(vm, b);
  if (v_failed(x) || v_failed(y)) return V_FAIL;
  Value r = int_binary(vm, op, x, y);
  return op == TINY_MOD ? from_us(vm, &timedelta_type, r) : r;
}

static Value binary(VM *vm, int op, Value a, Value b) {
  bool left = is_delta(a), right = is_delta(b);
  if (left && right) {
    switch (op) {
    case TINY_ADD: return delta_sum(vm, v_delta(a), v_delta(b), 1);
    case TINY_SUB: return delta_sum(vm, v_delta(a), v_delta(b), -1);
    case TINY_TRUEDIV: case TINY_FLOORDIV: case TINY_MOD: return ratio(vm, op, a, b);
    default: return V_NOTIMPL;
    }
  }
  if (op == TINY_MUL && right) return is_int(a) || is_float(a) ? times(vm, b, a) : V_NOTIMPL;
  if (!left || !(is_int(b) || is_float(b))) return V_NOTIMPL;
  if (op == TINY_MUL) return times(vm, a, b);
  if (op == TINY_TRUEDIV) return quotient(vm, a, b);
  return op == TINY_FLOORDIV && is_int(b) ? floor_quotient(vm, a, b) : V_NOTIMPL;
}

/* Only by another duration: td // int has no remainder. */
static Value divmod_of(VM *vm, Value a, Value b) {
  if (!is_delta(a) || !is_delta(b)) return V_NOTIMPL;
  Value q = ratio(vm, TINY_FLOORDIV, a, b), r = v_failed(q) ? q : ratio(vm, TINY_MOD, a, b);
  Tuple *t = v_failed(r) ? NULL : tuple_pair(vm, q, r);
  return t ? v_from_obj(t) : V_FAIL;
}
static Value m_divmod(VM *vm, Args *a) { return divmod_of(vm, a->v[0], a->v[1]); }
static Value m_rdivmod(VM *vm, Args *a) { return divmod_of(vm, a->v[1], a->v[0]); }

static Value unary(VM *vm, int op, Value a) {
  const Timedelta *d = v_delta(a);
  int sign = op == UN_NEG || (op == UN_ABS_ && d->days < 0) ? -1 : 1;
  if (op != UN_NEG && op != UN_POS && op != UN_ABS_) return V_NOTIMPL;
  return delta_new(vm, sign * (int64_t)d->days, sign * d->seconds, sign * d->us);
}

static int truth(VM *vm, Value v) {
  const Timedelta *d = v_delta(v);
  (void)vm;
  return d->days || d->seconds || d->us;
}

static Value compare(VM *vm, Value a, Value b, Compare op) {
  (void)vm;
  if (!is_delta(b)) return V_NOTIMPL;
  const Timedelta *x = v_delta(a), *y = v_delta(b);
  int c = compare_ints(x->days, y->days);
  return compared(c ? c : compare_ints(delta_clock_us(x), delta_clock_us(y)), op);
}

/* As the tuple of the three numbers. */
bool delta_hash_of(VM *vm, int64_t days, int64_t us, int64_t *out) {
  int64_t carry = floor_div(us, DAY_US);
  us -= carry * DAY_US;
  Tuple *t = tuple_new(vm, (Value[]){v_from_int62(days + carry), v_from_int62(us / SECOND_US), v_from_int62(us % SECOND_US)}, 3);
  return t && rt_hash(vm, v_from_obj(t), out);
}
static bool hash(VM *vm, Value v, int64_t *out) { return delta_hash_of(vm, v_delta(v)->days, delta_clock_us(v_delta(v)), out); }

Value delta_total_seconds(VM *vm, int64_t days, int64_t us) {
  int64_t exact = INT64_C(1) << 53;
  if (days < 100000 && days > -100000) {
    int64_t all = days * DAY_US + us;
    if (all < exact && all > -exact) return float_new(vm, (double)all / 1e6);
  }
  Value all = int_mul(vm, v_from_int62(days), v_from_int62(DAY_US));
  if (!v_failed(all)) all = int_binary(vm, TINY_ADD, all, v_from_int62(us));
  return v_failed(all) ? all : int_binary(vm, TINY_TRUEDIV, all, v_from_int62(SECOND_US));
}
static Value m_total_seconds(VM *vm, Args *a) { return delta_total_seconds(vm, v_delta(a->v[0])->days, delta_clock_us(v_delta(a->v[0]))); }

/* ---- text ---- */

static Value repr(VM *vm, Value v) {
  const Timedelta *d = v_delta(v);
  const struct { const char *name; int value; } parts[] = {{"days", d->days}, {"seconds", d->seconds}, {"microseconds", d->us}};
  Buf b;
  buf_init(&b, rt_mem(vm));
  buf_str(&b, type_of(v)->name);
  buf_char(&b, '(');
  size_t empty = b.len;
  char number[16];
  for (int i = 0; i < 3; i++) {
    if (!parts[i].value) continue;
    if (b.len > empty) buf_str(&b, ", ");
    buf_str(&b, parts[i].name);
    snprintf(number, sizeof number, "=%d", parts[i].value);
    buf_str(&b, number);
  }
  if (b.len == empty) buf_char(&b, '0');
  buf_char(&b, ')');
  return v_from_str(str_from_buf(vm, &b));
}

static Value str(VM *vm, Value v) {
  const Timedelta *d = v_delta(v);
  char text[64];
  int n = 0;
  if (d->days) n = snprintf(text, sizeof text, "%d day%s, ", d->days, d->days == 1 || d->days == -1 ? "" : "s");
  n += snprintf(text + n, sizeof text - (size_t)n, "%d:%02d:%02d", d->seconds / 3600, d->seconds / 60 % 60, d->seconds % 60);
  if (d->us) n += snprintf(text + n, sizeof text - (size_t)n, ".%06d", d->us);
  return v_from_str(str_new(vm, text, (size_t)n));
}

static Value m_reduce(VM *vm, Args *a) {
  const Timedelta *d = v_delta(a->v[0]);
  Tuple *args = tuple_new(vm, (Value[]){v_from_int62(d->days), v_from_int62(d->seconds), v_from_int62(d->us)}, 3);
  Tuple *t = args ? tuple_pair(vm, rt_type_value(type_of(a->v[0])), v_from_obj(args)) : NULL;
  return t ? v_from_obj(t) : V_FAIL;
}

static Value g_days(VM *vm, Value v) { (void)vm; return v_from_int62(v_delta(v)->days); }
static Value g_seconds(VM *vm, Value v) { (void)vm; return v_from_int62(v_delta(v)->seconds); }
static Value g_microseconds(VM *vm, Value v) { (void)vm; return v_from_int62(v_delta(v)->us); }
static const GetSet getset[] = {{"days", g_days, NULL, "Number of days."}, {"seconds", g_seconds, NULL, "Number of seconds (>= 0 and less than 1 day)."},
    {"microseconds", g_microseconds, NULL, "Number of microseconds (>= 0 and less than 1 second)."}, {0}};

static const tiny_def methods[] = {{"total_seconds", m_total_seconds, "(self, /)", "Total seconds in the duration."}, {"__divmod__", m_divmod, "(self, value, /)", "Return divmod(self, value)."},
    {"__rdivmod__", m_rdivmod, "(self, value, /)", "Return divmod(value, self)."}, {"__reduce__", m_reduce, "(self, /)", "__reduce__() -> (cls, state)"}, {0}};

const Type timedelta_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "datetime.timedelta", .module = "datetime", .base = &object_type, .layout = LAY_OTHER,
  .flags = TYPE_BASE | TYPE_BARRIER, .shape_id = TYPE_ID_timedelta, .size = sizeof(Timedelta),
  .doc = "A duration, exact to the microsecond.\n\ntimedelta(days=0, seconds=0, microseconds=0, milliseconds=0, minutes=0, hours=0, weeks=0)\n\nEach may be an int or a float, of either sign.",
  .new_ = new_, .new_sig = "(days=..., seconds=..., microseconds=..., milliseconds=..., minutes=..., hours=..., weeks=...) as __new__",
  .repr = repr, .str = str, .hash = hash, .compare = compare, .truth = truth, .binary = binary, .unary = unary, .methods = methods, .getset = getset,
};
