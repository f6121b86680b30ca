#!/usr/bin/env python3
"""Build examples/*.c as a stranger would, against an installed tiny (pkg-config), run them and compare with tests/examples/NAME.out.

    run_examples.py --stage PREFIX [--cc CC]     PREFIX: where `make install` put everything
"""
import os
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def pkg_config(stage, package, *options):
    env = dict(os.environ, PKG_CONFIG_PATH=os.path.join(stage, 'lib', 'pkgconfig'))
    return shlex.split(subprocess.run(['pkg-config', *options, package], capture_output=True, text=True, check=True, env=env).stdout)


def build(cc, stage, source, program, static):
    with open(source) as f:
        package = 'tiny-full' if 'tiny-full' in f.read() else 'tiny'
    if package == 'tiny-full' and not os.path.exists(os.path.join(stage, 'lib', 'pkgconfig', 'tiny-full.pc')):
        return False
    flags = pkg_config(stage, package, '--cflags', '--libs', *(['--static'] if static else []))
    if static:
        flags = ['-l:libtiny.a' if f == '-ltiny' else f for f in flags]
    subprocess.run([cc, '-std=c11', '-Wall', '-Wextra', '-Werror', source, '-o', program, *flags], check=True)
    return True


def main(argv):
    stage, cc = os.path.abspath(argv[argv.index('--stage') + 1]), argv[argv.index('--cc') + 1] if '--cc' in argv else 'cc'
    failed = count = 0
    folder = os.path.join(stage, 'examples')
    os.makedirs(folder, exist_ok=True)
    for name in sorted(os.listdir(os.path.join(ROOT, 'examples'))):
        if not name.endswith('.c'):
            continue
        count += 1
        static = count == 1
        program = os.path.join(folder, name[:-2])
        if not build(cc, stage, os.path.join(ROOT, 'examples', name), program, static):
            continue  # needs a library that is not here
        result = subprocess.run([program], capture_output=True, timeout=60, env=dict(os.environ, LD_LIBRARY_PATH=os.path.join(stage, 'lib')))
        with open(os.path.join(ROOT, 'tests', 'examples', name[:-2] + '.out'), 'rb') as f:
            want = f.read()
        if result.returncode or result.stdout != want:
            failed += 1
            print('FAIL examples/%s: exit status %d\nexpected:\n%s\ngot:\n%s%s' % (name, result.returncode, want.decode(), result.stdout.decode(), result.stderr.decode()))
    subprocess.run(['c++', '-std=c++17', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-x', 'c++', os.path.join(stage, 'include', 'tiny.h')], check=True) if have('c++') else None
    print('%d examples, %d failed' % (count, failed))
    return 1 if failed else 0


def have(tool):
    return any(os.access(os.path.join(d, tool), os.X_OK) for d in os.environ.get('PATH', '').split(os.pathsep))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
