// Unpacks an upload as it arrives, in chunks of any size: gzip (RFC 1952), known by its first two bytes, of one member
// or several; everything else passes as it is. Memory is bounded whatever the file says of itself. Pure.
#pragma once

#include "messages/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

struct z_stream_s; // zlib's

namespace troupe {

/// Takes the next plain bytes, at least one, which are gone when it returns. An error of its own ends the unpacking.
using plain_sink = std::function<result<void>(std::string_view bytes)>;

/// Whether a file that begins so is gzip; needs two bytes.
[[nodiscard]] bool is_gzip(std::string_view beginning) noexcept;

class unpacker {
public:
  /// @param most_bytes  that a packed file may unpack to: 100 MB of gzip can be 100 GB of zeros. A plain file's size is
  ///                    the business of whoever took it.
  explicit unpacker(std::int64_t most_bytes);
  unpacker(const unpacker&) = delete;
  unpacker& operator=(const unpacker&) = delete;
  ~unpacker();

  /// The next part of the file. Fails with ec::bad_request when it is damaged (a checksum or a length is not what was
  /// packed, something stands behind the last member) or unpacks to more than is allowed, and with the sink's own
  /// error. It then fails for ever, with the same error. Zeros behind the last member are padding, as gzip(1) has it.
  [[nodiscard]] result<void> feed(std::string_view chunk, const plain_sink& sink);

  /// The end of the file. Fails as `feed`, and when the file is cut off.
  [[nodiscard]] result<void> finish();

  /// Whether it was gzip; known after two bytes.
  [[nodiscard]] bool packed() const noexcept { return inflater_ != nullptr; }
  /// Plain bytes that the sink has had.
  [[nodiscard]] std::int64_t plain_bytes() const noexcept { return given_; }

private:
  enum class at : std::uint8_t { beginning, plain, member, between, padding };
  struct end_inflate {
    void operator()(z_stream_s* z) const noexcept;
  };

  [[nodiscard]] result<void> take(std::string_view chunk, const plain_sink& sink);
  [[nodiscard]] result<void> give(std::string_view bytes, const plain_sink& sink);
  [[nodiscard]] result<void> inflate_member(std::string_view& chunk, const plain_sink& sink);
  [[nodiscard]] result<void> begin_member();

  const std::int64_t most_bytes_;
  at at_ = at::beginning;
  std::size_t magic_ = 0; // bytes of a possible member's magic number that have come and are not taken yet
  std::int64_t given_ = 0;
  std::unique_ptr<z_stream_s, end_inflate> inflater_;
  std::unique_ptr<char[]> plain_;
  result<void> standing_ = ok();
};

} // namespace troupe
