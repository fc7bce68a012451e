// Key-value storage as the rest of Troupe sees it: bytes under a key in a namespace, with metadata and an expiry. A
// back-end (memory, SQL) implements the `do_` functions; one conformance suite runs against each of them.
//
// Invariants: an entry is gone from the moment that it expires (`now_ms` is an argument, Unix time in milliseconds),
// whether or not it has been swept yet. Lists are in the order of the keys' bytes and go on behind the last key that
// was seen, so that concurrent writes neither repeat nor skip a key that stays. Every limit is checked here, before a
// back-end is asked. An object is used by one thread at a time.
#pragma once

#include "messages/result.hpp"
#include "messages/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// The limits of C-28. Keys are UTF-8 by convention and bytes to us.
struct kv_limits {
  static constexpr std::size_t key_bytes = 512;
  static constexpr std::size_t namespace_bytes = 128;
  static constexpr std::size_t value_bytes = 25U << 20;
  static constexpr std::size_t metadata_bytes = 1024;
  static constexpr std::size_t page_keys = 1000;
  static constexpr std::size_t bulk_keys = 10'000;
  /// Of a bulk read, in one statement: one number, because a text of its own for every number would fill the statement
  /// caches. It is also what is read before its size is known.
  static constexpr std::size_t keys_at_once = 32;
  static constexpr std::size_t bulk_bytes = 100'000'000; // keys, values and metadata together
};

/// What is stored under a key.
struct kv_entry {
  blob value;
  std::string metadata;                   ///< JSON; empty: none
  std::optional<std::int64_t> expires_ms; ///< Unix time
  std::int64_t version = 0;               ///< opaque, never 0; another at each write

  friend bool operator==(const kv_entry&, const kv_entry&) = default;
};

/// What is to be stored. At most one of `ttl_ms` (from now on) and `expires_ms` (Unix time) is given.
struct kv_write {
  std::string key;
  blob value;
  std::string metadata = {};
  std::optional<std::int64_t> ttl_ms = {};
  std::optional<std::int64_t> expires_ms = {};
};

/// One line of a list.
struct kv_name {
  std::string key;
  std::string metadata;
  std::optional<std::int64_t> expires_ms;

  friend bool operator==(const kv_name&, const kv_name&) = default;
};

/// Which keys to list.
struct kv_query {
  std::string prefix = {};
  std::string cursor = {}; ///< of the page before; empty: from the beginning
  std::size_t limit = 50;  ///< S1-59; 1 to 1,000
};

struct kv_page {
  std::vector<kv_name> names;
  std::string cursor;   ///< for the next page: the last key of this one; empty when complete
  bool complete = true; ///< nothing follows
};

class kv {
public:
  kv() = default;
  kv(const kv&) = delete;
  kv& operator=(const kv&) = delete;
  virtual ~kv() = default;

  // What is beyond a limit, or nonsense (a TTL that is not positive), fails with ec::bad_request, which names the
  // field, the size and the limit. Otherwise the errors are those of the back-end: ec::storage_failed,
  // ec::storage_unusable.

  /// The entry under a key, or none.
  [[nodiscard]] result<std::optional<kv_entry>> get(std::string_view space, std::string_view key, std::int64_t now_ms);

  /// Stores an entry in place of what was there; its version. Without TTL and expiry it stays until it is erased.
  [[nodiscard]] result<std::int64_t> put(std::string_view space, const kv_write& what, std::int64_t now_ms);

  /// Removes a key; erasing what is not there is no error.
  [[nodiscard]] result<void> erase(std::string_view space, std::string_view key);

  /// A page of keys in the order of their bytes.
  [[nodiscard]] result<kv_page> list(std::string_view space, const kv_query& what, std::int64_t now_ms);

  /// The entries under keys, in the order of `keys`; none where there is none. Each is as at some moment of the call.
  /// Fails with ec::answer_too_large when they have more than `kv_limits::bulk_bytes` together.
  [[nodiscard]] result<std::vector<std::optional<kv_entry>>> get_many(
    std::string_view space, const std::vector<std::string>& keys, std::int64_t now_ms);

  /// Stores all or nothing. Of two with one key the later stays.
  [[nodiscard]] result<void> put_many(std::string_view space, const std::vector<kv_write>& writes, std::int64_t now_ms);

  /// Erases all or nothing.
  [[nodiscard]] result<void> erase_many(std::string_view space, const std::vector<std::string>& keys);

  /// Stores an entry if the key's version is still `expected` (0: there is no such key); the new version, or none if
  /// it is not. Of several that compete with one expected version one wins.
  [[nodiscard]] result<std::optional<std::int64_t>> compare_and_set(
    std::string_view space, const kv_write& what, std::int64_t expected, std::int64_t now_ms);

  /// Adds to the whole number (decimal text, as `put` may have stored it) under a key, in one step; what it is then. A
  /// key that is not there counts as 0 and gets the TTL; one that is there keeps its expiry and metadata. Fails with
  /// ec::bad_request when the value is no such number or the sum does not fit 64 bits.
  [[nodiscard]] result<std::int64_t> add(std::string_view space, std::string_view key, std::int64_t delta,
    std::int64_t now_ms, std::optional<std::int64_t> ttl_ms = {});

  /// Frees the space of up to `limit` expired entries of all namespaces, the longest expired first; how many.
  [[nodiscard]] result<std::int64_t> sweep(std::int64_t now_ms, std::int64_t limit);

protected:
  /// A write whose limits are checked, with its expiry worked out.
  struct checked_write {
    std::string_view key;
    const blob* value;
    std::string_view metadata;
    std::int64_t expires_ms; // `never` when it does not
  };
  static constexpr std::int64_t never = INT64_MAX;

  /// How `do_add` refuses.
  [[nodiscard]] static error not_addable();

  [[nodiscard]] static std::optional<std::int64_t> shown(std::int64_t expires_ms) noexcept {
    return expires_ms == never ? std::nullopt : std::optional{expires_ms};
  }

private:
  friend class kv_strict; // hands what it has checked to the store beneath

  virtual result<std::optional<kv_entry>> do_get(std::string_view space, std::string_view key, std::int64_t now_ms) = 0;
  virtual result<std::int64_t> do_put(std::string_view space, const checked_write& what, std::int64_t now_ms) = 0;
  virtual result<void> do_erase(std::string_view space, std::string_view key) = 0;
  /// Up to `limit` names above `after` that begin with `prefix`.
  virtual result<std::vector<kv_name>> do_list(std::string_view space, std::string_view prefix, std::string_view after,
    std::size_t limit, std::int64_t now_ms) = 0;
  /// At most `kv_limits::keys_at_once` keys.
  virtual result<std::vector<std::optional<kv_entry>>> do_get_many(
    std::string_view space, const std::vector<std::string>& keys, std::int64_t now_ms) = 0;
  /// No key occurs twice.
  virtual result<void> do_put_many(
    std::string_view space, const std::vector<checked_write>& writes, std::int64_t now_ms) = 0;
  virtual result<void> do_erase_many(std::string_view space, const std::vector<std::string>& keys) = 0;
  virtual result<std::optional<std::int64_t>> do_compare_and_set(
    std::string_view space, const checked_write& what, std::int64_t expected, std::int64_t now_ms) = 0;
  virtual result<std::int64_t> do_add(
    std::string_view space, std::string_view key, std::int64_t delta, std::int64_t now_ms, std::int64_t expires_ms) = 0;
  virtual result<std::int64_t> do_sweep(std::int64_t now_ms, std::int64_t limit) = 0;
};

/// The whole number that bytes spell in the one way that std::to_string would (no sign for plus, no leading zeros), or
/// none.
[[nodiscard]] std::optional<std::int64_t> canonical_number(std::string_view text) noexcept;

} // namespace troupe::storage
