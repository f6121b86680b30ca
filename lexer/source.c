/* Bytes of a file or string -> text the lexer can trust. The encodings are those that need no tables: UTF-8, ASCII and Latin-1 (PEP 263, PEP 3120);
 * what is in another one is decoded by who has the tables (parser/compile.c). */
#include "lexer/source.h"

#include <stdio.h>
#include <string.h>

#include "vm/base/utf8.h"

typedef enum { ENC_UTF8, ENC_ASCII, ENC_LATIN1, ENC_UNKNOWN } Encoding;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

static bool is_name_byte(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.'; }

static const char *line_end(const char *p, const char *end) {
  while (p < end && *p != '\n' && *p != '\r') p++;
  return p;
}

/* The PEP 263 cookie of one line: a comment that holds "coding" followed by ':' or '=' and a name. *blank: the line may stand before a cookie line. */
static bool find_cookie(const char *p, const char *end, const char **name, size_t *len, bool *blank) {
  while (p < end && is_blank(*p)) p++;
  *blank = p == end || *p == '#';
  if (p == end || *p != '#') return false;
  for (; end - p >= 7; p++) {
    if (memcmp(p, "coding", 6) != 0 || (p[6] != ':' && p[6] != '=')) continue;
    const char *q = p + 7;
    while (q < end && (*q == ' ' || *q == '\t')) q++;
    const char *first = q;
    while (q < end && is_name_byte(*q)) q++;
    if (q == first) continue;
    *name = first;
    *len = (size_t)(q - first);
    return true;
  }
  return false;
}

static bool name_is(const char *name, const char *want) {
  size_t n = strlen(want);
  return strncmp(name, want, n) == 0 && (name[n] == '\0' || name[n] == '-');
}

/* Normalises the name as PEP 263 does (case, '_', and a suffix such as -unix) and looks it up. */
static Encoding encoding_of(const char *name, size_t len) {
  char low[13];
  size_t n = len < sizeof low - 1 ? len : sizeof low - 1;
  for (size_t i = 0; i < n; i++) {
    char c = name[i];
    low[i] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
  }
  low[n] = '\0';
  if (name_is(low, "utf-8") || strcmp(low, "utf8") == 0) return ENC_UTF8;
  if (name_is(low, "latin-1") || name_is(low, "iso-8859-1") || name_is(low, "iso-latin-1") || strcmp(low, "latin1") == 0 || strcmp(low, "latin") == 0 || strcmp(low, "iso8859-1") == 0 || strcmp(low, "l1") == 0)
    return ENC_LATIN1;
  if (strcmp(low, "ascii") == 0 || strcmp(low, "us-ascii") == 0) return ENC_ASCII;
  return ENC_UNKNOWN;
}

static SourceStatus unknown_encoding(Source *s, const char *name, size_t len) {
  snprintf(s->msg, sizeof s->msg, "unknown encoding: %.*s", (int)(len < 100 ? len : 100), name);
  return SRC_BAD;
}

/* The cookie in the first or second line. */
static bool coding_line(const char *p, const char *end, const char **name, size_t *name_len) {
  for (int i = 0; i < 2; i++) {
    const char *eol = line_end(p, end);
    bool blank;
    if (find_cookie(p, eol, name, name_len, &blank)) return true;
    if (!blank) return false;
    p = eol + (eol < end && *eol == '\r' && eol + 1 < end && eol[1] == '\n' ? 2 : eol < end);
  }
  return false;
}

static bool has_bom(const char *src, size_t len) { return len >= 3 && memcmp(src, "\xEF\xBB\xBF", 3) == 0; }

bool source_foreign(const char *src, size_t len, const char **name, size_t *name_len) {
  return len && !has_bom(src, len) && coding_line(src, src + len, name, name_len) && encoding_of(*name, *name_len) == ENC_UNKNOWN;
}

/* Reads BOM and cookie. */
static SourceStatus find_encoding(Source *s, const char **src, size_t *len, bool is_text, Encoding *encoding) {
  bool bom = has_bom(*src, *len);
  if (bom) {
    *src += 3;
    *len -= 3;
  }
  const char *name;
  size_t name_len;
  *encoding = ENC_UTF8;
  if (is_text || !coding_line(*src, *src + *len, &name, &name_len)) return SRC_OK;
  *encoding = encoding_of(name, name_len);
  if (*encoding == ENC_UNKNOWN) return unknown_encoding(s, name, name_len);
  if (!bom || *encoding == ENC_UTF8) return SRC_OK;
  snprintf(s->msg, sizeof s->msg, "encoding problem: %s with BOM", *encoding == ENC_ASCII ? "ascii" : "iso-8859-1");
  return SRC_BAD;
}

/* A byte that the encoding does not allow. For files CPython names the file and the line. */
static SourceStatus bad_byte(Source *s, const char *src, size_t at, Encoding encoding, const char *filename, const char *reason) {
  unsigned byte = (unsigned char)src[at];
  int line = 1;
  for (size_t i = 0; i < at; i++) line += src[i] == '\n';
  if (encoding == ENC_ASCII) {
    snprintf(s->msg, sizeof s->msg, "(unicode error) 'ascii' codec can't decode byte 0x%02x in position %zu: ordinal not in range(128)", byte, at);
  } else if (filename && filename[0] != '<') {
    snprintf(s->msg, sizeof s->msg,
             "Non-UTF-8 code starting with '\\x%02x' in file %.80s on line %d, but no encoding declared; see https://peps.python.org/pep-0263/ for details",
             byte, filename, line);
    s->no_place = true;
  } else {
    snprintf(s->msg, sizeof s->msg, "(unicode error) 'utf-8' codec can't decode byte 0x%02x in position %zu: %s", byte, at, reason);
  }
  return SRC_BAD;
}

static SourceStatus check_bytes(Source *s, const char *src, size_t len, Encoding encoding, const char *filename) {
  if (memchr(src, 0, len)) return SRC_NUL;
  if (encoding == ENC_LATIN1) return SRC_OK;
  if (encoding == ENC_ASCII) {
    for (size_t i = 0; i < len; i++)
      if ((unsigned char)src[i] >= 0x80) return bad_byte(s, src, i, encoding, filename, "");
    return SRC_OK;
  }
  const char *reason = "";
  size_t bad_len = 0, at = utf8_check(src, len, false, &bad_len, &reason);
  return at == len ? SRC_OK : bad_byte(s, src, at, encoding, filename, reason);
}

/* Copies with line ends made '\n' and Latin-1 made UTF-8. out has room for it. */
static size_t copy_text(char *out, const char *src, size_t len, Encoding encoding) {
  size_t n = 0;
  if (encoding != ENC_LATIN1 && !memchr(src, '\r', len)) {
    memcpy(out, src, len);
    n = len;
  } else {
    for (size_t i = 0; i < len; i++) {
      unsigned char c = (unsigned char)src[i];
      if (c == '\r') {
        out[n++] = '\n';
        if (i + 1 < len && src[i + 1] == '\n') i++;
      } else if (c >= 0x80 && encoding == ENC_LATIN1) {
        n += (size_t)utf8_encode(c, out + n);
      } else {
        out[n++] = (char)c;
      }
    }
  }
  if (n == 0 || out[n - 1] != '\n') out[n++] = '\n';
  out[n] = '\0';
  return n;
}

static bool index_lines(Source *s, Arena *arena) {
  const char *p = s->text, *end = s->text + s->len;
  size_t count = 0;
  for (const char *q = p; (q = memchr(q, '\n', (size_t)(end - q))) != NULL; q++) count++;
  uint32_t *lines = arena_alloc(arena, (count + 1) * sizeof *lines);
  if (!lines) return false;
  size_t i = 0;
  lines[i++] = 0;
  for (const char *q = p; (q = memchr(q, '\n', (size_t)(end - q))) != NULL; q++) lines[i++] = (uint32_t)(q + 1 - p);
  s->lines = lines;
  s->n_lines = (int)count;
  return true;
}

SourceStatus source_init(Source *s, Arena *arena, const char *src, size_t len, const char *filename, bool is_text) {
  memset(s, 0, sizeof *s);
  Encoding encoding;
  if (len > INT32_MAX / 4) return SRC_NO_MEMORY;
  if (len == 0) src = "";
  SourceStatus status = find_encoding(s, &src, &len, is_text, &encoding);
  if (status != SRC_OK) return status;
  status = check_bytes(s, src, len, encoding, filename);
  if (status != SRC_OK) return status;
  char *text = arena_alloc(arena, (encoding == ENC_LATIN1 ? 2 * len : len) + 2);
  if (!text) return SRC_NO_MEMORY;
  s->len = (uint32_t)copy_text(text, src, len, encoding);
  s->newline_added = len == 0 || (src[len - 1] != '\n' && src[len - 1] != '\r');
  s->text = text;
  return index_lines(s, arena) ? SRC_OK : SRC_NO_MEMORY;
}

static int clamp_line(const Source *s, int line) { return line < 1 ? 1 : line > s->n_lines ? s->n_lines : line; }

uint32_t source_line_start(const Source *s, int line) { return s->lines[clamp_line(s, line) - 1]; }

const char *source_line(const Source *s, int line, size_t *len) {
  line = clamp_line(s, line);
  *len = s->lines[line] - s->lines[line - 1];
  return s->text + s->lines[line - 1];
}

int source_line_at(const Source *s, uint32_t offset) {
  int lo = 0, hi = s->n_lines;
  while (hi - lo > 1) {
    int mid = (lo + hi) / 2;
    if (s->lines[mid] <= offset) lo = mid;
    else hi = mid;
  }
  return lo + 1;
}

int source_column(const Source *s, int line, uint32_t offset) {
  uint32_t start = source_line_start(s, line);
  return offset <= start ? 0 : (int)utf8_count(s->text + start, offset - start);
}
