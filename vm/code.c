/* Code objects: memory, tables looked up by program counter, and the attributes that scripts see (co_*). */
#include <stdio.h>
#include <string.h>
#include "vm/code.h"
#include "vm/native.h"
#include "vm/runtime.h"
#include "vm/type_ids.h"
#include "vm/objects/bytes.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

const OpInfo op_info[OP_COUNT] = {
#define OP(name, format, meaning) [OP_##name] = {#name, FORMAT_##format, meaning},
#include "vm/opcodes.h"
#undef OP
};

/* ---- memory */

Code *code_new(VM *vm) {
  Code *code = gc_new(vm, &code_type, sizeof(Code));
  if (code) code->doc = V_NONE;
  return code;
}

/* Caches grow downward from the constants, so that both are found from one pointer. */
static size_t block_size(uint32_t n_consts, uint32_t n_sites) { return n_sites * sizeof(InlineCache) + n_consts * sizeof(Value); }

bool code_alloc_consts(VM *vm, Code *code, uint32_t n_consts, uint32_t n_sites) {
  char *block = mem_zalloc(rt_mem(vm), block_size(n_consts, n_sites));
  if (!block) {
    rt_no_memory(vm);
    return false;
  }
  code->consts = (Value *)(void *)(block + n_sites * sizeof(InlineCache));
  code->n_consts = n_consts;
  code->n_sites = n_sites;
  for (uint32_t i = 0; i < n_consts; i++) code->consts[i] = V_NONE;
  for (uint32_t i = 0; i < n_sites; i++) code_cache(code->consts, i)->value = V_NONE;
  return true;
}

static void code_trace(Tracer *t, Obj *o) {
  Code *code = (Code *)o;
  if (code->consts) gc_mark_array(t, code->consts, code->n_consts);
  gc_mark_obj(t, code->local_names);
  gc_mark_obj(t, code->cell_names);
  gc_mark_obj(t, code->free_names);
  gc_mark_obj(t, code->name);
  gc_mark_obj(t, code->qualname);
  gc_mark_obj(t, code->filename);
  gc_mark_obj(t, code->source);
  gc_mark(t, code->doc);
  for (uint32_t i = 0; i < code->n_comps; i++) gc_mark_obj(t, code->comps[i].name);
}

void code_free_tables(VM *vm, Code *code) {
  Mem *mem = rt_mem(vm);
  if (code->consts) mem_free(mem, (char *)code->consts - code->n_sites * sizeof(InlineCache), block_size(code->n_consts, code->n_sites));
  if (code->owns_tables) {
    mem_free(mem, (void *)(uintptr_t)code->instr, code->n_instr * sizeof(uint32_t));
    mem_free(mem, (void *)(uintptr_t)code->site_names, code->n_sites * sizeof(uint32_t));
    mem_free(mem, code->handlers, code->n_handlers * sizeof(Handler));
    mem_free(mem, code->comps, code->n_comps * sizeof(Comprehension));
    mem_free(mem, code->positions, code->n_positions * sizeof(Position));
    mem_free(mem, code->cell_regs, code->n_cells * sizeof(uint32_t));
  }
  code->consts = NULL;
  code->instr = code->site_names = NULL;
  code->handlers = NULL;
  code->cell_regs = NULL;
  code->n_cells = 0;
  code->n_consts = code->n_sites = code->n_instr = code->n_handlers = 0;
}

static void code_destroy(VM *vm, Obj *o) { code_free_tables(vm, (Code *)o); }

/* ---- tables */

const Position *code_position(const Code *code, uint32_t pc) {
  Position *at = (Position *)(uintptr_t)&code->line_at;
  if (code->frozen.rest) return code->instr && code_frozen_position(code, pc, at) ? at : NULL;
  uint32_t lo = 0, hi = code->n_positions; /* the last entry that starts at or before pc */
  while (lo < hi) {
    uint32_t mid = (lo + hi) / 2;
    if (code->positions[mid].pc <= pc) lo = mid + 1;
    else hi = mid;
  }
  return lo ? &code->positions[lo - 1] : NULL;
}

const Handler *code_handler(const Code *code, uint32_t pc) {
  uint32_t lo = 0, hi = code->n_handlers;
  while (lo < hi) {
    uint32_t mid = (lo + hi) / 2;
    if (code->handlers[mid].start <= pc) lo = mid + 1;
    else hi = mid;
  }
  if (!lo || pc >= code->handlers[lo - 1].end) return NULL;
  return &code->handlers[lo - 1];
}

/* ---- attributes. Fields that depend on the instruction set (co_code, co_names) have the right types, not CPython's contents. */

static Value tuple_value(VM *vm, Tuple *t) {
  if (t) return v_from_obj(t);
  t = tuple_new(vm, NULL, 0);
  return t ? v_from_obj(t) : V_FAIL;
}

static Value text_value(Str *s) { return s ? v_from_obj(s) : V_NONE; }
static Code *code_of(Value self) { return (Code *)v_obj(self); }

/* Python's public numbers of the flags (documentation of module inspect). */
static Value get_flags(VM *vm, Value self) {
  static const struct { uint32_t ours; int theirs; } map[] = {{CODE_VARARGS, 4}, {CODE_VARKW, 8}, {CODE_NESTED, 16}, {CODE_GENERATOR, 32}, {CODE_COROUTINE, 128},
    {CODE_ITERABLE_COROUTINE, 256}, {CODE_ASYNC_GEN, 512}, {CODE_FUTURE_ANNOTATIONS, 0x1000000}};
  uint32_t flags = code_of(self)->flags;
  int64_t out = (flags & CODE_NEWLOCALS) ? 3 : 0;
  (void)vm;
  for (size_t i = 0; i < sizeof map / sizeof *map; i++)
    if (flags & map[i].ours) out |= map[i].theirs;
  return v_from_int62(out);
}

static bool is_cell(const Code *code, const Str *name) {
  for (size_t i = 0; code->cell_names && i < code->cell_names->length; i++)
    if (v_str(code->cell_names->items[i]) == name) return true;
  return false;
}

static Value get_varnames(VM *vm, Value self) {
  Code *code = code_of(self);
  if (!code_load(vm, code)) return V_FAIL;
  size_t n_params = code->n_params + code->n_kwonly + !!(code->flags & CODE_VARARGS) + !!(code->flags & CODE_VARKW), n = 0;
  Tuple *all = code->local_names;
  if (!all || !code->cell_names || !code->cell_names->length) return tuple_value(vm, all);
  for (size_t i = 0; i < all->length; i++) n += i < n_params || !is_cell(code, v_str(all->items[i]));
  Tuple *t = tuple_new(vm, NULL, n);
  if (!t) return V_FAIL;
  n = 0;
  for (size_t i = 0; i < all->length; i++)
    if (i < n_params || !is_cell(code, v_str(all->items[i]))) gc_store(vm, t, &t->items[n++], all->items[i]);
  return v_from_obj(t);
}

static Value get_nlocals(VM *vm, Value self) {
  Value names = get_varnames(vm, self);
  return v_failed(names) ? V_FAIL : v_from_int62((int64_t)v_tuple(names)->length);
}

static Value get_code(VM *vm, Value self) {
  Code *code = code_of(self);
  return code_load(vm, code) ? v_from_bytes(bytes_new(vm, code->instr, code->n_instr * sizeof(uint32_t))) : V_FAIL;
}

static Value get_consts(VM *vm, Value self) {
  Code *code = code_of(self);
  Tuple *t = code_load(vm, code) ? tuple_new(vm, code->consts, code->n_consts) : NULL;
  return t ? v_from_obj(t) : V_FAIL;
}

static Value get_names(VM *vm, Value self) {
  Code *code = code_of(self);
  if (!code_load(vm, code)) return V_FAIL;
  List *list = list_new(vm, NULL, 0);
  if (!list) return V_FAIL;
  for (uint32_t i = 0; i < code->n_sites; i++) {
    Value name = code->consts[code->site_names[i]];
    bool known = false;
    for (size_t k = 0; k < list->length && k < 64 && !known; k++) known = v_same(list->items[k], name);
    if (!known && !list_append(vm, list, name)) return V_FAIL;
  }
  Tuple *t = tuple_new(vm, list->items, list->length);
  return t ? v_from_obj(t) : V_FAIL;
}

#define NUMBER(name, expr) \
  static Value name(VM *vm, Value self) { \
    (void)vm; \
    return v_from_int62((int64_t)(expr)); \
  }
NUMBER(get_argcount, code_of(self)->n_params)
NUMBER(get_posonly, code_of(self)->n_posonly)
NUMBER(get_kwonly, code_of(self)->n_kwonly)
NUMBER(get_firstline, code_of(self)->first_line)
NUMBER(get_stacksize, code_of(self)->n_regs)

static Value get_name(VM *vm, Value self) { return (void)vm, text_value(code_of(self)->name); }
static Value get_qualname(VM *vm, Value self) { return (void)vm, text_value(code_of(self)->qualname); }
static Value get_filename(VM *vm, Value self) { return (void)vm, text_value(code_of(self)->filename); }
static Value get_cellvars(VM *vm, Value self) { return code_load(vm, code_of(self)) ? tuple_value(vm, code_of(self)->cell_names) : V_FAIL; }
static Value get_freevars(VM *vm, Value self) { return code_load(vm, code_of(self)) ? tuple_value(vm, code_of(self)->free_names) : V_FAIL; }

static const GetSet code_getset[] = {
  {"co_argcount", get_argcount, NULL, NULL}, {"co_posonlyargcount", get_posonly, NULL, NULL}, {"co_kwonlyargcount", get_kwonly, NULL, NULL},
  {"co_nlocals", get_nlocals, NULL, NULL}, {"co_stacksize", get_stacksize, NULL, NULL}, {"co_flags", get_flags, NULL, NULL},
  {"co_code", get_code, NULL, NULL}, {"co_consts", get_consts, NULL, NULL}, {"co_names", get_names, NULL, NULL},
  {"co_varnames", get_varnames, NULL, NULL}, {"co_filename", get_filename, NULL, NULL}, {"co_name", get_name, NULL, NULL},
  {"co_qualname", get_qualname, NULL, NULL}, {"co_firstlineno", get_firstline, NULL, NULL}, {"co_freevars", get_freevars, NULL, NULL},
  {"co_cellvars", get_cellvars, NULL, NULL}, {NULL, NULL, NULL, NULL}};

/* Offsets are in bytes, two per code unit in CPython; here four per word. Both methods return a list's iterator: they are small. */
static Value column(int32_t c) { return c < 0 ? V_NONE : v_from_int62(c); }

static Value co_positions(VM *vm, Args *a) {
  Code *code = code_of(a->v[0]);
  if (!code_load(vm, code)) return V_FAIL;
  List *list = list_new(vm, NULL, 0);
  if (!list) return V_FAIL;
  for (uint32_t pc = 0; pc < code->n_instr; pc += (uint32_t)op_length(INS_OP(code->instr[pc]))) {
    const Position *p = code_position(code, pc);
    Value row[4] = {V_NONE, V_NONE, V_NONE, V_NONE};
    if (p && p->line) {
      row[0] = v_from_int62(p->line);
      row[1] = v_from_int62(p->end_line);
      row[2] = column(p->col);
      row[3] = column(p->end_col);
    }
    Tuple *t = tuple_new(vm, row, 4);
    if (!t || !list_append(vm, list, v_from_obj(t))) return V_FAIL;
  }
  return rt_iter(vm, v_from_obj(list));
}

static Value co_lines(VM *vm, Args *a) {
  Code *code = code_of(a->v[0]);
  if (!code_load(vm, code)) return V_FAIL;
  List *list = list_new(vm, NULL, 0);
  if (!list) return V_FAIL;
  for (uint32_t i = 0; i < code->n_positions;) {
    uint32_t first = i;
    while (i < code->n_positions && code->positions[i].line == code->positions[first].line) i++;
    uint32_t end = i < code->n_positions ? code->positions[i].pc : code->n_instr;
    int32_t line = code->positions[first].line;
    Value row[3] = {v_from_int62((int64_t)code->positions[first].pc * 4), v_from_int62((int64_t)end * 4), line ? v_from_int62(line) : V_NONE};
    Tuple *t = tuple_new(vm, row, 3);
    if (!t || !list_append(vm, list, v_from_obj(t))) return V_FAIL;
  }
  return rt_iter(vm, v_from_obj(list));
}

static const tiny_def code_methods[] = {
  {"co_lines", co_lines, "(self, /)", ""},
  {"co_positions", co_positions, "(self, /)", ""},
  {"replace", code_replace, "(self, /, *, co_argcount=..., co_posonlyargcount=..., co_kwonlyargcount=..., co_nlocals=..., co_stacksize=..., co_code=..., co_names=..., "
    "co_varnames=..., co_freevars=..., co_cellvars=..., co_linetable=..., co_exceptiontable=..., co_flags=..., co_firstlineno=..., co_consts=..., co_filename=..., co_name=..., "
    "co_qualname=...)", "Return a copy of the code object with new values for the specified fields."},
  {NULL, NULL, NULL, NULL}};

static Value code_repr(VM *vm, Value self) {
  Code *code = code_of(self);
  char address[32];
  snprintf(address, sizeof address, "%#llx", (unsigned long long)(uintptr_t)code);
  return rt_format(vm, "<code object %U at %s, file \"%U\", line %u>", code->name, address, code->filename, code->first_line);
}

static bool code_hash(VM *vm, Value self, int64_t *out) {
  (void)vm;
  *out = (int64_t)((self.w >> 4) & 0x7FFFFFFFFFFFFFF);
  return true;
}

static Value code_compare(VM *vm, Value a, Value b, Compare op) {
  (void)vm;
  if (op == CO_EQ) return v_same(a, b) ? V_TRUE : V_NOTIMPL;
  if (op == CO_NE) return v_same(a, b) ? V_FALSE : V_NOTIMPL;
  return V_NOTIMPL;
}

const Type code_type = {.head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "code", .base = &object_type, .layout = LAY_CODE,
  .flags = TYPE_NO_NEW | TYPE_BARRIER, .shape_id = TYPE_ID_code, .size = sizeof(Code), .trace = code_trace, .destroy = code_destroy, .repr = code_repr, .hash = code_hash,
  .compare = code_compare, .methods = code_methods, .getset = code_getset};
