/* Context variables (PEP 567). A context is a sorted array of (variable, value); copies share the array until one of them is written to, so that
 * copying, which happens with every task and callback, costs no more than an object. Lookup is a binary search by the variable's number. */
#include <string.h>
#include "stdlib/contextvars.h"

typedef struct Pair { tiny_val var, value; uint64_t number; } Pair;

/* refs counts the contexts that share it. Only a sole owner writes. */
typedef struct Map { size_t refs, len, cap; Pair pair[]; } Map;

typedef struct Context { Map *map; bool entered; } Context;
typedef struct Var { tiny_val name, fallback; uint64_t number; bool has_fallback; } Var;
typedef struct Token { tiny_val var, context, old; bool used; } Token;
typedef struct Current { tiny_val context, missing; uint64_t last_number; } Current;

extern const tiny_class context_class, contextvar_class, token_class, token_missing_class;
extern const tiny_module contextvars_module;

static void current_trace(tiny_tracer *t, void *data) {
  Current *c = data;
  tiny_trace(t, c->context);
  tiny_trace(t, c->missing);
}

static Current *current(tiny_vm *vm) {
  static const char key = 0;
  Current *c = tiny_module_data(vm, &key, sizeof *c, current_trace, NULL);
  if (c && !c->last_number) {
    c->context = c->missing = TINY_NONE;
    c->last_number = 1;
  }
  return c;
}

/* ---- maps */

static size_t map_size(size_t cap) { return sizeof(Map) + cap * sizeof(Pair); }

static void map_drop(tiny_vm *vm, Map *m) {
  if (m && !--m->refs) tiny_alloc(vm, m, map_size(m->cap), 0);
}

static size_t map_find(const Map *m, uint64_t number, bool *found) {
  size_t lo = 0, hi = m ? m->len : 0;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    if (m->pair[mid].number < number) lo = mid + 1;
    else hi = mid;
  }
  *found = m && lo < m->len && m->pair[lo].number == number;
  return lo;
}

/* The context's own map with room for one more. NULL: no memory, exception pending. */
static Map *map_own(tiny_vm *vm, tiny_val self, Context *c) {
  Map *m = c->map;
  size_t len = m ? m->len : 0;
  if (m && m->refs == 1 && len < m->cap) return m;
  size_t cap = len + 1 + len / 2 + 2;
  Map *own = tiny_alloc(vm, NULL, 0, map_size(cap));
  if (!own) {
    tiny_no_memory(vm);
    return NULL;
  }
  own->refs = 1;
  own->len = len;
  own->cap = cap;
  for (size_t i = 0; i < len; i++) {
    own->pair[i].number = m->pair[i].number;
    tiny_store(vm, self, &own->pair[i].var, m->pair[i].var);
    tiny_store(vm, self, &own->pair[i].value, m->pair[i].value);
  }
  map_drop(vm, m);
  c->map = own;
  return own;
}

static bool map_set(tiny_vm *vm, tiny_val self, Context *c, tiny_val var, uint64_t number, tiny_val value) {
  bool found;
  Map *m = map_own(vm, self, c);
  if (!m) return false;
  size_t i = map_find(m, number, &found);
  if (!found) {
    memmove(&m->pair[i + 1], &m->pair[i], (m->len - i) * sizeof(Pair));
    m->len++;
    m->pair[i].number = number;
    m->pair[i].value = TINY_NONE;
    tiny_store(vm, self, &m->pair[i].var, var);
  }
  tiny_store(vm, self, &m->pair[i].value, value);
  return true;
}

static bool map_remove(tiny_vm *vm, tiny_val self, Context *c, uint64_t number) {
  bool found;
  size_t i = map_find(c->map, number, &found);
  if (!found) return true;
  Map *m = map_own(vm, self, c);
  if (!m) return false;
  m->len--;
  memmove(&m->pair[i], &m->pair[i + 1], (m->len - i) * sizeof(Pair));
  return true;
}

/* ---- contexts */

static void context_trace(tiny_tracer *t, void *data) {
  const Map *m = ((Context *)data)->map;
  for (size_t i = 0; m && i < m->len; i++) {
    tiny_trace(t, m->pair[i].var);
    tiny_trace(t, m->pair[i].value);
  }
}
static void context_destroy(tiny_vm *vm, void *data) {
  Context *c = data;
  map_drop(vm, c->map);
  c->map = NULL;
}

static Context *context(tiny_vm *vm, tiny_val v) { return tiny_data(vm, v, &context_class); }
static Var *variable(tiny_vm *vm, tiny_val v) { return tiny_data(vm, v, &contextvar_class); }

static tiny_val copy_of(tiny_vm *vm, tiny_val from) {
  void *data;
  tiny_val v = tiny_instance(vm, &context_class, &data);
  Context *src = tiny_failed(v) ? NULL : context(vm, from);
  if (src && src->map) {
    src->map->refs++;
    ((Context *)data)->map = src->map;
  }
  return v;
}

static tiny_val current_context(tiny_vm *vm) {
  Current *c = current(vm);
  if (!c) return tiny_no_memory(vm);
  if (!tiny_is_none(c->context)) return c->context;
  tiny_val v = copy_of(vm, TINY_NONE);
  if (tiny_failed(v)) return v;
  context(vm, v)->entered = true;
  return c->context = v;
}

tiny_val context_snapshot(tiny_vm *vm) {
  Current *c = current(vm);
  if (!c) return tiny_no_memory(vm);
  Context *now = tiny_is_none(c->context) ? NULL : context(vm, c->context);
  return now && now->map && now->map->len ? copy_of(vm, c->context) : TINY_NONE;
}

tiny_val context_or_new(tiny_vm *vm, tiny_val v) { return tiny_is_none(v) ? copy_of(vm, TINY_NONE) : v; }

tiny_val *context_slot(tiny_vm *vm) {
  Current *c = current(vm);
  return c ? &c->context : NULL;
}

bool context_enter(tiny_vm *vm, tiny_val v, tiny_val *previous) {
  Current *cur = current(vm);
  if (!cur) return tiny_no_memory(vm), false;
  if (!tiny_is_none(v)) {
    Context *c = context(vm, v);
    if (!c) return tiny_raise(vm, TINY_TYPE_ERROR, "a Context is required, not %T", v), false;
    if (c->entered) return tiny_raise(vm, TINY_RUNTIME_ERROR, "cannot enter context: %R is already entered", v), false;
    c->entered = true;
  }
  *previous = tiny_pin(vm, cur->context);
  cur->context = v;
  return true;
}

tiny_val context_leave(tiny_vm *vm, tiny_val previous) {
  Current *cur = current(vm);
  if (!cur) return TINY_NONE;
  tiny_val left = tiny_pin(vm, cur->context);
  Context *c = tiny_is_none(left) ? NULL : context(vm, left);
  if (c) c->entered = false;
  cur->context = previous;
  return left;
}

#define SELF(name, type, get) type *name = get(vm, tiny_arg(a, 0)); if (!name) return tiny_raise(vm, TINY_TYPE_ERROR, #type " object is required")

static tiny_val ran(tiny_vm *vm, tiny_val previous, tiny_outcome how, tiny_val v) {
  context_leave(vm, previous);
  return how == TINY_RAISED ? tiny_raise_value(vm, v) : v;
}

static tiny_val c_run(tiny_vm *vm, tiny_args *a) {
  SELF(c, Context, context);
  tiny_val previous, call[2] = {tiny_arg(a, 1), tiny_arg(a, 2)}, fn = tiny_library_function(vm, "_context_call"), argv[8];
  int n = tiny_seq_len(call[0]);
  if (n < 1) return tiny_raise(vm, TINY_TYPE_ERROR, "run() missing 1 required positional argument");
  if (tiny_failed(fn) || !context_enter(vm, tiny_arg(a, 0), &previous)) return TINY_FAIL;
  if (n > 8 || tiny_len(vm, call[1]) != 0) return tiny_then_call(vm, ran, previous, fn, 2, call);
  for (int i = 0; i < n; i++) argv[i] = tiny_seq_item(call[0], i);
  return tiny_then_call(vm, ran, previous, argv[0], n - 1, argv + 1);
}

static tiny_val c_init(tiny_vm *vm, tiny_args *a) {
  if (tiny_seq_len(tiny_arg(a, 1)) > 0 || tiny_len(vm, tiny_arg(a, 2)) > 0) return tiny_raise(vm, TINY_TYPE_ERROR, "Context() does not accept any arguments");
  return TINY_NONE;
}
static tiny_val c_copy(tiny_vm *vm, tiny_args *a) { return copy_of(vm, tiny_arg(a, 0)); }
static tiny_val c_len(tiny_vm *vm, tiny_args *a) { SELF(c, Context, context); return tiny_int(vm, c->map ? (int64_t)c->map->len : 0); }

/* 1 found, 0 not, -1: the key is no variable */
static int find(tiny_vm *vm, Context *c, tiny_val key, tiny_val *value) {
  Var *v = variable(vm, key);
  bool found;
  if (!v) return tiny_raise(vm, TINY_TYPE_ERROR, "a ContextVar key was expected, got %R", key), -1;
  size_t i = map_find(c->map, v->number, &found);
  if (found) *value = c->map->pair[i].value;
  return found;
}
static tiny_val c_contains(tiny_vm *vm, tiny_args *a) {
  SELF(c, Context, context);
  tiny_val v;
  int r = find(vm, c, tiny_arg(a, 1), &v);
  return r < 0 ? TINY_FAIL : tiny_bool(r);
}
static tiny_val raise_with(tiny_vm *vm, tiny_exc type, tiny_val arg) { return tiny_raise_value(vm, tiny_call(vm, tiny_exc_class(vm, type), 1, &arg)); }
static tiny_val c_getitem(tiny_vm *vm, tiny_args *a) {
  SELF(c, Context, context);
  tiny_val v = TINY_NONE;
  int r = find(vm, c, tiny_arg(a, 1), &v);
  return r < 0 ? TINY_FAIL : r ? v : raise_with(vm, TINY_KEY_ERROR, tiny_arg(a, 1));
}
static tiny_val c_get(tiny_vm *vm, tiny_args *a) {
  SELF(c, Context, context);
  tiny_val v = tiny_arg(a, 2);
  return find(vm, c, tiny_arg(a, 1), &v) < 0 ? TINY_FAIL : v;
}

/* A list of the variables (0), values (1) or pairs (2). */
static tiny_val contents(tiny_vm *vm, Context *c, int what) {
  tiny_val list = tiny_list(vm, 0, NULL);
  for (size_t i = 0; c->map && i < c->map->len && !tiny_failed(list); i++) {
    tiny_val pair[2] = {c->map->pair[i].var, c->map->pair[i].value};
    if (!tiny_list_append(vm, list, what == 2 ? tiny_tuple(vm, 2, pair) : pair[what])) return TINY_FAIL;
  }
  return list;
}
static tiny_val c_keys(tiny_vm *vm, tiny_args *a) { SELF(c, Context, context); return tiny_iter(vm, contents(vm, c, 0)); }
static tiny_val c_values(tiny_vm *vm, tiny_args *a) { SELF(c, Context, context); return tiny_iter(vm, contents(vm, c, 1)); }
static tiny_val c_items(tiny_vm *vm, tiny_args *a) { SELF(c, Context, context); return tiny_iter(vm, contents(vm, c, 2)); }

static tiny_val c_eq(tiny_vm *vm, tiny_args *a) {
  SELF(c, Context, context);
  Context *d = context(vm, tiny_arg(a, 1));
  if (!d) return tiny_getattr(vm, tiny_import(vm, "builtins"), "NotImplemented");
  tiny_val args[2] = {contents(vm, c, 2), contents(vm, d, 2)};
  return tiny_tail_call(vm, tiny_library_function(vm, "_context_equal"), 2, args);
}

static const tiny_def context_methods[] = {{"__init__", c_init, "(self, /, *args, **kwargs)", NULL}, {"run", c_run, "(self, /, *args, **kwargs)", NULL},
    {"copy", c_copy, "(self, /)", "Return a shallow copy of the context object."}, {"get", c_get, "(self, key, default=None, /)", NULL}, {"__len__", c_len, "(self, /)", NULL},
    {"__contains__", c_contains, "(self, key, /)", NULL}, {"__getitem__", c_getitem, "(self, key, /)", NULL}, {"__iter__", c_keys, "(self, /)", NULL},
    {"keys", c_keys, "(self, /)", NULL}, {"values", c_values, "(self, /)", NULL}, {"items", c_items, "(self, /)", NULL}, {"__eq__", c_eq, "(self, other, /)", NULL}, {0}};
const tiny_class context_class = {.name = "_contextvars.Context", .data_size = sizeof(Context), .methods = context_methods, .trace = context_trace, .destroy = context_destroy, .flags = TINY_CLASS_FINAL};

/* ---- variables */

static void var_trace(tiny_tracer *t, void *data) {
  Var *v = data;
  tiny_trace(t, v->name);
  tiny_trace(t, v->fallback);
}

static tiny_val v_init(tiny_vm *vm, tiny_args *a) {
  SELF(v, Var, variable);
  tiny_val self = tiny_arg(a, 0), name = tiny_arg(a, 1), fallback = tiny_arg(a, 2);
  Current *cur = current(vm);
  if (!cur) return tiny_no_memory(vm);
  if (tiny_kind_of(vm, name) != TINY_T_STR) return tiny_raise(vm, TINY_TYPE_ERROR, "context variable name must be a str");
  tiny_store(vm, self, &v->name, name);
  v->has_fallback = !tiny_is_absent(fallback);
  if (v->has_fallback) tiny_store(vm, self, &v->fallback, fallback);
  v->number = ++cur->last_number;
  return TINY_NONE;
}

static tiny_val v_get(tiny_vm *vm, tiny_args *a) {
  SELF(v, Var, variable);
  Current *cur = current(vm);
  Context *c = cur && !tiny_is_none(cur->context) ? context(vm, cur->context) : NULL;
  bool found = false;
  size_t i = c ? map_find(c->map, v->number, &found) : 0;
  if (found) return c->map->pair[i].value;
  tiny_val fallback = tiny_arg(a, 1);
  if (!tiny_is_absent(fallback)) return fallback;
  return v->has_fallback ? v->fallback : raise_with(vm, TINY_LOOKUP_ERROR, tiny_arg(a, 0));
}

static tiny_val v_set(tiny_vm *vm, tiny_args *a) {
  SELF(v, Var, variable);
  tiny_val self = tiny_arg(a, 0), now = current_context(vm), old = TINY_ABSENT;
  if (tiny_failed(now)) return now;
  Context *c = context(vm, now);
  bool found;
  size_t i = map_find(c->map, v->number, &found);
  if (found) old = c->map->pair[i].value;
  void *data;
  tiny_val token = tiny_instance(vm, &token_class, &data);
  if (tiny_failed(token) || !map_set(vm, now, c, self, v->number, tiny_arg(a, 1))) return TINY_FAIL;
  Token *t = data;
  t->old = TINY_ABSENT;
  tiny_store(vm, token, &t->var, self);
  tiny_store(vm, token, &t->context, now);
  tiny_store(vm, token, &t->old, old);
  return token;
}

static tiny_val v_reset(tiny_vm *vm, tiny_args *a) {
  SELF(v, Var, variable);
  tiny_val token = tiny_arg(a, 1);
  Token *t = tiny_data(vm, token, &token_class);
  if (!t) return tiny_raise(vm, TINY_TYPE_ERROR, "expected an instance of Token, got %R", token);
  if (t->used) return tiny_raise(vm, TINY_RUNTIME_ERROR, "%R has already been used once", token);
  if (!tiny_is(t->var, tiny_arg(a, 0))) return tiny_raise(vm, TINY_VALUE_ERROR, "%R was created by a different ContextVar", token);
  tiny_val now = current_context(vm);
  if (tiny_failed(now)) return now;
  if (!tiny_is(now, t->context)) return tiny_raise(vm, TINY_VALUE_ERROR, "%R was created in a different Context", token);
  Context *c = context(vm, now);
  bool ok = tiny_is_absent(t->old) ? map_remove(vm, now, c, v->number) : map_set(vm, now, c, tiny_arg(a, 0), v->number, t->old);
  if (!ok) return TINY_FAIL;
  t->used = true;
  return TINY_NONE;
}

static tiny_val var_text(tiny_vm *vm, tiny_val self, const Var *v) {
  if (v->has_fallback) return tiny_format(vm, "<ContextVar name=%R default=%R at 0x%llx>", v->name, v->fallback, (unsigned long long)(self.w & ~UINT64_C(15)));
  return tiny_format(vm, "<ContextVar name=%R at 0x%llx>", v->name, (unsigned long long)(self.w & ~UINT64_C(15)));
}
static tiny_val v_repr(tiny_vm *vm, tiny_args *a) { SELF(v, Var, variable); return var_text(vm, tiny_arg(a, 0), v); }
static tiny_val v_name(tiny_vm *vm, tiny_args *a) { SELF(v, Var, variable); return v->name; }
static tiny_val class_getitem(tiny_vm *vm, tiny_args *a) {
  tiny_val args[2] = {tiny_arg(a, 0), tiny_arg(a, 1)};
  return tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "types"), "GenericAlias"), 2, args);
}

static const tiny_def var_methods[] = {{"__init__", v_init, "(self, name, /, *, default=...)", NULL}, {"get", v_get, "(self, default=..., /)", "Return a value for the context variable for the current context."},
    {"set", v_set, "(self, value, /)", "Call to set a new value for the context variable in the current context."}, {"reset", v_reset, "(self, token, /)", "Reset the context variable."},
    {"__repr__", v_repr, "(self, /)", NULL}, {"@name", v_name, "(self)", NULL}, {"+__class_getitem__", class_getitem, "(cls, item, /)", "See PEP 585"}, {0}};
const tiny_class contextvar_class = {.name = "_contextvars.ContextVar", .data_size = sizeof(Var), .methods = var_methods, .trace = var_trace, .flags = TINY_CLASS_FINAL};

/* ---- tokens */

static void token_trace(tiny_tracer *tr, void *data) {
  Token *t = data;
  tiny_trace(tr, t->var);
  tiny_trace(tr, t->context);
  tiny_trace(tr, t->old);
}

static tiny_val missing(tiny_vm *vm) {
  Current *cur = current(vm);
  void *data;
  if (!cur) return tiny_no_memory(vm);
  if (tiny_is_none(cur->missing)) {
    tiny_val v = tiny_instance(vm, &token_missing_class, &data);
    if (tiny_failed(v)) return v;
    cur->missing = v;
  }
  return cur->missing;
}
static Token *token(tiny_vm *vm, tiny_val v) { return tiny_data(vm, v, &token_class); }
static tiny_val t_var(tiny_vm *vm, tiny_args *a) { SELF(t, Token, token); return t->var; }
static tiny_val t_old(tiny_vm *vm, tiny_args *a) { SELF(t, Token, token); return tiny_is_absent(t->old) ? missing(vm) : t->old; }
static tiny_val t_repr(tiny_vm *vm, tiny_args *a) {
  SELF(t, Token, token);
  return tiny_format(vm, "<Token%s var=%R at 0x%llx>", t->used ? " used" : "", t->var, (unsigned long long)(tiny_arg(a, 0).w & ~UINT64_C(15)));
}
static const tiny_def token_methods[] = {{"@var", t_var, "(self)", NULL}, {"@old_value", t_old, "(self)", NULL}, {"__repr__", t_repr, "(self, /)", NULL},
    {"+__class_getitem__", class_getitem, "(cls, item, /)", "See PEP 585"}, {0}};
const tiny_class token_class = {.name = "_contextvars.Token", .data_size = sizeof(Token), .methods = token_methods, .trace = token_trace, .flags = TINY_CLASS_FINAL | TINY_CLASS_NO_NEW};

static tiny_val m_repr(tiny_vm *vm, tiny_args *a) { (void)a; return tiny_string(vm, "<Token.MISSING>"); }
static const tiny_def missing_methods[] = {{"__repr__", m_repr, "(self, /)", NULL}, {0}};
const tiny_class token_missing_class = {.name = "Token.MISSING", .data_size = 0, .methods = missing_methods, .flags = TINY_CLASS_FINAL | TINY_CLASS_NO_NEW};

/* ---- the module */

static tiny_val f_copy_context(tiny_vm *vm, tiny_args *a) {
  (void)a;
  return copy_of(vm, current_context(vm));
}

static bool init(tiny_vm *vm, tiny_val module) {
  tiny_val t = tiny_class_of(vm, &token_class), c = tiny_class_of(vm, &context_class);
  return tiny_setattr(vm, t, "MISSING", missing(vm)) && tiny_setattr(vm, t, "__hash__", TINY_NONE) && tiny_setattr(vm, c, "__hash__", TINY_NONE) && tiny_setattr(vm, module, "Token", t) &&
         tiny_setattr(vm, module, "ContextVar", tiny_class_of(vm, &contextvar_class)) && tiny_setattr(vm, module, "Context", c);
}
static const tiny_def functions[] = {{"copy_context", f_copy_context, "()", NULL}, {0}};
const tiny_module contextvars_module = {"contextvars", functions, init, "Context variables."};
