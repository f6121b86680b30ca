/* "Did you mean: 'x'?" for NameError and AttributeError: the candidate with the least edit distance, within the limits that CPython sets. */
#include "vm/error_text.h"
#include "vm/objects/list.h"

enum { MAX_CANDIDATES = 750, MAX_NAME = 40, MOVE_COST = 2, CASE_COST = 1 };

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static int substitution(char a, char b) {
  if (a == b) return 0;
  return lower(a) == lower(b) ? CASE_COST : MOVE_COST;
}

/* Levenshtein distance in units of half moves; anything above max means too far. */
static int distance(const char *a, size_t a_size, const char *b, size_t b_size, int max) {
  while (a_size && b_size && *a == *b) a++, b++, a_size--, b_size--;
  while (a_size && b_size && a[a_size - 1] == b[b_size - 1]) a_size--, b_size--;
  if (!a_size || !b_size) return (int)(a_size + b_size) * MOVE_COST;
  if (a_size > MAX_NAME || b_size > MAX_NAME) return max + 1;
  int row[MAX_NAME + 1];
  for (size_t i = 0; i <= a_size; i++) row[i] = (int)i * MOVE_COST;
  for (size_t j = 1; j <= b_size; j++) {
    int diagonal = row[0], best = row[0] = (int)j * MOVE_COST;
    for (size_t i = 1; i <= a_size; i++) {
      int replace = diagonal + substitution(a[i - 1], b[j - 1]);
      int insert = (row[i] < row[i - 1] ? row[i] : row[i - 1]) + MOVE_COST;
      diagonal = row[i];
      row[i] = replace < insert ? replace : insert;
      if (row[i] < best) best = row[i];
    }
    if (best > max) return max + 1;
  }
  return row[a_size];
}

typedef struct Search { const Str *wanted; Str *best; int best_distance; } Search;

static void consider(Search *s, Value candidate) {
  if (!is_str(candidate)) return;
  Str *c = v_str(candidate);
  if (str_equal(c, s->wanted)) return;
  int max = (int)((s->wanted->size + c->size + 3) * MOVE_COST / 6);
  if (s->best && max > s->best_distance - 1) max = s->best_distance - 1;
  int d = distance(s->wanted->data, s->wanted->size, c->data, c->size, max);
  if (d > max) return;
  s->best = c;
  s->best_distance = d;
}

static Str *in_items(const Str *wanted, const Value *items, size_t n) {
  Search s = {wanted, NULL, 0};
  for (size_t i = 0; i < n && n < MAX_CANDIDATES; i++) consider(&s, items[i]);
  return s.best;
}

static Str *in_dict(const Str *wanted, const Dict *d) {
  Search s = {wanted, NULL, 0};
  size_t pos = 0;
  Value key, value;
  while (d && d->used < MAX_CANDIDATES && dict_next(d, &pos, &key, &value)) consider(&s, key);
  return s.best;
}

/* CPython's order, which decides between names that are equally near: functions, then types. */
static Str *in_builtins(const Str *wanted, const Dict *d) {
  Search s = {wanted, NULL, 0};
  Value key, value;
  for (int types = 0; types < 2; types++) {
    size_t pos = 0;
    while (d->used < MAX_CANDIDATES && dict_next(d, &pos, &key, &value))
      if (is_type(value) == (types == 1)) consider(&s, key);
  }
  return s.best;
}

/* Locals that live in cells are no candidates, unless they are parameters. */
static Str *in_locals(const Str *wanted, const Code *code) {
  Search s = {wanted, NULL, 0};
  size_t n = code->local_names ? code->local_names->length : 0;
  size_t params = code->n_params + code->n_kwonly + ((code->flags & CODE_VARARGS) != 0) + ((code->flags & CODE_VARKW) != 0);
  for (size_t i = 0; i < n && n < MAX_CANDIDATES; i++) {
    bool in_cell = false;
    for (size_t k = 0; code->cell_names && i >= params && k < code->cell_names->length; k++) in_cell |= v_same(code->cell_names->items[k], code->local_names->items[i]);
    if (!in_cell) consider(&s, code->local_names->items[i]);
  }
  return s.best;
}

static Str *for_name(VM *vm, Value exc) {
  Value wanted = exc_field(exc, EXF_NAME);
  const Traceback *tb = exc_traceback(exc);
  if (!is_str(wanted) || !tb) return NULL;
  while (tb->next) tb = tb->next;
  Str *found = in_locals(v_str(wanted), tb->code);
  if (!found) found = in_dict(v_str(wanted), tb->func->globals);
  if (!found && !module_complete(vm, vm->builtins->dict)) (void)rt_take_exc(vm);
  return found ? found : in_builtins(v_str(wanted), vm->builtins->dict);
}

static Str *for_attribute(VM *vm, Value exc) {
  Value wanted = exc_field(exc, EXF_ATTR_NAME), obj = exc_field(exc, EXF_ATTR_OBJ);
  if (!is_str(wanted) || v_absent(obj)) return NULL;
  Str *key = str_intern(vm, "dir", 3);
  Value dir = key ? module_lookup(vm, vm->builtins->dict, key) : V_FAIL;
  Value names = v_failed(dir) || v_absent(dir) ? V_FAIL : rt_call(vm, dir, 1, &obj);
  size_t n;
  const Value *items = v_failed(names) ? NULL : seq_items(names, &n);
  return items ? in_items(v_str(wanted), items, n) : NULL;
}

Str *error_suggestion(VM *vm, Value exc) {
  const Type *type = type_of(exc);
  Str *found = type == &exc_NameError ? for_name(vm, exc) : type == &exc_AttributeError ? for_attribute(vm, exc) : NULL;
  if (rt_pending(vm)) (void)rt_take_exc(vm);
  return found;
}
