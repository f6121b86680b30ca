/* Source lines below the entries of a traceback, with the markers of PEP 657: which part of the line raised, and inside of a binary operation or a subscript
 * which operator. Those inner marks need the structure of the expression: a scanner of its text finds it, as a failing program's text is all there is. */
#include "vm/error_text.h"
#include "vm/objects/dict.h"
#include "vm/objects/list.h"
#include "vm/objects/module.h"
#include <stdio.h>

/* ---------------------------------------------------------------- lines */

/* One line from text, without its end (\n, \r\n, \r). */
static bool text_line(const char *text, size_t size, int line, Buf *out) {
  const char *p = text, *end = text + size;
  for (int at = 1; at < line; at++) {
    while (p < end && *p != '\n' && *p != '\r') p++;
    if (p == end) return false;
    p += *p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1;
  }
  if (p == end) return false;
  const char *start = p;
  while (p < end && *p != '\n' && *p != '\r') p++;
  buf_add(out, start, (size_t)(p - start));
  return true;
}

/* Text of some other encoding is shown as if it were Latin-1: what comes out must be UTF-8. */
static void make_utf8(Buf *b) {
  size_t bad;
  const char *reason;
  if (b->failed || utf8_check(b->data ? b->data : "", b->len, false, &bad, &reason) == b->len) return;
  Buf fixed;
  buf_init(&fixed, b->mem);
  for (size_t i = 0; i < b->len; i++) {
    char utf8[4];
    int n = utf8_encode((unsigned char)b->data[i], utf8);
    buf_add(&fixed, utf8, (size_t)n);
  }
  buf_free(b);
  *b = fixed;
}

/* The file's line, read in pieces; a file that ends before has none. */
static bool file_line(FILE *f, int line, Buf *out) {
  char piece[1024];
  int at = 1;
  bool after_cr = false, any = false;
  size_t n;
  while (at <= line && (n = fread(piece, 1, sizeof piece, f)) > 0) {
    for (size_t i = 0; i < n && at <= line; i++) {
      char c = piece[i];
      bool second = c == '\n' && after_cr;
      after_cr = c == '\r';
      if (second) continue;
      if (c == '\n' || c == '\r') {
        if (at == line) any = true;
        at++;
      } else if (at == line) {
        any = true;
        buf_char(out, c);
      }
    }
  }
  return any;
}

bool vm_source_line(VM *vm, Code *code, int line, Buf *out) {
  if (line <= 0 || !code->filename) return false;
  if (code->source) return text_line(code->source->data, code->source->size, line, out);
  const char *name = str_cstr(vm, code->filename);
  if (!name) {
    vm->exc = V_ABSENT; /* no memory: no line */
    return false;
  }
  if (*name == '<') {
    size_t len = strlen(name), size;
    if (strncmp(name, "<frozen ", 8) != 0 || len < 10 || len > 100) return false;
    char module[100];
    memcpy(module, name + 8, len - 9);
    module[len - 9] = 0;
    const char *text = frozen_module_source(module, &size);
    return text && text_line(text, size, line, out);
  }
  return vm_file_line(vm, name, line, out);
}

/* What a script put into linecache.cache for code that is in no file: (size, time, lines, name). Runs no script code. */
bool vm_cached_line(VM *vm, const Code *code, int line, Buf *out) {
  Value module = dict_get_c(vm, vm->modules, "linecache");
  Value cache = v_has_layout(module, LAY_MODULE) ? dict_get_c(vm, ((Module *)v_obj(module))->dict, "cache") : V_ABSENT;
  Value entry = v_is_exact(cache, &dict_type) && code->filename ? dict_get_str(vm, v_dict(cache), code->filename) : V_ABSENT;
  if (v_failed(module) || v_failed(cache) || v_failed(entry)) vm->exc = V_ABSENT; /* no memory: no line */
  if (!v_is_exact(entry, &tuple_type) || v_tuple(entry)->length != 4 || !v_is_exact(v_tuple(entry)->items[2], &list_type)) return false;
  const List *lines = v_list(v_tuple(entry)->items[2]);
  if (line < 1 || (size_t)line > lines->length || !v_is_exact(lines->items[line - 1], &str_type)) return false;
  const Str *text = v_str(lines->items[line - 1]);
  return text_line(text->data, text->size, 1, out);
}

bool vm_file_line(VM *vm, const char *name, int line, Buf *out) {
  (void)vm;
  FILE *f = fopen(name, "rb");
  if (!f) return false;
  size_t before = out->len;
  Buf b;
  buf_init(&b, out->mem);
  bool found = file_line(f, line, &b);
  fclose(f);
  make_utf8(&b);
  if (found && !b.failed) buf_add(out, b.data ? b.data : "", b.len);
  if (line == 1 && out->len - before >= 3 && !memcmp(out->data + before, "\xEF\xBB\xBF", 3)) {
    memmove(out->data + before, out->data + before + 3, out->len - before - 3);
    out->len -= 3;
  }
  buf_free(&b);
  return found;
}

/* ---------------------------------------------------------------- scanning an expression */

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\f'; }
static bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* i stands at a quote: behind the string. */
static int skip_string(const char *s, int i, int n) {
  char q = s[i];
  bool triple = i + 2 < n && s[i + 1] == q && s[i + 2] == q;
  i += triple ? 3 : 1;
  for (; i < n; i++) {
    if (s[i] == '\\') i++;
    else if (s[i] == q && !triple) return i + 1;
    else if (s[i] == q && i + 2 < n && s[i + 1] == q && s[i + 2] == q) return i + 3;
  }
  return n;
}

/* i stands at an opening bracket: behind its partner; n if there is none. *comma: a comma or `for` directly inside: a tuple or a generator expression. */
static int skip_bracket(const char *s, int i, int n, bool *comma) {
  int depth = 0;
  if (comma) *comma = false;
  while (i < n) {
    char c = s[i];
    if (c == '\'' || c == '"') {
      i = skip_string(s, i, n);
      continue;
    }
    if (c == '(' || c == '[' || c == '{') depth++;
    else if (c == ')' || c == ']' || c == '}') {
      if (--depth == 0) return i + 1;
    } else if (depth == 1 && comma && (c == ',' || (c == 'f' && !is_word(s[i - 1]) && i + 3 < n && !strncmp(s + i, "for", 3) && !is_word(s[i + 3])))) {
      *comma = true;
    }
    i++;
  }
  return n;
}

static int skip_number(const char *s, int i, int n) {
  bool hex = s[i] == '0' && i + 1 < n && (s[i + 1] == 'x' || s[i + 1] == 'X');
  while (i < n && (is_word(s[i]) || s[i] == '.' || ((s[i] == '+' || s[i] == '-') && !hex && (s[i - 1] == 'e' || s[i - 1] == 'E')))) i++;
  return i;
}

static bool word_is(const char *s, int n, const char *word) { return (int)strlen(word) == n && !memcmp(s, word, (size_t)n); }

/* Words that make the text something else than one arithmetic expression. */
static bool breaks_expression(const char *s, int n) {
  static const char *const words[] = {"not",  "and",    "or",     "in",     "is",     "if",   "else",   "for",      "lambda", "yield", "import", "from",  "raise", "assert", "del",   "return",
                                      "pass", "global", "break",  "continue", "nonlocal", "def", "class", "while",  "with",   "try",   "async",  "except", "finally", "elif", "as"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (word_is(s, n, words[i])) return true;
  return false;
}

/* Binary operator at s[i]: its length and precedence; 0: none. Augmented assignments and comparisons are none. */
static int operator_at(const char *s, int i, int n, int *precedence) {
  char c = s[i], d = i + 1 < n ? s[i + 1] : 0, e = i + 2 < n ? s[i + 2] : 0;
  int length = (c == '*' || c == '/' || c == '<' || c == '>') && d == c ? 2 : 1;
  if ((length == 1 ? d : e) == '=') return 0;
  switch (c) {
    case '|': *precedence = 1; return 1;
    case '^': *precedence = 2; return 1;
    case '&': *precedence = 3; return 1;
    case '<': case '>': *precedence = 4; return length == 2 ? 2 : 0;
    case '+': *precedence = 5; return 1;
    case '-': *precedence = 5; return d == '>' ? 0 : 1;
    case '*': *precedence = length == 2 ? 8 : 6; return length;
    case '/': case '%': case '@': *precedence = 6; return length;
    default: return 0;
  }
}

typedef struct ExprShape {
  int op, op_end;      /* the outermost binary operator; -1: none */
  int precedence;
  int subscript;       /* the last [ that follows an operand and ends the text; -1 */
  bool unary, awaits;  /* starts with - + ~, with await */
} ExprShape;

/* What the expression is at its top level. False: nothing that gets inner marks. */
static bool scan(const char *s, int n, ExprShape *e) {
  *e = (ExprShape){-1, -1, 99, -1, false, false};
  bool operand = false; /* one has just ended */
  for (int i = 0; i < n;) {
    char c = s[i];
    if (is_space(c)) {
      i++;
    } else if (c == '(' || c == '[' || c == '{') {
      int end = skip_bracket(s, i, n, NULL);
      if (c == '[' && operand && end == n) e->subscript = i;
      operand = true;
      i = end;
    } else if (c == '\'' || c == '"') {
      i = skip_string(s, i, n);
      operand = true;
    } else if (is_digit(c) || (c == '.' && i + 1 < n && is_digit(s[i + 1]) && !operand)) {
      i = skip_number(s, i, n);
      operand = true;
    } else if (is_word(c)) {
      int start = i;
      while (i < n && is_word(s[i])) i++;
      if (i < n && (s[i] == '\'' || s[i] == '"')) continue; /* a string's prefix */
      if (breaks_expression(s + start, i - start)) return false;
      if (word_is(s + start, i - start, "await")) e->awaits |= start == 0;
      else operand = true;
    } else if (c == '.') {
      operand = true; /* attribute, or ... */
      i++;
    } else if (!operand) {
      if (c != '-' && c != '+' && c != '~') return false;
      if (e->op < 0) e->unary = true;
      i++;
    } else {
      int precedence, length = operator_at(s, i, n, &precedence);
      if (!length) return false;
      if (precedence < e->precedence || (precedence == e->precedence && precedence != 8)) {
        e->op = i;
        e->op_end = i + length;
        e->precedence = precedence;
      }
      operand = false;
      i += length;
    }
  }
  return operand;
}

/* Takes spaces and enclosing parentheses off [*from, *to): where the node of that text begins and ends. Tuples and generator expressions own theirs. */
static void strip_parens(const char *s, int *from, int *to) {
  for (;;) {
    while (*from < *to && is_space(s[*from])) (*from)++;
    while (*to > *from && is_space(s[*to - 1])) (*to)--;
    bool comma;
    if (*from >= *to || s[*from] != '(' || skip_bracket(s, *from, *to, &comma) != *to || s[*to - 1] != ')' || comma || *to - *from == 2) return;
    (*from)++;
    (*to)--;
  }
}

/* Marks [*left, *right) inside of the expression text s; false: no inner marks. The marks go by where the nodes of the operands begin and end, which are
   inside of parentheses around them: "(a)*b" is marked at the parenthesis, as CPython does. */
static bool find_anchors(const char *s, int n, int *left, int *right) {
  ExprShape e;
  if (!scan(s, n, &e)) return false;
  if (e.op < 0) {
    if (e.subscript < 0 || e.unary || e.awaits) return false;
    int value = 0, value_end = e.subscript, index = e.subscript + 1, index_end = n - 1;
    strip_parens(s, &value, &value_end);
    strip_parens(s, &index, &index_end);
    *left = value_end;
    *right = index_end + 1;
    return true;
  }
  if (e.unary && e.precedence == 8) return false;
  int a = 0, a_end = e.op, b = e.op_end, b_end = n;
  strip_parens(s, &a, &a_end);
  strip_parens(s, &b, &b_end);
  int i = a_end;
  while (i < b && is_space(s[i])) i++;
  *left = i;
  *right = i + 1 + (i + 1 < b && !is_space(s[i + 1])); /* operators of two characters; a parenthesis counts as well */
  return true;
}

/* ---------------------------------------------------------------- the display */

static int to_chars(const char *s, int bytes) { return (int)utf8_count(s, (size_t)bytes); }

/* line: the whole source line, its first `skip` bytes are indentation that is not shown. */
void error_carets(Buf *out, const char *line, int size, int skip, const Position *pos, bool library) {
  while (library && size > skip && is_space(line[size - 1])) size--;
  if (pos->line <= 0 || pos->end_line <= 0 || pos->col < 0 || pos->end_col < 0) return;
  int start = pos->col < size ? pos->col : size, end = pos->end_col < size ? pos->end_col : size;
  int left = -1, right = -1;
  if (pos->line == pos->end_line) {
    if (end > start && find_anchors(line + start, end - start, &left, &right)) {
      left += start;
      right += start;
    }
  } else {
    end = size;
    while (end > 0 && is_space(line[end - 1])) end--;
  }
  if (start < skip) start = skip;
  if (end <= start) return;
  if (left < 0 && to_chars(line, end) - to_chars(line, start) == to_chars(line, size) - to_chars(line, skip)) return;
  buf_fill(out, ' ', 4 + (size_t)(to_chars(line, start) - to_chars(line, skip)));
  for (int i = start; i < end; i += utf8_len((unsigned char)line[i])) buf_char(out, left < 0 || (i >= left && i < right) ? '^' : '~');
  buf_char(out, '\n');
}
