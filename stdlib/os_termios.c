/* Module termios: settings of terminals. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include "stdlib/os_fd.h"

/* termios.error(errno, text) */
static tiny_val failed(tiny_vm *vm, int err) {
  tiny_val args[2] = {tiny_int(vm, err), tiny_string(vm, strerror(err))};
  return tiny_raise_value(vm, tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "termios"), "error"), 2, args));
}
static tiny_val none_or_error(tiny_vm *vm, int r) { return r < 0 ? failed(vm, errno) : TINY_NONE; }

static tiny_val char_value(tiny_vm *vm, cc_t c) { return tiny_bytes(vm, &c, 1); }

/* [iflag, oflag, cflag, lflag, ispeed, ospeed, cc]; in cc bytes, but numbers for VMIN and VTIME where they mean that. */
static tiny_val t_getattr(tiny_vm *vm, tiny_args *a) {
  int fd;
  struct termios t;
  if (!os_fd(vm, tiny_arg(a, 0), &fd)) return TINY_FAIL;
  if (tcgetattr(fd, &t) < 0) return failed(vm, errno);
  tiny_val cc[NCCS];
  for (int i = 0; i < NCCS; i++) cc[i] = char_value(vm, t.c_cc[i]);
  if (!(t.c_lflag & ICANON)) {
    cc[VMIN] = tiny_int(vm, t.c_cc[VMIN]);
    cc[VTIME] = tiny_int(vm, t.c_cc[VTIME]);
  }
  tiny_val v[7] = {tiny_int(vm, t.c_iflag), tiny_int(vm, t.c_oflag), tiny_int(vm, t.c_cflag), tiny_int(vm, t.c_lflag), tiny_int(vm, cfgetispeed(&t)), tiny_int(vm, cfgetospeed(&t)), tiny_list(vm, NCCS, cc)};
  return tiny_list(vm, 7, v);
}

static bool chars_arg(tiny_vm *vm, tiny_val list, struct termios *t) {
  if (tiny_kind_of(vm, list) != TINY_T_LIST || tiny_seq_len(list) != NCCS) return tiny_raise(vm, TINY_TYPE_ERROR, "tcsetattr: attributes[6] must be %d element list", NCCS), false;
  for (int i = 0; i < NCCS; i++) {
    tiny_val item = tiny_seq_item(list, i);
    size_t n = 0;
    int64_t number;
    tiny_kind kind = tiny_is_absent(item) ? TINY_T_NONE : tiny_kind_of(vm, item);
    const unsigned char *data = kind == TINY_T_BYTES ? tiny_to_bytes(vm, item, &n) : NULL;
    if (data && n == 1) t->c_cc[i] = data[0];
    else if (kind == TINY_T_INT || kind == TINY_T_BOOL) {
      if (!tiny_to_int(vm, item, &number)) return false;
      t->c_cc[i] = (cc_t)number;
    } else return tiny_raise(vm, TINY_TYPE_ERROR, "tcsetattr: elements of attributes must be characters or integers"), false;
  }
  return true;
}

static tiny_val t_setattr(tiny_vm *vm, tiny_args *a) {
  int fd;
  struct termios t;
  tiny_val list = tiny_arg(a, 2);
  int64_t v[6], when = tiny_arg_int(a, 1);
  if (!os_fd(vm, tiny_arg(a, 0), &fd)) return TINY_FAIL;
  if (tiny_kind_of(vm, list) != TINY_T_LIST || tiny_seq_len(list) != 7) return tiny_raise(vm, TINY_TYPE_ERROR, "tcsetattr, arg 3: must be 7 element list");
  if (tcgetattr(fd, &t) < 0) return failed(vm, errno);
  for (int i = 0; i < 6; i++)
    if (!tiny_to_int(vm, tiny_seq_item(list, i), &v[i])) return TINY_FAIL;
  if (!chars_arg(vm, tiny_seq_item(list, 6), &t)) return TINY_FAIL;
  t.c_iflag = (tcflag_t)v[0];
  t.c_oflag = (tcflag_t)v[1];
  t.c_cflag = (tcflag_t)v[2];
  t.c_lflag = (tcflag_t)v[3];
  if (cfsetispeed(&t, (speed_t)v[4]) < 0 || cfsetospeed(&t, (speed_t)v[5]) < 0) return failed(vm, errno);
  return none_or_error(vm, tcsetattr(fd, (int)when, &t));
}

static tiny_val t_sendbreak(tiny_vm *vm, tiny_args *a) {
  int fd;
  return os_fd(vm, tiny_arg(a, 0), &fd) ? none_or_error(vm, tcsendbreak(fd, (int)tiny_arg_int(a, 1))) : TINY_FAIL;
}
static tiny_val t_drain(tiny_vm *vm, tiny_args *a) {
  int fd;
  if (!os_fd(vm, tiny_arg(a, 0), &fd)) return TINY_FAIL;
  while (tcdrain(fd) < 0) {
    int err = errno;
    if (err != EINTR) return failed(vm, err);
    if (!tiny_poll_signals(vm)) return TINY_FAIL;
  }
  return TINY_NONE;
}
static tiny_val t_flush(tiny_vm *vm, tiny_args *a) {
  int fd;
  return os_fd(vm, tiny_arg(a, 0), &fd) ? none_or_error(vm, tcflush(fd, (int)tiny_arg_int(a, 1))) : TINY_FAIL;
}
static tiny_val t_flow(tiny_vm *vm, tiny_args *a) {
  int fd;
  return os_fd(vm, tiny_arg(a, 0), &fd) ? none_or_error(vm, tcflow(fd, (int)tiny_arg_int(a, 1))) : TINY_FAIL;
}

static tiny_val t_getwinsize(tiny_vm *vm, tiny_args *a) {
  int fd;
  struct winsize w;
  if (!os_fd(vm, tiny_arg(a, 0), &fd)) return TINY_FAIL;
  if (ioctl(fd, TIOCGWINSZ, &w) < 0) return failed(vm, errno);
  tiny_val v[2] = {tiny_int(vm, w.ws_row), tiny_int(vm, w.ws_col)};
  return tiny_tuple(vm, 2, v);
}
static tiny_val t_setwinsize(tiny_vm *vm, tiny_args *a) {
  int fd;
  int64_t rows, columns;
  struct winsize w;
  tiny_val pair = tiny_arg(a, 1);
  if (!os_fd(vm, tiny_arg(a, 0), &fd)) return TINY_FAIL;
  if (tiny_seq_len(pair) != 2) return tiny_raise(vm, TINY_TYPE_ERROR, "tcsetwinsize, arg 2: must be a two-item sequence");
  if (!tiny_to_int(vm, tiny_seq_item(pair, 0), &rows) || !tiny_to_int(vm, tiny_seq_item(pair, 1), &columns)) return TINY_FAIL;
  if (ioctl(fd, TIOCGWINSZ, &w) < 0) return failed(vm, errno);
  if (rows < 0 || rows > USHRT_MAX || columns < 0 || columns > USHRT_MAX) return tiny_raise(vm, TINY_OVERFLOW_ERROR, "winsize value(s) out of range.");
  w.ws_row = (unsigned short)rows;
  w.ws_col = (unsigned short)columns;
  return none_or_error(vm, ioctl(fd, TIOCSWINSZ, &w));
}

static const tiny_def functions[] = {
  {"tcgetattr", t_getattr, "(fd, /)", "Get the tty attributes for file descriptor fd."},
  {"tcsetattr", t_setattr, "(fd, when: int, attributes, /)", "Set the tty attributes for file descriptor fd."},
  {"tcsendbreak", t_sendbreak, "(fd, duration: int, /)", "Send a break on file descriptor fd."},
  {"tcdrain", t_drain, "(fd, /)", "Wait until all output written to file descriptor fd has been transmitted."},
  {"tcflush", t_flush, "(fd, queue: int, /)", "Discard queued data on file descriptor fd."},
  {"tcflow", t_flow, "(fd, action: int, /)", "Suspend or resume input or output on file descriptor fd."},
  {"tcgetwinsize", t_getwinsize, "(fd, /)", "Get the tty winsize for file descriptor fd."},
  {"tcsetwinsize", t_setwinsize, "(fd, winsize, /)", "Set the tty winsize for file descriptor fd."},
  {0}};

#define POSIX_NAMES(C) C(B0) C(B110) C(B1200) C(B134) C(B150) C(B1800) C(B19200) C(B200) C(B2400) C(B300) C(B38400) C(B4800) C(B50) C(B600) C(B75) C(B9600) C(BRKINT) C(CLOCAL) C(CREAD) C(CS5) C(CS6) C(CS7) \
  C(CS8) C(CSIZE) C(CSTOPB) C(ECHO) C(ECHOE) C(ECHOK) C(ECHONL) C(HUPCL) C(ICANON) C(ICRNL) C(IEXTEN) C(IGNBRK) C(IGNCR) C(IGNPAR) C(INLCR) C(INPCK) C(ISIG) C(ISTRIP) C(IXANY) C(IXOFF) C(IXON) C(NCCS) \
  C(NOFLSH) C(OCRNL) C(ONLCR) C(ONLRET) C(ONOCR) C(OPOST) C(PARENB) C(PARMRK) C(PARODD) C(TCIFLUSH) C(TCIOFF) C(TCIOFLUSH) C(TCION) C(TCOFLUSH) C(TCOOFF) C(TCOON) C(TCSADRAIN) C(TCSAFLUSH) C(TCSANOW) \
  C(TIOCGWINSZ) C(TIOCSWINSZ) C(FIONREAD) C(TOSTOP) C(VEOF) C(VEOL) C(VERASE) C(VINTR) C(VKILL) C(VMIN) C(VQUIT) C(VSTART) C(VSTOP) C(VSUSP) C(VTIME)
#ifdef __linux__
#define VSWTCH VSWTC
/* the kernel's own ioctl numbers, as ports of old programs want them: from its tables, where libc has none */
#define LINUX_NAMES(C) C(B1000000) C(B115200) C(B1152000) C(B1500000) C(B2000000) C(B230400) C(B2500000) C(B3000000) C(B3500000) C(B4000000) C(B460800) C(B500000) C(B57600) C(B576000) C(B921600) C(BS0) C(BS1) \
  C(BSDLY) C(CBAUD) C(CBAUDEX) C(CDSUSP) C(CEOF) C(CEOL) C(CEOT) C(CERASE) C(CFLUSH) C(CIBAUD) C(CINTR) C(CKILL) C(CLNEXT) C(CQUIT) C(CR0) C(CR1) C(CR2) C(CR3) C(CRDLY) C(CRPRNT) C(CRTSCTS) C(CSTART) \
  C(CSTOP) C(CSUSP) C(CWERASE) C(ECHOCTL) C(ECHOKE) C(ECHOPRT) C(EXTA) C(EXTB) C(FF0) C(FF1) C(FFDLY) C(FIOASYNC) C(FIOCLEX) C(FIONBIO) C(FIONCLEX) C(FLUSHO) C(IMAXBEL) C(IOCSIZE_MASK) C(IOCSIZE_SHIFT) C(IUCLC) C(NCC) C(NL0) C(NL1) C(NLDLY) \
  C(N_MOUSE) C(N_PPP) C(N_SLIP) C(N_STRIP) C(N_TTY) C(OFDEL) C(OFILL) C(OLCUC) C(PENDIN) C(TAB0) C(TAB1) C(TAB2) C(TAB3) C(TABDLY) C(TCFLSH) C(TCGETA) C(TCGETS) C(TCSBRK) C(TCSBRKP) C(TCSETA) C(TCSETAF) \
  C(TCSETAW) C(TCSETS) C(TCSETSF) C(TCSETSW) C(TCXONC) C(TIOCCONS) C(TIOCEXCL) C(TIOCGETD) C(TIOCGICOUNT) C(TIOCGLCKTRMIOS) C(TIOCGPGRP) C(TIOCGSERIAL) C(TIOCGSOFTCAR) C(TIOCINQ) C(TIOCLINUX) C(TIOCMBIC) \
  C(TIOCMBIS) C(TIOCMGET) C(TIOCMIWAIT) C(TIOCMSET) C(TIOCM_CAR) C(TIOCM_CD) C(TIOCM_CTS) C(TIOCM_DSR) C(TIOCM_DTR) C(TIOCM_LE) C(TIOCM_RI) C(TIOCM_RNG) C(TIOCM_RTS) C(TIOCM_SR) C(TIOCM_ST) C(TIOCNOTTY) \
  C(TIOCNXCL) C(TIOCOUTQ) C(TIOCPKT) C(TIOCPKT_DATA) C(TIOCPKT_DOSTOP) C(TIOCPKT_FLUSHREAD) C(TIOCPKT_FLUSHWRITE) C(TIOCPKT_NOSTOP) C(TIOCPKT_START) C(TIOCPKT_STOP) C(TIOCSCTTY) C(TIOCSERCONFIG) \
  C(TIOCSERGETLSR) C(TIOCSERGETMULTI) C(TIOCSERGSTRUCT) C(TIOCSERGWILD) C(TIOCSERSETMULTI) C(TIOCSERSWILD) C(TIOCSER_TEMT) C(TIOCSETD) C(TIOCSLCKTRMIOS) C(TIOCSPGRP) C(TIOCSSERIAL) C(TIOCSSOFTCAR) C(TIOCSTI) \
  C(VDISCARD) C(VEOL2) C(VLNEXT) C(VREPRINT) C(VSWTC) C(VSWTCH) C(VT0) C(VT1) C(VTDLY) C(VWERASE) C(XCASE) C(XTABS)
#else
#define LINUX_NAMES(C)
#endif
static const char names[] = POSIX_NAMES(OS_CONSTANT_TEXT) LINUX_NAMES(OS_CONSTANT_TEXT);
static const unsigned values[] = {POSIX_NAMES(OS_CONSTANT_VALUE) LINUX_NAMES(OS_CONSTANT_VALUE)};

static bool termios_init(tiny_vm *vm, tiny_val module) {
  tiny_val base = tiny_exc_class(vm, TINY_EXCEPTION), space = tiny_dict(vm);
  if (tiny_failed(space) || !tiny_dict_set(vm, space, "__module__", tiny_string(vm, "termios"))) return false;
  tiny_val args[3] = {tiny_string(vm, "error"), tiny_tuple(vm, 1, &base), space};
  tiny_val error = tiny_call(vm, tiny_getattr(vm, tiny_import(vm, "builtins"), "type"), 3, args);
  return tiny_setattr(vm, module, "error", error) && os_constants(vm, module, names, values, sizeof values / sizeof *values);
}

extern const tiny_module termios_module;
const tiny_module termios_module = {"termios", functions, termios_init, "Settings of terminals."};
