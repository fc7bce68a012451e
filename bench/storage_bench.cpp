// What a batch is worth: the same books stored by one `run` each and by one `batch`, into fresh SQLite files, with both
// durabilities; and what reading one by its ISBN costs. Then the key-value store, one at a time, in bulk and through
// the pool, whose writes share commits. Then the work of a durable job: items added, claimed 256 at a time and
// finished. All of it on PostgreSQL too when an address is given: into an empty database, from which the tables are
// dropped at the end. Prints a JSON line a case.
//   storage_bench [DIRECTORY] [ROWS] [ADDRESS]
//     DIRECTORY: where the files go (default: the system's temporary directory)
//     ROWS: default 2000; one by one no more than that, since each waits for the disk
//     ADDRESS: postgres://user:password@host:port/database
#include "bench/must.hpp"
#include "storage/books_repository.hpp"
#include "storage/jobs_repository.hpp"
#include "storage/kv_sql.hpp"
#include "storage/migrations.hpp"
#include "storage/postgres/database.hpp"
#include "storage/sql_pool.hpp"
#include "storage/sqlite/database.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fmt/core.h>
#include <future>
#include <string>
#include <vector>

namespace {

using namespace troupe;
using namespace troupe::storage;
using clock_type = std::chrono::steady_clock;

/// What is measured of a loop whose every turn may wait for the disk.
template <class T>
std::vector<T> few(const std::vector<T>& all) {
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(all.size(), 2000))};
}

std::vector<stored_record> some_books(std::size_t rows) {
  auto books = std::vector<stored_record>{};
  for (std::size_t i = 0; i < rows; ++i)
    books.push_back({fmt::format("978{:010}", i), fmt::format("Title {}", i), "An Author",
      R"({"description":")" + std::string(900, 'x') + R"("})", "orchestrated:google+openlibrary", 1'700'000'000'000});
  return books;
}

/// @param commits how many commits the work made, or -1 where nobody counts them.
void print(const std::string& name, std::size_t rows, std::int64_t commits, double seconds) {
  fmt::print("{{\"case\":\"{}\",\"rows\":{},\"commits\":{},\"us_per_row\":{:.2f},\"rows_per_s\":{:.0f}}}\n", name, rows,
    commits, seconds * 1e6 / static_cast<double>(rows), static_cast<double>(rows) / seconds);
}

template <class Work>
double seconds_of(Work&& work) {
  const auto start = clock_type::now();
  work();
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

template <class Work>
void report(const std::string& name, std::size_t rows, sqlite::database& db, Work&& work) {
  const auto commits = db.commits();
  const auto seconds = seconds_of(work);
  print(name, rows, db.commits() - commits, seconds);
}

/// The key-value store on one connection: values of 1 kB under keys such as the cache has.
void measure_kv(const std::string& label, sql& db, std::size_t rows) {
  auto store = kv_sql{db};
  const auto value = blob{std::string(1000, 'v')};
  auto writes = std::vector<kv_write>{};
  auto keys = std::vector<std::string>{};
  for (std::size_t i = 0; i < rows; ++i) {
    keys.push_back(fmt::format("search:query:number+{}", i));
    writes.push_back({.key = keys.back(), .value = value, .ttl_ms = 3'600'000});
  }
  const auto some = few(writes);
  print("kv_put_" + label, some.size(), -1, seconds_of([&] {
    for (const auto& each : some)
      must(store.put("one", each, 0));
  }));
  print("kv_get_" + label, some.size(), -1, seconds_of([&] {
    for (const auto& each : some)
      must(store.get("one", each.key, 0));
  }));
  print("kv_put_many_" + label, rows, -1, seconds_of([&] {
    for (std::size_t from = 0; from < rows; from += 1000)
      must(store.put_many("many",
        {writes.begin() + static_cast<std::ptrdiff_t>(from),
          writes.begin() + static_cast<std::ptrdiff_t>(std::min(rows, from + 1000))},
        0));
  }));
  print("kv_get_many_" + label, rows, -1, seconds_of([&] {
    for (std::size_t from = 0; from < rows; from += 1000)
      must(store.get_many("many",
        {keys.begin() + static_cast<std::ptrdiff_t>(from),
          keys.begin() + static_cast<std::ptrdiff_t>(std::min(rows, from + 1000))},
        0));
  }));
  print("kv_add_" + label, some.size(), -1, seconds_of([&] {
    for (std::size_t i = 0; i < some.size(); ++i)
      must(store.add("one", "counter", 1, 0));
  }));
}

/// Single puts through the pool, all of them waiting together.
void measure_pool(const std::string& label, sql_pool& pool, std::size_t rows) {
  auto left = std::atomic<std::size_t>{rows};
  const auto done = std::make_shared<std::promise<void>>(); // the last callback may still be in it when we wake
  const auto value = blob{std::string(1000, 'v')};
  const auto seconds = seconds_of([&] {
    for (std::size_t i = 0; i < rows; ++i)
      pool.submit(
        job_kind::write,
        [&, i](sql& db) -> result<void> {
          auto version = kv_sql{db}.put("pool", {.key = std::to_string(i), .value = value}, 0);
          return version ? result<void>{ok()} : version.as_failure();
        },
        sql_pool::clock::time_point::max(),
        [&left, done](result<void> r) {
          must(std::move(r));
          if (--left == 0)
            done->set_value();
        });
    done->get_future().wait();
  });
  print("kv_put_pool_" + label, rows, pool.counters().groups > 0 ? pool.counters().groups : -1, seconds);
}

/// A job of 25,000 items, on one connection.
void measure_jobs(const std::string& label, sql& db) {
  constexpr std::int64_t items = 25'000;
  constexpr std::int64_t added_at_once = 5'000;
  constexpr std::int64_t claimed_at_once = 256;
  auto jobs = jobs_repository{db};
  must(jobs.create({.id = "j", .library = "home", .source = "uploads/j"}, 0));
  must(jobs.start_next("a", 1, 2));
  print("job_add_items_" + label, items, -1, seconds_of([&] {
    for (std::int64_t first = 1; first <= items; first += added_at_once) {
      auto parsed = parsed_rows{};
      for (auto n = first; n < first + added_at_once; ++n)
        parsed.items.push_back({.n = n, .kind = "title", .subject = fmt::format("The title of number {}", n)});
      must(jobs.add_items("j", "a", parsed, 1));
    }
  }));
  print("job_claim_finish_" + label, items, -1, seconds_of([&] {
    for (;;) {
      auto results = std::vector<item_result>{};
      for (const auto& each : must(jobs.claim("j", "a", claimed_at_once, 1)))
        results.push_back({.n = each.n, .how = "fetched"});
      if (results.empty())
        break;
      must(jobs.finish("j", "a", results, job_event{.kind = "progress", .data = "{}"}, 1));
    }
    must(jobs.complete("j", "a", "", 1));
  }));
}

void measure_postgres(const std::string& address, std::size_t rows, const std::vector<stored_record>& books,
  const std::vector<migration>& known) {
  const auto open = [&] { return must(postgres::database::open({.address = address})); };
  auto db = open();
  must(migrate_up(*db, known, 0));
  auto repository = books_repository{*db};
  const auto some = few(books);
  print("insert_run_loop_postgres", some.size(), static_cast<std::int64_t>(some.size()), seconds_of([&] {
    for (const auto& book : some)
      must(repository.put(book));
  }));
  must(db->run("DELETE FROM books"));
  print("insert_batch_postgres", rows, 1, seconds_of([&] { must(repository.put_many(books)); }));
  print("find_by_isbn_postgres", rows, -1, seconds_of([&] {
    for (const auto& book : books)
      must(repository.find(book.key));
  }));
  measure_kv("postgres", *db, rows);
  measure_jobs("postgres", *db);
  {
    auto settings = pool_settings{};
    settings.queue_limit = rows;
    for (int i = 0; i < 4; ++i)
      settings.writers.push_back(open());
    auto pool = sql_pool{std::move(settings)};
    measure_pool("postgres", pool, rows);
  }
  must(migrate_down(*db, known, 0));
}

} // namespace

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  const auto root = argc > 1 ? fs::path{argv[1]} : fs::temp_directory_path();
  const auto rows = argc > 2 ? static_cast<std::size_t>(std::strtoull(argv[2], nullptr, 10)) : std::size_t{2000};
  if (rows == 0) {
    fmt::print(stderr, "storage_bench: ROWS: expected a number above 0, got {}\n", argv[2]);
    return 2;
  }
  auto pattern = (root / "storage_bench.XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    fmt::print(stderr, "storage_bench: {}: cannot make a directory there\n", root.string());
    return 2;
  }
  const auto books = some_books(rows);
  const auto known = must(parse_migrations(built_in_migrations()));
  for (const auto sync : {sqlite::durability::normal, sqlite::durability::full}) {
    const auto* label = sync == sqlite::durability::full ? "full" : "normal";
    const auto open = [&](const char* name) {
      auto db = must(sqlite::database::open({.path = fmt::format("{}/{}_{}.db", pattern, name, label), .sync = sync}));
      must(migrate_up(*db, known, 0));
      return db;
    };
    auto loop = open("loop");
    const auto some = few(books);
    report(fmt::format("insert_run_loop_{}", label), some.size(), *loop, [&] {
      auto repository = books_repository{*loop};
      for (const auto& book : some)
        must(repository.put(book));
    });
    auto batch = open("batch");
    report(
      fmt::format("insert_batch_{}", label), rows, *batch, [&] { must(books_repository{*batch}.put_many(books)); });
    if (sync == sqlite::durability::normal)
      report("find_by_isbn", rows, *batch, [&] {
        auto repository = books_repository{*batch};
        for (const auto& book : books)
          must(repository.find(book.key));
      });
    measure_kv(label, *batch, rows);
    measure_jobs(label, *batch);
    batch.reset();
    auto settings = pool_settings{};
    settings.writers.push_back(open("batch"));
    settings.queue_limit = rows;
    settings.group_writes = true;
    auto pool = sql_pool{std::move(settings)};
    measure_pool(label, pool, rows);
  }
  if (argc > 3)
    measure_postgres(argv[3], rows, books, known);
  fs::remove_all(pattern);
  return 0;
}
