/* String literals: adjacent ones are joined; f-strings (PEP 498, with the limits that Python 3.11 has) are taken apart, their expressions lexed and parsed
   in place, so that nodes inside have true positions. */
#include "parser/parse_int.h"

#include <string.h>

#include "lexer/literal.h"
#include "vm/base/utf8.h"

typedef struct Literal { /* one STRING token */
  const char *s, *end;   /* between the quotes */
  bool bytes, raw, fstring, u;
} Literal;

/* Nodes made from a run of tokens stand for the whole run; but a format specification and the text at its end for the token they are in. */
typedef struct Joiner {
  Pos at, first;         /* of this JoinedStr and its texts; of the run */
  bool spec;
  bool u;
  Buf text;              /* characters not yet made a Constant */
  size_t from;           /* stack: values so far */
  int line;              /* of the token at hand, and its offset */
  uint32_t start, end;
} Joiner;

static Literal open_literal(const Parser *p, const Token *t) {
  Literal l = {.s = p->src.text + t->start, .end = p->src.text + t->end};
  for (;; l.s++) {
    char c = *l.s;
    if (c == '"' || c == '\'') break;
    c = (char)(c | 32);
    l.bytes = l.bytes || c == 'b';
    l.raw = l.raw || c == 'r';
    l.fstring = l.fstring || c == 'f';
    l.u = l.u || c == 'u';
  }
  bool triple = l.end - l.s >= 6 && l.s[1] == *l.s && l.s[2] == *l.s;
  l.s += triple ? 3 : 1;
  l.end -= triple ? 3 : 1;
  return l;
}

/* Appends the characters of [s, end) with escapes replaced. False: failed. */
static bool add_text(Parser *p, Joiner *j, const char *s, const char *end, bool raw, bool bytes) {
  size_t n = (size_t)(end - s);
  if (raw || !memchr(s, '\\', n)) {
    buf_add(&j->text, s, n);
  } else {
    StringEscapes r;
    literal_unescape(&j->text, s, n, bytes, &r);
    if (r.failed) {
      parse_error(p, "%s", r.msg);
      return false;
    }
    if (r.unknown && !p->errors && j->start >= p->warned_to) {
      p->warned_to = j->start + 1;
      parse_warn(p, "DeprecationWarning", j->line, j->start, j->end, "invalid escape sequence '\\%.*s'", utf8_len((unsigned char)*r.unknown), r.unknown);
    }
  }
  if (j->text.failed) parse_fail_memory(p);
  return !p->failed;
}

/* The end of what belongs to a format specification. */
static void end_in_token(Parser *p, const Joiner *j, Node *n) {
  n->end_line = source_line_at(&p->src, j->end - 1);
  n->end_col = (int)(j->end - source_line_start(&p->src, n->end_line));
}

/* The characters collected so far, as a Constant. */
static Node *text_constant(Parser *p, Joiner *j, bool bytes) {
  Node *n = parse_node(p, N_Constant, j->first);
  if (!n) return NULL;
  n->u.constant.kind = bytes ? CONST_BYTES : CONST_STR;
  n->u.constant.u_prefix = j->u;
  n->u.constant.len = j->text.len;
  n->u.constant.s = arena_strndup(p->arena, j->text.len ? j->text.data : "", j->text.len);
  if (!n->u.constant.s) return parse_fail_memory(p);
  j->text.len = 0;
  return n;
}

/* ---- f-strings ---- */

static uint32_t offset_of(const Parser *p, const char *s) { return (uint32_t)(s - p->src.text); }

/* End of the expression that begins at s: the first of ! : } = outside of brackets and strings. NULL: error raised. */
static const char *find_field_end(Parser *p, const char *s, const char *end) {
  char quote = 0, nested[LEX_MAX_BRACKETS];
  bool triple = false;
  int depth = 0;
  for (; s < end; s++) {
    char c = *s;
    bool three = s + 2 < end && s[1] == c && s[2] == c;
    if (c == '\\') return parse_error(p, "f-string expression part cannot include a backslash");
    if (quote) {
      if (c == quote && (!triple || three)) {
        s += triple ? 2 : 0;
        quote = 0;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      triple = three;
      s += triple ? 2 : 0;
    } else if (c == '(' || c == '[' || c == '{') {
      if (depth == LEX_MAX_BRACKETS) return parse_error(p, "f-string: too many nested parenthesis");
      nested[depth++] = c;
    } else if (c == '#') {
      return parse_error(p, "f-string expression part cannot include '#'");
    } else if (depth == 0 && strchr("!:}=<>", c)) {
      if (s + 1 < end && s[1] == '=' && strchr("!=<>", c)) s++;
      else if (c != '<' && c != '>') break;
    } else if (c == ')' || c == ']' || c == '}') {
      if (depth == 0) return parse_error(p, "f-string: unmatched '%c'", c);
      char open = nested[--depth];
      if (c != (open == '(' ? ')' : open == '[' ? ']' : '}'))
        return parse_error(p, "f-string: closing parenthesis '%c' does not match opening parenthesis '%c'", c, open);
    }
  }
  if (quote) return parse_error(p, "f-string: unterminated string");
  if (depth) return parse_error(p, "f-string: unmatched '%c'", nested[depth - 1]);
  return s < end ? s : parse_error(p, "f-string: expecting '}'");
}

/* The expression is read as if in parentheses; those would stand where '{' does and at its end. */
static Node *field_rule(Parser *p) {
  const Field *f = p->field;
  Pos open = {f->line, (int)(f->start - 1 - source_line_start(&p->src, f->line))};
  Node *n = parse_paren_body(p, open, T_END);
  return n && p->toks.items[p->pos - 1].kind == T_END ? n : NULL;
}

/* Lexes and parses [s, end). The tokens are appended to the others and dropped afterwards. */
static Node *field_expression(Parser *p, const char *s, const char *end) {
  const char *q = s;
  while (q < end && (*q == ' ' || *q == '\t' || *q == '\n' || *q == '\f' || *q == '\r')) q++;
  if (q == end) {
    if (*end == '!' || *end == ':' || *end == '=') return parse_error(p, "f-string: expression required before '%c'", *end);
    return parse_error(p, "f-string: empty expression not allowed");
  }
  const Field *outer = p->field;
  Field field = {.start = offset_of(p, s), .end = offset_of(p, end), .line = source_line_at(&p->src, offset_of(p, s))};
  size_t old_n = p->toks.n, old_pos = p->pos, old_far = p->far;
  if (!lex_field(&p->lexer, &p->src, p->arena, &p->toks, field.start, field.end)) return parse_fail_memory(p);
  p->toks.items[p->toks.n - 1].end++; /* END stands for the ')' */
  LexError error = p->lexer.error;
  p->pos = p->far = old_n;
  p->field = &field;
  Node *n = parse_enter(p) ? parse_run(p, field_rule, &error) : NULL;
  p->depth--;
  p->field = outer;
  p->toks.n = old_n;
  p->pos = old_pos;
  p->far = old_far;
  return n;
}

static Node *parse_fstring(Parser *p, Joiner *j, const char **s, const char *end, bool raw, int level);

/* Format specification: an f-string of its own, as a JoinedStr */
static Node *format_spec(Parser *p, Joiner *outer, const char **s, const char *end, bool raw, int level) {
  Joiner j = *outer;
  int line = source_line_at(&p->src, j.start);
  buf_init(&j.text, p->arena->mem);
  j.from = p->top;
  j.spec = true;
  j.at = (Pos){line, (int)(j.start - source_line_start(&p->src, line))};
  Node *n = parse_fstring(p, &j, s, end, raw, level);
  buf_free(&j.text);
  return n;
}

/* '{' expression ['='] ['!' conversion] [':' spec] '}'; *s stands after the '{'. Pushes a FormattedValue, and for '=' adds the text. False: failed. */
static bool replacement_field(Parser *p, Joiner *j, const char **s, const char *end, bool raw, int level) {
  if (level >= 2) return parse_error(p, "f-string: expressions nested too deeply");
  const char *start = *s, *q = find_field_end(p, start, end);
  Node *value = q ? field_expression(p, start, q) : NULL;
  Node *n = value ? parse_node(p, N_FormattedValue, j->first) : NULL;
  if (!n) return false;
  n->u.fvalue.value = value;
  n->u.fvalue.conversion = -1;
  bool debug = *q == '=';
  if (debug) { /* PEP 498 as extended in 3.8: the text up to and including the '=' and blanks around it */
    q++;
    while (q < end && (*q == ' ' || *q == '\t' || *q == '\n' || *q == '\f' || *q == '\r')) q++;
    buf_add(&j->text, start, (size_t)(q - start));
  }
  if (q < end && *q == '!') {
    q++;
    if (q < end) {
      n->u.fvalue.conversion = (unsigned char)*q;
      if (*q != 's' && *q != 'r' && *q != 'a') return parse_error(p, "f-string: invalid conversion character: expected 's', 'r', or 'a'");
      q++;
    }
  }
  if (j->text.len && !parse_push(p, text_constant(p, j, false))) return false;
  if (p->failed) return false;
  if (q < end && *q == ':') {
    q++;
    if (q < end) {
      n->u.fvalue.spec = format_spec(p, j, &q, end, raw, level + 1);
      if (!n->u.fvalue.spec) return false;
    }
  }
  if (q >= end || *q != '}') return parse_error(p, "f-string: expecting '}'");
  if (debug && n->u.fvalue.conversion < 0 && !n->u.fvalue.spec) n->u.fvalue.conversion = 'r';
  *s = q + 1;
  return parse_push(p, n);
}

/* End of the literal text from s on: at a brace, or at the end. *doubled: the brace stands for itself and is the last character of the text. */
static const char *find_literal_end(Parser *p, const char *s, const char *end, bool raw, int level, bool *doubled) {
  *doubled = false;
  while (s < end) {
    char c = *s++;
    if (!raw && c == '\\' && s < end) {
      c = *s++;
      if (c == 'N') { /* the braces of a character name */
        if (s < end && *s++ == '{')
          while (s < end && *s++ != '}') {}
        continue;
      }
      if (c == '{' && !p->errors) parse_warn(p, "DeprecationWarning", source_line_at(&p->src, offset_of(p, s)), offset_of(p, s), offset_of(p, s), "invalid escape sequence '\\{'");
    }
    if (c != '{' && c != '}') continue;
    if (level == 0) {
      if (s < end && *s == c) {
        *doubled = true;
        return s;
      }
      if (c == '}') return parse_error(p, "f-string: single '}' is not allowed");
    }
    return s - 1;
  }
  return s;
}

/* Text and fields from *s on, pushed and added to j; ends at `end` or, in a format specification, at its '}'. False: failed. */
static bool fstring_parts(Parser *p, Joiner *j, const char **s, const char *end, bool raw, int level) {
  for (;;) {
    bool doubled;
    const char *stop = find_literal_end(p, *s, end, raw, level, &doubled);
    if (!stop || !add_text(p, j, *s, stop, raw, false)) return false;
    *s = stop + doubled;
    if (doubled) continue;
    if (*s >= end || **s == '}') break;
    (*s)++;
    if (!replacement_field(p, j, s, end, raw, level)) return false;
  }
  if (level > 0 && (*s >= end || **s != '}')) return parse_error(p, "f-string: expecting '}'");
  return true;
}

static Node *finish_joined(Parser *p, Joiner *j) {
  Node *last = j->text.len ? text_constant(p, j, false) : NULL;
  if (last && j->spec) {
    last->line = j->at.line;
    last->col = j->at.col;
    end_in_token(p, j, last);
  }
  if (last && !parse_push(p, last)) return NULL;
  Node *n = p->failed ? NULL : parse_node(p, N_JoinedStr, j->at);
  if (!n) return NULL;
  n->u.joined.values = parse_take(p, j->from);
  if (j->spec) end_in_token(p, j, n);
  return n;
}

static Node *parse_fstring(Parser *p, Joiner *j, const char **s, const char *end, bool raw, int level) {
  return fstring_parts(p, j, s, end, raw, level) ? finish_joined(p, j) : NULL;
}

/* ---- runs of literals ---- */

/* The parts were made before the cursor had passed the last token: what stands for the run ends there. */
static void end_parts(Parser *p, Node *n, bool spec) {
  if (!spec) parse_end(p, n);
  for (int i = 0; i < n->u.joined.values.n; i++) {
    Node *v = n->u.joined.values.items[i];
    if (!spec || v->kind == N_FormattedValue || i + 1 < n->u.joined.values.n) parse_end(p, v);
    if (v->kind == N_FormattedValue && v->u.fvalue.spec) end_parts(p, v->u.fvalue.spec, true); /* nests twice at most */
  }
}

/* Adds the run of tokens [first, first + count). False: failed. */
static bool add_run(Parser *p, Joiner *j, size_t first, size_t count, bool bytes, bool *fstring) {
  for (size_t i = first; i < first + count; i++) {
    Token t = p->toks.items[i];
    Literal l = open_literal(p, &t);
    j->line = t.line;
    j->start = t.start;
    j->end = t.end;
    if (l.bytes && !utf8_is_ascii(l.s, (size_t)(l.end - l.s))) return parse_error(p, "bytes can only contain ASCII literal characters");
    if (!l.fstring && !add_text(p, j, l.s, l.end, l.raw, l.bytes)) return false;
    if (l.bytes != bytes) return parse_error(p, "cannot mix bytes and nonbytes literals");
    if (l.fstring && !fstring_parts(p, j, &l.s, l.end, l.raw, 0)) return false;
    *fstring = *fstring || l.fstring;
  }
  return true;
}

/* strings: STRING+ */
Node *parse_strings(Parser *p) {
  Joiner j = {.at = parse_here(p), .first = parse_here(p), .from = p->top};
  size_t first = p->pos, count = 0;
  Literal l = open_literal(p, parse_tok(p));
  j.u = l.u;
  bool bytes = l.bytes, fstring = false;
  for (; parse_at(p, T_STRING); count++) parse_next(p);
  buf_init(&j.text, p->arena->mem);
  Node *n = NULL;
  if (add_run(p, &j, first, count, bytes, &fstring)) {
    n = fstring ? finish_joined(p, &j) : text_constant(p, &j, bytes);
    if (n && fstring) end_parts(p, n, false);
    else parse_end(p, n);
  }
  buf_free(&j.text);
  return n;
}
