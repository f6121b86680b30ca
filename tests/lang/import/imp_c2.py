from imp_c1 import x
