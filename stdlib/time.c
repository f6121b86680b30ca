/* The module time. Clocks come from the system; text and calendar are our own (stdlib/time_text.c), independent of the locale. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include "stdlib/clock.h"
#include "stdlib/time_text.h"

typedef struct TimeData { tiny_val struct_time; } TimeData;

static void data_trace(tiny_tracer *t, void *data) { tiny_trace(t, ((TimeData *)data)->struct_time); }

static TimeData *data_of(tiny_vm *vm) {
  static const char key = 0;
  return tiny_module_data(vm, &key, sizeof(TimeData), data_trace, NULL);
}

/* ---- clocks */

static tiny_val seconds(tiny_vm *vm, clockid_t id) { return tiny_float(vm, (double)clock_seen_ns(vm, id) / 1e9); }

static tiny_val t_time(tiny_vm *vm, tiny_args *a) { (void)a; return seconds(vm, CLOCK_REALTIME); }
static tiny_val t_time_ns(tiny_vm *vm, tiny_args *a) { (void)a; return tiny_int(vm, clock_seen_ns(vm, CLOCK_REALTIME)); }
static tiny_val t_monotonic(tiny_vm *vm, tiny_args *a) { (void)a; return seconds(vm, CLOCK_MONOTONIC); }
static tiny_val t_monotonic_ns(tiny_vm *vm, tiny_args *a) { (void)a; return tiny_int(vm, clock_seen_ns(vm, CLOCK_MONOTONIC)); }
static tiny_val t_process(tiny_vm *vm, tiny_args *a) { (void)a; return seconds(vm, CLOCK_PROCESS_CPUTIME_ID); }
static tiny_val t_process_ns(tiny_vm *vm, tiny_args *a) { (void)a; return tiny_int(vm, clock_seen_ns(vm, CLOCK_PROCESS_CPUTIME_ID)); }
static tiny_val t_thread(tiny_vm *vm, tiny_args *a) { (void)a; return seconds(vm, CLOCK_THREAD_CPUTIME_ID); }
static tiny_val t_thread_ns(tiny_vm *vm, tiny_args *a) { (void)a; return tiny_int(vm, clock_seen_ns(vm, CLOCK_THREAD_CPUTIME_ID)); }

static bool clock_ok(tiny_vm *vm, int failed) { return failed ? (void)tiny_raise_os(vm, errno, NULL), false : true; }
static tiny_val t_clock_gettime_ns(tiny_vm *vm, tiny_args *a) {
  struct timespec ts;
  clockid_t id = (clockid_t)tiny_arg_int(a, 0);
  return clock_ok(vm, clock_gettime(id, &ts)) ? tiny_int(vm, clock_seen_ns(vm, id)) : TINY_FAIL;
}
static tiny_val t_clock_gettime(tiny_vm *vm, tiny_args *a) {
  struct timespec ts;
  clockid_t id = (clockid_t)tiny_arg_int(a, 0);
  return clock_ok(vm, clock_gettime(id, &ts)) ? seconds(vm, id) : TINY_FAIL;
}
static tiny_val t_clock_getres(tiny_vm *vm, tiny_args *a) {
  struct timespec ts;
  return clock_ok(vm, clock_getres((clockid_t)tiny_arg_int(a, 0), &ts)) ? tiny_float(vm, (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec) : TINY_FAIL;
}

enum { SLICE_NS = 20000000 }; /* sleep looks up every 20 ms: for a deadline, or an interrupt of another thread */

static tiny_val t_sleep(tiny_vm *vm, tiny_args *a) {
  double secs;
  if (!tiny_to_float(vm, tiny_arg(a, 0), &secs)) return TINY_FAIL;
  if (isnan(secs)) return tiny_raise(vm, TINY_VALUE_ERROR, "Invalid value NaN (not a number)");
  if (secs < 0) return tiny_raise(vm, TINY_VALUE_ERROR, "sleep length must be non-negative");
  if (secs > 9.2e9) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "timestamp too large to convert to C _PyTime_t");
  VirtualClock *v = clock_virtual(vm);
  if (v) {
    v->now_ns += (int64_t)ceil(secs * 1e9);
    return TINY_NONE;
  }
  int64_t until = clock_ns(CLOCK_MONOTONIC) + (int64_t)ceil(secs * 1e9);
  for (;;) {
    if (!tiny_poll_signals(vm)) return TINY_FAIL;
    int64_t left = until - clock_ns(CLOCK_MONOTONIC);
    if (left <= 0) return TINY_NONE;
    if (left > SLICE_NS) left = SLICE_NS;
    struct timespec ts = {left / 1000000000, left % 1000000000};
    nanosleep(&ts, NULL);
  }
}

/* ---- struct_time */

static const char *const fields[] = {"tm_year", "tm_mon", "tm_mday", "tm_hour", "tm_min", "tm_sec", "tm_wday", "tm_yday", "tm_isdst"};

static tiny_val struct_time_class(tiny_vm *vm) {
  TimeData *d = data_of(vm);
  if (!d) return TINY_FAIL;
  if (tiny_is_none(d->struct_time) || d->struct_time.w == 0) {
    tiny_val names[9], extra[2] = {tiny_string(vm, "tm_zone"), tiny_string(vm, "tm_gmtoff")};
    for (int i = 0; i < 9; i++) names[i] = tiny_string(vm, fields[i]);
    tiny_val args[4] = {tiny_string(vm, "struct_time"), tiny_string(vm, "time"), tiny_tuple(vm, 9, names), tiny_tuple(vm, 2, extra)};
    tiny_val cls = tiny_call(vm, tiny_library_function(vm, "_structseq_class"), 4, args);
    if (tiny_failed(cls)) return TINY_FAIL;
    d->struct_time = cls;
  }
  return d->struct_time;
}

static tiny_val t_getattr(tiny_vm *vm, tiny_args *a) {
  const char *name = tiny_to_str(vm, tiny_arg(a, 0), NULL);
  if (!name) return TINY_FAIL;
  if (strcmp(name, "struct_time") == 0) return struct_time_class(vm);
  return tiny_raise(vm, TINY_ATTRIBUTE_ERROR, "module 'time' has no attribute '%s'", name);
}

static tiny_val from_tm(tiny_vm *vm, const struct tm *tm, const char *zone, long offset) {
  tiny_val v[11] = {tiny_int(vm, tm->tm_year + 1900), tiny_int(vm, tm->tm_mon + 1), tiny_int(vm, tm->tm_mday), tiny_int(vm, tm->tm_hour), tiny_int(vm, tm->tm_min),
    tiny_int(vm, tm->tm_sec), tiny_int(vm, (tm->tm_wday + 6) % 7), tiny_int(vm, tm->tm_yday + 1), tiny_int(vm, tm->tm_isdst), tiny_string(vm, zone), tiny_int(vm, offset)};
  tiny_val items = tiny_tuple(vm, 11, v);
  return tiny_call(vm, struct_time_class(vm), 1, &items);
}

static bool seconds_arg(tiny_vm *vm, tiny_val v, time_t *out) {
  double d;
  if (tiny_is_none(v)) {
    *out = (time_t)(clock_seen_ns(vm, CLOCK_REALTIME) / 1000000000);
    return true;
  }
  if (!tiny_to_float(vm, v, &d)) return false;
  if (isnan(d)) return tiny_raise(vm, TINY_VALUE_ERROR, "Invalid value NaN (not a number)"), false;
  if (fabs(d) > 9e18) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "timestamp out of range for platform time_t"), false;
  *out = (time_t)floor(d);
  return true;
}

static tiny_val t_gmtime(tiny_vm *vm, tiny_args *a) {
  time_t t;
  struct tm tm;
  if (!seconds_arg(vm, tiny_arg(a, 0), &t)) return TINY_FAIL;
  if (!gmtime_r(&t, &tm)) return tiny_raise_os(vm, EOVERFLOW, NULL);
  return from_tm(vm, &tm, tm.tm_zone ? tm.tm_zone : "GMT", 0);
}

static tiny_val t_localtime(tiny_vm *vm, tiny_args *a) {
  time_t t;
  struct tm tm;
  if (!seconds_arg(vm, tiny_arg(a, 0), &t)) return TINY_FAIL;
  if (!localtime_r(&t, &tm)) return tiny_raise_os(vm, EOVERFLOW, NULL);
  return from_tm(vm, &tm, tm.tm_zone ? tm.tm_zone : "", tm.tm_gmtoff);
}

/* The nine items of a time tuple. */
static bool read_tuple(tiny_vm *vm, tiny_val t, int64_t v[9]) {
  if (tiny_kind_of(vm, t) != TINY_T_TUPLE) return tiny_raise(vm, TINY_TYPE_ERROR, "Tuple or struct_time argument required"), false;
  if (tiny_seq_len(t) != 9) return tiny_raise(vm, TINY_TYPE_ERROR, "time.struct_time() takes a 9-sequence (%d-sequence given)", tiny_seq_len(t)), false;
  for (int i = 0; i < 9; i++) {
    if (!tiny_to_int(vm, tiny_seq_item(t, i), &v[i])) return false;
  }
  return true;
}

static void to_tm(const int64_t v[9], struct tm *tm) {
  *tm = (struct tm){.tm_year = (int)v[0] - 1900, .tm_mon = (int)v[1] - 1, .tm_mday = (int)v[2], .tm_hour = (int)v[3], .tm_min = (int)v[4], .tm_sec = (int)v[5],
    .tm_wday = (int)(v[6] + 1) % 7, .tm_yday = (int)v[7] - 1, .tm_isdst = (int)v[8]};
}

static tiny_val t_mktime(tiny_vm *vm, tiny_args *a) {
  int64_t v[9];
  struct tm tm;
  if (!read_tuple(vm, tiny_arg(a, 0), v)) return TINY_FAIL;
  to_tm(v, &tm);
  tm.tm_wday = -1; /* stays so when mktime fails */
  time_t t = mktime(&tm);
  if (t == (time_t)-1 && tm.tm_wday == -1) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "mktime argument out of range");
  return tiny_float(vm, (double)t);
}

static bool in_range(tiny_vm *vm, int64_t v, int64_t low, int64_t high, const char *what) {
  if (v >= low && v <= high) return true;
  tiny_raise(vm, TINY_VALUE_ERROR, "%s out of range", what);
  return false;
}

/* Zeros in month, day and day of the year mean 1, as CPython takes them. */
static bool parts_of(tiny_vm *vm, tiny_val t, TimeParts *p) {
  int64_t v[9];
  *p = (TimeParts){.zone = ""};
  if (tiny_is_none(t)) {
    time_t now = (time_t)(clock_seen_ns(vm, CLOCK_REALTIME) / 1000000000);
    struct tm tm;
    if (!localtime_r(&now, &tm)) return tiny_raise_os(vm, EOVERFLOW, NULL), false;
    *p = (TimeParts){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (tm.tm_wday + 6) % 7, tm.tm_yday + 1, tm.tm_zone ? tm.tm_zone : "", tm.tm_gmtoff, true};
    return true;
  }
  if (!read_tuple(vm, t, v)) return false;
  if (!in_range(vm, v[1], 0, 12, "month") || !in_range(vm, v[2], 0, 31, "day of month") || !in_range(vm, v[3], 0, 23, "hour") || !in_range(vm, v[4], 0, 59, "minute") ||
      !in_range(vm, v[5], 0, 61, "seconds") || !in_range(vm, v[7], 0, 366, "day of year")) return false;
  if (v[6] < -1) return tiny_raise(vm, TINY_VALUE_ERROR, "day of week out of range"), false;
  *p = (TimeParts){v[0], v[1] ? (int)v[1] : 1, v[2] ? (int)v[2] : 1, (int)v[3], (int)v[4], (int)v[5], (int)((v[6] % 7 + 7) % 7), v[7] ? (int)v[7] : 1, "", 0, true};
  time_text_local_zone(p, (int)v[8]);
  tiny_val attr = tiny_hasattr(vm, t, "tm_zone") ? tiny_getattr(vm, t, "tm_zone") : TINY_NONE;
  if (tiny_kind_of(vm, attr) == TINY_T_STR) {
    p->zone = tiny_to_str(vm, attr, NULL);
    int64_t off;
    attr = tiny_getattr(vm, t, "tm_gmtoff");
    if (tiny_kind_of(vm, attr) == TINY_T_INT && tiny_to_int(vm, attr, &off)) p->offset = (long)off;
  }
  return p->zone != NULL;
}

static tiny_val t_strftime(tiny_vm *vm, tiny_args *a) {
  TimeParts p;
  size_t len;
  const char *format = tiny_arg_str(a, 0, &len);
  return parts_of(vm, tiny_arg(a, 1), &p) ? time_text_format(vm, format, len, &p) : TINY_FAIL;
}

static tiny_val t_asctime(tiny_vm *vm, tiny_args *a) {
  TimeParts p;
  return parts_of(vm, tiny_arg(a, 0), &p) ? time_text_format(vm, "%a %b %e %H:%M:%S %Y", 20, &p) : TINY_FAIL;
}

static tiny_val t_ctime(tiny_vm *vm, tiny_args *a) {
  time_t t;
  struct tm tm;
  if (!seconds_arg(vm, tiny_arg(a, 0), &t)) return TINY_FAIL;
  if (!localtime_r(&t, &tm)) return tiny_raise_os(vm, EOVERFLOW, NULL);
  TimeParts p = {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (tm.tm_wday + 6) % 7, tm.tm_yday + 1, "", 0, false};
  return time_text_format(vm, "%a %b %e %H:%M:%S %Y", 20, &p);
}

static tiny_val t_strptime(tiny_vm *vm, tiny_args *a) {
  tiny_val args[3] = {struct_time_class(vm), tiny_arg(a, 0), tiny_arg(a, 1)};
  if (tiny_failed(args[0])) return TINY_FAIL;
  return tiny_tail_call(vm, tiny_library_function(vm, "_time_strptime"), 3, args);
}

/* For datetime. */
static tiny_val t_parse(tiny_vm *vm, tiny_args *a) {
  tiny_val args[2] = {tiny_arg(a, 0), tiny_arg(a, 1)};
  return tiny_tail_call(vm, tiny_library_function(vm, "_time_parse"), 2, args);
}

static tiny_val t_clock_info(tiny_vm *vm, tiny_args *a) {
  tiny_val args[1] = {tiny_arg(a, 0)};
  return tiny_tail_call(vm, tiny_library_function(vm, "_time_clock_info"), 1, args);
}

/* Offsets and names of the local zone this year, in winter and summer. */
static bool set_zone(tiny_vm *vm, tiny_val module) {
  time_t now = time(NULL);
  struct tm tm, jan, jul;
  if (!localtime_r(&now, &tm)) return true;
  time_t year_start = now - (time_t)tm.tm_yday * 86400, mid = year_start + (time_t)182 * 86400;
  if (!localtime_r(&year_start, &jan) || !localtime_r(&mid, &jul)) return true;
  const struct tm *standard = jan.tm_gmtoff <= jul.tm_gmtoff ? &jan : &jul, *summer = jan.tm_gmtoff <= jul.tm_gmtoff ? &jul : &jan;
  tiny_val names[2] = {tiny_string(vm, standard->tm_zone), tiny_string(vm, summer->tm_zone)};
  return tiny_setattr(vm, module, "timezone", tiny_int(vm, -standard->tm_gmtoff)) && tiny_setattr(vm, module, "altzone", tiny_int(vm, -summer->tm_gmtoff)) &&
    tiny_setattr(vm, module, "daylight", tiny_int(vm, jan.tm_gmtoff != jul.tm_gmtoff)) && tiny_setattr(vm, module, "tzname", tiny_tuple(vm, 2, names));
}

static tiny_val t_tzset(tiny_vm *vm, tiny_args *a) {
  tzset();
  return set_zone(vm, tiny_bound(a)) ? TINY_NONE : TINY_FAIL;
}

static const tiny_def functions[] = {
  {"time", t_time, "()", "Return the current time in seconds since the Epoch."},
  {"time_ns", t_time_ns, "()", "Return the current time in nanoseconds since the Epoch."},
  {"monotonic", t_monotonic, "()", "Monotonic clock, cannot go backward."},
  {"monotonic_ns", t_monotonic_ns, "()", NULL},
  {"perf_counter", t_monotonic, "()", "Performance counter for benchmarking."},
  {"perf_counter_ns", t_monotonic_ns, "()", NULL},
  {"process_time", t_process, "()", "CPU time of the process."},
  {"process_time_ns", t_process_ns, "()", NULL},
  {"thread_time", t_thread, "()", NULL},
  {"thread_time_ns", t_thread_ns, "()", NULL},
  {"clock_gettime", t_clock_gettime, "(clk_id: int, /)", "Return the time of the specified clock clk_id as a float."},
  {"clock_gettime_ns", t_clock_gettime_ns, "(clk_id: int, /)", "Return the time of the specified clock clk_id as nanoseconds (int)."},
  {"clock_getres", t_clock_getres, "(clk_id: int, /)", "Return the resolution (precision) of the specified clock clk_id."},
  {"sleep", t_sleep, "(secs, /)", "Delay execution for a given number of seconds."},
  {"gmtime", t_gmtime, "(seconds=None, /)", "Seconds since the Epoch as a time tuple of UTC."},
  {"localtime", t_localtime, "(seconds=None, /)", "Seconds since the Epoch as a time tuple of local time."},
  {"mktime", t_mktime, "(tuple, /)", "A time tuple in local time as seconds since the Epoch."},
  {"strftime", t_strftime, "(format: str, tuple=None, /)", "Convert a time tuple to a string according to a format specification."},
  {"strptime", t_strptime, "(string, format='%a %b %d %H:%M:%S %Y', /)", "Parse a string to a time tuple according to a format specification."},
  {"_parse", t_parse, "(string, format, /)", NULL},
  {"asctime", t_asctime, "(tuple=None, /)", "Convert a time tuple to a string, e.g. 'Sat Jun 06 16:26:11 1998'."},
  {"ctime", t_ctime, "(seconds=None, /)", "Convert a time in seconds since the Epoch to a string in local time."},
  {"tzset", t_tzset, "()", "Take the local zone from the environment's TZ anew."},
  {"get_clock_info", t_clock_info, "(name, /)", NULL},
  {"__getattr__", t_getattr, "(name, /)", NULL},
  {0}};

static bool time_init(tiny_vm *vm, tiny_val module) {
  static const struct { const char *name; int id; } clocks[] = {{"CLOCK_REALTIME", CLOCK_REALTIME}, {"CLOCK_MONOTONIC", CLOCK_MONOTONIC},
      {"CLOCK_PROCESS_CPUTIME_ID", CLOCK_PROCESS_CPUTIME_ID}, {"CLOCK_THREAD_CPUTIME_ID", CLOCK_THREAD_CPUTIME_ID}};
  for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++)
    if (!tiny_setattr(vm, module, clocks[i].name, tiny_int(vm, clocks[i].id))) return false;
  return set_zone(vm, module);
}

extern const tiny_module time_module;
const tiny_module time_module = {"time", functions, time_init, "Clocks, sleeping, and times as tuples and text."};
