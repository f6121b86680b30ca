/* Names that the VM itself looks up, as one table. */
#ifndef TINY_VM_NAMES_H
#define TINY_VM_NAMES_H
#define VM_NAMES(X)                                                                                                                                   \
  X(__init__) X(__new__) X(__del__) X(__call__) X(__class__) X(__dict__) X(__name__) X(__qualname__) X(__module__) X(__doc__) X(__bases__) X(__mro__) \
  X(__slots__) X(__weakref__) X(__getattr__) X(__getattribute__) X(__setattr__) X(__delattr__) X(__get__) X(__set__) X(__delete__) X(__set_name__)    \
  X(__init_subclass__) X(__class_getitem__) X(__prepare__) X(__mro_entries__) X(__instancecheck__) X(__subclasscheck__) X(__subclasshook__)          \
  X(__abstractmethods__) X(__isabstractmethod__) X(__annotations__) X(__defaults__) X(__kwdefaults__) X(__code__) X(__globals__) X(__closure__)      \
  X(__wrapped__) X(__self__) X(__func__) X(__repr__) X(__str__) X(__bytes__) X(__format__) X(__hash__) X(__bool__) X(__len__) X(__length_hint__)     \
  X(__getitem__) X(__setitem__) X(__delitem__) X(__missing__) X(__contains__) X(__iter__) X(__next__) X(__reversed__) X(__lt__) X(__le__) X(__eq__)  \
  X(__ne__) X(__gt__) X(__ge__) X(__add__) X(__radd__) X(__iadd__) X(__sub__) X(__rsub__) X(__isub__) X(__mul__) X(__rmul__) X(__imul__)              \
  X(__truediv__) X(__rtruediv__) X(__itruediv__) X(__floordiv__) X(__rfloordiv__) X(__ifloordiv__) X(__mod__) X(__rmod__) X(__imod__) X(__pow__)     \
  X(__rpow__) X(__ipow__) X(__matmul__) X(__rmatmul__) X(__imatmul__) X(__and__) X(__rand__) X(__iand__) X(__or__) X(__ror__) X(__ior__) X(__xor__)  \
  X(__rxor__) X(__ixor__) X(__lshift__) X(__rlshift__) X(__ilshift__) X(__rshift__) X(__rrshift__) X(__irshift__) X(__divmod__) X(__rdivmod__)       \
  X(__neg__) X(__pos__) X(__invert__) X(__abs__) X(__int__) X(__float__) X(__complex__) X(__index__) X(__round__) X(__trunc__) X(__floor__)           \
  X(__ceil__) X(__enter__) X(__exit__) X(__aenter__) X(__aexit__) X(__await__) X(__aiter__) X(__anext__) X(__dir__) X(__file__) X(__path__)          \
  X(__package__) X(__spec__) X(__loader__) X(__builtins__) X(__main__) X(__all__) X(__import__) X(__build_class__) X(__cause__) X(__context__)        \
  X(__suppress_context__) X(__traceback__) X(__notes__) X(__match_args__) X(__abc_tpflags__) X(__classcell__) X(__orig_bases__) X(__origin__) X(__args__)               \
  X(__parameters__) X(__fspath__) X(__reduce__) X(__reduce_ex__) X(__copy__) X(__deepcopy__) X(__sizeof__) X(__getstate__) X(__subclasses__)        \
  X(__objclass__) X(__text_signature__) X(__debug__) X(__release_buffer__) X(__buffer__) X(__set_names__) X(metaclass) X(args) X(value) X(name)     \
  X(path) X(obj) X(send) X(throw) X(close) X(keys) X(items) X(values) X(get) X(update) X(append) X(add) X(write) X(flush) X(read) X(readline)      \
  X(sep) X(end) X(file) X(builtins) X(sys) X(stdout) X(stderr) X(stdin) X(displayhook) X(excepthook) X(argv) X(modules) X(join) X(key) X(reverse)  \
  X(errno) X(strerror) X(filename) X(filename2) X(msg) X(lineno) X(offset) X(text) X(end_lineno) X(end_offset) X(print_file_and_line) X(code)       \
  X(encoding) X(object) X(start) X(reason) X(mro) X(fget) X(fset) X(fdel) X(big) X(little) X(utf_8) X(strict) X(utcoffset) X(tzname) X(dst) X(fromutc) X(_)
typedef enum NameId {
#define X(n) NAME_##n,
  VM_NAMES(X)
#undef X
  NAME_COUNT
} NameId;
#endif
