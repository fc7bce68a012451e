// By when what is under way must have ended. An actor that asks another keeps the question's deadline here and one
// wake-up for all of them. A timer of CAF's for each question would wake the clock's thread each time (it made a round
// trip between busy actors six times as long) and stay in memory until it fires, long after the answer.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace troupe {

/// Deadlines by key. Pure: the caller says what time it is. O(log n) each.
template <class Key>
class deadlines {
public:
  using time = std::chrono::steady_clock::time_point;

  void add(time when, Key key) { open_.emplace(when, std::move(key)); }

  /// Nothing if it is not there (any more).
  void remove(time when, const Key& key) { open_.erase({when, key}); }

  /// Takes out what has passed by `now`, earliest first.
  [[nodiscard]] std::vector<Key> take_due(time now) {
    std::vector<Key> out;
    while (!open_.empty() && open_.begin()->first <= now)
      out.push_back(std::move(open_.extract(open_.begin()).value().second));
    return out;
  }

  /// The earliest.
  [[nodiscard]] std::optional<time> next() const {
    return open_.empty() ? std::nullopt : std::optional{open_.begin()->first};
  }

private:
  std::set<std::pair<time, Key>> open_;
};

/// Which wake-up an actor waits for. A tick that was sent cannot be called back, so an earlier one may overtake it:
/// the later one is then a stray, and must not start a chain of its own.
class wake_up {
public:
  using time = std::chrono::steady_clock::time_point;

  /// Whether a wake-up has to be sent for `when`; no if one is under way that comes at least as early.
  [[nodiscard]] bool set(time when) {
    if (armed_ && *armed_ <= when)
      return false;
    armed_ = when;
    return true;
  }

  /// A wake-up came. False: a stray.
  [[nodiscard]] bool rang(time now) {
    if (!armed_ || *armed_ > now)
      return false;
    armed_.reset();
    return true;
  }

private:
  std::optional<time> armed_;
};

} // namespace troupe
