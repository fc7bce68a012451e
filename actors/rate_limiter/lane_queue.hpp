// Who waits on one lane, in three orders: by priority, deadline and ticket (whose turn it is), by deadline alone (who
// is too late), and by how overdue they are. Overdue: a waiter climbs one class every two seconds, and once it has
// climbed past the top one it has waited too long; the permit book then gives it a share of its own. Two seconds: what
// a person puts up with before an answer feels broken, and a fifth of the default deadline, so that a warming call
// (three climbs) has 4 s left of it. All O(log n).
#pragma once

#include "messages/types.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

namespace troupe {

class lane_queue {
public:
  using time = std::chrono::nanoseconds;

  static constexpr time climb = std::chrono::seconds{2};

  struct waiter {
    std::uint64_t ticket = 0; // unique, and larger than that of everybody who came before
    std::uint64_t owner = 0;
    troupe::priority priority = troupe::priority::interactive;
    time since{};
    time deadline{}; // a permit at this time comes too late

    /// Smaller: goes first.
    [[nodiscard]] auto rank() const noexcept { return std::tuple{priority, deadline, ticket}; }
    /// From when on it is overdue; smaller: more so.
    [[nodiscard]] auto overdue() const noexcept {
      return std::pair{since + climb * (1 + static_cast<int>(priority)), ticket};
    }
  };

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t size(priority p) const noexcept { return at(p).by_deadline.size(); }

  void add(const waiter& w);
  void remove(const waiter& w);

  /// Whose turn it is; nobody when empty.
  [[nodiscard]] const waiter* first() const noexcept;

  /// Who has been overdue for longest; nobody if nobody is.
  [[nodiscard]] const waiter* most_overdue(time now) const noexcept;

  /// The earliest deadline.
  [[nodiscard]] std::optional<time> next_deadline() const noexcept;

  /// Somebody whose deadline is not after `then`; nobody if there is none.
  [[nodiscard]] const waiter* too_late(time then) const noexcept;

  /// Calls visit(waiter) in the order of their turns while it returns true.
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& c : classes_)
      for (const auto& [when, w] : c.by_deadline)
        if (!visit(w))
          return;
  }

private:
  using key = std::pair<time, std::uint64_t>; // deadline, ticket
  struct one_class {
    std::map<key, waiter> by_deadline;
    std::map<std::uint64_t, time> by_arrival; // ticket, deadline
  };

  [[nodiscard]] const one_class& at(priority p) const noexcept { return classes_[static_cast<std::size_t>(p)]; }
  [[nodiscard]] one_class& at(priority p) noexcept { return classes_[static_cast<std::size_t>(p)]; }

  std::array<one_class, priorities> classes_;
  std::size_t size_ = 0;
};

} // namespace troupe
