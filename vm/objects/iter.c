/* Iterating in C: which objects can be iterated without script code, and the iterators of list and tuple. */
#include "vm/objects/containers_int.h"

Value iter_self(VM *vm, Value self) {
  (void)vm;
  return self;
}

/* Builtin containers: their `iter` and the iterator it makes run no script code. */
static bool is_container_layout(uint8_t layout) {
  switch (layout) {
  case LAY_LIST: case LAY_TUPLE: case LAY_DICT: case LAY_SET: case LAY_FROZENSET: case LAY_STR: case LAY_BYTES: case LAY_BYTEARRAY: case LAY_RANGE: return true;
  default: return false;
  }
}

/* Of a builtin type itself, and iterated without script code for ever, whatever a script changes. */
bool iter_is_c(Value x) {
  if (!v_is_obj(x) || type_is_heap(v_obj(x)->type)) return false;
  const Type *t = v_obj(x)->type;
  if (t->next) return v_absent(shell_engine(x));
  return t->iter && (is_container_layout(t->layout) || t == &dict_keys_type || t == &dict_values_type || t == &dict_items_type || t == &memoryview_type);
}

Value iter_c(VM *vm, Value x) {
  if (!v_is_obj(x)) return V_ABSENT;
  const Type *t = v_obj(x)->type;
  if (type_is_heap(t)) {
    if (!is_container_layout(t->layout) || !v_absent(attr_override(vm, t, NAME(vm, __iter__)))) return V_ABSENT;
  } else if (!iter_is_c(x)) {
    return V_ABSENT;
  } else if (t->next) {
    return x;
  }
  return t->iter(vm, x);
}

bool iter_is_iterable(VM *vm, Value x) {
  const Type *t = type_of(x);
  if (!type_is_heap(t)) return t->iter || t->next;
  Value m = rt_type_lookup(vm, t, NAME(vm, __iter__));
  if (v_absent(m)) return !v_absent(rt_type_lookup(vm, t, NAME(vm, __getitem__)));
  return !v_is_none(m);
}

Value iter_quick(VM *vm, Value x, bool *needs_script) {
  *needs_script = false;
  Value it = iter_c(vm, x);
  if (!v_absent(it)) return it;
  if (is_gen(x) && !type_is_heap(type_of(x)) && type_of(x)->iter) return x;
  if (!iter_is_iterable(vm, x)) return rt_raise(vm, &exc_TypeError, "'%T' object is not iterable", x);
  *needs_script = true;
  return V_ABSENT;
}

bool iter_gives_hint(VM *vm, Value x) {
  const Type *t = type_of(x);
  return type_is_heap(t) && (!v_absent(rt_type_lookup(vm, t, NAME(vm, __len__))) || !v_absent(rt_type_lookup(vm, t, NAME(vm, __length_hint__))));
}

Value native_value(VM *vm, const tiny_def *def) { return v_from_obj_or_fail(native_new(vm, def, NATIVE_FUNCTION, NULL, V_ABSENT, V_NONE)); }

Value retry_with_list(VM *vm, Args *a, int n, const Value *argv, int i) {
  if (!iter_is_iterable(vm, argv[i])) return rt_raise(vm, &exc_TypeError, "'%T' object is not iterable", argv[i]);
  List *l = list_new(vm, NULL, (size_t)n + 2);
  if (!l) return V_FAIL;
  l->items[0] = v_from_obj(a->self);
  l->items[1] = v_from_int62(i);
  memcpy(l->items + 2, argv, (size_t)n * sizeof(Value));
  return rt_tail_builtin(vm, "_call_with_list", n + 2, l->items);
}

/* ---- iterators over items by position ---- */

Value seq_iter_new(VM *vm, const Type *type, Value seq) {
  if (v_failed(seq)) return V_FAIL;
  SeqIter *it = gc_new(vm, type, sizeof(SeqIter));
  if (!it) return V_FAIL;
  gc_store(vm, it, &it->seq, seq);
  return v_from_obj(it);
}
static void seq_iter_trace(Tracer *t, Obj *o) { gc_mark(t, ((SeqIter *)o)->seq); }

static int list_next(VM *vm, Value self, Value *out) {
  (void)vm;
  SeqIter *it = (SeqIter *)v_obj(self);
  if (v_absent(it->seq)) return 0;
  List *l = v_list(it->seq);
  if (it->at < l->length) {
    *out = l->items[it->at++];
    return 1;
  }
  it->seq = V_ABSENT;
  return 0;
}
static int list_prev(VM *vm, Value self, Value *out) {
  (void)vm;
  SeqIter *it = (SeqIter *)v_obj(self);
  if (v_absent(it->seq)) return 0;
  List *l = v_list(it->seq);
  if (it->at > 0 && it->at <= l->length) {
    *out = l->items[--it->at];
    return 1;
  }
  it->seq = V_ABSENT;
  return 0;
}
static int tuple_next(VM *vm, Value self, Value *out) {
  (void)vm;
  SeqIter *it = (SeqIter *)v_obj(self);
  if (v_absent(it->seq)) return 0;
  Tuple *t = v_tuple(it->seq);
  if (it->at < t->length) {
    *out = t->items[it->at++];
    return 1;
  }
  it->seq = V_ABSENT;
  return 0;
}
/* reversed() of any builtin sequence: `at` is one past the next item. */
static int seq_prev(VM *vm, Value self, Value *out) {
  SeqIter *it = (SeqIter *)v_obj(self); /* a shell: `seq` may be an engine */
  if (v_absent(it->seq)) return 0;
  if (is_gen(it->seq)) return shell_next(vm, self, out);
  const Type *t = type_of(it->seq);
  if (it->at > 0 && (int64_t)it->at <= t->length(vm, it->seq)) {
    *out = t->getitem(vm, it->seq, v_from_int62((int64_t)--it->at));
    return v_failed(*out) ? -1 : 1;
  }
  it->seq = V_ABSENT;
  return 0;
}

#define ITER_TYPE(id, python_name, next_fn, more)                                                                                                      \
  const Type id##_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},                                                    \
                          .name = python_name,                                                                                                         \
                          .base = &object_type,                                                                                                        \
                          .layout = LAY_ITER,                                                                                                          \
                          .flags = TYPE_NO_NEW,                                                                                                        \
                          .shape_id = TYPE_ID_##id,                                                                                                    \
                          .size = sizeof(SeqIter),                                                                                                     \
                          .trace = seq_iter_trace,                                                                                                     \
                          .iter = iter_self,                                                                                                           \
                          .next = next_fn,                                                                                                             \
                          .methods = more}
ITER_TYPE(list_iter, "list_iterator", list_next, iter_forward_methods);
ITER_TYPE(list_reverse_iter, "list_reverseiterator", list_prev, iter_backward_methods);
ITER_TYPE(tuple_iter, "tuple_iterator", tuple_next, iter_forward_methods);

/* ---- iterators whose items need script code (stdlib/frozen/_iter.tiny) ---- */

void shell_trace(Tracer *t, Obj *o) { gc_mark(t, ((Shell *)o)->engine); }

Value shell_new(VM *vm, const Type *cls, Value engine) {
  Shell *s = v_failed(engine) ? NULL : gc_new(vm, cls, sizeof(Shell));
  if (!s) return V_FAIL;
  gc_store(vm, s, &s->engine, engine);
  return v_from_obj(s);
}

int shell_next(VM *vm, Value self, Value *item) { return rt_next(vm, ((Shell *)v_obj(self))->engine, item); }

/* These need no shell: there are no subclasses, and each is always a generator. */
static void gen_trace_as(Tracer *t, Obj *o) { generator_type.trace(t, o); }
#define ENGINE_TYPE(id, python_name, more)                                                                                                                 \
  const Type id##_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},                                                    \
                          .name = python_name,                                                                                                         \
                          .base = &object_type,                                                                                                        \
                          .layout = LAY_GEN,                                                                                                           \
                          .flags = TYPE_NO_NEW,                                                                                                        \
                          .shape_id = TYPE_ID_##id,                                                                                                    \
                          .size = sizeof(Gen),                                                                                                         \
                          .trace = gen_trace_as,                                                                                                       \
                          .iter = iter_self,                                                                                                           \
                          .methods = more}
ENGINE_TYPE(callable_iter, "callable_iterator", callable_iter_methods);
ENGINE_TYPE(seq_iter, "iterator", seq_iter_methods);

Value iter_callable_new(VM *vm, Value f, Value sentinel) {
  return gen_engine_new(vm, &callable_iter_type, "_callable_iter", 2, (Value[]){f, sentinel}, GEN_ENGINE_ENDS);
}
Value iter_getitem_new(VM *vm, Value obj) { return gen_engine_new(vm, &seq_iter_type, "_getitem_iter", 2, (Value[]){obj, v_from_int62(0)}, GEN_ENGINE_ENDS); }

/* ---- reversed ---- */

static Value reversed_from_length(VM *vm, Args *a) {
  return seq_iter_new(vm, (const Type *)v_obj(a->v[0]), gen_engine_new(vm, &generator_type, "_reversed_iter", 2, a->v + 1, GEN_ENGINE_ENDS));
}
static const tiny_def reversed_from_length_def = {"reversed", reversed_from_length, "(cls, sequence, length, /)", NULL};

static Value reversed_by_method(VM *vm, Value seq, Value method) {
  if (v_is_none(method)) return rt_raise(vm, &exc_TypeError, "'%T' object is not reversible", seq);
  Value fn, self;
  if (!attr_special(vm, seq, NAME(vm, __reversed__), &fn, &self)) return rt_raise(vm, &exc_TypeError, "'%T' object is not reversible", seq);
  return rt_tail_call(vm, fn, v_absent(self) ? 0 : 1, &self);
}

static Value reversed_make(VM *vm, const Type *cls, Args *a) {
  Value seq = a->v[0];
  const Type *t = type_of(seq);
  if (t == &list_type || t == &tuple_type) {
    Value it = seq_iter_new(vm, t == &list_type ? &list_reverse_iter_type : cls, seq);
    if (!v_failed(it)) ((SeqIter *)v_obj(it))->at = t == &list_type ? v_list(seq)->length : v_tuple(seq)->length;
    return it;
  }
  Value method = rt_type_lookup(vm, t, NAME(vm, __reversed__));
  if (!v_absent(method)) return reversed_by_method(vm, seq, method);
  bool builtin_sequence = t->layout == LAY_LIST || t->layout == LAY_TUPLE || t->layout == LAY_STR || t->layout == LAY_BYTES || t->layout == LAY_BYTEARRAY || t == &memoryview_type;
  if (builtin_sequence && (!type_is_heap(t) || (v_absent(attr_override(vm, t, NAME(vm, __getitem__))) && v_absent(attr_override(vm, t, NAME(vm, __len__)))))) {
    int64_t n = t->length(vm, seq);
    Value it = n < 0 ? V_FAIL : seq_iter_new(vm, cls, seq);
    if (!v_failed(it)) ((SeqIter *)v_obj(it))->at = (size_t)n;
    return it;
  }
  if (!type_is_heap(t) || t->layout == LAY_DICT || v_absent(rt_type_lookup(vm, t, NAME(vm, __getitem__)))) return rt_raise(vm, &exc_TypeError, "'%T' object is not reversible", seq);
  Value make = native_value(vm, &reversed_from_length_def);
  if (v_failed(make)) return V_FAIL;
  return rt_tail_builtin(vm, "_reversed_new", 3, (Value[]){make, v_from_obj(cls), seq});
}

const Type reversed_type = {
    .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type},
    .name = "reversed",
    .base = &object_type,
    .layout = LAY_SHELL,
    .flags = TYPE_BASE | TYPE_INIT_KEYWORDS,
    .shape_id = TYPE_ID_reversed,
    .size = sizeof(SeqIter),
    .doc = "Return a reverse iterator over the values of the given sequence.",
    .new_ = reversed_make,
    .new_sig = "(sequence, /)",
    .trace = seq_iter_trace,
    .iter = iter_self,
    .next = seq_prev,
    .methods = reversed_methods,
};
