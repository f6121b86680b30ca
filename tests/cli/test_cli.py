#!/usr/bin/env python3
"""The command line: what tiny does with options, files, modules, stdin and signals is what python3 does.

    test_cli.py [--tiny PATH] [--record] [NAMES...]    --record: ask python3 again (python3.json); NAMES: parts of names of cases

A case is a line for sh, run in a fresh folder that holds FILES; $P is the program. Compared: exit status, stdout, stderr. The program's name and the
folder's stand as PROG and DIR.
"""
import concurrent.futures
import difflib
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = os.path.join(HERE, 'python3.json')
ADDRESS = re.compile(r'0x[0-9a-f]{6,}')
PYTHON = os.environ.get('PYTHON3_ORACLE', '/usr/bin/python3')

FILES = {
    'hello.py': b'print("hello")\n',
    'args.py': b'import sys\nprint(sys.argv, __name__, __file__, sys.path[0], __package__, __spec__)\n',
    'sub/args.py': b'import sys\nprint(sys.argv, __name__, __file__, sys.path[0])\nimport beside\n',
    'sub/beside.py': b'print("beside", __name__, __file__, repr(__package__))\n',
    'fails.py': b'def f():\n    return 1 / 0\n\nf()\n',
    'imports_fails.py': b'import fails\n',
    'syntax.py': b'x = 1\nprint(x y)\n',
    'imports_syntax.py': b'import syntax\n',
    'tabs.py': b'if 1:\n        x = 1\n\ty = 2\n',
    'bad_utf8.py': b'x = 1\ny = "\xff\xfe"\n',
    'bad_utf8_comment.py': b'# caf\xe9\nprint(1)\n',
    'latin1.py': b'# -*- coding: latin-1 -*-\nprint("caf\xe9")\n',
    'unknown_coding.py': b'# coding: nothing-such\nprint(1)\n',
    'bom.py': b'\xef\xbb\xbfprint("bom")\n',
    'nul.py': b'x = 1\ny = \x002\n',
    'crlf.py': b'if 1:\r\n    print("""a\r\nb""")\r\n',
    'cr.py': b'x = 1\rprint(x)\r',
    'no_end.py': b'if 1:\n    print("no newline at the end")',
    'empty.py': b'',
    'shebang.py': b'#!/usr/bin/env python3\nprint("shebang")\n',
    'folder/__main__.py': b'import sys, helper\nprint(sys.argv, __name__, repr(__package__), sys.path[0], __file__)\n',
    'folder/helper.py': b'print("helper")\n',
    'pkg/__init__.py': b'print("init", __name__, __package__)\n',
    'pkg/__main__.py': b'import sys\nfrom . import part\nprint("main", sys.argv, __name__, __package__, __file__)\n',
    'pkg/part.py': b'print("part", __name__, __package__)\n',
    'pkg/runs.py': b'from .part import __name__ as other\nprint(__name__, __package__, other, __file__)\n',
    'pkg/fails.py': b'def f():\n    raise ValueError("in a module")\nf()\n',
    'bare/__init__.py': b'',
    'noinit/mod.py': b'print(__name__, __package__)\n',
    'broken/__init__.py': b'1 / 0\n',
    'broken/mod.py': b'print("never")\n',
    'exits.py': b'import sys\ntry:\n    sys.exit(int(sys.argv[1]))\nfinally:\n    print("finally")\n',
    'bye.py': b'raise SystemExit("bye")\n',
    'atexit_.py': b'import atexit, sys\nadd = atexit.register\nadd(print, "first registered")\n@add\ndef bad():\n    1 / 0\nadd(print, "last registered", file=sys.stderr)\n'
                  b'print("main")\n',
    'atexit_exit.py': b'import atexit, sys\natexit.register(print, "at the end")\nsys.exit(3)\n',
    'atexit_raise.py': b'import atexit\natexit.register(print, "at the end")\nraise ValueError("x")\n',
    'excepthook.py': b'import sys\nsys.excepthook = lambda t, v, tb: print("hook", t.__name__, v)\n1 / 0\n',
    'displayhook.py': b'import sys\nsys.stdout.write("out\\n")\nsys.stderr.write("err\\n")\nprint("to err", file=sys.stderr)\n',
    'sleeper.py': b'import time\nprint("ready", flush=True)\ntime.sleep(20)\n',
    'looper.py': b'print("ready", flush=True)\ndef f():\n    while True:\n        pass\nf()\n',
    'catches.py': b'print("ready", flush=True)\ntry:\n    while True:\n        pass\nexcept KeyboardInterrupt:\n    print("caught")\nfinally:\n    print("finally")\n',
    'aio.py': b'import asyncio\nasync def main():\n    print("ready", flush=True)\n    try:\n        await asyncio.sleep(20)\n    finally:\n        print("cleaned")\n'
              b'try:\n    asyncio.run(main())\nexcept KeyboardInterrupt:\n    print("caught")\n',
    'limit.py': b'import sys\nsys.tracebacklimit = int(sys.argv[1])\ndef f(n):\n    if n: f(n - 1)\n    raise ExceptionGroup("g", [ValueError(1)])\nf(6)\n',
    'reads.py': b'import sys\nprint(input("? "))\nprint(repr(sys.stdin.read()))\n',
    'lines.py': b'import sys\nfor line in sys.stdin:\n    print(repr(line))\n',
    'many.py': b'for i in range(100000):\n    print(i)\n',
    'warns.py': b'import warnings\nwarnings.warn("careful")\nprint("after")\n',
    'unraisable.py': b'class A:\n    def __del__(self):\n        1 / 0\na = A()\ndel a\nimport gc; gc.collect()\nprint("after")\n',
    'deep.py': b'def f(n):\n    return f(n + 1)\ntry:\n    f(0)\nexcept RecursionError as e:\n    print(e)\n',
    'trace_lib.py': b'import json\njson.loads("{")\n',
    'prompt.txt': b'1 + 1\n_\nimport sys\nawait asyncio.sleep(0.01, "x")\n_\nasync def f(n):\n    for i in range(n):\n        await asyncio.sleep(0)\n        yield i\n\n'
                  b'async for i in f(3):\n    print(i)\n\ni\n[x async for x in f(3)]\nasync def g():\n    return 5\n\nt = asyncio.create_task(g(), name="ours")\nawait t\nt\n'
                  b'asyncio.current_task(), asyncio.all_tasks()\nawait asyncio.sleep(0) or asyncio.current_task().get_coro().__name__\n1 / 0\nawait g(1)\nx y\n'
                  b'async with asyncio.TaskGroup() as group:\n    first, second = group.create_task(g()), group.create_task(g())\n\nfirst.result() + second.result()\n'
                  b'asyncio.run(g())\nasyncio.get_running_loop().is_running()\nraise KeyboardInterrupt\nasync def h(x: await asyncio.sleep(0, int)): pass\n\nh.__annotations__\n"end"\n',
    'data.json': '{"b": [1, 2.50, {}], "a": "\u00e9\\ud83d\\ude00", "c": []}\n'.encode(),
    'lines.json': b'1\n[2,3]\n\n{"a": 4}\n',
    'docs.py': b'def f(x):\n    """\n    >>> f(2)\n    4\n    >>> f(3)\n    7\n    >>> f(4)\n    9\n    """\n    return x + x\n',
    'docs.txt': b'>>> 1 + 1\n2\n>>> print("a b")\na ...\n',
    'tests/test_a.py': b'import unittest\nclass A(unittest.TestCase):\n    def test_ok(self): self.assertEqual(1, 1)\n    def test_bad(self): self.assertEqual(1, 2)\n'
                       b'    @unittest.skip("why")\n    def test_skip(self): pass\n',
    'tests/inner/__init__.py': b'',
    'tests/inner/test_b.py': b'import unittest\nclass B(unittest.TestCase):\n    def test_ok(self): pass\n',
}

# name: command. What stands after `#-` says what is not compared: err (stderr), out.
CASES = {
    # files
    'file': '$P hello.py',
    'file arguments': '$P args.py a -x --max-steps "b c" -- -',
    'file in a folder': '$P sub/args.py 1',
    'file by an absolute path': '$P "$PWD/sub/args.py"',
    'file by dots': '$P ./sub/../sub/args.py',
    'link to a file': 'ln -s sub/args.py link.py; $P link.py',
    'double dash': '$P -- args.py -c',
    'missing file': '$P nope.py',
    'missing file in a folder': '$P nope/nope.py',
    'file in a file': '$P hello.py/x.py',
    'unreadable name': '$P ""',
    'name too long': '$P $(printf %0300d 0)',
    'folder without main': 'mkdir empty; $P empty',
    'folder': '$P folder 1 2',
    'folder with a slash': '$P folder/ 1 2',
    'dot': 'cd folder; $P . x',
    'name not UTF-8': 'x="$(printf "h\\377.py")"; cp args.py "$x"; $P "$x" 2>&1 | head -1 | cut -c1-9; cp fails.py "$x"; $P "$x"',
    'folder not UTF-8': 'x="$(printf "h\\377")"; cp -r sub "$x"; echo "import beside; print(ascii(beside.__file__), ascii(__file__))" >"$x/x.py"; $P "$x/x.py" | cat -v; cp -r folder "$x/y"; $P "$x/y" | cat -v; cd "$x"; $P -m args | cat -v',
    'folder that is a package': '$P pkg',
    'empty file': '$P empty.py',
    'device': '$P /dev/null',
    'fifo': 'mkfifo pipe; (cat hello.py >pipe &); $P pipe',
    'shebang': '$P shebang.py',
    'traceback': '$P fails.py',
    'traceback of an import': '$P imports_fails.py',
    'traceback by a relative path': 'cd sub; $P ../fails.py',
    'syntax error': '$P syntax.py',
    'syntax error of an import': '$P imports_syntax.py',
    'tabs and blanks': '$P tabs.py',
    'invalid UTF-8': '$P bad_utf8.py',
    'invalid UTF-8 in a comment': '$P bad_utf8_comment.py',
    'latin-1': '$P latin1.py',
    'byte order mark': '$P bom.py',
    'CR LF': '$P crlf.py',
    'CR': '$P cr.py',
    'no newline at the end': '$P no_end.py',
    'recursion': '$P deep.py',
    # -c
    'code': '$P -c "print(1)"',
    'code joined': '$P -cprint\\(1\\)',
    'code arguments': '$P -c "import sys; print(sys.argv, sys.path[0] == str(), __name__)" a -x -- y',
    'code has no file': '$P -c "__file__"',
    'code missing': '$P -c',
    'code empty': '$P -c ""',
    'code fails': '$P -c "def f():\n    1/0\nf()"',
    'code syntax': '$P -c "x y"',
    'code indented': '$P -c "  print(1)"',
    'code imports beside': 'cd sub; $P -c "import beside"',
    'code unclosed': '$P -c "print((1,"',
    'code not UTF-8': "$P -c \"$(printf 'print(\"a\\377\")')\" #- out err",
    'code unicode': "$P -c \"print('Zoë', ascii('Zoë'))\"",
    'options together': '$P -Bsc "print(2)"',
    # -m
    'module': '$P -m hello',
    'module arguments': 'mv args.py runs.py; $P -m runs a -b | cut -d" " -f1-5',
    'module in a package': '$P -m pkg.runs',
    'package': '$P -m pkg x',
    'package joined': '$P -mpkg',
    'module fails': '$P -m pkg.fails #- err',
    'module missing': '$P -m nope',
    'module missing in a package': '$P -m pkg.nope',
    'module in what is no package': '$P -m hello.nope',
    'package without main': '$P -m bare',
    'package that fails': '$P -m broken.mod #- err',
    'module no name': '$P -m',
    'module odd names': 'for m in "" . ..x pkg. pkg/runs pkg..runs; do $P -m "$m"; echo $?; done',
    'module in C': 'for m in sys math; do $P -m $m; echo $?; done',
    'module with py': '$P -m hello.py',
    # modules of the library
    'asyncio prompt': '$P -m asyncio <prompt.txt #- err',
    'asyncio prompt exits': 'printf "exit(3)\n" | $P -m asyncio #- err',
    'asyncio prompt exits from a coroutine': 'printf "async def f():\n  exit(4)\n\nawait f()\n" | $P -m asyncio #- err',
    'json.tool': '$P -m json.tool data.json',
    'json.tool stdin': '$P -m json.tool --sort-keys --no-ensure-ascii --indent 2 <data.json',
    'json.tool tab': '$P -m json.tool --tab data.json out.json; cat out.json',
    'json.tool compact': '$P -m json.tool --compact data.json; $P -m json.tool --no-indent data.json',
    'json.tool lines': '$P -m json.tool --json-lines lines.json; echo $?',
    'json.tool fails': 'echo "{1" | $P -m json.tool; echo $?; $P -m json.tool nope.json; echo $?; $P -m json.tool --indent x data.json',
    'json.tool for numbers': 'echo "[NaN, 1e999, 12345678901234567890]" | $P -m json.tool --compact',
    'calendar': '$P -m calendar 2024; $P -m calendar 2024 2; $P -m calendar -w 3 -l 2 2024 2; $P -m calendar -m 4 -s 2 2024 | head -9',
    'calendar html': '$P -m calendar -t html -c foo.css -e latin-1 2024',
    'calendar fails': '$P -m calendar -t html 2024 2; $P -m calendar -L xx 2024; $P -m calendar abc; $P -m calendar -f 2',
    'base64': '$P -m base64 data.json >encoded; cat encoded; $P -m base64 -d encoded; echo aGVsbG8= | $P -m base64 -u -; $P -m base64 -t; printf hello | $P -m base64 -e',
    'base64 fails': '$P -m base64 -x >/dev/null 2>&1; echo $?; $P -m base64 nope 2>&1 | tail -1',
    'timeit': '$P -W ignore -m timeit -n 5 -r 2 -u sec -s "x = 1" "if x:" "    pass" | sed "s/: .*e-.* sec/: N/"; $P -W ignore -m timeit -v -n 3 pass | sed "s/[0-9.]* [nu]sec/N/g"',
    'timeit fails': '$P -m timeit -z; echo $?; $P -m timeit -u foo pass; echo $?; $P -m timeit 1/0 2>&1 | tail -1; $P -m timeit -n x 2>&1 | tail -1',
    'doctest': '$P -m doctest docs.py; echo $?; $P -m doctest -f docs.py docs.txt; echo $?; $P -m doctest -v -o ELLIPSIS docs.txt; echo $?; $P -m doctest docs.txt; $P -m doctest; $P -m doctest -o X docs.txt',
    'tokenize': 'printf "if x:\n  y = (1,\n2)  # c\n" >t.py; $P -m tokenize t.py; $P -m tokenize -e <t.py; printf "(\n" | $P -m tokenize; echo $?; printf "if 1:\n  a\n b\n" | $P -m tokenize; $P -m tokenize nope.py; $P -m tokenize unknown_coding.py; $P -m tokenize bad_utf8_comment.py',
    'code': 'printf "x = 5\nif x:\n  x\n\n1/0\n" | $P -m code -q; printf "2\n" | $P -m code 2>&1 | tail -3; printf "import sys; sys.exit(4)\n" | $P -m code -q; echo $?',
    'unittest': 'cd tests; $P -m unittest 2>&1 | sed "s/in [0-9.]*s/in N/"; $P -m unittest -q inner/test_b.py test_a.A.test_ok 2>&1 | sed "s/in [0-9.]*s/in N/"',
    'unittest discover': '$P -m unittest discover -v tests 2>&1 | sed "s/in [0-9.]*s/in N/"; $P -m unittest discover -s tests/inner -t tests -p "*_b.py" -k ok 2>&1 | sed "s/in [0-9.]*s/in N/"',
    'module without a program': '$P -m string; echo $?',
    'package without a program': '$P -m json',
    'module missing in the library': '$P -m json.nope',
    # stdin
    'stdin': 'echo "print(3)" | $P',
    'stdin dash': 'echo "import sys; print(sys.argv, sys.path[0] == str(), __name__)" | $P - a b',
    'stdin fails': 'printf "def f():\n    1/0\nf()\n" | $P',
    'stdin syntax': 'printf "x y\n" | $P',
    'stdin empty': '$P </dev/null',
    'stdin closed': '$P hello.py <&-',
    'stdin blocks without blank lines': 'printf "if 1:\n    print(1)\nprint(2)\n" | $P',
    'stdin interactive CR LF': 'printf "1\\r\\nif 1:\\r\\n  2\\r\\n\\r\\n3\\r\\n" | $P -i -q',
    'stdin interactive future': 'printf "from __future__ import annotations\ndef f(x: nothing_such): pass\n\nf.__annotations__\n" | $P -i -q',
    'stdin not UTF-8': 'printf "a\\377b\\n" | $P -c "x = input(); print(ascii(x)); print(x)" | cat -v; printf "a\\377b\\n" | LC_ALL=C $P -c "print(input())" | cat -v',
    'stdin for the script': 'printf "one\ntwo\nthree" | $P reads.py',
    'stdin lines': 'printf "one\r\ntwo\n\nthree" | $P lines.py',
    'stdin at its end': '$P reads.py </dev/null',
    'stdin interactive': 'printf "1+1\nx = 5\nx\n" | $P -i -q',
    'stdin interactive fails': 'printf "1/0\n2\n" | $P -i -q',
    # -i
    'inspect': 'printf "x\n" | $P -q -i -c "x = 5"',
    'inspect a file': 'printf "print(__name__, __file__)\n" | $P -q -i hello.py',
    'inspect after an error': 'printf "3\n" | $P -q -i fails.py',
    'inspect after exit': 'printf "4\n" | $P -q -i bye.py',
    'inspect and exit': 'printf "import sys\nsys.exit(7)\n" | $P -q -i -c "x = 5"',
    'inspect a missing file': 'printf "3\n" | $P -q -i nope.py',
    'inspect by the environment': 'printf "5\n" | PYTHONINSPECT=1 $P -q -c "pass"',
    # options that change nothing here, or little
    'option u': '$P -u hello.py',
    'option E': '$P -E hello.py',
    'option I': '$P -I hello.py',
    'option I path': '$P -I -c "import hello" #- err',
    'option I script path': 'cd sub; $P -I -c "import beside" #- err',
    'option P': '$P -P -c "import hello" #- err',
    'option s': '$P -s hello.py',
    'option B': '$P -B hello.py',
    'option S': '$P -S hello.py',
    'option O': '$P -O -c "assert False; print(__debug__)"',
    'option OO': '$P -OO -c "def f():\n    \'doc\'\nprint(f.__doc__, __debug__)\nassert 0"',
    'option d': '$P -d hello.py #- err',
    'option b': '$P -b hello.py',
    'option v': '$P -v hello.py #- err',
    'option x': 'printf "garbage here\nprint(5)\n" >x.py; $P -x x.py',
    'option X': '$P -X dev hello.py',
    'option X dev': '$P -X dev -W once -c "import sys, asyncio, warnings; print(sys.flags.dev_mode, sys.warnoptions); loop = asyncio.new_event_loop(); print(loop.get_debug()); loop.close(); '
                    'warnings.warn(\\"x\\", DeprecationWarning)"',
    'option X joined': '$P -Xutf8 hello.py',
    'option X missing': '$P -X',
    'option W': '$P -W ignore warns.py',
    'option W joined': '$P -Werror warns.py',
    'option W missing': '$P -W',
    'no option W': '$P warns.py',
    'option R': '$P -R hello.py',
    'check hash based pycs': '$P --check-hash-based-pycs never hello.py',
    'option unknown': '$P -Z 2>&1 | head -1; exit',
    'option unknown status': '$P -Z #- err',
    'long option unknown status': '$P --zebra #- err',
    'long option unknown': '$P --zebra 2>&1 | head -1',
    'flags': '$P -O -B -s -c "import sys; f = sys.flags; print(f.optimize, f.dont_write_bytecode, f.no_user_site, f.interactive, f.isolated, f.quiet, f.inspect)"',
    'version': '$P -V >/dev/null',
    'version by the long name': '$P --version >/dev/null',
    'help': '$P -h | head -1 | cut -d: -f1',
    'orig argv': '$P -B -c "import sys; print(sys.orig_argv[1:])" x',
    # ends
    'exit 0': '$P exits.py 0',
    'exit 3': '$P exits.py 3',
    'exit 256': '$P exits.py 256',
    'exit 300': '$P exits.py 300',
    'exit -1': '$P exits.py -1',
    'exit huge': '$P exits.py 99999999999999999999',
    'exit text': '$P bye.py',
    'exit None': '$P -c "raise SystemExit"',
    'exit tuple': '$P -c "import sys; sys.exit((1, 2))"',
    'exit bool': '$P -c "import sys; sys.exit(True)"',
    'exit float': '$P -c "import sys; sys.exit(2.5)"',
    'abort': '$P -c "import os; print(1); os.abort()"; echo $? #- err',
    'atexit exits': '$P -c "import atexit\n@atexit.register\ndef f(): raise SystemExit(4)\n@atexit.register\ndef g(): 1/0\nimport sys\nsys.excepthook = lambda *a: print(5)"; echo $?',
    'atexit and the hook': '$P -c "import atexit, sys\n@atexit.register\ndef g(): 1/0\nsys.unraisablehook = lambda u: print(u.err_msg, u.exc_type, u.object is g)"',
    'traceback limit': '$P limit.py 2; $P limit.py 0; $P limit.py -1; $P limit.py 1000000000000000000000000',
    'exit function': '$P -c "exit(4)"',
    'quit function': '$P -c "quit()"',
    'exit in a nested call': '$P -c "def f():\n    raise SystemExit(9)\nlist(map(lambda x: f(), [1]))"',
    'exit unprintable': '$P -c "class A:\n    def __str__(self): raise ValueError\nraise SystemExit(A())"',
    'KeyboardInterrupt raised': '$P -c "raise KeyboardInterrupt" #-',
    'atexit': '$P atexit_.py',
    'atexit after exit': '$P atexit_exit.py',
    'atexit after an error': '$P atexit_raise.py',
    'excepthook': '$P excepthook.py',
    'streams': '$P displayhook.py',
    'unraisable': '$P unraisable.py',
    'group': '$P -c "raise ExceptionGroup(\'g\', [ValueError(1), TypeError(2)])"',
    'traceback in the library': '$P trace_lib.py 2>&1 | tail -1',
    # signals and broken streams
    'closed pipe': '$P many.py | head -2',
    'closed pipe status': '{ $P many.py; echo $? >status; } | head -1 >/dev/null; cat status',
    'closed stdout': '$P hello.py >&-',
    'closed stdout status': '$P -c "import sys; print(sys.stdout)" >&-; echo $?',
    'closed stderr': '$P fails.py 2>&-',
    'full device': '$P hello.py >/dev/full',
    'full device errors': 'for c in 1/0 "import sys; sys.exit(str())" "import sys; print(1, file=sys.stderr)"; do $P -c "$c" 2>/dev/full; echo $?; done',
    'closed pipe without a buffer': '{ $P -u many.py; echo $? >status; } | head -1 >/dev/null; cat status',
    'stderr of the script': '$P -c "import sys; sys.stderr = open(\\"log\\", \\"w\\"); print(1, file=sys.stderr); 1/0"; echo $?; cat log',
    'stderr None': '$P -c "import sys; sys.stderr = None; 1/0"; echo $?',
    'stderr in memory': '$P -c "import sys, io, atexit; sys.stderr = io.StringIO(); atexit.register(lambda: print(sys.stderr.getvalue())); raise SystemExit(\\"bye\\")"; echo $?',
    'surrogates to stderr': '$P -c "raise Exception(chr(0xdc80) + chr(0xe9))"',
    'streams and encodings': '$P -c "import sys; print(*[(s.encoding, s.errors, s.isatty()) for s in (sys.stdin, sys.stdout, sys.stderr)])"',
    'streams of C': 'LC_ALL= LC_CTYPE=C LANG=x $P -c "import sys; print(*[(s.encoding, s.errors, s.isatty()) for s in (sys.stdin, sys.stdout, sys.stderr)])"',
    'stream without a buffer': '$P -u -c "import sys; print(sys.stdout.write_through, sys.stderr.write_through)"',
    'full device flush': '$P -c "print(1, flush=True)" >/dev/full',
    'Ctrl-C in sleep': 'interrupt $P sleeper.py',
    'Ctrl-C in a loop': 'interrupt $P looper.py',
    'Ctrl-C caught': 'interrupt $P catches.py',
    'Ctrl-C in asyncio': 'interrupt $P aio.py #- err',
    'SIGTERM': 'signal=TERM; interrupt $P looper.py',
    # environment
    'utf8 output under LC_ALL=C': 'LC_ALL=C $P -c "print(chr(233))"',
    'surrogate argument': "$P args.py \"$(printf 'a\\377')\" 2>&1 | cut -c1-30",
    'unicode argument': '$P args.py Zoë | cut -c1-30',
}

# What python3 does not have, or does otherwise on purpose: exit status, stdout, stderr
OWN = {
    'memory limit': ('$P --max-memory 4M -c "x = []\nwhile True: x.append([0] * 1000)" 2>&1 | tail -2; exit ${PIPESTATUS[0]}', 1, 'MemoryError\ntiny: memory limit of 4M exceeded\n', ''),
    'memory limit joined': ('$P --max-memory=4096K -c "bytearray(1 << 30)" 2>&1 | tail -1', 0, 'tiny: memory limit of 4096K exceeded\n', ''),
    'memory limit caught': ('$P --max-memory 4M -c "try:\n    bytearray(1 << 30)\nexcept MemoryError:\n    print(1)"', 0, '1\n', ''),
    'step limit': ('$P --max-steps 10000 -c "import atexit\natexit.register(print, 3)\ntry:\n    while True: pass\nexcept BaseException: print(1)\nfinally: print(2)"', 1, '',
                   'tiny: step limit of 10000 exceeded\n'),
    'step limit not reached': ('$P --max-steps=10000 hello.py', 0, 'hello\n', ''),
    'step limit in asyncio': ('$P --max-steps 100000 -c "import asyncio\nasync def main():\n    try:\n        while True: await asyncio.sleep(0)\n    finally: print(1)\nasyncio.run(main())"', 1, '',
                              'tiny: step limit of 100000 exceeded\n'),
    'step limit in a builtin': ('$P --max-steps 100000 -c "sum(range(10**12))"', 1, '', 'tiny: step limit of 100000 exceeded\n'),
    'step limit and -i': ('echo "print(1)" | $P -q -i --max-steps 10000 -c "while True: pass"', 1, '', 'tiny: step limit of 10000 exceeded\n'),
    'bad size': ('$P --max-memory lots -c "print(1)" 2>&1 | sed -n 1p; exit ${PIPESTATUS[0]}', 2, 'not a size in bytes: lots\n', ''),
    'bad number': ('$P --max-steps -5 -c "print(1)" 2>&1 | sed -n 1p; exit ${PIPESTATUS[0]}', 2, 'not a number of steps: -5\n', ''),
    'limit missing': ('$P --max-steps 2>&1 | sed -n 1p; exit ${PIPESTATUS[0]}', 2, 'Argument expected for the --max-steps\n', ''),
    'executable': ('cd sub; $P -c "import sys; print(sys.executable)"; cd $(dirname $P); PATH=$PWD:$PATH; $(basename $P) -c "import sys; print(sys.executable)"; ./$(basename $P) -c "import sys, os; print(os.path.isabs(sys.executable))"', 0, 'PROG\nPROG\nTrue\n', ''),
    'environment': ('export TINYUNBUFFERED=1 TINYOPTIMIZE=2 TINYSAFEPATH=x; for o in "" -E -O; do TINYWARNINGS=ignore,error::FutureWarning TINYDEVMODE=1 $P $o -W once -c "import sys; f = sys.flags; '
                    'print(sys.stdout.write_through, f.optimize, f.safe_path, f.dev_mode, sys.warnoptions)"; done; echo "x + 1" | TINYINSPECT=1 $P -q -c "x = 5" 2>/dev/null', 0,
                    "True 2 True True ['default', 'ignore', 'error::FutureWarning', 'once']\nFalse 0 False False ['once']\nTrue 2 True True ['default', 'ignore', 'error::FutureWarning', 'once']\n6\n", ''),
    'TINYHASHSEED': ('for s in 0 5 4294967295; do for i in 1 2; do TINYHASHSEED=$s $P -c "import sys; print(set(map(str, range(50))), hash(str()), sys.flags.hash_randomization)" >$i; done; cmp 1 2 && cut -d" " -f52 1; done; '
                     'TINYHASHSEED=random $P -c "print(1)"; TINYHASHSEED=-1 $P -c "print(1)"; echo $?; TINYHASHSEED=4294967296 $P -E -c "print(2)"', 0, '0\n1\n1\n1\n1\n2\n',
                     'PROG: TINYHASHSEED must be "random" or an integer in range [0; 4294967295]\n'),
    'no script': ('printf "x = 1\\n\\0" >data; $P data', 1, '', 'SyntaxError: source code cannot contain null bytes: file DIR/data, line 2\n'),
    'TINYPATH': ('mv sub/beside.py folder/; TINYPATH=nowhere:folder $P -c "import beside, sys; print(sys.path)"', 0, "beside beside DIR/folder/beside.py ''\n['', 'nowhere', 'folder']\n", ''),
    'TINYPATH ignored': ('mv sub/beside.py folder/; TINYPATH=folder $P -E -c "import beside" 2>&1 | tail -1', 0, "ModuleNotFoundError: No module named 'beside'\n", ''),
    'sys.path': ('$P -c "import sys; sys.path.insert(0, \'sub\'); import beside"', 0, "beside beside DIR/sub/beside.py ''\n", ''),
    'tiny before py': ('echo "print(1)" >two.py; echo "print(2)" >two.tiny; $P -c "import two"', 0, '2\n', ''),
    'streams in order': ('$P -c "import sys; print(1); print(2, file=sys.stderr); print(3); sys.exit(\'end\')" 2>&1', 1, '1\n2\n3\nend\n', ''),
    'option u': ('$P -u -c "print(1); import time; time.sleep(9)" >out & sleep 0.7; cat out; kill %1; wait 2>/dev/null', 0, '1\n', ''),
    'stdout kept from a file': ('$P -c "f = open(\'x.txt\', \'w\'); print(5); f.write(\'text\'); f.close()" >&-; cat x.txt', 0, 'text', ''),
    'version': ('$P -V', 0, 'tiny VERSION (Python 3.11)\n', ''),
    'help': ('$P -h | grep -c max-', 0, '2\n', ''),
    'asyncio prompt': ('printf "async def f():\n  1/0\n\nawait f()\nasyncio.create_task(f()) and None\nawait asyncio.get_running_loop().create_future()\nif 1:\n  (" | $P -q -m asyncio >/dev/null', 0, '',
                       'Traceback (most recent call last):\n  File "<console>", line 1, in <module>\n  File "<console>", line 2, in f\nZeroDivisionError: division by zero\n'
                       "Task exception was never retrieved\nfuture: <Task finished name='Task-2' coro=<f() done, defined at <console>:1> exception=ZeroDivisionError('division by zero')>\n"
                       'Traceback (most recent call last):\n  File "<console>", line 2, in f\nZeroDivisionError: division by zero\n'
                       'asyncio.DeadlockError: deadlock: nothing that can still happen would wake any task\n  Task-3  <module>()  at <console>:1 in <module>: waits for <Future pending cb=[Task.task_wakeup()]>\n'
                       '\n  File "<console>", line 2\n    (\n    ^\nSyntaxError: \'(\' was never closed\n\nexiting asyncio REPL...\n'),
    'asyncio prompt and contexts': ('printf "import contextvars; v = contextvars.ContextVar(\\"v\\"); v.set(3) and None\nv.get()\nasync def f(): return v.get()\n\nawait f()\nawait asyncio.create_task(f())\n'
                                    'asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)\nawait f()\n" | $P -q -m asyncio 2>&1', 0,
                                    '>>> >>> 3\n>>> ... >>> 3\n>>> 3\n>>> >>> 3\n>>> \nexiting asyncio REPL...\n', ''),
    'asyncio prompt and a module in the way': ('echo "print(5)" >asyncio.py; $P -m asyncio', 0, '5\n', ''),
    'step limit at the asyncio prompt': ('printf "while True: await asyncio.sleep(0)\n\n1\n" | $P -q --max-steps 1000000 -m asyncio', 1, '>>> ... ', 'tiny: step limit of 1000000 exceeded\n'),
    'step limit at the prompt': ('printf "while True: pass\n\n1\n" | $P -q -i --max-steps 10000 2>&1', 1, '>>> ... tiny: step limit of 10000 exceeded\n', ''),
    'TINYSTARTUP': ('echo "x = 5; print(x)" >start.py; echo "x + 1" | TINYSTARTUP=start.py $P -q -i 2>&1; echo; echo "await asyncio.sleep(0, x)" | TINYSTARTUP=start.py $P -q -m asyncio 2>&1; echo; '
                    'echo 1 | TINYSTARTUP=start.py $P -q -i -c 2 2>&1; echo 1 | TINYSTARTUP=nope.py $P -q -i 2>&1; echo 1 | TINYSTARTUP=start.py $P -E -q -i 2>&1', 0,
                    "5\n>>> 6\n>>> \n\n5\n>>> 5\n>>> \nexiting asyncio REPL...\n\n>>> 1\n>>> \nPROG: can't open file 'nope.py' that TINYSTARTUP names: [Errno 2] No such file or directory\n"
                    '>>> 1\n>>> \n>>> 1\n>>> \n', ''),
}

# `interrupt CMD`: runs it, waits for its word, sends SIGINT (an interactive shell does so at Ctrl-C) and shows the status a shell sees
PRELUDE = r'''
interrupt() {
  : >out.txt; "$@" >out.txt & pid=$!
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do grep -q ready out.txt && break; sleep 0.1; done
  sleep 0.1; kill -${signal:-INT} $pid; wait $pid; status=$?; cat out.txt; echo "status $status"
}
'''


def run(program, command):
    command, _, without = command.partition('#-')
    with tempfile.TemporaryDirectory() as folder:
        folder = os.path.realpath(folder)
        for name, data in FILES.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'wb') as f:
                f.write(data)
        env = {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'HOME': folder, 'PYTHONDONTWRITEBYTECODE': '1', 'P': program, 'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '')}
        # SIGINT has to be at its default: a job in the background of a shell without job control ignores it
        p = subprocess.run(['bash', '-c', 'set -m\n' + PRELUDE + command], cwd=folder, env=env, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)

        def clean(data):
            text = data.decode('utf-8', 'backslashreplace').replace(program, 'PROG').replace("`tiny -h'", "`python -h'").replace(folder, 'DIR')
            # frames of the library: what is C in one is Python in the other
            return ADDRESS.sub('0xADDRESS', re.sub(r'(?m)^  File "<frozen .*\n', '', text))
        words = without.split()
        return [p.returncode, '' if 'out' in words else clean(p.stdout), '' if 'err' in words else clean(p.stderr)]


def show(result):
    return ('exit status %s\n--stdout\n%s--stderr\n%s' % tuple(result)).splitlines()


def main(argv):
    tiny, names, again = 'build/tiny', [], '--record' in argv
    it = iter(argv)
    for a in it:
        if a == '--tiny':
            tiny = next(it)
        elif a != '--record':
            names.append(a)
    program = PYTHON if again else os.path.abspath(tiny)
    chosen = [n for n in CASES if not names or any(part in n for part in names)]
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        results = dict(zip(chosen, pool.map(lambda n: run(program, CASES[n]), chosen)))
    record = {}
    if os.path.exists(RECORD):
        with open(RECORD, encoding='utf-8') as f:
            record = json.load(f)
    if again:
        record = {n: results.get(n) or record.get(n) for n in CASES}
        with open(RECORD, 'w', encoding='utf-8') as f:
            f.write('{\n%s\n}\n' % ',\n'.join('%s: %s' % (json.dumps(n), json.dumps(r, ensure_ascii=False)) for n, r in record.items() if r))
        return 0
    version = subprocess.run([program, '-c', 'import sys; print(sys.version.split()[2].rstrip(")"))'], capture_output=True, text=True).stdout.strip()
    own = [n for n in OWN if not names or any(part in n for part in names)]
    for n in own:
        CASES[n + ' (tiny)'], record[n + ' (tiny)'] = OWN[n][0], [OWN[n][1], OWN[n][2].replace('VERSION', version), OWN[n][3]]
        results[n + ' (tiny)'] = run(program, OWN[n][0])
    failed = 0
    for name, got in results.items():
        want = record.get(name)
        if want != got:
            failed += 1
            print('FAIL command line: %s: %s' % (name, CASES[name]))
            print('\n'.join(list(difflib.unified_diff(show(want) if want else ['no record'], show(got), 'python3', 'tiny', lineterm=''))[:25]) + '\n')
    print('%d command lines, %d failed' % (len(results), failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
