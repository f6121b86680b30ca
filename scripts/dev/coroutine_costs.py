#!/usr/bin/env python3
"""What generators cost: the figures of docs/coroutines.md.

    coroutine_costs.py [--tiny PATH]

Times are the best of several rounds in one process; on a busy machine run it again."""
import os
import subprocess
import sys

SUSPENDED = '''
import sys
def one(x):
    yield x
g = one(1)
next(g)
print(sys.getsizeof(g))
'''
MILLION = '''
def one(x):
    yield x
all = [one(i) for i in range(1000000)]
for g in all: next(g)
'''
DROPPED = '''
def one(x):
    yield x
for i in range(10000000):
    next(one(i))
'''
TIMES = '''
import time
def leaf(n):
    for i in range(n): yield i
def wrap(it):
    yield from it
def build(d, n):
    it = leaf(n)
    for _ in range(d): it = wrap(it)
    return it
def best(make, n, rounds=7):
    t = 9e9
    for _ in range(rounds):
        it = make()
        start = time.process_time()
        for x in it:
            if x == n: break
        t = min(t, time.process_time() - start)
    return t / n * 1e9
def started(d, n):
    it = build(d, 2 * n)
    next(it)
    return it
N = 100000
for d in 1, 10, 100, 1000, 10000, 100000:
    print('depth', d, best(lambda: started(d, N), N))
def loop(it):
    for x in it: pass
def appended():
    l = []
    for x in leaf(N): l.append(x)
def summed():
    t = 0
    for x in leaf(N): t += x
def largest():
    m = -1
    for x in leaf(N):
        if x > m: m = x
def ident(x): return x
def called():
    for x in leaf(N): ident(x)
def tested():
    for x in leaf(N):
        if x < 0: return
def pairs(n):
    for i in range(n): yield i, i
def put():
    d = {}
    for k, v in pairs(N): d[k] = v
def zipped():
    h = iter(leaf(N))
    for x in leaf(N): (x, next(h))
def counted():
    i = 0
    for x in leaf(N):
        (i, x)
        i += 1
def texts(n):
    for i in range(n): yield 'ab'
def joined():
    l = []
    for s in texts(N): l.append(s)
    ''.join(l)
def star(): [*leaf(N)]
def rest(): a, *b = leaf(N)
def timed(f):
    t = 9e9
    for _ in range(7):
        start = time.process_time()
        f()
        t = min(t, time.process_time() - start)
    return t / N * 1e9
for name, f, plain in [('list', lambda: list(leaf(N)), appended), ('tuple', lambda: tuple(leaf(N)), appended), ('sum', lambda: sum(leaf(N)), summed),
        ('max', lambda: max(leaf(N)), largest), ('any', lambda: any(leaf(1)) or -1 in leaf(N), tested), ('sorted', lambda: sorted(leaf(N)), appended),
        ('join', lambda: ''.join(texts(N)), joined), ('dict', lambda: dict(pairs(N)), put), ('map', lambda: loop(map(ident, leaf(N))), called),
        ('filter', lambda: loop(filter(ident, leaf(N))), called), ('zip', lambda: loop(zip(leaf(N), leaf(N))), zipped),
        ('enumerate', lambda: loop(enumerate(leaf(N))), counted), ('[*g]', star, appended), ('a, *b = g', rest, appended)]:
    print('consumer', name, timed(f), timed(plain))
'''


def run(tiny, source):
    p = subprocess.Popen([tiny, '-c', source], stdout=subprocess.PIPE, text=True)
    out = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    if status:
        sys.exit('failed')
    return out, usage.ru_maxrss / 1024


def main(argv):
    tiny = argv[argv.index('--tiny') + 1] if '--tiny' in argv else 'build/tiny'
    empty = run(tiny, '')[1]
    print('bytes of a suspended generator with one variable: %s' % run(tiny, SUSPENDED)[0].strip())
    print('1 million suspended: peak %.0f MB (empty program: %.1f MB)' % (run(tiny, MILLION)[1], empty))
    print('10 million made, advanced once and dropped: peak %.1f MB' % run(tiny, DROPPED)[1])
    for line in run(tiny, TIMES)[0].splitlines():
        words = line.split()
        if words[0] == 'depth':
            print('item through %6s delegations: %6.1f ns' % (words[1], float(words[2])))
        else:
            print('%-10s %6.1f ns an item, plain loop %6.1f ns, ratio %.2f' % (' '.join(words[1:-2]), float(words[-2]), float(words[-1]), float(words[-2]) / float(words[-1])))


if __name__ == '__main__':
    main(sys.argv[1:])
