#include "actors/http_client/http_loop.hpp"

#include "actors/http_client/transfer.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <variant>

#include <csignal>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace troupe {

namespace {

using clock = transfer::clock;

// Events taken from epoll at a time. More wait for the next turn, so that the queue is never starved.
constexpr std::size_t events_a_turn = 256;

// Handles kept for the next calls. Beyond any lane's usual concurrency; each holds a few kB.
constexpr std::size_t pooled_handles = 256;

// libcurl 7.88 does not time out a transfer that still waits for a connection (the per-host cap). The loop does, this
// long after curl should have: curl's own message is the better one wherever it has one.
constexpr auto time_out_grace = std::chrono::milliseconds{20};

class descriptor {
public:
  descriptor(int fd, const char* what) : fd_{fd} {
    if (fd_ < 0)
      throw std::system_error{errno, std::generic_category(), what};
  }
  ~descriptor() { ::close(fd_); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }

private:
  int fd_;
};

/// libcurl's own start and end; both count.
struct curl_global {
  curl_global() {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw std::runtime_error{"libcurl: cannot start"};
  }
  ~curl_global() { curl_global_cleanup(); }
  curl_global(const curl_global&) = delete;
  curl_global& operator=(const curl_global&) = delete;
};

struct multi_cleanup {
  void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};

struct share_cleanup {
  void operator()(CURLSH* share) const noexcept { curl_share_cleanup(share); }
};

/// What other threads ask of the loop, in the order in which they asked.
struct start_command {
  std::uint64_t id;
  http_request request;
  http_loop::done callback;
  clock::time_point at;
  bool refused; // over max_transfers
};
struct abort_command {
  std::uint64_t id;
};
using command = std::variant<start_command, abort_command>;

std::int64_t system_wall_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

http_response failure(ec code, std::string detail, clock::time_point started) {
  http_response response;
  response.code = code;
  response.detail = std::move(detail);
  response.elapsed_us = std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - started).count();
  return response;
}

} // namespace

class http_loop::impl {
public:
  explicit impl(settings config)
      : config_{std::move(config)}, epoll_{::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"},
        wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"}, share_{curl_share_init()}, multi_{
                                                                                                 curl_multi_init()} {
    if (!share_ || !multi_)
      throw std::runtime_error{"libcurl: no multi handle"};
    if (!config_.wall_ms)
      config_.wall_ms = system_wall_ms;
    curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION); // one thread: no locks
    set(CURLMOPT_SOCKETFUNCTION, &impl::on_socket);
    set(CURLMOPT_SOCKETDATA, static_cast<void*>(this));
    set(CURLMOPT_TIMERFUNCTION, &impl::on_timer);
    set(CURLMOPT_TIMERDATA, static_cast<void*>(this));
    set(CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
    set(CURLMOPT_MAX_HOST_CONNECTIONS, config_.host_connections);
    watch(wake_.get(), EPOLLIN, EPOLL_CTL_ADD);
    idle_.push_back(
      std::make_unique<transfer>(config_, share_.get())); // a bad setting shows here, not at the first call
    thread_ = std::thread{[this] { run(); }};
  }

  ~impl() = default;

  /// Answers what is pending and joins. Before destruction begins, as callbacks may still call start().
  void stop() {
    {
      std::lock_guard guard{mutex_};
      stopping_ = true;
    }
    wake();
    thread_.join();
  }

  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  std::uint64_t start(http_request request, done callback) {
    const auto now = clock::now();
    started_.fetch_add(1, std::memory_order_relaxed);
    const bool refused = in_flight_.fetch_add(1, std::memory_order_relaxed) >= config_.max_transfers;
    const auto id = next_id_.fetch_add(1, std::memory_order_relaxed);
    submit(start_command{id, std::move(request), std::move(callback), now, refused});
    return id;
  }

  void abort(std::uint64_t id) { submit(abort_command{id}); }

  http_loop_counters counters() const noexcept {
    const auto read = [](const auto& counter) { return counter.load(std::memory_order_relaxed); };
    return {
      read(in_flight_), read(started_), read(completed_), read(aborted_), read(refused_), read(sent_), read(bytes_in_)};
  }

private:
  // -- from any thread ------------------------------------------------------------------------------------------------

  void submit(command what) {
    bool first = false;
    {
      std::lock_guard guard{mutex_};
      first = queue_.empty();
      queue_.push_back(std::move(what));
    }
    if (first) // whoever filled the empty queue has woken the loop already
      wake();
  }

  void wake() noexcept {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the loop is awake anyway.
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
  }

  // -- the loop's thread ----------------------------------------------------------------------------------------------

  void run() {
    // Signals are the main thread's; a SIGPIPE from a TLS library must not end the process.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pthread_setname_np(pthread_self(), "http_client");
    std::array<epoll_event, events_a_turn> events;
    while (take_commands()) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms());
      for (int i = 0; i < count; ++i)
        on_event(events[static_cast<std::size_t>(i)]);
      if (timer_ && *timer_ <= clock::now()) {
        timer_.reset();
        curl_multi_socket_action(multi_.get(), CURL_SOCKET_TIMEOUT, 0, &running_);
      }
      harvest();
      time_out_waiting();
    }
    shut_down();
  }

  void on_event(const epoll_event& event) {
    if (event.data.fd == wake_.get()) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto taken = ::read(wake_.get(), &count, sizeof(count));
      return;
    }
    int bits = 0;
    if ((event.events & (EPOLLIN | EPOLLHUP)) != 0)
      bits |= CURL_CSELECT_IN;
    if ((event.events & EPOLLOUT) != 0)
      bits |= CURL_CSELECT_OUT;
    if ((event.events & EPOLLERR) != 0)
      bits |= CURL_CSELECT_ERR;
    curl_multi_socket_action(multi_.get(), event.data.fd, bits, &running_);
  }

  /// Until the next timer, in milliseconds rounded up; -1: none.
  int wait_ms() const {
    auto next = timer_;
    if (!deadlines_.empty() && (!next || deadlines_.begin()->first < *next))
      next = deadlines_.begin()->first;
    if (!next)
      return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000)); // an hour at most: fits an int
  }

  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) {
    auto& loop = *static_cast<impl*>(self);
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(loop.epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
      return 0;
    }
    const std::uint32_t in = (what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U;
    const std::uint32_t out = (what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U;
    loop.watch(fd, in | out, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD);
    curl_multi_assign(loop.multi_.get(), fd, self);
    return 0;
  }

  void watch(int fd, std::uint32_t events, int operation) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    // A descriptor number that was closed and given out again may be known, or not, against curl's belief.
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0 && (errno == EEXIST || errno == ENOENT))
      ::epoll_ctl(epoll_.get(), errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
  }

  static int on_timer(CURLM*, long ms, void* self) {
    auto& timer = static_cast<impl*>(self)->timer_;
    if (ms < 0)
      timer.reset();
    else
      timer = clock::now() + std::chrono::milliseconds{ms};
    return 0;
  }

  /// Carries out what was asked so far; false when it is time to stop.
  bool take_commands() {
    bool stopping = false;
    {
      std::lock_guard guard{mutex_};
      taken_.swap(queue_);
      stopping = stopping_;
    }
    for (auto& what : taken_) {
      if (auto* asked = std::get_if<start_command>(&what))
        begin(std::move(*asked), stopping);
      else
        cancel(std::get<abort_command>(what).id);
    }
    taken_.clear();
    return !stopping;
  }

  void begin(start_command asked, bool stopping) {
    if (stopping)
      return answer(asked.callback, failure(ec::cancelled, "shutting down", asked.at));
    if (asked.refused) {
      auto most = std::to_string(config_.max_transfers);
      return answer(asked.callback, failure(ec::overloaded, "transfers: expected at most " + most, asked.at));
    }
    if (auto checked = check(asked.request); !checked)
      return answer(asked.callback, failure(checked.error().code, checked.error().message, asked.at));
    std::unique_ptr<transfer> call;
    try {
      call = take_handle();
      call->arm(asked.id, std::move(asked.request), std::move(asked.callback), asked.at);
    } catch (const std::exception& problem) { // libcurl is out of memory, or refuses an option
      auto callback = call ? call->release() : done{};
      return answer(callback ? callback : asked.callback, failure(ec::internal, problem.what(), asked.at));
    }
    auto* added = call.get();
    under_way_.emplace(asked.id, std::move(call));
    deadlines_.emplace(deadline_of(*added), asked.id);
    bound_idle_connections();
    if (const auto code = curl_multi_add_handle(multi_.get(), added->handle()); code != CURLM_OK)
      end(*added, failure(ec::internal, curl_multi_strerror(code), asked.at));
  }

  void cancel(std::uint64_t id) {
    if (const auto found = under_way_.find(id); found != under_way_.end())
      end(*found->second, failure(ec::cancelled, "aborted", found->second->started()));
  }

  /// Answers every transfer that curl says has ended.
  void harvest() {
    int left = 0;
    while (auto* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE)
        continue;
      const auto code = message->data.result; // gone once the handle is removed
      void* self = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self);
      auto& call = *static_cast<transfer*>(self);
      end(call, call.finish(code, config_.wall_ms()));
    }
  }

  void time_out_waiting() {
    const auto now = clock::now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      auto& call = *under_way_.at(deadlines_.begin()->second);
      end(call, failure(ec::provider_timeout, "timed out waiting for a connection to the host", call.started()));
    }
  }

  /// Takes a transfer off the wire (curl closes the connection under it unless the answer was complete), keeps its
  /// handle for the next and answers it.
  void end(transfer& call, http_response response) {
    curl_multi_remove_handle(multi_.get(), call.handle());
    sent_.fetch_add(call.sent(), std::memory_order_relaxed);
    bytes_in_.fetch_add(call.received(), std::memory_order_relaxed);
    deadlines_.erase({deadline_of(call), call.id()});
    auto node = under_way_.extract(call.id());
    const auto callback = call.release();
    if (idle_.size() < pooled_handles)
      idle_.push_back(std::move(node.mapped()));
    bound_idle_connections();
    answer(callback, std::move(response));
  }

  /// The one place where a request is answered. The counters are right before its owner hears of it.
  void answer(const done& callback, http_response response) {
    const auto code = response.code;
    auto& counter = code == ec::cancelled ? aborted_ : code == ec::overloaded ? refused_ : completed_;
    counter.fetch_add(1, std::memory_order_relaxed);
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    if (callback)
      callback(std::move(response));
  }

  void shut_down() {
    while (!under_way_.empty())
      end(*under_way_.begin()->second, failure(ec::cancelled, "shutting down", under_way_.begin()->second->started()));
    for (bool more = true; more;) { // callbacks may still hand in requests
      take_commands();
      std::lock_guard guard{mutex_};
      more = !queue_.empty();
    }
  }

  std::unique_ptr<transfer> take_handle() {
    if (idle_.empty())
      return std::make_unique<transfer>(config_, share_.get());
    auto call = std::move(idle_.back());
    idle_.pop_back();
    return call;
  }

  clock::time_point deadline_of(const transfer& call) const {
    // A day bounds the sum, as it does for curl (transfer.cpp).
    const auto bounded =
      std::min<std::chrono::microseconds>(std::chrono::microseconds{call.timeout_us()}, std::chrono::hours{24});
    return call.started() + bounded + time_out_grace;
  }

  /// libcurl's bound is on all connections, busy ones included. Were it fixed, 5,000 busy ones would leave no room for
  /// idle ones, and every answer would search all of them for one to close.
  void bound_idle_connections() {
    set(CURLMOPT_MAXCONNECTS, static_cast<long>(under_way_.size()) + std::max(1L, config_.idle_connections));
  }

  template <class T>
  void set(CURLMoption option, T value) {
    curl_multi_setopt(multi_.get(), option, value);
  }

  settings config_;
  descriptor epoll_;
  descriptor wake_;
  curl_global curl_;

  // Shared with the threads that ask.
  std::mutex mutex_;
  std::vector<command> queue_;
  bool stopping_ = false;
  std::atomic<std::uint64_t> next_id_{1};
  std::atomic<std::uint64_t> in_flight_{0};
  std::atomic<std::uint64_t> started_{0};
  std::atomic<std::uint64_t> completed_{0};
  std::atomic<std::uint64_t> aborted_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> bytes_in_{0};

  // The loop's own. The order matters at the end: easy handles go before the multi handle, the share after both.
  std::unique_ptr<CURLSH, share_cleanup> share_;
  std::unique_ptr<CURLM, multi_cleanup> multi_;
  std::vector<command> taken_;
  std::unordered_map<std::uint64_t, std::unique_ptr<transfer>> under_way_;
  std::set<std::pair<clock::time_point, std::uint64_t>> deadlines_;
  std::vector<std::unique_ptr<transfer>> idle_;
  std::optional<clock::time_point> timer_; // curl's
  int running_ = 0;                        // what curl reports and nobody needs
  std::thread thread_;
};

http_loop::http_loop(settings config) : impl_{std::make_unique<impl>(std::move(config))} {}

http_loop::~http_loop() {
  impl_->stop();
}

std::uint64_t http_loop::start(http_request request, done callback) {
  return impl_->start(std::move(request), std::move(callback));
}

void http_loop::abort(std::uint64_t id) {
  impl_->abort(id);
}

http_loop_counters http_loop::counters() const noexcept {
  return impl_->counters();
}

} // namespace troupe
