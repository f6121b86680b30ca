import imp_c2
x = 1
