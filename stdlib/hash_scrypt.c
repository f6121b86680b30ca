/* scrypt's slow part, scryptROMix (RFC 7914): what needs the memory. */
#include <string.h>
#include "stdlib/hash.h"

enum { SALSA_WORDS = 16 };

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

/* Salsa20/8: of a block of 16 words, in place. */
static void salsa(uint32_t *b) {
  static const uint8_t quarters[8][4] = {{0, 4, 8, 12}, {5, 9, 13, 1}, {10, 14, 2, 6}, {15, 3, 7, 11}, {0, 1, 2, 3}, {5, 6, 7, 4}, {10, 11, 8, 9}, {15, 12, 13, 14}};
  uint32_t x[SALSA_WORDS];
  memcpy(x, b, sizeof x);
  for (int round = 0; round < 4; round++) {
    for (int k = 0; k < 8; k++) {
      uint32_t *p = &x[quarters[k][0]], *q = &x[quarters[k][1]], *r = &x[quarters[k][2]], *s = &x[quarters[k][3]];
      *q ^= rotate(*p + *s, 7);
      *r ^= rotate(*q + *p, 9);
      *s ^= rotate(*r + *q, 13);
      *p ^= rotate(*s + *r, 18);
    }
  }
  for (int i = 0; i < SALSA_WORDS; i++) b[i] += x[i];
}

/* scryptBlockMix: in and out are 2 r blocks. */
static void mix(const uint32_t *in, uint32_t *out, size_t r) {
  uint32_t x[SALSA_WORDS];
  memcpy(x, in + (2 * r - 1) * SALSA_WORDS, sizeof x);
  for (size_t i = 0; i < 2 * r; i++) {
    for (int k = 0; k < SALSA_WORDS; k++) x[k] ^= in[i * SALSA_WORDS + (size_t)k];
    salsa(x);
    memcpy(out + (i / 2 + (i % 2) * r) * SALSA_WORDS, x, sizeof x);
  }
}

bool scrypt_mix(uint8_t *block, size_t r, size_t n, uint32_t *memory, bool (*go_on)(void *user, size_t work), void *user) {
  size_t words = 2 * r * SALSA_WORDS;
  uint32_t *x = memory + n * words, *y = x + words;
  for (size_t i = 0; i < words; i++) x[i] = (uint32_t)block[4 * i] | (uint32_t)block[4 * i + 1] << 8 | (uint32_t)block[4 * i + 2] << 16 | (uint32_t)block[4 * i + 3] << 24;
  for (size_t i = 0; i < n; i++) {
    memcpy(memory + i * words, x, words * sizeof *x);
    mix(x, y, r);
    memcpy(x, y, words * sizeof *x);
    if (!go_on(user, 4 * r)) return false;
  }
  for (size_t i = 0; i < n; i++) {
    const uint32_t *v = memory + (x[words - SALSA_WORDS] & (n - 1)) * words;
    for (size_t k = 0; k < words; k++) x[k] ^= v[k];
    mix(x, y, r);
    memcpy(x, y, words * sizeof *x);
    if (!go_on(user, 4 * r)) return false;
  }
  for (size_t i = 0; i < words; i++)
    for (int k = 0; k < 4; k++) block[4 * i + (size_t)k] = (uint8_t)(x[i] >> 8 * k);
  return true;
}
