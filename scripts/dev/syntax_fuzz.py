#!/usr/bin/env python3
"""Compare what python3 and tiny say of broken programs.

  syntax_fuzz.py --tiny build/tiny --seed 1 --count 3000 [FILES...]

Takes logical lines (and small blocks) of the scripts under tests/lang, changes tokens of them (delete, double, swap, replace, insert) and compiles
the results with both. Printed: those where acceptance, type, message, line, offset, end line or end offset of the error differ.
"""
import argparse, ast, glob, io, json, os, random, re, subprocess, sys, tempfile, tokenize

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORDS = ['(', ')', '[', ']', '{', '}', ',', ':', ';', '.', '=', '==', ':=', '->', '*', '**', '+', '-', '/', '@', '|', '&', '<', '!', '!=', '~', '...', 'x', 'f', '1', '0x', '1_', "'s'", 'f"{x}"', "b'a'", 'None', 'True', 'if', 'else', 'elif', 'for',
         'while', 'in', 'not', 'is', 'and', 'or', 'lambda', 'def', 'class', 'return', 'yield', 'await', 'async', 'with', 'as', 'import', 'from', 'try', 'except', 'finally', 'raise', 'assert', 'del', 'global', 'nonlocal', 'pass', 'break', 'continue', 'match', 'case', '_', 'print', 'exec', '$', '?', '\\',
         '"', "'", "f'{'", "f'{x'", "f'{x!}'", "f'{x:{'", 'é', '\n', '\n  ', '  ', '#']
RUNNER = '''
import sys, json, warnings
warnings.simplefilter('ignore')
out = []
for i, text in enumerate(json.load(open(sys.argv[1], encoding='utf-8'))):
  try:
    compile(text, 'f', 'exec')
    r = ['ok']
  except SyntaxError as e:
    r = [type(e).__name__, str(e.msg), e.lineno, e.offset, e.end_lineno, e.end_offset, e.text]
  except Exception as e:
    r = [type(e).__name__, str(e)]
  print(json.dumps(r), flush=True)
'''


def blocks(files):
  out = []
  for path in files:
    try: text = open(path, encoding='utf-8').read()
    except UnicodeDecodeError: continue
    try: tree = ast.parse(text)
    except (SyntaxError, ValueError): continue
    lines = text.split('\n')
    for node in tree.body:
      n = node.end_lineno - node.lineno
      if n > 9: continue
      first = min([node.lineno] + [d.lineno for d in getattr(node, 'decorator_list', [])])
      out.append('\n'.join(lines[first - 1:node.end_lineno]) + '\n')
  return sorted(set(out))


def pieces(text):
  """Tokens with the blanks before them."""
  out, at = [], 0
  lines = [0]
  for line in text.split('\n'): lines.append(lines[-1] + len(line) + 1)
  try:
    for t in tokenize.generate_tokens(io.StringIO(text).readline):
      end = lines[t.end[0] - 1] + t.end[1]
      if end > at:
        out.append(text[at:end])
        at = end
  except (tokenize.TokenError, SyntaxError):
    return None
  return out


def mutate(r, text):
  p = pieces(text)
  if not p: return None
  for _ in range(r.choice([1, 1, 1, 2])):
    i, how = r.randrange(len(p)), r.randrange(7)
    if how == 0: del p[i]
    elif how == 1: p.insert(i, p[i])
    elif how == 2 and i + 1 < len(p): p[i], p[i + 1] = p[i + 1], p[i]
    elif how == 3: p[i] = ' ' + r.choice(WORDS)
    elif how == 4: p.insert(i, ' ' + r.choice(WORDS) + ' ')
    elif how == 5: del p[i:i + r.randint(1, 5)]
    else: p[i] = p[i][:r.randrange(len(p[i]) + 1)]
    if not p: return None
  return ''.join(p)


def run(command, path):
  with tempfile.NamedTemporaryFile('w', suffix='.py', delete=False) as f: f.write(RUNNER)
  try: done = subprocess.run([command, f.name, path], capture_output=True, text=True, timeout=120)
  finally: os.unlink(f.name)
  if done.returncode: print(command, done.returncode, done.stderr[-600:])
  return [json.loads(line) for line in done.stdout.splitlines()]


def main():
  p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  p.add_argument('--tiny', default='build/tiny')
  p.add_argument('--oracle', default='python3')
  p.add_argument('--seed', type=int, default=1)
  p.add_argument('--count', type=int, default=3000)
  p.add_argument('--all', action='store_true', help='show differences of the same kind as well')
  p.add_argument('files', nargs='*')
  a = p.parse_args()
  r = random.Random(a.seed)
  pool = blocks(a.files or sorted(glob.glob(ROOT + '/tests/lang/**/*.tiny', recursive=True)))
  programs = []
  while len(programs) < a.count:
    text = mutate(r, r.choice(pool))
    if text and '\0' not in text: programs.append(text)
  with tempfile.NamedTemporaryFile('w', suffix='.json', delete=False, encoding='utf-8') as f: json.dump(programs, f)
  want, got = run(a.oracle, f.name), run(a.tiny, f.name)
  os.unlink(f.name)
  seen, bad = set(), 0
  for text, w, g in zip(programs, want, got):
    if w == g: continue
    bad += 1
    shape = (re.sub(r"'[^']*'", '', str(w[1:2])), re.sub(r"'[^']*'", '', str(g[1:2])))
    if shape in seen and not a.all: continue
    seen.add(shape)
    print('-----\n%s\n  want %s\n  got  %s' % (text.rstrip('\n'), w, g))
  print('%d programs, %d differ, %d kinds%s' % (len(programs), bad, len(seen), '' if len(got) == len(want) else ' (%d and %d answers)' % (len(want), len(got))))
  return bool(bad)


if __name__ == '__main__':
  sys.exit(main())
