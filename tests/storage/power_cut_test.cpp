// A power cut at any moment: what was acknowledged is there, what was not is there as a whole or not at all. kill -9
// cannot show this, because the kernel still has the un-synced writes; here they are lost, kept or torn.
#define TEST_SUITE power_cut
#include "tests/support/test.hpp"

#include "storage/kv_sql.hpp"
#include "storage/migrations.hpp"
#include "tests/support/fault_vfs.hpp"
#include "tests/support/objects.hpp"
#include "tests/support/power_disk.hpp"

#include <algorithm>
#include <filesystem>

using namespace troupe;
using namespace troupe::storage;
using test::patterned;
using test::power_disk;
using test::value_of;

namespace fs = std::filesystem;

namespace {

#ifdef TROUPE_SANITIZED
constexpr std::uint64_t seeds = 100; // each takes twenty times as long here; the plain build runs all
#else
constexpr std::uint64_t seeds = 1000;
#endif
constexpr std::int64_t now_ms = 1'700'000'000'000;
// Life goes on after a cut, and the next one may come while the first is being recovered from.
constexpr int cuts = 2;
// For looking: more changes than opening needs. Here, too, nothing is truly synced, or 1,000 seeds would take minutes.
constexpr std::int64_t enough_power = 1'000'000;

using random_bits = std::mt19937_64;

/// A write that failed although there was power.
struct refused : std::runtime_error {
  explicit refused(const error& e) : std::runtime_error{"refused with the power on: " + e.message} {}
};

void empty_directory(const std::string& path) {
  fs::remove_all(path);
  fs::create_directory(path);
}

// --- kv and sql on SQLite ------------------------------------------------------------------------------------------

/// What a database holds: the entries of one namespace, and for each batch that wrote into `ledger` its rows.
struct contents {
  std::map<std::string, std::string> entries;
  std::map<std::int64_t, std::int64_t> ledger;
  friend bool operator==(const contents&, const contents&) = default;
};

constexpr auto ledger_table = "CREATE TABLE IF NOT EXISTS ledger (batch BIGINT NOT NULL, n BIGINT NOT NULL)";

std::string key_of(random_bits& random) {
  return "k" + std::to_string(random() % 8);
}

std::string value_for(random_bits& random) {
  return patterned(1 + random() % 600) + std::to_string(random());
}

/// One random write: changes `after` as it will change the database, and says what to do.
std::function<result<void>()> next_write(sql& db, kv& store, random_bits& random, std::int64_t n, contents& after) {
  const auto none = [](const auto& done) { return done ? result<void>{ok()} : result<void>{done.as_failure()}; };
  switch (random() % 5) {
  case 0: {
    const auto key = key_of(random);
    const auto text = after.entries[key] = value_for(random);
    return [=, &store] { return none(store.put("s", {.key = key, .value = blob{text}}, now_ms)); };
  }
  case 1: {
    auto writes = std::vector<kv_write>{};
    for (auto i = 2 + random() % 5; i > 0; --i) {
      writes.push_back({.key = key_of(random), .value = blob{value_for(random)}});
      after.entries[writes.back().key] = writes.back().value.view();
    }
    return [writes, &store] { return store.put_many("s", writes, now_ms); };
  }
  case 2: {
    const auto key = key_of(random);
    after.entries.erase(key);
    return [key, &store] { return store.erase("s", key); };
  }
  case 3: {
    auto& counter = after.entries["counter"];
    counter = std::to_string((counter.empty() ? 0 : std::stoll(counter)) + n);
    return [=, &store] { return none(store.add("s", "counter", n, now_ms)); };
  }
  default: {
    auto rows = std::vector<statement>{};
    const auto count = static_cast<std::int64_t>(1 + random() % 20);
    for (std::int64_t i = 0; i < count; ++i)
      rows.push_back({"INSERT INTO ledger (batch, n) VALUES (?, ?)", {n, i}});
    after.ledger[n] = count;
    return [=, &db] { return none(db.batch(rows)); };
  }
  }
}

result<contents> read_all(sql& db, kv& store) {
  auto found = contents{};
  const auto page = store.list("s", {.limit = 1000}, now_ms);
  if (!page)
    return page.as_failure();
  for (const auto& each : page.value().names) {
    const auto entry = store.get("s", each.key, now_ms);
    if (!entry)
      return entry.as_failure();
    found.entries[each.key] = entry.value() ? std::string{entry.value()->value.view()} : "(none)";
  }
  const auto rows = db.all("SELECT batch, count(*) AS n FROM ledger GROUP BY batch");
  if (!rows)
    return rows.as_failure();
  for (const auto& each : rows.value())
    found.ledger[*each.get<std::int64_t>("batch")] = *each.get<std::int64_t>("n");
  return found;
}

/// A machine with a database, from one power cut to the next.
class sql_machine {
public:
  sql_machine(std::string directory, sqlite::durability sync, std::uint64_t seed)
      : directory_{std::move(directory)}, sync_{sync}, random_{seed} {}

  /// Works on a disk until the power is gone, or until it has done enough.
  void work(power_disk& disk) {
    const auto vfs = test::fault_vfs{disk};
    auto db = open();
    if (!db) {
      if (disk.has_power())
        throw refused{db.error()};
      return;
    }
    auto reader = result<std::unique_ptr<sqlite::database>>{std::unique_ptr<sqlite::database>{}};
    if (random_() % 2 == 0)
      reader = sqlite::database::open({.path = path(), .read_only = true});
    auto store = kv_sql{*db.value()};
    auto found = read_all(*db.value(), store);
    if (found)
      settle(found.value());
    for (auto count = found ? random_() % 30 : 0; count > 0; --count) {
      auto after = possible_.back();
      const auto write = next_write(*db.value(), store, random_, ++n_, after);
      const auto done = write();
      if (!done && disk.has_power())
        throw refused{done.error()};
      // Acknowledged: with full durability this and nothing else; otherwise this or anything since the last start.
      if (done && sync_ == sqlite::durability::full)
        possible_ = {std::move(after)};
      else
        possible_.push_back(std::move(after));
      acknowledged_ = done ? possible_.size() - 1 : acknowledged_;
      if (!done)
        break;
    }
  }

  /// Looks with the power on.
  void look() {
    auto disk = power_disk{directory_, 0, enough_power};
    const auto vfs = test::fault_vfs{disk};
    auto db = open();
    if (!db)
      throw refused{db.error()};
    auto store = kv_sql{*db.value()};
    settle(value_of(read_all(*db.value(), store)));
  }

  [[nodiscard]] int losses() const noexcept { return losses_; }

private:
  std::string path() const { return directory_ + "/main.db"; }

  result<std::unique_ptr<sqlite::database>> open() {
    static const auto known = value_of(parse_migrations(built_in_migrations()));
    auto opened = sqlite::database::open({.path = path(), .sync = sync_});
    if (!opened)
      return opened;
    // So few pages that a handful of writes is checkpointed too.
    const auto pages = std::to_string(1 + random_() % 20);
    if (auto done = opened.value()->script("PRAGMA wal_autocheckpoint = " + pages); !done)
      return done.as_failure();
    if (auto done = migrate_up(*opened.value(), known, now_ms); !done)
      return done.as_failure();
    if (auto done = opened.value()->run(ledger_table); !done)
      return done.as_failure();
    return opened;
  }

  /// What the database holds must be something that it may hold.
  void settle(const contents& found) {
    const auto at = std::find(possible_.begin(), possible_.end(), found);
    if (at == possible_.end())
      throw std::runtime_error{"what the database holds was never written as such, or an acknowledged write is lost"};
    if (static_cast<std::size_t>(at - possible_.begin()) < acknowledged_)
      ++losses_;
    possible_ = {found};
    acknowledged_ = 0;
  }

  std::string directory_;
  sqlite::durability sync_;
  random_bits random_;
  std::vector<contents> possible_{contents{}}; // in the order in which they were written
  std::size_t acknowledged_ = 0;               // which of them was the last that was acknowledged
  std::int64_t n_ = 0;
  int losses_ = 0;
};

/// The seed's machine through its cuts; how many times it lost what it had acknowledged.
int run_sql(const std::string& directory, sqlite::durability sync, std::uint64_t seed) {
  empty_directory(directory);
  auto random = random_bits{seed};
  auto machine = sql_machine{directory, sync, random()};
  for (int cut = 0; cut < cuts; ++cut) {
    auto disk = power_disk{directory, random(), 1 + static_cast<std::int64_t>(random() % 200)};
    machine.work(disk);
    disk.restart();
  }
  machine.look();
  return machine.losses();
}

// --- objects in files ----------------------------------------------------------------------------------------------

/// Every body that a key may have now; an empty list of them is no key. nullopt among them: none.
using possible_bodies = std::map<std::string, std::vector<std::optional<std::string>>>;

class objects_machine {
public:
  objects_machine(std::string directory, sqlite::durability sync, std::uint64_t seed)
      : directory_{std::move(directory)}, sync_{sync}, random_{seed} {}

  void work(power_disk& disk) {
    const auto vfs = test::fault_vfs{disk};
    auto calls = test::power_calls{disk};
    auto bucket = open(calls);
    if (!bucket) {
      if (disk.has_power())
        throw refused{bucket.error()};
      return;
    }
    for (auto count = random_() % 15; count > 0; --count) {
      const auto key = "k/" + std::to_string(random_() % 5);
      const auto removes = random_() % 5 == 0;
      // Mostly within one block of the checksums, now and then over two.
      const auto body = patterned(random_() % 20 == 0 ? 300'000 : random_() % 3000) + std::to_string(random_());
      const auto done = removes ? bucket.value()->remove(key) : put(*bucket.value(), key, body);
      if (!done && disk.has_power())
        throw refused{done.error()};
      auto& bodies = possible_.try_emplace(key, 1).first->second;
      if (done && sync_ == sqlite::durability::full)
        bodies.clear();
      bodies.push_back(removes ? std::nullopt : std::optional{body});
      acknowledged_[key] = done ? bodies.size() - 1 : acknowledged_[key];
      if (!done)
        return;
    }
  }

  /// A put whose commit is done and said to have failed: only the next start can tell.
  void fail_to_commit(power_disk& disk) {
    const auto vfs = test::fault_vfs{disk};
    auto calls = test::power_calls{disk};
    auto bucket = open(calls);
    if (!bucket)
      throw refused{bucket.error()};
    const auto first = patterned(random_() % 3000);
    if (auto done = put(*bucket.value(), "k", first); !done)
      throw refused{done.error()};
    disk.deny_sync(directory_ + "/index.db-wal");
    const auto second = patterned(random_() % 3000) + "second";
    if (put(*bucket.value(), "k", second))
      throw std::runtime_error{"acknowledged what was said to have failed"};
    possible_["k"] = {first, second};
    acknowledged_["k"] = 0;
    disk.cut();
  }

  [[nodiscard]] bool has_second() const { return possible_.at("k").front()->ends_with("second"); }

  void look() {
    auto disk = power_disk{directory_, 0, enough_power};
    const auto vfs = test::fault_vfs{disk};
    auto calls = test::power_calls{disk};
    auto bucket = open(calls);
    if (!bucket)
      throw refused{bucket.error()};
    for (auto& [key, bodies] : possible_) {
      auto got = get_whole(*bucket.value(), key);
      // Without syncing, damage is allowed; it must be noticed, and forgotten.
      if (!got && sync_ == sqlite::durability::normal) {
        ++losses_;
        got = get_whole(*bucket.value(), key);
      }
      if (!got)
        throw std::runtime_error{"cannot be read: " + got.error().message};
      const auto found = got.value() ? std::optional{got.value()->body} : std::nullopt;
      const auto at = std::find(bodies.begin(), bodies.end(), found);
      if (at == bodies.end() && (sync_ == sqlite::durability::full || found))
        throw std::runtime_error{key + " has a body that it never had, or lost an acknowledged one"};
      if (at == bodies.end() || static_cast<std::size_t>(at - bodies.begin()) < acknowledged_[key])
        ++losses_;
      bodies = {found};
      acknowledged_[key] = 0;
    }
    for (const auto& each : value_of(bucket.value()->list()).objects)
      if (!possible_.contains(each.key) || !possible_[each.key].front())
        throw std::runtime_error{each.key + " is listed and was never put"};
    if (!fs::is_empty(directory_ + "/incoming"))
      throw std::runtime_error{"a half-written body stays"};
  }

  [[nodiscard]] int losses() const noexcept { return losses_; }

private:
  result<std::unique_ptr<files::store>> open(test::power_calls& calls) {
    return files::store::open(
      {.directory = directory_, .sync = sync_, .now_ms = [] { return now_ms; }, .calls = &calls});
  }

  static result<void> put(objects& bucket, const std::string& key, const std::string& body) {
    auto done = bucket.put(key, source_of(body));
    return done ? result<void>{ok()} : result<void>{done.as_failure()};
  }

  std::string directory_;
  sqlite::durability sync_;
  random_bits random_;
  possible_bodies possible_;
  std::map<std::string, std::size_t> acknowledged_; // which of them was the last that was acknowledged
  int losses_ = 0;
};

int run_objects(const std::string& directory, sqlite::durability sync, std::uint64_t seed) {
  empty_directory(directory);
  auto random = random_bits{seed};
  auto machine = objects_machine{directory, sync, random()};
  for (int cut = 0; cut < cuts; ++cut) {
    auto disk = power_disk{directory, random(), 1 + static_cast<std::int64_t>(random() % 150)};
    machine.work(disk);
    disk.restart();
    machine.look();
  }
  return machine.losses();
}

/// 1 if the put that failed had been carried out.
int run_failing_commit(const std::string& directory, sqlite::durability sync, std::uint64_t seed) {
  empty_directory(directory);
  auto machine = objects_machine{directory, sync, seed};
  auto disk = power_disk{directory, seed, enough_power};
  machine.fail_to_commit(disk);
  disk.restart();
  machine.look();
  return machine.has_second() ? 1 : 0;
}

/// Runs seeds 1 to `count`; the losses of all. The first that goes wrong fails the test and is named.
template <class Run>
int run_seeds(Run run, sqlite::durability sync, std::uint64_t count) {
  const auto directory = test::temp_directory{test::temp_directory::in_memory()};
  auto losses = 0;
  for (std::uint64_t seed = 1; seed <= count; ++seed)
    try {
      losses += run(directory.file("disk"), sync, seed);
    } catch (const std::exception& e) {
      CAF_FAIL("seed " << seed << ": " << e.what());
    }
  return losses;
}

} // namespace

TEST(every acknowledged write to a database survives a power cut and nothing is there in part) {
  CHECK_EQ(run_seeds(run_sql, sqlite::durability::full, seeds), 0);
}

TEST(every acknowledged object survives a power cut whole) {
  CHECK_EQ(run_seeds(run_objects, sqlite::durability::full, seeds), 0);
}

TEST(without syncing the last writes to a database may be lost but never a part of one) {
  CHECK(
    run_seeds(run_sql, sqlite::durability::normal, std::uint64_t{100}) > 0); // or the disk above lost nothing either
}

TEST(without syncing the last objects may be lost but never given in part) {
  CHECK(run_seeds(run_objects, sqlite::durability::normal, std::uint64_t{100}) > 0);
}

TEST(a put whose commit failed and was carried out all the same has its body) {
  CHECK_EQ(run_seeds(run_failing_commit, sqlite::durability::full, std::uint64_t{20}), 20);
}
