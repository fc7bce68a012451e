// Who follows which job's events, and what is read for them.
#define TEST_SUITE stream_book
#include "tests/support/test.hpp"

#include "apps/warmer/stream_book.hpp"

using namespace troupe;
using place = stream_book::place;

namespace {

stream_book::id opened(stream_book& book, const std::string& client, const std::string& job, std::int64_t seen) {
  CHECK(book.take_place(client) == place::granted);
  return book.open(client, job, seen);
}

} // namespace

TEST(a job is read once for all its streams from where the last of them stands) {
  stream_book book{{10, 10}};
  const auto ahead = opened(book, "a", "j", 7);
  const auto behind = opened(book, "b", "j", 3);
  opened(book, "c", "other", 0);
  CHECK(book.begin_reading("j") == 3);
  CHECK(!book.begin_reading("j")); // it is being read, and will be once more
  CHECK(book.takes(behind, 4));
  CHECK(!book.takes(ahead, 4));
  book.sent(behind, 4);
  CHECK(!book.takes(behind, 4));
  CHECK(book.takes(behind, 5));
  CHECK(book.end_reading("j", false));
  CHECK(book.begin_reading("j") == 4);
  CHECK(!book.end_reading("j", false));
  CHECK(book.begin_reading("j") == 4);
  CHECK(book.end_reading("j", true)); // there was more
  CHECK(!book.begin_reading("unknown"));
}

TEST(a stream that came or got room during a reading takes nothing with a gap before it) {
  stream_book book{{10, 10}};
  const auto slow = opened(book, "a", "j", 2);
  const auto quick = opened(book, "b", "j", 9);
  book.full(slow);
  CHECK(book.begin_reading("j") == 9);
  book.has_room(slow);
  CHECK(!book.begin_reading("j"));
  const auto late = opened(book, "c", "j", 0);
  CHECK(book.takes(quick, 10));
  CHECK(!book.takes(slow, 10));
  CHECK(!book.takes(late, 10));
  CHECK(book.end_reading("j", false));
  CHECK(book.begin_reading("j") == 0);
}

TEST(nothing is read for streams without room) {
  stream_book book{{10, 10}};
  const auto only = opened(book, "a", "j", 1);
  book.full(only);
  CHECK(!book.begin_reading("j"));
  CHECK(!book.takes(only, 2));
  book.has_room(only);
  CHECK(book.begin_reading("j") == 1);
}

TEST(streams are bounded in all and for each client while they open too) {
  stream_book book{{3, 2}};
  CHECK(book.take_place("a") == place::granted);
  const auto first = book.open("a", "j", 0);
  CHECK(book.take_place("a") == place::granted);
  CHECK(book.take_place("a") == place::none_for_client);
  CHECK(book.take_place("b") == place::granted);
  CHECK(book.take_place("b") == place::none);
  book.give_back("b");
  CHECK(book.take_place("a") == place::none_for_client);
  book.close(first);
  book.close(first);
  CHECK(book.take_place("a") == place::granted);
  CHECK_EQ(book.size(), 0u);
}

TEST(a job that nobody follows any more is forgotten also when it is being read) {
  stream_book book{{10, 10}};
  const auto one = opened(book, "a", "j", 0);
  CHECK_EQ(book.job_of(one), "j");
  CHECK(book.begin_reading("j") == 0);
  book.close(one);
  CHECK_EQ(book.job_of(one), "");
  CHECK(book.of("j").empty());
  CHECK(!book.end_reading("j", true));
  CHECK(book.jobs().empty());
}
