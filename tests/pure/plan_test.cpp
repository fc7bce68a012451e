#define TEST_SUITE plan
#include "tests/support/test.hpp"

#include "actors/orchestrator/plan.hpp"

using namespace troupe;
using places = std::vector<std::size_t>;
using place = plan::place;

namespace {

bool all(std::size_t) {
  return true;
}

bool none(std::size_t) {
  return false;
}

} // namespace

TEST(C-02 merge asks everybody at once and waits for all) {
  plan p{strategy::merge, 3};
  CHECK(p.start(all) == (places{0, 1, 2}));
  CHECK(p.answered(1, 5, all).empty());
  CHECK(p.failed(0, all).empty());
  CHECK(!p.done());
  CHECK(p.answered(2, 0, all).empty());
  CHECK(p.done());
  CHECK(p.at(0) == place::failed);
  CHECK(p.at(1) == place::answered);
  CHECK(p.at(2) == place::empty);
}

TEST(C-02 fallback asks one after the other and stops at the first that knows something) {
  plan p{strategy::fallback, 3};
  CHECK(p.start(all) == (places{0}));
  CHECK(p.failed(0, all) == (places{1}));
  CHECK(!p.done());
  CHECK(p.answered(1, 2, all).empty());
  CHECK(p.done());
  CHECK(p.at(2) == place::waiting);
}

TEST(an empty answer leads a fallback to the next) {
  plan p{strategy::fallback, 2};
  CHECK(p.start(all) == (places{0}));
  CHECK(p.answered(0, 0, all) == (places{1}));
  CHECK(p.answered(1, 0, all).empty());
  CHECK(p.done());
}

TEST(an open circuit is planned around at no cost) {
  plan m{strategy::merge, 2};
  CHECK(m.start([](std::size_t i) { return i == 1; }) == (places{1}));
  CHECK(m.at(0) == place::closed);
  CHECK(!m.done());

  plan f{strategy::fallback, 2};
  CHECK(f.start([](std::size_t i) { return i == 1; }) == (places{1}));
}

TEST(with every circuit open the request is done at once) {
  for (const auto how : {strategy::merge, strategy::fallback}) {
    plan p{how, 2};
    CHECK(p.start(none).empty());
    CHECK(p.done());
    CHECK_EQ(p.count(place::closed), 2u);
  }
}

TEST(patience begins once with the first answer that knows something) {
  plan p{strategy::merge, 3};
  CHECK(!p.start(all).empty());
  CHECK(!p.starts_patience());
  CHECK(p.answered(0, 0, all).empty());
  CHECK(!p.starts_patience());
  CHECK(p.answered(1, 3, all).empty());
  CHECK(p.starts_patience());
  CHECK(!p.starts_patience());
  p.patience_over();
  CHECK(p.done());
  CHECK(p.at(2) == place::late);
}

TEST(a fallback has no patience to lose) {
  plan p{strategy::fallback, 2};
  CHECK(!p.start(all).empty());
  CHECK(!p.starts_patience());
}

TEST(S0-08 the tag names those who contributed in the order of the route) {
  CHECK_EQ(provider_tag({}), "none");
  CHECK_EQ(provider_tag({"google"}), "google");
  CHECK_EQ(provider_tag({"google", "openlibrary"}), "orchestrated:google+openlibrary");
  CHECK_EQ(provider_tag({"google", "openlibrary", "isbndb"}), "orchestrated:google+openlibrary+isbndb");
}
