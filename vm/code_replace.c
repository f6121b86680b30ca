/* code.replace(): a copy of a code object with some fields changed. Fields that describe the instructions themselves cannot change here, as they are not CPython's: they are
 * accepted when they are what the code has already (tools pass all fields along). */
#include <string.h>
#include "vm/code.h"
#include "vm/native.h"
#include "vm/objects/exception.h"
#include "vm/objects/str.h"
#include "vm/objects/list.h"
#include "vm/runtime.h"

enum { CO_ITERABLE_COROUTINE = 0x100 };

typedef struct Tables { void *instr, *site_names, *handlers, *positions, *cell_regs; } Tables;

static void *copy_table(VM *vm, const void *from, size_t size) {
  void *to = mem_alloc(rt_mem(vm), size);
  if (to && size) memcpy(to, from, size);
  return to;
}

/* The tables are freed with their code object: each copy has its own. */
static bool copy_tables(VM *vm, Code *to, const Code *from) {
  enum { N = 6 };
  size_t sizes[N] = {from->n_instr * sizeof(uint32_t), from->n_sites * sizeof(uint32_t), from->n_handlers * sizeof(Handler), from->n_positions * sizeof(Position),
    from->n_cells * sizeof(uint32_t), from->n_comps * sizeof(Comprehension)};
  const void *source[N] = {from->instr, from->site_names, from->handlers, from->positions, from->cell_regs, from->comps};
  void *made[N];
  for (int i = 0; i < N; i++) {
    made[i] = copy_table(vm, source[i], sizes[i]);
    if (made[i]) continue;
    while (i-- > 0) mem_free(rt_mem(vm), made[i], sizes[i]);
    rt_no_memory(vm);
    return false;
  }
  to->instr = made[0];
  to->site_names = made[1];
  to->handlers = made[2];
  to->positions = made[3];
  to->cell_regs = made[4];
  to->comps = made[5];
  to->n_comps = from->n_comps;
  to->owns_tables = true;
  return true;
}

static Code *copy_code(VM *vm, Code *from) {
  Code *to = code_load(vm, from) ? code_new(vm) : NULL;
  if (!to || v_failed(code_doc(vm, from)) || !code_alloc_consts(vm, to, from->n_consts, from->n_sites)) return NULL;
  Value *consts = to->consts;
  Obj head = to->head;
  for (uint32_t i = 0; i < from->n_consts; i++) gc_store(vm, to, &consts[i], from->consts[i]);
  Code fields = *from;
  fields.head = head;
  fields.consts = consts;
  fields.instr = fields.site_names = NULL;
  fields.handlers = NULL;
  fields.positions = NULL;
  fields.cell_regs = NULL;
  fields.comps = NULL;
  fields.n_comps = 0;
  fields.owns_tables = false;
  *to = fields;
  return copy_tables(vm, to, from) ? to : NULL;
}

static bool set_text(VM *vm, Code *code, Str **field, Value v, const char *name) {
  if (v_absent(v)) return true;
  if (!is_str(v)) return rt_raise_b(vm, &exc_TypeError, "replace() argument '%s' must be str, not %T", name, v);
  gc_store_obj(vm, code, field, v_str(v));
  return true;
}

static bool set_first_line(VM *vm, Code *code, Value v) {
  if (v_absent(v)) return true;
  if (!v_is_int(v)) return rt_raise_b(vm, &exc_TypeError, "'%T' object cannot be interpreted as an integer", v);
  if (v_int(v) < 0 || v_int(v) > INT32_MAX) return rt_raise_b(vm, &exc_ValueError, "co_firstlineno must be a positive integer");
  int64_t by = v_int(v) - (int64_t)code->first_line;
  for (uint32_t i = 0; i < code->n_positions; i++) { /* lines are told relative to the first */
    if (!code->positions[i].line) continue;
    code->positions[i].line = (int32_t)(code->positions[i].line + by);
    code->positions[i].end_line = (int32_t)(code->positions[i].end_line + by);
  }
  for (uint32_t i = 0; i < code->n_comps; i++) {
    code->comps[i].place.line = (int32_t)(code->comps[i].place.line + by);
    code->comps[i].place.end_line = (int32_t)(code->comps[i].place.end_line + by);
  }
  code->first_line = (uint32_t)v_int(v);
  return true;
}

static bool set_consts(VM *vm, Code *code, Value v) {
  if (v_absent(v)) return true;
  if (!is_tuple(v)) return rt_raise_b(vm, &exc_TypeError, "replace() argument 'co_consts' must be tuple, not %T", v);
  if (v_tuple(v)->length != code->n_consts) return rt_raise_b(vm, &exc_ValueError, "replace() cannot change the number of constants");
  for (uint32_t i = 0; i < code->n_consts; i++) gc_store(vm, code, &code->consts[i], v_tuple(v)->items[i]);
  return true;
}

static bool set_flags(VM *vm, Code *code, Value v) {
  if (v_absent(v)) return true;
  if (!v_is_int(v)) return rt_raise_b(vm, &exc_TypeError, "'%T' object cannot be interpreted as an integer", v);
  code->flags &= ~(uint32_t)CODE_ITERABLE_COROUTINE;
  if ((v_int(v) & CO_ITERABLE_COROUTINE) && (code->flags & CODE_GENERATOR)) code->flags |= CODE_ITERABLE_COROUTINE;
  return true;
}

/* A field that must stay what it is. Both values are plain numbers, texts, bytes or tuples of them: no script code. */
static bool unchanged(VM *vm, Value self, Value v, const char *name) {
  if (v_absent(v)) return true;
  Value have = rt_getattr_opt(vm, self, str_intern(vm, name, strlen(name)));
  bool same = false;
  if (v_failed(have) || (!v_absent(have) && !rt_eq(vm, have, v, &same))) return false;
  return same || rt_raise_b(vm, &exc_ValueError, "replace() cannot change %s", name);
}

Value code_replace(VM *vm, Args *a) {
  static const char *const fixed[] = {"co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_nlocals", "co_stacksize", "co_code", "co_names", "co_varnames", "co_freevars",
    "co_cellvars", "co_linetable", "co_exceptiontable"};
  enum { FIXED = sizeof fixed / sizeof *fixed };
  for (int i = 0; i < FIXED; i++)
    if (!unchanged(vm, a->v[0], a->v[1 + i], fixed[i])) return V_FAIL;
  const Value *v = a->v + 1 + FIXED; /* co_flags, co_firstlineno, co_consts, co_filename, co_name, co_qualname */
  Code *code = copy_code(vm, (Code *)v_obj(a->v[0]));
  if (!code) return V_FAIL;
  bool ok = set_flags(vm, code, v[0]) && set_first_line(vm, code, v[1]) && set_consts(vm, code, v[2]) && set_text(vm, code, &code->filename, v[3], "co_filename") &&
            set_text(vm, code, &code->name, v[4], "co_name") && set_text(vm, code, &code->qualname, v[5], "co_qualname");
  return ok ? v_from_obj(code) : V_FAIL;
}
