// The services isbndb and books-proxy on virtual time, over a cache shard that answers as the test says.
#define TEST_SUITE book_services
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "apps/services/book_page.hpp"
#include "apps/services/books_proxy.hpp"
#include "apps/services/door.hpp"
#include "apps/services/isbndb.hpp"

#include <nlohmann/json.hpp>

#include <map>

using namespace troupe;
using namespace std::chrono_literals;
using json = nlohmann::json;
using texts = std::vector<std::string>;

namespace {

constexpr auto an_author = R"({"provider":"x","data":{"author":"Frank Herbert","page":1,"more":false,"books":[)"
                           R"({"title":"Dune","language":"en"},{"title":"Der Wüstenplanet","language":"de"}]}})";
constexpr auto no_author = R"({"provider":"none","data":{"author":"Great Expectations","more":false,"books":[]}})";
constexpr auto a_list = R"({"provider":"y","data":[{"title":"a","language":"en"},{"title":"b","language":"fr"},)"
                        R"({"title":"c","language":"en"}]})";

answer said(const std::string& body) {
  answer a;
  a.plain = blob{body};
  a.head = "Content-Type: application/json\r\nETag: W/\"1\"\r\n";
  a.x_cache = "MISS";
  return a;
}

answer failed_with(ec code, ec of_provider = ec::provider_failed) {
  answer a;
  a.code = code;
  a.message = "All providers exhausted";
  a.providers.push_back({});
  a.providers.back().name = "isbndb";
  a.providers.back().code = of_provider;
  return a;
}

struct world : test::actors {
  book_services books;
  std::vector<lookup> asked;
  std::vector<std::uint64_t> cancelled;
  std::function<answer(const lookup&)> next = [](const lookup&) { return said(a_list); };
  std::function<bool(const lookup&)> silent = [](const lookup&) { return false; };
  std::vector<caf::typed_response_promise<answer>> open;
  service_front_actor isbndb;
  service_front_actor proxy;
  door_actor way_in;
  std::shared_ptr<binding_counters> counted = std::make_shared<binding_counters>();
  std::uint64_t calls = 0;
  bool with_binding = true;

  cache_actor shard = sys.spawn([this](cache_actor::pointer me) -> cache_actor::behavior_type {
    return {
      [this, me](const lookup& l) -> caf::result<answer> {
        asked.push_back(l);
        if (!silent(l))
          return next(l);
        open.push_back(me->make_response_promise<answer>());
        return open.back();
      },
      [this](const lookup_cancel& c) { cancelled.push_back(c.id); },
      [](const compress&) {},
      [](const kv_pairs&) {},
      [](const tier_keys&) {},
      [](const hand_down&) {},
      [](tick_atom) {},
      [](stats_atom) { return metrics{}; },
    };
  });

  world() {
    books.shards = {shard};
    books.has_isbndb = true;
    books.wall_ms = [] { return std::int64_t{0}; };
  }

  service_front_actor spawn_front(service_definition def, std::vector<service_open> bound) {
    def.log = lines.log;
    def.wall_ms = books.wall_ms;
    return sys.spawn(service_front, std::make_shared<const service_definition>(std::move(def)), std::move(bound));
  }

  void start() {
    service_definition leaf;
    leaf.name = "isbndb";
    leaf.secrets = {{"ISBNDB_API_KEY", books.has_isbndb}};
    make_isbndb(leaf, books);
    isbndb = spawn_front(std::move(leaf), {{"bridge", "isbndb", "", 3}, {"books-proxy", "ISBNDB_WORKER", "", 3}});
    service_definition middle;
    middle.name = "books-proxy";
    binding_settings b;
    b.caller = "books-proxy";
    b.name = isbndb_binding;
    b.service = "isbndb";
    if (with_binding)
      middle.bindings = {{b, isbndb, counted}};
    make_books_proxy(middle, books);
    proxy = spawn_front(std::move(middle), {{"bridge", "books-proxy", "", 3}});
    way_in = sys.spawn(door,
      std::vector<bound_service>{{door_to("isbndb", 10s), isbndb, std::make_shared<binding_counters>()},
        {door_to("books-proxy", 10s), proxy, std::make_shared<binding_counters>()}},
      lines.log, std::uint64_t{1});
    settle();
  }

  std::shared_ptr<std::vector<service_response>> ask(const std::string& service, const std::string& path,
    std::chrono::microseconds left = 5s, const std::string& method = "GET") {
    auto out = std::make_shared<std::vector<service_response>>();
    service_request r;
    r.method = method;
    r.path = path;
    r.head.remaining_us = left.count();
    caf::anon_send(
      way_in, door_call{++calls, service, r, [out](service_response&& a) { out->push_back(std::move(a)); }});
    settle();
    return out;
  }

  service_response get(const std::string& service, const std::string& path) {
    const auto out = ask(service, path);
    REQUIRE_EQ(out->size(), 1u);
    return out->front();
  }

  service_response search(const std::string& path) { return get("books-proxy", path); }
  service_response isbndbs(const std::string& path) { return get("isbndb", path); }

  [[nodiscard]] texts routes() const {
    texts out;
    for (const auto& l : asked)
      out.push_back(l.about.what.route);
    return out;
  }

  static json body_of(const service_response& r) { return json::parse(r.body.view(), nullptr, false); }

  static std::string titles(const service_response& r) {
    auto body = body_of(r);
    std::string out;
    for (const auto& b : body["data"].is_array() ? body["data"] : body["data"]["books"])
      out += b.value("title", "?") + ";";
    return out;
  }

  ~world() override {
    for (const auto& a : {caf::actor_cast<caf::actor>(way_in), caf::actor_cast<caf::actor>(proxy),
           caf::actor_cast<caf::actor>(isbndb), caf::actor_cast<caf::actor>(shard)})
      self->send_exit(a, caf::exit_reason::user_shutdown);
    settle();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(book_service_tests, world)

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

TEST(Retry-After is rounded up) {
  next = [](const lookup&) {
    auto a = failed_with(ec::all_circuits_open);
    a.retry_after_us = 1'000'001;
    return a;
  };
  start();
  CHECK_EQ(isbndbs("/book/9780441172719").header("Retry-After"), "2");
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
  CHECK_EQ(routes(), (texts{"isbndb.author", "author", "search"}));
  asked.clear();
  CHECK_EQ(titles(search("/search/author?q=Great%20Expectations")), ""); // who asks for an author gets none
  CHECK_EQ(routes(), (texts{"isbndb.author", "author"}));
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
  CHECK(!all.header("ETag").empty());
  const auto two = search("/search/title?q=dune&maxResults=2");
  CHECK_EQ(titles(two), "a;b;");
  CHECK(two.header("ETag").empty()); // it is not that answer
  CHECK_EQ(asked[0].about.key, asked[1].about.key);
  CHECK_EQ(titles(search("/search/title?q=dune&includeTranslations=false&maxResults=2")), "a;c;");
  CHECK_EQ(asked[0].about.key, asked[2].about.key);
  for (const auto* bad : {"0", "41", "x", ""})
    CHECK_EQ(search(std::string{"/search/auto?q=dune&maxResults="} + bad).status, 400);
}

TEST(force asks past the cache and nothing else does) {
  next = [](const lookup& l) { return said(l.about.what.route == "search" ? a_list : an_author); };
  start();
  for (const auto* path : {"/search/title?q=dune", "/search/author?q=Frank%20Herbert",
         "/search/isbn?isbn=9780441172719", "/api/v3/books/search?q=dune"}) {
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
  CHECK_EQ(ask("books-proxy", "/search/auto?q=x", 5s, "DELETE")->front().status, 405);
  CHECK(asked.empty());
}

TEST(S0-54 the third version pages to the end by cursor and keeps the members that were chosen) {
  next = [](const lookup& l) {
    const auto page = l.about.what.params.empty() ? 1 : std::stoi(l.about.what.params.front().second);
    return said(
      page > 3 ? R"({"data":[]})" : R"({"data":[{"title":")" + std::to_string(page) + R"(","language":"en"}]})");
  };
  start();
  std::string found;
  std::string cursor;
  for (int i = 0; i < 10; ++i) {
    const auto r = search("/api/v3/books/search?q=dune&limit=1&fields=title" + cursor);
    REQUIRE_EQ(r.status, 200);
    const auto body = body_of(r);
    CHECK_EQ(body["cut"], false);
    for (const auto& b : body["data"]) {
      CHECK_EQ(b.size(), 1u);
      found += b["title"];
    }
    if (body["next"].is_null())
      break;
    cursor = "&cursor=" + body["next"].get<std::string>();
  }
  CHECK_EQ(found, "123");
  CHECK_EQ(asked.size(), 4u);
  CHECK_EQ(search("/api/v3/books/search?q=dune&limit=2" + cursor).status, 400); // of another list
  CHECK_EQ(search("/api/v3/books/search?q=other&limit=1" + cursor).status, 400);
}

TEST(S0-54 the third version says when it cut at the last page and an empty last page is an end) {
  bool empty = false;
  next = [&](const lookup&) { return said(empty ? R"({"data":[]})" : R"({"data":[{"title":"x"}]})"); };
  start();
  (void)search("/api/v3/books/search?q=dune");
  const auto last = cursor_of(asked.front().about.key, books::most_pages);
  auto body = body_of(search("/api/v3/books/search?q=dune&cursor=" + last));
  CHECK(body["next"].is_null());
  CHECK_EQ(body["cut"], true);
  empty = true;
  body = body_of(search("/api/v3/books/search?q=dune&cursor=" + last));
  CHECK(body["next"].is_null());
  CHECK_EQ(body["cut"], false);
  CHECK_EQ(
    search("/api/v3/books/search?q=dune&cursor=" + cursor_of(asked.front().about.key, books::most_pages + 1)).status,
    400);
}

TEST(S0-54 the third version says its errors as problems) {
  start();
  for (const auto* bad : {"", "?q=", "?q=x&limit=0", "?q=x&fields=secret", "?q=x&cursor=1", "?q=x&force=1"}) {
    const auto r = search(std::string{"/api/v3/books/search"} + bad);
    CHECK_EQ(r.status, 400);
    CHECK_EQ(r.header("Content-Type"), "application/problem+json");
    CHECK_EQ(body_of(r)["status"], 400);
  }
  next = [](const lookup&) { return failed_with(ec::all_providers_failed); };
  const auto r = search("/api/v3/books/search?q=x");
  CHECK_EQ(r.status, 502);
  CHECK_EQ(r.header("Content-Type"), "application/problem+json");
  CHECK_EQ(body_of(r)["providers"].size(), 1u);
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

TEST(ISBNdb s service has its own keys beside everybody s) {
  start();
  (void)isbndbs("/books/dune");
  (void)isbndbs("/search/books?q=dune");
  (void)search("/search/title?q=dune");
  REQUIRE_EQ(asked.size(), 3u);
  CHECK_EQ(asked[0].about.key, asked[1].about.key);
  CHECK(asked[0].about.key != asked[2].about.key);
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
