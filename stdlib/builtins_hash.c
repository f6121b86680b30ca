/* Module _hashlib: hash objects over the functions of hash.h. hashlib.tiny gives them their names. */
#include <string.h>
#include "stdlib/hash.h"
#include "stdlib/stdlib.h"
#include "vm/objects/bytes_int.h"

typedef struct Hash {
  const HashKind *kind; /* NULL: BLAKE2 */
  bool big;             /* BLAKE2b */
  uint8_t digest;
  HashState h;
} Hash;
extern const tiny_class hash_class;

static size_t block_of(const Hash *x) { return x->kind ? x->kind->block : x->big ? 128 : 64; }
static Hash *self_of(VM *vm, Args *a) { return tiny_data(vm, a->v[0], &hash_class); }

static void update(Hash *x, const uint8_t *p, size_t n) {
  HashState *h = &x->h;
  size_t size = block_of(x);
  if (x->kind) h->length += n;
  while (n) {
    if (!x->kind && h->held == size) { /* BLAKE2 treats the last block in its own way: a full one waits until more comes */
      blake2_mix(h, x->big, h->block, size, false);
      h->held = 0;
    }
    size_t take = n < size - h->held ? n : size - h->held;
    if (x->kind && take == size) x->kind->mix(x->kind, h, p);
    else {
      memcpy(h->block + h->held, p, take);
      h->held += take;
      if (x->kind && h->held == size) x->kind->mix(x->kind, h, h->block), h->held = 0;
    }
    p += take;
    n -= take;
  }
}

static bool feed(VM *vm, Hash *x, Value data) {
  View v;
  if (is_str(data)) return rt_raise_b(vm, &exc_TypeError, "Strings must be encoded before hashing");
  if (!bytes_view(data, &v)) return rt_raise_b(vm, &exc_TypeError, "object supporting the buffer API required");
  if (!rt_charge(vm, v.size >> 5)) return false;
  update(x, v.data, v.size);
  return true;
}

static Value digest_of(VM *vm, const Hash *x, size_t n) {
  Hash copy = *x;
  Bytes *b = bytes_alloc(vm, n);
  if (!b || !rt_charge(vm, n >> 5)) return V_FAIL;
  if (copy.kind) copy.kind->finish(copy.kind, &copy.h, b->data, n);
  else {
    size_t word = copy.big ? 8 : 4;
    memset(copy.h.block + copy.h.held, 0, block_of(x) - copy.h.held);
    blake2_mix(&copy.h, copy.big, copy.h.block, copy.h.held, true);
    for (size_t i = 0; i < n; i++) b->data[i] = (uint8_t)(copy.h.s.q[i / word] >> (8 * (i % word)));
  }
  return v_from_bytes(b);
}

static Value h_update(VM *vm, Args *a) { return feed(vm, self_of(vm, a), a->v[1]) ? V_NONE : V_FAIL; }
static Value h_digest(VM *vm, Args *a) {
  Hash *x = self_of(vm, a);
  int64_t n = x->digest;
  if (n == 0) {
    if (v_absent(a->v[1])) return rt_raise(vm, &exc_TypeError, "digest() missing required argument 'length' (pos 1)");
    if (!str_size_arg(vm, a->v[1], &n)) return V_FAIL;
    if (n < 0 || n >= 1 << 29) return rt_raise(vm, &exc_ValueError, "value must be positive");
  } else if (!v_absent(a->v[1])) return rt_raise(vm, &exc_TypeError, "HASH.digest() takes no arguments (1 given)");
  return digest_of(vm, x, (size_t)n);
}
static Value h_hexdigest(VM *vm, Args *a) {
  Value d = h_digest(vm, a);
  return v_failed(d) ? d : bytes_hex(vm, self_view(d), V_ABSENT, v_from_int62(1));
}
static Value h_copy(VM *vm, Args *a) {
  void *data;
  Value v = tiny_instance(vm, &hash_class, &data);
  if (!v_failed(v)) *(Hash *)data = *self_of(vm, a);
  return v;
}
static Value h_name(VM *vm, Args *a) {
  Hash *x = self_of(vm, a);
  return v_from_str(str_from(vm, x->kind ? x->kind->name : x->big ? "blake2b" : "blake2s"));
}
static Value h_digest_size(VM *vm, Args *a) { return v_from_int62(self_of(vm, a)->digest); }
static Value h_block_size(VM *vm, Args *a) { return v_from_int62((int64_t)block_of(self_of(vm, a))); }
static Value h_repr(VM *vm, Args *a) {
  Hash *x = self_of(vm, a);
  return rt_format(vm, "<%s _hashlib.HASH object @ 0x%llx>", x->kind ? x->kind->name : x->big ? "blake2b" : "blake2s", (unsigned long long)(uintptr_t)v_obj(a->v[0]));
}

static const tiny_def methods[] = {
  {"update", h_update, "(self, obj, /)", "Update this hash object's state with the provided string."},
  {"digest", h_digest, "(self, length=...)", "Return the digest value as a bytes object."},
  {"hexdigest", h_hexdigest, "(self, length=...)", "Return the digest value as a string of hexadecimal digits."},
  {"copy", h_copy, "(self, /)", "Return a copy of the hash object."},
  {"__repr__", h_repr, "(self, /)", NULL},
  {"@name", h_name, "(self)", NULL},
  {"@digest_size", h_digest_size, "(self)", NULL},
  {"@block_size", h_block_size, "(self)", NULL},
  {0},
};
const tiny_class hash_class = {.name = "_hashlib.HASH", .data_size = sizeof(Hash), .methods = methods, .flags = TINY_CLASS_NO_NEW | TINY_CLASS_FINAL, .doc = "A hash is an object used to calculate a checksum of a string of information."};

static Value h_new(VM *vm, Args *a) {
  const char *name = v_str(a->v[0])->data;
  const HashKind *kind = NULL;
  for (const HashKind *k = hash_kinds; k->name; k++)
    if (!strcmp(k->name, name)) kind = k;
  for (const HashKind *k = hash_kinds_sha3; k->name; k++)
    if (!strcmp(k->name, name)) kind = k;
  if (!kind) return V_NONE;
  void *data;
  Value v = tiny_instance(vm, &hash_class, &data);
  if (v_failed(v)) return v;
  Hash *x = data;
  x->kind = kind;
  x->digest = (uint8_t)kind->digest;
  kind->start(kind, &x->h);
  return v_absent(a->v[1]) || feed(vm, x, a->v[1]) ? v : V_FAIL;
}

static bool bytes_arg(VM *vm, Value v, size_t max, const char *what, uint8_t *out, size_t *n) {
  View w;
  if (!bytes_need_view(vm, v, &w)) return false;
  if (w.size > max) return rt_raise_b(vm, &exc_ValueError, "maximum %s length is %zu bytes", what, max);
  if (w.size) memcpy(out, w.data, w.size);
  *n = w.size;
  return true;
}
static Value h_blake2(VM *vm, Args *a) {
  bool big = tiny_arg_bool(a, 0);
  uint8_t key[128] = {0}, salt[16] = {0}, person[16] = {0};
  size_t n_key, n, word = big ? 8 : 4;
  int64_t digest = tiny_arg_int(a, 2);
  if (digest < 1 || digest > (int64_t)(8 * word)) return rt_raise(vm, &exc_ValueError, "digest_size must be between 1 and %zu bytes", 8 * word);
  if (!bytes_arg(vm, a->v[4], 2 * word, "salt", salt, &n) || !bytes_arg(vm, a->v[5], 2 * word, "person", person, &n) || !bytes_arg(vm, a->v[3], 8 * word, "key", key, &n_key)) return V_FAIL;
  void *data;
  Value v = tiny_instance(vm, &hash_class, &data);
  if (v_failed(v)) return v;
  Hash *x = data;
  x->big = big;
  x->digest = (uint8_t)digest;
  blake2_start(&x->h, big, (size_t)digest, n_key, 1, 1, salt, person);
  if (n_key) update(x, key, block_of(x));
  return v_absent(a->v[1]) || feed(vm, x, a->v[1]) ? v : V_FAIL;
}

/* PBKDF2's inner loop (RFC 8018): U1 xor U2 ... of HMAC states that have taken the padded key. */
static Value h_pbkdf2(VM *vm, Args *a) {
  Hash *inner = tiny_data(vm, a->v[0], &hash_class), *outer = tiny_data(vm, a->v[1], &hash_class);
  View first;
  int64_t turns = tiny_arg_int(a, 3);
  if (!inner || !outer || !inner->kind || !inner->digest || !bytes_need_view(vm, a->v[2], &first)) return tiny_pending(vm) ? V_FAIL : rt_raise(vm, &exc_TypeError, "hash objects expected");
  uint8_t u[HASH_DIGEST_MAX], sum[HASH_DIGEST_MAX];
  size_t n = inner->digest;
  for (int64_t i = 0; i < turns; i++) {
    Hash h = *inner, o = *outer;
    update(&h, i ? u : first.data, i ? n : first.size);
    h.kind->finish(h.kind, &h.h, u, n);
    update(&o, u, n);
    o.kind->finish(o.kind, &o.h, u, n);
    for (size_t k = 0; k < n; k++) sum[k] = i ? sum[k] ^ u[k] : u[k];
    if (!rt_charge(vm, 10)) return V_FAIL;
  }
  return v_from_bytes(bytes_new(vm, sum, n));
}

static bool charge_work(void *vm, size_t work) { return rt_charge(vm, work); }

/* scryptROMix of a block; the caller has checked that there is sense in n and r. */
static Value h_scrypt(VM *vm, Args *a) {
  View block;
  int64_t n = tiny_arg_int(a, 1);
  if (!bytes_need_view(vm, a->v[0], &block)) return V_FAIL;
  size_t r = block.size / 128;
  if (!r || block.size % 128 || n < 2 || (n & (n - 1)) || (uint64_t)n > SIZE_MAX / block.size - 2) return rt_raise(vm, &exc_ValueError, "bad block");
  Bytes *out = bytes_new(vm, block.data, block.size);
  size_t size = ((size_t)n + 2) * block.size;
  uint32_t *memory = out ? tiny_alloc(vm, NULL, 0, size) : NULL;
  if (!memory) return out ? tiny_no_memory(vm) : V_FAIL;
  bool ok = scrypt_mix(out->data, r, (size_t)n, memory, charge_work, vm);
  tiny_alloc(vm, memory, size, 0);
  return ok ? v_from_bytes(out) : V_FAIL;
}

/* Takes as long for equal as for different ones. */
static Value h_compare(VM *vm, Args *a) {
  View x, y;
  if (is_str(a->v[0]) && is_str(a->v[1])) {
    if (!str_is_ascii(v_str(a->v[0])) || !str_is_ascii(v_str(a->v[1]))) return rt_raise(vm, &exc_TypeError, "comparing strings with non-ASCII characters is not supported");
    x = (View){(const uint8_t *)v_str(a->v[0])->data, v_str(a->v[0])->size};
    y = (View){(const uint8_t *)v_str(a->v[1])->data, v_str(a->v[1])->size};
  } else if (!bytes_need_view(vm, a->v[0], &x) || !bytes_need_view(vm, a->v[1], &y)) return V_FAIL;
  uint8_t different = x.size != y.size;
  for (size_t i = 0; i < y.size; i++) different |= (uint8_t)(y.data[i] ^ (x.size == y.size ? x.data[i] : y.data[i]));
  return v_from_bool(!different);
}

static const tiny_def functions[] = {
  {"new", h_new, "(name: str, data=...)", "Hash object by name; None: no such function."},
  {"blake2", h_blake2, "(big: bool, data, digest_size: int, key, salt, person)", NULL},
  {"pbkdf2", h_pbkdf2, "(inner, outer, first, iterations: int)", NULL},
  {"scrypt", h_scrypt, "(block, n: int, /)", NULL},
  {"compare_digest", h_compare, "(a, b, /)", "Return 'a == b'."},
  {0},
};
static bool init(tiny_vm *vm, tiny_val module) { return tiny_setattr(vm, module, "HASH", tiny_class_of(vm, &hash_class)); }
extern const tiny_module _hashlib_module;
const tiny_module _hashlib_module = {.name = "_hashlib", .functions = functions, .init = init, .doc = "Hash functions."};
