// How fast the export of a library is read (Google Benchmark), in bytes of CSV: plain rows as catalogues have them,
// Goodreads' rows with reviews, and rows in Latin-1, all made here; with LIBRARY_FIXTURES=<folder of recorded exports>
// those are read, too. Files come in chunks of 64 kB, as uploads do.
#include "apps/books/isbn.hpp"
#include "apps/books/library/reader.hpp"
#include "apps/replay/csv_rows.hpp"
#include "bench/must.hpp"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <cstdlib>
#include <filesystem>

using namespace troupe;
using namespace troupe::books;

namespace {

constexpr int rows = 10'000;
constexpr std::size_t chunk_size = std::size_t{64} << 10;

/// The i-th of a run of valid ISBN-13s.
std::string isbn_at(int i) {
  const auto text = "9780441" + std::to_string(10'000 + i);
  for (char check = '0'; check <= '9'; ++check)
    if (isbn::parse(text + check))
      return text + check;
  return {};
}

/// Columns as in the goodbooks-10k catalogue; `letter` stands in some names.
std::string catalogue(const std::string& letter) {
  std::string text = "book_id,goodreads_book_id,books_count,isbn,isbn13,authors,original_publication_year,"
                     "original_title,title,language_code,average_rating,ratings_count,ratings_1,ratings_2,"
                     "image_url,small_image_url\n";
  for (int i = 0; i < rows; ++i) {
    const auto n = std::to_string(i);
    const auto author = (i % 10 == 0 ? "Garc" + letter + "a " : "Garson ") + n;
    text += n + ",2767" + n + ",272," + (i % 14 == 0 ? "" : isbn_at(i % 10'000)) + ",9.78043902348e+12," + author
            + ",2008.0,A Long Title " + n + ",\"A Long Title " + n + " (The Series, #1)\"," + (i % 10 == 0 ? "" : "eng")
            + ",4.34,4780653,66715,127936,https://images.example.com/books/1447303603m/2767" + n
            + ".jpg,https://images.example.com/books/1447303603s/2767" + n + ".jpg\n";
  }
  return text;
}

std::string reviews() {
  std::string text = "Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Publisher,"
                     "Year Published,Original Publication Year,Exclusive Shelf,My Review\r\n";
  for (int i = 0; i < rows; ++i) {
    const auto n = std::to_string(i);
    text += n + ",\"Warbreaker " + n
            + " (Warbreaker, #1)\",Brandon Sanderson,\"Sanderson, Brandon\",,\"=\"\"\"\"\",\"=\"\""
            + isbn_at(i % 10'000) + "\"\"\",4,Tor,2009,2009,read,"
            + (i % 10 == 0 ? "\"Good<br/>\r\nvery \"\"good\"\"\"" : "") + "\r\n";
  }
  return text;
}

void read_library(benchmark::State& state, const std::string& text) {
  std::uint64_t accepted = 0;
  for (auto _ : state) {
    library::reader reader{{[](library::entry&& e) { benchmark::DoNotOptimize(e.title.data()); },
      [](library::rejection&& r) { benchmark::DoNotOptimize(r.line); }}};
    const std::string_view all{text};
    for (std::size_t at = 0; at < all.size(); at += chunk_size)
      must(reader.feed(all.substr(at, chunk_size)));
    must(reader.finish());
    accepted = reader.counts().accepted;
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
  state.counters["books"] = static_cast<double>(accepted);
}

} // namespace

int main(int argc, char** argv) {
  benchmark::RegisterBenchmark("library/catalogue", read_library, catalogue("\u00ED"));
  benchmark::RegisterBenchmark("library/latin1", read_library, catalogue("\xED"));
  benchmark::RegisterBenchmark("library/goodreads", read_library, reviews());
  if (const char* folder = std::getenv("LIBRARY_FIXTURES"))
    for (const auto& file : std::filesystem::directory_iterator{folder})
      benchmark::RegisterBenchmark(("library/" + file.path().filename().string()).c_str(), read_library,
        must(replay::read_unpacked(file.path().string())));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
