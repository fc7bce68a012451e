#define TEST_SUITE books.cache_key
#include "tests/support/test.hpp"

#include "apps/books/cache_key.hpp"

#include <set>

using namespace troupe;
using namespace troupe::books;

TEST(keys are named as the inventory states) {
  CHECK_EQ(cache_key("search", "swift programming"), "search:query:swift+programming");
  CHECK_EQ(cache_key("details", "9780134685991"), "book:isbn:9780134685991");
  CHECK_EQ(variant_key(cache_key("search", "dune"), strategy::merge, 20, 1), "search:query:dune|merge|20|c1");
  CHECK_EQ(variant_key(cache_key("details", "9780441172719"), strategy::fallback, 1, 42),
    "book:isbn:9780441172719|fallback|1|c42");
}

TEST(what has a meaning in a key is encoded and every script stays readable) {
  CHECK_EQ(cache_key("search", "c++ 100% a|b"), "search:query:c%2B%2B+100%25+a%7Cb");
  CHECK_EQ(cache_key("search", std::string_view{"a\0b\n\x7f", 5}), "search:query:a%00b%0A%7F");
  CHECK_EQ(cache_key("search", "война и мир"), "search:query:война+и+мир");
}

TEST(two questions never share a key) {
  const std::vector<std::string> texts{"a b", "a+b", "a%20b", "a%2Bb", "a|b", "a%7Cb", "a", "a|merge|20|c1", "a b c",
    "a+b c", "", "a%2520b", "9780441172719", "a:b", "a\nb", "a%0Ab"};
  std::set<std::string> keys;
  std::size_t count = 0;
  for (const auto* route : {"search", "details", "editions", "sea:rch", "sea|rch"})
    for (const auto& text : texts)
      for (auto s : {strategy::merge, strategy::fallback})
        for (int limit : {1, 2, 12, 20})
          for (int version : {1, 2, 11}) {
            keys.insert(variant_key(cache_key(route, text), s, limit, version));
            ++count;
          }
  CHECK_EQ(keys.size(), count);
}
