/* The parser's entry: reads the source, runs a rule in two passes, and turns failures into a SyntaxErr. Also the shared tools that parse_int.h declares. */
#include "parser/parse_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vm/base/utf8.h"

/* ---- failures ---- */

void *parse_fail_memory(Parser *p) {
  p->failed = p->no_memory = true;
  return NULL;
}

/* Too deep: MemoryError, as CPython's parser ends when its own stack is full. */
void *parse_fail_nested(Parser *p) { return parse_fail_memory(p); }

bool parse_enter(Parser *p) {
  if (++p->depth <= PARSE_MAX_NESTING) return true;
  p->depth--;
  parse_fail_nested(p);
  return false;
}

/* Cuts the message at a code point. */
static void format_message(SyntaxErr *err, const char *prefix, const char *fmt, va_list args) {
  int n = snprintf(err->msg, sizeof err->msg, "%s", prefix);
  vsnprintf(err->msg + n, sizeof err->msg - (size_t)n, fmt, args);
  size_t len = strlen(err->msg);
  if (len == sizeof err->msg - 1) {
    while (len > 0 && ((unsigned char)err->msg[len - 1] & 0xC0) == 0x80) len--;
    if (len > 0 && (unsigned char)err->msg[len - 1] >= 0x80) len--;
    err->msg[len] = '\0';
  }
}

/* Inside a field the text of the error is the expression in parentheses. */
static void set_field_text(Parser *p, const Field *f, int line) {
  size_t len;
  const char *text = source_line(&p->src, line, &len);
  const char *start = p->src.text + f->start, *end = p->src.text + f->end;
  bool opens = start >= text && start <= text + len, closes = end >= text && end < text + len;
  if (opens) {
    len -= (size_t)(start - text);
    text = start;
  }
  if (closes) len = (size_t)(end - text);
  else if (len && text[len - 1] == '\n') len--; /* goes on in the next line */
  Buf b;
  buf_init(&b, p->arena->mem);
  if (opens) buf_char(&b, '(');
  buf_add(&b, text, len);
  if (closes) buf_str(&b, ")\n");
  p->err->text = b.failed ? NULL : arena_strndup(p->arena, b.data, b.len);
  p->err->text_len = p->err->text ? b.len : 0;
  if (!p->err->text) p->no_memory = true;
  buf_free(&b);
}

static void set_text(Parser *p, int line) {
  if (p->field) set_field_text(p, p->field, line);
  else p->err->text = source_line(&p->src, line, &p->err->text_len);
}

static void raise(Parser *p, SyntaxErrorKind kind, int line, int offset, int end_line, int end_offset, const char *fmt, va_list args) {
  if (p->failed) return;
  SyntaxErr *e = p->err;
  p->failed = e->set = true;
  e->kind = kind;
  e->line = line;
  e->offset = offset;
  e->end_line = end_line;
  e->end_offset = end_offset;
  bool prefix = p->field && strncmp(fmt, "f-string", 8) != 0;
  format_message(e, prefix ? "f-string: " : "", fmt, args);
  set_text(p, line);
  const Token *last = &p->toks.items[p->pos > p->far ? p->pos : p->far];
  while (last->kind == T_DEDENT) last++; /* the end of the input closes the blocks */
  e->incomplete = !p->field && last->kind == T_END;
}

/* Column of a byte offset as reported: from 1; in a field, from the parenthesis that stands before it. */
static int column_of(const Parser *p, int line, uint32_t offset) {
  if (p->field && line == p->field->line && offset >= p->field->start)
    return (int)utf8_count(p->src.text + p->field->start, offset - p->field->start) + 2;
  return source_column(&p->src, line, offset) + 1;
}

/* CPython counts the end column of a range of several lines in the first of them. */
static int end_column(const Parser *p, int line, int end_line, uint32_t end) {
  if (line == end_line) return column_of(p, end_line, end);
  size_t len, n = end - source_line_start(&p->src, end_line) + 1;
  const char *text = source_line(&p->src, line, &len);
  if (n < len) return (int)utf8_count(text, n);
  return (int)utf8_count(text, len - 1) + 1;
}

static const Token *furthest(const Parser *p) { return &p->toks.items[p->pos > p->far ? p->pos : p->far]; }

static bool has_no_text(const Parser *p, const Token *t) { return t->kind == T_INDENT || t->kind == T_DEDENT || (t->kind == T_END && !p->field); }

/* At the furthest token. Tokens without text are reported one column to the left and without an end, as CPython does. */
static void raise_furthest(Parser *p, SyntaxErrorKind kind, const char *fmt, va_list args) {
  const Token *t = furthest(p);
  if (has_no_text(p, t)) raise(p, kind, t->line, source_column(&p->src, t->line, t->start), t->end_line, -1, fmt, args);
  else raise(p, kind, t->line, column_of(p, t->line, t->start), t->end_line, end_column(p, t->line, t->end_line, t->end), fmt, args);
}

void *parse_error(Parser *p, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  raise_furthest(p, SYNTAX_ERROR, fmt, args);
  va_end(args);
  return NULL;
}

void *parse_error_kind(Parser *p, SyntaxErrorKind kind, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  raise_furthest(p, kind, fmt, args);
  va_end(args);
  return NULL;
}

static void raise_span(Parser *p, uint32_t start, uint32_t end, const char *fmt, va_list args) {
  int line = source_line_at(&p->src, start), end_line = source_line_at(&p->src, end);
  if (end > start && end_line > line && end == source_line_start(&p->src, end_line)) end_line--;
  raise(p, SYNTAX_ERROR, line, column_of(p, line, start), end_line, end_column(p, line, end_line, end), fmt, args);
}

void *parse_error_span(Parser *p, uint32_t start, uint32_t end, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  raise_span(p, start, end, fmt, args);
  va_end(args);
  return NULL;
}

void *parse_error_token(Parser *p, const Token *t, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  raise(p, SYNTAX_ERROR, t->line, column_of(p, t->line, t->start), t->end_line, end_column(p, t->line, t->end_line, t->end), fmt, args);
  va_end(args);
  return NULL;
}

uint32_t parse_node_offset(const Parser *p, const Node *n) { return source_line_start(&p->src, n->line) + (uint32_t)n->col; }
uint32_t parse_node_end(const Parser *p, const Node *n) { return source_line_start(&p->src, n->end_line) + (uint32_t)n->end_col; }

static void raise_range(Parser *p, const Node *a, const Node *b, const char *fmt, va_list args) {
  raise(p, SYNTAX_ERROR, a->line, column_of(p, a->line, parse_node_offset(p, a)), b->end_line, end_column(p, a->line, b->end_line, parse_node_end(p, b)),
        fmt, args);
}

void *parse_error_node(Parser *p, const Node *n, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  raise_range(p, n, n, fmt, args);
  va_end(args);
  return NULL;
}

void *parse_error_range(Parser *p, const Node *a, const Node *b, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  raise_range(p, a, b, fmt, args);
  va_end(args);
  return NULL;
}

void *parse_error_offsets(Parser *p, int line, int offset, int end_line, int end_offset, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  raise(p, SYNTAX_ERROR, line, offset, end_line, end_offset, fmt, args);
  va_end(args);
  return NULL;
}

/* line: what the warning tells; [start, end): what an error would show that filters make of it. */
void parse_warn(Parser *p, const char *category, int line, uint32_t start, uint32_t end, const char *fmt, ...) {
  char text[128];
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  ParseWarning *w = arena_alloc(p->arena, sizeof *w);
  if (!w || !(w->msg = arena_strndup(p->arena, text, (size_t)n))) {
    parse_fail_memory(p);
    return;
  }
  w->category = category;
  w->line = line;
  int first = source_line_at(&p->src, start);
  w->end_line = source_line_at(&p->src, end);
  w->offset = column_of(p, first, start);
  w->end_offset = end_column(p, first, w->end_line, end);
  w->end_line = w->end_line - first + line;
  *p->warnings_tail = w;
  p->warnings_tail = &w->next;
}

/* ---- tokens ---- */

bool parse_at_word(const Parser *p, const char *word) {
  const Token *t = parse_tok(p);
  size_t n = strlen(word);
  return t->kind == T_NAME && t->end - t->start == n && memcmp(p->src.text + t->start, word, n) == 0;
}

const char *parse_identifier(Parser *p, const Token *t) {
  const char *s = p->src.text + t->start;
  size_t n = t->end - t->start;
  const char *name;
  if (utf8_is_ascii(s, n)) {
    name = arena_strndup(p->arena, s, n);
  } else {
    Buf b;
    buf_init(&b, p->arena->mem);
    name = uc_nfkc(&b, s, n) ? arena_strndup(p->arena, b.data, b.len) : NULL;
    buf_free(&b);
  }
  return name ? name : parse_fail_memory(p);
}

const char *parse_name(Parser *p) {
  if (!parse_at(p, T_NAME)) return NULL;
  const char *name = parse_identifier(p, parse_tok(p));
  parse_next(p);
  return name;
}

bool parse_force(Parser *p, TokenKind k) {
  if (parse_accept(p, k)) return true;
  const Token *t = parse_tok(p);
  if (t->kind == T_ERROR) return false;
  if (has_no_text(p, t)) parse_error_offsets(p, t->line, 0, t->line, 0, "expected '%s'", token_texts[k]);
  else parse_error_token(p, t, "expected '%s'", token_texts[k]);
  return false;
}

/* ---- nodes ---- */

Pos parse_here(const Parser *p) {
  const Token *t = parse_tok(p);
  return (Pos){t->line, (int)(t->start - source_line_start(&p->src, t->line))};
}

Node *parse_node(Parser *p, NodeKind kind, Pos at) {
  Node *n = arena_alloc(p->arena, sizeof *n);
  if (!n) return parse_fail_memory(p);
  n->kind = (uint8_t)kind;
  n->line = n->end_line = at.line;
  n->col = n->end_col = at.col;
  return n;
}

Node *parse_end(Parser *p, Node *n) {
  if (!n) return NULL;
  const Token *t = &p->toks.items[p->pos - 1];
  n->end_line = t->end_line;
  n->end_col = (int)(t->end - source_line_start(&p->src, t->end_line));
  return n;
}

Node *parse_end_block(Parser *p, Node *n) {
  const Token *t = &p->toks.items[p->pos - 1];
  while (t->kind == T_NEWLINE || t->kind == T_INDENT || t->kind == T_DEDENT) t--;
  n->end_line = t->end_line;
  n->end_col = (int)(t->end - source_line_start(&p->src, t->end_line));
  return n;
}

bool parse_push(Parser *p, Node *n) {
  if (p->failed) return false;
  if (p->top == p->stack_cap) {
    void *items = p->stack;
    if (!mem_grow(p->arena->mem, &items, &p->stack_cap, p->top + 1, sizeof *p->stack)) {
      parse_fail_memory(p);
      return false;
    }
    p->stack = items;
  }
  p->stack[p->top++] = n;
  return true;
}

NodeList parse_take(Parser *p, size_t from) {
  NodeList list = {NULL, 0};
  size_t n = p->top - from;
  p->top = from;
  if (n == 0) return list;
  list.items = arena_alloc(p->arena, n * sizeof *list.items);
  if (!list.items) {
    parse_fail_memory(p);
    return list;
  }
  memcpy(list.items, p->stack + from, n * sizeof *list.items);
  list.n = (int)n;
  return list;
}

/* ---- running a rule ---- */

/* CPython's lexer gives the line of its errors without its end. Other ones are told by the parser: with it, unless the lexer went on to further lines. */
static bool keeps_line_end(const Parser *p, const LexError *lex) {
  if (strstr(lex->msg, "never closed")) return lex->line == p->src.n_lines || p->src.lines[lex->line] >= p->src.lines[p->src.n_lines];
  return strncmp(lex->msg, "unexpected ", 11) == 0;
}

/* An error of the lexer, in place of whatever was found. */
static void set_lex_error(Parser *p, const LexError *lex) {
  SyntaxErr *e = p->err;
  p->failed = e->set = true;
  e->kind = lex->kind == LEX_TAB ? SYNTAX_TAB : lex->kind == LEX_INDENTATION ? SYNTAX_INDENTATION : SYNTAX_ERROR;
  e->incomplete = lex->incomplete && !p->field;
  e->line = e->end_line = lex->line;
  /* the place reported is the last character read, hence no "+ 1" but for the shift */
  e->offset = column_of(p, lex->line, lex->at) - 1 + lex->shift;
  if (lex->in_bytes && !p->field) {
    e->offset = (int)(lex->at - source_line_start(&p->src, lex->line));
    e->end_offset = (int)((uint32_t)lex->end - source_line_start(&p->src, lex->line));
  } else e->end_offset = lex->end == -1 ? e->offset : lex->end == -2 ? 0 : lex->end == -3 ? -1 : column_of(p, lex->line, (uint32_t)lex->end) - 1;
  snprintf(e->msg, sizeof e->msg, "%s", lex->msg);
  set_text(p, lex->line);
  if (lex->kind == LEX_SYNTAX && !p->field && !keeps_line_end(p, lex) && e->text_len && e->text[e->text_len - 1] == '\n') e->text_len--;
}

/* "invalid syntax" at the furthest token, or what that token itself tells. */
static void set_generic_error(Parser *p) {
  const Token *t = furthest(p);
  if (t->kind == T_INDENT || t->kind == T_DEDENT) {
    parse_error_kind(p, SYNTAX_INDENTATION, t->kind == T_INDENT ? "unexpected indent" : "unexpected unindent");
  } else if (has_no_text(p, t)) {
    parse_error_offsets(p, t->line, 0, t->line, 0, "invalid syntax");
  } else {
    parse_error_token(p, t, "invalid syntax");
  }
}

/* The lexer's error lies somewhere behind what the parser has seen. It comes first if CPython's check of the rest of the text would raise it: a
   sticky one always; another one as "never closed", if it is inside a bracket that was opened on a line before. */
static void prefer_lex_error(Parser *p, const LexError *lex, bool reached) {
  if (!lex->set) return;
  if (reached || lex->sticky) {
    set_lex_error(p, lex);
  } else if (lex->inside.open && furthest(p)->line > lex->inside.line) {
    LexError e = {.set = true, .line = lex->inside.line, .at = lex->inside.at, .shift = 1, .end = -2};
    snprintf(e.msg, sizeof e.msg, "'%c' was never closed", lex->inside.open);
    set_lex_error(p, &e);
  }
}

/* The second pass. The furthest token for the generic error is that of the first; that of the second is returned. */
static size_t run_again(Parser *p, Rule rule, Mark start) {
  size_t far = p->pos > p->far ? p->pos : p->far;
  p->far = far;
  p->pos = start.pos;
  p->top = start.top;
  p->errors = true;
  rule(p);
  p->errors = false;
  size_t again = p->pos > p->far ? p->pos : p->far;
  if (!p->failed && furthest(p)->kind != T_ERROR) p->pos = p->far = far;
  return again;
}

Node *parse_run(Parser *p, Rule rule, const LexError *lex) {
  Mark start = parse_mark(p);
  Node *n = rule(p);
  if (n || p->no_memory) return p->no_memory ? NULL : n;
  bool reached = furthest(p)->kind == T_ERROR, straight = reached || !lex->set; /* else what is before the lexer's error is wrong already */
  size_t again = 0;
  if (!p->failed && !reached && !p->errors) {
    again = run_again(p, rule, start);
    reached = furthest(p)->kind == T_ERROR;
  }
  if (p->no_memory) return NULL;
  bool generic = !p->failed && !reached;
  if (generic) set_generic_error(p);
  if (again > p->far) p->far = again;
  bool indent = generic && p->err->kind == SYNTAX_INDENTATION; /* CPython looks no further then */
  if (!indent && (straight || !p->prompt || !strstr(lex->msg, "never closed"))) prefer_lex_error(p, lex, reached);
  if (!straight) p->err->incomplete = false;
  return NULL;
}

/* ---- whole inputs ---- */

/* file: [statements] ENDMARKER */
static Node *file_rule(Parser *p) {
  Node *n = parse_node(p, N_Module, (Pos){1, 0});
  size_t from = p->top;
  while (n && !parse_at(p, T_END))
    if (!parse_statement(p)) return NULL;
  if (n) n->u.mod.body = parse_take(p, from);
  return p->failed ? NULL : n;
}

/* eval: expressions NEWLINE* ENDMARKER */
static Node *eval_rule(Parser *p) {
  Node *n = parse_node(p, N_Expression, (Pos){1, 0});
  if (!n) return NULL;
  n->u.expression.body = parse_expressions(p);
  if (!n->u.expression.body) return NULL;
  while (parse_accept(p, T_NEWLINE)) {}
  return parse_at(p, T_END) ? n : NULL;
}

/* interactive: compound_stmt NEWLINE | simple_stmts | NEWLINE | ENDMARKER. An empty input is incomplete, and so is a compound statement whose last
   line does not end: another clause may follow. */
static Node *one_statement(Parser *p, bool prompt) {
  Node *n = parse_node(p, N_Interactive, (Pos){1, 0});
  size_t from = p->top;
  if (!n || parse_at(p, T_END)) return NULL;
  Node *compound = parse_compound(p);
  if (p->failed) return NULL;
  if (compound) {
    bool block_open = p->src.newline_added && (prompt || p->toks.items[p->pos - 1].kind != T_DEDENT);
    if (!parse_push(p, compound) || block_open || !parse_at(p, T_END)) return NULL;
  } else {
    parse_back(p, (Mark){0, from});
    if (!parse_simple_statements(p)) return NULL;
    const Token *newline = &p->toks.items[p->pos - 1];
    if (!parse_at(p, T_END)) return parse_error_token(p, newline, "multiple statements found while compiling a single statement");
  }
  n->u.mod.body = parse_take(p, from);
  return p->failed ? NULL : n;
}

static Node *interactive_rule(Parser *p) { return one_statement(p, false); }

static Node *prompt_rule(Parser *p) { return one_statement(p, true); }

static void source_error(Parser *p, SourceStatus status) {
  SyntaxErr *e = p->err;
  if (status == SRC_NO_MEMORY) {
    p->no_memory = true;
    return;
  }
  e->set = true;
  e->kind = status == SRC_NUL ? SYNTAX_VALUE : SYNTAX_ERROR;
  e->no_place = p->src.no_place;
  snprintf(e->msg, sizeof e->msg, "%s", status == SRC_NUL ? "source code string cannot contain null bytes" : p->src.msg);
}

static void add_lexer_warnings(Parser *p) {
  for (const LexWarning *w = p->lexer.warnings; w; w = w->next) parse_warn(p, "SyntaxWarning", w->line, w->at, w->at, "%s", w->msg);
}

static Node *parse_tokens(Parser *p, ParseMode mode) {
  static const Rule rules[] = {[PARSE_FILE] = file_rule, [PARSE_EXPRESSION] = eval_rule, [PARSE_INTERACTIVE] = interactive_rule, [PARSE_PROMPT] = prompt_rule};
  if (!lex_file(&p->lexer, &p->src, p->arena, &p->toks)) return parse_fail_memory(p);
  p->lex_error = p->lexer.error;
  p->prompt = mode == PARSE_PROMPT;
  add_lexer_warnings(p);
  return p->failed ? NULL : parse_run(p, rules[mode], &p->lex_error);
}

void parse_source(Arena *arena, const char *src, size_t len, bool is_text, const char *filename, ParseMode mode, ParseResult *out) {
  memset(out, 0, sizeof *out);
  Mem *mem = arena->mem;
  Parser *p = mem_zalloc(mem, sizeof *p);
  if (p) {
    p->arena = arena;
    p->err = &out->error;
    p->warnings_tail = &out->warnings;
    p->filename = filename;
    p->toks.mem = mem;
    SourceStatus status = source_init(&p->src, arena, src, len, filename, is_text);
    out->source = p->src;
    if (status == SRC_OK) out->tree = parse_tokens(p, mode);
    else source_error(p, status);
    mem_free(mem, p->toks.items, p->toks.cap * sizeof *p->toks.items);
    mem_free(mem, p->stack, p->stack_cap * sizeof *p->stack);
  }
  if (!p || p->no_memory || arena->failed) {
    memset(&out->error, 0, sizeof out->error);
    out->tree = NULL;
    out->error.set = true;
    out->error.kind = SYNTAX_MEMORY;
  }
  mem_free(mem, p, sizeof *p);
}

void syntax_error_at(SyntaxErr *err, const char *src_line, size_t src_line_len, const Node *node, const char *fmt, ...) {
  memset(err, 0, sizeof *err);
  err->set = true;
  va_list args;
  va_start(args, fmt);
  format_message(err, "", fmt, args);
  va_end(args);
  err->text = src_line;
  err->text_len = src_line_len;
  if (!node) return;
  err->line = node->line;
  err->end_line = node->end_line;
  err->offset = node->col + 1; /* bytes, as CPython tells them for errors that it finds in the tree */
  err->end_offset = node->end_col + 1;
}

void parse_say_incomplete(SyntaxErr *err, const char *src, size_t len) {
  bool in_string = strncmp(err->msg, "unterminated", 12) == 0;
  err->kind = SYNTAX_ERROR;
  err->end_offset = -1;
  snprintf(err->msg, sizeof err->msg, "incomplete input");
  if (in_string) return;
  int line = 0;
  const char *last = src;
  for (const char *s = src, *end; s < src + len; s = end ? end + 1 : src + len, line++) {
    last = s;
    end = memchr(s, '\n', (size_t)(src + len - s));
  }
  err->line = err->end_line = line;
  err->text = last;
  err->text_len = (size_t)(src + len - last);
  err->offset = (int)utf8_count(last, err->text_len);
}
