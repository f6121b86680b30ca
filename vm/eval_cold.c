/* Instructions' cold parts: names, displays, unpacking, formatting, raising, async protocols. Called by the dispatch loop with vm->frame up to date. */
#include "vm/eval_cold.h"
#include "vm/attr.h"
#include "vm/eval_flow.h"
#include "vm/objects/int.h"
#include "vm/objects/iter.h"
#include "vm/type_ids.h"

/* ---- arithmetic that the loop does not inline ---- */

static bool as_double(Value v, double *out) {
  if (v_is_double(v)) *out = v_double(v);
  else if (v_is_int(v) && v_int(v) < ((int64_t)1 << 53) && v_int(v) > -((int64_t)1 << 53)) *out = (double)v_int(v);
  else if (v_is_exact(v, &float_type)) *out = ((Float *)v_obj(v))->d;
  else return false;
  return true;
}

Value cold_number(VM *vm, int op, Value a, Value b) {
  if (v_both_int(a, b)) return int_binary(vm, op, a, b);
  double x, y;
  if (as_double(a, &x) && as_double(b, &y)) {
    switch (op) {
    case TINY_ADD: return float_new(vm, x + y);
    case TINY_SUB: return float_new(vm, x - y);
    case TINY_MUL: return float_new(vm, x * y);
    default: return float_binary(vm, op, x, y);
    }
  }
  if (op == TINY_ADD && v_is_exact(a, &str_type) && v_is_exact(b, &str_type)) return v_from_str(str_concat(vm, v_str(a), v_str(b)));
  return V_NOTIMPL;
}

/* ---- names ---- */

bool cold_unbound(VM *vm, Value name, bool free_var) {
  if (free_var) rt_raise(vm, &exc_NameError, "cannot access free variable '%S' where it is not associated with a value in enclosing scope", name);
  else rt_raise(vm, &exc_UnboundLocalError, "cannot access local variable '%S' where it is not associated with a value", name);
  if (is_exception(vm->exc) && exc_kind_of(type_of(vm->exc)) == EXK_NAME) exc_set_field(vm, vm->exc, EXF_NAME, name);
  return false;
}

/* __spec__ and __loader__ named in an imported module. V_ABSENT: not one of these. [script] */
static Value late_global(VM *vm, Dict *globals, Value name) {
  Value late = module_late_attr(vm, v_str(name)), own = v_absent(late) || v_failed(late) ? late : dict_get_c(vm, globals, "__name__");
  if (!is_str(own)) return v_failed(own) ? V_FAIL : V_ABSENT;
  Value args[2] = {dict_get_str(vm, vm->modules, v_str(own)), name};
  return v_is_exact(args[0], &module_type) && ((Module *)v_obj(args[0]))->dict == globals ? rt_call(vm, late, 2, args) : V_ABSENT;
}

static bool name_error(VM *vm, Value name) {
  rt_raise(vm, &exc_NameError, "name '%S' is not defined", name);
  if (is_exception(vm->exc) && exc_kind_of(type_of(vm->exc)) == EXK_NAME) exc_set_field(vm, vm->exc, EXF_NAME, name);
  return false;
}

static Value site_name(const Frame *f, uint32_t site) { return f->func->code->consts[f->func->code->site_names[site]]; }

bool cold_get_global(VM *vm, Frame *f, Value *consts, uint32_t site, Value *out) {
  Value name = site_name(f, site);
  Dict *g = f->func->globals, *b = f->func->builtins;
  InlineCache *ic = code_cache(consts, site);
  int64_t i = dict_entry_index(vm, g, v_str(name));
  if (i >= 0) {
    *ic = (InlineCache){.key = g->keys_version, .kind = IC_GLOBAL, .extra = (uint32_t)i, .value = V_NONE};
    *out = g->entries[i].value;
    return true;
  }
  Value v = g->str_keys ? V_ABSENT : dict_get(vm, g, name);
  if (v_absent(v)) {
    if (UNLIKELY(vm->late_builtins) && v_failed(module_lookup(vm, b, v_str(name)))) return false;
    i = dict_entry_index(vm, b, v_str(name));
    if (i >= 0) {
      *ic = (InlineCache){.key = g->keys_version, .kind = IC_BUILTIN, .key2 = b->keys_version, .extra = (uint32_t)i, .value = V_NONE};
      v = b->entries[i].value;
    } else {
      v = dict_get(vm, b, name);
    }
  }
  if (v_absent(v)) v = late_global(vm, g, name);
  if (v_absent(v)) return name_error(vm, name);
  *out = v;
  return !v_failed(v);
}

bool cold_set_global(VM *vm, Frame *f, Value *consts, uint32_t site, Value v) {
  Value name = site_name(f, site);
  Dict *g = f->func->globals;
  if (!dict_set_str(vm, g, v_str(name), v)) return false;
  int64_t i = dict_entry_index(vm, g, v_str(name));
  if (i >= 0) *code_cache(consts, site) = (InlineCache){.key = g->keys_version, .kind = IC_GLOBAL, .extra = (uint32_t)i, .value = V_NONE};
  return true;
}

bool cold_del_global(VM *vm, Frame *f, uint32_t site) {
  Value name = site_name(f, site);
  int r = dict_del_str(vm, f->func->globals, v_str(name));
  return r > 0 || (r == 0 && name_error(vm, name));
}

bool cold_get_name(VM *vm, Frame *f, Value name, Value *out) {
  Value ns = frame_regs(f)[0];
  Value v;
  if (v_is_exact(ns, &dict_type)) {
    v = dict_get(vm, v_dict(ns), name);
  } else {
    v = rt_getitem(vm, ns, name);
    if (v_failed(v) && rt_pending_is(vm, &exc_KeyError)) {
      (void)rt_take_exc(vm);
      v = V_ABSENT;
    }
  }
  if (v_absent(v)) v = dict_get(vm, f->func->globals, name);
  if (v_absent(v)) v = vm->late_builtins ? module_lookup(vm, f->func->builtins, v_str(name)) : dict_get(vm, f->func->builtins, name);
  if (v_absent(v)) v = late_global(vm, f->func->globals, name);
  if (v_absent(v)) return name_error(vm, name);
  *out = v;
  return !v_failed(v);
}

bool cold_set_name(VM *vm, Value ns, Value name, Value v) {
  return v_is_exact(ns, &dict_type) ? dict_set(vm, v_dict(ns), name, v) : rt_setitem(vm, ns, name, v);
}

bool cold_del_name(VM *vm, Value ns, Value name) {
  if (v_is_exact(ns, &dict_type)) {
    int r = dict_del(vm, v_dict(ns), name, NULL);
    return r > 0 || (r == 0 && name_error(vm, name));
  }
  if (rt_setitem(vm, ns, name, V_ABSENT)) return true;
  if (!rt_pending_is(vm, &exc_KeyError)) return false;
  (void)rt_take_exc(vm);
  return name_error(vm, name);
}

bool cold_get_class_free(VM *vm, Frame *f, uint32_t index, Value *out) {
  Value ns = frame_regs(f)[0], name = f->func->code->free_names->items[index], v;
  if (v_is_exact(ns, &dict_type)) {
    v = dict_get(vm, v_dict(ns), name);
  } else {
    v = rt_getitem(vm, ns, name);
    if (v_failed(v) && rt_pending_is(vm, &exc_KeyError)) {
      (void)rt_take_exc(vm);
      v = V_ABSENT;
    }
  }
  if (v_absent(v)) v = ((Cell *)v_obj(f->func->closure->items[index]))->v;
  if (v_absent(v)) return cold_unbound(vm, name, true);
  *out = v;
  return !v_failed(v);
}

/* ---- displays ---- */

/* {1, 2, 3}: CPython compiles a frozenset, from which another is made (when equal constants are sought), and that one is what a loop goes over and of which the
   set is made: so many times the items change places. */
static bool build_set_of_constants(VM *vm, const Tuple *items, bool for_loop, Value *out) {
  Value *keep = rt_temp(vm, 3);
  if (!keep) return false;
  Set *sets[3];
  for (int k = 0; k < 3; k++) {
    if (!(sets[k] = set_new(vm, &set_type))) return false;
    keep[k] = v_from_obj(sets[k]);
  }
  for (size_t i = 0; i < items->length; i++)
    if (!set_add(vm, sets[0], items->items[i])) return false;
  size_t at = 0;
  for (Value key; set_next(sets[0], &at, &key, NULL);)
    if (!set_add(vm, sets[1], key)) return false;
  if (!for_loop && !set_merge(vm, sets[2], sets[1])) return false;
  *out = v_from_obj(sets[for_loop ? 1 : 2]);
  return true;
}

bool cold_build_set(VM *vm, Value *items, uint32_t n, Value *out) {
  if (n >= SET_OF_CONSTANTS_LOOP) {
    size_t mark = rt_temp_mark(vm);
    bool ok = build_set_of_constants(vm, v_tuple(*items), n == SET_OF_CONSTANTS_LOOP, out);
    rt_temp_release(vm, mark);
    return ok;
  }
  Set *set = set_new(vm, &set_type);
  if (!set) return false;
  Value *keep = rt_temp(vm, 1);
  if (!keep) return false;
  *keep = v_from_obj(set);
  for (uint32_t i = 0; i < n; i++)
    if (!set_add(vm, set, items[i])) return false;
  *out = v_from_obj(set);
  return true;
}

bool cold_build_dict(VM *vm, Value *pairs, uint32_t n, Value *out) {
  Dict *d = dict_new(vm);
  if (!d) return false;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1);
  if (!keep) return false;
  *keep = v_from_obj(d);
  bool ok = true;
  for (uint32_t i = 0; i < n && ok; i++) ok = dict_set(vm, d, pairs[2 * i], pairs[2 * i + 1]);
  rt_temp_release(vm, mark);
  *out = v_from_obj(d);
  return ok;
}

bool cold_build_string(VM *vm, const Value *parts, uint32_t n, Value *out) {
  size_t size = 0, length = 0;
  for (uint32_t i = 0; i < n; i++) {
    size += v_str(parts[i])->size;
    length += v_str(parts[i])->length;
  }
  Buf b;
  buf_init(&b, rt_mem(vm));
  (void)length;
  buf_reserve(&b, size);
  for (uint32_t i = 0; i < n; i++) buf_add(&b, v_str(parts[i])->data, v_str(parts[i])->size);
  Str *s = str_from_buf(vm, &b);
  if (!s) return false;
  *out = v_from_obj(s);
  return true;
}

bool cold_dict_update(VM *vm, Dict *d, Value mapping) {
  if (v_is_exact(mapping, &dict_type)) return dict_update(vm, d, mapping);
  Value keys = rt_getattr_opt(vm, mapping, NAME(vm, keys));
  if (v_failed(keys)) return false;
  if (!v_absent(keys) && dict_update(vm, d, mapping)) return true;
  if (!v_absent(keys) && !rt_pending_is(vm, &exc_AttributeError)) return false;
  if (!v_absent(keys)) (void)rt_take_exc(vm); /* an AttributeError of its methods means the same */
  return rt_raise_b(vm, &exc_TypeError, "'%T' object is not a mapping", mapping);
}

/* "module.qualname()" of what is called, for messages. */
static Value callee_name(VM *vm, Value f) {
  Value q = rt_getattr_opt(vm, f, NAME(vm, __qualname__));
  if (v_failed(q) || !is_str(q)) {
    if (v_failed(q)) (void)rt_take_exc(vm);
    return rt_str(vm, f);
  }
  Value m = rt_getattr_opt(vm, f, NAME(vm, __module__));
  if (v_failed(m)) (void)rt_take_exc(vm);
  else if (is_str(m) && !str_eq_c(v_str(m), "builtins")) return rt_format(vm, "%S.%S()", m, q);
  return rt_format(vm, "%S()", q);
}

static bool fail_not_mapping(VM *vm, Value mapping, Value callee) {
  Value name = callee_name(vm, callee);
  return rt_raise_b(vm, &exc_TypeError, "%S argument after ** must be a mapping, not %T", name, mapping);
}

static bool merge(VM *vm, Dict *d, Value mapping, Value callee, Value *keep) {
  Value keys = v_is_exact(mapping, &dict_type) ? V_NONE : rt_getattr_opt(vm, mapping, NAME(vm, keys));
  if (v_failed(keys)) return false;
  if (v_absent(keys)) return fail_not_mapping(vm, mapping, callee);
  Dict *src = NULL;
  if (v_is_exact(mapping, &dict_type)) {
    src = v_dict(mapping);
  } else {
    src = dict_new(vm);
    if (!src) return false;
    *keep = v_from_obj(src);
    if (!dict_update(vm, src, mapping)) {
      if (!rt_pending_is(vm, &exc_AttributeError)) return false;
      (void)rt_take_exc(vm); /* as if it had no keys() */
      return fail_not_mapping(vm, mapping, callee);
    }
  }
  size_t pos = 0;
  Value k, v;
  while (dict_next(src, &pos, &k, &v)) {
    Value old = dict_get(vm, d, k);
    if (v_failed(old)) return false;
    if (!v_absent(old)) {
      Value name = callee_name(vm, callee);
      return rt_raise_b(vm, &exc_TypeError, "%S got multiple values for keyword argument '%S'", name, k);
    }
    if (!dict_set(vm, d, k, v)) return false;
  }
  return true;
}

bool cold_dict_merge(VM *vm, Dict *d, Value mapping, Value callee) {
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 3);
  if (!keep) return false;
  keep[0] = v_from_obj(d);
  keep[1] = mapping;
  bool ok = merge(vm, d, mapping, callee, &keep[2]);
  rt_temp_release(vm, mark);
  return ok;
}

static bool seems_iterable(VM *vm, Value v) {
  const Type *t = type_of(v);
  if (t->iter) return true;
  return type_is_heap(t) && (!v_absent(rt_type_lookup(vm, t, NAME(vm, __iter__))) || !v_absent(rt_type_lookup(vm, t, NAME(vm, __getitem__))));
}

/* A star among others in a display or call. */
bool cold_check_star(VM *vm, Value v) {
  return seems_iterable(vm, v) || (!rt_pending(vm) && rt_raise_b(vm, &exc_TypeError, "Value after * must be an iterable, not %T", v));
}

const char *cold_list_extend_name(VM *vm, Value iterable) { return iter_gives_hint(vm, iterable) ? "_ops_list_extend_hinted" : "_ops_list_extend"; }

bool cold_not_iterable_arg(VM *vm, Value callee, Value v) {
  if (seems_iterable(vm, v)) return true;
  Value name = callee_name(vm, callee);
  return rt_raise_b(vm, &exc_TypeError, "%S argument after * must be an iterable, not %T", name, v);
}

bool cold_kwargs_call(VM *vm, Value *window, Value *kwnames, int *argc, Value **argv, size_t *cap) {
  size_t n_pos = 0, n_kw = 0, pos = 0;
  const Value *items = seq_items(window[1], &n_pos);
  Dict *kw = v_absent(window[2]) ? NULL : v_dict(window[2]);
  if (kw) n_kw = kw->used;
  if (n_pos + n_kw > INT32_MAX - 8) return rt_raise_b(vm, &exc_OverflowError, "too many arguments");
  *cap = (n_pos + n_kw + 4) * sizeof(Value);
  Tuple *names = n_kw ? tuple_new(vm, NULL, n_kw) : NULL;
  if (n_kw && !names) return false;
  Value *a = mem_alloc(&vm->mem, *cap), k, v;
  if (!a) {
    rt_no_memory(vm);
    return false;
  }
  a[0] = a[1] = a[2] = V_NONE;
  a += 3;
  if (n_pos) memcpy(a, items, n_pos * sizeof(Value));
  size_t at = 0;
  while (kw && at < n_kw && dict_next(kw, &pos, &k, &v)) {
    if (!is_str(k)) {
      mem_free(&vm->mem, a - 3, *cap);
      return rt_raise_b(vm, &exc_TypeError, "keywords must be strings");
    }
    gc_store(vm, names, &names->items[at], k);
    a[n_pos + at++] = v;
  }
  *kwnames = names ? v_from_obj(names) : V_ABSENT;
  *argc = (int)(n_pos + n_kw);
  *argv = a;
  return true;
}

/* ---- functions ---- */

bool cold_function(VM *vm, Frame *f, uint32_t w, Value code, Value *out) {
  uint32_t b = INS_B(w), bits = INS_C(w);
  Value *regs = frame_regs(f);
  Function *fn = function_new(vm, (Code *)v_obj(code), f->func->globals);
  if (!fn) return false;
  fn->builtins = f->func->builtins;
  if (bits & 1) fn->defaults = v_tuple(regs[b]);
  if (bits & 2) fn->kw_defaults = v_dict(regs[b + 1]);
  if (bits & 4) fn->annotations = regs[b + 2];
  if (bits & 8) fn->closure = v_tuple(regs[b + 3]);
  if (f->func->code->flags & CODE_NAMESPACE) {} /* __module__ comes from the globals, as everywhere */
  *out = v_from_obj(fn);
  return true;
}

/* ---- unpacking ---- */

static bool unpack_iter(VM *vm, Value v, Value **list) {
  size_t n;
  *list = rt_temp(vm, 1);
  if (!*list) return false;
  const Type *t = type_of(v);
  if (!seq_items(v, &n) && !t->iter && t->layout != LAY_GEN && !(type_is_heap(t) && (!v_absent(rt_type_lookup(vm, t, NAME(vm, __iter__))) || !v_absent(rt_type_lookup(vm, t, NAME(vm, __getitem__))))))
    return rt_raise_b(vm, &exc_TypeError, "cannot unpack non-iterable %T object", v);
  return true;
}

/* Takes at most limit items (SIZE_MAX: all) of any iterable into a new list; *more: there was one too many. */
static List *take_items(VM *vm, Value v, size_t limit, bool *more) {
  Value *keep;
  *more = false;
  if (!unpack_iter(vm, v, &keep)) return NULL;
  Value *its = rt_temp(vm, 1);
  if (!its) return NULL;
  *its = rt_iter(vm, v);
  if (v_failed(*its)) return NULL;
  List *l = list_new(vm, NULL, 0);
  if (!l) return NULL;
  *keep = v_from_obj(l);
  for (;;) {
    Value item;
    int r = rt_next(vm, *its, &item);
    if (r < 0) return NULL;
    if (r == 0) return l;
    if (l->length == limit) {
      *more = true;
      return l;
    }
    if (!list_append(vm, l, item)) return NULL;
  }
}

bool cold_unpack(VM *vm, Value v, Value *out, uint32_t n) {
  size_t mark = rt_temp_mark(vm), len;
  const Value *items = seq_items(v, &len);
  if (items || (is_tuple(v) && !type_is_heap(type_of(v)))) {
    if (len > n) return rt_raise_b(vm, &exc_ValueError, "too many values to unpack (expected %u)", n);
    if (len < n) return rt_raise_b(vm, &exc_ValueError, "not enough values to unpack (expected %u, got %zu)", n, len);
    for (uint32_t i = 0; i < n; i++) out[i] = items[i];
    return true;
  }
  bool more, ok = false;
  List *l = take_items(vm, v, n, &more);
  if (l && more) rt_raise(vm, &exc_ValueError, "too many values to unpack (expected %u)", n);
  else if (l && l->length < n) rt_raise(vm, &exc_ValueError, "not enough values to unpack (expected %u, got %zu)", n, l->length);
  else if (l) ok = true;
  for (uint32_t i = 0; ok && i < n; i++) out[i] = l->items[i];
  rt_temp_release(vm, mark);
  return ok;
}

bool cold_unpack_big(VM *vm, Value v, uint32_t n, Value *out) {
  bool more;
  size_t mark = rt_temp_mark(vm);
  List *l = take_items(vm, v, n, &more);
  bool ok = false;
  if (l && more) rt_raise(vm, &exc_ValueError, "too many values to unpack (expected %u)", n);
  else if (l && l->length < n) rt_raise(vm, &exc_ValueError, "not enough values to unpack (expected %u, got %zu)", n, l->length);
  else if (l) {
    Tuple *t = tuple_new(vm, l->items, l->length);
    ok = t != NULL;
    if (ok) *out = v_from_obj(t);
  }
  rt_temp_release(vm, mark);
  return ok;
}

bool cold_unpack_ex(VM *vm, Value v, Value *out, uint32_t before, uint32_t after) {
  bool more;
  size_t mark = rt_temp_mark(vm);
  List *l = take_items(vm, v, SIZE_MAX, &more);
  rt_temp_release(vm, mark);
  if (!l) return false;
  size_t n = l->length;
  if (n < (size_t)before + after) return rt_raise_b(vm, &exc_ValueError, "not enough values to unpack (expected at least %u, got %zu)", before + after, n);
  Value middle = list_slice(vm, l, before, n - after);
  if (v_failed(middle)) return false;
  for (uint32_t i = 0; i < before; i++) out[i] = l->items[i];
  out[before] = middle;
  for (uint32_t i = 0; i < after; i++) out[before + 1 + i] = l->items[n - after + i];
  return true;
}

/* ---- f-strings ---- */

Step cold_format(VM *vm, Value v, Value spec, int conversion, uint8_t dest, Value *out) {
  bool plain = v_absent(spec) || (is_str(spec) && v_str(spec)->size == 0);
  const Type *t = type_of(v);
  if (plain && conversion != 3 && type_is_heap(t)) { /* a script's __str__ or __repr__: a frame, not a nested run */
    Value f = V_ABSENT;
    int kind = conversion;
    if (conversion == 0 && v_absent(attr_override(vm, t, NAME(vm, __format__)))) kind = 1;
    if (kind == 1) {
      f = attr_override(vm, t, NAME(vm, __str__));
      if (v_absent(f) && !t->str) {
        kind = 2;
        f = attr_override(vm, t, NAME(vm, __repr__));
      }
    } else if (kind == 2) {
      f = attr_override(vm, t, NAME(vm, __repr__));
    }
    if (kind && v_is_exact(f, &function_type)) {
      Value argv[4] = {V_NONE, V_NONE, v, V_NONE};
      return call_begin(vm, f, argv + 2, 1, V_ABSENT, (Dest){CONT_STR, dest, (uint8_t)kind}, out);
    }
  }
  if (conversion == 1) v = rt_str(vm, v);
  else if (conversion == 2) v = rt_repr(vm, v);
  else if (conversion == 3) v = rt_ascii(vm, v);
  if (v_failed(v)) return STEP_FAIL;
  if (plain && v_is_exact(v, &str_type)) {
    *out = v;
    return STEP_DONE;
  }
  Value *keep = rt_temp(vm, 1);
  if (!keep) return STEP_FAIL;
  *keep = v;
  Value empty = spec;
  if (v_absent(spec)) {
    Str *e = str_new(vm, "", 0);
    if (!e) return STEP_FAIL;
    empty = v_from_obj(e);
  }
  *out = rt_format_value(vm, v, empty);
  return v_failed(*out) ? STEP_FAIL : STEP_DONE;
}

/* ---- raising ---- */

/* An exception instance from what stands behind `raise` or `from`. */
static Value exception_of(VM *vm, Value v, const char *message) {
  if (is_exception(v)) return v;
  if (is_type(v) && rt_is_subtype((const Type *)v_obj(v), &exc_BaseException)) {
    Value e = rt_call(vm, v, 0, NULL);
    if (v_failed(e) || is_exception(e)) return e;
    return rt_raise(vm, &exc_TypeError, "calling %R should have returned an instance of BaseException, not %R", v, rt_type_value(type_of(e)));
  }
  return rt_raise(vm, &exc_TypeError, "%s", message);
}

bool cold_raise(VM *vm, Value exc, Value cause) {
  Value *keep = rt_temp(vm, 2);
  if (!keep) return false;
  keep[0] = exception_of(vm, exc, "exceptions must derive from BaseException");
  if (v_failed(keep[0])) return false;
  if (!v_absent(cause)) {
    keep[1] = v_is_none(cause) ? cause : exception_of(vm, cause, "exception causes must derive from BaseException");
    if (v_failed(keep[1])) return false;
    exc_set_cause(vm, keep[0], keep[1]);
  }
  rt_raise_obj(vm, keep[0]);
  return false;
}

bool cold_raise_current(VM *vm) {
  if (!is_exception(vm->handled)) return rt_raise_b(vm, &exc_RuntimeError, "No active exception to reraise");
  vm->exc = vm->handled;
  vm->reraise = true;
  return false;
}

bool cold_assert_fail(VM *vm, Value arg, bool has_arg) {
  rt_raise_with(vm, &exc_AssertionError, has_arg ? arg : V_ABSENT);
  return false;
}

/* ---- with, async ---- */

bool cold_get_special(VM *vm, Value obj, int which, Value *out) {
  static const uint16_t names[] = {NAME___enter__, NAME___exit__, NAME___aenter__, NAME___aexit__};
  Value fn, self;
  Str *name = rt_name(vm, (NameId)names[which]);
  if (!name) return false;
  if (!attr_special(vm, obj, name, &fn, &self)) {
    if (rt_pending(vm)) return false;
    return rt_raise_b(vm, &exc_TypeError, "'%T' object does not support the %scontext manager protocol%s", obj, which < 2 ? "" : "asynchronous ",
                      which == 1 ? " (missed __exit__ method)" : which == 3 ? " (missed __aexit__ method)" : "");
  }
  out[0] = fn;
  out[1] = self;
  return true;
}

static bool is_coroutine_like(Value v) {
  return v_is_exact(v, &coroutine_type) || (v_is_exact(v, &generator_type) && (v_gen(v)->frame.func->code->flags & CODE_ITERABLE_COROUTINE));
}

bool cold_check_awaitable(VM *vm, Value v) {
  if (is_coroutine_like(v)) return rt_raise_b(vm, &exc_TypeError, "__await__() returned a coroutine");
  return ops_is_iterator(vm, v) || rt_raise_b(vm, &exc_TypeError, "__await__() returned non-iterator of type '%T'", v);
}

/* What __anext__ gave cannot be awaited: the pending exception becomes the cause of a TypeError. */
void cold_bad_anext(VM *vm, Value v) {
  if (vm->limit_hit) return;
  Value cause = rt_take_exc(vm);
  rt_raise(vm, &exc_TypeError, "'async for' received an invalid object from __anext__: %T", v);
  if (!is_exception(vm->exc) || !is_exception(cause)) return;
  Exception *e = v_exc(vm->exc);
  gc_store(vm, e, &e->cause, cause);
  gc_store(vm, e, &e->context, cause);
  e->suppress_context = true;
}

Step cold_awaitable(VM *vm, Value v, int what, uint8_t dest, Value *out) {
  static const char *const messages[] = {"object %T can't be used in 'await' expression", "'async with' received an object from __aenter__ that does not implement __await__: %T",
      "'async with' received an object from __aexit__ that does not implement __await__: %T", "'async for' received an invalid object from __anext__: %T"};
  if (is_coroutine_like(v)) {
    if (v_is_exact(v, &coroutine_type) && !v_absent(v_gen(v)->yield_from) && !gen_in_running_chain(v_gen(v))) {
      rt_raise(vm, &exc_RuntimeError, "coroutine is being awaited already");
      return STEP_FAIL;
    }
    *out = v;
    return STEP_DONE;
  }
  if (type_of(v)->flags & TYPE_NATIVE_AWAIT) {
    *out = v;
    return STEP_DONE;
  }
  Value fn, self;
  if (!attr_special(vm, v, NAME(vm, __await__), &fn, &self)) {
    if (!rt_pending(vm)) rt_raise(vm, &exc_TypeError, messages[what == 3 ? 0 : what], v);
    if (what == 3) cold_bad_anext(vm, v);
    return STEP_FAIL;
  }
  Value argv[4] = {V_NONE, V_NONE, self, V_NONE};
  bool unbound = v_absent(self);
  Step s = call_begin(vm, fn, argv + (unbound ? 3 : 2), unbound ? 0 : 1, V_ABSENT, (Dest){CONT_AWAITABLE, dest, what == 3 ? AUX_ANEXT : 0}, out);
  if (s == STEP_DONE && !cold_check_awaitable(vm, *out)) s = STEP_FAIL;
  if (s == STEP_FAIL && what == 3) cold_bad_anext(vm, v);
  return s;
}

bool cold_yield_from_iter(VM *vm, Frame *f, Value v, Value *out, bool *need_iter) {
  *need_iter = false;
  if ((f->func->code->flags & CODE_COROUTINE) && (type_of(v)->flags & TYPE_NATIVE_AWAIT)) { /* tiny_coroutine_function */
    *out = v;
    return true;
  }
  if (v_is_exact(v, &coroutine_type)) {
    if (!(f->func->code->flags & (CODE_COROUTINE | CODE_ITERABLE_COROUTINE | CODE_HIDDEN))) /* the library drives coroutines itself */
      return rt_raise_b(vm, &exc_TypeError, "cannot 'yield from' a coroutine object in a non-coroutine generator");
    *out = v;
    return true;
  }
  if (v_is_exact(v, &async_generator_type) && (f->func->code->flags & CODE_HIDDEN)) { /* what asend() gives: stdlib/frozen/_async.tiny */
    *out = v;
    return true;
  }
  *need_iter = true;
  return true;
}

bool cold_check_aiter(VM *vm, Value v) {
  Value fn, self;
  if (attr_special(vm, v, NAME(vm, __anext__), &fn, &self)) return true;
  return !rt_pending(vm) && rt_raise_b(vm, &exc_TypeError, "'async for' received an object from __aiter__ that does not implement __anext__: %T", v);
}

Step cold_aiter(VM *vm, Value v, uint8_t dest, Value *out) {
  Value fn, self;
  if (!attr_special(vm, v, NAME(vm, __aiter__), &fn, &self)) {
    if (!rt_pending(vm)) rt_raise(vm, &exc_TypeError, "'async for' requires an object with __aiter__ method, got %T", v);
    return STEP_FAIL;
  }
  Value argv[4] = {V_NONE, V_NONE, self, V_NONE};
  bool unbound = v_absent(self);
  Step s = call_begin(vm, fn, argv + (unbound ? 3 : 2), unbound ? 0 : 1, V_ABSENT, (Dest){CONT_AITER, dest, 0}, out);
  if (s == STEP_DONE && !cold_check_aiter(vm, *out)) return STEP_FAIL;
  return s;
}

Step cold_anext(VM *vm, Value v, uint8_t dest, Value *out) {
  if (v_is_exact(v, &async_generator_type)) {
    *out = async_gen_anext(vm, v);
    return v_failed(*out) ? STEP_FAIL : STEP_DONE;
  }
  Value fn, self;
  if (!attr_special(vm, v, NAME(vm, __anext__), &fn, &self)) {
    if (!rt_pending(vm)) rt_raise(vm, &exc_TypeError, "'async for' requires an iterator with __anext__ method, got %T", v);
    return STEP_FAIL;
  }
  Value argv[4] = {V_NONE, V_NONE, self, V_NONE};
  bool unbound = v_absent(self);
  return call_begin(vm, fn, argv + (unbound ? 3 : 2), unbound ? 0 : 1, V_ABSENT, (Dest){CONT_STORE, dest, 0}, out);
}

/* What throw() was called with to throw e: how many arguments. */
static int take_thrown(VM *vm, Value e, Value *argv) {
  int n = 1;
  *argv = e;
  if (v_same(vm->thrown[0], e)) {
    n = (int)v_tuple(vm->thrown[1])->length;
    memcpy(argv, v_tuple(vm->thrown[1])->items, (size_t)n * sizeof(Value));
  }
  vm->thrown[0] = vm->thrown[1] = V_ABSENT;
  return n;
}

/* PEP 380: the exception goes to the delegate's throw(); GeneratorExit to its close(). */
Step cold_throw_foreign(VM *vm, Gen *g, Value *out) {
  Value it = g->yield_from, *regs = frame_regs(&g->frame);
  vm->frame = &g->frame;
  Value e = rt_take_exc(vm);
  bool exit = rt_is_subtype(type_of(e), &exc_GeneratorExit);
  Dest d = {exit ? CONT_DELEGATE_CLOSE : CONT_DELEGATE, 0, AUX_THROW};
  if (exit) regs[INS_C(g->frame.pc[-1])] = e;
  if (is_gen(it) && exit && gen_is_step(v_gen(it))) { /* never an asynchronous generator itself: flow_delegate */
    gen_drop_step(vm, v_gen(it));
    g->yield_from = V_ABSENT;
    rt_restore(vm, e);
    return STEP_FAIL;
  }
  if (is_gen(it)) {
    switch (gen_begin(vm, v_gen(it), exit ? RESUME_CLOSE : RESUME_THROW, exit ? V_ABSENT : e, &g->frame, d.cont, 0, d.aux)) {
    case BEGIN_RUN: return STEP_PUSHED;
    case BEGIN_THROW: return STEP_THROW;
    case BEGIN_ENDED: g->yield_from = V_ABSENT; rt_restore(vm, e); return STEP_FAIL;
    case BEGIN_FAIL: g->yield_from = V_ABSENT; return STEP_FAIL;
    }
  }
  if (type_of(it)->flags & TYPE_NATIVE_AWAIT) { /* nothing in it runs */
    native_await_left(vm, it);
    g->yield_from = V_ABSENT;
    rt_restore(vm, e);
    return STEP_FAIL;
  }
  Value argv[6] = {V_NONE, V_NONE, e, V_NONE, V_NONE, V_NONE}, m = rt_getattr_opt(vm, it, exit ? NAME(vm, close) : NAME(vm, throw));
  if (v_failed(m) && exit && !vm->limit_hit) {
    exc_report_unraisable(vm, rt_take_exc(vm), NULL, it);
    m = V_ABSENT;
  }
  if (v_absent(m) || v_failed(m)) {
    g->yield_from = V_ABSENT;
    if (v_absent(m)) rt_restore(vm, e);
    return STEP_FAIL;
  }
  Step s = call_begin(vm, m, argv + 2, exit ? 0 : take_thrown(vm, e, argv + 2), V_ABSENT, d, out);
  if (s == STEP_FAIL && !exit && rt_pending_is(vm, &exc_StopIteration)) {
    Value v = exc_field(rt_take_exc(vm), EXF_VALUE);
    g->yield_from = V_ABSENT;
    regs[INS_A(g->frame.pc[-1])] = v_absent(v) ? V_NONE : v;
    flow_delegate_leave(vm, &g->frame);
    return STEP_PUSHED; /* goes on behind the YIELDFROM */
  }
  if (s == STEP_FAIL || (s == STEP_DONE && exit)) g->yield_from = V_ABSENT;
  if (s == STEP_DONE && exit) {
    rt_restore(vm, e);
    return STEP_FAIL;
  }
  return s;
}

/* ---- match (PEP 634) ---- */

int cold_match_seq(VM *vm, Value v, int64_t want, int64_t *length) {
  *length = 0;
  if (!(type_of(v)->flags & TYPE_SEQUENCE)) return 0;
  if (want == -1) return 1; /* any length will do: it is not asked for */
  int64_t n = rt_len(vm, v);
  if (n < 0) return -1;
  *length = n;
  return want < 0 ? n >= -want - 1 : n == want;
}

int cold_match_map(VM *vm, Value v) {
  (void)vm;
  return (type_of(v)->flags & TYPE_MAPPING) != 0;
}

bool cold_match_keys(VM *vm, Value map, Tuple *keys, Value *out) {
  Tuple *t = tuple_new(vm, NULL, keys->length);
  Value *keep = rt_temp(vm, 2);
  if (!t || !keep) return false;
  keep[0] = v_from_obj(t);
  keep[1] = v_from_obj(keys);
  int64_t length = v_is_exact(map, &dict_type) ? (int64_t)v_dict(map)->used : rt_len(vm, map);
  if (length < 0) return false;
  if (length < (int64_t)keys->length) return *out = V_NONE, true;
  Set *seen = NULL;
  if (keys->length > 1) {
    seen = set_new(vm, &set_type);
    if (!seen) return false;
    keep = rt_temp(vm, 1);
    if (!keep) return false;
    *keep = v_from_obj(seen);
  }
  for (size_t i = 0; i < keys->length; i++) {
    if (seen) {
      int r = set_contains(vm, seen, keys->items[i]);
      if (r < 0) return false;
      if (r) return rt_raise_b(vm, &exc_ValueError, "mapping pattern checks duplicate key (%R)", keys->items[i]);
      if (!set_add(vm, seen, keys->items[i])) return false;
    }
    Value v;
    if (v_is_exact(map, &dict_type)) {
      v = dict_get(vm, v_dict(map), keys->items[i]);
    } else { /* get() with a marker: no __missing__ */
      Value argv[2] = {keys->items[i], V_ELLIPSIS};
      Cell *marker = cell_new(vm, V_NONE);
      if (!marker) return false;
      argv[1] = v_from_obj(marker);
      Value *mk = rt_temp(vm, 1);
      if (!mk) return false;
      *mk = argv[1];
      v = rt_call_method(vm, map, NAME(vm, get), 2, argv);
      if (v_same(v, *mk)) v = V_ABSENT;
    }
    if (v_failed(v)) return false;
    if (v_absent(v)) {
      *out = V_NONE;
      return true;
    }
    gc_store(vm, t, &t->items[i], v);
  }
  *out = v_from_obj(t);
  return true;
}

bool cold_match_rest(VM *vm, Value map, Tuple *keys, Value *out) {
  Dict *d = dict_new(vm);
  Value *keep = rt_temp(vm, 1);
  if (!d || !keep) return false;
  *keep = v_from_obj(d);
  if (!dict_update(vm, d, map)) return false;
  for (size_t i = 0; i < keys->length; i++)
    if (dict_del(vm, d, keys->items[i], NULL) < 0) return false;
  *out = v_from_obj(d);
  return true;
}

/* Builtin classes that take one positional pattern for the subject itself. */
static bool matches_self(const Type *t) {
  static const Type *const selfish[] = {&bool_type, &bytearray_type, &bytes_type, &dict_type, &float_type, &frozenset_type, &int_type, &list_type, &set_type, &str_type, &tuple_type};
  for (; t; t = t->base)
    for (size_t i = 0; i < sizeof selfish / sizeof *selfish; i++)
      if (t == selfish[i]) return true;
  return false;
}

static int match_attr(VM *vm, Value v, Value name, List *seen, Value cls, Value *out) {
  for (size_t i = 0; i < seen->length; i++)
    if (str_equal(v_str(seen->items[i]), v_str(name)))
      return rt_raise_i(vm, &exc_TypeError, "%N() got multiple sub-patterns for attribute %R", (const Type *)v_obj(cls), name);
  if (!list_append(vm, seen, name)) return -1;
  *out = rt_getattr_opt(vm, v, str_intern_str(vm, v_str(name)));
  return v_failed(*out) ? -1 : !v_absent(*out);
}

bool cold_match_class(VM *vm, Value v, Value cls, Tuple *names, uint32_t n_pos, Value *out) {
  if (!is_type(cls)) return rt_raise_b(vm, &exc_TypeError, "called match pattern must be a type");
  int r = rt_isinstance(vm, v, cls);
  if (r < 0) return false;
  *out = V_NONE;
  if (r == 0) return true;
  const Type *t = (const Type *)v_obj(cls);
  Value *keep = rt_temp(vm, 3);
  if (!keep) return false;
  List *found = list_new(vm, NULL, 0), *seen = list_new(vm, NULL, 0);
  if (!found || !seen) return false;
  keep[0] = v_from_obj(found);
  keep[1] = v_from_obj(seen);
  if (n_pos) {
    Value args = rt_getattr_opt(vm, cls, NAME(vm, __match_args__));
    if (v_failed(args)) return false;
    bool self = v_absent(args) && matches_self(t);
    if (!v_absent(args) && !v_is_exact(args, &tuple_type)) return rt_raise_b(vm, &exc_TypeError, "%N.__match_args__ must be a tuple (got %T)", t, args);
    size_t allowed = self ? 1 : v_absent(args) ? 0 : v_tuple(args)->length;
    if (n_pos > allowed) return rt_raise_b(vm, &exc_TypeError, "%N() accepts %zu positional sub-pattern%s (%u given)", t, allowed, allowed == 1 ? "" : "s", n_pos);
    if (self && !list_append(vm, found, v)) return false;
    keep[2] = args;
    for (uint32_t i = 0; !self && i < n_pos; i++) {
      Value name = v_tuple(args)->items[i], a;
      if (!is_str(name)) return rt_raise_b(vm, &exc_TypeError, "__match_args__ elements must be strings (got %T)", name);
      r = match_attr(vm, v, name, seen, cls, &a);
      if (r <= 0) return r == 0;
      if (!list_append(vm, found, a)) return false;
    }
  }
  for (size_t i = 0; i < names->length; i++) {
    Value a;
    r = match_attr(vm, v, names->items[i], seen, cls, &a);
    if (r <= 0) return r == 0;
    if (!list_append(vm, found, a)) return false;
  }
  Tuple *res = tuple_new(vm, found->items, found->length);
  if (res) *out = v_from_obj(res);
  return res != NULL;
}

/* ---- module level ---- */

bool cold_annotations(VM *vm, Frame *f) {
  Value name = v_from_str(NAME(vm, __annotations__));
  if (v_failed(name)) return false;
  Value ns = f->func->code->flags & CODE_NAMESPACE ? frame_regs(f)[0] : v_from_obj(f->func->globals);
  if (v_is_exact(ns, &dict_type)) {
    int has = rt_contains(vm, ns, name);
    if (has) return has > 0;
  } else {
    if (!v_failed(rt_getitem(vm, ns, name))) return true;
    if (!rt_pending_is(vm, &exc_KeyError)) return false;
    (void)rt_take_exc(vm);
  }
  Dict *d = dict_new(vm);
  return d && cold_set_name(vm, ns, name, v_from_obj(d));
}
