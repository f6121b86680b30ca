/* Constant tables of compiled library code become code objects. Instructions, handlers and positions are used where they are. */
#include "vm/vm.h"
#include "vm/frozen.h"
#include "vm/objects/bytes.h"
#include "vm/objects/int.h"

static Value load_const(VM *vm, const FrozenConst *c, Str *filename);

static Value load_items(VM *vm, const FrozenConst *c, Str *filename) {
  Tuple *t = tuple_new(vm, NULL, c->n);
  for (uint32_t i = 0; t && i < c->n; i++) {
    Value v = load_const(vm, &c->items[i], filename);
    if (v_failed(v)) return V_FAIL;
    gc_store(vm, t, &t->items[i], v);
  }
  return t ? v_from_obj(t) : V_FAIL;
}

static Value load_set(VM *vm, const FrozenConst *c, Str *filename) {
  Set *s = set_new(vm, &frozenset_type);
  for (uint32_t i = 0; s && i < c->n; i++) {
    Value v = load_const(vm, &c->items[i], filename);
    if (v_failed(v) || !set_add(vm, s, v)) return V_FAIL;
  }
  return s ? v_from_obj(s) : V_FAIL;
}

static double bits_double(int64_t bits) {
  double d;
  memcpy(&d, &bits, sizeof d);
  return d;
}

static Value load_const(VM *vm, const FrozenConst *c, Str *filename) {
  switch ((FrozenKind)c->kind) {
    case FC_NONE: return V_NONE;
    case FC_TRUE: return V_TRUE;
    case FC_FALSE: return V_FALSE;
    case FC_ELLIPSIS: return V_ELLIPSIS;
    case FC_ABSENT: return V_ABSENT;
    case FC_INT: return v_from_int62(c->i);
    case FC_BIGINT: return int_from_text(vm, c->text, c->n, 16);
    case FC_FLOAT: return float_new(vm, bits_double(c->i));
    case FC_COMPLEX: return complex_new(vm, bits_double(c->items[0].i), bits_double(c->items[1].i));
    case FC_STR: return v_from_str(str_new(vm, c->text, c->n));
    case FC_NAME: return v_from_str(str_intern(vm, c->text, c->n));
    case FC_BYTES: return v_from_bytes(bytes_new(vm, c->text, c->n));
    case FC_TUPLE: return load_items(vm, c, filename);
    case FC_FROZENSET: return load_set(vm, c, filename);
    case FC_CODE: return frozen_code_load(vm, c->code, filename);
  }
  return V_FAIL;
}

static bool load_names(VM *vm, const FrozenConst *c, Tuple **out) {
  *out = NULL;
  if (c->kind == FC_NONE) return true;
  Value v = load_items(vm, c, NULL);
  if (v_failed(v)) return false;
  *out = v_tuple(v);
  return true;
}

static bool load_text(VM *vm, const FrozenConst *c, Str **out) {
  *out = NULL;
  if (c->kind == FC_NONE) return true;
  *out = str_intern(vm, c->text, c->n);
  return *out != NULL;
}

/* No collection runs meanwhile, so nothing needs rooting. */
Value frozen_code_load(VM *vm, const FrozenCode *fc, Str *filename) {
  Code *code = code_new(vm);
  if (!code || !code_alloc_consts(vm, code, fc->n_consts, fc->n_sites)) return V_FAIL;
  code->instr = fc->instr;
  code->site_names = fc->site_names;
  code->cell_regs = (uint32_t *)(uintptr_t)fc->cell_regs; /* never written: owns_tables is false */
  code->handlers = (Handler *)(uintptr_t)fc->handlers;
  code->positions = (Position *)(uintptr_t)fc->positions;
  code->n_instr = fc->n_instr;
  code->n_handlers = fc->n_handlers;
  code->n_positions = fc->n_positions;
  code->flags = fc->flags;
  code->n_regs = fc->n_regs;
  code->n_params = fc->n_params;
  code->n_posonly = fc->n_posonly;
  code->n_kwonly = fc->n_kwonly;
  code->n_locals = fc->n_locals;
  code->first_line = fc->first_line;
  code->filename = filename;
  if (!load_text(vm, fc->name, &code->name) || !load_text(vm, fc->qualname, &code->qualname)) return V_FAIL;
  if (!load_names(vm, fc->local_names, &code->local_names) || !load_names(vm, fc->cell_names, &code->cell_names) || !load_names(vm, fc->free_names, &code->free_names)) return V_FAIL;
  code->doc = load_const(vm, fc->doc, filename);
  if (v_failed(code->doc)) {
    code->doc = V_NONE;
    return V_FAIL;
  }
  for (uint32_t i = 0; i < fc->n_consts; i++) {
    Value v = load_const(vm, &fc->consts[i], filename);
    if (v_failed(v)) return V_FAIL;
    gc_store(vm, code, &code->consts[i], v);
  }
  return v_from_obj(code);
}

Value frozen_module_code(VM *vm, const char *dotted_name, const char *filename) {
  size_t n = strlen(dotted_name);
  for (unsigned i = 0; frozen_modules[i].name; i++) {
    const char *have = frozen_modules[i].name;
    if (!frozen_module_codes[i] || strncmp(have, dotted_name, n) != 0 || (have[n] && strcmp(have + n, ".__init__") != 0)) continue;
    Str *name = str_intern(vm, filename, strlen(filename));
    return name ? frozen_code_load(vm, frozen_module_codes[i], name) : V_FAIL;
  }
  return V_ABSENT;
}
