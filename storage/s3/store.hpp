// Objects on any S3 server: the shared back-end of `objects`. Signature V4, path-style or virtual-host addresses,
// multipart uploads above 16 MiB, retries.
//
// What is repeated: a request that S3 refused for the moment (429, 500, 502, 503, 504) and one that got no answer, with
// growing waits; a get goes on where it broke off, as long as the object is the same. A conditional put and the
// completion of an upload that got no answer are not repeated: the first may have been done, and the second would then
// be told that the condition does not hold. They fail, saying that the outcome is not known.
#pragma once

#include "storage/objects.hpp"
#include "storage/s3/signature.hpp"
#include "storage/s3/wire.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::storage::s3 {

enum class addressing : std::uint8_t {
  path,         ///< http://host/bucket/key: what self-hosted servers speak
  virtual_host, ///< http://bucket.host/key: what Amazon wants
};

/// A body above this size is uploaded in parts of this size, one of them in memory at a time.
inline constexpr std::size_t part_bytes = 16 << 20;

struct options {
  std::string endpoint; ///< "https://s3.eu-central-1.amazonaws.com", "http://127.0.0.1:9000"; without a path
  std::string bucket;
  credentials who;
  signing_scope scope = {};
  addressing style = addressing::path;
  time_limits limits = {};
  int attempts = 4; ///< of each request, the first included
  /// Unix time in seconds: what requests are signed with.
  std::function<std::int64_t()> now_s;
  /// Waits between attempts.
  std::function<void(std::chrono::milliseconds)> sleep;
};

class store final : public objects {
public:
  /// Asks no server. Fails with ec::config_invalid, naming the field, when the endpoint is not an address, the bucket
  /// not a name that S3 allows, or a credential is missing.
  [[nodiscard]] static result<std::unique_ptr<store>> open(options settings);

  /// Makes the bucket; that it is there and ours is no error.
  [[nodiscard]] result<void> create_bucket();

private:
  /// A body of more than one part becomes visible when its last part has come; until then, and after any error (the
  /// upload is aborted), the object is as it was. A server that ignores a put's conditions cannot be told from one
  /// that knows them.
  result<std::optional<object_info>> do_put(
    std::string_view key, const byte_source& source, const put_options& options) override;
  result<fetched> do_get(std::string_view key, const byte_sink& sink, const get_options& options) override;
  result<std::optional<object_info>> do_head(std::string_view key) override;
  result<void> do_remove(std::string_view key) override;
  result<object_list> do_list(const list_options& options) override;
  result<std::string> do_presign(presign_method method, std::string_view key, std::chrono::seconds expires) override;

  /// One request as this file thinks of it.
  struct call {
    std::string method;
    std::string key; ///< empty: the bucket itself
    fields query = {};
    fields headers = {};
    std::string_view body = {};
    bool large = false;
    bool repeatable = true; ///< also when it is not known whether it was done
  };

  explicit store(options settings);

  [[nodiscard]] signed_request address(const call& what) const;
  [[nodiscard]] std::string url_of(const signed_request& request) const;
  wire_response once(const call& what, std::function<bool(int, const fields&)> on_head = {},
    std::function<bool(std::string_view)> on_body = {});
  wire_response perform(const call& what);
  void wait_before(int attempt);
  [[nodiscard]] error error_of(const call& what, const wire_response& response) const;

  result<std::optional<object_info>> put_whole(std::string_view key, std::string_view body, const put_options& options);
  result<std::optional<object_info>> put_parts(
    std::string_view key, std::vector<char>& first, const byte_source& source, const put_options& options);
  result<void> send_parts(std::string_view key, const std::string& upload, std::vector<char>& buffer,
    const byte_source& source, std::string_view expected_sha256, std::vector<std::string>& etags, std::int64_t& size);

  options settings_;
  std::string scheme_;
  std::string host_; // as in the Host field: with the port unless it is the scheme's own
  wire wire_;
};

} // namespace troupe::storage::s3
