// A search that is read to its end by cursor.
#define TEST_SUITE title_list
#include "tests/support/test.hpp"

#include "tests/apps/book_services_world.hpp"

#include "apps/books/mapping.hpp"
#include "apps/books/routes.hpp"

#include <algorithm>
#include <set>

using namespace troupe;
using namespace troupe::test;
namespace {

// Three providers that know the same books and rank them differently, each in pages of what it is asked for.
struct catalogue {
  static constexpr int size = 200;
  std::string missing; // the provider that does not answer

  static books::book a_book(const std::string& provider, int n) {
    books::book b;
    b.title = "Book " + std::to_string(n);
    b.authors = {"Somebody"};
    b.isbn13 = std::to_string(9'780'000'000'000 + n);
    b.set_id(provider, provider + std::to_string(n));
    b.said(books::field::isbn13) = provider;
    return b;
  }

  static std::vector<int> ranking(const std::string& provider) {
    std::vector<int> out;
    for (int i = 0; i < size; ++i)
      if (provider == "google")
        out.push_back(i);
      else if (provider == "openlibrary" && i % 2 == 0)
        out.push_back(size - 1 - i);
      else if (provider == "isbndb" && i % 3 == 0)
        out.push_back((i + 70) % size);
    return out;
  }

  answer operator()(const lookup& l) const {
    const auto all = books::routes(true);
    const auto route =
      std::find_if(all.begin(), all.end(), [&](const troupe::route& r) { return r.name == l.about.what.route; });
    const auto page = static_cast<std::size_t>(books::page_of(l.about.what));
    const auto limit = static_cast<std::size_t>(l.about.what.limit);
    std::vector<contribution> found;
    auto reports = json::array();
    for (const auto& provider : route->providers) {
      reports.push_back({{"name", provider}, {"status", provider == missing ? "provider_timeout" : "ok"}});
      if (provider == missing)
        continue;
      const auto ranked = ranking(provider);
      auto list = std::make_shared<books::book_list>();
      for (auto i = (page - 1) * limit; i < std::min(page * limit, ranked.size()); ++i)
        list->books.push_back(a_book(provider, ranked[i]));
      list->may_go_on = list->books.size() == limit;
      found.push_back({provider, list});
    }
    const auto merged = route->merge(l.about.what, found);
    return said(
      R"({"data":)" + route->render(l.about.what, *merged) + R"(,"meta":{"providers":)" + reports.dump() + "}}");
  }
};

struct list_world : test::book_services_world {
  std::set<std::string> kept; // keys that have been answered

  // Answers so, and as a cache does that keeps everything.
  void serve(std::function<answer(const lookup&)> with) {
    next = [this, with = std::move(with)](const lookup& l) {
      auto a = with(l);
      a.x_cache = kept.insert(l.about.key).second || l.bypass ? "MISS" : "HIT-KV-HOT";
      return a;
    };
  }

  struct part {
    std::vector<std::string> titles;
    std::string next; // empty: the end
    bool cut = false;
  };

  part read(const std::string& query, const std::string& cursor = {}) {
    const auto r = search("/api/v3/books/search?" + query + (cursor.empty() ? "" : "&cursor=" + cursor));
    const auto body = body_of(r);
    part out;
    CHECK_EQ(r.status, 200);
    if (r.status != 200)
      return out;
    for (const auto& b : body["data"])
      out.titles.push_back(b["title"]);
    out.next = body["next"].is_null() ? "" : body["next"].get<std::string>();
    out.cut = body["cut"];
    return out;
  }

  // All parts to the end.
  std::vector<part> read_all(const std::string& query) {
    std::vector<part> out{read(query)};
    while (!out.back().next.empty() && out.size() < 1'000)
      out.push_back(read(query, out.back().next));
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(title_list_tests, list_world)

TEST(S0-54 paging to the end shows each book once though providers rank differently) {
  serve(catalogue{});
  start();
  for (const std::size_t limit : {7u, 40u}) {
    const auto parts = read_all("q=dune&limit=" + std::to_string(limit));
    std::vector<std::string> all;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      CHECK(!parts[i].cut);
      if (i + 1 < parts.size())
        CHECK_EQ(parts[i].titles.size(), limit);
      all.insert(all.end(), parts[i].titles.begin(), parts[i].titles.end());
    }
    CHECK_EQ(all.size(), static_cast<std::size_t>(catalogue::size));
    CHECK_EQ((std::set<std::string>{all.begin(), all.end()}.size()), all.size());
  }
}

TEST(S0-54 a part is the same however large the parts before it were) {
  serve(catalogue{});
  start();
  std::vector<std::string> by_sevens;
  std::vector<std::string> by_forties;
  for (const auto& one : read_all("q=dune&limit=7"))
    by_sevens.insert(by_sevens.end(), one.titles.begin(), one.titles.end());
  for (const auto& one : read_all("q=dune&limit=40"))
    by_forties.insert(by_forties.end(), one.titles.begin(), one.titles.end());
  CHECK_EQ(by_sevens, by_forties);
}

TEST(S0-54 all parts of a list are read from pages that everybody shares) {
  serve(catalogue{});
  start();
  (void)read("q=dune&limit=1");
  (void)read("q=Dune&limit=20&fields=title");
  REQUIRE_EQ(asked.size(), 2u);
  CHECK_EQ(asked[0].about.key, asked[1].about.key);
  CHECK_EQ(asked[0].about.what.limit, books.defaults.limit);
  CHECK(asked[0].about.how == strategy::merge);
}

TEST(S0-54 a list with a provider missing says that it is cut and goes on) {
  auto some = catalogue{};
  some.missing = "isbndb";
  serve(some);
  start();
  const auto parts = read_all("q=dune&limit=40");
  std::size_t all = 0;
  for (const auto& one : parts) {
    CHECK(one.cut);
    all += one.titles.size();
  }
  CHECK_EQ(all, static_cast<std::size_t>(catalogue::size)); // the others know them too
}

TEST(S0-54 a list without end is cut at the last page that is read and says so) {
  serve([](const lookup& l) {
    const auto page = std::to_string(books::page_of(l.about.what));
    return said(R"({"data":{"more":true,"books":[{"title":")" + page + R"("}]}})");
  });
  start();
  const auto parts = read_all("q=dune&limit=1");
  CHECK_EQ(parts.size(), static_cast<std::size_t>(books::most_title_pages));
  for (std::size_t i = 0; i + 1 < parts.size(); ++i)
    CHECK(!parts[i].cut);
  CHECK(parts.back().cut);
  const auto behind = cursor_of(asked.front().about.key, {books::most_title_pages + 1, 0});
  CHECK_EQ(search("/api/v3/books/search?q=dune&cursor=" + behind).status, 400);
}

TEST(S0-54 a reader whose pages are not kept any more is told to begin anew) {
  next = [](const lookup& l) {
    auto a = catalogue{}(l);
    a.x_cache = "MISS";
    return a;
  };
  start();
  const auto first = asked.size();
  CHECK_EQ(first, 0u);
  (void)read("q=dune");
  const auto key = asked.front().about.key;
  asked.clear();
  const auto r = search("/api/v3/books/search?q=dune&cursor=" + cursor_of(key, {5, 0}));
  CHECK_EQ(r.status, 410);
  CHECK_EQ(asked.size(), 3u);
  next = [](const lookup& l) {
    auto a = catalogue{}(l);
    a.x_cache = "HIT-R2-COLD";
    return a;
  };
  CHECK_EQ(search("/api/v3/books/search?q=dune&cursor=" + cursor_of(key, {5, 0})).status, 200);
}

TEST(S0-54 force asks for the part that is wanted and not for those before it) {
  next = [](const lookup& l) {
    auto a = catalogue{}(l);
    a.x_cache = "HIT-KV-HOT";
    return a;
  };
  start();
  (void)read("q=dune&force=true");
  const auto key = asked.front().about.key;
  CHECK(asked.front().bypass);
  asked.clear();
  (void)read("q=dune&force=true&limit=1", cursor_of(key, {3, 0}));
  REQUIRE_EQ(asked.size(), 3u);
  CHECK(!asked[0].bypass && !asked[1].bypass && asked[2].bypass);
}

TEST(S0-54 members are chosen and what cannot be asked is refused) {
  serve(catalogue{});
  start();
  const auto body = body_of(search("/api/v3/books/search?q=dune&limit=1&fields=title"));
  REQUIRE_EQ(body["data"].size(), 1u);
  CHECK_EQ(body["data"][0].size(), 1u);
  CHECK(body["data"][0].contains("title"));
  const auto other = body_of(search("/api/v3/books/search?q=other"))["next"].get<std::string>();
  for (const auto& bad : {std::string{}, std::string{"?q="}, std::string{"?q=x&limit=0"}, std::string{"?q=x&limit=41"},
         std::string{"?q=x&fields=secret"}, std::string{"?q=x&cursor=1"}, "?q=x&cursor=" + other,
         std::string{"?q=x&force=1"}}) {
    const auto r = search("/api/v3/books/search" + bad);
    CHECK_EQ(bad + std::to_string(r.status), bad + "400");
    CHECK(body_of(r).contains("error"));
  }
  next = [](const lookup&) { return failed_with(ec::all_providers_failed); };
  const auto r = search("/api/v3/books/search?q=x");
  CHECK_EQ(r.status, 502);
  CHECK_EQ(body_of(r)["providers"].size(), 1u);
}

TEST(S0-54 odd answers end their call and the service lives) {
  start();
  for (const auto* odd :
    {"null", "[", R"({"data":{}})", R"({"data":{"more":"perhaps","books":[]}})",
      R"({"data":{"more":true,"books":[7,{"title":7,"authors":7,"ids":[],"provenance":7}]},"meta":{"providers":7}})"}) {
    next = [=](const lookup&) { return said(odd); };
    CHECK_EQ(ask("books-proxy", "/api/v3/books/search?q=dune")->size(), 1u);
  }
  next = catalogue{};
  CHECK_EQ(read("q=dune").titles.size(), 40u);
}

CAF_TEST_FIXTURE_SCOPE_END()
