#!/usr/bin/env python3
"""Compare calls with odd arguments: every method of the builtin types, builtin functions and operators.

  call_fuzz.py --tiny build/tiny --seed 1 --count 4000
  call_fuzz.py --tiny build/tiny --only str,bytes --count 2000
  call_fuzz.py --tiny build/tiny --only operators,builtins,format

Makes scripts of expressions (receiver from a pool of values of one type, arguments from a pool of odd values, among
them objects whose special methods return junk, raise or change a container), runs them with python3 and with tiny, and
prints the expressions whose result, exception type, message or effect on the receiver differ. Addresses are not compared.
"""
import argparse, os, random, re, subprocess, sys, tempfile, warnings
warnings.simplefilter('ignore')

PRELUDE = r'''
import sys
class I:
  def __init__(s, v): s.v = v
  def __index__(s): return s.v
  def __repr__(s): return 'I(%r)' % (s.v,)
class IR:
  def __index__(s): raise ZeroDivisionError('index')
  def __repr__(s): return 'IR()'
class J:
  "special methods that return junk"
  def __init__(s, v): s.v = v
  def __repr__(s): return 'J(%r)' % (s.v,)
  def _j(s, *a): return s.v
  __len__ = __bool__ = __iter__ = __int__ = __float__ = __complex__ = __index__ = __length_hint__ = __next__ = __bytes__ = _j
  __contains__ = __getitem__ = __hash__ = __reversed__ = __format__ = __str__ = __round__ = __fspath__ = _j
class JR:
  "only __repr__ and __str__ return junk"
  def __repr__(s): return 5
class R:
  "special methods that raise"
  def __repr__(s): return 'R()'
  def _j(s, *a): raise LookupError('special')
  __len__ = __bool__ = __iter__ = __int__ = __float__ = __complex__ = __index__ = __length_hint__ = __next__ = __bytes__ = _j
  __contains__ = __getitem__ = __hash__ = __reversed__ = __format__ = __str__ = __round__ = __eq__ = __lt__ = __add__ = __radd__ = _j
class NI:
  def __repr__(s): return 'NI()'
  def _j(s, *a): return NotImplemented
  __eq__ = __lt__ = __gt__ = __le__ = __ge__ = __ne__ = __add__ = __radd__ = __mul__ = __or__ = __and__ = __sub__ = __xor__ = __mod__ = __rmod__ = _j
  __hash__ = None
class It:
  def __init__(s, *v): s.v = list(v)
  def __repr__(s): return 'It(%s)' % ', '.join(map(repr, s.v))
  def __iter__(s): return s
  def __next__(s):
    if s.v: return s.v.pop(0)
    raise StopIteration
class Sq:
  def __repr__(s): return 'Sq()'
  def __getitem__(s, i):
    if i > 2: raise IndexError
    return i
class K:
  def __repr__(s): return 'K()'
  def keys(s): return ['a', 'b']
  def __getitem__(s, k):
    if k != 'a' and k != 'b': raise IndexError(k)
    return k * 2
class KJ:
  def __repr__(s): return 'KJ()'
  def keys(s): return 5
class SI(int):
  def __repr__(s): return 'SI(%s)' % int(s)
class SS(str): pass
class SL(list): pass
class SD(dict):
  def __missing__(s, k): return ('missing', k)
class SB(bytes): pass
class ST(tuple): pass
class SF(float): pass
class SE(set): pass
def gen(*a):
  yield from a
def rgen(*a):
  yield from a
  raise KeyError('gen')
def fn(*a, **k): return len(a) + len(k)
def bad(*a, **k): raise ArithmeticError('callback')
class Cls:
  def meth(s, a, b=2): return a
  def __repr__(s): return 'Cls()'
  x = 1
class Fmt:
  def __format__(s, f): return '<' + f + '>'
  def __repr__(s): return 'Fmt()'
def show(v, depth=0):
  t = type(v)
  if t in (list, tuple) and depth < 3:
    return t.__name__ + '[' + ', '.join(show(x, depth + 1) for x in v[:50]) + ']'
  if t.__name__.endswith('iterator') or t.__name__ in ('zip', 'map', 'filter', 'enumerate', 'reversed', 'generator'):
    try:
      out = []
      for x in v:
        out.append(show(x, depth + 1))
        if len(out) > 20: break
    except Exception as e:
      out.append('!' + type(e).__name__ + ':' + str(e))
    return t.__name__ + '<' + ' '.join(out) + '>'
  try:
    if isinstance(v, (set, frozenset)): s = ' '.join(sorted(map(repr, v)))
    else: s = repr(v)
  except Exception as e:
    s = '!' + type(e).__name__ + ': ' + str(e)
  return t.__name__ + ':' + (s if len(s) < 600 else s[:600] + str(len(s)))
out = []
def T(n, make, f):
  try:
    o = make()
  except Exception as e:
    out.append('%d make !%s: %s' % (n, type(e).__name__, e)); return
  try:
    r = show(f(o))
  except BaseException as e:
    try: m = str(e)
    except Exception as e2: m = '!!' + type(e2).__name__
    r = '!' + type(e).__name__ + ': ' + m
    if e.__cause__: r += ' <- ' + repr(e.__cause__)
    elif e.__context__: r += ' << ' + repr(e.__context__)
  out.append('%d %s | %s' % (n, r, show(o)))
'''

INTS = ['0', '1', '2', '-1', '3', '-3', '7', '255', '256', 'True', '2**62', '2**63', '-2**63', '2**64', '10**30', '-10**30', 'SI(2)', 'I(1)', 'I(-1)']
FLOATS = ['0.0', '-0.0', '1.5', '-2.5', "float('nan')", "float('inf')", "-float('inf')", '1e308', '5e-324', '1e16', 'SF(2.5)', '123456.789']
STRS = ["''", "'a'", "'abc'", "'b'", "'abcabc'", "'Ünï ß'", "'\\ud800x'", "'\\U0001f600y'", "' \\t x\\n'", "'12'", "'-7'", "'1_0'", "'a,b,c'", "'%s %d'", "'{} {x}'", "SS('abc')",
        "'Hello World'", "'\\u0663'", "'a\\r\\nb\\x0bc\\u2028d'", "'\\x00'", "'utf-8'", "'ascii'", "'latin-1'", "'strict'", "'ignore'", "'replace'", "'nosuch'", "'big'", "'little'", "'x'", "'10d'", "'ǆ'"]
BYTES = ["b''", "b'a'", "b'abc'", "b'b'", "b'abcabc'", "b'\\xff\\x80'", "b' \\t x\\n'", "b'12'", "SB(b'abc')", "bytearray(b'abc')", "bytearray()", "memoryview(b'abc')", "memoryview(bytearray(b'abcdef'))", "b'%s %d'", "b'a\\r\\nb'"]
OTHER = ['None', '...', 'NotImplemented', '()', '(1, 2)', "('a', 'b')", '[]', '[1, 2]', "['a', 'b', 'c']", '[3, 1, 2]', '{}', '{1: 2}', "{'a': 1}", "{'x': 5}", '{1, 2}', 'set()', 'frozenset([1, 2])', 'range(3)', 'range(5, 0, -2)',
         'slice(1, 2)', 'slice(None, None, -1)', 'slice(5)', "slice('a')", 'int', 'str', 'list', 'object', 'type', 'Cls', 'Cls()', '3j', '1-2j', 'iter([1, 2])', 'gen(1, 2)', 'gen()', 'rgen(1)', "gen('a', 'b')", 'fn', 'bad', 'len',
         'IR()', "J('x')", 'J(-1)', 'J(None)', 'J(2)', 'J(5.0)', 'J(2**70)', 'J([])', 'R()', 'NI()', 'It(1, 2)', 'It()', 'Sq()', 'K()', 'KJ()', 'Fmt()', '[(1, 2), (3, 4)]', '[(1, 2, 3)]', "['ab', 'cd']", '[[]]', 'SL([1, 2])', 'ST((1, 2))', 'SD({1: 2})', 'SE([1])',
         '{1: 2}.keys()', '{1: 2}.items()', '{1: 2}.values()', 'ValueError', "ValueError('v')", "KeyError('k')", 'property()', 'staticmethod(fn)', '"a".join', 'Cls().meth', 'JR()', '[b"x", b"y"]', '[1, "a"]', 'list[int]', 'int | str']

RECEIVERS = {
  'int': INTS, 'bool': ['True', 'False'], 'float': FLOATS, 'complex': ['0j', '1+2j', "complex('nan')", "complex('inf')", '-1.5j', '3+0j'],
  'str': STRS, 'bytes': BYTES[:9], 'bytearray': ["bytearray(b'abcabc')", 'bytearray()', "bytearray(b'\\xff\\x00 x')", "bytearray(b'Hello World')"],
  'memoryview': ["memoryview(b'abcdef')", "memoryview(bytearray(b'abcdef'))", "memoryview(bytearray(8)).cast('I')", "memoryview(b'abcdef')[::2]", "memoryview(bytearray(12)).cast('H', [2, 3])", "memoryview(b'')"],
  'list': ['[]', '[1, 2, 3]', "['b', 'a', 'c']", '[1, "a", None]', '[3.5, 1, True]', 'SL([3, 1])', '[NI(), 1]', '[R(), 1]'],
  'tuple': ['()', '(1, 2, 3)', "('a',)", 'ST((2, 1))', '(1, [])', '(R(), 1)'],
  'dict': ['{}', '{1: 2, 3: 4}', "{'a': 1, 'b': 2}", 'SD({1: 2})', '{(): [], None: 1}'],
  'dict_keys': ['{1: 2, 3: 4}.keys()', '{}.keys()', "{'a': 1, 'b': 2}.keys()"], 'dict_items': ['{1: 2, 3: 4}.items()', "{'a': []}.items()"], 'dict_values': ['{1: 2, 3: 4}.values()'],
  'set': ['set()', '{1, 2, 3}', "{'a'}", 'SE([1, 2])'], 'frozenset': ['frozenset()', 'frozenset([1, 2, 3])', "frozenset(['a'])"],
  'range': ['range(0)', 'range(10)', 'range(10, 0, -3)', 'range(2**70, 2**70 + 5)', 'range(1, 700, 7)'], 'slice': ['slice(1)', 'slice(1, 10, 2)', 'slice(None, None, -1)', "slice('a', 'b')", 'slice(I(1), I(5))', 'slice(0, 1, 0)'],
  'object': ['object()', 'Cls()', 'None', '...', 'NotImplemented'], 'type': ['int', 'Cls', 'type', 'SL', 'object', 'bool'],
  'function': ['fn', 'bad', 'Cls.meth'], 'method': ['Cls().meth'], 'builtin_function_or_method': ['len', '[].append', '"a".join', 'dict.fromkeys'], 'method_descriptor': ['str.join', 'list.append', 'dict.get'],
  'generator': ['gen(1, 2)', 'gen()', 'rgen(1)'], 'property': ['property()', 'property(fn)', 'property(bad, bad, bad, "d")'], 'exception': ["ValueError('v')", 'OSError(2, "no", "f")', "KeyError('k')", "SyntaxError('m', ('f', 1, 2, 't'))", 'StopIteration(3)', 'SystemExit(4)', "UnicodeDecodeError('a', b'b', 0, 1, 'r')", "ImportError('m', name='n')", "ExceptionGroup('g', [ValueError(1), TypeError(2)])", "BaseException()"],
  'super': ['super(Cls, Cls())', 'super(bool, True)', 'super(Cls)'], 'classmethod': ['classmethod(fn)'], 'staticmethod': ['staticmethod(fn)'], 'mappingproxy': ['type(Cls.__dict__)({1: 2})', "type(Cls.__dict__)({'a': 1})"],
  'list_iterator': ['iter([1, 2])', 'reversed([1, 2])', 'iter(())', 'iter("ab")', 'iter({1: 2})', 'iter({1})', 'iter(range(3))', 'iter(b"ab")', 'reversed({1: 2})', 'zip([1], [2])', 'enumerate("ab")', 'map(fn, [1])', 'filter(None, [1, 0])', 'iter(fn, 0)', 'iter(Sq())'],
  'generic_alias': ['list[int]', 'dict[str, int]', 'int | str', 'tuple[int, ...]', 'int | None'], 'cell': ['(lambda x: (lambda: x))(1).__closure__[0]', 'fn.__code__'],
}
CONSTRUCTORS = ['int', 'bool', 'float', 'complex', 'str', 'bytes', 'bytearray', 'memoryview', 'list', 'tuple', 'dict', 'set', 'frozenset', 'range', 'slice', 'object', 'type', 'property', 'classmethod', 'staticmethod', 'super',
  'enumerate', 'zip', 'map', 'filter', 'reversed', 'ValueError', 'OSError', 'KeyError', 'SyntaxError', 'StopIteration', 'UnicodeDecodeError', 'UnicodeEncodeError', 'UnicodeTranslateError', 'ImportError', 'ExceptionGroup', 'BaseExceptionGroup', 'NameError', 'AttributeError', 'SystemExit',
  'int.from_bytes', 'bytes.fromhex', 'float.fromhex', 'dict.fromkeys', 'str.maketrans', 'bytes.maketrans', 'type(fn)', 'type(Cls().meth)', 'type(None)', 'type(...)', 'type(gen())', 'type(Cls.__dict__)', 'type(sys)', 'type(list[int])', 'type((lambda x: (lambda: x))(1).__closure__[0])', 'type(iter([]))']
FUNCTIONS = ['abs', 'all', 'any', 'ascii', 'bin', 'callable', 'chr', 'delattr', 'divmod', 'eval', 'format', 'getattr', 'hasattr', 'hex', 'isinstance', 'issubclass', 'iter', 'len', 'max', 'min', 'next', 'oct', 'ord', 'repr', 'round', 'setattr', 'sorted', 'sum', 'vars', 'dir',
  'compile', 'exec', 'print', '__import__', 'id', 'open', 'pow', '__build_class__', 'aiter', 'anext', 'sys.intern', 'sys.getsizeof', 'input', 'globals', 'locals']
NOT_CALLED = {'id', 'open', 'print', 'input', 'breakpoint', 'globals', 'locals', 'sys.getsizeof', 'exec', '__import__', 'dir'}
SKIP_METHODS = {'__sizeof__', '__dir__', '__reduce__', '__reduce_ex__', '__subclasses__', '__doc__', '__init_subclass__', '__subclasshook__', '__getstate__', 'gi_frame', '__dict__', '__typing_unpacked_tuple_args__', '_varname_from_oparg', '__builtins__', '__hash__', '__weakrefoffset__', '__basicsize__', '__itemsize__', '__dictoffset__', '__flags__', '__text_signature__', 'co_code', '_co_code_adaptive', 'co_linetable', 'co_exceptiontable', 'co_stacksize', 'co_lnotab', 'co_consts', 'co_positions', 'co_filename'}
KEYWORDS = ['key', 'reverse', 'default', 'sep', 'maxsplit', 'keepends', 'encoding', 'errors', 'signed', 'byteorder', 'length', 'start', 'end', 'strict', 'x', 'base', 'object', 'name', 'mod', 'exp', 'ndigits', 'tabsize', 'bytes_per_sep', 'fget', 'doc', 'real', 'imag', 'source', 'iterable', 'stop', 'number', 'shape', 'format', 'string', 'self', 'value']
BINARY = ['+', '-', '*', '/', '//', '%', '**', '<<', '>>', '&', '|', '^', '@', '<', '<=', '==', '!=', '>', '>=', 'in', 'not in', 'is', 'and', 'or']
INPLACE = ['+', '-', '*', '/', '//', '%', '**', '<<', '>>', '&', '|', '^', '@']


class Maker:
  def __init__(self, seed, only):
    self.r = random.Random(seed)
    self.only = only
    self.kinds = [k for k in list(RECEIVERS) + ['construct', 'builtins', 'operators', 'subscripts', 'format', 'percent', 'text'] if not only or k in only]
    space = {}
    exec(PRELUDE, space)
    self.space = space
    self.names = {}

  def arg(self):
    r = self.r
    return r.choice(r.choice([INTS, FLOATS, STRS, STRS, BYTES, OTHER, OTHER]))

  def methods(self, kind, receiver):
    if receiver not in self.names:
      value = eval(receiver, self.space)
      self.names[receiver] = [n for n in dir(value) if n not in SKIP_METHODS]
    return self.names[receiver]

  def args(self, low=0):
    r = self.r
    n = max(low, r.choice([0, 1, 1, 1, 2, 2, 3, 4]))
    parts = [self.arg() for _ in range(n)]
    if r.random() < 0.15: parts.append(r.choice(KEYWORDS) + '=' + self.arg())
    if r.random() < 0.02: parts.append('**' + r.choice(["{'a b': 1}", "{'x': 1, 'y': 2}", 'K()', 'KJ()', '5']))
    if r.random() < 0.02: parts.insert(0, '*' + r.choice(['[1]', '(1, 2)', 'gen(1, 2)', 'range(2)', '5', 'R()', "'ab'", 'rgen(1)', 'J([])']))
    return parts

  def one(self):
    r = self.r
    kind = r.choice(self.kinds)
    if kind in RECEIVERS:
      receiver = r.choice(RECEIVERS[kind])
      name = r.choice(self.methods(kind, receiver))
      if r.random() < 0.05: return receiver, 'o.' + name
      if name in ('__pow__', '__rpow__', '__ipow__'): return receiver, 'o.%s(%s)' % (name, r.choice(['2', '-1', '0', '2.5', 'None', '2, 5', '2, 0', '-1, 7', '"a"', '2, None', '3, "x"', '1j']))
      if name in ('__lshift__', '__rlshift__', '__mul__', '__rmul__', '__imul__'): return receiver, 'o.%s(%s)' % (name, r.choice(['2', '-1', '0', '2.5', 'None', '2**62', '10**30', '"a"', 'I(1)', 'IR()', '1j']))
      if name in ('zfill', 'ljust', 'rjust', 'center', 'expandtabs', 'to_bytes'): return receiver, 'o.%s(%s)' % (name, ', '.join(r.choice(['2', '-1', '0', '2.5', 'None', '2**62', '10**30', '"a"', 'I(1)', 'IR()', '9', '20', 'b"-"', '"big"', 'signed=1']) for _ in range(r.randint(0, 3))).replace('signed=1, ', ''))
      return receiver, 'o.%s(%s)' % (name, ', '.join(self.args()))
    if kind == 'construct':
      f = r.choice(CONSTRUCTORS)
      if f == 'range': return 'None', 'range(%s)' % ', '.join(r.choice(['2', '-1', '0', '2.5', 'None', '"a"', 'I(1)', 'IR()', '9', '10**30']) for _ in range(r.randint(0, 4)))
      if f in ('bytes', 'bytearray'):
        a = self.args()
        return 'None', '%s(%s)' % (f, ', '.join(a))
      if f == 'type':
        return 'None', 'type(%s)' % ', '.join(r.choice([['"A"', '(int,)', '{}'], ['"A"', '(int, str)', '{}'], ['"A"', '()', "{'__slots__': (%s,)}" % self.arg()], ['"A"', '(bool,)', '{}'], ['"A"', '(%s,)' % self.arg(), '{}'], [self.arg(), '()', '{}'], ['"A"', self.arg(), '{}'], ['"A"', '()', self.arg()], self.args(),
           ['"A"', '()', '{%s: %s}' % (r.choice(['"__slots__"', '"__doc__"', '"__qualname__"', '"__module__"', '"__init_subclass__"', '"__classcell__"', '"__hash__"']), self.arg())]]))
      return 'None', '%s(%s)' % (f, ', '.join(self.args()))
    if kind == 'builtins':
      f = r.choice(FUNCTIONS)
      if f in NOT_CALLED: return 'None', '%s(%s)' % (f, ', '.join(self.args(5)))
      if f == 'pow': return 'None', 'pow(%s)' % ', '.join(r.choice(['2', '-1', '0', '2.5', 'None', '"a"', 'I(1)', '9', '3j', '7', '-8', 'NI()', 'mod=3', 'exp=2']) for _ in range(r.randint(1, 3)))
      if f in ('eval', 'compile'): return 'None', '%s(%s)' % (f, ', '.join(r.choice(['2', '"1"', '"x y"', 'b"1+1"', '"f"', '"exec"', '"eval"', 'None', '{}', 'b"\\xff"', '"1\\0"', '3', '""', '[]', "flags=0", "'single'", 'K()', 'SD()']) for _ in range(r.randint(1, 4))).replace('flags=0, ', ''))
      return 'None', '%s(%s)' % (f, ', '.join(self.args()))
    if kind == 'operators':
      a, b = self.arg(), self.arg()
      op = r.choice(BINARY)
      if op in ('**', '<<', '*') and any(re.search(r'2\*\*|10\*\*', x) for x in (a, b)): op = '+'
      if r.random() < 0.25 and op in INPLACE: return a, '(lambda x: [x := x %s (%s), x])(o)' % (op, b) if r.random() < .5 else 'inplace(o, %r, %s)' % (op, b)
      if r.random() < 0.1: return a, r.choice(['-', '+', '~', 'not ']) + 'o'
      return a, 'o %s (%s)' % (op, b)
    if kind == 'subscripts':
      pool = [x for k in ('str', 'bytes', 'bytearray', 'list', 'tuple', 'range', 'memoryview', 'dict', 'generic_alias') for x in RECEIVERS[k]]
      index = lambda: r.choice(['', '0', '1', '-1', '2', '-5', '100', '2**63', '-2**63', '10**30', 'None', 'I(1)', 'IR()', "'a'", '1.5', 'True', 'J("x")'])
      what = r.random()
      sub = ':'.join(index() for _ in range(r.choice([2, 3]))) if r.random() < .7 else self.arg() if r.random() < .7 else index() or '()'
      if what < .5: return r.choice(pool), 'o[%s]' % sub
      if what < .75: return r.choice(pool), 'setitem(o, S[%s], %s)' % (sub, self.arg())
      return r.choice(pool), 'delitem(o, S[%s])' % sub
    if kind == 'format':
      value = r.choice(r.choice([INTS, FLOATS, STRS[:17], ['1+2j', 'True', 'None', 'Fmt()', '12345678', '1234567.891', '-0.0001', "complex('nan')", '()', '0.1', '1e22', '123456789012345678901234567890', '9.995', '2.675', '0.5', '1.5', '99999.5', '1e-5']]))
      spec = self.spec()
      return value, r.choice(['format(o, %r)', "('{:' + %r + '}').format(o)"]) % spec
    if kind == 'percent':
      spec = '%' + r.choice(['', '', '(a)', '()', '(']) + ''.join(r.sample('-+ #0', r.randint(0, 2))) + r.choice(['', '', '5', '12', '*', '100000000000000000000']) + r.choice(['', '', '.', '.0', '.3', '.*', '.20']) + r.choice(['', '', 'l', 'h']) + r.choice('diouxXeEfFgGcrsa%bqnN ')
      value = r.choice(r.choice([INTS, FLOATS, STRS, BYTES, OTHER, ["{'a': 5}", "{'a': 2.5, '': 1}", "(5, 'a')", '(5, 2.5)', '(3, 2, 1)', "{'a': 'x'}", '(1,)', "('x',)", '(-3, 5)']]))
      return value, r.choice(['%r %% (o,)', '%r %% o', '%r %% o', 'b%r %% o', 'b%r %% (o,)']) % (r.choice(['', 'x ']) + spec + r.choice(['', '!', ' %d', '%']))
    number = ''.join(r.choice('0123456789' if r.random() < .8 else '_.eE+-xXobaf nijJ\t\u0663') for _ in range(r.randint(1, r.choice([4, 10, 25]))))
    if r.random() < .2: number = r.choice(['0x', '0b', '0o', 'inf', '-nan', ' ', '+', '1e', '0.', '-0x1.']) + number
    return repr(number), r.choice(['int(o)', 'float(o)', 'complex(o)', 'int(o, %d)' % r.choice([0, 2, 3, 8, 10, 16, 36, 37, 1, -1]), 'float.fromhex(o)', 'int(o.encode())', 'float(o.encode())', 'repr(float(o))', 'float(o).hex()', 'float(o).as_integer_ratio()', 'round(float(o), %d)' % r.randint(-3, 5), 'eval(o)'])

  def spec(self):
    r = self.r
    if r.random() < .04: return r.choice(['{', '}', '.', ',', '_', ',,', '_,', ',_', '10.2.3', '\ud800<5', '=', '==5', '<<', '0', '00', '-0', '<-5', '99999999999999999999', '.99999999999999999999', 'dd', 's5', '\0', ' ', 'é>4', 'z', 'zd', 'z.1f', 'zs'])
    return (r.choice(['', '', r.choice(['<', '>', '^', '=']), r.choice('*0é{ x') .replace('{', '#') + r.choice('<>^=')]) + r.choice(['', '', '+', '-', ' ']) + r.choice(['', '', '', 'z']) + r.choice(['', '', '', '#']) + r.choice(['', '', '0'])
            + r.choice(['', '', '1', '5', '12', '30']) + r.choice(['', '', ',', '_']) + r.choice(['', '', '.0', '.1', '.3', '.17', '.']) + r.choice(['', '', 'b', 'c', 'd', 'e', 'E', 'f', 'F', 'g', 'G', 'n', 'o', 's', 'x', 'X', '%', 'q']))

  def script(self, count):
    lines = [PRELUDE, '''
import operator
class S_:
  def __getitem__(s, i): return i
S = S_()
def setitem(o, i, v):
  o[i] = v
def delitem(o, i):
  del o[i]
def inplace(o, op, v):
  return getattr(operator, {'+': 'iadd', '-': 'isub', '*': 'imul', '/': 'itruediv', '//': 'ifloordiv', '%': 'imod', '**': 'ipow', '<<': 'ilshift', '>>': 'irshift', '&': 'iand', '|': 'ior', '^': 'ixor', '@': 'imatmul'}[op])(o, v)
''']
    exprs = []
    while len(exprs) < count:
      receiver, expr = self.one()
      try: compile(expr, 'x', 'eval')
      except (SyntaxError, ValueError): continue
      exprs.append((receiver, expr))
    for n, (receiver, expr) in enumerate(exprs):
      lines.append('T(%d, lambda: %s, lambda o: %s)' % (n, receiver, expr))
      if n % 50 == 49: lines.append("print('\\n'.join(ascii(x) for x in out), flush=True); out.clear()")
    lines.append("print('\\n'.join(ascii(x) for x in out), flush=True)")
    return '\n'.join(lines), exprs


def run(command, path):
  try:
    done = subprocess.run(command + [path], capture_output=True, timeout=120, text=True, errors='replace', stdin=subprocess.DEVNULL, preexec_fn=lambda: __import__('resource').setrlimit(__import__('resource').RLIMIT_AS, (3 << 30, 3 << 30)) if 'asan' not in command[0] else None)
    return done.stdout, done.stderr, done.returncode
  except subprocess.TimeoutExpired as e:
    return (e.stdout or b'').decode(), 'TIMEOUT', -99


def clean(text):
  text = re.sub(r'at 0x[0-9a-f]+', 'at 0x..', text)
  return text


def main():
  p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  p.add_argument('--tiny', default='build/tiny')
  p.add_argument('--oracle', default='python3')
  p.add_argument('--seed', type=int, default=1)
  p.add_argument('--count', type=int, default=4000)
  p.add_argument('--only', default='', help='comma list of: ' + ', '.join(RECEIVERS) + ', construct, builtins, operators, subscripts, format, percent, text')
  p.add_argument('--all', action='store_true', help='show differences of the same kind as well')
  p.add_argument('--keep', help='write the script here')
  a = p.parse_args()
  maker = Maker(a.seed, set(filter(None, a.only.split(','))))
  script, exprs = maker.script(a.count)
  path = a.keep or os.path.join(tempfile.gettempdir(), 'call_fuzz_%d.py' % os.getpid())
  with open(path, 'w', encoding='utf-8', errors='surrogatepass') as f: f.write(script)
  want, werr, wrc = run([a.oracle, '-Wignore'], path)
  got, gerr, grc = run([a.tiny, '-Wignore'], path)
  if werr or wrc: print('oracle:', wrc, werr[-500:])
  if gerr or grc: print('tiny:', grc, gerr[-1500:])
  read = lambda text: {int(m[1]): m[2] for m in re.finditer(r"^['\"](\d+) (.*)['\"]$", clean(text), re.M)}
  w, g = read(want), read(got)
  bad = [n for n in range(len(exprs)) if w.get(n) != g.get(n)]
  seen = set()
  for n in bad:
    shape = re.sub(r"\d+|'[^']*'", '', re.sub(r'\(.*', '', exprs[n][1]) + str(w.get(n)).split(' | ')[0][:40] + str(g.get(n)).split(' | ')[0][:40])
    if not a.all and shape in seen: continue
    seen.add(shape)
    print('o = %s; %s\n   want %s\n   got  %s' % (*exprs[n], w.get(n), g.get(n)))
  print('%d calls, %d differ, %d kinds' % (len(exprs), len(bad), len(seen)))
  if not a.keep: os.unlink(path)
  return bool(bad)


if __name__ == '__main__':
  sys.exit(main())
