// Who may call now? One book for a node's outbound calls: a global bucket over all lanes, a bucket and a number of
// concurrency slots a lane (a lane is a provider). Waiters stand in the order of their deadlines; a permit and a place
// in the queue belong to an owner and go with it. Pure: `now` is an argument, the queue is bounded, every request that
// was accepted ends in exactly one decision or goes with its owner.
#pragma once

#include "actors/rate_limiter/token_bucket.hpp"
#include "messages/errors.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe {

class permit_book {
public:
  using time = std::chrono::nanoseconds; // of a monotonic clock, since any fixed point

  struct lane_settings {
    std::string name;
    std::int64_t rate = 10; // calls a second
    std::int64_t burst = 10;
    int concurrency = 10; // calls under way at once
  };

  struct settings {
    std::int64_t rate = 40; // S4-02
    std::int64_t burst = 40;
    std::vector<lane_settings> lanes;
    // Enough for every fetch that the bridge lets in to wait on each of a handful of providers.
    std::size_t max_waiting = 20'000;
  };

  struct decision {
    std::uint64_t ticket = 0;
    ec refused = ec::none; // none: granted
    std::uint64_t permit = 0;
    std::chrono::nanoseconds waited{};
  };

  permit_book(const settings& cfg, time now);

  /// Asks for a permit. None: queued, a later poll decides. bad_request: no such lane; overloaded: the queue is full.
  [[nodiscard]] ec request(time now, std::string_view lane, std::uint64_t owner, time deadline, std::uint64_t ticket);

  /// Gives a permit back; one that is unknown (its owner died) changes nothing.
  void release(std::uint64_t permit);

  /// Frees what an owner held and forgets what it waited for.
  void owner_down(std::uint64_t owner);

  /// No grants on this lane before `until` (never shortens a pause).
  void pause(std::string_view lane, time until);

  /// Decides what can be decided now, in order.
  [[nodiscard]] std::vector<decision> poll(time now);

  /// When the next poll may decide something that no request or release brings about; nothing: never.
  [[nodiscard]] std::optional<time> next_wake(time now);

  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
  [[nodiscard]] std::size_t granted() const noexcept { return held_.size(); }
  [[nodiscard]] std::size_t waiting(std::string_view lane) const;
  [[nodiscard]] std::size_t granted(std::string_view lane) const;

private:
  struct waiter {
    std::uint64_t owner;
    time since;
  };
  struct lane {
    std::string name;
    token_bucket bucket;
    int concurrency;
    int busy = 0;
    time paused_until{};
    std::map<std::pair<time, std::uint64_t>, waiter> queue; // by deadline, then ticket

    [[nodiscard]] bool has_slot(time now) const { return busy < concurrency && now >= paused_until; }
  };
  struct holding {
    std::size_t lane;
    std::uint64_t owner;
  };

  [[nodiscard]] lane* find(std::string_view name);
  [[nodiscard]] const lane* find(std::string_view name) const;
  void expire(lane& l, time now, std::vector<decision>& out);
  [[nodiscard]] lane* earliest_ready(time now);

  token_bucket global_;
  std::vector<lane> lanes_;
  std::unordered_map<std::uint64_t, holding> held_;
  std::size_t waiting_ = 0;
  std::size_t max_waiting_;
  std::uint64_t last_permit_ = 0;
};

} // namespace troupe
