from ..a import f, nosuch
