/* The host owns the main loop: one poll(2) for its own descriptors and the script's asyncio tasks, sockets included. Needs tiny-full (libuv).
 *   cc 04_event_loop.c $(pkg-config --cflags --libs tiny-full) -o event_loop */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <tiny.h>

static bool write_out(void *user, int stream, const char *text, size_t len) {
  (void)user, (void)stream;
  return text ? fwrite(text, 1, len, stdout) == len : fflush(stdout) == 0;
}

static const char script[] =
    "import asyncio\n"
    "async def echo(reader, writer):\n"
    "    while line := await reader.readline():\n"
    "        writer.write(line.upper())\n"
    "    writer.close()\n"
    "async def client():\n"
    "    server = await asyncio.start_server(echo, '127.0.0.1', 0)\n"
    "    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())\n"
    "    for word in (b'one', b'two', b'three'):\n"
    "        writer.write(word + b'\\n')\n"
    "        print('script:', await reader.readline())\n"
    "        await asyncio.sleep(0.01)\n"
    "        if word == b'two': second.set()\n"
    "    writer.close()\n"
    "    server.close()\n"
    "async def fails():\n"
    "    await second.wait()\n"
    "    raise ValueError('seen by the host')\n"
    "events, second = asyncio.Queue(), asyncio.Event()\n"
    "async def listens():\n"
    "    while (event := await events.get()) is not None:\n"
    "        print('script: the host says', event)\n"
    "    print('script: done')\n"
    "def tell(event):\n"
    "    events.put_nowait(event)\n";

static bool spawn(tiny_vm *vm, const char *call) { return !tiny_failed(tiny_loop_spawn(vm, tiny_eval(vm, call))); }

static void report(tiny_vm *vm) {
  tiny_error e;
  if (tiny_take_error(vm, &e)) printf("host: a task failed: %s: %s\n", e.type, e.message);
}

/* The host's own work: something arrives on its pipe; it tells the script. */
static void my_work(tiny_vm *vm, int fd) {
  char text[16];
  ssize_t n = read(fd, text, sizeof text);
  if (n <= 0) return;
  tiny_val event = text[0] == '.' ? TINY_NONE : tiny_string_n(vm, text, (size_t)n), tell = tiny_getattr(vm, tiny_main_module(vm), "tell");
  if (tiny_failed(tiny_call(vm, tell, 1, &event))) report(vm);
}

int main(void) {
  tiny_config config = TINY_CONFIG_INIT;
  config.modules = "*";
  config.write = write_out;
  tiny_vm *vm = tiny_new(&config);
  int my_pipe[2], turns = 0;
  if (!vm || !tiny_open_full(vm) || pipe(my_pipe) != 0) return 1;
  if (tiny_run_source(vm, script, strlen(script), "tasks.tiny") != TINY_OK) return report(vm), 1;
  if (!spawn(vm, "client()") || !spawn(vm, "fails()") || !spawn(vm, "listens()")) return report(vm), 1;

  for (bool over = false; !over;) {
    struct pollfd p[] = {{my_pipe[0], POLLIN, 0}, {tiny_loop_fd(vm), POLLIN, 0}};
    poll(p, 2, tiny_loop_timeout_ms(vm));
    tiny_scope scope = tiny_scope_open(vm); /* for the values of this turn */
    if (p[0].revents) my_work(vm, my_pipe[0]);
    switch (tiny_loop_tick(vm, 2000)) {
      case TINY_LOOP_FAILED:
        report(vm);
        if (write(my_pipe[1], "hello", 5) != 5) over = true; /* one thing of the host's own happens */
        break;
      case TINY_LOOP_DONE:
        if (turns++ == 0) { /* only listens() is left, and nobody but the host can wake it */
          if (write(my_pipe[1], ".", 1) != 1) over = true;
        } else {
          over = true;
        }
        break;
      case TINY_LOOP_BUSY:
      case TINY_LOOP_WAITING: break;
    }
    tiny_scope_close(vm, scope);
  }
  tiny_free(vm);
  close(my_pipe[0]);
  close(my_pipe[1]);
  printf("host: done\n");
  return 0;
}
