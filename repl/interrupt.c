/* Ctrl-C. A signal handler gets no argument, so what it aims at stands in static variables. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <string.h>
#include "repl/program.h"

static tiny_vm *volatile target;
static volatile sig_atomic_t seen;

static void on_sigint(int sig) {
  (void)sig;
  seen = 1;
  if (target) tiny_interrupt(target);
}

/* Without SA_RESTART: a read that waits for the user has to come back. */
void interrupt_install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_sigint;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
}

void interrupt_aim(tiny_vm *vm) { target = vm; }

bool interrupt_taken(void) {
  bool was = seen != 0;
  seen = 0;
  return was;
}
