/* Module unicodedata: what Unicode says of a character, by utf8proc and unicodedata_tables.h; the four normal forms. */
#include <string.h>
#include <utf8proc.h>
#include "include/tiny.h"
#include "stdlib/unicodedata_tables.h"
#include "vm/objects/str_build.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static utf8proc_int32_t known(uint32_t c) { return uc_is_newer(c) ? -1 : (utf8proc_int32_t)c; } /* -1: what is not assigned */
static const utf8proc_property_t *property(uint32_t c) { return utf8proc_get_property(known(c)); }
static bool assigned(uint32_t c) { return utf8proc_category(known(c)) != UTF8PROC_CATEGORY_CN; }

/* The one character of an argument. */
static bool char_arg(VM *vm, Args *a, const char *fn, const char *which, uint32_t *c) {
  Value v = a->v[0];
  if (!is_str(v) || v_str(v)->length != 1) return rt_raise_b(vm, &exc_TypeError, "%s() argument%s must be a unicode character, not %s", fn, which, str_arg_name(v));
  const char *end;
  *c = utf8_decode(v_str(v)->data, &end);
  return true;
}
static Value fallback(VM *vm, Args *a, const char *what) { return v_absent(a->v[1]) ? rt_raise(vm, &exc_ValueError, "%s", what) : a->v[1]; }

static Value ud_category(VM *vm, Args *a) {
  uint32_t c;
  return char_arg(vm, a, "category", "", &c) ? v_from_str(str_from(vm, utf8proc_category_string(known(c)))) : V_FAIL;
}
static Value ud_combining(VM *vm, Args *a) {
  uint32_t c;
  return char_arg(vm, a, "combining", "", &c) ? v_from_int62(property(c)->combining_class) : V_FAIL;
}
static Value ud_mirrored(VM *vm, Args *a) {
  uint32_t c;
  return char_arg(vm, a, "mirrored", "", &c) ? v_from_int62(property(c)->bidi_mirrored) : V_FAIL;
}
static Value ud_bidirectional(VM *vm, Args *a) {
  static const char *const names[] = {"", "L", "LRE", "LRO", "R", "AL", "RLE", "RLO", "PDF", "EN", "ES", "ET", "AN", "CS", "NSM", "BN", "B", "S", "WS", "ON", "LRI", "RLI", "FSI", "PDI"};
  uint32_t c;
  if (!char_arg(vm, a, "bidirectional", "", &c)) return V_FAIL;
  size_t k = assigned(c) ? property(c)->bidi_class : 0;
  return v_from_str(str_from(vm, k < COUNT(names) ? names[k] : ""));
}
static Value ud_east_asian_width(VM *vm, Args *a) {
  uint32_t c;
  if (!char_arg(vm, a, "east_asian_width", "", &c)) return V_FAIL;
  for (size_t i = 0; i < COUNT(widths) && widths[i].first <= c; i++)
    if (c <= widths[i].first + widths[i].more) return v_from_str(str_from(vm, !assigned(c) && strcmp(width_names[widths[i].width], "W") ? "F" : width_names[widths[i].width]));
  return v_from_str(str_from(vm, assigned(c) ? "N" : "F")); /* F for what is not assigned: as CPython 3.11 has it */
}

static Value ud_decimal(VM *vm, Args *a) {
  uint32_t c;
  if (!char_arg(vm, a, "decimal", " 1", &c)) return V_FAIL;
  return uc_decimal_value(c) >= 0 ? v_from_int62(uc_decimal_value(c)) : fallback(vm, a, "not a decimal");
}
static Value ud_digit(VM *vm, Args *a) {
  uint32_t c;
  if (!char_arg(vm, a, "digit", " 1", &c)) return V_FAIL;
  return uc_digit_value(c) >= 0 ? v_from_int62(uc_digit_value(c)) : fallback(vm, a, "not a digit");
}
static Value ud_numeric(VM *vm, Args *a) {
  uint32_t c;
  if (!char_arg(vm, a, "numeric", " 1", &c)) return V_FAIL;
  if (uc_decimal_value(c) >= 0) return float_new(vm, uc_decimal_value(c));
  for (size_t i = 0; i < COUNT(numerics) && numerics[i].first <= c; i++)
    if (c - numerics[i].first <= numerics[i].more) return float_new(vm, (double)(numerics[i].above + (int64_t)(c - numerics[i].first) * numerics[i].step) / numerics[i].below);
  return fallback(vm, a, "not a numeric character");
}

/* ---- names ---- */

static Value ud_name(VM *vm, Args *a) {
  uint32_t c;
  char name[UC_NAME_MAX];
  if (!char_arg(vm, a, "name", " 1", &c)) return V_FAIL;
  if (uc_name(c, name)) return v_from_str(str_from(vm, name));
  utf8proc_category_t k = utf8proc_category(known(c));
  bool nameless = k == UTF8PROC_CATEGORY_CN || k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CS || k == UTF8PROC_CATEGORY_CO;
  if (nameless || uc_name_known(c)) return fallback(vm, a, "no such name");
  return rt_raise(vm, &exc_NotImplementedError, "unicodedata.name(): names of the block of U+%x are not supported", c);
}
static Value ud_lookup(VM *vm, Args *a) {
  Str *s = v_str(a->v[0]);
  char text[4];
  int32_t c = uc_by_name(s->data, s->size);
  if (c < 0) return rt_raise_with(vm, &exc_KeyError, rt_format(vm, "undefined character name '%U'", s));
  return v_from_str(str_counted(vm, text, (size_t)utf8_encode((uint32_t)c, text), 1));
}

/* ---- normal forms ---- */

typedef struct Points { utf8proc_int32_t *at; size_t n, cap; } Points; /* in counted memory */
static bool points_room(VM *vm, Points *p, size_t more) {
  if (p->cap - p->n >= more) return true;
  size_t cap = p->n + more + p->cap;
  utf8proc_int32_t *at = tiny_alloc(vm, p->at, p->cap * sizeof *at, cap * sizeof *at);
  if (!at) return rt_no_memory(vm), false;
  p->at = at;
  p->cap = cap;
  return true;
}
static void points_free(VM *vm, Points *p) { (void)tiny_alloc(vm, p->at, p->cap * sizeof *p->at, 0); }

static bool surrogate(uint32_t c) { return c >= 0xD800 && c < 0xE000; }
static int combining_class(utf8proc_int32_t c) { return surrogate((uint32_t)c) ? 0 : property((uint32_t)c)->combining_class; }

/* Decomposition of a text, in canonical order. */
static bool decompose(VM *vm, const char *s, const char *end, bool compat, Points *p) {
  utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compat ? UTF8PROC_COMPAT : 0);
  int boundary = 0;
  while (s < end) {
    uint32_t c = utf8_decode(s, &s);
    if (!points_room(vm, p, 32)) return false;
    if (surrogate(c) || uc_is_newer(c)) {
      p->at[p->n++] = (utf8proc_int32_t)c;
      continue;
    }
    utf8proc_ssize_t got = utf8proc_decompose_char((utf8proc_int32_t)c, p->at + p->n, (utf8proc_ssize_t)(p->cap - p->n), options, &boundary);
    if (got > 0) p->n += (size_t)got;
  }
  for (size_t i = 1; i < p->n; i++) { /* marks that follow each other are sorted by class; a long row of them is rare */
    utf8proc_int32_t c = p->at[i];
    int k = combining_class(c);
    size_t j = i;
    if (k > 0)
      for (; j > 0 && combining_class(p->at[j - 1]) > k; j--) p->at[j] = p->at[j - 1];
    p->at[j] = c;
    if (!(i & 1023) && !rt_charge(vm, 10 + (i - j) / 8)) return false;
  }
  return true;
}
/* Composes with nothing. U+11A7 stands before the trailing consonants, and utf8proc takes it for one. */
static bool apart(uint32_t c) { return surrogate(c) || c == 0x11A7; }
/* Composes in place. */
static void compose(Points *p) {
  size_t to = 0;
  for (size_t i = 0; i < p->n;) {
    size_t end = i;
    while (end < p->n && !apart((uint32_t)p->at[end])) end++;
    utf8proc_ssize_t n = utf8proc_normalize_utf32(p->at + i, (utf8proc_ssize_t)(end - i), UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    memmove(p->at + to, p->at + i, (size_t)(n > 0 ? n : 0) * sizeof *p->at);
    to += (size_t)(n > 0 ? n : 0);
    if (end < p->n) p->at[to++] = p->at[end++];
    i = end;
  }
  p->n = to;
}

static bool form_arg(VM *vm, Value v, bool *compat, bool *composed) {
  Str *s = v_str(v);
  *compat = str_eq_c(s, "NFKC") || str_eq_c(s, "NFKD");
  *composed = str_eq_c(s, "NFKC") || str_eq_c(s, "NFC");
  return *compat || *composed || str_eq_c(s, "NFD") || rt_raise_b(vm, &exc_ValueError, "invalid normalization form");
}

static Value normal_form(VM *vm, Value text, bool compat, bool composed) {
  Str *s = v_str(text);
  Points p = {0};
  Buf out;
  if (!charge_bytes(vm, s->size * 16)) return V_FAIL;
  bool ok = decompose(vm, s->data, s->data + s->size, compat, &p);
  buf_init(&out, &vm->mem);
  if (ok && composed) compose(&p);
  for (size_t i = 0; ok && i < p.n; i++) {
    char bytes[4];
    buf_add(&out, bytes, (size_t)utf8_encode((uint32_t)p.at[i], bytes));
  }
  points_free(vm, &p);
  if (ok) return v_from_str(str_from_buf(vm, &out));
  buf_free(&out);
  return V_FAIL;
}
static Value ud_normalize(VM *vm, Args *a) {
  bool compat, composed;
  if (!form_arg(vm, a->v[0], &compat, &composed)) return V_FAIL;
  if (str_is_ascii(v_str(a->v[1]))) return a->v[1];
  return normal_form(vm, a->v[1], compat, composed);
}
static Value ud_is_normalized(VM *vm, Args *a) {
  bool compat, composed;
  if (!form_arg(vm, a->v[0], &compat, &composed)) return V_FAIL;
  if (str_is_ascii(v_str(a->v[1]))) return V_TRUE;
  Value v = normal_form(vm, a->v[1], compat, composed);
  Str *s = v_str(a->v[1]);
  return v_failed(v) ? v : v_from_bool(v_str(v)->size == s->size && !memcmp(v_str(v)->data, s->data, s->size));
}

/* The mapping of one character, which is not always the full decomposition: all but its last code point composed again, or all of it for the compatibility mappings. */
static Value ud_decomposition(VM *vm, Args *a) {
  static const char *const tags[] = {"", "<font> ", "<noBreak> ", "<initial> ", "<medial> ", "<final> ", "<isolated> ", "<circle> ", "<super> ", "<sub> ", "<vertical> ", "<wide> ", "<narrow> ",
    "<small> ", "<square> ", "<fraction> ", "<compat> "};
  uint32_t c;
  if (!char_arg(vm, a, "decomposition", "", &c)) return V_FAIL;
  bool compat = !surrogate(c) && property(c)->decomp_type != 0;
  Points p = {0};
  Str *s = v_str(a->v[0]);
  bool hangul = c >= 0xAC00 && c < 0xD7A4;
  if (hangul || surrogate(c)) return v_from_str(str_empty(vm));
  if (!decompose(vm, s->data, s->data + s->size, compat, &p)) return V_FAIL;
  Buf out;
  buf_init(&out, &vm->mem);
  if (p.n > 1 || (p.n == 1 && (uint32_t)p.at[0] != c)) {
    buf_printf(&out, "%s", compat && (size_t)property(c)->decomp_type < COUNT(tags) ? tags[property(c)->decomp_type] : "");
    const char *odd = NULL;
    for (size_t i = 0; i < COUNT(odd_decompositions); i++)
      if (odd_decompositions[i].c == c) odd = odd_decompositions[i].parts;
    utf8proc_int32_t last = p.at[p.n - 1];
    if (!odd && p.n > 1) {
      bool jamo = false; /* these stay apart */
      for (size_t i = 0; i < p.n; i++) jamo |= p.at[i] >= 0x1100 && p.at[i] < 0x1200;
      Points all = {0};
      bool ok = decompose(vm, s->data, s->data + s->size, compat, &all);
      if (ok && !jamo) compose(&all);
      if (ok && !compat && !(all.n == 1 && (uint32_t)all.at[0] != c)) {
        p.n--;
        if (!jamo) compose(&p);
        p.at[p.n++] = last;
      } else if (ok) {
        memcpy(p.at, all.at, all.n * sizeof *p.at);
        p.n = all.n;
      }
      points_free(vm, &all);
      if (!ok) out.failed = true;
    }
    for (size_t i = 0; !odd && i < p.n; i++) buf_printf(&out, i ? " %s%x" : "%s%x", (uint32_t)p.at[i] < 0x10 ? "000" : (uint32_t)p.at[i] < 0x100 ? "00" : (uint32_t)p.at[i] < 0x1000 ? "0" : "", (unsigned)p.at[i]);
    if (odd) buf_printf(&out, "%s", odd);
  }
  points_free(vm, &p);
  for (size_t i = 0, tag = 0; i < out.len; i++) { /* digits in upper case */
    if (out.data[i] == '<') tag = 1;
    else if (out.data[i] == '>') tag = 0;
    else if (!tag && out.data[i] >= 'a' && out.data[i] <= 'f') out.data[i] = (char)(out.data[i] - 32);
  }
  return v_from_str(str_from_buf(vm, &out));
}

static const tiny_def functions[] = {
  {"bidirectional", ud_bidirectional, "(chr, /)", "Returns the bidirectional class assigned to the character chr as string."},
  {"category", ud_category, "(chr, /)", "Returns the general category assigned to the character chr as string."},
  {"combining", ud_combining, "(chr, /)", "Returns the canonical combining class assigned to the character chr as integer."},
  {"decimal", ud_decimal, "(chr, default=..., /)", "Converts a Unicode character into its equivalent decimal value."},
  {"decomposition", ud_decomposition, "(chr, /)", "Returns the character decomposition mapping assigned to the character chr as string."},
  {"digit", ud_digit, "(chr, default=..., /)", "Converts a Unicode character into its equivalent digit value."},
  {"east_asian_width", ud_east_asian_width, "(chr, /)", "Returns the east asian width assigned to the character chr as string."},
  {"is_normalized", ud_is_normalized, "(form: str, unistr: str, /)", "Return whether the Unicode string unistr is in the normal form 'form'."},
  {"lookup", ud_lookup, "(name: str, /)", "Look up character by name."},
  {"mirrored", ud_mirrored, "(chr, /)", "Returns the mirrored property assigned to the character chr as integer."},
  {"name", ud_name, "(chr, default=..., /)", "Returns the name assigned to the character chr as a string."},
  {"normalize", ud_normalize, "(form: str, unistr: str, /)", "Return the normal form 'form' for the Unicode string unistr."},
  {"numeric", ud_numeric, "(chr, default=..., /)", "Converts a Unicode character into its equivalent numeric value."},
  {0},
};
static bool init(tiny_vm *vm, tiny_val module) { return tiny_setattr(vm, module, "unidata_version", tiny_string(vm, unicode_version)); }

extern const tiny_module unicodedata_module;
const tiny_module unicodedata_module = {.name = "unicodedata", .functions = functions, .init = init, .doc = "Properties of the characters of Unicode, and its normal forms."};
