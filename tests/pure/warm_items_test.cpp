#define TEST_SUITE warm_items
#include "tests/support/test.hpp"

#include "apps/warmer/items.hpp"
#include "apps/warmer/micro_batch.hpp"
#include "apps/warmer/verify.hpp"

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
  CHECK(judge(r).hit);
  r.headers = {{"X-Cache", "MISS"}};
  CHECK(!judge(r).hit && judge(r).code == ec::none);
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

TEST(a micro-batch hands out each item once and settles when all results were taken) {
  micro_batch b{three()};
  const time_point now{};
  const auto x = b.next(now);
  const auto y = b.next(now);
  const auto z = b.next(now);
  CHECK(x && y && z && !b.next(now));
  CHECK_EQ(b.under_way(), 3u);
  b.done(*y, "hit");
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

TEST(S2-30 a check goes through every library once whose last job is done and that has none under way) {
  const auto job = [](std::string id, std::string library, job_state state, std::string source) {
    job_view v;
    v.id = std::move(id);
    v.library = std::move(library);
    v.state = state;
    v.source = std::move(source);
    return v;
  };
  int ids = 0;
  const auto wanted = to_verify({job("5", "a", job_state::done, "u5"), job("4", "a", job_state::done, "u4"),
                                  job("3", "b", job_state::running, "u3"), job("2", "b", job_state::done, "u2"),
                                  job("1", "c", job_state::failed, "u1"), job("0", "d", job_state::done, "")},
    [&] { return "new" + std::to_string(++ids); });
  REQUIRE_EQ(wanted.size(), 1u);
  CHECK_EQ(wanted[0].library, "a");
  CHECK_EQ(wanted[0].source, "u5");
  CHECK_EQ(wanted[0].kind, "verify");
  CHECK_EQ(wanted[0].id, "new1");
}

TEST(a batch without items is over) {
  micro_batch b{{}};
  CHECK(b.is_over() && b.is_settled() && !b.next({}) && !b.wake_at());
}
