/* The parts of instructions that are not worth space in the dispatch loop. Each works on the frame's registers; false: exception pending. */
#ifndef TINY_VM_EVAL_COLD_H
#define TINY_VM_EVAL_COLD_H
#include "vm/call.h"

Value cold_number(VM *vm, int op, Value a, Value b);                      /* mixed and boxed int/float arithmetic, str concatenation; V_NOTIMPL: something else */
bool cold_unbound(VM *vm, Value name, bool free_var);                     /* raises; returns false */
bool cold_get_global(VM *vm, Frame *f, Value *consts, uint32_t site, Value *out);
bool cold_set_global(VM *vm, Frame *f, Value *consts, uint32_t site, Value v);
bool cold_del_global(VM *vm, Frame *f, uint32_t site);
bool cold_get_name(VM *vm, Frame *f, Value name, Value *out);
bool cold_set_name(VM *vm, Value ns, Value name, Value v);
bool cold_del_name(VM *vm, Value ns, Value name);
bool cold_get_class_free(VM *vm, Frame *f, uint32_t index, Value *out);
bool cold_build_set(VM *vm, Value *items, uint32_t n, Value *out);
bool cold_build_dict(VM *vm, Value *pairs, uint32_t n, Value *out);
bool cold_build_string(VM *vm, const Value *parts, uint32_t n, Value *out);
bool cold_function(VM *vm, Frame *f, uint32_t w, Value code, Value *out);
bool cold_unpack(VM *vm, Value v, Value *out, uint32_t n);
bool cold_unpack_ex(VM *vm, Value v, Value *out, uint32_t before, uint32_t after);
bool cold_unpack_big(VM *vm, Value v, uint32_t n, Value *out);
bool cold_dict_update(VM *vm, Dict *d, Value mapping);
bool cold_dict_merge(VM *vm, Dict *d, Value mapping, Value callee);
bool cold_check_star(VM *vm, Value v);
bool cold_not_iterable_arg(VM *vm, Value callee, Value v);
Step cold_format(VM *vm, Value v, Value spec, int conversion, uint8_t dest, Value *out);
bool cold_raise(VM *vm, Value exc, Value cause);                           /* always false */
bool cold_raise_current(VM *vm);                                          /* always false */
bool cold_assert_fail(VM *vm, Value arg, bool has_arg);
bool cold_get_special(VM *vm, Value obj, int which, Value *out);          /* out[0], out[1] */
Step cold_awaitable(VM *vm, Value v, int what, uint8_t dest, Value *out);
enum { AUX_ANEXT = 1 };                                                   /* CONT_AWAITABLE: of what __anext__ gave */
void cold_bad_anext(VM *vm, Value v);
bool cold_check_awaitable(VM *vm, Value v);                               /* result of __await__ */
bool cold_yield_from_iter(VM *vm, Frame *f, Value v, Value *out, bool *need_iter);
Step cold_aiter(VM *vm, Value v, uint8_t dest, Value *out);
bool cold_check_aiter(VM *vm, Value v);
Step cold_anext(VM *vm, Value v, uint8_t dest, Value *out);
bool cold_annotations(VM *vm, Frame *f);
int cold_match_seq(VM *vm, Value v, int64_t want, int64_t *length);
int cold_match_map(VM *vm, Value v);
bool cold_match_keys(VM *vm, Value map, Tuple *keys, Value *out);
bool cold_match_rest(VM *vm, Value map, Tuple *keys, Value *out);
bool cold_match_class(VM *vm, Value v, Value cls, Tuple *names, uint32_t n_pos, Value *out);
bool cold_kwargs_call(VM *vm, Value *window, Value *kwnames, int *argc, Value **argv, size_t *cap); /* CALLEX: flattens into counted memory */
Step cold_throw_foreign(VM *vm, Gen *g, Value *out);                      /* vm->exc is thrown into g, which is past its YIELDFROM to a foreign iterator; STEP_DONE: an item */
int ops_bool_result(VM *vm, Value v, bool is_len);
const char *cold_list_extend_name(VM *vm, Value iterable); /* the frozen function that extends a list by it */
#endif
