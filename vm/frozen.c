/* The frozen library: functions written in tiny that builtins hand over to when they would have to loop over calls of script code. All of them form one
 * hidden module; each top-level definition is compiled when it, or one that names it, is first asked for. */
#include "vm/vm.h"
#include "vm/objects/shape.h"
#include "vm/frozen.h"

static const FrozenName *find(const char *name) {
  size_t low = 0, high = frozen_name_count;
  while (low < high) {
    size_t mid = (low + high) / 2;
    int order = strcmp(name, frozen_names[mid].name);
    if (order == 0) return &frozen_names[mid];
    if (order < 0) high = mid;
    else low = mid + 1;
  }
  return NULL;
}

static bool add_natives(VM *vm, Module *m, const tiny_def *defs) {
  for (const tiny_def *d = defs; d->name; d++) {
    Native *fn = native_new(vm, d, NATIVE_FUNCTION, NULL, V_ABSENT, V_NONE);
    if (!fn || !dict_set_c(vm, m->dict, d->name, v_from_obj(fn))) return false;
  }
  return true;
}

static Module *frozen_module(VM *vm) {
  if (vm->frozen) return vm->frozen;
  Str *name = str_intern(vm, "_frozen", 7), *key = NAME(vm, __builtins__);
  if (!name || !key) return NULL;
  Module *m = module_new(vm, name);
  if (!m || !dict_set_str(vm, m->dict, key, v_from_obj(vm->builtins))) return NULL;
  if (!add_natives(vm, m, object_natives)) return NULL;
  return vm->frozen = m;
}

/* Top-level code of one definition: binds names in the module, runs no code of the script's. */
static bool run_chunk(VM *vm, Module *m, unsigned index) {
  const FrozenChunk *c = &frozen_chunks[index];
  uint32_t at = frozen_chunk_at[index];
  Str *filename = str_intern(vm, "<frozen>", 8);
  if (!filename) return false;
  if (!at && !vm->compile) return rt_raise_b(vm, &exc_SystemError, "this VM has no compiler");
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1);
  if (!keep) return false;
  Value code = at ? frozen_code_load(vm, at, 0, filename) : vm->compile(vm, c->text, c->len, "<frozen>", 'e', COMPILE_HIDDEN, NULL);
  Function *fn = v_failed(code) ? NULL : function_new(vm, (Code *)v_obj(code), m->dict);
  bool ok = false;
  if (fn) {
    *keep = v_from_obj(fn);
    ok = !v_failed(rt_call(vm, *keep, 0, NULL));
  }
  rt_temp_release(vm, mark);
  return ok;
}

/* Loads the chunk and everything that it names, over an explicit list: definitions may name each other in circles. */
static bool load(VM *vm, Module *m, unsigned first) {
  if (!vm->frozen_loaded) {
    vm->frozen_loaded = mem_zalloc(&vm->mem, frozen_chunk_count);
    if (!vm->frozen_loaded) return rt_no_memory(vm), false;
    vm->frozen_size = frozen_chunk_count;
  }
  if (vm->frozen_loaded[first]) return true;
  uint16_t *list = mem_alloc(&vm->mem, frozen_chunk_count * sizeof *list);
  if (!list) return rt_no_memory(vm), false;
  unsigned n = 0;
  bool ok = true;
  list[n++] = (uint16_t)first;
  vm->frozen_loaded[first] = 1;
  for (unsigned i = 0; i < n; i++) {
    for (const uint16_t *need = frozen_chunks[list[i]].needs; *need != 65535; need++) {
      if (vm->frozen_loaded[*need]) continue;
      vm->frozen_loaded[*need] = 1;
      list[n++] = *need;
    }
  }
  vm->gc_off++; /* our caller counts on no collection */
  for (unsigned i = n; i-- > 0 && ok;) ok = run_chunk(vm, m, list[i]);
  for (unsigned i = 0; i < n && !ok; i++) vm->frozen_loaded[list[i]] = 0; /* all again next time */
  vm->gc_off--;
  mem_free(&vm->mem, list, frozen_chunk_count * sizeof *list);
  return ok;
}

Value rt_frozen(VM *vm, const char *name) {
  FrozenMemo *memo = &vm->frozen_memo[((uintptr_t)name >> 4 ^ (uintptr_t)name >> 9) % FROZEN_MEMOS];
  if (memo->asked == name && !strcmp(memo->name, name)) return memo->fn;
  Module *m = frozen_module(vm);
  if (!m) return V_FAIL;
  const FrozenName *row = find(name);
  if (!row) return rt_raise(vm, &exc_SystemError, "no frozen function %s", name);
  if (!load(vm, m, row->chunk)) return V_FAIL;
  Value v = dict_get_c(vm, m->dict, name);
  if (v_absent(v)) return rt_raise(vm, &exc_SystemError, "no frozen function %s", name);
  if (!v_failed(v)) *memo = (FrozenMemo){name, row->name, v}; /* the module keeps it alive */
  return v;
}

Value rt_tail_builtin(VM *vm, const char *frozen_name, int argc, const Value *argv) {
  Value fn = rt_frozen(vm, frozen_name);
  return v_failed(fn) ? V_FAIL : rt_tail_call(vm, fn, argc, argv);
}

Value rt_call_builtin(VM *vm, const char *frozen_name, int argc, const Value *argv) {
  Value fn = rt_frozen(vm, frozen_name);
  return v_failed(fn) ? V_FAIL : rt_call(vm, fn, argc, argv);
}

const char *frozen_module_source(const char *dotted_name, size_t *len) {
  for (const FrozenModule *m = frozen_modules; m->name; m++) {
    if (strcmp(m->name, dotted_name) != 0) continue;
    *len = m->len;
    return m->text;
  }
  return NULL;
}
