/* Generators, coroutines, asynchronous generators: an object that owns its frame. See docs/coroutines.md and PEP 255, 342, 380, 479, 492, 525. */
#ifndef TINY_OBJECTS_GENERATOR_H
#define TINY_OBJECTS_GENERATOR_H
#include "vm/frame.h"

enum { GEN_CREATED, GEN_SUSPENDED, GEN_RUNNING, GEN_CLOSED }; /* low byte of head.small; high byte: register that gets the value sent in */
typedef enum { RESUME_SEND, RESUME_THROW, RESUME_CLOSE } ResumeMode;
enum {
  GEN_CLOSING = 1,       /* root: a member of its chain is being closed */
  GEN_BEING_CLOSED = 2,  /* that member: its delegator got GeneratorExit and waits for the end of this one (PEP 380) */
  GEN_HOOKED = 4,        /* asynchronous generator: firstiter was called, the finalizer is kept behind its registers. Coroutine: its origin is kept there */
  GEN_RUNNING_ASYNC = 8, /* ... one of its asend(), athrow(), aclose() is under way */
  GEN_PRIVATE = 8,       /* coroutine: made by the await that runs it, and nobody has seen it: when it ends it can be used again */
  GEN_AG_CLOSED = 16,    /* ... aclose() began, or it ended by an exception */
  GEN_STEP_THROWS = 32,  /* asend(): begun by throw() */
  GEN_ENGINE = 64,       /* makes the items of a builtin iterator: begins anew after an exception, which leaves it as it is; its parameters are all its state */
  GEN_ENGINE_ENDS = 128, /* ... but is exhausted for good once it returned */
};

/* A chain: root delegates to ... delegates to leaf; `yield_from` points inward, `delegator` outward. Only the root is marked running while any of
   them runs. A gen without delegator is a root; its `link` caches the leaf (NULL: itself), to be believed only while `epoch` is the VM's.
   A gen with a delegator uses `link` as the root (perhaps itself, when it was resumed from outside of its chain) of the run it is the leaf of, valid
   only while running. A gen keeps what it delegates to alive, not its delegator. */
typedef struct Gen {
  Obj head;
  struct Gen *delegator;
  struct Gen *link;
  Value yield_from;        /* what it delegates to (generator or foreign iterator), V_ABSENT */
  uint32_t epoch;
  uint32_t chain : 24, flags : 8; /* chain: number of delegators above, for the depth limit */
  Frame frame;             /* and its registers behind it: must be last */
} Gen;
static inline Gen *v_gen(Value v) { return (Gen *)v_obj(v); }
static inline Gen *frame_gen(Frame *f) { return (Gen *)(void *)((char *)f - offsetof(Gen, frame)); }
static inline uint8_t gen_state(const Gen *g) { return (uint8_t)g->head.small; }
static inline void gen_set_state(Gen *g, uint8_t state) { g->head.small = (uint16_t)((g->head.small & 0xFF00) | state); }
static inline Gen *gen_root(Gen *g) { return g->delegator ? g->link : g; }  /* of the running leaf */

/* A new generator-layout object of fn's kind (generator, coroutine, asynchronous generator); registers unbound. NULL: MemoryError. */
TINY_MUST_CHECK Gen *gen_new(VM *vm, Function *fn);
TINY_MUST_CHECK Gen *gen_new_private(VM *vm, Function *fn); /* a coroutine with GEN_PRIVATE, perhaps one used before */
void gen_publish(Gen *g);                        /* scripts or C get hold of it */
/* Is g, the running leaf, one that can be used again when it returns? */
static inline bool gen_is_private(const Gen *g) {
  return g->flags == GEN_PRIVATE && g->frame.flags == FRAME_GEN && g->head.type == &coroutine_type && g->delegator && g->link != g;
}
Gen *gen_leave_private(VM *vm, Gen *leaf);       /* gen_leave for such a one, which may be gone then */
/* The function that made a coroutine which has not begun, and the line; NULL: no script did. */
Function *gen_maker(const Gen *g, int *line);
/* A generator-layout object of type `as` running the frozen generator function. */
TINY_MUST_CHECK Value gen_from_builtin(VM *vm, const Type *as, const char *frozen_name, int argc, const Value *argv);

TINY_MUST_CHECK Value gen_engine_new(VM *vm, const Type *as, const char *frozen_name, int argc, const Value *argv, uint8_t flags);
void gen_restart(Gen *g);                        /* an engine that ended: as just made */

/* Prepares the run of a generator for the dispatch loop: vm->frame becomes the leaf's frame, which will return to `back` as cont, dest, aux say. */
typedef enum {
  BEGIN_FAIL,     /* exception pending, nothing changed: raise it in `back` */
  BEGIN_RUN,      /* go on in vm->frame */
  BEGIN_THROW,    /* raise the pending exception in vm->frame */
  BEGIN_ENDED     /* it was exhausted already: treat as a return of None */
} Begin;
Begin gen_begin(VM *vm, Gen *g, ResumeMode mode, Value value, Frame *back, uint8_t cont, uint8_t dest, uint8_t aux);
Begin gen_delegate(VM *vm, Gen *from, Gen *to);  /* `from` runs and starts to delegate to the generator `to`: BEGIN_RUN: vm->frame is the new leaf's */
bool gen_in_running_chain(Gen *g);               /* it or one of its delegators is marked running */
Gen *gen_leave(VM *vm, Gen *leaf);               /* the running leaf ended: unlinks it; its delegator (now the running leaf) or NULL when it was the root */
void gen_suspend(VM *vm, Gen *leaf, uint8_t send_reg); /* the running leaf yields: marks its root suspended */
/* From C: one resume, nested run. [script] */
tiny_outcome gen_resume(VM *vm, Value gen, ResumeMode mode, Value value, Value *out);
Value gen_send_m(VM *vm, Args *a);               /* the natives `send` and `__next__`, known to the dispatch loop */
Value gen_next_m(VM *vm, Args *a);
Value gen_throw_m(VM *vm, Args *a);
Value gen_close_m(VM *vm, Args *a);
Value gen_del_m(VM *vm, Args *a);
Value gen_get_name(VM *vm, Value self);
Value gen_get_qualname(VM *vm, Value self);
bool gen_set_name(VM *vm, Value self, Value v);
bool gen_set_qualname(VM *vm, Value self, Value v);
Value gen_builtin_next(VM *vm, Args *a);         /* the builtin next(iterator[, default]) */
Value gen_tail_resume(VM *vm, Value gen, ResumeMode mode, Value value); /* what a native returns to resume a generator in its place */
void gen_trace(Tracer *t, Obj *o);
Value gen_repr(VM *vm, Value self);
/* Asynchronous generators (async_gen.c): the object that asend() and its kin give is a member of the chain between who awaits it and the generator. */
Begin async_gen_begin(VM *vm, Gen *step, Gen *ag);/* `step` starts to delegate to its asynchronous generator: as gen_delegate */
Gen *async_gen_leave(VM *vm, Gen *ag);           /* ag, the running leaf, gives an item, returns or raises: its step (now the running leaf) or NULL */
Begin async_gen_refused(VM *vm, Gen *step, Gen *ag); /* it cannot be resumed now: the exception, or BEGIN_ENDED */
static inline bool gen_is_step(const Gen *g) { return g->head.type == &asend_type || g->head.type == &athrow_type; }
/* `async for` delegates to its asynchronous generator itself, without a step between them: nobody could get hold of that one. Anything unusual about the generator: not ready. */
static inline bool async_gen_ready(const Gen *ag) {
  return gen_state(ag) == GEN_SUSPENDED && !ag->delegator && (ag->flags & (GEN_HOOKED | GEN_RUNNING_ASYNC | GEN_AG_CLOSED)) == GEN_HOOKED;
}
bool gen_is_item(const Gen *to);                 /* delegating to it is waiting for an item of an asynchronous generator, which is not closed with the delegator (PEP 525) */
TINY_MUST_CHECK Value gen_awaits(VM *vm, Gen *g); /* what scripts see that it delegates to: V_NONE: nothing */
bool async_gen_begin_by_throw(VM *vm, Gen *step, Value exc); /* throw() of a step that has not begun */
void async_gen_step_ended(Gen *step);            /* one with GEN_STEP_THROWS */
void gen_drop_step(VM *vm, Gen *step);           /* close() of a step: it forgets its generator, which is not resumed */
Value async_gen_anext(VM *vm, Value ag);         /* [script] */
Value async_gen_anext_default(VM *vm, Value awaitable, Value dflt); /* what anext(it, default) returns */
Value async_gen_finalizer(Gen *ag);              /* hook to call when it is abandoned; V_NONE: none */
void gen_detach(VM *vm, Gen *g);                 /* its delegator is gone */
void gen_cut(VM *vm, Gen *leaf, Gen *m);         /* m and what is below it, down to the running leaf, leave the chain: m's delegator is the running leaf */
void gen_link(VM *vm, Gen *from, Gen *to, Gen *leaf); /* `to`, whose innermost generator is leaf, becomes the delegate of the running `from` */
/* Exception from the arguments of throw(type[, value[, traceback]]). V_FAIL. */
Value gen_make_exc(VM *vm, Value type, Value value, Value tb);
/* Exception that ended a generator body: StopIteration becomes RuntimeError (PEP 479). Changes vm->exc. */
void gen_check_stop(VM *vm, Gen *g);
#endif
