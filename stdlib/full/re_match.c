/* needs: libpcre2-8
 * Match objects: spans as byte offsets into the string they hold; what the script sees is computed when asked for. */
#include <string.h>
#include "stdlib/full/re_int.h"

#define MATCH(name) ReMatch *name = tiny_arg_native(a, 0, &re_match_class)

static const RePattern *pattern_of(tiny_vm *vm, const ReMatch *m) { return tiny_data(vm, m->pattern, &re_pattern_class); }

tiny_val re_match_new(tiny_vm *vm, tiny_val pattern, const RePattern *p, const Subject *s, const size_t *ov, int n) {
  ReMatch *m;
  int32_t last = -1;
  if (p->groups == 0) {
    last = 0;
  } else if (p->marks) { /* the mark names the group that was closed last, see re_emit.c */
    ReState *st = re_state(vm);
    PCRE2_SPTR mark = st ? pcre2_get_mark(st->data) : NULL;
    for (last = 0; mark && *mark; mark++) last = last * 10 + (*mark - '0');
  }
  tiny_val v = tiny_instance(vm, &re_match_class, (void **)&m);
  if (tiny_failed(v)) return v;
  size_t pairs = (size_t)p->groups + 1, given = (size_t)n < pairs ? (size_t)n : pairs;
  m->pattern = m->string = TINY_NONE;
  m->spans = m->few;
  if (2 * pairs > sizeof m->few / sizeof *m->few) {
    size_t *spans = tiny_alloc(vm, NULL, 0, 2 * pairs * sizeof *spans);
    if (!spans) return tiny_no_memory(vm);
    m->spans = spans;
  }
  m->groups = (uint32_t)pairs;
  m->last = last;
  memcpy(m->spans, ov, 2 * given * sizeof *ov);
  for (size_t i = 2 * given; i < 2 * pairs; i++) m->spans[i] = SIZE_MAX;
  tiny_store(vm, v, &m->pattern, pattern);
  tiny_store(vm, v, &m->string, s->string);
  m->pos = s->pos;
  m->endpos = s->endpos;
  return v;
}

static void match_trace(tiny_tracer *t, void *data) {
  ReMatch *m = data;
  if (!m->spans) return;
  tiny_trace(t, m->pattern);
  tiny_trace(t, m->string);
}

static void match_destroy(tiny_vm *vm, void *data) {
  ReMatch *m = data;
  if (m->spans && m->spans != m->few) tiny_alloc(vm, m->spans, 2 * m->groups * sizeof *m->spans, 0);
}

/* ---- groups */

static tiny_val group_text(tiny_vm *vm, const ReMatch *m, uint32_t i, tiny_val fallback) {
  size_t from = m->spans[2 * i], to = m->spans[2 * i + 1];
  if (from == SIZE_MAX) return fallback;
  Subject s = {.string = m->string, .is_str = tiny_kind_of(vm, m->string) == TINY_T_STR};
  if (s.is_str) return tiny_str_slice(vm, m->string, from, to);
  size_t size;
  s.text = tiny_to_bytes(vm, m->string, &size);
  if (!s.text) return TINY_FAIL;
  return re_slice(vm, &s, from < size ? from : size, to < size ? to : size);
}

static int64_t position(tiny_vm *vm, const ReMatch *m, size_t offset) {
  if (offset == SIZE_MAX) return -1;
  return tiny_kind_of(vm, m->string) == TINY_T_STR ? (int64_t)tiny_str_index(vm, m->string, offset) : (int64_t)offset;
}

/* Number of the group that key (a number or a name) stands for; -1: failed. */
static int64_t group_index(tiny_vm *vm, const ReMatch *m, tiny_val key) {
  int64_t i = -1;
  tiny_kind kind = tiny_kind_of(vm, key);
  if (kind == TINY_T_INT || kind == TINY_T_BOOL || (kind != TINY_T_STR && tiny_hasattr(vm, key, "__index__"))) {
    if (!tiny_to_int(vm, key, &i)) {
      if (!tiny_pending_is(vm, TINY_OVERFLOW_ERROR)) return -1;
      tiny_clear_error(vm);
      i = -1;
    }
  } else if (kind == TINY_T_STR) {
    tiny_val v = tiny_getitem(vm, pattern_of(vm, m)->names, key);
    if (tiny_failed(v) || !tiny_to_int(vm, v, &i)) {
      if (!tiny_pending_is(vm, TINY_KEY_ERROR)) return -1;
      tiny_clear_error(vm);
    }
  }
  if (tiny_pending(vm)) return -1;
  if (i < 0 || i >= m->groups) {
    tiny_raise(vm, TINY_INDEX_ERROR, "no such group");
    return -1;
  }
  return i;
}

static tiny_val group_of(tiny_vm *vm, const ReMatch *m, tiny_val key) {
  int64_t i = group_index(vm, m, key);
  return i < 0 ? TINY_FAIL : group_text(vm, m, (uint32_t)i, TINY_NONE);
}

static tiny_val tuple_of(tiny_vm *vm, size_t n, tiny_val (*item)(tiny_vm *vm, const ReMatch *m, size_t i, tiny_val arg), const ReMatch *m, tiny_val arg) {
  tiny_val few[16], *v = few;
  if (n > 16 && !(v = tiny_alloc(vm, NULL, 0, n * sizeof *v))) return tiny_no_memory(vm);
  size_t i = 0;
  while (i < n && !tiny_failed(v[i] = item(vm, m, i, arg))) i++;
  tiny_val result = i == n ? tiny_tuple(vm, (int)n, v) : TINY_FAIL;
  if (v != few) tiny_alloc(vm, v, n * sizeof *v, 0);
  return result;
}

static tiny_val item_of_args(tiny_vm *vm, const ReMatch *m, size_t i, tiny_val keys) { return group_of(vm, m, tiny_seq_item(keys, (int)i)); }
static tiny_val item_of_groups(tiny_vm *vm, const ReMatch *m, size_t i, tiny_val fallback) { return group_text(vm, m, (uint32_t)i + 1, fallback); }

static tiny_val span_of(tiny_vm *vm, const ReMatch *m, size_t i) {
  tiny_val pair[2] = {tiny_int(vm, position(vm, m, m->spans[2 * i])), tiny_int(vm, position(vm, m, m->spans[2 * i + 1]))};
  return tiny_tuple(vm, 2, pair);
}
static tiny_val item_of_regs(tiny_vm *vm, const ReMatch *m, size_t i, tiny_val none) {
  (void)none;
  return span_of(vm, m, i);
}

static tiny_val m_group(tiny_vm *vm, tiny_args *a) {
  MATCH(m);
  tiny_val keys = tiny_arg(a, 1);
  int n = tiny_seq_len(keys);
  if (n == 0) return group_text(vm, m, 0, TINY_NONE);
  if (n == 1) return group_of(vm, m, tiny_seq_item(keys, 0));
  return tuple_of(vm, (size_t)n, item_of_args, m, keys);
}

static tiny_val m_getitem(tiny_vm *vm, tiny_args *a) {
  MATCH(m);
  return group_of(vm, m, tiny_arg(a, 1));
}

static tiny_val m_groups(tiny_vm *vm, tiny_args *a) {
  MATCH(m);
  return tuple_of(vm, m->groups - 1, item_of_groups, m, tiny_arg(a, 1));
}

static tiny_val m_groupdict(tiny_vm *vm, tiny_args *a) {
  MATCH(m);
  tiny_val dict = tiny_dict(vm), names = pattern_of(vm, m)->names, key, number;
  int64_t i;
  size_t at = 0;
  while (!tiny_failed(dict) && tiny_dict_next(vm, names, &at, &key, &number)) {
    tiny_val text = tiny_to_int(vm, number, &i) ? group_text(vm, m, (uint32_t)i, tiny_arg(a, 1)) : TINY_FAIL;
    if (tiny_failed(text) || !tiny_setitem(vm, dict, key, text)) return TINY_FAIL;
  }
  return dict;
}

/* ---- positions */

static tiny_val end_of(tiny_vm *vm, tiny_args *a, int which) {
  MATCH(m);
  int64_t i = group_index(vm, m, tiny_arg(a, 1));
  return i < 0 ? TINY_FAIL : tiny_int(vm, position(vm, m, m->spans[2 * i + which]));
}
static tiny_val m_start(tiny_vm *vm, tiny_args *a) { return end_of(vm, a, 0); }
static tiny_val m_end(tiny_vm *vm, tiny_args *a) { return end_of(vm, a, 1); }

static tiny_val m_span(tiny_vm *vm, tiny_args *a) {
  MATCH(m);
  int64_t i = group_index(vm, m, tiny_arg(a, 1));
  return i < 0 ? TINY_FAIL : span_of(vm, m, (size_t)i);
}

static tiny_val g_regs(tiny_vm *vm, tiny_args *a) {
  MATCH(m);
  return tuple_of(vm, m->groups, item_of_regs, m, TINY_NONE);
}
static tiny_val g_pos(tiny_vm *vm, tiny_args *a) { MATCH(m); return tiny_int(vm, m->pos); }
static tiny_val g_endpos(tiny_vm *vm, tiny_args *a) { MATCH(m); return tiny_int(vm, m->endpos); }
static tiny_val g_re(tiny_vm *vm, tiny_args *a) { MATCH(m); (void)vm; return m->pattern; }
static tiny_val g_string(tiny_vm *vm, tiny_args *a) { MATCH(m); (void)vm; return m->string; }

/* The group closed last: of those that took part the one that ends last, among equals the one whose parenthesis closes last.
   (Patterns with groups inside look-arounds, where that is not so, have marks.) */
static int32_t last_index(tiny_vm *vm, ReMatch *m) {
  if (m->last >= 0) return m->last;
  const uint32_t *rank = pattern_of(vm, m)->rank;
  m->last = 0;
  for (uint32_t i = 1; i < m->groups; i++) {
    if (m->spans[2 * i] == SIZE_MAX) continue;
    size_t end = m->spans[2 * i + 1], best = m->spans[2 * m->last + 1];
    if (m->last == 0 || end > best || (end == best && rank[i] > rank[m->last])) m->last = (int32_t)i;
  }
  return m->last;
}

static tiny_val g_lastindex(tiny_vm *vm, tiny_args *a) {
  MATCH(m);
  int32_t i = last_index(vm, m);
  return i ? tiny_int(vm, i) : TINY_NONE;
}

static tiny_val g_lastgroup(tiny_vm *vm, tiny_args *a) {
  MATCH(m);
  int32_t last = last_index(vm, m);
  tiny_val key, number;
  int64_t i;
  size_t at = 0;
  while (last && tiny_dict_next(vm, pattern_of(vm, m)->names, &at, &key, &number)) {
    if (!tiny_to_int(vm, number, &i)) return TINY_FAIL;
    if (i == last) return key;
  }
  return TINY_NONE;
}

/* ---- the rest */

static tiny_val m_expand(tiny_vm *vm, tiny_args *a) {
  MATCH(m);
  const RePattern *p = pattern_of(vm, m);
  ReTemplate t;
  tiny_val result;
  int ok = re_template_parse(vm, p, tiny_arg(a, 1), &t, &result);
  if (ok == 1) {
    Subject s = {.string = m->string, .is_str = p->is_str, .size = SIZE_MAX};
    ReText out = {.vm = vm};
    result = TINY_FAIL;
    if (re_subject_refresh(vm, &s)) {
      re_template_add(&t, &out, s.text, m->spans, (int)m->groups);
      result = out.failed ? tiny_no_memory(vm) : p->is_str ? tiny_string_n(vm, out.data ? out.data : "", out.len) : tiny_bytes(vm, out.data ? out.data : "", out.len);
    }
    re_text_free(&out);
  }
  re_template_free(&t);
  return ok < 0 ? TINY_FAIL : result;
}

static tiny_val m_repr(tiny_vm *vm, tiny_args *a) {
  MATCH(m);
  tiny_val text = tiny_repr(vm, group_text(vm, m, 0, TINY_NONE));
  if (tiny_failed(text)) return text;
  text = tiny_str_slice(vm, text, 0, tiny_str_offset(vm, text, 50));
  return tiny_format(vm, "<re.Match object; span=(%lld, %lld), match=%S>", (long long)position(vm, m, m->spans[0]), (long long)position(vm, m, m->spans[1]), text);
}

static tiny_val m_same(tiny_vm *vm, tiny_args *a) {
  (void)vm;
  return tiny_arg(a, 0);
}

static tiny_val m_class_getitem(tiny_vm *vm, tiny_args *a) {
  tiny_val alias = tiny_getattr(vm, tiny_import(vm, "types"), "GenericAlias"), argv[2] = {tiny_arg(a, 0), tiny_arg(a, 1)};
  return tiny_failed(alias) ? alias : tiny_tail_call(vm, alias, 2, argv);
}

static const tiny_def match_methods[] = {
  {"group", m_group, "(self, /, *args)", "group([group1, ...]) -> str or tuple.\nReturn the text of one or more groups; group 0 is the whole match."},
  {"groups", m_groups, "(self, /, default=None)", "Return a tuple of the texts of all groups, from 1; default stands for those that took no part."},
  {"groupdict", m_groupdict, "(self, /, default=None)", "Return a dict of the texts of the named groups."},
  {"start", m_start, "(self, group=0, /)", "Return where the text of the group begins; -1 if it took no part."},
  {"end", m_end, "(self, group=0, /)", "Return where the text of the group ends; -1 if it took no part."},
  {"span", m_span, "(self, group=0, /)", "Return (start(group), end(group))."},
  {"expand", m_expand, "(self, /, template)", "Return the template with its references to groups filled in, as sub() does."},
  {"__getitem__", m_getitem, "(self, key, /)", NULL},
  {"__repr__", m_repr, "(self, /)", NULL},
  {"__copy__", m_same, "(self, /)", NULL},
  {"__deepcopy__", m_same, "(self, memo, /)", NULL},
  {"+__class_getitem__", m_class_getitem, "(cls, item, /)", "See PEP 585"},
  {"@string", g_string, "(self)", "The string passed to match() or search()."},
  {"@re", g_re, "(self)", "The regular expression object."},
  {"@pos", g_pos, "(self)", "The index into the string at which the engine started looking for a match."},
  {"@endpos", g_endpos, "(self)", "The index into the string beyond which the engine did not go."},
  {"@lastindex", g_lastindex, "(self)", "The number of the group that was closed last, or None."},
  {"@lastgroup", g_lastgroup, "(self)", "The name of the group that was closed last, or None."},
  {"@regs", g_regs, "(self)", "The spans of all groups."},
  {NULL, NULL, NULL, NULL},
};

const tiny_class re_match_class = {.name = "re.Match", .data_size = sizeof(ReMatch), .methods = match_methods, .trace = match_trace, .destroy = match_destroy,
  .doc = "The result of re.match() and re.search().\nMatch objects always have a boolean value of True.", .flags = TINY_CLASS_FINAL | TINY_CLASS_NO_NEW};
