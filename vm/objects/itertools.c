/* The iterators of module itertools that take other iterators, and count and repeat. Shells (iter.h): over iterators of C they make their items here, else a
 * generator of stdlib/frozen/_itertools.tiny does. Those that call a function, or add or test items of any type, always have such an engine. */
#include "vm/objects/iter_int.h"

/* Each of them is one of these. One with an engine keeps `its` for __reduce__ only. */
typedef struct Itertool {
  Shell shell;
  Tuple *its;              /* the iterators; zip_longest: None where one has ended */
  Value a, b;              /* count: number, step; cycle: list of what came, (none); chain: iterator over the iterables, the active one; zip_longest: fill value;
                              pairwise: the last item; repeat: the object. V_ABSENT: nothing yet or no more */
  int64_t at, next, stop, step; /* islice, as its __reduce__ shows them (stop -1: none); cycle: `at`, stop: its items have all come before; zip_longest: `at` iterators that go on; repeat: `at` left, -1: for ever */
} Itertool;

static Itertool *tool(Value v) { return (Itertool *)v_obj(v); }

static void tool_trace(Tracer *t, Obj *o) {
  Itertool *it = (Itertool *)o;
  shell_trace(t, o);
  gc_mark_obj(t, it->its);
  gc_mark(t, it->a);
  gc_mark(t, it->b);
}

static Itertool *tool_new(VM *vm, const Type *cls, Tuple *its, Value make_items) {
  Itertool *it = v_failed(make_items) ? NULL : gc_new(vm, cls, sizeof *it);
  if (!it) return NULL;
  it->its = its;
  it->shell.engine = make_items;
  it->a = it->b = V_ABSENT;
  return it;
}

static bool has_engine(Value v) { return !v_absent(tool(v)->shell.engine); }
static bool all_c(const Tuple *its) {
  for (size_t i = 0; i < its->length; i++)
    if (!is_c_iter(its->items[i])) return false;
  return true;
}
/* One that frozen code can loop over. */
static Value plain(VM *vm, Value it) { return is_plain_iter(it) ? it : iter_engine(vm, "_it_next", 1, &it); }

/* The engine of this name over the iterators (at most two), which come before the other parameters. ends: an exception that leaves it is its end. */
static Value engine_over(VM *vm, const char *name, const Tuple *its, int n_more, const Value *more, bool ends) {
  Value argv[6];
  int n = 0;
  for (size_t i = 0; i < its->length; i++)
    if (v_failed(argv[n++] = plain(vm, its->items[i]))) return V_FAIL;
  for (int i = 0; i < n_more; i++) argv[n++] = more[i];
  return ends ? gen_from_builtin(vm, &generator_type, name, n, argv) : iter_engine(vm, name, n, argv);
}

/* What __reduce__ would have to show is in the frame of the engine. */
static Value cannot_copy(VM *vm, Value self) { return rt_raise(vm, &exc_TypeError, "cannot pickle '%T' object", self); }

static bool int_arg(VM *vm, Value v, int64_t *out) {
  Value n = rt_index_obj(vm, v);
  if (v_failed(n)) return false;
  return int_to_i64(n, out) || rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C ssize_t");
}
static bool pair_part(VM *vm, Value state, int i, const Type *t) {
  Value v = v_tuple(state)->items[i];
  return rt_is_subtype(type_of(v), t) || rt_raise_b(vm, &exc_TypeError, "argument %d must be %s, not %T", i + 1, t->name, v);
}
bool iter_state_pair(VM *vm, Value state, const Type *t) {
  if (!is_tuple(state)) return rt_raise_b(vm, &exc_TypeError, "state is not a tuple");
  if (v_tuple(state)->length != 2) return rt_raise_b(vm, &exc_TypeError, "function takes exactly 2 arguments (%zd given)", (ptrdiff_t)v_tuple(state)->length);
  return pair_part(vm, state, 0, t);
}
bool iter_state_second(VM *vm, Value state, const Type *t) { return pair_part(vm, state, 1, t); }
static bool state_arg(VM *vm, Value v, int64_t *out) {
  if (!is_int(v)) return rt_raise_b(vm, &exc_TypeError, "an integer is required");
  return int_arg(vm, v, out);
}

/* The class's name alone. */
static Value short_name(const Type *t) { return type_is_heap(t) ? v_from_obj(type_class(t)->name) : V_ABSENT; }
static Value repr_of(VM *vm, Value self, const char *name, Value x, Value y) {
  Value cls = short_name(type_of(self));
  if (v_absent(cls) && v_failed(cls = v_from_str(str_from(vm, name)))) return V_FAIL;
  Value *keep = rt_temp(vm, 1);
  if (!keep) return V_FAIL;
  *keep = cls;
  return v_absent(y) ? rt_format(vm, "%S(%R)", cls, x) : rt_format(vm, "%S(%R, %R)", cls, x, y);
}

/* ---- count ---- */

static bool is_number(VM *vm, Value v) {
  if (is_int(v) || is_float(v) || v_has_layout(v, LAY_COMPLEX)) return true;
  const Type *t = type_of(v);
  return !v_absent(rt_type_lookup(vm, t, NAME(vm, __index__))) || !v_absent(rt_type_lookup(vm, t, NAME(vm, __int__))) || !v_absent(rt_type_lookup(vm, t, NAME(vm, __float__)));
}
static bool is_one(Value v) {
  int64_t n;
  return is_int(v) && int_to_i64(v, &n) && n == 1;
}
static Value count_make(VM *vm, const Type *cls, Args *a) {
  Value start = a->v[0], step = a->v[1];
  if (!is_number(vm, start) || !is_number(vm, step)) return rt_raise(vm, &exc_TypeError, "a number is required");
  int64_t n;
  if (is_one(step) && is_int(start) && int_to_i64(start, &n)) { /* True and the like count as numbers */
    start = int_from_i64(vm, n);
    step = v_from_int62(1);
  }
  bool in_c = !type_is_heap(type_of(start)) && !type_is_heap(type_of(step));
  Itertool *c = v_failed(start) ? NULL : tool_new(vm, cls, NULL, in_c ? V_ABSENT : iter_engine(vm, "_it_count", 2, (Value[]){start, step}));
  if (!c) return V_FAIL;
  c->a = start;
  c->b = step;
  return v_from_obj(c);
}
static int count_next(VM *vm, Value self, Value *out) {
  Itertool *c = tool(self);
  if (has_engine(self)) return shell_next(vm, self, out);
  Value at = c->a, next;
  int64_t sum = v_both_int(at, c->b) ? v_int(at) + v_int(c->b) : INT64_MAX; /* two numbers of 62 bits */
  next = int_fits62(sum) ? v_from_int62(sum) : rt_binary(vm, TINY_ADD, at, c->b);
  if (v_failed(next)) return -1;
  gc_store(vm, c, &c->a, next);
  *out = at;
  return 1;
}
static const Value *count_state(Value self) { return has_engine(self) ? engine_params(self) : &tool(self)->a; }
static Value count_repr(VM *vm, Value self) {
  Value n = count_state(self)[0], step = count_state(self)[1];
  return repr_of(vm, self, "count", n, is_one(step) ? V_ABSENT : step);
}
static Value count_reduce(VM *vm, Args *a) {
  const Value *state = count_state(a->v[0]);
  int64_t n;
  return iter_remade(vm, a->v[0], state, is_one(state[1]) && is_int(state[0]) && int_to_i64(state[0], &n) ? 1 : 2);
}

/* ---- repeat ---- */

static Value repeat_make(VM *vm, const Type *cls, Args *a) {
  int64_t times = -1;
  if (!v_absent(a->v[1]) && !int_arg(vm, a->v[1], &times)) return V_FAIL;
  Itertool *r = tool_new(vm, cls, NULL, V_ABSENT);
  if (!r) return V_FAIL;
  r->a = a->v[0];
  r->at = v_absent(a->v[1]) ? -1 : times < 0 ? 0 : times;
  return v_from_obj(r);
}
static int repeat_next(VM *vm, Value self, Value *out) {
  (void)vm;
  Itertool *r = tool(self);
  if (r->at == 0) return 0;
  if (r->at > 0) r->at--;
  *out = r->a;
  return 1;
}
static Value repeat_left(VM *vm, Value self) { return tool(self)->at < 0 ? V_ABSENT : int_from_i64(vm, tool(self)->at); }
static Value repeat_hint(VM *vm, Args *a) {
  Value n = repeat_left(vm, a->v[0]);
  return v_absent(n) ? rt_raise(vm, &exc_TypeError, "len() of unsized object") : n;
}
static Value repeat_repr(VM *vm, Value self) {
  Value n = repeat_left(vm, self);
  return v_failed(n) ? V_FAIL : repr_of(vm, self, "repeat", tool(self)->a, n);
}
static Value repeat_reduce(VM *vm, Args *a) {
  Value two[2] = {tool(a->v[0])->a, repeat_left(vm, a->v[0])};
  return v_failed(two[1]) ? V_FAIL : iter_remade(vm, a->v[0], two, v_absent(two[1]) ? 1 : 2);
}

/* ---- cycle ---- */

static Value cycle_build(VM *vm, Args *a) {
  Tuple *its = v_tuple(a->v[1]);
  Value saved = v_from_obj_or_fail(list_new(vm, NULL, 0));
  if (v_failed(saved)) return V_FAIL;
  Itertool *c = tool_new(vm, iter_class(a), its, all_c(its) ? V_ABSENT : engine_over(vm, "_it_cycle", its, 1, &saved, false));
  if (!c) return V_FAIL;
  c->a = saved;
  return v_from_obj(c);
}
static int cycle_next(VM *vm, Value self, Value *out) {
  Itertool *c = tool(self);
  if (has_engine(self)) return shell_next(vm, self, out);
  List *saved = v_list(c->a);
  if (c->its) {
    int r = source_next(vm, c->its->items[0], out);
    if (r == 1) return c->stop || list_append(vm, saved, *out) ? 1 : -1;
    if (r < 0) return -1;
    c->its = NULL;
  }
  if (c->at >= (int64_t)saved->length) c->at = 0; /* of __setstate__ the script may have the list, too */
  if (!saved->length) return 0;
  *out = saved->items[c->at++];
  return 1;
}
static const tiny_def cycle_build_def = {"cycle", cycle_build, "(with_, *iterators)", NULL};
static Value cycle_make(VM *vm, const Type *cls, Args *a) { return iter_combine(vm, &cycle_build_def, cls, V_NONE, a->v, 1); }

/* (class, (iterator,), (items so far, have all come)), as CPython has it: a copy begins by the rest of the turn. */
static Value cycle_reduce(VM *vm, Args *a) {
  Itertool *c = tool(a->v[0]);
  if (has_engine(a->v[0])) return cannot_copy(vm, c->shell.engine);
  List *saved = v_list(c->a), *all = list_new(vm, saved->items, saved->length);
  size_t at = (size_t)c->at < saved->length ? (size_t)c->at : 0;
  List *rest = list_new(vm, saved->items + at, saved->length - at);
  Value it = !all || !rest ? V_FAIL : c->its ? c->its->items[0] : seq_iter_new(vm, &list_iter_type, v_from_obj(rest));
  Value made = v_failed(it) ? V_FAIL : iter_remade(vm, a->v[0], &it, 1);
  Tuple *state = v_failed(made) ? NULL : tuple_pair(vm, v_from_obj(all), v_from_bool(!c->its || c->stop));
  if (!state) return V_FAIL;
  Value three[3] = {v_tuple(made)->items[0], v_tuple(made)->items[1], v_from_obj(state)};
  return v_from_obj_or_fail(tuple_new(vm, three, 3));
}
static Value cycle_setstate(VM *vm, Args *a) {
  Itertool *c = tool(a->v[0]);
  if (has_engine(a->v[0])) return cannot_copy(vm, c->shell.engine);
  if (!iter_state_pair(vm, a->v[1], &list_type)) return V_FAIL;
  Tuple *state = v_tuple(a->v[1]);
  int64_t all;
  if (!int_arg(vm, state->items[1], &all)) return V_FAIL;
  gc_store(vm, c, &c->a, state->items[0]);
  c->stop = all != 0;
  c->at = 0;
  return V_NONE;
}

/* ---- chain ---- */

/* A chain over the iterator `sources`, which gives iterables; active: the iterator to begin with, or V_ABSENT. */
static Value chain_over(VM *vm, const Type *cls, Value sources, Value active, bool in_c) {
  Tuple *its = v_absent(active) ? tuple_new(vm, &sources, 1) : tuple_pair(vm, sources, active);
  if (!its) return V_FAIL;
  Value two[2] = {V_ABSENT, v_absent(active) ? v_from_obj(tuple_new(vm, NULL, 0)) : active};
  if (!in_c && v_failed(two[0] = plain(vm, sources))) return V_FAIL;
  Itertool *c = tool_new(vm, cls, its, in_c ? V_ABSENT : gen_from_builtin(vm, &generator_type, "_it_chain", 2, two));
  if (!c) return V_FAIL;
  c->a = sources;
  c->b = active;
  return v_from_obj(c);
}
static Value chain_make(VM *vm, const Type *cls, Args *a) {
  Tuple *iterables = v_tuple(a->v[0]);
  bool in_c = true;
  for (size_t i = 0; i < iterables->length; i++) in_c = in_c && iter_is_c(iterables->items[i]);
  Value sources = seq_iter_new(vm, &tuple_iter_type, a->v[0]);
  return v_failed(sources) ? V_FAIL : chain_over(vm, cls, sources, V_ABSENT, in_c);
}
static int chain_next(VM *vm, Value self, Value *out) {
  Itertool *c = tool(self);
  if (has_engine(self)) return shell_next(vm, self, out);
  for (;;) {
    if (!v_absent(c->b)) {
      int r = source_next(vm, c->b, out);
      if (r != 0) return r;
      c->b = V_ABSENT;
    }
    Value iterable;
    if (iter_c_next(vm, c->a, &iterable) != 1) return 0;
    Value it = iter_c(vm, iterable);
    if (v_failed(it)) return -1;
    gc_store(vm, c, &c->b, it);
  }
}
static Value chain_from_build(VM *vm, Args *a) { return chain_over(vm, iter_class(a), v_tuple(a->v[1])->items[0], V_ABSENT, false); }
static const tiny_def chain_from_build_def = {"chain", chain_from_build, "(with_, *iterators)", NULL};
static Value chain_from(VM *vm, Args *a) { return iter_combine(vm, &chain_from_build_def, (const Type *)v_obj(a->v[0]), V_NONE, a->v + 1, 1); }

static Value chain_reduce(VM *vm, Args *a) {
  Itertool *c = tool(a->v[0]);
  if (has_engine(a->v[0])) return cannot_copy(vm, c->shell.engine);
  Tuple *none = tuple_new(vm, NULL, 0), *state = v_absent(c->b) ? tuple_new(vm, &c->a, 1) : tuple_pair(vm, c->a, c->b);
  Value cls = none && state ? rt_type_value(type_of(a->v[0])) : V_FAIL;
  if (v_failed(cls)) return V_FAIL;
  Value three[3] = {cls, v_from_obj(none), v_from_obj(state)};
  return v_from_obj_or_fail(tuple_new(vm, three, 3));
}
static bool is_iterator(VM *vm, Value v) { return type_of(v)->next || is_gen(v) || !v_absent(rt_type_lookup(vm, type_of(v), NAME(vm, __next__))); }
static Value chain_setstate(VM *vm, Args *a) {
  if (!is_tuple(a->v[1])) return rt_raise(vm, &exc_TypeError, "state is not a tuple");
  Tuple *state = v_tuple(a->v[1]);
  if (state->length == 0) return rt_raise(vm, &exc_TypeError, "function takes at least 1 argument (0 given)");
  if (state->length > 2) return rt_raise(vm, &exc_TypeError, "function takes at most 2 arguments (%zd given)", (ptrdiff_t)state->length);
  for (size_t i = 0; i < state->length; i++)
    if (!is_iterator(vm, state->items[i])) return rt_raise(vm, &exc_TypeError, "Arguments must be iterators.");
  Value active = state->length == 2 ? plain(vm, state->items[1]) : V_ABSENT;
  Value made = v_failed(active) ? V_FAIL : chain_over(vm, &itertools_chain_type, state->items[0], active, false);
  if (v_failed(made)) return V_FAIL;
  Itertool *c = tool(a->v[0]), *other = tool(made);
  gc_store(vm, c, &c->shell.engine, other->shell.engine);
  gc_store_obj(vm, c, &c->its, other->its);
  return V_NONE;
}

/* ---- islice ---- */

enum { START, STOP, STEP }; /* in the tuple that goes with it to islice_build */

static Value islice_build(VM *vm, Args *a) {
  Tuple *its = v_tuple(a->v[1]), *with = v_tuple(iter_with(a));
  Value more[3] = {with->items[START], v_int(with->items[STOP]) < 0 ? V_NONE : with->items[STOP], with->items[STEP]};
  bool in_c = all_c(its);
  Itertool *s = tool_new(vm, iter_class(a), its, in_c ? V_ABSENT : engine_over(vm, "_it_islice", its, 3, more, true));
  if (!s) return V_FAIL;
  int64_t *out[3] = {&s->next, &s->stop, &s->step};
  for (int i = 0; i < 3; i++)
    if (!int_to_i64(with->items[i], out[i])) return V_FAIL; /* they were made of an int64_t */
  return v_from_obj(s);
}
static const tiny_def islice_build_def = {"islice", islice_build, "(bounds, *iterators)", NULL};

/* -1: no number, or none that a position can be. A limit of the host goes through. */
static bool islice_bound(VM *vm, Value v, int64_t *out) {
  if (rt_index(vm, v, out)) return true;
  if (vm->limit_hit) return false;
  (void)rt_take_exc(vm);
  *out = -1;
  return true;
}
static Value islice_make(VM *vm, const Type *cls, Args *a) {
  Tuple *args = v_tuple(a->v[0]);
  int64_t start = 0, stop = -1, step = 1;
  size_t n = args->length;
  if (n < 2) return rt_raise(vm, &exc_TypeError, "islice expected at least 2 arguments, got %zd", (ptrdiff_t)n);
  if (n > 4) return rt_raise(vm, &exc_TypeError, "islice expected at most 4 arguments, got %zd", (ptrdiff_t)n);
  Value first = n > 2 ? args->items[1] : V_NONE, last = n > 2 ? args->items[2] : args->items[1], third = n > 3 ? args->items[3] : V_NONE;
  if (!v_is_none(first) && !islice_bound(vm, first, &start)) return V_FAIL;
  if (!v_is_none(last)) {
    if (!islice_bound(vm, last, &stop)) return V_FAIL;
    if (stop == -1) return rt_raise(vm, &exc_ValueError, "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
  }
  if (start < 0 || stop < -1) return rt_raise(vm, &exc_ValueError, "Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
  if (!v_is_none(third) && !islice_bound(vm, third, &step)) return V_FAIL;
  if (step < 1) return rt_raise(vm, &exc_ValueError, "Step for islice() must be a positive integer or None.");
  Value with[3] = {int_from_i64(vm, start), int_from_i64(vm, stop), int_from_i64(vm, step)};
  if (v_failed(with[START]) || v_failed(with[STOP]) || v_failed(with[STEP])) return V_FAIL;
  Tuple *bounds = tuple_new(vm, with, 3);
  return bounds ? iter_combine(vm, &islice_build_def, cls, v_from_obj(bounds), args->items, 1) : V_FAIL;
}
/* The source is dropped when the slice is over. */
static int islice_over(Itertool *s, int r) {
  s->its = NULL;
  return r;
}
static int islice_next(VM *vm, Value self, Value *out) {
  Itertool *s = tool(self);
  if (has_engine(self)) return shell_next(vm, self, out);
  if (!s->its) return 0;
  Value it = s->its->items[0];
  int r;
  for (; s->at < s->next; s->at++) {
    if ((s->at & 1023) == 1023 && !rt_charge(vm, 64)) return -1;
    if ((r = source_next(vm, it, out)) != 1) return islice_over(s, r);
  }
  if (s->stop >= 0 && s->at >= s->stop) return islice_over(s, 0);
  if ((r = source_next(vm, it, out)) != 1) return islice_over(s, r);
  s->at++;
  bool far = s->next > INT64_MAX - s->step || (s->stop >= 0 && s->next + s->step > s->stop);
  s->next = far ? (s->stop >= 0 ? s->stop : INT64_MAX) : s->next + s->step;
  return 1;
}
static Value islice_reduce(VM *vm, Args *a) {
  Itertool *s = tool(a->v[0]);
  if (has_engine(a->v[0])) return cannot_copy(vm, s->shell.engine);
  Value none = s->its ? V_NONE : v_from_obj_or_fail(list_new(vm, NULL, 0));
  Value four[4] = {s->its ? s->its->items[0] : v_failed(none) ? V_FAIL : seq_iter_new(vm, &list_iter_type, none), int_from_i64(vm, s->its ? s->next : 0),
                   !s->its ? v_from_int62(0) : s->stop < 0 ? V_NONE : int_from_i64(vm, s->stop), int_from_i64(vm, s->step)};
  for (int i = 0; i < 4; i++)
    if (v_failed(four[i])) return V_FAIL;
  Value made = iter_remade(vm, a->v[0], four, s->its ? 4 : 2), count = int_from_i64(vm, s->its ? s->at : 0);
  if (v_failed(made) || v_failed(count)) return V_FAIL;
  Value three[3] = {v_tuple(made)->items[0], v_tuple(made)->items[1], count};
  return v_from_obj_or_fail(tuple_new(vm, three, 3));
}
static Value islice_setstate(VM *vm, Args *a) {
  int64_t n;
  if (!state_arg(vm, a->v[1], &n)) return V_FAIL;
  tool(a->v[0])->at = n; /* below 0: so many more are skipped */
  return V_NONE;
}

/* ---- pairwise ---- */

static Value pairwise_build(VM *vm, Args *a) {
  Tuple *its = v_tuple(a->v[1]);
  return v_from_obj_or_fail(tool_new(vm, iter_class(a), its, all_c(its) ? V_ABSENT : engine_over(vm, "_it_pairwise", its, 0, NULL, true)));
}
static const tiny_def pairwise_build_def = {"pairwise", pairwise_build, "(with_, *iterators)", NULL};
static Value pairwise_make(VM *vm, const Type *cls, Args *a) { return iter_combine(vm, &pairwise_build_def, cls, V_NONE, a->v, 1); }

static int pairwise_next(VM *vm, Value self, Value *out) {
  Itertool *p = tool(self);
  if (has_engine(self)) return shell_next(vm, self, out);
  if (!p->its) return 0;
  Value it = p->its->items[0], item;
  int r = 1;
  if (v_absent(p->a) && (r = source_next(vm, it, &item)) == 1) gc_store(vm, p, &p->a, item);
  if (r == 1) r = source_next(vm, it, &item);
  if (r != 1) {
    p->a = V_ABSENT;
    p->its = NULL;
    return r;
  }
  Tuple *pair = tuple_pair(vm, p->a, item);
  if (!pair) return -1;
  gc_store(vm, p, &p->a, item);
  *out = v_from_obj(pair);
  return 1;
}

/* ---- zip_longest ---- */

static Value longest_build(VM *vm, Args *a) {
  Tuple *its = v_tuple(a->v[1]);
  Value two[2] = {a->v[1], iter_with(a)};
  Itertool *z = tool_new(vm, iter_class(a), its, all_c(its) ? V_ABSENT : gen_from_builtin(vm, &generator_type, "_it_zip_longest", 2, two));
  if (!z) return V_FAIL;
  z->a = two[1];
  z->at = (int64_t)its->length;
  return v_from_obj(z);
}
static const tiny_def longest_build_def = {"zip_longest", longest_build, "(fillvalue, *iterators)", NULL};
static Value zip_longest_make(VM *vm, const Type *cls, Args *a) {
  Tuple *iterables = v_tuple(a->v[0]);
  Dict *kw = v_dict(a->v[1]);
  Value fill = kw->used ? dict_get_c(vm, kw, "fillvalue") : V_NONE;
  if (v_failed(fill)) return V_FAIL;
  if (v_absent(fill) || kw->used > 1) return rt_raise(vm, &exc_TypeError, "zip_longest() got an unexpected keyword argument");
  return iter_combine(vm, &longest_build_def, cls, fill, iterables->items, iterables->length);
}
static int longest_next(VM *vm, Value self, Value *out) {
  Itertool *z = tool(self);
  if (has_engine(self)) return shell_next(vm, self, out);
  if (!z->at) return 0;
  size_t n = z->its->length;
  Tuple *row = tuple_new(vm, NULL, n);
  if (!row) return -1;
  for (size_t i = 0; i < n; i++) {
    Value it = z->its->items[i];
    int r = v_is_none(it) ? 0 : source_next(vm, it, &row->items[i]);
    if (r == 1) continue;
    row->items[i] = z->a;
    if (v_is_none(it)) continue;
    z->at = r < 0 ? 0 : z->at - 1;
    if (!z->at) return r;
    z->its->items[i] = V_NONE; /* nobody else has this tuple: __reduce__ copies it */
  }
  *out = v_from_obj(row);
  return 1;
}
static Value longest_reduce(VM *vm, Args *a) {
  Itertool *z = tool(a->v[0]);
  if (has_engine(a->v[0])) return cannot_copy(vm, z->shell.engine);
  Tuple *its = tuple_new(vm, z->its->items, z->its->length), *none = tuple_new(vm, NULL, 0);
  Value cls = its && none ? rt_type_value(type_of(a->v[0])) : V_FAIL;
  if (v_failed(cls)) return V_FAIL;
  for (size_t i = 0; i < its->length; i++)
    if (v_is_none(its->items[i])) its->items[i] = v_from_obj(none);
  Value three[3] = {cls, v_from_obj(its), z->a};
  return v_from_obj_or_fail(tuple_new(vm, three, 3));
}
static Value longest_setstate(VM *vm, Args *a) {
  Itertool *z = tool(a->v[0]);
  if (has_engine(a->v[0])) return cannot_copy(vm, z->shell.engine);
  gc_store(vm, z, &z->a, a->v[1]);
  return V_NONE;
}

/* ---- those that are an engine always ---- */

enum { STARMAP, TAKEWHILE, DROPWHILE, FILTERFALSE, FILTERFALSE_NONE, COMPRESS, ACCUMULATE };
static const char *const kinds[] = {"_it_starmap", "_it_takewhile", "_it_dropwhile", "_it_filterfalse", "_it_filterfalse_none", "_it_compress", "_it_accumulate"};

/* with: which one, then the engine's parameters behind the iterators. */
static Value engined_build(VM *vm, Args *a) {
  Tuple *its = v_tuple(a->v[1]), *with = v_tuple(iter_with(a));
  return v_from_obj_or_fail(tool_new(vm, iter_class(a), its, engine_over(vm, kinds[v_int(with->items[0])], its, (int)with->length - 1, with->items + 1, false)));
}
static const tiny_def engined_build_def = {"itertools", engined_build, "(with_, *iterators)", NULL};
static Value engined(VM *vm, const Type *cls, int kind, const Value *its, size_t n_its, const Value *more, int n_more) {
  Value with[4] = {v_from_int62(kind)};
  for (int i = 0; i < n_more; i++) with[i + 1] = more[i];
  Tuple *t = tuple_new(vm, with, (size_t)n_more + 1);
  return t ? iter_combine(vm, &engined_build_def, cls, v_from_obj(t), its, n_its) : V_FAIL;
}
static Value starmap_make(VM *vm, const Type *cls, Args *a) { return engined(vm, cls, STARMAP, a->v + 1, 1, a->v, 1); }
static Value takewhile_make(VM *vm, const Type *cls, Args *a) { return engined(vm, cls, TAKEWHILE, a->v + 1, 1, (Value[]){a->v[0], V_FALSE}, 2); }
static Value dropwhile_make(VM *vm, const Type *cls, Args *a) { return engined(vm, cls, DROPWHILE, a->v + 1, 1, (Value[]){a->v[0], V_FALSE}, 2); }
static Value filterfalse_make(VM *vm, const Type *cls, Args *a) {
  bool truth = v_is_none(a->v[0]) || (v_is_obj(a->v[0]) && v_obj(a->v[0]) == (const Obj *)&bool_type);
  return engined(vm, cls, truth ? FILTERFALSE_NONE : FILTERFALSE, a->v + 1, 1, a->v, 1);
}
static Value compress_make(VM *vm, const Type *cls, Args *a) { return engined(vm, cls, COMPRESS, a->v, 2, NULL, 0); }
static Value accumulate_make(VM *vm, const Type *cls, Args *a) {
  Value more[3] = {a->v[1], a->v[2], v_from_int62(v_is_none(a->v[2]) ? 0 : 1)};
  return engined(vm, cls, ACCUMULATE, a->v, 1, more, 3);
}

/* (class, (function, iterator)); with a third part, the flag, for takewhile and dropwhile. */
static Value function_reduce(VM *vm, Args *a) {
  Value two[2] = {engine_params(a->v[0])[1], tool(a->v[0])->its->items[0]};
  return iter_remade(vm, a->v[0], two, 2);
}
static Value flag_reduce(VM *vm, Args *a) {
  Value made = function_reduce(vm, a);
  if (v_failed(made)) return V_FAIL;
  Value three[3] = {v_tuple(made)->items[0], v_tuple(made)->items[1], engine_params(a->v[0])[2]};
  return v_from_obj_or_fail(tuple_new(vm, three, 3));
}
static Value flag_setstate(VM *vm, Args *a) {
  int on = rt_truth(vm, a->v[1]);
  if (on < 0) return V_FAIL;
  engine_params(a->v[0])[2] = v_from_bool(on);
  return V_NONE;
}
/* A chain of one more item before the iterator. */
static Value item_before(VM *vm, Value item, Value it) {
  List *l = list_new(vm, &item, 1);
  Tuple *two = l ? tuple_pair(vm, v_from_obj(l), it) : NULL;
  Value sources = two ? seq_iter_new(vm, &tuple_iter_type, v_from_obj(two)) : V_FAIL;
  return v_failed(sources) ? V_FAIL : chain_over(vm, &itertools_chain_type, sources, V_ABSENT, is_c_iter(it));
}
/* As CPython: a state of None says that nothing was given, so a total of None needs another form. */
static Value accumulate_reduce(VM *vm, Args *a) {
  Value *p = engine_params(a->v[0]), two[2] = {tool(a->v[0])->its->items[0], p[1]}, total = p[2];
  int64_t stage = v_int(p[3]);
  bool before = stage == 1 || (stage == 2 && v_is_none(total));
  if (before && v_failed(two[0] = item_before(vm, total, two[0]))) return V_FAIL;
  Value made = iter_remade(vm, a->v[0], two, 2);
  if (v_failed(made)) return V_FAIL;
  if (stage == 2 && v_is_none(total)) {
    Value copy = engined(vm, &itertools_accumulate_type, ACCUMULATE, two, 1, (Value[]){two[1], V_NONE, v_from_int62(0)}, 3);
    Value three[3] = {copy, v_from_int62(1), V_NONE};
    Tuple *args = v_failed(copy) ? NULL : tuple_new(vm, three, 3);
    return args ? v_from_obj_or_fail(tuple_pair(vm, rt_type_value(&itertools_islice_type), v_from_obj(args))) : V_FAIL;
  }
  Value three[3] = {v_tuple(made)->items[0], v_tuple(made)->items[1], stage == 2 ? total : V_NONE};
  return v_from_obj_or_fail(tuple_new(vm, three, 3));
}
static Value accumulate_setstate(VM *vm, Args *a) {
  Value *p = engine_params(a->v[0]);
  gc_store(vm, v_gen(shell_engine(a->v[0])), &p[2], a->v[1]);
  p[3] = v_from_int62(2);
  return V_NONE;
}
static Value compress_reduce(VM *vm, Args *a) { return iter_remade(vm, a->v[0], tool(a->v[0])->its->items, 2); }

/* ---- the types ---- */

#define TOOL(id, more_flags, next_fn, sig, text, ...)                                                                                                                            \
  const Type itertools_##id##_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "itertools." #id, .module = "itertools",     \
    .layout = LAY_SHELL, .flags = TYPE_BASE | (more_flags), .base = &object_type, .iter = iter_self, .size = sizeof(Itertool), .trace = tool_trace,            \
    .shape_id = TYPE_ID_itertools_##id, .new_ = id##_make, .new_sig = sig, .next = next_fn, .doc = text, __VA_ARGS__}
#define METHODS(...) .methods = (const tiny_def[]){__VA_ARGS__, {0}}

TOOL(count, 0, count_next, "(start=0, step=1)", "The numbers start, start + step, start + 2 * step and so on.", METHODS(REDUCE(count_reduce)), .repr = count_repr);
TOOL(repeat, 0, repeat_next, "(object, times=...)", "The object, again and again or the given number of times.", .repr = repeat_repr,
     METHODS(REDUCE(repeat_reduce), {"__length_hint__", repeat_hint, "(self, /)", "Private method returning an estimate of len(list(it))."}));
TOOL(cycle, TYPE_INIT_KEYWORDS, cycle_next, "(iterable, /)", "The items of the iterable, then the same items again without end.", METHODS(REDUCE(cycle_reduce), SETSTATE(cycle_setstate)));
TOOL(chain, TYPE_INIT_KEYWORDS, chain_next, "(*iterables)", "The items of the first iterable, then those of the next one, and so on.",
     METHODS(REDUCE(chain_reduce), SETSTATE(chain_setstate), CLASS_GETITEM, {"+from_iterable", chain_from, "(cls, iterable, /)", "A chain of the iterables that an iterable gives."}));
TOOL(islice, TYPE_INIT_KEYWORDS, islice_next, "(*args)", "islice(iterable, stop), islice(iterable, start, stop[, step]): the items that a slice of a list would have.",
     METHODS(REDUCE(islice_reduce), SETSTATE(islice_setstate)));
TOOL(pairwise, TYPE_INIT_KEYWORDS, pairwise_next, "(iterable, /)", "Each item with the one that follows it.", .methods = NULL);
TOOL(zip_longest, 0, longest_next, "(*iterables, **kwargs)", "As zip(), up to the end of the longest iterable.", METHODS(REDUCE(longest_reduce), SETSTATE(longest_setstate)));
TOOL(starmap, TYPE_INIT_KEYWORDS, shell_next, "(function, iterable, /)", "function(*args) for each args of the iterable.", METHODS(REDUCE(function_reduce)));
TOOL(takewhile, TYPE_INIT_KEYWORDS, shell_next, "(predicate, iterable, /)", "The items up to the first for which the predicate is false.", METHODS(REDUCE(flag_reduce), SETSTATE(flag_setstate)));
TOOL(dropwhile, TYPE_INIT_KEYWORDS, shell_next, "(predicate, iterable, /)", "The items from the first on for which the predicate is false.", METHODS(REDUCE(flag_reduce), SETSTATE(flag_setstate)));
TOOL(filterfalse, TYPE_INIT_KEYWORDS, shell_next, "(function, iterable, /)", "The items for which the function is false; None: those that are false.", METHODS(REDUCE(function_reduce)));
TOOL(compress, 0, shell_next, "(data, selectors)", "The items of data whose selector is true.", METHODS(REDUCE(compress_reduce)));
TOOL(accumulate, 0, shell_next, "(iterable, func=None, *, initial=None)", "Sums, or what a function of two arguments makes of the last result and the next item.",
     METHODS(REDUCE(accumulate_reduce), SETSTATE(accumulate_setstate)));
