/* Numbers of the operators, shared by syntax tree, instructions and types. BinaryOp is in the order of tiny_binary_op. */
#ifndef TINY_BASE_OPERATORS_H
#define TINY_BASE_OPERATORS_H
typedef enum { BIN_ADD, BIN_SUB, BIN_MUL, BIN_TRUEDIV, BIN_FLOORDIV, BIN_MOD, BIN_POW, BIN_MATMUL, BIN_AND, BIN_OR, BIN_XOR, BIN_LSHIFT, BIN_RSHIFT, BIN_COUNT } BinaryOp;
typedef enum { UN_NEG, UN_POS, UN_INVERT, UN_NOT, UN_COUNT } UnaryOpKind;
typedef enum { CMP_LT, CMP_LE, CMP_EQ, CMP_NE, CMP_GT, CMP_GE, CMP_IS, CMP_IS_NOT, CMP_IN, CMP_NOT_IN } CompareOp;
#endif
