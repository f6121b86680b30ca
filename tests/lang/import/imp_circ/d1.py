import imp_circ.d2
v = imp_circ.d2.w
