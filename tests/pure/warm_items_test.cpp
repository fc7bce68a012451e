#define TEST_SUITE warm_items
#include "tests/support/test.hpp"

#include "apps/warmer/items.hpp"
#include "apps/warmer/micro_batch.hpp"
#include "apps/warmer/refusals.hpp"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

books::library::entry book(std::string title, std::vector<std::string> authors, std::string isbn13 = {}) {
  books::library::entry e;
  e.title = std::move(title);
  e.work_title_size = e.title.find(" (");
  if (e.work_title_size == std::string::npos)
    e.work_title_size = e.title.size();
  e.authors = std::move(authors);
  e.isbn13 = std::move(isbn13);
  return e;
}

std::vector<std::string> subjects(const std::vector<job_item>& items) {
  std::vector<std::string> out;
  for (const auto& i : items)
    out.push_back(i.kind + ' ' + i.subject);
  return out;
}

using words = std::vector<std::string>;
using time_point = micro_batch::time;

std::vector<job_item> three() {
  return {{11, "title", "a"}, {12, "title", "b"}, {13, "title", "c"}};
}

} // namespace

TEST(a book is its ISBN and its title and its authors) {
  item_maker maker;
  std::vector<job_item> items;
  maker.add(book("Warbreaker (Warbreaker, #1)", {"Brandon Sanderson"}, "9780765320308"), items);
  CHECK(subjects(items) == (words{"isbn 9780765320308", "title Warbreaker", "author Brandon Sanderson"}));
  CHECK_EQ(items[0].n, 1);
  CHECK_EQ(items[2].n, 3);
}

TEST(what several books share is asked for once however it is written) {
  item_maker maker;
  std::vector<job_item> items;
  maker.add(book("Dune", {"Frank Herbert"}), items);
  maker.add(book("DUNE", {"Herbert, Frank", "Brian Herbert"}), items);
  CHECK(subjects(items) == (words{"title Dune", "author Frank Herbert", "author Brian Herbert"}));
}

TEST(the same file gives the same items with the same numbers) {
  const auto make = [] {
    item_maker maker;
    std::vector<job_item> items;
    maker.add(book("Dune", {"Frank Herbert"}, "9780441172719"), items);
    maker.add(book("Emma", {"Jane Austen"}), items);
    return items;
  };
  CHECK(make() == make());
}

TEST(S2-37 items become the paths that a user would ask) {
  CHECK_EQ(path_of({1, "isbn", "9780441172719"}), "/search/auto?q=9780441172719&maxResults=1");
  CHECK_EQ(
    path_of({1, "author", "Ursula K. Le Guin"}), "/author/Ursula%20K.%20Le%20Guin?page=1&pageSize=50&language=en");
  CHECK_EQ(
    path_of({1, "title", "C++ & you"}), "/search/title?q=C%2B%2B%20%26%20you&maxResults=40&includeTranslations=false");
}

TEST(an answer is a hit or fetched or says what was wrong) {
  service_response r;
  r.status = 200;
  r.headers = {{"X-Cache", "HIT-KV-HOT"}};
  CHECK_EQ(judge(r).how, "hot");
  for (const auto* cold : {"HIT-R2-COLD", "HIT-R2-PROMOTED", "HIT-D1"}) {
    r.headers = {{"X-Cache", cold}};
    CHECK_EQ(judge(r).how, "cold");
  }
  r.headers = {{"X-Cache", "MISS"}};
  CHECK(judge(r).how == "fetched" && judge(r).code == ec::none);
  r.status = 503;
  r.headers = {{"Retry-After", "17"}};
  CHECK(judge(r).code == ec::all_circuits_open);
  CHECK(judge(r).wait == 17s);
  r.headers = {{"Retry-After", "99999999999999999999"}};
  CHECK(judge(r).wait <= 3600s);
  r.status = 502;
  CHECK(judge(r).code == ec::all_providers_failed);
  r.status = 400;
  CHECK(judge(r).code == ec::bad_request);
}

TEST(a message is cut at a character and is what every database takes) {
  service_response r;
  r.status = 502;
  r.body = blob{std::string(299, 'x') + "\u00e9"};
  CHECK_EQ(judge(r).message, std::string(299, 'x'));
  r.code = ec::provider_failed;
  r.detail = std::string{"a\0b\xff", 4} + "\xc3";
  CHECK_EQ(judge(r).message, "ab\uFFFD\uFFFD");
  CHECK_EQ(storable("h\u00e9", 3), "h\u00e9");
  CHECK_EQ(storable("h\u00e9", 2), "h");
}

TEST(what is refused again and again is tried ever later and said ever more rarely) {
  refusals r;
  const error away{ec::storage_failed, "away"};
  std::vector<std::int64_t> pauses;
  std::vector<int> said;
  for (int i = 1; i <= 9; ++i) {
    const auto v = r.refused(away);
    CHECK_EQ(v.alike, i);
    pauses.push_back(v.pause.count());
    if (v.say)
      said.push_back(i);
  }
  CHECK(pauses == (std::vector<std::int64_t>{1'000, 2'000, 4'000, 8'000, 16'000, 30'000, 30'000, 30'000, 30'000}));
  CHECK(said == (std::vector<int>{1, 2, 4, 8}));
  const auto other = r.refused({ec::storage_failed, "full"});
  CHECK(other.say && other.alike == 1 && other.pause == 30s);
  r.went_on();
  CHECK(r.refused(away).pause == 1s);
}

TEST(a micro-batch hands out each item once and settles when all results were taken) {
  micro_batch b{three()};
  const time_point now{};
  const auto x = b.next(now);
  const auto y = b.next(now);
  const auto z = b.next(now);
  CHECK(x && y && z && !b.next(now));
  CHECK_EQ(b.under_way(), 3u);
  b.done(*y, "hot");
  CHECK_EQ(b.take_results().size(), 1u);
  b.done(*x, "fetched");
  b.done(*z, "fetched");
  CHECK(b.is_over() && !b.is_settled());
  CHECK_EQ(b.take_results().size(), 2u);
  CHECK(b.is_settled());
  CHECK(b.take_results().empty());
}

TEST(what fails is tried three times with growing pauses and then ends with its cause) {
  micro_batch b{{{7, "title", "x"}}};
  time_point now{};
  const auto place = *b.next(now);
  CHECK(!b.failed(place, ec::all_providers_failed, "all", 0s, now));
  CHECK(!b.next(now + 999ms));
  CHECK(*b.wake_at() == now + 1s);
  now += 1s;
  CHECK(b.next(now));
  CHECK(!b.failed(place, ec::all_providers_failed, "all", 0s, now));
  CHECK(!b.next(now + 1999ms));
  now += 2s;
  CHECK(b.next(now));
  CHECK(b.failed(place, ec::all_providers_failed, "all", 0s, now));
  const auto results = b.take_results();
  CHECK_EQ(results.at(0).n, 7);
  CHECK_EQ(results.at(0).code, "all_providers_failed");
}

TEST(what cannot help is not tried again) {
  micro_batch b{{{7, "title", "x"}}};
  const auto place = *b.next({});
  CHECK(b.failed(place, ec::bad_request, "no", 0s, {}));
  CHECK(b.is_over());
}

TEST(an open circuit holds everything back and costs nobody an attempt) {
  micro_batch b{three()};
  time_point now{};
  const auto place = *b.next(now);
  for (int i = 0; i < 100; ++i) {
    CHECK(!b.failed(place, ec::circuit_open, "open", 60s, now));
    CHECK(!b.next(now + 59s));
    now += 60s;
    CHECK(b.next(now) == std::optional{place});
  }
  b.done(place, "fetched");
  CHECK(b.next(now));
}

TEST(a batch without items is over) {
  micro_batch b{{}};
  CHECK(b.is_over() && b.is_settled() && !b.next({}) && !b.wake_at());
}
