print("init b")
from . import a as aa
from .sub import c
from .sub.c import cv
from .. import nothing
