print("init pkg", __name__, __package__, __path__ is not None)
from . import a
from .a import av
__all__ = ["a", "b", "x"]
x = 1
