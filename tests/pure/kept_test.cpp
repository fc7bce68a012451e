#define TEST_SUITE kept
#include "tests/support/test.hpp"

#include "actors/cache/kept.hpp"

#include <random>

using namespace troupe;

namespace {

kept_answer sample(std::size_t bytes) {
  kept_answer out;
  out.key = "search:query:dune";
  out.what.data = blob{"[\"" + std::string(bytes, 'x') + "\"]"};
  out.what.tag = "orchestrated:google+openlibrary";
  out.what.fetched_ms = 1'700'000'000'123;
  out.what.found = true;
  out.what.providers = {{"google", ec::none, {}, 81'000, 1, 10},
    {"openlibrary", ec::provider_timeout, "no answer in 3 s", 3'000'000, 2, 0}};
  out.hot = {1, 2, 3};
  out.cold = {4, 5, std::int64_t{1} << 60};
  return out;
}

bool same(const kept_answer& a, const kept_answer& b) {
  const auto equal = [](const provider_report& x, const provider_report& y) {
    return x.name == y.name && x.code == y.code && x.detail == y.detail && x.elapsed_us == y.elapsed_us
           && x.attempts == y.attempts && x.records == y.records;
  };
  return a.key == b.key && a.what.data == b.what.data && a.what.tag == b.what.tag && a.what.found == b.what.found
         && a.what.fetched_ms == b.what.fetched_ms && a.hot == b.hot && a.cold == b.cold
         && std::equal(
           a.what.providers.begin(), a.what.providers.end(), b.what.providers.begin(), b.what.providers.end(), equal);
}

} // namespace

TEST(what is encoded is decoded as it was) {
  for (const auto bytes : {0U, 10U, 300U, 1'000U, 100'000U}) {
    const auto back = decode(encode(sample(bytes)));
    REQUIRE(back.has_value());
    CHECK(same(*back, sample(bytes)));
  }
}

TEST(what is worth it is compressed) {
  CHECK(encode(sample(0)).starts_with("TCA1"));
  const auto large = encode(sample(100'000));
  CHECK(large.starts_with("TCZ1"));
  CHECK(large.size() < 2'000);
}

TEST(what does not compress is kept as it is) {
  std::mt19937_64 random{7};
  auto noise = sample(0);
  std::string bytes(4'000, '\0');
  for (auto& c : bytes)
    c = static_cast<char>(random());
  noise.what.data = blob{bytes};
  const auto back = decode(encode(noise));
  REQUIRE(back.has_value());
  CHECK(back->what.data.view() == bytes);
}

TEST(damaged bytes are no answer) {
  std::mt19937_64 random{11};
  for (const auto bytes : {10U, 3'000U}) {
    const auto whole = encode(sample(bytes));
    for (std::size_t cut = 0; cut < whole.size(); cut += 1 + whole.size() / 200)
      CHECK(!decode(std::string_view{whole}.substr(0, cut)));
    for (int i = 0; i < 2'000; ++i) {
      auto flipped = whole;
      flipped[random() % flipped.size()] ^= static_cast<char>(1U << random() % 8);
      const auto back = decode(flipped);
      CHECK(!back || back->what.data == sample(bytes).what.data); // the header has no sum of its own
    }
  }
  CHECK(!decode(""));
  CHECK(!decode("TCA1"));
  CHECK(!decode("TCZ1"));
  CHECK(!decode("XXXX and more"));
}
