/* Module datetime: the types of vm/objects/datetime.h and their constants. What is rare (strftime, strptime) is in stdlib/frozen/_datetime.tiny. */
#include "stdlib/clock.h"
#include "stdlib/time_text.h"
#include "vm/objects/datetime.h"

static int64_t now_ns(VM *vm) { return clock_seen_ns(vm, CLOCK_REALTIME); }

static Value format(VM *vm, Str *s, const int v[9]) {
  TimeParts p = {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], "", 0, false};
  const char *text = str_cstr(vm, s);
  if (!text) return V_FAIL;
  if (strpbrk(text, "szZ")) time_text_local_zone(&p, v[8]); /* codes that want it, perhaps */
  return time_text_format(vm, text, s->size, &p);
}

/* An attribute of a builtin class, which scripts cannot set. */
static bool constant(VM *vm, const Type *t, const char *name, Value v) {
  Dict *ns = type_namespace(vm, t);
  Str *key = ns ? str_intern(vm, name, strlen(name)) : NULL;
  return key && !v_failed(v) && dict_set_str(vm, ns, key, v);
}

static bool limits(VM *vm, const Type *t, Value least, Value most, Value step) {
  return constant(vm, t, "min", least) && constant(vm, t, "max", most) && constant(vm, t, "resolution", step);
}

static bool constants(VM *vm) {
  const Clock last = {23, 59, 59, 0, 999999};
  Value us = delta_new(vm, 0, 0, 1);
  return limits(vm, &timedelta_type, delta_new(vm, -MAX_DELTA_DAYS, 0, 0), delta_new(vm, MAX_DELTA_DAYS, DAY_SECONDS - 1, 999999), us) &&
         limits(vm, &date_type, date_new(vm, &date_type, 1, 1, 1), date_new(vm, &date_type, 9999, 12, 31), delta_new(vm, 1, 0, 0)) &&
         limits(vm, &time_type, time_of(vm, (Clock){0}, V_NONE), time_of(vm, last, V_NONE), us) &&
         limits(vm, &datetime_type, datetime_new(vm, &datetime_type, &(Moment){1, 1, 1, {0}, V_NONE}), datetime_new(vm, &datetime_type, &(Moment){9999, 12, 31, last, V_NONE}), us) &&
         constant(vm, &timezone_type, "utc", date_utc(vm)) && constant(vm, &timezone_type, "min", timezone_of_us(vm, -(DAY_US - 60 * SECOND_US))) &&
         constant(vm, &timezone_type, "max", timezone_of_us(vm, DAY_US - 60 * SECOND_US));
}

static bool init(tiny_vm *vm, tiny_val module) {
  static const char *const names[] = {"date", "datetime", "time", "timedelta", "timezone", "tzinfo", "MINYEAR", "MAXYEAR", "UTC"};
  enum { COUNT = sizeof names / sizeof *names };
  DateState *s = date_state(vm);
  if (!s) return false;
  s->now_ns = now_ns;
  s->format = format;
  const Value values[COUNT] = {rt_type_value(&date_type), rt_type_value(&datetime_type), rt_type_value(&time_type), rt_type_value(&timedelta_type), rt_type_value(&timezone_type),
      rt_type_value(&tzinfo_type), v_from_int62(1), v_from_int62(9999), date_utc(vm)};
  Value all[COUNT];
  for (int i = 0; i < COUNT; i++) {
    all[i] = tiny_string(vm, names[i]);
    if (!tiny_setattr(vm, module, names[i], values[i])) return false;
  }
  if (!tiny_setattr(vm, module, "__all__", tiny_tuple(vm, COUNT, all)) || !constants(vm)) return false;
  attr_flush_caches(vm);
  return true;
}

extern const tiny_module datetime_module;
const tiny_module datetime_module = {.name = "datetime", .init = init, .doc = "Dates, times of day, moments, and the time between them, in the proleptic Gregorian calendar."};
