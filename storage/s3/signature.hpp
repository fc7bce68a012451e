// AWS Signature Version 4 as S3 uses it, signing and verifying, as one pure core: no clock, no network, no curl.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
//
// S3's variant: a path is percent-encoded once and never normalised ("a/../b" is a key), its '/' are kept; a query's
// names and values are encoded with '/' too, and sorted by their encoded bytes. Requests here hold decoded text and are
// encoded in one place, so that what is signed is what is sent.
#pragma once

#include "messages/result.hpp"
#include "messages/types.hpp"
#include "storage/digest.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::storage::s3 {

/// A key pair, and the token of one that is temporary. Never part of an error or a log line.
struct credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token = {};
};

/// Where a signature holds.
struct signing_scope {
  std::string region = "us-east-1";
  std::string service = "s3";
};

/// A request as far as it is signed. `path` and `query` are decoded; `headers` must hold Host, their names have any
/// case.
struct signed_request {
  std::string method = "GET";
  std::string path = "/";
  fields query = {};
  fields headers = {};
};

/// In place of the payload's hash: the payload is not part of the signature (always so in a pre-signed URL).
inline constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";
/// The SHA-256 of nothing: the hash of a request without a body.
inline constexpr std::string_view empty_payload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// RFC 3986 2.3: everything but unreserved characters becomes %XX; '/' stays if `keep_slash`.
[[nodiscard]] std::string uri_encode(std::string_view text, bool keep_slash);
/// Undoes %XX; none when an escape is broken. '+' stays: S3 never means a space by it.
[[nodiscard]] std::optional<std::string> uri_decode(std::string_view text);
/// "a=1&b=", encoded, in the order given (a request's query string) or sorted (the canonical one).
[[nodiscard]] std::string query_string(const fields& query);
[[nodiscard]] std::string canonical_query(const fields& query);
/// The other way: pieces of an encoded query string, decoded; none when an escape is broken.
[[nodiscard]] std::optional<fields> parse_query(std::string_view encoded);

/// "20130524T000000Z" of a Unix time in seconds.
[[nodiscard]] std::string amz_date(std::int64_t unix_seconds);
/// The other way; none when it is not such a date.
[[nodiscard]] std::optional<std::int64_t> parse_amz_date(std::string_view text);

/// Task 1: method, path, query, the headers named in `signed_headers` ("host;x-amz-date", sorted), payload hash. Values
/// are trimmed and runs of spaces made one; equal names are joined by a comma in their order.
[[nodiscard]] std::string canonical_request(
  const signed_request& request, std::string_view signed_headers, std::string_view payload_hash);
/// Task 2. `date` as amz_date gives it.
[[nodiscard]] std::string string_to_sign(std::string_view canonical, std::string_view date, const signing_scope& scope);
/// Task 3: the key that depends on secret, day, region and service.
[[nodiscard]] sha256_bytes signing_key(
  std::string_view secret_access_key, std::string_view date, const signing_scope& scope);

/// Every header's name in lower case, sorted, once, joined by ';'.
[[nodiscard]] std::string header_names(const fields& headers);

/// Adds X-Amz-Date (and X-Amz-Security-Token), then Authorization over every header that `request` has, to its headers.
/// S3 also wants X-Amz-Content-Sha256 (the payload hash); the caller adds it, because other services do not.
void sign_headers(signed_request& request, std::string_view payload_hash, const credentials& who,
  const signing_scope& scope, std::int64_t now_s);

/// Adds the six X-Amz- parameters to the query, signed over the request's headers. Whoever uses the URL must send those
/// headers as they are here. `request` then holds the complete query.
void sign_query(signed_request& request, std::string_view payload_hash, std::chrono::seconds expires,
  const credentials& who, const signing_scope& scope, std::int64_t now_s);

/// Whose signature a request carries, once it has been found good.
struct verified {
  std::string access_key_id;
  /// The hash that the payload must have, or unsigned_payload: the caller compares it when the body has come.
  std::string payload_hash;
};

/// Checks a request's signature, in its Authorization header or its query. `path` and `query` are decoded, as received;
/// `secret_of` gives the secret of an access key, none for an unknown one. Fails with ec::bad_request and one line that
/// says which part is wrong: not signed, malformed, unknown key, wrong scope, host or an X-Amz- header not signed, more
/// than 15 minutes from our clock (S3's bound), expired, or not the signature that it should be. The comparison takes
/// the same time wherever they differ.
[[nodiscard]] result<verified> verify(const signed_request& request, const signing_scope& scope,
  const std::function<std::optional<std::string>(std::string_view access_key_id)>& secret_of, std::int64_t now_s);

} // namespace troupe::storage::s3
