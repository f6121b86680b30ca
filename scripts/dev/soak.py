#!/usr/bin/env python3
"""A server under load: many idle connections and some busy ones for a while, then connections that end in every way. Every byte of every reply is compared,
resident memory and descriptors of the server are watched. A table; exit status 1 if anything was not as it has to be.

    soak.py [--tiny PATH] [--idle N] [--active N] [--seconds S] [--churn N] [--growth PERCENT] [--keeps PERCENT] [--samples]
            [--server 'python3 {script} {port}']     another server; {script}: --script (soak_echo.tiny here), an echo server on 127.0.0.1 for {port}

What is checked: all connections come about; all replies are right; the idle ones hear nothing, and answer when they are asked at the end; the server holds one
descriptor for each connection and none afterwards; in the second half of the time its memory does not grow by more than --growth percent (see slope();
8 MB are always allowed); it gives memory back when they are gone (--keeps); it uses no processor while nothing happens; it writes nothing to stderr. Loopback only.
"""
import argparse
import errno
import os
import random
import resource
import select
import shlex
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PATIENCE = 60           # seconds until what has to happen counts as not happening; much, as machines are busy
AT_ONCE = 100           # connections being made: fewer than any backlog
PER_ADDRESS = 4000      # connections from one source address: fewer than there are ephemeral ports
SIZES = 20, 100, 1000, 4000, 20000  # bytes of a message; its connection and number come on top


class Failed(Exception):
    pass


def wait_until(what, condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(what)
        time.sleep(0.02)


def raise_limit(wanted):
    """Descriptors for this process, and by inheritance for the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
                return
            except (ValueError, OSError):
                raise Failed('%d descriptors are needed and %d allowed: raise the hard limit (ulimit -Hn) or lower --idle' % (wanted, hard)) from None
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


# ---- the server

class Server:
    def __init__(self, command, script):
        self.errors = tempfile.TemporaryFile()
        for attempt in range(5):  # another program may take the port before the server does
            with socket.socket() as probe:
                probe.bind(('127.0.0.1', 0))
                self.port = probe.getsockname()[1]
            words = [w.format(script=script, port=self.port) for w in shlex.split(command)]
            self.errors.truncate(0)
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors)
            if self._answers():
                return
            self.stop()
        raise Failed('the server does not start: %s\n%s' % (command, self.complaints()))

    def _answers(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with socket.create_connection(('127.0.0.1', self.port), PATIENCE) as sock:
                    sock.sendall(b'ready?\n')
                    return receive(sock, 7) == b'ready?\n'
            except ConnectionRefusedError:
                time.sleep(0.02)
        return False

    def descriptors(self):
        return len(os.listdir('/proc/%d/fd' % self.process.pid))

    def settled(self):
        """The number of descriptors when it has stopped changing: that of the connection which was a question is closed."""
        before = -1
        while (now := self.descriptors()) != before:
            before = now
            time.sleep(0.3)
        return now

    def rss(self):
        """KB"""
        with open('/proc/%d/statm' % self.process.pid) as f:
            return int(f.read().split()[1]) * (resource.getpagesize() // 1024)

    def cpu(self):
        """Seconds of processor time so far."""
        with open('/proc/%d/stat' % self.process.pid) as f:
            fields = f.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read(2000).decode(errors='replace')

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# ---- connections

def receive(sock, n):
    data = b''
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            break
        data += part
    return data


class Connections:
    """Sockets from several source addresses, so that there are ports for all."""

    def __init__(self, port):
        self.port, self.made = port, 0

    def new(self):
        sock = socket.socket()
        try:
            sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: connect(2) chooses the port
            sock.bind(('127.0.0.%d' % (2 + self.made // PER_ADDRESS % 200), 0))
        except BaseException:
            sock.close()
            raise
        self.made += 1
        return sock

    def connect(self):
        sock = self.new()
        sock.settimeout(PATIENCE)
        sock.connect(('127.0.0.1', self.port))
        return sock

    def connect_many(self, n):
        """n connected, non-blocking sockets; AT_ONCE of them are on their way at a time."""
        done, coming, poll = [], {}, select.epoll()
        try:
            while len(done) < n:
                while len(coming) < AT_ONCE and len(done) + len(coming) < n:
                    sock = self.new()
                    sock.setblocking(False)
                    status = sock.connect_ex(('127.0.0.1', self.port))
                    if status not in (0, errno.EINPROGRESS):
                        raise Failed('connection %d: %s' % (self.made, os.strerror(status)))
                    coming[sock.fileno()] = sock
                    poll.register(sock, select.EPOLLOUT)
                events = poll.poll(PATIENCE)
                if not events:
                    raise Failed('connections are not accepted: %d of %d after %d s' % (len(done), n, PATIENCE))
                for fd, _ in events:
                    sock = coming.pop(fd)
                    poll.unregister(fd)
                    done.append(sock)
                    status = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if status:
                        raise Failed('connection: %s' % os.strerror(status))
        except BaseException:
            for sock in done + list(coming.values()):
                sock.close()
            raise
        finally:
            poll.close()
        return done


class Talker:
    """A connection that sends a message, compares what comes back, and sends the next one."""
    BLOB = bytes(random.Random(1).choices(b'abcdefghijklmnopqrstuvwxyz', k=79))

    def __init__(self, sock, number):
        self.sock, self.number, self.count = sock, number, 0
        self.message = memoryview(b'')
        self.sent = self.got = 0
        self.random = random.Random(number)

    def begin(self):
        size = self.random.choice(SIZES)
        line = b'%d %d %s\n' % (self.number, self.count, self.BLOB)
        self.message = memoryview((line * (size // len(line) + 1))[-size:] if size >= len(line) else line[:size] + b'\n')
        self.sent = self.got = 0
        self.count += 1
        return self.send()

    def send(self):
        """False: there is more to be sent when the socket takes it."""
        try:
            self.sent += self.sock.send(self.message[self.sent:])
        except BlockingIOError:
            pass
        return self.sent == len(self.message)

    def receive(self):
        """True: the reply is there as a whole."""
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return False
        if not data:
            raise Failed('connection %d was closed by the server' % self.number)
        if self.message[self.got:self.got + len(data)] != data:
            raise Failed('connection %d, message %d: wrong reply at byte %d' % (self.number, self.count, self.got))
        self.got += len(data)
        return self.got == len(self.message)


class Load:
    """Idle and busy connections, driven by one epoll."""

    def __init__(self, idle, active):
        self.poll = select.epoll()
        self.idle = [Talker(sock, i) for i, sock in enumerate(idle)]
        self.active = [Talker(sock, len(idle) + i) for i, sock in enumerate(active)]
        self.by_fd = {t.sock.fileno(): t for t in self.idle + self.active}
        self.messages = self.bytes = self.open = 0
        for t in self.idle + self.active:
            self.poll.register(t.sock, select.EPOLLIN)

    def _begin(self, talker):
        self.open += 1
        self._wants(talker, talker.begin())

    def _wants(self, talker, all_sent):
        self.poll.modify(talker.sock, select.EPOLLIN | (0 if all_sent else select.EPOLLOUT))

    def _event(self, talker, events, again):
        if not talker.message:
            raise Failed('idle connection %d heard something' % talker.number)
        if events & select.EPOLLOUT:
            self._wants(talker, talker.send())
        if events & ~select.EPOLLOUT and talker.receive():
            self.messages += 1
            self.bytes += len(talker.message)
            self.open -= 1
            if again:
                self._begin(talker)

    def _turn(self, timeout, again):
        events = self.poll.poll(timeout)
        for fd, what in events:
            self._event(self.by_fd[fd], what, again)
        return events

    def run(self, seconds, sample):
        """Messages to and fro on the busy ones; sample() is called about ten times, at most every second."""
        for t in self.active:
            self._begin(t)
        pause = min(1, seconds / 10)
        now = time.monotonic()
        end, due, heard = now + seconds, now, now
        while now < end:
            if now >= due:
                sample(now)
                due = now + pause
            if self._turn(min(due, end) - now if due > now else 0, True) or not self.active:
                heard = now
            elif now - heard > PATIENCE:
                raise Failed('no reply for %d s' % PATIENCE)
            now = time.monotonic()
        self.finish()

    def finish(self):
        while self.open:
            if not self._turn(PATIENCE, False):
                raise Failed('%d replies are missing' % self.open)

    def ask_idle(self):
        for i in range(0, len(self.idle), AT_ONCE):
            for t in self.idle[i:i + AT_ONCE]:
                self._begin(t)
            self.finish()

    def close(self):
        for t in self.idle + self.active:
            t.sock.close()
        self.poll.close()


# ---- connections that end in some way. Each gets a connected blocking socket.

def clean(sock):
    sock.sendall(b'one\ntwo\n')
    expect(receive(sock, 8), b'one\ntwo\n')
    sock.close()


def half_close(sock):
    sock.sendall(b'all of it\nand no end')
    sock.shutdown(socket.SHUT_WR)
    expect(receive(sock, 1000), b'all of it\nand no end')
    sock.close()


def half_close_large(sock):
    text = b'x' * 49 + b'\n'
    sock.sendall(text * 1000)
    sock.shutdown(socket.SHUT_WR)
    expect(receive(sock, 1 << 20), text * 1000)
    sock.close()


def reset(sock):
    sock.sendall(b'gone\n')
    expect(receive(sock, 5), b'gone\n')
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


def reset_unread(sock):
    sock.sendall(b'nobody reads the answer\n' * 100)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


def never_sends(sock):
    sock.close()


def mid_line(sock):
    sock.sendall(b'the whole line\nhalf of a l')
    sock.close()


def expect(got, wanted):
    if got != wanted:
        raise Failed('expected %r, got %r' % (wanted[:60], got[:60]))


ENDS = clean, half_close, half_close_large, reset, reset_unread, never_sends, mid_line


# ---- report

def slope(samples):
    """KB a second by least squares in the second half: in the first one buffers and heaps reach their size. Memory that is collected goes up and down; what grows
    raises its peaks and its troughs. So there are two lines, through the highest and through the lowest samples of four parts, and the flatter one counts."""
    samples = samples[len(samples) // 2:]
    size = len(samples) // 4
    if not size:
        return 0.0
    parts = [samples[i:i + size] for i in range(0, 4 * size, size)]
    return min((line([(part[0][0], best(s[1] for s in part)) for part in parts]) for best in (max, min)), key=abs)


def line(points):
    """Its slope."""
    n = len(points)
    t, y = sum(p[0] for p in points) / n, sum(p[1] for p in points) / n
    return sum((p[0] - t) * (p[1] - y) for p in points) / sum((p[0] - t) ** 2 for p in points)


class Report:
    def __init__(self):
        self.off = []

    def row(self, name, value, ok=True, why=''):
        print('  %-24s %s%s' % (name, value, '' if ok else '   <-- ' + why), flush=True)
        if not ok:
            self.off.append('%s: %s' % (name, why))


def soak(o, server, report):
    connections = Connections(server.port)
    settled = server.settled()
    start = server.rss()
    report.row('at the start', '%d descriptors, %.1f MB' % (settled, start / 1024))
    began = time.monotonic()
    sockets = connections.connect_many(o.idle + o.active)
    load = Load(sockets[:o.idle], sockets[o.idle:])
    try:
        wait_until('%d descriptors for %d connections' % (server.descriptors() - settled, len(sockets)), lambda: server.descriptors() - settled == len(sockets))
        report.row('connected', '%d idle, %d active in %.1f s; %d descriptors, %.1f MB' % (o.idle, o.active, time.monotonic() - began, server.descriptors(), server.rss() / 1024))
        cpu = server.cpu()
        time.sleep(1)
        used = server.cpu() - cpu
        report.row('nothing happens, 1 s', '%.2f s of processor time' % used, used < 0.5, 'idle connections cost processor time')
        samples = []
        load.run(o.seconds, lambda now: samples.append((now, server.rss())))
        memory(o, report, samples)
        most = start + max(8192, o.keeps / 100 * (max(s[1] for s in samples) - start))
        report.row('messages', '%d, %.1f MB, all verified' % (load.messages, load.bytes / 1e6), load.messages >= o.active, 'too few')
        load.ask_idle()
        report.row('idle ones asked', '%d, all answered' % o.idle)
        count = server.descriptors() - settled
        report.row('descriptors under load', '%d' % count, count == len(sockets), 'not one for each connection')
    finally:
        load.close()
    closed(server, report, settled, 'all closed', most)
    churn(o, connections, report)
    closed(server, report, settled, 'after these', most)
    text = server.complaints()
    report.row('stderr of the server', '%d bytes' % len(text), not text, text)


def memory(o, report, samples):
    rss = [s[1] for s in samples]
    rate = slope(samples)
    growth = rate * o.seconds / 2
    limit = max(8192, o.growth / 100 * sum(rss) / len(rss))
    report.row('memory under load', 'first %.1f, least %.1f, most %.1f, last %.1f MB' % tuple(x / 1024 for x in (rss[0], min(rss), max(rss), rss[-1])))
    if o.samples:
        print('    ' + ' '.join('%.1f' % (x / 1024) for x in rss))
    report.row('its slope', '%+.1f KB/s, %+.2f MB in %g s' % (rate, growth / 1024, o.seconds / 2), growth <= limit, 'more than %.1f MB' % (limit / 1024))


def closed(server, report, settled, name, most):
    try:
        wait_until('', lambda: server.descriptors() <= settled)
    except Failed:
        pass
    time.sleep(1.5)  # an idle server gives memory back
    left, rss = server.descriptors() - settled, server.rss()
    report.row(name, '%d descriptors, %.1f MB' % (server.descriptors(), rss / 1024), left == 0 and rss <= most, '%+d descriptors, at most %.1f MB' % (left, most / 1024))


def churn(o, connections, report):
    began = time.monotonic()
    for i in range(o.churn):
        sock = connections.connect()
        try:
            ENDS[i % len(ENDS)](sock)
        except (Failed, OSError) as e:
            raise Failed('%s, connection %d: %s' % (ENDS[i % len(ENDS)].__name__, i, e)) from None
        finally:
            sock.close()
    report.row('ends of connections', '%d, of %d kinds, in %.1f s' % (o.churn, len(ENDS), time.monotonic() - began))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--tiny', default=os.path.join(ROOT, 'build', 'tiny'))
    parser.add_argument('--script', default=os.path.join(HERE, 'soak_echo.tiny'))
    parser.add_argument('--server', metavar='COMMAND', help="default: '{tiny} {script} {port}'")
    parser.add_argument('--idle', type=int, default=10000)
    parser.add_argument('--active', type=int, default=1000)
    parser.add_argument('--seconds', type=float, default=30)
    parser.add_argument('--churn', type=int, default=1000)
    parser.add_argument('--growth', type=float, default=25, metavar='PERCENT')
    parser.add_argument('--keeps', type=float, metavar='PERCENT', help='of the memory that the load took, what the server may keep after it: 25; not looked at with --server')
    parser.add_argument('--samples', action='store_true', help='show every sample of the memory (MB)')
    o = parser.parse_args()
    if o.keeps is None:
        o.keeps = 1000 if o.server else 25
    report, server = Report(), None
    try:
        raise_limit(o.idle + o.active + 100)
        command = o.server or shlex.quote(os.path.abspath(o.tiny)) + ' {script} {port}'
        print('soak: ' + command, flush=True)
        server = Server(command, o.script)
        soak(o, server, report)
    except (Failed, OSError) as e:
        report.row('FAILED', '', False, str(e) + ('\n' + server.complaints() if server else ''))
    finally:
        if server:
            server.stop()
    print('soak: %s' % ('%d things are not as they have to be' % len(report.off) if report.off else 'ok'))
    return 1 if report.off else 0


if __name__ == '__main__':
    sys.exit(main())
