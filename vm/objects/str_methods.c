/* The table of str's methods, and the methods that pad, expand, translate and encode. */
#include "vm/objects/str_build.h"
#include "vm/objects/dict.h"

/* ---- padding ---- */

static Value pad(VM *vm, Str *s, size_t left, size_t right, const char *fill, size_t fill_size) {
  if (left == 0 && right == 0) return v_from_str(str_exact(vm, s));
  if (left > TEXT_MAX - right || left + right > (TEXT_MAX - s->size) / fill_size) return rt_raise(vm, &exc_OverflowError, "padded string is too long");
  size_t size = s->size + (left + right) * fill_size;
  if (!charge_bytes(vm, size)) return V_FAIL;
  Str *r = str_alloc(vm, size, s->length + left + right);
  if (!r) return V_FAIL;
  char *out = str_text(r);
  size_t counts[2] = {left, right};
  for (int side = 0; side < 2; side++) {
    if (fill_size == 1) memset(out, *fill, counts[side]);
    else for (size_t i = 0; i < counts[side]; i++) memcpy(out + i * fill_size, fill, fill_size);
    out += counts[side] * fill_size;
    if (side == 0) memcpy(out, s->data, s->size), out += s->size;
  }
  return v_from_obj(r);
}

typedef enum { ALIGN_LEFT, ALIGN_RIGHT, ALIGN_CENTER } Align;

static Value justify(VM *vm, Args *a, Align align) {
  Str *s = v_str(a->v[0]);
  int64_t width;
  if (!str_size_arg(vm, a->v[1], &width)) return V_FAIL;
  if (!is_str(a->v[2])) return rt_raise(vm, &exc_TypeError, "The fill character must be a unicode character, not %T", a->v[2]);
  Str *fill = v_str(a->v[2]);
  if (fill->length != 1) return rt_raise(vm, &exc_TypeError, "The fill character must be exactly one character long");
  if (width <= (int64_t)s->length) return v_from_str(str_exact(vm, s));
  size_t all = (size_t)width - s->length, left = align == ALIGN_LEFT ? 0 : align == ALIGN_RIGHT ? all : all / 2 + (all & (size_t)width & 1);
  return pad(vm, s, left, all - left, fill->data, fill->size);
}
static Value m_ljust(VM *vm, Args *a) { return justify(vm, a, ALIGN_LEFT); }
static Value m_rjust(VM *vm, Args *a) { return justify(vm, a, ALIGN_RIGHT); }
static Value m_center(VM *vm, Args *a) { return justify(vm, a, ALIGN_CENTER); }

static Value m_zfill(VM *vm, Args *a) {
  Str *s = v_str(a->v[0]);
  int64_t width;
  if (!str_size_arg(vm, a->v[1], &width)) return V_FAIL;
  if (width <= (int64_t)s->length) return v_from_str(str_exact(vm, s));
  size_t zeros = (size_t)width - s->length;
  Value r = pad(vm, s, zeros, 0, "0", 1);
  if (v_failed(r)) return r;
  char *text = str_text(v_str(r));
  if (s->size && (text[zeros] == '+' || text[zeros] == '-')) { /* the sign goes to the front */
    text[0] = text[zeros];
    text[zeros] = '0';
  }
  return r;
}

static Value m_expandtabs(VM *vm, Args *a) {
  Str *s = v_str(a->v[0]);
  int64_t tab;
  if (!str_int_arg(vm, a->v[1], &tab)) return V_FAIL;
  size_t extra = 0, column = 0, tabs = 0;
  for (size_t i = 0; i < s->size; i++) { /* pass 1: how much longer */
    unsigned char c = (unsigned char)s->data[i];
    if (c == '\t') {
      size_t n = tab > 0 ? (size_t)tab - column % (size_t)tab : 0;
      if (n > TEXT_MAX - extra) return rt_raise(vm, &exc_OverflowError, "new string is too long");
      extra += n;
      column += n;
      tabs++;
    } else if (c == '\n' || c == '\r') {
      column = 0;
    } else if ((c & 0xC0) != 0x80) {
      column++;
    }
  }
  if (tabs == 0) return v_from_str(str_exact(vm, s));
  if (extra > TEXT_MAX - s->size) return rt_raise(vm, &exc_OverflowError, "new string is too long");
  if (!charge_bytes(vm, s->size + extra)) return V_FAIL;
  if (s->size - tabs + extra == 0) return v_from_str(str_empty(vm));
  Str *r = str_alloc(vm, s->size - tabs + extra, s->length - tabs + extra);
  if (!r) return V_FAIL;
  char *out = str_text(r);
  column = 0;
  for (size_t i = 0; i < s->size; i++) {
    unsigned char c = (unsigned char)s->data[i];
    if (c != '\t') {
      *out++ = (char)c;
      column = c == '\n' || c == '\r' ? 0 : column + ((c & 0xC0) != 0x80);
    } else if (tab > 0) {
      size_t n = (size_t)tab - column % (size_t)tab;
      memset(out, ' ', n);
      out += n;
      column += n;
    }
  }
  return v_from_obj(r);
}

/* ---- translate ---- */

static bool add_cp(VM *vm, Buf *b, Value v) {
  int64_t c;
  if (!int_to_i64(v, &c) || c < 0 || c > 0x10FFFF) return rt_raise_b(vm, &exc_ValueError, "character mapping must be in range(0x110000)");
  char text[4];
  buf_add(b, text, (size_t)utf8_encode((uint32_t)c, text));
  return true;
}

/* What the table says about one character is appended; `at` is the character itself, kept when the table has no entry. */
static bool translate_one(VM *vm, Buf *b, Value to, const char *at, size_t n) {
  if (v_absent(to)) buf_add(b, at, n);
  else if (v_is_none(to)) return true;
  else if (is_str(to)) buf_add(b, v_str(to)->data, v_str(to)->size);
  else if (is_int(to)) return add_cp(vm, b, to);
  else return rt_raise_b(vm, &exc_TypeError, "character mapping must return integer, None or str");
  return true;
}

/* ASCII characters whose replacement is one byte are remembered. [script]: only through odd keys of the dict. */
static bool translate_dict(VM *vm, Value self, Value table, Buf *b) {
  enum { UNKNOWN = 0, REPLACED = 0x80, DELETED = 0xFF };
  unsigned char memo[128] = {0};
  Str *s = v_str(self);
  size_t size = s->size;
  for (size_t i = 0; i < size;) {
    unsigned char c = (unsigned char)s->data[i];
    if (c < 128 && memo[c]) {
      if (memo[c] != DELETED) buf_char(b, (char)(memo[c] & 0x7F));
      i++;
      continue;
    }
    const char *next;
    uint32_t cp = utf8_decode(s->data + i, &next);
    size_t n = (size_t)(next - (s->data + i)), before = b->len;
    Value to = dict_get(vm, v_dict(table), v_from_int62((int64_t)cp));
    if (v_failed(to) || !translate_one(vm, b, to, s->data + i, n)) return false;
    i += n;
    if (c >= 128 || b->failed) continue;
    unsigned char last = b->len > before ? (unsigned char)b->data[b->len - 1] : 0;
    if (b->len == before) memo[c] = DELETED;
    else if (b->len == before + 1 && last < 0x7F) memo[c] = (unsigned char)(REPLACED | last);
  }
  return true;
}

static Value m_translate(VM *vm, Args *a) {
  if (!v_is_exact(a->v[1], &dict_type)) return rt_tail_builtin(vm, "_str_translate", 2, a->v);
  if (!rt_charge(vm, v_str(a->v[0])->size >> 4)) return V_FAIL;
  Buf b;
  buf_init(&b, &vm->mem);
  buf_reserve(&b, v_str(a->v[0])->size);
  if (translate_dict(vm, a->v[0], a->v[1], &b)) return v_from_str(str_from_buf(vm, &b));
  buf_free(&b);
  return V_FAIL;
}

static Value maketrans_dict(VM *vm, Value from) {
  Dict *d = dict_new(vm);
  size_t pos = 0;
  Value key, value;
  if (!d) return V_FAIL;
  if (!v_is_exact(from, &dict_type)) return rt_raise(vm, &exc_TypeError, "if you give only one argument to maketrans it must be a dict");
  while (dict_next(v_dict(from), &pos, &key, &value)) {
    if (is_str(key)) {
      if (v_str(key)->length != 1) return rt_raise(vm, &exc_ValueError, "string keys in translate table must be of length 1");
      key = v_from_int62((int64_t)str_cp_at(vm, v_str(key), 0));
    } else if (!is_int(key)) {
      return rt_raise(vm, &exc_TypeError, "keys in translate table must be strings or integers");
    }
    if (!dict_set(vm, d, key, value)) return V_FAIL;
  }
  return v_from_obj(d);
}

static Value m_maketrans(VM *vm, Args *a) {
  Value x = a->v[0], y = a->v[1], z = a->v[2];
  if (v_absent(y)) return maketrans_dict(vm, x);
  if (!is_str(y)) return rt_raise(vm, &exc_TypeError, "maketrans() argument 2 must be str, not %s", str_arg_name(y));
  if (!v_absent(z) && !is_str(z)) return rt_raise(vm, &exc_TypeError, "maketrans() argument 3 must be str, not %s", str_arg_name(z));
  if (!is_str(x)) return rt_raise(vm, &exc_TypeError, "first maketrans argument must be a string if there is a second argument");
  if (v_str(x)->length != v_str(y)->length) return rt_raise(vm, &exc_ValueError, "the first two maketrans arguments must have equal length");
  Dict *d = dict_new(vm);
  if (!d) return V_FAIL;
  const char *p = v_str(x)->data, *end = p + v_str(x)->size, *q = v_str(y)->data;
  while (p < end) {
    uint32_t from = utf8_decode(p, &p), to = utf8_decode(q, &q);
    if (!dict_set(vm, d, v_from_int62((int64_t)from), v_from_int62((int64_t)to))) return V_FAIL;
  }
  if (v_absent(z)) return v_from_obj(d);
  for (p = v_str(z)->data, end = p + v_str(z)->size; p < end;) {
    if (!dict_set(vm, d, v_from_int62((int64_t)utf8_decode(p, &p)), V_NONE)) return V_FAIL;
  }
  return v_from_obj(d);
}

/* ---- the rest ---- */

static Value m_encode(VM *vm, Args *a) {
  const char *encoding = "utf-8", *errors = "strict";
  if (!codec_arg(vm, a->v[1], "encode() argument 'encoding'", &encoding) || !codec_arg(vm, a->v[2], "encode() argument 'errors'", &errors)) return V_FAIL;
  return codec_retry(vm, codec_encode(vm, a->v[0], encoding, errors), a->v[0], encoding, errors, true);
}

static Value m_getnewargs(VM *vm, Args *a) {
  Value s = v_from_str(str_exact(vm, v_str(a->v[0])));
  Tuple *t = v_failed(s) ? NULL : tuple_new(vm, &s, 1);
  return t ? v_from_obj(t) : V_FAIL;
}

const tiny_def str_methods[] = {
  {"capitalize", str_m_capitalize, "(self, /)", "Return a copy with the first character in title case and the rest in lower case."},
  {"casefold", str_m_casefold, "(self, /)", "Return a version suitable for caseless comparisons."},
  {"center", m_center, "(self, width, fillchar=' ', /)", "Return the string centered in a string of length width."},
  {"count", str_m_count, "(self, sub, start=None, end=None, /) varargs", "Return the number of non-overlapping occurrences of sub in self[start:end]."},
  {"encode", m_encode, "(self, encoding=..., errors=...)", "Encode the string with the codec named encoding; errors says what to do with what it cannot express."},
  {"endswith", str_m_endswith, "(self, suffix, start=None, end=None, /) varargs", "True if self[start:end] ends with suffix, or with one of a tuple of them."},
  {"expandtabs", m_expandtabs, "(self, tabsize=8)", "Return a copy where tabs are replaced by spaces up to the next column that is a multiple of tabsize."},
  {"find", str_m_find, "(self, sub, start=None, end=None, /) varargs", "Return the lowest index where sub is found in self[start:end], or -1."},
  {"format", str_m_format, "(self, /, *args, **kwargs=...) varargs", "Return a formatted version, with the replacement fields in braces filled from args and kwargs."},
  {"format_map", str_m_format_map, "(self, mapping, /)", "Return a formatted version, with the replacement fields in braces filled from mapping."},
  {"index", str_m_index, "(self, sub, start=None, end=None, /) varargs", "Like find, but raise ValueError when sub is not found."},
  {"isalnum", str_m_isalnum, "(self, /)", "True if all characters are letters or numeric and there is at least one."},
  {"isalpha", str_m_isalpha, "(self, /)", "True if all characters are letters and there is at least one."},
  {"isascii", str_m_isascii, "(self, /)", "True if all characters are ASCII."},
  {"isdecimal", str_m_isdecimal, "(self, /)", "True if all characters are decimal digits and there is at least one."},
  {"isdigit", str_m_isdigit, "(self, /)", "True if all characters are digits and there is at least one."},
  {"isidentifier", str_m_isidentifier, "(self, /)", "True if the string is a valid identifier."},
  {"islower", str_m_islower, "(self, /)", "True if all cased characters are lower case and there is at least one."},
  {"isnumeric", str_m_isnumeric, "(self, /)", "True if all characters are numeric and there is at least one."},
  {"isprintable", str_m_isprintable, "(self, /)", "True if repr() would leave every character as it is."},
  {"isspace", str_m_isspace, "(self, /)", "True if all characters are white space and there is at least one."},
  {"istitle", str_m_istitle, "(self, /)", "True if every word starts with upper or title case and goes on in lower case."},
  {"isupper", str_m_isupper, "(self, /)", "True if all cased characters are upper case and there is at least one."},
  {"join", str_m_join, "(self, iterable, /)", "Concatenate strings, with this one between them."},
  {"ljust", m_ljust, "(self, width, fillchar=' ', /)", "Return the string left-justified in a string of length width."},
  {"lower", str_m_lower, "(self, /)", "Return a copy in lower case."},
  {"lstrip", str_m_lstrip, "(self, chars=None, /)", "Return a copy without leading white space, or without leading characters of chars."},
  {"!maketrans", m_maketrans, "(x, y=..., z=..., /)", "Return a table for translate()."},
  {"partition", str_m_partition, "(self, sep, /)", "Split at the first sep: (before, sep, after), or (self, '', '')."},
  {"removeprefix", str_m_removeprefix, "(self, prefix, /)", "Return the string without the prefix, if it has it."},
  {"removesuffix", str_m_removesuffix, "(self, suffix, /)", "Return the string without the suffix, if it has it."},
  {"replace", str_m_replace, "(self, old, new, count=-1, /)", "Return a copy with the first count (-1: all) occurrences of old replaced by new."},
  {"rfind", str_m_rfind, "(self, sub, start=None, end=None, /) varargs", "Return the highest index where sub is found in self[start:end], or -1."},
  {"rindex", str_m_rindex, "(self, sub, start=None, end=None, /) varargs", "Like rfind, but raise ValueError when sub is not found."},
  {"rjust", m_rjust, "(self, width, fillchar=' ', /)", "Return the string right-justified in a string of length width."},
  {"rpartition", str_m_rpartition, "(self, sep, /)", "Split at the last sep: (before, sep, after), or ('', '', self)."},
  {"rsplit", str_m_rsplit, "(self, sep=None, maxsplit=-1)", "Return the list of words, splitting from the right at most maxsplit times."},
  {"rstrip", str_m_rstrip, "(self, chars=None, /)", "Return a copy without trailing white space, or without trailing characters of chars."},
  {"split", str_m_split, "(self, sep=None, maxsplit=-1)", "Return the list of words between sep (None: white space), splitting at most maxsplit times."},
  {"splitlines", str_m_splitlines, "(self, keepends=False)", "Return the list of lines."},
  {"startswith", str_m_startswith, "(self, prefix, start=None, end=None, /) varargs", "True if self[start:end] starts with prefix, or with one of a tuple of them."},
  {"strip", str_m_strip, "(self, chars=None, /)", "Return a copy without leading and trailing white space, or characters of chars."},
  {"swapcase", str_m_swapcase, "(self, /)", "Return a copy with upper and lower case exchanged."},
  {"title", str_m_title, "(self, /)", "Return a copy where every word starts in title case and goes on in lower case."},
  {"translate", m_translate, "(self, table, /)", "Replace each character by table[ord(c)]: a code point, a string, or None to delete it."},
  {"upper", str_m_upper, "(self, /)", "Return a copy in upper case."},
  {"zfill", m_zfill, "(self, width, /)", "Pad with zeros on the left, behind a sign, up to width."},
  {"__getnewargs__", m_getnewargs, "(self, /)", NULL},
  {0},
};
