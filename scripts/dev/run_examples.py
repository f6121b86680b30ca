#!/usr/bin/env python3
"""Build examples/*.c as a stranger would, against an installed tiny (pkg-config), run them and compare with tests/examples/NAME.out; and the C of README.md and
docs/embedding.md, whose output is what their last `text` block says (README.md: see HELLO).

    run_examples.py --stage PREFIX [--cc CC]     PREFIX: where `make install` put everything
"""
import os
import re
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


HELLO = 'hello from a script\n'


def documents(folder):
    """(name, source, expected output) of the programs that stand in documents."""
    for name in 'README.md', 'docs/embedding.md':
        with open(os.path.join(ROOT, name), encoding='utf-8') as f:
            text = f.read()
        source = os.path.join(folder, os.path.basename(name)[:-3] + '.c')
        with open(source, 'w', encoding='utf-8') as f:
            f.write('\n'.join(re.findall(r'^```c\n(.*?)^```', text, re.S | re.M)))
        shown = re.findall(r'^```text\n(.*?)^```', text, re.S | re.M)
        yield name, source, (shown[-1] if shown else HELLO).encode()


def examples():
    for name in sorted(os.listdir(os.path.join(ROOT, 'examples'))):
        if name.endswith('.c'):
            with open(os.path.join(ROOT, 'tests', 'examples', name[:-2] + '.out'), 'rb') as f:
                yield 'examples/' + name, os.path.join(ROOT, 'examples', name), f.read()


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
    for name, source, want in [*examples(), *documents(folder)]:
        static = count % 2 == 0
        count += 1
        program = os.path.join(folder, os.path.basename(source)[:-2])
        if not build(cc, stage, source, program, static):
            continue  # needs a library that is not here
        result = subprocess.run([program], capture_output=True, timeout=60, env=dict(os.environ, LD_LIBRARY_PATH=os.path.join(stage, 'lib')))
        if result.returncode or result.stdout != want:
            failed += 1
            print('FAIL %s: exit status %d\nexpected:\n%s\ngot:\n%s%s' % (name, result.returncode, want.decode(), result.stdout.decode(), result.stderr.decode()))
    subprocess.run(['c++', '-std=c++17', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-x', 'c++', os.path.join(stage, 'include', 'tiny.h')], check=True) if have('c++') else None
    print('%d examples, %d failed' % (count, failed))
    return 1 if failed else 0


def have(tool):
    return any(os.access(os.path.join(d, tool), os.X_OK) for d in os.environ.get('PATH', '').split(os.pathsep))


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
