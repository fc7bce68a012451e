// Latency at a steady rate: asks one URL so many times a second, each time with another number in place of `{}`,
// whether or not the answer before has come (an open loop: a slow server cannot slow the asking). Prints one JSON line.
// Usage: paced_bench NAME URL RATE SECONDS
#include "actors/http_client/http_loop.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

int main(int argc, char** argv) {
  using namespace troupe;
  using clock = std::chrono::steady_clock;
  if (argc != 5) {
    std::fprintf(stderr, "usage: paced_bench NAME URL RATE SECONDS\n");
    return 2;
  }
  const std::string url = argv[2];
  const auto rate = std::strtoll(argv[3], nullptr, 10);
  const auto total = static_cast<std::size_t>(rate * std::strtoll(argv[4], nullptr, 10));
  const auto mark = url.find("{}");
  // Numbers that no earlier run has used, so that no cache knows them.
  const auto base = std::chrono::system_clock::now().time_since_epoch().count() / 1'000'000;

  http_loop client;
  std::mutex lock;
  std::vector<double> us;
  std::size_t failed = 0;
  std::promise<void> finished;
  const auto start = clock::now();
  for (std::size_t i = 0; i < total; ++i) {
    const auto due = start + std::chrono::nanoseconds{1'000'000'000 / rate} * i;
    std::this_thread::sleep_until(due);
    http_request r;
    r.url = url;
    if (mark != std::string::npos)
      r.url.replace(mark, 2, std::to_string(base + static_cast<std::int64_t>(i)));
    const auto sent = clock::now();
    client.start(std::move(r), [&, sent](const http_response& response) {
      const std::chrono::duration<double, std::micro> took = clock::now() - sent;
      const std::lock_guard guard{lock};
      us.push_back(took.count());
      failed += response.status != 200;
      if (us.size() == total)
        finished.set_value();
    });
  }
  finished.get_future().wait();
  std::sort(us.begin(), us.end());
  const auto at = [&](double q) { return us[static_cast<std::size_t>(q * static_cast<double>(us.size() - 1))]; };
  std::printf(
    R"({"case":"%s","rate":%lld,"n":%zu,"failed":%zu,"p50_us":%.0f,"p90_us":%.0f,"p99_us":%.0f,"max_us":%.0f})"
    "\n",
    argv[1], rate, total, failed, at(0.5), at(0.9), at(0.99), us.back());
  return failed == 0 ? 0 : 1;
}
