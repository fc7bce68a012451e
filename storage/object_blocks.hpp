// How back-ends of ours keep a body: cut into blocks of one size, each with a checksum, so that a range is read without
// the rest and every byte is verified before anybody gets it.
#pragma once

#include "storage/objects.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace troupe::storage {

/// What is known of a body once it is written.
struct written_body {
  std::int64_t size = 0;
  std::string sha256; ///< 64 lower-case hex digits
  /// Eight bytes a block, XXH3 (64 bits, big-endian): it finds what a disk or a cable did, at 10 GB/s; that the body is
  /// what its sender meant is what SHA-256 is for.
  std::string checks;
};

/// Fills `buffer` from a source unless it ends before; how many bytes there were. Fails as the source does, and with
/// ec::internal when that gives more than it was asked for.
[[nodiscard]] result<std::size_t> fill_from(const byte_source& source, std::span<char> buffer);

/// Reads a source to its end and gives it to `keep`, a block (the last may be shorter) and its number from 0 at a time.
/// Fails with ec::bad_request when the body exceeds max_object_bytes or does not hash to `expected_sha256` (hex, any
/// case; empty: not checked); else as `source` and `keep` do.
[[nodiscard]] result<written_body> write_blocks(const byte_source& source, std::size_t block_bytes,
  std::string_view expected_sha256, const std::function<result<void>(std::int64_t, std::string_view)>& keep);

/// Gives the part `wanted` of a body to `sink`, block by block. `load` makes its buffer hold that block. Whether the
/// sink wanted all. Fails with ec::storage_failed naming the object when a block is not as it was written; the sink has
/// had only good ones then.
[[nodiscard]] result<fetch> read_blocks(const object_info& object, std::string_view checks, std::size_t block_bytes,
  byte_extent wanted, const std::function<result<void>(std::int64_t, std::string&)>& load, const byte_sink& sink);

/// The error of an object whose bytes are not those that were stored.
[[nodiscard]] error damaged(std::string_view key, const std::string& how);

} // namespace troupe::storage
