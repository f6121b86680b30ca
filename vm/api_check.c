/* What comes from the host and is none of what the API takes: values that are no values, text that is no UTF-8, lists that are none. An exception says so. */
#include "vm/api_int.h"
#include "vm/objects/bytes.h"

bool api_refuse(VM *vm, Value v) {
  if (rt_pending(vm)) return false;
  if (v_failed(v)) return rt_raise_b(vm, &exc_SystemError, "the host passed TINY_FAIL, and no exception is pending");
  if (v_absent(v)) return rt_raise_b(vm, &exc_TypeError, "the host passed no value (TINY_ABSENT)");
  return rt_raise_b(vm, &exc_SystemError, "the host passed what a native has to return (tiny_then_call, tiny_suspend...)");
}

bool api_refuse_list(VM *vm) { return rt_raise_b(vm, &exc_SystemError, "the host passed a number of values, and not so many values"); }

/* UnicodeDecodeError as bytes.decode("utf-8") raises it. */
static COLD bool bad_utf8(VM *vm, const char *utf8, size_t len, size_t at, size_t bad, const char *reason) {
  Bytes *object = bytes_new(vm, utf8, len);
  Str *codec = str_from(vm, "utf-8"), *why = str_from(vm, reason);
  if (!object || !codec || !why) return false;
  Value args[5] = {v_from_obj(codec), v_from_obj(object), v_from_int62((int64_t)at), v_from_int62((int64_t)(at + bad)), v_from_obj(why)};
  Value exc = exc_new(vm, &exc_UnicodeDecodeError, 5, args);
  if (!v_failed(exc)) rt_raise_obj(vm, exc);
  return false;
}

bool api_check_text(VM *vm, const char *text, size_t len) {
  size_t bad;
  const char *reason;
  if (!text) return len == 0 || rt_raise_b(vm, &exc_TypeError, "the host passed NULL for a text");
  size_t at = utf8_is_ascii(text, len) ? len : utf8_check(text, len, true, &bad, &reason);
  return at == len || bad_utf8(vm, text, len, at, bad, reason);
}

Str *api_name(VM *vm, const char *text) {
  if (UNLIKELY(!text)) return rt_raise(vm, &exc_TypeError, "the host passed NULL for a text"), NULL;
  size_t len = 0;
  unsigned char all = 0;
  while (text[len]) all |= (unsigned char)text[len++];
  return all < 0x80 || api_check_text(vm, text, len) ? str_intern(vm, text, len) : NULL;
}
