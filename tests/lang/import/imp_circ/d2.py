import imp_circ.d1
w = imp_circ.d1.v
