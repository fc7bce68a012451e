#include "actors/store/store.hpp"

#include <iterator>

namespace troupe {
namespace {

using self_ptr = record_store_actor::stateful_pointer<record_store_state>;

// Long enough for the rows of a burst to share a commit, short enough that little is lost when the machine dies.
constexpr auto gather = std::chrono::milliseconds{20};
// A database that fails is asked again after this.
constexpr auto retry = std::chrono::seconds{1};
// About 40 MB of rows; what comes beyond is dropped, since a provider can give it again.
constexpr std::size_t max_waiting = 10'000;

void arm(self_ptr self, std::chrono::milliseconds after) {
  if (self->state.armed)
    return;
  self->state.armed = true;
  self->delayed_send(self, after, tick_atom::value);
}

// Commits what is waiting in one transaction; on failure it stays, and is tried again.
void write(self_ptr self) {
  auto& s = self->state;
  if (s.waiting.empty())
    return;
  if (auto done = s.books->put_many(s.waiting); !done) {
    ++s.failed;
    s.settings.log->error("Storing {} records failed: {}", s.waiting.size(), done.error().message);
    arm(self, retry);
    return;
  }
  s.written += static_cast<std::int64_t>(s.waiting.size());
  s.waiting.clear();
}

void take(self_ptr self, stored_records& rows) {
  auto& s = self->state;
  if (s.waiting.size() + rows.size() > max_waiting) {
    s.dropped += static_cast<std::int64_t>(rows.size());
    return;
  }
  s.waiting.insert(s.waiting.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
  arm(self, gather);
}

caf::result<stored_records> read(self_ptr self, const record_read& what) {
  auto& s = self->state;
  ++s.reads;
  auto found = s.books->find(what.key);
  if (!found)
    return make_error(found.error().code, found.error().message);
  if (!found.value())
    return stored_records{};
  return stored_records{std::move(*found.value())};
}

metrics report(const record_store_state& s) {
  return {
    {"troupe_store_reads_total", {}, true, s.reads},
    {"troupe_store_rows_written_total", {}, true, s.written},
    {"troupe_store_rows_dropped_total", {}, true, s.dropped},
    {"troupe_store_write_failures_total", {}, true, s.failed},
    {"troupe_store_rows_waiting", {}, false, static_cast<std::int64_t>(s.waiting.size())},
  };
}

} // namespace

record_store_actor::behavior_type record_store(self_ptr self, record_store_settings settings) {
  auto& s = self->state;
  s.settings = std::move(settings);
  s.books.emplace(*s.settings.db);
  return {
    [self](const record_read& what) { return read(self, what); },
    [self](stored_records& rows) { take(self, rows); },
    [self](tick_atom) {
      self->state.armed = false;
      write(self);
    },
    [self](flush_atom) {
      write(self);
      return self->state.written;
    },
    [self](stats_atom) { return report(self->state); },
  };
}

} // namespace troupe
