/* Generators, coroutines, asynchronous generators: an object that owns its frame. See docs/coroutines.md and PEP 255, 342, 380, 479, 492, 525. */
#ifndef TINY_OBJECTS_GENERATOR_H
#define TINY_OBJECTS_GENERATOR_H
#include "vm/frame.h"

enum { GEN_CREATED, GEN_SUSPENDED, GEN_RUNNING, GEN_CLOSED }; /* head.small, low byte: state */

typedef struct Gen {
  Obj head;
  struct Gen *delegator;   /* the generator that is suspended in `yield from` this one; NULL */
  struct Gen *leaf;        /* innermost generator this one delegates to; itself (NULL) when it does not. Trusted only when leaf_epoch is the VM's */
  Value yield_from;        /* what it delegates to (generator or foreign iterator), V_ABSENT */
  uint32_t leaf_epoch;
  uint32_t n_regs;
  Frame frame;             /* and its registers behind it: must be last */
} Gen;
static inline Gen *v_gen(Value v) { return (Gen *)v_obj(v); }
static inline Gen *frame_gen(Frame *f) { return (Gen *)((char *)f - offsetof(Gen, frame)); }
static inline uint8_t gen_state(const Gen *g) { return (uint8_t)g->head.small; }
#endif
