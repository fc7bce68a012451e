// Reading through a cache and writing past it without ever leaving the old value behind. Written against `kv`, so the
// cache may be memory, a file or a table.
//
// The hazard: a reader misses, reads the old row, and is overtaken by a writer that stores the new row and clears the
// cache; then the reader puts the old row into it. Invariant against it: a reader that misses first leaves a claim
// under the key, and may put its value only over that very claim (compare-and-set). A writer stores, then erases the
// key, and every claim with it. (The leases of "Scaling Memcache at Facebook", NSDI 2013, section 3.2.1.) A cache that
// fails is no cache: reads go to the source.
#pragma once

#include "storage/kv.hpp"

#include <functional>

namespace troupe::storage {

/// What `get_or_fetch` found.
struct cached_value {
  blob value;
  bool cached = false;
  std::int64_t cached_at_ms = 0; ///< when it was fetched
};

/// S0-28..31: what stands under a key, or what `fetch` gives, which is then kept for `ttl_ms` with the metadata
/// `{"cached_at":<Unix ms>}`. Fails as `fetch` does; a cache that cannot be read or written is passed by. Callers that
/// also change what is fetched use cache_aside.
[[nodiscard]] result<cached_value> get_or_fetch(kv& cache, std::string_view space, std::string_view key,
  const std::function<result<blob>()>& fetch, std::int64_t now_ms, std::int64_t ttl_ms = 3'600'000);

struct cache_aside_settings {
  std::string space = "cache";
  std::int64_t ttl_ms = 300'000; ///< S3-20
  /// How long a reader may take to read its source; a longer one's value is not kept. While a claim stands, others that
  /// miss read the source without keeping what they found.
  std::int64_t claim_ms = 10'000;
};

class cache_aside {
public:
  /// Holds a reference: the cache outlives this.
  explicit cache_aside(kv& cache, cache_aside_settings settings = {}) : cache_{cache}, settings_{std::move(settings)} {}

  using reader = std::function<result<std::optional<blob>>()>;
  using writer = std::function<result<void>()>;

  /// The value under a key: the cached one, else what `read` says, which is then kept. "None" is not kept. Fails as
  /// `read` does.
  [[nodiscard]] result<std::optional<blob>> find(std::string_view key, std::int64_t now_ms, const reader& read);

  /// Runs `write`, then clears the key (S3-21, S3-39). Fails as `write` does, and then the key is cleared as well, for
  /// its outcome may be unknown. False: written, but the cache could not be cleared, and what it holds may be the old
  /// value until its TTL ends.
  [[nodiscard]] result<bool> save(std::string_view key, const writer& write);

  /// Runs `write`, then puts the value it stored into the cache (S3-54). Of several that write one key at once at most
  /// one leaves its value, and only if no other wrote meanwhile; otherwise the key is cleared. Results as `save`.
  [[nodiscard]] result<bool> save_through(
    std::string_view key, const blob& value, std::int64_t now_ms, const writer& write);

private:
  kv& cache_;
  cache_aside_settings settings_;
};

/// One entity's two ways to bytes and back, the same for the cache and the database (C-21). `decode` gives none for
/// bytes that it does not know, such as those of another version: then the source is read.
template <class Entity>
struct entity_codec {
  std::function<std::string(const Entity&)> encode;
  std::function<std::optional<Entity>(std::string_view)> decode;
};

/// A repository's find and save, through a cache (S3-19..21).
template <class Entity>
class cached_repository {
public:
  struct source {
    std::function<result<std::optional<Entity>>(std::string_view id)> find;
    std::function<result<void>(const Entity&)> save;
    std::function<std::string(const Entity&)> id_of;
  };

  /// @param prefix of the cache's keys: "user:" for `user:<id>`.
  cached_repository(cache_aside cache, std::string prefix, source of, entity_codec<Entity> codec)
      : cache_{std::move(cache)}, prefix_{std::move(prefix)}, source_{std::move(of)}, codec_{std::move(codec)} {}

  /// Errors are those of the source.
  [[nodiscard]] result<std::optional<Entity>> find(std::string_view id, std::int64_t now_ms) {
    auto found = cache_.find(prefix_ + std::string{id}, now_ms, [&]() -> result<std::optional<blob>> {
      auto entity = source_.find(id);
      if (!entity)
        return entity.as_failure();
      return entity.value() ? std::optional{blob{codec_.encode(*entity.value())}} : std::nullopt;
    });
    if (!found)
      return found.as_failure();
    if (!found.value())
      return std::optional<Entity>{};
    auto entity = codec_.decode(found.value()->view());
    return entity ? result<std::optional<Entity>>{std::move(entity)} : source_.find(id);
  }

  /// As cache_aside::save.
  [[nodiscard]] result<bool> save(const Entity& entity) {
    return cache_.save(prefix_ + source_.id_of(entity), [&] { return source_.save(entity); });
  }

  /// As cache_aside::save_through.
  [[nodiscard]] result<bool> save_through(const Entity& entity, std::int64_t now_ms) {
    return cache_.save_through(
      prefix_ + source_.id_of(entity), blob{codec_.encode(entity)}, now_ms, [&] { return source_.save(entity); });
  }

private:
  cache_aside cache_;
  std::string prefix_;
  source source_;
  entity_codec<Entity> codec_;
};

} // namespace troupe::storage
