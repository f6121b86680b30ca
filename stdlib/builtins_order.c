/* Module _order: what OrderedDict.move_to_end does. */
#include "stdlib/builtins_int.h"
#include "vm/vm.h"
#include "vm/objects/dict.h"
#include "vm/objects/list.h"

static Value to_end(VM *vm, Args *a) {
  int64_t hash;
  Value v = rt_hash(vm, a->v[1], &hash) ? dict_get_to_end(vm, v_dict(a->v[0]), a->v[1], hash) : V_FAIL;
  return v_failed(v) ? V_FAIL : v_absent(v) ? rt_raise_with(vm, &exc_KeyError, a->v[1]) : V_NONE;
}

static const tiny_def functions[] = {
    {"to_end", to_end, "(d: dict, key, /)", "Make an item the last one."}, {0}};
extern const tiny_module _order_module;
const tiny_module _order_module = {.name = "_order", .functions = functions};
