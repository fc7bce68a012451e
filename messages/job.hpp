// Durable jobs as storage keeps them and everybody else sees them: the job, the items of its work, the rows of the
// upload that it refused, and the events that it told. Standard library alone.
// Times are Unix milliseconds; 0: not yet.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

enum class job_state : std::uint8_t {
  queued,    ///< waits for its turn
  running,   ///< somebody has its lease
  paused,    ///< its library waits with it
  done,      ///< ended: every item is done or failed
  failed,    ///< ended: the job itself could not go on
  cancelled, ///< ended: somebody wanted it so
};
inline constexpr std::array<std::string_view, 6> job_states{
  "queued", "running", "paused", "done", "failed", "cancelled"};

[[nodiscard]] constexpr std::string_view to_string(job_state s) noexcept {
  return job_states.at(static_cast<std::size_t>(s));
}
[[nodiscard]] constexpr bool has_ended(job_state s) noexcept {
  return s >= job_state::done;
}

enum class item_state : std::uint8_t { queued, claimed, done, failed };
inline constexpr std::array<std::string_view, 4> item_states{"queued", "claimed", "done", "failed"};

[[nodiscard]] constexpr std::string_view to_string(item_state s) noexcept {
  return item_states.at(static_cast<std::size_t>(s));
}

/// The word of `names` that `text` is, as the enum that they are the names of; false and `out` as it was otherwise.
template <class Enum, std::size_t N>
[[nodiscard]] constexpr bool parse(
  std::string_view text, const std::array<std::string_view, N>& names, Enum& out) noexcept {
  for (std::size_t i = 0; i < N; ++i)
    if (names.at(i) == text) {
      out = static_cast<Enum>(i);
      return true;
    }
  return false;
}

/// What the parser has found in the upload so far.
struct parse_totals {
  std::int64_t rows = 0;
  std::int64_t accepted = 0;
  std::int64_t rejected = 0;
  std::int64_t duplicates = 0;

  friend bool operator==(const parse_totals&, const parse_totals&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, parse_totals& x) {
  return f(x.rows, x.accepted, x.rejected, x.duplicates);
}

/// items = queued + claimed + done + failed.
struct job_counts {
  parse_totals parsed = {};
  std::int64_t items = 0;
  std::int64_t claimed = 0;
  std::int64_t done = 0;
  std::int64_t failed = 0;
  std::int64_t hits = 0; // of those done: without a provider; hot and cold
  std::int64_t hot = 0;  // of the hits: from the hot tier
  std::int64_t cold = 0; // of the hits: from the cold tier or the database

  friend bool operator==(const job_counts&, const job_counts&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job_counts& x) {
  return f(x.parsed, x.items, x.claimed, x.done, x.failed, x.hits, x.hot, x.cold);
}

/// A job to be queued.
struct new_job {
  std::string id = {}; // 128 random bits, in hex
  std::string kind = "warm";
  std::string library = {};
  std::string source = {};    // the key of the upload in `objects`
  std::string options = "{}"; // JSON
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, new_job& x) {
  return f(x.id, x.kind, x.library, x.source, x.options);
}

/// A job as it is now.
struct job_view {
  std::string id = {};
  std::string kind = {};
  std::string library = {};
  std::string source = {};
  std::string options = {};
  job_state state = job_state::queued;
  std::string phase = {};   // "" until it runs, "parsing", "warming"
  std::string message = {}; // why it failed
  std::int64_t created_ms = 0;
  std::int64_t started_ms = 0; // the first time
  std::int64_t ended_ms = 0;
  std::int64_t updated_ms = 0;
  job_counts counts = {};
  std::int64_t events = 0;      // the number of the last one
  std::string lease_owner = {}; // who runs it; empty: nobody
  std::int64_t lease_until_ms = 0;

  friend bool operator==(const job_view&, const job_view&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job_view& x) {
  return f(x.id, x.kind, x.library, x.source, x.options, x.state, x.phase, x.message, x.created_ms, x.started_ms,
    x.ended_ms, x.updated_ms, x.counts, x.events, x.lease_owner, x.lease_until_ms);
}

/// One piece of a job's work.
struct job_item {
  std::int64_t n = 0;    // its place in the job; any numbers, each once
  std::string kind = {}; // "author", "title", "isbn"
  std::string subject = {};
  item_state state = item_state::queued;
  std::string how = {};  // it was done: "hot", "cold", "fetched" ("hit" before migration 0006)
  std::string code = {}; // why it failed: an ec's name
  std::string message = {};

  friend bool operator==(const job_item&, const job_item&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job_item& x) {
  return f(x.n, x.kind, x.subject, x.state, x.how, x.code, x.message);
}

/// How an item ended: failed when it has a code, else done. Those that are done without a provider are counted.
inline constexpr std::string_view done_hot = "hot";
inline constexpr std::string_view done_cold = "cold";
inline constexpr std::string_view done_fetched = "fetched";

struct item_result {
  std::int64_t n = 0;
  std::string how = {};
  std::string code = {};
  std::string message = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, item_result& x) {
  return f(x.n, x.how, x.code, x.message);
}

/// A row of the upload that no item was made of.
struct job_rejection {
  std::int64_t line = 0; // from 1
  std::string reason = {};

  friend bool operator==(const job_rejection&, const job_rejection&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job_rejection& x) {
  return f(x.line, x.reason);
}

/// A part of the upload, parsed. The totals are those of everything so far, from the upload's first row.
struct parsed_rows {
  std::vector<job_item> items = {}; // n, kind and subject
  std::vector<job_rejection> rejections = {};
  parse_totals totals = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, parsed_rows& x) {
  return f(x.items, x.rejections, x.totals);
}

/// What a job tells its listeners. To be appended it needs kind and data alone.
struct job_event {
  std::int64_t seq = 0;  // from 1, without gaps
  std::string kind = {}; // "state", "phase", "progress" or another; the last is "done" or "error"
  std::int64_t at_ms = 0;
  std::string data = {}; // JSON

  friend bool operator==(const job_event&, const job_event&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, job_event& x) {
  return f(x.seq, x.kind, x.at_ms, x.data);
}

} // namespace troupe
