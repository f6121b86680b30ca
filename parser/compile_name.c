/* Names: what a name is here (register, cell, closure, global, namespace entry), and the instructions that read, write and delete it. */
#include "parser/compile_int.h"
#include "vm/objects/str.h"

/* ---- finding out */

static Var var_own(Unit *u, Symbol *sym, const Name *name) {
  Var v = {VAR_LOCAL, sym->index, sym, name, false};
  bool comp = scope_is_inline(sym->scope);
  if (sym->scope->kind == SCOPE_CLASS) { /* only __class__: a register of the class body's frame */
    v.kind = VAR_CELL;
    return v;
  }
  if (!comp) v.index = (int)local_reg((uint32_t)sym->index);
  if (sym->flags & SYM_CELL) v.kind = v.index < 256 ? VAR_CELL : VAR_FARCELL;
  else if (v.index >= 256) v.kind = VAR_FAR;
  (void)u;
  return v;
}

static Var var_global(Unit *u, const Name *name, bool declared) {
  Var v = {VAR_GLOBAL, 0, NULL, name, false};
  bool space = (u->flags & CODE_NAMESPACE) && u->scope == u->unit_scope && !declared;
  if (space) v.kind = VAR_NAME;
  return v;
}

static Var var_of_name(Unit *u, const Name *name) {
  Var none = {VAR_NONE, 0, NULL, name, false};
  if (!name || failed(u)) return none;
  Symbol *sym = scope_find(u->scope, name);
  if (!sym) return var_global(u, name, false); /* names that only generated code mentions: __annotations__ ... */
  switch ((Binding)sym->bind) {
    case BIND_GLOBAL: return var_global(u, name, true);
    case BIND_IMPLICIT: return var_global(u, name, false);
    case BIND_OWN:
      if (!scope_is_function(sym->scope)) return var_global(u, name, false);
      return var_own(u, sym, name);
    case BIND_OUTER: {
      Var v = var_own(u, sym->home, name);
      v.seen_as_free = true;
      return v;
    }
    case BIND_FREE: break;
  }
  Var v = {u->scope->kind == SCOPE_CLASS ? VAR_CLASSFREE : VAR_FREE, scope_free_index(u->unit_scope, name), sym->home, name, true};
  return v;
}

Var var_of(Unit *u, const char *id) { return var_of_name(u, failed(u) ? NULL : scope_name(&u->c->ss, u->scope, id)); }

Var var_local_reg(Unit *u, const char *id) {
  Var v = var_of(u, id);
  if (v.kind != VAR_LOCAL) v.kind = VAR_NONE;
  return v;
}

/* ---- definite assignment */

static bool proven(const Unit *u, const Var *v) {
  if (failed(u) || u->state->dead) return true;
  if (scope_is_inline(v->sym->scope)) return v->sym->proven;
  size_t i = (size_t)v->sym->index;
  return i / 32 < u->n_words && (u->state->bits[i / 32] >> (i % 32) & 1);
}

void var_mark(Unit *u, const Var *v) {
  if (failed(u) || !v->sym || v->kind > VAR_FAR) return;
  if (scope_is_inline(v->sym->scope)) {
    v->sym->proven = true;
    return;
  }
  size_t i = (size_t)v->sym->index;
  if (!(v->sym->flags & SYM_DELETED) && i / 32 < u->n_words) u->state->bits[i / 32] |= 1u << (i % 32);
}

/* ---- reading */

int var_in_place(Unit *u, const Node *at, const Var *v) {
  if (v->kind != VAR_LOCAL) return -1;
  if (!proven(u, v)) {
    if (v->seen_as_free) EMITX(u, at, CHECKFREE, v->index, 0, 0, name_index(u, v->name));
    else EMITX(u, at, CHECK, v->index, 0, 0, name_index(u, v->name));
    var_mark(u, v);
  }
  return v->index;
}

/* A cell's register, brought near if it is far: then in a temporary that the caller gives back. */
static int cell_reg(Unit *u, const Node *at, const Var *v) {
  if (v->kind == VAR_CELL) return v->index;
  int r = regs_alloc(u, 1);
  EMITX(u, at, GETFAR, r, 1, 0, v->index);
  return r;
}

void var_load(Unit *u, const Node *at, const Var *v, int dst) {
  int mark = u->top, r;
  switch (v->kind) {
    case VAR_LOCAL:
      r = var_in_place(u, at, v);
      move(u, at, dst, r);
      break;
    case VAR_FAR:
      EMITX(u, at, GETFAR, dst, 0, 0, v->index);
      var_mark(u, v);
      break;
    case VAR_CELL: case VAR_FARCELL:
      r = cell_reg(u, at, v);
      if (v->seen_as_free || v->sym->scope->kind == SCOPE_CLASS) EMITX(u, at, GETCELLFREE, dst, r, 0, name_index(u, v->name));
      else EMITX(u, at, GETCELL, dst, r, 0, name_index(u, v->name));
      break;
    case VAR_FREE: EMITX(u, at, GETFREE, dst, 0, 0, v->index); break;
    case VAR_CLASSFREE: EMITX(u, at, GETCLASSFREE, dst, 0, 0, v->index); break;
    case VAR_GLOBAL: EMITX(u, at, GETGLOBAL, dst, 0, 0, site_global(u, v->name)); break;
    case VAR_NAME: EMITX(u, at, GETNAME, dst, 0, 0, name_index(u, v->name)); break;
    case VAR_NONE: break;
  }
  u->top = mark;
}

void name_load(Unit *u, const Node *at, const char *id, int dst) {
  Var v = var_of(u, id);
  var_load(u, at, &v, dst);
}

/* The cell itself. home: the variable, of this unit or of one around it. */
void var_cell(Unit *u, const Node *at, Symbol *home, const Name *name, int dst) {
  if (home->scope->owner != u->unit_scope) {
    EMITX(u, at, GETCLOSURE, dst, 0, 0, scope_free_index(u->unit_scope, name));
    return;
  }
  Var v = var_own(u, home, name);
  if (v.kind == VAR_FARCELL) EMITX(u, at, GETFAR, dst, 1, 0, v.index);
  else move(u, at, dst, v.index);
}

/* ---- writing */

void var_store(Unit *u, const Node *at, const Var *v, int src) {
  int mark = u->top, r;
  switch (v->kind) {
    case VAR_LOCAL: move(u, at, v->index, src); break;
    case VAR_FAR: EMITX(u, at, SETFAR, src, 0, 0, v->index); break;
    case VAR_CELL: case VAR_FARCELL:
      r = cell_reg(u, at, v);
      EMIT(u, at, SETCELL, r, src, 0);
      break;
    case VAR_FREE: case VAR_CLASSFREE: EMITX(u, at, SETFREE, src, 0, 0, v->index); break;
    case VAR_GLOBAL: EMITX(u, at, SETGLOBAL, src, 0, 0, site_global(u, v->name)); break;
    case VAR_NAME: EMITX(u, at, SETNAME, src, 0, 0, name_index(u, v->name)); break;
    case VAR_NONE: break;
  }
  u->top = mark;
  var_mark(u, v);
}

bool name_forbidden(Unit *u, const Node *at, const char *id) {
  if (strcmp(id, "__debug__") != 0) return false;
  comp_error(u, at, "cannot assign to __debug__");
  return true;
}

void name_store(Unit *u, const Node *at, const char *id, int src) {
  Var v = var_of(u, id);
  var_store(u, at, &v, src);
}

void var_delete(Unit *u, const Node *at, const Var *v) {
  int mark = u->top, r;
  switch (v->kind) {
    case VAR_LOCAL: EMITX(u, at, DELLOCAL, v->index, 0, 0, name_index(u, v->name)); break;
    case VAR_FAR:
      r = regs_alloc(u, 1);
      EMITX(u, at, GETFAR, r, 0, 0, v->index);
      EMITX(u, at, UNBIND, 0, 0, 0, v->index);
      break;
    case VAR_CELL: case VAR_FARCELL:
      r = cell_reg(u, at, v);
      EMITX(u, at, DELCELL, r, 0, 0, name_index(u, v->name));
      break;
    case VAR_FREE: case VAR_CLASSFREE: EMITX(u, at, DELFREE, 0, 0, 0, v->index); break;
    case VAR_GLOBAL: EMITX(u, at, DELGLOBAL, 0, 0, 0, site_global(u, v->name)); break;
    case VAR_NAME: EMITX(u, at, DELNAME, 0, 0, 0, name_index(u, v->name)); break;
    case VAR_NONE: break;
  }
  u->top = mark;
}

/* Whether or not the script has deleted the name itself: no error. */
void var_unbind(Unit *u, const Var *v) {
  int mark = u->top, r;
  switch (v->kind) {
    case VAR_LOCAL: case VAR_FAR: EMITX(u, NULL, UNBIND, 0, 0, 0, v->index); break;
    case VAR_CELL: case VAR_FARCELL:
      r = cell_reg(u, NULL, v);
      EMIT(u, NULL, CLEARCELL, r, 0, 0);
      break;
    default:
      r = regs_alloc(u, 1);
      load_none(u, NULL, r);
      var_store(u, NULL, v, r);
      var_delete(u, NULL, v);
      break;
  }
  u->top = mark;
}
