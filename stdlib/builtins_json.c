/* Module _json: the usual JSON in C, without recursion. decode() and encode() give up with None where the code of json in the language has to decide: errors and their
 * messages, hooks, subclasses, keys that are no strings, nesting so deep that it may be a circle. */
#include <math.h>
#include <string.h>
#include "vm/base/dtoa.h"
#include "vm/objects/containers_int.h"
#include "vm/objects/str_build.h"

enum { DEPTH_MAX = 800 };

/* ---- reading ---- */

typedef struct Reader {
  VM *vm;
  const char *at, *end;
  bool bad;               /* not plain JSON: None */
} Reader;
typedef struct Open { Value container; Str *key; /* dict: of the value to come */ } Open;

static void skip(Reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r')) r->at++;
}
static int hex4(Reader *r, const char *p) {
  int n = 0;
  if (r->end - p < 4) return -1;
  for (int i = 0; i < 4; i++) {
    int c = p[i], d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
    if (d < 0) return -1;
    n = n << 4 | d;
  }
  return n;
}

/* A string with escapes; at stands on the first backslash, the text before it is in out. Ends behind the quote. */
static bool read_escapes(Reader *r, Buf *out) {
  while (r->at < r->end && *r->at != '"') {
    const char *from = r->at;
    while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (unsigned char)*r->at >= ' ') r->at++;
    buf_add(out, from, (size_t)(r->at - from));
    if (r->at == r->end || *r->at == '"') break;
    if (*r->at != '\\' || r->end - r->at < 2) return false;
    static const char names[] = "\"\\/bfnrt", chars[] = "\"\\/\b\f\n\r\t";
    const char *named = strchr(names, r->at[1]);
    if (r->at[1] && named) {
      buf_char(out, chars[named - names]);
      r->at += 2;
      continue;
    }
    int code = r->at[1] == 'u' ? hex4(r, r->at + 2) : -1;
    if (code < 0) return false;
    r->at += 6;
    if (code >= 0xD800 && code <= 0xDBFF && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
      int low = hex4(r, r->at + 2);
      if (low < 0) return false;
      if (low >= 0xDC00 && low <= 0xDFFF) {
        code = 0x10000 + ((code - 0xD800) << 10 | (low - 0xDC00));
        r->at += 6;
      }
    }
    char text[4];
    buf_add(out, text, (size_t)utf8_encode((uint32_t)code, text));
  }
  return r->at < r->end;
}

/* The string that begins at a quote. NULL: bad, or failed. */
static Str *read_string(Reader *r, bool key) {
  const char *from = ++r->at;
  bool ascii = true;
  while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (unsigned char)*r->at >= ' ') ascii &= (signed char)*r->at >= 0, r->at++;
  if (r->at == r->end || (unsigned char)*r->at < ' ') return r->bad = true, NULL;
  if (*r->at == '"') {
    size_t n = (size_t)(r->at++ - from);
    return key && n <= 24 ? str_intern(r->vm, from, n) : ascii ? str_counted(r->vm, from, n, n) : str_new(r->vm, from, n);
  }
  Buf out;
  buf_init(&out, &r->vm->mem);
  buf_add(&out, from, (size_t)(r->at - from));
  if (!read_escapes(r, &out)) return r->bad = true, buf_free(&out), NULL;
  r->at++;
  return str_from_buf(r->vm, &out);
}

static bool digits(Reader *r) {
  const char *from = r->at;
  while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
  return r->at > from;
}
static Value read_number(Reader *r) {
  const char *from = r->at;
  bool real = false;
  if (*r->at == '-') r->at++;
  const char *first = r->at;
  if (!digits(r) || (*first == '0' && r->at - first > 1)) return r->bad = true, V_FAIL;
  const char *whole = r->at;
  if (r->at < r->end && *r->at == '.') {
    r->at++;
    if (!digits(r)) return r->bad = true, V_FAIL;
    real = true;
  }
  if (r->at < r->end && (*r->at | 32) == 'e') {
    r->at++;
    if (r->at < r->end && (*r->at == '+' || *r->at == '-')) r->at++;
    if (!digits(r)) return r->bad = true, V_FAIL;
    real = true;
  }
  if (real) {
    size_t used;
    double d = dtoa_parse(first, (size_t)(r->at - first), &used);
    return float_new(r->vm, *from == '-' ? -d : d);
  }
  if (whole - first > 18) return r->bad = whole - first > 4000, r->bad ? V_FAIL : int_parse(r->vm, v_from_str(str_counted(r->vm, from, (size_t)(whole - from), (size_t)(whole - from))), 10);
  int64_t n = 0;
  for (const char *p = first; p < whole; p++) n = n * 10 + (*p - '0');
  return v_from_int62(*from == '-' ? -n : n);
}

static bool word(Reader *r, const char *text) {
  size_t n = strlen(text);
  if ((size_t)(r->end - r->at) < n || memcmp(r->at, text, n) != 0) return !(r->bad = true);
  r->at += n;
  return true;
}
static Value read_scalar(Reader *r) {
  if (r->at == r->end) return r->bad = true, V_FAIL;
  switch (*r->at) {
    case '"': return v_from_str(read_string(r, false));
    case 't': return word(r, "true") ? V_TRUE : V_FAIL;
    case 'f': return word(r, "false") ? V_FALSE : V_FAIL;
    case 'n': return word(r, "null") ? V_NONE : V_FAIL;
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9': return read_number(r);
    default: return r->bad = true, V_FAIL;
  }
}

/* The key before a value: at stands on its quote. */
static bool read_key(Reader *r, Open *o) {
  if (r->at == r->end || *r->at != '"') return !(r->bad = true);
  o->key = read_string(r, true);
  if (!o->key) return false;
  skip(r);
  if (r->at == r->end || *r->at != ':') return !(r->bad = true);
  r->at++;
  skip(r);
  return true;
}

/* One value, with all that is in it. */
static Value read_value(Reader *r) {
  Open stack[DEPTH_MAX];
  int depth = 0;
  for (;;) {
    Value v;
    char c = r->at < r->end ? *r->at : '\0';
    if (c == '[' || c == '{') {
      if (depth == DEPTH_MAX) return r->bad = true, V_FAIL;
      v = c == '[' ? v_from_obj_or_fail(list_new(r->vm, NULL, 0)) : v_from_obj_or_fail(dict_new(r->vm));
      if (v_failed(v)) return v;
      r->at++;
      skip(r);
      if (r->at < r->end && *r->at == (c == '[' ? ']' : '}')) r->at++;
      else {
        Open *o = &stack[depth++];
        *o = (Open){v, NULL};
        if (c == '{' && !read_key(r, o)) return V_FAIL;
        continue;
      }
    } else {
      v = read_scalar(r);
      if (v_failed(v)) return v;
    }
    for (;;) { /* v is complete */
      if (depth == 0) return v;
      Open *o = &stack[depth - 1];
      if (o->key ? !dict_set(r->vm, (Dict *)v_obj(o->container), v_from_obj(o->key), v) : !list_append(r->vm, v_list(o->container), v)) return V_FAIL;
      skip(r);
      if (r->at == r->end) return r->bad = true, V_FAIL;
      c = *r->at++;
      if (c == ',') {
        skip(r);
        if (o->key && !read_key(r, o)) return V_FAIL;
        break;
      }
      if (c != (o->key ? '}' : ']')) return r->bad = true, V_FAIL;
      v = o->container;
      depth--;
    }
  }
}

static Value json_decode(VM *vm, Args *a) { /* the whole text; None: not plain JSON */
  Str *s = v_str(a->v[0]);
  Reader r = {vm, s->data, s->data + s->size, false};
  if (!rt_charge(vm, s->size >> 4)) return V_FAIL;
  skip(&r);
  Value v = read_value(&r);
  if (!r.bad && v_failed(v)) return V_FAIL;
  if (!r.bad) skip(&r);
  if (r.bad || r.at != r.end) return V_NONE;
  return v_is_none(v) ? V_NONE : v;
}

/* ---- writing ---- */

typedef struct Writer {
  VM *vm;
  Buf out;
  bool ascii, nan;
  const Str *comma, *colon, *indent; /* indent NULL: all in one line */
} Writer;
typedef struct Walk { Value container; size_t at; bool begun; } Walk;

static void write_string(Writer *w, const Str *s) {
  static const char hex[] = "0123456789abcdef";
  const char *p = s->data, *end = s->data + s->size, *from = p;
  buf_char(&w->out, '"');
  while (p < end) {
    unsigned char c = (unsigned char)*p;
    if (c >= ' ' && c < 0x7F && c != '"' && c != '\\') {
      p++;
      continue;
    }
    if ((c >= 0x80 && !w->ascii) || (c == 0x7F && !w->ascii)) {
      p++;
      continue;
    }
    buf_add(&w->out, from, (size_t)(p - from));
    uint32_t cp = utf8_decode(p, &p);
    from = p;
    static const char special[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    const char *named = cp && cp < 128 ? strchr(special, (int)cp) : NULL;
    if (named) {
      char text[2] = {'\\', names[named - special]};
      buf_add(&w->out, text, 2);
      continue;
    }
    uint32_t units[2] = {cp, 0};
    if (cp >= 0x10000) units[0] = 0xD800 | (cp - 0x10000) >> 10, units[1] = 0xDC00 | ((cp - 0x10000) & 0x3FF);
    for (int i = 0; i < 1 + (cp >= 0x10000); i++) {
      char text[6] = {'\\', 'u', hex[units[i] >> 12 & 15], hex[units[i] >> 8 & 15], hex[units[i] >> 4 & 15], hex[units[i] & 15]};
      buf_add(&w->out, text, 6);
    }
  }
  buf_add(&w->out, from, (size_t)(p - from));
  buf_char(&w->out, '"');
}

/* 1 written, 0 not for here, -1 failed. */
static int write_scalar(Writer *w, Value v) {
  char digits_text[20];
  if (v_is_int(v)) buf_add(&w->out, digits_text, str_int_digits(v_int(v), digits_text));
  else if (v_is_exact(v, &str_type)) write_string(w, v_str(v));
  else if (v_is_none(v)) buf_add(&w->out, "null", 4);
  else if (v_same(v, V_TRUE)) buf_add(&w->out, "true", 4);
  else if (v_same(v, V_FALSE)) buf_add(&w->out, "false", 5);
  else if (type_of(v) == &float_type) {
    double d;
    if (!rt_to_double(w->vm, v, &d)) return -1;
    if (!isfinite(d)) {
      if (!w->nan) return 0;
      buf_str(&w->out, isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
      return 1;
    }
    Value text = rt_repr(w->vm, v);
    if (v_failed(text)) return -1;
    buf_add(&w->out, v_str(text)->data, v_str(text)->size);
  } else return 0;
  return 1;
}

static void new_line(Writer *w, int depth) {
  if (!w->indent) return;
  buf_char(&w->out, '\n');
  for (int i = 0; i < depth; i++) buf_add(&w->out, w->indent->data, w->indent->size);
}

static int write_value(Writer *w, Value v) {
  Walk stack[DEPTH_MAX];
  int depth = 0;
  for (;;) {
    const Type *t = type_of(v);
    bool is_dict = t == &dict_type;
    if (is_dict || t == &list_type || t == &tuple_type) {
      size_t n;
      if (is_dict ? ((Dict *)v_obj(v))->used == 0 : (seq_items(v, &n), n == 0)) buf_add(&w->out, is_dict ? "{}" : "[]", 2);
      else {
        if (depth == DEPTH_MAX) return 0;
        buf_char(&w->out, is_dict ? '{' : '[');
        stack[depth++] = (Walk){v, 0, false};
      }
    } else {
      int r = write_scalar(w, v);
      if (r <= 0) return r;
    }
    if (w->out.failed || !rt_charge(w->vm, 1)) return w->out.failed ? (int)(rt_no_memory(w->vm), -1) : -1;
    for (;;) { /* the next value of what is open */
      if (depth == 0) return 1;
      Walk *top = &stack[depth - 1];
      bool found, dict = type_of(top->container) == &dict_type;
      Value key = V_ABSENT;
      if (dict) found = dict_next((Dict *)v_obj(top->container), &top->at, &key, &v);
      else {
        size_t n;
        const Value *items = seq_items(top->container, &n);
        found = top->at < n;
        if (found) v = items[top->at++];
      }
      if (found) {
        if (dict && !v_is_exact(key, &str_type)) return 0;
        if (top->begun) buf_add(&w->out, w->comma->data, w->comma->size);
        top->begun = true;
        new_line(w, depth);
        if (dict) {
          write_string(w, v_str(key));
          buf_add(&w->out, w->colon->data, w->colon->size);
        }
        break;
      }
      depth--;
      new_line(w, depth);
      buf_char(&w->out, dict ? '}' : ']');
    }
  }
}

static Value json_encode(VM *vm, Args *a) { /* None: the encoder in the language has to do it */
  Writer w = {.vm = vm, .ascii = tiny_arg_bool(a, 1), .nan = tiny_arg_bool(a, 2), .comma = v_str(a->v[3]), .colon = v_str(a->v[4]), .indent = v_is_none(a->v[5]) ? NULL : v_str(a->v[5])};
  buf_init(&w.out, &vm->mem);
  int r = write_value(&w, a->v[0]);
  if (r == 1) return v_from_str(str_from_buf(vm, &w.out));
  buf_free(&w.out);
  return r == 0 ? V_NONE : V_FAIL;
}
static Value json_quote(VM *vm, Args *a) {
  Writer w = {.vm = vm, .ascii = tiny_arg_bool(a, 1)};
  buf_init(&w.out, &vm->mem);
  write_string(&w, v_str(a->v[0]));
  return v_from_str(str_from_buf(vm, &w.out));
}
/* scanstring of a string without errors: (text, end) by code points, or None. */
static Value json_string(VM *vm, Args *a) {
  Str *s = v_str(a->v[0]);
  int64_t at = tiny_arg_int(a, 1);
  if (at < 1 || at > (int64_t)s->length) return V_NONE;
  Reader r = {vm, s->data + str_offset(vm, s, (size_t)at) - 1, s->data + s->size, false};
  const char *from = r.at;
  Str *text = read_string(&r, false);
  if (r.bad) return V_NONE;
  if (!text) return V_FAIL;
  return v_from_obj_or_fail(tuple_pair(vm, v_from_obj(text), v_from_int62(at - 1 + (int64_t)utf8_count(from, (size_t)(r.at - from)))));
}

static const tiny_def functions[] = {
  {"decode", json_decode, "(text: str, /)", NULL},
  {"encode", json_encode, "(value, ascii: bool, nan: bool, comma: str, colon: str, indent, /)", NULL},
  {"quote", json_quote, "(text: str, ascii: bool, /)", NULL},
  {"string", json_string, "(text: str, at: int, /)", NULL},
  {0}};
extern const tiny_module _json_module;
const tiny_module _json_module = {.name = "_json", .functions = functions, .doc = "JSON without hooks."};
