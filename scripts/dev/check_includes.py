#!/usr/bin/env python3
"""Check that includes point one way: base <- lexer <- parser front; vm core <- objects; code generation -> vm; stdlib and repl see only include/tiny.h
(builtins, and what they are made of, also the VM's narrow waist); no cycle of headers."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAYERS = ['vm/base', 'lexer', 'parser', 'vm', 'vm/objects', 'stdlib', 'stdlib/full', 'repl', 'include']
# layer of the including file -> prefixes it may include
ALLOWED = {
    'base': ('vm/base/',),
    'lexer': ('vm/base/', 'lexer/'),
    'front': ('vm/base/', 'lexer/', 'parser/'),
    'codegen': ('vm/', 'lexer/', 'parser/', 'include/'),
    'vm': ('vm/', 'include/'),
    'stdlib': ('include/', 'stdlib/'),
    'builtins': ('include/', 'stdlib/', 'vm/'),
    'repl': ('include/', 'repl/'),
    'root': ('',),
    'include': (),
}
FRONT = re.compile(r'^parser/(ast|parse|scope)[a-z_]*\.[ch]$')


def layer_of(path):
    if path.startswith('vm/base/'):
        return 'base'
    if path.startswith('lexer/'):
        return 'lexer'
    if path.startswith('parser/'):
        return 'front' if FRONT.match(path) else 'codegen'
    if path.startswith('vm/'):
        return 'vm'
    if path.startswith('stdlib/'):
        return 'builtins' if os.path.basename(path).startswith('builtins') else 'stdlib'
    if path.startswith('repl/'):
        return 'repl'
    if path.startswith('include/'):
        return 'include'
    return 'root'


def includes(path):
    for number, line in enumerate(open(os.path.join(ROOT, path), encoding='utf-8'), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if m:
            yield number, 'include/tiny.h' if m.group(1) == 'tiny.h' else m.group(1)


def cycles(graph):
    state, stack = {}, []

    def visit(node):
        state[node] = 1
        stack.append(node)
        for other in graph.get(node, ()):
            if state.get(other) == 1:
                yield stack[stack.index(other):] + [other]
            elif other not in state:
                yield from visit(other)
        stack.pop()
        state[node] = 2

    for node in list(graph):
        if node not in state:
            yield from visit(node)


def main():
    files = ['tiny.c']
    for folder in LAYERS:
        full = os.path.join(ROOT, folder)
        if os.path.isdir(full):
            files += ['%s/%s' % (folder, f) for f in sorted(os.listdir(full)) if f.endswith(('.c', '.h'))]
    bad, graph = 0, {}
    for path in files:
        for number, target in includes(path):
            if path.endswith('.h'):
                graph.setdefault(path, []).append(target)
            allowed = ALLOWED[layer_of(path)]
            if not any(target.startswith(p) for p in allowed):
                print('%s:%d: layer "%s" must not include %s' % (path, number, layer_of(path), target))
                bad += 1
            if not os.path.exists(os.path.join(ROOT, target)):
                print('%s:%d: no such header: %s' % (path, number, target))
                bad += 1
    for loop in cycles(graph):
        print('headers include each other: ' + ' -> '.join(loop))
        bad += 1
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
