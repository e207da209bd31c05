# Sourced by the other scripts: everything that a checkout needs, from an empty Debian machine to a built and installed package.
# Each step is skipped when it is done already. Environment: PYTHON (default python3) makes the .venv.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly BUILD=build/release
readonly LOG=build/setup.log
readonly APT_PACKAGES=(build-essential cmake ninja-build ccache pkg-config clang-format git
  libsqlite3-dev libssl-dev nlohmann-json3-dev coinor-libclp-dev libgtest-dev libgmock-dev libbenchmark-dev
  python3-dev python3-venv)
readonly TORCH=torch==2.11.0

say() { printf '== %s\n' "$*"; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
# Runs a command with its output in the log; where it fails, shows the end of the log and one clear line.
quietly() {
  local what=$1
  shift
  "$@" >>"$LOG" 2>&1 && return
  tail -n 25 "$LOG" >&2
  die "$what failed; the whole output is in $LOG"
}

install_system_packages() {
  local missing=() package
  for package in "${APT_PACKAGES[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  local run=()
  if ((EUID != 0)); then
    sudo -n true 2>/dev/null || die "install these first: apt-get install ${missing[*]}"
    run=(sudo -n)
  fi
  say "installing system packages: ${missing[*]}"
  quietly "apt-get update" "${run[@]}" apt-get update
  quietly "apt-get install" "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

make_environment() {
  local python=${PYTHON:-python3}
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || die "$python must be Python 3.11 or later"
  if ! .venv/bin/python -c '' 2>/dev/null; then
    say "making .venv"
    rm -rf .venv
    quietly "making .venv" "$python" -m venv .venv
  fi
  local wanted
  wanted=$(printf '%s\n' "$TORCH" && cat pyproject.toml)
  [[ $(cat .venv/.quorate-packages 2>/dev/null) != "$wanted" ]] || return 0
  say "installing Python packages (torch is 4.7 GB: a few minutes)"
  quietly "pip install" .venv/bin/python -m pip install --upgrade "pip>=25.1"
  quietly "pip install" .venv/bin/python -m pip install "$TORCH" "numpy>=1.26" "click>=8.1" "rich>=13.0" "scikit-learn>=1.4"
  quietly "pip install" .venv/bin/python -m pip install --group build --group test
  printf '%s\n' "$wanted" >.venv/.quorate-packages
}

# The extension modules, the C++ libraries and the C++ tests in one build; the package is installed editable.
build_and_install() {
  local sources
  sources=$(find CMakeLists.txt pyproject.toml cmake include src python/bindings tests benchmarks \
    \( -name '*.cc' -o -name '*.h' -o -name '*.txt' -o -name '*.cmake' -o -name '*.in' -o -name '*.toml' \) -print0 |
    sort -z | xargs -0 sha256sum | sha256sum)
  [[ $(cat "$BUILD/.quorate-built" 2>/dev/null) != "$sources" ]] || return 0
  say "building (the first time takes minutes)"
  quietly "the build" .venv/bin/python -m pip install --no-build-isolation --no-deps -v \
    -C build-dir="$BUILD" -C cmake.define.QUORATE_TESTS=ON -C cmake.define.QUORATE_BENCHMARKS=ON \
    -C cmake.define.QUORATE_WERROR=ON -e .
  printf '%s\n' "$sources" >"$BUILD/.quorate-built"
}

setup() {
  mkdir -p build
  : >"$LOG"
  install_system_packages
  make_environment
  build_and_install
}
