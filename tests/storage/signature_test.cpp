// Signature V4 against what Amazon publishes: its test suite (tests/storage/data) and the examples of S3's
// documentation.
#define TEST_SUITE s3_signature
#include "tests/support/test.hpp"

#include "storage/s3/signature.hpp"
#include "tests/support/results.hpp"

#include <fstream>
#include <map>
#include <sstream>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::s3;
using test::error_of;
using test::value_of;

namespace {

constexpr std::int64_t suite_time = 1'440'938'160; // 2015-08-30T12:36:00Z
const auto suite_scope = signing_scope{"us-east-1", "service"};
const auto suite_secret = std::string{"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};

/// One part of the file: a request as it was sent, signed.
struct vector {
  std::string name;
  signed_request request; // with what its signature added
  std::string body;
};

std::vector<vector> read_vectors() {
  auto file = std::ifstream{std::string{TROUPE_SOURCE_DIR} + "/tests/storage/data/aws-signing-test-suite.txt"};
  auto out = std::vector<vector>{};
  auto in_body = false;
  for (auto line = std::string{}; std::getline(file, line);) {
    if (line.starts_with("# ")) {
      out.push_back({line.substr(2), {.method = {}}, {}});
      in_body = false;
    } else if (out.empty()) {
      continue;
    } else if (auto& v = out.back(); v.request.method.empty()) {
      // "GET /a b?c=d HTTP/1.1": a path may hold spaces
      const auto start = line.find(' ') + 1;
      const auto target = line.substr(start, line.rfind(' ') - start);
      const auto question = std::min(target.find('?'), target.size());
      v.request.method = line.substr(0, start - 1);
      v.request.path = target.substr(0, question);
      v.request.query = parse_query(target.substr(std::min(question + 1, target.size()))).value();
    } else if (line.empty()) {
      in_body = true;
    } else if (in_body) {
      v.body += line;
    } else if (line.front() == ' ') {
      v.request.headers.emplace_back(v.request.headers.back().first, line); // AWS reads a folded line as one more value
    } else {
      v.request.headers.emplace_back(line.substr(0, line.find(':')), line.substr(line.find(':') + 1));
    }
  }
  return out;
}

/// Takes a field out of a list and gives its value.
std::string take(fields& from, std::string_view name) {
  auto value = std::string{};
  std::erase_if(from, [&](const auto& each) {
    if (each.first != name)
      return false;
    value = each.second;
    return true;
  });
  return value;
}

std::string behind(const std::string& text, std::string_view mark) {
  const auto at = text.find(mark);
  return at == std::string::npos ? "" : text.substr(at + mark.size());
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
constexpr std::int64_t example_time = 1'369'353'600; // 2013-05-24T00:00:00Z
const auto example_key = credentials{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
constexpr auto example_host = "examplebucket.s3.amazonaws.com";

std::string example_signature(signed_request request, std::string_view payload) {
  const auto hash = to_hex(as_text(sha256(payload)));
  request.headers.emplace_back("Host", example_host);
  request.headers.emplace_back("x-amz-content-sha256", hash);
  sign_headers(request, hash, example_key, {}, example_time);
  return behind(request.headers.back().second, "Signature=");
}

std::optional<std::string> example_secret(std::string_view id) {
  return id == example_key.access_key_id ? std::optional{example_key.secret_access_key} : std::nullopt;
}

signed_request signed_get() {
  auto request = signed_request{"GET", "/a b", {{"x", "1"}}, {{"Host", example_host}}};
  request.headers.emplace_back("X-Amz-Content-Sha256", empty_payload);
  sign_headers(request, empty_payload, example_key, {}, example_time);
  return request;
}

signed_request presigned_get(std::chrono::seconds expires = std::chrono::seconds{86400}) {
  auto request = signed_request{"GET", "/test.txt", {}, {{"Host", example_host}}};
  sign_query(request, unsigned_payload, expires, example_key, {}, example_time);
  return request;
}

std::string refusal(const signed_request& request, std::int64_t now_s = example_time, const signing_scope& scope = {}) {
  const auto refused = error_of(verify(request, scope, example_secret, now_s));
  CHECK(refused.code == ec::bad_request);
  CHECK(refused.message.find(example_key.secret_access_key) == std::string::npos);
  return refused.message;
}

} // namespace

TEST(every case of the published test suite gets its signature) {
  const auto vectors = read_vectors();
  CHECK_EQ(vectors.size(), 28u);
  for (const auto& each : vectors) {
    CAF_MESSAGE(each.name);
    auto request = each.request;
    const auto payload = to_hex(as_text(sha256(each.body)));
    auto who = credentials{"AKIDEXAMPLE", suite_secret};
    if (const auto authorization = take(request.headers, "Authorization"); !authorization.empty()) {
      take(request.headers, "X-Amz-Date");
      who.session_token = take(request.headers, "X-Amz-Security-Token");
      sign_headers(request, payload, who, suite_scope, suite_time);
      CHECK_EQ(request.headers.back().second, authorization);
    } else {
      const auto signature = take(request.query, "X-Amz-Signature");
      std::erase_if(request.query, [](const auto& field) { return field.first.starts_with("X-Amz-"); });
      sign_query(request, payload, std::chrono::seconds{3600}, who, suite_scope, suite_time);
      CHECK_EQ(request.query.back().second, signature);
    }
  }
}

TEST(the documented requests to S3 get their signatures) {
  CHECK_EQ(example_signature({"GET", "/test.txt", {}, {{"Range", "bytes=0-9"}}}, ""),
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK_EQ(
    example_signature({"PUT", "/test$file.text", {},
                        {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}},
      "Welcome to Amazon S3."),
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  CHECK_EQ(example_signature({"GET", "/", {{"lifecycle", ""}}, {}}, ""),
    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK_EQ(example_signature({"GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}}, ""),
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(the documented request has its canonical form and string to sign) {
  const auto request = signed_request{"GET", "/test.txt", {},
    {{"Host", example_host}, {"Range", "bytes=0-9"}, {"x-amz-content-sha256", std::string{empty_payload}},
      {"x-amz-date", "20130524T000000Z"}}};
  const auto canonical = canonical_request(request, header_names(request.headers), empty_payload);
  CHECK_EQ(canonical, "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n"
                      "x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
                      "x-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\n"
                      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK_EQ(string_to_sign(canonical, "20130524T000000Z", {}),
    "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
    "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
}

TEST(the documented address is pre-signed as in the documentation) {
  const auto request = presigned_get();
  CHECK_EQ(query_string(request.query),
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(the signing key is the documented one) {
  // The example of AWS's general reference, for the service iam
  CHECK_EQ(to_hex(as_text(signing_key(suite_secret, "20150830T000000Z", {"us-east-1", "iam"}))),
    "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
}

TEST(text is encoded once and in upper case and comes back) {
  CHECK_EQ(uri_encode("a b/c~d+é", true), "a%20b/c~d%2B%C3%A9");
  CHECK_EQ(uri_encode("a/b", false), "a%2Fb");
  CHECK_EQ(uri_decode("a%20b%2fc+d").value(), "a b/c+d");
  for (const auto* broken : {"%", "%4", "%zz", "a%"})
    CHECK(!uri_decode(broken).has_value());
  CHECK(parse_query("a=1&b&c=%20&&=x") == (fields{{"a", "1"}, {"b", ""}, {"c", " "}, {"", "x"}}));
  CHECK(!parse_query("a=%").has_value());
}

TEST(dates are read as they are written and nothing else is) {
  CHECK_EQ(amz_date(example_time), "20130524T000000Z");
  CHECK_EQ(parse_amz_date("20130524T000000Z").value(), example_time);
  for (const auto* wrong :
    {"", "20130524", "20131324T000000Z", "20130230T000000Z", "2013-524T000000Z", "20130524T000000"})
    CHECK(!parse_amz_date(wrong).has_value());
}

TEST(what was signed is verified in header and query) {
  const auto by_header = value_of(verify(signed_get(), {}, example_secret, example_time + 899));
  CHECK_EQ(by_header.access_key_id, "AKIAIOSFODNN7EXAMPLE");
  CHECK_EQ(by_header.payload_hash, empty_payload);
  const auto by_query = value_of(verify(presigned_get(), {}, example_secret, example_time + 86'400));
  CHECK_EQ(by_query.payload_hash, unsigned_payload);
}

TEST(any change to a signed request is noticed) {
  const auto wrong = "signature: is not the one that this request must have";
  const auto changed = [](auto change) {
    auto request = signed_get();
    change(request);
    return request;
  };
  CHECK_EQ(refusal(changed([](auto& r) { r.method = "PUT"; })), wrong);
  CHECK_EQ(refusal(changed([](auto& r) { r.path = "/a c"; })), wrong);
  CHECK_EQ(refusal(changed([](auto& r) { r.query[0].second = "2"; })), wrong);
  CHECK_EQ(refusal(changed([](auto& r) { r.query.emplace_back("y", ""); })), wrong);
  CHECK_EQ(refusal(changed([](auto& r) { r.headers[0].second = "elsewhere"; })), wrong);
  CHECK_EQ(refusal(changed([](auto& r) { r.headers[1].second = "UNSIGNED-PAYLOAD"; })), wrong);
  CHECK_EQ(refusal(changed([](auto& r) { r.headers.back().second.back() ^= 1; })), wrong);
  CHECK_EQ(refusal(changed([](auto& r) { r.headers.back().second.pop_back(); })), wrong);
  auto longer = presigned_get();
  for (auto& [name, value] : longer.query)
    if (name == "X-Amz-Expires")
      value = "86401";
  CHECK_EQ(refusal(longer), wrong);
}

TEST(what S3 acts on must be signed) {
  auto request = signed_get();
  request.headers.emplace_back("X-Amz-Copy-Source", "/other/secret");
  CHECK_EQ(refusal(request), "signature: SignedHeaders: expected x-amz-copy-source among them");
  auto without_host = signed_request{"GET", "/", {}, {{"X-Amz-Content-Sha256", std::string{empty_payload}}}};
  sign_headers(without_host, empty_payload, example_key, {}, example_time);
  CHECK_EQ(refusal(without_host), "signature: SignedHeaders: expected host among them");
}

TEST(a signature ends with its time) {
  CHECK_EQ(
    refusal(signed_get(), example_time + 901), "signature: X-Amz-Date: is more than 15 minutes behind our clock");
  CHECK_EQ(
    refusal(signed_get(), example_time - 901), "signature: X-Amz-Date: is more than 15 minutes ahead of our clock");
  CHECK_EQ(refusal(presigned_get(), example_time + 86'401), "signature: the address has expired");
  CHECK_EQ(
    refusal(presigned_get(), example_time - 901), "signature: X-Amz-Date: is more than 15 minutes ahead of our clock");
  CHECK_EQ(
    refusal(presigned_get(std::chrono::hours{24 * 8})), "signature: X-Amz-Expires: expected 1 to 604800 seconds");
  CHECK_EQ(refusal(presigned_get(std::chrono::seconds{0})), "signature: X-Amz-Expires: expected 1 to 604800 seconds");
}

TEST(what is not a signature is refused in words) {
  CHECK_EQ(refusal({"GET", "/", {}, {{"Host", example_host}}}),
    "signature: expected one, in the Authorization header or in the query");
  auto both = presigned_get();
  both.headers.emplace_back("Authorization", "AWS4-HMAC-SHA256 Credential=a");
  CHECK_EQ(refusal(both), "signature: expected one, in the Authorization header or in the query");
  for (const auto* text : {"", "Bearer x", "AWS4-HMAC-SHA256", "AWS AKIA:x"})
    CHECK_EQ(
      refusal({"GET", "/", {}, {{"Authorization", text}}}), "signature: expected Authorization: AWS4-HMAC-SHA256 ...");
  for (const auto* text : {"AWS4-HMAC-SHA256 Credential=a, Credential=b", "AWS4-HMAC-SHA256 nothing"})
    CHECK_EQ(refusal({"GET", "/", {}, {{"Authorization", text}}}),
      "signature: Authorization: expected Credential, SignedHeaders and Signature, each once");
  auto twice = signed_get();
  twice.headers.emplace_back("x-amz-date", "20130524T000000Z");
  CHECK_EQ(refusal(twice), "signature: expected X-Amz-Date and X-Amz-Content-Sha256, each once");
  CHECK_EQ(refusal(signed_get(), example_time, {"eu-west-1", "s3"}),
    "signature: Credential: expected ACCESS_KEY/20130524/eu-west-1/s3/aws4_request");
  auto unknown = signed_request{"GET", "/", {}, {{"Host", example_host}}};
  unknown.headers.emplace_back("X-Amz-Content-Sha256", empty_payload);
  sign_headers(unknown, empty_payload, {"SOMEBODY", ""}, {}, example_time);
  CHECK_EQ(refusal(unknown), "signature: unknown access key"); // though signed with no secret, as verify does
}
