#!/usr/bin/env python3
"""Benchmarks: tests/bench/*.tiny under tiny and python3, in turns, so that a slow spell of the machine falls on both.

    bench.py [--tiny PATH] [--python PATH] [--runs N] [--json FILE] [NAMES...]    NAMES: parts of programs' names

For every program: the least user + system time of both and their ratio (below 1: tiny is faster). The outputs have to be equal. The last row is the
geometric mean of the ratios; `start` is an empty program.
"""
import json
import math
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, 'tests', 'bench')


def run(program, script):
    """(seconds of CPU, output) of one process."""
    with tempfile.TemporaryFile() as out:
        p = subprocess.Popen([program, script], stdout=out, stdin=subprocess.DEVNULL, env=dict(os.environ, PYTHONDONTWRITEBYTECODE='1'))
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        if p.returncode:
            raise SystemExit('%s %s: exit status %d' % (program, script, p.returncode))
        return usage.ru_utime + usage.ru_stime, out.read()


def measure(programs, script, runs):
    best = [math.inf] * len(programs)
    outputs = [None] * len(programs)
    for _ in range(runs):
        for i, program in enumerate(programs):
            seconds, outputs[i] = run(program, script)
            best[i] = min(best[i], seconds)
    if outputs[0] != outputs[1]:
        raise SystemExit('%s: outputs differ:\n%s\n%s' % (script, outputs[0].decode(), outputs[1].decode()))
    return best


def parse(argv):
    options, names = {'--tiny': 'build/tiny', '--python': 'python3', '--runs': '5', '--json': ''}, []
    it = iter(argv)
    for a in it:
        if a in options:
            options[a] = next(it)
        elif a.startswith('-'):
            raise SystemExit(__doc__)
        else:
            names.append(a)
    return options, names


def main(argv):
    options, names = parse(argv)
    programs = [os.path.abspath(options['--tiny']), options['--python']]
    # the interpreter itself, not a script that looks for it
    programs[1] = subprocess.run([programs[1], '-c', 'import sys; print(sys.executable)'], capture_output=True, text=True, check=True).stdout.strip()
    scripts = sorted(n for n in os.listdir(FOLDER) if n.endswith('.tiny') and (not names or any(part in n for part in names)))
    results, runs = {}, int(options['--runs'])
    print('%-12s %9s %9s %7s' % ('program', 'tiny s', 'python3 s', 'ratio'))
    for script in ([] if names else ['/dev/null']) + [os.path.join(FOLDER, s) for s in scripts]:
        name = 'start' if script == '/dev/null' else os.path.basename(script)[:-5]
        a, b = measure(programs, script, runs)
        results[name] = {'tiny': a, 'python3': b, 'ratio': a / b}
        print('%-12s %9.3f %9.3f %7.2f' % (name, a, b, a / b), flush=True)
    ratios = [r['ratio'] for n, r in results.items() if n != 'start']
    if ratios:
        print('%-12s %27.2f' % ('mean ratio', math.exp(sum(map(math.log, ratios)) / len(ratios))))
    if options['--json']:
        with open(options['--json'], 'w', encoding='utf-8') as f:
            json.dump(results, f, indent=1)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
