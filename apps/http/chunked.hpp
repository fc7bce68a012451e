// Takes the chunked transfer coding off a body (RFC 9112 7.1), incrementally and strictly: sizes are plain hexadecimal
// digits, every line ends in CR LF, extensions and trailers are checked, bounded and dropped. Pure.
//
// Beast's own decoder waits for more input where these bytes are already beyond repair ("0x5", a bare LF), and lets
// trailers change the framing; hence this one.
#pragma once

#include "apps/http/strict.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::http {

class chunked_decoder {
public:
  struct step {
    std::size_t consumed = 0;
    bool done = false; ///< the last byte of the message has been consumed
    refusal why;       ///< 400 malformed, 413 over the bound
  };

  /// Decodes `bytes` and appends to `body`, which never grows beyond `bound` bytes.
  [[nodiscard]] step feed(std::string_view bytes, std::string& body, std::size_t bound);

private:
  enum class at : std::uint8_t { size, extension, size_lf, data, data_cr, data_lf, trailer };

  [[nodiscard]] refusal on_byte(char c);
  [[nodiscard]] refusal on_size(char c);
  [[nodiscard]] refusal on_trailer(char c);

  at at_ = at::size;
  int digits_ = 0;
  bool done_ = false;
  std::uint64_t size_ = 0; // of this chunk; while at data: what is missing of it
  std::size_t extras_ = 0; // bytes of extensions and trailers so far
  std::string line_;       // of the trailer
};

} // namespace troupe::http
