/* strftime in the C locale (Python library reference, "strftime() and strptime() Format Codes"), and the calendar below it. */
#include <string.h>
#include <time.h>
#include "stdlib/time_text.h"

static const char *const days[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};

/* Civil calendar from days, by 400-year eras that start on March 1. */
int64_t time_text_days(int64_t year, int month, int day) {
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t in_era = year - era * 400, in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

void time_text_from_days(int64_t n, int64_t *year, int *month, int *day) {
  n += 719468;
  int64_t era = (n >= 0 ? n : n - 146096) / 146097;
  int64_t in_era = n - era * 146097, y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  int64_t in_year = in_era - (365 * y + y / 4 - y / 100), m = (5 * in_year + 2) / 153;
  *day = (int)(in_year - (153 * m + 2) / 5 + 1);
  *month = (int)(m < 10 ? m + 3 : m - 9);
  *year = y + era * 400 + (*month <= 2);
}

void time_text_local_zone(TimeParts *p, int isdst) {
  struct tm tm = {.tm_year = (int)p->year - 1900, .tm_mon = p->month - 1, .tm_mday = p->day, .tm_hour = p->hour, .tm_min = p->minute, .tm_sec = p->second, .tm_isdst = isdst};
  (void)mktime(&tm);
  p->zone = tm.tm_zone ? tm.tm_zone : "";
  p->offset = tm.tm_gmtoff;
  p->has_offset = true;
}

/* ---- output buffer in the VM's memory */

typedef struct Text { tiny_vm *vm; char *data; size_t len, cap; bool failed; } Text;

static void add(Text *t, const char *s, size_t n) {
  if (t->len + n > t->cap && !t->failed) {
    size_t cap = (t->len + n) * 2 + 64;
    char *data = tiny_alloc(t->vm, t->data, t->cap, cap);
    if (data) t->data = data, t->cap = cap;
    else t->failed = true;
  }
  if (t->failed) return;
  memcpy(t->data + t->len, s, n);
  t->len += n;
}

static void add_str(Text *t, const char *s) { add(t, s, strlen(s)); }

/* pad: character, or 0 for none. */
static void add_num(Text *t, int64_t v, int width, char pad) {
  char digits[24];
  int n = 0;
  uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
  do digits[n++] = (char)('0' + u % 10);
  while (u /= 10);
  if (v < 0) add(t, "-", 1);
  for (int i = n + (v < 0); pad && i < width; i++) add(t, &pad, 1);
  while (n > 0) add(t, &digits[--n], 1);
}

/* ---- weeks */

static int first_weekday(const TimeParts *t) { return ((t->weekday - (t->yearday - 1)) % 7 + 7) % 7; } /* of January 1 */
static bool leap(int64_t y) { return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0); }

/* ISO 8601 week and the year it belongs to. */
static int iso_week(const TimeParts *t, int64_t *year) {
  int thursday = t->yearday - 1 - t->weekday + 3; /* day number, from 0, of this week's Thursday */
  *year = t->year;
  if (thursday < 0) {
    --*year;
    thursday += leap(*year) ? 366 : 365;
  } else if (thursday >= (leap(*year) ? 366 : 365)) {
    thursday -= leap(*year) ? 366 : 365;
    ++*year;
  }
  (void)first_weekday;
  return thursday / 7 + 1;
}

static void add_offset(Text *t, const TimeParts *p, bool colon) {
  if (!p->has_offset) return;
  long o = p->offset < 0 ? -p->offset : p->offset;
  add(t, p->offset < 0 ? "-" : "+", 1);
  add_num(t, o / 3600, 2, '0');
  if (colon) add(t, ":", 1);
  add_num(t, o / 60 % 60, 2, '0');
  if (o % 60) {
    if (colon) add(t, ":", 1);
    add_num(t, o % 60, 2, '0');
  }
}

static void format_into(Text *t, const char *f, size_t len, const TimeParts *p);

static void number(Text *t, int64_t v, int width, char pad, char flag) { add_num(t, v, width, flag == '-' ? 0 : flag == '_' ? ' ' : flag == '0' ? '0' : pad); }

/* false: not a code we know. */
static bool one_code(Text *t, char code, char flag, const TimeParts *p) {
  int64_t iso_year;
  int hour12 = p->hour % 12 ? p->hour % 12 : 12;
  switch (code) {
    case 'a': add(t, days[p->weekday], 3); break;
    case 'A': add_str(t, days[p->weekday]); break;
    case 'b': case 'h': add(t, months[p->month - 1], 3); break;
    case 'B': add_str(t, months[p->month - 1]); break;
    case 'c': format_into(t, "%a %b %e %H:%M:%S %Y", 20, p); break;
    case 'C': number(t, p->year / 100, 1, '0', flag); break;
    case 'd': number(t, p->day, 2, '0', flag); break;
    case 'D': case 'x': format_into(t, "%m/%d/%y", 8, p); break;
    case 'e': number(t, p->day, 2, ' ', flag); break;
    case 'F': format_into(t, "%Y-%m-%d", 8, p); break;
    case 'G': iso_week(p, &iso_year); number(t, iso_year, 0, 0, flag); break;
    case 'g': iso_week(p, &iso_year); number(t, iso_year % 100, 2, '0', flag); break;
    case 'H': number(t, p->hour, 2, '0', flag); break;
    case 'I': number(t, hour12, 2, '0', flag); break;
    case 'j': number(t, p->yearday, 3, '0', flag); break;
    case 'k': number(t, p->hour, 2, ' ', flag); break;
    case 'l': number(t, hour12, 2, ' ', flag); break;
    case 'm': number(t, p->month, 2, '0', flag); break;
    case 'M': number(t, p->minute, 2, '0', flag); break;
    case 'n': add(t, "\n", 1); break;
    case 'p': add(t, p->hour < 12 ? "AM" : "PM", 2); break;
    case 'P': add(t, p->hour < 12 ? "am" : "pm", 2); break;
    case 'r': format_into(t, "%I:%M:%S %p", 11, p); break;
    case 'R': format_into(t, "%H:%M", 5, p); break;
    case 's': add_num(t, time_text_days(p->year, p->month, p->day) * 86400 + p->hour * 3600 + p->minute * 60 + p->second - p->offset, 0, 0); break;
    case 'S': number(t, p->second, 2, '0', flag); break;
    case 't': add(t, "\t", 1); break;
    case 'T': case 'X': format_into(t, "%H:%M:%S", 8, p); break;
    case 'u': number(t, p->weekday + 1, 1, '0', flag); break;
    case 'U': number(t, (p->yearday - 1 + 7 - (p->weekday + 1) % 7) / 7, 2, '0', flag); break;
    case 'V': number(t, iso_week(p, &iso_year), 2, '0', flag); break;
    case 'w': number(t, (p->weekday + 1) % 7, 1, '0', flag); break;
    case 'W': number(t, (p->yearday - 1 + 7 - p->weekday) / 7, 2, '0', flag); break;
    case 'y': number(t, (p->year % 100 + 100) % 100, 2, '0', flag); break;
    case 'Y': number(t, p->year, 0, 0, flag); break;
    case 'z': add_offset(t, p, flag == ':'); break;
    case 'Z': add_str(t, p->zone); break;
    case '%': add(t, "%", 1); break;
    default: return false;
  }
  return true;
}

static void change_case(Text *t, size_t from, bool upper) {
  for (size_t k = from; !t->failed && k < t->len; k++) {
    char c = t->data[k];
    if (upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z') t->data[k] = (char)(c ^ 32);
  }
}

/* Blanks or zeros before what stands from `from` on, up to the width. */
static void widen(Text *t, size_t from, size_t width, char pad) {
  if (t->failed || t->len - from >= width) return;
  size_t n = width - (t->len - from);
  for (size_t k = 0; k < n; k++) add(t, &pad, 1);
  if (t->failed) return;
  memmove(t->data + from + n, t->data + from, t->len - from - n);
  memset(t->data + from, pad, n);
}

enum { WIDTH_MAX = 4096 };

/* As strftime(3) of glibc: % flags width modifier code. */
static void format_into(Text *t, const char *f, size_t len, const TimeParts *p) {
  for (size_t i = 0; i < len; i++) {
    if (f[i] != '%' || i + 1 >= len) {
      add(t, &f[i], 1);
      continue;
    }
    size_t start = i++, width = 0, before = t->len;
    char flag = 0, letters = 0;
    for (; i + 1 < len && strchr("-_0^#:", f[i]); i++) {
      if (f[i] == '^' || f[i] == '#') letters = f[i];
      else flag = f[i];
    }
    for (; i + 1 < len && f[i] >= '0' && f[i] <= '9'; i++)
      if (width < WIDTH_MAX) width = width * 10 + (size_t)(f[i] - '0');
    if (i + 1 < len && (f[i] == 'E' || f[i] == 'O')) i++;
    if (!one_code(t, f[i], flag, p)) {
      add(t, f + start, i - start + 1);
      continue;
    }
    bool words = f[i] && strchr("aAbBchDFnpPrRtTxXzZ%", f[i]);
    if (flag != '-') widen(t, before, width < WIDTH_MAX ? width : WIDTH_MAX, flag == '0' ? '0' : flag == '_' || words || strchr("ekl", f[i]) ? ' ' : '0');
    if (letters) change_case(t, before, letters == '^' || !strchr("pZ", f[i]));
  }
}

tiny_val time_text_format(tiny_vm *vm, const char *format, size_t len, const TimeParts *p) {
  Text t = {.vm = vm};
  format_into(&t, format, len, p);
  tiny_val v = t.failed ? tiny_no_memory(vm) : tiny_string_n(vm, t.data ? t.data : "", t.len);
  tiny_alloc(vm, t.data, t.cap, 0);
  return v;
}
