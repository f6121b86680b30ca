/* The API as a host uses it: one small check per promise of include/tiny.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "include/tiny.h"

static int failures;
#define CHECK(cond) ((cond) ? (void)0 : (failures++, (void)printf("FAIL %s:%d: %s\n", __FILE__, __LINE__, #cond)))

typedef struct Host { char out[4096]; size_t n; size_t bytes; const char *input; } Host;

static bool host_write(void *user, int stream, const char *text, size_t len) {
  Host *h = user;
  (void)stream;
  if (!text) return true;
  if (h->n + len >= sizeof h->out) return false;
  memcpy(h->out + h->n, text, len);
  h->n += len;
  h->out[h->n] = 0;
  return true;
}

static long host_read(void *user, char *buf, size_t len) {
  Host *h = user;
  size_t n = strlen(h->input) < len ? strlen(h->input) : len;
  memcpy(buf, h->input, n);
  h->input += n;
  return (long)n;
}

static void *host_alloc(void *user, void *ptr, size_t old_size, size_t new_size) {
  Host *h = user;
  if (new_size == 0) {
    free(ptr);
    if (ptr) h->bytes -= old_size;
    return NULL;
  }
  void *p = realloc(ptr, new_size);
  if (p) h->bytes += new_size - (ptr ? old_size : 0);
  return p;
}

static bool host_find(void *user, const char *name, const char **text, size_t *len, const char **path, bool *is_package) {
  (void)user;
  *is_package = strcmp(name, "pack") == 0;
  *text = strcmp(name, "pack") == 0 ? "from . import inner\nvalue = inner.value + 1\n" : strcmp(name, "pack.inner") == 0 ? "value = 41\n" : NULL;
  *path = *is_package ? "host:pack/__init__" : "host:pack/inner";
  if (*text) *len = strlen(*text);
  return *text != NULL;
}

static tiny_vm *make(Host *h) {
  tiny_config c = TINY_CONFIG_INIT;
  c.alloc = host_alloc;
  c.alloc_user = h;
  c.write = host_write;
  c.read = host_read;
  c.find_source = host_find;
  c.modules = "math sys asyncio time";
  c.user = h;
  return tiny_new(&c);
}

static tiny_status run(tiny_vm *vm, const char *text) { return tiny_run_source(vm, text, strlen(text), "test.tiny"); }

static bool evals(tiny_vm *vm, const char *expression, const char *repr) {
  tiny_val r = tiny_repr(vm, tiny_eval(vm, expression));
  const char *s = tiny_failed(r) ? "<failed>" : tiny_to_str(vm, r, NULL);
  bool same = strcmp(s, repr) == 0;
  if (!same) printf("%s is %s, not %s\n", expression, s, repr);
  tiny_clear_error(vm);
  return same;
}

static void values(tiny_vm *vm) {
  int64_t i;
  double d;
  size_t n;
  CHECK(tiny_to_int(vm, tiny_int(vm, INT64_MIN), &i) && i == INT64_MIN);
  CHECK(tiny_to_int(vm, tiny_uint(vm, 7), &i) && i == 7);
  CHECK(!tiny_to_int(vm, tiny_uint(vm, UINT64_MAX), &i) && tiny_pending_is(vm, TINY_OVERFLOW_ERROR));
  tiny_clear_error(vm);
  CHECK(!tiny_to_int(vm, tiny_string(vm, "1"), &i) && tiny_pending_is(vm, TINY_TYPE_ERROR));
  tiny_clear_error(vm);
  CHECK(tiny_to_float(vm, tiny_float(vm, 1e300), &d) && d == 1e300);
  CHECK(tiny_to_float(vm, tiny_int(vm, 3), &d) && d == 3.0);
  CHECK(strcmp(tiny_to_str(vm, tiny_string_n(vm, "a\0b", 3), &n), "a") == 0 && n == 3);
  CHECK(tiny_failed(tiny_string(vm, "\xff")) && tiny_pending_is(vm, TINY_UNICODE_ERROR));
  tiny_clear_error(vm);
  tiny_val items[3] = {tiny_int(vm, 1), tiny_string(vm, "x"), TINY_NONE};
  tiny_val list = tiny_list(vm, 3, items), tuple = tiny_tuple(vm, 2, items), dict = tiny_dict(vm), set = tiny_set(vm);
  CHECK(tiny_list_append(vm, list, TINY_TRUE) && tiny_seq_len(list) == 4 && tiny_seq_len(tuple) == 2 && tiny_seq_len(dict) == -1);
  CHECK(tiny_is(tiny_seq_item(list, 3), TINY_TRUE) && tiny_is_absent(tiny_seq_item(list, 4)));
  CHECK(tiny_dict_set(vm, dict, "k", list) && tiny_is(tiny_dict_get(vm, dict, "k"), list) && tiny_is_absent(tiny_dict_get(vm, dict, "no")));
  size_t pos = 0;
  tiny_val key, value;
  CHECK(tiny_dict_next(vm, dict, &pos, &key, &value) && tiny_is(value, list) && !tiny_dict_next(vm, dict, &pos, &key, &value));
  CHECK(tiny_set_add(vm, set, tuple) && tiny_len(vm, set) == 1);
  CHECK(tiny_kind_of(vm, dict) == TINY_T_DICT && tiny_kind_of(vm, TINY_TRUE) == TINY_T_BOOL && tiny_kind_of(vm, tiny_float(vm, 1)) == TINY_T_FLOAT);
  CHECK(strcmp(tiny_type_name(vm, set), "set") == 0);
  CHECK(!tiny_failed(tiny_type(vm, set)) && strcmp(tiny_type_name(vm, tiny_type(vm, set)), "type") == 0);
  CHECK(strcmp(tiny_to_str(vm, tiny_format(vm, "%s-%d-%R-%T-%%", "a", 7, list, list), NULL), "a-7-[1, 'x', None, True]-list-%") == 0);
  CHECK(tiny_equal(vm, tiny_int(vm, 1), tiny_float(vm, 1)) == 1 && tiny_less(vm, tiny_int(vm, 2), tiny_int(vm, 1)) == 0);
  tiny_val bytes = tiny_bytes(vm, NULL, 4);
  memcpy(tiny_bytes_data(vm, bytes), "abcd", 4);
  CHECK(memcmp(tiny_to_bytes(vm, bytes, &n), "abcd", 4) == 0 && n == 4);
  tiny_val room = tiny_bytes_room(vm, 9000);
  memcpy(tiny_bytes_data(vm, room), "abcdef", 6);
  room = tiny_bytes_cut(vm, room, 3);
  CHECK(strcmp(tiny_to_bytes(vm, room, &n), "abc") == 0 && n == 3);
  CHECK(tiny_to_bytes(vm, tiny_bytes_cut(vm, tiny_bytes_room(vm, 10), 0), &n) && n == 0);
  CHECK(tiny_isinstance(vm, tuple, tiny_eval(vm, "(list, tuple)")) == 1 && tiny_truth(vm, dict) == 1);
}

static void absorbing(tiny_vm *vm) {
  tiny_val r = tiny_getattr(vm, tiny_getitem(vm, tiny_call(vm, tiny_eval(vm, "no_such_name"), 0, NULL), TINY_NONE), "x");
  CHECK(tiny_failed(r) && tiny_pending_is(vm, TINY_NAME_ERROR));
  tiny_error e;
  CHECK(tiny_take_error(vm, &e) && strcmp(e.message, "name 'no_such_name' is not defined") == 0 && !tiny_take_error(vm, &e));
  CHECK(run(vm, "def f():\n  1/0\ndef g():\n  f()\ng()\n") == TINY_ERROR && tiny_take_error(vm, &e));
  CHECK(strcmp(e.type, "ZeroDivisionError") == 0 && e.depth == 3 && e.frame[2].line == 2 && e.frame[1].line == 4 && strcmp(e.frame[2].name, "f") == 0 && e.frame[2].column == 2);
  CHECK(run(vm, "x = (1,\n") == TINY_ERROR && tiny_pending_is(vm, TINY_SYNTAX_ERROR));
  tiny_clear_error(vm);
  CHECK(run(vm, "raise SystemExit(3)") == TINY_ERROR && tiny_take_error(vm, &e) && e.is_exit && e.exit_status == 3);
  CHECK(!tiny_hasattr(vm, tiny_int(vm, 1), "nope") && !tiny_pending(vm) && tiny_hasattr(vm, tiny_int(vm, 1), "real"));
}

static tiny_val twice(tiny_vm *vm, tiny_args *a) {
  tiny_val v[1] = {tiny_call(vm, tiny_arg(a, 0), 1, (tiny_val[]){tiny_arg(a, 1)})};
  return tiny_call(vm, tiny_arg(a, 0), 1, v);
}
static tiny_val bound(tiny_vm *vm, tiny_args *a) { return (void)vm, tiny_bound(a); }
static tiny_val after(tiny_vm *vm, tiny_val state, tiny_outcome how, tiny_val result) {
  return how == TINY_RETURNED ? tiny_tuple(vm, 2, (tiny_val[]){state, result}) : tiny_string(vm, "caught");
}
static tiny_val later(tiny_vm *vm, tiny_args *a) { return tiny_then_call(vm, after, tiny_string(vm, "state"), tiny_arg(a, 0), 0, NULL); }

static const tiny_def functions[] = {
    {"twice", twice, "(f: callable, x, /)", "f(f(x))"}, {"bound", bound, "()", 0}, {"later", later, "(f)", 0}, {0}};

static void natives(tiny_vm *vm) {
  tiny_val m = tiny_main_module(vm);
  for (int i = 0; functions[i].name; i++) CHECK(tiny_setattr(vm, m, functions[i].name, tiny_function(vm, &functions[i], tiny_string(vm, "given"))));
  CHECK(evals(vm, "twice(lambda x: x + 'a', '')", "'aa'"));
  CHECK(evals(vm, "bound()", "'given'"));
  CHECK(evals(vm, "later(lambda: 5)", "('state', 5)"));
  CHECK(evals(vm, "later(lambda: 1/0)", "'caught'"));
  CHECK(evals(vm, "twice.__doc__, twice.__name__", "('f(f(x))', 'twice')"));
  CHECK(run(vm, "try: twice(1, 2)\nexcept TypeError as e: r = str(e)\n") == TINY_OK);
  CHECK(run(vm, "def deep(n): return n if n == 0 else later(lambda: deep(n - 1))\ndeep(300)\n") == TINY_OK);
}

typedef struct Point { int x; } Point;
static const tiny_class point_class;
static tiny_val point_move(tiny_vm *vm, tiny_args *a) {
  Point *p = tiny_arg_native(a, 0, &point_class);
  return tiny_int(vm, p->x += (int)tiny_arg_int(a, 1));
}
static tiny_val point_x(tiny_vm *vm, tiny_args *a) { return tiny_int(vm, ((Point *)tiny_arg_native(a, 0, &point_class))->x); }
static const tiny_def point_methods[] = {{"move", point_move, "(self: Point, by: int = 1)", NULL}, {0}};
static const tiny_class point_class = {.name = "host.Point", .data_size = sizeof(Point), .methods = point_methods};
static const tiny_def point_def = {"x_of", point_x, "(p: Point, *, twice: bool = False)", NULL};

/* Annotated parameters: the short way and the long one take the same; a script's class of the same name is none of the host's. */
static void checked_natives(tiny_vm *vm) {
  tiny_val m = tiny_main_module(vm);
  CHECK(tiny_setattr(vm, m, "Point", tiny_class_of(vm, &point_class)) && tiny_setattr(vm, m, "x_of", tiny_function(vm, &point_def, TINY_NONE)));
  CHECK(run(vm, "p = Point()\nclass Sub(Point): pass\nq = Sub()\nbad = []\n"
                "def no(f, *args, **kw):\n  try: f(*args, **kw)\n  except (TypeError, OverflowError) as e: bad.append(type(e).__name__)\n  else: bad.append('taken')\n") == TINY_OK);
  CHECK(evals(vm, "[p.move() for i in range(3)] + [p.move(2), p.move(by=True), q.move(7), x_of(p), x_of(q), x_of(p, twice=1)]", "[1, 2, 3, 5, 6, 7, 6, 7, 6]"));
  CHECK(run(vm, "class Point: pass\nfor i in range(2):\n  no(x_of, Point()); no(x_of, 1); no(x_of); no(p.move, 'a'); no(p.move, 1, 2); no(p.move, 2**70); no(type(p).move, 1); no(x_of, p, 1)\n") == TINY_OK);
  CHECK(evals(vm, "bad", "['TypeError', 'TypeError', 'TypeError', 'TypeError', 'TypeError', 'OverflowError', 'TypeError', 'TypeError', 'TypeError', 'TypeError', 'TypeError', 'TypeError', 'TypeError', 'OverflowError', 'TypeError', 'TypeError']"));
}

static void generators(tiny_vm *vm) {
  CHECK(run(vm, "def gen():\n  log = []\n  try:\n    while True:\n      log.append((yield len(log)))\n  except KeyError:\n    return log\n") == TINY_OK);
  tiny_val g = tiny_eval(vm, "gen()"), r;
  CHECK(tiny_send(vm, g, TINY_NONE, &r) == TINY_YIELDED);
  CHECK(tiny_send(vm, g, tiny_int(vm, 5), &r) == TINY_YIELDED && tiny_equal(vm, r, tiny_int(vm, 1)) == 1);
  CHECK(tiny_throw(vm, g, tiny_exc_class(vm, TINY_KEY_ERROR), &r) == TINY_RETURNED && tiny_seq_len(r) == 1);
  CHECK(tiny_send(vm, g, TINY_NONE, &r) == TINY_RETURNED && tiny_is_none(r));
  tiny_val it = tiny_iter(vm, tiny_eval(vm, "[1, 2]")), item;
  CHECK(tiny_next(vm, it, &item) == 1 && tiny_next(vm, it, &item) == 1 && tiny_next(vm, it, &item) == 0);
}

static void references(tiny_vm *vm) {
  tiny_ref ref;
  tiny_scope s = tiny_scope_open(vm);
  CHECK(tiny_ref_new(vm, tiny_eval(vm, "['kept'] * 2"), &ref));
  for (int i = 0; i < 1000; i++) CHECK(!tiny_failed(tiny_string(vm, "garbage")));
  tiny_scope_close(vm, s);
  tiny_collect(vm);
  CHECK(tiny_seq_len(tiny_ref_get(vm, ref)) == 2);
  tiny_ref_free(vm, &ref);
  s = tiny_scope_open(vm);
  tiny_val kept = tiny_scope_close_keep(vm, s, tiny_string(vm, "outer"));
  tiny_collect(vm);
  s = tiny_scope_open(vm);
  for (int i = 0; i < 200; i++) CHECK(!tiny_failed(tiny_bytes(vm, NULL, 10000)));
  tiny_scope_close(vm, s);
  size_t before = tiny_memory_used(vm);
  CHECK(tiny_trim_pays(vm));
  tiny_trim(vm);
  CHECK(!tiny_trim_pays(vm) && tiny_memory_used(vm) < before - 1000000);
  CHECK(strcmp(tiny_to_str(vm, kept, NULL), "outer") == 0);
}

static void limits(tiny_vm *vm) {
  tiny_error e;
  tiny_set_fuel(vm, 10000, TINY_KILL);
  CHECK(run(vm, "try:\n  while True: pass\nfinally:\n  print('not run')\n") == TINY_LIMIT && tiny_take_error(vm, &e) && strcmp(e.limit, "steps") == 0);
  tiny_set_fuel(vm, UINT64_MAX, TINY_KILL);
  tiny_set_deadline_ms(vm, 30);
  CHECK(run(vm, "while True:\n  try:\n    while True: sorted(range(100))\n  except BaseException: pass\n") == TINY_LIMIT && tiny_take_error(vm, &e) && strcmp(e.limit, "deadline") == 0);
  tiny_set_deadline_ms(vm, -1);
  tiny_set_memory_limit(vm, tiny_memory_used(vm) + (1u << 20));
  CHECK(run(vm, "try:\n  x = 'a' * (8 << 20)\nexcept MemoryError:\n  x = 'caught'\n") == TINY_OK && evals(vm, "x", "'caught'"));
  CHECK(run(vm, "y = []\nwhile True: y.append([0] * 100)\n") != TINY_OK && tiny_take_error(vm, &e) && e.limit && strcmp(e.limit, "memory") == 0);
  tiny_set_memory_limit(vm, 0);
  CHECK(run(vm, "y = None\n") == TINY_OK);
  tiny_val code = tiny_compile(vm, "n = 0\nwhile n < 5000: n += 1\n", 29, "paused.tiny");
  tiny_set_fuel(vm, 1000, TINY_PAUSE);
  int pauses = 0;
  tiny_status st = tiny_run(vm, code);
  while (st == TINY_PAUSED) {
    pauses++;
    tiny_add_fuel(vm, 1000);
    st = tiny_resume(vm);
  }
  tiny_set_fuel(vm, UINT64_MAX, TINY_KILL);
  CHECK(st == TINY_OK && pauses >= 3 && evals(vm, "n", "5000"));
  tiny_interrupt(vm);
  CHECK(run(vm, "while True: pass\n") == TINY_ERROR && tiny_pending_is(vm, TINY_KEYBOARD_INTERRUPT));
  tiny_clear_error(vm);
}

static void hooks(tiny_vm *vm, Host *h) {
  h->n = 0;
  h->input = "first\nsecond";
  CHECK(run(vm, "import sys\nprint(input('? '), end='|')\nprint(sys.stdin.read(), file=sys.stderr)\n") == TINY_OK && strcmp(h->out, "? first|second\n") == 0);
  CHECK(run(vm, "import pack\nv = pack.value, pack.__file__, pack.inner.__name__\n") == TINY_OK && evals(vm, "v", "(42, 'host:pack/__init__', 'pack.inner')"));
  CHECK(run(vm, "import json\n") == TINY_ERROR && tiny_pending_is(vm, TINY_MODULE_NOT_FOUND_ERROR));
  tiny_clear_error(vm);
  bool incomplete = false;
  CHECK(tiny_run_interactive(vm, "if 1:", 5, "<p>", &incomplete) == TINY_ERROR && incomplete);
  tiny_clear_error(vm);
  h->n = 0;
  CHECK(tiny_run_interactive(vm, "6 * 7", 5, "<p>", &incomplete) == TINY_OK && !incomplete && strcmp(h->out, "42\n") == 0);
}

/* What the host says of its streams: terminals, and text that is no UTF-8. */
static void streams(void) {
  Host h = {.input = "a\xff\n"};
  tiny_config c = TINY_CONFIG_INIT;
  c.modules = "sys";
  c.write = host_write;
  c.read = host_read;
  c.user = &h;
  for (int i = 0; i < 2; i++) {
    c.terminals = i ? 5 : 0;
    c.stream_errors = i ? "surrogateescape" : NULL;
    tiny_vm *vm = tiny_new(&c);
    if (!vm) {
      failures++;
      return;
    }
    CHECK(run(vm, "import sys\nt = [s.isatty() for s in (sys.stdin, sys.stdout, sys.stderr)]\ne = sys.stdin.errors, sys.stdout.errors, sys.stderr.errors\n") == TINY_OK);
    CHECK(evals(vm, "t", i ? "[True, False, True]" : "[False, False, False]"));
    CHECK(evals(vm, "e", i ? "('surrogateescape', 'surrogateescape', 'backslashreplace')" : "('strict', 'strict', 'backslashreplace')"));
    h.input = "a\xff\n";
    h.n = 0;
    bool ok = run(vm, "print(ascii(input()))\nprint(chr(0xdcff))\n") == TINY_OK;
    CHECK(i ? ok && strcmp(h.out, "'a\\udcff'\n\xff\n") == 0 : !ok && tiny_pending_is(vm, TINY_UNICODE_ERROR));
    tiny_clear_error(vm);
    tiny_free(vm);
  }
}

int main(void) {
  Host h = {.input = ""};
  tiny_vm *vm = make(&h);
  if (!vm) return 1;
  CHECK(tiny_user(vm) == &h && strcmp(tiny_version(), TINY_VERSION) == 0);
  values(vm);
  absorbing(vm);
  natives(vm);
  checked_natives(vm);
  generators(vm);
  references(vm);
  limits(vm);
  hooks(vm, &h);
  tiny_error e;
  if (tiny_take_error(vm, &e)) failures++, printf("left pending: %s\n", e.text);
  CHECK(tiny_memory_used(vm) <= h.bytes);
  tiny_free(vm);
  CHECK(h.bytes == 0);
  streams();
  printf("embedding: %s\n", failures ? "FAILED" : "ok");
  return failures ? 1 : 0;
}
