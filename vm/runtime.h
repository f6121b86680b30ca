/* THE NARROW WAIST: what a type or a builtin module may ask of the interpreter. Declared here in the low layer, implemented in the high one
 * (call.c ops.c attr.c error.c eval.c), so that includes stay a tree.
 *
 * Rules. Functions marked [script] may run script code: after them every length, pointer and type must be read again, and a value held only
 * in a C local across them must be in a slot of rt_temp (arguments of the running native and results just returned are safe until the next
 * [script] call). Failures leave an exception pending and return V_FAIL / false / -1. The collector runs only inside [script] functions. */
#ifndef TINY_VM_RUNTIME_H
#define TINY_VM_RUNTIME_H
#include "vm/object.h"

/* ---- errors (error.c) ---- */
/* fmt: %s C string, %d %i int, %u unsigned, %ld %lld %zd %zu, %c char, %x, %U Str*, %S str(Value), %R repr(Value) [both script], %A ascii(Value),
   %T type name of a Value, %N name of a const Type*, %.200s and widths on %s are understood. Returns V_FAIL. */
Value rt_raise(VM *vm, const Type *exc, const char *fmt, ...);
bool rt_raise_b(VM *vm, const Type *exc, const char *fmt, ...);       /* the same, returns false */
int rt_raise_i(VM *vm, const Type *exc, const char *fmt, ...);        /* the same, returns -1 */
Value rt_raise_obj(VM *vm, Value exception);                          /* an instance; sets __context__ */
Value rt_restore(VM *vm, Value exception);                            /* puts back one that was taken, or raises one made elsewhere (throw): __context__ stays */
Value rt_raise_with(VM *vm, const Type *exc, Value arg);              /* exc(arg): KeyError(key), StopIteration(value); V_ABSENT: exc() */
Value rt_no_memory(VM *vm);                                           /* raises MemoryError from preallocated storage */
bool rt_pending(VM *vm);
bool rt_pending_is(VM *vm, const Type *exc);
Value rt_take_exc(VM *vm);                                            /* clears and returns it */
Value rt_format(VM *vm, const char *fmt, ...);                        /* same fmt, -> str [script for %S %R] */

/* ---- calls (call.c) [script] ---- */
TINY_MUST_CHECK Value rt_call(VM *vm, Value callable, int argc, const Value *argv);
TINY_MUST_CHECK Value rt_call_kw(VM *vm, Value callable, int argc, const Value *argv, Value kwnames); /* kwnames: tuple naming the last of argv, or V_ABSENT */
TINY_MUST_CHECK Value rt_call_method(VM *vm, Value obj, Str *name, int argc, const Value *argv);
/* Looks up a special method on the type (never the instance); V_ABSENT: not there (no error). Bound through descriptors. */
TINY_MUST_CHECK Value rt_special(VM *vm, Value obj, Str *name);
/* Not [script] itself: to be returned by a native. The call is made in the native's place, no C frame in between. */
Value rt_tail_call(VM *vm, Value callable, int argc, const Value *argv);
/* fn(*first, *rest): the last of rest are named by kwnames, if there are any. */
Value rt_tail_call_after(VM *vm, Value callable, int n_first, const Value *first, int n_rest, const Value *rest, Value kwnames);
Value rt_frozen(VM *vm, const char *frozen_name);                     /* the function itself */
Value rt_tail_builtin(VM *vm, const char *frozen_name, int argc, const Value *argv); /* a function of the frozen module _builtins (stdlib/frozen/_builtins.tiny) */
Value rt_call_builtin(VM *vm, const char *frozen_name, int argc, const Value *argv); /* [script] the same, called */

/* One turn of awaiting an instance of a class with TYPE_NATIVE_AWAIT: 1 *out is to be yielded, 0 it is the result, -1 failed. */
int native_await(VM *vm, Value v, Value *out);
void native_await_left(VM *vm, Value v); /* an exception goes to who awaits it */

/* ---- operations (ops.c) [script] ---- */
bool rt_eq(VM *vm, Value a, Value b, bool *out);                      /* identity first, as containers compare */
TINY_MUST_CHECK Value rt_compare(VM *vm, Value a, Value b, Compare op);
bool rt_compare_bool(VM *vm, Value a, Value b, Compare op, bool *out);
bool rt_hash(VM *vm, Value v, int64_t *out);
int rt_truth(VM *vm, Value v);                                        /* 1 0 -1 */
TINY_MUST_CHECK Value rt_repr(VM *vm, Value v);                       /* -> exact-layout str */
TINY_MUST_CHECK Value rt_str(VM *vm, Value v);
TINY_MUST_CHECK Value rt_ascii(VM *vm, Value v);
TINY_MUST_CHECK Value rt_format_value(VM *vm, Value v, Value spec);   /* format(v, spec) */
TINY_MUST_CHECK Value rt_iter(VM *vm, Value v);
int rt_next(VM *vm, Value it, Value *out);                            /* 1 item, 0 end, -1 failed */
int64_t rt_len(VM *vm, Value v);
int64_t rt_length_hint(VM *vm, Value v, int64_t fallback);
TINY_MUST_CHECK Value rt_getitem(VM *vm, Value obj, Value key);
bool rt_setitem(VM *vm, Value obj, Value key, Value value);           /* V_ABSENT: del */
int rt_contains(VM *vm, Value container, Value item);
TINY_MUST_CHECK Value rt_binary(VM *vm, int op, Value a, Value b);    /* BinaryOp of parser/ast.h == tiny_binary_op */
TINY_MUST_CHECK Value rt_inplace(VM *vm, int op, Value a, Value b);
TINY_MUST_CHECK Value rt_unary(VM *vm, int op, Value a);
bool rt_index(VM *vm, Value v, int64_t *out);                         /* __index__; OverflowError "cannot fit 'int' into an index-sized integer" -> IndexError rules are the caller's */
bool rt_index_clamp(VM *vm, Value v, int64_t *out);                   /* as slices: too large becomes INT64_MAX/MIN; None not accepted */
TINY_MUST_CHECK Value rt_index_obj(VM *vm, Value v);                  /* operator.index: -> int object */
bool rt_to_double(VM *vm, Value v, double *out);                      /* float, int, __float__, __index__ */
bool rt_callable(VM *vm, Value v);
TINY_MUST_CHECK Value rt_iter_to_list(VM *vm, Value iterable);        /* new list; runs in C when no script code is needed */

/* ---- attributes (attr.c) [script] ---- */
TINY_MUST_CHECK Value rt_getattr(VM *vm, Value obj, Str *name);
TINY_MUST_CHECK Value rt_getattr_opt(VM *vm, Value obj, Str *name);   /* V_ABSENT instead of AttributeError */
bool rt_setattr(VM *vm, Value obj, Str *name, Value value);           /* V_ABSENT: del */
/* Plain lookup along the MRO, no binding, no script code (not [script]): V_ABSENT when not found. */
Value rt_type_lookup(VM *vm, const Type *type, Str *name);
bool rt_is_subtype(const Type *sub, const Type *super);               /* real subclass relation, not [script] */
int rt_isinstance(VM *vm, Value v, Value cls);                        /* with tuples, unions, __instancecheck__ */
int rt_issubclass(VM *vm, Value v, Value cls);
Value rt_type_value(const Type *t);                                   /* the class object as a value; not [script] */

/* ---- names used by the VM: one interned str each, made at first use; NULL: out of memory, MemoryError pending ---- */
#include "vm/names.h"
Str *rt_name(VM *vm, NameId id);
#define NAME(vm, id) rt_name(vm, NAME_##id)

/* ---- temporaries, budget ---- */
/* n slots (set to None) that the collector sees, given back when the running native returns (or by rt_temp_release). NULL: MemoryError. */
TINY_MUST_CHECK Value *rt_temp(VM *vm, int n);
size_t rt_temp_mark(VM *vm);
void rt_temp_release(VM *vm, size_t mark);
/* Long work inside one builtin: charge about one per 100 ns. False: a limit struck, V_FAIL is to be returned. Not [script]. */
bool rt_charge(VM *vm, uint64_t work);
/* C recursion guard: false (RecursionError) when the C stack in use passes the VM's budget. */
bool rt_enter_c(VM *vm, const char *where);                           /* where: " while getting the repr of an object", or "" */
void rt_leave_c(VM *vm);
Mem *rt_mem(VM *vm);
#endif
