/* The disassembler and the verifier: both read the instruction table and nothing else about the instructions. */
#include <stdio.h>
#include <string.h>
#include "vm/code.h"
#include "vm/runtime.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

/* ---- disassembly */

static void dump_text(Buf *out, const Str *s) { buf_add(out, s->data, s->size < 60 ? s->size : 60); }

static void dump_const(Buf *out, const Code *code, uint32_t k) {
  if (k >= code->n_consts) return;
  Value v = code->consts[k];
  buf_str(out, " ; ");
  if (is_str(v)) {
    buf_char(out, '\'');
    dump_text(out, v_str(v));
    buf_char(out, '\'');
  } else if (v_is_int(v)) {
    buf_printf(out, "%lld", (long long)v_int(v));
  } else {
    buf_str(out, type_of(v)->name);
  }
}

/* Operands whose meaning mentions K[...] or a site get their constant shown. */
static void dump_operands(Buf *out, const Code *code, uint32_t pc) {
  uint32_t w = code->instr[pc];
  const OpInfo *info = &op_info[INS_OP(w)];
  uint32_t x = (info->format & FORMAT_X) ? code->instr[pc + 1] : 0;
  switch (info->format & ~(FORMAT_X | FORMAT_JUMP)) {
    case FORMAT_A: buf_printf(out, " %u", INS_A(w)); break;
    case FORMAT_AB: buf_printf(out, " %u %u", INS_A(w), INS_B(w)); break;
    case FORMAT_ABC: buf_printf(out, " %u %u %u", INS_A(w), INS_B(w), INS_C(w)); break;
    case FORMAT_ABx: buf_printf(out, " %u %u", INS_A(w), INS_Bx(w)); break;
    case FORMAT_AsBx: buf_printf(out, " %u %d", INS_A(w), (int)INS_sBx(w)); break;
    case FORMAT_sJ: buf_printf(out, " -> %d", (int)pc + 1 + (int)INS_sJ(w)); break;
    default: break;
  }
  const char *m = info->meaning;
  if (info->format & FORMAT_X) {
    if (info->format & FORMAT_JUMP) buf_printf(out, " -> %d", (int)pc + 2 + (int)(int32_t)x);
    else buf_printf(out, " X %u", x);
  }
  if (strstr(m, "K[Bx]")) dump_const(out, code, INS_Bx(w));
  else if (strstr(m, "K[C]")) dump_const(out, code, INS_C(w));
  else if (strstr(m, "K[B]")) dump_const(out, code, INS_B(w));
  else if (strstr(m, "K[X]")) dump_const(out, code, x);
  else if (strstr(m, "site X") && x < code->n_sites) dump_const(out, code, code->site_names[x]);
}

bool code_dump(VM *vm, const Code *code, Buf *out) {
  buf_str(out, "code ");
  if (code->qualname) dump_text(out, code->qualname);
  buf_printf(out, ": %u params, %u locals, %u registers, flags %#x\n", code->n_params, code->n_locals, code->n_regs, code->flags);
  for (uint32_t pc = 0; pc < code->n_instr;) {
    const Position *p = code_position(code, pc);
    const Handler *h = code_handler(code, pc);
    uint32_t op = INS_OP(code->instr[pc]);
    if (op >= OP_COUNT) return false;
    buf_printf(out, "%5d %5u  %-12s", p ? (int)p->line : 0, pc, op_info[op].name);
    dump_operands(out, code, pc);
    if (h) buf_printf(out, "  [%u: R%u]", h->target, h->reg);
    buf_char(out, '\n');
    pc += (uint32_t)op_length((int)op);
  }
  for (uint32_t i = 0; i < code->n_consts && !out->failed; i++) {
    if (!v_is_exact(code->consts[i], &code_type)) continue;
    buf_char(out, '\n');
    if (!code_dump(vm, (const Code *)v_obj(code->consts[i]), out)) return false; /* as deep as functions nest in the source */
  }
  return !out->failed;
}

/* ---- verification */

typedef struct Verify { const Code *code; char *msg; size_t n; uint32_t pc; } Verify;

static bool bad(const Verify *v, const char *what, uint32_t x) {
  uint32_t op = INS_OP(v->code->instr[v->pc]);
  snprintf(v->msg, v->n, "pc %u %s: %s %u", v->pc, op < OP_COUNT ? op_info[op].name : "?", what, x);
  return false;
}

/* Is it an instruction's first word? A walk: the verifier serves tests, not running programs. */
static bool is_boundary(const Code *code, uint32_t target) {
  uint32_t pc = 0;
  while (pc < target && pc < code->n_instr) pc += (uint32_t)op_length((int)INS_OP(code->instr[pc]));
  return pc == target && pc < code->n_instr;
}

static bool check_reg(const Verify *v, uint32_t r) { return r < v->code->n_regs || bad(v, "register", r); }

static bool uses(const char *meaning, char letter) {
  char text[4] = {'R', '[', letter, 0};
  return strstr(meaning, text) != NULL;
}

static bool check_instr(const Verify *v) {
  const Code *code = v->code;
  uint32_t w = code->instr[v->pc], op = INS_OP(w);
  if (op >= OP_COUNT) return bad(v, "opcode", op);
  const OpInfo *info = &op_info[op];
  if (v->pc + (uint32_t)op_length((int)op) > code->n_instr) return bad(v, "cut off at", code->n_instr);
  uint32_t x = (info->format & FORMAT_X) ? code->instr[v->pc + 1] : 0;
  const char *m = info->meaning;
  int form = info->format & ~(FORMAT_X | FORMAT_JUMP);
  if (form != FORMAT_NONE && form != FORMAT_sJ && uses(m, 'A') && !check_reg(v, INS_A(w))) return false;
  if ((form == FORMAT_AB || form == FORMAT_ABC) && uses(m, 'B') && !strstr(m, "R[B] ..") && !strstr(m, "pairs R[B]") && !check_reg(v, INS_B(w))) return false;
  if (form == FORMAT_ABC && uses(m, 'C') && !check_reg(v, INS_C(w))) return false;
  if (strstr(m, "K[Bx]") && INS_Bx(w) >= code->n_consts) return bad(v, "constant", INS_Bx(w));
  if (strstr(m, "K[C]") && INS_C(w) >= code->n_consts) return bad(v, "constant", INS_C(w));
  if (strstr(m, "K[X]") && x >= code->n_consts) return bad(v, "constant", x);
  if (strstr(m, "site X") && (x >= code->n_sites || code->site_names[x] >= code->n_consts)) return bad(v, "site", x);
  if (strstr(m, "closure[X]") && (!code->free_names || x >= code->free_names->length)) return bad(v, "free variable", x);
  int64_t target = -1;
  if (form == FORMAT_sJ) target = (int64_t)v->pc + 1 + INS_sJ(w);
  else if (info->format & FORMAT_JUMP) target = (int64_t)v->pc + 2 + (int32_t)x;
  else return true;
  if (target < 0 || target >= code->n_instr || !is_boundary(code, (uint32_t)target)) return bad(v, "jump", (uint32_t)target);
  return true;
}

bool code_verify(const Code *code, char *msg, size_t n) {
  Verify v = {code, msg, n, 0};
  if (n) msg[0] = 0;
  if (!code->n_instr) return snprintf(msg, n, "empty"), false;
  uint32_t last = 0;
  while (v.pc < code->n_instr) {
    if (!check_instr(&v)) return false;
    last = INS_OP(code->instr[v.pc]);
    v.pc += (uint32_t)op_length((int)last);
  }
  v.pc = 0;
  if (last != OP_RETURN && last != OP_RETURNNONE && last != OP_JUMP && last != OP_RERAISE && last != OP_RAISE && last != OP_RAISEFROM && last != OP_RAISECURRENT && last != OP_ASSERTFAIL)
    return bad(&v, "runs off the end, last opcode", last);
  for (uint32_t i = 0; i < code->n_handlers; i++) {
    const Handler *h = &code->handlers[i];
    if (h->start >= h->end || h->end > code->n_instr || !is_boundary(code, h->target) || h->reg >= code->n_regs) return bad(&v, "handler", i);
    if (i && h->start < code->handlers[i - 1].end) return bad(&v, "handlers overlap", i);
  }
  for (uint32_t i = 1; i < code->n_positions; i++)
    if (code->positions[i].pc <= code->positions[i - 1].pc) return bad(&v, "positions out of order", i);
  return true;
}
