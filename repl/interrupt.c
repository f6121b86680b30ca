/* Ctrl-C, and the signals that a script wants to handle. A signal handler gets no argument, so what it aims at stands in static variables. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "repl/program.h"

static tiny_vm *volatile target;   /* the script that Ctrl-C interrupts */
static tiny_vm *volatile home;     /* the program's VM */
static volatile sig_atomic_t seen; /* Ctrl-C */
static volatile sig_atomic_t asked_for_sigint;

static void on_signal(int sig) {
  if (sig == SIGINT) seen = 1;
  if (sig == SIGINT && !asked_for_sigint) {
    if (target) tiny_interrupt(target);
  } else if (home) {
    tiny_signal(home, sig);
  }
}

/* Without SA_RESTART: a read that waits for the user has to come back. */
static bool set_handler(int number, void (*handler)(int)) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  return sigaction(number, &action, NULL) == 0;
}

void interrupt_install(tiny_vm *vm) {
  home = vm;
  if (!vm) return;
  set_handler(SIGINT, on_signal);
  set_handler(SIGPIPE, SIG_IGN);
}

bool interrupt_signal(void *user, int number, tiny_signal_action action) {
  (void)user;
  if (number == SIGINT) asked_for_sigint = action == TINY_SIGNAL_DELIVER; /* TINY_SIGNAL_INTERRUPT: the usual way */
  return set_handler(number, action == TINY_SIGNAL_DEFAULT ? SIG_DFL : action == TINY_SIGNAL_IGNORE ? SIG_IGN : on_signal);
}

void interrupt_aim(tiny_vm *vm) { target = vm; }

bool interrupt_taken(void) {
  bool was = seen != 0;
  seen = 0;
  return was;
}
