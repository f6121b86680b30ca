/* Every builtin type once: TYPE_TABLE(X), X(name) for `const Type name_type`. Gives its number (shape id of instances, index of its per-VM namespace).
 * A new builtin type is one entry here and the table in its own file. Exceptions come from exception_table.h behind these. */
#ifndef TINY_VM_TYPE_IDS_H
#define TINY_VM_TYPE_IDS_H
#include "vm/objects/exception_table.h"
#define TYPE_TABLE(X)                                                                                                                                 \
  X(object) X(type) X(none) X(bool) X(int) X(float) X(complex) X(str) X(bytes) X(bytearray) X(memoryview) X(tuple) X(list) X(dict) X(set) X(frozenset) \
  X(range) X(slice) X(ellipsis) X(notimpl) X(function) X(native) X(native_method) X(slot_wrapper) X(method_wrapper) X(getset_descr) X(member_descr) X(classmethod_descr) X(method) X(cell) X(code) X(module) X(generator) X(coroutine) \
  X(async_generator) X(coroutine_wrapper) X(asend) X(athrow) X(anext_awaitable) X(property) X(classmethod) X(staticmethod) X(super) X(mappingproxy) X(traceback) X(frame)    \
  X(range_iter) X(long_range_iter) X(list_iter) X(list_reverse_iter) X(tuple_iter) X(str_iter) X(str_ascii_iter) X(bytes_iter) X(bytearray_iter) X(memory_iter) X(array) X(array_iter) X(set_iter) X(dict_iter) X(dict_value_iter)  \
  X(dict_item_iter) X(dict_reverse_iter) X(dict_reverse_value_iter) X(dict_reverse_item_iter) X(dict_keys) X(dict_values) X(dict_items) X(callable_iter) X(seq_iter) X(enumerate) X(zip) X(map)    \
  X(filter) X(reversed) X(generic_alias) X(union) X(weakref) X(weakproxy) X(str_buffer) X(native_bound) X(timedelta) X(date) X(datetime) X(time) X(tzinfo) X(timezone) \
  X(itertools_accumulate) X(itertools_chain) X(itertools_combinations) X(itertools_combinations_with_replacement) X(itertools_compress) X(itertools_count) X(itertools_cycle) \
  X(itertools_dropwhile) X(itertools_filterfalse) X(itertools_islice) X(itertools_pairwise) X(itertools_permutations) X(itertools_product) X(itertools_repeat) \
  X(itertools_starmap) X(itertools_takewhile) X(itertools_zip_longest) X(itemgetter) X(attrgetter) X(methodcaller) X(partial) X(key_wrapper) X(tuplegetter) X(lru_cache)
enum {
  TYPE_ID_none_0, /* 0 is no shape */
#define X(name) TYPE_ID_##name,
  TYPE_TABLE(X)
#undef X
#define X(name, base, kind) TYPE_ID_exc_##name,
  EXCEPTION_TABLE(X)
#undef X
  TYPE_ID_COUNT
};
#endif
