/* What stdlib/types.tiny can't say in the language. */
#include "include/tiny.h"

static tiny_val m_mark_coroutine(tiny_vm *vm, tiny_args *a) { return tiny_mark_coroutine(vm, tiny_arg(a, 0)) ? TINY_NONE : TINY_FAIL; }

static const tiny_def functions[] = {{"mark_coroutine", m_mark_coroutine, "(function, /)", "Let the generators of a generator function be awaited."}, {0}};

extern const tiny_module types_module;
const tiny_module types_module = {"_types", functions, NULL, NULL};
