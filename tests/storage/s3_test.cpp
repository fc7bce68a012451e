// What is the S3 back-end's own: pre-signed addresses and multipart uploads against a real server; and, against a small
// server of the test's own, what s3rver does not do or cannot be made to do: it does NOT VERIFY V4 signatures and
// ignores the conditions of a put. The small server verifies every request with our verifier, which signature_test.cpp
// proves on Amazon's vectors; it also refuses, redirects and breaks connections.
#define TEST_SUITE objects_s3
#include "tests/support/test.hpp"

#include "storage/s3/format.hpp"
#include "storage/s3/store.hpp"
#include "tests/support/objects.hpp"
#include "tests/support/results.hpp"
#include "tests/support/s3_server.hpp"
#include "tests/support/tiny_server.hpp"

#include <mutex>
#include <sstream>

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::patterned;
using test::tiny_server;
using test::value_of;

namespace {

constexpr std::int64_t now_s = 1'700'000'000;
const auto key_pair = s3::credentials{"AKIDEXAMPLE", "a-secret-that-nobody-may-see"};

/// A request as the small server had it, its signature already verified.
struct seen {
  std::string method;
  std::string target;
  fields headers;
  std::string body;

  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [each, value] : headers)
      if (each == name)
        return value;
    return {};
  }
};

seen parse(const std::string& text) {
  auto out = seen{};
  const auto end = text.find("\r\n\r\n");
  out.body = text.substr(end + 4);
  auto lines = std::istringstream{text.substr(0, end)};
  auto line = std::string{};
  std::getline(lines, line);
  out.method = line.substr(0, line.find(' '));
  out.target = line.substr(out.method.size() + 1, line.rfind(' ') - out.method.size() - 1);
  while (std::getline(lines, line)) {
    if (line.ends_with('\r'))
      line.pop_back();
    const auto colon = line.find(':');
    out.headers.emplace_back(line.substr(0, colon), line.substr(std::min(colon + 2, line.size())));
  }
  return out;
}

std::string answer(int status, const std::string& headers = {}, const std::string& body = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " x\r\n" + headers + "Content-Length: " + std::to_string(body.size())
         + "\r\n\r\n" + body;
}

std::string refusal(const std::string& code) {
  return "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>m</Message></Error>";
}

/// A server whose answers a test scripts, and a bucket on it. An empty answer closes the connection.
class scripted {
public:
  using answers = std::function<std::string(const seen&, std::size_t number)>;

  explicit scripted(answers script, const std::function<void(s3::options&)>& adjust = {})
      : script_{std::move(script)}, server_{[this](auto& client) { serve(client); }} {
    auto options = s3::options{};
    options.endpoint = "http://127.0.0.1:" + std::to_string(server_.port());
    options.bucket = "bucket";
    options.who = key_pair;
    options.now_s = [] { return now_s; };
    options.sleep = [this](std::chrono::milliseconds) { ++waits; };
    if (adjust)
      adjust(options);
    bucket = value_of(s3::store::open(options));
  }

  [[nodiscard]] std::vector<seen> requests() {
    auto guard = std::lock_guard{mutex_};
    return requests_;
  }
  [[nodiscard]] std::string complaint() {
    auto guard = std::lock_guard{mutex_};
    return complaint_;
  }
  void forget_complaint() {
    auto guard = std::lock_guard{mutex_};
    complaint_.clear();
  }
  [[nodiscard]] std::string port() const { return std::to_string(server_.port()); }

  int waits = 0;
  std::unique_ptr<s3::store> bucket;

private:
  void serve(tiny_server::connection& client) {
    for (auto text = client.read_request(); !text.empty(); text = client.read_request()) {
      auto request = parse(text);
      auto reply = std::string{};
      {
        auto guard = std::lock_guard{mutex_};
        check_signature(request);
        requests_.push_back(request);
        reply = script_(request, requests_.size());
      }
      if (reply.empty())
        return;
      if (reply == "never")
        return client.wait_for_close();
      if (!client.write(reply) || reply.find("Connection: close") != std::string::npos)
        return;
    }
  }

  void check_signature(const seen& request) {
    const auto question = std::min(request.target.find('?'), request.target.size());
    const auto query = s3::parse_query(request.target.substr(std::min(question + 1, request.target.size())));
    const auto path = s3::uri_decode(request.target.substr(0, question));
    const auto secret = [](std::string_view id) {
      return id == key_pair.access_key_id ? std::optional{key_pair.secret_access_key} : std::nullopt;
    };
    auto verified = s3::verify({request.method, path.value(), query.value(), request.headers}, {}, secret, now_s);
    if (!verified)
      complaint_ = verified.error().message;
    else if (verified.value().payload_hash != s3::unsigned_payload
             && verified.value().payload_hash != to_hex(as_text(sha256(request.body))))
      complaint_ = "the payload does not have its hash";
  }

  std::mutex mutex_;
  std::vector<seen> requests_;
  std::string complaint_;
  answers script_;
  tiny_server server_; // last: its threads use what is above
};

std::string body_of(objects& bucket, std::string_view key, const get_options& options = {}) {
  auto got = value_of(get_whole(bucket, key, options));
  return got ? got->body : "(none)";
}

/// One request to a pre-signed address, with no credentials at hand.
s3::wire_response plain_request(const std::string& method, const std::string& url, std::string_view body = {}) {
  auto request = s3::wire_request{};
  request.method = method;
  request.url = url;
  request.body = body;
  return s3::wire{{}}.perform(request);
}

} // namespace

TEST(a pre-signed address lets anybody put and get that one object on a real server) {
  auto& server = test::shared_s3_server();
  const auto bucket = server.fresh_bucket();
  const auto key = std::string{"uploads/1-Bücher & mehr+.csv"};
  const auto put_url = value_of(bucket->presign(presign_method::put, key));
  CHECK(put_url.find("X-Amz-Expires=3600") != std::string::npos);
  CHECK(put_url.find("S3RVER%2F") != std::string::npos);
  CHECK_EQ(plain_request("PUT", put_url, "isbn\n").status, 200);
  CHECK_EQ(body_of(*bucket, key), "isbn\n");
  const auto get_url = value_of(bucket->presign(presign_method::get, key, std::chrono::seconds{60}));
  const auto got = plain_request("GET", get_url);
  CHECK_EQ(got.status, 200);
  CHECK_EQ(got.body, "isbn\n");
  CHECK_EQ(error_of(bucket->presign(presign_method::get, key, std::chrono::seconds{0})).message,
    "expires: expected 1 to 604800 seconds, got 0");
  CHECK(error_of(bucket->presign(presign_method::get, key, std::chrono::hours{24 * 7 + 1})).code == ec::bad_request);
}

TEST(a pre-signed address holds for its method and its object and for nothing else) {
  auto s3 = scripted{[](const seen&, std::size_t) { return answer(200); }};
  const auto get_url = value_of(s3.bucket->presign(presign_method::get, "a b"));
  CHECK_EQ(plain_request("GET", get_url).status, 200);
  CHECK_EQ(plain_request("PUT", value_of(s3.bucket->presign(presign_method::put, "a b")), "any body").status, 200);
  CHECK_EQ(s3.complaint(), "");
  CHECK_EQ(plain_request("PUT", get_url, "x").status, 200);
  CHECK_EQ(s3.complaint(), "signature: is not the one that this request must have");
  s3.forget_complaint();
  auto other = get_url;
  other.replace(other.find("/a%20b"), 6, "/a%20c");
  CHECK_EQ(plain_request("GET", other).status, 200);
  CHECK_EQ(s3.complaint(), "signature: is not the one that this request must have");
  CHECK(get_url.find(key_pair.secret_access_key) == std::string::npos);
}

TEST(a missing bucket is an error that another try cannot help) {
  const auto options = test::shared_s3_server().options("bucket-of-nobody");
  auto nowhere = value_of(s3::store::open(options));
  for (const auto& failed :
    {error_of(nowhere->put("k", source_of("x"), {})), error_of(nowhere->list()), error_of(get_whole(*nowhere, "k"))}) {
    CHECK(failed.code == ec::storage_unusable);
    CHECK_EQ(failed.message, "bucket bucket-of-nobody: does not exist at " + options.endpoint);
  }
}

TEST(wrong credentials are an error that names none of them) {
  auto s3 = scripted{[](const seen&, std::size_t) { return answer(403, {}, refusal("SignatureDoesNotMatch")); }};
  const auto refused = error_of(s3.bucket->put("k", source_of("x"), {}));
  CHECK(refused.code == ec::storage_unusable);
  CHECK_EQ(refused.message, "object k: http://127.0.0.1:" + s3.port()
                              + " answered 403 SignatureDoesNotMatch: expected credentials that may do this");
  CHECK_EQ(s3.requests().size(), 1u);
}

TEST(a bucket is made once and again) {
  auto& server = test::shared_s3_server();
  auto bucket = server.fresh_bucket();
  CHECK(bucket->create_bucket().has_value());
}

TEST(settings that cannot be right are refused by name) {
  const auto complaint = [](const std::function<void(s3::options&)>& change) {
    auto options = s3::options{};
    options.endpoint = "https://s3.example.org";
    options.bucket = "bucket";
    options.who = key_pair;
    change(options);
    const auto refused = error_of(s3::store::open(options));
    CHECK(refused.code == ec::config_invalid);
    return refused.message.substr(0, refused.message.find(':'));
  };
  for (const auto* wrong : {"", "s3.example.org", "ftp://x", "http://", "http://host/path", "http://user@host"})
    CHECK_EQ(complaint([&](auto& o) { o.endpoint = wrong; }), "endpoint");
  for (const auto* wrong : {"", "ab", "Bucket", "a..b", "-ab", "a_b", "a/b"})
    CHECK_EQ(complaint([&](auto& o) { o.bucket = wrong; }), "bucket");
  CHECK_EQ(complaint([](auto& o) { o.who.secret_access_key.clear(); }), "credentials");
}

TEST(a refusal for the moment is tried again and then it is done) {
  auto s3 = scripted{[](const seen&, std::size_t number) {
    const int statuses[] = {503, 500, 429};
    return number <= 3 ? answer(statuses[number - 1], {}, refusal("SlowDown")) : answer(200, "ETag: \"e1\"\r\n");
  }};
  const auto stored = value_of(s3.bucket->put("a b", source_of("body"), {.http = {.content_type = "text/plain"}}));
  CHECK_EQ(stored->etag, "e1");
  CHECK_EQ(s3.waits, 3);
  for (const auto& each : s3.requests()) {
    CHECK_EQ(each.target, "/bucket/a%20b");
    CHECK_EQ(each.body, "body");
    CHECK_EQ(each.header("Content-Type"), "text/plain");
  }
  CHECK_EQ(s3.complaint(), "");
}

TEST(after its attempts a request fails with the word of the server and without a secret) {
  auto s3 = scripted{[](const seen&, std::size_t) { return answer(503, {}, refusal("SlowDown")); }};
  for (const auto& failed : {error_of(s3.bucket->put("k", source_of("x"), {})), error_of(get_whole(*s3.bucket, "k")),
         error_of(s3.bucket->remove("k"))}) {
    CHECK(failed.code == ec::storage_failed);
    CHECK_EQ(failed.message, "object k: http://127.0.0.1:" + s3.port() + " answered 503 SlowDown");
  }
  CHECK_EQ(s3.requests().size(), 12u);
}

TEST(a server that does not answer in time is an error) {
  auto s3 = scripted{[](const seen&, std::size_t) { return std::string{"never"}; },
    [](s3::options& o) {
      o.limits.request = std::chrono::milliseconds{50};
      o.attempts = 2;
    }};
  const auto failed = error_of(s3.bucket->head("k"));
  CHECK(failed.code == ec::storage_failed);
  CHECK(failed.message.find("Timeout was reached") != std::string::npos);
  CHECK_EQ(s3.requests().size(), 2u);
}

TEST(nobody there is an error and no crash) {
  auto options = s3::options{};
  options.endpoint = "http://127.0.0.1:1"; // tcpmux: nobody listens
  options.bucket = "bucket";
  options.who = key_pair;
  options.now_s = [] { return now_s; };
  options.sleep = [](auto) {};
  const auto failed = error_of(value_of(s3::store::open(options))->list());
  CHECK(failed.code == ec::storage_failed);
  CHECK(failed.message.find("bucket bucket: http://127.0.0.1:1: Couldn't connect") == 0);
}

TEST(a put carries its conditions and a 412 is no error) {
  auto s3 = scripted{[](const seen& request, std::size_t) {
    const auto there = request.header("If-None-Match") == "*" || request.header("If-Match") == "\"old\"";
    return there ? answer(412, {}, refusal("PreconditionFailed")) : answer(200, "ETag: \"new\"\r\n");
  }};
  CHECK(!value_of(s3.bucket->put("k", source_of("x"), {.only = {.if_none_match = "*"}})));
  CHECK(!value_of(s3.bucket->put("k", source_of("x"), {.only = {.if_match = "old"}})));
  CHECK(value_of(s3.bucket->put("k", source_of("x"), {.only = {.if_match = "right"}})));
  CHECK_EQ(s3.requests().back().header("If-Match"), "\"right\"");
  CHECK_EQ(s3.complaint(), "");
}

TEST(a conditional put without an answer is not repeated and says that nobody knows) {
  auto s3 = scripted{[](const seen&, std::size_t) { return std::string{}; }};
  const auto failed = error_of(s3.bucket->put("k", source_of("x"), {.only = {.if_none_match = "*"}}));
  CHECK(failed.code == ec::storage_failed);
  CHECK(failed.message.ends_with("; it is not known whether it was done"));
  CHECK_EQ(s3.requests().size(), 1u);
}

TEST(a get goes on where its connection broke) {
  const auto body = patterned(100'000);
  auto s3 = scripted{[&](const seen& request, std::size_t number) {
    if (number == 1)
      return "HTTP/1.1 200 x\r\nETag: \"e\"\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n"
             + body.substr(0, 40'000);
    const auto first = static_cast<std::size_t>(std::stoi(request.header("Range").substr(6)));
    return answer(
      206, "ETag: \"e\"\r\nContent-Range: bytes " + std::to_string(first) + "-99999/100000\r\n", body.substr(first));
  }};
  const auto got = value_of(get_whole(*s3.bucket, "k"));
  CHECK(got->body == body);
  CHECK_EQ(got->object.size, 100'000);
  const auto again = s3.requests().back();
  CHECK_EQ(again.header("Range"), "bytes=40000-99999");
  CHECK_EQ(again.header("If-Match"), "\"e\"");
  CHECK_EQ(s3.complaint(), "");
}

TEST(an object that was replaced while it was read is an error) {
  auto s3 = scripted{[&](const seen&, std::size_t number) {
    return number == 1
             ? std::string{"HTTP/1.1 200 x\r\nETag: \"e\"\r\nConnection: close\r\nContent-Length: 10\r\n\r\n0123"}
             : answer(412, {}, refusal("PreconditionFailed"));
  }};
  auto bytes = std::string{};
  const auto failed = error_of(s3.bucket->get("k", [&](const auto&, std::string_view piece) {
    bytes.append(piece);
    return true;
  }));
  CHECK_EQ(bytes, "0123");
  CHECK_EQ(failed.message, "object k: was replaced while it was read, after 4 of 10 bytes");
}

TEST(a server that ignores a range is read as one that knows it) {
  auto s3 = scripted{[&](const seen&, std::size_t) { return answer(200, "ETag: \"e\"\r\n", "0123456789"); }};
  CHECK_EQ(body_of(*s3.bucket, "k", {.range = {3, 4}}), "3456");
}

TEST(a redirect is not followed and credentials go nowhere else) {
  auto s3 = scripted{[](const seen&, std::size_t) {
    return answer(307, "Location: http://127.0.0.1:1/elsewhere\r\n", refusal("TemporaryRedirect"));
  }};
  const auto failed = error_of(s3.bucket->put("k", source_of("x"), {}));
  CHECK(failed.code == ec::storage_unusable);
  CHECK(failed.message.ends_with("the bucket is elsewhere; expected its own region and endpoint"));
  CHECK_EQ(s3.requests().size(), 1u);
}

TEST(a clock that is wrong is named) {
  auto s3 = scripted{[](const seen&, std::size_t) { return answer(403, {}, refusal("RequestTimeTooSkewed")); }};
  CHECK(error_of(s3.bucket->list()).message.find("clock") != std::string::npos);
}

TEST(an upload in parts that fails is aborted) {
  const auto body = patterned((33 << 20) + 1);
  auto s3 = scripted{[](const seen& request, std::size_t) {
    if (request.method == "POST")
      return answer(
        200, {}, "<InitiateMultipartUploadResult><UploadId>u/1+2</UploadId></InitiateMultipartUploadResult>");
    if (request.method == "DELETE")
      return answer(204);
    return request.target.find("partNumber=2") != std::string::npos ? answer(400, {}, refusal("BadDigest"))
                                                                    : answer(200, "ETag: \"p\"\r\n");
  }};
  const auto failed = error_of(s3.bucket->put("k", source_of(body), {}));
  CHECK(failed.message.ends_with("answered 400 BadDigest"));
  const auto requests = s3.requests();
  REQUIRE_EQ(requests.size(), 4u);
  CHECK_EQ(requests[0].target, "/bucket/k?uploads=");
  CHECK_EQ(requests[1].target, "/bucket/k?partNumber=1&uploadId=u%2F1%2B2");
  CHECK_EQ(requests[1].body.size(), s3::part_bytes);
  CHECK_EQ(requests[3].method + " " + requests[3].target, "DELETE /bucket/k?uploadId=u%2F1%2B2");
  CHECK_EQ(s3.complaint(), "");
}

TEST(an upload in parts is completed with its parts and conditions and a late error is one) {
  const auto body = patterned((32 << 20) + 1);
  auto end = std::string{"<CompleteMultipartUploadResult><ETag>\"whole-3\"</ETag></CompleteMultipartUploadResult>"};
  auto s3 = scripted{[&](const seen& request, std::size_t number) {
    if (request.method == "POST" && request.target.ends_with("?uploads="))
      return answer(200, {}, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>");
    if (request.method == "POST")
      return answer(200, {}, end);
    return answer(request.method == "DELETE" ? 204 : 200, "ETag: \"p" + std::to_string(number - 1) + "\"\r\n");
  }};
  const auto stored = value_of(s3.bucket->put("k", source_of(body), {.only = {.if_none_match = "*"}}));
  CHECK_EQ(stored->etag, "whole-3");
  CHECK_EQ(stored->size, static_cast<std::int64_t>(body.size()));
  const auto last = s3.requests().back();
  CHECK_EQ(last.target, "/bucket/k?uploadId=u");
  CHECK_EQ(last.header("If-None-Match"), "*");
  CHECK(last.body.find("<Part><PartNumber>3</PartNumber><ETag>&quot;p3&quot;</ETag></Part></Complete")
        != std::string::npos);
  end = refusal("InternalError"); // behind a status of 200
  CHECK(!s3.bucket->put("k", source_of(body), {}).has_value());
  CHECK_EQ(s3.requests().back().method, "DELETE");
  CHECK_EQ(s3.complaint(), "");
}

TEST(a virtual host has the bucket in its name) {
  auto s3 = scripted{[](const seen&, std::size_t) { return answer(200, "ETag: \"e\"\r\n", "x"); },
    [](s3::options& o) {
      o.style = s3::addressing::virtual_host;
      o.endpoint.replace(o.endpoint.find("127.0.0.1"), 9, "localhost"); // curl resolves every name under it to loopback
    }};
  CHECK_EQ(body_of(*s3.bucket, "a/b"), "x");
  CHECK_EQ(s3.requests().front().target, "/a/b");
  CHECK_EQ(s3.requests().front().header("Host"), "bucket.localhost:" + s3.port());
  CHECK_EQ(s3.complaint(), "");
  CHECK(
    value_of(s3.bucket->presign(presign_method::get, "k")).starts_with("http://bucket.localhost:" + s3.port() + "/k?"));
}

TEST(any key travels as it is) {
  auto s3 = scripted{[](const seen&, std::size_t) { return answer(204); }};
  CHECK(s3.bucket->remove("../a//./b/..").has_value());
  CHECK_EQ(s3.requests().back().target, "/bucket/../a//./b/..");
  CHECK(s3.bucket->remove("/lead +%\n?").has_value());
  CHECK_EQ(s3.requests().back().target, "/bucket//lead%20%2B%25%0A%3F");
  CHECK_EQ(s3.complaint(), "");
}

TEST(a list is read with escapes and encoded keys) {
  const auto page = s3::parse_list(
    "<?xml version=\"1.0\"?><ListBucketResult "
    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><EncodingType>url</EncodingType>"
    "<IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>"
    "<Contents><Key>a%2Bb+c%0A</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified><ETag>&quot;e&quot;</ETag>"
    "<Size>434234</Size></Contents><CommonPrefixes><Prefix>p%2F</Prefix></CommonPrefixes></ListBucketResult>");
  REQUIRE(page.has_value());
  REQUIRE_EQ(page->objects.size(), 1u);
  CHECK_EQ(page->objects[0].key, "a+b c\n");
  CHECK_EQ(page->objects[0].size, 434'234);
  CHECK_EQ(page->objects[0].etag, "e");
  CHECK_EQ(page->objects[0].modified_ms, 1'255'369'830'000);
  CHECK(page->common_prefixes == std::vector<std::string>{"p/"});
  CHECK_EQ(page->cursor, "t&1");
  for (const auto* wrong : {"", "no xml", "<Error/>", "<ListBucketResult>"})
    CHECK(!s3::parse_list(wrong).has_value());
}
