#include "apps/bridge/visits.hpp"

#include <utility>

namespace troupe {
namespace {

std::string_view title_of(int status, std::string_view failure) noexcept {
  switch (status) {
  case 400:
    return "Bad request";
  case 404:
    return "Not found";
  case 409:
    return "Conflict";
  case 422:
    return "Unprocessable content";
  default:
    return failure;
  }
}

bool is_for_the_log(ec code) noexcept {
  return code == ec::storage_failed || code == ec::storage_unusable || code == ec::internal;
}

} // namespace

void respond(visit& v, int status, std::string body, std::string_view type) {
  append_field(v.head, "Content-Type", type);
  v.head.append("Cache-Control: no-store\r\n");
  v.reply(v.exchange, {status, std::move(v.head), blob{std::move(body)}});
}

void refuse(
  visit& v, int status, const std::string& title, const std::string& detail, std::chrono::seconds come_again) {
  if (status == 503 || status == 429)
    append_retry_after(v.head, come_again);
  auto body = render({status, title, detail, {}, {}}, true);
  respond(v, status, std::move(body.text), body.content_type);
}

void refuse(visit& v, const error& e, std::string_view failure) {
  refuse(v, info(e.code).http_status, e, failure);
}

void refuse(visit& v, int status, const error& e, std::string_view failure, std::chrono::seconds come_again) {
  const bool hidden = is_for_the_log(e.code);
  if (hidden && v.log)
    v.log->warn("{}: {}", failure, e.message);
  refuse(v, status, std::string{title_of(status, failure)}, hidden ? "the node's log says why" : e.message, come_again);
}

} // namespace troupe
