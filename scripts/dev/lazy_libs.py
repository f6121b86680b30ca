#!/usr/bin/env python3
"""Libraries that a program opens when it first calls one of their functions, instead of at its start (x86-64, ELF).

    lazy_libs.py OUT.S CC OBJECTS... -- -lA -lB...      writes OUT.S, and prints what still has to be linked as usual

For every function of these libraries that the objects name, OUT.S has one of the same name that jumps through a slot. At first the slot leads to lazy_resolve
(repl/lazy.c), which opens the library, and puts the function's address there. A library of which the objects name data is linked as usual.
"""
import os
import re
import subprocess
import sys


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def library_file(cc, flag):
    path = output(cc, '-print-file-name=lib%s.so' % flag[2:]).strip()
    if not os.path.exists(path):
        return None
    with open(path, 'rb') as f:
        head = f.read(4000)
    if not head.startswith(b'\x7fELF'):  # a script of the linker
        path = re.search(rb'/\S+\.so\S*', head).group().decode()
    return path


def exported(path):
    functions, data = set(), set()
    for line in output('nm', '-D', '--defined-only', path).splitlines():
        kind, name = line.split()[-2:]
        (functions if kind in 'TWi' else data).add(name.split('@')[0])
    return functions, data


def soname(path):
    return re.search(r'SONAME.*\[(.*)\]', output('readelf', '-d', path)).group(1)


def undefined(objects):
    named, defined = set(), set()
    for line in output('nm', *objects).splitlines():
        parts = line.split()
        if len(parts) >= 2 and parts[-2] in 'Uw':
            named.add(parts[-1])
        elif len(parts) == 3 and parts[1].isupper():
            defined.add(parts[2])
    return named - defined


HEAD = '''/* Made by scripts/dev/lazy_libs.py. */
	.text
	/* The number of the slot lies on the stack, above the return address. Registers that may hold arguments are kept. */
resolve:
	push %rdi; push %rsi; push %rdx; push %rcx; push %r8; push %r9; push %rax
	sub $136, %rsp
'''


def write(path, functions, libraries):
    out = [HEAD]
    out += ['\tmovups %%xmm%d, %d(%%rsp)\n' % (i, 16 * i) for i in range(8)]
    out.append('\tmov 192(%rsp), %rdi\n\tcall lazy_resolve\n\tmov %rax, %r11\n')
    out += ['\tmovups %d(%%rsp), %%xmm%d\n' % (16 * i, i) for i in range(8)]
    out.append('\tadd $136, %rsp\n\tpop %rax; pop %r9; pop %r8; pop %rcx; pop %rdx; pop %rsi; pop %rdi\n\tadd $8, %rsp\n\tjmp *%r11\n')
    for i, (name, _) in enumerate(functions):
        out.append('\t.globl %s\n\t.hidden %s\n\t.type %s, @function\n%s:\tjmp *lazy_slots+%d(%%rip)\nfirst%d:\tpush $%d\n\tjmp resolve\n' % (name, name, name, name, 8 * i, i, i))
    out.append('\t.data\n\t.balign 8\n\t.globl lazy_slots\n\t.hidden lazy_slots\nlazy_slots:\n')
    out += ['\t.quad first%d\n' % i for i in range(len(functions))]
    out.append('\t.section .rodata\n\t.globl lazy_names\n\t.hidden lazy_names\nlazy_names:\n')  # names of functions, each behind the number of its library; names of libraries
    out += ['\t.byte %d\n\t.asciz "%s"\n' % (library, name) for name, library in functions]
    out.append('\t.globl lazy_libraries\n\t.hidden lazy_libraries\nlazy_libraries:\n')
    out += ['\t.asciz "%s"\n' % name for name in libraries]
    out.append('\t.section .note.GNU-stack, "", @progbits\n')
    with open(path, 'w') as f:
        f.writelines(out)


def main(argv):
    split = argv.index('--')
    out, cc, objects, flags = argv[0], argv[1], argv[2:split], argv[split + 1:]
    named, functions, libraries, rest, seen = undefined(objects), [], [], [], set()
    in_libc = exported(library_file(cc, '-lc'))[0]
    for flag in flags:
        if not flag.startswith('-l') or flag in seen:
            rest += [flag] if flag not in seen else []
            continue
        seen.add(flag)
        path = library_file(cc, flag)
        has, data = exported(path) if path else (set(), set())
        wanted = sorted((named & has) - in_libc - {name for name, _ in functions})
        if not path or named & data - in_libc:
            rest.append(flag)
            continue
        functions += [(name, len(libraries)) for name in wanted]
        libraries.append(soname(path))
    write(out, functions, libraries)
    print(' '.join(rest))


if __name__ == '__main__':
    main(sys.argv[1:])
