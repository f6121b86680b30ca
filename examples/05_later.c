/* Natives that finish later: a script awaits what a thread of the host works out, and gives up what takes too long. Needs no other library than tiny.
 *   cc 05_later.c $(pkg-config --cflags --libs tiny) -lpthread -o later */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tiny.h>

static bool write_out(void *user, int stream, const char *text, size_t len) {
  (void)user, (void)stream;
  return text ? fwrite(text, 1, len, stdout) == len : fflush(stdout) == 0;
}

static const char script[] =
    "import asyncio, host\n"
    "async def main():\n"
    "    print(await host.find('a'))\n"
    "    print(await asyncio.gather(host.find('b'), host.find('c')))\n"
    "    try:\n"
    "        await host.find('')\n"
    "    except LookupError as e:\n"
    "        print('LookupError:', e)\n"
    "    try:\n"
    "        await asyncio.wait_for(host.find('slow'), 0.01)\n"
    "    except TimeoutError:\n"
    "        print('gave up')\n"
    "asyncio.run(main())\n";

/* One search. The thread that does it completes the operation, exactly once, also when nobody waits any more; the search belongs to that thread. */
typedef struct Search { tiny_op *op; char key[16]; } Search;
static atomic_bool given_up; /* of the one slow search; a real host has one for each */

static void *search(void *arg) {
  Search *s = arg;
  char found[32];
  const struct timespec moment = {0, 1000000};
  while (strcmp(s->key, "slow") == 0 && !atomic_load(&given_up)) nanosleep(&moment, NULL);
  snprintf(found, sizeof found, "found %s", s->key);
  if (*s->key) tiny_op_complete_str(s->op, found, strlen(found));
  else tiny_op_fail(s->op, TINY_LOOKUP_ERROR, "nothing to look for");
  free(s);
  return NULL;
}

/* On the script's thread: the future was cancelled. */
static void give_up(void *user) { atomic_store((atomic_bool *)user, true); }

static tiny_val find(tiny_vm *vm, tiny_args *a) {
  size_t n;
  const char *key = tiny_arg_str(a, 0, &n);
  Search *s = calloc(1, sizeof *s);
  if (!s) return tiny_no_memory(vm);
  snprintf(s->key, sizeof s->key, "%s", key);
  tiny_val future = tiny_suspend(vm, &s->op, give_up, &given_up);
  pthread_t t;
  if (!s->op) {
    free(s);
  } else if (pthread_create(&t, NULL, search, s) == 0) {
    pthread_detach(t);
  } else {
    tiny_op_fail(s->op, TINY_RUNTIME_ERROR, "no more threads");
    free(s);
  }
  return future;
}
static const tiny_def functions[] = {{"find", find, "(key: str)", "Find a thing; to be awaited."}, {0}};
static const tiny_module host = {.name = "host", .functions = functions};

int main(void) {
  tiny_config config = TINY_CONFIG_INIT;
  config.modules = "asyncio";
  config.write = write_out;
  tiny_vm *vm = tiny_new(&config);
  if (!vm || !tiny_add_module(vm, &host)) return 1;
  tiny_error e;
  if (tiny_run_source(vm, script, strlen(script), "later.tiny") != TINY_OK && tiny_take_error(vm, &e)) fputs(e.text, stdout);
  tiny_free(vm);
  return 0;
}
