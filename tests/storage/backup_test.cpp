// Backup while everything is in use, and restore: what is in it, and what is refused.
#define TEST_SUITE backup
#include "tests/support/test.hpp"

#include "storage/backup.hpp"
#include "storage/kv_sql.hpp"
#include "tests/support/objects.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::open_files;
using test::patterned;
using test::value_of;

namespace fs = std::filesystem;

namespace {

std::unique_ptr<sqlite::database> open_database(const std::string& path) {
  auto db = value_of(sqlite::database::open({.path = path, .sync = sqlite::durability::normal}));
  test::make_object_tables(*db);
  return db;
}

/// A data directory with a database of one key, a bucket of two objects and another file.
std::string filled(const test::temp_directory& directory) {
  const auto data = directory.file("data");
  fs::create_directory(data);
  const auto db = open_database(data + "/troupe.db");
  REQUIRE(kv_sql{*db}.put("s", {.key = "k", .value = blob{std::string{"value"}}}, 0).has_value());
  const auto bucket = open_files(data + "/uploads");
  REQUIRE(bucket->put("small", source_of("body"), {.custom = {{"owner", "me"}}}).has_value());
  const auto large = patterned(700'000);
  REQUIRE(bucket->put("a/large one", source_of(large)).has_value());
  std::ofstream{data + "/node-id"} << "7\n";
  return data;
}

void damage(const std::string& path, std::streamoff at) {
  auto file = std::fstream{path, std::ios::in | std::ios::out | std::ios::binary};
  file.seekg(at);
  const auto old = static_cast<char>(file.get());
  file.seekp(at);
  file.put(static_cast<char>(old ^ 0x10));
}

} // namespace

TEST(what was backed up is there after the restore) {
  const auto directory = test::temp_directory{};
  const auto data = filled(directory);
  const auto file = directory.file("saved.tar.zst");
  const auto held = value_of(backup(data, file));
  CHECK_EQ(held.databases, 1);
  CHECK_EQ(held.objects, 2);
  CHECK_EQ(held.other_files, 1);
  CHECK(held.damaged.empty());
  const auto again = directory.file("again");
  REQUIRE(restore(file, again).has_value());
  const auto db = open_database(again + "/troupe.db");
  CHECK_EQ(std::string{value_of(kv_sql{*db}.get("s", "k", 0))->value.view()}, "value");
  const auto bucket = open_files(again + "/uploads");
  CHECK(value_of(get_whole(*bucket, "a/large one"))->body == patterned(700'000));
  CHECK_EQ(value_of(bucket->head("small"))->custom.front().second, "me");
  CHECK(fs::exists(again + "/node-id"));
  for (const auto& each : {data, again}) // nothing of the work is left
    for (const auto& entry : fs::directory_iterator{each})
      CHECK(!entry.path().filename().string().starts_with("."));
}

TEST(a backup while everything is written is of one moment for each database and bucket) {
  const auto directory = test::temp_directory{};
  const auto data = filled(directory);
  auto stop = std::atomic<bool>{false};
  auto failures = std::atomic<int>{0};
  auto rounds = std::atomic<int>{0};
  auto writer = std::thread{[&] {
    const auto db = open_database(data + "/troupe.db");
    const auto bucket = open_files(data + "/uploads", sqlite::durability::normal);
    for (int n = 0; !stop; ++n) {
      const auto text = std::to_string(n);
      const auto pair = std::vector<kv_write>{{.key = "a", .value = blob{text}}, {.key = "b", .value = blob{text}}};
      auto store = kv_sql{*db};
      const auto body = patterned(static_cast<std::size_t>(1000 + n % 5000)) + text;
      if (!store.put_many("s", pair, 0) || !bucket->put("k" + std::to_string(n % 7), source_of(body)))
        ++failures;
      ++rounds;
    }
  }};
  for (int i = 0; i < 5; ++i) {
    while (rounds < (i + 1) * 20 && failures == 0)
      std::this_thread::yield();
    const auto name = std::to_string(i);
    const auto held = backup(data, directory.file("saved-" + name));
    REQUIRE(held.has_value());
    CHECK_EQ(held.value().damaged.size(), 0u);
    REQUIRE(restore(directory.file("saved-" + name), directory.file(name)).has_value());
    const auto db = open_database(directory.file(name + "/troupe.db"));
    auto store = kv_sql{*db};
    CHECK(value_of(store.get("s", "a", 0))->value == value_of(store.get("s", "b", 0))->value);
    const auto bucket = open_files(directory.file(name + "/uploads"));
    for (const auto& each : value_of(bucket->list()).objects)
      CHECK(get_whole(*bucket, each.key).has_value()); // verified by its checksums
  }
  stop = true;
  writer.join();
  CHECK_EQ(failures.load(), 0);
}

TEST(a backup overwrites nothing and does not go into the data) {
  const auto directory = test::temp_directory{};
  const auto data = filled(directory);
  const auto taken = directory.write("taken", "mine");
  CHECK_EQ(error_of(backup(data, taken)).message, taken + ": exists already; a backup is a new file");
  CHECK(error_of(backup(data, data + "/saved")).message.find("is inside the data directory") != std::string::npos);
  const auto nowhere = directory.file("no/such/saved");
  CHECK(error_of(backup(data, nowhere)).message.starts_with(nowhere));
}

TEST(a corrupt database fails the backup and is named) {
  const auto directory = test::temp_directory{};
  const auto data = filled(directory);
  auto file = std::fstream{data + "/troupe.db", std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(3 * 4096);
  file << std::string(4096, '\x5a');
  file.close();
  const auto refused = error_of(backup(data, directory.file("saved")));
  CHECK(refused.code == ec::storage_unusable);
  CHECK(refused.message.find("troupe.db: is corrupt") != std::string::npos);
  CHECK(!fs::exists(directory.file("saved")));
}

TEST(a damaged object is named and the rest is backed up) {
  const auto directory = test::temp_directory{};
  const auto data = filled(directory);
  for (const auto& each : fs::recursive_directory_iterator{data + "/uploads/bodies"})
    if (each.is_regular_file() && each.file_size() > 4)
      damage(each.path().string(), 1000);
  const auto held = value_of(backup(data, directory.file("saved")));
  REQUIRE_EQ(held.damaged.size(), 1u);
  CHECK(held.damaged.front().find("object a/large one: its bytes do not have their checksum") != std::string::npos);
}

TEST(a directory that is not empty is not restored into) {
  const auto directory = test::temp_directory{};
  const auto data = filled(directory);
  REQUIRE(backup(data, directory.file("saved")).has_value());
  CHECK_EQ(error_of(restore(directory.file("saved"), data)).message,
    data + ": is not empty: a backup is restored into an empty directory");
}

TEST(a backup that is cut off or damaged anywhere restores nothing) {
  const auto directory = test::temp_directory{};
  const auto file = directory.file("saved");
  REQUIRE(backup(filled(directory), file).has_value());
  const auto size = static_cast<std::int64_t>(fs::file_size(file));
  for (int i = 0; i < 40; ++i) {
    const auto broken = directory.file("broken");
    fs::copy_file(file, broken, fs::copy_options::overwrite_existing);
    if (i % 2 == 0)
      fs::resize_file(broken, static_cast<std::uintmax_t>(size * i / 40));
    else
      damage(broken, size * i / 40);
    const auto done = restore(broken, directory.file("again"));
    CHECK(!done.has_value());
    if (!done)
      CHECK(done.error().message.starts_with(broken + ": "));
    CHECK(!fs::exists(directory.file("again")) || fs::is_empty(directory.file("again")));
  }
  const auto other = directory.write("other", "no archive at all");
  CHECK(error_of(restore(other, directory.file("again"))).message.starts_with(other + ": "));
}
