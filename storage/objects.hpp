// Object storage as the rest of Troupe sees it: bodies of any size under a key, with the metadata that HTTP knows and
// some of the caller's own. A back-end (files, any S3 server, SQL) implements `objects`; one conformance suite runs
// against each of them.
//
// Invariants: one `objects` is one bucket. An object changes as a whole: a reader has the old body with the old
// metadata or the new with the new, and a put that failed has changed nothing. Bytes are streamed in both directions,
// so that 5 GiB need no 5 GiB of memory. Keys are ordered by their bytes. An object of this class is used by one
// thread at a time; several on one bucket, also in several processes, see each other's changes at once.
#pragma once

#include "messages/result.hpp"
#include "messages/types.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// The limits of Amazon S3, which hold for every back-end, so that data can move between them.
inline constexpr std::size_t max_object_key_bytes = 1024;
inline constexpr std::int64_t max_object_bytes = std::int64_t{5} << 30; // of one put
inline constexpr std::size_t max_custom_metadata_bytes = 2048;          // names and values together
inline constexpr std::size_t max_http_metadata_bytes = 1024;            // each value
inline constexpr std::int64_t max_listed = 1000;                        // entries of one page

/// What a server says of the object over HTTP: printable ASCII. Empty: not said.
struct http_metadata {
  std::string content_type = {};
  std::string cache_control = {};
  std::string content_disposition = {};
  std::string content_encoding = {};
  std::string content_language = {};

  friend bool operator==(const http_metadata&, const http_metadata&) = default;
};

/// Everything about an object but its bytes.
struct object_info {
  std::string key = {};
  std::int64_t size = 0;
  std::string etag = {};        ///< opaque, without quotes; changes when the bytes change
  std::int64_t modified_ms = 0; ///< Unix time of the put; S3 gives whole seconds
  std::string sha256 = {};      ///< of the bytes, 64 lower-case hex digits; empty where the back-end does not keep it
  http_metadata http = {};
  fields custom = {}; ///< ordered by name; a list (objects::list) leaves both kinds of metadata out
};

/// When something is to be done, by RFC 9110 13.1. Each is empty (no condition), "*" (any object), or one ETag without
/// quotes. A condition is checked and acted upon in one step: of two puts that create, one does.
struct preconditions {
  std::string if_match = {};      ///< only if the object is this one
  std::string if_none_match = {}; ///< only if the object is not this one; "*" on a put: only create
};

struct put_options {
  http_metadata http = {};
  /// Names of 1 to 128 characters of a header field's name, each once whatever its case; values of UTF-8 without
  /// control characters and without white space at the ends.
  fields custom = {};
  preconditions only = {};
  std::string sha256 = {}; ///< what the bytes must hash to (64 hex digits, any case); empty: not checked
};

/// Bytes from `first` on (from 0); `count` of them, or all that follow when it is negative. Ends at the object's end.
struct byte_range {
  std::int64_t first = 0;
  std::int64_t count = -1;
};

struct get_options {
  byte_range range = {};
  preconditions only = {};
};

/// How a get ended, other than by an error.
enum class fetch : std::uint8_t {
  complete,  ///< the sink has had every byte that was asked for
  stopped,   ///< the sink wanted no more
  missing,   ///< there is no such object
  unmatched, ///< there is one, but a precondition did not hold; its info is given, its bytes are not
};

struct fetched {
  fetch how = fetch::missing;
  object_info object; ///< filled in unless missing
};

struct list_options {
  std::string prefix = {}; ///< only keys that begin with it
  std::string delimiter =
    {}; ///< keys with it behind the prefix are one common prefix, up to and with its first occurrence
  std::string cursor = {};         ///< where the page before ended (object_list::cursor); empty: from the start
  std::int64_t limit = max_listed; ///< objects and common prefixes together, 1 to 1000
};

struct object_list {
  std::vector<object_info> objects;         ///< by key bytes, without metadata
  std::vector<std::string> common_prefixes; ///< by bytes
  std::string cursor;                       ///< for the next page; empty: this was the last. Opaque.
};

/// Where a put takes its bytes from: fills the front of the buffer and says how many bytes; 0: the end. It may fail,
/// and then so does the put. It is asked once through; nothing is asked for again.
using byte_source = std::function<result<std::size_t>(std::span<char> buffer)>;

/// Where a get puts its bytes: called with the object's info and the next bytes, at least once (also for an object
/// without bytes). False: no more are wanted.
using byte_sink = std::function<bool(const object_info& object, std::string_view bytes)>;

/// A body in memory as a source. `body` outlives it.
[[nodiscard]] byte_source source_of(std::string_view body);

enum class presign_method : std::uint8_t { get, put };

/// One bucket. Every call fails with ec::bad_request when an argument breaks a rule (the message names the field, the
/// place and what was expected), with ec::storage_failed when the storage refused or the bytes are damaged, and with
/// ec::storage_unusable when another try cannot help (no such bucket, wrong credentials, a damaged index). Messages
/// name the object and never a credential.
class objects {
public:
  objects() = default;
  objects(const objects&) = delete;
  objects& operator=(const objects&) = delete;
  virtual ~objects() = default;

  /// Stores what `source` gives under `key`, replacing what is there. The info as stored; none when a precondition did
  /// not hold. Fails with ec::bad_request, changing nothing, when the bytes do not have the checksum that was given or
  /// exceed max_object_bytes, and with the source's own error when that fails.
  [[nodiscard]] result<std::optional<object_info>> put(
    std::string_view key, const byte_source& source, const put_options& options = {});

  /// Streams an object, or a range of it, to `sink`. Fails with ec::bad_request when the range begins behind the
  /// object's last byte. After an error the sink has had a true beginning of what was asked for and nothing else: bytes
  /// are verified before they are handed out, where the back-end keeps checksums (files, SQL); over S3 the connection's
  /// own integrity is what there is.
  [[nodiscard]] result<fetched> get(std::string_view key, const byte_sink& sink, const get_options& options = {});

  /// The info of an object, or none.
  [[nodiscard]] result<std::optional<object_info>> head(std::string_view key);

  /// Removes an object. That there is none is no error.
  [[nodiscard]] result<void> remove(std::string_view key);

  /// One page of the keys, by their bytes. Pages taken by cursor have every object exactly once that was there from the
  /// first page to the last; one that came or went meanwhile once or not at all.
  [[nodiscard]] result<object_list> list(const list_options& options = {});

  /// An address at which anybody may get or put this one object with a plain HTTP request until it expires (DECISIONS
  /// C-19: AWS Signature V4 in the query). Fails with ec::bad_request where the back-end has no addresses of its own.
  /// @param expires 1 second to 7 days, the bounds of Signature V4.
  [[nodiscard]] result<std::string> presign(
    presign_method method, std::string_view key, std::chrono::seconds expires = std::chrono::seconds{3600});

private:
  // What a back-end does. The arguments keep to the rules.
  virtual result<std::optional<object_info>> do_put(
    std::string_view key, const byte_source& source, const put_options& options) = 0;
  virtual result<fetched> do_get(std::string_view key, const byte_sink& sink, const get_options& options) = 0;
  virtual result<std::optional<object_info>> do_head(std::string_view key) = 0;
  virtual result<void> do_remove(std::string_view key) = 0;
  virtual result<object_list> do_list(const list_options& options) = 0;
  virtual result<std::string> do_presign(presign_method method, std::string_view key, std::chrono::seconds expires);
};

/// A whole object in memory: its bytes with its info, or none when it is missing or unmatched. For objects that are
/// known to be small; one of more than `max_bytes` fails with ec::answer_too_large before its bytes are read.
struct whole_object {
  object_info object;
  std::string body;
};
[[nodiscard]] result<std::optional<whole_object>> get_whole(
  objects& from, std::string_view key, const get_options& options = {}, std::size_t max_bytes = 64 << 20);

/// Where a range lies in an object of `size` bytes: the first byte and how many. Fails as objects::get does.
struct byte_extent {
  std::int64_t first = 0;
  std::int64_t count = 0;
};
[[nodiscard]] result<byte_extent> extent_of(const byte_range& range, std::int64_t size);

/// Whether preconditions hold for what is stored: its ETag, or nothing.
[[nodiscard]] bool hold(const preconditions& only, const std::optional<std::string>& etag) noexcept;

} // namespace troupe::storage
