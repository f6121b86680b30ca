/* Which bytearrays and arrays keep their size because memoryviews look at their bytes. python3 knows at once when the last view goes; here a view that nobody has any
 * more is counted until a collection finds it. So where a resize meets views, a collection has to tell whether one of them is in use, and only then it is a BufferError.
 *
 * That costs. A program that makes many views and leaves them (`sock.send(memoryview(data)[n:])`, then `del data[:n]`) pays for it ever more seldom: after 32 + k collections
 * that found garbage only, 2^k - 1 resizes go without asking. So an error may be missed there, but none comes up that python3 would not raise; a view
 * whose part is gone raises BufferError when it is used. */
#include "vm/vm.h"
#include "vm/objects/bytes.h"

typedef struct Export { Obj *view; ByteArray *base; } Export;

bool exports_add(VM *vm, Obj *view, ByteArray *base) {
  if (!mem_grow(&vm->mem, (void **)&vm->exports, &vm->cap_exports, vm->n_exports + 1, sizeof *vm->exports)) return rt_no_memory(vm), false;
  vm->exports[vm->n_exports++] = (Export){view, base};
  base->views++;
  return true;
}

static void drop(VM *vm, size_t i) {
  vm->exports[i].base->views--;
  vm->exports[i] = vm->exports[--vm->n_exports];
}

/* Mostly the newest: `with memoryview(b) as m`. */
void exports_remove(VM *vm, Obj *view) {
  for (size_t i = vm->n_exports; i-- > 0;) {
    if (vm->exports[i].view != view) continue;
    drop(vm, i);
    return;
  }
}

/* A base that dies does so in the same collection as its last view, and is not swept yet. */
void exports_prune(VM *vm) {
  for (size_t i = vm->n_exports; i-- > 0;)
    if (!gc_is_marked(vm, vm->exports[i].view)) drop(vm, i);
}

void exports_free(VM *vm) {
  mem_free(&vm->mem, vm->exports, vm->cap_exports * sizeof *vm->exports);
  vm->exports = NULL;
  vm->n_exports = vm->cap_exports = 0;
}

/* Is one of the views of the array in question marked? */
static void look_for_views(VM *vm) {
  vm->view_in_use = false;
  for (size_t i = 0; i < vm->n_exports && !vm->view_in_use; i++)
    vm->view_in_use = vm->exports[i].base == vm->resized && gc_is_marked(vm, vm->exports[i].view);
}

static bool in_use(VM *vm, ByteArray *b) {
  bool old = false;
  for (size_t i = 0; i < vm->n_exports && !old; i++) old = vm->exports[i].base == b && gc_is_old(vm, vm->exports[i].view);
  vm->resized = b;
  bool asked = gc_probe(vm, old, look_for_views);
  if (asked && vm->view_in_use && !old) asked = gc_probe(vm, true, look_for_views); /* a young view may be held by old garbage */
  vm->resized = NULL;
  return asked && vm->view_in_use;
}

bool exports_allow(VM *vm, ByteArray *b) {
  enum { FREE = 32, MOST = FREE + 10 };
  if (vm->unprobed > 0) return vm->unprobed--, true;
  if (!in_use(vm, b)) {
    if (vm->idle_probes < MOST) vm->idle_probes++;
    if (vm->idle_probes > FREE) vm->unprobed = ((uint32_t)1 << (vm->idle_probes - FREE)) - 1;
    return true;
  }
  vm->idle_probes = 0;
  if (!rt_charge(vm, vm->mem.used >> 8)) return false;
  return rt_raise_b(vm, &exc_BufferError, b->head.small ? "cannot resize an array that is exporting buffers" : "Existing exports of data: object cannot be re-sized");
}
