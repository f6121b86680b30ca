/* Module _itertools: the types of vm/objects/itertools.c and itertools_combi.c. */
#include "stdlib/builtins_int.h"
#include "vm/vm.h"
#include "vm/objects/class.h"
#include "vm/objects/iter.h"

static bool init(tiny_vm *vm, tiny_val module) {
  static const Type *const types[] = {&itertools_accumulate_type, &itertools_chain_type, &itertools_combinations_type, &itertools_combinations_with_replacement_type,
    &itertools_compress_type, &itertools_count_type, &itertools_cycle_type, &itertools_dropwhile_type, &itertools_filterfalse_type, &itertools_islice_type,
    &itertools_pairwise_type, &itertools_permutations_type, &itertools_product_type, &itertools_repeat_type, &itertools_starmap_type, &itertools_takewhile_type,
    &itertools_zip_longest_type};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (!tiny_setattr(vm, module, strchr(types[i]->name, '.') + 1, rt_type_value(types[i]))) return false;
  return true;
}
extern const tiny_module _itertools_module;
const tiny_module _itertools_module = {.name = "_itertools", .init = init};
