/* None, Ellipsis, NotImplemented: one value each, no objects. */
#include "vm/vm.h"
#include "vm/type_ids.h"
#include "vm/objects/class.h"

/* __new__ of all three: the one value there is. */
static Value single(VM *vm, Args *a, const char *name, Value v) {
  return v_tuple(a->v[0])->length || v_dict(a->v[1])->used ? rt_raise(vm, &exc_TypeError, "%s takes no arguments", name) : v;
}

static Value none_new(VM *vm, const Type *cls, Args *a) { return (void)cls, single(vm, a, "NoneType", V_NONE); }
static Value none_repr(VM *vm, Value self) { return (void)self, v_from_str(str_intern(vm, "None", 4)); }
static int none_truth(VM *vm, Value self) { return (void)vm, (void)self, 0; }
static bool none_hash(VM *vm, Value self, int64_t *out) {
  (void)vm;
  (void)self;
  *out = 0x5B1D8A7;
  return true;
}


const Type none_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "NoneType", .base = &object_type, .layout = LAY_NONE,
    .shape_id = TYPE_ID_none, .size = sizeof(Obj), .new_ = none_new, .new_sig = "(*args, **kwargs)", .repr = none_repr, .hash = none_hash, .truth = none_truth};

static Value ellipsis_new(VM *vm, const Type *cls, Args *a) { return (void)cls, single(vm, a, "EllipsisType", V_ELLIPSIS); }
static Value ellipsis_repr(VM *vm, Value self) { return (void)self, v_from_str(str_intern(vm, "Ellipsis", 8)); }
static Value ellipsis_reduce(VM *vm, Args *a) { return (void)a, v_from_str(str_intern(vm, "Ellipsis", 8)); }
static const tiny_def ellipsis_methods[] = {{"__reduce__", ellipsis_reduce, "(self, /)", NULL}, {0}};

const Type ellipsis_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "ellipsis", .base = &object_type, .layout = LAY_OTHER,
    .shape_id = TYPE_ID_ellipsis, .size = sizeof(Obj), .new_ = ellipsis_new, .new_sig = "(*args, **kwargs)", .repr = ellipsis_repr, .methods = ellipsis_methods};

static Value notimpl_new(VM *vm, const Type *cls, Args *a) { return (void)cls, single(vm, a, "NotImplementedType", V_NOTIMPL); }
static Value notimpl_repr(VM *vm, Value self) { return (void)self, v_from_str(str_intern(vm, "NotImplemented", 14)); }
static Value notimpl_reduce(VM *vm, Args *a) { return (void)a, v_from_str(str_intern(vm, "NotImplemented", 14)); }
static const tiny_def notimpl_methods[] = {{"__reduce__", notimpl_reduce, "(self, /)", NULL}, {0}};

/* True, with a warning. [script] */
static int notimpl_truth(VM *vm, Value self) {
  Value text = v_from_str(str_from(vm, "NotImplemented should not be used in a boolean context"));
  (void)self;
  return v_failed(text) || v_failed(rt_call_builtin(vm, "_deprecated", 1, &text)) ? -1 : 1;
}

const Type notimpl_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "NotImplementedType", .base = &object_type, .layout = LAY_OTHER,
    .shape_id = TYPE_ID_notimpl, .size = sizeof(Obj), .new_ = notimpl_new, .new_sig = "(*args, **kwargs)", .repr = notimpl_repr, .truth = notimpl_truth, .methods = notimpl_methods};
