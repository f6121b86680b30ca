/* needs: libpcre2-8
 * sub() and subn(). Where the replacement is a function of the script, the work waits in an object while the function runs (tiny_then_call): no C recursion. */
#include <string.h>
#include "stdlib/full/re_int.h"

typedef struct ReSub {
  tiny_val pattern, repl;   /* repl: None when it is a template */
  Subject s;
  ReTemplate tmpl;
  ReText out;
  size_t at, copied;        /* where the next search begins, up to where the text is in out */
  int64_t most, done, items; /* items: pieces joined so far, for messages */
  uint32_t options;
  bool pair;                /* subn */
} ReSub;

static void sub_trace(tiny_tracer *t, void *data) {
  ReSub *w = data;
  if (!w->out.vm) return;
  tiny_trace(t, w->pattern);
  tiny_trace(t, w->repl);
  tiny_trace(t, w->s.string);
}

static void sub_destroy(tiny_vm *vm, void *data) {
  ReSub *w = data;
  (void)vm;
  if (!w->out.vm) return;
  if (w->tmpl.text.vm) re_template_free(&w->tmpl);
  re_text_free(&w->out);
}

const tiny_class re_sub_class = {.name = "_re._Sub", .data_size = sizeof(ReSub), .trace = sub_trace, .destroy = sub_destroy, .flags = TINY_CLASS_FINAL | TINY_CLASS_NO_NEW};

static tiny_val finish(tiny_vm *vm, ReSub *w) {
  tiny_val v;
  if (w->done == 0) {
    v = re_slice(vm, &w->s, 0, w->s.size);
  } else {
    re_text_add(&w->out, w->s.text + w->copied, w->s.size > w->copied ? w->s.size - w->copied : 0);
    const char *data = w->out.data ? w->out.data : "";
    v = w->out.failed ? tiny_no_memory(vm) : w->s.is_str ? tiny_string_n(vm, data, w->out.len) : tiny_bytes(vm, data, w->out.len);
  }
  if (w->tmpl.text.vm) re_template_free(&w->tmpl);
  re_text_free(&w->out);
  if (!w->pair || tiny_failed(v)) return v;
  tiny_val two[2] = {v, tiny_int(vm, w->done)};
  return tiny_tuple(vm, 2, two);
}

static bool add_result(tiny_vm *vm, ReSub *w, tiny_val v) {
  size_t n;
  if (tiny_is_none(v)) return true;
  bool is_str = tiny_kind_of(vm, v) == TINY_T_STR;
  const char *text = is_str != w->s.is_str ? NULL : is_str ? tiny_to_str(vm, v, &n) : tiny_to_bytes(vm, v, &n);
  if (!text) {
    if (tiny_pending(vm) && !tiny_pending_is(vm, TINY_TYPE_ERROR)) return false;
    tiny_clear_error(vm);
    tiny_raise(vm, TINY_TYPE_ERROR, "sequence item %lld: expected %s, %T found", (long long)w->items, w->s.is_str ? "str instance" : "a bytes-like object", v);
    return false;
  }
  re_text_add(&w->out, text, n);
  w->items++;
  return true;
}

static tiny_val run(tiny_vm *vm, tiny_val work, ReSub *w);

static tiny_val after_call(tiny_vm *vm, tiny_val work, tiny_outcome how, tiny_val result) {
  ReSub *w = tiny_data(vm, work, &re_sub_class);
  if (how == TINY_RAISED) return tiny_raise_value(vm, result);
  if (!add_result(vm, w, result) || !re_subject_refresh(vm, &w->s)) return TINY_FAIL;
  return run(vm, work, w);
}

/* Goes on to the next call of the function, or to the end. */
static tiny_val run(tiny_vm *vm, tiny_val work, ReSub *w) {
  RePattern *p = tiny_data(vm, w->pattern, &re_pattern_class);
  const size_t *ov;
  while (w->most <= 0 || w->done < w->most) {
    int n = w->most < 0 ? 0 : re_exec(vm, p, &w->s, w->at, w->options, &ov);
    if (n < 0) return TINY_FAIL;
    if (n == 0) break;
    if (ov[0] > w->copied) {
      re_text_add(&w->out, w->s.text + w->copied, ov[0] - w->copied);
      w->items++;
    }
    w->at = w->copied = ov[1];
    w->options = ov[0] == ov[1] ? PCRE2_NOTEMPTY_ATSTART : 0;
    w->done++;
    if (w->out.failed) return tiny_no_memory(vm);
    if (tiny_is_none(w->repl)) {
      re_template_add(&w->tmpl, &w->out, w->s.text, ov, n);
      w->items++;
    } else {
      tiny_val match = re_match_new(vm, w->pattern, p, &w->s, ov, n);
      return tiny_failed(match) ? match : tiny_then_call(vm, after_call, work, w->repl, 1, &match);
    }
  }
  return finish(vm, w);
}

/* A replacement of the wrong kind matters only where something is replaced, as in joining the pieces. */
static tiny_val wrong_text(tiny_vm *vm, ReSub *w, RePattern *p, tiny_val repl) {
  const size_t *ov;
  int n = re_exec(vm, p, &w->s, 0, 0, &ov);
  if (n <= 0) return n < 0 ? TINY_FAIL : finish(vm, w);
  w->items = ov[0] > 0;
  return add_result(vm, w, repl) ? TINY_NONE : TINY_FAIL;
}

static tiny_val start(tiny_vm *vm, tiny_args *a, bool pair) {
  RE_PATTERN(p);
  tiny_val repl = tiny_arg(a, 1), result;
  ReSub *w;
  Subject s;
  tiny_val work = tiny_instance(vm, &re_sub_class, (void **)&w);
  if (tiny_failed(work) || !re_subject(vm, p, tiny_arg(a, 2), 0, INT64_MAX, &s)) return TINY_FAIL;
  *w = (ReSub){.pattern = TINY_NONE, .repl = TINY_NONE, .s = s, .out = {.vm = vm}, .most = tiny_arg_int(a, 3), .pair = pair};
  tiny_store(vm, work, &w->pattern, tiny_arg(a, 0));
  tiny_store(vm, work, &w->s.string, s.string);
  if (tiny_callable(vm, repl)) {
    tiny_store(vm, work, &w->repl, repl);
    return run(vm, work, w);
  }
  bool is_str = tiny_kind_of(vm, repl) == TINY_T_STR;
  if (tiny_pending(vm)) return TINY_FAIL;
  if (!is_str && !tiny_to_bytes(vm, repl, NULL)) {
    tiny_clear_error(vm);
    return tiny_raise(vm, TINY_TYPE_ERROR, "decoding to str: need a bytes-like object, %T found", repl);
  }
  if (is_str != p->is_str) return wrong_text(vm, w, p, repl);
  int ok = re_template_parse(vm, p, repl, &w->tmpl, &result);
  return ok < 0 ? TINY_FAIL : ok ? run(vm, work, w) : result;
}

tiny_val re_m_sub(tiny_vm *vm, tiny_args *a) { return start(vm, a, false); }
tiny_val re_m_subn(tiny_vm *vm, tiny_args *a) { return start(vm, a, true); }
