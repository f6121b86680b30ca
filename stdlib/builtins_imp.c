/* Module _imp: what importlib needs to know of the import system. */
#include "stdlib/builtins_int.h"
#include "vm/import.h"

static Str *module_name(VM *vm, Value v) {
  if (is_str(v)) return str_intern_str(vm, v_str(v));
  rt_raise(vm, &exc_TypeError, "module name must be str, not %T", v);
  return NULL;
}

static Value m_find(VM *vm, Args *a) {
  Str *name = module_name(vm, a->v[0]);
  return name ? import_find(vm, name) : V_FAIL;
}

static Value m_code(VM *vm, Args *a) {
  Str *name = module_name(vm, a->v[0]);
  return name ? import_code(vm, name) : V_FAIL;
}

static Value m_names(VM *vm, Args *a) {
  (void)a;
  return import_names(vm);
}

static const tiny_def functions[] = {
    {"names", m_names, "()", "(name, is in C) of every module of the library."},
    {"find", m_find, "(name, /)", "(kind, path, is_package) of what importing the name would load, or None. kind 0: C, 1: library, 2: source file, 3: folder."},
    {"code", m_code, "(name, /)", "The code of the module's body; None for modules in C and for folders."},
    {0}};

extern const tiny_module imp_module;
const tiny_module imp_module = {"_imp", functions, NULL, "Finding of modules."};
