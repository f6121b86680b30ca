/* Names of the node kinds, and the dump: the text that ast.dump(tree) of Python 3.11 gives, so that python3 can be the judge of the parser. */
#include "parser/ast.h"

#include <string.h>

#include "vm/base/dtoa.h"
#include "vm/base/utf8.h"

const char *const node_kind_names[N_COUNT] = {
#define X(name) #name,
  AST_NODES(X)
#undef X
};

enum { DUMP_MAX_DEPTH = 1000 }; /* deeper nodes are shown as "..." */

typedef struct Dump {
  Buf *out;
  bool attributes; /* positions, too: include_attributes=True */
  bool comma;      /* something was written in the innermost parentheses */
  int depth;
} Dump;

static void dump(Dump *d, const Node *n);

/* ---- pieces ---- */

static void field(Dump *d, const char *name) {
  if (d->comma) buf_str(d->out, ", ");
  d->comma = true;
  buf_str(d->out, name);
  buf_char(d->out, '=');
}

static void node_field(Dump *d, const char *name, const Node *n) {
  if (!n) return;
  field(d, name);
  dump(d, n);
}

static void node_list(Dump *d, const char *name, const NodeList *list) {
  field(d, name);
  buf_char(d->out, '[');
  for (int i = 0; i < list->n; i++) {
    if (i) buf_str(d->out, ", ");
    if (list->items[i]) dump(d, list->items[i]);
    else buf_str(d->out, "None");
  }
  buf_char(d->out, ']');
}

static void text_field(Dump *d, const char *name, const char *text) {
  if (!text) return;
  field(d, name);
  buf_char(d->out, '\'');
  buf_str(d->out, text);
  buf_char(d->out, '\'');
}

static void name_list(Dump *d, const char *name, const NameList *list) {
  field(d, name);
  buf_char(d->out, '[');
  for (int i = 0; i < list->n; i++) {
    if (i) buf_str(d->out, ", ");
    buf_printf(d->out, "'%s'", list->items[i]);
  }
  buf_char(d->out, ']');
}

static void int_field(Dump *d, const char *name, long long value) {
  field(d, name);
  buf_printf(d->out, "%lld", value);
}

/* ---- constants ---- */

static void repr_char(Buf *b, uint32_t c, char quote, bool bytes) {
  char text[4];
  if (c == (unsigned char)quote || c == '\\') buf_printf(b, "\\%c", (int)c);
  else if (c == '\n') buf_str(b, "\\n");
  else if (c == '\r') buf_str(b, "\\r");
  else if (c == '\t') buf_str(b, "\\t");
  else if (c >= 0x20 && c < 0x7F) buf_char(b, (char)c);
  else if (!bytes && uc_is_printable(c)) buf_add(b, text, (size_t)utf8_encode(c, text));
  else if (c < 0x100) buf_printf(b, "\\x%02x", (unsigned)c);
  else if (c < 0x10000) buf_printf(b, "\\u%04x", (unsigned)c);
  else buf_printf(b, "\\U%08x", (unsigned)c);
}

static void repr_text(Buf *b, const char *s, size_t len, bool bytes) {
  char quote = memchr(s, '\'', len) && !memchr(s, '"', len) ? '"' : '\'';
  if (bytes) buf_char(b, 'b');
  buf_char(b, quote);
  for (const char *p = s; p < s + len;) {
    uint32_t c = bytes ? (unsigned char)*p++ : utf8_decode(p, &p);
    repr_char(b, c, quote, bytes);
  }
  buf_char(b, quote);
}

/* Decimal text of a literal in another base, by repeated multiplication: only for the dump, hence simple. */
static void repr_big(Buf *b, const char *digits, size_t len, int base) {
  if (base == 10) {
    buf_add(b, digits, len);
    return;
  }
  size_t cap = len * 2 + 2, n = 1; /* decimal digits, lowest first; base 16 needs 1.21 a digit */
  char *dec = mem_zalloc(b->mem, cap);
  if (!dec) {
    b->failed = true;
    return;
  }
  for (size_t i = 0; i < len; i++) {
    int carry = digits[i] <= '9' ? digits[i] - '0' : (digits[i] | 32) - 'a' + 10;
    for (size_t k = 0; k < n || carry; k++) {
      int v = dec[k] * base + carry;
      dec[k] = (char)(v % 10);
      carry = v / 10;
      if (k >= n) n = k + 1;
    }
  }
  while (n--) buf_char(b, (char)('0' + dec[n]));
  mem_free(b->mem, dec, cap);
}

static void repr_float(Buf *b, double d, bool imaginary) {
  char text[40];
  int n = dtoa_repr(d, text);
  if (imaginary && n > 2 && memcmp(text + n - 2, ".0", 2) == 0) n -= 2;
  buf_add(b, text, (size_t)n);
  if (imaginary) buf_char(b, 'j');
}

static void constant(Dump *d, const Node *n) {
  field(d, "value");
  switch (n->u.constant.kind) {
    case CONST_NONE: buf_str(d->out, "None"); break;
    case CONST_TRUE: buf_str(d->out, "True"); break;
    case CONST_FALSE: buf_str(d->out, "False"); break;
    case CONST_ELLIPSIS: buf_str(d->out, "Ellipsis"); break;
    case CONST_INT: buf_printf(d->out, "%lld", (long long)n->u.constant.i); break;
    case CONST_BIGINT: repr_big(d->out, n->u.constant.s, n->u.constant.len, (int)n->u.constant.i); break;
    case CONST_FLOAT: repr_float(d->out, n->u.constant.d, false); break;
    case CONST_COMPLEX: repr_float(d->out, n->u.constant.d, true); break;
    case CONST_STR: repr_text(d->out, n->u.constant.s, n->u.constant.len, false); break;
    default: repr_text(d->out, n->u.constant.s, n->u.constant.len, true); break;
  }
}

/* ---- nodes ---- */

static void operators(Dump *d, const AstField *f, const Node *n) {
  bool list = f->kind == FIELD_COMPARES;
  field(d, f->name);
  if (list) buf_char(d->out, '[');
  for (int i = 0; i < (list ? n->u.compare.comparators.n : 1); i++) buf_printf(d->out, "%s%s()", i ? ", " : "", ast_operator(f, n, i));
  if (list) buf_char(d->out, ']');
}

static void show_field(Dump *d, const AstField *f, const Node *n) {
  const void *at = ast_field(f, n);
  switch (f->kind) {
    case FIELD_NODE: node_field(d, f->name, *(Node *const *)at); break;
    case FIELD_NODES: node_list(d, f->name, at); break;
    case FIELD_TEXT: text_field(d, f->name, *(const char *const *)at); break;
    case FIELD_TEXTS: name_list(d, f->name, at); break;
    case FIELD_INT: int_field(d, f->name, *(const int *)at); break;
    case FIELD_BOOL: int_field(d, f->name, *(const bool *)at); break;
    case FIELD_CONSTANT: constant(d, n); break;
    case FIELD_CONSTANT_OF: constant(d, *(Node *const *)at); break;
    case FIELD_KIND: if (*(const bool *)at) text_field(d, f->name, "u"); break;
    case FIELD_NOTHING: node_list(d, f->name, &(NodeList){0}); break;
    case FIELD_NONE: break;
    default: operators(d, f, n); break;
  }
}

static void dump(Dump *d, const Node *n) {
  if (d->depth >= DUMP_MAX_DEPTH) {
    buf_str(d->out, "...");
    return;
  }
  bool comma = d->comma;
  d->comma = false;
  d->depth++;
  buf_str(d->out, ast_name(n));
  buf_char(d->out, '(');
  int count;
  const AstField *f = ast_fields(n->kind, &count);
  for (int i = 0; i < count; i++) show_field(d, &f[i], n);
  if (d->attributes && ast_has_position(n)) {
    int_field(d, "lineno", n->line);
    int_field(d, "col_offset", n->col);
    int_field(d, "end_lineno", n->end_line);
    int_field(d, "end_col_offset", n->end_col);
  }
  buf_char(d->out, ')');
  d->depth--;
  d->comma = comma;
}

void ast_dump(Buf *out, const Node *node) {
  Dump d = {.out = out};
  dump(&d, node);
}

void ast_dump_attributes(Buf *out, const Node *node) {
  Dump d = {.out = out, .attributes = true};
  dump(&d, node);
}
