/* Keyed hash of bytes. Knows nothing of the language. */
#ifndef TINY_BASE_SIPHASH_H
#define TINY_BASE_SIPHASH_H
#include <stddef.h>
#include <stdint.h>
uint64_t siphash13(const uint64_t key[2], const void *data, size_t n);
#endif
