/* What the files of `re` share. The way of a pattern: text -> tree (re_scan.c, re_parse.c) -> PCRE2's syntax (re_emit.c) -> code (re_engine.c);
 * Pattern (re_pattern.c, re_sub.c) and Match (re_match.c) run it. Policy (cache, flags as an enum, error class) is in stdlib/re.tiny. */
#ifndef TINY_STDLIB_RE_INT_H
#define TINY_STDLIB_RE_INT_H
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include "include/tiny.h"

enum { RE_TEMPLATE = 1, RE_I = 2, RE_L = 4, RE_M = 8, RE_S = 16, RE_U = 32, RE_X = 64, RE_DEBUG = 128, RE_A = 256 };

/* ---- growable text (re_engine.c) */

typedef struct ReText { tiny_vm *vm; char *data; size_t len, cap; bool failed; } ReText;
void re_text_add(ReText *t, const char *s, size_t n);
void re_text_str(ReText *t, const char *s);
void re_text_fmt(ReText *t, const char *fmt, ...);
void re_text_cp(ReText *t, uint32_t c, bool utf8); /* as UTF-8, or as one byte */
void re_text_free(ReText *t);
uint32_t re_decode(const char *s, bool utf8, size_t *len);
size_t re_count(const char *s, size_t n, bool utf8); /* characters */

/* ---- the tree of a pattern */

typedef enum { N_SEQ, N_BRANCH, N_CHAR, N_ANY, N_SET, N_RANGE, N_CATEGORY, N_AT, N_REPEAT, N_GROUP, N_ATOMIC, N_LOOK, N_REF, N_COND, N_FAIL } NodeOp;
enum { REPEAT_GREEDY, REPEAT_LAZY, REPEAT_POSSESSIVE };
enum { LOOK_NEGATIVE = 1, LOOK_BEHIND = 2 };
#define REPEAT_MAX UINT32_MAX

typedef struct Node {
  uint8_t op;
  uint8_t kind;           /* N_CATEGORY, N_AT: the letter; N_REPEAT, N_LOOK: above; N_SET: 1 negated */
  uint16_t add, del;      /* N_GROUP: flags turned on and off */
  uint32_t a, b;          /* N_CHAR: a; N_RANGE, N_REPEAT: from a to b; N_GROUP (0: not capturing), N_REF, N_COND: group a */
  uint32_t lo, hi;        /* width in characters, hi REPEAT_MAX: no bound */
  struct Node *sub, *sub2; /* what is inside; N_COND: sub2 is the part after |, or NULL */
  struct Node *next;
} Node;

typedef struct ReGroup { tiny_val name; uint32_t rank; /* order of closing, from 1; 0: open */ uint32_t lo, hi; } ReGroup;

typedef struct ReParser {
  tiny_vm *vm;
  const char *text;
  size_t size, at, len;   /* the next token: text[at..at+len), len 0 at the end; a backslash makes one token with what follows it */
  bool is_str, failed;
  unsigned flags;
  uint32_t n_groups;      /* with group 0 */
  size_t cap_groups;
  ReGroup *groups;
  uint32_t n_closed;
  uint32_t behind;        /* groups from this number on were opened in the lookbehind being read; 0: not in one */
  uint32_t far_ref;       /* highest group of a condition, and where it stands */
  size_t far_ref_at;
  tiny_val names;         /* dict: name -> number */
  tiny_val lookup;        /* callable: character name -> str */
  tiny_val warnings;      /* list of texts, or None */
  tiny_val error;         /* message of re.error, or None when another exception is pending */
  int64_t error_pos;      /* in characters; -1: none */
  struct ReChunk *chunks; /* memory of the nodes */
  size_t chunk_used;
  bool look_captures;     /* a group inside a look-around: what was closed last cannot be told from the spans */
  int depth;
} ReParser;

/* re_scan.c: tokens, escapes, sets */
Node *re_node(ReParser *p, NodeOp op);
bool re_advance(ReParser *p);
bool re_seek(ReParser *p, size_t at);
bool re_match_char(ReParser *p, char c); /* takes it if it is next */
static inline int re_next(const ReParser *p) { return p->len == 0 ? -1 : (unsigned char)p->text[p->at]; }
void *re_fail(ReParser *p, size_t back, const char *fmt, ...);
void *re_fail_at(ReParser *p, size_t start, const char *fmt, ...); /* position: byte offset */
void *re_fail_memory(ReParser *p);
tiny_val re_until(ReParser *p, char end, const char *what); /* text up to end, which is taken too; TINY_ABSENT: failed */
bool re_check_name(ReParser *p, tiny_val name, size_t back);
void re_warn(ReParser *p, size_t at, const char *what);
Node *re_escape(ReParser *p, size_t start, size_t len, bool in_set); /* the token text[start..start+len) was taken */
Node *re_set(ReParser *p);
/* re_parse.c */
Node *re_parse(ReParser *p);
void re_parser_free(ReParser *p);
/* re_emit.c: text for PCRE2, and the options that go with it */
bool re_emit(ReParser *p, Node *root, bool wide, ReText *out, uint32_t *options, bool *marks);

/* ---- engine */

typedef struct ReState {
  pcre2_general_context *general;
  pcre2_compile_context *compile;
  pcre2_match_context *match;
  pcre2_match_data *data;
  uint32_t pairs;         /* of data */
  bool grew;              /* a large block was allocated while matching */
  uint64_t turns;         /* callouts seen */
  tiny_val raise, proxy, hash, lookup; /* given by re.tiny: raises re.error(msg, pattern, pos); mappingproxy; hash; name of a character -> str */
} ReState;
ReState *re_state(tiny_vm *vm);
bool re_ready(tiny_vm *vm, ReState *st); /* contexts are there */
pcre2_code *re_compile_code(tiny_vm *vm, const ReText *t, uint32_t options);

typedef struct RePattern {
  pcre2_code *code[2];    /* [1]: for text that is not ASCII, see re_emit.c; NULL: not made yet */
  tiny_val pattern, names; /* names: dict */
  uint32_t flags, groups;
  bool is_str, marks;
  uint32_t *rank;         /* order of closing of each group */
} RePattern;

/* What is searched. text must be fetched again (re_subject_refresh) after script code ran. */
typedef struct Subject { tiny_val string; const char *text; size_t size /* up to endpos */, start; bool is_str, ascii; int64_t pos, endpos; } Subject;
bool re_make_code(tiny_vm *vm, RePattern *p, int which);
bool re_subject(tiny_vm *vm, const RePattern *p, tiny_val string, int64_t pos, int64_t endpos, Subject *s);
bool re_subject_refresh(tiny_vm *vm, Subject *s);
/* 0 no match, -1 failed, else the number of pairs in *ov, valid until the next call. */
int re_exec(tiny_vm *vm, RePattern *p, const Subject *s, size_t from, uint32_t options, const size_t **ov);
tiny_val re_slice(tiny_vm *vm, const Subject *s, size_t from, size_t to);

typedef struct ReMatch {
  tiny_val pattern, string;
  int64_t pos, endpos;
  uint32_t groups;        /* with group 0 */
  int32_t last;           /* lastindex; -1: to be found from the spans */
  size_t *spans;          /* pairs of byte offsets; SIZE_MAX: took no part */
  size_t few[8];
} ReMatch;
tiny_val re_match_new(tiny_vm *vm, tiny_val pattern, const RePattern *p, const Subject *s, const size_t *ov, int n);

extern const tiny_class re_pattern_class, re_match_class, re_scanner_class, re_iterator_class, re_sub_class;
#define RE_PATTERN(name) RePattern *name = tiny_arg_native(a, 0, &re_pattern_class)

/* re_template.c: the replacement text of sub and expand */
typedef struct ReTemplate { ReText text; size_t *parts; /* triples: start, end in text, group that follows (SIZE_MAX: none) */ size_t n, cap; } ReTemplate;
/* 1 fine, 0: re.error is to be raised: *result is the tail call that does it; -1 failed */
int re_template_parse(tiny_vm *vm, const RePattern *p, tiny_val text, ReTemplate *t, tiny_val *result);
void re_template_add(const ReTemplate *t, ReText *out, const char *subject, const size_t *ov, int n);
void re_template_free(ReTemplate *t);

tiny_val re_m_sub(tiny_vm *vm, tiny_args *a);
tiny_val re_m_subn(tiny_vm *vm, tiny_args *a);
#endif
