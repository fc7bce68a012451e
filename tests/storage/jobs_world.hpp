// Jobs under test: a fresh database of each kind, with one repository or several.
#pragma once

#include "storage/jobs_repository.hpp"
#include "storage/migrations.hpp"
#include "tests/storage/backends.hpp"

#include <memory>
#include <string>
#include <vector>

namespace troupe::test {

inline constexpr std::int64_t start_ms = 1'700'000'000'000;
inline constexpr std::int64_t lease_ms = 30'000;
inline constexpr std::int64_t until_ms = start_ms + lease_ms;

/// A node: a connection of its own and what it does with it.
struct jobs_node {
  std::unique_ptr<storage::schema_sql> db;
  storage::jobs_repository jobs;

  explicit jobs_node(backend& kind) : db{kind.open()}, jobs{*db} {}

  void create(const std::string& id, const std::string& library, std::int64_t now = start_ms) {
    const auto done =
      jobs.create({.id = id, .library = library, .source = "uploads/" + id, .options = R"({"a":1})"}, now);
    if (!done)
      throw std::runtime_error{done.error().message};
  }

  job_view find(const std::string& id) { return value_of(jobs.find(id)).value(); }

  /// The events of a job in one line: "1 state, 2 progress".
  std::string told(const std::string& id) {
    auto line = std::string{};
    for (const auto& each : value_of(jobs.events_after(id, 0, 1000)))
      line += (line.empty() ? "" : ", ") + std::to_string(each.seq) + ' ' + each.kind;
    return line;
  }

  /// A job that runs on "a", with items 1 to `items`.
  void run(const std::string& id, std::int64_t items, const std::string& library = "home") {
    create(id, library);
    if (value_of(jobs.start_next("a", start_ms, until_ms))->id != id)
      throw std::runtime_error{"another job was started"};
    if (items > 0)
      value_of(jobs.add_items(id, "a", numbered(1, items), start_ms));
  }

  static parsed_rows numbered(std::int64_t first, std::int64_t last) {
    auto parsed = parsed_rows{.items = {}, .rejections = {}, .totals = {.rows = last, .accepted = last}};
    for (auto n = first; n <= last; ++n)
      parsed.items.push_back({.n = n, .kind = "title", .subject = "Title " + std::to_string(n)});
    return parsed;
  }

  std::vector<std::int64_t> claim(const std::string& id, std::int64_t limit, const std::string& owner = "a") {
    auto numbers = std::vector<std::int64_t>{};
    for (const auto& each : value_of(jobs.claim(id, owner, limit, start_ms)))
      numbers.push_back(each.n);
    return numbers;
  }
};

/// Results of items that are done.
inline std::vector<item_result> fetched(const std::vector<std::int64_t>& numbers) {
  auto results = std::vector<item_result>{};
  for (const auto n : numbers)
    results.push_back({.n = n, .how = "fetched"});
  return results;
}

/// Runs a test's body on an empty, migrated database of each kind.
template <class Body>
void for_each_jobs_database(Body&& body) {
  for_each_database([&](backend& kind) {
    const auto db = kind.open();
    value_of(storage::migrate_up(*db, value_of(storage::parse_migrations(storage::built_in_migrations())), 1));
    body(kind);
  });
}

/// Runs a test's body with one node on each kind of database.
template <class Body>
void for_each_jobs_node(Body&& body) {
  for_each_jobs_database([&](backend& kind) {
    auto node = jobs_node{kind};
    body(node);
  });
}

} // namespace troupe::test
