/* tiny.h: looking into the VM, for the modules sys, gc, traceback and for hosts that debug. */
#include "vm/api_int.h"
#include "vm/objects/int.h"
#include "vm/objects/list.h"
#include "vm/objects/traceback.h"

const tiny_config *tiny_config_of(tiny_vm *vm) { return &vm->config; }
tiny_val tiny_modules(tiny_vm *vm) { return v_from_obj(vm->modules); }
tiny_val tiny_handled_exception(tiny_vm *vm) { return v_absent(vm->handled) ? V_NONE : vm->handled; }
long tiny_read(tiny_vm *vm, char *buf, size_t len) { return vm->config.read ? vm->config.read(vm->config.user, buf, len) : 0; }

tiny_val tiny_traceback_text(tiny_vm *vm, tiny_val exception) {
  if (!api_ready1(vm, exception)) return V_FAIL;
  if (!is_exception(exception)) return rt_raise(vm, &exc_TypeError, "an exception is required, not '%T'", exception);
  Buf b;
  buf_init(&b, &vm->mem);
  if (!exc_print(vm, exception, &b)) {
    buf_free(&b);
    return rt_pending(vm) ? V_FAIL : rt_no_memory(vm);
  }
  return api_pin(vm, v_from_str(str_from_buf(vm, &b)));
}

tiny_val tiny_frame(tiny_vm *vm, int depth) {
  Frame *f = depth >= 0 ? frame_script(vm, depth) : NULL;
  return f ? api_pin(vm, frame_object_new(vm, f)) : V_NONE;
}

tiny_val tiny_intern(tiny_vm *vm, tiny_val str) {
  if (!api_ready1(vm, str)) return V_FAIL;
  if (!v_is_exact(str, &str_type)) return rt_raise(vm, &exc_TypeError, is_str(str) ? "can't intern %T" : "intern() argument must be str, not %T", str);
  return api_pin(vm, v_from_str(str_intern_str(vm, v_str(str))));
}

size_t tiny_size_of(tiny_vm *vm, tiny_val v) {
  if (!v_is_obj(v)) return sizeof(Value);
  size_t n = gc_obj_size(vm, v_obj(v));
  if (is_list(v)) n += v_list(v)->capacity * sizeof(Value);
  else if (is_dict(v)) n += v_dict(v)->capacity * sizeof(DictEntry) + (v_dict(v)->log2_size ? (size_t)1 << v_dict(v)->log2_size : 0);
  else if (is_anyset(v) && v_set(v)->table != v_set(v)->small) n += (v_set(v)->mask + 1) * sizeof(SetEntry);
  return n;
}

uint32_t tiny_recursion_limit(tiny_vm *vm) { return vm->recursion_limit; }
void tiny_set_recursion_limit(tiny_vm *vm, uint32_t frames) { vm->recursion_limit = frames; }
uint64_t tiny_int_max_str_digits(tiny_vm *vm) { return vm->int_max_str_digits; }
void tiny_set_int_max_str_digits(tiny_vm *vm, uint64_t digits) { vm->int_max_str_digits = digits; }

uint32_t *tiny_origin_depth(tiny_vm *vm) { return &vm->origin_depth; }

void tiny_print_unraisable(tiny_vm *vm, tiny_val exception, const char *what, tiny_val object) { exc_print_unraisable(vm, exception, what, object); }

void tiny_asyncgen_hooks(tiny_vm *vm, tiny_val *firstiter, tiny_val *finalizer) {
  *firstiter = vm->asyncgen_firstiter;
  *finalizer = vm->asyncgen_finalizer;
}

void tiny_set_asyncgen_hooks(tiny_vm *vm, tiny_val firstiter, tiny_val finalizer) {
  if (!v_absent(firstiter)) vm->asyncgen_firstiter = firstiter;
  if (!v_absent(finalizer)) vm->asyncgen_finalizer = finalizer;
}

typedef struct Listing { VM *vm; List *list; bool failed; } Listing;

static void list_one(void *ctx, Obj *o) {
  Listing *l = ctx;
  switch (o->type->layout) {
    case LAY_OBJECT: case LAY_LIST: case LAY_TUPLE: case LAY_DICT: case LAY_SET: case LAY_FROZENSET: case LAY_FUNCTION: case LAY_TYPE: case LAY_MODULE: case LAY_GEN:
    case LAY_METHOD: case LAY_CELL: case LAY_EXCEPTION: case LAY_NATIVE_INSTANCE:
      if (o == &l->list->head || l->failed) return;
      if (o->type->layout == LAY_GEN) gen_publish((Gen *)(void *)o);
      l->failed = !list_append(l->vm, l->list, v_from_obj(o));
      return;
    default: return;
  }
}

tiny_val tiny_gc_objects(tiny_vm *vm) {
  Listing l = {vm, list_new(vm, NULL, 0), false};
  if (!l.list) return V_FAIL;
  memset(vm->spare_gens, 0, sizeof vm->spare_gens);
  gc_each(vm, list_one, &l);
  return l.failed ? V_FAIL : api_pin(vm, v_from_obj(l.list));
}

void tiny_get_gc_stats(tiny_vm *vm, tiny_gc_stats *out) {
  const GcStats *s = gc_stats(vm);
  *out = (tiny_gc_stats){s->collections, s->freed, s->live_bytes, gc_count(vm)};
}

uint64_t tiny_collections(tiny_vm *vm) { return gc_stats(vm)->collections; }

tiny_val tiny_library_function(tiny_vm *vm, const char *name) { return rt_frozen(vm, name); }

static bool is_function(VM *vm, Value v) {
  return api_ready1(vm, v) && (v_is_exact(v, &function_type) || rt_raise_b(vm, &exc_TypeError, "a function is required, not '%T'", v));
}

bool tiny_mark_coroutine(tiny_vm *vm, tiny_val function) {
  if (!is_function(vm, function)) return false;
  Code *code = ((Function *)v_obj(function))->code;
  if (code->flags & CODE_GENERATOR) code->flags |= CODE_ITERABLE_COROUTINE;
  return true;
}

tiny_val tiny_awaited(tiny_vm *vm, tiny_val generator) {
  Value v = is_gen(generator) ? v_gen(generator)->yield_from : V_ABSENT;
  if (is_gen(v)) gen_publish(v_gen(v));
  return v_absent(v) ? V_NONE : tiny_pin(vm, v);
}

bool tiny_coroutine_function(tiny_vm *vm, tiny_val function) {
  if (!is_function(vm, function)) return false;
  Code *code = ((Function *)v_obj(function))->code;
  if (code->flags & CODE_GENERATOR) code->flags = (code->flags & ~(uint32_t)CODE_GENERATOR) | CODE_COROUTINE;
  return true;
}
