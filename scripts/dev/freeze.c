/* Build tool: compiles the library code that is embedded as text (first-stage build) and writes it as C tables (see vm/frozen.h). Usage: freeze OUT.c
 * (What it allocates it leaves to the end of the process.) Everything is first recorded as symbols of models; when all are counted, models, names and tokens are fixed and the streams are made. */
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

static void *add(Table *t, const void *data, size_t n) {
  if (t->len + n > t->cap) {
    t->cap = (t->len + n) * 2 + 64;
    t->data = realloc(t->data, t->cap * t->item);
    if (!t->data) exit(2);
  }
  if (n && data) memcpy(t->data + t->len * t->item, data, n * t->item);
  t->len += n;
  return t->data + (t->len - n) * t->item;
}

/* ---- what is recorded: one list of items for each code object */

typedef struct Unit Unit;
typedef struct Text { char *data; size_t len; unsigned uses, module; bool many_modules; uint32_t number; /* of the name */ unsigned char *tokens; size_t n_tokens; } Text;
typedef enum { SYMBOL, BITS, TEXT, RAW, NESTED, STRING } Kind;
typedef struct Item { Kind kind; uint32_t model, value; const void *data; } Item; /* SYMBOL: value; BITS: model is how many; TEXT, STRING (model: place): a Text; RAW: value bytes; NESTED: a Unit */
struct Unit { Item *items; size_t len, cap; uint32_t at, module; };

static VM *vm;
static Unit *unit;
static Text **texts; /* all different strings */
static size_t n_texts, cap_texts;
static Table names = {.item = sizeof(Text *)}, docs = {.item = sizeof(Text *)};
static Table used_flags = {.item = 2};
static uint8_t operands[OP_COUNT];
static unsigned module;
static bool keeps_docs;

static void fail(const char *what) {
  fprintf(stderr, "freeze: %s\n", what);
  exit(1);
}

static void item(Kind kind, uint32_t model, uint32_t value, const void *data) {
  if (unit->len == unit->cap) unit->items = realloc(unit->items, (unit->cap = unit->cap * 2 + 32) * sizeof(Item));
  if (!unit->items) exit(2);
  unit->items[unit->len++] = (Item){kind, model, value, data};
}

static void symbol(uint32_t model, uint32_t value) {
  if (value > 255) fail("a symbol beyond 255");
  item(SYMBOL, model, value, NULL);
}

static void number(uint32_t model, uint64_t n) {
  if (n < 32) {
    symbol(model, (uint32_t)n);
    return;
  }
  uint32_t bits = 0;
  while (n >> bits) bits++;
  if (bits > FROZEN_MAX_BITS) fail("a number that is too big");
  symbol(model, 32 + 4 * (bits - 6) + (uint32_t)(n >> (bits - 3) & 3));
  for (bits -= 3; bits;) {
    uint32_t some = bits < 8 ? bits : 8;
    bits -= some;
    item(BITS, some, (uint32_t)(n >> bits & ((1u << some) - 1)), NULL);
  }
}

static uint64_t zigzag(int64_t n) { return (uint64_t)n << 1 ^ (uint64_t)(n >> 63); }

static uint32_t text_slot(const char *data, size_t len) {
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < len; i++) h = (h ^ (unsigned char)data[i]) * 16777619u;
  h &= (uint32_t)cap_texts - 1;
  while (texts[h] && (texts[h]->len != len || memcmp(texts[h]->data, data, len) != 0)) h = (h + 1) & ((uint32_t)cap_texts - 1);
  return h;
}

static Text *text_new(const char *data, size_t len) {
  Text *t = calloc(1, sizeof *t);
  if (!t || !(t->data = malloc(len + 1))) exit(2);
  memcpy(t->data, data, len);
  t->len = len;
  return t;
}

static void string(unsigned place, const char *data, size_t len) {
  if (!cap_texts && !(texts = calloc(cap_texts = 1 << 17, sizeof *texts))) exit(2);
  uint32_t h = text_slot(data, len);
  if (!texts[h]) {
    if (++n_texts > cap_texts / 2) fail("too many strings");
    texts[h] = text_new(data, len);
    texts[h]->module = module;
  }
  texts[h]->uses++;
  texts[h]->many_modules |= texts[h]->module != module;
  item(STRING, place, 0, texts[h]);
}

static void doc_text(const char *data, size_t len) {
  Text *t = text_new(data, len);
  add(&docs, &t, 1);
  item(TEXT, 0, 0, t);
}

/* ---- constants */

static Unit *code_out(const Code *code, const Code *around, uint32_t *line);
typedef struct State { const Code *code; bool *known; uint32_t next_const, next_site, line; uint32_t *site_number; } State;

static void const_out(State *s, unsigned place, Value v);

static void items_out(State *s, unsigned place, FrozenKind kind, const Value *items, size_t n) {
  symbol(MODEL_KIND + place, kind);
  number(MODEL_COUNT, n);
  for (size_t i = 0; i < n; i++) const_out(s, FROZEN_ITEM, items[i]);
}

static void set_out(State *s, unsigned place, Value v) {
  Value items[256], key;
  size_t pos = 0, n = 0;
  int64_t hash;
  while (n < 256 && set_next(v_set(v), &pos, &key, &hash)) items[n++] = key;
  if (n == 256) fail("a big set");
  items_out(s, place, FC_FROZENSET, items, n);
}

static void int_out(unsigned place, Value v) {
  int64_t i = v_is_int(v) ? v_int(v) : INT64_MAX;
  if (i > -(INT64_C(1) << (FROZEN_MAX_BITS - 1)) && i < INT64_C(1) << (FROZEN_MAX_BITS - 1)) {
    symbol(MODEL_KIND + place, FC_INT);
    number(MODEL_INT, zigzag(i));
    return;
  }
  Value s = int_to_str(vm, v, 16);
  if (v_failed(s)) fail("no memory");
  symbol(MODEL_KIND + place, FC_BIGINT);
  string(place, v_str(s)->data, v_str(s)->size);
}

static void raw_double(double d) {
  uint64_t bits;
  unsigned char *bytes = malloc(8);
  if (!bytes) exit(2);
  memcpy(&bits, &d, sizeof bits);
  for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(bits >> (8 * i));
  item(RAW, 0, 8, bytes);
}

static size_t put_length(unsigned char *to, size_t n) {
  size_t i = 0;
  for (; n >= 0x80; n >>= 7) to[i++] = (unsigned char)(n | 0x80);
  to[i++] = (unsigned char)n;
  return i;
}

static void bytes_out(const void *data, size_t n) {
  unsigned char *copy = malloc(n + 8);
  if (!copy) exit(2);
  size_t head = put_length(copy, n);
  memcpy(copy + head, data, n);
  item(RAW, 0, (uint32_t)(head + n), copy);
}

static void const_out(State *s, unsigned place, Value v) {
  uint32_t kinds = MODEL_KIND + place;
  if (v_is_none(v)) symbol(kinds, FC_NONE);
  else if (v_is_bool(v)) symbol(kinds, v_same(v, V_TRUE) ? FC_TRUE : FC_FALSE);
  else if (v_same(v, V_ELLIPSIS)) symbol(kinds, FC_ELLIPSIS);
  else if (v_absent(v)) symbol(kinds, FC_ABSENT);
  else if (is_int(v)) int_out(place, v);
  else if (is_float(v)) symbol(kinds, FC_FLOAT), raw_double(v_float_value(v));
  else if (is_str(v)) symbol(kinds, (v_obj(v)->small & STR_INTERNED) ? FC_NAME : FC_STR), string(place, v_str(v)->data, v_str(v)->size);
  else if (is_bytes(v)) symbol(kinds, FC_BYTES), bytes_out(v_bytes(v)->data, v_bytes(v)->size);
  else if (is_tuple(v)) items_out(s, place, FC_TUPLE, v_tuple(v)->items, v_tuple(v)->length);
  else if (v_has_layout(v, LAY_FROZENSET)) set_out(s, place, v);
  else if (v_has_layout(v, LAY_COMPLEX)) symbol(kinds, FC_COMPLEX), raw_double(((Complex *)v_obj(v))->re), raw_double(((Complex *)v_obj(v))->im);
  else if (v_has_layout(v, LAY_CODE)) {
    symbol(kinds, FC_CODE);
    item(NESTED, 0, 0, code_out((const Code *)v_obj(v), s->code, &s->line));
  } else fail("a constant of a type that cannot be written");
}

/* ---- instructions */

static void fill_const(State *s, uint32_t k, unsigned place) {
  s->known[k] = true;
  const_out(s, place, s->code->consts[k]);
  while (s->next_const < s->code->n_consts && s->known[s->next_const]) s->next_const++;
}

static void const_ref(State *s, unsigned op, uint32_t k) {
  if (k >= s->code->n_consts) fail("no such constant");
  number(MODEL_CONST + op, k == s->next_const ? 0 : k < s->next_const ? s->next_const - k : k + 1);
  if (!s->known[k]) fill_const(s, k, op);
}

/* Sites are numbered again, in the order in which instructions name them. */
static void site_ref(State *s, unsigned op, uint32_t site) {
  if (s->site_number[site] != UINT32_MAX) {
    number(MODEL_SITE + op, s->next_site - s->site_number[site]);
    return;
  }
  s->site_number[site] = s->next_site++;
  number(MODEL_SITE + op, 0);
  const_ref(s, op, s->code->site_names[site]);
}

static void instructions_out(State *s) {
  const Code *code = s->code;
  unsigned before = OP_COUNT, last = 0;
  for (uint32_t i = 0; i < code->n_instr; i++) {
    uint32_t w = code->instr[i], a = INS_A(w), b = INS_B(w), c = INS_C(w);
    unsigned op = INS_OP(w), format = op_info[op].format, base = format & (FORMAT_X - 1), special = operands[op];
    symbol(MODEL_OP + before, op);
    before = op;
    if (base == FORMAT_sJ) number(MODEL_X + op, zigzag(INS_sJ(w)));
    else {
      if (base != FORMAT_NONE) symbol(MODEL_A + op, (a - last) & 0xFF);
      else if (a) fail("an operand that the format does not have");
      if (base == FORMAT_ABx) {
        if (special & OPERAND_KBX) const_ref(s, op, INS_Bx(w));
        else number(MODEL_X + op, INS_Bx(w));
      } else if (base == FORMAT_AsBx) number(MODEL_X + op, zigzag(INS_sBx(w)));
      else if (base == FORMAT_AB || base == FORMAT_ABC) {
        if (special & OPERAND_KB) const_ref(s, op, b);
        else symbol(MODEL_B + op, b);
      } else if (b) fail("an operand that the format does not have");
      if (base == FORMAT_ABC) {
        if (special & OPERAND_KC) const_ref(s, op, c);
        else symbol(MODEL_C + op, c);
      } else if (c && base != FORMAT_ABx && base != FORMAT_AsBx) fail("an operand that the format does not have");
      if (base != FORMAT_NONE && !(special & OPERAND_KEEPS)) last = special & OPERAND_USES_C ? c : a;
    }
    if (!(format & FORMAT_X)) continue;
    uint32_t x = code->instr[++i];
    if (special & OPERAND_SITE) site_ref(s, op, x);
    else if (special & OPERAND_KX) const_ref(s, op, x);
    else number(MODEL_X + op, zigzag((int32_t)x));
  }
  while (s->next_const < code->n_consts) fill_const(s, s->next_const, FROZEN_UNNAMED);
}

/* ---- code objects */

static void name_out(unsigned place, const Str *s) { string(place, s->data, s->size); }

static void names_out(unsigned place, const Tuple *t, const uint32_t *regs) {
  for (size_t i = 0; t && i < t->length; i++) {
    if (!(v_obj(t->items[i])->small & STR_INTERNED)) fail("a name that is not interned");
    name_out(place, v_str(t->items[i]));
    if (regs) number(MODEL_REG, regs[i]);
  }
}

static void handlers_out(const Code *code) {
  uint32_t end = 0;
  number(MODEL_HANDLERS, code->n_handlers);
  for (uint32_t i = 0; i < code->n_handlers; i++) {
    const Handler *h = &code->handlers[i];
    if (h->start < end) fail("handlers that overlap");
    number(MODEL_START, h->start - end);
    number(MODEL_LENGTH, h->end - h->start);
    number(MODEL_TARGET, zigzag((int64_t)h->target - h->start));
    number(MODEL_REG, h->reg);
    end = h->end;
  }
}

/* Library modules keep lines only; hidden code shows no positions at all. */
static void lines_out(const Code *code) {
  uint32_t n = 0, pc = 0;
  for (int pass = 0; pass < 2; pass++) {
    int32_t last = (int32_t)code->first_line;
    bool first = true;
    for (uint32_t i = 0; i < code->n_positions && keeps_docs; i++) {
      const Position *p = &code->positions[i];
      if ((p->line == last && !first) || p->line <= 0) continue;
      first = false;
      if (pass) {
        number(MODEL_PC, p->pc - pc);
        number(MODEL_LINE, zigzag((int64_t)p->line - last));
        pc = p->pc;
      } else n++;
      last = p->line;
    }
    if (!pass) number(MODEL_LINES, n);
  }
}

static void qualname_out(const Code *code, const Code *around) {
  char text[1000];
  int n = !around || (around->flags & CODE_MODULE) ? snprintf(text, sizeof text, "%.*s", (int)code->name->size, code->name->data)
    : snprintf(text, sizeof text, "%.*s%s%.*s", (int)around->qualname->size, around->qualname->data, around->flags & CODE_CLASS ? "." : ".<locals>.", (int)code->name->size, code->name->data);
  bool follows = (size_t)n == code->qualname->size && memcmp(text, code->qualname->data, code->qualname->size) == 0;
  symbol(MODEL_QUALNAME, !follows);
  State s = {0};
  if (!follows) const_out(&s, FROZEN_QUALNAME, v_from_obj(code->qualname));
}

static void flags_out(uint32_t flags) {
  uint16_t *known = (uint16_t *)(void *)used_flags.data, f = (uint16_t)flags;
  size_t i = 0;
  if (flags > UINT16_MAX) fail("code flags beyond 16 bits");
  while (i < used_flags.len && known[i] != f) i++;
  if (i == used_flags.len) add(&used_flags, &f, 1);
  symbol(MODEL_FLAGS, (uint32_t)i);
}

static void head_out(const Code *code, const Code *around, uint32_t *line) {
  flags_out(code->flags);
  number(MODEL_REGS, code->n_regs);
  number(MODEL_PARAMS, code->n_params);
  number(MODEL_POSONLY, code->n_posonly);
  number(MODEL_KWONLY, code->n_kwonly);
  number(MODEL_LOCALS, code->n_locals);
  number(MODEL_FIRST_LINE, zigzag((int64_t)code->first_line - *line));
  *line = code->first_line;
  name_out(FROZEN_CODE_NAME, code->name);
  qualname_out(code, around);
  bool doc = keeps_docs && is_str(code->doc);
  symbol(MODEL_DOC, doc);
  if (doc) doc_text(v_str(code->doc)->data, v_str(code->doc)->size);
}

static uint32_t sites_used(const Code *code, uint32_t *number_of) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < code->n_sites; i++) number_of[i] = UINT32_MAX;
  for (uint32_t i = 0; i < code->n_instr; i += (uint32_t)op_length((int)INS_OP(code->instr[i])))
    if (operands[INS_OP(code->instr[i])] & OPERAND_SITE) n += number_of[code->instr[i + 1]] == UINT32_MAX, number_of[code->instr[i + 1]] = 0;
  for (uint32_t i = 0; i < code->n_sites; i++) number_of[i] = UINT32_MAX;
  return n;
}

static Unit *code_out(const Code *code, const Code *around, uint32_t *line) {
  Unit *before = unit, *mine = calloc(1, sizeof *mine);
  State s = {.code = code, .known = calloc(code->n_consts + 1, 1), .site_number = calloc(code->n_sites + 1, 4), .line = code->first_line};
  if (!mine || !s.known || !s.site_number) exit(2);
  unit = mine;
  mine->module = module;
  head_out(code, around, line);
  number(MODEL_CONSTS, code->n_consts);
  number(MODEL_SITES, sites_used(code, s.site_number));
  number(MODEL_INSTR, code->n_instr);
  if (code->n_locals != (code->local_names ? code->local_names->length : 0)) fail("names of locals");
  names_out(FROZEN_LOCAL, code->local_names, NULL);
  number(MODEL_COUNT, code->cell_names ? code->cell_names->length : 0);
  names_out(FROZEN_CELL, code->cell_names, code->cell_regs);
  number(MODEL_COUNT, code->free_names ? code->free_names->length : 0);
  names_out(FROZEN_FREE, code->free_names, NULL);
  instructions_out(&s);
  handlers_out(code);
  lines_out(code);
  free(s.known);
  free(s.site_number);
  unit = before;
  return mine;
}

static Unit *compile_one(const char *source, size_t len, const char *name, unsigned flags) {
  Value code = compile_source(vm, source, len, name, 'e', flags, NULL);
  uint32_t line = 0;
  if (!v_failed(code)) return code_out((const Code *)v_obj(code), NULL, &line);
  tiny_error e;
  if (tiny_take_error(vm, &e)) fprintf(stderr, "freeze: %s: %s\n%s", name, e.message, e.text);
  exit(1);
}

/* What the meaning of an operation (vm/opcodes.h) says about its operands. */
static void find_operands(void) {
  static const uint8_t uses_c[] = {OP_CALL, OP_CALLM, OP_CALLKW, OP_CALLMKW, OP_CALLEX}, keeps[] = {OP_SETATTR, OP_SETITEM, OP_JTRUE};
  for (int op = 0; op < OP_COUNT; op++) {
    static const struct { const char *text; uint8_t bit; } says[] = {{"site X", OPERAND_SITE}, {"K[X]", OPERAND_KX}, {"K[Bx]", OPERAND_KBX}, {"K[B]", OPERAND_KB}, {"K[C]", OPERAND_KC}};
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
      if (strstr(op_info[op].meaning, says[i].text)) operands[op] |= says[i].bit;
  }
  for (size_t i = 0; i < sizeof uses_c; i++) operands[uses_c[i]] |= OPERAND_USES_C;
  for (size_t i = 0; i < sizeof keeps; i++) operands[keeps[i]] |= OPERAND_KEEPS;
}

/* ---- names: strings that occur more than once */

static int by_use(const void *a, const void *b) {
  const Text *s = *(Text *const *)a, *t = *(Text *const *)b;
  if (s->many_modules != t->many_modules) return t->many_modules - s->many_modules;
  if (!s->many_modules && s->module != t->module) return s->module < t->module ? -1 : 1;
  if (s->uses != t->uses) return s->uses > t->uses ? -1 : 1;
  size_t n = s->len < t->len ? s->len : t->len;
  int order = memcmp(s->data, t->data, n);
  return order ? order : s->len < t->len ? -1 : s->len > t->len;
}

/* Numbers them: first those of several modules, then those of each; local_at gets where a module's own begin. */
static void number_names(Table *local_at, unsigned n_modules) {
  for (size_t i = 0; i < cap_texts; i++)
    if (texts[i] && texts[i]->uses > 1) add(&names, &texts[i], 1);
  Text **all = (Text **)(void *)names.data;
  qsort(all, names.len, sizeof *all, by_use);
  size_t next = 0;
  while (next < names.len && all[next]->many_modules) next++;
  for (unsigned m = 0; m < n_modules; m++) {
    uint16_t first = (uint16_t)next;
    if (next > UINT16_MAX) fail("too many names");
    add(local_at, &first, 1);
    while (next < names.len && all[next]->module == m) all[next]->number = (uint32_t)next - first, next++;
  }
  for (next = 0; next < names.len && all[next]->many_modules; next++) all[next]->number = (uint32_t)next;
}

/* Strings become text or names. Returns a new list. */
static void resolve_strings(Unit *u) {
  Item *old = u->items;
  size_t n = u->len;
  Unit *before = unit;
  unit = u;
  u->items = NULL;
  u->len = u->cap = 0;
  for (size_t i = 0; i < n; i++) {
    if (old[i].kind == NESTED) resolve_strings((Unit *)(uintptr_t)old[i].data);
    if (old[i].kind != STRING) {
      item(old[i].kind, old[i].model, old[i].value, old[i].data);
      continue;
    }
    Text *t = (Text *)(uintptr_t)old[i].data;
    symbol(MODEL_WHERE + old[i].model, t->uses == 1 ? 0 : t->many_modules ? 1 : 2);
    if (t->uses == 1) item(TEXT, 0, 0, t);
    else number((t->many_modules ? MODEL_COMMON : MODEL_LOCAL) + old[i].model, t->number);
  }
  free(old);
  unit = before;
}

/* ---- tokens: bytes that stand for pieces of text, found by joining the most frequent pair again and again */

static char *pieces[256];
static size_t piece_len[256];
static unsigned n_tokens;

static void join_pairs(Text **all, size_t n) {
  static uint32_t count[256][256];
  memset(count, 0, sizeof count);
  unsigned best_a = 0, best_b = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t k = 1; k < all[i]->n_tokens; k++) {
      unsigned a = all[i]->tokens[k - 1], b = all[i]->tokens[k];
      if (++count[a][b] > count[best_a][best_b]) best_a = a, best_b = b;
    }
  for (unsigned a = 0; a < n_tokens; a++) /* the same one on every machine */
    for (unsigned b = 0; b < n_tokens; b++)
      if (count[a][b] == count[best_a][best_b] && (a < best_a || (a == best_a && b < best_b))) best_a = a, best_b = b;
  unsigned t = n_tokens++;
  piece_len[t] = piece_len[best_a] + piece_len[best_b];
  if (!(pieces[t] = malloc(piece_len[t]))) exit(2);
  memcpy(pieces[t], pieces[best_a], piece_len[best_a]);
  memcpy(pieces[t] + piece_len[best_a], pieces[best_b], piece_len[best_b]);
  for (size_t i = 0; i < n; i++) {
    Text *x = all[i];
    size_t to = 0;
    for (size_t k = 0; k < x->n_tokens; k++) {
      bool pair = k + 1 < x->n_tokens && x->tokens[k] == best_a && x->tokens[k + 1] == best_b;
      x->tokens[to++] = pair ? (unsigned char)t : x->tokens[k];
      k += pair;
    }
    x->n_tokens = to;
  }
}

static void make_tokens(void) {
  Table all = {.item = sizeof(Text *)};
  int token_of[256];
  for (size_t i = 0; i < cap_texts; i++)
    if (texts[i]) add(&all, &texts[i], 1);
  add(&all, docs.data, docs.len);
  Text **list = (Text **)(void *)all.data;
  memset(token_of, -1, sizeof token_of);
  for (size_t i = 0; i < all.len; i++) {
    if (!(list[i]->tokens = malloc(list[i]->len + 1))) exit(2);
    for (size_t k = 0; k < list[i]->len; k++) {
      unsigned char c = (unsigned char)list[i]->data[k];
      if (token_of[c] < 0) {
        token_of[c] = (int)n_tokens;
        pieces[n_tokens] = list[i]->data + k;
        piece_len[n_tokens++] = 1;
      }
      list[i]->tokens[k] = (unsigned char)token_of[c];
    }
    list[i]->n_tokens = list[i]->len;
  }
  while (n_tokens < 256) join_pairs(list, all.len);
  free(all.data);
}

/* ---- models */

typedef struct Range { uint32_t start, frequency; } Range;
static uint32_t counts[FROZEN_MODELS][256];
static Range ranges[FROZEN_MODELS][256];
static FrozenModel models[FROZEN_MODELS];
static Table symbols = {.item = 1}, frequency_codes = {.item = 1};

static void count_unit(const Unit *u) {
  for (size_t i = 0; i < u->len; i++) {
    if (u->items[i].kind == SYMBOL) counts[u->items[i].model][u->items[i].value]++;
    if (u->items[i].kind == NESTED) count_unit(u->items[i].data);
  }
}

static const uint32_t *sort_counts;
static int by_count(const void *a, const void *b) {
  unsigned char s = *(const unsigned char *)a, t = *(const unsigned char *)b;
  return sort_counts[s] != sort_counts[t] ? (sort_counts[s] > sort_counts[t] ? -1 : 1) : s - t;
}

/* The code whose frequency is next to the wanted one, at least 1. */
static unsigned char frequency_code(double wanted) {
  unsigned char best = 1;
  for (unsigned c = 1; c < FROZEN_CODES; c++) {
    double f = frozen_frequency((unsigned char)c), b = frozen_frequency(best);
    if ((f > wanted ? f - wanted : wanted - f) < (b > wanted ? b - wanted : wanted - b)) best = (unsigned char)c;
  }
  return best;
}

static void make_model(unsigned m) {
  unsigned char order[256];
  unsigned n = 0;
  double total = 0;
  for (unsigned s = 0; s < 256; s++) {
    if (counts[m][s]) order[n++] = (unsigned char)s;
    total += counts[m][s];
  }
  sort_counts = counts[m];
  qsort(order, n, 1, by_count);
  if (symbols.len > UINT16_MAX) fail("too many symbols");
  models[m].at = (uint16_t)symbols.len;
  int64_t left = 1 << FROZEN_SCALE;
  unsigned char codes[256] = {0};
  for (unsigned i = 1; i < n; i++) left -= frozen_frequency(codes[i] = frequency_code(counts[m][order[i]] * (double)(1 << FROZEN_SCALE) / total));
  if (n && left < 1) fail("a model without room for its first symbol");
  models[m].first = (uint16_t)left;
  uint32_t start = 0;
  for (unsigned i = 0; i < n; i++) {
    uint32_t f = i ? frozen_frequency(codes[i]) : (uint32_t)left;
    ranges[m][order[i]] = (Range){start, f};
    start += f;
  }
  add(&symbols, order, n);
  add(&frequency_codes, codes, n);
}

/* ---- streams: items are coded last to first, because the decoder's last step is the encoder's first */

static Table stream = {.item = 1}, backward = {.item = 1};

static void back_byte(unsigned c) {
  unsigned char b = (unsigned char)c;
  add(&backward, &b, 1);
}

static void back_bytes(const unsigned char *data, size_t n) {
  while (n-- > 0) back_byte(data[n]);
}

static uint32_t put_range(uint32_t x, uint32_t start, uint32_t frequency) {
  while (x >= (uint64_t)((FROZEN_LOW >> FROZEN_SCALE) << 8) * frequency) {
    back_byte(x & 0xFF);
    x >>= 8;
  }
  return (x / frequency << FROZEN_SCALE) + x % frequency + start;
}

static void back_length(size_t n) {
  unsigned char bytes[10];
  back_bytes(bytes, put_length(bytes, n));
}

static uint32_t item_back(const Unit *u, size_t i, uint32_t x, size_t *nested) {
  const Item *it = &u->items[i];
  const Text *t = it->data;
  switch (it->kind) {
  case SYMBOL: return put_range(x, ranges[it->model][it->value].start, ranges[it->model][it->value].frequency);
  case BITS: return put_range(x, it->value << (FROZEN_SCALE - it->model), 1u << (FROZEN_SCALE - it->model));
  case RAW: back_bytes(it->data, it->value); return x;
  case TEXT:
    back_bytes(t->tokens, t->n_tokens);
    back_length(t->n_tokens);
    return x;
  case NESTED: {
    size_t before = *nested;
    while (before > 0 && u->items[before - 1].kind != NESTED) before--;
    uint32_t at = ((const Unit *)it->data)->at;
    back_length(before ? at - ((const Unit *)u->items[before - 1].data)->at : u->at - at);
    *nested = before ? before - 1 : 0;
    return x;
  }
  case STRING: break;
  }
  fail("a string without a place");
  return x;
}

static void write_unit(Unit *u) {
  size_t nested = 0;
  for (size_t i = 0; i < u->len; i++) {
    if (u->items[i].kind != NESTED) continue;
    write_unit((Unit *)(uintptr_t)u->items[i].data);
    nested = i;
  }
  u->at = (uint32_t)stream.len;
  backward.len = 0;
  uint32_t x = FROZEN_LOW;
  for (size_t i = u->len; i-- > 0;) x = item_back(u, i, x, &nested);
  unsigned char head[3] = {(unsigned char)(x >> 16), (unsigned char)(x >> 8), (unsigned char)x};
  add(&stream, head, 3);
  for (size_t i = backward.len; i-- > 0;) add(&stream, &backward.data[i], 1);
}

/* ---- C */

static void numbers(FILE *out, const char *head, const Table *t) {
  fprintf(out, "%s = {", head);
  for (size_t i = 0; i < t->len; i++) {
    if (i % 40 == 0) putc('\n', out);
    const char *at = t->data + i * t->item;
    fprintf(out, "%" PRIu32 ",", t->item == 1 ? *(const unsigned char *)at : t->item == 2 ? *(const uint16_t *)(const void *)at : *(const uint32_t *)(const void *)at);
  }
  fprintf(out, "%s};\n", t->len ? "" : "0");
}

static void write_names(FILE *out) {
  Table text = {.item = 1}, at = {.item = 4};
  for (size_t i = 0; i < names.len; i++) {
    const Text *t = ((Text **)(void *)names.data)[i];
    uint32_t here = (uint32_t)text.len;
    unsigned char head[10];
    if (i % FROZEN_GROUP == 0) add(&at, &here, 1);
    add(&text, head, put_length(head, t->n_tokens));
    add(&text, t->tokens, t->n_tokens);
  }
  numbers(out, "const unsigned char frozen_name_text[]", &text);
  numbers(out, "const uint32_t frozen_name_at[]", &at);
}

static void write_tokens(FILE *out) {
  Table text = {.item = 1}, at = {.item = 2};
  for (unsigned i = 0; i <= n_tokens; i++) {
    uint16_t here = (uint16_t)text.len;
    add(&at, &here, 1);
    if (i < n_tokens) add(&text, pieces[i], piece_len[i]);
  }
  numbers(out, "const unsigned char frozen_token_text[]", &text);
  numbers(out, "const uint16_t frozen_token_at[]", &at);
}

static void write_streams(FILE *out, const char *head, Unit **units, size_t n) {
  Table at = {.item = 4};
  for (size_t i = 0; i < n; i++) {
    write_unit(units[i]);
    uint32_t here = units[i]->at + 1;
    add(&at, &here, 1);
  }
  numbers(out, head, &at);
}

/* Modules whose functions are no lines of a traceback, as there are none of C. */
static bool is_c_in_cpython(const char *name) {
  static const char *const modules[] = {"itertools", "operator", "bisect", "struct"};
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
    if (strcmp(name, modules[i]) == 0) return true;
  return false;
}

int main(int argc, char **argv) {
  FILE *out;
  if (argc < 2 || !(out = fopen(argv[1], "w"))) return 2;
  tiny_config c = TINY_CONFIG_INIT;
  c.hash_seed = 1;
  vm = tiny_new(&c);
  if (!vm) return 2;
  vm->gc_off++; /* what was compiled is written at the end */
  Table chunks = {.item = sizeof(Unit *)}, modules = {.item = sizeof(Unit *)}, local_at = {.item = 2}, some = {.item = 1}, frequencies = {.item = 2};
  find_operands();
  for (unsigned n = 0; n < frozen_chunk_count; n++) {
    Unit *u = compile_one(frozen_chunks[n].text, frozen_chunks[n].len, "<frozen>", COMPILE_HIDDEN);
    add(&chunks, &u, 1);
  }
  keeps_docs = true;
  for (unsigned n = 0; frozen_modules[n].name; n++) {
    module = n + 1;
    Unit *u = compile_one(frozen_modules[n].text, frozen_modules[n].len, frozen_modules[n].name, is_c_in_cpython(frozen_modules[n].name) ? COMPILE_HIDDEN_FUNCTIONS : 0);
    add(&modules, &u, 1);
  }
  number_names(&local_at, module + 1);
  Unit **all_chunks = (Unit **)(void *)chunks.data, **all_modules = (Unit **)(void *)modules.data;
  for (size_t i = 0; i < chunks.len; i++) resolve_strings(all_chunks[i]), count_unit(all_chunks[i]);
  for (size_t i = 0; i < modules.len; i++) resolve_strings(all_modules[i]), count_unit(all_modules[i]);
  make_tokens();
  for (unsigned m = 0; m < FROZEN_MODELS; m++) make_model(m);
  fprintf(out, "/* Made by scripts/dev/freeze.c: compiled library code. */\n#include \"vm/frozen.h\"\n");
  write_streams(out, "const uint32_t frozen_chunk_at[]", all_chunks, chunks.len);
  write_streams(out, "const uint32_t frozen_module_at[]", all_modules, modules.len);
  numbers(out, "const unsigned char frozen_stream[]", &stream);
  fprintf(out, "const FrozenModel frozen_models[] = {");
  for (unsigned m = 0; m < FROZEN_MODELS; m++) fprintf(out, "%s{%u,%u},", m % 16 ? "" : "\n", models[m].at, models[m].first);
  fprintf(out, "};\n");
  numbers(out, "const unsigned char frozen_symbols[]", &symbols);
  numbers(out, "const unsigned char frozen_frequency_codes[]", &frequency_codes);
  for (unsigned code = 0; code < FROZEN_CODES; code++) {
    uint16_t f = (uint16_t)frozen_frequency((unsigned char)code);
    add(&frequencies, &f, 1);
  }
  numbers(out, "const uint16_t frozen_frequencies[]", &frequencies);
  add(&some, operands, OP_COUNT);
  numbers(out, "const unsigned char frozen_operands[]", &some);
  numbers(out, "const uint16_t frozen_flags[]", &used_flags);
  numbers(out, "const uint16_t frozen_local_at[]", &local_at);
  write_names(out);
  write_tokens(out);
  vm->gc_off--;
  tiny_free(vm);
  return fclose(out) != 0;
}
