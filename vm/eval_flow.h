/* What happens when a frame ends or suspends: its value, its item or its exception goes to the frame below, as that frame's continuation says. */
#ifndef TINY_VM_EVAL_FLOW_H
#define TINY_VM_EVAL_FLOW_H
#include "vm/call.h"

typedef enum {
  GO_RUN,    /* go on in vm->frame at its pc */
  GO_EXIT,   /* this run of the loop is over: RunEnd */
  GO_RAISE,  /* raise the pending exception in vm->frame */
  GO_THROW   /* the same, but it comes from outside (throw()): vm->frame was suspended */
} Go;
typedef struct RunEnd { RunResult how; Value value; } RunEnd;

Go flow_deliver(VM *vm, Dest d, Value v, RunEnd *end);    /* a result for vm->frame */
Go flow_yield(VM *vm, Dest d, Value v, RunEnd *end);      /* an item that a generator yielded to vm->frame */
Go flow_return(VM *vm, Frame *f, Value v, RunEnd *end);   /* frame f ended with v: pops it, delivers */
Go flow_suspend(VM *vm, Frame *f, Value v, RunEnd *end);  /* generator frame f, marked suspended already, yields v */
Go flow_item(VM *vm, Frame *f, Value v, uint8_t send_reg, RunEnd *end); /* the frame of an asynchronous generator gives an item */
Go flow_raise(VM *vm, Go how, RunEnd *end);               /* unwinds; never gives GO_RAISE or GO_THROW */
Go flow_step(VM *vm, Step s, Dest d, Value v, RunEnd *end); /* outcome of a Step begun for vm->frame */
Go flow_getattr_failed(VM *vm, Dest d, RunEnd *end);       /* AttributeError is pending where __getattr__ may help; else GO_RAISE */
Go flow_delegate(VM *vm, Frame *f, RunEnd *end);          /* YIELDFROM (just before f->pc) to anything that cannot join the chain */
/* Handled exception of a frame that delegates inside an except block: in force while the delegate runs, put back while suspended. */
void flow_delegate_enter(VM *vm, Frame *f);
void flow_delegate_leave(VM *vm, Frame *f);
#endif
