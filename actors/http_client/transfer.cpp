#include "actors/http_client/transfer.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <stdexcept>

namespace troupe {

namespace {

constexpr std::int64_t second_us = 1'000'000;

// A provider that asks for more than a year's rest is misconfigured; the bound keeps sums of times far from overflow.
constexpr std::int64_t longest_retry_after_us = 365LL * 24 * 3600 * second_us;

// The longest time-out in milliseconds: curl takes a long and multiplies it; a day is beyond any sensible attempt.
constexpr std::int64_t longest_timeout_ms = 24LL * 3600 * 1000;

// How much of an announced body to reserve at once: saves regrowing typical answers, and a lying Content-Length of
// gigabytes costs no more than this.
constexpr curl_off_t largest_reserve = 1 << 20;

// Longer than any server takes (8 to 16 kB is usual), shorter than where libcurl itself refuses (8 MB).
constexpr std::size_t longest_url = 64 << 10;

constexpr bool is_token_char(char c) noexcept {
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
    return true;
  return std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

/// RFC 9110, 5.6.2.
bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// `text` in any case against `lower_case`.
bool same_name(std::string_view text, std::string_view lower_case) noexcept {
  return std::equal(
    text.begin(), text.end(), lower_case.begin(), lower_case.end(), [](char a, char b) { return lower(a) == b; });
}

bool has_scheme(std::string_view url, std::string_view scheme) noexcept {
  return url.size() > scheme.size() && same_name(url.substr(0, scheme.size()), scheme);
}

long to_curl_ms(std::int64_t us) noexcept {
  return static_cast<long>(std::clamp<std::int64_t>((us + 999) / 1000, 1, longest_timeout_ms));
}

/// Whether sending it twice means the same as sending it once (RFC 9110, 9.2.2).
bool is_idempotent(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS";
}

} // namespace

std::int64_t parse_retry_after(std::string_view value, std::int64_t now_ms) {
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
    value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t'))
    value.remove_suffix(1);
  if (value.empty())
    return -1;
  if (std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    std::int64_t seconds = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (parsed.ec != std::errc{} || seconds > longest_retry_after_us / second_us)
      return longest_retry_after_us;
    return seconds * second_us;
  }
  // A date begins with a day's name in all three forms of RFC 9110, 5.6.7; curl_getdate alone would also take "-5".
  if (!((value.front() >= 'A' && value.front() <= 'Z') || (value.front() >= 'a' && value.front() <= 'z')))
    return -1;
  const auto date_s = curl_getdate(std::string{value}.c_str(), nullptr);
  if (date_s == -1)
    return -1;
  const auto wait_ms = static_cast<std::int64_t>(date_s) * 1000 - now_ms;
  return std::clamp<std::int64_t>(wait_ms, 0, longest_retry_after_us / 1000) * 1000;
}

result<void> check(const http_request& request) {
  if (!is_token(request.method))
    return fail(ec::bad_request, "method: expected an HTTP token");
  const std::string_view url = request.url;
  if (!has_scheme(url, "http://") && !has_scheme(url, "https://"))
    return fail(ec::bad_request, "url: expected an absolute http or https address");
  if (url.size() > longest_url)
    return fail(ec::bad_request, "url: expected at most " + std::to_string(longest_url) + " bytes");
  if (std::any_of(url.begin(), url.end(), [](char c) { return (c >= 0 && c <= ' ') || c == 0x7f; }))
    return fail(ec::bad_request, "url: expected no spaces or control characters");
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name))
      return fail(ec::bad_request, "header field name: expected an HTTP token");
    if (value.find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos)
      return fail(ec::bad_request, "header field " + name + ": expected no CR, LF or NUL in the value");
    // Where a body ends is this loop's to say: a second opinion is how requests are smuggled.
    if (same_name(name, "content-length") || same_name(name, "transfer-encoding"))
      return fail(ec::bad_request, "header field " + name + ": is set from the body");
  }
  if (request.timeout_us <= 0 || request.connect_timeout_us <= 0)
    return fail(ec::bad_request, "timeout_us, connect_timeout_us: expected more than 0");
  if (request.max_bytes < 0)
    return fail(ec::bad_request, "max_bytes: expected 0 or more, got " + std::to_string(request.max_bytes));
  return ok();
}

ec map_curl_code(CURLcode code) noexcept {
  switch (code) {
  case CURLE_OK:
    return ec::none;
  case CURLE_OPERATION_TIMEDOUT:
    return ec::provider_timeout;
  case CURLE_URL_MALFORMAT:
    return ec::bad_request;
  case CURLE_OUT_OF_MEMORY:
  case CURLE_FAILED_INIT:
  case CURLE_NOT_BUILT_IN:
  case CURLE_BAD_FUNCTION_ARGUMENT:
  case CURLE_UNKNOWN_OPTION:
  case CURLE_SSL_CACERT_BADFILE: // our own CA bundle is unreadable
    return ec::internal;
  default: // refused, reset, empty, cut off, not HTTP, TLS, name not found, bad content encoding, ...
    return ec::provider_unreachable;
  }
}

template <class T>
void transfer::set(CURLoption option, T value) {
  if (const auto code = curl_easy_setopt(easy_.get(), option, value); code != CURLE_OK)
    throw std::runtime_error{"libcurl: option " + std::to_string(option) + ": " + curl_easy_strerror(code)};
}

transfer::transfer(const http_loop_settings& config, CURLSH* share) : easy_{curl_easy_init()} {
  if (!easy_)
    throw std::runtime_error{"libcurl: no easy handle"};
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_ERRORBUFFER, error_.data());
  set(CURLOPT_WRITEFUNCTION, &transfer::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_PREREQFUNCTION, &transfer::on_request);
  set(CURLOPT_PREREQDATA, static_cast<void*>(this));
  set(CURLOPT_SHARE, share);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_NOPROGRESS, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PATH_AS_IS, 1L); // the caller encoded the path, and may have signed it
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_ACCEPT_ENCODING, ""); // everything that this libcurl can decompress
  set(CURLOPT_PROXY, "");           // "" also keeps curl from looking at http_proxy and friends
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_MAXAGE_CONN, config.idle_seconds);
  set(CURLOPT_DNS_CACHE_TIMEOUT, config.dns_seconds);
  set(CURLOPT_USERAGENT, config.user_agent.c_str());
  // Without this, tearing down a transfer that is still resolving waits for getaddrinfo to return: the whole loop would
  // hang for as long as a name server does.
  set(CURLOPT_QUICK_EXIT, 1L);
  if (!config.ca_bundle.empty())
    set(CURLOPT_CAINFO, config.ca_bundle.c_str());
}

void transfer::arm(std::uint64_t id, http_request request, http_loop::done callback, clock::time_point started) {
  id_ = id;
  request_ = std::move(request);
  callback_ = std::move(callback);
  started_ = started;
  sent_ = 0;
  received_ = 0;
  too_large_ = false;
  not_repeatable_ = false;
  error_[0] = '\0';
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, to_curl_ms(request_.connect_timeout_us));
  set(CURLOPT_TIMEOUT_MS, to_curl_ms(request_.timeout_us));
  arm_method();
  arm_headers();
}

void transfer::arm_method() {
  const auto body = request_.body.view();
  // These carry a body by nature: without one they must still say Content-Length: 0.
  const bool posts = request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH";
  const bool head = request_.method == "HEAD";
  // HTTPGET clears what the last call on this handle left: NOBODY and POST.
  set(CURLOPT_CUSTOMREQUEST, static_cast<const char*>(nullptr));
  set(CURLOPT_POSTFIELDS, static_cast<const char*>(nullptr));
  set(CURLOPT_HTTPGET, 1L);
  if (head) {
    set(CURLOPT_NOBODY, 1L);
  } else if (posts || !body.empty()) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    set(CURLOPT_POSTFIELDS, body.empty() ? "" : body.data()); // not copied: request_ keeps it
  }
  if (!head && (request_.method != "GET" || !body.empty()) && request_.method != "POST")
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void transfer::arm_headers() {
  header_text_.clear();
  header_nodes_.clear();
  bool has_type = false;
  for (const auto& [name, value] : request_.headers) {
    has_type = has_type || same_name(name, "content-type");
    header_text_ += name;
    // "Name:" would take curl's own field of that name out; "Name;" sends one with an empty value.
    if (value.find_first_not_of(" \t") == std::string::npos)
      header_text_ += ';';
    else
      header_text_.append(": ").append(value);
    header_text_ += '\0';
  }
  // curl would call every body a form, and hold back a large one for a second in the hope of a 100.
  if (!has_type)
    header_text_.append("Content-Type:").push_back('\0');
  header_text_.append("Expect:").push_back('\0');
  for (std::size_t at = 0; at < header_text_.size(); at = header_text_.find('\0', at) + 1)
    header_nodes_.push_back({header_text_.data() + at, nullptr});
  for (std::size_t i = 1; i < header_nodes_.size(); ++i)
    header_nodes_[i - 1].next = &header_nodes_[i];
  set(CURLOPT_HTTPHEADER, header_nodes_.data());
}

std::size_t transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<transfer*>(self)->take({data, size * count});
}

std::size_t transfer::take(std::string_view chunk) {
  const auto cap = static_cast<std::uint64_t>(request_.max_bytes);
  if (body_.empty()) {
    curl_off_t announced = 0;
    curl_easy_getinfo(handle(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    body_.reserve(static_cast<std::size_t>(std::clamp<curl_off_t>(announced, 0, largest_reserve)));
  }
  if (body_.size() + chunk.size() > cap) {
    too_large_ = true;
    return 0; // ends the transfer
  }
  body_.append(chunk);
  received_ += chunk.size();
  return chunk.size();
}

int transfer::on_request(void* self, char*, char*, int, int) {
  auto& call = *static_cast<transfer*>(self);
  if (call.sent_ > 0 && !is_idempotent(call.request_.method)) {
    call.not_repeatable_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  ++call.sent_;
  return CURL_PREREQFUNC_OK;
}

std::string transfer::words(CURLcode code) const {
  if (not_repeatable_)
    return "connection lost before the answer; " + request_.method + " is not sent twice";
  std::string text = error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
  // The query may hold an API key. curl's messages do not quote it today; should one ever, the general words must do.
  const auto query = request_.url.find('?');
  if (query != std::string::npos && query + 1 < request_.url.size()
      && text.find(std::string_view{request_.url}.substr(query + 1)) != std::string::npos)
    text = curl_easy_strerror(code);
  return text;
}

http_response transfer::finish(CURLcode code, std::int64_t wall_now_ms) {
  http_response response;
  response.elapsed_us = std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - started_).count();
  long status = 0;
  curl_easy_getinfo(handle(), CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<std::int32_t>(status);
  if (code != CURLE_OK) {
    response.code = too_large_ ? ec::answer_too_large : map_curl_code(code);
    response.detail =
      too_large_ ? "body: expected at most " + std::to_string(request_.max_bytes) + " bytes" : words(code);
    return response;
  }
  const char* type = nullptr;
  if (curl_easy_getinfo(handle(), CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type != nullptr)
    response.content_type = type;
  curl_header* retry = nullptr;
  if (status >= 300 && curl_easy_header(handle(), "Retry-After", 0, CURLH_HEADER, -1, &retry) == CURLHE_OK)
    response.retry_after_us = parse_retry_after(retry->value, wall_now_ms);
  response.body = blob{std::move(body_)};
  return response;
}

http_loop::done transfer::release() {
  auto callback = std::move(callback_);
  callback_ = nullptr;
  request_ = {};
  body_ = {};
  return callback;
}

} // namespace troupe
