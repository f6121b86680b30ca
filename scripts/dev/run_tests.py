#!/usr/bin/env python3
"""Run tiny over tests/: every script's output and exit status must be the recorded one (which python3 gave, see record.py).

    run_tests.py [--tiny PATH] [--slow] [--live] [NAMES...]    --live: ask python3 again instead of trusting the records; NAMES: parts of paths

    tests/lang/**/NAME.tiny      output NAME.out
    tests/errors/NAME.tiny       NAME.err: stderr (traceback) and, in its first line, the exit status; the checkout's folder stands as ROOT
    tests/differ/NAME.tiny       a difference on purpose: output NAME.out, recorded from tiny by hand
    scripts/seeds/NAME.tiny      tests/seeds/NAME.out
    scripts/coroutines/NAME.tiny output NAME.out beside it
    docs/coroutines.md           every ```python block: its output is the ```text block behind it
    examples/scripts/NAME.tiny   tests/examples/NAME.out, recorded from python3 by hand
    tests/repl/NAME.in           typed at the prompt: NAME.out
Files whose names begin with _ are modules of their neighbours.
"""
import concurrent.futures
import difflib
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import record  # noqa: E402

ADDRESS = re.compile(rb'0x[0-9a-fA-F]{4,}')


def scripts(folder):
    for where, _, names in os.walk(os.path.join(ROOT, folder)):
        for name in sorted(names):
            if name.endswith(('.tiny', '.in')) and not name.startswith('_'):
                yield os.path.join(where, name)


def read(path):
    with open(path, 'rb') as f:
        return f.read()


class Runner:
    def __init__(self, tiny, timeout, live):
        self.tiny, self.timeout, self.live = os.path.abspath(tiny), timeout, live

    def run(self, args, cwd, stdin=b''):
        env = dict(os.environ, LC_ALL='C.UTF-8', HOME='/nonexistent', PYTHONHASHSEED='0')
        p = subprocess.run([self.tiny] + args, cwd=cwd, input=stdin, capture_output=True, timeout=self.timeout, env=env)
        return p.returncode, p.stdout, p.stderr

    def lang(self, path):
        want = record.place_free(record.run_python(path).stdout) if self.live and os.path.exists(record.PYTHON) else read(path[:-5] + '.out')
        code, out, err = self.run([os.path.basename(path)], os.path.dirname(path))
        if code:
            return 'exit status %d\n%s' % (code, err.decode(errors='replace')[-2000:])
        return compare(want, record.place_free(out))

    def errors(self, path):
        want = read(path[:-5] + '.err')
        code, _, err = self.run([os.path.basename(path)], os.path.dirname(path))
        return compare(want, b'%d\n' % code + record.place_free(err))

    def differ(self, path):
        code, out, err = self.run([os.path.basename(path)], os.path.dirname(path))
        return compare(read(path[:-5] + '.out'), out + (b'' if code == 0 else b'exit status %d\n' % code))

    def seeds(self, path):
        code, out, err = self.run([path], ROOT)
        last = err.strip().splitlines()[-1:] if code else []
        want, got = read(os.path.join(ROOT, 'tests', 'seeds', os.path.basename(path)[:-5] + '.out')), ADDRESS.sub(b'0x', out) + b''.join(l + b'\n' for l in last)
        if want.startswith(b'in any order\n'):  # random: the last line's items
            want = want.split(b'\n', 1)[1]
            return None if sorted(want) == sorted(got) else compare(want, got)
        return compare(want, got)

    def examples(self, path):
        code, out, err = self.run([path], ROOT)
        return compare(read(os.path.join(ROOT, 'tests', 'examples', os.path.basename(path)[:-5] + '.out')), out + err)

    def docs(self, path):
        blocks = re.findall(rb'```python\n(.*?)```\s*```text\n(.*?)```', read(path), re.S)
        for code, want in blocks:
            status, out, err = self.run(['-c', code.decode()], ROOT)
            problem = compare(want, out + err)
            if problem or status:
                return problem or err.decode(errors='replace')
        return None if blocks else 'no examples'

    def repl(self, path):
        code, out, err = self.run(['-i', '-q'], ROOT, read(path))
        return compare(read(path[:-3] + '.out'), out + err)

    def one(self, kind, path):
        try:
            return getattr(self, kind)(path)
        except subprocess.TimeoutExpired:
            return 'timeout'
        except FileNotFoundError as e:
            return 'no record: %s (scripts/dev/record.py)' % e.filename


def compare(want, got):
    if want == got:
        return None
    return '\n'.join(list(difflib.unified_diff(want.decode(errors='replace').splitlines(), got.decode(errors='replace').splitlines(), 'expected', 'got', lineterm=''))[:30])


def main(argv):
    tiny, timeout, live, names = 'build/tiny', 30, False, []
    it = iter(argv)
    for a in it:
        if a == '--tiny':
            tiny = next(it)
        elif a == '--slow':
            timeout = 300
        elif a == '--live':
            live = True
        else:
            names.append(a)
    runner = Runner(tiny, timeout, live)
    jobs = [(kind, p) for kind, folder in (('lang', 'tests/lang'), ('errors', 'tests/errors'), ('differ', 'tests/differ'), ('seeds', 'scripts/seeds'), ('lang', 'scripts/coroutines'), ('examples', 'examples/scripts'), ('repl', 'tests/repl'))
            for p in scripts(folder) if not names or any(n in p for n in names)]
    documents = [os.path.join(ROOT, 'docs', name) for name in ('coroutines.md',)]
    jobs += [('docs', p) for p in documents if not names or any(n in p for n in names)]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        for (kind, path), problem in zip(jobs, pool.map(lambda j: runner.one(*j), jobs)):
            if problem:
                failed += 1
                print('FAIL %s\n%s\n' % (os.path.relpath(path, ROOT), problem))
    print('%d scripts, %d failed' % (len(jobs), failed))
    return 1 if failed or not jobs else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
