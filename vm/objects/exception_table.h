/* EXCEPTION_TABLE(X): X(name, base, kind); bases stand before what derives from them (Python library reference, "Exception hierarchy"). */
#ifndef TINY_OBJECTS_EXCEPTION_TABLE_H
#define TINY_OBJECTS_EXCEPTION_TABLE_H
#define EXCEPTION_TABLE(X)                                                                                                                            \
  X(BaseException, object, PLAIN) X(Exception, BaseException, PLAIN) X(BaseExceptionGroup, BaseException, GROUP) X(GeneratorExit, BaseException, PLAIN) \
  X(KeyboardInterrupt, BaseException, PLAIN) X(SystemExit, BaseException, EXIT) X(ArithmeticError, Exception, PLAIN) X(FloatingPointError, ArithmeticError, PLAIN) \
  X(OverflowError, ArithmeticError, PLAIN) X(ZeroDivisionError, ArithmeticError, PLAIN) X(AssertionError, Exception, PLAIN) X(AttributeError, Exception, ATTR)  \
  X(BufferError, Exception, PLAIN) X(EOFError, Exception, PLAIN) X(ImportError, Exception, IMPORT) X(ModuleNotFoundError, ImportError, IMPORT)        \
  X(LookupError, Exception, PLAIN) X(IndexError, LookupError, PLAIN) X(KeyError, LookupError, KEY) X(MemoryError, Exception, PLAIN)                   \
  X(NameError, Exception, NAME) X(UnboundLocalError, NameError, NAME) X(OSError, Exception, OS) X(BlockingIOError, OSError, OS)                       \
  X(ChildProcessError, OSError, OS) X(ConnectionError, OSError, OS) X(BrokenPipeError, ConnectionError, OS) X(ConnectionAbortedError, ConnectionError, OS) \
  X(ConnectionRefusedError, ConnectionError, OS) X(ConnectionResetError, ConnectionError, OS) X(FileExistsError, OSError, OS)                         \
  X(FileNotFoundError, OSError, OS) X(InterruptedError, OSError, OS) X(IsADirectoryError, OSError, OS) X(NotADirectoryError, OSError, OS)             \
  X(PermissionError, OSError, OS) X(ProcessLookupError, OSError, OS) X(TimeoutError, OSError, OS) X(ReferenceError, Exception, PLAIN)                 \
  X(RuntimeError, Exception, PLAIN) X(NotImplementedError, RuntimeError, PLAIN) X(RecursionError, RuntimeError, PLAIN) X(StopAsyncIteration, Exception, PLAIN) \
  X(StopIteration, Exception, STOP) X(SyntaxError, Exception, SYNTAX) X(IndentationError, SyntaxError, SYNTAX) X(TabError, IndentationError, SYNTAX)  \
  X(SystemError, Exception, PLAIN) X(TypeError, Exception, PLAIN) X(ValueError, Exception, PLAIN) X(UnicodeError, ValueError, PLAIN)                  \
  X(UnicodeDecodeError, UnicodeError, UNICODE) X(UnicodeEncodeError, UnicodeError, UNICODE) X(UnicodeTranslateError, UnicodeError, UNICODE)           \
  X(ExceptionGroup, BaseExceptionGroup, GROUP) X(Warning, Exception, PLAIN) X(BytesWarning, Warning, PLAIN) X(DeprecationWarning, Warning, PLAIN)      \
  X(EncodingWarning, Warning, PLAIN) X(FutureWarning, Warning, PLAIN) X(ImportWarning, Warning, PLAIN) X(PendingDeprecationWarning, Warning, PLAIN)   \
  X(ResourceWarning, Warning, PLAIN) X(RuntimeWarning, Warning, PLAIN) X(SyntaxWarning, Warning, PLAIN) X(UnicodeWarning, Warning, PLAIN)             \
  X(UserWarning, Warning, PLAIN)
#endif
