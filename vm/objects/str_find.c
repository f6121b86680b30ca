/* Finding bytes in bytes, forwards and backwards, in linear time. str and bytes share it (UTF-8 finds itself only at code point boundaries).
 *
 * The common case scans with memchr for the rarest byte of the needle and compares there. Should the comparisons begin to cost more than the
 * scan, the search goes on with the two-way algorithm (Crochemore and Perrin, "Two-way string-matching", 1991), which never looks back. */
#include "vm/objects/str_build.h"

/* ---- two-way; dir is 1, or -1 to search mirrored text: x[i * dir], h[i * dir] are then bytes from the end ---- */

typedef const unsigned char Byte;

/* Start of the maximal suffix of x[0..m) under the order (reverse: its inverse), and its period. */
static inline size_t maximal_suffix(Byte *x, ptrdiff_t m, int dir, bool reverse, ptrdiff_t *period) {
  ptrdiff_t start = -1, at = 0, k = 1, p = 1;
  while (at + k < m) {
    unsigned char a = x[(at + k) * dir], b = x[(start + k) * dir];
    if (a == b) {
      if (k == p) {
        at += p;
        k = 1;
      } else {
        k++;
      }
    } else if (reverse ? a > b : a < b) {
      at += k;
      k = 1;
      p = at - start;
    } else {
      start = at++;
      k = p = 1;
    }
  }
  *period = p;
  return (size_t)(start + 1);
}

static inline bool same_run(Byte *a, Byte *b, ptrdiff_t n, int dir) {
  for (ptrdiff_t i = 0; i < n; i++) if (a[i * dir] != b[i * dir]) return false;
  return true;
}

/* Offset of the first match counted in dir, or SIZE_MAX. 0 < m <= n. */
static inline size_t two_way(Byte *h, ptrdiff_t n, Byte *x, ptrdiff_t m, int dir) {
  ptrdiff_t p, p2;
  ptrdiff_t cut = (ptrdiff_t)maximal_suffix(x, m, dir, false, &p), cut2 = (ptrdiff_t)maximal_suffix(x, m, dir, true, &p2);
  if (cut2 > cut) {
    cut = cut2;
    p = p2;
  }
  ptrdiff_t keep = 0; /* how much of the left is known to match after a shift by the period */
  if (p + cut <= m && same_run(x, x + p * dir, cut, dir)) keep = m - p;
  else p = (cut > m - cut ? cut : m - cut) + 1;
  ptrdiff_t pos = 0, known = 0;
  while (pos + m <= n) {
    ptrdiff_t k = cut > known ? cut : known;
    while (k < m && x[k * dir] == h[(pos + k) * dir]) k++;
    if (k < m) {
      pos += k - cut + 1;
      known = 0;
      continue;
    }
    k = cut;
    while (k > known && x[(k - 1) * dir] == h[(pos + k - 1) * dir]) k--;
    if (k <= known) return (size_t)pos;
    pos += p;
    known = keep;
  }
  return SIZE_MAX;
}

/* ---- the common case ---- */

/* How rare a byte is in ordinary text: higher is rarer. */
static const unsigned char rarity[256] = {
  [0] = 10, [' '] = 1, ['e'] = 2, ['t'] = 3, ['a'] = 4, ['o'] = 5, ['i'] = 6, ['n'] = 7, ['s'] = 8, ['r'] = 9, ['h'] = 10, ['l'] = 11, ['d'] = 12, ['c'] = 13,
  ['u'] = 14, ['m'] = 15, ['f'] = 16, ['p'] = 17, ['g'] = 18, ['w'] = 19, ['y'] = 20, ['b'] = 21, [','] = 22, ['.'] = 22, ['v'] = 23, ['k'] = 24, ['0'] = 12,
  ['1'] = 13, ['2'] = 14, ['3'] = 15, ['4'] = 15, ['5'] = 15, ['6'] = 15, ['7'] = 15, ['8'] = 15, ['9'] = 15, ['\n'] = 20, ['"'] = 20, ['_'] = 20,
};

static size_t rarest(const char *needle, size_t m) {
  size_t best = 0, look = m < 24 ? m : 24;
  unsigned best_rank = 0;
  for (size_t i = 0; i < look; i++) {
    unsigned char c = (unsigned char)needle[i];
    unsigned rank = c >= 0x80 && c < 0xC0 ? 28 : c >= 0x80 ? 5 : rarity[c] ? rarity[c] : 40;
    if (rank > best_rank) {
      best_rank = rank;
      best = i;
    }
  }
  return best;
}

enum { SLACK = 2048 }; /* bytes that comparisons may waste at first */

size_t str_find_bytes(const char *hay, size_t n, const char *needle, size_t m) {
  if (m == 0) return 0;
  if (m > n) return SIZE_MAX;
  if (m == 1) {
    const char *p = memchr(hay, (unsigned char)*needle, n);
    return p ? (size_t)(p - hay) : SIZE_MAX;
  }
  if (m == n) return memcmp(hay, needle, m) == 0 ? 0 : SIZE_MAX;
  size_t k = rarest(needle, m), wasted = 0;
  const char *p = hay + k, *last = hay + (n - m) + k;
  char head = needle[0], tail = needle[m - 1];
  while (p <= last) {
    p = memchr(p, (unsigned char)needle[k], (size_t)(last - p) + 1);
    if (!p) return SIZE_MAX;
    const char *at = p - k;
    p++;
    if (at[0] != head || at[m - 1] != tail) continue;
    if (memcmp(at, needle, m) == 0) return (size_t)(at - hay);
    wasted += m;
    if (wasted > (size_t)(p - hay) * 4 + SLACK) {
      const char *from = at + 1;
      size_t left = n - (size_t)(from - hay);
      if (left < m) return SIZE_MAX;
      size_t r = two_way((Byte *)from, (ptrdiff_t)left, (Byte *)needle, (ptrdiff_t)m, 1);
      return r == SIZE_MAX ? r : r + (size_t)(from - hay);
    }
  }
  return SIZE_MAX;
}

size_t str_rfind_bytes(const char *hay, size_t n, const char *needle, size_t m) {
  if (m == 0) return n;
  if (m > n) return SIZE_MAX;
  size_t wasted = 0;
  char head = needle[0], tail = needle[m - 1];
  for (size_t end = n; end >= m; end--) {
    const char *at = hay + (end - m);
    if (at[m - 1] != tail || at[0] != head) continue;
    if (memcmp(at, needle, m) == 0) return end - m;
    wasted += m;
    if (wasted > (n - end) * 4 + SLACK) {
      if (end - 1 < m) return SIZE_MAX;
      size_t r = two_way((Byte *)hay + (end - 2), (ptrdiff_t)(end - 1), (Byte *)needle + (m - 1), (ptrdiff_t)m, -1);
      return r == SIZE_MAX ? r : end - 1 - r - m;
    }
  }
  return SIZE_MAX;
}

size_t str_count_bytes(const char *hay, size_t n, const char *needle, size_t m, size_t max) {
  size_t count = 0, at = 0;
  if (m == 1 && max >= n) {
    char c = *needle;
    for (; at + 16 <= n; at += 16) {
      unsigned char block = 0;
      for (int k = 0; k < 16; k++) block = (unsigned char)(block + (hay[at + (size_t)k] == c)); /* a loop that compilers vectorise */
      count += block;
    }
    for (; at < n; at++) count += hay[at] == c;
    return count;
  }
  while (count < max) {
    size_t r = str_find_bytes(hay + at, n - at, needle, m);
    if (r == SIZE_MAX) break;
    count++;
    at += r + m;
  }
  return count;
}
