/* The tree as objects, for module ast: a list of values from which ast builds the nodes with a stack, so that neither side recurses. A tuple (class, *position) takes the fields of
   its class from the stack and puts a node there, a list [n] takes n values and puts the list of them there, everything else is put there as it is. */
#include "parser/compile_int.h"

#include <string.h>

#include "vm/objects/list.h"
#include "vm/objects/str.h"

/* A node whose fields are being written. */
typedef struct Open {
  struct Open *outer;
  const Node *node;
  const AstField *field;
  int fields, item; /* fields left; index in the list that the present one is */
} Open;

typedef struct Writer {
  VM *vm;
  Arena *arena;
  List *out;
  Open *top, *spare;
} Writer;

static bool put(Writer *w, Value v) { return !v_failed(v) && list_append(w->vm, w->out, v); }

static bool put_text(Writer *w, const char *text) {
  if (!text) return put(w, V_NONE);
  Str *s = str_intern(w->vm, text, strlen(text));
  return s && put(w, v_from_obj(s));
}

static bool put_list(Writer *w, int n) {
  Value count = v_from_int62(n);
  List *list = list_new(w->vm, &count, 1);
  return list && put(w, v_from_obj(list));
}

/* What makes a node of the values before it. */
static bool put_node(Writer *w, const char *name, const Node *place) {
  Str *s = str_intern(w->vm, name, strlen(name));
  if (!s) return false;
  Value items[5] = {v_from_obj(s)};
  if (place) {
    items[1] = v_from_int62(place->line);
    items[2] = v_from_int62(place->col);
    items[3] = v_from_int62(place->end_line);
    items[4] = v_from_int62(place->end_col);
  }
  Tuple *t = tuple_new(w->vm, items, place ? 5 : 1);
  return t && put(w, v_from_obj(t));
}

static bool open_node(Writer *w, const Node *n) {
  Open *o = w->spare;
  if (o) w->spare = o->outer;
  else if (!(o = arena_alloc(w->arena, sizeof *o))) return rt_no_memory(w->vm), false;
  int count;
  *o = (Open){w->top, n, ast_fields(n->kind, &count), 0, 0};
  o->fields = count;
  w->top = o;
  return true;
}

static bool close_node(Writer *w) {
  Open *o = w->top;
  w->top = o->outer;
  o->outer = w->spare;
  w->spare = o;
  return put_node(w, ast_name(o->node), ast_has_position(o->node) ? o->node : NULL);
}

static bool put_operators(Writer *w, const AstField *f, const Node *n) {
  if (f->kind != FIELD_COMPARES) return put_node(w, ast_operator(f, n, 0), NULL);
  int count = n->u.compare.comparators.n;
  for (int i = 0; i < count; i++)
    if (!put_node(w, ast_operator(f, n, i), NULL)) return false;
  return put_list(w, count);
}

static bool put_texts(Writer *w, const NameList *names) {
  for (int i = 0; i < names->n; i++)
    if (!put_text(w, names->items[i])) return false;
  return put_list(w, names->n);
}

/* The next item of a list of nodes: it is opened, or the list is done. */
static bool put_item(Writer *w, Open *o, const NodeList *list) {
  if (o->item < list->n) {
    const Node *item = list->items[o->item++];
    return item ? open_node(w, item) : put(w, V_NONE);
  }
  o->item = 0;
  o->field++, o->fields--;
  return put_list(w, list->n);
}

static bool put_field(Writer *w, Open *o) {
  const AstField *f = o->field;
  const Node *n = o->node;
  const void *at = ast_field(f, n);
  if (f->kind == FIELD_NODES) return put_item(w, o, at);
  o->field++, o->fields--;
  switch (f->kind) {
    case FIELD_NODE: return *(Node *const *)at ? open_node(w, *(Node *const *)at) : put(w, V_NONE);
    case FIELD_TEXT: return put_text(w, *(const char *const *)at);
    case FIELD_TEXTS: return put_texts(w, at);
    case FIELD_INT: return put(w, v_from_int62(*(const int *)at));
    case FIELD_BOOL: return put(w, v_from_int62(*(const bool *)at));
    case FIELD_CONSTANT: return put(w, constant_object(w->vm, n));
    case FIELD_CONSTANT_OF: return put(w, constant_object(w->vm, *(Node *const *)at));
    case FIELD_KIND: return put_text(w, *(const bool *)at ? "u" : NULL);
    case FIELD_NOTHING: return put_list(w, 0);
    case FIELD_NONE: return put(w, V_NONE);
    default: return put_operators(w, f, n);
  }
}

Value tree_objects(Compiler *c, const Node *tree) {
  Writer w = {c->vm, &c->arena, list_new(c->vm, NULL, 0), NULL, NULL};
  bool ok = w.out && open_node(&w, tree);
  while (ok && w.top) ok = w.top->fields ? put_field(&w, w.top) : close_node(&w);
  return ok ? v_from_obj(w.out) : V_FAIL;
}
