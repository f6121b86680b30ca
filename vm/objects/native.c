/* Native functions and methods: the objects behind tiny_def rows. A row becomes a Native; methods of builtin types are descriptors that bind. */
#include "vm/objects/signature.h"
#include "vm/vm.h"
#include "vm/objects/class.h"
#include "vm/objects/function.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"
#include "vm/type_ids.h"

/* The function, of bound methods (native_bound_type) as well: scripts see them as one type, with the attributes below. */
static bool is_bound(Value v) { return v_has_layout(v, LAY_METHOD); }
static Native *as_native(Value v) { return (Native *)v_obj(is_bound(v) ? ((Method *)v_obj(v))->func : v); }

/* A row's name without the mark that says what kind of attribute it is (see tiny_class in tiny.h). */
static const char *def_name(const tiny_def *def) {
  const char *s = def->name;
  return *s == '+' || *s == '!' || *s == '@' || *s == '=' ? s + 1 : s;
}

static const Type *type_for(NativeKind kind) {
  return kind == NATIVE_METHOD ? &native_method_type : kind == NATIVE_CLASSMETHOD ? &classmethod_descr_type : &native_type;
}

/* owner, bound and module_name (str or None) are kept alive by the new object; def must outlive the VM. */
Native *native_new(VM *vm, const tiny_def *def, NativeKind kind, const Type *owner, Value bound, Value module_name) {
  Native *fn = gc_new(vm, type_for(kind), sizeof *fn);
  if (!fn) return NULL;
  fn->fn = def->fn;
  fn->def = def;
  fn->kind = (uint8_t)kind;
  gc_store_obj(vm, fn, &fn->owner, owner);
  gc_store(vm, fn, &fn->bound, bound);
  gc_store(vm, fn, &fn->module_name, module_name);
  return fn;
}

/* "self: Unit" in a method of Unit: check_self has seen to that. */
static void drop_self_check(Signature *sig, const Type *owner) {
  SigParam *self = &sig->params[0];
  if (sig->n_params == 0 || self->ann != ANN_CLASS || !signature_names_class(self, owner)) return;
  self->ann = ANN_NONE;
  sig->checks = false;
  for (int i = 1; i < sig->n_params; i++) sig->checks |= sig->params[i].ann != ANN_NONE;
}

Signature *native_signature(VM *vm, Native *fn) {
  if (LIKELY(fn->sig != NULL)) return fn->sig;
  fn->sig = signature_parse(vm, fn->def->signature);
  gc_remember_all(vm, fn); /* defaults */
  if (fn->sig && fn->kind == NATIVE_METHOD && fn->owner) drop_self_check(fn->sig, fn->owner);
  return fn->sig;
}

static bool has_self(const Native *fn) { return fn->kind == NATIVE_METHOD || fn->kind == NATIVE_CLASSMETHOD; }

/* The __name__ of a builtin type: "array" of "array.array". */
static const char *plain_name(const Type *t) {
  const char *dot = strrchr(t->name, '.');
  return dot ? dot + 1 : t->name;
}

/* A class's __name__, which for those of a module is not the name that other messages use. NULL: out of memory. */
static const char *type_name(VM *vm, const Type *t) { return type_is_heap(t) ? str_cstr(vm, type_class(t)->name) : plain_name(t); }
static const char *owner_name(VM *vm, const Native *fn) { return type_name(vm, fn->owner); }

/* Names for messages. prefix is borrowed from the owner or the module's name. A bound method is named by the class of its object. */
static bool names_of(VM *vm, const Native *fn, const Value *argv, bool bound, SigNames *nm) {
  *nm = (SigNames){.name = def_name(fn->def), .skip = has_self(fn), .bound = bound};
  if (fn->head.type == &slot_wrapper_type) {
    if (!strcmp(nm->name, "__init__")) {
      nm->name = fn->owner->name;
      nm->constructor = true;
      return true;
    }
    nm->wrapper = true;
    nm->repeats = fn->owner->getitem && strstr(nm->name, "mul__");
  }
  if (fn->owner) {
    bool by_class = fn->kind == NATIVE_CLASSMETHOD && is_type(argv[0]);
    nm->prefix = by_class ? type_name(vm, (const Type *)v_obj(argv[0])) : bound ? type_name(vm, type_of(argv[0])) : owner_name(vm, fn);
    if (!nm->prefix) return false;
    if (type_is_heap(fn->owner) && !strcmp(nm->name, "__init__")) {
      nm->name = nm->prefix;
      nm->constructor = true;
    }
  }
  else if (is_str(fn->module_name) && !str_eq_c(v_str(fn->module_name), "builtins")) {
    nm->prefix = str_cstr(vm, v_str(fn->module_name));
    if (!nm->prefix) return false;
  }
  return true;
}

/* Self of a method descriptor: present and of the owner's type. */
static COLD bool fail_self(VM *vm, const Native *fn, const Value *argv, int n_pos) {
  if (fn->head.type == &slot_wrapper_type) {
    if (n_pos == 0) return rt_raise_b(vm, &exc_TypeError, "descriptor '%s' of '%s' object needs an argument", def_name(fn->def), fn->owner->name);
    return rt_raise_b(vm, &exc_TypeError, "descriptor '%s' requires a '%s' object but received a '%T'", def_name(fn->def), fn->owner->name, argv[0]);
  }
  if (n_pos == 0) {
    const char *owner = owner_name(vm, fn);
    return owner && rt_raise_b(vm, &exc_TypeError, "unbound method %s.%s() needs an argument", owner, def_name(fn->def));
  }
  return rt_raise_b(vm, &exc_TypeError, "descriptor '%s' for '%s' objects doesn't apply to a '%T' object", def_name(fn->def), fn->owner->name, argv[0]);
}
static inline bool check_self(VM *vm, const Native *fn, const Value *argv, int n_pos) {
  if (fn->kind != NATIVE_METHOD || !fn->owner) return true;
  if (n_pos > 0) {
    const Type *t = type_of(argv[0]);
    if (t == fn->owner || rt_is_subtype(t, fn->owner)) return true;
  }
  return fail_self(vm, fn, argv, n_pos);
}

static inline bool bind(VM *vm, Native *fn, const Value *argv, int n_pos, Value kwnames, bool bound, Value *out) {
  Signature *sig = native_signature(vm, fn);
  if (!sig || !check_self(vm, fn, argv, n_pos)) return false;
  Match m = v_absent(kwnames) ? signature_match_positional(vm, sig, argv, n_pos, out) : MATCH_NOT_YET;
  if (m != MATCH_NOT_YET) return m == MATCH_DONE;
  SigNames nm;
  bool is_init = fn->head.type == &slot_wrapper_type && !strcmp(fn->def->name, "__init__");
  if (is_init && !v_absent(kwnames) && class_overlooks_keywords(vm, type_of(argv[0]), fn->owner, true)) kwnames = V_ABSENT;
  return names_of(vm, fn, argv, bound, &nm) && signature_match(vm, sig, &nm, argv, n_pos, kwnames, out);
}
bool native_bind(VM *vm, Native *fn, const Value *argv, int n_pos, Value kwnames, Value *out) { return bind(vm, fn, argv, n_pos, kwnames, false, out); }

/* argc counts the keywords' values, too. argv must be rooted by the caller; it is handed to fn itself where no argument is missing. */
static inline Value call(VM *vm, Native *fn, Value *argv, int argc, Value kwnames, bool bound) {
  Signature *sig = native_signature(vm, fn);
  if (!sig) return V_FAIL;
  Args a = {.vm = vm, .v = argv, .n = sig->n_params, .kwnames = V_ABSENT, .self = fn};
  if (sig->simple && argc == sig->n_params && argc == sig->n_pos && v_absent(kwnames)) {
    if (!check_self(vm, fn, argv, argc)) return V_FAIL;
    if (!sig->checks || signature_accepts(vm, sig, argv, argc)) return fn->fn(vm, &a);
  }
  size_t mark = rt_temp_mark(vm);
  a.v = rt_temp(vm, sig->n_params ? sig->n_params : 1);
  if (!a.v) return V_FAIL;
  int n_kw = v_absent(kwnames) ? 0 : (int)v_tuple(kwnames)->length;
  Value result = bind(vm, fn, argv, argc - n_kw, kwnames, bound, a.v) ? fn->fn(vm, &a) : V_FAIL;
  rt_temp_release(vm, mark);
  return result;
}

Value native_call(VM *vm, Native *fn, Value *argv, int argc, Value kwnames) { return call(vm, fn, argv, argc, kwnames, false); }
Value native_call_bound(VM *vm, Native *fn, Value *argv, int argc, Value kwnames) { return call(vm, fn, argv, argc, kwnames, true); }

/* Type.call: args raw. */
static Value native_call_slot(VM *vm, Value self, Args *args) {
  return native_call(vm, as_native(self), args->v, args->n + (v_absent(args->kwnames) ? 0 : (int)v_tuple(args->kwnames)->length), args->kwnames);
}

/* ---------------------------------------------------------------- object behaviour */

static void native_trace(Tracer *t, Obj *o) {
  Native *fn = (Native *)o;
  gc_mark_obj(t, fn->owner);
  gc_mark(t, fn->bound);
  gc_mark(t, fn->module_name);
  signature_trace(t, fn->sig);
}
static void native_destroy(VM *vm, Obj *o) { signature_free(vm, ((Native *)o)->sig); }

static Value native_repr(VM *vm, Value self) {
  Native *fn = as_native(self);
  if (fn->kind == NATIVE_NEW) return rt_format(vm, "<built-in method %s of type object at %p>", def_name(fn->def), (const void *)fn->owner);
  return rt_format(vm, "<built-in function %s>", def_name(fn->def));
}
static Value method_descr_repr(VM *vm, Value self) {
  Native *fn = as_native(self);
  return rt_format(vm, "<method '%s' of '%s' objects>", def_name(fn->def), fn->owner ? fn->owner->name : "?");
}

static Value method_descr_get(VM *vm, Value descr, Value obj, Value cls) {
  Native *fn = as_native(descr);
  (void)cls;
  if (v_absent(obj)) return descr;
  if (fn->owner && !rt_is_subtype(type_of(obj), fn->owner)) {
    fail_self(vm, fn, &obj, 1);
    return V_FAIL;
  }
  return method_new(vm, descr, obj);
}
static Value classmethod_descr_get(VM *vm, Value descr, Value obj, Value cls) {
  return method_new(vm, descr, v_absent(cls) ? rt_type_value(type_of(obj)) : cls);
}

static Value native_get_name(VM *vm, Value self) { return v_from_str(str_from(vm, def_name(as_native(self)->def))); }
static Value native_get_qualname(VM *vm, Value self) {
  Native *fn = as_native(self);
  if (is_bound(self)) {
    Value of = ((Method *)v_obj(self))->self;
    const char *name = type_name(vm, is_type(of) ? (const Type *)v_obj(of) : type_of(of));
    return name ? rt_format(vm, "%s.%s", name, def_name(fn->def)) : V_FAIL;
  }
  if (!fn->owner) return native_get_name(vm, self);
  const char *name = owner_name(vm, fn);
  return name ? rt_format(vm, "%s.%s", name, def_name(fn->def)) : V_FAIL;
}
static Value native_get_doc(VM *vm, Value self) {
  const char *doc = as_native(self)->def->doc;
  return doc ? v_from_str(str_from(vm, doc)) : V_NONE;
}
static Value native_get_module(VM *vm, Value self) {
  (void)vm;
  Value name = as_native(self)->module_name;
  return is_bound(self) || v_absent(name) ? V_NONE : name;
}
static Value native_get_self(VM *vm, Value self) {
  Native *fn = as_native(self);
  (void)vm;
  if (is_bound(self)) return ((Method *)v_obj(self))->self;
  if (fn->kind == NATIVE_NEW && fn->owner) return rt_type_value(fn->owner);
  return v_absent(fn->bound) ? V_NONE : fn->bound;
}
static Value native_get_objclass(VM *vm, Value self) {
  Native *fn = as_native(self);
  (void)vm;
  return fn->owner ? rt_type_value(fn->owner) : V_NONE;
}
/* "(self, x, /)" is shown as "($self, x, /)", as inspect expects it. */
static Value native_get_text_signature(VM *vm, Value self) {
  Native *fn = as_native(self);
  const char *text = fn->def->signature;
  if (!text) return V_NONE;
  const char *end = strrchr(text, ')');
  if (end && !strcmp(end, ") varargs")) return V_NONE;
  if (has_self(fn) && *text == '(') return rt_format(vm, "($%s", text + 1);
  return v_from_str(str_from(vm, text));
}

static const GetSet function_getset[] = {
    {"__name__", native_get_name, NULL, NULL},     {"__qualname__", native_get_qualname, NULL, NULL}, {"__doc__", native_get_doc, NULL, NULL},
    {"__module__", native_get_module, NULL, NULL}, {"__self__", native_get_self, NULL, NULL},         {"__text_signature__", native_get_text_signature, NULL, NULL},
    {0}};
static const GetSet descr_getset[] = {
    {"__name__", native_get_name, NULL, NULL}, {"__qualname__", native_get_qualname, NULL, NULL},   {"__doc__", native_get_doc, NULL, NULL},
    {"__objclass__", native_get_objclass, NULL, NULL}, {"__text_signature__", native_get_text_signature, NULL, NULL}, {0}};

#define NATIVE_COMMON                                                                                                                          \
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .base = &object_type, .layout = LAY_NATIVE, .size = sizeof(Native), \
  .trace = native_trace, .destroy = native_destroy, .call = native_call_slot

const Type native_type = {NATIVE_COMMON, .name = "builtin_function_or_method", .flags = TYPE_NO_NEW | TYPE_WEAKREF | TYPE_BARRIER, .shape_id = TYPE_ID_native,
                          .repr = native_repr, .getset = function_getset};
const Type native_method_type = {NATIVE_COMMON, .name = "method_descriptor", .flags = TYPE_NO_NEW | TYPE_BARRIER | TYPE_DESCR_GET, .shape_id = TYPE_ID_native_method,
                                 .repr = method_descr_repr, .descr_get = method_descr_get, .getset = descr_getset};
const Type classmethod_descr_type = {NATIVE_COMMON, .name = "classmethod_descriptor", .flags = TYPE_NO_NEW | TYPE_BARRIER | TYPE_DESCR_GET, .shape_id = TYPE_ID_classmethod_descr,
                                     .repr = method_descr_repr, .descr_get = classmethod_descr_get, .getset = descr_getset};
