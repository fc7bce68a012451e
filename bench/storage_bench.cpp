// What a batch is worth: the same books stored by one `run` each and by one `batch`, into fresh SQLite files, with both
// durabilities; and what reading one by its ISBN costs. Prints a JSON line a case.
//   storage_bench [DIRECTORY] [ROWS]     DIRECTORY: where the files go (default: the system's temporary directory)
#include "storage/books_repository.hpp"
#include "storage/migrations.hpp"
#include "storage/sqlite/database.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fmt/core.h>
#include <string>
#include <vector>

namespace {

using namespace troupe;
using namespace troupe::storage;
using clock_type = std::chrono::steady_clock;

/// The value of a result, or the end of the program with its error.
template <class T>
T must(result<T> r) {
  if (!r) {
    fmt::print(stderr, "storage_bench: {}\n", r.error().message);
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>)
    return std::move(r.value());
}

std::vector<stored_record> some_books(std::size_t rows) {
  auto books = std::vector<stored_record>{};
  for (std::size_t i = 0; i < rows; ++i)
    books.push_back({fmt::format("978{:010}", i), fmt::format("Title {}", i), "An Author",
      R"({"description":")" + std::string(900, 'x') + R"("})", "orchestrated:google+openlibrary", 1'700'000'000'000});
  return books;
}

template <class Work>
void report(const std::string& name, std::size_t rows, sqlite::database& db, Work&& work) {
  const auto commits = db.commits();
  const auto start = clock_type::now();
  work();
  const auto seconds = std::chrono::duration<double>(clock_type::now() - start).count();
  fmt::print("{{\"case\":\"{}\",\"rows\":{},\"commits\":{},\"us_per_row\":{:.2f},\"rows_per_s\":{:.0f}}}\n", name, rows,
    db.commits() - commits, seconds * 1e6 / static_cast<double>(rows), static_cast<double>(rows) / seconds);
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
    report(fmt::format("insert_run_loop_{}", label), rows, *loop, [&] {
      auto repository = books_repository{*loop};
      for (const auto& book : books)
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
  }
  fs::remove_all(pattern);
  return 0;
}
