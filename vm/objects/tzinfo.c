/* datetime.tzinfo, the base class of zones, and datetime.timezone, those of a fixed offset. A tzinfo has no data of its own: to scripts' classes it is as object. */
#include "vm/objects/datetime.h"

static void state_trace(Tracer *t, void *data) {
  DateState *s = data;
  gc_mark(t, s->utc);
  gc_mark(t, s->iso_class);
}

DateState *date_state(VM *vm) {
  static const char key = 0;
  DateState *s = tiny_module_data(vm, &key, sizeof *s, state_trace, NULL);
  if (s && v_is_int(s->utc)) s->utc = s->iso_class = V_ABSENT; /* it begins as zeros */
  return s;
}

const DateState *date_hooks(VM *vm) {
  const DateState *s = date_state(vm);
  if (s && !s->now_ns) return rt_raise(vm, &exc_RuntimeError, "module datetime has not been imported"), NULL; /* its types were found another way */
  return s;
}

static Value new_zone(VM *vm, Value offset, Value name) {
  TimeZone *z = gc_new_leaf(vm, &timezone_type, sizeof *z);
  if (!z) return V_FAIL;
  z->offset = offset;
  z->name = name;
  return v_from_obj(z);
}

Value date_utc(VM *vm) {
  DateState *s = date_state(vm);
  if (!s) return V_FAIL;
  if (v_absent(s->utc)) {
    Value none = delta_new(vm, 0, 0, 0), z = v_failed(none) ? none : new_zone(vm, none, V_ABSENT);
    if (v_failed(z)) return z;
    s->utc = z;
  }
  return s->utc;
}

/* ---- asking a zone ---- */

static Value no_timedelta(VM *vm, NameId what, Value v) {
  return rt_raise(vm, &exc_TypeError, "tzinfo.%s() must return None or timedelta, not '%T'", what == NAME_dst ? "dst" : "utcoffset", v);
}

static int64_t delta_us(const Timedelta *d) { return d->days * DAY_US + delta_clock_us(d); } /* of an offset: less than a day */

static bool within_a_day(const Timedelta *d) { return (d->days == 0) || (d->days == -1 && delta_clock_us(d) > 0); }

Value zone_ask(VM *vm, Value tz, NameId what, Value about) {
  if (v_is_none(tz)) return V_NONE;
  if (v_is_exact(tz, &timezone_type)) return what == NAME_dst ? V_NONE : ((TimeZone *)v_obj(tz))->offset;
  Str *name = rt_name(vm, what);
  Value v = name ? rt_call_method(vm, tz, name, 1, &about) : V_FAIL;
  if (v_failed(v) || v_is_none(v)) return v;
  if (!is_delta(v)) return no_timedelta(vm, what, v);
  if (within_a_day(v_delta(v))) return v;
  return rt_raise(vm, &exc_ValueError, "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24).");
}

bool zone_offset(VM *vm, Value tz, Value about, Offset *out) {
  Value v = zone_ask(vm, tz, NAME_utcoffset, about);
  *out = (Offset){.none = true};
  if (v_failed(v)) return false;
  if (!v_is_none(v)) *out = (Offset){false, delta_us(v_delta(v))};
  return true;
}

static Value fixed_name(VM *vm, const TimeZone *z) {
  if (!v_absent(z->name)) return z->name;
  char text[40];
  memcpy(text, "UTC", 3);
  int64_t us = delta_us(v_delta(z->offset));
  char *end = us ? put_offset(text + 3, (Offset){false, us}, ":") : text + 3;
  return v_from_str(str_new(vm, text, (size_t)(end - text)));
}

Value zone_name(VM *vm, Value tz, Value about) {
  if (v_is_none(tz)) return V_NONE;
  if (v_is_exact(tz, &timezone_type)) return fixed_name(vm, (TimeZone *)v_obj(tz));
  Str *name = NAME(vm, tzname);
  Value v = name ? rt_call_method(vm, tz, name, 1, &about) : V_FAIL;
  if (v_failed(v) || v_is_none(v) || is_str(v)) return v;
  return rt_raise(vm, &exc_TypeError, "tzinfo.tzname() must return None or a string, not '%T'", v);
}

Value zone_from_utc(VM *vm, Value tz, Value dt) {
  if (v_is_exact(tz, &timezone_type) && v_same(v_datetime(dt)->tzinfo, tz)) return datetime_add_us(vm, dt, 0, delta_us(v_delta(((TimeZone *)v_obj(tz))->offset)), false);
  Str *name = NAME(vm, fromutc);
  Value *keep = name ? rt_temp(vm, 1) : NULL;
  if (!keep) return V_FAIL;
  *keep = dt;
  Value fn = rt_getattr(vm, tz, name);
  return v_failed(fn) ? fn : rt_tail_call(vm, fn, 1, &dt);
}

/* ---- tzinfo ---- */

static Value tzinfo_new(VM *vm, const Type *cls, Args *a) {
  (void)a; /* arguments are for a script's __init__ */
  void *o = cls == &tzinfo_type ? gc_new(vm, cls, sizeof(Obj)) : (void *)instance_new(vm, cls);
  return o ? v_from_obj(o) : V_FAIL;
}

static Value not_there(VM *vm, const char *name) { return rt_raise(vm, &exc_NotImplementedError, "a tzinfo subclass must implement %s()", name); }
static Value m_utcoffset(VM *vm, Args *a) { (void)a; return not_there(vm, "utcoffset"); }
static Value m_tzname(VM *vm, Args *a) { (void)a; return not_there(vm, "tzname"); }
static Value m_dst(VM *vm, Args *a) { (void)a; return not_there(vm, "dst"); }

/* What fromutc of any zone checks first. */
static bool from_utc_arg(VM *vm, Value self, Value dt) {
  if (!is_datetime(dt)) return rt_raise_b(vm, &exc_TypeError, "fromutc: argument must be a datetime");
  return v_same(v_datetime(dt)->tzinfo, self) || rt_raise_b(vm, &exc_ValueError, "fromutc: dt.tzinfo is not self");
}

static Value required(VM *vm, const char *text) { return rt_raise(vm, &exc_ValueError, "%s", text); }

/* The rule for zones that have a standard offset and daylight saving on top of it (library reference, tzinfo.fromutc). [script] */
static Value m_fromutc(VM *vm, Args *a) {
  Value self = a->v[0], dt = a->v[1], *keep = rt_temp(vm, 1);
  Offset offset;
  if (!keep || !from_utc_arg(vm, self, dt) || !zone_offset(vm, self, dt, &offset)) return V_FAIL;
  if (offset.none) return required(vm, "fromutc: non-None utcoffset() result required");
  Value dst = zone_ask(vm, self, NAME_dst, dt);
  if (v_failed(dst)) return dst;
  if (v_is_none(dst)) return required(vm, "fromutc: non-None dst() result required");
  *keep = datetime_add_us(vm, dt, 0, offset.us - delta_us(v_delta(dst)), true);
  if (v_failed(*keep)) return V_FAIL;
  if (!is_datetime(*keep)) return rt_raise(vm, &exc_TypeError, "fromutc: a datetime is required, not '%T'", *keep);
  dst = zone_ask(vm, self, NAME_dst, *keep);
  if (v_failed(dst)) return dst;
  if (v_is_none(dst)) return required(vm, "fromutc: tz.dst() gave inconsistent results; cannot convert");
  int64_t us = delta_us(v_delta(dst));
  return us ? datetime_add_us(vm, *keep, 0, us, false) : *keep;
}

static Value m_reduce(VM *vm, Args *a) { return rt_tail_builtin(vm, "_datetime_reduce_zone", 1, a->v); }

static const tiny_def tzinfo_methods[] = {
    {"tzname", m_tzname, "(self, dt, /)", "datetime -> string name of time zone."},
    {"utcoffset", m_utcoffset, "(self, dt, /)", "datetime -> timedelta showing offset from UTC, negative values indicating West of UTC"},
    {"dst", m_dst, "(self, dt, /)", "datetime -> DST offset as timedelta positive east of UTC."},
    {"fromutc", m_fromutc, "(self, dt, /)", "datetime in UTC -> datetime in local time."},
    {"__reduce__", m_reduce, "(self, /)", "-> (cls, state)"}, {0}};

const Type tzinfo_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "datetime.tzinfo", .module = "datetime", .base = &object_type, .layout = LAY_OBJECT,
  .flags = TYPE_BASE | TYPE_BARRIER, .shape_id = TYPE_ID_tzinfo, .size = sizeof(Obj), .doc = "Base class of time zones: a subclass defines utcoffset(), tzname() and dst().",
  .new_ = tzinfo_new, .new_sig = "(*args, **kwargs)", .repr = object_repr, .hash = object_hash, .compare = object_compare, .methods = tzinfo_methods,
};

/* ---- timezone ---- */

static TimeZone *v_zone(Value v) { return (TimeZone *)v_obj(v); }

static void zone_trace(Tracer *t, Obj *o) {
  gc_mark(t, ((TimeZone *)o)->offset);
  gc_mark(t, ((TimeZone *)o)->name);
}

Value timezone_new(VM *vm, Value offset, Value name) {
  const Timedelta *d = v_delta(offset);
  if (v_absent(name) && !d->days && !d->seconds && !d->us) return date_utc(vm);
  if (!within_a_day(d))
    return rt_raise(vm, &exc_ValueError, "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not %R.", offset);
  return new_zone(vm, offset, name);
}

Value timezone_of_us(VM *vm, int64_t offset_us) {
  Value d = delta_new(vm, 0, 0, offset_us);
  return v_failed(d) ? d : timezone_new(vm, d, V_ABSENT);
}

static Value zone_new(VM *vm, const Type *cls, Args *a) {
  (void)cls; /* nobody derives from it */
  if (!is_delta(a->v[0])) return rt_raise(vm, &exc_TypeError, "timezone() argument 1 must be datetime.timedelta, not %s", v_is_none(a->v[0]) ? "None" : type_of(a->v[0])->name);
  if (!v_absent(a->v[1]) && !is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "timezone() argument 2 must be str, not %s", v_is_none(a->v[1]) ? "None" : type_of(a->v[1])->name);
  return timezone_new(vm, a->v[0], a->v[1]);
}

static bool about_arg(VM *vm, Args *a, const char *name) {
  if (v_is_none(a->v[1]) || is_datetime(a->v[1])) return true;
  return rt_raise_b(vm, &exc_TypeError, "%s(dt) argument must be a datetime instance or None, not %T", name, a->v[1]);
}
static Value z_utcoffset(VM *vm, Args *a) { return about_arg(vm, a, "utcoffset") ? v_zone(a->v[0])->offset : V_FAIL; }
static Value z_tzname(VM *vm, Args *a) { return about_arg(vm, a, "tzname") ? fixed_name(vm, v_zone(a->v[0])) : V_FAIL; }
static Value z_dst(VM *vm, Args *a) { return about_arg(vm, a, "dst") ? V_NONE : V_FAIL; }
static Value z_fromutc(VM *vm, Args *a) { return from_utc_arg(vm, a->v[0], a->v[1]) ? zone_from_utc(vm, a->v[0], a->v[1]) : V_FAIL; }

static Value z_getinitargs(VM *vm, Args *a) {
  const TimeZone *z = v_zone(a->v[0]);
  Tuple *t = tuple_new(vm, (Value[]){z->offset, z->name}, v_absent(z->name) ? 1 : 2);
  return t ? v_from_obj(t) : V_FAIL;
}

static Value zone_repr(VM *vm, Value v) {
  const TimeZone *z = v_zone(v);
  DateState *s = date_state(vm);
  if (s && v_same(v, s->utc)) return v_from_str(str_from(vm, "datetime.timezone.utc"));
  return v_absent(z->name) ? rt_format(vm, "datetime.timezone(%R)", z->offset) : rt_format(vm, "datetime.timezone(%R, %R)", z->offset, z->name);
}
static Value zone_str(VM *vm, Value v) { return fixed_name(vm, v_zone(v)); }

static bool zone_hash(VM *vm, Value v, int64_t *out) {
  const Timedelta *d = v_delta(v_zone(v)->offset);
  return delta_hash_of(vm, d->days, delta_clock_us(d), out);
}

static Value zone_compare(VM *vm, Value a, Value b, Compare op) {
  (void)vm;
  if ((op != CO_EQ && op != CO_NE) || !v_is_exact(b, &timezone_type)) return V_NOTIMPL;
  return compared(compare_ints(delta_us(v_delta(v_zone(a)->offset)), delta_us(v_delta(v_zone(b)->offset))), op);
}

static const tiny_def zone_methods[] = {
    {"tzname", z_tzname, "(self, dt, /)", "The name given to the constructor, or UTC and the offset as +HH:MM."},
    {"utcoffset", z_utcoffset, "(self, dt, /)", "The fixed offset."}, {"dst", z_dst, "(self, dt, /)", "None."},
    {"fromutc", z_fromutc, "(self, dt, /)", "datetime in UTC -> datetime in this zone."}, {"__getinitargs__", z_getinitargs, "(self, /)", "pickle support"}, {0}};

const Type timezone_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "datetime.timezone", .module = "datetime", .base = &tzinfo_type, .layout = LAY_OTHER,
  .flags = TYPE_BARRIER, .shape_id = TYPE_ID_timezone, .size = sizeof(TimeZone), .doc = "A time zone of a fixed offset from UTC.",
  .new_ = zone_new, .new_sig = "(offset, name=...) as timezone", .trace = zone_trace,
  .repr = zone_repr, .str = zone_str, .hash = zone_hash, .compare = zone_compare, .methods = zone_methods,
};
