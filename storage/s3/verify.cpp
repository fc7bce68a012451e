// The other side of signature.cpp: whether a request that came in was signed by who it says.
#include "storage/s3/signature.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace troupe::storage::s3 {
namespace {

constexpr std::int64_t allowed_skew_s = 900;
constexpr std::int64_t longest_expiry_s = 604'800;

auto refused(const std::string& why) {
  return fail(ec::bad_request, "signature: " + why);
}

/// What a request says of its own signature.
struct claim {
  std::string credential; ///< KEY/20130524/us-east-1/s3/aws4_request
  std::string signed_headers;
  std::string signature;
  std::string date;
  std::int64_t expires_s = 0; ///< of a query's; 0: in the header
  std::string payload_hash;
};

std::string lower(std::string_view text) {
  auto out = std::string{text};
  std::transform(
    out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

/// The value of a name that must be there once: twice would let two readers see two requests.
std::optional<std::string> only_value(const fields& all, std::string_view lower_name, bool fold_case) {
  const std::string* found = nullptr;
  for (const auto& [name, value] : all)
    if ((fold_case ? lower(name) : name) == lower_name) {
      if (found != nullptr)
        return std::nullopt;
      found = &value;
    }
  return found != nullptr ? std::optional{*found} : std::nullopt;
}

result<claim> from_header(const signed_request& request, std::string_view authorization) {
  constexpr auto scheme = std::string_view{"AWS4-HMAC-SHA256 "};
  if (!authorization.starts_with(scheme))
    return refused("expected Authorization: AWS4-HMAC-SHA256 ...");
  authorization.remove_prefix(scheme.size());
  auto out = claim{};
  while (!authorization.empty()) {
    const auto end = std::min(authorization.find(','), authorization.size());
    auto part = authorization.substr(0, end);
    authorization.remove_prefix(std::min(end + 1, authorization.size()));
    part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    const auto equals = std::min(part.find('='), part.size());
    const auto name = part.substr(0, equals);
    auto& target = name == "Credential" ? out.credential : name == "SignedHeaders" ? out.signed_headers : out.signature;
    if ((name != "Credential" && name != "SignedHeaders" && name != "Signature") || !target.empty())
      return refused("Authorization: expected Credential, SignedHeaders and Signature, each once");
    target = part.substr(std::min(equals + 1, part.size()));
  }
  const auto date = only_value(request.headers, "x-amz-date", true);
  const auto payload = only_value(request.headers, "x-amz-content-sha256", true);
  if (!date || !payload)
    return refused("expected X-Amz-Date and X-Amz-Content-Sha256, each once");
  out.date = *date;
  out.payload_hash = *payload;
  return out;
}

result<claim> from_query(const signed_request& request) {
  const auto one = [&](std::string_view name) { return only_value(request.query, name, false); };
  const auto expires = one("X-Amz-Expires");
  if (one("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" || !one("X-Amz-Credential") || !one("X-Amz-Date") || !expires
      || !one("X-Amz-SignedHeaders") || !one("X-Amz-Signature"))
    return refused("expected X-Amz-Algorithm=AWS4-HMAC-SHA256, X-Amz-Credential, X-Amz-Date, X-Amz-Expires,"
                   " X-Amz-SignedHeaders and X-Amz-Signature in the query, each once");
  auto out = claim{*one("X-Amz-Credential"), *one("X-Amz-SignedHeaders"), *one("X-Amz-Signature"), *one("X-Amz-Date"),
    0, std::string{unsigned_payload}};
  const auto [stopped, trouble] = std::from_chars(expires->data(), expires->data() + expires->size(), out.expires_s);
  if (trouble != std::errc{} || stopped != expires->data() + expires->size() || out.expires_s < 1
      || out.expires_s > longest_expiry_s)
    return refused("X-Amz-Expires: expected 1 to 604800 seconds");
  return out;
}

/// What an attacker could add without being noticed must have been signed: the host, and every header that S3 acts on.
result<void> check_signed_headers(const signed_request& request, std::string_view signed_headers) {
  const auto is_signed = [&](std::string_view name) {
    return (";" + std::string{signed_headers} + ";").find(";" + std::string{name} + ";") != std::string::npos;
  };
  if (!is_signed("host"))
    return refused("SignedHeaders: expected host among them");
  for (const auto& each : request.headers) {
    const auto name = lower(each.first);
    if (name.starts_with("x-amz-") && !is_signed(name))
      return refused("SignedHeaders: expected " + name + " among them");
  }
  return ok();
}

result<void> check_time(const claim& claimed, std::int64_t now_s) {
  const auto signed_at = parse_amz_date(claimed.date);
  if (!signed_at)
    return refused("X-Amz-Date: expected a date such as 20130524T000000Z");
  if (*signed_at > now_s + allowed_skew_s)
    return refused("X-Amz-Date: is more than 15 minutes ahead of our clock");
  const auto last = *signed_at + (claimed.expires_s != 0 ? claimed.expires_s : allowed_skew_s);
  if (now_s > last)
    return refused(
      claimed.expires_s != 0 ? "the address has expired" : "X-Amz-Date: is more than 15 minutes behind our clock");
  return ok();
}

} // namespace

result<verified> verify(const signed_request& request, const signing_scope& scope,
  const std::function<std::optional<std::string>(std::string_view access_key_id)>& secret_of, std::int64_t now_s) {
  const auto authorization = only_value(request.headers, "authorization", true);
  const auto in_query = std::any_of(
    request.query.begin(), request.query.end(), [](const auto& each) { return each.first == "X-Amz-Signature"; });
  if (authorization.has_value() == in_query)
    return refused("expected one, in the Authorization header or in the query");
  auto read = in_query ? from_query(request) : from_header(request, *authorization);
  if (!read)
    return boost::outcome_v2::failure(read.error());
  const auto& claimed = read.value();
  const auto slash = claimed.credential.find('/');
  const auto expected_scope = claimed.date.substr(0, 8) + "/" + scope.region + "/" + scope.service + "/aws4_request";
  if (slash == std::string::npos || claimed.credential.substr(slash + 1) != expected_scope)
    return refused("Credential: expected ACCESS_KEY/" + expected_scope);
  if (auto fine = check_signed_headers(request, claimed.signed_headers); !fine)
    return boost::outcome_v2::failure(fine.error());
  if (auto fine = check_time(claimed, now_s); !fine)
    return boost::outcome_v2::failure(fine.error());
  const auto key = claimed.credential.substr(0, slash);
  const auto secret = secret_of(key);
  auto unsigned_part = request;
  std::erase_if(unsigned_part.query, [](const auto& each) { return each.first == "X-Amz-Signature"; });
  // An unknown key is signed for as well, so that it takes as long as a known one.
  const auto text =
    string_to_sign(canonical_request(unsigned_part, claimed.signed_headers, claimed.payload_hash), claimed.date, scope);
  const auto expected =
    to_hex(as_text(hmac_sha256(as_text(signing_key(secret.value_or(""), claimed.date, scope)), text)));
  const auto same = equal_in_constant_time(expected, claimed.signature);
  if (!secret)
    return refused("unknown access key");
  if (!same)
    return refused("is not the one that this request must have");
  return verified{key, claimed.payload_hash};
}

} // namespace troupe::storage::s3
