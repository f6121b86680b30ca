/* datetime.datetime: a moment, naive or with a zone. PEP 495 says what fold means: which of two equal times on the wall, when clocks are set back. */
#include "vm/objects/datetime.h"

/* ---- moments ---- */

Moment moment_of(const DateTime *dt) { return (Moment){dt->date.year, dt->date.month, dt->date.day, dt->clock, dt->tzinfo}; }

int64_t moment_us(const DateTime *dt) { return ymd_to_ordinal(dt->date.year, dt->date.month, dt->date.day) * DAY_US + clock_us(dt->clock); }

int moment_from_us(int64_t us, Moment *m) {
  int64_t days = us / DAY_US;
  if (us < 0 || days < 1 || days > MAX_ORDINAL) return 0;
  ordinal_to_ymd((int)days, &m->year, &m->month, &m->day);
  m->clock = clock_from_us(us % DAY_US);
  return 1;
}

/* ---- making ---- */

Value datetime_new(VM *vm, const Type *cls, const Moment *m) {
  DateTime *dt = cls == &datetime_type ? gc_new_leaf(vm, cls, sizeof *dt) : gc_new(vm, cls, sizeof *dt);
  if (!dt) return V_FAIL;
  dt->date.year = (uint16_t)m->year;
  dt->date.month = (uint8_t)m->month;
  dt->date.day = (uint8_t)m->day;
  dt->clock = m->clock;
  dt->tzinfo = m->tzinfo;
  dt->hash = -1;
  return v_from_obj(dt);
}

static bool is_exact_class(Value cls) { return v_same(cls, rt_type_value(&datetime_type)); }

static void class_args(const Moment *m, Value v[8]) {
  const Value fields[8] = {v_from_int62(m->year), v_from_int62(m->month), v_from_int62(m->day), v_from_int62(m->clock.hour), v_from_int62(m->clock.minute), v_from_int62(m->clock.second),
      v_from_int62(m->clock.us), m->tzinfo};
  memcpy(v, fields, sizeof fields);
}

static Value make_exact(VM *vm, const Moment *m) {
  return check_ymd(vm, m->year, m->month, m->day) ? datetime_new(vm, &datetime_type, m) : V_FAIL; /* the clock is right in all that come here */
}

/* A script's class is not told of fold, as python3 has it. */
Value datetime_make_now(VM *vm, Value cls, const Moment *m) {
  Value v[8];
  if (is_exact_class(cls)) return make_exact(vm, m);
  class_args(m, v);
  return rt_call(vm, cls, 8, v);
}

Value datetime_make(VM *vm, Value cls, const Moment *m) {
  Value v[8];
  if (is_exact_class(cls)) return make_exact(vm, m);
  class_args(m, v);
  return rt_tail_call(vm, cls, 8, v);
}

Value datetime_add_us(VM *vm, Value dt, int64_t days, int64_t us, bool now) {
  Moment m = {.tzinfo = v_datetime(dt)->tzinfo};
  if (days > MAX_ORDINAL || days < -MAX_ORDINAL || !moment_from_us(moment_us(v_datetime(dt)) + days * DAY_US + us, &m)) return rt_raise(vm, &exc_OverflowError, "date value out of range");
  if (type_of(dt) == &datetime_type) return datetime_new(vm, &datetime_type, &m);
  Value cls = rt_type_value(type_of(dt));
  return now ? datetime_make_now(vm, cls, &m) : datetime_make(vm, cls, &m);
}

Value datetime_replaced(VM *vm, Value dt, const Moment *m) { return datetime_new(vm, type_of(dt), m); }

/* 1: a pickled moment; 0: not; -1: failed. */
static int unpickle(VM *vm, const Value *v, Moment *m) {
  uint8_t s[10];
  for (int i = 2; i < 9; i++)
    if (!v_absent(v[i])) return 0;
  if (pickled_state(vm, v[0], 10, s).w != V_TRUE.w || (s[2] & 0x7F) < 1 || (s[2] & 0x7F) > 12) return 0;
  Value tz = v_absent(v[1]) ? V_NONE : v[1];
  if (!v_is_none(tz) && !is_a(tz, &tzinfo_type)) return rt_raise_i(vm, &exc_TypeError, "bad tzinfo state arg");
  *m = (Moment){s[0] * 256 + s[1], s[2] & 0x7F, s[3], clock_from_state(s + 4), tz};
  m->clock.fold = s[2] >> 7;
  return 1;
}

static Value new_(VM *vm, const Type *cls, Args *a) {
  static const char *const missing[] = {"", "month", "day"};
  int f[3];
  Moment m;
  int pickled = unpickle(vm, a->v, &m);
  if (pickled) return pickled < 0 ? V_FAIL : datetime_new(vm, cls, &m);
  for (int i = 0; i < 3; i++) {
    if (v_absent(a->v[i])) return rt_raise(vm, &exc_TypeError, "function missing required argument '%s' (pos %d)", missing[i], i + 1);
    if (!c_int_arg(vm, a->v[i], &f[i])) return V_FAIL;
  }
  int clock[5] = {0};
  m.tzinfo = v_absent(a->v[7]) ? V_NONE : a->v[7];
  if (!clock_args(vm, a->v + 3, a->v[8], clock) || !check_ymd(vm, f[0], f[1], f[2]) || !clock_of(vm, clock, &m.clock) || !check_tzinfo(vm, m.tzinfo)) return V_FAIL;
  m.year = f[0];
  m.month = f[1];
  m.day = f[2];
  return datetime_new(vm, cls, &m);
}

static Value m_combine(VM *vm, Args *a) {
  Value d = a->v[1], t = a->v[2];
  if (!is_date(d)) return rt_raise(vm, &exc_TypeError, "combine() argument 1 must be datetime.date, not %s", v_is_none(d) ? "None" : type_of(d)->name);
  if (!is_a(t, &time_type)) return rt_raise(vm, &exc_TypeError, "combine() argument 2 must be datetime.time, not %s", v_is_none(t) ? "None" : type_of(t)->name);
  Moment m = {v_date(d)->year, v_date(d)->month, v_date(d)->day, v_time(t)->clock, v_absent(a->v[3]) ? v_time(t)->tzinfo : a->v[3]};
  if (is_exact_class(a->v[0]) && !check_tzinfo(vm, m.tzinfo)) return V_FAIL;
  return datetime_make(vm, a->v[0], &m);
}

static Value m_fromisoformat(VM *vm, Args *a) {
  int f[3];
  IsoClock iso = {0};
  Moment m = {0};
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "fromisoformat: argument must be str");
  const char *text = str_cstr(vm, v_str(a->v[1]));
  size_t n = v_str(a->v[1])->size;
  if (!text) return V_FAIL;
  if (n < 7) return invalid_iso(vm, a->v[1]);
  size_t end = iso_date_end(text, n);
  if (end > n || !iso_parse_date(text, end, f)) return invalid_iso(vm, a->v[1]);
  if (end < n) {
    const char *p = text + end + 1; /* any one character stands between date and time */
    while (p < text + n && ((unsigned char)*p & 0xC0) == 0x80) p++;
    if (!iso_parse_time(p, (size_t)(text + n - p), &iso)) return invalid_iso(vm, a->v[1]);
  }
  if (!iso_zone(vm, &iso, &m.tzinfo)) return V_FAIL;
  if (!is_exact_class(a->v[0])) {
    Value v[8] = {v_from_int62(f[0]), v_from_int62(f[1]), v_from_int62(f[2]), v_from_int62(iso.v[0]), v_from_int62(iso.v[1]), v_from_int62(iso.v[2]), v_from_int62(iso.v[3]), m.tzinfo};
    return rt_tail_call(vm, a->v[0], 8, v);
  }
  m = (Moment){f[0], f[1], f[2], {0}, m.tzinfo};
  return check_ymd(vm, f[0], f[1], f[2]) && clock_of(vm, iso.v, &m.clock) ? datetime_new(vm, &datetime_type, &m) : V_FAIL;
}

static Value m_strptime(VM *vm, Args *a) { return rt_tail_builtin(vm, "_datetime_strptime", 3, a->v); }

/* ---- parts ---- */

static Value m_date(VM *vm, Args *a) {
  const Date *d = v_date(a->v[0]);
  return date_new(vm, &date_type, d->year, d->month, d->day);
}
static Value m_time(VM *vm, Args *a) { return time_of(vm, v_datetime(a->v[0])->clock, V_NONE); }
static Value m_timetz(VM *vm, Args *a) { return time_of(vm, v_datetime(a->v[0])->clock, v_datetime(a->v[0])->tzinfo); }

static void time_fields(const Moment *m, int dst, int v[9]) {
  int ordinal = ymd_to_ordinal(m->year, m->month, m->day);
  int fields[9] = {m->year, m->month, m->day, m->clock.hour, m->clock.minute, m->clock.second, (ordinal + 6) % 7, ordinal - ymd_to_ordinal(m->year, 1, 1) + 1, dst};
  memcpy(v, fields, sizeof fields);
}

/* With the flag of daylight saving, which the zone knows. [script] */
static bool local_fields(VM *vm, Value v, int out[9]) {
  Moment m = moment_of(v_datetime(v));
  Value dst = zone_ask(vm, m.tzinfo, NAME_dst, v);
  if (v_failed(dst)) return false;
  bool none = v_is_none(dst);
  time_fields(&m, none ? -1 : v_delta(dst)->days || v_delta(dst)->seconds || v_delta(dst)->us, out);
  return true;
}

static Value m_timetuple(VM *vm, Args *a) {
  int v[9];
  return local_fields(vm, a->v[0], v) ? struct_time_call(vm, v) : V_FAIL;
}

static Value m_utctimetuple(VM *vm, Args *a) {
  Offset o;
  int v[9];
  DateTime *dt = v_datetime(a->v[0]);
  if (!zone_offset(vm, dt->tzinfo, a->v[0], &o)) return V_FAIL;
  Moment m = moment_of(dt);
  if (!o.none && !moment_from_us(moment_us(dt) - o.us, &m)) return rt_raise(vm, &exc_OverflowError, "date value out of range");
  time_fields(&m, 0, v);
  return struct_time_call(vm, v);
}

static Value m_replace(VM *vm, Args *a) {
  Moment m = moment_of(v_datetime(a->v[0]));
  int *const fields[3] = {&m.year, &m.month, &m.day};
  int clock[5] = {m.clock.hour, m.clock.minute, m.clock.second, m.clock.us, m.clock.fold};
  for (int i = 0; i < 3; i++)
    if (!v_absent(a->v[i + 1]) && !c_int_arg(vm, a->v[i + 1], fields[i])) return V_FAIL;
  if (!v_absent(a->v[8])) m.tzinfo = a->v[8];
  if (!clock_args(vm, a->v + 4, a->v[9], clock) || !check_fold(vm, clock[4])) return V_FAIL;
  if (!check_ymd(vm, m.year, m.month, m.day) || !clock_of(vm, clock, &m.clock) || !check_tzinfo(vm, m.tzinfo)) return V_FAIL;
  return datetime_replaced(vm, a->v[0], &m);
}

static Value m_utcoffset(VM *vm, Args *a) { return zone_ask(vm, v_datetime(a->v[0])->tzinfo, NAME_utcoffset, a->v[0]); }
static Value m_dst(VM *vm, Args *a) { return zone_ask(vm, v_datetime(a->v[0])->tzinfo, NAME_dst, a->v[0]); }
static Value m_tzname(VM *vm, Args *a) { return zone_name(vm, v_datetime(a->v[0])->tzinfo, a->v[0]); }

/* ---- text ---- */

static Value repr(VM *vm, Value v) {
  Moment m = moment_of(v_datetime(v));
  const Clock c = m.clock;
  Buf b;
  char text[96];
  buf_init(&b, rt_mem(vm));
  buf_str(&b, type_of(v)->name);
  int n = snprintf(text, sizeof text, "(%d, %d, %d, %d, %d", m.year, m.month, m.day, c.hour, c.minute);
  if (c.us) snprintf(text + n, sizeof text - (size_t)n, ", %d, %d", c.second, c.us);
  else if (c.second) snprintf(text + n, sizeof text - (size_t)n, ", %d", c.second);
  buf_str(&b, text);
  if (c.fold) buf_str(&b, ", fold=1");
  add_extras(vm, &b, m.tzinfo, 0);
  if (rt_pending(vm)) {
    buf_free(&b);
    return V_FAIL;
  }
  return v_from_str(str_from_buf(vm, &b));
}

/* [script] */
static Value isoformat(VM *vm, Value v, const char *sep, size_t sep_size, TimeSpec spec) {
  char text[ISO_TEXT_ROOM];
  Offset offset;
  const DateTime *dt = v_datetime(v);
  char *p = put_date(text, &dt->date);
  memcpy(p, sep, sep_size);
  p = put_clock(p + sep_size, dt->clock, spec);
  if (!zone_offset(vm, dt->tzinfo, v, &offset)) return V_FAIL;
  p = put_offset(p, offset, ":");
  return v_from_str(str_new(vm, text, (size_t)(p - text)));
}

static Value m_isoformat(VM *vm, Args *a) {
  TimeSpec spec;
  Value sep = a->v[1];
  if (!v_absent(sep) && (!is_str(sep) || v_str(sep)->length != 1)) return rt_raise(vm, &exc_TypeError, "isoformat() argument 1 must be a unicode character, not %s", v_is_none(sep) ? "None" : type_of(sep)->name);
  if (!timespec_arg(vm, a->v[2], 2, &spec)) return V_FAIL;
  if (spec == SPEC_UNKNOWN) return rt_raise(vm, &exc_ValueError, "Unknown timespec value");
  return v_absent(sep) ? isoformat(vm, a->v[0], "T", 1, spec) : isoformat(vm, a->v[0], v_str(sep)->data, v_str(sep)->size, spec);
}

static Value str(VM *vm, Value v) {
  if (!type_is_heap(type_of(v))) return isoformat(vm, v, " ", 1, SPEC_AUTO);
  Str *name = str_intern(vm, "isoformat", 9); /* a script's class may have made it anew */
  Value *keep = name ? rt_temp(vm, 2) : NULL;
  if (!keep) return V_FAIL;
  keep[0] = v;
  keep[1] = v_from_str(str_new(vm, " ", 1));
  return v_failed(keep[1]) ? V_FAIL : rt_call_method(vm, v, name, 1, &keep[1]);
}

static Value m_ctime(VM *vm, Args *a) {
  Moment m = moment_of(v_datetime(a->v[0]));
  char text[ISO_TEXT_ROOM];
  int weekday = (ymd_to_ordinal(m.year, m.month, m.day) + 6) % 7;
  int n = snprintf(text, sizeof text, "%s %s %2d %02d:%02d:%02d %04d", day_names[weekday], month_names[m.month - 1], m.day, m.clock.hour, m.clock.minute, m.clock.second, m.year);
  return v_from_str(str_new(vm, text, (size_t)n));
}

static Value m_strftime(VM *vm, Args *a) {
  int v[9];
  const DateTime *dt = v_datetime(a->v[0]);
  return local_fields(vm, a->v[0], v) ? strftime_of(vm, a->v[0], a->v[1], &(StrftimeAbout){dt->tzinfo, a->v[0], dt->clock.us}, v) : V_FAIL;
}

/* ---- comparing ---- */

/* Does the offset depend on fold? Such moments equal none of another zone (PEP 495). -1: failed. [script] */
static int in_fold(VM *vm, Value v, const Offset *now) {
  Moment m = moment_of(v_datetime(v));
  Offset other;
  if (v_is_none(m.tzinfo) || v_is_exact(m.tzinfo, &timezone_type)) return 0;
  m.clock.fold = !m.clock.fold;
  Value *keep = rt_temp(vm, 1), flipped = datetime_replaced(vm, v, &m);
  if (!keep || v_failed(flipped)) return -1;
  *keep = flipped;
  if (!zone_offset(vm, m.tzinfo, flipped, &other)) return -1;
  return other.none != now->none || other.us != now->us;
}

/* 1: *out is their order. 0: only unequal. -1: failed. [script]; the operands are kept by the caller */
static int order(VM *vm, Value a, Value b, bool equality, int *out) {
  const DateTime *x = v_datetime(a), *y = v_datetime(b);
  *out = compare_ints(moment_us(x), moment_us(y));
  if (v_same(x->tzinfo, y->tzinfo)) return 1;
  Offset p, q;
  if (!zone_offset(vm, x->tzinfo, a, &p) || !zone_offset(vm, y->tzinfo, b, &q)) return -1;
  if (p.none != q.none) return equality ? 0 : rt_raise_i(vm, &exc_TypeError, "can't compare offset-naive and offset-aware datetimes");
  if (!p.none) *out = compare_ints(moment_us(x) - p.us, moment_us(y) - q.us);
  if (*out || !equality) return 1;
  int folded = in_fold(vm, a, &p);
  if (folded == 0) folded = in_fold(vm, b, &q);
  return folded < 0 ? -1 : !folded;
}

static Value compare(VM *vm, Value a, Value b, Compare op) {
  int c;
  bool equality = op == CO_EQ || op == CO_NE;
  if (!is_datetime(b)) {
    if (!is_date(b)) return V_NOTIMPL;
    return equality ? v_from_bool(op == CO_NE) : rt_raise(vm, &exc_TypeError, "can't compare %T to %T", a, b);
  }
  if (v_same(v_datetime(a)->tzinfo, v_datetime(b)->tzinfo)) return compared(compare_ints(moment_us(v_datetime(a)), moment_us(v_datetime(b))), op);
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2);
  if (!keep) return V_FAIL;
  keep[0] = a;
  keep[1] = b;
  int known = order(vm, a, b, equality, &c);
  rt_temp_release(vm, mark);
  return known < 0 ? V_FAIL : known ? compared(c, op) : v_from_bool(op == CO_NE);
}

/* Of aware moments that of the same moment in UTC, with fold 0. [script] */
static bool new_hash(VM *vm, Value v, int64_t *out) {
  Offset o = {.none = true};
  Moment m = moment_of(v_datetime(v));
  if (!v_is_none(m.tzinfo)) {
    size_t mark = rt_temp_mark(vm);
    Value *keep = rt_temp(vm, 1);
    if (!keep) return false;
    *keep = v;
    if (m.clock.fold) {
      m.clock.fold = 0;
      *keep = datetime_replaced(vm, v, &m);
      if (v_failed(*keep)) return false;
    }
    bool ok = zone_offset(vm, m.tzinfo, *keep, &o);
    rt_temp_release(vm, mark);
    if (!ok) return false;
  }
  int ordinal = ymd_to_ordinal(m.year, m.month, m.day);
  int64_t us = clock_us(m.clock);
  if (!o.none) return delta_hash_of(vm, ordinal, us - o.us, out);
  *out = mix_hash(ordinal * DAY_US + us);
  return true;
}

static bool hash(VM *vm, Value v, int64_t *out) {
  if (v_datetime(v)->hash == -1) {
    if (!new_hash(vm, v, out)) return false;
    v_datetime(v)->hash = *out;
  }
  *out = v_datetime(v)->hash;
  return true;
}

/* ---- arithmetic ---- */

/* a - b of two moments. [script] */
static Value difference(VM *vm, Value a, Value b) {
  const DateTime *x = v_datetime(a), *y = v_datetime(b);
  int64_t us = moment_us(x) - moment_us(y);
  if (v_same(x->tzinfo, y->tzinfo)) return delta_new(vm, 0, 0, us);
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2);
  Offset p, q;
  if (!keep) return V_FAIL;
  keep[0] = a;
  keep[1] = b;
  bool ok = zone_offset(vm, x->tzinfo, a, &p) && zone_offset(vm, y->tzinfo, b, &q);
  rt_temp_release(vm, mark);
  if (!ok) return V_FAIL;
  if (p.none != q.none) return rt_raise(vm, &exc_TypeError, "can't subtract offset-naive and offset-aware datetimes");
  return delta_new(vm, 0, 0, p.none ? us : us - p.us + q.us);
}

static Value add(VM *vm, Value dt, Value delta, int sign) {
  const Timedelta *d = v_delta(delta);
  return datetime_add_us(vm, dt, sign * (int64_t)d->days, sign * delta_clock_us(d), false);
}

static Value binary(VM *vm, int op, Value a, Value b) {
  bool left = is_datetime(a);
  if (op == TINY_ADD) {
    if (left) return is_delta(b) ? add(vm, a, b, 1) : V_NOTIMPL;
    return is_delta(a) ? add(vm, b, a, 1) : V_NOTIMPL;
  }
  if (op != TINY_SUB || !left) return V_NOTIMPL;
  return is_datetime(b) ? difference(vm, a, b) : is_delta(b) ? add(vm, a, b, -1) : V_NOTIMPL;
}

/* ---- the rest ---- */

static Value reduced(VM *vm, Value v, int protocol) {
  uint8_t s[10];
  const DateTime *dt = v_datetime(v);
  s[0] = (uint8_t)(dt->date.year >> 8);
  s[1] = (uint8_t)dt->date.year;
  s[2] = (uint8_t)(dt->date.month | (dt->clock.fold && protocol > 3 ? 0x80 : 0));
  s[3] = dt->date.day;
  clock_to_state(dt->clock, s + 4);
  return state_reduced(vm, v, s, sizeof s, dt->tzinfo);
}
static Value m_reduce(VM *vm, Args *a) { return reduced(vm, a->v[0], 2); }
static Value m_reduce_ex(VM *vm, Args *a) {
  int protocol;
  return c_int_arg(vm, a->v[1], &protocol) ? reduced(vm, a->v[0], protocol) : V_FAIL;
}

static void trace(Tracer *t, Obj *o) { gc_mark(t, ((DateTime *)o)->tzinfo); }

static Value g_hour(VM *vm, Value v) { (void)vm; return v_from_int62(v_datetime(v)->clock.hour); }
static Value g_minute(VM *vm, Value v) { (void)vm; return v_from_int62(v_datetime(v)->clock.minute); }
static Value g_second(VM *vm, Value v) { (void)vm; return v_from_int62(v_datetime(v)->clock.second); }
static Value g_microsecond(VM *vm, Value v) { (void)vm; return v_from_int62(v_datetime(v)->clock.us); }
static Value g_tzinfo(VM *vm, Value v) { (void)vm; return v_datetime(v)->tzinfo; }
static Value g_fold(VM *vm, Value v) { (void)vm; return v_from_int62(v_datetime(v)->clock.fold); }
static const GetSet getset[] = {{"hour", g_hour, NULL, NULL}, {"minute", g_minute, NULL, NULL}, {"second", g_second, NULL, NULL}, {"microsecond", g_microsecond, NULL, NULL},
    {"tzinfo", g_tzinfo, NULL, NULL}, {"fold", g_fold, NULL, NULL}, {0}};

static const tiny_def methods[] = {
    {"+now", m_now, "(cls, /, tz=None)", "The current time, local or in the zone tz."},
    {"+utcnow", m_utcnow, "(cls, /)", "The current time in UTC, without a zone."},
    {"+fromtimestamp", m_fromtimestamp, "(cls, /, timestamp, tz=None)", "The local time of a number of seconds since 1970, or the time in the zone tz."},
    {"+utcfromtimestamp", m_utcfromtimestamp, "(cls, timestamp, /)", "The time in UTC, without a zone, of a number of seconds since 1970."},
    {"+strptime", m_strptime, "(cls, date_string, format, /) varargs", "The moment that a text shows in a given format, as of time.strptime()."},
    {"+combine", m_combine, "(cls, /, date, time, tzinfo=...)", "A date and a time put together."},
    {"+fromisoformat", m_fromisoformat, "(cls, date_string, /)", "The moment of a text in ISO 8601 format."},
    {"date", m_date, "(self, /)", "The date."},
    {"time", m_time, "(self, /)", "The time of day, without the zone."},
    {"timetz", m_timetz, "(self, /)", "The time of day, with the zone."},
    {"ctime", m_ctime, "(self, /)", "The text that time.ctime() makes."},
    {"timetuple", m_timetuple, "(self, /)", "The time tuple for time.localtime()'s friends."},
    {"timestamp", m_timestamp, "(self, /)", "Seconds since 1970, as a float."},
    {"utctimetuple", m_utctimetuple, "(self, /)", "The time tuple in UTC."},
    {"isoformat", m_isoformat, "(self, sep=..., timespec=...)", "The text YYYY-MM-DDTHH:MM:SS[.ffffff][+HH:MM]. timespec: auto, hours, minutes, seconds, milliseconds or microseconds."},
    {"strftime", m_strftime, "(self, format)", "Text by a format as of time.strftime()."},
    {"utcoffset", m_utcoffset, "(self, /)", "The offset from UTC as a timedelta, or None."},
    {"tzname", m_tzname, "(self, /)", "The name of the time zone, or None."},
    {"dst", m_dst, "(self, /)", "What daylight saving adds, or None."},
    {"replace", m_replace, "(self, year=..., month=..., day=..., hour=..., minute=..., second=..., microsecond=..., tzinfo=..., *, fold=...)", "The moment with some fields exchanged."},
    {"astimezone", m_astimezone, "(self, tz=None)", "The same moment in another zone; None: the local one."},
    {"__reduce__", m_reduce, "(self, /)", "__reduce__() -> (cls, state)"}, {"__reduce_ex__", m_reduce_ex, "(self, protocol, /)", "__reduce_ex__(proto) -> (cls, state)"}, {0}};

const Type datetime_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "datetime.datetime", .module = "datetime", .base = &date_type, .layout = LAY_OTHER,
  .flags = TYPE_BASE | TYPE_BARRIER, .shape_id = TYPE_ID_datetime, .size = sizeof(DateTime), .trace = trace,
  .doc = "datetime(year, month, day[, hour[, minute[, second[, microsecond[, tzinfo]]]]], *, fold=0): a moment.",
  .new_ = new_, .new_sig = "(year, month=..., day=..., hour=..., minute=..., second=..., microsecond=..., tzinfo=..., *, fold=...) as function",
  .repr = repr, .str = str, .format = date_format, .hash = hash, .compare = compare, .binary = binary, .methods = methods, .getset = getset,
};
