/* Module _pickle, second half: what pickle.Unpickler derives from. PickleReader follows the instructions that make values of the builtin types; m_run hands every other
 * one to pickle.tiny, by its number, and says when it needs more input. Script code runs between two calls of it, and inside of one only where a key is hashed or compared:
 * places on the stack are looked at again after that. */
#include <string.h>
#include "stdlib/builtins_int.h"
#include "vm/objects/str_build.h"

typedef struct PickleReader {
  Value input;            /* bytes; not a value: none */
  size_t at;              /* of the next instruction */
  Value *stack;
  size_t n, cap;
  size_t *marks;
  size_t n_marks, cap_marks;
  Value *memo;            /* V_ABSENT where there is none */
  size_t n_memo, cap_memo;
  int64_t count;          /* memoized: the number of MEMOIZE */
  int proto;
} PickleReader;

extern const tiny_class pickle_reader_class;
extern const tiny_class pickle_writer_class;

static void reader_trace(tiny_tracer *t, void *data) {
  const PickleReader *r = data;
  if (r->input.w) tiny_trace(t, r->input);
  for (size_t i = 0; i < r->n; i++) tiny_trace(t, r->stack[i]);
  for (size_t i = 0; i < r->n_memo; i++) tiny_trace(t, r->memo[i]);
}
static void reader_destroy(VM *vm, void *data) {
  PickleReader *r = data;
  mem_free(&vm->mem, r->stack, r->cap * sizeof *r->stack);
  mem_free(&vm->mem, r->marks, r->cap_marks * sizeof *r->marks);
  mem_free(&vm->mem, r->memo, r->cap_memo * sizeof *r->memo);
}
static PickleReader *self_of(VM *vm, Args *a) { return tiny_data(vm, a->v[0], &pickle_reader_class); }

static Value broken(VM *vm, const char *message) {
  Value error = tiny_getattr(vm, tiny_import(vm, "pickle"), "UnpicklingError"), text = v_from_str(str_from(vm, message));
  return tiny_raise_value(vm, tiny_call(vm, error, 1, &text));
}

/* ---- input */

static inline size_t left(const PickleReader *r) { return r->input.w ? v_bytes(r->input)->size - r->at : 0; }
static inline const uint8_t *here(const PickleReader *r) { return v_bytes(r->input)->data + r->at; }
static uint64_t number(const uint8_t *p, int n) {
  uint64_t v = 0;
  for (int i = n; i-- > 0;) v = v << 8 | p[i];
  return v;
}

/* ---- stack and memo */

static bool push(VM *vm, PickleReader *r, Value self, Value v) {
  if (v_failed(v)) return false;
  if (!mem_grow(&vm->mem, (void **)&r->stack, &r->cap, r->n + 1, sizeof *r->stack)) return rt_no_memory(vm), false;
  r->stack[r->n] = V_NONE;
  tiny_store(vm, self, &r->stack[r->n], v);
  r->n++;
  return true;
}
static inline size_t fence(const PickleReader *r) { return r->n_marks ? r->marks[r->n_marks - 1] : 0; }
static bool underflow(VM *vm, const PickleReader *r) { return (void)broken(vm, r->n_marks ? "unexpected MARK found" : "unpickling stack underflow"), false; }
static inline bool need(VM *vm, const PickleReader *r, size_t n) { return r->n >= fence(r) + n || underflow(vm, r); }

/* Takes the last mark: where its items begin. */
static bool take_mark(VM *vm, PickleReader *r, size_t *from) {
  if (!r->n_marks) return (void)broken(vm, "could not find MARK"), false;
  *from = r->marks[--r->n_marks];
  if (*from > r->n) *from = r->n;
  return true;
}

enum { MEMO_GAP = 1 << 16 };
static bool memo_put(VM *vm, PickleReader *r, Value self, int64_t at, Value v) {
  if (at < 0) return rt_raise_b(vm, &exc_ValueError, "negative PUT argument");
  if ((uint64_t)at > r->n_memo + MEMO_GAP) return (void)broken(vm, "memo index is too far away"), false;
  if (!mem_grow(&vm->mem, (void **)&r->memo, &r->cap_memo, (size_t)at + 1, sizeof *r->memo)) return rt_no_memory(vm), false;
  while (r->n_memo <= (size_t)at) r->memo[r->n_memo++] = V_ABSENT;
  r->count += v_absent(r->memo[at]);
  tiny_store(vm, self, &r->memo[at], v);
  return true;
}
static bool memo_get(VM *vm, PickleReader *r, Value self, int64_t at) {
  if (at >= 0 && (uint64_t)at < r->n_memo && !v_absent(r->memo[at])) return push(vm, r, self, r->memo[at]);
  Value message = rt_format(vm, "Memo value not found at index %lld", (long long)at);
  const char *text = v_failed(message) ? NULL : str_cstr(vm, v_str(message));
  return text && (broken(vm, text), false);
}
static bool put_top(VM *vm, PickleReader *r, Value self, int64_t at) { return need(vm, r, 1) && memo_put(vm, r, self, at, r->stack[r->n - 1]); }

/* ---- what makes containers of what stands on the stack */

static bool make_tuple(VM *vm, PickleReader *r, Value self, size_t from) {
  Value t = v_from_obj_or_fail(tuple_new(vm, r->stack + from, r->n - from));
  if (v_failed(t)) return false;
  r->n = from;
  return push(vm, r, self, t);
}
static bool make_list(VM *vm, PickleReader *r, Value self, size_t from) {
  Value l = v_from_obj_or_fail(list_new(vm, r->stack + from, r->n - from));
  if (v_failed(l)) return false;
  r->n = from;
  return push(vm, r, self, l);
}
static bool add_pairs(VM *vm, PickleReader *r, Value dict, size_t from) { /* [script] */
  for (size_t i = from; i + 1 < r->n; i += 2)
    if (!dict_set(vm, v_dict(dict), r->stack[i], r->stack[i + 1])) return false;
  return true;
}
static bool add_members(VM *vm, PickleReader *r, Value set, size_t from) { /* [script] */
  for (size_t i = from; i < r->n; i++)
    if (!set_add(vm, (Set *)v_obj(set), r->stack[i])) return false;
  return true;
}

enum { BROKEN = -1, DONE, ELSEWHERE /* for the language */ };

/* APPENDS, SETITEMS, ADDITEMS: into what stands below the mark. */
static int fill(VM *vm, PickleReader *r, uint8_t code) {
  const Type *want = code == 'e' ? &list_type : code == 'u' ? &dict_type : &set_type;
  if (!r->n_marks) return (void)broken(vm, "could not find MARK"), BROKEN;
  size_t from = r->marks[r->n_marks - 1], below = r->n_marks > 1 ? r->marks[r->n_marks - 2] : 0;
  if (from > r->n) from = r->n;
  if (from <= below) return r->n_marks--, (void)underflow(vm, r), BROKEN;
  Value target = r->stack[from - 1];
  if (type_of(target) != want) return ELSEWHERE;
  if (code == 'u' && (r->n - from) % 2) return (void)broken(vm, "odd number of items for SETITEMS"), BROKEN;
  r->n_marks--;
  Value *keep = rt_temp(vm, 1);
  bool ok = keep != NULL;
  if (ok) *keep = target;
  if (code == 'e') for (size_t i = from; ok && i < r->n; i++) ok = list_append(vm, v_list(target), r->stack[i]);
  else ok = ok && (code == 'u' ? add_pairs(vm, r, target, from) : add_members(vm, r, target, from));
  if (r->n > from) r->n = from;
  return ok && rt_charge(vm, 1) ? DONE : BROKEN;
}

static int append_one(VM *vm, PickleReader *r) {
  if (!need(vm, r, 2)) return BROKEN;
  Value target = r->stack[r->n - 2];
  if (type_of(target) != &list_type) return ELSEWHERE;
  if (!list_append(vm, v_list(target), r->stack[r->n - 1])) return BROKEN;
  r->n--;
  return DONE;
}
static int set_one(VM *vm, PickleReader *r) {
  if (!need(vm, r, 3)) return BROKEN;
  Value target = r->stack[r->n - 3], key = r->stack[r->n - 2], value = r->stack[r->n - 1];
  if (type_of(target) != &dict_type) return ELSEWHERE;
  Value *keep = rt_temp(vm, 3);
  if (!keep) return BROKEN;
  keep[0] = target, keep[1] = key, keep[2] = value;
  r->n -= 2;
  return dict_set(vm, v_dict(target), key, value) ? DONE : BROKEN;
}

/* The n items on top become a tuple; or the items behind the mark what code says. */
static bool small_tuple(VM *vm, PickleReader *r, Value self, size_t n) { return need(vm, r, n) && make_tuple(vm, r, self, r->n - n); }
static bool from_mark(VM *vm, PickleReader *r, Value self, uint8_t code) {
  size_t from;
  if (!take_mark(vm, r, &from)) return false;
  if (code == 't') return make_tuple(vm, r, self, from);
  if (code == 'l') return make_list(vm, r, self, from);
  if (code == '1') return r->n = from, true;
  if (code == 'd' && (r->n - from) % 2) return (void)broken(vm, "odd number of items for DICT"), false;
  Value *keep = rt_temp(vm, 1);
  Value made = code == 'd' ? v_from_obj_or_fail(dict_new(vm)) : v_from_obj_or_fail(set_new(vm, &frozenset_type));
  if (!keep || v_failed(made)) return false;
  *keep = made;
  if (!(code == 'd' ? add_pairs(vm, r, made, from) : add_members(vm, r, made, from))) return false;
  if (r->n > from) r->n = from;
  return push(vm, r, self, made);
}

/* ---- instances of plain classes */

/* NEWOBJ where cls.__new__ is object's, without arguments. */
static int new_plain(VM *vm, PickleReader *r, Value self) {
  if (!need(vm, r, 2)) return BROKEN;
  Value cls = r->stack[r->n - 2], args = r->stack[r->n - 1];
  ClassCall how;
  if (!is_type(cls) || !v_is_exact(args, &tuple_type) || v_tuple(args)->length) return ELSEWHERE;
  const Type *t = (const Type *)v_obj(cls);
  if (!type_is_heap(t) || t->layout != LAY_OBJECT || t->head.type != &type_type) return ELSEWHERE;
  if (!class_call(vm, t, &how)) return BROKEN;
  if (!how.plain) return ELSEWHERE;
  Instance *made = instance_new(vm, t);
  if (!made) return BROKEN;
  r->n -= 2;
  return push(vm, r, self, v_from_obj(made)) ? DONE : BROKEN;
}

/* BUILD of a dict of names into an instance whose class has no say in it. */
static int build_plain(VM *vm, PickleReader *r) {
  if (!need(vm, r, 2)) return BROKEN;
  Value obj = r->stack[r->n - 2], state = r->stack[r->n - 1], key, value;
  const Type *t = type_of(obj);
  Str *setstate = str_intern(vm, "__setstate__", 12), *getattr = NAME(vm, __getattr__), *getattribute = NAME(vm, __getattribute__);
  if (!setstate || !getattr || !getattribute) return BROKEN;
  if (!type_is_heap(t) || t->layout != LAY_OBJECT || !(t->flags & TYPE_HAS_ATTRS) || !v_is_exact(state, &dict_type)) return ELSEWHERE;
  if (!v_absent(rt_type_lookup(vm, t, setstate)) || !v_absent(rt_type_lookup(vm, t, getattr)) || !v_absent(attr_override(vm, t, getattribute))) return ELSEWHERE;
  if (!v_absent(instance_get(vm, v_obj(obj), setstate)) || type_of(rt_type_lookup(vm, t, NAME(vm, __dict__))) != &getset_descr_type) return ELSEWHERE;
  for (size_t pos = 0; dict_next(v_dict(state), &pos, &key, &value);)
    if (!v_is_exact(key, &str_type)) return ELSEWHERE;
  for (size_t pos = 0; dict_next(v_dict(state), &pos, &key, &value);) {
    Str *name = str_intern_str(vm, v_str(key));
    if (!name || !instance_set(vm, v_obj(obj), name, value)) return BROKEN;
  }
  r->n--;
  return DONE;
}

static Value real(VM *vm, const uint8_t *p) {
  uint64_t bits = 0;
  double d;
  for (int i = 0; i < 8; i++) bits = bits << 8 | p[i];
  memcpy(&d, &bits, 8);
  return float_new(vm, d);
}

/* How many bytes follow an instruction, or hold the length of what follows (has_data). -1: none that is known here. */
static int operand(uint8_t code, bool *has_data) {
  *has_data = false;
  switch (code) {
  case 'K': case 'h': case 'q': case 0x80: return 1;
  case 'M': return 2;
  case 'J': case 'j': case 'r': return 4;
  case 'G': case 0x95: return 8;
  case 'C': case 0x8C: case 0x8A: return *has_data = true, 1;
  case 'B': case 'X': case 0x8B: return *has_data = true, 4;
  case 0x8D: case 0x8E: return *has_data = true, 8;
  case '(': case '.': case '0': case '1': case '2': case 'N': case 0x88: case 0x89: case ')': case ']': case '}': case 'a': case 'e': case 's': case 'u': case 't': case 'l': case 'd':
  case 0x85: case 0x86: case 0x87: case 0x8F: case 0x90: case 0x91: case 0x94: case 0x81: case 'b': return 0;
  default: return -1;
  }
}

static int data_value(VM *vm, PickleReader *r, Value self, uint8_t code, const uint8_t *p, size_t n) {
  if (code == 'C' || code == 'B' || code == 0x8E) return push(vm, r, self, v_from_bytes(bytes_new(vm, p, n))) ? DONE : BROKEN;
  if (code == 0x8A || code == 0x8B) return push(vm, r, self, n ? int_from_bytes(vm, p, n, true, true) : v_from_int62(0)) ? DONE : BROKEN;
  const char *text = (const char *)p;
  if (!utf8_is_ascii(text, n) && utf8_check(text, n, true, NULL, NULL) != n) return ELSEWHERE; /* that knows the message */
  return push(vm, r, self, v_from_str(str_new(vm, text, n))) ? DONE : BROKEN;
}

/* One instruction with its operand at p. */
static int step(VM *vm, PickleReader *r, Value self, uint8_t code, const uint8_t *p) {
  size_t from;
  switch (code) {
  case 0x80:
    if (*p > 5) return rt_raise_i(vm, &exc_ValueError, "unsupported pickle protocol: %d", *p);
    return r->proto = *p, DONE;
  case '(':
    if (!mem_grow(&vm->mem, (void **)&r->marks, &r->cap_marks, r->n_marks + 1, sizeof *r->marks)) return rt_no_memory(vm), BROKEN;
    return r->marks[r->n_marks++] = r->n, DONE;
  case '0':
    if (r->n_marks && r->n == fence(r)) return take_mark(vm, r, &from) ? DONE : BROKEN;
    return need(vm, r, 1) ? (r->n--, DONE) : BROKEN;
  case '2': return need(vm, r, 1) && push(vm, r, self, r->stack[r->n - 1]) ? DONE : BROKEN;
  case 'N': return push(vm, r, self, V_NONE) ? DONE : BROKEN;
  case 0x88: case 0x89: return push(vm, r, self, tiny_bool(code == 0x88)) ? DONE : BROKEN;
  case 'K': return push(vm, r, self, v_from_int62(*p)) ? DONE : BROKEN;
  case 'M': return push(vm, r, self, v_from_int62((int64_t)number(p, 2))) ? DONE : BROKEN;
  case 'J': return push(vm, r, self, v_from_int62((int32_t)number(p, 4))) ? DONE : BROKEN;
  case 'G': return push(vm, r, self, real(vm, p)) ? DONE : BROKEN;
  case ')': return push(vm, r, self, v_from_obj_or_fail(tuple_new(vm, NULL, 0))) ? DONE : BROKEN;
  case ']': return push(vm, r, self, v_from_obj_or_fail(list_new(vm, NULL, 0))) ? DONE : BROKEN;
  case '}': return push(vm, r, self, v_from_obj_or_fail(dict_new(vm))) ? DONE : BROKEN;
  case 0x8F: return push(vm, r, self, v_from_obj_or_fail(set_new(vm, &set_type))) ? DONE : BROKEN;
  case 'a': return append_one(vm, r);
  case 's': return set_one(vm, r);
  case 'e': case 'u': case 0x90: return fill(vm, r, code);
  case 't': case 'l': case 'd': case '1': case 0x91: return from_mark(vm, r, self, code) ? DONE : BROKEN;
  case 0x85: case 0x86: case 0x87: return small_tuple(vm, r, self, code - 0x84u) ? DONE : BROKEN;
  case 0x81: return new_plain(vm, r, self);
  case 'b': return build_plain(vm, r);
  case 'h': return memo_get(vm, r, self, *p) ? DONE : BROKEN;
  case 'j': return memo_get(vm, r, self, (int64_t)number(p, 4)) ? DONE : BROKEN;
  case 'q': return put_top(vm, r, self, *p) ? DONE : BROKEN;
  case 'r': return put_top(vm, r, self, (int64_t)number(p, 4)) ? DONE : BROKEN;
  default: return put_top(vm, r, self, r->count) ? DONE : BROKEN; /* MEMOIZE */
  }
}

/* Runs to an instruction that is for the language (its number; it has been read), to STOP, or to where more input is needed: minus the number of bytes that
   are missing, nothing of the instruction is read then. */
static Value m_run(VM *vm, Args *a) {
  PickleReader *r = self_of(vm, a);
  for (;;) {
    size_t have = left(r), n = 0;
    if (have == 0) return v_from_int62(-1);
    const uint8_t *p = here(r);
    uint8_t code = *p++;
    bool has_data;
    int size = operand(code, &has_data);
    if (size < 0 || code == '.') return r->at++, v_from_int62(code);
    if (have < (size_t)size + 1) return v_from_int62((int64_t)have - size - 1);
    if (has_data || code == 0x95) {
      uint64_t length = number(p, size);
      if (code == 0x8B && length > INT32_MAX) return broken(vm, "LONG pickle has negative byte count");
      if (length > TEXT_MAX) {
        if (code == 0x95) return rt_raise(vm, &exc_OverflowError, "FRAME length exceeds system's maximum of 9223372036854775807 bytes");
        return rt_raise(vm, &exc_OverflowError, "%s exceeds system's maximum size of 9223372036854775807 bytes", code == 0x8D ? "BINUNICODE" : "BINBYTES");
      }
      if (have - (size_t)size - 1 < length) return v_from_int62(-(int64_t)(length - (have - (size_t)size - 1)));
      n = (size_t)length;
    }
    r->at += (size_t)size + 1 + (has_data ? n : 0);
    int done = has_data ? data_value(vm, r, a->v[0], code, p + size, n) : code == 0x95 ? DONE : step(vm, r, a->v[0], code, p);
    if (done == BROKEN || !rt_charge(vm, 1)) return V_FAIL;
    if (done == ELSEWHERE) {
      r->at = (size_t)(p - v_bytes(r->input)->data);
      return v_from_int62(code);
    }
  }
}

/* ---- what pickle.tiny does by itself */

static Value m_begin(VM *vm, Args *a) {
  PickleReader *r = self_of(vm, a);
  (void)vm;
  r->n = r->n_marks = 0;
  return V_NONE;
}
/* More input. */
static Value m_feed(VM *vm, Args *a) {
  PickleReader *r = self_of(vm, a);
  Value more = a->v[1];
  View v;
  if (!bytes_need_view(vm, more, &v)) return V_FAIL;
  size_t have = left(r);
  if (have || type_of(more) != &bytes_type) {
    Bytes *all = bytes_room(vm, have + v.size);
    if (!all) return V_FAIL;
    if (have) memcpy(all->data, here(r), have);
    if (v.size) memcpy(all->data + have, v.data, v.size);
    more = v_from_obj(all);
  }
  r->at = 0;
  tiny_store(vm, a->v[0], &r->input, more);
  return V_NONE;
}
/* n bytes, or None when there are not so many. */
static Value m_take(VM *vm, Args *a) {
  PickleReader *r = self_of(vm, a);
  int64_t n = tiny_arg_int(a, 1);
  if (n < 0 || (uint64_t)n > left(r)) return V_NONE;
  Value v = v_from_bytes(bytes_new(vm, n ? here(r) : (const uint8_t *)"", (size_t)n));
  if (!v_failed(v)) r->at += (size_t)n;
  return v;
}
static Value m_take_line(VM *vm, Args *a) {
  PickleReader *r = self_of(vm, a);
  size_t n = left(r);
  const uint8_t *from = n ? here(r) : NULL, *end = n ? memchr(from, '\n', n) : NULL;
  if (!end) return V_NONE;
  Value v = v_from_bytes(bytes_new(vm, from, (size_t)(end - from)));
  if (!v_failed(v)) r->at += (size_t)(end - from) + 1;
  return v;
}
static Value m_left(VM *vm, Args *a) { return tiny_int(vm, (int64_t)left(self_of(vm, a))); }
static Value m_push(VM *vm, Args *a) { return push(vm, self_of(vm, a), a->v[0], a->v[1]) ? V_NONE : V_FAIL; }
static Value m_pop(VM *vm, Args *a) {
  PickleReader *r = self_of(vm, a);
  return need(vm, r, 1) ? r->stack[--r->n] : V_FAIL;
}
static Value m_top(VM *vm, Args *a) {
  PickleReader *r = self_of(vm, a);
  return need(vm, r, 1) ? r->stack[r->n - 1] : V_FAIL;
}
static Value m_pop_mark(VM *vm, Args *a) {
  PickleReader *r = self_of(vm, a);
  size_t from;
  Value l = take_mark(vm, r, &from) ? v_from_obj_or_fail(list_new(vm, r->stack + from, r->n - from)) : V_FAIL;
  if (!v_failed(l)) r->n = from;
  return l;
}
static Value m_get(VM *vm, Args *a) { return memo_get(vm, self_of(vm, a), a->v[0], tiny_arg_int(a, 1)) ? V_NONE : V_FAIL; }
static Value m_put(VM *vm, Args *a) { return put_top(vm, self_of(vm, a), a->v[0], tiny_arg_int(a, 1)) ? V_NONE : V_FAIL; }
static Value m_memo_put(VM *vm, Args *a) { return memo_put(vm, self_of(vm, a), a->v[0], tiny_arg_int(a, 1), a->v[2]) ? V_NONE : V_FAIL; }
static Value m_memo_clear(VM *vm, Args *a) {
  PickleReader *r = self_of(vm, a);
  (void)vm;
  r->n_memo = 0;
  r->count = 0;
  return V_NONE;
}
static Value m_memo_items(VM *vm, Args *a) { /* dict */
  PickleReader *r = self_of(vm, a);
  Dict *d = dict_new(vm);
  for (size_t i = 0; d && i < r->n_memo; i++)
    if (!v_absent(r->memo[i]) && !dict_set(vm, d, v_from_int62((int64_t)i), r->memo[i])) d = NULL;
  return v_from_obj_or_fail(d);
}
static Value g_proto(VM *vm, Args *a) { return tiny_int(vm, self_of(vm, a)->proto); }

static const tiny_def methods[] = {
  {"_begin", m_begin, "(self, /)", NULL}, {"_run", m_run, "(self, /)", NULL}, {"_feed", m_feed, "(self, data, /)", NULL}, {"_take", m_take, "(self, n: int, /)", NULL},
  {"_take_line", m_take_line, "(self, /)", NULL}, {"_left", m_left, "(self, /)", NULL}, {"push", m_push, "(self, value, /)", NULL}, {"pop", m_pop, "(self, /)", NULL},
  {"top", m_top, "(self, /)", NULL}, {"pop_mark", m_pop_mark, "(self, /)", NULL}, {"from_memo", m_get, "(self, n: int, /)", NULL}, {"put", m_put, "(self, n: int, /)", NULL},
  {"_memo_put", m_memo_put, "(self, n: int, value, /)", NULL}, {"clear_memo", m_memo_clear, "(self, /)", NULL}, {"_memo_copy", m_memo_items, "(self, /)", NULL},
  {"@proto", g_proto, "(self)", NULL},
  {0}};
const tiny_class pickle_reader_class = {.name = "_pickle.Unpickler", .data_size = sizeof(PickleReader), .methods = methods, .trace = reader_trace, .destroy = reader_destroy};

static bool init(VM *vm, Value module) {
  return tiny_setattr(vm, module, "PickleReader", tiny_class_of(vm, &pickle_reader_class)) && tiny_setattr(vm, module, "PickleWriter", tiny_class_of(vm, &pickle_writer_class));
}
extern const tiny_module _pickle_module;
const tiny_module _pickle_module = {.name = "_pickle", .init = init};
