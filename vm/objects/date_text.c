/* Dates and times as text of ISO 8601, both ways (PEP 495 says nothing of fold here: it is not written). Reading is as lenient as python3's. */
#include "vm/objects/datetime.h"

/* ---- writing ---- */

char *put_int(char *p, int n, int width) {
  for (int i = width - 1; i >= 0; i--, n /= 10) p[i] = (char)('0' + n % 10);
  return p + width;
}

char *put_date(char *p, const Date *d) {
  p = put_int(p, d->year, 4);
  *p++ = '-';
  p = put_int(p, d->month, 2);
  *p++ = '-';
  return put_int(p, d->day, 2);
}

bool timespec_arg(VM *vm, Value v, int position, TimeSpec *out) {
  static const char *const names[] = {"auto", "hours", "minutes", "seconds", "milliseconds", "microseconds"};
  *out = SPEC_AUTO;
  if (v_absent(v)) return true;
  if (!is_str(v)) return rt_raise_b(vm, &exc_TypeError, "isoformat() argument %d must be str, not %s", position, v_is_none(v) ? "None" : type_of(v)->name);
  while (*out < SPEC_UNKNOWN && !str_eq_c(v_str(v), names[*out])) ++*out;
  return true;
}

char *put_clock(char *p, Clock c, TimeSpec spec) {
  if (spec == SPEC_AUTO) spec = c.us ? SPEC_MICROSECONDS : SPEC_SECONDS;
  p = put_int(p, c.hour, 2);
  if (spec == SPEC_HOURS) return p;
  *p++ = ':';
  p = put_int(p, c.minute, 2);
  if (spec == SPEC_MINUTES) return p;
  *p++ = ':';
  p = put_int(p, c.second, 2);
  if (spec == SPEC_SECONDS) return p;
  *p++ = '.';
  return spec == SPEC_MILLISECONDS ? put_int(p, c.us / 1000, 3) : put_int(p, c.us, 6);
}

static char *put_text(char *p, const char *s) {
  size_t n = strlen(s);
  memcpy(p, s, n);
  return p + n;
}

char *put_offset(char *p, Offset o, const char *sep) {
  if (o.none) return p;
  *p++ = o.us < 0 ? '-' : '+';
  Clock c = clock_from_us(o.us < 0 ? -o.us : o.us);
  p = put_text(put_int(p, c.hour, 2), sep);
  p = put_int(p, c.minute, 2);
  if (!c.second && !c.us) return p;
  p = put_int(put_text(p, sep), c.second, 2);
  if (!c.us) return p;
  *p++ = '.';
  return put_int(p, c.us, 6);
}

/* ---- reading. All texts end with a NUL, which is no part of them ---- */

Value invalid_iso(VM *vm, Value text) { return rt_raise(vm, &exc_ValueError, "Invalid isoformat string: %R", text); }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* n digits as a number; NULL: there are fewer. */
static const char *read_digits(const char *p, int n, int *out) {
  *out = 0;
  for (; n > 0; n--, p++) {
    if (!is_digit(*p)) return NULL;
    *out = *out * 10 + (*p - '0');
  }
  return p;
}

/* -Www[-D], Www[D]: the week's Monday where there is no day. */
static bool read_week(const char *p, const char *end, bool dashes, int year, int ymd[3]) {
  int week, day = 1;
  p = read_digits(p, 2, &week);
  if (!p) return false;
  if (p < end) {
    if (dashes && *p++ != '-') return false;
    if (!read_digits(p, 1, &day)) return false;
  }
  IsoFault fault = iso_to_ymd(year, week, day, &ymd[0], &ymd[1], &ymd[2]);
  if (fault == ISO_YEAR) ymd[0] = 1, ymd[1] = ymd[2] = 0; /* python3 takes this for read, and then complains of the month */
  return fault == ISO_OK || fault == ISO_YEAR;
}

bool iso_parse_date(const char *s, size_t n, int ymd[3]) {
  const char *p = read_digits(s, 4, &ymd[0]);
  if (!p) return false;
  bool dashes = *p == '-';
  if (dashes) p++;
  if (*p == 'W') return read_week(p + 1, s + n, dashes, ymd[0], ymd);
  p = read_digits(p, 2, &ymd[1]);
  if (!p || (dashes && *p++ != '-')) return false;
  return read_digits(p, 2, &ymd[2]) != NULL;
}

typedef enum { CLOCK_BAD, CLOCK_WHOLE, CLOCK_MORE /* something follows */ } ClockRead;

/* The fraction of a second: six digits count, further ones are dropped. */
static ClockRead read_fraction(const char *p, const char *end, int *us) {
  int n = end - p >= 6 ? 6 : (int)(end - p);
  p = read_digits(p, n, us);
  if (!p) return CLOCK_BAD;
  for (; n < 6; n++) *us *= 10;
  while (is_digit(*p)) p++;
  return *p ? CLOCK_MORE : CLOCK_WHOLE;
}

/* HH[:MM[:SS[.ffffff]]], or the same without colons. */
static ClockRead read_clock(const char *p, const char *end, int v[4]) {
  bool colons = true;
  memset(v, 0, 4 * sizeof *v);
  for (int i = 0; i < 3; i++) {
    p = read_digits(p, 2, &v[i]);
    if (!p) return CLOCK_BAD;
    char c = *p++;
    if (i == 0) colons = c == ':';
    if (p >= end) return c ? CLOCK_MORE : CLOCK_WHOLE;
    if (colons && c == ':') continue;
    if (c == '.' || c == ',') break;
    if (colons) return CLOCK_BAD;
    p--;
  }
  return read_fraction(p, end, &v[3]);
}

bool iso_parse_time(const char *s, size_t n, IsoClock *out) {
  const char *end = s + n, *zone = s;
  while (zone < end && *zone != '+' && *zone != '-' && *zone != 'Z') zone++;
  ClockRead r = read_clock(s, zone, out->v);
  out->aware = zone < end;
  out->offset_us = out->v[4] = 0;
  if (r == CLOCK_BAD) return false;
  if (!out->aware) return r == CLOCK_WHOLE;
  if (*zone == 'Z') return zone[1] == 0;
  int o[4];
  if (read_clock(zone + 1, end, o) != CLOCK_WHOLE) return false;
  int64_t seconds = (o[0] * 60 + o[1]) * 60 + o[2];
  if (seconds) out->offset_us = (seconds * SECOND_US + o[3]) * (*zone == '-' ? -1 : 1); /* a fraction alone does not count */
  return true;
}

/* The date's form follows from the fifth and the sixth character, but for weeks: with or without a day? */
size_t iso_date_end(const char *s, size_t n) {
  if (n == 7) return 7;
  if (s[4] == '-') {
    if (s[5] != 'W') return 10;
    if (n < 8) return SIZE_MAX;
    if (n == 8 || s[8] != '-') return 8;
    if (n == 9) return SIZE_MAX;
    return n > 10 && is_digit(s[10]) ? 8 : 10; /* YYYY-Www-##: more likely the hour than a day and a digit as separator */
  }
  if (s[4] != 'W') return 8;
  size_t at = 7;
  while (at < n && is_digit(s[at])) at++;
  if (at < 9) return at;
  return at % 2 == 0 ? 7 : 8; /* an even number of digits: all but the week's are the clock's */
}

bool iso_zone(VM *vm, const IsoClock *c, Value *tz) {
  *tz = c->aware ? timezone_of_us(vm, c->offset_us) : V_NONE;
  return !v_failed(*tz);
}
