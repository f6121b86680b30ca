/* Hash functions, as the module _hashlib sees them. */
#ifndef TINY_STDLIB_HASH_H
#define TINY_STDLIB_HASH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HASH_BLOCK_MAX = 168, HASH_DIGEST_MAX = 64 };
typedef struct HashState {
  union { uint32_t w[8]; uint64_t q[25]; } s;
  uint64_t length;               /* bytes taken so far */
  uint8_t block[HASH_BLOCK_MAX]; /* what does not make a whole block yet */
  size_t held;
} HashState;

typedef struct HashKind {
  const char *name;
  uint16_t digest, block;        /* bytes; digest 0: of any length (SHAKE) */
  uint8_t suffix;                /* SHA-3: domain bits */
  void (*start)(const struct HashKind *kind, HashState *h);
  void (*mix)(const struct HashKind *kind, HashState *h, const uint8_t *block);
  void (*finish)(const struct HashKind *kind, HashState *h, uint8_t *out, size_t n); /* h is used up */
} HashKind;

extern const HashKind hash_kinds[]; /* hash_sha2.c: MD5, SHA-1, SHA-2; ends with a NULL name */
extern const HashKind hash_kinds_sha3[];
/* BLAKE2 with its parameters (RFC 7693): key is the first block. big: BLAKE2b, else BLAKE2s. */
void blake2_start(HashState *h, bool big, size_t digest, size_t key, uint32_t fanout, uint32_t depth, const uint8_t *salt, const uint8_t *person);
void blake2_mix(HashState *h, bool big, const uint8_t *block, size_t n, bool last);
/* scrypt (RFC 7914), one of its p blocks of 128 r bytes; memory: 32 r (n + 2) words; n: a power of 2. go_on is asked now and then, with the work done; false: it has said no. */
bool scrypt_mix(uint8_t *block, size_t r, size_t n, uint32_t *memory, bool (*go_on)(void *user, size_t work), void *user);
#endif
