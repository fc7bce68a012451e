// The importer over a real database and a real folder of uploads.
#define TEST_SUITE importer
#include "tests/support/test.hpp"

#include "apps/warmer/importer.hpp"
#include "storage/files/store.hpp"
#include "storage/jobs_repository.hpp"
#include "storage/migrations.hpp"
#include "storage/sqlite/database.hpp"
#include "tests/support/objects.hpp"
#include "tests/support/results.hpp"
#include "tests/support/temp_directory.hpp"

#include <fmt/format.h>
#include <zlib.h>

using namespace troupe;
using test::error_of;
using test::value_of;

namespace {

constexpr std::int64_t noon_ms = 1'700'000'000'000;

std::string packed(const std::string& text) {
  z_stream z{};
  REQUIRE_EQ(deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, text.size()), '\0');
  auto in = text;
  z.next_in = reinterpret_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

struct world {
  test::temp_directory dir;
  std::unique_ptr<storage::sqlite::database> beside = open();
  storage::jobs_repository jobs{*beside};
  import_ground ground;
  bool stopped = false;
  std::vector<job_view> told;

  world() {
    value_of(storage::migrate_up(*beside, value_of(storage::parse_migrations(storage::built_in_migrations())), 1));
    storage::pool_settings pool;
    pool.writers.push_back(open());
    ground.jobs = std::make_shared<storage::sql_pool>(std::move(pool));
    ground.uploads = test::open_files(dir.file("library"));
    ground.now_ms = [] { return noon_ms; };
    must(jobs.create({.id = "one", .library = "home", .source = "uploads/one"}, noon_ms));
    REQUIRE(value_of(jobs.start_next("a", noon_ms, noon_ms + 30'000)).has_value());
  }

  std::unique_ptr<storage::sqlite::database> open() const {
    return value_of(storage::sqlite::database::open({.path = dir.file("jobs.db")}));
  }

  static void must(const result<void>& done) {
    if (!done)
      throw std::runtime_error{done.error().message};
  }

  void upload(const std::string& text) const {
    REQUIRE(value_of(ground.uploads->put("uploads/one", storage::source_of(text))).has_value());
  }

  [[nodiscard]] result<void> read() {
    return import_library(
      {"one", "uploads/one", "a"}, ground, [this] { return stopped; },
      [this](const job_view& job) { told.push_back(job); });
  }

  [[nodiscard]] job_counts counts() { return value_of(jobs.find("one"))->counts; }
};

std::string titles(int from, int to) {
  std::string out = "title\n";
  for (int n = from; n <= to; ++n)
    out += fmt::format("Title {}\n", n);
  return out;
}

} // namespace

TEST(an upload becomes items in parts and each part is told) {
  world w;
  w.upload(packed(titles(1, 9'000)));
  REQUIRE(w.read().has_value());
  CHECK_EQ(w.counts().items, 9'000);
  CHECK_EQ(w.counts().parsed.rows, 9'000);
  REQUIRE(w.told.size() >= 2u);
  CHECK(w.told.front().counts.items < 9'000);
  CHECK_EQ(w.told.back().counts.items, 9'000);
}

TEST(reading an upload again adds nothing) {
  world w;
  w.upload(titles(1, 5'000));
  REQUIRE(w.read().has_value());
  REQUIRE(w.read().has_value());
  CHECK_EQ(w.counts().items, 5'000);
}

TEST(the importer stops within a file of one repeated row) {
  world w;
  std::string text = "title\nDune\n";
  for (int n = 0; n < 1'000'000; ++n)
    text += "Dune\n";
  w.upload(packed(text));
  int asked = 0;
  const auto ended = import_library(
    {"one", "uploads/one", "a"}, w.ground, [&] { return ++asked == 10; }, [](const job_view&) {});
  CHECK(error_of(ended).code == ec::cancelled);
  CHECK_EQ(asked, 10);
}

TEST(a file of one repeated row tells its progress and hears that its job was cancelled) {
  world w;
  std::string text = "title\nDune\n";
  for (int n = 0; n < 300'000; ++n)
    text += "Dune\n";
  w.upload(packed(text));
  const auto ended = import_library(
    {"one", "uploads/one", "a"}, w.ground, [] { return false; },
    [&](const job_view& job) {
      w.told.push_back(job);
      value_of(w.jobs.cancel("one", "", noon_ms));
    });
  CHECK(error_of(ended).code == ec::cancelled);
  REQUIRE_EQ(w.told.size(), 1u);
  CHECK(w.told[0].counts.parsed.duplicates > 0);
  CHECK(w.told[0].counts.parsed.rows < 300'000);
}

TEST(duplicates use up nothing of what is kept of rejections) {
  world w;
  w.ground.most.rejections = 3;
  std::string text = "title,author\n";
  for (int n = 0; n < 10; ++n)
    text += "Dune,Frank Herbert\n";
  text += ",nobody\n,nobody\n,nobody\n,nobody\n";
  w.upload(text);
  REQUIRE(w.read().has_value());
  CHECK_EQ(w.counts().parsed.duplicates, 9);
  CHECK_EQ(w.counts().parsed.rejected, 4);
  const auto kept = value_of(w.jobs.rejections("one", 10)).entries;
  REQUIRE_EQ(kept.size(), 3u);
  CHECK_EQ(kept[0].line, 12);
}

TEST(a library of more searches than a job may have is refused) {
  world w;
  w.ground.most.items = 100;
  w.upload(titles(1, 101));
  const auto why = error_of(w.read());
  CHECK(why.code == ec::bad_request);
  CHECK_EQ(why.message, "the library is too large: more than 100 searches");
  w.upload(titles(1, 100));
  CHECK(w.read().has_value());
}

TEST(a job that was paused meanwhile is no fault of the upload) {
  world w;
  w.upload(titles(1, 10));
  value_of(w.jobs.pause("one", noon_ms));
  CHECK(error_of(w.read()).code == ec::storage_failed);
  value_of(w.jobs.resume("one", noon_ms));
  CHECK(w.read().has_value());
  CHECK_EQ(w.counts().items, 10);
}

TEST(what storage says comes out as it is) {
  world w;
  w.upload(titles(1, 10));
  w.must(w.beside->script("ALTER TABLE job_items RENAME TO job_items_away"));
  CHECK(error_of(w.read()).code == ec::storage_failed);
}

TEST(an upload that is gone or is no library says so) {
  world w;
  CHECK(error_of(w.read()).code == ec::not_found);
  w.upload("a,b\n1,2\n");
  CHECK(error_of(w.read()).code == ec::bad_request);
}
