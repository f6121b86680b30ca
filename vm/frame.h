/* A frame: one activation of script code, its registers right behind it. Frames of plain calls live on the VM stack, a chain of chunks that
 * never move; a generator owns its frame and is run in place. A frame says where it came from (back) and what to do with its result (cont). */
#ifndef TINY_VM_FRAME_H
#define TINY_VM_FRAME_H
#include "vm/code.h"
#include "vm/objects/function.h"

/* What happens with a frame's result in the frame below. CONT_STORE must be 0 (tested together with flags). */
typedef enum {
  CONT_STORE,      /* R[dest] = result */
  CONT_EXIT,       /* leave this run of the dispatch loop: result to C */
  CONT_DISCARD,
  CONT_INIT,       /* __init__: result must be None; R[dest] = R[aux] (the instance) */
  CONT_BRANCH,     /* truth of the result decides the fused compare-and-branch before pc: sense in aux bit 0 */
  CONT_TRUTH,      /* R[dest] = truth of the result, as bool; aux bit 0: negated */
  CONT_BINARY,     /* NotImplemented: go on with the reflected operand, see ops.c; else store */
  CONT_COMPARE, CONT_COMPARE_BRANCH,
  CONT_FOR,        /* item of a for loop: store and jump; StopIteration ends the loop */
  CONT_GETATTR,    /* AttributeError: try __getattr__ */
  CONT_DELEGATE,   /* result of a foreign iterator's __next__/send/throw inside yield from */
  CONT_ITER,       /* __iter__: the result must be an iterator */
  CONT_NEXT,       /* next(it[, default]) */
  CONT_BOOL,       /* result of __bool__ / __len__ */
  CONT_NATIVE,     /* the frame below is a native continuation frame: call its then-function */
  CONT_CONTAINS, CONT_LEN, CONT_STR, CONT_NEW /* result of __new__: call __init__ if it is an instance */
} Cont;

enum { FRAME_GEN = 1, FRAME_CHUNK_FIRST = 2, FRAME_NATIVE = 4, FRAME_THROWN = 8, FRAME_NO_TRACE = 16 };

typedef struct Frame Frame;
struct Frame {
  Frame *back;             /* who resumes when this frame returns or yields; NULL: bottom */
  const uint32_t *pc;      /* next instruction, while not running */
  Function *func;          /* code, globals, closure. Native continuation frames: NULL */
  uint8_t dest;            /* register of the frame below that gets the result */
  uint8_t cont;            /* Cont */
  uint8_t flags;           /* FRAME_* */
  uint8_t aux;             /* depends on cont */
  uint32_t depth;          /* frames below, for the recursion limit */
  /* Value regs[] */
};
static inline Value *frame_regs(Frame *f) { return (Value *)(f + 1); }

/* FRAME_NATIVE: a native waiting for script code. Its registers: [0] state */
typedef struct NativeFrame {
  Frame f;
  Value state;
  tiny_then_fn then;
  Value want_gen;          /* generator being driven by tiny_then_send, or absent */
} NativeFrame;
#endif
