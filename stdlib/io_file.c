/* Module _io_file: buffered access to the files of the system (POSIX calls), on which io.tiny builds open(). A module of its own, so that a host
 * can give scripts `io` (StringIO, BytesIO) without files: this one needs the word io_file in the allow-list.
 * A File has one buffer, holding either bytes read ahead or bytes not yet written, never both. What was not written when the File dies is written then. */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "stdlib/io_file.h"
#include "stdlib/stdlib.h"

enum { CHUNK = 8192 };

/* A script may drop a file that it wrote to without closing it, as in open(path, "w").write(text), and look at the file next: where reference counts free objects,
   that text has been written by then. So, before the system is asked for a file, a collection closes such files if there may be any: a minor one for those made since
   the last collection, a full one for others. What survives a full one is not looked at again, and one comes only when there are more to look at than it found in use
   before: files that stay open cost a number of collections that grows with the logarithm of theirs. */
typedef struct Dropped { File *first; size_t kept; } Dropped;

static void forget(File *f) {
  if (!f->link) return;
  *f->link = f->next;
  if (f->next) f->next->link = f->link;
  f->link = NULL;
}

/* The VM goes: this before its files. */
static void dropped_destroy(tiny_vm *vm, void *data) {
  Dropped *d = data;
  (void)vm;
  while (d->first) forget(d->first);
}

static Dropped *dropped_of(tiny_vm *vm) {
  static const char key;
  return tiny_module_data(vm, &key, sizeof(Dropped), NULL, dropped_destroy);
}

static bool note_written(tiny_vm *vm, File *f) {
  if (f->link || f->kept) return true;
  Dropped *d = dropped_of(vm);
  if (!d) return false;
  f->next = d->first;
  f->link = &d->first;
  if (f->next) f->next->link = &f->next;
  d->first = f;
  return true;
}

static void all_kept(Dropped *d) {
  while (d->first) {
    d->first->kept = true;
    d->kept++;
    forget(d->first);
  }
}

void files_settle(tiny_vm *vm) {
  Dropped *d = dropped_of(vm);
  if (!d) return tiny_clear_error(vm);
  uint64_t now = tiny_collections(vm);
  size_t young = 0, older = 0;
  for (File *f = d->first, *next; f; f = next) {
    next = f->next;
    if (!f->dirty) forget(f);
    else if (f->born == now) young++;
    else older++;
  }
  if (older > d->kept) {
    tiny_collect(vm);
    all_kept(d);
  } else if (young) {
    tiny_collect_young(vm);
  }
}

static tiny_val closed_error(tiny_vm *vm, const char *what) { return tiny_raise(vm, TINY_VALUE_ERROR, "%s closed file", what); }

static File *self_of(tiny_vm *vm, tiny_args *a, const char *what) {
  File *f = tiny_data(vm, tiny_arg(a, 0), &io_file_class);
  if (f && f->fd >= 0) return f;
  closed_error(vm, what);
  return NULL;
}

/* ---- system calls */

/* Interrupted by a signal: again, unless the host wants the script to stop (PEP 475). */
static bool again(tiny_vm *vm) { return errno == EINTR && tiny_poll(vm); }

static ssize_t sys_read(tiny_vm *vm, int fd, char *buf, size_t n) {
  for (;;) {
    ssize_t r = read(fd, buf, n);
    if (r >= 0) return r;
    int err = errno;
    if (again(vm)) continue;
    if (!tiny_pending(vm)) tiny_raise_os(vm, err, NULL);
    return -1;
  }
}

static bool sys_write(tiny_vm *vm, int fd, const char *data, size_t n) {
  while (n > 0) {
    ssize_t r = write(fd, data, n);
    if (r < 0) {
      int err = errno;
      if (again(vm)) continue;
      if (!tiny_pending(vm)) tiny_raise_os(vm, err, NULL);
      return false;
    }
    data += r;
    n -= (size_t)r;
  }
  return true;
}

bool file_write_out(tiny_vm *vm, File *f) {
  size_t n = f->dirty;
  f->dirty = 0;
  return n == 0 || sys_write(vm, f->fd, f->data, n);
}

/* Forgets what was read ahead: the system's position becomes the script's. */
static void unread(File *f) {
  if (f->to > f->from) (void)lseek(f->fd, -(off_t)(f->to - f->from), SEEK_CUR);
  f->from = f->to = 0;
}

static bool need_buffer(tiny_vm *vm, File *f, size_t capacity) {
  if (f->capacity >= capacity) return true;
  char *data = tiny_alloc(vm, f->data, f->capacity, capacity);
  if (!data) return !tiny_failed(tiny_no_memory(vm));
  f->data = data;
  f->capacity = capacity;
  return true;
}

/* Makes the read-ahead non-empty: 1, 0 at the end, -1. */
static int fill(tiny_vm *vm, File *f) {
  if (f->from < f->to) return 1;
  if (!need_buffer(vm, f, CHUNK) || !file_write_out(vm, f)) return -1;
  f->from = f->to = 0;
  ssize_t n = sys_read(vm, f->fd, f->data, CHUNK);
  if (n < 0) return -1;
  f->to = (size_t)n;
  return n > 0;
}

/* A line that goes on behind what was read ahead is moved to the front of the buffer, and one more chunk is read behind it: chunks begin where they would without it. */
static int fill_behind(tiny_vm *vm, File *f) {
  size_t have = f->to - f->from;
  if (have > CHUNK) return 0;
  if (!need_buffer(vm, f, 2 * CHUNK)) return -1;
  memmove(f->data, f->data + f->from, have);
  f->from = 0;
  f->to = have;
  ssize_t n = sys_read(vm, f->fd, f->data + have, CHUNK);
  if (n < 0) return -1;
  f->to += (size_t)n;
  return n > 0;
}

int file_peek_line(tiny_vm *vm, File *f, char **line, size_t *n) {
  int r = fill(vm, f);
  if (r <= 0) return r;
  for (size_t seen = 0;;) {
    char *at = f->data + f->from;
    const char *end = memchr(at + seen, '\n', f->to - f->from - seen);
    *line = at;
    *n = end ? (size_t)(end - at) + 1 : f->to - f->from;
    if (end) return 1;
    seen = *n;
    r = fill_behind(vm, f);
    if (r < 0) return r;
    if (r == 0) return *line = f->data + f->from, seen <= CHUNK; /* the end of the file, or too long */
  }
}

/* ---- a growing block of bytes */

typedef struct Block { char *data; size_t len, cap; } Block;

static bool block_room(tiny_vm *vm, Block *b, size_t more) {
  if (b->cap - b->len >= more) return true;
  size_t cap = b->cap * 2 > b->len + more ? b->cap * 2 : b->len + more;
  char *data = tiny_alloc(vm, b->data, b->cap, cap);
  if (!data) return !tiny_failed(tiny_no_memory(vm));
  b->data = data;
  b->cap = cap;
  return true;
}
static bool block_add(tiny_vm *vm, Block *b, const char *data, size_t n) {
  if (!block_room(vm, b, n)) return false;
  if (n) memcpy(b->data + b->len, data, n);
  b->len += n;
  return true;
}
static void block_free(tiny_vm *vm, Block *b) {
  if (b->data) tiny_alloc(vm, b->data, b->cap, 0);
}

/* ---- reading */

static tiny_val read_all(tiny_vm *vm, File *f) {
  Block b = {0};
  if (!file_write_out(vm, f)) return TINY_FAIL;
  struct stat st;
  size_t want = fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size < (1 << 30) ? (size_t)st.st_size + 1 : CHUNK;
  bool ok = block_add(vm, &b, f->data ? f->data + f->from : NULL, f->to - f->from);
  f->from = f->to = 0;
  while (ok && (ok = block_room(vm, &b, want))) {
    ssize_t n = sys_read(vm, f->fd, b.data + b.len, b.cap - b.len);
    if (n <= 0) {
      ok = n == 0;
      break;
    }
    b.len += (size_t)n;
    want = CHUNK;
  }
  tiny_val v = ok ? tiny_bytes(vm, b.data ? b.data : "", b.len) : TINY_FAIL;
  block_free(vm, &b);
  return v;
}

static tiny_val read_n(tiny_vm *vm, File *f, size_t n) {
  if (f->to - f->from >= n) {
    f->from += n;
    return tiny_bytes(vm, n ? f->data + f->from - n : "", n);
  }
  Block b = {0};
  bool ok = true;
  while (ok && b.len < n) {
    int r = fill(vm, f);
    if (r <= 0) {
      ok = r == 0;
      break;
    }
    size_t part = f->to - f->from < n - b.len ? f->to - f->from : n - b.len;
    ok = block_add(vm, &b, f->data + f->from, part);
    f->from += part;
    if (f->unbuffered) break;
  }
  tiny_val v = ok ? tiny_bytes(vm, b.data ? b.data : "", b.len) : TINY_FAIL;
  block_free(vm, &b);
  return v;
}

/* Size argument: None and negative numbers mean no bound. */
static bool size_arg(tiny_vm *vm, tiny_val v, int64_t *size) {
  *size = -1;
  return tiny_is_none(v) || tiny_to_int(vm, v, size);
}

static tiny_val file_read(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "read of");
  int64_t n;
  if (!f || !size_arg(vm, tiny_arg(a, 1), &n)) return TINY_FAIL;
  return n < 0 ? read_all(vm, f) : read_n(vm, f, (size_t)n);
}

/* At most one system call. */
static tiny_val file_read1(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "read of");
  int64_t n;
  if (!f || !size_arg(vm, tiny_arg(a, 1), &n)) return TINY_FAIL;
  int r = n == 0 ? 0 : fill(vm, f);
  if (r <= 0) return r < 0 ? TINY_FAIL : tiny_bytes(vm, "", 0);
  size_t have = f->to - f->from;
  if (n >= 0 && have > (size_t)n) have = (size_t)n;
  f->from += have;
  return tiny_bytes(vm, f->data + f->from - have, have);
}

static tiny_val file_peek(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "peek of");
  int r = f ? fill(vm, f) : -1;
  return r < 0 ? TINY_FAIL : tiny_bytes(vm, f->data ? f->data + f->from : "", f->to - f->from);
}

/* The next line into b: as much as limit allows (negative: all of it). */
static bool take_line(tiny_vm *vm, File *f, Block *b, int64_t limit) {
  for (;;) {
    int r = limit >= 0 && b->len >= (size_t)limit ? 0 : fill(vm, f);
    if (r <= 0) return r == 0;
    const char *at = f->data + f->from, *end = memchr(at, '\n', f->to - f->from);
    size_t n = end ? (size_t)(end - at) + 1 : f->to - f->from;
    bool whole = end != NULL;
    if (limit >= 0 && n > (size_t)limit - b->len) n = (size_t)limit - b->len, whole = true;
    if (!block_add(vm, b, at, n)) return false;
    f->from += n;
    if (whole) return true;
  }
}

static tiny_val file_readline(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "readline of");
  int64_t limit;
  if (!f || !size_arg(vm, tiny_arg(a, 1), &limit)) return TINY_FAIL;
  const char *at = f->data ? f->data + f->from : NULL, *end = at && f->to > f->from ? memchr(at, '\n', f->to - f->from) : NULL;
  if (end && limit < 0) { /* the line stands in the buffer */
    f->from += (size_t)(end - at) + 1;
    return tiny_bytes(vm, at, (size_t)(end - at) + 1);
  }
  Block b = {0};
  tiny_val v = take_line(vm, f, &b, limit) ? tiny_bytes(vm, b.data ? b.data : "", b.len) : TINY_FAIL;
  block_free(vm, &b);
  return v;
}

/* ---- writing */

bool file_put(tiny_vm *vm, File *f, const char *data, size_t n) {
  unread(f);
  if (f->unbuffered || n >= CHUNK) return file_write_out(vm, f) && sys_write(vm, f->fd, data, n);
  if (!need_buffer(vm, f, CHUNK) || (f->dirty + n > CHUNK && !file_write_out(vm, f))) return false;
  if (n) memcpy(f->data + f->dirty, data, n);
  if (!f->dirty && n && !note_written(vm, f)) return false;
  f->dirty += n;
  return true;
}

static tiny_val file_write(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "write to");
  size_t n;
  const char *data = f ? tiny_to_bytes(vm, tiny_arg(a, 1), &n) : NULL;
  if (!data) return TINY_FAIL;
  return file_put(vm, f, data, n) ? tiny_int(vm, (int64_t)n) : TINY_FAIL;
}

static tiny_val file_flush(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "flush of");
  return f && file_write_out(vm, f) ? TINY_NONE : TINY_FAIL;
}

/* Text that is written after text was read goes behind the chunk read ahead, as CPython's TextIOWrapper does it. */
static tiny_val file_drop(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "write to");
  if (!f) return TINY_FAIL;
  f->from = f->to = 0;
  return TINY_NONE;
}

/* ---- position, end */

static tiny_val file_tell(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "I/O operation on");
  if (!f) return TINY_FAIL;
  off_t at = lseek(f->fd, 0, SEEK_CUR);
  if (at < 0) return tiny_raise_os(vm, errno, NULL);
  return tiny_int(vm, (int64_t)at - (int64_t)(f->to - f->from) + (int64_t)f->dirty);
}

static tiny_val file_seek(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "seek of");
  int64_t to = 0, whence = 0;
  if (!f || !tiny_to_int(vm, tiny_arg(a, 1), &to) || !tiny_to_int(vm, tiny_arg(a, 2), &whence) || !file_write_out(vm, f)) return TINY_FAIL;
  unread(f);
  if (whence < 0 || whence > 2) return tiny_raise(vm, TINY_VALUE_ERROR, "whence value %lld unsupported", (long long)whence);
  off_t at = lseek(f->fd, (off_t)to, whence == 0 ? SEEK_SET : whence == 1 ? SEEK_CUR : SEEK_END);
  return at < 0 ? tiny_raise_os(vm, errno, NULL) : tiny_int(vm, (int64_t)at);
}

static tiny_val file_truncate(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "truncate of");
  int64_t size;
  if (!f || !file_write_out(vm, f)) return TINY_FAIL;
  unread(f);
  if (tiny_is_none(tiny_arg(a, 1))) size = (int64_t)lseek(f->fd, 0, SEEK_CUR);
  else if (!tiny_to_int(vm, tiny_arg(a, 1), &size)) return TINY_FAIL;
  while (ftruncate(f->fd, (off_t)size) != 0) {
    int err = errno;
    if (!again(vm)) return tiny_pending(vm) ? TINY_FAIL : tiny_raise_os(vm, err, NULL);
  }
  return tiny_int(vm, size);
}

static tiny_val file_close(tiny_vm *vm, tiny_args *a) {
  File *f = tiny_data(vm, tiny_arg(a, 0), &io_file_class);
  if (!f || f->fd < 0) return TINY_NONE;
  bool ok = file_write_out(vm, f);
  int fd = f->fd;
  f->fd = -1;
  f->from = f->to = 0;
  if (f->owned && close(fd) != 0 && ok && errno != EINTR) return tiny_raise_os(vm, errno, NULL);
  return ok ? TINY_NONE : TINY_FAIL;
}

static tiny_val file_fileno(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "I/O operation on");
  return f ? tiny_int(vm, f->fd) : TINY_FAIL;
}
static tiny_val file_isatty(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "I/O operation on");
  return f ? tiny_bool(isatty(f->fd) == 1) : TINY_FAIL;
}
static tiny_val file_seekable(tiny_vm *vm, tiny_args *a) {
  File *f = self_of(vm, a, "I/O operation on");
  return f ? tiny_bool(lseek(f->fd, 0, SEEK_CUR) >= 0) : TINY_FAIL;
}
static tiny_val get_closed(tiny_vm *vm, tiny_args *a) {
  File *f = tiny_data(vm, tiny_arg(a, 0), &io_file_class);
  return tiny_bool(!f || f->fd < 0);
}

/* ---- opening */

static bool open_failed(tiny_vm *vm, int err, tiny_val path) {
  tiny_val cls = tiny_exc_class(vm, TINY_OS_ERROR), args[3] = {tiny_int(vm, err), tiny_string(vm, strerror(err)), path};
  tiny_raise_value(vm, tiny_call(vm, cls, 3, args));
  return false;
}

/* The path as the system wants it; NULL: exception pending. */
static const char *path_of(tiny_vm *vm, tiny_val path) {
  size_t n;
  tiny_val raw = path;
  if (tiny_kind_of(vm, path) == TINY_T_STR) { /* PEP 383: bytes that are no UTF-8 stand as lone surrogates */
    tiny_val how[2] = {tiny_string(vm, "utf-8"), tiny_string(vm, "surrogateescape")};
    raw = tiny_call_method(vm, path, "encode", 2, how);
  }
  tiny_val ended = tiny_binary(vm, TINY_ADD, raw, tiny_bytes(vm, "", 1));
  const char *text = tiny_failed(ended) ? NULL : tiny_to_bytes(vm, ended, &n);
  if (!text) return NULL;
  if (strlen(text) + 1 == n) return text;
  tiny_raise(vm, TINY_VALUE_ERROR, "embedded null byte");
  return NULL;
}

static int open_path(tiny_vm *vm, tiny_val path, int flags) {
  const char *text = path_of(vm, path);
  if (!text) return -1;
  for (;;) {
    int fd = open(text, flags | O_CLOEXEC, 0666);
    if (fd >= 0) return fd;
    int err = errno;
    if (again(vm)) continue;
    if (!tiny_pending(vm)) open_failed(vm, err, path);
    return -1;
  }
}

static int flags_of(const char *mode) {
  bool plus = strchr(mode, '+') != NULL;
  switch (mode[0]) {
  case 'w': return (plus ? O_RDWR : O_WRONLY) | O_CREAT | O_TRUNC;
  case 'a': return (plus ? O_RDWR : O_WRONLY) | O_CREAT | O_APPEND;
  case 'x': return (plus ? O_RDWR : O_WRONLY) | O_CREAT | O_EXCL;
  default: return plus ? O_RDWR : O_RDONLY;
  }
}

/* Before the program looks for modules: one may just have been written into a file that was dropped. What is still open may go out early. */
static tiny_val io_flush_all(tiny_vm *vm, tiny_args *a) {
  Dropped *d = dropped_of(vm);
  (void)a;
  for (File *f = d ? d->first : NULL; f; f = f->next) {
    if (f->dirty && !file_write_out(vm, f)) tiny_clear_error(vm); /* said when it is closed */
  }
  return d ? TINY_NONE : TINY_FAIL;
}

static tiny_val io_open(tiny_vm *vm, tiny_args *a) {
  tiny_val path = tiny_arg(a, 0);
  const char *mode = tiny_arg_str(a, 1, NULL);
  void *data;
  files_settle(vm);
  tiny_val v = tiny_instance(vm, &io_file_class, &data);
  if (tiny_failed(v)) return v;
  File *f = data;
  *f = (File){.fd = -1, .owned = true, .born = tiny_collections(vm), .unbuffered = tiny_arg_bool(a, 2), .readable = mode[0] == 'r' || strchr(mode, '+'), .writable = mode[0] != 'r' || strchr(mode, '+')};
  int64_t number;
  bool is_path = tiny_kind_of(vm, path) == TINY_T_STR || tiny_kind_of(vm, path) == TINY_T_BYTES;
  if (!is_path && !tiny_to_int(vm, path, &number)) return TINY_FAIL;
  int fd = is_path ? open_path(vm, path, flags_of(mode)) : (int)number;
  if (fd < 0) return tiny_pending(vm) ? TINY_FAIL : tiny_raise(vm, TINY_VALUE_ERROR, "negative file descriptor");
  struct stat st;
  int err = fstat(fd, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
  if (err) {
    if (is_path) (void)close(fd);
    open_failed(vm, err, path);
    return TINY_FAIL;
  }
  f->fd = fd;
  f->owned = tiny_arg_bool(a, 3);
  if (mode[0] == 'a') (void)lseek(fd, 0, SEEK_END);
  return v;
}

static void file_destroy(tiny_vm *vm, void *data) {
  File *f = data;
  const char *at = f->data;
  forget(f);
  for (size_t left = f->fd >= 0 ? f->dirty : 0; left > 0;) {
    ssize_t n = write(f->fd, at, left);
    if (n < 0 && errno != EINTR) break;
    if (n > 0) at += n, left -= (size_t)n;
  }
  if (f->fd >= 0 && f->owned) (void)close(f->fd);
  if (f->data) tiny_alloc(vm, f->data, f->capacity, 0);
}

static const tiny_def methods[] = {
  {"read", file_read, "(self, size=-1, /)", NULL},
  {"read1", file_read1, "(self, size=-1, /)", NULL},
  {"peek", file_peek, "(self, size=0, /)", NULL},
  {"readline", file_readline, "(self, size=-1, /)", NULL},
  {"write", file_write, "(self, data, /)", NULL},
  {"flush", file_flush, "(self, /)", NULL},
  {"drop", file_drop, "(self, /)", NULL},
  {"tell", file_tell, "(self, /)", NULL},
  {"seek", file_seek, "(self, offset, whence=0, /)", NULL},
  {"truncate", file_truncate, "(self, size=None, /)", NULL},
  {"close", file_close, "(self, /)", NULL},
  {"fileno", file_fileno, "(self, /)", NULL},
  {"isatty", file_isatty, "(self, /)", NULL},
  {"seekable", file_seekable, "(self, /)", NULL},
  {"@closed", get_closed, "(self)", NULL},
  {0}};
const tiny_class io_file_class = {.name = "_io_file.File", .data_size = sizeof(File), .methods = methods, .destroy = file_destroy, .flags = TINY_CLASS_NO_NEW | TINY_CLASS_FINAL};

static const tiny_def functions[] = {{"open", io_open, "(path, mode: str, unbuffered: bool = False, closefd: bool = True)", "Opens a file of the system."},
  {"flush_all", io_flush_all, "()", "Flushes files that were written to lately."}, {0}};

extern const tiny_module io_file_module;
const tiny_module io_file_module = {"_io_file", functions, 0, "Buffered files of the system."};
