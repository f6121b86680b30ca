#!/usr/bin/env python3
"""Record what python3 prints for tests/lang/**/*.tiny beside them (NAME.out), so that the tests also run where there is no python3.

    record.py [--check] [FILES...]    without files: every test that has no .out yet; --check: report records that python3 no longer agrees with
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PYTHON = os.environ.get('PYTHON3', '/usr/bin/python3')


def place_free(output):
    """Output as it stands in records: without the folder of this checkout."""
    return output.replace(ROOT.encode(), b'ROOT')


def run_python(path):
    env = dict(os.environ, LC_ALL='C.UTF-8', PYTHONHASHSEED='0', PYTHONDONTWRITEBYTECODE='1')
    return subprocess.run([PYTHON, os.path.basename(path)], cwd=os.path.dirname(path), capture_output=True, timeout=60, env=env)


def record_error(path):
    result = run_python(path)
    with open(path[:-5] + '.err', 'wb') as f:
        f.write(b'%d\n' % result.returncode + place_free(result.stderr))


def tests():
    for folder, _, names in os.walk(os.path.join(ROOT, 'tests', 'lang')):
        for name in sorted(names):
            if name.endswith('.tiny') and not name.startswith('_'):
                yield os.path.join(folder, name)


def main(argv):
    check = '--check' in argv
    files = [os.path.abspath(a) for a in argv if not a.startswith('--')] or list(tests())
    bad = 0
    if not argv:
        errors = os.path.join(ROOT, 'tests', 'errors')
        files += [os.path.join(errors, n) for n in sorted(os.listdir(errors)) if n.endswith('.tiny') and not n.startswith('_')]
    for path in files:
        if os.sep + 'errors' + os.sep in path and not os.sep + 'lang' + os.sep in path:
            if argv or not os.path.exists(path[:-5] + '.err'):
                record_error(path)
            continue
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
                if f.read() != place_free(result.stdout):
                    print('differs', path)
                    bad += 1
            continue
        if result.returncode:
            print('fails in python3:', path, result.stderr.decode(errors='replace').strip().splitlines()[-1:])
            bad += 1
            continue
        with open(out, 'wb') as f:
            f.write(place_free(result.stdout))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
