/* Library code written in tiny and embedded in the binary: as source text in the first-stage build, as compiled constant tables in the final one
 * (scripts/dev/freeze.c makes them from the first). The lists of names are made by scripts/dev/embed.py. */
#ifndef TINY_VM_FROZEN_H
#define TINY_VM_FROZEN_H
#include <stddef.h>
#include <stdint.h>
#include "vm/code.h"

/* A code object as constant data; frozen_code_load makes the object that points into it. */
typedef struct FrozenCode FrozenCode;
typedef enum { FC_NONE, FC_TRUE, FC_FALSE, FC_ELLIPSIS, FC_ABSENT, FC_INT, FC_BIGINT /* text: hex */, FC_FLOAT /* i: bits */, FC_COMPLEX /* items: two floats */, FC_STR, FC_NAME /* interned */, FC_BYTES,
  FC_TUPLE, FC_FROZENSET, FC_CODE } FrozenKind;
typedef struct FrozenConst { uint8_t kind; uint32_t n; int64_t i; const char *text; const struct FrozenConst *items; const FrozenCode *code; } FrozenConst;
struct FrozenCode {
  const uint32_t *instr, *site_names, *cell_regs;
  const FrozenConst *consts, *local_names, *cell_names, *free_names; /* names: FC_TUPLE, or FC_NONE for NULL */
  const Handler *handlers;
  const Position *positions;
  const FrozenConst *name, *qualname, *doc;
  uint32_t n_instr, n_consts, n_sites, n_handlers, n_positions, flags, n_regs, n_params, n_posonly, n_kwonly, n_locals, first_line;
};

typedef struct FrozenChunk { const char *text; size_t len; const uint16_t *needs; /* chunks it names; ends with 65535 */ } FrozenChunk;
typedef struct FrozenName { const char *name; uint16_t chunk; } FrozenName;
typedef struct FrozenModule { const char *name, *text; size_t len; } FrozenModule;
extern const FrozenChunk frozen_chunks[];
extern const unsigned frozen_chunk_count;
extern const FrozenName frozen_names[];        /* sorted by name */
extern const unsigned frozen_name_count;
extern const FrozenModule frozen_modules[];    /* importable modules; ends with a NULL name */
/* Compiled forms, by the same numbers; NULL entries in the first stage: compile the text. */
extern const FrozenCode *const frozen_chunk_code[], *const frozen_module_codes[];

TINY_MUST_CHECK Value frozen_code_load(VM *vm, const FrozenCode *fc, struct Str *filename);
/* The compiled form of a library module, or V_ABSENT when there is only text. */
TINY_MUST_CHECK Value frozen_module_code(VM *vm, const char *dotted_name, const char *filename);
#endif
