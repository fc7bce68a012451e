#define TEST_SUITE http_strict
#include "tests/support/test.hpp"

#include "apps/http/chunked.hpp"
#include "apps/http/strict.hpp"

using namespace troupe::http;
using namespace std::string_literals;

namespace {

using kind = head_scanner::verdict::kind;

head_scanner::verdict scan(std::string_view bytes) {
  return head_scanner{100, 1'000}.scan(bytes);
}

// The status that a complete text is refused with; 0: accepted; -1: more is wanted.
int status_of(std::string_view bytes) {
  auto v = scan(bytes);
  return v.what == kind::complete ? 0 : v.what == kind::incomplete ? -1 : v.why.status;
}

struct decoded {
  int status = 0; // 0: well-formed so far
  bool done = false;
  std::size_t consumed = 0;
  std::string body;
};

decoded decode(std::string_view bytes, std::size_t piece = 1'000'000, std::size_t bound = 1'000) {
  chunked_decoder d;
  decoded out;
  while (!bytes.empty() && !out.done && out.status == 0) {
    auto got = d.feed(bytes.substr(0, piece), out.body, bound);
    out.consumed += got.consumed;
    out.done = got.done;
    out.status = got.why.status;
    bytes.remove_prefix(std::min(bytes.size(), piece));
  }
  return out;
}

} // namespace

TEST(a well formed head is complete exactly behind its empty line) {
  auto head = "GET /a%20b?c=%zz HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"s;
  auto v = scan(head + "GET /next");
  CHECK(v.what == kind::complete);
  CHECK_EQ(v.begin, 0U);
  CHECK_EQ(v.end, head.size());
}

TEST(a head that arrives byte by byte is judged like one that arrives at once) {
  auto head = "\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"s;
  head_scanner s{100, 1'000};
  for (std::size_t n = 1; n < head.size(); ++n)
    CHECK(s.scan(std::string_view{head}.substr(0, n)).what == kind::incomplete);
  auto v = s.scan(head);
  CHECK(v.what == kind::complete);
  CHECK_EQ(v.begin, 2U);
  CHECK_EQ(v.end, head.size());
}

TEST(request lines are accepted in origin form alone) {
  for (auto good :
    {"GET / HTTP/1.1", "GET //x HTTP/1.1", "OPTIONS * HTTP/1.1", "M-SEARCH /%41?%zz HTTP/1.1", "GET / HTTP/1.7"})
    CHECK_EQ(check_request_line(good, 100).status, 0);
  for (auto bad :
    {"GET  HTTP/1.1", "GET /", "GET", "", " GET / HTTP/1.1", "G<ET / HTTP/1.1", "GET /a b HTTP/1.1", "GET  / HTTP/1.1",
      "GET /\t HTTP/1.1", "GET /\x01 HTTP/1.1", "GET /\xc3\xa9 HTTP/1.1", "GET /#a HTTP/1.1", "GET http://x/ HTTP/1.1",
      "GET * HTTP/1.1", "CONNECT x:80 HTTP/1.1", "GET /%zz HTTP/1.1", "GET /% HTTP/1.1", "GET /%4 HTTP/1.1",
      "GET /%4?1 HTTP/1.1", "GET / HTTP/1.", "GET / HTTP/1.10", "GET / http/1.1", "GET / HTTP/x.1", "GET / HTTP/1.1 "})
    CHECK_EQ(check_request_line(bad, 100).status, 400);
  for (auto other : {"GET / HTTP/2.0", "PRI * HTTP/2.0", "GET / HTTP/0.9"})
    CHECK_EQ(check_request_line(other, 100).status, 505);
}

TEST(a target is bounded whether or not its line has ended) {
  CHECK_EQ(status_of("GET /" + std::string(99, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
  CHECK_EQ(status_of("GET /" + std::string(100, 'a') + " HTTP/1.1\r\n"), 414);
  CHECK_EQ(status_of("GET /" + std::string(200, 'a')), 414);
}

TEST(a head is bounded whether or not it has ended) {
  auto line = "GET / HTTP/1.1\r\nHost: x\r\n"s;
  CHECK_EQ(status_of(line + "A: " + std::string(1'000, 'a')), 431);
  CHECK_EQ(status_of(line + "A: " + std::string(1'000, 'a') + "\r\n\r\n"), 431);
  CHECK_EQ(status_of(line + "A: " + std::string(900, 'a') + "\r\n\r\n"), 0);
}

TEST(fields that two parsers could read differently are refused) {
  for (auto bad : {"Content-Length : 5", "Content-Length: +5", "Content-Length: -5",
         "Content-Length:", "Content-Length: 5 5", "Content-Length: 5,5", "Content-Length: 0x5",
         "Content-Length: 9999999999999999999", "Content-Length: 5\r\nContent-Length: 5",
         "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
         "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity",
         "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: \"chunked\"",
         "Transfer-Encoding:", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "A: b\r\n c", "A: b\r\n\tc",
         "A: b\nC: d", "A: b\rC: d", ": b", "A b: c", "A", "A\x80: b", "A: \x7f", "Host: y", "A: b\r\n \r\n"})
    CHECK_EQ(status_of("POST / HTTP/1.1\r\nHost: x\r\n"s + bad + "\r\n\r\n"), 400);
  CHECK_EQ(status_of("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"s), 400);
  CHECK_EQ(status_of("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"s), 400);
  CHECK_EQ(status_of("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"s), 400);
  CHECK_EQ(status_of("GET / HTTP/1.1\r\n Host: x\r\n\r\n"s), 400);
  CHECK_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  CHECK_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  CHECK_EQ(status_of("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
}

TEST(fields in unusual but unambiguous forms pass) {
  for (auto good :
    {"content-LENGTH:5", "Transfer-Encoding: \tCHUNKED ", "A:", "A: b\tc \xc3\xa9", "A: ::", "!#$%&'*+-.^_`|~: x"})
    CHECK_EQ(status_of("POST / HTTP/1.1\r\nhOsT: [::1]:80\r\n"s + good + "\r\n\r\n"), 0);
  CHECK_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 0);
}

TEST(what cannot become a request is refused before its line ends) {
  CHECK_EQ(status_of("\x16\x03\x01"), 400); // a TLS client hello
  CHECK_EQ(status_of("GET / HTTP/1.1\n"), 400);
  CHECK_EQ(status_of("\n"), 400);
  CHECK_EQ(status_of("GET /\r\n"), 400);
}

TEST(a chunked body decodes alike in pieces of any size) {
  auto text = "5\r\nhello\r\n00006;name=\"v w\"\r\n world\r\n0\r\nX-Sum: 1\r\n\r\nGET /"s;
  for (std::size_t piece : {1U, 2U, 3U, 7U, 1'000U}) {
    auto d = decode(text, piece);
    CHECK_EQ(d.status, 0);
    CHECK(d.done);
    CHECK_EQ(d.body, "hello world");
    CHECK_EQ(d.consumed, text.size() - 5);
  }
}

TEST(malformed chunks are refused as soon as they are seen) {
  for (auto bad :
    {"-5\r\n", "+5", "0x5", "g\r\n", "\r\n", " 5\r\n", "5 \r\n", "5\n", "5\rx", "5;a\n", "5;a=\x01", ";\r\n",
      "1000000000000000", "0000000000000000005\r\n", "2\r\nabc", "2\r\nab\n", "2\r\nab\rx", "0\r\n\n", "0\r\nX: a\n",
      "0\r\nno colon\r\n", "0\r\nContent-Length: 5\r\n", "0\r\ntransfer-encoding: chunked\r\n", "0\r\n A: b\r\n"})
    CHECK_EQ(decode(bad).status, 400);
}

TEST(a chunked body is refused when a chunk announces more than the bound leaves) {
  CHECK_EQ(decode("3e8\r\n", 100, 1'000).status, 0);
  CHECK_EQ(decode("3e9\r\n", 100, 1'000).status, 413);
  auto d = decode("6\r\nabcdef\r\n5\r\n", 100, 10);
  CHECK_EQ(d.status, 413);
  CHECK_EQ(d.body, "abcdef");
}

TEST(chunk extensions and trailers cannot grow without bound) {
  CHECK_EQ(decode("5;" + std::string(20'000, 'a')).status, 400);
  CHECK_EQ(decode("0\r\nA: " + std::string(20'000, 'a')).status, 400);
}
