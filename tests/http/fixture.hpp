// A server on a free port whose handler is a lambda, for the tests of this folder.
#pragma once

#include "apps/http/server.hpp"
#include "tests/support/raw_client.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace troupe::test {

/// Echoes "METHOD target|body" unless the test says otherwise.
class lambda_handler final : public http::handler {
public:
  std::function<void(http::exchange)> on_request = [](http::exchange e) { e.answer(echo(e.request())); };
  std::function<std::optional<http::response>(const http::request&)> on_refuse;
  std::function<bool(const http::request&)> on_streams;
  std::size_t body_bound = 1'000;

  static http::response echo(const http::request& r) {
    http::response out;
    out.head = "Content-Type: text/plain\r\n";
    out.body = blob{std::string{r.method} + " " + std::string{r.target} + "|" + r.body};
    return out;
  }

  std::size_t max_body(const http::request&) const override { return body_bound; }
  std::optional<http::response> refuse(const http::request& r) const override {
    return on_refuse ? on_refuse(r) : std::nullopt;
  }
  bool streams_body(const http::request& r) const override { return on_streams && on_streams(r); }
  void handle(http::exchange e) override { on_request(std::move(e)); }
};

/// Set the handler and the limits, then start(). The server goes first when this is destroyed.
struct http_fixture {
  lambda_handler handler;
  http::limits limits;
  std::optional<http::server> server;

  std::uint16_t start(std::size_t threads = 1) {
    auto s = http::server::start("127.0.0.1", 0, threads, limits, handler);
    if (!s)
      throw std::runtime_error{s.error().message};
    server.emplace(std::move(s).value());
    return server->port();
  }

  [[nodiscard]] std::uint64_t refused(int status) const {
    for (const auto& row : server->count().refused)
      if (row.status == status)
        return row.count;
    return 0;
  }
};

/// Hands a value from an I/O thread to the test, which waits for it 5 s at most.
template <class T>
class mailbox {
public:
  void put(T value) {
    std::lock_guard lock{mutex_};
    value_.emplace(std::move(value));
    arrived_.notify_all();
  }

  T take() {
    std::unique_lock lock{mutex_};
    if (!arrived_.wait_for(lock, std::chrono::seconds{5}, [this] { return value_.has_value(); }))
      throw std::runtime_error{"nothing arrived in 5 s"};
    T out = std::move(*value_);
    value_.reset();
    return out;
  }

private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<T> value_;
};

/// Waits until a condition that another thread brings about holds, 5 s at most.
inline bool eventually(const std::function<bool()>& holds) {
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::yield();
  }
  return true;
}

} // namespace troupe::test
