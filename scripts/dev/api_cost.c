/* What the calls between a host and its scripts cost, in nanoseconds (the best of several runs), and the bytes of a VM and of a suspended coroutine. With -DLUA the same
 * of Lua 5.4 beside it. Usage: api_cost [N]
 * Build: cc -O2 -Iinclude [-DLUA `pkg-config --cflags lua5.4`] scripts/dev/api_cost.c build/libtiny.a -ltommath -lutf8proc -lm [`pkg-config --libs lua5.4`] -o api_cost */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tiny.h"
#ifdef LUA
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The best of 7 runs of `work` (which does n things), per thing. */
static double best(void (*work)(void *ctx, int n), void *ctx, int n) {
  double b = 1e18;
  for (int i = 0; i < 7; i++) {
    double start = now();
    work(ctx, n);
    double t = (now() - start) / n;
    if (t < b) b = t;
  }
  return b;
}

typedef struct Tiny { tiny_vm *vm; tiny_val add, gen, object, point; } Tiny;
typedef struct Point { double x; } Point;
static const tiny_class point_class;

static tiny_val t_half(tiny_vm *vm, tiny_args *a) { return tiny_int(vm, tiny_arg_int(a, 0) / 2); }
static tiny_val t_move(tiny_vm *vm, tiny_args *a) {
  Point *p = tiny_arg_native(a, 0, &point_class);
  p->x += tiny_arg_float(a, 1);
  return tiny_float(vm, p->x);
}
static const tiny_def half_def = {"half", t_half, "(x: int)", NULL};
static const tiny_def point_methods[] = {{"move", t_move, "(self, by: float)", NULL}, {0}};
static const tiny_class point_class = {.name = "host.Point", .data_size = sizeof(Point), .methods = point_methods};

static tiny_val run(tiny_vm *vm, const char *text) {
  if (tiny_run_source(vm, text, strlen(text), "bench") != TINY_OK) exit(1);
  return TINY_NONE;
}
static void t_calls(void *ctx, int n) {
  Tiny *t = ctx;
  for (int i = 0; i < n; i++) {
    tiny_scope s = tiny_scope_open(t->vm);
    tiny_val argv[2] = {tiny_int(t->vm, i), tiny_int(t->vm, 1)};
    if (tiny_failed(tiny_call(t->vm, t->add, 2, argv))) exit(1);
    tiny_scope_close(t->vm, s);
  }
}
static void t_named(void *ctx, int n) {
  Tiny *t = ctx;
  for (int i = 0; i < n; i++) {
    tiny_scope s = tiny_scope_open(t->vm);
    tiny_val argv[2] = {tiny_int(t->vm, i), tiny_int(t->vm, 1)};
    if (tiny_failed(tiny_call_method(t->vm, tiny_main_module(t->vm), "add", 2, argv))) exit(1);
    tiny_scope_close(t->vm, s);
  }
}
static void t_attrs(void *ctx, int n) {
  Tiny *t = ctx;
  for (int i = 0; i < n; i++) {
    tiny_scope s = tiny_scope_open(t->vm);
    if (tiny_failed(tiny_getattr(t->vm, t->object, "score"))) exit(1);
    tiny_scope_close(t->vm, s);
  }
}
static void t_sends(void *ctx, int n) {
  Tiny *t = ctx;
  tiny_val v;
  for (int i = 0; i < n; i++) {
    tiny_scope s = tiny_scope_open(t->vm);
    if (tiny_send(t->vm, t->gen, TINY_NONE, &v) != TINY_YIELDED) exit(1);
    tiny_scope_close(t->vm, s);
  }
}
static void t_natives(void *ctx, int n) { /* 1000 calls each */
  Tiny *t = ctx;
  for (int i = 0; i < n; i += 1000) run(t->vm, "natives()");
}
static void t_methods(void *ctx, int n) {
  Tiny *t = ctx;
  for (int i = 0; i < n; i += 1000) run(t->vm, "methods()");
}
static void t_empty(void *ctx, int n) {
  Tiny *t = ctx;
  for (int i = 0; i < n; i += 1000) run(t->vm, "empty()");
}
static void t_vms(void *ctx, int n) {
  (void)ctx;
  for (int i = 0; i < n; i++) {
    tiny_vm *vm = tiny_new(NULL);
    if (!vm || tiny_failed(tiny_eval(vm, "1 + 1"))) exit(1);
    tiny_free(vm);
  }
}

static void tiny_costs(int n) {
  tiny_config c = TINY_CONFIG_INIT;
  Tiny t = {.vm = tiny_new(&c)};
  tiny_val main_module = tiny_main_module(t.vm);
  size_t fresh = tiny_memory_used(t.vm);
  if (!tiny_setattr(t.vm, main_module, "half", tiny_function(t.vm, &half_def, TINY_NONE)) || !tiny_setattr(t.vm, main_module, "Point", tiny_class_of(t.vm, &point_class))) exit(1);
  run(t.vm, "def add(a, b): return a + b\ndef gen():\n  n = 0\n  while True:\n    yield n\nclass O: pass\no = O()\no.score = 5\np = Point()\n"
            "def natives():\n  for i in range(1000): half(i)\ndef methods():\n  for i in range(1000): p.move(1.5)\ndef empty():\n  for i in range(1000): pass\n");
  t.add = tiny_getattr(t.vm, main_module, "add"), t.gen = tiny_eval(t.vm, "gen()"), t.object = tiny_eval(t.vm, "o");
  double loop = best(t_empty, &t, n);
  printf("tiny  host -> script %5.1f  by name %5.1f  attribute %5.1f  resume %5.1f  script -> host %5.1f  method %5.1f\n", best(t_calls, &t, n), best(t_named, &t, n), best(t_attrs, &t, n), best(t_sends, &t, n),
         best(t_natives, &t, n) - loop, best(t_methods, &t, n) - loop);
  tiny_collect(t.vm);
  size_t before = tiny_memory_used(t.vm);
  run(t.vm, "keep = [gen() for i in range(10000)]\nfor g in keep: next(g)\n");
  tiny_collect(t.vm);
  printf("      VM %zu bytes  coroutine %zu bytes  create, a line, free %.1f us\n", fresh, (tiny_memory_used(t.vm) - before) / 10000, best(t_vms, NULL, 1000) / 1e3);
  tiny_free(t.vm);
}

#ifdef LUA
static int l_half(lua_State *L) { return lua_pushinteger(L, luaL_checkinteger(L, 1) / 2), 1; }
static int l_move(lua_State *L) {
  Point *p = luaL_checkudata(L, 1, "Point");
  p->x += luaL_checknumber(L, 2);
  return lua_pushnumber(L, p->x), 1;
}
static void lrun(lua_State *L, const char *text) {
  if (luaL_dostring(L, text)) exit(1);
}
static void l_calls(void *L, int n) {
  int ref;
  lua_getglobal(L, "add");
  ref = luaL_ref(L, LUA_REGISTRYINDEX);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    lua_pushinteger(L, i);
    lua_pushinteger(L, 1);
    if (lua_pcall(L, 2, 1, 0)) exit(1);
    lua_pop(L, 1);
  }
  luaL_unref(L, LUA_REGISTRYINDEX, ref);
}
static void l_named(void *L, int n) {
  for (int i = 0; i < n; i++) {
    lua_getglobal(L, "add");
    lua_pushinteger(L, i);
    lua_pushinteger(L, 1);
    if (lua_pcall(L, 2, 1, 0)) exit(1);
    lua_pop(L, 1);
  }
}
static void l_attrs(void *L, int n) {
  lua_getglobal(L, "o");
  for (int i = 0; i < n; i++) {
    lua_getfield(L, -1, "score");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}
static void l_sends(void *ctx, int n) {
  lua_State *L = ctx, *co = lua_newthread(L);
  int got;
  lua_getglobal(L, "gen");
  lua_xmove(L, co, 1);
  for (int i = 0; i < n; i++) {
    if (lua_resume(co, L, 0, &got) != LUA_YIELD) exit(1);
    lua_pop(co, got);
  }
  lua_pop(L, 1);
}
static void l_natives(void *L, int n) {
  for (int i = 0; i < n; i += 1000) lrun(L, "natives()");
}
static void l_methods(void *L, int n) {
  for (int i = 0; i < n; i += 1000) lrun(L, "methods()");
}
static void l_empty(void *L, int n) {
  for (int i = 0; i < n; i += 1000) lrun(L, "empty()");
}
static void l_vms(void *ctx, int n) {
  (void)ctx;
  for (int i = 0; i < n; i++) {
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lrun(L, "return 1 + 1");
    lua_close(L);
  }
}
static void lua_costs(int n) {
  static const luaL_Reg methods[] = {{"move", l_move}, {NULL, NULL}};
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  double fresh = lua_gc(L, LUA_GCCOUNT) * 1024.0;
  lua_register(L, "half", l_half);
  luaL_newmetatable(L, "Point");
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  luaL_setfuncs(L, methods, 0);
  Point *p = lua_newuserdata(L, sizeof *p);
  p->x = 0;
  luaL_setmetatable(L, "Point");
  lua_setglobal(L, "p");
  lrun(L, "function add(a, b) return a + b end function gen() local n = 0 while true do coroutine.yield(n) end end o = {score = 5} function natives() for i = 1, 1000 do half(i) end end\n"
          "function methods() for i = 1, 1000 do p:move(1.5) end end function empty() for i = 1, 1000 do end end\n");
  double loop = best(l_empty, L, n);
  printf("Lua   host -> script %5.1f  by name %5.1f  attribute %5.1f  resume %5.1f  script -> host %5.1f  method %5.1f\n", best(l_calls, L, n), best(l_named, L, n), best(l_attrs, L, n), best(l_sends, L, n),
         best(l_natives, L, n) - loop, best(l_methods, L, n) - loop);
  lua_gc(L, LUA_GCCOLLECT);
  double before = lua_gc(L, LUA_GCCOUNT) * 1024.0;
  lrun(L, "keep = {} for i = 1, 10000 do local c = coroutine.create(gen) coroutine.resume(c) keep[i] = c end");
  lua_gc(L, LUA_GCCOLLECT);
  printf("      VM %.0f bytes  coroutine %.0f bytes  create, a line, free %.1f us\n", fresh, (lua_gc(L, LUA_GCCOUNT) * 1024.0 - before) / 10000, best(l_vms, NULL, 1000) / 1e3);
  lua_close(L);
}
#endif

int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 200000;
  tiny_costs(n);
#ifdef LUA
  lua_costs(n);
#endif
  return 0;
}
