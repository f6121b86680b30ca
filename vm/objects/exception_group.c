/* Exception groups (PEP 654): construction, derive, split, subgroup, and what except* needs. A condition that is a script function is applied by library code
 * (stdlib/frozen/_exception_group.tiny); conditions by type are done here, recursing along the nesting of groups under the C stack guard. */
#include "vm/objects/exception_int.h"
#include "vm/native.h"

static bool is_group(Value v) { return is_exception(v) && v_exc(v)->kind == EXK_GROUP; }
static Tuple *members(Value group) { return v_tuple(v_exc(group)->fields[EXF_GROUP_EXCS]); }

/* ---------------------------------------------------------------- construction */

/* The second argument as a tuple; NULL: exception pending. */
static Tuple *exceptions_arg(VM *vm, Value v) {
  Str *getitem = NAME(vm, __getitem__);
  if (!getitem) return NULL;
  if (is_dict(v) || is_anyset(v) || (!type_of(v)->getitem && v_absent(rt_type_lookup(vm, type_of(v), getitem)))) {
    rt_raise(vm, &exc_TypeError, "second argument (exceptions) must be a sequence");
    return NULL;
  }
  size_t n;
  const Value *items = seq_items(v, &n);
  if (!items) {
    Value list = rt_iter_to_list(vm, v);
    if (v_failed(list)) return NULL;
    items = v_list(list)->items;
    n = v_list(list)->length;
  }
  if (n == 0) {
    rt_raise(vm, &exc_ValueError, "second argument (exceptions) must be a non-empty sequence");
    return NULL;
  }
  for (size_t i = 0; i < n; i++)
    if (!is_exception(items[i])) {
      rt_raise(vm, &exc_ValueError, "Item %zd of second argument (exceptions) is not an exception", i);
      return NULL;
    }
  return v_is_exact(v, &tuple_type) ? v_tuple(v) : tuple_new(vm, items, n);
}

/* BaseExceptionGroup of nothing but Exceptions is an ExceptionGroup; an ExceptionGroup may hold nothing else. */
static const Type *choose_class(VM *vm, const Type *cls, const Tuple *excs) {
  bool nested_base = false;
  for (size_t i = 0; i < excs->length; i++) nested_base |= !rt_is_subtype(type_of(excs->items[i]), &exc_Exception);
  if (cls == &exc_BaseExceptionGroup) return nested_base ? cls : &exc_ExceptionGroup;
  if (!nested_base || !rt_is_subtype(cls, &exc_Exception)) return cls;
  if (cls == &exc_ExceptionGroup) rt_raise(vm, &exc_TypeError, "Cannot nest BaseExceptions in an ExceptionGroup");
  else rt_raise(vm, &exc_TypeError, "Cannot nest BaseExceptions in '%.200s'", cls->name);
  return NULL;
}

Value exc_group_new(VM *vm, const Type *cls, Tuple *args) {
  if (args->length != 2) return rt_raise(vm, &exc_TypeError, "BaseExceptionGroup.__new__() takes exactly 2 arguments (%zd given)", args->length);
  if (!is_str(args->items[0]))
    return rt_raise(vm, &exc_TypeError, "BaseExceptionGroup.__new__() argument 1 must be str, not %s", v_is_none(args->items[0]) ? "None" : type_of(args->items[0])->name);
  Tuple *excs = exceptions_arg(vm, args->items[1]);
  if (!excs || !(cls = choose_class(vm, cls, excs))) return V_FAIL;
  Exception *e = exc_alloc(vm, cls);
  if (!e) return V_FAIL;
  gc_store_obj(vm, e, &e->args, args);
  gc_store(vm, e, &e->fields[EXF_GROUP_MESSAGE], args->items[0]);
  gc_store(vm, e, &e->fields[EXF_GROUP_EXCS], v_from_obj(excs));
  return v_from_obj(e);
}

static Value new_group(VM *vm, Value message, Value excs) {
  Tuple *args = tuple_pair(vm, message, excs);
  return args ? exc_group_new(vm, &exc_BaseExceptionGroup, args) : V_FAIL;
}

static Value new_group_unnamed(VM *vm, Value excs) {
  Str *empty = str_new(vm, "", 0);
  return empty ? new_group(vm, v_from_obj(empty), excs) : V_FAIL;
}

Value exc_group_str(VM *vm, Exception *e) {
  size_t n = v_tuple(e->fields[EXF_GROUP_EXCS])->length;
  return rt_format(vm, "%S (%zd sub-exception%s)", e->fields[EXF_GROUP_MESSAGE], n, n == 1 ? "" : "s");
}

/* ---------------------------------------------------------------- deriving and splitting */

static Value derive_m(VM *vm, Args *a) {
  Tuple *args = v_tuple(a->v[1]);
  if (args->length != 1) return rt_raise(vm, &exc_TypeError, "function takes exactly 1 argument (%zd given)", args->length);
  return new_group(vm, v_exc(a->v[0])->fields[EXF_GROUP_MESSAGE], args->items[0]);
}

static Value call_derive(VM *vm, Value orig, Value excs) {
  Str *name = str_intern(vm, "derive", 6);
  if (!name) return V_FAIL;
  Value method = rt_type_lookup(vm, type_of(orig), name);
  if (v_is_exact(method, &native_method_type) && ((Native *)v_obj(method))->fn == derive_m) return new_group(vm, v_exc(orig)->fields[EXF_GROUP_MESSAGE], excs);
  return rt_call_method(vm, orig, name, 1, &excs);
}

/* A part of orig with these exceptions (a list): derive() makes it, traceback, cause, context and notes are orig's. None for no exceptions. */
static Value make_part(VM *vm, Value orig, List *excs) {
  if (excs->length == 0) return V_NONE;
  Value part = call_derive(vm, orig, v_from_obj(excs));
  if (v_failed(part)) return V_FAIL;
  if (!is_group(part)) return rt_raise(vm, &exc_TypeError, "derive must return an instance of BaseExceptionGroup");
  Exception *p = v_exc(part), *o = v_exc(orig);
  gc_store(vm, p, &p->traceback, o->traceback);
  gc_store(vm, p, &p->context, o->context);
  exc_set_cause(vm, part, o->cause);
  Str *notes = NAME(vm, __notes__);
  if (!notes) return V_FAIL;
  Value list = instance_get(vm, v_obj(orig), notes);
  if (v_absent(list)) return part;
  if (v_failed(list)) return V_FAIL;
  size_t n;
  const Value *items = seq_items(list, &n);
  if (!items) return part;
  List *copy = list_new(vm, items, n);
  return copy && instance_set(vm, v_obj(part), notes, v_from_obj(copy)) ? part : V_FAIL;
}

typedef struct Matcher {
  Value pattern;   /* class or tuple of classes */
  Dict *leaves;    /* or: keys are the addresses of wanted leaf exceptions */
  uint32_t depth;  /* of the nesting so far: bound by the recursion limit, as in CPython */
} Matcher;

static Value address_key(Value exc) { return v_from_int62((int64_t)(uintptr_t)v_obj(exc)); }

static int matches(VM *vm, const Matcher *m, Value exc) {
  if (!m->leaves) return exc_match(vm, exc, m->pattern);
  if (is_group(exc)) return 0;
  Value found = dict_get(vm, m->leaves, address_key(exc));
  return v_failed(found) ? -1 : !v_absent(found);
}

static bool split(VM *vm, Value exc, Matcher *m, Value *match, Value *rest);

static bool split_members(VM *vm, Value exc, Matcher *m, Value *match, Value *rest) {
  size_t mark = rt_temp_mark(vm);
  Value *slots = rt_temp(vm, 4); /* lists of matching and other members; results for one member */
  if (!slots) return false;
  for (int i = 0; i < 2; i++) {
    List *l = list_new(vm, NULL, 0);
    if (!l) return false;
    slots[i] = v_from_obj(l);
  }
  bool ok = true;
  for (size_t i = 0; ok && i < members(exc)->length; i++) {
    ok = split(vm, members(exc)->items[i], m, &slots[2], &slots[3]);
    for (int k = 0; ok && k < 2; k++)
      if (!v_is_none(slots[2 + k])) ok = list_append(vm, v_list(slots[k]), slots[2 + k]);
  }
  if (ok) {
    slots[2] = make_part(vm, exc, v_list(slots[0]));
    ok = !v_failed(slots[2]);
  }
  if (ok) {
    slots[3] = make_part(vm, exc, v_list(slots[1]));
    ok = !v_failed(slots[3]);
  }
  if (ok) {
    *match = slots[2];
    *rest = slots[3];
  }
  rt_temp_release(vm, mark);
  return ok;
}

/* match and rest are rooted by the caller. */
static bool split(VM *vm, Value exc, Matcher *m, Value *match, Value *rest) {
  *match = *rest = V_NONE;
  int hit = matches(vm, m, exc);
  if (hit < 0) return false;
  if (hit) *match = exc;
  else if (!is_group(exc)) *rest = exc;
  else {
    if (++m->depth > vm->recursion_limit) return rt_raise_b(vm, &exc_RecursionError, "maximum recursion depth exceeded in exceptiongroup_split_recursive");
    if (!rt_enter_c(vm, " in exceptiongroup_split_recursive")) return false;
    bool ok = split_members(vm, exc, m, match, rest);
    rt_leave_c(vm);
    m->depth--;
    return ok;
  }
  return true;
}

static bool is_exception_class(Value v) { return is_type(v) && rt_is_subtype((const Type *)v_obj(v), &exc_BaseException); }

/* 1: class or tuple of classes; 0: script function; -1: TypeError */
static int check_condition(VM *vm, Value c) {
  if (v_has_layout(c, LAY_FUNCTION)) return 0;
  if (is_exception_class(c)) return 1;
  bool ok = is_tuple(c);
  for (size_t i = 0; ok && i < v_tuple(c)->length; i++) ok = is_exception_class(v_tuple(c)->items[i]);
  return ok ? 1 : rt_raise_i(vm, &exc_TypeError, "expected a function, exception type or tuple of exception types");
}

static Value split_by(VM *vm, Args *a, const char *frozen, bool both) {
  int kind = check_condition(vm, a->v[1]);
  if (kind < 0) return V_FAIL;
  if (kind == 0) return rt_tail_builtin(vm, frozen, 2, a->v);
  Value *slots = rt_temp(vm, 2);
  Matcher m = {.pattern = a->v[1]};
  if (!slots || !split(vm, a->v[0], &m, &slots[0], &slots[1])) return V_FAIL;
  if (!both) return slots[0];
  Tuple *t = tuple_pair(vm, slots[0], slots[1]);
  return t ? v_from_obj(t) : V_FAIL;
}
static Value split_m(VM *vm, Args *a) { return split_by(vm, a, "_exception_group_split", true); }
static Value subgroup_m(VM *vm, Args *a) { return split_by(vm, a, "_exception_group_subgroup", false); }

/* For the library: make_part with a list of exceptions. */
static Value make_part_m(VM *vm, Args *a) { return is_list(a->v[1]) ? make_part(vm, a->v[0], v_list(a->v[1])) : rt_raise(vm, &exc_TypeError, "list expected"); }

static Value class_getitem_m(VM *vm, Args *a) { return generic_alias_new(vm, a->v[0], a->v[1]); }

const tiny_def exc_methods_GROUP[] = {
    {"derive", derive_m, "(self, /, *args)", NULL},
    {"split", split_m, "(self, condition, /) unpacked", NULL},
    {"subgroup", subgroup_m, "(self, condition, /) unpacked", NULL},
    {"_part", make_part_m, "(self, excs, /)", NULL},
    {"+__class_getitem__", class_getitem_m, "(cls, item, /)", "See PEP 585"},
    {0}};

static Value get_message(VM *vm, Value self) { return (void)vm, v_exc(self)->fields[EXF_GROUP_MESSAGE]; }
static Value get_exceptions(VM *vm, Value self) { return (void)vm, v_exc(self)->fields[EXF_GROUP_EXCS]; }
static bool read_only(VM *vm, Value self, Value v) {
  (void)self, (void)v;
  return rt_raise_b(vm, &exc_AttributeError, "readonly attribute");
}
const GetSet exc_getset_GROUP[] = {{"message", get_message, read_only, "exception message"}, {"exceptions", get_exceptions, read_only, "nested exceptions"}, {0}};

/* ---------------------------------------------------------------- except* */

static int check_star_pattern(VM *vm, Value pattern) {
  size_t n = is_tuple(pattern) ? v_tuple(pattern)->length : 1;
  const Value *items = is_tuple(pattern) ? v_tuple(pattern)->items : &pattern;
  for (size_t i = 0; i < n; i++)
    if (!is_exception_class(items[i])) return rt_raise_i(vm, &exc_TypeError, "catching classes that do not inherit from BaseException is not allowed");
  for (size_t i = 0; i < n; i++)
    if (rt_is_subtype((const Type *)v_obj(items[i]), &exc_BaseExceptionGroup))
      return rt_raise_i(vm, &exc_TypeError, "catching ExceptionGroup with except* is not allowed. Use except instead.");
  return 0;
}

bool exc_group_match(VM *vm, Value exc, Value pattern, Value *match, Value *rest) {
  *match = *rest = V_NONE;
  if (v_is_none(exc)) return true;
  if (check_star_pattern(vm, pattern) < 0) return false;
  if (is_group(exc)) {
    size_t mark = rt_temp_mark(vm);
    Value *slots = rt_temp(vm, 2);
    Matcher m = {.pattern = pattern};
    bool ok = slots && split(vm, exc, &m, &slots[0], &slots[1]);
    if (ok) {
      *match = slots[0];
      *rest = slots[1];
    }
    rt_temp_release(vm, mark);
    return ok;
  }
  int hit = exc_match(vm, exc, pattern);
  if (hit < 0) return false;
  if (!hit) {
    *rest = exc;
    return true;
  }
  Tuple *one = tuple_new(vm, &exc, 1); /* a naked exception is wrapped */
  if (!one) return false;
  *match = new_group_unnamed(vm, v_from_obj(one));
  return !v_failed(*match);
}

/* Was e split off orig unchanged? Then it was not raised anew. */
static bool same_origin(VM *vm, Value a, Value b) {
  const Exception *x = v_exc(a), *y = v_exc(b);
  Str *notes = NAME(vm, __notes__);
  if (!notes) return false;
  Value n = instance_get(vm, v_obj(a), notes), k = instance_get(vm, v_obj(b), notes);
  bool same_notes = v_same(n, k) || (is_list(n) && is_list(k) && v_list(n)->length == v_list(k)->length &&
                                     (v_list(n)->length == 0 || !memcmp(v_list(n)->items, v_list(k)->items, v_list(n)->length * sizeof(Value))));
  return same_notes && v_same(x->traceback, y->traceback) && v_same(x->cause, y->cause) && v_same(x->context, y->context);
}

static bool collect_leaves(VM *vm, Value exc, Dict *leaves) {
  if (!is_group(exc)) return dict_set(vm, leaves, address_key(exc), V_NONE);
  if (!rt_enter_c(vm, " in collect_exception_group_leaves")) return false;
  bool ok = true;
  for (size_t i = 0; ok && i < members(exc)->length; i++) ok = collect_leaves(vm, members(exc)->items[i], leaves);
  rt_leave_c(vm);
  return ok;
}

/* parts of orig, re-raised unchanged, as one group with orig's nesting */
static Value merge_unchanged(VM *vm, Value orig, List *parts, Value *slots) {
  if (parts->length == 0) return V_NONE;
  Dict *leaves = dict_new(vm);
  if (!leaves) return V_FAIL;
  slots[0] = v_from_obj(leaves);
  for (size_t i = 0; i < parts->length; i++)
    if (!collect_leaves(vm, parts->items[i], leaves)) return V_FAIL;
  Matcher m = {.leaves = leaves};
  return split(vm, orig, &m, &slots[1], &slots[2]) ? slots[1] : V_FAIL;
}

static Value prep(VM *vm, Value orig, List *parts, Value *slots) {
  List *raised = list_new(vm, NULL, 0), *unchanged = raised ? list_new(vm, NULL, 0) : NULL;
  if (!unchanged) return V_FAIL;
  slots[3] = v_from_obj(raised);
  slots[4] = v_from_obj(unchanged);
  for (size_t i = 0; i < parts->length; i++) {
    Value e = parts->items[i];
    if (v_is_none(e)) continue;
    if (!list_append(vm, is_group(e) && same_origin(vm, e, orig) ? unchanged : raised, e)) return V_FAIL;
  }
  Value rest = merge_unchanged(vm, orig, unchanged, slots);
  if (v_failed(rest) || raised->length == 0) return rest;
  if (!v_is_none(rest) && !list_append(vm, raised, rest)) return V_FAIL;
  if (raised->length == 1) return raised->items[0];
  return new_group_unnamed(vm, v_from_obj(raised));
}

Value exc_group_prep(VM *vm, Value orig, List *parts) {
  if (!is_group(orig)) { /* a naked exception: at most one clause ran */
    for (size_t i = 0; i < parts->length; i++)
      if (!v_is_none(parts->items[i])) return parts->items[i];
    return V_NONE;
  }
  size_t mark = rt_temp_mark(vm);
  Value *slots = rt_temp(vm, 5);
  Value result = slots ? prep(vm, orig, parts, slots) : V_FAIL;
  rt_temp_release(vm, mark);
  return result;
}
