/* The C heart of asyncio: futures, tasks and the scheduler (ready ring, timer heap). It makes no OS call but through the poller; what is not
 * needed at every switch is in stdlib/asyncio/. Order of execution is CPython 3.11's. */
#ifndef TINY_STDLIB_AIO_H
#define TINY_STDLIB_AIO_H
#include "include/tiny.h"
#include "stdlib/clock.h"

typedef enum { FUT_PENDING, FUT_CANCELLED, FUT_FINISHED } FutState;

/* Memory is what many tasks cost, so words have two uses. */
typedef struct Future {
  tiny_val loop;
  tiny_val value;          /* the result, or the exception if failed; None. While pending, of a sleep(): the result to come; of a task: its context */
  tiny_val callback;       /* the only callback, TINY_ABSENT: none; or a list when there are more */
  tiny_val extra;          /* of a task: the Future that it waits for, or an exception to be thrown at its next step; of others: the Waiters that it leaves when awaited. None */
  uint32_t place;          /* where it stands in a Waiters; a task: in the loop's list of tasks */
  uint16_t cancels;        /* of a task: cancelling() */
  uint8_t state : 2;       /* FutState */
  bool blocking : 1;       /* yielded to a task by await, not yet taken up */
  bool log_traceback : 1;  /* nobody has seen the exception */
  bool failed : 1;         /* value is an exception; of a cancelled one: the CancelledError that it ended with */
  bool is_task : 1;
  bool quiet : 1;          /* _log_destroy_pending = False */
  bool timed : 1;          /* of a sleep(): stands in the heap of timers */
  bool has_message : 1;    /* cancel() was given a message: its attribute MESSAGE */
  bool must_cancel : 1, listed : 1, foreign : 1 /* of a task: no coroutine of the VM but an object with send() and throw() */;
} Future;

typedef struct Task {
  Future f;                /* must be first: a Task is a Future */
  tiny_val coro;
  tiny_val name;           /* an int: the number of Task-N, while nobody has given or asked for a name */
} Task;

typedef struct Handle {
  tiny_val callback, args, loop, context;
  tiny_val source;         /* debug mode: the stack where it was made */
  double when;             /* of a TimerHandle */
  bool cancelled, scheduled;
} Handle;

typedef struct Timer { double when; uint64_t seq; tiny_val handle; /* or the Future of a sleep() */ } Timer;

/* Waits for what is outside: NULL functions: only time passes. */
typedef struct Poller {
  bool (*wait)(tiny_vm *vm, void *data, double seconds); /* at most so long (negative: until something happens); false: exception pending */
  bool (*active)(void *data);                            /* can anything outside still happen? */
  void (*release)(tiny_vm *vm, void *data);              /* the loop is closed or gone: everything outside is given up */
  int (*fd)(void *data);                                 /* for a host's own poll(2): readable when wait would return */
  bool (*pending)(void *data);                           /* would wait return at once? */
  void *data;
} Poller;

typedef struct Ops Ops;    /* what natives of the host have begun and not ended (aio_op.c) */

typedef struct Loop {
  tiny_val self;
  tiny_val *ready;         /* ring of capacity ready_cap (a power of two): a Handle; a Task, whose extra says what it gets; a Future to be completed */
  size_t ready_at, ready_len, ready_cap;
  size_t batch;            /* entries of this turn still to run */
  Timer *timers;           /* binary heap by (when, seq) */
  size_t n_timers, cap_timers, n_cancelled;
  uint64_t seq;
  tiny_val *tasks;         /* every task that is not done: the loop keeps them alive */
  size_t n_tasks, cap_tasks;
  tiny_val current;        /* running task or None */
  tiny_val factory;        /* makes tasks; None: they are plain ones */
  tiny_val previous_loop;  /* what was the running loop before */
  tiny_val *context;       /* the current context (contextvars.h) */
  tiny_val outside;        /* the context that is left while a step or a callback runs in its own */
  tiny_val groups[4];      /* of wait(): those that the next call may take up again (aio_group.c) */
  uint8_t next_group;      /* the next place to be taken there */
  bool plain_timers;       /* its class has the methods for them that are here */
  bool running, stopping, closed, virtual_clock, debug, tick /* the host drives: never waits */, failed /* a future had an exception */, inside /* a step or callback has entered its context */;
  VirtualClock *clock;     /* of a virtual clock */
  double tick_end;         /* the host's tick: until then (0: as long as something is ready) */
  double step_began;       /* debug mode */
  Ops *ops;                /* NULL: none was begun here */
  Poller poller;
} Loop;

typedef struct AioData { tiny_val running, cancelled_error, invalid_state; uint64_t tasks_named; uint32_t limits /* that had struck when running was set */; } AioData;

extern const tiny_class aio_future_class, aio_task_class, aio_loop_class, aio_handle_class, aio_timer_class, aio_iter_class, aio_reader_class, aio_waiters_class, aio_group_class;
extern const tiny_class deque_class;                     /* collections.deque */
AioData *aio_data(tiny_vm *vm);
tiny_val aio_running(tiny_vm *vm);             /* the running loop or None */
Loop *aio_loop(tiny_vm *vm, tiny_val loop);
tiny_val future_self(const Future *f);
Future *aio_future(tiny_vm *vm, tiny_val v);   /* Future or Task, NULL: neither */
Task *aio_task(tiny_vm *vm, tiny_val v);

bool loop_add_ready(tiny_vm *vm, tiny_val loop, tiny_val what);
bool ready_push(tiny_vm *vm, Loop *l, tiny_val what); /* the same for who has the Loop */
tiny_val loop_call_soon(tiny_vm *vm, tiny_val loop, tiny_val callback, tiny_val args, tiny_val context);
tiny_val loop_turn(tiny_vm *vm, Loop *l);                /* what a continuation of the loop returns: runs on */
TINY_CHECK bool loop_enter(tiny_vm *vm, Loop *l, tiny_val context); /* enters a context (PEP 567) */
tiny_val loop_not_entered(tiny_vm *vm, Loop *l, tiny_val what); /* the entry of the ring could not do so: reported, and the turn goes on */
tiny_val loop_leave(tiny_vm *vm, Loop *l);               /* leaves it; the context as it is now */
bool loop_check_closed(tiny_vm *vm, Loop *l);
bool loop_add_timer(tiny_vm *vm, Loop *l, double when, tiny_val handle);
tiny_val loop_pop_timer(tiny_vm *vm, Loop *l, bool *dead); /* dead: it was cancelled */
void loop_drop_cancelled(tiny_vm *vm, Loop *l);
bool loop_add_task(tiny_vm *vm, Loop *l, Task *t);
void loop_drop_task(tiny_vm *vm, Loop *l, Task *t);
tiny_val handle_raised(tiny_vm *vm, tiny_val loop, tiny_val handle, tiny_val exc); /* what a native returns that ran a handle: call_exception_handler */
bool loop_took(tiny_vm *vm, tiny_val loop, Loop *l, tiny_val what);              /* debug mode: reports what was slow */
void loop_step_begins(Loop *l);
tiny_val handle_new(tiny_vm *vm, bool timer, tiny_val loop, tiny_val callback, tiny_val args, tiny_val context);
tiny_val aio_source(tiny_vm *vm, const Loop *l);         /* debug mode: the stack, else None */

double loop_wait_time(tiny_vm *vm, Loop *l);             /* until there is something to do; negative: no timer */
int aio_wake_fd(tiny_vm *vm);                            /* readable when tiny_interrupt was called; -1: exception pending */
int aio_wake_write_fd(tiny_vm *vm);                      /* its other end, when there is one; else -1 */
void aio_wake_drain(int fd);
double aio_wait_limit(tiny_vm *vm, double seconds);      /* not longer than to the deadline; negative: for ever */
bool aio_wait(tiny_vm *vm, double seconds);              /* false: an interrupt or the deadline came: exception pending */

bool future_init(tiny_vm *vm, Future *f, tiny_val self, tiny_val loop);
bool future_add_callback(tiny_vm *vm, Future *f, tiny_val fn, tiny_val context); /* a Task as fn: it is woken */
bool future_finish(tiny_vm *vm, Future *f, tiny_val result);
bool future_fail(tiny_vm *vm, Future *f, tiny_val exc);
void future_seen(tiny_vm *vm, Future *f);                         /* its exception need not be reported any more */
bool future_fail_quietly(tiny_vm *vm, Future *f, tiny_val exc);   /* one that need not be fetched */
int future_cancel(tiny_vm *vm, Future *f, tiny_val msg);          /* 1 0 -1 */
tiny_val future_result(tiny_vm *vm, Future *f);                   /* raises what is to be raised */
tiny_val future_cancelled_error(tiny_vm *vm, Future *f);          /* a CancelledError instance */
void future_trace(tiny_tracer *t, void *data);
tiny_val future_await(tiny_vm *vm, tiny_val self, void *data, bool *end);
void future_await_left(tiny_vm *vm, tiny_val self, void *data);
tiny_val future_message(tiny_vm *vm, Future *f);                  /* that cancel() was given, or None */
bool future_set_message(tiny_vm *vm, Future *f, tiny_val msg);
bool waiters_leave(tiny_vm *vm, Future *f);                       /* the Waiters that it stands in; false: in none */

tiny_val task_step(tiny_vm *vm, Loop *l, tiny_val task, Task *t, tiny_val exc); /* starts one step, throwing exc in unless it is None: a continuation that ends in loop_turn */
tiny_val task_wakeup(tiny_vm *vm, Loop *l, tiny_val task, Task *t);    /* the step that its turn in the ring is */
int task_cancel(tiny_vm *vm, Task *t, tiny_val msg);
tiny_val task_new(tiny_vm *vm, tiny_val loop, tiny_val coro, tiny_val name, tiny_val context);

bool group_told(tiny_vm *vm, tiny_val group, Future *f);           /* one of a Group's futures is done */
int group_not_alone(tiny_vm *vm, tiny_val group, Future *f);       /* the future of which it is the only callback gets another: 1 it stays, 0 it goes, -1 failed */
bool group_is_second(tiny_vm *vm, tiny_val group, Future *f);      /* it became a callback beside others */
bool group_listens(tiny_vm *vm, tiny_val group);                   /* is somebody waiting? */

bool ops_waiting(const Ops *ops);                                  /* does anybody wait for one? */
bool ops_ready(const Ops *ops);                                    /* has any been completed? */
TINY_CHECK bool ops_deliver(tiny_vm *vm, Ops *ops);                /* their futures are completed */

tiny_val aio_new_future(tiny_vm *vm, tiny_val loop);
bool reader_feed(tiny_vm *vm, tiny_val reader, const void *data, size_t n); /* data NULL: the end */

/* A reader may fetch from its source itself, at most `most` bytes: 1 bytes in *out, 0 nothing there now, 2 the end, which has been fed, -1 exception pending. */
typedef int (*AioFetch)(tiny_vm *vm, tiny_val source, size_t most, tiny_val *out);
typedef bool (*AioOpen)(tiny_vm *vm, tiny_val source);                      /* it is not closing */
typedef bool (*AioFlush)(tiny_vm *vm, tiny_val source);                     /* a task is about to wait for more: what was written goes out */
size_t reader_unread(tiny_vm *vm, tiny_val reader);                         /* bytes that were fed and not taken yet */
bool reader_fetches(tiny_vm *vm, tiny_val reader);                          /* there is something: a task in read() is woken and fetches it; false: feed */

/* What modules of libtiny-full use of this one: the library shows no names but tiny_*. */
typedef struct AioApi {
  Loop *(*loop)(tiny_vm *vm, tiny_val loop);             /* NULL: another kind of loop */
  tiny_val (*call_soon)(tiny_vm *vm, tiny_val loop, tiny_val callback, tiny_val args, tiny_val context);
  bool (*add_handle)(tiny_vm *vm, tiny_val loop, tiny_val handle); /* a Handle is ready to run */
  tiny_val (*new_future)(tiny_vm *vm, tiny_val loop);
  bool (*resolve)(tiny_vm *vm, tiny_val future, tiny_val result); /* nothing if it is done already */
  bool (*reject)(tiny_vm *vm, tiny_val future, tiny_val exc);
  int (*wake_fd)(tiny_vm *vm);
  void (*wake_drain)(int fd);
  double (*wait_limit)(tiny_vm *vm, double seconds);
  bool (*feed)(tiny_vm *vm, tiny_val reader, const void *data, size_t n);
  bool (*fetches)(tiny_vm *vm, tiny_val reader);
  size_t (*unread)(tiny_vm *vm, tiny_val reader);
  tiny_val (*context)(tiny_vm *vm);                      /* a copy of the current context; None: it is empty */
  void (*set_source)(tiny_vm *vm, tiny_val reader, tiny_val source, AioFetch fetch, AioFlush flush, AioOpen open);
} AioApi;
TINY_API const AioApi *tiny_aio_api(void);
#endif
