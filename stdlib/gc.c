/* The module gc. The collector itself belongs to the VM: disable() only notes the wish, since without it memory would never come back. */
#include <string.h>
#include "include/tiny.h"

typedef struct GcData {
  bool disabled;
  int64_t thresholds[3];
  uint64_t asked[3], freed[3]; /* collect(generation): how often, and what that has freed */
  uint64_t asked_all;          /* collections of the VM that these were */
  uint64_t frozen;             /* objects that freeze() has seen */
} GcData;

static GcData *data_of(tiny_vm *vm) {
  static const char key = 0;
  return tiny_module_data(vm, &key, sizeof(GcData), NULL, NULL);
}

static tiny_val gc_collect_f(tiny_vm *vm, tiny_args *a) {
  int64_t generation = tiny_arg_int(a, 0);
  if (generation < 0 || generation > 2) return tiny_raise(vm, TINY_VALUE_ERROR, "invalid generation");
  GcData *d = data_of(vm);
  if (!d) return TINY_FAIL;
  tiny_gc_stats before, after;
  tiny_get_gc_stats(vm, &before);
  tiny_collect(vm);
  tiny_get_gc_stats(vm, &after);
  d->asked[generation]++;
  d->asked_all += after.collections - before.collections;
  d->freed[generation] += after.freed - before.freed;
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

/* The VM's own collections count as those of the youngest generation. */
static tiny_val gc_get_stats(tiny_vm *vm, tiny_args *a) {
  (void)a;
  GcData *d = data_of(vm);
  if (!d) return TINY_FAIL;
  tiny_gc_stats all;
  tiny_get_gc_stats(vm, &all);
  uint64_t own_freed = all.freed - d->freed[0] - d->freed[1] - d->freed[2], own = all.collections - d->asked_all;
  tiny_val three[3];
  for (int i = 0; i < 3; i++) {
    three[i] = tiny_dict(vm);
    if (!tiny_dict_set(vm, three[i], "collections", tiny_uint(vm, d->asked[i] + (i ? 0 : own))) || !tiny_dict_set(vm, three[i], "collected", tiny_uint(vm, d->freed[i] + (i ? 0 : own_freed))) ||
        !tiny_dict_set(vm, three[i], "uncollectable", tiny_int(vm, 0))) return TINY_FAIL;
  }
  return tiny_list(vm, 3, three);
}

/* Nothing has to be kept from the collector: what is old is not moved or copied. */
static tiny_val gc_freeze(tiny_vm *vm, tiny_args *a) {
  (void)a;
  GcData *d = data_of(vm);
  if (!d) return TINY_FAIL;
  tiny_gc_stats all;
  tiny_get_gc_stats(vm, &all);
  d->frozen = all.objects;
  return TINY_NONE;
}

static tiny_val gc_unfreeze(tiny_vm *vm, tiny_args *a) {
  (void)a;
  GcData *d = data_of(vm);
  if (!d) return TINY_FAIL;
  d->frozen = 0;
  return TINY_NONE;
}

static tiny_val gc_get_freeze_count(tiny_vm *vm, tiny_args *a) {
  (void)a;
  GcData *d = data_of(vm);
  return d ? tiny_uint(vm, d->frozen) : TINY_FAIL;
}

static tiny_val gc_get_debug(tiny_vm *vm, tiny_args *a) { return (void)a, tiny_int(vm, 0); }

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
  {"get_stats", gc_get_stats, "()", "A list of dicts, one for each generation."},
  {"freeze", gc_freeze, "()", NULL},
  {"unfreeze", gc_unfreeze, "()", NULL},
  {"get_freeze_count", gc_get_freeze_count, "()", NULL},
  {"get_debug", gc_get_debug, "()", NULL},
  {"set_debug", gc_nothing, "(flags, /)", NULL},
  {"is_tracked", gc_is_tracked, "(obj, /)", NULL},
  {0}};

static bool gc_module_init(tiny_vm *vm, tiny_val module) {
  static const struct { const char *name; int value; } flags[] = {{"DEBUG_STATS", 1}, {"DEBUG_COLLECTABLE", 2}, {"DEBUG_UNCOLLECTABLE", 4}, {"DEBUG_SAVEALL", 32}, {"DEBUG_LEAK", 38}};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (!tiny_setattr(vm, module, flags[i].name, tiny_int(vm, flags[i].value))) return false;
  return tiny_setattr(vm, module, "garbage", tiny_list(vm, 0, NULL)) && tiny_setattr(vm, module, "callbacks", tiny_list(vm, 0, NULL));
}

extern const tiny_module gc_module;
const tiny_module gc_module = {"gc", functions, gc_module_init, "Access to the garbage collector."};
