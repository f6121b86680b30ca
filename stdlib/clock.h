/* The VM's clock. It may be virtual (tiny_set_virtual_time): then time stands still but for sleeping, which makes it jump, so that programs
 * that wait run at once and always the same way. */
#ifndef TINY_STDLIB_CLOCK_H
#define TINY_STDLIB_CLOCK_H
#include <time.h>
#include "include/tiny.h"

typedef struct VirtualClock {
  int64_t now_ns;
  int loops;               /* running loops that have asked for it */
  bool always;             /* tiny_set_virtual_time */
} VirtualClock;
VirtualClock *clock_virtual(tiny_vm *vm);                /* NULL: the clock is the system's */
int64_t clock_ns(clockid_t id);                          /* the system's */
int64_t clock_seen_ns(tiny_vm *vm, clockid_t id);        /* what scripts see */
VirtualClock *clock_data(tiny_vm *vm);                   /* NULL: MemoryError pending */
#endif
