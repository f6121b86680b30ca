#!/usr/bin/env python3
"""Record what python3 prints for tests/lang/**/*.tiny beside them (NAME.out), so that the tests also run where there is no python3.

    record.py [--check] [FILES...]    without files: every test that has no .out yet; --check: report records that python3 no longer agrees with
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PYTHON = os.environ.get('PYTHON3', '/usr/bin/python3')


def run_python(path):
    env = dict(os.environ, PYTHONHASHSEED='0', PYTHONDONTWRITEBYTECODE='1')
    code = 'import sys; p = sys.argv[1]; sys.argv = [p]; sys.path.insert(0, %r); src = open(p, "rb").read(); exec(compile(src, p, "exec"), {"__name__": "__main__", "__file__": p})'
    return subprocess.run([PYTHON, '-c', code % os.path.dirname(path), os.path.basename(path)], cwd=os.path.dirname(path), capture_output=True, timeout=60, env=env)


def tests():
    for folder, _, names in os.walk(os.path.join(ROOT, 'tests', 'lang')):
        for name in sorted(names):
            if name.endswith('.tiny') and not name.startswith('_'):
                yield os.path.join(folder, name)


def main(argv):
    check = '--check' in argv
    files = [os.path.abspath(a) for a in argv if not a.startswith('--')] or list(tests())
    bad = 0
    for path in files:
        out = path[:-5] + '.out'
        if os.path.exists(out) and not check and len(argv) == 0:
            continue
        try:
            result = run_python(path)
        except subprocess.TimeoutExpired:
            print('timeout', path)
            bad += 1
            continue
        if check:
            with open(out, 'rb') as f:
                if f.read() != result.stdout:
                    print('differs', path)
                    bad += 1
            continue
        if result.returncode:
            print('fails in python3:', path, result.stderr.decode(errors='replace').strip().splitlines()[-1:])
            bad += 1
            continue
        with open(out, 'wb') as f:
            f.write(result.stdout)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
