#!/usr/bin/env python3
"""Servers that scripts make, asked by clients that others made: curl, wrk, socat; and a script as the client of socat.

    test_clients.py [--tiny PATH] [NAMES...]
"""
import os
import re
import subprocess
import time

from serving import PATIENCE, Serving, equal, main, run

BIG = b''.join(b'%09d\n' % i for i in range(1000000))
CURL = 'curl', '-sS', '--noproxy', '*', '--max-time', str(PATIENCE)


def http(tiny, folder):
    return Serving(tiny, 'http.tiny', os.path.join(folder, 'socket'))


def url(server, path='/'):
    return 'http://127.0.0.1:%s%s' % (server.words[0].decode(), path)


def in_file(folder, data):
    path = os.path.join(folder, 'body')
    with open(path, 'wb') as f:
        f.write(data)
    return path


def test_curl_keeps_the_connection(tiny, folder):
    with http(tiny, folder) as s:
        shown = run(*CURL, '-w', '%{http_code} %{num_connects}\n', url(s), url(s), url(s, '/nothing'), url(s))
        equal(shown, b'hello\n200 1\nhello\n200 0\nno such path\n404 0\nhello\n200 0\n')


def test_curl_ends_the_connection(tiny, folder):
    with http(tiny, folder) as s:
        shown = run(*CURL, '-w', '%{num_connects}\n', '--http1.0', url(s), url(s))
        equal(shown, b'hello\n1\nhello\n1\n')
        equal(run(*CURL, '-H', 'Connection: close', url(s)), b'hello\n')


def test_curl_head(tiny, folder):
    with http(tiny, folder) as s:
        shown = run(*CURL, '-I', url(s, '/big'))
        assert b'Content-Length: 10000000\r\n' in shown and shown.endswith(b'\r\n\r\n'), shown


def test_curl_large_body(tiny, folder):
    with http(tiny, folder) as s:
        equal(run(*CURL, url(s, '/big')), BIG)
        equal(run(*CURL, '--data-binary', '@' + in_file(folder, BIG), url(s, '/echo')), BIG)


def test_curl_chunks(tiny, folder):
    with http(tiny, folder) as s:
        equal(run(*CURL, '-T', '-', '-X', 'POST', url(s, '/echo'), input=BIG[:300000]), BIG[:300000])


def test_curl_many_at_once(tiny, folder):
    with http(tiny, folder) as s:
        equal(run(*CURL, '-Z', '--parallel-max', '30', *[url(s)] * 60), b'hello\n' * 60)


def test_curl_goes_in_the_middle(tiny, folder):
    with http(tiny, folder) as s:
        for _ in range(3):
            p = subprocess.Popen([*CURL, url(s, '/big')], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            equal(p.stdout.read(1000), BIG[:1000])
            p.kill()
            p.wait()
            p.stdout.close()
        equal(run(*CURL, url(s)), b'hello\n')


def test_curl_unix_socket(tiny, folder):
    with http(tiny, folder) as s:
        equal(run(*CURL, '--unix-socket', os.path.join(folder, 'socket'), 'http://localhost/big'), BIG)


def test_wrk(tiny, folder):
    with http(tiny, folder) as s:
        shown = run('wrk', '-t', '1', '-c', '20', '-d', '1s', '--timeout', '%ds' % PATIENCE, url(s)).decode()
        assert 'Socket errors' not in shown and 'Non-2xx' not in shown, shown
        assert int(re.search(r'(\d+) requests in', shown)[1]) > 20, shown


def turn_round(tiny, folder):
    return Serving(tiny, 'turn_round.tiny', os.path.join(folder, 'socket'))


def test_socat_half_close(tiny, folder):
    with turn_round(tiny, folder) as s:
        for text in b'one line\n', b'', b'no end', b'0123456789abcde\n' * 20000:
            equal(run('socat', '-t%d' % PATIENCE, '-', 'TCP4:127.0.0.1:' + s.words[0].decode(), input=text), text.upper())


def test_socat_unix_socket(tiny, folder):
    with turn_round(tiny, folder) as s:
        for text in b'one line\n', b'0123456789abcde\n' * 20000:
            equal(run('socat', '-t%d' % PATIENCE, '-', 'UNIX-CONNECT:' + os.path.join(folder, 'socket'), input=text), text.upper())


def test_socat_datagrams(tiny, folder):
    with turn_round(tiny, folder) as s:
        for text in b'ping', b'a' * 1400:
            address = 'UDP4:127.0.0.1:%s,readbytes=%d' % (s.words[1].decode(), len(text))
            equal(run('socat', '-t%d' % PATIENCE, '-', address, input=text), text.upper())


def test_socat_serves(tiny, folder):
    path, text = os.path.join(folder, 'socat'), b'0123456789abcde\n' * 20000
    server = subprocess.Popen(['socat', '-t%d' % PATIENCE, 'UNIX-LISTEN:%s,fork' % path, 'SYSTEM:tr a-z A-Z'])
    try:
        end = time.monotonic() + PATIENCE
        while not os.path.exists(path) and time.monotonic() < end:
            time.sleep(0.01)
        for data in b'one line\n', text:
            equal(run(tiny, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ask.tiny'), path, in_file(folder, data)), data.upper())
    finally:
        server.terminate()
        server.wait()


if __name__ == '__main__':
    TESTS = [f for name, f in list(globals().items()) if name.startswith('test_')]
    main('clients', TESTS, {f: f.__name__.split('_')[1] for f in TESTS})
