/* Module _pickle, first half: what pickle.Pickler derives from. PickleWriter walks over values of the builtin types and writes their instructions; whatever else it meets
 * (instances, classes, functions; bytes and text that go to the file directly) is for the methods of pickle.tiny, which go on with it afterwards. What is to be done
 * stands on a stack of its own, so depth costs no C stack; script code runs only between two calls of m_run, and may do anything: all is looked at again. */
#include <math.h>
#include <string.h>
#include "stdlib/builtins_int.h"
#include "vm/objects/str_build.h"

enum { BATCH = 1000, FRAME_LEAST = 4, FRAME_TARGET = 64 * 1024, FRAME_HEAD = 9 };

typedef enum { BASE /* the bottom of a save() */, SAVE, EMIT, MEMOIZE, ITEMS, PAIRS, MEMBERS, TUPLE, FROZEN } Kind;
typedef struct Work {
  Kind kind;
  bool asked;        /* SAVE: persistent_id() has seen it */
  bool half, open;   /* PAIRS: the value is next; ITEMS, PAIRS, MEMBERS: a batch is open */
  Value v, next;     /* v: what it is about, EMIT too; next: the value of a pair */
  size_t at, size;   /* place in v, its size at the beginning. BASE: where the run goes on, the run outside of it. EMIT: the byte */
  uint32_t batch;
} Work;

typedef struct PickleWriter {
  Buf out;
  size_t frame;                  /* where the open frame begins in out */
  Work *work;
  size_t n_work, cap_work, run;  /* run: of its BASE */
  size_t look_at;                /* the length of the stack at which it is time to look for what does not end */
  Value *memo;                   /* by number */
  size_t n_memo, cap_memo;
  uint32_t *table;               /* number + 1 by address, open addressing; 0: free */
  size_t table_size;             /* a power of two */
  const Type *plain;             /* the class of the last plain instance since m_run began: nothing can have changed it */
  Value dispatch;                /* copyreg.dispatch_table where plain instances are for C, else none */
  Value item;                    /* what the language has to save or to be asked about */
  uint8_t proto;
  bool fast, ask, framing, ready;
} PickleWriter;

extern const tiny_class pickle_writer_class;

static void writer_trace(tiny_tracer *t, void *data) {
  const PickleWriter *w = data;
  if (!w->ready) return;
  for (size_t i = 0; i < w->n_work; i++) tiny_trace(t, w->work[i].v), tiny_trace(t, w->work[i].next);
  for (size_t i = 0; i < w->n_memo; i++) tiny_trace(t, w->memo[i]);
  tiny_trace(t, w->item);
  tiny_trace(t, w->dispatch);
}
static void writer_destroy(VM *vm, void *data) {
  PickleWriter *w = data;
  if (!w->ready) return;
  buf_free(&w->out);
  mem_free(&vm->mem, w->work, w->cap_work * sizeof *w->work);
  mem_free(&vm->mem, w->memo, w->cap_memo * sizeof *w->memo);
  mem_free(&vm->mem, w->table, w->table_size * sizeof *w->table);
}

static PickleWriter *self_of(VM *vm, Args *a) {
  PickleWriter *w = tiny_data(vm, a->v[0], &pickle_writer_class);
  if (!w->ready) {
    buf_init(&w->out, &vm->mem);
    w->item = w->dispatch = V_NONE;
    w->ready = true;
  }
  return w;
}

/* ---- output */

static void put(PickleWriter *w, uint8_t code) { buf_char(&w->out, (char)code); }
/* An instruction with a number of n bytes, least first. */
static void put_number(PickleWriter *w, uint8_t code, uint64_t number, int n) {
  char text[9] = {(char)code};
  for (int i = 0; i < n; i++) text[1 + i] = (char)(number >> 8 * i);
  buf_add(&w->out, text, (size_t)n + 1);
}

static bool end_frame(PickleWriter *w) {
  size_t n = w->out.len - w->frame;
  if (w->framing && n >= FRAME_LEAST && !w->out.failed && buf_reserve(&w->out, FRAME_HEAD)) {
    char *from = w->out.data + w->frame;
    memmove(from + FRAME_HEAD, from, n);
    *from = (char)0x95;
    for (int i = 0; i < 8; i++) from[1 + i] = (char)((uint64_t)n >> 8 * i);
    w->out.len += FRAME_HEAD;
  }
  w->frame = w->out.len;
  return !w->out.failed;
}

/* ---- the memo */

static size_t slot_of(const PickleWriter *w, Value v) {
  size_t i = (size_t)((v.w >> 4) * 0x9E3779B97F4A7C15u >> 20) & (w->table_size - 1);
  while (w->table[i] && !v_same(w->memo[w->table[i] - 1], v)) i = (i + 1) & (w->table_size - 1);
  return i;
}
static bool known(const PickleWriter *w, Value v, size_t *number) {
  if (!w->n_memo) return false;
  size_t i = slot_of(w, v);
  if (w->table[i]) *number = w->table[i] - 1;
  return w->table[i] != 0;
}
static bool grow_table(VM *vm, PickleWriter *w) {
  if ((w->n_memo + 1) * 2 <= w->table_size) return true;
  size_t size = w->table_size ? w->table_size * 2 : 32;
  uint32_t *table = w->n_memo < UINT32_MAX / 4 ? mem_zalloc(&vm->mem, size * sizeof *table) : NULL;
  if (!table) return rt_no_memory(vm), false;
  mem_free(&vm->mem, w->table, w->table_size * sizeof *w->table);
  w->table = table;
  w->table_size = size;
  for (size_t i = 0; i < w->n_memo; i++) {
    size_t at = slot_of(w, w->memo[i]);
    if (!table[at]) table[at] = (uint32_t)i + 1;
  }
  return true;
}
static bool remember(VM *vm, PickleWriter *w, Value self, Value v) {
  if (!grow_table(vm, w) || !mem_grow(&vm->mem, (void **)&w->memo, &w->cap_memo, w->n_memo + 1, sizeof *w->memo)) return rt_pending(vm) ? false : (rt_no_memory(vm), false);
  w->memo[w->n_memo] = V_NONE;
  tiny_store(vm, self, &w->memo[w->n_memo], v);
  w->n_memo++;
  w->table[slot_of(w, v)] = (uint32_t)w->n_memo;
  return true;
}

static void put_text_number(PickleWriter *w, char code, size_t number) { buf_printf(&w->out, "%c%zu\n", code, number); }
static bool memoize(VM *vm, PickleWriter *w, Value self, Value v) {
  if (w->fast) return true;
  size_t n = w->n_memo;
  if (!remember(vm, w, self, v)) return false;
  if (w->proto >= 4) put(w, 0x94);
  else if (w->proto == 0) put_text_number(w, 'p', n);
  else put_number(w, n < 256 ? 'q' : 'r', n, n < 256 ? 1 : 4);
  return true;
}
static void put_get(PickleWriter *w, size_t n) {
  if (w->proto == 0) put_text_number(w, 'g', n);
  else put_number(w, n < 256 ? 'h' : 'j', n, n < 256 ? 1 : 4);
}

/* ---- the stack */

static Work *push(VM *vm, PickleWriter *w, Value self, Kind kind, Value v) {
  if (!mem_grow(&vm->mem, (void **)&w->work, &w->cap_work, w->n_work + 1, sizeof *w->work)) return rt_no_memory(vm), NULL;
  Work *to = &w->work[w->n_work];
  *to = (Work){.kind = kind, .v = V_NONE, .next = V_NONE};
  tiny_store(vm, self, &to->v, v);
  w->n_work++;
  return to;
}
static bool push_emit(VM *vm, PickleWriter *w, Value self, uint8_t code, Value v) {
  Work *to = push(vm, w, self, EMIT, v);
  if (to) to->at = code;
  return to != NULL;
}

/* Without a memo what contains itself would never end. Looked at when the stack has doubled: by then v, which is part of it, stands there too. */
static bool endless(VM *vm, PickleWriter *w, Value v) {
  if (!w->fast || w->n_work < w->look_at) return false;
  w->look_at = w->n_work * 2;
  for (size_t i = 0; i < w->n_work; i++) {
    if (w->work[i].kind > SAVE && v_same(w->work[i].v, v)) return !rt_raise_b(vm, &exc_ValueError, "fast mode: can't pickle cyclic objects including object type %T at %p", v, (void *)v_obj(v));
  }
  return false;
}

/* ---- values. FOREIGN: not written here. */

enum { FAILED = -1, SAVED, FOREIGN };

static int save_int(VM *vm, PickleWriter *w, Value v) {
  int64_t i;
  if (int_to_i64(v, &i) && i >= INT32_MIN && i <= INT32_MAX) {
    if (w->proto == 0) buf_printf(&w->out, "I%lld\n", (long long)i);
    else if (i >= 0 && i <= 0xFF) put_number(w, 'K', (uint64_t)i, 1);
    else if (i >= 0 && i <= 0xFFFF) put_number(w, 'M', (uint64_t)i, 2);
    else put_number(w, 'J', (uint64_t)i, 4);
    return SAVED;
  }
  if (w->proto < 2) {
    Value text = int_to_str(vm, v, 10);
    if (v_failed(text)) return FAILED;
    put(w, 'L');
    buf_add(&w->out, v_str(text)->data, v_str(text)->size);
    buf_add(&w->out, "L\n", 2);
    return SAVED;
  }
  size_t n = int_bit_length(v) / 8 + 1; /* with room for the sign */
  if (!buf_reserve(&w->out, n + 5)) return SAVED; /* failed: seen at the end */
  unsigned char *to = (unsigned char *)w->out.data + w->out.len + 5;
  if (int_to_bytes(v, to, n, true, true) != 0) return FAILED;
  if (n > 1 && to[n - 1] == 0xFF && to[n - 2] & 0x80) n--; /* -128 fits one byte */
  if (n < 256) put_number(w, 0x8A, n, 1);
  else put_number(w, 0x8B, n, 4);
  memmove(w->out.data + w->out.len, to, n);
  w->out.len += n;
  return SAVED;
}

static int save_float(VM *vm, PickleWriter *w, Value v) {
  double d = v_float_value(v);
  if (w->proto == 0) {
    Value text = rt_repr(vm, v);
    if (v_failed(text)) return FAILED;
    put(w, 'F');
    buf_add(&w->out, v_str(text)->data, v_str(text)->size);
    put(w, '\n');
    return SAVED;
  }
  uint64_t bits;
  memcpy(&bits, &d, 8);
  char text[9] = {'G'};
  for (int i = 0; i < 8; i++) text[1 + i] = (char)(bits >> (56 - 8 * i));
  buf_add(&w->out, text, 9);
  return SAVED;
}

static int save_bool(PickleWriter *w, bool on) {
  if (w->proto >= 2) put(w, on ? 0x88 : 0x89);
  else buf_str(&w->out, on ? "I01\n" : "I00\n");
  return SAVED;
}

/* bytes and str. code: with a length of four bytes; short_code: of one, 0: there is none. */
static int save_data(VM *vm, PickleWriter *w, Value self, Value v, const void *data, size_t n, uint8_t code, uint8_t short_code) {
  if (n >= FRAME_TARGET) return FOREIGN;
  if (n < 256 && short_code) put_number(w, short_code, n, 1);
  else put_number(w, code, n, 4);
  buf_add(&w->out, data, n);
  return memoize(vm, w, self, v) ? SAVED : FAILED;
}

static int save_list(VM *vm, PickleWriter *w, Value self, Value v) {
  if (w->proto) put(w, ']');
  else buf_str(&w->out, "(l");
  if (!memoize(vm, w, self, v)) return FAILED;
  size_t n = v_list(v)->length;
  if (n == 1 && w->proto) return push_emit(vm, w, self, 'a', v) && push(vm, w, self, SAVE, v_list(v)->items[0]) ? SAVED : FAILED;
  return n == 0 || push(vm, w, self, ITEMS, v) ? SAVED : FAILED;
}

static int save_dict(VM *vm, PickleWriter *w, Value self, Value v) {
  if (w->proto) put(w, '}');
  else buf_str(&w->out, "(d");
  if (!memoize(vm, w, self, v)) return FAILED;
  size_t pos = 0;
  Value key, value;
  if (v_dict(v)->used == 1 && w->proto && dict_next(v_dict(v), &pos, &key, &value))
    return push_emit(vm, w, self, 's', v) && push(vm, w, self, SAVE, value) && push(vm, w, self, SAVE, key) ? SAVED : FAILED;
  Work *to = v_dict(v)->used ? push(vm, w, self, PAIRS, v) : NULL;
  if (to) to->size = v_dict(v)->used;
  return to || !v_dict(v)->used ? SAVED : FAILED;
}

static int save_tuple(VM *vm, PickleWriter *w, Value self, Value v) {
  size_t n = v_tuple(v)->length;
  if (n == 0) {
    if (w->proto) put(w, ')');
    else buf_str(&w->out, "(t");
    return SAVED;
  }
  if (n > 3 || w->proto < 2) put(w, '(');
  return push(vm, w, self, TUPLE, v) ? SAVED : FAILED;
}

static int save_set(VM *vm, PickleWriter *w, Value self, Value v, bool frozen) {
  if (w->proto < 4) return FOREIGN;
  put(w, frozen ? '(' : 0x8F);
  if (!frozen && !memoize(vm, w, self, v)) return FAILED;
  size_t n = ((Set *)v_obj(v))->used;
  if (!frozen && n == 0) return SAVED;
  Work *to = push(vm, w, self, frozen ? FROZEN : MEMBERS, v);
  if (to) to->size = n;
  return to ? SAVED : FAILED;
}

/* ---- plain instances: what object.__reduce_ex__ would say of them */

static bool same_as_object(VM *vm, const Type *t, NameId id) {
  Str *name = rt_name(vm, id);
  return name && v_same(rt_type_lookup(vm, t, name), rt_type_lookup(vm, &object_type, name));
}
static bool has_attr(VM *vm, const Type *t, const char *name) {
  Str *key = str_intern(vm, name, strlen(name));
  return !key || !v_absent(rt_type_lookup(vm, t, key));
}
/* A class that changes nothing about how its instances are taken apart, without slots. Not [script]. */
static bool is_plain(VM *vm, const PickleWriter *w, const Type *t) {
  if (!type_is_heap(t) || t->layout != LAY_OBJECT || t->head.type != &type_type || type_class(t)->n_members || v_is_none(w->dispatch)) return false;
  if (!same_as_object(vm, t, NAME___reduce_ex__) || !same_as_object(vm, t, NAME___reduce__) || !same_as_object(vm, t, NAME___getstate__) ||
      !same_as_object(vm, t, NAME___class__) || !same_as_object(vm, t, NAME___getattribute__) || !same_as_object(vm, t, NAME___new__))
    return false;
  if (has_attr(vm, t, "__getnewargs__") || has_attr(vm, t, "__getnewargs_ex__") || has_attr(vm, t, "__getattr__") || rt_pending(vm)) return false;
  return v_absent(dict_get(vm, v_dict(w->dispatch), v_from_obj((Obj *)(uintptr_t)t)));
}

/* The attributes: V_NONE if there are none. */
static Value state_of(VM *vm, Obj *o) {
  size_t pos = 0;
  Str *name;
  Value v;
  const Shape *shape = shape_of(vm, o);
  if (!shape) return V_NONE;
  if (shape->dict_mode) {
    Dict *d = instance_dict(vm, o);
    return !d ? V_FAIL : d->used ? v_from_obj(d) : V_NONE;
  }
  Dict *d = NULL;
  while (instance_next(vm, o, &pos, &name, &v)) {
    if ((!d && !(d = dict_new(vm))) || !dict_set_str(vm, d, name, v)) return V_FAIL;
  }
  return d ? v_from_obj(d) : V_NONE;
}

static int save_instance(VM *vm, PickleWriter *w, Value self, Value v) {
  const Type *t = type_of(v);
  if (endless(vm, w, v)) return FAILED;
  if (w->plain != t && !is_plain(vm, w, t)) return rt_pending(vm) ? FAILED : FOREIGN;
  Obj *o = v_obj(v);
  if (!v_absent(instance_get(vm, o, NAME(vm, __reduce_ex__))) || !v_absent(instance_get(vm, o, NAME(vm, __getstate__)))) return FOREIGN;
  w->plain = t;
  Value state = state_of(vm, o);
  if (v_failed(state)) return FAILED;
  if (!v_is_none(state) && (!push_emit(vm, w, self, 'b', V_NONE) || !push(vm, w, self, SAVE, state))) return FAILED;
  if (!push(vm, w, self, MEMOIZE, v) || !push_emit(vm, w, self, 0x81, V_NONE) || !push_emit(vm, w, self, ')', V_NONE)) return FAILED;
  return push(vm, w, self, SAVE, v_from_obj((Obj *)(uintptr_t)t)) ? SAVED : FAILED;
}

static int save(VM *vm, PickleWriter *w, Value self, Value v) {
  size_t number;
  if (w->framing && w->out.len - w->frame >= FRAME_TARGET) (void)end_frame(w);
  if (v_is_int(v)) return save_int(vm, w, v);
  if (v_is_none(v)) return put(w, 'N'), SAVED;
  if (v_same(v, V_TRUE) || v_same(v, V_FALSE)) return save_bool(w, v_same(v, V_TRUE));
  const Type *t = type_of(v);
  if (t == &float_type) return save_float(vm, w, v);
  if (t == &int_type) return save_int(vm, w, v);
  if (known(w, v, &number)) return put_get(w, number), SAVED;
  if (t == &str_type) return w->proto ? save_data(vm, w, self, v, v_str(v)->data, v_str(v)->size, 'X', w->proto >= 4 ? 0x8C : 0) : FOREIGN;
  if (t == &bytes_type) return w->proto >= 3 ? save_data(vm, w, self, v, v_bytes(v)->data, v_bytes(v)->size, 'B', 'C') : FOREIGN;
  if (endless(vm, w, v)) return FAILED;
  if (t == &list_type) return save_list(vm, w, self, v);
  if (t == &dict_type) return save_dict(vm, w, self, v);
  if (t == &tuple_type) return save_tuple(vm, w, self, v);
  if (t == &set_type || t == &frozenset_type) return save_set(vm, w, self, v, t == &frozenset_type);
  return v_is_none(w->dispatch) || !type_is_heap(t) ? FOREIGN : save_instance(vm, w, self, v);
}

/* ---- the walk */

static void end_tuple(PickleWriter *w, size_t n) {
  if (w->proto >= 2 && n <= 3) put(w, (uint8_t)(0x85 + n - 1));
  else put(w, 't');
}
/* It was memoized while its items were saved: it contains itself. */
static void drop_again(PickleWriter *w, size_t n, bool marked, size_t number) {
  if (marked && w->proto) put(w, '1');
  else for (size_t i = 0; i < n + marked; i++) put(w, '0');
  put_get(w, number);
}

/* The next value of what is on top of the stack. 1: *out. 0: there is none, it was taken from the stack. */
static int next_item(VM *vm, PickleWriter *w, Value self, Value *out) {
  Work *top = &w->work[w->n_work - 1];
  size_t number, n;
  int64_t hash;
  switch (top->kind) {
  case ITEMS: {
    const List *l = v_list(top->v);
    if (w->proto == 0 && top->at) put(w, 'a');
    if (w->proto && !top->open) put(w, '('), top->open = true, top->batch = 0;
    if (top->at < l->length && (w->proto == 0 || top->batch < BATCH)) {
      top->batch++;
      return *out = l->items[top->at++], 1;
    }
    if (w->proto) put(w, 'e');
    top->open = false;
    if (top->at < l->length) return next_item(vm, w, self, out); /* once: a new batch has room */
    break;
  }
  case PAIRS:
    if (top->half) return top->half = false, *out = top->next, 1;
    for (;;) {
      if (w->proto == 0 && top->open) put(w, 's');
      if (w->proto && !top->open) put(w, '('), top->batch = 0;
      Value value;
      if ((w->proto == 0 || top->batch < BATCH) && dict_next(v_dict(top->v), &top->at, out, &value)) {
        tiny_store(vm, self, &top->next, value);
        top->half = top->open = true;
        top->batch++;
        return 1;
      }
      if (w->proto) put(w, 'u');
      top->open = false;
      if (v_dict(top->v)->used != top->size) return rt_raise_i(vm, &exc_RuntimeError, "dictionary changed size during iteration");
      if (w->proto == 0 || top->batch < BATCH) break;
    }
    break;
  case MEMBERS:
    for (;;) {
      if (!top->open) put(w, '('), top->open = true, top->batch = 0;
      if (top->batch < BATCH && set_next((Set *)v_obj(top->v), &top->at, out, &hash)) return top->batch++, 1;
      put(w, 0x90);
      top->open = false;
      if (((Set *)v_obj(top->v))->used != top->size) return rt_raise_i(vm, &exc_RuntimeError, "set changed size during iteration");
      if (top->batch < BATCH) break;
    }
    break;
  case FROZEN:
    if (set_next((Set *)v_obj(top->v), &top->at, out, &hash)) return 1;
    if (known(w, top->v, &number)) drop_again(w, 0, true, number);
    else {
      put(w, 0x91);
      if (!memoize(vm, w, self, top->v)) return -1;
    }
    break;
  case TUPLE:
    n = v_tuple(top->v)->length;
    if (top->at < n) return *out = v_tuple(top->v)->items[top->at++], 1;
    if (known(w, top->v, &number)) drop_again(w, n, n > 3 || w->proto < 2, number);
    else {
      end_tuple(w, n);
      if (!memoize(vm, w, self, top->v)) return -1;
    }
    break;
  case EMIT: put(w, (uint8_t)top->at); break;
  case MEMOIZE:
    if (known(w, top->v, &number)) put(w, '0'), put_get(w, number);
    else if (!memoize(vm, w, self, top->v)) return -1;
    break;
  default: break;
  }
  w->n_work--;
  return 0;
}

/* Goes on with the save() whose BASE is number `base`: 0 it is done; 1 `item` is to be saved by the language, 2 it may have a persistent id. */
static Value m_run(VM *vm, Args *a) {
  PickleWriter *w = self_of(vm, a);
  Value self = a->v[0], v;
  size_t base = (size_t)v_int(a->v[1]);
  if (!v_is_int(a->v[1]) || base >= w->n_work || w->work[base].kind != BASE || w->work[base].at > w->n_work)
    return rt_raise(vm, &exc_RuntimeError, "the pickler was used again while it was saving");
  w->n_work = w->work[base].at; /* what was given up by an exception is gone */
  w->run = base;
  w->plain = NULL;
  for (;;) {
    Work *top = &w->work[w->n_work - 1];
    bool asked = false;
    if (top->kind == BASE) {
      w->run = top->size;
      w->n_work--;
      return w->out.failed ? rt_no_memory(vm) : v_from_int62(0);
    }
    if (top->kind == SAVE) {
      v = top->v;
      asked = top->asked;
      w->n_work--;
    } else {
      int more = next_item(vm, w, self, &v);
      if (more < 0 || !rt_charge(vm, 1)) return V_FAIL;
      if (!more) continue;
    }
    int r = w->ask && !asked ? FOREIGN : save(vm, w, self, v);
    if (w->out.failed && !rt_pending(vm)) return rt_no_memory(vm);
    if (r == FAILED) return V_FAIL;
    if (r == SAVED) continue;
    tiny_store(vm, self, &w->item, v);
    w->work[base].at = w->n_work;
    return v_from_int62(w->ask && !asked ? 2 : 1);
  }
}

/* Begins a save(): the number of its BASE. */
static Value m_enter(VM *vm, Args *a) {
  PickleWriter *w = self_of(vm, a);
  size_t base = w->n_work, outer = w->run;
  Work *bottom = push(vm, w, a->v[0], BASE, V_NONE);
  if (!bottom) return V_FAIL;
  bottom->size = outer;
  Work *to = push(vm, w, a->v[0], SAVE, a->v[1]);
  if (!to) return V_FAIL;
  to->asked = v_same(a->v[2], V_TRUE);
  w->work[base].at = w->n_work;
  return v_from_int62((int64_t)base);
}

/* What the run goes on with, pushed by the language between two calls of m_run: the stack above the run is no longer needed. */
static Work *resume_point(PickleWriter *w) {
  if (w->run >= w->n_work || w->work[w->run].kind != BASE || w->work[w->run].at > w->n_work) return NULL;
  Work *bottom = &w->work[w->run];
  w->n_work = bottom->at;
  return bottom;
}
static Value resume_later(PickleWriter *w, bool ok) {
  if (ok) w->work[w->run].at = w->n_work;
  return ok ? V_NONE : V_FAIL;
}
static Value m_accept(VM *vm, Args *a) { /* no persistent id */
  PickleWriter *w = self_of(vm, a);
  Work *to = resume_point(w) ? push(vm, w, a->v[0], SAVE, w->item) : NULL;
  if (to) to->asked = true;
  else if (!rt_pending(vm)) return rt_raise(vm, &exc_RuntimeError, "nothing is being saved");
  return resume_later(w, to != NULL);
}
/* (obj, callable, args, state, code): saves callable and args, then code; memoizes obj; state and BUILD unless it is None. */
static Value m_plan(VM *vm, Args *a) {
  PickleWriter *w = self_of(vm, a);
  Value self = a->v[0], state = a->v[4];
  if (!resume_point(w)) return rt_raise(vm, &exc_RuntimeError, "nothing is being saved");
  bool ok = true;
  if (!v_is_none(state)) ok = ok && push_emit(vm, w, self, 'b', V_NONE) && push(vm, w, self, SAVE, state);
  ok = ok && push(vm, w, self, MEMOIZE, a->v[1]) && push_emit(vm, w, self, (uint8_t)tiny_arg_int(a, 5), V_NONE);
  return resume_later(w, ok && push(vm, w, self, SAVE, a->v[3]) && push(vm, w, self, SAVE, a->v[2]));
}

/* ---- what pickle.tiny does by itself */

static Value m_begin(VM *vm, Args *a) {
  PickleWriter *w = self_of(vm, a);
  w->proto = (uint8_t)tiny_arg_int(a, 1);
  w->ask = tiny_arg_bool(a, 2);
  tiny_store(vm, a->v[0], &w->dispatch, w->proto >= 2 && !w->ask && v_is_exact(a->v[3], &dict_type) ? a->v[3] : V_NONE);
  w->out.len = w->frame = w->n_work = w->run = 0;
  w->look_at = 64;
  w->out.failed = false;
  if (w->proto >= 2) put_number(w, 0x80, w->proto, 1);
  w->frame = w->out.len;
  w->framing = w->proto >= 4;
  return V_NONE;
}
static Value m_write(VM *vm, Args *a) {
  PickleWriter *w = self_of(vm, a);
  View v;
  if (!bytes_need_view(vm, a->v[1], &v)) return V_FAIL;
  buf_add(&w->out, v.data, v.size);
  return w->out.failed ? rt_no_memory(vm) : V_NONE;
}
static Value m_unframed(VM *vm, Args *a) { /* write() outside of frames */
  PickleWriter *w = self_of(vm, a);
  if (!end_frame(w) || v_failed(m_write(vm, a))) return rt_pending(vm) ? V_FAIL : rt_no_memory(vm);
  w->frame = w->out.len;
  return V_NONE;
}
/* All that was written since the last time, as bytes. */
static Value m_taken(VM *vm, Args *a) {
  PickleWriter *w = self_of(vm, a);
  if (!end_frame(w)) return rt_no_memory(vm);
  Value v = v_from_bytes(bytes_new(vm, w->out.data ? w->out.data : "", w->out.len));
  w->out.len = w->frame = 0;
  return v;
}
static Value m_memoize(VM *vm, Args *a) { return memoize(vm, self_of(vm, a), a->v[0], a->v[1]) ? V_NONE : V_FAIL; }
static Value m_write_known(VM *vm, Args *a) { /* before: what is written first */
  PickleWriter *w = self_of(vm, a);
  size_t number;
  if (!known(w, a->v[1], &number)) return V_FALSE;
  View before = {NULL, 0};
  if (!v_absent(a->v[2]) && !bytes_need_view(vm, a->v[2], &before)) return V_FAIL;
  buf_add(&w->out, before.data, before.size);
  put_get(w, number);
  return V_TRUE;
}
static Value m_clear_memo(VM *vm, Args *a) {
  PickleWriter *w = self_of(vm, a);
  (void)vm;
  w->n_memo = 0;
  if (w->table) memset(w->table, 0, w->table_size * sizeof *w->table);
  return V_NONE;
}
static Value m_memoized(VM *vm, Args *a) { /* the objects by number */
  PickleWriter *w = self_of(vm, a);
  return v_from_obj_or_fail(list_new(vm, w->memo, w->n_memo));
}
static Value m_remember(VM *vm, Args *a) { return remember(vm, self_of(vm, a), a->v[0], a->v[1]) ? V_NONE : V_FAIL; }
static Value g_item(VM *vm, Args *a) { return self_of(vm, a)->item; }
static Value g_fast(VM *vm, Args *a) { return v_from_int62(self_of(vm, a)->fast); }
static Value s_fast(VM *vm, Args *a) {
  int on = rt_truth(vm, a->v[1]);
  if (on >= 0) self_of(vm, a)->fast = on;
  return on < 0 ? V_FAIL : V_NONE;
}

static const tiny_def methods[] = {
  {"_begin", m_begin, "(self, proto: int, ask: bool, dispatch, /)", NULL}, {"_enter", m_enter, "(self, obj, asked, /)", NULL}, {"_run", m_run, "(self, base, /)", NULL},
  {"_accept", m_accept, "(self, /)", NULL}, {"_plan", m_plan, "(self, obj, callable, args, state, code: int, /)", NULL},
  {"write", m_write, "(self, data, /)", NULL}, {"_unframed", m_unframed, "(self, data, /)", NULL}, {"_taken", m_taken, "(self, /)", NULL}, {"memoize", m_memoize, "(self, obj, /)", NULL},
  {"_write_known", m_write_known, "(self, obj, before=..., /)", NULL}, {"clear_memo", m_clear_memo, "(self, /)", "Clears the pickler's \"memo\"."},
  {"_memoized", m_memoized, "(self, /)", NULL}, {"_remember", m_remember, "(self, obj, /)", NULL}, {"@_item", g_item, "(self)", NULL},
  {"@fast", g_fast, "(self)", NULL}, {"=fast", s_fast, "(self, on)", NULL},
  {0}};
const tiny_class pickle_writer_class = {.name = "_pickle.Pickler", .data_size = sizeof(PickleWriter), .methods = methods, .trace = writer_trace, .destroy = writer_destroy};
