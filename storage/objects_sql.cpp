#include "storage/objects_sql.hpp"

#include "storage/digest.hpp"

#include <algorithm>

namespace troupe::storage {
namespace {

/// A row of this size is read and written in one piece; both databases keep it outside the row itself.
constexpr std::size_t block_bytes = 1 << 20;

} // namespace

objects_sql::objects_sql(sql& db, std::string bucket, std::function<std::int64_t()> now_ms)
    : db_{db}, now_ms_{std::move(now_ms)}, catalogue_{db, std::move(bucket)}, last_sweep_ms_{now_ms_()} {}

/// From now on nobody should begin to read this body. That it cannot be noted does not undo what was done: then the
/// body goes as one that was never finished.
void objects_sql::release(const std::string& body) {
  static_cast<void>(db_
                      .run("UPDATE object_bodies SET released_ms = ? WHERE body = ? AND NOT EXISTS"
                           " (SELECT 1 FROM objects WHERE objects.body = object_bodies.body)",
                        {now_ms_(), body})
                      .has_value());
}

result<std::optional<object_info>> objects_sql::do_put(
  std::string_view key, const byte_source& source, const put_options& options) {
  if (now_ms_() - last_sweep_ms_ >= sweep_every_ms)
    static_cast<void>(sweep().has_value()); // the next put tries again
  const auto failed = [&](const error& e) {
    return boost::outcome_v2::failure(
      e.code == ec::storage_failed ? error{e.code, "object " + std::string{key} + ": " + e.message} : e);
  };
  auto object = catalogued_object{};
  object.body = random_name(16);
  const auto now = now_ms_();
  if (auto noted = db_.run("INSERT INTO object_bodies (body, made_ms) VALUES (?, ?)", {object.body, now}); !noted)
    return failed(noted.error());
  auto written =
    write_blocks(source, block_bytes, options.sha256, [&](std::int64_t index, std::string_view block) -> result<void> {
      auto done = db_.run(
        "INSERT INTO object_chunks (body, n, bytes) VALUES (?, ?, ?)", {object.body, index, blob{std::string{block}}});
      return done ? result<void>{ok()} : result<void>{boost::outcome_v2::failure(done.error())};
    });
  if (!written) {
    release(object.body);
    return failed(written.error());
  }
  object.info = {std::string{key}, written.value().size, written.value().sha256.substr(0, 32), now,
    written.value().sha256, options.http, options.custom};
  std::sort(object.info.custom.begin(), object.info.custom.end());
  object.checks = std::move(written.value().checks);
  // Which body this replaces. Of two puts at once the loser's may be overlooked; it goes as one never finished.
  auto old = catalogue_.find(key);
  auto stored = catalogue_.put(object, options.only);
  if (!stored || !stored.value())
    release(object.body);
  else if (old && old.value())
    release(old.value()->body);
  if (!stored)
    return failed(stored.error());
  return stored.value() ? std::optional{std::move(object.info)} : std::nullopt;
}

result<fetched> objects_sql::do_get(std::string_view key, const byte_sink& sink, const get_options& options) {
  auto found = catalogue_.find(key);
  if (!found)
    return boost::outcome_v2::failure(found.error());
  if (!found.value())
    return fetched{};
  auto& object = *found.value();
  if (!hold(options.only, object.info.etag))
    return fetched{fetch::unmatched, std::move(object.info)};
  auto wanted = extent_of(options.range, object.info.size);
  if (!wanted)
    return boost::outcome_v2::failure(wanted.error());
  const auto load = [&](std::int64_t index, std::string& block) -> result<void> {
    auto chunk = db_.first("SELECT bytes FROM object_chunks WHERE body = ? AND n = ?", {object.body, index});
    if (!chunk)
      return boost::outcome_v2::failure(chunk.error());
    const auto* bytes = chunk.value() ? chunk.value()->get<blob>("bytes") : nullptr;
    block = bytes != nullptr ? std::string{bytes->view()} : std::string{};
    return ok();
  };
  auto done = read_blocks(object.info, object.checks, block_bytes, wanted.value(), load, sink);
  if (!done)
    return boost::outcome_v2::failure(done.error());
  return fetched{done.value(), std::move(object.info)};
}

result<std::optional<object_info>> objects_sql::do_head(std::string_view key) {
  auto found = catalogue_.find(key);
  if (!found)
    return boost::outcome_v2::failure(found.error());
  return found.value() ? std::optional{std::move(found.value()->info)} : std::nullopt;
}

result<void> objects_sql::do_remove(std::string_view key) {
  auto old = catalogue_.find(key);
  if (!old)
    return boost::outcome_v2::failure(old.error());
  if (!old.value())
    return ok();
  // One that was replaced in between stays: this removal then came before that put.
  auto removed = catalogue_.remove(key, old.value()->body);
  if (!removed)
    return boost::outcome_v2::failure(removed.error());
  if (removed.value())
    release(old.value()->body);
  return ok();
}

result<object_list> objects_sql::do_list(const list_options& options) {
  return catalogue_.list(options);
}

result<std::int64_t> objects_sql::sweep() {
  const auto now = now_ms_();
  auto over = db_.all("SELECT body FROM object_bodies WHERE (released_ms <= ? OR made_ms <= ?) AND NOT EXISTS"
                      " (SELECT 1 FROM objects WHERE objects.body = object_bodies.body) LIMIT 1000",
    {now - released_for_ms, now - unfinished_for_ms});
  if (!over)
    return boost::outcome_v2::failure(over.error());
  for (const auto& each : over.value()) {
    const auto* body = each.get<std::string>("body");
    if (body == nullptr)
      continue;
    // The chunks first: a body that is still noted is found again.
    auto removed = db_.batch(
      {{"DELETE FROM object_chunks WHERE body = ?", {*body}}, {"DELETE FROM object_bodies WHERE body = ?", {*body}}});
    if (!removed)
      return boost::outcome_v2::failure(removed.error());
  }
  last_sweep_ms_ = now;
  return static_cast<std::int64_t>(over.value().size());
}

} // namespace troupe::storage
