// The book domain's hot functions (Google Benchmark). Bodies are made here in the providers' shapes, 20 records each;
// with BOOKS_FIXTURES=<folder of recorded answers> their largest are mapped too. Rates of bytes show the cost a kB:
// 20 us a kB is 50 MB/s.
#include "apps/books/cache_key.hpp"
#include "apps/books/google.hpp"
#include "apps/books/isbn.hpp"
#include "apps/books/json.hpp"
#include "apps/books/merge.hpp"
#include "apps/books/openlibrary.hpp"
#include "apps/books/text.hpp"

#include <benchmark/benchmark.h>
#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace troupe;
using namespace troupe::books;

namespace {

/// The i-th of a run of valid ISBN-13s.
std::string isbn_at(int i) {
  auto text = "9780441" + std::to_string(10'000 + i);
  for (char check = '0'; check <= '9'; ++check)
    if (isbn::parse(text + check))
      return text + check;
  return {};
}

std::string google_body() {
  std::string items;
  for (int i = 0; i < 20; ++i) {
    const auto n = std::to_string(i);
    items += std::string{i ? "," : ""} + R"({"kind":"books#volume","id":"id)" + n + R"(","etag":"8s6VQzZ1sVQ",
      "selfLink":"https://www.googleapis.com/books/v1/volumes/id)"
             + n + R"(","volumeInfo":{"title":"A long title )" + n
             + R"(","subtitle":"Being a study","authors":["Frank Herbert","Another )" + n
             + R"("],"publisher":"Ace Books","publishedDate":"1998-09-01","description":")" + std::string(600, 'x')
             + R"(","industryIdentifiers":[{"type":"ISBN_13","identifier":")" + isbn_at(i)
             + R"("}],"readingModes":{"text":false,"image":true},"pageCount":412,"printType":"BOOK","categories":
      ["Fiction / Science Fiction / General"],"averageRating":4.5,"ratingsCount":19,"maturityRating":"NOT_MATURE",
      "allowAnonLogging":true,"contentVersion":"0.1.1.0.preview.2","imageLinks":{"smallThumbnail":
      "http://books.google.com/books/content?id=x&zoom=5","thumbnail":"http://books.google.com/books/content?id=x&zoom=1"},
      "language":"en","previewLink":"http://books.google.com/books?id=x&dq=dune&hl=&cd=1&source=gbs_api",
      "infoLink":"http://books.google.com/books?id=x&dq=dune"},"saleInfo":{"country":"US","saleability":"NOT_FOR_SALE",
      "isEbook":false},"accessInfo":{"country":"US","viewability":"PARTIAL","embeddable":true,"publicDomain":false,
      "epub":{"isAvailable":true},"pdf":{"isAvailable":true},"accessViewStatus":"SAMPLE","quoteSharingAllowed":false},
      "searchInfo":{"textSnippet":"A snippet that isn&#39;t short"}})";
  }
  return R"({"kind":"books#volumes","totalItems":900,"items":[)" + items + "]}";
}

std::string openlibrary_body() {
  std::string docs;
  for (int i = 0; i < 20; ++i) {
    const auto n = std::to_string(i);
    std::string isbns;
    std::string publishers;
    for (int k = 0; k < 30; ++k) {
      isbns += (k ? ",\"" : "\"") + isbn_at(i * 3 + k * 100) + '"';
      publishers += (k ? ",\"Publisher " : "\"Publisher ") + std::to_string(k) + '"';
    }
    docs += std::string{i ? "," : ""}
            + R"({"author_name":["Frank Herbert"],"cover_i":11481354,"first_publish_year":1965,
      "isbn":[)"
            + isbns + R"(],"key":"/works/OL893)" + n + R"(W","language":["eng","ger","fre"],
      "number_of_pages_median":605,"publisher":[)"
            + publishers + R"(],"subject":["Fiction","Science fiction","Dune",
      "Ecology","Deserts"],"title":"A long title )"
            + n + R"("})";
  }
  return R"({"numFound":900,"start":0,"numFoundExact":true,"num_found":900,"docs":[)" + docs + "]}";
}

std::string recorded(const char* file) {
  const char* folder = std::getenv("BOOKS_FIXTURES");
  std::ifstream in{std::string{folder ? folder : "/nonexistent"} + "/" + file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void map_google(benchmark::State& state, const std::string& body) {
  for (auto _ : state)
    benchmark::DoNotOptimize(page_from_google(body));
  state.SetBytesProcessed(static_cast<std::int64_t>(body.size()) * state.iterations());
}

void map_openlibrary(benchmark::State& state, const std::string& body) {
  for (auto _ : state)
    benchmark::DoNotOptimize(page_from_openlibrary(body, true));
  state.SetBytesProcessed(static_cast<std::int64_t>(body.size()) * state.iterations());
}

/// Three providers with 20 records each, a third of them shared.
std::vector<contribution> three_lists() {
  std::vector<contribution> found;
  for (int provider = 0; provider < 3; ++provider) {
    auto list = std::make_shared<book_list>(page_from_google(google_body()).value().books);
    for (std::size_t i = 0; i < list->books.size(); ++i)
      if (i % 3 != 0) {
        const int n = static_cast<int>(i) + provider * 100;
        list->books[i].isbn13 = isbn_at(n);
        list->books[i].title += " of provider " + std::to_string(provider);
      }
    found.push_back({"p" + std::to_string(provider), list});
  }
  return found;
}

void merge_three(benchmark::State& state) {
  const auto found = three_lists();
  const question q{"search", "dune", 20, ""};
  for (auto _ : state)
    benchmark::DoNotOptimize(merge_search(q, found));
}

void merge_works(benchmark::State& state) {
  const std::vector<contribution> found{
    {"google", std::make_shared<book_list>(page_from_google(google_body()).value().books)},
    {"openlibrary", std::make_shared<book_list>(page_from_openlibrary(openlibrary_body(), false).value().books)}};
  const question q{"search", "dune", 20, ""};
  for (auto _ : state)
    benchmark::DoNotOptimize(merge_search(q, found));
}

void render_twenty(benchmark::State& state) {
  const auto list = page_from_google(google_body()).value().books;
  std::size_t size = 0;
  for (auto _ : state) {
    const auto text = to_json(std::span<const book>{list});
    size = text.size();
    benchmark::DoNotOptimize(text.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(size) * state.iterations());
}

void read_back(benchmark::State& state) {
  const auto text = to_json(page_from_google(google_body()).value().books.front());
  for (auto _ : state)
    benchmark::DoNotOptimize(book_from_json(text));
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}

void normalise_text(benchmark::State& state, const std::string& text) {
  for (auto _ : state)
    benchmark::DoNotOptimize(normalise(text));
}

void make_key(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(variant_key(cache_key("search", "swift programming"), strategy::merge, 20, 1));
}

void parse_isbn(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(isbn::parse("978-0-441-17271-9"));
}

} // namespace

int main(int argc, char** argv) {
  benchmark::RegisterBenchmark("map/google/20", map_google, google_body());
  benchmark::RegisterBenchmark("map/openlibrary/20", map_openlibrary, openlibrary_body());
  for (const char* file : {"search-ruby-on-rails.json", "search-dickens.json"})
    if (auto body = recorded((std::string{"google_books/"} + file).c_str()); !body.empty())
      benchmark::RegisterBenchmark((std::string{"map/google/"} + file).c_str(), map_google, std::move(body));
  for (const char* file : {"search-lord-of-the-rings-full.json", "search-dune.json", "author-OL23919A-works.json",
         "apibooks-data-harry-potter.json"})
    if (auto body = recorded((std::string{"open_library/"} + file).c_str()); !body.empty())
      benchmark::RegisterBenchmark((std::string{"map/openlibrary/"} + file).c_str(), map_openlibrary, std::move(body));
  benchmark::RegisterBenchmark("merge/3x20", merge_three);
  benchmark::RegisterBenchmark("merge/works", merge_works);
  benchmark::RegisterBenchmark("render/20", render_twenty);
  benchmark::RegisterBenchmark("read_back/1", read_back);
  benchmark::RegisterBenchmark("normalise/ascii", normalise_text, std::string{"Swift  Programming Language"});
  benchmark::RegisterBenchmark("normalise/cyrillic", normalise_text, std::string{"Война и  МИР"});
  benchmark::RegisterBenchmark("key/search", make_key);
  benchmark::RegisterBenchmark("isbn/13", parse_isbn);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
