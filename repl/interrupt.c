/* Ctrl-C, and the signals that a script wants to handle. A signal handler gets no argument, so what it aims at stands in static variables. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "repl/program.h"

static tiny_vm *volatile target;   /* the script that Ctrl-C interrupts */
static tiny_vm *volatile home;     /* the program's VM */
static volatile sig_atomic_t seen; /* Ctrl-C */
static volatile sig_atomic_t asked_for_sigint, continued;
static int wake[2] = {-1, -1};     /* a pipe: what waits for a line and checked `seen` just before the signal came sees it there */

static void on_signal(int sig) {
  int saved = errno;
  if (sig == SIGINT) {
    seen = 1;
    if (wake[1] >= 0) (void)!write(wake[1], "", 1);
  }
  if (sig == SIGINT && !asked_for_sigint) {
    if (target) tiny_interrupt(target);
  } else if (home) {
    tiny_signal(home, sig);
  }
  errno = saved;
}

static void on_sigcont(int sig) {
  int saved = errno;
  (void)sig;
  continued = 1;
  if (wake[1] >= 0) (void)!write(wake[1], "", 1);
  errno = saved;
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

static void drain(void) {
  char rest[16];
  while (wake[0] >= 0 && read(wake[0], rest, sizeof rest) > 0) {}
}

/* The pipe first: a signal that comes now leaves `seen` or a byte behind. */
static bool taken(volatile sig_atomic_t *what) {
  drain();
  if (!*what) return false;
  *what = 0;
  return true;
}

bool interrupt_taken(void) { return taken(&seen); }
bool interrupt_continued(void) { return taken(&continued); }

void interrupt_watch_stops(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_sigcont;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGCONT, &action, NULL);
}

int interrupt_fd(void) {
  int fd[2];
  if (wake[0] >= 0 || pipe(fd) != 0) return wake[0];
  for (int i = 0; i < 2; i++) {
    (void)fcntl(fd[i], F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd[i], F_SETFL, O_NONBLOCK);
  }
  wake[0] = fd[0];
  wake[1] = fd[1];
  return wake[0];
}
