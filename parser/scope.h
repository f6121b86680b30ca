/* Scopes: which name is local, cell, free or global in every block of a tree. Knows no VM.
 *
 * A scope is a module, class, function, lambda or comprehension. List, set and dict comprehensions run inside the code of the scope around them
 * (their `owner`), but resolve names as the nested functions they are in the language (reference, "Displays for lists, sets and dictionaries"). */
#ifndef TINY_PARSER_SCOPE_H
#define TINY_PARSER_SCOPE_H
#include "parser/parse.h"

/* A text that stands once in the table: compared by pointer. */
typedef struct Name {
  struct Name *next;
  uint32_t hash, len;
  void *value;      /* for the user of the table (code generation: the str object) */
  char text[];
} Name;

/* Pointer -> pointer, in an arena. */
typedef struct PtrMap {
  const void **slots; /* key, value, key, value... */
  uint32_t n, cap;
} PtrMap;
void *ptrmap_get(const PtrMap *m, const void *key);
bool ptrmap_set(Arena *arena, PtrMap *m, const void *key, void *value);

typedef enum { SCOPE_MODULE, SCOPE_CLASS, SCOPE_FUNCTION, SCOPE_LAMBDA, SCOPE_GENEXP, SCOPE_LISTCOMP, SCOPE_SETCOMP, SCOPE_DICTCOMP } ScopeKind;

enum {
  SYM_PARAM = 1, SYM_BOUND = 2, SYM_USED = 4, SYM_GLOBAL = 8, SYM_NONLOCAL = 16, SYM_ANNOTATED = 32, SYM_ITER = 64 /* target of a comprehension */,
  SYM_CELL = 128 /* seen by code of another unit */, SYM_WALRUS = 256 /* bound inside expressions, too */, SYM_DELETED = 512 /* del, or `except as` */
};
typedef enum {
  BIND_IMPLICIT, /* bound nowhere around: global or builtin */
  BIND_GLOBAL,   /* declared */
  BIND_OWN,      /* variable of this scope: a local, or a name of the module or class namespace */
  BIND_OUTER,    /* variable `home` of an enclosing scope with the same owner */
  BIND_FREE      /* variable `home` of another unit: a closure cell */
} Binding;

typedef struct Scope Scope;
typedef struct Symbol Symbol;
struct Symbol {
  const Name *name;
  Symbol *next;     /* in order of appearance */
  Symbol *home;     /* BIND_OUTER, BIND_FREE: the variable meant */
  Scope *scope;
  const Node *decl; /* the global or nonlocal statement */
  uint16_t flags;
  uint8_t bind;
  bool proven;      /* code generation: a comprehension's variable that is bound here */
  int index;        /* function scopes: number of the local. Comprehensions and __class__: register, given by code generation */
};

typedef struct FreeVar { const Name *name; Symbol *home; } FreeVar;

struct Scope {
  ScopeKind kind;
  const Node *node;
  Scope *parent, *owner;
  Scope *next;            /* all scopes, parents first */
  const Name *name;
  const Name *private_name; /* class whose __names are mangled here; NULL */
  PtrMap symbols;
  Symbol *first, *last;
  int n_locals, n_params;   /* function scopes */
  const Symbol **locals;
  FreeVar *free;            /* units: sorted by name */
  int n_free, cap_free;
  Symbol *class_cell;       /* class scopes whose methods use __class__ or super */
  bool is_async;            /* async def; an asynchronous comprehension; a module that awaits and may */
  bool awaits;              /* modules: something in it is awaited outside of functions */
  bool has_yield;
  bool has_annotations;     /* of variables: module and class scopes need __annotations__ */
  bool has_return_value;
};

typedef struct Scopes {
  Arena *arena;
  SyntaxErr *err;
  const Source *source;     /* for the line that an error shows */
  const char *filename;
  Scope *module, *last;
  PtrMap by_node;           /* Node -> Scope */
  Name **names;             /* hash table of names */
  uint32_t n_names, cap_names;
  bool future_annotations;  /* here or where the text came from */
  bool may_await;           /* also outside of functions */
  int last_future_line;     /* of the last `from __future__ import` at the top */
  /* while visiting */
  Scope *cur;
  int in_comp_iter;         /* inside the iterable of a comprehension */
  bool in_comp_target;
  const Node **spine;
  int n_spine, cap_spine;
  uintptr_t stack_base;
  size_t stack_bytes;       /* C stack that may be used from there on */
  int depth;
  const Name *n_super, *n_class, *n_top;
} Scopes;

/* Builds and resolves all scopes of a tree. *ss is zero, but for future_annotations and may_await. False: err is set. */
bool scope_build(Scopes *ss, Arena *arena, const Node *tree, SyntaxErr *err, const Source *source, const char *filename, size_t stack_bytes);
Scope *scope_of(const Scopes *ss, const Node *node);
Symbol *scope_find(const Scope *s, const Name *name);               /* NULL: the scope does not mention it */
/* The name as this scope sees it: private names of classes are mangled. NULL: out of memory (err set). */
const Name *scope_name(Scopes *ss, const Scope *s, const char *text);
const Name *scope_intern(Scopes *ss, const char *text, size_t len);
static inline bool scope_is_inline(const Scope *s) { return s->kind >= SCOPE_LISTCOMP; }
static inline bool scope_is_function(const Scope *s) { return s->kind >= SCOPE_FUNCTION; }
int scope_free_index(const Scope *unit, const Name *name);          /* -1: not a free variable of it */
/* Sets the first error only; always false. */
bool scope_error(Scopes *ss, const Node *node, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool scope_no_memory(Scopes *ss);
/* How deep the C stack may go, shared with code generation. */
bool scope_enter(Scopes *ss, const Node *node);
static inline void scope_leave(Scopes *ss) { ss->depth--; }
#define SCOPE_MAX_DEPTH 3000
#endif
