/* needs: libpcre2-8
 * Pattern objects, the iterators made of them, and the module _re that re.tiny stands on. */
#include <string.h>
#include "stdlib/full/re_int.h"

#define ENDPOS "endpos: int = 9223372036854775807"

/* ---- one search */

static tiny_val search(tiny_vm *vm, tiny_args *a, uint32_t options) {
  RE_PATTERN(p);
  Subject s;
  const size_t *ov;
  if (!re_subject(vm, p, tiny_arg(a, 1), tiny_arg_int(a, 2), tiny_arg_int(a, 3), &s)) return TINY_FAIL;
  int n = re_exec(vm, p, &s, s.start, options, &ov);
  return n < 0 ? TINY_FAIL : n == 0 ? TINY_NONE : re_match_new(vm, tiny_arg(a, 0), p, &s, ov, n);
}

static tiny_val m_match(tiny_vm *vm, tiny_args *a) { return search(vm, a, PCRE2_ANCHORED); }
static tiny_val m_fullmatch(tiny_vm *vm, tiny_args *a) { return search(vm, a, PCRE2_ANCHORED | PCRE2_ENDANCHORED); }
static tiny_val m_search(tiny_vm *vm, tiny_args *a) { return search(vm, a, 0); }

/* ---- all matches. After an empty match the next one must not be empty at the same place: PCRE2_NOTEMPTY_ATSTART. */

static tiny_val found_text(tiny_vm *vm, const RePattern *p, const Subject *s, const size_t *ov, int n) {
  tiny_val few[16], *v = few, result = TINY_FAIL;
  uint32_t first = p->groups ? 1 : 0, count = p->groups ? p->groups : 1, i = 0;
  if (count > 16 && !(v = tiny_alloc(vm, NULL, 0, count * sizeof *v))) return tiny_no_memory(vm);
  for (; i < count; i++) {
    size_t g = 2 * (size_t)(i + first);
    bool part = i + first < (uint32_t)n && ov[g] != PCRE2_UNSET;
    v[i] = re_slice(vm, s, part ? ov[g] : 0, part ? ov[g + 1] : 0);
    if (tiny_failed(v[i])) break;
  }
  if (i == count) result = count == 1 ? v[0] : tiny_tuple(vm, (int)count, v);
  if (v != few) tiny_alloc(vm, v, count * sizeof *v, 0);
  return result;
}

static tiny_val m_findall(tiny_vm *vm, tiny_args *a) {
  RE_PATTERN(p);
  Subject s;
  const size_t *ov;
  if (!re_subject(vm, p, tiny_arg(a, 1), tiny_arg_int(a, 2), tiny_arg_int(a, 3), &s)) return TINY_FAIL;
  tiny_val list = tiny_list(vm, 0, NULL);
  size_t at = s.start;
  uint32_t options = 0;
  for (int n; !tiny_failed(list) && (n = re_exec(vm, p, &s, at, options, &ov)) != 0;) {
    if (n < 0) return TINY_FAIL;
    at = ov[1];
    options = ov[0] == ov[1] ? PCRE2_NOTEMPTY_ATSTART : 0;
    tiny_scope scope = tiny_scope_open(vm);
    bool ok = tiny_list_append(vm, list, found_text(vm, p, &s, ov, n));
    tiny_scope_close(vm, scope);
    if (!ok) return TINY_FAIL;
  }
  return list;
}

static bool append_slice(tiny_vm *vm, tiny_val list, const Subject *s, size_t from, size_t to) {
  tiny_scope scope = tiny_scope_open(vm);
  bool ok = tiny_list_append(vm, list, from == PCRE2_UNSET ? TINY_NONE : re_slice(vm, s, from, to));
  tiny_scope_close(vm, scope);
  return ok;
}

static tiny_val m_split(tiny_vm *vm, tiny_args *a) {
  RE_PATTERN(p);
  Subject s;
  const size_t *ov;
  int64_t most = tiny_arg_int(a, 2);
  if (!re_subject(vm, p, tiny_arg(a, 1), 0, INT64_MAX, &s)) return TINY_FAIL;
  tiny_val list = tiny_list(vm, 0, NULL);
  if (tiny_failed(list)) return list;
  size_t at = 0, last = 0;
  uint32_t options = 0;
  for (int64_t done = 0; most >= 0 && (most == 0 || done < most); done++) {
    int n = re_exec(vm, p, &s, at, options, &ov);
    if (n < 0) return TINY_FAIL;
    if (n == 0) break;
    if (!append_slice(vm, list, &s, last, ov[0])) return TINY_FAIL;
    for (size_t g = 1; g <= p->groups; g++) {
      bool part = g < (size_t)n;
      if (!append_slice(vm, list, &s, part ? ov[2 * g] : PCRE2_UNSET, part ? ov[2 * g + 1] : 0)) return TINY_FAIL;
    }
    at = last = ov[1];
    options = ov[0] == ov[1] ? PCRE2_NOTEMPTY_ATSTART : 0;
  }
  return append_slice(vm, list, &s, last, s.size) ? list : TINY_FAIL;
}

/* ---- scanner() and finditer() */

/* view: a memoryview of the subject, so that it keeps its size; None where it could not change. */
typedef struct ReScanner { tiny_val pattern, view; Subject s; size_t at; uint32_t options; bool over; } ReScanner;

static void scanner_trace(tiny_tracer *t, void *data) {
  ReScanner *c = data;
  if (!c->s.text) return;
  tiny_trace(t, c->pattern);
  tiny_trace(t, c->s.string);
  tiny_trace(t, c->view);
}

static tiny_val view_of(tiny_vm *vm, tiny_val string) {
  if (tiny_kind_of(vm, string) != TINY_T_OTHER) return TINY_NONE;
  return tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "builtins"), "memoryview"), 1, &string);
}

static tiny_val scanner_new(tiny_vm *vm, tiny_args *a, const tiny_class *cls) {
  RE_PATTERN(p);
  ReScanner *c;
  Subject s;
  if (!re_subject(vm, p, tiny_arg(a, 1), tiny_arg_int(a, 2), tiny_arg_int(a, 3), &s)) return TINY_FAIL;
  tiny_val view = view_of(vm, s.string), v = tiny_failed(view) ? view : tiny_instance(vm, cls, (void **)&c);
  if (tiny_failed(v)) return v;
  c->pattern = c->view = TINY_NONE;
  c->s = s;
  c->at = s.start;
  tiny_store(vm, v, &c->pattern, tiny_arg(a, 0));
  tiny_store(vm, v, &c->s.string, s.string);
  tiny_store(vm, v, &c->view, view);
  return v;
}

/* TINY_ABSENT: no more. */
static tiny_val scanner_next(tiny_vm *vm, ReScanner *c, uint32_t how) {
  RePattern *p = tiny_data(vm, c->pattern, &re_pattern_class);
  const size_t *ov;
  if (c->over) return TINY_ABSENT;
  if (!re_subject_refresh(vm, &c->s)) return TINY_FAIL;
  int n = re_exec(vm, p, &c->s, c->at, how | c->options, &ov);
  if (n < 0) return TINY_FAIL;
  if (n == 0) {
    c->over = true;
    return TINY_ABSENT;
  }
  c->at = ov[1];
  c->options = ov[0] == ov[1] ? PCRE2_NOTEMPTY_ATSTART : 0;
  return re_match_new(vm, c->pattern, p, &c->s, ov, n);
}

static tiny_val m_scanner(tiny_vm *vm, tiny_args *a) { return scanner_new(vm, a, &re_scanner_class); }
static tiny_val m_finditer(tiny_vm *vm, tiny_args *a) { return scanner_new(vm, a, &re_iterator_class); }

static tiny_val scan(tiny_vm *vm, tiny_args *a, uint32_t how) {
  tiny_val v = scanner_next(vm, tiny_arg_native(a, 0, &re_scanner_class), how);
  return tiny_is_absent(v) ? TINY_NONE : v;
}
static tiny_val scanner_match(tiny_vm *vm, tiny_args *a) { return scan(vm, a, PCRE2_ANCHORED); }
static tiny_val scanner_search(tiny_vm *vm, tiny_args *a) { return scan(vm, a, 0); }
static tiny_val scanner_pattern(tiny_vm *vm, tiny_args *a) {
  (void)vm;
  return ((ReScanner *)tiny_arg_native(a, 0, &re_scanner_class))->pattern;
}

static tiny_val iterator_iter(tiny_vm *vm, tiny_args *a) {
  (void)vm;
  return tiny_arg(a, 0);
}
static tiny_val iterator_next(tiny_vm *vm, tiny_args *a) {
  ReScanner *c = tiny_arg_native(a, 0, &re_iterator_class);
  tiny_val v = scanner_next(vm, c, 0);
  if (c->over) c->view = TINY_NONE;
  return tiny_is_absent(v) ? tiny_raise_value(vm, tiny_exc_class(vm, TINY_STOP_ITERATION)) : v;
}

static const tiny_def scanner_methods[] = {
  {"match", scanner_match, "(self, /)", NULL},
  {"search", scanner_search, "(self, /)", NULL},
  {"@pattern", scanner_pattern, "(self)", NULL},
  {NULL, NULL, NULL, NULL},
};
const tiny_class re_scanner_class = {.name = "_sre.SRE_Scanner", .data_size = sizeof(ReScanner), .methods = scanner_methods, .trace = scanner_trace,
  .flags = TINY_CLASS_FINAL | TINY_CLASS_NO_NEW};

static const tiny_def iterator_methods[] = {
  {"__iter__", iterator_iter, "(self, /)", NULL},
  {"__next__", iterator_next, "(self, /)", NULL},
  {NULL, NULL, NULL, NULL},
};
const tiny_class re_iterator_class = {.name = "callable_iterator", .data_size = sizeof(ReScanner), .methods = iterator_methods, .trace = scanner_trace,
  .flags = TINY_CLASS_FINAL | TINY_CLASS_NO_NEW};

/* ---- what a pattern says of itself */

static tiny_val g_pattern(tiny_vm *vm, tiny_args *a) { RE_PATTERN(p); (void)vm; return p->pattern; }
static tiny_val g_flags(tiny_vm *vm, tiny_args *a) { RE_PATTERN(p); return tiny_int(vm, p->flags); }
static tiny_val g_groups(tiny_vm *vm, tiny_args *a) { RE_PATTERN(p); return tiny_int(vm, p->groups); }

static tiny_val g_groupindex(tiny_vm *vm, tiny_args *a) {
  RE_PATTERN(p);
  ReState *st = re_state(vm);
  return st ? tiny_tail_call(vm, st->proxy, 1, &p->names) : TINY_FAIL;
}

static tiny_val m_repr(tiny_vm *vm, tiny_args *a) {
  static const struct { unsigned flag; const char *name; } names[] = {{RE_TEMPLATE, "re.TEMPLATE"}, {RE_I, "re.IGNORECASE"}, {RE_L, "re.LOCALE"}, {RE_M, "re.MULTILINE"},
    {RE_S, "re.DOTALL"}, {RE_U, "re.UNICODE"}, {RE_X, "re.VERBOSE"}, {RE_DEBUG, "re.DEBUG"}, {RE_A, "re.ASCII"}};
  RE_PATTERN(p);
  unsigned flags = p->flags;
  char text[200];
  size_t n = 0;
  tiny_val pattern = tiny_repr(vm, p->pattern);
  if (tiny_failed(pattern)) return pattern;
  pattern = tiny_str_slice(vm, pattern, 0, tiny_str_offset(vm, pattern, 200));
  if (p->is_str && (flags & (RE_L | RE_U | RE_A)) == RE_U) flags &= ~(unsigned)RE_U;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (!(flags & names[i].flag)) continue;
    if (n) text[n++] = '|';
    size_t len = strlen(names[i].name);
    memcpy(text + n, names[i].name, len);
    n += len;
    flags &= ~names[i].flag;
  }
  text[n] = '\0';
  if (flags) return tiny_format(vm, "re.compile(%S, %s%s0x%x)", pattern, text, n ? "|" : "", flags);
  return n ? tiny_format(vm, "re.compile(%S, %s)", pattern, text) : tiny_format(vm, "re.compile(%S)", pattern);
}

static tiny_val m_eq(tiny_vm *vm, tiny_args *a) {
  RE_PATTERN(p);
  const RePattern *q = tiny_data(vm, tiny_arg(a, 1), &re_pattern_class);
  if (!q) return tiny_getattr(vm, tiny_import(vm, "builtins"), "NotImplemented");
  if (p == q) return TINY_TRUE;
  if (p->flags != q->flags || p->is_str != q->is_str) return TINY_FALSE;
  int same = tiny_equal(vm, p->pattern, q->pattern);
  return same < 0 ? TINY_FAIL : tiny_bool(same);
}

static tiny_val m_hash(tiny_vm *vm, tiny_args *a) {
  RE_PATTERN(p);
  ReState *st = re_state(vm);
  tiny_val key[2] = {p->pattern, tiny_int(vm, p->flags)}, pair = tiny_tuple(vm, 2, key);
  return st && !tiny_failed(pair) ? tiny_tail_call(vm, st->hash, 1, &pair) : TINY_FAIL;
}

static tiny_val m_same(tiny_vm *vm, tiny_args *a) {
  (void)vm;
  return tiny_arg(a, 0);
}

static tiny_val m_class_getitem(tiny_vm *vm, tiny_args *a) {
  tiny_val alias = tiny_getattr(vm, tiny_import(vm, "types"), "GenericAlias"), argv[2] = {tiny_arg(a, 0), tiny_arg(a, 1)};
  return tiny_failed(alias) ? alias : tiny_tail_call(vm, alias, 2, argv);
}

static void pattern_trace(tiny_tracer *t, void *data) {
  RePattern *p = data;
  if (!p->rank) return;
  tiny_trace(t, p->pattern);
  tiny_trace(t, p->names);
}

static void pattern_destroy(tiny_vm *vm, void *data) {
  RePattern *p = data;
  pcre2_code_free(p->code[0]);
  pcre2_code_free(p->code[1]);
  if (p->rank) tiny_alloc(vm, p->rank, (p->groups + 1) * sizeof *p->rank, 0);
}

static const tiny_def pattern_methods[] = {
  {"match", m_match, "(self, /, string, pos: int = 0, " ENDPOS ")", "Matches zero or more characters at the beginning of the string."},
  {"fullmatch", m_fullmatch, "(self, /, string, pos: int = 0, " ENDPOS ")", "Matches against all of the string."},
  {"search", m_search, "(self, /, string, pos: int = 0, " ENDPOS ")", "Scan through string looking for a match, and return a corresponding match object instance.\n\nReturn None if no position in the string matches."},
  {"findall", m_findall, "(self, /, string, pos: int = 0, " ENDPOS ")", "Return a list of all non-overlapping matches of pattern in string."},
  {"finditer", m_finditer, "(self, /, string, pos: int = 0, " ENDPOS ")", "Return an iterator over all non-overlapping matches for the RE pattern in string.\n\nFor each match, the iterator returns a match object."},
  {"split", m_split, "(self, /, string, maxsplit: int = 0)", "Split string by the occurrences of pattern."},
  {"sub", re_m_sub, "(self, /, repl, string, count: int = 0)", "Return the string obtained by replacing the leftmost non-overlapping occurrences of pattern in string by the replacement repl."},
  {"subn", re_m_subn, "(self, /, repl, string, count: int = 0)", "Return the tuple (new_string, number_of_subs_made) found by replacing the leftmost non-overlapping occurrences of pattern with the replacement repl."},
  {"scanner", m_scanner, "(self, /, string, pos: int = 0, " ENDPOS ")", NULL},
  {"__repr__", m_repr, "(self, /)", NULL},
  {"__eq__", m_eq, "(self, value, /)", NULL},
  {"__hash__", m_hash, "(self, /)", NULL},
  {"__copy__", m_same, "(self, /)", NULL},
  {"__deepcopy__", m_same, "(self, memo, /)", NULL},
  {"+__class_getitem__", m_class_getitem, "(cls, item, /)", "See PEP 585"},
  {"@pattern", g_pattern, "(self)", "The pattern string from which the RE object was compiled."},
  {"@flags", g_flags, "(self)", "The regex matching flags."},
  {"@groups", g_groups, "(self)", "The number of capturing groups in the pattern."},
  {"@groupindex", g_groupindex, "(self)", "A dictionary mapping group names to group numbers."},
  {NULL, NULL, NULL, NULL},
};
const tiny_class re_pattern_class = {.name = "re.Pattern", .data_size = sizeof(RePattern), .methods = pattern_methods, .trace = pattern_trace, .destroy = pattern_destroy,
  .doc = "Compiled regular expression object.", .flags = TINY_CLASS_FINAL | TINY_CLASS_NO_NEW | TINY_CLASS_WEAKREF};

/* ---- the module */

static ReParser parser_for(tiny_vm *vm, tiny_val pattern, unsigned flags) {
  ReState *st = re_state(vm);
  ReParser p = {.vm = vm, .is_str = tiny_kind_of(vm, pattern) == TINY_T_STR, .flags = flags, .lookup = st ? st->lookup : TINY_NONE};
  p.text = p.is_str ? tiny_to_str(vm, pattern, &p.size) : tiny_to_bytes(vm, pattern, &p.size);
  return p;
}

static pcre2_code *code_of(tiny_vm *vm, ReParser *p, Node *root, bool wide, bool *marks) {
  ReText text = {.vm = vm};
  uint32_t options;
  pcre2_code *code = re_emit(p, root, wide, &text, &options, marks) ? re_compile_code(vm, &text, options) : NULL;
  re_text_free(&text);
  return code;
}

/* The other code of a pattern whose text is known to be right. */
bool re_make_code(tiny_vm *vm, RePattern *re, int which) {
  ReParser p = parser_for(vm, re->pattern, re->flags);
  bool marks;
  tiny_scope scope = tiny_scope_open(vm);
  Node *root = p.text ? re_parse(&p) : NULL;
  if (root) re->code[which] = code_of(vm, &p, root, which, &marks);
  re_parser_free(&p);
  tiny_scope_close(vm, scope);
  if (!re->code[which] && !tiny_pending(vm)) tiny_raise(vm, TINY_RUNTIME_ERROR, "the pattern has changed");
  return re->code[which] != NULL;
}

/* The pattern object of a parsed pattern. */
static tiny_val make_pattern(tiny_vm *vm, ReParser *p, Node *root, tiny_val pattern) {
  bool marks;
  pcre2_code *code = code_of(vm, p, root, false, &marks);
  if (!code) return TINY_FAIL;
  RePattern *re;
  tiny_val v = tiny_instance(vm, &re_pattern_class, (void **)&re);
  uint32_t *rank = tiny_failed(v) ? NULL : tiny_alloc(vm, NULL, 0, p->n_groups * sizeof *rank);
  if (!rank) {
    pcre2_code_free(code);
    return tiny_failed(v) ? v : tiny_no_memory(vm);
  }
  for (uint32_t i = 0; i < p->n_groups; i++) rank[i] = p->groups[i].rank;
  *re = (RePattern){.code = {code, NULL}, .pattern = TINY_NONE, .names = TINY_NONE, .flags = p->flags, .groups = p->n_groups - 1, .is_str = p->is_str, .marks = marks, .rank = rank};
  tiny_store(vm, v, &re->pattern, pattern);
  tiny_store(vm, v, &re->names, p->names);
  return v;
}

/* What _compile gives: the pattern, or (pattern, warnings), or (None, message, position). */
static tiny_val outcome(tiny_vm *vm, ReParser *p, tiny_val pattern) {
  if (p->failed) {
    if (tiny_is_none(p->error) || tiny_pending(vm)) return TINY_FAIL;
    tiny_val v[3] = {TINY_NONE, p->error, p->error_pos < 0 ? TINY_NONE : tiny_int(vm, p->error_pos)};
    return tiny_tuple(vm, 3, v);
  }
  tiny_val v[2] = {pattern, p->warnings};
  return tiny_failed(pattern) || tiny_is_none(p->warnings) ? pattern : tiny_tuple(vm, 2, v);
}

static tiny_val m_compile(tiny_vm *vm, tiny_args *a) {
  tiny_val pattern = tiny_arg(a, 0);
  ReParser p = parser_for(vm, pattern, (unsigned)tiny_arg_int(a, 1));
  if (!p.text) return TINY_FAIL;
  Node *root = re_parse(&p);
  tiny_val v = root ? make_pattern(vm, &p, root, pattern) : TINY_FAIL;
  v = outcome(vm, &p, v);
  re_parser_free(&p);
  return v;
}

static tiny_val m_setup(tiny_vm *vm, tiny_args *a) {
  ReState *st = re_state(vm);
  if (!st || !re_ready(vm, st)) return TINY_FAIL;
  tiny_val *slot[] = {&st->raise, &st->proxy, &st->hash, &st->lookup};
  for (int i = 0; i < 4; i++) tiny_store(vm, TINY_NONE, slot[i], tiny_arg(a, i));
  return TINY_NONE;
}

static const tiny_def functions[] = {
  {"compile", m_compile, "(pattern, flags: int, /)", NULL},
  {"setup", m_setup, "(raise_error, proxy, hash, lookup, /)", "Gives what the library calls, see ReState."},
  {NULL, NULL, NULL, NULL},
};

static bool init(tiny_vm *vm, tiny_val module) {
  return tiny_setattr(vm, module, "Pattern", tiny_class_of(vm, &re_pattern_class)) && tiny_setattr(vm, module, "Match", tiny_class_of(vm, &re_match_class));
}

const tiny_module re_module = {"_re", functions, init, "Patterns and matches; use the module re."};
