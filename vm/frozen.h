/* Library code written in tiny and embedded in the binary; the tables are made by scripts/dev/embed.py. */
#ifndef TINY_VM_FROZEN_H
#define TINY_VM_FROZEN_H
#include <stddef.h>
#include <stdint.h>

typedef struct FrozenChunk { const char *text; size_t len; const uint16_t *needs; /* chunks it names; ends with 65535 */ } FrozenChunk;
typedef struct FrozenName { const char *name; uint16_t chunk; } FrozenName;
typedef struct FrozenModule { const char *name, *text; size_t len; } FrozenModule;
extern const FrozenChunk frozen_chunks[];
extern const unsigned frozen_chunk_count;
extern const FrozenName frozen_names[];        /* sorted by name */
extern const unsigned frozen_name_count;
extern const FrozenModule frozen_modules[];    /* importable modules; ends with a NULL name */
#endif
