/* The buffered file of the system (io_file.c), as streams of text see it. */
#ifndef TINY_STDLIB_IO_FILE_H
#define TINY_STDLIB_IO_FILE_H
#include "include/tiny.h"

typedef struct File {
  int fd;            /* -1: closed */
  bool owned;        /* closed with the object */
  bool readable, writable, unbuffered;
  char *data;        /* NULL until needed */
  size_t capacity;   /* of data */
  size_t from, to;   /* read ahead: data[from..to) */
  size_t dirty;      /* not yet written: data[0..dirty) */
  uint64_t born;     /* number of collections before it was made */
  bool kept;         /* a full collection found it in use: not looked at again */
  struct File *next, **link; /* in the list of files that were written to and may have been dropped; link NULL: not in it */
} File;

extern const tiny_class io_file_class;

/* The bytes of the next line, without taking them: up to \n or the end of the file. 1; 0: the file is at its end, or the line is longer than what the buffer
   is made to hold; -1: failed. */
int file_peek_line(tiny_vm *vm, File *f, char **line, size_t *n);
/* Writes, or keeps to be written later. */
TINY_CHECK bool file_put(tiny_vm *vm, File *f, const char *data, size_t n);
TINY_CHECK bool file_write_out(tiny_vm *vm, File *f);

/* io_text.c: the method write, and the same for text in UTF-8 that need not be a str: 1 written, 0 not for C (nothing was), -1 failed. */
tiny_val text_stream_write(tiny_vm *vm, tiny_args *a);
int text_stream_put(tiny_vm *vm, tiny_val stream, const char *text, size_t n);
#endif
