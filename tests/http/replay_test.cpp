#define TEST_SUITE replay_http
#include "tests/support/test.hpp"

#include "apps/replay/manifest.hpp"
#include "apps/replay/replay.hpp"
#include "tests/support/raw_client.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

using namespace troupe;
using nlohmann::json;
using test::raw_client;
using test::raw_response;

namespace {

/// A folder that goes when the test does.
struct temporary_folder {
  std::filesystem::path path;
  temporary_folder() {
    static int count = 0;
    path = std::filesystem::temp_directory_path()
           / ("troupe-replay-http-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
    std::filesystem::create_directories(path);
  }
  ~temporary_folder() { std::filesystem::remove_all(path); }

  [[nodiscard]] std::string write(const std::string& name, std::string_view content) const {
    std::ofstream{path / name, std::ios::binary} << content;
    return (path / name).string();
  }
};

/// A replay with two books.
struct fixture {
  temporary_folder folder;
  std::unique_ptr<replay::server> server;

  fixture() {
    replay::options o;
    o.catalogue = folder.write("books.csv", "isbn13,title,authors,year,publisher,language,subjects\n"
                                            "9780441013593,Dune,Frank Herbert,1965,Ace,en,Science fiction\n"
                                            "9780441172696,Dune Messiah,Frank Herbert,1969,Ace,en,Science fiction\n");
    auto started = replay::server::start(o);
    if (!started)
      CAF_FAIL(started.error().message);
    server = std::move(started.value());
  }

  [[nodiscard]] raw_client connect() const { return raw_client{server->port()}; }

  static std::string request(std::string_view method, std::string_view target, std::string_view body = "") {
    std::string out{method};
    out.append(" ").append(target).append(" HTTP/1.1\r\nHost: replay\r\n");
    if (!body.empty())
      out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
    return out.append("\r\n").append(body);
  }

  raw_response call(std::string_view method, std::string_view target, std::string_view body = "") const {
    auto client = connect();
    REQUIRE(client.send(request(method, target, body)));
    return client.read_response(method == "HEAD");
  }

  raw_response get(std::string_view target) const { return call("GET", target); }

  json set(std::string_view fault, int status = 200) const {
    const auto r = call("PUT", "/__replay/faults", fault);
    CHECK_EQ(r.status, status);
    return json::parse(r.body);
  }

  json stats() const { return json::parse(get("/__replay/stats").body); }
};

constexpr std::string_view search = "/books/v1/volumes?q=dune";

} // namespace

CAF_TEST_FIXTURE_SCOPE(replay_http_tests, fixture)

TEST(both book APIs answer over HTTP with their content type) {
  const auto google = get(search);
  CHECK_EQ(google.status, 200);
  CHECK_EQ(google.field("Content-Type"), "application/json; charset=UTF-8");
  CHECK_EQ(json::parse(google.body)["totalItems"], 2);
  const auto library = get("/search.json?q=dune%20u123");
  CHECK_EQ(library.field("Content-Type"), "application/json");
  CHECK_EQ(json::parse(library.body)["numFound"], 2);
  CHECK_EQ(json::parse(get("/isbn/9780441013593.json").body)["title"], "Dune");
  CHECK_EQ(call("HEAD", search).field("Content-Length"), std::to_string(google.body.size()));
}

TEST(a path of nobody is 404 in JSON) {
  const auto r = get("/nowhere");
  CHECK_EQ(r.status, 404);
  CHECK_EQ(json::parse(r.body)["error"], "Not Found");
  CHECK_EQ(call("POST", search, "{}").status, 404);
}

TEST(a status fault answers in the words of the provider and only there) {
  set(R"({"provider":"google","fault":"status","status":500,"retry_after_s":7})");
  const auto r = get(search);
  CHECK_EQ(r.status, 500);
  CHECK_EQ(r.field("Retry-After"), "7");
  CHECK_EQ(json::parse(r.body)["error"]["code"], 500);
  CHECK_EQ(get("/search.json?q=dune").status, 200);
}

TEST(a rate limit is 429 with Retry - After and the words of the provider) {
  set(R"({"provider":"openlibrary","fault":"rate_limited","retry_after_s":3})");
  const auto r = get("/search.json?q=dune");
  CHECK_EQ(r.status, 429);
  CHECK_EQ(r.field("Retry-After"), "3");
  CHECK(json::parse(r.body)["message"].get<std::string>().starts_with("Too Many Requests"));
}

TEST(an HTML page comes instead of JSON) {
  set(R"({"provider":"google","fault":"html","status":403})");
  const auto r = get(search);
  CHECK_EQ(r.status, 403);
  CHECK(r.field("Content-Type").starts_with("text/html"));
  CHECK(r.body.starts_with("<!doctype html>"));
  set(R"({"provider":"google","fault":"html"})");
  CHECK_EQ(get(search).status, 200);
}

TEST(malformed JSON is the body without its last third under a length that fits) {
  const auto whole = get(search).body;
  set(R"({"provider":"google","fault":"malformed"})");
  auto client = connect();
  client.send(request("GET", search) + request("GET", "/search.json?q=dune"));
  const auto r = client.read_response();
  CHECK_EQ(r.status, 200);
  CHECK_EQ(r.field("Content-Length"), std::to_string(r.body.size()));
  CHECK_EQ(r.body, whole.substr(0, whole.size() - whole.size() / 3));
  CHECK(json::parse(r.body, nullptr, false).is_discarded());
  CHECK_EQ(client.read_response().status, 200); // the connection lives
}

TEST(a truncated answer ends before its declared length) {
  const auto whole = get(search).body;
  set(R"({"provider":"google","fault":"truncate"})");
  auto client = connect();
  client.send(request("GET", search));
  const auto r = client.read_response(); // returns because the server closed
  CHECK_EQ(r.status, 200);
  CHECK_EQ(r.field("Content-Length"), std::to_string(whole.size()));
  CHECK_EQ(r.body, whole.substr(0, whole.size() / 2));
  CHECK(client.is_closed());
}

TEST(a reset closes the connection without an answer) {
  set(R"({"provider":"google","fault":"reset"})");
  auto client = connect();
  client.send(request("GET", search));
  errno = 0;
  const auto r = client.read_response();
  CHECK_EQ(errno, ECONNRESET); // an orderly close would leave it alone
  CHECK_EQ(r.status, 0);
  CHECK_EQ(r.head, "");
}

TEST(a hung call gets no answer while others do and ends with its client or with replay) {
  set(R"({"path":"/books/v1/volumes","fault":"hang"})");
  auto hung = connect();
  hung.send(request("GET", search));
  auto left = connect();
  left.send(request("GET", search));
  while (stats()["calls"]["google"] != 2) {
  }
  left.close();
  CHECK_EQ(get("/search.json?q=dune").status, 200);
  CHECK_EQ(stats()["log"][0]["fault"], "hang");
  server->stop();
  CHECK(hung.is_closed()); // not one byte came
}

TEST(latency delays the right answer) {
  set(R"({"provider":"google","fault":"latency","latency_ms":[30,40]})");
  const auto before = std::chrono::steady_clock::now();
  const auto r = get(search);
  CHECK(std::chrono::steady_clock::now() - before >= std::chrono::milliseconds{29});
  CHECK_EQ(json::parse(r.body)["totalItems"], 2);
  CHECK_EQ(stats()["log"][0]["fault"], "latency");
}

TEST(latency goes before another fault) {
  set(R"({"provider":"google","fault":"latency","latency_ms":5})");
  set(R"({"provider":"google","fault":"status","status":502,"latency_ms":5})");
  CHECK_EQ(get(search).status, 502);
  CHECK_EQ(stats()["log"][0]["fault"], "latency+status");
}

TEST(faults are listed and cleared and a wrong one names its field) {
  CHECK_EQ(set(R"({"provider":"google","fault":"hang","ratio":0.5})")["faults"].size(), 1u);
  CHECK_EQ(set(R"({"provider":"google","fault":"reset"})")["faults"].size(), 2u);
  CHECK_EQ(set(R"({"provider":"google","fault":"hang","ratio":0})")["faults"][0]["ratio"], 0.0);
  CHECK_EQ(set(R"({"provider":"google","fault":"hang","ratio":7})", 400)["error"],
    "ratio: expected a number from 0 to 1, got 7");
  CHECK_EQ(json::parse(get("/__replay/faults").body)["faults"].size(), 2u);
  CHECK_EQ(json::parse(call("DELETE", "/__replay/faults").body)["faults"], json::array());
  CHECK_EQ(get(search).status, 200);
}

TEST(control calls of a wrong kind are refused) {
  const auto r = call("POST", "/__replay/faults", "{}");
  CHECK_EQ(r.status, 405);
  CHECK_EQ(r.field("Allow"), "GET, HEAD, PUT, DELETE");
  CHECK_EQ(call("PUT", "/__replay/stats", "{}").status, 405);
  CHECK_EQ(get("/__replay/nothing").status, 404);
  CHECK_EQ(call("PUT", "/__replay/faults", std::string(20'000, ' ')).status, 413);
}

TEST(every call that arrives is counted with its time and control calls are not ) {
  set(R"({"provider":"google","fault":"reset"})");
  for (auto target : {"/books/v1/volumes?q=a", "/books/v1/volumes?q=b", "/search.json?q=c", "/nowhere"})
    static_cast<void>(get(target));
  const auto s = stats();
  CHECK_EQ(s["calls"]["google"], 2);
  CHECK_EQ(s["calls"]["openlibrary"], 1);
  CHECK_EQ(s["calls"]["other"], 1);
  CHECK_EQ(s["calls"]["anthropic"], 0);
  REQUIRE_EQ(s["log"].size(), 4u);
  CHECK_EQ(s["log"][1]["target"], "/books/v1/volumes?q=b");
  CHECK_EQ(s["log"][1]["fault"], "reset");
  CHECK_EQ(s["log"][2]["fault"], nullptr);
  for (std::size_t i = 1; i < 4; ++i)
    CHECK(s["log"][i]["t_ms"] >= s["log"][i - 1]["t_ms"]);
  CHECK_EQ(json::parse(call("DELETE", "/__replay/stats").body)["calls"]["google"], 0);
  CHECK(stats()["log"].empty());
}

TEST(faults can be set from the start and a start that cannot be says why) {
  replay::options o;
  CHECK_EQ(replay::server::start(o).error().message, "replay: expected a manifest or a catalogue, got neither");
  o.catalogue = folder.path / "books.csv";
  o.faults.push_back(replay::parse_fault(R"({"provider":"google","fault":"status","status":503})").value());
  auto faulty = replay::server::start(o);
  REQUIRE(faulty.has_value());
  raw_client client{faulty.value()->port()};
  client.send(request("GET", search));
  CHECK_EQ(client.read_response().status, 503);
  o.port = faulty.value()->port();
  auto second = replay::server::start(o);
  REQUIRE(!second);
  CHECK(second.error().message.find("in use") != std::string::npos);
}

TEST(recorded bodies go before the catalogue) {
  replay::options o;
  o.catalogue = folder.path / "books.csv";
  static_cast<void>(folder.write("body.json", "{\"recorded\": true}\n"));
  o.manifest = folder.write("MANIFEST.json", R"([{"file":"body.json","provider":"google_books",
    "endpoint":"GET /books/v1/volumes?q=dune","status":203,"content_type":"application/json"}])");
  auto both = replay::server::start(o);
  REQUIRE(both.has_value());
  raw_client client{both.value()->port()};
  client.send(request("GET", search) + request("GET", "/books/v1/volumes?q=messiah"));
  const auto recorded = client.read_response();
  CHECK_EQ(recorded.status, 203);
  CHECK_EQ(recorded.body, "{\"recorded\": true}\n");
  CHECK_EQ(json::parse(client.read_response().body)["totalItems"], 1);
}

CAF_TEST_FIXTURE_SCOPE_END()

namespace {

/// A target that fits an endpoint: wildcards filled in, the rest escaped where a request needs it.
std::string target_for(std::string endpoint) {
  endpoint.erase(0, endpoint.find(' ') + 1);
  if (const auto remark = endpoint.rfind(" ("); remark != std::string::npos && endpoint.ends_with(')'))
    endpoint.resize(remark);
  std::string out;
  for (std::size_t i = 0; i < endpoint.size(); ++i) {
    const char c = endpoint[i];
    if (c == '<') {
      out += "filled";
      i = endpoint.find('>', i);
    } else if (c == ' ') {
      out += "%20";
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      out += out.back() == '?' || out.back() == '=' || out.back() == ',' ? "z" : "";
    } else {
      out += c;
    }
  }
  return out;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

} // namespace

TEST(every recorded body of the book APIs comes back byte for byte) {
  const std::filesystem::path fixtures = TROUPE_SOURCE_DIR "/../shared/fixtures";
  if (!std::filesystem::exists(fixtures / "MANIFEST.json")) {
    std::cerr << "LEFT OUT: " << fixtures << " is not there; no recorded body was replayed\n";
    return;
  }
  // All of them load together. Several were recorded for one endpoint, where the first answers: so each is asked for of
  // a replay of its own.
  REQUIRE(replay::manifest::load((fixtures / "MANIFEST.json").string()).has_value());
  int bodies = 0;
  for (auto entry : json::parse(content_of(fixtures / "MANIFEST.json"))) {
    if (entry["provider"] != "google_books" && entry["provider"] != "open_library")
      continue;
    const temporary_folder folder;
    const auto file = fixtures / entry["file"].get<std::string>();
    entry["file"] = file;
    replay::options o;
    o.manifest = folder.write("MANIFEST.json", json::array({entry}).dump());
    auto one = replay::server::start(o);
    if (!one)
      CAF_FAIL(one.error().message);
    raw_client client{one.value()->port()};
    const auto target = target_for(entry["endpoint"]);
    client.send("GET " + target + " HTTP/1.1\r\nHost: replay\r\n\r\n");
    const auto r = client.read_response();
    CAF_MESSAGE(target);
    CHECK_EQ(r.status, entry["status"].get<int>());
    CHECK_EQ(r.field("Content-Type"), entry["content_type"].get<std::string>());
    CHECK(r.body == content_of(file));
    ++bodies;
  }
  CHECK(bodies >= 38);
}
