/* Build tool: compiles the library code that is embedded as text (first-stage build) and writes it as C tables (see vm/frozen.h). Usage: freeze OUT.c */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "parser/compile.h"
#include "vm/frozen.h"
#include "vm/objects/bytes.h"
#include "vm/objects/int.h"
#include "vm/vm.h"

/* A growing array of items of any type. */
typedef struct Table { char *data; size_t len, cap, item; } Table;
static Table stream = {.item = 1}, text = {.item = 1}, string_at = {.item = 4}, words = {.item = 4}, handlers = {.item = sizeof(Handler)}, lines = {.item = 1};
static VM *vm;
static bool lines_only;

static void add(Table *t, const void *data, size_t n) {
  if (t->len + n > t->cap) {
    t->cap = (t->len + n) * 2 + 64;
    t->data = realloc(t->data, t->cap * t->item);
    if (!t->data) exit(2);
  }
  if (n) memcpy(t->data + t->len * t->item, data, n * t->item);
  t->len += n;
}

static void number_to(Table *t, uint64_t n) {
  for (;;) {
    unsigned char b = (unsigned char)(n < 0x80 ? n : (n & 0x7F) | 0x80);
    add(t, &b, 1);
    if (n < 0x80) return;
    n >>= 7;
  }
}

static void number(uint64_t n) { number_to(&stream, n); }

static void byte(unsigned c) {
  unsigned char b = (unsigned char)c;
  add(&stream, &b, 1);
}

static size_t strings(void) { return string_at.len; }
static uint32_t *starts(void) { return (uint32_t *)(void *)string_at.data; }

/* Equal strings share one entry. Searched in order: a few thousand strings, once per build. */
static void string(const char *s, size_t n) {
  for (size_t i = 0; i < strings(); i++) {
    size_t end = i + 1 < strings() ? starts()[i + 1] : text.len;
    if (end - starts()[i] == n && memcmp(text.data + starts()[i], s, n) == 0) {
      number(i);
      return;
    }
  }
  uint32_t at = (uint32_t)text.len;
  number(strings());
  add(&string_at, &at, 1);
  add(&text, s, n);
}

static void raw_double(double d) {
  uint64_t bits;
  memcpy(&bits, &d, sizeof bits);
  for (int i = 0; i < 8; i++) byte((unsigned)(bits >> (8 * i)) & 0xFF);
}

static bool code_out(const Code *code);
static bool const_out(Value v);

static bool items_out(FrozenKind kind, const Value *items, size_t n) {
  byte(kind);
  number(n);
  for (size_t i = 0; i < n; i++) {
    if (!const_out(items[i])) return false;
  }
  return true;
}

static bool set_out(Value v) {
  Value items[256], key;
  size_t pos = 0, n = 0;
  int64_t hash;
  while (n < 256 && set_next(v_set(v), &pos, &key, &hash)) items[n++] = key;
  return n < 256 && items_out(FC_FROZENSET, items, n);
}

static bool int_out(Value v) {
  if (v_is_int(v)) {
    int64_t i = v_int(v);
    byte(FC_INT);
    number(((uint64_t)i << 1) ^ (uint64_t)(i >> 63));
    return true;
  }
  Value s = int_to_str(vm, v, 16);
  if (v_failed(s)) return false;
  byte(FC_BIGINT);
  string(v_str(s)->data, v_str(s)->size);
  return true;
}

static bool const_out(Value v) {
  if (v_is_none(v)) return byte(FC_NONE), true;
  if (v_is_bool(v)) return byte(v_same(v, V_TRUE) ? FC_TRUE : FC_FALSE), true;
  if (v_same(v, V_ELLIPSIS)) return byte(FC_ELLIPSIS), true;
  if (v_absent(v)) return byte(FC_ABSENT), true;
  if (is_int(v)) return int_out(v);
  if (is_float(v)) return byte(FC_FLOAT), raw_double(v_float_value(v)), true;
  if (is_str(v)) {
    byte((v_obj(v)->small & STR_INTERNED) ? FC_NAME : FC_STR);
    string(v_str(v)->data, v_str(v)->size);
    return true;
  }
  if (is_bytes(v)) {
    byte(FC_BYTES);
    string((const char *)v_bytes(v)->data, v_bytes(v)->size);
    return true;
  }
  if (is_tuple(v)) return items_out(FC_TUPLE, v_tuple(v)->items, v_tuple(v)->length);
  if (v_has_layout(v, LAY_FROZENSET)) return set_out(v);
  if (v_has_layout(v, LAY_COMPLEX)) return byte(FC_COMPLEX), raw_double(((Complex *)v_obj(v))->re), raw_double(((Complex *)v_obj(v))->im), true;
  if (v_has_layout(v, LAY_CODE)) return byte(FC_CODE), code_out((const Code *)v_obj(v));
  fprintf(stderr, "freeze: a constant of a type that cannot be written\n");
  return false;
}

static void table_out(Table *t, const void *data, size_t n) {
  number(t->len);
  number(n);
  add(t, data, n);
}

/* Library modules keep lines only; hidden code shows no positions at all. */
static void lines_out(const Code *code) {
  Table own = {.item = 1};
  int32_t last = 0;
  uint32_t last_pc = 0, n = 0;
  for (uint32_t i = 0; i < code->n_positions && lines_only; i++) {
    const Position *p = &code->positions[i];
    if (p->line == last || p->line <= 0) continue;
    number_to(&own, p->pc - last_pc);
    number_to(&own, (uint32_t)(p->line - last) << 1 ^ (uint32_t)((p->line - last) >> 31));
    last = p->line;
    last_pc = p->pc;
    n++;
  }
  number(n ? lines.len + 1 : 0);
  if (n) number_to(&lines, n);
  add(&lines, own.data, own.len);
  free(own.data);
}

static bool code_out(const Code *code) {
  table_out(&words, code->instr, code->n_instr);
  table_out(&words, code->site_names, code->n_sites);
  table_out(&words, code->cell_regs, code->cell_names ? code->cell_names->length : 0);
  table_out(&handlers, code->handlers, code->n_handlers);
  lines_out(code);
  number(code->flags);
  number(code->n_regs);
  number(code->n_params);
  number(code->n_posonly);
  number(code->n_kwonly);
  number(code->n_locals);
  number(code->first_line);
  const void *const fields[5] = {code->local_names, code->cell_names, code->free_names, code->name, code->qualname};
  for (int i = 0; i < 5; i++) {
    if (!const_out(fields[i] ? v_from_obj(fields[i]) : V_NONE)) return false;
  }
  if (!const_out(lines_only ? code->doc : V_NONE)) return false;
  number(code->n_consts);
  for (uint32_t i = 0; i < code->n_consts; i++) {
    if (!const_out(code->consts[i])) return false;
  }
  return true;
}

/* Where the code begins in the stream, plus 1. */
static uint32_t compile_one(const char *source, size_t len, const char *name, unsigned flags) {
  uint32_t at = (uint32_t)stream.len + 1;
  Value code = compile_source(vm, source, len, name, 'e', flags, NULL);
  if (!v_failed(code) && code_out((const Code *)v_obj(code))) return at;
  tiny_error e;
  if (tiny_take_error(vm, &e)) fprintf(stderr, "freeze: %s: %s\n%s", name, e.message, e.text);
  exit(1);
}

static void numbers(FILE *out, const char *head, const Table *t, int per_line) {
  size_t n = t->len * t->item / (t->item == 1 ? 1 : 4);
  fprintf(out, "%s = {", head);
  for (size_t i = 0; i < n; i++) {
    if (i % (size_t)per_line == 0) putc('\n', out);
    if (t->item == 1) fprintf(out, "%u,", (unsigned char)t->data[i]);
    else fprintf(out, "%" PRIu32 ",", ((uint32_t *)(void *)t->data)[i]);
  }
  fprintf(out, "%s};\n", n ? "" : "0");
}

static void structs(FILE *out, const char *head, const Table *t) {
  int fields = (int)(t->item / 4);
  fprintf(out, "%s = {", head);
  for (size_t i = 0; i < t->len || i == 0; i++) {
    putc('{', out);
    for (int k = 0; k < fields; k++) fprintf(out, "%" PRId32 ",", t->len ? ((int32_t *)(void *)t->data)[i * (size_t)fields + (size_t)k] : 0);
    fprintf(out, "},\n");
  }
  fprintf(out, "};\n");
}

int main(int argc, char **argv) {
  FILE *out;
  if (argc < 2 || !(out = fopen(argv[1], "w"))) return 2;
  tiny_config c = TINY_CONFIG_INIT;
  c.hash_seed = 1;
  vm = tiny_new(&c);
  if (!vm) return 2;
  Table chunk_at = {.item = 4}, module_at = {.item = 4};
  for (unsigned n = 0; n < frozen_chunk_count; n++) {
    uint32_t at = compile_one(frozen_chunks[n].text, frozen_chunks[n].len, "<frozen>", COMPILE_HIDDEN);
    add(&chunk_at, &at, 1);
  }
  lines_only = true;
  for (unsigned n = 0; frozen_modules[n].name; n++) {
    uint32_t at = compile_one(frozen_modules[n].text, frozen_modules[n].len, frozen_modules[n].name, 0);
    add(&module_at, &at, 1);
  }
  uint32_t end = (uint32_t)text.len;
  add(&string_at, &end, 1);
  fprintf(out, "/* Made by scripts/dev/freeze.c: compiled library code. */\n#include \"vm/frozen.h\"\n");
  numbers(out, "const unsigned char frozen_stream[]", &stream, 40);
  numbers(out, "const unsigned char frozen_text[]", &text, 40);
  numbers(out, "const uint32_t frozen_string_at[]", &string_at, 20);
  numbers(out, "const uint32_t frozen_words[]", &words, 16);
  structs(out, "const Handler frozen_handlers[]", &handlers);
  numbers(out, "const unsigned char frozen_lines[]", &lines, 40);
  numbers(out, "const uint32_t frozen_chunk_at[]", &chunk_at, 20);
  numbers(out, "const uint32_t frozen_module_at[]", &module_at, 20);
  tiny_free(vm);
  Table *const all[] = {&stream, &text, &string_at, &words, &handlers, &lines, &chunk_at, &module_at};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]->data);
  return fclose(out) != 0;
}
