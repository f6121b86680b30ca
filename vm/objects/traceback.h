/* Traceback entries and frame objects as scripts see them. */
#ifndef TINY_OBJECTS_TRACEBACK_H
#define TINY_OBJECTS_TRACEBACK_H
#include "vm/objects/exception.h"
#include "vm/objects/function.h"

/* What a script sees of a frame (frame_object.c). */
typedef struct FrameObject {
  Obj head;
  Function *func;
  struct Frame *live;       /* NULL: it has ended, and the rest tells what it was */
  struct Gen *gen;          /* owner of `live`, kept alive; NULL: a frame of the stack */
  Tuple *saved;             /* values of the locals when it ended; may be NULL */
  Traceback *entry;         /* made for this entry after the frame was left by an exception: that has the locals */
  Value locals;             /* the dict of f_locals, or V_ABSENT */
  Value back;               /* FrameObject or None */
  uint32_t pc;
  bool asked, cleared;      /* asked: a script has it, so it keeps its callers' frames, too */
} FrameObject;
extern const Type traceback_type, frame_type;
static inline Traceback *v_traceback(Value v) { return (Traceback *)v_obj(v); }
static inline bool is_traceback(Value v) { return v_is_exact(v, &traceback_type); }
TINY_MUST_CHECK Value traceback_frame(VM *vm, Traceback *tb);            /* tb_frame */
TINY_MUST_CHECK Value frame_object_new(VM *vm, struct Frame *frame);     /* the one of a live frame */
Value frame_object_known(VM *vm, struct Frame *frame, bool make_it);     /* V_ABSENT: it has none (no error) */
TINY_MUST_CHECK Value frame_object_dead(VM *vm, Traceback *tb);
void frame_entry_adopt(VM *vm, struct Frame *frame, Traceback *tb);      /* tb stands for the frame until it ends or needs an object; sets tb->live if there was room */
void traceback_save_locals(VM *vm, Traceback *tb, const struct Frame *frame);
uint32_t frame_object_pc(const FrameObject *o);
int32_t frame_object_line(const FrameObject *o);

/* Accessors for whoever shows a traceback as data. Position of an entry: line 0: unknown. Columns: byte offsets into the source line, -1: none. */
const Traceback *exc_traceback(Value exc);                        /* outermost entry, NULL: none */
Str *traceback_name(const Traceback *tb);                         /* of the function, or "<listcomp>" ... */
void traceback_position(const Traceback *tb, Position *out);
int32_t traceback_line(const Traceback *tb);                      /* 0: unknown */
#endif
