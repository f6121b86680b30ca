#!/usr/bin/env python3
"""Turn library code written in tiny, and the list of C modules, into C tables.

    embed.py frozen OUT.c FILES...   stdlib/frozen/*.tiny: one row per top-level definition, with the names of the others it uses, so that
                                     the VM compiles only what is called; other .tiny files: whole sources of importable modules
    embed.py full OUT.c FILES...     tiny_open_full: adds the modules of the given .c files and calls their tiny_open_* functions
    embed.py table OUT.c FILES...    every `const tiny_module NAME_module` defined in the given .c files
"""
import ast
import os
import re
import sys


def c_string(text):
    out = []
    for line in text.splitlines(keepends=True):
        data = line.encode()
        piece = ''.join(chr(b) if 32 <= b < 127 and b not in b'"\\?' else '\\%03o' % b for b in data)
        out.append('  "%s"' % piece)
    return '\n'.join(out) or '  ""'


def defined_names(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [t.id for t in node.targets if isinstance(t, ast.Name)]
    return []


def chunks_of(path):
    text = open(path, encoding='utf-8').read()
    lines = text.splitlines(keepends=True)
    for node in ast.parse(text, path).body:
        names = defined_names(node)
        if not names:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue  # the file's docstring
            raise SystemExit('%s:%d: only definitions at top level of frozen files' % (path, node.lineno))
        first = min([node.lineno] + [d.lineno for d in getattr(node, 'decorator_list', [])])
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        yield names, used, ''.join(lines[first - 1:node.end_lineno])


def write(path, text):
    tmp = path + '.tmp%d' % os.getpid()
    with open(tmp, 'w') as f:
        f.write(text)
    os.replace(tmp, path)


def frozen(out, paths):
    chunks, modules = [], []
    for path in sorted(paths):
        if '/frozen/' in path:
            chunks += [(names, used, text, path) for names, used, text in chunks_of(path)]
        else:
            name = path[path.index('stdlib/') + len('stdlib/'):-len('.tiny')].replace('/', '.')
            modules.append((name, open(path, encoding='utf-8').read()))
    owner = {}
    for i, (names, _, _, path) in enumerate(chunks):
        for name in names:
            if name in owner:
                raise SystemExit('%s: %s is defined twice' % (path, name))
            owner[name] = i
    c = ['/* Made by scripts/dev/embed.py: the library code written in tiny. The texts are for the first-stage build only. */', '#include "vm/frozen.h"', '', '#if TINY_STAGE1']
    for i, (names, used, text, path) in enumerate(chunks):
        c.append('static const char text%d[] = /* %s */\n%s;' % (i, path, c_string(text)))
        c.append('#define TEXT%d text%d, sizeof text%d - 1' % (i, i, i))
    for i, (name, text) in enumerate(modules):
        c.append('static const char module%d[] =\n%s;' % (i, c_string(text)))
        c.append('#define MODULE%d module%d, sizeof module%d - 1' % (i, i, i))
    c.append('const uint32_t frozen_chunk_at[%d] = {0}, frozen_module_at[%d] = {0};' % (len(chunks) + 1, len(modules) + 1))
    c.append('const unsigned char frozen_stream[1] = {0}, frozen_symbols[1] = {0}, frozen_frequency_codes[1] = {0}, frozen_operands[1] = {0};')
    c.append('const unsigned char frozen_token_text[1] = {0}, frozen_name_text[1] = {0};\nconst FrozenModel frozen_models[1] = {{0, 0}};')
    c.append('const uint16_t frozen_flags[1] = {0}, frozen_token_at[1] = {0}, frozen_local_at[1] = {0}, frozen_frequencies[1] = {0};\nconst uint32_t frozen_name_at[1] = {0};')
    c.append('#else')
    c += ['#define TEXT%d "", 0' % i for i in range(len(chunks))]
    c += ['#define MODULE%d "", 0' % i for i in range(len(modules))]
    c.append('#endif')
    for i, (names, used, text, path) in enumerate(chunks):
        needs = sorted({owner[n] for n in used if n in owner and owner[n] != i})
        c.append('static const uint16_t needs%d[] = {%s};' % (i, ', '.join(map(str, needs + [65535]))))
    c.append('const FrozenChunk frozen_chunks[] = {')
    for i, (_, _, text, _) in enumerate(chunks):
        c.append('  {TEXT%d, needs%d},' % (i, i))
    c.append('  {0, 0, 0},\n};')
    c.append('const unsigned frozen_chunk_count = %d;' % len(chunks))
    c.append('const FrozenName frozen_names[] = { /* sorted */')
    for name in sorted(owner):
        c.append('  {"%s", %d},' % (name, owner[name]))
    c.append('  {0, 0},\n};')
    c.append('const unsigned frozen_name_count = %d;' % len(owner))
    c.append('const FrozenModule frozen_modules[] = {')
    for i, (name, _) in enumerate(modules):
        c.append('  {"%s", MODULE%d},' % (name, i))
    c.append('  {0, 0, 0},\n};\n')
    write(out, '\n'.join(c))


def table(out, paths):
    found = []
    for path in sorted(paths):
        text = open(path, encoding='utf-8').read()
        found += re.findall(r'^const tiny_module (\w+)\s*=', text, re.M)
    c = ['/* Made by scripts/dev/embed.py: every C module of stdlib/. */', '#include "include/tiny.h"', '']
    c += ['extern const tiny_module %s;' % name for name in found]
    c.append('extern const tiny_module *const stdlib_table[];')
    c.append('const tiny_module *const stdlib_table[] = {')
    c += ['  &%s,' % name for name in found]
    c.append('  0\n};\n')
    write(out, '\n'.join(c))


def full(out, paths):
    modules, openers = [], []
    for path in sorted(paths):
        text = open(path, encoding='utf-8').read()
        modules += re.findall(r'^const tiny_module (\w+)\s*=', text, re.M)
        openers += re.findall(r'^bool (tiny_open_\w+)\(tiny_vm \*vm\)', text, re.M)
    c = ['/* Made by scripts/dev/embed.py: what libtiny-full adds to a VM. */', '#include "include/tiny.h"', '']
    c += ['extern const tiny_module %s;' % name for name in modules]
    c += ['bool %s(tiny_vm *vm);' % name for name in openers]
    c.append('bool tiny_open_full(tiny_vm *vm) {')
    c += ['  if (!tiny_add_listed_module(vm, &%s)) return false;' % name for name in modules]
    c += ['  if (!%s(vm)) return false;' % name for name in openers]
    c += ['  (void)vm;', '  return true;', '}', '']
    write(out, '\n'.join(c))


if __name__ == '__main__':
    {'frozen': frozen, 'table': table, 'full': full}[sys.argv[1]](sys.argv[2], sys.argv[3:])
