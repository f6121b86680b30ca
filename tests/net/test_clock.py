#!/usr/bin/env python3
"""A loop whose process is held up between setting a timer and waiting for it: it does not wait for ever.

    test_clock.py [--tiny PATH] [NAMES...]
"""
import os
import subprocess

from serving import HERE, main, run

SLEEPS = '''
import asyncio, os
async def main():
    r, w = os.pipe()
    asyncio.get_running_loop().add_reader(r, print)  # something outside to wait for
    for i in range(60):
        await asyncio.sleep(i * 0.0005)
    print("awake")
asyncio.run(main())
'''


def test_late(tiny, folder):
    shim = os.path.join(folder, 'late_clock.so')
    subprocess.run([os.environ.get('CC', 'cc'), '-shared', '-fPIC', '-o', shim, os.path.join(HERE, 'late_clock.c')], check=True)
    env = dict(os.environ, LD_PRELOAD=shim, ASAN_OPTIONS='verify_asan_link_order=0:detect_leaks=0')
    assert run(tiny, '-c', SLEEPS, env=env) == b'awake\n'


if __name__ == '__main__':
    main('clock', [test_late])
