#!/usr/bin/env python3
"""Compare what python3 and tiny print for scripts with one mistake in them: output, traceback, exit status.

  mutation_fuzz.py --tiny build/tiny --seed 1 --count 1000 [FILES...]

Changes a token of a script under tests/lang (see syntax_fuzz.py) so that it still compiles, and runs it with both. Addresses are not compared.
"""
import argparse, glob, os, random, re, subprocess, sys, tempfile, warnings
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import syntax_fuzz

WORDS = ['None', 'True', '1', '-1', "'s'", '()', '[]', '{}', '0', 'x', 'self', 'undefined_name', '1.5', 'int', 'print', 'object()', '2 ** 70', "b''", 'lambda: 1', '+', '-', '*', '%', '<', '==', 'is', 'in', 'and', 'not', '.missing', '[0]', '()']


def mutate(r, text):
  p = syntax_fuzz.pieces(text)
  if not p: return None
  for _ in range(50):
    q = list(p)
    i, how = r.randrange(len(q)), r.randrange(5)
    if not q[i].strip() or q[i].lstrip().startswith(('#', '"""', "'''")): continue
    lead = q[i][:len(q[i]) - len(q[i].lstrip())]
    if how == 0: del q[i]
    elif how == 1: q[i] = lead + r.choice(WORDS)
    elif how == 2: q[i] = lead + r.choice(p).strip()
    elif how == 3: q.insert(i, ' ' + r.choice(WORDS) + ' ')
    elif i + 1 < len(q): q[i], q[i + 1] = q[i + 1], q[i]
    text = ''.join(q)
    try: compile(text, 'x', 'exec')
    except (SyntaxError, ValueError): continue
    return text
  return None


def run(command, folder):
  env = dict(os.environ, PYTHONHASHSEED='0', LC_ALL='C.UTF-8', PYTHONDONTWRITEBYTECODE='1')
  try:
    done = subprocess.run([command, 'script.py'], cwd=folder, capture_output=True, timeout=10, stdin=subprocess.DEVNULL, env=env, preexec_fn=lambda: __import__('resource').setrlimit(__import__('resource').RLIMIT_AS, (2 << 30, 2 << 30)))
  except subprocess.TimeoutExpired:
    return None
  def clean(b):  # without addresses, and without the library's own lines in tracebacks
    text = re.sub(r'0x[0-9a-f]{5,}', '0x..', b.decode('utf-8', 'replace'))
    return re.sub(r'^( *)File "(/[^"]*/lib/python3[^"]*|<frozen [^"]*)", line .*\n(\1  .*\n)*', '', text, flags=re.M)
  return done.returncode, clean(done.stdout), clean(done.stderr)


def first_difference(want, got):
  if want[0] != got[0]: yield '  status %s, not %s' % (got[0], want[0])
  for which in (1, 2):
    a, b = want[which].split('\n'), got[which].split('\n')
    for i in range(max(len(a), len(b))):
      if a[i:i + 1] != b[i:i + 1]:
        yield '  %s line %d\n    want %s\n    got  %s' % (['', 'stdout', 'stderr'][which], i + 1, '\n         '.join(a[i:i + 3]), '\n         '.join(b[i:i + 3]))
        break


def main():
  p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  p.add_argument('--tiny', default='build/tiny')
  p.add_argument('--oracle', default='python3')
  p.add_argument('--other', help='a second python3: what either of the two prints is right')
  p.add_argument('--all', action='store_true', help='scripts of the library as well')
  p.add_argument('--seed', type=int, default=1)
  p.add_argument('--count', type=int, default=1000)
  p.add_argument('--lines', type=int, default=120, help='longest script taken')
  p.add_argument('--save', help='folder for the scripts that differ')
  p.add_argument('files', nargs='*')
  a = p.parse_args()
  warnings.simplefilter('ignore')
  tiny = os.path.abspath(a.tiny)
  r = random.Random(a.seed)
  scripts = []
  for path in a.files or sorted(glob.glob(syntax_fuzz.ROOT + '/tests/lang/**/*.tiny', recursive=True)):
    text = open(path, encoding='utf-8', errors='surrogateescape').read()
    if text.count('\n') <= a.lines and 'time' not in text and (a.all or not re.search('socket|stdlib_|asyncio|natives', path)) and os.path.exists(path[:-5] + '.out'): scripts.append((path, text))
  bad = 0
  with tempfile.TemporaryDirectory() as folder:
    for n in range(a.count):
      path, text = r.choice(scripts)
      changed = mutate(r, text)
      if not changed or 'open(' in changed and 'import os' in changed: continue
      with open(folder + '/script.py', 'w', encoding='utf-8', errors='surrogateescape') as f: f.write(changed)
      want = run(a.oracle, folder)
      got = run(tiny, folder)
      if want is None or want[0] < 0 or want == got or a.other and run(a.other, folder) == got: continue
      before, after = text.split('\n'), changed.split('\n')
      line = next((i for i in range(min(len(before), len(after))) if before[i] != after[i]), 0)
      bad += 1
      print('----- %d %s:%d\n  %s' % (n, os.path.relpath(path, syntax_fuzz.ROOT), line + 1, after[line]))
      if got is None: print('  timeout')
      else: print('\n'.join(first_difference(want, got)))
      if a.save:
        os.makedirs(a.save, exist_ok=True)
        with open('%s/%d_%d.py' % (a.save, a.seed, n), 'w', encoding='utf-8', errors='surrogateescape') as f: f.write(changed)
  print('%d scripts, %d differ' % (a.count, bad))
  return bool(bad)


if __name__ == '__main__':
  sys.exit(main())
