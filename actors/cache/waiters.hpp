// Who waits for one fetch, in the order in which they asked. Pure: `Ticket` is what the caller answers them by.
// Invariant: whoever was added is given back once: by leave(), by take_late() or by take_all().
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace troupe {

template <class Ticket, class Asker>
class waiters {
public:
  using time = std::chrono::steady_clock::time_point;

  void add(Ticket ticket, Asker who, bool gzip, time deadline) {
    all_.push_back({std::move(ticket), std::move(who), gzip, deadline, false});
    ++size_;
  }

  /// The ticket of the first that asked as `who` and has not left; none when nobody has.
  [[nodiscard]] std::optional<Ticket> leave(const Asker& who) {
    const auto leaver = std::find_if(all_.begin() + static_cast<std::ptrdiff_t>(first_), all_.end(),
      [&](const auto& w) { return !w.gone && w.from == who; });
    if (leaver == all_.end())
      return std::nullopt;
    // Marked, not erased: ten thousand may leave one by one, and mostly the oldest first.
    leaver->gone = true;
    while (first_ < all_.size() && all_[first_].gone)
      ++first_;
    --size_;
    return std::move(leaver->ticket);
  }

  /// Those who have not left.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  [[nodiscard]] bool any_gzip() const {
    return std::any_of(all_.begin(), all_.end(), [](const auto& w) { return w.gzip && !w.gone; });
  }

  /// The latest deadline among them; none without any.
  [[nodiscard]] std::optional<time> latest() const {
    std::optional<time> out;
    for (const auto& w : all_)
      if (!w.gone && (!out || w.deadline > *out))
        out = w.deadline;
    return out;
  }

  /// Those whose deadline is earlier, in order; the others stay.
  [[nodiscard]] std::vector<Ticket> take_late(time earliest) {
    return take([&](const waiter& w) { return w.deadline < earliest; });
  }

  [[nodiscard]] std::vector<Ticket> take_all() {
    return take([](const waiter&) { return true; });
  }

private:
  struct waiter {
    Ticket ticket;
    Asker from;
    bool gzip;
    time deadline;
    bool gone;
  };

  template <class Which>
  std::vector<Ticket> take(const Which& which) {
    std::vector<Ticket> out;
    std::vector<waiter> rest;
    for (auto& w : all_)
      if (!w.gone && which(w))
        out.push_back(std::move(w.ticket));
      else if (!w.gone)
        rest.push_back(std::move(w));
    all_ = std::move(rest);
    first_ = 0;
    size_ = all_.size();
    return out;
  }

  std::vector<waiter> all_;
  std::size_t first_ = 0; // all before it have left
  std::size_t size_ = 0;
};

} // namespace troupe
