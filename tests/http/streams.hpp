// Consumers of streamed bodies, writers and readers of streamed answers, for the tests of both.
#pragma once

#include "apps/http/chunked.hpp"
#include "tests/http/fixture.hpp"

#include <algorithm>
#include <atomic>

namespace troupe::test {

/// Bytes of which each says where it stands, so that none can be lost, doubled or swapped unseen.
inline std::string numbered_bytes(std::size_t from, std::size_t count) {
  constexpr std::size_t period = 251; // prime: no buffer's size is a multiple of it
  std::string out(count, '\0');
  for (std::size_t i = 0; i < count; ++i)
    out[i] = static_cast<char>((from + i) % period);
  return out;
}

/// Takes a body and, unless the test says otherwise, answers with its length. Grants again what it has taken.
struct taker final : http::body_consumer {
  http::exchange exchange;
  http::body_flow flow;
  std::string got;
  std::function<void(std::string_view)> part = [this](std::string_view bytes) {
    got += bytes;
    flow.grant(bytes.size());
  };
  std::function<void(http::body_end)> end = [this](http::body_end how) {
    http::response r;
    r.body = blob{"took " + std::to_string(got.size())};
    if (how == http::body_end::complete)
      exchange.answer(std::move(r));
    ended.put(how);
  };
  mailbox<http::body_end> ended;

  void on_part(std::string_view bytes) override { part(bytes); }
  void on_end(http::body_end how) override { end(how); }
};

/// A server each of whose requests' bodies is streamed to a taker.
struct upload_fixture : http_fixture {
  mailbox<std::shared_ptr<taker>> takers; // the latest
  std::atomic<std::size_t> first_grant{http::stream_buffer};
  std::function<void(taker&)> prepare = [](taker&) {};

  upload_fixture() {
    handler.body_bound = std::size_t{200} << 20;
    handler.on_streams = [](const http::request& r) { return r.method == "POST"; };
    handler.on_request = [this](http::exchange e) {
      auto t = std::make_shared<taker>();
      prepare(*t);
      t->flow = e.take_body(t, first_grant);
      t->exchange = std::move(e);
      takers.put(std::move(t));
    };
  }
};

/// Writes as fast as the buffer lets it, from a thread of the test's.
class patient_writer {
public:
  http::stream_calls calls() {
    return {[this] { tell(room_); }, [this] { tell(over_); }, [this] { tell(drain_); }};
  }

  /// All of it in pieces, waiting for room; false when the stream is over before. Notes the fullest buffer.
  bool write(http::answer_stream& to, std::size_t count, std::size_t piece) {
    constexpr std::size_t period = 251; // of numbered_bytes
    const auto pattern = numbered_bytes(0, piece + period);
    for (std::size_t at = 0; at < count;) {
      const auto bytes = std::string_view{pattern}.substr(at % period, std::min(piece, count - at));
      const auto how = to.write(bytes);
      peak_ = std::max(peak_, to.buffered());
      if (how == http::wrote::taken)
        at += bytes.size();
      else if (++refusals_; how == http::wrote::over || !wait_for_room())
        return false;
    }
    return true;
  }

  [[nodiscard]] std::size_t peak() const noexcept { return peak_; }
  [[nodiscard]] std::size_t refusals() const noexcept { return refusals_; }
  bool wait_for_room() {
    std::unique_lock lock{mutex_};
    told_.wait_for(lock, patience, [this] { return room_ || over_; });
    return std::exchange(room_, false);
  }
  bool wait_for_over() { return wait(over_); }
  bool wait_for_drain() { return wait(drain_); }

private:
  void tell(bool& what) {
    const std::lock_guard lock{mutex_};
    what = true;
    told_.notify_all();
  }
  bool wait(const bool& what) {
    std::unique_lock lock{mutex_};
    return told_.wait_for(lock, patience, [&] { return what; });
  }

  static constexpr std::chrono::seconds patience{20};

  std::mutex mutex_;
  std::condition_variable told_;
  bool room_ = false;
  bool over_ = false;
  bool drain_ = false;
  std::size_t peak_ = 0;
  std::atomic<std::size_t> refusals_{0};
};

/// A body in chunked transfer coding as a client reads it.
struct chunked_body {
  std::string bytes;
  bool complete = false;
};

/// Reads up to the last chunk or the connection's end; what comes behind stays with the client.
template <class Client>
chunked_body read_chunked(Client& client) {
  chunked_body out;
  http::chunked_decoder decoder;
  for (;;) {
    const auto piece = client.read_some();
    if (piece.empty())
      return out;
    const auto step = decoder.feed(piece, out.bytes, std::string::npos);
    if (step.why)
      throw std::runtime_error{std::string{step.why.reason}};
    if (!step.done)
      continue;
    client.unread(std::string_view{piece}.substr(step.consumed));
    out.complete = true;
    return out;
  }
}

} // namespace troupe::test
