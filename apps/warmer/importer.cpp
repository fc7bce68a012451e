#include "apps/warmer/importer.hpp"

#include "apps/books/library/reader.hpp"
#include "apps/warmer/items.hpp"
#include "apps/warmer/unpack.hpp"
#include "storage/jobs_repository.hpp"

#include <future>
#include <utility>

namespace troupe {
namespace {

// Rows of one transaction: some milliseconds of it, and a megabyte of memory.
constexpr std::size_t part = 4'000;
// Of one part: what is slower is broken.
constexpr auto longest_write = std::chrono::seconds{30};
// A library may be rejected line by line; the first so many are kept, the counts count all.
constexpr std::int64_t most_rejections = 100'000;

class import {
public:
  import(const import_order& order, const import_ground& ground, const std::atomic<bool>& stop,
    const std::function<void(const job_view&)>& told) :order_{order},
    ground_{ground}, stop_{stop}, told_{told}, reader_{{[this](books::library::entry&& e){items_.add(e, rows_.items);
}, [this](books::library::rejection&& r) { reject(std::move(r)); }
} // namespace
} // namespace troupe
{}

result<void> run() {
  auto read = result<void>{ok()};
  unpacker unpack{ground_.most_bytes};
  const auto sink = [&](std::string_view bytes) -> result<void> { return take(bytes); };
  auto got = ground_.uploads->get(order_.source, [&](const storage::object_info&, std::string_view bytes) {
    read = unpack.feed(bytes, sink);
    return read.has_value();
  });
  if (!got)
    return got.as_failure();
  if (got.value().how == storage::fetch::missing)
    return fail(ec::not_found, "the upload is gone: " + order_.source);
  if (!read)
    return read;
  if (auto whole = unpack.finish(); !whole)
    return whole;
  if (auto whole = reader_.finish(); !whole)
    return whole;
  return store();
}

private:
void reject(books::library::rejection&& r) {
  if (++rejections_ <= most_rejections && r.why != books::library::cause::duplicate)
    rows_.rejections.push_back({static_cast<std::int64_t>(r.line), std::move(r.reason)});
}

result<void> take(std::string_view bytes) {
  if (auto fed = reader_.feed(bytes); !fed)
    return fed;
  if (items_.made() > most_items)
    return fail(ec::bad_request, "the library is too large: more than " + std::to_string(most_items) + " searches");
  return rows_.items.size() + rows_.rejections.size() >= part ? store() : result<void>{ok()};
}

result<void> store() {
  if (stop_)
    return fail(ec::cancelled, "shutting down");
  const auto& t = reader_.counts();
  const auto duplicates = t.rejected_as(books::library::cause::duplicate);
  rows_.totals.rows = static_cast<std::int64_t>(t.rows);
  rows_.totals.accepted = static_cast<std::int64_t>(t.accepted);
  rows_.totals.duplicates = static_cast<std::int64_t>(duplicates);
  rows_.totals.rejected = static_cast<std::int64_t>(t.rows - t.accepted - duplicates);
  const auto shared = std::make_shared<const parsed_rows>(std::exchange(rows_, {}));
  const auto job = std::make_shared<job_view>();
  auto promised = std::make_shared<std::promise<result<void>>>();
  auto done = promised->get_future();
  ground_.jobs->submit(
    storage::job_kind::write,
    [shared, job, order = order_, now = ground_.now_ms](storage::sql& db) -> result<void> {
      auto added = storage::jobs_repository{db}.add_items(order.job, order.owner, *shared, now());
      if (!added)
        return added.as_failure();
      *job = std::move(added.value());
      return ok();
    },
    std::chrono::steady_clock::now() + longest_write,
    [promised](result<void> outcome) { promised->set_value(std::move(outcome)); });
  auto outcome = done.get();
  if (outcome)
    told_(*job);
  return outcome;
}

const import_order& order_;
const import_ground& ground_;
const std::atomic<bool>& stop_;
const std::function<void(const job_view&)>& told_;
books::library::reader reader_;
item_maker items_;
parsed_rows rows_;
std::int64_t rejections_ = 0;
}
;

} // namespace

result<void> import_library(const import_order& order, const import_ground& ground, const std::atomic<bool>& stop,
  const std::function<void(const job_view&)>& told) {
  return import{order, ground, stop, told}.run();
}

} // namespace troupe
