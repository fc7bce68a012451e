#include "apps/http/render.hpp"

#include "apps/http/number.hpp"
#include "apps/http/server.hpp"

#include <nlohmann/json.hpp>

namespace troupe::http {

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
  case 200:
    return "OK";
  case 201:
    return "Created";
  case 202:
    return "Accepted";
  case 204:
    return "No Content";
  case 206:
    return "Partial Content";
  case 301:
    return "Moved Permanently";
  case 302:
    return "Found";
  case 303:
    return "See Other";
  case 304:
    return "Not Modified";
  case 307:
    return "Temporary Redirect";
  case 308:
    return "Permanent Redirect";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 406:
    return "Not Acceptable";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 410:
    return "Gone";
  case 411:
    return "Length Required";
  case 412:
    return "Precondition Failed";
  case 413:
    return "Content Too Large";
  case 414:
    return "URI Too Long";
  case 415:
    return "Unsupported Media Type";
  case 416:
    return "Range Not Satisfiable";
  case 417:
    return "Expectation Failed";
  case 422:
    return "Unprocessable Content";
  case 428:
    return "Precondition Required";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 501:
    return "Not Implemented";
  case 502:
    return "Bad Gateway";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  case 505:
    return "HTTP Version Not Supported";
  default:
    return "Unknown";
  }
}

void render_head(std::string& out, const head_parts& parts) {
  if (parts.status == 200) { // nearly always
    out = "HTTP/1.1 200 OK\r\n";
  } else {
    out = "HTTP/1.1 ";
    append_number(out, parts.status);
    out += ' ';
    out += reason_phrase(parts.status);
    out += "\r\n";
  }
  out += parts.date_line;
  out += parts.lines;
  if (may_have_body(parts.status) && parts.length >= 0) {
    out += "Content-Length: ";
    append_number(out, parts.length);
    out += "\r\n";
  }
  if (parts.close)
    out += "Connection: close\r\n";
  else if (parts.keep_alive_10)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

response json_error(int status, std::string_view reason, bool close) {
  response r;
  r.status = status;
  r.head = "Content-Type: application/json\r\n";
  auto body = nlohmann::json{{"error", reason}};
  r.body = blob{body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
  r.close = close;
  return r;
}

} // namespace troupe::http
