/* itemgetter, attrgetter, methodcaller of module operator: callable objects. What needs no script code is done at once, for the rest the call goes to a function of
 * stdlib/frozen/_ops.tiny. */
#include "vm/objects/iter_int.h"

/* more: attrgetter: for each name the str, or the tuple of names that it has dots between; methodcaller: the names of the last of `given`, or V_ABSENT. */
typedef struct Getter {
  Obj head;
  Tuple *given; /* methodcaller: name, arguments, values of keyword arguments */
  Value more;
} Getter;

static Getter *getter(Value v) { return (Getter *)v_obj(v); }
static void getter_trace(Tracer *t, Obj *o) {
  gc_mark_obj(t, ((Getter *)o)->given);
  gc_mark(t, ((Getter *)o)->more);
}
static Value getter_new(VM *vm, const Type *cls, Tuple *given, Value more) {
  Getter *g = given && !v_failed(more) ? gc_new(vm, cls, sizeof *g) : NULL;
  if (!g) return V_FAIL;
  g->given = given;
  g->more = more;
  return v_from_obj(g);
}

static const char *short_name(const Type *t) { return strchr(t->name, '.') + 1; }
static bool one_argument(VM *vm, Value self, const Args *a) {
  const char *name = short_name(type_of(self));
  if (!v_absent(a->kwnames) && v_tuple(a->kwnames)->length) return rt_raise_b(vm, &exc_TypeError, "%s() takes no keyword arguments", name);
  return a->n == 1 || rt_raise_b(vm, &exc_TypeError, "%s expected 1 argument, got %d", name, a->n);
}
static Value one_or_more(VM *vm, const Type *cls, const Tuple *args) {
  return args->length ? V_NONE : rt_raise(vm, &exc_TypeError, "%s expected 1 argument, got 0", short_name(cls));
}

/* ---- itemgetter ---- */

static Value itemgetter_make(VM *vm, const Type *cls, Args *a) {
  Tuple *items = v_tuple(a->v[0]);
  return v_failed(one_or_more(vm, cls, items)) ? V_FAIL : getter_new(vm, cls, items, V_ABSENT);
}
/* Is obj[key] without script code? Hashes and comparisons of a dict's keys apart, which C calls anyway. */
static bool plain_item(VM *vm, Value obj, Value key) {
  const Type *t = type_of(obj);
  if (type_is_heap(type_of(key))) return false;
  switch ((Layout)t->layout) {
  case LAY_LIST: case LAY_TUPLE: return !type_is_heap(t) || v_absent(attr_override(vm, t, NAME(vm, __getitem__)));
  case LAY_DICT: case LAY_STR: case LAY_BYTES: case LAY_RANGE: return !type_is_heap(t);
  default: return false;
  }
}
static Value itemgetter_call(VM *vm, Value self, Args *a) {
  if (!one_argument(vm, self, a)) return V_FAIL;
  Value obj = a->v[0];
  Tuple *items = getter(self)->given;
  bool plain = true;
  for (size_t i = 0; i < items->length; i++) plain = plain && plain_item(vm, obj, items->items[i]);
  if (!plain) return rt_tail_builtin(vm, "_op_getitems", 2, (Value[]){obj, v_from_obj(items)});
  if (items->length == 1) return type_of(obj)->getitem(vm, obj, items->items[0]);
  Value *keep = rt_temp(vm, 1);
  Tuple *found = keep ? tuple_new(vm, NULL, items->length) : NULL;
  if (!found) return V_FAIL;
  *keep = v_from_obj(found);
  for (size_t i = 0; i < items->length; i++) {
    Value v = type_of(obj)->getitem(vm, obj, items->items[i]);
    if (v_failed(v)) return V_FAIL;
    gc_store(vm, found, &found->items[i], v);
  }
  return *keep;
}

/* ---- attrgetter ---- */

static Value part(VM *vm, const char *text, size_t n) { return v_from_obj_or_fail(str_intern(vm, text, n)); }
/* The str itself, interned, or a tuple of what stands between its dots. */
static Value attr_path(VM *vm, Str *name) {
  size_t dots = 0, at = 0, i = 0;
  for (size_t k = 0; k < name->size; k++) dots += name->data[k] == '.';
  if (!dots) return part(vm, name->data, name->size);
  Tuple *path = tuple_new(vm, NULL, dots + 1);
  for (size_t k = 0; path && k <= name->size; k++) {
    if (k < name->size && name->data[k] != '.') continue;
    if (v_failed(path->items[i++] = part(vm, name->data + at, k - at))) return V_FAIL;
    at = k + 1;
  }
  return v_from_obj_or_fail(path);
}
static Value attrgetter_make(VM *vm, const Type *cls, Args *a) {
  Tuple *names = v_tuple(a->v[0]), *paths;
  if (v_failed(one_or_more(vm, cls, names))) return V_FAIL;
  for (size_t i = 0; i < names->length; i++)
    if (!is_str(names->items[i])) return rt_raise(vm, &exc_TypeError, "attribute name must be a string");
  if (!(paths = tuple_new(vm, NULL, names->length))) return V_FAIL;
  for (size_t i = 0; i < names->length; i++) {
    Value path = attr_path(vm, v_str(names->items[i]));
    if (v_failed(path)) return V_FAIL;
    paths->items[i] = path;
  }
  return getter_new(vm, cls, names, v_from_obj(paths));
}
/* 1, -1, or 0: script code has to run. */
static int plain_path(VM *vm, Value obj, Value path, Value *out) {
  AttrCall call;
  if (is_str(path)) return attr_get(vm, obj, v_str(path), NULL, NULL, out, &call);
  *out = obj;
  int r = 1;
  for (size_t i = 0; r == 1 && i < v_tuple(path)->length; i++) r = attr_get(vm, *out, v_str(v_tuple(path)->items[i]), NULL, NULL, out, &call);
  return r;
}
static Value attrgetter_call(VM *vm, Value self, Args *a) {
  if (!one_argument(vm, self, a)) return V_FAIL;
  Tuple *paths = v_tuple(getter(self)->more), *found = paths->length == 1 ? NULL : tuple_new(vm, NULL, paths->length);
  Value v = V_NONE;
  if (paths->length > 1 && !found) return V_FAIL;
  for (size_t i = 0; i < paths->length; i++) { /* no script code: `found` needs no root */
    int r = plain_path(vm, a->v[0], paths->items[i], &v);
    if (r < 0) return V_FAIL;
    if (r == 0) return rt_tail_builtin(vm, "_op_getattrs", 2, (Value[]){a->v[0], v_from_obj(paths)});
    if (found) found->items[i] = v;
  }
  return found ? v_from_obj(found) : v;
}

/* ---- methodcaller ---- */

static Value methodcaller_make(VM *vm, const Type *cls, Args *a) {
  Tuple *args = v_tuple(a->v[0]), *all, *names = NULL;
  Dict *kw = v_dict(a->v[1]);
  if (!args->length) return rt_raise(vm, &exc_TypeError, "methodcaller needs at least one argument, the method name");
  if (!is_str(args->items[0])) return rt_raise(vm, &exc_TypeError, "method name must be a string");
  if (!(all = tuple_new(vm, NULL, args->length + kw->used)) || (kw->used && !(names = tuple_new(vm, NULL, kw->used)))) return V_FAIL;
  memcpy(all->items, args->items, args->length * sizeof(Value));
  all->items[0] = part(vm, v_str(args->items[0])->data, v_str(args->items[0])->size);
  if (v_failed(all->items[0])) return V_FAIL;
  size_t pos = 0;
  for (size_t i = 0; names && dict_next(kw, &pos, &names->items[i], &all->items[args->length + i]); i++) {}
  return getter_new(vm, cls, all, names ? v_from_obj(names) : V_ABSENT);
}
static Value methodcaller_call(VM *vm, Value self, Args *a) {
  if (!one_argument(vm, self, a)) return V_FAIL;
  Getter *g = getter(self);
  Value *argv = g->given->items, fn, obj;
  AttrCall call;
  int n = (int)g->given->length;
  int r = attr_get_method(vm, a->v[0], v_str(argv[0]), NULL, NULL, &fn, &obj, &call);
  if (r < 0) return V_FAIL;
  if (r == 0) {
    Value three[3] = {a->v[0], v_from_obj(g->given), v_absent(g->more) ? v_from_obj_or_fail(tuple_new(vm, NULL, 0)) : g->more};
    return v_failed(three[2]) ? V_FAIL : rt_tail_builtin(vm, "_op_call_method", 3, three);
  }
  return rt_tail_call_after(vm, fn, v_absent(obj) ? 0 : 1, &obj, n - 1, argv + 1, g->more);
}

/* ---- what they look like ---- */

/* "operator.itemgetter(1, 2)" */
static Value getter_text(VM *vm, Getter *g) {
  size_t n = g->given->length, named = v_absent(g->more) || type_of(g->more) != &tuple_type || g->head.type != &methodcaller_type ? 0 : v_tuple(g->more)->length;
  Buf b;
  buf_init(&b, &vm->mem);
  buf_str(&b, g->head.type->name);
  buf_char(&b, '(');
  bool ok = true;
  for (size_t i = 0; ok && i < n; i++) {
    if (i) buf_str(&b, ", ");
    if (i >= n - named) {
      Str *name = v_str(v_tuple(g->more)->items[i - (n - named)]);
      buf_add(&b, name->data, name->size);
      buf_char(&b, '=');
    }
    ok = buf_add_repr(vm, &b, g->given->items[i]);
  }
  if (!ok) return buf_free(&b), V_FAIL;
  buf_char(&b, ')');
  return v_from_str(str_from_buf(vm, &b));
}
static Value getter_repr(VM *vm, Value self) {
  Obj *o = v_obj(self);
  if (o->flags & OBJ_BUSY_REPR) return rt_format(vm, "%s(...)", o->type->name);
  if (!rt_enter_c(vm, " while getting the repr of an object")) return V_FAIL;
  o->flags |= OBJ_BUSY_REPR;
  Value r = getter_text(vm, getter(self));
  o->flags &= (uint8_t)~OBJ_BUSY_REPR;
  rt_leave_c(vm);
  return r;
}
static Value getter_reduce(VM *vm, Args *a) {
  Getter *g = getter(a->v[0]);
  if (g->head.type == &methodcaller_type && !v_absent(g->more)) return rt_tail_builtin(vm, "_op_reduce_caller", 3, (Value[]){rt_type_value(&methodcaller_type), v_from_obj(g->given), g->more});
  return iter_remade(vm, a->v[0], g->given->items, g->given->length);
}

#define GETTER(id, sig, text)                                                                                                                                    \
  const Type id##_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "operator." #id, .module = "operator",                 \
    .layout = LAY_OTHER, .flags = TYPE_BARRIER, .base = &object_type, .size = sizeof(Getter), .trace = getter_trace, .shape_id = TYPE_ID_##id, .new_ = id##_make,  \
    .new_sig = sig, .call = id##_call, .repr = getter_repr, .doc = text, .methods = (const tiny_def[]){REDUCE(getter_reduce), {0}}}
GETTER(itemgetter, "(*args)", "itemgetter(item, ...): a callable that gives the items of its argument.");
GETTER(attrgetter, "(*args)", "attrgetter(attr, ...): a callable that gives the attributes of its argument; 'a.b': the attribute b of its attribute a.");
GETTER(methodcaller, "(*args, **kwargs)", "methodcaller(name, ...): a callable that calls the method of its argument with the other arguments.");
