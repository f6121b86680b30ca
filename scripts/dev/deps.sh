#!/bin/sh
# Debian packages that the build, the program and the tests need.
#   deps.sh missing GOALS...  names the ones that are not there, for these goals of make
#   deps.sh wanted GOALS...   those that these goals can do without: libraries of optional modules, programs that tests use
#   deps.sh install PACKAGES... -- WANTED...  installs them with apt-get, as root or by a sudo that asks nothing; else says what to install, and fails where packages are missing
# Found by pkg-config, so a library that was built by hand counts as well.
cd "$(dirname "$0")/../.." || exit 1
PKG_CONFIG=${PKG_CONFIG:-pkg-config}

debian_name() { # of a pkg-config package
  case $1 in
    libuv) echo libuv1-dev ;;
    libpcre2-8) echo libpcre2-dev ;;
    openssl) echo libssl-dev ;;
    zlib) echo zlib1g-dev ;;
    sqlite3) echo libsqlite3-dev ;;
    readline) echo libreadline-dev ;;
    libtommath | libutf8proc) echo "$1-dev" ;;
    *) echo "$1" ;;
  esac
}

need() { # pkg-config package
  command -v "$PKG_CONFIG" >/dev/null 2>&1 && "$PKG_CONFIG" --exists "$1" 2>/dev/null || debian_name "$1"
}

# The modules of stdlib/full/ say what they are made with: a line `needs: NAME`. A build without it leaves them out; whoever runs or tests wants all.
optional() {
  sed -n 's/.*needs: *\([a-z0-9-]*\).*/\1/p' stdlib/full/*.c 2>/dev/null | sort -u
  [ "$READLINE" = 0 ] || echo readline
}

# What the goals ask for: core (any build), program (its optional modules as well), tests; wanted: modules that a plain build takes where it can
ask() {
  core= program= tests= wanted=
  for goal in "$@"; do
    case $goal in
      help | clean | uninstall | dist | lint-headers) ;;
      run | deps) core=1 program=1 ;;
      test*) core=1 program=1 tests=1 ;;
      *) core=1 wanted=1 ;;
    esac
  done
}

missing() {
  ask "$@"
  if [ "$core" ]; then
    command -v "$PKG_CONFIG" >/dev/null 2>&1 || echo pkg-config
    command -v "${PYTHON3:-python3}" >/dev/null 2>&1 || echo python3
    need libtommath
    need libutf8proc
  fi
  if [ "$program" ]; then for p in $(optional); do need "$p"; done; fi
  if [ "$tests" ]; then need check; fi
}

wanted() {
  ask "$@"
  if [ "$wanted" ] && [ -z "$program" ]; then for p in $(optional); do need "$p"; done; fi
  if [ "$tests" ]; then for p in curl wrk socat; do command -v "$p" >/dev/null 2>&1 || echo "$p"; done; fi
}

apt_get() { # PACKAGES...; as root, or by sudo
  if [ "$(id -u)" = 0 ]; then as=; else as=sudo; fi
  export DEBIAN_FRONTEND=noninteractive
  echo "installing $*" >&2
  $as apt-get install -y --no-install-recommends "$@" >&2 || { $as apt-get update >&2 && $as apt-get install -y --no-install-recommends "$@" >&2; }
}

can_install() { command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; }

install() {
  packages= wanted=
  while [ $# -gt 0 ] && [ "$1" != -- ]; do packages="$packages $1" && shift; done
  [ $# -eq 0 ] || shift
  wanted=$*
  if [ "$packages" ]; then
    if ! can_install; then
      echo "packages are missing. Install them, then run make again:" >&2
      echo "    sudo apt-get install$packages${wanted:+ $wanted}" >&2
      exit 1
    fi
    apt_get $packages || exit 1
  fi
  [ "$wanted" ] || return 0
  can_install && apt_get $wanted && return 0
  echo "modules that need other libraries are left out. To have them, install these and run make again:" >&2
  echo "    sudo apt-get install $wanted" >&2
}

command=$1
shift
case $command in
  missing | wanted) "$command" "$@" | tr '\n' ' ' ;;
  install) install "$@" ;;
  *) sed -n '2,6s/^# *//p' "$0"; exit 2 ;;
esac
