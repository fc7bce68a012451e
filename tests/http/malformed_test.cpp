#define TEST_SUITE http_malformed
#include "tests/support/test.hpp"

#include "tests/http/fixture.hpp"

#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::test;
using namespace std::string_literals;

namespace {

// A second request rides behind each malformed one: whoever reads the first wrongly answers the second.
const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

struct row {
  const char* what;
  std::string bytes;
};

std::vector<row> malformed() {
  auto get = [](std::string fields) { return "GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n\r\n"; };
  auto post = [](std::string fields, std::string body = "hello") {
    return "POST / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n\r\n" + body;
  };
  auto chunks = [&](std::string body) { return post("Transfer-Encoding: chunked", std::move(body)); };
  return {
    {"Content-Length and Transfer-Encoding", post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n")},
    {"Transfer-Encoding and Content-Length", post("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n")},
    {"two different Content-Length", post("Content-Length: 5\r\nContent-Length: 6")},
    {"two equal Content-Length", post("Content-Length: 5\r\nContent-Length: 5")},
    {"a list in Content-Length", post("Content-Length: 5, 5")},
    {"space before the colon", post("Content-Length : 5")},
    {"a sign in Content-Length", post("Content-Length: +5")},
    {"negative Content-Length", post("Content-Length: -5")},
    {"empty Content-Length", post("Content-Length:")},
    {"Content-Length beyond 64 bits", post("Content-Length: 18446744073709551621")},
    {"unknown coding", chunks("").replace(0, 0, "").replace(chunks("").find("chunked"), 7, "xchunked")},
    {"chunked is not last", post("Transfer-Encoding: chunked, identity", "5\r\nhello\r\n0\r\n\r\n")},
    {"identity", post("Transfer-Encoding: identity")},
    {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n")},
    {"chunked behind a vertical tab", post("Transfer-Encoding: \vchunked", "0\r\n\r\n")},
    {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"obs-fold", get("A: b\r\n c")},
    {"obs-fold in Transfer-Encoding", post("Transfer-Encoding:\r\n chunked", "0\r\n\r\n")},
    {"LF alone in the head", "GET / HTTP/1.1\nHost: x\n\n"},
    {"LF alone behind one field", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n"},
    {"CR alone in a value", get("A: b\rContent-Length: 5")},
    {"LF alone behind a chunk size", chunks("5\nhello\r\n0\r\n\r\n")},
    {"LF alone in a chunk extension", chunks("5;a\nb\r\nhello\r\n0\r\n\r\n")},
    {"LF alone behind a chunk", chunks("5\r\nhello\n0\r\n\r\n")},
    {"a chunk longer than its size", chunks("5\r\nhelloworld\r\n0\r\n\r\n")},
    {"negative chunk size", chunks("-5\r\nhello\r\n0\r\n\r\n")},
    {"chunk size in C notation", chunks("0x5\r\nhello\r\n0\r\n\r\n")},
    {"garbage for a chunk size", chunks("xyz\r\nhello\r\n0\r\n\r\n")},
    {"chunk size beyond 64 bits", chunks("10000000000000005\r\nhello\r\n0\r\n\r\n")},
    {"framing in a trailer", chunks("0\r\nContent-Length: 5\r\n\r\n")},
    {"NUL in a value", get("A: b\0c"s)},
    {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"s},
    {"no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n"},
    {"two Hosts", get("Host: y")},
    {"a path in Host", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n"},
    {"absolute-form", "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"},
    {"authority-form", "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n"},
    {"asterisk-form for GET", "GET * HTTP/1.1\r\nHost: x\r\n\r\n"},
    {"escape that is not hexadecimal", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"},
    {"escape that is cut off", "GET /% HTTP/1.1\r\nHost: x\r\n\r\n"},
    {"space before the first field", "GET / HTTP/1.1\r\n Host: x\r\n\r\n"},
    {"space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"},
    {"control character in the target", "GET /a\x01 HTTP/1.1\r\nHost: x\r\n\r\n"},
    {"no version", "GET /\r\n"},
    {"malformed version", "GET / HTTP/1.1.1\r\nHost: x\r\n\r\n"},
    {"method that is no token", "G<ET / HTTP/1.1\r\nHost: x\r\n\r\n"},
    {"field name that is no token", get("A(b): c")},
    {"field without a name", get(": c")},
    {"field without a colon", get("Abc")},
    {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s},
  };
}

} // namespace

TEST(each malformed request ends in one 400 and a closed connection) {
  http_fixture f;
  auto port = f.start();
  std::uint64_t sent = 0;
  for (const auto& r : malformed()) {
    CAF_MESSAGE(r.what);
    raw_client client{port};
    client.send(r.bytes + smuggled);
    auto answer = client.read_response();
    CHECK_EQ(answer.status, 400);
    CHECK_EQ(answer.field("Connection"), "close");
    CHECK_EQ(answer.field("Content-Type"), "application/json");
    CHECK(!nlohmann::json::parse(answer.body)["error"].get<std::string>().empty());
    CHECK_EQ(client.read_all(), "");
    CHECK_EQ(f.refused(400), ++sent);
  }
  CHECK_EQ(f.server->count().requests, 0U); // the handler has seen none of it
}

TEST(a malformed request behind good ones does not lose their answers) {
  http_fixture f;
  auto port = f.start();
  raw_client client{port};
  client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\n\r\n" + smuggled);
  CHECK_EQ(client.read_response().body, "GET /1|");
  CHECK_EQ(client.read_response().body, "GET /2|");
  CHECK_EQ(client.read_response().status, 400);
  CHECK_EQ(client.read_all(), "");
}

TEST(another major version gets 505 and a higher minor version is served) {
  http_fixture f;
  auto port = f.start();
  CHECK_EQ(raw_exchange(port, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").substr(0, 12), "HTTP/1.1 505");
  raw_client client{port};
  client.send("GET /a HTTP/1.3\r\nHost: x\r\n\r\n");
  CHECK_EQ(client.read_response().body, "GET /a|");
}

TEST(a target or a head over its bound gets 414 or 431) {
  http_fixture f;
  f.limits.target_bytes = 100;
  f.limits.header_bytes = 400;
  auto port = f.start();
  CHECK_EQ(
    raw_exchange(port, "GET /" + std::string(100, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n").substr(0, 12), "HTTP/1.1 414");
  CHECK_EQ(raw_exchange(port, "GET /" + std::string(10'000, 'a')).substr(0, 12), "HTTP/1.1 414");
  auto fields = "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(400, 'a');
  CHECK_EQ(raw_exchange(port, fields).substr(0, 12), "HTTP/1.1 431");
  CHECK_EQ(raw_exchange(port, fields + "\r\n\r\n").substr(0, 12), "HTTP/1.1 431");
}
