/* The format mini-language and printf-style pieces for numbers and strings (library reference, "Format Specification Mini-Language").
 * A number is put together from parts: left padding, sign, prefix, padding after the sign, digits in groups, the rest (point, exponent, %), right padding. */
#include "vm/objects/format.h"
#include "vm/objects/exception.h"
#include "vm/objects/int_ops.h"
#include "vm/base/dtoa.h"
#include <math.h>
#include <string.h>

typedef struct Spec {
  uint32_t fill;      /* code point */
  char align;         /* < > = ^ */
  char sign;          /* 0 - + space */
  char group;         /* 0 , _ */
  bool fill_given, align_given, alt, no_neg_zero;
  int64_t width, prec; /* -1: not given */
  uint32_t type;      /* 0: not given */
} Spec;

/* ---------------------------------------------------------------- reading a spec */

static bool is_align(uint32_t c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

/* A run of decimal digits of any script; -1 in *out when there is none. */
static bool read_number(VM *vm, const char **p, const char *end, int64_t *out) {
  int64_t n = 0;
  const char *start = *p;
  for (const char *next; *p < end; *p = next) {
    int d = uc_decimal_value(utf8_decode(*p, &next));
    if (d < 0) break;
    if (n > (INT64_MAX - d) / 10) return rt_raise_b(vm, &exc_ValueError, "Too many decimal digits in format string");
    n = n * 10 + d;
  }
  *out = *p == start ? -1 : n;
  return true;
}

static bool bad_group(VM *vm, char group, uint32_t type) {
  if (type > 32 && type < 128) return rt_raise_b(vm, &exc_ValueError, "Cannot specify '%c' with '%c'.", group, (int)type);
  return rt_raise_b(vm, &exc_ValueError, "Cannot specify '%c' with '\\x%x'.", group, (unsigned)type);
}

static bool read_group(VM *vm, const char **p, const char *end, Spec *s) {
  if (*p < end && **p == ',') {
    s->group = ',';
    ++*p;
  }
  if (*p < end && **p == '_') {
    if (s->group) return rt_raise_b(vm, &exc_ValueError, "Cannot specify both ',' and '_'.");
    s->group = '_';
    ++*p;
  }
  if (*p < end && **p == ',' && s->group == '_') return rt_raise_b(vm, &exc_ValueError, "Cannot specify both ',' and '_'.");
  return true;
}

static bool check_group(VM *vm, const Spec *s) {
  static const char decimal[] = "deEfFgG%", other[] = "boxX";
  if (!s->group || s->type == 0) return true;
  if (s->type < 128 && strchr(decimal, (int)s->type)) return true;
  if (s->group == '_' && s->type < 128 && strchr(other, (int)s->type)) return true;
  return bad_group(vm, s->group, s->type);
}

/* [[fill]align][sign][z][#][0][width][grouping][.precision][type] */
static bool read_spec(VM *vm, Value v, const Str *text, char default_align, uint32_t default_type, Spec *s) {
  const char *p = text->data, *end = p + text->size, *next;
  *s = (Spec){.fill = ' ', .align = default_align, .width = -1, .prec = -1, .type = default_type};
  if (p < end) {
    uint32_t first = utf8_decode(p, &next);
    if (next < end && is_align((unsigned char)*next)) {
      s->fill = first;
      s->fill_given = s->align_given = true;
      s->align = *next;
      p = next + 1;
    } else if (is_align(first)) {
      s->align = (char)first;
      s->align_given = true;
      p = next;
    }
  }
  if (p < end && (*p == ' ' || *p == '+' || *p == '-')) s->sign = *p++;
  if (p < end && *p == 'z') {
    s->no_neg_zero = true;
    p++;
  }
  if (p < end && *p == '#') {
    s->alt = true;
    p++;
  }
  if (!s->fill_given && p < end && *p == '0') {
    s->fill = '0';
    if (!s->align_given && default_align == '>') s->align = '=';
    p++;
  }
  if (!read_number(vm, &p, end, &s->width) || !read_group(vm, &p, end, s)) return false;
  if (p < end && *p == '.') {
    p++;
    if (!read_number(vm, &p, end, &s->prec)) return false;
    if (s->prec < 0) return rt_raise_b(vm, &exc_ValueError, "Format specifier missing precision");
  }
  if (p < end) {
    uint32_t c = utf8_decode(p, &next);
    if (next < end) return rt_raise_b(vm, &exc_ValueError, "Invalid format specifier '%U' for object of type '%T'", text, v);
    s->type = c;
  }
  return check_group(vm, s);
}

static Value unknown_type(VM *vm, uint32_t type, Value v) {
  if (type > 32 && type < 128) return rt_raise(vm, &exc_ValueError, "Unknown format code '%c' for object of type '%T'", (int)type, v);
  return rt_raise(vm, &exc_ValueError, "Unknown format code '\\x%x' for object of type '%T'", (unsigned)type, v);
}

/* ---------------------------------------------------------------- putting a number together */

static void put_fill(Buf *out, uint32_t fill, int64_t n) {
  if (n <= 0) return;
  if (fill < 128) {
    buf_fill(out, (char)fill, (size_t)n);
    return;
  }
  char cp[4];
  int len = utf8_encode(fill, cp);
  if (!buf_reserve(out, (size_t)n * (size_t)len)) return;
  for (; n > 0; n--) buf_add(out, cp, (size_t)len);
}

typedef struct Parts {
  char sign;              /* 0: none */
  const char *prefix;     /* "0x" or "" */
  const char *digits;     /* integer digits, to be grouped */
  size_t n_digits;
  const char *rest;       /* point, fraction, exponent, % */
  size_t n_rest;
  int64_t rest_width;     /* characters in rest */
} Parts;

/* Characters that n digits, at least min_width wide with leading zeros, take when grouped. */
static int64_t grouped_width(int64_t n, char group, int size, int64_t min_width) {
  if (!group) return n > min_width ? n : min_width;
  int64_t width = n + (n > 0 ? (n - 1) / size : 0);
  if (width >= min_width) return width;
  /* zeros are grouped too; a separator never comes first, so the width may be passed by one */
  int64_t k = min_width - min_width / (size + 1); /* digits that fit */
  if (min_width % (size + 1) == 0) k++;
  return k + (k - 1) / size;
}

static void put_grouped(Buf *out, const char *digits, int64_t n, char group, int size, int64_t width) {
  int64_t count = group ? width - width / (size + 1) : width; /* digits and zeros in all */
  if (!buf_reserve(out, (size_t)width)) return;
  for (int64_t i = count; i > 0; i--) {
    buf_char(out, i > n ? '0' : digits[n - i]);
    if (group && i > 1 && (i - 1) % size == 0) buf_char(out, group);
  }
}

static void put_number(Buf *out, const Parts *p, const Spec *s, int group_size) {
  int64_t prefix = (int64_t)strlen(p->prefix), fixed = (p->sign != 0) + prefix + p->rest_width;
  bool zeros = s->fill == '0' && s->align == '=';
  int64_t digits = p->n_digits ? grouped_width((int64_t)p->n_digits, s->group, group_size, zeros ? s->width - fixed : 0) : 0;
  int64_t pad = s->width - fixed - digits, left = 0, inner = 0, right = 0;
  if (pad > 0) {
    switch (s->align) {
      case '<': right = pad; break;
      case '^': left = pad / 2; right = pad - left; break;
      case '=': inner = pad; break;
      default: left = pad; break;
    }
  }
  put_fill(out, s->fill, left);
  if (p->sign) buf_char(out, p->sign);
  buf_str(out, p->prefix);
  put_fill(out, s->fill, inner);
  if (p->n_digits) put_grouped(out, p->digits, (int64_t)p->n_digits, s->group, group_size, digits);
  buf_add(out, p->rest, p->n_rest);
  put_fill(out, s->fill, right);
}

static char sign_for(bool negative, char wanted) { return negative ? '-' : wanted == '+' || wanted == ' ' ? wanted : 0; }

/* Short results are built in memory on the C stack: a Buf that has all the room it will need never asks for more. */
enum { ROOM = 1600, ROOM_WIDTH = 200 };

static void start(Buf *b, VM *vm, char *room, bool fits) {
  buf_init(b, rt_mem(vm));
  if (fits) {
    b->data = room;
    b->cap = ROOM;
  }
}

static void discard(Buf *b, const char *room) {
  if (b->data != room) buf_free(b);
}

static Value finish(VM *vm, Buf *out, const char *room, bool ok) {
  if (ok && out->data == room) return v_from_str(str_new(vm, out->data, out->len));
  if (ok && rt_charge(vm, out->len >> 9)) return v_from_str(str_from_buf(vm, out));
  discard(out, room);
  return rt_pending(vm) ? V_FAIL : rt_no_memory(vm);
}

/* ---------------------------------------------------------------- doubles */

static void put_exponent(Buf *out, int exp, bool upper) {
  char tmp[8];
  int n = 0;
  tmp[n++] = upper ? 'E' : 'e';
  tmp[n++] = exp < 0 ? '-' : '+';
  if (exp < 0) exp = -exp;
  if (exp >= 100) tmp[n++] = (char)('0' + exp / 100);
  tmp[n++] = (char)('0' + exp / 10 % 10);
  tmp[n++] = (char)('0' + exp % 10);
  buf_add(out, tmp, (size_t)n);
}

/* digits with the point after `decpt` of them, zeros where digits are missing, shown up to position `end`. */
static void put_fixed(Buf *out, const char *digits, int n, int64_t decpt, int64_t end, bool keep_point) {
  int64_t at = decpt <= 0 ? decpt - 1 : 0; /* position of the first character: one zero before the point at least */
  int64_t lead = at < 0 ? -at : 0;         /* zeros in front of the digits */
  int64_t before = decpt > 0 ? decpt : 1;  /* characters before the point */
  int64_t total = lead + (end > n ? end : n);
  if (!buf_reserve(out, (size_t)(total > 0 ? total : 0) + 2)) return;
  for (int64_t i = 0; i < before; i++) buf_char(out, i < lead || i - lead >= n ? '0' : digits[i - lead]);
  int64_t frac = end - decpt;
  if (frac <= 0) {
    if (keep_point) buf_char(out, '.');
    return;
  }
  buf_char(out, '.');
  int64_t i = before, stop = before + frac;
  for (; i < stop && i - lead < n; i++) buf_char(out, i < lead ? '0' : digits[i - lead]);
  if (i < stop) buf_fill(out, '0', (size_t)(stop - i));
}

bool format_double(VM *vm, Buf *out, double d, char type, int64_t prec, bool sign, bool alt, bool dot0) {
  bool upper = type == 'E' || type == 'F' || type == 'G', exp = false;
  if (upper) type = (char)(type | 32);
  if (isnan(d)) {
    buf_str(out, sign ? upper ? "+NAN" : "+nan" : upper ? "NAN" : "nan");
    return true;
  }
  if (signbit(d)) buf_char(out, '-');
  else if (sign) buf_char(out, '+');
  if (isinf(d)) {
    buf_str(out, upper ? "INF" : "inf");
    return true;
  }
  char digits[1100];
  int decpt, n;
  int limit = prec > 1090 ? 1090 : (int)prec; /* no double has more digits: what follows is zeros */
  int64_t end;
  if (type == '%') type = 'f';
  switch (type) {
    case 'e':
      n = dtoa_digits(d, 2, limit + 1, digits, sizeof digits, &decpt);
      exp = true;
      end = prec + 1;
      break;
    case 'f':
      n = dtoa_digits(d, 3, limit, digits, sizeof digits, &decpt);
      end = decpt + prec;
      break;
    case 'g':
      if (prec == 0) prec = limit = 1;
      n = dtoa_digits(d, 2, limit, digits, sizeof digits, &decpt);
      exp = decpt <= -4 || decpt > prec - (dot0 ? 1 : 0);
      end = alt ? prec : n;
      break;
    default: /* r */
      n = dtoa_digits(d, 0, 0, digits, sizeof digits, &decpt);
      exp = decpt <= -4 || decpt > 16;
      end = n;
      break;
  }
  int exponent = decpt - 1;
  if (exp) decpt = 1;
  int64_t least = !exp && dot0 ? decpt + 1 : decpt;
  if (end < least) end = least;
  put_fixed(out, digits, n, decpt, end, alt);
  if (exp) put_exponent(out, exponent, upper);
  (void)vm;
  return !out->failed;
}

/* Splits text that format_double wrote (after its sign) into integer digits and the rest. */
static void split_number(const char *text, size_t n, Parts *p) {
  size_t i = 0;
  while (i < n && text[i] >= '0' && text[i] <= '9') i++;
  p->prefix = "";
  p->digits = text;
  p->n_digits = i;
  p->rest = text + i;
  p->n_rest = n - i;
  p->rest_width = (int64_t)(n - i);
}

/* PEP 682: with z, a value that rounds to zero has no minus. */
static bool only_zeros(const char *text, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (text[i] == 'e' || text[i] == 'E') break;
    if ((text[i] >= '1' && text[i] <= '9') || text[i] == 'i' || text[i] == 'n' || text[i] == 'I' || text[i] == 'N') return false;
  }
  return true;
}

/* One real number by a spec; force_sign and no padding for the parts of a complex. */
static bool put_double(VM *vm, Buf *out, double d, const Spec *s, char type, int64_t prec, bool dot0) {
  Buf text;
  char room[ROOM];
  bool percent = type == '%';
  if (prec > INT32_MAX) return rt_raise_b(vm, &exc_ValueError, "precision too big");
  start(&text, vm, room, prec < 1000); /* at most 309 digits, a point, the places, an exponent */
  if (percent) d *= 100.0;
  if (!format_double(vm, &text, d, type, prec, false, s->alt, dot0)) {
    discard(&text, room);
    return false;
  }
  if (percent) buf_char(&text, '%');
  if (text.failed) {
    discard(&text, room);
    return false;
  }
  bool neg = text.data[0] == '-';
  const char *t = text.data + neg;
  size_t n = text.len - neg;
  if (neg && s->no_neg_zero && only_zeros(t, n)) neg = false;
  Parts p;
  split_number(t, n, &p);
  p.sign = sign_for(neg, s->sign);
  put_number(out, &p, s, 3);
  discard(&text, room);
  return !out->failed;
}

static bool float_type_known(uint32_t t) { return t == 0 || (t < 128 && strchr("eEfFgGn%", (int)t)); }

static Value format_double_spec(VM *vm, double d, const Spec *s) {
  Buf out;
  char room[ROOM];
  start(&out, vm, room, s->width < ROOM_WIDTH && s->prec < 30);
  char type = (char)s->type;
  bool dot0 = type == 0;
  int64_t prec = s->prec;
  if (type == 0) type = prec < 0 ? 'r' : 'g';
  else if (type == 'n') type = 'g'; /* there is no locale: the C locale's grouping, none */
  if (prec < 0) prec = s->type == 0 ? 0 : 6;
  bool ok = put_double(vm, &out, d, s, type, prec, dot0);
  return finish(vm, &out, room, ok);
}

/* An empty spec means str(v), which a subclass may have its own of. [script] */
static Value as_str(VM *vm, Value v) { return rt_str(vm, v); }

Value format_float(VM *vm, Value v, Str *spec) {
  if (!spec || spec->size == 0) return v_is_double(v) || v_is_exact(v, &float_type) ? float_repr_str(vm, v_float_value(v)) : as_str(vm, v);
  Spec s;
  if (!read_spec(vm, v, spec, '>', 0, &s)) return V_FAIL;
  if (!float_type_known(s.type)) return unknown_type(vm, s.type, v);
  return format_double_spec(vm, v_float_value(v), &s);
}

/* ---------------------------------------------------------------- ints */

static Value format_char(VM *vm, Value v, const Spec *s) {
  int64_t c;
  if (s->sign) return rt_raise(vm, &exc_ValueError, "Sign not allowed with integer format specifier 'c'");
  if (s->alt) return rt_raise(vm, &exc_ValueError, "Alternate form (#) not allowed with integer format specifier 'c'");
  if (!int_to_i64(v, &c)) return rt_raise(vm, &exc_OverflowError, "Python int too large to convert to C long");
  if (c < 0 || c > 0x10ffff) return rt_raise(vm, &exc_OverflowError, "%%c arg not in range(0x110000)");
  char cp[4];
  Parts p = {.prefix = "", .rest = cp, .n_rest = (size_t)utf8_encode((uint32_t)c, cp), .rest_width = 1};
  Buf out;
  buf_init(&out, rt_mem(vm));
  put_number(&out, &p, s, 3);
  return finish(vm, &out, NULL, !out.failed);
}

static int base_of(uint32_t type) { return type == 'b' ? 2 : type == 'o' ? 8 : type == 'x' || type == 'X' ? 16 : 10; }

static void to_upper(char *s, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (s[i] >= 'a' && s[i] <= 'z') s[i] = (char)(s[i] - 32);
}

static const char *prefix_of(uint32_t type) { return type == 'b' ? "0b" : type == 'o' ? "0o" : type == 'x' ? "0x" : type == 'X' ? "0X" : ""; }

Value format_int(VM *vm, Value v, Str *spec) {
  if (!spec || spec->size == 0) return v_is_int(v) || v_is_exact(v, &int_type) ? int_to_str(vm, v, 10) : as_str(vm, v);
  Spec s;
  if (!read_spec(vm, v, spec, '>', 'd', &s)) return V_FAIL;
  if (s.type > 127 || !strchr("bcdonxXeEfFgG%", (int)s.type) || s.type == 0) return unknown_type(vm, s.type, v);
  if (strchr("eEfFgG%", (int)s.type)) {
    double d;
    return int_to_double(vm, v, &d) ? format_double_spec(vm, d, &s) : V_FAIL;
  }
  if (s.prec >= 0) return rt_raise(vm, &exc_ValueError, "Precision not allowed in integer format specifier");
  if (s.no_neg_zero) return rt_raise(vm, &exc_ValueError, "Negative zero coercion (z) not allowed in integer format specifier");
  if (s.type == 'c') return format_char(vm, v, &s);
  Buf text, out;
  char text_room[ROOM], room[ROOM];
  start(&text, vm, text_room, !v_is_obj(v));
  start(&out, vm, room, !v_is_obj(v) && s.width < ROOM_WIDTH);
  int base = base_of(s.type);
  bool ok = int_put_text(vm, v, base, base == 10, &text);
  if (ok) {
    if (s.type == 'X') to_upper(text.data, text.len);
    bool neg = text.data[0] == '-';
    Parts p = {.sign = sign_for(neg, s.sign), .prefix = s.alt ? prefix_of(s.type) : "", .digits = text.data + neg, .n_digits = text.len - neg, .rest = ""};
    put_number(&out, &p, &s, base == 10 ? 3 : 4);
  }
  discard(&text, text_room);
  return finish(vm, &out, room, ok && !out.failed);
}

/* ---------------------------------------------------------------- complex, str */

static bool put_complex(VM *vm, Buf *out, const Complex *c, const Spec *s, bool *parens) {
  char type = (char)s->type;
  int64_t prec = s->prec;
  bool skip_re = type == 0 && c->re == 0.0 && !signbit(c->re);
  *parens = type == 0 && !skip_re;
  if (type == 0) type = prec < 0 ? 'r' : 'g';
  else if (type == 'n') type = 'g';
  if (prec < 0) prec = s->type == 0 ? 0 : 6;
  Spec part = *s;
  part.width = -1;
  part.align = '<';
  part.fill = ' ';
  if (!skip_re && !put_double(vm, out, c->re, &part, type, prec, false)) return false;
  if (!skip_re) part.sign = '+';
  return put_double(vm, out, c->im, &part, type, prec, false);
}

Value format_complex(VM *vm, Value v, Str *spec) {
  if (!spec || spec->size == 0) return as_str(vm, v);
  Spec s;
  if (!read_spec(vm, v, spec, '>', 0, &s)) return V_FAIL;
  if (s.type == '%' || !float_type_known(s.type)) return unknown_type(vm, s.type, v);
  if (s.fill == '0') return rt_raise(vm, &exc_ValueError, "Zero padding is not allowed in complex format specifier");
  if (s.align == '=') return rt_raise(vm, &exc_ValueError, "'=' alignment flag is not allowed in complex format specifier");
  Buf text, out;
  bool parens;
  buf_init(&text, rt_mem(vm));
  buf_init(&out, rt_mem(vm));
  bool ok = put_complex(vm, &text, (const Complex *)v_obj(v), &s, &parens);
  if (ok) {
    int64_t pad = s.width - (int64_t)text.len - 1 - 2 * parens;
    int64_t left = pad <= 0 || s.align == '<' ? 0 : s.align == '^' ? pad / 2 : pad;
    put_fill(&out, s.fill, left);
    if (parens) buf_char(&out, '(');
    buf_add(&out, text.data, text.len);
    buf_char(&out, 'j');
    if (parens) buf_char(&out, ')');
    if (pad > 0) put_fill(&out, s.fill, pad - left);
  }
  buf_free(&text);
  return finish(vm, &out, NULL, ok && !out.failed);
}

Value format_str(VM *vm, Value v, Str *spec) {
  Str *str = v_str(v);
  if (!spec || spec->size == 0) return v_is_exact(v, &str_type) ? v : as_str(vm, v);
  Spec s;
  if (!read_spec(vm, v, spec, '<', 's', &s)) return V_FAIL;
  if (s.type != 's') return unknown_type(vm, s.type, v);
  if (s.sign == ' ') return rt_raise(vm, &exc_ValueError, "Space not allowed in string format specifier");
  if (s.sign) return rt_raise(vm, &exc_ValueError, "Sign not allowed in string format specifier");
  if (s.no_neg_zero) return rt_raise(vm, &exc_ValueError, "Negative zero coercion (z) not allowed in string format specifier");
  if (s.alt) return rt_raise(vm, &exc_ValueError, "Alternate form (#) not allowed in string format specifier");
  if (s.align == '=') return rt_raise(vm, &exc_ValueError, "'=' alignment not allowed in string format specifier");
  size_t chars = s.prec >= 0 && (uint64_t)s.prec < str->length ? (size_t)s.prec : str->length, size = str_offset(vm, str, chars);
  int64_t pad = s.width - (int64_t)chars;
  int64_t left = pad <= 0 || s.align == '<' ? 0 : s.align == '^' ? pad / 2 : pad;
  Buf out;
  buf_init(&out, rt_mem(vm));
  put_fill(&out, s.fill, left);
  buf_add(&out, str->data, size);
  if (pad > 0) put_fill(&out, s.fill, pad - left);
  return finish(vm, &out, NULL, !out.failed);
}

/* ---------------------------------------------------------------- printf-style pieces */

/* sign prefix digits/rest in a field: blanks, or zeros behind the prefix. */
static bool put_field(VM *vm, Buf *out, char sign, const char *prefix, const char *text, size_t n, int64_t zeros, unsigned flags, int64_t width) {
  int64_t len = (sign != 0) + (int64_t)strlen(prefix) + zeros + (int64_t)n, pad = width > len ? width - len : 0;
  bool left = (flags & PF_LEFT) != 0, fill_zero = (flags & PF_ZERO) != 0 && !left;
  if (!rt_charge(vm, (uint64_t)(pad + zeros) >> 9)) return false;
  if (!left && !fill_zero) buf_fill(out, ' ', (size_t)pad);
  if (sign) buf_char(out, sign);
  buf_str(out, prefix);
  if (fill_zero) buf_fill(out, '0', (size_t)pad);
  buf_fill(out, '0', (size_t)zeros);
  buf_add(out, text, n);
  if (left) buf_fill(out, ' ', (size_t)pad);
  return true;
}

static char percent_sign(bool neg, unsigned flags) { return neg ? '-' : flags & PF_SIGN ? '+' : flags & PF_SPACE ? ' ' : 0; }

bool format_percent_int(VM *vm, Buf *out, Value v, char type, unsigned flags, int64_t width, int64_t prec) {
  Buf text;
  char room[ROOM];
  start(&text, vm, room, !v_is_obj(v));
  int base = base_of((unsigned char)type);
  bool ok = int_put_text(vm, v, base, base == 10, &text);
  if (ok) {
    if (type == 'X') to_upper(text.data, text.len);
    bool neg = text.data[0] == '-';
    int64_t n = (int64_t)text.len - neg;
    ok = put_field(vm, out, percent_sign(neg, flags), flags & PF_ALT ? prefix_of((unsigned char)type) : "", text.data + neg, (size_t)n, prec > n ? prec - n : 0, flags, width);
  }
  discard(&text, room);
  return ok;
}

bool format_percent_float(VM *vm, Buf *out, double d, char type, unsigned flags, int64_t width, int64_t prec) {
  Buf text;
  char room[ROOM];
  start(&text, vm, room, prec < 1000);
  if (prec > INT32_MAX) return rt_raise_b(vm, &exc_ValueError, "precision too big");
  bool ok = format_double(vm, &text, d, type, prec < 0 ? 6 : prec, false, (flags & PF_ALT) != 0, false);
  if (ok) {
    bool neg = text.data[0] == '-';
    ok = put_field(vm, out, percent_sign(neg, flags), "", text.data + neg, text.len - neg, 0, flags, width);
  } else {
    rt_no_memory(vm);
  }
  discard(&text, room);
  return ok;
}

bool format_percent_str(VM *vm, Buf *out, const char *text, size_t size, unsigned flags, int64_t width, int64_t prec) {
  size_t chars = utf8_count(text, size);
  if (prec >= 0 && (uint64_t)prec < chars) {
    size = (size_t)(utf8_at(text, size, (size_t)prec) - text);
    chars = (size_t)prec;
  }
  int64_t pad = width > (int64_t)chars ? width - (int64_t)chars : 0;
  if (!rt_charge(vm, (uint64_t)pad >> 9)) return false;
  if (!(flags & PF_LEFT)) buf_fill(out, ' ', (size_t)pad);
  buf_add(out, text, size);
  if (flags & PF_LEFT) buf_fill(out, ' ', (size_t)pad);
  return true;
}
