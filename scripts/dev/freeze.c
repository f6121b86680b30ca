/* Build tool: compiles the library code that is embedded as text (first-stage build) and writes it as C tables (see vm/frozen.h). Usage: freeze OUT.c */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "parser/compile.h"
#include "vm/frozen.h"
#include "vm/objects/bytes.h"
#include "vm/objects/int.h"
#include "vm/vm.h"

static FILE *out;
static VM *vm;
static int next_id;
static bool lines_only;

static int fail(const char *what) {
  fprintf(stderr, "freeze: %s\n", what);
  return -1;
}

static void text_out(const char *s, size_t n) {
  putc('"', out);
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c < 32 || c > 126 || c == '"' || c == '\\' || c == '?') fprintf(out, "\\%03o", c);
    else putc(c, out);
    if (i % 200 == 199) fprintf(out, "\"\n\"");
  }
  putc('"', out);
}

static int code_out(const Code *code);
static int prepare(Value v);
static bool const_out(Value v, int id);

/* Nested tables (tuples, sets, code) come first; the number given to them, 0: none needed. -1: failed. */
static int items_out(const Value *items, size_t n) {
  int *ids = calloc(n + 1, sizeof *ids);
  for (size_t i = 0; i < n; i++) {
    ids[i] = prepare(items[i]);
    if (ids[i] < 0) return -1;
  }
  int id = ++next_id;
  fprintf(out, "static const FrozenConst k%d[] = {\n", id);
  for (size_t i = 0; i < n; i++) {
    if (!const_out(items[i], ids[i])) return -1;
    fprintf(out, ",\n");
  }
  if (n == 0) fprintf(out, "{FC_NONE, 0, 0, 0, 0, 0}\n");
  fprintf(out, "};\n");
  free(ids);
  return id;
}

static int prepare(Value v) {
  if (is_tuple(v)) return items_out(v_tuple(v)->items, v_tuple(v)->length);
  if (v_has_layout(v, LAY_CODE)) return code_out((const Code *)v_obj(v));
  if (v_has_layout(v, LAY_FROZENSET)) {
    Value items[256], key;
    size_t pos = 0, n = 0;
    int64_t hash;
    while (n < 256 && set_next(v_set(v), &pos, &key, &hash)) items[n++] = key;
    return items_out(items, n);
  }
  if (v_has_layout(v, LAY_COMPLEX)) {
    Complex *c = (Complex *)v_obj(v);
    Value two[2] = {float_new(vm, c->re), float_new(vm, c->im)};
    return items_out(two, 2);
  }
  return 0;
}

static bool str_out(const Str *s, bool name) {
  fprintf(out, "{%s, %zu, 0, ", name ? "FC_NAME" : "FC_STR", s->size);
  text_out(s->data, s->size);
  fprintf(out, ", 0, 0}");
  return true;
}

static bool const_out(Value v, int id) {
  if (v_is_none(v)) return fprintf(out, "{FC_NONE, 0, 0, 0, 0, 0}"), true;
  if (v_is_bool(v)) return fprintf(out, "{%s, 0, 0, 0, 0, 0}", v_same(v, V_TRUE) ? "FC_TRUE" : "FC_FALSE"), true;
  if (v_same(v, V_ELLIPSIS)) return fprintf(out, "{FC_ELLIPSIS, 0, 0, 0, 0, 0}"), true;
  if (v_absent(v)) return fprintf(out, "{FC_ABSENT, 0, 0, 0, 0, 0}"), true;
  if (v_is_int(v)) return fprintf(out, "{FC_INT, 0, %" PRId64 ", 0, 0, 0}", v_int(v)), true;
  if (is_float(v)) {
    double d = v_float_value(v);
    int64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return fprintf(out, "{FC_FLOAT, 0, (int64_t)UINT64_C(0x%" PRIx64 "), 0, 0, 0}", (uint64_t)bits), true;
  }
  if (is_int(v)) {
    Value s = int_to_str(vm, v, 16);
    if (v_failed(s)) return false;
    fprintf(out, "{FC_BIGINT, %zu, 0, ", v_str(s)->size);
    text_out(v_str(s)->data, v_str(s)->size);
    return fprintf(out, ", 0, 0}"), true;
  }
  if (is_str(v)) return str_out(v_str(v), (v_obj(v)->small & STR_INTERNED) != 0);
  if (is_bytes(v)) {
    fprintf(out, "{FC_BYTES, %zu, 0, ", v_bytes(v)->size);
    text_out((const char *)v_bytes(v)->data, v_bytes(v)->size);
    return fprintf(out, ", 0, 0}"), true;
  }
  if (is_tuple(v)) return fprintf(out, "{FC_TUPLE, %zu, 0, 0, k%d, 0}", v_tuple(v)->length, id), true;
  if (v_has_layout(v, LAY_FROZENSET)) return fprintf(out, "{FC_FROZENSET, %zu, 0, 0, k%d, 0}", v_set(v)->used, id), true;
  if (v_has_layout(v, LAY_COMPLEX)) return fprintf(out, "{FC_COMPLEX, 2, 0, 0, k%d, 0}", id), true;
  if (v_has_layout(v, LAY_CODE)) return fprintf(out, "{FC_CODE, 0, 0, 0, 0, &c%d}", id), true;
  return fail("a constant of a type that cannot be written"), false;
}

static void words_out(const char *what, int id, const uint32_t *w, size_t n) {
  fprintf(out, "static const uint32_t %s%d[] = {", what, id);
  for (size_t i = 0; i < n; i++) fprintf(out, "%s%" PRIu32 ",", i % 16 == 0 ? "\n" : "", w[i]);
  fprintf(out, "%s};\n", n ? "" : "0");
}

/* Library modules keep lines only; hidden code shows no positions at all. */
static uint32_t positions_out(int id, const Code *code) {
  uint32_t n = 0;
  int32_t last = -1;
  fprintf(out, "static const Position p%d[] = {", id);
  for (uint32_t i = 0; i < code->n_positions && lines_only; i++) {
    const Position *p = &code->positions[i];
    if (p->line == last) continue;
    last = p->line;
    fprintf(out, "{%" PRIu32 ", %d, %d, -1, -1},", p->pc, p->line, p->line);
    n++;
  }
  if (n == 0) {
    fprintf(out, "{0, %" PRIu32 ", %" PRIu32 ", -1, -1}", code->first_line, code->first_line);
    n = 1;
  }
  fprintf(out, "};\n");
  return n;
}

static int one_const(Value v) {
  int id = prepare(v);
  if (id < 0) return -1;
  int mine = ++next_id;
  fprintf(out, "static const FrozenConst o%d = ", mine);
  if (!const_out(v, id)) return -1;
  fprintf(out, ";\n");
  return mine;
}

static Value opt(const void *o) { return o ? v_from_obj(o) : V_NONE; }

static int code_out(const Code *code) {
  int consts = items_out(code->consts, code->n_consts);
  int o[6];
  const Value parts[6] = {opt(code->local_names), opt(code->cell_names), opt(code->free_names), opt(code->name), opt(code->qualname), code->doc};
  if (consts < 0) return -1;
  for (int i = 0; i < 6; i++) {
    o[i] = one_const(parts[i]);
    if (o[i] < 0) return -1;
  }
  int id = ++next_id;
  size_t n_cells = code->cell_names ? code->cell_names->length : 0;
  words_out("i", id, code->instr, code->n_instr);
  words_out("s", id, code->site_names, code->n_sites);
  words_out("r", id, code->cell_regs, n_cells);
  fprintf(out, "static const Handler h%d[] = {", id);
  for (uint32_t i = 0; i < code->n_handlers; i++) {
    const Handler *h = &code->handlers[i];
    fprintf(out, "{%" PRIu32 ", %" PRIu32 ", %" PRIu32 ", %" PRIu32 "},", h->start, h->end, h->target, h->reg);
  }
  fprintf(out, "%s};\n", code->n_handlers ? "" : "{0, 0, 0, 0}");
  uint32_t n_positions = positions_out(id, code);
  fprintf(out, "static const FrozenCode c%d = {i%d, s%d, r%d, k%d, &o%d, &o%d, &o%d, h%d, p%d, &o%d, &o%d, &o%d,\n", id, id, id, id, consts, o[0], o[1], o[2], id, id, o[3], o[4], o[5]);
  fprintf(out, "  %u, %u, %u, %u, %u, %u, %u, %u, %u, %u, %u, %u};\n", code->n_instr, code->n_consts, code->n_sites, code->n_handlers, n_positions, code->flags, code->n_regs,
    code->n_params, code->n_posonly, code->n_kwonly, code->n_locals, code->first_line);
  return id;
}

static int compile_one(const char *text, size_t len, const char *name, unsigned flags) {
  Value code = compile_source(vm, text, len, name, 'e', flags, NULL);
  if (!v_failed(code)) return code_out((const Code *)v_obj(code));
  tiny_error e;
  if (tiny_take_error(vm, &e)) fprintf(stderr, "freeze: %s: %s\n%s", name, e.message, e.text);
  return -1;
}

static void list_out(const char *name, const int *ids, unsigned n) {
  fprintf(out, "const FrozenCode *const %s[] = {", name);
  for (unsigned i = 0; i < n; i++) fprintf(out, "&c%d,", ids[i]);
  fprintf(out, "0};\n");
}

int main(int argc, char **argv) {
  int ids[4096];
  unsigned n = 0;
  if (argc < 2 || !(out = fopen(argv[1], "w"))) return 2;
  tiny_config c = TINY_CONFIG_INIT;
  c.hash_seed = 1;
  vm = tiny_new(&c);
  if (!vm) return 2;
  fprintf(out, "/* Made by scripts/dev/freeze.c: compiled library code. */\n#include \"vm/frozen.h\"\n");
  for (; n < frozen_chunk_count && n < 4096; n++) {
    ids[n] = compile_one(frozen_chunks[n].text, frozen_chunks[n].len, "<frozen>", COMPILE_HIDDEN);
    if (ids[n] < 0) return 1;
  }
  list_out("frozen_chunk_code", ids, n);
  lines_only = true;
  for (n = 0; frozen_modules[n].name && n < 4096; n++) {
    ids[n] = compile_one(frozen_modules[n].text, frozen_modules[n].len, frozen_modules[n].name, 0);
    if (ids[n] < 0) return 1;
  }
  list_out("frozen_module_codes", ids, n);
  tiny_free(vm);
  return fclose(out) != 0;
}
