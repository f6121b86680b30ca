/* Days of the proleptic Gregorian calendar as numbers, and weeks of ISO 8601. */
#include "vm/objects/datetime.h"

static const int16_t days_before[13] = {0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};

bool year_is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int month_days(int year, int month) {
  static const uint8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[month] + (month == 2 && year_is_leap(year));
}

static int before_month(int year, int month) { return days_before[month] + (month > 2 && year_is_leap(year)); }

static int before_year(int year) { /* year >= 1 */
  int y = year - 1;
  return y * 365 + y / 4 - y / 100 + y / 400;
}

int ymd_to_ordinal(int year, int month, int day) { return before_year(year) + before_month(year, month) + day; }

void ordinal_to_ymd(int ordinal, int *year, int *month, int *day) {
  int n = ordinal - 1, n400 = n / 146097;
  n %= 146097;
  int n100 = n / 36524;
  n %= 36524;
  int n4 = n / 1461;
  n %= 1461;
  int n1 = n / 365;
  n %= 365;
  *year = n400 * 400 + n100 * 100 + n4 * 4 + n1 + 1;
  if (n1 == 4 || n100 == 4) { /* the last day of a leap year at the end of a cycle */
    *year -= 1;
    *month = 12;
    *day = 31;
    return;
  }
  *month = (n + 50) >> 5; /* right or one too many */
  if (before_month(*year, *month) > n) *month -= 1;
  *day = n - before_month(*year, *month) + 1;
}

/* Ordinal of the Monday of the week with the year's first Thursday. */
static int first_monday(int year) {
  int first = before_year(year) + 1, weekday = (first + 6) % 7;
  return first - weekday + (weekday > 3 ? 7 : 0);
}

static int floor_week(int days) { return days >= 0 ? days / 7 : -1; }

void ordinal_to_iso(int year, int ordinal, int *iso_year, int *week, int *day) {
  *iso_year = year;
  *day = (ordinal + 6) % 7 + 1;
  *week = floor_week(ordinal - first_monday(year));
  if (*week < 0) {
    *iso_year = year - 1;
    *week = year > 1 ? (ordinal - first_monday(year - 1)) / 7 : 0;
  } else if (*week >= 52 && ordinal >= first_monday(year + 1)) {
    *iso_year = year + 1;
    *week = 0;
  }
  *week += 1;
}

IsoFault iso_to_ymd(int iso_year, int week, int iso_day, int *year, int *month, int *day) {
  if (iso_year < 1 || iso_year > 9999) return ISO_YEAR;
  if (week < 1 || week > 53) return ISO_WEEK;
  if (week == 53) { /* years that begin with a Thursday, or leap years with a Wednesday */
    int first = (before_year(iso_year) + 1) % 7;
    if (first != 4 && !(first == 3 && year_is_leap(iso_year))) return ISO_WEEK;
  }
  if (iso_day < 1 || iso_day > 7) return ISO_DAY;
  int ordinal = first_monday(iso_year) + (week - 1) * 7 + iso_day - 1;
  if (ordinal < 1) *year = *month = *day = 0;
  else if (ordinal > MAX_ORDINAL) *year = 10000, *month = 1, *day = ordinal - MAX_ORDINAL;
  else ordinal_to_ymd(ordinal, year, month, day);
  return ISO_OK;
}

Clock clock_from_us(int64_t us) {
  int seconds = (int)(us / SECOND_US);
  return (Clock){(uint8_t)(seconds / 3600), (uint8_t)(seconds / 60 % 60), (uint8_t)(seconds % 60), 0, (int32_t)(us % SECOND_US)};
}
