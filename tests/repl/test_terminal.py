#!/usr/bin/env python3
"""The prompt in a terminal: what is typed and what has to appear then.

    test_terminal.py [--tiny PATH] [NAMES...]

A session is a list of (typed, or a function to be called (its result says what went wrong); what has to appear before anything else is typed). Escape sequences are taken out and the line ends are \\n. Before the first
step the prompt is waited for. The last step may be an int: the exit status.
"""
import os
import pty
import re
import select
import signal
import sys
import tempfile
import termios
import time

ESCAPE = re.compile(rb'\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x07')
PASTE = '\x1b[200~%s\x1b[201~\r'
CTRL_C, CTRL_D, CTRL_U, UP, TAB = '\x03', '\x04', '\x15', '\x1b[A', '\t'


def beside(home, terminal):
    """Modules to be found."""
    os.mkdir(os.path.join(home, 'mine_pkg'))
    for name, text in ('mine_and_yours.py', 'print("loaded")\nseven = 7\n'), ('mine_pkg/__init__.py', ''), ('mine_pkg/part.py', 'abc = 1\n'):
        with open(os.path.join(home, name), 'w') as f:
            f.write(text)


SESSIONS = {
    'values': [('1 + 1\r', '1 + 1\n2\n>>> '), ('_ * 3\r', '\n6\n>>> '), ('None\r', 'None\n>>> '), ('"a"; print(2); 3\r', "\n'a'\n2\n3\n>>> "), (CTRL_D, '\n'), 0],
    'blocks': [('def f(n):\r', 'def f(n):\n... '), ('  return 1 / n\r', '\n... '), ('\r', '\n>>> '),
               ('f(0)\r', 'Traceback (most recent call last):\n  File "<stdin>", line 1, in <module>\n  File "<stdin>", line 2, in f\nZeroDivisionError: division by zero\n>>> '),
               ('if 0:\r', '... '), ('    pass\r', '... '), ('else:\r', '... '), ('    print("else")\r', '... '), ('\r', '\nelse\n>>> '),
               ('if 1:\r', '... '), ('    print("Ctrl-D ends")\r', '... '), (CTRL_D, '\nCtrl-D ends\n>>> '), ('x = (1,\r', '... '), ('\r', '\n... '), ('2)\r', '2)\n>>> '), ('x\r', '\n(1, 2)\n>>> '), ('"""a\r', '... '), ('b"""\r', "\n'a\\nb'\n>>> "),
               ('# only a comment\r', '\n>>> '), ('@staticmethod\r', '... '), ('def g(): return 5\r', '... '), ('\r', '>>> '), ('g()\r', '\n5\n>>> '), ('1 + \\\r', '... '), ('2\r', '\n3\n>>> '),
               ('exit()\r', ''), 0],
    'syntax errors': [('x y\r', '  File "<stdin>", line 1\n    x y\n      ^\nSyntaxError: invalid syntax\n>>> '), ('for\r', 'SyntaxError: invalid syntax\n>>> '),
                      ('  x = 1\r', 'IndentationError: unexpected indent\n>>> '), ('(]\r', "SyntaxError: closing parenthesis ']' does not match opening parenthesis '('\n>>> "),
                      ('await x\r', "SyntaxError: 'await' outside function\n>>> "), ('"abc\r', 'SyntaxError: unterminated string literal (detected at line 1)\n>>> '), (CTRL_D, '\n'), 0],
    'Ctrl-C at the prompt': [('half a li', 'half a li'), (CTRL_C, 'KeyboardInterrupt\n>>> '), ('def f():\r', '... '), (CTRL_C, 'KeyboardInterrupt\n>>> '), ('7 * 6\r', '\n42\n>>> '), (CTRL_D, '\n'), 0],
    'Ctrl-C in a loop': [('while True: pass\r', '... '), ('\r', '\n'), (CTRL_C, 'File "<stdin>", line 1, in <module>\nKeyboardInterrupt\n>>> '), ('import time\r', '>>> '), ('time.sleep(60)\r', '\n'),
                         (CTRL_C, 'KeyboardInterrupt\n>>> '), ('import asyncio\r', '>>> '), ('asyncio.run(asyncio.sleep(60))\r', '\n'), (CTRL_C, 'KeyboardInterrupt\n>>> '), ('8\r', '\n8\n>>> '), (CTRL_D, '\n'), 0],
    'exit': [('import sys\r', '>>> '), ('sys.exit(3)\r', ''), 3],
    'exit with a message': [('raise SystemExit("bye")\r', '\nbye\n'), 1],
    'quit': [('quit\r', 'Use quit() or Ctrl-D (i.e. EOF) to exit\n>>> '), ('exit\r', 'Use exit() or Ctrl-D (i.e. EOF) to exit\n>>> '), ('quit(4)\r', ''), 4],
    'notices': [('copyright\r', 'Copyright (c)'), ('credits\r', 'Python'), ('license\r', 'Type license() to see the full license text\n>>> '), ('license()\r', 'WITHOUT WARRANTY'),
                ('help\r', 'Type help() for interactive help'), ('help(len)\r', 'number of items'), (CTRL_D, '\n'), 0],
    'completion': [('impo' + TAB, 'import '), ('sys\r', '>>> '), ('sys.maxs' + TAB, 'sys.maxsize'), ('\r', '9223372036854775807\n>>> '), ('prin' + TAB, 'print('), ('6)\r', '\n6\n>>> '),
                   ('counter_of_things = 1\r', '>>> '), ('counter_o' + TAB + '\r', 'counter_of_things\n1\n>>> '), ('"".join.__na' + TAB, '"".join.__na'), (CTRL_C, '>>> '),
                   ('s = "x"\r', '>>> '), ('s.startsw' + TAB, 's.startswith('), ('"x")\r', '\nTrue\n>>> '), ('sys.path.app' + TAB, 'sys.path.append('), (CTRL_C, '>>> '),
                   ('open("/dev/nul' + TAB, '/dev/null"'), (CTRL_C, '>>> '), ('sys.exc_inf' + TAB, 'sys.exc_info('), (CTRL_C, '>>> '), ('sys.ex' + TAB, 'sys.ex'), (TAB, 'sys.exc_info'), (CTRL_C, '>>> '),
                   ('if 1:\r', '... '), (TAB + 'print("indented")\r', '... '), ('\r', '\nindented\n>>> '), (CTRL_D, '\n'), 0],
    'completion of imports': [('import js' + TAB, 'json'), (CTRL_C, '>>> '), ('from asyncio.qu' + TAB, 'from asyncio.queues'), (' imp' + TAB, ' import '), ('LifoQ' + TAB + '\r', 'LifoQueue\n>>> '),
                              (beside, ''), ('import os, mine_a' + TAB + '\r', 'import os, mine_and_yours\nloaded\n>>> '), ('from mine_p' + TAB, 'from mine_pkg'), ('.pa' + TAB, '.part'), (' ' + TAB + 'abc' + '\r', ' import abc\n'), ('from mine_and_yours import se' + TAB + '\r', 'import seven\n>>> '),
                              (CTRL_D, '\n'), 0],
    'help': [('help("if")\r', 'if a: ...'), ('help("keywords")\r', 'nonlocal'), ('import os; os.environ["PAGER"] = "sed -n 1p; echo paged"\r', '>>> '),
             ('help(int)\r', '\nHelp on class int in module builtins:\npaged\n>>> '), ('help(len)\r', 'number of items'), (CTRL_D, '\n'), 0],
    'completion of keys': [('d = {"first key": 1, "second": 2, 5: 6}\r', '>>> '), ('d["fi' + TAB + '\r', 'd["first key"]\n1\n>>> '), ('class A: x = d\r', '... '), ('\r', '>>> '), ("A.x['se" + TAB + '\r', "A.x['second']\n2\n>>> "),
                           ('d["/dev/nul' + TAB, '/dev/null'), (CTRL_C, '>>> '), (CTRL_D, '\n'), 0],
    'the future stays': [('from __future__ import annotations\r', '>>> '), ('def f(x: nothing_such): pass\r', '... '), ('\r', '\n>>> '), ('f.__annotations__\r', "{'x': 'nothing_such'}\n>>> "), (CTRL_D, '\n'), 0],
    'terminal': [('import sys, os\r', '>>> '), ('sys.stdin.isatty(), sys.stdout.isatty(), os.get_terminal_size().columns\r', '(True, True, '), (CTRL_D, '\n'), 0],
    'completion runs no property': [('class A:\r', '... '), (' long_name = property(lambda self: print("RUN"))\r', '... '), ('\r', '>>> '), ('a = A()\r', '>>> '), ('a.long' + TAB, 'a.long_name'),
                                    ('\r', 'RUN\n>>> '), (CTRL_D, '\n'), 0],
    'history': [('first = 1\r', '>>> '), ('second = 2\r', '>>> '), (UP + UP, 'first = 1'), ('1\r', '>>> '), ('first\r', '\n11\n>>> '), (CTRL_D, '\n'), 0],
    'paste': [(PASTE % 'for i in range(2):\r    print(i)\r\r    print("-")\rprint("done")\rx = [\r1,\r2]\rx', '0\n-\n1\n-\ndone\n[1, 2]\n>>> '),
              (PASTE % 'if 0:\r  1\relse:\r  2\r@staticmethod\rdef f(): return 3\rf()\r', '\n2\n3\n>>> '), (PASTE % '1 / 0\rprint("never")', 'division by zero\n>>> '),
              (PASTE % 'def g():\r  return 4', '>>> '), ('g()\r', '\n4\n>>> '), (PASTE % 'def h(', '... '), ('): return 5\r', '... '), ('\r', '>>> '), ('h()\r', '\n5\n>>> '), (CTRL_D, '\n'), 0],
    'unicode': [('s = "Zoë 世界 🎉"\r', '>>> '), ('s\r', "\n'Zoë 世界 🎉'\n>>> "), ('naïve = 5\r', '>>> '), ('naïve\r', '\n5\n>>> '), (CTRL_D, '\n'), 0],
    'a long line': [('n = ' + '+'.join(['1'] * 2000) + '\r', '>>> '), ('n\r', '\n2000\n>>> '), (CTRL_D, '\n'), 0],
    'input': [('x = input("name? ")\r', '\nname? '), ('ann\n', '>>> '), ('x\r', "\n'ann'\n>>> "), ('input("1 ")\r', '\n1 '), (CTRL_C, 'KeyboardInterrupt\n>>> '), ('input("2 ")\r', '\n2 '), (CTRL_D, 'EOFError'),
              ('import sys; print("reads"); sys.stdin.read()\r', '\nreads\n'), ('more\n', 'more\n'), (CTRL_D, "'more\\n'\n>>> "), (CTRL_D, '\n'), 0],
    'last error': [('1/0\r', '>>> '), ('import sys; sys.last_value, sys.last_traceback.tb_lineno\r', "(ZeroDivisionError('division by zero'), 1)\n>>> "), (CTRL_D, '\n'), 0],
    'prompts': [('import sys\r', '>>> '), ('sys.ps1 = "in: "; sys.ps2 = "   : "\r', 'in: '), ('if 1:\r', '\n   : '), (' 2\r', '   : '), ('\r', '\n2\nin: '), (CTRL_D, '\n'), 0],
    'partial output': [('print("no end", end="")\r', '\nno end>>> '), (CTRL_D, '\n'), 0],
    'displayhook': [('import sys\r', '>>> '), ('sys.displayhook = lambda v: print("<", v, ">")\r', '>>> '), ('5\r', '\n< 5 >\n>>> '), ('sys.excepthook = lambda t, v, tb: print("hook", v)\r', '>>> '),
                    ('1/0\r', '\nhook division by zero\n>>> '), (CTRL_D, '\n'), 0],
}


# `-m asyncio`. A task waits in told(name) until the test says tell(name): makes that file.
WAITS = [('import os\r', '>>> '), ('async def told(name):\r', '... '), ('    while not os.path.exists(os.path.expanduser("~/" + name)): await asyncio.sleep(0.01)\r', '... '), ('\r', '>>> ')]


def tell(name):
    return lambda home, terminal: open(os.path.join(home, name), 'w').close()


ASYNCIO = {
    'await': [('await asyncio.sleep(0, "x")\r', "\n'x'\n>>> "), ('_ * 2\r', "\n'xx'\n>>> "), ('for i in range(2):\r', '... '), ('    print(await asyncio.sleep(0, i))\r', '... '),
              ('\r', '\n0\n1\n>>> '), ('i\r', '\n1\n>>> '), ('1/0\r', 'Traceback (most recent call last):\n  File "<console>", line 1, in <module>\nZeroDivisionError: division by zero\n>>> '),
              ('async def f(): await x\r', '... '), ('\r', '>>> '), ('await f()\r', '  File "<console>", line 1, in <module>\n  File "<console>", line 1, in f\nNameError: name \'x\' is not defined\n>>> '),
              ('def g(): await x\r', '... '), ('\r', "'await' outside async function\n>>> "), ('awa' + TAB + 'asyncio.slee' + TAB + '0, 5)\r', '\nawait asyncio.sleep(0, 5)\n5\n>>> '[1:]), ('exit(3)\r', ''), 3],
    'tasks while a line is typed': [*WAITS, ('async def f(text, end):\r', '... '), ('    await told(text); print(text, end=end)\r', '... '), ('\r', '>>> '), ('t = asyncio.create_task(f("one", "!\\n"))\r', '>>> '),
                                    ('half a li', 'half a li'), (tell('one'), 'one!\n>>> half a li'), (CTRL_U, ''), ('t = asyncio.create_task(f("no end", ""))\r', '>>> '),
                                    ('"ab', '"ab'), (tell('no end'), 'no end\n>>> "ab'), ('c"\r', "\n'abc'\n>>> "), (CTRL_D, '\nexiting asyncio REPL...\n'), 0],
    'tasks that fail': [*WAITS, ('async def bad(): await told("bad"); 1/0\r', '... '), ('\r', '>>> '), ('asyncio.create_task(bad()) and None\r', '>>> '), ('typed', 'typed'),
                        (tell('bad'), "Task exception was never retrieved\nfuture: <Task finished name='Task-1' coro=<bad() done, defined at <console>:1> exception=ZeroDivisionError('division by zero')>\n"
                                      'Traceback (most recent call last):\n  File "<console>", line 1, in bad\nZeroDivisionError: division by zero\n>>> typed'), (CTRL_C, '\nKeyboardInterrupt\n>>> '),
                        ('async def leave(): await told("leave"); exit(5)\r', '... '), ('\r', '>>> '), ('t = asyncio.create_task(leave())\r', '>>> '), ('half', 'half'), (tell('leave'), ''), 5],
    'Ctrl-C': [('print("on") or await asyncio.sleep(60)\r', '\non\n'), (CTRL_C, '\nKeyboardInterrupt\n>>> '), ('while True: 0\r', '... '), ('\r', '\n'), (CTRL_C, '\nKeyboardInterrupt\n>>> '),
               ('async def f():\r', '... '), ('    try: print("on"); await asyncio.sleep(60)\r', '... '), ('    finally: print(await asyncio.sleep(0.01, "cleaned"))\r', '... '), ('\r', '>>> '),
               ('await f()\r', '\non\n'), (CTRL_C, 'cleaned\n\nKeyboardInterrupt\n>>> '), ('half a line', 'half a line'), (CTRL_C, '\nKeyboardInterrupt\n>>> '),
               ('async def spin():\r', '... '), ('    while True: await asyncio.sleep(0)\r', '... '), ('\r', '>>> '), ('t = asyncio.create_task(spin())\r', '>>> '), ('2 + 3\r', '\n5\n>>> '),
               ('half', 'half'), (CTRL_C, '\nKeyboardInterrupt\n>>> '), ('4 + 4\r', '\n8\n>>> '), (CTRL_D, 'exiting asyncio REPL...\n'), 0],
    'leaving cancels': [('async def f():\r', '... '), ('    try: await asyncio.sleep(60)\r', '... '), ('    finally: print("cancelled")\r', '... '), ('\r', '>>> '), ('t = asyncio.create_task(f())\r', '>>> '),
                        (CTRL_D, 'exiting asyncio REPL...\ncancelled\n'), 0],
    'paste': [(PASTE % 'async def f():\r    await asyncio.sleep(0)\r\r    return 5\rprint(await f())\rfor i in range(2):\r    print(await asyncio.sleep(0, i))\rprint("end")', '5\n0\n1\nend\n>>> '), (CTRL_D, ''), 0],
    'input': [('x = input("name? ")\r', '\nname? '), ('ann\n', '>>> '), ('x\r', "\n'ann'\n>>> "), (CTRL_D, ''), 0],
    'input in a task': [*WAITS, ('async def f(): await told("f"); print(input("name? ").upper())\r', '... '), ('\r', '>>> '), ('t = asyncio.create_task(f())\r', '>>> '), ('"half', '"half'),
                        (tell('f'), 'name? '), ('ann\n', 'ann\nANN\n>>> "half'), ('"\r', "\n'half'\n>>> "), (CTRL_D, ''), 0],
}


def stop_and_go(home, terminal):
    """Ctrl-Z and fg: meanwhile a shell has set the terminal's modes."""
    os.kill(terminal.pid, signal.SIGSTOP)
    modes = termios.tcgetattr(terminal.fd)
    modes[3] |= termios.ICANON | termios.ECHO
    termios.tcsetattr(terminal.fd, termios.TCSANOW, modes)
    os.kill(terminal.pid, signal.SIGCONT)
    for i in range(1000):
        if not termios.tcgetattr(terminal.fd)[3] & termios.ICANON:
            return None
        time.sleep(0.01)
    return 'the terminal does not give single characters after a stop'


SESSIONS['stopped'] = [('12', '12'), (stop_and_go, '>>> 12'), ('+3\r', '+3\n15\n>>> '), (CTRL_D, '\n'), 0]


class Terminal:
    def __init__(self, program, home, options=()):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            env = dict(os.environ, TERM='xterm', HOME=home, LC_ALL='C.UTF-8', INPUTRC='/dev/null', COLUMNS='80')
            env.pop('TINY_HISTORY', None)
            os.chdir(home)
            os.execve(program, [program, '-q', *options], env)
        self.seen, self.at = b'', 0

    def text(self):
        return ESCAPE.sub(b'', self.seen).decode('utf-8', 'replace').replace('\r\n', '\n').replace('\r', '')

    def wait(self, wanted, seconds=15):
        """Reads until wanted has appeared behind what was waited for before."""
        end = time.monotonic() + seconds
        while True:
            found = self.text().find(wanted, self.at)
            if found >= 0:
                self.at = found + len(wanted)
                return True
            ready = select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]
            try:
                data = os.read(self.fd, 65536) if ready else b''
            except OSError:
                data = b''
            if not data:
                return False
            self.seen += data

    def status(self, seconds=15):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            self.wait('\0', 0.05)
        return None

    def close(self):
        os.close(self.fd)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def play(program, steps, home, options=()):
    """What went wrong, or None."""
    terminal = Terminal(program, home, options)
    try:
        if not terminal.wait('>>> '):
            return 'no prompt: %r' % terminal.text()
        for step in steps:
            if isinstance(step, int):
                status = terminal.status()
                if status != step:
                    return 'exit status %r, not %r:\n%s' % (status, step, terminal.text())
                continue
            typed, wanted = step
            time.sleep(0.02)
            if callable(typed):
                problem = typed(home, terminal)
                if problem:
                    return problem
            else:
                os.write(terminal.fd, typed.encode())
            if not terminal.wait(wanted):
                return 'after %r there is no %r:\n%s' % (typed, wanted, terminal.text())
    finally:
        terminal.close()
    return None


def history_file(program, home):
    """Lines of one session are there in the next, and in the file."""
    problem = play(program, [('kept = "from before"\r', '>>> '), (CTRL_D, '\n'), 0], home) or play(program, [(UP, 'kept = "from before"'), (CTRL_U, ''), (CTRL_D, '\n'), 0], home)
    with open(os.path.join(home, '.tiny_history'), encoding='utf-8') as f:
        return problem or (None if 'kept = "from before"\n' in f.read() else 'not in the history file')


def two_histories(program, home):
    """Prompts that are open at the same time keep each other's lines."""
    other = lambda home, terminal: play(program, [('second = 2\r', '>>> '), (CTRL_D, '\n'), 0], home)
    problem = play(program, [('first = 1\r', '>>> '), (other, ''), (CTRL_D, '\n'), 0], home)
    with open(os.path.join(home, '.tiny_history'), encoding='utf-8') as f:
        lines = f.read()
    return problem or (None if sorted(lines.split('\n')) == ['', 'first = 1', 'second = 2'] else 'history: %r' % lines)


def main(argv):
    tiny, names = 'build/tiny', []
    it = iter(argv)
    for a in it:
        if a == '--tiny':
            tiny = next(it)
        else:
            names.append(a)
    tiny = os.path.abspath(tiny)
    with tempfile.TemporaryDirectory() as home:
        if not has_editing(tiny, home):
            print('built without readline: the prompt in a terminal is not tested')
            return 0
    failed = count = 0
    tests = {name: lambda home, steps=steps: play(tiny, steps, home) for name, steps in SESSIONS.items()}
    tests.update({'asyncio: ' + name: lambda home, steps=steps: play(tiny, steps, home, ('-m', 'asyncio')) for name, steps in ASYNCIO.items()})
    tests['history file'] = lambda home: history_file(tiny, home)
    tests['two histories'] = lambda home: two_histories(tiny, home)
    for name, test in tests.items():
        if names and not any(part in name for part in names):
            continue
        count += 1
        with tempfile.TemporaryDirectory() as home:
            problem = test(home)
        if problem:
            failed += 1
            print('FAIL prompt: %s: %s\n' % (name, problem))
    print('%d sessions at the prompt, %d failed' % (count, failed))
    return 1 if failed else 0


def has_editing(program, home):
    return play(program, [('12' + '\x02' + '3\r', '\n132\n>>> '), (CTRL_D, '\n')], home) is None


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
