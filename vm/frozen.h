/* Library code written in tiny and embedded in the binary: as source text in the first-stage build, as compiled code in the final one
 * (scripts/dev/freeze.c makes it from the first). The lists of names are made by scripts/dev/embed.py. */
#ifndef TINY_VM_FROZEN_H
#define TINY_VM_FROZEN_H
#include <stddef.h>
#include <stdint.h>
#include "vm/code.h"

/* Compiled code stands in one byte stream, coded by range asymmetric numeral systems (J. Duda, arXiv:1311.2540; the variant with one state and bytes): a symbol takes
 * as many bits as it is improbable in its model, and models are fixed tables made for the library as a whole, so that every code can be read by itself.
 *
 *   state x, FROZEN_LOW <= x < FROZEN_LOW << 8, at first 3 bytes (most significant first). A symbol is the one whose range of the model contains the lowest FROZEN_SCALE
 *   bits of x; then x = frequency * (x >> FROZEN_SCALE) + place in the range, and bytes are shifted in until x >= FROZEN_LOW.
 *   number  a symbol below 32 is itself; else 32 + 4 * (bits - 6) + the two bits after the highest, then the rest of the bits, each as probable as the other
 *   raw     bytes between the symbols: a length is 7 bits a byte, least first; text is a length and tokens (frozen_token_at)
 *
 * code    flags (index of frozen_flags), n_regs, n_params, n_posonly, n_kwonly, n_locals, first line (signed, from that of the code before), name (string),
 *         qualname (0: as the place says, 1: constant), doc (0: none, 1: text).   -- so much is read when the code around it is
 *         n_consts, n_sites, n_instr, the n_locals names; n cells (name, register); n free names; instructions; constants that no instruction named yet;
 *         n handlers (start, from the end before; length; target, from start, signed; register)   -- at the first call
 *         n lines (how much further the pc is; the line, signed)   -- whenever a position is asked for
 * instruction  operation (in the model of the one before); A, from the register that was used last; B, C; second word. Constants and sites are named by how long ago they were
 *         new; a new one follows where it is first named.
 * constant     kind, then nothing; FC_INT: signed number; FC_FLOAT: 8 raw bytes; FC_COMPLEX: 16; FC_BIGINT (hex digits), FC_STR, FC_NAME (interned): string;
 *         FC_BYTES: length and raw bytes; FC_TUPLE, FC_FROZENSET: count, items; FC_CODE: raw length, how far the code is from the one named before (the first: back from
 *         the code around them)
 * string  0: text follows (nobody else has it); 1: number of a name that several modules use; 2: number of a name of this module's own, counted from frozen_local_at */
typedef enum { FC_NONE, FC_TRUE, FC_FALSE, FC_ELLIPSIS, FC_ABSENT, FC_INT, FC_BIGINT, FC_FLOAT, FC_COMPLEX, FC_STR, FC_NAME, FC_BYTES, FC_TUPLE, FC_FROZENSET, FC_CODE } FrozenKind;
enum { FROZEN_SCALE = 12, FROZEN_LOW = 1 << 16, FROZEN_GROUP = 4 /* names per entry of frozen_name_at */, FROZEN_MAX_BITS = 40 /* of a number */, FROZEN_CODES = 144 };

/* Where a constant or name stands, beside the operations: it has models of its own there. */
enum { FROZEN_ITEM = OP_COUNT, FROZEN_LOCAL, FROZEN_CELL, FROZEN_FREE, FROZEN_CODE_NAME, FROZEN_QUALNAME, FROZEN_UNNAMED, FROZEN_PLACES };
/* Models: one per operation or place from each of these on, then single ones. */
enum { MODEL_OP /* by the operation before; OP_COUNT: none */, MODEL_A = OP_COUNT + 1, MODEL_B = MODEL_A + OP_COUNT, MODEL_C = MODEL_B + OP_COUNT, MODEL_X = MODEL_C + OP_COUNT,
  MODEL_CONST = MODEL_X + OP_COUNT, MODEL_SITE = MODEL_CONST + OP_COUNT, MODEL_KIND = MODEL_SITE + OP_COUNT, MODEL_WHERE = MODEL_KIND + FROZEN_PLACES,
  MODEL_COMMON = MODEL_WHERE + FROZEN_PLACES, MODEL_LOCAL = MODEL_COMMON + FROZEN_PLACES, MODEL_FLAGS = MODEL_LOCAL + FROZEN_PLACES, MODEL_REGS, MODEL_PARAMS, MODEL_POSONLY,
  MODEL_KWONLY, MODEL_LOCALS, MODEL_FIRST_LINE, MODEL_QUALNAME, MODEL_DOC, MODEL_CONSTS, MODEL_SITES, MODEL_INSTR, MODEL_COUNT /* of names, items */, MODEL_REG, MODEL_INT,
  MODEL_HANDLERS, MODEL_START, MODEL_LENGTH, MODEL_TARGET, MODEL_LINES, MODEL_PC, MODEL_LINE, FROZEN_MODELS };
/* What is special about an operation's operands. */
enum { OPERAND_SITE = 1, OPERAND_KX = 2, OPERAND_KBX = 4, OPERAND_KB = 8, OPERAND_KC = 16, OPERAND_USES_C = 32 /* C is the register used last */, OPERAND_KEEPS = 64 /* that stays what it is */ };

/* Symbols of a model stand from `at` on in frozen_symbols, the most frequent first; `first` is its frequency, those of the others are in frozen_frequency_codes, as a number with 4
 * bits behind the highest. They add up to 1 << FROZEN_SCALE. */
typedef struct FrozenModel { uint16_t at, first; } FrozenModel;
static inline uint32_t frozen_frequency(unsigned char code) { return code < 16 ? code : (16u + (code & 15)) << ((code >> 4) - 1); }

extern const unsigned char frozen_stream[];
extern const FrozenModel frozen_models[];
extern const unsigned char frozen_symbols[], frozen_frequency_codes[];
extern const uint16_t frozen_frequencies[];    /* frozen_frequency of each code */
extern const unsigned char frozen_operands[];  /* OPERAND_* by operation */
extern const uint16_t frozen_flags[];          /* Code.flags that occur */
extern const unsigned char frozen_token_text[];
extern const uint16_t frozen_token_at[];       /* 257 */
extern const unsigned char frozen_name_text[]; /* names: texts one after the other */
extern const uint32_t frozen_name_at[];        /* where each FROZEN_GROUP of them begins */
extern const uint16_t frozen_local_at[];       /* by module: its first own name. Modules are numbered from 1, 0 stands for the hidden functions */
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
TINY_MUST_CHECK Value frozen_code_load(VM *vm, uint32_t at, unsigned module, struct Str *filename);
/* The compiled form of a library module, or V_ABSENT when there is only text. */
TINY_MUST_CHECK Value frozen_module_code(VM *vm, const char *dotted_name, const char *filename);
#endif
