/* Calendar text shared by time and datetime: strftime without the C library's locale. */
#ifndef TINY_STDLIB_TIME_TEXT_H
#define TINY_STDLIB_TIME_TEXT_H
#include "include/tiny.h"

typedef struct TimeParts {
  int64_t year;
  int month, day, hour, minute, second; /* month, day from 1 */
  int weekday, yearday;                 /* Monday 0; from 1 */
  const char *zone;                     /* "" when unknown */
  long offset;                          /* seconds east of UTC */
  bool has_offset;
} TimeParts;

tiny_val time_text_format(tiny_vm *vm, const char *format, size_t len, const TimeParts *t); /* -> str */
void time_text_local_zone(TimeParts *p, int isdst);         /* fills in zone and offset: the local zone at that time. isdst as in struct tm */
int64_t time_text_days(int64_t year, int month, int day);   /* days since 1970-01-01 in the proleptic Gregorian calendar */
void time_text_from_days(int64_t days, int64_t *year, int *month, int *day);
#endif
