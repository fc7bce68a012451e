// Writes through the real storage classes and prints a line for each write once it is acknowledged, until it is killed;
// tests/process/kill_test.py does that, and then has it check what is there.
//
//   troupe_writer write DIR FIRST   writes number FIRST, FIRST+1, ... and prints each number
//   troupe_writer check DIR LAST    exit code 0: all up to LAST is there, and nothing is there in part
#include "storage/files/store.hpp"
#include "storage/kv_sql.hpp"
#include "storage/migrations.hpp"
#include "storage/sqlite/database.hpp"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace {

using namespace troupe;
using namespace troupe::storage;

// Old numbers give way to new ones, so that replacing and removing are killed too.
constexpr std::int64_t kept = 50;
constexpr std::int64_t ledger_rows = 10;

template <class T>
T must(result<T> r) {
  if (!r)
    throw std::runtime_error{r.error().message};
  if constexpr (!std::is_void_v<T>)
    return std::move(r.value());
}

struct stores {
  std::unique_ptr<sqlite::database> db;
  std::unique_ptr<kv_sql> kv;
  std::unique_ptr<files::store> objects;

  explicit stores(const std::string& directory) {
    db = must(sqlite::database::open({.path = directory + "/main.db", .sync = sqlite::durability::full}));
    must(migrate_up(*db, must(parse_migrations(built_in_migrations())), 0));
    must(db->run("CREATE TABLE IF NOT EXISTS ledger (batch BIGINT NOT NULL, n BIGINT NOT NULL)"));
    kv = std::make_unique<kv_sql>(*db);
    objects = must(files::store::open({.directory = directory + "/bucket", .now_ms = [] { return std::int64_t{0}; }}));
  }
};

std::string body_of(std::int64_t n) {
  return std::string(static_cast<std::size_t>(20'000 + n % 1000), static_cast<char>('a' + n % 26)) + std::to_string(n);
}

std::string slot_of(std::int64_t n) {
  return std::to_string(n % kept);
}

void write_one(stores& to, std::int64_t n) {
  const auto text = blob{std::to_string(n)};
  must(to.kv->put_many("s", {{.key = "a" + slot_of(n), .value = text}, {.key = "b" + slot_of(n), .value = text}}, 0));
  // Number n may have been written before a kill and not said: then it is written again.
  auto rows = std::vector<statement>{{"DELETE FROM ledger WHERE batch IN (?, ?)", {n, n - kept}}};
  for (std::int64_t i = 0; i < ledger_rows; ++i)
    rows.push_back({"INSERT INTO ledger (batch, n) VALUES (?, ?)", {n, i}});
  must(to.db->batch(rows));
  const auto body = body_of(n);
  must(to.objects->put(slot_of(n), source_of(body)));
}

/// What is under a slot: its newest number, or the one that was being written when the end came.
void expect(bool holds, std::int64_t n, const char* what) {
  if (!holds)
    throw std::runtime_error{"number " + std::to_string(n) + ": " + what + " is lost or there in part"};
}

void check(stores& in, std::int64_t last) {
  for (auto n = std::max<std::int64_t>(1, last - kept + 1); n <= last; ++n) {
    // last + 1 may be done and not said; it replaces the oldest.
    const auto next = last + 1;
    const auto replaced = slot_of(n) == slot_of(next);
    const auto is = [&](const std::string& found) {
      return found == std::to_string(n) || (replaced && found == std::to_string(next));
    };
    const auto a = must(in.kv->get("s", "a" + slot_of(n), 0));
    const auto b = must(in.kv->get("s", "b" + slot_of(n), 0));
    expect(a && b && a->value == b->value && is(std::string{a->value.view()}), n, "its entry");
    const auto rows = must(in.db->first("SELECT count(*) AS n FROM ledger WHERE batch = ?", {n}));
    const auto count = *rows->get<std::int64_t>("n");
    expect(count == ledger_rows || (replaced && count == 0), n, "its batch");
    const auto object = must(get_whole(*in.objects, slot_of(n)));
    expect(object && (object->body == body_of(n) || (replaced && object->body == body_of(next))), n, "its object");
  }
  const auto next = must(in.db->first("SELECT count(*) AS n FROM ledger WHERE batch = ?", {last + 1}));
  const auto count = *next->get<std::int64_t>("n");
  expect(count == 0 || count == ledger_rows, last + 1, "its batch");
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: troupe_writer write|check DIR NUMBER\n");
    return 2;
  }
  try {
    auto all = stores{argv[2]};
    auto n = std::int64_t{std::atoll(argv[3])};
    if (std::string{argv[1]} == "check") {
      check(all, n);
      return 0;
    }
    for (;; ++n) {
      write_one(all, n);
      const auto line = std::to_string(n) + "\n";
      if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        return 1;
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "troupe_writer: %s\n", e.what());
    return 1;
  }
}
