/* Names of characters, for \N{...} and unicodedata: those of uc_names_table.h, and the ones that follow from the code point (ideographs, Hangul syllables). */
#include "vm/base/utf8.h"

#include <stdio.h>
#include <string.h>

#include "vm/base/uc_names_table.h"

static int upper(char c) { return c >= 'a' && c <= 'z' ? c - 32 : (unsigned char)c; }

/* Does the name [name, end) begin with word number n and a blank or its end? Returns where the rest begins, or NULL. */
static const char *skip_word(const char *name, const char *end, unsigned n) {
  const char *word = name_words + name_word_starts[n - 1];
  for (; *word; word++, name++)
    if (name == end || upper(*name) != *word) return NULL;
  if (name == end) return name;
  return *name == ' ' && name + 1 < end ? name + 1 : NULL;
}

static unsigned word_number(const uint8_t **code) {
  unsigned word = *(*code)++;
  return word < 200 ? word : 200 + (word - 200) * 255 + (*(*code)++ - 1u);
}

/* Compares with the name encoded at code; *next = where the one after it begins. */
static bool same_name(const char *name, size_t n, const uint8_t *code, const uint8_t **next) {
  const char *at = n ? name : NULL, *end = name + n;
  while (*code) {
    unsigned word = word_number(&code);
    if (at) at = at == end ? NULL : skip_word(at, end, word);
  }
  *next = code + 1;
  return at == end;
}

/* ---- ideographs: prefix and code point ---- */

typedef struct Ideographs { const char *prefix; uint32_t first, last; } Ideographs;
static const char unified[] = "CJK UNIFIED IDEOGRAPH-", compatible[] = "CJK COMPATIBILITY IDEOGRAPH-";
static const Ideographs ideographs[] = {
  {unified, 0x3400, 0x4DBF}, {unified, 0x4E00, 0x9FFF}, {unified, 0x20000, 0x2A6DF}, {unified, 0x2A700, 0x2B738}, {unified, 0x2B740, 0x2B81D},
  {unified, 0x2B820, 0x2CEA1}, {unified, 0x2CEB0, 0x2EBE0}, {unified, 0x30000, 0x3134A}, {compatible, 0xF900, 0xFA6D}, {compatible, 0xFA70, 0xFAD9}, {compatible, 0x2F800, 0x2FA1D},
};
enum { IDEOGRAPHS = sizeof ideographs / sizeof *ideographs };

static bool has_prefix(const char *name, size_t n, const char *prefix, size_t p) {
  if (n <= p) return false;
  for (size_t i = 0; i < p; i++)
    if (upper(name[i]) != prefix[i]) return false;
  return true;
}

static int32_t ideograph(const char *name, size_t n) {
  for (size_t i = 0; i < IDEOGRAPHS; i++) {
    size_t p = strlen(ideographs[i].prefix);
    if (!has_prefix(name, n, ideographs[i].prefix, p) || n < p + 4 || n > p + 5) continue;
    uint32_t c = 0;
    for (size_t k = p; k < n; k++) {
      int d = upper(name[k]);
      if (!((d >= '0' && d <= '9') || (d >= 'A' && d <= 'F'))) return -1;
      c = c * 16 + (uint32_t)(d <= '9' ? d - '0' : d - 'A' + 10);
    }
    if (c >= ideographs[i].first && c <= ideographs[i].last) return (int32_t)c;
  }
  return -1;
}

/* ---- Hangul syllables (Unicode standard, 3.12): leading consonant, vowel, trailing consonant ---- */

static const char hangul_prefix[] = "HANGUL SYLLABLE ";
static const char *const jamo[3][28] = {
  {"G", "GG", "N", "D", "DD", "R", "M", "B", "BB", "S", "SS", "", "J", "JJ", "C", "K", "T", "P", "H"},
  {"A", "AE", "YA", "YAE", "EO", "E", "YEO", "YE", "O", "WA", "WAE", "OE", "YO", "U", "WEO", "WE", "WI", "YU", "EU", "YI", "I"},
  {"", "G", "GG", "GS", "N", "NJ", "NH", "D", "L", "LG", "LM", "LB", "LS", "LT", "LP", "LH", "M", "B", "BS", "S", "SS", "NG", "J", "C", "K", "T", "P", "H"},
};
static const int jamo_count[3] = {19, 21, 28};
enum { HANGUL_FIRST = 0xAC00, HANGUL_LAST = 0xD7A3 };

static int32_t hangul(const char *name, size_t n) {
  size_t at = sizeof hangul_prefix - 1;
  int found[3];
  if (!has_prefix(name, n, hangul_prefix, at)) return -1;
  for (int part = 0; part < 3; part++) { /* the longest that fits */
    size_t best_len = 0;
    found[part] = -1;
    for (int i = 0; i < jamo_count[part]; i++) {
      size_t len = strlen(jamo[part][i]), k = 0;
      while (k < len && at + k < n && upper(name[at + k]) == jamo[part][i][k]) k++;
      if (k == len && (found[part] < 0 || len > best_len)) found[part] = i, best_len = len;
    }
    if (found[part] < 0) return -1;
    at += best_len;
  }
  return at == n ? HANGUL_FIRST + (found[0] * 21 + found[1]) * 28 + found[2] : -1;
}

/* ---- */

int32_t uc_by_name(const char *name, size_t n) {
  const uint8_t *code = name_codes;
  for (size_t i = 0; i < sizeof name_blocks / sizeof *name_blocks; i++)
    for (uint32_t c = name_blocks[i].first; c <= name_blocks[i].last; c++)
      if (same_name(name, n, code, &code)) return (int32_t)c;
  int32_t c = ideograph(name, n);
  return c >= 0 ? c : hangul(name, n);
}

static bool decode_name(const uint8_t *code, char out[UC_NAME_MAX]) {
  size_t n = 0;
  while (*code) {
    const char *word = name_words + name_word_starts[word_number(&code) - 1];
    size_t len = strlen(word);
    if (n + len + 2 > UC_NAME_MAX) return false;
    if (n) out[n++] = ' ';
    memcpy(out + n, word, len);
    n += len;
  }
  out[n] = '\0';
  return n > 0;
}

bool uc_name(uint32_t c, char out[UC_NAME_MAX]) {
  const uint8_t *code = name_codes;
  for (size_t i = 0; i < sizeof name_blocks / sizeof *name_blocks; i++)
    for (uint32_t k = name_blocks[i].first; k <= name_blocks[i].last; k++) {
      if (k == c) return decode_name(code, out);
      while (*code) (void)word_number(&code);
      code++;
    }
  for (size_t i = 0; i < IDEOGRAPHS; i++)
    if (c >= ideographs[i].first && c <= ideographs[i].last) return snprintf(out, UC_NAME_MAX, "%s%X", ideographs[i].prefix, (unsigned)c) > 0;
  if (c < HANGUL_FIRST || c > HANGUL_LAST) return false;
  uint32_t s = c - HANGUL_FIRST;
  return snprintf(out, UC_NAME_MAX, "%s%s%s%s", hangul_prefix, jamo[0][s / 588], jamo[1][s % 588 / 28], jamo[2][s % 28]) > 0;
}

bool uc_name_known(uint32_t c) {
  for (size_t i = 0; i < sizeof name_blocks / sizeof *name_blocks; i++)
    if (c >= name_blocks[i].first && c <= name_blocks[i].last) return true;
  return false;
}
