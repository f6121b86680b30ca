/* MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180-4): blocks of words, a 1 bit and the length in bits at the end. */
#include <string.h>
#include "stdlib/hash.h"

static uint32_t rotl(uint32_t x, int n) { return x << n | x >> (32 - n); }
static uint32_t rotr(uint32_t x, int n) { return x >> n | x << (32 - n); }
static uint64_t rotr64(uint64_t x, int n) { return x >> n | x << (64 - n); }
static uint32_t load32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static uint64_t load64(const uint8_t *p) { return (uint64_t)load32(p) << 32 | load32(p + 4); }

/* The last blocks: padding, length; `bits` bytes of length, its byte order. */
static void pad(const HashKind *kind, HashState *h, size_t length_bytes, bool big_endian) {
  uint64_t bits = h->length * 8;
  h->block[h->held++] = 0x80;
  if (h->held > kind->block - length_bytes) {
    memset(h->block + h->held, 0, kind->block - h->held);
    kind->mix(kind, h, h->block);
    h->held = 0;
  }
  memset(h->block + h->held, 0, kind->block - h->held);
  for (int i = 0; i < 8; i++) h->block[kind->block - (big_endian ? 1 + i : 8 - i)] = (uint8_t)(bits >> (8 * i));
  kind->mix(kind, h, h->block);
}
static void words_out(const HashState *h, uint8_t *out, size_t n, bool big_endian) {
  for (size_t i = 0; i < n; i++) out[i] = (uint8_t)(h->s.w[i / 4] >> (big_endian ? 24 - 8 * (i % 4) : 8 * (i % 4)));
}

/* ---- MD5 ---- */

static void md5_start(const HashKind *kind, HashState *h) {
  static const uint32_t first[4] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476};
  (void)kind;
  memcpy(h->s.w, first, sizeof first);
}
static void md5_mix(const HashKind *kind, HashState *h, const uint8_t *p) {
  static const uint8_t turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  static const uint32_t sines[64] = { /* floor(2^32 * abs(sin(i + 1))) */
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
    0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
    0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
    0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
  uint32_t a = h->s.w[0], b = h->s.w[1], c = h->s.w[2], d = h->s.w[3];
  (void)kind;
  for (int i = 0; i < 64; i++) {
    uint32_t f;
    int g;
    if (i < 16) f = (b & c) | (~b & d), g = i;
    else if (i < 32) f = (d & b) | (~d & c), g = 5 * i + 1;
    else if (i < 48) f = b ^ c ^ d, g = 3 * i + 5;
    else f = c ^ (b | ~d), g = 7 * i;
    const uint8_t *m = p + 4 * (g & 15);
    uint32_t word = (uint32_t)m[0] | (uint32_t)m[1] << 8 | (uint32_t)m[2] << 16 | (uint32_t)m[3] << 24;
    f += a + sines[i] + word;
    a = d, d = c, c = b;
    b += rotl(f, turns[i / 16][i & 3]);
  }
  h->s.w[0] += a, h->s.w[1] += b, h->s.w[2] += c, h->s.w[3] += d;
}
static void md5_finish(const HashKind *kind, HashState *h, uint8_t *out, size_t n) {
  pad(kind, h, 8, false);
  words_out(h, out, n, false);
}

/* ---- SHA-1 ---- */

static void sha1_start(const HashKind *kind, HashState *h) {
  static const uint32_t first[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  (void)kind;
  memcpy(h->s.w, first, sizeof first);
}
static void sha1_mix(const HashKind *kind, HashState *h, const uint8_t *p) {
  uint32_t w[80], a = h->s.w[0], b = h->s.w[1], c = h->s.w[2], d = h->s.w[3], e = h->s.w[4];
  (void)kind;
  for (int i = 0; i < 16; i++) w[i] = load32(p + 4 * i);
  for (int i = 16; i < 80; i++) w[i] = rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  for (int i = 0; i < 80; i++) {
    uint32_t f = i < 20 ? ((b & c) | (~b & d)) + 0x5A827999 : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1 : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC : (b ^ c ^ d) + 0xCA62C1D6;
    f += rotl(a, 5) + e + w[i];
    e = d, d = c, c = rotl(b, 30), b = a, a = f;
  }
  h->s.w[0] += a, h->s.w[1] += b, h->s.w[2] += c, h->s.w[3] += d, h->s.w[4] += e;
}
static void sha_finish(const HashKind *kind, HashState *h, uint8_t *out, size_t n) {
  pad(kind, h, 8, true);
  words_out(h, out, n, true);
}

/* ---- SHA-2: 64 (or 80) constants, the fractions of the cube roots of the first primes; SHA-256 takes the upper halves of SHA-512's ---- */

static const uint64_t roots[80] = {
  0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc, 0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
  0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2, 0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
  0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65, 0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
  0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
  0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df, 0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
  0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
  0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
  0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec, 0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
  0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
  0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817};
static const uint64_t sha512_first[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
static const uint64_t sha384_first[8] = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939, 0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};

static void sha256_start(const HashKind *kind, HashState *h) { /* SHA-224 begins with the lower halves of SHA-384's words */
  for (int i = 0; i < 8; i++) h->s.w[i] = kind->digest == 28 ? (uint32_t)sha384_first[i] : (uint32_t)(sha512_first[i] >> 32);
}
static void sha256_mix(const HashKind *kind, HashState *h, const uint8_t *p) {
  uint32_t w[64], v[8];
  (void)kind;
  for (int i = 0; i < 16; i++) w[i] = load32(p + 4 * i);
  for (int i = 16; i < 64; i++) {
    uint32_t x = w[i - 15], y = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (rotr(x, 7) ^ rotr(x, 18) ^ x >> 3) + (rotr(y, 17) ^ rotr(y, 19) ^ y >> 10);
  }
  memcpy(v, h->s.w, sizeof v);
  for (int i = 0; i < 64; i++) {
    uint32_t a = v[0], e = v[4];
    uint32_t t = v[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + (uint32_t)(roots[i] >> 32) + w[i];
    uint32_t u = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof *v);
    v[4] += t;
    v[0] = t + u;
  }
  for (int i = 0; i < 8; i++) h->s.w[i] += v[i];
}

static void sha512_start(const HashKind *kind, HashState *h) { memcpy(h->s.q, kind->digest == 48 ? sha384_first : sha512_first, sizeof sha512_first); }
static void sha512_mix(const HashKind *kind, HashState *h, const uint8_t *p) {
  uint64_t w[80], v[8];
  (void)kind;
  for (int i = 0; i < 16; i++) w[i] = load64(p + 8 * i);
  for (int i = 16; i < 80; i++) {
    uint64_t x = w[i - 15], y = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (rotr64(x, 1) ^ rotr64(x, 8) ^ x >> 7) + (rotr64(y, 19) ^ rotr64(y, 61) ^ y >> 6);
  }
  memcpy(v, h->s.q, sizeof v);
  for (int i = 0; i < 80; i++) {
    uint64_t a = v[0], e = v[4];
    uint64_t t = v[7] + (rotr64(e, 14) ^ rotr64(e, 18) ^ rotr64(e, 41)) + ((e & v[5]) ^ (~e & v[6])) + roots[i] + w[i];
    uint64_t u = (rotr64(a, 28) ^ rotr64(a, 34) ^ rotr64(a, 39)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof *v);
    v[4] += t;
    v[0] = t + u;
  }
  for (int i = 0; i < 8; i++) h->s.q[i] += v[i];
}
static void sha512_finish(const HashKind *kind, HashState *h, uint8_t *out, size_t n) {
  pad(kind, h, 16, true);
  for (size_t i = 0; i < n; i++) out[i] = (uint8_t)(h->s.q[i / 8] >> (56 - 8 * (i % 8)));
}

const HashKind hash_kinds[] = {
  {"md5", 16, 64, 0, md5_start, md5_mix, md5_finish}, {"sha1", 20, 64, 0, sha1_start, sha1_mix, sha_finish},
  {"sha224", 28, 64, 0, sha256_start, sha256_mix, sha_finish}, {"sha256", 32, 64, 0, sha256_start, sha256_mix, sha_finish},
  {"sha384", 48, 128, 0, sha512_start, sha512_mix, sha512_finish}, {"sha512", 64, 128, 0, sha512_start, sha512_mix, sha512_finish}, {0},
};
