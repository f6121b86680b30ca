/* What Tab offers at the prompt: keywords, names of __main__ and builtins, attributes after a dot, modules (stdlib/_completion.tiny), keys of dicts. As python3's rlcompleter, a callable is followed by "(". */
#include <stdlib.h>
#include <string.h>
#include "repl/input.h"

/* Keywords that something follows; the ones without a blank are followed by nothing, by a colon, or by a line's end. */
static const char *const keywords[] = {
    "False", "None", "True", "and ", "as ", "assert ", "async ", "await ", "break", "class ", "continue", "def ", "del ", "elif ", "else", "except ", "finally:", "for ", "from ",
    "global ", "if ", "import ", "in ", "is ", "lambda ", "nonlocal ", "not ", "or ", "pass", "raise ", "return ", "try:", "while ", "with ", "yield ", "case ", "match "};

static bool add(Completion *c, const char *head, size_t head_len, const char *name, const char *tail) {
  if (c->count == c->cap) {
    size_t cap = c->cap ? c->cap * 2 : 32;
    char **more = realloc(c->items, cap * sizeof *more);
    if (!more) return false;
    c->items = more;
    c->cap = cap;
  }
  size_t n = strlen(name), t = strlen(tail);
  char *s = malloc(head_len + n + t + 1);
  if (!s) return false;
  memcpy(s, head, head_len);
  memcpy(s + head_len, name, n);
  memcpy(s + head_len + n, tail, t + 1);
  for (size_t i = 0; i < c->count; i++) {
    if (strcmp(c->items[i], s) == 0) return free(s), true;
  }
  c->items[c->count++] = s;
  return true;
}

/* A property of the object's class is not computed: that may take long, or change something. */
static bool is_property(tiny_vm *vm, tiny_val object, const char *name) {
  tiny_val cls = tiny_getattr(vm, object, "__class__"), found = tiny_failed(cls) ? cls : tiny_getattr(vm, cls, name);
  bool is = !tiny_failed(found) && tiny_isinstance(vm, found, tiny_getattr(vm, tiny_import(vm, "builtins"), "property")) == 1;
  if (tiny_pending(vm)) tiny_clear_error(vm);
  return is;
}

/* "(" after what can be called. Other descriptors run: their errors are nobody's. */
static const char *tail_of(tiny_vm *vm, tiny_val callable, tiny_val object, const char *name) {
  if (is_property(vm, object, name)) return "";
  tiny_val v = tiny_getattr(vm, object, name), r = tiny_call(vm, callable, 1, &v);
  if (tiny_failed(r)) tiny_clear_error(vm);
  return tiny_is(r, TINY_TRUE) ? "(" : "";
}

/* Names of dir(object) that begin with `prefix`; those with a leading _ only when one was typed. */
static bool add_names(Program *p, Completion *c, tiny_val object, const char *head, size_t head_len, const char *prefix, bool attributes) {
  tiny_vm *vm = p->vm;
  tiny_val builtins = tiny_import(vm, "builtins"), callable = tiny_getattr(vm, builtins, "callable");
  tiny_val names = tiny_call(vm, tiny_getattr(vm, builtins, "dir"), 1, &object);
  int n = tiny_failed(names) ? 0 : tiny_seq_len(names);
  size_t plen = strlen(prefix);
  for (int i = 0; i < n; i++) {
    const char *name = tiny_to_str(vm, tiny_seq_item(names, i), NULL);
    if (!name || strncmp(name, prefix, plen) != 0) continue;
    if (attributes && name[0] == '_' && (plen == 0 || (plen == 1 && name[1] == '_'))) continue;
    if (!add(c, head, head_len, name, tail_of(vm, callable, object, name))) return false;
  }
  tiny_clear_error(vm);
  return true;
}

/* The object that "a.b.c" names, looked up in __main__ and then in builtins. */
static tiny_val find_object(tiny_vm *vm, const char *path, size_t len) {
  char name[256];
  tiny_val at = TINY_ABSENT;
  while (len) {
    const char *dot = memchr(path, '.', len);
    size_t n = dot ? (size_t)(dot - path) : len;
    if (n == 0 || n >= sizeof name) return TINY_ABSENT;
    memcpy(name, path, n);
    name[n] = 0;
    if (tiny_is_absent(at)) at = tiny_hasattr(vm, tiny_main_module(vm), name) ? tiny_main_module(vm) : tiny_import(vm, "builtins");
    at = tiny_getattr(vm, at, name);
    if (tiny_failed(at)) return TINY_ABSENT;
    path += n + (dot != NULL);
    len -= n + (dot != NULL);
  }
  return at;
}

static bool begins(const char *line, const char *word) {
  line += strspn(line, " ");
  return strncmp(line, word, strlen(word)) == 0;
}

/* Modules, and names in them, behind `import` and `from`. */
static bool add_imports(Program *p, Completion *c, const char *before, const char *word) {
  tiny_val args[2] = {tiny_string(p->vm, before), tiny_string(p->vm, word)};
  tiny_val found = tiny_call_method(p->vm, tiny_import(p->vm, "_completion"), "imports", 2, args);
  int n = tiny_failed(found) ? 0 : tiny_seq_len(found);
  for (int i = 0; i < n; i++) {
    const char *name = tiny_to_str(p->vm, tiny_seq_item(found, i), NULL);
    if (name && !add(c, "", 0, name, "")) return false;
  }
  return true;
}

static bool is_part_of_name(char c) { return c == '_' || c == '.' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c & 0x80); }

/* Keys of the dict in `name["wo`, which ends before the word. */
static bool add_keys(Program *p, Completion *c, const char *before, const char *word) {
  size_t n = strlen(before), end = n - 2, at = end;
  char tail[3] = {before[n - 1], ']', 0};
  while (at > 0 && is_part_of_name(before[at - 1])) at--;
  tiny_val object = find_object(p->vm, before + at, end - at);
  if (tiny_is_absent(object) || tiny_kind_of(p->vm, object) != TINY_T_DICT) return true;
  tiny_val keys = tiny_call(p->vm, tiny_getattr(p->vm, tiny_import(p->vm, "builtins"), "list"), 1, &object);
  int count = tiny_failed(keys) ? 0 : tiny_seq_len(keys);
  for (int i = 0; i < count; i++) {
    tiny_val key = tiny_seq_item(keys, i);
    const char *text = tiny_kind_of(p->vm, key) == TINY_T_STR ? tiny_to_str(p->vm, key, NULL) : NULL;
    if (text && strncmp(text, word, strlen(word)) == 0 && !strpbrk(text, "\\\"'\n") && !add(c, "", 0, text, tail)) return false;
  }
  return true;
}

bool complete_key(Program *p, const char *before, const char *word, Completion *out) {
  size_t n = strlen(before);
  *out = (Completion){0};
  if (n < 3 || before[n - 2] != '[') return true;
  tiny_scope scope = tiny_scope_open(p->vm);
  bool ok = add_keys(p, out, before, word);
  tiny_clear_error(p->vm);
  tiny_scope_close(p->vm, scope);
  return ok;
}

bool complete_word(Program *p, const char *before, const char *word, Completion *out) {
  *out = (Completion){0};
  tiny_scope scope = tiny_scope_open(p->vm);
  const char *dot = strrchr(word, '.');
  bool ok = true;
  if (begins(before, "import ") || begins(before, "from ")) {
    ok = add_imports(p, out, before, word);
  } else if (dot) {
    tiny_val object = find_object(p->vm, word, (size_t)(dot - word));
    if (!tiny_is_absent(object)) ok = add_names(p, out, object, word, (size_t)(dot - word) + 1, dot + 1, true);
  } else {
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords && ok; i++) {
      if (strncmp(keywords[i], word, strlen(word)) == 0) ok = add(out, "", 0, keywords[i], "");
    }
    ok = ok && add_names(p, out, tiny_main_module(p->vm), "", 0, word, false) && add_names(p, out, tiny_import(p->vm, "builtins"), "", 0, word, false);
  }
  tiny_clear_error(p->vm);
  tiny_scope_close(p->vm, scope);
  return ok;
}

void complete_free(Completion *c) {
  for (size_t i = 0; i < c->count; i++) free(c->items[i]);
  free(c->items);
  *c = (Completion){0};
}
