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
  /* The following finish the instruction before pc, which they decode again: its registers still hold the operands. */
  CONT_TRUTH,      /* the result's truth (perhaps by another call) goes where the instruction says: a jump or a bool */
  CONT_BOOL,       /* result of __bool__ (or of __len__: aux bit AUX_LEN): then as CONT_TRUTH */
  CONT_BINARY,     /* NotImplemented: next attempt (aux: number of the one made); else store */
  CONT_COMPARE,    /* the same for comparisons, then CONT_TRUTH if it is a fused branch; AUX_NEGATE: __eq__ asked for != */
  CONT_CONTAINS,   /* as CONT_TRUTH; NOTIN negates */
  CONT_FOR,        /* item of a for loop: store and jump; StopIteration ends the loop */
  CONT_GETATTR,    /* store; AttributeError: try __getattr__ */
  CONT_ITER,       /* store; the result must be an iterator */
  CONT_AITER,      /* store; the result must have __anext__ */
  CONT_STR,        /* FORMAT: the result must be a str */
  CONT_DELEGATE,   /* item of a foreign iterator inside yield from: yield it on; StopIteration: result of the yield from */
  CONT_DELEGATE_CLOSE, /* its close() is done: raise the exception kept in yield_from's place */
  CONT_AWAITABLE,  /* __await__: the result must be an iterator, not a coroutine */
  CONT_IMPORT,     /* a module's body ran: go on with the IMPORT instruction */
  CONT_ENTER,
  CONT_NATIVE      /* the frame below is a native continuation frame: call its then-function */
} Cont;
enum { AUX_STAGE = 7, AUX_THROW = 16 /* CONT_DELEGATE: resumed by throw() */, AUX_LEN = 32, AUX_NEGATE = 64, AUX_LONG = 128 /* the calling instruction has two words */ };

enum { FRAME_GEN = 1, FRAME_CHUNK_FIRST = 2, FRAME_NATIVE = 4, FRAME_CLOSING = 8, FRAME_OBJECT = 16 /* may have a FrameObject */ };

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
static inline Value *frame_regs(const Frame *f) { return (Value *)(uintptr_t)(f + 1); }
#define FRAME_WORDS (sizeof(Frame) / sizeof(Value))

/* FRAME_NATIVE: a native waiting for script code. Its registers: [0] state */
typedef struct NativeFrame {
  Frame f;
  Value state;
  tiny_then_fn then;
  Value want_gen;          /* generator being driven by tiny_then_send, or absent */
} NativeFrame;

/* frame.c. Frames pushed have registers from n_args on set to unbound. NULL: RecursionError or MemoryError is pending. */
TINY_MUST_CHECK Frame *frame_push(VM *vm, Function *fn, uint32_t n_args);
TINY_MUST_CHECK NativeFrame *frame_push_native(VM *vm, tiny_then_fn then, Value state);
void frame_pop(VM *vm, Frame *f);               /* a frame of the stack, which is the topmost */
void frame_object_detach(VM *vm, Frame *f);      /* a frame with FRAME_OBJECT is about to end (objects/frame_object.c) */
void frame_objects_prune(VM *vm);               /* between marking and sweeping */
void frame_objects_free(VM *vm);
void frames_trace(VM *vm, struct tiny_tracer *t);
void frame_stack_free(VM *vm);
size_t frame_stack_bytes(const VM *vm);         /* in use */
Value frame_locals(VM *vm, Frame *f);           /* dict as locals() gives it; the namespace itself at module and class level */
Frame *frame_script(VM *vm, int depth);         /* depth-th script frame from the top that is not hidden; NULL */
Frame *frame_back(Frame *f);                    /* caller as a traceback shows it: through delegation chains, over native frames */
#endif
