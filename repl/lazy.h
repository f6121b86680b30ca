/* Libraries that are opened when they are first used (see scripts/dev/lazy_libs.py): most programs need none of them, and opening all takes a third of the start. */
#ifndef TINY_REPL_LAZY_H
#define TINY_REPL_LAZY_H
#if TINY_LAZY
/* A variable of one of them, found by its name; ends the process when there is none. */
void *lazy_data(const char *library, const char *name);
#endif
#endif
