/* The core of the random module: the Mersenne Twister MT19937 (M. Matsumoto and T. Nishimura, 1998) as a class, seeded as CPython seeds it so that the
 * same seed gives the same numbers; and the digest (SHA-512, FIPS 180-4) by which text seeds become ints. The rest of the module is random.tiny. */
#include "include/tiny.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define N 624
#define M 397

typedef struct Twister { uint32_t state[N]; int at; } Twister;

static const tiny_class twister_class;

/* ---------------------------------------------------------------- the generator */

static void refill(Twister *t) {
  uint32_t *s = t->state;
  for (int i = 0; i < N; i++) {
    uint32_t y = (s[i] & 0x80000000u) | (s[(i + 1) % N] & 0x7fffffffu);
    s[i] = s[(i + M) % N] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
  }
  t->at = 0;
}

static uint32_t next_word(Twister *t) {
  if (t->at >= N) refill(t);
  uint32_t y = t->state[t->at++];
  y ^= y >> 11;
  y ^= y << 7 & 0x9d2c5680u;
  y ^= y << 15 & 0xefc60000u;
  return y ^ y >> 18;
}

static void seed_word(Twister *t, uint32_t seed) {
  t->state[0] = seed;
  for (uint32_t i = 1; i < N; i++) t->state[i] = 1812433253u * (t->state[i - 1] ^ t->state[i - 1] >> 30) + i;
  t->at = N;
}

/* Little-endian words of the seed; at least one. */
static void seed_words(Twister *t, const unsigned char *bytes, size_t words) {
  uint32_t *s = t->state;
  size_t j = 0;
  int i = 1;
  seed_word(t, 19650218u);
  for (size_t k = words > N ? words : N; k; k--) {
    const unsigned char *b = bytes + 4 * j;
    uint32_t key = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    s[i] = (s[i] ^ (s[i - 1] ^ s[i - 1] >> 30) * 1664525u) + key + (uint32_t)j;
    if (++i >= N) {
      s[0] = s[N - 1];
      i = 1;
    }
    if (++j >= words) j = 0;
  }
  for (int k = N - 1; k; k--) {
    s[i] = (s[i] ^ (s[i - 1] ^ s[i - 1] >> 30) * 1566083941u) - (uint32_t)i;
    if (++i >= N) {
      s[0] = s[N - 1];
      i = 1;
    }
  }
  s[0] = 0x80000000u;
}

/* Unpredictable bytes: the system's, else mixed from clocks and addresses. */
static void entropy(tiny_vm *vm, unsigned char *out, size_t n) {
  FILE *f = fopen("/dev/urandom", "rb");
  size_t got = 0;
  if (f) {
    setvbuf(f, NULL, _IONBF, 0);
    got = fread(out, 1, n, f);
    fclose(f);
  }
  if (got == n) return;
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  uint64_t x = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uint64_t)now.tv_sec ^ (uint64_t)(uintptr_t)vm << 20 ^ (uint64_t)clock();
  for (; got < n; got++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    out[got] = (unsigned char)(x >> 24);
  }
}

/* ---------------------------------------------------------------- the class */

static Twister *self_of(tiny_vm *vm, tiny_args *a) { return tiny_data(vm, tiny_arg(a, 0), &twister_class); }

static tiny_val no_self(tiny_vm *vm) { return tiny_raise(vm, TINY_TYPE_ERROR, "descriptor requires a '_random.Random' object"); }

static tiny_val seed_int(tiny_vm *vm, Twister *t, tiny_val v) {
  int64_t bits;
  int negative = tiny_less(vm, v, tiny_int(vm, 0));
  if (negative < 0) return TINY_FAIL;
  if (negative) v = tiny_binary(vm, TINY_SUB, tiny_int(vm, 0), v);
  if (!tiny_to_int(vm, tiny_call_method(vm, v, "bit_length", 0, NULL), &bits)) return TINY_FAIL;
  size_t words = bits ? (size_t)(bits + 31) / 32 : 1, size;
  tiny_val args[2] = {tiny_int(vm, (int64_t)words * 4), tiny_string(vm, "little")};
  tiny_val bytes = tiny_failed(args[1]) ? TINY_FAIL : tiny_call_method(vm, v, "to_bytes", 2, args);
  const unsigned char *data = tiny_failed(bytes) ? NULL : tiny_to_bytes(vm, bytes, &size);
  if (!data || !tiny_charge(vm, 10 + words / 10)) return TINY_FAIL;
  seed_words(t, data, words);
  return TINY_NONE;
}

static tiny_val random_seed(tiny_vm *vm, tiny_args *a) {
  Twister *t = self_of(vm, a);
  tiny_val v = tiny_arg(a, 1);
  if (!t) return no_self(vm);
  if (tiny_is_none(v)) {
    unsigned char bytes[N * 4];
    entropy(vm, bytes, sizeof bytes);
    seed_words(t, bytes, N);
    return TINY_NONE;
  }
  tiny_kind kind = tiny_kind_of(vm, v);
  if (kind == TINY_T_INT || kind == TINY_T_BOOL) return seed_int(vm, t, v);
  int64_t hash;
  if (!tiny_to_int(vm, tiny_call_method(vm, v, "__hash__", 0, NULL), &hash)) return TINY_FAIL;
  return seed_int(vm, t, tiny_uint(vm, (uint64_t)hash));
}

static tiny_val random_init(tiny_vm *vm, tiny_args *a) {
  return random_seed(vm, a);
}

static tiny_val random_random(tiny_vm *vm, tiny_args *a) {
  Twister *t = self_of(vm, a);
  if (!t) return no_self(vm);
  uint32_t high = next_word(t) >> 5, low = next_word(t) >> 6;
  return tiny_float(vm, (high * 67108864.0 + low) * (1.0 / 9007199254740992.0));
}

static tiny_val int_from_le(tiny_vm *vm, tiny_val bytes) {
  tiny_val args[2] = {bytes, tiny_string(vm, "little")};
  tiny_val type = tiny_getattr(vm, tiny_import(vm, "builtins"), "int");
  return tiny_failed(type) || tiny_failed(args[1]) || tiny_failed(bytes) ? TINY_FAIL : tiny_call_method(vm, type, "from_bytes", 2, args);
}

/* Words are used from the least significant one up; the last gives its high bits. */
static tiny_val random_getrandbits(tiny_vm *vm, tiny_args *a) {
  Twister *t = self_of(vm, a);
  int64_t k = tiny_arg_int(a, 1);
  if (!t) return no_self(vm);
  if (k < 0) return tiny_raise(vm, TINY_VALUE_ERROR, "number of bits must be non-negative");
  if (k == 0) return tiny_int(vm, 0);
  if (k <= 32) return tiny_uint(vm, next_word(t) >> (32 - k));
  if (k <= 64) {
    uint64_t low = next_word(t), high = next_word(t) >> (64 - k);
    return tiny_uint(vm, high << 32 | low);
  }
  size_t words = (size_t)(k - 1) / 32 + 1;
  if (!tiny_charge(vm, words / 16)) return TINY_FAIL;
  tiny_val bytes = tiny_bytes(vm, NULL, words * 4);
  unsigned char *p = tiny_failed(bytes) ? NULL : tiny_bytes_data(vm, bytes);
  if (!p) return TINY_FAIL;
  for (size_t i = 0; i < words; i++, k -= 32) {
    uint32_t r = next_word(t);
    if (k < 32) r >>= 32 - k;
    for (int j = 0; j < 4; j++) *p++ = (unsigned char)(r >> 8 * j);
  }
  return int_from_le(vm, bytes);
}

static tiny_val random_getstate(tiny_vm *vm, tiny_args *a) {
  Twister *t = self_of(vm, a);
  tiny_val items[N + 1];
  if (!t) return no_self(vm);
  for (int i = 0; i < N; i++) items[i] = tiny_uint(vm, t->state[i]);
  items[N] = tiny_int(vm, t->at);
  return tiny_tuple(vm, N + 1, items);
}

static tiny_val random_setstate(tiny_vm *vm, tiny_args *a) {
  Twister *t = self_of(vm, a), made;
  tiny_val state = tiny_arg(a, 1);
  int64_t n;
  if (!t) return no_self(vm);
  if (tiny_kind_of(vm, state) != TINY_T_TUPLE) return tiny_raise(vm, TINY_TYPE_ERROR, "state vector must be a tuple");
  if (tiny_seq_len(state) != N + 1) return tiny_raise(vm, TINY_VALUE_ERROR, "state vector is the wrong size");
  for (int i = 0; i < N; i++) {
    if (!tiny_to_int(vm, tiny_seq_item(state, i), &n)) return TINY_FAIL;
    made.state[i] = (uint32_t)n;
  }
  if (!tiny_to_int(vm, tiny_seq_item(state, N), &n)) return TINY_FAIL;
  if (n < 0 || n > N) return tiny_raise(vm, TINY_VALUE_ERROR, "invalid state");
  made.at = (int)n;
  *t = made;
  return TINY_NONE;
}

static const tiny_def twister_methods[] = {
    {"__init__", random_init, "(self, x=None, /)", NULL},
    {"seed", random_seed, "(self, n=None, /)", "Starts the sequence that belongs to n; None: an unpredictable one."},
    {"random", random_random, "(self, /)", "A float in [0, 1)."},
    {"getrandbits", random_getrandbits, "(self, k: int, /)", "An int of k random bits."},
    {"getstate", random_getstate, "(self, /)", "The state as a tuple, for setstate."},
    {"setstate", random_setstate, "(self, state, /)", "Goes back to a state that getstate gave."},
    {0},
};

static const tiny_class twister_class = {.name = "_random.Random", .data_size = sizeof(Twister), .methods = twister_methods, .doc = "A Mersenne Twister."};

/* ---------------------------------------------------------------- SHA-512 */

static const uint64_t sha_start[8] = {
    0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u, 0x510e527fade682d1u, 0x9b05688c2b3e6c1fu,
    0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u,
};
static const uint64_t sha_round[80] = {
    0x428a2f98d728ae22u, 0x7137449123ef65cdu, 0xb5c0fbcfec4d3b2fu, 0xe9b5dba58189dbbcu, 0x3956c25bf348b538u, 0x59f111f1b605d019u,
    0x923f82a4af194f9bu, 0xab1c5ed5da6d8118u, 0xd807aa98a3030242u, 0x12835b0145706fbeu, 0x243185be4ee4b28cu, 0x550c7dc3d5ffb4e2u,
    0x72be5d74f27b896fu, 0x80deb1fe3b1696b1u, 0x9bdc06a725c71235u, 0xc19bf174cf692694u, 0xe49b69c19ef14ad2u, 0xefbe4786384f25e3u,
    0x0fc19dc68b8cd5b5u, 0x240ca1cc77ac9c65u, 0x2de92c6f592b0275u, 0x4a7484aa6ea6e483u, 0x5cb0a9dcbd41fbd4u, 0x76f988da831153b5u,
    0x983e5152ee66dfabu, 0xa831c66d2db43210u, 0xb00327c898fb213fu, 0xbf597fc7beef0ee4u, 0xc6e00bf33da88fc2u, 0xd5a79147930aa725u,
    0x06ca6351e003826fu, 0x142929670a0e6e70u, 0x27b70a8546d22ffcu, 0x2e1b21385c26c926u, 0x4d2c6dfc5ac42aedu, 0x53380d139d95b3dfu,
    0x650a73548baf63deu, 0x766a0abb3c77b2a8u, 0x81c2c92e47edaee6u, 0x92722c851482353bu, 0xa2bfe8a14cf10364u, 0xa81a664bbc423001u,
    0xc24b8b70d0f89791u, 0xc76c51a30654be30u, 0xd192e819d6ef5218u, 0xd69906245565a910u, 0xf40e35855771202au, 0x106aa07032bbd1b8u,
    0x19a4c116b8d2d0c8u, 0x1e376c085141ab53u, 0x2748774cdf8eeb99u, 0x34b0bcb5e19b48a8u, 0x391c0cb3c5c95a63u, 0x4ed8aa4ae3418acbu,
    0x5b9cca4f7763e373u, 0x682e6ff3d6b2b8a3u, 0x748f82ee5defb2fcu, 0x78a5636f43172f60u, 0x84c87814a1f0ab72u, 0x8cc702081a6439ecu,
    0x90befffa23631e28u, 0xa4506cebde82bde9u, 0xbef9a3f7b2c67915u, 0xc67178f2e372532bu, 0xca273eceea26619cu, 0xd186b8c721c0c207u,
    0xeada7dd6cde0eb1eu, 0xf57d4f7fee6ed178u, 0x06f067aa72176fbau, 0x0a637dc5a2c898a6u, 0x113f9804bef90daeu, 0x1b710b35131c471bu,
    0x28db77f523047d84u, 0x32caab7b40c72493u, 0x3c9ebe0a15c9bebcu, 0x431d67c49c100d4cu, 0x4cc5d4becb3e42b6u, 0x597f299cfc657e2au,
    0x5fcb6fab3ad6faecu, 0x6c44198c4a475817u,
};

static uint64_t rotate(uint64_t x, int n) { return x >> n | x << (64 - n); }

static void sha_block(uint64_t h[8], const unsigned char *p) {
  uint64_t w[80], v[8];
  for (int i = 0; i < 16; i++) {
    w[i] = 0;
    for (int j = 0; j < 8; j++) w[i] = w[i] << 8 | *p++;
  }
  for (int i = 16; i < 80; i++) {
    uint64_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (rotate(a, 1) ^ rotate(a, 8) ^ a >> 7) + w[i - 7] + (rotate(b, 19) ^ rotate(b, 61) ^ b >> 6);
  }
  memcpy(v, h, sizeof v);
  for (int i = 0; i < 80; i++) {
    uint64_t a = v[0], e = v[4];
    uint64_t t1 = v[7] + (rotate(e, 14) ^ rotate(e, 18) ^ rotate(e, 41)) + ((e & v[5]) ^ (~e & v[6])) + sha_round[i] + w[i];
    uint64_t t2 = (rotate(a, 28) ^ rotate(a, 34) ^ rotate(a, 39)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof v[0]);
    v[4] += t1;
    v[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++) h[i] += v[i];
}

static void sha512(const unsigned char *data, size_t n, unsigned char out[64]) {
  uint64_t h[8];
  unsigned char tail[256] = {0};
  memcpy(h, sha_start, sizeof h);
  size_t at = 0;
  for (; n - at >= 128; at += 128) sha_block(h, data + at);
  size_t rest = n - at, len = rest < 112 ? 128 : 256;
  memcpy(tail, data + at, rest);
  tail[rest] = 0x80;
  for (int i = 0; i < 8; i++) tail[len - 1 - (size_t)i] = (unsigned char)((uint64_t)n << 3 >> 8 * i);
  for (size_t i = 0; i < len; i += 128) sha_block(h, tail + i);
  for (int i = 0; i < 64; i++) out[i] = (unsigned char)(h[i / 8] >> (56 - 8 * (i % 8)));
}

static tiny_val random_sha512(tiny_vm *vm, tiny_args *a) {
  size_t n;
  unsigned char digest[64];
  const void *data = tiny_to_bytes(vm, tiny_arg(a, 0), &n);
  if (!data || !tiny_charge(vm, n / 32)) return TINY_FAIL;
  sha512(data, n, digest);
  return tiny_bytes(vm, digest, sizeof digest);
}

static tiny_val random_urandom(tiny_vm *vm, tiny_args *a) {
  int64_t n = tiny_arg_int(a, 0);
  if (n < 0) return tiny_raise(vm, TINY_VALUE_ERROR, "negative argument not allowed");
  tiny_val bytes = tiny_bytes(vm, NULL, (size_t)n);
  if (tiny_failed(bytes)) return TINY_FAIL;
  if (n) entropy(vm, tiny_bytes_data(vm, bytes), (size_t)n);
  return bytes;
}

static const tiny_def functions[] = {
    {"_sha512", random_sha512, "(data, /)", "SHA-512 digest of bytes."},
    {"_urandom", random_urandom, "(n: int, /)", "n unpredictable bytes."},
    {0},
};

static bool init(tiny_vm *vm, tiny_val module) { return tiny_setattr(vm, module, "Random", tiny_class_of(vm, &twister_class)); }

const tiny_module random_core_module = {"_random", functions, init, "The generator behind the random module."};
