#include "apps/http/worker.hpp"

#include "apps/http/date.hpp"
#include "apps/http/session.hpp"

#include <algorithm>
#include <ctime>

#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace troupe::http {

namespace {

// A quarter of the shortest limit keeps them all to within half of it; more than a second apart would be felt in tests
// of patience, less than 5 ms would be a load of its own.
std::chrono::milliseconds tick_for(const limits& l) {
  auto shortest = std::min({l.header_timeout, l.body_timeout, l.keep_alive, l.write_timeout});
  return std::clamp(shortest / 4, std::chrono::milliseconds{5}, std::chrono::milliseconds{1'000});
}

// Connections served before the loop looks at posted answers and timers again: 4 times 64 are about 2 ms.
constexpr int event_batch = 64;
constexpr int event_rounds = 4;

} // namespace

// All I/O of a loop happens on its own thread, so asio need not lock its reactor's descriptors; posting is locked
// still.
worker::worker(std::shared_ptr<server_state> state)
    : state_{std::move(state)}, tick_{tick_for(state_->bounds)}, context_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO},
      work_{context_.get_executor()}, sockets_{context_.get_executor(), epoll_create1(EPOLL_CLOEXEC)},
      timer_{context_.get_executor()}, now_{std::chrono::steady_clock::now()} {}

void worker::start(std::size_t index) {
  watch();
  arm_tick();
  thread_ = std::thread{[this, index] {
    pthread_setname_np(pthread_self(), ("http-" + std::to_string(index)).c_str());
    run();
  }};
}

void worker::run() {
  context_.run();
  {
    std::lock_guard lock{mutex_};
    finished_ = true;
  }
  // What was posted while the loop ended: every connection is closed, so this settles and frees, nothing else.
  context_.restart();
  context_.poll();
  bury(); // they hold this worker, which holds them
}

void worker::stop() {
  post([self = shared_from_this()] {
    if (std::exchange(self->stopping_, true))
      return;
    for (auto& s : self->all())
      s->abort();
    self->timer_.cancel();
    self->sockets_.close();
    self->work_.reset();
  });
}

void worker::join() {
  if (thread_.joinable())
    thread_.join();
}

void worker::drain() {
  post([self = shared_from_this()] {
    for (auto& s : self->all())
      s->drain();
  });
}

void worker::watch() {
  sockets_.async_wait(decltype(sockets_)::wait_read, [this](const boost::system::error_code& error) {
    if (error || stopping_)
      return;
    on_events();
    watch();
  });
}

void worker::on_events() {
  epoll_event events[event_batch];
  for (int round = 0; round < event_rounds && !stopping_; ++round) {
    auto n = epoll_wait(sockets_.native_handle(), events, event_batch, 0);
    for (int i = 0; i < n; ++i)
      static_cast<session*>(events[i].data.ptr)->on_ready(events[i].events);
    bury();
    if (n < event_batch / 8) // nearly idle: wait rather than ask again
      return;
  }
}

void worker::adopt(int fd, std::string peer, bool loopback, bool admitted) {
  counts.accepted.add(1);
  const auto tls = state_->certificate();
  auto s = std::make_shared<session>(shared_from_this(), fd, tls.get(), std::move(peer), loopback, admitted);
  epoll_event interest{};
  interest.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  interest.data.ptr = s.get();
  sessions_.push_front(s);
  s->place(sessions_.begin());
  if (stopping_ || epoll_ctl(sockets_.native_handle(), EPOLL_CTL_ADD, fd, &interest) != 0)
    s->abort();
  else
    s->start();
}

void worker::unwatch(int fd) noexcept {
  if (fd >= 0 && sockets_.is_open())
    epoll_ctl(sockets_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
}

void worker::remove(std::list<std::shared_ptr<session>>::iterator where, bool admitted) {
  buried_.push_back(std::move(*where));
  sessions_.erase(where);
  --(admitted ? state_->admitted : state_->turned_away);
  if (draining()) {
    std::lock_guard lock{state_->mutex};
    state_->closed.notify_all();
  }
}

// Frees the connections that have closed. What they hold may, when destroyed, end others: those come into the new list.
void worker::bury() {
  auto closed = std::exchange(buried_, {});
}

void worker::count_refused(int status) noexcept {
  auto at = std::find(own_statuses.begin(), own_statuses.end(), status);
  if (at != own_statuses.end())
    counts.refused[static_cast<std::size_t>(at - own_statuses.begin())].add(1);
}

std::string_view worker::date_line() {
  if (auto second = std::time(nullptr); second != date_second_) {
    date_second_ = second;
    date_line_ = "Date: " + http_date(second) + "\r\n";
  }
  return date_line_;
}

void worker::arm_tick() {
  timer_.expires_after(tick_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || stopping_)
      return;
    sweep();
    arm_tick();
  });
}

void worker::sweep() {
  now_ = std::chrono::steady_clock::now();
  bury();
  // Ending one connection may, through callbacks, end others: first find, then act.
  std::vector<std::shared_ptr<session>> late;
  for (auto& s : sessions_)
    if (s->deadline() <= now_)
      late.push_back(s);
  for (auto& s : late)
    if (s->deadline() <= now_)
      s->expire();
}

} // namespace troupe::http
