/* Attribute access for the dispatch loop: like rt_getattr, but script code that has to run is described instead of run, and inline caches are filled. */
#ifndef TINY_VM_ATTR_H
#define TINY_VM_ATTR_H
#include "vm/vm.h"
#include "vm/objects/class.h"

/* What an inline cache knows. key is always compared with the object's head.shape first (value words that are not heap objects never hit). */
typedef enum {
  IC_NONE,
  IC_SLOT,        /* plain Instance: slots[index] */
  IC_VALUE,       /* `value` as it is: class attribute that needs no binding, attribute of a class object */
  IC_METHOD,      /* `value` is a function or native method that binds the object: GETMETHOD gives value + self; GETATTR makes a bound method */
  IC_DICT,        /* plain Instance in dict mode: entry `index` of the Dict in slot key2, if its key still is `value` (the name) */
  IC_PROPERTY,    /* `value` is the getter, a script function of one argument */
  IC_ADD,         /* SETATTR: new attribute: slots[index], shape becomes key2; only when index < capacity */
  IC_STORE,       /* as IC_SLOT, for objects whose attributes stand in an AttrStore (exceptions, subclasses of builtin types) */
  IC_STORE_ADD,   /* SETATTR of such: new attribute: slot `index`, shape becomes key2 */
  IC_ITEM,        /* field of a named tuple: item number `index` */
  IC_MODULE,      /* `value` is the module's Dict, extra its keys_version, index the entry; key: shape id of module objects; the object's dict is compared too */
  IC_GLOBAL,      /* GETGLOBAL, SETGLOBAL: key keys_version of the globals, extra entry number */
  IC_BUILTIN      /* GETGLOBAL: key as above, key2 keys_version of the builtins, extra entry number */
} IcKind;

/* Where an IC_DICT site finds its attribute; NULL: the entry is another's now. */
static inline DictEntry *ic_dict_entry(const InlineCache *ic, const Instance *o) {
  const Dict *d = v_dict(o->slots[ic->key2]);
  return ic->index < d->n_entries && v_same(d->entries[ic->index].key, ic->value) ? &d->entries[ic->index] : NULL;
}

typedef struct AttrCall {
  Value fn;       /* to be called with args; its result is the attribute */
  Value args[3];
  int argc;
  Value fallback; /* V_ABSENT, or the type's __getattr__ (unbound), to be called with fallback_self and the name when fn raises AttributeError */
  Value fallback_self;
} AttrCall;
/* 1: *out is the attribute. 0: *call is to be made (script property, __getattr__, __getattribute__, __get__). -1: exception pending (AttributeError with name and
   obj set). ic may be NULL; it is filled when the lookup can be cached, and vm->cached_codes learns of code (may be NULL with ic NULL). Not [script]. */
int attr_get(VM *vm, Value obj, Str *name, InlineCache *ic, Code *code, Value *out, AttrCall *call);
/* attr_get without inline cache; 2: there is no such attribute, and no exception was made of that. */
int attr_find(VM *vm, Value obj, Str *name, Value *out, AttrCall *call);
/* The same for a call that follows: *self is V_ABSENT when *fn is not to get the object as first argument. Never makes a bound method of a plain function. */
int attr_get_method(VM *vm, Value obj, Str *name, InlineCache *ic, Code *code, Value *fn, Value *self, AttrCall *call);
/* 1 done, 0 *call is to be made and its result dropped, -1. value V_ABSENT: del. */
int attr_set(VM *vm, Value obj, Str *name, Value value, InlineCache *ic, Code *code, AttrCall *call);
/* A special method looked up on the type: *fn and *self as attr_get_method; false: not there (no error). Fast: through vm->method_cache. Not [script]:
   a descriptor that a script's __get__ binds comes as a callable that does so first. */
bool attr_special(VM *vm, Value obj, Str *name, Value *fn, Value *self);
/* Does the type (a script's class) override this special method by script code or a foreign native? V_ABSENT when the lookup ends at a slot wrapper of the
   builtin base, i.e. when Type's C slot is right. To be called with the object first, whatever kind of attribute it is; None stays None. V_FAIL: out of memory.
   Fast: through vm->method_cache. */
Value attr_override(VM *vm, const Type *type, Str *name);
/* What isinstance or issubclass ask of cls's metaclass (name: __instancecheck__, __subclasscheck__): V_ABSENT where that is type's own answer. */
Value attr_check_hook(VM *vm, Value cls, Str *name);
/* object.__getattribute__(obj, name), type.__getattribute__ ...: the lookup rules without the hooks __getattribute__ and __getattr__ of obj's class. To be returned by a
   native: V_TAILCALL when script code has to run. */
Value attr_plain_get(VM *vm, Value obj, Value name);
Value attr_plain_set(VM *vm, Value obj, Value name, Value value);   /* object.__setattr__, and with V_ABSENT __delattr__; V_NONE when done */
/* Binds the class attribute v, found in a class of cls's MRO, as an access through obj (V_ABSENT: through the class) does. As attr_get. */
int attr_bind(VM *vm, Value v, Value obj, const Type *cls, Value *out, AttrCall *call);
#endif
