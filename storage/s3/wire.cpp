#include "storage/s3/wire.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <curl/curl.h>
#include <fmt/core.h>
#include <new>

namespace troupe::storage::s3 {
namespace {

constexpr std::size_t kept_body_bytes = 4 << 20;

std::string lower(std::string_view text) {
  auto out = std::string{text};
  std::transform(
    out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

struct transfer {
  const wire_request& request;
  wire_response& response;
  std::size_t sent = 0;
  bool began = false;
  bool stopped = false;

  [[nodiscard]] bool streams() const noexcept {
    return request.on_body && (response.status == 200 || response.status == 206);
  }
};

// curl's callbacks, which C calls: nothing may throw out of them (the sinks of this program do not).
std::size_t take_header(char* bytes, std::size_t, std::size_t count, void* self) noexcept {
  auto& response = static_cast<transfer*>(self)->response;
  auto line = std::string_view{bytes, count};
  if (line.starts_with("HTTP/")) { // also the final answer behind a 100
    response.headers.clear();
    const auto space = line.find(' ');
    response.status = space != std::string_view::npos ? std::atoi(line.data() + space + 1) : 0;
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    auto value = line.substr(colon + 1);
    const auto from = std::min(value.find_first_not_of(" \t"), value.size());
    const auto to = value.find_last_not_of(" \t\r\n");
    value = to == std::string_view::npos || to < from ? std::string_view{} : value.substr(from, to - from + 1);
    response.headers.emplace_back(lower(line.substr(0, colon)), value);
  }
  return count;
}

std::size_t take_body(char* bytes, std::size_t, std::size_t count, void* self) noexcept {
  auto& t = *static_cast<transfer*>(self);
  if (!t.streams()) {
    t.response.body.append(bytes, std::min(count, kept_body_bytes - std::min(kept_body_bytes, t.response.body.size())));
    return count;
  }
  t.stopped = (!t.began && t.request.on_head && !t.request.on_head(t.response.status, t.response.headers))
              || !t.request.on_body({bytes, count});
  t.began = true;
  return t.stopped ? 0 : count; // fewer than count ends the transfer
}

std::size_t give_body(char* buffer, std::size_t, std::size_t room, void* self) noexcept {
  auto& t = *static_cast<transfer*>(self);
  const auto count = std::min(room, t.request.body.size() - t.sent);
  std::memcpy(buffer, t.request.body.data() + t.sent, count);
  t.sent += count;
  return count;
}

} // namespace

std::string_view wire_response::header(std::string_view lower_name) const noexcept {
  for (const auto& [name, value] : headers)
    if (name == lower_name)
      return value;
  return {};
}

struct wire::handle {
  CURL* curl = curl_easy_init();
  handle() = default;
  handle(const handle&) = delete;
  handle& operator=(const handle&) = delete;
  ~handle() { curl_easy_cleanup(curl); }
};

wire::wire(time_limits limits) : handle_{std::make_unique<handle>()}, limits_{limits} {
  if (handle_->curl == nullptr)
    throw std::bad_alloc{};
}

wire::~wire() = default;

wire_response wire::perform(const wire_request& request) {
  auto response = wire_response{};
  auto under_way = transfer{request, response};
  auto* curl = handle_->curl;
  curl_easy_reset(curl); // keeps its connections
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(curl, option, value); };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PATH_AS_IS, 1L); // "a/../b" is a key
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits_.connect.count()));
  if (request.large) {
    set(CURLOPT_LOW_SPEED_LIMIT, 1000L);
    set(CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(limits_.stall.count() / 1000)));
  } else {
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(limits_.request.count()));
  }
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, &under_way);
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, &under_way);
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request.method == "PUT" || !request.body.empty()) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_READFUNCTION, &give_body);
    set(CURLOPT_READDATA, &under_way);
  } else if (request.method == "POST") {
    set(CURLOPT_POSTFIELDS, "");
    set(CURLOPT_POSTFIELDSIZE, 0L);
  }
  if (request.method != "HEAD" && request.method != "GET")
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_slist* lines = nullptr;
  const auto add = [&](const std::string& line) { lines = curl_slist_append(lines, line.c_str()); };
  for (const auto& [name, value] : request.headers)
    if (name != "Host")
      add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value)); // ';' is curl's way to send an empty field
  add("Expect:"); // a wait of a second for servers that do not know 100-continue
  set(CURLOPT_HTTPHEADER, lines);

  const auto code = curl_easy_perform(curl);
  curl_slist_free_all(lines);
  // An object without bytes has a head all the same.
  if (code == CURLE_OK && under_way.streams() && !under_way.began && request.on_head)
    under_way.stopped = !request.on_head(response.status, response.headers) || !request.on_body({});
  if (under_way.stopped) {
    response.end = wire_end::stopped;
  } else if (code == CURLE_OK) {
    response.end = wire_end::answered;
  } else {
    response.end = code == CURLE_OPERATION_TIMEDOUT ? wire_end::timed_out : wire_end::interrupted;
    response.detail = curl_easy_strerror(code);
  }
  return response;
}

} // namespace troupe::storage::s3
