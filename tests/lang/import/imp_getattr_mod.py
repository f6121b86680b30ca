def __getattr__(name):
    if name == "magic": return 42
    raise AttributeError(f"no {name}")
def __dir__(): return ["z", "y"]
