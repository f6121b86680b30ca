/* SHA-3 and SHAKE (FIPS 202): a sponge on Keccak-f[1600]; BLAKE2 (RFC 7693). */
#include <string.h>
#include "stdlib/hash.h"

static uint64_t rotl64(uint64_t x, unsigned n) { return n ? x << n | x >> (64 - n) : x; }
static uint64_t rotr64(uint64_t x, unsigned n) { return x >> n | x << (64 - n); }
static uint32_t rotr(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

static void keccak(uint64_t a[25]) {
  uint8_t lfsr = 1; /* gives the bits of the round constants */
  for (int round = 0; round < 24; round++) {
    uint64_t c[5], last = a[1];
    for (int x = 0; x < 5; x++) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (int x = 0; x < 5; x++)
      for (int y = 0; y < 25; y += 5) a[y + x] ^= c[(x + 4) % 5] ^ rotl64(c[(x + 1) % 5], 1);
    last = a[1];
    for (int t = 0, x = 1, y = 0; t < 24; t++) { /* rho and pi */
      int next = (2 * x + 3 * y) % 5;
      x = y;
      y = next;
      uint64_t here = a[5 * y + x];
      a[5 * y + x] = rotl64(last, (unsigned)((t + 1) * (t + 2) / 2 % 64));
      last = here;
    }
    for (int y = 0; y < 25; y += 5) {
      memcpy(c, a + y, sizeof c);
      for (int x = 0; x < 5; x++) a[y + x] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
    }
    for (int j = 0; j < 7; j++) {
      if (lfsr & 1) a[0] ^= (uint64_t)1 << ((1 << j) - 1);
      lfsr = (uint8_t)(lfsr << 1 ^ (lfsr & 0x80 ? 0x71 : 0));
    }
  }
}
static void sha3_start(const HashKind *kind, HashState *h) {
  (void)kind;
  memset(h->s.q, 0, sizeof h->s.q);
}
static void absorb(uint64_t *q, const uint8_t *p, size_t n) {
  for (size_t i = 0; i < n; i++) q[i / 8] ^= (uint64_t)p[i] << (8 * (i % 8));
}
static void sha3_mix(const HashKind *kind, HashState *h, const uint8_t *p) {
  absorb(h->s.q, p, kind->block);
  keccak(h->s.q);
}
static void sha3_finish(const HashKind *kind, HashState *h, uint8_t *out, size_t n) {
  memset(h->block + h->held, 0, kind->block - h->held);
  h->block[h->held] = kind->suffix;
  h->block[kind->block - 1] |= 0x80;
  sha3_mix(kind, h, h->block);
  for (size_t i = 0; i < n; i++) {
    size_t at = i % kind->block;
    if (i && !at) keccak(h->s.q);
    out[i] = (uint8_t)(h->s.q[at / 8] >> (8 * (at % 8)));
  }
}
#define SHA3(name, digest, block, suffix) {name, digest, block, suffix, sha3_start, sha3_mix, sha3_finish}
const HashKind hash_kinds_sha3[] = {SHA3("sha3_224", 28, 144, 6), SHA3("sha3_256", 32, 136, 6), SHA3("sha3_384", 48, 104, 6), SHA3("sha3_512", 64, 72, 6),
  SHA3("shake_128", 0, 168, 0x1F), SHA3("shake_256", 0, 136, 0x1F), {0}};

/* ---- BLAKE2: h->s.q holds the words of both kinds ---- */

static const uint64_t first[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

void blake2_start(HashState *h, bool big, size_t digest, size_t key, uint32_t fanout, uint32_t depth, const uint8_t *salt, const uint8_t *person) {
  size_t word = big ? 8 : 4;
  uint8_t p[64] = {(uint8_t)digest, (uint8_t)key, (uint8_t)fanout, (uint8_t)depth};
  memcpy(p + 4 * word, salt, 2 * word);
  memcpy(p + 6 * word, person, 2 * word);
  memset(h, 0, sizeof *h);
  for (size_t i = 0; i < 8; i++) {
    uint64_t w = 0;
    for (size_t k = 0; k < word; k++) w |= (uint64_t)p[i * word + k] << (8 * k);
    h->s.q[i] = (big ? first[i] : first[i] >> 32) ^ w;
  }
}

static void blake2_round(uint64_t v[16], const uint64_t m[16], const uint8_t *order, bool big) {
  static const uint8_t turns[2][4] = {{16, 12, 8, 7}, {32, 24, 16, 63}};
  for (int i = 0; i < 8; i++) {
    int a = i & 3, diagonal = i >= 4, b = 4 + (a + diagonal) % 4, c = 8 + (a + 2 * diagonal) % 4, d = 12 + (a + 3 * diagonal) % 4;
    for (int half = 0; half < 2; half++) {
      const uint8_t *t = turns[big] + 2 * half;
      v[a] += v[b] + m[order[2 * i + half]];
      v[d] = big ? rotr64(v[d] ^ v[a], t[0]) : rotr((uint32_t)(v[d] ^ v[a]), t[0]);
      v[c] += v[d];
      v[b] = big ? rotr64(v[b] ^ v[c], t[1]) : rotr((uint32_t)(v[b] ^ v[c]), t[1]);
    }
  }
}

void blake2_mix(HashState *h, bool big, const uint8_t *p, size_t n, bool last) {
  static const uint8_t order[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}, {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8}, {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10}, {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};
  uint64_t v[16], m[16] = {0};
  size_t word = big ? 8 : 4;
  h->length += n;
  for (size_t i = 0; i < n; i++) m[i / word] |= (uint64_t)p[i] << (8 * (i % word));
  for (int i = 0; i < 8; i++) v[i] = h->s.q[i], v[8 + i] = big ? first[i] : first[i] >> 32;
  v[12] ^= big ? h->length : h->length & UINT32_MAX;
  v[13] ^= big ? 0 : h->length >> 32;
  if (last) v[14] ^= big ? UINT64_MAX : UINT32_MAX;
  for (int r = 0; r < (big ? 12 : 10); r++) blake2_round(v, m, order[r % 10], big);
  for (int i = 0; i < 8; i++) h->s.q[i] = (h->s.q[i] ^ v[i] ^ v[8 + i]) & (big ? UINT64_MAX : UINT32_MAX);
}
