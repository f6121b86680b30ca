/* State of iterators: what __reduce__, __setstate__ and __length_hint__ of the builtin iterators give and take, so that they can be copied and pickled. */
#include "vm/objects/containers_int.h"
#include "vm/objects/generator.h"
#include "vm/objects/module.h"
#include "vm/vm.h"

/* ---- results of __reduce__ ---- */

/* The function that rebuilds: a builtin by name, as the builtins module has it now. */
static Value builder(VM *vm, const char *name) {
  Str *s = str_intern(vm, name, strlen(name));
  Value f = s ? module_lookup(vm, vm->builtins->dict, s) : V_FAIL;
  return v_absent(f) ? rt_raise(vm, &exc_AttributeError, "%s", name) : f;
}

/* f: the builder; it is looked up before the iterator's state is read, since a script's key in the builtins may run code. V_FAIL in: V_FAIL out. */
static Value reduced(VM *vm, Value f, Value source, Value index) {
  Tuple *args = v_failed(f) || v_failed(source) || v_failed(index) ? NULL : tuple_new(vm, &source, 1);
  if (!args) return V_FAIL;
  Value parts[3] = {f, v_from_obj(args), index};
  return v_from_obj_or_fail(tuple_new(vm, parts, v_absent(index) ? 2 : 3));
}
Value iter_reduced(VM *vm, const char *name, Value source, Value index) { return reduced(vm, builder(vm, name), source, index); }

static Value empty_list(VM *vm) { return v_from_obj_or_fail(list_new(vm, NULL, 0)); }
static Value empty_tuple(VM *vm) { return v_from_obj_or_fail(tuple_new(vm, NULL, 0)); }

/* ---- iterators over items by position ---- */

static bool is_text(const Type *t) { return t == &str_iter_type || t == &str_ascii_iter_type; } /* `at` is a byte offset */
static bool is_backward(const Type *t) { return t == &list_reverse_iter_type || t == &reversed_type; }

static Value seq_reduce(VM *vm, Args *a) {
  SeqIter *it = (SeqIter *)v_obj(a->v[0]);
  const Type *t = it->head.type;
  bool back = is_backward(t) && !(t == &list_reverse_iter_type && v_absent(it->seq));
  Value f = builder(vm, back ? "reversed" : "iter");
  if (v_absent(it->seq) && t == &list_reverse_iter_type && back) f = builder(vm, "iter"); /* used up meanwhile */
  if (v_failed(f)) return V_FAIL;
  if (v_absent(it->seq)) {
    bool list = t == &list_iter_type || t == &list_reverse_iter_type;
    return reduced(vm, f, list ? empty_list(vm) : is_text(t) ? v_from_str(str_from(vm, "")) : empty_tuple(vm), V_ABSENT);
  }
  int64_t at = (int64_t)it->at - back;
  if (is_text(t)) at = (int64_t)utf8_count(v_str(it->seq)->data, it->at);
  return reduced(vm, f, it->seq, int_from_i64(vm, at));
}

/* The argument of __setstate__. [script] */
static bool state_arg(VM *vm, Value v, int64_t *out) {
  if (!is_int(v)) return rt_raise_b(vm, &exc_TypeError, "an integer is required");
  return int_to_i64(v, out) || rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C ssize_t");
}

static Value seq_setstate(VM *vm, Args *a) {
  int64_t at;
  if (!state_arg(vm, a->v[1], &at)) return V_FAIL;
  SeqIter *it = (SeqIter *)v_obj(a->v[0]);
  if (v_absent(it->seq)) return V_NONE;
  const Type *t = it->head.type;
  int64_t n = is_text(t) ? (int64_t)v_str(it->seq)->length : type_of(it->seq)->length(vm, it->seq);
  if (n < 0) return V_FAIL;
  if (is_backward(t)) at = at < -1 ? 0 : at >= n ? n : at + 1;
  else at = at < 0 ? 0 : at > n ? n : at;
  it->at = is_text(t) ? str_offset(vm, v_str(it->seq), (size_t)at) : (size_t)at;
  return V_NONE;
}

static Value forward_hint(VM *vm, Args *a) {
  SeqIter *it = (SeqIter *)v_obj(a->v[0]);
  if (v_absent(it->seq)) return v_from_int62(0);
  if (is_text(it->head.type)) return int_from_i64(vm, (int64_t)utf8_count(v_str(it->seq)->data + it->at, v_str(it->seq)->size - it->at));
  int64_t n = type_of(it->seq)->length(vm, it->seq);
  return v_from_int62(n > (int64_t)it->at ? n - (int64_t)it->at : 0);
}
static Value backward_hint(VM *vm, Args *a) {
  SeqIter *it = (SeqIter *)v_obj(a->v[0]);
  if (v_absent(it->seq)) return v_from_int62(0);
  int64_t n = type_of(it->seq)->length(vm, it->seq);
  return v_from_int62(n >= (int64_t)it->at ? (int64_t)it->at : 0);
}

#define HINT_DOC "Private method returning an estimate of len(list(it))."
#define REDUCE_DOC "Return state information for pickling."
#define SETSTATE_DOC "Set state information for unpickling."
const tiny_def iter_forward_methods[] = {{"__length_hint__", forward_hint, "(self, /)", HINT_DOC}, {"__reduce__", seq_reduce, "(self, /)", REDUCE_DOC},
                                         {"__setstate__", seq_setstate, "(self, state, /)", SETSTATE_DOC}, {0}};
const tiny_def iter_backward_methods[] = {{"__length_hint__", backward_hint, "(self, /)", HINT_DOC}, {"__reduce__", seq_reduce, "(self, /)", REDUCE_DOC},
                                          {"__setstate__", seq_setstate, "(self, state, /)", SETSTATE_DOC}, {0}};

/* ---- iterators over dicts and sets: the items still to come, as a list ---- */

Value iter_reduce_rest_m(VM *vm, Args *a) {
  Obj *it = v_obj(a->v[0]);
  Obj *copy = gc_new(vm, it->type, it->type->size);
  List *rest = copy ? list_new(vm, NULL, 0) : NULL;
  if (!rest) return V_FAIL;
  memcpy(copy + 1, it + 1, it->type->size - sizeof(Obj));
  Value item;
  int r;
  while ((r = it->type->next(vm, v_from_obj(copy), &item)) == 1) {
    if (!list_append(vm, rest, item)) return V_FAIL;
  }
  return r < 0 ? V_FAIL : iter_reduced(vm, "iter", v_from_obj(rest), V_ABSENT);
}

/* ---- iterators that are generators (stdlib/frozen/_iter.tiny): their state is in the first two registers of the suspended function ---- */

static bool gen_live(const Gen *g) { return gen_state(g) == GEN_CREATED || gen_state(g) == GEN_SUSPENDED; }
static Value *gen_regs(Value v) { return frame_regs(&v_gen(v)->frame); }

static Value callable_reduce(VM *vm, Args *a) {
  Value f = builder(vm, "iter");
  if (v_failed(f) || !gen_live(v_gen(a->v[0]))) return reduced(vm, f, empty_tuple(vm), V_ABSENT);
  Value *r = gen_regs(a->v[0]);
  Tuple *args = tuple_pair(vm, r[0], r[1]);
  return args ? v_from_obj_or_fail(tuple_pair(vm, f, v_from_obj(args))) : V_FAIL;
}
static Value getitem_reduce(VM *vm, Args *a) {
  Value f = builder(vm, "iter");
  if (v_failed(f) || !gen_live(v_gen(a->v[0]))) return reduced(vm, f, empty_tuple(vm), V_ABSENT);
  Value *r = gen_regs(a->v[0]);
  return reduced(vm, f, r[0], r[1]);
}
static Value reversed_reduce(VM *vm, Args *a) {
  Value f = builder(vm, "reversed");
  if (v_failed(f) || !gen_live(v_gen(a->v[0]))) return reduced(vm, f, empty_tuple(vm), V_ABSENT);
  Value *r = gen_regs(a->v[0]);
  return reduced(vm, f, r[0], int_binary(vm, TINY_SUB, r[1], v_from_int62(1)));
}

static Value getitem_setstate(VM *vm, Args *a) {
  int64_t at;
  if (!state_arg(vm, a->v[1], &at)) return V_FAIL;
  if (!gen_live(v_gen(a->v[0]))) return V_NONE;
  Value index = int_from_i64(vm, at < 0 ? 0 : at);
  if (v_failed(index)) return V_FAIL;
  gc_store(vm, v_gen(a->v[0]), &gen_regs(a->v[0])[1], index);
  return V_NONE;
}
static Value reversed_setstate(VM *vm, Args *a) {
  int64_t at;
  if (!state_arg(vm, a->v[1], &at)) return V_FAIL;
  if (!gen_live(v_gen(a->v[0]))) return V_NONE;
  int64_t n = rt_len(vm, gen_regs(a->v[0])[0]);
  if (n < 0) return V_FAIL;
  if (gen_live(v_gen(a->v[0]))) gen_regs(a->v[0])[1] = v_from_int62(at < -1 ? 0 : at >= n ? n : at + 1);
  return V_NONE;
}

/* How many items are left, by __len__. [script] */
static Value getitem_hint(VM *vm, Args *a) {
  if (!gen_live(v_gen(a->v[0]))) return v_from_int62(0);
  Value obj = gen_regs(a->v[0])[0], f, self;
  int64_t at = 0, n;
  if (!attr_special(vm, obj, NAME(vm, __len__), &f, &self)) return rt_pending(vm) ? V_FAIL : V_NOTIMPL;
  if ((n = rt_len(vm, obj)) < 0) return V_FAIL;
  if (!gen_live(v_gen(a->v[0])) || !int_to_i64(gen_regs(a->v[0])[1], &at)) return v_from_int62(0);
  return int_from_i64(vm, n > at ? n - at : 0);
}
static Value reversed_hint(VM *vm, Args *a) {
  if (!gen_live(v_gen(a->v[0]))) return v_from_int62(0);
  int64_t n = rt_len(vm, gen_regs(a->v[0])[0]), left = 0;
  if (n < 0) return V_FAIL;
  if (!gen_live(v_gen(a->v[0])) || !int_to_i64(gen_regs(a->v[0])[1], &left)) return v_from_int62(0);
  return v_from_int62(n < left ? 0 : left);
}

#define GEN_NEXT {"__next__", gen_next_m, "(self, /)", "Implement next(self)."}
const tiny_def callable_iter_methods[] = {GEN_NEXT, {"__reduce__", callable_reduce, "(self, /)", REDUCE_DOC}, {0}};
const tiny_def seq_iter_methods[] = {GEN_NEXT, {"__length_hint__", getitem_hint, "(self, /)", HINT_DOC}, {"__reduce__", getitem_reduce, "(self, /)", REDUCE_DOC},
                                     {"__setstate__", getitem_setstate, "(self, state, /)", SETSTATE_DOC}, {0}};

/* reversed: over a builtin sequence a SeqIter, else a shell around the generator. */
static bool by_engine(Args *a) {
  Value engine = shell_engine(a->v[0]);
  if (!v_absent(engine)) a->v[0] = engine;
  return !v_absent(engine);
}
static Value reversed_any_hint(VM *vm, Args *a) { return by_engine(a) ? reversed_hint(vm, a) : backward_hint(vm, a); }
static Value reversed_any_reduce(VM *vm, Args *a) { return by_engine(a) ? reversed_reduce(vm, a) : seq_reduce(vm, a); }
static Value reversed_any_setstate(VM *vm, Args *a) { return by_engine(a) ? reversed_setstate(vm, a) : seq_setstate(vm, a); }
const tiny_def reversed_methods[] = {{"__length_hint__", reversed_any_hint, "(self, /)", HINT_DOC}, {"__reduce__", reversed_any_reduce, "(self, /)", REDUCE_DOC},
                                     {"__setstate__", reversed_any_setstate, "(self, state, /)", SETSTATE_DOC}, {0}};
