# What ./run, ./test and .ci/run share: packages and building. Sourced from the repository's root.

BUILD_DIR=${BUILD_DIR:-build}
BUILD_TYPE=${BUILD_TYPE:-Release}
JOBS=${JOBS:-2} # a compile job that includes CAF takes about 1 GB

# Debian 12's names. nlohmann, toml++, CLI11: headers. csv, deflate, icu, xxhash, zlib: codecs. jq: the mappers of
# user-defined providers. zstd: answers on disk. pugixml: the answers of S3 servers. archive:
# backups. tzdata: the time zones of cron, which a run needs, too. The rest: DESIGN's stack.
BUILD_PACKAGES="g++ cmake ninja-build ccache pkg-config ca-certificates libcaf-dev libboost-dev libcurl4-openssl-dev libssl-dev
  libsqlite3-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libtomlplusplus-dev libcli11-dev libicu-dev libcsv-dev
  libxxhash-dev libsimdjson-dev libdeflate-dev libjq-dev libpqxx-dev libpugixml-dev libarchive-dev libzstd-dev zlib1g-dev
  tzdata"
# postgresql: a real server for the storage tests, which start a cluster of their own on a free port.
TEST_PACKAGES="python3 curl openssl postgresql"
NODE_PACKAGES="nodejs npm" # for the tests' S3 server
LINT_PACKAGES="clang-format clang-tidy-16"
# g++ takes more than twice as long over instrumented code, and a second compiler sees what the first does not.
SANITIZE_PACKAGES="clang-16 libclang-rt-16-dev"
BENCH_PACKAGES="libbenchmark-dev wrk nginx-light python3 curl sqlite3 postgresql"

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }
die() { printf '%s\n' "$*" >&2; exit 2; }

# Installs Debian packages that are missing; asks apt only when one is.
install_packages() {
  local missing=() name have
  have=$(dpkg-query -W -f='${Package}=${db:Status-Status} ' "$@" 2>/dev/null || true)
  for name in "$@"; do
    case " $have" in *" $name=installed "*) ;; *) missing+=("$name") ;; esac
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "this needs Debian's packages, and apt-get is not here: ${missing[*]}"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "installing needs root or sudo: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  case " ${missing[*]} " in *" postgresql "*)
    # Nobody here needs the cluster that Debian's package makes and starts. A machine that has one keeps it.
    [ -e /etc/postgresql-common/createcluster.conf ] ||
      { "${sudo[@]}" mkdir -p /etc/postgresql-common &&
        echo 'create_main_cluster = false' | "${sudo[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null; } ;;
  esac
  local log; log=$(mktemp)
  { "${sudo[@]}" apt-get update -qq &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1 || { tail -n 5 "$log" >&2; die "apt-get could not install the packages; its output: $log"; }
  rm -f "$log"
}

# Puts promtool into DIR/tools. Debian ships it inside the package of the Prometheus server, which, installed, would run
# that server; so the package is only unpacked (19 MB to fetch). Without it one test says that it was left out.
fetch_promtool() {
  local tools=$1/tools folder
  [ ! -x "$tools/promtool" ] && ! command -v promtool >/dev/null && command -v apt-get >/dev/null || return 0
  say "fetching promtool"
  folder=$(mktemp -d)
  if (cd "$folder" && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb .) >/dev/null 2>&1; then
    mkdir -p "$tools" && cp "$folder/usr/bin/promtool" "$tools/"
  else
    say "promtool could not be fetched: the test of /metrics with it will be left out"
  fi
  rm -rf "$folder"
}

# Puts the S3 server of the tests into DIR/tools: an npm package with its dependencies, pinned with their checksums in
# tests/support/s3rver. Debian's nodejs and npm, unless there is another npm already (which would conflict with them).
fetch_s3_server() {
  local tools=$1/tools/s3rver log
  cmp -s tests/support/s3rver/package-lock.json "$tools/complete" && return 0
  command -v npm >/dev/null || install_packages $NODE_PACKAGES
  say "fetching the S3 server of the tests"
  log=$(mktemp)
  mkdir -p "$tools"
  cp tests/support/s3rver/package.json tests/support/s3rver/package-lock.json "$tools/"
  (cd "$tools" && npm ci --no-audit --no-fund --ignore-scripts) >"$log" 2>&1 ||
    { tail -n 5 "$log" >&2; die "npm could not fetch the S3 server of the tests; its output: $log"; }
  cp "$tools/package-lock.json" "$tools/complete"
  rm -f "$log"
}

# build DIR TARGET... [-- CMAKE ARGUMENTS]: configures once, then lets ninja do what is needed.
build() {
  local dir=$1 targets=() sources; shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do targets+=("$1"); shift; done
  [ "${1:-}" = -- ] && shift
  if [ ! -f "$dir/build.ninja" ] || [ $# -gt 0 ]; then
    local log; log=$(mktemp)
    cmake -S . -B "$dir" -G Ninja -DCMAKE_BUILD_TYPE="$BUILD_TYPE" "$@" >"$log" 2>&1 ||
      { tail -n 15 "$log" >&2; die "cmake failed; its output: $log"; }
    rm -f "$log"
  fi
  if ! ninja -C "$dir" -n "${targets[@]}" 2>/dev/null | grep -q 'no work to do'; then
    say "building ${targets[*]} in $dir with $JOBS jobs (the first time takes some minutes)"
    ninja -C "$dir" -j "$JOBS" "${targets[@]}" >&2 || die "the build failed: the first error is above"
  fi
}
