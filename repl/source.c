/* Files that hold scripts: reading them, and finding modules beside the script and in TINYPATH. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "repl/program.h"

char *source_read_stream(FILE *f, size_t *len) {
  size_t cap = 8192, n = 0;
  char *data = malloc(cap + 1);
  while (data) {
    size_t got = fread(data + n, 1, cap - n, f);
    n += got;
    if (got == 0) break;
    if (n == cap) {
      char *more = realloc(data, cap * 2 + 1);
      if (!more) free(data);
      data = more;
      cap *= 2;
    }
  }
  if (data) data[n] = 0;
  *len = n;
  return data;
}

char *source_read(const char *path, size_t *len, int *err) {
  struct stat st;
  FILE *f = fopen(path, "rb");
  *err = errno;
  if (!f) return NULL;
  if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
    *err = EISDIR;
    fclose(f);
    return NULL;
  }
  char *data = source_read_stream(f, len);
  *err = data ? 0 : ENOMEM;
  fclose(f);
  return data;
}

tiny_val source_string(tiny_vm *vm, const char *bytes) {
  tiny_val v = tiny_string(vm, bytes);
  if (!tiny_failed(v) || !tiny_pending_is(vm, TINY_UNICODE_ERROR)) return v;
  tiny_clear_error(vm);
  tiny_val args[2] = {tiny_string(vm, "utf-8"), tiny_string(vm, "surrogateescape")};
  return tiny_call_method(vm, tiny_bytes(vm, bytes, strlen(bytes)), "decode", 2, args);
}

char *source_shown(tiny_vm *vm, const char *path) {
  tiny_scope scope = tiny_scope_open(vm);
  const char *text = tiny_to_str(vm, source_string(vm, path), NULL);
  char *copy = text ? strdup(text) : NULL;
  if (!text) tiny_clear_error(vm);
  tiny_scope_close(vm, scope);
  return copy;
}

/* The other way round: the bytes of a path that a script gave. Pinned in the caller's scope; NULL: it cannot be one. */
static const char *path_bytes(tiny_vm *vm, tiny_val path) {
  const char *text = tiny_to_str(vm, path, NULL);
  if (!text || !strchr(text, '\xED')) return text; /* no surrogate in it */
  tiny_val args[2] = {tiny_string(vm, "utf-8"), tiny_string(vm, "surrogateescape")};
  tiny_val bytes = tiny_binary(vm, TINY_ADD, tiny_call_method(vm, path, "encode", 2, args), tiny_bytes(vm, "", 1));
  const char *data = tiny_to_bytes(vm, bytes, NULL);
  if (!data) tiny_clear_error(vm);
  return data;
}

static char *join3(const char *dir, const char *name, const char *tail) {
  size_t nd = strlen(dir), nn = strlen(name), nt = strlen(tail);
  char *s = malloc(nd + nn + nt + 2);
  if (!s) return NULL;
  memcpy(s, dir, nd);
  if (nd && dir[nd - 1] != '/') s[nd++] = '/';
  memcpy(s + nd, name, nn);
  memcpy(s + nd + nn, tail, nt + 1);
  return s;
}

/* The first of NAME.tiny, NAME.py, NAME/<inner>.tiny, NAME/<inner>.py that is a file. */
static char *look_in(const char *dir, const char *slashed, const char *inner, bool *is_package, size_t *len, char **path) {
  char tails[4][64];
  snprintf(tails[0], sizeof tails[0], "/%s.tiny", inner);
  snprintf(tails[1], sizeof tails[1], "/%s.py", inner);
  snprintf(tails[2], sizeof tails[2], ".tiny");
  snprintf(tails[3], sizeof tails[3], ".py");
  for (int i = 0; i < 4; i++) {
    char *file = join3(dir, slashed, tails[i]);
    int err;
    struct stat st;
    char *text = file && stat(file, &st) == 0 && S_ISREG(st.st_mode) ? source_read(file, len, &err) : NULL;
    if (text) {
      *is_package = i < 2;
      *path = file;
      return text;
    }
    free(file);
  }
  return NULL;
}

/* A folder without __init__ is a namespace package (PEP 420), unless something better is found further on. */
static char *look_for_folder(const char *dir, const char *slashed) {
  char *folder = join3(dir, slashed, "");
  struct stat st;
  if (folder && stat(folder, &st) == 0 && S_ISDIR(st.st_mode)) return folder;
  free(folder);
  return NULL;
}

/* What a script has written into a file that it dropped may be the module. */
static void flush_files(Program *p) {
  tiny_val files = tiny_getitem(p->vm, tiny_modules(p->vm), tiny_string(p->vm, "_io_file"));
  if (tiny_failed(files) || tiny_failed(tiny_call_method(p->vm, files, "flush_all", 0, NULL))) tiny_clear_error(p->vm);
}

/* Is it names with dots between them? A slash would lead into folders that are no packages. */
static bool is_dotted(const char *name) { return *name && *name != '.' && name[strlen(name) - 1] != '.' && !strstr(name, "..") && !strchr(name, '/'); }

/* The folders of sys.path, as the script left it; entries that are no str are passed over, as the import system does. NULL with *path: a namespace package. */
static char *look_everywhere(Program *p, const char *dotted, const char *inner, bool *is_package, size_t *len, char **path) {
  size_t n = strlen(dotted);
  char *slashed = is_dotted(dotted) ? malloc(n + 1) : NULL, *text = NULL, *folder = NULL;
  if (!slashed) return NULL;
  for (size_t i = 0; i <= n; i++) slashed[i] = dotted[i] == '.' ? '/' : dotted[i];
  tiny_scope scope = tiny_scope_open(p->vm);
  flush_files(p);
  tiny_val dirs = tiny_getattr(p->vm, tiny_getitem(p->vm, tiny_modules(p->vm), tiny_string(p->vm, "sys")), "path");
  if (tiny_failed(dirs)) tiny_clear_error(p->vm);
  for (int i = 0; !text && !tiny_failed(dirs) && i < tiny_seq_len(dirs); i++) {
    tiny_val item = tiny_seq_item(dirs, i);
    const char *dir = tiny_kind_of(p->vm, item) == TINY_T_STR ? path_bytes(p->vm, item) : NULL;
    char *full = dir ? source_absolute(dir) : NULL;
    if (full) text = look_in(full, slashed, inner, is_package, len, path);
    if (full && !text && !folder) folder = look_for_folder(full, slashed);
    free(full);
  }
  tiny_scope_close(p->vm, scope);
  free(slashed);
  if (text) free(folder);
  else if (folder) *path = folder, *is_package = true, *len = 0;
  return text;
}

bool source_set_path(Program *p, const char *first) {
  tiny_val path = tiny_getattr(p->vm, tiny_import(p->vm, "sys"), "path");
  if (first && !tiny_list_append(p->vm, path, source_string(p->vm, first))) return false;
  const char *at = p->options->flag[FLAG_IGNORE_ENVIRONMENT] ? NULL : getenv("TINYPATH");
  while (at && *at) {
    size_t k = strcspn(at, ":");
    char *one = k ? strndup(at, k) : NULL;
    bool ok = !k || (one && tiny_list_append(p->vm, path, source_string(p->vm, one)));
    free(one);
    if (!ok) return false;
    at += k + (at[k] == ':');
  }
  return !tiny_failed(path);
}

bool program_find_source(void *user, const char *dotted_name, const char **text, size_t *len, const char **path, bool *is_package) {
  Program *p = user;
  free(p->found_text);
  free(p->found_path);
  p->found_path = NULL;
  char *found = NULL;
  p->found_text = look_everywhere(p, dotted_name, "__init__", is_package, len, &found);
  if (found) p->found_path = source_shown(p->vm, found);
  free(found);
  *text = p->found_text;
  *path = p->found_path;
  return p->found_path != NULL;
}

char *source_find_module(Program *p, const char *dotted_name, bool main, size_t *len, char **path, bool *is_package) {
  char *text = look_everywhere(p, dotted_name, main ? "__main__" : "__init__", is_package, len, path), *found = *path;
  if (found) *path = source_shown(p->vm, found);
  free(found);
  return text;
}

/* A name without a slash was found by the shell in the folders of PATH. */
char *source_executable(const char *name) {
  if (strchr(name, '/')) return source_absolute(name);
  for (const char *at = getenv("PATH"), *end; at && *name; at = *end ? end + 1 : NULL) {
    end = at + strcspn(at, ":");
    char *dir = strndup(at, (size_t)(end - at)), *file = dir ? join3(dir, name, "") : NULL, *full = NULL;
    if (file && access(file, X_OK) == 0) full = source_absolute(file);
    free(dir);
    free(file);
    if (full) return full;
  }
  return NULL;
}

char *source_find_main(const char *dir, size_t *len, char **path) {
  bool is_package;
  char *text = look_in(dir, "__main__", "", &is_package, len, path);
  return text;
}

/* The path that tracebacks and __file__ show; as python3, without taking "." and ".." out. */
char *source_absolute(const char *path) {
  char cwd[PATH_MAX];
  if (path[0] == '/' || !getcwd(cwd, sizeof cwd)) return join3("", path, "");
  return *path && strcmp(path, ".") != 0 ? join3(cwd, path, "") : join3("", cwd, "");
}
