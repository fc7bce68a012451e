// Who may call now? One book for a node's outbound calls (S4-02..08, C-30, C-32, C-33): a tree of limits. Its root is
// the limit of all calls together, beneath it the APIs, beneath an API the lanes that share it ("google/warming" under
// "google"). Each has a token bucket and concurrency slots; a permit takes a token and a slot from the lane that it is
// asked of and from all above it, or from none.
//
// Waiters go by priority, then deadline, then arrival, whatever lane they wait on; a lane that has no token, no slot or
// a pause holds up itself alone. Strict order alone would starve: so every 16th permit of each limit goes to whoever is
// overdue for longest, if anybody is (lane_queue.hpp). A share instead of a place at the front: with more batch work
// than fits, all of it ages, and would stand before every interactive call; so it costs these a sixteenth of the rate.
//
// Invariants: the queue is bounded; every request that is accepted ends in exactly one decision or goes with its owner;
// a permit, and a place in the queue, belong to an owner and go with it. Pure: `now` is an argument.
#pragma once

#include "actors/rate_limiter/adaptive_bucket.hpp"
#include "actors/rate_limiter/lane_queue.hpp"
#include "messages/errors.hpp"
#include "messages/types.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

class permit_book {
public:
  using time = std::chrono::nanoseconds; // of a monotonic clock, since any fixed point

  struct lane_settings {
    std::string name;       // "api", or "api/lane" after its "api"
    std::int64_t rate = 10; // calls a second
    std::int64_t burst = 10;
    int concurrency = 10; // calls under way at once; 0: any number
    bool adaptive = true; // whether a 429 lowers the rate
  };

  struct settings {
    std::int64_t rate = 40; // S4-02
    std::int64_t burst = 40;
    int concurrency = 0;
    std::vector<lane_settings> lanes;
    // Enough for every fetch that the bridge lets in to wait on each of a handful of providers.
    std::size_t max_waiting = 20'000;
    // A permit that was waited for is handed out up to so much later, so that calls that wait for the same token, on
    // several nodes too, do not leave in step (S4-07). One that was not waited for is never held back.
    std::chrono::nanoseconds jitter = std::chrono::milliseconds{5};
    std::uint64_t seed = 0; // of the jitter; 0: random
  };

  struct call {
    std::string_view lane;
    std::uint64_t owner = 0;
    time deadline{};
    std::uint64_t ticket = 0; // unique and rising
    troupe::priority priority = troupe::priority::interactive;
  };

  struct decision {
    std::uint64_t ticket = 0;
    ec refused = ec::none;
    std::uint64_t permit = 0; // 0 and not refused: it waits, and a later poll decides
    std::chrono::nanoseconds waited{};
    std::size_t lane = 0; // index into limits()
    troupe::priority priority = troupe::priority::interactive;
  };

  /// Throws std::invalid_argument when a lane has no name, has one twice, or is under an API that does not come before.
  permit_book(const settings& cfg, time now);

  /// Asks for a permit. Granted at once when nobody waits and it is there. Refused at once with bad_request (no such
  /// lane or priority), overloaded (the queue is full), or permit_refused: the deadline cannot be met even if every
  /// call ends at once, no other lane takes a token and nobody new comes. Else it waits.
  [[nodiscard]] decision request(time now, const call& c);

  /// Forgets a request that waits; no token is spent on it. False: it does not wait (any more).
  bool withdraw(const call& c);

  /// Gives a permit back; one that is unknown (its owner died) changes nothing.
  void release(std::uint64_t permit);

  /// Frees what an owner held and forgets what it waited for.
  void owner_down(std::uint64_t owner);

  /// The upstream said 429 on this lane, with or without Retry-After (adaptive_bucket::limited). Holds back the lanes
  /// beneath it too. Who cannot be served any more because of it is refused by the next poll. False: no such lane.
  bool limited(time now, std::string_view lane, std::optional<std::chrono::nanoseconds> retry_after);

  /// Decides what can be decided now, in order.
  [[nodiscard]] std::vector<decision> poll(time now);

  /// When the next poll may decide something that no request or release brings about; nothing: never.
  [[nodiscard]] std::optional<time> next_wake(time now);

  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }

  /// How one limit stands: the root ("global") first, then as configured.
  struct limit_report {
    std::string_view name;
    std::int64_t configured_rate = 0;
    std::int64_t current_rate = 0;
    std::int64_t held = 0; // with the lanes beneath it
    std::array<std::int64_t, priorities> waiting{};
    bool paused = false;
    std::int64_t limited = 0; // 429s
  };
  [[nodiscard]] std::vector<limit_report> limits(time now);

private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  struct limit {
    std::string name;
    std::uint32_t parent = none;
    adaptive_bucket bucket;
    int concurrency = 0;
    int busy = 0;
    int since_overdue = 0; // permits in a row that went by rank
    std::int64_t limited = 0;
    lane_queue queue;
  };
  struct holding {
    std::uint64_t owner = 0;
    std::uint32_t lane = none; // none: free
    std::uint32_t generation = 0;
  };
  struct held_back { // granted, handed out a little later
    lane_queue::waiter who;
    std::uint64_t permit = 0;
  };

  [[nodiscard]] std::uint32_t find(std::string_view name) const noexcept;
  [[nodiscard]] bool under(std::uint32_t lane, std::uint32_t ancestor) const noexcept;
  [[nodiscard]] bool has_slots(std::uint32_t lane) const noexcept;
  [[nodiscard]] bool ready(std::uint32_t lane, time now);
  [[nodiscard]] time next_at(std::uint32_t lane, time now, std::int64_t n);
  [[nodiscard]] bool comes_before(std::uint32_t lane, time now, std::int64_t n, time when);
  [[nodiscard]] time paused_until(std::uint32_t lane) const noexcept;
  [[nodiscard]] bool hopeless(std::uint32_t lane, const lane_queue::waiter& who, time now);
  std::uint64_t grant(std::uint32_t lane, std::uint64_t owner, time now);
  struct choice {
    std::uint32_t lane = none;
    bool overdue = false; // else by rank
  };
  [[nodiscard]] choice choose(time now);
  void serve(choice what, time now, std::vector<decision>& out);
  void hand_out(time now, std::vector<decision>& out);
  void expire(time now, std::vector<decision>& out);

  std::vector<limit> limits_; // the root first, a parent before its children
  std::vector<holding> held_;
  std::vector<std::uint32_t> free_;                               // of held_
  std::map<std::pair<time, std::uint64_t>, held_back> held_back_; // by time and permit
  std::vector<std::uint32_t> candidates_;                         // choose()'s own
  std::size_t waiting_ = 0;                                       // in all queues
  std::size_t max_waiting_;
  std::chrono::nanoseconds jitter_;
  std::mt19937_64 random_;
};

} // namespace troupe
