#define TEST_SUITE http_sse
#include "tests/support/test.hpp"

#include "apps/http/sse.hpp"

using namespace troupe::http;
using namespace std::chrono_literals;

namespace {

std::string event(const sse_event& e) {
  std::string out;
  append_event(out, e);
  return out;
}

std::string comment(std::string_view text) {
  std::string out;
  append_comment(out, text);
  return out;
}

} // namespace

TEST(an event is rendered with the fields that it has) {
  CHECK_EQ(event({{}, "", "hello", {}}), "data: hello\n\n");
  CHECK_EQ(event({7, "progress", "{\"done\":1}", 3s}), "id: 7\nretry: 3000\nevent: progress\ndata: {\"done\":1}\n\n");
  CHECK_EQ(event({0, "", "", {}}), "id: 0\ndata: \n\n");
  CHECK_EQ(event({UINT64_MAX, "", "x", -1ms}), "id: 18446744073709551615\nretry: 0\ndata: x\n\n");
}

TEST(data of several lines has a field for each whatever its line ends are) {
  CHECK_EQ(event({{}, "", "a\nb\r\nc\rd", {}}), "data: a\ndata: b\ndata: c\ndata: d\n\n");
  CHECK_EQ(event({{}, "", "\n\nid: 9\n", {}}), "data: \ndata: \ndata: id: 9\ndata: \n\n");
  CHECK_EQ(event({{}, "", " kept", {}}), "data:  kept\n\n");
}

TEST(a name can end neither its line nor its event) {
  CHECK_EQ(event({{}, "a\nid: 9\r\n\r\ndata: forged", "x", {}}), "event: aid: 9data: forged\ndata: x\n\n");
  CHECK_EQ(event({{}, std::string_view{"a\0b", 3}, "x", {}}), "event: ab\ndata: x\n\n");
}

TEST(a comment is a heartbeat and cannot become a field) {
  CHECK_EQ(comment(""), ":\n\n");
  CHECK_EQ(comment("still here"), ": still here\n\n");
  CHECK_EQ(comment("a\ndata: forged\r\rb"), ": a\n: data: forged\n: \n: b\n\n");
}

TEST(a time to wait stands for itself) {
  std::string out;
  append_retry(out, 1500ms);
  CHECK_EQ(out, "retry: 1500\n");
}

TEST(the last event is a decimal number and anything else is the start) {
  CHECK_EQ(parse_last_event_id("17"), 17u);
  CHECK_EQ(parse_last_event_id("007"), 7u);
  CHECK_EQ(parse_last_event_id("18446744073709551615"), UINT64_MAX);
  for (const auto* bad : {"", "-1", "+1", "1 ", " 1", "1a", "0x10", "1.5", "18446744073709551616", "job:3"})
    CHECK_EQ(parse_last_event_id(bad), 0u);
}
