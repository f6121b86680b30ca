import imp_c3
imp_c3.y
