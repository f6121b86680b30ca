/* Module _signal: the script's handlers of signals, timers that send one. Signals come by way of the host, whose C handler calls tiny_signal (tiny_config.signal); the
 * safe point that sees them calls dispatch(). Without that hook a script can only have signals ignored or not. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "stdlib/stdlib.h"

enum { LAST = 64, DEFAULT = 0, IGNORE = 1 };

typedef struct Handlers {
  tiny_val of[LAST + 1];   /* what was set: a callable, 0 or 1; zero word: nothing yet */
  bool set[LAST + 1];
  bool listening;          /* dispatch is what safe points call */
  int wakeup_fd;           /* + 1; 0: none */
  uint64_t handled;        /* how many signals functions have handled */
} Handlers;

static void handlers_trace(tiny_tracer *t, void *data) {
  Handlers *h = data;
  for (int i = 1; i <= LAST; i++)
    if (h->set[i]) tiny_trace(t, h->of[i]);
}
static Handlers *handlers(tiny_vm *vm) {
  static const char key = 0;
  return tiny_module_data(vm, &key, sizeof(Handlers), handlers_trace, NULL);
}

static tiny_val os_error(tiny_vm *vm) { return tiny_raise_os(vm, errno, NULL); }

static bool number_arg(tiny_vm *vm, tiny_args *a, int i, int *out) {
  int64_t n = tiny_arg_int(a, i);
  if (n < 1 || n > LAST) return (void)tiny_raise(vm, TINY_VALUE_ERROR, "signal number out of range"), false;
  *out = (int)n;
  return true;
}

static tiny_val default_int_handler(tiny_vm *vm, tiny_args *a) { return (void)a, tiny_raise_value(vm, tiny_exc_class(vm, TINY_KEYBOARD_INTERRUPT)); }

/* SIG_DFL or SIG_IGN as an int; a function of the host's own, or none that is known: None */
static tiny_val disposition(tiny_vm *vm, int number) {
  struct sigaction now;
  if (sigaction(number, NULL, &now) != 0) return TINY_NONE;
  return now.sa_handler == SIG_DFL ? tiny_int(vm, DEFAULT) : now.sa_handler == SIG_IGN ? tiny_int(vm, IGNORE) : TINY_NONE;
}

static tiny_val current(tiny_vm *vm, Handlers *h, int number) {
  if (h->set[number]) return h->of[number];
  tiny_val v = disposition(vm, number);
  if (number != SIGINT || !tiny_is_none(v) || !tiny_has_signals(vm)) return v; /* what the host does is its own affair */
  return tiny_getattr(vm, tiny_import(vm, "_signal"), "default_int_handler");
}

static tiny_val m_getsignal(tiny_vm *vm, tiny_args *a) {
  int number;
  Handlers *h = handlers(vm);
  if (!h) return tiny_no_memory(vm);
  return number_arg(vm, a, 0, &number) ? current(vm, h, number) : TINY_FAIL;
}

/* Called at a safe point: the handler gets the number and the frame that was interrupted. */
static tiny_val dispatch(tiny_vm *vm, tiny_args *a) {
  Handlers *h = handlers(vm);
  int number;
  if (!h) return tiny_no_memory(vm);
  if (!number_arg(vm, a, 0, &number)) return TINY_FAIL;
  if (!h->set[number] || tiny_kind_of(vm, h->of[number]) == TINY_T_INT) return TINY_NONE; /* it was pending when the handler was taken away */
  h->handled++;
  unsigned char byte = (unsigned char)number;
  if (h->wakeup_fd) (void)!write(h->wakeup_fd - 1, &byte, 1);
  tiny_val argv[2] = {tiny_int(vm, number), tiny_frame(vm, 0)};
  return tiny_tail_call(vm, h->of[number], 2, argv);
}

static bool listen_for_signals(tiny_vm *vm, Handlers *h) {
  static const tiny_def row = {"dispatch", dispatch, "(number: int, /)", NULL};
  if (h->listening) return true;
  tiny_val f = tiny_function(vm, &row, TINY_NONE);
  if (tiny_failed(f) || !tiny_on_signal(vm, f)) return false;
  h->listening = true;
  return true;
}

bool signals_awaited(tiny_vm *vm) {
  Handlers *h = handlers(vm);
  for (int i = 1; h && i <= LAST; i++)
    if (i != SIGINT && h->set[i] && tiny_kind_of(vm, h->of[i]) != TINY_T_INT) return true;
  return false;
}

static bool apply(tiny_vm *vm, int number, tiny_signal_action action) {
  if (tiny_has_signals(vm)) return tiny_set_signal(vm, number, action) || ((void)os_error(vm), false);
  if (action == TINY_SIGNAL_DELIVER) return (void)tiny_raise(vm, TINY_NOT_IMPLEMENTED_ERROR, "this host delivers no signals to functions of scripts"), false;
  struct sigaction now;
  memset(&now, 0, sizeof now);
  now.sa_handler = action == TINY_SIGNAL_IGNORE ? SIG_IGN : SIG_DFL;
  return sigaction(number, &now, NULL) == 0 || ((void)os_error(vm), false);
}

/* signal(number, handler): handler is 0, 1 or a callable. The one before. */
static tiny_val m_signal(tiny_vm *vm, tiny_args *a) {
  int number;
  int64_t plain = -1;
  Handlers *h = handlers(vm);
  tiny_val handler = tiny_arg(a, 1);
  if (!h) return tiny_no_memory(vm);
  if (!number_arg(vm, a, 0, &number)) return TINY_FAIL;
  if (tiny_kind_of(vm, handler) == TINY_T_INT && !tiny_to_int(vm, handler, &plain)) return TINY_FAIL;
  if (plain != DEFAULT && plain != IGNORE && !tiny_callable(vm, handler)) return tiny_raise(vm, TINY_TYPE_ERROR, "signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object");
  if (!tiny_poll_signals(vm)) return TINY_FAIL; /* what is pending is the old handler's */
  tiny_val before = current(vm, h, number);
  if (tiny_failed(before) || !listen_for_signals(vm, h)) return TINY_FAIL;
  tiny_val usual = tiny_getattr(vm, tiny_import(vm, "_signal"), "default_int_handler");
  bool interrupts = number == SIGINT && tiny_has_signals(vm) && tiny_is(handler, usual);
  if (!apply(vm, number, plain == DEFAULT ? TINY_SIGNAL_DEFAULT : plain == IGNORE ? TINY_SIGNAL_IGNORE : interrupts ? TINY_SIGNAL_INTERRUPT : TINY_SIGNAL_DELIVER)) return TINY_FAIL;
  h->of[number] = plain >= 0 ? tiny_int(vm, plain) : handler;
  h->set[number] = true;
  return before;
}

static tiny_val m_raise(tiny_vm *vm, tiny_args *a) {
  int64_t n = tiny_arg_int(a, 0);
  if (raise((int)n) != 0) return os_error(vm);
  return tiny_poll_signals(vm) ? TINY_NONE : TINY_FAIL;
}

static tiny_val m_pause(tiny_vm *vm, tiny_args *a) {
  Handlers *h = handlers(vm);
  (void)a;
  if (!h) return tiny_no_memory(vm);
  for (uint64_t before = h->handled;;) {
    if (!tiny_poll_signals(vm)) return TINY_FAIL;
    if (h->handled != before) return TINY_NONE;
    struct timespec slice = {0, 20000000};
    nanosleep(&slice, NULL); /* a signal ends it */
  }
}

static tiny_val m_set_wakeup_fd(tiny_vm *vm, tiny_args *a) {
  Handlers *h = handlers(vm);
  if (!h) return tiny_no_memory(vm);
  int before = h->wakeup_fd - 1;
  h->wakeup_fd = tiny_arg_int(a, 0) < 0 ? 0 : (int)tiny_arg_int(a, 0) + 1;
  return tiny_int(vm, before);
}

/* ---- timers */

static tiny_val m_alarm(tiny_vm *vm, tiny_args *a) { return tiny_int(vm, alarm((unsigned)tiny_arg_int(a, 0))); }

static struct timeval timeval_of(double seconds) {
  struct timeval t = {(time_t)floor(seconds), 0};
  t.tv_usec = (suseconds_t)((seconds - floor(seconds)) * 1e6);
  if (seconds > 0 && !t.tv_sec && !t.tv_usec) t.tv_usec = 1;
  return t;
}
static double seconds_of(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }
static tiny_val timer_pair(tiny_vm *vm, const struct itimerval *t) {
  tiny_val v[2] = {tiny_float(vm, seconds_of(t->it_value)), tiny_float(vm, seconds_of(t->it_interval))};
  return tiny_tuple(vm, 2, v);
}
static tiny_val m_setitimer(tiny_vm *vm, tiny_args *a) {
  double seconds, interval;
  struct itimerval now, before;
  if (!tiny_to_float(vm, tiny_arg(a, 1), &seconds) || !tiny_to_float(vm, tiny_arg(a, 2), &interval)) return TINY_FAIL;
  if (!(fabs(seconds) < 1e15) || !(fabs(interval) < 1e15)) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "timestamp out of range for platform time_t");
  now.it_value = timeval_of(seconds);
  now.it_interval = timeval_of(interval);
  return setitimer((int)tiny_arg_int(a, 0), &now, &before) != 0 ? os_error(vm) : timer_pair(vm, &before);
}
static tiny_val m_getitimer(tiny_vm *vm, tiny_args *a) {
  struct itimerval now;
  return getitimer((int)tiny_arg_int(a, 0), &now) != 0 ? os_error(vm) : timer_pair(vm, &now);
}

/* ---- masks */

static tiny_val set_of(tiny_vm *vm, const sigset_t *mask) {
  tiny_val list = tiny_list(vm, 0, NULL);
  for (int i = 1; i <= LAST && !tiny_failed(list); i++)
    if (sigismember(mask, i) == 1 && !tiny_list_append(vm, list, tiny_int(vm, i))) return TINY_FAIL;
  return list;
}
/* pthread_sigmask(how, numbers: list) -> list of those that were blocked */
static tiny_val m_sigmask(tiny_vm *vm, tiny_args *a) {
  sigset_t mask, before;
  sigemptyset(&mask);
  for (int i = 0, n = tiny_seq_len(tiny_arg(a, 1)); i < n; i++) {
    int64_t number;
    if (!tiny_to_int(vm, tiny_seq_item(tiny_arg(a, 1), i), &number)) return TINY_FAIL;
    if (number < 1 || number > LAST) return tiny_raise(vm, TINY_VALUE_ERROR, "signal number %lld out of range [1; %d]", (long long)number, LAST);
    sigaddset(&mask, (int)number);
  }
  int err = pthread_sigmask((int)tiny_arg_int(a, 0), &mask, &before);
  if (err) return tiny_raise_os(vm, err, NULL);
  return tiny_poll_signals(vm) ? set_of(vm, &before) : TINY_FAIL;
}
static tiny_val m_sigpending(tiny_vm *vm, tiny_args *a) {
  sigset_t mask;
  (void)a;
  return sigpending(&mask) != 0 ? os_error(vm) : set_of(vm, &mask);
}

static const tiny_def functions[] = {
    {"signal", m_signal, "(signalnum: int, handler, /)", NULL}, {"getsignal", m_getsignal, "(signalnum: int, /)", NULL}, {"raise_signal", m_raise, "(signalnum: int, /)", "Send a signal to the executing process."},
    {"default_int_handler", default_int_handler, "(signalnum: int, frame, /)", "The default handler for SIGINT.\n\nIt raises KeyboardInterrupt."},
    {"pause", m_pause, "()", "Wait until a signal arrives."}, {"set_wakeup_fd", m_set_wakeup_fd, "(fd: int, /)", NULL}, {"alarm", m_alarm, "(seconds: int, /)", "Arrange for SIGALRM to arrive after the given number of seconds."},
    {"setitimer", m_setitimer, "(which: int, seconds, interval=0.0, /)", "Sets given itimer (one of ITIMER_REAL, ITIMER_VIRTUAL or ITIMER_PROF)."}, {"getitimer", m_getitimer, "(which: int, /)", "Returns current value of given itimer."},
    {"sigmask", m_sigmask, "(how: int, numbers: list, /)", NULL}, {"sigpending", m_sigpending, "()", NULL}, {0}};
extern const tiny_module signal_module;
const tiny_module signal_module = {.name = "_signal", .functions = functions, .doc = "Signals of the process."};
