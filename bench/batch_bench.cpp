// S4's example: 5 searches, then 50 audio features, then 95 tracks and artists, each call 80 ms (the replay's latency),
// one after the other and orchestrated at 40 calls a second with a burst of 40 (which allows 2.83 s). As functions of
// batch_client on their lanes, and as provider operations. Prints one JSON line a case.
// Usage: batch_bench CATALOGUE
#include "actors/http_client/http_loop.hpp"
#include "apps/batches/client.hpp"
#include "apps/node/node.hpp"
#include "apps/replay/replay.hpp"

#include <spdlog/sinks/null_sink.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <string>

namespace {

using namespace troupe;
using steady = std::chrono::steady_clock;

constexpr int phases[] = {5, 50, 95};
constexpr const char* names[] = {"searches", "audio-features", "lastfm-enrich"};

int failures = 0;

void print(const char* what, steady::time_point since, int calls) {
  const std::chrono::duration<double> took = steady::now() - since;
  std::printf(R"({"case":"%s","calls":%d,"call_ms":80,"failed":%d,"seconds":%.3f})"
              "\n",
    what, calls, failures, took.count());
}

// One call over HTTP, as a function that blocks.
int fetch_status(http_loop& client, const std::string& url) {
  auto done = std::make_shared<std::promise<int>>();
  auto status = done->get_future();
  http_request r;
  r.url = url;
  client.start(std::move(r), [done](const http_response& answer) { done->set_value(answer.status); });
  return status.get();
}

template <class Batch>
void run_phases(const char* what, Batch run_batch) {
  failures = 0;
  const auto start = steady::now();
  int calls = 0;
  for (std::size_t phase = 0; phase < 3; calls += phases[phase++])
    run_batch(phase, calls);
  print(what, start, calls);
}

void count_failures(const result<batch_view>& v) {
  failures += v ? static_cast<int>(v.value().failed + v.value().cancelled) : 1'000;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: batch_bench CATALOGUE\n");
    return 2;
  }
  replay::options o;
  o.catalogue = argv[1];
  replay::fault slow;
  slow.path = "/";
  slow.kind = replay::fault_kind::latency;
  slow.latency = {replay::delay::shape::uniform, 80, 80};
  o.faults = {slow};
  auto upstream = replay::server::start(o);
  if (!upstream) {
    std::fprintf(stderr, "%s\n", upstream.error().message.c_str());
    return 1;
  }
  const auto base = "http://127.0.0.1:" + std::to_string(upstream.value()->port());
  const auto dir =
    std::filesystem::temp_directory_path() / ("troupe_batch_bench." + std::to_string(upstream.value()->port()));
  config::settings s;
  s.http.address = {"127.0.0.1", 0};
  s.storage.dir = dir.string();
  for (auto& [name, p] : s.providers) {
    p.url.text = base;
    p.rate = p.burst = 1'000'000; // the common limit is measured
  }
  const auto log = std::make_shared<spdlog::logger>("bench", std::make_shared<spdlog::sinks::null_sink_mt>());
  const auto start_node = [&] { return node::start({s, {}, "bench", log}); };
  http_loop client;
  const auto url = [&](int i) { return base + "/books/v1/volumes?q=book" + std::to_string(i); };

  failures = 0;
  const auto begin = steady::now();
  for (int i = 0; i < 150; ++i)
    failures += fetch_status(client, url(i)) != 200;
  print("batch sequential", begin, 150);

  for (const bool operations : {false, true}) {
    auto started = start_node(); // a full bucket for each case
    if (!started) {
      std::fprintf(stderr, "%s\n", started.error().message.c_str());
      return 1;
    }
    auto& batches = started.value()->batches();
    if (operations)
      run_phases("batch of operations", [&](std::size_t phase, int before) {
        std::vector<batch_task> tasks(static_cast<std::size_t>(phases[phase]));
        for (auto& t : tasks)
          t.what = {"google.search", "book" + std::to_string(before++), 1, {}};
        static_cast<void>(batches.enqueue_tasks(names[phase], std::move(tasks), {}));
        count_failures(batches.await_batch(names[phase]).get());
      });
    else
      run_phases("batch of functions", [&](std::size_t phase, int before) {
        std::vector<blocking_call> calls;
        for (int i = 0; i < phases[phase]; ++i)
          calls.push_back(call(phase < 2 ? lanes::spotify : lanes::lastfm,
            [&client, to = url(before + i)] { return fetch_status(client, to); }));
        count_failures(batches.execute_batch(std::move(calls), names[phase]).get());
      });
    started.value()->drain(std::chrono::seconds{5});
  }
  std::filesystem::remove_all(dir);
  return failures == 0 ? 0 : 1;
}
