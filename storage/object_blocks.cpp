#include "storage/object_blocks.hpp"

#include "storage/digest.hpp"

#include <algorithm>
#include <array>
#include <vector>
#include <xxhash.h>

namespace troupe::storage {
namespace {

constexpr std::size_t check_bytes = 8;

std::array<char, check_bytes> check_of(std::string_view block) {
  auto hash = XXH3_64bits(block.data(), block.size());
  auto out = std::array<char, check_bytes>{};
  for (auto byte = out.rbegin(); byte != out.rend(); ++byte, hash >>= 8)
    *byte = static_cast<char>(hash & 0xff);
  return out;
}

std::string lower_hex(std::string_view hex) {
  auto out = std::string{hex};
  std::transform(
    out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  return out;
}

} // namespace

error damaged(std::string_view key, const std::string& how) {
  return error{ec::storage_failed, "object " + std::string{key} + ": is damaged: " + how};
}

result<std::size_t> fill_from(const byte_source& source, std::span<char> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const auto rest = buffer.subspan(filled);
    auto got = source(rest);
    if (!got)
      return got;
    if (got.value() > rest.size())
      return fail(ec::internal, "the source of a put gave more bytes than its buffer holds");
    if (got.value() == 0)
      break;
    filled += got.value();
  }
  return filled;
}

result<written_body> write_blocks(const byte_source& source, std::size_t block_bytes, std::string_view expected_sha256,
  const std::function<result<void>(std::int64_t, std::string_view)>& keep) {
  auto written = written_body{};
  auto hash = sha256_hash{};
  auto buffer = std::vector<char>(block_bytes);
  for (std::int64_t index = 0;; ++index) {
    auto filled = fill_from(source, buffer);
    if (!filled)
      return boost::outcome_v2::failure(filled.error());
    const auto block = std::string_view{buffer.data(), filled.value()};
    if (block.empty())
      break;
    written.size += static_cast<std::int64_t>(block.size());
    if (written.size > max_object_bytes)
      return fail(ec::bad_request, "body: expected at most " + std::to_string(max_object_bytes) + " bytes");
    hash.update(block);
    const auto check = check_of(block);
    written.checks.append(check.data(), check.size());
    if (auto kept = keep(index, block); !kept)
      return boost::outcome_v2::failure(kept.error());
    if (block.size() < block_bytes)
      break;
  }
  written.sha256 = to_hex(as_text(hash.finish()));
  if (!expected_sha256.empty() && lower_hex(expected_sha256) != written.sha256)
    return fail(ec::bad_request, "body: expected the SHA-256 " + lower_hex(expected_sha256) + ", got " + written.sha256
                                   + " of " + std::to_string(written.size) + " bytes");
  return written;
}

result<fetch> read_blocks(const object_info& object, std::string_view checks, std::size_t block_bytes,
  byte_extent wanted, const std::function<result<void>(std::int64_t, std::string&)>& load, const byte_sink& sink) {
  if (wanted.count == 0)
    return sink(object, {}) ? fetch::complete : fetch::stopped;
  const auto block_size = static_cast<std::int64_t>(block_bytes);
  const auto end = wanted.first + wanted.count;
  auto block = std::string{};
  for (auto index = wanted.first / block_size; index * block_size < end; ++index) {
    const auto start = index * block_size;
    const auto at = static_cast<std::size_t>(index) * check_bytes;
    if (auto loaded = load(index, block); !loaded)
      return boost::outcome_v2::failure(loaded.error());
    const auto expected = static_cast<std::size_t>(std::min(block_size, object.size - start));
    const auto place =
      "bytes " + std::to_string(start) + " to " + std::to_string(start + static_cast<std::int64_t>(expected) - 1);
    if (block.size() != expected)
      return boost::outcome_v2::failure(damaged(object.key, place + " are missing"));
    const auto check = check_of(block);
    if (checks.substr(std::min(at, checks.size()), check_bytes) != std::string_view{check.data(), check.size()})
      return boost::outcome_v2::failure(damaged(object.key, place + " do not have their checksum"));
    const auto from = std::max(wanted.first, start);
    const auto to = std::min(end, start + block_size);
    const auto piece =
      std::string_view{block}.substr(static_cast<std::size_t>(from - start), static_cast<std::size_t>(to - from));
    if (!sink(object, piece))
      return fetch::stopped;
  }
  return fetch::complete;
}

} // namespace troupe::storage
