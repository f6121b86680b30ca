/* Signatures of natives: the text of a tiny_def row is parsed into a table of parameters, and the arguments of a call are matched with it.
 * The TypeErrors are those that CPython gives for its builtins, which differ by what kinds of parameters a function has:
 *   positional-only:  "len() takes exactly one argument (0 given)", "insert expected 2 arguments, got 1"
 *   with keywords:    "split() takes at most 2 arguments (3 given)", "open() missing required argument 'file' (pos 1)"
 *   "varargs":        "find() takes at least 1 argument (0 given)"
 *   slot wrappers:    "expected 1 argument, got 0" */
#include "vm/objects/signature.h"
#include <limits.h>
#include <stdio.h>
#include "vm/vm.h"
#include "vm/objects/int.h"
#include "vm/objects/list.h"
#include "vm/objects/str.h"
#include "vm/objects/dict.h"

/* ---------------------------------------------------------------- parsing */

typedef struct Parser {
  VM *vm;
  const char *p;
  bool bad;     /* the text is not a signature */
  bool failed;  /* out of memory: exception pending */
} Parser;

static void skip_space(Parser *s) {
  while (*s->p == ' ' || *s->p == '\n') s->p++;
}
static bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

static bool eat(Parser *s, char c) {
  skip_space(s);
  if (*s->p != c) return false;
  s->p++;
  return true;
}
static bool eat_word(Parser *s, const char *word) {
  size_t n = strlen(word);
  if (strncmp(s->p, word, n) != 0 || is_word(s->p[n])) return false;
  s->p += n;
  return true;
}

static Str *read_name(Parser *s) {
  skip_space(s);
  const char *start = s->p;
  while (is_word(*s->p)) s->p++;
  if (s->p == start) {
    s->bad = true;
    return NULL;
  }
  Str *name = str_intern(s->vm, start, (size_t)(s->p - start));
  if (!name) s->failed = true;
  return name;
}

/* 'text' with the escapes \n \t \r \\ \' \" */
static Value read_string(Parser *s) {
  char quote = *s->p++;
  Buf b;
  buf_init(&b, rt_mem(s->vm));
  while (*s->p && *s->p != quote) {
    char c = *s->p++;
    if (c == '\\' && *s->p) {
      c = *s->p++;
      c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
    }
    buf_char(&b, c);
  }
  if (*s->p) s->p++;
  Str *text = str_from_buf(s->vm, &b);
  if (!text) s->failed = true;
  return text ? v_from_obj(text) : V_NONE;
}

static Value read_number(Parser *s) {
  bool negative = eat(s, '-');
  const char *start = s->p;
  bool is_real = false;
  while (is_word(*s->p) || *s->p == '.') {
    if (*s->p == '.' || *s->p == 'e') is_real = true;
    s->p++;
  }
  size_t n = (size_t)(s->p - start);
  Str *text = str_new(s->vm, start, n);
  Value v = !text ? V_FAIL : is_real ? float_parse(s->vm, v_from_obj(text)) : int_from_text(s->vm, start, n, 10);
  if (v_failed(v)) {
    s->failed = true;
    return V_NONE;
  }
  if (!negative) return v;
  if (is_real) v = float_new(s->vm, -v_float_value(v));
  else if (v_is_int(v)) v = int_from_i64(s->vm, -v_int(v));
  if (v_failed(v)) s->failed = true;
  return v;
}

static Value read_default(Parser *s) {
  skip_space(s);
  if (!strncmp(s->p, "...", 3)) {
    s->p += 3;
    return V_ABSENT;
  }
  if (eat_word(s, "None")) return V_NONE;
  if (eat_word(s, "True")) return V_TRUE;
  if (eat_word(s, "False")) return V_FALSE;
  if (!strncmp(s->p, "()", 2)) {
    s->p += 2;
    Tuple *t = tuple_new(s->vm, NULL, 0);
    if (!t) s->failed = true;
    return t ? v_from_obj(t) : V_NONE;
  }
  if (*s->p == '\'' || *s->p == '"') return read_string(s);
  if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9')) return read_number(s);
  s->bad = true;
  return V_NONE;
}

static const struct { const char *name; uint8_t ann; } annotations[] = {
    {"int", ANN_INT},   {"float", ANN_FLOAT}, {"str", ANN_STR},   {"bytes", ANN_BYTES}, {"bool", ANN_BOOL},
    {"callable", ANN_CALLABLE}, {"list", ANN_LIST}, {"tuple", ANN_TUPLE}, {"dict", ANN_DICT},
};

/* After the colon. Checked annotations are single known words or names with a capital (native classes); the rest is documentation. */
static void read_annotation(Parser *s, SigParam *param) {
  skip_space(s);
  const char *start = s->p;
  while (is_word(*s->p)) s->p++;
  size_t n = (size_t)(s->p - start);
  skip_space(s);
  if (n && (*s->p == ',' || *s->p == '=' || *s->p == ')')) {
    for (size_t i = 0; i < sizeof annotations / sizeof *annotations; i++)
      if (strlen(annotations[i].name) == n && !memcmp(annotations[i].name, start, n)) param->ann = annotations[i].ann;
    if (!param->ann && *start >= 'A' && *start <= 'Z') {
      param->ann = ANN_CLASS;
      param->cls_name = str_intern(s->vm, start, n);
      if (!param->cls_name) s->failed = true;
    }
    return;
  }
  for (int depth = 0; *s->p; s->p++) {
    if (*s->p == '[' || *s->p == '(') depth++;
    if (depth == 0 && (*s->p == ',' || *s->p == '=' || *s->p == ')')) break;
    if (*s->p == ']' || *s->p == ')') depth--;
  }
}

static void read_param(Parser *s, SigParam *param) {
  param->dflt = V_ABSENT;
  param->required = true;
  param->name = read_name(s);
  if (s->bad || s->failed) return;
  if (eat(s, ':')) read_annotation(s, param);
  if (eat(s, '=')) {
    param->required = false;
    param->dflt = read_default(s);
  }
}

/* Upper bound of the number of parameters: commas + 1. */
static size_t count_params(const char *text) {
  size_t n = 1;
  for (; *text; text++) n += *text == ',';
  return n;
}

static size_t signature_size(size_t n) { return sizeof(Signature) + n * sizeof(SigParam); }

static void read_params(Parser *s, Signature *sig) {
  bool keyword_only = false;
  if (!eat(s, '(')) {
    s->bad = true;
    return;
  }
  while (!eat(s, ')')) {
    if (eat(s, '/')) sig->n_posonly = sig->n_params;
    else if (!strncmp(s->p, "**", 2)) {
      s->p += 2;
      sig->starstar = (int16_t)sig->n_params;
      read_param(s, &sig->params[sig->n_params++]);
    } else if (eat(s, '*')) {
      keyword_only = true;
      skip_space(s);
      if (is_word(*s->p)) {
        sig->star = (int16_t)sig->n_params;
        read_param(s, &sig->params[sig->n_params++]);
      }
    } else {
      SigParam *param = &sig->params[sig->n_params++];
      read_param(s, param);
      if (!keyword_only) {
        sig->n_pos++;
        if (param->required) sig->n_required_pos = sig->n_pos;
      }
      if (param->ann) sig->checks = true;
    }
    if (s->bad || s->failed) return;
    if (eat(s, ',')) continue;
    if (eat(s, ')')) break;
    s->bad = true;
    return;
  }
}

Signature *signature_parse(VM *vm, const char *text) {
  size_t n = count_params(text);
  Signature *sig = mem_zalloc(rt_mem(vm), signature_size(n));
  if (!sig) {
    rt_no_memory(vm);
    return NULL;
  }
  sig->star = sig->starstar = -1;
  sig->capacity = (uint16_t)n;
  Parser s = {vm, text, false, false};
  read_params(&s, sig);
  if (s.bad) rt_raise(vm, &exc_SystemError, "bad signature text: %s", text);
  if (s.bad || s.failed) {
    signature_free(vm, sig);
    return NULL;
  }
  while (*s.p == ' ') s.p++;
  sig->varargs = eat_word(&s, "varargs");
  sig->unpacked = eat_word(&s, "unpacked");
  if (eat_word(&s, "as")) sig->called = s.p + 1;
  sig->simple = sig->star < 0 && sig->starstar < 0;
  for (int i = sig->n_pos; i < sig->n_params; i++)
    if (i != sig->star && i != sig->starstar && sig->params[i].required) sig->simple = false;
  return sig;
}

void signature_free(VM *vm, Signature *sig) {
  if (sig) mem_free(rt_mem(vm), sig, signature_size(sig->capacity));
}

void signature_trace(Tracer *t, const Signature *sig) {
  if (!sig) return;
  for (int i = 0; i < sig->n_params; i++) {
    gc_mark_obj(t, sig->params[i].name);
    gc_mark_obj(t, sig->params[i].cls_name);
    gc_mark(t, sig->params[i].dflt);
  }
}

/* ---------------------------------------------------------------- error texts */

/* "list.append()", "math.sqrt()", "len()" */
static bool fail_full(VM *vm, const SigNames *nm, const char *what) {
  if (nm->prefix) return rt_raise_b(vm, &exc_TypeError, "%s.%s() %s", nm->prefix, nm->name, what);
  return rt_raise_b(vm, &exc_TypeError, "%s() %s", nm->name, what);
}

/* Wrong number of arguments for positional-only parameters: between min and max, given. */
static bool fail_count(VM *vm, const SigNames *nm, const Signature *sig, int min, int max, int given) {
  char text[64];
  const char *how = min == max ? "" : given < min ? "at least " : "at most ";
  int want = given < min ? min : max;
  if (nm->prefix && !strcmp(nm->name, "__new__")) return rt_raise_b(vm, &exc_TypeError, "%s.__new__(): not enough arguments", nm->prefix);
  if (nm->wrapper) /* those of slots with an optional or a second argument put an empty name before "expected" */
    return rt_raise_b(vm, &exc_TypeError, "%sexpected %s%d argument%s, got %d", nm->repeats || max > 1 ? " " : "", how, want, want == 1 ? "" : "s", given);
  if (sig->varargs)
    return rt_raise_b(vm, &exc_TypeError, "%s() takes %s%d argument%s (%d given)", nm->name, min == max ? "exactly " : how, want, want == 1 ? "" : "s", given);
  if (max == 0) {
    snprintf(text, sizeof text, "takes no arguments (%d given)", given);
    return fail_full(vm, nm, text);
  }
  if (min == 1 && max == 1 && !nm->constructor && !sig->unpacked) {
    snprintf(text, sizeof text, "takes exactly one argument (%d given)", given);
    return fail_full(vm, nm, text);
  }
  return rt_raise_b(vm, &exc_TypeError, "%s expected %s%d argument%s, got %d", nm->name, how, want, want == 1 ? "" : "s", given);
}

/* Too many or too few for a function that takes keywords as well. */
static const char *call_of(const SigNames *nm) { return nm->call ? nm->call : "()"; }
static bool fail_count_keywords(VM *vm, const SigNames *nm, const Signature *sig, int n_pos, int n_kw) {
  int skip = nm->skip, total = sig->n_params - skip, max = sig->n_pos - skip;
  int given = n_pos - skip;
  if (given + n_kw > total)
    return rt_raise_b(vm, &exc_TypeError, "%s%s takes at most %d %sargument%s (%d given)", nm->name, call_of(nm), total, given == 0 ? "keyword " : "", total == 1 ? "" : "s", given + n_kw);
  if (given > max && max == 0) return rt_raise_b(vm, &exc_TypeError, "%s%s takes no positional arguments", nm->name, call_of(nm));
  int min = 0;
  for (int i = skip; i < sig->n_posonly; i++) min += sig->params[i].required;
  if (given > max)
    return rt_raise_b(vm, &exc_TypeError, "%s%s takes %s %d positional argument%s (%d given)", nm->name, call_of(nm), min < max ? "at most" : "exactly", max, max == 1 ? "" : "s", given);
  if (given < min)
    return rt_raise_b(vm, &exc_TypeError, "%s%s takes %s %d positional argument%s (%d given)", nm->name, call_of(nm), min < max ? "at least" : "exactly", min, min == 1 ? "" : "s", given);
  return true;
}

static const char *type_word(Value v) { return v_is_none(v) ? "None" : type_of(v)->name; }

static bool fail_type(VM *vm, const SigNames *nm, const Signature *sig, int i, const char *want, Value got) {
  int pos = i - nm->skip + 1;
  if (i >= sig->n_posonly) return rt_raise_b(vm, &exc_TypeError, "%s() argument '%U' must be %s, not %s", nm->name, sig->params[i].name, want, type_word(got));
  if (sig->n_params - nm->skip == 1) return rt_raise_b(vm, &exc_TypeError, "%s() argument must be %s, not %s", nm->name, want, type_word(got));
  return rt_raise_b(vm, &exc_TypeError, "%s() argument %d must be %s, not %s", nm->name, pos, want, type_word(got));
}

/* ---------------------------------------------------------------- checks of annotations */

/* "game.Unit" is named Unit in signatures. */
bool signature_names_class(const SigParam *p, const Type *t) {
  const char *dot = strrchr(t->name, '.');
  return str_eq_c(p->cls_name, dot ? dot + 1 : t->name);
}

/* The native class of this name of which v is an instance. named: is there a native class of this name at all? If not, the annotation is documentation. */
static const Type *native_class_of(VM *vm, const SigParam *p, Value v, bool *named) {
  size_t pos = 0;
  Value key, cls;
  *named = false;
  while (vm->native_classes && dict_next(vm->native_classes, &pos, &key, &cls)) {
    if (!signature_names_class(p, (const Type *)v_obj(cls))) continue;
    *named = true;
    if (rt_is_subtype(type_of(v), (const Type *)v_obj(cls))) return (const Type *)v_obj(cls);
  }
  return NULL;
}

static size_t native_class_count(const VM *vm) { return vm->native_classes ? vm->native_classes->used : 0; }

static bool check_class(VM *vm, const SigNames *nm, const Signature *sig, int i, Value v) {
  SigParam *p = (SigParam *)&sig->params[i];
  bool named;
  const Type *cls = native_class_of(vm, p, v, &named);
  if (cls) p->cls = cls;
  if (!named) p->no_class_yet = native_class_count(vm);
  if (cls || !named) return true;
  const char *want = str_cstr(vm, p->cls_name);
  return want ? fail_type(vm, nm, sig, i, want, v) : false;
}

static inline bool accepts_class(const VM *vm, const SigParam *p, Value v) {
  for (const Type *t = type_of(v); t; t = t->base)
    if (t == p->cls) return true;
  return !p->cls && p->no_class_yet == native_class_count(vm);
}

bool signature_accepts(VM *vm, const Signature *sig, const Value *argv, int n) {
  for (int i = 0; i < n; i++) {
    Value v = argv[i];
    bool ok;
    switch (sig->params[i].ann) {
      case ANN_NONE: continue;
      case ANN_INT: ok = v_is_int(v); break;
      case ANN_FLOAT: ok = is_float(v); break;
      case ANN_STR: ok = is_str(v); break;
      case ANN_BYTES: ok = is_bytes(v); break;
      case ANN_BOOL: ok = v_is_bool(v); break;
      case ANN_CALLABLE: ok = v_has_layout(v, LAY_FUNCTION); break;
      case ANN_LIST: ok = is_list(v); break;
      case ANN_TUPLE: ok = is_tuple(v); break;
      case ANN_DICT: ok = is_dict(v); break;
      default: ok = accepts_class(vm, &sig->params[i], v);
    }
    if (!ok) return false;
  }
  return true;
}

static bool check_int(VM *vm, Value v) {
  int64_t n;
  if (!is_int(v)) return rt_raise_b(vm, &exc_TypeError, "'%T' object cannot be interpreted as an integer", v);
  if (!int_to_i64(v, &n)) return rt_raise_b(vm, &exc_OverflowError, "Python int too large to convert to C long");
  return true;
}

static bool check_float(VM *vm, Value *v) {
  double d;
  if (is_float(*v)) return true;
  if (!is_int(*v)) return rt_raise_b(vm, &exc_TypeError, "must be real number, not %T", *v);
  if (!int_to_double(vm, *v, &d)) return false;
  *v = float_new(vm, d);
  return !v_failed(*v);
}

/* v: argument i, given by the caller. May replace it by the converted value. */
static bool check_param(VM *vm, const SigNames *nm, const Signature *sig, int i, Value *v) {
  switch (sig->params[i].ann) {
    case ANN_INT: return check_int(vm, *v);
    case ANN_FLOAT: return check_float(vm, v);
    case ANN_STR: return is_str(*v) || fail_type(vm, nm, sig, i, "str", *v);
    case ANN_BYTES: return is_bytes(*v) || v_has_layout(*v, LAY_BYTEARRAY) || fail_type(vm, nm, sig, i, "bytes", *v);
    case ANN_BOOL:
      if (v_is_none(*v)) *v = V_FALSE;
      else if (is_int(*v)) *v = v_from_bool(int_sign(*v) != 0);
      return v_is_bool(*v) || fail_type(vm, nm, sig, i, "bool", *v);
    case ANN_CALLABLE: return rt_callable(vm, *v) || fail_type(vm, nm, sig, i, "callable", *v);
    case ANN_LIST: return is_list(*v) || fail_type(vm, nm, sig, i, "list", *v);
    case ANN_TUPLE: return is_tuple(*v) || fail_type(vm, nm, sig, i, "tuple", *v);
    case ANN_DICT: return is_dict(*v) || fail_type(vm, nm, sig, i, "dict", *v);
    case ANN_CLASS: return check_class(vm, nm, sig, i, *v);
    default: return true;
  }
}

/* ---------------------------------------------------------------- binding */

static int find_param(const Signature *sig, const Str *name) {
  for (int i = sig->n_posonly; i < sig->n_params; i++)
    if (sig->params[i].name == name && i != sig->star && i != sig->starstar) return i;
  for (int i = sig->n_posonly; i < sig->n_params; i++)
    if (i != sig->star && i != sig->starstar && str_equal(sig->params[i].name, name)) return i;
  return -1;
}

static bool bind_keywords(VM *vm, const Signature *sig, const SigNames *nm, const Value *values, Tuple *names, Value *out, Str **unknown) {
  Dict *rest = NULL;
  if (sig->starstar >= 0) {
    rest = dict_new(vm);
    if (!rest) return false;
    out[sig->starstar] = v_from_obj(rest);
  }
  for (size_t k = 0; k < names->length; k++) {
    Str *name = v_str(names->items[k]);
    int i = find_param(sig, name);
    if (i < nm->skip) i = -1; /* self has no name for callers */
    if (i < 0 && rest) {
      if (!dict_set_str(vm, rest, name, values[k])) return false;
    } else if (i < 0) {
      if (!*unknown) *unknown = name;
    } else if (!v_absent(out[i])) {
      return rt_raise_b(vm, &exc_TypeError, "argument for %s%s given by name ('%U') and position (%d)", nm->name, call_of(nm), name, i - nm->skip + 1);
    } else {
      out[i] = values[k];
    }
  }
  return true;
}

static bool bind_rest(VM *vm, const Signature *sig, const Value *argv, int n_pos, Value *out) {
  if (sig->star < 0) return true;
  int extra = n_pos > sig->n_pos ? n_pos - sig->n_pos : 0;
  Tuple *rest = tuple_new(vm, argv + (extra ? sig->n_pos : 0), (size_t)extra);
  if (!rest) return false;
  out[sig->star] = v_from_obj(rest);
  return true;
}

static bool check_counts(VM *vm, const Signature *sig, const SigNames *nm, int n_pos, int n_kw) {
  bool stars = sig->star >= 0 || sig->starstar >= 0;
  int named = sig->n_params - (sig->star >= 0) - (sig->starstar >= 0);
  if (n_kw && named == sig->n_posonly && sig->starstar < 0) {
    if (nm->wrapper) return rt_raise_b(vm, &exc_TypeError, "wrapper %s() takes no keyword arguments", nm->name);
    if (nm->bound && sig->varargs) return rt_raise_b(vm, &exc_TypeError, "%s() takes no keyword arguments", nm->name);
    return fail_full(vm, nm, "takes no keyword arguments");
  }
  if (stars || named == sig->n_posonly || sig->unpacked) {
    int min = 0, max = sig->star >= 0 ? INT_MAX : sig->n_pos - nm->skip, given = n_pos - nm->skip;
    for (int i = nm->skip; i < sig->n_posonly; i++) min += sig->params[i].required;
    return (given >= min && given <= max) || fail_count(vm, nm, sig, min, max, given);
  }
  return fail_count_keywords(vm, nm, sig, n_pos, n_kw);
}

static bool fill_missing(VM *vm, const Signature *sig, const SigNames *nm, Value *out) {
  for (int i = 0; i < sig->n_params; i++) {
    if (!v_absent(out[i])) {
      if (sig->checks && !check_param(vm, nm, sig, i, &out[i])) return false;
      continue;
    }
    if (i == sig->starstar && v_absent(sig->params[i].dflt) && sig->params[i].required) {
      Dict *d = dict_new(vm);
      if (!d) return false;
      out[i] = v_from_obj(d);
    } else if (sig->params[i].required && i != sig->starstar) {
      return rt_raise_b(vm, &exc_TypeError, "%s%s missing required argument '%U' (pos %d)", nm->name, call_of(nm), sig->params[i].name, i - nm->skip + 1);
    } else {
      out[i] = sig->params[i].dflt;
    }
  }
  return true;
}

/* The usual keyword call: interned names that all are there, nothing to check or to collect. False: the full way will say what is wrong. */
static bool match_quick(const Signature *sig, const SigNames *nm, const Value *argv, int n_pos, const Tuple *names, Value *out) {
  if (sig->checks || sig->star >= 0 || sig->starstar >= 0 || n_pos > sig->n_pos || n_pos < nm->skip) return false;
  int n = sig->n_params;
  for (int i = 0; i < n; i++) out[i] = i < n_pos ? argv[i] : V_ABSENT;
  for (size_t k = 0; k < names->length; k++) {
    const Str *name = v_str(names->items[k]);
    int i = sig->n_posonly > n_pos ? sig->n_posonly : n_pos;
    while (i < n && sig->params[i].name != name) i++;
    if (i == n || !v_absent(out[i])) return false;
    out[i] = argv[n_pos + (int)k];
  }
  for (int i = n_pos; i < n; i++) {
    if (!v_absent(out[i])) continue;
    if (sig->params[i].required) return false;
    out[i] = sig->params[i].dflt;
  }
  return true;
}

/* A call without keywords that needs no conversion and misses nothing. */
Match signature_match_positional(VM *vm, const Signature *sig, const Value *argv, int n_pos, Value *out) {
  int i = 0, n = n_pos < sig->n_pos ? n_pos : sig->n_pos;
  if ((n_pos > sig->n_pos && sig->star < 0) || (sig->checks && !signature_accepts(vm, sig, argv, n))) return MATCH_NOT_YET;
  for (; i < n; i++) out[i] = argv[i];
  for (; i < sig->n_params; i++) {
    if (sig->params[i].required && i != sig->star && i != sig->starstar) return MATCH_NOT_YET;
    out[i] = sig->params[i].dflt;
  }
  if (sig->starstar >= 0 && sig->params[sig->starstar].required) {
    Dict *none = dict_new(vm);
    if (!none) return MATCH_FAILED;
    out[sig->starstar] = v_from_obj(none);
  }
  return bind_rest(vm, sig, argv, n_pos, out) ? MATCH_DONE : MATCH_FAILED;
}

/* argv: positional arguments, then the values of kwnames. out: n_params slots. */
bool signature_match(VM *vm, const Signature *sig, const SigNames *nm, const Value *argv, int n_pos, Value kwnames, Value *out) {
  Tuple *names = v_absent(kwnames) ? NULL : v_tuple(kwnames);
  int n_kw = names ? (int)names->length : 0;
  if (n_kw && match_quick(sig, nm, argv, n_pos, names, out)) return true;
  if (n_pos < nm->skip) return rt_raise_b(vm, &exc_TypeError, "unbound method %s() needs an argument", nm->name);
  if (!check_counts(vm, sig, nm, n_pos, n_kw)) return false;
  int direct = n_pos < sig->n_pos ? n_pos : sig->n_pos;
  for (int i = 0; i < sig->n_params; i++) out[i] = i < direct ? argv[i] : V_ABSENT;
  Str *unknown = NULL;
  if (!bind_rest(vm, sig, argv, n_pos, out)) return false;
  if (n_kw && !bind_keywords(vm, sig, nm, argv + n_pos, names, out, &unknown)) return false;
  if (!fill_missing(vm, sig, nm, out)) return false;
  if (unknown && sig->called && nm->call) return rt_raise_b(vm, &exc_TypeError, "'%U' is an invalid keyword argument for this function", unknown);
  if (unknown) return rt_raise_b(vm, &exc_TypeError, "'%U' is an invalid keyword argument for %s()", unknown, nm->name);
  return true;
}

/* For constructors and __init__ of builtin types: fname is the type's name. A leading parameter `self` is not counted. */
bool signature_bind(VM *vm, const Signature *sig, const char *fname, const Value *argv, int n_pos, Value kwnames, Value *out) {
  Match m = v_absent(kwnames) ? signature_match_positional(vm, sig, argv, n_pos, out) : MATCH_NOT_YET;
  if (m != MATCH_NOT_YET) return m == MATCH_DONE;
  const char *dot = strrchr(fname, '.');
  SigNames nm = {.name = sig->called ? sig->called : dot ? dot + 1 : fname, .call = sig->called && !strcmp(sig->called, "function") ? "" : NULL, .constructor = true};
  if (sig->n_params && sig->star != 0 && str_eq_c(sig->params[0].name, "self")) nm.skip = 1;
  return signature_match(vm, sig, &nm, argv, n_pos, kwnames, out);
}
