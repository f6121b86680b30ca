/* The module gc. The collector itself belongs to the VM: disable() only notes the wish, since without it memory would never come back. */
#include <string.h>
#include "include/tiny.h"

typedef struct GcData { bool disabled; int64_t thresholds[3]; } GcData;

static GcData *data_of(tiny_vm *vm) {
  static const char key = 0;
  return tiny_module_data(vm, &key, sizeof(GcData), NULL, NULL);
}

static tiny_val gc_collect_f(tiny_vm *vm, tiny_args *a) {
  int64_t generation = tiny_arg_int(a, 0);
  if (generation < 0 || generation > 2) return tiny_raise(vm, TINY_VALUE_ERROR, "invalid generation");
  tiny_gc_stats before, after;
  tiny_get_gc_stats(vm, &before);
  tiny_collect(vm);
  tiny_get_gc_stats(vm, &after);
  return tiny_uint(vm, after.freed - before.freed);
}

static tiny_val set_disabled(tiny_vm *vm, bool disabled) {
  GcData *d = data_of(vm);
  if (!d) return TINY_FAIL;
  d->disabled = disabled;
  return TINY_NONE;
}

static tiny_val gc_enable(tiny_vm *vm, tiny_args *a) {
  (void)a;
  return set_disabled(vm, false);
}

static tiny_val gc_disable(tiny_vm *vm, tiny_args *a) {
  (void)a;
  return set_disabled(vm, true);
}

static tiny_val gc_isenabled(tiny_vm *vm, tiny_args *a) {
  (void)a;
  GcData *d = data_of(vm);
  return d ? tiny_bool(!d->disabled) : TINY_FAIL;
}

static tiny_val gc_get_objects(tiny_vm *vm, tiny_args *a) {
  (void)a;
  return tiny_gc_objects(vm);
}

static tiny_val gc_get_count(tiny_vm *vm, tiny_args *a) {
  (void)a;
  tiny_val three[3] = {tiny_int(vm, 0), tiny_int(vm, 0), tiny_int(vm, 0)};
  return tiny_tuple(vm, 3, three);
}

static tiny_val gc_get_threshold(tiny_vm *vm, tiny_args *a) {
  (void)a;
  GcData *d = data_of(vm);
  if (!d) return TINY_FAIL;
  static const int64_t standard[3] = {700, 10, 10};
  tiny_val three[3];
  for (int i = 0; i < 3; i++) three[i] = tiny_int(vm, d->thresholds[0] ? d->thresholds[i] : standard[i]);
  return tiny_tuple(vm, 3, three);
}

static tiny_val gc_set_threshold(tiny_vm *vm, tiny_args *a) {
  GcData *d = data_of(vm);
  if (!d) return TINY_FAIL;
  for (int i = 0; i < 3; i++) {
    if (!tiny_is_absent(tiny_arg(a, i)) && !tiny_to_int(vm, tiny_arg(a, i), &d->thresholds[i])) return TINY_FAIL;
  }
  return TINY_NONE;
}

static tiny_val gc_nothing(tiny_vm *vm, tiny_args *a) {
  (void)vm;
  (void)a;
  return TINY_NONE;
}

/* Could it be part of a cycle? Plain tuples and dicts only if something in them could. (This collector tracks everything; CPython untracks those.) */
static bool is_tracked(tiny_vm *vm, tiny_val v, int depth) {
  tiny_kind k = tiny_kind_of(vm, v);
  if (k < TINY_T_TUPLE) return false;
  if (depth > 20) return true;
  if (k == TINY_T_OTHER && !strcmp(tiny_type_name(vm, v), "object")) return false;
  if (k == TINY_T_TYPE) { /* the builtin ones are constants */
    const char *module = tiny_to_str(vm, tiny_getattr(vm, v, "__module__"), NULL);
    return module && strcmp(module, "builtins") != 0;
  }
  if (k == TINY_T_TUPLE && !strcmp(tiny_type_name(vm, v), "tuple")) {
    for (int i = 0, n = tiny_seq_len(v); i < n; i++)
      if (is_tracked(vm, tiny_seq_item(v, i), depth + 1)) return true;
    return false;
  }
  if (k == TINY_T_DICT && depth == 0 && !strcmp(tiny_type_name(vm, v), "dict")) {
    tiny_val key, value;
    for (size_t pos = 0; tiny_dict_next(vm, v, &pos, &key, &value);)
      if (is_tracked(vm, key, depth + 1) || is_tracked(vm, value, depth + 1)) return true;
    return false;
  }
  return true;
}
static tiny_val gc_is_tracked(tiny_vm *vm, tiny_args *a) { return tiny_bool(is_tracked(vm, tiny_arg(a, 0), 0)); }

static const tiny_def functions[] = {
  {"collect", gc_collect_f, "(generation: int = 2)", "Run the garbage collector."},
  {"enable", gc_enable, "()", NULL},
  {"disable", gc_disable, "()", NULL},
  {"isenabled", gc_isenabled, "()", NULL},
  {"get_objects", gc_get_objects, "(generation=None)", NULL},
  {"get_count", gc_get_count, "()", NULL},
  {"get_threshold", gc_get_threshold, "()", NULL},
  {"set_threshold", gc_set_threshold, "(threshold0, threshold1=..., threshold2=..., /)", NULL},
  {"freeze", gc_nothing, "()", NULL},
  {"unfreeze", gc_nothing, "()", NULL},
  {"set_debug", gc_nothing, "(flags, /)", NULL},
  {"is_tracked", gc_is_tracked, "(obj, /)", NULL},
  {0}};

static bool gc_module_init(tiny_vm *vm, tiny_val module) {
  return tiny_setattr(vm, module, "garbage", tiny_list(vm, 0, NULL)) && tiny_setattr(vm, module, "callbacks", tiny_list(vm, 0, NULL));
}

extern const tiny_module gc_module;
const tiny_module gc_module = {"gc", functions, gc_module_init, "Access to the garbage collector."};
