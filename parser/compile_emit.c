/* Writing instructions: words, jumps and labels, positions, handler ranges, registers, constants, cache sites, and what is known to be assigned.
 * Code that control cannot reach is not written: while u->state is dead, emitting does nothing. */
#include "parser/compile_int.h"
#include "vm/objects/bytes.h"
#include "vm/objects/int.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"

void fail_pending(Compiler *c) {
  if (!c->err.set) {
    c->err.set = true;
    c->err.kind = SYNTAX_MEMORY;
    c->pending = true;
  } else if (!c->pending && rt_pending(c->vm)) {
    (void)rt_take_exc(c->vm); /* the first error counts */
  }
}

void *unit_grow(Unit *u, void *items, size_t n, size_t *cap, size_t item) {
  if (failed(u)) return NULL;
  if (n < *cap) return items;
  size_t bigger = *cap ? *cap * 2 : 16;
  void *list = arena_alloc(&u->c->arena, bigger * item);
  if (!list) {
    scope_no_memory(&u->c->ss);
    return NULL;
  }
  if (n) memcpy(list, items, n * item);
  *cap = bigger;
  return list;
}

/* ---- words and positions */

static void note_position(Unit *u, const Node *at) {
  Position p = {(uint32_t)u->n, (int32_t)u->first_line, (int32_t)u->first_line, -1, -1};
  if (!at && u->n_positions) return; /* belongs to what stands before */
  if (at) p = (Position){(uint32_t)u->n, at->line, at->end_line, at->col, at->end_col};
  if (u->n_positions) {
    const Position *last = &u->positions[u->n_positions - 1];
    if (last->line == p.line && last->col == p.col && last->end_line == p.end_line && last->end_col == p.end_col) return;
  }
  Position *list = unit_grow(u, u->positions, u->n_positions, &u->cap_positions, sizeof *list);
  if (!list) return;
  u->positions = list;
  list[u->n_positions++] = p;
}

static bool put(Unit *u, uint32_t word) {
  uint32_t *list = unit_grow(u, u->code, u->n, &u->cap, sizeof *list);
  if (!list) return false;
  u->code = list;
  list[u->n++] = word;
  return true;
}

void emit(Unit *u, const Node *at, uint32_t word) {
  if (failed(u) || u->state->dead) return;
  if (u->n >= (1u << 23) - 4) {
    comp_error(u, u->unit_scope->node, "code too large");
    return;
  }
  note_position(u, at);
  put(u, word);
  int op = INS_OP(word);
  if (op == OP_RETURN || op == OP_RETURNNONE || op == OP_RAISE || op == OP_RAISEFROM || op == OP_RERAISE || op == OP_RAISECURRENT || op == OP_ASSERTFAIL) u->state->dead = true;
}

void emit_x(Unit *u, const Node *at, uint32_t word, uint32_t x) {
  if (failed(u) || u->state->dead) return;
  emit(u, at, word);
  if (!failed(u)) put(u, x);
}

/* ---- states */

State *state_copy(Unit *u, const State *s) {
  if (failed(u)) return u->state;
  State *t = arena_alloc(&u->c->arena, sizeof *t + u->n_words * sizeof(uint32_t));
  if (!t) {
    scope_no_memory(&u->c->ss);
    return u->state; /* never used for anything that counts: the error sticks */
  }
  t->dead = s->dead;
  memcpy(t->bits, s->bits, u->n_words * sizeof(uint32_t));
  return t;
}

void state_set(Unit *u, const State *s) {
  if (failed(u)) return;
  u->state->dead = s->dead;
  memcpy(u->state->bits, s->bits, u->n_words * sizeof(uint32_t));
}

static void meet(Unit *u, State *into, const State *s) {
  if (s->dead) return;
  if (into->dead) {
    into->dead = false;
    memcpy(into->bits, s->bits, u->n_words * sizeof(uint32_t));
    return;
  }
  for (size_t i = 0; i < u->n_words; i++) into->bits[i] &= s->bits[i];
}

/* ---- jumps */

static void note_jump_state(Unit *u, Label *l) {
  if (l->pos >= 0) return; /* backward: what was assigned there still is, since names that are ever deleted are never trusted */
  if (!l->state) l->state = state_copy(u, u->state);
  else meet(u, l->state, u->state);
}

void emit_jump(Unit *u, const Node *at, Label *l) {
  if (failed(u) || u->state->dead) return;
  note_jump_state(u, l);
  uint32_t i = (uint32_t)u->n;
  if (l->pos >= 0) {
    emit(u, at, (uint32_t)OP_JUMP | (uint32_t)(l->pos - (int32_t)i - 1) << 8);
  } else {
    emit(u, at, (uint32_t)OP_JUMP | l->chain << 8);
    l->chain = i + 1;
  }
  u->state->dead = true;
}

void emit_branch(Unit *u, const Node *at, uint32_t word, Label *l) {
  if (failed(u) || u->state->dead) return;
  note_jump_state(u, l);
  uint32_t i = (uint32_t)u->n;
  if (l->pos >= 0) {
    emit_x(u, at, word, (uint32_t)(l->pos - (int32_t)i - 2));
  } else {
    emit_x(u, at, word, l->chain);
    l->chain = i + 1;
  }
}

void label_place(Unit *u, Label *l) {
  if (failed(u)) return;
  int32_t here = (int32_t)u->n;
  l->pos = here;
  for (uint32_t link = l->chain, next; link; link = next) {
    uint32_t i = link - 1;
    if (INS_OP(u->code[i]) == OP_JUMP) {
      next = u->code[i] >> 8;
      u->code[i] = (uint32_t)OP_JUMP | (uint32_t)(here - (int32_t)i - 1) << 8;
    } else {
      next = u->code[i + 1];
      u->code[i + 1] = (uint32_t)(here - (int32_t)i - 2);
    }
  }
  l->chain = 0;
  if (l->state) meet(u, u->state, l->state);
}

/* Where control goes from `at` at once, by way of unconditional jumps. */
static int64_t through_jumps(const Unit *u, int64_t at) {
  enum { HOPS = 16 }; /* `while True: pass` jumps to itself */
  for (int i = 0; i < HOPS && at < (int64_t)u->n && INS_OP(u->code[at]) == OP_JUMP; i++) at += 1 + INS_sJ(u->code[at]);
  return at;
}

void thread_jumps(Unit *u) {
  for (size_t i = 0; i < u->n;) {
    const OpInfo *info = &op_info[INS_OP(u->code[i])];
    bool wide = (info->format & FORMAT_X) != 0;
    if (INS_OP(u->code[i]) == OP_JUMP) {
      int64_t to = through_jumps(u, (int64_t)i + 1 + INS_sJ(u->code[i]));
      u->code[i] = (uint32_t)OP_JUMP | (uint32_t)(to - (int64_t)i - 1) << 8;
    } else if (info->format & FORMAT_JUMP) {
      int64_t to = through_jumps(u, (int64_t)i + 2 + (int32_t)u->code[i + 1]);
      u->code[i + 1] = (uint32_t)(int32_t)(to - (int64_t)i - 2);
    }
    i += wide ? 2 : 1;
  }
}

/* ---- exception handlers: u->handler is in force for what is emitted; each change closes a segment, so the table comes out sorted and disjoint */

int handler_new(Unit *u, int reg) {
  Handler *list = unit_grow(u, u->handlers, u->n_handlers, &u->cap_handlers, sizeof *list);
  if (!list) return -1;
  u->handlers = list;
  list[u->n_handlers] = (Handler){0, 0, 0, (uint32_t)reg};
  return (int)u->n_handlers++;
}

void handler_set(Unit *u, int handler) {
  if (failed(u) || handler == u->handler) return;
  uint32_t here = (uint32_t)u->n;
  if (u->handler >= 0 && here > u->handler_start) {
    Handler *list = unit_grow(u, u->segments, u->n_segments, &u->cap_segments, sizeof *list);
    if (!list) return;
    u->segments = list;
    list[u->n_segments++] = (Handler){u->handler_start, here, (uint32_t)u->handler, 0};
  }
  u->handler = handler;
  u->handler_start = here;
}

/* The handler's code starts here; state: what is assigned wherever an exception may come from. */
void handler_place(Unit *u, int handler, const State *state) {
  if (failed(u)) return;
  u->handlers[handler].target = (uint32_t)u->n;
  state_set(u, state);
}

/* ---- registers */

bool regs_room(const Unit *u, int n) { return u->top + n <= 250; }

int regs_alloc(Unit *u, int n) {
  int r = u->top;
  if (r + n > 256) {
    if (!failed(u)) comp_error(u, u->unit_scope->node, "too many nested expressions, blocks or patterns");
    return r > 255 ? 255 : r;
  }
  u->top = r + n;
  if (u->top > u->max_top) u->max_top = u->top;
  return r;
}

void move(Unit *u, const Node *at, int dst, int src) {
  if (dst != src) EMIT(u, at, MOVE, dst, src, 0);
}

/* ---- constants: equal ones share an index; equality is strict about types, and about the sign of zero */

static uint64_t mix(uint64_t h, uint64_t x) { return (h ^ x) * 0x9E3779B97F4A7C15u ^ (h >> 29); }

static uint64_t hash_bytes(uint64_t h, const void *data, size_t n) {
  const unsigned char *p = data;
  for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 1099511628211u;
  return mix(h, n);
}

static uint64_t const_hash(Value v) {
  if (!v_is_obj(v)) return mix(1, v.w);
  const Type *t = v_obj(v)->type;
  if (t == &str_type) return hash_bytes(2, v_str(v)->data, v_str(v)->size);
  if (t == &bytes_type) return hash_bytes(3, v_bytes(v)->data, v_bytes(v)->size);
  if (t == &float_type) return hash_bytes(4, &((Float *)v_obj(v))->d, sizeof(double));
  if (t == &complex_type) return hash_bytes(5, &((Complex *)v_obj(v))->re, 2 * sizeof(double));
  if (t != &tuple_type) return mix(6, v.w);
  uint64_t h = 7;
  for (size_t i = 0; i < v_tuple(v)->length; i++) h = mix(h, const_hash(v_tuple(v)->items[i])); /* as deep as the source's brackets */
  return h;
}

static bool const_same(Value a, Value b) {
  if (v_same(a, b)) return true;
  if (!v_is_obj(a) || !v_is_obj(b)) return false;
  const Type *t = v_obj(a)->type;
  if (v_obj(b)->type != t) return false;
  if (t == &str_type) return str_equal(v_str(a), v_str(b));
  if (t == &bytes_type) return v_bytes(a)->size == v_bytes(b)->size && memcmp(v_bytes(a)->data, v_bytes(b)->data, v_bytes(a)->size) == 0;
  if (t == &float_type) return memcmp(&((Float *)v_obj(a))->d, &((Float *)v_obj(b))->d, sizeof(double)) == 0;
  if (t == &complex_type) return memcmp(&((Complex *)v_obj(a))->re, &((Complex *)v_obj(b))->re, 2 * sizeof(double)) == 0;
  if (t != &tuple_type || v_tuple(a)->length != v_tuple(b)->length) return false;
  for (size_t i = 0; i < v_tuple(a)->length; i++)
    if (!const_same(v_tuple(a)->items[i], v_tuple(b)->items[i])) return false;
  return true;
}

static bool grow_const_table(Unit *u) {
  size_t size = u->const_table_size ? u->const_table_size * 2 : 32;
  uint32_t *table = arena_alloc(&u->c->arena, size * sizeof *table);
  if (!table) return scope_no_memory(&u->c->ss);
  for (size_t k = 0; k < u->n_consts; k++) {
    size_t i = const_hash(u->consts[k]) & (size - 1);
    while (table[i]) i = (i + 1) & (size - 1);
    table[i] = (uint32_t)k + 1;
  }
  u->const_table = table;
  u->const_table_size = size;
  return true;
}

uint32_t const_index(Unit *u, Value v) {
  if (failed(u) || u->state->dead) return 0;
  if (v_failed(v) || v_absent(v)) {
    fail_pending(u->c);
    return 0;
  }
  if (u->n_consts * 2 >= u->const_table_size && !grow_const_table(u)) return 0;
  size_t i = const_hash(v) & (u->const_table_size - 1);
  for (; u->const_table[i]; i = (i + 1) & (u->const_table_size - 1))
    if (const_same(u->consts[u->const_table[i] - 1], v)) return u->const_table[i] - 1;
  Value *list = unit_grow(u, u->consts, u->n_consts, &u->cap_consts, sizeof *list);
  if (!list) return 0;
  u->consts = list;
  list[u->n_consts++] = v;
  u->const_table[i] = (uint32_t)u->n_consts;
  return (uint32_t)u->n_consts - 1;
}

Str *name_str(Compiler *c, const Name *name) {
  if (!name || c->err.set) return NULL;
  if (!name->value) {
    Str *s = str_intern(c->vm, name->text, name->len);
    if (!s) fail_pending(c);
    ((Name *)(uintptr_t)name)->value = s;
  }
  return name->value;
}

uint32_t name_index(Unit *u, const Name *name) {
  Str *s = name_str(u->c, name);
  return s ? const_index(u, v_from_obj(s)) : 0;
}

uint32_t site_new(Unit *u, const Name *name) {
  if (failed(u) || u->state->dead) return 0;
  uint32_t k = name_index(u, name);
  uint32_t *list = unit_grow(u, u->sites, u->n_sites, &u->cap_sites, sizeof *list);
  if (!list) return 0;
  u->sites = list;
  list[u->n_sites++] = k;
  return (uint32_t)u->n_sites - 1;
}

/* All reads and writes of one global share a cache: what it remembers depends on the globals only. */
uint32_t site_global(Unit *u, const Name *name) {
  if (failed(u) || u->state->dead) return 0;
  uintptr_t known = (uintptr_t)ptrmap_get(&u->global_sites, name);
  if (known) return (uint32_t)known - 1;
  uint32_t site = site_new(u, name);
  if (!failed(u) && !ptrmap_set(&u->c->arena, &u->global_sites, name, (void *)((uintptr_t)site + 1))) scope_no_memory(&u->c->ss);
  return site;
}

void load_const(Unit *u, const Node *at, int dst, Value v) {
  if (v_is_int(v) && v_int(v) >= INT16_MIN && v_int(v) <= INT16_MAX) {
    emit(u, at, (uint32_t)OP_LOADI | (uint32_t)dst << 8 | (uint32_t)(uint16_t)v_int(v) << 16);
    return;
  }
  uint32_t k = const_index(u, v);
  if (k < 65536) emit(u, at, (uint32_t)OP_LOADK | (uint32_t)dst << 8 | k << 16);
  else EMITX(u, at, LOADKX, dst, 0, 0, k);
}

void load_none(Unit *u, const Node *at, int dst) { load_const(u, at, dst, V_NONE); }
