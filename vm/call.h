/* Calls without C recursion: a call is begun, and either done at once or a frame is pushed whose result goes where its `cont` says. */
#ifndef TINY_VM_CALL_H
#define TINY_VM_CALL_H
#include "vm/vm.h"

typedef enum { STEP_FAIL, STEP_DONE, STEP_PUSHED, STEP_THROW /* vm->frame is to raise the pending exception */ } Step;
typedef struct Dest { uint8_t cont, dest, aux; } Dest; /* for the frame that will be pushed on vm->frame */

/* callable(argv[0..argc)); kwnames names the last of argv (tuple), or V_ABSENT. argv[-1] must be writable scratch; argv may lie in the caller's registers. */
Step call_begin(VM *vm, Value callable, Value *argv, int argc, Value kwnames, Dest d, Value *out);
Step call_tail(VM *vm, Dest d, Value *out);                /* makes the call recorded in vm->tail (a native returned V_TAILCALL) */
/* A native continuation frame (popped by this) got the outcome of what it waited for. */
Step call_native_resume(VM *vm, NativeFrame *nf, tiny_outcome how, Value v, Dest *d, Value *out);
/* Binds arguments to the parameters of fn in regs (which are unbound so far), as the language reference, "Calls". */
bool call_bind(VM *vm, Function *fn, const Value *argv, int argc, Value kwnames, Value *regs);

/* `await fn(...)` of the coroutine in frame f, whose YIELDFROM is at `at`: fn's coroutine begins at once as its delegate, in vm->frame. False: raise behind `at`. */
bool call_await(VM *vm, Frame *f, const uint32_t *at, Function *fn, const Value *argv, int argc);

void call_free(VM *vm);                                    /* what call.c keeps in the VM */

typedef enum { RUN_RETURNED, RUN_YIELDED, RUN_RAISED, RUN_PAUSED } RunResult;
RunResult vm_run(VM *vm, bool throwing, Value *result);    /* eval.c: runs vm->frame until a frame with CONT_EXIT ends */
bool vm_safe_point(VM *vm);                                /* vm.c: fuel ran out: budget, collector, interrupts. False: exception pending, or vm->paused */

/* ops.c: operations of the dispatch loop when its fast paths do not apply. Dest says where a pushed frame's result goes. */
Step ops_binary(VM *vm, int op, bool inplace, Value a, Value b, int stage, uint8_t dest, uint8_t long_ins, Value *out);
Step ops_compare(VM *vm, int op, Value a, Value b, int stage, uint8_t dest, uint8_t long_ins, Value *out);
Step ops_unary(VM *vm, int op, Value a, Dest d, Value *out);
Step ops_truth(VM *vm, Value v, uint8_t dest, uint8_t long_ins, bool *out);
Step ops_getitem(VM *vm, Value obj, Value key, Dest d, Value *out);
Step ops_setitem(VM *vm, Value obj, Value key, Value value, Dest d);
Step ops_contains(VM *vm, Value container, Value item, uint8_t dest, uint8_t long_ins, Value *out);
Step ops_iter(VM *vm, Value v, Dest d, Value *out);
Step ops_next(VM *vm, Value it, Dest d, Value *out);        /* __next__ of a script's iterator or a C one that ended by StopIteration: STEP_FAIL */
bool ops_is_iterator(VM *vm, Value v);
const char *ops_symbol(int op, bool inplace);
#endif
