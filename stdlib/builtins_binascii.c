/* Module binascii: bytes as text, by hexadecimal digits, base64 (RFC 4648), quoted-printable (RFC 2045), uuencode; checksums. */
#include <stdio.h>
#include <string.h>
#include "vm/objects/bytes_int.h"

/* ---- arguments and errors ---- */

static Value fail(VM *vm, Args *a, const char *text) {
  Value cls = tiny_getattr(vm, a->self->bound, "Error"), message = tiny_string(vm, text);
  Value e = v_failed(cls) || v_failed(message) ? V_FAIL : rt_call(vm, cls, 1, &message);
  return v_failed(e) ? e : rt_raise_obj(vm, e);
}

/* Text or bytes. The view is good until script code runs. */
static bool text_arg(VM *vm, Value v, View *out) {
  if (is_str(v)) {
    *out = (View){(const uint8_t *)v_str(v)->data, v_str(v)->size};
    return str_is_ascii(v_str(v)) || rt_raise_b(vm, &exc_ValueError, "string argument should contain only ASCII characters");
  }
  if (!bytes_view(v, out)) return rt_raise_b(vm, &exc_TypeError, "argument should be bytes, buffer or ASCII string, not '%T'", v);
  return charge_bytes(vm, out->size);
}
static bool data_arg(VM *vm, Value v, View *out) { return bytes_need_view(vm, v, out) && charge_bytes(vm, out->size); }

static Value finish(VM *vm, Buf *b) {
  Bytes *r = bytes_from_buf(vm, b);
  return r ? v_from_bytes(r) : V_FAIL;
}

/* ---- hexadecimal ---- */

static int hex_digit(int c) { return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1; }

static Value ba_hexlify(VM *vm, Args *a) {
  View v;
  if (!data_arg(vm, a->v[0], &v)) return V_FAIL;
  Value text = bytes_hex(vm, v, a->v[1], a->v[2]);
  return v_failed(text) ? text : v_from_bytes(bytes_new(vm, v_str(text)->data, v_str(text)->size));
}
static Value ba_unhexlify(VM *vm, Args *a) {
  View v;
  if (!text_arg(vm, a->v[0], &v)) return V_FAIL;
  if (v.size % 2) return fail(vm, a, "Odd-length string");
  Bytes *b = bytes_alloc(vm, v.size / 2);
  for (size_t i = 0; b && i < v.size; i += 2) {
    int high = hex_digit(v.data[i]), low = hex_digit(v.data[i + 1]);
    if (high < 0 || low < 0) return fail(vm, a, "Non-hexadecimal digit found");
    b->data[i / 2] = (uint8_t)(high << 4 | low);
  }
  return v_from_bytes(b);
}

/* ---- base64 ---- */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static Value ba_b2a_base64(VM *vm, Args *a) {
  View v;
  bool newline = tiny_arg_bool(a, 1);
  if (!data_arg(vm, a->v[0], &v)) return V_FAIL;
  Bytes *b = bytes_alloc(vm, (v.size + 2) / 3 * 4 + newline);
  if (!b) return V_FAIL;
  uint8_t *to = b->data;
  for (size_t i = 0; i < v.size; i += 3, to += 4) {
    size_t have = v.size - i;
    uint32_t n = (uint32_t)v.data[i] << 16 | (have > 1 ? (uint32_t)v.data[i + 1] << 8 : 0) | (have > 2 ? v.data[i + 2] : 0);
    for (int k = 0; k < 4; k++) to[k] = (uint8_t)((size_t)k > have ? '=' : letters[n >> (18 - 6 * k) & 63]);
  }
  if (newline) *to = '\n';
  return v_from_bytes(b);
}

static int letter_value(int c) {
  return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}

static Value ba_a2b_base64(VM *vm, Args *a) {
  View v;
  bool strict = tiny_arg_bool(a, 1), complete = false;
  if (!text_arg(vm, a->v[0], &v)) return V_FAIL;
  if (strict && v.size && v.data[0] == '=') return fail(vm, a, "Leading padding not allowed");
  uint32_t acc = 0;
  size_t have = 0, pads = 0, used = 0;
  Buf out;
  buf_init(&out, &vm->mem);
  const char *wrong = NULL;
  for (size_t i = 0; i < v.size && !wrong && !complete; i++) {
    int c = v.data[i], value = letter_value(c);
    if (c == '=') {
      pads++;
      complete = have >= 2 && have + pads >= 4;
      if (complete && strict && i + 1 < v.size) wrong = "Excess data after padding";
    } else if (value < 0) {
      if (strict) wrong = "Only base64 data is allowed";
    } else {
      if (strict && pads) wrong = "Discontinuous padding not allowed";
      pads = 0;
      used++;
      acc = acc << 6 | (uint32_t)value;
      if (++have > 1) buf_char(&out, (char)(acc >> (8 - 2 * have))); /* the byte that this letter completes */
      if (have == 4) have = 0, acc = 0;
    }
  }
  char text[128];
  if (!wrong && !complete && have == 1) {
    snprintf(text, sizeof text, "Invalid base64-encoded string: number of data characters (%zu) cannot be 1 more than a multiple of 4", used);
    wrong = text;
  } else if (!wrong && !complete && have) wrong = "Incorrect padding";
  if (!wrong) return finish(vm, &out);
  buf_free(&out);
  return fail(vm, a, wrong);
}

/* ---- uuencode: a line of a length and groups of four ---- */

static Value ba_b2a_uu(VM *vm, Args *a) {
  View v;
  bool backtick = tiny_arg_bool(a, 1);
  if (!data_arg(vm, a->v[0], &v)) return V_FAIL;
  if (v.size > 45) return fail(vm, a, "At most 45 bytes at once");
  Buf out;
  buf_init(&out, &vm->mem);
#define PUT(bits) buf_char(&out, backtick && !(bits) ? '`' : (char)(' ' + (bits)))
  PUT(v.size);
  for (size_t i = 0; i < v.size; i += 3) {
    uint32_t n = (uint32_t)v.data[i] << 16 | (i + 1 < v.size ? (uint32_t)v.data[i + 1] << 8 : 0) | (i + 2 < v.size ? v.data[i + 2] : 0);
    for (int shift = 18; shift >= 0; shift -= 6) PUT(n >> shift & 63);
  }
#undef PUT
  buf_char(&out, '\n');
  return finish(vm, &out);
}
static Value ba_a2b_uu(VM *vm, Args *a) {
  View v;
  if (!text_arg(vm, a->v[0], &v)) return V_FAIL;
  size_t n = ((v.size ? v.data[0] : 0u) - ' ') & 63, at = v.size > 0, got = 0;
  Bytes *b = bytes_alloc(vm, n);
  uint32_t acc = 0;
  if (!b) return V_FAIL;
  for (int bits = 0; got < n;) {
    int c = at < v.size ? v.data[at] : '\n';
    at++;
    if (c == '\n' || c == '\r' || at > v.size) c = 0; /* a short line counts as padded with zeros */
    else if (c < ' ' || c > ' ' + 64) return fail(vm, a, "Illegal char");
    else c = (c - ' ') & 63;
    acc = (acc << 6 | (uint32_t)c) & 0xFFFF;
    if ((bits += 6) >= 8) b->data[got++] = (uint8_t)(acc >> (bits -= 8));
  }
  for (; at < v.size; at++)
    if (!strchr(" `\n\r", v.data[at]) || !v.data[at]) return fail(vm, a, "Trailing garbage");
  return v_from_bytes(b);
}

/* ---- quoted-printable ---- */

static Value ba_a2b_qp(VM *vm, Args *a) {
  View v;
  bool header = tiny_arg_bool(a, 1);
  if (!text_arg(vm, a->v[0], &v)) return V_FAIL;
  Buf out;
  buf_init(&out, &vm->mem);
  for (size_t i = 0; i < v.size;) {
    int c = v.data[i++];
    if (c != '=') {
      buf_char(&out, (char)(header && c == '_' ? ' ' : c));
      continue;
    }
    if (i >= v.size) break;
    if (v.data[i] == '\n' || v.data[i] == '\r') { /* soft line break */
      while (i < v.size && v.data[i] != '\n') i++;
      i += i < v.size;
    } else if (v.data[i] == '=') { /* broken encoders write == */
      buf_char(&out, '=');
      i++;
    } else if (i + 1 < v.size && hex_digit(v.data[i]) >= 0 && hex_digit(v.data[i + 1]) >= 0) {
      buf_char(&out, (char)(hex_digit(v.data[i]) << 4 | hex_digit(v.data[i + 1])));
      i += 2;
    } else buf_char(&out, '=');
  }
  return finish(vm, &out);
}

typedef struct Quoting { View v; bool tabs, text, header, crlf; } Quoting;

static bool line_ends(const Quoting *q, size_t i) {
  return i < q->v.size && (q->v.data[i] == '\n' || (q->v.data[i] == '\r' && i + 1 < q->v.size && q->v.data[i + 1] == '\n'));
}

/* Does byte i have to be written as =XX? start: it begins an output line. */
static bool needs_quoting(const Quoting *q, size_t i, bool start) {
  int c = q->v.data[i];
  bool last = i + 1 >= q->v.size;
  if (c > 126 || c == '=' || (q->header && c == '_')) return true;
  if (c == '.' && start) return last || q->v.data[i + 1] == '\n' || q->v.data[i + 1] == '\r' || !q->v.data[i + 1];
  if (!q->text && (c == '\r' || c == '\n')) return true;
  if ((c == '\t' || c == ' ') && (last || (q->text && line_ends(q, i + 1) && !(q->header && c == ' ')))) return true;
  if (c == ' ' && q->header && !q->tabs) return false;
  return c < 33 && c != '\r' && c != '\n' && (q->tabs || (c != '\t' && c != ' '));
}

static Value ba_b2a_qp(VM *vm, Args *a) {
  Quoting q = {.tabs = tiny_arg_bool(a, 1), .text = tiny_arg_bool(a, 2), .header = tiny_arg_bool(a, 3)};
  if (!data_arg(vm, a->v[0], &q.v)) return V_FAIL;
  const uint8_t *newline = q.v.size ? memchr(q.v.data, '\n', q.v.size) : NULL;
  q.crlf = newline && newline > q.v.data && newline[-1] == '\r'; /* the first line end says how the others are written */
  Buf out;
  size_t column = 0;
  bool soft = false; /* a soft line break was just put in: a dot counts as before */
  buf_init(&out, &vm->mem);
  for (size_t i = 0; i < q.v.size;) {
    int c = q.v.data[i];
    bool is_end = q.text && line_ends(&q, i);
    bool quote = needs_quoting(&q, i, column == 0 && !soft);
    if (is_end && !quote) {
      buf_add(&out, q.crlf ? "\r\n" : "\n", 1 + q.crlf);
      i += c == '\r' ? 2 : 1;
      column = 0;
      continue;
    }
    bool before_end = i + 1 >= q.v.size || q.v.data[i + 1] == '\n';
    bool wide = quote && !(q.text && !q.tabs && line_ends(&q, i + 1) && (c == ' ' || c == '\t')); /* blanks before a line end may stand beyond the limit */
    if (column + (wide ? 3 : 1) > (wide || !before_end ? 75 : 76)) {
      buf_add(&out, q.crlf ? "=\r\n" : "=\n", 2 + q.crlf);
      column = 0;
      soft = true;
      continue;
    }
    if (quote) buf_printf(&out, "=%c%c", "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]);
    else buf_char(&out, (char)(q.header && c == ' ' ? '_' : c));
    column += quote ? 3 : 1;
    soft = false;
    i++;
  }
  return finish(vm, &out);
}

/* ---- checksums ---- */

static bool low_bits(VM *vm, Value v, uint32_t *out) {
  Value low = rt_index_obj(vm, v);
  if (!v_failed(low)) low = int_binary(vm, TINY_AND, low, v_from_int62(UINT32_MAX));
  if (v_failed(low)) return false;
  *out = (uint32_t)v_int(low);
  return true;
}
static Value ba_crc32(VM *vm, Args *a) {
  View v;
  uint32_t crc, table[256];
  if (!data_arg(vm, a->v[0], &v) || !low_bits(vm, a->v[1], &crc) || !data_arg(vm, a->v[0], &v)) return V_FAIL;
  if (v.size < 64) {
    for (crc = ~crc; v.size; v.size--) {
      crc ^= *v.data++;
      for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return v_from_int62(~crc & UINT32_MAX);
  }
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++) c = c >> 1 ^ (c & 1 ? 0xEDB88320u : 0);
    table[i] = c;
  }
  for (crc = ~crc; v.size; v.size--) crc = table[(crc ^ *v.data++) & 255] ^ crc >> 8;
  return v_from_int62(~crc & UINT32_MAX);
}
static Value ba_crc_hqx(VM *vm, Args *a) { /* CRC-CCITT, x^16 + x^12 + x^5 + 1 */
  View v;
  uint32_t crc;
  if (!data_arg(vm, a->v[0], &v) || !low_bits(vm, a->v[1], &crc) || !data_arg(vm, a->v[0], &v)) return V_FAIL;
  for (crc &= 0xFFFF; v.size; v.size--) {
    crc ^= (uint32_t)*v.data++ << 8;
    for (int k = 0; k < 8; k++) crc = (crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xFFFF;
  }
  return v_from_int62(crc);
}

static const tiny_def functions[] = {
  {"a2b_base64", ba_a2b_base64, "(data, /, *, strict_mode: bool = False)", "Decode a line of base64 data."},
  {"a2b_hex", ba_unhexlify, "(hexstr, /)", "Binary data of hexadecimal representation."},
  {"a2b_qp", ba_a2b_qp, "(data, header: bool = False)", "Decode a string of qp-encoded data."},
  {"a2b_uu", ba_a2b_uu, "(data, /)", "Decode a line of uuencoded data."},
  {"b2a_base64", ba_b2a_base64, "(data, /, *, newline: bool = True)", "Base64-code line of data."},
  {"b2a_hex", ba_hexlify, "(data, sep=..., bytes_per_sep=1)", "Hexadecimal representation of binary data."},
  {"b2a_qp", ba_b2a_qp, "(data, quotetabs: bool = False, istext: bool = True, header: bool = False)", "Encode a string using quoted-printable encoding."},
  {"b2a_uu", ba_b2a_uu, "(data, /, *, backtick: bool = False)", "Uuencode line of data."},
  {"crc32", ba_crc32, "(data, crc=0, /)", "Compute CRC-32 incrementally."},
  {"crc_hqx", ba_crc_hqx, "(data, crc, /)", "Compute CRC-CCITT incrementally."},
  {"hexlify", ba_hexlify, "(data, sep=..., bytes_per_sep=1)", "Hexadecimal representation of binary data."},
  {"unhexlify", ba_unhexlify, "(hexstr, /)", "Binary data of hexadecimal representation."},
  {0},
};
static bool init(tiny_vm *vm, tiny_val module) {
  static const char *const names[][2] = {{"_BinasciiError", "Error"}, {"_BinasciiIncomplete", "Incomplete"}};
  for (int i = 0; i < 2; i++) {
    tiny_val cls = tiny_library_function(vm, names[i][0]);
    if (tiny_failed(cls) || !tiny_setattr(vm, cls, "__name__", tiny_string(vm, names[i][1])) || !tiny_setattr(vm, module, names[i][1], cls)) return false;
  }
  return true;
}
extern const tiny_module binascii_module;
const tiny_module binascii_module = {.name = "binascii", .functions = functions, .init = init, .doc = "Conversion between binary data and ASCII."};
