// What somebody has written: asked of ISBNdb's service, and of the others.
#define TEST_SUITE book_authors
#include "tests/support/test.hpp"

#include "tests/apps/book_services_world.hpp"

using namespace troupe;
using namespace troupe::test;
using world = test::book_services_world;

CAF_TEST_FIXTURE_SCOPE(book_author_tests, world)

TEST(S2-38 an author is asked of ISBNdb s service and found there) {
  next = [](const lookup&) { return said(an_author); };
  start();
  const auto r = search("/search/auto?q=Frank%20Herbert&maxResults=40&includeTranslations=false");
  CHECK_EQ(r.status, 200);
  CHECK_EQ(titles(r), "Dune;");
  CHECK_EQ(r.header("X-Search-Kind"), "author");
  CHECK_EQ(routes(), texts{"isbndb.author"});
  CHECK_EQ(asked[0].about.what.text, "Frank Herbert");
  CHECK_EQ(asked[0].about.what.limit, 50);
  CHECK_EQ(counted->calls.load(), 1);
  CHECK_EQ(std::count_if(
             r.headers.begin(), r.headers.end(), [](const auto& h) { return h.first == "x-service-binding-time"; }),
    1);
}

TEST(S2-53 when ISBNdb s service fails the author is asked of whoever else knows and the log says so) {
  next = [](const lookup& l) {
    return l.about.what.route == "isbndb.author" ? failed_with(ec::all_providers_failed) : said(an_author);
  };
  start();
  const auto r = search("/search/author?q=Frank%20Herbert");
  CHECK_EQ(r.status, 200);
  CHECK_EQ(routes(), (texts{"isbndb.author", "author"}));
  CHECK(lines.has("Service binding error: ISBNdb worker error: 502"));
}

TEST(S2-56 with the circuit open ISBNdb s service is not asked and authors are found all the same) {
  next = [](const lookup& l) {
    return l.about.what.route == "isbndb.author" ? failed_with(ec::all_providers_failed) : said(an_author);
  };
  start();
  for (int i = 0; i < 3; ++i)
    CHECK_EQ(search("/search/author?q=Frank%20Herbert").status, 200);
  asked.clear();
  CHECK_EQ(search("/search/author?q=Frank%20Herbert").status, 200);
  CHECK_EQ(routes(), texts{"author"});
  CHECK(lines.has("Service binding error: Circuit breaker OPEN for ISBNDB_WORKER"));
  CHECK_EQ(counted->trips.load(), 1);
}

TEST(S2-69 an ISBNdb that never answers leaves time for the other way) {
  silent = [](const lookup& l) { return l.about.what.route == "isbndb.author"; };
  next = [](const lookup&) { return said(an_author); };
  start();
  const auto r = ask("books-proxy", "/search/author?q=Frank%20Herbert", 8s);
  CHECK(r->empty());
  advance(4'001ms);
  REQUIRE_EQ(r->size(), 1u);
  CHECK_EQ(r->front().status, 200);
  CHECK_EQ(routes(), (texts{"isbndb.author", "author"}));
  CHECK_EQ(cancelled.size(), 1u);
}

TEST(clients in a hurry do not take ISBNdb away from the others) {
  silent = [](const lookup&) { return true; };
  start();
  for (int i = 0; i < 5; ++i) {
    ask("books-proxy", "/search/author?q=Frank%20Herbert", 10ms);
    advance(11ms);
  }
  silent = [](const lookup&) { return false; };
  next = [](const lookup&) { return said(an_author); };
  asked.clear();
  CHECK_EQ(search("/search/author?q=Frank%20Herbert").status, 200);
  CHECK_EQ(routes(), texts{"isbndb.author"});
  CHECK_EQ(counted->trips.load(), 0);
}

TEST(more questions than ISBNdb allows do not open the circuit) {
  next = [](const lookup&) { return failed_with(ec::all_providers_failed, ec::permit_refused); };
  start();
  for (int i = 0; i < 5; ++i) {
    const auto r = isbndbs("/author/Frank%20Herbert");
    CHECK_EQ(r.status, 503);
    CHECK(!r.header("Retry-After").empty());
    (void)search("/search/author?q=Frank%20Herbert");
  }
  CHECK_EQ(counted->trips.load(), 0);
}

TEST(without a key ISBNdb s service says so and the proxy does not ask it) {
  books.has_isbndb = false;
  next = [](const lookup&) { return said(an_author); };
  start();
  for (const auto* path : {"/author/Frank%20Herbert", "/book/9780441172719", "/books/dune", "/search/books?q=dune"}) {
    const auto r = isbndbs(path);
    CHECK_EQ(r.status, 503);
    CHECK_EQ(body_of(r)["error"], "ISBNdb is not configured");
  }
  CHECK_EQ(search("/search/author?q=Frank%20Herbert").status, 200);
  CHECK_EQ(routes(), texts{"author"});
  CHECK_EQ(counted->calls.load(), 0);
  CHECK_EQ(body_of(isbndbs("/health"))["secrets"], json::parse(R"({"ISBNDB_API_KEY":false})"));
}

TEST(without a binding the proxy goes the other way) {
  with_binding = false;
  next = [](const lookup&) { return said(an_author); };
  start();
  CHECK_EQ(search("/search/author?q=Frank%20Herbert").status, 200);
  CHECK_EQ(routes(), texts{"author"});
}

TEST(what looks like a name and is nobody s is asked for as a title) {
  next = [](const lookup& l) { return said(l.about.what.route == "search" ? a_list : no_author); };
  start();
  const auto r = search("/search/auto?q=Great%20Expectations");
  CHECK_EQ(r.status, 200);
  CHECK_EQ(titles(r), "a;b;c;");
  CHECK_EQ(r.header("X-Search-Kind"), "title");
  CHECK_EQ(routes(), (texts{"isbndb.author", "elsewhere.author", "search"}));
  asked.clear();
  CHECK_EQ(titles(search("/search/author?q=Great%20Expectations")), ""); // who asks for an author gets none
  CHECK_EQ(routes(), (texts{"isbndb.author", "elsewhere.author"}));
}

TEST(behind the end of what ISBNdb knows of an author nobody else is asked) {
  next = [](const lookup& l) {
    const auto page = parameter_of(l.about.what.params, "page");
    return said(page.empty() ? an_author : no_author);
  };
  start();
  CHECK_EQ(titles(search("/search/author?q=Frank%20Herbert&page=2")), "");
  CHECK_EQ(routes(), (texts{"isbndb.author", "isbndb.author"})); // does it know the author at all?
}

TEST(a later page of an author whom ISBNdb does not know comes from the others as the first one did) {
  next = [](const lookup& l) { return said(l.about.what.route == "isbndb.author" ? no_author : an_author); };
  start();
  CHECK_EQ(titles(search("/search/author?q=Frank%20Herbert&page=2")), "Dune;Der Wüstenplanet;");
  CHECK_EQ(routes(), (texts{"isbndb.author", "isbndb.author", "elsewhere.author"}));
  CHECK_EQ(parameter_of(asked[2].about.what.params, "page"), "2");
}

TEST(that nobody knows an author is kept as long as what somebody knows) {
  next = [](const lookup&) { return said(no_author); };
  start();
  (void)search("/search/author?q=Frank%20Herbert");
  REQUIRE_EQ(asked.size(), 2u);
  CHECK(asked[0].about.kept.nothing_too && asked[1].about.kept.nothing_too);
}

TEST(of an ISBNdb that is away not every request is told in the log) {
  next = [](const lookup& l) {
    return l.about.what.route == "isbndb.author" ? failed_with(ec::all_providers_failed) : said(an_author);
  };
  start();
  for (int i = 0; i < 100; ++i)
    (void)search("/search/author?q=Frank%20Herbert");
  const auto log = lines.text.str();
  std::size_t told = 0;
  for (auto at = log.find("Service binding error"); at != std::string::npos;
       at = log.find("Service binding error", at + 1))
    ++told;
  CHECK_EQ(told, 7u); // 1, 2, 4, ... 64
}

TEST(what an upstream refuses opens nobody s circuit) {
  next = [](const lookup& l) {
    return l.about.what.route == "isbndb.author" ? failed_with(ec::all_providers_failed, ec::provider_refused)
                                                 : said(an_author);
  };
  start();
  for (int i = 0; i < 10; ++i) {
    CHECK_EQ(search("/search/author?q=Frank%20Herbert").status, 200);
    CHECK_EQ(isbndbs("/author/Frank%20Herbert").status, 502);
  }
  CHECK_EQ(counted->trips.load(), 0);
}

TEST(four whole lists are read at once and a fifth is told to come back) {
  silent = [](const lookup&) { return true; };
  start();
  std::vector<std::shared_ptr<std::vector<service_response>>> all;
  for (int i = 0; i < 4; ++i)
    all.push_back(
      ask("isbndb", "/author/Author%20" + std::string(1, static_cast<char>('A' + i)) + "?all=true&force=true"));
  const auto fifth = isbndbs("/author/Frank%20Herbert?all=true");
  CHECK_EQ(fifth.status, 503);
  CHECK_EQ(fifth.header("Retry-After"), "5");
  CHECK_EQ(asked.size(), 4u);
  silent = [](const lookup&) { return false; };
  next = [](const lookup&) { return said(an_author); };
  CHECK_EQ(isbndbs("/author/Frank%20Herbert").status, 200); // a page is no list
  inside(shard, [&] {
    for (auto& promise : open)
      promise.deliver(said(an_author));
  });
  for (const auto& one : all)
    CHECK_EQ(one->size(), 1u);
  CHECK_EQ(isbndbs("/author/Frank%20Herbert?all=true").status, 200);
}

TEST(all pages of an author are put together and a list without end is cut and says so) {
  std::int64_t pages = 3;
  next = [&](const lookup& l) {
    std::int64_t page = 1;
    for (const auto& [name, value] : l.about.what.params)
      if (name == "page")
        page = std::stoll(value);
    return said(
      json{{"data", {{"page", page}, {"more", page < pages}, {"books", {{{"title", std::to_string(page)}}}}}}}.dump());
  };
  start();
  auto body = body_of(isbndbs("/author/Frank%20Herbert?all=true&page=7"));
  CHECK_EQ(body["data"]["books"].size(), 3u);
  CHECK_EQ(body["data"]["books"][2]["title"], "3");
  CHECK_EQ(body["data"]["pages"], 3);
  CHECK_EQ(body["data"]["cut"], false);
  CHECK_EQ(body["data"]["more"], false);
  pages = 1'000'000;
  asked.clear();
  body = body_of(isbndbs("/author/Frank%20Herbert?all=true"));
  CHECK_EQ(body["data"]["cut"], true);
  CHECK_EQ(body["data"]["more"], true);
  CHECK_EQ(body["data"]["books"].size(), asked.size());
  CHECK_EQ(asked.size(), 40u);
}

TEST(ISBNdb s service has its own keys beside everybody s) {
  start();
  (void)isbndbs("/books/dune");
  (void)isbndbs("/search/books?q=dune");
  (void)search("/search/title?q=dune");
  REQUIRE_EQ(asked.size(), 3u);
  CHECK_EQ(asked[0].about.key, asked[1].about.key);
  CHECK(asked[0].about.key != asked[2].about.key);
}

CAF_TEST_FIXTURE_SCOPE_END()
