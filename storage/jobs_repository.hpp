// Durable jobs: what is to be done, who does it, how far it is. Written once, against `sql`; migration 0004 makes the
// tables. Any number of processes may share them.
//
// A job is queued, then running under a lease, perhaps paused, and ends done, failed or cancelled. Of one library one
// job is running or paused; the others wait, oldest first. Its work are items, claimed in micro-batches in the order of
// their numbers. Invariants:
// - Every change of a job, with the items that it touches and the event that tells it, is one transaction, and it
//   happens to the job as it was when the change was decided (job_rows.hpp).
// - An item that is claimed ends once: a result for one that is not claimed (any more) changes nothing.
// - A lease is lost when somebody else takes it, which nobody can before it has run out. Until then its owner's word
//   counts, late as it may be. The owner is a node's name: of those that are alive each has another.
// - Events are numbered from 1 without gaps. The last of an ended job is `done` or `error`; nothing follows it.
#pragma once

#include "messages/job.hpp"
#include "messages/result.hpp"
#include "storage/sql.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

struct kept_job;

template <class T>
struct job_page_of {
  std::vector<T> entries;
  std::string cursor; // opaque; empty: nothing follows
};

/// What a purge has done.
struct purged {
  std::int64_t jobs = 0;
  std::int64_t rows = 0; // of what hung on them
  bool all = true;       // false: there is more to do
};

/// Texts hold no NUL byte (PostgreSQL stores none). Besides those of `sql` every call that names a job fails with
/// - ec::not_found: there is no such job,
/// - ec::bad_request: it is in a state that does not allow this; the message says in which,
/// - ec::cancelled: the caller does not have its lease (any more): it should stop working for it.
/// Nothing is changed then. Whoever cannot know whether a call was carried out (the connection was lost while
/// committing) may repeat it: create and finish then change nothing, add_items adds nothing, a transition says in which
/// state the job is by now. Items of a claim whose answer was lost stay claimed: requeue.
/// Holds a reference: the database outlives the repository.
class jobs_repository {
public:
  /// Beyond so many events of one job only transitions and phases are told. Coalesced progress (job_progress) is at
  /// most 101 of a phase in each life of its node, so 4,000 are reached only by somebody who does not coalesce.
  static constexpr std::int64_t most_events = 4000;

  explicit jobs_repository(sql& db) noexcept : db_{db} {}

  /// Queues a job. One with this id stays as it is.
  [[nodiscard]] result<void> create(const new_job& what, std::int64_t now_ms);

  [[nodiscard]] result<std::optional<job_view>> find(std::string_view id);

  /// Newest first. @param limit 1 to 1,000. Fails with ec::bad_request for a cursor that no list gave.
  [[nodiscard]] result<job_page_of<job_view>> list(std::int64_t limit, std::string_view cursor = {});

  // Who does the work.

  /// Takes the lease of the oldest queued job whose library has none under way; none when there is no such. Of several
  /// processes that ask at once each gets another.
  [[nodiscard]] result<std::optional<job_view>> start_next(
    std::string_view owner, std::int64_t now_ms, std::int64_t until_ms);

  enum class recovery : std::uint8_t {
    at_start,   ///< also what this owner had in an earlier life
    of_expired, ///< what others, or itself, have let run out
  };
  /// Takes the leases of running jobs whose owner has died; what was claimed of them is queued again. Paused ones only
  /// lose their owner. Answers those that are this owner's now.
  [[nodiscard]] result<std::vector<job_view>> recover(
    std::string_view owner, std::int64_t now_ms, std::int64_t until_ms, recovery which);

  /// Prolongs the lease of a job, running or paused: its state says which.
  [[nodiscard]] result<job_view> renew(
    std::string_view id, std::string_view owner, std::int64_t now_ms, std::int64_t until_ms);

  // The work: for the owner of the lease. A running job is needed for all but finish and
  // requeue, for which a paused one will do.

  /// Sets the phase and tells it ("phase").
  [[nodiscard]] result<job_view> advance(
    std::string_view id, std::string_view owner, std::string_view phase, std::int64_t now_ms);

  /// Adds what was parsed, thousands of rows at a time, and sets the totals. Items and rejections whose number or line
  /// the job has already are left alone, so that a parser may begin again.
  [[nodiscard]] result<job_view> add_items(
    std::string_view id, std::string_view owner, const parsed_rows& parsed, std::int64_t now_ms);

  /// Claims the next micro-batch, in the order of n; empty when nothing is queued. @param limit at least 1
  [[nodiscard]] result<std::vector<job_item>> claim(
    std::string_view id, std::string_view owner, std::int64_t limit, std::int64_t now_ms);

  /// Queues again all that is claimed: for an owner that has nothing of it in its hands. A paused job is given back as
  /// a whole, lease included, so that its owner can do another: resumed it is queued.
  [[nodiscard]] result<job_view> requeue(std::string_view id, std::string_view owner, std::int64_t now_ms);

  /// Ends claimed items, counts them and appends an event. When there are results and none is of a claimed item, it has
  /// been called before: then nothing happens at all.
  [[nodiscard]] result<job_view> finish(std::string_view id, std::string_view owner,
    const std::vector<item_result>& results, const std::optional<job_event>& told, std::int64_t now_ms);

  /// Appends an event alone; not "done" or "error", which belong to the job's end (ec::bad_request).
  [[nodiscard]] result<job_view> append(
    std::string_view id, std::string_view owner, const job_event& told, std::int64_t now_ms);

  // Transitions. Each is told as "state" with {"state":"..."}, the ends as "done" or "error" with `data` (JSON), or
  // that when it is empty.

  /// From running, with every item ended (else ec::bad_request).
  [[nodiscard]] result<job_view> complete(
    std::string_view id, std::string_view owner, std::string_view data, std::int64_t now_ms);
  /// From running and paused.
  [[nodiscard]] result<job_view> fail_job(
    std::string_view id, std::string_view owner, std::string_view message, std::string_view data, std::int64_t now_ms);
  /// From running. The owner keeps its lease and may finish what it has claimed.
  [[nodiscard]] result<job_view> pause(std::string_view id, std::int64_t now_ms);
  /// From paused: to running when its lease has not run out, else to queued.
  [[nodiscard]] result<job_view> resume(std::string_view id, std::int64_t now_ms);
  /// From queued, running and paused. The owner's lease ends at once. Its event has the job's counts beside its state,
  /// unless it has `data`.
  [[nodiscard]] result<job_view> cancel(std::string_view id, std::string_view data, std::int64_t now_ms);

  // What there is to see. Pages of a job that does not exist are empty.

  /// Items behind number `after`, in order; `only` those in one state. @param limit 1 to 1,000
  [[nodiscard]] result<job_page_of<job_item>> items(
    std::string_view id, std::optional<item_state> only, std::int64_t limit, std::string_view cursor = {});
  /// In the order of lines. @param limit 1 to 1,000
  [[nodiscard]] result<job_page_of<job_rejection>> rejections(
    std::string_view id, std::int64_t limit, std::string_view cursor = {});
  /// The events behind number `seq`, in order, `limit` (at least 1) at most.
  [[nodiscard]] result<std::vector<job_event>> events_after(std::string_view id, std::int64_t seq, std::int64_t limit);

  // Looking back.

  /// Of each library that has no job queued, running or paused: the newest job that is done and has an upload, if it
  /// was created before a time. In the order of libraries, `limit` at most.
  [[nodiscard]] result<std::vector<job_view>> last_done(std::int64_t created_before_ms, std::int64_t limit);

  /// Which of these uploads no job names (any more).
  [[nodiscard]] result<std::vector<std::string>> without_job(const std::vector<std::string>& sources);

  /// Removes jobs that ended before a time, oldest end first, with all that hangs on them, until about `rows` rows are
  /// gone: a million at once would keep everybody else waiting. What is removed in part is not found any more. The
  /// newest done job of a library stays, because a check needs its upload.
  [[nodiscard]] result<purged> purge(std::int64_t ended_before_ms, std::int64_t rows);

private:
  /// What follows the job's own row in its transaction; none: nothing is to be written.
  using changes = std::optional<std::vector<statement>>;
  /// Decides over a job as it is, and changes it. Called again when somebody else was faster.
  using decision = std::function<result<changes>(kept_job& job, std::int64_t mark)>;

  result<job_view> change(std::string_view id, std::int64_t now_ms, const decision& decide);
  result<job_view> change_from_outside(
    std::string_view id, std::string_view wish, const statement& update, std::vector<statement> more);
  result<kept_job> existing(std::string_view id);
  result<void> release(kept_job& job, std::int64_t mark, std::vector<statement>& out);
  result<std::vector<std::int64_t>> numbers_of(
    std::string_view text, std::string_view id, std::int64_t first, std::int64_t last);

  sql& db_;
};

} // namespace troupe::storage
