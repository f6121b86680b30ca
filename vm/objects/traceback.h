/* Traceback entries and frame objects as scripts see them. */
#ifndef TINY_OBJECTS_TRACEBACK_H
#define TINY_OBJECTS_TRACEBACK_H
#include "vm/objects/exception.h"

/* What a script sees of a frame: a snapshot, made when asked for (tb_frame, sys._getframe). */
typedef struct FrameObject { Obj head; Code *code; struct Dict *globals; Value locals; /* dict, or V_ABSENT: nothing known */ Value back; /* FrameObject or None */ uint32_t pc; int32_t line; } FrameObject;
extern const Type traceback_type, frame_type;
static inline Traceback *v_traceback(Value v) { return (Traceback *)v_obj(v); }
static inline bool is_traceback(Value v) { return v_is_exact(v, &traceback_type); }
TINY_MUST_CHECK Value frame_object_make(VM *vm, Code *code, struct Dict *globals, uint32_t pc, Value locals, Value back);
struct Frame;
TINY_MUST_CHECK Value frame_object_new(VM *vm, struct Frame *frame);   /* of a live frame: its locals are copied, f_back is its caller's object */

/* Accessors for whoever shows a traceback as data. Position of an entry: line 0: unknown. Columns: byte offsets into the source line, -1: none. */
const Traceback *exc_traceback(Value exc);                        /* outermost entry, NULL: none */
void traceback_position(const Traceback *tb, Position *out);
#endif
