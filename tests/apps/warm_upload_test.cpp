// Uploads of libraries over real sockets, into buckets of files: what is stored, what is refused, and that nothing is
// left behind of what is not stored.
#define TEST_SUITE warm_upload
#include "tests/apps/upload_world.hpp"

#include "tests/support/test.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using json = nlohmann::json;

namespace {

const std::string csv = "Title,Author\nDune,Frank Herbert\n";
const std::string gzipped = std::string{"\x1f\x8b\x08", 3} + "and so on";

std::string form(const std::string& parts) {
  return parts + "--cut--\r\n";
}
std::string field(const std::string& name, const std::string& value) {
  return "--cut\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}
std::string file(const std::string& name, const std::string& bytes, const std::string& type = "text/csv") {
  return "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\nContent-Type: " + type
         + "\r\n\r\n" + bytes + "\r\n";
}
std::string from(std::size_t client) {
  return "X-Forwarded-For: 10.0.0." + std::to_string(client) + "\r\n";
}
const std::string form_type = "Content-Type: multipart/form-data; boundary=cut\r\n";

} // namespace

CAF_TEST_FIXTURE_SCOPE(warm_upload_tests, upload_world)

TEST(a body is stored as it came and a job is made of it) {
  start();
  const auto r = post(csv, "?library=home&name=my%20books.csv", "Content-Type: text/csv; charset=utf-8\r\n");
  CHECK_EQ(r.status, 202);
  CHECK_EQ(r.body, R"({"job_id":"job-1"})");
  CHECK_EQ(r.field("Location"), "/jobs/job-1");
  CHECK_EQ(r.field("Content-Type"), "application/json");
  const auto what = submitted.take();
  CHECK_EQ(what.library, "home");
  CHECK_EQ(what.file_name, "my books.csv");
  CHECK_EQ(what.bytes, static_cast<std::int64_t>(csv.size()));
  CHECK(what.key.starts_with("uploads/"));
  CHECK_EQ(what.key.size(), 8u + 32u);
  const auto kept = object(what.key);
  CHECK_EQ(kept.body, csv);
  CHECK_EQ(kept.object.http.content_type, "text/csv");
  CHECK_EQ(kept.object.http.content_encoding, "");
  CHECK((kept.object.custom == fields{{"file-name", "my books.csv"}, {"library", "home"}}));
  CHECK_EQ(desk->held().now(), 0);
}

TEST(what nobody says has a default) {
  start();
  CHECK_EQ(post(csv).status, 202);
  const auto what = submitted.take();
  CHECK_EQ(what.library, "default");
  CHECK_EQ(what.file_name, "");
  CHECK_EQ(object(what.key).object.http.content_type, "application/octet-stream");
}

TEST(packed files are known by their first bytes and stored packed) {
  start();
  CHECK_EQ(post(gzipped, "", "Content-Type: text/csv\r\n").status, 202);
  auto kept = object(submitted.take().key);
  CHECK(kept.body == gzipped);
  CHECK_EQ(kept.object.http.content_type, "application/gzip");
  CHECK_EQ(post(gzipped, "", "Content-Type: text/csv\r\nContent-Encoding: gzip\r\n").status, 202);
  kept = object(submitted.take().key);
  CHECK_EQ(kept.object.http.content_type, "text/csv");
  CHECK_EQ(kept.object.http.content_encoding, "gzip");
  CHECK_EQ(post(form(file("a.csv.gz", gzipped)), "", form_type).status, 202);
  kept = object(submitted.take().key);
  CHECK(kept.body == gzipped);
  CHECK_EQ(kept.object.http.content_type, "application/gzip");
  const auto r = post(csv, "", "Content-Encoding: gzip\r\n");
  CHECK_EQ(r.status, 400);
  CHECK(json::parse(r.body)["detail"].get<std::string>().find("does not begin as gzip does") != std::string::npos);
  CHECK_EQ(objects().size(), 3u);
}

TEST(the first file of a form is taken wherever the form is cut) {
  start();
  const auto body = form(field("note", "--cu\r\n--cu") + field("library", "home") + file("C:\\me\\b\xc3\xbc.csv", csv)
                         + file("b.csv", "second"));
  for (std::size_t cut = 0; cut < body.size(); cut += 3) {
    raw_client client{server->port()};
    client.send(head("", form_type + "Content-Length: " + std::to_string(body.size()) + "\r\n"));
    client.send(std::string_view{body}.substr(0, cut));
    client.send(std::string_view{body}.substr(cut));
    CHECK_EQ(client.read_response().status, 202);
    const auto what = submitted.take();
    CHECK_EQ(what.library, "home");
    CHECK_EQ(what.file_name, "b\xc3\xbc.csv");
    CHECK_EQ(object(what.key).body, csv);
  }
  CHECK_EQ(desk->held().now(), 0);
}

TEST(a form that arrives byte by byte in chunks is stored whole) {
  start();
  raw_client client{server->port()};
  client.send(head("?name=mine.csv", form_type + "Transfer-Encoding: chunked\r\n"));
  for (const char c : form(field("library", "a.b_c-D9") + file("ignored.csv", "\r\n--cu" + csv + "\r")))
    client.send("1\r\n" + std::string{c} + "\r\n");
  client.send("0\r\n\r\n");
  CHECK_EQ(client.read_response().status, 202);
  const auto what = submitted.take();
  CHECK_EQ(what.library, "a.b_c-D9");
  CHECK_EQ(what.file_name, "mine.csv");
  CHECK_EQ(object(what.key).body, "\r\n--cu" + csv + "\r");
}

TEST(a hundred megabytes pass in bounded memory) {
  max_bytes = 101'000'000;
  start();
  constexpr std::size_t piece = 1'000'000;
  constexpr int pieces = 100;
  const auto bytes = patterned(piece);
  storage::sha256_hash hash;
  for (int i = 0; i < pieces; ++i)
    hash.update(bytes);
  const auto sum = storage::to_hex(storage::as_text(hash.finish()));
  for (const bool in_form : {false, true}) {
    const std::string before = in_form ? file("big.csv", "") : "";
    const auto prefix = in_form ? before.substr(0, before.size() - 2) : "";
    const std::string suffix = in_form ? "\r\n--cut--\r\n" : "";
    raw_client client{server->port()};
    client.send(head("", (in_form ? form_type : "") + "Content-Length: "
                           + std::to_string(piece * pieces + prefix.size() + suffix.size()) + "\r\n"));
    client.send(prefix);
    for (int i = 0; i < pieces; ++i)
      REQUIRE(client.send(bytes));
    client.send(suffix);
    CHECK_EQ(client.read_response().status, 202);
    const auto what = submitted.take();
    CHECK_EQ(what.bytes, static_cast<std::int64_t>(piece * pieces));
    const auto info = value_of(look->head(what.key));
    REQUIRE(info.has_value());
    CHECK_EQ(info->sha256, sum);
  }
  CHECK(desk->held().most() > 0);
  CHECK(desk->held().most() <= static_cast<std::int64_t>(http::stream_buffer) + 80); // a delimiter's beginning
  CHECK_EQ(desk->held().now(), 0);
}

TEST(what is no upload is refused and nothing is stored) {
  start();
  struct wrong {
    std::string query, lines, body;
    int status;
    std::string says;
  };
  const std::vector<wrong> all{
    {"", "", "", 400, "the upload is empty"},
    {"", form_type, form(file("a.csv", "")), 400, "the upload is empty"},
    {"", form_type, form(field("library", "home")), 400, "form: expected a part with a file name"},
    {"", form_type, file("a.csv", csv), 400, "form: ends before its last boundary"},
    {"", form_type, csv, 400, "form: no boundary in it"},
    {"", form_type, form(file("a.csv", csv) + field("library", "home")), 400,
      "library: expected before the file in the form"},
    {"", form_type, form(field("library", "a b") + file("a.csv", csv)), 400,
      "library: expected 1 to 64 letters, digits, '.', '_' and '-'"},
    {"?library=one", form_type, form(field("library", "two") + file("a.csv", csv)), 400,
      "library: the form and the address say two names"},
    {"?library=", "", csv, 400, "library: expected 1 to 64 letters, digits, '.', '_' and '-'"},
    {"?library=" + std::string(65, 'a'), "", csv, 400, "library: expected 1 to 64 letters, digits, '.', '_' and '-'"},
    {"?library=a%2", "", csv, 400, ""},
    {"", "Content-Type: multipart/form-data\r\n", csv, 400, "Content-Type: boundary: missing"},
    {"", "Content-Type: application/json\r\n", "{}", 415, ""},
    {"", "Content-Encoding: br\r\n", csv, 415, "Content-Encoding: expected gzip or none"},
    {"", form_type + "Content-Encoding: gzip\r\n", gzipped, 415,
      "Content-Encoding: expected none for a form; the file in it may be gzip"},
  };
  for (const auto& w : all) {
    const auto r = post(w.body, w.query, w.lines);
    CHECK_EQ(r.status, w.status);
    const auto said = json::parse(r.body)["detail"].get<std::string>();
    if (!w.says.empty())
      CHECK_EQ(said, w.says);
  }
  CHECK(post("{}", "", "Content-Type: application/json\r\n").field("Accept").find("text/csv") != std::string::npos);
  CHECK_EQ(post(csv, "", "Content-Encoding: br\r\n").field("Accept-Encoding"), "gzip, identity");
  CHECK_EQ(post("", "", "").field("Content-Type"), "application/problem+json");
  CHECK_EQ(objects().size(), 0u);
  CHECK_EQ(body_files(), 0u);
  CHECK_EQ(submissions, 0);
}

TEST(a body over the limit is refused at once or in the middle and leaves nothing) {
  max_bytes = 1'000;
  start();
  raw_client declared{server->port()};
  declared.send(head("", "Content-Length: 1001\r\n"));
  CHECK_EQ(declared.read_response().status, 413);
  raw_client client{server->port()};
  client.send(head("", "Transfer-Encoding: chunked\r\n") + "3e8\r\n" + std::string(1'000, 'x') + "\r\n1\r\nx\r\n");
  CHECK_EQ(client.read_response().status, 413);
  CHECK(settled());
  CHECK_EQ(objects().size(), 0u);
  CHECK_EQ(body_files(), 0u);
  CHECK_EQ(post(std::string(1'000, 'x')).status, 202);
}

TEST(a client that leaves leaves nothing behind) {
  start();
  for (const auto& sent :
    {head("", "Content-Length: 100000\r\n") + csv, head("", "Content-Length: 100000\r\n"), // before the first byte
      head("", form_type + "Content-Length: 100000\r\n") + file("a.csv", csv)}) {
    raw_client client{server->port()};
    client.send(sent);
    CHECK(eventually([&] { return server->count().in_flight == 1; }));
    client.close();
    CHECK(settled());
  }
  CHECK_EQ(objects().size(), 0u);
  CHECK_EQ(body_files(), 0u);
  CHECK_EQ(desk->held().now(), 0);
  CHECK_EQ(submissions, 0);
  CHECK_EQ(refused(500), 0u); // that was no fault of ours
  CHECK_EQ(server->count().gone, 3u);
}

TEST(a client that is too slow gets 408 and leaves nothing behind) {
  limits.body_timeout = 50ms;
  start();
  raw_client client{server->port()};
  client.send(head("", "Content-Length: 100000\r\n") + csv);
  CHECK_EQ(client.read_response().status, 408);
  CHECK(settled());
  CHECK_EQ(objects().size(), 0u);
  CHECK_EQ(body_files(), 0u);
}

TEST(four are stored at once and a fifth is told to come again) {
  start();
  std::vector<raw_client> clients;
  for (std::size_t i = 0; i < uploads_at_once; ++i) {
    clients.emplace_back(server->port());
    clients.back().send(head("?library=l" + std::to_string(i), from(i) + "Content-Length: 10\r\n") + "01234");
  }
  CHECK(eventually([&] { return server->count().in_flight == uploads_at_once; }));
  CHECK(eventually([&] { return body_files() == uploads_at_once; }));
  const auto r = post(csv, "", from(9));
  CHECK_EQ(r.status, 503);
  CHECK_EQ(r.field("Retry-After"), "5");
  CHECK_EQ(json::parse(r.body)["detail"], "too many uploads at once");
  for (auto& client : clients) {
    client.send("56789");
    CHECK_EQ(client.read_response().status, 202);
  }
  CHECK_EQ(post(csv).status, 202);
  CHECK_EQ(objects().size(), uploads_at_once + 1);
}

TEST(those who send nothing of their file keep nobody from uploading) {
  start();
  std::vector<raw_client> idle;
  for (std::size_t i = 0; i < 4 * uploads_at_once; ++i) {
    idle.emplace_back(server->port());
    const auto form_head = form_type + from(i) + "Content-Length: 1000\r\n";
    idle.back().send(
      i % 2 == 0 ? head("", from(i) + "Content-Length: 10\r\n") : head("", form_head) + field("library", "home"));
  }
  CHECK(eventually([&] { return server->count().in_flight == idle.size(); }));
  CHECK_EQ(post(csv, "", from(99)).status, 202);
  // Who comes late with the first bytes is stored as long as there is room, and told to come again otherwise.
  std::vector<raw_client> busy;
  for (std::size_t i = 0; i < uploads_at_once; ++i) {
    busy.emplace_back(server->port());
    busy.back().send(head("", from(50 + i) + "Content-Length: 10\r\n") + "01234");
  }
  CHECK(eventually([&] { return body_files() == 1 + uploads_at_once; }));
  idle[0].send("0123456789");
  const auto late = idle[0].read_response();
  CHECK_EQ(late.status, 503);
  CHECK_EQ(json::parse(late.body)["detail"], "too many uploads at once");
  for (auto& client : busy) {
    client.send("56789");
    CHECK_EQ(client.read_response().status, 202);
  }
  idle[2].send("0123456789");
  CHECK_EQ(idle[2].read_response().status, 202);
}

TEST(a client uploads two files at once and is told to come again with a third) {
  start();
  std::vector<raw_client> clients;
  for (std::size_t i = 0; i < uploads_of_a_client; ++i) {
    clients.emplace_back(server->port());
    clients.back().send(head("", from(1) + "Content-Length: 10\r\n"));
  }
  CHECK(eventually([&] { return server->count().in_flight == uploads_of_a_client; }));
  const auto r = post(csv, "", from(1));
  CHECK_EQ(r.status, 429);
  CHECK_EQ(r.field("Retry-After"), "5");
  CHECK_EQ(post(csv, "", from(2)).status, 202);
  clients[0].send("0123456789");
  CHECK_EQ(clients[0].read_response().status, 202);
  CHECK_EQ(post(csv, "", from(1)).status, 202);
}

TEST(when no job can be made the object is removed and the error answered) {
  start();
  on_submit = [](const stored_upload&, auto done) {
    done(fail(ec::overloaded, "the library has too many jobs that wait"));
    done("too late");
  };
  const auto r = post(csv);
  CHECK_EQ(r.status, 503);
  CHECK_EQ(r.field("Retry-After"), "5");
  CHECK_EQ(json::parse(r.body)["detail"], "the library has too many jobs that wait");
  on_submit = [](const stored_upload&, auto done) {
    std::thread{[done] { done(fail(ec::bad_request, "no")); }}.detach();
  };
  CHECK_EQ(post(csv).status, 400);
  CHECK_EQ(submissions, 2);
  CHECK_EQ(objects().size(), 0u);
  CHECK_EQ(body_files(), 0u);
}

TEST(when nobody knows whether there is a job it is made once more and the object kept) {
  start();
  std::atomic<int> asked{0};
  for (const auto why : {ec::storage_failed, ec::deadline_exceeded, ec::cancelled}) {
    asked = 0;
    on_submit = [&](const stored_upload&, auto done) {
      if (++asked == 1)
        return done(fail(why, "the connection was lost while committing"));
      done("job-1");
    };
    CHECK_EQ(post(csv).status, 202);
    CHECK_EQ(asked.load(), 2);
  }
  asked = 0;
  on_submit = [&](const stored_upload&, auto) { ++asked; }; // nobody says a word
  const auto r = post(csv);
  CHECK_EQ(r.status, 500);
  CHECK_EQ(json::parse(r.body)["detail"], "the node's log says why");
  CHECK_EQ(asked.load(), 2);
  CHECK_EQ(objects().size(), 4u); // a job may need each of them
}

TEST(storage that fails is answered 503 without its secrets) {
  for (const auto at : {0, 10, 1'000'000}) { // before the first byte, in the middle, at the end
    failing_after = at;
    start();
    const auto r = post(csv);
    CHECK_EQ(r.status, 503);
    CHECK_EQ(r.field("Retry-After"), "5");
    CHECK_EQ(json::parse(r.body)["detail"], "the node's log says why");
    CHECK_EQ(removed.load(), 1); // for it may have been carried out and then failed
    CHECK_EQ(submissions, 0);
    stop();
  }
}

TEST(storage that fails stops a client in the middle of its body) {
  failing_after = 1;
  max_bytes = 100'000'000;
  start();
  raw_client client{server->port()};
  client.send(head("", "Content-Length: 100000000\r\n") + csv);
  CHECK_EQ(client.read_response().status, 503);
  CHECK(client.is_closed());
}

TEST(what is under way ends with 503 when the desk stops) {
  start();
  raw_client sending{server->port()};
  sending.send(head("", "Content-Length: 10\r\n") + "01234");
  CHECK(eventually([&] { return server->count().in_flight == 1; }));
  std::function<void(result<std::string>)> kept;
  mailbox<int> asked;
  on_submit = [&](const stored_upload&, auto done) {
    kept = done;
    asked.put(1);
  };
  raw_client waiting{server->port()};
  waiting.send(head("", "Content-Length: 5\r\n") + "01234");
  asked.take();
  desk->stop();
  CHECK_EQ(sending.read_response().status, 503);
  CHECK_EQ(waiting.read_response().status, 503);
  CHECK_EQ(post(csv).status, 503);
  kept("job-1"); // which may be there: its upload stays
  CHECK_EQ(objects().size(), 1u);
}

TEST(keys and the clients limit come before the body) {
  quota = {1, 60s};
  key_required = true;
  start();
  raw_client client{server->port()};
  client.send(head("", "Content-Length: 10\r\nExpect: 100-continue\r\n"));
  CHECK_EQ(client.read_response().status, 401); // and no 100 before it
  raw_client good{server->port()};
  good.send(head("", "Content-Length: 5\r\nExpect: 100-continue\r\nX-API-Key: secret\r\n"));
  CHECK_EQ(good.read_response().status, 100);
  good.send("01234");
  CHECK_EQ(good.read_response().status, 202);
  good.send(head("", "Content-Length: 5\r\nExpect: 100-continue\r\nX-API-Key: secret\r\n"));
  CHECK_EQ(good.read_response().status, 429);
}

CAF_TEST_FIXTURE_SCOPE_END()

TEST(a file name loses its folders and what cannot be shown) {
  CHECK_EQ(plain_file_name("a.csv"), "a.csv");
  CHECK_EQ(plain_file_name("/home/me/a.csv"), "a.csv");
  CHECK_EQ(plain_file_name("C:\\me\\a.csv"), "a.csv");
  CHECK_EQ(plain_file_name("../"), "");
  CHECK_EQ(plain_file_name(" \x01\x7f a\r\nb\xc2\x85.csv "), "ab.csv");
  CHECK_EQ(plain_file_name("\xff\xc3\xbc"), "\xef\xbf\xbd\xc3\xbc");
  CHECK_EQ(plain_file_name(std::string(300, 'x')).size(), 255u);
  CHECK_EQ(plain_file_name(std::string(254, 'x') + "\xc3\xbc").size(), 254u); // no half of it
}
