#include "apps/warmer/importer.hpp"

#include "apps/books/library/reader.hpp"
#include "apps/warmer/items.hpp"
#include "apps/warmer/unpack.hpp"
#include "storage/jobs_repository.hpp"

#include <future>
#include <utility>

namespace troupe {
namespace {

// New rows of one transaction: some milliseconds of it, and a megabyte of memory.
constexpr std::size_t part = 4'000;
// Rows of the file after which the counts are told though nothing is new: a tenth of a second.
constexpr std::int64_t most_untold = 50'000;
// Of one part: what is slower is broken.
constexpr auto longest_write = std::chrono::seconds{30};

class library_import {
public:
  library_import(const import_order& order, const import_ground& ground, const std::function<bool()>& stopped,
    const std::function<void(const job_view&)>& told)
      : order_{order}, ground_{ground}, stopped_{stopped}, told_{told},
        reader_{{[this](books::library::entry&& e) { items_.add(e, rows_.items); },
          [this](books::library::rejection&& r) { reject(std::move(r)); }}} {}

  result<void> run() {
    auto read = result<void>{ok()};
    unpacker unpack{ground_.most.bytes};
    const auto sink = [&](std::string_view bytes) { return take(bytes); };
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
    if (auto within = check_items(); !within)
      return within;
    return store();
  }

private:
  void reject(books::library::rejection&& r) {
    if (r.why != books::library::cause::duplicate && ++rejections_ <= ground_.most.rejections)
      rows_.rejections.push_back({static_cast<std::int64_t>(r.line), std::move(r.reason)});
  }

  result<void> check_items() const {
    if (items_.made() <= ground_.most.items)
      return ok();
    return fail(
      ec::bad_request, "the library is too large: more than " + std::to_string(ground_.most.items) + " searches");
  }

  result<void> take(std::string_view bytes) {
    if (stopped_())
      return fail(ec::cancelled, "nobody waits for it any more");
    if (auto fed = reader_.feed(bytes); !fed)
      return fed;
    if (auto within = check_items(); !within)
      return within;
    const auto untold = static_cast<std::int64_t>(reader_.counts().rows) - told_rows_;
    return rows_.items.size() + rows_.rejections.size() >= part || untold >= most_untold ? store() : result<void>{ok()};
  }

  result<void> store() {
    const auto& t = reader_.counts();
    const auto duplicates = t.rejected_as(books::library::cause::duplicate);
    rows_.totals.rows = told_rows_ = static_cast<std::int64_t>(t.rows);
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
    else if (outcome.error().code == ec::bad_request) // the job's state, not the upload
      return fail(ec::storage_failed, std::move(outcome.error().message));
    else if (outcome.error().code == ec::not_found) // purged meanwhile: whose lease could it be?
      return fail(ec::cancelled, std::move(outcome.error().message));
    return outcome;
  }

  const import_order& order_;
  const import_ground& ground_;
  const std::function<bool()>& stopped_;
  const std::function<void(const job_view&)>& told_;
  books::library::reader reader_;
  item_maker items_;
  parsed_rows rows_;
  std::int64_t rejections_ = 0;
  std::int64_t told_rows_ = 0; // of which storage knows
};

} // namespace

result<void> import_library(const import_order& order, const import_ground& ground,
  const std::function<bool()>& stopped, const std::function<void(const job_view&)>& told) {
  return library_import{order, ground, stopped, told}.run();
}

} // namespace troupe
