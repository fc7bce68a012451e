// One I/O thread: an event loop, the connections that live on it, a tick that ends what takes too long, the counters.
//
// Invariants: a connection is touched by its worker's thread alone; other threads reach it through post(). A worker
// outlives its thread for as long as somebody holds an exchange, and then ignores what is posted. Deadlines are kept by
// one sweep over all connections rather than by a timer each: setting one costs a store, and 20,000 are swept in 1 ms.
//
// Connections are watched by an epoll set of our own, edge-triggered, which asio watches as one descriptor. asio's own
// sockets try each read before they wait, a system call that fails every time between two requests: a tenth of all that
// a cached answer costs.
#pragma once

#include "apps/http/server.hpp"
#include "apps/http/tls.hpp"

#include <boost/asio.hpp>

#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

namespace troupe::http {

namespace asio = boost::asio;

using loop_executor = asio::io_context::executor_type;
using loop_timer =
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, loop_executor>;
using time_point = std::chrono::steady_clock::time_point;

/// A counter with one writing thread: readers see it late but never torn, and the writer pays no locked instruction.
class tally {
public:
  void add(std::int64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(n), std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::uint64_t> value_{0};
};

/// What became of TLS handshakes: a client that leaves before it has sent a byte counts in neither.
struct tls_tallies {
  tally completed, failed;
};

/// The statuses that the server answers by itself, in the order of counters::refused.
inline constexpr std::array<int, 9> own_statuses{400, 408, 413, 414, 417, 431, 500, 503, 505};

/// A connection's part of the memory that all requests' bodies share. Given back when it goes.
class body_share {
public:
  explicit body_share(std::atomic<std::size_t>& all) noexcept : all_{&all} {}
  body_share(const body_share&) = delete;
  body_share& operator=(const body_share&) = delete;
  ~body_share() { give_back(); }

  /// Takes `n` bytes more; false when all together then hold more than `bound`.
  [[nodiscard]] bool take(std::size_t n, std::size_t bound) noexcept {
    held_ += n;
    return all_->fetch_add(n, std::memory_order_relaxed) + n <= bound;
  }
  void give_back() noexcept { all_->fetch_sub(std::exchange(held_, 0), std::memory_order_relaxed); }

private:
  std::atomic<std::size_t>* all_;
  std::size_t held_ = 0;
};

/// What all workers of a server share.
struct server_state {
  server_state(const struct limits& l, http::handler& h, std::shared_ptr<const tls_context> t)
      : bounds{l}, handler{&h}, tls{std::move(t)} {}

  struct limits bounds;
  http::handler* handler;
  std::atomic<bool> draining{false};       // set before the first connection hears of it
  std::atomic<std::size_t> body_bytes{0};  // of requests, held now
  std::atomic<std::size_t> admitted{0};    // open connections that count against the bound
  std::atomic<std::size_t> turned_away{0}; // open connections that are being told 503
  std::mutex mutex;
  std::condition_variable closed; // notified under mutex whenever a connection has closed

  /// What new connections speak TLS with; null: they speak plain HTTP.
  [[nodiscard]] std::shared_ptr<const tls_context> certificate() {
    std::lock_guard lock{tls_mutex};
    return tls;
  }
  void replace_certificate(std::shared_ptr<const tls_context> t) {
    std::lock_guard lock{tls_mutex};
    tls.swap(t);
  }

private:
  std::mutex tls_mutex;
  std::shared_ptr<const tls_context> tls;
};

class worker : public std::enable_shared_from_this<worker> {
public:
  explicit worker(std::shared_ptr<server_state> state);

  /// Starts the thread. Call once.
  void start(std::size_t index);
  /// Closes everything on this thread and ends its loop. Any thread; idempotent.
  void stop();
  /// Waits for the thread's end, after stop().
  void join();
  /// Closes idle connections now and the others after their answer. Any thread.
  void drain();

  /// Takes over a connected socket. On this worker's thread; `admitted` is false for one over the bound.
  void adopt(int fd, std::string peer, bool loopback, bool admitted);

  /// Whether the caller is this worker's thread.
  [[nodiscard]] bool here() const noexcept { return work_.get_executor().running_in_this_thread(); }

  /// Runs `f` on this worker's thread. When that has ended it drops `f` and returns false.
  template <class F>
  bool post(F&& f) {
    std::lock_guard lock{mutex_};
    if (!finished_)
      asio::post(context_, std::forward<F>(f));
    return !finished_;
  }

  // The rest is for connections on this thread.

  [[nodiscard]] const struct limits& bounds() const noexcept { return state_->bounds; }
  [[nodiscard]] http::handler& handler() const noexcept { return *state_->handler; }
  [[nodiscard]] std::atomic<std::size_t>& body_bytes() noexcept { return state_->body_bytes; }
  [[nodiscard]] asio::io_context& context() noexcept { return context_; }
  [[nodiscard]] bool draining() const noexcept { return state_->draining.load(std::memory_order_relaxed); }

  /// When something that may take `limit` from now has taken too long. Never early, late by at most two ticks.
  [[nodiscard]] time_point deadline(std::chrono::milliseconds limit) const noexcept { return now_ + limit + tick_; }

  /// As of the last tick.
  [[nodiscard]] time_point now() const noexcept { return now_; }

  /// "Date: ...\r\n", of this second.
  [[nodiscard]] std::string_view date_line();

  /// Hears no more of this socket. Closing it would do, but for a child process that was forked and has not yet begun
  /// its own program: it shares the socket, and with it the events.
  void unwatch(int fd) noexcept;

  /// Forgets a connection that has closed.
  void remove(std::list<std::shared_ptr<session>>::iterator where, bool admitted);

  /// Counts an answer that the server gave by itself.
  void count_refused(int status) noexcept;

  struct {
    tally accepted, requests, settled, gone;
    tally streams_begun, streams_ended, streams_cut; // the cut ones have ended too
    std::array<tally, own_statuses.size()> refused;
    tls_tallies tls;
  } counts;

private:
  void run();
  void arm_tick();
  void watch();
  void on_events();
  void bury();
  void sweep();
  [[nodiscard]] std::vector<std::shared_ptr<session>> all() const { return {sessions_.begin(), sessions_.end()}; }

  std::shared_ptr<server_state> state_;
  std::chrono::milliseconds tick_;
  asio::io_context context_;
  asio::executor_work_guard<loop_executor> work_;
  asio::posix::basic_stream_descriptor<loop_executor> sockets_; // our epoll set
  loop_timer timer_;
  time_point now_; // as of the last tick
  bool stopping_ = false;
  std::time_t date_second_ = -1;
  std::string date_line_;
  std::list<std::shared_ptr<session>> sessions_;
  std::vector<std::shared_ptr<session>> buried_; // closed, but events at hand may still name them
  std::mutex mutex_; // guards finished_ and keeps posts from racing with the end of the loop
  bool finished_ = false;
  std::thread thread_;
};

} // namespace troupe::http
