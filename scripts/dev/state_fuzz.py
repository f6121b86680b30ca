#!/usr/bin/env python3
"""Compare what sequences of operations do to objects of the builtin types, in python3 and tiny: results, errors and their words, and what is left.

  state_fuzz.py --tiny build/tiny --seed 1 --count 3000 [--only list,dict,...]
  state_fuzz.py --seed 77 --count 1 --show         print the case of one seed

Case number i is made from its number alone: an object x and some steps, each a method, an operator or a builtin function with arguments that mostly fit. Among them are
subclasses, numbers too large, NaN, and objects of M whose special methods (__eq__, __hash__, __index__, __len__, __iter__, __lt__, __repr__...) change x
under the operation's feet or raise. After each step the result and x are compared. (call_fuzz.py is for single calls with any argument.)
"""
import argparse, os, random, re, subprocess, sys, tempfile
PRELUDE = r'''
import operator, re, sys
nan, inf = float('nan'), float('inf')
class M:
  "acts on x in a special method, the first `times` times that one is called"
  def __init__(s, act, v=1, times=1): s.act, s.v, s.times = act, v, times
  def __repr__(s): return 'M(%s)' % s.v
  def go(s):
    if s.times > 0:
      s.times -= 1
      s.act(X[0])
    return s.v
  def __eq__(s, o): return s.go() == (o.v if isinstance(o, M) else o)
  def __lt__(s, o): return s.go() < (o.v if isinstance(o, M) else o)
  def __gt__(s, o): return s.go() > (o.v if isinstance(o, M) else o)
  def __iter__(s): s.go(); yield s.v; s.go(); yield s.v
  __index__, __len__, __hash__, __bool__, __float__ = lambda s: s.go(), lambda s: s.go(), lambda s: hash(s.go()), lambda s: bool(s.go()), lambda s: float(s.go())
  __str__, __format__ = lambda s: 'm%s' % s.go(), lambda s, f: format(s.go(), f)
class MR(M): __repr__ = lambda s: 'MR(%s)' % s.go()
class I:
  def __init__(s, v): s.v = v
  __index__, __repr__ = lambda s: s.v, lambda s: 'I(%r)' % s.v
class SI(int): __add__, __radd__ = lambda s, o: 'SI+', lambda s, o: '+SI'
class SS(str): __getitem__ = lambda s, i: 'SS[]'
class SL(list): __len__ = lambda s: 2
class SD(dict): __missing__ = lambda s, k: 'missing'
class SB(bytes): pass
class SF(float): __int__ = lambda s: 7
class SE(set): pass
class ST(tuple): __iter__ = lambda s: iter('ST')
class It:
  def __init__(s, v, hint=3): s.v, s.hint = list(v), hint
  def __next__(s):
    if not s.v: raise StopIteration
    v = s.v.pop(0)
    if isinstance(v, BaseException): raise v
    return v
  __iter__, __length_hint__, __repr__ = lambda s: s, lambda s: s.hint, lambda s: 'It'
class Seq:
  def __init__(s, v): s.v = list(v)
  __getitem__, __len__, __repr__ = lambda s, i: s.v[i], lambda s: len(s.v), lambda s: 'Seq'
class Map:
  def __init__(s, v): s.v = dict(v)
  keys, __getitem__, __repr__ = lambda s: list(s.v), lambda s, k: s.v[k], lambda s: 'Map'
class Attr: a, b, __repr__ = 5, [1, {'k': 2}], lambda s: 'Attr()'
X = [None]
def raiser(x): raise LookupError('act')
def drop(x): hasattr(x, 'clear') and x.clear()
def grow(x):
  if isinstance(x, (list, bytearray)): x.extend(b'\1\2\3')
  elif isinstance(x, (dict, set)): x.update({k: k for k in range(90, 99)})
def cut(x):
  if hasattr(x, 'pop') and x and not isinstance(x, dict): x.pop()
  elif isinstance(x, dict) and x: x.popitem()
  elif hasattr(x, 'release'): x.release()
def show(v, d=0):
  t = type(v)
  if d > 3: return '..'
  if t in (list, tuple): return t.__name__[0] + '[' + ', '.join(show(a, d + 1) for a in v[:40]) + ']'
  if t is dict: return 'd{' + ', '.join(show(a, d + 1) + ': ' + show(b, d + 1) for a, b in list(v.items())[:40]) + '}'
  if t is memoryview:
    try: return 'mv%s%s%r%s' % (v.format, v.shape, v.tolist()[:40], v.readonly)
    except Exception as e: return 'mv!' + type(e).__name__ + str(e)
  if t.__name__.endswith('iterator') or t.__name__ in ('zip', 'map', 'filter', 'enumerate', 'reversed', 'generator'):
    if d: return t.__name__
    out = [t.__name__]
    try:
      out.append(str(operator.length_hint(v)))
      for a in v:
        out.append(show(a, 1))
        if len(out) > 12: break
      else: out.append(str(operator.length_hint(v)))
    except Exception as e: out.append('!' + type(e).__name__ + ': ' + str(e))
    return '<' + ' '.join(out) + '>'
  try: s = t.__name__ + ' '.join(sorted(map(repr, v))) if isinstance(v, (set, frozenset)) and not all(type(a) in (int, float, tuple) and a == a for a in v) else repr(v)
  except Exception as e: s = '!' + type(e).__name__ + ': ' + str(e)
  return t.__name__ + ':' + (s if len(s) < 300 else s[:300] + str(len(s)))
def run(n, make, *steps):
  X[0], L = None, {}
  try: x = X[0] = make()
  except Exception as e:
    print('%d.make' % n, ascii('!%s: %s' % (type(e).__name__, e)))
    return
  for i, f in enumerate(steps):
    try:
      r = show(f(x, L))
    except RecursionError: r = '!RecursionError'
    except Exception as e: r = '!%s: %s' % (type(e).__name__, e)
    print('%d.%d' % (n, i), ascii(re.sub(r'0x[0-9a-f]{5,}', '0x', r + ' | ' + show(x))))
def hashed(x): return hash(x) if isinstance(x, (int, float, complex)) and x == x else hash(x) and 1
def setsl(x, k, v): x[k] = v
def delsl(x, k): del x[k]
def loop(x, act, n=6):
  out = []
  for a in x:
    out.append(a)
    if len(out) == 2: act(x)
    if len(out) > n: break
  return out
def star(x): a, *b = x; return a, b
def two(x): a, b = x; return a, b
def nextof(x, L, how=iter):
  if 'it' not in L: L['it'] = how(x)
  return next(L['it'])
'''

# Kinds of arguments: i index, n count, z size, s str, b bytes-like, c one byte, e element, k key, t iterable, m mapping, S set, K slice, F format text, o anything, x itself
STR = "'' 'a' 'b' 'ab' 'aab' 'aXbXc' ' a b ' 'é' 'ß' 'İ' '\\ud800' 'ǆ' '\\0' 'Σ' '\\n' 'a\\r\\nb' '٣' '1' '12' '-0' '{}' '%s' 'x'*50 SS('ab') '😀b' 'ŉ' '\\x1c' '\\u2028'".split(' ')
STR = [s for s in STR if s.count("'") % 2 == 0] + ["' a b '", "'\\t1\\tab\\t'"]
BYT = ["b''", "b'a'", "b'ab'", "b'aXbXc'", "b' a b '", "b'\\xff\\0'", "bytearray(b'ab')", "memoryview(b'ab')", "SB(b'a')", "b'12'", "b'\\n'", "memoryview(b'abcd')[::2]", "memoryview(bytes(8)).cast('i')"]
ACTS = ['raiser', 'drop', 'grow', 'cut']
INT = ['0', '1', '-1', '2', '3', '-3', '5', '7', '10', '255', '256', '-256', 'True', 'False', '2**31', '2**63', '-2**63', '2**64', '10**30', 'I(1)', 'I(-2)', 'SI(2)', 'I("x")', 'I(2**70)']
FLT = ['0.0', '-0.0', '1.0', '1.5', '-2.5', '0.1', 'nan', 'inf', '-inf', '1e300', '5e-324', '1e16', 'SF(2.5)', '2.0**70', '1e-7', '123456789.125']
CPX = ['0j', '1j', '1+2j', '-0j', 'complex(nan, 1)', 'complex(1, inf)', '1e300j', '-1-0j']


class Case:
  def __init__(self, seed, only):
    self.r = random.Random(seed)
    self.kind = self.r.choice(only or list(METHODS))

  def m(self): return '%s(%s, %s%s)' % tuple(map(self.r.choice, [['M', 'M', 'MR'], ACTS, ['1', '0', '2', '-1', '3', '97'], ['', '', ', 2', ', 9']]))

  def arg(self, k):
    r = self.r
    p = r.random()
    if p < .04: k = 'o'
    if k == 'i': return r.choice(INT) if p < .85 else self.m() if p < .95 else 'None'
    if k == 'n': return r.choice(['0', '1', '2', '3', '-1', '5', 'True', 'I(2)', 'SI(3)', '2**63', '-2**70']) if p < .93 else self.m()
    if k == 'z': return r.choice(['0', '1', '3', '5', '9', '-4', 'I(6)', 'True']) if p < .95 else self.m()
    if k == 's': return r.choice(STR)
    if k == 'b': return r.choice(BYT)
    if k == 'c': return r.choice(['97', '0', '255', '256', '-1', 'I(98)', self.m(), "b'a'", "b'b'", "b'ab'"])
    if k == 'f': return r.choice(["'*'", "'é'", "' '", "'**'", "'0'"] if self.kind == 'str' else ["b'*'", "b' '", "b'**'", "bytearray(b'-')"])
    if k == 'e': return r.choice([self.m(), r.choice(INT), r.choice(FLT), "(1,)", "'a'", 'None', 'nan', '3', '1', '2', '0'])
    if k == 'k' and self.kind == 'set' and p > .1: return r.choice([self.m(), r.choice(INT), r.choice(FLT[:6] + FLT[7:]), '(1, 2)', '(0, (3,))', '3', '5', '1', '2', '0'])
    if k == 'k': return r.choice([self.m(), r.choice(INT), '1.0', 'nan', "(1, 2)", 'None', '3', '1', '2', '0', '(0, [])', '0', '1', '[]'])
    if k == 't':
      items = ', '.join(self.arg('c' if self.kind in ('bytearray', 'bytes', 'memoryview') else 's' if self.kind == 'str' else 'k') for _ in range(r.randint(0, 4)))
      return r.choice(['[%s]', '(%s)', 'It([%s])', 'It([%s], 10)', 'It([%s], -1)', 'Seq([%s])', '(a for a in [%s])', 'It([%s, KeyError("it")])', 'range(3)', 'x', 'reversed(x)', "map(ord, 'ab')", self.m(), "'ab'", "b'ab'", 'SL([%s])', '{1, 2}', '{5: 6}', 'ST([%s])', '5']).replace('(%s)', '(%s,)' if items else '()').replace('[%s, K', '[%s' + (', K' if items else 'K')).replace('%s', items)
    if k == 'm': return r.choice(['{1: 2, %s: 3}' % self.arg('k'), 'Map({1: 2})', '[(1, 2)]', '[(1, %s)]' % self.arg('e'), '[(1, 2, 3)]', '[1]', "['ab']", 'It([(7, 8)])', 'SD({4: 5})', 'x', 'x.items()', '[(%s, 1)]' % self.arg('k'), 'Map({%s: 2})' % self.arg('k'), 'None'])
    if k == 'S': return r.choice(['{1, 2}', 'set()', 'frozenset({1, 5})', '{%s}' % self.arg('k'), 'x', 'SE({3})', '{1: 2}.keys()', '{%s, %s}' % (self.arg('k'), self.arg('k')), self.arg('t')])
    if k == 'K': return 'slice(%s)' % ', '.join(self.arg('i') if r.random() < .7 else 'None' for _ in range(r.choice([1, 2, 2, 3, 3])))
    if k == 'x': return 'x'
    if k == 'q': return r.choice(["'b'", "'B'", "'h'", "'H'", "'i'", "'I'", "'q'", "'f'", "'d'", "'c'", "'?'", "'@i'", "'<i'", "'2i'"])
    if k == 'u': return r.choice(INT[:19] + FLT + CPX + ['SI(5)', 'SF(1.5)'])
    if k == 'C': return r.choice(['operator.neg', 'len', 'str', 'lambda a: a', 'lambda a: raiser(a)', 'lambda a: drop(x)', 'lambda a: grow(x)', 'None', 'lambda a: %s' % self.m(), 'int', 'lambda: 1'])
    return r.choice([r.choice(INT), r.choice(FLT), r.choice(STR), r.choice(BYT), 'None', '[]', '()', '{}', '{1}', 'range(3)', 'slice(1)', 'object', 'len', 'NotImplemented', '1j', 'Attr()', self.m()])

  def make(self):
    r, k = self.r, self.kind
    many = lambda a, hi=6: ', '.join(self.arg(a) for _ in range(r.randint(0, hi)))
    if k == 'list': return r.choice(['[%s]', '[%s]', 'SL([%s])', 'list(range(5))', '[3, 1, 2]', "['b', 'a']", '[1, %s, 2, 3]']).replace('%s', many('e'))
    if k == 'tuple': return 'ST([%s])' % many('e') if r.random() < .2 else 'tuple([%s])' % many('e')
    if k == 'dict': return r.choice(['{%s}', '{%s}', 'SD({%s})']) % ', '.join(self.arg('k') + ': ' + self.arg('e') for _ in range(r.randint(0, 6)))
    if k == 'set': return r.choice(['{%s}', 'set([%s])', 'frozenset([%s])', 'SE([%s])']).replace('{%s}', 'set([%s])') % many('k')
    if k == 'str': return r.choice(STR) + r.choice([' + ' + r.choice(STR), '', ''])
    if k == 'bytes': return r.choice(['%s', 'bytes(%s)', 'SB(%s)']) % r.choice(BYT) if r.random() < .3 else 'bytes(%s)' % r.choice(BYT)
    if k == 'bytearray': return r.choice(['bytearray(%s)' % r.choice(BYT), "bytearray(b'abcab')", 'bytearray(%s)' % self.arg('t'), 'bytearray(range(10))'])
    if k == 'memoryview': return r.choice(["memoryview(bytearray(b'abcdefgh'))", "memoryview(bytearray(8)).cast(%s)" % self.arg('q'), "memoryview(b'abcdefgh')", "memoryview(bytearray(range(12)))[%s]" % self.arg('K'), "memoryview(bytearray(range(16))).cast('h')[::2]", "memoryview(bytearray(range(12))).cast('B', (3, 4))", "memoryview(bytearray(8)).cast('B', [2, 2, 2])"])
    if k == 'range': return r.choice(['range(%s)' % ', '.join(r.choice(['0', '1', '2', '-3', '7', 'True', 'I(4)', 'SI(2)', '1.0', self.m()]) for _ in range(r.randint(1, 3))), 'range(2**70, 2**70 + 5)', 'range(0, 10**30, 10**29)', 'range(5, -2**65, -2**62)'])
    return self.arg('K') if k == 'slice' else r.choice({'int': INT, 'float': FLT, 'complex': CPX}[k])

  def call(self):
    name, args = self.r.choice(METHODS[self.kind]).split('(')
    parts = []
    for a in args.rstrip(')').split():
      if a.endswith('?'):
        if self.r.random() < .5: break
        a = a[:-1]
      word, _, kind = a.rpartition('=')
      parts.append((word + '=' if word else '') + self.arg(kind))
    return '%s(%s)' % (name if name.startswith(('operator.', '~')) else 'x.' + name, ', '.join(parts))

  def text_field(self):
    r = self.r
    name = r.choice(['', '', '0', '1', '5', 'a', 'a.b', '0.real', '[0]', 'a.b[1][k]', '0[0]', '0[-1]', '.x', '0[', 'a]', '0.', '0[]', '0[a]b', ' 0', '-1', '00', '9' * 30])
    return '{' + name + r.choice(['', '', '!r', '!s', '!a', '!x', '!', '!rr']) + r.choice(['', '', ':', ':>5', ':{}', ':{a}', ':{0}', ':.2', ':d', ':x^{1}.{2}', ':{{', ':}', ':{:{}}']) + r.choice(['}', '}', '}', '}', '', '}}'])

  def step(self):
    r, p = self.r, self.r.random()
    if p < .45: return self.call()
    if p < .60: # operators
      op = r.choice(['+', '-', '*', '/', '//', '%', '**', '<<', '>>', '&', '|', '^', '@', '==', '!=', '<', '<=', '>', '>=', 'in', 'not in', 'divmod', 'pow3', 'round'])
      small = self.kind in ('int', 'float', 'complex')
      a = self.arg({'list': 't', 'tuple': 't', 'dict': 'm', 'set': 'S', 'str': 's', 'bytes': 'b', 'bytearray': 'b', 'memoryview': 'b'}.get(self.kind, 'u') if r.random() < .7 else 'u' if small else 'e')
      if op in ('*', '<<', '**'): a = r.choice(['2', '0', '-1', '3', '1.5', 'I(2)', 'None', "'a'", 'nan', '0.5', '1j', '2.0', 'SI(2)', self.m()])
      if op == 'divmod': return 'divmod(x, %s)' % a
      if op == 'pow3': return 'pow(x, %s, %s)' % (r.choice(['2', '-1', '0', '3', '10**30']), r.choice(['7', '-5', '0', '1', '2**64', '1.0', 'None']))
      if op == 'round': return 'round(x, %s)' % r.choice(['0', '1', '-1', '-20', '400', 'None', 'I(1)', '1.0', '2**70'])
      if op in ('in', 'not in') or r.random() < .2: return '(%s) %s x' % (a, op)
      if r.random() < .3 and op in IOPS: return 'operator.%s(x, %s)' % (IOPS[op], a)
      return 'x %s (%s)' % (op, a)
    if p < .78: # subscripts and iteration
      k = self.arg('K') if r.random() < .6 else self.arg('i')
      if self.kind == 'dict' or r.random() < .05: k = self.arg('k')
      v = self.arg({'bytearray': 'b' if 'slice' in k else 'c', 'memoryview': 'b' if 'slice' in k else 'c', 'list': 't' if 'slice' in k else 'e'}.get(self.kind, 'e'))
      return r.choice(['x[%s]' % k, 'setsl(x, %s, %s)' % (k, v), 'setsl(x, %s, %s)' % (k, v), 'delsl(x, %s)' % k, 'loop(x, %s)' % r.choice(ACTS), 'star(x)', 'two(x)', 'nextof(x, L)', 'nextof(x, L)', 'nextof(x, L, reversed)', 'L.clear()'])
    if p < .93:
      t = self.arg('t')
      return r.choice(['list(x)', 'tuple(x)', 'set(x)', 'len(x)', 'bool(x)', 'repr(x)', 'str(x)', 'hashed(x)', 'sorted(x)', 'sorted(x, key=%s)' % self.arg('C'), 'min(x)', 'max(x, default=%s)' % self.arg('e'), 'sum(x)', 'sum(x, %s)' % self.arg('u'), 'any(x)', 'all(x)', 'list(zip(x, %s))' % t,
        'list(zip(x, %s, strict=True))' % t, 'list(enumerate(x, %s))' % self.arg('i'), 'list(map(%s, x))' % self.arg('C'), 'list(filter(%s, x))' % self.arg('C'), 'reversed(x)', 'iter(x)', 'dict.fromkeys(x, 1)', 'dict(x)', 'bytes(x)', 'bytearray(x)', 'frozenset(x)', 'int(x)', 'float(x)', 'complex(x)',
        'abs(x)', 'bin(x)', 'hex(x)', 'chr(x)', 'ord(x)', 'ascii(x)', 'format(x, %s)' % self.arg('s'), 'memoryview(x)', '[*x, *x]', '{*x}', 'dict(**x)', 'print(*x, sep="")', 'isinstance(x, %s)' % self.arg('o'), 'int(x, %s)' % self.arg('i'), 'int.from_bytes(x, "little", signed=True)', 'str(x, "ascii", "replace")',
        '"".join(x)', 'b"-".join(x)', 'bytearray(b"-").join(x)', 'operator.index(x)', 'operator.length_hint(x)', 'operator.countOf(x, %s)' % self.arg('e'), 'operator.indexOf(x, %s)' % self.arg('e'), 'range(x)', 'slice(x)', 'max(x, key=%s)' % self.arg('C'), 'callable(x)', 'x.__class__(x)', 'iter(x.pop, 1)', 'complex(x, x)', '-x', '+x', '~x', 'not x', 'x == x'])
    if p < .97: return '%r.format(x, %s, a=Attr())' % (r.choice(['', '{{']) + self.text_field() + r.choice(['', self.text_field()]), self.arg('o'))
    return "f'{x!%s:{%s}}'" % (r.choice('rsa'), r.choice(['5', '">9"', 'len', 'L', '"\\n"[:0]', '""', '3.5'])) if r.random() < .5 else '%r %% (x, %s)' % (''.join(r.choice(['%s', '%r', '%5d', '%-5s|', '%.1f', '%x', '%c', '%%', '%(a)s', '%+i', '%e', '%*d', '%.*f', '%08.3g']) for _ in range(r.choice([1, 2, 2, 3]))), self.arg('o'))

  def text(self, n):
    steps = []
    make = self.make()
    for _ in range(self.r.randint(1, 6)):
      step = self.step()
      if re.search(r'\*\*(63|64|70|31)|10\*\*30|1e300|inf', step + make) and re.search(r'[*][(*]?|<<|cast|just|center|zfill|expand|to_bytes|bytes\(x\)|\* \(|pow|operator.i(mul|pow)|range\(x\)|bytearray\(x\)|bytearray\(2|bytes\(2|bytearray\(1|bytes\(1', re.sub(r'\*\*\d+', '', step + make)): continue
      try: compile('lambda x, L: ' + step, 'x', 'eval'), compile(make, 'x', 'eval')
      except (SyntaxError, ValueError): continue
      steps.append('lambda x, L: ' + step)
    return 'run(%d, lambda: %s, %s)' % (n, make, ',\n  '.join(steps)) if steps else 'pass'


PIECE = 250 # cases that a process runs
IOPS = {'+': 'iadd', '-': 'isub', '*': 'imul', '&': 'iand', '|': 'ior', '^': 'ixor', '/': 'itruediv', '//': 'ifloordiv', '%': 'imod'}
TEXT = 'capitalize() center(z f?) count(s i? i?) endswith(s i? i?) expandtabs(z?) find(s i? i?) index(s i? i?) isalnum() isalpha() isascii() isdigit() islower() isspace() istitle() isupper() join(t) ljust(z f?) lower() lstrip(s?) partition(s) removeprefix(s) removesuffix(s) replace(s s n?) rfind(s i? i?) rindex(s i? i?) rjust(z f?) rpartition(s) rsplit(s? n?) rsplit(sep=s maxsplit=n) rstrip(s?) split(s? n?) split(maxsplit=n) splitlines(n?) startswith(s i? i?) strip(s?) swapcase() title() translate(m) upper() zfill(z)'
LINES = {
  'str': TEXT + ' casefold() isdecimal() isidentifier() isnumeric() isprintable() encode(s? s?) format_map(m) maketrans(s s s?) maketrans(m) __getitem__(K) __contains__(s) __mul__(n) __mod__(o)',
  'bytes': re.sub(r'\bs\b', 'b', TEXT).replace('translate(m)', 'translate(b b?) translate(None delete=b)') + ' hex(b? n?) decode(s? s?) fromhex(s) count(c i? i?) find(c i?) rindex(c) __contains__(c) __getitem__(K)',
  'list': 'append(e) extend(t) insert(i e) pop(i?) remove(e) index(e i? i?) count(e) sort() sort(key=C reverse=n) reverse() clear() copy() __init__(t) __setitem__(K t) __delitem__(i) __iadd__(t) __imul__(n) __eq__(t) __lt__(t) __contains__(e)',
  'tuple': 'index(e i? i?) count(e) __getitem__(K) __add__(t) __mul__(n) __eq__(x) __contains__(e) __getnewargs__()',
  'dict': 'get(k e?) pop(k e?) popitem() setdefault(k e?) update(m) update(m a=e) keys() values() items() clear() copy() fromkeys(t e?) __or__(m) __ior__(m) __init__(m) __contains__(k) __delitem__(k) __setitem__(k e) __reversed__() __eq__(m) keys() items() __getitem__(k) __ror__(m)',
  'set': 'add(k) discard(k) remove(k) pop() clear() copy() update(t t?) union(t t?) intersection(t t?) difference(t t?) symmetric_difference(t) intersection_update(t t?) difference_update(t t?) symmetric_difference_update(t) issubset(t) issuperset(t) isdisjoint(t) __init__(t) __contains__(k) __ior__(S) __iand__(S) __isub__(S) __ixor__(S) __and__(S) __rsub__(S)',
  'memoryview': 'tobytes() tolist() hex(b? n?) cast(q) cast(q t) toreadonly() release() __getitem__(K) __setitem__(i c) __setitem__(K b) __eq__(b) __len__() __enter__() __exit__()',
  'range': 'index(e) count(e) __getitem__(K) __contains__(e) __eq__(x) __len__() __reversed__()',
  'slice': 'indices(i) __eq__(K) __lt__(K)',
  'int': 'bit_length() bit_count() to_bytes(z s?) to_bytes(z s signed=n) conjugate() as_integer_ratio() __add__(u) __sub__(u) __floordiv__(u) __mod__(u) __rsub__(u) __rpow__(n) __pow__(n n?) __round__(i?) __trunc__() __lshift__(n) __rshift__(i) __and__(i) __format__(s) __eq__(u) __lt__(u) __divmod__(u) from_bytes(b s) __getnewargs__()',
  'float': 'as_integer_ratio() is_integer() hex() conjugate() fromhex(s) __add__(u) __sub__(u) __floordiv__(u) __mod__(u) __rmod__(u) __pow__(u) __rpow__(u) __round__(i?) __trunc__() __floor__() __ceil__() __format__(s) __eq__(u) __lt__(u) __divmod__(u) __int__()',
  'complex': 'conjugate() __add__(u) __sub__(u) __mul__(u) __truediv__(u) __pow__(n) __eq__(u) __complex__() __format__(s) __lt__(u) __rsub__(u)',
}
LINES['bytearray'] = LINES['bytes'] + ' append(c) extend(t) insert(i c) pop(i?) remove(c) reverse() clear() copy() __setitem__(K b) __setitem__(K t) __setitem__(i c) __delitem__(K) __iadd__(b) __imul__(n) __init__(t) __init__(b)' * 2
METHODS = {k: re.findall(r'\w+\([^)]*\)', v) for k, v in LINES.items()}


def run(command, path):
  try:
    done = subprocess.run(command + ['-Wignore', path], capture_output=True, timeout=30, text=True, errors='replace', stdin=subprocess.DEVNULL, env=dict(os.environ, PYTHONHASHSEED='0'))
    return done.stdout, done.stderr[-1500:], done.returncode
  except subprocess.TimeoutExpired as e: return (e.stdout or b'').decode(errors='replace'), 'TIMEOUT', -99


def compare(a, cases):
  "-> steps by number, as both have them. What the oracle does not survive ends a piece early: CPython's own crashes and what takes too long."
  with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'cases.py')
    with open(path, 'w', encoding='utf-8', errors='surrogatepass') as f: f.write(PRELUDE + '\n'.join(cases) + '\n')
    (want, _, wrc), (got, gerr, grc) = run([a.oracle], path), run([a.tiny], path)
  if grc and not wrc: print('tiny:', grc, gerr)
  read = lambda text: {m[1]: m[2] for m in re.finditer(r'^(\d+\.\w+) (.*)$', text, re.M)}
  w, g = read(want), read(got)
  return {step: (w[step], g.get(step)) for step in list(w)[:None if not wrc else -1] if not (grc and wrc and step not in g)}


def main():
  p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  p.add_argument('--tiny', default='build/tiny')
  p.add_argument('--oracle', default='python3')
  p.add_argument('--seed', type=int, default=1)
  p.add_argument('--count', type=int, default=3000)
  p.add_argument('--only', default='', help='comma list of: ' + ', '.join(METHODS))
  p.add_argument('--show', action='store_true')
  p.add_argument('--all', action='store_true', help='show differences of the same kind as well')
  a = p.parse_args()
  only = [k for k in a.only.split(',') if k]
  cases = {n: Case(n, only).text(n) for n in range(a.seed, a.seed + a.count)}
  if a.show: return print('\n'.join(cases.values()))
  both, bad, seen = {}, {}, set()
  for n in range(a.seed, a.seed + a.count, PIECE): both.update(compare(a, [cases[i] for i in range(n, min(n + PIECE, a.seed + a.count))]))
  for step, (want, got) in both.items():
    if want != got: bad.setdefault(step.split('.')[0], step)
  for case, step in bad.items():
    lines = cases[int(case)].split(',\n  ')
    line = lines[int(step.split('.')[1])] if step.split('.')[1] != 'make' else ''
    shape = re.sub(r'\d+', '', line[:28] + both[step][0][:25] + str(both[step][1])[:25])
    if shape in seen and not a.all: continue
    seen.add(shape)
    print('%s\n   %s\n   want %s\n   got  %s' % (',\n  '.join(lines[:1] + [line])[:900], step, *both[step]))
  print('%d steps, %d cases differ, %d kinds' % (len(both), len(bad), len(seen)))
  return bool(bad)


if __name__ == '__main__':
  sys.exit(main())
