"""Module doc

>>> 1 + 1
2
>>> x
Traceback (most recent call last):
NameError: name 'x' is not defined
"""
import functools
from collections import OrderedDict

def deco(f):
    @functools.wraps(f)
    def w(*a): return f(*a)
    return w

class A(object):
    """A doc
    >>> A().m(3)
    4
    >>> A().m("a")   #doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    TypeError: whatever
    """
    def m(self, x):
        '''
        >>> A().m(1)
        3
        >>> A().m(2)
        5
        '''
        return x + 1
    @property
    def p(self):
        """
        >>> A().p
        [1,
         2]
        """
        return [1, 2]
    @classmethod
    def c(cls):
        """>>> A.c()
        'c'"""
        return 'd'
    @staticmethod
    def s():
        r"""
        >>> print('a\n\nb')
        a
        <BLANKLINE>
        b
        >>> for i in range(3):
        ...     print(i)
        0
        2
        """
    class Inner:
        """
        >>> 1/0
        """

@deco
def wrapped():
    """
    >>> wrapped()
    1
    >>> raise KeyError('a')
    Traceback (most recent call last):
      ...
    KeyError: 'a'
    >>> raise KeyError('a')
    Traceback (most recent call last):
      ...
    KeyError: 'b'
    >>> def f(): g()
    >>> def g(): raise ValueError('multi\\nline')
    >>> f()
    Traceback (most recent call last):
    ValueError: multi
    line
    >>> f()
    3
    """
    return 1

def nodoc(): pass
def options():
    """
    >>> print(list(range(20))) # doctest: +ELLIPSIS
    [0, 1, ..., 18, 19]
    >>> print(list(range(20))) # doctest: +NORMALIZE_WHITESPACE
    [0, 1, 2, 3, 4,  5, 6, 7, 8, 9, 10,
    11, 12, 13, 14, 15, 16, 17, 18, 19]
    >>> 1 # doctest: +SKIP
    2
    >>> print('a\\nb\\nc\\nd') # doctest: +REPORT_NDIFF
    a
    b
    x
    d
    >>> print('a\\nb\\nc\\nd') # doctest: +REPORT_UDIFF
    a
    b
    x
    d
    >>> print('a\\nb\\nc\\nd') # doctest: +REPORT_CDIFF
    a
    b
    x
    d
    >>> True
    1
    >>> _
    True
    >>> x = )
    Traceback (most recent call last):
    SyntaxError: unmatched ')'
    >>> x = )
    """
__test__ = {'extra': '>>> 2\n2\n>>> 3\n4\n', 'fn': nodoc, 'empty': ''}
