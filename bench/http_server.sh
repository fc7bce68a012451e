#!/bin/sh
# Compares the HTTP server (one I/O thread) with nginx `return 200` (one worker) on the same 4 kB: alternating runs of wrk
# with 64 connections. Prints a JSON line a run and one with the medians, requests a second and CPU microseconds a
# request of the server process (the steadier figure on a busy machine).
# Usage: bench/http_server.sh PATH_TO_http_server [ROUNDS] [SECONDS]
set -eu

server=${1:?usage: bench/http_server.sh PATH_TO_http_server [ROUNDS] [SECONDS]}
rounds=${2:-3}
seconds=${3:-5}
here=$(dirname "$0")
dir=$(mktemp -d)
bytes=4000 # nginx takes no longer parameter than its 4,096-byte configuration buffer
ours=18181
theirs=18182
server_pid=
nginx_pid=
trap 'kill $server_pid $nginx_pid 2>/dev/null || true; wait; rm -rf "$dir"' EXIT

body=$(head -c $bytes /dev/zero | tr '\0' x)
sed -e "s|@DIR@|$dir|; s|@PORT@|$theirs|; s|@BODY@|$body|" "$here/nginx/return200.conf.in" >"$dir/nginx.conf"
nginx -p "$dir" -c "$dir/nginx.conf" -e "$dir/error.log" &
nginx_pid=$!
"$server" $ours $bytes >/dev/null 2>&1 &
server_pid=$!
until curl -sf -o /dev/null "http://127.0.0.1:$ours/" && curl -sf -o /dev/null "http://127.0.0.1:$theirs/"; do
  kill -0 $server_pid && kill -0 $nginx_pid
done

# User and system time of a process and its children, in clock ticks.
ticks() {
  cat "/proc/$1/stat" $(pgrep -P "$1" | sed 's|.*|/proc/&/stat|') | awk '{ sum += $14 + $15 } END { print sum }'
}

run() { # name port pid
  before=$(ticks "$3")
  wrk -t1 -c64 -d"${seconds}s" --latency "http://127.0.0.1:$2/" >"$dir/wrk"
  used=$(($(ticks "$3") - before))
  awk -v name="$1" -v used="$used" -v hz="$(getconf CLK_TCK)" '
    /Requests\/sec/ { rate = $2 } /requests in/ { n = $1 } /99%/ { p99 = $2 }
    END { printf "{\"case\":\"%s\",\"requests_per_s\":%d,\"cpu_us_per_request\":%.2f,\"p99\":\"%s\"}\n",
          name, rate, used / hz * 1e6 / n, p99 }' "$dir/wrk" | tee -a "$dir/$1"
}

for _ in $(seq "$rounds"); do
  run troupe $ours $server_pid
  run nginx $theirs $nginx_pid
done

median() { # file key
  sed "s/.*\"$2\":\([0-9.]*\).*/\1/" "$dir/$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
echo "{\"case\":\"median\",\"troupe\":$(median troupe requests_per_s),\"nginx\":$(median nginx requests_per_s),\
\"troupe_cpu_us\":$(median troupe cpu_us_per_request),\"nginx_cpu_us\":$(median nginx cpu_us_per_request)}"
