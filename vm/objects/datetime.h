/* The types of module datetime: dates, times of day, moments, durations, zones, in the proleptic Gregorian calendar, exact to the microsecond. Private to
 * vm/objects/date*.c, time_of_day.c, timedelta.c, tzinfo.c and the module. All are immutable; what they hold is packed. A script's tzinfo may be asked wherever a zone plays a part:
 * functions that do so are marked [script]. */
#ifndef TINY_OBJECTS_DATETIME_H
#define TINY_OBJECTS_DATETIME_H
#include <stdio.h>
#include "vm/vm.h"
#include "vm/attr.h"
#include "vm/objects/bytes.h"
#include "vm/objects/class.h"
#include "vm/objects/int_ops.h"
#include "vm/objects/str.h"
#include "vm/type_ids.h"

#define DAY_SECONDS 86400
#define SECOND_US INT64_C(1000000)
#define DAY_US (DAY_SECONDS * SECOND_US)
#define MAX_ORDINAL 3652059   /* 9999-12-31; 1 is 0001-01-01 */
#define EPOCH_ORDINAL 719163  /* 1970-01-01 */
#define MAX_DELTA_DAYS 999999999

typedef struct Timedelta { Obj head; int32_t days, seconds, us; } Timedelta; /* 0 <= seconds < 86400, 0 <= us < 10^6; days have the sign */
typedef struct Date { Obj head; uint16_t year; uint8_t month, day; } Date;
typedef struct Clock { uint8_t hour, minute, second, fold; int32_t us; } Clock;
typedef struct DateTime { Date date; Clock clock; Value tzinfo; int64_t hash; } DateTime; /* a datetime is a date; tzinfo: None or an instance of tzinfo; hash -1: not asked for yet */
typedef struct Time { Obj head; Clock clock; Value tzinfo; } Time;
typedef struct TimeZone { Obj head; Value offset; Value name; } TimeZone;    /* a timedelta; str or V_ABSENT */

extern const Type timedelta_type, date_type, datetime_type, time_type, tzinfo_type, timezone_type;

static inline Timedelta *v_delta(Value v) { return (Timedelta *)v_obj(v); }
static inline Date *v_date(Value v) { return (Date *)v_obj(v); }
static inline DateTime *v_datetime(Value v) { return (DateTime *)v_obj(v); }
static inline Time *v_time(Value v) { return (Time *)v_obj(v); }
static inline bool is_a(Value v, const Type *t) { return v_is_obj(v) && (v_obj(v)->type == t || rt_is_subtype(v_obj(v)->type, t)); }
static inline bool is_delta(Value v) { return is_a(v, &timedelta_type); }
static inline bool is_date(Value v) { return is_a(v, &date_type); } /* datetimes, too */
static inline bool is_datetime(Value v) { return is_a(v, &datetime_type); }

/* What the module keeps per VM. */
typedef struct DateState {
  Value utc;                    /* timezone.utc; absent before the module's first import */
  Value iso_class;              /* datetime.IsoCalendarDate; absent until needed */
  /* from the module, above this layer: */
  int64_t (*now_ns)(VM *vm);    /* since 1970, by the clock that scripts see */
  Value (*format)(VM *vm, Str *format, const int fields[9]); /* time.strftime. fields: of a time tuple */
} DateState;
DateState *date_state(VM *vm);  /* NULL: MemoryError pending */
const DateState *date_hooks(VM *vm); /* the same, with what the module puts in; NULL: exception pending */
Value date_utc(VM *vm);

/* ---- the calendar (date_calendar.c) */
bool year_is_leap(int year);
int month_days(int year, int month);
int ymd_to_ordinal(int year, int month, int day);
void ordinal_to_ymd(int ordinal, int *year, int *month, int *day);   /* 1 <= ordinal <= MAX_ORDINAL */
void ordinal_to_iso(int year, int ordinal, int *iso_year, int *week, int *day);
typedef enum { ISO_OK, ISO_YEAR, ISO_WEEK, ISO_DAY } IsoFault;
IsoFault iso_to_ymd(int iso_year, int week, int iso_day, int *year, int *month, int *day); /* may give the year 10000 */
static inline int64_t clock_us(Clock c) { return ((c.hour * 60 + c.minute) * 60 + c.second) * SECOND_US + c.us; }
Clock clock_from_us(int64_t us);                                     /* of a day; fold 0 */

/* ---- reading arguments and fields, shared */
bool c_int_arg(VM *vm, Value v, int *out);                           /* as C's int. [script] through __index__ */
bool check_ymd(VM *vm, int year, int month, int day);
bool clock_args(VM *vm, const Value v[4], Value fold, int f[5]);     /* hour to microsecond, fold: those given, the others stay as they are. [script] */
bool check_fold(VM *vm, int fold);
bool clock_of(VM *vm, const int f[5], Clock *out);                   /* checked */
bool check_tzinfo(VM *vm, Value tz);
Value pickled_state(VM *vm, Value v, size_t size, uint8_t *out);     /* V_TRUE: a bytes or Latin-1 str of this size was read, V_FALSE */
void add_extras(VM *vm, Buf *b, Value tz, int fold);                 /* ", tzinfo=..., fold=1)" of a repr. [script] */
int compare_ints(int64_t a, int64_t b);
static inline Value compared(int c, Compare op) { return v_from_bool(compare_result(c, op)); } /* c: -1 0 1 */
int64_t mix_hash(int64_t n);
Value struct_time_call(VM *vm, const int v[9]);                      /* to be returned */

/* ---- timedelta */
TINY_MUST_CHECK Value delta_new(VM *vm, int64_t days, int64_t seconds, int64_t us);  /* brought to normal form; OverflowError. |seconds|, |us| < 2^62 */
static inline int64_t delta_clock_us(const Timedelta *d) { return d->seconds * SECOND_US + d->us; }
bool delta_hash_of(VM *vm, int64_t days, int64_t us, int64_t *out);  /* what the timedelta of so much would hash to */
Value delta_total_seconds(VM *vm, int64_t days, int64_t us);         /* as a float, correctly rounded; 0 <= us < DAY_US */

/* ---- zones (tzinfo.c). about: the datetime, or None of a time */
TINY_MUST_CHECK Value zone_ask(VM *vm, Value tz, NameId what, Value about);  /* utcoffset or dst: None or a timedelta, checked. [script] */
typedef struct Offset { bool none; int64_t us; } Offset;
bool zone_offset(VM *vm, Value tz, Value about, Offset *out);                /* [script] */
TINY_MUST_CHECK Value zone_name(VM *vm, Value tz, Value about);              /* None or a str. [script] */
TINY_MUST_CHECK Value timezone_new(VM *vm, Value offset, Value name);        /* name V_ABSENT: none. timezone.utc for no offset and no name */
TINY_MUST_CHECK Value timezone_of_us(VM *vm, int64_t offset_us);
TINY_MUST_CHECK Value zone_from_utc(VM *vm, Value tz, Value dt);             /* tz.fromutc(dt); may be a tail call: to be returned. [script] */

/* ---- date */
TINY_MUST_CHECK Value date_new(VM *vm, const Type *cls, int year, int month, int day); /* fields are known to be right */
TINY_MUST_CHECK Value date_make(VM *vm, Value cls, int year, int month, int day);      /* checked; calls a script's class: to be returned */
extern const char *const day_names[7], *const month_names[12];

/* ---- time */
TINY_MUST_CHECK Value time_of(VM *vm, Clock clock, Value tz);                /* fields are known to be right */
Clock clock_from_state(const uint8_t s[6]);                                  /* as pickled; the bit of fold is the caller's */
void clock_to_state(Clock c, uint8_t s[6]);
TINY_MUST_CHECK Value state_reduced(VM *vm, Value v, const uint8_t *s, size_t n, Value tzinfo); /* what __reduce__ of a time or datetime v gives: its class and (state[, tzinfo]) */

/* ---- datetime */
typedef struct Moment { int year, month, day; Clock clock; Value tzinfo; } Moment;
Moment moment_of(const DateTime *dt);
int64_t moment_us(const DateTime *dt);                                       /* since the beginning of the calendar, by the clock on the wall */
int moment_from_us(int64_t us, Moment *m);                                   /* all but tzinfo; 0: out of range */
TINY_MUST_CHECK Value datetime_new(VM *vm, const Type *cls, const Moment *m); /* fields are known to be right */
TINY_MUST_CHECK Value datetime_make(VM *vm, Value cls, const Moment *m);     /* checked; calls a script's class: to be returned */
TINY_MUST_CHECK Value datetime_make_now(VM *vm, Value cls, const Moment *m); /* the same, called: [script]. Any object, if it is a script's class */
TINY_MUST_CHECK Value datetime_add_us(VM *vm, Value dt, int64_t days, int64_t us, bool now); /* dt + that; OverflowError. now: as datetime_make_now */
Value datetime_replaced(VM *vm, Value dt, const Moment *m);                  /* of dt's class, its constructor is not called */

/* ---- the system's local time (datetime_clock.c) */
Value m_timestamp(VM *vm, Args *a), m_astimezone(VM *vm, Args *a), m_now(VM *vm, Args *a), m_utcnow(VM *vm, Args *a), m_fromtimestamp(VM *vm, Args *a), m_utcfromtimestamp(VM *vm, Args *a),
    m_date_fromtimestamp(VM *vm, Args *a), m_today(VM *vm, Args *a);

/* ---- formats (date_strftime.c). To be returned. [script] */
typedef struct StrftimeAbout { Value tzinfo, about; int us; } StrftimeAbout;  /* what %z, %Z and %f mean */
Value strftime_of(VM *vm, Value self, Value format, const StrftimeAbout *x, const int fields[9]);
Value date_format(VM *vm, Value self, Str *spec);                            /* slot and method __format__ of date, datetime and time */
Value date_format_m(VM *vm, Args *a);

/* ---- text (date_text.c): into a buffer with room enough, returns the end */
enum { ISO_TEXT_ROOM = 96 };
char *put_int(char *p, int n, int width);                                    /* n >= 0, zeros before it */
char *put_date(char *p, const Date *d);
typedef enum { SPEC_AUTO, SPEC_HOURS, SPEC_MINUTES, SPEC_SECONDS, SPEC_MILLISECONDS, SPEC_MICROSECONDS, SPEC_UNKNOWN } TimeSpec;
bool timespec_arg(VM *vm, Value v, int position, TimeSpec *out);             /* v V_ABSENT: auto */
char *put_clock(char *p, Clock c, TimeSpec spec);
char *put_offset(char *p, Offset o, const char *sep);
/* ISO 8601 read as datetime.fromisoformat does. Fields may be out of their ranges; false: no such text (no exception). */
typedef struct IsoClock { int v[5] /* fold is 0 */; bool aware; int64_t offset_us; } IsoClock;
bool iso_parse_date(const char *s, size_t n, int ymd[3]);
bool iso_parse_time(const char *s, size_t n, IsoClock *out);
size_t iso_date_end(const char *s, size_t n);                                /* where the date ends in a moment's text; SIZE_MAX: nowhere */
bool iso_zone(VM *vm, const IsoClock *c, Value *tz);                         /* None or a timezone; ValueError */
Value invalid_iso(VM *vm, Value text);
#endif
