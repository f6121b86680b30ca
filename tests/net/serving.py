"""What the tests of this folder share: a server that runs while a test asks it, and the running of tests."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PYTHON = os.environ.get('PYTHON3_ORACLE', '/usr/bin/python3')
PATIENCE = 60  # seconds; sanitized builds on busy machines are slow


class Serving:
    """with Serving(program, 'script.tiny', args...) as s: s.words is the first line that it prints. Must run until it is stopped, and complain of nothing."""

    def __init__(self, program, script, *args, **popen):
        self.command, self.popen = [program, os.path.join(HERE, script), *map(str, args)], popen

    def __enter__(self):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, **self.popen)
        self.words = self.process.stdout.readline().split()
        if not self.words:
            self.process.wait()
            raise AssertionError('%s does not start: %s' % (self.command, self.complaints()))
        return self

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors='replace')

    def __exit__(self, kind, exc, tb):
        ended = self.process.poll()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        text = self.complaints()
        self.errors.close()
        if kind is None:
            assert ended is None, 'the server ended: %d\n%s' % (ended, text)
            assert not text, text


def run(*command, **kwds):
    """stdout of a command that has to succeed."""
    p = subprocess.run(command, capture_output=True, timeout=PATIENCE, **kwds)
    assert p.returncode == 0, '%s: exit status %d\n%s' % (command[0], p.returncode, p.stderr.decode(errors='replace'))
    return p.stdout


def equal(got, wanted, what=''):
    def short(v):
        return repr(v) if len(repr(v)) < 500 else '%r... (%d)' % (v[:200], len(v))
    assert got == wanted, '%s: expected %s, got %s' % (what, short(wanted), short(got))


def main(title, tests, needs={}):
    """tests: functions of (tiny, folder), named test_*; needs: of some the command without which they are left out."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument('--tiny', default=os.path.join(ROOT, 'build', 'tiny'))
    parser.add_argument('names', nargs='*', help='parts of names of tests')
    o = parser.parse_args()
    failed = count = 0
    for test in tests:
        name = test.__name__[5:]
        if o.names and not any(n in name for n in o.names):
            continue
        need = needs.get(test)
        if need and not shutil.which(need):
            print('%s: %s left out: there is no %s' % (title, name, need))
            continue
        count += 1
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(os.path.abspath(o.tiny), folder)
            except Exception as e:
                failed += 1
                print('FAIL %s: %s' % (name, e if isinstance(e, AssertionError) else traceback.format_exc()))
    print('%s: %d tests, %d failed' % (title, count, failed))
    sys.exit(1 if failed else 0)
