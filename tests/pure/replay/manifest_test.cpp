#define TEST_SUITE replay_manifest
#include "tests/support/test.hpp"

#include "apps/replay/manifest.hpp"

#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace troupe;
using namespace troupe::replay;

namespace {

/// A manifest of endpoints, each answering its own number.
struct fixture {
  manifest m;
  int count = 0;

  fixture& add(std::string endpoint, int status = 200) {
    REQUIRE(
      m.add({"file", "google", std::move(endpoint), {status, "application/json", blob{std::to_string(count++)}}}));
    return *this;
  }

  /// The number of the entry that answers, or "none".
  [[nodiscard]] std::string find(std::string_view target, std::string_view method = "GET") const {
    const auto mark = std::min(target.find('?'), target.size());
    const auto* found =
      m.find(make_call(method, target.substr(0, mark), target.substr(std::min(mark + 1, target.size()))).value());
    return found == nullptr ? "none" : std::string{found->answer.body.view()};
  }
};

} // namespace

TEST(an endpoint answers its own path and query in any order and encoding) {
  fixture f;
  f.add("GET /books/v1/volumes?q=ruby on rails&maxResults=10").add("GET /author/Charlotte Vale Allen");
  CHECK_EQ(f.find("/books/v1/volumes?maxResults=10&q=ruby+on%20rails"), "0");
  CHECK_EQ(f.find("/author/Charlotte%20Vale%20Allen"), "1");
  CHECK_EQ(f.find("/books/v1/volumes?maxResults=10&q=ruby"), "none");
  CHECK_EQ(f.find("/books/v1/volumes?q=ruby+on+rails"), "none");
  CHECK_EQ(f.find("/books/v1/volumes?maxResults=10&q=ruby+on+rails", "POST"), "none");
  CHECK_EQ(f.find("/author/Charlotte%20Vale%20Allen", "HEAD"), "1");
}

TEST(an exact endpoint goes before a wildcard and the most literal wildcard before the rest) {
  fixture f;
  f.add("GET /books/v1/volumes?q=<keyword>").add("GET /books/v1/volumes?q=<query>");
  f.add("GET /books/v1/volumes?q=isbn:{isbn}").add("GET /books/v1/volumes?q=dune");
  CHECK_EQ(f.find("/books/v1/volumes?q=dune"), "3");
  CHECK_EQ(f.find("/books/v1/volumes?q=dunes"), "0"); // of equals the first
  CHECK_EQ(f.find("/books/v1/volumes?q=a/b"), "0");
  CHECK_EQ(f.find("/books/v1/volumes?q=isbn:123"), "2");
  CHECK_EQ(f.find("/books/v1/volumes?q="), "none");
  CHECK_EQ(f.find("/books/v1/volumes?q=dune&key=secret"), "3"); // by way of the wildcards' rules
}

TEST(a wildcard in a path stays within its segment and an ellipsis does not ) {
  fixture f;
  f.add("GET /works/<id>/editions.json").add("GET /v1/\u2026");
  CHECK_EQ(f.find("/works/OL1W/editions.json"), "0");
  CHECK_EQ(f.find("/works/a/b/editions.json"), "none");
  CHECK_EQ(f.find("/works//editions.json"), "none");
  CHECK_EQ(f.find("/v1/playlists/1/tracks"), "1");
}

TEST(an ellipsis in a query stands for the rest of a value or for any parameters or for none) {
  fixture f;
  f.add("GET /api/books?bibkeys=ISBN:0439064872,\u2026&format=json");
  f.add("GET /search.json?q=dune&fields=\u2026").add("GET /2.0/?\u2026");
  CHECK_EQ(f.find("/api/books?bibkeys=ISBN:0439064872,LCCN:9&format=json"), "0");
  CHECK_EQ(f.find("/api/books?bibkeys=ISBN:1&format=json"), "none");
  CHECK_EQ(f.find("/search.json?q=dune&fields=title"), "1");
  CHECK_EQ(f.find("/search.json?q=dune"), "1");
  CHECK_EQ(f.find("/2.0/?method=artist.getInfo"), "2");
  CHECK_EQ(f.find("/2.0/"), "2");
}

TEST(an error that was recorded for a bare call does not answer a fuller one) {
  fixture f;
  f.add("GET /books/v1/volumes", 400).add("GET /works/OL1W.json");
  CHECK_EQ(f.find("/books/v1/volumes"), "0");
  CHECK_EQ(f.find("/books/v1/volumes?q=dune"), "none");
  CHECK_EQ(f.find("/works/OL1W.json?key=secret"), "1");
}

TEST(remarks and hosts in an endpoint are dropped and what is no call is no entry) {
  fixture f;
  f.add("GET /books/v1/volumes?q=isbn:9781785650406 (country FR)").add("POST accounts.spotify.com/api/token");
  CHECK_EQ(f.find("/books/v1/volumes?q=isbn:9781785650406"), "0");
  CHECK_EQ(f.find("/api/token", "POST"), "1");
  for (auto text : {"Goodreads library export", "GET nowhere", "get /lower", "", "GET"})
    CHECK(!f.m.add({"file", "csv", text, {}}));
}

TEST(a manifest that cannot be used says which entry and why) {
  const auto folder = std::filesystem::temp_directory_path() / ("troupe-manifest-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const auto path = (folder / "MANIFEST.json").string();
  auto error_of = [&](std::string_view text) {
    std::ofstream{path} << text;
    auto loaded = manifest::load(path);
    return loaded ? "no error" : loaded.error().message;
  };
  std::ofstream{folder / "body.json"} << "{}";
  const std::string good = R"({"file":"body.json","provider":"open_library","endpoint":"GET /a","status":200,)"
                           R"("content_type":"application/json","note":"kept apart"})";
  CHECK_EQ(error_of("{"), path + ": expected a JSON list of entries, got broken JSON");
  CHECK_EQ(error_of("{}"), path + ": expected a JSON list of entries, got object");
  CHECK_EQ(error_of("[" + good + ",3]"), path + ": entry 1: expected an object, got number");
  CHECK_EQ(error_of(R"([{"file":"body.json","provider":"x","endpoint":"GET /","status":99,"content_type":"a/b"}])"),
    path + ": entry 0: status: expected an integer from 200 to 599, got 99");
  CHECK_EQ(error_of(R"([{"file":"body.json","provider":"x","status":200,"content_type":"a/b"}])"),
    path + R"(: entry 0: endpoint: expected "METHOD /path?query", got nothing)");
  CHECK_EQ(error_of(R"([{"file":"gone","provider":"x","endpoint":"GET /","status":200,"content_type":"a/b"}])"),
    path + ": entry 0: " + (folder / "gone").string() + ": cannot be opened: No such file or directory");
  CHECK_EQ(error_of("[" + good + "]"), "no error");
  const auto loaded = manifest::load(path);
  REQUIRE(loaded.has_value());
  REQUIRE_EQ(loaded.value().entries().size(), 1u);
  CHECK_EQ(loaded.value().entries()[0].provider, "openlibrary");
  CHECK_EQ(loaded.value().entries()[0].answer.body.view(), "{}");
  std::filesystem::remove_all(folder);
}
