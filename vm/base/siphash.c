/* SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): the keyed hash of str and bytes, so that a script's input cannot
 * choose colliding keys. */
#include "vm/base/siphash.h"

static inline uint64_t rotl(uint64_t x, int b) { return (x << b) | (x >> (64 - b)); }

typedef struct Sip { uint64_t a, b, c, d; } Sip;

static inline void sip_round(Sip *s) {
  s->a += s->b; s->c += s->d;
  s->b = rotl(s->b, 13) ^ s->a; s->d = rotl(s->d, 16) ^ s->c;
  s->a = rotl(s->a, 32);
  s->c += s->b; s->a += s->d;
  s->b = rotl(s->b, 17) ^ s->c; s->d = rotl(s->d, 21) ^ s->a;
  s->c = rotl(s->c, 32);
}

static inline uint64_t load_word(const unsigned char *p) { /* compilers make one load of it */
  return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
         (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}
static inline uint64_t load_tail(const unsigned char *p, size_t n) { /* n < 8 */
  uint64_t w = 0;
  for (size_t i = 0; i < n; i++) w |= (uint64_t)p[i] << (8 * i);
  return w;
}

uint64_t siphash13(const uint64_t key[2], const void *data, size_t n) {
  const unsigned char *p = data;
  Sip s = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
  size_t words = n / 8;
  for (size_t i = 0; i < words; i++, p += 8) {
    uint64_t w = load_word(p);
    s.d ^= w;
    sip_round(&s);
    s.a ^= w;
  }
  uint64_t last = (uint64_t)n << 56 | load_tail(p, n & 7);
  s.d ^= last;
  sip_round(&s);
  s.a ^= last;
  s.c ^= 0xff;
  sip_round(&s);
  sip_round(&s);
  sip_round(&s);
  return s.a ^ s.b ^ s.c ^ s.d;
}
