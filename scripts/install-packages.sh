#!/bin/sh
# Installs the Debian packages that the build, the tests and the sandbox need. With all of them there it
# does nothing, in a few milliseconds and without asking apt. Uses sudo when it is not run as root.
#
#   scripts/install-packages.sh            what building and running needs
#   scripts/install-packages.sh --dev      also clang-format, clang-tidy and gdb
#   scripts/install-packages.sh --list     print the names, install nothing
set -eu

# The compiler and what drives it.
build="cmake ninja-build g++ ccache pkg-config"
# Libraries. libmysqlcppconn-dev brings Boost 1.74 and excludes every other Boost.
libraries="libmysqlcppconn-dev libboost-dev libmariadb-dev libfmt-dev libspdlog-dev libyaml-cpp-dev
  nlohmann-json3-dev libcli11-dev libexpected-dev libsqlitecpp-dev libsqlite3-dev prometheus-cpp-dev libssl-dev openssl"
tests="libgtest-dev librapidcheck-dev"
# The sandbox extracts MySQL from the Debian archive when the machine has none.
sandbox="mmdebstrap debian-archive-keyring"
dev="clang-format clang-tidy gdb"

wanted="$build $libraries $tests $sandbox"
case "${1:-}" in
  '') ;;
  --dev) wanted="$wanted $dev" ;;
  --list)
    # Unquoted on purpose: one name a line.
    # shellcheck disable=SC2086
    printf '%s\n' $wanted
    exit 0
    ;;
  *)
    echo "usage: $0 [--dev | --list]" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "$0: this machine has no apt. Install the counterparts of these Debian packages by hand:" >&2
  # shellcheck disable=SC2086
  printf '  %s\n' $wanted >&2
  exit 1
fi

# One question for all of them; dpkg-query fails when it does not know a name, which is an answer too.
# shellcheck disable=SC2086
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p') || true
missing=""
for package in $wanted; do
  case "
$installed
" in
    *"
$package
"*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "$0: not root, and there is no sudo. As root, run:" >&2
    echo "  apt-get update && apt-get install --yes --no-install-recommends$missing" >&2
    exit 1
  fi
  as_root="sudo"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM HUP

echo "Installing Debian packages:$missing" >&2
run_apt() {
  # sudo drops the environment, so the variable goes through env.
  if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes "$@" >"$log" 2>&1; then
    cat "$log" >&2
    echo "$0: 'apt-get $1' failed; its words are above." >&2
    exit 1
  fi
}
run_apt update
# shellcheck disable=SC2086
run_apt install --no-install-recommends $missing
echo "Installed." >&2
