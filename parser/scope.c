/* Scopes: names and their tables, and resolution: after the visit (scope_visit.c) has noted every binding and use, each symbol finds its variable.
 * Rules: language reference, "Resolution of names"; PEP 227 (nested scopes), 3104 (nonlocal), 572 (assignment expressions), 3135 (__class__). */
#include "parser/scope_int.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lexer/source.h"

/* ---- pointer maps */

static uint32_t ptr_hash(const void *p) {
  uint64_t x = (uint64_t)(uintptr_t)p;
  x = (x >> 4) * 0x9E3779B97F4A7C15u;
  return (uint32_t)(x >> 32);
}

void *ptrmap_get(const PtrMap *m, const void *key) {
  if (!m->cap) return NULL;
  for (uint32_t i = ptr_hash(key);; i++) {
    const void *const *slot = &m->slots[(i & (m->cap - 1)) * 2];
    if (slot[0] == key) return (void *)(uintptr_t)slot[1];
    if (!slot[0]) return NULL;
  }
}

static void map_put(PtrMap *m, const void *key, const void *value) {
  for (uint32_t i = ptr_hash(key);; i++) {
    const void **slot = &m->slots[(i & (m->cap - 1)) * 2];
    if (slot[0] && slot[0] != key) continue;
    if (!slot[0]) m->n++;
    slot[0] = key;
    slot[1] = value;
    return;
  }
}

bool ptrmap_set(Arena *arena, PtrMap *m, const void *key, void *value) {
  if ((m->n + 1) * 4 > m->cap * 3) {
    PtrMap bigger = {NULL, 0, m->cap ? m->cap * 2 : 8};
    bigger.slots = arena_alloc(arena, sizeof(void *) * 2 * bigger.cap);
    if (!bigger.slots) return false;
    for (uint32_t i = 0; i < m->cap; i++)
      if (m->slots[i * 2]) map_put(&bigger, m->slots[i * 2], m->slots[i * 2 + 1]);
    *m = bigger;
  }
  map_put(m, key, value);
  return true;
}

/* ---- errors */

bool scope_no_memory(Scopes *ss) {
  if (!ss->err->set) {
    ss->err->set = true;
    ss->err->kind = SYNTAX_MEMORY;
  }
  return false;
}

bool scope_error(Scopes *ss, const Node *node, const char *fmt, ...) {
  if (ss->err->set) return false;
  char msg[sizeof ss->err->msg];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(msg, sizeof msg, fmt, ap);
  va_end(ap);
  size_t len = 0;
  const char *line = node->line <= ss->source->n_lines ? source_line(ss->source, node->line, &len) : NULL;
  syntax_error_at(ss->err, line, len, node, "%s", msg);
  ss->err->set = true;
  return false;
}

bool scope_enter(Scopes *ss, const Node *node) {
  char here;
  uintptr_t at = (uintptr_t)&here;
  uintptr_t used = at < ss->stack_base ? ss->stack_base - at : at - ss->stack_base;
  ss->depth++;
  if (used <= ss->stack_bytes && ss->depth <= SCOPE_MAX_DEPTH) return true;
  (void)node;
  if (!ss->err->set) {
    ss->err->set = true;
    ss->err->kind = SYNTAX_RECURSION;
    snprintf(ss->err->msg, sizeof ss->err->msg, "maximum recursion depth exceeded during compilation");
  }
  ss->depth--;
  return false;
}

/* ---- names */

static bool grow_names(Scopes *ss) {
  uint32_t cap = ss->cap_names ? ss->cap_names * 2 : 64;
  Name **table = arena_alloc(ss->arena, sizeof *table * cap);
  if (!table) return scope_no_memory(ss);
  for (uint32_t i = 0; i < ss->cap_names; i++)
    for (Name *n = ss->names[i], *next; n; n = next) {
      next = n->next;
      n->next = table[n->hash & (cap - 1)];
      table[n->hash & (cap - 1)] = n;
    }
  ss->names = table;
  ss->cap_names = cap;
  return true;
}

const Name *scope_intern(Scopes *ss, const char *text, size_t len) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < len; i++) hash = (hash ^ (unsigned char)text[i]) * 16777619u;
  if (ss->cap_names)
    for (Name *n = ss->names[hash & (ss->cap_names - 1)]; n; n = n->next)
      if (n->hash == hash && n->len == len && memcmp(n->text, text, len) == 0) return n;
  if (ss->n_names >= ss->cap_names && !grow_names(ss)) return NULL;
  Name *n = arena_alloc(ss->arena, sizeof *n + len + 1);
  if (!n) {
    scope_no_memory(ss);
    return NULL;
  }
  memcpy(n->text, text, len);
  n->len = (uint32_t)len;
  n->hash = hash;
  n->next = ss->names[hash & (ss->cap_names - 1)];
  ss->names[hash & (ss->cap_names - 1)] = n;
  ss->n_names++;
  return n;
}

/* Reference, "Identifiers (Names)": __spam in class Ham becomes _Ham__spam; not with dots, trailing __, or a class named only with underscores. */
const Name *scope_name(Scopes *ss, const Scope *s, const char *text) {
  size_t len = strlen(text);
  const Name *cls = s->private_name;
  if (!cls || text[0] != '_' || text[1] != '_' || (len >= 2 && text[len - 1] == '_' && text[len - 2] == '_') || strchr(text, '.')) return scope_intern(ss, text, len);
  const char *c = cls->text;
  while (*c == '_') c++;
  if (!*c) return scope_intern(ss, text, len);
  size_t clen = strlen(c);
  char *buf = arena_alloc(ss->arena, clen + len + 2);
  if (!buf) {
    scope_no_memory(ss);
    return NULL;
  }
  buf[0] = '_';
  memcpy(buf + 1, c, clen);
  memcpy(buf + 1 + clen, text, len);
  return scope_intern(ss, buf, clen + len + 1);
}

Scope *scope_of(const Scopes *ss, const Node *node) { return ptrmap_get(&ss->by_node, node); }
Symbol *scope_find(const Scope *s, const Name *name) { return ptrmap_get(&s->symbols, name); }

/* ---- resolution */

static int order_free(const void *a, const void *b) { return strcmp(((const FreeVar *)a)->name->text, ((const FreeVar *)b)->name->text); }

int scope_free_index(const Scope *unit, const Name *name) {
  int lo = 0, hi = unit->n_free;
  while (lo < hi) {
    int mid = (lo + hi) / 2;
    int c = strcmp(unit->free[mid].name->text, name->text);
    if (c == 0) return mid;
    if (c < 0) lo = mid + 1;
    else hi = mid;
  }
  return -1;
}

static bool add_free(Scopes *ss, Scope *unit, const Name *name, Symbol *home) {
  for (int i = unit->n_free - 1; i >= 0 && i >= unit->n_free - 4; i--) /* most repetitions; the others go when the list is sorted */
    if (unit->free[i].name == name) return true;
  if (unit->n_free == unit->cap_free) {
    int cap = unit->cap_free ? unit->cap_free * 2 : 4;
    FreeVar *list = arena_alloc(ss->arena, sizeof *list * (size_t)cap);
    if (!list) return scope_no_memory(ss);
    if (unit->n_free) memcpy(list, unit->free, sizeof *list * (size_t)unit->n_free);
    unit->free = list;
    unit->cap_free = cap;
  }
  unit->free[unit->n_free++] = (FreeVar){name, home};
  return true;
}

/* __class__ of the class: a cell in the class body's frame, made when a method asks for it (PEP 3135). */
static Symbol *class_cell(Scopes *ss, Scope *cls) {
  if (cls->class_cell) return cls->class_cell;
  Symbol *sym = arena_alloc(ss->arena, sizeof *sym);
  if (!sym) {
    scope_no_memory(ss);
    return NULL;
  }
  sym->name = ss->n_class;
  sym->scope = cls;
  sym->flags = SYM_CELL | SYM_BOUND;
  sym->bind = BIND_OWN;
  cls->class_cell = sym;
  return sym;
}

/* The variable that `name` means when the scope itself does not bind it: NULL: global, or no memory. */
static Symbol *find_outer(Scopes *ss, const Scope *from, const Name *name) {
  for (Scope *s = from->parent; s; s = s->parent) {
    if (s->kind == SCOPE_CLASS) {
      if (name == ss->n_class) return class_cell(ss, s);
      continue;
    }
    if (s->kind == SCOPE_MODULE) break;
    Symbol *sym = scope_find(s, name);
    if (!sym || (sym->flags & SYM_NONLOCAL)) continue;
    if (sym->flags & SYM_GLOBAL) return NULL;
    if (sym->flags & (SYM_PARAM | SYM_BOUND | SYM_ITER)) return sym;
  }
  return NULL;
}

static bool resolve_outer(Scopes *ss, Scope *s, Symbol *sym, Symbol *home) {
  sym->home = home;
  home->flags |= sym->flags & (SYM_WALRUS | SYM_DELETED);
  if (home->scope->owner == s->owner) {
    sym->bind = BIND_OUTER;
    return true;
  }
  sym->bind = BIND_FREE;
  home->flags |= SYM_CELL;
  for (Scope *unit = s->owner; unit != home->scope->owner; unit = unit->parent->owner)
    if (!add_free(ss, unit, sym->name, home)) return false;
  return true;
}

static bool resolve_symbol(Scopes *ss, Scope *s, Symbol *sym) {
  if (sym->flags & SYM_GLOBAL) {
    if ((sym->flags & SYM_NONLOCAL) && sym->decl) return scope_error(ss, sym->decl, "name '%s' is nonlocal and global", sym->name->text);
    sym->bind = BIND_GLOBAL;
    return true;
  }
  if ((sym->flags & (SYM_PARAM | SYM_BOUND | SYM_ITER)) && !(sym->flags & SYM_NONLOCAL)) {
    sym->bind = BIND_OWN;
    return true;
  }
  if (sym->flags & SYM_NONLOCAL && s->kind == SCOPE_MODULE) return scope_error(ss, sym->decl, "nonlocal declaration not allowed at module level");
  if (s->kind == SCOPE_MODULE) return true;
  Symbol *home = find_outer(ss, s, sym->name);
  if (ss->err->set) return false;
  if (home) return resolve_outer(ss, s, sym, home);
  if ((sym->flags & SYM_NONLOCAL) && sym->decl) return scope_error(ss, sym->decl, "no binding for nonlocal '%s' found", sym->name->text);
  return true;
}

/* Parameters have their numbers already; other locals follow in order of appearance. */
static bool number_locals(Scopes *ss, Scope *s) {
  int n = s->n_params;
  for (Symbol *sym = s->first; sym; sym = sym->next)
    if (sym->bind == BIND_OWN && !(sym->flags & SYM_PARAM)) sym->index = n++;
  s->n_locals = n;
  s->locals = arena_alloc(ss->arena, sizeof *s->locals * (size_t)(n + 1));
  if (!s->locals) return scope_no_memory(ss);
  for (Symbol *sym = s->first; sym; sym = sym->next)
    if (sym->bind == BIND_OWN) s->locals[sym->index] = sym;
  return true;
}

static bool resolve(Scopes *ss) {
  for (Scope *s = ss->module; s; s = s->next) {
    for (Symbol *sym = s->first; sym; sym = sym->next)
      if (!resolve_symbol(ss, s, sym)) return false;
    if (scope_is_function(s) && !scope_is_inline(s) && !number_locals(ss, s)) return false;
  }
  for (Scope *s = ss->module; s; s = s->next) {
    if (s->n_free < 2) continue;
    qsort(s->free, (size_t)s->n_free, sizeof *s->free, order_free);
    int n = 1; /* the same name may have been noted for several inner scopes */
    for (int i = 1; i < s->n_free; i++)
      if (s->free[i].name != s->free[n - 1].name) s->free[n++] = s->free[i];
    s->n_free = n;
  }
  return true;
}

bool scope_build(Scopes *ss, Arena *arena, const Node *tree, SyntaxErr *err, const Source *source, const char *filename, size_t stack_bytes) {
  char here;
  ss->arena = arena;
  ss->err = err;
  ss->source = source;
  ss->filename = filename;
  ss->stack_base = (uintptr_t)&here;
  ss->stack_bytes = stack_bytes;
  ss->n_super = scope_intern(ss, "super", 5);
  ss->n_class = scope_intern(ss, "__class__", 9);
  ss->n_top = scope_intern(ss, "top", 3);
  if (err->set) return false;
  scope_visit_tree(ss, tree);
  if (err->set) return false;
  ss->module->is_async = ss->may_await && ss->module->awaits;
  return resolve(ss);
}
