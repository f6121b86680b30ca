#!/usr/bin/env python3
"""Check the library with nm: no writable data, no exported name without tiny_, nothing that ends or prints behind the host's back."""
import subprocess
import sys

# _exit is let through: os._exit() and children between fork and exec need it, and no other code calls it.
FORBIDDEN = {'exit', '_Exit', 'abort', 'longjmp', '_longjmp', 'siglongjmp', 'setjmp', '_setjmp', 'printf', 'puts', 'putchar', 'perror', 'setlocale', 'strtod', 'atof',
             'strtok', 'rand', 'srand', 'localtime', 'gmtime', 'asctime', 'ctime', 'system'}


def main(library):
    bad = 0
    for line in subprocess.run(['nm', library], capture_output=True, text=True, check=True).stdout.splitlines():
        parts = line.split()
        if len(parts) == 2 and parts[0] == 'U' and parts[1] in FORBIDDEN:
            print('%s uses %s' % (library, parts[1]))
            bad += 1
        if len(parts) != 3:
            continue
        kind, name = parts[1], parts[2]
        if kind in 'BbCGgSs' or (kind in 'Dd' and not is_relro(library, name)):
            print('%s: writable: %s' % (library, name))
            bad += 1
        if kind.isupper() and kind != 'U' and not name.startswith('tiny_'):
            print('%s exports %s' % (library, name))
            bad += 1
    return 1 if bad else 0


_relro = {}


def is_relro(library, name):
    """Constant tables of addresses stand in .data.rel.ro: nm says D, the loader makes them read-only."""
    if library not in _relro:
        out = subprocess.run(['objdump', '-t', library], capture_output=True, text=True, check=True).stdout
        _relro[library] = {line.split()[-1] for line in out.splitlines() if '.data.rel.ro' in line}
    return name in _relro[library]


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
