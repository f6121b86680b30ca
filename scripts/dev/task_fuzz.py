#!/usr/bin/env python3
"""Compare random programs of tasks: what runs when, what is cancelled by whom, what comes out.

  task_fuzz.py --tiny build/tiny --seed 1 --count 2000
  task_fuzz.py --tiny build/tiny --seed 77 --show          print the program of one seed
  task_fuzz.py --tiny build/tiny --seed 77 --count 1       run it and print how the outputs differ

A program is some workers that use locks, conditions, semaphores, barriers, queues, events, futures, task groups, timeouts, gather, wait, shield, asynchronous generators and
context variables, and cancel each other anywhere. Time is virtual in both: python3 gets a loop whose clock jumps. It also gets timeout() and wait_for() with the meaning of
3.12, which tiny has (docs/asyncio.md), and timers of the same time that run in order (CPython: an order is "undefined"). Sets of tasks are kept in order, as theirs
depends on addresses. Program number i is made from its number alone.
"""
import argparse, os, random, subprocess, sys, tempfile

PRELUDE = r'''
import asyncio, contextvars, sys
from contextlib import aclosing
if sys.implementation.name == 'cpython':
  class DeadlockError(RuntimeError): pass
  class Timer(asyncio.TimerHandle):
    __slots__ = 'number',
    made = 0
    def __init__(self, *args):
      super().__init__(*args)
      Timer.made += 1
      self.number = Timer.made
    def __lt__(self, other): return (self._when, self.number) < (other._when, other.number)
  asyncio.events.TimerHandle = Timer
  class Loop(asyncio.SelectorEventLoop):
    now = 0.0
    def __init__(self):
      super().__init__()
      select = self._selector.select
      def jump(timeout=None):
        if timeout is None: raise DeadlockError
        self.now += max(timeout, 0)
        return select(0)
      self._selector.select = jump
    def time(self): return self.now
  def run(main):
    with asyncio.Runner(loop_factory=Loop) as r: return r.run(main)
  class timeout:
    def __init__(self, delay): self.when, self.state = asyncio.get_running_loop().time() + delay, 'active'
    async def __aenter__(self):
      self.task = asyncio.current_task(); self.before = self.task.cancelling(); loop = asyncio.get_running_loop()
      self.handle = loop.call_soon(self.over) if self.when <= loop.time() else loop.call_at(self.when, self.over)
      return self
    def over(self): self.task.cancel(); self.state = 'over'
    def expired(self): return self.state == 'over'
    async def __aexit__(self, t, e, tb):
      self.handle.cancel()
      if self.state == 'over' and self.task.uncancel() <= self.before and t is asyncio.CancelledError: raise TimeoutError from e
  async def cancel_and_wait(f):
    w = asyncio.get_running_loop().create_future()
    cb = lambda f: w.done() or w.set_result(None)
    f.add_done_callback(cb)
    try:
      f.cancel()
      await w
    finally: f.remove_done_callback(cb)
  async def wait_for(f, delay):
    loop = asyncio.get_running_loop()
    f = asyncio.ensure_future(f)
    w = loop.create_future()
    h = loop.call_later(delay, lambda: w.done() or w.set_result(None))
    cb = lambda f: w.done() or w.set_result(None)
    f.add_done_callback(cb)
    try:
      try: await w
      except asyncio.CancelledError:
        if not f.done():
          f.remove_done_callback(cb)
          await cancel_and_wait(f)
        elif not f.cancelled(): f.exception()
        raise
      if f.done(): return f.result()
      f.remove_done_callback(cb)
      await cancel_and_wait(f)
      try: return f.result()
      except asyncio.CancelledError as e: raise TimeoutError() from e
    finally: h.cancel()
else:
  DeadlockError, timeout, wait_for = asyncio.DeadlockError, asyncio.timeout, asyncio.wait_for
  def run(main): return asyncio.run(main, clock='virtual')
class Ordered(dict):
  def add(self, x): self[x] = None
  def discard(self, x): self.pop(x, None)
class Group(asyncio.TaskGroup):
  def __init__(self):
    super().__init__()
    self._tasks = Ordered()
class MyErr(Exception): pass
class Base(BaseException): pass
START, LINES, NAMES, var = 0, 0, 0, contextvars.ContextVar('var', default=0)
def P(*a):
  global LINES
  LINES += 1
  if LINES > 1500: return
  t = asyncio.current_task()
  print(round(asyncio.get_running_loop().time() - START, 3), '-' if t is None else t.get_name(), *a)
def S(e):
  if isinstance(e, BaseExceptionGroup): return type(e).__name__ + '[' + ', '.join(map(S, e.exceptions)) + ']'
  if isinstance(e, BaseException): return repr(e) if e.__context__ is None else repr(e) + '<' + type(e.__context__).__name__
  if isinstance(e, (list, tuple)): return '[' + ', '.join(map(S, e)) + ']'
  return repr(e)
def state(t):
  if not t.done(): return 'pending'
  if t.cancelled(): return 'cancelled'
  return S(t.exception() or t.result())
def spawn(coro):
  t = asyncio.get_running_loop().create_task(coro, name='t%d' % len(T))
  T.append(t)
  return t
def cancel(i, *msg):
  t = T[i % len(T)]
  if t is not asyncio.current_task() or i % 3 == 0: P('cancel', t.get_name(), t.cancel(*msg))
def complete(i, how):
  f = F[i]
  try:
    if how == 0: f.set_result(i)
    elif how == 1: f.set_exception(MyErr('future'))
    else: P(f.cancel('future'))
  except asyncio.InvalidStateError: P('invalid state')
def named(n):
  global NAMES
  NAMES += 1
  return f'g{n}.{NAMES}'
def swallowed():
  t = asyncio.current_task()
  while t.cancelling(): t.uncancel()
async def gen(n, how):
  P('gen begins', n)
  try:
    for i in range(n):
      got = yield i
      await asyncio.sleep(how)
  except BaseException as e:
    P('gen', S(e))
    raise
  finally:
    await asyncio.sleep(0)
    P('gen ends')
def handler(loop, context):
  if context['message'].startswith('Exc'): P('handler', S(context['exception']))
async def play(workers):
  global START, T, F, LOCK, SEM, COND, EV, Q, PQ, BAR, FLAG, LINES
  loop = asyncio.get_running_loop()
  loop.set_exception_handler(handler)
  START, T, FLAG, LINES = loop.time(), [], 0, 0
  asyncio.current_task().set_name('main')
  LOCK, SEM, COND, EV, Q, PQ, BAR = asyncio.Lock(), asyncio.Semaphore(2), asyncio.Condition(), asyncio.Event(), asyncio.Queue(2), asyncio.PriorityQueue(), asyncio.Barrier(2)
  F = [loop.create_future() for i in range(4)]
  for w in workers: spawn(w())
  await asyncio.sleep(60)
  for i in range(20):
    rest = sorted(asyncio.all_tasks() - {asyncio.current_task()}, key=asyncio.Task.get_name)
    if not rest: break
    for t in rest: t.cancel('end')
    await asyncio.sleep(1)
  for f in F:
    if f.done() and not f.cancelled(): f.exception()
  P([state(t) for t in T])
  P(LOCK.locked(), SEM._value, Q.qsize(), PQ.qsize(), EV.is_set(), BAR.n_waiting, BAR.broken, len(Q._getters), len(Q._putters), [t.cancelling() for t in T], len(asyncio.all_tasks()))
  for f in F: f.cancel()
def main(*workers):
  try: run(play(workers))
  except BaseException as e: print('run', type(e).__name__)
'''


class Gen:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.n = 0
        self.helpers = []
        self.depth = 0

    def tag(self):
        self.n += 1
        return self.n

    def delay(self):
        return self.r.choice(['0', '0', '0', '1', '2', '3'])

    def late(self):
        """A time that hardly any other is, and a whole number of nanoseconds."""
        self.n += 1
        return f'{self.r.randint(0, 4)}.25 + {self.n % 256} / 512'

    def call(self):
        """A new coroutine."""
        r = self.r
        if self.helpers and r.random() < 0.75 or self.depth > 2:
            if self.helpers:
                return r.choice(self.helpers) + '()'
            return f'asyncio.sleep({self.delay()}, {self.tag()})'
        name = f'h{self.tag()}'
        self.function(name, r.randint(1, 4))
        self.helpers.append(name)
        return name + '()'

    def function(self, name, n):
        depth, self.depth = self.depth, self.depth + 1
        body = self.block(n, 1)
        self.depth = depth
        body.append(f'return {self.tag()}')
        self.out.append(f'async def {name}():\n' + '\n'.join('  ' + line for line in body))

    def block(self, n, level):
        lines = [f"P({self.tag()})"]
        for _ in range(n):
            lines += self.statement(level)
        return lines

    def inner(self, level, most=3):
        return ['  ' + line for line in self.block(self.r.randint(1, most), level + 1)]

    def statement(self, level):
        r = self.r
        kinds = SIMPLE if level > 3 else SIMPLE + COMPOUND
        return getattr(self, r.choice(kinds))(level)

    # ---- one line or two
    def sleep(self, level): return [f'P(await asyncio.sleep({self.delay()}, {self.tag()}))']
    def event(self, level): return [self.r.choice(['EV.set()', 'EV.clear()', 'await EV.wait()'])]
    def future(self, level): return [self.r.choice(['P(await F[%d])', 'complete(%d, 0)', 'complete(%d, 0)', 'complete(%d, 1)', 'complete(%d, 2)', 'P(await asyncio.shield(F[%d]))']) % self.r.randrange(4)]
    def cancel(self, level): return [f'cancel({self.r.randrange(12)}{self.r.choice(["", ", %d" % self.tag()])})']
    def fail(self, level): return [f'if {self.r.choice(["LINES % 2", "LINES % 3 == 0", "True"])}: raise {self.r.choice(["MyErr", "MyErr", "ValueError", "asyncio.CancelledError", "Base"])}({self.tag()})']
    def spawn(self, level): return [f'if len(T) < 12: spawn({self.call()})']
    def awaits(self, level): return [f'P(await {self.call()})']
    def task(self, level): return [f'if len(T) < 12: P(await spawn({self.call()}))']
    def join(self, level): return [f't = T[{self.r.randrange(12)} % len(T)]', 'if t is not asyncio.current_task() and t._fut_waiter is None: P(await t)']
    def variable(self, level): return [self.r.choice([f'var.set({self.tag()})', 'P(var.get())', 'P(var.get())'])]
    def callback(self, level):
        what = self.r.choice([f'P, {self.tag()}', 'EV.set', f'cancel, {self.r.randrange(12)}', f'complete, {self.r.randrange(4)}, 0', 'lambda: 1 / 0'])
        return [self.r.choice([f'asyncio.get_running_loop().call_soon({what})', f'asyncio.get_running_loop().call_later({self.delay()}, {what})', f'h = asyncio.get_running_loop().call_later({self.delay()}, {what})\nawait asyncio.sleep({self.delay()})\nh.cancel()'])]

    def queue(self, level):
        q = self.r.choice(['Q', 'Q', 'PQ'])
        return [self.r.choice([f'await {q}.put({self.tag()})', f'await {q}.put({self.tag()})', f'P(await {q}.get())', f'P(await {q}.get())', f'await {q}.join()', f'try: {q}.put_nowait({self.tag()})\nexcept asyncio.QueueFull: P("full")',
                               f'try: P({q}.get_nowait())\nexcept asyncio.QueueEmpty: P("empty")', f'try: {q}.task_done()\nexcept ValueError: P("too many")'])]

    def done_callback(self, level): return [f'T[{self.r.randrange(12)} % len(T)].add_done_callback(lambda t: P("done", state(t)))']
    def barrier(self, level): return [self.r.choice(['P(await BAR.wait())', 'P(await BAR.wait())', 'P(await BAR.wait())', 'await BAR.reset()', 'await BAR.abort()\nawait BAR.reset()'])]
    def shield(self, level): return [self.r.choice([f'P(await asyncio.shield({self.call()}))', f'P(await wait_for(asyncio.shield({self.call()}), {self.late()}))'])]
    def wait_for(self, level): return [f'P(await wait_for({self.call()}, {self.late()}))']
    def gather(self, level): return [f'P(S(await asyncio.gather({", ".join(self.call() for _ in range(self.r.randint(1, 3)))}{self.r.choice(["", ", return_exceptions=True"])})))']

    def wait(self, level):
        how = self.r.choice(['ALL_COMPLETED', 'FIRST_COMPLETED', 'FIRST_EXCEPTION'])
        limit = self.r.choice(['', f', timeout={self.late()}'])
        return [f'ts = [asyncio.ensure_future(c) for c in ({", ".join(self.call() for _ in range(self.r.randint(1, 3)))},)]', 'try:', f'  d, p = await asyncio.wait(ts, return_when=asyncio.{how}{limit})',
                '  P(sorted(map(state, d)), len(p))', 'finally:', '  for t in ts: t.cancel()']

    def completed(self, level):
        return [f'ts = [asyncio.ensure_future(c) for c in ({", ".join(self.call() for _ in range(self.r.randint(1, 3)))},)]', f'for c in asyncio.as_completed(ts{self.r.choice(["", f", timeout={self.late()}"])}):',
                '  try: P(await c)', '  except (MyErr, ValueError, TimeoutError) as e: P(S(e))']

    # ---- with blocks
    def lock(self, level): return [f'async with {self.r.choice(["LOCK", "LOCK", "SEM"])}:'] + self.inner(level)

    def cond(self, level):
        what = self.r.choice([['await COND.wait()'], ['await COND.wait()'], ['COND.notify()'], ['COND.notify(2)'], ['COND.notify_all()'], [f'globals()["FLAG"] = {self.r.randrange(3)}', 'COND.notify_all()'],
                              [f'await COND.wait_for(lambda: FLAG == {self.r.randrange(3)})']])
        return ['async with COND:'] + ['  ' + line for line in what] + self.inner(level, 1)

    def timeout(self, level):
        return ['try:', f'  async with timeout({self.r.choice(["0", self.late(), self.late()])}) as c:'] + ['  ' + line for line in self.inner(level)] + ['except TimeoutError as e: P("timeout", c.expired())']

    def group(self, level):
        return ['async with Group() as g:'] + [f'  g.create_task({self.call()}, name=named({self.tag()}))' for _ in range(self.r.randint(1, 3))] + (self.inner(level) if self.r.random() < 0.6 else [])

    def caught(self, level):
        kind = self.r.choice(['Exception', 'asyncio.CancelledError', 'BaseException', 'MyErr'])
        rest = [f'except {kind} as e:', '  P("caught", S(e))']
        if self.r.random() < 0.5:
            rest += ['  raise'] if self.r.random() < 0.6 else [f'  raise ValueError({self.tag()})']
        elif kind != 'MyErr':
            rest += ['  swallowed()']
        return ['try:'] + self.inner(level) + rest

    def finish(self, level):
        return ['try:'] + self.inner(level) + ['finally:'] + (['  await asyncio.sleep(0)'] if self.r.random() < 0.5 else []) + [f'  P("finally", {self.tag()})']

    def star(self, level):
        return ['try:'] + ['  ' + line for line in self.group(level)] + ['except* MyErr as e: P("star", S(e))'] + (['except* Exception as e: P("rest", S(e))'] if self.r.random() < 0.5 else [])

    def loop(self, level):
        end = self.r.choice([[], ['    if x: break']])
        return [f'async with aclosing(gen({self.r.randint(1, 3)}, {self.delay()})) as g:', '  async for x in g:', '    P("item", x)'] + end + ['  ' + line for line in self.inner(level, 2)]

    def repeat(self, level): return [f'for i{level} in range(2):'] + self.inner(level)

    def make(self):
        self.out = []
        names = []
        for i in range(self.r.randint(2, 6)):
            name = f'w{i}'
            self.function(name, self.r.randint(2, 6))
            names.append(name)
        return '\n'.join(self.out) + f'\nmain({", ".join(names)})\n'


SIMPLE = ['sleep', 'sleep', 'sleep', 'event', 'future', 'future', 'cancel', 'cancel', 'fail', 'spawn', 'awaits', 'task', 'join', 'variable', 'callback', 'queue', 'queue', 'done_callback', 'barrier', 'shield', 'wait_for', 'gather', 'wait', 'completed']
COMPOUND = ['lock', 'lock', 'cond', 'cond', 'timeout', 'timeout', 'group', 'group', 'caught', 'caught', 'finish', 'star', 'loop', 'repeat']


def flat(lines):
    """Lines with a line break in them are taken apart, each piece with the indentation of the first."""
    out = []
    for line in lines:
        first, *more = line.split('\n')
        out += [first] + [first[:len(first) - len(first.lstrip())] + m for m in more]
    return out


def statements(self, level, plain=Gen.statement):
    return flat(plain(self, level))


Gen.statement = statements


def program(seed):
    return Gen(seed).make()


def run(interp, path, limit):
    try:
        p = subprocess.run([interp, path], capture_output=True, timeout=limit, text=True, env=dict(os.environ, PYTHONHASHSEED='0', PYTHONWARNINGS='ignore'))
    except subprocess.TimeoutExpired as e:
        return ((e.stdout or b'').decode() if isinstance(e.stdout, bytes) else e.stdout or '') + '\ntimeout', ''
    bad = 'Sanitizer' in p.stderr or p.returncode < 0
    return p.stdout + (f'\nended with {p.returncode}' if p.returncode else ''), p.stderr if p.returncode or bad else ''


def check(args, seeds):
    """The seeds whose outputs differ."""
    with tempfile.NamedTemporaryFile('w', suffix='.py', delete=False) as f:
        f.write(PRELUDE + ''.join(f'print("== {s}")\n{program(s)}' for s in seeds))
    try:
        ours, err = run(args.tiny, f.name, args.timeout)
        theirs, _ = run(args.python, f.name, args.timeout)
    finally:
        os.unlink(f.name)
    if ours == theirs and 'Sanitizer' not in err:
        return []
    if len(seeds) > 1:
        return [s for seed in seeds for s in check(args, [seed])]
    if theirs.endswith('timeout') or 'SyntaxError' in theirs:
        return []
    print(f'seed {seeds[0]} differs')
    a, b = theirs.split('\n'), ours.split('\n')
    for i in range(max(len(a), len(b))):
        x, y = (v[i] if i < len(v) else '' for v in (a, b))
        if x != y:
            print(''.join(f'    {line}\n' for line in a[max(0, i - 4):i]) + f'  python: {x}\n  tiny:   {y}\n{err[-600:]}', flush=True)
            break
    return seeds


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--tiny', default='build/tiny')
    p.add_argument('--python', default='/usr/bin/python3')
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--count', type=int, default=200)
    p.add_argument('--batch', type=int, default=10, help='programs in one process')
    p.add_argument('--timeout', type=float, default=60)
    p.add_argument('--show', action='store_true', help='print the program of --seed')
    args = p.parse_args()
    if args.show:
        print(PRELUDE + program(args.seed))
        return 0
    bad = []
    for first in range(args.seed, args.seed + args.count, args.batch):
        bad += check(args, list(range(first, min(first + args.batch, args.seed + args.count))))
    print(f'{args.count} programs, {len(bad)} differ{": " + " ".join(map(str, bad)) if bad else ""}')
    return bool(bad)


if __name__ == '__main__':
    sys.exit(main())
