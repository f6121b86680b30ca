/* datetime and the system: the current time, seconds since 1970, the local zone (of the C library). */
#include <errno.h>
#include <limits.h>
#include <time.h>
#include "vm/objects/datetime.h"

#define EPOCH_SECONDS ((int64_t)EPOCH_ORDINAL * DAY_SECONDS) /* of 1970, counted as moment_us counts */

/* ---- timestamps ---- */

/* A timestamp split: whole seconds (downwards) and microseconds, to the nearest, halves to even; nearest false: cut off. [script] through __index__ */
static bool read_timestamp(VM *vm, Value v, bool nearest, int64_t *seconds, int *us) {
  *us = 0;
  if (!is_float(v)) {
    if (!is_int(v)) v = rt_index_obj(vm, v);
    if (v_failed(v)) return false;
    return int_to_i64(v, seconds) || rt_raise_b(vm, &exc_OverflowError, "timestamp out of range for platform time_t");
  }
  double d = v_float_value(v), whole, part;
  if (isnan(d)) return rt_raise_b(vm, &exc_ValueError, "Invalid value NaN (not a number)");
  if (nearest) {
    part = nearbyint(modf(d, &whole) * 1e6); /* the mode of rounding is to nearest, even */
    if (part >= 1e6) whole += 1, part -= 1e6;
    else if (part < 0) whole -= 1, part += 1e6;
    *us = (int)part;
  } else {
    whole = floor(d);
  }
  if (!(whole >= -9223372036854775808.0 && whole < 9223372036854775808.0)) return rt_raise_b(vm, &exc_OverflowError, "timestamp out of range for platform time_t");
  *seconds = (int64_t)whole;
  return true;
}

static bool broken_down(VM *vm, int64_t t, bool utc, struct tm *tm) {
  time_t seconds = (time_t)t;
  errno = 0;
  if (utc ? gmtime_r(&seconds, tm) : localtime_r(&seconds, tm)) return true;
  tiny_raise_os(vm, errno ? errno : EINVAL, NULL);
  return false;
}

static int year_of(const struct tm *tm) { return tm->tm_year > INT_MAX - 1900 ? INT_MAX : tm->tm_year + 1900; }

/* What clocks on the wall show at that time, in seconds since the beginning of the calendar. */
static bool wall_at(VM *vm, int64_t t, int64_t *out, struct tm *tm) {
  if (!broken_down(vm, t, false, tm)) return false;
  int year = year_of(tm);
  if (year < 1 || year > 9999) return rt_raise_b(vm, &exc_ValueError, "year %d is out of range", year);
  *out = (int64_t)ymd_to_ordinal(year, tm->tm_mon + 1, tm->tm_mday) * DAY_SECONDS + (tm->tm_hour * 60 + tm->tm_min) * 60 + tm->tm_sec;
  return true;
}

static bool wall(VM *vm, int64_t t, int64_t *out) {
  struct tm tm;
  return wall_at(vm, t, out, &tm);
}

/* Is t the second time that clocks show `shown`? They were set back less than a day ago then. */
static bool is_second(VM *vm, int64_t t, int64_t shown, bool *out) {
  int64_t before, earlier;
  *out = false;
  if (!wall(vm, t - DAY_SECONDS, &before)) return false;
  int64_t change = shown - before - DAY_SECONDS; /* negative: set back */
  if (change >= 0) return true;
  if (!wall(vm, t + change, &earlier)) return false;
  *out = earlier == shown;
  return true;
}

/* The time of a naive moment, taken as local: PEP 495's rule. Of two times, or of the two readings of one that was skipped, fold tells which. */
static bool local_to_time(VM *vm, int64_t shown, bool fold, int64_t *out) {
  int64_t t = shown - EPOCH_SECONDS, w, w1, w2, probe;
  if (!wall(vm, t, &w)) return false;
  int64_t a = w - shown, b, first = t - a; /* offsets of which one is the right one, times by them */
  if (!wall(vm, first, &w1)) return false;
  if (w1 == shown) { /* there may be another on the side that fold asks for */
    int64_t near = fold ? first + DAY_SECONDS : first - DAY_SECONDS;
    if (!wall(vm, near, &probe)) return false;
    b = probe - near - EPOCH_SECONDS;
    if (b == a) return *out = first, true;
  } else {
    b = w1 - first - EPOCH_SECONDS;
  }
  int64_t second = t - b;
  if (!wall(vm, second, &w2)) return false;
  if (w2 == shown) *out = second;
  else if (w1 == shown) *out = first;
  else *out = (first < second) == fold ? first : second; /* skipped: fold 0 goes by the offset before */
  return true;
}

/* ---- making ---- */

/* The moment of the class at that time; in local time unless utc. [script] */
static Value at_time(VM *vm, Value cls, int64_t t, int us, bool utc, Value tz, bool now) {
  struct tm tm;
  if (!broken_down(vm, t, utc, &tm)) return V_FAIL;
  Moment m = {year_of(&tm), tm.tm_mon + 1, tm.tm_mday, {(uint8_t)tm.tm_hour, (uint8_t)tm.tm_min, (uint8_t)(tm.tm_sec > 59 ? 59 : tm.tm_sec), 0, us}, tz};
  if (v_is_none(tz) && !utc) {
    int64_t shown;
    bool second;
    if (!wall(vm, t, &shown) || !is_second(vm, t, shown, &second)) return V_FAIL;
    m.clock.fold = second;
  }
  return now ? datetime_make_now(vm, cls, &m) : datetime_make(vm, cls, &m);
}

static Value in_zone(VM *vm, Value cls, int64_t t, int us, Value tz) {
  if (v_is_none(tz)) return at_time(vm, cls, t, us, false, tz, false);
  Value dt = at_time(vm, cls, t, us, true, tz, true);
  if (v_failed(dt)) return dt;
  if (!is_datetime(dt)) return rt_raise(vm, &exc_TypeError, "fromutc: argument must be a datetime");
  return zone_from_utc(vm, tz, dt);
}

Value m_fromtimestamp(VM *vm, Args *a) {
  int64_t t;
  int us;
  if (!check_tzinfo(vm, a->v[2]) || !read_timestamp(vm, a->v[1], true, &t, &us)) return V_FAIL;
  return in_zone(vm, a->v[0], t, us, a->v[2]);
}

Value m_utcfromtimestamp(VM *vm, Args *a) {
  int64_t t;
  int us;
  return read_timestamp(vm, a->v[1], true, &t, &us) ? at_time(vm, a->v[0], t, us, true, V_NONE, false) : V_FAIL;
}

static bool current(VM *vm, int64_t *t, int *us) {
  const DateState *s = date_hooks(vm);
  if (!s) return false;
  int64_t ns = s->now_ns(vm);
  *t = ns / 1000000000;
  *us = (int)(ns % 1000000000 / 1000);
  return true;
}

Value m_now(VM *vm, Args *a) {
  int64_t t;
  int us;
  return check_tzinfo(vm, a->v[1]) && current(vm, &t, &us) ? in_zone(vm, a->v[0], t, us, a->v[1]) : V_FAIL;
}

Value m_utcnow(VM *vm, Args *a) {
  int64_t t;
  int us;
  return current(vm, &t, &us) ? at_time(vm, a->v[0], t, us, true, V_NONE, false) : V_FAIL;
}

Value m_date_fromtimestamp(VM *vm, Args *a) {
  int64_t t;
  int us;
  struct tm tm;
  if (!read_timestamp(vm, a->v[1], false, &t, &us) || !broken_down(vm, t, false, &tm)) return V_FAIL;
  return date_make(vm, a->v[0], year_of(&tm), tm.tm_mon + 1, tm.tm_mday);
}

/* By way of the class's fromtimestamp, which a script may have made anew. */
Value m_today(VM *vm, Args *a) {
  Str *name = str_intern(vm, "fromtimestamp", 13);
  const DateState *s = date_hooks(vm);
  Value fn = name && s ? rt_getattr(vm, a->v[0], name) : V_FAIL;
  if (v_failed(fn)) return fn;
  Value now = float_new(vm, (double)s->now_ns(vm) / 1e9);
  return v_failed(now) ? now : rt_tail_call(vm, fn, 1, &now);
}

/* ---- the other way ---- */

/* Microseconds since 1970 of an aware moment, or false with *naive set. [script] */
static bool aware_us(VM *vm, Value dt, int64_t *out, bool *naive) {
  Offset o;
  if (!zone_offset(vm, v_datetime(dt)->tzinfo, dt, &o)) return false;
  *naive = o.none;
  *out = moment_us(v_datetime(dt)) - EPOCH_SECONDS * SECOND_US - (o.none ? 0 : o.us);
  return true;
}

Value m_timestamp(VM *vm, Args *a) {
  const DateTime *dt = v_datetime(a->v[0]);
  int64_t us, t;
  bool naive;
  if (v_is_none(dt->tzinfo)) {
    if (!local_to_time(vm, moment_us(dt) / SECOND_US, dt->clock.fold, &t)) return V_FAIL;
    return float_new(vm, (double)t + dt->clock.us / 1e6);
  }
  if (!aware_us(vm, a->v[0], &us, &naive)) return V_FAIL;
  if (naive) return rt_raise(vm, &exc_TypeError, "can't subtract offset-naive and offset-aware datetimes");
  return delta_total_seconds(vm, 0, us);
}

/* The local zone at that time, as a timezone with its name. */
static Value local_zone(VM *vm, int64_t t) {
  struct tm tm;
  if (!broken_down(vm, t, false, &tm)) return V_FAIL;
  Value offset = delta_new(vm, 0, tm.tm_gmtoff, 0), name = v_from_str(str_from(vm, tm.tm_zone ? tm.tm_zone : ""));
  return v_failed(offset) || v_failed(name) ? V_FAIL : timezone_new(vm, offset, name);
}

static Value local_zone_of(VM *vm, const DateTime *dt) {
  int64_t t;
  return local_to_time(vm, moment_us(dt) / SECOND_US, dt->clock.fold, &t) ? local_zone(vm, t) : V_FAIL;
}

Value m_astimezone(VM *vm, Args *a) {
  Value self = a->v[0], tz = a->v[1], *keep = rt_temp(vm, 2);
  DateTime *dt = v_datetime(self);
  Offset o = {.none = true};
  if (!keep || (!v_is_none(tz) && !check_tzinfo(vm, tz))) return V_FAIL;
  if (!v_is_none(dt->tzinfo)) {
    if (v_same(dt->tzinfo, tz)) return self;
    if (!zone_offset(vm, dt->tzinfo, self, &o)) return V_FAIL;
  }
  if (o.none) { /* naive: taken as local */
    Value here = local_zone_of(vm, dt);
    if (v_failed(here) || !zone_offset(vm, here, self, &o)) return V_FAIL;
  }
  Value utc = datetime_add_us(vm, self, 0, -o.us, true);
  if (v_failed(utc)) return utc;
  if (!is_datetime(utc)) return rt_raise(vm, &exc_TypeError, "fromutc: argument must be a datetime");
  keep[0] = utc;
  if (v_is_none(tz)) {
    tz = keep[1] = local_zone(vm, moment_us(v_datetime(utc)) / SECOND_US - EPOCH_SECONDS);
    if (v_failed(tz)) return tz;
  }
  Moment m = moment_of(v_datetime(utc));
  m.tzinfo = tz;
  keep[0] = datetime_replaced(vm, utc, &m);
  return v_failed(keep[0]) ? V_FAIL : zone_from_utc(vm, tz, keep[0]);
}
