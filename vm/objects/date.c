/* datetime.date, and what date, time and datetime share: the reading of arguments, formats. */
#include "vm/objects/datetime.h"

const char *const day_names[7] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
const char *const month_names[12] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* ---- shared ---- */

int compare_ints(int64_t a, int64_t b) { return (a > b) - (a < b); }

/* Numbers of microseconds end in many zero bits. */
int64_t mix_hash(int64_t n) {
  uint64_t h = (uint64_t)n * UINT64_C(0x9E3779B97F4A7C15);
  int64_t r = (int64_t)(h ^ h >> 32);
  return r == -1 ? -2 : r;
}

bool c_int_arg(VM *vm, Value v, int *out) {
  int64_t i;
  if (!is_int(v)) v = rt_index_obj(vm, v);
  if (v_failed(v)) return false;
  if (!int_to_i64(v, &i)) return rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C long");
  if (i > INT32_MAX) return rt_raise_b(vm, &exc_OverflowError, "signed integer is greater than maximum");
  if (i < INT32_MIN) return rt_raise_b(vm, &exc_OverflowError, "signed integer is less than minimum");
  *out = (int)i;
  return true;
}

bool check_ymd(VM *vm, int year, int month, int day) {
  if (year < 1 || year > 9999) return rt_raise_b(vm, &exc_ValueError, "year %d is out of range", year);
  if (month < 1 || month > 12) return rt_raise_b(vm, &exc_ValueError, "month must be in 1..12");
  return (day >= 1 && day <= month_days(year, month)) || rt_raise_b(vm, &exc_ValueError, "day is out of range for month");
}

bool check_tzinfo(VM *vm, Value tz) {
  if (v_is_none(tz) || is_a(tz, &tzinfo_type)) return true;
  return rt_raise_b(vm, &exc_TypeError, "tzinfo argument must be None or of a tzinfo subclass, not type '%T'", tz);
}

Value pickled_state(VM *vm, Value v, size_t size, uint8_t *out) {
  View view;
  if (is_bytes(v)) {
    if (!bytes_view(v, &view) || view.size != size) return V_FALSE;
    memcpy(out, view.data, size);
    return V_TRUE;
  }
  if (!is_str(v) || v_str(v)->length != size) return V_FALSE; /* what Python 2 wrote, read as Latin-1 */
  const char *p = v_str(v)->data;
  (void)vm;
  for (size_t i = 0; i < size; i++) {
    uint32_t c = utf8_decode(p, &p);
    if (c > 255) return V_FALSE;
    out[i] = (uint8_t)c;
  }
  return V_TRUE;
}

Value struct_time_call(VM *vm, const int v[9]) {
  Value items[9];
  for (int i = 0; i < 9; i++) items[i] = v_from_int62(v[i]);
  Tuple *t = tuple_new(vm, items, 9);
  Value arg = t ? v_from_obj(t) : V_FAIL;
  return t ? rt_tail_builtin(vm, "_datetime_struct_time", 1, &arg) : V_FAIL;
}

/* ---- making ---- */

Value date_new(VM *vm, const Type *cls, int year, int month, int day) {
  Date *d = cls == &date_type ? gc_new_leaf(vm, cls, sizeof *d) : gc_new(vm, cls, sizeof *d);
  if (!d) return V_FAIL;
  d->year = (uint16_t)year;
  d->month = (uint8_t)month;
  d->day = (uint8_t)day;
  return v_from_obj(d);
}

Value date_make(VM *vm, Value cls, int year, int month, int day) {
  if (v_same(cls, rt_type_value(&date_type))) return check_ymd(vm, year, month, day) ? date_new(vm, &date_type, year, month, day) : V_FAIL;
  if (v_same(cls, rt_type_value(&datetime_type))) return datetime_make(vm, cls, &(Moment){.year = year, .month = month, .day = day, .tzinfo = V_NONE});
  return rt_tail_call(vm, cls, 3, (Value[]){v_from_int62(year), v_from_int62(month), v_from_int62(day)});
}

static Value new_(VM *vm, const Type *cls, Args *a) {
  uint8_t s[4];
  int f[3];
  static const char *const missing[] = {"", "month", "day"};
  if (v_absent(a->v[1]) && v_absent(a->v[2])) {
    Value state = pickled_state(vm, a->v[0], 4, s);
    if (state.w == V_TRUE.w && s[2] >= 1 && s[2] <= 12) return date_new(vm, cls, s[0] * 256 + s[1], s[2], s[3]);
  }
  for (int i = 0; i < 3; i++) {
    if (v_absent(a->v[i])) return rt_raise(vm, &exc_TypeError, "function missing required argument '%s' (pos %d)", missing[i], i + 1);
    if (!c_int_arg(vm, a->v[i], &f[i])) return V_FAIL;
  }
  return check_ymd(vm, f[0], f[1], f[2]) ? date_new(vm, cls, f[0], f[1], f[2]) : V_FAIL;
}

static Value m_fromordinal(VM *vm, Args *a) {
  int n, y, m, d;
  if (!c_int_arg(vm, a->v[1], &n)) return V_FAIL;
  if (n < 1) return rt_raise(vm, &exc_ValueError, "ordinal must be >= 1");
  if (n > MAX_ORDINAL) { /* the year is wanted for the message alone: cycles of 400 years */
    int cycles = (n - 1) / 146097;
    ordinal_to_ymd(n - cycles * 146097, &y, &m, &d);
    return rt_raise(vm, &exc_ValueError, "year %d is out of range", y + cycles * 400);
  }
  ordinal_to_ymd(n, &y, &m, &d);
  return date_make(vm, a->v[0], y, m, d);
}

static Value m_fromisoformat(VM *vm, Args *a) {
  int f[3];
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "fromisoformat: argument must be str");
  const Str *s = v_str(a->v[1]);
  const char *text = str_cstr(vm, v_str(a->v[1]));
  if (!text) return V_FAIL;
  if ((s->size != 7 && s->size != 8 && s->size != 10) || !iso_parse_date(text, s->size, f)) return invalid_iso(vm, a->v[1]);
  return date_make(vm, a->v[0], f[0], f[1], f[2]);
}

static Value m_fromisocalendar(VM *vm, Args *a) {
  int f[3], y = 0, m = 0, d = 0;
  for (int i = 0; i < 3; i++) {
    if (c_int_arg(vm, a->v[i + 1], &f[i])) continue;
    if (!rt_pending_is(vm, &exc_OverflowError)) return V_FAIL;
    rt_take_exc(vm);
    return rt_raise(vm, &exc_ValueError, "ISO calendar component out of range");
  }
  switch (iso_to_ymd(f[0], f[1], f[2], &y, &m, &d)) {
  case ISO_YEAR: return rt_raise(vm, &exc_ValueError, "Year is out of range: %d", f[0]);
  case ISO_WEEK: return rt_raise(vm, &exc_ValueError, "Invalid week: %d", f[1]);
  case ISO_DAY: return rt_raise(vm, &exc_ValueError, "Invalid day: %d (range is [1, 7])", f[2]);
  default: return date_make(vm, a->v[0], y, m, d);
  }
}

/* ---- parts ---- */

static int ordinal_of(const Date *d) { return ymd_to_ordinal(d->year, d->month, d->day); }
static int weekday_of(const Date *d) { return (ordinal_of(d) + 6) % 7; }

static Value m_toordinal(VM *vm, Args *a) { (void)vm; return v_from_int62(ordinal_of(v_date(a->v[0]))); }
static Value m_weekday(VM *vm, Args *a) { (void)vm; return v_from_int62(weekday_of(v_date(a->v[0]))); }
static Value m_isoweekday(VM *vm, Args *a) { (void)vm; return v_from_int62(weekday_of(v_date(a->v[0])) + 1); }

/* The class of what isocalendar gives: a tuple with names, made in the library. */
static const Type *iso_class(VM *vm) {
  DateState *s = date_state(vm);
  if (!s) return NULL;
  if (v_absent(s->iso_class)) {
    Value cls = rt_call_builtin(vm, "_datetime_iso_class", 0, NULL);
    if (v_failed(cls)) return NULL;
    if (!class_set_text_name(vm, type_class((const Type *)v_obj(cls)), "datetime.IsoCalendarDate")) return NULL;
    type_class((const Type *)v_obj(cls))->t.flags &= ~(uint32_t)TYPE_BASE;
    s->iso_class = cls;
  }
  return (const Type *)v_obj(s->iso_class);
}

static Value m_isocalendar(VM *vm, Args *a) {
  int year, week, day;
  const Date *d = v_date(a->v[0]);
  ordinal_to_iso(d->year, ordinal_of(d), &year, &week, &day);
  const Type *cls = iso_class(vm);
  Tuple *t = cls ? tuple_new_of(vm, cls, (Value[]){v_from_int62(year), v_from_int62(week), v_from_int62(day)}, 3) : NULL;
  return t ? v_from_obj(t) : V_FAIL;
}

static void date_fields(const Date *d, int v[9]) {
  int fields[9] = {d->year, d->month, d->day, 0, 0, 0, weekday_of(d), ordinal_of(d) - ymd_to_ordinal(d->year, 1, 1) + 1, -1};
  memcpy(v, fields, sizeof fields);
}

static Value m_timetuple(VM *vm, Args *a) {
  int v[9];
  date_fields(v_date(a->v[0]), v);
  return struct_time_call(vm, v);
}

static Value m_replace(VM *vm, Args *a) {
  const Date *d = v_date(a->v[0]);
  int f[3] = {d->year, d->month, d->day};
  for (int i = 0; i < 3; i++)
    if (!v_absent(a->v[i + 1]) && !c_int_arg(vm, a->v[i + 1], &f[i])) return V_FAIL;
  return check_ymd(vm, f[0], f[1], f[2]) ? date_new(vm, type_of(a->v[0]), f[0], f[1], f[2]) : V_FAIL;
}

/* ---- text ---- */

static Value repr(VM *vm, Value v) {
  const Date *d = v_date(v);
  return rt_format(vm, "%s(%d, %d, %d)", type_of(v)->name, d->year, d->month, d->day);
}

static Value isoformat(VM *vm, Value v) {
  char text[ISO_TEXT_ROOM];
  return v_from_str(str_new(vm, text, (size_t)(put_date(text, v_date(v)) - text)));
}
static Value m_isoformat(VM *vm, Args *a) { return isoformat(vm, a->v[0]); }

/* str() goes through isoformat, which a script's class may have made anew. [script] */
static Value str(VM *vm, Value v) { return type_is_heap(type_of(v)) ? rt_call_method(vm, v, str_intern(vm, "isoformat", 9), 0, NULL) : isoformat(vm, v); }

static Value m_ctime(VM *vm, Args *a) {
  const Date *d = v_date(a->v[0]);
  char text[ISO_TEXT_ROOM];
  int n = snprintf(text, sizeof text, "%s %s %2d 00:00:00 %04d", day_names[weekday_of(d)], month_names[d->month - 1], d->day, d->year);
  return v_from_str(str_new(vm, text, (size_t)n));
}

static Value m_strftime(VM *vm, Args *a) {
  int v[9];
  date_fields(v_date(a->v[0]), v);
  return strftime_of(vm, a->v[0], a->v[1], &(StrftimeAbout){V_NONE, V_NONE, 0}, v);
}

/* ---- comparing and arithmetic. A datetime knows better, though it is a date ---- */

static bool is_plain_date(Value v) { return is_date(v) && !is_datetime(v); }

static Value compare(VM *vm, Value a, Value b, Compare op) {
  (void)vm;
  if (!is_date(b) || (is_datetime(b) && rt_is_subtype(type_of(b), type_of(a)))) return V_NOTIMPL; /* of a class derived from a's: it is asked first */
  const Date *x = v_date(a), *y = v_date(b);
  return compared(compare_ints(x->year << 16 | x->month << 8 | x->day, y->year << 16 | y->month << 8 | y->day), op);
}

static bool hash(VM *vm, Value v, int64_t *out) {
  (void)vm;
  *out = mix_hash(ordinal_of(v_date(v)));
  return true;
}

static Value add_days(VM *vm, Value v, int days) {
  int64_t n = (int64_t)ordinal_of(v_date(v)) + days;
  int y, m, d;
  if (n < 1 || n > MAX_ORDINAL) return rt_raise(vm, &exc_OverflowError, "date value out of range");
  ordinal_to_ymd((int)n, &y, &m, &d);
  return date_make(vm, rt_type_value(type_of(v)), y, m, d);
}

static Value binary(VM *vm, int op, Value a, Value b) {
  if (op == TINY_ADD) {
    if (is_plain_date(a) && is_delta(b)) return add_days(vm, a, v_delta(b)->days);
    if (is_delta(a) && is_plain_date(b)) return add_days(vm, b, v_delta(a)->days);
  } else if (op == TINY_SUB && is_plain_date(a)) {
    if (is_delta(b)) return add_days(vm, a, -v_delta(b)->days);
    if (is_plain_date(b)) return delta_new(vm, ordinal_of(v_date(a)) - ordinal_of(v_date(b)), 0, 0);
  }
  return V_NOTIMPL;
}

static Value m_reduce(VM *vm, Args *a) {
  const Date *d = v_date(a->v[0]);
  Bytes *state = bytes_new(vm, (uint8_t[]){(uint8_t)(d->year >> 8), (uint8_t)d->year, d->month, d->day}, 4);
  Value v = v_from_bytes(state);
  Tuple *args = state ? tuple_new(vm, &v, 1) : NULL, *t = args ? tuple_pair(vm, rt_type_value(type_of(a->v[0])), v_from_obj(args)) : NULL;
  return t ? v_from_obj(t) : V_FAIL;
}

static Value g_year(VM *vm, Value v) { (void)vm; return v_from_int62(v_date(v)->year); }
static Value g_month(VM *vm, Value v) { (void)vm; return v_from_int62(v_date(v)->month); }
static Value g_day(VM *vm, Value v) { (void)vm; return v_from_int62(v_date(v)->day); }
static const GetSet getset[] = {{"year", g_year, NULL, NULL}, {"month", g_month, NULL, NULL}, {"day", g_day, NULL, NULL}, {0}};

static const tiny_def methods[] = {
    {"+fromtimestamp", m_date_fromtimestamp, "(cls, timestamp, /)", "The local date of a number of seconds since 1970."},
    {"+today", m_today, "(cls, /)", "The current date: as self.fromtimestamp(time.time())."},
    {"+fromordinal", m_fromordinal, "(cls, n, /)", "The date of a day's number, where 1 January of year 1 has 1."},
    {"+fromisoformat", m_fromisoformat, "(cls, date_string, /)", "The date of a text in ISO 8601 format."},
    {"+fromisocalendar", m_fromisocalendar, "(cls, year, week, day)", "The date of year, week and weekday of the ISO calendar."},
    {"toordinal", m_toordinal, "(self, /)", "The number of the day; 1 January of year 1 has 1."},
    {"weekday", m_weekday, "(self, /)", "0 for Monday to 6 for Sunday."},
    {"isoweekday", m_isoweekday, "(self, /)", "1 for Monday to 7 for Sunday."},
    {"isocalendar", m_isocalendar, "(self, /)", "Year, week and weekday of the ISO calendar, as a named tuple."},
    {"isoformat", m_isoformat, "(self, /)", "The text YYYY-MM-DD."},
    {"ctime", m_ctime, "(self, /)", "The text that time.ctime() makes."},
    {"strftime", m_strftime, "(self, format)", "Text by a format as of time.strftime()."},
    {"__format__", date_format_m, "(self, spec, /) varargs", "Formats self with strftime."},
    {"timetuple", m_timetuple, "(self, /)", "The time tuple for time.localtime()'s friends."},
    {"replace", m_replace, "(self, year=..., month=..., day=...)", "The date with some fields exchanged."},
    {"__reduce__", m_reduce, "(self, /)", "__reduce__() -> (cls, state)"}, {0}};

const Type date_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "datetime.date", .module = "datetime", .base = &object_type, .layout = LAY_OTHER,
  .flags = TYPE_BASE | TYPE_BARRIER, .shape_id = TYPE_ID_date, .size = sizeof(Date), .doc = "date(year, month, day): a day of the calendar.",
  .new_ = new_, .new_sig = "(year, month=..., day=...) as function",
  .repr = repr, .str = str, .format = date_format, .hash = hash, .compare = compare, .binary = binary, .methods = methods, .getset = getset,
};
