import imp_c4
y = 1
