print("init c", __package__)
from ..a import f
from ... import toofar
cv = 1
