#!/usr/bin/env python3
"""Programs whose descriptors are used up (64 of them): a server lets connections wait and serves them all in the end; everything in a script that needs a descriptor
works or raises OSError(EMFILE), and leaves none behind.

    test_descriptors.py [--tiny PATH] [NAMES...]
"""
import os
import resource
import socket
import time

from serving import HERE, PATIENCE, PYTHON, Serving, equal, main, run

FEW = 64


def few():
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, FEW))


def connect(server):
    sock = socket.create_connection(('127.0.0.1', int(server.words[0])), PATIENCE)
    sock.settimeout(PATIENCE)
    return sock


def line(sock):
    data = b''
    while not data.endswith(b'\n'):
        part = sock.recv(100)
        assert part, 'closed after %r' % data
        data += part
    return data


def serve_more_than_there_are(program):
    """What the exception handler was told, without how often."""
    n = 150
    with Serving(program, 'full_server.tiny', preexec_fn=few) as s:
        descriptors = '/proc/%d/fd' % s.process.pid
        before = len(os.listdir(descriptors))
        socks = [connect(s) for _ in range(n)]
        try:
            for i, sock in enumerate(socks):
                sock.sendall(b'%d\n' % i)
            end = time.monotonic() + PATIENCE
            while len(os.listdir(descriptors)) < FEW and time.monotonic() < end:
                time.sleep(0.02)
            spent = processor_time(s.process.pid)
            time.sleep(0.3)
            spent = processor_time(s.process.pid) - spent
            assert spent < 0.2, 'it waits by trying: %.2f s of processor time in 0.3 s' % spent
            for i, sock in enumerate(socks):  # in order: whoever has been served makes room for another
                equal(line(sock), b'%d\n' % i)
                sock.close()
        finally:
            for sock in socks:
                sock.close()
        with connect(s) as sock:
            sock.sendall(b'?\n')
            count, told = line(sock).split(b' ', 1)
        assert int(count) > 0, 'nobody was told'
        end = time.monotonic() + PATIENCE
        while len(os.listdir(descriptors)) != before and time.monotonic() < end:
            time.sleep(0.02)
        equal(len(os.listdir(descriptors)), before, 'descriptors in the end')
        return told


def processor_time(pid):
    with open('/proc/%d/stat' % pid) as f:
        fields = f.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def test_server(tiny, folder):
    equal(serve_more_than_there_are(tiny), serve_more_than_there_are(PYTHON) if os.path.exists(PYTHON) else b'socket.accept() out of system resource: OSError 24: TransportSocket\n')


def test_script(tiny, folder):
    shown = run(tiny, os.path.join(HERE, 'full_script.tiny'), folder, preexec_fn=few).decode().splitlines()
    assert len(shown) == 26 and all(s.endswith(' ok') for s in shown), shown


if __name__ == '__main__':
    main('descriptors', [test_server, test_script])
