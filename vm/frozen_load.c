/* Compiled library code (see frozen.h for the format) becomes code objects. Instructions, handlers and positions are used where they are. */
#include "vm/vm.h"
#include "vm/frozen.h"
#include "vm/objects/bytes.h"
#include "vm/objects/int.h"
#include "vm/objects/int_ops.h"

typedef struct Reader { VM *vm; const unsigned char *at; Str *filename; } Reader;

static uint64_t number(Reader *r) {
  uint64_t n = 0;
  for (unsigned shift = 0;; shift += 7) {
    unsigned char c = *r->at++;
    n |= (uint64_t)(c & 0x7F) << shift;
    if (c < 0x80) return n;
  }
}

static uint32_t number32(Reader *r) { return (uint32_t)number(r); }

static double raw_double(Reader *r) {
  uint64_t bits = 0;
  double d;
  for (int i = 0; i < 8; i++) bits |= (uint64_t)*r->at++ << (8 * i);
  memcpy(&d, &bits, sizeof d);
  return d;
}

static const char *string(Reader *r, size_t *len) {
  uint32_t i = number32(r);
  *len = frozen_string_at[i + 1] - frozen_string_at[i];
  return (const char *)frozen_text + frozen_string_at[i];
}

static Value load_code(Reader *r);
static Value load_const(Reader *r);

static Value load_tuple(Reader *r) {
  uint32_t n = number32(r);
  Tuple *t = tuple_new(r->vm, NULL, n);
  for (uint32_t i = 0; t && i < n; i++) {
    Value v = load_const(r);
    if (v_failed(v)) return V_FAIL;
    gc_store(r->vm, t, &t->items[i], v);
  }
  return t ? v_from_obj(t) : V_FAIL;
}

static Value load_set(Reader *r) {
  uint32_t n = number32(r);
  Set *s = set_new(r->vm, &frozenset_type);
  for (uint32_t i = 0; s && i < n; i++) {
    Value v = load_const(r);
    if (v_failed(v) || !set_add(r->vm, s, v)) return V_FAIL;
  }
  return s ? v_from_obj(s) : V_FAIL;
}

static Value load_const(Reader *r) {
  VM *vm = r->vm;
  size_t len;
  const char *text;
  FrozenKind kind = (FrozenKind)*r->at++;
  switch (kind) {
    case FC_NONE: return V_NONE;
    case FC_TRUE: return V_TRUE;
    case FC_FALSE: return V_FALSE;
    case FC_ELLIPSIS: return V_ELLIPSIS;
    case FC_ABSENT: return V_ABSENT;
    case FC_INT: {
      uint64_t z = number(r);
      return v_from_int62((int64_t)(z >> 1) ^ -(int64_t)(z & 1));
    }
    case FC_FLOAT: return float_new(vm, raw_double(r));
    case FC_COMPLEX: {
      double re = raw_double(r), im = raw_double(r);
      return complex_new(vm, re, im);
    }
    case FC_TUPLE: return load_tuple(r);
    case FC_FROZENSET: return load_set(r);
    case FC_CODE: return load_code(r);
    case FC_BIGINT: case FC_STR: case FC_NAME: case FC_BYTES: break;
  }
  text = string(r, &len);
  if (kind == FC_STR) return v_from_str(str_new(vm, text, len));
  if (kind == FC_NAME) return v_from_str(str_intern(vm, text, len));
  if (kind == FC_BYTES) return v_from_bytes(bytes_new(vm, text, len));
  bool negative = len && *text == '-'; /* int_from_text knows digits only */
  Value v = int_from_text(vm, text + negative, len - negative, 16);
  return negative && !v_failed(v) ? int_negate(vm, v) : v;
}

static bool load_field(Reader *r, void *out) { /* out: a pointer to an object, NULL for None */
  Value v = load_const(r);
  Obj *o = v_is_obj(v) ? v_obj(v) : NULL;
  memcpy(out, &o, sizeof o);
  return !v_failed(v);
}

static void load_tables(Reader *r, Code *code, uint32_t *n_sites) {
  code->instr = frozen_words + number32(r);
  code->n_instr = number32(r);
  code->site_names = frozen_words + number32(r);
  *n_sites = number32(r);
  code->cell_regs = (uint32_t *)(uintptr_t)(frozen_words + number32(r)); /* never written: owns_tables is false */
  (void)number32(r);
  code->handlers = (Handler *)(uintptr_t)(frozen_handlers + number32(r));
  code->n_handlers = number32(r);
  uint32_t lines = number32(r);
  if (lines) code->lines = frozen_lines + lines - 1;
}

static Value load_code(Reader *r) {
  VM *vm = r->vm;
  Code *code = code_new(vm);
  uint32_t n_sites;
  if (!code) return V_FAIL;
  code->filename = r->filename;
  load_tables(r, code, &n_sites);
  code->flags = number32(r);
  code->n_regs = number32(r);
  code->n_params = number32(r);
  code->n_posonly = number32(r);
  code->n_kwonly = number32(r);
  code->n_locals = number32(r);
  code->first_line = number32(r);
  if (!load_field(r, &code->local_names) || !load_field(r, &code->cell_names) || !load_field(r, &code->free_names) || !load_field(r, &code->name) ||
      !load_field(r, &code->qualname)) return V_FAIL;
  Value doc = load_const(r);
  uint32_t n_consts = number32(r);
  if (v_failed(doc) || !code_alloc_consts(vm, code, n_consts, n_sites)) return V_FAIL;
  code->doc = doc;
  for (uint32_t i = 0; i < n_consts; i++) {
    Value v = load_const(r);
    if (v_failed(v)) return V_FAIL;
    gc_store(vm, code, &code->consts[i], v);
  }
  return v_from_obj(code);
}

/* at: an entry of frozen_chunk_at or frozen_module_at. No collection runs meanwhile, so nothing needs rooting. */
Value frozen_code_load(VM *vm, uint32_t at, Str *filename) {
  Reader r = {vm, frozen_stream + at - 1, filename};
  return load_code(&r);
}

Value frozen_module_code(VM *vm, const char *dotted_name, const char *filename) {
  size_t n = strlen(dotted_name);
  for (unsigned i = 0; frozen_modules[i].name; i++) {
    const char *have = frozen_modules[i].name;
    if (!frozen_module_at[i] || strncmp(have, dotted_name, n) != 0 || (have[n] && strcmp(have + n, ".__init__") != 0)) continue;
    Str *name = str_intern(vm, filename, strlen(filename));
    return name ? frozen_code_load(vm, frozen_module_at[i], name) : V_FAIL;
  }
  return V_ABSENT;
}
