/* datetime.time: a time of day, with a zone perhaps. */
#include "vm/objects/datetime.h"

static Value time_new(VM *vm, const Type *cls, Clock clock, Value tz) {
  Time *t = gc_new(vm, cls, sizeof *t);
  if (!t) return V_FAIL;
  t->clock = clock;
  t->tzinfo = tz;
  return v_from_obj(t);
}
Value time_of(VM *vm, Clock clock, Value tz) { return time_new(vm, &time_type, clock, tz); }

bool clock_args(VM *vm, const Value v[4], Value fold, int f[5]) {
  for (int i = 0; i < 4; i++)
    if (!v_absent(v[i]) && !c_int_arg(vm, v[i], &f[i])) return false;
  return v_absent(fold) || c_int_arg(vm, fold, &f[4]);
}

bool check_fold(VM *vm, int fold) { return fold == 0 || fold == 1 || rt_raise_b(vm, &exc_ValueError, "fold must be either 0 or 1"); }

bool clock_of(VM *vm, const int f[5], Clock *out) {
  if (f[0] < 0 || f[0] > 23) return rt_raise_b(vm, &exc_ValueError, "hour must be in 0..23");
  if (f[1] < 0 || f[1] > 59) return rt_raise_b(vm, &exc_ValueError, "minute must be in 0..59");
  if (f[2] < 0 || f[2] > 59) return rt_raise_b(vm, &exc_ValueError, "second must be in 0..59");
  if (f[3] < 0 || f[3] > 999999) return rt_raise_b(vm, &exc_ValueError, "microsecond must be in 0..999999");
  *out = (Clock){(uint8_t)f[0], (uint8_t)f[1], (uint8_t)f[2], (uint8_t)f[4], f[3]};
  return check_fold(vm, f[4]);
}

Clock clock_from_state(const uint8_t s[6]) { return (Clock){s[0], s[1], s[2], 0, s[3] << 16 | s[4] << 8 | s[5]}; }

void clock_to_state(Clock c, uint8_t s[6]) {
  const uint8_t bytes[6] = {c.hour, c.minute, c.second, (uint8_t)(c.us >> 16), (uint8_t)(c.us >> 8), (uint8_t)c.us};
  memcpy(s, bytes, 6);
}

Value state_reduced(VM *vm, Value v, const uint8_t *s, size_t n, Value tzinfo) {
  Value state = v_from_bytes(bytes_new(vm, s, n));
  Tuple *args = v_failed(state) ? NULL : tuple_new(vm, (Value[]){state, tzinfo}, v_is_none(tzinfo) ? 1 : 2);
  Tuple *pair = args ? tuple_pair(vm, rt_type_value(type_of(v)), v_from_obj(args)) : NULL;
  return pair ? v_from_obj(pair) : V_FAIL;
}

static Value new_(VM *vm, const Type *cls, Args *a) {
  uint8_t s[6];
  Clock c = {0};
  Value tz = a->v[4];
  if (v_absent(a->v[2]) && v_absent(a->v[3]) && v_is_none(tz) && !v_absent(a->v[0])) {
    Value state = pickled_state(vm, a->v[0], 6, s);
    if (state.w == V_TRUE.w && (s[0] & 0x7F) < 24) {
      tz = v_absent(a->v[1]) ? V_NONE : a->v[1];
      if (!v_is_none(tz) && !is_a(tz, &tzinfo_type)) return rt_raise(vm, &exc_TypeError, "bad tzinfo state arg");
      uint8_t fold = s[0] >> 7;
      s[0] &= 0x7F;
      c = clock_from_state(s);
      c.fold = fold;
      return time_new(vm, cls, c, tz);
    }
  }
  int f[5] = {0};
  return clock_args(vm, a->v, a->v[5], f) && clock_of(vm, f, &c) && check_tzinfo(vm, tz) ? time_new(vm, cls, c, tz) : V_FAIL;
}

static Value m_fromisoformat(VM *vm, Args *a) {
  IsoClock iso;
  Clock c;
  Value tz;
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "fromisoformat: argument must be str");
  const Str *s = v_str(a->v[1]);
  const char *text = str_cstr(vm, v_str(a->v[1]));
  if (!text) return V_FAIL;
  size_t skip = text[0] == 'T';
  if (!iso_parse_time(text + skip, s->size - skip, &iso)) return invalid_iso(vm, a->v[1]);
  if (!iso_zone(vm, &iso, &tz)) return V_FAIL;
  if (!v_same(a->v[0], rt_type_value(&time_type)))
    return rt_tail_call(vm, a->v[0], 5, (Value[]){v_from_int62(iso.v[0]), v_from_int62(iso.v[1]), v_from_int62(iso.v[2]), v_from_int62(iso.v[3]), tz});
  return clock_of(vm, iso.v, &c) ? time_new(vm, &time_type, c, tz) : V_FAIL;
}

static Value m_replace(VM *vm, Args *a) {
  const Time *t = v_time(a->v[0]);
  Clock c = t->clock;
  int f[5] = {c.hour, c.minute, c.second, c.us, c.fold};
  Value tz = v_absent(a->v[5]) ? t->tzinfo : a->v[5];
  return clock_args(vm, a->v + 1, a->v[6], f) && check_fold(vm, f[4]) && clock_of(vm, f, &c) && check_tzinfo(vm, tz) ? time_new(vm, type_of(a->v[0]), c, tz) : V_FAIL;
}

/* ---- zones ---- */

static Value m_utcoffset(VM *vm, Args *a) { return zone_ask(vm, v_time(a->v[0])->tzinfo, NAME_utcoffset, V_NONE); }
static Value m_dst(VM *vm, Args *a) { return zone_ask(vm, v_time(a->v[0])->tzinfo, NAME_dst, V_NONE); }
static Value m_tzname(VM *vm, Args *a) { return zone_name(vm, v_time(a->v[0])->tzinfo, V_NONE); }

/* ---- text ---- */

void add_extras(VM *vm, Buf *b, Value tz, int fold) {
  if (!v_is_none(tz)) {
    buf_str(b, ", tzinfo=");
    Value text = rt_repr(vm, tz);
    if (v_failed(text)) {
      b->failed = true;
      return;
    }
    buf_add(b, v_str(text)->data, v_str(text)->size);
  }
  buf_str(b, fold ? ", fold=1)" : ")");
}

static Value repr(VM *vm, Value v) {
  const Clock c = v_time(v)->clock;
  Buf b;
  char text[64];
  buf_init(&b, rt_mem(vm));
  buf_str(&b, type_of(v)->name);
  if (c.us) snprintf(text, sizeof text, "(%d, %d, %d, %d", c.hour, c.minute, c.second, c.us);
  else if (c.second) snprintf(text, sizeof text, "(%d, %d, %d", c.hour, c.minute, c.second);
  else snprintf(text, sizeof text, "(%d, %d", c.hour, c.minute);
  buf_str(&b, text);
  add_extras(vm, &b, v_time(v)->tzinfo, c.fold);
  if (rt_pending(vm)) {
    buf_free(&b);
    return V_FAIL;
  }
  return v_from_str(str_from_buf(vm, &b));
}

static Value isoformat(VM *vm, Value v, TimeSpec spec) {
  char text[ISO_TEXT_ROOM];
  Offset offset;
  Clock c = v_time(v)->clock;
  if (!zone_offset(vm, v_time(v)->tzinfo, V_NONE, &offset)) return V_FAIL;
  char *end = put_offset(put_clock(text, c, spec), offset, ":");
  return v_from_str(str_new(vm, text, (size_t)(end - text)));
}

static Value m_isoformat(VM *vm, Args *a) {
  TimeSpec spec;
  if (!timespec_arg(vm, a->v[1], 1, &spec)) return V_FAIL;
  return spec == SPEC_UNKNOWN ? rt_raise(vm, &exc_ValueError, "Unknown timespec value") : isoformat(vm, a->v[0], spec);
}

static Value str(VM *vm, Value v) { return type_is_heap(type_of(v)) ? rt_call_method(vm, v, str_intern(vm, "isoformat", 9), 0, NULL) : isoformat(vm, v, SPEC_AUTO); }

static Value m_strftime(VM *vm, Args *a) {
  Clock c = v_time(a->v[0])->clock;
  return strftime_of(vm, a->v[0], a->v[1], &(StrftimeAbout){v_time(a->v[0])->tzinfo, V_NONE, c.us}, (int[9]){1900, 1, 1, c.hour, c.minute, c.second, 0, 1, -1});
}

/* ---- comparing ---- */

/* 1: *out is their order. 0: only unequal. -1: failed. [script] */
static int order(VM *vm, Value a, Value b, bool equality, int *out) {
  const Clock x = v_time(a)->clock, y = v_time(b)->clock;
  *out = compare_ints(clock_us(x), clock_us(y));
  if (v_same(v_time(a)->tzinfo, v_time(b)->tzinfo)) return 1;
  Value *keep = rt_temp(vm, 1), other = v_time(b)->tzinfo; /* the operands are the caller's, who keeps them */
  Offset p, q;
  if (!keep) return -1;
  *keep = other;
  if (!zone_offset(vm, v_time(a)->tzinfo, V_NONE, &p) || !zone_offset(vm, other, V_NONE, &q)) return -1;
  if (p.none && q.none) return 1;
  if (p.none || q.none) return equality ? 0 : rt_raise_i(vm, &exc_TypeError, "can't compare offset-naive and offset-aware times");
  if (p.us == q.us) return 1;
  /* as python3 compares: whole seconds with those of the offset, microseconds without */
  int64_t s = (clock_us(x) / SECOND_US) - (p.us - (p.us % SECOND_US + SECOND_US) % SECOND_US) / SECOND_US;
  int64_t t = (clock_us(y) / SECOND_US) - (q.us - (q.us % SECOND_US + SECOND_US) % SECOND_US) / SECOND_US;
  *out = s == t ? compare_ints(x.us, y.us) : compare_ints(s, t);
  return 1;
}

static Value compare(VM *vm, Value a, Value b, Compare op) {
  int c;
  if (!is_a(b, &time_type)) return V_NOTIMPL;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 2);
  if (!keep) return V_FAIL;
  keep[0] = a;
  keep[1] = b;
  int known = order(vm, a, b, op == CO_EQ || op == CO_NE, &c);
  rt_temp_release(vm, mark);
  return known < 0 ? V_FAIL : known ? compared(c, op) : v_from_bool(op == CO_NE);
}

/* Of aware times that of the time in UTC; fold plays no part. [script] */
static bool hash(VM *vm, Value v, int64_t *out) {
  Offset o;
  if (!zone_offset(vm, v_time(v)->tzinfo, V_NONE, &o)) return false;
  int64_t us = clock_us(v_time(v)->clock);
  if (!o.none) return delta_hash_of(vm, 0, us - o.us, out);
  *out = mix_hash(us);
  return true;
}

/* ---- the rest ---- */

static Value reduced(VM *vm, Value v, int protocol) {
  uint8_t s[6];
  const Time *t = v_time(v);
  clock_to_state(t->clock, s);
  if (t->clock.fold && protocol > 3) s[0] |= 0x80;
  return state_reduced(vm, v, s, sizeof s, t->tzinfo);
}
static Value m_reduce(VM *vm, Args *a) { return reduced(vm, a->v[0], 2); }
static Value m_reduce_ex(VM *vm, Args *a) {
  int protocol;
  return c_int_arg(vm, a->v[1], &protocol) ? reduced(vm, a->v[0], protocol) : V_FAIL;
}

static void trace(Tracer *t, Obj *o) { gc_mark(t, ((Time *)o)->tzinfo); }

static Value g_hour(VM *vm, Value v) { (void)vm; return v_from_int62(v_time(v)->clock.hour); }
static Value g_minute(VM *vm, Value v) { (void)vm; return v_from_int62(v_time(v)->clock.minute); }
static Value g_second(VM *vm, Value v) { (void)vm; return v_from_int62(v_time(v)->clock.second); }
static Value g_microsecond(VM *vm, Value v) { (void)vm; return v_from_int62(v_time(v)->clock.us); }
static Value g_tzinfo(VM *vm, Value v) { (void)vm; return v_time(v)->tzinfo; }
static Value g_fold(VM *vm, Value v) { (void)vm; return v_from_int62(v_time(v)->clock.fold); }
static const GetSet getset[] = {{"hour", g_hour, NULL, NULL}, {"minute", g_minute, NULL, NULL}, {"second", g_second, NULL, NULL}, {"microsecond", g_microsecond, NULL, NULL},
    {"tzinfo", g_tzinfo, NULL, NULL}, {"fold", g_fold, NULL, NULL}, {0}};

static const tiny_def methods[] = {
    {"+fromisoformat", m_fromisoformat, "(cls, time_string, /)", "The time of a text in ISO 8601 format."},
    {"isoformat", m_isoformat, "(self, timespec=...)", "The text HH:MM:SS[.ffffff][+HH:MM]. timespec: auto, hours, minutes, seconds, milliseconds or microseconds."},
    {"strftime", m_strftime, "(self, format)", "Text by a format as of time.strftime()."},
    {"__format__", date_format_m, "(self, spec, /) varargs", "Formats self with strftime."},
    {"utcoffset", m_utcoffset, "(self, /)", "The offset from UTC as a timedelta, or None."},
    {"tzname", m_tzname, "(self, /)", "The name of the time zone, or None."},
    {"dst", m_dst, "(self, /)", "What daylight saving adds, or None."},
    {"replace", m_replace, "(self, hour=..., minute=..., second=..., microsecond=..., tzinfo=..., *, fold=...)", "The time with some fields exchanged."},
    {"__reduce__", m_reduce, "(self, /)", "__reduce__() -> (cls, state)"}, {"__reduce_ex__", m_reduce_ex, "(self, protocol, /)", "__reduce_ex__(proto) -> (cls, state)"}, {0}};

const Type time_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "datetime.time", .module = "datetime", .base = &object_type, .layout = LAY_OTHER,
  .flags = TYPE_BASE | TYPE_BARRIER, .shape_id = TYPE_ID_time, .size = sizeof(Time), .trace = trace,
  .doc = "time([hour[, minute[, second[, microsecond[, tzinfo]]]]], *, fold=0): a time of day.",
  .new_ = new_, .new_sig = "(hour=..., minute=..., second=..., microsecond=..., tzinfo=None, *, fold=...) as function",
  .repr = repr, .str = str, .format = date_format, .hash = hash, .compare = compare, .methods = methods, .getset = getset,
};
