/* The event loop driven by the host's own main loop (include/tiny.h): a descriptor and a time to wait for, and ticks that never block. The loop is the one
 * that asyncio.get_event_loop() gives, or a new one if there is none; the hooks of a run are set by BaseEventLoop._tick (stdlib/asyncio/base_events.tiny).
 * While an exception is pending nothing runs: a tick has failed, and there is nothing to wait for. */
#include "stdlib/aio.h"

/* The loop, or TINY_FAIL. attach: with what waits for the outside, if there is such a module. */
static tiny_val host_loop(tiny_vm *vm, bool attach, Loop **l) {
  *l = NULL;
  if (tiny_pending(vm)) return TINY_FAIL;
  tiny_val loop = tiny_call_method(vm, tiny_import(vm, "asyncio.events"), "_host_loop", 0, NULL);
  *l = tiny_failed(loop) ? NULL : aio_loop(vm, loop);
  if (!*l) return tiny_failed(loop) ? loop : tiny_raise(vm, TINY_TYPE_ERROR, "an event loop of this library is required, got %R", loop);
  if (attach && !(*l)->poller.data && !(*l)->virtual_clock && !(*l)->closed) {
    tiny_val uv = tiny_import(vm, "_uv");
    if (tiny_failed(uv)) tiny_clear_error(vm); /* only timers then */
    else if (tiny_failed(tiny_call_method(vm, uv, "attach", 1, &loop))) return TINY_FAIL;
  }
  return loop;
}

/* Without sockets: the pipe of tiny_interrupt and of operations that the host completes. */
static int pipe_fd(tiny_vm *vm) {
  int fd = aio_wake_fd(vm);
  tiny_clear_error(vm);
  return fd;
}

/* A paused script that waits for an operation needs no asyncio. */
static bool no_asyncio(tiny_vm *vm) { return tiny_waits(vm) && tiny_is_absent(tiny_dict_get(vm, tiny_modules(vm), "asyncio.events")); }

int tiny_loop_fd(tiny_vm *vm) {
  if (tiny_pending(vm)) return -1;
  tiny_scope s = tiny_scope_open(vm);
  Loop *l;
  int fd = -1;
  if (no_asyncio(vm)) return pipe_fd(vm);
  if (!tiny_failed(host_loop(vm, true, &l))) fd = l->poller.fd ? l->poller.fd(l->poller.data) : aio_wake_fd(vm);
  tiny_clear_error(vm);
  tiny_scope_close(vm, s);
  return fd;
}

int tiny_loop_timeout_ms(tiny_vm *vm) {
  if (tiny_pending(vm)) return 0;
  tiny_scope s = tiny_scope_open(vm);
  Loop *l;
  int ms = -1;
  if (no_asyncio(vm)) return ms;
  if (!tiny_failed(host_loop(vm, false, &l))) {
    double wait = loop_wait_time(vm, l);
    if (wait >= 0) ms = wait > 1e6 ? 1000000000 : (int)(wait * 1e3 + 0.999);
    if (ms != 0 && l->poller.data && l->poller.pending(l->poller.data)) ms = 0;
  }
  tiny_clear_error(vm);
  tiny_scope_close(vm, s);
  return ms;
}

tiny_val tiny_loop_spawn(tiny_vm *vm, tiny_val coroutine) {
  Loop *l;
  if (tiny_failed(coroutine) && tiny_pending(vm)) return coroutine;
  tiny_val loop = host_loop(vm, true, &l);
  return tiny_failed(loop) ? loop : tiny_call_method(vm, loop, "_spawn", 1, &coroutine);
}

tiny_loop_status tiny_loop_tick(tiny_vm *vm, int64_t max_us) {
  if (tiny_pending(vm)) return TINY_LOOP_FAILED;
  tiny_scope s = tiny_scope_open(vm);
  Loop *l;
  tiny_loop_status status = TINY_LOOP_FAILED;
  tiny_val loop = host_loop(vm, true, &l), arg = tiny_float(vm, max_us < 0 ? -1 : (double)max_us / 1e6);
  if (l && !l->poller.fd && !l->running && aio_wake_write_fd(vm) >= 0) aio_wake_drain(aio_wake_fd(vm));
  if (!tiny_failed(loop) && !tiny_failed(tiny_call_method(vm, loop, "_tick", 1, &arg))) {
    bool waits = l->n_timers > l->n_cancelled || ops_waiting(l->ops) || (l->poller.active && l->poller.active(l->poller.data));
    status = l->ready_len || ops_ready(l->ops) ? TINY_LOOP_BUSY : waits ? TINY_LOOP_WAITING : TINY_LOOP_DONE;
  }
  tiny_scope_close(vm, s);
  return status;
}
