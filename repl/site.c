/* Names that python3's site module gives the prompt: exit, quit, help, copyright, credits, license. They say what to do when only their name is typed. */
#include <string.h>
#include "repl/program.h"

typedef struct Notice {
  const char *shown;    /* its repr() */
  const char *text;     /* printed by a call; NULL: see `call` */
  tiny_val call;        /* what a call calls, or None */
} Notice;

static const tiny_class notice_class;

static const char license_text[] =
    "MIT License\n\n"
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the \"Software\"), to deal\n"
    "in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell\n"
    "copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:\n\n"
    "The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.\n\n"
    "THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS\n"
    "FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER\n"
    "IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.\n";
static const char copyright_text[] = "Copyright (c) 2026 the tiny authors.";
static const char credits_text[] =
    "    The language is Python, by Guido van Rossum and many others; see www.python.org.\n"
    "    Big integers: LibTomMath. Unicode: utf8proc. Event loop: libuv. Prompt: GNU readline.";

static tiny_val notice_repr(tiny_vm *vm, tiny_args *a) {
  Notice *n = tiny_arg_native(a, 0, &notice_class);
  return tiny_string(vm, n->shown ? n->shown : "");
}

static tiny_val notice_call(tiny_vm *vm, tiny_args *a) {
  Notice *n = tiny_arg_native(a, 0, &notice_class);
  tiny_val args[8], given = tiny_arg(a, 1);
  if (n->text) {
    bool ok = tiny_write(vm, 1, n->text, strlen(n->text)) && tiny_write(vm, 1, "\n", 1);
    return ok ? TINY_NONE : tiny_raise(vm, TINY_OS_ERROR, "cannot write");
  }
  int count = tiny_seq_len(given);
  for (int i = 0; i < count && i < 8; i++) args[i] = tiny_seq_item(given, i);
  return tiny_tail_call(vm, n->call, count < 8 ? count : 8, args);
}

static void notice_trace(tiny_tracer *t, void *data) { tiny_trace(t, ((Notice *)data)->call); }

static const tiny_def methods[] = {{"__repr__", notice_repr, "(self)", NULL}, {"__call__", notice_call, "(self, *args)", NULL}, {0}};
static const tiny_class notice_class = {.name = "tiny.Notice", .data_size = sizeof(Notice), .methods = methods, .trace = notice_trace, .flags = TINY_CLASS_NO_NEW};

/* One name; text NULL: a call does what the builtin of that name did. */
static bool put(tiny_vm *vm, tiny_val builtins, const char *name, const char *shown, const char *text) {
  void *data;
  tiny_val call = text ? TINY_NONE : tiny_getattr(vm, builtins, name), notice = tiny_failed(call) ? call : tiny_instance(vm, &notice_class, &data);
  if (tiny_failed(notice)) return false;
  Notice *n = data;
  n->shown = shown;
  n->text = text;
  tiny_store(vm, notice, &n->call, call);
  return tiny_setattr(vm, builtins, name, notice);
}

bool site_names(tiny_vm *vm) {
  tiny_val b = tiny_import(vm, "builtins");
  return put(vm, b, "exit", "Use exit() or Ctrl-D (i.e. EOF) to exit", NULL) && put(vm, b, "quit", "Use quit() or Ctrl-D (i.e. EOF) to exit", NULL) &&
    put(vm, b, "help", "Type help() for interactive help, or help(object) for help about object.", NULL) && put(vm, b, "copyright", copyright_text, copyright_text) &&
    put(vm, b, "credits", credits_text, credits_text) && put(vm, b, "license", "Type license() to see the full license text", license_text);
}
