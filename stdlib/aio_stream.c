/* asyncio.StreamReader's buffer in C: whatever is there already is taken without suspending; only waiting for more is left to stdlib/asyncio/streams.tiny.
 * The transport feeds it directly (tiny_aio_api, feed), so that no script code runs between the socket and the task that waits.
 * A task that waits in read() is only woken, and fetches what the system has into the bytes that it returns: no copies, and of many connections that
 * are readable at once only one has its data in the processor's cache and in the heap. */
#include <string.h>
#include "stdlib/aio.h"
#include "stdlib/contextvars.h"

typedef struct Reader {
  char *buf;
  size_t start, len, cap;  /* len bytes from start are unread */
  size_t scanned;          /* of those, so many hold no newline: a long line is searched once */
  size_t limit;
  tiny_val self, loop, waiter, exception, transport, source, reading /* a ReadWait to use again */;
  AioFetch fetch;          /* NULL: it is fed only */
  AioFlush flush;
  AioOpen open;
  bool eof, paused, ready, fetching /* the waiting task is in read() */;
} Reader;

static void reader_trace(tiny_tracer *t, void *data) {
  Reader *r = data;
  tiny_trace(t, r->loop);
  tiny_trace(t, r->waiter);
  tiny_trace(t, r->exception);
  tiny_trace(t, r->transport);
  tiny_trace(t, r->source);
  tiny_trace(t, r->reading);
}
static void reader_destroy(tiny_vm *vm, void *data) {
  Reader *r = data;
  if (r->buf) tiny_alloc(vm, r->buf, r->cap, 0);
  r->buf = NULL;
}

#define READER(name) Reader *name = tiny_data(vm, tiny_arg(a, 0), &aio_reader_class); if (!name || !name->ready) return tiny_raise(vm, TINY_TYPE_ERROR, "StreamReader object is required")

enum { KEPT = 4096 }; /* an empty buffer of more bytes is given back: many connections, few of them busy */

static bool reserve(tiny_vm *vm, Reader *r, size_t more) {
  if (r->start + r->len + more <= r->cap) return true;
  if (r->start && r->len + more <= r->cap && r->start >= r->len) { /* moves no more than was consumed */
    memmove(r->buf, r->buf + r->start, r->len);
    r->start = 0;
    return true;
  }
  size_t cap = r->len ? 2 * (r->len + more) : more;
  if (cap < 1024) cap = 1024;
  char *fresh = tiny_alloc(vm, NULL, 0, cap);
  if (!fresh) return (void)tiny_no_memory(vm), false;
  if (r->len) memcpy(fresh, r->buf + r->start, r->len);
  reader_destroy(vm, r);
  r->buf = fresh;
  r->cap = cap;
  r->start = 0;
  return true;
}

static void drop(tiny_vm *vm, Reader *r, size_t n) {
  r->len -= n;
  r->start = r->len ? r->start + n : 0;
  r->scanned = 0;
  if (r->len || r->cap <= KEPT) return;
  reader_destroy(vm, r);
  r->cap = 0;
}

static bool resume(tiny_vm *vm, Reader *r) {
  if (!r->paused || r->len > r->limit) return true;
  r->paused = false;
  return !tiny_failed(tiny_call_method(vm, r->transport, "resume_reading", 0, NULL));
}

static tiny_val take(tiny_vm *vm, Reader *r, size_t n) {
  tiny_val b = tiny_bytes(vm, n ? r->buf + r->start : "", n);
  if (tiny_failed(b)) return b;
  drop(vm, r, n);
  return resume(vm, r) ? b : TINY_FAIL;
}

static bool wake(tiny_vm *vm, Reader *r) {
  tiny_val w = r->waiter;
  r->waiter = TINY_NONE;
  if (tiny_is_none(w)) return true;
  Future *f = aio_future(vm, w);
  return f->state != FUT_PENDING || future_finish(vm, f, TINY_NONE);
}

/* data NULL: the end. May call pause_reading of the transport. */
bool reader_feed(tiny_vm *vm, tiny_val reader, const void *data, size_t n) {
  Reader *r = tiny_data(vm, reader, &aio_reader_class);
  if (!data) {
    r->eof = true;
    return wake(vm, r);
  }
  if (n == 0) return true;
  if (!reserve(vm, r, n)) return false;
  memcpy(r->buf + r->start + r->len, data, n);
  r->len += n;
  if (!wake(vm, r)) return false;
  if (tiny_is_none(r->transport) || r->paused || r->len <= 2 * r->limit) return true;
  tiny_val done = tiny_call_method(vm, r->transport, "pause_reading", 0, NULL);
  if (!tiny_failed(done)) {
    r->paused = true;
    return true;
  }
  if (!tiny_pending_is(vm, TINY_NOT_IMPLEMENTED_ERROR)) return false;
  tiny_clear_error(vm); /* cannot be paused: then the buffer grows, as in asyncio */
  tiny_store(vm, r->self, &r->transport, TINY_NONE);
  return true;
}

bool reader_fetches(tiny_vm *vm, tiny_val reader) {
  Reader *r = tiny_data(vm, reader, &aio_reader_class);
  if (!r->fetching || r->len || r->eof || tiny_is_none(r->waiter)) return false;
  r->fetching = false;
  return wake(vm, r);
}

size_t reader_unread(tiny_vm *vm, tiny_val reader) { return ((Reader *)tiny_data(vm, reader, &aio_reader_class))->len; }

static void set_source(tiny_vm *vm, tiny_val reader, tiny_val source, AioFetch fetch, AioFlush flush, AioOpen open) {
  Reader *r = tiny_data(vm, reader, &aio_reader_class);
  tiny_store(vm, reader, &r->source, source);
  r->fetch = fetch;
  r->flush = flush;
  r->open = open;
}

/* ---- methods */

static tiny_val m_init(tiny_vm *vm, tiny_args *a) {
  Reader *r = tiny_data(vm, tiny_arg(a, 0), &aio_reader_class);
  int64_t limit;
  if (!tiny_to_int(vm, tiny_arg(a, 1), &limit)) return TINY_FAIL;
  if (limit <= 0) return tiny_raise(vm, TINY_VALUE_ERROR, "Limit cannot be <= 0");
  r->self = tiny_arg(a, 0);
  r->limit = (size_t)limit;
  r->waiter = r->exception = r->transport = r->source = r->reading = TINY_NONE;
  tiny_val loop = tiny_arg(a, 2);
  if (tiny_is_none(loop)) loop = tiny_call_method(vm, tiny_import(vm, "asyncio.events"), "get_event_loop", 0, NULL);
  if (tiny_failed(loop)) return loop;
  tiny_store(vm, r->self, &r->loop, loop);
  r->ready = true;
  return TINY_NONE;
}

static tiny_val m_feed_data(tiny_vm *vm, tiny_args *a) {
  READER(r);
  size_t n;
  if (r->eof) return tiny_raise(vm, TINY_ASSERTION_ERROR, "feed_data after feed_eof");
  const void *data = tiny_to_bytes(vm, tiny_arg(a, 1), &n);
  return data && reader_feed(vm, tiny_arg(a, 0), data, n) ? TINY_NONE : TINY_FAIL;
}
static tiny_val m_feed_eof(tiny_vm *vm, tiny_args *a) { READER(r); (void)r; return reader_feed(vm, tiny_arg(a, 0), NULL, 0) ? TINY_NONE : TINY_FAIL; }
static tiny_val m_at_eof(tiny_vm *vm, tiny_args *a) { READER(r); return tiny_bool(r->eof && !r->len); }
static tiny_val m_exception(tiny_vm *vm, tiny_args *a) { READER(r); return r->exception; }
/* _calm(transport): no exception, and the transport is the one that feeds it and is not closing. False may mean that it is not known here. */
static tiny_val m_calm(tiny_vm *vm, tiny_args *a) {
  READER(r);
  return tiny_bool(tiny_is_none(r->exception) && r->open && tiny_is(r->source, tiny_arg(a, 1)) && r->open(vm, r->source));
}
static tiny_val m_set_exception(tiny_vm *vm, tiny_args *a) {
  READER(r);
  tiny_store(vm, r->self, &r->exception, tiny_arg(a, 1));
  tiny_val w = r->waiter;
  r->waiter = TINY_NONE;
  Future *f = tiny_is_none(w) ? NULL : aio_future(vm, w);
  return !f || f->state != FUT_PENDING || future_fail(vm, f, tiny_arg(a, 1)) ? TINY_NONE : TINY_FAIL;
}
static tiny_val m_set_transport(tiny_vm *vm, tiny_args *a) {
  READER(r);
  if (!tiny_is_none(r->transport)) return tiny_raise(vm, TINY_ASSERTION_ERROR, "Transport already set");
  tiny_store(vm, r->self, &r->transport, tiny_arg(a, 1));
  return TINY_NONE;
}

#define RAISE_STORED(r) do { if (!tiny_is_none((r)->exception)) return tiny_raise_value(vm, (r)->exception); } while (0)

/* Up to n bytes; None: there is nothing yet. now: after a wait, which may have ended without anything being there. */
static tiny_val some(tiny_vm *vm, Reader *r, int64_t n, bool now) {
  RAISE_STORED(r);
  if (n == 0) return tiny_bytes(vm, "", 0);
  if (!r->len && !r->eof) {
    if (!now) return TINY_NONE;
    tiny_val data;
    int got = r->fetch && n > 0 ? r->fetch(vm, r->source, (size_t)n, &data) : 2;
    if (got < 2) return got < 0 ? TINY_FAIL : got ? data : TINY_NONE;
    RAISE_STORED(r);
  }
  return take(vm, r, n < 0 || (uint64_t)n > r->len ? r->len : (size_t)n);
}
static tiny_val m_some(tiny_vm *vm, tiny_args *a) {
  READER(r);
  int64_t n;
  return tiny_to_int(vm, tiny_arg(a, 1), &n) ? some(vm, r, n, tiny_is(tiny_arg(a, 2), TINY_TRUE)) : TINY_FAIL;
}

/* _exactly(n): n bytes; None: not so many yet. At the end the caller takes what there is. */
static tiny_val m_exactly(tiny_vm *vm, tiny_args *a) {
  READER(r);
  int64_t n;
  if (!tiny_to_int(vm, tiny_arg(a, 1), &n)) return TINY_FAIL;
  if (n < 0) return tiny_raise(vm, TINY_VALUE_ERROR, "readexactly size can not be less than zero");
  RAISE_STORED(r);
  return (uint64_t)n <= r->len ? take(vm, r, (size_t)n) : TINY_NONE;
}

static const char *find(const char *s, size_t n, const char *sep, size_t m) {
  while (n >= m) {
    const char *hit = memchr(s, sep[0], n - m + 1);
    if (!hit) return NULL;
    if (memcmp(hit, sep, m) == 0) return hit;
    n -= (size_t)(hit + 1 - s);
    s = hit + 1;
  }
  return NULL;
}

/* An asyncio.LimitOverrunError: message and how much may be dropped. */
static tiny_val overrun(tiny_vm *vm, const char *message, size_t consumed) {
  tiny_val args[2] = {tiny_string(vm, message), tiny_int(vm, (int64_t)consumed)};
  return tiny_raise_value(vm, tiny_call_method(vm, tiny_import(vm, "asyncio.exceptions"), "LimitOverrunError", 2, args));
}

/* _until(separator): up to and with the separator; None: not there yet. */
static tiny_val m_until(tiny_vm *vm, tiny_args *a) {
  READER(r);
  size_t m;
  const char *sep = tiny_to_bytes(vm, tiny_arg(a, 1), &m);
  if (!sep) return TINY_FAIL;
  if (m == 0) return tiny_raise(vm, TINY_VALUE_ERROR, "Separator should be at least one-byte string");
  RAISE_STORED(r);
  const char *from = r->buf + r->start, *hit = r->len > r->scanned ? find(from + r->scanned, r->len - r->scanned, sep, m) : NULL;
  if (hit) {
    size_t at = (size_t)(hit - from);
    if (at > r->limit) return overrun(vm, "Separator is found, but chunk is longer than limit", at);
    return take(vm, r, at + m);
  }
  size_t settled = r->len >= m ? r->len - m + 1 : 0;
  if (settled > r->limit) return overrun(vm, "Separator is not found, and chunk exceed the limit", settled);
  if (m == 1) r->scanned = r->len; /* only readline's separator is remembered: it alone is searched again and again */
  return TINY_NONE;
}

/* _line(): a line with its newline, at the end what is left; None: not there yet. */
static tiny_val m_line(tiny_vm *vm, tiny_args *a) {
  READER(r);
  RAISE_STORED(r);
  const char *from = r->buf + r->start, *hit = r->len > r->scanned ? memchr(from + r->scanned, '\n', r->len - r->scanned) : NULL;
  size_t n = hit ? (size_t)(hit - from) : r->len;
  if (n > r->limit) { /* what was searched is given up, as asyncio does */
    drop(vm, r, hit ? n + 1 : r->len);
    if (!resume(vm, r)) return TINY_FAIL;
    return tiny_raise(vm, TINY_VALUE_ERROR, hit ? "Separator is found, but chunk is longer than limit" : "Separator is not found, and chunk exceed the limit");
  }
  if (hit) return take(vm, r, n + 1);
  if (r->eof) return take(vm, r, r->len);
  r->scanned = r->len;
  return TINY_NONE;
}

/* The future that the next data or the end completes. line: what was searched for a newline stays so; fetch: data can be left to the task that is woken. */
static tiny_val begin_wait(tiny_vm *vm, Reader *r, const char *method, bool line, bool fetch) {
  if (!tiny_is_none(r->waiter) && aio_future(vm, r->waiter)->state == FUT_PENDING)
    return tiny_raise(vm, TINY_RUNTIME_ERROR, "%s() called while another coroutine is already waiting for incoming data", method);
  if (r->flush && !r->flush(vm, r->source)) return TINY_FAIL;
  if (!line) r->scanned = 0;
  r->fetching = r->fetch && fetch;
  if (r->paused) {
    r->paused = false;
    if (tiny_failed(tiny_call_method(vm, r->transport, "resume_reading", 0, NULL))) return TINY_FAIL;
  }
  tiny_val f = aio_new_future(vm, r->loop);
  if (!tiny_failed(f)) tiny_store(vm, r->self, &r->waiter, f);
  return f;
}
static tiny_val m_begin_wait(tiny_vm *vm, tiny_args *a) {
  READER(r);
  const char *method = tiny_to_str(vm, tiny_arg(a, 1), NULL);
  return method ? begin_wait(vm, r, method, tiny_is(tiny_arg(a, 2), TINY_TRUE), tiny_is(tiny_arg(a, 3), TINY_TRUE)) : TINY_FAIL;
}

/* What read(n) awaits: data, as soon as there is some. */
typedef struct ReadWait { tiny_val reader, future /* that it waits for now */; int64_t n; } ReadWait;

static void read_wait_trace(tiny_tracer *t, void *data) {
  ReadWait *w = data;
  tiny_trace(t, w->reader);
  tiny_trace(t, w->future);
}

static tiny_val read_await(tiny_vm *vm, tiny_val self, void *data, bool *end) {
  ReadWait *w = data;
  Reader *r = tiny_data(vm, w->reader, &aio_reader_class);
  bool waited = !tiny_is_none(w->future), done = false;
  tiny_val v;
  if (waited) {
    v = future_await(vm, w->future, aio_future(vm, w->future), &done);
    if (!done) return v;
    w->future = TINY_NONE;
    if (tiny_failed(v)) return v;
  }
  v = some(vm, r, w->n, waited);
  if (tiny_failed(v) || !tiny_is_none(v)) return *end = true, v;
  v = begin_wait(vm, r, "read", false, w->n >= 4096);
  if (tiny_failed(v)) return v;
  tiny_store(vm, self, &w->future, v);
  return future_await(vm, v, aio_future(vm, v), &done);
}
static void read_await_left(tiny_vm *vm, tiny_val self, void *data) {
  (void)vm, (void)self;
  ((ReadWait *)data)->future = TINY_NONE;
}
static const tiny_class read_wait_class = {.name = "_asyncio.ReadWait", .data_size = sizeof(ReadWait), .trace = read_wait_trace, .await = read_await, .await_left = read_await_left,
    .flags = TINY_CLASS_NO_NEW | TINY_CLASS_FINAL};

/* _reading(n): a ReadWait. One that nobody waits with serves again. */
static tiny_val m_reading(tiny_vm *vm, tiny_args *a) {
  READER(r);
  int64_t n;
  if (!tiny_to_int(vm, tiny_arg(a, 1), &n)) return TINY_FAIL;
  tiny_val self = r->reading;
  ReadWait *w = tiny_is_none(self) ? NULL : tiny_data(vm, self, &read_wait_class);
  if (!w || !tiny_is_none(w->future)) {
    void *data;
    self = tiny_instance(vm, &read_wait_class, &data);
    if (tiny_failed(self)) return self;
    w = data;
    w->future = TINY_NONE;
    tiny_store(vm, self, &w->reader, r->self);
    tiny_store(vm, r->self, &r->reading, self);
  }
  w->n = n;
  return self;
}

static tiny_val g_buffer(tiny_vm *vm, tiny_args *a) { READER(r); return tiny_bytes(vm, r->len ? r->buf + r->start : "", r->len); }
static tiny_val g_eof(tiny_vm *vm, tiny_args *a) { READER(r); return tiny_bool(r->eof); }
static tiny_val g_limit(tiny_vm *vm, tiny_args *a) { READER(r); return tiny_int(vm, (int64_t)r->limit); }
static tiny_val g_loop(tiny_vm *vm, tiny_args *a) { READER(r); return r->loop; }
static tiny_val g_paused(tiny_vm *vm, tiny_args *a) { READER(r); return tiny_bool(r->paused); }
static tiny_val g_transport(tiny_vm *vm, tiny_args *a) { READER(r); return r->transport; }
static tiny_val g_waiter(tiny_vm *vm, tiny_args *a) { READER(r); return r->waiter; }
static tiny_val s_waiter(tiny_vm *vm, tiny_args *a) {
  READER(r);
  if (!tiny_is_none(tiny_arg(a, 1)) && !aio_future(vm, tiny_arg(a, 1))) return tiny_raise(vm, TINY_TYPE_ERROR, "Future object is required");
  tiny_store(vm, r->self, &r->waiter, tiny_arg(a, 1));
  return TINY_NONE;
}

static const tiny_def reader_methods[] = {{"__init__", m_init, "(self, limit=65536, loop=None)", NULL}, {"feed_data", m_feed_data, "(self, data)", NULL}, {"feed_eof", m_feed_eof, "(self)", NULL},
    {"at_eof", m_at_eof, "(self)", "Return True if the buffer is empty and 'feed_eof' was called."}, {"exception", m_exception, "(self)", NULL}, {"set_exception", m_set_exception, "(self, exc)", NULL},
    {"set_transport", m_set_transport, "(self, transport)", NULL}, {"_some", m_some, "(self, n, now=False, /)", NULL}, {"_exactly", m_exactly, "(self, n, /)", NULL},
    {"_until", m_until, "(self, separator, /)", NULL}, {"_line", m_line, "(self, /)", NULL}, {"_begin_wait", m_begin_wait, "(self, name, line=False, fetch=False, /)", NULL}, {"_calm", m_calm, "(self, transport, /)", NULL}, {"_reading", m_reading, "(self, n, /)", NULL}, {"@_buffer", g_buffer, "(self, /)", NULL},
    {"@_eof", g_eof, "(self, /)", NULL}, {"@_limit", g_limit, "(self, /)", NULL}, {"@_loop", g_loop, "(self, /)", NULL}, {"@_paused", g_paused, "(self, /)", NULL},
    {"@_transport", g_transport, "(self, /)", NULL}, {"@_waiter", g_waiter, "(self, /)", NULL}, {"=_waiter", s_waiter, "(self, v, /)", NULL}, {0}};
const tiny_class aio_reader_class = {.name = "_asyncio.StreamReader", .data_size = sizeof(Reader), .methods = reader_methods, .trace = reader_trace, .destroy = reader_destroy, .flags = TINY_CLASS_DICT};

/* ---- what a module with I/O of its own (stdlib/full/aio_uv.c) uses */

tiny_val aio_new_future(tiny_vm *vm, tiny_val loop) {
  void *data;
  tiny_val f = tiny_instance(vm, &aio_future_class, &data);
  return tiny_failed(f) || !future_init(vm, data, f, loop) ? TINY_FAIL : f;
}
static bool resolve(tiny_vm *vm, tiny_val future, tiny_val result) {
  Future *f = aio_future(vm, future);
  return f->state != FUT_PENDING || future_finish(vm, f, result);
}
static bool reject(tiny_vm *vm, tiny_val future, tiny_val exc) {
  Future *f = aio_future(vm, future);
  return f->state != FUT_PENDING || future_fail(vm, f, exc);
}
static bool add_handle(tiny_vm *vm, tiny_val loop, tiny_val handle) { return loop_add_ready(vm, loop, handle); }
/* What a connection has read. Where there is no memory for it the connection ends, and its reader's goes at once: others can go on. */
static bool feed(tiny_vm *vm, tiny_val reader, const void *data, size_t n) {
  if (reader_feed(vm, reader, data, n)) return true;
  Reader *r = tiny_data(vm, reader, &aio_reader_class);
  reader_destroy(vm, r);
  r->start = r->len = r->cap = r->scanned = 0;
  return false;
}
const AioApi *tiny_aio_api(void) {
  static const AioApi api = {aio_loop, loop_call_soon, add_handle, aio_new_future, resolve, reject, aio_wake_fd, aio_wake_drain, aio_wait_limit, feed, reader_fetches, reader_unread, context_snapshot, set_source};
  return &api;
}
