// What is the file back-end's own: the files, what damage and a full disk come to, what a process that died leaves.
#define TEST_SUITE objects_files
#include "tests/support/test.hpp"

#include "storage/sqlite/database.hpp"
#include "tests/support/child.hpp"
#include "tests/support/objects.hpp"

#include <algorithm>
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

void put(objects& bucket, std::string_view key, std::string_view body) {
  REQUIRE(value_of(bucket.put(key, source_of(body), {})).has_value());
}

std::string body_of(objects& bucket, std::string_view key) {
  auto got = value_of(get_whole(bucket, key));
  return got ? got->body : "(none)";
}

std::vector<fs::path> files_in(const std::string& directory) {
  auto out = std::vector<fs::path>{};
  for (const auto& each : fs::recursive_directory_iterator{directory})
    if (each.is_regular_file())
      out.push_back(each.path());
  return out;
}

/// The one body in a bucket.
fs::path only_body(const std::string& bucket) {
  const auto all = files_in(bucket + "/bodies");
  REQUIRE_EQ(all.size(), 1u);
  return all.front();
}

void flip_byte(const fs::path& path, std::streamoff at) {
  auto file = std::fstream{path, std::ios::in | std::ios::out | std::ios::binary};
  file.seekg(at);
  const auto old = static_cast<char>(file.get());
  file.seekp(at);
  file.put(static_cast<char>(old ^ 0x10));
}

/// The bytes that a get gives until it ends or fails, and its error.
struct attempt {
  std::string bytes;
  std::string error;
};

attempt read_until_error(objects& bucket, std::string_view key) {
  auto out = attempt{};
  auto got = bucket.get(key, [&](const auto&, std::string_view piece) {
    out.bytes.append(piece);
    return true;
  });
  if (!got) {
    CHECK(got.error().code == ec::storage_failed);
    out.error = got.error().message;
  }
  return out;
}

} // namespace

TEST(a flipped byte is an error that names the object and the place and is never handed out) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("bucket");
  const auto bucket = open_files(path);
  const auto body = patterned(1'000'000);
  put(*bucket, "a/large one", body);
  flip_byte(only_body(path), 700'000); // in the third block of 262,144 bytes
  const auto got = read_until_error(*bucket, "a/large one");
  CHECK_EQ(got.error, "object a/large one: is damaged: bytes 524288 to 786431 do not have their checksum");
  CHECK(got.bytes == body.substr(0, 524'288));
  const auto before = value_of(get_whole(*bucket, "a/large one", {.range = {100, 1000}}));
  CHECK(before->body == body.substr(100, 1000)); // what is whole can be read
  CHECK(!get_whole(*bucket, "a/large one", {.range = {786'000, 2}}).has_value());
  put(*bucket, "a/large one", "mended");
  CHECK_EQ(body_of(*bucket, "a/large one"), "mended");
}

TEST(a torn file and a missing one are errors that name the object) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("bucket");
  const auto bucket = open_files(path);
  const auto body = patterned(600'000);
  put(*bucket, "k", body);
  fs::resize_file(only_body(path), 300'000);
  const auto torn = read_until_error(*bucket, "k");
  CHECK_EQ(torn.error, "object k: is damaged: bytes 262144 to 524287 are missing");
  CHECK(torn.bytes == body.substr(0, 262'144));
  fs::remove(only_body(path));
  const auto missing = read_until_error(*bucket, "k");
  CHECK_EQ(missing.error, "object k: is damaged: the file with its bytes is missing");
  CHECK(missing.bytes.empty());
  CHECK(value_of(bucket->head("k")).has_value()); // an upload is not forgotten quietly
  CHECK(bucket->remove("k").has_value());
}

TEST(the cold cache forgets an object that it finds damaged) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("bucket");
  const auto bucket = open_files(path, sqlite::durability::normal);
  put(*bucket, "k", "0123456789");
  flip_byte(only_body(path), 3);
  CHECK(!read_until_error(*bucket, "k").error.empty());
  CHECK(!value_of(bucket->head("k")).has_value());
  CHECK_EQ(body_of(*bucket, "k"), "(none)");
  put(*bucket, "k", "0123456789");
  fs::remove(only_body(path));
  CHECK(!read_until_error(*bucket, "k").error.empty());
  CHECK_EQ(body_of(*bucket, "k"), "(none)");
}

TEST(what a put leaves out of place is removed or put in place at the next opening) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("bucket");
  put(*open_files(path), "k", "body");
  // As a process leaves it that died between the commit and the rename.
  const auto settled = only_body(path);
  const auto incoming = path + "/incoming/" + settled.filename().string();
  fs::rename(settled, incoming);
  static_cast<void>(directory.write("bucket/incoming/00000000000000000000000000000000", "half a body"));
  {
    const auto bucket = open_files(path);
    CHECK_EQ(body_of(*bucket, "k"), "body");
    CHECK(fs::is_empty(path + "/incoming"));
    CHECK(only_body(path) == settled);
    // Found also before anybody has put it in place.
    fs::rename(settled, incoming);
    CHECK_EQ(body_of(*bucket, "k"), "body");
  }
}

TEST(a body under way is left alone by others that open the bucket) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("bucket");
  const auto writer = open_files(path);
  auto opened_meanwhile = false;
  const auto source = [&](std::span<char> buffer) -> result<std::size_t> {
    if (opened_meanwhile)
      return std::size_t{0};
    const auto other = open_files(path);
    CHECK_EQ(files_in(path + "/incoming").size(), 1u);
    opened_meanwhile = true;
    buffer[0] = 'x';
    return std::size_t{1};
  };
  REQUIRE(value_of(writer->put("k", source, {})).has_value());
  CHECK_EQ(body_of(*writer, "k"), "x");
}

TEST(replaced and removed bodies leave no files) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("bucket");
  const auto bucket = open_files(path);
  for (int i = 0; i < 5; ++i)
    put(*bucket, "k", "body " + std::to_string(i));
  put(*bucket, "other", "x");
  CHECK_EQ(files_in(path + "/bodies").size(), 2u);
  REQUIRE(bucket->remove("k").has_value());
  REQUIRE(bucket->remove("other").has_value());
  CHECK(files_in(path + "/bodies").empty());
  CHECK(files_in(path + "/incoming").empty());
}

TEST(a reader keeps the body that it began with) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("bucket");
  const auto reader = open_files(path);
  const auto writer = open_files(path);
  const auto body = patterned(1'000'000);
  put(*writer, "k", body);
  auto bytes = std::string{};
  const auto got = value_of(reader->get("k", [&](const auto&, std::string_view piece) {
    if (bytes.empty())
      put(*writer, "k", "new");
    bytes.append(piece);
    return true;
  }));
  CHECK(got.how == fetch::complete);
  CHECK(bytes == body);
  CHECK_EQ(body_of(*reader, "k"), "new");
}

TEST(of many that create one object one does) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("bucket");
  open_files(path);
  std::atomic<int> made{0};
  std::atomic<int> failed{0};
  auto threads = std::vector<std::thread>{};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      const auto bucket = open_files(path, sqlite::durability::normal);
      for (int key = 0; key < 20; ++key) {
        const auto body = "by " + std::to_string(i);
        auto done = bucket->put("k" + std::to_string(key), source_of(body), {.only = {.if_none_match = "*"}});
        if (!done)
          ++failed;
        else if (done.value())
          ++made;
      }
    });
  for (auto& each : threads)
    each.join();
  CHECK_EQ(failed.load(), 0);
  CHECK_EQ(made.load(), 20);
  CHECK_EQ(files_in(path + "/bodies").size(), 20u);
}

TEST(a full disk fails the put with its reason and the old object stays) {
  const auto directory = test::temp_directory{};
  fs::create_directory(directory.file("disk"));
  const auto end = test::in_child([&]() -> std::string {
    test::enter_private_mounts();
    test::mount_small(directory.file("disk"), 2048);
    const auto bucket = open_files(directory.file("disk/bucket"));
    if (!value_of(bucket->put("k", source_of("old"), {})))
      return "the first put did not store";
    const auto body = patterned(4 << 20);
    const auto refused = error_of(bucket->put("k", source_of(body), {}));
    if (refused.code != ec::storage_failed || !refused.message.starts_with("object k: ")
        || refused.message.find("No space left on device") == std::string::npos)
      return "unexpected error: " + refused.message;
    if (value_of(get_whole(*bucket, "k"))->body != "old")
      return "the old object is gone";
    if (!fs::is_empty(directory.file("disk/bucket/incoming")))
      return "the half-written body stays";
    // What was written has been given back: a body that fits is stored.
    const auto fits = patterned(512 << 10);
    if (!value_of(bucket->put("k", source_of(fits), {})) || value_of(get_whole(*bucket, "k"))->body != fits)
      return "a body that fits was not stored";
    return {};
  });
  CHECK_EQ(end.report, "");
  CHECK_EQ(end.signal, 0);
}

TEST(a read-only directory cannot be opened and says why in one line) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("bucket");
  put(*open_files(path), "k", "body");
  const auto end = test::in_child([&]() -> std::string {
    test::enter_private_mounts();
    test::make_read_only(path);
    return error_of(files::store::open({.directory = path, .now_ms = [] { return std::int64_t{0}; }})).message;
  });
  CHECK_EQ(end.report, path + ": cannot be used as the data directory: Read-only file system");
}

TEST(an index that is not a database is named) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("bucket");
  fs::create_directory(path);
  static_cast<void>(
    directory.write("bucket/index.db", "this is no database, and long enough to be looked at as a header of one......"
                                       "......................................................"));
  const auto refused = error_of(files::store::open({.directory = path, .now_ms = [] { return std::int64_t{0}; }}));
  CHECK(refused.code == ec::storage_unusable);
  CHECK(refused.message.find("index.db") != std::string::npos);
}

TEST(whatever moment a process dies at an acknowledged object is whole) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("bucket");
  open_files(path);
  for (int round = 0; round < 25; ++round) {
    // Each put is acknowledged through a pipe; the child is killed at some point behind the first few.
    int ends[2];
    REQUIRE_EQ(::pipe(ends), 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto bucket = files::store::open({.directory = path, .now_ms = [] { return test::objects_now_ms; }});
      for (char n = 0; bucket && n < 100; ++n) {
        const auto body = std::string(50'000, static_cast<char>('a' + n % 26));
        if (bucket.value()->put("k" + std::to_string(n % 3), source_of(body), {}) && ::write(ends[1], &n, 1) != 1)
          break;
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    char acknowledged = -1;
    for (int i = 0; i < 3 + round % 5; ++i)
      REQUIRE_EQ(::read(ends[0], &acknowledged, 1), 1);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    for (char n = 0; ::read(ends[0], &n, 1) == 1;)
      acknowledged = n;
    ::close(ends[0]);
    const auto bucket = open_files(path);
    CHECK(fs::is_empty(path + "/incoming"));
    for (int key = 0; key < 3; ++key) {
      const auto got = body_of(*bucket, "k" + std::to_string(key));
      REQUIRE_EQ(got.size(), 50'000u); // readable, and of one piece:
      CHECK(std::all_of(got.begin(), got.end(), [&](char c) { return c == got.front(); }));
    }
    // The last acknowledged put, or the one after it, which may have been done and not said.
    const auto last = body_of(*bucket, "k" + std::to_string(acknowledged % 3)).front();
    CHECK(last == static_cast<char>('a' + acknowledged % 26));
    CHECK_EQ(files_in(path + "/bodies").size(), 3u);
  }
}
