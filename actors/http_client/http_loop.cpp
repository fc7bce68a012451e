#include "actors/http_client/http_loop.hpp"

#include "actors/http_client/transfer.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

namespace troupe {
namespace {

using clock = transfer::clock;

// Handles kept for reuse: making one costs about 10 us and 15 kB; more than this are in use only in a burst.
constexpr std::size_t pooled_handles = 256;

// curl keeps the time-out of what it works on, but not of a transfer that waits for a connection under the host cap. Ours
// catches that one; it gives curl the first word.
constexpr auto curl_first = std::chrono::milliseconds{50};

constexpr int events_a_turn = 256;

struct descriptor {
  int fd = -1;
  explicit descriptor(int opened, const char* what) : fd{opened} {
    if (fd < 0)
      throw std::system_error{errno, std::generic_category(), what};
  }
  ~descriptor() { ::close(fd); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
};

http_response without_answer(ec code, std::string detail) {
  http_response r;
  r.code = static_cast<std::uint8_t>(code);
  r.detail = std::move(detail);
  return r;
}

template <class T>
T* must(T* made, const char* what) {
  if (made == nullptr)
    throw std::runtime_error{std::string{"libcurl: no "} + what};
  return made;
}

} // namespace

class http_loop::impl {
public:
  explicit impl(settings config)
      : config_{std::move(config)}, epoll_{::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"},
        wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"}, share_{must(curl_share_init(), "share handle")},
        multi_{must(curl_multi_init(), "multi handle")} {
    curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &impl::on_socket);
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &impl::on_timer);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_HOST_CONNECTIONS, config_.host_connections);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, config_.idle_connections);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = wake_.fd;
    if (::epoll_ctl(epoll_.fd, EPOLL_CTL_ADD, wake_.fd, &event) != 0)
      throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
    thread_ = std::thread{[this] { run(); }};
  }

  ~impl() {
    {
      const std::lock_guard guard{lock_};
      stopping_ = true;
    }
    wake();
    thread_.join();
  }

  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  std::uint64_t start(http_request request, done callback) {
    const auto id = last_id_.fetch_add(1, std::memory_order_relaxed) + 1;
    started_.fetch_add(1, std::memory_order_relaxed);
    const bool room = in_flight_.fetch_add(1, std::memory_order_relaxed) < config_.max_transfers;
    post({id, room ? order::start : order::refuse, std::move(request), std::move(callback), clock::now()});
    return id;
  }

  void abort(std::uint64_t id) { post({id, order::abort, {}, {}, {}}); }

  [[nodiscard]] http_loop_counters counters() const noexcept {
    const auto read = [](const auto& v) { return v.load(std::memory_order_relaxed); };
    return {read(in_flight_), read(started_), read(completed_), read(aborted_), read(refused_), read(sent_), read(bytes_in_)};
  }

private:
  enum class order : std::uint8_t { start, refuse, abort };

  struct command {
    std::uint64_t id;
    order what;
    http_request request;
    done callback;
    clock::time_point at;
  };

  struct share_cleanup {
    void operator()(CURLSH* share) const noexcept { curl_share_cleanup(share); }
  };
  struct multi_cleanup {
    void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
  };

  struct running {
    std::unique_ptr<transfer> call;
    std::multimap<clock::time_point, std::uint64_t>::iterator deadline;
  };

  void post(command c) {
    bool first = false;
    {
      const std::lock_guard guard{lock_};
      first = inbox_.empty();
      inbox_.push_back(std::move(c));
    }
    // Whoever finds commands waiting leaves the waking to the one who put the first.
    if (first)
      wake();
  }

  void wake() const noexcept {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the loop wakes all the same.
    [[maybe_unused]] const auto written = ::write(wake_.fd, &one, sizeof one);
  }

  void run() {
    std::array<epoll_event, events_a_turn> events{};
    while (!obey()) {
      const int ready = ::epoll_wait(epoll_.fd, events.data(), events_a_turn, wait_ms());
      for (int i = 0; i < ready; ++i)
        on_event(events[static_cast<std::size_t>(i)]);
      if (curl_due_ && clock::now() >= *curl_due_) {
        curl_due_.reset();
        act(CURL_SOCKET_TIMEOUT, 0);
      }
      collect();
      expire();
    }
    while (!running_.empty())
      drop(running_.begin()->first, without_answer(ec::cancelled, "the client is shutting down"), aborted_);
  }

  // Carries out what other threads asked for. True: to stop.
  bool obey() {
    std::vector<command> orders;
    bool stop = false;
    {
      const std::lock_guard guard{lock_};
      orders.swap(inbox_);
      stop = stopping_;
    }
    for (auto& c : orders) {
      if (c.what == order::abort)
        drop(c.id, without_answer(ec::cancelled, "aborted"), aborted_);
      else if (c.what == order::refuse)
        answer(c.callback, without_answer(ec::overloaded, "too many transfers"), refused_);
      else if (stop)
        answer(c.callback, without_answer(ec::cancelled, "the client is shutting down"), aborted_);
      else
        begin(c);
    }
    return stop;
  }

  void begin(command& c) {
    if (auto usable = check(c.request); !usable)
      return answer(c.callback, without_answer(ec::bad_request, usable.error().message), completed_);
    std::unique_ptr<transfer> call;
    try {
      call = take_handle();
      call->arm(c.id, std::move(c.request), c.callback, c.at);
    } catch (const std::exception& e) {
      return answer(c.callback, without_answer(ec::internal, e.what()), completed_);
    }
    const auto due = c.at + std::chrono::microseconds{call->timeout_us()} + curl_first;
    auto* handle = call->handle();
    running_.emplace(c.id, running{std::move(call), deadlines_.emplace(due, c.id)});
    if (const auto code = curl_multi_add_handle(multi_.get(), handle); code != CURLM_OK)
      drop(c.id, without_answer(ec::internal, curl_multi_strerror(code)), completed_);
  }

  std::unique_ptr<transfer> take_handle() {
    if (pool_.empty())
      return std::make_unique<transfer>(config_, share_.get());
    auto call = std::move(pool_.back());
    pool_.pop_back();
    return call;
  }

  void on_event(const epoll_event& event) {
    if (event.data.fd == wake_.fd) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto read = ::read(wake_.fd, &count, sizeof count);
      return;
    }
    int what = 0;
    if ((event.events & (EPOLLIN | EPOLLHUP)) != 0)
      what |= CURL_CSELECT_IN;
    if ((event.events & EPOLLOUT) != 0)
      what |= CURL_CSELECT_OUT;
    if ((event.events & EPOLLERR) != 0)
      what |= CURL_CSELECT_ERR;
    act(event.data.fd, what);
  }

  void act(curl_socket_t socket, int what) {
    int still_running = 0;
    curl_multi_socket_action(multi_.get(), socket, what, &still_running);
  }

  // Answers what curl has finished.
  void collect() {
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE)
        continue;
      const auto code = message->data.result; // gone once the handle is removed
      void* self = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self);
      auto& call = *static_cast<transfer*>(self);
      bytes_in_.fetch_add(call.received(), std::memory_order_relaxed);
      drop(call.id(), call.finish(code, wall_ms()), completed_);
    }
  }

  void expire() {
    while (!deadlines_.empty() && deadlines_.begin()->first <= clock::now())
      drop(deadlines_.begin()->second, without_answer(ec::provider_timeout, "no connection was free in time"), completed_);
  }

  // Takes a transfer off the wire, if it is there still, and answers it.
  void drop(std::uint64_t id, http_response response, std::atomic<std::uint64_t>& counter) {
    auto node = running_.extract(id);
    if (node.empty())
      return;
    auto& [call, deadline] = node.mapped();
    curl_multi_remove_handle(multi_.get(), call->handle());
    deadlines_.erase(deadline);
    sent_.fetch_add(call->sent(), std::memory_order_relaxed);
    if (response.elapsed_us == 0)
      response.elapsed_us = std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - call->started()).count();
    const auto callback = call->release();
    if (pool_.size() < pooled_handles)
      pool_.push_back(std::move(call));
    answer(callback, std::move(response), counter);
  }

  void answer(const done& callback, http_response response, std::atomic<std::uint64_t>& counter) {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    counter.fetch_add(1, std::memory_order_relaxed);
    callback(std::move(response));
  }

  [[nodiscard]] int wait_ms() const {
    auto due = curl_due_;
    if (!deadlines_.empty() && (!due || deadlines_.begin()->first < *due))
      due = deadlines_.begin()->first;
    if (!due)
      return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
  }

  [[nodiscard]] std::int64_t wall_ms() const {
    if (config_.wall_ms)
      return config_.wall_ms();
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  }

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void* known) {
    auto& loop = *static_cast<impl*>(self);
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(loop.epoll_.fd, EPOLL_CTL_DEL, socket, nullptr);
      return 0;
    }
    epoll_event event{};
    event.data.fd = socket;
    event.events = (what & CURL_POLL_IN ? std::uint32_t{EPOLLIN} : 0U) | (what & CURL_POLL_OUT ? std::uint32_t{EPOLLOUT} : 0U);
    ::epoll_ctl(loop.epoll_.fd, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event);
    if (known == nullptr)
      curl_multi_assign(loop.multi_.get(), socket, self); // any pointer: "we know this one"
    return 0;
  }

  static int on_timer(CURLM*, long timeout_ms, void* self) {
    auto& loop = *static_cast<impl*>(self);
    if (timeout_ms < 0)
      loop.curl_due_.reset();
    else
      loop.curl_due_ = clock::now() + std::chrono::milliseconds{timeout_ms};
    return 0;
  }

  const settings config_;
  descriptor epoll_;
  descriptor wake_;
  // In this order: handles go before the multi and the share that they belong to.
  std::unique_ptr<CURLSH, share_cleanup> share_;
  std::unique_ptr<CURLM, multi_cleanup> multi_;
  std::vector<std::unique_ptr<transfer>> pool_;
  std::multimap<clock::time_point, std::uint64_t> deadlines_;
  std::unordered_map<std::uint64_t, running> running_;
  std::optional<clock::time_point> curl_due_;

  std::mutex lock_;
  std::vector<command> inbox_;
  bool stopping_ = false;

  std::atomic<std::uint64_t> last_id_{0};
  std::atomic<std::uint64_t> in_flight_{0};
  std::atomic<std::uint64_t> started_{0};
  std::atomic<std::uint64_t> completed_{0};
  std::atomic<std::uint64_t> aborted_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<std::uint64_t> bytes_in_{0};
  std::thread thread_;
};

http_loop::http_loop(settings config) : impl_{std::make_unique<impl>(std::move(config))} {}

http_loop::~http_loop() = default;

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
