/* compile, exec, eval, __import__: text becomes code through the VM's compile hook, and runs as a call in the builtin's place. */
#include "stdlib/builtins_int.h"
#include "vm/base/utf8.h"
#include "vm/import.h"
#include "vm/objects/str_build.h"
#include "vm/vm.h"

/* Source argument: str (as UTF-8) or bytes. */
static bool source_text(VM *vm, Value source, const char *who, const char **text, size_t *len) {
  View view;
  if (is_str(source)) {
    *text = v_str(source)->data;
    *len = v_str(source)->size;
    if (utf8_check(*text, *len, false, &(size_t){0}, &(const char *){NULL}) != *len) return !v_failed(codec_encode(vm, source, "utf-8", "strict")); /* raises: lone surrogates */
  } else if (bytes_view(source, &view)) {
    *text = (const char *)view.data;
    *len = view.size;
  } else {
    return rt_raise_b(vm, &exc_TypeError, "%s must be a string, bytes or %s object", who, strncmp(who, "compile", 7) == 0 ? "AST" : "code");
  }
  return true;
}

/* What code that is made while a script runs takes over from it (PEP 236, 563). */
static unsigned inherited(VM *vm) {
  const Frame *f = frame_script(vm, 0);
  return f && f->func->code->flags & CODE_ANNOTATIONS ? COMPILE_ANNOTATIONS : 0;
}

static Value compile_text(VM *vm, Value source, const char *who, const char *filename, char mode, unsigned flags) {
  const char *text = "";
  size_t len = 0;
  if (!source_text(vm, source, who, &text, &len)) return V_FAIL;
  if (!vm->compile) return rt_raise(vm, &exc_SystemError, "this VM has no compiler");
  if (is_str(source)) flags |= COMPILE_TEXT;
  Buf copy; /* the compiler may ask for a NUL-terminated text, and a bytearray may change */
  buf_init(&copy, &vm->mem);
  if (mode == 'v' && who[0] == 'e') { /* eval(), not compile(): leading blanks do not count */
    while (len > 0 && (*text == ' ' || *text == '\t')) text++, len--;
  }
  buf_add(&copy, text, len);
  buf_char(&copy, '\0');
  if (copy.failed) {
    buf_free(&copy);
    return rt_no_memory(vm);
  }
  Value code = vm->compile(vm, copy.data, len, filename, mode, flags, NULL);
  buf_free(&copy);
  return code;
}

/* ---- exec, eval */

static bool is_mapping(VM *vm, Value v) {
  Str *getitem = NAME(vm, __getitem__);
  return is_dict(v) || (getitem && !v_absent(rt_type_lookup(vm, type_of(v), getitem)));
}

/* Which namespaces: as given, else those of the calling frame. */
static bool namespaces(VM *vm, const char *who, Value *globals, Value *locals) {
  Frame *f = frame_script(vm, 0);
  bool exec = strcmp(who, "exec") == 0;
  if (!exec && !v_is_none(*locals) && !is_mapping(vm, *locals)) return rt_raise_b(vm, &exc_TypeError, "locals must be a mapping");
  if (v_is_none(*globals)) {
    *globals = v_from_obj(f ? f->func->globals : vm->main->dict);
    if (v_is_none(*locals)) *locals = f ? frame_locals(vm, f) : *globals;
    if (v_failed(*locals)) return false;
  } else if (!is_dict(*globals)) {
    if (exec) return rt_raise_b(vm, &exc_TypeError, "exec() globals must be a dict, not %T", *globals);
    return rt_raise_b(vm, &exc_TypeError, is_mapping(vm, *globals) ? "globals must be a real dict; try eval(expr, {}, mapping)" : "globals must be a dict");
  }
  if (v_is_none(*locals)) *locals = *globals;
  if (!is_mapping(vm, *locals)) return rt_raise_b(vm, &exc_TypeError, "locals must be a mapping or None, not %T", *locals);
  Str *key = NAME(vm, __builtins__);
  if (!key) return false;
  Value known = dict_get_str(vm, v_dict(*globals), key);
  if (v_failed(known)) return false;
  if (!v_absent(known) && !is_dict(known) && !v_has_layout(known, LAY_MODULE)) return rt_raise_b(vm, &exc_TypeError, "'%T' object is not subscriptable", known);
  return !v_absent(known) || dict_set_str(vm, v_dict(*globals), key, v_from_obj(vm->builtins));
}

static Value then_none(VM *vm, Value state, tiny_outcome how, Value v) {
  (void)state;
  return how == TINY_RAISED ? rt_raise_obj(vm, v) : V_NONE;
}

/* exec(code, closure=): a cell for each free variable of the code. */
static bool check_closure(VM *vm, Value code, Value closure) {
  if (!v_has_layout(code, LAY_CODE)) return v_is_none(closure) || rt_raise_b(vm, &exc_TypeError, "closure can only be used when source is a code object");
  const Code *c = (const Code *)v_obj(code);
  size_t n = c->free_names ? c->free_names->length : 0;
  if (n == 0) return v_is_none(closure) || rt_raise_b(vm, &exc_TypeError, "cannot use a closure with this code object");
  bool ok = v_is_exact(closure, &tuple_type) && v_tuple(closure)->length == n;
  for (size_t i = 0; ok && i < n; i++) ok = v_is_exact(v_tuple(closure)->items[i], &cell_type);
  return ok || rt_raise_b(vm, &exc_TypeError, "code object requires a closure of exactly length %zu", n);
}

static Value run(VM *vm, Args *a, const char *who, char mode) {
  Value globals = a->v[1], locals = a->v[2], code = a->v[0];
  if (!namespaces(vm, who, &globals, &locals)) return V_FAIL;
  bool apart = !v_same(globals, locals), is_exec = mode == 'e';
  if (is_exec && !check_closure(vm, code, a->v[3])) return V_FAIL;
  char what[32] = "exec() arg 1";
  memcpy(what, who, 4);
  if (!v_has_layout(code, LAY_CODE)) code = compile_text(vm, code, what, "<string>", mode, inherited(vm) | (apart ? COMPILE_NAMESPACE : 0));
  if (v_failed(code)) return V_FAIL;
  Code *c = (Code *)v_obj(code);
  if (!is_exec && c->free_names && c->free_names->length) return rt_raise(vm, &exc_TypeError, "code object passed to %s() may not contain free variables", who);
  Function *fn = function_new(vm, c, v_dict(globals));
  if (!fn) return V_FAIL;
  if (is_exec && is_tuple(a->v[3])) gc_store_obj(vm, fn, &fn->closure, v_tuple(a->v[3]));
  int argc = (c->flags & CODE_NAMESPACE) ? 1 : 0;
  if (mode == 'e') return tiny_then_call(vm, then_none, V_NONE, v_from_obj(fn), argc, &locals);
  return rt_tail_call(vm, v_from_obj(fn), argc, &locals);
}

static Value bi_exec(VM *vm, Args *a) { return run(vm, a, "exec", 'e'); }
static Value bi_eval(VM *vm, Args *a) { return run(vm, a, "eval", 'v'); }

/* ast.PyCF_ONLY_AST, PyCF_DONT_IMPLY_DEDENT (`single`: a block ends with a line of its own), and what else compile() knows: the features of __future__, PyCF_DONT_IMPLY_DEDENT, PyCF_TYPE_COMMENTS, PyCF_ALLOW_TOP_LEVEL_AWAIT, PyCF_ALLOW_INCOMPLETE_INPUT. */
enum {
  ONLY_AST = 0x400, DONT_IMPLY_DEDENT = 0x200, ALLOW_TOP_LEVEL_AWAIT = 0x2000, ALLOW_INCOMPLETE_INPUT = 0x4000, FUTURE_ANNOTATIONS = 0x1000000,
  KNOWN_FLAGS = 0x1fe0000 | ONLY_AST | DONT_IMPLY_DEDENT | 0x1000 | ALLOW_TOP_LEVEL_AWAIT | ALLOW_INCOMPLETE_INPUT | 0x10
};

/* Whether v is a node of ast: 1, 0, -1 failed. */
static int is_tree(VM *vm, Value v) {
  Value module = dict_get_c(vm, vm->modules, "ast");
  if (v_absent(module) || v_failed(module)) return v_failed(module) ? -1 : 0;
  Value node = tiny_getattr(vm, module, "AST");
  return v_failed(node) ? -1 : tiny_isinstance(vm, v, node);
}

/* Path argument as text that ends with NUL; what is no bytes object (python3 warns of it) lies in *copy. */
static const char *filename_arg(VM *vm, Value v, Buf *copy) {
  View view;
  if (is_str(v)) return str_cstr(vm, v_str(v));
  if (!bytes_view(v, &view)) return rt_raise(vm, &exc_TypeError, "expected str, bytes or os.PathLike object, not %T", v), NULL;
  buf_add(copy, view.data, view.size);
  if (copy->failed) rt_no_memory(vm);
  return copy->failed ? NULL : buf_cstr(copy);
}

static Value compile_args(VM *vm, Args *a, Buf *copy) {
  int tree = is_tree(vm, a->v[0]);
  if (tree) return tree < 0 ? V_FAIL : rt_raise(vm, &exc_NotImplementedError, "compile() of ast objects is not supported");
  const char *filename = filename_arg(vm, a->v[1], copy);
  if (!filename) return V_FAIL;
  if (!is_str(a->v[2])) return rt_raise(vm, &exc_TypeError, "compile() argument 'mode' must be str, not %s", str_arg_name(a->v[2]));
  const char *mode = str_cstr(vm, v_str(a->v[2]));
  int64_t flags, optimize;
  if (!mode || !rt_index(vm, a->v[3], &flags) || !rt_index(vm, a->v[5], &optimize)) return V_FAIL;
  int no_inherit = rt_truth(vm, a->v[4]);
  if (no_inherit < 0) return V_FAIL;
  if (flags & ~(int64_t)KNOWN_FLAGS) return rt_raise(vm, &exc_ValueError, "compile(): unrecognised flags");
  if (optimize < -1 || optimize > 2) return rt_raise(vm, &exc_ValueError, "compile(): invalid optimize value");
  char kind = strcmp(mode, "exec") == 0 ? 'e' : strcmp(mode, "eval") == 0 ? 'v' : strcmp(mode, "single") == 0 ? 's' : 0;
  if (!kind) return rt_raise(vm, &exc_ValueError, "compile() mode must be 'exec', 'eval'%s", flags & ONLY_AST ? ", 'single' or 'func_type'" : " or 'single'");
  if (kind == 's' && flags & DONT_IMPLY_DEDENT) kind = 'p';
  unsigned how = COMPILE_NAMESPACE /* it may be run with any namespaces */ | (flags & ALLOW_TOP_LEVEL_AWAIT ? COMPILE_AWAIT : 0) | (flags & ALLOW_INCOMPLETE_INPUT ? COMPILE_PARTIAL : 0)
    | (flags & FUTURE_ANNOTATIONS ? COMPILE_ANNOTATIONS : no_inherit ? 0 : inherited(vm));
  if (flags & ONLY_AST) {
    Value build = tiny_getattr(vm, tiny_import(vm, "ast"), "_build"), stream = v_failed(build) ? V_FAIL : compile_text(vm, a->v[0], "compile() arg 1", filename, kind, how | COMPILE_TREE);
    return v_failed(stream) ? V_FAIL : rt_tail_call(vm, build, 1, &stream);
  }
  return compile_text(vm, a->v[0], "compile() arg 1", filename, kind, how);
}

static Value bi_compile(VM *vm, Args *a) {
  Buf copy;
  buf_init(&copy, &vm->mem);
  Value v = compile_args(vm, a, &copy);
  buf_free(&copy);
  return v;
}

/* ---- __import__ */

static Value bi_import(VM *vm, Args *a) {
  int64_t level;
  if (!is_str(a->v[0])) return rt_raise(vm, &exc_TypeError, "module name must be a string");
  if (!rt_index(vm, a->v[4], &level)) return V_FAIL;
  if (level < 0) return rt_raise(vm, &exc_ValueError, "level must be >= 0");
  Value fromlist = a->v[3];
  if (!v_is_none(fromlist) && !is_tuple(fromlist)) {
    Value list = rt_iter_to_list(vm, fromlist);
    Tuple *t = v_failed(list) ? NULL : tuple_new(vm, v_list(list)->items, v_list(list)->length);
    if (!t) return V_FAIL;
    fromlist = v_from_obj(t);
  }
  if (is_tuple(fromlist) && v_tuple(fromlist)->length == 0) fromlist = V_NONE;
  return import_native(vm, v_str(a->v[0]), fromlist, (int)level, is_dict(a->v[1]) ? v_dict(a->v[1]) : NULL);
}

const tiny_def builtins_exec[] = {
  {"compile", bi_compile, "(source, filename, mode, flags=0, dont_inherit=False, optimize=-1, *, _feature_version=-1)", "Compile source into a code object that can be executed by exec() or eval()."},
  {"exec", bi_exec, "(source, globals=None, locals=None, /, *, closure=None)", "Execute the given source in the context of globals and locals."},
  {"eval", bi_eval, "(source, globals=None, locals=None, /)", "Evaluate the given source in the context of globals and locals."},
  {"__import__", bi_import, "(name, globals=None, locals=None, fromlist=(), level=0)", "Import a module."},
  {"__build_class__", class_build, "(func, name, /, *bases, **kwds)", "Internal helper function used by the class statement."},
  {0}};
