/* needs: libpcre2-8
 * PCRE2 inside the VM: its memory is the VM's, its matching charges fuel and sees interrupts, and what it searches is text of the VM.
 * No just-in-time code: it would know neither fuel nor limits. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "stdlib/full/re_int.h"

enum { LARGE_BLOCK = 256 << 10, MATCH_LIMIT = 50000000, HEAP_LIMIT_KIB = 1 << 20 };

/* ---- text */

static bool text_room(ReText *t, size_t n) {
  if (t->failed) return false;
  if (n <= t->cap - t->len) return true;
  size_t cap = t->cap ? t->cap * 2 : 64;
  while (cap - t->len < n) cap *= 2;
  char *data = tiny_alloc(t->vm, t->data, t->cap, cap);
  if (!data) return t->failed = true, false;
  t->data = data;
  t->cap = cap;
  return true;
}

void re_text_add(ReText *t, const char *s, size_t n) {
  if (n == 0 || !text_room(t, n)) return;
  memcpy(t->data + t->len, s, n);
  t->len += n;
}

void re_text_str(ReText *t, const char *s) { re_text_add(t, s, strlen(s)); }

void re_text_fmt(ReText *t, const char *fmt, ...) {
  char buf[512];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(buf, sizeof buf, fmt, ap);
  va_end(ap);
  re_text_add(t, buf, n < 0 ? 0 : (size_t)n < sizeof buf ? (size_t)n : sizeof buf - 1);
}

void re_text_cp(ReText *t, uint32_t c, bool utf8) {
  char b[4];
  size_t n = 1;
  if (!utf8 || c < 0x80) {
    b[0] = (char)c;
  } else {
    n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) b[i] = (char)(0x80 | (c & 0x3F));
    b[0] = (char)((0xF00 >> n & 0xFF) | c);
  }
  re_text_add(t, b, n);
}

void re_text_free(ReText *t) {
  tiny_alloc(t->vm, t->data, t->cap, 0);
  *t = (ReText){.vm = t->vm};
}

/* Text of the VM is valid UTF-8. */
uint32_t re_decode(const char *s, bool utf8, size_t *len) {
  unsigned char c = (unsigned char)*s;
  *len = 1;
  if (!utf8 || c < 0x80) return c;
  *len = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
  uint32_t cp = c & (0x7Fu >> *len);
  for (size_t i = 1; i < *len; i++) cp = cp << 6 | ((unsigned char)s[i] & 0x3F);
  return cp;
}

size_t re_count(const char *s, size_t n, bool utf8) {
  size_t count = n;
  for (size_t i = 0; utf8 && i < n; i++) count -= ((unsigned char)s[i] & 0xC0) == 0x80;
  return count;
}

/* ---- state of the module */

static const char state_key;

static void trace_state(tiny_tracer *t, void *data) {
  ReState *st = data;
  tiny_val *v[] = {&st->raise, &st->proxy, &st->hash, &st->lookup};
  for (int i = 0; i < 4; i++) {
    if (v[i]->w) tiny_trace(t, *v[i]);
  }
}

static void destroy_state(tiny_vm *vm, void *data) {
  ReState *st = data;
  (void)vm;
  pcre2_match_data_free(st->data);
  pcre2_match_context_free(st->match);
  pcre2_compile_context_free(st->compile);
  pcre2_general_context_free(st->general);
}

ReState *re_state(tiny_vm *vm) { return tiny_module_data(vm, &state_key, sizeof(ReState), trace_state, destroy_state); }

/* Blocks carry their size: PCRE2 frees without telling it. */
typedef struct Block { size_t size, unused; } Block;

static void *pcre_alloc(size_t size, void *user) {
  tiny_vm *vm = user;
  if (size > SIZE_MAX / 2) return NULL;
  if (size > LARGE_BLOCK) {
    ReState *st = re_state(vm);
    if (st) st->grew = true;
  }
  Block *b = tiny_alloc(vm, NULL, 0, size + sizeof *b);
  if (!b) return NULL;
  b->size = size + sizeof *b;
  return b + 1;
}

static void pcre_free(void *p, void *user) {
  if (!p) return;
  Block *b = (Block *)p - 1;
  tiny_alloc(user, b, b->size, 0);
}

/* A match that lasts: charges fuel, and looks at interrupts and deadlines now and then. */
static int on_callout(pcre2_callout_block *block, void *user) {
  enum { TURNS_A_CHARGE = 64, TURNS_A_POLL = 1 << 16 };
  tiny_vm *vm = user;
  ReState *st = block->callout_number ? re_state(vm) : NULL;
  if (!st || ++st->turns % TURNS_A_CHARGE) return 0;
  if (!tiny_charge(vm, TURNS_A_CHARGE / 2)) return PCRE2_ERROR_CALLOUT;
  return st->turns % TURNS_A_POLL || tiny_poll(vm) ? 0 : PCRE2_ERROR_CALLOUT;
}

static bool make_contexts(tiny_vm *vm, ReState *st) {
  if (!st->general && !(st->general = pcre2_general_context_create(pcre_alloc, pcre_free, vm))) return false;
  if (!st->compile) {
    st->compile = pcre2_compile_context_create(st->general);
    if (!st->compile) return false;
    pcre2_set_newline(st->compile, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(st->compile, 1000);
    pcre2_set_compile_extra_options(st->compile, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
  }
  if (st->match) return true;
  st->match = pcre2_match_context_create(st->general);
  if (!st->match) return false;
  pcre2_set_match_limit(st->match, MATCH_LIMIT);
  pcre2_set_depth_limit(st->match, UINT32_MAX);
  pcre2_set_heap_limit(st->match, HEAP_LIMIT_KIB);
  pcre2_set_callout(st->match, on_callout, vm);
  return true;
}

bool re_ready(tiny_vm *vm, ReState *st) { return make_contexts(vm, st) || (tiny_no_memory(vm), false); }

/* ---- compiling */

pcre2_code *re_compile_code(tiny_vm *vm, const ReText *t, uint32_t options) {
  ReState *st = re_state(vm);
  if (!st || !re_ready(vm, st)) return NULL;
  int error;
  size_t at;
  pcre2_code *code = pcre2_compile((PCRE2_SPTR)(t->data ? t->data : ""), t->len, options, &error, &at, st->compile);
  if (code) return code;
  if (error == PCRE2_ERROR_HEAP_FAILED) {
    tiny_no_memory(vm);
  } else {
    char text[200];
    pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
    tiny_raise(vm, TINY_NOT_IMPLEMENTED_ERROR, "regular expression not supported: %s", text);
  }
  return NULL;
}

/* ---- what is searched */

static bool wrong_kind(tiny_vm *vm, const RePattern *p, const Subject *s) {
  if (p->is_str == s->is_str) return false;
  tiny_raise(vm, TINY_TYPE_ERROR, p->is_str ? "cannot use a string pattern on a bytes-like object" : "cannot use a bytes pattern on a string-like object");
  return true;
}

bool re_subject(tiny_vm *vm, const RePattern *p, tiny_val string, int64_t pos, int64_t endpos, Subject *s) {
  size_t size;
  *s = (Subject){.string = string, .is_str = tiny_kind_of(vm, string) == TINY_T_STR};
  s->text = s->is_str ? tiny_to_str(vm, string, &size) : tiny_to_bytes(vm, string, &size);
  if (!s->text) {
    if (!s->is_str && tiny_pending_is(vm, TINY_TYPE_ERROR)) {
      tiny_clear_error(vm);
      tiny_raise(vm, TINY_TYPE_ERROR, "expected string or bytes-like object, got '%T'", string);
    }
    return false;
  }
  if (wrong_kind(vm, p, s)) return false;
  int64_t length = s->is_str ? tiny_len(vm, string) : (int64_t)size;
  s->ascii = length == (int64_t)size;
  s->pos = pos < 0 ? 0 : pos > length ? length : pos;
  s->endpos = endpos < 0 ? 0 : endpos > length ? length : endpos;
  s->start = s->ascii ? (size_t)s->pos : tiny_str_offset(vm, string, (size_t)s->pos);
  s->size = s->endpos == length ? size : s->ascii ? (size_t)s->endpos : tiny_str_offset(vm, string, (size_t)s->endpos);
  return true;
}

/* A bytearray may have been changed, even shortened. */
bool re_subject_refresh(tiny_vm *vm, Subject *s) {
  size_t size;
  s->text = s->is_str ? tiny_to_str(vm, s->string, &size) : tiny_to_bytes(vm, s->string, &size);
  if (!s->text) return false;
  if (s->size > size) s->size = size;
  return true;
}

tiny_val re_slice(tiny_vm *vm, const Subject *s, size_t from, size_t to) {
  if (s->is_str) return tiny_str_slice(vm, s->string, from, to);
  if (from == 0 && (int64_t)to == tiny_len(vm, s->string) && strcmp(tiny_type_name(vm, s->string), "bytes") == 0) return s->string;
  return tiny_bytes(vm, s->text + from, to - from);
}

/* ---- matching */

static bool match_data(tiny_vm *vm, ReState *st, uint32_t pairs) {
  if (st->data && st->pairs >= pairs) return true;
  pcre2_match_data_free(st->data);
  uint32_t n = pairs < 10 ? 10 : pairs;
  st->data = pcre2_match_data_create(n, st->general);
  st->pairs = st->data ? n : 0;
  return st->data || (tiny_no_memory(vm), false);
}

static int exec_failed(tiny_vm *vm, int rc) {
  if (tiny_pending(vm)) return -1;
  if (rc == PCRE2_ERROR_NOMEMORY || rc == PCRE2_ERROR_HEAPLIMIT) {
    tiny_no_memory(vm);
  } else if (rc == PCRE2_ERROR_MATCHLIMIT) {
    tiny_raise(vm, TINY_RUNTIME_ERROR, "regular expression takes too long: more than %d steps of backtracking", (int)MATCH_LIMIT);
  } else {
    char text[200];
    pcre2_get_error_message(rc, (PCRE2_UCHAR *)text, sizeof text);
    tiny_raise(vm, TINY_RUNTIME_ERROR, "regular expression: %s", text);
  }
  return -1;
}

int re_exec(tiny_vm *vm, RePattern *p, const Subject *s, size_t from, uint32_t options, const size_t **ov) {
  if (from > s->size) return 0;
  ReState *st = re_state(vm);
  int which = s->is_str && !s->ascii;
  if (!st || (!p->code[which] && !re_make_code(vm, p, which))) return -1;
  if (st->grew) { /* the large stack of frames of the last match is given back */
    pcre2_match_data_free(st->data);
    st->data = NULL;
  }
  if (!match_data(vm, st, p->groups + 1)) return -1;
  st->grew = false;
  int rc = pcre2_match(p->code[which], (PCRE2_SPTR)s->text, s->size, from, options | PCRE2_NO_UTF_CHECK, st->data, st->match);
  *ov = pcre2_get_ovector_pointer(st->data);
  size_t end = rc > 0 ? (*ov)[1] : s->size;
  if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) return exec_failed(vm, rc);
  if (!tiny_charge(vm, 1 + (end > from ? end - from : 0) / 64)) return -1;
  return rc < 0 ? 0 : rc;
}
