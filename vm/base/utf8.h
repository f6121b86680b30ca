/* UTF-8 with lone surrogates in their 3-byte form (WTF-8), and character properties by utf8proc (Unicode 15 as the package has it). */
#ifndef TINY_BASE_UTF8_H
#define TINY_BASE_UTF8_H
#include "vm/base/mem.h"

/* Bytes of the sequence that starts with lead byte c in valid text (1-4). */
static inline int utf8_len(unsigned char c) { return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4; }
uint32_t utf8_decode(const char *s, const char **next);               /* valid text only */
int utf8_encode(uint32_t cp, char out[4]);                            /* any cp <= 0x10FFFF, surrogates too; returns bytes */
size_t utf8_count(const char *s, size_t n);                           /* code points in valid text */
bool utf8_is_ascii(const char *s, size_t n);
/* Strict check of foreign bytes. Returns n if valid, else the offset of the first bad sequence; *bad_len = its length as CPython reports it
   (maximal subpart), *reason = "invalid start byte", "invalid continuation byte", "unexpected end of data". Surrogates are invalid unless allowed. */
size_t utf8_check(const char *s, size_t n, bool allow_surrogates, size_t *bad_len, const char **reason);
const char *utf8_at(const char *s, size_t n, size_t index);           /* pointer to code point number index (a walk) */

bool uc_is_newer(uint32_t c); /* not assigned in our version of Unicode, though utf8proc knows it */
bool uc_is_alpha(uint32_t c); bool uc_is_digit(uint32_t c); bool uc_is_decimal(uint32_t c); bool uc_is_numeric(uint32_t c);
bool uc_is_space(uint32_t c); bool uc_is_upper(uint32_t c); bool uc_is_lower(uint32_t c); bool uc_is_title(uint32_t c);
bool uc_is_cased(uint32_t c); bool uc_is_case_ignorable(uint32_t c); bool uc_is_printable(uint32_t c);
bool uc_is_id_start(uint32_t c); bool uc_is_id_continue(uint32_t c);  /* XID_Start with '_', XID_Continue */
int uc_decimal_value(uint32_t c);                                     /* 0-9, or -1 */
int uc_digit_value(uint32_t c);                                       /* 0-9 also of superscripts etc., or -1 */
/* Full case mappings: write up to 3 code points, return how many. */
int uc_to_upper(uint32_t c, uint32_t out[3]); int uc_to_lower(uint32_t c, uint32_t out[3]); int uc_to_title(uint32_t c, uint32_t out[3]); int uc_fold(uint32_t c, uint32_t out[3]);
/* NFKC of an identifier; appended to out. False: out of memory. */
bool uc_nfkc(Buf *out, const char *s, size_t n);
enum { UC_NAME_MAX = 96 };
int32_t uc_by_name(const char *name, size_t n);                       /* uc_names.c: code point of that name (any case), -1: not known */
bool uc_name(uint32_t c, char out[UC_NAME_MAX]);                      /* false: has no name, or none that is known here */
bool uc_name_known(uint32_t c);                                       /* c lies in a block whose names are all known */
int uc_width(uint32_t c);                                             /* terminal columns: 0, 1, 2 */
#endif
