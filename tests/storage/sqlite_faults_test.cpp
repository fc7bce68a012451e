// What a full disk, a read-only directory and a torn WAL come to for the databases.
#define TEST_SUITE sqlite_faults
#include "tests/support/test.hpp"

#include "storage/kv_sql.hpp"
#include "tests/support/child.hpp"
#include "tests/support/objects.hpp"

#include <filesystem>

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::value_of;

namespace fs = std::filesystem;

namespace {

std::unique_ptr<sqlite::database> open(const std::string& path) {
  auto db = value_of(sqlite::database::open({.path = path, .sync = sqlite::durability::full}));
  test::make_object_tables(*db);
  return db;
}

kv_write entry(int n, std::size_t size) {
  return {.key = "k" + std::to_string(n), .value = blob{std::string(size, 'v')}};
}

} // namespace

TEST(a full disk fails the write with its reason and loses nothing that was acknowledged) {
  const auto directory = test::temp_directory{};
  fs::create_directory(directory.file("disk"));
  const auto end = test::in_child([&]() -> std::string {
    test::enter_private_mounts();
    test::mount_small(directory.file("disk"), 2048);
    auto acknowledged = 0;
    {
      const auto db = open(directory.file("disk/main.db"));
      auto store = kv_sql{*db};
      auto done = store.put("s", entry(0, 20'000), 0);
      for (; done && acknowledged < 1000; done = store.put("s", entry(acknowledged, 20'000), 0))
        ++acknowledged;
      const auto refused = error_of(std::move(done));
      if (refused.code != ec::storage_failed || refused.message.find("the disk is full") == std::string::npos)
        return "unexpected error: " + refused.message;
      for (int n = 0; n < acknowledged; ++n)
        if (!value_of(store.get("s", "k" + std::to_string(n), 0)))
          return "lost while running: " + std::to_string(n);
    }
    const auto db = open(directory.file("disk/main.db"));
    auto store = kv_sql{*db};
    for (int n = 0; n < acknowledged; ++n)
      if (!value_of(store.get("s", "k" + std::to_string(n), 0)))
        return "lost: " + std::to_string(n);
    return value_of(store.get("s", "k" + std::to_string(acknowledged), 0)) ? "the refused one is there" : "";
  });
  CHECK_EQ(end.report, "");
  CHECK_EQ(end.signal, 0);
}

TEST(a database in a read-only directory cannot be opened and says why in one line) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("data");
  fs::create_directory(path);
  open(path + "/main.db");
  const auto end = test::in_child([&]() -> std::string {
    test::enter_private_mounts();
    test::make_read_only(path);
    const auto refused = error_of(sqlite::database::open({.path = path + "/main.db"}));
    return std::string{to_string(refused.code)} + " " + refused.message;
  });
  CHECK(end.report.starts_with("storage_unusable " + path + "/main.db: cannot be "));
  CHECK(end.report.find('\n') == std::string::npos);
}

TEST(a WAL that was cut off anywhere leaves the writes before the cut) {
  const auto directory = test::temp_directory{};
  const auto copy = directory.file("copy.db");
  const auto db = open(directory.file("main.db"));
  auto store = kv_sql{*db};
  for (int n = 0; n < 20; ++n)
    REQUIRE(store.put("s", entry(n, 3000), 0).has_value());
  const auto wal = directory.file("main.db-wal");
  const auto size = fs::file_size(wal);
  for (std::uintmax_t part = 1; part < 10; ++part) {
    fs::copy_file(directory.file("main.db"), copy, fs::copy_options::overwrite_existing);
    fs::copy_file(wal, copy + "-wal", fs::copy_options::overwrite_existing);
    fs::resize_file(copy + "-wal", size * part / 10 + 7);
    const auto cut = open(copy);
    auto left = kv_sql{*cut};
    auto there = 0;
    while (value_of(left.get("s", "k" + std::to_string(there), 0)))
      ++there;
    for (int n = there; n < 20; ++n) // no gap: a later write does not outlive an earlier one
      CHECK(!value_of(left.get("s", "k" + std::to_string(n), 0)).has_value());
  }
}
