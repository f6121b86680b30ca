/* Calls both ways: C functions and a C class for scripts; script functions, objects and generators for C.
 *   cc 02_calls.c $(pkg-config --cflags --libs tiny) -o calls */
#include <stdio.h>
#include <string.h>
#include <tiny.h>

/* ---- a class whose instances carry a C struct */

typedef struct Unit {
  int hp;
  tiny_val on_hit; /* a script's function; None at first */
} Unit;

static const tiny_class unit_class;

static tiny_val unit_init(tiny_vm *vm, tiny_args *a) {
  Unit *u = tiny_arg_native(a, 0, &unit_class);
  u->hp = (int)tiny_arg_int(a, 1);
  tiny_store(vm, tiny_arg(a, 0), &u->on_hit, tiny_arg(a, 2));
  return TINY_NONE;
}

/* Arguments have been checked against the signature in the table below before this runs. */
static tiny_val unit_hit(tiny_vm *vm, tiny_args *a) {
  Unit *u = tiny_arg_native(a, 0, &unit_class);
  int64_t damage = tiny_arg_int(a, 1);
  if (damage > u->hp && !tiny_arg_bool(a, 2)) return tiny_raise(vm, TINY_VALUE_ERROR, "overkill by %lld", (long long)(damage - u->hp));
  u->hp -= (int)damage;
  if (tiny_is_none(u->on_hit)) return tiny_int(vm, u->hp);
  tiny_val argv[] = {tiny_int(vm, u->hp)};
  return tiny_tail_call(vm, u->on_hit, 1, argv); /* the callback's result is ours; no C stack is held meanwhile */
}

static tiny_val unit_hp(tiny_vm *vm, tiny_args *a) {
  Unit *u = tiny_arg_native(a, 0, &unit_class);
  return tiny_int(vm, u->hp);
}

static void unit_trace(tiny_tracer *t, void *data) { tiny_trace(t, ((Unit *)data)->on_hit); }

static const tiny_def unit_methods[] = {
    {"__init__", unit_init, "(self, hp: int, on_hit=None)", "A unit with hit points."},
    {"hit", unit_hit, "(self, damage: int, *, force: bool = False) -> int", "Take damage; the hit points left, or what on_hit makes of them."},
    {"@hp", unit_hp, "(self)", "Hit points."},
    {0},
};

static const tiny_class unit_class = {.name = "game.Unit", .data_size = sizeof(Unit), .methods = unit_methods, .trace = unit_trace};

/* ---- a module */

static tiny_val game_roll(tiny_vm *vm, tiny_args *a) { return tiny_int(vm, (tiny_arg_int(a, 0) * 7 + 3) % 6 + 1); }

static const tiny_def game_functions[] = {{"roll", game_roll, "(turn: int) -> int", "A die that is the same every time."}, {0}};

static bool game_init(tiny_vm *vm, tiny_val module) { return tiny_setattr(vm, module, "Unit", tiny_class_of(vm, &unit_class)); }

static const tiny_module game = {"game", game_functions, game_init, "The host's game."};

/* ---- the host */

static bool write_out(void *user, int stream, const char *text, size_t len) {
  (void)user, (void)stream;
  return text ? fwrite(text, 1, len, stdout) == len : fflush(stdout) == 0;
}

static const char script[] =
    "import game\n"
    "boss = game.Unit(20, on_hit=lambda hp: f'{hp} left')\n"
    "print(boss.hit(game.roll(1)), boss.hp)\n"
    "try:\n"
    "    boss.hit(99)\n"
    "except ValueError as e:\n"
    "    print('ValueError:', e)\n"
    "try:\n"
    "    boss.hit('hard')\n"
    "except TypeError as e:\n"
    "    print('TypeError:', e)\n"
    "def damage(base, *, factor=1):\n"
    "    return {'total': base * factor, 'hits': [base] * factor}\n"
    "def turns(player):\n"
    "    while True:\n"
    "        player = yield f'{player} moves'\n";

static int fail(tiny_vm *vm) {
  tiny_error e;
  if (tiny_take_error(vm, &e)) fputs(e.text, stderr);
  tiny_free(vm);
  return 1;
}

int main(void) {
  tiny_config config = TINY_CONFIG_INIT;
  config.write = write_out;
  tiny_vm *vm = tiny_new(&config);
  if (!vm) return 1;
  if (!tiny_add_module(vm, &game) || tiny_run_source(vm, script, strlen(script), "game.tiny") != TINY_OK) return fail(vm);
  tiny_val main_module = tiny_main_module(vm);

  /* damage(5, factor=3)["total"]. A failure anywhere comes out at the end of the chain. */
  tiny_val args[] = {tiny_int(vm, 5), tiny_int(vm, 3)};
  const char *names[] = {"factor"};
  tiny_val result = tiny_call_kw(vm, tiny_getattr(vm, main_module, "damage"), 2, args, 1, names);
  int64_t total;
  if (!tiny_to_int(vm, tiny_getitem(vm, result, tiny_string(vm, "total")), &total)) return fail(vm);
  printf("total %d, whole result %s\n", (int)total, tiny_to_str(vm, tiny_repr(vm, result), NULL));

  /* A generator, resumed from C. */
  tiny_val player = tiny_string(vm, "ann"), turn;
  tiny_val turns = tiny_call(vm, tiny_getattr(vm, main_module, "turns"), 1, &player);
  if (tiny_send(vm, turns, TINY_NONE, &turn) != TINY_YIELDED) return fail(vm);
  puts(tiny_to_str(vm, turn, NULL));
  if (tiny_send(vm, turns, tiny_string(vm, "bob"), &turn) != TINY_YIELDED) return fail(vm);
  puts(tiny_to_str(vm, turn, NULL));
  if (!tiny_close(vm, turns)) return fail(vm);

  /* Values are pinned until their scope ends; a long loop opens a scope of its own. */
  int64_t sum = 0;
  for (int i = 0; i < 1000; i++) {
    tiny_scope scope = tiny_scope_open(vm);
    tiny_val n = tiny_binary(vm, TINY_MUL, tiny_int(vm, i), tiny_int(vm, i));
    int64_t square;
    if (!tiny_to_int(vm, n, &square)) return fail(vm);
    sum += square;
    tiny_scope_close(vm, scope);
  }
  printf("sum of squares %d\n", (int)sum);
  tiny_free(vm);
  return 0;
}
