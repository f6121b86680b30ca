print("init a", __name__, __package__)
av = 5
_hidden = 2
def f(): return __name__
