// Finds the end of a request's head in the bytes that have arrived and refuses every head that two parsers could read
// in two ways (request smuggling), before any other parser sees it. Pure and incremental: bytes in, a verdict out.
//
// Stricter than RFC 9112 where the RFC lets a server choose: no bare LF, no obs-fold, no white space around a name, no
// absolute-form, one Content-Length of digits or one `Transfer-Encoding: chunked`, exactly one Host in HTTP/1.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::http {

/// Why a message is refused: the status to answer and the reason in words (static text).
struct refusal {
  int status = 0; ///< 0: not refused
  std::string_view reason;

  [[nodiscard]] explicit operator bool() const noexcept { return status != 0; }
};

/// RFC 9110 5.6.2: the characters of methods and field names.
[[nodiscard]] bool is_token(std::string_view text) noexcept;

/// Compares ASCII text without case.
[[nodiscard]] bool equal_no_case(std::string_view a, std::string_view b) noexcept;

/// Removes spaces and tabs at both ends (RFC 9110 5.6.3, OWS).
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// Checks `method SP target SP version` without its line end. 400, 414 (target over the bound) or 505.
[[nodiscard]] refusal check_request_line(std::string_view line, std::size_t target_bytes) noexcept;

/// Checks one `name: value` line without its line end, for itself. 400.
[[nodiscard]] refusal check_field_line(std::string_view line) noexcept;

class head_scanner {
public:
  struct verdict {
    enum class kind : std::uint8_t { incomplete, complete, refused } what = kind::incomplete;
    std::size_t begin = 0; ///< complete: where the request line starts (behind one empty line, RFC 9112 2.2)
    std::size_t end = 0;   ///< complete: behind the empty line that ends the head
    refusal why;           ///< refused
  };

  head_scanner(std::size_t target_bytes, std::size_t header_bytes) noexcept
      : target_bytes_{target_bytes}, header_bytes_{header_bytes} {}

  /// Goes on with a request of which `bytes` have arrived so far, from its first byte. Refuses as soon as it can.
  [[nodiscard]] verdict scan(std::string_view bytes) noexcept;

  /// Starts over, for the next request.
  void reset() noexcept { *this = head_scanner{target_bytes_, header_bytes_}; }

private:
  [[nodiscard]] refusal line(std::string_view text) noexcept;
  [[nodiscard]] refusal framing(std::string_view name, std::string_view value) noexcept;
  [[nodiscard]] refusal whole() const noexcept;

  std::size_t target_bytes_;
  std::size_t header_bytes_;
  std::size_t begin_ = 0;      // of the request line
  std::size_t line_start_ = 0; // of the line that is not complete yet
  std::size_t searched_ = 0;   // no line end before this
  bool has_request_line_ = false;
  bool http11_ = false;
  bool chunked_ = false;
  bool has_length_ = false;
  bool has_host_ = false;
};

} // namespace troupe::http
