/* Shared by scope.c (tables, resolution) and scope_visit.c (the walk over the tree). */
#ifndef TINY_PARSER_SCOPE_INT_H
#define TINY_PARSER_SCOPE_INT_H
#include "parser/scope.h"

/* Makes the scopes of the tree and notes every binding and use; errors go to ss->err. */
void scope_visit_tree(Scopes *ss, const Node *tree);
#endif
