#define TEST_SUITE jq_framing
#include "tests/support/test.hpp"

#include "actors/jq/framing.hpp"
#include "actors/jq/program.hpp"

using namespace troupe::jq;

TEST(frames arrive whole however the bytes are cut) {
  std::string bytes;
  append_frame(bytes, frame_kind::good, "{}");
  append_frame(bytes, frame_kind::bad, "");
  append_body_frame(bytes, 70'000, "[1]");
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    frame_reader in{100};
    std::vector<frame> got;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      in.add(std::string_view{bytes}.substr(at, step));
      while (auto f = in.next())
        got.push_back(std::move(*f));
    }
    REQUIRE_EQ(got.size(), 3u);
    CHECK_EQ(got[0].payload, "{}");
    CHECK(got[1].kind == frame_kind::bad);
    CHECK_EQ(got[1].payload, "");
    std::string_view body{got[2].payload};
    CHECK_EQ(take_program(body).value_or(0), 70'000u);
    CHECK_EQ(std::string{body}, "[1]");
    CHECK(!in.broken());
  }
}

TEST(a frame that is too long or none at all breaks the reader for good) {
  for (const auto& bytes : {std::string("\0\0\0\0", 4), std::string("\x66\0\0\0", 4),
         std::string("\xff\xff\xff\xff", 4), std::string("\x02\0\0\0?a", 6)}) {
    frame_reader in{100};
    in.add(bytes);
    CHECK(!in.next().has_value());
    CHECK(in.broken());
    std::string good;
    append_frame(good, frame_kind::good, "");
    in.add(good);
    CHECK(!in.next().has_value());
  }
  std::string_view three{"abc"};
  CHECK(!take_program(three).has_value());
}

TEST(what jq says of a program becomes one line with the line of the program) {
  CHECK_EQ(
    compile_error("jq: error: syntax error, unexpected '}' (Unix shell quoting issues?) at <top-level>, line 2:\n"
                  " c: }    "),
    "line 2: syntax error, unexpected '}'");
  CHECK_EQ(
    compile_error("jq: error: foo/1 is not defined at <top-level>, line 12:\nfoo(1)"), "line 12: foo/1 is not defined");
  CHECK_EQ(compile_error("jq: error: something\nelse"), "line 1: something else");
  CHECK_EQ(compile_error(""), "line 1: does not compile");
}
