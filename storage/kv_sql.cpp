#include "storage/kv_sql.hpp"

#include "storage/many_rows.hpp"

#include <algorithm>
#include <limits>
#include <random>
#include <unordered_map>

namespace troupe::storage {
namespace {

// Fewer than this go one by one.
constexpr std::size_t worth_asking_together = 4;
constexpr std::string_view no_key; // a key has at least one byte

constexpr std::string_view insert =
  "INSERT INTO kv (namespace, name, value, number, metadata, expires_ms, version) VALUES";
constexpr std::string_view or_replace =
  " ON CONFLICT (namespace, name) DO UPDATE SET value = excluded.value, number = excluded.number,"
  " metadata = excluded.metadata, expires_ms = excluded.expires_ms, version = excluded.version";

constexpr std::string_view select_key = "SELECT name, value, number, metadata, expires_ms, version FROM kv"
                                        " WHERE namespace = ? AND name = ? AND expires_ms > ?";
constexpr std::string_view delete_key = "DELETE FROM kv WHERE namespace = ? AND name = ?";

std::string repeated(std::string_view first, std::string_view each, std::size_t times) {
  auto text = std::string{first};
  for (std::size_t i = 1; i < times; ++i)
    text.append(each);
  return text;
}

const std::string& upsert() {
  static const auto text = std::string{insert}.append(" (?, ?, ?, ?, ?, ?, ?)").append(or_replace);
  return text;
}

// Not `name IN (...)`: PostgreSQL, before its first ANALYZE of the table, then reads the whole namespace for each.
const std::string& select_keys() {
  static const auto text = repeated(select_key, " UNION ALL " + std::string{select_key}, kv_limits::keys_at_once);
  return text;
}

blob bytes(std::string_view text) {
  return blob{std::string{text}};
}

/// The least text above all that begin with `prefix`, or none when there is no such.
std::optional<std::string> above(std::string_view prefix) {
  auto next = std::string{prefix};
  while (!next.empty() && static_cast<unsigned char>(next.back()) == 0xff)
    next.pop_back();
  if (next.empty())
    return {};
  next.back() = static_cast<char>(static_cast<unsigned char>(next.back()) + 1);
  return next;
}

auto foreign_row() {
  return fail(ec::storage_unusable, "the table kv is not Troupe's: a row lacks a column");
}

result<kv_entry> entry_of(const row& found, std::optional<std::int64_t> (*shown)(std::int64_t) noexcept) {
  const auto* value = found.get<blob>("value");
  const auto* number = found.get<std::int64_t>("number");
  const auto* metadata = found.get<std::string>("metadata");
  const auto* expires = found.get<std::int64_t>("expires_ms");
  const auto* version = found.get<std::int64_t>("version");
  if (value == nullptr || metadata == nullptr || expires == nullptr || version == nullptr)
    return foreign_row();
  return kv_entry{number != nullptr ? blob{std::to_string(*number)} : *value, *metadata, shown(*expires), *version};
}

/// Versions are drawn, not counted: a key that was erased and written again must not get its old version back. One
/// generator a thread, because seeding one asks the operating system and a store may live for a single operation.
std::int64_t new_version() {
  thread_local auto versions = std::mt19937_64{std::random_device{}() | std::uint64_t{std::random_device{}()} << 32};
  const auto drawn = static_cast<std::int64_t>(versions() >> 1);
  return drawn == 0 ? 1 : drawn;
}

} // namespace

params kv_sql::columns(std::string_view space, const checked_write& what, std::int64_t version) {
  const auto number = canonical_number(what.value->view());
  return {std::string{space}, bytes(what.key), number ? blob{std::string{}} : *what.value,
    number ? value{*number} : value{}, std::string{what.metadata}, what.expires_ms, version};
}

result<std::optional<kv_entry>> kv_sql::do_get(std::string_view space, std::string_view key, std::int64_t now_ms) {
  auto found = db_.first(select_key, {std::string{space}, bytes(key), now_ms});
  if (!found)
    return found.as_failure();
  if (!found.value())
    return std::optional<kv_entry>{};
  auto entry = entry_of(*found.value(), &shown);
  if (!entry)
    return entry.as_failure();
  return std::optional{std::move(entry.value())};
}

result<std::int64_t> kv_sql::do_put(std::string_view space, const checked_write& what, std::int64_t /*now_ms*/) {
  const auto version = new_version();
  if (auto done = db_.run(upsert(), columns(space, what, version)); !done)
    return done.as_failure();
  return version;
}

result<void> kv_sql::do_erase(std::string_view space, std::string_view key) {
  if (auto done = db_.run(delete_key, {std::string{space}, bytes(key)}); !done)
    return done.as_failure();
  return ok();
}

result<std::vector<kv_name>> kv_sql::do_list(
  std::string_view space, std::string_view prefix, std::string_view after, std::size_t limit, std::int64_t now_ms) {
  const auto end = above(prefix);
  auto text = std::string{"SELECT name, metadata, expires_ms FROM kv WHERE namespace = ? AND name >= ? AND name > ?"};
  auto bound = params{std::string{space}, bytes(prefix), bytes(after)};
  if (end) {
    text += " AND name < ?";
    bound.emplace_back(blob{*end});
  }
  text += " AND expires_ms > ? ORDER BY name LIMIT ?";
  bound.emplace_back(now_ms);
  bound.emplace_back(static_cast<std::int64_t>(limit));
  auto rows = db_.all(text, bound);
  if (!rows)
    return rows.as_failure();
  auto names = std::vector<kv_name>{};
  names.reserve(rows.value().size());
  for (const auto& each : rows.value()) {
    const auto* name = each.get<blob>("name");
    const auto* metadata = each.get<std::string>("metadata");
    const auto* expires = each.get<std::int64_t>("expires_ms");
    if (name == nullptr || metadata == nullptr || expires == nullptr)
      return foreign_row();
    names.push_back({std::string{name->view()}, *metadata, shown(*expires)});
  }
  return names;
}

result<std::vector<std::optional<kv_entry>>> kv_sql::do_get_many(
  std::string_view space, const std::vector<std::string>& keys, std::int64_t now_ms) {
  auto list = std::vector<std::optional<kv_entry>>{};
  list.reserve(keys.size());
  if (keys.size() < worth_asking_together) {
    for (const auto& key : keys) {
      auto entry = do_get(space, key, now_ms);
      if (!entry)
        return entry.as_failure();
      list.push_back(std::move(entry.value()));
    }
    return list;
  }
  auto bound = params{};
  bound.reserve(kv_limits::keys_at_once * 3);
  for (std::size_t i = 0; i < kv_limits::keys_at_once; ++i) {
    bound.emplace_back(std::string{space});
    bound.emplace_back(bytes(i < keys.size() ? std::string_view{keys[i]} : no_key)); // a place that is left over
    bound.emplace_back(now_ms);
  }
  auto rows = db_.all(select_keys(), bound);
  if (!rows)
    return rows.as_failure();
  auto found = std::unordered_map<std::string, kv_entry>{};
  for (const auto& each : rows.value()) {
    const auto* name = each.get<blob>("name");
    auto entry = entry_of(each, &shown);
    if (!entry)
      return entry.as_failure();
    if (name == nullptr)
      return foreign_row();
    found.emplace(std::string{name->view()}, std::move(entry.value()));
  }
  for (const auto& key : keys) {
    const auto at = found.find(key);
    list.push_back(at != found.end() ? std::optional{at->second} : std::nullopt);
  }
  return list;
}

result<void> kv_sql::do_put_many(
  std::string_view space, const std::vector<checked_write>& writes, std::int64_t /*now_ms*/) {
  auto in_order = writes;
  std::sort(in_order.begin(), in_order.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  auto rows = std::vector<params>{};
  rows.reserve(in_order.size());
  for (const auto& each : in_order)
    rows.push_back(columns(space, each, new_version()));
  if (auto done = db_.batch(insert_many(insert, or_replace, std::move(rows))); !done)
    return done.as_failure();
  return ok();
}

result<void> kv_sql::do_erase_many(std::string_view space, const std::vector<std::string>& keys) {
  auto statements = std::vector<statement>{};
  statements.reserve(keys.size());
  for (const auto& key : keys)
    statements.push_back({std::string{delete_key}, {std::string{space}, bytes(key)}});
  if (auto done = db_.batch(statements); !done)
    return done.as_failure();
  return ok();
}

result<std::optional<std::int64_t>> kv_sql::do_compare_and_set(
  std::string_view space, const checked_write& what, std::int64_t expected, std::int64_t now_ms) {
  const auto version = new_version();
  auto bound = columns(space, what, version);
  auto changed = result<std::int64_t>{0};
  if (expected == 0) {
    static const auto text = upsert() + " WHERE kv.expires_ms <= ?";
    bound.emplace_back(now_ms);
    changed = db_.run(text, bound);
  } else {
    changed = db_.run("UPDATE kv SET value = ?, number = ?, metadata = ?, expires_ms = ?, version = ?"
                      " WHERE namespace = ? AND name = ? AND version = ? AND expires_ms > ?",
      {bound[2], bound[3], bound[4], bound[5], bound[6], bound[0], bound[1], expected, now_ms});
  }
  if (!changed)
    return changed.as_failure();
  return changed.value() > 0 ? std::optional{version} : std::optional<std::int64_t>{};
}

result<std::int64_t> kv_sql::do_add(
  std::string_view space, std::string_view key, std::int64_t delta, std::int64_t now_ms, std::int64_t expires_ms) {
  // What has expired counts as not there; what would overflow is not changed, and then no row is answered.
  constexpr std::string_view text =
    "INSERT INTO kv (namespace, name, value, number, metadata, expires_ms, version) VALUES (?, ?, ?, ?, '', ?, ?)"
    " ON CONFLICT (namespace, name) DO UPDATE SET value = excluded.value, version = excluded.version,"
    " number = CASE WHEN kv.expires_ms > ? THEN kv.number + excluded.number ELSE excluded.number END,"
    " metadata = CASE WHEN kv.expires_ms > ? THEN kv.metadata ELSE '' END,"
    " expires_ms = CASE WHEN kv.expires_ms > ? THEN kv.expires_ms ELSE excluded.expires_ms END"
    " WHERE kv.expires_ms <= ? OR (kv.number >= ? AND kv.number <= ?)"
    " RETURNING number";
  using limits = std::numeric_limits<std::int64_t>;
  const auto least = delta < 0 ? limits::min() - delta : limits::min();
  const auto most = delta > 0 ? limits::max() - delta : limits::max();
  auto found = db_.first(text, {std::string{space}, bytes(key), blob{std::string{}}, delta, expires_ms, new_version(),
                                 now_ms, now_ms, now_ms, now_ms, least, most});
  if (!found)
    return found.as_failure();
  if (!found.value())
    return boost::outcome_v2::failure(not_addable());
  const auto* sum = found.value()->get<std::int64_t>("number");
  if (sum == nullptr)
    return foreign_row();
  return *sum;
}

result<std::int64_t> kv_sql::do_sweep(std::int64_t now_ms, std::int64_t limit) {
  return db_.run("DELETE FROM kv WHERE (namespace, name) IN"
                 " (SELECT namespace, name FROM kv WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?)"
                 " AND expires_ms <= ?",
    {now_ms, limit, now_ms});
}

} // namespace troupe::storage
