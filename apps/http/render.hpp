// Writes the head of an answer into a string that the connection reuses: no serializer, no allocation once it has
// grown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::http {

/// "Not Found" of 404; "Unknown" of a status without a name (RFC 9110 15).
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/// What an answer's head consists of.
struct head_parts {
  int status = 200;
  std::string_view date_line; ///< "Date: ...\r\n"
  std::string_view lines;     ///< complete lines of the handler's
  std::int64_t length = 0;    ///< for Content-Length; < 0: unknown. Left out with 204 and 304 (RFC 9110 8.6)
  bool close = false;         ///< Connection: close
  bool keep_alive_10 = false; ///< the client speaks HTTP/1.0 and asked to keep the connection: say that we do
};

/// Replaces `out` by the head, the empty line included.
void render_head(std::string& out, const head_parts& parts);

/// Whether an answer of that status has a body at all.
[[nodiscard]] constexpr bool may_have_body(int status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

} // namespace troupe::http
