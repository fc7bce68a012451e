// One micro-batch of items on its way: which is sent next, which is tried again, and when it is done. What passes, such
// as a circuit that is open or a limit that is used up, is waited out and costs no item an attempt; what fails is tried
// three times. Pure: `now` is an argument.
#pragma once

#include "messages/errors.hpp"
#include "messages/job.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

class micro_batch {
public:
  using time = std::chrono::steady_clock::time_point;

  static constexpr int attempts = 3;
  /// Before an item is tried again: a second, then two.
  static constexpr std::chrono::milliseconds first_pause{1'000};
  /// When everything has to wait and nobody says for how long.
  static constexpr std::chrono::milliseconds usual_hold{1'000};

  micro_batch() = default;
  explicit micro_batch(std::vector<job_item> items);

  /// The place of the item to be sent now; it is under way then. None: all are under way or ended, or it is not yet the
  /// time (wake_at).
  [[nodiscard]] std::optional<std::size_t> next(time now);

  [[nodiscard]] const job_item& item(std::size_t place) const { return entries_[place].item; }

  /// It was answered: done_hot, done_cold or done_fetched.
  void done(std::size_t place, std::string_view how);

  /// It failed. Circuits and limits hold everything back for `wait` (zero: usual_hold); other errors that may pass are
  /// tried again; the rest ends the item. True: it has ended.
  bool failed(std::size_t place, ec code, const std::string& message, std::chrono::nanoseconds wait, time now);

  [[nodiscard]] bool is_over() const noexcept { return ended_ == entries_.size(); }
  [[nodiscard]] std::size_t under_way() const noexcept { return under_way_; }

  /// When something can be sent that cannot be sent now.
  [[nodiscard]] std::optional<time> wake_at() const;

  /// What came of the items that have ended since the last call.
  [[nodiscard]] std::vector<item_result> take_results();
  /// Whether every item has ended and its result was taken.
  [[nodiscard]] bool is_settled() const noexcept { return taken_ == entries_.size(); }

private:
  enum class stage : std::uint8_t { waiting, under_way, ended };
  struct entry {
    job_item item;
    stage at = stage::waiting;
    int tries = 0;
    time not_before{};
  };

  void end(entry& e, item_result r);
  void again(std::size_t place);

  std::vector<entry> entries_;
  std::size_t first_ = 0; // everything before has ended or is under way
  std::size_t under_way_ = 0;
  std::size_t ended_ = 0;
  std::size_t taken_ = 0;
  std::vector<item_result> results_; // not taken yet
  time held_until_{};
};

} // namespace troupe
