/* The import system (language reference, chapter 5): sys.modules first, then the finders that a script put into sys.meta_path, the host's native modules, the library's C modules, source from
 * the host, source from the library. A body is run by the dispatch loop: import_step stops with something to call and starts over afterwards; what it did before
 * is found again in sys.modules. */
#include "vm/import.h"
#include "vm/frozen.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

/* ---------------------------------------------------------------- errors */

/* ImportError or a subclass with name and path. name, path may be V_NONE. */
static int raise_import(VM *vm, const Type *type, Value msg, Value name, Value path) {
  Value exc = v_failed(msg) ? V_FAIL : exc_new(vm, type, 1, &msg);
  if (v_failed(exc)) return -1;
  exc_set_field(vm, exc, EXF_IMP_NAME, name);
  exc_set_field(vm, exc, EXF_IMP_PATH, path);
  rt_raise_obj(vm, exc);
  return -1;
}
static int raise_not_found(VM *vm, Str *name) {
  return raise_import(vm, &exc_ModuleNotFoundError, rt_format(vm, "No module named %R", v_from_obj(name)), v_from_obj(name), V_NONE);
}

/* ---------------------------------------------------------------- names */

static size_t last_dot(const Str *s) {
  size_t n = s->size;
  while (n && s->data[n - 1] != '.') n--;
  return n ? n - 1 : SIZE_MAX;
}

/* Attribute of what stands in sys.modules: usually a module, but a script may put anything there. V_ABSENT, V_FAIL. */
static Value module_get(VM *vm, Value module, NameId id) {
  Str *name = rt_name(vm, id);
  if (!name) return V_FAIL;
  if (v_is_exact(module, &module_type)) return module_lookup(vm, ((Module *)v_obj(module))->dict, name);
  return rt_getattr_opt(vm, module, name);
}

/* The package that relative names start from; NULL: exception pending. */
static Str *calling_package(VM *vm, Dict *globals) {
  Value package = globals ? dict_get_c(vm, globals, "__package__") : V_ABSENT;
  if (v_failed(package)) return NULL;
  if (is_str(package)) return v_str(package);
  if (!v_absent(package) && !v_is_none(package)) {
    rt_raise(vm, &exc_TypeError, "package must be a string");
    return NULL;
  }
  Value name = globals ? dict_get_c(vm, globals, "__name__") : V_ABSENT, path = globals ? dict_get_c(vm, globals, "__path__") : V_ABSENT;
  if (v_failed(name) || v_failed(path)) return NULL;
  if (!is_str(name)) {
    rt_raise(vm, &exc_KeyError, "'__name__' not in globals");
    return NULL;
  }
  if (!v_absent(path)) return v_str(name);
  size_t dot = last_dot(v_str(name));
  return str_new(vm, v_str(name)->data, dot == SIZE_MAX ? 0 : dot);
}

/* Reference, 5.7: each dot after the first is one package up. */
static Str *absolute_name(VM *vm, Str *name, int level, Dict *globals) {
  if (level == 0) return name;
  Str *package = calling_package(vm, globals);
  if (!package) return NULL;
  if (package->size == 0) {
    raise_import(vm, &exc_ImportError, v_from_str(str_from(vm, "attempted relative import with no known parent package")), V_NONE, V_NONE);
    return NULL;
  }
  size_t n = package->size;
  for (; level > 1; level--) {
    while (n && package->data[n - 1] != '.') n--;
    if (!n) {
      raise_import(vm, &exc_ImportError, v_from_str(str_from(vm, "attempted relative import beyond top-level package")), V_NONE, V_NONE);
      return NULL;
    }
    n--;
  }
  Buf b;
  buf_init(&b, rt_mem(vm));
  buf_add(&b, package->data, n);
  if (name->size) {
    buf_char(&b, '.');
    buf_add(&b, name->data, name->size);
  }
  return str_from_buf(vm, &b);
}

/* ---------------------------------------------------------------- finding */

typedef struct Found {
  const tiny_module *native;
  const char *text, *path;   /* source; path NULL: the library's. A namespace package (PEP 420): text NULL, path its folder */
  size_t len;
  bool is_package;
} Found;

static bool word_listed(const char *list, const char *word, size_t n) {
  for (const char *p = list; p && *p;) {
    while (*p == ' ') p++;
    const char *start = p;
    while (*p && *p != ' ') p++;
    if ((size_t)(p - start) == n && !memcmp(start, word, n)) return true;
    if (p - start == 1 && *start == '*') return true;
  }
  return false;
}

/* A listed package brings its submodules, a listed module x its helper _x. `from __future__ import` belongs to the language. */
bool import_allowed(VM *vm, const char *dotted_name) {
  if (!strcmp(dotted_name, "__future__")) return true;
  if (dotted_name[0] == '_' && dotted_name[1] != '_') dotted_name++;
  const char *dot = strchr(dotted_name, '.');
  return word_listed(vm->config.modules, dotted_name, strlen(dotted_name)) || (dot && word_listed(vm->config.modules, dotted_name, (size_t)(dot - dotted_name)));
}

/* Modules of the library may import others of it that are not listed, and so may C code: `collections` needs half a dozen. But not these, by which scripts reach out
   of the VM: they need a word of the host's. */
static bool implied_allowed(VM *vm, const char *name) {
  static const struct { const char *module, *word; } reaching_out[] = {{"_os", "os"}, {"_posix", "os"}, {"_io_file", "io_file"}, {"_socket", "socket"}, {"_select", "select"},
    {"_signal", "signal"}, {"_uv", "asyncio"}, {"os", "os"}, {"os.path", "os"}, {"io_file", "io_file"}};
  for (size_t i = 0; i < sizeof reaching_out / sizeof *reaching_out; i++)
    if (!strcmp(reaching_out[i].module, name)) return word_listed(vm->config.modules, reaching_out[i].word, strlen(reaching_out[i].word));
  return true;
}

/* Is it code of the library, or C code, that imports? */
static bool by_library(VM *vm, Dict *globals) {
  if (!globals || (vm->frozen && globals == vm->frozen->dict)) return true;
  Str *key = NAME(vm, __name__);
  Value name = key ? dict_get_str(vm, globals, key) : V_FAIL, module = is_str(name) ? dict_get(vm, vm->modules, name) : V_ABSENT;
  if (v_failed(name) || v_failed(module)) (void)rt_take_exc(vm);
  return v_is_exact(module, &module_type) && ((Module *)v_obj(module))->dict == globals && (v_obj(module)->small & MODULE_LIBRARY);
}

static bool library_allowed(VM *vm, const char *name, bool implied) { return import_allowed(vm, name) || (implied && implied_allowed(vm, name)); }

/* Has the library something below this name? Then it is a package. */
static bool library_package(const char *name) {
  char init[128];
  size_t n = strlen(name), len;
  if (n + 10 > sizeof init) return false;
  memcpy(init, name, n);
  memcpy(init + n, ".__init__", 10);
  return frozen_module_source(init, &len) != NULL;
}

static bool find_library(VM *vm, const char *name, bool implied, Found *f) {
  if (!library_allowed(vm, name, implied)) return false;
  f->text = frozen_module_source(name, &f->len);
  if (f->text) return true;
  if (!library_package(name)) return false;
  char init[128];
  size_t n = strlen(name);
  memcpy(init, name, n);
  memcpy(init + n, ".__init__", 10);
  f->is_package = true;
  f->text = frozen_module_source(init, &f->len);
  return f->text != NULL;
}

/* 1, 0, -1. implied: by_library asks for it */
static int find_module(VM *vm, Str *full, bool implied, Found *f) {
  *f = (Found){0};
  const char *name = str_cstr(vm, full);
  if (!name) return -1;
  for (size_t i = 0; i < vm->n_native_modules; i++)
    if (!strcmp(vm->native_modules[i].module->name, name) && (!vm->native_modules[i].listed || library_allowed(vm, name, implied))) return f->native = vm->native_modules[i].module, 1;
  for (size_t i = 0; vm->library && vm->library[i]; i++)
    if (!strcmp(vm->library[i]->name, name) && library_allowed(vm, name, implied)) return f->native = vm->library[i], 1;
  if (!vm->config.find_source || !vm->config.find_source(vm->config.user, name, &f->text, &f->len, &f->path, &f->is_package)) return find_library(vm, name, implied, f);
  Found folder = *f, library = {0};
  *f = !folder.text && find_library(vm, name, implied, &library) ? library : folder; /* a folder without source stands behind every module */
  return 1;
}

/* Name and whether it is in C, of everything that the library has for this VM. */
static bool add_name(VM *vm, List *all, const char *name, bool in_c) {
  size_t n = strlen(name), tail = sizeof ".__init__" - 1;
  if (n > tail && strcmp(name + n - tail, ".__init__") == 0) n -= tail;
  size_t mark = rt_temp_mark(vm);
  Value two[2] = {v_from_str(str_new(vm, name, n)), v_from_bool(in_c)};
  Tuple *t = v_failed(two[0]) || !vm_pin(vm, two[0]) ? NULL : tuple_new(vm, two, 2);
  bool ok = t && vm_pin(vm, v_from_obj(t)) && list_append(vm, all, v_from_obj(t));
  rt_temp_release(vm, mark);
  return ok;
}

Value import_names(VM *vm) {
  List *all = list_new(vm, NULL, 0);
  bool ok = all && vm_pin(vm, v_from_obj(all));
  for (size_t i = 0; ok && i < vm->n_native_modules; i++) {
    const char *name = vm->native_modules[i].module->name;
    ok = (vm->native_modules[i].listed && !import_allowed(vm, name)) || add_name(vm, all, name, true);
  }
  for (size_t i = 0; ok && vm->library && vm->library[i]; i++) ok = !import_allowed(vm, vm->library[i]->name) || add_name(vm, all, vm->library[i]->name, true);
  for (size_t i = 0; ok && frozen_modules[i].name; i++) ok = !import_allowed(vm, frozen_modules[i].name) || add_name(vm, all, frozen_modules[i].name, false);
  return ok ? v_from_obj(all) : V_FAIL;
}

/* ---------------------------------------------------------------- loading */

Module *import_add_module(VM *vm, Str *name) {
  Module *m = module_new(vm, name);
  return m && dict_set_str(vm, vm->modules, name, v_from_obj(m)) ? m : NULL;
}

static bool put(VM *vm, Module *m, NameId id, Value v) {
  Str *key = rt_name(vm, id);
  return key && !v_failed(v) && dict_set_str(vm, m->dict, key, v);
}

/* Makes the loaded module an attribute of its package. [script] only if the package is no module object */
static bool bind_to_parent(VM *vm, Str *full, Value module) {
  size_t dot = last_dot(full);
  if (dot == SIZE_MAX) return true;
  Str *parent_name = str_intern(vm, full->data, dot), *child = str_intern(vm, full->data + dot + 1, full->size - dot - 1);
  if (!parent_name || !child) return false;
  Value parent = dict_get_str(vm, vm->modules, parent_name);
  if (v_failed(parent)) return false;
  if (v_absent(parent)) return true;
  if (v_is_exact(parent, &module_type)) return dict_set_str(vm, ((Module *)v_obj(parent))->dict, child, module);
  return rt_setattr(vm, parent, child, module);
}

static bool add_functions(VM *vm, Module *m, Str *name, const tiny_def *rows) {
  for (; rows && rows->name; rows++) {
    Native *fn = native_new(vm, rows, NATIVE_FUNCTION, NULL, v_from_obj(m), v_from_obj(name));
    if (!fn || !dict_set_c(vm, m->dict, rows->name, v_from_obj(fn))) return false;
  }
  return true;
}

static bool fill_native(VM *vm, Module *m, Str *name, const tiny_module *def) {
  if (def->doc && !put(vm, m, NAME___doc__, v_from_str(str_from(vm, def->doc)))) return false;
  size_t dot = last_dot(name);
  if (!put(vm, m, NAME___package__, v_from_str(str_new(vm, name->data, dot == SIZE_MAX ? 0 : dot)))) return false;
  if (!add_functions(vm, m, name, def->functions)) return false;
  return !def->init || def->init(vm, v_from_obj(m));
}

static bool is_library_module(VM *vm, const tiny_module *def) {
  for (size_t i = 0; i < vm->n_native_modules; i++)
    if (vm->native_modules[i].module == def) return vm->native_modules[i].listed;
  return true;
}

/* [script] through the module's init. */
static int load_native(VM *vm, Str *full, const tiny_module *def) {
  Module *m = import_add_module(vm, full);
  if (!m) return -1;
  m->head.small |= (uint16_t)(MODULE_BUILTIN | (is_library_module(vm, def) ? MODULE_LIBRARY : 0));
  if (fill_native(vm, m, full, def)) return bind_to_parent(vm, full, v_from_obj(m)) ? 1 : -1;
  Value exc = rt_take_exc(vm);
  if (dict_del_str(vm, vm->modules, full) < 0) (void)rt_take_exc(vm);
  vm->exc = exc;
  return -1;
}

/* The body has ended: state is the tuple (module, name, body). */
static Value body_done(VM *vm, Value state, tiny_outcome how, Value result) {
  Tuple *t = v_tuple(state);
  Str *name = v_str(t->items[1]);
  ((Module *)v_obj(t->items[0]))->head.small &= (uint16_t)~MODULE_INITIALIZING;
  if (how == TINY_RAISED) {
    if (dict_del_str(vm, vm->modules, name) < 0) (void)rt_take_exc(vm);
    vm->exc = result; /* as it was: not raised anew */
    return V_FAIL;
  }
  Value module = dict_get_str(vm, vm->modules, name); /* a body may put something else there */
  if (v_failed(module)) return V_FAIL;
  if (v_absent(module)) return rt_raise_with(vm, &exc_KeyError, t->items[1]);
  return bind_to_parent(vm, name, module) ? V_NONE : V_FAIL;
}
static Value run_body(VM *vm, Args *a) { return tiny_then_call(vm, body_done, a->self->bound, v_tuple(a->self->bound)->items[2], 0, NULL); }
static const tiny_def run_body_def = {"_run_module", run_body, "()", NULL};

static bool set_source_names(VM *vm, Module *m, Str *full, const Found *f) {
  size_t dot = last_dot(full);
  Value package = f->is_package ? v_from_obj(full) : v_from_str(str_new(vm, full->data, dot == SIZE_MAX ? 0 : dot));
  if (!put(vm, m, NAME___package__, package) || !module_complete(vm, vm->builtins->dict) || !put(vm, m, NAME___builtins__, v_from_obj(vm->builtins->dict))) return false;
  if (f->path && !put(vm, m, NAME___file__, f->text ? v_from_str(str_from(vm, f->path)) : V_NONE)) return false;
  if (!f->is_package) return true;
  const char *slash = !f->path ? NULL : f->text ? strrchr(f->path, '/') : f->path + strlen(f->path);
  Str *dir = str_new(vm, slash ? f->path : "", slash ? (size_t)(slash - f->path) : 0);
  Value item = v_from_str(dir);
  List *path = dir ? list_new(vm, &item, 1) : NULL;
  return path && put(vm, m, NAME___path__, v_from_obj(path));
}

/* Code of the module's body. [script] */
static Value compile_found(VM *vm, Str *full, const Found *f) {
  const char *name = str_cstr(vm, full);
  Buf filename;
  if (!name) return V_FAIL;
  buf_init(&filename, rt_mem(vm));
  if (f->path) buf_str(&filename, f->path);
  else buf_printf(&filename, "<frozen %s>", name);
  Value code = f->path ? V_ABSENT : frozen_module_code(vm, name, buf_cstr(&filename));
  if (v_absent(code)) code = vm->compile ? vm->compile(vm, f->text, f->len, buf_cstr(&filename), 'e', 0, NULL) : rt_raise(vm, &exc_ImportError, "this VM has no compiler");
  buf_free(&filename);
  return code;
}

/* 0: *run is to be called. */
static int load_source(VM *vm, Str *full, const Found *f, Value *run) {
  Value *kept = rt_temp(vm, 1), code; /* warnings of the compiler may run script code */
  if (!kept) return -1;
  *kept = v_from_obj(full);
  code = compile_found(vm, full, f);
  if (v_failed(code)) return -1;
  Module *m = module_new(vm, full);
  if (!m || !set_source_names(vm, m, full, f)) return -1;
  Function *body = function_new(vm, (Code *)v_obj(code), m->dict);
  Value items[3] = {v_from_obj(m), v_from_obj(full), body ? v_from_obj(body) : V_NONE};
  Tuple *state = body ? tuple_new(vm, items, 3) : NULL;
  Native *fn = state ? native_new(vm, &run_body_def, NATIVE_FUNCTION, NULL, v_from_obj(state), V_NONE) : NULL;
  if (!fn || !dict_set_str(vm, vm->modules, full, v_from_obj(m))) return -1;
  m->head.small |= (uint16_t)(MODULE_INITIALIZING | (f->path ? 0 : MODULE_LIBRARY));
  *run = v_from_obj(fn);
  return 0;
}

static int load_namespace(VM *vm, Str *full, const Found *f) {
  Module *m = import_add_module(vm, full);
  return m && set_source_names(vm, m, full, f) && bind_to_parent(vm, full, v_from_obj(m)) ? 1 : -1;
}

/* ---------------------------------------------------------------- finders of scripts (sys.meta_path) */

static Value hooks_asked(VM *vm, Value name, tiny_outcome how, Value loaded) {
  if (how == TINY_RAISED) return vm->exc = loaded, V_FAIL;
  if (!v_same(loaded, V_TRUE)) return vm->unhooked = v_str(name), V_NONE;
  Value module = dict_get_str(vm, vm->modules, v_str(name));
  return v_failed(module) || (!v_absent(module) && !bind_to_parent(vm, v_str(name), module)) ? V_FAIL : V_NONE;
}
static Value ask_hooks(VM *vm, Args *a) {
  Value name = a->self->bound, fn = rt_frozen(vm, "_import_by_hooks");
  return v_failed(fn) ? V_FAIL : tiny_then_call(vm, hooks_asked, name, fn, 1, &name);
}
static const tiny_def ask_hooks_def = {"_ask_hooks", ask_hooks, "()", NULL};

/* Has a script put a finder into sys.meta_path, which is empty at the start, and was it not asked yet? 1: *run does that. */
static int hooked(VM *vm, Str *full, Value *run) {
  if (vm->unhooked == full) return vm->unhooked = NULL, 0;
  Value sys = dict_get_c(vm, vm->modules, "sys"), path = v_is_exact(sys, &module_type) ? dict_get_c(vm, ((Module *)v_obj(sys))->dict, "meta_path") : V_ABSENT;
  if (v_failed(sys) || v_failed(path)) return -1;
  if (!is_list(path) || !v_list(path)->length) return 0;
  Native *fn = native_new(vm, &ask_hooks_def, NATIVE_FUNCTION, NULL, v_from_obj(full), V_NONE);
  return fn ? (*run = v_from_obj(fn), 1) : -1;
}

/* Loaded for another module of the library, which was on the list: scripts do not find it. */
static bool is_hidden(VM *vm, Str *full, Value v) {
  if (!v_is_exact(v, &module_type) || !(v_obj(v)->small & MODULE_LIBRARY)) return false;
  const char *name = str_cstr(vm, full);
  return name && !import_allowed(vm, name);
}

/* Makes sure that the module of this dotted name is in sys.modules; its package is there. 1 it is, 0 *run has to be called first, -1 failed. */
static int load_one(VM *vm, Str *full, bool implied, Value *run) {
  Value v = dict_get_str(vm, vm->modules, full);
  if (v_failed(v)) return -1;
  if (v_is_none(v)) return raise_import(vm, &exc_ModuleNotFoundError, rt_format(vm, "import of %U halted; None in sys.modules", full), v_from_obj(full), V_NONE);
  if (!v_absent(v)) return implied || !is_hidden(vm, full, v) ? 1 : raise_not_found(vm, full);
  Found f;
  size_t dot = last_dot(full);
  if (dot != SIZE_MAX) {
    Str *parent_name = str_intern(vm, full->data, dot);
    Value parent = parent_name ? dict_get_str(vm, vm->modules, parent_name) : V_FAIL;
    if (v_failed(parent)) return -1;
    Value path = v_absent(parent) ? V_ABSENT : module_get(vm, parent, NAME___path__);
    if (v_failed(path)) return -1;
    int native = v_absent(path) ? find_module(vm, full, implied, &f) : 0;
    if (native < 0) return -1;
    if (v_absent(path) && !(native && f.native)) { /* a dotted native module needs no package: os.path */
      Value msg = rt_format(vm, "No module named %R; %R is not a package", v_from_obj(full), v_from_obj(parent_name));
      return raise_import(vm, &exc_ModuleNotFoundError, msg, v_from_obj(full), V_NONE);
    }
  }
  int asks = hooked(vm, full, run);
  if (asks) return asks < 0 ? -1 : 0;
  int found = find_module(vm, full, implied, &f);
  if (found <= 0) return found < 0 ? -1 : raise_not_found(vm, full);
  return f.native ? load_native(vm, full, f.native) : f.text ? load_source(vm, full, &f, run) : load_namespace(vm, full, &f);
}

/* a, a.b, a.b.c */
static int load_chain(VM *vm, Str *full, bool implied, Value *run) {
  for (size_t i = 0; i <= full->size; i++) {
    if (i < full->size && full->data[i] != '.') continue;
    Str *part = str_intern(vm, full->data, i);
    if (!part) return -1;
    int done = load_one(vm, part, implied, run);
    if (done <= 0) return done;
  }
  return 1;
}

/* ---------------------------------------------------------------- what the statement gets */

/* from package import name: a name that is no attribute may be a submodule; if there is none, import_from will say so. */
static int load_submodule(VM *vm, Value module, Str *full, Str *name, bool implied, Value *run) {
  if (v_is_exact(module, &module_type)) {
    Value v = module_lookup(vm, ((Module *)v_obj(module))->dict, name);
    if (!v_absent(v)) return v_failed(v) ? -1 : 1;
  } else {
    Value v = rt_getattr_opt(vm, module, name);
    if (!v_absent(v)) return v_failed(v) ? -1 : 1;
  }
  Value sub = rt_format(vm, "%U.%U", full, name);
  Str *sub_name = v_failed(sub) ? NULL : str_intern_str(vm, v_str(sub));
  if (!sub_name) return -1;
  Value there = dict_get_str(vm, vm->modules, sub_name);
  if (!v_absent(there)) return v_failed(there) ? -1 : 1;
  int asks = hooked(vm, sub_name, run);
  if (asks) return asks < 0 ? -1 : 0;
  Found f;
  int found = find_module(vm, sub_name, implied, &f);
  if (found > 0) vm->unhooked = sub_name;
  return found <= 0 ? (found < 0 ? -1 : 1) : load_one(vm, sub_name, implied, run);
}

static int load_fromlist(VM *vm, Value module, Str *full, Value names, bool implied, Value *run, bool nested) {
  size_t n;
  const Value *items = seq_items(names, &n);
  if (!items) return 1;
  for (size_t i = 0; i < n; i++) {
    if (!is_str(items[i])) return rt_raise_i(vm, &exc_TypeError, nested ? "Item in %U.__all__ must be str, not %T" : "Item in ``from list'' must be str, not %T", full, items[i]);
    int done;
    if (str_eq_c(v_str(items[i]), "*")) {
      Value all = nested ? V_ABSENT : module_get(vm, module, NAME___all__);
      if (v_failed(all)) return -1;
      done = v_absent(all) ? 1 : load_fromlist(vm, module, full, all, implied, run, true);
    } else {
      done = load_submodule(vm, module, full, v_str(items[i]), implied, run);
    }
    if (done <= 0) return done;
  }
  return 1;
}

/* Without a fromlist the statement binds the first component: `import a.b` gives a. For relative names the first after the dots. */
static Value top_module(VM *vm, Str *name, int level, Str *full) {
  const char *dot = memchr(name->data, '.', name->size);
  size_t first = dot ? (size_t)(dot - name->data) : name->size;
  size_t n = level == 0 ? first : full->size - (name->size - first);
  Str *top = str_intern(vm, full->data, n);
  Value v = top ? dict_get_str(vm, vm->modules, top) : V_FAIL;
  if (v_absent(v)) return rt_raise(vm, &exc_KeyError, "%R not in sys.modules as expected", v_from_obj(top));
  return v;
}

static int step(VM *vm, Str *name, Value fromlist, int level, Str *full, Dict *globals, Value *out, Value *run) {
  bool implied = by_library(vm, globals);
  int done = load_chain(vm, full, implied, run);
  if (done <= 0) return done;
  size_t n = 0;
  if (!seq_items(fromlist, &n) || n == 0) {
    *out = top_module(vm, name, level, full);
    return v_failed(*out) ? -1 : 1;
  }
  Value module = dict_get_str(vm, vm->modules, full);
  if (v_absent(module)) return raise_not_found(vm, full);
  Value path = v_failed(module) ? V_FAIL : module_get(vm, module, NAME___path__);
  if (v_failed(path)) return -1;
  *out = module;
  return v_absent(path) ? 1 : load_fromlist(vm, module, full, fromlist, implied, run, false);
}

int import_step(VM *vm, Str *name, Value fromlist, int level, Dict *globals, Value *out, Value *run) {
  if (level < 0) return rt_raise_i(vm, &exc_ValueError, "level must be >= 0");
  if (level == 0 && name->size == 0) return rt_raise_i(vm, &exc_ValueError, "Empty module name");
  Str *full = absolute_name(vm, name, level, globals);
  full = full ? str_intern_str(vm, full) : NULL;
  if (!full) return -1;
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 1);
  if (!keep) return -1;
  *keep = v_from_obj(full);
  int done = step(vm, name, fromlist, level, full, globals, out, run);
  rt_temp_release(vm, mark);
  return done;
}

Value import_module(VM *vm, Str *name, Value fromlist, int level, Dict *globals) {
  size_t mark = rt_temp_mark(vm);
  Value *keep = rt_temp(vm, 3);
  if (!keep) return V_FAIL;
  keep[0] = v_from_obj(name);
  keep[1] = fromlist;
  keep[2] = globals ? v_from_obj(globals) : V_NONE;
  Value out = V_FAIL, run;
  for (;;) {
    int done = import_step(vm, name, fromlist, level, globals, &out, &run);
    if (done < 0) out = V_FAIL;
    if (done != 0) break;
    if (v_failed(rt_call(vm, run, 0, NULL))) {
      out = V_FAIL;
      break;
    }
  }
  rt_temp_release(vm, mark);
  return out;
}

Value import_dotted(VM *vm, Str *name) {
  Value top = import_module(vm, name, V_NONE, 0, NULL);
  if (v_failed(top)) return V_FAIL;
  Value v = dict_get_str(vm, vm->modules, name);
  if (!v_absent(v)) return v;
  raise_not_found(vm, name);
  return V_FAIL;
}

/* After the body that import_native asked for: again from the start. state: (name, fromlist, level, globals or None) */
static Value native_again(VM *vm, Value state, tiny_outcome how, Value result) {
  if (how == TINY_RAISED) {
    vm->exc = result;
    return V_FAIL;
  }
  Tuple *t = v_tuple(state);
  return import_native(vm, v_str(t->items[0]), t->items[1], (int)v_int(t->items[2]), is_dict(t->items[3]) ? v_dict(t->items[3]) : NULL);
}

Value import_native(VM *vm, Str *name, Value fromlist, int level, Dict *globals) {
  Value out, run;
  int done = import_step(vm, name, fromlist, level, globals, &out, &run);
  if (done) return done > 0 ? out : V_FAIL;
  Value items[4] = {v_from_obj(name), fromlist, v_from_int62(level), globals ? v_from_obj(globals) : V_NONE};
  Tuple *state = tuple_new(vm, items, 4);
  return state ? tiny_then_call(vm, native_again, v_from_obj(state), run, 0, NULL) : V_FAIL;
}

/* (kind, path, is_package) for importlib; kind 0: C, 1: library source, 2: source from the host, 3: namespace package. None: there is none. */
Value import_find(VM *vm, Str *name) {
  Found f;
  int found = find_module(vm, name, false, &f);
  if (found <= 0) return found < 0 ? V_FAIL : V_NONE;
  Value path = f.path ? v_from_str(str_from(vm, f.path)) : V_NONE;
  if (v_failed(path)) return V_FAIL;
  Tuple *t = tuple_new(vm, (Value[]){v_from_int62(f.native ? 0 : !f.path ? 1 : f.text ? 2 : 3), path, v_from_bool(f.is_package)}, 3);
  return t ? v_from_obj(t) : V_FAIL;
}

Value import_code(VM *vm, Str *name) {
  Found f;
  int found = find_module(vm, name, false, &f);
  return found < 0 ? V_FAIL : found && f.text ? compile_found(vm, name, &f) : V_NONE;
}

/* ---------------------------------------------------------------- from ... import */

static Value no_such_name(VM *vm, Value module, Str *name) {
  Value mod = module_get(vm, module, NAME___name__);
  Value file = v_failed(mod) ? V_FAIL : module_get(vm, module, NAME___file__);
  if (v_failed(file)) return V_FAIL;
  bool known = is_str(mod);
  if (!known) mod = v_from_str(str_from(vm, "<unknown module name>"));
  if (v_failed(mod)) return V_FAIL;
  Value quoted = v_from_obj(name), msg;
  bool partial = v_is_exact(module, &module_type) && (v_obj(module)->small & MODULE_INITIALIZING);
  if (!is_str(file)) msg = rt_format(vm, "cannot import name %R from %R (unknown location)", quoted, mod);
  else if (partial) msg = rt_format(vm, "cannot import name %R from partially initialized module %R (most likely due to a circular import) (%S)", quoted, mod, file);
  else msg = rt_format(vm, "cannot import name %R from %R (%S)", quoted, mod, file);
  raise_import(vm, &exc_ImportError, msg, known ? mod : V_NONE, is_str(file) ? file : V_NONE);
  return V_FAIL;
}

Value import_from(VM *vm, Value module, Str *name) {
  Value v = rt_getattr_opt(vm, module, name);
  if (!v_absent(v)) return v;
  Value mod = module_get(vm, module, NAME___name__); /* circular imports: the submodule may be there before it is bound */
  if (v_failed(mod)) return V_FAIL;
  if (is_str(mod)) {
    Value full = rt_format(vm, "%U.%U", v_str(mod), name);
    Str *key = v_failed(full) ? NULL : str_intern_str(vm, v_str(full));
    if (!key) return V_FAIL;
    v = dict_get_str(vm, vm->modules, key);
    if (!v_absent(v)) return v;
  }
  return no_such_name(vm, module, name);
}

static bool put_name(VM *vm, Value ns, Value name, Value v) { return v_is_exact(ns, &dict_type) ? dict_set(vm, v_dict(ns), name, v) : rt_setitem(vm, ns, name, v); }

static bool star_listed(VM *vm, Value module, Value all, Value ns) {
  Value list = rt_iter_to_list(vm, all);
  Value *keep = rt_temp(vm, 1);
  if (v_failed(list) || !keep) return false;
  *keep = list;
  for (size_t i = 0; i < v_list(list)->length; i++) {
    Value item = v_list(list)->items[i];
    if (!is_str(item)) {
      Value mod = module_get(vm, module, NAME___name__);
      return !v_failed(mod) && rt_raise_b(vm, &exc_TypeError, "Item in %S.__all__ must be str, not %T", v_absent(mod) ? V_NONE : mod, item);
    }
    Str *name = str_intern_str(vm, v_str(item));
    Value v = name ? rt_getattr(vm, module, name) : V_FAIL;
    if (v_failed(v) || !put_name(vm, ns, v_from_obj(name), v)) return false;
  }
  return true;
}

static bool star_public(VM *vm, Value module, Value ns) {
  Value d = module_get(vm, module, NAME___dict__);
  if (v_is_exact(module, &module_type)) d = v_from_obj(((Module *)v_obj(module))->dict);
  if (v_failed(d) || !module_complete(vm, (Dict *)v_obj(d))) return false;
  if (!is_dict(d)) return rt_raise_b(vm, &exc_ImportError, "from-import-* object has no __dict__ and no __all__");
  Dict *copy = dict_copy(vm, v_dict(d)); /* storing into ns may run script code */
  Value *keep = rt_temp(vm, 1);
  if (!copy || !keep) return false;
  *keep = v_from_obj(copy);
  size_t pos = 0;
  Value key, value;
  while (dict_next(copy, &pos, &key, &value)) {
    if (!is_str(key)) return rt_raise_b(vm, &exc_TypeError, "Key in __dict__ must be str, not %T", key);
    if (v_str(key)->size && v_str(key)->data[0] == '_') continue;
    if (!put_name(vm, ns, key, value)) return false;
  }
  return true;
}

bool import_star(VM *vm, Value module, Value ns) {
  size_t mark = rt_temp_mark(vm);
  Str *all_name = NAME(vm, __all__);
  Value all = all_name ? rt_getattr_opt(vm, module, all_name) : V_FAIL;
  bool ok = !v_failed(all) && (v_absent(all) ? star_public(vm, module, ns) : star_listed(vm, module, all, ns));
  rt_temp_release(vm, mark);
  return ok;
}
