// The book services: how searches are understood and shown, and what becomes of them.
#define TEST_SUITE book_services
#include "tests/support/test.hpp"

#include "tests/apps/book_services_world.hpp"

using namespace troupe;
using namespace troupe::test;
using world = test::book_services_world;

CAF_TEST_FIXTURE_SCOPE(book_service_tests, world)

TEST(Retry-After is rounded up) {
  next = [](const lookup&) {
    auto a = failed_with(ec::all_circuits_open);
    a.retry_after_us = 1'000'001;
    return a;
  };
  start();
  CHECK_EQ(isbndbs("/book/9780441172719").header("Retry-After"), "2");
}

TEST(S2-37 an ISBN is asked for as a book) {
  next = [](const lookup&) { return said(R"({"data":{"title":"Dune"}})"); };
  start();
  for (const auto* path : {"/search/auto?q=0-441-17271-7&maxResults=1", "/search/isbn?isbn=9780441172719",
         "/search/isbn?q=9780441172719", "/api/v2/books/9780441172719"}) {
    const auto r = search(path);
    CHECK_EQ(r.status, 200);
    CHECK_EQ(body_of(r)["data"]["title"], "Dune");
    CHECK_EQ(r.header("X-Search-Kind"), "isbn");
    CHECK_EQ(asked.back().about.key, asked.front().about.key);
    CHECK_EQ(asked.back().about.what.route, "details");
  }
  CHECK_EQ(search("/search/isbn?isbn=123").status, 400);
}

TEST(S2-84 maxResults cuts the answer and not the question) {
  start();
  const auto all = search("/search/title?q=dune");
  CHECK_EQ(titles(all), "a;b;c;");
  CHECK(!body_of(all).contains("cut"));
  CHECK_EQ(body_of(search("/search/title?q=dune&maxResults=2"))["cut"], true); // it says that there is more
  CHECK(!body_of(search("/search/title?q=dune&maxResults=3")).contains("cut"));
  CHECK(!all.header("ETag").empty());
  const auto two = search("/search/title?q=dune&maxResults=2");
  CHECK_EQ(titles(two), "a;b;");
  CHECK(two.header("ETag").empty()); // it is not that answer
  CHECK_EQ(asked[0].about.key, asked[1].about.key);
  CHECK_EQ(titles(search("/search/title?q=dune&includeTranslations=false&maxResults=2")), "a;c;");
  CHECK_EQ(asked[0].about.key, asked.back().about.key);
  next = [](const lookup&) { return said(an_author); };
  const auto one = body_of(search("/search/author?q=Frank%20Herbert&maxResults=1"));
  CHECK_EQ(one["data"]["more"], true);
  CHECK_EQ(one["data"]["cut"], true);
  for (const auto* bad : {"0", "41", "x", ""})
    CHECK_EQ(search(std::string{"/search/auto?q=dune&maxResults="} + bad).status, 400);
}

TEST(force asks past the cache and nothing else does) {
  next = [](const lookup& l) { return said(l.about.what.route == "search" ? a_list : an_author); };
  start();
  for (const auto* path :
    {"/search/title?q=dune", "/search/author?q=Frank%20Herbert", "/search/isbn?isbn=9780441172719"}) {
    const std::string plain{path};
    asked.clear();
    CHECK_EQ(search(plain).status, 200);
    CHECK_EQ(search(plain + "&force=false").status, 200);
    CHECK_EQ(search(plain + "&force=true").status, 200);
    REQUIRE_EQ(asked.size(), 3u);
    CHECK(!asked[0].bypass && !asked[1].bypass && asked[2].bypass);
    CHECK_EQ(search(plain + "&force=yes").status, 400);
  }
}

TEST(what cannot be asked is 400 and asks nobody) {
  start();
  for (const auto* path : {"/search/auto", "/search/auto?q=", "/search/title?q=%20", "/search/title?q=%ff",
         "/search/auto?q=x&includeTranslations=no", "/search/author?q=A%20B&page=0",
         "/search/author?q=A%20B&language=12", "/search/title?q=x&page=201", "/search/isbn", "/api/v2/books/hello"}) {
    const auto r = search(path);
    CHECK_EQ(path + std::to_string(r.status), path + std::string{"400"});
    CHECK(body_of(r).contains("error"));
  }
  CHECK_EQ(search("/search/title?q=" + std::string(2'000, 'x')).status, 400);
  CHECK_EQ(search("/search").status, 404);
  CHECK_EQ(search("/search/nothing?q=x").status, 404);
  CHECK_EQ(search("/search/auto/?q=x").status, 404);
  CHECK_EQ(search("//search/auto?q=x").status, 404);
  const auto refused = ask("books-proxy", "/search/auto?q=x", 5s, "DELETE")->front();
  CHECK_EQ(refused.status, 405);
  CHECK_EQ(refused.header("Allow"), "GET, HEAD");
  CHECK(asked.empty());
}

TEST(a page that fails or is none ends the whole list with an error and the service lives) {
  std::string page;
  next = [&](const lookup&) { return page.empty() ? failed_with(ec::all_providers_failed) : said(page); };
  start();
  CHECK_EQ(isbndbs("/author/Frank%20Herbert?all=true").status, 502);
  for (const auto* odd : {"null", "{}", "[", R"({"data":[]})"}) {
    page = odd;
    CHECK(isbndbs("/author/Frank%20Herbert?all=true").code == ec::internal);
  }
  page = R"({"data":{"books":null,"more":null}})"; // whoever wrote it: nothing may throw here
  CHECK_EQ(isbndbs("/author/Frank%20Herbert?all=true").status, 200);
  CHECK_EQ(isbndbs("/author/Frank%20Herbert?all=maybe").status, 400);
}

TEST(a client that leaves takes its question back through every service) {
  silent = [](const lookup&) { return true; };
  start();
  const auto r = ask("books-proxy", "/search/author?q=Frank%20Herbert");
  REQUIRE_EQ(asked.size(), 1u);
  caf::anon_send(way_in, door_gone{calls});
  caf::anon_send(way_in, door_gone{calls});
  caf::anon_send(way_in, door_gone{12'345});
  settle();
  REQUIRE_EQ(r->size(), 1u);
  CHECK(r->front().code == ec::cancelled);
  CHECK_EQ(cancelled, std::vector<std::uint64_t>{asked[0].id});
  CHECK_EQ(asked.size(), 1u); // and nobody else is asked instead
}

TEST(a call of an id that is taken is refused and answered) {
  silent = [](const lookup&) { return true; };
  start();
  const auto first = ask("books-proxy", "/search/title?q=dune");
  --calls;
  CHECK(ask("books-proxy", "/search/title?q=dune")->at(0).code == ec::internal);
  CHECK(first->empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
