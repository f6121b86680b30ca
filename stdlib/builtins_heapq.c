/* Module _heapq: heaps in lists, heap[k] <= heap[2*k+1] and heap[k] <= heap[2*k+2] (of the *_max functions: >=). Comparing may run a script's __lt__, as in
 * list.sort by a nested run; that may do anything with the list, so a list of another length afterwards is an error. */
#include "stdlib/builtins_int.h"
#include "vm/vm.h"
#include "vm/objects/list.h"

typedef struct HeapList { VM *vm; List *l; bool max; } HeapList;

/* Does item i belong above item j? 1, 0, -1: failed. [script] */
static int above(HeapList *h, size_t i, size_t j) {
  size_t n = h->l->length;
  Value a = h->l->items[i], b = h->l->items[j];
  int r = h->max ? value_less(h->vm, b, a) : value_less(h->vm, a, b);
  if (r < 0 || h->l->length == n) return r;
  return rt_raise_i(h->vm, &exc_RuntimeError, "list changed size during iteration");
}
static void swap(HeapList *h, size_t i, size_t j) { /* the list holds both before and after: nothing for the write barrier */
  Value *v = h->l->items, t = v[i];
  v[i] = v[j];
  v[j] = t;
}
/* Item number `at` goes up as far as it belongs there, not above `top`. */
static bool rise(HeapList *h, size_t top, size_t at) {
  while (at > top) {
    size_t parent = (at - 1) / 2;
    int r = above(h, at, parent);
    if (r < 0) return false;
    if (!r) break;
    swap(h, at, parent);
    at = parent;
  }
  return true;
}
/* Item number `at` goes down to a leaf along the children that belong above, then up to its place: fewer comparisons than stopping on the way. */
static bool sink(HeapList *h, size_t at) {
  size_t n = h->l->length, top = at;
  while (at < n / 2) {
    size_t child = 2 * at + 1;
    if (child + 1 < n) {
      int r = above(h, child, child + 1);
      if (r < 0) return false;
      child += !r;
    }
    swap(h, at, child);
    at = child;
  }
  return rise(h, top, at);
}

static Value empty(VM *vm) { return rt_raise(vm, &exc_IndexError, "index out of range"); }

static Value heappush(VM *vm, Args *a) {
  HeapList h = {vm, v_list(a->v[0]), false};
  return list_append(vm, h.l, a->v[1]) && rise(&h, 0, h.l->length - 1) ? V_NONE : V_FAIL;
}
static Value pop(VM *vm, Args *a, bool max) {
  HeapList h = {vm, v_list(a->v[0]), max};
  if (!h.l->length) return empty(vm);
  Value last = h.l->items[h.l->length - 1], *keep = rt_temp(vm, 1);
  if (!keep) return V_FAIL;
  *keep = last;
  list_remove_at(vm, h.l, h.l->length - 1);
  if (!h.l->length) return last;
  *keep = h.l->items[0];
  gc_store_item(vm, h.l, &h.l->items[0], last);
  return sink(&h, 0) ? *keep : V_FAIL;
}
static Value heappop(VM *vm, Args *a) { return pop(vm, a, false); }
static Value heappop_max(VM *vm, Args *a) { return pop(vm, a, true); }

/* Takes the root, puts item there. */
static Value replace(VM *vm, HeapList *h, Value item) {
  if (!h->l->length) return empty(vm);
  Value *keep = rt_temp(vm, 1);
  if (!keep) return V_FAIL;
  *keep = h->l->items[0];
  gc_store_item(vm, h->l, &h->l->items[0], item);
  return sink(h, 0) ? *keep : V_FAIL;
}
static Value heapreplace(VM *vm, Args *a) { return replace(vm, &(HeapList){vm, v_list(a->v[0]), false}, a->v[1]); }
static Value heapreplace_max(VM *vm, Args *a) { return replace(vm, &(HeapList){vm, v_list(a->v[0]), true}, a->v[1]); }
static Value heappushpop(VM *vm, Args *a) {
  HeapList h = {vm, v_list(a->v[0]), false};
  if (!h.l->length) return a->v[1];
  int r = value_less(vm, h.l->items[0], a->v[1]);
  return r < 0 ? V_FAIL : r ? replace(vm, &h, a->v[1]) : a->v[1];
}

static Value make_heap(VM *vm, Args *a, bool max) {
  HeapList h = {vm, v_list(a->v[0]), max};
  for (size_t i = h.l->length / 2; i-- > 0;) {
    if ((i & 255) == 0 && !rt_charge(vm, 128)) return V_FAIL;
    if (!sink(&h, i)) return V_FAIL;
  }
  return V_NONE;
}
static Value heapify(VM *vm, Args *a) { return make_heap(vm, a, false); }
static Value heapify_max(VM *vm, Args *a) { return make_heap(vm, a, true); }

static const tiny_def functions[] = {
    {"heappush", heappush, "(heap: list, item, /)", "Push item onto heap, maintaining the heap invariant."},
    {"heappop", heappop, "(heap: list, /)", "Pop the smallest item off the heap, maintaining the heap invariant."},
    {"heapreplace", heapreplace, "(heap: list, item, /)", "Pop and return the current smallest value, and add the new item."},
    {"heappushpop", heappushpop, "(heap: list, item, /)", "Push item on the heap, then pop and return the smallest item from the heap."},
    {"heapify", heapify, "(heap: list, /)", "Transform list into a heap, in-place, in O(len(heap)) time."},
    {"_heappop_max", heappop_max, "(heap: list, /)", "Maxheap variant of heappop."},
    {"_heapreplace_max", heapreplace_max, "(heap: list, item, /)", "Maxheap variant of heapreplace."},
    {"_heapify_max", heapify_max, "(heap: list, /)", "Maxheap variant of heapify."},
    {0}};
extern const tiny_module _heapq_module;
const tiny_module _heapq_module = {.name = "_heapq", .functions = functions};
