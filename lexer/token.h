/* The kinds of tokens as one table (name, spelling), and the token itself: a span of the source. */
#ifndef TINY_LEXER_TOKEN_H
#define TINY_LEXER_TOKEN_H
#include "vm/base/mem.h"

#define TOKENS(X)                                                                                                                                    \
  X(END, "end of input") X(NEWLINE, "newline") X(INDENT, "indent") X(DEDENT, "dedent") X(NAME, "name") X(NUMBER, "number") X(STRING, "string")       \
  X(ERROR, "error") /* the lexer stopped here; see Lexer.error */                                                                                    \
  X(JUNK, "?") /* a character that starts no token: $ ? ! ` and <>. Never accepted by a rule */                                                      \
  /* brackets: an opening kind + 1 is its closing kind */                                                                                            \
  X(LPAR, "(") X(RPAR, ")") X(LSQB, "[") X(RSQB, "]") X(LBRACE, "{") X(RBRACE, "}")                                                                  \
  X(COLON, ":") X(COMMA, ",") X(SEMI, ";") X(DOT, ".") X(ELLIPSIS, "...") X(EQUAL, "=") X(COLONEQUAL, ":=") X(ARROW, "->")                           \
  /* binary operators, in the order of BinaryOp */                                                                                                   \
  X(PLUS, "+") X(MINUS, "-") X(STAR, "*") X(SLASH, "/") X(DOUBLESLASH, "//") X(PERCENT, "%") X(DOUBLESTAR, "**") X(AT, "@") X(AMPER, "&")            \
  X(VBAR, "|") X(CIRCUMFLEX, "^") X(LEFTSHIFT, "<<") X(RIGHTSHIFT, ">>") X(TILDE, "~")                                                               \
  /* augmented assignments, in the same order */                                                                                                     \
  X(PLUSEQUAL, "+=") X(MINEQUAL, "-=") X(STAREQUAL, "*=") X(SLASHEQUAL, "/=") X(DOUBLESLASHEQUAL, "//=") X(PERCENTEQUAL, "%=")                       \
  X(DOUBLESTAREQUAL, "**=") X(ATEQUAL, "@=") X(AMPEREQUAL, "&=") X(VBAREQUAL, "|=") X(CIRCUMFLEXEQUAL, "^=") X(LEFTSHIFTEQUAL, "<<=")                \
  X(RIGHTSHIFTEQUAL, ">>=")                                                                                                                          \
  /* comparisons, in the order of CompareOp */                                                                                                       \
  X(LESS, "<") X(LESSEQUAL, "<=") X(EQEQUAL, "==") X(NOTEQUAL, "!=") X(GREATER, ">") X(GREATEREQUAL, ">=")                                           \
  /* keywords */                                                                                                                                     \
  X(FALSE, "False") X(NONE, "None") X(TRUE, "True") X(AND, "and") X(AS, "as") X(ASSERT, "assert") X(ASYNC, "async") X(AWAIT, "await")                \
  X(BREAK, "break") X(CLASS, "class") X(CONTINUE, "continue") X(DEF, "def") X(DEL, "del") X(ELIF, "elif") X(ELSE, "else") X(EXCEPT, "except")        \
  X(FINALLY, "finally") X(FOR, "for") X(FROM, "from") X(GLOBAL, "global") X(IF, "if") X(IMPORT, "import") X(IN, "in") X(IS, "is")                    \
  X(LAMBDA, "lambda") X(NONLOCAL, "nonlocal") X(NOT, "not") X(OR, "or") X(PASS, "pass") X(RAISE, "raise") X(RETURN, "return") X(TRY, "try")          \
  X(WHILE, "while") X(WITH, "with") X(YIELD, "yield")

typedef enum TokenKind {
#define X(name, text) T_##name,
  TOKENS(X)
#undef X
  T_COUNT
} TokenKind;
extern const char *const token_texts[T_COUNT];

typedef struct Token {
  uint8_t kind;        /* TokenKind */
  uint8_t level;       /* brackets open around it (an opening bracket counts itself, a closing one does not) */
  uint32_t start, end; /* byte offsets into the source; INDENT, DEDENT and END are empty */
  int line, end_line;  /* from 1 */
} Token;

typedef struct TokenVec {
  Mem *mem;
  Token *items;
  size_t n, cap;
} TokenVec;
#endif
