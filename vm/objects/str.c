/* str: how text is stored. Making strings, sharing the short ones, code point indexing, concatenation, hash, order.
 *
 * Three places of text: right behind the struct (nearly all strings); a StrBuffer that several strings share as prefixes (results of repeated
 * `s += x`); a block of its own in counted memory (large results that were built in a Buf, and shared ones that a host wants NUL-terminated). */
#include "vm/objects/str_build.h"

/* Text that can grow at its end while every string in it stays as it is: they are all prefixes. The block never moves; a full
   buffer is left to the strings that use it and the longer string begins a new one of twice the size: linear in total. */
typedef struct StrBuffer {
  Obj head;
  char *data;
  size_t len, cap;
} StrBuffer;

static void str_buffer_destroy(VM *vm, Obj *o) {
  StrBuffer *b = (StrBuffer *)o;
  mem_free(&vm->mem, b->data, b->cap);
}

extern const Type str_buffer_type;
const Type str_buffer_type = {
  .head = {.type = &type_type, .flags = OBJ_STATIC, .shape = TYPE_ID_type}, .name = "str_buffer", .base = &object_type, .layout = LAY_OTHER,
  .flags = TYPE_NO_NEW, .shape_id = TYPE_ID_str_buffer, .size = sizeof(StrBuffer), .destroy = str_buffer_destroy,
};

static Str *too_long(VM *vm) {
  (void)rt_no_memory(vm);
  return NULL;
}

Value str_too_long(VM *vm) { return rt_no_memory(vm); }

/* ---- making strings ---- */

Str *str_alloc(VM *vm, size_t size, size_t length) {
  if (size > TEXT_MAX - sizeof(Str)) return too_long(vm);
  Str *s = gc_new_leaf(vm, &str_type, sizeof(Str) + size + 1);
  if (!s) return NULL;
  s->data = s->text;
  s->size = size;
  s->length = length;
  s->hash = 0;
  s->extra = NULL;
  s->text[size] = 0;
  return s;
}

Str *str_empty(VM *vm) {
  if (UNLIKELY(!vm->empty_str)) vm->empty_str = str_alloc(vm, 0, 0);
  return vm->empty_str;
}

Str *str_ascii_char(VM *vm, unsigned char c) {
  Str *s = vm->ascii_chars[c];
  if (LIKELY(s != NULL)) return s;
  s = str_alloc(vm, 1, 1);
  if (!s) return NULL;
  s->text[0] = (char)c;
  vm->ascii_chars[c] = s;
  return s;
}

Str *str_counted(VM *vm, const char *utf8, size_t size, size_t length) {
  if (size <= 1) return size == 0 ? str_empty(vm) : str_ascii_char(vm, (unsigned char)*utf8);
  Str *s = str_alloc(vm, size, length);
  if (s) memcpy(s->text, utf8, size);
  return s;
}

Str *str_new(VM *vm, const char *utf8, size_t size) { return str_counted(vm, utf8, size, utf8_count(utf8, size)); }
Str *str_from(VM *vm, const char *cstr) { return str_new(vm, cstr, strlen(cstr)); }
Str *str_piece(VM *vm, const char *p, const char *end, bool ascii) {
  size_t n = (size_t)(end - p);
  return str_counted(vm, p, n, ascii ? n : utf8_count(p, n));
}

Str *str_from_cp(VM *vm, uint32_t cp) {
  if (cp < 128) return str_ascii_char(vm, (unsigned char)cp);
  char text[4];
  return str_counted(vm, text, (size_t)utf8_encode(cp, text), 1);
}

/* ---- strings that own memory besides their cell ---- */

/* The collector frees cells of strings without looking at them; who owns more stands in a list. */
static bool list_owner(VM *vm, Str *s) {
  if (s->head.small & STR_LISTED) return true;
  if (!mem_grow(&vm->mem, (void **)&vm->str_owners, &vm->cap_str_owners, vm->n_str_owners + 1, sizeof *vm->str_owners)) return false;
  vm->str_owners[vm->n_str_owners++] = s;
  s->head.small |= STR_LISTED;
  return true;
}

static void free_owned(VM *vm, Str *s) {
  StrExtra *x = s->extra;
  mem_free(&vm->mem, x->own, x->own_size);
  mem_free(&vm->mem, x->offsets, x->n_offsets * sizeof(size_t));
  if (!(s->head.small & STR_OWN_EXTRA)) mem_free(&vm->mem, x, sizeof *x);
}

static void sweep_owners(VM *vm, bool (*is_marked)(const VM *vm, const Obj *o)) {
  size_t kept = 0;
  for (size_t i = 0; i < vm->n_str_owners; i++) {
    Str *s = vm->str_owners[i];
    if (is_marked && is_marked(vm, &s->head)) vm->str_owners[kept++] = s;
    else free_owned(vm, s);
  }
  vm->n_str_owners = kept;
}

/* A string whose struct is followed by a StrExtra instead of text. */
static Str *alloc_with_extra(VM *vm, size_t size, size_t length, unsigned flags) {
  Str *s = gc_new(vm, &str_type, sizeof(Str) + sizeof(StrExtra));
  if (!s) return NULL;
  s->extra = (StrExtra *)(void *)s->text;
  s->size = size;
  s->length = length;
  s->head.small = (uint16_t)(STR_OWN_EXTRA | flags);
  return s;
}

Str *str_from_buf(VM *vm, Buf *b) {
  enum { ADOPT = 1 << 16 }; /* larger text is handed over instead of copied */
  Str *s = NULL;
  if (b->failed) {
    (void)rt_no_memory(vm);
  } else if (b->len < ADOPT) {
    s = str_new(vm, b->data ? b->data : "", b->len);
  } else {
    buf_char(b, '\0');
    char *exact = b->failed ? NULL : mem_realloc(b->mem, b->data, b->cap, b->len);
    if (exact) {
      b->data = exact;
      b->cap = b->len;
      s = alloc_with_extra(vm, b->len - 1, utf8_count(exact, b->len - 1), 0);
      if (s && !list_owner(vm, s)) s = too_long(vm);
      if (s) {
        s->data = s->extra->own = exact;
        s->extra->own_size = b->len;
        buf_init(b, b->mem);
      }
    } else {
      (void)rt_no_memory(vm);
    }
  }
  buf_free(b);
  return s;
}

Str *str_exact(VM *vm, Str *s) {
  if (s->head.type == &str_type) return s;
  return str_counted(vm, s->data, s->size, s->length);
}

/* ---- code point index ---- */

static StrExtra *extra_of(VM *vm, Str *s) {
  if (!s->extra) {
    StrExtra *x = mem_zalloc(&vm->mem, sizeof *x);
    if (x && !list_owner(vm, s)) {
      mem_free(&vm->mem, x, sizeof *x);
      x = NULL;
    }
    s->extra = x;
  }
  return s->extra;
}

/* False: no memory; the caller walks. */
static bool make_offsets(VM *vm, Str *s, StrExtra *x) {
  size_t n = s->length / STR_INDEX_STEP + 1, bytes;
  if (!mem_mul(n, sizeof(size_t), &bytes) || !list_owner(vm, s)) return false;
  size_t *offsets = mem_alloc(&vm->mem, bytes);
  if (!offsets) return false;
  const char *p = s->data, *end = s->data + s->size;
  for (size_t i = 0, cp = 0; p < end; cp++) {
    if (cp % STR_INDEX_STEP == 0) offsets[i++] = (size_t)(p - s->data);
    p += utf8_len((unsigned char)*p);
  }
  if (s->length % STR_INDEX_STEP == 0) offsets[n - 1] = s->size;
  x->offsets = offsets;
  x->n_offsets = n;
  return true;
}

static const char *walk(const char *p, size_t steps) {
  while (steps--) p += utf8_len((unsigned char)*p);
  return p;
}
static const char *walk_back(const char *p, size_t steps) {
  while (steps--) do p--; while (((unsigned char)*p & 0xC0) == 0x80);
  return p;
}

static size_t offset_in_long(VM *vm, Str *s, size_t index) {
  StrExtra *x = extra_of(vm, s);
  if (!x) return (size_t)(walk(s->data, index) - s->data);
  const char *p;
  if (index >= x->last_index && index - x->last_index < STR_INDEX_STEP / 2) {
    p = walk(s->data + x->last_offset, index - x->last_index);
  } else if (index < x->last_index && x->last_index - index < STR_INDEX_STEP / 2) {
    p = walk_back(s->data + x->last_offset, x->last_index - index);
  } else if (x->offsets || make_offsets(vm, s, x)) {
    p = walk(s->data + x->offsets[index / STR_INDEX_STEP], index % STR_INDEX_STEP);
  } else {
    p = walk(s->data, index);
  }
  x->last_index = index;
  x->last_offset = (size_t)(p - s->data);
  return x->last_offset;
}

size_t str_offset(VM *vm, Str *s, size_t index) {
  if (LIKELY(str_is_ascii(s))) return index;
  if (index <= STR_INDEX_STEP / 2) return (size_t)(walk(s->data, index) - s->data);
  if (s->length - index <= STR_INDEX_STEP / 2) return (size_t)(walk_back(s->data + s->size, s->length - index) - s->data);
  return offset_in_long(vm, s, index);
}

/* Number of the last row of the index that is not behind offset. */
static size_t offsets_row(const StrExtra *x, size_t offset) {
  size_t lo = 0, hi = x->n_offsets;
  while (hi - lo > 1) {
    size_t mid = lo + (hi - lo) / 2;
    if (x->offsets[mid] <= offset) lo = mid;
    else hi = mid;
  }
  return lo;
}

size_t str_index(VM *vm, Str *s, size_t offset) {
  if (LIKELY(str_is_ascii(s))) return offset;
  if (offset <= STR_INDEX_STEP) return utf8_count(s->data, offset);
  StrExtra *x = extra_of(vm, s);
  if (!x) return utf8_count(s->data, offset);
  size_t index;
  if (offset >= x->last_offset && offset - x->last_offset < STR_INDEX_STEP) {
    index = x->last_index + utf8_count(s->data + x->last_offset, offset - x->last_offset);
  } else if (x->offsets || make_offsets(vm, s, x)) {
    size_t row = offsets_row(x, offset);
    index = row * STR_INDEX_STEP + utf8_count(s->data + x->offsets[row], offset - x->offsets[row]);
  } else {
    index = utf8_count(s->data, offset);
  }
  x->last_index = index;
  x->last_offset = offset;
  return index;
}

uint32_t str_cp_at(VM *vm, Str *s, size_t index) {
  const char *next;
  if (LIKELY(str_is_ascii(s))) return (unsigned char)s->data[index];
  return utf8_decode(s->data + str_offset(vm, s, index), &next);
}

Str *str_at(VM *vm, Str *s, size_t index) {
  if (LIKELY(str_is_ascii(s))) return str_ascii_char(vm, (unsigned char)s->data[index]);
  const char *p = s->data + str_offset(vm, s, index);
  return str_counted(vm, p, (size_t)utf8_len((unsigned char)*p), 1);
}

/* A long slice near the ends of a string without an index: walking there costs no more than the copy, the index would be made for nothing
   (a text eaten piece by piece, s = s[k:], is a new string each time). */
static bool near_ends(const Str *s, size_t start, size_t end) {
  size_t before = start < s->length - start ? start : s->length - start, after = s->length - end;
  return before + after <= (end - start) / 8 && !(s->extra && s->extra->offsets);
}

Str *str_substr(VM *vm, Str *s, size_t start, size_t end) {
  if (start >= end) return str_empty(vm);
  if (end - start == s->length && s->head.type == &str_type) return s;
  if (str_is_ascii(s)) return str_counted(vm, s->data + start, end - start, end - start);
  if (near_ends(s, start, end)) {
    const char *limit = s->data + s->size, *p = start <= s->length - start ? walk(s->data, start) : walk_back(limit, s->length - start);
    return str_counted(vm, p, (size_t)(walk_back(limit, s->length - end) - p), end - start);
  }
  size_t from = str_offset(vm, s, start), to = str_offset(vm, s, end);
  return str_counted(vm, s->data + from, to - from, end - start);
}

/* ---- concatenation ---- */

/* a + b in a shared buffer: appends in place when a ends where its buffer ends. */
static Str *concat_shared(VM *vm, Str *a, Str *b, size_t size) {
  StrBuffer *buffer = a->head.small & STR_SHARED ? a->extra->buffer : NULL;
  bool in_place = buffer && a->data + a->size == buffer->data + buffer->len && b->size <= buffer->cap - buffer->len;
  Str *s = alloc_with_extra(vm, size, a->length + b->length, STR_SHARED | STR_CONCAT);
  if (!s) return NULL;
  if (!in_place) {
    size_t cap = size < TEXT_MAX / 2 ? size * 2 : size;
    char *data = mem_alloc(&vm->mem, cap);
    if (!data && cap > size) data = mem_alloc(&vm->mem, cap = size); /* near the memory limit */
    if (!data) return too_long(vm);
    buffer = gc_new(vm, &str_buffer_type, sizeof(StrBuffer));
    if (!buffer) {
      mem_free(&vm->mem, data, cap);
      return NULL;
    }
    memcpy(data, a->data, a->size);
    buffer->data = data;
    buffer->cap = cap;
    buffer->len = a->size;
  }
  memcpy(buffer->data + buffer->len, b->data, b->size);
  buffer->len += b->size;
  s->data = buffer->data;
  gc_store_obj(vm, s, &s->extra->buffer, buffer);
  return s;
}

Str *str_concat(VM *vm, Str *a, Str *b) {
  enum { BUFFER_FROM = 256 };
  if (b->size == 0 && a->head.type == &str_type) return a;
  if (a->size == 0 && b->head.type == &str_type) return b;
  if (a->size > TEXT_MAX - b->size) return too_long(vm);
  size_t size = a->size + b->size;
  if (size >= BUFFER_FROM && (a->head.small & STR_CONCAT) && b->size <= a->size) return concat_shared(vm, a, b, size);
  if (!charge_bytes(vm, size)) return NULL;
  Str *s = str_alloc(vm, size, a->length + b->length);
  if (!s) return NULL;
  memcpy(s->text, a->data, a->size);
  memcpy(s->text + a->size, b->data, b->size);
  s->head.small = STR_CONCAT;
  return s;
}

/* Hosts want a NUL: the text of a shared string is copied into a block of its own, for good. */
const char *str_cstr(VM *vm, Str *s) {
  if (!(s->head.small & STR_SHARED)) return s->data;
  char *own = list_owner(vm, s) ? mem_alloc(&vm->mem, s->size + 1) : NULL;
  if (!own) {
    (void)rt_no_memory(vm);
    return NULL;
  }
  memcpy(own, s->data, s->size);
  own[s->size] = '\0';
  s->extra->own = own;
  s->extra->own_size = s->size + 1;
  s->extra->buffer = NULL;
  s->head.small = (uint16_t)(s->head.small & ~(unsigned)STR_SHARED);
  s->data = own;
  return own;
}

/* ---- comparison and hash ---- */

bool str_equal(const Str *a, const Str *b) {
  if (a == b) return true;
  if (a->size != b->size) return false;
  unsigned both = a->head.small & b->head.small;
  if (both & STR_INTERNED) return false;
  if ((both & STR_HASHED) && a->hash != b->hash) return false;
  return memcmp(a->data, b->data, a->size) == 0;
}

/* UTF-8 (surrogates in their 3-byte form included) sorts by bytes as by code points. */
int str_order(const Str *a, const Str *b) {
  size_t n = a->size < b->size ? a->size : b->size;
  int c = memcmp(a->data, b->data, n);
  if (c) return c < 0 ? -1 : 1;
  return a->size == b->size ? 0 : a->size < b->size ? -1 : 1;
}

int64_t str_hash(VM *vm, Str *s) {
  if (s->head.small & STR_HASHED) return s->hash;
  int64_t h = s->size ? (int64_t)siphash13(vm->hash_key, s->data, s->size) : 0;
  s->hash = h == -1 ? -2 : h;
  s->head.small |= STR_HASHED;
  return s->hash;
}

bool str_eq_c(const Str *s, const char *cstr) { return strlen(cstr) == s->size && memcmp(s->data, cstr, s->size) == 0; }

/* ---- interning ---- */

/* Open addressing with linear probing; the strings are held weakly. DEAD marks a slot whose string went. */
typedef struct InternTable {
  Str **slots;
  size_t cap;   /* power of two */
  size_t taken; /* live and dead */
  size_t live;
  Str **young;  /* those that a minor collection may free: the others it does not look at */
  size_t n_young, cap_young;
  bool incomplete; /* young: there was no memory for all of them */
} InternTable;
#define DEAD ((Str *)(uintptr_t)1)

static size_t *intern_find(InternTable *t, const char *utf8, size_t size, int64_t hash, size_t *at) {
  for (size_t i = (size_t)hash & (t->cap - 1);; i = (i + 1) & (t->cap - 1)) {
    Str *s = t->slots[i];
    *at = i;
    if (!s) return NULL;
    if (s != DEAD && s->hash == hash && s->size == size && memcmp(s->data, utf8, size) == 0) return at;
  }
}

static bool intern_room(VM *vm, InternTable *t) {
  if (t->taken + 1 <= t->cap - t->cap / 4 && t->cap) return true;
  size_t cap = 256;
  while (cap < t->live * 2 + 2) cap *= 2;
  Str **slots = mem_zalloc(&vm->mem, cap * sizeof(Str *));
  if (!slots) {
    (void)rt_no_memory(vm);
    return false;
  }
  for (size_t i = 0; i < t->cap; i++) {
    Str *s = t->slots[i];
    if (!s || s == DEAD) continue;
    size_t at = (size_t)s->hash & (cap - 1);
    while (slots[at]) at = (at + 1) & (cap - 1);
    slots[at] = s;
  }
  mem_free(&vm->mem, t->slots, t->cap * sizeof(Str *));
  t->slots = slots;
  t->cap = cap;
  t->taken = t->live;
  return true;
}

static InternTable *intern_table(VM *vm) {
  if (!vm->interned) {
    vm->interned = mem_zalloc(&vm->mem, sizeof(InternTable));
    if (!vm->interned) (void)rt_no_memory(vm);
  }
  return vm->interned;
}

static void intern_note_young(VM *vm, InternTable *t, Str *s) {
  if (mem_grow(&vm->mem, (void **)&t->young, &t->cap_young, t->n_young + 1, sizeof(Str *))) t->young[t->n_young++] = s;
  else t->incomplete = true;
}

static Str *intern_put(VM *vm, InternTable *t, Str *s, size_t at) {
  if (!gc_is_old(vm, &s->head)) intern_note_young(vm, t, s);
  t->slots[at] = s;
  t->taken++;
  t->live++;
  s->head.small |= STR_INTERNED;
  return s;
}

Str *str_intern_str(VM *vm, Str *s) {
  if (s->head.small & STR_INTERNED) return s;
  InternTable *t = intern_table(vm);
  if (!t || !intern_room(vm, t)) return NULL;
  size_t at;
  if (intern_find(t, s->data, s->size, str_hash(vm, s), &at)) return t->slots[at];
  Str *exact = str_exact(vm, s);
  if (!exact) return NULL;
  (void)str_hash(vm, exact);
  return intern_put(vm, t, exact, at);
}

Str *str_intern(VM *vm, const char *utf8, size_t size) {
  InternTable *t = intern_table(vm);
  if (!t || !intern_room(vm, t)) return NULL;
  int64_t hash = size ? (int64_t)siphash13(vm->hash_key, utf8, size) : 0;
  if (hash == -1) hash = -2;
  size_t at;
  if (intern_find(t, utf8, size, hash, &at)) return t->slots[at];
  Str *s = str_new(vm, utf8, size);
  if (!s) return NULL;
  (void)str_hash(vm, s);
  return intern_put(vm, t, s, at);
}

static void intern_drop(InternTable *t, size_t i) {
  t->slots[i] = DEAD;
  t->live--;
}

static void sweep_young(VM *vm, InternTable *t) {
  size_t kept = 0;
  for (size_t k = 0; k < t->n_young; k++) {
    Str *s = t->young[k];
    if (gc_is_old(vm, &s->head)) continue;
    if (gc_is_marked(vm, &s->head)) {
      t->young[kept++] = s;
      continue;
    }
    size_t i = (size_t)s->hash & (t->cap - 1);
    while (t->slots[i] != s) i = (i + 1) & (t->cap - 1);
    intern_drop(t, i);
  }
  t->n_young = kept;
}

/* A full collection may also make an old string young again. */
static void sweep_all(VM *vm, InternTable *t) {
  t->n_young = 0;
  t->incomplete = false;
  for (size_t i = 0; i < t->cap; i++) {
    Str *s = t->slots[i];
    if (!s || s == DEAD || gc_is_old(vm, &s->head)) continue;
    if (gc_is_marked(vm, &s->head)) intern_note_young(vm, t, s);
    else intern_drop(t, i);
  }
}

void str_sweep(VM *vm, bool full) {
  sweep_owners(vm, gc_is_marked);
  InternTable *t = vm->interned;
  if (!t) return;
  if (full || t->incomplete) sweep_all(vm, t);
  else sweep_young(vm, t);
}

size_t str_sweep_cost(const VM *vm) { return vm->n_str_owners; }

void str_free(VM *vm) {
  sweep_owners(vm, NULL);
  mem_free(&vm->mem, vm->str_owners, vm->cap_str_owners * sizeof *vm->str_owners);
  InternTable *t = vm->interned;
  if (!t) return;
  mem_free(&vm->mem, t->slots, t->cap * sizeof(Str *));
  mem_free(&vm->mem, t->young, t->cap_young * sizeof(Str *));
  mem_free(&vm->mem, t, sizeof *t);
  vm->interned = NULL;
}

/* ---- the names of vm/names.h ---- */

static const char *const name_text[NAME_COUNT] = {
#define X(n) #n,
  VM_NAMES(X)
#undef X
};

Str *rt_name(VM *vm, NameId id) {
  Str *s = vm->names[id];
  if (LIKELY(s != NULL)) return s;
  s = str_intern(vm, name_text[id], strlen(name_text[id]));
  vm->names[id] = s;
  return s;
}
