/* What the builtin iterators over other iterators share (enumerate, zip, map, filter, those of itertools). Private to vm/objects. */
#ifndef TINY_OBJECTS_ITER_INT_H
#define TINY_OBJECTS_ITER_INT_H
#include "vm/objects/containers_int.h"
#include "vm/objects/generator.h"
#include "vm/vm.h"

/* Advanced by its type's C `next` without script code, now and for ever. */
static inline bool is_c_iter(Value it) { return v_is_obj(it) && v_obj(it)->type->next && !type_is_heap(v_obj(it)->type) && v_absent(shell_engine(it)); }
/* `for x in it` in frozen code does no harm to these: iter(it) is it. */
static inline bool is_plain_iter(Value it) { return v_is_obj(it) && !type_is_heap(v_obj(it)->type) && (v_obj(it)->type->next || is_gen(it)); }

/* next of a source of which is_c_iter is true. Shells may stand on shells, as deep as a script likes: RecursionError, not the end of the C stack. */
static inline int source_next(VM *vm, Value it, Value *item) {
  if (LIKELY(v_obj(it)->type->layout != LAY_SHELL)) return iter_c_next(vm, it, item);
  if (!rt_enter_c(vm, "")) return -1;
  int r = iter_c_next(vm, it, item);
  rt_leave_c(vm);
  return r;
}

/* Opens the iterables and hands them to the native `def` ((class, with), *iterators); iter_class and iter_with read its first argument. The result is what the
   running native is to return: where some __iter__ is script code, a call. */
TINY_MUST_CHECK Value iter_combine(VM *vm, const tiny_def *def, const Type *cls, Value with, const Value *iterables, size_t n);
static inline const Type *iter_class(const Args *a) { return (const Type *)v_obj(v_tuple(a->v[0])->items[0]); }
static inline Value iter_with(const Args *a) { return v_tuple(a->v[0])->items[1]; }

static inline Value iter_engine(VM *vm, const char *frozen_name, int argc, const Value *argv) { return gen_engine_new(vm, &generator_type, frozen_name, argc, argv, 0); }
/* Parameters of the engine of a shell. */
static inline Value *engine_params(Value shell) { return frame_regs(&v_gen(shell_engine(shell))->frame); }
/* For __setstate__: a pair whose first part, whose second part is of this type; TypeError. */
bool iter_state_pair(VM *vm, Value state, const Type *t);
bool iter_state_second(VM *vm, Value state, const Type *t);
/* For __reduce__: (class, arguments). */
TINY_MUST_CHECK Value iter_remade(VM *vm, Value self, const Value *argv, size_t n);
#define REDUCE(f) {"__reduce__", f, "(self, /)", "Return state information for pickling."}
#define SETSTATE(f) {"__setstate__", f, "(self, state, /)", "Set state information for unpickling."}
#endif
