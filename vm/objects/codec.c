/* Text <-> bytes: UTF-8, UTF-16, UTF-32, ASCII, Latin-1, the single-byte encodings of codec_maps.h, unicode_escape, raw_unicode_escape, with the error handlers of the library reference ("codecs"). */
#include "vm/objects/str_build.h"
#include "vm/objects/codec_maps.h"
#include "vm/objects/dict.h"
#include "vm/objects/module.h"
#include "vm/vm.h"
#include "vm/base/utf8.h"

typedef enum { ENC_UTF8, ENC_UTF8_SIG, ENC_ASCII, ENC_LATIN1, ENC_MAP, ENC_UTF16, ENC_UTF16LE, ENC_UTF16BE, ENC_UTF32, ENC_UTF32LE, ENC_UTF32BE, ENC_ESCAPE, ENC_RAW } EncKind;
typedef struct Encoding { const char *alias; EncKind kind; } Encoding;

/* Names are compared in lower case with '_' and ' ' read as '-'. */
static const Encoding encodings[] = {
  {"utf-8", ENC_UTF8}, {"utf8", ENC_UTF8}, {"u8", ENC_UTF8}, {"utf", ENC_UTF8}, {"cp65001", ENC_UTF8}, {"utf-8-sig", ENC_UTF8_SIG}, {"utf8-sig", ENC_UTF8_SIG},
  {"ascii", ENC_ASCII}, {"us-ascii", ENC_ASCII}, {"646", ENC_ASCII}, {"iso646-us", ENC_ASCII}, {"ansi-x3.4-1968", ENC_ASCII}, {"latin-1", ENC_LATIN1},
  {"latin1", ENC_LATIN1}, {"iso-8859-1", ENC_LATIN1}, {"iso8859-1", ENC_LATIN1}, {"8859", ENC_LATIN1}, {"cp819", ENC_LATIN1}, {"l1", ENC_LATIN1},
  {"latin", ENC_LATIN1}, {"utf-16", ENC_UTF16}, {"utf16", ENC_UTF16}, {"u16", ENC_UTF16}, {"utf-16-le", ENC_UTF16LE}, {"utf-16le", ENC_UTF16LE},
  {"utf-16-be", ENC_UTF16BE}, {"utf-16be", ENC_UTF16BE}, {"utf-32", ENC_UTF32}, {"utf32", ENC_UTF32}, {"u32", ENC_UTF32}, {"utf-32-le", ENC_UTF32LE},
  {"utf-32le", ENC_UTF32LE}, {"utf-32-be", ENC_UTF32BE}, {"utf-32be", ENC_UTF32BE}, {"unicode-escape", ENC_ESCAPE}, {"raw-unicode-escape", ENC_RAW},
};
/* As the exceptions name them. */
static const char *const shown_name[] = {"utf-8", "utf-8", "ascii", "latin-1", "charmap", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "unicodeescape", "rawunicodeescape"};

typedef enum { ERR_STRICT, ERR_IGNORE, ERR_REPLACE, ERR_BACKSLASH, ERR_XML, ERR_NAME, ERR_ESCAPE, ERR_PASS, ERR_UNKNOWN } ErrKind;
static const char *const handlers[] = {"strict", "ignore", "replace", "backslashreplace", "xmlcharrefreplace", "namereplace", "surrogateescape", "surrogatepass"};

/* One conversion. `object` is what the exceptions carry; it stays rooted as the argument of the running native. */
typedef struct Codec {
  VM *vm;
  EncKind kind;
  bool big; /* byte order of UTF-16 and UTF-32 */
  const uint16_t *map; /* ENC_MAP: of the bytes from 0x80 on */
  const char *errors;
  ErrKind handler;
  Value object;
  Buf out;
  char odd_escape; /* the first character behind a backslash that is no escape */
} Codec;

bool codec_arg(VM *vm, Value v, const char *what, const char **out) {
  if (v_absent(v)) return true;
  if (!is_str(v)) return rt_raise_b(vm, &exc_TypeError, "%s must be str, not %s", what, str_arg_name(v));
  const char *text = str_cstr(vm, v_str(v));
  if (!text) return false;
  if (!str_is_ascii(v_str(v)) && v_failed(codec_encode(vm, v, "utf-8", "strict"))) return false; /* lone surrogates */
  if (memchr(text, 0, v_str(v)->size)) return rt_raise_b(vm, &exc_ValueError, "embedded null character");
  *out = text;
  return true;
}

enum { MAX_NAME = 24 };

/* The map of a single-byte encoding; NULL: not one of them. */
static const uint16_t *find_map(const char *name, size_t n) {
  for (size_t i = 0; i < sizeof codec_maps / sizeof *codec_maps; i++) {
    for (const char *p = codec_maps[i].names; (p = strchr(p, ' ')) != NULL && p[1]; p++)
      if (strncmp(p + 1, name, n) == 0 && p[n + 1] == ' ') return codec_maps[i].upper;
  }
  return NULL;
}

static const Encoding *find_encoding(const char *encoding, char *name, size_t *len, size_t cap) {
  size_t n = *len = strlen(encoding);
  for (size_t i = 0; i < n && n < cap; i++) {
    char ch = encoding[i];
    name[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch | 32) : ch == '_' || ch == ' ' ? '-' : ch;
  }
  for (size_t i = 0; n < cap && i < sizeof encodings / sizeof *encodings; i++) {
    if (strlen(encodings[i].alias) == n && memcmp(encodings[i].alias, name, n) == 0) return &encodings[i];
  }
  return NULL;
}

static bool codec_open(Codec *c, VM *vm, Value object, const char *encoding, const char *errors) {
  char name[MAX_NAME];
  size_t n;
  const Encoding *found = find_encoding(encoding, name, &n, sizeof name);
  const uint16_t *map = found || n >= sizeof name ? NULL : find_map(name, n);
  if (!found && !map) return rt_raise_b(vm, &exc_LookupError, "unknown encoding: %s", encoding);
  *c = (Codec){.vm = vm, .kind = map ? ENC_MAP : found->kind, .map = map, .errors = errors, .handler = ERR_UNKNOWN, .object = object};
  c->big = c->kind == ENC_UTF16BE || c->kind == ENC_UTF32BE;
  for (int i = 0; i < ERR_UNKNOWN && c->handler == ERR_UNKNOWN; i++)
    if (strcmp(errors, handlers[i]) == 0) c->handler = (ErrKind)i;
  buf_init(&c->out, &vm->mem);
  return true;
}

/* ---- exceptions ---- */

static bool unicode_error(Codec *c, const Type *type, Value object, size_t start, size_t end, const char *reason) {
  VM *vm = c->vm;
  Value argv[5] = {v_from_str(str_from(vm, shown_name[c->kind])), object, v_from_int62((int64_t)start), v_from_int62((int64_t)end), v_from_str(str_from(vm, reason))};
  if (v_failed(argv[0]) || v_failed(argv[4]) || v_failed(argv[1])) return false;
  Value exc = exc_new(vm, type, 5, argv);
  if (!v_failed(exc)) (void)rt_raise_obj(vm, exc);
  return false;
}

static bool encode_error(Codec *c, size_t start, size_t end, const char *reason) {
  Value s = v_from_str(str_exact(c->vm, v_str(c->object)));
  return unicode_error(c, &exc_UnicodeEncodeError, s, start, end, reason);
}

static bool decode_error(Codec *c, View v, size_t start, size_t end, const char *reason) {
  Value object = v_is_exact(c->object, &bytes_type) ? c->object : v_from_bytes(bytes_new(c->vm, v.data, v.size));
  return unicode_error(c, &exc_UnicodeDecodeError, object, start, end, reason);
}

static bool unknown_handler(Codec *c) { return rt_raise_b(c->vm, &exc_LookupError, "unknown error handler name '%s'", c->errors); }

/* ---- encoding ---- */

static inline bool is_surrogate(uint32_t cp) { return cp >= 0xD800 && cp <= 0xDFFF; }

/* The byte of a character in a single-byte encoding; -1: none. */
static int mapped(const Codec *c, uint32_t cp) {
  if (cp < 0x80) return (int)cp;
  for (int i = 0; cp != 0xFFFD && i < 128; i++) if (c->map[i] == cp) return i + 0x80;
  return -1;
}

static bool encodable(const Codec *c, uint32_t cp) {
  if (c->kind == ENC_MAP) return mapped(c, cp) >= 0;
  if (c->kind == ENC_ASCII) return cp < 0x80;
  if (c->kind == ENC_LATIN1) return cp < 0x100;
  return !is_surrogate(cp);
}

static void put_unit(Codec *c, uint32_t unit, int bytes) {
  for (int i = 0; i < bytes; i++) buf_char(&c->out, (char)(unit >> (8 * (c->big ? bytes - 1 - i : i))));
}

static void put(Codec *c, uint32_t cp) {
  char text[4];
  switch (c->kind) {
    case ENC_UTF8: case ENC_UTF8_SIG: buf_add(&c->out, text, (size_t)utf8_encode(cp, text)); break;
    case ENC_ASCII: case ENC_LATIN1: buf_char(&c->out, (char)cp); break;
    case ENC_MAP: buf_char(&c->out, (char)mapped(c, cp)); break;
    case ENC_UTF16: case ENC_UTF16LE: case ENC_UTF16BE:
      if (cp >= 0x10000) {
        put_unit(c, 0xD800 + ((cp - 0x10000) >> 10), 2);
        cp = 0xDC00 + ((cp - 0x10000) & 0x3FF);
      }
      put_unit(c, cp, 2);
      break;
    default: put_unit(c, cp, 4); break;
  }
}

static void put_text(Codec *c, const char *ascii) {
  while (*ascii) put(c, (unsigned char)*ascii++);
}

static const char *encode_reason(const Codec *c) {
  return c->kind == ENC_MAP ? "character maps to <undefined>" : c->kind == ENC_ASCII ? "ordinal not in range(128)" : c->kind == ENC_LATIN1 ? "ordinal not in range(256)" : "surrogates not allowed";
}

/* One character that the encoding lacks, of the run [start, end). */
static bool encode_bad(Codec *c, uint32_t cp, size_t start, size_t end) {
  Buf text;
  switch (c->handler) {
    case ERR_IGNORE: return true;
    case ERR_REPLACE: put(c, '?'); return true;
    case ERR_BACKSLASH: case ERR_NAME: case ERR_XML:
      buf_init(&text, c->out.mem);
      if (c->handler == ERR_XML) buf_printf(&text, "&#%u;", (unsigned)cp);
      else buf_printf(&text, cp < 0x100 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)cp);
      put_text(c, buf_cstr(&text));
      c->out.failed |= text.failed;
      buf_free(&text);
      return true;
    case ERR_ESCAPE:
      if (cp < 0xDC80 || cp > 0xDCFF || c->kind >= ENC_UTF16) break;
      buf_char(&c->out, (char)(cp - 0xDC00));
      return true;
    case ERR_PASS:
      if (!is_surrogate(cp) || c->kind == ENC_ASCII || c->kind == ENC_LATIN1 || c->kind == ENC_MAP) break;
      put(c, cp);
      return true;
    case ERR_UNKNOWN: return unknown_handler(c);
    case ERR_STRICT: break;
  }
  return encode_error(c, start, end, encode_reason(c));
}

/* The run of characters from p that cannot be encoded: handled one by one. *p, *index: behind it. */
static bool encode_run(Codec *c, const char **p, const char *end, size_t *index) {
  const char *q = *p, *next;
  size_t n = 0;
  do {
    if (encodable(c, utf8_decode(q, &next))) break;
    q = next;
    n++;
  } while (q < end && c->kind < ENC_UTF16);
  size_t start = *index;
  *index += n;
  for (const char *at = *p; at < q;) {
    uint32_t cp = utf8_decode(at, &at);
    if (!encode_bad(c, cp, start, start + n)) return false;
  }
  *p = q;
  return true;
}

static void escape_text(Codec *c, const Str *s) {
  for (const char *p = s->data, *end = p + s->size; p < end && !c->out.failed;) {
    uint32_t cp = utf8_decode(p, &p);
    if (cp == '\\') buf_str(&c->out, "\\\\");
    else if (cp == '\n') buf_str(&c->out, "\\n");
    else if (cp == '\r') buf_str(&c->out, "\\r");
    else if (cp == '\t') buf_str(&c->out, "\\t");
    else if (cp >= 0x20 && cp < 0x7F) buf_char(&c->out, (char)cp);
    else buf_printf(&c->out, cp < 0x100 ? "\\x%02x" : cp < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)cp);
  }
}

/* Latin-1 characters stay, the others become \uXXXX. */
static void raw_escape_text(Codec *c, const Str *s) {
  for (const char *p = s->data, *end = p + s->size; p < end && !c->out.failed;) {
    uint32_t cp = utf8_decode(p, &p);
    if (cp < 0x100) buf_char(&c->out, (char)cp);
    else buf_printf(&c->out, cp < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)cp);
  }
}

static bool has_surrogate(const Str *s) {
  if (str_is_ascii(s)) return false;
  for (const char *p = s->data, *end = p + s->size; (p = memchr(p, 0xED, (size_t)(end - p))) != NULL; p++) {
    if ((unsigned char)p[1] >= 0xA0) return true;
  }
  return false;
}

static bool encode_all(Codec *c, const Str *s) {
  const char *p = s->data, *end = p + s->size;
  size_t index = 0;
  if (c->kind == ENC_UTF16 || c->kind == ENC_UTF32) put_unit(c, 0xFEFF, c->kind == ENC_UTF16 ? 2 : 4);
  if (c->kind == ENC_UTF8_SIG) put(c, 0xFEFF);
  while (p < end && !c->out.failed) {
    const char *next;
    uint32_t cp = utf8_decode(p, &next);
    if (encodable(c, cp)) {
      put(c, cp);
      p = next;
      index++;
    } else if (!encode_run(c, &p, end, &index)) {
      return false;
    }
  }
  return true;
}

Value codec_encode(VM *vm, Value str, const char *encoding, const char *errors) {
  Codec c;
  Str *s = v_str(str);
  if (!codec_open(&c, vm, str, encoding, errors)) return V_FAIL;
  bool same = c.kind == ENC_UTF8 ? !has_surrogate(s) : (c.kind == ENC_ASCII || c.kind == ENC_LATIN1 || c.kind == ENC_MAP) && str_is_ascii(s);
  if (!charge_bytes(vm, s->size)) return V_FAIL;
  if (same) return v_from_bytes(bytes_new(vm, s->data, s->size));
  if (!rt_charge(vm, s->size >> 4)) return V_FAIL;
  buf_reserve(&c.out, s->length);
  if (c.kind == ENC_ESCAPE) {
    escape_text(&c, s);
  } else if (c.kind == ENC_RAW) {
    raw_escape_text(&c, s);
  } else if (!encode_all(&c, s)) {
    buf_free(&c.out);
    return V_FAIL;
  }
  return v_from_bytes(bytes_from_buf(vm, &c.out));
}

/* ---- decoding ---- */

static void add_cp(Codec *c, uint32_t cp) {
  char text[4];
  buf_add(&c->out, text, (size_t)utf8_encode(cp, text));
}

/* surrogatepass: bytes at `at` that are a surrogate in this encoding; returns how many, 0: none. */
static size_t pass_surrogate(Codec *c, View v, size_t at) {
  const uint8_t *p = v.data + at;
  size_t left = v.size - at;
  uint32_t cp;
  size_t n;
  if (c->kind <= ENC_UTF8_SIG) {
    if (left < 3 || p[0] != 0xED || (p[1] & 0xE0) != 0xA0 || (p[2] & 0xC0) != 0x80) return 0;
    cp = 0xD000u | (uint32_t)(p[1] & 0x3F) << 6 | (uint32_t)(p[2] & 0x3F);
    n = 3;
  } else {
    n = c->kind <= ENC_UTF16BE ? 2 : 4;
    if (c->kind < ENC_UTF16 || left < n) return 0;
    cp = 0;
    for (size_t i = 0; i < n; i++) cp = cp << 8 | p[c->big ? i : n - 1 - i];
    if (!is_surrogate(cp)) return 0;
  }
  add_cp(c, cp);
  return n;
}

/* The bytes [start, end) are no text. *next: where to go on. */
static bool decode_bad(Codec *c, View v, size_t start, size_t end, const char *reason, size_t *next) {
  *next = end;
  switch (c->handler) {
    case ERR_IGNORE: return true;
    case ERR_REPLACE: add_cp(c, 0xFFFD); return true;
    case ERR_BACKSLASH:
      for (size_t i = start; i < end; i++) buf_printf(&c->out, "\\x%02x", v.data[i]);
      return true;
    case ERR_ESCAPE: {
      size_t i = start;
      for (; i < end && v.data[i] >= 0x80; i++) add_cp(c, 0xDC00u + v.data[i]);
      if (i == start) break;
      *next = i;
      return true;
    }
    case ERR_PASS: {
      size_t n = pass_surrogate(c, v, start);
      if (n == 0) break;
      *next = start + n;
      return true;
    }
    case ERR_XML: case ERR_NAME: return rt_raise_b(c->vm, &exc_TypeError, "don't know how to handle UnicodeDecodeError in error callback");
    case ERR_UNKNOWN: return unknown_handler(c);
    case ERR_STRICT: break;
  }
  return decode_error(c, v, start, end, reason);
}

static bool decode_utf8(Codec *c, View v, size_t at) {
  while (at < v.size && !c->out.failed) {
    size_t bad_len = 0;
    const char *reason = "";
    size_t good = utf8_check((const char *)v.data + at, v.size - at, false, &bad_len, &reason);
    buf_add(&c->out, v.data + at, good);
    at += good;
    if (at < v.size && !decode_bad(c, v, at, at + bad_len, reason, &at)) return false;
  }
  return true;
}

static bool decode_bytes(Codec *c, View v) { /* ASCII, Latin-1 */
  for (size_t at = 0; at < v.size && !c->out.failed;) {
    if (v.data[at] < 0x80 || c->kind == ENC_LATIN1) {
      add_cp(c, v.data[at++]);
    } else if (!decode_bad(c, v, at, at + 1, "ordinal not in range(128)", &at)) {
      return false;
    }
  }
  return true;
}

static bool decode_mapped(Codec *c, View v) {
  for (size_t at = 0; at < v.size && !c->out.failed;) {
    uint32_t cp = v.data[at] < 0x80 ? v.data[at] : c->map[v.data[at] - 0x80];
    if (cp != 0xFFFD) {
      add_cp(c, cp);
      at++;
    } else if (!decode_bad(c, v, at, at + 1, "character maps to <undefined>", &at)) {
      return false;
    }
  }
  return true;
}

static uint32_t unit_at(const Codec *c, const uint8_t *p, size_t n) {
  uint32_t u = 0;
  for (size_t i = 0; i < n; i++) u = u << 8 | p[c->big ? i : n - 1 - i];
  return u;
}

/* The plain names take a byte order mark; without one the order is little-endian, and errors name the order that was found. */
static size_t byte_order(Codec *c, View v, size_t n) {
  bool plain = c->kind == ENC_UTF16 || c->kind == ENC_UTF32;
  if (!plain) return 0;
  uint32_t mark = v.size >= n ? unit_at(c, v.data, n) : 0;
  bool swapped = mark == (n == 2 ? 0xFFFEu : 0xFFFE0000u), skip = mark == 0xFEFF || swapped;
  c->big = swapped;
  if (n == 2) c->kind = swapped ? ENC_UTF16BE : ENC_UTF16LE;
  else c->kind = swapped ? ENC_UTF32BE : ENC_UTF32LE;
  return skip ? n : 0;
}

static bool decode_utf16(Codec *c, View v) {
  size_t at = byte_order(c, v, 2);
  while (at < v.size && !c->out.failed) {
    const char *bad;
    size_t bad_len = 2;
    if (v.size - at < 2) {
      bad = "truncated data";
      bad_len = 1;
    } else {
      uint32_t u = unit_at(c, v.data + at, 2);
      if (!is_surrogate(u)) {
        add_cp(c, u);
        at += 2;
        continue;
      }
      if (u >= 0xDC00) {
        bad = "illegal encoding";
      } else if (v.size - at < 4) {
        bad = "unexpected end of data";
        bad_len = v.size - at;
      } else {
        uint32_t low = unit_at(c, v.data + at + 2, 2);
        if (low >= 0xDC00 && low <= 0xDFFF) {
          add_cp(c, 0x10000 + ((u - 0xD800) << 10) + (low - 0xDC00));
          at += 4;
          continue;
        }
        bad = "illegal UTF-16 surrogate";
      }
    }
    if (!decode_bad(c, v, at, at + bad_len, bad, &at)) return false;
  }
  return true;
}

static bool decode_utf32(Codec *c, View v) {
  size_t at = byte_order(c, v, 4);
  while (at < v.size && !c->out.failed) {
    const char *bad = "truncated data";
    size_t bad_len = v.size - at < 4 ? v.size - at : 4;
    if (bad_len == 4) {
      uint32_t u = unit_at(c, v.data + at, 4);
      if (u <= 0x10FFFF && !is_surrogate(u)) {
        add_cp(c, u);
        at += 4;
        continue;
      }
      bad = u > 0x10FFFF ? "code point not in range(0x110000)" : "code point in surrogate code point range(0xd800, 0xe000)";
    }
    if (!decode_bad(c, v, at, at + bad_len, bad, &at)) return false;
  }
  return true;
}

static int hex_digit(uint8_t c) { return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1; }

/* \xNN \uNNNN \UNNNNNNNN: p[0] is the letter. Appends, or gives the reason. *used: bytes read behind the backslash. */
static const char *escape_hex(Codec *c, const uint8_t *p, size_t left, size_t *used) {
  size_t want = p[0] == 'x' ? 2 : p[0] == 'u' ? 4 : 8, n = 0;
  uint32_t cp = 0;
  for (; n < want && n + 1 < left && hex_digit(p[n + 1]) >= 0; n++) cp = cp << 4 | (uint32_t)hex_digit(p[n + 1]);
  *used = n + 1;
  if (n < want) return want == 2 ? "truncated \\xXX escape" : want == 4 ? "truncated \\uXXXX escape" : "truncated \\UXXXXXXXX escape";
  if (cp > 0x10FFFF) return "illegal Unicode character";
  add_cp(c, cp);
  return NULL;
}

/* \N{NAME}: p[0] is the N. As escape_hex. */
static const char *escape_name(Codec *c, const uint8_t *p, size_t left, size_t *used) {
  const uint8_t *close = left > 1 && p[1] == '{' ? memchr(p, '}', left) : NULL;
  *used = close == p + 2 ? 2 : close ? (size_t)(close - p) + 1 : left > 1 && p[1] == '{' ? left : 1;
  if (!close || close == p + 2) return "malformed \\N character escape";
  int32_t cp = uc_by_name((const char *)p + 2, (size_t)(close - p) - 2);
  if (cp < 0) return "unknown Unicode character name";
  add_cp(c, (uint32_t)cp);
  return NULL;
}

static bool decode_escape(Codec *c, View v) {
  static const char from[] = "\\'\"bfnrtva", to[] = "\\'\"\b\f\n\r\t\v\a";
  for (size_t at = 0; at < v.size && !c->out.failed;) {
    const uint8_t *p = v.data + at;
    if (*p != '\\') {
      add_cp(c, *p);
      at++;
      continue;
    }
    size_t left = v.size - at - 1, used = 1;
    const char *bad = NULL, *simple;
    p++;
    if (left == 0) {
      bad = "\\ at end of string";
      used = 0;
    } else if (*p == '\n') {
      ;
    } else if (*p && (simple = strchr(from, *p)) != NULL) {
      buf_char(&c->out, to[simple - from]);
    } else if (*p >= '0' && *p <= '7') {
      uint32_t cp = 0;
      for (used = 0; used < 3 && used < left && p[used] >= '0' && p[used] <= '7'; used++) cp = cp * 8 + (uint32_t)(p[used] - '0');
      add_cp(c, cp);
    } else if (*p == 'x' || *p == 'u' || *p == 'U') {
      bad = escape_hex(c, p, left, &used);
    } else if (*p == 'N') {
      bad = escape_name(c, p, left, &used);
    } else {
      buf_char(&c->out, '\\');
      if (!c->odd_escape && *p < 0x80) c->odd_escape = (char)*p;
      used = 0;
    }
    size_t next = at + 1 + used;
    if (bad && !decode_bad(c, v, at, next, bad, &next)) return false;
    at = next;
  }
  return true;
}

/* \uXXXX and \UXXXXXXXX behind an odd number of backslashes; everything else is Latin-1. */
static bool decode_raw_escape(Codec *c, View v) {
  for (size_t at = 0; at < v.size && !c->out.failed;) {
    const uint8_t *p = v.data + at;
    if (*p != '\\' || at + 1 == v.size || (p[1] != 'u' && p[1] != 'U')) {
      bool pair = *p == '\\' && at + 1 < v.size && p[1] == '\\';
      add_cp(c, *p);
      if (pair) add_cp(c, p[1]);
      at += pair ? 2 : 1;
      continue;
    }
    size_t used;
    const char *bad = escape_hex(c, p + 1, v.size - at - 1, &used);
    size_t next = at + 1 + used;
    if (bad && strcmp(bad, "illegal Unicode character") == 0) bad = "\\Uxxxxxxxx out of range";
    if (bad && !decode_bad(c, v, at, next, bad, &next)) return false;
    at = next;
  }
  return true;
}

static bool decode_all(Codec *c, View v) {
  switch (c->kind) {
    case ENC_UTF8: return decode_utf8(c, v, 0);
    case ENC_UTF8_SIG: return decode_utf8(c, v, v.size >= 3 && memcmp(v.data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
    case ENC_ASCII: case ENC_LATIN1: return decode_bytes(c, v);
    case ENC_UTF16: case ENC_UTF16LE: case ENC_UTF16BE: return decode_utf16(c, v);
    case ENC_UTF32: case ENC_UTF32LE: case ENC_UTF32BE: return decode_utf32(c, v);
    case ENC_ESCAPE: return decode_escape(c, v);
    case ENC_RAW: return decode_raw_escape(c, v);
    case ENC_MAP: return decode_mapped(c, v);
  }
  return false;
}

/* The text decoded, after a DeprecationWarning about an escape that is none. [script] */
static Value with_warning(Codec *c) {
  VM *vm = c->vm;
  size_t mark = rt_temp_mark(vm);
  Value text = v_from_str(str_from_buf(vm, &c->out)), *keep = v_failed(text) ? NULL : rt_temp(vm, 1);
  if (!keep) return V_FAIL;
  *keep = text;
  char shown[2] = {c->odd_escape, 0};
  Value what = rt_format(vm, "invalid escape sequence '\\%s'", shown);
  if (v_failed(what) || v_failed(rt_call_builtin(vm, "_deprecated", 1, &what))) text = V_FAIL;
  rt_temp_release(vm, mark);
  return text;
}

Value codec_decode(VM *vm, View v, Value object, const char *encoding, const char *errors) {
  Codec c;
  if (!codec_open(&c, vm, object, encoding, errors) || !charge_bytes(vm, v.size)) return V_FAIL;
  const char *text = (const char *)v.data;
  size_t bad_len;
  const char *reason;
  if (c.kind <= ENC_MAP && c.kind != ENC_UTF8_SIG && utf8_is_ascii(text, v.size)) return v_from_str(str_counted(vm, text, v.size, v.size));
  if (c.kind == ENC_UTF8 && utf8_check(text, v.size, false, &bad_len, &reason) == v.size) return v_from_str(str_new(vm, text, v.size));
  if (!rt_charge(vm, v.size >> 4)) return V_FAIL;
  buf_reserve(&c.out, v.size);
  if (decode_all(&c, v)) return c.odd_escape ? with_warning(&c) : v_from_str(str_from_buf(vm, &c.out));
  buf_free(&c.out);
  return V_FAIL;
}

/* ---- encodings and error handlers of scripts ---- */

Value codec_retry(VM *vm, Value result, Value x, const char *encoding, const char *errors, bool encode) {
  if (!v_failed(result) || !rt_pending_is(vm, &exc_LookupError)) return result;
  char name[MAX_NAME];
  size_t n;
  bool known = find_encoding(encoding, name, &n, sizeof name) || (n < sizeof name && find_map(name, n)); /* then it was the handler */
  const char *module = known ? "_codec_errors" : "codecs", *function = known ? (encode ? "encode_with" : "decode_with") : encode ? "_encode_text" : "_decode_text";
  Str *key = str_intern(vm, module, strlen(module)), *fname = str_intern(vm, function, strlen(function));
  Value m = key && fname ? dict_get_str(vm, vm->modules, key) : V_FAIL;
  if (!v_has_layout(m, LAY_MODULE)) return V_FAIL; /* not imported: nothing can be registered */
  Value f = dict_get_str(vm, ((Module *)v_obj(m))->dict, fname);
  if (v_failed(f) || v_absent(f)) return V_FAIL;
  (void)rt_take_exc(vm);
  Value args[3] = {x, v_from_str(str_from(vm, encoding)), v_from_str(str_from(vm, errors))};
  return v_failed(args[1]) || v_failed(args[2]) ? V_FAIL : rt_tail_call(vm, f, 3, args);
}
