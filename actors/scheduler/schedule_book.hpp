// Which schedules are due (S2-29, S2-30). Each has a function that names its next moment, and the last moment that is
// taken care of; what lies between that and now is due. However many moments those are, they come to one decision:
// after downtime, or when the clock has jumped forward, a schedule runs once or is skipped, as it is configured, and
// never once for each moment that passed.
// Invariants: the moment taken care of only moves forward (unless it is given back), so a clock that is set back
// repeats nothing: moments up to it pass a second time unheeded. (One that lies a day ahead was set by a wrong clock:
// it is set back.) A schedule whose run is under way is not run: its moments are noted as skipped. The work of a call
// is bounded. Pure: `now` is an argument, of the wall clock. Who runs a moment when there are several nodes is for
// storage to say.
#pragma once

#include "messages/result.hpp"
#include "messages/schedule.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

class schedule_book {
public:
  using time = std::chrono::sys_time<std::chrono::milliseconds>;
  /// The first moment after a time; none: there is no other. Never earlier for a later time.
  using next_moment = std::function<std::optional<time>(time after)>;

  enum class missed : std::uint8_t { run_once, skip };

  struct schedule {
    std::string name;
    next_moment next;
    missed policy = missed::run_once;
  };

  struct settings {
    /// A moment that is seen this late is not missed: somebody was busy.
    std::chrono::milliseconds punctual{60'000};
    /// A moment taken care of that lies further ahead than this comes from a clock that was wrong. A day: a clock that
    /// is set back by less than that repeats nothing, not even what is daily.
    std::chrono::milliseconds believable{std::chrono::hours{24}};
    /// A timer does not notice that the clock was set, or that the machine slept: look this often at least.
    std::chrono::milliseconds look_every{30'000};
    /// Decisions of one call; the rest comes with the next, at once.
    std::size_t at_once = 64;
  };

  struct decision {
    enum class deed : std::uint8_t {
      run,    ///< begin a run, and call ended() when it is over or somebody else has it
      skip,   ///< note that the moment is not run, and why
      rewind, ///< the moment taken care of was wrong: `due` takes its place
    };
    deed what = deed::run;
    std::string name;
    time due{}; // the last moment that has come
    run_cause cause = run_cause::cron;
    std::string why = {}; // it is skipped
  };

  struct outlook {
    std::vector<decision> decisions;
    std::chrono::milliseconds look_again{0}; // from now
  };

  schedule_book() = default;
  explicit schedule_book(settings cfg) : cfg_{cfg} {}

  /// Adds a schedule, or replaces the one of this name: what is under way stays, and the moments of the new one begin
  /// now, unless the old one was just due.
  /// @param taken the last moment taken care of; none: it is new, and what lies before now was never meant.
  void add(schedule s, std::optional<time> taken, time now);
  void remove(std::string_view name);

  /// What is to be done now, and when to look again.
  [[nodiscard]] outlook look(time now);

  /// Somebody wants a run now. It takes no moment. Fails with ec::not_found, or ec::bad_request when one is under way.
  [[nodiscard]] result<decision> trigger(std::string_view name, time now);

  /// A run is over, or was not begun.
  void ended(std::string_view name);

  /// What was decided of this moment could not be carried out (the storage was away): unless a later one is taken care
  /// of by now, the moment is due once more. Whoever says so at once, each time, spins.
  void give_back(std::string_view name, time due);

  /// The next moment of a schedule; none: there is no such schedule, or it has no other moment.
  [[nodiscard]] std::optional<time> next(std::string_view name) const;
  [[nodiscard]] bool is_under_way(std::string_view name) const;
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

private:
  struct entry {
    schedule what;
    time taken{};
    std::optional<time> due; // the first moment after `taken`
    bool under_way = false;
  };
  using entries = std::map<std::string, entry, std::less<>>;

  [[nodiscard]] static std::optional<time> moment_after(const schedule& s, time after);
  [[nodiscard]] static time last_moment(const schedule& s, time first, time now);
  void take(entries::iterator at, time moment);
  [[nodiscard]] decision decide(entry& e, time now);

  settings cfg_;
  entries entries_;
  using order = std::set<std::pair<time, std::string>>;
  order line_;  // by their next moment; those that have one
  order taken_; // all, by what is taken care of
};

} // namespace troupe
