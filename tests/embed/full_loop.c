/* A host's own poll(2) around asyncio with sockets (tiny_open_full): it sleeps when there is nothing to do, serves its own sockets beside, has several VMs in one thread and
 * in two, neglects the loop for a while, and frees VMs in the middle of everything. Ticks never wait. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "include/tiny.h"

static _Thread_local int failures;
#define CHECK(cond) ((cond) ? (void)0 : (failures++, (void)printf("FAIL %s:%d: %s\n", __FILE__, __LINE__, #cond)))
enum { PATIENCE_MS = 60000 };

typedef struct Out { char text[1024]; } Out;
static bool host_write(void *user, int stream, const char *text, size_t len) {
  Out *o = user;
  (void)stream;
  size_t n = strlen(o->text);
  if (!text || n + len >= sizeof o->text) return true;
  memcpy(o->text + n, text, len);
  o->text[n + len] = 0;
  return true;
}
static bool printed(Out *o, const char *text) {
  bool same = strcmp(o->text, text) == 0;
  if (!same) printf("printed: %s\n", o->text);
  o->text[0] = 0;
  return same;
}

static void show(tiny_vm *vm) {
  tiny_error e;
  if (!tiny_take_error(vm, &e)) return;
  printf("%s", e.text);
  failures++;
}

static tiny_vm *make(Out *o, const char *script) {
  tiny_config c = TINY_CONFIG_INIT;
  c.modules = "*";
  c.write = host_write;
  c.user = o;
  o->text[0] = 0;
  tiny_vm *vm = tiny_new(&c);
  CHECK(vm && tiny_open_full(vm));
  if (tiny_run_source(vm, script, strlen(script), "host.tiny") != TINY_OK) show(vm);
  return vm;
}
static bool spawn(tiny_vm *vm, const char *call) { return !tiny_failed(tiny_loop_spawn(vm, tiny_eval(vm, call))); }

static int64_t now_ms(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int sooner(int a, int b) { return a < 0 ? b : b < 0 || a < b ? a : b; }

/* One turn of a host that has n VMs and a descriptor of its own (or -1); true: that one is readable. */
static bool turn(tiny_vm **vm, int n, int mine, int most_ms) {
  struct pollfd p[4] = {{mine, POLLIN, 0}};
  for (int i = 0; i < n; i++) p[i + 1] = (struct pollfd){tiny_loop_fd(vm[i]), POLLIN, 0};
  for (int i = 0; i < n; i++) most_ms = sooner(most_ms, tiny_loop_timeout_ms(vm[i]));
  poll(p, (nfds_t)n + 1, most_ms);
  for (int i = 0; i < n; i++)
    if (tiny_loop_tick(vm[i], 2000) == TINY_LOOP_FAILED) show(vm[i]);
  return p[0].revents != 0;
}

/* Turns until text has been printed; their number. */
static int until(tiny_vm *vm, Out *o, const char *text) {
  int turns = 0;
  for (int64_t end = now_ms() + PATIENCE_MS; !strstr(o->text, text) && now_ms() < end && !failures; turns++) turn(&vm, 1, -1, PATIENCE_MS);
  CHECK(printed(o, text));
  return turns;
}

static const char echo[] =
    "import asyncio\n"
    "async def handle(reader, writer):\n"
    "  while line := await reader.readline(): writer.write(line)\n"
    "  writer.close()\n"
    "async def serve():\n"
    "  global server\n"
    "  server = await asyncio.start_server(handle, '127.0.0.1', 0)\n"
    "  print('serving')\n"
    "def port(): return server.sockets[0].getsockname()[1]\n"
    "async def ask(port, n):\n"
    "  reader, writer = await asyncio.open_connection('127.0.0.1', port)\n"
    "  for i in range(n):\n"
    "    writer.write(b'%d\\n' % i)\n"
    "    assert await reader.readline() == b'%d\\n' % i\n"
    "  writer.close()\n"
    "  await writer.wait_closed()\n"
    "  print('asked')\n";

static int port_of(tiny_vm *vm) {
  int64_t port = 0;
  CHECK(tiny_to_int(vm, tiny_eval(vm, "port()"), &port));
  return (int)port;
}
static bool spawn_ask(tiny_vm *vm, int port, int n) {
  char call[64];
  snprintf(call, sizeof call, "ask(%d, %d)", port, n);
  return spawn(vm, call);
}

/* Timers alone, a server that nobody asks: the host is not woken for nothing. */
static void sleeps(void) {
  Out o;
  tiny_vm *vm = make(&o, echo);
  CHECK(tiny_loop_fd(vm) >= 0 && tiny_loop_tick(vm, -1) == TINY_LOOP_DONE && tiny_loop_timeout_ms(vm) == -1);
  CHECK(!tiny_failed(tiny_eval(vm, "exec('async def naps():\\n  await asyncio.sleep(0.3)\\n  print(\"slept\")')")) && spawn(vm, "naps()"));
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_WAITING && tiny_loop_timeout_ms(vm) > 0);
  CHECK(until(vm, &o, "slept\n") < 50 && tiny_loop_tick(vm, -1) == TINY_LOOP_DONE && tiny_loop_timeout_ms(vm) == -1);
  CHECK(spawn(vm, "serve()"));
  until(vm, &o, "serving\n");
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_WAITING && tiny_loop_timeout_ms(vm) == -1);
  struct pollfd p = {tiny_loop_fd(vm), POLLIN, 0};
  CHECK(poll(&p, 1, 10) == 0);
  tiny_free(vm);
}

/* What the host calls outside of a tick is seen by the next one: a stream's last write leaves, a timer counts. */
static void calls_between(void) {
  Out o;
  tiny_vm *vm = make(&o, "import asyncio\nasync def keeps(r, w):\n  global writer\n  await r.readline()\n  writer = w\n  print('kept')\n  await asyncio.Event().wait()\n"
                         "async def client():\n  global server\n  server = await asyncio.start_server(keeps, '127.0.0.1', 0)\n  r, w = await asyncio.open_connection(*server.sockets[0].getsockname())\n"
                         "  w.write(b'one\\ntwo\\n')\n  print('got', await r.readline())\n");
  CHECK(spawn(vm, "client()"));
  until(vm, &o, "kept\n");
  CHECK(tiny_loop_tick(vm, -1) == TINY_LOOP_WAITING);
  CHECK(!tiny_failed(tiny_eval(vm, "writer.write(b'from the host\\n')")) && tiny_loop_timeout_ms(vm) == 0);
  until(vm, &o, "got b'from the host\\n'\n");
  CHECK(!tiny_failed(tiny_eval(vm, "asyncio.get_event_loop().call_later(0.01, print, 'timer')")) && tiny_loop_timeout_ms(vm) >= 0);
  until(vm, &o, "timer\n");
  tiny_free(vm);
}

/* loop.stop() ends a tick; what was begun in it goes on. */
static void stops(void) {
  Out o;
  tiny_vm *vm = make(&o, echo);
  CHECK(!tiny_failed(tiny_eval(vm, "exec('async def stops():\\n  await serve()\\n  asyncio.get_running_loop().stop()\\n  await ask(port(), 3)')")) && spawn(vm, "stops()"));
  until(vm, &o, "serving\nasked\n");
  tiny_free(vm);
}

/* The host's own echo server and the script's, asked by each other. */
static void own_sockets(void) {
  Out o;
  tiny_vm *vm = make(&o, echo);
  struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof sa;
  int mine = socket(AF_INET, SOCK_STREAM, 0), peer = -1;
  CHECK(bind(mine, (struct sockaddr *)&sa, len) == 0 && listen(mine, 5) == 0 && getsockname(mine, (struct sockaddr *)&sa, &len) == 0);
  CHECK(spawn(vm, "serve()") && spawn_ask(vm, ntohs(sa.sin_port), 100));
  for (int64_t end = now_ms() + PATIENCE_MS; !strstr(o.text, "asked") && now_ms() < end && !failures;) {
    if (!turn(&vm, 1, peer < 0 ? mine : peer, PATIENCE_MS)) continue;
    char buf[256];
    if (peer < 0) peer = accept(mine, NULL, NULL);
    else {
      ssize_t n = read(peer, buf, sizeof buf);
      if (n <= 0) close(peer), peer = -1;
      else CHECK(write(peer, buf, (size_t)n) == n);
    }
  }
  CHECK(printed(&o, "serving\nasked\n"));
  if (peer >= 0) close(peer);
  close(mine);
  sa.sin_port = htons((uint16_t)port_of(vm)); /* and the host as the client */
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  char answer[16] = "";
  CHECK(connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && write(fd, "hello\n", 6) == 6);
  for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end && !turn(&vm, 1, fd, PATIENCE_MS);) {}
  CHECK(read(fd, answer, sizeof answer) == 6 && strcmp(answer, "hello\n") == 0);
  close(fd);
  tiny_free(vm);
}

/* No tick for a while: timers are late, connections wait, nothing is lost, and the first tick keeps to its time. */
static void neglected(void) {
  Out o;
  tiny_vm *vm = make(&o, echo);
  CHECK(spawn(vm, "serve()"));
  until(vm, &o, "serving\n");
  CHECK(!tiny_failed(tiny_eval(vm, "exec('def later(n):\\n  for i in range(n): asyncio.get_event_loop().call_later(0.001, sum, range(1000))\\n')")) && !tiny_failed(tiny_eval(vm, "later(20000)")));
  CHECK(spawn_ask(vm, port_of(vm), 3) && tiny_loop_tick(vm, 0) != TINY_LOOP_FAILED);
  usleep(50000);
  CHECK(tiny_loop_timeout_ms(vm) == 0);
  int64_t began = now_ms();
  CHECK(tiny_loop_tick(vm, 1000) == TINY_LOOP_BUSY && now_ms() - began < 2000);
  until(vm, &o, "asked\n");
  tiny_free(vm);
}

static void two_in_one_thread(void) {
  Out o[2];
  tiny_vm *vm[2];
  for (int i = 0; i < 2; i++) {
    vm[i] = make(&o[i], echo);
    CHECK(spawn(vm[i], "serve()"));
    until(vm[i], &o[i], "serving\n");
  }
  for (int i = 0; i < 2; i++) CHECK(spawn_ask(vm[i], port_of(vm[!i]), 100));
  for (int64_t end = now_ms() + PATIENCE_MS; !(o[0].text[0] && o[1].text[0]) && now_ms() < end && !failures;) turn(vm, 2, -1, PATIENCE_MS);
  for (int i = 0; i < 2; i++) {
    CHECK(printed(&o[i], "asked\n"));
    tiny_free(vm[i]);
  }
}

static void *thread_with_vms(void *arg) {
  for (int i = 0; i < 3; i++) {
    Out o;
    tiny_vm *vm = make(&o, echo);
    CHECK(spawn(vm, "serve()"));
    until(vm, &o, "serving\n");
    CHECK(spawn_ask(vm, port_of(vm), 200));
    until(vm, &o, "asked\n");
    CHECK(spawn(vm, "asyncio.create_subprocess_exec('true')")); /* children are of the process, not of a VM */
    turn(&vm, 1, -1, 10);
    tiny_free(vm);
  }
  *(int *)arg = failures;
  return NULL;
}
static void two_threads(void) {
  pthread_t t[2];
  int failed[2] = {1, 1};
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&t[i], NULL, thread_with_vms, &failed[i]) == 0);
  for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
  CHECK(failed[0] == 0 && failed[1] == 0);
}

static int connected(int port) {
  struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  return fd;
}

/* This program does not ignore SIGPIPE. Peers go while much is queued for them: sockets that are reset, a child that does not read. */
static void no_sigpipe(void) {
  Out o;
  tiny_vm *vm = make(&o, "import asyncio\nlost = 0\nasync def floods(r, w):\n  global lost\n  try:\n    for i in range(100):\n      w.write(b'x' * 1000000)\n      await w.drain()\n"
                         "  except ConnectionError: lost += 1\n  if lost == 4: print('lost')\n"
                         "async def serve():\n  global server\n  server = await asyncio.start_server(floods, '127.0.0.1', 0)\n  print('serving')\ndef port(): return server.sockets[0].getsockname()[1]\n"
                         "async def child():\n  p = await asyncio.create_subprocess_exec('true', stdin=asyncio.subprocess.PIPE)\n  try:\n    for i in range(100):\n      p.stdin.write(b'x' * 100000)\n"
                         "      await p.stdin.drain()\n  except ConnectionError: print('broken pipe')\n");
  struct sigaction sa;
  CHECK(sigaction(SIGPIPE, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL);
  CHECK(spawn(vm, "serve()"));
  until(vm, &o, "serving\n");
  int fd[4];
  for (int i = 0; i < 4; i++) fd[i] = connected(port_of(vm));
  for (int i = 0; i < 20; i++) turn(&vm, 1, -1, 5);
  for (int i = 0; i < 4; i++) {
    struct linger l = {1, 0};
    setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &l, sizeof l);
    close(fd[i]);
  }
  until(vm, &o, "lost\n");
  CHECK(spawn(vm, "child()"));
  until(vm, &o, "broken pipe\n");
  sigset_t mask;
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && !sigismember(&mask, SIGPIPE));
  tiny_free(vm);
}

/* Clients send more than the VM may hold, for a while: ticks fail and connections end, but what comes back is what was sent, without holes; afterwards it serves as before. */
static void little_memory(void) {
  enum { N = 40, SIZE = 100000 };
  static char text[SIZE], answer[4096];
  for (int i = 0; i < SIZE; i++) text[i] = (char)(i % 97 == 96 ? '\n' : 'a' + i / 97 % 26);
  Out o;
  tiny_vm *vm = make(&o, "import asyncio\ngo = asyncio.Event()\nasync def handle(r, w):\n  await go.wait()\n  try:\n    while line := await r.readline():\n      w.write(line)\n      await w.drain()\n  except (MemoryError, ConnectionError): pass\n  w.close()\n"
                         "async def serve():\n  global server\n  server = await asyncio.start_server(handle, '127.0.0.1', 0)\n  print('serving')\ndef port(): return server.sockets[0].getsockname()[1]\n");
  CHECK(spawn(vm, "serve()"));
  until(vm, &o, "serving\n");
  int fd[N], port = port_of(vm);
  size_t sent[N] = {0}, got[N] = {0};
  tiny_set_memory_limit(vm, tiny_memory_used(vm) + (1u << 20));
  for (int i = 0; i < N; i++) fd[i] = connected(port);
  for (int round = 0; round < 600; round++) {
    if (round == 300) { /* nobody has read until now */
      tiny_set_memory_limit(vm, 0);
      CHECK(!tiny_failed(tiny_eval(vm, "go.set()")));
    }
    for (int i = 0; i < N; i++) {
      ssize_t n = send(fd[i], text + sent[i], SIZE - sent[i], MSG_NOSIGNAL);
      if (n > 0) sent[i] += (size_t)n;
      if ((n = recv(fd[i], answer, sizeof answer, 0)) <= 0) continue;
      CHECK(got[i] + (size_t)n <= SIZE && memcmp(answer, text + got[i], (size_t)n) == 0);
      got[i] += (size_t)n;
    }
    if (tiny_loop_tick(vm, 1000) != TINY_LOOP_FAILED) continue;
    CHECK(tiny_pending_is(vm, TINY_MEMORY_ERROR));
    tiny_clear_error(vm);
  }
  size_t all = 0;
  for (int i = 0; i < N; i++) all += got[i], close(fd[i]);
  CHECK(all > 0);
  for (int i = 0; i < 10; i++)
    if (tiny_loop_tick(vm, -1) == TINY_LOOP_FAILED) tiny_clear_error(vm);
  int one = connected(port);
  ssize_t n = -1;
  CHECK(write(one, "still there\n", 12) == 12);
  for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end && (n = recv(one, answer, sizeof answer, 0)) < 0;) turn(&vm, 1, one, 1000);
  CHECK(n == 12 && memcmp(answer, "still there\n", 12) == 0);
  close(one);
  tiny_free(vm);
}

static int descriptors(void) {
  int n = 0;
  for (int fd = 0; fd < 1024; fd++) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

/* A VM that goes with everything under way, at several moments. */
static void freed(void) {
  static const char script[] =
      "import asyncio\n"
      "async def floods(r, w):\n  w.write(b'x' * 3000000)\n  await w.drain()\n"
      "async def waits():\n  async with asyncio.TaskGroup() as g:\n    g.create_task(asyncio.sleep(100))\n    g.create_task(asyncio.Event().wait())\n"
      "async def everything():\n"
      "  loop = asyncio.get_running_loop()\n"
      "  s = await asyncio.start_server(floods, '127.0.0.1', 0)\n"
      "  address = s.sockets[0].getsockname()\n"
      "  connections = [await asyncio.open_connection(*address) for i in range(3)]\n"
      "  child = await asyncio.create_subprocess_exec('cat', stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)\n"
      "  await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ('127.0.0.1', 0))\n"
      "  loop.add_signal_handler(10, print)\n"
      "  print('ready')\n"
      "  await asyncio.gather(asyncio.open_connection(*address), loop.getaddrinfo('localhost', 80), child.wait())\n";
  int before = 0;
  for (int i = 0; i < 4; i++) {
    Out o;
    tiny_vm *vm = make(&o, script);
    CHECK(spawn(vm, "everything()") && spawn(vm, "waits()"));
    if (i == 1 && tiny_loop_tick(vm, 0) == TINY_LOOP_FAILED) show(vm);
    if (i >= 2) until(vm, &o, "ready\n");
    for (int k = 0; i == 3 && k < 5; k++) turn(&vm, 1, -1, 5);
    tiny_free(vm);
    int after = descriptors();
    if (i == 2) before = after; /* libuv keeps some of its own from the first signal on */
    CHECK(i < 3 || before == after);
  }
}

/* A resolver that takes its time: libuv's threads ask this one. The VM goes meanwhile, and so does a loop; neither waits. */
static atomic_int asked, answered;
static atomic_bool may_answer;
__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res) {
  if (!node || !strstr(node, ".invalid")) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, res);
  }
  *res = NULL;
  atomic_fetch_add(&asked, 1);
  for (int i = 0; i < 30000 && !atomic_load(&may_answer); i++) usleep(1000);
  atomic_fetch_add(&answered, 1);
  return EAI_AGAIN;
}

static void slow_names(void) {
  static const char script[] =
      "import asyncio\n"
      "async def ask(n): await asyncio.get_running_loop().getaddrinfo(f'name{n}.invalid', 80)\n"
      "async def gives_up():\n"
      "  for n in range(9):\n    asyncio.ensure_future(ask(n))\n"
      "  await asyncio.sleep(0.01)\n";
  Out o;
  tiny_vm *vm = make(&o, script);
  CHECK(tiny_run_source(vm, "asyncio.run(gives_up())\n", 24, "x") == TINY_OK); /* its loop is closed */
  for (int i = 0; i < 9; i++) CHECK(spawn(vm, "ask(1)"));
  CHECK(tiny_loop_tick(vm, -1) != TINY_LOOP_FAILED);
  while (atomic_load(&asked) == 0) usleep(1000);
  tiny_free(vm);
  CHECK(atomic_load(&answered) == 0);
  atomic_store(&may_answer, true);
  for (int i = 0; i < 30000 && atomic_load(&answered) < atomic_load(&asked); i++) usleep(1000);
  usleep(50000); /* the threads that wait for them end */
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  sleeps();
  calls_between();
  stops();
  own_sockets();
  neglected();
  two_in_one_thread();
  two_threads();
  no_sigpipe();
  little_memory();
  freed();
  slow_names();
  printf("loop with sockets: %s\n", failures ? "FAILED" : "ok");
  return failures ? 1 : 0;
}
