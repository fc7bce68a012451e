// What the outbound HTTP loop costs: the CPU time of its thread over 3 s under 5,000 hung transfers, and rate and
// latency against an upstream that answers at once (give it the url of an nginx with `return 200`). One JSON line a
// case. From the repository's root:
//   g++ -std=c++20 -O2 -I. bench/http_loop_bench.cpp actors/http_client/{http_loop,transfer,file_limit}.cpp
//       messages/{errors,types}.cpp -lcurl -lpthread -o build/http_loop_bench
//   build/http_loop_bench [URL]
#include "actors/http_client/file_limit.hpp"
#include "actors/http_client/http_loop.hpp"
#include "messages/errors.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace std::chrono;

namespace {

constexpr int hung = 5000;

/// User and system time of the thread named "http_client", in microseconds at the kernel's nanosecond accounting.
double loop_cpu_us() {
  auto* tasks = ::opendir("/proc/self/task");
  double us = -1;
  while (const auto* task = ::readdir(tasks)) {
    const auto folder = std::string{"/proc/self/task/"} + task->d_name;
    std::string name;
    std::ifstream{folder + "/comm"} >> name;
    if (name != "http_client")
      continue;
    double ns = 0;
    std::ifstream{folder + "/schedstat"} >> ns;
    us = ns / 1000;
  }
  ::closedir(tasks);
  return us;
}

/// Accepts whatever comes and never answers.
class black_hole {
public:
  black_hole() {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 4096);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread{[this] {
      for (int fd = 0; (fd = ::accept(listener_, nullptr, nullptr)) >= 0;) {
        open_.push_back(fd);
        ++accepted_;
      }
    }};
  }
  ~black_hole() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (const int fd : open_)
      ::close(fd);
    ::close(listener_);
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  [[nodiscard]] int accepted() const { return accepted_; }

private:
  int listener_ = -1;
  int port_ = 0;
  std::vector<int> open_;
  std::atomic<int> accepted_{0};
  std::thread acceptor_;
};

http_request get(const std::string& url) {
  http_request request;
  request.url = url;
  request.timeout_us = 60'000'000;
  request.connect_timeout_us = 30'000'000;
  return request;
}

http_response ask(http_loop& loop, const std::string& url) {
  std::promise<http_response> promise;
  auto answer = promise.get_future();
  loop.start(get(url), [&](http_response r) { promise.set_value(std::move(r)); });
  return answer.get();
}

/// `width` requests under way at all times, each answer starting the next.
void run(http_loop& loop, const std::string& url, const std::string& name, int width, int total) {
  std::vector<double> latencies;
  latencies.reserve(static_cast<std::size_t>(total));
  std::promise<void> all;
  std::atomic<int> started{0};
  int failed = 0; // with the latencies, the loop thread's alone
  std::function<void()> next = [&] {
    if (started.fetch_add(1) >= total)
      return;
    const auto begin = steady_clock::now();
    loop.start(get(url), [&, begin](http_response r) {
      failed += r.code == ec::none ? 0 : 1;
      latencies.push_back(duration<double, std::micro>(steady_clock::now() - begin).count());
      next();
      if (static_cast<int>(latencies.size()) == total)
        all.set_value();
    });
  };
  const auto cpu = loop_cpu_us();
  const auto begin = steady_clock::now();
  for (int i = 0; i < width; ++i)
    next();
  all.get_future().get();
  const auto seconds = duration<double>(steady_clock::now() - begin).count();
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double share) { return latencies[static_cast<std::size_t>(share * (total - 1))]; };
  std::printf(
    R"({"case":"%s","requests":%d,"failed":%d,"per_s":%.0f,"p50_us":%.0f,"p99_us":%.0f,"loop_cpu_us_each":%.1f})"
    "\n",
    name.c_str(), total, failed, total / seconds, at(0.5), at(0.99), (loop_cpu_us() - cpu) / total);
}

} // namespace

int main(int argc, char** argv) {
  const auto files = raise_file_limit();
  http_loop_settings settings;
  settings.host_connections = 0;
  http_loop loop{settings};
  const std::string url = argc > 1 ? argv[1] : "";
  if (!url.empty()) {
    ask(loop, url);
    run(loop, url, "sequential", 1, 20'000);
    run(loop, url, "64 at a time", 64, 100'000);
  }
  if (files < 2 * hung + 100) { // both ends are in this process
    std::fprintf(stderr, "left out the hung transfers: %d files are needed, %d allowed\n", 2 * hung + 100,
      static_cast<int>(files));
    return 0;
  }
  black_hole hole;
  for (int i = 0; i < hung; ++i)
    loop.start(get(hole.url()), [](http_response) {});
  while (hole.accepted() < hung)
    std::this_thread::sleep_for(milliseconds{10});
  std::this_thread::sleep_for(seconds{1}); // let the last request be written
  const auto before = loop_cpu_us();
  std::this_thread::sleep_for(seconds{3});
  std::printf(R"({"case":"%d hung transfers","seconds":3,"loop_cpu_us":%.0f})"
              "\n",
    hung, loop_cpu_us() - before);
  if (!url.empty())
    run(loop, url, "64 at a time beside 5000 hung", 64, 50'000);
}
