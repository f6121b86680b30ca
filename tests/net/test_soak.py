#!/usr/bin/env python3
"""The quick form of `make soak`: some hundred connections for two seconds.

    test_soak.py [--tiny PATH]
"""
import os
import subprocess
import sys

from serving import ROOT, main

FEW = '--idle', '200', '--active', '50', '--seconds', '2', '--churn', '140', '--keeps', '1000'


def test_echo_server(tiny, folder):
    env = dict(os.environ, ASAN_OPTIONS=os.environ.get('ASAN_OPTIONS', '') + ':quarantine_size_mb=1')  # what that keeps would be growth
    p = subprocess.run([sys.executable, os.path.join(ROOT, 'scripts', 'dev', 'soak.py'), '--tiny', tiny, *FEW], stdout=subprocess.PIPE, timeout=600, env=env)
    assert p.returncode == 0, '\n' + p.stdout.decode()


if __name__ == '__main__':
    main('soak', [test_echo_server])
