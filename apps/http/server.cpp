#include "apps/http/server.hpp"

#include "apps/http/listener.hpp"

#include <algorithm>
#include <future>

namespace troupe::http {

class server::impl {
public:
  impl(std::shared_ptr<server_state> state, std::vector<std::shared_ptr<worker>> workers, std::shared_ptr<listener> l)
      : state_{std::move(state)}, workers_{std::move(workers)}, listener_{std::move(l)} {}

  ~impl() { drain(std::chrono::milliseconds{0}); }

  void start() {
    listener_->start();
    for (std::size_t i = 0; i < workers_.size(); ++i)
      workers_[i]->start(i);
  }

  bool drain(std::chrono::milliseconds patience) {
    if (std::exchange(drained_, true))
      return true;
    auto until = std::chrono::steady_clock::now() + patience;
    state_->draining = true;
    // First the listener, so that whatever connected before is with a worker when that one starts to drain.
    std::promise<void> closed;
    workers_.front()->post([&] {
      listener_->close();
      closed.set_value();
    });
    closed.get_future().wait();
    for (auto& w : workers_)
      w->drain();
    bool finished = false;
    {
      std::unique_lock lock{state_->mutex};
      finished =
        state_->closed.wait_until(lock, until, [this] { return state_->admitted == 0 && state_->turned_away == 0; });
    }
    for (auto& w : workers_)
      w->stop();
    for (auto& w : workers_)
      w->join();
    return finished;
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return listener_->port(); }

  [[nodiscard]] counters count() const noexcept {
    counters c;
    c.open = state_->admitted + state_->turned_away;
    std::uint64_t settled = 0;
    std::uint64_t streams_ended = 0;
    for (std::size_t i = 0; i < own_statuses.size(); ++i)
      c.refused[i].status = own_statuses[i];
    for (const auto& w : workers_) {
      c.accepted += w->counts.accepted.get();
      settled += w->counts.settled.get(); // before requests: the difference must not come out negative
      c.requests += w->counts.requests.get();
      c.gone += w->counts.gone.get();
      c.cut_streams += w->counts.streams_cut.get();
      streams_ended += w->counts.streams_ended.get(); // likewise before those that were begun
      c.streams += w->counts.streams_begun.get();
      for (std::size_t i = 0; i < own_statuses.size(); ++i)
        c.refused[i].count += w->counts.refused[i].get();
    }
    for (const auto& w : workers_) {
      c.tls_handshakes += w->counts.tls.completed.get();
      c.failed_tls_handshakes += w->counts.tls.failed.get();
    }
    c.in_flight = c.requests - std::min(c.requests, settled);
    c.streams -= std::min(c.streams, streams_ended);
    return c;
  }

  void replace_certificate(std::shared_ptr<const tls_context> tls) { state_->replace_certificate(std::move(tls)); }

private:
  std::shared_ptr<server_state> state_;
  std::vector<std::shared_ptr<worker>> workers_;
  std::shared_ptr<listener> listener_;
  bool drained_ = false;
};

result<server> server::start(const std::string& address, std::uint16_t port, std::size_t threads, const limits& l,
  handler& h, std::shared_ptr<const tls_context> tls) {
  auto state = std::make_shared<server_state>(l, h, std::move(tls));
  std::vector<std::shared_ptr<worker>> workers;
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i)
    workers.push_back(std::make_shared<worker>(state));
  auto open = listener::open(address, port, workers, state);
  if (!open)
    return open.as_failure();
  auto i = std::make_unique<impl>(std::move(state), std::move(workers), std::move(open).value());
  i->start();
  return server{std::move(i)};
}

server::server(std::unique_ptr<impl> i) noexcept : impl_{std::move(i)} {}
server::server(server&&) noexcept = default;
server& server::operator=(server&&) noexcept = default;
server::~server() = default;

std::uint16_t server::port() const noexcept {
  return impl_->port();
}

counters server::count() const noexcept {
  return impl_->count();
}

void server::replace_certificate(std::shared_ptr<const tls_context> tls) {
  impl_->replace_certificate(std::move(tls));
}

bool server::drain(std::chrono::milliseconds deadline) {
  return impl_->drain(deadline);
}

} // namespace troupe::http
