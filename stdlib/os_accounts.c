/* Modules pwd and grp: the users and groups that the system knows. */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include "stdlib/os_fd.h"

/* ---- memory for the text of an entry, as much as it takes */

typedef struct Text { tiny_vm *vm; char *data; size_t size; } Text;

static bool text_grow(Text *t) {
  size_t size = t->size ? t->size * 4 : 1024;
  char *data = size > (1u << 24) ? NULL : tiny_alloc(t->vm, t->data, t->size, size);
  if (!data) return (void)tiny_no_memory(t->vm), false;
  t->data = data;
  t->size = size;
  return true;
}
static void text_free(Text *t) { tiny_alloc(t->vm, t->data, t->size, 0); }

static tiny_val text_value(tiny_vm *vm, const char *text) {
  if (!text) return TINY_NONE;
  tiny_val how[2] = {tiny_string(vm, "utf-8"), tiny_string(vm, "surrogateescape")};
  return tiny_call_method(vm, tiny_bytes(vm, text, strlen(text)), "decode", 2, how);
}

static tiny_val id_value(tiny_vm *vm, uint32_t id) { return tiny_int(vm, id == UINT32_MAX ? -1 : (int64_t)id); }

static tiny_val passwd_value(tiny_vm *vm, const struct passwd *p) {
  tiny_val v[7] = {text_value(vm, p->pw_name), text_value(vm, p->pw_passwd), id_value(vm, p->pw_uid), id_value(vm, p->pw_gid), text_value(vm, p->pw_gecos), text_value(vm, p->pw_dir), text_value(vm, p->pw_shell)};
  return os_record(vm, "pwd", "struct_passwd", 7, v);
}

static tiny_val group_value(tiny_vm *vm, const struct group *g) {
  tiny_val members = tiny_list(vm, 0, NULL);
  for (char **m = g->gr_mem; *m; m++)
    if (!tiny_list_append(vm, members, text_value(vm, *m))) return TINY_FAIL;
  tiny_val v[4] = {text_value(vm, g->gr_name), text_value(vm, g->gr_passwd), id_value(vm, g->gr_gid), members};
  return os_record(vm, "grp", "struct_group", 4, v);
}

/* ---- arguments */

/* The name as the system has it; NULL: an exception is pending. */
static const char *name_arg(tiny_vm *vm, tiny_val name) {
  tiny_val how[2] = {tiny_string(vm, "utf-8"), tiny_string(vm, "surrogateescape")};
  size_t n;
  tiny_val bytes = tiny_binary(vm, TINY_ADD, tiny_call_method(vm, name, "encode", 2, how), tiny_bytes(vm, "", 1));
  const char *text = tiny_failed(bytes) ? NULL : tiny_to_bytes(vm, bytes, &n);
  if (text && strlen(text) + 1 != n) return tiny_raise(vm, TINY_VALUE_ERROR, "embedded null byte"), NULL;
  return text;
}

/* 1: *id; 0: no id can be that; -1: an exception is pending */
static int id_arg(tiny_vm *vm, tiny_val v, const char *what, uint32_t *id) {
  int64_t i;
  if (!tiny_to_int(vm, v, &i)) {
    if (tiny_pending_is(vm, TINY_OVERFLOW_ERROR)) return tiny_clear_error(vm), 0;
    if (!tiny_pending_is(vm, TINY_TYPE_ERROR)) return -1;
    tiny_clear_error(vm);
    return tiny_raise(vm, TINY_TYPE_ERROR, "%s should be integer, not %T", what, v), -1;
  }
  if (i < -1 || i > UINT32_MAX) return 0;
  *id = (uint32_t)i;
  return 1;
}

/* ---- one entry. err is what the call gave: 0 and no entry means that there is none. */

#define LOOK_UP(type, value, call, ...)                                        \
  type entry, *found = NULL;                                                   \
  Text t = {vm, NULL, 0};                                                      \
  int err;                                                                     \
  do {                                                                         \
    if (!text_grow(&t)) return text_free(&t), TINY_FAIL;                       \
    err = call;                                                                \
  } while (err == ERANGE);                                                     \
  tiny_val out = found ? value(vm, found) : tiny_raise(vm, TINY_KEY_ERROR, __VA_ARGS__); \
  text_free(&t);                                                               \
  return out

static tiny_val pwd_name(tiny_vm *vm, tiny_args *a) {
  const char *name = name_arg(vm, tiny_arg(a, 0));
  if (!name) return TINY_FAIL;
  LOOK_UP(struct passwd, passwd_value, getpwnam_r(name, &entry, t.data, t.size, &found), "getpwnam(): name not found: %R", tiny_arg(a, 0));
}

static tiny_val pwd_uid(tiny_vm *vm, tiny_args *a) {
  uint32_t id;
  int ok = id_arg(vm, tiny_arg(a, 0), "uid", &id);
  if (ok <= 0) return ok < 0 ? TINY_FAIL : tiny_raise(vm, TINY_KEY_ERROR, "getpwuid(): uid not found");
  LOOK_UP(struct passwd, passwd_value, getpwuid_r(id, &entry, t.data, t.size, &found), "getpwuid(): uid not found: %d", (int)id);
}

static tiny_val grp_name(tiny_vm *vm, tiny_args *a) {
  const char *name = name_arg(vm, tiny_arg(a, 0));
  if (!name) return TINY_FAIL;
  LOOK_UP(struct group, group_value, getgrnam_r(name, &entry, t.data, t.size, &found), "getgrnam(): name not found: %R", tiny_arg(a, 0));
}

static tiny_val grp_gid(tiny_vm *vm, tiny_args *a) {
  uint32_t id;
  int ok = id_arg(vm, tiny_arg(a, 0), "gid", &id);
  if (ok <= 0) return ok < 0 ? TINY_FAIL : tiny_raise(vm, TINY_OVERFLOW_ERROR, "gid is less than minimum");
  LOOK_UP(struct group, group_value, getgrgid_r(id, &entry, t.data, t.size, &found), "getgrgid(): gid not found: %d", (int)id);
}

/* ---- all of them. Where the list is, is the process's: two VMs that ask at once may each get parts. */

#define LIST_ALL(type, value, rewind, next, end)                     \
  type entry, *found = NULL;                                         \
  Text t = {vm, NULL, 0};                                            \
  tiny_val list = tiny_list(vm, 0, NULL);                            \
  bool ok = !tiny_failed(list) && text_grow(&t);                     \
  (void)a;                                                           \
  rewind();                                                          \
  while (ok) {                                                       \
    tiny_scope s = tiny_scope_open(vm);                              \
    int err = next(&entry, t.data, t.size, &found);                  \
    if (err == ERANGE) ok = text_grow(&t);                           \
    else if (err) break;                                             \
    else ok = tiny_list_append(vm, list, value(vm, found));          \
    tiny_scope_close(vm, s);                                         \
  }                                                                  \
  end();                                                             \
  text_free(&t);                                                     \
  return ok ? list : TINY_FAIL

static tiny_val pwd_all(tiny_vm *vm, tiny_args *a) { LIST_ALL(struct passwd, passwd_value, setpwent, getpwent_r, endpwent); }
static tiny_val grp_all(tiny_vm *vm, tiny_args *a) { LIST_ALL(struct group, group_value, setgrent, getgrent_r, endgrent); }

static const tiny_def pwd_functions[] = {
  {"getpwnam", pwd_name, "(name: str, /)", "Return the password database entry for the given user name."},
  {"getpwuid", pwd_uid, "(uidobj, /)", "Return the password database entry for the given numeric user ID."},
  {"getpwall", pwd_all, "()", "Return a list of all available password database entries, in arbitrary order."},
  {0}};
static const tiny_def grp_functions[] = {
  {"getgrnam", grp_name, "(name: str)", "Return the group database entry for the given group name."},
  {"getgrgid", grp_gid, "(id)", "Return the group database entry for the given numeric group ID."},
  {"getgrall", grp_all, "()", "Return a list of all available group entries, in arbitrary order."},
  {0}};

static bool pwd_init(tiny_vm *vm, tiny_val module) {
  static const char *const fields[] = {"pw_name", "pw_passwd", "pw_uid", "pw_gid", "pw_gecos", "pw_dir", "pw_shell", NULL};
  return os_record_class(vm, module, "pwd", "struct_passwd", fields);
}
static bool grp_init(tiny_vm *vm, tiny_val module) {
  static const char *const fields[] = {"gr_name", "gr_passwd", "gr_gid", "gr_mem", NULL};
  return os_record_class(vm, module, "grp", "struct_group", fields);
}

extern const tiny_module pwd_module, grp_module;
const tiny_module pwd_module = {"pwd", pwd_functions, pwd_init, "The users that the system knows."};
const tiny_module grp_module = {"grp", grp_functions, grp_init, "The groups that the system knows."};
