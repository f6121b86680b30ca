/* Library code written in tiny and embedded in the binary: as source text in the first-stage build, as compiled constant tables in the final one
 * (scripts/dev/freeze.c makes them from the first). The lists of names are made by scripts/dev/embed.py. */
#ifndef TINY_VM_FROZEN_H
#define TINY_VM_FROZEN_H
#include <stddef.h>
#include <stdint.h>
#include "vm/code.h"

/* Compiled code as data without a single address, so that the loader has nothing to relocate: code objects are byte sequences of variable-length numbers
 * (7 bits a byte, least first), strings stand in one table, and what the VM uses in place (instructions, handlers, positions) in typed tables.
 *   code:  instr, n; sites, n; cell registers, n; handlers, n (index and count in their tables); lines (place in frozen_lines, plus 1; 0: none);
 *          flags n_regs n_params n_posonly n_kwonly n_locals first_line;
 *          constants: local_names cell_names free_names name qualname doc; n_consts, the constants
 *   constant:  a kind, then nothing; FC_INT: zigzag; FC_FLOAT: 8 bytes; FC_COMPLEX: 16; FC_BIGINT (hex digits), FC_STR, FC_NAME (interned), FC_BYTES: string number;
 *              FC_TUPLE, FC_FROZENSET: count, items; FC_CODE: a code */
typedef enum { FC_NONE, FC_TRUE, FC_FALSE, FC_ELLIPSIS, FC_ABSENT, FC_INT, FC_BIGINT, FC_FLOAT, FC_COMPLEX, FC_STR, FC_NAME, FC_BYTES, FC_TUPLE, FC_FROZENSET, FC_CODE } FrozenKind;
extern const unsigned char frozen_stream[];
extern const unsigned char frozen_text[];
extern const uint32_t frozen_string_at[];      /* start of each string in frozen_text; one more entry at the end */
extern const uint32_t frozen_words[];
extern const Handler frozen_handlers[];
extern const unsigned char frozen_lines[];      /* see packed_position in code.c */
/* Where in frozen_stream the code of each chunk and module begins, plus 1; 0 in the first stage: compile the text. */
extern const uint32_t frozen_chunk_at[], frozen_module_at[];

typedef struct FrozenChunk { const char *text; size_t len; const uint16_t *needs; /* chunks it names; ends with 65535 */ } FrozenChunk;
typedef struct FrozenName { const char *name; uint16_t chunk; } FrozenName;
typedef struct FrozenModule { const char *name, *text; size_t len; } FrozenModule;
extern const FrozenChunk frozen_chunks[];
extern const unsigned frozen_chunk_count;
extern const FrozenName frozen_names[];        /* sorted by name */
extern const unsigned frozen_name_count;
extern const FrozenModule frozen_modules[];    /* importable modules; ends with a NULL name */
TINY_MUST_CHECK Value frozen_code_load(VM *vm, uint32_t at, struct Str *filename);
/* The compiled form of a library module, or V_ABSENT when there is only text. */
TINY_MUST_CHECK Value frozen_module_code(VM *vm, const char *dotted_name, const char *filename);
#endif
