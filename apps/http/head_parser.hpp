// Beast's request parser over one complete head that head_scanner has passed: it fills a request with views into those
// bytes and says how the message is framed. Nothing is allocated once the request's vector of fields has grown.
#pragma once

#include "apps/http/server.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace troupe::http {

/// What follows a head.
struct framing {
  enum class expectation : std::uint8_t { none, go_on, unknown }; // go_on: "100-continue" (RFC 9110 10.1.1)

  bool valid = false; ///< false: Beast refuses what the scanner let pass; 400
  bool keep_alive = false;
  bool chunked = false;
  std::uint64_t length = 0;                ///< of the body, when it is not chunked
  expectation expects = expectation::none; ///< HTTP/1.0 clients have none
};

/// Parses `head` (request line to empty line, all of it) into everything of `out` but peer and body. The views point
/// into `head`, whose minor version is set to 1 when it is higher (RFC 9110 2.5: we speak 1.1 to those).
[[nodiscard]] framing parse_head(std::string& head, request& out);

} // namespace troupe::http
