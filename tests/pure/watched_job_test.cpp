// What a client makes of a job's events: the stream's form, and the text that a person sees.
#define TEST_SUITE watched_job
#include "tests/support/test.hpp"

#include "apps/http/sse.hpp"
#include "apps/warmer/event_reader.hpp"
#include "apps/warmer/watched_job.hpp"

#include <nlohmann/json.hpp>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

// "id name data|..." of all that is dispatched.
std::string read(event_reader& reader, std::string_view stream, std::size_t chunk = 1'000) {
  std::string out;
  for (std::size_t at = 0; at < stream.size(); at += chunk) {
    const auto fed = reader.feed(
      stream.substr(at, chunk), [&](const received_event& e) { out += e.id + ' ' + e.name + ' ' + e.data + '|'; });
    CHECK(fed.has_value());
  }
  return out;
}

std::string read(std::string_view stream) {
  std::string first;
  for (const std::size_t chunk : {1, 2, 3, 1'000}) {
    event_reader reader;
    const auto got = read(reader, stream, chunk);
    if (!first.empty())
      CHECK_EQ(got, first);
    first = got;
  }
  return first;
}

constexpr std::string_view half =
  R"({"phase":"warming","counts":{"rows":1200,"items":1000,"done":497,"failed":3,"hits":20},)"
  R"("percent_hundredths":5000,"items_per_1000_s":8500,"left_ms":58801,"errors":{"provider_timeout":1,"not_found":2}})";

} // namespace

TEST(events are read whatever their line ends and however they are cut) {
  CHECK_EQ(read("id: 1\nevent: state\ndata: a\n\nid: 2\ndata: b\n\n"), "1 state a|2 message b|");
  CHECK_EQ(read("id: 1\r\nevent: state\r\ndata: a\r\n\r\ndata: b\r\n\r\n"), "1 state a|1 message b|");
  CHECK_EQ(read("id: 1\revent: state\rdata: a\r\rdata: b\r\r"), "1 state a|1 message b|");
  CHECK_EQ(read("\xEF\xBB\xBF"
                "data:a\ndata: b\ndata\ndata:  c\n\n"),
    " message a\nb\n\n c|");
  CHECK_EQ(read(": heartbeat\n\nid: 7\n\ndata: x\nunknown: y\n\n"), "7 message x|");
  CHECK_EQ(read("data: not dispatched\n"), "");
}

TEST(what the server writes is what the client reads) {
  std::string stream;
  http::append_retry(stream, 250ms);
  http::append_comment(stream, "hello");
  http::append_event(stream, {1, "state", R"({"state":"running"})", {}});
  http::append_event(stream, {2, "progress", "two\nlines", {}});
  event_reader reader;
  CHECK_EQ(read(reader, stream, 5), "1 state {\"state\":\"running\"}|2 progress two\nlines|");
  CHECK_EQ(reader.last_id(), "2");
  CHECK(reader.retry() == 250ms);
}

TEST(a lost connection loses the event that was not whole and nothing else) {
  event_reader reader;
  CHECK_EQ(read(reader, "id: 1\ndata: a\n\nid: 2\ndata: hal"), "1 message a|");
  reader.reconnect();
  CHECK_EQ(reader.last_id(), "1");
  CHECK_EQ(read(reader, "id: 2\ndata: whole\n\n"), "2 message whole|");
}

TEST(an event that does not end is refused) {
  event_reader reader;
  const std::string piece(100'000, 'x');
  std::size_t fed = 0;
  while (fed < 30 && reader.feed("data: " + piece + "\n", [](const received_event&) {}).has_value())
    ++fed;
  CHECK_EQ(fed, 10u);
  event_reader other;
  for (fed = 0; fed < 30 && other.feed(piece, [](const received_event&) {}).has_value();)
    ++fed;
  CHECK_EQ(fed, 10u);
}

TEST(a retry beyond sense is bounded and nonsense ignored) {
  event_reader reader;
  CHECK_EQ(read(reader, "retry: 1e3\nretry: -4\nretry: \n\n"), "");
  CHECK(!reader.retry());
  CHECK_EQ(read(reader, "retry: 99999999\n\n"), "");
  CHECK(reader.retry() == 60s);
}

TEST(progress is one line) {
  watched_job job;
  note(job, "state", R"({"state":"running"})");
  CHECK_EQ(progress_line(job, 200), "running");
  note(job, "phase", R"({"phase":"parsing"})");
  CHECK_EQ(progress_line(job, 200), "parsing");
  note(job, "progress", R"({"phase":"parsing","counts":{"rows":12000},"errors":{}})");
  CHECK_EQ(progress_line(job, 200), "parsing  12,000 rows");
  note(job, "progress", half);
  CHECK_EQ(
    progress_line(job, 200), "warming  [##########----------]  50.00 %  500 of 1,000  8.5/s  59 s left  3 failed");
  CHECK_EQ(progress_line(job, 12), "warming  [##");
  note(job, "progress",
    R"({"counts":{"items":3000000,"done":1500,"failed":0},"percent_hundredths":5,)"
    R"("items_per_1000_s":1234567,"left_ms":9000000})");
  CHECK_EQ(
    progress_line(job, 200), "warming  [--------------------]  0.05 %  1,500 of 3,000,000  1,234/s  2 h 30 min left");
  note(job, "state", R"({"state":"paused"})");
  CHECK(progress_line(job, 200).starts_with("paused  ["));
}

TEST(data that makes no sense changes nothing) {
  watched_job job;
  note(job, "progress", half);
  const auto before = to_json(job, "1");
  for (const auto* data : {"", "[]", "1", "{", R"({"phase":7,"counts":[],"errors":"x","state":null})"})
    note(job, "state", data);
  note(job, "heartbeat", R"({"state":"done"})");
  CHECK_EQ(to_json(job, "1"), before);
  note(job, "progress", R"({"phase":"a\u001b[31mb","counts":{"rows":"many","items":5.5}})");
  CHECK_EQ(progress_line(job, 200), "a?[31mb");
}

TEST(what a job was about to need says nothing once it was paused) {
  watched_job job;
  note(job, "progress", half);
  CHECK(job.left_ms > 0);
  note(job, "state", R"({"state":"paused"})");
  CHECK_EQ(job.left_ms, -1);
  CHECK_EQ(job.items_per_1000_s, -1);
  CHECK(job.percent_hundredths > 0);
}

TEST(the last event says how it ended) {
  watched_job done;
  note(done, "progress", half);
  CHECK(!done.ended);
  note(done, "done",
    R"({"counts":{"rows":1200,"rejected":0,"items":1000,"done":998,"hits":5,"failed":2},)"
    R"("errors":{"not_found":2}})");
  CHECK(done.succeeded());
  CHECK_EQ(
    ending_of(done), "done (1,200 rows, 0 rejected, 1,000 items, 998 done, 5 of them hits, 2 failed)\n  not_found: 2");
  const auto json = nlohmann::json::parse(to_json(done, "j1"));
  CHECK_EQ(json["job_id"], "j1");
  CHECK_EQ(json["state"], "done");
  CHECK_EQ(json["counts"]["done"], 998);
  CHECK_EQ(json["errors"]["not_found"], 2);

  watched_job failed;
  note(failed, "error", R"({"state":"failed","message":"line 1: no column\u0007 tells a book"})");
  CHECK(failed.ended);
  CHECK(!failed.succeeded());
  CHECK_EQ(ending_of(failed), "failed: line 1: no column? tells a book");
  watched_job cancelled;
  note(cancelled, "error", R"({"state":"cancelled"})");
  CHECK_EQ(ending_of(cancelled), "cancelled");
  CHECK(!cancelled.succeeded());
  watched_job unsaid;
  note(unsaid, "error", "");
  CHECK_EQ(ending_of(unsaid), "failed");
}

TEST(what a terminal would obey is shown as a question mark) {
  CHECK_EQ(printable("a\x1b[31mb\r\n\x7f"), "a?[31mb???");
  CHECK_EQ(printable("a\xc2\x9b\x33\x31mb\xc2\x80\xc2\x9f"), "a?31mb??"); // C1, in UTF-8
  CHECK_EQ(printable("M\xc3\xbcller \xc2\xa0\xf0\x9f\x93\x9a"), "M\xc3\xbcller \xc2\xa0\xf0\x9f\x93\x9a");
  CHECK_EQ(printable("a\x9b"), "a\xef\xbf\xbd"); // C1 as a terminal without UTF-8 has it
}

TEST(numbers have commas) {
  CHECK_EQ(with_commas(0), "0");
  CHECK_EQ(with_commas(999), "999");
  CHECK_EQ(with_commas(1'000), "1,000");
  CHECK_EQ(with_commas(-1'234'567), "-1,234,567");
}
