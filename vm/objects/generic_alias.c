/* list[int] (PEP 585) and int | str (PEP 604): objects that stand for types in annotations, isinstance and class statements.
 * Substitution of type variables is library code (_alias_getitem in stdlib/frozen/_class.tiny). */
#include "vm/vm.h"
#include "vm/attr.h"
#include "vm/objects/class.h"
#include "vm/objects/iter.h"
#include "vm/objects/shape.h"
#include "vm/type_ids.h"

static GenericAlias *as_alias(Value v) { return (GenericAlias *)v_obj(v); }
static bool is_alias(Value v) { return v_has_layout(v, LAY_OTHER) && type_builtin_base(v_obj(v)->type) == &generic_alias_type; }
static bool is_union(Value v) { return v_is_exact(v, &union_type); }

static void alias_trace(Tracer *t, Obj *o) {
  const GenericAlias *g = (const GenericAlias *)o;
  gc_mark(t, g->origin);
  gc_mark_obj(t, g->args);
  gc_mark_obj(t, g->params);
}

/* ---------------------------------------------------------------- parameters: the type variables among the arguments */

static bool add_once(VM *vm, List *list, Value v) {
  for (size_t i = 0; i < list->length; i++)
    if (v_same(list->items[i], v)) return true;
  return list_append(vm, list, v);
}

/* One argument: a type variable is one that says how it is substituted; others may have parameters of their own. [script] */
static bool add_params(VM *vm, List *list, Value arg) {
  if (!v_is_obj(arg) || is_type(arg)) return true;
  Str *subst = str_intern(vm, "__typing_subst__", 16);
  Value v = subst ? rt_getattr_opt(vm, arg, subst) : V_FAIL;
  if (v_failed(v)) return false;
  if (!v_absent(v)) return add_once(vm, list, arg);
  v = rt_getattr_opt(vm, arg, NAME(vm, __parameters__));
  if (v_failed(v)) return false;
  for (size_t i = 0; is_tuple(v) && i < v_tuple(v)->length; i++)
    if (!add_once(vm, list, v_tuple(v)->items[i])) return false;
  return true;
}

static Tuple *params_of(VM *vm, GenericAlias *g) {
  if (g->params) return g->params;
  List *list = list_new(vm, NULL, 0);
  Value *keep = rt_temp(vm, 1);
  if (!list || !keep) return NULL;
  *keep = v_from_obj(list);
  for (size_t i = 0; i < g->args->length; i++)
    if (!add_params(vm, list, g->args->items[i])) return NULL;
  Tuple *t = tuple_new(vm, list->items, list->length);
  if (t) gc_store_obj(vm, g, &g->params, t);
  return t;
}

/* ---------------------------------------------------------------- making */

static Value alias_make(VM *vm, const Type *type, Value origin, Value args) {
  Tuple *t = is_tuple(args) ? v_tuple(args) : tuple_new(vm, &args, 1);
  GenericAlias *g = t ? gc_new(vm, type, sizeof *g) : NULL;
  if (!g) return V_FAIL;
  gc_store(vm, g, &g->origin, origin);
  gc_store_obj(vm, g, &g->args, t);
  return v_from_obj(g);
}
Value generic_alias_new(VM *vm, Value origin, Value args) { return alias_make(vm, &generic_alias_type, origin, args); }

/* *C[args] (PEP 646): the alias once, starred. */
static Value alias_iter(VM *vm, Value self) {
  Value starred = alias_make(vm, v_obj(self)->type, as_alias(self)->origin, v_from_obj(as_alias(self)->args));
  if (v_failed(starred)) return V_FAIL;
  as_alias(starred)->starred = true;
  Tuple *once = tuple_new(vm, &starred, 1);
  return once ? seq_iter_new(vm, &tuple_iter_type, v_from_obj(once)) : V_FAIL;
}

static Value alias_new_slot(VM *vm, const Type *cls, Args *a) { return alias_make(vm, cls, a->v[0], a->v[1]); }

/* ---------------------------------------------------------------- text */

static bool add_text(VM *vm, Buf *b, Value v) {
  if (!v_failed(v)) buf_add(b, v_str(v)->data, v_str(v)->size);
  return !v_failed(v) && (!b->failed || (rt_no_memory(vm), false));
}

/* What has a qualified name by that and its module, others by repr. [script] */
static bool add_item(VM *vm, Buf *b, Value v) {
  if (v_same(v, V_ELLIPSIS)) return buf_str(b, "..."), true;
  if (!v_is_obj(v)) return add_text(vm, b, rt_repr(vm, v));
  Value origin = rt_getattr_opt(vm, v, NAME(vm, __origin__)), args = v_failed(origin) || v_absent(origin) ? V_ABSENT : rt_getattr_opt(vm, v, NAME(vm, __args__));
  if (v_failed(origin) || v_failed(args)) return false;
  if (!v_absent(args)) return add_text(vm, b, rt_repr(vm, v));
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1), module;
  if (!keep || v_failed(*keep = rt_getattr_opt(vm, v, NAME(vm, __qualname__))) || v_failed(module = rt_getattr_opt(vm, v, NAME(vm, __module__)))) return false;
  Value name = *keep;
  rt_temp_release(vm, mark);
  if (v_absent(name) || v_absent(module) || v_is_none(module)) return add_text(vm, b, rt_repr(vm, v));
  if (!is_str(module) || !str_eq_c(v_str(module), "builtins")) {
    if (!add_text(vm, b, rt_str(vm, module))) return false;
    buf_char(b, '.');
  }
  return add_text(vm, b, rt_str(vm, name));
}

static Value alias_repr(VM *vm, Value self) {
  GenericAlias *g = as_alias(self);
  Buf b;
  buf_init(&b, &vm->mem);
  if (!rt_enter_c(vm, " while getting the repr of an object")) return V_FAIL;
  if (g->starred) buf_char(&b, '*');
  bool ok = add_item(vm, &b, g->origin);
  buf_char(&b, '[');
  for (size_t i = 0; ok && i < g->args->length; i++) {
    if (i) buf_str(&b, ", ");
    ok = add_item(vm, &b, g->args->items[i]);
  }
  if (!g->args->length) buf_str(&b, "()");
  buf_char(&b, ']');
  rt_leave_c(vm);
  if (ok) return v_from_str(str_from_buf(vm, &b));
  buf_free(&b);
  return V_FAIL;
}

static Value union_repr(VM *vm, Value self) {
  GenericAlias *g = as_alias(self);
  Buf b;
  buf_init(&b, &vm->mem);
  for (size_t i = 0; i < g->args->length; i++) {
    if (i) buf_str(&b, " | ");
    bool none = v_same(g->args->items[i], rt_type_value(&none_type));
    if (none) buf_str(&b, "None");
    else if (!add_item(vm, &b, g->args->items[i])) {
      buf_free(&b);
      return V_FAIL;
    }
  }
  return v_from_str(str_from_buf(vm, &b));
}

/* ---------------------------------------------------------------- slots */

static bool alias_hash(VM *vm, Value self, int64_t *out) {
  int64_t a, b;
  if (!rt_enter_c(vm, "")) return false;
  bool ok = rt_hash(vm, as_alias(self)->origin, &a) && rt_hash(vm, v_from_obj(as_alias(self)->args), &b);
  rt_leave_c(vm);
  if (!ok) return false;
  *out = a ^ b;
  if (*out == -1) *out = -2;
  return true;
}
static Value alias_compare(VM *vm, Value a, Value b, Compare op) {
  if (!is_alias(a) || !is_alias(b) || (op != CO_EQ && op != CO_NE)) return V_NOTIMPL;
  bool same;
  if (as_alias(a)->starred != as_alias(b)->starred) return v_from_bool(op == CO_NE);
  if (!rt_enter_c(vm, " in comparison")) return V_FAIL;
  bool ok = rt_eq(vm, as_alias(a)->origin, as_alias(b)->origin, &same);
  ok = ok && (!same || rt_eq(vm, v_from_obj(as_alias(a)->args), v_from_obj(as_alias(b)->args), &same));
  rt_leave_c(vm);
  if (!ok) return V_FAIL;
  return v_from_bool(same == (op == CO_EQ));
}
/* Instances know the alias that was called, where they take the attribute. [script] */
static Value then_orig_class(VM *vm, Value alias, tiny_outcome how, Value made) {
  if (how == TINY_RAISED) return rt_raise_obj(vm, made);
  Value *keep = rt_temp(vm, 1);
  Str *name = str_intern(vm, "__orig_class__", 14);
  if (!keep || !name) return V_FAIL;
  *keep = made;
  if (rt_setattr(vm, made, name, alias)) return made;
  if (!rt_pending_is(vm, &exc_AttributeError) && !rt_pending_is(vm, &exc_TypeError)) return V_FAIL;
  tiny_clear_error(vm);
  return made;
}
static Value alias_call(VM *vm, Value self, Args *a) {
  int n = a->n + (v_absent(a->kwnames) ? 0 : (int)v_tuple(a->kwnames)->length);
  Value origin = as_alias(self)->origin;
  bool plain = is_type(origin) && !type_is_heap((const Type *)v_obj(origin));
  Value r = plain ? rt_tail_call(vm, origin, n, a->v) : tiny_then_call(vm, then_orig_class, self, origin, n, a->v);
  if (v_same(r, V_TAILCALL)) vm->tail.kwnames = a->kwnames;
  return r;
}
/* All but a few names are those of the origin. */
static Value alias_getattr(VM *vm, Value self, Str *name) {
  static const char *const own[] = {"__class__", "__bases__", "__origin__", "__args__", "__unpacked__", "__parameters__", "__typing_unpacked_tuple_args__", "__mro_entries__",
      "__reduce_ex__", "__reduce__", "__copy__", "__deepcopy__", "__orig_class__"};
  bool mine = false;
  for (size_t i = 0; i < sizeof own / sizeof *own && !mine; i++) mine = str_eq_c(name, own[i]);
  if (!mine) {
    if (!rt_enter_c(vm, "")) return V_FAIL;
    Value v = rt_getattr_opt(vm, as_alias(self)->origin, name);
    rt_leave_c(vm);
    if (!v_absent(v)) return v;
  }
  Value v = rt_type_lookup(vm, type_of(self), name), out;
  if (v_absent(v)) return V_ABSENT;
  AttrCall call;
  int r = attr_bind(vm, v, self, type_of(self), &out, &call);
  return r == 1 ? out : r == 0 ? rt_call(vm, call.fn, call.argc, call.args) : V_FAIL;
}
static Value alias_getitem(VM *vm, Value self, Value item) { return rt_call_builtin(vm, "_alias_getitem", 2, (Value[]){self, item}); }
static Value or_binary(VM *vm, int op, Value a, Value b) { return op == TINY_OR ? union_new(vm, a, b) : V_NOTIMPL; }

/* ---------------------------------------------------------------- union */

static bool is_union_part(Value v) { return v_is_none(v) || is_type(v) || is_alias(v) || is_union(v); }

static bool add_part(VM *vm, List *list, Value v) {
  if (v_is_none(v)) v = rt_type_value(&none_type);
  for (size_t i = 0; i < list->length; i++) {
    bool same = v_same(list->items[i], v);
    if (!same && is_alias(v) && is_alias(list->items[i]) && !rt_eq(vm, list->items[i], v, &same)) return false;
    if (same) return true;
  }
  return list_append(vm, list, v);
}
static bool add_parts(VM *vm, List *list, Value v) {
  if (!is_union(v)) return add_part(vm, list, v);
  for (size_t i = 0; i < as_alias(v)->args->length; i++)
    if (!add_part(vm, list, as_alias(v)->args->items[i])) return false;
  return true;
}

Value union_new(VM *vm, Value a, Value b) {
  if (!is_union_part(a) || !is_union_part(b) || (v_is_none(a) && v_is_none(b))) return V_NOTIMPL;
  List *list = list_new(vm, NULL, 0);
  Value *keep = rt_temp(vm, 1);
  if (!list || !keep) return V_FAIL;
  *keep = v_from_obj(list);
  if (!add_parts(vm, list, a) || !add_parts(vm, list, b)) return V_FAIL;
  if (list->length == 1) return list->items[0];
  Tuple *args = tuple_new(vm, list->items, list->length);
  return args ? alias_make(vm, &union_type, V_NONE, v_from_obj(args)) : V_FAIL;
}

static bool contains(VM *vm, const Tuple *t, Value v, bool *out) {
  *out = false;
  for (size_t i = 0; !*out && i < t->length; i++)
    if (!rt_eq(vm, t->items[i], v, out)) return false;
  return true;
}
static Value union_compare(VM *vm, Value a, Value b, Compare op) {
  if (!is_union(a) || !is_union(b) || (op != CO_EQ && op != CO_NE)) return V_NOTIMPL;
  const Tuple *x = as_alias(a)->args, *y = as_alias(b)->args;
  bool same = x->length == y->length; /* parts are distinct, so one direction is enough */
  for (size_t i = 0; same && i < x->length; i++)
    if (!contains(vm, y, x->items[i], &same)) return V_FAIL;
  return v_from_bool(same == (op == CO_EQ));
}
static bool union_hash(VM *vm, Value self, int64_t *out) {
  *out = 0x2C5F;
  for (size_t i = 0; i < as_alias(self)->args->length; i++) {
    int64_t h;
    if (!rt_hash(vm, as_alias(self)->args->items[i], &h)) return false;
    *out = (int64_t)((uint64_t)*out + (uint64_t)h * 0x9E3779B97F4A7C15u); /* order must not matter */
  }
  if (*out == -1) *out = -2;
  return true;
}
static Value union_instancecheck_m(VM *vm, Args *a) {
  int r = rt_isinstance(vm, a->v[1], a->v[0]);
  return r < 0 ? V_FAIL : v_from_bool(r);
}
static Value union_subclasscheck_m(VM *vm, Args *a) {
  int r = rt_issubclass(vm, a->v[1], a->v[0]);
  return r < 0 ? V_FAIL : v_from_bool(r);
}

/* ---------------------------------------------------------------- attributes */

static Value get_origin(VM *vm, Value self) { return (void)vm, as_alias(self)->origin; }
static Value get_args(VM *vm, Value self) { return (void)vm, v_from_obj(as_alias(self)->args); }
static Value get_params(VM *vm, Value self) {
  Tuple *t = params_of(vm, as_alias(self));
  return t ? v_from_obj(t) : V_FAIL;
}
static Value get_unpacked(VM *vm, Value self) { return (void)vm, v_from_bool(as_alias(self)->starred); }

static Value get_unpacked_args(VM *vm, Value self) {
  (void)vm;
  const GenericAlias *g = as_alias(self);
  return g->starred && v_same(g->origin, rt_type_value(&tuple_type)) ? v_from_obj(g->args) : V_NONE;
}

static Value mro_entries_m(VM *vm, Args *a) {
  Tuple *t = tuple_new(vm, &as_alias(a->v[0])->origin, 1);
  return t ? v_from_obj(t) : V_FAIL;
}
static Value instancecheck_m(VM *vm, Args *a) {
  (void)a;
  return rt_raise(vm, &exc_TypeError, "isinstance() argument 2 cannot be a parameterized generic");
}
static Value subclasscheck_m(VM *vm, Args *a) {
  (void)a;
  return rt_raise(vm, &exc_TypeError, "issubclass() argument 2 cannot be a parameterized generic");
}
static Value reduce_m(VM *vm, Args *a) {
  GenericAlias *g = as_alias(a->v[0]);
  Tuple *args = tuple_pair(vm, g->origin, v_from_obj(g->args));
  Tuple *both = args ? tuple_pair(vm, rt_type_value(&generic_alias_type), v_from_obj(args)) : NULL;
  return both ? v_from_obj(both) : V_FAIL;
}

static const tiny_def alias_methods[] = {{"__mro_entries__", mro_entries_m, "(self, bases, /)", NULL}, {"__instancecheck__", instancecheck_m, "(self, instance, /)", NULL},
    {"__subclasscheck__", subclasscheck_m, "(self, cls, /)", NULL}, {"__reduce__", reduce_m, "(self, /)", NULL}, {0}};
static const GetSet alias_getset[] = {{"__origin__", get_origin, NULL, NULL}, {"__args__", get_args, NULL, NULL}, {"__parameters__", get_params, NULL, NULL},
    {"__unpacked__", get_unpacked, NULL, NULL}, {"__typing_unpacked_tuple_args__", get_unpacked_args, NULL, NULL}, {0}};
/* copy and pickle: functools.reduce(operator.or_, args) */
static Value union_reduce_m(VM *vm, Args *a) { return rt_tail_builtin(vm, "_union_reduce", 1, a->v); }
static const tiny_def union_methods[] = {{"__reduce__", union_reduce_m, "(self, /)", NULL},
    {"__instancecheck__", union_instancecheck_m, "(self, instance, /)", NULL},
    {"__subclasscheck__", union_subclasscheck_m, "(self, cls, /)", NULL}, {0}};
static const GetSet union_getset[] = {{"__args__", get_args, NULL, NULL}, {"__parameters__", get_params, NULL, NULL}, {0}};

const Type generic_alias_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "types.GenericAlias", .module = "types", .base = &object_type,
    .layout = LAY_OTHER, .flags = TYPE_BASE | TYPE_WEAKREF, .shape_id = TYPE_ID_generic_alias, .size = sizeof(GenericAlias), .new_ = alias_new_slot,
    .new_sig = "(origin, args, /)", .trace = alias_trace, .repr = alias_repr, .hash = alias_hash, .compare = alias_compare, .getitem = alias_getitem, .binary = or_binary,
    .call = alias_call, .iter = alias_iter, .getattr = alias_getattr, .methods = alias_methods, .getset = alias_getset};
const Type union_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "types.UnionType", .module = "types", .base = &object_type,
    .layout = LAY_OTHER, .flags = TYPE_NO_NEW | TYPE_WEAKREF, .shape_id = TYPE_ID_union, .size = sizeof(GenericAlias), .trace = alias_trace, .repr = union_repr,
    .hash = union_hash, .compare = union_compare, .getitem = alias_getitem, .binary = or_binary, .methods = union_methods, .getset = union_getset};
