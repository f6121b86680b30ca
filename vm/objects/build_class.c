/* __build_class__: what a class statement calls (reference, "Class definitions"). Plain statements are done here; bases that are no classes, metaclasses and
 * keywords are left to _build_class in stdlib/frozen/_class.tiny. */
#include "vm/vm.h"
#include "vm/objects/class.h"
#include "vm/objects/shape.h"

/* The body ran; state: (name, bases, namespace). It left the __class__ cell, if there is one, in the namespace, where class_new fills it. */
static Value then_body(VM *vm, Value state, tiny_outcome how, Value result) {
  if (how == TINY_RAISED) return rt_raise_obj(vm, result);
  Value *keep = rt_temp(vm, 1); /* __slots__ may be an iterable of a script */
  if (!keep) return V_FAIL;
  *keep = state;
  const Tuple *st = v_tuple(state);
  Value cls = class_new(vm, &type_type, v_str(st->items[0]), v_tuple(st->items[1]), v_dict(st->items[2]));
  return v_failed(cls) ? cls : class_hooks(vm, cls, V_NONE);
}

static bool plain_bases(const Tuple *bases) {
  for (size_t i = 0; i < bases->length; i++)
    if (!is_type(bases->items[i]) || v_obj(bases->items[i])->type != &type_type) return false;
  return true;
}

Value class_build(VM *vm, Args *a) {
  if (!v_has_layout(a->v[0], LAY_FUNCTION)) return rt_raise(vm, &exc_TypeError, "__build_class__: func must be a function");
  if (!is_str(a->v[1])) return rt_raise(vm, &exc_TypeError, "__build_class__: name is not a string");
  if (v_dict(a->v[3])->used || !plain_bases(v_tuple(a->v[2]))) return rt_tail_builtin(vm, "_build_class", 4, a->v);
  Dict *ns = dict_new(vm);
  if (!ns) return V_FAIL;
  Value parts[3] = {a->v[1], a->v[2], v_from_obj(ns)};
  Tuple *state = tuple_new(vm, parts, 3);
  return state ? tiny_then_call(vm, then_body, v_from_obj(state), a->v[0], 1, &parts[2]) : V_FAIL;
}
