/* Compiled library code (see frozen.h for the format) becomes code objects: of a function at first only what a def statement needs, the rest when it is called. */
#include "vm/vm.h"
#include "vm/frozen.h"
#include "vm/objects/bytes.h"
#include "vm/objects/int.h"
#include "vm/objects/int_ops.h"

typedef struct Reader {
  VM *vm;
  const unsigned char *at; /* next byte of the stream */
  uint32_t x;              /* the coder's state */
  unsigned module;
  Code *code;              /* being read, or the one around it */
  uint32_t next_const, next_site; /* the first constant that no instruction named yet */
  uint32_t line;           /* first line of the code object before */
  const unsigned char *near; /* where that one stands */
} Reader;

/* ---- the coder */

static void begin(Reader *r, const unsigned char *at) {
  r->x = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
  r->at = at + 3;
}

static inline void advance(Reader *r, uint32_t start, uint32_t frequency) {
  r->x = frequency * (r->x >> FROZEN_SCALE) + (r->x & ((1u << FROZEN_SCALE) - 1)) - start;
  while (r->x < FROZEN_LOW) r->x = r->x << 8 | *r->at++;
}

static unsigned symbol(Reader *r, unsigned model) {
  const FrozenModel *m = &frozen_models[model];
  uint32_t slot = r->x & ((1u << FROZEN_SCALE) - 1), start = 0, frequency = m->first;
  unsigned i = m->at;
  while (slot >= start + frequency) {
    start += frequency;
    frequency = frozen_frequencies[frozen_frequency_codes[++i]];
  }
  advance(r, start, frequency);
  return frozen_symbols[i];
}

static uint64_t number(Reader *r, unsigned model) {
  unsigned s = symbol(r, model);
  if (s < 32) return s;
  unsigned bits = (s - 32) / 4 + 3;
  uint64_t n = 4 + (s & 3);
  while (bits) {
    unsigned some = bits < 8 ? bits : 8, shift = FROZEN_SCALE - some;
    uint32_t value = (r->x & ((1u << FROZEN_SCALE) - 1)) >> shift;
    advance(r, value << shift, 1u << shift);
    n = n << some | value;
    bits -= some;
  }
  return n;
}

static uint32_t number32(Reader *r, unsigned model) { return (uint32_t)number(r, model); }

static int64_t signed_number(Reader *r, unsigned model) {
  uint64_t z = number(r, model);
  return (int64_t)(z >> 1) ^ -(int64_t)(z & 1);
}

/* ---- what stands between the symbols */

static uint32_t raw_number(const unsigned char **at) {
  uint32_t n = 0;
  for (unsigned shift = 0;; shift += 7) {
    unsigned char c = *(*at)++;
    n |= (uint32_t)(c & 0x7F) << shift;
    if (c < 0x80) return n;
  }
}

static double raw_double(Reader *r) {
  uint64_t bits = 0;
  double d;
  for (int i = 0; i < 8; i++) bits |= (uint64_t)*r->at++ << (8 * i);
  memcpy(&d, &bits, sizeof d);
  return d;
}

/* ---- strings */

static Value text_value(VM *vm, const char *text, size_t len, FrozenKind kind) {
  if (kind == FC_STR) return v_from_str(str_new(vm, text, len));
  if (kind == FC_NAME) return v_from_str(str_intern(vm, text, len));
  bool negative = len && *text == '-'; /* FC_BIGINT; int_from_text knows digits only */
  Value v = int_from_text(vm, text + negative, len - negative, 16);
  return negative && !v_failed(v) ? int_negate(vm, v) : v;
}

static Value from_tokens(VM *vm, const unsigned char **at, FrozenKind kind) {
  char small[200], *text = small;
  size_t n = raw_number(at), len = 0, used = 0;
  for (size_t i = 0; i < n; i++) len += (size_t)(frozen_token_at[(*at)[i] + 1] - frozen_token_at[(*at)[i]]);
  if (len > sizeof small && !(text = mem_alloc(&vm->mem, len))) return rt_no_memory(vm);
  for (size_t i = 0; i < n; i++) {
    unsigned token = *(*at)++;
    size_t from = frozen_token_at[token], piece = frozen_token_at[token + 1] - from;
    if (piece == 1) text[used++] = (char)frozen_token_text[from];
    else {
      memcpy(text + used, frozen_token_text + from, piece);
      used += piece;
    }
  }
  Value v = text_value(vm, text, len, kind);
  if (text != small) mem_free(&vm->mem, text, len);
  return v;
}

static Value name_value(VM *vm, uint32_t index, FrozenKind kind) {
  const unsigned char *at = frozen_name_text + frozen_name_at[index / FROZEN_GROUP];
  for (uint32_t i = index % FROZEN_GROUP; i > 0; i--) {
    uint32_t n = raw_number(&at);
    at += n;
  }
  return from_tokens(vm, &at, kind);
}

static Value string(Reader *r, unsigned place, FrozenKind kind) {
  switch (symbol(r, MODEL_WHERE + place)) {
  case 0: return from_tokens(r->vm, &r->at, kind);
  case 1: return name_value(r->vm, number32(r, MODEL_COMMON + place), kind);
  default: return name_value(r->vm, frozen_local_at[r->module] + number32(r, MODEL_LOCAL + place), kind);
  }
}

/* ---- constants */

static Value load_const(Reader *r, unsigned place);
static Value load_head(Reader *r, Code *around);

static Value load_tuple(Reader *r) {
  uint32_t n = number32(r, MODEL_COUNT);
  Tuple *t = tuple_new(r->vm, NULL, n);
  for (uint32_t i = 0; t && i < n; i++) {
    Value v = load_const(r, FROZEN_ITEM);
    if (v_failed(v)) return V_FAIL;
    gc_store(r->vm, t, &t->items[i], v);
  }
  return t ? v_from_obj(t) : V_FAIL;
}

static Value load_set(Reader *r) {
  uint32_t n = number32(r, MODEL_COUNT);
  Set *s = set_new(r->vm, &frozenset_type);
  for (uint32_t i = 0; s && i < n; i++) {
    Value v = load_const(r, FROZEN_ITEM);
    if (v_failed(v) || !set_add(r->vm, s, v)) return V_FAIL;
  }
  return s ? v_from_obj(s) : V_FAIL;
}

static Value load_bytes(Reader *r) {
  uint32_t n = raw_number(&r->at);
  r->at += n;
  return v_from_bytes(bytes_new(r->vm, r->at - n, n));
}

static Value load_nested(Reader *r) {
  uint32_t n = raw_number(&r->at);
  r->near = r->near ? r->near + n : r->code->frozen.start - n;
  Reader inner = {.vm = r->vm, .module = r->module, .line = r->line, .near = r->near};
  begin(&inner, r->near);
  Value v = load_head(&inner, r->code);
  r->line = inner.line;
  return v;
}

static Value load_const(Reader *r, unsigned place) {
  FrozenKind kind = (FrozenKind)symbol(r, MODEL_KIND + place);
  switch (kind) {
    case FC_NONE: return V_NONE;
    case FC_TRUE: return V_TRUE;
    case FC_FALSE: return V_FALSE;
    case FC_ELLIPSIS: return V_ELLIPSIS;
    case FC_ABSENT: return V_ABSENT;
    case FC_INT: return v_from_int62(signed_number(r, MODEL_INT));
    case FC_FLOAT: return float_new(r->vm, raw_double(r));
    case FC_COMPLEX: {
      double re = raw_double(r), im = raw_double(r);
      return complex_new(r->vm, re, im);
    }
    case FC_TUPLE: return load_tuple(r);
    case FC_FROZENSET: return load_set(r);
    case FC_CODE: return load_nested(r);
    case FC_BYTES: return load_bytes(r);
    case FC_BIGINT: case FC_STR: case FC_NAME: break;
  }
  return string(r, place, kind);
}

/* ---- instructions */

enum { UNKNOWN_CONST = UINT32_MAX }; /* after a failure */

static bool fill_const(Reader *r, uint32_t k, unsigned place) {
  Code *code = r->code;
  Value v = load_const(r, place);
  if (v_failed(v)) return false;
  gc_store(r->vm, code, &code->consts[k], v);
  while (r->next_const < code->n_consts && !v_failed(code->consts[r->next_const])) r->next_const++;
  return true;
}

static uint32_t const_ref(Reader *r, unsigned op) {
  uint32_t v = number32(r, MODEL_CONST + op), k = v == 0 ? r->next_const : v <= r->next_const ? r->next_const - v : v - 1;
  return !v_failed(r->code->consts[k]) || fill_const(r, k, op) ? k : UNKNOWN_CONST;
}

static bool site_ref(Reader *r, unsigned op, uint32_t *out) {
  uint32_t v = number32(r, MODEL_SITE + op), k;
  if (v) {
    *out = r->next_site - v;
    return true;
  }
  *out = r->next_site++;
  if ((k = const_ref(r, op)) == UNKNOWN_CONST) return false;
  ((uint32_t *)(uintptr_t)r->code->site_names)[*out] = k;
  return true;
}

static bool second_word(Reader *r, unsigned op, uint32_t *out) {
  if (frozen_operands[op] & OPERAND_SITE) return site_ref(r, op, out);
  if (frozen_operands[op] & OPERAND_KX) return (*out = const_ref(r, op)) != UNKNOWN_CONST;
  *out = (uint32_t)signed_number(r, MODEL_X + op);
  return true;
}

static bool load_instructions(Reader *r, uint32_t *instr, uint32_t n) {
  unsigned before = OP_COUNT, last = 0;
  for (uint32_t i = 0; i < n;) {
    unsigned op = symbol(r, MODEL_OP + before), format = op_info[op].format, base = format & (FORMAT_X - 1), special = frozen_operands[op];
    uint32_t a = 0, b = 0, c = 0;
    if (base == FORMAT_sJ) instr[i++] = op | (uint32_t)signed_number(r, MODEL_X + op) << 8;
    else {
      if (base != FORMAT_NONE) a = (last + symbol(r, MODEL_A + op)) & 0xFF;
      if (base == FORMAT_ABx) b = special & OPERAND_KBX ? const_ref(r, op) : number32(r, MODEL_X + op);
      if (base == FORMAT_AsBx) b = (uint32_t)signed_number(r, MODEL_X + op) & 0xFFFF;
      if (base == FORMAT_AB || base == FORMAT_ABC) b = special & OPERAND_KB ? const_ref(r, op) : symbol(r, MODEL_B + op);
      if (base == FORMAT_ABC) c = special & OPERAND_KC ? const_ref(r, op) : symbol(r, MODEL_C + op);
      if (b == UNKNOWN_CONST || c == UNKNOWN_CONST) return false;
      instr[i++] = INS(op, a, b, c);
      if (base != FORMAT_NONE && !(special & OPERAND_KEEPS)) last = special & OPERAND_USES_C ? c : a;
    }
    if ((format & FORMAT_X) && !second_word(r, op, &instr[i++])) return false;
    before = op;
  }
  while (r->next_const < r->code->n_consts)
    if (!fill_const(r, r->next_const, FROZEN_UNNAMED)) return false;
  return true;
}

/* ---- code objects */

static Str *load_name(Reader *r, unsigned place) {
  Value v = string(r, place, FC_NAME);
  return v_failed(v) ? NULL : v_str(v);
}

static bool load_names(Reader *r, struct Tuple **slot, uint32_t n, unsigned place, uint32_t *regs) {
  Tuple *t = tuple_new(r->vm, NULL, n);
  for (uint32_t i = 0; i < n; i++) {
    Str *name = t ? load_name(r, place) : NULL;
    if (!name) return false;
    gc_store(r->vm, t, &t->items[i], v_from_obj(name));
    if (regs) regs[i] = number32(r, MODEL_REG);
  }
  if (t) gc_store_obj(r->vm, r->code, slot, t);
  return t;
}

static void *table(Reader *r, size_t n, size_t size) {
  void *t = mem_zalloc(&r->vm->mem, n * size);
  if (!t) rt_no_memory(r->vm);
  return t;
}

static bool load_cells(Reader *r) {
  uint32_t n = number32(r, MODEL_COUNT);
  uint32_t *regs = n ? table(r, n, sizeof *regs) : NULL;
  if (n && !regs) return false;
  bool ok = load_names(r, &r->code->cell_names, n, FROZEN_CELL, regs);
  if (ok) r->code->cell_regs = regs, r->code->n_cells = n;
  else mem_free(&r->vm->mem, regs, n * sizeof *regs);
  return ok;
}

static bool load_handlers(Reader *r) {
  Code *code = r->code;
  uint32_t n = number32(r, MODEL_HANDLERS), end = 0;
  if (!n) return true;
  if (!(code->handlers = table(r, n, sizeof(Handler)))) return false;
  code->n_handlers = n;
  for (uint32_t i = 0; i < n; i++) {
    Handler *h = &code->handlers[i];
    h->start = end + number32(r, MODEL_START);
    h->end = end = h->start + number32(r, MODEL_LENGTH);
    h->target = h->start + (uint32_t)signed_number(r, MODEL_TARGET);
    h->reg = number32(r, MODEL_REG);
  }
  return true;
}

static bool load_tables(Reader *r) {
  Code *code = r->code;
  uint32_t n_consts = number32(r, MODEL_CONSTS), n_sites = number32(r, MODEL_SITES), n_instr = number32(r, MODEL_INSTR);
  code->owns_tables = true;
  if (!code_alloc_consts(r->vm, code, n_consts, n_sites)) return false;
  for (uint32_t i = 0; i < n_consts; i++) code->consts[i] = V_FAIL;
  if (n_sites && !(code->site_names = table(r, n_sites, sizeof(uint32_t)))) return false;
  if (!load_names(r, &code->local_names, code->n_locals, FROZEN_LOCAL, NULL) || !load_cells(r) || !load_names(r, &code->free_names, number32(r, MODEL_COUNT), FROZEN_FREE, NULL)) return false;
  uint32_t *instr = table(r, n_instr, sizeof *instr);
  code->instr = instr;
  code->n_instr = n_instr;
  return instr && load_instructions(r, instr, n_instr) && load_handlers(r);
}

bool code_load_rest(VM *vm, Code *code) {
  Reader r = {.vm = vm, .at = code->frozen.rest, .x = code->frozen.state, .module = code->frozen.module, .code = code, .line = code->first_line};
  if (!load_tables(&r)) {
    code_free_tables(vm, code);
    return false;
  }
  code->frozen.rest = r.at;
  code->frozen.state = r.x;
  return true;
}

/* What a def statement needs. The name within a class or function follows from theirs. */
static Str *load_qualname(Reader *r, const Code *around) {
  if (symbol(r, MODEL_QUALNAME)) {
    Value v = load_const(r, FROZEN_QUALNAME);
    return v_failed(v) ? NULL : v_str(v);
  }
  Str *name = r->code->name;
  if (!around || (around->flags & CODE_MODULE)) return name;
  Str *dot = str_from(r->vm, around->flags & CODE_CLASS ? "." : ".<locals>."), *place = dot ? str_concat(r->vm, around->qualname, dot) : NULL;
  return place ? str_concat(r->vm, place, name) : NULL;
}

static Value load_head(Reader *r, Code *around) {
  Code *code = r->code = code_new(r->vm);
  if (!code) return V_FAIL;
  code->frozen.start = r->near;
  code->frozen.module = (uint16_t)r->module;
  code->filename = around ? around->filename : NULL;
  code->flags = frozen_flags[symbol(r, MODEL_FLAGS)];
  code->n_regs = number32(r, MODEL_REGS);
  code->n_params = number32(r, MODEL_PARAMS);
  code->n_posonly = number32(r, MODEL_POSONLY);
  code->n_kwonly = number32(r, MODEL_KWONLY);
  code->n_locals = number32(r, MODEL_LOCALS);
  code->first_line = r->line = r->line + (uint32_t)signed_number(r, MODEL_FIRST_LINE);
  if (!(code->name = load_name(r, FROZEN_CODE_NAME)) || !(code->qualname = load_qualname(r, around))) return V_FAIL;
  if (symbol(r, MODEL_DOC)) {
    code->frozen.doc = r->at;
    uint32_t n = raw_number(&r->at);
    r->at += n;
    code->doc = V_ABSENT;
  }
  code->frozen.rest = r->at;
  code->frozen.state = r->x;
  return v_from_obj(code);
}

Value code_doc(VM *vm, Code *code) {
  if (!v_absent(code->doc)) return code->doc;
  const unsigned char *at = code->frozen.doc;
  Value v = from_tokens(vm, &at, FC_STR);
  if (!v_failed(v)) gc_store(vm, code, &code->doc, v);
  return v;
}

bool code_frozen_position(const Code *code, uint32_t pc, Position *out) {
  Reader r = {.at = code->frozen.rest, .x = code->frozen.state};
  bool found = false;
  *out = (Position){0, (int32_t)code->first_line, 0, -1, -1};
  for (uint32_t left = number32(&r, MODEL_LINES); left > 0; left--) {
    uint32_t next = out->pc + number32(&r, MODEL_PC);
    int32_t line = out->line + (int32_t)signed_number(&r, MODEL_LINE);
    if (next > pc) break;
    out->pc = next;
    out->line = line;
    found = true;
  }
  out->end_line = out->line;
  return found;
}

/* at: an entry of frozen_chunk_at or frozen_module_at. No collection runs meanwhile, so nothing needs rooting. */
Value frozen_code_load(VM *vm, uint32_t at, unsigned module, Str *filename) {
  Reader r = {.vm = vm, .module = module, .near = frozen_stream + at - 1};
  begin(&r, r.near);
  Value v = load_head(&r, NULL);
  if (v_failed(v)) return V_FAIL;
  r.code->filename = filename;
  return code_load_rest(vm, r.code) ? v : V_FAIL;
}

Value frozen_module_code(VM *vm, const char *dotted_name, const char *filename) {
  size_t n = strlen(dotted_name);
  for (unsigned i = 0; frozen_modules[i].name; i++) {
    const char *have = frozen_modules[i].name;
    if (!frozen_module_at[i] || strncmp(have, dotted_name, n) != 0 || (have[n] && strcmp(have + n, ".__init__") != 0)) continue;
    Str *name = str_intern(vm, filename, strlen(filename));
    return name ? frozen_code_load(vm, frozen_module_at[i], i + 1, name) : V_FAIL;
  }
  return V_ABSENT;
}
